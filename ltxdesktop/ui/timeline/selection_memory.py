"""What was selected at each step of the history, so that undo and redo select it again."""

from __future__ import annotations

from typing import NamedTuple

from ltxdesktop.document.history import Entry, History
from ltxdesktop.document.model import Document
from ltxdesktop.ui.timeline.selection import Selected, Selection


class _Step(NamedTuple):
    entry: Entry
    before: Selected  # what was selected when the step was made


class SelectionMemory:
    """Listens to a history. It has to be told before those who show the document and forget what it hasn't got."""

    def __init__(self, history: History, selection: Selection) -> None:
        self._history, self._selection = history, selection
        self._steps = [_Step(entry, Selected()) for entry in history.entries]
        self._index = history.index
        self._at_end = Selected()  # when the last step was left by undo
        self.stop = history.listen(self._follow)

    def _follow(self, _before: Document, after: Document, _name: str) -> None:
        steps, index, entry = self._steps, self._history.index, self._history.entry
        if entry is steps[self._index].entry:  # a drag's preview
            return
        if index < len(steps) and steps[index].entry is entry:
            if self._index == len(steps) - 1:
                self._at_end = self._selection.now
            again = steps[index + 1].before if index + 1 < len(steps) else self._at_end
            self._selection.restore(again.existing(after.sequence))
        else:
            is_merged = index == self._index  # with the step that was shown
            steps[index:] = [_Step(entry, steps[index].before if is_merged else self._selection.now)]
        self._index = index
