"""The field that shows where the playhead is, and takes another place: a timecode, frames, or +12 and -12."""

from __future__ import annotations

from fractions import Fraction

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from ltxdesktop.document.model import Sequence
from ltxdesktop.document.time import parse_timecode, timecode
from ltxdesktop.ui.theme import figures


def frame_of(text: str, playhead: int, first_frame: int, rate: Fraction) -> int:
    """The frame of the sequence that a text names; with a sign it counts from the playhead. Not before frame 0.

    Raises ValueError for what isn't a timecode.
    """
    words = text.strip()
    if words.startswith(("+", "-")):
        return max(0, playhead + parse_timecode(words, rate))
    return max(0, parse_timecode(words, rate) - (first_frame if ":" in words or ";" in words else 0))


class TimecodeField(QLineEdit):
    """Says `entered` with a frame of the sequence."""

    entered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sequence: Sequence | None = None
        self._frame = 0
        self.setFont(figures(self.font()))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedWidth(QFontMetrics(self.font()).horizontalAdvance("00:00:00:00") + 30)
        self.setAccessibleName("Timecode of the playhead")
        self.setToolTip("Where the playhead is. Type a timecode, a number of frames, or +12 and -12, then Enter.")
        self.returnPressed.connect(self._enter)
        self.editingFinished.connect(self._restore)

    def show_frame(self, frame: int, sequence: Sequence) -> None:
        self._frame, self._sequence = frame, sequence
        if not (self.hasFocus() and self.isModified()):
            self._restore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._restore()
            self.clearFocus()
            return
        super().keyPressEvent(event)

    def _enter(self) -> None:
        if self._sequence is None:
            return
        try:
            frame = frame_of(self.text(), self._frame, self._sequence.first_frame, self._sequence.rate)
        except ValueError as error:
            self.setToolTip(str(error))
            self.selectAll()
            return
        self.setModified(False)
        self.clearFocus()
        self.entered.emit(frame)

    def _restore(self) -> None:
        if self._sequence is not None:
            sequence = self._sequence
            text = timecode(sequence.first_frame + self._frame, sequence.rate, drop=sequence.drop_frame)
            if text != self.text():
                self.setText(text)
            self.setModified(False)
