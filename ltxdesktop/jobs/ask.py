"""What a person has entered, and how it becomes a job's work. No widgets, no files, no channel.

The mode isn't chosen, it follows from what was given: a clip means retake or extend, a picture image-to-video, a sound
audio-to-video, words alone text-to-video. Limits come from the engine's capabilities; none is known here by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Literal, NamedTuple, TypedDict

from engine.protocol.grid import FrameRange, snap_size
from engine.protocol.messages import BackendCapability, ModeCapability, ModelCapability
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    ImageToVideo,
    Keyframe,
    Lora,
    ModeName,
    Retake,
    Sound,
    TextToVideo,
)
from ltxdesktop.words import counted, rate_name, seconds_of, short_timecode, shortened

NOTHING_SELECTED = FrameRange(0, 0)
HIGHEST_SEED = (1 << 31) - 1  # what a person can still read and type; the protocol would allow 63 bits


@dataclass(frozen=True)
class SourceClip:
    """A clip on disk to work on: its own rate and size are exact and stay as they are."""

    path: str
    frames: int
    rate: Fraction
    width: int
    height: int
    has_sound: bool


@dataclass(frozen=True)
class Ask:
    """The whole prompt panel as one value."""

    prompt: str = ""
    negative: str = ""
    model: str = ""
    backend: str = ""
    first_picture: str = ""
    last_picture: str = ""
    sound_file: str = ""
    clip: SourceClip | None = None
    clip_action: Literal["retake", "extend"] = "retake"
    selection: FrameRange = NOTHING_SELECTED  # of the clip, for a retake
    what: Literal["both", "picture", "sound"] = "both"
    direction: Literal["forward", "backward"] = "forward"
    width: int = 768
    height: int = 512
    frames: int = 121  # of a new clip, or to be added by an extension
    rate: Fraction = Fraction(24)
    seed: int = 0
    variations: int = 1
    stage: Literal["full", "draft"] = "full"
    quality: Literal["fast", "quality"] = "fast"
    camera: str = ""  # a move of the model's; "": as the prompt says
    loras: tuple[Lora, ...] = ()
    may_leave: bool = False  # whether it may be sent to a service


class Shared(TypedDict):
    """The fields that all modes have."""

    prompt: str
    negative: str
    model: str
    backend: str
    seed: int
    variations: int
    stage: Literal["full", "draft"]
    quality: Literal["fast", "quality"]
    camera: str
    loras: tuple[Lora, ...]
    may_leave: bool


class NewClip(TypedDict):
    """The fields of modes that make a clip from nothing."""

    width: int
    height: int
    frames: int
    rate: str


def mode_of_ask(ask: Ask) -> ModeName:
    """The mode that follows from what was given."""
    if ask.clip is not None:
        return ask.clip_action
    if ask.sound_file:
        return "audio_to_video"
    if ask.first_picture or ask.last_picture:
        return "image_to_video"
    return "text_to_video"


def work_of(ask: Ask) -> AnyWork:
    """The work as the engine takes it. Call `problems` first: this assumes that there are none."""
    shared: Shared = {
        "prompt": ask.prompt.strip(),
        "negative": ask.negative.strip(),
        "model": ask.model,
        "backend": ask.backend,
        "seed": ask.seed,
        "variations": ask.variations,
        "stage": ask.stage,
        "quality": ask.quality,
        "camera": ask.camera,
        "loras": ask.loras,
        "may_leave": ask.may_leave,
    }
    new_clip: NewClip = {"width": ask.width, "height": ask.height, "frames": ask.frames, "rate": str(ask.rate)}
    if ask.clip is not None and ask.clip_action == "retake":
        return Retake(**shared, source=ask.clip.path, start=ask.selection.start, end=ask.selection.end, what=ask.what)
    if ask.clip is not None:
        at = ask.clip.frames if ask.direction == "forward" else 0
        return Extend(**shared, source=ask.clip.path, at=at, frames=ask.frames, direction=ask.direction)
    keyframes = _keyframes(ask)
    if ask.sound_file:
        return AudioToVideo(**shared, **new_clip, audio=Sound(file=ask.sound_file), keyframes=keyframes)
    if keyframes:
        return ImageToVideo(**shared, **new_clip, keyframes=keyframes)
    return TextToVideo(**shared, **new_clip)


def _keyframes(ask: Ask) -> tuple[Keyframe, ...]:
    first = (Keyframe(image=ask.first_picture, frame=0),) if ask.first_picture else ()
    last = (Keyframe(image=ask.last_picture, frame=ask.frames - 1),) if ask.last_picture else ()
    return first + last


def title_of(ask: Ask) -> str:
    """How lists name the job: what is done, to what, and the first words of the prompt."""
    words = shortened(ask.prompt, 60) or "no prompt"
    if ask.clip is None:
        return words
    name = PurePath(ask.clip.path).name
    if ask.clip_action == "extend":
        return f"Extend {name} by {seconds_of(ask.frames, ask.clip.rate)}: {words}"
    start, end = (short_timecode(frame, ask.clip.rate) for frame in ask.selection)
    return f"Retake {start} to {end} of {name}: {words}"


def find_model(
    backends: tuple[BackendCapability, ...], model: str = "", backend: str = ""
) -> tuple[BackendCapability, ModelCapability] | None:
    """The named model of the named backend; with empty names the first that works here. None if there is none."""
    pairs = [(one, each) for one in backends for each in one.models]
    named = [(one, each) for one, each in pairs if model in {"", each.model} and backend in {"", one.backend}]
    usable = [(one, each) for one, each in named if one.available and each.available]
    local_first = sorted(usable, key=lambda pair: pair[0].remote)
    return next(iter(local_first or (named if model else [])), None)


def capability(model: ModelCapability, mode: ModeName) -> ModeCapability | None:
    """What this model can do in this mode; None if it doesn't know the mode."""
    return next((each for each in model.modes if each.mode == mode), None)


class Shape(NamedTuple):
    """A picture size to choose from, with the words for it."""

    words: str
    width: int
    height: int


_ASPECTS = (("16:9", 16, 9), ("9:16", 9, 16), ("1:1", 1, 1), ("4:3", 4, 3))
_SHORT_SIDES = (540, 720, 1080)


def shapes_for(model: ModelCapability, limits: ModeCapability) -> list[Shape]:
    """Sizes worth offering for a model: its own first, then each aspect with about its own area, then the usual ones.

    Sizes that the model makes for certain are multiples of its step; services with fixed sizes offer only those.
    """
    if limits.combinations:
        fixed = [Shape(f"{each.width} × {each.height}", each.width, each.height) for each in limits.combinations]
        return list(dict.fromkeys(fixed))  # a size has a row for each of its lengths and rates
    width, height = model.default_width or 768, model.default_height or 512
    step, area = max(1, limits.size_multiple), width * height
    found = [Shape("Model's own", width, height)]
    for name, across, down in _ASPECTS:
        side = (area / (across * down)) ** 0.5
        found.append(Shape(name, _to_step(side * across, step), _to_step(side * down, step)))
    for short in _SHORT_SIDES:
        for name, across, down in _ASPECTS[:3]:
            unit = short / min(across, down)
            found.append(Shape(f"{name} {short}p", _even(unit * across), _even(unit * down)))
    fitting = [each for each in found if _fits(each, limits) and each.width * each.height >= area * 0.8]
    different: dict[tuple[int, int], Shape] = {}
    for each in fitting:
        different.setdefault((each.width, each.height), each)
    return list(different.values())


def _fits(shape: Shape, limits: ModeCapability) -> bool:
    large_enough = min(shape.width, shape.height) >= limits.min_side
    return large_enough and (not limits.max_pixels or shape.width * shape.height <= limits.max_pixels)


def _to_step(value: float, step: int) -> int:
    return max(step, round(value / step) * step)


def _even(value: float) -> int:
    return round(value / 2) * 2


def problems(ask: Ask, backend: BackendCapability | None, model: ModelCapability | None) -> list[str]:
    """Why this can't be asked for now, as sentences that say what to change; empty if it can."""
    if backend is None or model is None:
        return ["No model is ready to work yet."]
    if not backend.available:
        return [backend.why_not or f"{backend.title} isn't available here."]
    if not model.available:
        return [model.why_not or f"{model.title} isn't available here."]
    mode = mode_of_ask(ask)
    limits = capability(model, mode)
    if limits is None or not limits.available:
        reason = limits.why_not if limits is not None else ""
        return [reason or f"{model.title} can't do this: {mode.replace('_', ' ')}."]
    return [*_problems_of_words(ask, model), *_problems_of_range(ask), *_problems_of_limits(ask, limits, model)]


def _problems_of_words(ask: Ask, model: ModelCapability) -> list[str]:
    length = len(ask.prompt.strip())
    if not length:
        return ["Write what should be seen and heard."]
    if model.max_prompt_chars and length > model.max_prompt_chars:
        return [f"The prompt has {length} characters; {model.title} takes {model.max_prompt_chars}."]
    return []


def _problems_of_range(ask: Ask) -> list[str]:
    if ask.clip is None or ask.clip_action != "retake":
        return []
    if not 0 <= ask.selection.start < ask.selection.end <= ask.clip.frames:
        return ["Select the frames to make again: the range is empty."]
    if ask.what == "sound" and not ask.clip.has_sound:
        return ["The clip has no sound to retake; choose picture, or picture and sound."]
    return []


def _problems_of_limits(ask: Ask, limits: ModeCapability, model: ModelCapability) -> list[str]:
    said: list[str] = []
    frames = ask.selection.frames if ask.clip is not None and ask.clip_action == "retake" else ask.frames
    if frames < limits.min_frames:
        said.append(f"{counted(frames, 'frame')} is too short: {model.title} makes {limits.min_frames} or more.")
    if limits.max_frames and frames > limits.max_frames:
        said.append(f"{counted(frames, 'frame')} is too long: {model.title} makes at most {limits.max_frames} here.")
    width, height = (ask.clip.width, ask.clip.height) if ask.clip is not None else (ask.width, ask.height)
    if min(width, height) < limits.min_side:
        said.append(f"{width} × {height} is too small: each side needs {limits.min_side} pixels.")
    if limits.max_pixels and width * height > limits.max_pixels:
        said.append(
            f"{width} × {height} is {width * height / 1e6:.2f} megapixels; "
            f"here it can be at most {limits.max_pixels / 1e6:.2f}."
        )
    rate = ask.clip.rate if ask.clip is not None else ask.rate
    if limits.rates and str(rate) not in limits.rates:
        rates = ", ".join(rate_name(Fraction(each)) for each in limits.rates)
        said.append(f"{rate_name(rate)} frames per second isn't possible here, but: {rates}.")
    if ask.variations > model.max_variations:
        said.append(f"{model.title} makes at most {counted(model.max_variations, 'variation')} at once.")
    return said


def notes(ask: Ask, limits: ModeCapability | None) -> list[str]:
    """What will be adjusted without changing what comes back, for a quiet line in the panel."""
    if ask.clip is not None or limits is None or limits.size_multiple < 32:  # a service says it itself
        return []
    stages = 2 if limits.size_multiple >= 64 else 1
    return [sentence] if (sentence := snap_size(ask.width, ask.height, stages).sentence()) else []
