"""A licence's text, whole and to be read without a network; and a window of its own for it."""

from __future__ import annotations

import datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from engine.protocol.packages import LicenceInfo, LicenceText
from ltxdesktop.ui.parts import label, wrapped
from ltxdesktop.ui.theme import Look


def text_view(title: str) -> QPlainTextEdit:
    """A field that shows a text as it was written: these come with columns of their own."""
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    view.setAccessibleName(title)
    view.setToolTip("The whole text; it came with the program")
    view.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return view


def origin_words(text: LicenceText) -> str:
    """Where the text is on the network, where this copy came from, and by which hash it's known."""
    return f"{text.address}\nThis copy: {text.source}. sha256 {text.sha256}"


def accepted_words(licence: LicenceInfo | None) -> str:
    """When it was accepted; "" if it wasn't."""
    if licence is None or not licence.accepted_at:
        return ""
    return f"You accepted this on {datetime.datetime.fromtimestamp(licence.accepted_at):%d %B %Y, %H:%M}."


class LicenceWindow(QDialog):
    """To read, not to accept."""

    def __init__(self, look: Look, text: LicenceText, accepted: str, parent: QWidget | None = None) -> None:
        """`accepted`: when this was accepted, in words; "" if it wasn't."""
        super().__init__(parent)
        self.setWindowTitle(text.title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 620)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(10)
        view = text_view(text.title)
        view.setPlainText(text.text)
        column.addWidget(view, 1)
        origin = wrapped("note")
        origin.setText(origin_words(text))
        origin.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        origin.show()
        column.addWidget(origin)
        column.addWidget(label(accepted or "Not accepted yet: that is asked before the first byte comes.", "hint"))
        ends = QDialogButtonBox()
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("Close this text (Esc)")
        ends.rejected.connect(self.close)
        column.addWidget(ends)
