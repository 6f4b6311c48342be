"""The page before a project is open: begin, open, go on with a recent one, or look at the sample."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.ui.icons import app_icon
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.drops import files_of

if TYPE_CHECKING:
    from ltxdesktop.project.recent import RecentProject

WIDTH_PX = 620
PATH_ROLE = Qt.ItemDataRole.UserRole
UNSAVED_ROLE = PATH_ROLE + 1
AWAY = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class RecentList(QListWidget):
    """A click or Enter chooses an entry, a double click too, but once. Delete on an entry asks for its removal; the
    window's own commands of that key wait.
    """

    chosen = Signal(QListWidgetItem)
    removal_asked = Signal(QListWidgetItem)

    def __init__(self) -> None:
        super().__init__()
        self._again = False  # the button went down for the second click of a double click
        self.itemClicked.connect(self._click)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in AWAY:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in AWAY and self.currentRow() >= 0:
            self.removal_asked.emit(self.currentItem())
        elif event.key() in ENTER and self.currentRow() >= 0:
            self.chosen.emit(self.currentItem())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._again = False
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._again = True
        super().mouseDoubleClickEvent(event)

    def _click(self, item: QListWidgetItem) -> None:
        if not self._again:
            self.chosen.emit(item)


class StartPage(QWidget):
    """Asks; whoever listens does it. Files that are dropped here begin a project."""

    new_asked = Signal()
    open_asked = Signal()
    sample_asked = Signal()
    recent_chosen = Signal(object)  # Path
    forget_asked = Signal(object)  # Path: off the list; the file stays
    discard_asked = Signal(object)  # Path of work that was never saved: away with it
    files_dropped = Signal(list)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setAcceptDrops(True)
        self.setAccessibleName("Start")
        self.recent = RecentList()
        self.recent.setAccessibleName("Recent projects")
        self.recent.setToolTip("Open a recent project; Delete takes it off the list")
        self._none = label("Projects you open or save are listed here.", "hint")
        self._new = QPushButton("New project")
        self._new.setObjectName("primary")
        self._new.setToolTip("Begin an empty project (Ctrl+N)")
        self._open = QPushButton("Open…")
        self._open.setToolTip("Open a project, or a timeline of another editor (Ctrl+O)")
        self._sample = QPushButton("Open the sample")
        self._sample.setToolTip("A small film to try everything on")
        self._lay_out()
        self._new.clicked.connect(self.new_asked)
        self._open.clicked.connect(self.open_asked)
        self._sample.clicked.connect(self.sample_asked)
        self.recent.chosen.connect(self._choose)
        self.recent.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.recent.customContextMenuRequested.connect(self._open_menu)
        self.recent.removal_asked.connect(self._remove)

    def show_recent(self, projects: list[RecentProject]) -> None:
        self.recent.clear()
        for project in projects:
            gone = "" if project.exists else "  ·  not there any more"
            place = "Never saved, left behind when the program ended" if project.unsaved else project.path.parent
            words = f"{project.path.stem}\n{place}  ·  {_when(project.at)}{gone}"
            item = QListWidgetItem(words)
            item.setData(PATH_ROLE, str(project.path))
            item.setData(UNSAVED_ROLE, project.unsaved)
            item.setToolTip(str(project.path))
            item.setSizeHint(QSize(100, 46))
            self.recent.addItem(item)
        self.recent.setVisible(bool(projects))
        self._none.setVisible(not projects)

    def _lay_out(self) -> None:
        card = QFrame()
        card.setObjectName("panel")
        card.setFixedWidth(WIDTH_PX)
        column = QVBoxLayout(card)
        column.setContentsMargins(32, 28, 32, 28)
        column.setSpacing(12)
        head = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(app_icon().pixmap(QSize(44, 44), self.devicePixelRatioF()))
        head.addWidget(mark)
        words = QVBoxLayout()
        title = label("Edit a film", "title")
        font = title.font()
        font.setPixelSize(20)
        title.setFont(font)
        title.setStyleSheet("font-size: 20px;")
        words.addWidget(title)
        words.addWidget(label("Drop footage anywhere here, or begin with one of these.", "hint"))
        head.addSpacing(8)
        head.addLayout(words, 1)
        column.addLayout(head)
        row = QHBoxLayout()
        for button in (self._new, self._open, self._sample):
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addSpacing(8)
        column.addWidget(label("Recent", "label"))
        column.addWidget(self._none)
        column.addWidget(self.recent, 1)
        self.recent.setMinimumHeight(230)
        self._none.setMinimumHeight(24)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(2)

    def _choose(self, item: QListWidgetItem) -> None:
        self.recent_chosen.emit(Path(str(item.data(PATH_ROLE))))

    def menu(self, item: QListWidgetItem) -> QMenu:
        """What can be done with a project of the list."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.addAction("Open").triggered.connect(partial(self._choose, item))
        menu.addAction(_away_words(item)).triggered.connect(partial(self._remove, item))
        return menu

    def _open_menu(self, at: QPoint) -> None:
        place = self.recent.indexAt(at)
        if place.isValid():
            self.menu(self.recent.item(place.row())).popup(self.recent.viewport().mapToGlobal(at))

    def _remove(self, item: QListWidgetItem) -> None:
        path = Path(str(item.data(PATH_ROLE)))
        (self.discard_asked if item.data(UNSAVED_ROLE) else self.forget_asked).emit(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if files_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.files_dropped.emit(list(files_of(event.mimeData())))
        event.acceptProposedAction()


def _away_words(item: QListWidgetItem) -> str:
    return "Throw this work away…" if item.data(UNSAVED_ROLE) else "Remove from the list"


def _when(at: datetime) -> str:
    """A day and time, short: today's without the day."""
    local = at.astimezone()
    today = datetime.now().astimezone().date() == local.date()
    return f"today {local:%H:%M}" if today else f"{local:%d %b %Y}"
