"""Put trained networks into the files that ship: one checkpoint in the official layout, an upscaler, LoRAs, a preview.

Weights are stored in bfloat16, latent statistics and the vocoder's anti-alias filters in float32, as a loader of the
official files expects either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.loading.checkpoint import save_checkpoint
from engine.loading.networks import official_tensors
from engine.models.audio_vae import AudioDecoder, AudioEncoder
from engine.models.text import TextConditioner
from engine.models.upsampler import LatentUpsampler
from engine.models.video_vae import VideoDecoder, VideoEncoder
from engine.models.vocoder import Vocoder
from engine.training import pocket
from engine.training.flow import FlowModel

CHECKPOINT = "pocket.safetensors"
UPSCALER = "pocket-spatial-upscaler-x2.safetensors"
LICENCE = "Apache-2.0"
KEPT_IN_FLOAT32 = ("per_channel_statistics.", ".filter")


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The dtype in which each tensor is written: bfloat16, but float32 for statistics and fixed filters."""
    return {
        name: tensor.detach().to(torch.float32 if any(part in name for part in KEPT_IN_FLOAT32) else torch.bfloat16)
        for name, tensor in tensors.items()
    }


def write_pocket(
    folder: Path,
    *,
    flow: FlowModel,
    video_encoder: VideoEncoder,
    video_decoder: VideoDecoder,
    audio_encoder: AudioEncoder,
    audio_decoder: AudioDecoder,
    vocoder: Vocoder,
    upscaler: LatentUpsampler,
) -> None:
    """Write checkpoint and upscaler into `folder`. The LoRAs are written by their own stages."""
    folder.mkdir(parents=True, exist_ok=True)
    networks: dict[str, nn.Module] = {
        "transformer": flow.transformer,
        "text": flow.conditioner,
        "video_encoder": video_encoder,
        "video_decoder": video_decoder,
        "audio_encoder": audio_encoder,
        "audio_decoder": audio_decoder,
        "vocoder": vocoder,
    }
    assert isinstance(flow.conditioner, TextConditioner)
    config = pocket.checkpoint_config(flow.conditioner.config.caption_channels)
    metadata = {"model_version": pocket.MODEL_VERSION, "license": LICENCE}
    save_checkpoint(folder / CHECKPOINT, config, stored(official_tensors(**networks)), metadata)
    save_checkpoint(folder / UPSCALER, pocket.upsampler_config(), stored(upscaler.state_dict()), metadata)


def sizes(folder: Path) -> str:
    """Bytes of every file below `folder`, as JSON, for the log."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    counted = {str(path.relative_to(folder)): path.stat().st_size for path in files}
    return json.dumps(counted | {"all": sum(counted.values())})
