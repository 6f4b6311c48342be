"""Cut and bit-flipped files never crash or hang what the editor does with media: import, look, listen, draw, proxy.

The variants are used in a child process, as in tests/engine/media/test_damage.py. LTXDESKTOP_DAMAGED=1000 in the
environment runs that many instead of 60.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Clips = Callable[[str], Path]

VARIANTS = int(os.environ.get("LTXDESKTOP_DAMAGED", "60"))
# fmt: off
NAMES = [
    "film.mp4", "edited.mp4", "fragments.mp4", "pal.mov", "ntsc.mkv", "double.ts", "hevc.mp4", "vp9.webm", "av1.mp4",
    "prores.mov", "mjpeg.mov", "mpeg2.mpg", "mpeg4.avi", "variable.mkv", "song.mp3", "song.m4a", "stereo.flac",
]
# fmt: on


def survive(clip: Clips, folder: Path, first_seed: int, variants: int) -> str:
    """What the child prints."""
    pictures = [folder / f"still.{suffix}" for suffix in ("png", "jpg", "tiff")]
    for path in pictures:
        Image.linear_gradient("L").convert("RGB").save(path)
    names = [str(path) for path in [*(clip(name) for name in NAMES), *pictures]]
    script = Path(__file__).with_name("open_damaged.py")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", script, folder, str(first_seed), str(variants), *names],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    assert len(done.stdout.splitlines()) == variants
    return done.stdout


@pytest.mark.timeout(60 + 6 * VARIANTS)
def test_damaged_files_are_survived(clip: Clips, tmp_path: Path):
    assert survive(clip, tmp_path, 0, VARIANTS).count("waveform") > VARIANTS // 10


def test_damage_that_once_was_not_survived_is(clip: Clips, tmp_path: Path):
    survive(clip, tmp_path, 170, 1)  # mjpeg.mov: a sound of an unknown codec has no sample rate in PyAV
