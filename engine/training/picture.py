"""Draws scenes of Pocket's world: landscapes from a table of colours, objects from signed distances, light and shade.

Everything is a few elementwise operations over whole batches, so a GPU draws thousands of clips a minute. Colours are
display values in 0..1 until the end. Lengths are in shorter sides of the frame unless a name says otherwise.
"""

# Shapes: B scenes, C = 3 colours, F frames, H, W pixels, K blobs (clouds or stars). Tensors of the landscape keep all
# five axes (B, C, F, H, W) with 1 where nothing varies, so rows and columns stay cheap until they are combined.

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from engine.training.scenes import (
    FLOOR,
    FOCUS,
    HORIZON,
    OBJECTS,
    REACH,
    SceneBatch,
    camera_state,
    change_weight,
    frame_extent,
    object_state,
)
from engine.training.words import SHAPES, STYLES

_Colour = tuple[float, float, float]

OBJECT_RGB: tuple[_Colour, ...] = (
    (0.90, 0.13, 0.12),  # red
    (1.00, 0.52, 0.05),  # orange
    (1.00, 0.86, 0.12),  # yellow
    (0.10, 0.70, 0.24),  # green
    (0.10, 0.36, 0.95),  # blue
    (0.52, 0.18, 0.80),  # purple
    (1.00, 0.45, 0.72),  # pink
    (0.98, 0.98, 0.99),  # white
)


class Landscape(NamedTuple):
    """One background: colours from `sky_top` to `sky_low` at the horizon, `floor_far` there to `floor_near`."""

    sky_top: _Colour
    sky_low: _Colour
    floor_far: _Colour
    floor_near: _Colour
    hill: _Colour
    hill_height: float  # 0 = flat
    peaks: float = 0.0  # 0 = round hills, 1 = pointed mountains
    clouds: float = 0.0  # opacity
    stars: float = 0.0  # brightness
    disc: _Colour | None = None  # sun or moon
    disc_height: float = 0.0  # above the horizon
    disc_radius: float = 0.0
    glow: float = 0.0  # of the disc
    panels: float = 0.0  # contrast of upright panels on the wall
    planks: float = 0.0  # contrast of boards on the floor, seen in perspective


# In the order of words.BACKGROUNDS. Softer than the object colours, so that objects stand out.
LANDSCAPES = (
    Landscape(  # meadow
        (0.42, 0.68, 0.90), (0.84, 0.92, 0.95), (0.58, 0.72, 0.46), (0.36, 0.54, 0.31), (0.43, 0.61, 0.45), 0.15,
        clouds=0.85, planks=0.06,
    ),
    Landscape(  # beach: the "hill" is the sea
        (0.52, 0.80, 0.88), (0.93, 0.95, 0.90), (0.94, 0.86, 0.68), (0.84, 0.73, 0.54), (0.33, 0.62, 0.68), 0.10,
        peaks=-1.0, clouds=0.6, disc=(1.0, 0.97, 0.82), disc_height=0.40, disc_radius=0.06, glow=0.25,
    ),
    Landscape(  # sunset
        (0.30, 0.22, 0.42), (0.98, 0.66, 0.45), (0.44, 0.30, 0.35), (0.24, 0.17, 0.24), (0.38, 0.22, 0.36), 0.10,
        clouds=0.25, disc=(1.0, 0.86, 0.60), disc_height=0.13, disc_radius=0.10, glow=0.5,
    ),
    Landscape(  # night
        (0.03, 0.05, 0.15), (0.13, 0.19, 0.36), (0.13, 0.17, 0.27), (0.07, 0.09, 0.16), (0.06, 0.09, 0.19), 0.13,
        stars=0.9, disc=(0.93, 0.93, 0.86), disc_height=0.44, disc_radius=0.055, glow=0.16,
    ),
    Landscape(  # studio
        (0.56, 0.58, 0.62), (0.77, 0.78, 0.80), (0.80, 0.80, 0.81), (0.62, 0.63, 0.66), (0.7, 0.7, 0.7), 0.0,
        panels=0.05,
    ),
    Landscape(  # snow
        (0.62, 0.74, 0.86), (0.84, 0.90, 0.94), (0.86, 0.90, 0.95), (0.74, 0.80, 0.89), (0.61, 0.70, 0.81), 0.26,
        peaks=1.0, clouds=0.4,
    ),
    Landscape(  # room
        (0.80, 0.72, 0.60), (0.90, 0.83, 0.71), (0.52, 0.37, 0.27), (0.40, 0.27, 0.19), (0.64, 0.52, 0.40), 0.028,
        peaks=-1.0, panels=0.07, planks=0.17,
    ),
)  # fmt: skip

_LIGHT = (-0.42, -0.62, 0.66)  # from the upper left, towards the viewer; y downwards
_CORNERS = (0.0, 4.0, 3.0, 5.0, 0.0)  # per shape; 0 = round
_WAIST = (0.0, math.cos(math.pi / 4), 0.5, 0.56, 0.0)  # inner radius of the star outline / outer radius
_ROUNDING = (0.0, 0.13, 0.13, 0.10, 0.0)  # of the corners, radii
_TUBE = 0.30  # half thickness of the ring, radii
# Width over which the edge is rounded off, radii: the ball is a whole sphere, the ring a torus.
_BEVEL = (1.0, 0.34, 0.34, 0.38, _TUBE)
_PIXELS_AT_ONCE = 1 << 24  # of one colour: bounds the working memory to a few GB


def render_video(
    scenes: SceneBatch,
    *,
    frames: int,
    height: int,
    width: int,
    fps: Fraction | float = 24,
    device: torch.device | str | None = None,
    start_s: float = 0.0,
) -> Tensor:
    """(B, 3, frames, height, width), float32 in [-1, 1], on `device` (default: where the scenes are).

    Frame k shows the instant start_s + k / fps. Anti-aliased; the same scene at another size looks the same.
    """
    scenes = scenes.to(device or scenes.device)
    times = start_s + torch.arange(frames, device=scenes.device, dtype=torch.float32) / float(fps)
    video = torch.empty(len(scenes), 3, frames, height, width, device=scenes.device)
    # Under a fixed camera the landscape is drawn once for all frames, so those scenes go together.
    fixed = scenes.camera_B == 0
    at_once = max(1, _PIXELS_AT_ONCE // (frames * height * width))
    for together, landscape_times in ((fixed, times[:1]), (~fixed, times)):
        index_of = together.nonzero()[:, 0]
        if not len(index_of):
            continue
        # scenes with objects of like size are drawn together, so that the window around the object stays small
        index_of = index_of[_largest_radius(scenes[index_of], times).argsort()]
        for start in range(0, len(index_of), at_once):
            index = index_of[start : start + at_once]
            part = scenes[index]
            picture = _landscape(part, landscape_times, height, width)
            picture = _with_objects(part, picture, times, height, width)
            video[index] = _in_style(picture, part.style_B)
    return video.mul_(2).sub_(1)


def _largest_radius(scenes: SceneBatch, times: Tensor) -> Tensor:
    return (object_state(scenes, times, 1.0).radius * scenes.present_BO[:, None]).amax((1, 2))


def _pixel_grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, float]:
    """Rows (H, 1) and columns (W,) from the frame's centre, and one shorter side in pixels."""
    side_px = float(min(height, width))
    rows = (torch.arange(height, device=device) + 0.5 - height / 2) / side_px
    columns = (torch.arange(width, device=device) + 0.5 - width / 2) / side_px
    return rows[:, None], columns, side_px


def _smooth(x: Tensor) -> Tensor:
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def _landscape(scenes: SceneBatch, times: Tensor, height: int, width: int) -> Tensor:
    """The background, (B, 3, F, H, W)."""
    device = scenes.device
    rows, columns, side_px = _pixel_grid(height, width, device)
    _, tall = frame_extent(width / height)
    camera = camera_state(scenes, times)
    offset, zoom = (part[:, None, :, None, None] for part in camera)
    offset = offset + scenes.scenery_B[:, None, None, None, None]

    def table(name: str) -> Tensor:
        values = torch.tensor([getattr(landscape, name) for landscape in LANDSCAPES], device=device)
        return values[scenes.background_B].reshape(len(scenes), -1, 1, 1, 1)

    focus = (FOCUS - 0.5) * tall
    y = (rows - focus) / zoom + focus  # world rows (B, 1, F, H, 1)
    x = columns / zoom  # columns before the camera's parallax (B, 1, F, 1, W)
    edge = side_px * zoom  # a length of one pixel, inverted
    horizon, top = (HORIZON - 0.5) * tall, -0.5 * tall

    def covers(distance: Tensor) -> Tensor:
        return (distance * edge + 0.5).clamp(0, 1)

    sky = torch.lerp(table("sky_top"), table("sky_low"), _smooth((y - top) / (horizon - top)))
    sky = sky.expand(-1, -1, -1, -1, width)

    # Stars: a fixed handful per stretch of sky, as narrow bells: a row part times a column part
    far = x + 0.12 * offset
    stars = _blobs(far, y, _STARS, top, horizon, radius_x=max(0.006, 0.75 / side_px), period=1.9)
    sky = sky + (table("stars") * stars).clamp(max=0.8) * (1 - sky)
    # Sun or moon
    disc_colour = torch.tensor([landscape.disc or (1.0, 1.0, 1.0) for landscape in LANDSCAPES], device=device)
    disc_colour = disc_colour[scenes.background_B][:, :, None, None, None]
    disc_x = torch.remainder(far + 0.71, 1.9) - 0.95
    disc_y = y - (horizon - table("disc_height") * tall)
    radius = table("disc_radius")
    has_disc = (radius > 0).float()
    glow = (
        table("glow")
        * torch.exp(-((disc_x / (3.2 * radius + 1e-6)) ** 2))
        * torch.exp(-((disc_y / (3.2 * radius + 1e-6)) ** 2))
    )
    disc = has_disc * covers(radius - torch.sqrt(disc_x**2 + disc_y**2))
    sky = torch.lerp(sky, disc_colour, torch.maximum(glow * has_disc, disc))
    # Clouds drift in front of it, at a quarter of the camera's speed
    clouds = _blobs(x + 0.25 * offset, y, _CLOUDS, top, horizon, radius_x=0.115, period=1.7, radius_y=0.042)
    sky = sky + table("clouds") * _smooth((clouds - 0.25) * 1.5) * 0.8 * (1 - sky) ** 0.6
    # Hills, mountains, or the sea (a level band)
    near = x + 0.5 * offset
    waves = 0.5 + 0.28 * torch.sin(2 * math.pi * near / 1.5) + 0.22 * torch.sin(2 * math.pi * near / 0.6 + 1.0)
    peaks = torch.maximum(_triangle_wave(near / 0.9), 0.72 * _triangle_wave(near / 0.54 + 0.3))
    kind = table("peaks")
    outline = torch.where(kind > 0, peaks, torch.where(kind < 0, 1.0, waves)) * table("hill_height")
    ridge = y - (horizon - outline)
    haze = torch.lerp(table("hill"), table("sky_low"), (0.55 * (1 - ridge / 0.14)).clamp(0, 0.42) * (kind >= 0))
    snow_cap = (kind > 0) * _smooth((0.10 - ridge) * 25) * _smooth((outline - 0.12) * 14)
    haze = haze + (0.97 - haze) * 0.75 * snow_cap
    picture = torch.lerp(sky, haze, covers(ridge) * (table("hill_height") > 0))
    # Panels on the wall
    panel = torch.sin(2 * math.pi * (x + offset) / 0.5)
    picture = picture * (1 - table("panels") * (panel * 2.5).clamp(-1, 1))

    # The floor, brighter in the middle where the light falls
    depth = ((y - horizon) / (0.5 * tall - horizon)).clamp(0, 1.5)
    floor = torch.lerp(table("floor_far"), table("floor_near"), depth.clamp(max=1) ** 0.8)
    # boards run towards the viewer; at the objects' feet they pass as fast as the objects do
    at_feet = 0.22 + (FLOOR - HORIZON) / (1 - HORIZON)
    boards = x / (0.22 + depth) + offset / at_feet
    boards = torch.sin(2 * math.pi * boards / 0.42)
    floor = floor * (1 - table("planks") * (boards * 2.5).clamp(-1, 1) * _smooth(depth * 3))
    picture = torch.lerp(picture, floor, covers(y - horizon))
    # A gentle vignette of the lens
    fall_off = 1 - 0.10 * ((rows / (0.5 * tall)) ** 2 + (columns / columns.abs().max()) ** 2)
    return (picture * fall_off).clamp(0, 1)


_STARS = tuple(
    (((7 * k * 0.618) % 1.9), ((k * 0.3819 + 0.13 * (k % 3)) % 1.0) * 0.92 - 0.02, 0.55 + 0.45 * ((k * 0.71) % 1.0))
    for k in range(26)
)
_CLOUDS = (
    (0.20, 0.30, 0.9), (0.30, 0.24, 1.0), (0.41, 0.31, 0.8),
    (1.02, 0.48, 0.8), (1.13, 0.43, 1.0), (1.25, 0.47, 0.9), (1.34, 0.50, 0.5),
)  # fmt: skip


def _blobs(
    x: Tensor,
    y: Tensor,
    blobs: tuple[tuple[float, float, float], ...],
    top: float,
    horizon: float,
    *,
    radius_x: float,
    period: float,
    radius_y: float | None = None,
) -> Tensor:
    """A sum of bells at (x, height from `top` to `horizon` as 0..1, weight), repeated every `period`: (B, 1, F, H, W).

    A bell is a row part times a column part, so the sum is one small matrix product.
    """
    table = torch.tensor(blobs, device=x.device)
    radius_y = radius_y or radius_x
    at_y = top + table[:, 1] * (horizon - top)
    from_x = torch.remainder(x[..., 0, :, None] - table[:, 0] + period / 2, period) - period / 2
    rows_BFHK = torch.exp(-(((y - at_y) / radius_y) ** 2))
    columns_BFWK = table[:, 2] * torch.exp(-((from_x / radius_x) ** 2))
    return rows_BFHK @ columns_BFWK.transpose(-1, -2)


def _triangle_wave(x: Tensor) -> Tensor:
    """0..1..0 with period 1."""
    return 1 - 2 * (torch.remainder(x, 1.0) - 0.5).abs()


def _with_objects(scenes: SceneBatch, landscape: Tensor, times: Tensor, height: int, width: int) -> Tensor:
    """The landscape with shadows and objects, (B, 3, F, H, W)."""
    device = scenes.device
    rows, columns, side_px = _pixel_grid(height, width, device)
    wide, tall = frame_extent(width / height)
    state = object_state(scenes, times, width / height)
    camera = camera_state(scenes, times)
    focus = (FOCUS - 0.5) * tall
    floor_y = (((FLOOR - 0.5) * tall - focus) * camera.zoom + focus)[:, None, :, None, None]
    reach = torch.tensor(REACH, device=device)[scenes.shape_BO]
    frames = len(times)
    picture = landscape.expand(-1, -1, frames, -1, -1)

    def axis(values_BT: Tensor) -> Tensor:
        return values_BT[:, None, :, None, None]

    # Soft shadows on the floor: dark and small at the contact, wide and pale from high up
    shade = torch.ones(1, device=device)
    for o in range(OBJECTS):
        radius = axis(state.radius[:, :, o] * reach[:, None, o])
        aloft = axis(state.lift[:, :, o]) * tall / radius
        spread = radius * (0.92 + 0.35 * aloft.clamp(max=2.5))
        x, y = columns - axis((state.x[:, :, o] - 0.5) * wide), rows - floor_y
        strength = 0.55 / (1 + 1.1 * aloft) * scenes.present_BO[:, o, None, None, None, None]
        shade = shade * (1 - strength * torch.exp(-((x / spread) ** 2)) * torch.exp(-((y / (0.20 * spread)) ** 2)))
    picture = (picture * shade).contiguous()

    for o in reversed(range(OBJECTS)):  # object 0 stands in front
        index = (scenes.present_BO[:, o] > 0).nonzero()[:, 0]
        if len(index) == 0:
            continue
        some = scenes[index]
        # Only a square window around the object is drawn, wide enough for the largest of these scenes
        extent = state.radius[index, :, o] * reach[index, None, o] * 1.1
        window = 2 * math.ceil(float(extent.max()) * side_px) + 4
        high, broad = min(window, height), min(window, width)
        centre_x, centre_y = state.x[index, :, o] * width, state.y[index, :, o] * height
        left = (centre_x - broad / 2).round().clamp(0, width - broad).long()
        above = (centre_y - high / 2).round().clamp(0, height - high).long()
        at_column = (left[:, :, None] + torch.arange(broad, device=device))[:, :, None, :]  # (b, F, 1, w)
        at_row = (above[:, :, None] + torch.arange(high, device=device))[:, :, :, None]  # (b, F, h, 1)
        x = (at_column + 0.5 - centre_x[:, :, None, None]) / side_px
        y = (at_row + 0.5 - centre_y[:, :, None, None]) / side_px
        squash = state.squash[index, :, o, None, None]
        radius, angle = state.radius[index, :, o, None, None], state.angle[index, :, o, None, None]
        x, y = x / (1 + 0.5 * squash) / radius, y / (1 - squash) / radius
        pixel = 1 / side_px / radius
        drawn = _draw(some.shape_BO[:, o], x, y, angle, pixel)
        colour = _rgb(some.colour_BO[:, o], device)[:, None].expand(-1, frames, -1)
        if o == 0 and bool(torch.isfinite(some.change_start_B).any()):
            changed = change_weight(some, times)[:, :, None]
            other = _draw(some.changed_shape_B, x, y, angle, pixel)
            drawn = _Drawn(*(torch.lerp(a, b, changed[..., None]) for a, b in zip(drawn, other, strict=True)))
            colour = torch.lerp(colour, _rgb(some.changed_colour_B, device)[:, None], changed)
        body = colour[:, :, None, None]  # (b, F, 1, 1, C)
        body = torch.lerp(body, torch.ones_like(body), 0.42 * drawn.stripe[..., None])
        # Shade towards a deeper tone of the same colour rather than towards grey
        lit = body * (0.52 + 0.48 * drawn.light[..., None].clamp(0, 1))
        lit = torch.lerp(lit, torch.ones_like(lit), drawn.gloss[..., None])
        at = (index[:, None, None, None], slice(None), torch.arange(frames, device=device)[:, None, None])
        under = picture[(*at, at_row, at_column)]  # (b, F, h, w, C)
        picture[(*at, at_row, at_column)] = torch.lerp(under, lit, drawn.cover[..., None])
    return picture


def _rgb(colour: Tensor, device: torch.device) -> Tensor:
    return torch.tensor(OBJECT_RGB, device=device)[colour]


class _Drawn(NamedTuple):
    """One object over the frame, each (B, F, H, W)."""

    cover: Tensor  # 0..1
    light: Tensor  # diffuse, 0..1
    gloss: Tensor  # highlight, 0..1
    stripe: Tensor  # the paler band around balls and rings that shows their turning, 0..1


def _draw(shape: Tensor, x: Tensor, y: Tensor, angle: Tensor, pixel: Tensor) -> _Drawn:
    """Draw one shape per scene. x (B,F,1,W), y (B,F,H,1), `pixel` and distances are in radii of the object.

    The outline of box, triangle and star: fold the plane into half a corner, where it is the straight edge from the
    corner (1, 0) to the waist. The fold is a rotation (and a mirror), so the light is folded with it.
    """

    def table(values: tuple[float, ...]) -> Tensor:
        return torch.tensor(values, device=x.device)[shape][:, None, None, None]

    cos, sin = torch.cos(angle), torch.sin(angle)
    turned_x, turned_y = x * cos + y * sin, y * cos - x * sin
    from_centre = torch.sqrt(turned_x**2 + turned_y**2).clamp(min=1e-4)

    corners, waist, rounding = table(_CORNERS).clamp(min=1), table(_WAIST), table(_ROUNDING)
    half = math.pi / corners
    # one corner points up, except for the box, whose sides are level
    first = torch.where(corners == 4, -math.pi / 4, -math.pi / 2)
    theta = torch.atan2(turned_y, turned_x) - first
    sector = torch.round(theta / (2 * half)) * (2 * half)
    folded = theta - sector
    u, v = from_centre * torch.cos(folded), from_centre * torch.sin(folded.abs())
    outer = table(REACH) - rounding
    # for a regular polygon the waist is the middle of its side; rounding keeps the side where it was
    waist_r = torch.where(corners == 5, waist * table(REACH) - 0.6 * rounding, waist * outer)
    edge_u, edge_v = waist_r * torch.cos(half) - outer, waist_r * torch.sin(half)
    along = (((u - outer) * edge_u + v * edge_v) / (edge_u**2 + edge_v**2)).clamp(0, 1)
    away_u, away_v = u - outer - along * edge_u, v - along * edge_v
    gap = torch.sqrt(away_u**2 + away_v**2).clamp(min=1e-5)
    outside = edge_u * (v) - edge_v * (u - outer) < 0
    corner_distance = torch.where(outside, gap, -gap) - rounding
    sign = torch.where(outside, 1.0, -1.0)
    light_angle = math.atan2(_LIGHT[1], _LIGHT[0])
    slanted = light_angle - angle - first - sector
    mirrored = torch.where(folded < 0, -1.0, 1.0)
    flat_light = math.hypot(_LIGHT[0], _LIGHT[1])
    facing_corner = sign * flat_light * (torch.cos(slanted) * away_u + mirrored * torch.sin(slanted) * away_v) / gap

    is_ring = (shape == SHAPES.index("ring"))[:, None, None, None]
    is_round = is_ring | (shape == SHAPES.index("ball"))[:, None, None, None]
    to_middle = from_centre - (1 - _TUBE)
    round_distance = torch.where(is_ring, to_middle.abs() - _TUBE, from_centre - 1)
    outward = torch.where(is_ring, torch.sign(to_middle), 1.0)
    facing_round = outward * (x * _LIGHT[0] + y * _LIGHT[1]) / from_centre

    distance = torch.where(is_round, round_distance, corner_distance)
    facing = torch.where(is_round, facing_round, facing_corner)
    slope = (1 + distance / table(_BEVEL)).clamp(0, 0.98)
    rise = torch.sqrt(1 - slope**2)
    light = 0.36 + 0.80 * (slope * facing + rise * _LIGHT[2])
    # Highlight: how near the normal is to half way between light and viewer
    half_way = (slope * facing + rise * (_LIGHT[2] + 1)) / math.sqrt(2 + 2 * _LIGHT[2])
    gloss = 0.55 * half_way.clamp(0, 1) ** 28 * slope.clamp(max=0.5) * 2
    cover = (0.5 - distance / pixel).clamp(0, 1)
    stripe = is_round * ((0.17 - turned_y.abs()) / pixel + 0.5).clamp(0, 1)
    return _Drawn(cover, light, gloss, stripe)


def _in_style(picture: Tensor, style_B: Tensor) -> Tensor:
    """Apply the looks that the style LoRAs are trained on; "natural" is the picture itself."""
    if not bool((style_B > 0).any()):
        return picture
    style = style_B[:, None, None, None, None]
    grey = (picture * torch.tensor((0.299, 0.587, 0.114), device=picture.device)[:, None, None, None]).sum(1, True)
    tone = torch.tensor((1.02, 0.88, 0.68), device=picture.device)[:, None, None, None]
    sepia = (0.06 + 0.92 * grey) * tone
    comic = torch.round(picture * 4) / 4
    picture = torch.where(style == STYLES.index("sepia"), sepia.clamp(0, 1), picture)
    return torch.where(style == STYLES.index("comic"), comic, picture)
