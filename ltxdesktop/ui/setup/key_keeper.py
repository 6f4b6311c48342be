"""The key of the LTX API and the hub's token in the system's keyring, under the names where the engine looks for them.

The app only puts them there and takes them away: it never reads one, keeps one, or sends one through the channel. Where
no keyring works, they can hold for the session; the engine's own command can keep the key in a file (`ltx-engine key
--file`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final, Protocol

from ltxdesktop.resources import engine_words

# The same in engine/backends/remote/keys.py and engine/fetching/tokens.py, which the app doesn't import; tests compare.
SERVICE: Final = "ltxdesktop"
NAME: Final = "ltx-api-key"
HUB_TOKEN: Final = "hugging-face-token"
VARIABLES: Final = {NAME: "LTX_API_KEY", HUB_TOKEN: "HF_TOKEN"}  # of the environment: where the engine looks first

_COMMANDS: Final = {NAME: engine_words("key --file"), HUB_TOKEN: "hf auth login"}


class NoKeyring(Exception):
    """This system has no keyring that works, or it stays locked. Says what can be done, never the key."""

    def __init__(self, why: str, name: str = NAME) -> None:
        super().__init__(
            f"No keyring works here ({why}). It can be used for this session, in memory only. To keep it, set "
            f"{VARIABLES[name]} before the start, or say “{_COMMANDS[name]}” in a terminal, which puts it into a file "
            "that only this account can read."
        )


class _Passwords(Protocol):
    def get_password(self, service_name: str, username: str, /) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str, /) -> None: ...

    def delete_password(self, service_name: str, username: str, /) -> None: ...


def keep(key: str, name: str = NAME) -> None:
    """Put a key into the keyring, in the place of an earlier one. May wait for a person who unlocks it.

    Raises NoKeyring, also where a keyring takes everything and keeps nothing.
    """
    keyring, errors = _library()
    try:
        keyring.set_password(SERVICE, name, key)
        kept = keyring.get_password(SERVICE, name) or ""
    except errors as exc:
        raise NoKeyring(type(exc).__name__, name) from None  # a backend's own words might repeat what it was given
    if not hmac.compare_digest(_digest(kept), _digest(key)):
        raise NoKeyring("it keeps nothing", name)


def keep_for_session(key: str, name: str = NAME) -> None:
    """Give a key to the engines that this process starts from now on: in memory only, and gone with the program."""
    os.environ[VARIABLES[name]] = key


def forget() -> None:
    """Take the key out of the keyring; nothing happens if there was none. Raises NoKeyring."""
    keyring, errors = _library()
    from keyring.errors import PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, NAME)
    except PasswordDeleteError:
        return
    except errors as exc:
        raise NoKeyring(type(exc).__name__) from None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _library() -> tuple[_Passwords, tuple[type[Exception], ...]]:
    """The library and what it raises, imported when first needed: it looks for backends, which takes a moment."""
    import keyring
    from keyring.errors import KeyringError

    # A backend's own trouble (D-Bus gone, a locked collection) comes as whatever its library raises.
    return keyring, (KeyringError, OSError, RuntimeError)
