"""The fields that Generate and Edit share: lengths in frames or seconds, and LoRAs in rows."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.protocol.messages import Model, ModelCapability
from engine.protocol.work import Lora
from ltxdesktop.ui.length_field import LengthField
from ltxdesktop.ui.lora_rows import LoraRows
from ltxdesktop.ui.style_choices import StyleChoices

LORAS = tuple(
    Model(model=name, title=name.title(), kind="lora", installed=True, strength=strength, trigger_words=words)
    for name, strength, words in (("clay", 0.8, "made of clay"), ("noir", 1.0, ""), ("neon", 0.5, ""))
)


@pytest.mark.parametrize(
    ("typed", "frames"),
    [("48", 48), ("2 s", 48), ("1.5s", 36), ("0,5 s", 12), ("7 frames", 7), ("0 s", 49), ("s", 49)],
)
def test_a_length_is_typed_in_frames_or_seconds(qtbot: QtBot, typed: str, frames: int) -> None:
    field = LengthField()
    qtbot.addWidget(field)
    field.setValue(49)
    field.selectAll()
    qtbot.keyClicks(field, typed)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == frames
    assert field.text() == f"{frames} frames   {frames / 24:.2f} s"


def test_a_length_keeps_its_frames_at_another_rate(qtbot: QtBot) -> None:
    field = LengthField()
    qtbot.addWidget(field)
    field.setValue(50)
    field.set_rate(Fraction(25))
    assert (field.value(), field.text()) == (50, "50 frames   2.00 s")


def pick(rows: LoraRows, place: int, words: str) -> None:
    """Choose in a row as a person does."""
    combo = rows.rows[place].lora
    row = combo.findText(words)
    combo.setCurrentIndex(row)
    combo.activated.emit(row)


def test_several_loras_act_each_with_its_strength(qtbot: QtBot) -> None:
    rows = LoraRows()
    qtbot.addWidget(rows)
    assert rows.isHidden()
    rows.show_known(LORAS)
    assert rows.value == ()
    pick(rows, 0, "Clay")
    assert rows.value == (Lora(lora="clay", strength=0.8),)
    assert "made of clay" in rows.rows[0].lora.toolTip()
    pick(rows, 1, "Noir")
    assert rows.rows[1].lora.findText("Clay") == -1  # each acts once
    rows.rows[0].strength.setValue(1.25)
    pick(rows, 2, "Neon")
    assert rows.value == (Lora(lora="clay", strength=1.25), Lora(lora="noir"), Lora(lora="neon", strength=0.5))
    pick(rows, 1, "Another…")
    assert [each.lora for each in rows.value] == ["clay", "neon"]
    assert rows.value[0].strength == 1.25
    rows.show_known(LORAS[1:])
    assert [each.lora for each in rows.value] == ["neon"]


def test_only_what_the_model_can_is_offered(qtbot: QtBot) -> None:
    choices = StyleChoices()
    qtbot.addWidget(choices)
    assert choices.isHidden()
    plain = ModelCapability(model="pocket", title="Pocket", modes=())
    able = ModelCapability(
        model="large", title="Large", modes=(), qualities=("fast", "quality"), camera_moves=("dolly_in",), loras=True
    )
    choices.show_loras(LORAS)
    choices.show_model(able)
    choices.choose("quality", "dolly_in", (Lora(lora="noir", strength=0.4),))
    assert not choices.isHidden()
    assert (choices.quality, choices.camera, choices.loras) == (
        "quality",
        "dolly_in",
        (Lora(lora="noir", strength=0.4),),
    )
    choices.show_model(plain)
    assert choices.isHidden()
    assert (choices.quality, choices.camera, choices.loras) == ("fast", "", ())


def test_a_quality_says_how_many_steps_it_is(qtbot: QtBot) -> None:
    choices = StyleChoices()
    qtbot.addWidget(choices)
    steps = {"fast": 8, "quality": 30}
    choices.show_model(ModelCapability(model="m", title="M", modes=(), qualities=tuple(steps), default_steps=steps))
    assert [button.toolTip() for button in choices._quality._group.buttons()] == ["Fast: 8 steps", "Best: 30 steps"]
