"""Reads clips of Pocket's world back from pixels alone: what is seen, where, and how it moves.

The reader knows the world's colours and outlines (it calibrates itself on seeded renders at the size in question), but
nothing of the clip it is given. `look` takes what a model made; blur and compression are allowed for. Sound is read in
`listening.py`.
"""

# Shapes: F frames, H, W pixels, B clips, P = F * H * W, A angles, R radii

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.picture import render_video
from engine.training.scenes import FOCUS, SceneBatch, numbers, sample_scenes
from engine.training.words import BACKGROUNDS, COLOURS, SHAPES

_BINS = 24  # of each colour channel
_BANDS = 6  # rows of the frame are told apart in so many bands
_ANGLES, _RADII = 64, 24
_OUTER = 1.6  # how far out an object is looked at, in radii of a disc of equal area
_ENOUGH = 96  # pixels of the shorter side
_WAVES, _RINGS = 7, 8  # an outline is told by so many waves around the centre in so many rings


@dataclass(frozen=True)
class SeenObject:
    """One object of a clip. Tracks have one value per frame, NaN where it isn't found."""

    colour: str
    shape: str
    x_F: Tensor  # centre, frame widths from the left
    y_F: Tensor  # centre, frame heights from the top
    radius_F: Tensor  # of a disc of equal area, shorter sides
    turn_F: Tensor  # rad since the first frame, clockwise


@dataclass(frozen=True)
class Seen:
    """What a clip shows. `motion` and the rest of the words are those of `words`; "" where nothing is found."""

    background: str
    objects: tuple[SeenObject, ...]  # larger first
    motion: str  # of the first object
    camera: str
    bounces_s: tuple[float, ...]  # when the first object touches the floor


@lru_cache(maxsize=8)
def eye(height: int, width: int) -> Eye:
    """The calibrated reader for one frame size, on the CPU. Takes some ten seconds the first time."""
    return Eye(height, width)


class Eye:
    """Reads pictures of one size. Calibration: colour tables of objects and backgrounds, and outlines of the shapes."""

    def __init__(self, height: int, width: int, *, clips: int = 300, seed: int = 90210):
        self._frame = (height, width)
        # Larger frames are read at a fraction of their size: it says as much, and calibration takes seconds
        shrink = max(1, min(height, width) // _ENOUGH)
        self.height, self.width = height // shrink, width // shrink
        self._side = min(self.height, self.width)
        self._band_H = torch.arange(self.height) * _BANDS // self.height
        self._calibrate(clips, seed)

    def look(self, video_CFHW: Tensor, fps: Fraction | float) -> Seen:
        """Read one clip (3, F, H, W) in about [-1, 1]. Raises ValueError for another frame size."""
        if video_CFHW.shape[2:] != self._frame:
            raise ValueError(f"this eye reads (height, width) {self._frame}, not {tuple(video_CFHW.shape[2:])}")
        size = (self.height, self.width)
        video = F.interpolate(video_CFHW.detach().float().clamp(-1, 1).transpose(0, 1), size=size, mode="area")
        video = video.transpose(0, 1).cpu()
        bins_FHW = _bin_of(video)
        background = self._background(bins_FHW)
        objects = self._objects(video, bins_FHW, background)
        if not objects:
            return Seen(BACKGROUNDS[background], (), "", "", ())
        camera, _ = _camera(video, objects, float(fps))
        motion, bounces = _motion(objects[0], float(fps), camera)
        return Seen(BACKGROUNDS[background], tuple(objects), motion, camera, bounces)

    # -- calibration

    def _calibrate(self, clips: int, seed: int) -> None:
        aspect = self.width / self.height
        colours = torch.zeros(len(COLOURS), _BINS**3)
        backgrounds = torch.zeros(len(BACKGROUNDS), _BANDS, _BINS**3)
        draw = torch.Generator().manual_seed(seed)
        scenes = sample_scenes(clips, draw, duration_s=2.0, aspect=aspect, two_objects=0.0, moving_camera=0.1)

        def render(some: SceneBatch) -> Tensor:
            return render_video(some, frames=3, height=self.height, width=self.width, fps=1.5)

        masks: list[Tensor] = []
        videos: list[Tensor] = []
        for start in range(0, clips, 60):
            some = scenes[slice(start, start + 60)]
            # what differs between two colours of the same scene is the object
            plain = render(some)
            recoloured = replace(some, colour_BO=(some.colour_BO + 4) % len(COLOURS))
            mask = (plain - render(recoloured)).abs().sum(1) > 0.12
            spoilt = _spoil(plain, draw)
            bins = _bin_of(spoilt)
            inside = -F.max_pool2d(-mask.float(), 3, 1, 1) > 0.5  # not the mixed colours of the edge
            outside = F.max_pool2d(mask.float(), 5, 1, 2) < 0.5
            for n in range(len(some)):
                colour, background = int(some.colour_BO[n, 0]), int(some.background_B[n])
                colours[colour] += torch.bincount(bins[n][inside[n]], minlength=_BINS**3)
                for band in range(_BANDS):
                    rows = self._band_H == band
                    seen = bins[n][:, rows][outside[n][:, rows]]
                    backgrounds[background, band] += torch.bincount(seen, minlength=_BINS**3)
            masks.append(mask)
            videos.append(spoilt)
        self._log_colours = _log_density(colours)
        self._log_backgrounds = _log_density(backgrounds)
        # Outlines: features of every calibration clip as the reader itself finds them
        features: list[Tensor] = []
        shapes: list[int] = []
        for n, video in enumerate(torch.cat(videos)):
            bins = _bin_of(video)
            background = int(scenes.background_B[n])
            scores = self._scores(bins, background)
            track = _track(scores[int(scenes.colour_BO[n, 0])], self._side)
            if bool(track.found_F.any()):
                outline = _outline(scores.amax(0), video, track, self._side)
                features.append(outline.features_FI[track.found_F])
                shapes += [int(scenes.shape_BO[n, 0])] * int(track.found_F.sum())
        self._fit_shapes(torch.cat(features), torch.tensor(shapes))

    def _fit_shapes(self, features_NI: Tensor, shapes_N: Tensor) -> None:
        """Linear discriminant: one mean per shape, one spread for all."""
        self._means = torch.stack([features_NI[shapes_N == s].mean(0) for s in range(len(SHAPES))])
        spread = torch.cov((features_NI - self._means[shapes_N]).T)
        self._inverse = torch.inverse(spread + 1e-4 * torch.eye(len(spread)))

    def _name_shape(self, features_FI: Tensor, found_F: Tensor) -> int:
        """The most probable shape by the mean of what the frames show."""
        away = features_FI[found_F].mean(0) - self._means
        return int(torch.einsum("si,ij,sj->s", away, self._inverse, away).argmin())

    # -- reading

    def _background(self, bins_FHW: Tensor) -> int:
        every = bins_FHW[:: max(1, len(bins_FHW) // 8), ::2, ::2]
        band = self._band_H[::2][None, :, None].expand_as(every)
        evidence = self._log_backgrounds[:, band, every].clamp(min=-11.0)  # an object's pixels count for little
        return int(evidence.mean((1, 2, 3)).argmax())

    def _scores(self, bins_FHW: Tensor, background: int) -> Tensor:
        """How much more each pixel looks like each object colour than like the background, (colours, F, H, W)."""
        behind = self._log_backgrounds[background][self._band_H[None, :, None].expand_as(bins_FHW), bins_FHW]
        scores = (self._log_colours[:, bins_FHW] - behind).clamp(-6, 6)
        return F.avg_pool2d(scores, 3, 1, 1, count_include_pad=False)

    def _objects(self, video: Tensor, bins_FHW: Tensor, background: int) -> list[SeenObject]:
        scores = self._scores(bins_FHW, background)
        best = scores.amax(0)
        colour_of = torch.where(best > 1.0, scores.argmax(0), -1)
        free = torch.ones_like(best, dtype=torch.bool)
        objects: list[SeenObject] = []
        for smallest in (0.018, 0.026):  # what stands beside the first object never shrinks
            amounts = torch.stack([((colour_of == c) & free).sum((1, 2)).float().median() for c in range(len(COLOURS))])
            colour = int(amounts.argmax())
            if amounts[colour] < smallest * self._side**2:
                break
            own = torch.where((colour_of == colour) & free, scores[colour], -6.0)
            track = _track(own, self._side)
            if not bool(track.found_F.any()):
                break
            outline = _outline(torch.where(free, best, -6.0), video, track, self._side)
            shape = self._name_shape(outline.features_FI, track.found_F)
            nothing = torch.where(track.found_F, 0.0, math.nan)
            objects.append(
                SeenObject(
                    colour=COLOURS[colour],
                    shape=SHAPES[shape],
                    x_F=outline.x_F / self.width + nothing,
                    y_F=outline.y_F / self.height + nothing,
                    radius_F=outline.radius_F / self._side + nothing,
                    turn_F=_turn(outline, shape) + nothing,
                )
            )
            # look for another object away from this one, on the floor: a white cloud is no object
            rows, columns = torch.arange(self.height)[:, None], torch.arange(self.width)
            away = (rows - outline.y_F[:, None, None]) ** 2 + (columns - outline.x_F[:, None, None]) ** 2
            free = free & (away > (1.7 * outline.radius_F[:, None, None]) ** 2) & (rows > 0.45 * self.height)
        return objects


def _bin_of(video: Tensor) -> Tensor:
    """Number of the colour bin of every pixel: (..., 3, F, H, W) -> (..., F, H, W) int64."""
    levels = ((video.clamp(-1, 1) + 1) * (_BINS / 2)).long().clamp(max=_BINS - 1)
    red, green, blue = levels.unbind(-4)
    return (red * _BINS + green) * _BINS + blue


def _log_density(counts: Tensor) -> Tensor:
    """Log probability of every colour bin, smoothed over neighbouring bins, never quite zero."""
    cube = counts.reshape(-1, 1, _BINS, _BINS, _BINS)
    # neighbours count a little, so that a shade that calibration didn't meet is still recognised
    kernel = torch.tensor([0.05, 0.25, 0.4, 0.25, 0.05])
    for axis in (2, 3, 4):
        shape = [1, 1, 1, 1, 1]
        shape[axis] = 5
        padding = [0, 0, 0]
        padding[axis - 2] = 2
        cube = F.conv3d(cube, kernel.reshape(shape), padding=padding)
    density = cube.reshape(counts.shape)
    density = density / density.sum(-1, keepdim=True).clamp(min=1)
    return torch.log(density + 1e-6)


def _spoil(video: Tensor, draw: torch.Generator) -> Tensor:
    """Slightly blurred, shifted and noisy copies, as a decoder would give."""
    blurred = F.avg_pool3d(video, (1, 3, 3), 1, (0, 1, 1), count_include_pad=False)
    amount = torch.rand(len(video), 1, 1, 1, 1, generator=draw)
    tint = 0.03 * torch.randn(len(video), 3, 1, 1, 1, generator=draw)
    noise = 0.02 * torch.randn(video.shape, generator=draw)
    return (torch.lerp(video, blurred, amount) + tint + noise).clamp(-1, 1)


class _Track(NamedTuple):
    """Where an object is, pixels, each (F,)."""

    x_F: Tensor
    y_F: Tensor
    radius_F: Tensor  # of a disc of equal area
    found_F: Tensor


def _track(score_FHW: Tensor, side: int) -> _Track:
    """Follow the pixels that speak for one colour: start at their densest place, then centre on what is around it."""
    weight = (score_FHW > 0).float()
    _, height, width = weight.shape
    window = max(3, side // 8) | 1
    dense = F.avg_pool2d(weight[:, None], window, 1, window // 2)[:, 0]
    place = dense.flatten(1).argmax(1)
    y, x = (place // width).float(), (place % width).float()
    radius = torch.full_like(x, side * 0.25)
    rows, columns = torch.arange(height)[:, None] + 0.0, torch.arange(width) + 0.0
    area = torch.zeros_like(x)
    for _ in range(5):
        near = (rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2 < (1.8 * radius[:, None, None]) ** 2
        inside = weight * near
        area = inside.sum((1, 2))
        y, x = ((inside * at).sum((1, 2)) / area.clamp(min=1) for at in (rows, columns))
        radius = (torch.sqrt(area / math.pi) * 1.25).clamp(min=side * 0.08, max=side * 0.5)
    return _Track(x, y, torch.sqrt(area.clamp(min=1) / math.pi), area > 0.006 * side**2)


class _Outline(NamedTuple):
    """An object's outline. Positions in pixels, each (F,)."""

    x_F: Tensor
    y_F: Tensor
    radius_F: Tensor
    features_FI: Tensor  # (F, _WAVES * _RINGS) independent of place, size and turn
    harmonics_FK: Tensor  # complex, the outline's waves around the centre; wave 2 is of the brightness instead


def _outline(score_FHW: Tensor, video: Tensor, track: _Track, side: int) -> _Outline:
    """Walk around the object: how far it reaches in every direction, and how much of its middle is filled."""
    _, height, width = score_FHW.shape
    likely = torch.sigmoid(1.5 * score_FHW)
    grey = (video.mean(0) + 1) / 2
    x, y, radius = track.x_F, track.y_F, track.radius_F
    theta = torch.arange(_ANGLES) * (2 * math.pi / _ANGLES)
    steps = (torch.arange(_RADII) + 0.5) / _RADII * _OUTER
    direction = torch.stack([torch.cos(theta), torch.sin(theta)], 1)  # (A, 2)
    ring = steps * (_OUTER / _RADII)  # area of a piece of ring, over its angle
    both = torch.stack([likely, grey], 1)

    def around(x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
        reach = radius[:, None, None, None] * steps[None, None, :, None] * direction[None, :, None, :]
        at_x = (x[:, None, None] + reach[..., 0] + 0.5) / width * 2 - 1
        at_y = (y[:, None, None] + reach[..., 1] + 0.5) / height * 2 - 1
        return F.grid_sample(both, torch.stack([at_x, at_y], -1), align_corners=False, padding_mode="zeros")

    for _ in range(2):  # settle on the middle of everything that belongs to it, stripes and lights included
        filled_FAR = around(x, y, radius)[:, 0]
        area = (filled_FAR * ring).sum((1, 2)).clamp(min=1e-3)
        away = (filled_FAR[..., None] * ring[:, None] * steps[:, None] * direction[:, None, :]).sum((1, 2))
        x, y = x + radius * away[:, 0] / area, y + radius * away[:, 1] / area
        radius = radius * torch.sqrt(area * (2 * math.pi / _ANGLES) / math.pi).clamp(0.7, 1.4)
    filled_FAR, grey_FAR = around(x, y, radius).unbind(1)
    rings = filled_FAR.reshape(-1, _ANGLES, _RINGS, _RADII // _RINGS).mean(-1)
    features_FI = _waves(rings).abs().flatten(1)
    extent_FA = (filled_FAR * ring).sum(-1)
    brightness = (grey_FAR * filled_FAR * (steps < 0.8)).sum(-1) / (filled_FAR * (steps < 0.8)).sum(-1).clamp(min=0.1)
    harmonics_FK = _waves(extent_FA)
    harmonics_FK[:, 2] = _waves(brightness)[:, 2]
    return _Outline(x + 0.5, y + 0.5, radius, features_FI, harmonics_FK)


def _waves(around_FA: Tensor) -> Tensor:
    """Complex strengths of the first waves around the centre, along axis 1."""
    spectrum = cast(Tensor, torch.fft.rfft(around_FA, dim=1))  # pyright: ignore[reportUnknownMemberType]
    return spectrum[:, :_WAVES] / _ANGLES


_TURN_WAVE = {"ball": 2, "box": 4, "triangle": 3, "star": 5, "ring": 2}


def _turn(outline: _Outline, shape: int) -> Tensor:
    """Angle since the first frame, rad (F,): the phase of the wave that goes around with the shape."""
    wave = _TURN_WAVE[SHAPES[shape]]
    signal = outline.harmonics_FK[:, wave]
    step = torch.angle(signal[1:] * signal[:-1].conj()) / -wave
    return torch.cat([torch.zeros(1), step.cumsum(0)])


def slope(values: Tensor, times: Tensor) -> float:
    """Slope of the best straight line through the finite values."""
    good = torch.isfinite(values)
    t, v = times[good], values[good]
    if len(t) < 3:
        return 0.0
    t = t - t.mean()
    return float((t * v).sum() / (t * t).sum().clamp(min=1e-6))


def _camera(video: Tensor, objects: list[SeenObject], fps: float) -> tuple[str, float]:
    """The camera move, from how the upper part of the picture changes away from the objects."""
    _, frames, height, width = video.shape
    upper = video[:, :, : int(0.6 * height)]
    side = min(height, width)
    clear = torch.ones(upper.shape[2:], dtype=torch.bool)
    rows, columns = torch.arange(upper.shape[2])[:, None], torch.arange(width)
    for seen in objects:
        for frame in {*range(min(3, frames)), *range(max(0, frames - 3), frames)}:
            x, y, radius = (float(torch.nan_to_num(v[frame])) for v in (seen.x_F, seen.y_F, seen.radius_F))
            clear &= (rows - y * height) ** 2 + (columns - x * width) ** 2 > (1.6 * radius * side) ** 2
    ends = torch.stack([upper[:, :3].mean(1), upper[:, -3:].mean(1)])
    begin, end = F.avg_pool2d(ends, 5, 1, 2)
    change = (end - begin).abs().mean(0)[clear]
    moved = float(change.mean()) if len(change) else 0.0
    if moved < 0.006 or _move_error(begin, end, clear, height) > _EXPLAINED:
        return "fixed", moved
    times = torch.arange(frames) / fps
    growth = slope(torch.log(objects[0].radius_F), times)
    drift = slope(objects[0].x_F, times)
    if abs(growth) > 0.07 and abs(drift) < 0.03:
        return ("push in" if growth > 0 else "pull out"), moved
    return ("pan right" if drift < 0 else "pan left"), moved


# The best camera move leaves at most this share of the plain difference between begin and end. Measured on 40 scenes
# at 320 x 192: 0.4 to 1.1 where the camera moves (the landscape has depths that pan at different speeds, and no single
# shift explains them all), 1.17 and more where a fixed picture only flickers after a pass through the autoencoder.
_EXPLAINED = 1.12


def _move_error(begin_CHW: Tensor, end_CHW: Tensor, clear_HW: Tensor, height: int) -> float:
    """How much of the difference between two pictures the best pan or zoom leaves, as a share; infinite without one.

    `height` is that of the whole frame, of which these are the upper rows. Pans of up to 0.4 shorter sides and zooms
    of up to a third are tried.
    """
    rows, width = clear_HW.shape
    side = min(height, width)
    pans = [(sign * side * step / 50 / width, 1.0) for step in range(1, 20) for sign in (-1, 1)]
    zooms = [(0.0, math.exp(sign * 0.03 * step)) for step in range(1, 12) for sign in (-1, 1)]
    across = (torch.arange(width) + 0.5) / width * 2 - 1
    down = (torch.arange(rows) + 0.5) / height * 2 - 1
    focus = FOCUS * 2 - 1
    both = torch.cat([begin_CHW, clear_HW[None].float()])[None]
    least = math.inf
    for pan, zoom in pans + zooms:
        x = (across / zoom - 2 * pan).expand(rows, width)
        y = (((down - focus) / zoom + focus + 1) * height / rows - 1)[:, None].expand(rows, width)
        moved = F.grid_sample(both, torch.stack([x, y], -1)[None], align_corners=False)[0]
        shared = (moved[3] > 0.99) & clear_HW & (x.abs() < 1) & (y.abs() < 1)
        if shared.float().mean() < 0.3:
            continue
        left = float((moved[:3] - end_CHW).abs().mean(0)[shared].mean())
        plain = float((begin_CHW - end_CHW).abs().mean(0)[shared].mean())
        least = min(least, left / max(plain, 1e-6))
    return least


def _motion(seen: SeenObject, fps: float, camera: str) -> tuple[str, tuple[float, ...]]:
    """The motion's name, and when the object touches the floor."""
    times = torch.arange(len(seen.x_F)) / fps
    duration = float(times[-1]) + 1 / fps
    sideways, downwards = slope(seen.x_F, times), slope(seen.y_F, times)
    growth, turning = slope(torch.log(seen.radius_F), times), slope(seen.turn_F, times)
    if camera.startswith("pan"):
        sideways = 0.0
    if camera in ("push in", "pull out"):
        growth = sideways = 0.0
    towards = "" if abs(sideways) < 0.05 else (" right" if sideways > 0 else " left")
    finite = torch.isfinite(seen.y_F)
    line = seen.y_F[finite].mean() + downwards * (times - times[finite].mean())
    swing = float((seen.y_F - line)[finite].std()) if int(finite.sum()) > 3 else 0.0
    if (swing > 0.028 and camera not in ("push in", "pull out")) or swing > 0.04:
        return f"bounce{towards}", _contacts(seen.y_F, fps)
    if towards:
        return f"slide{towards}", ()
    if abs(growth) > 0.12:
        return ("grow" if growth > 0 else "shrink"), ()
    if abs(downwards) * duration > 0.035 and camera not in ("push in", "pull out"):
        return ("fall" if downwards > 0 else "rise"), ()
    if abs(turning) > 0.45:
        return "spin", ()
    return "still", ()


def _contacts(y_F: Tensor, fps: float) -> tuple[float, ...]:
    """Times (s) of the lowest points, between the frames: where the lines of fall and of rise meet."""
    y = numbers(y_F)
    moments: list[float] = []
    for i in range(2, len(y) - 2):
        around = y[i - 2 : i + 3]
        if any(math.isnan(value) for value in around) or y[i] != max(around):
            continue
        window = [value for value in y[max(0, i - 8) : i + 9] if not math.isnan(value)]
        if y[i] - min(window) < 0.05:
            continue
        if moments and i / fps - moments[-1] < 0.2:
            continue
        fall, rise = (y[i - 1] - y[i - 2]), (y[i + 2] - y[i + 1])
        if fall - rise < 1e-4:
            moments.append(i / fps)
            continue
        # y[i-1] + fall * (t - (i-1)) = y[i+1] + rise * (t - (i+1))
        t = (y[i + 1] - y[i - 1] + fall * (i - 1) - rise * (i + 1)) / (fall - rise)
        moments.append(min(max(t, i - 1), i + 1) / fps)
    return tuple(moments)
