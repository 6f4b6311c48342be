"""The command line of ltx-generate: what can be said, and the job that it means. What is given decides the mode."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from engine.backends.base import BadMedia, BadRequest
from engine.generate.times import BadTime, frames_of
from engine.media.errors import MediaError
from engine.media.index import build_index
from engine.media.probe import probe
from engine.protocol import work as asked
from engine.protocol.grid import GridError, format_rate, parse_rate
from engine.protocol.work import AnyWork

# Heights of the usual names; widths follow from the aspect. 4K is UHD.
RESOLUTIONS = {"360p": 360, "480p": 480, "540p": 540, "720p": 720, "1080p": 1080, "1440p": 1440, "4k": 2160}
ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4), "21:9": (21, 9)}

EXAMPLES = """\
examples:
  a clip from words
      ltx-generate --prompt "a timelapse of a city skyline at sunset" --resolution 1080p --fps 24 --duration 5
  a picture that comes alive, and where it should end
      ltx-generate --image 0:first.png --image last:end.png:0.8 --prompt "she turns and smiles" --duration 4
  a clip that follows a sound
      ltx-generate --audio song.wav --prompt "a singer on a small stage"
  two seconds of a film made again, its sound kept
      ltx-generate --video film.mp4 --retake 12.5 14.5 --keep audio --prompt "rain begins to fall"
  three seconds more at the end, or before the beginning
      ltx-generate --video film.mp4 --extend 3 --prompt "the car drives off"
      ltx-generate --video film.mp4 --extend 3 --before --prompt "an empty street"
  a bridge of two seconds between two clips
      ltx-generate --between a.mp4 b.mp4 --duration 2 --prompt "the camera flies through the window"
  the same motion in another look, through an in-context LoRA
      ltx-generate --video dance.mp4 --reference --lora canny.safetensors:1.0 --prompt "a robot dances"
  a quick look at four variations, then the second one finished
      ltx-generate --prompt "..." --draft --variations 4 --output takes/
      ltx-generate --prompt "..." --finish takes/text_to_video-1a2b3c4d-2.draft.safetensors
  the same again
      ltx-generate --again take.mp4

times are seconds (2.5), timecode (00:00:02:12), minutes (1:02.5) or frames (60f).

exit status: 0 made, 1 a mistake of ours, 2 the command line, 3 the request or a file given, 4 weights are missing,
5 not enough memory, 6 the disk (full, or not writable), 7 not possible here, 130 cancelled.
"""


class UsageError(ValueError):
    """Something on the command line that doesn't go together."""


class _Image(NamedTuple):
    where: str  # a time, "last", or "" for the first frame
    path: str
    strength: float


def build_parser() -> argparse.ArgumentParser:
    """The command line, whole."""
    parser = argparse.ArgumentParser(
        prog="ltx-generate",
        description="Make or change a clip with LTX-2.3 on this machine. What is given decides what is made.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    words = parser.add_argument_group("words")
    words.add_argument("--prompt", default="", help="what should be seen and heard")
    words.add_argument("--negative", default="", help="what should not (guided models only)")
    words.add_argument("--enhance", action="store_true", help="let the text encoder write the prompt out first")
    words.add_argument("--camera", default="", metavar="MOVE", help="a camera move by name (see --list)")

    given = parser.add_argument_group("what is given")
    given.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FRAME:PATH[:STRENGTH]",
        help="a picture at a time of the clip ('last' for its end; without FRAME its first); may be repeated",
    )
    given.add_argument("--audio", metavar="PATH", help="a sound that becomes the soundtrack")
    given.add_argument("--video", metavar="PATH", help="a clip to work on")
    given.add_argument("--between", nargs=2, metavar=("A", "B"), help="two clips: fill the gap between them")

    change = parser.add_argument_group("what to do with --video")
    change.add_argument("--retake", nargs=2, metavar=("START", "END"), help="make this range again")
    change.add_argument("--keep", choices=["audio", "video"], help="with --retake: leave this as it is")
    change.add_argument(
        "--change",
        type=float,
        default=1.0,
        metavar="0..1",
        help="with --retake: 1 anew, less stays nearer to the source",
    )
    change.add_argument("--extend", metavar="SECONDS", help="go on for so long")
    change.add_argument("--before", action="store_true", help="with --extend: in front instead of behind")
    change.add_argument("--reference", action="store_true", help="follow its motion, through an in-context LoRA")
    change.add_argument("--control", choices=["as_is", "canny"], default="as_is", help="what to show of the reference")
    change.add_argument("--say", metavar="WORDS", help="the same speaker says this instead")
    change.add_argument("--upscale", choices=["1.5", "2"], help="larger by this factor")
    change.add_argument("--range", nargs=2, metavar=("START", "END"), help="only this part (reference, say, upscale)")
    change.add_argument("--handles", type=int, default=None, metavar="FRAMES", help="extra frames around the result")

    shape = parser.add_argument_group("shape of a new clip")
    shape.add_argument("--resolution", metavar="NAME", help=f"{', '.join(RESOLUTIONS)}, or WIDTHxHEIGHT")
    shape.add_argument("--aspect", choices=list(ASPECTS), default="16:9")
    shape.add_argument("--fps", metavar="RATE", help="24, 29.97, 30000/1001, ...")
    shape.add_argument("--duration", metavar="TIME", help="length of what is made")

    how = parser.add_argument_group("how")
    how.add_argument("--model", default="", help="a model's name, or the path of its checkpoint (see --list)")
    how.add_argument("--lora", action="append", default=[], metavar="PATH[:STRENGTH]", help="may be repeated")
    how.add_argument("--seed", type=int, default=0)
    how.add_argument("--variations", type=int, default=1, metavar="1..8")
    how.add_argument("--quality", choices=["fast", "quality"], default="fast")
    how.add_argument("--steps", type=int, default=0, help="of the first stage (default: the model's own)")
    how.add_argument("--sampler", choices=["euler", "res_2s", "gradient_estimation", "euler_ancestral"], default="")
    how.add_argument(
        "--draft", action="store_true", help="the first stage only: small and quick, can be finished later"
    )
    how.add_argument("--finish", metavar="LATENTS", help="finish a draft from the latents kept beside it")
    how.add_argument("--silent", action="store_true", help="make no sound")
    how.add_argument("--again", metavar="FILE", help="make a result again, from the recipe beside it")

    where = parser.add_argument_group("where")
    where.add_argument("--output", type=Path, metavar="PATH", help="a file, or a folder (default: this folder)")
    where.add_argument("--codec", choices=["h264", "prores", "ffv1"], default=None)
    where.add_argument("--models", type=Path, metavar="FOLDER", help="folder of model files")
    where.add_argument("--device", help="cuda, cuda:1, mps, cpu (default: the best there is)")

    report = parser.add_argument_group("report")
    report.add_argument("--estimate", action="store_true", help="say what it would take, and make nothing")
    report.add_argument("--list", action="store_true", help="models, LoRAs and camera moves that are known here")
    report.add_argument("--json", action="store_true", help="the result as one JSON object on standard output")
    report.add_argument("--quiet", action="store_true", help="no progress")
    return parser


class Defaults(NamedTuple):
    """What a model makes when nothing is said."""

    width: int
    height: int
    frames: int
    rate: str


def work_of(options: argparse.Namespace, defaults: Callable[[], Defaults]) -> AnyWork:
    """The job that a command line means. Raises UsageError, BadRequest, BadMedia."""
    try:
        return _work_of(options, defaults)
    except (BadTime, GridError) as exc:
        raise UsageError(str(exc)) from exc
    except MediaError as exc:
        raise BadMedia(str(exc)) from exc


def _work_of(options: argparse.Namespace, defaults: Callable[[], Defaults]) -> AnyWork:
    _check(options)
    common = _common(options)
    if options.between:
        return _between(options, common, defaults())
    if options.video:
        return _of_video(options, common)
    known = defaults()
    rate = parse_rate(options.fps or known.rate)
    width, height = _size(options, known)
    if options.audio:
        frames = _sound_frames(options.audio, rate) if options.duration is None else frames_of(options.duration, rate)
        shape = {"width": width, "height": height, "frames": frames, "rate": format_rate(rate)}
        keyframes = _keyframes(options, rate, frames)
        return asked.AudioToVideo(**common, **shape, keyframes=keyframes, audio=asked.Sound(file=options.audio))
    frames = known.frames if options.duration is None else frames_of(options.duration, rate)
    if frames < 1:
        raise UsageError(f"--duration {options.duration} is less than one frame")
    shape = {"width": width, "height": height, "frames": frames, "rate": format_rate(rate)}
    keyframes = _keyframes(options, rate, frames)
    if keyframes:
        return asked.ImageToVideo(**common, **shape, keyframes=keyframes)
    return asked.TextToVideo(**common, **shape)


def _of_video(options: argparse.Namespace, common: dict[str, Any]) -> AnyWork:
    index = build_index(Path(options.video))
    rate, frames = index.rate, index.frames
    if options.handles is not None:
        common["handles"] = options.handles
    if options.retake:
        start, end = (frames_of(text, rate) for text in options.retake)
        what = {"audio": "picture", "video": "sound", None: "both"}[options.keep]
        common["keyframes"] = _keyframes(options, rate, max(1, end - start))
        return asked.Retake(**common, source=options.video, start=start, end=end, what=what, strength=options.change)
    if options.extend:
        length = frames_of(options.extend, rate)
        if length < 1:
            raise UsageError(f"--extend {options.extend} is less than one frame")
        common["keyframes"] = _keyframes(options, rate, length)
        direction = "backward" if options.before else "forward"
        at = 0 if options.before else frames
        return asked.Extend(**common, source=options.video, at=at, frames=length, direction=direction)
    start, end = (0, frames) if not options.range else (frames_of(text, rate) for text in options.range)
    if options.say is not None:
        return asked.Revoice(**common, source=options.video, start=start, end=end, words=options.say)
    if options.upscale:
        return asked.Upscale(**common, source=options.video, start=start, end=end, factor=options.upscale)
    common.pop("handles", None)
    common["keyframes"] = _keyframes(options, rate, max(1, end - start))
    width, height = _explicit_size(options) or (0, 0)
    return asked.VideoToVideo(
        **common, source=options.video, start=start, end=end, control=options.control, width=width, height=height
    )


def _between(options: argparse.Namespace, common: dict[str, Any], known: Defaults) -> asked.FillGap:
    before, after = options.between
    info = probe(Path(before)).require_video()
    index = build_index(Path(before))
    rate = parse_rate(options.fps) if options.fps else index.rate
    width, height = _explicit_size(options) or info.display_size
    frames = frames_of(options.duration, rate) if options.duration else frames_of("2", rate)
    if options.handles is not None:
        common["handles"] = options.handles
    return asked.FillGap(
        **common,
        before=asked.Neighbour(source=before, at=index.frames),
        after=asked.Neighbour(source=after, at=0),
        width=width,
        height=height,
        frames=frames,
        rate=format_rate(rate),
        keyframes=_keyframes(options, rate, frames),
    )


def _check(options: argparse.Namespace) -> None:
    """What doesn't go together."""
    actions = [
        name
        for name, on in (
            ("--retake", options.retake),
            ("--extend", options.extend),
            ("--reference", options.reference),
            ("--say", options.say is not None),
            ("--upscale", options.upscale),
        )
        if on
    ]
    if actions and not options.video:
        raise UsageError(f"{actions[0]} needs --video: which clip?")
    if len(actions) > 1:
        raise UsageError(f"{' and '.join(actions)} can't be done at once: choose one")
    if options.video and not actions:
        raise UsageError("--video alone says nothing: add --retake, --extend, --reference, --say or --upscale")
    if options.keep and not options.retake:
        raise UsageError("--keep belongs to --retake")
    if options.before and not options.extend:
        raise UsageError("--before belongs to --extend")
    if options.video and options.audio:
        raise UsageError("--video and --audio can't be given together")
    if options.between and (options.video or options.audio):
        raise UsageError("--between stands alone: no --video and no --audio beside it")
    if not 1 <= options.variations <= 8:
        raise UsageError(f"--variations {options.variations}: 1 to 8 are possible")
    if options.draft and options.finish:
        raise UsageError("--draft and --finish can't be given together")
    if options.seed < 0:
        raise UsageError("--seed has to be 0 or more")
    if not 0 <= options.change <= 1:
        raise UsageError("--change goes from 0 to 1")


def _common(options: argparse.Namespace) -> dict[str, Any]:
    stage = "draft" if options.draft else "finish" if options.finish else "full"
    return {
        "prompt": options.prompt,
        "negative": options.negative,
        "enhance": options.enhance,
        "camera": options.camera,
        "seed": options.seed,
        "model": options.model,
        "loras": tuple(_lora(text) for text in options.lora),
        "quality": options.quality,
        "stage": stage,
        "draft_latents": options.finish or "",
        "variations": options.variations,
        "steps": options.steps,
        "sampler": options.sampler,
        "sound": not options.silent,
        "output": asked.Output(codec=options.codec or _codec_of(options.output)),
    }


def _codec_of(output: Path | None) -> str:
    return {".mov": "prores", ".mkv": "ffv1"}.get("" if output is None else output.suffix.lower(), "h264")


def _lora(text: str) -> asked.Lora:
    path, strength = _split_strength(text, largest=10.0)
    return asked.Lora(lora=path, strength=1.0 if strength is None else strength)


def _image(text: str) -> _Image:
    """FRAME:PATH[:STRENGTH]; a path may hold colons itself, so only what looks like a time in front counts as one."""
    head, colon, rest = text.partition(":")
    where = ""
    is_drive = len(head) == 1 and head.isalpha()  # C:\picture.png
    if colon and not is_drive and (head == "last" or _is_time(head)) and not Path(text).exists():
        where, text = head, rest
    path, strength = _split_strength(text, largest=1.0)
    return _Image(where, path, 1.0 if strength is None else strength)


def _is_time(text: str) -> bool:
    try:
        frames_of(text, Fraction(24))
    except BadTime:
        return False
    return True


def _split_strength(text: str, largest: float) -> tuple[str, float | None]:
    """PATH:NUMBER to both parts; a path that exists as it is, is one."""
    head, colon, tail = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, None
    try:
        strength = float(tail)
    except ValueError:
        return text, None
    if not -largest <= strength <= largest:
        raise UsageError(f"{text}: a strength of {strength:g} is beyond {largest:g}")
    return head, strength


def _keyframes(options: argparse.Namespace, rate: Fraction, frames: int) -> tuple[asked.Keyframe, ...]:
    keyframes: list[asked.Keyframe] = []
    for text in options.image:
        image = _image(text)
        if image.where == "last":
            frame = frames - 1
        elif image.where.isdigit():
            frame = int(image.where)  # a bare number is a frame here: FRAME:PATH
        else:
            frame = frames_of(image.where, rate) if image.where else 0
        if not 0 <= image.strength <= 1:
            raise UsageError(f"{text}: a strength goes from 0 to 1")
        keyframes.append(asked.Keyframe(image=image.path, frame=frame, strength=image.strength))
    return tuple(keyframes)


def _size(options: argparse.Namespace, known: Defaults) -> tuple[int, int]:
    found = _explicit_size(options)
    if found is not None:
        return found
    across, up = ASPECTS[options.aspect]
    if options.aspect == "16:9":
        return known.width, known.height
    area = known.width * known.height
    height = (area * up / across) ** 0.5
    return max(64, round(height * across / up / 64) * 64), max(64, round(height / 64) * 64)


def _explicit_size(options: argparse.Namespace) -> tuple[int, int] | None:
    if not options.resolution:
        return None
    text = options.resolution.lower()
    across, up = ASPECTS[options.aspect]
    if text in RESOLUTIONS:
        short = RESOLUTIONS[text]
        if across >= up:
            return _even(short * across / up), short
        return short, _even(short * up / across)
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        names = ", ".join(RESOLUTIONS)
        raise UsageError(f"--resolution {options.resolution}: give one of {names}, or WIDTHxHEIGHT")
    return int(width), int(height)


def _even(side: float) -> int:
    return round(side / 2) * 2


def _sound_frames(path: str, rate: Fraction) -> int:
    """As many frames as cover the sound, at most the longest pass."""
    info = probe(Path(path))
    if not info.audio:
        raise BadMedia(f"{Path(path).name} has no sound; choose a file with sound.")
    seconds = info.duration
    if not seconds:
        raise BadRequest(f"The length of {Path(path).name} is unknown: give --duration.")
    return max(1, int(Fraction(seconds) * rate))


def listing(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """A titled table of two columns."""
    widest = max((len(name) for name, _ in rows), default=0)
    indent = " " * (widest + 4)
    lines = [textwrap.fill(f"  {name:<{widest}}  {words}", width=100, subsequent_indent=indent) for name, words in rows]
    return "\n".join([title, *lines])
