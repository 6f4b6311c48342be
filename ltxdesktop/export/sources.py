"""Films whose pictures may be copied: which those are, what a decoder has to know of them, and their groups."""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from av import Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard
from av.video.stream import VideoStream

from engine.media.colour import ColourTags, Matrix
from engine.media.containers import open_container, opened, packets_of, picture_stream
from engine.media.errors import MediaError
from engine.media.index import VideoIndex
from engine.media.orientation import UPRIGHT
from engine.media.probe import VideoInfo, probe
from ltxdesktop.export import avc, hevc
from ltxdesktop.export.nal import BadHeaders, Role, as_sample
from ltxdesktop.export.presets import PictureCodec
from ltxdesktop.export.settings import Shape

IndexOf = Callable[[Path], VideoIndex | None]


class _Alike(NamedTuple):
    """What a source is called whose pictures the encoder of a kind could have made."""

    codec: str
    pixels: str
    tag: str = ""  # in a QuickTime file


_ALIKE: Mapping[PictureCodec, _Alike] = {
    PictureCodec.H264: _Alike("h264", "yuv420p"),
    PictureCodec.HEVC: _Alike("hevc", "yuv420p"),
    PictureCodec.PRORES_422: _Alike("prores", "yuv422p10le", "apcn"),
    PictureCodec.PRORES_HQ: _Alike("prores", "yuv422p10le", "apch"),
    PictureCodec.PRORES_4444: _Alike("prores", "yuv444p12le", "ap4h"),  # FFmpeg encodes 10 bits of it and decodes 12
    PictureCodec.FFV1: _Alike("ffv1", "yuv420p"),
}

_HEADERS: Mapping[str, Callable[[bytes], avc.Headers | hevc.Headers]] = {
    "h264": avc.Headers.parse,
    "hevc": hevc.Headers.parse,
}

BRIDGE_B_FRAMES = 2  # of what is encoded around the cuts: they may come this much late at most

_TOGETHER = 24  # pictures that stand alone and are handed on at a time


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


Headers = avc.Headers | hevc.Headers | Plain


class Sample(NamedTuple):
    """A packet of pictures to copy."""

    frame: int  # that it shows
    data: bytes
    is_key: bool
    is_leading: bool = False  # shown before the key picture of its group


class Group(NamedTuple):
    """Pictures that can be copied together, from a key picture on, in decoding order; numbered as in their source.

    `first` is `key`, but for leading pictures, which need the group before.
    """

    first: int
    key: int
    last: int
    samples: tuple[Sample, ...]
    is_whole: bool = True  # nothing of it is left out, so that the leading pictures of the next can be decoded
    role: Role = Role.START

    def alone(self) -> Group:
        """Without what needs the group before, and marked so where that is necessary."""
        samples = tuple(sample for sample in self.samples if not sample.is_leading)
        if self.role is Role.OPEN:
            samples = (samples[0]._replace(data=hevc.marked_as_start(samples[0].data)), *samples[1:])
        return self._replace(first=self.key, samples=samples)


@dataclass
class Source:
    """A film whose pictures may be copied. Open from the first `groups` until `close`; for one thread."""

    path: Path
    index: VideoIndex
    headers: Headers
    delay: int  # frames by which a picture may be decoded before it's shown
    _files: ExitStack = field(default_factory=ExitStack)
    _opened: tuple[InputContainer, VideoStream] | None = None

    def groups(self, first: int, last: int) -> Iterator[Group]:
        """Groups of the source whose key pictures lie within its frames [first, last), as far as those go, in order."""
        if isinstance(self.headers, Plain):
            yield from self._single(first, last)
            return
        group: list[Packet[Any]] = []
        for packet in self._packets_from(first):
            if packet.is_keyframe and group:
                made = self._group(self.headers, group, last)
                if made is not None:
                    yield made
                group = []
                if (key := self._number(packet)) is not None and key >= last:
                    return
            group.append(packet)
        if group and (made := self._group(self.headers, group, last)) is not None:
            yield made

    def close(self) -> None:
        self._opened = None
        self._files.close()

    def _single(self, first: int, last: int) -> Iterator[Group]:
        """Pictures that stand alone, some at a time."""
        packets = self._packets_from(first)
        while first < last and (some := list(islice(packets, min(_TOGETHER, last - first)))):
            numbers = [self._number(packet) for packet in some]
            if numbers != list(range(first, first + len(some))):
                return  # one is missing: the rest is encoded
            samples = tuple(Sample(first + at, bytes(packet), True) for at, packet in enumerate(some))
            yield Group(first, first, first + len(some), samples)
            first += len(some)

    def _packets_from(self, first: int) -> Iterator[Packet[Any]]:
        """The packets from the first key picture on that isn't shown before a frame."""
        wanted = next((int(pts) for pts in self.index.key_pts if pts >= self.index.pts[first]), None)
        if wanted is None:
            return
        container, stream = self._open()
        found = False
        try:
            container.seek(wanted, stream=stream)
            for packet in packets_of(container, stream):
                found = found or (packet.is_keyframe and packet.pts is not None and packet.pts >= wanted)
                if found and packet.size and packet.pts is not None:
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

    def _group(self, headers: avc.Headers | hevc.Headers, packets: list[Packet[Any]], last: int) -> Group | None:
        """The pictures of packets from a key picture to the next that are shown before `last`, as many as need none
        behind them; None if they can't be copied."""
        role = Role.OTHER
        samples: list[Sample] = []
        for packet in packets:
            number, units = self._number(packet), headers.units(bytes(packet))
            if units is None:
                return None
            found = headers.role(units)
            if number is None and found is Role.LEADING:
                continue  # of the file's first group: it can't be decoded, and nobody counts it
            if number is None:
                return None
            role = found if not samples else role
            samples.append(Sample(number, as_sample(units), not samples, found is Role.LEADING))
        if role not in (Role.START, Role.OPEN):
            return None
        key = samples[0].frame
        leading = sum(sample.is_leading for sample in samples)
        first = key - leading
        if not self._in_order(samples, first, leading):
            return None
        whole = leading + _as_many_as_follow([s.frame for s in samples if not s.is_leading], key, last)
        if whole == leading:
            return None
        return Group(first, key, key + whole - leading, tuple(samples[:whole]), whole == len(samples), role)

    def _in_order(self, samples: list[Sample], first: int, leading: int) -> bool:
        """Are leading pictures all there, right behind the key picture, and can all be decoded before they're shown?"""
        numbers = {sample.frame for sample in samples}
        return (
            len(numbers) == len(samples)
            and all(sample.is_leading for sample in samples[1 : leading + 1])
            and {sample.frame for sample in samples[1 : leading + 1]} == set(range(first, samples[0].frame))
            and all(place - (sample.frame - first) <= self.delay for place, sample in enumerate(samples))
        )

    def _number(self, packet: Packet[Any]) -> int | None:
        return None if packet.pts is None else self.index.number(packet.pts)


def _as_many_as_follow(numbers: Iterable[int], first: int, last: int) -> int:
    """How many of these, in decoding order, make all frames from `first` to somewhere before `last`, and no other."""
    whole = highest = 0
    for place, number in enumerate(numbers):
        if number < first:
            break
        highest = max(highest, number)
        if highest == first + place and highest < last:
            whole = place + 1
    return whole


def open_source(path: Path, index_of: IndexOf, shape: Shape) -> Source | str:
    """The file as a source of packets; or why its pictures can't stand in a file of this shape, "" where nobody would
    expect them to."""
    try:
        info, index = probe(path), index_of(path)
        if info.video is None or index is None or info.video.codec != _alike(shape).codec:
            return ""
        if why := _difference(info.video, index, shape):
            return why
        parse = _HEADERS.get(info.video.codec)
        if parse is None:
            return _open_single(path, index, shape)
        with opened(path) as container:
            context = picture_stream(container, path).codec_context
            headers, delay = parse(context.extradata or b""), context.reorder_depth
    except BadHeaders as error:
        return f"its headers can't be used ({error})"
    except (MediaError, OSError, FFmpegError):
        return ""
    return Source(path, index, headers, max(delay, BRIDGE_B_FRAMES))


def _open_single(path: Path, index: VideoIndex, shape: Shape) -> Source | str:
    """A file of pictures that stand alone. Raises the errors of opening."""
    if len(index.key_pts) != index.frames:
        return "its pictures don't each stand alone"
    tag = _alike(shape).tag
    with opened(path) as container:
        context = container.streams[index.stream].codec_context
        extradata, found = context.extradata or b"", context.codec_tag
    return Source(path, index, Plain(extradata), 0) if not tag or found == tag else ""


def _alike(shape: Shape) -> _Alike:
    assert shape.preset.picture is not None
    return _ALIKE[shape.preset.picture]


def _difference(video: VideoInfo, index: VideoIndex, shape: Shape) -> str:
    """Why stored pictures of the film's codec aren't what its encoder would be given; "" if they are."""
    pixels = _alike(shape).pixels
    said = (
        (video.pixel_format == pixels, f"its pixels are {video.pixel_format}, the film's {pixels}"),
        ((video.width, video.height) == (shape.width, shape.height), "it has another size"),
        (video.orientation == UPRIGHT, "it's stored turned"),
        (video.sample_aspect == 1, "its pixels aren't square"),
        (not video.interlaced, "it's interlaced"),
        (index.is_constant and index.timed and index.rate == shape.rate, "its frames don't come at the film's rate"),
        (_is_bt709(video.colour), "its colours aren't in BT.709"),
    )
    return next((why for holds, why in said if not holds), "")


def _is_bt709(colour: ColourTags) -> bool:
    return colour.used_matrix is Matrix.BT709 and not colour.full_range and not colour.is_hdr and colour.primaries != 9
