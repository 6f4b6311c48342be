"""Samples of a sound stream by number, at any rate; only the stretch that is asked for is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
from av import AudioFrame, AudioResampler
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard
from numpy.typing import NDArray

from engine.media.containers import open_container, packets_of, picture_stream, sound_stream
from engine.media.decode.stats import DecodeStats
from engine.media.errors import CorruptMedia, NoVideo
from engine.media.probe import first_picture
from engine.media.resample import Resampling, mix_channels

Samples = NDArray[np.float32]  # (channels, samples)

# Formats that guess times after a seek: their sound is decoded from the start.
_GUESSED_TIMES: Final = frozenset({"mp3", "aac", "ac3", "eac3", "dts", "mp2", "amr", "ape", "tta", "mpc", "mpc8"})

# Sound decoded before the wanted sample, so that overlapping transforms, bit reservoirs and filters have settled.
_PREROLL_SECONDS: Final = Fraction(1, 2)

# How much decoded sound is kept for the next read: enough for the overlap that exact resampling needs.
_KEPT_SECONDS: Final = 4


class AudioReader:
    """Samples of one sound stream by number. Not thread-safe: one reader per thread.

    Time zero is the first frame of the file's picture (the first sample where there is no picture), so that frame n at
    rate r and sample n / r * rate belong together. Outside the sound there is silence, on both sides and in gaps.
    """

    def __init__(self, path: Path, *, track: int = 0, zero: Fraction | None = None) -> None:
        """`zero`: container time of sample 0 in seconds (`VideoIndex.start_seconds`, where it is at hand: found out by
        decoding a picture when None). Raises NoAudio, UnsupportedCodec and the errors of opening.
        """
        self.path = path
        self.stats = DecodeStats()
        self._track = track
        self._files = ExitStack()
        self._open()
        self.rate = self._stream.rate
        if self.rate <= 0:
            self.close()
            raise CorruptMedia(path, "its sound has no sample rate")
        self.channel_names = tuple(c.name for c in self._stream.layout.channels)
        self._base = Fraction(self._stream.time_base or Fraction(1, self.rate))
        self._grid: tuple[int, int] | None = None  # (a sample where a frame starts, samples per frame)
        self._seekable = self._container.format.name not in _GUESSED_TIMES
        self._zero = zero
        self._buffer = _Window(len(self.channel_names))
        self._first = 0
        self._last_packet_end: int | None = None  # in ticks
        self._end: int | None = None  # where the sound ends, once seen
        self._packets: Iterator[Packet[AudioStream]] = iter(())
        self._seen: AudioFrame | None = None  # the frame decoded last
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._packets = iter(())
        self._files.close()

    @property
    def zero(self) -> Fraction:
        """Container time of sample 0 in seconds."""
        return self._zero if self._zero is not None else Fraction(0)

    def read(self, first: int, end: int, *, rate: int | None = None, channels: int | None = 2) -> Samples:
        """Samples first to end (exclusive) counted at `rate` (the file's own when None): float32 (channels, n).

        `channels` 2 or 1 mixes by `resample.mix_channels`; None keeps the file's own. Rates are converted by
        libswresample on blocks aligned to the two rates' common period, so that a range equals the same range of the
        whole. Values are about -1 to 1, not clipped. Raises ValueError for end < first.
        """
        if end < first:
            raise ValueError(f"samples {first} to {end}")
        plan = Resampling(self.rate, self.rate if rate is None else rate)
        start, stop = plan.source_range(first, end)
        native = self._native(start, stop)
        mixed = native if channels is None else mix_channels(native, self.channel_names, channels)
        return plan.convert(mixed, start, first, end)

    def extent(self) -> tuple[int, int]:
        """(first, end): where there is sound, in samples of the file's own rate from time zero; end is exact."""
        if self._end is None:
            self._read_to_end()
        assert self._end is not None
        return self._first, max(self._first, self._end)

    # `_buffer` holds what was decoded last; decoding goes on at its end.

    def _native(self, first: int, end: int) -> Samples:
        out = np.zeros((len(self.channel_names), end - first), np.float32)
        if end <= self._first or (self._end is not None and first >= self._end):
            return out
        start = max(first, self._first)
        far = start > self._buffer.end + self.rate * 2
        if start < self._buffer.start or (far and self._seekable):
            self._go_to(start)
        while self._buffer.end < end and self._decode_more(keep_from=start):
            pass
        low, high = max(first, self._buffer.start), min(end, self._buffer.end)
        if self._end is not None:
            high = min(high, self._end)
        if high > low:
            out[:, low - first : high - first] = self._buffer.read(low, high)
        return out

    def _open(self) -> None:
        self._files.close()
        self._files = ExitStack()
        self._container = open_container(self.path, self._files)
        self._files.callback(self._container.close)
        try:
            self._stream = sound_stream(self._container, self.path, self._track)
        except Exception:
            self.close()
            raise
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = Discard.all

    def _begin(self) -> None:
        """Start at the file's start and learn where the first sample lies."""
        if self._zero is None and self._container.streams.video:
            self._zero = self._picture_start()
        self._restart()
        seen = self._seen
        if seen is not None and (seen.sample_rate, len(seen.layout.channels)) != (self.rate, len(self.channel_names)):
            # The decoder knows better than the header: HE-AAC doubles the rate, and the channels, that are announced.
            self.rate = seen.sample_rate
            self.channel_names = tuple(c.name for c in seen.layout.channels)
            self._buffer = _Window(len(self.channel_names))
            self._grid = None
            self._restart()

    def _picture_start(self) -> Fraction | None:
        with ExitStack() as files:
            container = open_container(self.path, files)
            files.callback(container.close)
            try:
                stream = picture_stream(container, self.path)
                time_base = Fraction(stream.time_base or 1)
                frame = first_picture(container, stream, self.path)
            except (NoVideo, CorruptMedia):
                return None
            return None if frame.pts is None else frame.pts * time_base

    @property
    def _exact_times(self) -> bool:
        """Do the container's ticks tell samples apart?"""
        return self._base * self.rate <= 1 and self._base.denominator % self.rate == 0

    def _restart(self) -> None:
        """Decode from the file's start; where nothing decodes there is no sound: first = end = 0."""
        self.stats.seeks += 1
        self._open()
        self._packets = packets_of(self._container, self._stream)
        self._last_packet_end = None
        block = self._next_block()
        while block is not None and block.samples.shape[1] == 0:
            block = self._next_block()
        if self._zero is None:
            self._zero = Fraction(0) if block is None or block.pts is None else block.pts * self._base
        if block is None:
            self._first, self._end = 0, 0
            return
        self._first = self._position(block.pts) if block.pts is not None else 0
        self._buffer.restart(self._first, block.samples)
        following = self._next_block()
        if following is not None:
            start = self._first + block.samples.shape[1]
            if self._grid is None:
                self._grid = (start, following.samples.shape[1])
            self._append(following)
        else:
            self._finish()

    def _position(self, pts: int) -> int:
        assert self._zero is not None
        return _round((pts * self._base - self._zero) * self.rate)

    def _go_to(self, sample: int) -> None:
        """Restart decoding somewhere before `sample`, at a position that is known to the sample."""
        target = sample - int(_PREROLL_SECONDS * self.rate)
        if target <= self._first or not self._seekable or not self._seek(target, sample):
            self._restart()

    def _seek(self, target: int, sample: int) -> bool:
        assert self._zero is not None
        self.stats.seeks += 1
        ticks = (Fraction(target, self.rate) + self._zero) / self._base
        try:
            self._container.seek(math.floor(ticks), stream=self._stream)
            self._packets = packets_of(self._container, self._stream)
            block = self._next_block()
        except FFmpegError:
            return False
        if block is None or block.pts is None:
            return False
        at = self._exact_position(block.pts, block.samples.shape[1])
        if at is None or at > sample:
            return False
        self._buffer.restart(at, block.samples)
        return True

    def _exact_position(self, pts: int, samples: int) -> int | None:
        """The sample at which a block starts; None when the container's times are too coarse to tell."""
        at = self._position(pts)
        if self._exact_times:
            return at
        if self._grid is None or self._grid[1] != samples:
            return None
        base, size = self._grid
        tolerance = self._base * self.rate / 2 + 1
        if size <= 2 * tolerance:
            return None
        snapped = base + _round(Fraction(at - base, size)) * size
        return snapped if abs(snapped - at) <= tolerance + 1 else None

    def _decode_more(self, keep_from: int) -> bool:
        block = self._next_block()
        if block is None:
            self._finish()
            return False
        self._append(block)
        self._buffer.forget_before(min(keep_from, self._buffer.end) - _KEPT_SECONDS * self.rate)
        return True

    def _append(self, block: _Block) -> None:
        """Put a block where its time says; a hole of more than rounding becomes silence, an overlap is played on."""
        if block.pts is not None:
            at = self._position(block.pts)
            hole = at - self._buffer.end
            if hole > max(2, math.ceil(2 * self._base * self.rate)):
                hole = min(hole, self.rate * 3600)  # a damaged time must not ask for all memory
                self._buffer.append(np.zeros((len(self.channel_names), hole), np.float32))
        self._buffer.append(block.samples)

    def _finish(self) -> None:
        end = self._buffer.end
        # A last packet may say that less of it counts than it decodes to (AAC in MP4).
        if self._exact_times and self._last_packet_end is not None:
            said = self._position(self._last_packet_end)
            if end - 8192 < said < end:
                end = said
        self._end = end

    def _read_to_end(self) -> None:
        seconds = self._stream.duration
        if seconds is not None and self._seekable:
            near_end = self._position((self._stream.start_time or 0) + seconds) - self.rate
            if near_end > self._buffer.end + self.rate:
                self._go_to(near_end)
        while self._decode_more(keep_from=self._buffer.end):
            pass

    def _next_block(self) -> _Block | None:
        while True:
            try:
                packet = next(self._packets, None)
            except FFmpegError:
                packet = None
            if packet is None:
                return None
            self.stats.packets += 1
            if packet.pts is not None and packet.duration:
                self._last_packet_end = packet.pts + packet.duration
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            if frames:
                self.stats.frames += len(frames)
                self._seen = frames[0]
                return _Block(frames[0].pts, np.concatenate([self._floats(f) for f in frames], axis=1))

    def _floats(self, frame: AudioFrame) -> Samples:
        samples = to_floats(frame)
        wanted = len(self.channel_names)
        if samples.shape[0] == wanted:
            return samples
        # The layout changed in mid-stream (broadcast recordings do): keep the number of rows.
        out = np.zeros((wanted, samples.shape[1]), np.float32)
        rows = min(wanted, samples.shape[0])
        out[:rows] = samples[:rows]
        return out


class _Window:
    """A stretch of samples [start, end) that grows at its end and is cut at its start."""

    def __init__(self, channels: int) -> None:
        self._store: Samples = np.zeros((channels, 1 << 15), np.float32)
        self._from = self._to = 0  # the columns of the store in use
        self.start = 0

    @property
    def end(self) -> int:
        return self.start + self._to - self._from

    def restart(self, start: int, samples: Samples) -> None:
        self.start, self._from, self._to = start, 0, 0
        self.append(samples)

    def append(self, samples: Samples) -> None:
        count, used = samples.shape[1], self._to - self._from
        if self._to + count > self._store.shape[1]:
            size = self._store.shape[1]
            while size < 2 * (used + count):
                size *= 2
            grown = np.empty((self._store.shape[0], size), np.float32)
            grown[:, :used] = self._store[:, self._from : self._to]
            self._store, self._from, self._to = grown, 0, used
        self._store[:, self._to : self._to + count] = samples
        self._to += count

    def forget_before(self, sample: int) -> None:
        surplus = min(sample, self.end) - self.start
        if surplus > 0:
            self.start += surplus
            self._from += surplus

    def read(self, first: int, end: int) -> Samples:
        offset = self._from - self.start
        return self._store[:, first + offset : end + offset]


class _Block(NamedTuple):
    pts: int | None
    samples: Samples


# WORKAROUND: PyAV 18.1 looks for the end of a frame's planes behind the eighth and reads foreign memory there: every
# planar 7.1 sound crashes the process (audio/frame.py, planes). Interleaved there is one plane. Can go when PyAV counts
# channels; tests/engine/media/test_sound.py, test_eight_channels_are_read, tells.
_UNSAFE_PLANES: Final = 8


def to_floats(frame: AudioFrame) -> Samples:
    """Decoded sound as float32 (channels, samples), full scale = 1; 8-bit sound loses its offset of 128."""
    if frame.format.is_planar and len(frame.layout.channels) >= _UNSAFE_PLANES:
        (frame,) = AudioResampler(format="flt", layout=frame.layout).resample(frame)
    raw = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, len(frame.layout.channels)).T
    kind = frame.format.name.removesuffix("p")
    if kind == "u8":
        return (raw.astype(np.float32) - np.float32(128)) / np.float32(128)
    scale = {"s16": 2.0**-15, "s32": 2.0**-31, "s64": 2.0**-63}.get(kind, 1.0)
    return (raw.astype(np.float64) * scale).astype(np.float32)


def _round(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
