"""The log of the last runs, kept on disk for whoever looks for a fault later; nothing is sent.

Two files of half a megabyte at most. A crash of the interpreter itself (a driver, a library) leaves its stacks beside
them. Prompts, keys and footage are never logged; names of files are, and the diagnostics take them out.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Final

FILE_NAME: Final = "log.txt"
CRASH_NAME: Final = "crash.txt"
_BYTES: Final = 500_000
_NAMES: Final = ("ltxdesktop", "engine")
_log = logging.getLogger(__name__)


class KeptLog:
    """Keeps what the program logs, from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handler: RotatingFileHandler | None = None
        self._crash: IO[str] | None = None
        self._hook = sys.excepthook

    def start(self) -> None:
        """Where nothing can be written, nothing is kept, and the program goes on."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / FILE_NAME
            self._handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=1, encoding="utf-8")
            self._crash = (self._folder / CRASH_NAME).open("a", encoding="utf-8")
        except OSError as exc:
            _log.warning("the log can't be kept: %s", exc.strerror)
            return
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        for handler in logging.getLogger().handlers:  # what the terminal shows stays as it was chosen
            handler.setLevel(max(handler.level, logging.getLogger().level))
        for name in _NAMES:
            logging.getLogger(name).setLevel(logging.INFO)
            logging.getLogger(name).addHandler(self._handler)
        faulthandler.enable(self._crash)
        self._hook, sys.excepthook = sys.excepthook, self._note_exception
        _log.info("started")

    def stop(self) -> None:
        """End it; the files stay, a report without a crash doesn't."""
        if self._handler is None or self._crash is None:
            return
        _log.info("ended")
        for name in _NAMES:
            logging.getLogger(name).removeHandler(self._handler)
        self._handler.close()
        faulthandler.disable()
        self._crash.close()
        sys.excepthook = self._hook
        self._handler = self._crash = None

    def _note_exception(self, kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
        logging.getLogger("ltxdesktop").error("not caught", exc_info=(kind, exc, trace))
        self._hook(kind, exc, trace)


def kept_log(folder: Path) -> str:
    """The last runs' log, older file first; empty where there is none."""
    return "".join(_text(folder / name) for name in (f"{FILE_NAME}.1", FILE_NAME))


def kept_crash(folder: Path) -> str:
    """The stacks of the last crashes."""
    return _text(folder / CRASH_NAME)[-40_000:]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
