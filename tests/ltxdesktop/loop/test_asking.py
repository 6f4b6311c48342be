"""Places and wishes become work; what waits for a result is found again after a restart."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from engine.protocol.grid import FrameRange
from engine.protocol.messages import BackendCapability, ModeCapability, ModelCapability
from engine.protocol.work import (
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Lora,
    Neighbour,
    Retake,
    TextToVideo,
    mode_of,
)
from ltxdesktop.document.model import ItemId, MediaId, SequenceId, TrackId, new_sequence
from ltxdesktop.loop.asking import Wish, mode_of_place, passes_words, problems, work_for
from ltxdesktop.loop.keeping import keep_now
from ltxdesktop.loop.pending import Pending, PendingTakes
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, OfClip, Place

RATE = Fraction(30000, 1001)
SEQUENCE = new_sequence(width=1280, height=720, rate=RATE)
CLIP = OfClip(
    SequenceId("s"), ItemId("c"), MediaId("m"), "/a.mp4",
    10, 20, Fraction(1001, 500), Fraction(1), RATE, FrameRange(60, 80),
)  # fmt: skip
PLACES: list[Place] = [
    CLIP,
    AfterClip(SequenceId("s"), ItemId("c"), MediaId("m"), "/a.mp4", 150, 24, 24, "forward"),
    InGap(
        SequenceId("s"), ItemId("g"), TrackId("t"), 100, 30,
        Neighbour(source="/a.mp4", at=150), Neighbour(source="/b.mp4", at=0),
    ),
    AtFrame(SequenceId("s"), 40, None),
]  # fmt: skip


@pytest.mark.parametrize(("place", "kind"), [*zip(PLACES, [Retake, Extend, FillGap, TextToVideo], strict=True)])
def test_each_place_has_its_work(place: Place, kind: type) -> None:
    wish = Wish(prompt=" a ball ", seed=7, variations=3, camera="pan", loras=(Lora(lora="look", strength=0.5),))
    work = work_for(place, wish, SEQUENCE)
    assert isinstance(work, kind)
    assert (work.prompt, work.seed, work.variations, work.camera) == ("a ball", 7, 3, "pan")
    assert work.loras == (Lora(lora="look", strength=0.5),)
    assert mode_of(work) == mode_of_place(place, wish)


def test_a_retake_names_the_medias_frames_and_what_is_made() -> None:
    work = work_for(CLIP, Wish(prompt="x", what="sound", strength=0.6), SEQUENCE)
    assert isinstance(work, Retake)
    assert (work.source, work.start, work.end, work.what, work.strength) == ("/a.mp4", 60, 80, "sound", 0.6)


def test_a_new_clip_is_the_sequences_size_and_follows_what_is_given() -> None:
    plain = work_for(PLACES[3], Wish(prompt="x"), SEQUENCE)
    assert isinstance(plain, TextToVideo)
    assert (plain.width, plain.height, plain.frames, plain.rate) == (1280, 720, 60, "30000/1001")
    assert isinstance(work_for(PLACES[3], Wish(prompt="x", picture="/p.png"), SEQUENCE), ImageToVideo)
    assert isinstance(work_for(PLACES[3], Wish(prompt="x", sound="/s.wav"), SEQUENCE), AudioToVideo)


def _model(**limits: int) -> tuple[BackendCapability, ModelCapability]:
    mode = ModeCapability(mode="retake", available=True, **limits)
    model = ModelCapability(model="m", title="Pocket", available=True, modes=(mode,), max_variations=4)
    return BackendCapability(backend="local", title="Here", available=True, models=(model,)), model


def test_what_cant_be_asked_for_says_what_to_change() -> None:
    backend, model = _model(min_frames=9, max_frames=15, max_pixels=1000)
    said = problems(CLIP, Wish(variations=8), SEQUENCE, backend, model, (64, 64))
    assert len(said) == 4
    assert "at most 15" in said[1]
    assert problems(CLIP, Wish(), SEQUENCE, None, None, (64, 64)) == ["No model is ready to work yet."]
    assert "can't do this" in problems(PLACES[1], Wish(), SEQUENCE, backend, model, (64, 64))[0]
    assert problems(CLIP, Wish(prompt="x"), SEQUENCE, *_model(max_frames=99), (64, 64)) == []


def test_what_is_made_in_passes_is_said() -> None:
    _, model = _model(max_frames_per_pass=17)
    assert "17 frames" in passes_words(CLIP, Wish(), SEQUENCE, model)
    for most in (0, 20):
        assert passes_words(CLIP, Wish(), SEQUENCE, _model(max_frames_per_pass=most)[1]) == ""


def test_jobs_find_their_places_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state" / "takes.json"
    waiting = PendingTakes(file)
    for number, place in enumerate(PLACES):
        waiting.add(Pending(f"job-{number}", "untitled", place, "both", "Take"))
    waiting.done("job-3")
    waiting.rename_project("untitled", "/film.otio")
    again = PendingTakes(file)
    assert [each.place for each in again] == PLACES[:3]
    assert [(each.job, each.project) for each in again] == [(f"job-{n}", "/film.otio") for n in range(3)]
    assert again.of("job-3") is None


def test_a_take_that_landed_stays_in_the_file_until_its_landing_is_kept(tmp_path: Path) -> None:
    file, asked = tmp_path / "takes.json", list[Callable[[], None]]()
    waiting = PendingTakes(file)
    waiting.add(Pending("job", "untitled", PLACES[0]))
    later = PendingTakes(file, lambda path, words: asked.append(partial(keep_now, path, words)))

    def kept() -> None:
        assert [each.job for each in PendingTakes(file)] == ["job"]
        seen.append("kept")

    seen: list[str] = []
    later.done("job", kept)
    assert later.is_earlier("job")
    assert not seen
    for write in asked:
        write()
    assert seen == ["kept"]
    assert not list(PendingTakes(file))


def test_a_broken_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "takes.json"
    file.write_text("[{", encoding="utf-8")
    assert list(PendingTakes(file)) == []
    assert file.with_suffix(".broken").exists()
