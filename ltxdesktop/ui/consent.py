"""What a job sends away and costs, and the tick without which nothing is sent. For panels that ask for jobs.

The list and the price are the engine's own (its estimate); before there is one, what this backend sends in general.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QLabel, QVBoxLayout, QWidget

from engine.protocol.messages import BackendCapability, Estimated
from ltxdesktop.ui.parts import label, wrapped
from ltxdesktop.ui.setup.situation import spent_words

AGREE = "Agree that this is sent, or choose a model on this machine."


class Consent(QFrame):
    """Shown only for a backend that isn't on this machine. Agreement is for one job, unless it's a standing one."""

    changed = Signal()  # the person has ticked it or taken the tick away

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("consent")
        self._backend: BackendCapability | None = None
        self._estimate: Estimated | None = None
        self._standing = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label("Leaves this machine", "label"))
        self._list = wrapped("note")
        self._list.setAccessibleName("What leaves this machine")
        self._cost = wrapped("note")
        self._cost.setAccessibleName("Cost")
        self._tick = QCheckBox()
        self._tick.setToolTip(
            "Nothing is sent without this. It holds for one job; the settings can agree for all (Ctrl+,)"
        )
        self._tick.toggled.connect(self.changed)
        for each in (self._list, self._cost, self._tick):
            column.addWidget(each)
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
    def words(self) -> str:
        """All that is said now."""
        return "\n".join((self._list.text(), self._cost.text()))

    def agree(self, agreed: bool) -> None:
        """As a click on the tick would."""
        self._tick.setChecked(agreed)

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
        before, self._backend = self._backend, backend if backend is not None and backend.remote else None
        self.setVisible(self.needed)
        if self._backend is not None and self._backend != before:
            self._tick.setText(f"Send this to the {self._backend.title}")
            self.show_estimate(self._estimate)

    def show_estimate(self, estimate: Estimated | None) -> None:
        """What this very job sends and costs."""
        self._estimate = estimate
        if self._backend is None:
            return
        _say(self._list, list(estimate.sends) if estimate is not None and estimate.sends else list(self._backend.sends))
        cost = [estimate.cost_text] if estimate is not None and estimate.cost_text else []
        spent = [said] if (said := spent_words(self._backend.spending)) else []
        _say(self._cost, [*(f"Costs {each}" for each in cost), *spent], mark="")


def _say(where: QLabel, lines: Sequence[str], mark: str = "· ") -> None:
    where.setText("\n".join(f"{mark}{line[:1].upper()}{line[1:]}" for line in lines))
    where.setVisible(bool(lines))
