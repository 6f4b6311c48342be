"""Scenes of Pocket's world as numbers: what is where at which second. Nothing is drawn or sounded here.

Coordinates: x in frame widths from the left, heights ("lift") in frame heights above the floor, radii in units of the
shorter side of the frame, times in seconds. So one scene renders at any size and frame rate.
"""

# Shapes: B scenes, O objects (always 2, the second may be absent), T times

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor

from engine.training.words import (
    BACKGROUNDS,
    CAMERAS,
    COLOURS,
    MOTIONS,
    PACES,
    PLACES,
    SHAPES,
    SIZES,
    STYLES,
    TRAVELLING,
    Attributes,
)

OBJECTS = 2
FLOOR = 0.80  # where feet touch the floor, frame heights from the top
HORIZON = 0.64  # where floor meets sky or wall
GRAVITY = 4.6  # frame heights per s²: ties the height of a hop to its period
SIZE_RADIUS = (0.15, 0.19, 0.235)  # small, medium, large
# Distance from the centre to the foot, and to the farthest point, as multiples of the radius, per shape.
FOOT = (1.0, 0.86, 0.62, 0.98, 1.0)
REACH = (1.0, 1.22, 1.24, 1.22, 1.0)
PACE_SPEED = ((0.10, 0.15), (0.19, 0.27), (0.33, 0.42))  # travelling, frame widths per s
PACE_LIFT = ((0.05, 0.08), (0.11, 0.16), (0.20, 0.26))  # rising and falling, frame heights per s
PACE_SPIN = ((0.8, 1.2), (1.8, 2.6), (3.6, 4.6))  # rad per s
FADE_S = 0.06  # half length of the cross-fade at a mid-clip change

_WITH_CAMERA = frozenset({"still", "bounce", "spin", "rise", "fall"})
_MOTION = {name: number for number, name in enumerate(MOTIONS)}
_CAMERA = {name: number for number, name in enumerate(CAMERAS)}


@dataclass(frozen=True, eq=False)
class SceneBatch:
    """A struct of arrays, one row per scene; int64 fields index the tables in `words`, the rest are float32.

    A mid-clip change shows object 0 as `changed_shape`/`changed_colour` from `change_start` to `change_end` (s);
    `change_start` is inf where nothing changes.
    """

    shape_BO: Tensor
    colour_BO: Tensor
    motion_BO: Tensor
    radius_BO: Tensor  # at t = 0
    x_BO: Tensor  # at t = 0, in the world (= on screen at t = 0)
    lift_BO: Tensor  # at t = 0
    speed_x_BO: Tensor  # frame widths per s
    speed_lift_BO: Tensor  # frame heights per s
    hop_height_BO: Tensor  # frame heights; 0 = does not bounce
    hop_period_BO: Tensor  # s
    hop_start_BO: Tensor  # s, first contact with the floor
    growth_BO: Tensor  # 1/s, radius = radius(0) * exp(growth * t)
    spin_BO: Tensor  # rad per s
    angle_BO: Tensor  # rad at t = 0
    present_BO: Tensor  # 1 or 0
    size_B: Tensor
    pace_B: Tensor
    place_B: Tensor
    background_B: Tensor
    scenery_B: Tensor  # where in the landscape the camera stands, shorter sides
    camera_B: Tensor
    pan_B: Tensor  # shorter sides per s, positive = the camera goes right
    zoom_B: Tensor  # 1/s, magnification = exp(zoom * t)
    style_B: Tensor
    change_start_B: Tensor
    change_end_B: Tensor
    changed_shape_B: Tensor
    changed_colour_B: Tensor

    def __len__(self) -> int:
        return len(self.background_B)

    @property
    def device(self) -> torch.device:
        return self.background_B.device

    def _tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __getitem__(self, index: Tensor | slice | list[int]) -> SceneBatch:
        """Some of the scenes, in the order of `index`."""
        if isinstance(index, list):
            index = torch.tensor(index, device=self.device)
        return SceneBatch(**{name: value[index] for name, value in self._tensors().items()})

    def to(self, device: torch.device | str) -> SceneBatch:
        return SceneBatch(**{name: value.to(device) for name, value in self._tensors().items()})

    @staticmethod
    def cat(batches: Sequence[SceneBatch]) -> SceneBatch:
        columns = [batch._tensors() for batch in batches]
        return SceneBatch(**{name: torch.cat([each[name] for each in columns]) for name in columns[0]})

    def attributes(self) -> list[Attributes]:
        """What each scene is called (with a mid-clip change: what is seen outside of the change)."""

        def word(table: Sequence[str], column_B: Tensor) -> list[str]:
            return [table[round(number)] for number in numbers(column_B)]

        shape, second_shape = (word(SHAPES, self.shape_BO[:, o]) for o in range(OBJECTS))
        colour, second_colour = (word(COLOURS, self.colour_BO[:, o]) for o in range(OBJECTS))
        motion, size = word(MOTIONS, self.motion_BO[:, 0]), word(SIZES, self.size_B)
        background, pace = word(BACKGROUNDS, self.background_B), word(PACES, self.pace_B)
        place, camera = word(PLACES, self.place_B), word(CAMERAS, self.camera_B)
        style, both = word(STYLES, self.style_B), numbers(self.present_BO[:, 1])
        return [
            Attributes(
                shape=shape[n],
                colour=colour[n],
                motion=motion[n],
                size=size[n],
                background=background[n],
                pace=pace[n],
                place=place[n],
                camera=camera[n],
                style=style[n],
                second=(second_colour[n], second_shape[n]) if both[n] else None,
            )
            for n in range(len(self))
        ]

    def changed_attributes(self) -> list[Attributes]:
        """What each scene is called during its mid-clip change (the same as `attributes` where nothing changes)."""
        changes = torch.isfinite(self.change_start_B)
        shape = torch.where(changes, self.changed_shape_B, self.shape_BO[:, 0])
        colour = torch.where(changes, self.changed_colour_B, self.colour_BO[:, 0])
        return SceneBatch(
            **self._tensors()
            | {
                "shape_BO": torch.stack([shape, self.shape_BO[:, 1]], 1),
                "colour_BO": torch.stack([colour, self.colour_BO[:, 1]], 1),
            }
        ).attributes()


def numbers(values_N: Tensor) -> list[float]:
    """A tensor as Python numbers (nested lists, if it has more than one axis); torch's own `tolist` has no types."""
    return cast("list[float]", values_N.tolist())  # pyright: ignore[reportUnknownMemberType]


class ObjectState(NamedTuple):
    """Where the objects are, each (B, T, O), as seen through the camera."""

    x: Tensor  # centre, frame widths from the left
    y: Tensor  # centre, frame heights from the top
    radius: Tensor  # shorter sides, zoom included
    lift: Tensor  # foot above the floor, frame heights, before the camera
    angle: Tensor  # rad, clockwise
    squash: Tensor  # 0 = none; the height is (1 - squash) times, the width (1 + squash / 2) times


class CameraState(NamedTuple):
    """The camera, each (B, T)."""

    offset: Tensor  # shorter sides to the right
    zoom: Tensor  # magnification


FOCUS = 0.60  # the camera zooms about this point: (0.5, FOCUS)


def camera_state(scenes: SceneBatch, times: Tensor) -> CameraState:
    """The camera at `times` (T,) or (B, T), seconds."""
    times = times.expand(len(scenes), -1)
    return CameraState(times * scenes.pan_B[:, None], torch.exp(times * scenes.zoom_B[:, None]))


def object_state(scenes: SceneBatch, times: Tensor, aspect: float) -> ObjectState:
    """All objects at `times` (T,) or (B, T), seconds, in a frame `aspect` = width / height."""
    t = times.expand(len(scenes), -1)[:, :, None]
    offset, zoom = (part[:, :, None] for part in camera_state(scenes, times))
    width, height = frame_extent(aspect)
    lift = scenes.lift_BO[:, None] + t * scenes.speed_lift_BO[:, None]
    lift = lift.clamp(min=0.0)
    hop_phase = torch.remainder((t - scenes.hop_start_BO[:, None]) / scenes.hop_period_BO[:, None], 1.0)
    lift = lift + 4 * scenes.hop_height_BO[:, None] * hop_phase * (1 - hop_phase)
    hops = scenes.hop_height_BO[:, None] > 0
    since_contact_s = torch.minimum(hop_phase, 1 - hop_phase) * scenes.hop_period_BO[:, None]
    squash = torch.where(hops, 0.12 * torch.exp(-((since_contact_s / 0.05) ** 2)), 0.0)
    radius = scenes.radius_BO[:, None] * torch.exp(t * scenes.growth_BO[:, None])
    angle = scenes.angle_BO[:, None] + t * scenes.spin_BO[:, None]
    foot = _foot(scenes, scenes.shape_BO)[:, None]
    changed_shape = torch.stack([scenes.changed_shape_B, scenes.shape_BO[:, 1]], 1)
    foot = torch.lerp(foot, _foot(scenes, changed_shape)[:, None], change_weight(scenes, times)[:, :, None])
    world_x = (scenes.x_BO[:, None] + t * scenes.speed_x_BO[:, None] - 0.5) * width
    world_y = (FLOOR - 0.5 - lift) * height - foot * radius * (1 - squash)
    focus = (FOCUS - 0.5) * height
    return ObjectState(
        x=(world_x - offset) * zoom / width + 0.5,
        y=((world_y - focus) * zoom + focus) / height + 0.5,
        radius=radius * zoom,
        lift=lift,
        angle=angle,
        squash=squash,
    )


def _foot(scenes: SceneBatch, shape_BO: Tensor) -> Tensor:
    """How far below the centre each object touches the floor, in radii; a spinning one clears it with every corner."""
    foot, reach = torch.tensor([FOOT, REACH], device=scenes.device)
    return torch.where(scenes.motion_BO == _MOTION["spin"], reach[shape_BO] * 1.03, foot[shape_BO])


def change_weight(scenes: SceneBatch, times: Tensor) -> Tensor:
    """1 during the mid-clip change, 0 outside, with a short smooth fade, (B, T), at `times` (T,) or (B, T)."""

    def passed(moment_B: Tensor) -> Tensor:
        x = ((times - moment_B[:, None]) / (2 * FADE_S) + 0.5).clamp(0, 1)
        return x * x * (3 - 2 * x)

    changes = torch.isfinite(scenes.change_start_B)[:, None]
    return torch.where(changes, passed(scenes.change_start_B) - passed(scenes.change_end_B), 0.0)


def frame_extent(aspect: float) -> tuple[float, float]:
    """Width and height of the frame, counted in its shorter side."""
    return (aspect, 1.0) if aspect >= 1 else (1.0, 1 / aspect)


def bounce_times(scenes: SceneBatch, duration_s: float) -> list[list[float]]:
    """The seconds in [0, duration_s) at which object 0 of each scene touches the floor (empty if it doesn't bounce)."""
    moments: list[list[float]] = []
    columns = (scenes.hop_height_BO, scenes.hop_start_BO, scenes.hop_period_BO)
    for height, start, period in zip(*(numbers(column[:, 0]) for column in columns), strict=True):
        hops = height > 0
        first = start - math.floor(start / period) * period if hops else duration_s
        count = max(0, math.ceil((duration_s - first) / period)) if hops else 0
        moments.append([first + k * period for k in range(count)])
    return moments


class _Attributes(NamedTuple):
    """The drawn or asked-for attributes as table indices, each (B,), or (B, 2) for shape and colour."""

    shape: Tensor
    colour: Tensor
    motion: Tensor
    size: Tensor
    background: Tensor
    pace: Tensor
    place: Tensor
    camera: Tensor
    style: Tensor
    both: Tensor


def sample_scenes(
    count: int,
    seed: int | torch.Generator,
    *,
    duration_s: float,
    aspect: float,
    two_objects: float = 0.15,
    moving_camera: float = 0.15,
    changes: float = 0.0,
    cameras: Sequence[str] = ("pan left", "pan right", "push in"),
    style: str = "natural",
) -> SceneBatch:
    """Draw `count` scenes that suit a clip of `duration_s` seconds and a frame `aspect` = width / height.

    `two_objects`, `moving_camera` and `changes` are shares of the scenes. Equal seeds give equal scenes. CPU tensors.
    """
    draw = _Draw(seed)
    shape = draw.index((count, OBJECTS), len(SHAPES))
    colour = draw.index((count, OBJECTS), len(COLOURS))
    # the second object differs from the first in colour and in shape
    shape[:, 1] = (shape[:, 0] + 1 + draw.index((count,), len(SHAPES) - 1)) % len(SHAPES)
    colour[:, 1] = (colour[:, 0] + 1 + draw.index((count,), len(COLOURS) - 1)) % len(COLOURS)
    motion = draw.index((count,), len(MOTIONS))
    stays = ~torch.isin(motion, torch.tensor(sorted(_MOTION[name] for name in TRAVELLING)))
    both = (draw.uniform((count,)) < two_objects * len(MOTIONS) / (len(MOTIONS) - len(TRAVELLING))) & stays
    place = torch.where(stays, draw.index((count,), len(PLACES)), PLACES.index("centre"))
    place = torch.where(both & (place == 1), 2 * draw.index((count,), 2), place)
    camera_set = torch.tensor([_CAMERA[name] for name in cameras])
    # The camera moves where the frame has room for it, and zooms only where the object keeps its height and size
    roomy = torch.isin(motion, torch.tensor(sorted(_MOTION[name] for name in _WITH_CAMERA))) & ~both
    moving = roomy & (draw.uniform((count,)) < moving_camera * len(MOTIONS) / len(_WITH_CAMERA))
    camera = torch.where(moving, camera_set[draw.index((count,), len(cameras))], 0)
    floats = (motion == _MOTION["rise"]) | (motion == _MOTION["fall"])
    zooms = (camera == _CAMERA["push in"]) | (camera == _CAMERA["pull out"])
    camera = torch.where(floats & zooms, 0, camera)
    place = torch.where(camera > 0, PLACES.index("centre"), place)
    chosen = _Attributes(
        shape=shape,
        colour=colour,
        motion=motion,
        size=draw.index((count,), len(SIZES)),
        background=draw.index((count,), len(BACKGROUNDS)),
        pace=draw.index((count,), len(PACES)),
        place=place,
        camera=camera,
        style=torch.full((count,), STYLES.index(style)),
        both=both,
    )
    return _place(chosen, draw, duration_s, aspect, changes)


def scenes_from_attributes(
    attributes: Sequence[Attributes], seed: int | torch.Generator, *, duration_s: float, aspect: float
) -> SceneBatch:
    """Scenes that show what `attributes` say, with everything they leave open drawn from `seed`."""
    both = [a.second is not None for a in attributes]
    shape = [[SHAPES.index(a.shape), SHAPES.index(a.second[1] if a.second else a.shape)] for a in attributes]
    colour = [[COLOURS.index(a.colour), COLOURS.index(a.second[0] if a.second else a.colour)] for a in attributes]
    # two objects need two places
    place = [PLACES.index("left" if a.second and a.place == "centre" else a.place) for a in attributes]
    chosen = _Attributes(
        shape=torch.tensor(shape),
        colour=torch.tensor(colour),
        motion=torch.tensor([_MOTION[a.motion] for a in attributes]),
        size=torch.tensor([SIZES.index(a.size) for a in attributes]),
        background=torch.tensor([BACKGROUNDS.index(a.background) for a in attributes]),
        pace=torch.tensor([PACES.index(a.pace) for a in attributes]),
        place=torch.tensor(place),
        camera=torch.tensor([_CAMERA[a.camera] for a in attributes]),
        style=torch.tensor([STYLES.index(a.style) for a in attributes]),
        both=torch.tensor(both),
    )
    return _place(chosen, _Draw(seed), duration_s, aspect, 0.0)


class _Draw:
    """Random numbers from one generator, in the order of the calls."""

    def __init__(self, seed: int | torch.Generator) -> None:
        self._generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=self._generator)

    def between(self, low: Tensor | float, high: Tensor | float, shape: tuple[int, ...]) -> Tensor:
        return low + (high - low) * self.uniform(shape)

    def index(self, shape: tuple[int, ...], count: int) -> Tensor:
        return torch.randint(count, shape, generator=self._generator)


def _place(chosen: _Attributes, draw: _Draw, duration_s: float, aspect: float, changes: float) -> SceneBatch:
    """Give every chosen scene its numbers: positions, speeds and times at which it stays in the frame."""
    count = len(chosen.motion)
    width, height = frame_extent(aspect)
    motion, size, pace = chosen.motion, chosen.size, chosen.pace
    one = (count,)

    def is_motion(*names: str) -> Tensor:
        return torch.isin(motion, torch.tensor([_MOTION[name] for name in names]))

    def of_pace(table: tuple[tuple[float, float], ...]) -> Tensor:
        low, high = torch.tensor(table)[pace].unbind(-1)
        return draw.between(low, high, one)

    grows, shrinks = is_motion("grow"), is_motion("shrink")
    growth = draw.between(0.34, 0.5, one).clamp(max=0.85 / duration_s) * (grows.float() - shrinks.float())
    zoom = draw.between(0.13, 0.18, one).clamp(max=0.42 / duration_s)
    zoom = zoom * ((chosen.camera == _CAMERA["push in"]).float() - (chosen.camera == _CAMERA["pull out"]).float())
    radius = torch.tensor(SIZE_RADIUS)[size] * draw.between(0.95, 1.05, one)
    # growing and shrinking objects, and those the camera goes towards, have their size in the middle of the clip
    radius = radius * torch.exp(-(growth + zoom) * duration_s / 2)
    largest = radius * torch.exp((growth + zoom).clamp(min=0) * duration_s)
    reach = torch.tensor(REACH)[chosen.shape[:, 0]]
    margin = largest * reach / width  # frame widths

    # Heights
    ceiling = FLOOR - 0.03 - 2 * largest * reach / height  # highest lift that stays in the frame
    hops = is_motion("bounce", "bounce left", "bounce right")
    hop_height = torch.minimum(draw.between(0.20, 0.40, one), ceiling) * hops
    hop_period = torch.where(hops, torch.sqrt(8 * hop_height.clamp(min=0.05) / GRAVITY), 1.0)
    hop_start = draw.uniform(one) * hop_period
    rises, falls = is_motion("rise"), is_motion("fall")
    lift_speed = torch.minimum(of_pace(PACE_LIFT), (ceiling - 0.01) / duration_s)
    lift_room = (ceiling - lift_speed * duration_s).clamp(min=0) * draw.uniform(one)
    lift = torch.where(rises, lift_room, torch.where(falls, lift_room + lift_speed * duration_s, 0.0))

    # Places
    travels_left, travels_right = is_motion("slide left", "bounce left"), is_motion("slide right", "bounce right")
    travels = travels_left | travels_right
    speed_x = torch.minimum(of_pace(PACE_SPEED), (1 - 2 * margin) / duration_s)
    slack = (1 - 2 * margin - speed_x * duration_s).clamp(min=0)
    start_x = margin + slack * draw.uniform(one)
    start_x = torch.where(travels_left, 1 - start_x, start_x)
    place_x = torch.tensor((0.25, 0.5, 0.75))[chosen.place] + draw.between(-0.05, 0.05, one)
    place_x = torch.minimum(torch.maximum(place_x, margin + 0.01), 1 - margin - 0.01)
    x = torch.where(travels, start_x, place_x)
    pan = draw.between(0.10, 0.16, one).clamp(max=0.42 * width / duration_s)
    pan = pan * ((chosen.camera == _CAMERA["pan right"]).float() - (chosen.camera == _CAMERA["pan left"]).float())
    x = x + pan * duration_s / 2 / width  # a panning camera passes the object in the middle of the clip

    spins = is_motion("spin")
    spin = of_pace(PACE_SPIN) * (2.0 * draw.index(one, 2) - 1) * spins
    # A pace is only called so if it can be seen as such: by the speed that was possible, or "normal" without any.
    middle = PACES.index("normal")
    seen_pace = torch.where(travels, _pace_of(speed_x, PACE_SPEED), torch.where(spins, pace, middle))
    seen_pace = torch.where(rises | falls, _pace_of(lift_speed, PACE_LIFT), seen_pace)

    changed_shape, changed_colour = chosen.shape[:, 0], chosen.colour[:, 0]
    shape_changes, colour_changes = draw.uniform(one) < 0.5, draw.uniform(one) < 0.5
    other_shape = (changed_shape + 1 + draw.index(one, len(SHAPES) - 1)) % len(SHAPES)
    other_colour = (changed_colour + 1 + draw.index(one, len(COLOURS) - 1)) % len(COLOURS)
    length_s = draw.between(0.3, 0.6, one) * duration_s
    change_start = draw.uniform(one) * (duration_s - length_s)
    has_change = draw.uniform(one) < changes

    def beside(first: Tensor, second: Tensor | float) -> Tensor:
        return torch.stack([first, torch.as_tensor(second, dtype=first.dtype).expand(count)], 1)

    second_radius = SIZE_RADIUS[0] * draw.between(0.95, 1.1, one)
    second_x = torch.where(chosen.place == PLACES.index("right"), 0.25, 0.75) + draw.between(-0.03, 0.03, one)
    return SceneBatch(
        shape_BO=chosen.shape,
        colour_BO=chosen.colour,
        motion_BO=beside(motion, _MOTION["still"]),
        radius_BO=beside(radius, second_radius),
        x_BO=beside(x, second_x),
        lift_BO=beside(lift, 0.0),
        speed_x_BO=beside(speed_x * (travels_right.float() - travels_left.float()), 0.0),
        speed_lift_BO=beside(lift_speed * (rises.float() - falls.float()), 0.0),
        hop_height_BO=beside(hop_height, 0.0),
        hop_period_BO=beside(hop_period, 1.0),
        hop_start_BO=beside(hop_start, 0.0),
        growth_BO=beside(growth, 0.0),
        spin_BO=beside(spin, 0.0),
        angle_BO=beside(draw.uniform(one) * 2 * math.pi * spins, 0.0),
        present_BO=beside(torch.ones(count), chosen.both.float()),
        size_B=size,
        pace_B=seen_pace,
        place_B=chosen.place,
        background_B=chosen.background,
        scenery_B=draw.between(0.0, 6.0, one),
        camera_B=chosen.camera,
        pan_B=pan,
        zoom_B=zoom,
        style_B=chosen.style,
        change_start_B=torch.where(has_change, change_start, math.inf),
        change_end_B=torch.where(has_change, change_start + length_s, math.inf),
        changed_shape_B=torch.where(shape_changes, other_shape, changed_shape),
        changed_colour_B=torch.where(colour_changes | ~shape_changes, other_colour, changed_colour),
    )


def _pace_of(speed: Tensor, table: tuple[tuple[float, float], ...]) -> Tensor:
    """The pace whose range of `table` is nearest to a speed."""
    between = [(low[1] + high[0]) / 2 for low, high in pairwise(table)]
    return torch.bucketize(speed, torch.tensor(between))
