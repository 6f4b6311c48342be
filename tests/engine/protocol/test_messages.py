"""Messages come back as they were sent; other versions, unknown kinds and impossible values are told apart."""

import itertools
import re
import typing
from pathlib import Path

import msgspec
import pytest

from engine.protocol import messages, work
from engine.protocol.errors import MalformedMessage, UnknownMessage
from engine.protocol.messages import (
    EVENT_TAGS,
    PROTOCOL,
    REQUEST_TAGS,
    ClientHello,
    Done,
    EngineHello,
    JobChanged,
    Ping,
    Recipe,
    Refused,
    Result,
    ResultFile,
    Submit,
    compatible,
    decode_event,
    decode_request,
    encode,
)
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
    Revoice,
    Sound,
    TextToVideo,
    Upscale,
    VideoToVideo,
    mode_of,
)

ONE_OF_EACH = [
    TextToVideo(prompt="a kite", width=768, height=512, frames=97, rate="30000/1001", seed=2**63 - 1, variations=8),
    ImageToVideo(
        width=64, height=64, frames=9, rate="24", keyframes=(Keyframe(image="/a.png", frame=8, strength=0.5),)
    ),
    AudioToVideo(audio=Sound(file="/s.wav", start=480, samples=48000), width=64, height=64, frames=25, rate="25"),
    Retake(source="/a.mov", start=100, end=110, what="picture", handles=2, loras=(Lora(lora="film", strength=0.7),)),
    Extend(source="/a.mov", at=0, frames=48, direction="backward", stage="finish", draft_latents="/d.safetensors"),
    FillGap(
        before=Neighbour(source="/a.mov", at=99),
        after=Neighbour(source="/b.mov", at=3),
        width=1920,
        height=1080,
        frames=31,
        rate="24000/1001",
    ),
    VideoToVideo(source="/a.mov", start=0, end=49, control="depth", output=Output(folder="/out", codec="prores")),
    Revoice(source="/a.mov", start=0, end=49, words="Bonjour"),
    Upscale(source="/a.mov", start=0, end=49, factor="1.5"),
]


@pytest.mark.parametrize("asked", ONE_OF_EACH, ids=mode_of)
def test_every_mode_travels_unchanged(asked: work.AnyWork) -> None:
    sent = Submit(call=7, job="8a2e", work=asked, priority=3, title="t", origin='{"clip": 1}')
    assert decode_request(encode(sent)) == sent


def test_the_names_of_modes_are_the_tags_of_the_classes() -> None:
    assert [mode_of(asked) for asked in ONE_OF_EACH] == list(typing.get_args(work.ModeName))


def test_a_result_with_its_recipe_travels_unchanged() -> None:
    recipe = Recipe(work=ONE_OF_EACH[3], engine="0.1.0", backend="local", device="CPU", settings={"precision": "bf16"})
    file = ResultFile(path="/r.mp4", role="video", size_bytes=9, frames=18, rate="30000/1001", handle_before=4)
    sent = JobChanged(job="1", state=Done(result=Result(files=(file,), recipe=recipe)))
    assert decode_event(encode(sent)) == sent


def test_requests_and_events_are_not_mistaken_for_each_other() -> None:
    assert isinstance(decode_request(encode(ClientHello(protocol=PROTOCOL, build="1"))), ClientHello)
    assert isinstance(decode_event(encode(EngineHello(protocol=PROTOCOL, build="1", pid=1))), EngineHello)
    assert REQUEST_TAGS.intersection(EVENT_TAGS) == {"hello"}


def test_unknown_fields_of_a_newer_minor_version_are_ignored() -> None:
    raw = msgspec.msgpack.encode({"type": "ping", "call": 5, "colour": "green", "deep": {"er": [1]}})
    assert decode_request(raw) == Ping(call=5)


def test_an_unknown_message_is_named_with_its_call() -> None:
    raw = msgspec.msgpack.encode({"type": "teleport", "call": 12})
    with pytest.raises(UnknownMessage, match="teleport") as caught:
        decode_request(raw)
    assert caught.value.call == 12


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"frames": 0}, "frames"),
        ({"frames": "many"}, "frames"),
        ({"frames": 2**63 - 1}, "frames"),
        ({"rate": "29.97"}, "rate"),
        ({"rate": "0/1"}, "rate"),
        ({"variations": 9}, "variations"),
        ({"seed": -1}, "seed"),
        ({"mode": "daydream"}, "mode"),
        ({"keyframes": [{"frame": 1}]}, "image"),
        ({"loras": [{"lora": ""}]}, "lora"),
        ({"output": {"name": "../../etc/passwd"}}, "name"),
        ({"prompt": "x" * 100_001}, "prompt"),
    ],
)
def test_an_impossible_field_is_named_in_the_refusal(changes: dict[str, object], names: str) -> None:
    asked = msgspec.to_builtins(ONE_OF_EACH[0]) | changes
    raw = msgspec.msgpack.encode({"type": "submit", "call": 3, "job": "1", "work": asked})
    with pytest.raises(MalformedMessage, match=names) as caught:
        decode_request(raw)
    assert caught.value.call == 3


@pytest.mark.parametrize("job", ["", "a b", "../x", "x" * 65, "ü"])
def test_a_job_id_can_not_name_a_path(job: str) -> None:
    raw = msgspec.msgpack.encode({"type": "cancel", "job": job})
    with pytest.raises(MalformedMessage, match="job"):
        decode_request(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="a byte that msgpack never uses"),
        pytest.param(b"\x00", id="a number"),
        pytest.param(b"\x93\x01\x02\x03", id="a list"),
        pytest.param(b"\x81\xa4type", id="cut short"),
        pytest.param(b"\x91" * 100_000, id="very deep"),
        pytest.param(b"\xdf\xff\xff\xff\xff", id="claims four billion keys"),
        pytest.param(b"\x81\xa4type\xa2\xff\xfe", id="no UTF-8"),
    ],
)
def test_bytes_that_are_no_message_are_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_request(raw)


def test_another_minor_version_is_spoken_to_and_another_major_is_not() -> None:
    major, minor = PROTOCOL
    assert compatible((major, minor + 5))
    assert not compatible((major + 1, 0))


def test_the_specification_lists_every_request_and_no_other() -> None:
    text = Path(messages.__file__).with_name("README.md").read_text()
    table = text.split("| request | reply |")[1].split("\n\n")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = list(itertools.chain.from_iterable(re.findall(r"`(\w+)`", cell) for cell in first_cells))
    assert sorted(named) == sorted(REQUEST_TAGS)


def test_the_specification_lists_every_kind_of_refusal_it_promises() -> None:
    kinds = typing.get_args(typing.get_type_hints(Refused)["kind"])
    text = Path(messages.__file__).with_name("README.md").read_text()
    table = text.split("| request | reply |")[1].split("\n\n")[0]
    promised = {kind for line in table.splitlines()[2:] for kind in re.findall(r"`(\w+)`", line.split("|")[3])}
    assert promised <= set(kinds)
