"""Reference values of the autoencoders, the vocoder and the upsamplers: golden files and the specification's table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from autoencoder_samples import (
    VAE_2_3,
    VOCODER_2_3,
    audio_vae_config,
    drawn,
    fill,
    load_part,
    read_case,
    read_config,
    read_tensors,
    relative_error,
    upsampler_config,
    vocoder_config,
    wave,
)
from torch import Tensor

from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig, MelConfig
from engine.models.mel import LogMel, mel_filters, resample
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig, upsample
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.models.vocoder import Vocoder, VocoderConfig, half_band_filter, sinc_upsample

TOLERANCE = 5e-5  # of the deviation; float32 and float64 evaluation lie up to 2e-5 apart


@pytest.fixture(autouse=True)
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


class Tiny(NamedTuple):
    """The networks of the golden tiny checkpoint, loaded strictly."""

    video_encoder: VideoEncoder
    video_decoder: VideoDecoder
    audio_encoder: AudioEncoder
    audio_decoder: AudioDecoder
    log_mel: LogMel
    vocoder: Vocoder


@pytest.fixture
def tiny(golden: Path) -> Tiny:
    return load_tiny(golden)


@cache
def load_tiny(golden: Path) -> Tiny:
    path = golden / "tiny-checkpoint.safetensors"
    config, tensors = read_config(path), read_tensors(path)
    video = VideoVaeConfig.from_metadata(config["vae"])
    audio = AudioVaeConfig.from_metadata(config["audio_vae"])
    networks = Tiny(
        VideoEncoder(video),
        VideoDecoder(video),
        AudioEncoder(audio),
        AudioDecoder(audio),
        LogMel(audio.mel),
        Vocoder(VocoderConfig.from_metadata(config["vocoder"])),
    )
    statistics = "vae.per_channel_statistics."
    load_part(networks.video_encoder, tensors, "vae.encoder.", statistics)
    load_part(networks.video_decoder, tensors, "vae.decoder.", statistics)
    load_part(networks.audio_encoder, tensors, "audio_vae.encoder.", "audio_" + statistics)
    load_part(networks.audio_decoder, tensors, "audio_vae.decoder.", "audio_" + statistics)
    load_part(networks.vocoder, tensors, "vocoder.")
    return networks


@pytest.mark.parametrize("frames", [1, 9, 17])
def test_video_encode(tiny: Tiny, golden: Path, frames: int) -> None:
    case = read_case(golden, "video-vae-encode")
    pixels = case["pixels_uint8"][:, :, :frames].float() / 127.5 - 1
    assert relative_error(tiny.video_encoder(pixels), case[f"expected_latent_{frames}"]) < TOLERANCE


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("frames", [1, 9])
def test_video_decode(tiny: Tiny, golden: Path, frames: int, grad: bool) -> None:
    """With gradients the decoder takes its plain path, without them the in-place one; both give the same."""
    case = read_case(golden, f"video-vae-decode-{frames}")
    with torch.set_grad_enabled(grad):
        pixels = tiny.video_decoder(case["latent"])
    assert relative_error(pixels.detach(), case["expected_pixels"]) < TOLERANCE


def test_video_decode_of_17_frames(tiny: Tiny, golden: Path) -> None:
    case = read_case(golden, "video-vae-decode-17")
    pixels = tiny.video_decoder(case["latent"])
    assert relative_error(pixels[..., ::3, ::5], case["expected_pixels_every_3rd_5th"]) < TOLERANCE
    by_frame = pixels.transpose(1, 2).flatten(2)
    assert torch.allclose(by_frame.mean(2), case["expected_frame_mean"], atol=1e-5)
    assert torch.allclose(by_frame.std(2), case["expected_frame_std"], atol=1e-5)


def test_audio_encode(tiny: Tiny, golden: Path) -> None:
    case = read_case(golden, "audio-encode")
    mel = tiny.log_mel(case["waveform_16k_int16"] / 32768)
    check_mel(mel, case["expected_mel"])
    assert relative_error(tiny.audio_encoder(mel), case["expected_latent"]) < TOLERANCE


def test_audio_resample(tiny: Tiny, golden: Path) -> None:
    case = read_case(golden, "audio-resample")
    waveform = resample(case["waveform_int16"] / 32768, 48000, 16000)
    assert (waveform - case["expected_waveform_16k"]).abs().max() < 1e-5
    check_mel(tiny.log_mel(waveform), case["expected_mel"])


def check_mel(actual: Tensor, expected: Tensor) -> None:
    error = (actual - expected).abs()
    assert error[expected > -8].max() < 1e-3
    assert error.max() < 1e-2


@pytest.mark.parametrize("name", ["audio-decode", "audio-decode-1"])
def test_audio_decode(tiny: Tiny, golden: Path, name: str) -> None:
    case = read_case(golden, name)
    assert relative_error(tiny.audio_decoder(case["latent"]), case["expected_mel"]) < TOLERANCE


@pytest.mark.parametrize("name", ["vocoder", "vocoder-loud"])
def test_vocoder(tiny: Tiny, golden: Path, name: str) -> None:
    case = read_case(golden, name)
    assert (tiny.vocoder.low_band(case["mel"]) - case["expected_16k"]).abs().max() < 2e-5
    assert (tiny.vocoder(case["mel"]) - case["expected_48k"]).abs().max() < 2e-5


@pytest.mark.parametrize("name", ["audio-latent-to-waveform", "audio-decode-1"])
def test_audio_latent_to_waveform(tiny: Tiny, golden: Path, name: str) -> None:
    case = read_case(golden, name)
    waveform = tiny.vocoder(tiny.audio_decoder(case["latent"]))
    assert (waveform - case["expected_48k"]).abs().max() < 2e-5


@pytest.mark.parametrize("kind", ["x2", "x1.5", "temporal-x2"])
def test_upsampler(tiny: Tiny, golden: Path, kind: str) -> None:
    path = golden / f"tiny-upscaler-{kind}.safetensors"
    network = LatentUpsampler(UpsamplerConfig.from_metadata(read_config(path)))
    load_part(network, read_tensors(path), "")
    case = read_case(golden, f"upsampler-{kind}")
    assert relative_error(network(case["latent"]), case["expected_raw"]) < TOLERANCE
    normalised = upsample(network, tiny.video_decoder.per_channel_statistics, case["latent"])
    assert relative_error(normalised, case["expected_normalised"]) < TOLERANCE


# The specification's table (8.4), float64 --------------------------------------------------------------------------


def video_decoder_case(padding: str) -> Tensor:
    config = VAE_2_3 | {"latent_channels": 16, "decoder_base_channels": 8, "spatial_padding_mode": padding}
    network = VideoDecoder(VideoVaeConfig.from_metadata(config))
    fill(network)
    return network(wave(1, 16, 3, 3, 2))


def video_encoder_case() -> Tensor:
    # the table says base 128, but only base 16 gives its numbers: the official encoder's base is the latent's width
    config = VAE_2_3 | {"latent_channels": 16, "encoder_base_channels": 16}
    network = VideoEncoder(VideoVaeConfig.from_metadata(config))
    fill(network)
    return network(wave(1, 3, 9, 64, 64))


def audio_encoder_case() -> Tensor:
    network = AudioEncoder(AudioVaeConfig.from_metadata(audio_vae_config()))
    fill(network)
    return network(wave(1, 2, 21, 64))


def audio_decoder_case() -> Tensor:
    network = AudioDecoder(AudioVaeConfig.from_metadata(audio_vae_config()))
    fill(network)
    return network(wave(1, 2, 6, 16))


def vocoder_case(low_band: bool) -> Tensor:
    network = Vocoder(VocoderConfig.from_metadata(vocoder_config()))
    fill(network)
    for generator in (network.vocoder, network.bwe_generator):
        generator.conv_post.weight.mul_(0.05)
    # the table's mel basis is not a mel basis
    basis = network.mel_stft.mel_basis
    basis.copy_(0.01 * drawn("mel_stft.mel_basis", basis.numel()).view(basis.shape))
    mel = 2 * wave(1, 2, 5, 64) - 4
    return network.low_band(mel) if low_band else network(mel)


def upsampler_case(kind: str, mid_channels: int) -> Tensor:
    network = LatentUpsampler(UpsamplerConfig.from_metadata(upsampler_config(kind, 16, mid_channels)))
    fill(network)
    return network(wave(1, 16, 3, 5, 6))


TABLE: dict[str, tuple[Callable[[], Tensor], tuple[int, ...], list[float]]] = {
    "video decode, zeros": (
        lambda: video_decoder_case("zeros"),
        (1, 3, 17, 96, 64),
        [-0.016885968, 0.495015713, -0.451250982, 0.159696782, 0.521497680],
    ),
    "video decode, reflect": (
        lambda: video_decoder_case("reflect"),
        (1, 3, 17, 96, 64),
        [-0.022291758, 0.520351499, -0.546720850, -0.167784483, 1.036870670],
    ),
    "video encode": (
        video_encoder_case,
        (1, 16, 2, 2, 2),
        [0.156588070, 0.504822540, -0.162314212, 0.418119229, 0.280251580],
    ),
    "audio encode": (
        audio_encoder_case,
        (1, 2, 6, 16),
        [-0.541278762, 0.634207163, -0.180435949, -0.308220410, -0.173975629],
    ),
    "audio decode": (
        audio_decoder_case,
        (1, 2, 21, 64),
        [0.242747645, 0.469948926, 0.196571190, 0.316280266, 0.359662416],
    ),
    "main vocoder": (
        lambda: vocoder_case(low_band=True),
        (1, 2, 800),
        [-0.025815400, 0.828871916, -0.041739808, 0.640403487, 0.933302315],
    ),
    "vocoder with bandwidth extension": (
        lambda: vocoder_case(low_band=False),
        (1, 2, 2400),
        [0.091903327, 0.740866389, -0.039472953, 0.607996438, 0.735683191],
    ),
    "upsampler x2": (
        lambda: upsampler_case("x2", 64),
        (1, 16, 3, 10, 12),
        [0.163108786, 2.298623120, -0.560799708, -0.117907639, -0.740876175],
    ),
    "upsampler x1.5": (
        lambda: upsampler_case("x1.5", 64),
        (1, 16, 3, 8, 9),
        [0.126394661, 1.783746412, 0.310389861, -0.556297936, -1.119136540],
    ),
    "upsampler temporal": (
        lambda: upsampler_case("temporal", 32),
        (1, 16, 5, 5, 6),
        [0.151514052, 2.281477725, -1.433460116, -0.734107537, -0.073992763],
    ),
}


@pytest.mark.parametrize("row", TABLE)
def test_specification_table(row: str) -> None:
    compute, shape, expected = TABLE[row]
    y = compute()
    assert tuple(y.shape) == shape
    flat = y.flatten()
    actual = [flat.mean(), flat.std(), flat[0], flat[flat.numel() // 2], flat[-1]]
    # nine digits are printed; the reference makes the vocoder's fixed filters in float32, we in float64
    assert [v.item() for v in actual] == pytest.approx(expected, abs=2e-9 if "vocoder" not in row else 2e-6)


def test_log_mel_of_two_tones() -> None:
    n = torch.arange(16000) / 16000
    tones = 0.5 * torch.sin(2 * torch.pi * 440 * n) + 0.25 * torch.sin(2 * torch.pi * 3000 * n)
    mel = LogMel(MelConfig())(tones.expand(1, 2, -1))
    assert mel.shape == (1, 2, 101, 64)
    bands = [0, 5, 10, 15, 20, 30, 40, 45, 50, 63]
    middle = [-9.13896, -6.69483, -3.50090, -8.60468, -9.91785, -10.37376, -10.43915, -9.49501, -10.10795, -10.27882]
    assert mel[0, 1, 50, bands].tolist() == pytest.approx(middle, abs=1e-2)
    assert mel[0, 0, 0, [0, 10, 45]].tolist() == pytest.approx([-0.92011, 0.20349, -1.58534], abs=1e-3)


def test_mel_filters() -> None:
    filters = mel_filters(MelConfig())
    assert filters.shape == (513, 64)
    assert int((filters > 0).sum()) == 997
    assert filters.sum().item() == pytest.approx(4.0958800, abs=1e-6)
    peaks = {0: (3, 0.0213312), 10: (33, 0.0191523), 40: (162, 0.0078547), 63: (488, 0.0027300)}
    for band, (bin_, height) in peaks.items():
        assert int(filters[:, band].argmax()) == bin_
        assert filters[bin_, band].item() == pytest.approx(height, abs=1e-7)


def test_resampling_of_one_tone() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(48000, dtype=torch.float64) / 48000)
    y = resample(tone, 48000, 16000)
    assert len(y) == 16000
    expected = [0.037492, 0.377097, 0.709508, -0.000015, -0.382550]
    assert y[[0, 1, 2, 1000, 1001]].tolist() == pytest.approx(expected, abs=1e-4)  # the reference's taps are float32


@pytest.mark.parametrize(("old", "new"), [(44100, 16000), (16000, 48000), (48000, 44100)])
def test_resampling_keeps_a_tone_and_rounds_the_length_up(old: int, new: int) -> None:
    length = 5001
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(length, dtype=torch.float64) / old)
    y = resample(tone.expand(2, 3, -1), old, new)
    assert y.shape == (2, 3, -(-length * new // old))
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(y.shape[-1], dtype=torch.float64) / new)
    assert (y[1, 2] - expected)[200:-200].abs().max() < 2e-3


def test_anti_alias_filter() -> None:
    half = [0.00202896, 0.00938947, -0.02554346, -0.05765738, 0.12857258, 0.44320980]
    assert half_band_filter().flatten().tolist() == pytest.approx(half + half[::-1], abs=5e-8)  # made in float32 there


def test_sinc_upsampling_taps() -> None:
    impulse = torch.zeros(1, 1, 41, dtype=torch.float64)
    impulse[..., 20] = 1
    taps = sinc_upsample(impulse, 3)[0, 0, 60 - 21 : 60 + 22]
    half = (
        "0 0 0 -0.00000082 -0.00018302 -0.00053822 0.00024459 0.00264130 0.00362526 -0.00086147 -0.00897746 "
        "-0.01086167 0.00169034 0.02137401 0.02545190 -0.00251341 -0.04678103 -0.05947996 0.00311387 0.13534595 "
        "0.27194273 0.33000001"
    )
    expected = [3 * float(tap) for tap in half.split()]  # the transposed convolution is scaled by the ratio
    assert taps.tolist() == pytest.approx(expected + expected[-2::-1], abs=3e-7)  # made in float32 there
    assert taps.sum().item() == pytest.approx(3.0014, abs=1e-4)


def test_built_bases_are_the_textbook_ones() -> None:
    network = Vocoder(VocoderConfig.from_metadata(vocoder_config()))
    basis = network.mel_stft.stft_fn.forward_basis[:, 0]
    noise = torch.randn(512, generator=torch.Generator().manual_seed(1))
    spectrum = torch.fft.rfft(noise * torch.hann_window(512))
    assert torch.allclose(basis @ noise, torch.cat([spectrum.real, spectrum.imag]), atol=1e-4)
    config = MelConfig(fft_length=VOCODER_2_3["bwe"]["n_fft"])
    assert torch.equal(network.mel_stft.mel_basis, mel_filters(config).T)
