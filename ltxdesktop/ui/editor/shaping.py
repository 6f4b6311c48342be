"""What a person's turn of a control means for a parameter: another value, or a key at the playhead. Pure functions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ltxdesktop.document.curves import Curve
from ltxdesktop.document.model import Easing, Key, Parameter


def valued(parameter: Parameter, frame: int, value: float) -> Parameter:
    """The parameter with a value: with keys, the one at the frame is set (or made); without, the whole of it."""
    return keyed(parameter, frame, value) if parameter.keys else replace(parameter, value=value)


def keyed(parameter: Parameter, frame: int, value: float) -> Parameter:
    """With a key at a frame. One that is there keeps its easing; a new one goes on as the key before it did."""
    here = next((key for key in parameter.keys if key.frame == frame), None)
    before = [key for key in parameter.keys if key.frame < frame]
    like = here or (before[-1] if before else Key(frame, value))
    others = [key for key in parameter.keys if key.frame != frame]
    keys = sorted([*others, replace(like, frame=frame, value=value)], key=lambda key: key.frame)
    return replace(parameter, keys=tuple(keys))


def toggled(parameter: Parameter, frame: int) -> Parameter:
    """A key at a frame is taken away (the last one's value stays); where there is none, the value becomes one."""
    if not any(key.frame == frame for key in parameter.keys):
        return keyed(parameter, frame, parameter.at(frame))
    kept = tuple(key for key in parameter.keys if key.frame != frame)
    return replace(parameter, keys=kept) if kept else Parameter(parameter.at(frame))


def eased(parameter: Parameter, frames: Collection[int], easing: Easing) -> Parameter:
    """With another way from the keys at some frames to the next; a custom one begins as it goes now."""

    def changed(key: Key) -> Key:
        return key.as_custom() if easing is Easing.CUSTOM else replace(key, easing=easing)

    return replace(parameter, keys=tuple(changed(key) if key.frame in frames else key for key in parameter.keys))


def bent(parameter: Parameter, frame: int, curve: Curve) -> Parameter:
    """With a curve of its own from the key at a frame to the next."""
    keys = (replace(k, easing=Easing.CUSTOM, curve=curve) if k.frame == frame else k for k in parameter.keys)
    return replace(parameter, keys=tuple(keys))


def shifted(parameter: Parameter, frames: Collection[int], by: int) -> Parameter:
    """With the keys at some frames moved in time; others that lie where they come to give way."""
    moved = [replace(key, frame=key.frame + by) for key in parameter.keys if key.frame in frames]
    taken = {key.frame for key in moved}
    others = [key for key in parameter.keys if key.frame not in frames and key.frame not in taken]
    return replace(parameter, keys=tuple(sorted([*others, *moved], key=lambda key: key.frame)))


def without(parameter: Parameter, frames: Collection[int]) -> Parameter:
    """Without the keys at some frames. When none is left, the value of the last stays, for the whole clip."""
    kept = tuple(key for key in parameter.keys if key.frame not in frames)
    return replace(parameter, keys=kept) if kept else Parameter(parameter.keys[-1].value)
