"""What works here and what doesn't, from the engine's capabilities, as lines for the set-up page. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from engine.protocol.messages import BackendCapability, Model, ModelCapability, Spending
from ltxdesktop.words import gigabytes


class Line(NamedTuple):
    """One fact: whether it's good, missing, a way to more, or just said; and the words for it."""

    mark: Literal["good", "missing", "next", "plain"]
    words: str
    more: str = ""
    tip: str = ""


def machine_lines(backends: Sequence[BackendCapability]) -> list[Line]:
    """The device, each model that is on this machine, with why it doesn't work if so, and what would unlock more."""
    lines: list[Line] = []
    for backend in backends:
        if backend.remote:
            continue
        if backend.device is not None:
            memory = f"{gigabytes(backend.device.memory_bytes)} of memory" if backend.device.memory_bytes else ""
            lines.append(Line("plain", ", ".join(each for each in (backend.device.name, memory) if each)))
        if not backend.models and backend.why_not:
            lines.append(Line("missing", backend.title, _sentence(backend.why_not)))
        # What isn't installed stands with its files under LTX-2.3; here is what there is, and what ships.
        shown = [model for model in backend.models if model.ships or (model.available and backend.available)]
        lines += [_model_line(backend, model) for model in shown]
        if backend.unlocks:
            lines.append(Line("plain", "What would make more possible:"))
        lines += [Line("next", each) for each in backend.unlocks]
    return lines


def works_now(backends: Sequence[BackendCapability]) -> str:
    """One sentence on what can be done at once."""
    here = [
        model
        for backend in backends
        for model in backend.models
        if not backend.remote and backend.available and model.available
    ]
    large = [model.title for model in here if not model.ships]
    small = [model.title for model in here if model.ships]
    if large:
        return f"{large[0]} works on this machine now."
    if small:
        return f"{small[0]}, the small model that comes with the program, works now. Nothing has to be set up for it."
    if any(backend.remote and backend.available for backend in backends):
        return "Nothing makes frames on this machine, but the LTX API has its key."
    return "Nothing makes frames here yet; what is missing stands below. Editing and export work without it."


def weights_lines(models: Sequence[Model], backends: Sequence[BackendCapability]) -> list[Line]:
    """The large models with their sizes, and what each lacks here. Left out: LoRAs, and what ships anyway."""
    shipped = {model.model for backend in backends for model in backend.models if model.ships}
    lines: list[Line] = []
    for model in models:
        if model.kind == "lora" or model.model in shipped:
            continue
        size = f", {gigabytes(model.size_bytes)}" if model.size_bytes else ""
        here = model.installed and not model.why_not
        words = f"{model.title}{size}" if here else f"{model.title}{size} – not here"
        lines.append(Line("good" if here else "plain", words, tip=_sentence(model.why_not)))
    if lines and all(line.mark != "good" for line in lines):
        lines.insert(0, Line("plain", "One of these is enough, with the text encoder that it names."))
        if _only_a_processor(backends):
            slow = "The engine has no graphics card for it here; on the processor alone it would take hours."
            lines.insert(0, Line("missing", slow))
    return lines


def paid(backends: Sequence[BackendCapability]) -> BackendCapability | None:
    """The backend that costs money and sends things away; None if this engine has none."""
    return next((backend for backend in backends if backend.remote), None)


def spent_words(spending: Spending | None) -> str:
    """What this month has cost, beside its limit."""
    if spending is None:
        return ""
    limit = "no limit" if spending.limit_cents is None else f"limit {dollars(spending.limit_cents)}"
    return f"Spent in {spending.month}: {dollars(spending.spent_cents)} ({limit})"


def dollars(cents: int) -> str:
    """US cents as an amount: US$ 1.20."""
    return f"US$ {cents // 100}.{cents % 100:02}"


def _only_a_processor(backends: Sequence[BackendCapability]) -> bool:
    devices = [each.device.kind for each in backends if not each.remote and each.device is not None]
    return bool(devices) and set(devices) == {"cpu"}


def _model_line(backend: BackendCapability, model: ModelCapability) -> Line:
    if model.available and backend.available:
        return Line("good", f"{model.title} works", model.description)
    return Line("missing", model.title, _sentence(model.why_not or backend.why_not))


def _sentence(words: str) -> str:
    text = words[:1].upper() + words[1:]
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
