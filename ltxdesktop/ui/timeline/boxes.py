"""What a laid out timeline consists of: rectangles, and what lies in them. Values only; `layout` makes them. No Qt."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ltxdesktop.document.model import Clip, ItemId, Marker, Track, Transition


class Box(NamedTuple):
    """A rectangle in logical pixels of the widget."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def has(self, x: float, y: float) -> bool:
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height


class Lane(NamedTuple):
    """A track's row: `body` holds the clips, `header` its name and buttons."""

    track: Track
    header: Box
    body: Box


class ClipBox(NamedTuple):
    """A clip that is wide enough to be drawn by itself. `box` may reach far out of view, `seen` only a little."""

    clip: Clip
    track: Track
    start: int
    box: Box
    seen: Box


class Run(NamedTuple):
    """Neighbouring clips too narrow to be told apart."""

    track: Track
    box: Box
    selected: bool


class TransitionBox(NamedTuple):
    """A transition at a clip's head, or at its tail."""

    clip: Clip
    track: Track
    transition: Transition
    at_tail: bool
    box: Box


class Tick(NamedTuple):
    """A line of the ruler; only the labelled ones have words."""

    x: float
    words: str


class MarkerBox(NamedTuple):
    """A marker of the sequence, or of a clip."""

    marker: Marker
    clip: ItemId | None
    x: float
    width: float
    top: float


class Button(Enum):
    """What can be pressed on a track's header."""

    AIM = "aim"  # the track's name: inserts and pastes go here
    MUTE = "mute"  # of a video track: visibility
    SOLO = "solo"
    LOCK = "lock"
    SYNC = "sync"  # whether it shifts along with ripple edits; on high lanes only


class ButtonBox(NamedTuple):
    button: Button
    box: Box


class LineNames(NamedTuple):
    """Which number of a clip is drawn as a line in it (names of `document.parameters`)."""

    picture: str = "opacity"
    sound: str = "volume"


PLAIN_LINES = LineNames()


class KeyPlace(NamedTuple):
    """One key: of which clip, of which number of it, at which of its frames."""

    clip: ItemId
    parameter: str
    frame: int
