"""Ranges at every awkward place are asked for, made and landed through the real desk, or it's said why not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from loop_kit import pictures, say
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Document, Title, TrackId, TrackKind
from ltxdesktop.loop import places
from ltxdesktop.loop.places import AfterClip, InGap
from ltxdesktop.ui.editor.workspace import EditWorkspace
from ltxdesktop.ui.loop.panel import ACTIONS

Range = tuple[int, int]  # of the sequence; the sample has clips of 96 frames at [0, 96) and [96, 192)


def mark(edit: EditWorkspace, first: int, last: int) -> None:
    edit.project.edit("Mark", lambda document: edits.set_range(document, first, last))


def change_speed(speed: Fraction) -> Callable[[Document], Document]:
    def change(document: Document) -> Document:
        clip = next(iter(document.sequence.of_kind(TrackKind.VIDEO)[0].clips))
        return edits.set_speed(document, clip.id, speed, ripple=True)

    return change


@pytest.mark.parametrize(
    ("speed", "marked", "made"),
    [
        (Fraction(1), (0, 8), [(0, 8)]),
        (Fraction(1), (184, 192), [(184, 192)]),
        (Fraction(1), (188, 230), [(188, 192)]),  # it reaches beyond the end
        (Fraction(1), (80, 112), [(80, 96), (96, 112)]),
        (Fraction(2), (10, 30), [(10, 30)]),
        (Fraction(1, 2), (10, 30), [(10, 30)]),
        (Fraction(-1), (10, 30), [(10, 30)]),
    ],
    ids=["first frame", "last frame", "beyond the end", "over a cut", "twice as fast", "half as fast", "reversed"],
)
def test_a_range_is_made_again_where_it_is(
    qtbot: QtBot, app: App, edit: EditWorkspace, speed: Fraction, marked: Range, made: list[Range]
) -> None:
    if speed != 1:
        edit.project.edit("Speed", change_speed(speed))
    before = edit.project.document.sequence.duration
    mark(edit, *marked)
    say(qtbot, edit)
    landed: list[str] = []
    edit.loop.landed.connect(landed.append)
    edit.actions_by_name["make.now"].trigger()
    qtbot.waitUntil(lambda: len(landed) == len(made))
    document = edit.project.document
    check(document)
    assert document.sequence.duration == before
    retaken = [clip for clip in pictures(edit) if len(clip.takes) == 2]
    spans = [(document.sequence.start_of(clip.id) or 0, clip.duration) for clip in retaken]
    assert [(start, start + duration) for start, duration in spans] == made


def test_a_range_of_a_still_says_why_it_isnt_made_again(qtbot: QtBot, edit: EditWorkspace, tmp_path: Path) -> None:
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    picture.fill(QColor("red"))
    picture.save(str(tmp_path / "still.png"))
    edit.importing.import_paths([tmp_path / "still.png"])
    qtbot.waitUntil(lambda: len(edit.project.document.media) == 3)
    still = list(edit.project.document.media.values())[-1]
    edit.importing.append_media([still.id])
    say(qtbot, edit)
    mark(edit, 200, 220)
    assert not edit.make.ready
    assert "still" in edit.make._problem.text()
    edit.actions_by_name["make.now"].trigger()
    assert not list(edit.loop._waiting)


def test_a_range_of_a_title_or_of_nothing_says_so(qtbot: QtBot, edit: EditWorkspace) -> None:
    say(qtbot, edit)
    mark(edit, 400, 420)
    assert "There is no clip with footage" in edit.make._problem.text()
    title = edits.clip_from_content(Title("Words"), 48)
    track = edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].id
    edit.project.edit("Title", lambda document: edits.append_clips(document, [edits.Placement(track, title)]))
    edit.selection.choose([title.id])
    mark(edit, 196, 220)
    assert not edit.make.ready


def choose(edit: EditWorkspace, action: str) -> None:
    """A click on what to do."""
    edit.make._action._group.button([each for each, _, _ in ACTIONS].index(action)).click()


def test_a_gap_is_filled_from_its_neighbours_or_gets_a_clip_of_its_own(
    qtbot: QtBot, app: App, edit: EditWorkspace
) -> None:
    first, second = pictures(edit)
    edit.project.edit("Move", lambda document: edits.move(document, [second.id], 30))
    edit.project.edit("Move", lambda document: edits.move(document, [first.id, second.id], 20))
    before, between = (item for item in edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].items[::2][:2])
    say(qtbot, edit)
    edit.timeline.fill_asked.emit(between.id, 116, 146)
    assert [type(each) for each in edit.loop.places] == [InGap]
    choose(edit, "new")
    assert edit.loop.places == (places.at_frame(edit.project.document, 116, pictures_track(edit)),)
    edit.timeline.fill_asked.emit(before.id, 0, 20)  # with nothing before it
    assert edit.loop.places == (places.at_frame(edit.project.document, 0, pictures_track(edit)),)
    with qtbot.waitSignal(edit.loop.landed):
        edit.actions_by_name["make.now"].trigger()
    check(edit.project.document)
    assert [clip.duration for clip in pictures(edit)] == [20, 96, 96]
    assert edit.project.document.sequence.start_of(second.id) == 146


def pictures_track(edit: EditWorkspace) -> TrackId:
    return edit.project.document.sequence.of_kind(TrackKind.VIDEO)[0].id


def test_what_is_done_with_a_clip_is_what_the_choice_says(edit: EditWorkspace) -> None:
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    assert edit.make.action == "new"  # at the playhead nothing else is possible
    edit.selection.choose([pictures(edit)[1].id])
    assert edit.make.action == "retake"
    assert edit.make._make.text() == "Retake"
    assert edit.make._what.isVisibleTo(edit.make)
    choices = (("retake", "Retake"), ("replace", "Replace"), ("extend", "Extend"), ("new", "Generate"))
    for action, verb in choices:
        choose(edit, action)
        assert (edit.make.action, edit.make._make.text()) == (action, verb)


def test_a_clip_is_extended_at_either_end_by_seconds(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    first = pictures(edit)[0]
    edit.selection.choose([first.id])
    say(qtbot, edit)
    choose(edit, "extend")
    edit.make._frames.selectAll()
    qtbot.keyClicks(edit.make._frames, "0.5 s")
    edit.make._direction._group.button(1).click()
    (place,) = edit.loop.places
    assert isinstance(place, AfterClip)
    assert (place.direction, place.frames) == ("backward", 12)
    with qtbot.waitSignal(edit.loop.landed):
        edit.actions_by_name["make.now"].trigger()
    check(edit.project.document)
    sequence = edit.project.document.sequence
    assert (pictures(edit)[0].duration, sequence.start_of(first.id)) == (12, 12)


def test_another_shot_of_the_same_length_takes_a_clips_place(qtbot: QtBot, app: App, edit: EditWorkspace) -> None:
    edit.project.edit("Clear", lambda document: edits.set_range(document, None, None))
    second = pictures(edit)[1]
    before = edit.project.document.sequence.duration
    edit.selection.choose([second.id])
    say(qtbot, edit)
    choose(edit, "replace")
    with qtbot.waitSignal(edit.loop.landed):
        edit.actions_by_name["make.now"].trigger()
    check(edit.project.document)
    replaced = pictures(edit)[1]
    assert (replaced.id, replaced.duration, replaced.active) == (second.id, second.duration, 1)
    assert edit.project.document.sequence.duration == before
    assert replaced.media is not None
    assert edit.project.document.media[replaced.media].frames == second.duration


def test_a_range_of_a_clip_whose_file_is_missing_says_which(
    qtbot: QtBot, edit: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(qtbot, edit)
    media = pictures(edit)[0].media
    assert media is not None
    monkeypatch.setattr(edit.files, "missing", lambda _: frozenset([media]))  # whoever looks for it
    with qtbot.waitSignal(edit.materials.presence_changed):
        edit.materials.look_for(lambda: edit.files.missing(edit.project.document))
    qtbot.waitUntil(lambda: not edit.make.ready)
    assert "ball-on-the-meadow.mp4” can't be found" in edit.make._problem.text()
    mark(edit, 100, 120)  # the other clip is there
    assert edit.make.ready
    mark(edit, 80, 120)  # of both only that one
    assert edit.make.ready
    assert edit.make._where.text().startswith("00:04:00 to 00:05:00")
    assert edit.make._where.text().endswith("“ball-on-the-meadow.mp4” stays as it is")


def test_what_is_said_of_a_range_is_what_is_made(edit: EditWorkspace) -> None:
    mark(edit, 180, 400)  # twelve frames of the last clip, and nothing behind it
    assert edit.make._where.text().startswith("00:07:12 to 00:08:00, 0.50 s, of V1")
