"""The one table of what a clip's numbers mean: labels, defaults, limits and units of parameters and effects.

Inspector, keyframe lanes, `check` and the renderer read it. A value that isn't in a clip's mapping is the default.
Shares are of the frame's width or height, so that they fit every size; angles are clockwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType

from ltxdesktop.document.model import EMPTY, Clip, Effect, Parameter

SILENCE_DB = -60.0  # at this volume and below nothing is heard
KEPT_PART = "frame.kept"  # where a file of another shape cuts; in the film itself it does nothing
_KEPT_HELP = "0 left or top, 50 as the whole film's, 100 right or bottom. Deliver shows it, and drags it"


@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter. `unit` is what the number is shown with; "%" means that 1.0 is shown as 100 %."""

    name: str
    label: str
    group: str
    default: float
    minimum: float
    maximum: float
    unit: str = ""
    step: float = 0.01  # of one click in the inspector
    help: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredEffect:
    """A kind of effect: its parameters by name, and its texts (name -> what it holds)."""

    kind: str
    label: str
    parameters: Mapping[str, Declared]
    texts: Mapping[str, str] = field(default=EMPTY)
    help: str = ""


def _table(*rows: Declared) -> Mapping[str, Declared]:
    return MappingProxyType({row.name: row for row in rows})


PARAMETERS: Mapping[str, Declared] = _table(
    Declared("position.x", "Position X", "Transform", 0, -10, 10, "%", 0.005, "Share of the width; 0 = centre"),
    Declared("position.y", "Position Y", "Transform", 0, -10, 10, "%", 0.005, "Share of the height; 0 = centre"),
    Declared("scale", "Scale", "Transform", 1, 0, 100, "%", 0.01, "1 = fitted into the frame"),
    Declared("rotation", "Rotation", "Transform", 0, -36000, 36000, "°", 0.5, "Clockwise; 720 = two turns"),
    Declared("anchor.x", "Anchor X", "Transform", 0, -10, 10, "%", 0.005, "What it turns and scales around"),
    Declared("anchor.y", "Anchor Y", "Transform", 0, -10, 10, "%", 0.005, "What it turns and scales around"),
    Declared("crop.left", "Left", "Crop", 0, 0, 1, "%", 0.005),
    Declared("crop.right", "Right", "Crop", 0, 0, 1, "%", 0.005),
    Declared("crop.top", "Top", "Crop", 0, 0, 1, "%", 0.005),
    Declared("crop.bottom", "Bottom", "Crop", 0, 0, 1, "%", 0.005),
    Declared("opacity", "Opacity", "Composite", 1, 0, 1, "%", 0.01),
    Declared(KEPT_PART, "Kept part", "Vertical and square", 0.5, 0, 1, "%", 0.01, _KEPT_HELP),
    Declared("volume", "Volume", "Sound", 0, SILENCE_DB, 24, "dB", 0.5, "Silent at -60 dB"),
    Declared("pan", "Pan", "Sound", 0, -1, 1, "", 0.05, "-1 left, 1 right"),
    Declared("colour.exposure", "Exposure", "Colour", 0, -5, 5, "stops", 0.05),
    Declared("colour.contrast", "Contrast", "Colour", 1, 0, 4, "%", 0.01, "Around middle grey; 1 = unchanged"),
    Declared("colour.saturation", "Saturation", "Colour", 1, 0, 4, "%", 0.01, "0 = grey, 1 = unchanged"),
    Declared("colour.temperature", "Temperature", "Colour", 0, -1, 1, "", 0.01, "Below 0 cooler, above 0 warmer"),
    Declared("colour.tint", "Tint", "Colour", 0, -1, 1, "", 0.01, "Below 0 greener, above 0 more magenta"),
)

EFFECTS: Mapping[str, DeclaredEffect] = MappingProxyType(
    {
        effect.kind: effect
        for effect in (
            DeclaredEffect(
                "blur",
                "Blur",
                _table(
                    Declared("radius", "Radius", "Blur", 0.01, 0, 0.5, "%", 0.001, "Sigma; share of the height"),
                ),
            ),
            DeclaredEffect(
                "sharpen",
                "Sharpen",
                _table(
                    Declared("amount", "Amount", "Sharpen", 0.5, 0, 5, "%", 0.05),
                    Declared("radius", "Radius", "Sharpen", 0.002, 0.0005, 0.05, "%", 0.0005, "Share of the height"),
                ),
            ),
            DeclaredEffect(
                "vignette",
                "Vignette",
                _table(
                    Declared("amount", "Amount", "Vignette", 0.5, -1, 1, "%", 0.01, "Below 0 lightens the corners"),
                    Declared("size", "Size", "Vignette", 0.75, 0, 2, "%", 0.01, "Where it begins; 1 = the corners"),
                    Declared("softness", "Softness", "Vignette", 0.5, 0, 1, "%", 0.01),
                ),
            ),
            DeclaredEffect(
                "lut",
                "LUT",
                _table(Declared("amount", "Amount", "LUT", 1, 0, 1, "%", 0.01)),
                MappingProxyType({"file": "Path of a .cube file"}),
            ),
            DeclaredEffect(
                "curves",
                "Curves",
                _table(Declared("amount", "Amount", "Curves", 1, 0, 1, "%", 0.01)),
                MappingProxyType(
                    {
                        "master": "Points of the curve: x,y x,y … from 0 to 1, ascending x",
                        "red": "Points of the red curve",
                        "green": "Points of the green curve",
                        "blue": "Points of the blue curve",
                    }
                ),
            ),
        )
    }
)


def value_of(clip: Clip, name: str) -> Parameter:
    """A clip's parameter, or its default. Raises KeyError for a name that isn't declared."""
    return clip.values.get(name) or Parameter(PARAMETERS[name].default)


def effect_value(effect: Effect, name: str) -> Parameter:
    """An effect's parameter, or its default. Raises KeyError for a name that isn't declared."""
    return effect.values.get(name) or Parameter(EFFECTS[effect.kind].parameters[name].default)


def problem_with(declared: Declared, value: Parameter) -> str:
    """Why a parameter can't have a value, as a sentence; "" if it can."""
    numbers = [key.value for key in value.keys] if value.keys else [value.value]
    for number in numbers:
        if not isfinite(number) or not declared.minimum <= number <= declared.maximum:
            return f"{declared.label} must lie between {declared.minimum:g} and {declared.maximum:g}, not {number:g}"
    return ""
