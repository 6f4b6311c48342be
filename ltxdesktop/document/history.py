"""Undo and redo without end: the documents that were, each named after the edit that made it.

Documents share all that an edit left alone, so an entry costs what the edit changed. Nothing here knows Qt or files;
who shows or saves the document listens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ltxdesktop.document.model import Document, Sequence, SequenceId, Track, TrackId


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two documents: views redraw only that."""

    sequences: frozenset[SequenceId] = frozenset()  # changed in any way, added or removed
    tracks: frozenset[TrackId] = frozenset()
    settings: frozenset[SequenceId] = frozenset()  # sequences whose own values changed: size, markers, order of tracks
    media: bool = False
    bins: bool = False
    active: bool = False  # another sequence is open
    name: bool = False  # of the project, or its metadata

    def __bool__(self) -> bool:
        return bool(self.sequences) or self.media or self.bins or self.active or self.name


def difference(before: Document, after: Document) -> Change:
    """What changed, told by identity: values that an edit left alone are the same objects. Takes microseconds."""
    sequences: set[SequenceId] = set()
    tracks: set[TrackId] = set()
    settings: set[SequenceId] = set()
    old_sequences = {sequence.id: sequence for sequence in before.sequences}
    new_sequences = {sequence.id: sequence for sequence in after.sequences}
    for sequence_id in old_sequences.keys() | new_sequences.keys():
        old, new = old_sequences.get(sequence_id), new_sequences.get(sequence_id)
        if old is new:
            continue
        sequences.add(sequence_id)
        tracks |= _different_tracks(old.tracks if old else (), new.tracks if new else ())
        if old is None or new is None or _own_values(old) != _own_values(new):
            settings.add(sequence_id)
    return Change(
        frozenset(sequences),
        frozenset(tracks),
        frozenset(settings),
        media=before.media is not after.media,
        bins=before.bins is not after.bins,
        active=before.active != after.active,
        name=before.name != after.name or before.metadata is not after.metadata,
    )


def _different_tracks(old: tuple[Track, ...], new: tuple[Track, ...]) -> set[TrackId]:
    were = {track.id: track for track in old}
    are = {track.id: track for track in new}
    return {track_id for track_id in were.keys() | are.keys() if were.get(track_id) is not are.get(track_id)}


def _own_values(sequence: Sequence) -> tuple[object, ...]:
    return (
        [track.id for track in sequence.tracks],
        sequence.name,
        (sequence.width, sequence.height, sequence.rate, sequence.sample_rate),
        (sequence.in_frame, sequence.out_frame, sequence.first_frame, sequence.drop_frame),
        sequence.markers,
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One step: the document after it, what it is called, and what it changed."""

    name: str
    document: Document
    changed: Change = field(default_factory=Change)
    merge: str = ""


Listener = Callable[[Document, Document, str], None]  # before, after, name of the step


class History:
    """The document, and the way to it and back.

    `entries[0]` is where it began; `index` says which entry is shown. A new edit after undo drops what was undone.

    A drag is one entry: `begin` it, `preview` each position (edits start from `base`, the document before the drag),
    then `commit` or `cancel`. While one is going on, `do`, `undo`, `redo` and `jump` first cancel it.
    """

    def __init__(self, document: Document, name: str = "Open") -> None:
        self._entries: list[Entry] = [Entry(name, document)]
        self._index = 0
        self._clean: Entry | None = self._entries[0]
        self._listeners: list[Listener] = []
        self._drag: str | None = None
        self._preview: Document | None = None

    def restart(self, document: Document, name: str = "Open") -> None:
        """Go on with another project: the steps so far are forgotten. Listeners stay, and are told."""
        self.cancel()
        before = self.base
        self._entries = [Entry(name, document)]
        self._index = 0
        self._clean = self._entries[0]
        self._tell(before, document, name)

    @property
    def document(self) -> Document:
        """What is shown: during a drag its preview."""
        return self._preview if self._preview is not None else self.base

    @property
    def base(self) -> Document:
        """The document of the present entry, without the preview of a drag."""
        return self._entries[self._index].document

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    @property
    def index(self) -> int:
        return self._index

    @property
    def entry(self) -> Entry:
        """The present entry."""
        return self._entries[self._index]

    @property
    def can_undo(self) -> bool:
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        return self._index + 1 < len(self._entries)

    @property
    def undo_name(self) -> str:
        """What undo would take back; "" for nothing."""
        return self._entries[self._index].name if self.can_undo else ""

    @property
    def redo_name(self) -> str:
        return self._entries[self._index + 1].name if self.can_redo else ""

    # ---- steps ------------------------------------------------------------------------------------------------------

    def do(self, name: str, document: Document, changed: Change | None = None, *, merge: str = "") -> None:
        """Make a document the present one. One that is the same object as before adds no entry.

        With `merge` (say "volume of clip 7") a step replaces the one before it if that had the same: each click of a
        spin box is shown, and undo takes all of them back. `changed` is found out if it isn't given.
        """
        self.cancel()
        before = self.base
        if document is before:
            return
        last = self._entries[self._index]
        del self._entries[self._index + 1 :]
        if merge and merge == last.merge and self._index > 0 and last is not self._clean:
            self._entries.pop()
            changed = None  # it counts from the entry before
        start = self._entries[-1].document
        self._entries.append(Entry(name, document, changed or difference(start, document), merge))
        self._index = len(self._entries) - 1
        self._tell(before, document, name)
        self._forget_counts()

    def undo(self) -> bool:
        """Go back one step; False if there is none."""
        return self.jump(self._index - 1) if self.can_undo else bool(self.cancel())

    def redo(self) -> bool:
        """Go forward one step; False if there is none."""
        return self.jump(self._index + 1) if self.can_redo else bool(self.cancel())

    def jump(self, index: int) -> bool:
        """Show the entry of that index. Raises IndexError if there is none; False if it is shown already."""
        self.cancel()
        if not 0 <= index < len(self._entries):
            raise IndexError(f"no history entry {index}")
        if index == self._index:
            return False
        before, name = self.base, self._entries[max(index, self._index)].name
        back = index < self._index
        self._index = index
        self._tell(before, self.base, f"Undo {name}" if back else f"Redo {name}")
        return True

    # ---- a drag -----------------------------------------------------------------------------------------------------

    @property
    def dragging(self) -> bool:
        return self._drag is not None

    def begin(self, name: str) -> Document:
        """Begin a drag; returns the document that its edits start from."""
        self.cancel()
        self._drag = name
        return self.base

    def preview(self, document: Document) -> None:
        """Show a document without an entry. Raises RuntimeError outside of a drag."""
        if self._drag is None:
            raise RuntimeError("preview without begin")
        before = self.document
        self._preview = document
        if document is not before:
            self._tell(before, document, self._drag)

    def commit(self) -> None:
        """End a drag: what it shows becomes one entry; nothing if it shows what was there before."""
        if self._drag is None:
            raise RuntimeError("commit without begin")
        name, document, before = self._drag, self.document, self.base
        self._drag = self._preview = None
        if document is before:
            return
        del self._entries[self._index + 1 :]
        self._entries.append(Entry(name, document, difference(before, document)))
        self._index += 1
        self._tell(document, document, name)
        self._forget_counts()

    def cancel(self) -> None:
        """End a drag, if there is one, and show what was there before it."""
        if self._drag is None:
            return
        before, name = self.document, self._drag
        self._drag = self._preview = None
        if before is not self.base:
            self._tell(before, self.base, name)

    # ---- saved or not -----------------------------------------------------------------------------------------------

    @property
    def clean(self) -> bool:
        """Whether the present entry is the one that was saved. A preview doesn't count."""
        return self._entries[self._index] is self._clean

    def mark_clean(self) -> None:
        """The present entry was saved."""
        self._clean = self._entries[self._index]

    # ---- who is told ------------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call a function after each change with (before, after, name); returns one that ends it.

        At the commit of a drag before and after are the same document: nothing to draw, but a new entry to show.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def _forget_counts(self) -> None:
        """Drop what tracks of the entry before have counted, where they're no longer shown.

        Of 10,000 clips that's half a megabyte an edit, which undo counts again in a millisecond.
        """
        if self._index == 0:
            return
        shown = {id(track) for sequence in self.base.sequences for track in sequence.tracks}
        for sequence in self._entries[self._index - 1].document.sequences:
            for track in sequence.tracks:
                if id(track) not in shown:
                    track.forget_counts()

    def _tell(self, before: Document, after: Document, name: str) -> None:
        for listener in tuple(self._listeners):
            listener(before, after, name)
