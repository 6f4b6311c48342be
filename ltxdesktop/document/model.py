"""The values a project consists of, from a parameter to the whole document. All frozen; edits make new ones.

What is here is data and what can be read off it. Edits are in `edits`, the rules that always hold in `check`, undo in
`history`, the file in `project_file`.

    Document ── media: MediaId -> Media        files and generated clips that the film can show
             ├─ bins                            folders of the media panel
             └─ sequences ── tracks ── items: Clip | Gap, in order; where an item starts is the sum of those before it
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ltxdesktop.document.counts import Links, Places
from ltxdesktop.document.curves import Easing, Key, Parameter, eased
from ltxdesktop.document.empty import EMPTY
from ltxdesktop.document.ids import (
    BinId,
    GroupId,
    ItemId,
    LinkId,
    MarkerId,
    MediaId,
    SequenceId,
    TrackId,
    new_id,
)
from ltxdesktop.document.time import frame_at

__all__ = [  # all that a document consists of, for whoever works with one
    "EMPTY", "Bin", "BinId", "Clip", "Content", "Document", "Easing", "Effect", "Gap", "GroupId", "Item", "ItemId",
    "Key", "LinkId", "Marker", "MarkerId", "Media", "MediaId", "MediaKind", "Parameter", "Sequence", "SequenceId",
    "Solid", "Take", "Title", "Track", "TrackId", "TrackKind", "Transition", "TransitionKind", "eased",
    "new_document", "new_id", "new_sequence",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect on a clip; `kind`, its parameters and their limits are declared in `parameters`."""

    id: str
    kind: str
    values: Mapping[str, Parameter] = EMPTY  # those that differ from the default
    texts: Mapping[str, str] = EMPTY  # file names (a LUT) and curves
    enabled: bool = True


# ---- media -----------------------------------------------------------------------------------------------------------


class MediaKind(Enum):
    """What a file is; decides how long it can be shown and on which tracks."""

    VIDEO = "video"  # with or without sound
    AUDIO = "audio"
    STILL = "still"
    IMAGE_SEQUENCE = "image sequence"


@dataclass(frozen=True, slots=True)
class Media:
    """One file (or numbered pictures) that clips show. Facts are those of the file's index when it was imported."""

    id: MediaId
    name: str
    path: str  # as the project file says it: relative to its folder where possible, with "/" between parts
    kind: MediaKind
    rate: Fraction = Fraction(25)  # nominal, of the picture; for sound alone the sequence's
    frames: int = 0  # pictures; 0 for sound alone and for stills
    width: int = 0
    height: int = 0
    sample_rate: int = 0  # 0 = no sound
    samples: int = 0
    channels: int = 0
    bytes: int = 0
    content_hash: str = ""  # `engine.media` content hash; finds a moved file again
    bin: BinId | None = None
    recipe: Mapping[str, Any] = EMPTY  # of a generated clip: all that is needed to make it again
    metadata: Mapping[str, Any] = EMPTY  # of other tools, kept

    @property
    def has_picture(self) -> bool:
        return self.kind is not MediaKind.AUDIO

    @property
    def has_sound(self) -> bool:
        return self.sample_rate > 0

    @property
    def duration_s(self) -> Fraction | None:
        """How much there is (the available range starts at 0 s); None = any length, for a still."""
        if self.kind is MediaKind.STILL:
            return None
        if self.has_picture:
            return Fraction(self.frames) / self.rate
        return Fraction(self.samples, self.sample_rate) if self.sample_rate else Fraction(0)


@dataclass(frozen=True, slots=True)
class Bin:
    """A folder of the media panel."""

    id: BinId
    name: str
    parent: BinId | None = None


# ---- items of a track ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Marker:
    """A named place: frames of the sequence, or of a clip counted from its first frame."""

    id: MarkerId
    frame: int
    name: str = ""
    colour: str = "green"
    duration: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """One answer to "what does this clip show": a file and where in it the clip begins.

    A clip's takes line up: frame 0 of the clip is `start_s` of each of them. Take 0 is the original footage.
    """

    media: MediaId
    start_s: Fraction = Fraction(0)  # media time of the clip's first frame
    name: str = ""
    rating: int = 0  # 0 = not rated, 1..5
    note: str = ""
    blend: int | None = None  # frames over which it fades into what is beside it, 0 = hard cuts; None: not said


@dataclass(frozen=True, slots=True)
class Title:
    """Text that the program draws itself. Sizes are shares of the frame's height, so that they fit every size."""

    text: str
    family: str = "Inter"
    size: float = 0.08
    weight: int = 600  # 100..900
    italic: bool = False
    colour: str = "#ffffffff"  # #rrggbbaa
    outline: float = 0.0
    outline_colour: str = "#000000ff"
    shadow: float = 0.0
    background: str = "#00000000"
    align: str = "centre"  # left, centre, right
    x: float = 0.5  # of the text's box, shares of width and height
    y: float = 0.5
    line_spacing: float = 1.15


@dataclass(frozen=True, slots=True)
class Solid:
    """A plain colour over the whole frame."""

    colour: str = "#000000ff"


Content = Title | Solid


class TransitionKind(Enum):
    """How one picture becomes the next. Sound crosses with equal power under all of them."""

    DISSOLVE = "dissolve"
    WIPE_LEFT = "wipe left"
    WIPE_RIGHT = "wipe right"
    WIPE_UP = "wipe up"
    WIPE_DOWN = "wipe down"
    DIP_BLACK = "dip to black"
    DIP_WHITE = "dip to white"


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition over the cut at the head of the clip that holds it, from what is before it on its track.

    It lasts from `before` frames ahead of the cut to `after` frames behind it. Both sides show material beyond their
    cut (handles); a gap shows nothing.
    """

    kind: TransitionKind = TransitionKind.DISSOLVE
    before: int = 0
    after: int = 0

    @property
    def duration(self) -> int:
        return self.before + self.after


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing for `duration` frames."""

    id: ItemId
    duration: int


@dataclass(frozen=True, slots=True)
class Clip:
    """`duration` frames of a take, or of drawn content.

    Frame n of the clip shows its media at `start_s + n * speed / rate`. Speed 0 holds one picture; below 0 it runs
    backwards: frame n then covers the media's span of `abs(speed) / rate` seconds from that time on, played backwards,
    so that a reversed clip shows the very frames it showed before. Exactly one of `takes` and `content` is given.

    Keys and markers stay with the picture: a trim, split or slip moves them, and those that come to lie outside of the
    clip are kept (keys still shape it; markers aren't shown).
    """

    id: ItemId
    name: str
    duration: int  # frames of the sequence
    takes: tuple[Take, ...] = ()
    active: int = 0  # index of the take that is shown
    content: Content | None = None
    speed: Fraction = Fraction(1)
    enabled: bool = True
    values: Mapping[str, Parameter] = EMPTY  # transform, opacity, volume, pan, colour…; see `parameters`
    effects: tuple[Effect, ...] = ()
    fade_in: int = 0  # frames, sound: equal power; picture: from nothing
    fade_out: int = 0
    transition: Transition | None = None  # at its head
    tail: Transition | None = None  # at its end, towards a gap or the end of the track; `after` is 0
    markers: tuple[Marker, ...] = ()
    link: LinkId | None = None  # clips with the same link are edited together
    group: GroupId | None = None
    metadata: Mapping[str, Any] = EMPTY
    keeps_pitch: bool = False  # of its sound, at another speed than 1

    @property
    def take(self) -> Take | None:
        return self.takes[self.active] if self.takes else None

    @property
    def media(self) -> MediaId | None:
        """The media it shows now."""
        return self.takes[self.active].media if self.takes else None

    def media_time(self, frame: int, rate: Fraction) -> Fraction:
        """Seconds in the active take's media that frame `frame` of the clip (may lie in the handles) shows."""
        take = self.takes[self.active]
        return take.start_s + frame * self.speed / rate

    def media_frame(self, frame: int, rate: Fraction, media: Media) -> int:
        """The picture of the media that frame `frame` of the clip shows, held within what there is."""
        if media.kind is MediaKind.STILL:
            return 0
        return min(max(frame_at(self.media_time(frame, rate), media.rate), 0), max(0, media.frames - 1))


Item = Clip | Gap


class TrackKind(Enum):
    """What a track carries. Titles live on video tracks; a subtitle track holds text only and can be switched off."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"


@dataclass(frozen=True)
class Track:
    """Items in order. Video tracks are listed from the bottom (V1) up."""

    id: TrackId
    kind: TrackKind
    name: str
    items: tuple[Item, ...] = ()
    muted: bool = False  # video: not shown
    soloed: bool = False
    locked: bool = False
    height_px: int = 0  # 0 = the program's default
    volume_db: float = 0.0
    pan: float = 0.0  # -1 left .. 1 right
    metadata: Mapping[str, Any] = field(default=EMPTY)
    sync_locked: bool = True  # whether it shifts along with ripple edits on other tracks

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first frame of each item, and after them the track's end."""
        return tuple(itertools.accumulate((item.duration for item in self.items), initial=0))

    @cached_property
    def index(self) -> Places:
        """Where in `items` each item is."""
        return Places({item.id: place for place, item in enumerate(self.items)})

    @cached_property
    def links(self) -> Links:
        """The clips of each link that are on this track."""
        found: dict[LinkId, tuple[ItemId, ...]] = {}
        for item in self.items:
            if isinstance(item, Clip) and item.link is not None:
                found[item.link] = (*found.get(item.link, ()), item.id)
        return Links(found)

    @cached_property
    def item_links(self) -> tuple[LinkId | None, ...]:
        """The link of each item; ripple edits look for links that reach across their point."""
        return _links_of(self.items)

    def spliced(self, first: int, last: int, new: tuple[Item, ...]) -> Track:
        """The same track with the items of places [first, last) replaced.

        What is known of this track (starts, links) is carried over instead of being counted again: an edit among
        10,000 clips stays far below a millisecond.
        """
        old = self.items[first:last]
        track = replace(self, items=self.items[:first] + new + self.items[last:])
        starts = tuple(itertools.accumulate((item.duration for item in new), initial=self.starts[first]))
        shift = starts[-1] - self.starts[last]
        rest = self.starts[last + 1 :]
        starts = self.starts[:first] + starts + (tuple([start + shift for start in rest]) if shift else rest)
        track.__dict__["starts"] = starts
        links = self.__dict__.get("links")
        if isinstance(links, Links):
            track.__dict__["links"] = links.spliced(_linked(old), _linked(new))
        if "item_links" in self.__dict__:
            each = self.item_links
            track.__dict__["item_links"] = each[:first] + _links_of(new) + each[last:]
        places = self.__dict__.get("index")
        if isinstance(places, Places):
            same = [item.id for item in old] == [item.id for item in new]
            spliced = places if same else places.spliced(first, last, tuple(item.id for item in new))
            if spliced is not None:
                track.__dict__["index"] = spliced
        return track

    def forget_counts(self) -> None:
        """Free the memory of what was counted; it's counted again when it's asked for."""
        for counted in COUNTED:
            self.__dict__.pop(counted, None)

    @property
    def duration(self) -> int:
        return self.starts[-1]

    @property
    def clips(self) -> Iterator[Clip]:
        return (item for item in self.items if isinstance(item, Clip))

    def place_at(self, frame: int) -> int | None:
        """Index of the item that covers a frame; None outside of the track."""
        if frame < 0 or frame >= self.duration:
            return None
        return bisect_right(self.starts, frame) - 1

    def at(self, frame: int) -> Item | None:
        place = self.place_at(frame)
        return None if place is None else self.items[place]

    def placed(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, Item]]:
        """(start, item) of the items that overlap frames [first, last)."""
        end = self.duration if last is None else min(last, self.duration)
        if end <= first:
            return
        place = max(0, bisect_right(self.starts, max(0, first)) - 1)
        while place < len(self.items) and self.starts[place] < end:
            yield self.starts[place], self.items[place]
            place += 1


COUNTED = ("starts", "index", "links", "item_links")  # what a track counts once, and carries over to its edited selves


def _linked(items: tuple[Item, ...]) -> dict[ItemId, LinkId]:
    return {item.id: item.link for item in items if isinstance(item, Clip) and item.link is not None}


def _links_of(items: tuple[Item, ...]) -> tuple[LinkId | None, ...]:
    return tuple([item.link if isinstance(item, Clip) else None for item in items])


@dataclass(frozen=True)
class Sequence:
    """One film: a size, a rate, a sample rate, and tracks."""

    id: SequenceId
    name: str
    width: int = 1920
    height: int = 1080
    rate: Fraction = Fraction(25)
    sample_rate: int = 48000
    tracks: tuple[Track, ...] = ()
    markers: tuple[Marker, ...] = ()
    in_frame: int | None = None  # of the range that is selected with I and O
    out_frame: int | None = None  # exclusive
    first_frame: int = 0  # what its first frame is called: timecode counts from here
    drop_frame: bool = False
    metadata: Mapping[str, Any] = field(default=EMPTY)

    @property
    def duration(self) -> int:
        return max((track.duration for track in self.tracks), default=0)

    @cached_property
    def linked(self) -> Mapping[LinkId, tuple[ItemId, ...]]:
        """The clips of each link, in track order."""
        return {link: self.members(link) for track in self.tracks for link in track.links}

    def members(self, link: LinkId) -> tuple[ItemId, ...]:
        """The clips of one link, in track order."""
        return tuple([clip_id for track in self.tracks for clip_id in track.links.of(link)])

    def track_of(self, item: ItemId) -> Track | None:
        for track in self.tracks:  # thousands of times in a row when many clips are selected: no generator
            if item in track.index:
                return track
        return None

    def track(self, track_id: TrackId) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)

    def clip(self, clip_id: ItemId) -> Clip | None:
        for track in self.tracks:
            place = track.index.find(clip_id)
            if place is not None:
                item = track.items[place]
                return item if isinstance(item, Clip) else None
        return None

    def start_of(self, item: ItemId) -> int | None:
        """The sequence frame at which an item begins."""
        track = self.track_of(item)
        return None if track is None else track.starts[track.index[item]]

    def of_kind(self, kind: TrackKind) -> tuple[Track, ...]:
        return tuple(track for track in self.tracks if track.kind is kind)


@dataclass(frozen=True)
class Document:
    """A whole project."""

    name: str
    sequences: tuple[Sequence, ...]
    active: SequenceId
    media: Mapping[MediaId, Media] = field(default=EMPTY)
    bins: tuple[Bin, ...] = ()
    metadata: Mapping[str, Any] = field(default=EMPTY)

    @property
    def sequence(self) -> Sequence:
        """The sequence that is open."""
        return next(sequence for sequence in self.sequences if sequence.id == self.active)

    def with_sequence(self, changed: Sequence) -> Document:
        """The same document with the sequence of that id replaced."""
        return replace(self, sequences=tuple(changed if old.id == changed.id else old for old in self.sequences))

    def with_media(self, *added: Media) -> Document:
        """The same document with media added or replaced."""
        return replace(self, media=MappingProxyType({**self.media, **{media.id: media for media in added}}))


def new_sequence(
    name: str = "Sequence 1",
    *,
    width: int = 1920,
    height: int = 1080,
    rate: Fraction = Fraction(25),
    sample_rate: int = 48000,
    video: int = 2,
    audio: int = 2,
) -> Sequence:
    """An empty sequence with its tracks: V1, V2 …, A1, A2 …"""
    tracks = [Track(TrackId(new_id()), TrackKind.VIDEO, f"V{number + 1}") for number in range(video)]
    tracks += [Track(TrackId(new_id()), TrackKind.AUDIO, f"A{number + 1}") for number in range(audio)]
    return Sequence(SequenceId(new_id()), name, width, height, rate, sample_rate, tuple(tracks))


def new_document(name: str = "Untitled", sequence: Sequence | None = None) -> Document:
    """A document with one sequence."""
    sequence = sequence or new_sequence()
    return Document(name, (sequence,), sequence.id)
