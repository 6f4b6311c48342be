"""Asks this machine and the engine for what goes into a bundle. `ask_doctor` and `ask_jobs` take seconds."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from engine.protocol.messages import GetJob, JobDetail, Jobs, ListJobs, Refused
from ltxdesktop.diagnostics.keeping import kept_crash, kept_log
from ltxdesktop.diagnostics.pages import Facts, settings_text
from ltxdesktop.diagnostics.private import Private
from ltxdesktop.settings.store import Settings

JOBS_TOLD: Final = 40
DOCTOR_S: Final = 120.0
NO_ENGINE: Final = "There is no engine here, or it is started in a way that isn't known."
_PACKAGES: Final = ("ltxdesktop", "PySide6-Essentials", "av", "numpy", "msgspec", "pillow", "sounddevice", "keyring")


def gather(
    settings: Settings,
    state: Path,
    *,
    doctor: str,
    jobs: tuple[JobDetail, ...] = (),
    jobs_problem: str = "",
    files: Iterable[str] = (),
) -> Facts:
    """Everything, with what the engine said. `files`: names that are private, such as those of the open project."""
    return Facts(
        versions=versions(),
        doctor=doctor,
        settings=settings_text(settings),
        jobs=jobs,
        jobs_problem=jobs_problem,
        log=kept_log(state),
        crash=kept_crash(state),
        private=Private.of_this_machine().knowing(files=files),
    )


def versions() -> dict[str, str]:
    """The program, Python, the system and the packages of the window."""
    found = {"system": platform.platform(), "python": sys.version.replace("\n", " ")}
    found["bundle"] = "yes" if getattr(sys, "frozen", False) else "no"
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def doctor_command(command: Sequence[str]) -> list[str]:
    """The command for doctor, from the one that starts the engine, here or elsewhere; empty where there is none."""
    words = list(command)
    if "--stdio" in words:  # options go before a subcommand
        words.remove("--stdio")
        return [*words, "doctor"]
    asked = [word.replace("--stdio", "doctor") for word in words]
    return asked if asked != words else []


def ask_doctor(command: Sequence[str]) -> str:
    """What `ltx-engine doctor` says, or why it says nothing."""
    asked = doctor_command(command)
    if not asked:
        return NO_ENGINE
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=DOCTOR_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"It couldn't be asked: {type(exc).__name__}."
    return done.stdout or done.stderr[-4000:]


def ask_jobs(command: Sequence[str]) -> tuple[tuple[JobDetail, ...], str]:
    """The newest jobs, from an engine of our own; or none, and why."""
    from ltxdesktop.jobs.errors import JobsError
    from ltxdesktop.jobs.plain import PlainEngine

    details: list[JobDetail] = []
    try:
        with PlainEngine(list(command)) as engine:
            listed = engine.ask(ListJobs(limit=JOBS_TOLD))
            if not isinstance(listed, Jobs):
                return (), listed.message if isinstance(listed, Refused) else "The engine gave no list of jobs."
            for row in listed.jobs:
                detail = engine.ask(GetJob(job=row.job))
                if isinstance(detail, JobDetail):
                    details.append(detail)
    except (JobsError, OSError) as exc:
        return (), f"The engine couldn't be asked for its jobs: {exc}"
    return tuple(details), ""
