"""From a checked command line to the job that it means. Looks at the media that are given; what is given decides."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.backends.base import BadMedia, BadRequest
from engine.generate.arguments import ASPECTS, RESOLUTIONS, Options, UsageError
from engine.generate.times import BadTime, Seconds, frames_of, parse_time
from engine.media.errors import MediaError, shown
from engine.media.index import VideoIndex, build_index
from engine.media.probe import probe
from engine.protocol import work as asked
from engine.protocol.grid import GridError, format_rate, parse_rate
from engine.protocol.work import AnyWork

_GAP_S = 2  # between two clips, when no duration is given


class Defaults(NamedTuple):
    """What a model makes when nothing is said."""

    width: int
    height: int
    frames: int
    rate: str


class Image(NamedTuple):
    """A picture of the command line: FRAME:PATH[:STRENGTH]."""

    where: str  # a frame number, a time, "last", or "" for the first frame
    path: str
    strength: float


def work_of(options: Options, codec: asked.Output, defaults: Callable[[], Defaults]) -> AnyWork:
    """The job that a command line means; files in it are named from the root. `defaults` is asked only where needed.

    Raises UsageError, BadRequest, BadMedia.
    """
    try:
        work = _work_of(options, _common(options, codec), defaults)
    except BadTime as exc:
        raise UsageError(str(exc)) from exc
    except GridError as exc:
        raise UsageError(f"--fps {options.fps}: {exc}") from exc
    except MediaError as exc:
        raise BadMedia(str(exc)) from exc
    return in_bounds(work)


def in_bounds(work: AnyWork) -> AnyWork:
    """The same work, checked against the limits of the protocol, so that its recipe can be read again."""
    try:
        msgspec.convert(msgspec.to_builtins(work), type(work))
    except msgspec.ValidationError as exc:
        raise UsageError(f"this is beyond what a job may ask for: {exc}") from exc
    return work


def _work_of(options: Options, common: dict[str, Any], defaults: Callable[[], Defaults]) -> AnyWork:
    match options.kind:
        case "between":
            assert options.between is not None
            return _between(options, options.between, common)
        case "retake" | "extend" | "reference" | "say" | "upscale":
            assert options.video is not None
            return _of_video(options, options.video, common)
        case _:
            return _new(options, common, defaults())


def _common(options: Options, output: asked.Output) -> dict[str, Any]:
    """The part that all modes share."""
    return {
        "prompt": options.prompt or "",
        "negative": options.negative or "",
        "enhance": options.enhance,
        "camera": options.camera or "",
        "seed": options.seed or 0,
        "model": _existing(options.model or ""),
        "loras": tuple(_lora(text) for text in options.lora),
        "quality": options.quality or "fast",
        "stage": "draft" if options.draft else "full",
        "variations": options.variations or 1,
        "steps": options.steps or 0,
        "sampler": options.sampler or "",
        "sound": not options.silent,
        "output": output,
    }


# --- new clips ----------------------------------------------------------------------------------------------------


def _new(options: Options, common: dict[str, Any], known: Defaults) -> AnyWork:
    rate = parse_rate(options.fps or known.rate)
    width, height = _size(options, known)
    if options.duration is not None:
        frames = _length("--duration", options.duration, rate)
    elif options.audio is not None:
        frames = _sound_frames(options.audio, rate)
    elif options.fps is not None:  # the model's usual length in seconds, not in frames
        frames = max(1, round(known.frames * rate / parse_rate(known.rate)))
    else:
        frames = known.frames
    common["keyframes"] = _keyframes(options, rate, frames)
    common |= {"width": width, "height": height, "frames": frames, "rate": format_rate(rate)}
    if options.audio is not None:
        return asked.AudioToVideo(**common, audio=asked.Sound(file=_absolute(options.audio)))
    if common["keyframes"]:
        return asked.ImageToVideo(**common)
    return asked.TextToVideo(**common)


def _sound_frames(path: str, rate: Fraction) -> int:
    """As many whole frames as the sound covers."""
    info = probe(Path(path), exact=True)
    if not info.audio:
        raise BadMedia(f"{shown(Path(path))} has no sound; choose a file with sound.")
    if not info.duration_seconds:
        raise BadRequest(f"The length of {shown(Path(path))} is unknown: give --duration.")
    return max(1, int(info.duration_seconds * rate))


def _size(options: Options, known: Defaults) -> tuple[int, int]:
    """(width, height) as asked; a shape alone keeps the model's usual number of pixels, on multiples of 64."""
    found = _explicit_size(options)
    if found is not None:
        return found
    if options.aspect is None:
        return known.width, known.height
    across, up = ASPECTS[options.aspect]
    height = (known.width * known.height * up / across) ** 0.5
    return max(64, round(height * across / up / 64) * 64), max(64, round(height / 64) * 64)


def _explicit_size(options: Options) -> tuple[int, int] | None:
    if options.resolution is None:
        return None
    text = options.resolution.lower()
    across, up = ASPECTS[options.aspect or "16:9"]
    if text in RESOLUTIONS:
        short = RESOLUTIONS[text]
        return (_even(short * across / up), short) if across >= up else (short, _even(short * up / across))
    width, _, height = text.partition("x")
    sides = [int(side) for side in (width, height) if side.isascii() and side.isdigit() and len(side) <= 5]
    if len(sides) != 2 or not all(1 <= side <= 16384 for side in sides):
        names = ", ".join(RESOLUTIONS)
        raise UsageError(f"--resolution {options.resolution}: give one of {names}, or WIDTHxHEIGHT up to 16384")
    return sides[0], sides[1]


def _even(side: float) -> int:
    return round(side / 2) * 2


# --- parts of clips -----------------------------------------------------------------------------------------------


def _of_video(options: Options, video: str, common: dict[str, Any]) -> AnyWork:
    index = build_index(Path(video))
    common["source"] = _absolute(video)
    if options.handles is not None:
        common["handles"] = options.handles
    if options.retake:
        start, end = _range("--retake", options.retake, video, index)
        common["keyframes"] = _keyframes(options, index.rate, end - start)
        what = "picture" if options.keep == "audio" else "sound" if options.keep == "video" else "both"
        change = 1.0 if options.change is None else options.change
        return asked.Retake(**common, start=start, end=end, what=what, strength=change)
    if options.extend is not None:
        length = _length("--extend", options.extend, index.rate)
        common["keyframes"] = _keyframes(options, index.rate, length)
        if options.before:
            return asked.Extend(**common, at=0, frames=length, direction="backward")
        return asked.Extend(**common, at=index.frames, frames=length)
    start, end = (0, index.frames) if options.range is None else _range("--range", options.range, video, index)
    if options.say is not None:
        voice = None if options.voice is None else asked.Sound(file=_absolute(options.voice))
        language = options.language or ""
        return asked.Revoice(**common, start=start, end=end, words=options.say, language=language, voice=voice)
    if options.upscale is not None:
        return asked.Upscale(**common, start=start, end=end, factor=options.upscale)
    common["keyframes"] = _keyframes(options, index.rate, end - start)
    width, height = _explicit_size(options) or (0, 0)
    control = options.control or "as_is"
    common["keep_sound"] = not options.silent
    return asked.VideoToVideo(**common, start=start, end=end, control=control, width=width, height=height)


def _between(options: Options, clips: list[str], common: dict[str, Any]) -> AnyWork:
    before, after = clips
    index = build_index(Path(before))
    info = probe(Path(before)).require_video()
    probe(Path(after)).require_video()
    rate = index.rate if options.fps is None else parse_rate(options.fps)
    width, height = _explicit_size(options) or info.display_size
    frames = round(_GAP_S * rate) if options.duration is None else _length("--duration", options.duration, rate)
    if options.handles is not None:
        common["handles"] = options.handles
    common["keyframes"] = _keyframes(options, rate, frames)
    return asked.FillGap(
        **common,
        before=asked.Neighbour(source=_absolute(before), at=index.frames),
        after=asked.Neighbour(source=_absolute(after), at=0),
        width=width,
        height=height,
        frames=frames,
        rate=format_rate(rate),
    )


def _range(option: str, words: list[str], video: str, index: VideoIndex) -> tuple[int, int]:
    """Frames [start, end) of a clip. Raises BadRequest for a range that is empty or not inside it, with numbers."""
    start, end = (_point(text, index) for text in words)
    if not 0 <= start < end <= index.frames:
        seconds = f"{float(index.duration_seconds):.3f}".rstrip("0").rstrip(".")
        where = "is empty" if start >= end else "goes beyond the clip"
        raise BadRequest(
            f"{option} {' '.join(words)} {where}: these are frames {start} to {end}, and {shown(Path(video))} has "
            f"frames 0 to {index.frames} ({seconds} s)."
        )
    return start, end


def _point(text: str, index: VideoIndex) -> int:
    """A point of a clip as a frame; seconds of a clip of variable rate are looked up in its own times."""
    if text.strip().lower() in ("start", "end"):
        return 0 if text.strip().lower() == "start" else index.frames
    time = parse_time(text)
    if isinstance(time, Seconds) and not index.is_constant and 0 < time.seconds < index.duration_seconds:
        return index.frame_at(time.seconds)
    return time.frames(index.rate)


def _length(option: str, text: str, rate: Fraction) -> int:
    frames = frames_of(text, rate)
    if frames < 1:
        raise UsageError(f"{option} {text} is less than one frame")
    return frames


# --- pictures and LoRAs -------------------------------------------------------------------------------------------


def _keyframes(options: Options, rate: Fraction, frames: int) -> tuple[asked.Keyframe, ...]:
    """The pictures at frames of a result that has so many; one beyond its end is refused here, with the option."""
    keyframes: list[asked.Keyframe] = []
    for text in options.image:
        image = parse_image(text)
        if image.where == "last":
            frame = frames - 1
        elif image.where.isdigit():
            frame = int(image.where)  # a bare number is a frame here: FRAME:PATH
        else:
            frame = frames_of(image.where, rate) if image.where else 0
        if frame >= frames:
            raise BadRequest(f"--image {text}: frame {frame} lies behind the end; frames 0 to {frames - 1} are made.")
        keyframes.append(asked.Keyframe(image=_absolute(image.path), frame=frame, strength=image.strength))
    return tuple(keyframes)


def parse_image(text: str) -> Image:
    """Read FRAME:PATH[:STRENGTH]. Paths and times may hold colons themselves: a file that exists decides.

    Raises UsageError.
    """
    readings = [_strong(text, "")]
    for place, letter in enumerate(text):
        if letter == ":" and _is_place(text[:place]) and text[place + 1 :]:
            readings.append(_strong(text[place + 1 :], text[:place]))
    existing = [reading for reading in readings if _is_there(reading.path)]
    chosen = existing[0] if existing else readings[-1]
    if not 0 <= chosen.strength <= 1:
        raise UsageError(f"--image {text}: a strength goes from 0 to 1")
    return chosen


def _strong(text: str, where: str) -> Image:
    path, strength = _split_strength(text)
    return Image(where, path, 1.0 if strength is None else strength)


def _is_place(text: str) -> bool:
    if text == "last":
        return True
    try:
        parse_time(text)
    except BadTime:
        return False
    return True


def _lora(text: str) -> asked.Lora:
    path, strength = _split_strength(text)
    strength = 1.0 if strength is None else strength
    if not -10 <= strength <= 10:
        raise UsageError(f"--lora {text}: a strength goes from -10 to 10")
    if not path:
        raise UsageError("--lora needs a path or a name")
    return asked.Lora(lora=_existing(path), strength=strength)


def _split_strength(text: str) -> tuple[str, float | None]:
    """PATH:NUMBER to both parts; a path that exists as it is, is one."""
    head, colon, tail = text.rpartition(":")
    if not colon or _is_there(text):
        return text, None
    try:
        return head, float(tail)
    except ValueError:
        return text, None


def _absolute(path: str) -> str:
    """A recipe has to work from every folder."""
    return str(Path(path).absolute())


def _existing(name: str) -> str:
    """The full path of something that is a file here; a name otherwise."""
    return _absolute(name) if name and _is_there(name) else name


def _is_there(path: str) -> bool:
    """Whether there is a file; what can't even be the name of one isn't there."""
    try:
        return Path(path).is_file()
    except OSError:
        return False
