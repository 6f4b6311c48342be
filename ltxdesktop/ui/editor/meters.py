"""Audio meters: peaks of left and right in dB, with the highest held for a moment and clipping shown until pressed."""

from __future__ import annotations

from math import log10

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.ui.theme import Look, figures

FLOOR_DB = -60.0
WARM_DB, HOT_DB = -12.0, -3.0
SCALE_DB = (0, -3, -6, -12, -18, -24, -36, -48, -60)
FALL_DB = 1.6  # in one update; some 40 of them come in a second
HOLD_UPDATES = 45


def decibels(peak: float) -> float:
    """dB of full scale, not below the meter's floor."""
    return max(FLOOR_DB, 20 * log10(peak)) if peak > 0 else FLOOR_DB


def share_of(db: float) -> float:
    """How high a level stands: half of the meter belongs to the upper 18 dB, where it's mixed."""
    db = min(0.0, max(FLOOR_DB, db))
    return 1 + db / 36 if db > -18 else 0.5 * (db - FLOOR_DB) / (-18 - FLOOR_DB)


class Meters(QWidget):
    """Two bars. Feed `show_levels` while it plays, and once with zeros when it stands."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._levels = [FLOOR_DB, FLOOR_DB]
        self._held = [FLOOR_DB, FLOOR_DB]
        self._age = [0, 0]
        self._clipped = [False, False]
        self.setMinimumSize(76, 80)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Audio meters")
        self.setToolTip("Peaks of left and right in dB. Red on top: it was too loud; press to forget that")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(76, 200)

    def show_levels(self, peaks: tuple[float, float]) -> None:
        """Peaks 0..1 of left and right; bars rise at once and fall slowly."""
        for side, peak in enumerate(peaks):
            db = decibels(peak)
            self._levels[side] = max(db, self._levels[side] - FALL_DB)
            self._clipped[side] |= peak > 1
            self._age[side] += 1
            if db >= self._held[side] or self._age[side] > HOLD_UPDATES:
                self._held[side], self._age[side] = max(db, self._levels[side]), 0
        self.update()

    def rest(self) -> None:
        """Playback stands: nothing is heard."""
        self._levels = [FLOOR_DB, FLOOR_DB]
        self._held = [FLOOR_DB, FLOOR_DB]
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._clipped = [False, False]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = figures(self.font())
        font.setPixelSize(10)
        painter.setFont(font)
        top, bottom = 16.0, self.height() - 10.0
        width = (self.width() - 34) / 2
        colours = QLinearGradient(0, bottom, 0, top)
        for db, colour in ((FLOOR_DB, theme.good), (WARM_DB, theme.good), (HOT_DB, theme.warn), (0.0, theme.bad)):
            colours.setColorAt(share_of(db), QColor(colour))
        for side in range(2):
            left = 6 + side * (width + 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.control))
            painter.drawRoundedRect(QRectF(left, top, width, bottom - top), 2, 2)
            height = share_of(self._levels[side]) * (bottom - top)
            painter.setBrush(colours)
            painter.drawRoundedRect(QRectF(left, bottom - height, width, height), 2, 2)
            if self._held[side] > FLOOR_DB:
                held = bottom - share_of(self._held[side]) * (bottom - top)
                painter.fillRect(QRectF(left, held - 1, width, 2), QColor(theme.text))
            painter.setBrush(QColor(theme.bad if self._clipped[side] else theme.control))
            painter.drawRoundedRect(QRectF(left, 6, width, 7), 2, 2)
        painter.setPen(QColor(theme.quiet))
        for db in SCALE_DB:
            y = bottom - share_of(db) * (bottom - top)
            if db in (0, -6, -12, -24, -60) or bottom - top > 160:
                box = QRectF(self.width() - 24, y - 7, 22, 14)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, str(abs(db)))
