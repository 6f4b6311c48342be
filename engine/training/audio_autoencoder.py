"""Train the audio VAE on log-mel spectrograms and the vocoder on what its decoder gives back.

Both learn from sound alone, at 16 kHz. The vocoder's bandwidth extension needs no training: with its last convolution
at zero it is exactly a sinc resampler to 48 kHz (autoencoder specification, 3.3).
"""

# torch leaves `backward` and `manual_seed` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig
from engine.models.mel import LogMel
from engine.models.vocoder import Vocoder, VocoderConfig
from engine.training.optim import MovingAverage, Optimisers
from engine.training.pocket import audio_vae_config, vocoder_config
from engine.training.run import Budget, Randomness, Run, mixed_precision, warm_cosine

# Draws sounds (B, 2, samples) at 16 kHz on the training device: count, samples, seed.
DrawSounds = Callable[[int, int, int], Tensor]
STATISTICS_SEED = 20_000_000  # added to the run's seed: other sounds than the training sees

LATENT_SPREAD = 2.0  # deviation of normalised latents: see `BlockBasis.spread`

# Up to a quarter of a second: shorter windows can't tell a tone from its neighbours, and the network then settles on
# multiples of the 100 Hz at which spectrogram frames come.
STFT_SIZES = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True)
class AudioTraining:
    """Settings; the defaults are those of the shipped model."""

    batch: int = 48
    samples: int = 160 * 128  # 1.28 s: 129 mel frames, 33 latents
    vocoder_batch: int = 24
    vocoder_samples: int = 160 * 64
    learning_rate: float = 2e-3
    vocoder_learning_rate: float = 1.5e-3
    latent_noise: float = 0.1
    seed: int = 0


class AudioVae(nn.Module):
    """Encoder and decoder as one network with common latent statistics, for training only."""

    def __init__(self, config: AudioVaeConfig):
        super().__init__()
        self.encoder = AudioEncoder(config)
        self.decoder = AudioDecoder(config)


def train_audio_vae(
    draw: DrawSounds, folder: Path, budget: Budget, device: torch.device, training: AudioTraining | None = None
) -> AudioVae:
    """Train, average the weights, measure the latent statistics; returns the averaged network in float32."""
    training = training or AudioTraining()
    torch.manual_seed(training.seed)
    randomness = Randomness(training.seed, device)
    config = AudioVaeConfig.from_metadata(audio_vae_config())
    vae = AudioVae(config).to(device)
    log_mel = LogMel(config.mel).to(device)
    optimisers = Optimisers(vae.named_parameters(), training.learning_rate, betas=(0.9, 0.99))
    average = MovingAverage(vae, decay=0.998)
    run = Run(folder, budget, {"vae": vae, "optimisers": optimisers, "average": average, "randomness": randomness})
    for step, fraction in run.steps():
        with torch.no_grad():
            mel = log_mel(draw(training.batch, training.samples, training.seed + step))
        with mixed_precision(device):
            mean = vae.encoder.moments(mel).mean
            noise = training.latent_noise * torch.randn(mean.shape, generator=randomness.generator, device=device)
            made = vae.decoder(mean + noise)
        # silence is most of a spectrogram: what sounds counts more, and so does each onset
        weight = 1 + 3 * ((mel + 8) / 8).clamp(0, 1) + 3 * F.pad(mel.diff(dim=2).clamp(0, 4) / 4, (0, 0, 1, 0))
        error = ((made.float() - mel).abs() * weight).mean()
        size = mean.float().square().mean()
        (error + 0.01 * size).backward()
        run.log(mel=error.detach(), size=size.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(vae)
    _set_statistics(vae, log_mel, draw, training)
    return vae


@torch.no_grad()
def _set_statistics(vae: AudioVae, log_mel: LogMel, draw: DrawSounds, training: AudioTraining) -> None:
    """Statistics per packed feature (channel x 16 + bin), from 16 batches."""
    parts: list[Tensor] = []
    for index in range(16):
        sound = draw(training.batch, training.samples, training.seed + STATISTICS_SEED + index)
        mean = vae.encoder.moments(log_mel(sound)).mean
        parts.append(mean.float().permute(0, 2, 1, 3).flatten(2).flatten(0, 1))  # (tokens, channel x bin)
    values = torch.cat(parts)
    std = values.std(dim=0)
    std = std.clamp(min=float(0.1 * std.median()))
    for network in (vae.encoder, vae.decoder):
        network.per_channel_statistics.set_to(values.mean(dim=0), std / LATENT_SPREAD)


def spectral_error(made_BN: Tensor, wanted_BN: Tensor) -> Tensor:
    """Difference of waveforms at several STFT sizes: log magnitudes where the wanted sound is loud, and all magnitudes
    relative to the wanted ones.

    Unweighted log magnitudes reward silence where tones are rare: nearly all bins are silent then.
    """
    error = made_BN.new_zeros(())
    for size in STFT_SIZES:
        window = torch.hann_window(size, device=made_BN.device)
        magnitudes: list[Tensor] = []
        for signal in (made_BN, wanted_BN):
            spectrum = torch.stft(signal, size, size // 4, window=window, return_complex=True)
            magnitudes.append(torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-8))
        made, wanted = magnitudes
        weight = (wanted / (wanted.amax(dim=(1, 2), keepdim=True) + 1e-2)).sqrt() + 0.03
        floor = 1e-3 * size**0.5
        logarithmic = (torch.log(made + floor) - torch.log(wanted + floor)).abs()
        error = error + 0.5 * (logarithmic * weight).sum() / weight.sum()
        off = ((made - wanted).square().sum(dim=(1, 2)) + 1e-8).sqrt()
        error = error + (off / (wanted.square().sum(dim=(1, 2)).sqrt() + 1.0)).mean()
    return error / len(STFT_SIZES)


def train_vocoder(
    draw: DrawSounds,
    vae: AudioVae,
    folder: Path,
    budget: Budget,
    device: torch.device,
    training: AudioTraining | None = None,
) -> Vocoder:
    """Train the 16 kHz generator on true spectrograms and, for half of each batch, on the VAE's reconstructions."""
    training = training or AudioTraining()
    torch.manual_seed(training.seed + 1)
    config = VocoderConfig.from_metadata(vocoder_config())
    vocoder = Vocoder(config).to(device)
    nn.init.zeros_(vocoder.bwe_generator.conv_post.weight)  # no more than a resampler: see the top of the file
    log_mel = LogMel(vae.encoder.config.mel).to(device)
    optimisers = Optimisers(vocoder.vocoder.named_parameters(), training.vocoder_learning_rate, betas=(0.8, 0.99))
    average = MovingAverage(vocoder.vocoder, decay=0.998)
    run = Run(folder, budget, {"vocoder": vocoder, "optimisers": optimisers, "average": average})
    for step, fraction in run.steps():
        with torch.no_grad():
            wave = draw(training.vocoder_batch, training.vocoder_samples, training.seed + step)
            mel = log_mel(wave)
            if fraction > 0.3:
                half = training.vocoder_batch // 2
                rebuilt = vae.decoder(vae.encoder(mel[:half]))
                length = min(rebuilt.shape[2], mel.shape[2])
                mel = torch.cat([rebuilt[:, :, :length], mel[half:, :, :length]])
        made = vocoder.low_band(mel)
        length = min(made.shape[-1], wave.shape[-1])
        made, wave = made[..., :length].flatten(0, 1), wave[..., :length].flatten(0, 1)
        error = spectral_error(made, wave)
        error.backward()
        run.log(spectrum=error.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(vocoder.vocoder)
    return vocoder
