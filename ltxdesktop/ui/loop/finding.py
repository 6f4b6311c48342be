"""Which place of the timeline is meant: the range, what is selected, or the playhead; and what the panel says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ltxdesktop.document.model import Clip, Document, ItemId, MediaKind, Track, TrackKind
from ltxdesktop.loop import places
from ltxdesktop.loop.asking import Wish
from ltxdesktop.loop.errors import LoopError, NoNeighbours
from ltxdesktop.loop.places import Locate, OfClip, Place
from ltxdesktop.ui.loop.panel import Action, Shown
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import seconds_of, short_timecode

OF_A_CLIP: tuple[Action, ...] = ("retake", "replace", "extend", "new")
VERBS: dict[Action, str] = {"retake": "Retake", "replace": "Replace", "extend": "Extend", "new": "Generate"}


@dataclass(frozen=True)
class Extension:
    """A clip of which an end was dragged beyond its media with the tool. Which end, the panel says from then on."""

    clip: ItemId
    frames: int  # of the sequence


@dataclass(frozen=True)
class Found:
    """Places that would be made, one job for each, and the words for them."""

    places: tuple[Place, ...]
    shown: Shown
    picture: str = ""  # a file that a new clip begins with
    sound: str = ""  # a file that it follows
    heard: tuple[int, int] = (0, 0)  # which of its samples: the first, and how many
    frames: int = 0  # that a new clip is to have; 0: as the panel says
    problem: str = ""  # why it can't be done here; something else can

    def complete(self, wish: Wish) -> Wish:
        """What the panel says, with the file that the place begins with or follows."""
        frames = self.frames or wish.frames
        return replace(wish, picture=self.picture, sound=self.sound, heard=self.heard, frames=frames)


@dataclass(frozen=True)
class Finder:
    """Looks in one document, as it is now.

    `action` is what the person chose last, `frames` the length that the panel says (0: not said), `direction` the end
    at which a clip is extended, and `locate` gives a media's file, "" if it's missing.
    """

    document: Document
    selection: Selection
    playhead: int
    action: Action
    frames: int
    direction: Literal["forward", "backward"]
    chosen_last: bool  # whether something was selected since the range was marked
    locate: Locate

    def find(self, extension: Extension | None) -> Found:
        """A dragged end, else the range, else what is selected, else the playhead.

        What was selected after the range was marked, and lies elsewhere, goes before it. Raises LoopError.
        """
        sequence, selection = self.document.sequence, self.selection
        if extension is not None:
            return self._extending(extension.clip, self.frames or extension.frames)
        first, last = sequence.in_frame, sequence.out_frame
        if first is not None and last is not None and first < last and not self._chosen_beside(first, last):
            return self._in_range(first, last)
        if selection.gap is not None:
            return self._in_gap(selection.gap)
        subject = self._film_clip()
        if subject is not None:
            return self._at_clip(*subject)
        heard = self._sound_clip()
        if heard is not None:
            return self._to_sound(heard)
        place = places.at_frame(self.document, self.playhead)
        words = f"At {short_timecode(place.frame, sequence.rate)}"
        return Found((place,), Shown("New clip", words, ("new",), length=True, size=True, verb="Generate"))

    def _in_range(self, first: int, last: int) -> Found:
        document, sequence = self.document, self.document.sequence
        clips = self._named_in(first, last)
        found, left_out = places.in_range_and_not(document, first, last, self.locate, clips=clips)
        clip = sequence.clip(found[0].clip)
        assert clip is not None
        starts = [(sequence.start_of(each.clip) or 0) + each.first for each in found]
        first, last = min(starts), max(at + each.frames for at, each in zip(starts, found, strict=True))
        start, end = (short_timecode(frame, sequence.rate) for frame in (first, last))
        words = f"{start} to {end}, {seconds_of(last - first, sequence.rate)}"
        words += f", {len(found)} clips: one job for each" if len(found) > 1 else f", of {self._named(clip)}"
        if left_out:
            named_out = " and ".join(f"“{name}”" for name in left_out)
            words += f". {named_out} {'stays as it is' if len(left_out) == 1 else 'stay as they are'}"
        return self._of_clips(found, words, ("retake", "replace"))

    def _of_clips(self, found: tuple[OfClip, ...], words: str, actions: tuple[Action, ...]) -> Found:
        """Made again, or another shot instead."""
        if self.action == "replace":
            anew = tuple(replace(each, anew=True) for each in found)
            shown = Shown("Replace", words, actions, size=True, verb="Replace", action="replace")
            return Found(anew, shown)
        heard = any(self.document.media[each.media].has_sound for each in found)
        return Found(found, Shown("Retake", words, actions, has_sound=heard, verb="Retake", action="retake"))

    def _in_gap(self, gap: ItemId) -> Found:
        """Led from one neighbour to the other; where one is missing, and where it's wished, a clip of its own."""
        try:
            place = places.gap(self.document, gap, self.locate)
        except NoNeighbours:
            return self._new_in_gap(gap, ("new",))
        if self.action == "new":
            return self._new_in_gap(gap, ("fill", "new"))
        length = seconds_of(place.frames, self.document.sequence.rate)
        words = f"{length} between two clips, exactly as long as the gap"
        return Found((place,), Shown("Fill the gap", words, ("fill", "new"), has_sound=False, size=True, verb="Fill"))

    def _new_in_gap(self, gap: ItemId, actions: tuple[Action, ...]) -> Found:
        sequence = self.document.sequence
        track = sequence.track_of(gap)
        if track is None or track.kind is not TrackKind.VIDEO:
            raise NoNeighbours
        frames = track.items[track.index[gap]].duration
        place = places.at_frame(self.document, track.starts[track.index[gap]], track.id)
        words = f"{seconds_of(frames, sequence.rate)}, exactly as long as the gap"
        return Found(
            (place,), Shown("New clip", words, actions, size=True, verb="Generate", action="new"), frames=frames
        )

    def _at_clip(self, clip: Clip, track: Track) -> Found:
        document = self.document
        media = document.media[clip.media] if clip.media is not None else None
        if media is not None and media.kind is MediaKind.STILL:
            words = f"Begins with the picture {self._named(clip)}, and is put behind it"
            shown = Shown("From a picture", words, ("new",), length=True, size=True, verb="Generate")
            return Found((places.behind_clip(document, clip.id, track.id),), shown, picture=self.locate(media))
        try:
            return self._made_from(clip, track)
        except LoopError as error:  # the other actions stay at hand
            action: Action = self.action if self.action in OF_A_CLIP else "retake"
            return Found((), Shown("Make", "", OF_A_CLIP, verb=VERBS[action], action=action), problem=str(error))

    def _made_from(self, clip: Clip, track: Track) -> Found:
        """What the chosen action makes of a clip with footage. Raises LoopError."""
        document, sequence, actions = self.document, self.document.sequence, OF_A_CLIP
        if self.action == "extend":
            return self._extending(clip.id, max(1, self.frames or round(2 * sequence.rate)))
        if self.action == "new":
            words = f"Behind {self._named(clip)}"
            shown = Shown("New clip", words, actions, length=True, size=True, verb="Generate", action="new")
            return Found((places.behind_clip(document, clip.id, track.id),), shown)
        whole = places.whole(document, clip.id, self.locate)
        words = f"All of {self._named(clip)}, {seconds_of(clip.duration, sequence.rate)}"
        return self._of_clips((whole,), words, actions)

    def _extending(self, clip_id: ItemId, frames: int) -> Found:
        try:
            found = self._beyond(clip_id, frames, self.direction)
        except LoopError as error:
            return Found((), Shown("Make", "", OF_A_CLIP, verb="Extend", action="extend"), problem=str(error))
        shown = found.shown._replace(actions=OF_A_CLIP, length=True, ends=True, action="extend")
        return replace(found, shown=shown)

    def _to_sound(self, clip: Clip) -> Found:
        """A picture that follows a sound, above it and as long as it."""
        document = self.document
        assert clip.media is not None
        place = places.over_sound(document, clip.id)
        words = f"Follows the sound {self._named(clip)}, {seconds_of(clip.duration, document.sequence.rate)}"
        shown = Shown("To a sound", words, ("new",), size=True, verb="Generate")
        heard, sound = places.heard_samples(document, clip), self.locate(document.media[clip.media])
        return Found((place,), shown, sound=sound, heard=heard, frames=clip.duration)

    def _beyond(self, clip_id: ItemId, frames: int, direction: Literal["forward", "backward"]) -> Found:
        place = places.beyond(self.document, clip_id, frames, direction, self.locate)
        clip = self.document.sequence.clip(clip_id)
        assert clip is not None
        where = "after the end" if direction == "forward" else "before the start"
        words = f"{seconds_of(frames, self.document.sequence.rate)} {where} of {self._named(clip)}"
        return Found((place,), Shown("Extend", words, verb="Extend"))

    # What is selected

    def _chosen_beside(self, first: int, last: int) -> bool:
        """Whether the person has turned from the range to something else: a gap, or clips that it doesn't touch."""
        if not self.chosen_last:
            return False
        if self.selection.gap is not None:
            return True
        found = self.selection.placed(self.document.sequence)
        return bool(found) and all(each.start >= last or each.start + each.clip.duration <= first for each in found)

    def _film_clip(self) -> tuple[Clip, Track] | None:
        """The selected clip with footage on a video track; of linked picture and sound the picture."""
        primary = self.selection.primary
        found = [
            each
            for each in self.selection.placed(self.document.sequence)
            if each.clip.takes and each.track.kind is TrackKind.VIDEO
        ]
        chosen = next((each for each in found if each.clip.id == primary), found[0] if found else None)
        return (chosen.clip, chosen.track) if chosen is not None else None

    def _sound_clip(self) -> Clip | None:
        """The selected sound, if it is sound alone."""
        sounds: list[Clip] = []
        for _, _, clip in self.selection.placed(self.document.sequence):
            media = self.document.media.get(clip.media) if clip.media is not None else None
            if media is not None and media.kind is MediaKind.AUDIO:
                sounds.append(clip)
        return min(sounds, key=lambda clip: clip.id, default=None)

    def _named_in(self, first: int, last: int) -> list[ItemId]:
        """Selected clips with a picture that the range touches: then only they are meant."""
        return [
            item.id
            for track in self.document.sequence.of_kind(TrackKind.VIDEO)
            for _, item in track.placed(first, last)
            if isinstance(item, Clip) and item.takes and item.id in self.selection.clips
        ]

    def _named(self, clip: Clip) -> str:
        track = self.document.sequence.track_of(clip.id)
        return f"{track.name} “{clip.name}”" if track is not None else f"“{clip.name}”"
