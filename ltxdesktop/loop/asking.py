"""What a person wants in a place, and the work that the engine is given for it.

Limits aren't known here: whether a model can do it is said by the engine's capabilities (`problems`), what it costs by
its estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engine.protocol.messages import BackendCapability, ModelCapability
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Keyframe,
    Lora,
    ModeName,
    Retake,
    Sound,
    TextToVideo,
)
from ltxdesktop.document.model import Sequence, TrackKind
from ltxdesktop.document.time import parse_rate, rate_text
from ltxdesktop.jobs.ask import NewClip, Shared, capability
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, LikeTake, OfClip, Place
from ltxdesktop.words import counted, rate_name

HANDLES = 4  # frames; the engine's own default
MOST_HANDLES = 240  # that the protocol lets ask for


@dataclass(frozen=True)
class Wish:
    """Everything that is said about one job, but where. Empty and zero leave a choice to the model."""

    prompt: str = ""
    negative: str = ""
    model: str = ""
    backend: str = ""
    seed: int = 0
    variations: int = 1
    stage: Literal["full", "draft"] = "full"
    quality: Literal["fast", "quality"] = "fast"
    what: Literal["both", "picture", "sound"] = "both"
    camera: str = ""
    loras: tuple[Lora, ...] = ()
    strength: float = 1.0  # of a retake: 1 = nothing of what was there is kept
    may_leave: bool = False
    width: int = 0  # of a new clip; 0 = the sequence's
    height: int = 0
    frames: int = 0
    picture: str = ""  # a file: first picture of a new clip
    sound: str = ""  # a file: soundtrack of a new clip
    heard: tuple[int, int] = (0, 0)  # first sample of that file, and how many; 0 = to its end
    handles: int = HANDLES  # frames made beyond the cuts, for the blend


def work_for(place: Place, wish: Wish, sequence: Sequence) -> AnyWork:
    """The work for one place. A new clip is as large as the sequence unless the wish says otherwise."""
    shared: Shared = {
        "prompt": wish.prompt.strip(),
        "negative": wish.negative.strip(),
        "model": wish.model,
        "backend": wish.backend,
        "seed": wish.seed,
        "variations": wish.variations,
        "stage": wish.stage,
        "quality": wish.quality,
        "camera": wish.camera,
        "loras": wish.loras,
        "may_leave": wish.may_leave,
    }
    match place:
        case OfClip(anew=True):
            return _new_clip(shared, wish, sequence, place.shown.frames, place.media_rate)
        case OfClip():
            return Retake(
                **shared,
                source=place.path,
                start=place.shown.start,
                end=place.shown.end,
                what=wish.what,
                strength=wish.strength,
                handles=min(MOST_HANDLES, max(wish.handles, place.handles)),
            )
        case AfterClip():
            return Extend(
                **shared,
                source=place.path,
                at=place.at,
                frames=place.media_frames,
                direction=place.direction,
                handles=wish.handles,
            )
        case InGap():
            size = wish.width or sequence.width, wish.height or sequence.height
            rate = rate_text(sequence.rate)
            return FillGap(
                **shared,
                before=place.before,
                after=place.after,
                width=size[0],
                height=size[1],
                frames=place.frames,
                rate=rate,
                handles=wish.handles,
            )
        case AtFrame():
            return _new_clip(shared, wish, sequence, frames_of(place, wish, sequence), sequence.rate)
        case LikeTake():
            raise ValueError("a take's work comes from its recipe")


def _new_clip(shared: Shared, wish: Wish, sequence: Sequence, frames: int, rate: Fraction) -> AnyWork:
    shape: NewClip = {
        "width": wish.width or sequence.width,
        "height": wish.height or sequence.height,
        "frames": frames,
        "rate": rate_text(rate),
    }
    keyframes = (Keyframe(image=wish.picture),) if wish.picture else ()
    if wish.sound:
        start, samples = wish.heard
        audio = Sound(file=wish.sound, start=start, samples=samples)
        return AudioToVideo(**shared, **shape, audio=audio, keyframes=keyframes)
    if keyframes:
        return ImageToVideo(**shared, **shape, keyframes=keyframes)
    return TextToVideo(**shared, **shape)


def mode_of_place(place: Place, wish: Wish) -> ModeName:
    """The mode that a place and a wish make together."""
    match place:
        case OfClip(anew=False):
            return "retake"
        case AfterClip():
            return "extend"
        case InGap():
            return "fill_gap"
        case OfClip() | AtFrame() | LikeTake():
            return "audio_to_video" if wish.sound else "image_to_video" if wish.picture else "text_to_video"


def frames_of(place: Place, wish: Wish, sequence: Sequence) -> int:
    """How many frames the engine is to make."""
    match place:
        case OfClip():
            return place.shown.frames
        case AfterClip():
            return place.media_frames
        case InGap():
            return place.frames
        case AtFrame() | LikeTake():
            return wish.frames or round(2 * sequence.rate)


def rate_of(place: Place, sequence: Sequence) -> Fraction:
    """Frames a second of what the engine is to make; of footage that goes on, of the sequence."""
    return place.media_rate or sequence.rate if isinstance(place, OfClip) else sequence.rate


def passes_words(place: Place, wish: Wish, sequence: Sequence, model: ModelCapability) -> str:
    """That it's longer than the model makes at once, as a sentence; "" where it isn't."""
    limits = capability(model, mode_of_place(place, wish))
    most = limits.max_frames_per_pass if limits is not None else 0
    if not most or frames_of(place, wish, sequence) <= most:
        return ""
    return f"Longer than the {counted(most, 'frame')} that are made at once: it takes several passes that overlap."


def _locked(place: Place, wish: Wish, sequence: Sequence) -> list[str]:
    """Names of the locked tracks that a take would go to."""
    match place:
        case OfClip():
            clip = sequence.clip(place.clip)
            members = sequence.linked.get(clip.link, ()) if clip is not None and clip.link is not None else ()
            tracks = [sequence.track_of(each) for each in dict.fromkeys((place.clip, *members))]
            kinds = {"sound": {TrackKind.AUDIO}, "picture": {TrackKind.VIDEO}}.get("both" if place.anew else wish.what)
            meant = [each for each in tracks if each is not None and (kinds is None or each.kind in kinds)]
        case AfterClip():
            meant = [each for each in (sequence.track_of(place.clip),) if each is not None]
        case InGap():
            meant = [each for each in (sequence.track(place.track),) if each is not None]
        case AtFrame() | LikeTake():
            meant = []  # it goes where there is room
    return list(dict.fromkeys(track.name for track in meant if track.locked))


def problems(
    place: Place,
    wish: Wish,
    sequence: Sequence,
    backend: BackendCapability | None,
    model: ModelCapability | None,
    size: tuple[int, int],
) -> list[str]:
    """Why this can't be asked for now, as sentences that say what to change; empty if it can.

    `size`: of the footage that the place shows, or of the new clip.
    """
    if backend is None or model is None:
        return ["No model is ready to work yet."]
    if not backend.available or not model.available:
        return [backend.why_not or model.why_not or f"{model.title} isn't available here."]
    limits = capability(model, mode := mode_of_place(place, wish))
    if limits is None or not limits.available:
        reason = limits.why_not if limits is not None else ""
        return [reason or f"{model.title} can't do this: {mode.replace('_', ' ')}."]
    said = [f"{name} is locked. Unlock it, so that a take can be put there." for name in _locked(place, wish, sequence)]
    if not wish.prompt.strip():
        said.append("Write what should be seen and heard.")
    if model.max_prompt_chars and len(wish.prompt.strip()) > model.max_prompt_chars:
        said.append(f"The prompt is too long: {model.title} takes {model.max_prompt_chars} characters.")
    frames = frames_of(place, wish, sequence)
    if frames < limits.min_frames:
        said.append(f"{counted(frames, 'frame')} is too short: {model.title} makes {limits.min_frames} or more.")
    if limits.max_frames and frames > limits.max_frames:
        said.append(f"{counted(frames, 'frame')} is too long: {model.title} makes at most {limits.max_frames} here.")
    if min(size) < limits.min_side:
        said.append(f"{size[0]} × {size[1]} is too small: each side needs {limits.min_side} pixels.")
    if limits.rates and (rate := rate_text(rate_of(place, sequence))) not in limits.rates:
        rates = ", ".join(rate_name(parse_rate(each)) for each in limits.rates)
        said.append(f"{rate_name(parse_rate(rate))} frames a second isn't possible here, but: {rates}.")
    if limits.max_pixels and size[0] * size[1] > limits.max_pixels:
        said.append(
            f"{size[0]} × {size[1]} is {size[0] * size[1] / 1e6:.2f} megapixels; "
            f"here it can be at most {limits.max_pixels / 1e6:.2f}."
        )
    if wish.variations > model.max_variations:
        said.append(f"{model.title} makes at most {counted(model.max_variations, 'variation')} at once.")
    return said
