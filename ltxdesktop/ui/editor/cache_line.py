"""A line for the settings: how much the cache of media takes on disk, and a button that empties it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.parts import label
from ltxdesktop.words import gigabytes


class CacheLine(QWidget):
    """Counts when it's made. What was being shown is made anew when it's needed."""

    def __init__(self, materials: Materials, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._materials = materials
        self._words = label("Cache: …")
        self._words.setAccessibleName("Size of the cache")
        self.proxies = QCheckBox("Stand-ins too")
        self.proxies.setToolTip("Stand-ins (proxies) of heavy films take long to make: they are kept unless you say so")
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Delete thumbnails, waveforms and what is known of files; all of it is made again")
        self.clear.setAutoDefault(False)
        self.clear.clicked.connect(self._clear)
        row = QHBoxLayout()
        row.addWidget(self._words, 1)
        row.addWidget(self.proxies)
        row.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        materials.count_cache(self._show)

    @property
    def words(self) -> str:
        return self._words.text()

    def _clear(self) -> None:
        self.clear.setEnabled(False)
        self._words.setText("Cache: is being cleared …")
        self._materials.clear_cache(self._show, proxies=self.proxies.isChecked())

    def _show(self, counted: object) -> None:
        """Bytes, or why they couldn't be counted."""
        self.clear.setEnabled(True)
        self._words.setText(f"Cache: {gigabytes(counted)}" if isinstance(counted, int) else f"Cache: {counted}")
