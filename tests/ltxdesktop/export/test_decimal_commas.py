"""A person whose language writes 0,5: what is rendered and exported is what it is everywhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from render_samples import clip, film, noise, numbered, track, write_film, write_sound

from engine.media.decode import VideoReader
from ltxdesktop.document.model import Effect, Parameter, TrackKind, new_document
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.media.files import MediaFiles

COMMAS = "de_DE.UTF-8"
ASK = "import locale, sys; locale.setlocale(locale.LC_ALL, ''); sys.exit(locale.localeconv()['decimal_point'] != ',')"


@pytest.fixture
def with_commas(tmp_path: Path) -> dict[str, str]:
    """The environment of such a person; the language is made when the system doesn't have it."""
    environment = {**os.environ, "LC_ALL": COMMAS, "LANG": COMMAS}
    if shutil.which("localedef") and sys.platform == "linux":
        made = tmp_path / "languages"
        made.mkdir()
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(made / COMMAS)], capture_output=True)
        environment |= {"LOCPATH": str(made)} if (made / COMMAS).exists() else {}
    if subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True).returncode:
        pytest.skip(f"this system has no {COMMAS}, nor what it takes to make it")
    return environment


def test_a_film_is_exported_as_elsewhere(with_commas: dict[str, str], files: MediaFiles, tmp_path: Path):
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(12)]))
    song = files.describe(write_sound(tmp_path / "song.wav", noise(48_000)))
    soft = Effect("b", "blur", {"radius": Parameter(0.0125)})
    sequence = film(
        track(clip(footage, 10, effects=(soft,))),
        track(clip(song, 10, keeps_pitch=True, speed=Fraction(3, 2)), kind=TrackKind.AUDIO),
    )
    path = tmp_path / "film.otio"
    path.write_text(to_text(new_document("Film", sequence).with_media(footage, song)), encoding="utf-8")
    shown = []
    for name, environment in (("here", {**os.environ}), ("there", with_commas)):
        target = tmp_path / f"{name}.mp4"
        command = [sys.executable, "-m", "ltxdesktop", "export", str(path), "--preset", "h264", "-o", str(target)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with VideoReader(target) as reader:
            shown.append(reader.rgb(0, 10))
    assert (shown[0] == shown[1]).all()
