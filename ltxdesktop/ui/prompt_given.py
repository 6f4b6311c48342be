"""What a new job begins with, in the prompt panel: the clip, pictures or sound that were opened or dropped."""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from ltxdesktop.ui.clip_pictures import Given
from ltxdesktop.ui.parts import ElidedLabel

THUMB_PX = 34  # of height


class GivenBox(QFrame):
    """A button to open something, small pictures of what was opened, and its names."""

    open_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._open = QPushButton("Open a clip, picture or sound…")
        self._open.setToolTip("Or drop a file on this panel")
        self._open.clicked.connect(self.open_requested)
        row.addWidget(self._open, 1)
        self._thumbs = [QLabel(), QLabel()]
        for each in self._thumbs:
            row.addWidget(each)
        self._name = ElidedLabel("", "hint")
        row.addWidget(self._name, 1)

    def show_given(self, given: list[Given]) -> None:
        """These were given, in this order."""
        names = [PurePath(each.path).name for each in given]
        self._name.set_text(" → ".join(names))
        self._name.setVisible(bool(names))
        self._open.setText("Another…" if names else "Open a clip, picture or sound…")
        pictures = [each.pictures[0] for each in given if each.kind == "picture" and each.pictures]
        for place, thumb in enumerate(self._thumbs):
            thumb.setVisible(place < len(pictures))
            if place < len(pictures):
                thumb.setPixmap(_pixmap(pictures[place], self.devicePixelRatioF()))


def _pixmap(picture: QImage, scale: float) -> QPixmap:
    made = QPixmap.fromImage(
        picture.scaledToHeight(round(THUMB_PX * scale), Qt.TransformationMode.SmoothTransformation)
    )
    made.setDevicePixelRatio(scale)
    return made
