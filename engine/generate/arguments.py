"""The command line of ltx-generate: what can be said, what goes together, and how help presents it. Reads no files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn

# Heights of the usual names; widths follow from the aspect. 4K is UHD.
RESOLUTIONS = {"360p": 360, "480p": 480, "540p": 540, "720p": 720, "1080p": 1080, "1440p": 1440, "4k": 2160}
ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:3": (4, 3), "3:4": (3, 4), "21:9": (21, 9)}

DESCRIPTION = """\
Make or change a clip with LTX-2.3 on this machine. What is given decides what
is made: words alone make a new clip, --image, --audio or --video steer it.
"""

EXAMPLES = """\
examples:
  a clip from words
      ltx-generate --prompt "a timelapse of a city skyline at sunset" \\
          --resolution 1080p --fps 24 --duration 5
  a picture that comes alive, and where it should end
      ltx-generate --image 0:first.png --image last:end.png:0.8 \\
          --prompt "she turns and smiles" --duration 4
  a clip that follows a sound
      ltx-generate --audio song.wav --prompt "a singer on a small stage"
  two seconds of a film made again, its sound kept
      ltx-generate --video film.mp4 --retake 12.5 14.5 --keep audio \\
          --prompt "rain begins to fall"
  the same, joined into the whole film
      ltx-generate --video film.mp4 --retake 12.5 14.5 --whole \\
          --prompt "rain begins to fall" --output rain.mp4
  three seconds more at the end, or before the beginning
      ltx-generate --video film.mp4 --extend 3 --prompt "the car drives off"
      ltx-generate --video film.mp4 --extend 3 --before --prompt "a street"
  a bridge of two seconds between two clips
      ltx-generate --between a.mp4 b.mp4 --duration 2 \\
          --prompt "the camera flies through the window"
  the same motion in another look, through an in-context LoRA
      ltx-generate --video dance.mp4 --reference --prompt "a robot dances" \\
          --control canny --lora canny-control.safetensors:1.0
  a quick look at four variations, then the second one finished
      ltx-generate --prompt "a red kite" --draft --variations 4 --output kite/
      ltx-generate --finish kite/text_to_video-1a2b3c4d-2.draft.safetensors
  the same again, and the same with another seed
      ltx-generate --again take.mp4
      ltx-generate --again take.mp4 --seed 7

times:
  seconds (2.5), minutes (1:02.5), timecode (00:00:02:12) or frames (60f),
  counted from the first frame of the clip; 'start' and 'end' name its ends.
  Timecode with ';' before the frames is drop-frame (29.97 and 59.94 only).

results:
  Standard output holds the paths of what was made, one a line, and nothing
  else. A range that was made again comes with handles: a few extra frames
  around it to blend over (--handles, --whole). A recipe is kept beside each
  result. A file that is there already is never overwritten unasked.
  Ctrl-C ends the work at its next step and leaves nothing half-written; a
  second one ends at once. With --json the answer is one object, whatever
  happens: "status" is done, failed or cancelled, with "kind" and "message".

exit status:
  0  made                      5  not enough memory
  1  a mistake of ours         6  the disk: full, or not writable
  2  the command line          7  not possible here
  3  the request, or a file    130  cancelled
  4  weights are missing
"""

Kind = Literal[
    "listing", "again", "finish", "between", "retake", "extend", "reference", "say", "upscale", "audio", "new"
]


class UsageError(ValueError):
    """Something on the command line that can't be read, or that doesn't go together."""


class Options(argparse.Namespace):
    """Everything that can be said, as it was said: None, False and [] where it wasn't."""

    prompt: str | None
    negative: str | None
    enhance: bool
    camera: str | None
    image: list[str]
    audio: str | None
    video: str | None
    between: list[str] | None
    retake: list[str] | None
    keep: Literal["audio", "video"] | None
    change: float | None
    extend: str | None
    before: bool
    reference: bool
    control: Literal["as_is", "canny"] | None
    say: str | None
    language: str | None
    voice: str | None
    upscale: Literal["1.5", "2"] | None
    range: list[str] | None
    handles: int | None
    whole: bool
    resolution: str | None
    aspect: str | None
    fps: str | None
    duration: str | None
    model: str | None
    lora: list[str]
    seed: int | None
    variations: int | None
    quality: Literal["fast", "quality"] | None
    steps: int | None
    sampler: Literal["euler", "res_2s", "gradient_estimation", "euler_ancestral"] | None
    draft: bool
    finish: str | None
    silent: bool
    again: str | None
    output: str | None
    codec: Literal["h264", "prores", "ffv1"] | None
    overwrite: bool
    models: Path | None
    device: str | None
    estimate: bool
    listing: bool  # --list
    json: bool
    null: bool
    quiet: bool

    @property
    def kind(self) -> Kind:
        """What is to be done; of several that exclude each other the first, see `check`."""
        for kind in _DECIDING:
            if self.has(kind):
                return kind
        return "new"

    @property
    def sound_only(self) -> bool:
        """Whether the result is a sound without a picture."""
        return self.keep == "video" and not self.whole

    def has(self, option: str) -> bool:
        """Whether an option was given at all."""
        value: object = getattr(self, option)
        return value is not None and value is not False and value != []

    def given(self) -> list[str]:
        """The options that were given, in the order of the help."""
        return [option for option in Options.__annotations__ if self.has(option)]


class _Parser(argparse.ArgumentParser):
    """A parser that leaves it to `main` how an error is told."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def build_parser() -> argparse.ArgumentParser:
    """The command line, whole. Parsing raises UsageError."""
    parser = _Parser(
        prog="ltx-generate",
        usage="%(prog)s [--prompt WORDS] [what is given] [options]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # a script shall not break when an option is added
    )
    words = parser.add_argument_group("words")
    words.add_argument("--prompt", metavar="WORDS", help="what should be seen and heard")
    words.add_argument("--negative", metavar="WORDS", help="what should not (guided models: --quality quality)")
    words.add_argument("--enhance", action="store_true", help="let the text encoder write the prompt out first")
    words.add_argument("--camera", metavar="MOVE", help="a camera move by name (see --list)")

    given = parser.add_argument_group("what is given")
    given.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FRAME:PATH[:STRENGTH]",
        help="a picture to pass through; FRAME is a frame number, a time or 'last', without it the first frame; "
        "may be repeated",
    )
    given.add_argument("--audio", metavar="PATH", help="a sound that becomes the soundtrack")
    given.add_argument("--video", metavar="PATH", help="a clip to work on")
    given.add_argument("--between", nargs=2, metavar=("A", "B"), help="two clips: fill the gap between them")

    change = parser.add_argument_group("what to do with --video (one of these)")
    change.add_argument("--retake", nargs=2, metavar=("START", "END"), help="make this range again")
    change.add_argument("--extend", metavar="TIME", help="go on for so long")
    change.add_argument("--reference", action="store_true", help="follow its motion, through an in-context LoRA")
    change.add_argument("--say", metavar="WORDS", help="the same speaker says this instead")
    change.add_argument("--upscale", choices=["1.5", "2"], help="larger by this factor")

    details = parser.add_argument_group("and how")
    details.add_argument("--keep", choices=["audio", "video"], help="with --retake: leave this as it is")
    details.add_argument(
        "--change", type=float, metavar="0..1", help="with --retake: 1 anew (default), less stays nearer to the source"
    )
    details.add_argument("--before", action="store_true", help="with --extend: in front instead of behind")
    details.add_argument(
        "--control", choices=["as_is", "canny"], help="with --reference: what to show of it (default: as_is)"
    )
    details.add_argument("--language", metavar="NAME", help="with --say: the language of the words")
    details.add_argument("--voice", metavar="PATH", help="with --say: a sound that shows how the speaker sounds")
    details.add_argument(
        "--range", nargs=2, metavar=("START", "END"), help="with --reference, --say, --upscale: only this part"
    )
    details.add_argument("--handles", type=int, metavar="FRAMES", help="extra frames around the result (default: 4)")
    details.add_argument(
        "--whole", action="store_true", help="with --retake, --extend: write the whole film with the result in it"
    )

    shape = parser.add_argument_group("shape of a new clip (default: the model's own)")
    shape.add_argument("--resolution", metavar="NAME", help=f"{', '.join(RESOLUTIONS)}, or WIDTHxHEIGHT")
    shape.add_argument("--aspect", choices=list(ASPECTS), help="default: 16:9")
    shape.add_argument("--fps", metavar="RATE", help="24, 29.97, 30000/1001, ...")
    shape.add_argument("--duration", metavar="TIME", help="length of what is made")

    how = parser.add_argument_group("how it is made")
    how.add_argument("--model", metavar="NAME", help="a model by name, or the path of its checkpoint (see --list)")
    how.add_argument(
        "--lora", action="append", default=[], metavar="PATH[:STRENGTH]", help="a LoRA by path or name; may be repeated"
    )
    how.add_argument("--seed", type=int, metavar="NUMBER", help="the noise to begin with (default: 0)")
    how.add_argument("--variations", type=int, metavar="1..8", help="so many results, each with the next seed")
    how.add_argument("--quality", choices=["fast", "quality"], help="quality is guided, in more steps (default: fast)")
    how.add_argument("--steps", type=int, metavar="NUMBER", help="of the first stage (default: the model's own)")
    how.add_argument("--sampler", choices=["euler", "res_2s", "gradient_estimation", "euler_ancestral"])
    how.add_argument("--silent", action="store_true", help="make no sound")
    how.add_argument("--draft", action="store_true", help="the first stage only: small, quick, can be finished later")
    how.add_argument("--finish", metavar="LATENTS", help="finish a draft from the latents kept beside it")
    how.add_argument("--again", metavar="FILE", help="make a result again, from the recipe beside it")

    where = parser.add_argument_group("where")
    where.add_argument(
        "--output",
        metavar="PATH",
        help="a file (.mp4 H.264, .mov ProRes, .mkv FFV1; sound alone: .wav, .flac) or a folder; default: this folder",
    )
    where.add_argument("--codec", choices=["h264", "prores", "ffv1"], help="default: by the file's ending, else h264")
    where.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    where.add_argument("--models", type=Path, metavar="FOLDER", help="folder of model files (default: $LTX_MODELS)")
    where.add_argument("--device", help="cuda, cuda:1, mps, cpu (default: the best there is)")

    report = parser.add_argument_group("report")
    report.add_argument("--estimate", action="store_true", help="say what it would take, and make nothing")
    report.add_argument(
        "--list", action="store_true", dest="listing", help="models, LoRAs and camera moves that are known here"
    )
    report.add_argument("--json", action="store_true", help="one JSON object on standard output, also for failures")
    report.add_argument("--null", action="store_true", help="end paths with a NUL byte, for xargs -0")
    report.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def parse(arguments: Sequence[str] | None) -> Options:
    """Read and check a command line. Raises UsageError; SystemExit for --help."""
    options = build_parser().parse_args(arguments, namespace=Options())
    check(options)
    return options


# --- what goes together -------------------------------------------------------------------------------------------

_DECIDING: tuple[Kind, ...] = (
    "listing", "again", "finish", "between", "retake", "extend", "reference", "say", "upscale", "audio",
)  # fmt: skip


def _kinds(*kinds: Kind) -> frozenset[Kind]:
    return frozenset(kinds)


_OF_VIDEO = _kinds("retake", "extend", "reference", "say", "upscale")
_NEW = _kinds("new", "audio")
_MADE_ANEW = _NEW | _OF_VIDEO | _kinds("between")
_EVERYWHERE = frozenset({"output", "codec", "overwrite", "models", "device", "estimate", "json", "null", "quiet"})

# Option -> where it means something; what isn't here means something in all of _MADE_ANEW.
_BELONGS: dict[str, frozenset[Kind]] = {
    "image": _NEW | _kinds("between", "retake", "extend", "reference"),
    "video": _OF_VIDEO,
    "keep": _kinds("retake"),
    "change": _kinds("retake"),
    "before": _kinds("extend"),
    "control": _kinds("reference"),
    "language": _kinds("say"),
    "voice": _kinds("say"),
    "range": _kinds("reference", "say", "upscale"),
    "handles": _kinds("retake", "extend", "between", "say", "upscale"),
    "whole": _kinds("retake", "extend"),
    "resolution": _NEW | _kinds("between", "reference"),
    "aspect": _NEW | _kinds("between", "reference"),
    "fps": _NEW | _kinds("between"),
    "duration": _NEW | _kinds("between"),
    "silent": _MADE_ANEW - _kinds("audio", "say", "upscale"),
    "draft": _MADE_ANEW - _kinds("say", "upscale"),
    "prompt": _MADE_ANEW | _kinds("again", "finish"),
    "seed": _MADE_ANEW | _kinds("again"),
    "variations": _MADE_ANEW | _kinds("again"),
}

_BECAUSE: dict[str, str] = {
    "resolution": "the clip's own size is kept",
    "aspect": "the clip's own size is kept",
    "fps": "the clip's own rate is kept",
    "again": "everything else is in the recipe",
    "finish": "everything else was decided with the draft",
}


def check(options: Options) -> None:
    """Refuse what doesn't go together and numbers that no job could have. Raises UsageError."""
    kind = options.kind
    decided = [option for option in _DECIDING if options.has(option)]
    if len(decided) > 1:
        raise UsageError(f"{_spelled(decided[0])} and {_spelled(decided[1])} can't be done at once: choose one")
    if kind in _OF_VIDEO and not options.video:
        raise UsageError(f"{_spelled(kind)} needs --video: which clip?")
    if kind == "new" and options.video:
        actions = ", ".join(_spelled(action) for action in sorted(_OF_VIDEO))
        raise UsageError(f"--video alone says nothing: what shall be done with it? ({actions})")
    for option in options.given():
        _check_belongs(option, kind)
    _check_numbers(options)
    if options.silent and options.keep:
        raise UsageError(f"--silent and --keep {options.keep} contradict each other")
    if options.whole and options.draft:
        raise UsageError("--whole and --draft can't be given together: a draft is small")
    if options.aspect and options.resolution and options.resolution.lower() not in RESOLUTIONS:
        raise UsageError(f"--aspect and --resolution {options.resolution} both say the shape: leave one out")
    if options.json and options.null:
        raise UsageError("--json and --null can't be given together")


def _check_belongs(option: str, kind: Kind) -> None:
    if option == kind or option in _EVERYWHERE:
        return
    belongs = _BELONGS.get(option, _MADE_ANEW)
    if kind in belongs:
        return
    flag = _spelled(option)
    if kind == "new":
        owners = " or ".join(_spelled(owner) for owner in _DECIDING if owner in belongs)
        raise UsageError(f"{flag} belongs to {owners}")
    because = _BECAUSE.get(kind) or (_BECAUSE.get(option) if kind in _OF_VIDEO else None)
    raise UsageError(f"{flag} can't be given with {_spelled(kind)}" + (f": {because}" if because else ""))


def _check_numbers(options: Options) -> None:
    bounds: tuple[tuple[str, float | None, int, int], ...] = (
        ("variations", options.variations, 1, 8),
        ("seed", options.seed, 0, (1 << 63) - 1),
        ("steps", options.steps, 1, 1000),
        ("handles", options.handles, 0, 240),
        ("change", options.change, 0, 1),
    )
    for option, value, least, most in bounds:
        if value is not None and not least <= value <= most:
            raise UsageError(f"--{option} {value:g}: {least} to {most} are possible")


def _spelled(option: str) -> str:
    return "--list" if option == "listing" else f"--{option}"
