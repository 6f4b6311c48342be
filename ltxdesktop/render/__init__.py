"""What the film looks and sounds like: the picture of frame n and the samples of a range, for screen and file alike.

`renderer.Renderer` is the door. QtGui at most (images, painter, fonts), never widgets.
"""
