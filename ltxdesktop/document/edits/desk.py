"""The desk on which one edit cuts and joins: a working copy of a sequence that ends as a new document.

Edits look up what they need, raise what they refuse, then cut on the desk and take `desk.document()`. The desk itself
keeps three promises, so that no edit has to think of them: gaps are in canonical form (never two in a row, none at a
track's end), transitions fit what they cross, and the halves of split links find each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Listed
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from ltxdesktop.document.edits.pieces import common, merged_gaps, new_gap, part, room_for_transition, shortened
from ltxdesktop.document.errors import LockedTrack, NoSuchClip, NoSuchSequence, NoSuchTrack
from ltxdesktop.document.handles import handles
from ltxdesktop.document.lookup import with_links_of_many
from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    Item,
    ItemId,
    LinkId,
    Marker,
    Sequence,
    SequenceId,
    Track,
    TrackId,
    Transition,
    new_id,
)

MANY = 100  # clips of one edit: then everything is gone through once, instead of looking for each


def sequence_of(document: Document, sequence_id: SequenceId | None) -> Sequence:
    """The sequence of that id, or the one that is open. Raises NoSuchSequence."""
    if sequence_id is None:
        return document.sequence
    found = next((sequence for sequence in document.sequences if sequence.id == sequence_id), None)
    if found is None:
        raise NoSuchSequence(sequence_id)
    return found


class Desk:
    """One edit's working copy. `before` stays what it was; `tracks` change; tracks are named by their number."""

    def __init__(self, document: Document, sequence_id: SequenceId | None = None) -> None:
        self.before = sequence_of(document, sequence_id)
        self.tracks: list[Track] = list(self.before.tracks)
        self.markers: tuple[Marker, ...] = self.before.markers
        self.media = document.media
        self._document = document
        self._roots: dict[ItemId, tuple[ItemId, int]] = {}  # of cut-off pieces: the clip before, and where in it
        self._parents: dict[LinkId, LinkId] = {}  # of links that were made for right-hand pieces
        self._right_links: dict[tuple[LinkId, int], LinkId] = {}
        self._touched_links: dict[LinkId, None] = {}  # in the order in which they were touched

    @property
    def rate(self) -> Fraction:
        return self.before.rate

    # ---- looking ----------------------------------------------------------------------------------------------------

    def number(self, track_id: TrackId) -> int:
        """Raises NoSuchTrack."""
        for number, track in enumerate(self.tracks):
            if track.id == track_id:
                return number
        raise NoSuchTrack(track_id)

    def home(self, item_id: ItemId) -> int:
        """The number of the track that an item is on. Raises NoSuchClip."""
        for number, track in enumerate(self.tracks):
            if item_id in track.index:
                return number
        raise NoSuchClip(item_id)

    def clip(self, clip_id: ItemId) -> Clip:
        """Raises NoSuchClip."""
        for track in self.tracks:
            place = track.index.find(clip_id)
            if place is not None and isinstance(item := track.items[place], Clip):
                return item
        raise NoSuchClip(clip_id)

    def start(self, item_id: ItemId) -> int:
        track = self.tracks[self.home(item_id)]
        return track.starts[track.index[item_id]]

    def spots(self, clip_ids: Iterable[ItemId]) -> Iterator[tuple[int, int, Clip]]:
        """Clips, track by track: the number of the track, the first frame, and the clip. Raises NoSuchClip."""
        for number, ids in self.by_track(clip_ids).items():
            track = self.tracks[number]
            for clip_id in ids:
                place = track.index[clip_id]
                item = track.items[place]
                if not isinstance(item, Clip):
                    raise NoSuchClip(clip_id)
                yield number, track.starts[place], item

    def members(self, link: LinkId) -> list[ItemId]:
        return [clip_id for track in self.tracks for clip_id in track.links.of(link)]

    def family(self, clip_ids: Iterable[ItemId], *, linked: bool = True) -> list[ItemId]:
        """Clips and all that they're linked with, each once, those that were named first.

        Raises NoSuchClip, and LockedTrack if one of them is on a locked track.
        """
        found = dict.fromkeys(clip_ids)
        if len(found) > MANY:
            partners = with_links_of_many(self.tracks, found)
            found |= dict.fromkeys(partners if linked else ())
        else:
            for clip_id in list(found):
                link = self.clip(clip_id).link
                if linked and link is not None:
                    found.update(dict.fromkeys(self.members(link)))
        if any(track.locked for track in self.tracks):
            for clip_id in found:
                self.require_unlocked(self.home(clip_id), self.clip(clip_id).name)
        return list(found)

    def require_unlocked(self, number: int, clip: str = "") -> None:
        """Raises LockedTrack."""
        if self.tracks[number].locked:
            raise LockedTrack(self.tracks[number].name, clip)

    def free_numbers(self) -> list[int]:
        """The tracks that may change."""
        return [number for number, track in enumerate(self.tracks) if not track.locked]

    # ---- cutting ----------------------------------------------------------------------------------------------------

    def splice(self, number: int, first: int, last: int, new: Listed[Item]) -> None:
        """Replace the items of places [first, last)."""
        self.tracks[number] = self.tracks[number].spliced(first, last, tuple(new))

    def change(self, clip: Clip) -> None:
        """Put a clip in the place of the one with its id."""
        number = self.home(clip.id)
        place = self.tracks[number].index[clip.id]
        self.splice(number, place, place + 1, [clip])

    def change_all(self, clips: Iterable[Clip]) -> None:
        """Put clips in the places of those with their ids: many at once."""
        for number, ids in self.by_track(changed := {clip.id: clip for clip in clips}).items():
            track = self.tracks[number]
            places = [track.index[clip_id] for clip_id in ids]
            first, last = min(places), max(places) + 1
            new = [changed.get(item.id, item) for item in track.items[first:last]]
            self.splice(number, first, last, new)

    def reshape(self, clip: Clip, first: int, last: int) -> None:
        """Let a clip show frames [first, last) of itself, which may lie in its handles, at the place it has."""
        root, offset = self._roots.get(clip.id, (clip.id, 0))
        self._roots[clip.id] = (root, offset + first)
        self.change(part(clip, first, last, self.rate))

    def cut(self, number: int, frame: int) -> int:
        """Make sure that an item begins at a frame; returns its place. Beyond the track's end a gap leads there."""
        track = self.tracks[number]
        if frame > track.duration:
            self.splice(number, len(track.items), len(track.items), [new_gap(frame - track.duration)])
            return len(track.items) + 1
        place = bisect_right(track.starts, frame) - 1
        inside = frame - track.starts[place]
        if not inside:
            return place
        halves = self._parted(track.items[place], inside, frame)
        self.splice(number, place, place + 1, halves)
        return place + 1

    def _halves(self, clip: Clip, inside: int, frame: int) -> tuple[Clip, Clip]:
        left = part(replace(clip, fade_out=0, tail=None), 0, inside, self.rate)
        right = part(replace(clip, fade_in=0, transition=None), inside, clip.duration, self.rate)
        link = clip.link
        if link is not None:
            fresh = self._right_links.setdefault((link, frame), LinkId(new_id()))
            self._parents[fresh] = link
            self._touched_links[self._root_link(link)] = None
            link = fresh
        right = replace(right, id=ItemId(new_id()), link=link)
        root, offset = self._roots.get(clip.id, (clip.id, 0))
        self._roots[right.id] = (root, offset + inside)
        left = replace(left, markers=tuple(marker for marker in left.markers if marker.frame < inside))
        right = replace(right, markers=tuple(marker for marker in right.markers if marker.frame >= 0))
        return left, right

    def cut_out(self, number: int, first: int, last: int) -> tuple[int, int]:
        """Make frames [first, last) items of their own; returns the places that they take.

        What is left of a clip keeps its id, whichever end is cut away; of a clip cut in the middle the left piece does.
        """
        is_edge = first >= self.tracks[number].duration or self._starts_at(number, first)
        begin = self.cut(number, first)
        track = self.tracks[number]
        end = track.place_at(last)
        if end is None or track.starts[end] == last:
            return begin, self.cut(number, last)
        item = track.items[end]
        if isinstance(item, Gap) or (end == begin and not is_edge):
            return begin, self.cut(number, last)
        self.splice(number, end, end + 1, self._beheaded(item, last - track.starts[end]))
        return begin, end + 1

    def _starts_at(self, number: int, frame: int) -> bool:
        starts = self.tracks[number].starts
        return starts[bisect_right(starts, frame) - 1] == frame

    def _beheaded(self, clip: Clip, inside: int) -> tuple[Gap, Clip]:
        """A clip without its first frames, and a gap in their place."""
        root, offset = self._roots.get(clip.id, (clip.id, 0))
        self._roots[clip.id] = (root, offset + inside)
        rest = part(replace(clip, fade_in=0, transition=None), inside, clip.duration, self.rate)
        return new_gap(inside), rest

    def clear(self, number: int, first: int, last: int) -> int:
        """Empty frames [first, last), cutting clips that reach out of it; returns the place of the gap, which may be
        the last item."""
        begin, end = self.cut_out(number, first, last)
        self.splice(number, begin, end, [new_gap(last - first)])
        return begin

    def lay_all(self, number: int, placed: Iterable[tuple[int, Clip]]) -> None:
        """Overwrite with clips at their frames; the later wins where two overlap."""
        ordered = sorted(placed, key=lambda one: one[0])
        if any(start + clip.duration > later for (start, clip), (later, _) in pairwise(ordered)):
            for one in ordered:
                self.lay_all(number, [one])
            return
        if not ordered:
            return
        first, last = ordered[0][0], ordered[-1][0] + ordered[-1][1].duration
        if last > self.tracks[number].duration:
            self.cut(number, last)  # a gap up to there
        track = self.tracks[number]
        begin, end = bisect_right(track.starts, first) - 1, bisect_left(track.starts, last)
        new = self._overlaid(list(track.items[begin:end]), track.starts[begin], ordered)
        self.splice(number, begin, end, new)

    def _overlaid(self, items: list[Item], frame: int, placed: Listed[tuple[int, Clip]]) -> list[Item]:
        """Items that begin at a frame, with clips laid over them; in one pass."""
        waiting = deque(items)
        done: list[Item] = []
        for start, clip in placed:
            while frame < start:
                item = waiting.popleft()
                frame += item.duration
                if frame > start:
                    item, rest = self._parted(item, item.duration - (frame - start), start)
                    waiting.appendleft(rest)
                    frame = start
                done.append(item)
            done.append(clip)
            while frame < start + clip.duration:
                item = waiting.popleft()
                frame += item.duration
                over = frame - (start + clip.duration)
                if over > 0:
                    gone = item.duration - over
                    rest = Gap(item.id, over) if isinstance(item, Gap) else self._beheaded(item, gone)[1]
                    waiting.appendleft(rest)
                    frame -= over
        return [*done, *waiting]

    def _parted(self, item: Item, inside: int, frame: int) -> tuple[Item, Item]:
        """The two halves of an item; `frame` is that of the cut."""
        if isinstance(item, Gap):
            return replace(item, duration=inside), new_gap(item.duration - inside)
        return self._halves(item, inside, frame)

    def take_off(self, clip_ids: Iterable[ItemId]) -> None:
        """Replace clips by gaps."""
        for number, ids in self.by_track(clip_ids).items():
            track = self.tracks[number]
            places = sorted(track.index[clip_id] for clip_id in ids)
            first, last = places[0], places[-1] + 1
            gone = set(places)
            kept: list[Item] = []
            hole = 0  # one gap for all clips side by side: an id for each of 10,000 would take longer than the rest
            for place, item in enumerate(track.items[first:last], first):
                if place in gone:
                    hole += item.duration
                    continue
                if hole:
                    kept.append(new_gap(hole))
                    hole = 0
                kept.append(item)
            if hole:
                kept.append(new_gap(hole))
            self.splice(number, first, last, merged_gaps(kept))

    def by_track(self, item_ids: Iterable[ItemId]) -> dict[int, list[ItemId]]:
        """Items by the number of their track. Raises NoSuchClip."""
        found: dict[int, list[ItemId]] = {}
        rest = list(item_ids)
        for number, track in enumerate(self.tracks):
            here = track.index.among(frozenset(rest))
            if here:
                found[number] = [item_id for item_id in rest if item_id in here]
                rest = [item_id for item_id in rest if item_id not in here]
        if rest:
            raise NoSuchClip(rest[0])
        return found

    def touch_link(self, link: LinkId | None) -> None:
        """Let the members of a link that this edit shifts apart part in peace, at the end."""
        if link is not None:
            self._touched_links[self._root_link(link)] = None

    # ---- the end ----------------------------------------------------------------------------------------------------

    def document(self) -> Document:
        """The document with this desk's sequence; the very same document if nothing changed."""
        self._mend_links()
        tracks = tuple(self._tidied(old, new) for old, new in self._pairs())
        before = self.before
        same = len(tracks) == len(before.tracks) and all(a is b for a, b in zip(tracks, before.tracks, strict=True))
        if same and self.markers is before.markers:
            return self._document
        changed = replace(before, tracks=before.tracks if same else tracks, markers=self.markers)
        return self._document.with_sequence(changed)

    def _pairs(self) -> list[tuple[Track | None, Track]]:
        old = {track.id: track for track in self.before.tracks}
        return [(old.get(track.id), track) for track in self.tracks]

    def _tidied(self, old: Track | None, new: Track) -> Track:
        """Canonical gaps and fitting transitions where a track was changed."""
        if old is new or (old is not None and old.items is new.items):
            return new
        was = () if old is None else old.items
        items = new.items
        first = common(was, items)
        last = len(items) - common(was[first:][::-1], items[first:][::-1])
        if first > 0 and isinstance(items[first - 1], Gap):
            first -= 1
        if last < len(items) and isinstance(items[last], Gap):
            last += 1
        middle = merged_gaps(items[first:last])
        if last == len(items) and middle and isinstance(middle[-1], Gap):
            middle.pop()
        if tuple(middle) != items[first:last]:
            new = new.spliced(first, last, tuple(middle))
        return self._settled(new, max(0, first - 1), min(len(new.items), first + len(middle) + 1))

    def _settled(self, track: Track, first: int, last: int) -> Track:
        items = list(track.items[first:last])
        left = track.items[first - 1] if first else None
        for place, item in enumerate(items):
            if isinstance(item, Clip):
                right = track.items[first + place + 1] if first + place + 1 < len(track.items) else None
                items[place] = item = self._with_fitting_transitions(left, item, right)
            left = item
        return track if tuple(items) == track.items[first:last] else track.spliced(first, last, tuple(items))

    def _with_fitting_transitions(self, left: Item | None, clip: Clip, right: Item | None) -> Clip:
        head, tail = clip.transition, clip.tail
        if head is not None:
            fits = self._fitting_head(left, clip, head)
            clip = clip if fits == head else replace(clip, transition=fits)
        if tail is not None:
            taken = clip.transition.after if clip.transition else 0
            free = 0 if isinstance(right, Clip) else clip.duration - taken
            fits = shortened(tail, free, 0)
            clip = clip if fits == tail else replace(clip, tail=fits)
        return clip

    def _fitting_head(self, left: Item | None, clip: Clip, head: Transition) -> Transition | None:
        """What is left of a transition: none if the clip before was another, no more than handles and lengths allow."""
        if not isinstance(left, Clip):
            return shortened(head, 0, clip.duration) if head.before == 0 and not self._had_left(clip) else None
        if self._had_left(clip) and self._left_before(clip) != self._roots.get(left.id, (left.id, 0))[0]:
            return None
        before, after = room_for_transition(
            left, clip, handles(left, self.media, self.rate).after, handles(clip, self.media, self.rate).before
        )
        return shortened(head, before, after)

    def _had_left(self, clip: Clip) -> bool:
        return self._left_before(clip) is not None

    def _left_before(self, clip: Clip) -> ItemId | None:
        track = self.before.track_of(clip.id)
        place = 0 if track is None else track.index[clip.id]
        left = track.items[place - 1] if track is not None and place else None
        return left.id if isinstance(left, Clip) else None

    def _root_link(self, link: LinkId) -> LinkId:
        while link in self._parents:
            link = self._parents[link]
        return link

    def _mend_links(self) -> None:
        """Give pieces of split links back to each other.

        Pieces of one link stay together if they were cut off at the same frame, and only those that moved by the same
        distance: what an insert pushed away is a pair of its own. A piece that would be alone stays with the link that
        it was cut from.
        """
        for root in self._touched_links:
            labels = [root, *(fresh for fresh in self._parents if self._root_link(fresh) == root)]
            members = [(label, clip_id) for label in labels for clip_id in self.members(label)]
            groups: dict[tuple[LinkId, int], list[ItemId]] = {}
            for label, clip_id in members:
                groups.setdefault((label, self._displacement(clip_id)), []).append(clip_id)
            for (label, shift), ids in list(groups.items()):
                parent = self._parents.get(label)
                while parent is not None and len(ids) == 1 and (parent, shift) not in groups:
                    parent = self._parents.get(parent)
                if parent is not None and len(ids) == 1:
                    groups[parent, shift] += groups.pop((label, shift))
            named: set[LinkId] = set()
            for (label, _), ids in groups.items():
                self._name_link(ids, label if label not in named else LinkId(new_id()))
                named.add(label)

    def _name_link(self, clip_ids: list[ItemId], link: LinkId) -> None:
        for clip_id in clip_ids:
            clip = self.clip(clip_id)
            if clip.link != link:
                self.change(replace(clip, link=link))

    def _displacement(self, clip_id: ItemId) -> int:
        """How far an item is from where its picture was before the edit (frames); 0 for new clips."""
        root, offset = self._roots.get(clip_id, (clip_id, 0))
        was = self.before.start_of(root)
        if was is None:
            return 0
        return self.start(clip_id) - was - offset
