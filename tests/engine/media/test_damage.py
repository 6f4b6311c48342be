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


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_survived(clip: Clips, tmp_path: Path, name: str):
    reader = Path(__file__).with_name("read_damaged.py")
    command = [sys.executable, "-X", "faulthandler", str(reader), str(clip(name)), str(tmp_path), str(VARIANTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    lines = done.stdout.splitlines()
    assert len(lines) == VARIANTS
