"""The queue as a list model: running first, then waiting in order, then ended, newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QImage

from engine.protocol.messages import (
    Cancelled,
    Done,
    Failed,
    JobProgress,
    JobRow,
    JobState,
    Queued,
    Running,
    StateName,
)
from ltxdesktop.ui.models.values import ValueList
from ltxdesktop.words import clock, step_words

_ORDER: dict[StateName, int] = {"running": 0, "queued": 1, "done": 2, "failed": 2, "cancelled": 2}


@dataclass(frozen=True)
class JobEntry:
    """One job as the list shows it."""

    job: str
    title: str
    state: StateName
    progress: JobProgress | None = None
    message: str = ""  # of a failure or a cancellation; of a paid job that is done, what it cost
    can_retry: bool = True
    cancelling: bool = False  # asked for, not yet ended
    picture: QImage | None = None

    @property
    def ended(self) -> bool:
        return self.state in {"done", "failed", "cancelled"}

    @property
    def fraction(self) -> float:
        if self.state == "running":
            return self.progress.fraction if self.progress else 0.0
        return 1.0 if self.state == "done" else 0.0

    @property
    def status(self) -> str:
        """One line: what it does, which step of how many, how long still; or how it ended."""
        match self.state:
            case "queued":
                return "Waiting"
            case "done":
                return f"Done · {self.message}" if self.message else "Done"
            case "cancelled":
                return self.message or "Cancelled"
            case "failed":
                return self.message or "Failed"
            case "running":
                return self._running()

    def _running(self) -> str:
        if self.cancelling:
            return "Cancelling…"
        at = self.progress
        if at is None:
            return "Starting"
        parts = [at.phase[:1].upper() + at.phase[1:]]
        if at.steps:
            parts.append(step_words(at.phase, at.step, at.steps))
        if at.variations > 1:
            parts.append(f"take {at.variation + 1} of {at.variations}")
        if at.seconds_left is not None:
            parts.append(f"{clock(at.seconds_left)} left")
        return " · ".join(parts)


class JobListModel(ValueList[JobEntry]):
    """Jobs by their id, in the order in which a person thinks of them. Fed with what the engine says."""

    def words(self, value: JobEntry) -> str:
        return value.title

    def tip(self, value: JobEntry) -> str:
        lines = [value.title, value.status]
        at = value.progress if value.state == "running" else None
        if at is not None and at.phase_count > 1:
            lines.append(f"Part {min(at.phase_index + 1, at.phase_count)} of {at.phase_count}")
        return "\n".join(lines)

    def spoken(self, value: JobEntry) -> str:
        return f"{value.title}, {value.status}"

    # What the window asks for

    def entry(self, job: str) -> JobEntry | None:
        row = self.row_of(job)
        return self._values[row] if row >= 0 else None

    def entries(self) -> tuple[JobEntry, ...]:
        return self.values()

    def row_of(self, job: str) -> int:
        """The row of a job, -1 if it isn't in the list."""
        return self.row_where(lambda each: each.job == job)

    def neighbour(self, job: str, step: int) -> str:
        """The waiting job `step` places further on in the queue; "" beyond either end."""
        waiting = [each.job for each in self._values if each.state == "queued"]
        place = waiting.index(job) + step if job in waiting else -1
        return waiting[place] if 0 <= place < len(waiting) else ""

    # What the engine says

    def show_list(self, rows: tuple[JobRow, ...]) -> None:
        """Take over the engine's whole list; pictures and progress of jobs that stay are kept."""
        known = {each.job: each for each in self._values}
        self._reset(self._from_row(row, known.get(row.job)) for row in rows)

    def add(self, job: str, title: str, state: JobState) -> None:
        """A job that was just accepted, behind all that wait."""
        if self.entry(job) is not None:
            self.change(job, state)
            return
        place = sum(1 for each in self._values if not each.ended)
        self._insert(place, _with_state(JobEntry(job, title, "queued"), state))

    def change(self, job: str, state: JobState) -> None:
        row = self.row_of(job)
        if row < 0:
            return
        changed = _with_state(self._values[row], state)
        self._put(row, changed)
        self._move_to_place(row)

    def show_progress(self, progress: JobProgress) -> None:
        row = self.row_of(progress.job)
        if row >= 0 and self._values[row].state == "running":
            self._put(row, replace(self._values[row], progress=progress))

    def show_picture(self, job: str, picture: QImage) -> None:
        if (row := self.row_of(job)) >= 0:
            self._put(row, replace(self._values[row], picture=picture))

    def mark_cancelling(self, job: str) -> None:
        if (row := self.row_of(job)) >= 0 and not self._values[row].ended:
            self._put(row, replace(self._values[row], cancelling=True))

    def remove_ended(self) -> None:
        for row in range(len(self._values) - 1, -1, -1):
            if self._values[row].ended:
                self._remove(row)

    def _from_row(self, row: JobRow, before: JobEntry | None) -> JobEntry:
        entry = JobEntry(row.job, row.title or row.mode.replace("_", " "), row.state, message=row.message)
        if before is None:
            return entry
        return replace(
            entry,
            picture=before.picture,
            progress=before.progress if row.state == "running" else None,
            cancelling=before.cancelling and not entry.ended,
            can_retry=before.can_retry,
            message=row.message or (before.message if before.state == row.state else ""),
        )

    def _move_to_place(self, row: int) -> None:
        """Move a job whose state changed to where its group begins (ended) or ends (waiting)."""
        entry = self._values[row]
        others = [each for place, each in enumerate(self._values) if place != row]
        rank = _ORDER[entry.state]
        newest_first = rank == 2
        place = sum(
            1 for each in others if _ORDER[each.state] < rank or (not newest_first and _ORDER[each.state] == rank)
        )
        if place == row:
            return
        self.beginMoveRows(QModelIndex(), row, row, QModelIndex(), place + (place > row))
        self._values = [*others[:place], entry, *others[place:]]
        self.endMoveRows()


def _with_state(entry: JobEntry, state: JobState) -> JobEntry:
    match state:
        case Queued():
            return replace(entry, state="queued", progress=None, message="", cancelling=False)
        case Running():
            return replace(entry, state="running", progress=None, message="")
        case Done():
            cost = state.result.cost_text
            return replace(entry, state="done", progress=None, cancelling=False, message=cost)
        case Failed():
            return replace(
                entry, state="failed", progress=None, cancelling=False, message=state.message, can_retry=state.can_retry
            )
        case Cancelled():
            return replace(entry, state="cancelled", progress=None, cancelling=False, message=state.message)
