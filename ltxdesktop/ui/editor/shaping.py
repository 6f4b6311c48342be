"""What a person's turn of a control means for a parameter: another value, or a key at the playhead. Pure functions."""

from __future__ import annotations

from dataclasses import replace

from ltxdesktop.document.model import Easing, Key, Parameter


def valued(parameter: Parameter, frame: int, value: float) -> Parameter:
    """The parameter with a value: with keys, the one at the frame is set (or made); without, the whole of it."""
    return keyed(parameter, frame, value) if parameter.keys else replace(parameter, value=value)


def keyed(parameter: Parameter, frame: int, value: float) -> Parameter:
    """With a key at a frame. One that is there keeps its easing; a new one goes on as the key before it did."""
    here = next((key for key in parameter.keys if key.frame == frame), None)
    before = [key.easing for key in parameter.keys if key.frame < frame]
    easing = here.easing if here is not None else before[-1] if before else Easing.LINEAR
    others = [key for key in parameter.keys if key.frame != frame]
    keys = sorted([*others, Key(frame, value, easing)], key=lambda key: key.frame)
    return replace(parameter, keys=tuple(keys))


def toggled(parameter: Parameter, frame: int) -> Parameter:
    """A key at a frame is taken away (the last one's value stays); where there is none, the value becomes one."""
    if not any(key.frame == frame for key in parameter.keys):
        return keyed(parameter, frame, parameter.at(frame))
    kept = tuple(key for key in parameter.keys if key.frame != frame)
    return replace(parameter, keys=kept) if kept else Parameter(parameter.at(frame))


def eased(parameter: Parameter, frame: int, easing: Easing) -> Parameter:
    """With another way from the key at a frame to the next."""
    keys = tuple(replace(key, easing=easing) if key.frame == frame else key for key in parameter.keys)
    return replace(parameter, keys=keys)
