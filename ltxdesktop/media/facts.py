"""What is known of a media file once it was read through: the values behind `Media`, with the frame index."""

from __future__ import annotations

import contextlib
import json
import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self, cast

from engine.media.content import content_hash
from engine.media.decode import AudioReader
from engine.media.errors import CorruptMedia, MediaError, NotAMediaFile
from engine.media.index import Fingerprint, VideoIndex, build_index
from engine.media.orientation import UPRIGHT, Orientation
from engine.media.probe import MediaInfo, VideoInfo, probe
from engine.media.still import picture_size
from ltxdesktop.document.model import EMPTY, Media, MediaId, MediaKind, new_id
from ltxdesktop.document.otio.names import START_KEY
from ltxdesktop.document.time import frame_at
from ltxdesktop.media.camera_time import own_start
from ltxdesktop.media.numbered import run_from

# A film of one picture in these containers is a picture.
_PICTURE_FORMATS: Final = frozenset({"gif", "apng"})

# The rate at which an image sequence is taken until the person says otherwise.
SEQUENCE_RATE: Final = Fraction(25)

_VERSION: Final = 3  # of the stored form
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True)
class Facts:
    """A file as the editor sees it.

    `frames` counts at the constant rate `rate`, whatever the file does: frame n of a file of variable rate is the
    picture that is on screen in the middle of [n / rate, (n + 1) / rate). `stored_frame` says which one that is.
    """

    kind: MediaKind
    fingerprint: Fingerprint
    bytes: int
    content_hash: str
    rate: Fraction = Fraction(25)
    frames: int = 0
    width: int = 0  # as displayed: upright, square pixels
    height: int = 0
    sample_rate: int = 0
    samples: int = 0
    channels: int = 0
    codec: str = ""
    pixel_format: str = ""
    bits: int = 8  # per component
    interlaced: bool = False
    orientation: Orientation = UPRIGHT  # what is to be done with decoded pictures
    sample_aspect: Fraction = Fraction(1)
    container: str = ""
    start_s: Fraction = Fraction(0)  # container time of frame 0, from which samples count
    clock_s: Fraction | None = None  # what the file calls its beginning: a camera's timecode
    index: VideoIndex | None = field(default=None, compare=False)

    @property
    def variable_rate(self) -> bool:
        return self.index is not None and not self.index.is_constant

    def own_frame(self, frame: int, rate: Fraction) -> int:
        """The frame, counted at `self.rate`, that frame `frame` of a document shows which counts a film of variable
        rate at `rate`: as it was read once, or as another program's list says. All others count pictures."""
        if rate == self.rate or not self.variable_rate:
            return frame
        return max(0, min(frame_at((frame + Fraction(1, 2)) / rate, self.rate), self.frames - 1))

    def stored_frame(self, frame: int) -> int:
        """The number of the stored picture that frame `frame` shows."""
        if self.index is None or self.index.is_constant:
            return frame
        return self.index.frame_at((frame + Fraction(1, 2)) / self.rate)

    def media(self, path: Path) -> Media:
        """The value that a document holds, with a new id and the path as given."""
        return Media(
            id=MediaId(new_id()),
            name=path.name,
            path=path.as_posix(),
            kind=self.kind,
            rate=self.rate,
            frames=self.frames,
            width=self.width,
            height=self.height,
            sample_rate=self.sample_rate,
            samples=self.samples,
            channels=self.channels,
            bytes=self.bytes,
            content_hash=self.content_hash,
            metadata=MappingProxyType({START_KEY: str(self.clock_s)}) if self.clock_s else EMPTY,
        )

    def to_bytes(self) -> bytes:
        """For the cache on disk."""
        head = {
            "version": _VERSION,
            "kind": self.kind.value,
            "fingerprint": list(self.fingerprint),
            "bytes": self.bytes,
            "content_hash": self.content_hash,
            "rate": str(self.rate),
            "frames": self.frames,
            "size": [self.width, self.height],
            "sound": [self.sample_rate, self.samples, self.channels],
            "codec": self.codec,
            "pixel_format": self.pixel_format,
            "bits": self.bits,
            "interlaced": self.interlaced,
            "orientation": list(self.orientation),
            "sample_aspect": str(self.sample_aspect),
            "container": self.container,
            "start_s": str(self.start_s),
            "clock_s": None if self.clock_s is None else str(self.clock_s),
        }
        text = json.dumps(head).encode()
        return _LENGTH.pack(len(text)) + text + (self.index.to_bytes() if self.index else b"")

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> Self:
        """Raises ValueError (StaleIndex is one) when these aren't facts that this version wrote for `path` as it is."""
        try:
            (length,) = _LENGTH.unpack_from(data)
            head = cast("dict[str, Any]", json.loads(data[4 : 4 + length]))
            if head["version"] != _VERSION:
                raise ValueError("another version wrote it")
            rest = data[4 + length :]
            return cls(
                kind=MediaKind(head["kind"]),
                fingerprint=Fingerprint(*head["fingerprint"]),
                bytes=head["bytes"],
                content_hash=head["content_hash"],
                rate=Fraction(head["rate"]),
                frames=head["frames"],
                width=head["size"][0],
                height=head["size"][1],
                sample_rate=head["sound"][0],
                samples=head["sound"][1],
                channels=head["sound"][2],
                codec=head["codec"],
                pixel_format=head["pixel_format"],
                bits=head["bits"],
                interlaced=head["interlaced"],
                orientation=Orientation(*head["orientation"]),
                sample_aspect=Fraction(head["sample_aspect"]),
                container=head["container"],
                start_s=Fraction(head["start_s"]),
                clock_s=None if head["clock_s"] is None else Fraction(head["clock_s"]),
                index=VideoIndex.from_bytes(rest, path) if rest else None,
            )
        except (KeyError, TypeError, IndexError, struct.error) as exc:
            raise ValueError(f"not the facts of a media file: {exc}") from exc


def fingerprint_of(path: Path, *, sequence: bool = False) -> Fingerprint:
    """Tells whether a file, or any picture of the sequence that starts with it, has changed."""
    if not sequence:
        return Fingerprint.of(path)
    stats = [file.stat() for file in run_from(path)]
    return Fingerprint(sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats))


def read_facts(path: Path, *, sequence: bool = False) -> Facts:
    """Read a file through. `sequence`: `path` is the first of numbered pictures.

    Raises the errors of `engine.media.errors`, whose messages are sentences for a person.
    """
    if sequence:
        return _facts_of_sequence(path)
    hashed = content_hash(path)
    fingerprint = Fingerprint.of(path)
    try:
        info = probe(path)
    except NotAMediaFile:
        return _facts_of_still(
            path, None, fingerprint, hashed
        )  # Pillow knows some kinds of pictures that FFmpeg doesn't
    if info.video is None:
        sound = _with_sound(_basic(info, MediaKind.AUDIO, fingerprint, hashed), path, None)
        return replace(sound, clock_s=own_start(path, None))
    if info.is_still:
        return _facts_of_still(path, info, fingerprint, hashed)
    index = build_index(path)
    if index.frames == 1 and info.container in _PICTURE_FORMATS:
        return _facts_of_still(path, info, fingerprint, hashed)
    facts = _with_picture(_basic(info, MediaKind.VIDEO, fingerprint, hashed), info.video, index)
    facts = replace(facts, clock_s=own_start(path, facts.rate))
    return _with_sound(facts, path, index.start_seconds) if info.audio else facts


def _basic(info: MediaInfo, kind: MediaKind, fingerprint: Fingerprint, hashed: str) -> Facts:
    codec = info.video.codec if info.video else info.audio[0].codec
    return Facts(kind, fingerprint, info.size_bytes, hashed, codec=codec, container=info.container)


def _with_picture(facts: Facts, video: VideoInfo, index: VideoIndex) -> Facts:
    frames = index.frames if index.is_constant else max(1, round(index.duration_seconds * index.rate))
    width, height = video.display_size
    return replace(
        facts,
        rate=index.rate,
        frames=frames,
        width=width,
        height=height,
        pixel_format=video.pixel_format,
        bits=video.bits,
        interlaced=video.interlaced,
        orientation=video.orientation,
        sample_aspect=video.sample_aspect,
        start_s=index.start_seconds,
        index=index,
    )


def _with_sound(facts: Facts, path: Path, zero: Fraction | None) -> Facts:
    """The same with its sound measured; a picture whose sound can't be read is taken without."""
    try:
        with AudioReader(path, zero=zero) as reader:
            _, end = reader.extent()
            if end > 0:
                return replace(
                    facts, sample_rate=reader.rate, samples=end, channels=len(reader.channel_names), start_s=reader.zero
                )
    except MediaError:
        if facts.kind is MediaKind.AUDIO:
            raise
    if facts.kind is MediaKind.AUDIO:
        raise CorruptMedia(path, "not one sample of its sound could be decoded")
    return facts


def _facts_of_still(path: Path, info: MediaInfo | None, fingerprint: Fingerprint, hashed: str) -> Facts:
    size = None
    with contextlib.suppress(NotAMediaFile):
        size = picture_size(path)
    if size is None:
        if info is None or info.video is None:
            raise NotAMediaFile(path)
        size = info.video.display_size
    return Facts(
        MediaKind.STILL,
        fingerprint,
        path.stat().st_size,
        hashed,
        width=size[0],
        height=size[1],
        codec=info.video.codec if info and info.video else path.suffix.lstrip(".").lower(),
    )


def _facts_of_sequence(path: Path) -> Facts:
    first = read_facts(path)
    if first.kind is not MediaKind.STILL:
        raise NotAMediaFile(path, "an image sequence is made of pictures")
    files = run_from(path)
    stats = [file.stat() for file in files]
    return replace(
        first,
        kind=MediaKind.IMAGE_SEQUENCE,
        fingerprint=Fingerprint(sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)),
        bytes=sum(stat.st_size for stat in stats),
        rate=SEQUENCE_RATE,
        frames=len(files),
    )
