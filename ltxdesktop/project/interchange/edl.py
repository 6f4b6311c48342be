"""CMX 3600 edit lists, both ways: one video track, four of sound, cuts, dissolves, wipes and constant speeds.

Written here and not by OpenTimelineIO's adapter: that one refuses lists whose source and record lengths differ by the
rounding of a speed, and loses the leading gap and drop-frame counting (1.0.0).
Facts of the format: CMX 3600 manual, appendix "Edit decision list", and what Avid, Premiere and Resolve write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from ltxdesktop.document.mending import with_room_for_transitions
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    Solid,
    Take,
    Track,
    TrackId,
    TrackKind,
    Transition,
    TransitionKind,
    new_id,
    new_sequence,
)
from ltxdesktop.document.otio.foreign import link_pairs
from ltxdesktop.document.otio.names import MARKER_COLOURS, kind_of_path
from ltxdesktop.document.time import can_drop, nearest, nominal_rate, parse_rate, parse_timecode, rate_text, timecode
from ltxdesktop.project.interchange.common import (
    Carried,
    Dropped,
    ExchangeError,
    Exported,
    Imported,
    Locate,
    cut_back,
    placed_clips,
    report_losses,
    source_frame,
    transition_kind,
)

_WIPES: Final = {
    "W001": TransitionKind.WIPE_RIGHT,
    "W002": TransitionKind.WIPE_DOWN,
    "W021": TransitionKind.WIPE_LEFT,
    "W022": TransitionKind.WIPE_UP,
}  # SMPTE 258M wipe numbers, 20 more for the reverse direction
_WIPE_CODES: Final = {kind: code for code, kind in _WIPES.items()}
_SOUND: Final = ("A", "A2", "A3", "A4")
_BLACK: Final = frozenset(("BL", "BLACK"))
_CARRIED: Final = Carried(kinds=frozenset((TransitionKind.DISSOLVE, *_WIPE_CODES)))

# ---- writing ---------------------------------------------------------------------------------------------------------


def write_edl(document: Document, sequence: Sequence, locate: Locate) -> Exported:
    """The sequence as an edit list: its lowest video track that holds clips, and the first four sound tracks."""
    dropped = Dropped()
    report_losses(document, sequence, _CARRIED, dropped)
    drop = sequence.drop_frame and can_drop(sequence.rate)
    writer = _Writer(document, sequence, locate, dropped, drop)
    lines = [f"TITLE: {_line(sequence.name)}", f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}", ""]
    events = sorted(
        (event for track, channel in _channels(sequence, dropped) for event in writer.events(track, channel)),
        key=lambda event: event[0],
    )
    for number, (_, event) in enumerate(events, start=1):
        lines += [line.replace("###", f"{number:03d}", 1) for line in event]
        if number == 1:  # not before it: OpenTimelineIO refuses comments that belong to no event
            lines.append(f"* FRAME RATE: {rate_text(sequence.rate)}")
    for marker in sequence.markers:
        lines.append(writer.locator(marker))
    return Exported("\n".join(lines) + "\n", dropped.sentences())


def _channels(sequence: Sequence, dropped: Dropped) -> Iterator[tuple[Track, str]]:
    pictures = [track for track in sequence.of_kind(TrackKind.VIDEO) if any(track.clips)]
    if pictures:
        yield pictures[0], "V"
    for track in pictures[1:]:
        dropped.say(f"The video track “{track.name}” was left out: an edit list has one.")
    sounds = [track for track in sequence.of_kind(TrackKind.AUDIO) if any(track.clips)]
    yield from zip(sounds, _SOUND, strict=False)
    for track in sounds[len(_SOUND) :]:
        dropped.say(f"The sound track “{track.name}” was left out: an edit list has {len(_SOUND)}.")


class _Writer:
    def __init__(self, document: Document, sequence: Sequence, locate: Locate, dropped: Dropped, drop: bool) -> None:
        self._document = document
        self._sequence = sequence
        self._locate = locate
        self._dropped = dropped
        self._drop = drop
        self._reels: dict[MediaId, str] = {}

    def events(self, track: Track, channel: str) -> Iterator[tuple[tuple[int, str], list[str]]]:
        """(where it sorts, lines) of each clip; "###" stands for the number."""
        clips = list(placed_clips(track))
        for place, (start, clip) in enumerate(clips):
            if clip.take is None or clip.take.media not in self._document.media:
                continue
            after = clips[place + 1] if place + 1 < len(clips) else None
            before = clips[place - 1] if place else None
            yield (start, channel), self._event(start, clip, channel, before, after)
            if not clip.enabled:
                self._dropped.clip("A switched-off clip can't be said and is on in the list", clip.name)
            if clip.tail is not None:
                self._dropped.clip("A dissolve into black at the end isn't carried", clip.name)

    def locator(self, marker: Marker) -> str:
        colour = marker.colour.upper() if marker.colour.upper() in MARKER_COLOURS else "GREEN"
        return f"* LOC: {self._record(marker.frame)} {colour:7} {_line(marker.name)}".rstrip()

    def _event(
        self, start: int, clip: Clip, channel: str, before: tuple[int, Clip] | None, after: tuple[int, Clip] | None
    ) -> list[str]:
        """Cuts are one line; a transition has a line of no length for where the clip before it has got to."""
        head = clip.transition.before if clip.transition is not None else 0
        tail = 0
        if after is not None and after[0] == start + clip.duration and after[1].transition is not None:
            tail = after[1].transition.before
        first, last = start - head, start + clip.duration - tail
        line = self._line_of(clip, channel, first - start, last - start, start)
        if clip.transition is None:
            return [line.replace("#T#", "C       "), *self._comments(clip, "FROM")]
        kind = transition_kind(clip.transition, clip, _CARRIED, self._dropped)
        code = _WIPE_CODES.get(kind, "D")
        lines = [line.replace("#T#", f"{code:<4} {clip.transition.duration:03d}")]
        if before is not None and before[0] + before[1].duration == start and before[1].take is not None:
            end = start - head - before[0]
            lines.insert(0, self._line_of(before[1], channel, end, end, before[0]).replace("#T#", "C       "))
            lines += [f"* FROM CLIP NAME: {_line(before[1].name)}", *self._comments(clip, "TO")]
        else:
            black = timecode(0, self._sequence.rate, drop=self._drop)
            place = self._record(first)
            lines.insert(0, f"###  BL       {channel:<5} C        {black} {black} {place} {place}")
            lines += self._comments(clip, "TO")
        return lines

    def _line_of(self, clip: Clip, channel: str, first: int, last: int, start: int) -> str:
        """An event of frames [first, last) of a clip. Sources count forwards, also for a clip that runs backwards."""
        assert clip.take is not None
        media = self._document.media[clip.take.media]
        source = source_frame(clip, media, self._sequence.rate, self._dropped)
        begin = nearest(source + (clip.duration - last if clip.speed < 0 else first) * abs(clip.speed))
        length = nearest((last - first) * abs(clip.speed)) if clip.speed else min(1, last - first)
        where = [
            self._source(begin),
            self._source(begin + length),
            self._record(start + first),
            self._record(start + last),
        ]
        return f"###  {self._reel(media):<8} {channel:<5} #T# {' '.join(where)}"

    def _comments(self, clip: Clip, side: str) -> Iterator[str]:
        assert clip.take is not None
        media = self._document.media[clip.take.media]
        rate = nominal_rate(self._sequence.rate)
        if clip.speed != 1:
            source = self._source(source_frame(clip, media, self._sequence.rate, self._dropped))
            yield f"M2   {self._reel(media):<8} {float(clip.speed * rate):+09.3f}    {source}".replace("+", " ")
        yield f"* {side} CLIP NAME: {_line(clip.name or media.name)}"
        if media.path:
            yield f"* {'SOURCE FILE' if side == 'FROM' else 'TO SOURCE FILE'}: {_line(str(self._locate(media)))}"

    def _reel(self, media: Media) -> str:
        """Eight letters and digits, different for each media."""
        if media.id not in self._reels:
            wanted = re.sub(r"[^A-Z0-9]", "", media.name.rpartition(".")[0].upper() or media.name.upper())[:8] or "AX"
            reel, number = wanted, 1
            while reel in self._reels.values() or reel in _BLACK or reel == "AX":
                number += 1
                reel = wanted[: 8 - len(str(number))] + str(number)
            self._reels[media.id] = reel
        return self._reels[media.id]

    def _record(self, frame: int) -> str:
        return timecode(max(0, frame + self._sequence.first_frame), self._sequence.rate, drop=self._drop)

    def _source(self, frame: int) -> str:
        if frame < 0:
            self._dropped.say("Source times before 0 were set to 0.")
        return timecode(max(0, frame), self._sequence.rate, drop=self._drop)


def _line(text: str) -> str:
    return " ".join(text.split())


# ---- reading ---------------------------------------------------------------------------------------------------------

_EVENT: Final = re.compile(
    r"^(?P<number>\d+)\s+(?P<reel>\S+)\s+(?P<channel>\S+)\s+(?P<type>[A-Z]+\d*)\s+(?:(?P<length>\d+)\s+)?"
    r"(?P<times>(?:\d\d[:;.,]?){4}(?:\s+(?:\d\d[:;.,]?){4}){3})\s*$"
)
_COMMENT: Final = re.compile(r"^\*\s*(?P<key>[A-Z ]+?)(?: IS)?:\s*(?P<value>.*)$")
_SPEED: Final = re.compile(r"^M2\s+\S+\s+(?P<fps>[-+]?\s*[\d.]+)")
_LOCATOR: Final = re.compile(r"^(?P<time>\d\d[:;]\d\d[:;]\d\d[:;]\d\d)\s+(?P<colour>\w+)\s*(?P<name>.*)$")
_START_MINUTES: Final = 5  # a list that begins so shortly after a full hour begins at the hour


@dataclass(slots=True)
class _Event:
    """One numbered line and the comments below it."""

    number: str
    reel: str
    channel: str
    type: str
    length: int
    source_in: int
    source_out: int
    record_in: int
    record_out: int
    name: str = ""
    file: str = ""
    fps: Fraction | None = None
    comments: list[str] = field(default_factory=list[str])


def said_edl_rate(text: str) -> Fraction | None:
    """The rate that a list written here says in a comment; other programs say none."""
    said = re.search(r"^\*\s*FRAME RATE:\s*(\S+)", text, re.MULTILINE)
    if said is None:
        return None
    try:
        rate = parse_rate(said[1])
    except ValueError:
        return None
    return rate if may_count_in(text, rate) else None


def guessed_edl_rate(text: str) -> Fraction:
    """The rate that an edit list seems to count in, which it doesn't say: by drop-frame and frame numbers."""
    rates = (Fraction(30000, 1001), Fraction(60000, 1001)) if _drops(text) else map(Fraction, (24, 25, 30, 50, 60))
    return next((rate for rate in rates if may_count_in(text, rate)), Fraction(60))


def may_count_in(text: str, rate: Fraction) -> bool:
    """Whether a list's timecodes are possible at a rate."""
    highest = max(map(int, re.findall(r"\d\d[:;]\d\d[:;]\d\d[:;](\d\d)", text)), default=0)
    return highest < nominal_rate(rate) and (can_drop(rate) or not _drops(text))


def _drops(text: str) -> bool:
    return bool(re.search(r"^FCM:\s*DROP", text, re.MULTILINE))


def read_edl(text: str, rate: Fraction) -> Imported:
    """The film of an edit list at a rate (which the list itself doesn't say). Raises ExchangeError."""
    reader = _Reader(rate, drop=_drops(text), rate_is_said=said_edl_rate(text) == rate)
    for line in text.splitlines():
        reader.line(line.strip().replace("\ufeff", ""))
    if not reader.events:
        raise ExchangeError(
            "This is no CMX 3600 edit list: it has no line that begins with a number, a reel and a track."
        )
    return reader.imported()


class _Reader:
    def __init__(self, rate: Fraction, *, drop: bool, rate_is_said: bool = False) -> None:
        self._rate, self._rate_is_said = rate, rate_is_said
        self._drop = drop
        self._title = "Edit list"
        self._dropped = Dropped()
        self._media: dict[str, Media] = {}
        self._needed: dict[MediaId, int] = {}
        self._locators: list[tuple[int, str, str]] = []
        self.events: list[_Event] = []

    # ---- lines -------------------------------------------------------------------------------------------------------

    def line(self, line: str) -> None:
        if not line or line.startswith(("FCM", "SPLIT", ">>>")):
            return
        if line.startswith("TITLE:"):
            self._title = line.removeprefix("TITLE:").strip() or self._title
        elif found := _EVENT.match(line):
            self.events.append(self._event(found, line))
        elif found := _SPEED.match(line):
            if self.events:
                self.events[-1].fps = Fraction(found["fps"].replace(" ", ""))
        elif found := _COMMENT.match(line):
            self._comment(found["key"].strip(), found["value"].strip(), line)
        elif line[0].isdigit():
            raise ExchangeError(f"This line of the edit list can't be read: {line}")
        elif self.events:
            self.events[-1].comments.append(line)

    def _event(self, found: re.Match[str], line: str) -> _Event:
        try:
            times = [self._frame(word) for word in found["times"].split()]
        except ValueError as error:
            raise ExchangeError(f"This line of the edit list can't be read ({error}): {line}") from error
        if times[3] < times[2]:
            raise ExchangeError(f"This line of the edit list ends before it begins: {line}")
        source_in, source_out, record_in, record_out = times
        return _Event(
            found["number"],
            found["reel"],
            found["channel"],
            found["type"],
            int(found["length"] or 0),
            source_in,
            source_out,
            record_in,
            record_out,
        )

    def _frame(self, word: str) -> int:
        plain = re.sub(r"[.,;]", ":", word)
        if self._drop and can_drop(self._rate):
            return parse_timecode(plain[:8] + ";" + plain[9:], self._rate)
        return parse_timecode(plain, self._rate)

    def _comment(self, key: str, value: str, line: str) -> None:
        if key == "LOC":
            if found := _LOCATOR.match(value):
                self._locators.append((self._frame(found["time"]), found["colour"].lower(), found["name"]))
            return
        if not self.events:
            return
        event = self.events[-1]
        before = self.events[-2] if len(self.events) > 1 and self.events[-2].number == event.number else None
        match key:
            case "FRAME RATE":
                pass  # `said_edl_rate`
            case "FROM CLIP NAME" if before is not None:
                before.name = before.name or value
            case "SOURCE FILE" | "FROM FILE" if before is not None:
                before.file = before.file or value
            case "FROM CLIP NAME" | "TO CLIP NAME" | "CLIP NAME":
                event.name = value
            case "SOURCE FILE" | "TO SOURCE FILE" | "TO FILE" | "FROM FILE":
                event.file = value
            case _:
                event.comments.append(line)

    # ---- the film ----------------------------------------------------------------------------------------------------

    def imported(self) -> Imported:
        first = min(event.record_in for event in self.events)
        hour = 3600 * nominal_rate(self._rate)
        if self._drop and can_drop(self._rate):
            hour = parse_timecode("01:00:00;00", self._rate)
        if first % hour <= _START_MINUTES * 60 * nominal_rate(self._rate):
            first -= first % hour
        channels: dict[str, list[Item]] = {}
        for event in sorted(self.events, key=lambda event: event.record_in):
            for channel in _channels_of(event.channel):
                items = channels.setdefault(channel, [])
                self._place(event, items, first, channel)
        tracks = tuple(
            Track(TrackId(new_id()), TrackKind.VIDEO if name.startswith("V") else TrackKind.AUDIO, name, tuple(items))
            for name, items in sorted(channels.items(), key=lambda channel: (channel[0][0] != "V", channel[0]))
        )
        sequence = replace(
            new_sequence(self._title, rate=self._rate, video=0, audio=0),
            tracks=tracks,
            first_frame=first,
            drop_frame=self._drop,
            markers=tuple(
                Marker(MarkerId(new_id()), frame - first, name, colour) for frame, colour, name in self._locators
            ),
        )
        media = {media.id: self._with_length(media) for media in self._media.values()}
        document = Document(self._title, (link_pairs(sequence),), sequence.id, MappingProxyType(media))
        document = with_room_for_transitions(document, media)
        if len(media) > 0 and not any(value.path for value in media.values()):
            self._dropped.say("An edit list has no file names: find the files by their reels' names.")
        if not self._rate_is_said:
            self._dropped.say(f"The list was read at {rate_text(self._rate)} frames a second; it doesn't say its rate.")
        return Imported(document, self._dropped.sentences(), frozenset(media))

    def _place(self, event: _Event, items: list[Item], first: int, channel: str) -> None:
        duration = event.record_out - event.record_in
        if duration == 0 or event.reel.upper() in _BLACK:
            return
        start = event.record_in - first
        end = sum(item.duration for item in items)
        if start > end:
            items.append(Gap(ItemId(new_id()), start - end))
        elif start < end:
            self._dropped.clip("Events overlapped and the earlier one was cut", event.name or event.reel)
            cut_back(items, end - start)
        items.append(self._clip(event, duration, sound=channel.startswith("A")))

    def _clip(self, event: _Event, duration: int, *, sound: bool) -> Clip:
        length = event.source_out - event.source_in
        speed = Fraction(1)
        if event.fps is not None:
            speed = event.fps / nominal_rate(self._rate)
        elif length != duration:
            speed = Fraction(length, duration)
            self._dropped.clip("Source and record lengths differ; a speed was set", event.name or event.reel)
        name = event.name or event.reel
        transition = self._transition(event)
        metadata = MappingProxyType({"cmx_3600": {"reel": event.reel, "comments": event.comments}})
        if event.reel.upper() == "BARS":
            self._dropped.clip("Colour bars became black", name)
            return Clip(ItemId(new_id()), name, duration, content=Solid(), transition=transition, metadata=metadata)
        media = self._media_of(event, sound=sound)
        last = event.source_in + max(length, nearest(duration * abs(speed)))
        self._needed[media.id] = max(self._needed.get(media.id, 0), last)
        start = Fraction(event.source_in) - ((duration - 1) * speed if speed < 0 else 0)
        takes = (Take(media.id, start / self._rate),)
        return Clip(ItemId(new_id()), name, duration, takes, speed=speed, transition=transition, metadata=metadata)

    def _transition(self, event: _Event) -> Transition | None:
        """A transition of an edit list begins where its event begins."""
        if event.type == "C":
            return None
        if event.type != "D" and event.type not in _WIPES:
            self._dropped.clip(f"“{event.type}” became a dissolve", event.name or event.reel)
        return Transition(_WIPES.get(event.type, TransitionKind.DISSOLVE), 0, event.length)

    def _media_of(self, event: _Event, *, sound: bool) -> Media:
        """The media of a source file, else of a reel; "AX" is the reel of files without one."""
        key = event.file or (event.name if event.reel == "AX" else event.reel) or event.reel
        media = self._media.get(key)
        if media is None:
            path = event.file.replace("\\", "/")
            name = path.rpartition("/")[2] or (event.name if event.reel == "AX" else event.reel)
            kind = kind_of_path(event.file or name, sound_only=False)
            media = Media(MediaId(new_id()), name or event.reel, path, kind, self._rate)
        if sound and not media.has_sound:
            media = replace(media, sample_rate=48000, channels=2)
        self._media[key] = media
        return media

    def _with_length(self, media: Media) -> Media:
        """Facts that fit what the list shows of it, until somebody looks at the file."""
        frames = self._needed.get(media.id, 0)
        samples = nearest(frames * media.sample_rate / self._rate)
        return replace(media, frames=frames if media.kind is MediaKind.VIDEO else 0, samples=samples)


def _channels_of(code: str) -> tuple[str, ...]:
    """The tracks that a channel code means: "B" is picture and sound, "AA/V" picture and two of sound."""
    match code.upper():
        case "B":
            return ("V", "A")
        case "AA":
            return ("A", "A2")
        case "AA/V" | "V/AA":
            return ("V", "A", "A2")
        case "NONE":
            return ()
        case other:
            return tuple("A" if part == "A1" else part for part in re.split(r"[/,]", other))
