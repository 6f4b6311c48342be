"""The jobs panel: the queue, and what can be done to the chosen job. It asks; someone above talks to the engine."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStackedLayout, QWidget

from ltxdesktop.ui.cards import JobCards
from ltxdesktop.ui.models.job_list import JobEntry, JobListModel
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.parts import IconButton, Panel, label
from ltxdesktop.ui.theme import Look


class JobsPanel(Panel):
    """Shows a `JobListModel`; every action is a button, a menu entry and a key."""

    cancel_requested = Signal(str)
    retry_requested = Signal(str)
    move_requested = Signal(str, int)  # job, places further on in the queue
    clear_requested = Signal()
    chosen = Signal(str)  # the job whose picture and message to show

    def __init__(
        self, look: Look, jobs: JobListModel, parent: QWidget | None = None, *, with_keys: bool = True
    ) -> None:
        """Without keys where they mean something else, as in the Edit workspace."""
        super().__init__("Jobs", parent)
        self._look, self._jobs, self._with_keys = look, jobs, with_keys
        self._actions: dict[str, QAction] = {}
        self._list = QListView()
        self._list.setModel(jobs)
        self._list.setItemDelegate(JobCards(look, self))
        self._list.setAccessibleName("Jobs")
        self._list.setMouseTracking(True)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._show_menu)
        self._list.selectionModel().currentChanged.connect(self._choose)
        look.changed.connect(self._list.viewport().update)

        self._empty = label("Nothing to do. What you generate is queued here.", "hint")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._list)
        self.body.addLayout(self._pages, 1)

        self._add("cancel", "cancel", "Cancel this job", "Del", self._cancel)
        self._add("retry", "retry", "Try this job again", "Ctrl+R", self._retry)
        self._add("up", "up", "Earlier in the queue", "Ctrl+Up", self._earlier)
        self._add("down", "down", "Later in the queue", "Ctrl+Down", self._later)
        self._add("clear", "clear", "Clear what has ended", "Ctrl+Shift+Del", self.clear_requested.emit)
        for signal in (jobs.dataChanged, jobs.modelReset, jobs.rowsInserted, jobs.rowsRemoved, jobs.rowsMoved):
            signal.connect(self._refresh)
        self._refresh()

    @property
    def actions_by_name(self) -> dict[str, QAction]:
        """For the menu bar."""
        return self._actions

    def choose(self, job: str) -> None:
        row = self._jobs.row_of(job)
        if row >= 0:
            self._list.setCurrentIndex(self._jobs.index(row))

    def _add(self, name: str, icon: str, words: str, keys: str, call: object) -> None:
        button = IconButton(self._look, icon, words, keys if self._with_keys else "")
        action = QAction(words, self)
        if self._with_keys:
            action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if name == "cancel":  # Delete means another thing in a text field
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(call)
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        self.addAction(action)
        self._actions[name] = action
        self.head.addWidget(button)

    def _current(self) -> JobEntry | None:
        index = self._list.currentIndex()
        return index.data(VALUE) if index.isValid() else None

    def _cancel(self) -> None:
        if (entry := self._current()) is not None:
            self.cancel_requested.emit(entry.job)

    def _retry(self) -> None:
        if (entry := self._current()) is not None:
            self.retry_requested.emit(entry.job)

    def _earlier(self) -> None:
        if (entry := self._current()) is not None:
            self.move_requested.emit(entry.job, -1)

    def _later(self) -> None:
        if (entry := self._current()) is not None:
            self.move_requested.emit(entry.job, 1)

    def _choose(self) -> None:
        self._refresh()
        if (entry := self._current()) is not None:
            self.chosen.emit(entry.job)

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for action in self._actions.values():
            menu.addAction(action)
        menu.exec(self._list.viewport().mapToGlobal(at))
        menu.deleteLater()

    def _refresh(self) -> None:
        """Which actions make sense for the chosen job."""
        self._pages.setCurrentWidget(self._list if self._jobs.rowCount() else self._empty)
        entry = self._current()
        live = entry is not None and not entry.ended and not entry.cancelling
        self._actions["cancel"].setEnabled(live)
        again = entry is not None and entry.state in {"failed", "cancelled"} and entry.can_retry
        self._actions["retry"].setEnabled(again)
        for name, step in (("up", -1), ("down", 1)):
            self._actions[name].setEnabled(entry is not None and bool(self._jobs.neighbour(entry.job, step)))
        self._actions["clear"].setEnabled(any(each.ended for each in self._jobs.entries()))
