"""The files that are sent: a stretch of film or sound, a picture; cut, conformed, encoded small enough, and checked."""

# PyAV's stubs leave the parameter of Packet and the keywords of add_stream open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from engine.backends.base import BadRequest, DiskFull, NotWritable, Unsupported
from engine.backends.remote.footage import (
    Films,
    Pixels,
    Samples,
    covering,
    given_samples,
    onto_grid,
)
from engine.backends.remote.offers import UPLOAD_LIMIT_BYTES
from engine.backends.remote.order import FilmParcel, Parcel, SoundParcel, StillParcel
from engine.media.colour import ACCURATE, from_rgb
from engine.media.conform import Fit
from engine.media.encode import AudioSpec, Delivery, MediaWriter
from engine.media.errors import is_disk_full
from engine.media.probe import probe
from engine.media.resample import resample
from engine.media.still import read_still
from engine.protocol.grid import SAMPLE_RATE, sample_of_frame

_TARGET_BYTES: Final = UPLOAD_LIMIT_BYTES * 8 // 10  # what the encoder's limit aims below
_SOUND_BITS: Final = 192_000
_ENCODERS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("libx264", {"crf": "15", "preset": "veryfast", "tune": "fastdecode"}),
    ("h264_nvenc", {"preset": "p4"}),
    ("h264_videotoolbox", {}),
    ("h264_qsv", {}),
    ("h264_amf", {}),
    ("libopenh264", {}),
)
_BT709: Final = 1
_LIMITED: Final = 1

OnFrame = Callable[[int, int], None]  # (done, all): may raise to stop


def pack(parcel: Parcel, films: Films, folder: Path, on_frame: OnFrame) -> Path:
    """Write the file of one parcel and return it, checked.

    Raises BadRequest, Unsupported, DiskFull, NotWritable, and what engine.media raises.
    """
    try:
        match parcel:
            case StillParcel():
                path = _still(parcel, folder)
            case SoundParcel():
                path = _sound(parcel, folder)
            case FilmParcel():
                path = _film(parcel, films, folder, on_frame)
    except (OSError, FFmpegError) as exc:
        if is_disk_full(exc):
            raise DiskFull("The disk is full: what is to be sent couldn't be prepared. Nothing was charged.") from exc
        if isinstance(exc, PermissionError):
            raise NotWritable(f"What is to be sent can't be written to {folder}. Nothing was charged.") from exc
        raise
    size = path.stat().st_size
    if size > UPLOAD_LIMIT_BYTES:
        raise BadRequest(
            f"What would be sent has {size / 1e6:.0f} MB, and the LTX API takes {UPLOAD_LIMIT_BYTES / 1e6:.0f} MB at "
            "most: choose a shorter stretch. Nothing was charged."
        )
    return path


def _still(parcel: StillParcel, folder: Path) -> Path:
    """A picture as PNG at the service's own size, lying where the clip's pixels will lie."""
    width, height = parcel.size
    picture = onto_grid(covering(read_still(Path(parcel.image)), height, width), parcel.fit)
    path = folder / f"{parcel.field}.png"
    Image.fromarray(picture).save(path, compress_level=3)
    return path


def _sound(parcel: SoundParcel, folder: Path) -> Path:
    path = folder / f"{parcel.field}.wav"
    with MediaWriter(path, Delivery.WAV, audio=AudioSpec(SAMPLE_RATE, 2)) as out:
        out.write_samples(given_samples(parcel.sound, 0, parcel.samples))
    return path


def _film(parcel: FilmParcel, films: Films, folder: Path, on_frame: OnFrame) -> Path:
    """The stretch as MP4 (H.264, AAC) at the service's size and a whole rate: one frame for each of the film's."""
    path = folder / f"{parcel.field}.mp4"
    height, width = parcel.fit.grid
    seconds = parcel.frames / parcel.made_rate
    bits = min(60_000_000, int(_TARGET_BYTES * 8 / seconds) - _SOUND_BITS)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container, width, height, parcel.made_rate, bits)
        audio: AudioStream | None = None
        if not parcel.silent:
            stream = container.add_stream("aac", rate=SAMPLE_RATE, options={"b": str(_SOUND_BITS)})
            assert isinstance(stream, AudioStream)
            stream.layout = "stereo"
            audio = stream
        if audio is not None:
            _write_sound(container, audio, _window_sound(parcel, films))
        for number, picture in enumerate(films.pictures(parcel.source, parcel.first, parcel.frames)):
            on_frame(number, parcel.frames)
            frame = _stored(picture, parcel.fit)
            frame.pts, frame.time_base = number, 1 / parcel.made_rate
            frame.colorspace, frame.color_range = _BT709, _LIMITED
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    _check(path, parcel)
    on_frame(parcel.frames, parcel.frames)
    return path


def _stored(picture: Pixels, fit: Fit) -> VideoFrame:
    """A picture of the film on the service's grid, as it is stored: YUV 4:2:0, BT.709, limited range."""
    if fit.inner != fit.grid:
        return from_rgb(VideoFrame.from_ndarray(onto_grid(picture, fit), "rgb24"), "yuv420p")
    height, width = fit.grid  # nothing is mirrored around it: sized and converted in one go, half the time
    return VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(
        width=width,
        height=height,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=ACCURATE,
    )


def _video_stream(container: Any, width: int, height: int, rate: Fraction, bits: int) -> VideoStream:
    name, options = next(((name, options) for name, options in _ENCODERS if _there(name)), ("", {}))
    if not name:
        raise Unsupported("No H.264 encoder works here, and the LTX API takes films in H.264.")
    limits = {"maxrate": str(bits), "bufsize": str(bits)}
    stream = container.add_stream(name, rate=rate, options={**options, **limits})
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = 1 / rate
    stream.thread_type = "AUTO"
    context = stream.codec_context
    context.colorspace = context.color_trc = context.color_primaries = _BT709
    context.color_range = _LIMITED
    if name != "libx264":
        stream.bit_rate = min(bits, 40_000_000)
    return stream


def _there(name: str) -> bool:
    try:
        return Codec(name, "w").type == "video"
    except (UnknownCodecError, ValueError):
        return False


def _window_sound(parcel: FilmParcel, films: Films) -> Samples:
    """The sound under the stretch, as long as its pictures at the rate at which they are sent."""
    start = sample_of_frame(parcel.first, parcel.rate)
    end = sample_of_frame(parcel.first + parcel.frames, parcel.rate)
    if parcel.soundtrack is not None:
        own = given_samples(parcel.soundtrack, start - parcel.soundtrack_at, end - start)
    else:
        own = films.samples(parcel.source, start, end, max(0, parcel.first))
    wanted = sample_of_frame(parcel.frames, parcel.made_rate)
    return fitted(own, parcel.rate, parcel.made_rate, wanted)


def fitted(samples: Samples, rate: Fraction, made_rate: Fraction, wanted: int) -> Samples:
    """Sound of frames at `rate` as it has to be when they play at `made_rate`: (2, wanted), about 0.1 % other speed."""
    if rate != made_rate:
        samples = resample(samples, round(SAMPLE_RATE * made_rate / rate), SAMPLE_RATE)
    out = np.zeros((2, wanted), np.float32)
    count = min(wanted, samples.shape[1])
    out[:, :count] = samples[:, :count]
    return out


def _write_sound(container: Any, stream: AudioStream, samples: Samples) -> None:
    for start in range(0, samples.shape[1], SAMPLE_RATE):
        portion = np.ascontiguousarray(np.clip(samples[:, start : start + SAMPLE_RATE], -1, 1))
        frame = AudioFrame.from_ndarray(portion, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _check(path: Path, parcel: FilmParcel) -> None:
    """What goes out is what was meant: frames, rate, size, sound."""
    info = probe(path, exact=True)
    video = info.require_video()
    height, width = parcel.fit.grid
    found = (video.width, video.height, video.frames, cast("Fraction", video.rate), bool(info.audio))
    meant = (width, height, parcel.frames, parcel.made_rate, not parcel.silent)
    if found != meant:
        raise RuntimeError(f"the film to be sent was written wrong: {found} instead of {meant}")
