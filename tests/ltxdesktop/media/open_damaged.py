"""Uses seeded damaged variants of files as the editor would, a line for each: a child of test_damaged_media.

    python open_damaged.py FOLDER FIRST_SEED VARIANTS FILE…

Variant n is made of file n modulo their count. Ends with status 0 when each gave data or a MediaError. Each has 5 s
of processor time and a minute by the clock (a signal ends the process then); the process has 4 GiB of address space.
"""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

import av

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.append(str(Path(__file__).parents[2] / "engine" / "media"))

from read_damaged import ADDRESS_SPACE, SECONDS_EACH, damaged

from engine.media.errors import MediaError
from ltxdesktop.document.model import Media
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.media.thumbnails import Cell


def use(files: MediaFiles, path: Path, rng: random.Random) -> str:
    """Import, look, step, listen, draw. Returns what came of it in a few words."""
    try:
        media = files.describe(path)
    except MediaError as exc:
        return type(exc).__name__
    words = [f"{media.kind.value}, {media.frames} frames, {media.samples} samples"]
    if media.frames:
        look(files, media, path, rng)
    if media.has_sound:
        for _ in range(3):
            with contextlib.suppress(MediaError):
                files.decoders.samples(path, rng.randrange(-100, 90_000), 4_000)
    with contextlib.suppress(MediaError):
        files.waveforms.make(path)
        words.append("waveform")
    with contextlib.suppress(MediaError):
        words.append("proxy" if files.proxies.make(path) else "no proxy")
    files.decoders.forget(path)
    return ", ".join(words)


def look(files: MediaFiles, media: Media, path: Path, rng: random.Random) -> None:
    place = rng.randrange(media.frames)
    for frame in [place, place + 1, place + 2, place + 1, place, rng.randrange(media.frames)]:
        with contextlib.suppress(MediaError):
            files.decoders.picture(media, path, min(frame, media.frames - 1)).rgb()
    quarters = [media.frames * number // 4 for number in range(5)]
    cells = [Cell(first, max(first + 1, end)) for first, end in pairwise(quarters)]
    files.thumbnails.strip("strip", media, path, cells, 36, lambda *_: None)
    files.thumbnails.finish()


def main(folder: str, first_seed: str, variants: str, *names: str) -> None:
    av.logging.set_level(None)
    logging.disable(logging.INFO)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    whole = [Path(name) for name in names]
    files = MediaFiles(Path(folder, "cache"))
    for seed in range(int(first_seed), int(first_seed) + int(variants)):
        source = whole[seed % len(whole)]
        path = Path(folder, f"damaged{seed}{source.suffix}")
        path.write_bytes(damaged(source.read_bytes(), seed))
        sys.stderr.write(f"seed {seed}, {source.name}\n")
        sys.stderr.flush()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, SECONDS_EACH)
            signal.setitimer(signal.ITIMER_REAL, 60)
        start = time.process_time()
        words = use(files, path, random.Random(seed))
        sys.stdout.write(f"{seed} {source.name} {time.process_time() - start:.2f} s: {words}\n")
        path.unlink()
    files.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
