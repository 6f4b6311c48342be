"""How large each stage of Pocket's training is: one preset for two CPU cores, one for a large GPU.

Only figures marked "measured" were; the others are extrapolated from them and from ../shared/pocket.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.training.audio_autoencoder import AudioTraining
from engine.training.autoencoder import VaeTraining
from engine.training.decoder import DecoderTraining
from engine.training.distil import DistilTraining
from engine.training.flow import FlowTraining
from engine.training.lora import LoraTraining, block_linears
from engine.training.upscaler import UpscalerTraining


@dataclass(frozen=True)
class Preset:
    """Settings of every stage; `steps` counts clips for the stage `latents`."""

    steps: Mapping[str, int]
    minutes: Mapping[str, float]  # how a whole budget of minutes is shared out, in proportion
    vae: VaeTraining
    decoder: DecoderTraining
    audio: AudioTraining
    upscaler: UpscalerTraining
    flow: FlowTraining
    distil: DistilTraining
    lora: LoraTraining
    lora_clips: int  # of each bucket
    hand_made_latents: bool  # the transformer learns on the basis that the encoder was fitted to, not on the encoder
    distinct_sounds: int  # batches of sounds that are rendered; after them the first comes again

    def share(self, stage: str) -> float:
        """The part 0..1 of a budget of minutes for the whole that a stage gets."""
        return self.minutes[stage] / sum(self.minutes.values())


_SHARES = {
    "vae": 20.0,
    "decoder": 10.0,
    "audio": 6.0,
    "vocoder": 8.0,
    "upscaler": 5.0,
    "latents": 8.0,
    "flow": 38.0,
    "distil": 10.0,
    "loras": 4.0,
    "package": 1.0,
}

PRESETS: Mapping[str, Preset] = {
    "cpu": Preset(
        steps={
            "vae": 2500,
            "decoder": 3000,
            "audio": 900,  # measured: 700 steps in 11 min on a core shared by three, mel error 2.99 -> 0.4
            "vocoder": 1500,
            "upscaler": 12_000,  # measured: 38 steps a second once the pairs are rendered, and 500 are far too few
            "latents": 8000,
            "flow": 12_000,
            "distil": 700,
            "loras": 1500,  # measured: after 170 steps the camera's move couldn't be seen, after 1,480 it could
            "package": 1,
        },
        minutes=_SHARES,
        vae=VaeTraining(frames=9, batch=3, distinct=150, learning_rate=1.5e-3, block_steps=3000),
        decoder=DecoderTraining(),
        audio=AudioTraining(
            batch=8, samples=160 * 96, vocoder_batch=3, vocoder_samples=160 * 48, vocoder_learning_rate=3e-4
        ),
        upscaler=UpscalerTraining(frames=17, batch=6, distinct=240),
        flow=FlowTraining(tokens_per_batch=3_500, average_decay=0.999),
        distil=DistilTraining(tokens_per_batch=2_500, substeps=3),
        lora=LoraTraining(tokens_per_batch=2_600, learning_rate=3e-3, targets=block_linears),
        lora_clips=40,
        hand_made_latents=True,
        distinct_sounds=300,
    ),
    "gpu": Preset(
        steps={
            "vae": 4000,
            "decoder": 3000,
            "audio": 3000,
            "vocoder": 3000,
            "upscaler": 1500,
            "latents": 120_000,
            "flow": 12_000,
            "distil": 1500,
            "loras": 500,
            "package": 1,
        },
        minutes=_SHARES,
        vae=VaeTraining(
            frames=17, crop=128, batch=32, distinct=400, block_steps=3000, blocks_for_basis=12_000, block_batch=512
        ),
        decoder=DecoderTraining(batch=32),
        audio=AudioTraining(),
        upscaler=UpscalerTraining(),
        flow=FlowTraining(),
        distil=DistilTraining(),
        lora=LoraTraining(),
        lora_clips=640,
        hand_made_latents=False,
        distinct_sounds=1000,
    ),
}
