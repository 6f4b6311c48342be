"""Transitions at the ends of clips, and fades."""

from __future__ import annotations

from dataclasses import replace

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.edits.pieces import room_for_transition, shortened
from ltxdesktop.document.edits.trimming import Edge
from ltxdesktop.document.errors import BadValue, NoHandles
from ltxdesktop.document.handles import handles
from ltxdesktop.document.model import Clip, Document, Item, ItemId, SequenceId, Transition, TransitionKind


def centred(kind: TransitionKind, frames: int) -> Transition:
    """A transition whose middle is the cut; of an odd length the longer half comes after it."""
    return Transition(kind, frames // 2, frames - frames // 2)


def set_transition(
    document: Document,
    clip_id: ItemId,
    transition: Transition | None,
    edge: Edge = Edge.HEAD,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Put a transition over the cut at an end of a clip, or take it away (None).

    | A | B |  ->  | A >< B |

    At a cut both sides show their handles. Towards a gap or an end of the track all of it lies within the clip: a fade
    from or to nothing. Linked clips that are cut at the same frame get it too, as far as it fits there.
    Raises NoSuchClip, LockedTrack, BadValue for less than one frame, NoHandles with what would fit.
    """
    desk = Desk(document, sequence_id)
    if transition is not None and (transition.duration < 1 or transition.before < 0 or transition.after < 0):
        raise BadValue("A transition lasts one frame at least.")
    cut = _Cut(desk, clip_id, edge)
    cut.put(transition, exactly=True)
    for other_id in desk.family([clip_id], linked=linked)[1:]:
        other = _Cut(desk, other_id, edge)
        if other.frame == cut.frame:
            other.put(transition, exactly=False)
    return desk.document()


def transition_room(
    document: Document, clip_id: ItemId, edge: Edge = Edge.HEAD, *, sequence_id: SequenceId | None = None
) -> tuple[int, int]:
    """How many frames before and after the cut at an end of a clip a transition can last. Raises NoSuchClip."""
    return _Cut(Desk(document, sequence_id), clip_id, edge).room()


class _Cut:
    """An end of a clip, with what is on both sides of it."""

    def __init__(self, desk: Desk, clip_id: ItemId, edge: Edge) -> None:
        desk.clip(clip_id)
        self._desk = desk
        self._number = desk.home(clip_id)
        track = desk.tracks[self._number]
        self._items = track.items
        self._right_place = track.index[clip_id] + (edge is Edge.TAIL)
        self.frame = track.starts[self._right_place]
        self.left = self._clip_at(self._right_place - 1)
        self.right = self._clip_at(self._right_place)

    def _clip_at(self, place: int) -> Clip | None:
        item: Item | None = self._items[place] if 0 <= place < len(self._items) else None
        return item if isinstance(item, Clip) else None

    def room(self) -> tuple[int, int]:
        """Frames before and after the cut that a transition may last, beside the clips' other transitions."""
        left, right, desk = self.left, self.right, self._desk
        if left is not None and right is not None:
            before, after = room_for_transition(
                left, right, handles(left, desk.media, desk.rate).after, handles(right, desk.media, desk.rate).before
            )
            return max(0, before), max(0, min(after, right.duration - self._used_behind()))
        if right is not None:
            return 0, right.duration - self._used_behind()
        assert left is not None
        return left.duration - (left.transition.after if left.transition else 0), 0

    def _used_behind(self) -> int:
        """Frames at the right clip's end that its next transition takes."""
        assert self.right is not None
        following = self._clip_at(self._right_place + 1)
        if following is not None and following.transition is not None:
            return following.transition.before
        return self.right.tail.before if self.right.tail else 0

    def put(self, transition: Transition | None, *, exactly: bool) -> None:
        self._desk.require_unlocked(self._number)
        before, after = self.room()
        if transition is not None:
            fits = self._at_one_side(transition)
            if exactly and (fits.before > before or fits.after > after):
                named = self.right or self.left
                assert named is not None
                raise NoHandles(named.name, fits.duration, before, after)
            transition = shortened(fits, before, after)
        if self.right is not None:
            self._desk.change(replace(self.right, transition=transition))
        elif self.left is not None:
            self._desk.change(replace(self.left, tail=transition))

    def _at_one_side(self, transition: Transition) -> Transition:
        if self.left is None:
            return replace(transition, before=0, after=transition.duration)
        if self.right is None:
            return replace(transition, before=transition.duration, after=0)
        return transition


def set_fades(
    document: Document,
    clip_id: ItemId,
    fade_in: int | None = None,
    fade_out: int | None = None,
    *,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Let a clip fade in and out over so many frames: sound with equal power, pictures from and to nothing.

    Of this clip only, so that picture and sound can fade differently; None leaves a fade as it is.
    Raises NoSuchClip, LockedTrack, BadValue if the two are longer than the clip.
    """
    desk = Desk(document, sequence_id)
    clip = desk.clip(clip_id)
    desk.require_unlocked(desk.home(clip_id), clip.name)
    begin = clip.fade_in if fade_in is None else fade_in
    end = clip.fade_out if fade_out is None else fade_out
    if begin < 0 or end < 0 or begin + end > clip.duration:
        raise BadValue(f"Fades of {begin} and {end} frames don't fit into the {clip.duration} of {clip.name!r}.")
    desk.change(replace(clip, fade_in=begin, fade_out=end))
    return desk.document()
