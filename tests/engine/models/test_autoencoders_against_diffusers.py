"""The autoencoders, vocoders and upsamplers equal diffusers' classes: random tiny weights, and all full-size names.

diffusers is a test-only dependency. Its video autoencoder stays un-normalised; its audio statistics apply to packed
latents; its vocoder must be told to clamp (the converter's default is a known difference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from autoencoder_samples import (
    AUDIO_VAE_2_3,
    VAE_2_0,
    VAE_2_3,
    VOCODER_2_0,
    VOCODER_2_3,
    audio_vae_config,
    randomise,
    relative_error,
    upsampler_config,
    vocoder_config,
)
from torch import Tensor, nn

from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.models.vocoder import VocoderConfig, build_vocoder

TOLERANCE = 1e-9  # everything here is computed in float64; float32 differs by up to 4e-5
SHAPES = Path(__file__).with_name("autoencoder_2_3_shapes.json")


@pytest.fixture(autouse=True)
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


# diffusers' classes -----------------------------------------------------------------------------------------------


def their_video_vae(config: Mapping[str, Any]) -> nn.Module:
    from diffusers import AutoencoderKLLTX2Video

    e, d = config["encoder_base_channels"], config["decoder_base_channels"]
    assert e == config["latent_channels"]  # diffusers ties the two, as the official code does
    both = config.get("spatial_padding_mode")
    common: dict[str, Any] = {
        "latent_channels": config["latent_channels"],
        "encoder_causal": True,
        "decoder_causal": False,
        "encoder_spatial_padding_mode": both or "zeros",
        "decoder_spatial_padding_mode": both or "reflect",
        "timestep_conditioning": False,
        "spatial_compression_ratio": 32,
        "temporal_compression_ratio": 8,
    }
    if "spatial_padding_mode" not in config:  # 2.0
        return AutoencoderKLLTX2Video(
            **common,
            block_out_channels=(2 * e, 4 * e, 8 * e, 16 * e),
            decoder_block_out_channels=(2 * d, 4 * d, 8 * d),
        )
    return AutoencoderKLLTX2Video(
        **common,
        block_out_channels=(2 * e, 4 * e, 8 * e, 8 * e),
        decoder_block_out_channels=(2 * d, 4 * d, 4 * d, 8 * d),
        layers_per_block=(4, 6, 4, 2, 2),
        decoder_layers_per_block=(4, 6, 4, 2, 2),
        decoder_spatio_temporal_scaling=(True,) * 4,
        decoder_inject_noise=(False,) * 5,
        upsample_type=("spatiotemporal", "spatiotemporal", "temporal", "spatial"),
        upsample_residual=(False,) * 4,
        upsample_factor=(2, 2, 1, 2),
    )


def their_audio_vae(config: Mapping[str, Any]) -> nn.Module:
    from diffusers import AutoencoderKLLTX2Audio

    network = config["model"]["params"]["ddconfig"]
    return AutoencoderKLLTX2Audio(base_channels=network["ch"], latent_channels=network["z_channels"])


def their_vocoder(config: Mapping[str, Any]) -> nn.Module:
    from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder, LTX2VocoderWithBWE

    if "bwe" not in config:
        return LTX2Vocoder(hidden_channels=config["upsample_initial_channel"])
    return LTX2VocoderWithBWE(
        hidden_channels=config["vocoder"]["upsample_initial_channel"],
        bwe_hidden_channels=config["bwe"]["upsample_initial_channel"],
        final_act_fn="clamp",
    )


def their_upsampler(config: Mapping[str, Any]) -> nn.Module:
    from diffusers.pipelines.ltx2.latent_upsampler import LTX2LatentUpsamplerModel

    return LTX2LatentUpsamplerModel(
        in_channels=config["in_channels"],
        mid_channels=config["mid_channels"],
        num_blocks_per_stage=config["num_blocks_per_stage"],
        spatial_upsample=config["spatial_upsample"],
        temporal_upsample=config["temporal_upsample"],
        rational_spatial_scale=config["spatial_scale"],
        use_rational_resampler=config["rational_resampler"],
    )


# Official names -> theirs (specification 8.2) ---------------------------------------------------------------------


def video_name(ours: str) -> str:
    network, _, rest = ours.partition(".")
    if network == "per_channel_statistics":
        return statistics_name(rest)
    rest = rest.replace("res_blocks", "resnets")
    kind = "down_blocks" if network == "encoder" else "up_blocks"

    def numbered(match: re.Match[str]) -> str:
        index, inner = int(match[1]), match[2]
        if network == "encoder":
            if inner.startswith("conv."):
                return f"down_blocks.{index // 2}.downsamplers.0.{inner}"
            return f"down_blocks.{index // 2}.{inner}"
        if inner.startswith("conv."):
            return f"up_blocks.{(index - 1) // 2}.upsamplers.0.{inner}"
        return f"up_blocks.{index // 2 - 1}.{inner}" if index else f"mid_block.{inner}"

    return f"{network}." + re.sub(rf"^{kind}\.(\d+)\.(.*)$", numbered, rest)


def encoder_end(their_names: set[str], name: str) -> str:
    """The encoder's last residual blocks are its `mid_block` there."""
    last = max(int(n.split(".")[2]) for n in their_names if n.startswith("encoder.down_blocks."))
    return name.replace(f"encoder.down_blocks.{last + 1}.", "encoder.mid_block.")


def statistics_name(ours: str) -> str:
    return {"mean-of-means": "latents_mean", "std-of-means": "latents_std"}[ours]


def audio_name(ours: str) -> str:
    prefix = "per_channel_statistics."
    return statistics_name(ours.removeprefix(prefix)) if ours.startswith(prefix) else ours


def vocoder_name(ours: str) -> str:
    for old, new in (
        ("resblocks", "resnets"),
        ("conv_pre", "conv_in"),
        ("conv_post", "conv_out"),
        ("act_post", "act_out"),
        ("downsample.lowpass", "downsample"),
    ):
        ours = ours.replace(old, new)
    return re.sub(r"(^|\.)ups\.", r"\1upsamplers.", ours)


def joined(encoder: nn.Module, decoder: nn.Module) -> dict[str, Tensor]:
    """The keys of both networks as in the file: prefixes, and the shared statistics once."""
    state: dict[str, Tensor] = {}
    for prefix, network in (("encoder.", encoder), ("decoder.", decoder)):
        for key, value in network.state_dict().items():
            state[key if key.startswith("per_channel") else prefix + key] = value
    return state


def give(theirs: nn.Module, state: Mapping[str, Tensor], rename: Callable[[str], str]) -> None:
    renamed = {rename(key): value for key, value in state.items()}
    renamed = {encoder_end(set(theirs.state_dict()), key): value for key, value in renamed.items()} if any(
        key.startswith("encoder.down_blocks") for key in renamed
    ) else renamed  # fmt: skip
    theirs.double().load_state_dict(renamed, strict=True)


# Equal results ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", ["2.3", "2.3 reflect", "2.0"])
def test_video_vae(generation: str) -> None:
    small = {"latent_channels": 8, "encoder_base_channels": 8, "decoder_base_channels": 4}
    published = VAE_2_0 if generation == "2.0" else VAE_2_3
    metadata = published | small
    if generation == "2.3 reflect":
        metadata["spatial_padding_mode"] = "reflect"
    config = VideoVaeConfig.from_metadata(metadata)
    encoder, decoder = VideoEncoder(config).double(), VideoDecoder(config).double()
    randomise(encoder, 1)
    randomise(decoder, 2)
    decoder.per_channel_statistics.load_state_dict(encoder.per_channel_statistics.state_dict())
    theirs: Any = their_video_vae(metadata)
    give(theirs, joined(encoder, decoder), video_name)

    generator = torch.Generator().manual_seed(3)
    pixels = torch.randn(2, 3, 9, 64, 96, generator=generator, dtype=torch.float64)
    mean = theirs.encode(pixels).latent_dist.mean
    assert relative_error(encoder(pixels), encoder.per_channel_statistics.normalise(mean)) < TOLERANCE
    moments = encoder.moments(pixels)
    assert relative_error(moments.mean, mean) < TOLERANCE
    assert relative_error(moments.logvar, theirs.encode(pixels).latent_dist.logvar) < TOLERANCE
    latent = torch.randn(2, 8, 3, 2, 3, generator=generator, dtype=torch.float64)
    expected = theirs.decode(decoder.per_channel_statistics.un_normalise(latent)).sample
    assert relative_error(decoder(latent), expected) < TOLERANCE


def test_audio_vae() -> None:
    metadata = audio_vae_config()
    config = AudioVaeConfig.from_metadata(metadata)
    encoder, decoder = AudioEncoder(config).double(), AudioDecoder(config).double()
    randomise(encoder, 1)
    randomise(decoder, 2)
    theirs: Any = their_audio_vae(metadata)
    give(theirs, joined(encoder, decoder), audio_name)
    statistics = decoder.per_channel_statistics
    generator = torch.Generator().manual_seed(3)
    mel = torch.randn(2, 2, 23, 64, generator=generator, dtype=torch.float64)
    moments = encoder.moments(mel)
    assert relative_error(moments.mean, theirs.encode(mel).latent_dist.mean) < TOLERANCE
    latent = torch.randn(2, 2, 7, 16, generator=generator, dtype=torch.float64)
    packed = latent.transpose(1, 2).flatten(2)  # (B, L, channels x bands), as the transformer sees them
    raw = (packed * statistics.std + statistics.mean).unflatten(2, (2, 16)).transpose(1, 2)
    assert relative_error(decoder(latent), theirs.decode(raw).sample) < TOLERANCE


@pytest.mark.parametrize("generation", ["2.3", "2.0"])
def test_vocoder(generation: str) -> None:
    metadata = vocoder_config() if generation == "2.3" else VOCODER_2_0 | {"upsample_initial_channel": 64}
    network = build_vocoder(VocoderConfig.from_metadata(metadata)).double()
    randomise(network)
    for name, weight in network.named_parameters():
        if name.endswith("conv_post.weight"):
            weight *= 0.1  # stay mostly within -1..1
    theirs = their_vocoder(metadata)
    give(theirs, network.state_dict(), vocoder_name)
    mel = torch.randn(2, 2, 9, 64, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = theirs(mel)
    assert expected.shape[-1] == 9 * network.samples_per_frame
    assert network.sample_rate == {"2.3": 48000, "2.0": 24000}[generation]
    assert expected.abs().mean() < 0.9
    assert (network(mel) - expected).abs().max() < 1e-6  # their resampling taps are float32


@pytest.mark.parametrize("kind", ["x2", "x2 rational", "x1.5", "temporal"])
def test_upsampler(kind: str) -> None:
    metadata = upsampler_config(kind.split(maxsplit=1)[0], in_channels=8, mid_channels=32, blocks=2)
    if kind.endswith("rational"):  # the layout of the 2.0 file
        metadata["rational_resampler"] = True
    network = LatentUpsampler(UpsamplerConfig.from_metadata(metadata)).double()
    randomise(network)
    theirs = their_upsampler(metadata)
    give(theirs, network.state_dict(), str)
    latent = torch.randn(2, 8, 3, 5, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert relative_error(network(latent), theirs(latent)) < TOLERANCE


# Names and shapes of the published sizes ----------------------------------------------------------------------------


def full_size() -> dict[str, tuple[dict[str, Tensor], nn.Module, Callable[[str], str]]]:
    """Ours (with file prefixes), theirs, and the renaming, all on the meta device."""
    with torch.device("meta"):
        video = VideoVaeConfig.from_metadata(VAE_2_3)
        audio = AudioVaeConfig.from_metadata(AUDIO_VAE_2_3)
        found: dict[str, tuple[dict[str, Tensor], nn.Module, Callable[[str], str]]] = {
            "video_vae": (joined(VideoEncoder(video), VideoDecoder(video)), their_video_vae(VAE_2_3), video_name),
            "audio_vae": (joined(AudioEncoder(audio), AudioDecoder(audio)), their_audio_vae(AUDIO_VAE_2_3), audio_name),
            "vocoder": (
                build_vocoder(VocoderConfig.from_metadata(VOCODER_2_3)).state_dict(),
                their_vocoder(VOCODER_2_3),
                vocoder_name,
            ),
        }
        for kind, mid in (("x2", 1024), ("x1.5", 1024), ("temporal", 512)):
            metadata = upsampler_config(kind, 128, mid)
            ours = LatentUpsampler(UpsamplerConfig.from_metadata(metadata)).state_dict()
            found[f"upsampler_{kind}"] = (ours, their_upsampler(metadata), str)
    return found


COUNTS = {  # network: tensors, and values in all of them
    "video_vae": (170, 318_936_897 + 407_169_072 + 2 * 128),
    "audio_vae": (102, 21_333_008 + 31_915_138 + 2 * 128),
    "vocoder": (1227, 128_537_448 + 547_584),
    "upsampler_x2": (72, 497_867_904),
    "upsampler_x1.5": (73, 545_058_944 + 25),
    "upsampler_temporal": (72, 130_968_192),
}


def test_published_names_and_shapes() -> None:
    stored: dict[str, dict[str, list[int]]] = json.loads(SHAPES.read_text())
    networks = full_size()
    assert stored.keys() == networks.keys() == COUNTS.keys()
    for name, (ours, theirs, rename) in networks.items():
        shapes = {key: list(value.shape) for key, value in ours.items()}
        assert shapes == stored[name]
        assert (len(shapes), sum(value.numel() for value in ours.values())) == COUNTS[name]
        their_shapes = {key: list(value.shape) for key, value in theirs.state_dict().items()}
        renamed = {rename(key): shape for key, shape in shapes.items()}
        if name == "video_vae":
            renamed = {encoder_end(set(their_shapes), key): shape for key, shape in renamed.items()}
        assert renamed == their_shapes
