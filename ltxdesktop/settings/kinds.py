"""What a setting can be. Each kind checks what it is given; a dialog chooses its control by the kind."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from ltxdesktop.settings.errors import BadValue

T = TypeVar("T")
_KEY = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[T]):
    """One thing that a person can set.

    key      "group.name": where it stands in the file
    default  what holds while the person has said nothing
    title    for the dialog, in sentence case
    help     one or two sentences: what it does, and when one would change it
    words    what people might look for besides title and help
    restart  whether it takes effect at the next start only
    """

    key: str
    default: T
    title: str
    help: str
    words: str = ""
    restart: bool = False

    def __post_init__(self) -> None:
        assert _KEY.fullmatch(self.key), self.key
        assert self.check(self.default) == self.default, self.key

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    def check(self, value: object) -> T:
        """The value as it is kept. Raises BadValue."""
        raise NotImplementedError

    def found_by(self, looked_for: str) -> bool:
        """Whether all words that are looked for stand in what describes the setting."""
        text = f"{self.key} {self.title} {self.help} {self.words}".casefold()
        return all(word in text for word in looked_for.casefold().split())


@dataclass(frozen=True, kw_only=True)
class Switch(Setting[bool]):
    """On or off."""

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise BadValue(self.key, value, "true or false is needed")
        return value


@dataclass(frozen=True, kw_only=True)
class Whole(Setting[int]):
    """A whole number within limits; `unit` stands behind it in the dialog."""

    minimum: int
    maximum: int
    unit: str = ""

    def check(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValue(self.key, value, "a whole number is needed")
        if not self.minimum <= value <= self.maximum:
            raise BadValue(self.key, value, f"it has to be from {self.minimum} to {self.maximum}")
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Setting[float]):
    """A number within limits."""

    minimum: float
    maximum: float
    unit: str = ""

    def check(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadValue(self.key, value, "a number is needed")
        if not self.minimum <= value <= self.maximum:
            raise BadValue(self.key, value, f"it has to be from {self.minimum:g} to {self.maximum:g}")
        return float(value)


@dataclass(frozen=True, kw_only=True)
class Choice(Setting[str]):
    """One of several; `choices` are value -> title."""

    choices: Mapping[str, str] = field(default_factory=dict[str, str])

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise BadValue(self.key, value, f"it has to be one of {', '.join(map(repr, self.choices))}")
        return value


@dataclass(frozen=True, kw_only=True)
class Text(Setting[str]):
    """Words on one line; empty is allowed."""

    longest: int = 1000

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise BadValue(self.key, value, "a text is needed")
        if len(value) > self.longest or not all(letter.isprintable() for letter in value):
            raise BadValue(self.key, value[:40], f"it has to be one line of at most {self.longest} characters")
        return value


@dataclass(frozen=True, kw_only=True)
class Address(Text):
    """The address of a server, http or https, without a name or password in it; empty is allowed."""

    def check(self, value: object) -> str:
        text = super().check(value).strip()
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise BadValue(self.key, text, "a whole address is needed, which begins with http")
        if parts.username or parts.password:
            raise BadValue(self.key, parts.hostname or "", "no name or password belongs into settings")
        return text


@dataclass(frozen=True, kw_only=True)
class Folder(Text):
    """A folder by its whole path; empty means the program's own place. It need not exist (a drive may be away)."""

    def check(self, value: object) -> str:
        text = super().check(value)
        if text and not Path(text).expanduser().is_absolute():
            raise BadValue(self.key, text, "the whole path is needed")
        return text
