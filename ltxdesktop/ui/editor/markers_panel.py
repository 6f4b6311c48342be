"""The markers of the open sequence as a list: press one to go there, rename it, colour it, take it away."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Marker, MarkerId
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


class MarkersPanel(QWidget):
    """Follows the project; edits go through it."""

    chosen = Signal(int)  # the frame of a marker

    def __init__(self, look: Look, project: OpenProject) -> None:
        super().__init__()
        self._look, self._project = look, project
        self._markers: tuple[Marker, ...] | None = None
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Place", "Name", "Note"])
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Markers")
        self.tree.setToolTip(
            "A press on a marker, or Enter, goes there. F2 or a double click renames it, Delete removes it."
        )
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
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
        if sequence.markers is self._markers:
            return
        self._markers = sequence.markers
        self.tree.blockSignals(True)
        self.tree.clear()
        for marker in sorted(sequence.markers, key=lambda each: each.frame):
            place = timecode(sequence.first_frame + marker.frame, sequence.rate, drop=sequence.drop_frame)
            item = QTreeWidgetItem([place, marker.name or "Marker", marker.note])
            item.setIcon(0, _dot(marker.colour))
            item.setData(0, ID_ROLE, marker.id)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.tree.addTopLevelItem(item)
        self.tree.blockSignals(False)

    def remove_chosen(self) -> None:
        marker = self._marker(self.tree.currentItem())
        if marker is not None:
            self._project.edit("Remove marker", lambda document: edits.remove_marker(document, marker.id))

    def _marker(self, item: QTreeWidgetItem | None) -> Marker | None:
        if item is None:
            return None
        wanted = MarkerId(str(item.data(0, ID_ROLE)))
        return next((each for each in self._project.document.sequence.markers if each.id == wanted), None)

    def _go(self, item: QTreeWidgetItem) -> None:
        marker = self._marker(item)
        if marker is not None:
            self.chosen.emit(marker.frame)

    def _go_to_chosen(self) -> None:
        if (item := self.tree.currentItem()) is not None:
            self._go(item)

    def _rename_chosen(self) -> None:
        if (item := self.tree.currentItem()) is not None:
            self.tree.editItem(item, 1)

    def _menu_at_chosen(self) -> None:
        self._open_menu(self.tree.visualRect(self.tree.currentIndex()).center())

    def _change(self, item: QTreeWidgetItem) -> None:
        marker = self._marker(item)
        if marker is not None:
            self._put("Change marker", replace(marker, name=item.text(1), note=item.text(2)))

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
