"""A document that breaks rules of `check` set right, losing as little as can be: what a damaged or foreign file needs.

Nothing here is undone silently: every change that a person could see is said in a sentence. What is made up (ids) is
made up the same way each time, so that a journal over a mended file still fits when it is mended again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from types import MappingProxyType

from ltxdesktop.document.check import check, problems_of
from ltxdesktop.document.edits.pieces import room_for_transition
from ltxdesktop.document.edits.placing import misfit
from ltxdesktop.document.handles import handles, handles_of_take, is_endless
from ltxdesktop.document.model import (
    EMPTY,
    Bin,
    BinId,
    Clip,
    Document,
    Effect,
    Gap,
    Item,
    ItemId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    SequenceId,
    Track,
    TrackId,
    TrackKind,
    Transition,
)
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, Declared

_SIZE, _RATE, _SAMPLE_RATE = (1920, 1080), Fraction(25), 48_000  # of a sequence whose own can't be


def mended(document: Document) -> tuple[Document, tuple[str, ...]]:
    """The document with every rule of `check` in force, and what was done for it; itself where nothing was.

    Raises BrokenDocument for what can't be set right: a document without any sequence.
    """
    if not problems_of(document):
        return document, ()
    work = _Mending()
    changed = work.document(document)
    check(changed)
    return changed, work.sentences()


def with_room_for_transitions(document: Document, guessed: Collection[MediaId]) -> Document:
    """The document with media whose length is only guessed taken to hold what transitions show beyond the cuts.

    Another tool's list says which transitions there are, so that the files must be long enough for them.
    """
    media = dict(document.media)
    for sequence in document.sequences:
        for clip, frame in _ends_of_transitions(sequence):
            known = media.get(clip.media) if clip.media is not None else None
            if known is not None and known.id in guessed and not is_endless(clip, known):
                media[known.id] = _at_least(known, clip.media_time(frame, sequence.rate) + 1 / known.rate)
    return document if media == document.media else replace(document, media=MappingProxyType(media))


def _ends_of_transitions(sequence: Sequence) -> Iterator[tuple[Clip, int]]:
    """(clip, the frame of it, in its handles) for both sides of each transition between two clips."""
    for track in sequence.tracks:
        for left, right in pairwise(track.items):
            if isinstance(left, Clip) and isinstance(right, Clip) and right.transition is not None:
                yield left, left.duration - 1 + right.transition.after
                yield right, -right.transition.before


@dataclass
class _Mending:
    """Goes through a document once; counts what it does."""

    said: Counter[str] = field(default_factory=Counter[str])
    taken: set[str] = field(default_factory=set[str])
    media: dict[MediaId, Media] = field(default_factory=dict[MediaId, Media])

    def sentences(self) -> tuple[str, ...]:
        """What was done, the most frequent first."""
        return tuple(f"{words} ({count}×)." if count > 1 else f"{words}." for words, count in self.said.most_common())

    def document(self, document: Document) -> Document:
        bins = self._bins(document.bins)
        self.media = {
            media_id: self._media(replace(media, id=media_id), bins) for media_id, media in document.media.items()
        }
        sequences = tuple(self._sequence(each) for each in self._fresh("sequence", document.sequences))
        active = document.active
        if sequences and all(each.id != active for each in sequences):
            self.said["The sequence that was open isn't there; the first one is open"] += 1
            active = sequences[0].id
        return replace(document, bins=bins, media=MappingProxyType(self.media), sequences=sequences, active=active)

    # ---- ids ---------------------------------------------------------------------------------------------------------

    def _id(self, kind: str, wanted: str) -> str:
        """An id that nobody else of its kind has."""
        free, number = wanted, 1
        while f"{kind} {free}" in self.taken:
            number += 1
            free = f"{wanted}-{number}"
        self.taken.add(f"{kind} {free}")
        return free

    def _fresh(self, kind: str, sequences: Iterable[Sequence]) -> list[Sequence]:
        return [replace(each, id=SequenceId(self._id(kind, each.id))) for each in sequences]

    # ---- library -----------------------------------------------------------------------------------------------------

    def _bins(self, bins: tuple[Bin, ...]) -> tuple[Bin, ...]:
        kept = [replace(each, id=BinId(self._id("bin", each.id))) for each in bins]
        parents = {each.id: each.parent for each in kept}
        for each in kept:
            seen, parent = {each.id}, each.parent
            while parent is not None and parent in parents and parent not in seen:
                seen.add(parent)
                parent = parents[parent]
            if parent is not None:
                self.said[f"The folder “{each.name}” of the media panel lies at the top now"] += 1
                parents[each.id] = None
        return tuple(replace(each, parent=parents[each.id]) for each in kept)

    def _media(self, media: Media, bins: tuple[Bin, ...]) -> Media:
        if media.bin is not None and all(each.id != media.bin for each in bins):
            media = replace(media, bin=None)
        if media.rate <= 0 or media.frames < 0 or media.samples < 0:
            self.said[f"The length of “{media.name}” was impossible: look for the file again"] += 1
            rate = media.rate if media.rate > 0 else _RATE
            media = replace(media, rate=rate, frames=max(0, media.frames), samples=max(0, media.samples))
        return media

    # ---- sequences ---------------------------------------------------------------------------------------------------

    def _sequence(self, sequence: Sequence) -> Sequence:
        if sequence.width < 1 or sequence.height < 1 or sequence.rate <= 0 or sequence.sample_rate < 1:
            self.said[f"“{sequence.name}” had an impossible size or rate: it's 1920×1080 at 25 now"] += 1
            width, height = _SIZE
            sequence = replace(sequence, width=width, height=height, rate=_RATE, sample_rate=_SAMPLE_RATE)
        first, last = sequence.in_frame, sequence.out_frame
        if (first is not None and first < 0) or (last is not None and last <= (first or 0)):
            sequence = replace(sequence, in_frame=None, out_frame=None)
        tracks = tuple(self._track(track, sequence) for track in sequence.tracks)
        markers = tuple(
            replace(each, frame=max(0, each.frame), duration=max(0, each.duration))
            for each in self._markers(sequence.markers)
        )
        return replace(sequence, tracks=tracks, markers=markers)

    def _markers(self, markers: tuple[Marker, ...]) -> tuple[Marker, ...]:
        return tuple(replace(each, id=MarkerId(self._id("marker", each.id))) for each in markers)

    def _track(self, track: Track, sequence: Sequence) -> Track:
        items: list[Item] = []
        for item in track.items:
            if item.duration < 1:
                if isinstance(item, Clip):
                    self.said[f"“{item.name}” lasted no frame and was left out"] += 1
                continue
            item = replace(item, id=ItemId(self._id("item", item.id)))
            if isinstance(item, Clip):
                item = self._clip(item, track.kind, sequence)
            if isinstance(item, Gap) and items and isinstance(items[-1], Gap):
                items[-1] = replace(items[-1], duration=items[-1].duration + item.duration)
            else:
                items.append(item)
        while items and isinstance(items[-1], Gap):
            items.pop()
        pan = min(1.0, max(-1.0, track.pan)) if isfinite(track.pan) else 0.0
        new_id = TrackId(self._id("track", track.id))
        return replace(track, id=new_id, items=tuple(self._with_transitions(items, sequence.rate)), pan=pan)

    # ---- clips -------------------------------------------------------------------------------------------------------

    def _clip(self, clip: Clip, kind: TrackKind, sequence: Sequence) -> Item:
        if clip.takes and clip.content is not None:
            clip = replace(clip, content=None)
        if not clip.takes and clip.content is None:
            self.said[f"“{clip.name}” showed nothing; a gap is in its place"] += 1
            return Gap(clip.id, clip.duration)
        if not 0 <= clip.active < max(1, len(clip.takes)):
            clip = replace(clip, active=0)
        for take in clip.takes:
            if take.media not in self.media:
                self._add_missing(take.media, clip, kind, sequence)
        if why := misfit(clip, kind, self.media):
            self.said[f"“{clip.name}” can't lie on its track ({why}); a gap is in its place"] += 1
            return Gap(clip.id, clip.duration)
        clip = self._within_media(clip, sequence.rate)
        markers = self._markers(clip.markers)
        values = self._values(clip.values, PARAMETERS, clip.name)
        return self._with_fades(replace(clip, markers=markers, values=values, effects=self._effects(clip)))

    def _add_missing(self, media_id: MediaId, clip: Clip, kind: TrackKind, sequence: Sequence) -> None:
        """Media that the project doesn't know any more, so that the clip stays and the file can be found again."""
        self.said[f"The media of “{clip.name}” weren't listed any more: look for the file"] += 1
        sound = kind is TrackKind.AUDIO
        self.media[media_id] = Media(
            media_id, clip.name, clip.name, MediaKind.AUDIO if sound else MediaKind.VIDEO, sequence.rate,
            width=0 if sound else sequence.width, height=0 if sound else sequence.height,
            sample_rate=sequence.sample_rate if sound else 0, channels=2 if sound else 0,
        )  # fmt: skip

    def _within_media(self, clip: Clip, rate: Fraction) -> Clip:
        """A clip that begins before its media begins with them; media that are too short are taken to be longer:
        what is on the timeline stays, and the file itself says how long it is when it's looked at."""
        take, media = clip.take, self.media.get(clip.media) if clip.media is not None else None
        if take is None or media is None or is_endless(clip, media) or min(handles(clip, self.media, rate)) >= 0:
            return clip
        self.said[f"“{clip.name}” showed more than its media have"] += 1
        first, last = clip.media_time(0, rate), clip.media_time(clip.duration - 1, rate)
        lowest, highest = min(first, last), max(first, last)
        if lowest < 0:
            moved = tuple(replace(each, start_s=each.start_s - lowest) for each in clip.takes)
            clip, highest = replace(clip, takes=moved), highest - lowest
        longer = _at_least(media, highest + 1 / media.rate)
        if min(handles_of_take(clip, clip.takes[clip.active], media, rate)) < 0:
            self.media[media.id] = longer
        return clip

    def _with_fades(self, clip: Clip) -> Clip:
        fade_in, fade_out = max(0, clip.fade_in), max(0, clip.fade_out)
        fade_in = min(fade_in, clip.duration)
        fade_out = min(fade_out, clip.duration - fade_in)
        if (fade_in, fade_out) == (clip.fade_in, clip.fade_out):
            return clip
        self.said["Fades were longer than their clips and are shorter now"] += 1
        return replace(clip, fade_in=fade_in, fade_out=fade_out)

    # ---- numbers and effects -----------------------------------------------------------------------------------------

    def _effects(self, clip: Clip) -> tuple[Effect, ...]:
        found: list[Effect] = []
        taken: set[str] = set()
        for effect in clip.effects:
            declared = EFFECTS.get(effect.kind)
            if declared is None:
                self.said[f"The effect “{effect.kind}” isn't known here and was left out"] += 1
                continue
            number, new_id = 1, effect.id
            while new_id in taken:
                number += 1
                new_id = f"{effect.id}-{number}"
            taken.add(new_id)
            texts = {name: text for name, text in effect.texts.items() if name in declared.texts}
            values = self._values(effect.values, declared.parameters, clip.name)
            frozen = effect.texts if len(texts) == len(effect.texts) else MappingProxyType(texts) if texts else EMPTY
            found.append(replace(effect, id=new_id, values=values, texts=frozen))
        return tuple(found)

    def _values(
        self, values: Mapping[str, Parameter], declared: Mapping[str, Declared], clip: str
    ) -> Mapping[str, Parameter]:
        kept: dict[str, Parameter] = {}
        for name, value in values.items():
            if name not in declared:
                self.said[f"“{clip}” had a number “{name}” that isn't known here; it was left out"] += 1
                continue
            kept[name] = _possible(value, declared[name])
            if kept[name] != value:
                self.said[f"{declared[name].label} of “{clip}” was impossible and was set right"] += 1
        return values if kept == values else MappingProxyType(kept) if kept else EMPTY

    # ---- transitions -------------------------------------------------------------------------------------------------

    def _with_transitions(self, items: list[Item], rate: Fraction) -> list[Item]:
        """The items, with transitions made shorter or taken away where they don't fit."""
        for place, item in enumerate(items):
            if not isinstance(item, Clip) or (item.transition is None and item.tail is None):
                continue
            left = items[place - 1] if place else None
            right = items[place + 1] if place + 1 < len(items) else None
            head = self._fitted(item.transition, lambda made, left=left, clip=item: self._head(made, left, clip, rate))
            used = head.after if head is not None else 0

            def tail_of(
                made: Transition, right: Item | None = right, clip: Clip = item, used: int = used
            ) -> Transition:
                room = 0 if isinstance(right, Clip) else clip.duration - used
                return replace(made, before=min(room, max(0, made.before)), after=0)

            items[place] = replace(item, transition=head, tail=self._fitted(item.tail, tail_of))
        return items

    def _head(self, made: Transition, left: Item | None, clip: Clip, rate: Fraction) -> Transition:
        before, after = 0, clip.duration
        if isinstance(left, Clip):
            reach, back = handles(left, self.media, rate).after, handles(clip, self.media, rate).before
            before, after = room_for_transition(left, clip, reach, back)
        return replace(made, before=min(before, max(0, made.before)), after=min(after, max(0, made.after)))

    def _fitted(self, made: Transition | None, fit: Callable[[Transition], Transition]) -> Transition | None:
        if made is None:
            return None
        fitted = fit(made)
        if fitted != made:
            self.said["Transitions didn't fit their clips and are shorter now, or gone"] += 1
        return fitted if fitted.duration > 0 else None


def _possible(value: Parameter, declared: Declared) -> Parameter:
    """A parameter with its numbers within their limits and its keys in order, one for a frame."""

    def bounded(number: float) -> float:
        return min(declared.maximum, max(declared.minimum, number)) if isfinite(number) else declared.default

    keys = {key.frame: replace(key, value=bounded(key.value)) for key in value.keys}
    return Parameter(bounded(value.value), tuple(keys[frame] for frame in sorted(keys)))


def _at_least(media: Media, seconds: Fraction) -> Media:
    """The media, taken to last so long."""
    frames, samples = -(-seconds * media.rate // 1), -(-seconds * (media.sample_rate or 1) // 1)
    if not media.has_picture:
        return replace(media, samples=max(media.samples, int(samples)))
    grown = replace(media, frames=max(media.frames, int(frames)))
    return replace(grown, samples=max(media.samples, int(samples))) if media.has_sound else grown
