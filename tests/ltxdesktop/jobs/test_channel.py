"""The app's end of the channel: what bytes mean, and how an engine's end is put into words."""

from __future__ import annotations

import logging
import sys

import pytest

from engine.protocol.framing import pack
from engine.protocol.messages import (
    PROTOCOL,
    ClientHello,
    EngineHello,
    Event,
    ExitStatus,
    Goodbye,
    JobPreview,
    Ping,
    Pong,
    decode_request,
    encode,
)
from engine.protocol.ring import RingWriter
from ltxdesktop.jobs.channel import Channel, Pixels, ending_of, engine_command


def frame(event: Event, body: bytes = b"") -> bytes:
    return pack(encode(event), body) + body


def hello(ring: RingWriter | None = None) -> bytes:
    described = ring.description if ring is not None else None
    return frame(EngineHello(protocol=PROTOCOL, build="test", pid=1, ring=described))


def test_events_come_out_however_the_bytes_are_cut():
    data = hello() + frame(Pong(call=3)) + frame(Pong(call=4))
    for size in (1, 7, len(data)):
        channel = Channel()
        events = [a.event for start in range(0, len(data), size) for a in channel.receive(data[start : start + size])]
        assert [type(event) for event in events] == [EngineHello, Pong, Pong]
        assert channel.hello is not None


def test_requests_can_be_read_by_the_engine():
    channel = Channel()
    greeting = decode_request(channel.answer_hello()[20:])
    assert isinstance(greeting, ClientHello)
    assert greeting.protocol == PROTOCOL
    assert decode_request(channel.send(Ping(call=9))[20:]) == Ping(call=9)


def test_preview_in_the_ring_comes_with_its_pixels_until_it_is_overwritten():
    pixels = bytes(range(12))
    with RingWriter(slots=2, slot_bytes=64) as ring:
        channel = Channel()
        channel.receive(hello(ring))
        slot, stamp = ring.write(pixels)
        preview = JobPreview(job="a", width=2, height=2, slot=slot, stamp=stamp)
        body = channel.receive(frame(preview))[0].body
        assert isinstance(body, Pixels)
        assert body.copy() == pixels
        ring.write(pixels)
        ring.write(pixels)
        assert channel.receive(frame(preview)) == []
        channel.close()


def test_preview_in_the_channel_comes_with_its_body():
    channel = Channel(remote=True)
    arrivals = channel.receive(frame(JobPreview(job="a", width=1, height=1), b"rgb"))
    assert arrivals[0].body == b"rgb"


def test_rubbish_and_newer_messages_are_left_out_and_logged(caplog: pytest.LogCaptureFixture):
    import msgspec

    newer = msgspec.msgpack.encode({"type": "from_the_future"})
    broken = msgspec.msgpack.encode({"type": "pong", "call": "three"})
    channel = Channel()
    with caplog.at_level(logging.INFO):
        data = b"noise" + pack(newer) + pack(broken) + frame(Pong(call=1))
        assert [arrival.event for arrival in channel.receive(data)] == [Pong(call=1)]
    assert len(caplog.records) == 3


@pytest.mark.parametrize(
    ("status", "again", "words"),
    [
        (ExitStatus.ENDED, True, "has ended"),
        (ExitStatus.STORE_LOCKED, False, "Another window"),
        (ExitStatus.STORE_BROKEN, False, "list of jobs"),
        (ExitStatus.BAD_PROTOCOL, False, "another version"),
        (ExitStatus.WRONG_USE, False, "how it was started"),
        (ExitStatus.BROKEN, True, "fresh start"),
        (-9, True, "signal 9"),
        (1, True, "status 1"),
    ],
)
def test_every_ending_has_words_and_says_whether_to_start_again(status: int, again: bool, words: str):
    ending = ending_of(status, None)
    assert ending.may_restart == again
    assert words in ending.words


def test_goodbye_is_passed_on():
    goodbye = Goodbye(kind="store_locked", message="Process 42 has it.")
    assert ending_of(ExitStatus.STORE_LOCKED, goodbye).words.endswith("Process 42 has it.")


def test_own_engine_is_started_with_this_python_and_another_by_its_command():
    assert engine_command(backends=["test"], store="/s") == [
        sys.executable, "-m", "engine", "--stdio", "--backend", "test", "--store", "/s",
    ]  # fmt: skip
    assert engine_command("ssh host 'ltx engine' --stdio") == ["ssh", "host", "ltx engine", "--stdio"]


def test_a_window_has_its_own_engine_give_way_but_none_that_a_person_starts():
    assert engine_command(background=True) == [sys.executable, "-m", "engine", "--stdio", "--background"]
    assert "--background" not in engine_command("ssh host ltx-engine --stdio", background=True)
