"""The line in a clip that shows one of its numbers over time: where it and its keys lie, what a height means. No Qt.

Sound shows its volume and picture its opacity, unless another number was chosen. Painting, hit testing and drags use
the same `Line`, so that what is grabbed is what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from ltxdesktop.document.model import Clip, Easing, Key, Parameter, Track, TrackKind
from ltxdesktop.document.parameters import PARAMETERS, Declared, value_of
from ltxdesktop.ui.timeline.boxes import Box, ClipBox, LineNames
from ltxdesktop.ui.timeline.layout import TITLED_FROM_PX, Layout, parts_of
from ltxdesktop.ui.timeline.viewport import Viewport

PICTURE_LINES = (
    "opacity", "scale", "rotation", "position.x", "position.y", "colour.exposure", "colour.saturation"
)  # fmt: skip
SOUND_LINES = ("volume", "pan")
LINED_FROM_PX = (40, 30)  # smaller clips show no line
KEY_PX = 5  # from the middle of a key to its corners
KEY_REACH_PX = 6
LINE_REACH_PX = 4
VOLUME_TOP_DB, VOLUME_BOTTOM_DB = 12.0, -60.0
_UNITY = 0.25  # how far down the body 0 dB lies
_CURVE_STEPS = 16  # straight pieces that an eased way between two keys is drawn with

# Values at the foot and at the top of a clip's body, where that isn't simply all that is allowed: the useful part.
_SHOWN: Mapping[str, tuple[float, float]] = {
    "scale": (0.0, 2.0),
    "rotation": (-180.0, 180.0),
    "position.x": (-1.0, 1.0),
    "position.y": (-1.0, 1.0),
    "colour.saturation": (0.0, 2.0),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One number of a clip over the clip's body. Frames count from the clip's first."""

    declared: Declared
    parameter: Parameter
    body: Box

    def y_of(self, value: float) -> float:
        """The height of a value; one that lies beyond what is shown is at its border."""
        if self.declared.name == "volume":
            return volume_y(value, self.body)
        low, high = self._span()
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return self.body.top + 2 + (1 - share) * (self.body.height - 4)

    def value_at(self, y: float) -> float:
        """The value at a height, in whole steps of the number."""
        if self.declared.name == "volume":
            return volume_at(y, self.body)
        low, high = self._span()
        share = min(1.0, max(0.0, (y - self.body.top - 2) / max(1.0, self.body.height - 4)))
        step = self.declared.step
        return round(round((high - (high - low) * share) / step) * step, 6)

    def moved(self, value: float, dy: float) -> float:
        """A value moved by so many pixels; it may leave what is shown, never what is allowed."""
        if not dy:
            return value
        wanted = self.value_at(self.y_of(value) + dy)
        return min(self.declared.maximum, max(self.declared.minimum, wanted))

    def keys_within(self, duration: int) -> list[Key]:
        """The keys that lie in the clip; those that a trim has left outside only shape the line."""
        return [key for key in self.parameter.keys if 0 <= key.frame < duration]

    def path(self, first: float, last: float) -> list[tuple[float, float]]:
        """(frame, value) corners of the line from frame `first` to `last`."""
        parameter = self.parameter
        corners = [(first, parameter.at(first))]
        for left, right in pairwise(parameter.keys):
            begin, end = max(float(left.frame), first), min(float(right.frame), last)
            if begin >= end:
                continue
            if left.easing is Easing.HOLD:
                corners += [(begin, left.value), (end, left.value)]
                continue
            straight = left.easing is Easing.LINEAR and self.declared.name != "volume"
            steps = 1 if straight else _CURVE_STEPS
            frames = [begin + (end - begin) * step / steps for step in range(steps + 1)]
            corners += [(frame, parameter.at(frame)) for frame in frames]
        corners.append((last, parameter.at(last)))
        return corners

    def _span(self) -> tuple[float, float]:
        return _SHOWN.get(self.declared.name, (self.declared.minimum, self.declared.maximum))


def line_name(track: Track, names: LineNames) -> str:
    """Which number the clips of a track show."""
    return names.sound if track.kind is TrackKind.AUDIO else names.picture


def line_of(placed: ClipBox, layout: Layout, body: Box | None = None) -> Line | None:
    """The line that a clip shows: of a number that isn't the default, or of a selected clip. The volume has one always,
    but for low lanes, where it would go through the clip's name. `body` is that of the clip's parts, if it's known."""
    wide, high = LINED_FROM_PX
    if placed.box.width < wide or placed.box.height < high:
        return None
    name = line_name(placed.track, layout.lines)
    is_plain = name not in placed.clip.values
    is_always_there = name == "volume" and placed.box.height >= TITLED_FROM_PX
    if is_plain and not is_always_there and placed.clip.id not in layout.selected:
        return None
    if body is None:
        body = parts_of(placed, layout.viewport).body
    return Line(PARAMETERS[name], value_of(placed.clip, name), body)


def made_line(placed: ClipBox, clip: Clip, name: str, viewport: Viewport) -> Line:
    """A number of `clip` over the place of `placed`: during a drag these are the clip before it and as it would be."""
    return Line(PARAMETERS[name], value_of(clip, name), parts_of(placed, viewport).body)


def key_spot(line: Line, placed: ClipBox, viewport: Viewport, key: Key) -> tuple[float, float]:
    """Where a key is drawn and grabbed: all of it within its clip, also at the first frame and at the lowest value."""
    left, right = placed.box.left + KEY_PX, placed.box.right - KEY_PX - 2
    top, bottom = line.body.top + KEY_PX, line.body.bottom - KEY_PX - 2
    x, y = viewport.x_of(placed.start + key.frame), line.y_of(key.value)
    return max(left, min(right, x)), max(top, min(bottom, y))


def key_at(line: Line, placed: ClipBox, viewport: Viewport, x: float, y: float) -> Key | None:
    """The key under a point of the widget; the nearest, where several are."""
    near: list[tuple[float, Key]] = []
    for key in line.keys_within(placed.clip.duration):
        key_x, key_y = key_spot(line, placed, viewport, key)
        dx, dy = abs(key_x - x), abs(key_y - y)
        if dx <= KEY_REACH_PX and dy <= KEY_REACH_PX:
            near.append((dx + dy, key))
    return min(near, key=lambda each: each[0])[1] if near else None


def is_on(line: Line, placed: ClipBox, viewport: Viewport, x: float, y: float) -> bool:
    """Whether a point is on the line."""
    value = line.parameter.at(viewport.exact_frame_at(x) - placed.start)
    return abs(y - line.y_of(value)) <= LINE_REACH_PX


def value_words(declared: Declared, value: float) -> str:
    """A value as a person reads it: "-3.2 dB", "80 %"."""
    if declared.unit == "%":
        return f"{value * 100:.4g} %"
    sign = "+" if declared.minimum < 0 else ""
    return f"{value:{sign}.1f} {declared.unit}" if declared.unit else f"{value:{sign}.2f}"


def volume_y(db: float, body: Box) -> float:
    """The height of a volume in a clip's body: a quarter down is 0 dB, below it 60 dB, above it 12."""
    if db >= 0:
        share = _UNITY * (1 - min(db, VOLUME_TOP_DB) / VOLUME_TOP_DB)
    else:
        share = _UNITY + (1 - _UNITY) * min(1.0, (max(db, VOLUME_BOTTOM_DB) / VOLUME_BOTTOM_DB)) ** 0.6
    return body.top + 2 + share * (body.height - 4)


def volume_at(y: float, body: Box) -> float:
    """The volume (dB) at a height: `volume_y` backwards, in steps of 0.1 dB."""
    share = min(1.0, max(0.0, (y - body.top - 2) / max(1.0, body.height - 4)))
    if share <= _UNITY:
        return round(VOLUME_TOP_DB * (1 - share / _UNITY), 1)
    return round(VOLUME_BOTTOM_DB * ((share - _UNITY) / (1 - _UNITY)) ** (1 / 0.6), 1)
