"""Typed reading of nested `config` dictionaries, with the full path of a key in every UnknownConfigValue."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from engine.models.errors import UnknownConfigValue

MISSING: Final = "(missing)"


class Section:
    """One dictionary of a checkpoint's metadata, with its path for error messages ("audio_vae.model.params")."""

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self._values = values
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def name(self, key: str) -> str:
        return f"{self._path}.{key}"

    def section(self, key: str) -> "Section":
        value = self._values.get(key, MISSING)
        if not isinstance(value, Mapping):
            raise UnknownConfigValue(self.name(key), value, "a dictionary")
        return Section(cast("Mapping[str, Any]", value), self.name(key))

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number above zero."""
        value = self._get(key, default)
        if not _is_count(value):
            raise UnknownConfigValue(self.name(key), value, "a whole number above 0")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers above zero."""
        value = self.items(key)
        if not value or not all(_is_count(v) for v in value):
            raise UnknownConfigValue(self.name(key), value, "a list of whole numbers above 0")
        return tuple(cast("Sequence[int]", value))

    def number(self, key: str, default: float | None = None) -> float:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnknownConfigValue(self.name(key), value, "a number")
        return float(value)

    def positive_numbers(self, key: str, count: int, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        """A list of exactly `count` numbers above zero."""
        value = self._get(key, default)
        entries = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
        if len(entries) != count or not all(_is_positive(entry) for entry in entries):
            raise UnknownConfigValue(self.name(key), value, f"a list of {count} numbers above 0")
        return tuple(float(entry) for entry in entries)

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise UnknownConfigValue(self.name(key), value, "true or false")
        return value

    def choice(self, key: str, *allowed: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if value not in allowed:
            raise UnknownConfigValue(self.name(key), value, " or ".join(repr(a) for a in allowed))
        return cast("str", value)

    def require(self, key: str, accepted: object, *, may_be_missing: bool = False) -> None:
        """Raise unless `key` holds `accepted` (or is absent, where that means the same)."""
        value = self._get(key, None)
        if value == MISSING and may_be_missing:
            return
        if value != accepted or isinstance(value, bool) != isinstance(accepted, bool):
            raise UnknownConfigValue(self.name(key), value, repr(accepted))

    def require_all(self, accepted: Mapping[str, object]) -> None:
        """What every released file says the same, where it says it at all."""
        for key, value in accepted.items():
            self.require(key, value, may_be_missing=True)

    def items(self, key: str) -> list[Any]:
        value = self._get(key, None)
        if not isinstance(value, list):
            raise UnknownConfigValue(self.name(key), value, "a list")
        return cast("list[Any]", value)

    def only(self, *known: str) -> None:
        """Raise if there is any key besides `known`."""
        for key, value in self._values.items():
            if key not in known:
                raise UnknownConfigValue(self.name(key), value, f"the keys {', '.join(known)}")

    def _get(self, key: str, default: Any) -> Any:
        value = self._values.get(key, default)
        return MISSING if value is None else value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
