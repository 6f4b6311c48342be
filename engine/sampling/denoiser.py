"""The transformer as a denoiser: guidance passes, tables computed once per stage, estimates instead of velocities.

Nothing here waits for the device inside the loop: sigmas are Python floats and the distinct mask values of a stage
are found once, when it begins.
"""

# Shapes: B samples, P passes of one call, T tokens, D token width, K distinct mask values

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.conditioning.state import LatentState
from engine.models.text import TextContext
from engine.models.transformer_streams import (
    Modulation,
    Rotary,
    Skips,
    StreamInput,
    StreamTimes,
    Timesteps,
    Velocities,
    denoised,
)
from engine.sampling.errors import NothingToSample
from engine.sampling.guidance import NEUTRAL, Guidance, GuidancePlan
from engine.sampling.pair import Pair, map2

_FEW_LEVELS = 64  # distinct mask values up to which a whole schedule's modulation is kept (76 KB each per step at 22B)


class Network(Protocol):
    """What of engine.models.transformer.Transformer is used here."""

    def __call__(
        self,
        video: StreamInput | None,
        audio: StreamInput | None,
        skips: Skips,
        rotary: Rotary | None,
        modulation: Modulation | None,
    ) -> Velocities: ...

    def rotary(
        self, video_positions: Tensor | None, audio_positions: Tensor | None, *, reference_rounding: bool = False
    ) -> Rotary: ...

    def schedule_modulation(
        self, steps: Sequence[tuple[StreamTimes | None, StreamTimes | None]]
    ) -> list[Modulation]: ...


class _Pass(NamedTuple):
    """One evaluation of the network among those of a guided step."""

    contexts: TextContext
    skips: Skips


class _Levels(NamedTuple):
    """The distinct mask values of a stream and each token's index into them."""

    values_K: Tensor
    index_BT: Tensor


class TransformerDenoiser:
    """Both streams of one stage, seen through the network and its guidance. Made per stage.

    negative: contexts of the negative prompt; without them the negative pass uses the positive ones.
    max_batch: how many passes share one call of the network; 1 needs the least memory, results agree up to rounding.
    reference_rounding: rotate in the weights' dtype, as the official program does.
    """

    def __init__(
        self,
        network: Network,
        states: Pair[LatentState],
        positive: TextContext,
        negative: TextContext | None = None,
        guidance: Pair[GuidancePlan] = Pair(None, None),  # noqa: B008 (an immutable value)
        *,
        max_batch: int = 1,
        reference_rounding: bool = False,
    ) -> None:
        self._network = network
        self._states = states
        self._positive = positive
        self._negative = positive if negative is None else negative
        self._guidance = guidance
        self._batch = _batch_of(states)
        self._max_batch = max(1, max_batch) if self._batch == 1 else 1  # rotary tables are made for one pass
        self._levels = states.map(lambda state: _Levels(*state.mask_levels()))
        self._many_levels = any(levels is not None and len(levels.values_K) > _FEW_LEVELS for levels in self._levels)
        positions = states.map(lambda state: state.positions)
        self._rotary = network.rotary(positions.video, positions.audio, reference_rounding=reference_rounding)
        self._sigmas: list[float] = []
        self._modulations: dict[tuple[float, int], Modulation] = {}
        self._last: Pair[Tensor] = Pair(None, None)

    def prepare(self, sigmas: list[float]) -> None:
        """The modulation of a whole schedule, each of its networks read from memory once."""
        self._modulations.clear()
        if not self._many_levels:
            self._sigmas = list(dict.fromkeys(sigmas))
            self._modulate(1)

    @property
    def modulations_kept(self) -> int:
        """How many steps' modulation is in memory."""
        return len(self._modulations)

    def __call__(self, latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        """x0 estimates before what is kept is put back, in the latents' dtype."""
        guidance = self._at(sigma)
        reused = Pair(
            self._last.video is not None and guidance.video.skips(step),
            self._last.audio is not None and guidance.audio.skips(step),
        )
        enabled = Pair(not reused.video, not reused.audio)
        if all(state is None or not on for state, on in zip(self._states, enabled, strict=True)):
            return self._last
        active = _Guidances(
            guidance.video if self._wants(self._states.video) and enabled.video else NEUTRAL,
            guidance.audio if self._wants(self._states.audio) and enabled.audio else NEUTRAL,
        )
        passes = self._passes(active)
        estimates: list[Pair[Tensor]] = []
        for start in range(0, len(passes), self._max_batch):
            estimates += self._evaluate(latents, sigma, passes[start : start + self._max_batch], enabled)
        names = self._names(active)
        by_name = dict(zip(names, estimates, strict=True))
        video = _combined(active.video, {name: pair.video for name, pair in by_name.items()})
        audio = _combined(active.audio, {name: pair.audio for name, pair in by_name.items()})
        self._last = Pair(self._last.video if video is None else video, self._last.audio if audio is None else audio)
        return map2(lambda x0, latent: x0.to(latent.dtype), self._last, latents)

    def _at(self, sigma: float) -> _Guidances:
        video, audio = self._guidance
        return _Guidances(NEUTRAL if video is None else video.at(sigma), NEUTRAL if audio is None else audio.at(sigma))

    @staticmethod
    def _wants(state: LatentState | None) -> bool:
        """A frozen stream's estimate is thrown away: it wants no guidance."""
        return state is not None and not state.frozen

    def _names(self, active: _Guidances) -> list[str]:
        names = ["positive"]
        if any(g.wants_negative for g in active):
            names.append("negative")
        if any(g.wants_perturbed for g in active):
            names.append("perturbed")
        if any(g.wants_isolated for g in active) and self._states.video is not None and self._states.audio is not None:
            names.append("isolated")
        return names

    def _passes(self, active: _Guidances) -> list[_Pass]:
        skipped = Skips.self_attention(
            video=active.video.stg_blocks if active.video.wants_perturbed else (),
            audio=active.audio.stg_blocks if active.audio.wants_perturbed else (),
        )
        every = {
            "positive": _Pass(self._positive, Skips.none()),
            "negative": _Pass(self._negative, Skips.none()),
            "perturbed": _Pass(self._positive, skipped),
            "isolated": _Pass(self._positive, Skips.isolated()),
        }
        return [every[name] for name in self._names(active)]

    def _evaluate(
        self, latents: Pair[Tensor], sigma: float, passes: Sequence[_Pass], enabled: Pair[bool]
    ) -> list[Pair[Tensor]]:
        """The passes as one batch of the network; one pair of float32 estimates per pass."""
        count = len(passes)
        times = self._times(sigma, count)
        video = self._input(self._states.video, latents.video, times[0], [p.contexts.video_BND for p in passes])
        audio = self._input(self._states.audio, latents.audio, times[1], [p.contexts.audio_BND for p in passes])
        video = None if video is None else video._replace(enabled=bool(enabled.video))
        audio = None if audio is None else audio._replace(enabled=bool(enabled.audio))
        modulations = self._modulations
        if (sigma, count) not in modulations:
            if self._many_levels:  # a soft mask: one step's rows are large, so only those are kept
                self._sigmas = []
                modulations.clear()
            if sigma not in self._sigmas:
                self._sigmas.append(sigma)
            self._modulate(count)
        samples = [p.skips for p in passes for _ in range(self._batch)]
        velocities = self._network(
            video,
            audio,
            Skips.batch(samples) if len(samples) > 1 else samples[0],
            self._rotary,
            modulations[sigma, count],
        )
        video_x0 = _estimates(video, velocities.video, count)
        audio_x0 = _estimates(audio, velocities.audio, count)
        return [Pair(v, a) for v, a in zip(video_x0, audio_x0, strict=True)]

    def _modulate(self, passes: int) -> None:
        steps = [self._times(sigma, passes) for sigma in self._sigmas]
        made = self._network.schedule_modulation(steps)
        self._modulations.update({(sigma, passes): m for sigma, m in zip(self._sigmas, made, strict=True)})

    def _times(self, sigma: float, passes: int) -> tuple[StreamTimes | None, StreamTimes | None]:
        times = map2(lambda state, levels: _stream_times(state, levels, sigma, passes), self._states, self._levels)
        return times.video, times.audio

    def _input(
        self, state: LatentState | None, latent: Tensor | None, times: StreamTimes | None, contexts: Sequence[Tensor]
    ) -> StreamInput | None:
        if state is None or latent is None or times is None:
            return None
        passes, batch = len(contexts), latent.shape[0]
        attention = state.attention
        return StreamInput(
            latent_BTC=latent.repeat(passes, 1, 1),
            sigma_B=times.sigma_B,
            timesteps=times.timesteps,
            positions_BAT2=state.positions,  # only rotary tables are made of them, and those are given
            context_BND=torch.cat([context.expand(batch, -1, -1) for context in contexts]),
            attention_mask_BTT=None if attention is None else attention.repeat(passes, 1, 1),
        )


def _batch_of(states: Pair[LatentState]) -> int:
    state = states.video if states.video is not None else states.audio
    if state is None:
        raise NothingToSample
    return state.latent.shape[0]


class _Guidances(NamedTuple):
    video: Guidance
    audio: Guidance


def _stream_times(state: LatentState, levels: _Levels, sigma: float, passes: int) -> StreamTimes:
    """sigma (0 when frozen) and timesteps = mask * sigma, repeated for every pass."""
    own = 0.0 if state.frozen else sigma
    batch = state.latent.shape[0] * passes
    values = (levels.values_K * own).expand(batch, -1)
    sigma_B = torch.full((batch,), own, dtype=torch.float32, device=values.device)
    return StreamTimes(sigma_B, Timesteps(values, levels.index_BT.repeat(passes, 1)))


def _estimates(stream: StreamInput | None, velocity: Tensor | None, passes: int) -> list[Tensor | None]:
    if stream is None or velocity is None:
        return [None] * passes
    return list(denoised(stream.latent_BTC, velocity, stream.timesteps).chunk(passes))


def _combined(guidance: Guidance, estimates: dict[str, Tensor | None]) -> Tensor | None:
    positive = estimates["positive"]
    if positive is None:
        return None
    return guidance.combine(positive, estimates.get("negative"), estimates.get("perturbed"), estimates.get("isolated"))
