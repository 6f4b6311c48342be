"""Where keyframe lanes, their curves and keys lie, and which keys are chosen together. Values only: no Qt, no edits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from ltxdesktop.document.curves import LEAST_Y, MOST_Y, Curve
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


class HandlePlace(NamedTuple):
    """Where one of the two handles of a key's curve is drawn and grabbed, and the key that it hangs on."""

    lane: int
    key: KeyOf
    second: bool
    x: float
    y: float
    from_x: float
    from_y: float


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


def handles_of(lanes: Sequence[Lane], chosen: Collection[KeyOf], width_px: float) -> list[HandlePlace]:
    """The handles of the chosen keys whose way to the next one is bent by hand."""
    found: list[HandlePlace] = []
    for number, lane in enumerate(lanes):
        low, span = _range_of(lane)
        for left, right in pairwise(lane.parameter.keys):
            key = KeyOf(lane.number, left.frame)
            if key not in chosen or left.easing is not Easing.CUSTOM:
                continue
            ends = [(left.frame, left.value), (right.frame, right.value)]
            for second, (x, y) in enumerate((left.curve[:2], left.curve[2:])):
                frame = left.frame + x * (right.frame - left.frame)
                share = (left.value + y * (right.value - left.value) - low) / span if span else 0.5
                end_x, end_share = ends[second][0], (ends[second][1] - low) / span if span else 0.5
                found.append(
                    HandlePlace(
                        number,
                        key,
                        bool(second),
                        x_of(frame, lane.duration, width_px),
                        y_of(number, min(1.0, max(0.0, share))),
                        x_of(end_x, lane.duration, width_px),
                        y_of(number, end_share),
                    )
                )
    return found


def handle_at(places: Sequence[HandlePlace], x: float, y: float) -> HandlePlace | None:
    near = [each for each in places if abs(each.x - x) <= KEY_PX and abs(each.y - y) <= KEY_PX]
    return min(near, key=lambda each: abs(each.x - x) + abs(each.y - y), default=None)


def bent(lane: Lane, number: int, place: HandlePlace, x: float, y: float, width_px: float) -> Curve:
    """The curve of a key when one of its handles is pulled to a point: within its time, between its lane's borders."""
    keys = lane.parameter.keys
    at = next(place_ for place_, key in enumerate(keys) if key.frame == place.key.frame)
    left, right = keys[at], keys[at + 1]
    begin, end = (x_of(key.frame, lane.duration, width_px) for key in (left, right))
    share_x = min(1.0, max(0.0, (x - begin) / (end - begin))) if end > begin else 0.0
    low, span = _range_of(lane)
    top, bottom = y_of(number, 1), y_of(number, 0)
    value = low + span * min(1.0, max(0.0, (bottom - y) / (bottom - top)))
    way = right.value - left.value
    before = left.curve[3] if place.second else left.curve[1]
    share_y = (value - left.value) / way if way else before
    share_y = min(MOST_Y, max(LEAST_Y, share_y))
    return (*left.curve[:2], share_x, share_y) if place.second else (share_x, share_y, *left.curve[2:])


def _range_of(lane: Lane) -> tuple[float, float]:
    """The least value of a lane's keys and how far above it the greatest is; a handle may pull the curve past both."""
    values = [key.value for key in lane.parameter.keys]
    return min(values), max(values) - min(values)


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
