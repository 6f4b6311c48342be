"""What is promised of a part made again: exact counts, nothing outside touched, no cost for the clip's length."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_kit import MODEL, Desk, check_file, film, footage, lossless, of_role, track

from engine.backends import films as films_module
from engine.backends.local.media import MediaFiles
from engine.backends.local.prompts import ContextCache
from engine.backends.local.tasks import Preparation
from engine.media.decode import DecodeStats, VideoReader
from engine.media.join import Handles, frame_weights, join_frames, join_samples, sound_weights
from engine.media.recipe import read_recipe
from engine.models.text import TextContext
from engine.protocol.again import NotARecipe, work_again
from engine.protocol.grid import Clip, sample_of_frame
from engine.protocol.work import AnyWork, Extend, FillGap, Keyframe, Neighbour, Output, Retake, TextToVideo

RATES = [Fraction(24), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(25), Fraction(12)]


# --- exact counts -------------------------------------------------------------------------------------------------


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_retake_joins_its_clip_without_touching_the_rest(desk: Desk, tmp_path: Path, data: st.DataObject) -> None:
    rate = data.draw(st.sampled_from(RATES))
    length = data.draw(st.integers(1, 45))
    width, height = data.draw(st.integers(33, 110)), data.draw(st.integers(33, 80))
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, min(length, start + 20)))
    wanted = data.draw(st.integers(0, 9))
    source = footage(tmp_path / "source", length, width, height, rate)
    work = Retake(
        source=source, start=start, end=end, handles=wanted, seed=length, prompt="x", model=MODEL, output=lossless()
    )
    (file,) = of_role(desk.run(work, tmp_path / "out"), "video")
    handles = Handles(file.handle_before, file.handle_after)
    assert handles.before <= min(wanted, start)
    assert handles.after <= min(wanted, length - end)
    if wanted <= Clip.longest(rate, 2).frames // 4:  # more than a quarter of the model's longest clip is cut
        assert handles == (min(wanted, start), min(wanted, length - end))
    check_file(file, frames=end - start, rate=rate, size=(width, height), start=start, handles=handles)

    before, take = film(source), film(file)
    first, last = start - handles.before, end + handles.after
    weights = frame_weights(end - start, handles, 3)
    joined = before.copy()
    joined[first:last] = join_frames(before[first:last], take, weights)
    assert np.array_equal(joined[:first], before[:first])
    assert np.array_equal(joined[last:], before[last:])
    assert np.array_equal(joined[start:end], take[handles.before : len(take) - handles.after])
    heard, new = track(source), track(file)
    begin = sample_of_frame(first, rate)
    gains = sound_weights(new.shape[1] - sum(pair(file)), Handles(*pair(file)), 480)
    sounding = heard.copy()
    sounding[:, begin : begin + new.shape[1]] = join_samples(heard[:, begin : begin + new.shape[1]], new, gains)
    assert np.array_equal(sounding[:, :begin], heard[:, :begin])
    assert np.array_equal(sounding[:, begin + new.shape[1] :], heard[:, begin + new.shape[1] :])


def pair(file: Any) -> tuple[int, int]:
    return file.handle_samples_before, file.handle_samples_after


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_every_plan_has_the_exact_counts(desk: Desk, clips: dict[Fraction, str], data: st.DataObject) -> None:
    """Without running: frames, samples, handles and grid of any extension, gap and retake."""
    rate = data.draw(st.sampled_from(RATES))
    source, frames = clips[rate], data.draw(st.integers(1, 300))
    handles = data.draw(st.integers(0, 12))
    context = data.draw(st.none() | st.integers(0, 100))
    shared: dict[str, Any] = {"handles": handles, "context": context, "prompt": "x", "model": MODEL}
    kind = data.draw(st.sampled_from(["retake", "forward", "backward", "fill"]))
    work: AnyWork
    if kind == "retake":
        start = data.draw(st.integers(0, 59))
        work = Retake(source=source, start=start, end=data.draw(st.integers(start + 1, 60)), **shared)
        frames, start = work.end - work.start, work.start
    elif kind == "fill":
        other = clips[data.draw(st.sampled_from(RATES))]
        size = {"width": data.draw(st.integers(33, 250)), "height": data.draw(st.integers(33, 250))}
        work = FillGap(
            before=Neighbour(source=source, at=data.draw(st.integers(1, 60))),
            after=Neighbour(source=other, at=data.draw(st.integers(0, 59))),
            frames=frames, rate=str(rate), **size, **shared,
        )  # fmt: skip
        start = 0
    else:
        backward = kind == "backward"
        at = data.draw(st.integers(0, 59) if backward else st.integers(1, 60))
        work = Extend(source=source, at=at, frames=frames, direction="backward" if backward else "forward", **shared)
        start = -frames if backward else at
    files = MediaFiles(desk.backend._indices)
    model = desk.backend._models.get(MODEL)
    networks = desk.backend._models.networks(model)
    task = Preparation(work, model.description, networks.facts, files, ()).prepare().task
    files.close()
    before, after = task.plans[0].handles[0], task.plans[-1].handles[1]
    assert (task.result.start + before, task.result.end - after) == (start, start + frames)
    assert max(before, after) <= handles
    assert task.rate == rate
    made = 0
    for plan, following in zip(task.plans, (*task.plans[1:], None), strict=True):
        assert plan.frames % 8 == 1
        assert plan.frames <= 2 * rate + 1
        assert plan.asked.start == start + made
        made += plan.asked.frames
        assert following is None or following.asked.start == plan.asked.end
    assert made == frames


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[Fraction, str]:
    folder = tmp_path_factory.mktemp("clips")
    return {rate: footage(folder / str(number), 60, 64, 48, rate) for number, rate in enumerate(RATES)}


# --- cost ---------------------------------------------------------------------------------------------------------


class Counting(VideoReader):
    """A reader whose work is kept after it is closed."""

    work: tuple[DecodeStats, ...] = ()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        Counting.work = (*Counting.work, self.stats)


def test_a_retake_in_a_long_clip_reads_no_more_than_in_a_short_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_long_clip: Any
) -> None:
    monkeypatch.setattr(films_module, "VideoReader", Counting)
    read: list[tuple[int, int]] = []
    for copies, start in ((1, 100), (60, 100 + 250 * 30)):  # 10 seconds, and 10 minutes
        source = make_long_clip(tmp_path / f"{copies}.mp4", copies)
        Counting.work = ()
        result = desk.run(
            Retake(source=str(source), start=start, end=start + 10, prompt="x", model=MODEL), tmp_path / "out"
        )
        check_file(
            of_role(result, "video")[0], frames=10, rate="25", size=(32, 32), start=start, handles=(4, 4)
        )  # fmt: skip
        read.append((sum(stats.packets for stats in Counting.work), sum(stats.frames for stats in Counting.work)))
    (short_packets, short_frames), (long_packets, long_frames) = read
    assert long_frames <= short_frames + 50  # the distance to a key picture may differ
    assert long_packets <= short_packets + 50
    assert long_frames < 250


# --- again --------------------------------------------------------------------------------------------------------


def test_a_recipe_makes_the_same_frames_again(desk: Desk, tmp_path: Path, models_folder: Path) -> None:
    source = footage(tmp_path / "source", 30)
    result = desk.run(
        Retake(source=source, start=9, end=20, prompt="x", seed=7, variations=2, model=MODEL, output=lossless()),
        tmp_path / "out",
    )
    other = Desk.at(tmp_path / "other", models_folder)  # nothing cached, nothing loaded
    for file in of_role(result, "video"):
        sidecar = read_recipe(Path(file.path))
        work = work_again(sidecar)
        assert (work.seed, work.variations) == (7 + file.variation, 1)
        again = of_role(other.run(work, tmp_path / "again"), "video")[0]
        assert np.array_equal(film(again), film(file))
        assert np.array_equal(track(again), track(file))
    assert result.recipe is not None
    assert work_again(result.recipe) == result.recipe.work


def test_a_finished_draft_is_made_again_whole_where_the_draft_is_gone(desk: Desk, tmp_path: Path) -> None:
    size: dict[str, Any] = {"prompt": "x", "width": 128, "height": 128, "frames": 9, "rate": "24", "model": MODEL}
    draft = desk.run(TextToVideo(stage="draft", seed=3, **size), tmp_path / "draft")
    latents = Path(of_role(draft, "latents")[0].path)
    finish = TextToVideo(stage="finish", draft_latents=str(latents), output=lossless(), **size)
    finished = of_role(desk.run(finish, tmp_path / "out"), "video")[0]
    work = work_again(read_recipe(Path(finished.path)))
    assert work.stage == "finish"
    latents.unlink()
    work = work_again(read_recipe(Path(finished.path)))
    assert (work.stage, work.seed) == ("full", 3)
    assert np.array_equal(film(of_role(desk.run(work, tmp_path / "again"), "video")[0]), film(finished))


def test_a_recipe_says_all_that_was_decided(desk: Desk, tmp_path: Path, models_folder: Path) -> None:
    work = TextToVideo(prompt="x", width=128, height=100, frames=9, rate="24", loras=(), parents=("a.mp4",))
    result = desk.run(work, tmp_path / "out")
    recipe = result.recipe
    assert recipe is not None
    assert (recipe.work.model, recipe.work.backend, recipe.backend) == (MODEL, "local", "local")
    assert recipe.model is not None
    assert recipe.model.file == str(models_folder / "tiny.safetensors")
    assert recipe.model.sha256.startswith("quick:")
    assert recipe.settings["stages"] == "8 euler at 1/2, 3 euler at 1/1"
    assert (recipe.settings["made_width"], recipe.settings["made_height"]) == (128, 128)
    assert recipe.parents == ("a.mp4",)
    assert recipe.engine
    assert recipe.made_at.endswith("+00:00")


@pytest.mark.parametrize(
    "kept", [{}, {"work": {"mode": "dream"}}, {"work": 3, "engine": "1", "backend": "", "device": ""}]
)
def test_what_is_no_recipe_is_refused(kept: dict[str, Any]) -> None:
    with pytest.raises(NotARecipe, match="can't be read"):
        work_again(kept)


# --- prompts ------------------------------------------------------------------------------------------------------


def words(**more: Any) -> TextToVideo:
    given: dict[str, Any] = {"prompt": "a red ball", "width": 64, "height": 64, "frames": 1, "rate": "24"}
    return TextToVideo(**(given | {"model": MODEL, "output": lossless()} | more))


def test_a_known_prompt_needs_no_text_encoder_and_a_damaged_one_is_read_again(
    tmp_path: Path, models_folder: Path
) -> None:
    first = Desk.at(tmp_path, models_folder)
    original = film(of_role(first.run(words(), tmp_path / "out"), "video")[0])
    (kept,) = (tmp_path / "cache" / "contexts").iterdir()

    def text_encoder_of(desk: Desk) -> bool:
        again = film(of_role(desk.run(words(), tmp_path / "out"), "video")[0])
        assert np.array_equal(again, original)
        assert desk.backend._networks is not None
        return "text_encoder" in desk.backend._networks.loaded

    assert not text_encoder_of(Desk.at(tmp_path, models_folder))
    for damage in (b"", kept.read_bytes()[:100], b"\xff" * 2000):
        kept.write_bytes(damage)
        again = Desk.at(tmp_path, models_folder)
        assert text_encoder_of(again)
        again.backend.free_memory()
        assert not text_encoder_of(again)


def test_a_camera_move_is_part_of_the_prompt(desk: Desk, tmp_path: Path) -> None:
    still, moving = (
        film(of_role(desk.run(words(camera=camera), tmp_path / "out"), "video")[0]) for camera in ("", "push_in")
    )
    assert not np.array_equal(still, moving)


def test_a_prompt_is_written_out_and_the_recipe_keeps_what_was_written(desk: Desk, tmp_path: Path) -> None:
    result = desk.run(words(enhance=True, seed=2), tmp_path / "out")
    assert "the prompt was written out" in desk.heard.words("adjusted")
    assert result.recipe is not None
    assert not result.recipe.work.enhance
    assert result.recipe.work.prompt != ""


def test_pictures_of_other_shapes_cover_the_frame(desk: Desk, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (300, 40), "red").save(tmp_path / "wide.png")
    keyframe = Keyframe(image=str(tmp_path / "wide.png"))
    result = desk.run(words(frames=9, keyframes=(keyframe,), output=Output(codec="ffv1")), tmp_path / "out")
    check_file(of_role(result, "video")[0], frames=9, rate="24", size=(64, 64))


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    asked: list[str] = []

    def encode(prompts: Any) -> list[TextContext]:
        asked.extend(prompts)
        return [TextContext(torch.full((1, 4, 8), len(prompt)), torch.zeros(1, 4, 8)) for prompt in prompts]

    one_file = 600  # bytes, a little more than each takes
    cache = ContextCache(tmp_path, limit_bytes=2 * one_file)
    for prompt in ("a", "bb", "a", "ccc"):
        (context,) = cache.contexts("encoder", [prompt], encode)
        assert context.video_BND[0, 0, 0] == len(prompt)
        for path in tmp_path.iterdir():  # one second between uses, without waiting for it
            stat = path.stat()
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))
    assert asked == ["a", "bb", "ccc"]
    cache.contexts("encoder", ["a", "ccc"], encode)
    assert asked == ["a", "bb", "ccc"]
    cache.contexts("encoder", ["bb"], encode)
    assert asked[-1] == "bb"
    cache.contexts("another encoder", ["a"], encode)
    assert asked[-1] == "a"


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ContextCache(tmp_path / "file" / "below")
    encode = lambda prompts: [TextContext(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1)) for _ in prompts]  # noqa: E731
    assert len(cache.contexts("encoder", ["a", "a"], encode)) == 2
