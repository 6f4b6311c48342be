"""Joins of a take can be longer, shorter or hard cuts, and what a person made at a cut stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_places_and_landing import clips, locate, made, project, v1

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.model import Clip, Document, Take, Transition, TransitionKind
from ltxdesktop.loop import joining, landing, places


def retaken(blend: int = 4, *, before: int = 8, after: int = 8) -> Document:
    """Frames 40 to 60 of a clip made again, with handles of so many frames."""
    document = project((50, 150))
    (place,) = places.in_range(document, 40, 60, locate)
    landed = landing.land(document, place, made(20, before=before, after=after), blend=blend)
    return landed.document


def take_of(document: Document) -> Clip:
    return clips(document, v1(document))[1]


def test_the_joins_take_the_length_that_is_asked_for() -> None:
    document = retaken()
    take = take_of(document)
    assert (joining.blend_of(document, take.id), joining.room_for_blend(document, take.id)) == (4, 8)
    for blend in (7, 1, 0, 8):
        document = joining.with_blend(document, take.id, blend)
        check(document)
        assert joining.blend_of(document, take.id) == blend
    right = clips(document, v1(document))[2]
    assert take_of(document).transition == Transition(before=8)
    assert right.transition == Transition(after=8)


def test_a_blend_longer_than_the_handles_is_as_long_as_they_are() -> None:
    document = retaken(0, before=3, after=0)
    take = take_of(document)
    document = joining.with_blend(document, take.id, 20)
    check(document)
    assert take_of(document).transition == Transition(before=3)
    assert clips(document, v1(document))[2].transition is None


def test_each_take_keeps_its_own_joins_while_takes_are_turned() -> None:
    document = retaken()
    take = take_of(document)
    (short,) = made(20, before=2, after=2)
    document = document.with_media(short.media)
    document = edits.add_takes(document, take.id, [Take(short.media.id, short.begin_s, blend=4)], select=False)
    document = joining.with_blend(document, take.id, 7)
    for number, blend in ((2, 2), (1, 7), (0, 7), (2, 2), (1, 7)):
        document = joining.with_take(document, take.id, number)
        check(document)
        assert joining.blend_of(document, take.id) == blend
    assert [each.blend for each in take_of(document).takes] == [None, 7, 4]


@pytest.mark.parametrize("at_head", [True, False])
def test_a_join_that_was_taken_away_stays_away_when_takes_are_turned(at_head: bool) -> None:
    document = retaken()
    take = take_of(document)
    behind = clips(document, v1(document))[2].id
    document = joining.without_transition(document, take.id if at_head else behind)
    for number in (0, 1):
        document = joining.with_take(document, take.id, number)
        check(document)
    assert joining.blend_of(document, take.id) == 0
    assert take.link is not None
    partners = [document.sequence.clip(each) for each in document.sequence.linked[take.link]]
    assert [each.takes[1].blend for each in partners if each is not None] == [0, 0]


def test_a_persons_transition_that_goes_leaves_the_joins_of_takes_alone() -> None:
    document = retaken()
    take = take_of(document)
    document = edits.set_transition(document, take.id, Transition(TransitionKind.WIPE_LEFT, before=2, after=2))
    document = joining.without_transition(document, take.id)
    assert take_of(document).transition is None
    assert take_of(document).takes[1].blend == 4


def test_sound_crosses_where_the_picture_does() -> None:
    document = retaken(0)
    take = take_of(document)
    assert take.link is not None
    document = joining.with_blend(document, take.id, 6)
    partners = [document.sequence.clip(each) for each in document.sequence.linked[take.link]]
    assert [each.transition for each in partners if each is not None] == [Transition(before=6)] * 2


def test_a_transition_that_a_person_made_stays() -> None:
    document = retaken(0)
    take = take_of(document)
    wipe = Transition(TransitionKind.WIPE_LEFT, before=2, after=2)
    document = edits.set_transition(document, take.id, wipe)
    document = joining.with_blend(document, take.id, 5)
    assert take_of(document).transition == wipe
    assert clips(document, v1(document))[2].transition == Transition(after=5)
    document = joining.with_blend(document, take.id, 0)
    assert take_of(document).transition == replace(wipe)
    assert clips(document, v1(document))[2].transition is None


def test_at_the_ends_of_a_track_there_is_nothing_to_join() -> None:
    document = project((50, 150))
    (place,) = places.in_range(document, 0, 100, locate)
    document = landing.land(document, place, made(100)).document
    take = clips(document, v1(document))[0]
    assert joining.room_for_blend(document, take.id) == 0
    assert joining.with_blend(document, take.id, 4) == document


def two_takes_side_by_side() -> tuple[Document, Clip, Clip]:
    """Frames 40 to 60 made again, then 60 to 80: the cut between them has the join of the first."""
    document = retaken()
    (place,) = places.in_range(document, 60, 80, locate)
    document = landing.land(document, place, made(20)).document
    first, second = clips(document, v1(document))[1:3]
    assert second.transition == Transition(after=4)
    return document, first, second


def test_the_join_between_two_takes_becomes_that_of_the_one_that_stays() -> None:
    document, first, second = two_takes_side_by_side()
    document = joining.without_take(document, first.id, 1)
    check(document)
    left, right = clips(document, v1(document))[1:3]
    assert (len(left.takes), left.transition) == (1, None)  # footage beside itself needs no join
    assert right.transition == Transition(before=4)
    assert second.link is not None
    partners = [document.sequence.clip(each) for each in document.sequence.linked[second.link]]
    assert [each.transition for each in partners if each is not None] == [Transition(before=4)] * 2


def test_a_removed_take_leaves_the_joins_of_its_neighbour() -> None:
    document, first, second = two_takes_side_by_side()
    document = joining.without_take(document, second.id, 1)
    check(document)
    right, last = clips(document, v1(document))[2:4]
    assert (right.transition, last.transition) == (Transition(after=4), None)
    assert clips(document, v1(document))[1].transition == Transition(before=4)
    assert joining.blend_of(document, first.id) == 4


def test_a_take_that_isnt_shown_goes_without_changing_a_join() -> None:
    document, first, _ = two_takes_side_by_side()
    (more,) = made(20, before=2, after=2)
    document = document.with_media(more.media)
    document = edits.add_takes(document, first.id, [Take(more.media.id, more.begin_s, blend=4)], select=False)
    gone = joining.without_take(document, first.id, 2)
    assert [each.transition for each in clips(gone, v1(gone))] == [
        each.transition for each in clips(document, v1(document))
    ]
    shown = joining.without_take(joining.with_take(document, first.id, 2), first.id, 2)  # the one before it again
    assert joining.blend_of(shown, first.id) == 4
