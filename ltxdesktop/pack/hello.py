"""Whether the engine in a pack really runs: it has to say its hello over the pipes, and import what it works with."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Final

from engine.protocol.errors import ProtocolError
from engine.protocol.framing import EVENT_LIMITS, Frame, FrameReader
from engine.protocol.messages import EngineHello, compatible, decode_event
from ltxdesktop.pack.errors import StepFailed
from ltxdesktop.pack.steps import LOG_LETTERS

STEP: Final = "The engine's first start"


def check(words: Sequence[str]) -> EngineHello:
    """Start the engine of a pack, hear its hello, end it; then have its doctor import everything.

    `words` is the engine's command. Raises StepFailed with what the engine said.
    """
    with tempfile.TemporaryDirectory(prefix="ltxdesktop-pack-") as scratch:
        places = ["--store", scratch, "--models", scratch]
        hello = _hear([*words, *places, "--no-ring", "--stdio"])
        if not compatible(hello.protocol):
            raise StepFailed(STEP, f"it speaks version {'.'.join(map(str, hello.protocol))} of the protocol")
        _consult_doctor([*words, *places, "doctor", "--json"])
    return hello


def _hear(words: Sequence[str]) -> EngineHello:
    """The hello. The end of its input, which is empty, ends the engine."""
    done = _run(words)
    reader = FrameReader(EVENT_LIMITS)
    for item in reader.feed(done.stdout):
        if isinstance(item, Frame):
            try:
                event = decode_event(item.header)
            except ProtocolError:
                continue
            if isinstance(event, EngineHello):
                return event
    raise StepFailed(STEP, f"it ended with status {done.returncode} and no hello", _log(done))


def _consult_doctor(words: Sequence[str]) -> None:
    """Its status is 1 where nothing can make frames yet, which is no fault of a pack's."""
    done = _run(words)
    try:
        report = json.loads(done.stdout)
        missing, packages = report["missing_packages"], report["packages"]
    except (ValueError, KeyError, TypeError) as exc:
        raise StepFailed(STEP, f"its doctor ended with status {done.returncode} and no report", _log(done)) from exc
    if missing:
        said = "\n".join(f"{name}: {packages.get(name)}" for name in missing)
        raise StepFailed(STEP, f"packages don't work: {', '.join(missing)}", said)


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(list(words), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as exc:
        raise StepFailed(STEP, str(exc)) from exc


def _log(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", "replace")[-LOG_LETTERS:]
