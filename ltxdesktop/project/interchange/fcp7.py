"""Final Cut Pro 7 XML ("xmeml" 4 and 5), written: what Premiere, Resolve and Kdenlive read.

`fcp7_read` reads it. Written here because OpenTimelineIO's adapter (1.0.0) doesn't link picture and sound and forgets
speeds. Source: Apple, "Final Cut Pro XML Interchange Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final
from xml.etree import ElementTree as ET

from ltxdesktop.document.model import (
    Clip,
    Document,
    LinkId,
    Marker,
    Media,
    MediaId,
    Sequence,
    Track,
    TrackKind,
    Transition,
    TransitionKind,
)
from ltxdesktop.document.otio.names import media_start, url_of
from ltxdesktop.document.time import can_drop, nearest, nominal_rate, timecode
from ltxdesktop.project.interchange.common import (
    Carried,
    Dropped,
    Exported,
    Locate,
    placed_clips,
    report_losses,
    transition_kind,
    xml_text,
)

_EFFECTS: Final = {
    TransitionKind.DISSOLVE: ("Cross Dissolve", "Cross Dissolve"),
    TransitionKind.DIP_BLACK: ("Dip to Color Dissolve", "Dip to Color Dissolve"),
}
_CARRIED: Final = Carried(values=frozenset({"opacity", "volume"}), kinds=frozenset(_EFFECTS))
_LOUDEST: Final = 3.98107  # +12 dB, the most that the format's level can say

# ---- writing ---------------------------------------------------------------------------------------------------------


def write_fcp7(document: Document, sequence: Sequence, locate: Locate) -> Exported:
    """The sequence with all its video and sound tracks."""
    dropped = Dropped()
    report_losses(document, sequence, _CARRIED, dropped)
    root = ET.Element("xmeml", version="5")
    _Writer(document, sequence, locate, dropped).sequence(root)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return Exported(f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{text}\n', dropped.sentences())


def _add(parent: ET.Element, tag: str, text: object = None, **facts: str) -> ET.Element:
    element = ET.SubElement(parent, tag, facts)
    if text is not None:
        said = ("TRUE" if text else "FALSE") if isinstance(text, bool) else str(text)
        element.text = xml_text(said)
    return element


def _add_rate(parent: ET.Element, rate: Fraction) -> None:
    element = _add(parent, "rate")
    _add(element, "timebase", nominal_rate(rate))
    _add(element, "ntsc", rate.denominator == 1001)


class _Writer:
    def __init__(self, document: Document, sequence: Sequence, locate: Locate, dropped: Dropped) -> None:
        self._document = document
        self._sequence = sequence
        self._rate = sequence.rate
        self._locate = locate
        self._dropped = dropped
        self._files: dict[MediaId, str] = {}
        self._ids: dict[str, tuple[str, str, int, int]] = {}  # clip -> its id here, kind, track and place in it

    def sequence(self, root: ET.Element) -> None:
        sequence = self._sequence
        element = _add(root, "sequence", id="sequence-1")
        _add(element, "name", sequence.name)
        _add(element, "duration", sequence.duration)
        _add_rate(element, self._rate)
        self._timecode(element, sequence.first_frame)
        media = _add(element, "media")
        videos, sounds = self._tracks(TrackKind.VIDEO), self._tracks(TrackKind.AUDIO)
        self._number(videos, "video")
        self._number(sounds, "audio")
        video = _add(media, "video")
        facts = _add(_add(video, "format"), "samplecharacteristics")
        _add_rate(facts, self._rate)
        _add(facts, "width", sequence.width)
        _add(facts, "height", sequence.height)
        _add(facts, "pixelaspectratio", "square")
        _add(facts, "fielddominance", "none")
        audio = _add(media, "audio")
        facts = _add(_add(audio, "format"), "samplecharacteristics")
        _add(facts, "depth", 16)
        _add(facts, "samplerate", sequence.sample_rate)
        for tracks, parent in ((videos, video), (sounds, audio)):
            for track in tracks:
                self._track(parent, track)
        for marker in sequence.markers:
            self._marker(element, marker, 0)

    def _tracks(self, kind: TrackKind) -> list[Track]:
        return list(self._sequence.of_kind(kind))

    def _number(self, tracks: list[Track], kind: str) -> None:
        for number, track in enumerate(tracks, start=1):
            for place, (_, clip) in enumerate(self._clips(track), start=1):
                self._ids[clip.id] = (f"clipitem-{len(self._ids) + 1}", kind, number, place)

    def _clips(self, track: Track) -> Iterator[tuple[int, Clip]]:
        """The clips that can be written: those that show media."""
        return (
            (start, clip)
            for start, clip in placed_clips(track)
            if clip.take is not None and clip.take.media in self._document.media
        )

    def _track(self, parent: ET.Element, track: Track) -> None:
        element = _add(parent, "track")
        clips = list(self._clips(track))
        for place, (start, clip) in enumerate(clips):
            after = clips[place + 1] if place + 1 < len(clips) else None
            following = after[1].transition if after and after[0] == start + clip.duration else None
            if clip.transition is not None:
                self._transition(element, clip.transition, clip, start, at_head=True)
            self._clip(element, clip, start, following)
            if clip.tail is not None and following is None:
                self._transition(element, clip.tail, clip, start + clip.duration, at_head=False)
        _add(element, "enabled", not track.muted)
        _add(element, "locked", track.locked)

    def _transition(self, parent: ET.Element, transition: Transition, clip: Clip, cut: int, *, at_head: bool) -> None:
        kind = transition_kind(transition, clip, _CARRIED, self._dropped)
        element = _add(parent, "transitionitem")
        _add_rate(element, self._rate)
        _add(element, "start", cut - transition.before)
        _add(element, "end", cut + transition.after)
        _add(element, "alignment", _alignment(transition, at_head=at_head))
        if transition.before and transition.after and transition.before != transition.after:
            self._dropped.clip("A dissolve off the middle of its cut is centred by other programs", clip.name)
        name, effect_id = _EFFECTS[kind]
        effect = _add(element, "effect")
        _add(effect, "name", name)
        _add(effect, "effectid", effect_id)
        _add(effect, "effecttype", "transition")
        _add(effect, "mediatype", "video")

    def _clip(self, parent: ET.Element, clip: Clip, start: int, following: Transition | None) -> None:
        assert clip.take is not None
        media = self._document.media[clip.take.media]
        name, kind, _, _ = self._ids[clip.id]
        element = _add(parent, "clipitem", id=name)
        _add(element, "name", clip.name)
        _add(element, "enabled", clip.enabled)
        _add(element, "duration", self._length(media, clip.speed))
        _add_rate(element, self._rate)
        # Beside a transition -1 says "where that is", and in and out reach to its far end.
        head, tail = clip.transition, following or clip.tail
        _add(element, "start", start if head is None else -1)
        _add(element, "end", start + clip.duration if tail is None else -1)
        first = self._first(clip, media)
        begin = first - (head.before if head is not None else 0)
        _add(element, "in", begin)
        _add(element, "out", first + clip.duration + (tail.after if tail is not None else 0))
        self._file(element, media)
        if kind == "audio":
            source = _add(element, "sourcetrack")
            _add(source, "mediatype", "audio")
            _add(source, "trackindex", 1)
        self._filters(element, clip, kind)
        for marker in clip.markers:
            self._marker(element, marker, first)
        self._links(element, clip)

    def _first(self, clip: Clip, media: Media) -> int:
        """Frame of the clip's own (retimed) time that it begins with, not counting the file's timecode."""
        assert clip.take is not None
        start = clip.take.start_s * self._rate
        if clip.speed < 0:
            length = (media.duration_s or Fraction(0)) * self._rate
            start = length - (start + abs(clip.speed))
        retimed = start / (abs(clip.speed) or 1)
        if retimed.denominator != 1:
            self._dropped.clip("The start was rounded to a whole frame", clip.name)
        return nearest(retimed)

    def _length(self, media: Media, speed: Fraction) -> int:
        """Frames of the sequence's rate that the whole media lasts."""
        length = media.duration_s
        if length is None:
            return nearest(3600 * self._rate)  # a still: longer than any clip of it
        return nearest(length * self._rate / (abs(speed) or 1))

    def _file(self, parent: ET.Element, media: Media) -> None:
        if media.id in self._files:
            _add(parent, "file", id=self._files[media.id])
            return
        self._files[media.id] = name = f"file-{len(self._files) + 1}"
        element = _add(parent, "file", id=name)
        _add(element, "name", media.name)
        if media.path:
            _add(element, "pathurl", url_of(self._locate(media).as_posix()).replace("file:///", "file://localhost/", 1))
        else:
            self._dropped.clip("The file isn't known", media.name)
        rate = media.rate if media.has_picture else self._rate
        _add_rate(element, rate)
        length = media.duration_s
        _add(element, "duration", nearest(length * rate) if length is not None else nearest(3600 * rate))
        start = media_start(media)
        if start:
            self._timecode(element, nearest(start * rate), rate)
        facts = _add(element, "media")
        if media.has_picture:
            video = _add(_add(facts, "video"), "samplecharacteristics")
            _add_rate(video, rate)
            _add(video, "width", media.width)
            _add(video, "height", media.height)
        if media.has_sound:
            audio = _add(facts, "audio")
            sound = _add(audio, "samplecharacteristics")
            _add(sound, "depth", 16)
            _add(sound, "samplerate", media.sample_rate)
            _add(audio, "channelcount", media.channels or 2)

    def _timecode(self, parent: ET.Element, frame: int, rate: Fraction | None = None) -> None:
        rate = rate or self._rate
        drop = self._sequence.drop_frame and can_drop(rate)
        element = _add(parent, "timecode")
        _add_rate(element, rate)
        _add(element, "string", timecode(frame, rate, drop=drop))
        _add(element, "frame", frame)
        _add(element, "displayformat", "DF" if drop else "NDF")

    def _filters(self, parent: ET.Element, clip: Clip, kind: str) -> None:
        if clip.speed != 1:
            effect = _effect(parent, "Time Remap", "timeremap", "motion", kind)
            _parameter(effect, "variablespeed", 0)
            _parameter(effect, "speed", f"{float(abs(clip.speed) * 100):.10g}")
            _parameter(effect, "reverse", clip.speed < 0)
        opacity, volume = clip.values.get("opacity"), clip.values.get("volume")
        if opacity is not None and not opacity.keys and kind == "video":
            _parameter(_effect(parent, "Opacity", "opacity", "motion", kind), "opacity", f"{opacity.value * 100:.10g}")
        if volume is not None and not volume.keys and kind == "audio":
            level = 10 ** (volume.value / 20)
            if level > _LOUDEST:
                self._dropped.clip("Volume above +12 dB was lowered to that", clip.name)
            effect = _effect(parent, "Audio Levels", "audiolevels", "audiolevels", kind)
            _parameter(effect, "level", f"{min(level, _LOUDEST):.10g}")

    def _links(self, parent: ET.Element, clip: Clip) -> None:
        if clip.link is None:
            return
        for other in self._sequence.linked.get(LinkId(clip.link), ()):
            if other in self._ids:
                name, kind, track, place = self._ids[other]
                element = _add(parent, "link")
                _add(element, "linkclipref", name)
                _add(element, "mediatype", kind)
                _add(element, "trackindex", track)
                _add(element, "clipindex", place)

    def _marker(self, parent: ET.Element, marker: Marker, start: int) -> None:
        element = _add(parent, "marker")
        _add(element, "name", marker.name)
        _add(element, "comment", marker.note)
        _add(element, "in", start + marker.frame)
        _add(element, "out", start + marker.frame + marker.duration if marker.duration else -1)


def _alignment(transition: Transition, *, at_head: bool) -> str:
    if not transition.before:
        return "start-black" if not at_head else "start"
    if not transition.after:
        return "end-black" if not at_head else "end"
    return "center"


def _effect(parent: ET.Element, name: str, effect_id: str, category: str, kind: str) -> ET.Element:
    effect = _add(_add(parent, "filter"), "effect")
    _add(effect, "name", name)
    _add(effect, "effectid", effect_id)
    _add(effect, "effectcategory", category)
    _add(effect, "effecttype", category)
    _add(effect, "mediatype", kind)
    return effect


def _parameter(effect: ET.Element, name: str, value: object) -> None:
    element = _add(effect, "parameter")
    _add(element, "parameterid", name)
    _add(element, "name", name)
    _add(element, "value", value)
