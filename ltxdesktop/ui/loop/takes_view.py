"""The takes of the selected clip as a list: show one, rate it, name it, make it again, remove it, set its join."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QImage, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListView, QMenu, QVBoxLayout, QWidget

from ltxdesktop.document.model import MediaId
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.drawing import RATING_KEYS, STARS
from ltxdesktop.ui.loop.take_cards import TakeRows
from ltxdesktop.ui.models.clip_takes import ClipTakesModel, TakeRow
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.parts import label, number_field, wrapped
from ltxdesktop.ui.theme import Look

NO_TAKES = "Select a clip that was made here, or made again: its takes are listed then."
BUTTONS = (
    ("make.compare", "picture"),
    ("make.accept", "check"),
    ("make.finish", "spark"),
    ("make.again", "again"),
    ("make.vary", "vary"),
    ("make.recipe", "info"),
    ("make.remove_unused", "clear"),
)
IN_MENU = ("make.accept", "make.compare", "make.finish", "make.again", "make.vary", "make.recipe")


class TakesView(QWidget):
    """Says what was asked by number of the take; a hint stands there for footage as it is."""

    chosen = Signal(int)
    renamed = Signal(int, str)
    rated = Signal(int, int)
    removed = Signal(int)
    blended = Signal(int)  # frames of the joins of the take that is shown; 0 = hard cuts

    def __init__(self, look: Look, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.model = ClipTakesModel(self)
        self.model.renamed.connect(self.renamed)
        self._list = _TakeList()
        self._list.setModel(self.model)
        cards = TakeRows(look, self)
        cards.rated.connect(self.rated)
        self._list.setItemDelegate(cards)
        self._list.setAccessibleName("Takes of the clip")
        self._list.setToolTip(
            "A click shows a take (Alt+Down, Alt+Up), F2 or a double click names it, 1 to 5 rate it, 0 takes that back"
        )
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._show_menu)
        self._list.selectionModel().currentChanged.connect(self._choose)
        self._list.rating_pressed.connect(self._rate_current)
        self._none = wrapped("hint")
        self._none.setText(NO_TAKES)
        look.changed.connect(self._list.viewport().update)
        head = QHBoxLayout()
        head.setSpacing(2)
        for name, icon in BUTTONS:
            head.addWidget(actions.button(look, name, icon))
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._none)
        column.addWidget(self._list, 1)
        column.addWidget(self._build_join())
        column.addStretch(0)
        self.show_takes([], 0)

    def _build_join(self) -> QWidget:
        self._join = QWidget()
        row = QHBoxLayout(self._join)
        row.setContentsMargins(4, 0, 0, 0)
        self._blend = number_field(0, 0)
        self._blend.setSuffix(" frames")
        self._blend.setSpecialValueText("Hard cut")
        self._blend.setKeyboardTracking(False)
        self._blend.setAccessibleName("Blend at the joins")
        self._blend.valueChanged.connect(self.blended)
        words = label("Blend at the joins", "hint")
        words.setBuddy(self._blend)
        row.addWidget(words, 1)
        row.addWidget(self._blend)
        return self._join

    # What others ask of the view

    def show_takes(self, rows: list[TakeRow], shown: int) -> None:
        """List these takes, if any; `shown` is the one on the timeline."""
        self._none.setVisible(not rows)
        self._list.setVisible(bool(rows))
        self._join.setVisible(bool(rows))
        with QSignalBlocker(self._list.selectionModel()):
            self.model.show(rows)
            if rows:
                self._list.selectionModel().setCurrentIndex(
                    self.model.index(shown), QItemSelectionModel.SelectionFlag.ClearAndSelect
                )
        self._list.viewport().update()

    def show_join(self, frames: int, room: int) -> None:
        """The blend that the shown take has, and how long it can be."""
        with QSignalBlocker(self._blend):
            self._blend.setMaximum(max(frames, room))
            self._blend.setValue(frames)
        self._blend.setEnabled(room > 0)
        self._blend.setToolTip(
            f"Over so many frames the take fades into what is beside it, sound with equal power; up to {room} here"
            if room > 0
            else "This take was made without handles, or nothing is beside it: it can only be cut hard"
        )

    def show_picture(self, media: MediaId, picture: QImage) -> None:
        self.model.show_picture(media, picture)

    # What a person does

    def _choose(self) -> None:
        row: TakeRow | None = self._list.currentIndex().data(VALUE)
        if row is not None:
            self.chosen.emit(row.number)

    def _rate_current(self, rating: int) -> None:
        row: TakeRow | None = self._list.currentIndex().data(VALUE)
        if row is not None:
            self.rated.emit(row.number, rating)

    def _show_menu(self, at: QPoint) -> None:
        index = self._list.indexAt(at)
        row: TakeRow | None = index.data(VALUE) if index.isValid() else None
        if row is not None:
            menu = self._menu(row)
            menu.exec(self._list.viewport().mapToGlobal(at))
            menu.deleteLater()

    def _menu(self, row: TakeRow) -> QMenu:
        menu = QMenu(self)
        stars = menu.addMenu("Rate")
        for rating in range(STARS + 1):
            _add(stars, "★" * rating or "Not rated", lambda rating=rating: self.rated.emit(row.number, rating))
        _add(menu, "Rename", lambda: self._list.edit(self.model.index(row.number)))
        for name in IN_MENU:
            menu.addAction(self._actions[name])
        remove = _add(menu, "Remove this take", lambda: self.removed.emit(row.number))
        remove.setEnabled(row.number > 0)
        return menu


class _TakeList(QListView):
    """Leaves editing to names, and takes digits as ratings."""

    rating_pressed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        rating = RATING_KEYS.get(Qt.Key(event.key()))
        if rating is not None and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            self.rating_pressed.emit(rating)
        else:
            super().keyPressEvent(event)


def _add(menu: QMenu, words: str, call: Callable[[], object]) -> QAction:
    action = menu.addAction(words)
    action.triggered.connect(lambda: call())
    return action
