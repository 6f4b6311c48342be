"""Frames of a video file by number, exact on every seek; only the way from the last key picture is decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, cast

import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream
from numpy.typing import NDArray

from engine.media.colour import ColourTags, to_rgb
from engine.media.containers import open_container, packets_of
from engine.media.decode.stats import DecodeStats
from engine.media.errors import CorruptMedia, NoVideo, RangeOutsideMedia
from engine.media.index import VideoIndex, build_index
from engine.media.orientation import Orientation
from engine.media.probe import describe_frame

Pixels = NDArray[np.uint8 | np.uint16]

# A key picture so few frames ahead is not worth a seek: the decoder's threads hold about that many already.
_NEAR_FRAMES: Final = 8

# A frame that doesn't come out within so many keys is damaged: in a long film the way from the start takes minutes.
_KEYS_TRIED: Final = 60


class Planes(NamedTuple):
    """A decoded picture as it is stored: one array per plane (rows, columns) or (rows, columns, components).

    uint8 up to 8 bits, else uint16 with the value in the low bits; rotated for display.
    """

    arrays: tuple[Pixels, ...]
    pixel_format: str
    colour: ColourTags


class VideoReader:
    """Frames of one file by number. Not thread-safe: one reader per thread.

    Going forward costs nothing extra; anything else seeks to the last key picture before the frame and skips, on the
    way, pictures that no other refers to. Holds the file open until `close`.
    """

    def __init__(self, path: Path, index: VideoIndex | None = None, *, threads: int = 0) -> None:
        """`threads` 0 lets FFmpeg choose. Without an index it is built first. Raises the errors of opening."""
        self.path = path
        self.index = build_index(path) if index is None else index
        self.stats = DecodeStats()
        self._threads = threads
        self._files = ExitStack()
        self._run: _Run | None = None
        self._tags: tuple[ColourTags, Orientation] | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._run = None
        self._files.close()

    @property
    def rate(self) -> Fraction:
        return self.index.rate

    @property
    def next_frame(self) -> int | None:
        """The frame that comes next without a seek; None before the first and after a failure."""
        return None if self._run is None else self._run.next_frame

    def goes_on_to(self, frame: int) -> bool:
        """Is `frame` reached by decoding on, or would this reader seek?"""
        return self._reaches(frame) is not None

    def frame(self, number: int) -> VideoFrame:
        """One frame. Raises as `frames` does."""
        return next(self.frames(number, number + 1))[1]

    def frames(self, first: int, end: int) -> Iterator[tuple[int, VideoFrame]]:
        """Frames first to end (exclusive) as (number, PyAV frame): stored pixels, not rotated.

        Raises RangeOutsideMedia before anything is decoded, CorruptMedia where a frame can't be decoded.
        """
        if not 0 <= first < end <= self.index.frames:
            raise RangeOutsideMedia(self.path, first, end, self.index.frames)
        return self._frames(first, end)

    def rgb(self, first: int, end: int, *, bits: int = 8) -> Pixels:
        """Frames as one array (frames, height, width, 3), full range, rotated; uint8, or uint16 with bits=16."""
        return np.stack(list(self.iter_rgb(first, end, bits=bits)))

    def iter_rgb(self, first: int, end: int, *, bits: int = 8) -> Iterator[Pixels]:
        """The pictures of `rgb` one by one, for ranges that should not be in memory at once."""
        for _, frame in self.frames(first, end):
            yield self.to_rgb(frame, bits=bits)

    def to_rgb(self, frame: VideoFrame, *, bits: int = 8) -> Pixels:
        """A frame of this file as RGB (height, width, 3): its own matrix and range, rotated."""
        tags, orientation = self._describe(frame)
        return np.ascontiguousarray(orientation.apply(as_pixels(to_rgb(frame, tags, bits=bits))))

    def planes(self, first: int, end: int) -> Iterator[Planes]:
        """The same frames without any conversion."""
        for _, frame in self.frames(first, end):
            tags, orientation = self._describe(frame)
            yield Planes(tuple(orientation.apply(p) for p in stored_planes(frame)), frame.format.name, tags)

    def _describe(self, frame: VideoFrame) -> tuple[ColourTags, Orientation]:
        if self._tags is None:
            self._tags = ColourTags.of(frame), describe_frame(frame)
        return self._tags

    def _open(self) -> None:
        self._files.close()
        self._files = ExitStack()
        self._container = open_container(self.path, self._files)
        self._files.callback(self._container.close)
        stream = (
            self._container.streams[self.index.stream] if self.index.stream < len(self._container.streams) else None
        )
        if not isinstance(stream, VideoStream):
            self.close()
            raise NoVideo(self.path)
        self._stream = stream
        stream.thread_type = "AUTO"  # PyAV's default decodes on one thread
        stream.codec_context.thread_count = self._threads
        for other in self._container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        self._can_skip = self.index.timed and _nonref_is_safe(stream)  # without times frames are counted: all must come
        self._run = None

    def _frames(self, first: int, end: int) -> Iterator[tuple[int, VideoFrame]]:
        for number in range(first, end):
            yield number, self._frame(number)

    def _frame(self, number: int) -> VideoFrame:
        run = self._run_for(number)
        back = 0
        while True:
            frame = run.advance_to(number)
            if frame is not None:
                return frame
            # It did not come out: start from an earlier key, at last from the file's start.
            if run.from_start or back > _KEYS_TRIED:
                self._run = None
                raise CorruptMedia(self.path, f"frame {number} of {self.index.frames} can't be decoded")
            back = max(1, back * 4)
            run = self._start(self.index.key_before(number) - back)

    def _run_for(self, frame: int) -> _Run:
        """The run that goes on to `frame`: the present one when that is nearer than a seek."""
        return self._reaches(frame) or self._start(self.index.key_before(frame) if self.index.timed else -1)

    def _reaches(self, frame: int) -> _Run | None:
        """The present run, if it comes to `frame` sooner than a seek does."""
        run = self._run
        if run is None or run.next_frame > frame:
            return None
        if not self.index.timed:
            return run
        key = self.index.key_before(frame)
        first_after_key = self.index.first_frame_from(key) if key >= 0 else 0
        return run if first_after_key <= run.next_frame + _NEAR_FRAMES else None

    def _start(self, key: int) -> _Run:
        """Seek to key number `key`, or to the start when it is negative or can't be reached."""
        self.stats.seeks += 1
        back = 1
        while key >= 0 and self.index.timed:
            run = _Run(self._container, self._stream, self.index, self.stats, skip=self._can_skip, from_start=False)
            if run.seek(key):
                self._run = run
                return run
            key, back = key - back, back * 4
        self._open()
        self._run = _Run(self._container, self._stream, self.index, self.stats, skip=self._can_skip, from_start=True)
        return self._run


class _Run:
    """One stretch of decoding without a seek; remembers where it is."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        index: VideoIndex,
        stats: DecodeStats,
        *,
        skip: bool,
        from_start: bool,
    ) -> None:
        self._container, self._stream, self._index, self._stats = container, stream, index, stats
        self._skip = skip
        self.from_start = from_start
        self.next_frame = 0  # the lowest number that may still come out
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._pending: deque[tuple[int, VideoFrame]] = deque()
        self._ended = False
        if from_start:
            self._packets = packets_of(container, stream)

    def seek(self, key: int) -> bool:
        """Go to this key; False when the container lands behind it."""
        index = self._index
        key_pts, key_dts = int(index.key_pts[key]), int(index.key_dts[key])
        # MP4 and Matroska look for the key picture that is shown by then, everything else compares decoding times.
        by_pts = self._container.format.name.startswith(("matroska", "mov,"))
        target = key_pts if by_pts else key_dts
        try:
            self._container.seek(target, stream=self._stream)
            self._packets = packets_of(self._container, self._stream)
            for packet in self._packets:
                self._stats.packets += 1
                if packet.is_keyframe and packet.pts is not None:
                    if packet.pts > key_pts:
                        return False
                    self.next_frame = int(np.searchsorted(index.pts, packet.pts))
                    self._packets = _chain(packet, self._packets)
                    self._stats.packets -= 1  # it is counted when it is fed
                    return True
        except FFmpegError:
            return False
        return False

    def advance_to(self, number: int) -> VideoFrame | None:
        """Frame `number`; None if it did not come out. Pictures before it that none refers to are not even decoded."""
        wanted_pts = int(self._index.pts[number])
        while True:
            while self._pending:
                found, frame = self._pending[0]
                if found > number:
                    return None
                self._pending.popleft()
                self.next_frame = found + 1
                if found == number:
                    return frame
            if self._ended:
                return None
            self._feed(wanted_pts)

    def _feed(self, wanted_pts: int) -> None:
        try:
            packet = next(self._packets, None)
        except FFmpegError:
            packet = None
        if packet is None:
            self._ended = True
            return
        self._stats.packets += 1
        context = self._stream.codec_context
        if self._skip:
            early = packet.pts is not None and packet.pts < wanted_pts
            context.skip_frame = "NONREF" if early else "DEFAULT"
        try:
            frames = packet.decode()
        except FFmpegError:
            return  # this packet is damaged; the frames that it held are missed later
        for frame in frames:
            number = self._number(frame)
            self._stats.frames += 1
            if number is not None and number >= self.next_frame:
                self._pending.append((number, frame))

    def _number(self, frame: VideoFrame) -> int | None:
        if not self._index.timed:
            number = self.next_frame + len(self._pending)
            return number if number < self._index.frames else None
        return None if frame.pts is None else self._index.number(frame.pts)


def _chain(first: Packet[VideoStream], rest: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    yield first
    yield from rest


def _nonref_is_safe(stream: VideoStream) -> bool:
    """May pictures marked "not a reference" be skipped without changing later ones?

    In H.264 and MPEG-2/4 the mark is absolute. In HEVC it only binds pictures of the same temporal layer, so the stream
    must have one layer: hvcC byte 21, bits 3 to 5 (ISO 14496-15 section 8.3.3.1).
    """
    name = stream.codec_context.name
    if name in ("h264", "mpeg2video", "mpeg1video", "mpeg4"):
        return True
    extradata = stream.codec_context.extradata
    return (
        name == "hevc"
        and extradata is not None
        and len(extradata) > 22
        and extradata[0] == 1
        and ((extradata[21] >> 3) & 7) == 1
    )


def as_pixels(frame: VideoFrame) -> Pixels:
    """An rgb24 or rgb48 frame as an array (height, width, 3)."""
    return cast("Pixels", frame.to_ndarray())


def stored_planes(frame: VideoFrame) -> tuple[Pixels, ...]:
    """The planes of a frame as arrays without row padding. They may share the frame's memory: do not write to them.

    A packed format is one plane (rows, columns, bytes or words of a pixel), its unused component (bgr0) included.
    """
    form = frame.format
    depth = max(c.bits for c in form.components)
    dtype = np.dtype(np.uint8 if depth <= 8 else (">u2" if form.is_big_endian else "<u2"))
    planes: list[Pixels] = []
    for number, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        components = sum(1 for c in form.components if c.plane == number)
        values = components  # of one pixel in this plane
        if components > 1 and len({c.plane for c in form.components}) == 1:
            values = form.padded_bits_per_pixel // 8 // dtype.itemsize
        row_bytes = (plane.width + 7) // 8 if form.is_bit_stream else plane.width * max(1, values) * dtype.itemsize
        pixels = np.ascontiguousarray(rows[:, : min(row_bytes, plane.line_size)]).view(dtype)
        planes.append(pixels if values <= 1 else pixels.reshape(plane.height, plane.width, values))
    return tuple(planes)
