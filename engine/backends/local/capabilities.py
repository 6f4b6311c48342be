"""What a model can do on this machine, in the protocol's words."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, get_args

from engine.backends.local.catalogue import InstalledModel
from engine.backends.local.phrases import CAMERA_MOVES
from engine.backends.local.tasks import LONGEST_PROMPT
from engine.backends.local.writing import DELIVERIES
from engine.media.encode import working_video_encoder
from engine.protocol.messages import ModeCapability, ModelCapability
from engine.protocol.work import ModeName

MODES: Final[tuple[ModeName, ...]] = get_args(ModeName)  # this backend does them all


def model_capability(model: InstalledModel, why_not: str) -> ModelCapability:
    """`why_not`: the sentence that says why the model can't be used here, empty if it can."""
    description = model.description
    can_guide = not description.distilled
    fast = description.distilled or model.distilled_lora is not None
    qualities = tuple(name for name, works in (("fast", fast), ("quality", can_guide)) if works)
    return ModelCapability(
        model=description.id,
        title=description.title,
        description=description.description,
        available=not why_not,
        why_not=why_not,
        modes=tuple(_mode_capability(mode, model, why_not) for mode in MODES),
        qualities=qualities,
        default_steps={"fast": 8, "quality": 30},
        drafts=Fraction(2) in model.upsamplers,
        sound=True,
        negative=can_guide,
        loras=True,
        keyframes=True,
        max_variations=8,
        max_prompt_chars=LONGEST_PROMPT,
        default_width=description.default_width,
        default_height=description.default_height,
        default_frames=description.default_frames,
        default_rate=description.default_rate,
        codecs=tuple(name for name, delivery in DELIVERIES.items() if working_video_encoder(delivery) is not None),
        camera_moves=tuple(CAMERA_MOVES),
        aliases=description.aliases,
        ships=description.ships,
    )


def _mode_capability(mode: ModeName, model: InstalledModel, why_not: str) -> ModeCapability:
    description = model.description
    if not why_not and mode == "upscale" and not model.upsampler_files:
        why_not = f"{description.title} has no upscaler file here."
    rate = Fraction(description.default_rate)
    return ModeCapability(
        mode=mode,
        available=not why_not,
        why_not=why_not,
        size_multiple=32,
        min_side=64,
        max_pixels=description.largest_pixels,
        max_frames_per_pass=int(description.longest_seconds * rate) // 8 * 8 + 1,
    )
