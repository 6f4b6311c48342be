"""What the writer and the reader of project text agree on: keys, tables of names, times, and paths as URLs."""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ltxdesktop.document.model import Clip, Media, MediaKind, TrackKind, new_id
from ltxdesktop.document.time import parse_rate

SCHEMA: Final = 1  # of our namespace; raise it with a step in `upgrades` and a sample file of the old version
OURS: Final = "ltxdesktop"  # our namespace in OpenTimelineIO metadata
KEPT: Final = "otio kept"  # in a value's metadata: what another tool wrote where our values have no place for it
START_KEY: Final = "otio start"  # in a media's metadata: seconds at which its own time begins, a fraction as text
DEFAULT_KEY: Final = "DEFAULT_MEDIA"  # OpenTimelineIO's name for a clip's first media reference

TRACK_KINDS: Final = {"Video": TrackKind.VIDEO, "Audio": TrackKind.AUDIO, "Subtitle": TrackKind.SUBTITLE}
TRACK_NAMES: Final = {kind: name for name, kind in TRACK_KINDS.items()}

# Marker colours that OpenTimelineIO names; others travel in our namespace and show as green elsewhere.
MARKER_COLOURS: Final = frozenset(
    ("PINK", "RED", "ORANGE", "YELLOW", "GREEN", "CYAN", "BLUE", "PURPLE", "MAGENTA", "BLACK", "WHITE")
)

Tree = dict[str, Any]  # an object of the JSON text


class Ids:
    """Ids for what another tool made: the same each time the same text is read, so that a journal fits it again."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._count = 0

    def __call__(self) -> str:
        if not self._seed:
            return new_id()
        self._count += 1
        return hashlib.blake2b(f"{self._seed} {self._count}".encode(), digest_size=8).hexdigest()


def otio_float(value: Fraction) -> float:
    """The float that OpenTimelineIO is told for an exact number."""
    return value.numerator / value.denominator


def rate_of(value: float) -> Fraction:
    """The exact rate behind a float: 29.97 and 29.97002997 are 30000/1001, 12.5 is 25/2.

    Raises ValueError for what is no rate.
    """
    return parse_rate(str(Fraction(repr(value)).limit_denominator(1001)))


def media_start(media: Media) -> Fraction:
    """Seconds that the media's own time counts before its first picture (a camera's timecode); 0 for most."""
    return Fraction(str(media.metadata.get(START_KEY, "0")))


def source_start(clip: Clip, media: Media, rate: Fraction) -> Fraction:
    """Where in its media's own time the clip begins, in sequence frames: the earliest media time that it shows.

    For a clip that runs backwards that is the time of its last frame.
    """
    return to_source_start(clip.takes[clip.active].start_s, clip.speed, clip.duration, rate, media_start(media))


def to_source_start(start_s: Fraction, speed: Fraction, duration: int, rate: Fraction, offset: Fraction) -> Fraction:
    """The formula of `source_start` on plain numbers."""
    start = (start_s + offset) * rate
    return start + (duration - 1) * speed if speed < 0 else start


def from_source_start(start: Fraction, speed: Fraction, duration: int, rate: Fraction, offset: Fraction) -> Fraction:
    """The inverse of `to_source_start`: seconds of the media at which the clip's first frame is."""
    first = start - (duration - 1) * speed if speed < 0 else start
    return first / rate - offset


_DRIVE: Final = re.compile(r"^[A-Za-z]:[/\\]")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")


def url_of(path: str) -> str:
    """A media path as the target URL of a reference: relative paths stay relative, all else becomes `file:`.

    Bytes that are no UTF-8 (surrogates in Python's names) are escaped like any other byte.
    """
    plain = quote(path.encode("utf-8", "surrogateescape" if _is_native(path) else "surrogatepass"), safe="/")
    if path.startswith("//"):
        return "file:" + plain
    if path.startswith("/"):
        return "file://" + plain
    if _DRIVE.match(path):
        return "file:///" + path[0] + ":" + quote(path[2:].encode("utf-8", "surrogatepass"), safe="/")
    if "://" in path:
        return path  # on a server: not ours to change
    return plain


def path_of(url: str) -> str:
    """The path that a target URL of any tool means: `file:` URLs, escaped or plain paths, either kind of slash."""
    if url.lower().startswith("file:"):
        parts = urlsplit(url)
        path = unquote(parts.path, errors="surrogateescape")
        if _DRIVE.match(path[1:]):
            path = path[1:]
        elif parts.netloc and parts.netloc != "localhost":
            path = f"//{parts.netloc}{path}"
        return path
    if "://" in url:
        return url
    plain = unquote(url, errors="surrogateescape") if _ESCAPE.search(url) else url
    return plain.replace("\\", "/") if _DRIVE.match(plain) or "/" not in plain else plain


def _is_native(path: str) -> bool:
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


STILL_ENDINGS: Final = frozenset(
    ("bmp", "exr", "gif", "jpg", "jpeg", "png", "psd", "svg", "tga", "tif", "tiff", "webp", "heic", "avif")
)
SOUND_ENDINGS: Final = frozenset(("aac", "aif", "aiff", "flac", "m4a", "mp3", "oga", "ogg", "opus", "wav", "wma"))


def kind_of_path(path: str, *, sound_only: bool) -> MediaKind:
    """What a file is by its name's ending, for media that nobody has looked at yet."""
    ending = path.rpartition(".")[2].lower()
    if ending in SOUND_ENDINGS or (sound_only and ending not in STILL_ENDINGS):
        return MediaKind.AUDIO
    return MediaKind.STILL if ending in STILL_ENDINGS else MediaKind.VIDEO


_NUMBERED: Final = re.compile(r"(?P<head>.*?)(?P<digits>\d{1,18})(?P<tail>\.[^.]+)", re.DOTALL)


class Numbered(NamedTuple):
    """The first of numbered pictures, in the parts that OpenTimelineIO names: "shots/" + "a." + 0007 + ".png"."""

    folder: str  # with its slash
    prefix: str
    first: int
    digits: int  # how many are written
    suffix: str

    @property
    def path(self) -> str:
        return f"{self.folder}{self.prefix}{self.first:0{self.digits}d}{self.suffix}"


def numbered(path: str) -> Numbered | None:
    """The parts of the path of a first picture; None where no number stands before its ending."""
    folder, slash, name = path.rpartition("/")
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return None
    digits = found["digits"]
    return Numbered(folder + slash, found["head"], int(digits), len(digits), found["tail"])


def path_of_reference(reference: Tree) -> str:
    """The path that a media reference of any tool means; of numbered pictures that of the first; "" = not said."""
    if "name_prefix" not in reference:
        return path_of(reference.get("target_url") or "")
    folder = path_of(reference.get("target_url_base") or "")
    slash = "" if not folder or folder.endswith("/") else "/"
    first, digits = reference.get("start_frame") or 0, reference.get("frame_zero_padding") or 1
    return Numbered(folder + slash, reference["name_prefix"], first, digits, reference.get("name_suffix") or "").path


def exact(value: float, rate: float) -> Fraction:
    """Seconds of a rational time of any tool, with its rate made exact. Raises ValueError for what is no time."""
    number = Fraction(int(value)) if value == int(value) else Fraction(repr(value)).limit_denominator(1_000_000)
    return number / rate_of(rate)
