"""The hub's token: where it is looked for. It's never printed, logged, or sent through the channel.

Order: the variables of the hub's own tools, this program's entry in the system's keyring (where the window puts it),
the file of `hf auth login`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

KEYRING_SERVICE: Final = "ltxdesktop"
KEYRING_NAME: Final = "hugging-face-token"
VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

_log = logging.getLogger(__name__)


class Token:
    """A hub token that doesn't print itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._text}"}

    def __repr__(self) -> str:
        return "<token>"

    def __reduce__(self) -> str:
        raise TypeError("a token isn't stored")


class FoundToken(NamedTuple):
    """A token, and where it came from in a person's words."""

    token: Token
    source: str


class _Passwords(Protocol):
    def get_password(self, service_name: str, username: str, /) -> str | None: ...


def from_keyring() -> str:
    """What the system's keyring has under our name; "" where there is none, or no keyring works."""
    import keyring  # looks for its backends, which takes a moment
    from keyring.errors import KeyringError

    passwords: _Passwords = keyring
    try:
        return (passwords.get_password(KEYRING_SERVICE, KEYRING_NAME) or "").strip()
    except (KeyringError, OSError, RuntimeError) as exc:  # a backend's own trouble comes as its library raises it
        _log.debug("no keyring: %s", type(exc).__name__)
        return ""


def find_token(
    environment: Mapping[str, str] = os.environ, keyring: Callable[[], str] = from_keyring
) -> FoundToken | None:
    """The token from the first place that has one. May wait for a person who unlocks the keyring."""
    for name in VARIABLES:
        if given := environment.get(name, "").strip():
            return FoundToken(Token(given), f"the environment variable {name}")
    if kept := keyring():
        return FoundToken(Token(kept), "the keyring of this system")
    home = Path(environment.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    file = Path(environment.get("HF_TOKEN_PATH") or home / "token")
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return FoundToken(Token(text), f"the file {file}") if text else None
