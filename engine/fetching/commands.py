"""`ltx-engine models`: list, get, verify, remove and import from a terminal. Results on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from engine.fetching.control import Control, Progress
from engine.fetching.errors import FetchError, LicenceNotAccepted, NoSuchPackage
from engine.fetching.manifest import Package, load_manifest
from engine.protocol.command_words import engine_command

if TYPE_CHECKING:
    from engine.fetching.library import Library

WRONG_USE: Final = 2
_STOPPED: Final = 130  # 128 + SIGINT, as shells have it
_TELL_S: Final = 0.2
_TELL_LOG_S: Final = 10.0  # where nobody looks at a terminal
_WORDS: Final = {"missing": "-", "partial": "in part", "unverified": "here, not verified", "verified": "here"}


def add_commands(commands: Any) -> None:
    """Declare `models` and what follows it; `commands` is what `add_subparsers` gave."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "models", help="list, download, verify, remove, import models"
    )
    actions = parser.add_subparsers(dest="action")
    actions.add_parser("list", help="what there is, what is here, sizes and licences")
    get = actions.add_parser("get", help="download a model and what it needs; goes on where it was cut off")
    get.add_argument("name", nargs="+", help="as `list` shows it")
    get.add_argument("--yes", action="store_true", help="the licences that are shown are accepted")
    get.add_argument("--alone", action="store_true", help="without what it needs")
    get.add_argument("--limit", type=float, default=0, metavar="MB/S", help="no faster than this (default: no limit)")
    licence = actions.add_parser("licence", help="print a licence's whole text; no network is needed")
    licence.add_argument("name", help="of a model, as `list` shows it")
    actions.add_parser("verify", help="hash everything that is here; what is damaged is set aside")
    remove = actions.add_parser("remove", help="delete a model's own files; linked originals stay")
    remove.add_argument("name")
    bring = actions.add_parser("import", help="use files that lie elsewhere (ComfyUI, LTX Desktop, hub cache), by link")
    bring.add_argument("folder", type=Path)


def run(asked: argparse.Namespace, models: Path, manifest: Path) -> int:
    """Do what was asked with the folder `models`; return the exit status."""
    from engine.fetching.library import Library

    control = Control(bytes_per_second=getattr(asked, "limit", 0) * 1e6)
    library = Library(models, load_manifest(manifest))
    actions: dict[str, Callable[[], int]] = {
        "list": lambda: _list(library),
        "get": lambda: _get(library, asked.name, control, yes=asked.yes, alone=asked.alone),
        "licence": lambda: _licence(library, asked.name),
        "verify": lambda: _verify(library, control),
        "remove": lambda: _remove(library, asked.name),
        "import": lambda: _import(library, asked.folder, control),
    }
    before = _cancel_on_interrupt(control)
    try:
        return actions[asked.action or "list"]()
    except NoSuchPackage as exc:
        return _complain(exc, WRONG_USE)
    except FetchError as exc:
        return _complain(exc, _STOPPED if control.cancelled else 1)
    except BrokenPipeError:  # nobody reads on: `ends_with_its_reader`
        raise
    except OSError as exc:
        return _complain(exc, 1)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _list(library: Library) -> int:
    print(f"Models folder: {library.folder}\n")
    for package in library.manifest.packages:
        licence = library.manifest.licences[package.licence].title
        state = _WORDS[library.state(package)]
        print(f"{package.id:<28}{_size(package.size_bytes):>9}  {state:<19} {package.title}")
        needs = f"; needs {', '.join(package.needs)}" if package.needs else ""
        gate = "; only with a token of the hub" if package.gated else ""
        print(f"{'':<28}{'':>9}  {licence}{gate}{needs}")
    return 0


def _get(library: Library, names: Sequence[str], control: Control, *, yes: bool, alone: bool) -> int:
    from engine.fetching.hub import Hub
    from engine.fetching.tokens import find_token

    manifest = library.manifest
    packages = list(
        dict.fromkeys(
            package for name in names for package in ((manifest.get(name),) if alone else manifest.with_needs(name))
        )
    )
    _show(library, packages)
    if lacking := library.unaccepted(packages):
        if not yes and not _agreed():
            raise LicenceNotAccepted([manifest.licences[key].title for key in lacking])
        library.accept(lacking)
    hub, teller = Hub.from_environment(found=find_token()), _Teller()
    try:
        library.get(packages, hub, control, teller, _say_waiting)
    finally:
        teller.end()
        hub.close()
    print(f"Here and verified: {', '.join(package.id for package in packages)}")
    return 0


def _licence(library: Library, name: str) -> int:
    licence = library.manifest.licences[library.manifest.get(name).licence]
    print(licence.read().rstrip())
    print(f"\n{licence.address}\nThis copy: {licence.source}. sha256 {licence.sha256}", file=sys.stderr)
    return 0


def _show(library: Library, packages: Sequence[Package]) -> None:
    """What would come and under which licences, before anything does."""
    for package in packages:
        print(f"{package.id:<28}{_size(package.size_bytes):>9}  {package.repository}", file=sys.stderr)
    print(f"To download: {_size(library.missing_bytes(packages))} to {library.folder}", file=sys.stderr)
    for key in dict.fromkeys(package.licence for package in packages):
        licence = library.manifest.licences[key]
        name = next(package.id for package in packages if package.licence == key)
        text = f"`{engine_command(f'models licence {name}')}`, or {licence.address}"
        said = f"\n  Accepting it says: {licence.ask}." if licence.ask else ""
        print(f"{licence.title}: {licence.terms}{said}\n  The text: {text}", file=sys.stderr)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    print("Do you accept these licences? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _verify(library: Library, control: Control) -> int:
    teller = _Teller()
    try:
        verdicts = library.verify(library.manifest.packages, control, teller)
    finally:
        teller.end()
    for verdict in verdicts:
        print(f"{verdict.place}: {verdict.problem or 'right'}")
    if not verdicts:
        print(f"Nothing of the list is in {library.folder}.")
    return 1 if any(verdict.problem for verdict in verdicts) else 0


def _remove(library: Library, name: str) -> int:
    package = library.manifest.get(name)
    if library.state(package) == "missing":
        print(f"Nothing of {package.id} is in {library.folder}.")
        return 0
    freed = library.remove(package)
    print(f"{package.id} is removed; {_size(freed)} are free again.")
    return 0


def _import(library: Library, folder: Path, control: Control) -> int:
    if not folder.exists():
        print(f"{engine_command()}: there is no {folder}", file=sys.stderr)
        return WRONG_USE
    teller = _Teller()
    try:
        imported = library.import_from(folder, control, teller)
    finally:
        teller.end()
    for each in imported:
        print(f"{each.place}: {each.how} to {each.source}")
    if not imported:
        print(f"Nothing that is missing was found in {folder}.")
    return 0


class _Teller:
    """Prints progress: one line that changes on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = 0.0
        self._said = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < (_TELL_S if self._live else _TELL_LOG_S):
            return
        self._last = now
        self._said = True
        print(
            f"\r\x1b[K{describe(progress)}" if self._live else describe(progress),
            end="" if self._live else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        if self._live and self._said:
            print(file=sys.stderr)


def describe(progress: Progress) -> str:
    """One line of progress."""
    share = 100 * progress.done_bytes // progress.total_bytes if progress.total_bytes else 100
    amount = f"{_size(progress.done_bytes)} of {_size(progress.total_bytes)}"
    line = f"{share:3d} %  {amount}  {progress.phase} {progress.place}"
    if progress.bytes_per_second:
        line += f"  {progress.bytes_per_second / 1e6:.1f} MB/s"
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        hours, minutes = divmod(minutes, 60)
        line += f"  {hours}:{minutes:02d}:{seconds:02d} left"
    return line


def _say_waiting(pid: int) -> None:
    print(f"Another process ({pid}) works on this folder; waiting for it.", file=sys.stderr)


def _cancel_on_interrupt(control: Control) -> Any:
    """Ctrl+C ends in order: what came is kept. Returns the handler that was there; None outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=control.cancel).start()  # not here: this thread may hold the control's lock

    return signal.signal(signal.SIGINT, stop)


def _complain(exc: Exception, status: int) -> int:
    print(f"{engine_command()}: {exc}", file=sys.stderr)
    return status


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
