"""The LoRAs of the models folder: a picture, what the file says of itself, a strength to begin with; added by drop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QImageReader, QPixmap
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.packages import LoraInfo
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.parts import IconButton, Panel, label, scrolled_form, wrapped
from ltxdesktop.ui.setup.model_words import lora_facts
from ltxdesktop.ui.setup.stock import Stock
from ltxdesktop.ui.theme import Look, figures

PICTURE = QSize(112, 72)
SUFFIX = ".safetensors"


class LoraPage(QWidget):
    """Lists them; drop files anywhere on it."""

    def __init__(self, look: Look, stock: Stock, parent: QWidget | None = None, *, elsewhere: bool = False) -> None:
        """`elsewhere`: the engine's files aren't on this machine, so none can be dropped, shown or opened."""
        super().__init__(parent)
        self._look, self._stock, self._elsewhere = look, stock, elsewhere
        self.rows: dict[str, LoraRow] = {}
        self.setAcceptDrops(not elsewhere)
        self._build()
        stock.loras_changed.connect(self._show)
        look.changed.connect(self._show)
        self._show()

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(10)
        outer.addWidget(self._build_head())
        area, column = scrolled_form(8)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        column.addLayout(self._list)
        column.addStretch(1)
        outer.addWidget(area, 1)

    def _build_head(self) -> Panel:
        panel = Panel("Looks, motions and controls")
        words = wrapped("note")
        words.setText(
            "Drop .safetensors files here. A picture and notes beside a file (name.png, name.civitai.info) come along; "
            "nothing is copied where a link will do."
            if not self._elsewhere
            else "The engine runs on another machine: put files into its folder of LoRAs there."
        )
        words.show()
        panel.body.addWidget(words)
        self.add = QPushButton("Add…")
        self.add.setToolTip("Choose files on this machine")
        self.add.setAutoDefault(False)
        self.add.clicked.connect(self._choose)
        self._open = IconButton(self._look, "folder", "Open the folder of LoRAs")
        self._open.clicked.connect(self._open_folder)
        for each in (self.add, self._open):
            each.setVisible(not self._elsewhere)
            panel.head.addWidget(each)
        self._empty = label("None is here yet.", "hint")
        panel.body.addWidget(self._empty)
        return panel

    def _show(self) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows.clear()
        for lora in self._stock.loras:
            row = self.rows[lora.lora] = LoraRow(self._look, lora, with_picture=not self._elsewhere)
            row.strength_chosen.connect(self._stock.set_lora)
            row.remove_requested.connect(self._remove)
            self._list.addWidget(row)
        self._empty.setVisible(not self.rows)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "LoRAs", "", f"LoRAs (*{SUFFIX})")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._add_all)
        dialog.open()

    def _add_all(self, files: list[str]) -> None:
        for file in files:
            self._stock.add_lora(file)

    def _open_folder(self) -> None:
        if self._stock.lora_folder:
            Path(self._stock.lora_folder).mkdir(parents=True, exist_ok=True)
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._stock.lora_folder))

    def _remove(self, lora: str) -> None:
        words = f"Remove {Path(lora).name}, with its picture and notes? If it was linked, the original stays."
        ask_to_remove(self, words, lambda: self._stock.remove_lora(lora))

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._add_all(_dropped(event))
        event.acceptProposedAction()


class LoraRow(QFrame):
    """One LoRA."""

    strength_chosen = Signal(str, float)
    remove_requested = Signal(str)

    def __init__(self, look: Look, lora: LoraInfo, parent: QWidget | None = None, *, with_picture: bool) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName(lora.title)
        self.lora = lora
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self._build_picture(look, with_picture=with_picture))
        row.addLayout(self._build_words(), 1)
        row.addLayout(self._build_controls(look))

    def _build_picture(self, look: Look, *, with_picture: bool) -> QLabel:
        picture = QLabel()
        picture.setFixedSize(PICTURE)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        picture.setAccessibleName("Preview")
        shown = _read(self.lora.preview, self.devicePixelRatioF()) if with_picture and self.lora.preview else None
        if shown is None:
            picture.setPixmap(look.icon("picture", look.theme.faint).pixmap(QSize(28, 28), self.devicePixelRatioF()))
            picture.setToolTip("A picture of the same name beside the file would be shown here")
        else:
            picture.setPixmap(shown)
        return picture

    def _build_words(self) -> QVBoxLayout:
        lora = self.lora
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(label(lora.title, "title"))
        for text, kind in (
            (lora_facts(lora), "note"),
            (lora.about, ""),
            (f"Trigger words: {lora.trigger_words}" if lora.trigger_words else "", "note"),
            (lora.problem, "problem"),
        ):
            if text:
                line = label(text, kind)
                line.setWordWrap(True)
                line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                words.addWidget(line)
        words.addStretch(1)
        return words

    def _build_controls(self, look: Look) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        self.strength = DecimalField()
        self.strength.setRange(-4.0, 4.0)
        self.strength.setSingleStep(0.05)
        self.strength.setKeyboardTracking(False)
        self.strength.setFont(figures(self.strength.font()))
        self.strength.setAccessibleName(f"Strength of {self.lora.title}")
        self.strength.setToolTip("With this strength it's offered for a job; there it can be changed")
        self.strength.setFixedWidth(96)
        with QSignalBlocker(self.strength):
            self.strength.setValue(self.lora.strength)
        self.strength.valueChanged.connect(self._choose_strength)
        strength = QHBoxLayout()
        strength.addStretch(1)
        strength.addWidget(label("Strength", "note"))
        strength.addWidget(self.strength)
        column.addLayout(strength)
        below = QHBoxLayout()
        below.addStretch(1)
        self.copy = QPushButton("Copy words")
        self.copy.setToolTip("Put the trigger words into the clipboard, for a prompt")
        self.copy.setVisible(bool(self.lora.trigger_words))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.lora.trigger_words))
        self.remove = QPushButton("Remove…")
        self.remove.setToolTip("Delete the file; the original of a linked one stays")
        self.remove.setAccessibleName(f"Remove {self.lora.title}")
        self.remove.clicked.connect(lambda: self.remove_requested.emit(self.lora.lora))
        for each in (self.copy, self.remove):
            each.setAutoDefault(False)
            below.addWidget(each)
        column.addLayout(below)
        column.addStretch(1)
        return column

    def _choose_strength(self, strength: float) -> None:
        self.strength_chosen.emit(self.lora.lora, strength)


def ask_to_remove(parent: QWidget, words: str, remove: Callable[[], object]) -> None:
    """Ask whether to remove something, and do it if so."""
    question = QMessageBox(QMessageBox.Icon.Question, "Remove", words, parent=parent)
    yes = question.addButton("Remove", QMessageBox.ButtonRole.AcceptRole)
    question.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    yes.clicked.connect(lambda: remove())
    question.open()


def _read(file: str, scale: float) -> QPixmap | None:
    """A picture, cut to the middle; None if it can't be read. Large ones are never decoded whole."""
    reader = QImageReader(file)
    reader.setAutoTransform(True)
    size = reader.size()
    wanted = QSize(round(PICTURE.width() * scale), round(PICTURE.height() * scale))
    if size.isValid():
        reader.setScaledSize(size.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
    image = reader.read()
    if image.isNull():
        return None
    left, top = (image.width() - wanted.width()) // 2, (image.height() - wanted.height()) // 2
    cut = QPixmap.fromImage(image.copy(max(0, left), max(0, top), wanted.width(), wanted.height()))
    cut.setDevicePixelRatio(scale)
    return cut


def _dropped(event: QDropEvent) -> list[str]:
    """The LoRA files among what is dragged."""
    urls = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return [file for file in urls if file.lower().endswith(SUFFIX)]
