"""Makes Qt's ICU table small: what Qt's Core asks of ICU stays (sorting, time zones), the rest of 32 MB goes.

Qt's Core is linked with ICU and uses 31 of its functions: collation, case by language, converters, names of time zones.
Names of languages, currencies, units and days, words of calendars, dictionaries for breaking lines, transliteration:
nothing asks for those, since QLocale brings its own tables and Qt's text has its own rules for breaking lines. Only
numbers and bytes here: no tool is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Final, NamedTuple

# Shell patterns over an item's name in ICU's table, without the table's own name before it.
KEPT: Final = {
    "coll/*": "how each language sorts",
    "cnvalias.icu": "names of encodings; those of Unicode themselves need no table",
    "root.res": "what every language falls back to",
    "pool.res": "words that root.res shares",
    "res_index.res": "which languages there are",
    "en.res": "names of days, where a time zone's name is asked for",
    "icustd.res": "ICU looks whether it's there",
    "icuver.res": "which version the table is of",
    "keyTypeData.res": "names of time zones and sortings in a language's tag",
    "likelySubtags.res": "zh_TW sorts as zh_Hant",
    "supplementalData.res": "first day of a week: calendars don't open without it",
    "numberingSystems.res": "digits: calendars don't open without it",
    "timezoneTypes.res": "names of time zones",
    "zoneinfo64.res": "time zones",
    "metaZones.res": "time zones",
    "windowsZones.res": "time zones",
    "zone/root.res": "names of time zones",
    "zone/en.res": "names of time zones",
    "zone/pool.res": "names of time zones",
    "zone/res_index.res": "names of time zones",
}
# unicode/udata.h: size of the header, magic numbers, then UDataInfo with little-endian and 2-byte letters.
_TABLE: Final = b"\xda\x27\x14\x00\x00\x00\x00\x00\x02\x00CmnD"
_ALIGNED: Final = 16
_PAGE: Final = 0x1000
_LOAD: Final = 1  # PT_LOAD


class NotAsExpected(ValueError):
    """The library isn't laid out as ICU's build lays it out; it has to stay as it is."""


class _Segment(NamedTuple):
    """A program header of a 64-bit ELF file: where it lies in the file, and its fields (elf.h: Elf64_Phdr)."""

    place: int
    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    alignment: int


def is_kept(name: str) -> bool:
    """Whether an item of the table stays, by its name such as icudt73l/coll/sv.res."""
    inner = name.partition("/")[2]
    return any(fnmatch(inner, pattern) for pattern in KEPT)


def smaller(library: bytes, wanted: Callable[[str], bool] = is_kept) -> bytes:
    """libicudata with the wanted items only. Raises NotAsExpected.

    The table is all that the library has. Behind it in the file, in a segment of their own, lie a few bytes for the
    linker: these keep their addresses and move in the file. Sections go: only linkers and debuggers read them.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        raise NotAsExpected("no ELF file of 64 bits")
    found = library.find(_TABLE) - 2
    segments = _segments(library)
    holder = next((each for each in segments if each.kind == _LOAD and _spans(each, found)), None)
    if found < 0 or holder is None:
        raise NotAsExpected("no table of ICU")
    end = holder.offset + holder.in_file
    table = _rebuilt(library[found:end], wanted)
    later = [each for each in segments if each.offset >= end]
    moved = min((each.offset for each in later), default=len(library))
    last = max((each.offset + each.in_file for each in later), default=moved)
    start = found + len(table)
    shift = moved - (-(-start // _PAGE) * _PAGE + moved % _PAGE)
    if shift <= 0:
        return library
    whole = bytearray(library[:found] + table)
    whole += bytes(moved - shift - start) + library[moved:last]
    for each in segments:
        if each is holder:
            size = start - each.offset
            _put(whole, each._replace(in_file=size, in_memory=size))
        elif each in later:
            _put(whole, each._replace(offset=each.offset - shift))
    struct.pack_into("<Q", whole, 0x28, 0)  # e_shoff
    struct.pack_into("<HHH", whole, 0x3A, 64, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    return bytes(whole)


def _segments(library: bytes) -> list[_Segment]:
    (first,), (size, count) = struct.unpack_from("<Q", library, 0x20), struct.unpack_from("<HH", library, 0x36)
    places = [first + size * number for number in range(count)]
    return [_Segment(place, *struct.unpack_from("<IIQQQQQQ", library, place)) for place in places]


def _spans(segment: _Segment, place: int) -> bool:
    return segment.offset <= place < segment.offset + segment.in_file


def _put(library: bytearray, segment: _Segment) -> None:
    struct.pack_into("<IIQQQQQQ", library, segment.place, *segment[1:])


def _rebuilt(table: bytes, wanted: Callable[[str], bool]) -> bytes:
    """The table with the wanted items: header, count, (place of name, place of item) for each, names, items.

    Places are counted from the count on, and items lie in the order of their names (ICU: toolutil/package.cpp).
    """
    (head,) = struct.unpack_from("<H", table)
    inner = table[head:]
    items = {name: data for name, data in _items(inner) if wanted(name)}
    if not items:
        raise NotAsExpected("nothing of the table is wanted")
    names_at = 4 + 8 * len(items)
    names = b"".join(name.encode("ascii") + b"\0" for name in items)
    place, name_place = -(-(names_at + len(names)) // _ALIGNED) * _ALIGNED, names_at
    entries, body = b"", bytearray()
    for name, data in items.items():
        entries += struct.pack("<II", name_place, place + len(body))
        name_place += len(name) + 1
        body += data + bytes(-len(data) % _ALIGNED)
    start = struct.pack("<I", len(items)) + entries + names
    return table[:head] + start + bytes(place - len(start)) + bytes(body)


def _items(inner: bytes) -> list[tuple[str, bytes]]:
    (count,) = struct.unpack_from("<I", inner)
    entries = [struct.unpack_from("<II", inner, 4 + 8 * number) for number in range(count)]
    ends = [*(place for _, place in entries[1:]), len(inner)]
    names = [inner[place : inner.index(b"\0", place)].decode("ascii") for place, _ in entries]
    return [(name, inner[place:end]) for name, (_, place), end in zip(names, entries, ends, strict=True)]
