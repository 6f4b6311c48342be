"""3D LUT files (.cube, as Adobe and Resolve write them) and curves: functions of RGB given by their values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ltxdesktop.render.colour import Floats
from ltxdesktop.render.errors import BadCurve, BadLut

_LARGEST: Final = 129  # nodes along an edge; files have 17, 33 or 65
_MARGIN: Final = 0.15  # of the domain's width, on each side: two cells of the tables' lattice
_LARGEST_1D: Final = 65536
_LONGEST_BYTES: Final = 200 << 20


@dataclass(frozen=True, eq=False)
class Cube:
    """Values at the nodes of a cube: `nodes[r, g, b]` is the RGB for that corner; `low` to `high` is what it covers."""

    nodes: Floats  # (n, n, n, 3)
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, rgb: Floats) -> Floats:
        """Tetrahedral interpolation of (n, 3); a little beyond the cube its outermost cells go on."""
        near = _near(rgb, self.low, self.high)
        return _tetrahedral(self.nodes, (near - self.low) / np.subtract(self.high, self.low)) + (rgb - near)


@dataclass(frozen=True, eq=False)
class Shaper:
    """Three curves by their values at even steps, the 1D form of a .cube file."""

    values: Floats  # (n, 3)
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, rgb: Floats) -> Floats:
        out = np.empty_like(rgb)
        for channel in range(3):
            grid = np.linspace(self.low[channel], self.high[channel], len(self.values))
            near = _near(rgb[:, channel], self.low[channel], self.high[channel])
            values = self.values[:, channel]
            step = grid[1] - grid[0]
            out[:, channel] = np.interp(near, grid, values) + (rgb[:, channel] - near)
            out[:, channel] += np.minimum(near - grid[0], 0) * (values[1] - values[0]) / step
            out[:, channel] += np.maximum(near - grid[-1], 0) * (values[-1] - values[-2]) / step
        return out


def _near(rgb: Floats, low: float | tuple[float, ...], high: float | tuple[float, ...]) -> Floats:
    """RGB drawn to what lies just beyond a domain at most: tables of YUV codes reach out of it, and a function that
    broke off at its edge would spoil the strongest colours inside (`tables`)."""
    margin = np.subtract(high, low) * _MARGIN
    return np.clip(rgb, low - margin, high + margin).astype(np.float32)


def _tetrahedral(nodes: Floats, part: NDArray[np.floating]) -> Floats:
    """Each cell is cut into six tetrahedra along its diagonal; the order of the fractions says which one is met.

    Walking from the cell's dark corner to its bright one, always along the axis with the largest fraction left, visits
    four nodes; the differences of the sorted fractions weigh them.
    """
    size = nodes.shape[0]
    place = part * (size - 1)
    cell = np.clip(np.floor(place), 0, size - 2).astype(np.intp)
    rest = (place - cell).astype(np.float32)
    order = np.argsort(-rest, axis=1, kind="stable")
    ordered = np.take_along_axis(rest, order, axis=1)
    strides = np.array([size * size, size, 1], np.intp)
    index = cell @ strides
    flat = nodes.reshape(-1, 3)
    total = flat[index] * (1 - ordered[:, :1])
    for step in range(3):
        index = index + strides[order[:, step]]
        following = ordered[:, step + 1] if step < 2 else 0
        total += flat[index] * (ordered[:, step] - following)[:, None]
    return total


def read_cube(path: Path) -> Cube | Shaper:
    """A .cube file. Raises BadLut, and OSError where it can't be read."""
    stat = path.stat()
    return _read_cube(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _read_cube(path: Path, changed_ns: int, size_bytes: int) -> Cube | Shaper:
    """`changed_ns` makes a changed file another entry."""
    if size_bytes > _LONGEST_BYTES:
        raise BadLut(path, "it is larger than any LUT")
    three = one = 0
    low, high = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    rows: list[list[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            match words[0].upper():
                case "TITLE":
                    continue
                case "LUT_3D_SIZE":
                    three = int(words[1])
                case "LUT_1D_SIZE":
                    one = int(words[1])
                case "DOMAIN_MIN":
                    low = _three(words[1:])
                case "DOMAIN_MAX":
                    high = _three(words[1:])
                case "LUT_3D_INPUT_RANGE" | "LUT_1D_INPUT_RANGE":
                    low, high = _three(words[1:2] * 3), _three(words[2:3] * 3)
                case _:
                    rows.append([float(word) for word in words[:3]] if len(words) == 3 else _refuse())
        except (ValueError, IndexError) as exc:
            raise BadLut(path, f'"{line.strip()[:40]}" is not understood', number) from exc
    return _assembled(path, rows, three, one, low, high)


def _assembled(
    path: Path,
    rows: list[list[float]],
    three: int,
    one: int,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
) -> Cube | Shaper:
    if bool(three) == bool(one):
        raise BadLut(path, "it must say one of LUT_3D_SIZE and LUT_1D_SIZE")
    if not (2 <= three <= _LARGEST if three else 2 <= one <= _LARGEST_1D):
        raise BadLut(path, f"a size of {three or one} is not possible")
    expected = three**3 or one
    if len(rows) != expected:
        raise BadLut(path, f"it has {len(rows)} rows of numbers, {expected} were announced")
    values = np.array(rows, np.float32)
    if not np.isfinite(values).all() or any(b <= a for a, b in zip(low, high, strict=True)):
        raise BadLut(path, "its numbers are not finite, or its domain is empty")
    if one:
        return Shaper(values, low, high)
    return Cube(np.ascontiguousarray(values.reshape(three, three, three, 3).transpose(2, 1, 0, 3)), low, high)


def _three(words: list[str]) -> tuple[float, float, float]:
    red, green, blue = (float(word) for word in words)
    return red, green, blue


def _refuse() -> list[float]:
    raise ValueError("not three numbers")


def parse_curve(text: str) -> list[tuple[float, float]]:
    """Points of "0,0 0.5,0.6 1,1", x ascending. Raises BadCurve."""
    try:
        points = [(float(x), float(y)) for x, y in (word.split(",") for word in text.split())]
    except ValueError as exc:
        raise BadCurve(text) from exc
    ascending = all(a[0] < b[0] for a, b in pairwise(points))
    if len(points) < 2 or not ascending or not all(np.isfinite(point).all() for point in points):
        raise BadCurve(text)
    return points


def curve_at(points: list[tuple[float, float]], x: Floats) -> Floats:
    """A smooth curve through the points that never overshoots them (Fritsch and Carlson, 1980, as a cubic Hermite
    spline); beyond the ends it goes straight on."""
    at, to = (np.array(axis, np.float64) for axis in zip(*points, strict=True))
    slopes = np.diff(to) / np.diff(at)
    tangents = np.concatenate([slopes[:1], (slopes[:-1] + slopes[1:]) / 2, slopes[-1:]])
    tangents[1:-1][slopes[:-1] * slopes[1:] <= 0] = 0
    for place, slope in enumerate(slopes):
        if slope == 0:
            tangents[place : place + 2] = 0
            continue
        length = float(np.hypot(tangents[place], tangents[place + 1]) / abs(slope))
        if length > 3:
            tangents[place : place + 2] *= 3 / length
    inside = np.clip(x, at[0], at[-1]).astype(np.float64)
    left = np.clip(np.searchsorted(at, inside, "right") - 1, 0, len(slopes) - 1)
    width = np.diff(at)[left]
    t = (inside - at[left]) / width
    value = (
        (2 * t**3 - 3 * t**2 + 1) * to[left]
        + (t**3 - 2 * t**2 + t) * width * tangents[left]
        + (3 * t**2 - 2 * t**3) * to[left + 1]
        + (t**3 - t**2) * width * tangents[left + 1]
    )
    value += np.minimum(x - at[0], 0) * tangents[0] + np.maximum(x - at[-1], 0) * tangents[-1]
    return value.astype(np.float32)
