"""Which backend does a job, and what to advise a person on this machine: pure functions of what is asked and found.

The person's choice comes first; then what can do it, in the order given (the machine's own first); and nothing ever
goes to a remote backend unless the person has agreed for this job.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from engine.backends.base import Unsupported
from engine.protocol.messages import BackendCapability, ModelCapability
from engine.protocol.work import AnyWork, mode_of

# --- one job -----------------------------------------------------------------------------------------------------


class Choice(NamedTuple):
    """The backend that will do it, the model, and why, in words for the log and the person."""

    backend: str
    model: str
    reason: str


def choose(work: AnyWork, backends: Sequence[BackendCapability]) -> Choice:
    """Pick a backend and a model for this work. Raises Unsupported with every reason why not."""
    reasons: list[str] = []
    for backend in backends:
        if work.backend and backend.backend != work.backend:
            continue
        named = [model for model in backend.models if _is_meant(model, work.model)]
        if not named and _is_file(work.model) and not backend.remote:
            if backend.available:  # whether the file is there and fits is seen when it's opened
                return Choice(backend.backend, work.model, f"{backend.title} with the file {work.model}: chosen")
            reasons.append(f"{backend.title}: {backend.why_not}")
            continue
        if not named and work.model and backend.models:
            continue  # it has models, but none of that name
        if not backend.available:
            reasons.append(f"{backend.title}: {backend.why_not}")
            continue
        if backend.remote and not work.may_leave:
            reasons.append(f"{backend.title}: would send {_list(backend.sends)} away, which wasn't agreed to")
            continue
        for model in named:
            if not model.available:
                reasons.append(f"{model.title}: {model.why_not}")
                continue
            mode = next((mode for mode in model.modes if mode.mode == mode_of(work)), None)
            if mode is not None and mode.available:
                chosen = "chosen" if work.backend else "the first here that can do it"
                return Choice(backend.backend, model.model, f"{backend.title} with {model.title}: {chosen}")
            reasons.append(f"{model.title}: {mode.why_not if mode else _cannot(work)}")
    if not reasons:
        named_things = " with ".join(name for name in (work.backend, work.model) if name)
        reasons.append(f"nothing here is called {named_things}" if named_things else "there is no backend")
    raise Unsupported(f"Nothing here can do this. {_sentences(reasons)}")


def _is_meant(model: ModelCapability, name: str) -> bool:
    return not name or name == model.model or name in model.aliases


def _is_file(name: str) -> bool:
    """A checkpoint may be named by its path: no description knows it, and only this machine has it."""
    return name.lower().endswith(".safetensors")


def _cannot(work: AnyWork) -> str:
    return f"doesn't do {mode_of(work).replace('_', ' ')}"


def _sentences(reasons: Sequence[str]) -> str:
    return " ".join(reason if reason.endswith((".", "?")) else f"{reason}." for reason in reasons)


def _list(sends: Sequence[str]) -> str:
    return ", ".join(sends) if sends else "the job"


# --- this machine ------------------------------------------------------------------------------------------------

System = Literal["linux", "windows", "macos"]
THIS_SYSTEM: Final[System] = "macos" if sys.platform == "darwin" else "windows" if sys.platform == "win32" else "linux"
DeviceKind = Literal["cuda", "mps", "cpu"]
Installed = Literal["full", "pocket", "none"]  # the best that is here: LTX-2.3, the small model that ships, nothing
Preference = Literal["", "local", "remote"]  # "": whatever suits
Way = Literal["local", "pocket", "remote", "none"]

# What LTX-2.3 needs: docs/engine.md has the plans behind these. A card that is sold as 8 GB reports less.
# So does a machine that is sold with 16 GB: the numbers are a little lower for that.
LEAST_CARD_GB: Final = 7.5
LEAST_HOST_GB: Final = 15.0  # the text's conditioner works here beside a card of 8 GB; weights may come from disk
LEAST_UNIFIED_GB: Final = 30.0  # one memory for everything, and no 8-bit weights on Apple's GPUs
# With less of both, weights are read from disk at every step.
CARD_FOR_WEIGHTS_GB: Final = 28.5  # in 8 bits
HOST_FOR_WEIGHTS_GB: Final = 30.0  # the same, beside a smaller card
UNIFIED_FOR_WEIGHTS_GB: Final = 60.0
DOWNLOAD_GB: Final = 75  # checkpoint, upscaler and text encoder


class Situation(NamedTuple):
    """All that the advice depends on. Gigabytes are 1e9 bytes."""

    system: System
    device: DeviceKind
    device_gb: float  # of the device; the machine's own memory for "mps" and "cpu"
    memory_gb: float
    installed: Installed
    key: bool  # an API key is known
    preference: Preference = ""
    idle_card: bool = False  # an NVIDIA card that the engine doesn't see


class Advice(NamedTuple):
    """How frames are best made here, why, and what would make more possible."""

    way: Way
    reason: str
    unlocks: tuple[str, ...] = ()


def advise(here: Situation) -> Advice:
    """The best way on this machine, by a table that `tests/engine/backends/test_policy.py` spells out.

    It is asked anew whenever something may have changed (a key, a model, the preference), and changes nothing itself:
    which backend does a job is decided by `choose`, and only a person sends a job away.
    """
    lack = _lack(here)
    unlocks = _unlocks(here, lack)
    if here.preference == "remote" and here.key:
        return Advice("remote", "The LTX API was chosen, and its key is here.", unlocks)
    instead = "The LTX API was chosen, but there is no key for it. " if here.preference == "remote" else ""
    if not lack and here.installed == "full":
        return Advice("local", f"{instead}LTX-2.3 is installed and this machine can run it.", unlocks)
    why = lack or "LTX-2.3 isn't installed here."
    if here.key and here.preference == "":
        return Advice(
            "remote", f"{why} The LTX API does it, for money; each job asks before anything is sent.", unlocks
        )
    if here.installed != "none":
        return Advice("pocket", f"{instead}{why} The small model that ships with the program works now.", unlocks)
    return Advice("none", f"{instead}{why}", unlocks)


def _lack(here: Situation) -> str:
    """What this machine lacks for LTX-2.3, as a sentence; empty if it can run it."""
    if here.device == "cuda":
        if here.device_gb < LEAST_CARD_GB:
            return f"The graphics card has {here.device_gb:.0f} GB; LTX-2.3 needs 8 GB."
        if here.memory_gb < LEAST_HOST_GB:
            return f"The machine has {here.memory_gb:.0f} GB of memory; LTX-2.3 needs 16 GB beside a graphics card."
        return ""
    if here.device == "mps":
        if here.memory_gb < LEAST_UNIFIED_GB:
            return f"This Mac has {here.memory_gb:.0f} GB of memory; LTX-2.3 needs 32 GB on Apple's graphics."
        return ""
    if here.idle_card:
        return (
            "An NVIDIA graphics card is here, but the engine doesn't see it: its driver is missing or too old, or the "
            "engine was installed for the processor."
        )
    gpu = "an NVIDIA graphics card with 8 GB or more"
    if here.system == "macos":
        gpu = "a Mac with an Apple chip and 32 GB"
    return f"LTX-2.3 needs {gpu}; here there is only the processor, which would take hours."


def _memory_for_weights(here: Situation) -> int:
    """The memory, as it's sold, with which a machine that can run LTX-2.3 would hold its weights; 0 if it does."""
    if here.device == "mps":
        return 0 if here.memory_gb >= UNIFIED_FOR_WEIGHTS_GB else 64
    return 0 if here.device_gb >= CARD_FOR_WEIGHTS_GB or here.memory_gb >= HOST_FOR_WEIGHTS_GB else 32


def _unlocks(here: Situation, lack: str) -> tuple[str, ...]:
    said: list[str] = []
    if not lack and here.installed != "full":
        said.append(f"Download LTX-2.3 (about {DOWNLOAD_GB} GB): this machine can run it.")
    if not here.key:
        said.append("Enter an API key (console.ltx.video): LTX-2.3 on Lightricks' servers, for money, on any machine.")
    if lack and here.device == "cuda" and here.device_gb >= LEAST_CARD_GB:
        said.append("More memory: with 16 GB this graphics card could run LTX-2.3.")
    if not lack and (enough := _memory_for_weights(here)):
        said.append(
            f"More memory: with {enough} GB the weights needn't come from disk at every step, which takes longer."
        )
    if here.idle_card:
        said.append(
            "Install the card's driver, then the engine anew (Engine › Install the engine…): with 8 GB or more that "
            "card can run LTX-2.3."
        )
    if lack:
        said.append(
            "Use an engine on another machine with a larger graphics card: "
            "ltxdesktop --engine 'ssh HOST ltx-engine --stdio'."
        )
    if here.preference == "local" and here.key and (lack or here.installed != "full"):
        said.append("Choose the LTX API: its key is here, and only the wish to stay on this machine keeps it out.")
    return tuple(said)


def situation_of(
    system: System,
    memory_bytes: int,
    backends: Sequence[BackendCapability],
    preference: Preference = "",
    *,
    has_nvidia: bool = False,
) -> Situation:
    """The situation that the backends' own words describe. `has_nvidia`: the system lists a card of NVIDIA's."""
    local = next((backend for backend in backends if not backend.remote), None)
    remote = next((backend for backend in backends if backend.remote), None)
    device = local.device if local is not None else None
    kind: DeviceKind = device.kind if device is not None and device.kind in ("cuda", "mps") else "cpu"
    memory_gb = memory_bytes / 1e9
    device_gb = device.memory_bytes / 1e9 if device is not None and kind == "cuda" else memory_gb
    installed: Installed = "none"
    for model in local.models if local is not None else ():
        if model.available:
            installed = "pocket" if model.ships and installed == "none" else "full" if not model.ships else installed
    key = remote is not None and remote.available
    idle = has_nvidia and kind == "cpu"
    return Situation(system, kind, device_gb, memory_gb, installed, key, preference, idle)
