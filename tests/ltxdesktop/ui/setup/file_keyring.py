"""A keyring in a file, for tests: the app's process writes it and the engine's process reads it, as with a real one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

VARIABLE = "TEST_KEYRING_FILE"


class FileKeyring(KeyringBackend):
    """Only for a file that a test has named."""

    priority = 1  # pyright: ignore[reportAssignmentType]  the library makes it a property of the class

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write(self._read() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("there was none")
        self._write(kept)

    def _read(self) -> dict[str, str]:
        path = Path(os.environ[VARIABLE])
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        Path(os.environ[VARIABLE]).write_text(json.dumps(kept))
