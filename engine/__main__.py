"""The command `ltx-engine`: `--stdio` serves one client over the standard streams, `doctor` says what works here."""

import argparse
import contextlib
import faulthandler
import getpass
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import platformdirs

from engine.fetching import commands as model_commands
from engine.fetching.manifest import OFFICIAL
from engine.protocol.command_end import ends_with_its_reader
from engine.protocol.command_words import engine_command
from engine.protocol.messages import ExitStatus
from engine.server.engine import LOCK_WAIT_S, Engine, Settings
from engine.server.pool import OpenBackend, opener
from engine.server.priority import give_way
from engine.server.wire import claim_standard_streams

# Name -> module with `open_backend`. The order is the order of preference.
BACKENDS: Final = {
    "local": "engine.backends.local",
    "remote": "engine.backends.remote",
    "test": "engine.backends.testing",
}
DEFAULT_BACKENDS: Final = ("local", "remote")  # remote does nothing without a key, and no job without consent


def build_parser() -> argparse.ArgumentParser:
    """The command line, whole."""
    parser = argparse.ArgumentParser(
        prog=engine_command(),
        description="The process that makes frames. The app starts it; by hand, `doctor` and `models` are of use.",
    )
    parser.add_argument("--stdio", action="store_true", help="serve one client over standard input and output")
    parser.add_argument("--store", type=Path, help="folder of jobs, caches and results")
    parser.add_argument(
        "--models", type=Path, help="folder of model files (default: $LTX_MODELS, else in the data folder)"
    )
    parser.add_argument("--results", type=Path, help="folder of results that name none (default: in the store)")
    parser.add_argument(
        "--backend",
        action="append",
        choices=list(BACKENDS),
        help="what may make frames, in order of preference; may be given more than once (default: local, remote)",
    )
    parser.add_argument("--no-ring", action="store_true", help="send previews in the channel (for use through ssh)")
    parser.add_argument(
        "--background", action="store_true", help="let other programs compute first (for a window on this machine)"
    )
    parser.add_argument(
        "--lock-wait",
        type=float,
        default=LOCK_WAIT_S,
        metavar="SECONDS",
        help="how long to wait for another engine that still has the store (default: %(default)s)",
    )
    parser.add_argument("--manifest", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store-pages", type=int, help="largest size of the job list, in pages of 4096 bytes")
    commands = parser.add_subparsers(dest="command")
    doctor = commands.add_parser("doctor", help="print device, memory, codecs, versions, and what would work here")
    doctor.add_argument("--json", action="store_true", help="for scripts")
    model_commands.add_commands(commands)
    key = commands.add_parser("key", help="keep the key of the LTX API (it is asked for, never given on the line)")
    key.add_argument("--forget", action="store_true", help="remove it instead")
    key.add_argument("--check", action="store_true", help="ask the service whether it accepts the key; costs nothing")
    key.add_argument("--file", action="store_true", help="where no keyring works: keep it in a file, unencrypted")
    return parser


@ends_with_its_reader
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = build_parser()
    asked = parser.parse_args(arguments)
    names = tuple(asked.backend or DEFAULT_BACKENDS)
    openers: dict[str, OpenBackend] = {name: opener(BACKENDS[name]) for name in names}
    data = Path(platformdirs.user_data_dir("ltxdesktop", appauthor=False))
    settings = Settings(
        store=asked.store or data / "engine",
        models=asked.models or Path(os.environ.get("LTX_MODELS", data / "models")),
        cache=Path(platformdirs.user_cache_dir("ltxdesktop", appauthor=False)) / "engine",
        results=asked.results,
        openers=openers,
        extra_models=(Path(__file__).resolve().parent.parent / "resources",),
        manifest=asked.manifest,
        ring=not asked.no_ring,
        lock_wait_s=asked.lock_wait,
        max_store_pages=asked.store_pages,
    )
    if asked.command == "key":
        return _check_key(settings) if asked.check else _keep_key(settings.store, forget=asked.forget, file=asked.file)
    if asked.command == "models":
        return model_commands.run(asked, settings.models, asked.manifest or OFFICIAL)
    if asked.command == "doctor":
        from engine.doctor import examine

        return examine(settings, as_json=asked.json)
    if not asked.stdio:
        parser.print_usage(sys.stderr)
        print(f"{engine_command()}: give --stdio (for programs), doctor, models or key (for people)", file=sys.stderr)
        return ExitStatus.WRONG_USE
    if asked.background:
        give_way()
    return _serve(settings)


def _check_key(settings: Settings) -> int:
    """Ask the service about the key; 0 if it's good."""
    from engine.backends.base import Places
    from engine.backends.remote import open_backend

    folder = settings.store
    checked = open_backend(Places(models=folder, cache=folder, results=folder, state=folder)).check_key()
    print(checked.message + (f" (It's from {checked.source}.)" if checked.source else ""))
    return ExitStatus.ENDED if checked.accepted else 1


def _keep_key(store: Path, *, forget: bool, file: bool) -> int:
    """Ask for the API key and keep it; a pipe is read too, so that a password manager can give it."""
    from engine.backends.remote.keys import KeyCupboard, NoKeyring

    cupboard = KeyCupboard(store)
    if forget:
        cupboard.forget()
        print("The key of the LTX API is forgotten.")
        return ExitStatus.ENDED
    given = getpass.getpass("Key of the LTX API (it isn't shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if not given.strip():
        print(f"{engine_command()}: no key was given; nothing is changed", file=sys.stderr)
        return ExitStatus.WRONG_USE
    try:
        where = cupboard.keep(given.strip(), file_allowed=file)
    except NoKeyring as exc:
        print(f"{engine_command()}: no keyring works here ({exc}).", file=sys.stderr)
        print("Set LTX_API_KEY instead, or say --file to keep it in an unencrypted file.", file=sys.stderr)
        return 1
    print(f"Kept in {where}.")
    return ExitStatus.ENDED


def _serve(settings: Settings) -> int:
    """Serve over the standard streams. Doesn't return: see below."""
    wire = claim_standard_streams()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()
    engine = Engine(wire, settings)
    signal.signal(signal.SIGTERM, lambda _number, _frame: engine.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal goes to the app too, and the app decides
    status = engine.run()
    # Not through the interpreter's own end: it would wait for threads that a library has left stuck in native code.
    with contextlib.suppress(OSError):  # nobody may be reading the log any more
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
