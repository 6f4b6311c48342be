"""Why a place on the timeline can't be made again; each class builds the sentence for the person."""

from __future__ import annotations


class LoopError(Exception):
    """Something can't be asked for here, or a result can't be placed. The document is as it was."""


class NothingThere(LoopError):
    def __init__(self) -> None:
        super().__init__("There is no clip with footage in this range. Select frames of a clip, or fill the gap.")


class NotFootage(LoopError):
    def __init__(self, clip: str, why: str) -> None:
        super().__init__(f"“{clip}” can't be made again in place: {why}.")
        self.clip = clip


class NotExtendable(LoopError):
    def __init__(self, clip: str) -> None:
        super().__init__(f"“{clip}” can't be extended: it runs backwards or is held, so no motion goes on at its ends.")
        self.clip = clip


class NoNeighbours(LoopError):
    def __init__(self) -> None:
        super().__init__(
            "A gap is filled from the clips on both sides of it. Here one is missing: extend the other, "
            "or generate a clip at the playhead."
        )


class MediaMissing(LoopError):
    def __init__(self, name: str) -> None:
        super().__init__(f"The file of “{name}” can't be found. Find it again in the media panel first.")
        self.clip = name


class NothingCame(LoopError):
    def __init__(self) -> None:
        super().__init__("The job ended without a film or a sound, so there is no take to place.")
