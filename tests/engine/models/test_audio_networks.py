"""Audio autoencoder and vocoder beyond their reference values: exact pieces, training from nothing, refused configs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from autoencoder_samples import AUDIO_VAE_2_3, VOCODER_2_0, VOCODER_2_3, audio_vae_config, randomise, vocoder_config
from torch import Tensor

from engine.models.audio_vae import (
    AudioDecoder,
    AudioEncoder,
    AudioVaeConfig,
    MelConfig,
    decode_in_windows,
    decode_window,
)
from engine.models.errors import UnknownConfigValue
from engine.models.mel import LogMel
from engine.models.vocoder import (
    PlainVocoder,
    Vocoder,
    VocoderConfig,
    VocoderPrecisionError,
    build_vocoder,
    sinc_upsample,
    synthesise,
)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def audio_decoder() -> AudioDecoder:
    network = AudioDecoder(AudioVaeConfig.from_metadata(audio_vae_config(channels=8))).double()
    randomise(network)
    return network


def vocoder(initial: int = 64, bandwidth_initial: int = 32) -> Vocoder:
    network = Vocoder(VocoderConfig.from_metadata(vocoder_config(initial, bandwidth_initial))).double()
    randomise(network)
    return network


# Pieces -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 60), (1, 2), (20, 30), (40, 41), (35, 60)])
def test_a_window_decodes_as_in_the_whole(start: int, end: int) -> None:
    decoder, latent = audio_decoder(), noise(1, 2, 60, 16)
    with torch.no_grad():
        whole = decoder(latent)
        window = decode_window(decoder, latent, start, end)
    assert whole.shape[2] == 4 * 60 - 3
    assert torch.allclose(window, whole[:, :, max(4 * start - 3, 0) : 4 * end - 3], atol=1e-12)


def test_windows_make_up_the_whole_and_tell_how_far_they_are() -> None:
    decoder, latent = audio_decoder(), noise(1, 2, 60, 16)
    fractions: list[float] = []
    with torch.no_grad():
        whole = decoder(latent)
    pieces = torch.cat(list(decode_in_windows(decoder, latent, 25, fractions.append)), dim=2)
    assert torch.allclose(pieces, whole, atol=1e-12)
    assert fractions == [25 / 60, 50 / 60, 1]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (5, 61)])
def test_a_window_outside_the_latent_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not a part of 60"):
        decode_window(audio_decoder(), noise(1, 2, 60, 16), start, end)


@pytest.mark.parametrize("chunk", [25, 50, 1000])
def test_vocoder_chunks_equal_one_shot(chunk: int) -> None:
    network, mel = vocoder(), noise(1, 2, 120, 64) - 3
    with torch.no_grad():
        whole = network(mel)
    fractions: list[float] = []
    pieces = list(synthesise(network, mel, chunk, on_piece=fractions.append))
    assert whole.shape == (1, 2, 480 * 120)
    assert pieces[0].shape[-1] == 480 * min(chunk, 120)
    assert torch.allclose(torch.cat(pieces, dim=-1), whole, atol=1e-12)
    assert fractions[-1] == 1


def test_a_shorter_halo_is_not_exact() -> None:
    """Else the test above would prove nothing."""
    network, mel = vocoder(), noise(1, 2, 120, 64) - 3
    with torch.no_grad():
        whole = network(mel)
    pieces = torch.cat(list(synthesise(network, mel, 50, halo_frames=4)), dim=-1)
    assert (pieces - whole).abs().max() > 1e-8


# The vocoder's parts ------------------------------------------------------------------------------------------------


def test_without_treble_the_second_stage_is_sinc_upsampling() -> None:
    network = vocoder()
    with torch.no_grad():
        network.bwe_generator.conv_post.weight.zero_()
    low = 0.9 * torch.sin(torch.arange(1600, dtype=torch.float64) / 7).expand(1, 2, -1)
    assert torch.equal(network.extend(low), sinc_upsample(low, 3).clamp(-1, 1))
    tone = torch.sin(torch.arange(4800, dtype=torch.float64) / 21)
    assert (network.extend(low)[0, 0] - 0.9 * tone)[100:-100].abs().max() < 1e-3


def test_the_second_stage_takes_any_length() -> None:
    assert vocoder().extend(noise(1, 2, 1234)).shape == (1, 2, 3 * 1234)


def test_half_precision_weights_are_refused() -> None:
    with pytest.raises(VocoderPrecisionError, match=r"float32 only.*bfloat16"):
        vocoder().bfloat16()(noise(1, 2, 4, 64))


def test_autocast_does_not_reach_the_vocoder() -> None:
    network = vocoder().float()
    mel = noise(1, 2, 4, 64).float()
    with torch.no_grad():
        expected = network(mel)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(network(mel.bfloat16().float()), network(mel.bfloat16()))
            assert torch.equal(network(mel), expected)


def test_the_configuration_chooses_the_generation() -> None:
    new = build_vocoder(VocoderConfig.from_metadata(vocoder_config(64, 32)))
    old = build_vocoder(VocoderConfig.from_metadata(VOCODER_2_0 | {"upsample_initial_channel": 32}))
    assert isinstance(new, Vocoder)
    assert isinstance(old, PlainVocoder)
    assert (new.sample_rate, new.samples_per_frame) == (48000, 480)
    assert (old.sample_rate, old.samples_per_frame) == (24000, 240)


# Training from nothing -----------------------------------------------------------------------------------------------


def test_sound_trains_from_mel_to_mel() -> None:
    torch.manual_seed(0)
    network = build_vocoder(VocoderConfig.from_metadata(vocoder_config(64, 32)))
    log_mel = LogMel(MelConfig(sample_rate=48000, highest_hz=24000))
    mel = noise(1, 2, 8, 64).float()
    mel[:, :, 4:] = -11.5  # digital silence must not turn gradients into NaN
    waveform = network(mel)
    (log_mel(waveform).square().mean() + waveform.abs().mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_audio_autoencoder_trains() -> None:
    torch.manual_seed(0)
    config = AudioVaeConfig.from_metadata(audio_vae_config(channels=8))
    encoder, decoder = AudioEncoder(config), AudioDecoder(config)
    mel = noise(2, 2, 21, 64).float()
    moments = encoder.moments(mel)
    assert moments.mean.shape == moments.logvar.shape == (2, 2, 6, 16)
    ((decoder(moments.mean) - mel).square().mean() + moments.logvar.square().mean()).backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_audio_statistics_apply_per_channel_and_band() -> None:
    encoder = AudioEncoder(AudioVaeConfig.from_metadata(audio_vae_config(channels=8))).double()
    randomise(encoder)
    mel = noise(1, 2, 9, 64)
    with torch.no_grad():
        mean = encoder.moments(mel).mean
        encoder.per_channel_statistics.set_to(torch.arange(32.0), torch.arange(1.0, 33.0))
        normalised = encoder(mel)
    channel, band = 1, 5
    index = channel * 16 + band
    assert torch.allclose(normalised[0, channel, :, band], (mean[0, channel, :, band] - index) / (index + 1))


@pytest.mark.parametrize("frames", [1, 2, 5, 6, 9, 21])
def test_lengths(frames: int) -> None:
    config = AudioVaeConfig.from_metadata(audio_vae_config(channels=8))
    encoder, decoder = AudioEncoder(config).double(), AudioDecoder(config).double()
    steps = 1 + (frames - 1) // 4
    with torch.no_grad():
        assert encoder(noise(1, 2, frames, 64)).shape == (1, 2, steps, 16)
        assert decoder(noise(1, 2, steps, 16)).shape == (1, 2, 4 * steps - 3, 64)


# Configurations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.params.ddconfig.norm_type", "group"),
        ("model.params.ddconfig.causality_axis", "width"),
        ("model.params.ddconfig.double_z", False),
        ("model.params.ddconfig.mid_block_add_attention", True),
        ("model.params.ddconfig.attn_resolutions", [16]),
        ("model.params.ddconfig.mel_bins", 80),
        ("model.params.ddconfig.ch_mult", []),
        ("preprocessing.audio.stereo", False),
        ("preprocessing.stft.hop_length", "160"),
        ("preprocessing.mel", None),
    ],
)
def test_audio_configs_we_cannot_build_are_refused_by_name(path: str, value: Any) -> None:
    metadata = copy.deepcopy(AUDIO_VAE_2_3)
    inner = metadata
    *parents, key = path.split(".")
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    with pytest.raises(UnknownConfigValue) as caught:
        AudioVaeConfig.from_metadata(metadata)
    assert caught.value.key == f"audio_vae.{path}"


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("vocoder", {"resblock": "2"}),
        ("vocoder", {"activation": "snake"}),
        ("vocoder", {"stereo": False}),
        ("vocoder", {"upsample_kernel_sizes": [11, 4]}),
        ("vocoder", {"upsample_kernel_sizes": [12, 4, 4, 4, 4, 4]}),
        ("vocoder", {"resblock_dilation_sizes": [[1, 3, 5]]}),
        ("bwe", {"hop_length": 100}),
        ("bwe", {"output_sampling_rate": 44100}),
        ("bwe", {"win_size": 400}),
        ("bwe", {"num_mels": 0}),
    ],
)
def test_vocoder_configs_we_cannot_build_are_refused_by_name(part: str, change: dict[str, Any]) -> None:
    metadata = copy.deepcopy(VOCODER_2_3)
    metadata[part] |= change
    with pytest.raises(UnknownConfigValue) as caught:
        VocoderConfig.from_metadata(metadata)
    assert caught.value.key == f"vocoder.{part}.{next(iter(change))}"
