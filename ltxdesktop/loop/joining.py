"""How a take joins what is beside it: a dissolve inside the take's own handles at either cut, or a hard cut.

| A | take | B |  ->  | A >take< B |

The sound beside it crosses with equal power; where only the picture is a take, the sound stays as it is, and the other
way round. A transition that a person made at a cut stays as it is.
"""

from __future__ import annotations

from ltxdesktop.document import edits
from ltxdesktop.document.edits import Edge
from ltxdesktop.document.errors import DocumentError, NoSuchClip
from ltxdesktop.document.handles import handles
from ltxdesktop.document.model import (
    Clip,
    Document,
    Item,
    ItemId,
    Sequence,
    SequenceId,
    Transition,
    TransitionKind,
)

BLEND_FRAMES = 4  # of each join's handles, unless the person wants another length


def joined(document: Document, clip_id: ItemId, blend: int, sequence_id: SequenceId | None = None) -> Document:
    """Dissolve at both cuts of a clip over `blend` frames, or as many as its handles have; where a cut has a
    transition already, or nothing beside it, it stays. 0 frames change nothing. Raises NoSuchClip."""
    return _joined_behind(_joined_before(document, clip_id, blend, sequence_id), clip_id, blend, sequence_id)


def _joined_before(document: Document, clip_id: ItemId, blend: int, sequence_id: SequenceId | None = None) -> Document:
    sequence = _sequence(document, sequence_id)
    left, clip, _ = _beside(sequence, clip_id)
    if left is None or clip.transition is not None:
        return document
    frames = min(blend, handles(clip, document.media, sequence.rate).before, left.duration)
    if frames <= 0:
        return document
    linked = _is_all_before(sequence, clip)
    return _crossed(document, clip_id, Transition(before=frames), sequence_id, linked=linked)


def _joined_behind(document: Document, clip_id: ItemId, blend: int, sequence_id: SequenceId | None = None) -> Document:
    sequence = _sequence(document, sequence_id)
    _, clip, right = _beside(sequence, clip_id)
    if right is None or right.transition is not None:
        return document
    frames = min(blend, handles(clip, document.media, sequence.rate).after, right.duration)
    if frames <= 0:
        return document
    linked = _is_all_behind(sequence, clip, right)
    return _crossed(document, right.id, Transition(after=frames), sequence_id, linked=linked)


def _is_all_before(sequence: Sequence, clip: Clip) -> bool:
    """Whether what begins with a clip, linked to it, is the same take: of a picture alone the sound is as it was."""
    return all(_same_take(each, clip) for each in _beginning_with(sequence, clip))


def _is_all_behind(sequence: Sequence, clip: Clip, right: Clip) -> bool:
    """Whether what begins with the clip behind a take, linked to that clip, has the same take before it."""
    lefts = [_beside(sequence, each.id)[0] for each in _beginning_with(sequence, right)]
    return all(left is not None and _same_take(left, clip) for left in lefts)


def _beginning_with(sequence: Sequence, clip: Clip) -> list[Clip]:
    """Clips that are linked to one and begin at the same frame."""
    members = sequence.linked.get(clip.link, ()) if clip.link is not None else ()
    start = sequence.start_of(clip.id)
    found = (sequence.clip(each) for each in members if each != clip.id and sequence.start_of(each) == start)
    return [each for each in found if each is not None]


def with_take(document: Document, clip_id: ItemId, number: int) -> Document:
    """Show another take, with joins as long as that take's are to be. Raises NoSuchClip, LockedTrack, NotEnoughMedia.

    Without this, a take with short handles would shorten the joins of those that are shown after it.
    """
    document = edits.set_take(document, clip_id, number)
    take = _beside(document.sequence, clip_id)[1].take
    if take is None or take.blend is None:
        return document
    return _rejoined(document, clip_id, take.blend)


def without_take(document: Document, clip_id: ItemId, number: int) -> Document:
    """Take a take away. If it was shown, its joins go with it: the take that is shown instead has its own, and at a cut
    that needs none now, a take on the other side has its again.

    Raises NoSuchClip, LockedTrack, NoSuch, LastOne, NotEnoughMedia.
    """
    was_shown = _beside(document.sequence, clip_id)[1].active == number
    document = edits.remove_take(document, clip_id, number)
    if not was_shown:
        return document
    take = _beside(document.sequence, clip_id)[1].take
    return _rejoined(document, clip_id, take.blend or 0 if take is not None else 0)


def with_blend(document: Document, clip_id: ItemId, blend: int) -> Document:
    """The joins of the shown take over `blend` frames, 0 for hard cuts, whenever it's shown. Raises NoSuchClip."""
    _, clip, _ = _beside(document.sequence, clip_id)
    document = edits.change_take(document, clip_id, clip.active, blend=blend)
    return _rejoined(document, clip_id, blend)


def without_transition(document: Document, clip_id: ItemId, edge: Edge = Edge.HEAD) -> Document:
    """Take the transition at an end of a clip away. If it was a take's join, that take has hard cuts from now on.

    Without this, a join that a person took away would be back as soon as the takes were turned. Raises NoSuchClip,
    LockedTrack.
    """
    left, clip, right = _beside(document.sequence, clip_id)
    first, second = (left, clip) if edge is Edge.HEAD else (clip, right)
    owner = _of_join(first, second)
    document = edits.set_transition(document, clip_id, None, edge)
    if owner is None or not any(take.blend for take in owner.takes):
        return document
    members = document.sequence.linked.get(owner.link, ()) if owner.link is not None else ()
    for each in {owner.id, *members}:
        member = document.sequence.clip(each)
        if member is not None and member.take is not None and _same_take(member, owner):
            document = edits.change_take(document, each, member.active, blend=0)
    return document


def _of_join(first: Clip | None, second: Clip | None) -> Clip | None:
    """Of the clips at a cut the one in whose handles its join lies; None if it has none."""
    if first is None or second is None or second.transition is None:
        return None
    if _is_join(second.transition, at_head=True):
        return second
    return first if _is_join(second.transition, at_head=False) else None


def _same_take(one: Clip, other: Clip) -> bool:
    return one.media is not None and one.media == other.media


def _rejoined(document: Document, clip_id: ItemId, blend: int) -> Document:
    """Other joins instead of those that the clip has; without any, those of the takes beside it."""
    left, clip, right = _beside(document.sequence, clip_id)
    if _is_join(clip.transition, at_head=True):
        linked = _is_all_before(document.sequence, clip)
        document = edits.set_transition(document, clip_id, None, linked=linked)
    if right is not None and _is_join(right.transition, at_head=False):
        linked = _is_all_behind(document.sequence, clip, right)
        document = edits.set_transition(document, right.id, None, linked=linked)
    document = joined(document, clip_id, blend)
    if left is not None and left.take is not None:
        document = _joined_behind(document, left.id, left.take.blend or 0)
    if right is not None and right.take is not None:
        document = _joined_before(document, right.id, right.take.blend or 0)
    return document


def blend_of(document: Document, clip_id: ItemId) -> int:
    """Over how many frames the clip's joins go now: of two that differ the longer. Raises NoSuchClip."""
    _, clip, right = _beside(document.sequence, clip_id)
    head = clip.transition if _is_join(clip.transition, at_head=True) else None
    tail = right.transition if right is not None and _is_join(right.transition, at_head=False) else None
    return max((each.duration for each in (head, tail) if each is not None), default=0)


def room_for_blend(document: Document, clip_id: ItemId) -> int:
    """The longest blend (frames) that a cut of the clip has handles for. Raises NoSuchClip."""
    sequence = document.sequence
    left, clip, right = _beside(sequence, clip_id)
    room = handles(clip, document.media, sequence.rate)
    at_head = min(room.before, left.duration) if left is not None else 0
    at_tail = min(room.after, right.duration) if right is not None else 0
    return max(0, at_head, at_tail)


def _is_join(transition: Transition | None, *, at_head: bool) -> bool:
    """Whether a transition lies all on the other side of the take's cut, in the take's handles, as joins do."""
    if transition is None or transition.kind is not TransitionKind.DISSOLVE:
        return False
    return (transition.after if at_head else transition.before) == 0


def _crossed(
    document: Document, clip_id: ItemId, transition: Transition, sequence_id: SequenceId | None, *, linked: bool
) -> Document:
    try:
        return edits.set_transition(document, clip_id, transition, linked=linked, sequence_id=sequence_id)
    except DocumentError:
        return document  # a hard cut is right too, only less smooth


def _sequence(document: Document, sequence_id: SequenceId | None) -> Sequence:
    wanted = document.sequence.id if sequence_id is None else sequence_id
    return next(each for each in document.sequences if each.id == wanted)


def _beside(sequence: Sequence, clip_id: ItemId) -> tuple[Clip | None, Clip, Clip | None]:
    """What is before a clip without a gap, the clip, and what is behind it."""
    track = sequence.track_of(clip_id)
    place = track.index[clip_id] if track is not None else -1
    items: tuple[Item, ...] = track.items if track is not None else ()
    clip = items[place] if items else None
    if not isinstance(clip, Clip):
        raise NoSuchClip(clip_id)
    left = items[place - 1] if place else None
    right = items[place + 1] if place + 1 < len(items) else None
    return left if isinstance(left, Clip) else None, clip, right if isinstance(right, Clip) else None
