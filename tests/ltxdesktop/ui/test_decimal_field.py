"""Numbers are typed with a point or a comma, on a machine of any language."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from ltxdesktop.ui.decimal_field import DecimalField


@pytest.mark.parametrize("language", ["C", "de_DE", "fr_FR"])
@pytest.mark.parametrize(("typed", "value"), [("0.5", 0.5), ("0,5", 0.5), ("-12,75", -12.75), ("3", 3.0)])
def test_both_signs_part_whole_numbers_from_decimals(qtbot, language: str, typed: str, value: float):
    before = QLocale()
    QLocale.setDefault(QLocale(language))
    try:
        field = DecimalField()
        qtbot.addWidget(field)
        field.setRange(-100, 100)
        field.setSuffix(" dB")
        field.selectAll()
        qtbot.keyClicks(field, typed)
        field.interpretText()
    finally:
        QLocale.setDefault(before)
    assert field.value() == value
    assert field.text() == f"{value:.2f} dB"
