"""What is drawn anew after an edit equals a fresh picture, pixel by pixel, and isn't more than what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from timeline_kit import MEDIA, Window, clip, document_of, film, gap, small_film

from ltxdesktop.document import edits
from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Marker,
    MarkerId,
    MediaId,
    Take,
    Transition,
    TransitionKind,
    new_id,
)
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.stale import Shown, changed

Edit = Callable[[Document, Random], Document]


@pytest.fixture
def window(qapp: QApplication) -> Iterator[Window]:
    long = [clip(f"v{number}", 40 + 7 * number) for number in range(6)]
    made = Window(Look(qapp), document_of(V1=[*long[:3], gap("hole", 30), *long[3:]], V2=[clip("over", 120)]))
    yield made
    made.widget.close()
    made.widget.deleteLater()


def some_clip(document: Document, random: Random) -> Clip:
    return random.choice([each for track in document.sequence.tracks for each in track.clips])


def cut(document: Document, random: Random) -> Document:
    return edits.split(document, random.randrange(1, document.sequence.duration))


def move(document: Document, random: Random) -> Document:
    return edits.move(document, [some_clip(document, random).id], random.randrange(-60, 60))


def remove(document: Document, random: Random) -> Document:
    return edits.lift(document, [some_clip(document, random).id])


def retake(document: Document, random: Random) -> Document:
    media = replace(film(), id=MediaId(new_id()))
    chosen = some_clip(document, random)
    return edits.add_takes(document.with_media(media), chosen.id, [Take(media.id, Fraction(2), "new")])


def dissolve(document: Document, random: Random) -> Document:
    transition = Transition(TransitionKind.DISSOLVE, 18, 6)
    return edits.set_transition(document, some_clip(document, random).id, transition)


def mark(document: Document, random: Random) -> Document:
    chosen = some_clip(document, random)
    marker = Marker(MarkerId(new_id()), random.randrange(chosen.duration), duration=20)
    return edits.add_marker(document, marker, chosen.id)


def fade(document: Document, random: Random) -> Document:
    return edits.set_fades(document, some_clip(document, random).id, fade_in=8, fade_out=5)


def key(document: Document, random: Random) -> Document:
    chosen = some_clip(document, random)
    at = random.choice((0, chosen.duration - 1))  # drawn past the clip's end
    return edits.set_key(document, chosen.id, "opacity", at, random.random())


def quicken(document: Document, random: Random) -> Document:
    return edits.set_speed(document, some_clip(document, random).id, Fraction(3, 2))


def replace_file(document: Document, random: Random) -> Document:
    return edits.change_media(document, replace(document.media[MEDIA], name=f"film {random.random()}"))


def hide(document: Document, random: Random) -> Document:
    track = random.choice(document.sequence.tracks)
    return edits.change_track(document, track.id, muted=not track.muted)


EDITS: tuple[Edit, ...] = (cut, move, remove, retake, dissolve, mark, fade, key, quicken, replace_file, hide)


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_drawn_in_part_equal_a_fresh_picture(window: Window, seed: int):
    random, view, selection = Random(seed), window.view, window.panel.selection
    view.show_part(random.choice((0, 31)), random.choice((0.5, 1.0, 0.8)))
    view.grab()
    for _ in range(14):
        edit = random.choice(EDITS)
        try:
            after = edit(window.history.document, random)
        except (DocumentError, IndexError):
            continue
        window.history.do(edit.__name__, after)
        items = [each for track in window.sequence.tracks for each in track.items]
        chosen = random.choice(items) if items else None
        if isinstance(chosen, Gap):
            selection.choose(gap=chosen.id)
        else:
            selection.choose([chosen.id] if chosen is not None and random.random() < 0.7 else [])
        if random.random() < 0.2:
            window.history.undo()
        partly = view.grab().toImage()
        view._show_news()
        assert differing(view.grab().toImage(), partly) == [], edit.__name__


def test_a_gap_that_was_selected_isnt_marked_when_it_has_gone(window: Window):
    window.panel.selection.choose(gap=ItemId("hole"))
    window.view.grab()
    window.history.do("Close", edits.ripple_delete(window.history.document, [ItemId("hole")]))
    partly = window.view.grab().toImage()
    window.view._show_news()
    assert window.view.grab().toImage() == partly


def test_a_take_has_its_own_clip_drawn_and_no_other(qapp: QApplication):
    window = Window(Look(qapp), small_film())
    window.panel.selection.choose([])
    window.view.grab()
    before = shown(window)
    media = replace(film(), id=MediaId("take"))
    document = window.history.document.with_media(media)
    window.history.do("Retake", edits.add_takes(document, ItemId("bv"), [Take(media.id, Fraction(0))], linked=False))
    stale = changed(before, shown(window))
    boxes = {placed.clip.id: placed.seen for placed in window.view.placed().clips}
    assert stale is not None
    assert {box.top for box in stale} == {boxes[ItemId("bv")].top}
    assert all(
        boxes[ItemId("av")].right - 10 <= box.left and box.right <= boxes[ItemId("bv")].right + 10 for box in stale
    )
    window.widget.close()
    window.widget.deleteLater()


def shown(window: Window) -> Shown:
    view = window.view
    return Shown(view.placed(), window.history.document, view.selection.clips, view.selection.gap, None)


def differing(one: QImage, other: QImage) -> list[tuple[int, int]]:
    """A few of the pixels in which two pictures differ."""
    if one == other:
        return []
    size = one.size()
    places = ((x, y) for y in range(size.height()) for x in range(size.width()))
    return [at for at in places if one.pixel(*at) != other.pixel(*at)][:8]
