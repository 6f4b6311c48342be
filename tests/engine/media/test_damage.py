"""Cut and bit-flipped files give frames, samples or a sentence; never a crash, a hang or all of the memory.

The variants are read in a child process: a crash of a decoder would take the test run along, and a hang can only be
ended from outside. Which variant it was stands in the child's last line.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Clips = Callable[[str], Path]

VARIANTS = 20  # of each file
NAMES = [
    *("film.mp4", "edited.mp4", "fragments.mp4", "pal.mov", "ntsc.mkv", "double.ts", "hevc.mp4", "vp9.webm", "av1.mp4"),
    *("prores.mov", "mjpeg.mov", "mpeg2.mpg", "mpeg4.avi", "lossless.mkv", "song.mp3", "song.m4a", "song.ogg"),
    *("stereo.flac", "mono.wav"),
]


def survive(path: Path, folder: Path, variants: int, first_seed: int) -> None:
    reader = Path(__file__).with_name("read_damaged.py")
    words = [str(reader), str(path), str(folder), str(variants), str(first_seed)]
    done = subprocess.run([sys.executable, "-X", "faulthandler", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    assert len(done.stdout.splitlines()) == variants


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_survived(clip: Clips, tmp_path: Path, name: str):
    survive(clip(name), tmp_path, VARIANTS, 0)


# Found by longer runs of read_damaged.py (7,000 variants so far).
KNOWN = [
    ("double.ts", 1079),  # a stream appears in mid-file: PyAV's demux ends with IndexError
    ("surround.mp4", 1011),  # eight channels: PyAV reads behind the planes of the frame
    ("hevc.mp4", 16),  # FFmpeg is asked for more memory than there is
]


@pytest.mark.parametrize(("name", "seed"), KNOWN)
def test_damage_that_once_was_not_survived(clip: Clips, tmp_path: Path, name: str, seed: int):
    survive(clip(name), tmp_path, 1, seed)
