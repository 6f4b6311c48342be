"""The subtitle tracks of a film as an .srt file, and its markers as chapters."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ltxdesktop.document.edits.subtitling import BOLD, SUBTITLE, TOP
from ltxdesktop.document.model import Clip, Sequence, Title, TrackKind
from ltxdesktop.document.time import nearest
from ltxdesktop.export.settings import Shape
from ltxdesktop.export.writing import Chapter


class Cue(NamedTuple):
    """A text and when it's shown: frames of the sequence, `last` exclusive."""

    first: int
    last: int
    text: str
    title: Title


def cues(sequence: Sequence, first: int, last: int) -> list[Cue]:
    """The texts of all subtitle tracks that are switched on, within [first, last), in order of time."""
    found: list[Cue] = []
    for track in sequence.of_kind(TrackKind.SUBTITLE):
        if track.muted:
            continue
        for start, item in track.placed(first, last):
            if (
                isinstance(item, Clip)
                and item.enabled
                and isinstance(item.content, Title)
                and item.content.text.strip()
            ):
                end = min(start + item.duration, last)
                found.append(Cue(max(start, first), end, item.content.text, item.content))
    return sorted(found, key=lambda cue: cue[:3])


def srt(sequence: Sequence, first: int, last: int) -> str:
    """The cues of frames [first, last) as SubRip text; times count from `first`."""
    blocks: list[str] = []
    for number, cue in enumerate(cues(sequence, first, last), 1):
        start, end = (srt_time((frame - first) / sequence.rate) for frame in (cue.first, cue.last))
        text = "\n".join(line.strip() for line in cue.text.splitlines() if line.strip())  # an empty line would end it
        blocks.append(f"{number}\n{start} --> {end}\n{_styled(text, cue.title)}\n")
    return "\n".join(blocks)


def _styled(text: str, title: Title) -> str:
    """The text with the marks that players know: italics, bold, a colour, and `{\\an8}` for the top of the picture."""
    if title.colour[:7].lower() != SUBTITLE.colour[:7]:
        text = f'<font color="{title.colour[:7]}">{text}</font>'
    if title.weight >= BOLD:
        text = f"<b>{text}</b>"
    if title.italic:
        text = f"<i>{text}</i>"
    return text if title.y > TOP else f"{{\\an8}}{text}"


def srt_time(seconds: Fraction) -> str:
    """HH:MM:SS,mmm, rounded to the nearest millisecond."""
    whole = nearest(seconds * 1000)
    rest, milliseconds = divmod(whole, 1000)
    minutes, seconds_left = divmod(rest, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds_left:02d},{milliseconds:03d}"


def chapters(sequence: Sequence, shape: Shape) -> list[Chapter]:
    """The sequence's markers within the range; what is before the first one is a chapter too. None without markers."""
    places = sorted((m.frame, m.name) for m in sequence.markers if shape.first <= m.frame < shape.last)
    if not places:
        return []
    if places[0][0] > shape.first:
        places.insert(0, (shape.first, sequence.name))
    return list(_chapters(places, shape))


def _chapters(places: list[tuple[int, str]], shape: Shape) -> Iterator[Chapter]:
    ends = [*places, (shape.last, "")]
    for number, ((frame, name), (end, _)) in enumerate(pairwise(ends), 1):
        if end > frame:
            start_s, end_s = ((each - shape.first) / shape.source_rate for each in (frame, end))
            yield Chapter(start_s, end_s, name or f"Chapter {number}")
