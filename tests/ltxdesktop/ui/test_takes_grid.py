"""The grid of results: found by words and stars, played under the mouse, sent to the timeline, made once more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QSettings, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Document
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.ui.cards import lay_out_take, stars_over
from ltxdesktop.ui.drawing import STAR_PX
from ltxdesktop.ui.takes_panel import TakesPanel

PROMPTS = ("A red ball rolls.", "A blue box stands still.")


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[App]:
    """The Generate workspace with two results."""
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("window/workspace", "generate")
    made = App(qapp, engine_command("", ["test"], str(tmp_path / "store")), settings)
    made.start()
    qtbot.waitUntil(lambda: bool(made.session.backends))
    for number, prompt in enumerate(PROMPTS):
        made.window.generate.prompt.write(prompt)
        made.window.generate.prompt.generate()
        qtbot.waitUntil(lambda number=number: made.session.takes.rowCount() == number + 1)
    yield made
    with qtbot.waitSignal(made.link.stopped):
        if made.window.edit is not None:
            made.window.edit.project.mark_saved(tmp_path / "film.otio", made.window.edit.project.document)
        made.window.close()


def listed(panel: TakesPanel) -> list[str]:
    """The prompts of what the grid shows."""
    return [panel._shown.index(row, 0).data() for row in range(panel._shown.rowCount())]


def opened(app: App) -> Document:
    assert app.window.edit is not None
    return app.window.edit.project.document


def playhead(app: App) -> int:
    assert app.window.edit is not None
    return app.window.edit.playhead


def test_takes_are_found_by_words_and_stars(app: App) -> None:
    panel = app.window.generate.takes
    assert listed(panel) == [PROMPTS[1], PROMPTS[0]]
    panel._search.setText("BALL red")
    assert listed(panel) == [PROMPTS[0]]
    panel._search.setText("green")
    assert listed(panel) == []
    assert panel._pages.currentWidget() is panel._none
    panel._search.clear()
    first, second = app.session.takes.takes()
    app.window.generate._rate(first, 4)
    app.window.generate._rate(second, 2)
    panel._stars.setCurrentIndex(3)
    assert listed(panel) == [PROMPTS[1]]
    panel.choose(second.file.path)  # what was just made is shown, whatever was searched for
    assert listed(panel) == [PROMPTS[1], PROMPTS[0]]


def test_a_star_is_clicked_and_a_film_plays_under_the_mouse(qtbot: QtBot, app: App) -> None:
    panel = app.window.generate.takes
    view, index = panel._list, panel._shown.index(1, 0)
    take = app.session.takes.takes()[1]
    stars = stars_over(lay_out_take(view.visualRect(index)).picture)
    third = QPoint(stars.left() + 2 * STAR_PX + 4, stars.center().y())
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=third)
    assert app.session.takes.takes()[1].rating == 3
    films = app.window.generate._films
    films.begin(take.file.path)
    qtbot.waitUntil(lambda: films.picture(take.file.path) is not None)
    first = films.picture(take.file.path)
    qtbot.waitUntil(lambda: films.picture(take.file.path) is not first)
    films.end()
    assert films.picture(take.file.path) is None


def test_results_go_behind_each_other_onto_the_timeline_and_into_the_media(qtbot: QtBot, app: App) -> None:
    window = app.window
    first, second = app.session.takes.takes()
    for number, take in enumerate((first, second), start=1):
        window.generate.takes.choose(take.file.path)
        window.generate.takes.actions_by_name["timeline"].trigger()
        qtbot.waitUntil(lambda number=number: len(opened(app).media) == number)
        qtbot.waitUntil(lambda: playhead(app) == opened(app).sequence.duration)
    edit = window.edit
    assert edit is not None
    document = edit.project.document
    check(document)
    (track,) = (each for each in document.sequence.tracks if each.name == "V1")
    assert [document.media[clip.media].recipe["work"]["prompt"] for clip in track.clips] == list(reversed(PROMPTS))
    assert (document.sequence.width, document.sequence.height) == (first.file.width, first.file.height)
    assert document.sequence.duration == first.file.frames + second.file.frames
    edit.project.undo()
    assert len(edit.project.document.media) == 1, [entry.name for entry in edit.project.entries]
    window.generate.takes.actions_by_name["media"].trigger()
    assert len(edit.project.document.media) == 2
    assert window.workspace == "generate"


def test_a_result_whose_clip_isnt_open_is_varied_all_the_same(qtbot: QtBot, app: App) -> None:
    take = app.session.takes.takes()[0]
    app.window.generate._queue_again(take, new_seed=True)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 3)
    varied = app.session.takes.takes()[0]
    assert varied.recipe is not None
    assert varied.recipe.work.prompt == PROMPTS[1]
    assert varied.seed != take.seed


def test_the_monitors_keys_are_those_that_its_buttons_say(app: App, qtbot: QtBot):
    generate, window = app.window.generate, app.window
    generate.takes.choose(app.session.takes.takes()[0].file.path)
    qtbot.waitUntil(lambda: generate.monitor.player.film is not None)
    player = generate.monitor.player
    player.pause()
    said = {button.toolTip() for button in generate.monitor.findChildren(QToolButton)}
    for key, name, frame in (
        (Qt.Key.Key_Home, "To the start (Home)", 0),
        (Qt.Key.Key_Right, "One frame on (Right)", 1),
        (Qt.Key.Key_Period, "", 2),
        (Qt.Key.Key_Left, "One frame back (Left)", 1),
        (Qt.Key.Key_Comma, "", 0),
    ):
        assert not name or name in said
        QApplication.sendEvent(window, QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier))
        qtbot.waitUntil(lambda frame=frame: player.frame == frame)


def test_takes_that_came_leave_the_window_small(app: App, qapp: QApplication, qtbot: QtBot):
    generate = app.window.generate
    generate.takes.choose(app.session.takes.takes()[0].file.path)
    qtbot.waitUntil(lambda: generate.monitor.player.film is not None)
    app.window.resize(960, 600)
    for words in ("", "no take has these words"):
        generate.takes._search.setText(words)
        qapp.processEvents()
        assert (app.window.width(), app.window.height()) == (960, 600)
        transport = generate.monitor._time.parentWidget()
        assert transport.minimumSizeHint().width() <= transport.width()
