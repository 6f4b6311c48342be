"""What is heard in a clip of Pocket's world: loudness, the onsets of tones, whose tone they are, the hum, the side.

Pictures are read in `measure.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.measure import slope
from engine.training.scenes import numbers
from engine.training.sound import SHAPE_PITCH_HZ
from engine.training.words import SHAPES

# Shapes: S samples


@dataclass(frozen=True)
class Heard:
    """What a clip sounds like."""

    loudness: float  # root mean square, 0..1
    onsets_s: tuple[float, ...]
    shape: str  # the shape whose tone the pitches behind the onsets are nearest to; "" without onsets
    hum_slope: float  # change of the strongest pitch, octaves per s
    balance: float  # -1 left ... 1 right


def listen(sound_2S: Tensor, rate: int) -> Heard:
    """Read the sound (2, S) of a clip at `rate` Hz."""
    sound = sound_2S.detach().float().cpu()
    mono = sound.mean(0)
    loudness = float(torch.sqrt((sound**2).mean()))
    left, right = (float(torch.sqrt((side**2).mean())) for side in sound)
    balance = (right - left) / max(1e-6, right + left)
    onsets = _onsets(mono, rate)
    pitches = tuple(_pitch(mono[round((t + 0.01) * rate) : round((t + 0.16) * rate)], rate) for t in onsets)
    shape = ""
    clear = sorted(pitch for pitch in pitches if math.isfinite(pitch))
    if clear:
        middle = clear[len(clear) // 2]
        shape = min(zip(SHAPE_PITCH_HZ, SHAPES, strict=True), key=lambda tone: abs(math.log(tone[0] / middle)))[1]
    return Heard(loudness, onsets, shape, _hum_slope(mono, rate), balance)


def _onsets(mono: Tensor, rate: int) -> tuple[float, ...]:
    """When struck tones begin (s): where the loudness passes half of the height of a steep climb."""
    hop, window = rate // 500, rate // 50  # 2 ms, 20 ms
    power = F.avg_pool1d(F.pad(mono**2, (window // 2, window // 2))[None, None], window, hop)[0, 0]
    envelope = torch.sqrt(power)
    loudest = float(envelope.max())
    if loudest < 0.02:
        return ()
    before, after = 35, 40  # 70 ms, 80 ms
    padded = F.pad(envelope, (before, after))
    moments: list[float] = []
    # the climb from the quietest moment just before to the loudest just after
    low = -F.max_pool1d(-padded[None, None, : len(envelope) + before - 1], before, 1)[0, 0]
    high = F.max_pool1d(padded[None, None, before:], after, 1)[0, 0][: len(envelope)]
    climbs = (high - low[: len(envelope)]) / loudest
    candidates = [round(i) for i in numbers((climbs > 0.35).nonzero()[:, 0])]
    last = -1.0
    for i in candidates:
        floor, top = float(low[i]), float(high[i])
        half = floor + 0.5 * (top - floor)
        if envelope[i] < half and i + 1 < len(envelope) and envelope[i + 1] >= half:
            share = (half - float(envelope[i])) / max(1e-9, float(envelope[i + 1] - envelope[i]))
            moment = (i + share) * hop / rate
            if moment - last > 0.15 or last < 0:
                moments.append(moment)
                last = moment
    return tuple(moments)


def _pitch(piece: Tensor, rate: int) -> float:
    """The strongest frequency (Hz) between 100 and 2,500, finer than the bins of the transform."""
    if len(piece) < 64:
        return math.nan
    size = 8192
    windowed = piece * torch.hann_window(len(piece))
    spectrum = cast(Tensor, torch.fft.rfft(windowed, n=size)).abs()  # pyright: ignore[reportUnknownMemberType]
    low, high = math.ceil(100 * size / rate), int(2500 * size / rate)
    k = low + int(spectrum[low:high].argmax())
    a, b, c = (math.log(float(spectrum[k + d]) + 1e-9) for d in (-1, 0, 1))
    shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 else 0.0
    return (k + shift) * rate / size


def _hum_slope(mono: Tensor, rate: int) -> float:
    """Octaves per second that the strongest pitch climbs; 0 for silence."""
    window, hop = rate // 10, rate // 20
    pitches: list[float] = []
    moments: list[float] = []
    for start in range(0, max(1, len(mono) - window), hop):
        piece = mono[start : start + window]
        if float(torch.sqrt((piece**2).mean())) > 0.01:
            pitches.append(math.log2(_pitch(piece, rate)))
            moments.append(start / rate)
    return slope(torch.tensor(pitches), torch.tensor(moments)) if len(pitches) > 3 else 0.0
