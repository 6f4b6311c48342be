"""Runs `ltx-generate`: reads the command line, does the one job in this process, says where the result is."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import sys
import tempfile
import traceback
import uuid
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec
import platformdirs

from engine.backends.base import Job, JobCancelled, JobError, Places
from engine.backends.local.catalogue import Catalogue
from engine.generate import console, earlier
from engine.generate.arguments import Options, UsageError, parse
from engine.generate.destination import STAGED, Destination, codec_said
from engine.generate.interrupts import Interrupts
from engine.generate.whole import check_whole, joined
from engine.generate.works import Defaults, in_bounds, work_of
from engine.media.errors import is_disk_full
from engine.protocol.command_end import ends_with_its_reader
from engine.protocol.messages import FailureKind, Result, ResultFile
from engine.protocol.work import AnyWork, Output

if TYPE_CHECKING:
    from engine.backends.local.backend import LocalBackend

USAGE, INTERNAL, CANCELLED = 2, 1, 130

# By the kinds of failure in engine.protocol; the end of `ltx-generate --help` tells them to the person.
EXIT_STATUS: Mapping[FailureKind, int] = {
    "bad_request": 3,
    "bad_media": 3,
    "missing_weights": 4,
    "out_of_memory": 5,
    "disk_full": 6,
    "not_writable": 6,
    "unsupported": 7,
    "refused": INTERNAL,  # these four never come from this machine's own models
    "unreachable": INTERNAL,
    "interrupted": INTERNAL,
    "internal": INTERNAL,
}


class _Answer(NamedTuple):
    """What goes to standard output: `plain` as it is, `told` as the one JSON object."""

    status: int
    plain: bytes
    told: Mapping[str, object]


@ends_with_its_reader
def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        options = parse(arguments)
        codec_said(options)
    except UsageError as exc:
        answer = _failed(USAGE, "usage", f"{exc}\n'ltx-generate --help' shows all there is, with examples")
        with _own_output() as out:
            _write(out, answer, as_json=as_json)
        return answer.status
    interrupts = Interrupts()
    with _own_output() as out:
        answer = interrupts.run(lambda: _answer(options, interrupts))
        _write(out, answer, as_json=options.json)
    return answer.status


def _answer(options: Options, interrupts: Interrupts) -> _Answer:
    """Do it; every outcome is an answer, none is an exception."""
    try:
        return _do(options, interrupts)
    except UsageError as exc:
        return _failed(USAGE, "usage", str(exc))
    except JobCancelled as exc:
        message = exc.message or "cancelled; nothing was written"
        return _failed(CANCELLED, "cancelled", message)
    except JobError as exc:
        return _failed(EXIT_STATUS[exc.kind], exc.kind, exc.message, exc.detail)
    except Exception as exc:
        if is_disk_full(exc):
            return _failed(EXIT_STATUS["disk_full"], "disk_full", f"The disk is full: {exc}")
        if isinstance(exc, OSError) and exc.errno == errno.ENAMETOOLONG:
            return _failed(
                EXIT_STATUS["bad_request"], "bad_request", f"This can't be the name of a file: {exc.filename}"
            )
        detail = "".join(traceback.format_exception(exc))
        sys.stderr.write(detail)
        return _failed(INTERNAL, "internal", f"this is a mistake of ours, please report it: {exc!r}", detail)


def _do(options: Options, interrupts: Interrupts) -> _Answer:
    where = places(options)
    catalogue = Catalogue(where)
    if options.listing:
        return _listed(catalogue)
    work = _work(options, catalogue)
    job = str(uuid.uuid4())
    destination = Destination.of(options, work, job, whole=options.whole)
    if options.whole:
        check_whole(work)
    backend = _backend(where, options.device)
    try:
        device = backend.device().name
        history = console.SpeedHistory(where.cache / "speed.json", device)
        if options.estimate:
            return _estimated(backend, work, history)
        return _made(backend, work, job, destination, history, options, interrupts)
    finally:
        backend.close()


def places(options: Options) -> Places:
    """Where models, caches and what ships lie on this machine: the same as for the engine."""
    data = Path(platformdirs.user_data_dir("ltxdesktop", appauthor=False))
    cache = Path(platformdirs.user_cache_dir("ltxdesktop", appauthor=False)) / "engine"
    models = options.models or Path(os.environ.get("LTX_MODELS", data / "models"))
    if options.models is not None and not options.models.is_dir():
        raise UsageError(f"--models {options.models}: there is no such folder")
    for folder in (models, cache):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(__file__).resolve().parents[2] / "resources"
    return Places(models=models, cache=cache, results=Path.cwd(), extra_models=(shipped,))


def _work(options: Options, catalogue: Catalogue) -> AnyWork:
    """The job, from the command line or from an earlier one."""
    codec = codec_said(options)
    output = None if codec is None else Output(codec=codec)
    if options.again is not None:
        return in_bounds(earlier.again(options, options.again, output))
    if options.finish is not None:
        return in_bounds(earlier.finish(options, options.finish, output))

    def defaults() -> Defaults:
        model = catalogue.get(options.model or "").description
        return Defaults(model.default_width, model.default_height, model.default_frames, model.default_rate)

    return work_of(options, output or Output(), defaults)


def _backend(where: Places, device: str | None) -> LocalBackend:
    """The machine's own models. Raises BadRequest, Unsupported for a device that isn't here."""
    from engine.backends.local.backend import LocalBackend  # torch: only who makes something waits for it
    from engine.backends.local.device import check_device

    if device is not None:
        check_device(device)
    return LocalBackend(where, device)


def _made(
    backend: LocalBackend,
    work: AnyWork,
    job: str,
    destination: Destination,
    history: console.SpeedHistory,
    options: Options,
    interrupts: Interrupts,
) -> _Answer:
    """Run the job beside its destination and give the results their names."""
    staged_output = msgspec.structs.replace(work.output, folder="", name=STAGED)
    with tempfile.TemporaryDirectory(prefix="ltx-generate-") as scratch, destination.staging() as staging:
        interrupts.leftovers += [staging, Path(scratch)]
        quiet = options.quiet or options.json
        context = console.ConsoleJob(Path(scratch), staging, history, interrupts.asked, quiet=quiet)
        interrupts.tell = context.line
        try:
            context.check()
            result = backend.run(Job(job, msgspec.structs.replace(work, output=staged_output)), context)
            context.check()
            made = joined(work, result.files, context) if options.whole else result.files
            files = destination.publish(made)
        finally:
            context.close()
        took = context.clock.finish()
        history.add(context.model, took)
    timings = tuple(timing for timing, _ in took)
    return _done(msgspec.structs.replace(result, files=files, timings=timings), options)


# --- answers ------------------------------------------------------------------------------------------------------


def _done(result: Result, options: Options) -> _Answer:
    end = b"\0" if options.null else b"\n"
    paths = [os.fsencode(file.path) + end for file in _results(result.files)]
    return _Answer(0, b"".join(paths), {"status": "done", **msgspec.to_builtins(result)})


def _results(files: Sequence[ResultFile]) -> list[ResultFile]:
    """What was asked for, variation by variation; recipes lie beside."""
    return sorted((file for file in files if file.role != "recipe"), key=lambda file: file.variation)


def _failed(status: int, kind: str, message: str, detail: str = "") -> _Answer:
    told = {"status": "cancelled" if status == CANCELLED else "failed", "kind": kind, "message": message}
    return _Answer(status, b"", told | ({"detail": detail} if detail else {}))


def _estimated(backend: LocalBackend, work: AnyWork, history: console.SpeedHistory) -> _Answer:
    estimate = backend.estimate(work)
    seconds = history.seconds(estimate.model, estimate.phases)
    memory = f"{estimate.peak_bytes / 1e9:.1f} GB of {estimate.free_bytes / 1e9:.1f} GB free"
    verdict = f"fits: {memory}" if estimate.fits else f"does not fit: {estimate.why_not}"
    rows = [
        ("model", estimate.model),
        ("memory", "; ".join([verdict, *estimate.plan])),
        ("time", "unknown: not all of it ever ran here" if seconds is None else f"about {console.minutes(seconds)}"),
        *(("phase", phase.name + (f", {phase.steps} steps" if phase.steps else "")) for phase in estimate.phases),
        *(("note", sentence) for sentence in estimate.adjusted),
    ]
    told = {"status": "estimated", **msgspec.to_builtins(estimate), "seconds": seconds}
    status = 0 if estimate.fits else EXIT_STATUS["out_of_memory"]
    return _Answer(status, console.listing("This would take:", rows).encode("utf-8", "surrogateescape"), told)


def _listed(catalogue: Catalogue) -> _Answer:
    from engine.backends.local.phrases import CAMERA_MOVES

    models = catalogue.listed()
    ready = [(row.model, row.why_not or f"ready: {row.path}") for row in models if row.kind == "model"]
    loras = [(row.model, row.path) for row in models if row.kind == "lora"]
    tables = [("Models", ready), ("LoRAs", loras), ("Camera moves", list(CAMERA_MOVES.items()))]
    text = "\n".join(console.listing(title, rows) for title, rows in tables if rows)
    told = {"status": "listed", "models": msgspec.to_builtins(models), "camera_moves": CAMERA_MOVES}
    return _Answer(0, text.encode("utf-8", "surrogateescape"), told)


def _write(out: IO[bytes], answer: _Answer, *, as_json: bool) -> None:
    """The answer on standard output; what went wrong also in words on standard error."""
    message = answer.told.get("message")
    if message:
        print(f"ltx-generate: {message}", file=sys.stderr)
    with contextlib.suppress(OSError):  # nobody may be reading any more
        out.write(json.dumps(answer.told).encode() + b"\n" if as_json else answer.plain)
        out.flush()


@contextlib.contextmanager
def _own_output() -> Generator[IO[bytes]]:
    """Standard output for the answer alone: what a library prints meanwhile goes to standard error."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # closed: the answer goes nowhere
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere
        return
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(kept), "wb", buffering=0) as out:
            yield out
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
