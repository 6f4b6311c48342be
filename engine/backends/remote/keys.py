"""The API key: where it is looked for and kept, and that no log, message or file of ours ever shows it.

Order: the environment, the system's keyring, a file of our own that only this account may read. That file is written
only when a person asks for it where no keyring works (a server without a desktop); the person is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

VARIABLES: Final = ("LTX_API_KEY", "LTXV_API_KEY")  # ours and LTX Desktop's, then the one in the service's own examples
KEYRING_SERVICE: Final = "ltxdesktop"
KEYRING_NAME: Final = "ltx-api-key"
FILE_NAME: Final = "ltx-api-key"

_log = logging.getLogger(__name__)


class Secret:
    """A text that doesn't print itself. `reveal` is called where it goes onto the wire, and nowhere else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret isn't stored")


class FoundKey(NamedTuple):
    """A key and where it came from, in a person's words."""

    key: Secret
    source: str


class NoKeyring(Exception):
    """The system has no keyring that works here."""


class Keyring(Protocol):
    """The part of a keyring that is used; a test gives its own."""

    def get(self) -> str | None: ...

    def set(self, key: str) -> None: ...

    def forget(self) -> None: ...


class SystemKeyring:
    """Windows Credential Manager, macOS Keychain, Secret Service or KWallet, through the library `keyring`.

    Every method raises NoKeyring where there is none, or where it is locked and stays so.
    """

    def get(self) -> str | None:
        keyring, errors = _library()
        try:
            return keyring.get_password(KEYRING_SERVICE, KEYRING_NAME)
        except errors as exc:
            raise NoKeyring(str(exc)) from exc

    def set(self, key: str) -> None:
        keyring, errors = _library()
        try:
            keyring.set_password(KEYRING_SERVICE, KEYRING_NAME, key)
            kept = keyring.get_password(KEYRING_SERVICE, KEYRING_NAME)
        except errors as exc:
            raise NoKeyring(str(exc)) from exc
        if kept != key:  # the null backend takes everything and keeps nothing
            raise NoKeyring("the keyring of this system keeps nothing")

    def forget(self) -> None:
        keyring, errors = _library()
        from keyring.errors import PasswordDeleteError

        try:
            keyring.delete_password(KEYRING_SERVICE, KEYRING_NAME)
        except PasswordDeleteError:
            return  # there was none
        except errors as exc:
            raise NoKeyring(str(exc)) from exc


class _Passwords(Protocol):
    def get_password(self, service_name: str, username: str, /) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str, /) -> None: ...

    def delete_password(self, service_name: str, username: str, /) -> None: ...


def _library() -> tuple[_Passwords, tuple[type[Exception], ...]]:
    """The library and what it raises, imported when first needed: it looks for backends, which takes a moment."""
    import keyring
    from keyring.errors import KeyringError

    # A backend's own trouble (D-Bus gone, a locked collection) comes as whatever its library raises.
    return keyring, (KeyringError, OSError, RuntimeError)


class KeyCupboard:
    """Finds, keeps and forgets the key."""

    def __init__(
        self, folder: Path | None, keyring: Keyring | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """`folder`: where the file of our own may lie; None where nothing shall be kept."""
        self._folder = folder
        self._keyring = keyring or SystemKeyring()
        self._environment = os.environ if environment is None else environment

    def find(self) -> FoundKey | None:
        """The key, from the first place that has one."""
        for name in VARIABLES:
            if given := self._environment.get(name, "").strip():
                return FoundKey(Secret(given), f"the environment variable {name}")
        try:
            if kept := (self._keyring.get() or "").strip():
                return FoundKey(Secret(kept), "the keyring of this system")
        except NoKeyring as exc:
            _log.debug("no keyring: %s", redacted(str(exc)))
        if self._file is not None:
            try:
                text = self._file.read_text().strip()
            except (OSError, UnicodeDecodeError):
                return None
            if text:
                return FoundKey(Secret(text), f"the file {self._file}")
        return None

    def keep(self, key: str, *, file_allowed: bool = False) -> str:
        """Keep the key and return where, for the person.

        Raises NoKeyring where no keyring works and a file isn't allowed, OSError when the file can't be written.
        """
        try:
            self._keyring.set(key)
        except NoKeyring:
            if not file_allowed or self._file is None:
                raise
            self._write_file(self._file, key)
            return f"the file {self._file}, which only this account can read; it isn't encrypted"
        self._forget_file()
        return "the keyring of this system"

    def forget(self) -> None:
        """Remove the key from keyring and file; the environment isn't ours to change."""
        with contextlib.suppress(NoKeyring):
            self._keyring.forget()
        self._forget_file()

    @property
    def _file(self) -> Path | None:
        return None if self._folder is None else self._folder / FILE_NAME

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _write_file(self, file: Path, key: str) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # never wider, not even for a moment
        with os.fdopen(handle, "w") as out:
            out.write(key + "\n")
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)


_SIGNED: Final = re.compile(r"(https?://[^\s?#\"'<>]+)[?#][^\s\"'<>]*")  # what follows the path signs a link
_BEARER: Final = re.compile(r"(?i)\b(bearer|key)\s+[\w.~+/=-]{8,}")
_LONGEST: Final = 500


def redacted(text: str, key: Secret | None = None) -> str:
    """A service's words as they may be shown and logged: no key, no signed link, no control characters, not endless."""
    if key is not None and key.reveal():
        text = text.replace(key.reveal(), "<key>")
    text = _BEARER.sub(r"\1 <key>", _SIGNED.sub(r"\1?<signature>", text))
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + "…"
