"""Two takes of one clip against each other at the playhead: side by side, wiped, or in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ltxdesktop.ui.background import Background
from ltxdesktop.ui.monitor.picture_view import fitted
from ltxdesktop.ui.parts import Segments, label
from ltxdesktop.ui.theme import Look

FOLLOWS = "The picture follows the playhead; ← and → move it."
SIDES = "AB"
HINTS = {
    "wipe": f"Drag the line. {FOLLOWS}",
    "beside": FOLLOWS,
    "turn": f"Space or a click shows the other one. {FOLLOWS}",
}
Picture = Callable[[int, QSize], QImage]  # frame of the sequence, room in device pixels; called on a worker


class CompareView(QWidget):
    """Draws two pictures of the same size over each other."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._pictures = (QImage(), QImage())
        self._names = ("", "")
        self._mode = "wipe"
        self._cut = 0.5  # of the width, where B begins
        self._shows_b = True
        self.setMinimumSize(360, 200)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Comparison of two takes")
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def show_pictures(self, a: QImage, b: QImage) -> None:
        self._pictures = a, b
        self.update()

    def name(self, a: str, b: str) -> None:
        self._names = a, b
        self.update()

    def set_mode(self, mode: str) -> None:
        """ "wipe", "beside" or "turn"."""
        self._mode = mode
        self.setCursor(Qt.CursorShape.SplitHCursor if mode == "wipe" else Qt.CursorShape.ArrowCursor)
        self.update()

    def turn(self) -> None:
        """The other one, where they are shown in turn."""
        self._shows_b = not self._shows_b
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._mode == "turn":
            self.turn()
        else:
            self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._mode == "wipe":
            box = self._box(self.size())
            self._cut = min(1.0, max(0.0, (event.position().x() - box.left()) / max(1.0, box.width())))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(self._look.theme.screen))
        a, b = self._pictures
        if a.isNull() or b.isNull():
            return
        match self._mode:
            case "beside":
                self._paint_beside(painter, a, b)
            case "turn":
                box = self._box(self.size())
                painter.drawImage(box, b if self._shows_b else a)
                self._paint_name(painter, box, int(self._shows_b))
            case _:
                self._paint_wipe(painter, a, b)

    def _paint_beside(self, painter: QPainter, a: QImage, b: QImage) -> None:
        half = QSize(self.width() // 2 - 3, self.height())
        for side, picture, left in ((0, a, 0), (1, b, self.width() // 2 + 3)):
            box = self._box(half).translated(left, 0)
            painter.drawImage(box, picture)
            self._paint_name(painter, box, side)

    def _paint_wipe(self, painter: QPainter, a: QImage, b: QImage) -> None:
        box = self._box(self.size())
        edge = box.left() + box.width() * self._cut
        painter.drawImage(box, a)
        painter.save()
        painter.setClipRect(QRectF(edge, box.top(), box.right() - edge, box.height()))
        painter.drawImage(box, b)
        painter.restore()
        painter.setPen(QPen(QColor(self._look.theme.accent), 2))
        painter.drawLine(QPointF(edge, box.top()), QPointF(edge, box.bottom()))
        self._paint_name(painter, box, 0)
        self._paint_name(painter, box, 1, right=True)

    def _paint_name(self, painter: QPainter, box: QRectF, side: int, *, right: bool = False) -> None:
        name = f"{SIDES[side]}   {self._names[side]}"
        width = painter.fontMetrics().horizontalAdvance(name) + 20
        plate = QRectF(box.right() - width - 8 if right else box.left() + 8, box.top() + 8, width, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(10, 12, 16, 190))
        painter.drawRoundedRect(plate, 12, 12)
        painter.setPen(QColor("#e8ebf0"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, name)

    def _box(self, room: QSize) -> QRectF:
        return QRectF(fitted(self._pictures[0].size(), room))


class Compared(NamedTuple):
    """A take that can be compared: what it's called, and who renders the film with it."""

    name: str
    picture: Picture


class CompareWindow(QWidget):
    """A window over the editor that follows the playhead. `\\` or Esc closes it, Space turns, ← and → step, A and B
    keep one of the two."""

    closed = Signal()
    kept = Signal(int)  # number of the take that is the one
    stepped = Signal(int)  # frames by which the playhead is to be moved

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Compare takes")
        self._background = Background(threads=1, parent=self)
        self._takes: list[Compared] = []
        self._frame = 0
        self._wanted: int | None = None
        self._busy = False
        self.view = CompareView(look)
        self.modes = Segments("Compare", [("wipe", "Wipe"), ("beside", "Side by side"), ("turn", "In turn")])
        self.modes.chosen.connect(self._set_mode)
        self.modes.setToolTip("A wipe whose line is dragged, both beside each other, or one after the other (Space)")
        self._hint = label(HINTS[self.modes.value], "hint")
        row = QHBoxLayout()
        self.sides = (_choice("A: the take on the left"), _choice("B: the take on the right"))
        for side, widget in enumerate((self.sides[0], self.modes, self.sides[1])):
            row.addWidget(widget, 0 if side == 1 else 1)
        for combo in self.sides:
            combo.activated.connect(self._show_sides)
        foot = QHBoxLayout()
        foot.addWidget(self._keep_button(0))
        foot.addWidget(self._hint, 1, Qt.AlignmentFlag.AlignCenter)
        foot.addWidget(self._keep_button(1))
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        column.addLayout(foot)
        self.resize(900, 600)

    def _keep_button(self, side: int) -> QPushButton:
        letter = SIDES[side]
        button = QPushButton(f"Keep {letter}")
        button.setToolTip(f"Show take {letter} in the film, and rate it highest ({letter})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the keys stay with the comparison after a click
        button.clicked.connect(lambda: self._keep(side))
        return button

    def _keep(self, side: int) -> None:
        number = self.sides[side].currentIndex()
        self.close()
        self.kept.emit(number)

    def compare(self, takes: list[Compared], a: int, b: int, frame: int) -> None:
        """Show two of these takes; the person can choose others."""
        self._takes = takes
        for combo, place in zip(self.sides, (a, b), strict=True):
            combo.clear()
            combo.addItems([take.name for take in takes])
            combo.setCurrentIndex(place)
        self._frame = frame
        self._show_sides()
        self.show()
        self.raise_()
        self.activateWindow()
        self.view.setFocus()  # else the first choice has the keys: Space would open it, A would look in it

    def _set_mode(self, mode: str) -> None:
        self.view.set_mode(mode)
        self._hint.setText(HINTS[mode])

    def _show_sides(self) -> None:
        self.view.name(*(combo.currentText() for combo in self.sides))
        self.go_to(self._frame)

    def go_to(self, frame: int) -> None:
        """The playhead moved; the newest place wins."""
        self._frame = self._wanted = frame
        if not self._busy:
            self._next()

    def close_all(self) -> None:
        """Stop the worker; the window goes."""
        self._background.close()
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape | Qt.Key.Key_Backslash:
                self.close()
            case Qt.Key.Key_Space:
                self.view.turn()
            case Qt.Key.Key_A | Qt.Key.Key_B if event.modifiers() == Qt.KeyboardModifier.NoModifier:
                self._keep(int(event.key() == Qt.Key.Key_B))
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                self.stepped.emit(1 if event.key() == Qt.Key.Key_Right else -1)
            case _:
                super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._wanted = None
        self.closed.emit()
        super().closeEvent(event)

    def _next(self) -> None:
        if self._wanted is None or not self._takes:
            return
        frame, self._wanted = self._wanted, None
        pictures = [self._takes[combo.currentIndex()].picture for combo in self.sides]
        room = self.view.size() * self.devicePixelRatioF()
        self._busy = True

        def work() -> tuple[QImage, QImage]:
            return pictures[0](frame, room), pictures[1](frame, room)

        self._background.run(work, self._take, self._give_up)

    def _take(self, made: tuple[QImage, QImage]) -> None:
        self._busy = False
        self._hint.setText(HINTS[self.modes.value])
        self.view.show_pictures(*made)
        self._next()

    def _give_up(self, problem: Exception) -> None:
        self._busy = False
        self._hint.setText(f"This can't be shown: {problem}")


def _choice(words: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(words)
    combo.setToolTip(words)
    combo.setMinimumContentsLength(12)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the keys stay with the comparison after a click
    return combo
