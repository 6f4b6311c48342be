"""A clip's grade: its colour parameters, curves and LUT files at one frame, as a single function of RGB.

Everything works on BT.709 signals, in this order: exposure, temperature and tint (in display light), contrast,
saturation, then the clip's "curves" and "lut" effects as they are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ltxdesktop.document.model import Clip, Effect
from ltxdesktop.document.parameters import PARAMETERS
from ltxdesktop.render.colour import BT709_LUMA, DISPLAY_GAMMA, Floats, encoded, linear
from ltxdesktop.render.cube import curve_at, parse_curve, read_cube
from ltxdesktop.render.errors import RenderError
from ltxdesktop.render.values import COLOUR, GRADE_KINDS, effect_value, value

# 18 % grey as a signal: contrast turns around it, so that a middle exposure keeps its brightness.
_PIVOT: Final = 0.18 ** (1 / DISPLAY_GAMMA)

# Temperature and tint go from -1 to 1; at the ends red and blue part by two stops in light, green moves by one.
_TEMPERATURE_STOPS: Final = 1.0
_TINT_STOPS: Final = 0.5

_CURVES: Final = ("red", "green", "blue")


@dataclass(frozen=True)
class Look:
    """The grade at one frame. Equal looks change colours equally, which is what tables are cached by."""

    numbers: tuple[float, ...] = tuple(PARAMETERS[name].default for name in COLOUR)
    effects: tuple[_Step, ...] = ()
    is_moving: bool = False  # the next frame's will be another: not worth fine tables

    @property
    def is_neutral(self) -> bool:
        return self.numbers == NEUTRAL.numbers and not self.effects

    def __call__(self, rgb: Floats) -> Floats:
        """BT.709 signals (n, 3) -> (n, 3); not clipped. An effect whose file can't be used changes nothing."""
        exposure, contrast, saturation, temperature, tint = self.numbers
        stops = exposure + _balance(temperature, tint)
        if stops.any():
            rgb = encoded(linear(rgb) * np.exp2(stops).astype(np.float32))
        if contrast != 1:
            rgb = (rgb - np.float32(_PIVOT)) * np.float32(contrast) + np.float32(_PIVOT)
        if saturation != 1:
            luma = (rgb @ BT709_LUMA)[:, None]
            rgb = luma + (rgb - luma) * np.float32(saturation)
        for step in self.effects:
            rgb = step(rgb)
        return rgb.astype(np.float32, copy=False)


@dataclass(frozen=True)
class _Step:
    """An effect of the grade: its kind, how much of it, and its texts. `changed_ns` tells a rewritten file apart."""

    kind: str
    amount: float
    texts: tuple[tuple[str, str], ...]
    changed_ns: int = 0

    def __call__(self, rgb: Floats) -> Floats:
        try:
            changed = self._curved(rgb) if self.kind == "curves" else read_cube(Path(dict(self.texts)["file"]))(rgb)
        except (RenderError, OSError, KeyError):
            return rgb  # `problems` says so; the picture stays visible
        return rgb + (changed - rgb) * np.float32(self.amount)

    def _curved(self, rgb: Floats) -> Floats:
        texts = dict(self.texts)
        out = rgb.copy()
        for channel, name in enumerate(_CURVES):
            for text in (texts.get("master", ""), texts.get(name, "")):
                if text.strip():
                    out[:, channel] = curve_at(parse_curve(text), out[:, channel])
        return out


NEUTRAL: Final = Look()


def look_at(clip: Clip, frame: float) -> Look:
    """The grade of a clip at one of its frames."""
    if not any(name in clip.values for name in COLOUR) and not clip.effects:
        return NEUTRAL
    numbers = tuple(value(clip, name, frame) for name in COLOUR)
    steps = (_step(effect, frame) for effect in clip.effects if effect.enabled and effect.kind in GRADE_KINDS)
    return Look(numbers, tuple(step for step in steps if step is not None), _moves(clip))


def problems(clip: Clip) -> list[str]:
    """Why effects of the clip's grade do nothing, a sentence each: LUT files that are gone or damaged, bad curves."""
    found: list[str] = []
    for effect in clip.effects:
        try:
            if effect.enabled and effect.kind == "lut" and effect.texts.get("file"):
                read_cube(Path(effect.texts["file"]))
            elif effect.enabled and effect.kind == "curves":
                for text in effect.texts.values():
                    if text.strip():
                        parse_curve(text)
        except RenderError as exc:
            found.append(str(exc))
        except OSError as exc:
            found.append(f"The LUT {effect.texts['file']} can't be read: {exc.strerror or exc}.")
    return found


def _moves(clip: Clip) -> bool:
    grades = (effect for effect in clip.effects if effect.enabled and effect.kind in GRADE_KINDS)
    parameters = [clip.values.get(name) for name in COLOUR] + [effect.values.get("amount") for effect in grades]
    return any(parameter is not None and len(parameter.keys) > 1 for parameter in parameters)


def _step(effect: Effect, frame: float) -> _Step | None:
    amount = effect_value(effect, "amount", frame)
    texts = {name: text for name, text in effect.texts.items() if text.strip()}
    if amount == 0 or not texts:
        return None
    changed = 0
    if effect.kind == "lut":
        try:
            changed = Path(texts.get("file", "")).stat().st_mtime_ns
        except OSError:
            return None
    return _Step(effect.kind, amount, tuple(sorted(texts.items())), changed)


def _balance(temperature: float, tint: float) -> Floats:
    """Stops added to red, green and blue: warm is red up and blue down; positive tint is towards magenta."""
    stops = np.array([temperature * _TEMPERATURE_STOPS, -tint * _TINT_STOPS, -temperature * _TEMPERATURE_STOPS])
    if not stops.any():
        return stops.astype(np.float32)
    # The brightness of white stays.
    gain = float(np.exp2(stops) @ BT709_LUMA)
    return (stops - np.log2(gain)).astype(np.float32)
