"""The open project for widgets: one document with its history, told by signals. Files are `project_files`' business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.history import Entry, History
from ltxdesktop.document.model import Document, new_document

Edit = Callable[[Document], Document]


class OpenProject(QObject):
    """Holds the history of whatever project is open. Widgets ask it for edits, and learn of them like all."""

    opened = Signal()  # another project: nothing of the former is left
    changed = Signal(object, object, str)  # documents before and after, name of the step
    steps_changed = Signal()  # the list of steps, or which of them is shown
    clean_changed = Signal()
    refused = Signal(str)  # why an edit can't be done

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = History(new_document())
        self._history.listen(self._tell)
        self._opening = False
        self.path: Path | None = None  # of the project file; None until it's saved
        self._was_clean = True

    # What is open

    def open(self, document: Document, path: Path | None, *, clean: bool = True) -> None:
        """Go on with another project."""
        self._opening = True
        self.path = path
        self._history.restart(document, "Open" if path is not None else "New project")
        if not clean:
            self._history.do("Recovered", replace(document))  # equal, and another step: it isn't saved yet
        self._opening = False
        self._was_clean = self._history.clean
        self.opened.emit()
        self.steps_changed.emit()
        self.clean_changed.emit()

    @property
    def document(self) -> Document:
        return self._history.document

    @property
    def history(self) -> History:
        return self._history

    @property
    def name(self) -> str:
        return self.path.stem if self.path is not None else self.document.name

    # Steps

    def do(self, name: str, document: Document) -> None:
        """One named step."""
        self._history.do(name, document)

    def edit(self, name: str, edit: Edit, *, merge: str = "") -> bool:
        """One named step, unless the edit refuses: then it's said why."""
        try:
            changed = edit(self._history.base)
        except DocumentError as error:
            self.refused.emit(str(error))
            return False
        self._history.do(name, changed, merge=merge)
        return True

    def preview(self, name: str, edit: Edit) -> None:
        """Show what an edit would give while a control is dragged; `commit` makes it one step."""
        if not self._history.dragging:
            self._history.begin(name)
        try:
            self._history.preview(edit(self._history.base))
        except DocumentError as error:
            self.refused.emit(str(error))

    def commit(self) -> None:
        if self._history.dragging:
            self._history.commit()

    def cancel(self) -> None:
        """Throw the drag that goes on away."""
        self._history.cancel()

    def undo(self) -> None:
        self._history.undo()

    def redo(self) -> None:
        self._history.redo()

    def jump(self, index: int) -> None:
        self._history.jump(index)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self._history.entries

    @property
    def index(self) -> int:
        return self._history.index

    # Saved or not

    @property
    def clean(self) -> bool:
        return self._history.clean

    def mark_saved(self, path: Path, document: Document) -> None:
        """That document is in the file now; if it's still the present one, nothing is unsaved."""
        self.path = path
        if document is self._history.base:
            self._history.mark_clean()
        self._say_clean(always=True)

    def mark_untouched(self) -> None:
        """What is there now is nobody's work yet (the sample): it needn't be saved."""
        self._history.mark_clean()
        self._say_clean()

    def _tell(self, before: Document, after: Document, name: str) -> None:
        if self._opening:
            return
        self.changed.emit(before, after, name)
        if not self._history.dragging:  # a preview is no step
            self.steps_changed.emit()
            self._say_clean()

    def _say_clean(self, *, always: bool = False) -> None:
        if always or self._history.clean != self._was_clean:
            self._was_clean = self._history.clean
            self.clean_changed.emit()
