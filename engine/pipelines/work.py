"""A run in progress: one variation's state, one stage at work, and what a stage has to encode before it starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from engine.conditioning.items import Item, Keyframe, LatentRegion, ReferenceVideo, Replace, attention_weights
from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.models.mel import resample
from engine.pipelines.draft import StageLatents
from engine.pipelines.errors import MissingContext, NotPossible
from engine.pipelines.networks import ModelFacts
from engine.pipelines.recipe import Stage, entering
from engine.pipelines.signals import exactly
from engine.pipelines.task import Known, Pictures, Sound, Task, TensorPictures, reference_numbers
from engine.protocol.grid import LatentRange, LatentShape, mirrored, sample_of_frame
from engine.protocol.window import WindowPlan
from engine.sampling.sigmas import Sigmas

SPEECH_RATE = 16_000  # what the audio autoencoder hears

Key = tuple[object, ...]
Encoded = Mapping[Key, Tensor]


@dataclass
class Run:
    """One variation on its way through the passes."""

    number: int
    seed: int
    generator: torch.Generator
    results: list[StageLatents] = field(default_factory=list[StageLatents])  # of this pass, one per stage
    initial: Tensor | None = None  # upsampled video latent for the stage to come
    previous: Known | None = None  # the end of the pass before, decoded
    held_frames: Tensor | None = None  # made but not delivered: blended into the next pass
    held_samples: Tensor | None = None
    drafted: list[StageLatents] = field(default_factory=list[StageLatents])  # stage 1 of every pass


class ClipJob(NamedTuple):
    """Frames to encode: `numbers` of `pictures` at a pixel size; the first `drop` latent frames are dropped."""

    key: Key
    pictures: Pictures
    numbers: Sequence[int]
    drop: int
    height: int
    width: int


class SoundJob(NamedTuple):
    """Sound to encode, as `steps` latent steps. `waveform(n)` gives (2, n) at SPEECH_RATE."""

    key: Key
    waveform: Callable[[int], Tensor]
    steps: int


@dataclass(frozen=True)
class StageWork:
    """One stage of one pass: everything that does not differ between variations."""

    task: Task
    plan: WindowPlan
    pass_number: int
    number: int
    stage: Stage
    video: VideoLayout
    audio: AudioLayout

    @classmethod
    def of(cls, task: Task, facts: ModelFacts, pass_number: int, number: int) -> StageWork:
        """Raises NotPossible when the size is not made of whole latent cells at this stage."""
        stage, plan = task.recipe.stages[number], task.plans[pass_number]
        rows = task.height / stage.shrink / facts.scale.height
        columns = task.width / stage.shrink / facts.scale.width
        if rows.denominator != 1 or columns.denominator != 1:
            multiple = task.recipe.size_multiple(facts)
            raise NotPossible(f"{task.width}x{task.height} cannot be made: sides have to be multiples of {multiple}")
        steps, odd = divmod(plan.latent_frames - 1, stage.slow)
        if odd:
            raise NotPossible(f"{plan.frames} frames are not twice as many latent frames: plan with slow={stage.slow}")
        shape = LatentShape(steps + 1, int(rows), int(columns))
        video = VideoLayout(shape, facts.video_channels, plan.rate / stage.slow, facts.scale)
        audio = AudioLayout(plan.audio_steps, facts.audio_channels, facts.audio_bins)
        return cls(task, plan, pass_number, number, stage, video, audio)

    @property
    def height(self) -> int:
        return self.video.shape.height * self.video.scale.height

    @property
    def width(self) -> int:
        return self.video.shape.width * self.video.scale.width

    @property
    def mild(self) -> bool:
        """Whether this stage starts from what is there, partly noised, instead of from noise."""
        return self.number == 0 and self.task.strength < 1

    @property
    def sigmas(self) -> Sigmas:
        whole = self.stage.schedule.at(self.video.tokens)
        return entering(whole, self.task.strength) if self.mild else whole

    @property
    def noise_scale(self) -> float:
        """1 for a fresh start; otherwise the first sigma."""
        return 1.0 if self.number == 0 and not self.mild else self.sigmas[0]

    # --- what may have to be encoded ---

    def whole_window(self) -> ClipJob:
        """The whole window of the medium as one clip: a given picture, a mild retake's start, an upscaling's."""
        known = self.task.known.get("media")
        if known is None or known.pictures is None:
            raise MissingContext("pictures", "media")
        wanted = range(self.plan.origin, self.plan.origin + self.plan.frames, self.stage.slow)
        numbers = [mirrored(known.own(frame), known.pictures.frames) for frame in wanted]
        key = ("clip", "media", known.own(self.plan.origin), len(numbers), 0, self.height, self.width)
        return ClipJob(key, known.pictures, numbers, 0, self.height, self.width)

    def window_sound(self, run: Run) -> SoundJob | None:
        """The sound that is known in the window, silence elsewhere; None if none is known."""
        media = (*self.task.known.values(), run.previous)  # what the pass before made counts where it reaches
        placed = [known for known in media if known is not None and known.sound is not None]
        if not placed:
            return None

        def waveform(samples: int) -> Tensor:
            window = torch.zeros(2, samples)
            for known in placed:
                _place(window, known, self.plan)
            return window

        key = ("window", self.pass_number, run.number if run.previous is not None else 0)
        return SoundJob(key, waveform, self.plan.audio_steps)

    def contexts(self, run: Run) -> Iterator[tuple[ClipJob, int]]:
        """The clips that are kept, and the latent frame at which each stands."""
        size = (self.height, self.width)
        for clip in self.plan.contexts:
            known = run.previous if clip.source == "previous" else self.task.known.get(clip.source)
            if known is None or known.pictures is None:
                raise MissingContext("pictures", clip.source)
            if clip.source == "previous":
                numbers = [clip.first - known.origin + frame for frame in range(clip.frames)]
                key: Key = ("previous", self.pass_number, run.number, *size)
            else:
                numbers = clip.numbers(known.pictures.frames)
                key = ("clip", clip.source, clip.first, clip.frames, clip.drop, *size)
            yield ClipJob(key, known.pictures, numbers, clip.drop, *size), clip.at

    def images(self) -> Iterator[tuple[ClipJob, int, float]]:
        """The pictures that fall into what this pass makes, the frame of the window and the strength of each."""
        for number, image in enumerate(self.task.images):
            if image.frame in self.plan.new_frames:
                key = ("image", number, self.height, self.width)
                job = ClipJob(key, TensorPictures(image.pixels[None]), [0], 0, self.height, self.width)
                yield job, image.frame - self.plan.origin, image.strength

    def reference(self) -> ClipJob | None:
        reference = self.task.reference
        if reference is None or not self.stage.references:
            return None
        if reference.known.pictures is None:
            raise MissingContext("pictures", "reference")
        numbers = reference_numbers(self.plan, reference.known, reference.time_factor)
        height, width = self.height // reference.downscale, self.width // reference.downscale
        key = ("reference", self.plan.origin, height, width)
        return ClipJob(key, reference.known.pictures, numbers, 0, height, width)

    def attention(self, shape: LatentShape, device: torch.device) -> float | Tensor:
        """How strongly clip and reference see each other: a number, or weights per reference token."""
        reference = self.task.reference
        assert reference is not None
        if reference.attention_mask is None:
            return reference.attention
        mask = reference.known._replace(pictures=reference.attention_mask)
        frames = reference.attention_mask.read(reference_numbers(self.plan, mask, reference.time_factor))
        brightness = frames.float().mean(dim=-1)[None] / 255
        return attention_weights(brightness, shape, reference.attention).to(device)

    def known_sound(self, run: Run) -> tuple[bool, bool]:
        """Whether sound is known right in front of what is asked, and right behind it."""
        before = after = False
        for clip in self.plan.contexts:
            known = run.previous if clip.source == "previous" else self.task.known.get(clip.source)
            if known is None or known.sound is None:
                continue
            whole = clip.latents(self.plan.scale).length == self.plan.latent_frames
            before = before or bool(self.plan.lead and (whole or clip.at == 0))
            after = after or bool(self.plan.tail and (whole or clip.at > 0))
        return before, after


@dataclass(frozen=True)
class StageInputs:
    """What one variation's stage keeps and follows: jobs to encode, and the items made of their latents."""

    work: StageWork
    clips: tuple[ClipJob, ...]
    sounds: tuple[SoundJob, ...]
    contexts: tuple[tuple[Key, int], ...]  # latent frame
    images: tuple[tuple[Key, int, float], ...]  # frame of the window, strength
    whole: Key | None
    reference: Key | None
    window: Key | None
    voice: Key | None
    new_audio: LatentRange

    @classmethod
    def of(cls, work: StageWork, run: Run) -> StageInputs:
        """Raises MissingContext when the task does not bring what its plan needs."""
        task, plan = work.task, work.plan
        whole = reference = window = voice = None
        contexts: list[tuple[ClipJob, int]] = []
        images: list[tuple[ClipJob, int, float]] = []
        if task.video == "given" or (task.video == "make" and work.mild):
            whole = work.whole_window()
        if task.video == "make":
            contexts, images, reference = list(work.contexts(run)), list(work.images()), work.reference()
        before, after = work.known_sound(run)
        if task.audio == "given" or (task.audio == "make" and (before or after or work.mild)):
            window = work.window_sound(run)
            if window is None and task.audio == "given":
                raise MissingContext("sound", "media")
        if task.audio == "make" and task.voice is not None:
            voice = _voice_job(task.voice)
        new = plan.new_audio
        clips = (whole, *(job for job, _ in contexts), *(job for job, _, _ in images), reference)
        return cls(
            work=work,
            clips=tuple(job for job in clips if job is not None),
            sounds=tuple(job for job in (window, voice) if job is not None),
            contexts=tuple((job.key, at) for job, at in contexts),
            images=tuple((job.key, frame, strength) for job, frame, strength in images),
            whole=None if whole is None else whole.key,
            reference=None if reference is None else reference.key,
            window=None if window is None else window.key,
            voice=None if voice is None else voice.key,
            new_audio=LatentRange(new.start if before else 0, new.end if after else plan.audio_steps),
        )

    def video_items(self, encoded: Encoded, device: torch.device) -> Iterator[Item]:
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
            attention = self.work.attention(LatentShape(*latent.shape[2:]), device)
            yield ReferenceVideo(latent, reference.downscale, reference.time_factor, reference.strength, attention)

    def audio_items(self, encoded: Encoded, device: torch.device) -> Iterator[Item]:
        """Kept latents and what is to be made new among them."""
        if self.window is not None:
            yield Replace(encoded[self.window].to(device))
            yield LatentRegion(self.new_audio)


def _voice_job(voice: Sound) -> SoundJob:
    steps = max(1, voice.samples * 25 // voice.rate)  # whole latent steps

    def waveform(samples: int) -> Tensor:
        return exactly(resample(voice.read(0, voice.samples), voice.rate, SPEECH_RATE), samples, SPEECH_RATE)

    return SoundJob(("voice",), waveform, steps)


def _place(window: Tensor, known: Known, plan: WindowPlan) -> None:
    """Lays a medium's sound into the window (2, n) at SPEECH_RATE; what lies outside of either is left out."""
    sound = known.sound
    assert sound is not None
    start = sample_of_frame(plan.origin - known.origin, plan.rate, sound.rate)
    count = math.ceil(Fraction(window.shape[1] * sound.rate, SPEECH_RATE)) + 1
    begin, end = max(0, start), min(sound.samples, start + count)
    if known.pictures is not None:  # sound behind the medium's last frame belongs to nobody
        end = min(end, sample_of_frame(known.pictures.frames * known.every, plan.rate, sound.rate))
    if end <= begin:
        return
    at = round(Fraction(begin - start, sound.rate) * SPEECH_RATE)
    heard = resample(sound.read(begin, end - begin), sound.rate, SPEECH_RATE)[:, : max(0, window.shape[1] - at)]
    window[:, at : at + heard.shape[1]] = heard
