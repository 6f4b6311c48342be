"""What a job sends away and costs, shown before anybody agrees to it. For panels that ask for jobs.

The list and the price are the engine's own (its estimate); before there is one, what this backend sends in general.
Panels have one line for it; a tick there is only set by agreeing to the list.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.messages import BackendCapability, Estimated
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.setup.situation import dollars, spent_words

NOTHING_ELSE = (
    "and nothing else from here: no file names, nothing of the project. Like any service it knows the account of the "
    "key and the address of this network, and this program tells it its version."
)
AGREE = "Agree to what is sent, or choose another model."


class Consent(QFrame):
    """Shown only for a backend that isn't on this machine. Agreement is for one job, unless it's a standing one."""

    changed = Signal()  # the person has agreed, or has taken it back

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._backend: BackendCapability | None = None
        self._estimate: Estimated | None = None
        self._standing = False
        self._tick = QCheckBox()
        self._tick.setToolTip("Shows what is sent and what it costs, and asks. Nothing is sent without it")
        self._tick.clicked.connect(self._take_click)
        self._list_button = QPushButton("Details…")
        self._list_button.setObjectName("flat")
        self._list_button.setToolTip("The words and files that leave this machine, and what it costs")
        self._list_button.clicked.connect(self.ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._tick, 1)
        row.addWidget(self._list_button)
        self.hide()

    @property
    def needed(self) -> bool:
        """Whether the chosen backend sends anything away."""
        return self._backend is not None

    @property
    def agreed(self) -> bool:
        """Whether what is listed may be sent."""
        return self.needed and self._tick.isChecked()

    @property
    def sends(self) -> tuple[str, ...]:
        """What leaves this machine: of this very job where that is known, else in general."""
        if self._backend is None:
            return ()
        return self._estimate.sends if self._estimate is not None and self._estimate.sends else self._backend.sends

    @property
    def costs(self) -> tuple[str, ...]:
        """What the job costs, and what was spent this month."""
        if self._backend is None:
            return ()
        cost = self._estimate.cost_text if self._estimate is not None else ""
        return tuple(each for each in (f"Costs {cost}" if cost else "", spent_words(self._backend.spending)) if each)

    def agree(self, agreed: bool) -> None:
        """As the person's answer does."""
        with QSignalBlocker(self._tick):
            self._tick.setChecked(agreed)
        self.changed.emit()

    def stand(self, standing: bool) -> None:
        """The person agreed to all jobs, in the settings, or has taken that back."""
        self._standing = standing
        with QSignalBlocker(self._tick):
            self._tick.setChecked(standing)

    def after_asking(self) -> None:
        """The job it was for is asked: the next is asked about anew."""
        if not self._standing:
            with QSignalBlocker(self._tick):
                self._tick.setChecked(False)

    def show_backend(self, backend: BackendCapability | None) -> None:
        """The backend that would do the job; None or one on this machine: there is nothing to agree to."""
        self._backend = backend if backend is not None and backend.remote else None
        self.setVisible(self.needed)
        self._show()

    def show_estimate(self, estimate: Estimated | None) -> None:
        """What this very job sends and costs."""
        self._estimate = estimate
        self._show()

    def ask(self) -> None:
        """Show the list, and let the person agree to it."""
        if self._backend is None:
            return
        window = ConsentWindow(self._backend.title, self.sends, self.costs, self)
        window.finished.connect(self._take_answer)
        window.open()

    def _show(self) -> None:
        if self._backend is None:
            return
        cents = self._estimate.cost_cents if self._estimate is not None else None
        price = f" · {dollars(cents)}" if cents else ""
        self._tick.setText(f"Send to the {self._backend.title}{price}")

    def _take_click(self, checked: bool) -> None:
        if checked:
            with QSignalBlocker(self._tick):
                self._tick.setChecked(False)  # until the answer
            self.ask()
        else:
            self.changed.emit()

    def _take_answer(self, result: int) -> None:
        self.agree(result == QDialog.DialogCode.Accepted)


class ConsentWindow(QDialog):
    """The list, the price, and two answers."""

    def __init__(self, service: str, sends: Sequence[str], costs: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What leaves this machine")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(440)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(10)
        column.addWidget(label(f"For this job the {service} gets", "title"))
        column.addWidget(_words([f"·  {each[:1].upper()}{each[1:]}" for each in sends], "What is sent"))
        column.addWidget(_words([NOTHING_ELSE], "What is not sent", "hint"))
        if costs:
            column.addWidget(_words(costs, "Cost"))
        ends = QDialogButtonBox()
        send = ends.addButton("Agree", QDialogButtonBox.ButtonRole.AcceptRole)
        send.setObjectName("primary")
        send.setToolTip("For this job. The settings can agree for all (Ctrl+,)")
        stay = ends.addButton("Don't send", QDialogButtonBox.ButtonRole.RejectRole)
        stay.setToolTip("Nothing leaves this machine (Esc)")
        ends.accepted.connect(self.accept)
        ends.rejected.connect(self.reject)
        column.addWidget(ends)


def _words(lines: Sequence[str], name: str, kind: str = "") -> QLabel:
    made = label("\n".join(lines), kind)
    made.setWordWrap(True)
    made.setAccessibleName(name)
    return made
