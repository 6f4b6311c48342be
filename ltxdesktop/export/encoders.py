"""Which encoders there are for each codec, which of them work on this machine, and how each is told its quality.

That FFmpeg knows an encoder says nothing: hardware encoders are listed without hardware, and a wheel may lack x264. So
each is asked to encode one picture before it's chosen.
"""

# PyAV's stubs leave parts of HWAccel and encode open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

from av import VideoFrame
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from ltxdesktop.export.errors import NoEncoder
from ltxdesktop.export.presets import PictureCodec, SoundCodec

_PROBED: Final = 256  # pixels a side; some hardware refuses less


@dataclass(frozen=True)
class Quality:
    """How an encoder takes a constant quality: an option, and its values at 0 and 100 (smaller is better)."""

    option: str
    worst: float
    best: float

    def value(self, quality: int) -> str:
        return str(round(self.worst + (self.best - self.worst) * quality / 100))


@dataclass(frozen=True)
class Encoder:
    """A picture encoder by FFmpeg's name, and what it's told."""

    name: str
    pixel_format: str = "yuv420p"
    quality: Quality | None = None
    options: Mapping[str, str] = field(default_factory=dict[str, str])  # always
    steady: Mapping[str, str] = field(default_factory=dict[str, str])  # with a quality
    device: str = ""  # FFmpeg's name of the hardware that frames are uploaded to
    is_hardware: bool = False

    def with_rate(self, *, quality: int, bitrate_kbps: int = 0) -> dict[str, str]:
        """All options for a constant quality (0..100), or for a mean bitrate if one is given."""
        if self.quality is None:
            return dict(self.options)
        if bitrate_kbps:
            peak = {"maxrate": f"{bitrate_kbps * 3 // 2}k", "bufsize": f"{bitrate_kbps * 2}k"}
            limits = {} if self.name == "libsvtav1" else peak  # it takes no peak beside a mean
            return {**self.options, "b": f"{bitrate_kbps}k", **limits}
        return {**self.options, **self.steady, self.quality.option: self.quality.value(quality)}


def _hardware(codec: str, best: int, worst: int) -> tuple[Encoder, ...]:
    """The hardware encoders of a codec, in the order in which they're tried."""
    return (
        Encoder(f"{codec}_nvenc", quality=Quality("cq", worst, best), options={"preset": "p5"},
                steady={"rc": "vbr", "b": "0"}, is_hardware=True),
        Encoder(f"{codec}_videotoolbox", quality=Quality("q:v", 30, 90), is_hardware=True),
        Encoder(f"{codec}_qsv", "nv12", Quality("global_quality", worst, best), is_hardware=True),
        Encoder(f"{codec}_amf", quality=Quality("qp_i", worst, best), steady={"rc": "cqp"}, is_hardware=True),
        Encoder(f"{codec}_vaapi", "nv12", Quality("qp", worst, best), steady={"rc_mode": "CQP"}, device="vaapi",
                is_hardware=True),
    )  # fmt: skip


def _prores(profile: str, pixel_format: str) -> tuple[Encoder, ...]:
    return (Encoder("prores_ks", pixel_format, options={"profile": profile, "vendor": "apl0"}),)


# Software first in each line: it gives the better picture for the same bits. Who wants speed asks for hardware.
_PICTURE: Final[Mapping[PictureCodec, tuple[Encoder, ...]]] = {
    PictureCodec.H264: (
        # A look ahead of 20 frames (the preset's own is 40) keeps an export of 1080p below 600 MB.
        Encoder("libx264", quality=Quality("crf", 40, 10), options={"preset": "medium", "rc-lookahead": "20"}),
        *_hardware("h264", 12, 42),
        Encoder("libopenh264", quality=Quality("b", 2_000_000, 40_000_000), steady={"rc_mode": "bitrate"}),
    ),
    PictureCodec.HEVC: (
        Encoder("libx265", quality=Quality("crf", 42, 12), options={"preset": "medium", "x265-params": "log-level=0"}),
        *_hardware("hevc", 14, 44),
    ),
    PictureCodec.AV1: (
        Encoder("libsvtav1", quality=Quality("crf", 60, 12), options={"preset": "8"}),
        Encoder("libaom-av1", quality=Quality("crf", 60, 12), options={"cpu-used": "6", "row-mt": "1"}),
        *_hardware("av1", 60, 200),
    ),
    PictureCodec.VP9: (
        Encoder(
            "libvpx-vp9",
            quality=Quality("crf", 60, 12),
            options={"deadline": "good", "cpu-used": "4", "row-mt": "1"},
            steady={"b": "0"},
        ),
        Encoder("vp9_qsv", "nv12", Quality("global_quality", 200, 30), is_hardware=True),
        Encoder("vp9_vaapi", "nv12", Quality("qp", 200, 30), device="vaapi", is_hardware=True),
    ),
    PictureCodec.PRORES_422: _prores("standard", "yuv422p10le"),
    PictureCodec.PRORES_HQ: _prores("hq", "yuv422p10le"),
    PictureCodec.PRORES_4444: _prores("4444", "yuv444p10le"),
    PictureCodec.FFV1: (Encoder("ffv1", options={"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}),),
    PictureCodec.GIF: (Encoder("gif", "pal8"),),
    PictureCodec.PNG: (Encoder("png", "rgb24", options={"compression_level": "4"}),),
}


# With 10 bits a colour. FFV1 gets more colour resolution too, for archives.
_DEEP: Final[Mapping[str, str]] = {
    "libx265": "yuv420p10le", "libsvtav1": "yuv420p10le", "libaom-av1": "yuv420p10le",
    "ffv1": "yuv422p10le", "hevc_nvenc": "p010le", "hevc_videotoolbox": "p010le", "hevc_qsv": "p010le",
    "hevc_vaapi": "p010le", "av1_nvenc": "p010le", "av1_qsv": "p010le", "av1_vaapi": "p010le",
}  # fmt: skip
_WITH_ALPHA: Final[Mapping[str, str]] = {"prores_ks": "yuva444p10le", "png": "rgba"}


@dataclass(frozen=True)
class SoundEncoder:
    """A sound encoder, the samples that it's fed with, and what it's told."""

    name: str
    sample_format: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])


_SOUND: Final[Mapping[SoundCodec, tuple[SoundEncoder, ...]]] = {
    SoundCodec.AAC: (
        # Without noise substitution (pns) the same file decodes to the same samples from wherever one starts.
        # The fast coder takes a quarter of the time. Measured at 256 kbit/s, signal to noise: chords 54 dB (the other
        # coder 50), pink noise 28 dB (29), white noise 3 dB (7).
        SoundEncoder("aac", "fltp", {"b": "256k", "aac_pns": "0", "aac_coder": "fast"}),
        SoundEncoder("aac_at", "s16", {"b": "256k"}),
        SoundEncoder("libfdk_aac", "s16", {"b": "256k"}),
    ),
    SoundCodec.OPUS: (SoundEncoder("libopus", "flt", {"b": "192k"}),),
    SoundCodec.FLAC: (SoundEncoder("flac", "s32", {"compression_level": "5"}),),
    SoundCodec.PCM: (SoundEncoder("pcm_s24le", "s32"),),
}


@dataclass(frozen=True)
class Choice:
    """The encoder to use, and what is to be said about the choice ("" where it's the expected one)."""

    encoder: Encoder
    note: str = ""


def choose(codec: PictureCodec, *, hardware: bool = False, deep: bool = False) -> Choice:
    """The first encoder of the codec that works here; with `hardware` the first such one, if any works; with 10 bits a
    colour if `deep`.

    Raises NoEncoder.
    """
    candidates = _PICTURE[codec]
    if deep:
        candidates = tuple(replace(each, pixel_format=_DEEP[each.name]) for each in candidates if each.name in _DEEP)
    if hardware:
        candidates = tuple(sorted(candidates, key=lambda encoder: not encoder.is_hardware))
    found = next((encoder for encoder in candidates if works(encoder)), None)
    if found is None:
        raise NoEncoder(codec.value, (encoder.name for encoder in candidates))
    if hardware and not found.is_hardware and any(encoder.is_hardware for encoder in candidates):
        return Choice(found, f"No hardware encoder for {codec.value} works here; {found.name} is used instead.")
    if not hardware and found.is_hardware:
        return Choice(found, f"{candidates[0].name} isn't installed; the hardware encoder {found.name} is used.")
    return Choice(found)


def choose_sound(codec: SoundCodec) -> SoundEncoder:
    """The first encoder of the codec that is installed. Raises NoEncoder."""
    found = next((encoder for encoder in _SOUND[codec] if _is_installed(encoder.name)), None)
    if found is None:
        raise NoEncoder(codec.value, (encoder.name for encoder in _SOUND[codec]))
    return found


def working(codec: PictureCodec) -> list[Encoder]:
    """All encoders of a codec that work here."""
    return [encoder for encoder in _PICTURE[codec] if works(encoder)]


def works(encoder: Encoder) -> bool:
    """Does this encoder exist, and encode a picture on this machine?"""
    return _works(encoder.name, encoder.pixel_format, encoder.device, tuple(encoder.options.items()))


def with_alpha(encoder: Encoder) -> Encoder:
    """The encoder for pictures with transparent parts."""
    return replace(encoder, pixel_format=_WITH_ALPHA[encoder.name])


def hardware_of(device: str) -> HWAccel | None:
    """The device that frames are uploaded to; None where an encoder takes them from memory."""
    return HWAccel(device_type=device) if device else None


@lru_cache(maxsize=64)
def _works(name: str, pixel_format: str, device: str, options: tuple[tuple[str, str], ...]) -> bool:
    if not _is_installed(name):
        return False
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 talks to standard error otherwise, and has no option for that
    try:
        context = VideoCodecContext.create(name, "w", hwaccel=hardware_of(device))
        assert isinstance(context, VideoCodecContext)
        context.width = context.height = _PROBED
        context.pix_fmt = pixel_format
        context.time_base = Fraction(1, 25)
        context.framerate = Fraction(25)
        context.options = dict(options)
        frame = VideoFrame(_PROBED, _PROBED, pixel_format)
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (FFmpegError, ValueError, OSError, NotImplementedError, RuntimeError):
        return False


@lru_cache(maxsize=64)
def _is_installed(name: str) -> bool:
    try:
        Codec(name, "w")
    except (UnknownCodecError, ValueError):
        return False
    return True
