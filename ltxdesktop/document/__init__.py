"""The edited film as frozen values, the edits on it, its history and its file. No Qt, no clock."""
