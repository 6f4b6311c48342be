"""The file of settings: only what a person has set stands in it, and nothing in it can keep the program from starting.

A value that a setting doesn't take counts as not set, and stays in the file: a later version may know it. So do keys
that no setting has. A file that isn't TOML is set aside under another name. `problems` says all of this for the person.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from ltxdesktop.settings.declared import SETTINGS
from ltxdesktop.settings.errors import BadValue, NotSaved, UnknownSetting
from ltxdesktop.settings.kinds import Setting
from ltxdesktop.settings.toml import dumps

T = TypeVar("T")
FILE_NAME: Final = "settings.toml"

Listener = Callable[[Setting[Any]], None]


class Settings:
    """What is set. Not for several threads at once: the GUI thread owns it.

    settings = Settings(folder / FILE_NAME)
    settings.get(THEME)            "dark"
    settings.set(THEME, "light")   checked, told to listeners, written
    """

    def __init__(
        self,
        path: Path | None,
        declared: Sequence[Setting[Any]] = SETTINGS,
        now: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        """Read the file; `path` None keeps everything in memory. Never raises because of what the file holds."""
        self.path = path
        self.problems: tuple[str, ...] = ()
        self._declared = {setting.key: setting for setting in declared}
        assert len(self._declared) == len(declared), "two settings have the same key"
        self._now = now
        self._document: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._listeners: list[Listener] = []
        self._load()

    def get(self, setting: Setting[T]) -> T:
        """What is set, else the default. Raises UnknownSetting."""
        self._expect(setting.key)
        return cast("T", self._values.get(setting.key, setting.default))

    def is_set(self, setting: Setting[Any]) -> bool:
        """Whether the person has said something, also if it's what the default says."""
        return setting.key in self._values

    def set(self, setting: Setting[T], value: T) -> None:
        """Raises BadValue before anything changes, NotSaved when it holds but isn't on disk."""
        self._expect(setting.key)
        checked = setting.check(value)
        if self.is_set(setting) and self._values[setting.key] == checked:
            return
        self._values[setting.key] = checked
        self._table(setting.group)[setting.name] = checked
        self._changed(setting)

    def reset(self, setting: Setting[Any]) -> None:
        """Back to the default. Raises NotSaved."""
        self._expect(setting.key)
        table = self._document.get(setting.group)
        there = isinstance(table, dict) and setting.name in table
        if there:
            fields = cast("dict[str, Any]", table)
            del fields[setting.name]
            if not fields:
                del self._document[setting.group]
        was_set = self._values.pop(setting.key, None) is not None
        if there or was_set:
            self._changed(setting)

    def set_text(self, key: str, text: str) -> None:
        """Set by name from TOML text, for a command line: `set_text("takes.handles", "8")`.

        Raises UnknownSetting, BadValue, NotSaved.
        """
        setting = self._expect(key)
        try:
            value: object = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text  # words needn't be in quotes
        self.set(setting, setting.check(value))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have each change told; returns what ends that."""
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    # --- the file ---

    def _load(self) -> None:
        if self.path is None:
            return
        try:
            document = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
            self.problems = (self._set_aside(self.path, exc),)
            return
        except OSError as exc:
            self.problems = (f"The settings in {self.path} can't be read ({exc.strerror}): all are as delivered.",)
            return
        self._document = document
        problems: list[str] = []
        for setting in self._declared.values():
            table: object = document.get(setting.group)
            if not isinstance(table, dict) or setting.name not in table:
                continue
            try:
                self._values[setting.key] = setting.check(cast("dict[str, Any]", table)[setting.name])
            except BadValue as exc:
                problems.append(f"{exc} It is taken as not set.")
        self.problems = tuple(problems)

    def _set_aside(self, path: Path, why: Exception) -> str:
        kept = path.with_name(f"{path.stem}.broken-{self._now():%Y%m%d-%H%M%S}{path.suffix}")
        try:
            path.replace(kept)
        except OSError as exc:
            return (
                f"The settings in {path} can't be read ({why}), nor set aside ({exc.strerror}): all are as delivered."
            )
        return f"The settings couldn't be read ({why}). They are kept as {kept.name}, and all are as delivered."

    def _table(self, group: str) -> dict[str, Any]:
        table = self._document.get(group)
        if not isinstance(table, dict):  # something of another make stands in the place of the group
            table = self._document[group] = {}
        return cast("dict[str, Any]", table)

    def _changed(self, setting: Setting[Any]) -> None:
        for listener in tuple(self._listeners):
            listener(setting)
        self._save()

    def _save(self) -> None:
        """Write all of it or nothing. Raises NotSaved."""
        if self.path is None:
            return
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8", newline="\n") as out:
                out.write(dumps(self._document))
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise NotSaved(self.path, exc.strerror or str(exc)) from exc

    def _expect(self, key: str) -> Setting[Any]:
        if key not in self._declared:
            raise UnknownSetting(key, self._declared)
        return self._declared[key]
