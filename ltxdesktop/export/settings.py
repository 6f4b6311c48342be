"""The choices of one export, as a person makes them, and what follows from them for a sequence: size, rate, lengths."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from ltxdesktop.document.model import Sequence, TrackKind
from ltxdesktop.document.time import frame_at, nearest, parse_rate, rate_text, samples_at
from ltxdesktop.export.errors import BadSettings, NothingToExport
from ltxdesktop.export.presets import Framing, PictureCodec, Preset, SoundCodec, preset_named

AS_MIXED: Final = 0.0  # of loudness: none is wanted, whatever the preset says
LOUDNESS_TARGETS: Final = (-14.0, -16.0, -23.0)  # LUFS: web video, podcasts, European broadcast (EBU R 128)

_GIF_LIMIT: Final = 50  # frames a second: its times are hundredths, and players take 1/100 for a mistake
_OPUS_RATES: Final = (8000, 12000, 16000, 24000, 48000)
LARGEST: Final = 16384  # pixels a side
_RATES: Final = (1, 1000)  # pictures a second; one more digit is a slip of the keyboard
_HIGHEST_KBPS: Final = 1_000_000  # encoders count the bits of two seconds in 32 bits


class Subtitles(Enum):
    """What becomes of the subtitle tracks."""

    BURNT = "burnt"  # drawn into the picture, as the program shows them
    FILE = "file"  # an .srt file beside the film, and not in the picture
    NONE = "none"


@dataclass(frozen=True)
class Settings:
    """What a person chose. 0 and None stand for the film's own or the preset's value.

    `first` and `last` are frames of the sequence, `last` exclusive; None takes its In and Out, or the whole film.
    """

    preset: str = "h264"
    width: int = 0
    height: int = 0
    rate: Fraction | None = None
    first: int | None = None
    last: int | None = None
    quality: int | None = None  # 0..100
    bitrate_kbps: int = 0  # instead of a quality
    hardware: bool = False  # encode with the graphics card where that works
    with_sound: bool = True
    mono: bool = False
    lufs: float | None = None  # AS_MIXED leaves it alone
    subtitles: Subtitles = Subtitles.BURNT
    alpha: bool = False  # what is see-through stays so, instead of showing black
    deep: bool = False  # 10 bits a colour instead of 8
    framing: Framing | None = None
    focus: float = 0.5  # where the cut of a filled frame lies: 0 left or top, 1 right or bottom
    smart: bool = True  # copy pictures that nothing is done to, where that is possible
    chapters: bool = True  # from the sequence's markers
    disclose: bool = True  # say in the file that parts of the film were generated, where they were
    poster: int | None = None  # frame of the sequence that stands for the film in file browsers

    def to_dict(self) -> dict[str, Any]:
        """For the queue's file; only what differs from the defaults."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = _plain(value)
        return found

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Settings:
        """Raises BadSettings for what no version of this program wrote; names that it doesn't know are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in said.items() if name in known}
        try:
            for name, kind in (("rate", parse_rate), ("subtitles", Subtitles), ("framing", Framing)):
                if values.get(name) is not None:
                    values[name] = kind(values[name])
            return cls(**values)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadSettings(f"These export settings can't be read: {error}.") from error


@dataclass(frozen=True)
class Shape:
    """What settings come to for one sequence: everything about the file but its pixels. Frames count from 0."""

    preset: Preset
    width: int
    height: int
    rate: Fraction
    first: int  # of the sequence
    last: int  # exclusive
    source_rate: Fraction  # of the sequence
    frames: int  # of the file
    sample_rate: int
    channels: int
    first_sample: int  # of the sequence
    samples: int
    framing: Framing
    quality: int
    lufs: float | None
    alpha: bool = False
    deep: bool = False

    @property
    def has_picture(self) -> bool:
        return self.preset.picture is not None

    @property
    def has_sound(self) -> bool:
        return self.channels > 0

    @property
    def seconds(self) -> Fraction:
        """How long the film is."""
        return (self.last - self.first) / self.source_rate

    def frame_of_film(self, number: int) -> int:
        """The sequence frame that frame `number` of the file shows: the one on screen when it begins."""
        if self.rate == self.source_rate:
            return self.first + number
        return min(self.first + frame_at(number / self.rate, self.source_rate), self.last - 1)

    def number_of(self, frame: int) -> int:
        """The frame of the file that is on screen when a sequence frame begins."""
        if self.rate == self.source_rate:
            return frame - self.first
        return frame_at((frame - self.first) / self.source_rate, self.rate)


def shape_of(sequence: Sequence, settings: Settings) -> Shape:
    """What is to be written. Raises NoSuchPreset, BadSettings, NothingToExport."""
    preset = preset_named(settings.preset)
    first, last = _range(sequence, settings)
    rate = settings.rate or sequence.rate
    width, height = _size(sequence, settings, preset)
    _check(preset, width, height, rate, settings)
    sample_rate = sequence.sample_rate
    if preset.sound is SoundCodec.OPUS and sample_rate not in _OPUS_RATES:
        sample_rate = _OPUS_RATES[-1]  # the film is mixed at that rate
    first_sample, last_sample = (samples_at(frame, sequence.rate, sample_rate) for frame in (first, last))
    wanted = settings.with_sound and any(any(track.clips) for track in sequence.of_kind(TrackKind.AUDIO))
    has_sound = preset.sound is not None and (wanted or preset.picture is None)
    frames = last - first if rate == sequence.rate else max(1, nearest((last - first) * rate / sequence.rate))
    return Shape(
        preset=preset,
        width=width,
        height=height,
        rate=rate,
        first=first,
        last=last,
        source_rate=sequence.rate,
        frames=frames,
        sample_rate=sample_rate,
        channels=(1 if settings.mono else 2) if has_sound else 0,
        first_sample=first_sample,
        samples=last_sample - first_sample,
        framing=settings.framing or preset.framing,
        quality=preset.quality if settings.quality is None else settings.quality,
        lufs=preset.lufs if settings.lufs is None else settings.lufs or None,
        alpha=settings.alpha,
        deep=settings.deep,
    )


def even(size: int) -> int:
    """The nearest even size that isn't larger; half resolution colour needs it."""
    return max(2, size // 2 * 2)


def size_estimate(shape: Shape, bitrate_kbps: int = 0) -> int:
    """About how many bytes the file will have; of constant quality nobody knows before, so within a factor of two."""
    seconds = float(shape.seconds)
    pixels = shape.width * shape.height * shape.frames
    sound_bits = {SoundCodec.AAC: 256_000, SoundCodec.OPUS: 192_000}.get(
        shape.preset.sound or SoundCodec.PCM, shape.sample_rate * shape.channels * 24
    )
    if shape.preset.sound is SoundCodec.FLAC:
        sound_bits = sound_bits * 2 // 3
    bits = seconds * sound_bits if shape.has_sound else 0.0
    if shape.preset.picture is not None:
        bits += seconds * bitrate_kbps * 1000 if bitrate_kbps else pixels * _bits_per_pixel(shape)
    return int(bits / 8)


def _bits_per_pixel(shape: Shape) -> float:
    """Of camera pictures at 25 a second; each 20 steps of quality double or halve it."""
    at_70 = {
        PictureCodec.H264: 0.11,
        PictureCodec.HEVC: 0.07,
        PictureCodec.AV1: 0.05,
        PictureCodec.VP9: 0.06,
        PictureCodec.PRORES_422: 2.3,  # Apple's white paper: 147 Mbit/s at 1080p29.97
        PictureCodec.PRORES_HQ: 3.5,  # 220 Mbit/s
        PictureCodec.PRORES_4444: 5.3,  # 330 Mbit/s
        PictureCodec.FFV1: 5.0,
        PictureCodec.GIF: 3.0,
        PictureCodec.PNG: 10.0,
    }
    assert shape.preset.picture is not None
    factor = 2 ** ((shape.quality - 70) / 20) if shape.preset.picture.has_rate else 1
    return at_70[shape.preset.picture] * factor


def _range(sequence: Sequence, settings: Settings) -> tuple[int, int]:
    first = sequence.in_frame if settings.first is None else settings.first
    last = sequence.out_frame if settings.last is None else settings.last
    first = max(0, first or 0)
    last = sequence.duration if last is None else min(last, sequence.duration)
    if first >= last:
        raise NothingToExport(sequence.name)
    return first, last


def _size(sequence: Sequence, settings: Settings, preset: Preset) -> tuple[int, int]:
    """The file's size: as asked; one side alone keeps the film's shape."""
    width, height = settings.width or preset.width, settings.height or preset.height
    if settings.width and not settings.height:
        return width, even(round(width * sequence.height / sequence.width))
    if settings.height and not settings.width:
        return even(round(height * sequence.width / sequence.height)), height
    return width or sequence.width, height or sequence.height


def _check(preset: Preset, width: int, height: int, rate: Fraction, settings: Settings) -> None:
    """Raises BadSettings."""
    if not (2 <= width <= LARGEST and 2 <= height <= LARGEST):
        raise BadSettings(f"{width} x {height} is no size that can be exported; each side must be 2 to {LARGEST}.")
    if preset.picture not in (None, PictureCodec.GIF, PictureCodec.PNG) and (width % 2 or height % 2):
        raise BadSettings(
            f"{preset.name} needs even sides: {width} x {height} isn't possible, {even(width)} x {even(height)} is."
        )
    if not _RATES[0] <= rate <= _RATES[1]:
        raise BadSettings(f"{float(rate):g} pictures a second can't be exported; {_RATES[0]} to {_RATES[1]} can.")
    if preset.picture is PictureCodec.GIF and rate > _GIF_LIMIT:
        raise BadSettings(f"A GIF can't show {float(rate):g} pictures a second; {_GIF_LIMIT} is the most.")
    if settings.quality is not None and not 0 <= settings.quality <= 100:
        raise BadSettings(f"Quality goes from 0 to 100; {settings.quality} is outside.")
    if not 0 <= settings.bitrate_kbps <= _HIGHEST_KBPS:
        raise BadSettings(f"A bitrate of {settings.bitrate_kbps} kbit/s isn't possible; {_HIGHEST_KBPS} is the most.")
    if settings.bitrate_kbps and (preset.picture is None or not preset.picture.has_rate):
        raise BadSettings(f"{preset.name} has no bitrate to choose.")
    if settings.alpha and (preset.picture is None or not preset.picture.has_alpha):
        raise BadSettings(f"{preset.name} files can't be transparent; ProRes 4444 and PNG pictures can.")
    if settings.deep and (preset.picture is None or not preset.picture.has_depth):
        raise BadSettings(f"{preset.name} has no choice of 10 bits; HEVC, AV1 and FFV1 have.")
    if settings.lufs and not -40 <= settings.lufs <= -5:
        raise BadSettings(f"A loudness of {settings.lufs:g} LUFS isn't sensible; -14, -16 and -23 are usual.")
    if not 0 <= settings.focus <= 1:
        raise BadSettings("The focus of a filled frame lies between 0 and 1.")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return rate_text(value) if isinstance(value, Fraction) else value
