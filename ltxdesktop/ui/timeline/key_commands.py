"""What can be done with the keys of a clip's number from a menu or by a key: remove them, ease between them. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from ltxdesktop.document import edits
from ltxdesktop.document.model import Clip, Document, Easing, ItemId
from ltxdesktop.document.parameters import PARAMETERS, value_of
from ltxdesktop.ui.timeline.boxes import KeyPlace
from ltxdesktop.ui.timeline.editing import EditDesk

Do = Callable[[str, Callable[[Document], Document]], bool]


class KeyCommands:
    """Each is one step of the history, done by `do`, which says why where it is refused."""

    def __init__(self, desk: EditDesk, playhead_at: Callable[[], int], do: Do) -> None:
        self._desk, self._playhead_at, self._do = desk, playhead_at, do

    def remove(self, place: KeyPlace) -> None:
        clip, name, frame = place
        self._do(f"Remove a key of {_words(name)}", lambda document: edits.remove_key(document, clip, name, frame))

    def remove_all(self, clip_id: ItemId, name: str) -> None:
        """All keys of one number; the value at the playhead stays, or that of the nearest frame of the clip."""
        clip, start = self._clip(clip_id)
        if clip is not None:
            frame = min(clip.duration - 1, max(0, self._playhead_at() - start))
            value = value_of(clip, name).at(frame)
            words = f"Remove all keys of {_words(name)}"
            self._do(words, lambda document: edits.set_value(document, clip_id, name, value))

    def ease(self, place: KeyPlace, easing: Easing) -> None:
        """How the number goes on from a key to the next."""
        clip_id, name, frame = place
        clip, _ = self._clip(clip_id)
        if clip is not None:
            value = value_of(clip, name).at(frame)
            words = f"{easing.value.capitalize()} from a key of {_words(name)}"
            self._do(words, lambda document: edits.set_key(document, clip_id, name, frame, value, easing))

    def _clip(self, clip_id: ItemId) -> tuple[Clip | None, int]:
        sequence = self._desk.document.sequence
        return sequence.clip(clip_id), sequence.start_of(clip_id) or 0


def _words(name: str) -> str:
    return PARAMETERS[name].label.lower()
