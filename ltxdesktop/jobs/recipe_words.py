"""A recipe as a person reads it: what was asked for, of what, by what, as short lines with their names."""

from __future__ import annotations

from pathlib import PurePath

from engine.protocol.messages import Recipe
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Retake,
    Revoice,
    TextToVideo,
    Upscale,
    VideoToVideo,
    mode_of,
)
from ltxdesktop.words import counted

_WHAT = {"both": "picture and sound", "picture": "the picture alone", "sound": "the sound alone"}
_STAGES = {"full": "", "draft": ", a draft", "finish": ", finished from a draft"}
_QUALITIES = {"fast": "Fast", "quality": "Best"}


def recipe_lines(recipe: Recipe) -> list[tuple[str, str]]:
    """(name, words) of all that a person would look for; what is empty is left out."""
    work = recipe.work
    steps = f", {counted(work.steps, 'step')}" if work.steps else ""
    lines = [
        ("Made", mode_of(work).replace("_", " ").capitalize() + _STAGES[work.stage]),
        ("Prompt", work.prompt),
        ("New words", work.words if isinstance(work, Revoice) else ""),
        ("Not wanted", work.negative),
        ("Of", _subject(work)),
        ("Size", _size(work)),
        ("Seed", ", ".join(str(seed) for seed in recipe.seeds) or str(work.seed)),
        ("Model", recipe.model.id if recipe.model is not None else work.model),
        ("Look", ", ".join(f"{PurePath(each.id).name} at {each.strength:.0%}" for each in recipe.loras)),
        ("Camera", work.camera.replace("_", " ").replace("-", " ")),
        ("Quality", _QUALITIES[work.quality] + steps),
        ("From", ", ".join(dict.fromkeys(PurePath(each).name for each in recipe.parents))),
        ("By", ", ".join(part for part in (recipe.backend, recipe.device, f"engine {recipe.engine}") if part)),
        ("On", f"{recipe.made_at[:19].replace('T', ' ')} UTC" if recipe.made_at else ""),
    ]
    return [(name, words) for name, words in lines if words]


def _subject(work: AnyWork) -> str:
    """What of which footage."""
    match work:
        case Retake():
            return f"{_WHAT[work.what]} of frames {work.start} to {work.end} of {PurePath(work.source).name}"
        case VideoToVideo() | Revoice() | Upscale():
            return f"frames {work.start} to {work.end} of {PurePath(work.source).name}"
        case Extend():
            end = "after" if work.direction == "forward" else "before"
            return f"{counted(work.frames, 'frame')} {end} frame {work.at} of {PurePath(work.source).name}"
        case FillGap():
            names = (PurePath(each.source).name for each in (work.before, work.after))
            return "between " + " and ".join(names)
        case TextToVideo() | ImageToVideo() | AudioToVideo():
            return ""


def _size(work: AnyWork) -> str:
    match work:
        case TextToVideo() | ImageToVideo() | AudioToVideo() | FillGap():
            return f"{work.width} × {work.height}, {counted(work.frames, 'frame')} at {work.rate}"
        case _:
            return ""
