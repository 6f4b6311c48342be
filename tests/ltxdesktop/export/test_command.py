"""`ltxdesktop export` as people run it, in this process, and once as a process of its own that is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from render_samples import clip, film, noise, numbered, track, write_film, write_sound

from engine.media.decode import VideoReader
from engine.media.probe import probe
from ltxdesktop.__main__ import build_parser, main
from ltxdesktop.document.model import Marker, MarkerId, MediaId, Title, TrackKind, new_document
from ltxdesktop.document.otio.read import from_text
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.export.command import settings_of
from ltxdesktop.export.presets import PRESETS
from ltxdesktop.export.provenance import DISCLOSURE
from ltxdesktop.media.files import MediaFiles


@pytest.fixture
def project(tmp_path: Path, files: MediaFiles) -> Path:
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(60)]))
    song = files.describe(write_sound(tmp_path / "song.wav", noise(48_000 * 3)))
    sequence = film(
        track(clip(footage, 50)),
        track(clip(song, 50), kind=TrackKind.AUDIO),
        track(clip(None, 25, content=Title("Hello")), kind=TrackKind.SUBTITLE),
        markers=(Marker(MarkerId("m1"), 0, "Start"), Marker(MarkerId("m2"), 25, "Second half")),
    )
    path = tmp_path / "film.otio"
    path.write_text(to_text(new_document("Film", sequence).with_media(footage, song)), encoding="utf-8")
    return path


def test_a_project_becomes_a_film(project, tmp_path, qapp, capsys):
    target = tmp_path / "out.mkv"
    status = main(["export", str(project), "--preset", "ffv1", "-o", str(target), "--range", "10-00:00:01:05"])
    said = capsys.readouterr()
    assert status == 0
    assert said.out == f"{target}\n"
    assert "100%" in said.err
    with VideoReader(target) as reader:
        assert reader.index.frames == 20


def test_a_poster_by_timecode_counts_from_the_first_frame_of_the_film(project, tmp_path, qapp):
    text = project.read_text(encoding="utf-8")
    document = from_text(text).document
    late = replace(document.sequence, first_frame=25 * 3600)
    project.write_text(to_text(replace(document, sequences=(late,))), encoding="utf-8")
    options = build_parser().parse_args(["export", str(project), "-o", "x.mp4", "--poster", "01:00:01:05"])
    assert settings_of(options, late).poster == 30


def test_what_a_file_holds_beside_the_film_can_be_left_out(project, tmp_path, qapp):
    target = tmp_path / "out.mp4"
    assert main(["export", str(project), "-o", str(target), "--no-chapters", "--range", "0-3"]) == 0
    with av.open(str(target)) as container:
        assert not container.chapters()


@pytest.mark.parametrize("preset", ["h264", "ffv1", "prores-422"])
def test_chapters_poster_and_subtitles_are_in_the_film(preset, project, tmp_path, qapp, capsys):
    target = tmp_path / f"out{PRESETS[preset].suffix}"
    words = ["--preset", preset, "-o", str(target), "--poster", "30", "--subtitles", "file"]
    assert main(["export", str(project), *words]) == 0
    with av.open(str(target)) as container:
        found = [(each["metadata"]["title"], each["start"] * each["time_base"]) for each in container.chapters()]
        covers = [s for s in container.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        assert len(covers) == (0 if preset == "prores-422" else 1)
    assert found == [("Start", Fraction(0)), ("Second half", Fraction(1))]
    assert probe(target).require_video().rotated_size == (128, 72)
    assert "Hello" in (tmp_path / "out.srt").read_text(encoding="utf-8")
    said = capsys.readouterr().err
    assert "Subtitles are in out.srt" in said
    assert ("no poster" in said) == (preset == "prores-422")


@pytest.mark.parametrize("preset", ["h264", "vp9", "prores-422", "gif", "wav", "flac", "aac"])
def test_a_file_says_where_its_film_was_generated(preset, tmp_path, files, qapp, capsys):
    kind = "sound" if PRESETS[preset].picture is None else "picture"
    plain = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(30)]))
    song = files.describe(write_sound(tmp_path / "song.wav", noise(48_000 * 2)))
    made = replace(song if kind == "sound" else plain, id=MediaId("made"), recipe={"work": {"prompt": "A blue box."}})
    pictures = [clip(plain, 5), clip(made if kind == "picture" else plain, 5)]
    sounds = [clip(song, 5), clip(made if kind == "sound" else song, 5)]
    sequence = film(track(*pictures), track(*sounds, kind=TrackKind.AUDIO))
    project = tmp_path / "film.otio"
    project.write_text(to_text(new_document("Film", sequence).with_media(plain, song, made)), encoding="utf-8")

    def comment(*words: str) -> str:
        target = tmp_path / f"out{PRESETS[preset].suffix}"
        assert main(["export", str(project), "--overwrite", "--preset", preset, "-o", str(target), *words]) == 0
        with av.open(str(target)) as container:
            said = {**container.metadata, **container.streams[0].metadata}
        return next((text for name, text in said.items() if name.lower() == "comment"), "")

    assert comment() == ("" if preset == "gif" else DISCLOSURE)
    assert ("can't say that AI was used" in capsys.readouterr().err) == (preset == "gif")
    assert comment("--range", "0-5") == ""  # nothing of it is in there
    assert comment("--no-disclosure") == ""


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--preset", "h266"], 2, "did you mean 'h264'"),
        (["--preset", "wav"], 2, "end with .wav"),
        (["--size", "big"], 2, "is no size"),
        (["--size", "127x72"], 2, "126 x 72 is"),
        (["--range", "12"], 2, "is no range"),
        (["--range", "1:99:00-"], 2, "not a timecode"),
        (["--rate", "fast"], 2, "not a frame rate"),
        (["--sequence", "Other"], 2, "no sequence 'Other'"),
        (["--range", "80-90"], 1, "no frame in it"),
        (["-o", "nowhere/film.mp4"], 1, "no such folder"),
    ],
)
def test_mistakes_are_said_in_a_sentence(words, status, said, project, tmp_path, qapp, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(project), "-o", "film.mp4", *words]) == status
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "film.mp4").exists()


def test_a_project_that_is_none_is_said(tmp_path, qapp, capsys):
    (tmp_path / "film.otio").write_text("nonsense")
    assert main(["export", str(tmp_path / "film.otio"), "-o", str(tmp_path / "film.mp4")]) == 1
    assert main(["export", str(tmp_path / "gone.otio"), "-o", str(tmp_path / "film.mp4")]) == 1
    assert "There is no project 'gone.otio'" in capsys.readouterr().err


def test_nothing_is_replaced_unless_that_is_asked(project, tmp_path, qapp, capsys):
    target = tmp_path / "film.wav"
    target.write_bytes(b"precious")
    assert main(["export", str(project), "--preset", "wav", "-o", str(target)]) == 1
    assert target.read_bytes() == b"precious"
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main(["export", str(project), "--preset", "wav", "-o", str(target), "--overwrite"]) == 0
    assert target.stat().st_size > 1000


def test_all_presets_are_listed(capsys):
    assert main(["export", "--list-presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PRESETS)


def test_subtitles_of_a_file_come_along(project, tmp_path, qapp, capsys):
    added, target = tmp_path / "more.srt", tmp_path / "out.mkv"
    added.write_text("1\n00:00:00,400 --> 00:00:00,800\nadded\n", encoding="utf-8")
    words = ["--preset", "ffv1", "-o", str(target), "--range", "0-25", "--subtitles", "file"]
    assert main(["export", str(project), *words, "--add-subtitles", str(added)]) == 0
    said = target.with_suffix(".srt").read_text(encoding="utf-8")
    assert said == "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n00:00:00,400 --> 00:00:00,800\nadded\n"
    added.write_text("nothing\n")
    assert main(["export", str(project), *words, "--add-subtitles", str(added), "--overwrite"]) == 1
    assert "Line 1" in capsys.readouterr().err


def test_an_interrupt_ends_it_cleanly_and_without_a_screen(project, tmp_path):
    target = tmp_path / "out.mkv"
    words = ["export", str(project), "--preset", "ffv1", "-o", str(target), "--size", "3840x2160"]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
    with subprocess.Popen(
        [sys.executable, "-m", "ltxdesktop", *words], stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        while line and "exporting" not in line:
            line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, line + rest
    assert "cancelled" in rest
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".ltx", "out"))] == []
