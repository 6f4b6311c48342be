"""Writing result files: H.264 + AAC, ProRes + PCM, FFV1 + FLAC, or sound alone as WAV or FLAC.

A file is written under a temporary name beside its destination, flushed to the disk, opened again and checked, and only
then takes its name. Leaving the `with` block by an exception (a cancel is one) removes it.
"""

# PyAV's stubs leave the parameter of Packet and the keywords of add_stream open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .colour import from_rgb
from .containers import Guard, flush_to_disk
from .decode import AudioReader
from .errors import MediaError, NoEncoder, NotWritable, ResultCheckFailed
from .index import build_index
from .probe import probe

# H.273 codes: BT.709 for matrix, primaries and transfer.
_BT709: Final = 1
_LIMITED: Final = 1  # AVCOL_RANGE_MPEG
_FULL: Final = 2
_RGB_MATRIX: Final = 0
_SRGB_TRANSFER: Final = 13


class Delivery(Enum):
    """What kind of file. The value is its usual suffix."""

    H264_AAC = ".mp4"
    PRORES_PCM = ".mov"
    FFV1_FLAC = ".mkv"
    WAV = ".wav"
    FLAC = ".flac"

    @property
    def sound_only(self) -> bool:
        return self in (Delivery.WAV, Delivery.FLAC)


@dataclass(frozen=True)
class VideoSpec:
    """Size in pixels (any, odd ones too) and exact rate of the picture to be written.

    With a `time_base` (seconds per tick) each frame is written with its own time, as a take of a variable rate source
    needs; `rate` is nominal then.
    """

    width: int
    height: int
    rate: Fraction
    time_base: Fraction | None = None

    @property
    def tick(self) -> Fraction:
        """Seconds per unit of the times that are written."""
        return 1 / self.rate if self.time_base is None else self.time_base


@dataclass(frozen=True)
class AudioSpec:
    """Sound to be written: samples per second, 1 or 2 channels."""

    rate: int = 48_000
    channels: int = 2


class _Encoder(NamedTuple):
    name: str
    options: Mapping[str, str]


# Fallback order: the first one that really encodes a picture here is taken. Quality is "visually lossless": x264 at
# CRF 14 keeps more than 45 dB on camera pictures; the hardware encoders get a constant quantiser of the same strength.
_VIDEO_ENCODERS: Final[Mapping[Delivery, tuple[_Encoder, ...]]] = {
    Delivery.H264_AAC: (
        _Encoder("libx264", {"crf": "14", "preset": "medium"}),
        _Encoder("h264_nvenc", {"rc": "constqp", "qp": "16", "preset": "p5"}),
        _Encoder("h264_videotoolbox", {"q:v": "80", "allow_sw": "1"}),
        _Encoder("h264_qsv", {"global_quality": "16"}),
        _Encoder("h264_amf", {"rc": "cqp", "qp_i": "16", "qp_p": "16"}),
        _Encoder("libopenh264", {"rc_mode": "off", "b": "40M"}),
    ),
    Delivery.PRORES_PCM: (
        # Without a profile it takes HQ for 4:2:2 and 4444 for 4:4:4.
        _Encoder("prores_ks", {"vendor": "apl0"}),
        _Encoder("prores_aw", {}),
        _Encoder("prores", {}),
    ),
    Delivery.FFV1_FLAC: (_Encoder("ffv1", {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}),),
}
_AUDIO_ENCODERS: Final[Mapping[Delivery, tuple[_Encoder, ...]]] = {
    # Without noise substitution (pns) the same file decodes to the same samples from wherever one starts.
    Delivery.H264_AAC: (
        _Encoder("aac", {"b": "320k", "aac_pns": "0"}),
        _Encoder("libfdk_aac", {"b": "320k"}),
        _Encoder("aac_at", {"b": "320k"}),
    ),
    Delivery.PRORES_PCM: (_Encoder("pcm_s24le", {}),),
    Delivery.FFV1_FLAC: (_Encoder("flac", {"compression_level": "5"}),),
    Delivery.WAV: (_Encoder("pcm_s24le", {}),),
    Delivery.FLAC: (_Encoder("flac", {"compression_level": "5"}),),
}
_CONTAINERS: Final[Mapping[Delivery, tuple[str, Mapping[str, str]]]] = {
    Delivery.H264_AAC: ("mp4", {"movflags": "+faststart+write_colr"}),
    Delivery.PRORES_PCM: ("mov", {"movflags": "+faststart+write_colr"}),
    Delivery.FFV1_FLAC: ("matroska", {}),
    Delivery.WAV: ("wav", {}),
    Delivery.FLAC: ("flac", {}),
}


def pixel_format(delivery: Delivery, width: int, height: int) -> str:
    """How pictures of this size are stored. Colour resolution is halved only along sides that can be halved."""
    match delivery:
        case Delivery.PRORES_PCM if width % 2:
            return "yuv444p10le"  # prores_ks of FFmpeg 8.1 spoils the last column of an odd 4:2:2 picture (measured)
        case Delivery.PRORES_PCM:
            return "yuv422p10le"
        case Delivery.FFV1_FLAC:
            return "bgr0"  # RGB itself: the model's 8-bit pictures are kept bit for bit
        case _ if width % 2:
            return "yuv444p"
        case _:
            return "yuv422p" if height % 2 else "yuv420p"


class MediaWriter:
    """Writes one file; use it as a context manager. Call the write methods in turns, roughly in step, in any portions.

        with MediaWriter(path, Delivery.H264_AAC, video=VideoSpec(768, 512, Fraction(24)), audio=AudioSpec()) as out:
            out.write_rgb(frames)
            out.write_samples(samples)

    The file is at `path` when the block has ended without an exception; otherwise whatever was at `path` is untouched.
    Raises NoEncoder, NotWritable, DiskFull, ResultCheckFailed.
    """

    def __init__(
        self,
        path: Path,
        delivery: Delivery,
        *,
        video: VideoSpec | None = None,
        audio: AudioSpec | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        if (video is None) != delivery.sound_only:
            raise ValueError(f"{delivery.name} {'takes no' if delivery.sound_only else 'needs a'} picture")
        if delivery.sound_only and audio is None:
            raise ValueError(f"{delivery.name} needs sound")
        if audio is not None and audio.channels not in (1, 2):
            raise ValueError(f"{audio.channels} channels: 1 or 2 are possible")
        self.path = path
        self.delivery, self.video, self.audio = delivery, video, audio
        self.frames_written = 0
        self.samples_written = 0
        self._times: list[int] = []
        # Short, whatever the length of the file's own name (255 bytes may be taken already); same folder, same disk.
        self._part = path.parent / f".ltx-{secrets.token_hex(6)}.part"
        self._container: OutputContainer | None = None
        self._video_stream: VideoStream | None = None
        self._audio_stream: AudioStream | None = None
        self._open(metadata or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None:
            self.finish()
        else:
            self.abort()

    def write_rgb(self, frames: NDArray[np.uint8], times: Sequence[int] | None = None) -> None:
        """Append pictures: uint8 (n, height, width, 3), full range RGB with BT.709 or sRGB primaries.

        `times` says when each is shown, increasing ticks of the announced time base; not for constant rates.
        """
        assert self.video is not None
        expected = (self.video.height, self.video.width, 3)
        if frames.ndim != 4 or frames.shape[1:] != expected or frames.dtype != np.uint8:
            raise ValueError(f"pictures are {frames.dtype} {frames.shape}, uint8 (n, {expected}) was announced")
        if times is not None and len(times) != len(frames):
            raise ValueError(f"{len(frames)} pictures and {len(times)} times")
        stored = pixel_format(self.delivery, self.video.width, self.video.height)
        for number, picture in enumerate(frames):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            self.write_frame(from_rgb(frame, stored), None if times is None else times[number])

    def write_frame(self, frame: VideoFrame, time: int | None = None) -> None:
        """Append one PyAV frame that has the file's pixel format and size already (an untouched decoded one, say)."""
        assert self.video is not None
        assert self._video_stream is not None
        if (time is None) != (self.video.time_base is None):
            raise ValueError("frames have times of their own just where a time base was announced")
        if time is not None:
            if self._times and time <= self._times[-1]:
                raise ValueError(f"time {time} does not follow {self._times[-1]}")
            self._times.append(time)
        _tag(frame, self.delivery)
        frame.pts = self.frames_written if time is None else time - self._times[0]
        frame.time_base = self.video.tick
        frame.pict_type = 0  # the encoder decides; a decoded frame remembers what it was
        with Guard(self.path, self.abort):
            self._mux(self._video_stream.encode(frame))
        self.frames_written += 1

    def write_samples(self, samples: NDArray[np.float32]) -> None:
        """Append sound: float32 (channels, n); clipped to -1..1, rounded to the file's depth."""
        assert self.audio is not None
        assert self._audio_stream is not None
        if samples.ndim != 2 or samples.shape[0] != self.audio.channels:
            raise ValueError(f"sound is {samples.shape}, ({self.audio.channels}, n) was announced")
        # One second at a time: the encoder cuts frames of its own size and keeps the rest.
        for start in range(0, samples.shape[1], self.audio.rate):
            portion = samples[:, start : start + self.audio.rate]
            frame = _audio_frame(portion, self._audio_stream.format.name, self.audio)
            frame.pts = self.samples_written
            with Guard(self.path, self.abort):
                self._mux(self._audio_stream.encode(frame))
            self.samples_written += portion.shape[1]

    def finish(self) -> None:
        """Complete, check and name the file. Raises ValueError when no picture (or no sample of sound) was written."""
        if (self.video is not None and not self.frames_written) or (self.video is None and not self.samples_written):
            self.abort()
            raise ValueError(f"nothing was written to {self.path}")
        with Guard(self.path, self.abort):
            for stream in (self._video_stream, self._audio_stream):
                if stream is not None:
                    self._mux(stream.encode(None))
            assert self._container is not None
            container, self._container = self._container, None
            container.close()
            flush_to_disk(self._part)
            try:
                self._check()
            except ResultCheckFailed:
                raise
            except MediaError as exc:  # it would name the temporary file
                raise ResultCheckFailed(self.path, "reading it back", "a whole file", exc) from exc
            self._part.replace(self.path)
            flush_to_disk(self.path.parent)

    def abort(self) -> None:
        """Remove what was written; nothing happens when the file is finished."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(FFmpegError, OSError, ValueError):
                container.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _open(self, metadata: Mapping[str, str]) -> None:
        if self.path.is_dir():
            raise NotWritable(self.path, "a folder has that name")
        video = None if self.video is None else self._encoder_for_video()
        audio = None if self.audio is None else self._encoder_for_audio()
        name, options = _CONTAINERS[self.delivery]
        with Guard(self.path, self.abort):
            self._container = av.open(str(self._part.absolute()), "w", format=name, options=dict(options))
            self._container.metadata.update(metadata)
            if video is not None and self.video is not None:
                self._video_stream = _add_video(self._container, video, self.delivery, self.video)
            if audio is not None and self.audio is not None:
                stream = self._container.add_stream(audio.name, rate=self.audio.rate, options=dict(audio.options))
                assert isinstance(stream, AudioStream)
                stream.layout = _layout(self.audio.channels)
                stream.format = _SAMPLE_FORMATS[audio.name]
                stream.time_base = Fraction(1, self.audio.rate)
                self._audio_stream = stream
            self._container.start_encoding()

    def _encoder_for_video(self) -> _Encoder:
        assert self.video is not None
        choices = _VIDEO_ENCODERS[self.delivery]
        stored = pixel_format(self.delivery, self.video.width, self.video.height)
        found = next((e for e in choices if _video_encoder_works(e.name, stored)), None)
        if found is None:
            raise NoEncoder(self.path, f"{self.delivery.name} picture", tuple(e.name for e in choices))
        return found

    def _encoder_for_audio(self) -> _Encoder:
        choices = _AUDIO_ENCODERS[self.delivery]
        found = next((e for e in choices if _audio_encoder_works(e.name)), None)
        if found is None:
            raise NoEncoder(self.path, f"{self.delivery.name} sound", tuple(e.name for e in choices))
        return found

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        assert self._container is not None
        for packet in packets:
            self._container.mux(packet)

    def _check(self) -> None:
        info = probe(self._part)
        if self.video is not None:
            found = info.require_video()
            _equal(self.path, "size", (self.video.width, self.video.height), (found.width, found.height))
            index = build_index(self._part)
            _equal(self.path, "frames", self.frames_written, index.frames)
            if self._times:
                asked = [(t - self._times[0]) * self.video.tick for t in self._times]
                found_times = [(int(p) - int(index.pts[0])) * index.time_base for p in index.pts]
                late = max(abs(a - b) for a, b in zip(asked, found_times, strict=True))
                # MP4 and MOV keep the ticks; Matroska rounds to its milliseconds.
                _equal(
                    self.path,
                    "times",
                    True,
                    late <= (0 if self.delivery is not Delivery.FFV1_FLAC else index.time_base),
                )
            elif self.frames_written > 1:
                _equal(self.path, "rate", (self.video.rate, True), (index.rate, index.is_constant))
        _equal(self.path, "sound streams", int(self.audio is not None), len(info.audio))
        if self.audio is not None and self.samples_written:
            with AudioReader(self._part, zero=Fraction(0)) as reader:
                _equal(self.path, "sample rate", self.audio.rate, reader.rate)
                # The length is exact; Matroska's milliseconds may move the start by half of one.
                first, end = reader.extent()
                _equal(self.path, "samples", self.samples_written, end - first)


# What each sound encoder is fed with.
_SAMPLE_FORMATS: Final = {"aac": "fltp", "aac_at": "s16", "libfdk_aac": "s16", "pcm_s24le": "s32", "flac": "s32"}


def _layout(channels: int) -> str:
    return "mono" if channels == 1 else "stereo"


def _add_video(container: OutputContainer, encoder: _Encoder, delivery: Delivery, video: VideoSpec) -> VideoStream:
    stream = container.add_stream(encoder.name, rate=video.rate, options=dict(encoder.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    stream.width, stream.height = video.width, video.height
    stream.pix_fmt = pixel_format(delivery, video.width, video.height)
    stream.time_base = context.time_base = video.tick
    stream.thread_type = "AUTO"
    context.color_primaries = _BT709
    if stream.pix_fmt == "bgr0":
        context.colorspace, context.color_trc, context.color_range = _RGB_MATRIX, _SRGB_TRANSFER, _FULL
    else:
        context.colorspace, context.color_trc, context.color_range = _BT709, _BT709, _LIMITED
    return stream


def _tag(frame: VideoFrame, delivery: Delivery) -> None:
    rgb = delivery is Delivery.FFV1_FLAC
    frame.colorspace = _RGB_MATRIX if rgb else _BT709
    frame.color_range = _FULL if rgb else _LIMITED
    frame.color_trc = _SRGB_TRANSFER if rgb else _BT709
    frame.color_primaries = _BT709


def _audio_frame(samples: NDArray[np.float32], sample_format: str, audio: AudioSpec) -> AudioFrame:
    clipped = np.clip(samples, -1, 1)
    match sample_format:
        case "s32":  # 24 significant bits on top
            whole = np.minimum(np.rint(clipped.astype(np.float64) * 2**23), 2**23 - 1).astype(np.int32) << 8
            data = np.ascontiguousarray(whole.T).reshape(1, -1)
        case "s16":
            whole = np.minimum(np.rint(clipped * np.float32(2**15)), 2**15 - 1).astype(np.int16)
            data = np.ascontiguousarray(whole.T).reshape(1, -1)
        case _:
            data = np.ascontiguousarray(clipped, np.float32)
    frame = AudioFrame.from_ndarray(data, sample_format, _layout(audio.channels))
    frame.sample_rate = audio.rate
    frame.time_base = Fraction(1, audio.rate)
    return frame


@lru_cache(maxsize=64)
def _video_encoder_works(name: str, stored_format: str) -> bool:
    """Does this encoder exist and encode a picture on this machine (hardware encoders exist without hardware)?"""
    try:
        context = VideoCodecContext.create(name, "w")
        if not isinstance(context, VideoCodecContext):
            return False
        context.width = context.height = 256
        context.pix_fmt = stored_format
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25)
        frame = VideoFrame(256, 256, stored_format)
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (FFmpegError, UnknownCodecError, ValueError, OSError):
        return False


@lru_cache(maxsize=16)
def _audio_encoder_works(name: str) -> bool:
    try:
        return Codec(name, "w").type == "audio"
    except (UnknownCodecError, ValueError):
        return False


def working_video_encoder(delivery: Delivery) -> str | None:
    """The name of the encoder that `MediaWriter` would take for an even size; None where none works."""
    stored = pixel_format(delivery, 256, 256)
    return next((e.name for e in _VIDEO_ENCODERS.get(delivery, ()) if _video_encoder_works(e.name, stored)), None)


def _equal(path: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ResultCheckFailed(path, what, expected, found)


def write_media(
    path: Path,
    delivery: Delivery,
    *,
    frames: Iterable[NDArray[np.uint8]] = (),
    samples: NDArray[np.float32] | None = None,
    rate: Fraction | None = None,
    sample_rate: int = 48_000,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write whole arrays: `frames` in portions (n, height, width, 3), `samples` (channels, n). See MediaWriter."""
    portions = iter(frames)
    first = next(portions, None)
    video = None
    if first is not None:
        if rate is None:
            raise ValueError("pictures need a rate")
        video = VideoSpec(first.shape[2], first.shape[1], rate)
    audio = None if samples is None else AudioSpec(sample_rate, samples.shape[0])
    with MediaWriter(path, delivery, video=video, audio=audio, metadata=metadata) as out:
        if samples is not None:
            out.write_samples(samples)  # small; the muxer holds it back until the pictures come
        if first is not None:
            out.write_rgb(first)
            for portion in portions:
                out.write_rgb(portion)
