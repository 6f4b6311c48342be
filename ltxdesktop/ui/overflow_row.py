"""A row of controls that fits into any width: what there is no room for goes into a menu."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QToolButton, QWidget

from ltxdesktop.ui.parts import IconButton
from ltxdesktop.ui.theme import Look


@dataclass
class _Place:
    widget: QWidget
    rank: int
    action: QAction | None
    offered: bool = True
    room: bool = True


class OverflowRow(QWidget):
    """Widgets of the highest rank go first, of those that share one the last; those of rank 0 always stay."""

    def __init__(self, look: Look, name: str, margins: tuple[int, int, int, int], spacing_px: int) -> None:
        """`margins`: left, top, right, bottom, in pixels; `name` says to a screen reader what the row holds."""
        super().__init__()
        self.setAccessibleName(name)
        self._places: list[_Place] = []
        self._gaps_px = 0
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(*margins)
        self._row.setSpacing(spacing_px)
        self.more = IconButton(look, "more", f"More of: {name}")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setCheckable(True)
        self._menu = QMenu(self.more)
        self._menu.aboutToShow.connect(self._fill)
        self.more.setMenu(self._menu)
        self.more.hide()
        self._row.addWidget(self.more)
        self._behind_more = False

    def add(self, widget: QWidget, rank: int = 0, action: QAction | None = None, *, stretch: int = 0) -> None:
        """`action` stands in the menu for a widget without room; one without an action is only left out."""
        self._row.insertWidget(self._end, widget, stretch)
        self._places.append(_Place(widget, rank, action))
        if isinstance(widget, QAbstractButton) and widget.isCheckable():
            widget.toggled.connect(self._mark)

    def add_gap(self, width_px: int) -> None:
        self._row.insertSpacing(self._end, width_px)
        self._gaps_px += width_px

    def end_tools(self) -> None:
        """The menu's button stands here; what is added now comes behind it."""
        self._behind_more = True

    def offer(self, widget: QWidget, on: bool) -> None:
        """Whether a widget of the row is there at all."""
        for place in self._places:
            if place.widget is widget:
                place.offered = on
        self.fit()

    def fit(self) -> None:
        """Show what there is room for."""
        offered = [place for place in self._places if place.offered]
        staying = list(offered)
        going = sorted((place for place in offered if place.rank), key=lambda place: place.rank)
        while going and self._width_of(staying) > self.width():
            staying.remove(going.pop())
        for place in self._places:
            place.room = place in staying
            place.widget.setVisible(place.room)
        self.more.setVisible(self._needs_more(staying))
        self._mark()

    def sizeHint(self) -> QSize:
        """With room for everything."""
        return QSize(self._width_of([place for place in self._places if place.offered]), self._row.sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        least = [place for place in self._places if place.offered and not place.rank]
        return QSize(self._width_of(least), self._row.minimumSize().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def event(self, event: QEvent) -> bool:
        """Names get longer, too."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.fit()
        return super().event(event)

    @property
    def _end(self) -> int:
        return self._row.count() if self._behind_more else self._row.indexOf(self.more)

    def _width_of(self, places: list[_Place]) -> int:
        margins = self._row.contentsMargins()
        widths = [max(place.widget.minimumWidth(), place.widget.minimumSizeHint().width()) for place in places]
        if self._needs_more(places):
            widths.append(self.more.sizeHint().width())
        apart = self._row.spacing() * max(0, len(widths) - 1)
        return margins.left() + margins.right() + self._gaps_px + sum(widths) + apart

    def _needs_more(self, staying: list[_Place]) -> bool:
        return any(place.offered and place.action is not None and place not in staying for place in self._places)

    def _mark(self) -> None:
        """The button shows that what is chosen is in its menu."""
        self.more.setChecked(any(_is_chosen(place.widget) for place in self._left_out()))

    def _left_out(self) -> list[_Place]:
        return [place for place in self._places if place.offered and not place.room and place.action is not None]

    def _fill(self) -> None:
        self._menu.clear()
        for place in self._left_out():
            if place.action is None:
                continue
            entry = self._menu.addAction(place.action.icon(), _with_key(place.action))
            if isinstance(place.widget, QAbstractButton):
                entry.setIcon(place.widget.icon())
                entry.setCheckable(place.widget.isCheckable())
                entry.setChecked(place.widget.isChecked())
            entry.setToolTip(place.widget.toolTip())
            entry.setEnabled(place.action.isEnabled())
            entry.triggered.connect(partial(_trigger, place.action))


def _is_chosen(widget: QWidget) -> bool:
    """Whether it's the one of several that is on."""
    return isinstance(widget, QAbstractButton) and widget.isChecked() and bool(widget.group())


def _trigger(action: QAction, *_: object) -> None:
    action.trigger()


def _with_key(action: QAction) -> str:
    key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return f"{action.text()}\t{key}" if key else action.text()
