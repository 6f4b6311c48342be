"""A film that comes from another program's list: its files are read, so that it looks and plays as it should."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from edit_films import FRAMES

from ltxdesktop.document.check import check
from ltxdesktop.document.otio.names import START_KEY
from ltxdesktop.ui.editor import materials
from ltxdesktop.ui.editor.sources import sequence_of_media


def test_files_that_an_edit_list_names_are_looked_into(open_edit, qtbot, film: Path, tmp_path: Path):
    edit = open_edit()
    listed = tmp_path / "cut.edl"
    listed.write_text(
        "TITLE: cut\nFCM: NON-DROP FRAME\n\n"
        "001  STEPS    V     C        00:00:00:10 00:00:01:10 01:00:00:00 01:00:01:00\n"
        f"* FROM CLIP NAME: {film.name}\n* SOURCE FILE: {film}\n"
    )
    edit.desk.open_path(listed)
    qtbot.waitUntil(lambda: any(each.content_hash for each in edit.project.document.media.values()))
    (media,) = edit.project.document.media.values()
    assert (media.width, media.height, media.frames, media.sample_rate) == (64, 48, FRAMES, 48_000)
    assert edit.project.history.undo_name == "Look into files"
    check(edit.project.document)
    assert not edit.materials.missing


def test_source_monitor_counts_in_the_files_own_time(project):
    media = next(iter(project.project.document.media.values()))
    taped = replace(media, metadata={START_KEY: str(Fraction(36_000))})
    assert sequence_of_media(taped).first_frame == 36_000 * 25
    assert sequence_of_media(media).first_frame == 0


def test_files_are_looked_into_a_few_at_a_time_and_told_together(
    open_edit, qtbot, film: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(materials, "LOOK_S", -1)  # other work has its turn after each
    edit = open_edit()
    names = ["a.mp4", "b.mp4", "c.mp4"]
    events = "".join(
        f"00{number}  REEL{number}   V     C        00:00:00:10 00:00:01:10 01:00:0{number}:00 01:00:0{number + 1}:00\n"
        f"* SOURCE FILE: {shutil.copy(film, tmp_path / name)}\n"
        for number, name in enumerate(names)
    )
    listed = tmp_path / "cut.edl"
    listed.write_text(f"TITLE: cut\n{events}")
    edit.desk.open_path(listed)
    qtbot.waitUntil(lambda: [each.frames for each in edit.project.document.media.values()] == [FRAMES] * 3)
    assert [step.name for step in edit.project.history.entries].count("Look into files") == 1
