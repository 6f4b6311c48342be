"""FCPXML 1.9 for Final Cut Pro X and Resolve, written only. Exact times: FCPXML counts in fractions of a second.

The lowest video track is the primary storyline; every other track is a connected storyline in a lane of its own,
anchored at the beginning. Written here because OpenTimelineIO's adapter loses dissolves and fails at 29.97.
Source: Apple, "FCPXML Reference" and its DTD, version 1.9.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final
from xml.etree import ElementTree as ET

from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    Marker,
    Media,
    MediaId,
    Sequence,
    Track,
    TrackKind,
    Transition,
)
from ltxdesktop.document.otio.names import media_start, url_of
from ltxdesktop.document.time import can_drop
from ltxdesktop.project.interchange.common import (
    Carried,
    Dropped,
    Exported,
    Locate,
    report_losses,
    transition_kind,
    xml_text,
)

_CARRIED: Final = Carried(values=frozenset({"opacity", "volume"}))
_SILENT_DB: Final = -96.0  # FCPXML's lowest
_STILL_S: Final = 3600  # what a still is said to last: longer than any clip of it


def write_fcpxml(document: Document, sequence: Sequence, locate: Locate) -> Exported:
    """The sequence as a project of one event."""
    dropped = Dropped()
    report_losses(document, sequence, _CARRIED, dropped)
    root = ET.Element("fcpxml", version="1.9")
    resources = ET.SubElement(root, "resources")
    writer = _Writer(document, sequence, resources, locate, dropped)
    event = ET.SubElement(ET.SubElement(root, "library"), "event", name=xml_text(document.name))
    project = ET.SubElement(event, "project", name=xml_text(sequence.name))
    writer.sequence(project)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return Exported(f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{text}\n', dropped.sentences())


def time_text(seconds: Fraction) -> str:
    """ "1001/30000s" or "5s"."""
    return f"{seconds.numerator}s" if seconds.denominator == 1 else f"{seconds.numerator}/{seconds.denominator}s"


class _Writer:
    def __init__(
        self, document: Document, sequence: Sequence, resources: ET.Element, locate: Locate, dropped: Dropped
    ) -> None:
        self._document = document
        self._sequence = sequence
        self._resources = resources
        self._locate = locate
        self._dropped = dropped
        self._formats: dict[tuple[Fraction, int, int], str] = {}
        self._assets: dict[MediaId, str] = {}

    def sequence(self, project: ET.Element) -> None:
        sequence = self._sequence
        drop = sequence.drop_frame and can_drop(sequence.rate)
        element = ET.SubElement(
            project,
            "sequence",
            format=self._format(sequence.rate, sequence.width, sequence.height),
            tcStart=self._time(sequence.first_frame),
            tcFormat="DF" if drop else "NDF",
            duration=self._time(sequence.duration),
            audioLayout="stereo",
            audioRate=f"{sequence.sample_rate / 1000:g}k",
        )
        spine = ET.SubElement(element, "spine")
        pictures = [track for track in sequence.of_kind(TrackKind.VIDEO) if track.items]
        sounds = [track for track in sequence.of_kind(TrackKind.AUDIO) if track.items]
        primary = pictures[0] if pictures else None
        self._storyline(spine, primary, sequence.first_frame, fill=sequence.duration)
        lanes = [(track, lane) for lane, track in enumerate(pictures[1:], start=1)]
        lanes += [(track, -lane) for lane, track in enumerate(sounds, start=1)]
        anchor = next((child for child in spine if child.tag != "transition"), None)
        if anchor is None:
            return
        begin = anchor.get("start", "0s")
        for track, lane in lanes:
            connected = ET.Element("spine", lane=str(lane), offset=begin)
            self._storyline(connected, track, 0)
            _insert_anchored(anchor, connected)
        self._sequence_markers(spine, primary)

    # ---- storylines --------------------------------------------------------------------------------------------------

    def _storyline(self, spine: ET.Element, track: Track | None, origin: int, fill: int = 0) -> None:
        for start, item in track.placed() if track is not None else ():
            self._item(spine, item, start + origin, start, track)
        end = track.duration if track is not None else 0
        if end < fill:
            self._gap(spine, end + origin, fill - end)

    def _item(self, spine: ET.Element, item: Item, offset: int, start: int, track: Track | None) -> None:
        assert track is not None
        shown = isinstance(item, Clip) and item.take is not None and item.take.media in self._document.media
        if isinstance(item, Gap) or not shown:
            self._gap(spine, offset, item.duration)
            return
        assert isinstance(item, Clip)
        if item.transition is not None:
            self._transition(spine, item.transition, item, offset)
        self._clip(spine, item, offset, track)
        if item.tail is not None:
            self._transition(spine, item.tail, item, offset + item.duration)

    def _gap(self, spine: ET.Element, offset: int, duration: int) -> None:
        length = self._time(duration)
        ET.SubElement(spine, "gap", name="Gap", offset=self._time(offset), start="0s", duration=length)

    def _transition(self, spine: ET.Element, transition: Transition, clip: Clip, cut: int) -> None:
        transition_kind(transition, clip, _CARRIED, self._dropped)
        first, length = self._time(cut - transition.before), self._time(transition.duration)
        ET.SubElement(spine, "transition", name="Cross Dissolve", offset=first, duration=length)

    def _clip(self, spine: ET.Element, clip: Clip, offset: int, track: Track) -> None:
        assert clip.take is not None
        media = self._document.media[clip.take.media]
        start, time_map = self._timing(clip, media)
        sound = track.kind is TrackKind.AUDIO
        element = ET.SubElement(
            spine,
            "asset-clip",
            ref=self._asset(media),
            name=xml_text(clip.name),
            offset=self._time(offset),
            start=time_text(start),
            duration=self._time(clip.duration),
            srcEnable="audio" if sound else "video",
            enabled="1" if clip.enabled and not track.muted else "0",
        )
        # The order of children is the DTD's: note, timeMap, adjustments, anchored items, markers.
        if clip.take.note:
            ET.SubElement(element, "note").text = xml_text(clip.take.note)
        if time_map:
            mapping = ET.SubElement(element, "timeMap")
            for at, value in time_map:
                ET.SubElement(mapping, "timept", time=time_text(at), value=time_text(value), interp="linear")
        opacity, volume = clip.values.get("opacity"), clip.values.get("volume")
        if opacity is not None and not opacity.keys and not sound:
            ET.SubElement(element, "adjust-blend", amount=f"{opacity.value:g}")
        if volume is not None and not volume.keys and sound:
            ET.SubElement(element, "adjust-volume", amount=f"{max(_SILENT_DB, volume.value):g}dB")
        for marker in clip.markers:
            if 0 <= marker.frame < clip.duration:
                self._marker(element, marker, start + Fraction(marker.frame) / self._sequence.rate)

    def _timing(self, clip: Clip, media: Media) -> tuple[Fraction, list[tuple[Fraction, Fraction]]]:
        """Where the clip begins in its own (retimed) time, and how that time maps to the media's."""
        assert clip.take is not None
        offset = media_start(media)
        begin = clip.take.start_s + offset
        length = media.duration_s if media.duration_s is not None else Fraction(_STILL_S)
        shown = Fraction(clip.duration) / self._sequence.rate
        if clip.speed == 1:
            return begin, []
        if clip.speed == 0:
            return Fraction(0), [(Fraction(0), begin), (shown, begin)]
        whole = length / abs(clip.speed)
        if clip.speed > 0:
            return (begin - offset) / clip.speed, [(Fraction(0), offset), (whole, offset + length)]
        # One picture earlier: at time t the picture is shown that ends there when it runs forwards.
        last = begin + abs(clip.speed) / self._sequence.rate
        return (offset + length - last) / abs(clip.speed), [(Fraction(0), offset + length), (whole, offset)]

    def _sequence_markers(self, spine: ET.Element, primary: Track | None) -> None:
        """Markers belong to clips in FCPXML: each goes to what is under it in the primary storyline."""
        children = [child for child in spine if child.tag != "transition"]
        starts = primary.starts if primary is not None else (0,)
        for marker in self._sequence.markers:
            place = next((n for n in range(len(children) - 1, -1, -1) if _start(starts, n) <= marker.frame), None)
            if place is None or marker.frame >= max(1, self._sequence.duration):
                self._dropped.say("Markers outside of the film were left out.")
                continue
            begin = _seconds(children[place].get("start", "0s"))
            since = Fraction(marker.frame - _start(starts, place)) / self._sequence.rate
            self._marker(children[place], marker, begin + since)

    def _marker(self, element: ET.Element, marker: Marker, at: Fraction) -> None:
        facts = {
            "start": time_text(at),
            "duration": self._time(max(1, marker.duration)),
            "value": xml_text(marker.name),
        }
        if marker.note:
            facts["note"] = xml_text(marker.note)
        ET.SubElement(element, "marker", facts)

    # ---- resources ---------------------------------------------------------------------------------------------------

    def _format(self, rate: Fraction, width: int, height: int) -> str:
        key = (rate, width, height)
        if key not in self._formats:
            self._formats[key] = name = f"r{len(self._resources) + 1}"
            facts = {"id": name, "frameDuration": time_text(1 / rate)}
            if width and height:
                facts |= {"width": str(width), "height": str(height)}
            ET.SubElement(self._resources, "format", facts)
        return self._formats[key]

    def _asset(self, media: Media) -> str:
        if media.id in self._assets:
            return self._assets[media.id]
        layout = self._format(media.rate, media.width, media.height) if media.has_picture else None
        self._assets[media.id] = name = f"r{len(self._resources) + 1}"
        length = media.duration_s
        facts = {
            "id": name,
            "name": xml_text(media.name),
            "start": time_text(media_start(media)),
            "duration": time_text(length if length is not None else Fraction(0)),
        }
        if layout is not None:
            facts |= {"hasVideo": "1", "format": layout, "videoSources": "1"}
        if media.has_sound:
            channels, rate = str(media.channels or 2), str(media.sample_rate)
            facts |= {"hasAudio": "1", "audioSources": "1", "audioChannels": channels, "audioRate": rate}
        asset = ET.SubElement(self._resources, "asset", facts)
        source = url_of(self._locate(media).as_posix()) if media.path else f"file:///{url_of(media.name)}"
        if not media.path:
            self._dropped.clip("The file isn't known", media.name)
        ET.SubElement(asset, "media-rep", kind="original-media", src=source)
        return name

    def _time(self, frames: int) -> str:
        return time_text(Fraction(frames) / self._sequence.rate)


def _insert_anchored(anchor: ET.Element, connected: ET.Element) -> None:
    """Put a connected storyline where the DTD wants it: after adjustments, before markers."""
    place = next((n for n, child in enumerate(anchor) if child.tag == "marker"), len(anchor))
    anchor.insert(place, connected)


def _start(starts: Iterable[int], place: int) -> int:
    known = tuple(starts)
    return known[min(place, len(known) - 1)]


def _seconds(text: str) -> Fraction:
    return Fraction(text.removesuffix("s"))
