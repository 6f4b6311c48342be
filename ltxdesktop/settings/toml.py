"""Writing TOML 1.0: what `tomllib` reads, written so that it reads the same again. Comments aren't kept."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def dumps(document: Mapping[str, Any]) -> str:
    """The document as text: a table's values first, then its tables. Raises TypeError for what TOML has no word for."""
    lines: list[str] = []
    _table(document, (), lines)
    return "\n".join(lines).strip("\n") + "\n" if lines else ""


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    values = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    if path and (values or not table):
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
    lines += [f"{_key(name)} = {_value(value)}" for name, value in values.items()]
    for name, value in table.items():
        if isinstance(value, Mapping):
            _table(cast("Mapping[str, Any]", value), (*path, name), lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int():
            return str(value)
        case float():
            return _float(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            fields = cast("Mapping[str, Any]", value).items()
            return "{" + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in fields) + "}"
        case Sequence():
            return "[" + ", ".join(_value(each) for each in cast("Sequence[Any]", value)) + "]"
        case _:
            raise TypeError(f"TOML has no word for {value!r}")


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = repr(value)
    return text if any(mark in text for mark in ".en") else f"{text}.0"


def _string(text: str) -> str:
    def plain(letter: str) -> str:
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        return f"\\u{ord(letter):04x}" if ord(letter) < 0x20 or ord(letter) == 0x7F else letter

    return '"' + "".join(map(plain, text)) + '"'
