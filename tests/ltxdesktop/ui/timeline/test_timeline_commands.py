"""Commands of the timeline beyond its gestures: sequences, attributes, held frames, markers on clips, selecting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from timeline_kit import Window, small_film

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, ItemId
from ltxdesktop.ui.theme import Look


@pytest.fixture
def window(qapp: QApplication) -> Iterator[Window]:
    window = Window(Look(qapp), small_film())
    yield window
    window.sound()
    window.widget.close()
    window.widget.deleteLater()


def clip_of(window: Window, name: str) -> Clip:
    found = window.sequence.clip(ItemId(name))
    assert found is not None
    return found


def do(window: Window, *names: str) -> None:
    for name in names:
        window.actions[name].trigger()


def test_sequences_are_begun_copied_switched_and_removed(window: Window):
    window.panel.go_to(120)
    do(window, "sequence.new")
    assert window.sequence.name == "Sequence 2"
    assert window.sequence.duration == 0
    assert window.view.playhead == 0
    menu = window.panel.sequences
    menu.fill()
    entries = {action.text(): action for action in menu._menu.actions()}
    assert entries["Sequence 2"].isChecked()
    entries["Sequence 1"].trigger()
    assert window.view.playhead == 120  # each is where it was left
    assert "Sequence 1" in menu.toolTip()
    do(window, "sequence.duplicate")
    assert window.row("V1") == [("a", 0, 100), ("b", 100, 100), ("c", 250, 100)]
    assert window.sequence.name == "Sequence 1 copy"
    do(window, "sequence.remove")
    assert [each.name for each in window.history.document.sequences] == ["Sequence 1", "Sequence 2"]
    window.history.jump(0)
    assert window.sequence.name == "Sequence 1"


def test_last_sequence_stays(window: Window, qtbot):
    with qtbot.waitSignal(window.panel.refused):
        do(window, "sequence.remove")
    assert window.sequence.name == "Sequence 1"


def test_attributes_are_pasted_picture_to_picture_and_sound_to_sound(window: Window, qtbot):
    with qtbot.waitSignal(window.panel.refused):
        do(window, "edit.paste_attributes")
    document = edits.set_value(window.history.document, ItemId("av"), "scale", 2.0)
    document = edits.add_effect(document, ItemId("av"), "blur")
    window.history.do("Dress", edits.set_value(document, ItemId("aa"), "volume", -6.0))
    window.click(window.at(50, "V1"))
    do(window, "edit.copy")
    window.click(window.at(300, "V1"))
    do(window, "edit.paste_attributes")
    assert clip_of(window, "cv").values["scale"].value == 2.0
    assert [effect.kind for effect in clip_of(window, "cv").effects] == ["blur"]
    assert clip_of(window, "ca").values["volume"].value == -6.0
    assert "volume" not in clip_of(window, "cv").values
    assert window.history.entries[-1].name == "Paste attributes"


def test_frame_is_held_for_two_seconds(window: Window, qtbot):
    window.panel.go_to(40)
    do(window, "clip.hold")
    assert window.row("V1")[:3] == [("a", 0, 40), ("a", 40, 50), ("a", 90, 60)]
    window.panel.go_to(2000)
    with qtbot.waitSignal(window.panel.refused):
        do(window, "clip.hold")


def test_marker_on_a_clip_moves_along(window: Window):
    window.panel.go_to(280)
    do(window, "clip.marker")
    assert [marker.frame for marker in clip_of(window, "cv").markers] == [30]
    assert window.sequence.markers == ()


def test_everything_from_the_playhead_on_is_selected(window: Window):
    window.panel.go_to(150)
    do(window, "edit.select_forward")
    assert window.view.selection.clips == {"bv", "ba", "cv", "ca"}
    do(window, "edit.select_backward")
    assert window.view.selection.clips == {"av", "aa", "bv", "ba"}
