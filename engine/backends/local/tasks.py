"""From what a person asked to what the runner executes: one `Prepared` per job, the only place that knows the modes.

Everything here is numbers and opened files; nothing is loaded or computed. What can't be done is refused here, with a
sentence that says what would work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch

from engine.backends.base import BadRequest, Unsupported
from engine.backends.local.catalogue import ModelDescription
from engine.backends.local.lending import UserLora
from engine.backends.local.media import CoveringFit, EdgeFit, FileSound, Fitting, MediaFiles
from engine.backends.local.phrases import revoiced, with_camera
from engine.media.conform import Fit, fit_to_grid
from engine.models.text import TextContext
from engine.pipelines import task as modes
from engine.pipelines.networks import ModelFacts
from engine.pipelines.recipe import (
    Recipe,
    dubbing,
    enlarging,
    fast,
    in_context,
    quality,
    sound_alone,
    stage_count,
    with_guidance,
    with_sampler,
)
from engine.pipelines.task import GuideImage, Known, Reference, Task, plan_following
from engine.protocol import work as asked
from engine.protocol.grid import SAMPLE_RATE, Clip, FrameRange, parse_rate, sample_of_frame
from engine.protocol.window import WindowPlan, plan_extend, plan_fill, plan_new, plan_retake
from engine.protocol.work import AnyWork
from engine.sampling.guidance import Guidance, GuidancePlan

NO_CONTEXT = TextContext(torch.zeros(1, 0, 1), torch.zeros(1, 0, 1))  # until the prompts are encoded
LONGEST_PROMPT = 20_000  # characters; more is a file pasted by mistake
IMAGE_CRF_FROM = (2, 4)  # models from here on know clean pictures; older ones compressed stills


@dataclass(frozen=True)
class Prepared:
    """A job ready for planning and running.

    task        without text contexts yet
    prompts     positive and negative as they are encoded
    fit         between result size and the model's grid
    given_sound sound that goes into the file unchanged, in the job's numbering
    adjusted    what is done otherwise than asked, as sentences
    """

    task: Task
    prompts: tuple[str, str]
    fit: Fit
    given_sound: FileSound | None = None
    adjusted: tuple[str, ...] = ()
    draft_only: bool = False

    @property
    def sound_only(self) -> bool:
        return not self.task.deliver_video


class Preparation:
    """What all modes need while a job is prepared."""

    def __init__(
        self,
        work: AnyWork,
        description: ModelDescription,
        facts: ModelFacts,
        files: MediaFiles,
        loras: Sequence[UserLora],
    ) -> None:
        self.work = work
        self.description = description
        self.facts = facts
        self.files = files
        self.loras = loras
        self.adjusted: list[str] = []

    def prepare(self) -> Prepared:
        """Raises BadRequest, BadMedia, Unsupported, and what engine.media and engine.protocol.grid raise."""
        self._check_words()
        match self.work:
            case asked.TextToVideo() | asked.ImageToVideo() as work:
                prepared = self._new(work)
            case asked.AudioToVideo() as work:
                prepared = self._from_sound(work)
            case asked.Retake() as work:
                prepared = self._retake(work)
            case asked.Extend() as work:
                prepared = self._extend(work)
            case asked.FillGap() as work:
                prepared = self._fill(work)
            case asked.VideoToVideo() as work:
                prepared = self._follow(work)
            case asked.Revoice() as work:
                prepared = self._revoice(work)
            case asked.Upscale() as work:
                prepared = self._upscale(work)
        draft_only = self.work.stage == "draft"
        if draft_only and len(prepared.task.recipe.stages) < 2:
            self.adjusted.append("at this size there is one stage only: the draft is the finished take")
            draft_only = False
        return replace(prepared, adjusted=tuple(self.adjusted), draft_only=draft_only)

    # --- modes ---

    def _new(self, work: asked.TextToVideo | asked.ImageToVideo) -> Prepared:
        recipe, fit = self._size(work.width, work.height)
        rate = parse_rate(work.rate)
        if isinstance(work, asked.ImageToVideo) and not work.keyframes:
            raise BadRequest("Image-to-video needs a picture: give at least one.")
        plans = plan_new(work.frames, rate, self._longest(rate))
        task = modes.text_to_video(self._task(plans, recipe, fit), self._guides(fit, 0, work.frames), sound=work.sound)
        return self._prepared(task, fit)

    def _from_sound(self, work: asked.AudioToVideo) -> Prepared:
        recipe, fit = self._size(work.width, work.height)
        rate = parse_rate(work.rate)
        sound = self.files.given_sound(work.audio)
        if sound.samples < sample_of_frame(work.frames, rate):
            self.adjusted.append("the sound is shorter than the clip: silence follows it")
        plans = plan_new(work.frames, rate, self._longest(rate))
        task = modes.audio_to_video(self._task(plans, recipe, fit), sound, self._guides(fit, 0, work.frames))
        return replace(self._prepared(task, fit), given_sound=sound)

    def _retake(self, work: asked.Retake) -> Prepared:
        facts = self.files.facts(work.source)
        recipe, fit = self._size(facts.width, facts.height, source=True)
        if work.what == "sound":
            recipe = sound_alone(recipe)
        soundtrack = self._soundtrack(work.soundtrack, sample_of_frame(work.start, facts.rate))
        medium = self.files.medium(work.source, fit, soundtrack=soundtrack, beside=work.start)
        if work.what == "picture" and medium.sound is None:
            self.adjusted.append("the clip has no sound: the picture is made beside invented sound, which is dropped")
        plans = plan_retake(
            facts.frames,
            FrameRange(work.start, work.end),
            facts.rate,
            self._longest(facts.rate),
            context=work.context,
            handles=work.handles,
        )
        task = modes.retake(
            self._task(plans, recipe, fit),
            Known(medium.pictures, medium.sound),
            work.what,
            work.strength,
            self._guides(fit, work.start, work.end - work.start),
        )
        given = medium.sound if work.what == "picture" else None
        return replace(self._prepared(task, fit), given_sound=given)

    def _extend(self, work: asked.Extend) -> Prepared:
        facts = self.files.facts(work.source)
        if not 0 <= work.at <= facts.frames:
            raise BadRequest(
                f"{_name(work.source)} has {facts.frames} frames: it can't be extended at frame {work.at}."
            )
        recipe, fit = self._size(facts.width, facts.height, source=True)
        backward = work.direction == "backward"
        first, end = (work.at, facts.frames) if backward else (0, work.at)
        if end <= first:
            raise BadRequest(f"There is nothing of {_name(work.source)} on that side of frame {work.at} to go on from.")
        soundtrack = self._soundtrack(work.soundtrack, 0)
        medium = self.files.medium(
            work.source, fit, first=first, end=end, soundtrack=soundtrack, beside=first if backward else end - 1
        )
        plans = plan_extend(
            end - first,
            work.frames,
            facts.rate,
            self._longest(facts.rate),
            backward=backward,
            context=work.context,
            handles=work.handles,
        )
        start = -work.frames if backward else end - first
        task = modes.extend(
            self._task(plans, recipe, fit),
            Known(medium.pictures, medium.sound),
            self._guides(fit, start, work.frames),
        )
        return self._prepared(task, fit)

    def _fill(self, work: asked.FillGap) -> Prepared:
        recipe, fit = self._size(work.width, work.height)
        rate = parse_rate(work.rate)
        sides: list[Known] = []
        for neighbour, is_before in ((work.before, True), (work.after, False)):
            facts = self.files.facts(neighbour.source)
            first, end = (0, neighbour.at) if is_before else (neighbour.at, facts.frames)
            if not first < end <= facts.frames:
                side = "before" if is_before else "after"
                raise BadRequest(
                    f"{_name(neighbour.source)} has {facts.frames} frames: "
                    f"none of them lie {side} frame {neighbour.at}."
                )
            same = (facts.width, facts.height) == (work.width, work.height)
            medium = self.files.medium(
                neighbour.source,
                fit if same else CoveringFit((work.height, work.width), fit),
                rate=rate,
                first=first,
                end=end,
                soundtrack=self._soundtrack(neighbour.soundtrack, 0),
            )
            sides.append(Known(medium.pictures, medium.sound, -medium.frames if is_before else work.frames))
        before, after = sides
        assert before.pictures is not None
        assert after.pictures is not None
        plans = plan_fill(
            before.pictures.frames,
            work.frames,
            after.pictures.frames,
            rate,
            self._longest(rate),
            context=work.context,
            handles=work.handles,
        )
        task = modes.fill_gap(self._task(plans, recipe, fit), before, after, self._guides(fit, 0, work.frames))
        return self._prepared(task, fit)

    def _follow(self, work: asked.VideoToVideo) -> Prepared:
        if work.control in ("depth", "pose"):
            raise Unsupported(
                f"This program can't make {work.control} pictures itself: give a {work.control} video as the source."
            )
        facts = self.files.facts(work.source)
        lora = self._reference_lora("Video-to-video")
        downscale = 1 if lora is None else lora.file.reference_downscale_factor
        recipe, fit = self._size(
            work.width or facts.width,
            work.height or facts.height,
            source=not work.width,
            downscale=downscale,
            change=lambda recipe: in_context(recipe, refine=work.refine),
        )
        same = (facts.height, facts.width) == fit.source
        fitting: Fitting = fit if same else CoveringFit(fit.source, fit)
        if work.control == "canny":
            fitting = EdgeFit(fitting)
        medium = self.files.medium(work.source, fitting, beside=work.start)
        self._check_range(work.source, work.start, work.end, facts.frames)
        plans = plan_following(FrameRange(work.start, work.end), facts.rate, self._longest(facts.rate))
        mask = self.files.medium(work.attention_mask, None).pictures if work.attention_mask else None
        reference = Reference(
            Known(medium.pictures, None),
            downscale,
            1 if lora is None else lora.file.reference_temporal_scale_factor,
            work.reference_strength,
            work.attention_strength,
            mask,
        )
        kept = medium.sound if work.keep_sound else None
        task = modes.video_to_video(
            self._task(plans, recipe, fit), reference, kept, self._guides(fit, work.start, work.end - work.start)
        )
        return replace(self._prepared(task, fit), given_sound=kept)

    def _revoice(self, work: asked.Revoice) -> Prepared:
        if not work.words.strip():
            raise BadRequest("Re-voicing needs the new words: give what shall be said.")
        facts = self.files.facts(work.source)
        lora = self._reference_lora("Re-voicing")
        downscale = 1 if lora is None else lora.file.reference_downscale_factor
        recipe, fit = self._size(facts.width, facts.height, source=True, downscale=downscale, change=dubbing)
        self._check_range(work.source, work.start, work.end, facts.frames)
        soundtrack = self._soundtrack(work.soundtrack, sample_of_frame(work.start, facts.rate))
        medium = self.files.medium(work.source, fit, soundtrack=soundtrack, beside=work.start)
        voice = medium.sound if work.voice is None else self.files.given_sound(work.voice)
        if voice is None:
            raise BadRequest(f"{_name(work.source)} has no sound: give a sound that shows how the speaker sounds.")
        room = (min(work.handles, work.start), min(work.handles, facts.frames - work.end))
        plans = plan_following(FrameRange(work.start, work.end), facts.rate, self._longest(facts.rate), handles=room)
        reference = Reference(
            Known(medium.pictures, None),
            downscale,
            1 if lora is None else lora.file.reference_temporal_scale_factor,
        )
        task = modes.revoice(self._task(plans, recipe, fit), reference, voice)
        prompt = revoiced(self.work.prompt, work.words, work.language)
        return replace(self._prepared(task, fit), prompts=(prompt, self.work.negative))

    def _upscale(self, work: asked.Upscale) -> Prepared:
        factor, times = Fraction(work.factor), 2 if work.smoother else 1
        if factor == 1 and not work.smoother:
            raise BadRequest("An upscaling by 1 at the same rate changes nothing: ask for a larger picture or rate.")
        if factor != 1 and factor not in self.facts.upsamplers:
            raise Unsupported(f"{self.description.title} has no upscaler for a factor of {float(factor):g} here.")
        if work.smoother and not self.facts.doubles_rate:
            raise Unsupported(f"{self.description.title} has no file here that doubles the rate.")
        facts = self.files.facts(work.source)
        self._check_range(work.source, work.start, work.end, facts.frames)
        recipe = enlarging(factor, smoother=work.smoother)
        multiple = int(recipe.size_multiple(self.facts) / factor)
        small = fit_to_grid(
            facts.height, facts.width, multiple, pixels_limit=int(self.description.largest_pixels / factor**2)
        )
        fit = enlarged(small, factor)
        medium = self.files.medium(work.source, small, beside=work.start)
        rate = facts.rate * times
        room = (min(work.handles, work.start), min(work.handles, facts.frames - work.end))
        plans = plan_following(
            FrameRange(work.start * times, work.end * times),
            rate,
            self._longest(rate),
            handles=(room[0] * times, room[1] * times),
            slow=times,
        )
        task = modes.upscale(self._task(plans, recipe, fit), Known(medium.pictures, medium.sound, every=times))
        return replace(self._prepared(task, fit), given_sound=medium.sound)

    # --- parts ---

    def _check_words(self) -> None:
        work = self.work
        if len(work.prompt) > LONGEST_PROMPT:
            raise BadRequest(
                f"The prompt has {len(work.prompt)} characters; the model reads about {self.description.prompt_tokens} "
                f"words. Shorten it below {LONGEST_PROMPT} characters."
            )
        needs_words = isinstance(work, asked.TextToVideo) and not work.keyframes
        if needs_words and not (work.prompt.strip() or work.camera):
            raise BadRequest("Text-to-video needs a prompt: say what should be seen and heard.")
        try:
            with_camera("", work.camera)
        except KeyError:
            raise BadRequest(f"There is no camera move {work.camera!r}.") from None
        for lora in work.loras:
            if not lora.lora.strip():
                raise BadRequest("A LoRA without a name was given.")

    def _size(
        self,
        width: int,
        height: int,
        *,
        source: bool = False,
        downscale: int = 1,
        change: Callable[[Recipe], Recipe] | None = None,
    ) -> tuple[Recipe, Fit]:
        """The recipe for a size and the fit onto its grid. A source that is too large is worked on smaller."""
        largest = self.description.largest_pixels
        if not source and width * height > largest * 1.05:
            raise BadRequest(
                f"{width} x {height} is more than {self.description.title} makes here: at most {largest / 1e6:.2g} "
                f"million pixels, such as {_example(width, height, largest)}."
            )
        stages = stage_count(self.facts, *_working_size(width, height, largest))
        recipe = self._recipe(stages)
        if change is not None:
            recipe = change(recipe)
        multiple = recipe.size_multiple(self.facts, downscale)
        fit = fit_to_grid(height, width, multiple, pixels_limit=max(largest, multiple * multiple))
        if fit.inner != fit.source:
            inner_height, inner_width = fit.inner
            self.adjusted.append(
                f"{width} x {height} is more than {self.description.title} makes: it works at {inner_width} x "
                f"{inner_height}, and the result is brought back to {width} x {height}"
            )
        elif fit.grid != fit.inner:
            grid_height, grid_width = fit.grid
            self.adjusted.append(f"{width} x {height} is made as {grid_width} x {grid_height} and cropped back")
        return recipe, fit

    def _recipe(self, stages: int) -> Recipe:
        work = self.work
        if work.quality == "quality":
            recipe = quality(self.facts, stages, steps=work.steps, high=work.sampler == "res_2s")
        else:
            recipe = fast(self.facts, stages, steps=work.steps)
        if work.sampler and not (work.sampler == "res_2s" and work.quality == "quality"):
            recipe = with_sampler(recipe, work.sampler)
        video, audio = recipe.stages[0].guidance
        return with_guidance(recipe, _guided(video, work.video_guidance), _guided(audio, work.audio_guidance))

    def _task(self, plans: Sequence[WindowPlan], recipe: Recipe, fit: Fit) -> Task:
        seeds = tuple((self.work.seed + number) % (1 << 63) for number in range(self.work.variations))
        return Task(
            plans=tuple(plans),
            height=fit.grid[0],
            width=fit.grid[1],
            recipe=recipe,
            positive=NO_CONTEXT,
            seeds=seeds,
            sample_rate=SAMPLE_RATE,
        )

    def _prepared(self, task: Task, fit: Fit) -> Prepared:
        work = self.work
        if not work.sound and task.audio == "make" and task.deliver_audio:
            task = replace(task, deliver_audio=False)
        return Prepared(task, (with_camera(work.prompt, work.camera), work.negative), fit)

    def _guides(self, fit: Fit, start: int, frames: int) -> tuple[GuideImage, ...]:
        """The job's keyframes in its numbering; each counts from the first asked frame."""
        round_trip = self.facts.model_version < IMAGE_CRF_FROM
        for keyframe in self.work.keyframes:
            if keyframe.frame >= frames:
                raise BadRequest(
                    f"The picture {_name(keyframe.image)} is asked for at frame {keyframe.frame}, but the clip has "
                    f"{frames} frames (0 to {frames - 1})."
                )
        return tuple(
            self.files.guide(keyframe, fit, start + keyframe.frame, round_trip) for keyframe in self.work.keyframes
        )

    def _longest(self, rate: Fraction) -> int:
        return Clip.longest(rate, self.description.longest_seconds, self.facts.scale).frames

    def _soundtrack(self, given: asked.Sound | None, at_sample: int) -> FileSound | None:
        return None if given is None else self.files.given_sound(given, at_sample)

    def _check_range(self, source: str, start: int, end: int, frames: int) -> None:
        if not 0 <= start < end <= frames:
            raise BadRequest(
                f"The range {start} to {end} is empty or outside {_name(source)}, which has {frames} frames."
            )

    def _reference_lora(self, mode: str) -> UserLora | None:
        for lora in self.loras:
            if lora.in_context:
                return lora
        if self.description.follows_references:
            return None
        raise BadRequest(f"{mode} needs an in-context LoRA: choose one that was made for it.")


def enlarged(small: Fit, factor: Fraction) -> Fit:
    """The fit of the result of an upscaling, from that of its source."""

    def scaled(pair: tuple[int, int]) -> tuple[int, int]:
        return round(pair[0] * factor), round(pair[1] * factor)

    return Fit(scaled(small.source), scaled(small.inner), scaled(small.grid), scaled(small.before))


def _guided(plan: GuidancePlan | None, given: asked.Guidance | None) -> GuidancePlan | None:
    """The person's numbers over the recipe's; None where nothing was said."""
    if given is None:
        return None
    base = plan if isinstance(plan, Guidance) else Guidance()
    changes = {
        name: value
        for name, value in (
            ("cfg", given.cfg),
            ("stg", given.stg),
            ("modality", given.modality),
            ("rescale", given.rescale),
        )
        if value is not None
    }
    changed = replace(base, **changes)
    return changed if given.stg_blocks is None else replace(changed, stg_blocks=given.stg_blocks)


def _working_size(width: int, height: int, largest: int) -> tuple[int, int]:
    if width * height <= largest:
        return width, height
    factor = (largest / (width * height)) ** 0.5
    return int(width * factor), int(height * factor)


def _example(width: int, height: int, largest: int) -> str:
    """A size of the same shape on multiples of 64 that is small enough."""
    factor = (largest / (width * height)) ** 0.5
    return f"{max(64, int(width * factor) // 64 * 64)} x {max(64, int(height * factor) // 64 * 64)}"


def _name(source: str) -> str:
    return Path(source).name
