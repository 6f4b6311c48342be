"""The scopes' own marks lie where libavfilter draws the colours; files that can't be used are told in one go."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage

from ltxdesktop.ui.editor.materials import Imported
from ltxdesktop.ui.editor.scopes_panel import BAR_SHARE, BARS, chroma_at, measured


@pytest.mark.parametrize("name", BARS)
def test_vectorscope_shows_a_bar_of_colour_in_its_target(qapp, name: str):
    red, green, blue = (BAR_SHARE * each for each in BARS[name])
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    picture.fill(QColor.fromRgbF(red, green, blue))
    made = measured(picture, "vectorscope").convertToFormat(QImage.Format.Format_Grayscale8)
    pixels = np.frombuffer(made.constBits(), np.uint8).reshape(made.height(), made.bytesPerLine())[:, : made.width()]
    rows, columns = np.nonzero(pixels > pixels.max() // 2)
    at = chroma_at(red, green, blue)
    assert columns.mean() / made.width() == pytest.approx(at.x(), abs=0.015)
    assert rows.mean() / made.height() == pytest.approx(at.y(), abs=0.015)


def test_many_files_that_cannot_be_used_are_one_message():
    assert Imported(()).trouble == ""
    assert Imported((), ("'a' is empty.",)).trouble == "'a' is empty."
    told = Imported((), tuple(f"'{name}' is empty." for name in "abcde")).trouble
    assert told == "5 files can't be used. 'a' is empty. 'b' is empty. 'c' is empty. And 2 more."
