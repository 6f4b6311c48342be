"""The one runner: executes any task stage by stage, pass by pass, and hands finished frames and samples to a sink.

It knows no modes. A task says which streams are made, given or absent and what is known where; the plans say which
latents are kept; the recipe says how it is sampled.

    for each pass:   encode what is known -> stage 1 of every variation -> upsample -> stage 2 of every variation
                     -> decode, join to the pass before, deliver

**Noise.** Each variation and pass has one CPU generator, seeded with seed + pass * PASS_SEED_OFFSET. Draws: stage 1
video, stage 1 audio, stage 2 video, stage 2 audio (also for given streams; an absent stream draws nothing). A draft
keeps the generator's state, so that "finish" is bit for bit what an undivided run would have made. Samplers that
inject noise have generators of their own, derived from the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction

import torch
from torch import Tensor

from engine.conditioning.items import ReferenceAudio, apply_items
from engine.conditioning.state import LatentState, draw_noise, fresh, frozen, noised
from engine.models.text import TextContext
from engine.pipelines.delivery import Delivery
from engine.pipelines.draft import Draft, StageLatents
from engine.pipelines.encoding import MediaEncoder
from engine.pipelines.errors import NotPossible
from engine.pipelines.networks import Networks
from engine.pipelines.progress import Events, Sink
from engine.pipelines.recipe import Sampler
from engine.pipelines.task import Task
from engine.pipelines.work import Run, StageInputs, StageWork
from engine.protocol.grid import format_rate
from engine.sampling.denoiser import Network, TransformerDenoiser
from engine.sampling.loop import StepReport, sample
from engine.sampling.pair import Pair
from engine.sampling.solvers import (
    ANCESTRAL_SEED_OFFSET,
    REFERENCE_RES2S_SEEDS,
    AncestralEuler,
    Euler,
    GradientEstimation,
    Res2s,
    Solver,
    seeded_res2s_noise,
)

PASS_SEED_OFFSET = 1_000_003  # a prime, so that neighbouring seeds of neighbouring passes do not meet
RES2S_SEED_OFFSETS = (20_000, 30_000)  # step and substep noise; each stage adds one


class Runner:
    """Runs tasks on loaded networks.

    piece_bytes: bound for tensors between the layers of the video autoencoder (None: no bound)
    tile: longest side, in latent positions, of the tiles that the video autoencoder works on (None: the whole frame)
    max_batch: guidance passes in one call of the transformer
    reference_rounding: BF16 latents and rotation, and the official program's fixed res_2s seeds, for comparisons
    """

    def __init__(
        self,
        networks: Networks,
        events: Events,
        *,
        piece_bytes: int | None = None,
        tile: int | None = None,
        max_batch: int = 1,
        reference_rounding: bool = False,
    ) -> None:
        self._networks = networks
        self._events = events
        self._piece_bytes = piece_bytes
        self._tile = tile
        self._max_batch = max_batch
        self._reference_rounding = reference_rounding
        self._dtype = torch.bfloat16 if reference_rounding else torch.float32
        self._media = MediaEncoder(networks, events, piece_bytes, tile)

    def run(
        self, task: Task, sink: Sink, *, draft_only: bool = False, drafts: Sequence[Draft] = ()
    ) -> tuple[Draft, ...]:
        """Make the task's variations and deliver them; returns the first stage's latents of each, for finishing.

        draft_only   stop after stage 1 of every pass and deliver its (small) pictures
        drafts       one per seed: stage 1 is taken from them instead of being sampled
        Whatever events or sink raise passes through; nothing stays in memory afterwards.
        Raises NotPossible, MissingContext, and what the networks' owner raises while lending.
        """
        _check(task, drafts)
        runs = [Run(number, seed, torch.Generator()) for number, seed in enumerate(task.seeds)]
        delivery = Delivery(self._networks, self._events, task, sink, self._piece_bytes, self._tile)
        stages = 1 if draft_only else len(task.recipe.stages)
        try:
            for number in range(len(task.plans)):
                for run in runs:
                    run.generator.manual_seed(run.seed + number * PASS_SEED_OFFSET)
                    run.results.clear()
                    run.initial = None
                for stage in range(stages):
                    work = StageWork.of(task, self._networks.facts, number, stage)
                    if stage == 0 and drafts:
                        self._take_drafts(runs, [draft.passes[number] for draft in drafts])
                    elif stage == 0 and task.from_known:
                        self._take_known(work, runs)
                    else:
                        self._upsample(work, runs)
                        self._sample(work, runs)
                for run in runs:
                    run.drafted.append(run.results[0])
                delivery.deliver(number, runs, 0 if draft_only else task.recipe.sound_of)
            return tuple(Draft(run.seed, tuple(run.drafted)) for run in runs)
        finally:
            self._media.clear()

    # --- where a stage's result may come from -----------------------------------------------------------------------

    def _take_drafts(self, runs: list[Run], drafted: Sequence[StageLatents]) -> None:
        for run, latents in zip(runs, drafted, strict=True):
            run.results.append(latents)
            run.generator.set_state(latents.noise)

    def _take_known(self, work: StageWork, runs: list[Run]) -> None:
        """The medium itself, encoded at this stage's size, counts as the stage's result."""
        clip = work.whole_window()
        sound = work.window_sound(runs[0])
        self._media.encode([clip], [] if sound is None else [sound])
        encoded = self._media.encoded
        for run in runs:
            audio = None if sound is None else encoded[sound.key]
            run.results.append(StageLatents(encoded[clip.key], audio, run.generator.get_state()))

    def _upsample(self, work: StageWork, runs: list[Run]) -> None:
        """The last stage's picture, at this stage's size, becomes where this stage starts."""
        if work.number == 0 or work.task.video != "make":
            return
        for run in runs:
            run.initial = run.results[-1].video
        before = work.task.recipe.stages[work.number - 1]
        factor, time = before.shrink / work.stage.shrink, before.slow // work.stage.slow
        if time != 1:
            self._grow(self._networks.upsampler(Fraction(1), time), runs)
        if factor != 1:
            self._grow(self._networks.upsampler(factor), runs)

    def _grow(self, lent: AbstractContextManager[Callable[[Tensor], Tensor]], runs: list[Run]) -> None:
        self._events.phase("upsampling")
        with lent as network, torch.no_grad():
            for run in runs:
                assert run.initial is not None
                run.initial = network(run.initial.to(self._networks.device)).float().cpu()
                self._events.check()

    def _sample(self, work: StageWork, runs: list[Run]) -> None:
        inputs = [StageInputs.of(work, run) for run in runs]
        self._media.encode(
            [job for given in inputs for job in given.clips], [job for given in inputs for job in given.sounds]
        )
        with self._networks.transformer(work.stage.weights) as network:
            for run, given in zip(runs, inputs, strict=True):
                run.results.append(self._sample_one(network, work, run, given))

    def _sample_one(self, network: Network, work: StageWork, run: Run, given: StageInputs) -> StageLatents:
        sigmas = work.sigmas
        solver = make_solver(work, run, reference_seeds=self._reference_rounding)
        self._events.phase(f"stage {work.number + 1}", len(solver.schedule(sigmas)) - 1, run.number)
        states = Pair(self._video_state(work, run, given), self._audio_state(work, run, given))
        states = states.map(
            lambda state: noised(state, draw_noise(state, run.generator, self._dtype), work.noise_scale)
        )
        denoiser = TransformerDenoiser(
            network,
            states,
            self._on_device(work.task.positive),
            None if work.task.negative is None else self._on_device(work.task.negative),
            work.stage.guidance,
            max_batch=self._max_batch,
            reference_rounding=self._reference_rounding,
        )

        def on_step(report: StepReport) -> None:
            self._events.step(report.step)
            self._preview(work, report, run)

        result = sample(states, sigmas, denoiser, solver, on_step)
        # contiguous: other strides take other kernels, and a draft read from its file would finish otherwise
        video, audio = result.map(lambda state: state.result().float().cpu().contiguous())
        return StageLatents(video, audio, run.generator.get_state())

    # --- the states that a stage starts from ------------------------------------------------------------------------

    def _video_state(self, work: StageWork, run: Run, given: StageInputs) -> LatentState | None:
        if work.task.video == "absent":
            return None
        device, encoded = self._networks.device, self._media.encoded
        if work.task.video == "given":
            assert given.whole is not None
            return frozen(work.video, encoded[given.whole].to(device), self._dtype)
        initial = run.initial
        if initial is None and given.whole is not None:
            initial = encoded[given.whole]
        state = fresh(work.video, initial=initial, device=device, dtype=self._dtype)
        return apply_items(state, given.video_items(encoded, device))

    def _audio_state(self, work: StageWork, run: Run, given: StageInputs) -> LatentState | None:
        if work.task.audio == "absent":
            return None
        device, encoded = self._networks.device, self._media.encoded
        if work.task.audio == "given":
            assert given.window is not None
            return frozen(work.audio, encoded[given.window].to(device), self._dtype)
        made = run.results[-1].audio if run.results else None
        if work.stage.keep_sound and made is not None:
            made = made.to(device)
            state = frozen(work.audio, made, self._dtype)
            return state if given.voice is None else ReferenceAudio(made).apply(state)
        initial = made
        if initial is None and work.mild and given.window is not None:
            initial = encoded[given.window]
        state = fresh(work.audio, initial=initial, device=device, dtype=self._dtype)
        state = apply_items(state, given.audio_items(encoded, device))
        return state if given.voice is None else ReferenceAudio(encoded[given.voice].to(device)).apply(state)

    def _on_device(self, contexts: TextContext) -> TextContext:
        device = self._networks.device
        return TextContext(contexts.video_BND.to(device), contexts.audio_BND.to(device))

    def _preview(self, work: StageWork, report: StepReport, run: Run) -> None:
        if report.denoised.video is None or not work.task.deliver_video or not self._events.wants_preview:
            return
        pixels = self._networks.preview(work.video.unpatchify(report.denoised.video))
        if pixels is None:
            return
        frames, height, width = pixels.shape[:3]
        rate = format_rate(work.plan.rate / work.plan.scale.time)
        self._events.preview(pixels.contiguous().numpy().tobytes(), width, height, frames, rate, run.number)


def make_solver(work: StageWork, run: Run, *, reference_seeds: bool = False) -> Solver:
    """The stage's sampler, with noise of its own that follows from the variation's seed, the pass and the stage."""
    sampler: Sampler = work.stage.sampler
    seed = run.seed + work.pass_number * PASS_SEED_OFFSET + work.number
    if sampler == "res_2s":
        seeds = (seed + RES2S_SEED_OFFSETS[0], seed + RES2S_SEED_OFFSETS[1])
        step, substep = (
            torch.Generator().manual_seed(s) for s in (REFERENCE_RES2S_SEEDS if reference_seeds else seeds)
        )
        return Res2s(seeded_res2s_noise(step, substep))
    if sampler == "euler_ancestral":
        return AncestralEuler(torch.Generator().manual_seed(seed + ANCESTRAL_SEED_OFFSET))
    return GradientEstimation() if sampler == "gradient_estimation" else Euler()


def _check(task: Task, drafts: Sequence[Draft]) -> None:
    if not task.plans or not task.seeds:
        raise NotPossible("a task needs a plan and a seed")
    if drafts and [draft.seed for draft in drafts] != list(task.seeds):
        raise NotPossible("these drafts were made with other seeds")
    if drafts and any(len(draft.passes) != len(task.plans) for draft in drafts):
        raise NotPossible("these drafts were made with another plan")
    if drafts and len(task.recipe.stages) < 2:
        raise NotPossible("this recipe has one stage: a draft of it is finished already")
    if task.video == "absent" and task.audio == "absent":
        raise NotPossible("neither picture nor sound is asked for")
    if task.video == "absent" and task.reference is not None:
        raise NotPossible("a reference video needs a picture to guide")
