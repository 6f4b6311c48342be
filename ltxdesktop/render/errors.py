"""What can go wrong while rendering, beside the errors of reading media (`engine.media.errors`)."""

from __future__ import annotations

from pathlib import Path


class RenderError(Exception):
    """Base of this room's errors; the message is a sentence for a person."""


class BadLut(RenderError, ValueError):
    """A .cube file that isn't one, or that is damaged."""

    def __init__(self, path: Path, why: str, line: int | None = None) -> None:
        where = "" if line is None else f" (line {line})"
        super().__init__(f"{path.name} is not a usable LUT{where}: {why}.")
        self.path, self.why, self.line = path, why, line


class BadCurve(RenderError, ValueError):
    """A curve that isn't written as points "x,y x,y …" with x ascending."""

    def __init__(self, text: str) -> None:
        super().__init__(f'"{text}" is not a curve; write points such as "0,0 0.5,0.6 1,1", x ascending.')
        self.text = text


class MediaGone(RenderError, LookupError):
    """A clip shows media that the document doesn't have."""

    def __init__(self, media: str) -> None:
        super().__init__(f"the project has no media {media}")
        self.media = media
