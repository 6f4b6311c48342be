"""Pictures and sound of the finished work: what is seen in the end, frame by frame. No widgets."""
