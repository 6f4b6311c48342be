"""What the autoencoder tests share: the golden files, small configs, and weights drawn by the specification's rule."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn


def read_case(golden: Path, name: str) -> dict[str, Tensor]:
    return read_tensors(golden / "cases" / f"{name}.safetensors")


def read_tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (a safetensors file, not a dict)


def read_config(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["config"])


def load_part(network: nn.Module, tensors: Mapping[str, Tensor], prefix: str, statistics: str | None = None) -> None:
    """Strictly load the tensors under `prefix`, and the statistics from theirs, as the loader of real files does."""
    state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    if statistics is not None:
        state |= {
            "per_channel_statistics." + key.removeprefix(statistics): value
            for key, value in tensors.items()
            if key.startswith(statistics)
        }
    network.load_state_dict(state, strict=True)


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Largest absolute error over the standard deviation of what is expected."""
    assert actual.shape == expected.shape
    return ((actual - expected).abs().max() / expected.std()).item()


# The published configuration of 2.3, from which the tests derive smaller ones -----------------------------------------

VAE_2_3: dict[str, Any] = {
    "_class_name": "CausalVideoAutoencoder",
    "dims": 3,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 128,
    "patch_size": 4,
    "norm_layer": "pixel_norm",
    "latent_log_var": "uniform",
    "use_quant_conv": False,
    "causal_decoder": False,
    "timestep_conditioning": False,
    "normalize_latent_channels": False,
    "encoder_base_channels": 128,
    "decoder_base_channels": 128,
    "scaling_factor": 1.0,
    "spatial_padding_mode": "zeros",
    "encoder_blocks": [
        ["res_x", {"num_layers": 4}],
        ["compress_space_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_time_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 4}],
        ["compress_all_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
        ["compress_all_res", {"multiplier": 1}],
        ["res_x", {"num_layers": 2}],
    ],
    "decoder_blocks": [
        ["res_x", {"num_layers": 4}],
        ["compress_space", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_time", {"multiplier": 2}],
        ["res_x", {"num_layers": 4}],
        ["compress_all", {"multiplier": 1}],
        ["res_x", {"num_layers": 2}],
        ["compress_all", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
    ],
}

VAE_2_0: dict[str, Any] = VAE_2_3 | {
    "encoder_blocks": [
        ["res_x", {"num_layers": 4}],
        ["compress_space_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_time_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_all_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
        ["compress_all_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
    ],
    "decoder_blocks": [
        ["res_x", {"num_layers": 5, "inject_noise": False}],
        ["compress_all", {"residual": True, "multiplier": 2}],
        ["res_x", {"num_layers": 5, "inject_noise": False}],
        ["compress_all", {"residual": True, "multiplier": 2}],
        ["res_x", {"num_layers": 5, "inject_noise": False}],
        ["compress_all", {"residual": True, "multiplier": 2}],
        ["res_x", {"num_layers": 5, "inject_noise": False}],
    ],
}
del VAE_2_0["spatial_padding_mode"]  # 2.0 has no such key: zeros in the encoder, reflect in the decoder

AUDIO_VAE_2_3: dict[str, Any] = {
    "model": {
        "params": {
            "sampling_rate": 16000,
            "ddconfig": {
                "double_z": True,
                "mel_bins": 64,
                "z_channels": 8,
                "resolution": 256,
                "downsample_time": False,
                "in_channels": 2,
                "out_ch": 2,
                "ch": 128,
                "ch_mult": [1, 2, 4],
                "num_res_blocks": 2,
                "attn_resolutions": [],
                "dropout": 0.0,
                "mid_block_add_attention": False,
                "norm_type": "pixel",
                "causality_axis": "height",
            },
        }
    },
    "preprocessing": {
        "audio": {"sampling_rate": 16000, "max_wav_value": 32768.0, "stereo": True, "causal_padding": 3},
        "stft": {"filter_length": 1024, "hop_length": 160, "win_length": 1024, "causal": True},
        "mel": {"n_mel_channels": 64, "mel_fmin": 0, "mel_fmax": 8000},
    },
}

_GENERATOR: dict[str, Any] = {
    "resblock": "AMP1",
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "activation": "snakebeta",
    "stereo": True,
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
}
VOCODER_2_3: dict[str, Any] = {
    "vocoder": _GENERATOR
    | {
        "upsample_initial_channel": 1536,
        "upsample_rates": [5, 2, 2, 2, 2, 2],
        "upsample_kernel_sizes": [11, 4, 4, 4, 4, 4],
    },
    "bwe": _GENERATOR
    | {
        "upsample_initial_channel": 512,
        "upsample_rates": [6, 5, 2, 2, 2],
        "upsample_kernel_sizes": [12, 11, 4, 4, 4],
        "apply_final_activation": False,
        "input_sampling_rate": 16000,
        "output_sampling_rate": 48000,
        "hop_length": 80,
        "n_fft": 512,
        "win_size": 512,
        "num_mels": 64,
    },
}
VOCODER_2_0: dict[str, Any] = {
    "upsample_initial_channel": 1024,
    "resblock": "1",
    "upsample_rates": [6, 5, 2, 2, 2],
    "upsample_kernel_sizes": [16, 15, 8, 4, 4],
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "stereo": True,
}


def audio_vae_config(channels: int = 32, latent_channels: int = 2) -> dict[str, Any]:
    config = copy.deepcopy(AUDIO_VAE_2_3)
    config["model"]["params"]["ddconfig"] |= {"ch": channels, "z_channels": latent_channels}
    return config


def vocoder_config(initial: int = 128, bandwidth_initial: int = 64) -> dict[str, Any]:
    return {
        "vocoder": VOCODER_2_3["vocoder"] | {"upsample_initial_channel": initial},
        "bwe": VOCODER_2_3["bwe"] | {"upsample_initial_channel": bandwidth_initial},
    }


def upsampler_config(kind: str, in_channels: int = 16, mid_channels: int = 64, blocks: int = 4) -> dict[str, Any]:
    return {
        "in_channels": in_channels,
        "mid_channels": mid_channels,
        "num_blocks_per_stage": blocks,
        "dims": 3,
        "spatial_upsample": kind != "temporal",
        "temporal_upsample": kind == "temporal",
        "spatial_scale": {"x2": 2.0, "x1.5": 1.5, "temporal": 1.0}[kind],
        "rational_resampler": kind != "x2",
    }


# Weights and inputs by formula: specification, section 8.4 ----------------------------------------------------------

FIXED = ("filter", "kernel", "_basis")  # parts of the names of tensors that keep their definition


def drawn(name: str, count: int) -> Tensor:
    """`count` float64 values in 0..1 for the tensor called `name`."""
    i = torch.arange(1, count + 1, dtype=torch.float64)
    return torch.frac(torch.sin(12.9898 * i + 0.1 * len(name)).abs() * 43758.5453)


def fill(network: nn.Module) -> None:
    """Overwrite all weights by the rule; the network becomes float64."""
    network.double()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if any(part in name for part in FIXED):
                continue
            s = (2 * drawn(name, tensor.numel()) - 1).view(tensor.shape)
            if name.endswith("mean-of-means"):
                value = 0.3 * s
            elif name.endswith("std-of-means"):
                value = 0.75 + 0.25 * s
            elif tensor.ndim >= 2:
                value = 1.7 * s / tensor[0].numel() ** 0.5
            elif "norm" in name and name.endswith("weight"):
                value = 1 + 0.1 * s
            else:
                value = 0.1 * s
            tensor.copy_(value)


def wave(*shape: int) -> Tensor:
    """sin of a sum of the indices times 0.7, 1.3, 2.1, 3.7, 5.3, in the order of the axes."""
    total = torch.zeros(shape, dtype=torch.float64)
    for axis, factor in enumerate((0.7, 1.3, 2.1, 3.7, 5.3)[: len(shape)]):
        index = torch.arange(shape[axis], dtype=torch.float64)
        total += factor * index.view([-1 if a == axis else 1 for a in range(len(shape))])
    return total.sin()


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Weights of ordinary size from a seed, statistics included; fixed filters stay."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if any(part in name for part in FIXED):
                continue
            noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
            if name.endswith("std-of-means"):
                tensor.copy_(0.8 + 0.2 * noise.sin())
            elif tensor.ndim >= 2:
                tensor.copy_(noise / tensor[0].numel() ** 0.5)
            else:
                tensor.copy_(0.1 * noise + ("norm" in name and name.endswith("weight")))
