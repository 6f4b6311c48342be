"""The monitor: the picture, and the player that feeds it."""
