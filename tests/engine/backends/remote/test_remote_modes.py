"""Every mode of the LTX API, from the job to a take of exactly the asked frames, rate, size and samples."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_api import described, sound_seconds
from PIL import Image
from remote_kit import Desk, check_file, clip, footage, loudness, made

from engine.backends.base import BadRequest, Unsupported
from engine.media.encode import Delivery, write_media
from engine.media.recipe import read_recipe
from engine.protocol.grid import sample_of_frame
from engine.protocol.work import (
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Keyframe,
    Lora,
    Neighbour,
    Output,
    Retake,
    Sound,
    TextToVideo,
)

AGREED: dict[str, Any] = {"may_leave": True}


def picture(path: Path, size: tuple[int, int] = (64, 48)) -> str:
    Image.new("RGB", size, (200, 30, 30)).save(path)
    return str(path)


def test_words_become_a_clip_of_exactly_the_asked_frames(remote: Desk) -> None:
    result = remote.run(clip(frames=45, rate="24000/1001", output=Output(name="ball")))
    take = result.files[0]
    check_file(take)
    assert (take.frames, take.rate, take.samples) == (45, "24000/1001", 90090)
    assert made(take.path) == list(range(45))
    assert loudness(take.path) > 0.1
    assert Path(take.path).name == "ball.mp4"
    body = remote.api.jobs["job-1"].body
    assert body == {
        "prompt": "a red ball",
        "model": "ltx-2-3-fast",
        "resolution": "1280x720",
        "duration": 2,
        "fps": 24,
        "generate_audio": True,
    }
    recipe = read_recipe(Path(take.path))
    assert recipe["work"]["prompt"] == "a red ball"
    assert (recipe["backend"], recipe["settings"]["service_job"]) == ("remote", "job-1")
    assert (result.cost_cents, "$0.06" in result.cost_text) == (6, True)


def test_a_rate_that_the_service_lacks_is_taken_from_the_next_higher_one_by_time(remote: Desk) -> None:
    take = remote.run(clip(frames=30, rate="30", sound=False)).files[0]
    check_file(take)
    assert take.samples == 0
    assert remote.api.jobs["job-1"].body["fps"] == 48
    assert made(take.path) == [int(frame * Fraction(48, 30)) for frame in range(30)]
    assert "makes no 30 frames per second: 48 are made" in remote.heard.words("adjusted")


@pytest.mark.parametrize(
    ("size", "resolution"), [((320, 320), "1280x720"), ((144, 256), "720x1280"), ((1920, 1080), "1920x1080")]
)
def test_any_shape_is_made_at_the_nearest_size_and_cut_back(
    remote: Desk, size: tuple[int, int], resolution: str
) -> None:
    take = remote.run(clip(width=size[0], height=size[1], frames=9)).files[0]
    check_file(take)
    assert remote.api.jobs["job-1"].body["resolution"] == resolution
    assert made(take.path) == list(range(9))


def test_a_picture_begins_a_clip_and_another_ends_it(remote: Desk, tmp_path: Path) -> None:
    first, last = picture(tmp_path / "first.png"), picture(tmp_path / "last.png", (100, 20))
    pictures = (Keyframe(image=first), Keyframe(image=last, frame=46))
    work = ImageToVideo(width=256, height=144, frames=47, rate="24", keyframes=pictures, model="ltx-2-3-pro", **AGREED)
    take = remote.run(work).files[0]
    check_file(take)
    assert made(take.path)[0] == 0
    assert made(take.path)[-1] == 47  # the service's last frame is the take's, or the last picture would be lost
    body = remote.api.jobs["job-1"].body
    for name in ("image_uri", "last_frame_uri"):
        sent = described(remote.api.files[body[name]])
        assert (sent.width, sent.height) == (1280, 720)
    assert "the picture first.png" in remote.estimate(work).sends


def test_a_last_picture_needs_one_of_the_lengths_of_the_service(remote: Desk, tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    pictures = (Keyframe(image=image), Keyframe(image=image, frame=39))
    work = ImageToVideo(width=256, height=144, frames=40, rate="24", keyframes=pictures, model="ltx-2-3-pro", **AGREED)
    estimate = remote.estimate(work)
    assert not estimate.fits
    assert isinstance(estimate.nearest, ImageToVideo)
    assert estimate.nearest.frames == 48
    assert remote.estimate(estimate.nearest).fits


def test_a_sound_becomes_a_clip_and_stays_its_soundtrack_sample_for_sample(remote: Desk, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 48_000 * 3)).astype(np.float32)
    write_media(tmp_path / "song.wav", Delivery.WAV, samples=noise)
    work = AudioToVideo(
        prompt="a drum",
        audio=Sound(file=str(tmp_path / "song.wav"), start=24_000),
        width=256,
        height=144,
        frames=30,
        rate="25",
        model="ltx-2-3-pro",
        output=Output(codec="ffv1"),
        **AGREED,
    )
    take = remote.run(work).files[0]
    check_file(take)
    from engine.media.decode import AudioReader

    with AudioReader(Path(take.path)) as reader:
        kept = reader.read(0, take.samples)
    assert np.abs(kept - noise[:, 24_000 : 24_000 + take.samples]).max() < 1e-4
    assert made(take.path) == [int(frame * Fraction(24, 25)) for frame in range(30)]
    sent = remote.api.files[remote.api.jobs["job-1"].body["audio_uri"]]
    assert sound_seconds(sent) == pytest.approx(2.0)  # no less is taken; no more of the song leaves than is needed


@pytest.mark.usefixtures("small_films")
@pytest.mark.parametrize("shape", ["whole", "new"])
def test_a_retake_sends_only_its_window_and_gives_exactly_its_frames(remote: Desk, tmp_path: Path, shape: str) -> None:
    film = footage(tmp_path / "kitchen.mkv", 300, "30000/1001", (128, 72))
    remote.api.shape = shape
    work = Retake(source=str(film), start=150, end=212, prompt="rain", context=10, model="ltx-2-3-pro", **AGREED)
    take = remote.run(work).files[0]
    check_file(take)
    handles = (4, 4) if shape == "whole" else (0, 0)
    assert (take.handle_before, take.handle_after) == handles
    assert (take.frames, take.rate, take.width, take.height) == (62 + sum(handles), "30000/1001", 128, 72)
    assert made(take.path) == [-1] * handles[0] + list(range(62)) + [-1] * handles[1]
    first = 150 - handles[0]
    rate = Fraction(30000, 1001)
    assert take.samples == sample_of_frame(first + take.frames, rate) - sample_of_frame(first, rate)
    body = remote.api.jobs["job-1"].body
    sent = described(remote.api.files[body["video_uri"]])
    assert (sent.width, sent.height, sent.rate, sent.sound) == (320, 180, 30, True)
    assert 73 <= len(sent.greys) < 100  # of 300
    assert all(b"kitchen" not in data for data in remote.api.files.values())  # no names of files are sent
    assert "kitchen" not in str(body)
    assert body["mode"] == "replace_audio_and_video"
    assert body["duration"] == pytest.approx(62 / 30)
    assert any("frames 1" in said and "kitchen.mkv" in said for said in remote.estimate(work).sends)


@pytest.mark.usefixtures("small_films")
def test_a_retake_of_the_picture_keeps_the_sound_and_one_of_the_sound_gives_only_sound(
    remote: Desk, tmp_path: Path
) -> None:
    film = footage(tmp_path / "talk.mkv", 90, "24", (128, 72))
    base: dict[str, Any] = {"source": str(film), "start": 20, "end": 70, "model": "ltx-2-3-pro", "prompt": "rain"}
    take = remote.run(Retake(what="picture", **base, **AGREED)).files[0]
    check_file(take)
    assert loudness(take.path) == pytest.approx(0.1 / 2**0.5, rel=0.05)  # the film's own tone, not the service's
    take = remote.run(Retake(what="sound", **base, **AGREED)).files[0]
    check_file(take)
    assert (take.role, Path(take.path).suffix) == ("audio", ".wav")
    assert loudness(take.path) == pytest.approx(0.25 / 2**0.5, rel=0.1)
    modes = [job.body["mode"] for job in remote.api.jobs.values()]
    assert modes == ["replace_video", "replace_audio"]


def test_a_retake_of_too_little_says_what_would_do(remote: Desk, tmp_path: Path) -> None:
    film = footage(tmp_path / "a.mkv", 90, "24", (64, 36), sound=False)
    work = Retake(source=str(film), start=2, end=12, model="ltx-2-3-pro", **AGREED)
    estimate = remote.estimate(work)
    assert not estimate.fits
    assert isinstance(estimate.nearest, Retake)
    assert (estimate.nearest.start, estimate.nearest.end) == (0, 48)
    with pytest.raises(BadRequest, match="10 frames are too few"):
        remote.run(work)
    assert remote.api.seen == []


@pytest.mark.usefixtures("small_films")
@pytest.mark.parametrize("shape", ["whole", "new"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_an_extension_has_exactly_its_frames_on_its_side(
    remote: Desk, tmp_path: Path, direction: Any, shape: str
) -> None:
    film = footage(tmp_path / "a.mkv", 90, "24", (128, 72))
    remote.api.shape = shape
    at = 80 if direction == "forward" else 5
    work = Extend(source=str(film), at=at, frames=31, direction=direction, prompt="on", model="ltx-2-3-pro", **AGREED)
    take = remote.run(work).files[0]
    check_file(take)
    forward, whole = direction == "forward", shape == "whole"
    handles = (4 if forward and whole else 0, 4 if not forward and whole else 0)
    assert (take.handle_before, take.handle_after, take.frames) == (*handles, 31 + sum(handles))
    new = list(range(31)) if forward else list(range(17, 48))  # of 48: the service adds two seconds at least
    assert made(take.path) == [-1] * handles[0] + new + [-1] * handles[1]
    body = remote.api.jobs["job-1"].body
    assert (body["mode"], body["duration"]) == ("end" if forward else "start", 2.0)
    assert len(described(remote.api.files[body["video_uri"]]).greys) == 73


# --- what it can't do ---


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (clip(frames=600), "at most 20 s, 480 frames"),
        (clip(prompt=""), "needs a prompt"),
        (clip(loras=(Lora(lora="style"),)), "takes no LoRAs"),
        (clip(variations=4), "one take at a time"),
        (clip(camera="orbit", model="ltx-2-3-pro"), "choose dolly_in"),
        (clip(camera="dolly_in"), "has no camera move"),
        (clip(stage="finish", draft_latents="/x"), "can't be finished"),
        (clip(model="ltx-9"), "has no model 'ltx-9'"),
        (ImageToVideo(width=64, height=64, frames=9, rate="24", **AGREED), "for the first frame"),
    ],
)
def test_what_the_service_can_not_do_is_refused_before_anything_is_sent(
    remote: Desk, work: TextToVideo, words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        remote.run(work)
    assert remote.api.seen == []


def test_modes_that_the_service_lacks_and_jobs_without_consent_are_refused(remote: Desk, tmp_path: Path) -> None:
    side = Neighbour(source="/a", at=1)
    gap = FillGap(before=side, after=side, width=64, height=64, frames=9, rate="24", model="pro", **AGREED)
    with pytest.raises(Unsupported, match="fill gap"):
        remote.run(gap)
    with pytest.raises(Unsupported, match="before you have agreed"):
        remote.run(clip(may_leave=False))
    assert remote.api.seen == []


def test_estimates_name_the_price_what_is_sent_and_what_is_otherwise(remote: Desk) -> None:
    estimate = remote.estimate(clip(width=3840, height=2160, frames=240, negative="blur", model="ltx-2-3-pro"))
    assert estimate.fits
    assert estimate.cost_cents == 320
    assert estimate.cost_text.startswith("about $3.20")
    assert estimate.sends[0] == "the prompt (10 characters)"
    assert "127.0.0.1" in estimate.sends[-1]
    assert "no negative prompt" in " ".join(estimate.adjusted)
    assert remote.api.seen == []
