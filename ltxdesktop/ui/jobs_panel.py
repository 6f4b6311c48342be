"""The jobs panel: the queue, and what can be done to the chosen job. It asks; someone above talks to the engine."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from ltxdesktop.ui.cards import JobCards
from ltxdesktop.ui.list_panel import ListPanel
from ltxdesktop.ui.models.job_list import JobEntry, JobListModel
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.theme import Look


class JobsPanel(ListPanel):
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
        super().__init__("Jobs", look, parent)
        self._jobs = jobs
        self._list.setModel(jobs)
        self._list.setItemDelegate(JobCards(look, self))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.selectionModel().currentChanged.connect(self._choose)

        self._empty = label("Nothing to do. What you generate is queued here.", "hint")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._list)
        self.body.addLayout(self._pages, 1)

        for name, words, keys, call in (
            ("cancel", "Cancel this job", "Del", self._cancel),
            ("retry", "Try this job again", "Ctrl+R", self._retry),
            ("up", "Earlier in the queue", "Ctrl+Up", self._earlier),
            ("down", "Later in the queue", "Ctrl+Down", self._later),
            ("clear", "Clear what has ended", "Ctrl+Shift+Del", self.clear_requested.emit),
        ):
            self._add(name, name, words, keys if with_keys else "", call)
        # Delete means another thing in a text field
        self._actions["cancel"].setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        for signal in (jobs.dataChanged, jobs.modelReset, jobs.rowsInserted, jobs.rowsRemoved, jobs.rowsMoved):
            signal.connect(self._refresh)
        self._refresh()

    def choose(self, job: str) -> None:
        row = self._jobs.row_of(job)
        if row >= 0:
            self._list.setCurrentIndex(self._jobs.index(row))

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
