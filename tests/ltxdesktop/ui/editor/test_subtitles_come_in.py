"""Subtitle files come onto the timeline: chosen, dropped, with a film, ten thousand at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_films import write_film
from PySide6.QtWidgets import QFileDialog

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import TrackKind
from ltxdesktop.export.subtitles import cues, srt_time

SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n00:00:02,000 --> 00:00:03,000\n<i>there</i>\n"


@pytest.fixture
def subtitles(tmp_path: Path) -> Path:
    path = tmp_path / "film.srt"
    path.write_text(SRT, encoding="utf-8")
    return path


def shown(edit) -> list[tuple[str, int, int]]:
    sequence = edit.project.document.sequence
    return [(cue.text, cue.first, cue.last) for cue in cues(sequence, 0, max(1, sequence.duration))]


def test_a_chosen_file_is_one_step(project, qtbot, subtitles: Path, monkeypatch):
    before = project.project.index
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(subtitles)], ""))
    project.actions_by_name["project.import_subtitles"].trigger()
    qtbot.waitUntil(lambda: shown(project) == [("Hello", 0, 25), ("there", 50, 75)])
    assert project.project.index == before + 1
    assert project.project.history.undo_name == "Import film.srt"
    assert project.problems[-1] == "2 subtitles of film.srt on the timeline"
    check(project.project.document)
    project.project.undo()
    assert shown(project) == []
    assert not project.project.document.sequence.of_kind(TrackKind.SUBTITLE)


def test_a_dropped_file_counts_from_the_place(project, qtbot, subtitles: Path):
    project.timeline.files_dropped.emit([subtitles], 10, "", False)
    qtbot.waitUntil(lambda: shown(project) == [("Hello", 10, 35), ("there", 60, 85)])
    home = project.project.document.sequence.of_kind(TrackKind.SUBTITLE)[0].id
    project.timeline.files_dropped.emit([subtitles], 20, home, False)  # over what is there
    qtbot.waitUntil(
        lambda: shown(project) == [("Hello", 10, 20), ("Hello", 20, 45), ("there", 60, 70), ("there", 70, 95)]
    )


def test_a_file_among_others_is_no_media(project, qtbot, subtitles: Path, tmp_path: Path):
    film = write_film(tmp_path / "other.mp4", frames=5, sound=False)
    project.importing.import_paths([subtitles, film])
    qtbot.waitUntil(lambda: len(shown(project)) == 2)
    assert sorted(media.name for media in project.project.document.media.values()) == ["other.mp4", "steps.mp4"]


def test_a_new_project_takes_films_and_subtitles(open_edit, qtbot, subtitles: Path, film: Path):
    edit = open_edit()
    edit.start.files_dropped.emit([subtitles, film])
    qtbot.waitUntil(lambda: shown(edit) == [("Hello", 0, 25), ("there", 50, 75)])
    assert len(edit.project.document.media) == 1


def test_importing_without_a_project_begins_one(open_edit, qtbot, subtitles: Path, film: Path, monkeypatch):
    edit = open_edit()
    edit.actions_by_name["sequence.title"].trigger()
    assert edit.problems == ["Open a project first, or begin one."]
    assert edit.project.document.sequence.duration == 0
    for command, path in (("project.import_subtitles", subtitles), ("project.import", film)):
        monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, path=path: ([str(path)], ""))
        edit.actions_by_name[command].trigger()
        qtbot.waitUntil(lambda: edit.has_project and len(shown(edit)) == 2)
    qtbot.waitUntil(lambda: len(edit.project.document.media) == 1)
    assert not edit.project.clean


def test_a_bad_file_changes_nothing_and_says_where(project, qtbot, subtitles: Path):
    subtitles.write_text("1\n00:00:01,000 -> 00:00:02,000\nHello\n")
    before = project.project.document
    project.problems.clear()
    project.importing.import_paths([subtitles])
    qtbot.waitUntil(lambda: bool(project.problems))
    assert "Line 2" in project.problems[0]
    assert project.project.document is before


def test_an_edit_made_meanwhile_is_kept(project, qtbot, subtitles: Path):
    project.importing.import_paths([subtitles])
    project.project.edit("Add", lambda document: edits.add_track(document, TrackKind.VIDEO, name="Mine"))
    qtbot.waitUntil(lambda: len(shown(project)) == 2)
    assert "Mine" in [track.name for track in project.project.document.sequence.tracks]


def test_ten_thousand_come_in_without_holding_the_window(project, qtbot, tmp_path: Path):
    """The fixture's watchdog fails the test where the GUI thread computes for long."""
    path = tmp_path / "long.srt"
    blocks = (f"{n}\n{srt_time(n)} --> {srt_time(n + 1)}\nLine {n}\nand more\n" for n in range(10_000))
    path.write_text("\n".join(blocks), encoding="utf-8")
    project.importing.import_paths([path])
    qtbot.waitUntil(lambda: bool(project.project.document.sequence.of_kind(TrackKind.SUBTITLE)))
    (track,) = project.project.document.sequence.of_kind(TrackKind.SUBTITLE)
    assert len(track.items) == 10_000
    project.project.undo()
    project.project.redo()
    assert project.project.document.sequence.tracks[-1] == track
