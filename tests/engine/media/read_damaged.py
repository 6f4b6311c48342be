"""Reads seeded damaged variants of one file, as an editor would, and prints one line for each: a child of test_damage.

    python read_damaged.py FILE FOLDER VARIANTS [FIRST_SEED]

Ends with status 0 when each gave data or a MediaError. Each variant has 5 seconds of processor time and a minute by the
clock (a signal ends the process then), and the process has 4 GiB of address space.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sys
from pathlib import Path

import av

from engine.media.decode import AudioReader, VideoReader
from engine.media.errors import MediaError
from engine.media.probe import probe

SECONDS_EACH = 5  # issue 6: damaged media never hang more than 5 s
ADDRESS_SPACE = 4 << 30


def damaged(whole: bytes, seed: int) -> bytes:
    """Cut, flipped bits anywhere or in the headers at both ends, or a stretch of zeros; always the same for a seed."""
    rng = random.Random(seed)
    data = bytearray(whole)
    kind = rng.choice(["cut", "bits", "header bits", "zeros", "cut and bits", "repeat"])
    if "cut" in kind:
        del data[rng.randrange(len(data)) :]
    if "bits" in kind and data:
        ends = "header" in kind
        for _ in range(rng.choice([1, 3, 10, 60])):
            near = rng.randrange(min(len(data), 1500))
            place = rng.choice([near, len(data) - 1 - near]) if ends else rng.randrange(len(data))
            data[place] ^= 1 << rng.randrange(8)
    if kind == "zeros":
        start = rng.randrange(len(data))
        length = min(rng.randrange(1, 4000), len(data) - start)
        data[start : start + length] = bytes(length)
    if kind == "repeat":
        start = rng.randrange(len(data))
        data[start:start] = data[start : start + rng.randrange(1, 3000)]
    return bytes(data)


def read(path: Path, seed: int) -> str:
    """What an editor does with a new file. Returns what came of it in a few words."""
    rng = random.Random(seed)
    words: list[str] = []
    with contextlib.suppress(MediaError):
        info = probe(path, exact=True)
        words.append(f"{info.container} {info.duration_seconds}")
    try:
        with VideoReader(path, threads=1) as reader:
            words.append(f"{reader.index.frames} frames by {reader.index.source}")
            for _ in range(6):
                first = rng.randrange(reader.index.frames)
                with contextlib.suppress(MediaError):
                    for _, frame in reader.frames(first, min(first + 3, reader.index.frames)):
                        reader.to_rgb(frame)
                    words.append("+")
    except MediaError as exc:
        words.append(type(exc).__name__)
    try:
        with AudioReader(path) as reader:
            first, end = reader.extent()
            words.append(f"{end - first} samples")
            for _ in range(3):
                start = rng.randrange(first - 100, end + 100)
                reader.read(start, start + 3000)
    except MediaError as exc:
        words.append(type(exc).__name__)
    return ", ".join(words)


def main(file: str, folder: str, variants: str, first_seed: str = "0") -> None:
    av.logging.set_level(None)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    whole = Path(file).read_bytes()
    path = Path(folder, f"damaged{Path(file).suffix}")
    for seed in range(int(first_seed), int(first_seed) + int(variants)):
        path.write_bytes(damaged(whole, seed))
        sys.stderr.write(f"seed {seed}\n")
        sys.stderr.flush()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)
            signal.setitimer(signal.ITIMER_REAL, 60)
        sys.stdout.write(f"{seed}: {read(path, seed)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
