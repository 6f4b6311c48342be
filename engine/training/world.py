"""Pocket's procedural world, the one door to it: seeded scenes with picture, sound and caption.

    scenes = sample_scenes(64, seed=7, duration_s=2.0, aspect=384 / 256)           # SceneBatch, struct of CPU tensors
    video = render_video(scenes, frames=49, height=256, width=384, fps=24, device="cuda")  # (B,3,F,H,W) in [-1,1]
    sound = render_audio(scenes, duration_s=49 / 24, rate=16000, aspect=384 / 256, device="cuda")  # (B,2,samples)
    texts = captions(scenes, seed=7)                                               # list of str, many phrasings
    scenes.attributes()                                                            # what each scene shows, as words

One scene renders at any size, shape and rate: positions are relative, motion is in seconds. Everything runs on the
device asked for, in float32. `scenes[index]`, `scenes.to(device)`, `SceneBatch.cat`.

Truth to measure against: `object_state(scenes, times, aspect)` (centre, radius, angle as seen on screen) and
`bounce_times(scenes, duration_s)`. `scenes_from_attributes` draws given attributes.

LoRA material: `sample_scenes(..., style="sepia" | "comic")` and `cameras=("pull out",), moving_camera=1.0`; the base
world has neither. Retake material: `changes=0.5` gives half of the scenes another colour or shape from `change_start_B`
to `change_end_B`; `scenes.changed_attributes()` is what is seen then.
"""

from __future__ import annotations

from random import Random

from engine.training.captions import caption
from engine.training.picture import render_video
from engine.training.scenes import (
    CameraState,
    ObjectState,
    SceneBatch,
    bounce_times,
    camera_state,
    object_state,
    sample_scenes,
    scenes_from_attributes,
)
from engine.training.sound import render_audio

__all__ = [
    "CameraState",
    "ObjectState",
    "SceneBatch",
    "bounce_times",
    "camera_state",
    "captions",
    "object_state",
    "render_audio",
    "render_video",
    "sample_scenes",
    "scenes_from_attributes",
]


def captions(scenes: SceneBatch, seed: int, *, changed: bool = False) -> list[str]:
    """One caption per scene, phrasings drawn from `seed`; with `changed`, of what is seen during mid-clip changes."""
    random = Random(seed)
    attributes = scenes.changed_attributes() if changed else scenes.attributes()
    return [caption(each, random=random) for each in attributes]
