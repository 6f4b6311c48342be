"""The world is seeded, looks the same at any size and rate, and sounds when it touches."""

from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.scenes import FLOOR, frame_extent
from engine.training.sound import SHAPE_PITCH_HZ
from engine.training.words import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, Attributes, parse_prompt
from engine.training.world import (
    SceneBatch,
    bounce_times,
    captions,
    object_state,
    render_audio,
    render_video,
    sample_scenes,
    scenes_from_attributes,
)

ASPECT = 160 / 96


def scene_of(motion: str, shape: str = "ball", **words: object) -> SceneBatch:
    attributes = Attributes(shape=shape, colour="red", motion=motion, **words)  # pyright: ignore[reportArgumentType]
    return scenes_from_attributes([attributes], 5, duration_s=2.0, aspect=ASPECT)


def draw(scenes: SceneBatch, frames: int = 9, fps: float = 24, height: int = 96, width: int = 160) -> Tensor:
    return render_video(scenes, frames=frames, height=height, width=width, fps=fps)


def object_mask(scenes: SceneBatch, **how: float) -> Tensor:
    """Where the first object is drawn: what changes when only its colour does. (B, F, H, W)."""
    colour = scenes.colour_BO.clone()
    colour[:, 0] = (colour[:, 0] + 3) % len(COLOURS)
    return (draw(scenes, **how) - draw(replace(scenes, colour_BO=colour), **how)).abs().amax(1) > 0.2  # pyright: ignore[reportArgumentType]


def test_equal_seeds_give_equal_scenes_and_others_do_not() -> None:
    one, same, other = (sample_scenes(20, seed, duration_s=2.0, aspect=1.5) for seed in (3, 3, 4))
    numbers = [[getattr(scenes, field.name).tolist() for field in fields(scenes)] for scenes in (one, same, other)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert captions(one, 1) == captions(same, 1) != captions(one, 2)
    assert torch.equal(draw(one[[0]]), draw(same[[0]]))


def test_sampling_covers_the_world_evenly() -> None:
    named = sample_scenes(4000, 0, duration_s=2.0, aspect=1.5).attributes()
    for words, field in ((SHAPES, "shape"), (COLOURS, "colour"), (BACKGROUNDS, "background"), (MOTIONS, "motion")):
        counts = [sum(getattr(a, field) == word for a in named) for word in words]
        assert min(counts) > 0.7 * len(named) / len(words), field
    assert 0.10 < sum(a.second is not None for a in named) / len(named) < 0.20
    assert 0.08 < sum(a.camera != "fixed" for a in named) / len(named) < 0.20


@pytest.mark.parametrize("aspect", [160 / 96, 96 / 160, 1.0])
@pytest.mark.parametrize("duration_s", [1.04, 4.04])
def test_objects_stay_in_the_frame(aspect: float, duration_s: float) -> None:
    scenes = sample_scenes(400, 2, duration_s=duration_s, aspect=aspect, two_objects=0.3)
    state = object_state(scenes, torch.linspace(0, duration_s, 30), aspect)
    width, height = frame_extent(aspect)
    present = scenes.present_BO[:, None] > 0
    across, up = state.radius / width, state.radius / height
    assert bool(((state.x > 0.8 * across) & (state.x < 1 - 0.8 * across) | ~present).all())
    assert bool(((state.y > 0.8 * up) & (state.y < 1 - 0.5 * up) | ~present).all())


def test_half_the_size_looks_the_same() -> None:
    scenes = sample_scenes(8, 6, duration_s=2.0, aspect=1.5, two_objects=0.4, moving_camera=0.5)
    large = draw(scenes, frames=2, fps=1, height=256, width=384)
    small = draw(scenes, frames=2, fps=1, height=128, width=192)
    shrunk = F.avg_pool3d(large, (1, 2, 2))
    error = (shrunk - small).square().mean((1, 2, 3, 4)) / 4
    assert float(-10 * torch.log10(error.max())) > 32  # dB


def test_motion_is_in_seconds_not_in_frames() -> None:
    scenes = sample_scenes(6, 9, duration_s=1.0, aspect=ASPECT)
    slow, fast = draw(scenes, frames=13, fps=24), draw(scenes, frames=16, fps=30)
    assert torch.allclose(slow[:, :, 12], fast[:, :, 15], atol=2e-3)  # both at 0.5 s
    assert torch.allclose(
        render_video(scenes, frames=1, height=96, width=160, start_s=0.5)[:, :, 0], slow[:, :, 12], atol=2e-3
    )


def test_scenes_render_alike_alone_and_together() -> None:
    scenes = sample_scenes(6, 12, duration_s=2.0, aspect=ASPECT, two_objects=0.5, moving_camera=0.5, changes=0.5)
    together = draw(scenes, frames=5, fps=3)
    alone = torch.cat([draw(scenes[[n]], frames=5, fps=3) for n in range(len(scenes))])
    assert torch.allclose(together, alone, atol=1e-3)
    assert float(together.min()) >= -1
    assert float(together.max()) <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_object_is_drawn_where_its_state_says(shape: str) -> None:
    scenes = scene_of("bounce right", shape)
    mask = object_mask(scenes, frames=5, fps=4)[0].float()
    state = object_state(scenes, torch.arange(5) / 4, ASPECT)
    rows, columns = torch.arange(96)[:, None] + 0.5, torch.arange(160) + 0.5
    area = mask.sum((1, 2))
    assert torch.allclose((mask * columns).sum((1, 2)) / area / 160, state.x[0, :, 0], atol=0.012)
    assert torch.allclose((mask * rows).sum((1, 2)) / area / 96, state.y[0, :, 0], atol=0.03)


@pytest.mark.parametrize("shape", SHAPES)
def test_feet_touch_the_floor_at_each_bounce(shape: str) -> None:
    scenes = scene_of("bounce", shape)
    moments = bounce_times(scenes, 2.0)[0]
    assert len(moments) >= 2
    assert float(object_state(scenes, torch.tensor(moments), ASPECT).lift[0, :, 0].abs().max()) < 1e-3
    contact = render_mask_bottom(scenes, moments[0])
    assert contact == pytest.approx(FLOOR, abs=0.03)


def render_mask_bottom(scenes: SceneBatch, moment_s: float) -> float:
    """The lowest row of the object, in frame heights."""
    recoloured = replace(scenes, colour_BO=(scenes.colour_BO + 3) % len(COLOURS))
    size = {"frames": 1, "height": 192, "width": 320}
    pictures = [render_video(s, start_s=moment_s, **size) for s in (scenes, recoloured)]
    rows = ((pictures[0] - pictures[1]).abs().amax((0, 1, 2)) > 0.2).any(1).nonzero()
    return (float(rows.max()) + 1) / 192


@pytest.mark.parametrize(
    ("camera", "motion", "direction"), [("pan left", "still", 1), ("pan right", "still", -1), ("push in", "still", 0)]
)
def test_camera_moves_are_seen(camera: str, motion: str, direction: int) -> None:
    scenes = scene_of(motion, camera=camera)
    state = object_state(scenes, torch.tensor([0.0, 2.0]), ASPECT)
    drift = float(state.x[0, 1, 0] - state.x[0, 0, 0])
    assert drift * direction > 0.1 if direction else abs(drift) < 0.05
    growth = float(state.radius[0, 1, 0] / state.radius[0, 0, 0])
    assert (growth > 1.15) == (camera == "push in")
    video = draw(scenes, frames=2, fps=0.5)
    assert float((video[:, :, 0, :40] - video[:, :, 1, :40]).abs().mean()) > 0.005  # the landscape moves too


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bounce_sounds_at_its_moment_with_the_pitch_of_its_shape(shape: str) -> None:
    scenes = scene_of("bounce", shape)
    sound = render_audio(scenes, duration_s=2, rate=16000, aspect=ASPECT)[0].mean(0)
    moment = next(m for m in bounce_times(scenes, 2.0)[0] if m > 0.1)
    start = round(moment * 16000)
    before, after = sound[start - 400 : start - 20].abs().max(), sound[start : start + 400].abs().max()
    assert after > 10 * before
    spectrum = torch.fft.rfft(sound[start + 100 : start + 2500] * torch.hann_window(2400), n=16000).abs()
    assert float(spectrum.argmax()) == pytest.approx(SHAPE_PITCH_HZ[SHAPES.index(shape)], abs=6)  # 1 Hz a bin


def test_stillness_is_silent_and_rising_climbs() -> None:
    assert float(render_audio(scene_of("still"), duration_s=2, aspect=ASPECT).abs().max()) == 0.0
    hum = render_audio(scene_of("rise"), duration_s=2, aspect=ASPECT)[0].mean(0)
    first, last = (torch.fft.rfft(piece, n=16000).abs().argmax() for piece in (hum[:4000], hum[-4000:]))
    assert last > first


def test_the_sound_follows_the_object_across() -> None:
    left, right = render_audio(scene_of("slide right"), duration_s=2, aspect=ASPECT)[0]
    assert left[:4000].square().mean() > 1.5 * right[:4000].square().mean()
    assert right[-4000:].square().mean() > 1.5 * left[-4000:].square().mean()


def test_sound_has_the_asked_for_length_at_both_rates() -> None:
    scenes = scene_of("bounce")
    assert render_audio(scenes, duration_s=1.0, rate=48000, aspect=ASPECT).shape == (1, 2, 48000)
    assert render_audio(scenes, samples=777, aspect=ASPECT).shape == (1, 2, 777)
    with pytest.raises(ValueError, match="either"):
        render_audio(scenes, aspect=ASPECT)


def test_a_mid_clip_change_shows_another_object_only_then() -> None:
    scenes = sample_scenes(30, 8, duration_s=2.0, aspect=ASPECT, changes=1.0, two_objects=0.0)
    assert bool(torch.isfinite(scenes.change_start_B).all())
    for before, during in zip(scenes.attributes(), scenes.changed_attributes(), strict=True):
        assert (before.shape, before.colour) != (during.shape, during.colour)
        assert before.motion == during.motion
    one = scenes[[0]]
    plain = replace(one, change_start_B=torch.tensor([torch.inf]), change_end_B=torch.tensor([torch.inf]))
    moments = (float(one.change_start_B) + float(one.change_end_B)) / 2, float(one.change_end_B) + 0.2
    for moment, differs in zip(moments, (True, False), strict=True):
        pictures = [render_video(s, frames=1, height=96, width=160, start_s=moment) for s in (one, plain)]
        assert bool((pictures[0] - pictures[1]).abs().max() > 0.1) == differs


def test_what_was_asked_for_is_what_the_scene_is_called() -> None:
    asked = [
        Attributes("ring", "blue", "rise", "small", "night", "normal", "right"),
        Attributes("box", "pink", "spin", "large", "room", "quick", "left", second=("green", "star")),
    ]
    scenes = scenes_from_attributes(asked, 1, duration_s=1.0, aspect=1.5)
    assert scenes.attributes() == asked
    assert parse_prompt(captions(scenes, 3)[1]).second == ("green", "star")


@pytest.mark.parametrize("style", ["sepia", "comic"])
def test_styles_change_the_look_alone(style: str) -> None:
    natural, styled = scene_of("still"), scene_of("still", style=style)
    assert torch.equal(natural.x_BO, styled.x_BO)
    assert float((draw(natural, frames=1) - draw(styled, frames=1)).abs().mean()) > 0.02


@pytest.mark.gpu
def test_the_gpu_draws_and_sounds_what_the_cpu_does() -> None:
    scenes = sample_scenes(16, 3, duration_s=2.0, aspect=ASPECT, two_objects=0.3, moving_camera=0.4, changes=0.3)
    on_gpu = render_video(scenes, frames=5, height=96, width=160, fps=3, device="cuda").cpu()
    assert float((on_gpu - draw(scenes, frames=5, fps=3)).abs().mean()) < 1e-3
    sounds = [render_audio(scenes, duration_s=1.0, aspect=ASPECT, device=device).cpu() for device in ("cpu", "cuda")]
    assert torch.allclose(*sounds, atol=1e-3)
