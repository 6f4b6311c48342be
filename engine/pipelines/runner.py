"""The one runner: executes any task stage by stage, pass by pass, and hands finished frames and samples to a sink.

It knows no modes. A task says which streams are made, given or absent and what is known where; the plans say which
latents are kept; the recipe says how it is sampled. Everything computed here goes through the rooms below: encoding
and decoding through the networks' exact streams, states through `engine.conditioning`, steps through `engine.sampling`.

    for each pass:   encode what is known -> stage 1 of every variation -> upsample -> stage 2 of every variation
                     -> decode, join to the pass before, deliver

**Noise.** Each variation and pass has one CPU generator, seeded with seed + pass * PASS_SEED_OFFSET. Draws: stage 1
video, stage 1 audio, stage 2 video, stage 2 audio (also for given streams; an absent stream draws nothing). A draft
keeps the generator's state, so that "finish" is bit for bit what an undivided run would have made.
"""

# Shapes: B = 1 batch, C channels, F latent frames, h, w latent rows and columns, S audio latent steps, n frames or
# samples, H, W pixels

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.conditioning.items import (
    Item,
    Keyframe,
    LatentRegion,
    ReferenceAudio,
    ReferenceVideo,
    Replace,
    apply_items,
    attention_weights,
)
from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.conditioning.state import LatentState, draw_noise, fresh, frozen, noised
from engine.models.audio_vae import decode_in_windows
from engine.models.mel import resample
from engine.models.text import TextContext
from engine.models.video_vae import StreamingEncoder, VideoEncoder, decode_in_pieces
from engine.models.vocoder import synthesise
from engine.pipelines.draft import Draft, StageLatents
from engine.pipelines.errors import MissingContext, NotPossible
from engine.pipelines.networks import Networks, log_mel_of
from engine.pipelines.recipe import Sampler, Stage, entering
from engine.pipelines.task import Known, Pictures, Sound, Task, TensorPictures, TensorSound, reference_numbers
from engine.protocol.grid import LatentRange, LatentShape, format_rate, mirrored, sample_of_frame, samples_of_frames
from engine.protocol.window import WindowPlan
from engine.sampling.denoiser import TransformerDenoiser
from engine.sampling.loop import StepReport, sample
from engine.sampling.pair import Pair
from engine.sampling.sigmas import Sigmas
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
_RES2S_SEED_OFFSETS = (20_000, 30_000)  # step and substep noise; each stage adds one
JOIN_FRAMES = 4  # frames over which a pass is blended into the one before it
_JOIN_SECONDS = 0.02  # the same for sound
_FADE_SECONDS = 0.005  # where the model's sound ends before the picture does
_READ_FRAMES = 8  # frames asked of a medium at once: one latent frame
_SPEECH_RATE = 16_000  # what the audio autoencoder hears; checked against its config
_VOICE_RATE = 48_000  # what the vocoder speaks


class Events(Protocol):
    """Who hears how far it is; JobContext of the backends has these methods. Any of them may raise to cancel."""

    def check(self) -> None: ...
    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None: ...
    def step(self, done: int) -> None: ...
    @property
    def wants_preview(self) -> bool: ...
    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None: ...


class Sink(Protocol):
    """Who takes the result. Every variation gets exactly `task.result` frames and their samples, in order."""

    def pictures(self, frames: Tensor, variation: int) -> None:
        """uint8 (n, H, W, 3) on the CPU, at the made size (a draft's: that of its stage)."""
        ...

    def sound(self, samples: Tensor, variation: int) -> None:
        """float32 (2, n) on the CPU at the task's sample rate."""
        ...


class PhasePlan(NamedTuple):
    """A phase to come: name, work (grows with its seconds within one name), steps."""

    name: str
    work: float
    steps: int = 0


@dataclass
class _Run:
    """One variation on its way through the passes."""

    number: int
    seed: int
    generator: torch.Generator
    results: list[StageLatents] = field(default_factory=list[StageLatents])  # of this pass, one per stage
    initial: Tensor | None = None  # upsampled video latent for the stage to come
    previous: Known | None = None  # the end of the pass before, decoded
    held_frames: Tensor | None = None  # made but not delivered: blended into the next pass
    held_samples: Tensor | None = None
    done: list[StageLatents] = field(default_factory=list[StageLatents])  # stage 1 of every pass: the draft


class _ClipJob(NamedTuple):
    """Frames to encode: `numbers` of `pictures` at a pixel size; the first `drop` latent frames are dropped."""

    key: tuple[object, ...]
    pictures: Pictures
    numbers: Sequence[int]
    drop: int
    height: int
    width: int


class _SoundJob(NamedTuple):
    """Sound to encode: stereo at the encoder's rate, `steps` latent steps of it."""

    key: tuple[object, ...]
    waveform: Callable[[int], Tensor]  # samples wanted -> (2, at least that many)
    steps: int


class _Stage(NamedTuple):
    """A stage at work: everything that does not differ between variations."""

    task: Task
    plan: WindowPlan
    index: int
    stage: Stage
    video: VideoLayout
    audio: AudioLayout

    @property
    def height(self) -> int:
        return self.video.shape.height * self.video.scale.height

    @property
    def width(self) -> int:
        return self.video.shape.width * self.video.scale.width

    @property
    def sigmas(self) -> Sigmas:
        whole = self.stage.schedule.at(self.video.tokens)
        return entering(whole, self.task.strength) if self.index == 0 else whole

    @property
    def noise_scale(self) -> float:
        """1 for a fresh start; a refining stage starts at its first sigma."""
        return 1.0 if self.index == 0 and self.task.strength >= 1 else self.sigmas[0]


class Runner:
    """Runs tasks on loaded networks.

    piece_bytes: bound for tensors between the layers of the video autoencoder (None: no bound)
    max_batch: guidance passes in one call of the transformer
    reference_rounding: BF16 latents and rotation, and the official program's fixed res_2s seeds, for comparisons
    """

    def __init__(
        self,
        networks: Networks,
        events: Events,
        *,
        piece_bytes: int | None = None,
        max_batch: int = 1,
        reference_rounding: bool = False,
    ) -> None:
        self._networks = networks
        self._events = events
        self._piece_bytes = piece_bytes
        self._max_batch = max_batch
        self._reference_rounding = reference_rounding
        self._dtype = torch.bfloat16 if reference_rounding else torch.float32
        self._encoded: dict[tuple[object, ...], Tensor] = {}

    @property
    def holds_memory(self) -> bool:
        """Whether latents of a run are still kept."""
        return bool(self._encoded)

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
        runs = [_Run(number, seed, torch.Generator()) for number, seed in enumerate(task.seeds)]
        try:
            for index, plan in enumerate(task.plans):
                self._run_pass(task, index, plan, runs, draft_only, drafts)
                self._deliver(task, index, plan, runs, sink, draft_only)
            return tuple(Draft(run.seed, tuple(run.done)) for run in runs)
        finally:
            self._encoded.clear()

    # --- one pass: all stages -------------------------------------------------------------------------------------

    def _run_pass(
        self,
        task: Task,
        index: int,
        plan: WindowPlan,
        runs: list[_Run],
        draft_only: bool,
        drafts: Sequence[Draft],
    ) -> None:
        for run in runs:
            run.generator.manual_seed(run.seed + index * PASS_SEED_OFFSET)
            run.results.clear()
            run.initial = None
        for number, stage in enumerate(task.recipe.stages[: 1 if draft_only else None]):
            work = self._stage(task, plan, number, stage)
            if number == 0 and drafts:
                for run, draft in zip(runs, drafts, strict=True):
                    run.results.append(draft.passes[index])
                    run.generator.set_state(draft.passes[index].noise)
            elif number == 0 and task.from_known:
                self._take_known(work, runs, index)
            else:
                self._upsample(work, runs)
                self._sample(work, runs, index)
            if number == 0:
                for run in runs:
                    run.done.append(run.results[0])

    def _stage(self, task: Task, plan: WindowPlan, number: int, stage: Stage) -> _Stage:
        facts = self._networks.facts
        height, width = task.height / stage.shrink, task.width / stage.shrink
        rows, columns = height / facts.scale.height, width / facts.scale.width
        if rows.denominator != 1 or columns.denominator != 1:
            multiple = task.recipe.size_multiple(facts)
            raise NotPossible(
                f"{task.width}x{task.height} is not made of whole cells: sides are multiples of {multiple}"
            )
        shape = LatentShape(plan.latent_frames, int(rows), int(columns))
        video = VideoLayout(shape, facts.video_channels, plan.rate, facts.scale)
        return _Stage(
            task, plan, number, stage, video, AudioLayout(plan.audio_steps, facts.audio_channels, facts.audio_bins)
        )

    def _take_known(self, work: _Stage, runs: list[_Run], index: int) -> None:
        """The first stage's result is the medium itself, encoded at that stage's size."""
        job = self._whole_window(work)
        sound = self._window_sound(work, runs[0], index)
        self._encode([job], [] if sound is None else [sound])
        for run in runs:
            audio = None if sound is None else self._encoded[sound.key]
            run.results.append(StageLatents(self._encoded[job.key], audio, run.generator.get_state()))

    def _upsample(self, work: _Stage, runs: list[_Run]) -> None:
        if work.index == 0 or work.task.video != "make":
            return
        factor = work.task.recipe.stages[work.index - 1].shrink / work.stage.shrink
        for run in runs:
            run.initial = run.results[-1].video
        if factor == 1:
            return
        self._events.phase("upsampling")
        with self._networks.upsampler(factor) as network, torch.no_grad():
            for run in runs:
                assert run.initial is not None
                run.initial = network(run.initial.to(self._networks.device)).float().cpu()
                self._events.check()

    def _sample(self, work: _Stage, runs: list[_Run], index: int) -> None:
        inputs = [_Inputs.of(self, work, run, index) for run in runs]
        self._encode([job for i in inputs for job in i.clips], [job for i in inputs for job in i.sounds])
        sigmas = work.sigmas
        with self._networks.transformer(work.stage.weights) as network:
            for run, given in zip(runs, inputs, strict=True):
                solver = self._solver(work.stage.sampler, run, index, work.index)
                steps = len(solver.schedule(sigmas)) - 1
                self._events.phase(f"stage {work.index + 1}", steps, run.number)
                states = self._start(work, run, given)
                denoiser = TransformerDenoiser(
                    network,
                    states,
                    self._contexts(work.task.positive),
                    None if work.task.negative is None else self._contexts(work.task.negative),
                    work.stage.guidance,
                    max_batch=self._max_batch,
                    reference_rounding=self._reference_rounding,
                )

                def on_step(report: StepReport, run: _Run = run) -> None:
                    self._events.step(report.step)
                    self._preview(work, report, run)

                result = sample(states, sigmas, denoiser, solver, on_step)
                video, audio = result.map(lambda state: state.result().float().cpu())
                run.results.append(StageLatents(video, audio, run.generator.get_state()))

    def _start(self, work: _Stage, run: _Run, given: _Inputs) -> Pair[LatentState]:
        """Both noised states. Noise is drawn for video, then audio."""
        states = Pair(self._video_state(work, run, given), self._audio_state(work, run, given))
        return states.map(lambda state: noised(state, draw_noise(state, run.generator, self._dtype), work.noise_scale))

    def _video_state(self, work: _Stage, run: _Run, given: _Inputs) -> LatentState | None:
        task, device = work.task, self._networks.device
        if task.video == "absent":
            return None
        if task.video == "given":
            assert given.whole is not None
            return frozen(work.video, self._encoded[given.whole].to(device), self._dtype)
        initial = run.initial
        if initial is None and task.strength < 1 and given.whole is not None:
            initial = self._encoded[given.whole]
        state = fresh(work.video, initial=initial, device=device, dtype=self._dtype)
        return apply_items(state, [*given.video_items(self._encoded, device)])

    def _audio_state(self, work: _Stage, run: _Run, given: _Inputs) -> LatentState | None:
        task, device = work.task, self._networks.device
        if task.audio == "absent":
            return None
        voices: list[Tensor] = []
        if given.voice is not None:
            voices = [self._encoded[given.voice]]
        if task.audio == "given":
            assert given.window is not None
            return frozen(work.audio, self._encoded[given.window].to(device), self._dtype)
        before = run.results[-1].audio if run.results else None
        if work.stage.keep_sound and before is not None:
            state = frozen(work.audio, before.to(device), self._dtype)
            return ReferenceAudio(before.to(device)).apply(state) if voices else state
        if before is None and task.strength < 1 and given.window is not None:
            before = self._encoded[given.window]
        state = fresh(work.audio, initial=before, device=device, dtype=self._dtype)
        items: list[Item] = []
        if given.window is not None:
            items = [Replace(self._encoded[given.window].to(device)), LatentRegion(given.new_audio)]
        return apply_items(state, [*items, *(ReferenceAudio(voice.to(device)) for voice in voices)])

    def _contexts(self, contexts: TextContext) -> TextContext:
        device = self._networks.device
        return TextContext(contexts.video_BND.to(device), contexts.audio_BND.to(device))

    def _solver(self, sampler: Sampler, run: _Run, index: int, stage: int) -> Solver:
        seed = run.seed + index * PASS_SEED_OFFSET + stage
        if sampler == "res_2s":
            seeds = [seed + offset for offset in _RES2S_SEED_OFFSETS]
            if self._reference_rounding:
                seeds = list(REFERENCE_RES2S_SEEDS)
            return Res2s(seeded_res2s_noise(*(torch.Generator().manual_seed(s) for s in seeds)))
        if sampler == "euler_ancestral":
            return AncestralEuler(torch.Generator().manual_seed(seed + ANCESTRAL_SEED_OFFSET))
        return GradientEstimation() if sampler == "gradient_estimation" else Euler()

    def _preview(self, work: _Stage, report: StepReport, run: _Run) -> None:
        if report.denoised.video is None or not work.task.deliver_video or not self._events.wants_preview:
            return
        pixels = self._networks.preview(work.video.unpatchify(report.denoised.video))
        if pixels is None:
            return
        frames, height, width = pixels.shape[:3]
        rate = format_rate(work.plan.rate / work.plan.scale.time)
        data = pixels.contiguous().numpy().tobytes()
        self._events.preview(data, width, height, frames, rate, run.number)

    # --- encoding -------------------------------------------------------------------------------------------------

    def _whole_window(self, work: _Stage) -> _ClipJob:
        """The whole window of the medium as one clip: for a given picture, or as the start of a mild retake."""
        known = work.task.known.get("media")
        if known is None or known.pictures is None:
            raise MissingContext("pictures", "media")
        offset = work.plan.origin - known.origin
        numbers = [mirrored(offset + frame, known.pictures.frames) for frame in range(work.plan.frames)]
        key = ("clip", "media", offset, work.plan.frames, 0, work.height, work.width)
        return _ClipJob(key, known.pictures, numbers, 0, work.height, work.width)

    def _window_sound(self, work: _Stage, run: _Run, index: int) -> _SoundJob | None:
        """The sound that is known in the window, silence elsewhere; None if none is known."""
        placed = [known for known in (*work.task.known.values(), run.previous) if known is not None and known.sound]
        if not placed:
            return None

        def waveform(samples: int) -> Tensor:
            window = torch.zeros(2, samples)
            for known in placed:  # the pass before comes last: what it made counts where it reaches
                _place(window, known, work.plan)
            return window

        key = ("window", index, run.number if run.previous is not None else 0)
        return _SoundJob(key, waveform, work.plan.audio_steps)

    def _encode(self, clips: Sequence[_ClipJob], sounds: Sequence[_SoundJob]) -> None:
        """Encodes what is not yet encoded; results stay on the CPU until the run ends."""
        new_clips = {job.key: job for job in clips if job.key not in self._encoded}
        new_sounds = {job.key: job for job in sounds if job.key not in self._encoded}
        if not new_clips and not new_sounds:
            return
        self._events.phase("encoding media")
        if new_clips:
            with self._networks.video_encoder() as encoder:
                for job in new_clips.values():
                    self._encoded[job.key] = self._encode_clip(encoder, job)
        if new_sounds:
            with self._networks.audio_encoder() as encoder:
                log_mel = log_mel_of(encoder).to(self._networks.device)
                mel_config = encoder.config.mel
                assert mel_config.sample_rate == _SPEECH_RATE
                for job in new_sounds.values():
                    frames = 4 * job.steps - 3  # mel frames of so many causal latent steps
                    # half an FFT more than the last frame's centre: the end is heard, not reflected
                    waveform = job.waveform(mel_config.hop_length * (frames - 1) + mel_config.fft_length)
                    with torch.no_grad():
                        mel = log_mel(waveform[None].to(self._networks.device))[:, :, :frames]
                        self._encoded[job.key] = encoder(mel.to(_dtype_of(encoder))).float().cpu()
                    self._events.check()

    def _encode_clip(self, encoder: VideoEncoder, job: _ClipJob) -> Tensor:
        stream = StreamingEncoder(encoder, self._piece_bytes, on_step=self._events.check)
        device, dtype = self._networks.device, _dtype_of(encoder)
        pieces: list[Tensor] = []
        for start in range(0, len(job.numbers), _READ_FRAMES):
            frames = job.pictures.read(job.numbers[start : start + _READ_FRAMES])
            pixels = _network_pixels(frames.to(device), job.height, job.width).to(dtype)
            pieces += [piece.float().cpu() for piece in stream.push(pixels)]
        pieces += [piece.float().cpu() for piece in stream.finish()]
        return torch.cat(pieces, dim=2)[:, :, job.drop :]

    # --- decoding and delivering ----------------------------------------------------------------------------------

    def _deliver(
        self, task: Task, index: int, plan: WindowPlan, runs: list[_Run], sink: Sink, draft_only: bool
    ) -> None:
        following = task.plans[index + 1] if index + 1 < len(task.plans) else None
        sound_of = 0 if draft_only else task.recipe.sound_of
        sounds = {run.number: run.results[sound_of].audio for run in runs}
        wants_sound = task.audio == "make" and (task.deliver_audio or following is not None)
        previous: dict[int, tuple[Tensor | None, TensorSound | None]] = {}
        waveforms: dict[int, Tensor] = {}
        if wants_sound:
            waveforms = self._waveforms({number: latent for number, latent in sounds.items() if latent is not None})
        for run in runs:
            sound = None
            if run.number in waveforms:
                waveform = waveforms.pop(run.number)
                sound = TensorSound(waveform, _VOICE_RATE)
                if task.deliver_audio:
                    self._deliver_sound(task, plan, following, run, waveform, sink)
            previous[run.number] = (None, sound)
        if task.video == "make" and (task.deliver_video or following is not None):
            with self._networks.video_decoder() as decoder:
                for run in runs:
                    self._events.phase("decoding", 100, run.number)
                    latent = run.results[-1].video
                    assert latent is not None
                    pieces = decode_in_pieces(
                        decoder,
                        latent.to(self._networks.device, _dtype_of(decoder)),
                        self._piece_bytes,
                        lambda fraction: self._events.step(int(fraction * 100)),
                    )
                    tail = self._deliver_pictures(task, plan, following, run, map(_rgb8, pieces), sink)
                    previous[run.number] = (tail, previous[run.number][1])
        for run in runs:
            run.previous = None if following is None else _previous(plan, following, *previous[run.number])

    def _waveforms(self, latents: dict[int, Tensor]) -> dict[int, Tensor]:
        """Audio latents to stereo float32 (2, n) at 48 kHz; sample 0 is the window's first."""
        if not latents:
            return {}
        self._events.phase("decoding")
        mels: dict[int, Tensor] = {}
        device = self._networks.device
        with self._networks.audio_decoder() as decoder:
            for number, latent in latents.items():
                windows = decode_in_windows(decoder, latent.to(device, _dtype_of(decoder)), on_piece=self._heard)
                mels[number] = torch.cat([mel.float() for mel in windows], dim=2)
        waveforms: dict[int, Tensor] = {}
        with self._networks.vocoder() as vocoder:
            for number, mel in mels.items():
                pieces = [piece.float().cpu() for piece in synthesise(vocoder, mel, on_piece=self._heard)]
                waveform = torch.cat(pieces, dim=-1)[0].clamp(-1, 1)
                waveforms[number] = resample(waveform, vocoder.samples_per_frame * 100, _VOICE_RATE)
        return waveforms

    def _heard(self, fraction: float) -> None:
        self._events.check()

    def _deliver_sound(
        self, task: Task, plan: WindowPlan, following: WindowPlan | None, run: _Run, waveform: Tensor, sink: Sink
    ) -> None:
        """Exactly the samples of the pass's result, joined to the pass before."""
        rate = task.sample_rate
        window = plan.samples(rate)
        made = _exactly(resample(waveform, _VOICE_RATE, rate), len(window), rate)
        wanted = plan.result_samples(rate)
        start, end = wanted.start - window.start, wanted.stop - window.start
        if run.held_samples is not None:
            held = run.held_samples
            start -= held.shape[1]
            ramp = _ramp(held.shape[1])
            made[:, start : start + held.shape[1]] = held * (1 - ramp) + made[:, start : start + held.shape[1]] * ramp
            run.held_samples = None
        if following is not None:
            shared = samples_of_frames(following.origin, following.asked.start, plan.rate, rate)
            hold = min(round(_JOIN_SECONDS * rate), len(shared), end - start)
            run.held_samples = made[:, end - hold : end].clone()
            end -= hold
        sink.sound(made[:, start:end].contiguous(), run.number)

    def _deliver_pictures(
        self,
        task: Task,
        plan: WindowPlan,
        following: WindowPlan | None,
        run: _Run,
        pieces: Iterator[Tensor],
        sink: Sink,
    ) -> Tensor | None:
        """Exactly the frames of the pass's result, blended into the pass before; returns what the next one needs."""
        held, run.held_frames = run.held_frames, None
        start = plan.result.start - (0 if held is None else len(held))
        end, tail_start = plan.result.end, plan.origin + plan.frames
        if following is not None:
            tail_start = following.origin
            end -= min(JOIN_FRAMES, following.lead)
        tail: list[Tensor] = []
        number = plan.origin
        for piece in pieces:
            first, number = number, number + len(piece)
            delivered = piece[max(0, start - first) : max(0, end - first)]
            if held is not None and len(delivered):
                place = max(start, first) - start
                delivered = _blended(held[place:], delivered, place, len(held))
            if len(delivered) and task.deliver_video:
                sink.pictures(delivered, run.number)
            if following is not None and number > tail_start:
                tail.append(piece[max(0, tail_start - first) : max(0, plan.asked.end - first)])
            self._events.check()
        if following is None:
            return None
        kept = torch.cat(tail)
        run.held_frames = kept[len(kept) - (plan.result.end - end) :]
        return kept


# --- what a stage is given ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Inputs:
    """What one variation's stage keeps and follows: things to encode, and the items made of them afterwards."""

    work: _Stage
    clips: tuple[_ClipJob, ...]
    sounds: tuple[_SoundJob, ...]
    contexts: tuple[tuple[tuple[object, ...], int], ...]  # (key, latent frame)
    images: tuple[tuple[tuple[object, ...], int, float], ...]  # (key, window frame, strength)
    whole: tuple[object, ...] | None
    reference: tuple[object, ...] | None
    window: tuple[object, ...] | None
    voice: tuple[object, ...] | None
    new_audio: LatentRange

    @classmethod
    def of(cls, runner: Runner, work: _Stage, run: _Run, index: int) -> _Inputs:
        task, plan = work.task, work.plan
        clips: list[_ClipJob] = []
        sounds: list[_SoundJob] = []
        contexts: list[tuple[tuple[object, ...], int]] = []
        images: list[tuple[tuple[object, ...], int, float]] = []
        whole = reference = window = voice = None
        mild = task.strength < 1 and work.index == 0 and "media" in task.known
        if task.video == "given" or (task.video == "make" and mild):
            job = runner._whole_window(work)
            clips.append(job)
            whole = job.key
        if task.video == "make":
            for job, at in _context_jobs(work, run, index):
                clips.append(job)
                contexts.append((job.key, at))
            for number, image in enumerate(task.images):
                if image.frame in plan.new_frames:
                    key = ("image", number, work.height, work.width)
                    clips.append(_ClipJob(key, TensorPictures(image.pixels[None]), [0], 0, work.height, work.width))
                    images.append((key, image.frame - plan.origin, image.strength))
            if task.reference is not None and work.stage.references:
                job = _reference_job(work)
                clips.append(job)
                reference = job.key
        known_before, known_after = _sound_known(task, plan, run)
        if task.audio == "given" or (task.audio == "make" and (known_before or known_after)):
            job = runner._window_sound(work, run, index)
            if job is None:
                raise MissingContext("sound", "media")
            sounds.append(job)
            window = job.key
        if task.audio == "make" and task.voice is not None:
            job = _voice_job(task.voice)
            sounds.append(job)
            voice = job.key
        new = plan.new_audio
        new_audio = LatentRange(new.start if known_before else 0, new.end if known_after else plan.audio_steps)
        return cls(
            work,
            tuple(clips),
            tuple(sounds),
            tuple(contexts),
            tuple(images),
            whole,
            reference,
            window,
            voice,
            new_audio,
        )

    def video_items(self, encoded: dict[tuple[object, ...], Tensor], device: torch.device) -> Iterator[Item]:
        """In order: kept latents, what is to be made new among them, pictures, the reference."""
        for key, at in self.contexts:
            yield Replace(encoded[key].to(device), at)
        if self.contexts:
            yield LatentRegion(self.work.plan.new_latents)
        for key, frame, strength in self.images:
            latent = encoded[key].to(device)
            if frame == 0 and not self.work.task.append_images:
                yield Replace(latent, 0, strength)
            else:
                yield Keyframe(latent, frame, strength)
        reference = self.work.task.reference
        if self.reference is not None and reference is not None:
            latent = encoded[self.reference].to(device)
            attention = _attention(self.work, LatentShape(*latent.shape[2:]), device)
            yield ReferenceVideo(latent, reference.downscale, reference.time_factor, reference.strength, attention)


def _context_jobs(work: _Stage, run: _Run, index: int) -> Iterator[tuple[_ClipJob, int]]:
    for clip in work.plan.contexts:
        size = (work.height, work.width)
        if clip.source == "previous":
            known = run.previous
            if known is None or known.pictures is None:
                raise MissingContext("pictures", clip.source)
            numbers = [clip.first - known.origin + frame for frame in range(clip.frames)]
            key = ("previous", index, run.number, *size)
        else:
            known = work.task.known.get(clip.source)
            if known is None or known.pictures is None:
                raise MissingContext("pictures", clip.source)
            numbers = clip.numbers(known.pictures.frames)
            key = ("clip", clip.source, clip.first, clip.frames, clip.drop, *size)
        yield _ClipJob(key, known.pictures, numbers, clip.drop, *size), clip.at


def _reference_job(work: _Stage) -> _ClipJob:
    reference = work.task.reference
    assert reference is not None
    if reference.known.pictures is None:
        raise MissingContext("pictures", "reference")
    numbers = reference_numbers(work.plan, reference.known, reference.time_factor)
    height, width = work.height // reference.downscale, work.width // reference.downscale
    key = ("reference", work.plan.origin, height, width)
    return _ClipJob(key, reference.known.pictures, numbers, 0, height, width)


def _attention(work: _Stage, shape: LatentShape, device: torch.device) -> float | Tensor | None:
    reference = work.task.reference
    assert reference is not None
    if reference.attention_mask is None:
        return reference.attention
    numbers = reference_numbers(
        work.plan, reference.known._replace(pictures=reference.attention_mask), reference.time_factor
    )
    frames = reference.attention_mask.read(numbers)
    brightness = frames.float().mean(dim=-1)[None] / 255
    return attention_weights(brightness, shape, reference.attention).to(device)


def _voice_job(voice: Sound) -> _SoundJob:
    seconds = Fraction(voice.samples, voice.rate)
    steps = max(1, int(seconds * 25))  # whole latent steps

    def waveform(samples: int) -> Tensor:
        sound = resample(voice.read(0, voice.samples), voice.rate, _SPEECH_RATE)
        return _exactly(sound, samples, _SPEECH_RATE)

    return _SoundJob(("voice",), waveform, steps)


def _sound_known(task: Task, plan: WindowPlan, run: _Run) -> tuple[bool, bool]:
    """Whether sound is known right in front of what is asked, and right behind it."""
    if not plan.contexts:
        return False, False
    before = after = False
    for clip in plan.contexts:
        known = run.previous if clip.source == "previous" else task.known.get(clip.source)
        has = known is not None and known.sound is not None
        whole = clip.at == 0 and clip.latents(plan.scale).end == plan.latent_frames
        before = before or (has and bool(plan.lead) and (whole or clip.at == 0))
        after = after or (has and bool(plan.tail) and (whole or clip.at > 0))
    return before, after


# --- small things -------------------------------------------------------------------------------------------------


def planned_phases(task: Task, *, draft_only: bool = False, from_draft: bool = False) -> list[PhasePlan]:
    """The phases that a run will announce and how much work each is: video tokens times steps, frames times pixels."""
    phases: list[PhasePlan] = []
    variations = len(task.seeds)
    stages = task.recipe.stages[: 1 if draft_only else None]
    for plan in task.plans:
        for number, stage in enumerate(stages):
            pixels = task.height * task.width / float(stage.shrink) ** 2
            if number == 0 and (from_draft or task.from_known):
                continue
            tokens = plan.latent_frames * pixels
            if number and task.video == "make":
                phases.append(PhasePlan("upsampling", variations * tokens))
            steps = stage.schedule.steps
            passes = 1 + 3 * any(guidance is not None for guidance in stage.guidance)
            evaluations = 2 if stage.sampler == "res_2s" else 1
            phases += [PhasePlan(f"stage {number + 1}", tokens * steps * passes * evaluations, steps)] * variations
        if task.video == "make" and task.deliver_video:
            made = plan.frames * task.height * task.width / float(stages[-1].shrink) ** 2
            phases += [PhasePlan("decoding", made, 100)] * variations
    return phases


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


def _previous(plan: WindowPlan, following: WindowPlan, pictures: Tensor | None, sound: TensorSound | None) -> Known:
    """The end of a pass as the next one's medium: its frame 0 stands where the next window begins."""
    origin = following.origin
    if sound is not None:
        first = sample_of_frame(origin, plan.rate, sound.rate) - sample_of_frame(plan.origin, plan.rate, sound.rate)
        last = sample_of_frame(plan.asked.end, plan.rate, sound.rate) - sample_of_frame(
            plan.origin, plan.rate, sound.rate
        )
        sound = TensorSound(sound.waveform[:, first:last], sound.rate)
    return Known(None if pictures is None else TensorPictures(pictures), sound, origin)


def _place(window: Tensor, known: Known, plan: WindowPlan) -> None:
    """Lays a medium's sound into the window (2, n) at the encoder's rate; what lies outside is left out."""
    sound = known.sound
    assert sound is not None
    seconds = len(window[0]) / _SPEECH_RATE
    first_frame = plan.origin - known.origin
    start = sample_of_frame(first_frame, plan.rate, sound.rate)
    count = math.ceil(seconds * sound.rate) + 1
    begin, end = max(0, start), min(sound.samples, start + count)
    if known.pictures is not None:  # sound behind the medium's last frame belongs to nobody
        end = min(end, sample_of_frame(known.pictures.frames, plan.rate, sound.rate))
    if end <= begin:
        return
    at = round(Fraction(begin - start, sound.rate) * _SPEECH_RATE)
    heard = resample(sound.read(begin, end - begin), sound.rate, _SPEECH_RATE)[:, : max(0, window.shape[1] - at)]
    window[:, at : at + heard.shape[1]] = heard


def _network_pixels(frames_nHWC: Tensor, height: int, width: int) -> Tensor:
    """uint8 (n, H, W, 3) -> (1, 3, n, height, width) in -1..1, scaled with an antialiasing filter where needed."""
    pixels = frames_nHWC.permute(0, 3, 1, 2).float()
    if pixels.shape[2:] != (height, width):
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    return (pixels / 127.5 - 1).permute(1, 0, 2, 3)[None]


def _rgb8(pixels_BCFHW: Tensor) -> Tensor:
    """(1, 3, n, H, W) in -1..1 -> uint8 (n, H, W, 3) on the CPU."""
    scaled = (pixels_BCFHW[0].float() + 1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return scaled.permute(1, 2, 3, 0).contiguous().cpu()


def _blended(held: Tensor, made: Tensor, place: int, total: int) -> Tensor:
    """The frames held back from the pass before fade into the same frames of this one; `place` of `total` is first."""
    count = min(len(held), len(made))
    if count <= 0:
        return made
    weight = (torch.arange(place, place + count) + 1).float()[:, None, None, None] / (total + 1)
    mixed = held[:count].float() * (1 - weight) + made[:count].float() * weight
    return torch.cat((mixed.round().to(torch.uint8), made[count:]))


def _exactly(waveform: Tensor, samples: int, rate: int) -> Tensor:
    """(2, samples): cut, or faded out and filled with silence where the sound is shorter."""
    missing = samples - waveform.shape[1]
    if missing <= 0:
        return waveform[:, :samples].clone()
    fade = min(round(_FADE_SECONDS * rate), waveform.shape[1])
    waveform = waveform.clone()
    if fade:
        waveform[:, -fade:] *= 1 - _ramp(fade)
    return F.pad(waveform, (0, missing))


def _ramp(samples: int) -> Tensor:
    """From near 0 to near 1 as half a cosine."""
    place = (torch.arange(samples) + 0.5) / max(1, samples)
    return 0.5 - 0.5 * torch.cos(place * math.pi)


def _dtype_of(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype
