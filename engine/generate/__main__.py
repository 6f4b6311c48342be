"""Runs `ltx-generate`: reads the command line, does the one job in this process, says where the result is."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import platformdirs

from engine.backends.base import (
    BadMedia,
    BadRequest,
    Job,
    JobCancelled,
    JobError,
    Places,
)
from engine.generate.arguments import Defaults, UsageError, build_parser, listing, work_of
from engine.generate.console import ConsoleJob, SpeedHistory
from engine.media.errors import RecipeError
from engine.media.recipe import read_recipe
from engine.protocol.messages import Recipe, Result
from engine.protocol.work import AnyWork

# by the kinds of failure in engine.protocol; see the end of `ltx-generate --help`
EXIT_STATUS = {
    "bad_request": 3,
    "bad_media": 3,
    "missing_weights": 4,
    "out_of_memory": 5,
    "disk_full": 6,
    "not_writable": 6,
    "unsupported": 7,
}
USAGE, INTERNAL, CANCELLED = 2, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    with contextlib.suppress(AttributeError, ValueError):
        cast("Any", sys.stdout).reconfigure(errors="surrogateescape")
    try:
        return _run(options)
    except UsageError as exc:
        parser.exit(USAGE, f"ltx-generate: {exc}\n")
    except JobCancelled as exc:
        return _say(options, CANCELLED, "cancelled", exc.message or "cancelled; nothing was written")
    except JobError as exc:
        return _say(options, EXIT_STATUS.get(exc.kind, INTERNAL), exc.kind, exc.message)


def _run(options: argparse.Namespace) -> int:
    from engine.backends.local.backend import LocalBackend  # torch: only who makes something waits for it

    with tempfile.TemporaryDirectory(prefix="ltx-generate-") as scratch:
        backend = LocalBackend(places(options), options.device)
        try:
            if options.list:
                return _list(backend, options)
            work = _again(options) if options.again else work_of(options, lambda: _defaults(backend, options.model))
            folder, name = _destination(options)
            work = msgspec.structs.replace(work, output=msgspec.structs.replace(work.output, name=name))
            if options.estimate:
                return _estimate(backend, work, options)
            cache = places(options).cache
            history = SpeedHistory(cache / "speed.json")
            context = ConsoleJob(Path(scratch), folder, history, quiet=options.quiet or options.json)
            context.cancel_on_interrupt()
            try:
                result = backend.run(Job(str(uuid.uuid4()), work), context)
            finally:
                context.close()
            history.add(context.model, context.clock)
            _report(result, options)
            return 0
        finally:
            backend.close()


def places(options: argparse.Namespace) -> Places:
    """Where models, caches and what ships lie on this machine."""
    data = Path(platformdirs.user_data_dir("ltxdesktop", appauthor=False))
    cache = Path(platformdirs.user_cache_dir("ltxdesktop", appauthor=False)) / "engine"
    models = options.models or Path(os.environ.get("LTX_MODELS", data / "models"))
    shipped = Path(__file__).parents[2] / "resources"
    for folder in (models, cache):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return Places(models=models, cache=cache, results=Path.cwd(), extra_models=(shipped,))


def _defaults(backend: Any, model: str) -> Defaults:
    """What the model makes when nothing is said."""
    description = backend.describe(model)
    return Defaults(
        description.default_width, description.default_height, description.default_frames, description.default_rate
    )


def _destination(options: argparse.Namespace) -> tuple[Path, str]:
    """Folder and stem of the results."""
    output: Path | None = options.output
    if output is None:
        return Path.cwd(), ""
    is_folder = output.is_dir() or not output.suffix
    folder, name = (output, "") if is_folder else (output.parent, output.stem)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"--output {output}: the folder can't be made ({exc.strerror})") from exc
    return folder, name


def _again(options: argparse.Namespace) -> AnyWork:
    """The work of a recipe, as it ran."""
    try:
        plain = read_recipe(Path(options.again))
    except RecipeError as exc:
        raise BadMedia(str(exc)) from exc
    try:
        recipe = msgspec.convert(plain, Recipe)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"The recipe beside {options.again} can't be read: {exc}") from exc
    work = recipe.work
    if work.variations > 1:  # this very one, not the set that it came from
        work = msgspec.structs.replace(work, variations=1, seed=int(plain.get("seed", work.seed)))
    return work


def _estimate(backend: Any, work: AnyWork, options: argparse.Namespace) -> int:
    estimate = backend.estimate(work)
    if options.json:
        print(msgspec.json.encode(estimate).decode())
        return 0
    verdict = "fits" if estimate.fits else f"does not fit: {estimate.why_not}"
    rows = [("model", estimate.model), ("memory", f"{verdict} {'; '.join(estimate.plan)}")]
    rows += [("phase", phase.name) for phase in estimate.phases]
    rows += [("note", sentence) for sentence in estimate.adjusted]
    print(listing("This would take:", rows))
    return 0 if estimate.fits else EXIT_STATUS["out_of_memory"]


def _list(backend: Any, options: argparse.Namespace) -> int:
    from engine.backends.local.phrases import CAMERA_MOVES

    models = backend.models()
    if options.json:
        print(msgspec.json.encode({"models": models, "camera_moves": CAMERA_MOVES}).decode())
        return 0
    rows = [(row.model, row.why_not or f"ready: {row.path}") for row in models if row.kind == "model"]
    print(listing("Models", rows))
    loras = [(row.model, row.path) for row in models if row.kind == "lora"]
    if loras:
        print(listing("LoRAs", loras))
    print(listing("Camera moves", list(CAMERA_MOVES.items())))
    return 0


def _report(result: Result, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({"status": "done", **msgspec.to_builtins(result)}))
        return
    for file in result.files:
        if file.role in ("video", "audio", "latents"):
            print(file.path)


def _say(options: argparse.Namespace, status: int, kind: str, message: str) -> int:
    if options.json:
        print(
            json.dumps({"status": "failed" if status != CANCELLED else "cancelled", "kind": kind, "message": message})
        )
    print(f"ltx-generate: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
