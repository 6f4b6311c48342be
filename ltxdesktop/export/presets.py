"""What a film can be exported as: one table of presets, and the kinds of picture and sound that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from ltxdesktop.export.errors import NoSuchPreset


class PictureCodec(Enum):
    """How pictures are stored; the value is the name that people know."""

    H264 = "H.264"
    HEVC = "HEVC"
    AV1 = "AV1"
    VP9 = "VP9"
    PRORES_422 = "ProRes 422"
    PRORES_HQ = "ProRes 422 HQ"
    PRORES_4444 = "ProRes 4444"
    FFV1 = "FFV1"
    GIF = "GIF"
    PNG = "PNG"

    @property
    def is_lossless(self) -> bool:
        """Does every picture come back bit for bit as it was sent to the encoder?"""
        return self in (PictureCodec.FFV1, PictureCodec.PNG)

    @property
    def can_be_copied(self) -> bool:
        """Can pictures of a source in this codec be taken over as they are (see `smart`)?"""
        return self in _COPIED

    @property
    def has_alpha(self) -> bool:
        """Can parts of its pictures be transparent?"""
        return self in (PictureCodec.PRORES_4444, PictureCodec.PNG)

    @property
    def has_depth(self) -> bool:
        """Can it be 8 bits or 10? ProRes always has 10; the VP9 encoder that PyAV brings knows 8 alone."""
        return self in (PictureCodec.HEVC, PictureCodec.AV1, PictureCodec.FFV1)

    @property
    def has_rate(self) -> bool:
        """Can quality or bitrate be chosen?"""
        return self in (PictureCodec.H264, PictureCodec.HEVC, PictureCodec.AV1, PictureCodec.VP9)


_COPIED: Final = frozenset(
    {
        PictureCodec.H264,
        PictureCodec.HEVC,
        PictureCodec.PRORES_422,
        PictureCodec.PRORES_HQ,
        PictureCodec.PRORES_4444,
        PictureCodec.FFV1,
    }
)


class SoundCodec(Enum):
    """How sound is stored."""

    AAC = "AAC"
    OPUS = "Opus"
    FLAC = "FLAC"
    PCM = "PCM, 24 bits"

    @property
    def is_lossless(self) -> bool:
        return self in (SoundCodec.FLAC, SoundCodec.PCM)


class Framing(Enum):
    """What is done where the film's shape isn't the file's."""

    FIT = "fit"  # the whole picture, bars beside it
    FILL = "fill"  # no bars: what doesn't fit is cut off


_HOLD_POSTERS: Final = frozenset({"mp4", "matroska"})  # FFmpeg writes none into QuickTime and WebM
_HOLD_CHAPTERS: Final = frozenset({"mp4", "mov", "ipod", "matroska", "webm"})
_WORDLESS: Final = frozenset({"gif", "image2"})


@dataclass(frozen=True)
class Preset:
    """One way to export. `width` and `height` 0 mean the film's own size, `lufs` None its own loudness."""

    id: str  # on the command line and in the queue's file
    name: str
    note: str  # for whom it is, in a sentence
    suffix: str  # of the file; "" is a folder of numbered pictures
    container: str  # FFmpeg's name of the muxer
    picture: PictureCodec | None = None
    sound: SoundCodec | None = None
    width: int = 0
    height: int = 0
    framing: Framing = Framing.FIT
    quality: int = 70  # 0..100, for codecs that have a choice
    lufs: float | None = None

    @property
    def is_folder(self) -> bool:
        return not self.suffix

    @property
    def holds_poster(self) -> bool:
        return self.picture is not None and self.container in _HOLD_POSTERS

    @property
    def holds_chapters(self) -> bool:
        return self.container in _HOLD_CHAPTERS

    @property
    def holds_words(self) -> bool:
        """A title and a comment."""
        return self.container not in _WORDLESS


_ALL: Final = (
    Preset("h264", "H.264", "Plays everywhere: web, phones, televisions.", ".mp4", "mp4",
           PictureCodec.H264, SoundCodec.AAC),
    Preset("hevc", "HEVC (H.265)", "Half the size of H.264 on newer devices.", ".mp4", "mp4",
           PictureCodec.HEVC, SoundCodec.AAC),
    Preset("av1", "AV1", "The smallest files; takes longest.", ".mp4", "mp4", PictureCodec.AV1, SoundCodec.AAC),
    Preset("vp9", "VP9 (WebM)", "For web pages, free of licences.", ".webm", "webm",
           PictureCodec.VP9, SoundCodec.OPUS),
    Preset("vertical", "Vertical 9:16", "1080 × 1920 for phones, filled, at −14 LUFS.", ".mp4", "mp4",
           PictureCodec.H264, SoundCodec.AAC, 1080, 1920, Framing.FILL, lufs=-14),
    Preset("square", "Square 1:1", "1080 × 1080 for feeds, filled, at −14 LUFS.", ".mp4", "mp4",
           PictureCodec.H264, SoundCodec.AAC, 1080, 1080, Framing.FILL, lufs=-14),
    Preset("prores-422", "ProRes 422", "For editing on in other programs.", ".mov", "mov",
           PictureCodec.PRORES_422, SoundCodec.PCM),
    Preset("prores-hq", "ProRes 422 HQ", "For grading and finishing in other programs.", ".mov", "mov",
           PictureCodec.PRORES_HQ, SoundCodec.PCM),
    Preset("prores-4444", "ProRes 4444", "Full colour, and transparency if wanted.", ".mov", "mov",
           PictureCodec.PRORES_4444, SoundCodec.PCM),
    Preset("ffv1", "FFV1 (lossless)", "Every picture bit for bit, for archives.", ".mkv", "matroska",
           PictureCodec.FFV1, SoundCodec.FLAC),
    Preset("gif", "GIF", "A short loop without sound.", ".gif", "gif", PictureCodec.GIF),
    Preset("png", "PNG pictures", "A folder with one picture for each frame.", "", "image2", PictureCodec.PNG),
    Preset("wav", "WAV", "Sound alone, as mixed.", ".wav", "wav", sound=SoundCodec.PCM),
    Preset("flac", "FLAC", "Sound alone, lossless and smaller.", ".flac", "flac", sound=SoundCodec.FLAC),
    Preset("aac", "AAC (M4A)", "Sound alone, small.", ".m4a", "ipod", sound=SoundCodec.AAC),
)  # fmt: skip

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({preset.id: preset for preset in _ALL})

# What people write instead.
_ALSO: Final = {"h265": "hevc", "x264": "h264", "x265": "hevc", "mp4": "h264", "webm": "vp9", "prores": "prores-422"}


def preset_named(name: str) -> Preset:
    """The preset with this id, or with a name that is commonly used for it. Raises NoSuchPreset."""
    known = name.lower()
    try:
        return PRESETS[_ALSO.get(known, known)]
    except KeyError:
        raise NoSuchPreset(name, PRESETS) from None
