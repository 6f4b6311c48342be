"""Drags of the line in a clip and of the keys on it: up and down its value, sideways a key's time. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

from ltxdesktop.document.model import Key
from ltxdesktop.document.parameters import value_of
from ltxdesktop.ui.timeline.boxes import KeyPlace
from ltxdesktop.ui.timeline.drags import Asked, Keys, Outcome, Pointer, Scene, shift_words
from ltxdesktop.ui.timeline.hits import OnClip
from ltxdesktop.ui.timeline.layout import clip_box
from ltxdesktop.ui.timeline.lines import Line, made_line, value_words
from ltxdesktop.ui.timeline.requests import AddKey, Level, MoveKey, Request, ShiftKeys
from ltxdesktop.ui.timeline.snapping import REACH_PX, snap, targets

CATCH_PX = 4  # how near to its default (0 dB, 100 %) a value catches there
FINE = 10  # how much slower the value follows the mouse with Ctrl
STILL_PX = 3  # a key that is dragged sideways keeps its value up to here


@dataclass
class LineDrag:
    """The line: of a number without keys all of it, else the stretch between two keys. Ctrl+click makes a key."""

    grabbed: OnClip
    x: float
    y: float

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        line = _line(self.grabbed, scene)
        if line is None:
            return None
        frame = scene.layout.viewport.exact_frame_at(self.x) - self.grabbed.start
        value = line.parameter.at(frame)
        moved = _followed(line, value, pointer.y - self.y, pointer.keys, scene)
        return Asked(self._request(line, frame, moved, moved - value), words=value_words(line.declared, moved))

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        line = _line(self.grabbed, scene)
        if line is None or not pointer.keys.ctrl:
            return None
        return Asked(new_key(self.grabbed))

    def _request(self, line: Line, frame: float, value: float, by: float) -> Request:
        clip, name = self.grabbed.clip.id, line.declared.name
        keys = line.parameter.keys
        if not keys:
            return Level(clip, name, value)
        lowest, highest = line.declared.minimum, line.declared.maximum
        shifted = tuple((key.frame, min(highest, max(lowest, key.value + by))) for key in _around(keys, frame))
        return ShiftKeys(clip, name, shifted)


@dataclass
class KeyDrag:
    """A key, between its neighbours. Shift keeps its time or its value, whichever moved less; Ctrl is fine."""

    grabbed: OnClip
    key: int  # its frame of the clip
    x: float
    y: float
    catching: list[int] | None = field(default=None, init=False)

    def move(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        line = _line(self.grabbed, scene)
        if line is None:
            return None
        key = next(each for each in line.parameter.keys if each.frame == self.key)
        dx, dy = pointer.x - self.x, pointer.y - self.y
        sideways = pointer.keys.shift and abs(dx) >= abs(dy)
        frame, guide = (key.frame, None) if pointer.keys.shift and not sideways else self._placed(line, dx, scene)
        is_still = sideways or abs(dy) <= STILL_PX
        value = key.value if is_still else _followed(line, key.value, dy, pointer.keys, scene)
        request = MoveKey(self.grabbed.clip.id, line.declared.name, key.frame, frame, value)
        shift = shift_words(frame - key.frame, scene.sequence)
        return Asked(request, guide, f"{shift}  {value_words(line.declared, value)}")

    def click(self, pointer: Pointer, scene: Scene) -> Outcome | None:
        return None

    def _placed(self, line: Line, dx: float, scene: Scene) -> tuple[int, int | None]:
        """The frame of the clip that the key comes to, and the guide where it catches."""
        viewport, start = scene.layout.viewport, self.grabbed.start
        wanted, guide = round(dx * viewport.frames_per_px), None
        if scene.snapping:
            if self.catching is None:
                self.catching = targets(scene.sequence, scene.playhead)
            wanted, guide = snap((start + self.key,), wanted, self.catching, REACH_PX * viewport.frames_per_px)
        others = [key.frame for key in line.parameter.keys if key.frame != self.key]
        lowest = max([0, *(frame + 1 for frame in others if frame < self.key)])
        highest = min([self.grabbed.clip.duration - 1, *(frame - 1 for frame in others if frame > self.key)])
        placed = min(highest, max(lowest, self.key + wanted))
        return placed, guide if placed == self.key + wanted else None


def new_key(on: OnClip) -> AddKey:
    """A key where the line was pressed, with the value that the line has there."""
    frame = on.frame - on.start
    return AddKey(on.clip.id, on.line, frame, round(value_of(on.clip, on.line).at(frame), 6))


def key_of(request: Request) -> KeyPlace | None:
    """The key that a request has made or moved: it's the selected one then."""
    match request:
        case AddKey(clip=clip, parameter=parameter, frame=frame):
            return KeyPlace(clip, parameter, frame)
        case MoveKey(clip=clip, parameter=parameter, to_frame=frame):
            return KeyPlace(clip, parameter, frame)
        case _:
            return None


def _line(grabbed: OnClip, scene: Scene) -> Line | None:
    """The grabbed line as it was before the drag, where the clip lies now; None when its lane has left the view."""
    lane = next((lane for lane in scene.layout.lanes if lane.track.id == grabbed.track.id), None)
    if lane is None:
        return None
    placed = clip_box(lane, lane.track.index[grabbed.clip.id], scene.layout.viewport)
    return made_line(placed, grabbed.clip, grabbed.line, scene.layout.viewport)


def _followed(line: Line, value: float, dy: float, keys: Keys, scene: Scene) -> float:
    """A value that was dragged by so many pixels; it catches at the default."""
    if keys.ctrl:
        return line.moved(value, dy / FINE)
    default = line.declared.default
    if scene.snapping and abs(line.y_of(value) + dy - line.y_of(default)) <= CATCH_PX:
        return default
    return line.moved(value, dy)


def _around(keys: tuple[Key, ...], frame: float) -> list[Key]:
    """The keys on both sides of a frame; before the first and behind the last that one alone."""
    before = [key for key in keys if key.frame <= frame]
    behind = [key for key in keys if key.frame > frame]
    return [*before[-1:], *behind[:1]] if before and behind else (before[-1:] or behind[:1])
