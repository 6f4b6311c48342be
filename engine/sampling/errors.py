"""What can go wrong while sampling, and the normal end that is no error."""

from __future__ import annotations


class SamplingError(Exception):
    """Base of everything this room refuses."""


class BadSchedule(SamplingError, ValueError):
    """A schedule that does not fall from noise to clean, or cannot be made."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no sigma schedule: {reason}")


class NothingToSample(SamplingError, ValueError):
    """Neither a video nor an audio stream was given."""

    def __init__(self) -> None:
        super().__init__("sampling needs a video stream, an audio stream, or both")


class Cancelled(Exception):
    """Raised by `on_step` or a progress callback when the job was called off; passes through everything."""
