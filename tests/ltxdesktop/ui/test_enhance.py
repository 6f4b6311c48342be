"""The button that has a prompt written out: by the panel's own words to an engine, and with the real one and Pocket."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from engine.protocol.messages import BackendCapability, Capabilities, Enhanced, EnhancePrompt, Refused, Request
from ltxdesktop.app import App
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.editor import project_desk
from ltxdesktop.ui.enhance import CHANGED, NAME, NO_WORDS, NOT_HERE, TOLD, WAITING, EnhanceButton
from ltxdesktop.ui.loop.panel import MakePanel
from ltxdesktop.ui.parts import Panel
from ltxdesktop.ui.prompt_field import PromptField
from ltxdesktop.ui.prompt_panel import PromptPanel
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look

WRITER = BackendCapability(backend="local", title="Here", available=True, enhances=True)
PAID = BackendCapability(backend="remote", title="LTX API", available=True, enhances=True, remote=True)


class Desk:
    """A prompt with its button, an engine that answers when it's told to, and what the person was told."""

    def __init__(self, qtbot: QtBot, qapp: QApplication) -> None:
        self.sent: list[Request] = []
        self.said: list[str] = []
        self.session = EngineSession(self.sent.append)
        self._panel = panel = Panel("")
        qtbot.addWidget(panel)
        self.prompt = PromptField("")
        self.button = EnhanceButton(Look(qapp), self.prompt, self._question)
        self.button.use(self.session, self.said.append)
        for each in (self.prompt, self.button):
            panel.body.addWidget(each)
        panel.show()
        self.session.engine_ready()
        self._qtbot = qtbot

    def _question(self) -> EnhancePrompt:
        return EnhancePrompt(prompt=self.prompt.toPlainText())

    def offer(self, *backends: BackendCapability) -> None:
        self.session.receive(Capabilities(backends=backends), b"")

    def click(self) -> EnhancePrompt:
        self._qtbot.mouseClick(self.button, Qt.MouseButton.LeftButton)
        return next(each for each in reversed(self.sent) if isinstance(each, EnhancePrompt))


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication) -> Desk:
    return Desk(qtbot, qapp)


def test_it_is_shown_only_where_words_stay_on_the_machine(desk: Desk):
    assert not desk.button.isVisible()
    desk.offer(PAID)
    assert not desk.button.isVisible()
    desk.offer(PAID, WRITER)
    assert desk.button.isVisible()
    assert not desk.button.isEnabled()  # there is nothing to write out
    desk.prompt.setPlainText("a ball")
    assert desk.button.isEnabled()


def test_the_answer_takes_the_words_place_and_can_be_taken_back(desk: Desk, qtbot: QtBot):
    desk.offer(WRITER)
    desk.prompt.setPlainText("a ball")
    asked = desk.click()
    assert asked.prompt == "a ball"
    assert not desk.button.isEnabled()  # not asked twice
    desk.session.receive(Enhanced(call=asked.call, prompt="A red ball bounces on a meadow."), b"")
    assert desk.prompt.toPlainText() == "A red ball bounces on a meadow."
    assert desk.said == [TOLD]
    assert desk.button.isEnabled()
    qtbot.keyClick(desk.prompt, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.prompt.toPlainText() == "a ball"


def test_words_that_were_changed_meanwhile_stay(desk: Desk, qtbot: QtBot):
    desk.offer(WRITER)
    desk.prompt.setPlainText("a ball")
    asked = desk.click()
    qtbot.keyClicks(desk.prompt, "x")
    desk.session.receive(Enhanced(call=asked.call, prompt="A red ball."), b"")
    assert desk.prompt.toPlainText() == "xa ball"
    assert desk.said == [CHANGED]


def test_a_refusal_is_said_and_it_can_be_tried_again(desk: Desk):
    desk.offer(WRITER)
    desk.prompt.setPlainText("a ball")
    asked = desk.click()
    desk.session.receive(Refused(call=asked.call, kind="unsupported", message="Nothing here can."), b"")
    assert desk.said == ["Nothing here can."]
    assert desk.prompt.toPlainText() == "a ball"
    assert desk.button.isEnabled()


def test_an_engine_that_goes_is_not_waited_for(desk: Desk):
    desk.offer(WRITER)
    desk.prompt.setPlainText("a ball")
    desk.click()
    desk.session.engine_lost("It ended.", given_up=False)
    assert desk.button.isEnabled()


def test_what_cannot_be_written_out_is_said_why(desk: Desk):
    desk.button.enhance()
    desk.offer(WRITER)
    desk.button.enhance()
    desk.prompt.setPlainText("a ball")
    desk.click()
    desk.button.enhance()
    assert desk.said == [NOT_HERE, NO_WORDS, WAITING]
    assert len([each for each in desk.sent if isinstance(each, EnhancePrompt)]) == 1


def test_the_key_is_in_the_tooltip(desk: Desk):
    desk.button.show_keys("Ctrl+P")
    assert desk.button.toolTip() == f"{NAME} (Ctrl+P)"


def write_out(qtbot: QtBot, panel: PromptPanel | MakePanel, words: str, ask: Callable[[PromptField], object]) -> str:
    """Say so few words, ask, and read what came."""
    qtbot.waitUntil(panel.enhance.isVisible)
    panel.write(words)
    prompt = panel.findChild(PromptField)
    assert prompt is not None
    ask(prompt)
    qtbot.waitUntil(lambda: prompt.toPlainText() != words)
    return prompt.toPlainText()


def press_with_focus(qtbot: QtBot, focused: QWidget) -> None:
    """The command's key as X11 tells it: with Ctrl it writes nothing."""
    focused.setFocus()
    qtbot.waitUntil(focused.hasFocus)
    QTest.sendKeyEvent(QTest.KeyAction.Click, focused, Qt.Key.Key_P, "", Qt.KeyboardModifier.ControlModifier)


@pytest.mark.slow
def test_pocket_completes_a_prompt_in_both_workspaces(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(project_desk, "ask_unsaved", lambda *_: "discard")
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    command = engine_command(store=str(tmp_path / "store"), models=str(tmp_path / "models"))
    app = App(qapp, command, settings, Settings(tmp_path / "settings.toml"))
    app.start(with_sample=True)
    edit = app.window.edit
    assert edit is not None
    try:
        app.window.activateWindow()  # keys do nothing in a window that isn't active
        qtbot.waitUntil(app.window.isActiveWindow)
        app.window.show_workspace("generate")
        generate, make = app.window.generate.prompt, edit.make
        by_mouse = partial(qtbot.mouseClick, generate.enhance, Qt.MouseButton.LeftButton)
        said = write_out(qtbot, generate, "blue box at night", lambda _: by_mouse())
        assert all(word in said for word in ("blue box", "night", "camera")), said  # it says everything
        said = write_out(qtbot, generate, "red ball at night", lambda prompt: press_with_focus(qtbot, prompt))
        assert all(word in said for word in ("red ball", "night", "camera")), said
        app.window.show_workspace("edit")
        edit.actions_by_name["make.panel"].trigger()
        said = write_out(qtbot, make, "green star on a beach", lambda prompt: press_with_focus(qtbot, prompt))
        assert all(word in said for word in ("green star", "beach", "camera")), said
        said = write_out(qtbot, make, "a red box", lambda _: press_with_focus(qtbot, edit.timeline.view))
        assert all(word in said for word in ("red box", "camera")), said
    finally:
        with qtbot.waitSignals([app.link.stopped, app.window.destroyed]):
            app.window.close()
