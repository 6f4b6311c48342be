"""Reading the parameters of clips and effects at a frame, and which of them decide how a clip is drawn."""

from __future__ import annotations

from ltxdesktop.document.model import Clip, Effect, Parameter
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS

# What moves, cuts or thins a layer, so that planes aren't enough; "volume" and "pan" are the mixer's.
_MOVING = ("Transform", "Crop", "Composite")
GEOMETRY = tuple(name for name, declared in PARAMETERS.items() if declared.group in _MOVING)
COLOUR = tuple(name for name in PARAMETERS if name.startswith("colour."))

GRADE_KINDS = frozenset({"lut", "curves"})  # effects that become part of the clip's one table
FILTER_KINDS = frozenset({"blur", "sharpen", "vignette"})  # effects that look at more than one pixel, or where it is


def value(clip: Clip, name: str, frame: float) -> float:
    """A clip's parameter at one of its frames."""
    parameter = clip.values.get(name)
    return PARAMETERS[name].default if parameter is None else parameter.at(frame)


def effect_value(effect: Effect, name: str, frame: float) -> float:
    """An effect's parameter at a frame of its clip."""
    parameter = effect.values.get(name)
    return EFFECTS[effect.kind].parameters[name].default if parameter is None else parameter.at(frame)


def is_default(name: str, parameter: Parameter | None) -> bool:
    """Does a clip's parameter do nothing over the whole clip?"""
    if parameter is None:
        return True
    wanted = PARAMETERS[name].default
    if parameter.keys:
        return all(key.value == wanted for key in parameter.keys)
    return parameter.value == wanted
