"""Undo, redo, drags, merged steps, the clean mark, and who is told what."""

from __future__ import annotations

import pytest
from helpers import film

from ltxdesktop.document import edits
from ltxdesktop.document.edits import Edge
from ltxdesktop.document.history import Change, History, difference
from ltxdesktop.document.model import Document, ItemId, TrackId, TrackKind

A, B = ItemId("A"), ItemId("B")
PAIRS = "V1: A:10 B:10 | V2: T:5 | A1: a:10 b:10"


class Told:
    """Keeps what a history tells."""

    def __init__(self, history: History) -> None:
        self.calls: list[tuple[Document, Document, str]] = []
        self.stop = history.listen(lambda before, after, name: self.calls.append((before, after, name)))

    @property
    def names(self) -> list[str]:
        return [name for _, _, name in self.calls]


def test_steps_have_names_and_lead_back_and_forth() -> None:
    first = film(PAIRS)
    history = History(first)
    assert (history.undo_name, history.redo_name, history.undo(), history.redo()) == ("", "", False, False)
    second = edits.lift(first, [A])
    third = edits.lift(second, [B])
    history.do("Lift A", second)
    history.do("Lift B", third)
    assert (history.undo_name, history.can_redo) == ("Lift B", False)
    assert history.undo()
    assert history.document is second
    assert (history.undo_name, history.redo_name) == ("Lift A", "Lift B")
    assert history.redo()
    assert history.document is third
    assert history.jump(0)
    assert history.document is first
    assert not history.jump(0)
    assert history.jump(2)
    with pytest.raises(IndexError):
        history.jump(3)
    assert [entry.name for entry in history.entries] == ["Open", "Lift A", "Lift B"]


def test_an_edit_after_undo_drops_what_was_undone() -> None:
    history = History(film(PAIRS))
    history.do("one", edits.lift(history.document, [A]))
    history.undo()
    history.do("two", edits.lift(history.document, [B]))
    assert [entry.name for entry in history.entries] == ["Open", "two"]
    assert not history.can_redo


def test_an_edit_that_changes_nothing_is_no_step() -> None:
    history = History(film(PAIRS))
    told = Told(history)
    history.do("nothing", edits.split(history.document, 0))
    assert (history.index, told.calls) == (0, [])


def test_a_drag_is_one_step() -> None:
    history = History(film(PAIRS))
    told = Told(history)
    base = history.begin("Trim A")
    assert base is history.document
    for frames in (-1, -2, -3):
        history.preview(edits.trim(base, A, Edge.TAIL, frames))
        assert history.index == 0
    shown = history.document
    assert history.dragging
    history.commit()
    assert (history.index, history.document, history.undo_name) == (1, shown, "Trim A")
    assert told.names == ["Trim A"] * 4
    assert told.calls[-1][0] is told.calls[-1][1] is shown
    history.undo()
    assert history.document is base


def test_a_drag_can_be_given_up() -> None:
    history = History(film(PAIRS))
    base = history.begin("Trim A")
    history.preview(edits.trim(base, A, Edge.TAIL, -3))
    told = Told(history)
    history.cancel()
    assert (history.document, history.index, history.dragging) == (base, 0, False)
    assert told.calls[0][1] is base
    history.begin("Trim A")
    history.preview(edits.trim(base, A, Edge.TAIL, -3))
    history.undo()
    assert (history.document, history.dragging) == (base, False)
    history.begin("Trim A")
    history.commit()
    assert history.index == 0
    for call in (history.commit, lambda: history.preview(base)):
        with pytest.raises(RuntimeError):
            call()


def test_steps_that_merge_are_undone_together() -> None:
    history = History(film(PAIRS))
    first = history.document
    for value in (0.9, 0.8, 0.7):
        history.do("Opacity", edits.set_value(history.document, A, "opacity", value), merge="opacity A")
    assert [entry.name for entry in history.entries] == ["Open", "Opacity"]
    history.mark_clean()
    history.do("Opacity", edits.set_value(history.document, A, "opacity", 0.1), merge="opacity A")
    assert len(history.entries) == 3  # what was saved can still be gone back to
    history.do("Opacity", edits.set_value(history.document, B, "opacity", 0.1), merge="opacity B")
    assert len(history.entries) == 4
    history.jump(0)
    assert history.document is first


def test_the_clean_mark_follows_the_entry_that_was_saved() -> None:
    history = History(film(PAIRS))
    assert history.clean
    history.do("one", edits.lift(history.document, [A]))
    assert not history.clean
    history.mark_clean()
    history.undo()
    assert not history.clean
    history.redo()
    assert history.clean
    history.undo()
    history.do("two", edits.lift(history.document, [B]))
    assert not history.clean
    history.jump(0)
    assert not history.clean  # the saved entry is gone for good


def test_listeners_are_told_what_changed_until_they_stop() -> None:
    history = History(film(PAIRS))
    told = Told(history)
    before = history.document
    history.do("Lift A", edits.lift(before, [A]))
    assert told.calls == [(before, history.document, "Lift A")]
    history.undo()
    history.redo()
    assert told.names == ["Lift A", "Undo Lift A", "Redo Lift A"]
    told.stop()
    told.stop()
    history.undo()
    assert len(told.calls) == 3


def test_a_change_names_tracks_and_no_more() -> None:
    before = film(PAIRS)
    after = edits.lift(before, [A])
    changed = difference(before, after)
    assert changed.tracks == {"V1", "A1"}
    assert (changed.settings, changed.media, changed.bins, changed.active) == (frozenset(), False, False, False)
    assert not difference(before, before)
    assert difference(before, before) == Change()
    muted = difference(before, edits.change_track(before, TrackId("V2"), muted=True))
    assert muted.tracks == {"V2"}
    more = edits.add_track(before, TrackKind.AUDIO)
    assert difference(before, more).settings == {"main"}
    assert difference(before, edits.set_range(before, 1, 2)).settings == {"main"}
    assert difference(before, edits.rename_project(before, "other")).name
    assert difference(before, edits.add_bin(before, "bin")).bins


def test_a_long_history_keeps_no_counts_of_old_tracks() -> None:
    history = History(film(PAIRS))
    for frames in range(1, 30):
        history.do("slip", edits.slip(history.document, A, 1 if frames % 2 else -1))
        assert history.document.sequence.track_of(A) is not None
    old = history.entries[3].document.sequence.tracks[0]
    assert not {"starts", "index", "links"} & set(old.__dict__)
    assert {"starts", "index"} <= set(history.document.sequence.tracks[0].__dict__)
    history.jump(3)
    assert history.document.sequence.start_of(B) == 10
