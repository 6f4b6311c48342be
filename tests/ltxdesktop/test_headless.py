"""`ltxdesktop make` with a real engine process and its test backend: films, failures and an engine that dies."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.media.decode import VideoReader
from engine.media.encode import Delivery, write_media
from engine.protocol.messages import GetCapabilities
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.jobs.errors import EngineGone
from ltxdesktop.jobs.plain import PlainEngine
from ltxdesktop.project.reading import read_project
from ltxdesktop.resources import samples

LONG_S = 300


def make(store: Path, *words: str, engine: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ltxdesktop", "--backend", "test", "--store", str(store)]
    command += ["--engine", engine] if engine else []
    return subprocess.run([*command, "make", *words], capture_output=True, text=True, timeout=LONG_S)


def test_a_film_is_made_and_its_path_is_the_only_output(tmp_path: Path):
    folder = tmp_path / "my films"
    done = make(tmp_path, "--prompt", "a red ball", "--size", "64x32", "--frames", "17", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert Path(line).parent == folder
    with VideoReader(Path(line)) as film:
        assert film.index.frames == 17
        assert film.rgb(0, 1).shape == (1, 32, 64, 3)
    assert "a red ball" in done.stderr


def test_a_retake_is_joined_into_its_clip(tmp_path: Path):
    clip = tmp_path / "clip.mkv"
    pictures = np.full((30, 160, 256, 3), 200, np.uint8)  # the size that the test backend draws at
    write_media(clip, Delivery.FFV1_FLAC, frames=[pictures], rate=Fraction(24))
    done = make(tmp_path / "store", "--source", str(clip), "--range", "10:20", "--prompt", "stripes")
    assert done.returncode == 0, done.stderr
    film = Path(done.stdout.strip())
    with VideoReader(film) as reader:
        assert (reader.index.frames, reader.rate) == (30, 24)
        assert reader.rgb(2, 3).mean() == pytest.approx(200, abs=2)
        assert abs(reader.rgb(15, 16).mean() - 200) > 20


def check_sample_film(done: subprocess.CompletedProcess[str], unlike: float = 20) -> None:
    """Frames outside the retaken third are the sample's; in the middle there is something else."""
    assert done.returncode == 0, done.stderr
    sample = samples()[0].clip
    with VideoReader(Path(done.stdout.strip())) as film, VideoReader(sample) as before:
        assert film.index.frames == before.index.frames
        for number in (0, before.index.frames - 1):
            assert np.abs(film.rgb(number, number + 1).astype(int) - before.rgb(number, number + 1)).mean() < 3
        middle = before.index.frames // 2
        assert np.abs(film.rgb(middle, middle + 1).astype(int) - before.rgb(middle, middle + 1)).mean() > unlike


def test_nothing_named_is_a_retake_of_the_sample(tmp_path: Path):
    done = make(tmp_path)
    assert "retake with" in done.stderr
    assert samples()[0].clip.name in done.stderr
    check_sample_film(done)


def test_on_a_fresh_machine_the_small_model_that_ships_does_the_main_job(tmp_path: Path):
    command = [sys.executable, "-m", "ltxdesktop", "--store", str(tmp_path / "store"), "make"]
    surroundings = {**os.environ, "LTX_MODELS": str(tmp_path / "none")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG_S, env=surroundings)
    assert "retake with pocket" in done.stderr
    check_sample_film(done, unlike=1.5)  # another ball on the same meadow
    project = Path(done.stdout.strip()).with_suffix(".otio")
    (retaken,) = [clip for clip in read_project(project).document.sequence.tracks[0].clips if len(clip.takes) > 1]
    assert retaken.active == 1
    assert retaken.transition is not None


def test_samples_are_there_and_can_be_read():
    for sample in samples():
        with VideoReader(sample.clip) as reader:
            assert reader.index.frames > 24
    assert len(samples()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prompt", '{"fail_at": "decoding", "fail_with": "out_of_memory"}'], "are free"),
        (["--source", "/nowhere/clip.mp4"], "clip.mp4"),
        (["--size", "huge"], "not a size"),
        (["--model", "none-such"], "no model works here"),
        (["--prompt", '{"die_at": "stage 1"}'], "The engine"),
    ],
)
def test_what_goes_wrong_is_said_and_the_status_is_not_zero(tmp_path: Path, words: list[str], said: str):
    done = make(tmp_path, *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_engine_elsewhere_gets_the_clip_and_its_film_comes_here(tmp_path: Path):
    clip = tmp_path / "clip.mkv"
    write_media(clip, Delivery.FFV1_FLAC, frames=[np.full((30, 160, 256, 3), 200, np.uint8)], rate=Fraction(24))
    relay = [sys.executable, str(Path(__file__).parent / "jobs" / "relay.py")]
    there = shlex.join([*relay, *engine_command(backends=["test"], store=str(tmp_path / "there")), "--no-ring"])
    here = tmp_path / "here"
    done = make(
        tmp_path / "unused", "--source", str(clip), "--range", "10:20", "--output", str(here), engine=there
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    film = Path(done.stdout.strip())
    assert film.parent == here
    with VideoReader(film) as reader:
        assert reader.index.frames == 30


def test_engine_that_cannot_be_started_is_said(tmp_path: Path):
    done = make(tmp_path, engine="/nowhere/engine --stdio")
    assert done.returncode == 1
    assert "/nowhere/engine" in done.stderr


def test_second_engine_on_the_same_store_is_refused_with_words(tmp_path: Path):
    command = engine_command(backends=["test"], store=str(tmp_path))
    with (
        PlainEngine(command) as first,
        pytest.raises(EngineGone, match="Another window"),
        PlainEngine([*command, "--lock-wait", "0"]),
    ):
        pass
    assert first is not None


def test_plain_engine_leaves_no_process_behind(tmp_path: Path):
    with PlainEngine(engine_command(backends=["test"], store=str(tmp_path))) as engine:
        engine.ask(GetCapabilities())
        process = psutil.Process(engine.process_id)
    assert not process.is_running()
