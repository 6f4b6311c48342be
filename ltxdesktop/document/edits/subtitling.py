"""Subtitles that come from a file: laid out as titles, and put on subtitle tracks. Reading the file is not here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from collections.abc import Sequence as Listed
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, NamedTuple

from ltxdesktop.document.edits.desk import Desk, sequence_of
from ltxdesktop.document.edits.pieces import new_gap
from ltxdesktop.document.edits.placing import Placement, clip_from_content, overwrite_clips
from ltxdesktop.document.edits.tracks import add_track
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.model import (
    Clip,
    Document,
    Item,
    Sequence,
    SequenceId,
    Title,
    TrackId,
    TrackKind,
    new_id,
)
from ltxdesktop.document.time import nearest

# How a subtitle looks until somebody changes it: read over any picture, within the 90 % of EBU R 95's title area.
SUBTITLE: Final = Title("", size=0.055, outline=0.0035, shadow=0.003, line_spacing=1.2)
BOLD: Final = 800  # the weight from which on a title is bold; titles are semibold (600) as they are
TOP: Final = 0.35  # a title whose middle is above this share of the height is one at the top

_EDGE: Final = 0.06  # of the height, between the picture's edge and the lines
_LINE_EM: Final = 1.21  # ascent and descent of Inter
_LETTER_EM: Final = 0.55  # mean width of Inter's letters at this weight
_WIDEST: Final = 0.9  # of the frame
_MOST_LANES: Final = 12
_SLIP_FRAMES: Final = 2  # cues that overlap by so little were meant to follow each other


class Cue(NamedTuple):
    """A text and when it's shown: milliseconds, as subtitle files say them; `last_ms` exclusive."""

    first_ms: int
    last_ms: int
    text: str
    italic: bool = False
    bold: bool = False
    colour: str = SUBTITLE.colour  # #rrggbbaa
    align: str = SUBTITLE.align  # of its lines among each other
    top: bool = False  # at the top of the picture instead of the bottom


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Cues as clips: one run of (frame, clip) for each track that they need, since those of a track don't overlap."""

    lanes: tuple[tuple[tuple[int, Clip], ...], ...]
    count: int = 0
    wrapped: int = 0  # cues with a line that was broken, because it would have run out of the picture


def lay_out_subtitles(cues: Iterable[Cue], sequence: Sequence, frame: int = 0) -> Subtitles:
    """Clips for cues whose time 0 is a frame of the sequence.

    Times go to the nearest frame; a cue lasts one at least. Cues that are shown at the same time come to lie on several
    tracks, and above each other in the picture (at its top: below each other). Raises BadValue where too many do.
    """
    timed = _timed(cues, sequence.rate, frame)
    lanes = _lanes([(first, last) for first, last, _ in timed])
    broken = [_broken(cue.text, _most_letters(sequence)) for _, _, cue in timed]
    places = _places(timed, [len(text.splitlines()) for text in broken])
    found: list[list[tuple[int, Clip]]] = [[] for _ in range(max(lanes, default=-1) + 1)]
    for (first, last, cue), lane, text, y in zip(timed, lanes, broken, places, strict=True):
        weight = BOLD if cue.bold else SUBTITLE.weight
        title = replace(SUBTITLE, text=text, italic=cue.italic, weight=weight, colour=cue.colour, align=cue.align, y=y)
        found[lane].append((first, clip_from_content(title, last - first)))
    wrapped = sum(text != cue.text for (_, _, cue), text in zip(timed, broken, strict=True))
    return Subtitles(tuple(map(tuple, found)), len(timed), wrapped)


def add_subtitles(
    document: Document, subtitles: Subtitles, track: TrackId | None = None, *, sequence_id: SequenceId | None = None
) -> Document:
    """Put subtitles on tracks of their own, or the first of their runs over what is on `track`.

    Empty subtitle tracks are used before new ones are made. Raises NoSuchTrack, LockedTrack, WrongTrack.
    """
    taken = set[TrackId]()
    for number, lane in enumerate(subtitles.lanes):
        if track is not None and not number:
            placed = [Placement(track, clip, frame) for frame, clip in lane]
            document = overwrite_clips(document, placed, 0, sequence_id=sequence_id)
            taken.add(track)
            continue
        document, home = _empty_track(document, sequence_id, taken)
        taken.add(home)
        document = _filled(document, home, lane, sequence_id)
    return document


def _timed(cues: Iterable[Cue], rate: Fraction, frame: int) -> list[tuple[int, int, Cue]]:
    """(first, last, cue) in frames of the sequence, in order of time."""
    found: list[tuple[int, int, Cue]] = []
    for cue in sorted(cues, key=lambda one: (one.first_ms, one.last_ms)):
        first = frame + nearest(cue.first_ms * rate / 1000)
        last = max(first + 1, frame + nearest(cue.last_ms * rate / 1000))
        if found:
            begun, over, earlier = found[-1]
            if 0 < over - first <= _SLIP_FRAMES and begun < first and earlier.top == cue.top:
                found[-1] = (begun, first, earlier)
        found.append((first, last, cue))
    return found


def _lanes(spans: Iterable[tuple[int, int]]) -> list[int]:
    """For each span the first lane that is free when it begins. Raises BadValue where that takes too many."""
    ends: list[int] = []
    lanes: list[int] = []
    for first, last in spans:
        lane = next((number for number, end in enumerate(ends) if end <= first), len(ends))
        ends[lane : lane + 1] = [last]
        lanes.append(lane)
    if len(ends) > _MOST_LANES:
        raise BadValue(f"{len(ends)} subtitles would be shown at the same time; {_MOST_LANES} are the most.")
    return lanes


def _places(timed: Listed[tuple[int, int, Cue]], lines: Listed[int]) -> list[float]:
    """The middle of each text, as a share of the height; those at the top and at the bottom leave each other alone."""
    places = [0.0] * len(timed)
    for top in (False, True):
        mine = [number for number, (_, _, cue) in enumerate(timed) if cue.top is top]
        levels = _lanes((timed[number][0], timed[number][1]) for number in mine)
        tallest = [
            max(lines[number] for number, level in zip(mine, levels, strict=True) if level == each)
            for each in range(max(levels, default=-1) + 1)
        ]
        edges = [_EDGE + sum(map(_height, tallest[:level])) for level in range(len(tallest))]
        for number, level in zip(mine, levels, strict=True):
            middle = min(edges[level] + _height(lines[number]) / 2, 0.5)
            places[number] = round(middle if top else 1 - middle, 4)
    return places


def _height(lines: int) -> float:
    """Of so many lines, as a share of the frame's height."""
    return SUBTITLE.size * (_LINE_EM + SUBTITLE.line_spacing * (max(lines, 1) - 1))


def _most_letters(sequence: Sequence) -> int:
    return max(8, int(_WIDEST * sequence.width / (sequence.height * SUBTITLE.size * _LETTER_EM)))


def _broken(text: str, letters: int) -> str:
    """The text with lines that are too long broken between words."""
    if all(len(line) <= letters for line in text.split("\n")):
        return text
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, letters) or [""])


def _empty_track(document: Document, sequence_id: SequenceId | None, taken: set[TrackId]) -> tuple[Document, TrackId]:
    for track in sequence_of(document, sequence_id).of_kind(TrackKind.SUBTITLE):
        if not track.items and not track.locked and track.id not in taken:
            return document, track.id
    made = TrackId(new_id())
    return add_track(document, TrackKind.SUBTITLE, track_id=made, sequence_id=sequence_id), made


def _filled(
    document: Document, track_id: TrackId, lane: Listed[tuple[int, Clip]], sequence_id: SequenceId | None
) -> Document:
    """An empty track with clips at their frames: nothing is there that they could be laid over."""
    items: list[Item] = []
    end = 0
    for frame, clip in lane:
        if frame > end:
            items.append(new_gap(frame - end))
        items.append(clip)
        end = frame + clip.duration
    desk = Desk(document, sequence_id)
    desk.splice(desk.number(track_id), 0, 0, items)
    return desk.document()
