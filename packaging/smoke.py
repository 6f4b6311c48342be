#!/usr/bin/env python3
"""Tries a finished bundle: `python3 packaging/smoke.py PROGRAM [--engine [COMMAND]]`, where a screen is.

The program says its version, exports a project that names a sample clip (with --presets in every way that works here),
opens its window, alone and with that project, on a scratch profile and closes it, and says what to do without an
engine. With --engine the main job too: a range of the sample is made again by the engine that is installed here, or the
one that COMMAND starts. Only the standard library; ends with 1 at the first thing that isn't as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = "ball-on-the-meadow.mp4"
FRAMES, RATE = 24.0, 24.0
LIMIT_S = 600
LEAST_BYTES = 500  # of a film of eight small pictures, or their sound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--samples", type=Path, help="folder of the sample clips (default: beside the program)")
    parser.add_argument("--presets", action="store_true", help="export in every way that works here")
    parser.add_argument(
        "--engine", nargs="?", const="", metavar="COMMAND", help="make a take too (default: by the installed engine)"
    )
    asked = parser.parse_args()
    program = asked.program.absolute()
    samples = asked.samples or next(program.resolve().parent.rglob("home/resources/samples"), Path())
    with tempfile.TemporaryDirectory(prefix="ltxdesktop-smoke-") as scratch:
        smoke = Smoke(program, Path(scratch))
        try:
            smoke.version()
            smoke.export(samples / SAMPLE)
            if asked.presets:
                smoke.export_all()
            smoke.no_engine()
            smoke.window()
            smoke.window(str(smoke.project))
            if asked.engine is not None:
                smoke.make(asked.engine)
        except (AssertionError, subprocess.TimeoutExpired) as exc:
            print(f"smoke.py: {exc}", file=sys.stderr)
            return 1
    return 0


class Smoke:
    """One program, tried on scratch folders."""

    def __init__(self, program: Path, scratch: Path) -> None:
        self._program, self._scratch = program, scratch
        self.project = scratch / "film.otio"
        kinds = ("CONFIG", "DATA", "CACHE", "STATE")
        self._profile = {f"XDG_{kind}_HOME": str(scratch / kind.lower()) for kind in kinds}

    def version(self) -> None:
        said = self._run("--version").stdout
        check(said.startswith("ltxdesktop "), f"--version says {said!r}")

    def export(self, sample: Path) -> None:
        check(sample.is_file(), f"the sample {sample} isn't there")
        film = self._scratch / "film.mp4"
        self.project.write_text(json.dumps(timeline(sample)), encoding="utf-8")
        self._run("export", str(self.project), "-o", str(film), "--no-smart")
        check(film.stat().st_size > 10_000, f"the film has {film.stat().st_size} bytes")

    def export_all(self) -> None:
        listed = self._run("export", "--list-presets").stdout.splitlines()
        for name, suffix in (line.split()[:2] for line in listed):
            target = self._scratch / (name if suffix == "folder" else f"{name}{suffix}")
            words = ["export", str(self.project), "-o", str(target), "--preset", name, "--range", "0-8"]
            self._run(*words, told=f"export {name}")
            files = [path for path in (target, *target.glob("*")) if path.is_file()]
            check(any(path.stat().st_size > LEAST_BYTES for path in files), f"{name}: there is no film")

    def no_engine(self) -> None:
        nowhere = {**self._profile, "LTX_ENGINE_PACKS": str(self._scratch / "none")}
        done = self._run("make", status=1, **nowhere)
        check("engine install" in done.stderr, f"without an engine it says {done.stderr[-500:]!r}")

    def window(self, *words: str) -> None:
        told = "window with a project" if words else "window"
        done = self._run(*words, told=told, LTXDESKTOP_TELL_START="1", **self._profile)
        facts = json.loads(done.stdout.splitlines()[-1])
        said = done.stderr.strip()
        check(not said, f"the window says {said[-500:]!r}")
        print(
            f"window after {facts['seconds']:.2f} s ({facts['cpu']:.2f} s of processor), {facts['bytes'] / 1e6:.0f} MB"
        )

    def make(self, command: str) -> None:
        engine = ["--engine", command] if command else []
        words = ["--store", str(self._scratch / "store"), *engine, "make", "--output", str(self._scratch / "made")]
        done = self._run(*words, told="make a take")
        film = Path(done.stdout.splitlines()[-1])
        check(film.stat().st_size > 10_000, f"the film {film} has {film.stat().st_size} bytes")

    def _run(
        self, *words: str, status: int = 0, told: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        start = time.monotonic()
        done = subprocess.run(
            [str(self._program), *words], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        name = told or words[0]
        check(done.returncode == status, f"{name} ended with {done.returncode}: {done.stderr[-1500:]}")
        print(f"{name}: {time.monotonic() - start:.2f} s", flush=True)
        return done


def timeline(sample: Path) -> dict[str, object]:
    """A film of one clip, as OpenTimelineIO has it."""

    def time_of(value: float) -> dict[str, object]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": RATE, "value": value}

    part = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time_of(0.0), "duration": time_of(FRAMES)}
    media = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": sample.resolve().as_uri(), "available_range": None}
    clip = {
        "OTIO_SCHEMA": "Clip.2",
        "name": sample.stem,
        "source_range": part,
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }
    track = {"OTIO_SCHEMA": "Track.1", "name": "V1", "kind": "Video", "children": [clip]}
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "name": "Smoke",
        "tracks": {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track]},
    }


def check(good: bool, words: str) -> None:
    if not good:
        raise AssertionError(words)


if __name__ == "__main__":
    sys.exit(main())
