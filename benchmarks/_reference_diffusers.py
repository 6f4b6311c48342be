"""diffusers' LTX-2 transformer with random weights, for `transformer_step.py --reference`. Needs diffusers installed.

It gets plain text-to-video inputs of the same sizes. Timesteps are given per token, as its pipelines do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import LTX2VideoTransformer3DModel


def build(
    config: Mapping[str, Any], video: Any, audio: Any, device: torch.device, dtype: torch.dtype
) -> Callable[[], object]:
    """The network at these sizes, and a call that evaluates it once on these `StreamInput`s."""
    with torch.device("meta"):
        model = LTX2VideoTransformer3DModel(
            in_channels=config["in_channels"],
            out_channels=config["out_channels"],
            num_attention_heads=config["num_attention_heads"],
            attention_head_dim=config["attention_head_dim"],
            cross_attention_dim=config["num_attention_heads"] * config["attention_head_dim"],
            audio_in_channels=config["audio_in_channels"],
            audio_out_channels=config["audio_out_channels"],
            audio_num_attention_heads=config["audio_num_attention_heads"],
            audio_attention_head_dim=config["audio_attention_head_dim"],
            audio_cross_attention_dim=config["audio_num_attention_heads"] * config["audio_attention_head_dim"],
            num_layers=config["num_layers"],
            gated_attn=True,
            cross_attn_mod=True,
            audio_gated_attn=True,
            audio_cross_attn_mod=True,
            rope_type="split",
            use_prompt_embeddings=False,
            perturbed_attn=True,
        ).to(dtype)
    model = model.to_empty(device=device).requires_grad_(requires_grad=False).eval()
    for parameter in model.parameters():
        parameter.normal_(0.0, 0.02)
    inputs = {
        "hidden_states": video.latent_BTC,
        "audio_hidden_states": audio.latent_BTC,
        "encoder_hidden_states": video.context_BND,
        "audio_encoder_hidden_states": audio.context_BND,
        "timestep": video.timesteps.per_token() * 1000,
        "audio_timestep": audio.timesteps.per_token() * 1000,
        "sigma": video.sigma_B * 1000,
        "audio_sigma": audio.sigma_B * 1000,
        "video_coords": video.positions_BAT2,
        "audio_coords": audio.positions_BAT2,
        "use_cross_timestep": True,
    }
    return lambda: model(**inputs)
