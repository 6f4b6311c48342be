"""`ltxdesktop engine`: install, verify, repair and remove the engine from a terminal, or for the window's dialog.

Results go to standard output, progress to standard error; with --lines progress is one line of JSON each, to be read
by a program.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from ltxdesktop.pack import manifest
from ltxdesktop.pack.devices import chosen, suggest
from ltxdesktop.pack.errors import NoPack, PackError, StepFailed
from ltxdesktop.pack.install import Plan, Step, download, install, remove_others
from ltxdesktop.pack.places import Pack, engine_words, in_use_now, is_running, packs, packs_folder, remove
from ltxdesktop.pack.recipe import pinned_python, read_recipe
from ltxdesktop.pack.wheels import Source

_MOST_DAMAGES_SAID: Final = 10
_TELL_EVERY_S: Final = 0.2


def run(options: argparse.Namespace) -> int:
    """Do what was asked; the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    acts = {
        "status": _status, "install": _install, "download": _download, "repair": _repair, "verify": _verify,
        "remove": _remove, "run": _run,
    }  # fmt: skip
    try:
        return acts[options.engine_command](options)
    except KeyboardInterrupt:
        print("ltxdesktop: stopped; what was downloaded is kept for the next time", file=sys.stderr)
        return 130
    except BrokenPipeError:  # nobody reads on: `ends_with_its_reader`
        raise
    except (PackError, OSError) as exc:
        if isinstance(exc, StepFailed) and exc.log:
            print(exc.log, file=sys.stderr)
        print(f"ltxdesktop: {exc}", file=sys.stderr)
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Teller:
    """Says how far it is: in a terminal one line that changes, else a line for each step, or JSON."""

    def __init__(self, lines: bool) -> None:
        self._lines, self._live = lines, sys.stderr.isatty()
        self._last, self._said = "", 0.0

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.words == self._last and now - self._said < _TELL_EVERY_S and step.there != step.whole:
            return
        fresh, self._last, self._said = step.words != self._last, step.words, now
        if self._lines:
            print(json.dumps(step._asdict()), flush=True)
        elif self._live:
            print(f"\r\033[K{_said(step)}", end="" if step.whole else "\n", file=sys.stderr, flush=True)
        elif fresh:
            print(step.words, file=sys.stderr, flush=True)


def _said(step: Step) -> str:
    if not step.whole:
        return f"{step.words}…"
    return f"{step.words}  {step.there / 1e6:.0f} of {step.whole / 1e6:.0f} MB"


def _status(options: argparse.Namespace) -> int:
    folder, recipe, best = packs_folder(), read_recipe(), suggest()
    try:
        used = in_use_now(folder, recipe)
    except NoPack as exc:
        used, problem = None, str(exc)
    else:
        problem = ""
    if options.json:
        found = {
            "folder": str(folder),
            "installed": used and {"folder": str(used.folder), "device": used.device, "made": used.made},
            "suggested": best.variant.device,
            "reason": best.reason,
        }
        print(json.dumps(found, indent=2))
        return 0 if used is not None else 1
    print(f"folder     {folder}")
    for pack in packs(folder):
        print(f"{'installed' if pack == used else 'old':<11}{pack.variant.name}, {pack.made}, {pack.folder.name}")
    print(f"suggested  {best.variant.name}: {best.reason}")
    if problem:
        print(problem)
    return 0 if used is not None else 1


def _plan(options: argparse.Namespace, device: str) -> Plan:
    variant = suggest().variant if device == "auto" else chosen(device)
    wheels = Path(options.wheels).resolve() if options.wheels else None
    source = Source(wheels, options.index, options.torch_index)
    python = Path(options.python) if options.python else None
    return Plan(packs_folder(), variant, read_recipe(), pinned_python(), source, python)


def _install(options: argparse.Namespace) -> int:
    return _carry_out(_plan(options, options.device), options.lines)


def _carry_out(plan: Plan, lines: bool) -> int:
    pack = install(plan, _Teller(lines))
    if not lines:
        print(f"The engine for {pack.variant.name} is installed in {pack.folder}")
    return 0


def _download(options: argparse.Namespace) -> int:
    folder = Path(options.folder).resolve()
    count = download(_plan(options, options.device), folder, _Teller(options.lines))
    print(f"{count} packages are in {folder}. There: ltxdesktop engine install --wheels FOLDER")
    return 0


def _verify(_: argparse.Namespace) -> int:
    pack = in_use_now(packs_folder(), read_recipe())
    damaged = manifest.verify(pack.folder)
    for each in damaged[:_MOST_DAMAGES_SAID]:
        print(f"{each.what:<14}{each.path}")
    if len(damaged) > _MOST_DAMAGES_SAID:
        print(f"… and {len(damaged) - _MOST_DAMAGES_SAID} more")
    if damaged:
        print(f"{len(damaged)} files are damaged: ltxdesktop engine repair")
        return 1
    print("Every file is as it was installed.")
    return 0


def _repair(options: argparse.Namespace) -> int:
    """Also where there is no list of files any more, or no engine."""
    folder = packs_folder()
    try:
        pack = in_use_now(folder, read_recipe())
    except NoPack:
        every = packs(folder)
        return _carry_out(_plan(options, every[0].device if every else "auto"), options.lines)
    try:
        damaged = manifest.verify(pack.folder)
    except (OSError, ValueError):
        damaged = [manifest.Damage(manifest.NAME, "missing")]
    if not damaged:
        print("Every file is as it was installed; nothing was done.")
        return 0
    print(f"{len(damaged)} files are damaged: installing it anew", file=sys.stderr)
    return _carry_out(_plan(options, pack.device), options.lines)


def _remove(options: argparse.Namespace) -> int:
    folder = packs_folder()
    if options.old:
        left = remove_others(folder, in_use_now(folder, read_recipe()).folder)
    else:
        left = [pack for pack in packs(folder) if not _removed(pack)]
    for pack in left:
        print(f"ltxdesktop: an engine runs from {pack.folder}; end it, then try again", file=sys.stderr)
    return 1 if left else 0


def _removed(pack: Pack) -> bool:
    if is_running(pack):
        return False
    remove(pack)
    return True


def _run(options: argparse.Namespace) -> int:
    """Become the engine's own command."""
    words = [*engine_words(in_use_now(packs_folder(), read_recipe()).python), *options.words]
    if sys.platform == "win32":  # there exec leaves the terminal to two programs
        return subprocess.run(words, check=False).returncode
    return os.execv(words[0], words)
