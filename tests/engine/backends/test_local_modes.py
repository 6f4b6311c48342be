"""Every way to make frames through the local backend, on a model of random weights: files, counts, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_kit import DEV, MODEL, NTSC, ONE_STAGE, Desk, check_file, film, footage, lossless, moving, of_role, track
from PIL import Image

from engine.backends.base import BadRequest, Unsupported
from engine.media.encode import Delivery, write_media
from engine.media.index import build_index
from engine.media.recipe import recipe_path
from engine.protocol.grid import sample_of_frame
from engine.protocol.messages import Result
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    Guidance,
    ImageToVideo,
    Keyframe,
    Lora,
    Neighbour,
    Output,
    Retake,
    Revoice,
    Sound,
    TextToVideo,
    Upscale,
    VideoToVideo,
)

Make = Callable[[AnyWork], Result]


@pytest.fixture
def make(desk: Desk, tmp_path: Path) -> Make:
    return lambda work: desk.run(work, tmp_path / "out")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return footage(tmp_path_factory.mktemp("footage") / "clip")


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "picture.png"
    Image.fromarray(moving(1, 50, 70)[0]).save(path)
    return str(path)


def words(**more: Any) -> TextToVideo:
    given: dict[str, Any] = {"prompt": "a red ball", "width": 96, "height": 64, "frames": 9, "rate": "24"}
    return TextToVideo(**(given | {"model": MODEL} | more))


def video_of(result: Result, variation: int = 0) -> Any:
    return next(file for file in of_role(result, "video") if file.variation == variation)


# --- new clips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "frames", "rate", "codec"),
    [
        (96, 64, 9, "24", "h264"),
        (64, 96, 10, "30000/1001", "prores"),
        (96, 96, 12, "60000/1001", "ffv1"),
        (75, 51, 7, "24000/1001", "h264"),
        (128, 128, 17, "25", "h264"),
        (101, 130, 1, "30", "ffv1"),
    ],
)
def test_text_to_video_has_exactly_the_size_length_and_rate_asked(
    make: Make, desk: Desk, width: int, height: int, frames: int, rate: str, codec: Any
) -> None:
    result = make(words(width=width, height=height, frames=frames, rate=rate, output=Output(codec=codec)))
    check_file(video_of(result), frames=frames, rate=rate, size=(width, height))
    step = 64 if width * height > ONE_STAGE else 32
    assert ("cropped back" in desk.heard.words("adjusted")) == bool(width % step or height % step)


def test_without_sound_there_is_no_sound_stream(make: Make) -> None:
    check_file(video_of(make(words(sound=False))), frames=9, rate="24", size=(96, 64), sound=False)


def test_a_clip_longer_than_one_pass_is_made_in_several(make: Make, desk: Desk) -> None:
    result = make(words(frames=80, rate="24"))
    check_file(video_of(result), frames=80, rate="24", size=(96, 64))
    assert desk.heard.phases.count("stage 1") == 2


def test_first_last_and_middle_pictures_are_followed(make: Make, picture: str) -> None:
    frames = (
        Keyframe(image=picture),
        Keyframe(image=picture, frame=9, strength=0.7),
        Keyframe(image=picture, frame=16),
    )
    given = {"width": 96, "height": 64, "frames": 17, "rate": "24", "model": MODEL}
    guided = make(ImageToVideo(prompt="a ball", keyframes=frames, **given))
    check_file(video_of(guided), frames=17, rate="24", size=(96, 64))
    plain = make(TextToVideo(prompt="a ball", **given))
    assert not np.array_equal(film(video_of(guided)), film(video_of(plain)))


def test_a_prompt_is_not_needed_where_a_picture_says_it(make: Make, picture: str) -> None:
    work = ImageToVideo(keyframes=(Keyframe(image=picture),), width=64, height=64, frames=9, rate="24", model=MODEL)
    check_file(video_of(make(work)), frames=9, rate="24", size=(64, 64))


def test_audio_to_video_keeps_the_sound_itself(make: Make, tmp_path: Path) -> None:
    sound = np.stack([np.linspace(-0.5, 0.5, 44100)] * 2).astype(np.float32)
    write_media(tmp_path / "song.wav", Delivery.WAV, samples=sound, sample_rate=48000)
    given = Sound(file=str(tmp_path / "song.wav"), start=4800)
    work = AudioToVideo(
        prompt="dance", audio=given, width=96, height=64, frames=17, rate="24", model=MODEL, output=lossless()
    )
    result = make(work)
    check_file(video_of(result), frames=17, rate="24", size=(96, 64))
    kept = track(video_of(result))
    assert np.abs(kept - sound[:, 4800 : 4800 + kept.shape[1]]).max() < 1e-6


def test_audio_shorter_than_the_clip_ends_in_silence(make: Make, desk: Desk, tmp_path: Path) -> None:
    write_media(tmp_path / "short.wav", Delivery.WAV, samples=np.full((2, 9600), 0.25, np.float32))
    given = Sound(file=str(tmp_path / "short.wav"))
    result = make(
        AudioToVideo(prompt="x", audio=given, width=64, height=64, frames=17, rate="24", model=MODEL, output=lossless())
    )
    check_file(video_of(result), frames=17, rate="24", size=(64, 64))
    assert "shorter than the clip" in desk.heard.words("adjusted")
    assert not track(video_of(result))[:, 9600:].any()


def test_variations_have_seeds_of_their_own_and_equal_single_runs(make: Make) -> None:
    result = make(words(seed=5, variations=3, output=lossless()))
    assert result.recipe is not None
    assert result.recipe.seeds == (5, 6, 7)
    films = [film(video_of(result, number)) for number in range(3)]
    assert not np.array_equal(films[0], films[1])
    assert np.array_equal(film(video_of(make(words(seed=6, output=lossless())))), films[1])


def test_a_lora_acts_while_it_is_asked_for_and_no_longer(make: Make) -> None:
    plain = film(video_of(make(words(output=lossless()))))
    painted = film(video_of(make(words(loras=(Lora(lora="painted", strength=0.8),), output=lossless()))))
    again = film(video_of(make(words(output=lossless()))))
    assert not np.array_equal(plain, painted)
    assert np.array_equal(plain, again)


def test_quality_is_guided_and_refined_with_the_distilled_lora(make: Make, desk: Desk) -> None:
    asked = {"width": 128, "height": 128, "model": DEV, "output": lossless()}
    result = make(words(quality="quality", steps=3, negative="blue", **asked))
    check_file(video_of(result), frames=9, rate="24", size=(128, 128))
    assert [name for name, _ in desk.heard.steps].count("stage 1") == 3
    other = make(words(quality="quality", steps=3, negative="green", **asked))
    assert not np.array_equal(film(video_of(result)), film(video_of(other)))
    strong = make(words(quality="quality", steps=3, negative="blue", video_guidance=Guidance(cfg=9.0), **asked))
    assert not np.array_equal(film(video_of(result)), film(video_of(strong)))


def test_res_2s_and_the_fast_way_of_the_dev_model(make: Make, desk: Desk) -> None:
    check_file(
        video_of(make(words(model=DEV, quality="quality", sampler="res_2s", steps=2))),
        frames=9, rate="24", size=(96, 64),
    )  # fmt: skip
    check_file(video_of(make(words(model=DEV))), frames=9, rate="24", size=(96, 64))
    assert ("stage 1", 8) in desk.heard.steps


@pytest.mark.parametrize("sampler", ["gradient_estimation", "euler_ancestral"])
def test_other_samplers(make: Make, sampler: Any) -> None:
    euler = film(video_of(make(words(output=lossless()))))
    assert not np.array_equal(film(video_of(make(words(sampler=sampler, output=lossless())))), euler)


# --- draft and finish ---------------------------------------------------------------------------------------------


def test_a_finished_draft_is_the_undivided_run_bit_for_bit(make: Make) -> None:
    work = words(width=128, height=120, frames=17, seed=9, variations=2, output=lossless())
    whole = make(work)
    draft = make(words(width=128, height=120, frames=17, seed=9, variations=2, stage="draft", output=lossless()))
    small = video_of(draft, 1)
    check_file(small, frames=17, rate="24", size=(64, 60))
    latents = of_role(draft, "latents")
    assert [file.variation for file in latents] == [0, 1]
    for variation in (0, 1):
        finish = words(
            width=128, height=120, frames=17, stage="finish", draft_latents=latents[variation].path, output=lossless()
        )
        finished = make(finish)
        assert np.array_equal(film(video_of(finished)), film(video_of(whole, variation)))
        assert np.array_equal(track(video_of(finished)), track(video_of(whole, variation)))
        assert finished.recipe is not None
        assert finished.recipe.seeds == (9 + variation,)


def test_a_retake_is_drafted_and_finished_too(make: Make, tmp_path: Path) -> None:
    source = footage(tmp_path / "large", 30, 128, 120, NTSC)
    retake = {"source": source, "start": 9, "end": 20, "prompt": "a box", "model": MODEL, "output": lossless()}
    whole = make(Retake(**retake))
    draft = make(Retake(stage="draft", **retake))
    finished = make(Retake(stage="finish", draft_latents=of_role(draft, "latents")[0].path, **retake))
    assert np.array_equal(film(video_of(finished)), film(video_of(whole)))


def test_a_draft_where_there_is_one_stage_is_the_take_itself(make: Make, desk: Desk) -> None:
    result = make(words(stage="draft"))
    assert not of_role(result, "latents")
    assert "one stage" in desk.heard.words("adjusted")


# --- parts of clips -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "rate"),
    [(96, 64, Fraction(24000, 1001)), (75, 51, NTSC), (64, 96, Fraction(60000, 1001)), (130, 98, Fraction(25))],
)
def test_a_retake_has_the_sources_size_and_rate(
    make: Make, tmp_path: Path, width: int, height: int, rate: Fraction
) -> None:
    source = footage(tmp_path / "source", 40, width, height, rate)
    result = make(Retake(source=source, start=13, end=24, prompt="a box", model=MODEL))
    check_file(video_of(result), frames=11, rate=rate, size=(width, height), start=13, handles=(4, 4))


def test_a_retake_at_the_media_ends_has_no_handles_there(make: Make, clip: str) -> None:
    result = make(Retake(source=clip, start=0, end=40, prompt="a box", model=MODEL))
    check_file(video_of(result), frames=40, rate="24", size=(96, 64))


def test_a_retaken_picture_keeps_the_very_samples(make: Make, clip: str) -> None:
    result = make(Retake(source=clip, start=13, end=24, what="picture", prompt="a box", model=MODEL, output=lossless()))
    check_file(video_of(result), frames=11, rate="24", size=(96, 64), start=13, handles=(4, 4))
    first = sample_of_frame(9, Fraction(24))
    kept = track(video_of(result))
    assert np.abs(kept - track(clip)[:, first : first + kept.shape[1]]).max() < 1e-6


def test_retaken_sound_is_a_sound_file(make: Make, clip: str) -> None:
    result = make(Retake(source=clip, start=13, end=24, what="sound", prompt="a bang", model=MODEL, output=lossless()))
    (file,) = of_role(result, "audio")
    samples = sample_of_frame(28, Fraction(24)) - sample_of_frame(9, Fraction(24))
    assert (file.samples, file.sample_rate, track(file).shape[1]) == (samples, 48000, samples)
    assert file.handle_samples_before == sample_of_frame(13, Fraction(24)) - sample_of_frame(9, Fraction(24))
    assert (file.width, file.height) == (0, 0)


def test_a_mild_retake_stays_near_to_what_was_there(make: Make, clip: str) -> None:
    def made(strength: float) -> Any:
        work = Retake(source=clip, start=13, end=24, strength=strength, prompt="x", model=MODEL, output=lossless())
        return film(video_of(make(work)))

    assert not np.array_equal(made(1.0), made(0.5))


def test_a_silent_clip_gets_sound_only_when_both_are_asked_for(make: Make, desk: Desk, tmp_path: Path) -> None:
    source = footage(tmp_path / "silent", 30, sound=False)
    asked = {"source": source, "start": 9, "end": 20, "prompt": "a box", "model": MODEL}
    both = make(Retake(**asked))
    check_file(video_of(both), frames=11, rate="24", size=(96, 64), start=9, handles=(4, 4))
    picture = make(Retake(what="picture", **asked))
    check_file(video_of(picture), frames=11, rate="24", size=(96, 64), start=9, handles=(4, 4), sound=False)
    assert "no sound" in desk.heard.words("adjusted")


def test_a_retake_under_another_soundtrack_keeps_that_one(make: Make, clip: str, tmp_path: Path) -> None:
    sound = np.full((2, 48000), 0.125, np.float32)
    write_media(tmp_path / "other.wav", Delivery.WAV, samples=sound)
    result = make(
        Retake(
            source=clip, start=13, end=24, handles=0, what="picture", prompt="a box", model=MODEL, output=lossless(),
            soundtrack=Sound(file=str(tmp_path / "other.wav")),
        )
    )  # fmt: skip
    check_file(video_of(result), frames=11, rate="24", size=(96, 64), start=13)
    assert np.abs(track(video_of(result)) - 0.125).max() < 1e-6


def test_a_variable_rate_clip_is_retaken_by_frame_numbers(make: Make, tmp_path: Path) -> None:
    source = footage(tmp_path / "even", 40)
    uneven = variable_rate(source, tmp_path / "uneven.mp4")
    index = build_index(uneven)
    assert not index.is_constant
    result = make(Retake(source=str(uneven), start=13, end=24, prompt="a box", model=MODEL))
    file = video_of(result)
    assert (file.frames, file.handle_before, file.handle_after) == (19, 4, 4)
    assert build_index(Path(file.path)).frames == 19


def test_a_variable_rate_clip_keeps_the_sound_of_the_frames_own_times(make: Make, tmp_path: Path) -> None:
    """Frame 13 stands at its own time, half a second later than the rate says; so does its sound."""
    uneven = variable_rate(footage(tmp_path / "even", 40, sound=False), tmp_path / "uneven.mov", jump=12_000)
    index = build_index(uneven)
    assert abs(index.seconds(13) - 13 / index.rate) > Fraction(1, 10)
    work = Retake(
        source=str(uneven), start=13, end=24, handles=0, what="picture", prompt="x", model=MODEL, output=lossless()
    )
    kept = track(video_of(make(work)))
    first = round(index.seconds(13) * 48000)
    assert np.abs(kept - track(str(uneven))[:, first : first + kept.shape[1]]).max() < 1e-6


@pytest.mark.parametrize("backward", [False, True])
def test_an_extension_has_exactly_the_asked_frames_and_a_handle_at_the_seam(
    make: Make, clip: str, backward: bool
) -> None:
    direction: Any = "backward" if backward else "forward"
    work = Extend(source=clip, at=0 if backward else 40, frames=13, direction=direction, prompt="on", model=MODEL)
    start, handles = (-13, (0, 4)) if backward else (40, (4, 0))
    check_file(video_of(make(work)), frames=13, rate="24", size=(96, 64), start=start, handles=handles)


def test_an_extension_from_the_middle_and_longer_than_a_pass(make: Make, desk: Desk, clip: str) -> None:
    work = Extend(source=clip, at=20, frames=60, prompt="on", model=MODEL)
    check_file(video_of(make(work)), frames=60, rate="24", size=(96, 64), start=20, handles=(4, 0))
    assert desk.heard.phases.count("stage 1") > 1


def test_a_gap_between_unlike_neighbours_is_filled_exactly(make: Make, tmp_path: Path) -> None:
    before = footage(tmp_path / "before", 30, 120, 60, NTSC)
    after = footage(tmp_path / "after", 40, 64, 96, Fraction(50), sound=False, seed=3)
    work = FillGap(
        before=Neighbour(source=before, at=30), after=Neighbour(source=after, at=5),
        width=90, height=64, frames=15, rate="24", prompt="a bridge", model=MODEL,
    )  # fmt: skip
    check_file(video_of(make(work)), frames=15, rate="24", size=(90, 64), handles=(4, 4))


# --- whole clips --------------------------------------------------------------------------------------------------


def follow(clip: str, **more: Any) -> VideoToVideo:
    given: dict[str, Any] = {"source": clip, "start": 4, "end": 21, "prompt": "clay", "model": MODEL}
    return VideoToVideo(**(given | {"loras": (Lora(lora="control"),), "output": lossless()} | more))


def test_video_to_video_follows_the_source_and_keeps_its_sound(make: Make, clip: str) -> None:
    result = make(follow(clip))
    check_file(video_of(result), frames=17, rate="24", size=(96, 64), start=4)
    first = sample_of_frame(4, Fraction(24))
    kept = track(video_of(result))
    assert np.abs(kept - track(clip)[:, first : first + kept.shape[1]]).max() < 1e-6
    other = make(follow(clip, attention_strength=0.3))
    assert not np.array_equal(film(video_of(result)), film(video_of(other)))


def test_edges_are_another_reference_than_the_clip_itself(make: Make, clip: str) -> None:
    itself = film(video_of(make(follow(clip))))
    assert not np.array_equal(film(video_of(make(follow(clip, control="canny")))), itself)


def test_video_to_video_at_another_size_in_two_stages(make: Make, desk: Desk, clip: str) -> None:
    result = make(follow(clip, width=160, height=100, keep_sound=False))
    check_file(video_of(result), frames=17, rate="24", size=(160, 100), start=4)
    assert "stage 2" in desk.heard.phases
    make(follow(clip, width=160, height=100, refine=False))
    assert "stage 2" not in desk.heard.phases


def test_pose_and_depth_pictures_have_to_be_given(make: Make, clip: str) -> None:
    with pytest.raises(Unsupported, match="pose"):
        make(follow(clip, control="pose"))


def test_video_to_video_without_a_fitting_lora_is_refused(make: Make, clip: str) -> None:
    with pytest.raises(BadRequest, match="in-context LoRA"):
        make(follow(clip, model=DEV, loras=()))


def test_revoicing_makes_picture_and_sound_anew_around_the_same_clip(make: Make, clip: str) -> None:
    work = Revoice(source=clip, start=10, end=30, words="Good morning", language="English", model=MODEL)
    check_file(video_of(make(work)), frames=20, rate="24", size=(96, 64), start=10, handles=(4, 4))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (75, 51)])
def test_upscaling_doubles_the_size_and_keeps_the_sound(make: Make, tmp_path: Path, width: int, height: int) -> None:
    source = footage(tmp_path / "small", 20, width, height)
    result = make(Upscale(source=source, start=2, end=19, prompt="sharp", model=MODEL, output=lossless()))
    check_file(video_of(result), frames=17, rate="24", size=(2 * width, 2 * height), start=2)
    kept, first = track(video_of(result)), sample_of_frame(2, Fraction(24))
    assert np.abs(kept - track(source)[:, first : first + kept.shape[1]]).max() < 1e-6


@pytest.mark.parametrize(("factor", "times"), [("1", 1), ("2", 2)])
def test_upscaling_doubles_the_rate(make: Make, clip: str, factor: Any, times: int) -> None:
    asked = Upscale(source=clip, start=3, end=20, factor=factor, smoother=True, handles=2, model=DEV, output=lossless())
    result = make(asked)
    size = (96 * times, 64 * times)
    check_file(video_of(result), frames=34, rate="48", size=size, start=6, handles=(4, 4))
    kept, first = track(video_of(result)), sample_of_frame(1, Fraction(24))
    assert np.abs(kept - track(clip)[:, first : first + kept.shape[1]]).max() < 1e-6


# --- beside the result --------------------------------------------------------------------------------------------


def test_every_result_has_its_recipe_and_nothing_else_is_left(make: Make, tmp_path: Path) -> None:
    result = make(words(variations=2))
    names = {Path(file.path).name for file in result.files}
    assert names == {path.name for path in (tmp_path / "out").iterdir()}
    for video in of_role(result, "video"):
        assert recipe_path(Path(video.path)).name in names


def test_a_name_that_is_taken_is_not_overwritten(make: Make) -> None:
    first, second = (video_of(make(words(output=lossless(name="shot")))).path for _ in range(2))
    assert (Path(first).name, Path(second).name) == ("shot.mkv", "shot-2.mkv")


def test_previews_come_from_the_first_step(make: Make, desk: Desk) -> None:
    make(words(width=128, height=128, frames=9))
    assert [(phase, frames) for phase, _, _, _, frames in desk.heard.previews] == [("stage 1", 2)] * 8 + [
        ("stage 2", 2)
    ] * 3
    assert desk.heard.previews[0][1] <= 1


def test_the_phases_are_those_that_were_planned(make: Make, desk: Desk, clip: str) -> None:
    make(Retake(source=clip, start=13, end=24, prompt="a box", model=MODEL))
    assert [name for name in desk.heard.phases if name != "loading"] == [
        phase.name for phase in desk.heard.planned if phase.name != "loading"
    ]


def variable_rate(source: str, path: Path, jump: int = 0) -> Path:
    """The same pictures with uneven times (frame 5 stays for `jump` 24000ths longer), and a rising tone."""
    from engine.media.encode import AudioSpec, MediaWriter, VideoSpec

    pictures = film(source)
    spec = VideoSpec(pictures.shape[2], pictures.shape[1], Fraction(24), time_base=Fraction(1, 24000))
    times = [number * 1000 + (number % 3) * 200 + jump * (number > 5) for number in range(len(pictures))]
    delivery = Delivery.PRORES_PCM if path.suffix == ".mov" else Delivery.H264_AAC
    with MediaWriter(path, delivery, video=spec, audio=AudioSpec()) as out:
        out.write_samples(np.linspace(-1, 1, times[-1] * 2, dtype=np.float32)[None].repeat(2, 0))
        out.write_rgb(pictures, times)
    return path
