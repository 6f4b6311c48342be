"""A media's file that was replaced by a shorter one: the person is told, and the timeline shows what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_films import FRAMES, write_film
from PySide6.QtGui import QImage

from ltxdesktop.document import edits
from ltxdesktop.document.shortfall import lacking, shortfall_words, shortfalls

LEFT = 20  # frames of the file that comes in its place


@pytest.fixture
def replaced(open_edit, qtbot, tmp_path: Path):
    """A saved project whose film was replaced by a shorter one while it was closed, opened again."""
    edit = open_edit()
    path = write_film(tmp_path / "steps.mp4")
    edit.desk.begin([path], "Test", place=True)
    qtbot.waitUntil(lambda: edit.project.document.sequence.duration == FRAMES)
    with qtbot.waitSignal(edit.files.saved):
        edit.files.save_as(tmp_path / "film.otio")
    edit._leave()
    write_film(path, frames=LEFT)
    edit.problems.clear()
    edit.files.open(tmp_path / "film.otio")
    qtbot.waitUntil(lambda: any("too short" in words for words in edit.problems))
    return edit


def picture(edit) -> QImage:
    return edit.timeline.view.grab().toImage()


def test_the_person_is_told_of_a_file_that_is_too_short_now(replaced):
    told = next(words for words in replaced.problems if "too short" in words)
    assert "'steps.mp4' is another file now, and too short for 2 clips" in told
    assert "00:00:01:05" in told  # 30 of 50 frames at 25 a second
    sequence = replaced.project.document.sequence
    assert sequence.duration == FRAMES  # nothing was changed behind anybody's back
    (media,) = replaced.project.document.media.values()
    assert replaced.materials.too_short(media.id).frames == LEFT


def test_what_is_not_in_the_file_is_hatched_until_it_is_trimmed_away(replaced, qtbot):
    view, sequence = replaced.timeline.view, replaced.project.document.sequence
    replaced.selection.clear()
    replaced.timeline.go_to(0)
    placed = next(each for each in view.placed().clips)
    row = int(placed.box.top + placed.box.height - 6)

    def redness(frame: int) -> int:
        shown = picture(replaced)
        across = range(int(view.viewport.x_of(frame)), int(view.viewport.x_of(frame + 8)))
        scale = shown.devicePixelRatio()
        colours = [shown.pixelColor(int(x * scale), int(row * scale)) for x in across]
        return max(colour.red() - colour.blue() for colour in colours)

    qtbot.waitUntil(lambda: redness(30) > 40)
    assert redness(4) < 40
    clip = next(clip for track in sequence.tracks for clip in track.clips)
    replaced.project.edit("Trim", lambda d: edits.trim(d, clip.id, edits.Edge.TAIL, LEFT - FRAMES))
    after = replaced.project.document.sequence
    (media,) = replaced.project.document.media.values()
    found = replaced.materials.too_short(media.id)
    assert all(lacking(c, t.kind, found, after) == (0, 0) for t in after.tracks for c in t.clips)


def test_the_film_goes_on_with_its_last_picture(replaced, qtbot):
    last = (LEFT - 1) * 5  # how light it is

    def is_last() -> bool:
        shown = replaced.program.view.picture
        return not shown.isNull() and abs(shown.pixelColor(5, 5).red() - last) < 12

    for frame in (LEFT - 1, FRAMES - 5):
        replaced.timeline.go_to(frame)
        qtbot.waitUntil(lambda at=frame: replaced.program.frame == at and is_last())


def test_nothing_is_said_of_files_that_fit(project):
    document = project.project.document
    short = shortfalls(document, dict(document.media))
    assert short == []
    assert shortfall_words(short, document.sequence) == ""
