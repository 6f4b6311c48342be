"""Where a dragged edge catches: cuts, playhead, markers, in and out. Pure; the widget draws the guide. No Qt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from ltxdesktop.document.model import ItemId, Sequence

REACH_PX = 9


class Snap(NamedTuple):
    """How far to go instead (frames), and the frame to draw the guide at; None = nothing was near."""

    frames: int
    guide: int | None


def targets(
    sequence: Sequence, playhead: int | None = None, *, moving: Collection[ItemId] = (), with_range: bool = True
) -> list[int]:
    """All frames that edges catch at, ascending, without those that only belong to what is `moving`."""
    if moving:
        return _found_targets(sequence, playhead, moving, with_range)
    # What is dragged over the timeline asks again with each move of the mouse: 3 ms with 10,000 clips.
    if _last and _last[0][0] is sequence and _last[0][1:3] == (playhead, with_range):
        return _last[0][3]
    found = _found_targets(sequence, playhead, (), with_range)
    _last[:] = [(sequence, playhead, with_range, found)]
    return found


_last: list[tuple[Sequence, int | None, bool, list[int]]] = []  # the newest answer, by the sequence's identity


def _found_targets(sequence: Sequence, playhead: int | None, moving: Collection[ItemId], with_range: bool) -> list[int]:
    found: set[int] = {0}
    for track in sequence.tracks:
        found.update(_borders(track.starts, [item.id in moving for item in track.items]) if moving else track.starts)
    for marker in sequence.markers:
        found.update((marker.frame, marker.frame + marker.duration))
    if with_range:
        found.update(frame for frame in (sequence.in_frame, sequence.out_frame) if frame is not None)
    if playhead is not None:
        found.add(playhead)
    return sorted(found)


def _borders(starts: tuple[int, ...], moves: list[bool]) -> Iterable[int]:
    """The borders between items, without those whose both sides move (or that have nothing beside them)."""
    if not moves:
        return ()
    moved = np.array(moves, np.bool_)
    left = np.concatenate(([True], moved))
    right = np.concatenate((moved, [True]))
    kept: list[int] = np.array(starts, np.int64)[~(left & right)].tolist()
    return kept


def snap(edges: Iterable[int], frames: int, catching: list[int], reach: float) -> Snap:
    """Change a move of `edges` by `frames` so that one of them lands on a target no farther than `reach` frames.

    The nearest catch wins; without one the move stays as it is.
    """
    best: tuple[float, int, int] | None = None
    for edge in edges:
        wanted = edge + frames
        place = bisect_left(catching, wanted)
        for target in catching[max(0, place - 1) : place + 1]:
            distance = abs(target - wanted)
            if distance <= reach and (best is None or distance < best[0]):
                best = (distance, target - edge, target)
    return Snap(frames, None) if best is None else Snap(best[1], best[2])


def nearest_cut(catching: list[int], frame: int, *, forward: bool) -> int | None:
    """The next target behind (or before) a frame: for Up and Down keys."""
    place = bisect_left(catching, frame + 1 if forward else frame)
    if forward:
        return catching[place] if place < len(catching) else None
    return catching[place - 1] if place else None
