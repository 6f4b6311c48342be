"""Before anything leaves the machine: what is sent, what it costs, and a tick; afterwards what was spent.

In the whole window, with a real engine and the fake LTX API: nothing reaches the service before the tick.
"""

from __future__ import annotations

from typing import Any

import pytest
from app_kit import OpenApp
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPlainTextEdit, QPushButton, QWidget

from ltxdesktop.app import App
from ltxdesktop.settings.declared import API_MODEL, BACKEND
from ltxdesktop.ui.consent import AGREE, ConsentWindow


@pytest.fixture
def app(api: Any, open_app: OpenApp) -> App:
    return open_app("test", "remote")


def named(place: QWidget, kind: type[Any], name: str) -> Any:
    return next(each for each in place.findChildren(kind) if each.accessibleName() == name)


def button(place: QWidget, words: str) -> QPushButton:
    return next(each for each in place.findChildren(QPushButton) if each.text() == words)


def test_generate_sends_nothing_before_the_tick_and_says_what_it_was(app: App, qtbot, api: Any):
    panel = app.window.generate.prompt
    generate, tick = button(panel, "Generate"), panel.consent.findChild(QCheckBox)
    assert tick is not None

    def answer(words: str) -> str:
        qtbot.mouseClick(tick, Qt.MouseButton.LeftButton)
        asked = panel.consent.findChild(ConsentWindow)
        assert asked is not None
        said = "\n".join(each.text() for each in asked.findChildren(QLabel))
        assert not tick.isChecked()  # before the answer
        with qtbot.waitSignal(asked.destroyed):
            qtbot.mouseClick(button(asked, words), Qt.MouseButton.LeftButton)
        return said

    qtbot.keyClicks(named(panel, QPlainTextEdit, "Prompt"), "a red ball")
    assert generate.isEnabled()  # the model on this machine needs no agreement
    assert not panel.consent.isVisible()
    model = named(panel, QComboBox, "Model")
    model.setCurrentIndex(model.findData("remote/ltx-2-3-fast"))
    panel._frames.setValue(9)
    assert not generate.isEnabled()
    assert panel._problem.text() == AGREE
    qtbot.waitUntil(lambda: "US$ 0.06" in tick.text())
    said = answer("Don't send")
    for words in ("The prompt (10 characters)", "127.0.0.1", "Costs about $0.06", "Spent in", "US$ 0.00"):
        assert words in said
    assert not tick.isChecked()
    assert not generate.isEnabled()
    assert api.seen == []
    answer("Agree")
    assert generate.isEnabled()
    qtbot.mouseClick(generate, Qt.MouseButton.LeftButton)
    assert not tick.isChecked()  # it was for that job
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    assert "about $0.06" in app.session.jobs.entries()[0].status
    qtbot.waitUntil(lambda: "US$ 0.06" in panel.consent.costs[-1])
    assert api.submits == 1


def test_the_person_may_agree_to_all_jobs_in_the_settings(app: App, qtbot, api: Any):
    panel, settings = app.window.generate.prompt, app.window._in_use.settings
    assert panel.ask.backend == "test"
    settings.set(API_MODEL, "ltx-2-3-fast")
    settings.set(BACKEND, "remote")
    assert (panel.ask.backend, panel.ask.model, panel.ask.may_leave) == ("remote", "ltx-2-3-fast", True)
    panel.consent.after_asking()
    assert panel.consent.agreed  # not for one job only
    settings.set(BACKEND, "")
    assert (panel.ask.backend, panel.ask.may_leave) == ("test", False)
    assert api.seen == []


def test_edit_lists_what_would_leave_before_anybody_agrees(app: App, qtbot, api: Any):
    app.window.show_workspace("edit")
    edit = app.window.edit
    assert edit is not None
    panel = edit.make
    qtbot.waitUntil(lambda: panel._model.findData("remote/ltx-2-3-fast") >= 0)
    panel.write("a red ball")
    panel._model.setCurrentIndex(panel._model.findData("remote/ltx-2-3-fast"))
    qtbot.waitUntil(lambda: "the prompt (10 characters)" in panel.consent.sends)
    assert panel._problem.text() == AGREE
    assert not panel.ready
    panel.consent.agree(True)
    qtbot.waitUntil(lambda: panel.ready)
    panel.after_asking()
    assert not panel.wish.may_leave
    assert api.seen == []
