"""A take that arrives is shown to the person who waits for it, and to nobody who does something else meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from loop_kit import ask, pictures, say
from pytestqt.qtbot import QtBot

from ltxdesktop.app import App
from ltxdesktop.document import edits
from ltxdesktop.settings.declared import PLAY_ARRIVED
from ltxdesktop.ui.editor.workspace import EditWorkspace


@pytest.fixture
def marked(qtbot: QtBot, edit: EditWorkspace) -> EditWorkspace:
    edit.project.edit("Mark", lambda document: edits.set_range(document, 40, 60))
    qtbot.waitUntil(lambda: edit.program.film is not None)
    edit.timeline.go_to(5)
    return edit


def in_front(monkeypatch: pytest.MonkeyPatch, edit: EditWorkspace, *, front: bool) -> None:
    """Whether the window is looked at: test machines have no window manager that could say so."""
    monkeypatch.setattr(edit.program.window(), "isActiveWindow", lambda: front)


def test_who_waits_sees_the_take_play(
    qtbot: QtBot, app: App, marked: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_front(monkeypatch, marked, front=True)
    ask(qtbot, app, marked)
    qtbot.waitUntil(lambda: marked.program.player.playing)
    assert marked.takes.audition.clip == pictures(marked)[1].id


def test_in_a_window_behind_others_the_playhead_goes_to_the_take(
    qtbot: QtBot, app: App, marked: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_front(monkeypatch, marked, front=False)
    ask(qtbot, app, marked)
    qtbot.waitUntil(lambda: marked.program.frame == 40)
    assert not marked.program.player.playing


def test_who_doesnt_want_it_to_play_has_the_playhead_there(
    qtbot: QtBot, app: App, marked: EditWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_front(monkeypatch, marked, front=True)
    app.window._in_use.settings.set(PLAY_ARRIVED, False)
    ask(qtbot, app, marked)
    qtbot.waitUntil(lambda: marked.program.frame == 40)
    assert not marked.program.player.playing


@pytest.mark.parametrize(
    "do",
    [
        lambda edit: edit.timeline.go_to(7),
        lambda edit: edit.make.write("Something else."),
        lambda edit: edit.selection.choose([pictures(edit)[1].id]),
        lambda edit: edit.project.edit("Mark", lambda document: edits.set_range(document, 41, 60)),
    ],
    ids=["goes elsewhere", "writes on", "selects", "edits"],
)
def test_who_does_something_else_stays_where_they_are(
    qtbot: QtBot,
    marked: EditWorkspace,
    monkeypatch: pytest.MonkeyPatch,
    do: Callable[[EditWorkspace], object],
) -> None:
    in_front(monkeypatch, marked, front=True)
    say(qtbot, marked)
    with qtbot.waitSignal(marked.loop.landed):
        marked.actions_by_name["make.now"].trigger()
        do(marked)
        frame = marked.program.frame
    with qtbot.waitSignal(marked.program.player.opened):
        marked.project.undo()  # whatever was to be shown would be shown by now
    assert marked.program.frame == frame
    assert not marked.program.player.playing
