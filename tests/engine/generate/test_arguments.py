"""What is given decides the mode, and what doesn't go together is refused before anything is looked at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from engine.backends.base import BadMedia, BadRequest
from engine.generate.arguments import EXAMPLES, Options, UsageError, build_parser, parse
from engine.generate.destination import codec_said
from engine.generate.works import Defaults, Image, parse_image, work_of
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Lora,
    Output,
    Retake,
    Revoice,
    TextToVideo,
    Upscale,
    VideoToVideo,
)

DEFAULTS = Defaults(1536, 1024, 121, "24")


def work(line: list[str]) -> AnyWork:
    options = parse(line)
    return work_of(options, Output(codec=codec_said(options) or "h264"), lambda: DEFAULTS)


def facts(made: AnyWork, names: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(made, name) for name in names}


@pytest.fixture(autouse=True)
def in_the_footage(footage_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands name files as a person does: from where they are. clip.mkv has 40 frames at 24."""
    monkeypatch.chdir(footage_folder)
    return footage_folder


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        ("--prompt x", TextToVideo, {"width": 1536, "height": 1024, "frames": 121, "rate": "24", "seed": 0}),
        ("--prompt x --resolution 1080p --fps 24", TextToVideo, {"width": 1920, "height": 1080, "frames": 121}),
        ("--resolution 1080p --aspect 9:16", TextToVideo, {"width": 1080, "height": 1920}),
        ("--resolution 4k", TextToVideo, {"width": 3840, "height": 2160}),
        ("--resolution 75x51 --duration 7f", TextToVideo, {"width": 75, "height": 51, "frames": 7}),
        ("--aspect 1:1", TextToVideo, {"width": 1280, "height": 1280}),
        ("--fps 29.97 --duration 00:00:02;00", TextToVideo, {"rate": "30000/1001", "frames": 60}),
        ("--fps 48", TextToVideo, {"rate": "48", "frames": 242}),  # as long as usual, in seconds
        ("--fps 23.976 --duration 10", TextToVideo, {"rate": "24000/1001", "frames": 240}),
        ("--image picture.png", ImageToVideo, {"frames": 121}),
        ("--audio clip.mkv", AudioToVideo, {"frames": 40}),
        ("--audio clip.mkv --duration 1 --image last:picture.png", AudioToVideo, {"frames": 24}),
        ("--video clip.mkv --retake 0.5 1", Retake, {"start": 12, "end": 24, "what": "both", "handles": 4}),
        ("--video clip.mkv --retake start end --keep audio", Retake, {"start": 0, "end": 40, "what": "picture"}),
        ("--video clip.mkv --retake 3f 00:00:01:00 --keep video", Retake, {"start": 3, "end": 24, "what": "sound"}),
        ("--video clip.mkv --retake 0 1 --change 0.4 --handles 0", Retake, {"strength": 0.4, "handles": 0}),
        ("--video clip.mkv --extend 3", Extend, {"at": 40, "frames": 72, "direction": "forward"}),
        ("--video clip.mkv --extend 9f --before", Extend, {"at": 0, "frames": 9, "direction": "backward"}),
        ("--between clip.mkv mute.mkv", FillGap, {"frames": 48, "width": 96, "height": 64, "rate": "24"}),
        ("--between clip.mkv mute.mkv --duration 9f --fps 25", FillGap, {"frames": 9, "rate": "25"}),
        ("--video clip.mkv --reference", VideoToVideo, {"start": 0, "end": 40, "width": 0, "keep_sound": True}),
        ("--video clip.mkv --reference --control canny --range 1 end --silent --resolution 64x64", VideoToVideo,
         {"start": 24, "end": 40, "control": "canny", "keep_sound": False, "width": 64}),
        ("--video clip.mkv --say hello --language French", Revoice, {"words": "hello", "language": "French"}),
        ("--video clip.mkv --upscale 1.5 --range 0 1", Upscale, {"factor": "1.5", "start": 0, "end": 24, "handles": 0}),
        ("--prompt x --seed 7 --variations 4 --draft", TextToVideo, {"seed": 7, "variations": 4, "stage": "draft"}),
        ("--negative fog --quality quality --steps 30 --sampler res_2s --camera push_in --enhance", TextToVideo,
         {"negative": "fog", "quality": "quality", "steps": 30, "sampler": "res_2s", "camera": "push_in",
          "enhance": True}),
        ("--lora style:0.5 --lora other", TextToVideo,
         {"loras": (Lora(lora="style", strength=0.5), Lora(lora="other"))}),
        ("--silent --model ltx-2.3-22b-distilled", TextToVideo, {"sound": False, "model": "ltx-2.3-22b-distilled"}),
        ("--output x.mov", TextToVideo, {"output": Output(codec="prores")}),
        ("--output x.mkv", TextToVideo, {"output": Output(codec="ffv1")}),
        ("--video clip.mkv --retake 0 1 --keep video --output x.flac", Retake, {"output": Output(codec="ffv1")}),
    ],
)  # fmt: skip
def test_what_is_given_decides(line: str, kind: type[Any], expected: dict[str, Any]) -> None:
    made = work(line.split())
    assert type(made) is kind
    assert facts(made, expected) == expected


def test_files_are_named_from_the_root_so_that_recipes_work_everywhere(in_the_footage: Path) -> None:
    line = "--video clip.mkv --retake 0 1 --image picture.png --model picture.png --lora picture.png:2"
    made = work(line.split())
    assert isinstance(made, Retake)
    picture = str(in_the_footage / "picture.png")
    assert (made.source, made.keyframes[0].image) == (str(in_the_footage / "clip.mkv"), picture)
    assert (made.model, made.loras[0].lora, made.loras[0].strength) == (picture, picture, 2)


def test_pictures_stand_at_frames_times_and_the_end() -> None:
    line = (
        "--duration 2 --image picture.png --image 12:picture.png:0.5 --image 1.5:picture.png --image last:picture.png"
    )
    assert [(key.frame, key.strength) for key in work(line.split()).keyframes] == [(0, 1), (12, 0.5), (36, 1), (47, 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.png", Image("", "a.png", 1)),
        ("5:a.png", Image("5", "a.png", 1)),
        ("5:a.png:0.25", Image("5", "a.png", 0.25)),
        ("a.png:0.25", Image("", "a.png", 0.25)),
        ("last:a.png", Image("last", "a.png", 1)),
        ("00:00:02:12:a.png:0.5", Image("00:00:02:12", "a.png", 0.5)),
        ("1:02.5:a.png", Image("1:02.5", "a.png", 1)),
        ("C:\\a.png", Image("", "C:\\a.png", 1)),
        ("5:C:\\a.png", Image("5", "C:\\a.png", 1)),
        ("a:b.png", Image("", "a:b.png", 1)),
        ("0:a:b.png:1", Image("0", "a:b.png", 1)),
    ],
)
def test_an_image_is_read(text: str, expected: Image) -> None:
    assert parse_image(text) == expected


@pytest.mark.parametrize("name", ["5:b.png", "b.png:0.5", "5:b.png:0.5", "1:2:3:4:b.png"])
def test_a_file_that_exists_is_meant_however_it_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert parse_image(name) == Image("", name, 1)
    assert parse_image(f"7:{name}:0.5") == Image("7", name, 0.5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--retake 0 1", "--retake needs --video"),
        ("--video clip.mkv", "--video alone says nothing"),
        ("--video clip.mkv --retake 0 1 --extend 2", "--retake and --extend can't be done at once"),
        ("--audio clip.mkv --video clip.mkv --say x", "--say and --audio can't be done at once"),
        ("--again a.mp4 --finish b", "--again and --finish can't be done at once"),
        ("--list --retake 0 1", "--list and --retake can't be done at once"),
        ("--keep audio", "--keep belongs to --retake"),
        ("--before", "--before belongs to --extend"),
        ("--handles 3", "--handles belongs to --between or --retake or --extend or --say or --upscale"),
        ("--whole", "--whole belongs to --retake or --extend"),
        ("--video clip.mkv --extend 1 --keep audio", "--keep can't be given with --extend"),
        ("--video clip.mkv --retake 0 1 --resolution 720p", "given with --retake: the clip's own size"),
        ("--video clip.mkv --extend 1 --fps 25", "--fps can't be given with --extend: the clip's own rate"),
        ("--between a b --video c", "--video can't be given with --between"),
        ("--again a.mp4 --steps 3", "--steps can't be given with --again: everything else is in the recipe"),
        ("--finish a --draft", "--draft can't be given with --finish: everything else was decided"),
        ("--finish a --seed 2", "--seed can't be given with --finish"),
        ("--video c --say x --image y", "--image can't be given with --say"),
        ("--list --prompt x", "--prompt can't be given with --list"),
        ("--variations 9", "--variations 9: 1 to 8"),
        ("--seed -1", "--seed -1: 0 to"),
        ("--seed x", "invalid int value"),
        ("--steps 0", "--steps 0: 1 to 1000"),
        ("--video c --retake 0 1 --change 2", "--change 2: 0 to 1"),
        ("--video c --retake 0 1 --change nan", "--change nan: 0 to 1"),
        ("--video c --retake 0 1 --handles 999", "--handles 999: 0 to 240"),
        ("--video c --retake 0 1 --keep audio --silent", "contradict"),
        ("--video c --retake 0 1 --whole --draft", "a draft is small"),
        ("--resolution 640x480 --aspect 1:1", "both say the shape"),
        ("--resolution big", "give one of 360p"),
        ("--resolution 0x10", "give one of 360p"),
        ("--resolution 99999999x10", "give one of 360p"),
        ("--duration soon", "is not a time"),
        ("--duration 0", "less than one frame"),
        ("--fps 0", "is not a frame rate"),
        ("--fps fast", "is not a frame rate"),
        ("--duration 00:00:01;00", "drop-frame timecode"),
        ("--lora x:11", "a strength goes from -10 to 10"),
        ("--lora :1", "needs a path or a name"),
        ("--image a.png:1.5", "a strength goes from 0 to 1"),
        ("--image a.png:nan", "a strength goes from 0 to 1"),
        ("--json --null", "--json and --null"),
        ("--output x.webm", "there are .mp4, .mov, .mkv, .wav, .flac; a folder's name ends with /"),
        ("--output x.mp4 --codec prores", "its ending is .mov"),
        ("--prom x", "unrecognized arguments"),  # no abbreviations: a script shall not break by a new option
        ("--aspect 2:1", "invalid choice"),
        ("--retake 1", "expected 2 arguments"),
        ("--camera " + "x" * 200, "beyond what a job may ask for"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said(line: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        work(line.split())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("--video nowhere.mp4 --retake 0 1", BadMedia, "There is no file 'nowhere.mp4'"),
        ("--video clip.mkv --retake 1 1", BadRequest, "is empty: these are frames 24 to 24, and 'clip.mkv' has"),
        ("--video clip.mkv --retake 1 2", BadRequest, "goes beyond the clip: these are frames 24 to 48"),
        ("--video clip.mkv --upscale 2 --range 2 3", BadRequest, "frames 0 to 40 (1.667 s)"),
        ("--audio mute.mkv", BadMedia, "'mute.mkv' has no sound"),
        ("--between clip.mkv nowhere.mp4", BadMedia, "nowhere.mp4"),
        ("--duration 10f --image 10:picture.png", BadRequest, "frame 10 lies behind the end; frames 0 to 9"),
    ],
)
def test_what_the_files_cannot_give_is_said(line: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        work(line.split())
    assert words in str(caught.value)


def test_every_option_is_declared_and_explained_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parser = build_parser()
    declared = {action.dest for action in parser._actions} - {"help"}  # pyright: ignore[reportPrivateUsage]
    assert declared == set(Options.__annotations__)
    lines = parser.format_help().splitlines()
    assert max(map(len, lines)) <= 80
    for example in ("--retake", "--extend", "--between", "--reference", "--finish", "--again", "--whole", "--draft"):
        assert any("ltx-generate" in line and example in line for line in lines), example


def test_the_examples_of_the_help_can_be_said() -> None:
    text = EXAMPLES.partition("times:")[0].replace("\\\n", " ")
    lines = [shlex.split(line)[1:] for line in text.splitlines() if line.strip().startswith("ltx-generate")]
    assert len(lines) >= 12
    for line in lines:
        codec_said(parse(line))
