"""The list of presets: a name and for whom it is."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from ltxdesktop.export.presets import PRESETS, Preset
from ltxdesktop.ui.card import Card
from ltxdesktop.ui.drawing import font_of, paint_line, rect_of, sized
from ltxdesktop.ui.theme import Look

PRESET = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 44
LEFT_PX, RIGHT_PX = 10, 8  # margins of a card
NOTE_PX = 12

Index = QModelIndex | QPersistentModelIndex


class PresetList(QListWidget):
    """All presets; one is always chosen."""

    preset_chosen = Signal(str)

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Presets")
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Cards(look, self))
        for preset in PRESETS.values():
            item = QListWidgetItem(preset.name)
            item.setData(PRESET, preset.id)
            item.setToolTip(f"{preset.name}: {preset.note}")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{preset.name}: {preset.note}")
            self.addItem(item)
        self.setCurrentRow(0)
        self.currentItemChanged.connect(lambda: self.preset_chosen.emit(self.preset.id))
        look.changed.connect(self.viewport().update)

    @property
    def wanted_px(self) -> int:
        """How wide it has to be for all notes to be seen whole."""
        metrics = QFontMetrics(sized(self.font(), NOTE_PX))
        notes = max(metrics.horizontalAdvance(preset.note) for preset in PRESETS.values())
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return notes + LEFT_PX + RIGHT_PX + bar

    @property
    def preset(self) -> Preset:
        return PRESETS[self.currentItem().data(PRESET)]

    def choose(self, preset_id: str) -> None:
        """The first one if there is none of that name."""
        rows = [row for row in range(self.count()) if self.item(row).data(PRESET) == preset_id]
        self.setCurrentRow(rows[0] if rows else 0)


class _Cards(Card):
    @property
    def plain(self) -> str:
        return self.look.theme.panel

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(180, ROW_HEIGHT)

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        preset, theme = PRESETS[index.data(PRESET)], self.look.theme
        inner = rect_of(option).adjusted(LEFT_PX, 5, -RIGHT_PX, -5)
        name = QRect(inner.left(), inner.top(), inner.width(), 17)
        paint_line(painter, name, preset.name, theme.text, sized(font_of(option), 13, QFont.Weight.Medium))
        paint_line(painter, name.translated(0, 17), preset.note, theme.quiet, sized(font_of(option), NOTE_PX))
