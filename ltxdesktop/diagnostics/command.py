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
from ltxdesktop.settings.window import folders_of_the_window, models_folder


def run(options: argparse.Namespace) -> int:
    """The exit status."""
    if not options.show and not options.output:
        print("ltxdesktop: say --show to see what it holds, or -o FILE.zip to save it", file=sys.stderr)
        return 2
    config, state = folders_of_the_window()
    settings = Settings(config / FILE_NAME)
    named = options.engine or settings.get(ENGINE_COMMAND)
    command = engine_command(named, options.backend, options.store, models_folder(settings))
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
