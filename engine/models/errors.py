"""What can go wrong when a network is built from a file's configuration. No torch here, and no reading of files."""

from __future__ import annotations

from typing import Any


class ModelError(Exception):
    """Base of everything that the networks refuse."""


class UnknownConfigValue(ModelError, ValueError):
    """A key of the checkpoint's metadata holds a value that this program can't build.

    Attributes: `key` and `value` as in the metadata, `expected` in words or as the accepted value.
    """

    def __init__(self, key: str, value: Any, expected: Any) -> None:
        super().__init__(f"config key {key!r} is {value!r}; this program knows only {expected}")
        self.key = key
        self.value = value
        self.expected = expected


class GemmaDoesNotFit(ModelError, ValueError):
    """A folder holds no text encoder that this program can use, or not the one that a checkpoint was trained with.

    Attributes: `folder`, and `reason` in words.
    """

    def __init__(self, folder: Any, reason: str) -> None:
        super().__init__(f"the text encoder in {folder} does not fit: {reason}")
        self.folder = folder
        self.reason = reason
