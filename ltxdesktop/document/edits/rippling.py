"""Shifting what comes later, on all tracks at once.

Ripple edits move everything from their point on, on every track that isn't locked and is sync-locked (all are, unless
the person switches it off), so that pictures, titles and sound that played together go on to do so:

    V2 |      | title |             V2 |          | title |
    V1 | A | B | C    |   insert 4  V1 | A |    | B | C    |
    A1 | music        |   at B      A1 | mus|    | ic       |

An insert or extract of a range cuts what reaches across its point, as in the picture. A ripple trim or delete cuts
nothing on other tracks: what reaches across stays (a music bed), what begins later moves into the gap before it, and
if there is no such gap the edit is refused. A clip that leads its linked partner over the point moves with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.pieces import new_gap, runs
from ltxdesktop.document.errors import NoRoom, OutOfSync
from ltxdesktop.document.model import Clip, Gap, ItemId, LinkId, Marker, Track


def rippling(desk: Desk) -> list[int]:
    """The tracks that ripple edits shift."""
    return [number for number in desk.free_numbers() if desk.tracks[number].sync_locked]


def cut_all(desk: Desk, numbers: Iterable[int], frame: int) -> dict[int, int]:
    """Cut tracks at a frame; the place on each from which items begin at or after it."""
    return {
        number: desk.cut(number, frame) for number in dict.fromkeys(numbers) if frame <= desk.tracks[number].duration
    }


def points_after(desk: Desk, frame: int, own: Mapping[int, int], *, strictly: bool = False) -> dict[int, int]:
    """The place on each rippling track from which items shift; `own` are those that the edit knows itself.

    On other tracks that's what begins at the frame or later (only later, if `strictly`), and a clip across it whose
    linked partner shifts.
    """
    points = dict(own)
    for number in rippling(desk):
        if number not in own:
            track = desk.tracks[number]
            place = bisect_left(track.starts[:-1], frame + strictly)
            begins_with_gap = place < len(track.items) and isinstance(track.items[place], Gap)
            points[number] = place + begins_with_gap
    for number in set(points) - set(own):
        track, place = desk.tracks[number], points[number]
        across = track.items[place - 1] if place else None
        if isinstance(across, Clip) and _partner_shifts(desk, across, points):
            points[number] = place - 1
    return points


def _partner_shifts(desk: Desk, clip: Clip, points: Mapping[int, int]) -> bool:
    if clip.link is None:
        return False
    for number, place in points.items():
        track = desk.tracks[number]
        if any(track.index[other] >= place for other in track.links.get(clip.link, ()) if other != clip.id):
            return True
    return False


def shift(
    desk: Desk,
    points: Mapping[int, int],
    frames: int,
    *,
    own: Iterable[int] = (),
    going: Iterable[LinkId | None] = (),
) -> None:
    """Shift the items from these places on by a number of frames; on tracks of `own` the caller does it.

    `going` are links of clips before those places whose picture moves as well (they're trimmed at the head).

    To the right a gap opens, to the left the gap before them shrinks. Raises NoRoom where that gap is too short, and
    OutOfSync if a clip on a track that doesn't take part is linked with one that would be shifted.
    """
    _part_links(desk, points, going)
    done = set(own)
    for number, place in points.items():
        track = desk.tracks[number]
        if number in done or place >= len(track.items) or not frames:
            continue
        if frames > 0:
            desk.splice(number, place, place, [new_gap(frames)])
        else:
            close_up(desk, number, place, -frames)


def close_up(desk: Desk, number: int, place: int, frames: int) -> None:
    """Take frames out of the gaps right before a place. Raises NoRoom."""
    track = desk.tracks[number]
    first, free = place, 0
    while first > 0 and free < frames and isinstance(track.items[first - 1], Gap):
        first -= 1
        free += track.items[first].duration
    if free < frames:
        raise NoRoom(track.name, _name_before(track, first), frames, free)
    desk.splice(number, first, place, [new_gap(free - frames)] if free > frames else [])


def _name_before(track: Track, place: int) -> str:
    item = track.items[place - 1] if place else None
    return item.name if isinstance(item, Clip) else "the beginning"


def _part_links(desk: Desk, points: Mapping[int, int], going: Iterable[LinkId | None]) -> None:
    """Mark the links of which some clips shift and others stay; refuse if those can't shift."""
    go: set[LinkId | None] = set(going)
    stay: set[LinkId | None] = set()
    for number, place in points.items():
        links = desk.tracks[number].item_links
        go.update(links[place:])
        stay.update(links[:place])
    go.discard(None)
    for number, track in enumerate(desk.tracks):
        if number not in points:
            for link in track.links.keys() & go:
                raise OutOfSync(desk.clip(track.links[link][0]).name, track.name)
    for link in go & stay:
        desk.touch_link(link)


def shift_markers(desk: Desk, frame: int, frames: int) -> None:
    """Move the sequence's markers along with a ripple at a frame; those of a removed range go to its beginning."""
    moved: list[Marker] = []
    for marker in desk.markers:
        if marker.frame >= frame:
            marker = replace(marker, frame=marker.frame + frames)
        elif marker.frame > frame + frames:
            marker = replace(marker, frame=frame + frames)
        moved.append(marker)
    if tuple(moved) != desk.markers:
        desk.markers = tuple(moved)


class Hole(NamedTuple):
    """What was removed from one track: frames [first, last)."""

    number: int
    first: int
    last: int


def holes_of(desk: Desk, item_ids: Iterable[ItemId]) -> list[list[Hole]]:
    """The frames that items cover, put together where they overlap or touch in time; earliest first."""
    holes: list[Hole] = []
    for number, ids in desk.by_track(item_ids).items():
        track = desk.tracks[number]
        for first, last in runs(sorted(track.index[item_id] for item_id in ids)):
            holes.append(Hole(number, track.starts[first], track.starts[last]))
    clusters: list[list[Hole]] = []
    for hole in sorted(holes, key=lambda hole: hole.first):
        if clusters and hole.first <= max(other.last for other in clusters[-1]):
            clusters[-1].append(hole)
        else:
            clusters.append([hole])
    return clusters


def close_holes(desk: Desk, holes: list[Hole]) -> None:
    """Close what was just emptied on some tracks, as far as all of them allow, and shift the other tracks along.

    Raises NoRoom, OutOfSync.
    """
    last_of = {hole.number: hole for hole in sorted(holes, key=lambda hole: hole.last)}
    frames = min(hole.last - hole.first for hole in last_of.values())
    frame = min(hole.last for hole in last_of.values())
    own = {number: desk.cut(number, hole.last) for number, hole in last_of.items()}
    shift(desk, points_after(desk, frame, own), -frames)
    shift_markers(desk, frame, -frames)
