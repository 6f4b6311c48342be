"""The markers of the open sequence as a list: press one to go there, rename it, colour it, take it away."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import Marker, MarkerId, Sequence
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.own_keys import OwnKeys
from ltxdesktop.ui.parts import IconButton, label
from ltxdesktop.ui.theme import Look

COLOURS = {
    "red": "#e5534b",
    "orange": "#e0823d",
    "yellow": "#d9b43c",
    "green": "#4fae6f",
    "cyan": "#3fb3bd",
    "blue": "#5a8dee",
    "purple": "#a678de",
    "pink": "#de6fae",
    "white": "#dfe3ea",
}
ID_ROLE = Qt.ItemDataRole.UserRole


NAME, CLIP, NOTE = 1, 2, 3  # columns; the place comes first
NAME_PX = 56  # at least


class Listed(NamedTuple):
    """A marker of the sequence, or (with its name) of a clip. `frame` is the sequence's in both cases."""

    frame: int
    marker: Marker
    clip: str


def listed(sequence: Sequence) -> list[Listed]:
    """All markers in the order of time; those that a trim has left outside of their clips aren't there."""
    found = [Listed(marker.frame, marker, "") for marker in sequence.markers]
    for track in sequence.tracks:
        for clip in track.clips:
            if clip.markers:
                start = sequence.start_of(clip.id) or 0
                inside = [marker for marker in clip.markers if 0 <= marker.frame < clip.duration]
                found += [Listed(start + marker.frame, marker, clip.name or "Clip") for marker in inside]
    return sorted(found, key=lambda each: each.frame)


class _Fixed(QStyledItemDelegate):
    """For columns that say something and can't be written into."""

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        return cast("QWidget", None)  # Qt's way of saying that there is none; its declaration doesn't know


class MarkersPanel(QWidget):
    """The sequence's markers and those on its clips. Follows the project; edits go through it."""

    chosen = Signal(int)  # the frame of a marker

    def __init__(self, look: Look, project: OpenProject) -> None:
        super().__init__()
        self._look, self._project = look, project
        self._of: Sequence | None = None
        self._listed: list[Listed] = []
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Place", "Name", "On clip", "Note"])
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Markers")
        self.tree.setToolTip(
            "A press on a marker, or Enter, goes there. F2 or a double click renames it, Delete removes it."
        )
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (CLIP, NOTE):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setMinimumSectionSize(NAME_PX)
        for column in (0, CLIP):
            self.tree.setItemDelegateForColumn(column, _Fixed(self.tree))
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        row = QHBoxLayout()
        self._hint = label("M puts a marker at the playhead", "hint")
        remove = IconButton(look, "clear", "Remove the marker", "Del")
        remove.clicked.connect(self.remove_chosen)
        row.addWidget(self._hint, 1)
        row.addWidget(remove)
        column.addWidget(self.tree, 1)
        column.addLayout(row)
        self.tree.itemClicked.connect(self._go)
        self.tree.itemChanged.connect(self._change)
        self.tree.customContextMenuRequested.connect(self._open_menu)
        keys = {"Del": self.remove_chosen, "F2": self._rename_chosen, "Return": self._go_to_chosen}
        keys |= {"Enter": self._go_to_chosen, "Menu": self._menu_at_chosen, "Shift+F10": self._menu_at_chosen}
        self._keys = OwnKeys(self.tree, keys)
        self.setFocusProxy(self.tree)
        project.changed.connect(self.show_markers)
        project.opened.connect(self.show_markers)
        self.show_markers()

    def show_markers(self) -> None:
        sequence = self._project.document.sequence
        before, self._of = self._of, sequence
        if before is not None and before.markers is sequence.markers and before.tracks is sequence.tracks:
            return
        found = listed(sequence)
        if before is not None and found == self._listed and before.rate == sequence.rate:
            return
        self._listed = found
        self.tree.blockSignals(True)
        self.tree.clear()
        self.tree.setColumnHidden(CLIP, not any(each.clip for each in found))
        for frame, marker, clip in found:
            place = timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)
            item = QTreeWidgetItem([place, marker.name or "Marker", clip, marker.note])
            item.setIcon(0, _dot(marker.colour))
            item.setData(0, ID_ROLE, marker.id)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.tree.addTopLevelItem(item)
        self.tree.blockSignals(False)

    def remove_chosen(self) -> None:
        marker = self._marker(self.tree.currentItem())
        if marker is not None:
            self._project.edit("Remove marker", lambda document: edits.remove_marker(document, marker.id))

    def _found(self, item: QTreeWidgetItem | None) -> Listed | None:
        if item is None:
            return None
        wanted = MarkerId(str(item.data(0, ID_ROLE)))
        return next((each for each in self._listed if each.marker.id == wanted), None)

    def _marker(self, item: QTreeWidgetItem | None) -> Marker | None:
        found = self._found(item)
        return found.marker if found is not None else None

    def _go(self, item: QTreeWidgetItem) -> None:
        found = self._found(item)
        if found is not None:
            self.chosen.emit(found.frame)

    def _go_to_chosen(self) -> None:
        if (item := self.tree.currentItem()) is not None:
            self._go(item)

    def _rename_chosen(self) -> None:
        if (item := self.tree.currentItem()) is not None:
            self.tree.editItem(item, NAME)

    def _menu_at_chosen(self) -> None:
        self._open_menu(self.tree.visualRect(self.tree.currentIndex()).center())

    def _change(self, item: QTreeWidgetItem) -> None:
        marker = self._marker(item)
        if marker is not None:
            self._put("Change marker", replace(marker, name=item.text(NAME), note=item.text(NOTE)))

    def _open_menu(self, at: QPoint) -> None:
        marker = self._marker(self.tree.currentItem())
        if marker is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        go = menu.addAction("Go there")
        go.triggered.connect(self._go_to_chosen)
        rename = menu.addAction("Rename")
        rename.triggered.connect(self._rename_chosen)
        menu.addSeparator()
        for name in COLOURS:
            action = menu.addAction(_dot(name), name.capitalize())
            action.setCheckable(True)
            action.setChecked(name == marker.colour)
            action.triggered.connect(partial(self._colour, name))
        menu.addSeparator()
        menu.addAction("Remove").triggered.connect(self.remove_chosen)
        menu.popup(self.tree.viewport().mapToGlobal(at))

    def _colour(self, colour: str) -> None:
        marker = self._marker(self.tree.currentItem())
        if marker is not None:
            self._put("Colour marker", replace(marker, colour=colour))

    def _put(self, name: str, marker: Marker) -> None:
        self._project.edit(name, lambda document: edits.change_marker(document, marker))


def _dot(colour: str) -> QIcon:
    picture = QPixmap(12, 12)
    picture.fill(QColor(COLOURS.get(colour, COLOURS["green"])))
    return QIcon(picture)
