"""Smart render: which pictures of a film can be copied from its sources instead of being encoded again.

H.264 into H.264 of the same size and rate. A group of pictures is copied when it's whole and closed (it begins with an
IDR picture and no picture before it refers into it); at the end of a clip as much of a group as needs nothing of what
follows. Everything around that is encoded with parameter sets under a number of its own, so that both kinds stand in
one stream that every player understands.

    clip's frames   |-----[ group ][ group ][ gro|up ]
    in the file     |enc. [copied ][copied ][cop.|

ProRes into the same kind of ProRes, and FFV1 into FFV1: each picture is a group of its own, so that all but what is
changed is copied. Not HEVC: x265 can't number its parameter sets, and two sets under one number are only allowed where
they stand among the pictures ("hev1"), which Apple's players refuse.
"""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from av import Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard
from av.video.stream import VideoStream

from engine.media.colour import ColourTags, Matrix
from engine.media.containers import open_container, opened, packets_of
from engine.media.errors import MediaError
from engine.media.index import VideoIndex
from engine.media.orientation import UPRIGHT
from engine.media.probe import VideoInfo, probe
from ltxdesktop.document.model import Clip, Media, MediaId, MediaKind, Sequence
from ltxdesktop.export import avc
from ltxdesktop.export.presets import PictureCodec
from ltxdesktop.export.settings import Settings, Shape
from ltxdesktop.render.plan import Layer, Plan, Route, Span
from ltxdesktop.render.values import COLOUR, is_default

IndexOf = Callable[[Path], VideoIndex | None]
Locate = Callable[[Media], Path]

_CONTAINERS = frozenset({"mp4", "mov", "matroska"})
_FEWEST = 8  # pictures; a shorter piece between two encoded ones gains nothing where pictures refer to each other
_TOGETHER = 24  # pictures that stand alone and are handed on at a time

# What a source is called whose pictures the encoder of a kind could have made: codec, pixels, tag in a QuickTime file.
_ALIKE: Mapping[PictureCodec, tuple[str, str, str]] = {
    PictureCodec.H264: ("h264", "yuv420p", ""),
    PictureCodec.PRORES_422: ("prores", "yuv422p10le", "apcn"),
    PictureCodec.PRORES_HQ: ("prores", "yuv422p10le", "apch"),
    PictureCodec.PRORES_4444: ("prores", "yuv444p12le", "ap4h"),  # FFmpeg encodes 10 bits of it and decodes 12
    PictureCodec.FFV1: ("ffv1", "yuv420p", ""),
}

BRIDGE_B_FRAMES = 2  # of what is encoded around the cuts: they may come this much late at most


@dataclass(frozen=True)
class Plain:
    """What a decoder has to know of pictures that stand alone: for all of a file the same bytes, or none."""

    extradata: bytes

    def agrees_with(self, other: Headers) -> bool:
        """Can both be in one file?"""
        return self == other

    def with_those_of(self, other: Headers) -> Plain:
        """The same for both."""
        assert self == other
        return self

    def to_box(self) -> bytes:
        """As a file stores it."""
        return self.extradata


Headers = avc.Headers | Plain


class Piece(NamedTuple):
    """Frames [first, last) of the file, which are frames [at, …) of a source."""

    first: int
    last: int
    source: Source
    at: int


class Copied(NamedTuple):
    """Pictures that are copied: `packets` in decoding order, each with its frame of the file."""

    first: int
    last: int
    packets: tuple[tuple[int, bytes, bool], ...]  # frame, sample, whether it's a key picture


@dataclass(frozen=True)
class SmartPlan:
    """What can be copied, and what all of it has in common."""

    pieces: tuple[Piece, ...]
    headers: Headers  # of all sources, without the encoder's
    template: Path
    delay: int  # frames by which a picture may be decoded before it's shown
    notes: tuple[str, ...] = ()


@dataclass
class Source:
    """A film whose pictures may be copied. Open from the first `groups` until `close`; for one thread."""

    path: Path
    index: VideoIndex
    headers: Headers
    delay: int
    _files: ExitStack = field(default_factory=ExitStack)
    _opened: tuple[InputContainer, VideoStream] | None = None

    def groups(self, first: int, last: int) -> Iterator[Copied]:
        """Closed groups of the source within its frames [first, last), in order, numbered as there."""
        if isinstance(self.headers, Plain):
            yield from self._single(first, last)
            return
        keys = [int(np.searchsorted(self.index.pts, pts)) for pts in self.index.key_pts]
        inside = [number for number, frame in enumerate(keys) if first <= frame < last]
        if not inside:
            return
        packets = self._packets_from(inside[0])
        packet = next(packets, None)
        for number in inside:
            end = keys[number + 1] if number + 1 < len(keys) else self.index.frames
            group: list[Packet[Any]] = []
            while packet is not None and (not group or not packet.is_keyframe):
                group.append(packet)
                packet = next(packets, None)
            made = self._closed(group, keys[number], end, min(end, last))
            if made is not None:
                yield made

    def _single(self, first: int, last: int) -> Iterator[Copied]:
        """Pictures that stand alone, some at a time."""
        ready: list[tuple[int, bytes, bool]] = []
        for packet in self._packets_from(first):
            number = None if packet.pts is None else self.index.number(packet.pts)
            if number is None or number != first + len(ready):
                break  # one is missing: the rest is encoded
            if number == last:
                break
            ready.append((number, bytes(packet), True))
            if len(ready) == _TOGETHER:
                yield Copied(first, number + 1, tuple(ready))
                first, ready = number + 1, []
        if ready:
            yield Copied(first, first + len(ready), tuple(ready))

    def close(self) -> None:
        self._opened = None
        self._files.close()

    def _packets_from(self, key: int) -> Iterator[Packet[Any]]:
        container, stream = self._open()
        wanted = int(self.index.key_pts[key])
        try:
            container.seek(wanted, stream=stream)
            for packet in packets_of(container, stream):
                if packet.size and packet.pts is not None and (packet.pts >= wanted or not packet.is_keyframe):
                    yield packet
        except FFmpegError:
            return

    def _open(self) -> tuple[InputContainer, VideoStream]:
        if self._opened is None:
            container = open_container(self.path, self._files)
            self._files.callback(container.close)
            stream = container.streams[self.index.stream]
            assert isinstance(stream, VideoStream)
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = Discard.all
            self._opened = container, stream
        return self._opened

    def _closed(self, group: list[Packet[Any]], first: int, end: int, wanted: int) -> Copied | None:
        """The group's pictures before `wanted`, as many as need none behind them; None if it can't be copied."""
        frames: list[int] = []
        samples: list[tuple[int, bytes, bool]] = []
        whole = highest = 0
        for place, packet in enumerate(group):
            number = None if packet.pts is None else self.index.number(packet.pts)
            units = self._units(packet)
            if number is None or not first <= number < end or units is None or place - (number - first) > self.delay:
                return None
            if place == 0 and not any(avc.kind_of(unit) == avc.IDR for unit in units):
                return None
            frames.append(number)
            samples.append((number, avc.as_sample(units), place == 0))
            highest = max(highest, number)
            if highest == first + place and highest < wanted:  # all pictures so far, and none beyond
                whole = place + 1
        if len(set(frames)) != len(frames) or not whole:
            return None
        if wanted == end and whole != end - first:
            return None  # pictures are missing, or lead into the next group
        return Copied(first, first + whole, tuple(samples[:whole]))

    def _units(self, packet: Packet[Any]) -> list[bytes] | None:
        """The NAL units; None if they bring parameter sets that the headers don't have."""
        assert isinstance(self.headers, avc.Headers)
        try:
            units = list(avc.length_prefixed(bytes(packet), self.headers.length_size))
        except avc.BadHeaders:
            return None
        known = {*self.headers.sps, *self.headers.pps}
        sets = [unit for unit in units if avc.kind_of(unit) in (avc.SPS, avc.PPS)]
        return units if all(unit in known for unit in sets) else None


def plan_copies(
    sequence: Sequence,
    media: Mapping[MediaId, Media],
    locate: Locate,
    index_of: IndexOf,
    shape: Shape,
    settings: Settings,
) -> SmartPlan | None:
    """What of an export can be copied; None where nothing can. Reads the headers of the sources, nothing more."""
    if not _allows_copies(sequence, shape, settings):
        return None
    sources: dict[MediaId, Source | None] = {}
    pieces: list[Piece] = []
    for span in Plan(sequence, media).spans(shape.first, shape.last):
        clip_layer = _untouched(span)
        if clip_layer is None or clip_layer.clip.media is None:
            continue
        shown = media.get(clip_layer.clip.media)
        if shown is None or not _fits(shown, clip_layer.clip, sequence):
            continue
        if shown.id not in sources:
            sources[shown.id] = open_source(locate(shown), index_of, shape)
        source = sources[shown.id]
        at = (clip_layer.clip.media_time(clip_layer.frame(span.first), sequence.rate) * sequence.rate).__floor__()
        if source is not None and at >= 0 and at + span.last - span.first <= source.index.frames:
            pieces.append(Piece(span.first - shape.first, span.last - shape.first, source, at))
    return _agreed(pieces)


def open_source(path: Path, index_of: IndexOf, shape: Shape) -> Source | None:
    """The file as a source of packets; None if its pictures can't stand in a file of this shape."""
    try:
        info, index = probe(path), index_of(path)
        if info.video is None or index is None or not _is_alike(info.video, index, shape):
            return None
        if info.video.codec != "h264":
            return _open_single(path, index, shape)
        with ExitStack() as files:
            container = open_container(path, files)
            files.callback(container.close)
            stream = container.streams[index.stream]
            assert isinstance(stream, VideoStream)
            headers = avc.Headers.parse(stream.codec_context.extradata or b"")
            delay = stream.codec_context.reorder_depth if hasattr(stream.codec_context, "reorder_depth") else 2
    except (MediaError, OSError, FFmpegError, avc.BadHeaders):
        return None
    return Source(path, index, headers, max(delay, BRIDGE_B_FRAMES))


def _open_single(path: Path, index: VideoIndex, shape: Shape) -> Source | None:
    """A file of pictures that stand alone. Raises the errors of opening."""
    if len(index.key_pts) != index.frames:
        return None
    with opened(path) as container:
        context = container.streams[index.stream].codec_context
        tag = _ALIKE[shape.preset.picture][2] if shape.preset.picture is not None else ""
        extradata = context.extradata or b""
        found = context.codec_tag
    return Source(path, index, Plain(extradata), 0) if not tag or found == tag else None


def steps(plan: SmartPlan, frames: int) -> Iterator[Copied | range]:
    """The whole file in order: groups to copy, and ranges of frames to encode between them."""
    done = 0
    for piece in plan.pieces:
        shift = piece.first - piece.at
        for group in piece.source.groups(piece.at, piece.at + piece.last - piece.first):
            if group.last - group.first < _FEWEST and not isinstance(plan.headers, Plain):
                continue
            first = group.first + shift
            if first > done:
                yield range(done, first)
            packets = tuple((frame + shift, sample, key) for frame, sample, key in group.packets)
            done = group.last + shift
            yield Copied(first, done, packets)
    if done < frames:
        yield range(done, frames)


def _agreed(pieces: list[Piece]) -> SmartPlan | None:
    """The pieces whose sources can stand in one file: those of the source with the most frames first."""
    frames: dict[Path, int] = {}
    sources: dict[Path, Source] = {}
    for piece in pieces:
        sources[piece.source.path] = piece.source
        frames[piece.source.path] = frames.get(piece.source.path, 0) + piece.last - piece.first
    if not frames:
        return None
    by_length = sorted(frames, key=lambda path: -frames[path])
    headers = sources[by_length[0]].headers
    taken: list[Path] = []
    notes: list[str] = []
    for path in by_length:
        if headers.agrees_with(sources[path].headers):
            headers = headers.with_those_of(sources[path].headers)
            taken.append(path)
        else:
            notes.append(f"{path.name} is encoded again: it was made with other encoder settings than {taken[0].name}.")
    return SmartPlan(
        tuple(piece for piece in pieces if piece.source.path in taken),
        headers,
        by_length[0],
        max(sources[path].delay for path in taken),
        tuple(notes),
    )


def _allows_copies(sequence: Sequence, shape: Shape, settings: Settings) -> bool:
    return (
        settings.smart
        and not settings.bitrate_kbps
        and not settings.hardware
        and shape.preset.picture is not None
        and shape.preset.picture.can_be_copied
        and shape.preset.container in _CONTAINERS
        and (shape.width, shape.height) == (sequence.width, sequence.height)
        and shape.rate == sequence.rate
    )


def _untouched(span: Span) -> Layer | None:
    """The one clip that makes a span's pictures, if nothing at all is done to them."""
    if span.route is not Route.PLANES or len(span.layers) != 1:
        return None
    layer = span.layers[0]
    if not isinstance(layer, Layer) or layer.fading or layer.clip.content is not None:
        return None
    clip = layer.clip
    graded = any(not is_default(name, clip.values.get(name)) for name in COLOUR)
    return None if graded or any(effect.enabled for effect in clip.effects) else layer


def _fits(media: Media, clip: Clip, sequence: Sequence) -> bool:
    return (
        media.kind is MediaKind.VIDEO
        and clip.speed == 1
        and media.rate == sequence.rate
        and (media.width, media.height) == (sequence.width, sequence.height)
    )


def _is_alike(video: VideoInfo, index: VideoIndex, shape: Shape) -> bool:
    """Are the stored pictures what the encoder would be given?"""
    assert shape.preset.picture is not None
    codec, pixel_format, _ = _ALIKE[shape.preset.picture]
    return (
        (video.codec, video.pixel_format) == (codec, pixel_format)
        and (video.width, video.height) == (shape.width, shape.height)
        and video.orientation == UPRIGHT
        and video.sample_aspect == 1
        and not video.interlaced
        and index.is_constant
        and index.timed
        and index.rate == shape.rate
        and _is_bt709(video.colour)
    )


def _is_bt709(colour: ColourTags) -> bool:
    return colour.used_matrix is Matrix.BT709 and not colour.full_range and not colour.is_hdr and colour.primaries != 9
