"""Interlaced pictures as whole ones: the missing lines from the fields before and behind where nothing moves, else from
the lines above and below (bwdif: Weston's and Yadif's ways together).

A result depends on the picture and its two neighbours alone: the order in which pictures are asked for never matters.
"""

from __future__ import annotations

from typing import Final

from av import VideoFrame

from ltxdesktop.render.chain import Chain

# One picture for each that is stored, which shows the earlier of its two fields; it says itself which that is.
_BWDIF: Final = ("bwdif", "mode=send_frame:parity=auto:deint=all")

_ESTDIF: Final = ("estdif", "mode=frame:parity=auto:deint=all")  # for one alone: lines drawn along edges


def deinterlaced(frame: VideoFrame, before: VideoFrame | None, after: VideoFrame | None) -> VideoFrame:
    """The picture without its comb; `before` and `after` are its neighbours, None at an end of the film.

    A neighbour of another size or format doesn't count. None of the three is written to.
    """
    before, after = (side if side is not None and _is_like(side, frame) else None for side in (before, after))
    if before is None and after is None:
        return Chain.over(frame, [_ESTDIF]).flushed(frame)
    row = [side for side in (before, frame, after) if side is not None]
    made = Chain.over(frame, [_BWDIF]).row(row, ends=after is None)
    return made[0 if before is None else 1]


def _is_like(one: VideoFrame, other: VideoFrame) -> bool:
    return (one.width, one.height, one.format.name) == (other.width, other.height, other.format.name)
