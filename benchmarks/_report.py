"""One JSON line per benchmark question: what, commit, machine, versions, settings, every run, median, spread.

Only the standard library; torch is described if it is already imported, never imported here. A script uses it so:

    from _report import measure, report

    runs = measure(lambda: decode(frame), times=20, warm_up=3)
    report("decode one 1080p frame", runs, unit="s", settings={"size": "1920x1080"}, goal=0.004)

Timing cold and warm runs apart, and synchronising a GPU inside the timed call, is the script's own work.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

DESCRIBED_PACKAGES = ("PySide6-Essentials", "av", "msgspec", "numpy", "safetensors", "torch", "transformers")


def measure(call: Callable[[], object], *, times: int, warm_up: int = 1) -> list[float]:
    """Seconds of each of `times` calls, after `warm_up` calls that are not counted."""
    for _ in range(warm_up):
        call()
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def report(
    what: str,
    runs: Sequence[float],
    *,
    unit: str = "s",
    settings: Mapping[str, Any] | None = None,
    goal: float | None = None,
    more_is_better: bool = False,
    peak_bytes: int | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Print the one JSON line and return what it says.

    `goal` is the figure to reach, in `unit`, judged against the median: at most `goal`, or at least `goal` when
    `more_is_better`. `facts` are further numbers of this benchmark. Spread is the interquartile range, in `unit`
    (the full range for fewer than four runs). Raises ValueError for no runs at all.
    """
    if not runs:
        raise ValueError(f"{what}: no runs to report")
    median = statistics.median(runs)
    line: dict[str, Any] = {"what": what, "unit": unit, "median": _short(median), "spread": _short(_spread(runs))}
    if goal is not None:
        line["goal"] = goal
        line["reached"] = median >= goal if more_is_better else median <= goal
    if peak_bytes is not None:
        line["peak_bytes"] = peak_bytes
    line |= facts
    line |= {
        "settings": dict(settings or {}),
        "runs": [_short(run) for run in runs],
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
    }
    print(json.dumps(line), flush=True)
    return line


def peak_rss_bytes() -> int:
    """The most memory this process has held so far. Raises OSError where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError as exc:
        raise OSError("this system does not report the peak memory of a process") from exc
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB


def commit() -> str:
    """The commit of the code measured, with "+" when tracked files differ from it; "unknown" outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory, system, load at the time, and the GPU if torch is in use."""
    described: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        described["memory_bytes"] = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if hasattr(os, "getloadavg"):
        described["load_1min"] = round(os.getloadavg()[0], 2)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def versions() -> dict[str, str]:
    """Python and those of the packages that a figure here can depend on, as installed."""
    found = {"python": platform.python_version()}
    for package in DESCRIBED_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _spread(runs: Sequence[float]) -> float:
    if len(runs) < 4:
        return max(runs) - min(runs)
    low, _, high = statistics.quantiles(runs, n=4, method="inclusive")
    return high - low


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
