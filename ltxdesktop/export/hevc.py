"""As much of HEVC as copying needs: the parameter sets that describe a stream, and other numbers for an encoder's, so
that its stream can stand in one file with what is copied.

x265 can't be told numbers: its sets are all number 0, like everybody's. Two sets under one number are only allowed
where they stand among the pictures ("hev1"), which Apple's players refuse. So what x265 made is renumbered here. A
picture names its picture parameter set near its start, in an Exp-Golomb number. Number 0 takes one bit and those from
15 on nine: all that follows moves by a whole byte, and stays as it is.

Names and layouts: ITU-T H.265 (08/2021) sections 7.3.1.2, 7.3.2.1, 7.3.2.2.1, 7.3.2.3.1, 7.3.3, 7.3.6.1; the "hvcC"
box: ISO 14496-15 section 8.3.3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Final, NamedTuple, Self

from ltxdesktop.export.nal import (
    BadHeaders,
    Bits,
    Role,
    annex_b,
    as_bytes,
    as_sample,
    escaped,
    exp_golomb,
    length_prefixed,
    unescaped,
)

VPS: Final = 32
SPS: Final = 33
PPS: Final = 34
CRA: Final = 21
BLA: Final = 18  # without leading pictures

_HEADER: Final = 2  # bytes
_LEADING: Final = range(6, 10)  # RADL and RASL pictures
_IRAP: Final = range(16, 24)
_IDR: Final = (19, 20)
_PICTURES: Final = range(32)
_NO_PRIOR: Final = 0x40  # no_output_of_prior_pics_flag in the first byte of an IRAP picture
_PROFILES: Final = (1, 2)  # Main and Main 10; each decoder of the second knows the first
_PROFILE_BYTES: Final = 12  # general profile, tier, flags and level
_NEW_PPS: Final = range(15, 31)  # numbers that take eight bits more than 0


class Numbers(NamedTuple):
    """Of a stream's parameter sets."""

    vps: int
    sps: int
    pps: int


@dataclass(frozen=True)
class Headers:
    """The parameter sets of a stream, without start codes or lengths."""

    vps: tuple[bytes, ...]
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    length_size: int = 4  # bytes of the length before each NAL unit in the packets

    def __post_init__(self) -> None:
        """Raises BadHeaders for sets without a number."""
        self._numbered()

    @classmethod
    def parse(cls, extradata: bytes) -> Self:
        """From "hvcC", or from Annex B as encoders give it.

        Raises BadHeaders for what isn't that, or isn't one layer of Main or Main 10.
        """
        boxed = extradata[:1] == b"\x01" and len(extradata) > 22
        units = list(_units_of_box(extradata) if boxed else annex_b(extradata))
        found = cls.of(units, (extradata[21] & 3) + 1 if boxed else 4)
        for unit in found.sps:
            if _profile(unit)[0] & 31 not in _PROFILES:
                raise BadHeaders("another profile")
        return found

    @classmethod
    def of(cls, units: Iterable[bytes], length_size: int = 4) -> Self:
        """From units, of which those are taken that are parameter sets. Raises BadHeaders."""
        sets = [unit for unit in units if kind_of(unit) in (VPS, SPS, PPS)]
        if any(_layer(unit) for unit in sets):
            raise BadHeaders("several layers")
        vps, sps, pps = (tuple(unit for unit in sets if kind_of(unit) == kind) for kind in (VPS, SPS, PPS))
        if not vps or not sps or not pps:
            raise BadHeaders("no parameter sets")
        return cls(vps, sps, pps, length_size)

    def to_box(self) -> bytes:
        """As "hvcC" for lengths of four bytes: 4:2:0, 8 bits. What it says of the profile holds for all sets."""
        profiles = [_profile(unit) for unit in self.sps]
        space_tier_idc = max(each[0] for each in profiles)
        flags = bytes(reduce(int.__and__, each) for each in zip(*profiles, strict=True))
        level = max(each[-1] for each in profiles)
        layers = [unescaped(unit)[_HEADER] for unit in self.sps]
        count = max(each >> 1 & 7 for each in layers) + 1
        nested = min(each & 1 for each in layers)
        box = bytes([1, space_tier_idc]) + flags[1:-1] + bytes([level])
        box += bytes([0xF0, 0, 0xFC, 0xFC | 1, 0xF8, 0xF8, 0, 0, count << 3 | nested << 2 | 3, 3])
        for kind, units in ((VPS, self.vps), (SPS, self.sps), (PPS, self.pps)):
            box += bytes([0x80 | kind]) + len(units).to_bytes(2, "big")
            box += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
        return box

    def agrees_with(self, other: object) -> bool:
        """Can both be in one file: is no number used for two different sets?"""
        if not isinstance(other, Headers):
            return False
        mine, theirs = self._numbered(), other._numbered()
        return all(theirs.get(number, unit) == unit for number, unit in mine.items())

    def with_those_of(self, other: object) -> Headers:
        """The sets of both, each once."""
        assert isinstance(other, Headers)
        vps, sps, pps = (
            tuple(dict.fromkeys((*mine, *theirs)))
            for mine, theirs in ((self.vps, other.vps), (self.sps, other.sps), (self.pps, other.pps))
        )
        return Headers(vps, sps, pps)

    def free_numbers(self) -> Numbers | None:
        """Numbers that these sets don't use and an encoder's stream can get; None when there are none."""
        used = self._numbered()
        found = [
            next((number for number in numbers if (kind, number) not in used), None)
            for kind, numbers in ((VPS, range(1, 16)), (SPS, range(1, 16)), (PPS, _NEW_PPS))
        ]
        vps, sps, pps = found
        return None if vps is None or sps is None or pps is None else Numbers(vps, sps, pps)

    def units(self, sample: bytes) -> list[bytes] | None:
        """The NAL units of a packet without those that the headers say already; None if they bring other sets, or
        another layer."""
        try:
            units = list(length_prefixed(sample, self.length_size))
        except BadHeaders:
            return None
        known = {*self.vps, *self.sps, *self.pps}
        rest = [unit for unit in units if unit not in known]
        unfit = (kind_of(unit) in (VPS, SPS, PPS) or len(unit) < _HEADER + 1 or _layer(unit) for unit in rest)
        return None if any(unfit) else rest

    def role(self, units: Iterable[bytes]) -> Role:
        """What a packet's picture is to others."""
        first = next((unit for unit in units if kind_of(unit) in _PICTURES), b"\x02\x01\x00")
        kind = kind_of(first)
        if kind in _LEADING:
            return Role.LEADING
        if kind not in (*_IDR, CRA) or first[_HEADER] & _NO_PRIOR:
            return Role.OTHER
        return Role.OPEN if kind == CRA else Role.START

    def _numbered(self) -> dict[tuple[int, int], bytes]:
        return {(kind_of(unit), number_of(unit)): unit for unit in (*self.vps, *self.sps, *self.pps)}


def kind_of(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def number_of(parameter_set: bytes) -> int:
    """The number under which pictures and other sets name it. Raises BadHeaders."""
    bits = Bits(unescaped(parameter_set)[_HEADER:])
    kind = kind_of(parameter_set)
    if kind == VPS:
        return bits.take(4)
    if kind == SPS:
        bits.take(4)
        _read_profile(bits)
    return bits.exp_golomb()


def marked_as_start(sample: bytes) -> bytes:
    """A packet (lengths of four bytes) whose CRA picture, if it has one, doesn't go on from what is before it.

    As a BLA picture, which differs by its units' names alone and is there for splices; without leading pictures. An end
    of sequence before it would do the same and leave its bytes alone, but there decoders have to drop what they haven't
    shown yet (section C.5.2.2): FFmpeg 5.1 loses two pictures.
    """
    units = length_prefixed(sample, 4)
    return as_sample(bytes([BLA << 1 | unit[0] & 1]) + unit[1:] if kind_of(unit) == CRA else unit for unit in units)


def renumbered(unit: bytes, numbers: Numbers) -> bytes:
    """A unit of an encoder's stream, whose numbers are all 0, with others; `numbers` are of `Headers.free_numbers`.

    Raises BadHeaders for a stream that doesn't number its sets so.
    """
    kind = kind_of(unit)
    if kind in _PICTURES:
        return _renumbered_picture(unit, numbers.pps)
    if kind not in (VPS, SPS, PPS):
        return unit
    if number_of(unit) != 0:
        raise BadHeaders("another number than 0")
    plain = unescaped(unit)
    bits = Bits(plain[_HEADER:])
    if kind == PPS:
        bits.exp_golomb()
        bits.exp_golomb()
        new = exp_golomb(numbers.pps) + exp_golomb(numbers.sps)
    else:
        bits.take(4)
        new = f"{numbers.vps:04b}"
        if kind == SPS:
            new += _read_profile(bits)
            bits.exp_golomb()
            new += exp_golomb(numbers.sps)
    return escaped(plain[:_HEADER] + as_bytes(new + bits.rest))


def _renumbered_picture(unit: bytes, pps: int) -> bytes:
    """A slice whose set is number 0 with another. Raises BadHeaders."""
    plain = unescaped(unit)
    bits = f"{plain[_HEADER]:08b}"
    before = 2 if kind_of(unit) in _IRAP else 1  # flags
    if bits[before] != "1":
        raise BadHeaders("another number than 0")
    longer = bits[:before] + exp_golomb(pps) + bits[before + 1 :]
    assert len(longer) == 16
    return escaped(plain[:_HEADER] + int(longer, 2).to_bytes(2, "big") + plain[_HEADER + 1 :])


def _read_profile(bits: Bits) -> str:
    """What lies between a sequence parameter set's first four bits and its number."""
    layers = bits.take(3)
    read = f"{layers:03b}{bits.take(1):b}{bits.take(8 * _PROFILE_BYTES):0{8 * _PROFILE_BYTES}b}"
    said: list[tuple[int, int]] = []
    for _ in range(layers):  # of each lower layer: whether its profile and its level are said
        said.append((bits.take(1), bits.take(1)))
    read += "".join(f"{profile}{level}" for profile, level in said)
    if layers:
        read += f"{bits.take(2 * (8 - layers)):0{2 * (8 - layers)}b}"
    for profile, level in said:
        length = 88 * profile + 8 * level
        read += f"{bits.take(length):0{length}b}" if length else ""
    return read


def _profile(sps: bytes) -> bytes:
    """General profile, tier and level, as they stand in a set and in "hvcC". Raises BadHeaders."""
    found = unescaped(sps)[_HEADER + 1 : _HEADER + 1 + _PROFILE_BYTES]
    if len(found) < _PROFILE_BYTES:
        raise BadHeaders("cut short")
    return found


def _layer(unit: bytes) -> int:
    return (unit[0] & 1) << 5 | unit[1] >> 3


def _units_of_box(box: bytes) -> Iterator[bytes]:
    place = 23
    for _ in range(box[22]):
        count = int.from_bytes(box[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            length = int.from_bytes(box[place : place + 2], "big")
            unit = box[place + 2 : place + 2 + length]
            if length < _HEADER or len(unit) != length:
                raise BadHeaders("cut short")
            yield unit
            place += 2 + length
