"""The player shows the right frames of a real small film, in a loop, by the machine's clock."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ltxdesktop.ui.monitor.player import Player

FRAMES = 12


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twelve grey frames, each lighter than the one before, at 24 frames per second, without sound."""
    path = tmp_path_factory.mktemp("film") / "steps.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "gray"
        for number in range(FRAMES):
            picture = np.full((16, 32), number * 20, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return str(path)


@pytest.fixture
def player(qtbot):
    made = Player()
    yield made
    made.close()


def number_of(picture) -> int:
    """Which frame a picture is, by its grey."""
    return round(picture.pixelColor(0, 0).red() / 20)


def test_opening_shows_the_first_frame_and_the_facts(player: Player, qtbot, film: str):
    with qtbot.waitSignal(player.shown) as shown:
        player.open(film)
    opened = player.film
    assert number_of(shown.args[0]) == 0
    assert (opened.frames, opened.rate, opened.width, opened.height) == (FRAMES, Fraction(24), 32, 16)
    assert not opened.has_sound


def test_seeking_shows_exactly_that_frame(player: Player, qtbot, film: str):
    with qtbot.waitSignal(player.opened):
        player.open(film)
    for frame in (7, 3, FRAMES - 1, 0):
        with qtbot.waitSignal(player.shown, check_params_cb=lambda _, shown, wanted=frame: shown == wanted) as shown:
            player.seek(frame)
        assert number_of(shown.args[0]) == frame


def test_seeking_outside_stays_inside(player: Player, qtbot, film: str):
    with qtbot.waitSignal(player.opened):
        player.open(film)
    player.seek(999)
    assert player.frame == FRAMES - 1
    player.step(-999)
    assert player.frame == 0


def test_playing_goes_round(player: Player, qtbot, film: str):
    seen: list[int] = []
    with qtbot.waitSignal(player.opened):
        player.open(film, play=True)
    player.shown.connect(lambda picture, frame: seen.append(frame))

    def went_round() -> None:
        assert any(later < earlier for earlier, later in pairwise(seen))

    qtbot.waitUntil(went_round)
    player.pause()
    assert not player.playing


def test_film_that_is_not_there_is_said(player: Player, qtbot, tmp_path: Path):
    with qtbot.waitSignal(player.failed) as failed:
        player.open(str(tmp_path / "gone.mp4"))
    assert "gone.mp4" in failed.args[0]
    assert player.film is None


def test_newer_film_replaces_the_older_without_waiting(player: Player, qtbot, film: str):
    with qtbot.waitSignal(player.opened):
        player.open(film)
        player.open(film)
    assert player.film is not None


def test_modules_of_the_monitor_do_not_load_decoders_at_import():
    code = "import ltxdesktop.ui.monitor.player, sys; print({'av', 'numpy', 'sounddevice'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
