"""Waveforms to what the audio networks read: exact-ratio resampling, Slaney mel filters, the log-mel front end.

Formulas: the project's autoencoder specification, section 2.1; the resampler and the filters are those of torchaudio
with default settings, which the official pipelines call.
"""

# Shapes: B batch, C audio channels, N samples, M mel frames, F mel bands, K filter taps, R FFT bins.

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.audio_vae import MelConfig

SMALLEST_MAGNITUDE = 1e-5  # the logarithm's floor in training

_SINC_ZEROS = 6  # torchaudio's lowpass_filter_width
_ROLLOFF = 0.99


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Change the sample rate (Hz) of (..., N) by a Hann-windowed sinc; ceil(N to / from) samples result.

    Floating-point waveforms only; filters are built in float64.
    """
    divisor = math.gcd(from_rate, to_rate)
    old, new = from_rate // divisor, to_rate // divisor
    if old == new:
        return waveform
    base = min(old, new) * _ROLLOFF
    reach = math.ceil(_SINC_ZEROS * old / base)
    taps = torch.arange(-reach, reach + old, dtype=torch.float64)
    phases = torch.arange(new, dtype=torch.float64)[:, None]
    t = ((taps / old - phases / new) * base).clamp(-_SINC_ZEROS, _SINC_ZEROS)
    kernel_PK = torch.sinc(t) * torch.cos(t * math.pi / _SINC_ZEROS / 2).square() * base / old
    length = waveform.shape[-1]
    flat = F.pad(waveform.reshape(-1, 1, length), (reach, reach + old))
    by_phase = F.conv1d(flat, kernel_PK[:, None].to(waveform), stride=old)
    interleaved = rearrange(by_phase, "b p n -> b (n p)")
    return interleaved[:, : math.ceil(new * length / old)].reshape(*waveform.shape[:-1], -1)


def mel_filters(config: MelConfig) -> Tensor:
    """Slaney's triangular filters with area normalisation: (R, F) for R = fft_length / 2 + 1, float32."""
    bin_hz = torch.linspace(0, config.sample_rate / 2, config.fft_length // 2 + 1, dtype=torch.float64)
    edges_mel = torch.linspace(
        _hz_to_mel(config.lowest_hz), _hz_to_mel(config.highest_hz), config.bands + 2, dtype=torch.float64
    )
    edges_hz = _mel_to_hz(edges_mel)
    low, centre, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bin_hz[:, None] - low) / (centre - low)
    falling = (high - bin_hz[:, None]) / (high - centre)
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)).float()


# Slaney's mel scale: linear up to 1 kHz (mel 15), then 27 steps for each factor of 6.4
_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: Tensor) -> Tensor:
    return torch.where(
        mel < _BREAK_MEL,
        mel * _LINEAR_HZ_PER_MEL,
        _BREAK_HZ * torch.exp((mel.clamp(min=_BREAK_MEL) - _BREAK_MEL) * _LOG_STEP),
    )


class LogMel(nn.Module):
    """Waveform (B, C, N) at the config's rate -> natural-log mel magnitudes (B, C, M, F), M = 1 + floor(N / hop).

    Centred frames with reflected ends, so N must exceed half the FFT length (ValueError). Computed in float32 (or
    float64 if the waveform is); the caller casts the result for its network.
    """

    window: Tensor
    filters_RF: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.window_length), persistent=False)
        self.register_buffer("filters_RF", mel_filters(config), persistent=False)

    def forward(self, waveform_BCN: Tensor) -> Tensor:
        batch, channels, length = waveform_BCN.shape
        fft = self.config.fft_length
        if length <= fft // 2:
            raise ValueError(f"{length} samples are too few for a spectrogram with {fft}-sample frames")
        dtype = torch.float64 if waveform_BCN.dtype == torch.float64 else torch.float32
        spectrum = torch.stft(
            waveform_BCN.reshape(-1, length).to(dtype),
            fft,
            hop_length=self.config.hop_length,
            win_length=self.config.window_length,
            window=self.window.to(dtype),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        mel = spectrum.abs().transpose(1, 2) @ self.filters_RF.to(dtype)
        return rearrange(mel.clamp(min=SMALLEST_MAGNITUDE).log(), "(b c) m f -> b c m f", b=batch, c=channels)
