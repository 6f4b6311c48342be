"""The frame index: which presentation time frame number n has, and from where it can be decoded.

Frame n of a file is the n-th picture that a player shows from its start, after edit lists. The index is built from the
header where that holds everything (MP4, MOV), else from the packets, else by decoding the file once; its first frames
are always compared with what really decodes. Building it is the only step whose cost grows with the file's length, so
it can be kept: `to_bytes` and `from_bytes`.
"""

from __future__ import annotations

import json
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast

import numpy as np
from av import Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ._mp4 import read_sample_table
from .containers import decoder_name, is_still_format, open_container, opened, packets_of, picture_stream
from .errors import CorruptMedia, StaleIndex
from .probe import container_rate
from .rates import measure_rate

Source = Literal["header", "packets", "decoding"]

_MAGIC: Final = b"LTXI"
_VERSION: Final = 1

# Codecs whose packets show exactly one picture each. Others (VP8 with hidden frames, packed MPEG-4 in AVI, WMV, ...)
# are counted by decoding.
# fmt: off
_ONE_PICTURE_PER_PACKET: Final = frozenset({
    "h264", "hevc", "vp9", "libvpx-vp9", "av1", "libdav1d", "libaom-av1", "mpeg2video", "mpeg1video", "prores", "dnxhd",
    "mjpeg", "jpeg2000", "libjxl", "png", "apng", "gif", "qtrle", "dvvideo", "cfhd", "ffv1", "huffyuv", "ffvhuff",
    "utvideo", "magicyuv", "rawvideo", "v210", "v410",
})
# fmt: on

# With these, several packets in a row may start a picture or one packet may hold two.
_PACKED_CONTAINERS: Final = frozenset({"avi"})

_CHECKED_FRAMES: Final = 3  # decoded for comparison each time an index is built


class Fingerprint(NamedTuple):
    """Tells whether a file is still the one that was indexed."""

    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """Frame number <-> presentation time of one picture stream. Arrays are int64, pts and dts in ticks of `time_base`.

    `pts` increases strictly. `key_pts` (increasing) are the pictures from which decoding can start: every frame whose
    pts is not before a key decodes right from it; `key_dts` is where to seek to for it. Where `timed` is False the
    stream has no times of its own (raw H.264): pts were made up from the rate, and frames can only be counted from
    the start.
    """

    time_base: Fraction
    pts: NDArray[np.int64]
    key_pts: NDArray[np.int64]
    key_dts: NDArray[np.int64]
    last_duration: int  # ticks that the last frame is shown
    rate: Fraction  # exact where is_constant, else the commonest
    is_constant: bool
    timed: bool
    source: Source
    stream: int
    fingerprint: Fingerprint

    @property
    def frames(self) -> int:
        return len(self.pts)

    @property
    def start_seconds(self) -> Fraction:
        """Container time of frame 0. All other times of this class count from here."""
        return int(self.pts[0]) * self.time_base

    @property
    def duration_seconds(self) -> Fraction:
        if self.is_constant:
            return self.frames / self.rate
        return (int(self.pts[-1] - self.pts[0]) + self.last_duration) * self.time_base

    def seconds(self, frame: int) -> Fraction:
        """When `frame` starts to be shown; exact n / rate for constant rates, whatever the container rounded to."""
        if self.is_constant:
            return frame / self.rate
        return int(self.pts[frame] - self.pts[0]) * self.time_base

    def frame_at(self, seconds: Fraction) -> int:
        """The frame shown at that time; the first or last one outside."""
        if self.is_constant:
            frame = seconds * self.rate
            return min(max(frame.numerator // frame.denominator, 0), self.frames - 1)
        ticks = seconds / self.time_base + int(self.pts[0])
        last_started = int(np.searchsorted(self.pts, ticks.numerator // ticks.denominator, "right")) - 1
        return min(max(last_started, 0), self.frames - 1)

    def number(self, pts: int) -> int | None:
        """The frame with exactly this pts."""
        place = int(np.searchsorted(self.pts, pts))
        return place if place < self.frames and int(self.pts[place]) == pts else None

    def key_before(self, frame: int) -> int:
        """Index into `key_pts` of the last key from which `frame` can be decoded; -1: only from the file's start."""
        return bisect_right(cast("list[int]", self.key_pts), int(self.pts[frame])) - 1

    def first_frame_from(self, key: int) -> int:
        """The first frame that decodes right from key number `key`."""
        return int(np.searchsorted(self.pts, int(self.key_pts[key])))

    def to_bytes(self) -> bytes:
        """For a cache on disk; about two bytes a frame."""
        head = {
            "time_base": str(self.time_base),
            "last_duration": self.last_duration,
            "rate": str(self.rate),
            "is_constant": self.is_constant,
            "timed": self.timed,
            "source": self.source,
            "stream": self.stream,
            "fingerprint": list(self.fingerprint),
            "lengths": [len(self.pts), len(self.key_pts)],
        }
        text = json.dumps(head).encode()
        keys = np.concatenate([np.diff(self.key_pts, prepend=0), self.key_pts - self.key_dts])
        gaps = np.concatenate([np.diff(self.pts, prepend=0), keys]).astype("<i8")
        body = zlib.compress(gaps.tobytes(), 6)
        sizes = struct.pack("<II", _VERSION, len(text))
        return _MAGIC + sizes + struct.pack("<I", zlib.crc32(sizes + text + body)) + text + body

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> VideoIndex:
        """Raises StaleIndex when `data` is damaged, from another version, or made for other contents of `path`."""
        if data[:4] != _MAGIC or len(data) < 16:
            raise StaleIndex(path, "it is not an index")
        version, length, checksum = struct.unpack_from("<III", data, 4)
        if version != _VERSION:
            raise StaleIndex(path, f"it has version {version}, this program writes {_VERSION}")
        if zlib.crc32(data[4:12] + data[16:]) != checksum:
            raise StaleIndex(path, "it is damaged")
        head = json.loads(data[16 : 16 + length])
        gaps = np.frombuffer(zlib.decompress(data[16 + length :]), "<i8").astype(np.int64)
        frames, keys = (int(n) for n in head["lengths"])
        key_pts = np.cumsum(gaps[frames : frames + keys])
        index = cls(
            time_base=Fraction(head["time_base"]),
            pts=np.cumsum(gaps[:frames]),
            key_pts=key_pts,
            key_dts=key_pts - gaps[frames + keys :],
            last_duration=int(head["last_duration"]),
            rate=Fraction(head["rate"]),
            is_constant=bool(head["is_constant"]),
            timed=bool(head["timed"]),
            source=head["source"],
            stream=int(head["stream"]),
            fingerprint=Fingerprint(*head["fingerprint"]),
        )
        if not path.exists() or Fingerprint.of(path) != index.fingerprint:
            raise StaleIndex(path, "the file has changed since")
        return index


class _Times(NamedTuple):
    """What a scan of a stream found, in any order; `pts` and `dts` of shown pictures and of keys."""

    pts: NDArray[np.int64]
    key_pts: NDArray[np.int64]
    key_dts: NDArray[np.int64]
    last_duration: int
    timed: bool
    source: Source


def build_index(path: Path, *, source: Source | None = None) -> VideoIndex:
    """Index the picture of `path`, the cheapest reliable way, or the way that `source` names.

    Raises the errors of opening, NoVideo, and CorruptMedia when not one frame can be decoded.
    """
    fingerprint = Fingerprint.of(path) if path.exists() else Fingerprint(0, 0)  # opening gives the right error
    with ExitStack() as files:
        container = open_container(path, files)
        files.callback(container.close)
        stream = picture_stream(container, path)
        hints = (container_rate(stream), stream.guessed_rate, stream.base_rate)
        time_base = Fraction(stream.time_base or Fraction(1, 1000))
        number, name, format_name = stream.index, decoder_name(stream) or "", container.format.name
        times = None
        if source in (None, "header"):
            times = _from_header(container, stream, path)
            if times is not None and source is None and not _agrees(container, stream, times):
                times = None
        reliable = name in _ONE_PICTURE_PER_PACKET and not is_still_format(format_name)
        if format_name in _PACKED_CONTAINERS and name == "h264":
            reliable = False  # B-frames in AVI: times are guesses
    if times is None and (source == "packets" or (source is None and reliable)):
        times = _from_packets(path, check=source is None)
    if times is None:
        if source in ("header", "packets"):
            raise CorruptMedia(path, f"its frames can't be numbered from its {source}")
        times = _from_decoding(path, hints, time_base)
    rate = measure_rate(times.pts, time_base, hints)
    last = times.last_duration
    if last <= 0 or rate.constant:
        last = max(1, round(1 / (rate.rate * time_base)))
    return VideoIndex(
        time_base=time_base,
        pts=times.pts,
        key_pts=times.key_pts,
        key_dts=times.key_dts,
        last_duration=last,
        rate=rate.rate,
        is_constant=rate.constant,
        timed=times.timed,
        source=times.source,
        stream=number,
        fingerprint=fingerprint,
    )


def _from_header(container: InputContainer, stream: VideoStream, path: Path) -> _Times | None:
    if not container.format.name.startswith("mov,") or decoder_name(stream) not in _ONE_PICTURE_PER_PACKET:
        return None
    table = read_sample_table(path, stream.id)
    entries = list(stream.index_entries)
    if table is None or not entries:
        return None
    order = np.argsort(table.position)
    positions = np.array([e.pos for e in entries], np.int64)
    found = order[np.clip(np.searchsorted(table.position[order], positions), 0, len(order) - 1)]
    if not (table.position[found] == positions).all():
        return None
    dts = np.array([e.timestamp for e in entries], np.int64)
    # FFmpeg moves decoding times back by the largest negative offset: pts never precedes dts (mov.c, dts_shift).
    pts = dts + table.offset[found] + max(0, -int(table.offset.min()))
    key = np.array([e.is_keyframe for e in entries], bool)
    hidden = np.array([e.is_discard for e in entries], bool)
    return _sorted_times(pts, dts, key, hidden, 0, "header")


def _from_packets(path: Path, *, check: bool) -> _Times | None:
    pts: list[int] = []
    dts: list[int] = []
    key: list[bool] = []
    hidden: list[bool] = []
    last = (-(2**62), 0)
    with opened(path) as container:
        stream = picture_stream(container, path)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        try:
            for packet in packets_of(container, stream):
                if packet.size == 0:
                    continue
                if packet.pts is None or packet.is_corrupt:
                    return None
                pts.append(packet.pts)
                dts.append(packet.dts if packet.dts is not None else packet.pts)
                key.append(packet.is_keyframe)
                hidden.append(packet.is_discard)
                if not packet.is_discard:
                    last = max(last, (packet.pts, packet.duration or 0))
        except FFmpegError:
            return None  # a damaged end: decoding tells what can be shown
    if not pts:
        return None
    times = _sorted_times(
        np.array(pts, np.int64),
        np.array(dts, np.int64),
        np.array(key, bool),
        np.array(hidden, bool),
        last[1],
        "packets",
    )
    if times is None or not check:
        return times
    with opened(path) as container:
        return times if _agrees(container, picture_stream(container, path), times) else None


def _sorted_times(
    pts: NDArray[np.int64],
    dts: NDArray[np.int64],
    key: NDArray[np.bool_],
    hidden: NDArray[np.bool_],
    last_duration: int,
    source: Source,
) -> _Times | None:
    if not key.any():
        return None
    # Pictures that lead the very first key refer to something that is not in the file; decoders drop them.
    first_key = int(np.argmax(key))
    hidden = hidden | (pts < pts[first_key])
    hidden[:first_key] = True
    shown = np.sort(pts[~hidden])
    if not len(shown) or (np.diff(shown) <= 0).any():
        return None
    by_pts = np.argsort(pts[key], kind="stable")
    return _Times(shown, pts[key][by_pts], dts[key][by_pts], last_duration, timed=True, source=source)


def _from_decoding(path: Path, hints: tuple[Fraction | None, ...], time_base: Fraction) -> _Times:
    pts: list[int | None] = []
    keys: list[tuple[int, int]] = []
    duration = 0
    with opened(path) as container:
        stream = picture_stream(container, path)
        stream.thread_type = "AUTO"
        for packet in _until_damage(container, stream):
            if packet.is_keyframe and packet.pts is not None:
                keys.append((packet.pts, packet.dts if packet.dts is not None else packet.pts))
            try:
                for frame in packet.decode():
                    pts.append(frame.pts)
                    duration = frame.duration
            except FFmpegError:
                continue
    if not pts:
        raise CorruptMedia(path, "no picture could be decoded")
    known = [p for p in pts if p is not None]
    if len(known) == len(pts) and all(a < b for a, b in pairwise(known)):
        keys.sort()
        key_pts, key_dts = (np.array([k[i] for k in keys], np.int64) for i in (0, 1))
        return _Times(np.array(known, np.int64), key_pts, key_dts, duration, timed=True, source="decoding")
    rate = next((h for h in hints[1:] if h is not None and h > 0), None) or hints[0] or Fraction(25)
    made_up = np.array([round(n / (rate * time_base)) for n in range(len(pts))], np.int64)
    nothing = np.zeros(0, np.int64)
    return _Times(made_up, nothing, nothing, 0, timed=False, source="decoding")


def _until_damage(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """All packets up to the first one that can't even be read."""
    try:
        yield from packets_of(container, stream)
    except FFmpegError:
        return


def _agrees(container: InputContainer, stream: VideoStream, times: _Times) -> bool:
    """Do the first frames that decode have the first times of the index? The container stands at its start."""
    found: list[int | None] = []
    wanted = [int(p) for p in times.pts[:_CHECKED_FRAMES]]
    try:
        for packet in packets_of(container, stream):
            found += [frame.pts for frame in packet.decode()]
            if len(found) >= len(wanted):
                break
    except FFmpegError:
        return False
    return found[: len(wanted)] == wanted
