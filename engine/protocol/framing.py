"""How messages are laid into a stream of bytes, and found again in it even after rubbish.

A frame is a 20-byte prefix, a header (one msgpack message) and a body (raw bytes, often none). Nothing here knows what
a message means, and nothing here reads or writes: bytes come in through `feed`, so that a pipe, a `QProcess` and a
test use the same reader.
"""

import struct
import zlib
from typing import Final, Literal, NamedTuple

from engine.protocol.errors import MessageTooLarge

MAGIC: Final = b"LTXm"
# magic, header bytes, body bytes, crc32 of the header, crc32 of the 16 bytes before
PREFIX: Final = struct.Struct("<4sIIII")


class Limits(NamedTuple):
    """The largest header and body, in bytes, that a reader accepts."""

    header_bytes: int
    body_bytes: int


REQUEST_LIMITS: Final = Limits(1 << 20, 8 << 20)  # towards the engine: prompts and pieces of files
EVENT_LIMITS: Final = Limits(16 << 20, 64 << 20)  # towards the app: lists of jobs, a 4K preview picture


class Frame(NamedTuple):
    """One whole frame: the encoded message and the bytes that travel with it."""

    header: bytes
    body: bytes


class Fault(NamedTuple):
    """A stretch of the stream that is no frame; said once, where the stretch begins."""

    kind: Literal["noise", "oversize", "torn"]
    detail: str


def pack(header: bytes, body: bytes | memoryview = b"", limits: Limits = EVENT_LIMITS) -> bytes:
    """Return the prefix and the header of a frame; the body, unchanged, must follow them on the wire.

    The body isn't joined in, so that a picture isn't copied once more. Raises MessageTooLarge.
    """
    body_bytes = len(body) if isinstance(body, bytes) else body.nbytes
    if len(header) > limits.header_bytes:
        raise MessageTooLarge("header", len(header), limits.header_bytes)
    if body_bytes > limits.body_bytes:
        raise MessageTooLarge("body", body_bytes, limits.body_bytes)
    start = struct.pack("<4sIII", MAGIC, len(header), body_bytes, zlib.crc32(header))
    return b"".join((start, struct.pack("<I", zlib.crc32(start)), header))


class FrameReader:
    """Cuts a stream of bytes into frames and holds at most one unfinished frame.

    After rubbish, a prefix that claims too much, or a header that fails its checksum, the reader looks for the next
    sound prefix, starting right behind the bad one: a message cut short costs itself, not its neighbours. Only a cut
    inside a body goes unseen until the next frame, because bodies carry no checksum (a picture would pay milliseconds).
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending = bytearray()
        self._lost = False  # True from a fault to the next sound frame: noise is told once a stretch

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait here for the rest of their frame."""
        return len(self._pending)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame | Fault]:
        """Take the next bytes of the stream; return the frames and faults that they complete, in order."""
        self._pending += data
        found: list[Frame | Fault] = []
        while (item := self._take()) is not None:
            if isinstance(item, Frame):
                self._lost = False
                found.append(item)
            else:
                if item.kind != "noise" or not self._lost:
                    found.append(item)
                self._lost = True
        return found

    def _take(self) -> Frame | Fault | None:
        """Remove one frame or one piece of rubbish from the front; None when more bytes are needed."""
        pending = self._pending
        if not MAGIC.startswith(bytes(pending[:4])):
            skipped = self._skip_to_magic()
            return Fault("noise", f"{skipped} bytes that begin no message")
        if len(pending) < PREFIX.size:
            return None
        _, header_bytes, body_bytes, header_crc, prefix_crc = PREFIX.unpack_from(pending)
        if zlib.crc32(pending[: PREFIX.size - 4]) != prefix_crc:
            self._skip_to_magic()
            return Fault("noise", "a prefix that fails its checksum")
        if header_bytes > self._limits.header_bytes or body_bytes > self._limits.body_bytes:
            self._skip_to_magic()
            return Fault(
                "oversize",
                f"a header of {header_bytes} and a body of {body_bytes} bytes; "
                f"the limits are {self._limits.header_bytes} and {self._limits.body_bytes}",
            )
        body_start = PREFIX.size + header_bytes
        if len(pending) < body_start:
            return None
        with memoryview(pending) as view:
            header = bytes(view[PREFIX.size : body_start])
        if zlib.crc32(header) != header_crc:
            self._skip_to_magic()
            return Fault("torn", f"a header of {header_bytes} bytes that fails its checksum")
        if len(pending) < body_start + body_bytes:
            return None
        with memoryview(pending) as view:
            body = bytes(view[body_start : body_start + body_bytes])
        del pending[: body_start + body_bytes]
        return Frame(header, body)

    def _skip_to_magic(self) -> int:
        """Drop at least one byte, up to the next place where a prefix may begin; return how many were dropped."""
        pending = self._pending
        at = pending.find(MAGIC, 1)
        if at < 0:  # keep a tail that may be the first bytes of a magic
            tail = next((n for n in (3, 2, 1) if n < len(pending) and MAGIC.startswith(bytes(pending[-n:]))), 0)
            at = len(pending) - tail
        del pending[:at]
        return at
