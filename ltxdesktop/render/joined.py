"""A clip with one take in its place, as the app asks for it; the work is done in engine.media.joined."""

from engine.media.joined import Placed, TakeDoesNotFit, placement, write_joined

__all__ = ["Placed", "TakeDoesNotFit", "placement", "write_joined"]
