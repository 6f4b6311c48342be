"""The prompt panel as a person uses it: real widgets, keys and clicks; what comes out is an `Ask`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QComboBox, QPlainTextEdit, QPushButton, QSpinBox, QWidget

from engine.protocol.grid import FrameRange
from engine.protocol.messages import BackendCapability, ModeCapability, ModelCapability, Recipe, ResultFile
from engine.protocol.work import TextToVideo
from ltxdesktop.jobs.ask import SourceClip
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.clip_pictures import Given
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.prompt_panel import PromptPanel
from ltxdesktop.ui.range_strip import RangeStrip
from ltxdesktop.ui.theme import Look

MODES = tuple(
    ModeCapability(mode=mode, available=True, max_frames=97)
    for mode in ("text_to_video", "image_to_video", "retake", "extend")
)
POCKET = ModelCapability(
    model="pocket", title="Pocket", modes=MODES, default_width=192, default_height=128, default_frames=25,
    default_rate="24", max_variations=8, drafts=True,
)  # fmt: skip
HERE = BackendCapability(backend="local", title="This machine", available=True, models=(POCKET,))
CLIP = Given("/films/kitchen.mp4", "clip", SourceClip("/films/kitchen.mp4", 90, Fraction(30), 768, 512, True))


def picture(height: int = 40) -> QImage:
    made = QImage(60, height, QImage.Format.Format_RGB888)
    made.fill(QColor("#335577"))
    return made


@pytest.fixture
def look(qapp: QApplication) -> Look:
    return Look(qapp)


@pytest.fixture
def panel(qtbot, look: Look) -> PromptPanel:
    made = PromptPanel(look, Random(1))
    qtbot.addWidget(made)
    made.resize(360, 860)
    made.show_capabilities((HERE,))
    made.show()
    qtbot.waitExposed(made)
    return made


def field(panel: PromptPanel, kind: type[QWidget], name: str) -> QWidget:
    return next(each for each in panel.findChildren(kind) if each.accessibleName() == name)


def button(panel: PromptPanel, words: str) -> QPushButton:
    return next(each for each in panel.findChildren(QPushButton) if each.text() == words)


def test_earlier_prompts_come_back_and_are_those_of_the_other_workspace(qtbot, look: Look):
    prompts = PromptHistory()
    panel = PromptPanel(look, Random(1), prompts=prompts)
    qtbot.addWidget(panel)
    assert not panel._history.isEnabled()
    panel.remember("a red ball")
    assert panel._history.isEnabled()
    prompts.add("salt & pepper")  # used in Edit
    entries = panel._history.menu_of().actions()
    assert [each.text() for each in entries] == ["salt && pepper", "a red ball"]
    entries[0].trigger()
    assert panel.ask.prompt == "salt & pepper"


def test_model_brings_its_own_size_length_and_rate(panel: PromptPanel):
    ask = panel.ask
    assert (ask.model, ask.backend) == ("pocket", "local")
    assert (ask.width, ask.height, ask.frames, ask.rate) == (192, 128, 25, Fraction(24))


def test_words_written_before_the_engine_is_there_change_nothing_else(qtbot, look: Look):
    panel = PromptPanel(look, Random(1))
    qtbot.addWidget(panel)
    before = panel.ask
    panel.write("a red ball")
    assert panel.ask == replace(before, prompt="a red ball")


def test_nothing_can_be_generated_without_words(panel: PromptPanel, qtbot):
    assert not button(panel, "Generate").isEnabled()
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    assert button(panel, "Generate").isEnabled()


def test_typed_words_and_numbers_are_asked_for(panel: PromptPanel, qtbot):
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    field(panel, QSpinBox, "Length").setValue(49)
    field(panel, QSpinBox, "Takes").setValue(3)
    with qtbot.waitSignal(panel.asked) as asked:
        qtbot.mouseClick(button(panel, "Generate"), Qt.MouseButton.LeftButton)
    ask = asked.args[0]
    assert (ask.prompt, ask.frames, ask.variations, ask.stage) == ("a red ball", 49, 3, "full")


def test_draft_is_asked_for_as_a_draft(panel: PromptPanel, qtbot):
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    with qtbot.waitSignal(panel.asked) as asked:
        qtbot.mouseClick(button(panel, "Draft"), Qt.MouseButton.LeftButton)
    assert asked.args[0].stage == "draft"


def test_seed_changes_after_each_job_unless_it_is_locked(panel: PromptPanel, qtbot):
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    first = panel.ask.seed
    panel.generate()
    second = panel.ask.seed
    assert second != first
    panel._lock.click()
    panel.generate()
    assert panel.ask.seed == second


def test_too_long_a_clip_is_refused_with_both_numbers(panel: PromptPanel, qtbot):
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    field(panel, QSpinBox, "Length").setValue(500)
    assert not button(panel, "Generate").isEnabled()
    assert "500 frames is too long: Pocket makes at most 97" in panel._problem.text()


def test_clip_turns_the_panel_into_a_retake_of_its_middle(panel: PromptPanel):
    panel.show_given(CLIP)
    assert panel.heading.text() == "Retake"
    assert panel.ask.selection == FrameRange(30, 60)
    assert field(panel, RangeStrip, "Range to make again").isVisible()
    assert not field(panel, QComboBox, "Size").isVisible()


def test_range_is_changed_with_the_keys(panel: PromptPanel, qtbot):
    panel.show_given(CLIP)
    strip = field(panel, RangeStrip, "Range to make again")
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(strip, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert panel.ask.selection == FrameRange(30, 62)


def test_range_is_dragged_with_the_mouse(panel: PromptPanel, qtbot):
    panel.show_given(CLIP)
    strip = field(panel, RangeStrip, "Range to make again")
    middle = strip.rect().center()
    third = strip.width() // 3
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(strip, middle + strip.rect().topLeft() - type(middle)(third, 0))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=middle - type(middle)(third, 0))
    assert panel.ask.selection.start == pytest.approx(0, abs=1)
    assert panel.ask.selection.frames == 30


def test_typed_range_and_strip_agree(panel: PromptPanel):
    panel.show_given(CLIP)
    field(panel, QSpinBox, "Out frame").setValue(75)
    assert panel.ask.selection == FrameRange(30, 75)
    assert field(panel, RangeStrip, "Range to make again").selection == FrameRange(30, 75)


def test_two_pictures_become_the_first_and_the_last_frame(panel: PromptPanel):
    panel.show_given(Given("/a.png", "picture", pictures=(picture(),)))
    panel.show_given(Given("/b.png", "picture", pictures=(picture(),)))
    assert (panel.ask.first_picture, panel.ask.last_picture) == ("/a.png", "/b.png")
    assert panel.heading.text() == "From a picture"
    panel._remove.click()
    assert panel.heading.text() == "From words"


def test_recipe_of_a_take_fills_the_panel(panel: PromptPanel):
    work = TextToVideo(prompt="two circles", model="pocket", seed=5, width=256, height=256, frames=33, rate="25")
    take = Take("j", "two circles", ResultFile(path="/t.mp4", role="video", size_bytes=1, variation=1),
                Recipe(work=work, engine="1", backend="local", device="cpu", seeds=(5, 6)))  # fmt: skip
    assert panel.show_recipe(take, new_seed=False)
    ask = panel.ask
    assert (ask.prompt, ask.seed, ask.width, ask.frames, ask.rate) == ("two circles", 6, 256, 33, Fraction(25))
    assert panel._seed.value() == 6
    assert panel._rate.currentData() == "25"


def test_model_that_cannot_work_here_says_why(panel: PromptPanel, qtbot):
    gone = msgspec.structs.replace(POCKET, available=False, why_not="Its files are not installed.")
    panel.show_capabilities((msgspec.structs.replace(HERE, models=(gone,)),))
    qtbot.keyClicks(field(panel, QPlainTextEdit, "Prompt"), "a red ball")
    assert not button(panel, "Generate").isEnabled()
    assert "Its files are not installed." in panel._problem.text()


def test_every_field_can_be_reached_with_tab_and_has_a_name(panel: PromptPanel):
    panel.show_given(CLIP)
    first = panel.nextInFocusChain()
    widget, reached = first, []
    while True:
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            reached.append(widget)
        widget = widget.nextInFocusChain()
        if widget is first:
            break
    unnamed = [each for each in reached if not (each.accessibleName() or getattr(each, "text", str)())]
    assert len(reached) > 10
    assert [type(each).__name__ for each in unnamed if type(each).__name__ != "QScrollArea"] == []
