"""A checkpoint of random weights in the official layout, so small that a test can train on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from engine.loading.checkpoint import save_checkpoint
from engine.loading.networks import official_tensors
from engine.models.audio_vae import AudioEncoder, AudioVaeConfig
from engine.models.text import TextConditioner, TextConfig
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.video_vae import VideoEncoder, VideoVaeConfig
from engine.training import pocket
from engine.training.package import stored
from engine.training.stages import gemma_shape


def write_tiny_model(path: Path, gemma: Path) -> Path:
    """Pocket's configuration with two blocks and the networks that training needs; returns `path`."""
    torch.manual_seed(20)
    width, layers = gemma_shape(gemma)
    config = pocket.checkpoint_config(width)
    config["transformer"] |= {"num_layers": 2, "connector_num_layers": 1}
    text = replace(TextConfig.from_metadata(config["transformer"]), hidden_states=layers + 1)
    tensors = official_tensors(
        transformer=Transformer(TransformerConfig.from_metadata(config["transformer"])),
        text=TextConditioner(text),
        video_encoder=VideoEncoder(VideoVaeConfig.from_metadata(config["vae"])),
        audio_encoder=AudioEncoder(AudioVaeConfig.from_metadata(config["audio_vae"])),
    )
    save_checkpoint(path, config, stored(tensors), {"model_version": pocket.MODEL_VERSION})
    return path
