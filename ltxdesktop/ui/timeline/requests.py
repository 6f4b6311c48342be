"""What the timeline asks for: one value per kind of edit. `perform` carries them out on a document. No Qt.

Requests with `frames` are what drags make: 0 always means "nothing changes", so that a refused drag can be brought
back to the farthest place that is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ltxdesktop.document.model import ItemId, MarkerId, MediaId, TrackId
from ltxdesktop.document.parameters import PARAMETERS


@dataclass(frozen=True, slots=True)
class Move:
    """Clips to other frames or tracks. `tracks` counts tracks of their kind, upwards for picture, down for sound."""

    clips: tuple[ItemId, ...]
    frames: int
    tracks: int = 0
    insert: bool = False  # make room instead of overwriting
    copy: bool = False  # leave the originals where they are
    alone: bool = False  # without what is linked to them


@dataclass(frozen=True, slots=True)
class Trim:
    """A clip's head or tail by frames; `ripple` moves what follows."""

    clip: ItemId
    at_tail: bool
    frames: int
    ripple: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Roll:
    """The cut between two neighbours."""

    left: ItemId
    right: ItemId
    frames: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Slip:
    """Which part of its media a clip shows: above 0 a later one."""

    clip: ItemId
    frames: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Slide:
    """A clip between its neighbours, which become longer and shorter."""

    clip: ItemId
    frames: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Cut clips in two at a frame; `tracks` None = all that aren't locked."""

    frame: int
    tracks: tuple[TrackId, ...] | None = None


@dataclass(frozen=True, slots=True)
class SplitClip:
    """Cut one clip (and what is linked to it) in two at a frame of the sequence."""

    clip: ItemId
    frame: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Fade:
    """The length of a clip's fade in or out."""

    clip: ItemId
    at_tail: bool
    frames: int


@dataclass(frozen=True, slots=True)
class ResizeTransition:
    """One end of a transition by frames. `at_tail` names the transition, `last` which of its ends."""

    clip: ItemId
    at_tail: bool
    last: bool
    frames: int


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a number for a whole clip: its line without keys."""

    clip: ItemId
    parameter: str
    value: float


@dataclass(frozen=True, slots=True)
class AddKey:
    """A key of a number at a frame of the clip."""

    clip: ItemId
    parameter: str
    frame: int
    value: float


@dataclass(frozen=True, slots=True)
class MoveKey:
    """A key to another frame of the clip, and to another value."""

    clip: ItemId
    parameter: str
    frame: int
    to_frame: int
    value: float


@dataclass(frozen=True, slots=True)
class ShiftKeys:
    """The line between two keys up or down: both keys' new values by their frames."""

    clip: ItemId
    parameter: str
    values: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Media from the media panel (or files that were dropped) one after the other, from a frame on; of each what the
    source monitor has marked, and of that perhaps picture or sound alone."""

    media: tuple[MediaId, ...]
    frame: int
    track: TrackId | None = None  # where the picture goes (sound, for sound alone); None = the first that fits
    insert: bool = False
    in_s: Fraction | None = None  # of the media's own time
    out_s: Fraction | None = None
    picture: bool = True
    sound: bool = True


@dataclass(frozen=True, slots=True)
class SetRange:
    """The range between in and out (exclusive); None clears that end."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class MoveMarker:
    """A marker to another frame: of the sequence, or of its clip."""

    marker: MarkerId
    clip: ItemId | None
    frames: int


FramesRequest = Move | Trim | Roll | Slip | Slide | Fade | ResizeTransition | MoveMarker
KeyRequest = Level | AddKey | MoveKey | ShiftKeys
Request = FramesRequest | KeyRequest | Split | SplitClip | Place | SetRange


def name_of(request: Request) -> str:
    """What the step is called in the history."""
    match request:
        case Move(copy=True, clips=clips):
            return f"Duplicate {counted(clips)}"
        case Move(insert=True, clips=clips):
            return f"Move {counted(clips)}, making room"
        case Move(clips=clips):
            return f"Move {counted(clips)}"
        case Trim(ripple=True):
            return "Ripple trim"
        case Trim(at_tail=at_tail):
            return "Trim end" if at_tail else "Trim start"
        case Fade(at_tail=at_tail):
            return "Fade out" if at_tail else "Fade in"
        case ResizeTransition():
            return "Change transition"
        case Level() | AddKey() | MoveKey() | ShiftKeys():
            return _name_of_key(request)
        case Place(media=media, insert=insert):
            return f"{'Insert' if insert else 'Overwrite with'} {counted(media)}"
        case SetRange(first=None, last=None):
            return "Clear range"
        case SetRange():
            return "Select range"
        case MoveMarker():
            return "Move marker"
        case SplitClip():
            return "Split clip"
        case _:
            return type(request).__name__


def _name_of_key(request: KeyRequest) -> str:
    words = PARAMETERS[request.parameter].label.lower()
    match request:
        case Level():
            return words.capitalize()
        case AddKey():
            return f"Add a key of {words}"
        case MoveKey():
            return f"Move a key of {words}"
        case ShiftKeys():
            return f"Shift keys of {words}"


def counted(clips: tuple[object, ...]) -> str:
    return "clip" if len(clips) == 1 else f"{len(clips)} clips"
