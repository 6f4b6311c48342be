"""diffusers' LTX-2 video decoder and vocoder, random weights, for `vae_decode.py` and `audio_decode.py --reference`.

Needs diffusers installed. Only the published block lists; widths as asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKLLTX2Video
from diffusers.pipelines.ltx2.vocoder import LTX2VocoderWithBWE
from torch import Tensor, nn


def build_video_decoder(
    metadata: Mapping[str, Any], device: torch.device, dtype: torch.dtype
) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The decoder's weights for their size, and a call from latent to pixels."""
    base = metadata["decoder_base_channels"]
    with device:
        model = AutoencoderKLLTX2Video(
            latent_channels=metadata["latent_channels"],
            block_out_channels=(16, 32, 64, 64),  # the encoder is not measured
            decoder_block_out_channels=(2 * base, 4 * base, 4 * base, 8 * base),
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(4, 6, 4, 2, 2),
            downsample_type=("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
            upsample_type=("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
            upsample_residual=(False,) * 4,
            upsample_factor=(2, 2, 1, 2),
            decoder_spatio_temporal_scaling=(True,) * 4,
            decoder_inject_noise=(False,) * 5,
            timestep_conditioning=False,
            patch_size=4,
            patch_size_t=1,
            encoder_causal=True,
            decoder_causal=False,
            encoder_spatial_padding_mode="zeros",
            decoder_spatial_padding_mode="zeros",
        )
    model = model.to(dtype).requires_grad_(requires_grad=False).eval()
    return model.decoder, lambda latent: model.decode(latent, return_dict=False)[0]


def build_vocoder(metadata: Mapping[str, Any], device: torch.device) -> Callable[[Tensor], Tensor]:
    with device:
        model = LTX2VocoderWithBWE(
            hidden_channels=metadata["vocoder"]["upsample_initial_channel"],
            bwe_hidden_channels=metadata["bwe"]["upsample_initial_channel"],
            final_act_fn="clamp",
        )
    return model.requires_grad_(requires_grad=False).eval()
