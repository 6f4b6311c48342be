"""Final Cut Pro 7 XML ("xmeml" 4 and 5), read: what Premiere, Resolve and Kdenlive write.

Read here and not by OpenTimelineIO's adapter (1.0.0): that one leaves speeds as unknown effects, drops links, volume,
opacity, what is switched off and the frame's size, counts in floats, and is only found where packages keep their
metadata, which a frozen program doesn't. Source: Apple, "Final Cut Pro XML Interchange Format".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree as ET

from ltxdesktop.document.model import (
    EMPTY,
    Clip,
    Content,
    Document,
    Gap,
    Item,
    ItemId,
    LinkId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    SequenceId,
    Solid,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    Transition,
    TransitionKind,
    new_id,
)
from ltxdesktop.document.otio.foreign import link_pairs
from ltxdesktop.document.otio.names import START_KEY, kind_of_path, path_of
from ltxdesktop.document.time import can_drop, nearest
from ltxdesktop.project.interchange.common import Dropped, ExchangeError, Imported, cut_back

_KINDS: Final = {"dip to color dissolve": TransitionKind.DIP_BLACK, "dip to black": TransitionKind.DIP_BLACK}
_ITEMS: Final = frozenset(("clipitem", "generatoritem", "transitionitem"))
_NESTED: Final = frozenset(("clipitem", "generatoritem", "clip"))


def read_fcp7(text: str) -> Imported:
    """All sequences of the file; the first is the open one. Raises ExchangeError."""
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        raise ExchangeError(f"This is no XML file: {error}.") from error
    if root.tag != "xmeml":
        raise ExchangeError("This XML file isn't one of Final Cut Pro 7 (it doesn't begin with “xmeml”).")
    try:
        return _Reader(root).imported()
    except (ValueError, KeyError, ArithmeticError, AttributeError) as error:
        if isinstance(error, ExchangeError):
            raise
        raise ExchangeError(f"This Final Cut Pro 7 XML is damaged ({error}).") from error


@dataclass(frozen=True, slots=True)
class _Cut:
    """A transition as its element says it: frames of the sequence, and where between them the cut is."""

    start: int
    cut: int
    end: int
    kind: TransitionKind

    @property
    def transition(self) -> Transition:
        return Transition(self.kind, self.cut - self.start, self.end - self.cut)


class _Reader:
    def __init__(self, root: ET.Element) -> None:
        self._root = root
        self._dropped = Dropped()
        self._defined = {  # elements are written once and referred to by id afterwards
            (element.tag, element.get("id")): element
            for element in root.iter()
            if element.get("id") is not None and len(element)
        }
        self._media: dict[str, Media] = {}
        self._items: dict[str, ItemId] = {}  # clipitem id -> our clip
        self._linked: list[frozenset[str]] = []
        self._sequences: list[Sequence] = []

    def imported(self) -> Imported:
        for element in _top_level(self._root):
            self._read_sequence(element)
        if not self._sequences:
            raise ExchangeError("This Final Cut Pro 7 XML has no sequence.")
        sequences = tuple(self._with_links(sequence) for sequence in self._sequences)
        media = MappingProxyType({media.id: media for media in self._media.values()})
        document = Document(sequences[0].name, sequences, sequences[0].id, media)
        return Imported(document, self._dropped.sentences(), frozenset(media))

    # ---- a sequence --------------------------------------------------------------------------------------------------

    def _read_sequence(self, element: ET.Element) -> None:
        rate = _rate(element) or Fraction(25)
        timecode = element.find("timecode")
        video, audio = element.find("media/video"), element.find("media/audio")
        sequence = Sequence(
            SequenceId(new_id()),
            _text(element, "name") or "Sequence",
            _whole(element, "media/video/format/samplecharacteristics/width", 1920),
            _whole(element, "media/video/format/samplecharacteristics/height", 1080),
            rate,
            _whole(element, "media/audio/format/samplecharacteristics/samplerate", 48000),
            first_frame=_whole(element, "timecode/frame", 0),
            drop_frame=timecode is not None and _text(timecode, "displayformat") == "DF" and can_drop(rate),
            markers=tuple(self._markers(element, Fraction(0), rate, rate)),
        )
        self._sequences.append(sequence)
        place = len(self._sequences) - 1
        tracks = [
            *self._tracks(video, TrackKind.VIDEO, rate),
            *self._tracks(audio, TrackKind.AUDIO, rate),
        ]
        self._sequences[place] = replace(sequence, tracks=tuple(tracks))

    def _tracks(self, parent: ET.Element | None, kind: TrackKind, rate: Fraction) -> Iterator[Track]:
        number = 0
        for element in parent.findall("track") if parent is not None else ():
            if element.get("currentExplodedTrackIndex", "0") != "0":
                continue  # Premiere says the second channel of a stereo track once more
            number += 1
            yield Track(
                TrackId(new_id()),
                kind,
                f"{'V' if kind is TrackKind.VIDEO else 'A'}{number}",
                tuple(self._read_items(element, kind, rate)),
                muted=_text(element, "enabled") == "FALSE",
                locked=_text(element, "locked") == "TRUE",
            )

    def _read_items(self, track: ET.Element, kind: TrackKind, rate: Fraction) -> list[Item]:
        items: list[Item] = []
        end = 0
        elements = [self._whole_of(child) for child in track if child.tag in _ITEMS]
        for place, element in enumerate(elements):
            if element.tag == "transitionitem":
                continue
            head = self._cut(elements[place - 1]) if place else None
            tail = self._cut(elements[place + 1]) if place + 1 < len(elements) else None
            start, last = _whole(element, "start", -1), _whole(element, "end", -1)
            skipped = 0  # frames of the clip that lie before its cut, within the transition
            if head is not None and start < head.cut:
                skipped = head.cut - (head.start if start == -1 else start)
                start = head.cut
            if tail is not None and (last == -1 or last > tail.cut):
                last = tail.cut
            if start < 0 or last <= start:
                self._dropped.clip("Clips without a place on the timeline were left out", _text(element, "name"))
                continue
            if start > end:
                items.append(Gap(ItemId(new_id()), start - end))
            elif start < end:
                self._dropped.clip("Clips overlapped and the earlier one was cut", _text(element, "name"))
                cut_back(items, end - start)
            item = self._item(element, last - start, skipped, kind, rate)
            if isinstance(item, Clip):
                follows = place + 2 < len(elements) and tail is not None and self._begins_at(elements[place + 2], tail)
                ending = replace(tail.transition, after=0) if tail is not None and not follows else None
                item = replace(item, transition=head.transition if head is not None else None, tail=ending)
            items.append(item)
            end = last
        return items

    def _cut(self, element: ET.Element) -> _Cut | None:
        """The transition that an element is; None for a clip."""
        if element.tag != "transitionitem":
            return None
        start, end = _whole(element, "start", 0), _whole(element, "end", 0)
        alignment = _text(element, "alignment").removesuffix("-black")
        cut = {"start": start, "end": end}.get(alignment, (start + end) // 2)
        name = _text(element, "effect/name").lower()
        if name not in _KINDS and "dissolve" not in name and "fade" not in name and name:
            self._dropped.clip("Transitions became dissolves", _text(element, "effect/name"))
        return _Cut(start, cut, end, _KINDS.get(name, TransitionKind.DISSOLVE))

    def _begins_at(self, element: ET.Element, tail: _Cut) -> bool:
        start = _whole(element, "start", -1)
        return element.tag != "transitionitem" and (start == -1 or start <= tail.end)

    # ---- an item -----------------------------------------------------------------------------------------------------

    def _item(self, element: ET.Element, duration: int, skipped: int, kind: TrackKind, rate: Fraction) -> Item:
        item_id = ItemId(new_id())
        name = _text(element, "name")
        nested = element.find("sequence")
        if nested is not None:
            inner = self._whole_of(nested)
            inner_name = _text(inner, "name") or name
            self._dropped.clip("Nested sequences became gaps, and sequences of their own", inner_name)
            if all(known.name != inner_name for known in self._sequences):
                self._read_sequence(inner)
            return Gap(item_id, duration)
        own_rate = _rate(element) or rate
        first = Fraction(_whole(element, "in", 0)) / own_rate + Fraction(skipped) / rate
        speed, values = self._filters(element)
        file = element.find("file")
        clip = Clip(
            item_id,
            name,
            duration,
            speed=speed,
            enabled=_text(element, "enabled") != "FALSE",
            values=MappingProxyType(values) if values else EMPTY,
            markers=tuple(self._markers(element, first, own_rate, rate)),
        )
        if element.tag == "generatoritem" or file is None:
            return replace(clip, content=self._content(element, name), speed=Fraction(1))
        media = self._media_of(self._whole_of(file), name, rate, sound=kind is TrackKind.AUDIO)
        self._remember(element, item_id)
        start = _media_time(first, speed, media, duration, rate)
        return replace(clip, takes=(Take(media.id, start),))

    def _content(self, element: ET.Element, name: str) -> Content:
        """What a generator draws: its text; anything else becomes black."""
        for parameter in element.iter("parameter"):
            if _text(parameter, "parameterid") == "str" and _text(parameter, "value"):
                self._dropped.clip("Only the words of titles were taken over", name)
                return Title(_text(parameter, "value"))
        self._dropped.clip("Generators became black", name)
        return Solid()

    def _filters(self, element: ET.Element) -> tuple[Fraction, dict[str, Parameter]]:
        """A clip's constant speed, and the values that we know of its filters."""
        speed, values = Fraction(1), dict[str, Parameter]()
        for effect in element.findall("filter/effect"):
            said = {_text(p, "parameterid").lower(): p for p in effect.findall("parameter")}
            if any(parameter.find("keyframe") is not None for parameter in said.values()):
                self._dropped.clip("Keyframes weren't taken over", _text(element, "name"))
            match _text(effect, "effectid").lower():
                case "timeremap" if "speed" in said:
                    percent = _number(said["speed"])
                    backwards = "reverse" in said and _text(said["reverse"], "value") == "TRUE"
                    speed = Fraction(repr(abs(percent))) / 100
                    speed = speed.limit_denominator(10_000) * (-1 if backwards or percent < 0 else 1)
                case "opacity" if "opacity" in said:
                    values["opacity"] = Parameter(_number(said["opacity"]) / 100)
                case "audiolevels" if "level" in said:
                    level = _number(said["level"])
                    decibels = round(20 * math.log10(level), 6) if level > 0 else -math.inf
                    if decibels:
                        values["volume"] = Parameter(decibels)
                case "basic" | "crop" | "audiopan":  # every clip of Premiere has them, mostly untouched
                    pass
                case _:
                    self._dropped.clip(
                        f"The effect “{_text(effect, 'name')}” wasn't taken over", _text(element, "name")
                    )
        return speed, values

    def _markers(self, parent: ET.Element, first_s: Fraction, own_rate: Fraction, rate: Fraction) -> Iterator[Marker]:
        for element in parent.findall("marker"):
            place, last = _whole(element, "in", 0), _whole(element, "out", -1)
            yield Marker(
                MarkerId(new_id()),
                nearest((Fraction(place) / own_rate - first_s) * rate),
                _text(element, "name"),
                duration=nearest((last - place) * rate / own_rate) if last > place else 0,
                note=_text(element, "comment"),
            )

    # ---- media -------------------------------------------------------------------------------------------------------

    def _media_of(self, file: ET.Element, clip_name: str, rate: Fraction, *, sound: bool) -> Media:
        url = _text(file, "pathurl")
        key = url or file.get("id") or _text(file, "name") or clip_name
        media = self._media.get(key)
        if media is None:
            media = self._media[key] = self._new_media(file, path_of(url) if url else "", clip_name, rate, sound=sound)
        if sound and not media.has_sound:
            length = media.duration_s or Fraction(0)
            media = replace(media, sample_rate=48000, samples=nearest(length * 48000), channels=2)
            self._media[key] = media
        return media

    def _new_media(self, file: ET.Element, path: str, clip_name: str, rate: Fraction, *, sound: bool) -> Media:
        own_rate = _rate(file) or rate
        length = _whole(file, "duration", 0)
        says_video, says_audio = file.find("media/video") is not None, file.find("media/audio") is not None
        kind = kind_of_path(path or clip_name, sound_only=says_audio and not says_video)
        if says_video and kind is MediaKind.AUDIO:
            kind = MediaKind.VIDEO
        has_sound = says_audio or kind is MediaKind.AUDIO or (sound and not says_video)
        sample_rate = _whole(file, "media/audio/samplecharacteristics/samplerate", 48000) if has_sound else 0
        start = Fraction(_whole(file, "timecode/frame", 0)) / (_rate(file.find("timecode")) or own_rate)
        return Media(
            MediaId(new_id()),
            _text(file, "name") or path.rpartition("/")[2] or clip_name,
            path,
            kind,
            own_rate,
            frames=length if kind is MediaKind.VIDEO else 0,
            width=_whole(file, "media/video/samplecharacteristics/width", 0),
            height=_whole(file, "media/video/samplecharacteristics/height", 0),
            sample_rate=sample_rate,
            samples=nearest(length * sample_rate / own_rate),
            channels=_whole(file, "media/audio/channelcount", 2) if has_sound else 0,
            metadata=MappingProxyType({START_KEY: str(start)}) if start else EMPTY,
        )

    # ---- links -------------------------------------------------------------------------------------------------------

    def _remember(self, element: ET.Element, item_id: ItemId) -> None:
        name = element.get("id")
        if name is not None:
            self._items[name] = item_id
        linked = frozenset(_text(link, "linkclipref") for link in element.findall("link"))
        if len(linked) > 1:
            self._linked.append(linked)

    def _with_links(self, sequence: Sequence) -> Sequence:
        """The clips linked as the file says; where it says nothing, those that begin, end and show the same."""
        if not self._linked:
            return link_pairs(sequence)
        links: dict[ItemId, LinkId] = {}
        for names in dict.fromkeys(self._linked):
            link = LinkId(new_id())
            links |= {self._items[name]: link for name in names if name in self._items}
        tracks = tuple(
            replace(
                track,
                items=tuple(replace(i, link=links.get(i.id)) if isinstance(i, Clip) else i for i in track.items),
            )
            for track in sequence.tracks
        )
        return replace(sequence, tracks=tracks)

    def _whole_of(self, element: ET.Element) -> ET.Element:
        """The element with its content, which stands where its id is used for the first time."""
        return self._defined.get((element.tag, element.get("id")), element) if not len(element) else element


def _media_time(first: Fraction, speed: Fraction, media: Media, duration: int, rate: Fraction) -> Fraction:
    """Seconds of the media at a clip's first frame, from its `in`, which counts in the clip's retimed time."""
    if speed in (0, 1):
        return first
    start = first * abs(speed)
    if speed > 0:
        return start
    return (media.duration_s or Fraction(0)) - start - abs(speed) / rate


def _top_level(root: ET.Element) -> Iterator[ET.Element]:
    """Sequences of the project and its bins, not those inside of clips."""
    for child in root:
        if child.tag == "sequence" and len(child):
            yield child
        elif child.tag not in _NESTED:
            yield from _top_level(child)


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _whole(element: ET.Element, path: str, default: int) -> int:
    text = _text(element, path)
    return int(float(text)) if text else default


def _number(parameter: ET.Element) -> float:
    return float(_text(parameter, "value") or 0)


def _rate(element: ET.Element | None) -> Fraction | None:
    """The rate that an element says; None where it says none."""
    if element is None or element.find("rate/timebase") is None:
        return None
    base = _whole(element, "rate/timebase", 0)
    if base <= 0:
        raise ValueError("a rate of 0")
    return Fraction(base * 1000, 1001) if _text(element, "rate/ntsc").upper() == "TRUE" else Fraction(base)
