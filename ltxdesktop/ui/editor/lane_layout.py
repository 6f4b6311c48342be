"""Where keyframe lanes, their curves and keys lie, and which keys are chosen together. Values only: no Qt, no edits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ltxdesktop.document.model import Clip, Easing, ItemId, Parameter
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS

LANE_PX, NAME_PX, KEY_PX = 34, 96, 6
HEAD_PX = 4


class Number(NamedTuple):
    """Which number: of which clip, of which of its effects ("" = its own), its name."""

    clip: ItemId
    effect: str
    name: str


class Lane(NamedTuple):
    """One number with keys. `frame` is where the playhead is, counted from the clip's first frame."""

    number: Number
    words: str
    parameter: Parameter
    duration: int
    frame: int


class KeyOf(NamedTuple):
    """A key: of which number, at which frame of its clip."""

    number: Number
    frame: int


class KeyPlace(NamedTuple):
    """Where a key is drawn and grabbed."""

    lane: int
    key: KeyOf
    easing: Easing
    x: float
    y: float


class Box(NamedTuple):
    """A rubber band: any two opposite corners."""

    x1: float
    y1: float
    x2: float
    y2: float

    def holds(self, x: float, y: float) -> bool:
        left, right = sorted((self.x1, self.x2))
        top, bottom = sorted((self.y1, self.y2))
        return left <= x <= right and top <= y <= bottom


def lanes_of(clip: Clip | None, frame: int) -> list[Lane]:
    """The numbers of a clip and of its effects that have keys, in the tables' order."""
    if clip is None:
        return []
    lanes: list[Lane] = []
    for name, declared in PARAMETERS.items():
        value = clip.values.get(name)
        if value is not None and value.keys:
            lanes.append(Lane(Number(clip.id, "", name), declared.label, value, clip.duration, frame))
    for effect in clip.effects:
        for name, declared in EFFECTS[effect.kind].parameters.items():
            value = effect.values.get(name)
            if value is not None and value.keys:
                words = f"{EFFECTS[effect.kind].label} {declared.label.lower()}"
                lanes.append(Lane(Number(clip.id, effect.id, name), words, value, clip.duration, frame))
    return lanes


def x_of(frame: float, duration: int, width_px: float) -> float:
    return NAME_PX + (width_px - NAME_PX - KEY_PX - 2) * frame / max(1, duration - 1)


def frame_at(x: float, duration: int, width_px: float) -> int:
    share = (x - NAME_PX) / max(1.0, width_px - NAME_PX - KEY_PX - 2)
    return round(min(1.0, max(0.0, share)) * max(0, duration - 1))


def curve_of(parameter: Parameter, duration: int, steps: int) -> list[tuple[float, float]]:
    """Points (frame, height 0..1 between its least and greatest value) of a parameter over a clip."""
    frames = [step * (duration - 1) / max(1, steps - 1) for step in range(steps)]
    values = [parameter.at(frame) for frame in frames]
    values_and_keys = values + [key.value for key in parameter.keys]
    low, high = min(values_and_keys), max(values_and_keys)
    span = high - low
    return [(frame, (value - low) / span if span else 0.5) for frame, value in zip(frames, values, strict=True)]


def y_of(lane: int, share: float) -> float:
    """The height of a value between the least (0) and the greatest (1) of its lane."""
    top = HEAD_PX + lane * LANE_PX + 7
    return top + (LANE_PX - 14) * (1 - share)


def lane_at(y: float, lanes: Sequence[Lane]) -> int | None:
    number = int((y - HEAD_PX) // LANE_PX)
    return number if 0 <= number < len(lanes) else None


def places_of(lanes: Sequence[Lane], width_px: float) -> list[KeyPlace]:
    """Where the keys lie; those that a trim has left outside of the clip aren't shown."""
    places: list[KeyPlace] = []
    for number, lane in enumerate(lanes):
        keys = lane.parameter.keys
        low = min(key.value for key in keys)
        span = max(key.value for key in keys) - low
        for key in keys:
            if 0 <= key.frame < lane.duration:
                share = (key.value - low) / span if span else 0.5
                x, y = x_of(key.frame, lane.duration, width_px), y_of(number, share)
                places.append(KeyPlace(number, KeyOf(lane.number, key.frame), key.easing, x, y))
    return places


def nearest(places: Sequence[KeyPlace], x: float, y: float) -> KeyPlace | None:
    """The key under a point."""
    near = [each for each in places if abs(each.x - x) <= KEY_PX + 2 and abs(each.y - y) <= KEY_PX + 4]
    return min(near, key=lambda each: abs(each.x - x), default=None)


def limited(by: int, chosen: Collection[KeyOf], lanes: Sequence[Lane]) -> int:
    """By how many frames keys can be moved together so that none of them leaves its clip."""
    durations = {lane.number: lane.duration for lane in lanes}
    known = [(key.frame, durations[key.number]) for key in chosen if key.number in durations]
    lowest = max((-frame for frame, _ in known), default=0)
    highest = min((duration - 1 - frame for frame, duration in known), default=0)
    return max(lowest, min(highest, by))


def beside(places: Sequence[KeyPlace], chosen: Collection[KeyOf], *, by: int = 0, lanes: int = 0) -> KeyOf | None:
    """The key to go to from those that are chosen: the next (`by` 1) or the one before in its lane, or the nearest of
    the lane below (`lanes` 1) or above. From none: the first of all."""
    current = next((each for each in places if each.key in chosen), None)
    if current is None:
        return places[0].key if places else None
    if lanes:
        others = [each for each in places if each.lane == current.lane + lanes]
        return min(others, key=lambda each: abs(each.x - current.x)).key if others else None
    row = [each for each in places if each.lane == current.lane]
    row.sort(key=lambda each: each.key.frame)
    place = row.index(current) + by
    return row[place].key if 0 <= place < len(row) else None
