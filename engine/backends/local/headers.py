"""What a model's files say of it before it is loaded: the facts that recipes go by, and the sizes for the planner."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from engine.backends.local.catalogue import InstalledModel
from engine.backends.local.device import Precision
from engine.backends.local.memory import LATENT_POSITION_PIXELS, ModelSizes, StreamedNetwork
from engine.loading.checkpoint import Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.gemma_streaming import streamed_bytes
from engine.loading.transformer_loading import transformer_sizes
from engine.models.audio_vae import AudioVaeConfig
from engine.models.text import CHECKPOINT_PREFIXES as TEXT_PREFIXES
from engine.models.transformer_config import TransformerConfig
from engine.models.video_vae import Downsample, Upsample, VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.pipelines.networks import ModelFacts
from engine.protocol.grid import ScaleFactors


def facts_of(model: InstalledModel, checkpoint: Checkpoint) -> ModelFacts:
    """What recipes and runner go by, read from the checkpoint's own configuration."""
    transformer = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    vae = VideoVaeConfig.from_metadata(checkpoint.section("vae"))
    audio = AudioVaeConfig.from_metadata(checkpoint.section("audio_vae"))
    return ModelFacts(
        model_version=checkpoint.model_version,
        distilled=model.description.distilled,
        layers=transformer.num_layers,
        video_channels=vae.latent_channels,
        audio_channels=audio.latent_channels,
        audio_bins=audio.latent_bands,
        scale=ScaleFactors(vae.time_factor, vae.space_factor, vae.space_factor),
        upsamplers=frozenset(model.upsamplers),
        doubles_rate=model.temporal_upsampler is not None,
        one_stage_pixels=model.description.one_stage_pixels,
        distilled_lora=model.distilled_lora is not None,
    )


def sizes_of(model: InstalledModel, checkpoint: Checkpoint, precision: Precision) -> ModelSizes:
    """What the planner needs, from headers alone."""
    transformer = transformer_sizes(checkpoint, precision.dtype, precision.weights)
    in_fp8 = transformer_sizes(checkpoint, precision.dtype, WeightFormat.FP8_SCALED)
    config = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    vae = VideoVaeConfig.from_metadata(checkpoint.section("vae"))
    factor = precision.dtype.itemsize / 2  # of what lies on disk in bfloat16
    stored = {
        "text": sum(checkpoint.size_bytes(prefix) for prefix in TEXT_PREFIXES),
        "video_encoder": checkpoint.size_bytes("vae.encoder."),
        "video_decoder": checkpoint.size_bytes("vae.decoder."),
        "audio_encoder": checkpoint.size_bytes("audio_vae.encoder."),
        "audio_decoder": checkpoint.size_bytes("audio_vae.decoder."),
        "upsampler": sum(path.stat().st_size for path in model.upsampler_files),
        "text_encoder": _folder_bytes(model.text_encoder),
    }
    parts = {name: int(factor * size) for name, size in stored.items()}
    return ModelSizes(
        blocks=transformer.blocks,
        outside_blocks=transformer.outside_blocks,
        blocks_fp8=in_fp8.blocks,
        parts=parts | {"vocoder": 2 * checkpoint.size_bytes("vocoder.")},  # float32 always
        video_width=config.width,
        audio_width=config.audio_width,
        channels=max(config.in_channels, config.audio_in_channels),
        element=precision.dtype.itemsize,
        decoder=streamed_network(VideoDecoder, vae),
        encoder=streamed_network(VideoEncoder, vae),
        text_streamed=0 if model.text_encoder is None else streamed_bytes(model.text_encoder, precision.dtype),
    )


def streamed_network(kind: type[VideoDecoder] | type[VideoEncoder], config: VideoVaeConfig) -> StreamedNetwork:
    """What a streaming pass holds, from the layers themselves.

    A convolution keeps two input frames, a residual block two of its own besides. At work a layer holds its input, a
    padded and activated copy, what its convolution makes, and for up- and downsampling that once more, rearranged.
    """
    with torch.device("meta"):
        network = kind(config)
    decodes = kind is VideoDecoder
    # of one layer's frame: rows * columns per latent position, and frames per latent frame
    area = 1.0 if decodes else float((config.space_factor // config.patch_size) ** 2)
    frames = 1.0 if decodes else float(config.time_factor)
    cache = clip = frame = 0.0
    for layer in network.layers():
        convolutions = [module for module in layer.modules() if isinstance(module, nn.Conv3d)]
        inner, outer = convolutions[0].in_channels, convolutions[0].out_channels
        residual = len(convolutions) == 2
        resamples = isinstance(layer, Upsample | Downsample)
        cache += 2 * area * (sum(module.in_channels for module in convolutions) + inner * residual)
        held = area * (2 * inner + outer * (2 if resamples else 1) + inner * isinstance(layer, Downsample))
        clip, frame = max(clip, held * frames), max(frame, held)
        time, rows, columns = layer.factors if isinstance(layer, Upsample | Downsample) else (1, 1, 1)
        area = area * rows * columns if decodes else area / (rows * columns)
        frames = frames * time if decodes else frames / time
    pixels = LATENT_POSITION_PIXELS * config.in_channels
    return StreamedNetwork(int(cache), int(max(clip, 2 * pixels * config.time_factor)), int(max(frame, 2 * pixels)))


def _folder_bytes(folder: Path | None) -> int:
    return 0 if folder is None else sum(path.stat().st_size for path in folder.glob("*.safetensors"))
