"""Read safetensors files at the speed of the disk, and write them. Knows bytes and tensors, nothing about networks.

Why not the safetensors library or mmap: a mapped file arrives one 4 KiB page fault at a time, on one thread, and a copy
to the GPU then goes through pageable memory. Here several threads read 64 MiB pieces in file order, straight into the
tensors' own memory, or into pinned buffers from which the GPU fetches them while the next pieces are read.

Format (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length, a JSON header, the
tensors' bytes without holes.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from engine.loading.errors import NotSafetensors, Truncated

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes total) on the caller's thread. What it raises cancels the reading and is passed on."""

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}

_MAX_HEADER_BYTES = 100_000_000  # the format's own limit (safetensors/src/tensor.rs, MAX_HEADER_SIZE)
# Measured on 2 cores with a virtual disk. Cold, into memory in use: four threads reach 1.1 GB/s in pieces of 16 MiB
# and 2.1 in pieces of 64, a plain read 2.2: smaller pieces interleave, and the disk no longer sees one long read.
# Page cache warm, into fresh memory (where the first touch of a page is what takes the time): 1 thread 1.3 GB/s,
# 2 threads 2.6, 4 threads 3.2, 8 threads 2.5; `file.read()` 1.6.
_PIECE_BYTES = 64 << 20
_THREADS = 4
_LANES = _THREADS + 2  # pieces under way at once: those being read, and those being copied to the GPU

_OTHER_FORMATS = {
    b"PK\x03\x04": "it is a PyTorch pickle (.pt, .pth, .ckpt), which can run code when opened and is therefore refused",
    b"\x80\x02": "it is a Python pickle, which can run code when opened and is therefore refused",
    b"GGUF": "it is a GGUF file",
    b"version ": "it is a Git LFS pointer: the file itself was never downloaded",
    b"<": "it is a web page, probably an error or a login page saved under the file's name",
}


class TensorInfo(NamedTuple):
    """Where one tensor lies on disk."""

    path: Path
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int
    """Of the first byte, from the start of the file."""
    size_bytes: int


@dataclass(frozen=True)
class SafetensorsFile:
    """The parsed and checked header of one file; no tensor has been read."""

    path: Path
    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]
    """By name, in file order."""
    size_bytes: int

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> SafetensorsFile:
        """Read the header, check it against the format's rules and against the file's length.

        Raises OSError (no such file), NotSafetensors, Truncated.
        """
        path = Path(path)
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            start = file.read(16)
            header_bytes = int.from_bytes(start[:8], "little")
            if len(start) < 9 or start[8:9] != b"{" or not 2 <= header_bytes <= _MAX_HEADER_BYTES:
                raise NotSafetensors(path, _what_instead(start))
            if 8 + header_bytes > size_bytes:
                raise Truncated(path, 8 + header_bytes, size_bytes)
            file.seek(8)
            metadata, tensors = _parse_header(path, file.read(header_bytes))
        end = max((info.offset + info.size_bytes for info in tensors.values()), default=8 + header_bytes)
        if size_bytes < end:
            raise Truncated(path, end, size_bytes)
        if size_bytes > end:
            raise NotSafetensors(path, f"{size_bytes - end:,} bytes follow the last tensor")
        return cls(path, metadata, tensors, size_bytes)


def _what_instead(start: bytes) -> str:
    if not start:
        return "it is empty"
    known = (what for magic, what in _OTHER_FORMATS.items() if start.startswith(magic))
    return next(known, "it doesn't begin with a safetensors header")


def _parse_header(path: Path, header: bytes) -> tuple[dict[str, str], dict[str, TensorInfo]]:
    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) != len(pairs):
            raise ValueError("a name occurs twice")
        return names

    try:
        parsed = json.loads(header.decode(), object_pairs_hook=no_twins)
    except (ValueError, RecursionError) as exc:
        raise NotSafetensors(path, f"its header is not valid JSON ({exc})") from exc
    if not isinstance(parsed, dict):
        raise NotSafetensors(path, "its header is not a JSON object")
    entries = cast("dict[str, Any]", parsed)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise NotSafetensors(path, "__metadata__ is not a map")
    for key, value in cast("dict[str, Any]", metadata).items():
        if not isinstance(value, str):
            raise NotSafetensors(path, f"metadata {key!r} is not text")
    infos = sorted((_parse_entry(path, name, entry, 8 + len(header)) for name, entry in entries.items()), key=_by_place)
    expected = 8 + len(header)
    for info in infos:
        if info.offset != expected:
            raise NotSafetensors(path, f"tensor {info.name!r} begins at byte {info.offset} instead of {expected}")
        expected += info.size_bytes
    return cast("dict[str, str]", metadata), {info.name: info for info in infos}


def _parse_entry(path: Path, name: str, entry: Any, data_start: int) -> TensorInfo:
    try:
        dtype_name, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as exc:
        raise NotSafetensors(path, f"tensor {name!r} lacks dtype, shape or two data_offsets") from exc
    if not isinstance(dtype_name, str) or dtype_name not in DTYPES:
        raise NotSafetensors(path, f"tensor {name!r} has the unknown dtype {dtype_name!r}")
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in (*shape, begin, end)):
        raise NotSafetensors(path, f"tensor {name!r} has a shape or offset that is no count")
    dtype = DTYPES[dtype_name]
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise NotSafetensors(path, f"tensor {name!r} of {shape} {dtype_name} can't take {end - begin} bytes")
    return TensorInfo(path, name, dtype, shape, data_start + begin, end - begin)


def _by_place(info: TensorInfo) -> tuple[str, int, int]:
    return str(info.path), info.offset, info.size_bytes


# ---- reading ---------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A stretch of bytes of one tensor inside a piece."""

    name: str
    in_piece: int
    in_tensor: int
    size_bytes: int


class _Piece(NamedTuple):
    """A stretch of bytes of one file, read by one thread at one go."""

    path: Path
    offset: int
    size_bytes: int
    parts: list[_Part]


def read_tensors(
    wanted: Mapping[str, TensorInfo],
    device: torch.device | str = "cpu",
    *,
    convert: Callable[[str, Tensor], Tensor] | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Read tensors onto a device, in the order in which they lie on disk.

    The keys of `wanted` name the results. `convert` gets each tensor on the device as soon as it is complete and
    returns what to keep (another dtype, say), so that two copies of everything never exist at once.
    On CUDA everything is queued on the current stream. Raises OSError, Truncated (the file shrank since its header was
    read), and whatever `progress` raises.
    """
    device = torch.device(device)
    results: dict[str, Tensor] = {}
    raw: dict[str, Tensor] = {}
    left = {name: info.size_bytes for name, info in wanted.items()}
    staged = device.type == "cuda"
    memory_device = device if staged else torch.device("cpu")

    def allocate(name: str) -> Tensor:
        if name not in raw:
            info = wanted[name]
            raw[name] = torch.empty(info.shape, dtype=info.dtype, device=memory_device)
        return raw[name]

    def complete(name: str) -> None:
        tensor = raw.pop(name).to(device)
        results[name] = tensor if convert is None else convert(name, tensor)

    def landed(piece: _Piece) -> None:
        for part in piece.parts:
            left[part.name] -= part.size_bytes
            if not left[part.name]:
                complete(part.name)

    for name, info in wanted.items():
        if not info.size_bytes:
            allocate(name)
            complete(name)
    pieces = _cut(wanted)
    if staged:
        _read_through_pinned(pieces, allocate, landed, progress)
    else:
        _read_straight(pieces, allocate, landed, progress)
    return {name: results[name] for name in wanted}


def read_into(targets: Sequence[tuple[TensorInfo, Tensor]], progress: Progress | None = None) -> None:
    """Fill existing CPU tensors (pinned or not; contiguous, of the file's dtype and shape) with the bytes on disk.

    Raises OSError, Truncated, and whatever `progress` raises.
    """
    wanted = {str(number): info for number, (info, _) in enumerate(targets)}
    for info, tensor in targets:
        assert (tensor.dtype, tensor.shape) == (info.dtype, info.shape)
        assert tensor.is_contiguous()
    _read_straight(_cut(wanted), lambda name: targets[int(name)][1], lambda _piece: None, progress)


def _cut(wanted: Mapping[str, TensorInfo]) -> list[_Piece]:
    """Neighbouring tensors share a piece, long tensors take several; a hole begins a new piece."""
    pieces: list[_Piece] = []
    path, offset, size_bytes = Path(), 0, 0
    parts: list[_Part] = []

    def close() -> None:
        nonlocal parts
        if parts:
            pieces.append(_Piece(path, offset, size_bytes, parts))
        parts = []

    for name, info in sorted(wanted.items(), key=lambda item: _by_place(item[1])):
        done = 0
        while done < info.size_bytes:
            here = info.offset + done
            if not parts or info.path != path or here != offset + size_bytes or size_bytes == _PIECE_BYTES:
                close()
                path, offset, size_bytes = info.path, here, 0
            length = min(info.size_bytes - done, _PIECE_BYTES - size_bytes)
            parts.append(_Part(name, size_bytes, done, length))
            size_bytes += length
            done += length
    close()
    return pieces


def _read_straight(
    pieces: Sequence[_Piece],
    allocate: Callable[[str], Tensor],
    landed: Callable[[_Piece], None],
    progress: Progress | None,
) -> None:
    def start(piece: _Piece, _lane: int) -> Callable[[], None]:
        views = [_bytes(allocate(part.name))[part.in_tensor : part.in_tensor + part.size_bytes] for part in piece.parts]
        return lambda: _read_piece(piece, views)

    _run(pieces, start, lambda piece, _lane: landed(piece), progress)


def _read_through_pinned(
    pieces: Sequence[_Piece],
    allocate: Callable[[str], Tensor],
    landed: Callable[[_Piece], None],
    progress: Progress | None,
) -> None:
    lanes = min(_LANES, len(pieces))
    largest = max((piece.size_bytes for piece in pieces), default=0)
    slots = [torch.empty(largest, dtype=torch.uint8, pin_memory=True) for _ in range(lanes)]
    copied = [torch.cuda.Event() for _ in range(lanes)]  # an event that was never recorded counts as done

    def start(piece: _Piece, lane: int) -> Callable[[], None]:
        def read() -> None:
            copied[lane].synchronize()
            _read_piece(piece, [_bytes(slots[lane])[: piece.size_bytes]])

        return read

    def land(piece: _Piece, lane: int) -> None:
        for part in piece.parts:
            target = allocate(part.name).view(-1).view(torch.uint8)[part.in_tensor : part.in_tensor + part.size_bytes]
            target.copy_(slots[lane][part.in_piece : part.in_piece + part.size_bytes], non_blocking=True)
        copied[lane].record()
        landed(piece)

    _run(pieces, start, land, progress)
    for event in copied:
        event.synchronize()


def _run(
    pieces: Sequence[_Piece],
    start: Callable[[_Piece, int], Callable[[], None]],
    finish: Callable[[_Piece, int], None],
    progress: Progress | None,
) -> None:
    """Keep _LANES pieces under way, take them back in order, report after each."""
    total = sum(piece.size_bytes for piece in pieces)
    done = 0
    under_way: deque[tuple[_Piece, int, Future[None]]] = deque()

    def take_oldest() -> None:
        nonlocal done
        piece, lane, future = under_way.popleft()
        future.result()
        finish(piece, lane)
        done += piece.size_bytes
        if progress is not None:
            progress(done, total)

    if not pieces:
        return
    with ThreadPoolExecutor(min(_THREADS, len(pieces)), thread_name_prefix="read-weights") as pool:
        try:
            for number, piece in enumerate(pieces):
                if len(under_way) == _LANES:
                    take_oldest()
                lane = number % _LANES
                under_way.append((piece, lane, pool.submit(start(piece, lane))))
            while under_way:
                take_oldest()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _read_piece(piece: _Piece, views: Iterable[memoryview]) -> None:
    with piece.path.open("rb", buffering=0) as file:
        # Ask for the whole piece at once; otherwise the kernel reads ahead 128 KiB at a time in a file it sees first.
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):
                os.posix_fadvise(file.fileno(), piece.offset, piece.size_bytes, os.POSIX_FADV_WILLNEED)
        file.seek(piece.offset)
        for view in views:
            filled = 0
            while filled < len(view):
                got = file.readinto(view[filled:])
                if not got:
                    size = os.fstat(file.fileno()).st_size
                    raise Truncated(piece.path, max(piece.offset + piece.size_bytes, size + 1), size)
                filled += got


def _bytes(tensor: Tensor) -> memoryview:
    """The memory of a contiguous CPU tensor."""
    return tensor.detach().view(-1).view(torch.uint8).numpy().data


# ---- writing ---------------------------------------------------------------------------------------------------------


def write_safetensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a file whole or not at all: temporary neighbour, fsync, rename.

    Tensors may live on any device; one at a time is brought to the CPU. Order as the reference writer's: larger element
    sizes first, then by name, so that every tensor begins at a multiple of its element size.
    """
    path = Path(path)
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, tensor in ordered:
        size_bytes = tensor.numel() * tensor.dtype.itemsize
        entries[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size_bytes],
        }
        offset += size_bytes
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for _, tensor in ordered:
                file.write(_bytes(tensor.detach().cpu().contiguous()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
