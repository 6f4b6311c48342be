"""What a person entered becomes the right work, and what can't be done is said before it's asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import msgspec
import pytest

from engine.protocol.grid import FrameRange
from engine.protocol.messages import BackendCapability, Combination, ModeCapability, ModelCapability
from engine.protocol.work import AnyWork, AudioToVideo, Extend, ImageToVideo, Retake, TextToVideo
from ltxdesktop.jobs.ask import (
    Ask,
    SourceClip,
    capability,
    find_model,
    mode_of_ask,
    notes,
    problems,
    shapes_for,
    title_of,
    work_of,
)

CLIP = SourceClip("/films/kitchen.mp4", 97, Fraction(30000, 1001), 768, 512, has_sound=True)
WORDS = Ask(prompt="a red ball bounces", width=192, height=128, frames=25)
RETAKE = replace(WORDS, clip=CLIP, selection=FrameRange(30, 60))
EXTEND = replace(RETAKE, clip_action="extend", frames=48)

MODES = ("text_to_video", "image_to_video", "retake", "extend", "audio_to_video")


def model(**changes: object) -> ModelCapability:
    limits = ModeCapability(mode="text_to_video", available=True, max_frames=97, max_pixels=768 * 512, min_frames=8)
    modes = tuple(msgspec.structs.replace(limits, mode=mode) for mode in MODES)
    made = ModelCapability(model="pocket", title="Pocket", modes=modes, max_variations=4, default_width=192)
    return msgspec.structs.replace(made, default_height=128, **changes)


def backend(*models: ModelCapability, **changes: object) -> BackendCapability:
    made = BackendCapability(backend="local", title="This machine", available=True, models=models)
    return msgspec.structs.replace(made, **changes)


def said(ask: Ask, model: ModelCapability) -> str:
    return " ".join(problems(ask, backend(model), model))


@pytest.mark.parametrize(
    ("ask", "mode", "kind"),
    [
        (WORDS, "text_to_video", TextToVideo),
        (replace(WORDS, first_picture="/p.png"), "image_to_video", ImageToVideo),
        (replace(WORDS, sound_file="/s.wav", first_picture="/p.png"), "audio_to_video", AudioToVideo),
        (RETAKE, "retake", Retake),
        (EXTEND, "extend", Extend),
    ],
)
def test_mode_follows_from_what_was_given(ask: Ask, mode: str, kind: type[AnyWork]):
    assert mode_of_ask(ask) == mode
    work = work_of(ask)
    assert isinstance(work, kind)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(work), type=AnyWork) == work


def test_every_field_reaches_the_work():
    ask = replace(
        RETAKE, negative="noise", model="pocket", backend="local", seed=7, variations=3, stage="draft", what="picture"
    )
    work = work_of(ask)
    assert isinstance(work, Retake)
    assert (work.source, work.start, work.end, work.what) == (CLIP.path, 30, 60, "picture")
    assert (work.negative, work.model, work.backend) == ("noise", "pocket", "local")
    assert (work.seed, work.variations, work.stage) == (7, 3, "draft")


def test_last_picture_is_a_keyframe_at_the_last_frame():
    work = work_of(replace(WORDS, first_picture="/a.png", last_picture="/b.png"))
    assert isinstance(work, ImageToVideo)
    assert [(each.image, each.frame) for each in work.keyframes] == [("/a.png", 0), ("/b.png", 24)]


@pytest.mark.parametrize(("direction", "at"), [("forward", 97), ("backward", 0)])
def test_extension_begins_at_the_right_end(direction: str, at: int):
    work = work_of(replace(EXTEND, direction=direction))
    assert isinstance(work, Extend)
    assert (work.at, work.frames, work.direction) == (at, 48, direction)


def test_a_sound_ask_has_no_problems():
    for ask in (WORDS, RETAKE, EXTEND):
        assert problems(ask, backend(model()), model()) == []


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (replace(WORDS, prompt="  "), "Write what should be seen"),
        (replace(WORDS, frames=121), "121 frames is too long: Pocket makes at most 97"),
        (replace(WORDS, frames=5), "too short"),
        (replace(WORDS, width=1920, height=1080), "2.07 megapixels"),
        (replace(WORDS, width=16), "too small"),
        (replace(WORDS, variations=8), "at most 4 variations"),
        (replace(RETAKE, selection=FrameRange(60, 60)), "the range is empty"),
        (replace(RETAKE, selection=FrameRange(60, 98)), "the range is empty"),
        (replace(RETAKE, clip=replace(CLIP, has_sound=False), what="sound"), "no sound to retake"),
    ],
)
def test_problems_say_what_to_change(ask: Ask, words: str):
    assert words in said(ask, model())


def test_nothing_can_be_asked_without_a_model():
    assert problems(WORDS, None, None) == ["No model is ready to work yet."]


def test_reason_of_the_engine_is_passed_on():
    no_modes = model(modes=(ModeCapability(mode="text_to_video", available=False, why_not="Needs 24 GB."),))
    assert said(WORDS, no_modes) == "Needs 24 GB."
    assert said(RETAKE, no_modes) == "Pocket can't do this: retake."
    assert said(WORDS, model(available=False, why_not="Not installed.")) == "Not installed."
    gone = backend(model(), available=False, why_not="No key yet.")
    assert problems(WORDS, gone, model()) == ["No key yet."]


def test_rates_of_a_service_are_listed():
    limits = ModeCapability(mode="text_to_video", available=True, rates=("25", "50"))
    assert "25, 50" in said(WORDS, model(modes=(limits,)))


def test_first_usable_local_model_is_found_before_a_remote_one():
    remote = backend(model(model="api"), backend="remote", remote=True)
    broken = backend(model(model="big", available=False))
    found = find_model((remote, broken, backend(model())))
    assert found is not None
    assert found[1].model == "pocket"
    named = find_model((remote, backend(model())), model="api")
    assert named is not None
    assert named[0].remote
    assert find_model((broken,)) is None


def test_shapes_fit_the_model():
    one = model()
    limits = capability(one, "text_to_video")
    assert limits is not None
    shapes = shapes_for(one, limits)
    assert (shapes[0].width, shapes[0].height) == (192, 128)
    assert all(shape.width * shape.height <= limits.max_pixels for shape in shapes)
    assert len({(shape.width, shape.height) for shape in shapes}) == len(shapes)
    assert any(shape.height > shape.width for shape in shapes)


def test_service_with_fixed_sizes_offers_only_those():
    fixed = Combination(width=1920, height=1080, rates=("25",), seconds=(6.0,))
    limits = ModeCapability(mode="text_to_video", available=True, combinations=(fixed,))
    assert [(each.width, each.height) for each in shapes_for(model(), limits)] == [(1920, 1080)]


def test_snapped_size_is_said():
    limits = ModeCapability(mode="text_to_video", available=True)
    assert notes(replace(WORDS, width=1920, height=1080), limits) == [
        "1920x1080 is made as 1920x1088 and cropped back to 1920x1080"
    ]
    assert notes(replace(WORDS, width=1280, height=720), msgspec.structs.replace(limits, size_multiple=1)) == []
    assert notes(WORDS, limits) == []
    assert notes(RETAKE, limits) == []


def test_title_names_what_is_done_to_what():
    assert title_of(WORDS) == "a red ball bounces"
    assert title_of(RETAKE) == "Retake 00:01:00 to 00:02:00 of kitchen.mp4: a red ball bounces"
    assert title_of(EXTEND).startswith("Extend kitchen.mp4 by 1.60 s")
