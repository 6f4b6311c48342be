"""Real jobs from the command line, on the small model of random weights: what comes out, and where."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from generate_kit import Command, child_environment
from local_kit import film, track

from engine.media.index import build_index
from engine.media.probe import probe
from engine.media.recipe import read_recipe, recipe_path

SMALL = ("--model", "tiny", "--device", "cpu", "--resolution", "96x64", "--duration", "9f")
OF_CLIP = ("--model", "tiny", "--device", "cpu", "--prompt", "a box")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def frames(path: Path) -> int:
    return build_index(path).frames


# --- as a person starts it ----------------------------------------------------------------------------------------


def test_words_become_a_clip_and_standard_output_says_only_where(child: Command, here: Path) -> None:
    said = child("--prompt", "a red ball", *SMALL, "--output", "ball.mp4", "--fps", "23.976")
    assert (said.status, said.paths) == (0, [here / "ball.mp4"])
    assert names(here) == ["ball.mp4", "ball.mp4.recipe.json"]
    video = probe(here / "ball.mp4").require_video()
    assert (video.display_size, video.rate, frames(here / "ball.mp4")) == ((96, 64), Fraction(24000, 1001), 9)
    lines = said.err.splitlines()
    assert any("stage 1" in line for line in lines)
    assert "Warning" not in said.err
    assert not any("\r" in line or "\033" in line for line in lines)  # a log, not a terminal


def test_names_survive_whatever_they_are(child: Command, here: Path, footage_folder: Path) -> None:
    """Line breaks, emoji, and bytes that are no UTF-8, in what is given and in what is made."""
    strange = b"a\nb \xff\xfe '\" \xf0\x9f\x8e\x88"
    (here / os.fsdecode(strange + b".mkv")).write_bytes((footage_folder / "clip.mkv").read_bytes())
    said = child(
        *OF_CLIP, "--video", strange + b".mkv", "--retake", "13f", "24f", "--null", "--output", strange + b"/new.mkv"
    )
    assert (said.status, said.err.splitlines()[0][:5]) == (0, "plan:")
    made = os.fsencode(here) + b"/" + strange + b"/new.mkv"
    assert said.out == made + b"\0"
    again = child("--again", made, "--device", "cpu", "--json", "--overwrite", "--output", made)
    assert [os.fsencode(file["path"]) for file in again.told["files"]] == [made, made + b".recipe.json"]


def test_interrupted_in_mid_job_it_leaves_nothing(here: Path, models: Path) -> None:
    """Ctrl-C at the first sign of the sampling loop, which would go on for a thousand steps."""
    command = [sys.executable, "-m", "engine.generate", "--prompt", "x", *SMALL, "--steps", "1000"]
    with subprocess.Popen(
        [*command, "--output", "new/folder/"], cwd=here, env=child_environment(models), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            if "stage 1" in line:
                break
        assert len(list((here / "new" / "folder").iterdir())) == 1  # hidden, while it's made
        process.send_signal(signal.SIGINT)
        rest, out = process.stderr.read(), process.stdout.read()
    assert process.returncode == 130
    assert "cancelling at the next step" in rest
    assert "ltx-generate: cancelled; nothing was written" in rest
    assert (out, names(here)) == ("", [])


def test_a_mistake_on_the_command_line_is_told_without_loading_torch(child: Command) -> None:
    said = child("--keep", "audio", "--json", PYTHONPROFILEIMPORTTIME="1")
    assert said.status == 2
    assert said.told == {"status": "failed", "kind": "usage", "message": said.told["message"]}
    assert "--keep belongs to --retake" in said.told["message"]
    assert " torch" not in said.err


# --- the modes, in this process -----------------------------------------------------------------------------------


def test_first_and_last_picture(say: Command, here: Path, footage_folder: Path) -> None:
    picture = footage_folder / "picture.png"
    said = say("--image", picture, "--image", f"last:{picture}:0.8", *SMALL, "--output", "x.mkv", "--silent")
    assert (said.status, said.paths) == (0, [here / "x.mkv"])
    work = read_recipe(here / "x.mkv")["work"]
    assert [(key["frame"], key["strength"]) for key in work["keyframes"]] == [(0, 1), (8, 0.8)]
    assert not probe(here / "x.mkv").audio


def test_a_clip_follows_a_sound_and_keeps_it(say: Command, here: Path, footage_folder: Path) -> None:
    said = say("--audio", footage_folder / "clip.mkv", *SMALL, "--prompt", "x", "--output", "x.mkv")
    assert said.status == 0
    kept = track(str(here / "x.mkv"))
    assert np.abs(kept - track(str(footage_folder / "clip.mkv"))[:, : kept.shape[1]]).max() < 1e-6


def test_a_retaken_range_keeps_its_sound(say: Command, here: Path, footage_folder: Path) -> None:
    clip = footage_folder / "clip.mkv"
    said = say(*OF_CLIP, "--video", clip, "--retake", "0.5", "1", "--keep", "audio", "--output", here / "x.mkv")
    assert said.status == 0
    assert frames(here / "x.mkv") == 12 + 2 * 4  # with handles
    begin = 8 * 2000
    kept = track(str(here / "x.mkv"))
    assert np.abs(kept - track(str(clip))[:, begin : begin + kept.shape[1]]).max() < 1e-6


def test_sound_made_again_is_a_sound_file(say: Command, here: Path, footage_folder: Path) -> None:
    clip = footage_folder / "clip.mkv"
    line = (*OF_CLIP, "--video", clip, "--retake", "0.5", "1", "--keep", "video")
    assert "sound alone, its ending is .wav or .flac" in say(*line, "--output", "x.mp4").err
    said = say(*line, "--output", "x.flac")
    assert (said.status, names(here)) == (0, ["x.flac", "x.flac.recipe.json"])


def test_an_extension_in_front(say: Command, here: Path, footage_folder: Path) -> None:
    clip = footage_folder / "clip.mkv"
    said = say(*OF_CLIP, "--video", clip, "--extend", "9f", "--before", "--handles", "2", "--output", "x.mkv")
    assert (said.status, frames(here / "x.mkv")) == (0, 9 + 2)


def test_the_whole_film_is_the_clip_but_for_what_was_made(say: Command, here: Path, footage_folder: Path) -> None:
    clip = footage_folder / "clip.mkv"
    said = say(*OF_CLIP, "--video", clip, "--retake", "13f", "24f", "--whole", "--output", "x.mkv", "--json")
    assert said.told["files"][0]["frames"] == 40
    assert names(here) == ["x.mkv", "x.mkv.recipe.json"]
    before, after = film(str(clip)), film(str(here / "x.mkv"))
    changed = [n for n in range(40) if not np.array_equal(before[n], after[n])]
    assert changed == list(range(9, 28))  # the range, and its handles to blend over
    sound, new = track(str(clip)), track(str(here / "x.mkv"))
    assert np.abs(new[:, : 9 * 2000] - sound[:, : 9 * 2000]).max() < 1e-6
    assert np.abs(new[:, 28 * 2000 :] - sound[:, 28 * 2000 :]).max() < 1e-6


@pytest.mark.parametrize(("before", "kept"), [((), slice(0, 36)), (("--before",), slice(13, 49))])
def test_the_whole_film_goes_on_at_its_end_or_its_beginning(
    say: Command, here: Path, footage_folder: Path, before: tuple[str, ...], kept: slice
) -> None:
    clip = footage_folder / "clip.mkv"
    said = say(*OF_CLIP, "--video", clip, "--extend", "9f", *before, "--whole", "--output", "x.mkv")
    assert (said.status, frames(here / "x.mkv")) == (0, 49)
    own = slice(0, 36) if not before else slice(4, 40)
    assert np.array_equal(film(str(here / "x.mkv"))[kept], film(str(clip))[own])


def test_new_sound_in_the_whole_film_leaves_every_picture(say: Command, here: Path, footage_folder: Path) -> None:
    clip = footage_folder / "clip.mkv"
    said = say(*OF_CLIP, "--video", clip, "--retake", "0.5", "1", "--keep", "video", "--whole", "--output", "x.mkv")
    assert (said.status, names(here)) == (0, ["x.mkv", "x.mkv.recipe.json"])
    assert np.array_equal(film(str(here / "x.mkv")), film(str(clip)))
    assert not np.array_equal(track(str(here / "x.mkv")), track(str(clip)))


def test_a_bridge_between_two_clips(say: Command, here: Path, footage_folder: Path) -> None:
    line = ("--between", footage_folder / "clip.mkv", footage_folder / "mute.mkv", "--duration", "7f")
    assert say(*OF_CLIP, *line, "--output", "x.mkv").status == 0
    assert frames(here / "x.mkv") == 7 + 2 * 4


def test_a_reference_is_followed(say: Command, here: Path, footage_folder: Path) -> None:
    line = ("--video", footage_folder / "clip.mkv", "--reference", "--control", "canny", "--range", "0", "9f")
    assert say(*OF_CLIP, *line, "--lora", "painted:0.5", "--output", "x.mkv").status == 0
    assert frames(here / "x.mkv") == 9


def test_variations_are_drafted_and_one_is_finished(say: Command, here: Path) -> None:
    large = ("--model", "tiny", "--device", "cpu", "--resolution", "128x120", "--duration", "9f", "--codec", "ffv1")
    drafts = say("--prompt", "a kite", *large, "--seed", "3", "--draft", "--variations", "2", "--output", "kite.mkv")
    assert [path.name for path in drafts.paths] == [
        "kite-1.mkv", "kite-1.draft.safetensors", "kite-2.mkv", "kite-2.draft.safetensors",
    ]  # fmt: skip
    finished = say("--finish", "kite-2.draft.safetensors", "--device", "cpu", "--output", "done.mkv")
    assert finished.status == 0
    assert say("--prompt", "a kite", *large, "--seed", "4", "--output", "whole.mkv").status == 0
    assert np.array_equal(film(str(here / "done.mkv")), film(str(here / "whole.mkv")))
    assert read_recipe(here / "done.mkv")["work"]["seed"] == 4


def test_a_draft_survives_names_that_are_no_text(say: Command, here: Path, footage_folder: Path) -> None:
    strange = os.fsdecode(b"\xff\n\xf0\x9f\x8e\x88")
    (here / f"{strange}.png").write_bytes((footage_folder / "picture.png").read_bytes())
    large = ("--model", "tiny", "--device", "cpu", "--resolution", "128x120", "--duration", "1f", "--silent")
    assert say("--image", f"{strange}.png", *large, "--draft", "--output", f"{strange}/a.mkv").status == 0
    said = say("--finish", f"{strange}/a.draft.safetensors", "--device", "cpu", "--output", f"{strange}/b.mkv")
    assert said.status == 0, said.err
    assert frames(here / strange / "b.mkv") == 1


def test_again_gives_the_same_frames_and_with_another_seed_others(say: Command, here: Path) -> None:
    assert say("--prompt", "x", *SMALL, "--variations", "2", "--seed", "5", "--output", "a.mkv").status == 0
    assert say("--again", "a-2.mkv", "--device", "cpu", "--output", "b.mkv").status == 0
    assert say("--again", "a-2.mkv.recipe.json", "--device", "cpu", "--seed", "5", "--output", "c.mkv").status == 0
    films = {name: film(str(here / name)) for name in ("a-1.mkv", "a-2.mkv", "b.mkv", "c.mkv")}
    assert np.array_equal(films["b.mkv"], films["a-2.mkv"])
    assert np.array_equal(films["c.mkv"], films["a-1.mkv"])
    assert not np.array_equal(films["b.mkv"], films["c.mkv"])


def test_a_checkpoint_is_named_by_its_path(say: Command, here: Path, models: Path) -> None:
    said = say("--prompt", "x", *SMALL, "--model", models / "tiny.safetensors", "--estimate")
    assert said.status == 4  # found; what lacks beside it is said
    assert "gemma-3-12b-it" in said.err


# --- names --------------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_unasked(say: Command, here: Path) -> None:
    (here / "x.mkv").write_text("mine")
    said = say("--prompt", "x", *SMALL, "--output", "x.mkv")
    assert said.status == 2
    assert "is there already: choose another --output, or add --overwrite" in said.err
    assert ((here / "x.mkv").read_text(), names(here)) == ("mine", ["x.mkv"])
    assert say("--prompt", "x", *SMALL, "--output", "x.mkv", "--overwrite").status == 0
    assert frames(here / "x.mkv") == 9


def test_without_a_name_results_are_called_by_mode_and_never_collide(say: Command, here: Path) -> None:
    said = say("--prompt", "x", *SMALL, "--output", "takes/", "--json")
    (video, recipe) = said.told["files"]
    path = Path(video["path"])
    assert (path.parent, path.suffix, video["role"], video["frames"]) == (here / "takes", ".mp4", "video", 9)
    assert path.name.startswith("text_to_video-")
    assert Path(recipe["path"]) == recipe_path(path)
    assert said.told["recipe"]["work"]["prompt"] == "x"
    assert {timing["phase"] for timing in said.told["timings"]} >= {"stage 1", "writing"}
    assert said.told["status"] == "done"
    assert said.err == ""


# --- looking ------------------------------------------------------------------------------------------------------


def test_an_estimate_makes_nothing_and_knows_the_time_after_a_run(say: Command, here: Path) -> None:
    line = ("--prompt", "x", *SMALL, "--estimate")
    assert say("--prompt", "x", *SMALL, "--output", "x.mp4").status == 0
    told = say(*line, "--json").told
    assert (told["status"], told["fits"]) == ("estimated", True)
    assert told["seconds"] > 0
    words = say(*line).out.decode()
    assert "fits: " in words
    assert "time    about 0:0" in words
    assert names(here) == ["x.mp4", "x.mp4.recipe.json"]


def test_the_list_names_models_loras_and_camera_moves(say: Command) -> None:
    words = say("--list").out.decode()
    assert "  tiny                       ready: " in words
    assert "huggingface.co/Lightricks/LTX-2.3" in words
    assert "push_in" in words
    told = say("--list", "--json").told
    assert {row["model"] for row in told["models"] if row["kind"] == "lora"} >= {"style", "control"}
