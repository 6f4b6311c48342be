"""As much of H.264 as copying needs: the parameter sets that describe a stream.

Names and layouts: ITU-T H.264 sections 7.3.2.1, 7.3.2.2; the "avcC" box: ISO 14496-15 section 5.3.3.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from ltxdesktop.export.nal import BadHeaders, Bits, Role, annex_b, length_prefixed, unescaped

IDR: Final = 5
SPS: Final = 7
PPS: Final = 8
_IDS: Final = range(1, 32)  # of sequence parameter sets; 0 is everybody's favourite


@dataclass(frozen=True)
class Headers:
    """The parameter sets of a stream, without start codes or lengths."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    length_size: int = 4  # bytes of the length before each NAL unit in the packets

    def __post_init__(self) -> None:
        """Raises BadHeaders for sets without a number."""
        self._numbered()

    @classmethod
    def parse(cls, extradata: bytes) -> Self:
        """From "avcC", or from Annex B as encoders give it. Raises BadHeaders."""
        if extradata[:1] == b"\x01" and len(extradata) > 6:
            return cls._from_box(extradata)
        units = list(annex_b(extradata))
        sps = tuple(unit for unit in units if kind_of(unit) == SPS)
        pps = tuple(unit for unit in units if kind_of(unit) == PPS)
        if not sps or not pps:
            raise BadHeaders("no parameter sets")
        return cls(sps, pps)

    @classmethod
    def _from_box(cls, box: bytes) -> Self:
        found: list[tuple[bytes, ...]] = []
        place = 5
        try:
            for mask in (31, 255):
                units: list[bytes] = []
                count = box[place] & mask
                place += 1
                for _ in range(count):
                    length = int.from_bytes(box[place : place + 2], "big")
                    unit = box[place + 2 : place + 2 + length]
                    if not length or len(unit) != length:
                        raise BadHeaders("cut short")
                    units.append(unit)
                    place += 2 + length
                found.append(tuple(units))
        except IndexError as error:
            raise BadHeaders("cut short") from error
        if not found[0] or not found[1]:
            raise BadHeaders("no parameter sets")
        return cls(found[0], found[1], (box[4] & 3) + 1)

    def to_box(self) -> bytes:
        """As "avcC" for lengths of four bytes. Profile and level are the highest of the sequence parameter sets."""
        profile = max(unit[1] for unit in self.sps)
        compatible = min(unit[2] for unit in self.sps)
        level = max(unit[3] for unit in self.sps)
        box = bytes([1, profile, compatible, level, 0xFC | 3, 0xE0 | len(self.sps)])
        box += b"".join(len(unit).to_bytes(2, "big") + unit for unit in self.sps)
        box += bytes([len(self.pps)]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in self.pps)
        if profile in (100, 110, 122, 144):
            box += bytes([0xFC | 1, 0xF8, 0xF8, 0])  # 4:2:0, 8 bits, no extensions
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
        sps = dict.fromkeys((*self.sps, *other.sps))
        pps = dict.fromkeys((*self.pps, *other.pps))
        return Headers(tuple(sps), tuple(pps))

    def free_id(self) -> int:
        """A number that neither kind of set uses."""
        used = {number for _, number in self._numbered()}
        return next(number for number in _IDS if number not in used)

    def units(self, sample: bytes) -> list[bytes] | None:
        """The NAL units of a packet; None if they bring parameter sets that the headers don't have."""
        try:
            units = list(length_prefixed(sample, self.length_size))
        except BadHeaders:
            return None
        known = {*self.sps, *self.pps}
        return units if all(unit in known for unit in units if kind_of(unit) in (SPS, PPS)) else None

    def role(self, units: Iterable[bytes]) -> Role:
        """What a packet's picture is to others."""
        return Role.START if any(kind_of(unit) == IDR for unit in units) else Role.OTHER

    def _numbered(self) -> dict[tuple[int, int], bytes]:
        named = {(SPS, _number(unit, 4)): unit for unit in self.sps}
        return named | {(PPS, _number(unit, 1)): unit for unit in self.pps}


def kind_of(unit: bytes) -> int:
    return unit[0] & 31


def _number(unit: bytes, start: int) -> int:
    """The Exp-Golomb number that begins at a byte."""
    return Bits(unescaped(unit)[start:]).exp_golomb()
