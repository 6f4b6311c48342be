"""The sequences of a project: open another, begin one, copy or remove the open one. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, SequenceId, new_sequence
from ltxdesktop.ui.timeline.editing import EditDesk

Do = Callable[[str, Callable[[Document], Document]], bool]


class SequenceCommands:
    """Each is one step of the history, done by `do`, which says why where it is refused."""

    def __init__(self, desk: EditDesk, do: Do) -> None:
        self._desk, self._do = desk, do

    def calls(self) -> Mapping[str, Callable[[], None]]:
        """Name of the command -> what it does here."""
        return {"sequence.new": self.new, "sequence.duplicate": self.duplicate, "sequence.remove": self.remove}

    def open(self, sequence_id: SequenceId) -> None:
        found = next((each for each in self._desk.document.sequences if each.id == sequence_id), None)
        if found is not None and sequence_id != self._desk.document.active:
            self._do(f"Open {found.name}", lambda document: edits.open_sequence(document, sequence_id))

    def new(self) -> None:
        """An empty one of the open one's size and rate."""
        now = self._desk.document.sequence
        made = new_sequence(
            self._free_name(), width=now.width, height=now.height, rate=now.rate, sample_rate=now.sample_rate
        )
        self._do("New sequence", lambda document: edits.add_sequence(document, made))

    def duplicate(self) -> None:
        """A copy of the open one, to try something else in."""
        now = self._desk.document.sequence
        self._do(f"Duplicate {now.name}", lambda document: edits.duplicate_sequence(document, now.id))

    def remove(self) -> None:
        now = self._desk.document.sequence
        self._do(f"Remove {now.name}", lambda document: edits.remove_sequence(document, now.id))

    def _free_name(self) -> str:
        names = {sequence.name for sequence in self._desk.document.sequences}
        return next(name for number in count(1) if (name := f"Sequence {number}") not in names)
