"""Subtitle files, SubRip (.srt) and WebVTT (.vtt): read into cues. Where the cues go is the document's business.

Read here, because pysubs2 1.8 (tried) takes a WebVTT cue's name, notes and style sheets for words of the cue before,
leaves out what it doesn't understand without a word, and never says in which line that was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from engine.media.errors import shown
from ltxdesktop.document import edits
from ltxdesktop.document.edits import Cue, Subtitles
from ltxdesktop.document.model import Document, Sequence, TrackId
from ltxdesktop.document.time import nearest
from ltxdesktop.project.errors import NotReadable, ProjectError, reason
from ltxdesktop.project.interchange.markup import Marked, marked
from ltxdesktop.words import counted

_MOST_BYTES: Final = 64 << 20
_NAMED: Final = 3  # faults that are said one by one
_TIME: Final = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
_TIMES: Final = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(.*))?$")
_NEARLY_TIMES: Final = re.compile(r"\s*[\d:]+[,.]\d+\s*[-–—=>]+\s*[\d:]+[,.]\d+\s*$")  # with a broken arrow
_VTT_BLOCKS: Final = ("NOTE", "STYLE", "REGION")
_HOUR_MS: Final = 3_600_000


class BrokenSubtitles(ProjectError, ValueError):
    """A file without a single cue that can be read. `line` counts from 1; 0 where none is to blame."""

    def __init__(self, path: Path, why: str, line: int = 0) -> None:
        where = f" Line {line}: " if line else " "
        super().__init__(path, f"{shown(path)} holds no subtitles that can be read.{where}{why}")
        self.line = line


class SubtitleFile(NamedTuple):
    """What a file says. `notes` are sentences: what was guessed, left out or made simpler."""

    cues: tuple[Cue, ...]
    notes: tuple[str, ...]


class Brought(NamedTuple):
    """A document with a file's subtitles in it, what they are by themselves, and the sentences of `SubtitleFile`."""

    document: Document
    subtitles: Subtitles
    notes: tuple[str, ...]


class _Fault(NamedTuple):
    line: int
    why: str


class _Block(NamedTuple):
    """A cue as it's written: its times (ms), what stands behind them, its lines, and where it begins."""

    first_ms: int
    last_ms: int
    settings: str
    lines: list[str]
    line: int


def with_subtitles(document: Document, path: Path, frame: int | None = None, track: TrackId | None = None) -> Brought:
    """Put a file's subtitles into the open sequence, with their time 0 at a frame of it; over what is on `track`, or on
    tracks of their own. Without a frame they begin with the sequence, or go by its timecode where they do.

    Raises what `read_subtitles` does, and BadValue, NoSuchTrack, LockedTrack, WrongTrack.
    """
    cues, notes = read_subtitles(path)
    sequence = document.sequence
    subtitles = edits.lay_out_subtitles(cues, sequence, _first_frame(cues, sequence) if frame is None else frame)
    if subtitles.wrapped:
        broken = counted(subtitles.wrapped, "subtitle")
        notes = (*notes, f"{shown(path)}: {broken} had lines wider than the picture, which were broken.")
    return Brought(edits.add_subtitles(document, subtitles, track), subtitles, notes)


def _first_frame(cues: tuple[Cue, ...], sequence: Sequence) -> int:
    """Where time 0 is. Other editors count from the sequence's timecode: all times are behind 01:00:00, say."""
    starts_ms = nearest(sequence.first_frame * 1000 / sequence.rate)
    return -sequence.first_frame if starts_ms <= min(cue.first_ms for cue in cues) else 0


def read_subtitles(path: Path) -> SubtitleFile:
    """The cues of a file, in its order. A cue that can't be read is left out and named in a note.

    Raises NotReadable, BrokenSubtitles.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BrokenSubtitles(path, "It is far too large for a text.")
        data = path.read_bytes()
    except OSError as error:
        raise NotReadable(path, reason(error)) from error
    text, said = decoded(data)
    if "\0" in text:
        raise BrokenSubtitles(path, "It is no text file.")
    lines = re.split(r"\r\n|\n|\r", text)
    is_vtt = lines[0].startswith("WEBVTT")
    faults: list[_Fault] = []
    blocks = list(_vtt_blocks(lines, faults) if is_vtt else _srt_blocks(lines, faults))
    cues, simpler = _cues(blocks, is_vtt=is_vtt)
    if not cues:
        if not faults:
            raise BrokenSubtitles(path, "There is no text with a time in it.")
        raise BrokenSubtitles(path, faults[0].why, faults[0].line)
    notes = (said, _said_faults(faults), _said_simpler(simpler))
    return SubtitleFile(tuple(cues), tuple(f"{shown(path)}: {note}" for note in notes if note))


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file, and what was guessed of its encoding ("" = nothing): UTF-8, UTF-16, else Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), ""
    half = len(data) // 2
    for order, zeros in (("le", data[1::2].count(0)), ("be", data[::2].count(0))):
        if half and zeros > half * 0.4 and not len(data) % 2:  # Latin letters have a zero byte each
            return data.decode(f"utf-16-{order}", "replace"), "its encoding is not said; it was read as UTF-16."
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        said = "it is not UTF-8 and was read as Windows-1252; save it as UTF-8 if letters are wrong."
        return data.decode("cp1252", "replace"), said


# ---- cues as they're written -----------------------------------------------------------------------------------------


def _srt_blocks(lines: list[str], faults: list[_Fault]) -> Iterator[_Block]:
    """Cues begin with their times; what stands between them is text, and the next one's number."""
    heads = [number for number, line in enumerate(lines) if "-->" in line or _NEARLY_TIMES.match(line)]
    first = heads[0] if heads else len(lines)
    stray = next((number for number, line in enumerate(lines[:first]) if line.strip() and not _is_number(line)), None)
    if stray is not None:
        shown = lines[stray].strip()[:40]
        faults.append(_Fault(stray + 1, f"a time such as 00:00:01,000 --> 00:00:04,000 is missing before “{shown}”."))
    for ordinal, (head, following) in enumerate(pairwise([*heads, len(lines)]), 2):
        text = lines[head + 1 : following]
        if following < len(lines):
            text = _without_number(text, ordinal)
        yield from _block(lines[head], text, head + 1, faults)


def _without_number(text: list[str], ordinal: int) -> list[str]:
    """The lines before a cue's times without its number, which some programs part from the times by empty lines."""
    if text and _is_number(text[-1]):
        return text[:-1]
    while text and not text[-1].strip():
        text = text[:-1]
    return text[:-1] if text and text[-1].strip() == str(ordinal) else text


def _vtt_blocks(lines: list[str], faults: list[_Fault]) -> Iterator[_Block]:
    """Cues are parted by empty lines; notes, styles and names of cues are no text."""
    begin = 0
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            continue
        part = lines[begin:number]
        head = next((place for place, each in enumerate(part[:2]) if "-->" in each), None)
        is_other = begin == 0 or not part or part[0].split(" ")[0].strip() in _VTT_BLOCKS
        if head is not None and not (is_other and head):
            yield from _block(part[head], part[head + 1 :], begin + head + 1, faults)
        elif not is_other:
            shown = part[0].strip()[:40]
            faults.append(_Fault(begin + 1, f"a time such as 00:01.000 --> 00:04.000 is missing at “{shown}”."))
        begin = number + 1


def _block(head: str, text: list[str], line: int, faults: list[_Fault]) -> Iterator[_Block]:
    found = _TIMES.match(head)
    times = None if found is None else (_ms(*found.groups()[:4]), _ms(*found.groups()[4:8]))
    if found is None or times is None or None in times:
        faults.append(_Fault(line, f"“{head.strip()[:60]}” is not a time such as 00:00:01,000 --> 00:00:04,000."))
        return
    first, last = times
    assert first is not None
    assert last is not None
    if last < first:
        faults.append(_Fault(line, "the subtitle ends before it begins."))
        return
    yield _Block(first, last, found.group(9) or "", text, line)


def _ms(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int | None:
    """Milliseconds of a time's parts; None where it has more than 59 minutes or seconds."""
    if int(minutes) > 59 or int(seconds) > 59:
        return None
    return (
        int(hours or 0) * _HOUR_MS + int(minutes) * 60_000 + int(seconds) * 1000 + int((fraction or "0").ljust(3, "0"))
    )


def _is_number(line: str) -> bool:
    return line.strip().isdigit()


# ---- their text ------------------------------------------------------------------------------------------------------


def _cues(blocks: list[_Block], *, is_vtt: bool) -> tuple[list[Cue], int]:
    """Cues of blocks that have a text, and how many of those had a style that a title can't have."""
    cues: list[Cue] = []
    simpler = 0
    for block in blocks:
        said = marked("\n".join(block.lines), is_vtt=is_vtt)
        text = unescape(said.text).replace("\u200e", "").replace("\u200f", "") if is_vtt else said.text
        if not text.strip():
            continue
        simpler += said.is_simpler
        align, top = _place(said, block.settings if is_vtt else "")
        look = {"colour": said.colour} if said.colour else {}
        cues.append(Cue(block.first_ms, block.last_ms, text, said.italic, said.bold, align=align, top=top, **look))
    return cues, simpler


def _place(said: Marked, settings: str) -> tuple[str, bool]:
    """Alignment, and whether it's at the top: of an override (`{\\an8}`), or a WebVTT cue's settings."""
    align, top = said.align, said.top
    for word in settings.split():
        name, _, value = word.partition(":")
        if name == "align":
            align = {"start": "left", "left": "left", "end": "right", "right": "right"}.get(value, "centre")
        elif name == "line" and (found := re.match(r"(-?\d+(?:\.\d+)?)(%?)", value)):
            top = 0 <= float(found[1]) < (50 if found[2] else 8)
    return align, top


def _said_faults(faults: list[_Fault]) -> str:
    if not faults:
        return ""
    named = " ".join(f"Line {fault.line}: {fault.why}" for fault in faults[:_NAMED])
    more = f" And {len(faults) - _NAMED} more." if len(faults) > _NAMED else ""
    return f"{counted(len(faults), 'subtitle')} couldn't be read. {named}{more}"


def _said_simpler(count: int) -> str:
    if not count:
        return ""
    return f"{counted(count, 'subtitle')} became plainer: a title has one style for all its words, and no underlines."
