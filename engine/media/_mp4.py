"""Presentation offsets from an MP4 or MOV header, so that a long file is indexed without reading its data.

FFmpeg already applied the edit list when a file is open: its index entries carry decoding time, key and discard flags
of each sample (but not the presentation time). Here the composition offsets ("ctts", ISO 14496-12 section 8.6.1.3) are
read from the file and matched to those entries by byte position. Whatever looks unusual gives None, and the caller
reads the packets instead.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

_CONTAINERS = frozenset({b"mdia", b"minf", b"stbl"})
_WANTED = frozenset({b"hdlr", b"tkhd", b"ctts", b"stsz", b"stco", b"co64", b"stsc"})
_MOOV_BYTES_LIMIT = 256 << 20  # a moov of this size would hold some 20 million samples
_SAMPLES_LIMIT = 20_000_000  # 46 hours at 120 a second; a damaged count must not ask for all memory


class SampleTable(NamedTuple):
    """Samples of one track in decoding order."""

    position: NDArray[np.int64]  # byte offset in the file
    offset: NDArray[np.int64]  # presentation time minus decoding time, in ticks of the track


def read_sample_table(path: Path, track_id: int) -> SampleTable | None:
    """The table of the track with this id; None when it is not complete in the header (fragments) or malformed."""
    try:
        with path.open("rb") as file:
            moov = _find_moov(file)
        if moov is None:
            return None
        for kind, body in _boxes(moov):
            if kind == b"trak":
                boxes = _flatten(body)
                if _track_id(boxes.get(b"tkhd", b"")) == track_id:
                    return _table(boxes)
    except (struct.error, ValueError, IndexError, OverflowError, OSError, MemoryError):
        return None
    return None


def _find_moov(file: IO[bytes]) -> bytes | None:
    end = file.seek(0, 2)
    position = 0
    moov: bytes | None = None
    while position + 8 <= end:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            header = 16
        elif size == 0:
            size = end - position
        if size < header:
            return None
        if kind == b"moof":
            return None  # fragmented: the samples are not all in the header
        if kind == b"moov":
            if size > _MOOV_BYTES_LIMIT or position + size > end:
                return None
            moov = file.read(size - header)
            if b"mvex" in moov:
                return None
        position += size
    return moov


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            header = 16
        elif size == 0:
            size = len(data) - position
        if size < header:
            raise ValueError("box smaller than its header")
        found.append((kind, data[position + header : position + size]))
        position += size
    return found


def _flatten(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for kind, body in _boxes(data):
        if kind in _CONTAINERS:
            found |= _flatten(body)
        elif kind in _WANTED:
            found.setdefault(kind, body)
    return found


def _track_id(tkhd: bytes) -> int:
    return int(struct.unpack_from(">I", tkhd, 20 if tkhd[:1] == b"\x01" else 12)[0])


def _table(boxes: dict[bytes, bytes]) -> SampleTable | None:
    stsz = boxes.get(b"stsz", b"")
    fixed, count = struct.unpack_from(">II", stsz, 4)
    if not 0 < count <= _SAMPLES_LIMIT:
        return None
    sizes = np.full(count, fixed, np.int64) if fixed else np.frombuffer(stsz, ">u4", count, 12).astype(np.int64)
    chunks = _integers(boxes, b"stco", ">u4")
    if chunks is None:
        chunks = _integers(boxes, b"co64", ">u8")
    if chunks is None:
        return None
    per_chunk = _samples_per_chunk(boxes.get(b"stsc", b""), len(chunks), count)
    chunk_of = np.repeat(np.arange(len(chunks)), per_chunk)
    before = np.cumsum(sizes) - sizes  # bytes before each sample, counted over the whole track
    first_of_chunk = np.cumsum(per_chunk) - per_chunk
    inside = before - before[np.minimum(first_of_chunk, count - 1)][chunk_of]
    return SampleTable(chunks[chunk_of] + inside, _offsets(boxes.get(b"ctts"), count))


def _integers(boxes: dict[bytes, bytes], kind: bytes, dtype: str) -> NDArray[np.int64] | None:
    body = boxes.get(kind)
    if body is None:
        return None
    (count,) = struct.unpack_from(">I", body, 4)
    return np.frombuffer(body, dtype, count, 8).astype(np.int64)


def _samples_per_chunk(stsc: bytes, chunks: int, samples: int) -> NDArray[np.int64]:
    (count,) = struct.unpack_from(">I", stsc, 4)
    rows = np.frombuffer(stsc, ">u4", count * 3, 8).astype(np.int64).reshape(count, 3)
    ends = np.append(rows[1:, 0], chunks + 1)
    runs = ends - rows[:, 0]
    if count == 0 or rows[0, 0] != 1 or (runs <= 0).any() or int(runs.sum()) != chunks:
        raise ValueError("chunk runs do not cover the chunks")
    if int((runs * rows[:, 1]).sum()) != samples:
        raise ValueError("chunk runs do not hold the samples")
    return np.repeat(rows[:, 1], runs)


def _offsets(ctts: bytes | None, count: int) -> NDArray[np.int64]:
    if ctts is None:
        return np.zeros(count, np.int64)
    (entries,) = struct.unpack_from(">I", ctts, 4)
    # Version 0 says unsigned, yet writers store negative values there too: FFmpeg reads both as signed.
    rows = np.frombuffer(ctts, ">i4", entries * 2, 8).astype(np.int64).reshape(entries, 2)
    if (rows[:, 0] < 0).any() or int(rows[:, 0].sum()) != count:
        raise ValueError("composition offsets do not cover the samples")
    return np.repeat(rows[:, 1], rows[:, 0])
