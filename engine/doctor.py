"""`ltx-engine doctor`: what this machine is, what is installed, and what would work here, and why the rest wouldn't.

Everything is tried for real (packages are imported, codecs opened, folders written to); nothing is changed.
"""

import importlib
import importlib.util
import logging
import os
import platform
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from engine.backends.base import Places
from engine.backends.local.cards import cards, has_nvidia
from engine.backends.policy import THIS_SYSTEM, Advice, Situation, advise, situation_of
from engine.protocol.messages import PROTOCOL, BackendCapability, Device, ExitStatus
from engine.server.engine import Settings
from engine.server.pool import BackendPool
from engine.store.errors import StoreLocked
from engine.store.lock import StoreLock

PACKAGES: Final = ("msgspec", "numpy", "av", "torch", "safetensors", "transformers", "tokenizers", "einops", "pillow")
ENCODERS: Final = ("libx264", "aac", "prores_ks", "ffv1", "flac", "pcm_s16le")  # what results are written with
_WAYS: Final = {
    "local": "Make it on this machine",
    "pocket": "Begin with the small model on this machine",
    "remote": "Use the LTX API",
    "none": "Nothing works yet",
}
DECODERS: Final = ("h264", "hevc", "av1", "vp9", "prores", "mjpeg", "aac", "mp3", "opus", "flac")


class Folder(msgspec.Struct, frozen=True):
    """One folder that the engine needs."""

    name: str
    path: str
    free_bytes: int
    problem: str = ""


class Report(msgspec.Struct, frozen=True):
    """All that doctor finds; `--json` prints it as it stands."""

    build: str
    protocol: str
    system: str
    processor: str
    cores: int
    memory_bytes: int
    free_memory_bytes: int
    devices: tuple[Device, ...]
    python: str
    packages: dict[str, str]  # name -> version, or why it can't be used
    missing_packages: tuple[str, ...]
    missing_encoders: tuple[str, ...]
    missing_decoders: tuple[str, ...]
    folders: tuple[Folder, ...]
    store_owner_pid: int  # 0: no engine runs on this store
    backends: tuple[BackendCapability, ...]
    situation: Situation | None = None  # what the advice depends on
    advice: Advice | None = None

    @property
    def works(self) -> bool:
        """Whether some mode of some model would run here."""
        return any(
            mode.available
            for backend in self.backends
            if backend.available
            for model in backend.models
            if model.available
            for mode in model.modes
        )


def examine(settings: Settings, as_json: bool) -> int:
    """Print the report; return 0 if something here can make frames, else 1."""
    logging.basicConfig(level=logging.CRITICAL)  # why a backend can't be opened stands in the report
    report = look(settings)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(report)))
    return ExitStatus.ENDED if report.works else 1


def look(settings: Settings) -> Report:
    """Look at everything. Takes seconds when torch is installed."""
    packages: dict[str, str] = {}
    missing: list[str] = []
    for name in PACKAGES:
        version, there = _package(name)
        packages[name] = version
        if not there:
            missing.append(name)
    memory = psutil.virtual_memory()
    backends = _backends(settings)
    situation = situation_of(THIS_SYSTEM, memory.total, backends, has_nvidia=has_nvidia(cards()))
    folders = {
        "jobs": settings.store,
        "results": settings.results or settings.store / "results",
        "models": settings.models,
    }
    return Report(
        build=metadata.version("ltxdesktop"),
        protocol=".".join(str(part) for part in PROTOCOL),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_bytes=memory.total,
        free_memory_bytes=memory.available,
        devices=_devices(),
        python=f"{platform.python_version()} at {sys.executable}",
        packages=packages,
        missing_packages=tuple(missing),
        missing_encoders=tuple(name for name in ENCODERS if not _has_codec(name, "w")),
        missing_decoders=tuple(name for name in DECODERS if not _has_codec(name, "r")),
        folders=tuple(_folder(name, path) for name, path in folders.items()),
        store_owner_pid=_store_owner(settings.store),
        backends=backends,
        situation=situation,
        advice=advise(situation),
    )


def _package(name: str) -> tuple[str, bool]:
    """Version, or what is wrong; and whether it can be imported."""
    module = {"pillow": "PIL"}.get(name, name)
    if importlib.util.find_spec(module) is None:
        return "not installed", False
    try:
        importlib.import_module(module)
    except Exception as exc:  # a broken library may raise anything, and that is what is asked here
        return f"can't be imported: {type(exc).__name__}: {exc}", False
    return metadata.version(name), True


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _devices() -> tuple[Device, ...]:
    """The devices that torch sees; none without torch."""
    try:
        torch: Any = importlib.import_module("torch")
    except Exception:  # said among the packages
        return ()
    found: list[Device] = []
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            name = torch.cuda.get_device_name(number)
            found.append(Device(name=name, kind="cuda", memory_bytes=total, free_bytes=free))
    if torch.backends.mps.is_available():
        memory = psutil.virtual_memory()
        found.append(Device(name="Apple GPU", kind="mps", memory_bytes=memory.total, free_bytes=memory.available))
    memory = psutil.virtual_memory()
    name = f"CPU, {torch.get_num_threads()} threads"
    found.append(Device(name=name, kind="cpu", memory_bytes=memory.total, free_bytes=memory.available))
    return tuple(found)


def _has_codec(name: str, mode: str) -> bool:
    try:
        codec: Any = importlib.import_module("av").Codec
        codec(name, mode)
    except Exception:  # absent, or av itself can't be imported
        return False
    return True


def _folder(name: str, path: Path) -> Folder:
    """Whether the folder, or the one in which it would be made, can be written to."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        return Folder(name, str(path), shutil.disk_usage(there).free)
    except OSError as exc:
        return Folder(name, str(path), 0, f"can't be written to: {exc.strerror}")


def _store_owner(store: Path) -> int:
    """Process id of the engine that works with this store, 0 if none does."""
    if not store.is_dir():
        return 0
    try:
        with StoreLock(store) as lock:
            lock.take()
    except StoreLocked as exc:
        return exc.owner_pid
    except OSError:
        return 0
    return 0


def _backends(settings: Settings) -> tuple[BackendCapability, ...]:
    """What the backends say, with throw-away folders for what they might write."""
    with tempfile.TemporaryDirectory(prefix="ltxdesktop-doctor-") as scratch:
        places = Places(
            models=settings.models,
            cache=Path(scratch),
            results=Path(scratch),
            extra_models=settings.extra_models,
            state=settings.store if settings.store.is_dir() else None,
        )
        pool = BackendPool(settings.openers, places)
        try:
            return pool.capabilities()
        finally:
            pool.close()


def _lines(report: Report) -> list[str]:
    lines = [
        f"ltxdesktop {report.build}, protocol {report.protocol}",
        "",
        "Machine",
        f"  system      {report.system}",
        f"  processor   {report.processor}, {report.cores} cores",
        f"  memory      {_gigabytes(report.free_memory_bytes)} free of {_gigabytes(report.memory_bytes)}",
    ]
    for device in report.devices or (Device(name="none known (torch can't be used)", kind="none"),):
        memory = f", {_gigabytes(device.free_bytes)} free of {_gigabytes(device.memory_bytes)}"
        lines.append(f"  device      {device.name} ({device.kind}){memory if device.memory_bytes else ''}")
    lines += ["", "Versions", f"  {'python':<14}{report.python}"]
    lines += [f"  {name:<14}{version}" for name, version in report.packages.items()]
    lines += ["", "Codecs", f"  write         {_codecs(ENCODERS, report.missing_encoders)}"]
    lines += [f"  read          {_codecs(DECODERS, report.missing_decoders)}", "", "Folders"]
    for folder in report.folders:
        state = folder.problem or f"{_gigabytes(folder.free_bytes)} free"
        lines.append(f"  {folder.name:<14}{folder.path} ({state})")
    if report.store_owner_pid:
        lines.append(f"  An engine (process {report.store_owner_pid}) is working with the jobs.")
    lines += ["", "What would work here"]
    for backend in report.backends:
        lines += _about(backend)
    if report.advice is not None:
        lines += ["", "Advice", f"  {_WAYS[report.advice.way]}. {report.advice.reason}"]
        lines += [f"  - {said}" for said in report.advice.unlocks]
    lines += ["", "Something here can make frames." if report.works else "Nothing here can make frames; see above."]
    return lines


def _about(backend: BackendCapability) -> list[str]:
    if not backend.available:
        return [f"  {backend.title}: no. {backend.why_not}"]
    lines = [f"  {backend.title}"]
    if backend.remote:
        lines.append(f"    sends, once you agree for a job: {'; '.join(backend.sends)}")
    if backend.spending is not None:
        limit = backend.spending.limit_cents
        said = "no limit is set" if limit is None else f"the limit is ${limit / 100:.2f}"
        lines.append(f"    spent in {backend.spending.month}: about ${backend.spending.spent_cents / 100:.2f}; {said}")
    for model in backend.models:
        if not model.available:
            lines.append(f"    {model.title}: no. {model.why_not}")
            continue
        lines.append(f"    {model.title}: yes")
        works = [mode.mode.replace("_", " ") for mode in model.modes if mode.available]
        lines.append(f"      {', '.join(works) or 'no mode'}")
        lines += [
            f"      not {mode.mode.replace('_', ' ')}: {mode.why_not}" for mode in model.modes if not mode.available
        ]
    return lines


def _codecs(wanted: tuple[str, ...], missing: tuple[str, ...]) -> str:
    there = ", ".join(name for name in wanted if name not in missing) or "none"
    return f"{there}; missing: {', '.join(missing)}" if missing else there


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
