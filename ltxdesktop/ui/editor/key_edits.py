"""What is done to keys in the inspector's lanes, one or many: each is one named step of the project's history."""

from __future__ import annotations

from collections.abc import Callable, Set
from itertools import groupby

from ltxdesktop.document import edits
from ltxdesktop.document.curves import Curve
from ltxdesktop.document.model import Document, Easing, Parameter
from ltxdesktop.ui.editor.inspected import Inspected
from ltxdesktop.ui.editor.lane_layout import KeyOf, Number
from ltxdesktop.ui.editor.shaping import bent, eased, keyed, shifted, without

Change = Callable[[Parameter, set[int]], Parameter]


class KeyEdits:
    """`inspected` knows the numbers; its project takes the steps."""

    def __init__(self, inspected: Inspected) -> None:
        self._inspected, self._project = inspected, inspected.project

    def move(self, keys: Set[KeyOf], by: int) -> None:
        """Shown only, until the project's `commit`."""
        words = _several("Move", keys)
        self._project.preview(words, lambda document: self._on_each(document, keys, lambda p, f: shifted(p, f, by)))

    def ease(self, keys: Set[KeyOf], easing: Easing) -> None:
        change: Change = lambda parameter, frames: eased(parameter, frames, easing)  # noqa: E731
        self._edit(f"{_several(easing.value.capitalize(), keys, 'from ')}", keys, change)

    def bend(self, key: KeyOf, curve: Curve) -> None:
        """Shown only, until the project's `commit`."""

        def change(parameter: Parameter, _: set[int]) -> Parameter:
            return bent(parameter, key.frame, curve)

        self._project.preview("Bend from key", lambda document: self._on_each(document, {key}, change))

    def remove(self, keys: Set[KeyOf]) -> None:
        """Where all keys of a number go, the value of the last stays."""
        self._edit(_several("Remove", keys), keys, without)

    def add(self, number: Number, frame: int) -> None:
        """A key with the value that the number has there."""
        words = f"Key of {self._inspected.words(number.effect, number.name)}"
        self._edit(words, {KeyOf(number, frame)}, lambda parameter, _: keyed(parameter, frame, parameter.at(frame)))

    def _edit(self, words: str, keys: Set[KeyOf], change: Change) -> None:
        if keys:
            self._project.edit(words, lambda document: self._on_each(document, keys, change))

    def _on_each(self, document: Document, keys: Set[KeyOf], change: Change) -> Document:
        for number, group in groupby(sorted(keys), key=lambda key: key.number):
            clip, effect, name = number
            changed = change(self._inspected.parameter(document, clip, effect, name), {key.frame for key in group})
            document = edits.set_value(document, clip, name, changed, effect=effect or None)
        return document


def _several(what: str, keys: Set[KeyOf], link: str = "") -> str:
    return f"{what} {link}key" if len(keys) == 1 else f"{what} {link}{len(keys)} keys"
