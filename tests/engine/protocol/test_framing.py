"""Frames survive any cutting of the stream, and rubbish between them costs only itself."""

import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.errors import MessageTooLarge
from engine.protocol.framing import PREFIX, REQUEST_LIMITS, Fault, Frame, FrameReader, Limits, pack

SMALL = Limits(header_bytes=1000, body_bytes=5000)


def wire(header: bytes, body: bytes = b"") -> bytes:
    return pack(header, body, SMALL) + body


def frames(items: list[Frame | Fault]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def faults(items: list[Frame | Fault]) -> list[str]:
    return [item.kind for item in items if isinstance(item, Fault)]


@given(st.lists(st.tuples(st.binary(max_size=200), st.binary(max_size=400)), max_size=8), st.integers(1, 97))
def test_frames_arrive_whole_however_the_stream_is_cut(messages: list[tuple[bytes, bytes]], piece: int) -> None:
    stream = b"".join(wire(header, body) for header, body in messages)
    reader = FrameReader(SMALL)
    found: list[Frame | Fault] = []
    for at in range(0, len(stream), piece):
        found += reader.feed(stream[at : at + piece])
    assert found == [Frame(header, body) for header, body in messages]
    assert reader.pending_bytes == 0


@given(st.binary(max_size=300), st.integers(1, 97))
def test_noise_before_a_frame_is_told_once_and_the_frame_is_found(noise: bytes, piece: int) -> None:
    reader = FrameReader(SMALL)
    stream = b"#" + noise + wire(b"sound") + wire(b"too")
    found: list[Frame | Fault] = []
    for at in range(0, len(stream), piece):
        found += reader.feed(stream[at : at + piece])
    assert frames(found)[-2:] == [Frame(b"sound", b""), Frame(b"too", b"")]
    assert faults(found).count("noise") == 1


def test_a_message_cut_short_costs_only_itself() -> None:
    reader = FrameReader(SMALL)
    torn = wire(b"h" * 500)[:100]
    found = reader.feed(torn + wire(b"a" * 300) + wire(b"b" * 300))
    assert faults(found) == ["torn"]
    assert [frame.header[:1] for frame in frames(found)] == [b"a", b"b"]


@pytest.mark.parametrize(("header_bytes", "body_bytes"), [(1001, 0), (10, 5001), (2**32 - 1, 2**32 - 1)])
def test_a_claim_over_the_limits_is_refused_and_never_waited_for(header_bytes: int, body_bytes: int) -> None:
    start = PREFIX.pack(b"LTXm", header_bytes, body_bytes, 0, 0)[:-4]
    reader = FrameReader(SMALL)
    found = reader.feed(start + zlib.crc32(start).to_bytes(4, "little") + b"x" * 50 + wire(b"next"))
    assert faults(found) == ["oversize"]
    assert frames(found) == [Frame(b"next", b"")]


def test_a_megabyte_of_noise_is_not_kept() -> None:
    reader = FrameReader(REQUEST_LIMITS)
    noise = random.Random(1).randbytes(1 << 20)
    for _ in range(20):
        reader.feed(noise)
    assert reader.pending_bytes < PREFIX.size


def test_a_stream_of_magics_is_not_kept() -> None:
    reader = FrameReader(SMALL)
    for _ in range(100):
        reader.feed(b"LTXm" * 1000)
    assert reader.pending_bytes < PREFIX.size


def test_the_sender_refuses_what_the_reader_would() -> None:
    with pytest.raises(MessageTooLarge, match="header of 1001 bytes"):
        pack(bytes(1001), b"", SMALL)
    with pytest.raises(MessageTooLarge, match="body of 5001 bytes"):
        pack(b"", memoryview(os.urandom(5001)), SMALL)
