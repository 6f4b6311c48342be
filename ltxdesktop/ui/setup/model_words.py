"""Packages, downloads and LoRAs in a person's words. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from engine.protocol.packages import DownloadPlan, Errand, ErrandProgress, LoraInfo, PackageInfo
from ltxdesktop.words import clock, counted, gigabytes

GROUPS: Final = {
    "model": ("The model", "One of these is enough."),
    "text_encoder": ("The text encoder", "It reads the prompt. One of these is enough."),
    "part": ("Parts of the models", "They come with the model that needs them."),
    "lora": ("Control LoRAs", "Each adds one ability."),
}
_PHASES: Final = {
    "checking": "Checking what is here",
    "downloading": "Downloading",
    "linking": "Copying",
    "moving": "Moving",
}
_DOING: Final = {
    "download": "Download",
    "verify": "Check",
    "remove": "Removal",
    "import": "Import",
    "move": "Move",
    "add_lora": "Adding",
    "remove_lora": "Removal",
}
Mark = Literal["good", "missing", "plain"]


def facts_line(package: PackageInfo, licence: str, titles: dict[str, str]) -> str:
    """Size, licence and needs in one line, and which other package has the same files."""
    words = [gigabytes(package.size_bytes), licence]
    if package.instead:
        words.append(f"the same files as {short(titles.get(package.instead, package.instead))}")
    if package.gated:
        words.append("needs an account on the hub")
    if package.needs:
        words.append("needs " + " and ".join(short(titles.get(need, need)) for need in package.needs))
    return "  ·  ".join(words)


def short(title: str) -> str:
    """A title without what explains it: “Gemma 3 12B, the text encoder” is “Gemma 3 12B”."""
    return title.split(",")[0]


def state_words(package: PackageInfo) -> tuple[Mark, str]:
    """Whether it's here, as a mark and a word or two."""
    match package.state:
        case "verified":
            return "good", "Here, linked" if package.linked else "Here"
        case "unverified":
            return "plain", "Here, not verified"
        case "partial":
            return "plain", f"{gigabytes(package.have_bytes)} of {gigabytes(package.size_bytes)} here"
        case "missing":
            return "plain", ""


def progress_words(errand: Errand, progress: ErrandProgress | None) -> str:
    """What an errand is at: how much, how fast, how long still."""
    if errand.state == "waiting":
        return "Waiting for its turn"
    if errand.state == "paused":
        return errand.message or "Paused"
    if errand.state in ("failed", "done", "cancelled") or progress is None:
        return errand.message or "Beginning…"
    words = [
        _PHASES.get(progress.phase, progress.phase),
        f"{gigabytes(progress.done_bytes)} of {gigabytes(progress.total_bytes)}",
    ]
    if progress.bytes_per_second and progress.phase != "checking":
        words.append(f"{progress.bytes_per_second / 1e6:.1f} MB/s")
    if progress.seconds_left is not None:
        words.append(f"{clock(progress.seconds_left)} left")
    return "  ·  ".join(words)


def fraction(progress: ErrandProgress | None) -> float:
    """Of a whole, 0..1."""
    if progress is None or not progress.total_bytes:
        return 0.0
    return min(1.0, progress.done_bytes / progress.total_bytes)


def errand_line(errand: Errand) -> str:
    """An errand that isn't a download of one package: what it is, and how it ended."""
    return f"{_DOING[errand.kind]} – {errand.title}" if errand.title else _DOING[errand.kind]


def plan_rows(plan: DownloadPlan, packages: Sequence[PackageInfo]) -> list[tuple[str, str]]:
    """Each package that comes: its title, and how much of it."""
    titles = {each.package: each.title for each in packages}
    rows = list[tuple[str, str]]()
    for name in reversed(plan.packages):
        files = [file for file in plan.files if file.package == name]
        coming = sum(file.size_bytes - file.have_bytes for file in files)
        amount = f"{counted(len(files), 'file')}, {gigabytes(coming)}" if files else "is here"
        rows.append((titles.get(name, name), amount))
    return rows


def disk_words(plan: DownloadPlan) -> tuple[Mark, str]:
    """Whether the disk has room, with the numbers."""
    if plan.problem:
        return "missing", plan.problem
    if not plan.coming_bytes:
        return "good", "Everything is here already."
    return "good", (
        f"{gigabytes(plan.coming_bytes)} to download, {gigabytes(plan.needed_bytes)} of room wanted; "
        f"{gigabytes(plan.free_bytes)} are free."
    )


def lora_facts(lora: LoraInfo) -> str:
    """What a LoRA's file says of itself, in one line."""
    words = [gigabytes(lora.size_bytes)] if lora.size_bytes else []
    if lora.base_model:
        words.append(f"for {lora.base_model}")
    if lora.rank:
        words.append(f"rank {lora.rank}")
    return "  ·  ".join(words)
