"""How fast do weights come from disk to the device, against a plain read of the same file in the same run?

    python benchmarks/load_speed.py [--gigabytes 2] [--device cuda] [--file model.safetensors] [--times 5]

Without --file a file of random BF16 matrices, sized like those of a transformer block, is written and removed again.
Cold runs first drop the file from the page cache (posix_fadvise, needs no rights; Linux). "plain" reads the file in
16 MiB pieces into one buffer, as `cat` would; "plain into memory" is `file.read()`, which ends with all bytes in fresh
host memory. The goal is nine tenths of the fair one of the two: a load to the GPU passes through a few buffers, a load
to the CPU fills fresh memory, which alone takes longer than the copying (0.4 s per GB on our virtual machines).
Needs torch only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _report import report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from engine.loading.safetensors_file import SafetensorsFile, read_tensors

PIECE_BYTES = 16 << 20
SHAPES = [(16384, 4096), (4096, 16384), *[(4096, 4096)] * 8, *[(2048, 2048)] * 8, *[(4096,)] * 20, (32, 4096)]


def write_random_file(path: Path, size_bytes: int) -> None:
    """BF16 matrices of block sizes until the size is reached; one random piece over and over."""
    entries: dict[str, object] = {}
    end = 0
    while end < size_bytes:
        shape = SHAPES[len(entries) % len(SHAPES)]
        length = 2
        for side in shape:
            length *= side
        entries[f"tensor_{len(entries):05d}"] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + length]}
        end += length
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    piece = os.urandom(PIECE_BYTES)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for start in range(0, end, PIECE_BYTES):
            file.write(piece[: min(PIECE_BYTES, end - start)])
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path) -> bool:
    """Drops the file from the page cache; False where the system can't be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return True


def plain(path: Path) -> None:
    buffer = memoryview(bytearray(PIECE_BYTES))
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def plain_into_memory(path: Path) -> None:
    path.read_bytes()


def load(path: Path, device: str) -> None:
    tensors = read_tensors(SafetensorsFile.open(path).tensors, device)
    if device == "cuda":
        torch.cuda.synchronize()
    del tensors


def seconds_of(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the synthetic file goes (default: the temporary folder)")
    arguments = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="load-speed-", dir=arguments.folder))
    try:
        path: Path = arguments.file or folder / "random.safetensors"
        if arguments.file is None:
            write_random_file(path, int(arguments.gigabytes * 1e9))
        size = path.stat().st_size
        device: str = arguments.device
        if device == "cuda":
            torch.empty(1, device="cuda")  # the start of CUDA is not part of the question
        calls: dict[str, Callable[[], None]] = {
            "load": lambda: load(path, device),
            "plain": lambda: plain(path),
            "plain_into_memory": lambda: plain_into_memory(path),
        }
        speeds: dict[str, list[float]] = {}
        can_forget = forget(path)
        for state in ("cold", "warm") if can_forget else ("warm",):
            for name, call in calls.items():
                if state == "warm":
                    call()
                runs: list[float] = []
                for _ in range(arguments.times):
                    if state == "cold":
                        forget(path)
                    runs.append(size / seconds_of(call) / 1e9)
                speeds[f"{state}_{name}"] = runs
        judged = "cold" if can_forget else "warm"
        medians = {name: statistics.median(runs) for name, runs in speeds.items()}
        fair = medians[f"{judged}_plain" if device == "cuda" else f"{judged}_plain_into_memory"]
        report(
            "load weights from disk",
            speeds[f"{judged}_load"],
            unit="GB/s",
            more_is_better=True,
            goal=round(0.9 * fair, 3),
            settings={"device": device, "bytes": size, "page_cache": judged, "file": str(arguments.file or "random")},
            of_plain_read=round(medians[f"{judged}_load"] / fair, 3),
            gigabytes_per_second={name: round(value, 3) for name, value in medians.items()},
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
