"""NAL units as H.264 and HEVC share them: in MP4's packing, between start codes, and read bit by bit.

Names and layouts: ITU-T H.264 section 7.3.1 and annex B, ITU-T H.265 section 7.3.1 and annex B, H.264 section 9.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

_ESCAPED: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class BadHeaders(ValueError):
    """Not a decoder configuration, or not a unit, that can be read."""


class Role(Enum):
    """What a picture is to those around it."""

    START = auto()  # decoding can begin here, whatever came before
    OPEN = auto()  # the same, when it's the first of its file or marked as a new start
    LEADING = auto()  # decoded after the picture that a group starts with, and shown before it
    OTHER = auto()


def annex_b(data: bytes) -> Iterator[bytes]:
    """The NAL units between start codes."""
    for part in data.split(b"\x00\x00\x01")[1:]:
        unit = part.rstrip(b"\x00")
        if unit:
            yield unit


def length_prefixed(data: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of an MP4 sample. Raises BadHeaders for one that isn't."""
    place = 0
    while place < len(data):
        length = int.from_bytes(data[place : place + length_size], "big")
        place += length_size
        if not length or place + length > len(data):
            raise BadHeaders("lengths don't fit")
        yield data[place : place + length]
        place += length


def as_sample(units: Iterable[bytes]) -> bytes:
    """NAL units with lengths of four bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def unescaped(unit: bytes) -> bytes:
    """A unit without the bytes that keep start codes out of it."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


def escaped(unit: bytes) -> bytes:
    """The opposite of `unescaped`."""
    made = _ESCAPED.sub(b"\x00\x00\x03", unit)
    return made + b"\x03" if made.endswith(b"\x00") else made


class Bits:
    """Reads an unescaped unit from its first bit on. Raises BadHeaders behind its end."""

    def __init__(self, data: bytes) -> None:
        self._bits = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
        self._at = 0

    def take(self, count: int) -> int:
        """The next bits as a number."""
        found = self._bits[self._at : self._at + count]
        if len(found) < count:
            raise BadHeaders("cut short")
        self._at += count
        return int(found or "0", 2)

    def exp_golomb(self) -> int:
        """The next unsigned Exp-Golomb number."""
        zeros = self._bits.find("1", self._at) - self._at
        if not 0 <= zeros < 32:
            raise BadHeaders("not a number")
        return self.take(2 * zeros + 1) - 1

    @property
    def rest(self) -> str:
        """What hasn't been read, as text of 0 and 1, without the stop bit and what follows it."""
        return self._bits[self._at : self._bits.rindex("1")]


def exp_golomb(number: int) -> str:
    """An unsigned Exp-Golomb number as text of 0 and 1."""
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def as_bytes(bits: str) -> bytes:
    """Text of 0 and 1 with a stop bit behind it, filled up to whole bytes."""
    stopped = bits + "1"
    filled = stopped + "0" * (-len(stopped) % 8)
    return int(filled, 2).to_bytes(len(filled) // 8, "big")
