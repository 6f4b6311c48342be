"""What can go wrong with settings; every message is a sentence that a user can read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class SettingsError(Exception):
    """Base of this room's errors."""


class BadValue(SettingsError, ValueError):
    """A value that a setting doesn't take."""

    def __init__(self, key: str, value: object, why: str) -> None:
        super().__init__(f"{key} can't be {value!r}: {why}.")
        self.key, self.value, self.why = key, value, why


class UnknownSetting(SettingsError, KeyError):
    """A name that no setting has; says which one was probably meant."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(key, list(known), n=1)
        super().__init__(f"There is no setting {key!r}" + (f": did you mean {near[0]}?" if near else "."))
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show it in quotes


class NotSaved(SettingsError, OSError):
    """The file can't be written; what was set holds until the program ends."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"The settings can't be written to {path}: {why}. They hold until the program ends.")
        self.path = path
