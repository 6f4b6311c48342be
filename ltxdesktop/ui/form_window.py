"""A window whose page scrolls above a foot that stays: the frame that set-up, downloads and the list of hosts share."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from ltxdesktop.ui.parts import scrolled_form

MARGIN_PX = 16


class FormWindow(QDialog):
    """Rows go into `page`, words and buttons into `foot`, before its closing button; further endings into `ends`.

    It deletes itself when it's closed, and may be closed at any time (Esc).
    """

    def __init__(
        self, title: str, size: tuple[int, int], close: tuple[str, str], parent: QWidget | None = None
    ) -> None:
        """`size` in pixels, width first; `close`: the words of the closing button, and its tip."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*size)
        area, self.page = scrolled_form(12)
        self.page.setContentsMargins(MARGIN_PX, 14, MARGIN_PX, 14)
        self.ends = QDialogButtonBox()
        words, tip = close
        button = self.ends.addButton(words, QDialogButtonBox.ButtonRole.RejectRole)
        button.setToolTip(f"{tip} (Esc)")
        button.setAutoDefault(False)  # Return belongs to the fields
        self.ends.rejected.connect(self.close)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(MARGIN_PX, 0, MARGIN_PX, 0)
        self.foot.addWidget(self.ends)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 12)
        outer.addWidget(area, 1)
        outer.addLayout(self.foot)

    def put_into_foot(self, *parts: QWidget) -> None:
        """Words or buttons at the left; the first of them takes the room."""
        for at, part in enumerate(parts):
            self.foot.insertWidget(at, part, 0 if at else 1)
