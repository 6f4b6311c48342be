"""What the eye and the ear read from renders is what the scenes show."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from engine.training.listening import listen
from engine.training.measure import Eye
from engine.training.words import BACKGROUNDS, SHAPES, Attributes
from engine.training.world import (
    bounce_times,
    object_state,
    render_audio,
    render_video,
    sample_scenes,
    scenes_from_attributes,
)

HEIGHT, WIDTH, FRAMES, FPS = 96, 160, 25, 24
ASPECT = WIDTH / HEIGHT
DURATION_S = FRAMES / FPS


@pytest.fixture(scope="module")
def eye() -> Eye:
    return Eye(HEIGHT, WIDTH, clips=150)


@pytest.mark.parametrize("softness", [1, 5])
def test_renders_are_read_rightly_sharp_and_soft(eye: Eye, softness: int) -> None:
    scenes = sample_scenes(24, 77, duration_s=DURATION_S, aspect=ASPECT, two_objects=0.3, moving_camera=0.0)
    video = render_video(scenes, frames=FRAMES, height=HEIGHT, width=WIDTH, fps=FPS)
    blur = F.avg_pool3d(video, (1, softness, softness), 1, (0, softness // 2, softness // 2), count_include_pad=False)
    state = object_state(scenes, torch.arange(FRAMES) / FPS, ASPECT)
    wrong: list[str] = []
    for n, named in enumerate(scenes.attributes()):
        seen = eye.look(blur[n], FPS)
        main = {each.colour: each for each in seen.objects}.get(named.colour)
        right = main is not None and main.shape == named.shape and seen.background == named.background
        if right and named.second is None:
            right = seen.motion == named.motion and seen.camera == "fixed" and len(seen.objects) == 1
        if right and named.second is not None:
            right = [(each.colour, each.shape) for each in seen.objects if each is not main] == [named.second]
        if not right:
            wrong.append(f"{named} read as {seen.motion} {[(o.colour, o.shape) for o in seen.objects]}")
        elif main is not None:
            assert float((main.x_F - state.x[n, :, 0]).abs().max()) < 0.03
    assert len(wrong) <= 1, wrong  # an orange ball before the evening sun has a stripe of the same colour


def test_a_camera_move_is_told_from_flicker(eye: Eye) -> None:
    asked = [Attributes("ball", "blue", "slide left", background=place) for place in BACKGROUNDS]
    asked += [Attributes("ball", "blue", "still", background="night", camera=move) for move in ("pan left", "push in")]
    scenes = scenes_from_attributes(asked, 3, duration_s=DURATION_S, aspect=ASPECT)
    video = render_video(scenes, frames=FRAMES, height=HEIGHT, width=WIDTH, fps=FPS)
    # what an autoencoder leaves: broad stains that come and go
    noise = torch.randn(len(asked), 3, 3, 3, 5, generator=torch.Generator().manual_seed(1))
    stains = F.interpolate(noise, (FRAMES, HEIGHT, WIDTH), mode="trilinear")
    seen = [eye.look(clip, FPS) for clip in video + 0.02 * stains]
    assert [each.camera for each in seen] == ["fixed"] * len(BACKGROUNDS) + ["pan left", "push in"]
    assert all(each.motion == "slide left" for each in seen[: len(BACKGROUNDS)])


def test_bounces_are_seen_between_the_frames(eye: Eye) -> None:
    asked = [Attributes(shape, "blue", "bounce right", background="snow") for shape in SHAPES]
    scenes = scenes_from_attributes(asked, 2, duration_s=DURATION_S, aspect=ASPECT)
    video = render_video(scenes, frames=FRAMES, height=HEIGHT, width=WIDTH, fps=FPS)
    for n, moments in enumerate(bounce_times(scenes, DURATION_S)):
        seen = eye.look(video[n], FPS)
        for moment in moments:
            if 0.12 < moment < DURATION_S - 0.12:
                assert min(abs(moment - at) for at in seen.bounces_s) < 1 / FPS


@pytest.mark.parametrize("rate", [16000, 48000])
def test_strokes_are_heard_at_their_time_and_pitch(rate: int) -> None:
    asked = [Attributes(shape, "blue", "bounce") for shape in SHAPES]
    scenes = scenes_from_attributes(asked, 2, duration_s=2.0, aspect=ASPECT)
    sounds = render_audio(scenes, duration_s=2.0, rate=rate, aspect=ASPECT)
    for shape, moments, sound in zip(SHAPES, bounce_times(scenes, 2.0), sounds, strict=True):
        heard = listen(sound, rate)
        assert heard.shape == shape
        for moment in moments:
            if 0.05 < moment < 1.95:
                assert min(abs(moment - at) for at in heard.onsets_s) < 0.01


def test_a_hum_and_silence_are_told_apart() -> None:
    asked = [Attributes("ball", "blue", motion, place="left") for motion in ("rise", "fall", "still")]
    sounds = render_audio(
        scenes_from_attributes(asked, 2, duration_s=2.0, aspect=ASPECT), duration_s=2.0, aspect=ASPECT
    )
    rising, falling, still = (listen(sound, 16000) for sound in sounds)
    assert rising.hum_slope > 0.1 > -0.1 > falling.hum_slope
    assert still.loudness == 0.0
    assert still.onsets_s == ()
    assert rising.balance < -0.2


def test_an_empty_picture_holds_nothing(eye: Eye) -> None:
    scenes = sample_scenes(1, 1, duration_s=DURATION_S, aspect=ASPECT, two_objects=0.0)
    scenes = replace(scenes, present_BO=torch.zeros(1, 2))
    empty = render_video(scenes, frames=9, height=HEIGHT, width=WIDTH)
    assert eye.look(empty[0], FPS).objects == ()
    with pytest.raises(ValueError, match="reads"):
        eye.look(empty[0, :, :, :64], FPS)
