"""Sounds the scenes of Pocket's world: tones at bounces, a hum that follows height, a whirr of sliding, or silence.

Periodic events are written as a function of the time since the last one, so no loop over events is needed and a clip is
a window into an endless scene.
"""

# Shapes: B scenes, S samples

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from engine.training.scenes import SceneBatch, object_state
from engine.training.words import MOTIONS

SHAPE_PITCH_HZ = (330.0, 220.0, 660.0, 880.0, 495.0)  # of the tone at a bounce, per shape
HUM_LOW_HZ = 150.0  # of the hum on the floor
HUM_OCTAVES = 2.6  # per frame height
TICK_HZ = 1760.0
_WHIRR_HZ = (180.0, 197.0, 223.0, 241.0, 262.0, 289.0, 313.0, 347.0)
_CHORD_HZ = (196.0, 247.0, 294.0)
_ATTACK_S = 0.004


def render_audio(
    scenes: SceneBatch,
    *,
    duration_s: float | Fraction | None = None,
    samples: int | None = None,
    rate: int = 16000,
    aspect: float = 1.5,
    start_s: float = 0.0,
    device: torch.device | str | None = None,
) -> Tensor:
    """(B, 2, S), float32 in [-1, 1]: S = `samples`, or `duration_s` seconds rounded to whole samples at `rate` Hz.

    Left and right follow the object's place in the frame. Exact zeros where nothing sounds. Raises ValueError unless
    exactly one of `duration_s` and `samples` is given.
    """
    match duration_s, samples:
        case None, int(count):
            pass
        case float() | int() | Fraction() as seconds, None:
            count = round(seconds * rate)
        case _:
            raise ValueError("give either duration_s or samples")
    scenes = scenes.to(device or scenes.device)
    t = start_s + torch.arange(count, device=scenes.device, dtype=torch.float64) / rate
    t = t[None]
    # Where things are changes slowly: follow it at 200 Hz and draw lines between
    coarse = start_s + torch.arange(count * 200 // rate + 3, device=scenes.device, dtype=torch.float32) / 200
    state = object_state(scenes, coarse, aspect)

    def fine(values_BT: Tensor) -> Tensor:
        place = (t[0] - start_s) * 200
        left = place.long()
        return torch.lerp(values_BT[:, left], values_BT[:, left + 1], (place - left).float())

    motion = scenes.motion_BO[:, :1]

    def does(*names: str) -> Tensor:
        return torch.stack([motion == MOTIONS.index(name) for name in names]).any(0).float()

    tones = torch.tensor(SHAPE_PITCH_HZ, device=scenes.device, dtype=torch.float64)
    period, first = scenes.hop_period_BO[:, :1].double(), scenes.hop_start_BO[:, :1].double()
    since = torch.remainder(t - first, period)
    contact = t - since
    changed = (contact >= scenes.change_start_B[:, None]) & (contact < scenes.change_end_B[:, None])
    pitch_hz = torch.where(changed, tones[scenes.changed_shape_B][:, None], tones[scenes.shape_BO[:, :1]])
    fade_out = (1 - since / period).float() ** 2
    knock = _strike(since, pitch_hz, 0.11) * fade_out * (0.55 + scenes.hop_height_BO[:, :1])
    sound = 0.75 * knock * does("bounce", "bounce left", "bounce right")

    # The hum: phase is the sum of the pitch over time
    hum_hz = HUM_LOW_HZ * 2.0 ** (HUM_OCTAVES * fine(state.lift[:, :, 0])).double()
    phase = torch.cumsum(hum_hz / rate, 1)
    hum = _sine(phase) + 0.45 * _sine(2 * phase) + 0.2 * _sine(3 * phase)
    sound = sound + 0.16 * hum * does("rise", "fall")

    whirr = sum(_sine(t * hz + 0.37 * k) for k, hz in enumerate(_WHIRR_HZ))
    pace = scenes.speed_x_BO[:, :1].abs()
    sound = sound + whirr * does("slide left", "slide right") * (0.012 + 0.05 * pace)

    quarter_s = (math.pi / 2) / scenes.spin_BO[:, :1].abs().clamp(min=1e-3).double()
    quarters = scenes.angle_BO[:, :1].double() / (math.pi / 2) * torch.sign(scenes.spin_BO[:, :1])
    since_tick = torch.remainder(t / quarter_s + quarters, 1.0) * quarter_s
    tick_hz = torch.full_like(since_tick, TICK_HZ)
    sound = sound + 0.3 * _strike(since_tick, tick_hz, 0.022) * does("spin")

    radius = fine(state.radius[:, :, 0])
    chord = sum(_sine(t * hz) for hz in _CHORD_HZ)
    sound = sound + chord * 0.9 * (radius - 0.06).clamp(0, 0.35) ** 1.5 * does("grow", "shrink")

    angle = fine(state.x[:, :, 0]).clamp(0.05, 0.95) * (math.pi / 2)
    return torch.stack([sound * torch.cos(angle), sound * torch.sin(angle)], 1).clamp(-1, 1)


def _sine(cycles: Tensor) -> Tensor:
    """sin of a phase in cycles (float64, so that long clips keep their pitch), as float32."""
    return torch.sin(2 * math.pi * torch.remainder(cycles, 1.0).float())


def _strike(since: Tensor, pitch_hz: Tensor, decay_s: float) -> Tensor:
    """A struck tone with a soft octave, `since` seconds (float64) after the stroke."""
    seconds = since.float()
    envelope = (seconds / _ATTACK_S).clamp(max=1) * torch.exp(-seconds / decay_s)
    return envelope * (
        _sine(since * pitch_hz) + 0.35 * torch.exp(-seconds / (0.4 * decay_s)) * _sine(since * pitch_hz * 2)
    )
