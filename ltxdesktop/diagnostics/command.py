"""`ltxdesktop diagnostics`: shows the bundle, or saves it. The window shows and saves the same."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ltxdesktop.diagnostics.gathering import ask_doctor, ask_jobs, gather
from ltxdesktop.diagnostics.pages import Page, pages_of, save
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.settings.declared import ENGINE_COMMAND
from ltxdesktop.settings.store import FILE_NAME, Settings


def run(options: argparse.Namespace) -> int:
    """The exit status."""
    if not options.show and not options.output:
        print("ltxdesktop: say --show to see what it holds, or -o FILE.zip to save it", file=sys.stderr)
        return 2
    config, state = _folders_of_the_window()
    settings = Settings(config / FILE_NAME)
    command = engine_command(options.engine or settings.get(ENGINE_COMMAND), options.backend, options.store)
    jobs, problem = ask_jobs(command)
    facts = gather(settings, state, doctor=ask_doctor(command), jobs=jobs, jobs_problem=problem)
    pages = pages_of(facts, words=options.with_prompts, names=options.with_names)
    if options.show:
        print(as_text(pages))
    if options.output:
        try:
            save(pages, Path(options.output))
        except OSError as exc:
            print(f"ltxdesktop: {options.output} can't be written: {exc.strerror}", file=sys.stderr)
            return 1
        print(f"Saved {options.output}. It was sent nowhere.", file=sys.stderr)
    return 0


def as_text(pages: tuple[Page, ...]) -> str:
    """All files one after the other, each under its name."""
    return "\n".join(f"===== {page.name} =====\n{page.text}" for page in pages)


def _folders_of_the_window() -> tuple[Path, Path]:
    """Where the window keeps its settings and its log: Qt says, without a screen."""
    from PySide6.QtCore import QCoreApplication, QStandardPaths

    QCoreApplication.setApplicationName("ltxdesktop")
    QCoreApplication.setOrganizationName("ltxdesktop")
    places = QStandardPaths.StandardLocation
    config, state = (
        QStandardPaths.writableLocation(each) for each in (places.AppConfigLocation, places.AppDataLocation)
    )
    return Path(config), Path(state)
