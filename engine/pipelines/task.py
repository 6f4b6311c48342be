"""A task: everything that one run of the pipelines is told, in numbers, tensors and small sources of media.

What the modes of the program are is told here too: each is a few lines that say what is made, what is given and
where it stands. The runner executes them all alike.
"""

# Shapes: n frames, H, W pixels of the model's grid, N samples

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from engine.models.text import TextContext
from engine.pipelines.recipe import Recipe
from engine.protocol.grid import LTX_SCALE, SAMPLE_RATE, FrameRange, mirrored, snap_frames_up
from engine.protocol.window import ContextClip, Source, WindowPlan, plan_new

Role = Literal["make", "given", "absent"]  # made new (where nothing is kept) | frozen, only listened to | no stream


class Pictures(Protocol):
    """Frames of a medium, already conformed: the job's rate, and a size whose aspect is that of the result's grid."""

    @property
    def frames(self) -> int: ...

    def read(self, numbers: Sequence[int]) -> Tensor:
        """uint8 (n, H, W, 3) on the CPU, for frame numbers of this medium (each inside it, in any order).

        Called with a few numbers at a time. Any size: the runner scales to what a stage needs.
        """
        ...


class Sound(Protocol):
    """Stereo sound of a medium; sample 0 belongs to its frame 0."""

    @property
    def rate(self) -> int: ...

    @property
    def samples(self) -> int: ...

    def read(self, start: int, count: int) -> Tensor:
        """float32 (2, count) on the CPU in -1..1; the range lies inside the medium."""
        ...


@dataclass(frozen=True)
class TensorPictures:
    """Pictures held in memory: uint8 (n, H, W, 3)."""

    pixels: Tensor

    @property
    def frames(self) -> int:
        return self.pixels.shape[0]

    def read(self, numbers: Sequence[int]) -> Tensor:
        return self.pixels[list(numbers)]


@dataclass(frozen=True)
class TensorSound:
    """Sound held in memory: float32 (2, N)."""

    waveform: Tensor
    rate: int

    @property
    def samples(self) -> int:
        return self.waveform.shape[1]

    def read(self, start: int, count: int) -> Tensor:
        return self.waveform[:, start : start + count]


class Known(NamedTuple):
    """A medium beside or under what is asked.

    origin   the job's number of the medium's frame 0
    every    the medium has every n-th frame of the job's numbering: 2 when its rate is doubled, else 1
    """

    pictures: Pictures | None
    sound: Sound | None
    origin: int = 0
    every: int = 1

    def own(self, frame: int) -> int:
        """The medium's own number of a frame of the job (may lie outside the medium)."""
        return (frame - self.origin) // self.every


class GuideImage(NamedTuple):
    """A picture to pass through: uint8 (H, W, 3) covering the result's grid, at `frame` in the job's numbering."""

    pixels: Tensor
    frame: int
    strength: float = 1.0


class Reference(NamedTuple):
    """A video that an in-context LoRA follows; its numbering is that of `known.origin`.

    downscale, time_factor   the LoRA's metadata
    attention                how strongly clip and reference see each other
    attention_mask           pictures (any size) whose brightness says where the reference counts
    """

    known: Known
    downscale: int = 1
    time_factor: int = 1
    strength: float = 1.0
    attention: float = 1.0
    attention_mask: Pictures | None = None


@dataclass(frozen=True)
class Task:
    """One job for the runner.

    plans       one per pass, from engine.protocol.window
    height, width   the size that is made, on the grid of `recipe.size_multiple`
    known       media by the names that the plans use
    images      `append_images`: also one at frame 0 is appended as a keyframe (keyframe interpolation, 6.5)
    strength    1 makes asked frames from pure noise; less starts from what is there (one known medium "media")
    from_known  start the last stage from the encoded medium instead of a first stage (upscaling)
    voice       reference sound that gives the speaker (dubbing)
    seeds       one per variation
    deliver_*   what the sink gets; a stream may be made only to guide the other
    sample_rate of the delivered sound
    """

    plans: tuple[WindowPlan, ...]
    height: int
    width: int
    recipe: Recipe
    positive: TextContext
    negative: TextContext | None = None
    video: Role = "make"
    audio: Role = "make"
    known: Mapping[Source, Known] = field(default_factory=dict[Source, Known])
    images: tuple[GuideImage, ...] = ()
    append_images: bool = False
    reference: Reference | None = None
    voice: Sound | None = None
    strength: float = 1.0
    from_known: bool = False
    seeds: tuple[int, ...] = (0,)
    deliver_video: bool = True
    deliver_audio: bool = True
    sample_rate: int = SAMPLE_RATE

    @property
    def rate(self) -> Fraction:
        return self.plans[0].rate

    @property
    def result(self) -> FrameRange:
        """What is delivered, in the job's numbering: asked frames and handles."""
        return FrameRange(self.plans[0].result.start, self.plans[-1].result.end)


# --- the modes ----------------------------------------------------------------------------------------------------
# Each takes a task that has plans, size, recipe, contexts and seeds, and says what the mode is.


def text_to_video(task: Task, images: tuple[GuideImage, ...] = (), *, sound: bool = True) -> Task:
    """From words; with images also image-to-video, first-to-last and keyframes."""
    return replace(task, images=images, audio="make" if sound else "absent", deliver_audio=sound)


def audio_to_video(task: Task, sound: Sound, images: tuple[GuideImage, ...] = ()) -> Task:
    """Pictures that follow a sound, which stays the soundtrack: it is not made again, so none is delivered."""
    known: dict[Source, Known] = {"media": Known(None, sound)}
    return replace(task, known=known, images=images, audio="given", deliver_audio=False)


def retake(
    task: Task,
    media: Known,
    what: Literal["both", "picture", "sound"] = "both",
    strength: float = 1.0,
    images: tuple[GuideImage, ...] = (),
) -> Task:
    """A range of a clip again. The kept stream is frozen and clean; a clip without sound gets sound as a guide only.

    A soundless clip's picture is retaken beside invented sound, which is delivered only if both are asked for.
    """
    known: dict[Source, Known] = {"media": media}
    task = replace(task, known=known, strength=strength, images=images)
    if what == "sound":
        return replace(task, video="given", deliver_video=False)
    if what == "picture":
        return replace(task, audio="make" if media.sound is None else "given", deliver_audio=False)
    return task


def extend(task: Task, media: Known, images: tuple[GuideImage, ...] = ()) -> Task:
    """A continuation, forward or backward as the plans say. Numbering: the medium's own, so its origin is 0."""
    known: dict[Source, Known] = {"media": media}
    return replace(task, known=known, images=images)


def fill_gap(task: Task, before: Known, after: Known, images: tuple[GuideImage, ...] = ()) -> Task:
    """A bridge. Origins: minus the length of `before`, and the length of the gap."""
    known: dict[Source, Known] = {"before": before, "after": after}
    return replace(task, known=known, images=images)


def video_to_video(
    task: Task, reference: Reference, sound: Sound | None = None, images: tuple[GuideImage, ...] = ()
) -> Task:
    """A new clip with another's motion, through an in-context LoRA. `sound`: kept and listened to, not delivered."""
    task = replace(task, reference=reference, images=images)
    if sound is None:
        return task
    known: dict[Source, Known] = {"media": Known(None, sound, reference.known.origin)}
    return replace(task, known=known, audio="given", deliver_audio=False)


def revoice(task: Task, reference: Reference, voice: Sound) -> Task:
    """The same face and voice with new words: the clip itself is the reference, its sound the voice."""
    return replace(task, reference=reference, voice=voice)


def upscale(task: Task, media: Known) -> Task:
    """A clip larger: its own latents, upsampled and refined by the last stage; its sound is listened to."""
    known: dict[Source, Known] = {"media": media}
    audio: Role = "absent" if media.sound is None else "given"
    return replace(task, known=known, from_known=True, audio=audio, deliver_audio=False)


# --- helpers for those who build tasks ----------------------------------------------------------------------------


def plan_following(
    asked: FrameRange, rate: Fraction, max_frames: int, *, handles: tuple[int, int] = (0, 0), slow: int = 1
) -> tuple[WindowPlan, ...]:
    """Passes for a clip made as a whole beside a reference: asked frames and handles are all made new.

    For video-to-video, re-voice and upscaling, in the numbering of the reference's medium. With `slow` 2 (twice the
    rate) numbers and rate are those of the result, and windows are 16k + 1 frames long.
    """
    made = FrameRange(asked.start - handles[0], asked.end + handles[1])
    coarse = LTX_SCALE._replace(time=LTX_SCALE.time * slow)
    plans = [
        plan._replace(
            origin=plan.origin + made.start,
            asked=plan.asked.shifted(made.start),
            contexts=tuple(_shifted(clip, made.start) for clip in plan.contexts),
            scale=LTX_SCALE,
        )
        for plan in plan_new(made.frames, rate, max_frames, scale=coarse)
    ]
    first, last = plans[0], plans[-1]
    if first.asked.frames <= handles[0] or last.asked.frames <= handles[1]:
        return tuple(plans)  # handles longer than a pass: they count as asked there
    plans[0] = first._replace(asked=first.asked._replace(start=asked.start), handles=(handles[0], 0))
    last = plans[-1]
    plans[-1] = last._replace(asked=last.asked._replace(end=asked.end), handles=(last.handles[0], handles[1]))
    return tuple(plans)


def _shifted(clip: ContextClip, frames: int) -> ContextClip:
    return clip._replace(first=clip.first + frames)


def reference_numbers(plan: WindowPlan, known: Known, time_factor: int) -> list[int]:
    """Which frames of a reference's medium go with a window: 0, 1, 1 + S, 1 + 2S, ... cut to 8k + 1, mirrored."""
    assert known.pictures is not None
    wanted = [0, *range(1, plan.frames, time_factor)]
    count = snap_frames_up(len(wanted), plan.scale)
    if count > len(wanted):
        count -= plan.scale.time
    frames = known.pictures.frames
    return [mirrored(known.own(plan.origin + number), frames) for number in wanted[: max(1, count)]]
