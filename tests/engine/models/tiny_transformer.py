"""Tiny transformers with random weights, inputs for them, and the golden cases, for the tests of this room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import StreamInput, Timesteps

HERE = Path(__file__).parent

TINY = TransformerConfig(
    num_layers=2,
    num_attention_heads=4,
    attention_head_dim=16,
    audio_num_attention_heads=4,
    audio_attention_head_dim=8,
    in_channels=6,
    out_channels=6,
    audio_in_channels=10,
    audio_out_channels=10,
    caption_channels=12,
)


def read_case(golden: Path, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    with safe_open(golden / "cases" / f"{name}.safetensors", "pt") as file:
        return json.loads(file.metadata()["params"]), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def read_shapes(name: str) -> dict[str, list[int]]:
    """A stored list; a `*` in a key stands for the block numbers below `blocks`."""
    stored = json.loads((HERE / name).read_text(encoding="utf-8"))
    shapes: dict[str, list[int]] = {}
    for key, shape in stored["shapes"].items():
        names = [key.replace("*", str(block)) for block in range(stored["blocks"])] if "*" in key else [key]
        shapes |= dict.fromkeys(names, shape)
    return shapes


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).abs().max() / expected.std())


def make_tiny(config: TransformerConfig = TINY, seed: int = 0) -> Transformer:
    """Random weights strong enough that every part shows in the output."""
    torch.manual_seed(seed)
    transformer = Transformer(config)
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if name.endswith("norm.weight"):
                parameter.normal_(1.0, 0.2)
            elif parameter.ndim == 2 and "table" not in name:
                parameter.normal_(0.0, parameter.shape[1] ** -0.5)
            else:
                parameter.normal_(0.0, 0.3)
    return transformer


def positions_of(grid: tuple[int, int, int], audio_steps: int, batch: int) -> tuple[Tensor, Tensor]:
    """Token bounds as in specification 2.2, at 24 frames a second."""
    frames, height, width = (torch.arange(size, dtype=torch.float32) for size in grid)
    starts = torch.meshgrid((8 * frames - 7).clamp(min=0) / 24, 32 * height, 32 * width, indexing="ij")
    ends = torch.meshgrid((8 * frames + 1) / 24, 32 * height + 32, 32 * width + 32, indexing="ij")
    video = torch.stack([torch.stack(starts).flatten(1), torch.stack(ends).flatten(1)], dim=-1)
    steps = torch.arange(audio_steps, dtype=torch.float32)
    audio = torch.stack([(4 * steps - 3).clamp(min=0) * 0.01, (4 * steps + 1) * 0.01], dim=-1)[None]
    return video.expand(batch, -1, -1, -1), audio.expand(batch, -1, -1, -1)


def make_streams(
    config: TransformerConfig = TINY,
    *,
    batch: int = 2,
    grid: tuple[int, int, int] = (3, 4, 5),
    steps: int = 9,
    masked: bool = True,
) -> tuple[StreamInput, StreamInput]:
    """Random inputs; `masked`: the first video frame is kept, and the streams have their own sigmas."""
    random = torch.Generator().manual_seed(1)
    tokens = grid[0] * grid[1] * grid[2]
    video_positions, audio_positions = positions_of(grid, steps, batch)
    context = (config.caption_channels,) * 2 if config.caption_projection else (config.width, config.audio_width)
    sigma_B = torch.linspace(0.7, 0.9, batch)
    audio_sigma_B = sigma_B / 2 if masked else sigma_B
    video_timesteps = sigma_B[:, None].repeat(1, tokens)
    if masked:
        video_timesteps[:, : grid[1] * grid[2]] = 0
    video = StreamInput(
        torch.randn(batch, tokens, config.in_channels, generator=random),
        sigma_B,
        Timesteps.of(video_timesteps),
        video_positions,
        torch.randn(batch, 11, context[0], generator=random),
    )
    audio = StreamInput(
        torch.randn(batch, steps, config.audio_in_channels, generator=random),
        audio_sigma_B,
        Timesteps.uniform(audio_sigma_B, steps),
        audio_positions,
        torch.randn(batch, 11, context[1], generator=random),
    )
    return video, audio
