"""The loop, the solvers and the denoiser beyond the golden cases: cancelling, seeds, skipped steps, passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.conditioning.items import Replace
from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.conditioning.state import LatentState, draw_noise, fresh, frozen, noised
from engine.models.text import TextContext
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import Skips, Velocities
from engine.protocol.grid import LatentShape
from engine.sampling import sigmas
from engine.sampling.denoiser import TransformerDenoiser
from engine.sampling.errors import BadSchedule, Cancelled, NothingToSample
from engine.sampling.guidance import Guidance, GuidanceBins, dev_defaults
from engine.sampling.loop import StepReport, sample
from engine.sampling.pair import Pair
from engine.sampling.solvers import (
    AncestralEuler,
    Euler,
    GradientEstimation,
    Res2s,
    Solver,
    seeded_res2s_noise,
    velocity,
)

VIDEO = VideoLayout(LatentShape(2, 2, 2), 4, Fraction(24))
AUDIO = AudioLayout(9, 2)
TARGET = 0.5


class Known:
    """A denoiser that knows the answer: every clean value is TARGET. Counts what it is asked."""

    def __init__(self) -> None:
        self.prepared: list[float] = []
        self.asked: list[float] = []

    def prepare(self, sigmas: list[float]) -> None:
        self.prepared = sigmas

    def __call__(self, latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        self.asked.append(sigma)
        return latents.map(lambda x: torch.full_like(x, TARGET))


def states(seed: int = 0) -> Pair[LatentState]:
    generator = torch.Generator().manual_seed(seed)
    video, audio = fresh(VIDEO), fresh(AUDIO)
    return Pair(noised(video, draw_noise(video, generator)), noised(audio, draw_noise(audio, generator)))


def solvers() -> list[Solver]:
    make = torch.Generator().manual_seed
    return [Euler(), GradientEstimation(), AncestralEuler(make(1)), Res2s(seeded_res2s_noise(make(1), make(2)))]


@pytest.mark.parametrize("index", range(4))
def test_every_solver_arrives_where_the_model_points(index: int) -> None:
    solver, denoiser = solvers()[index], Known()
    reports: list[StepReport] = []
    result = sample(states(), sigmas.DISTILLED_STAGE_1, denoiser, solver, reports.append)
    for state in result:
        assert state is not None
        torch.testing.assert_close(state.latent, torch.full_like(state.latent, TARGET))
    assert denoiser.asked == denoiser.prepared
    assert [report.step for report in reports] == list(range(1, reports[0].steps + 1))
    assert reports[-1].sigma == 0


@pytest.mark.parametrize("index", range(4))
def test_cancelling_in_a_step_stops_there(index: int) -> None:
    denoiser = Known()

    def stop(report: StepReport) -> None:
        if report.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        sample(states(), sigmas.DISTILLED_STAGE_1, denoiser, solvers()[index], stop)
    assert len(denoiser.asked) <= 4


@pytest.mark.parametrize("index", range(4))
def test_kept_tokens_and_frozen_streams_stay(index: int) -> None:
    latent = torch.randn(1, 2, 9, 16, generator=torch.Generator().manual_seed(5))
    image = torch.randn(1, 4, 1, 2, 2, generator=torch.Generator().manual_seed(6))
    video = Replace(image).apply(fresh(VIDEO))
    start = Pair(noised(video, draw_noise(video, torch.Generator().manual_seed(0))), frozen(AUDIO, latent))
    result = sample(start, sigmas.DISTILLED_STAGE_1, Known(), solvers()[index])
    assert result.video is not None
    assert result.audio is not None
    torch.testing.assert_close(result.audio.result(), latent)
    torch.testing.assert_close(result.video.result()[:, :, :1], image)


def test_guidance_sees_the_substep_as_step_zero() -> None:
    """So that skipped steps never skip a substep (spec 4.5)."""
    steps: list[int] = []

    class Listening(Known):
        def __call__(self, latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
            steps.append(step)
            return super().__call__(latents, sigma, step)

    sample(states(), sigmas.DISTILLED_STAGE_2, Listening(), solvers()[3])
    assert steps == [0, 0, 1, 0, 2, 0, 3]


def test_gradient_estimation_extrapolates_the_change_of_the_velocity() -> None:
    x = torch.tensor([[[1.0]]])
    state = fresh(VideoLayout(LatentShape(1, 1, 1), 1, Fraction(24)))
    solver = GradientEstimation(gamma=2)
    answers = iter([torch.tensor([[[0.2]]]), torch.tensor([[[0.4]]])])

    def estimate(latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        return Pair(next(answers), None)

    pair: Pair[Tensor] = Pair(x, None)
    states_: Pair[LatentState] = Pair(state, None)
    first, _ = solver.step(states_, pair, 1.0, 0.5, estimate, 0)
    v1 = 0.8
    assert first.video is not None
    assert first.video.item() == pytest.approx(1 - 0.5 * v1)
    second, _ = solver.step(states_, first, 0.5, 0.25, estimate, 1)
    v2 = (first.video.item() - 0.4) / 0.5
    assert second.video is not None
    assert second.video.item() == pytest.approx(first.video.item() - 0.25 * (v1 + 2 * (v2 - v1)))


def test_latents_in_half_precision_round_like_the_official_program() -> None:
    x, x0 = torch.randn(1, 4, 4).bfloat16(), torch.randn(1, 4, 4).bfloat16()
    assert velocity(x, x0, 0.7).dtype == torch.bfloat16


@pytest.mark.parametrize("bad", [(1.0,), (1.0, 0.5), (0.5, 0.5, 0.0), (1.2, 0.0), (0.2, 0.4, 0.0)])
def test_schedules_that_do_not_fall_are_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(BadSchedule):
        sample(states(), bad, Known())


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 20, 50])
def test_every_schedule_falls_from_one_to_zero(steps: int) -> None:
    for schedule in (sigmas.ltx2(steps), sigmas.ltx2(steps, 24576), sigmas.linear_quadratic(steps), sigmas.beta(steps)):
        assert sigmas.checked(schedule)[0] == pytest.approx(1)
    assert sigmas.refining(sigmas.DISTILLED_STAGE_1, 3) == sigmas.DISTILLED_STAGE_2
    with pytest.raises(BadSchedule):
        sigmas.ltx2(0)
    with pytest.raises(BadSchedule):
        sigmas.refining(sigmas.DISTILLED_STAGE_2, 4)


def test_res2s_noise_is_standardised_and_seeded() -> None:
    like = torch.zeros(1, 12, 4, dtype=torch.float64)
    draw = [seeded_res2s_noise(torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)) for _ in range(2)]
    noise = draw[0]("step", like)
    assert noise.mean().item() == pytest.approx(0, abs=1e-12)
    assert noise.std().item() == pytest.approx(1)
    assert torch.equal(noise, draw[1]("step", like))
    assert not torch.equal(draw[0]("substep", like), noise)


# --- guidance and the network -------------------------------------------------------------------------------------


def test_guidance_per_sigma_takes_the_bin_above() -> None:
    low, high = Guidance(cfg=2), Guidance(cfg=4)
    bins = GuidanceBins(((0.5, low), (0.9, high)))
    assert [bins.at(sigma) for sigma in (0.3, 0.5, 0.7, 1.0)] == [low, low, high, high]


def test_defaults_follow_the_model_version() -> None:
    new, old = dev_defaults((2, 3, 0)), dev_defaults((2, 0))
    assert (new.steps, new.video.stg_blocks, old.steps, old.video.stg_blocks) == (30, (28,), 40, (29,))
    assert dev_defaults((9,)) == new
    assert dev_defaults((), layers=48) == old
    assert dev_defaults((2, 3), layers=12).video.stg_blocks == (7,)
    assert (new.video.cfg, new.audio.cfg, new.video.modality, new.video.rescale) == (3, 7, 3, 0.7)


TINY = TransformerConfig(
    num_layers=2,
    num_attention_heads=2,
    attention_head_dim=6,
    audio_num_attention_heads=2,
    audio_attention_head_dim=4,
    in_channels=4,
    out_channels=4,
    audio_in_channels=32,
    audio_out_channels=32,
)


class Counting:
    """The tiny transformer, remembering what each call was."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = Transformer(TINY)
        for parameter in self.network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        self.calls: list[tuple[int, bool, bool, float, float]] = []
        self.skips: list[Skips] = []

    def __call__(self, video: Any, audio: Any, skips: Skips, rotary: Any, modulation: Any) -> Velocities:
        self.calls.append(
            (
                len(video.latent_BTC),
                video.enabled,
                audio.enabled,
                video.timesteps.per_token().max().item(),
                audio.timesteps.per_token().max().item(),
            )
        )
        self.skips.append(skips)
        return self.network(video, audio, skips, rotary, modulation)

    def rotary(self, *positions: Any, **options: Any) -> Any:
        return self.network.rotary(*positions, **options)

    def schedule_modulation(self, steps: Sequence[Any]) -> Any:
        return self.network.schedule_modulation(steps)


def contexts(seed: int) -> TextContext:
    generator = torch.Generator().manual_seed(seed)
    return TextContext(torch.randn(1, 5, 12, generator=generator), torch.randn(1, 5, 8, generator=generator))


def denoise(
    network: Counting, pair: Pair[LatentState], guidance: Pair[Any], steps: Sequence[int], **options: Any
) -> Any:
    denoiser = TransformerDenoiser(network, pair, contexts(1), contexts(2), guidance, **options)
    latents = pair.map(lambda state: state.latent)
    with torch.no_grad():
        return [denoiser(latents, 0.7, step) for step in steps]


def test_only_the_passes_that_somebody_wants_are_run() -> None:
    for guidance, passes in (
        (Guidance(), 1),
        (Guidance(cfg=3), 2),
        (Guidance(stg=1, stg_blocks=(1,)), 2),
        (Guidance(stg=1), 1),
        (Guidance(cfg=3, stg=1, stg_blocks=(1,), modality=3), 4),
    ):
        network = Counting()
        denoise(network, states(), Pair(guidance, None), [0])
        assert len(network.calls) == passes, guidance
        network = Counting()
        denoise(network, states(), Pair(guidance, None), [0], max_batch=4)
        assert [call[0] for call in network.calls] == [passes]


def test_passes_in_one_batch_agree_with_single_ones() -> None:
    guidance = Guidance(cfg=3, stg=1, stg_blocks=(1,), rescale=0.7, modality=3)
    single, batched = (
        denoise(Counting(), states(), Pair(guidance, guidance), [0], max_batch=batch)[0] for batch in (1, 4)
    )
    for one, other in zip(single, batched, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_only_the_stream_that_wants_it_skips_its_self_attention() -> None:
    network = Counting()
    denoise(network, states(), Pair(Guidance(stg=1, stg_blocks=(1,)), Guidance(cfg=2)), [0])
    assert network.skips[2].video_self == ((1,),)
    assert network.skips[2].audio_self == ((),)


def test_a_frozen_stream_is_shown_at_sigma_zero_and_wants_no_guidance() -> None:
    network = Counting()
    pair = states()._replace(audio=frozen(AUDIO, torch.zeros(1, 2, 9, 16)))
    denoise(network, pair, Pair(None, Guidance(cfg=7)), [0])
    assert network.calls == [(1, True, True, pytest.approx(0.7), 0)]


def test_skipped_steps_reuse_the_last_estimate() -> None:
    network = Counting()
    skipping = Guidance(skip_step=1)
    results = denoise(network, states(), Pair(skipping, None), [0, 1, 2])
    assert [call[1] for call in network.calls] == [True, False, True]
    assert torch.equal(results[0].video, results[1].video)
    network = Counting()
    denoise(network, states(), Pair(skipping, skipping), [0, 1, 2, 3])
    assert len(network.calls) == 2


def test_a_guided_stream_uses_the_negative_prompt() -> None:
    plain, guided = (denoise(Counting(), states(), Pair(g, None), [0])[0] for g in (Guidance(), Guidance(cfg=3)))
    assert not torch.allclose(plain.video, guided.video)
    torch.testing.assert_close(plain.audio, guided.audio)


def test_a_soft_mask_keeps_one_steps_modulation_at_a_time() -> None:
    state = fresh(VIDEO._replace(shape=LatentShape(2, 6, 6)))
    mask = torch.linspace(1, 0, 72).reshape(1, 72, 1)
    soft, hard = replace(state, mask=mask), replace(state, mask=mask.round())
    kept: list[int] = []
    for state in (soft, hard):
        pair: Pair[LatentState] = Pair(state, states().audio)
        denoiser = TransformerDenoiser(Counting(), pair, contexts(1))
        sample(pair, sigmas.DISTILLED_STAGE_2, denoiser)
        kept.append(denoiser.modulations_kept)
    assert kept == [1, 3]


def test_nothing_to_sample_is_refused() -> None:
    with pytest.raises(NothingToSample):
        TransformerDenoiser(Counting(), Pair(None, None), contexts(1))
