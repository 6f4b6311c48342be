"""Work away from the GUI thread: its answer comes back there, or to nobody."""

from __future__ import annotations

import threading

import shiboken6
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from ltxdesktop.ui.background import Background


class Answer(QLabel):
    """A widget that shows what comes back."""

    def show_text(self, text: object) -> None:
        self.setText(str(text))


def test_an_asker_that_is_gone_is_not_told(qtbot: QtBot) -> None:
    background, gone, there = Background(), Answer(), Answer()
    qtbot.addWidget(there)
    may_answer = threading.Event()
    background.run(may_answer.wait, gone.show_text, gone.show_text)
    background.run(lambda: "here", there.show_text, there.show_text)
    with qtbot.waitSignal(gone.destroyed):
        gone.deleteLater()
    may_answer.set()
    qtbot.waitUntil(lambda: there.text() == "here")  # pytest-qt fails on what the first answer would have raised
    background.close()


def test_who_lets_go_waits_for_nothing_and_hears_nothing(qtbot: QtBot) -> None:
    background, asker = Background(), Answer()
    qtbot.addWidget(asker)
    may_answer = threading.Event()
    background.run(may_answer.wait, asker.show_text, asker.show_text)
    background.let_go()
    with qtbot.waitSignal(background.destroyed):
        may_answer.set()
    assert asker.text() == ""


def test_with_an_owner_that_goes_without_a_word_its_thread_ends(qtbot: QtBot) -> None:
    owner, workers = QLabel(), list[threading.Thread]()
    background = Background(parent=owner)
    background.run(threading.current_thread, workers.append, print)
    qtbot.waitUntil(lambda: bool(workers))
    assert workers[0].is_alive()
    shiboken6.delete(owner)
    workers[0].join()  # `background` is held here still: nothing else would end it
    assert not shiboken6.isValid(background)
