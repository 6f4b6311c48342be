"""The words of the set-up page, from capabilities that an engine might tell."""

from __future__ import annotations

import msgspec

from engine.protocol.messages import BackendCapability, Device, Model, ModelCapability, Spending
from ltxdesktop.ui.setup.situation import Line, machine_lines, spent_words, weights_lines, works_now

CPU = Device(name="CPU, 8 threads", kind="cpu", memory_bytes=32_000_000_000)
POCKET = ModelCapability(model="pocket", title="Pocket", modes=(), ships=True)
LARGE = ModelCapability(model="ltx-2.3", title="LTX-2.3", modes=())
FILES = Model(
    model="ltx-2.3", title="LTX-2.3", kind="model", installed=False, size_bytes=46_100_000_000, why_not="a needs b"
)


def local(*models: ModelCapability, device: Device = CPU, why_not: str = "") -> BackendCapability:
    return BackendCapability(
        backend="local", title="this computer", available=not why_not, why_not=why_not, device=device, models=models
    )


def remote(*, available: bool) -> BackendCapability:
    return BackendCapability(backend="remote", title="LTX API", available=available, remote=True)


def test_what_works_now_is_the_best_that_is_here():
    assert works_now([local(POCKET, LARGE)]) == "LTX-2.3 works on this machine now."
    assert works_now([local(POCKET)]).startswith("Pocket, the small model that comes with the program, works now.")
    assert "the LTX API has its key" in works_now([local(why_not="no model"), remote(available=True)])
    assert works_now([local(why_not="no model"), remote(available=False)]).startswith("Nothing makes frames here yet")


def test_the_machine_is_told_without_what_is_elsewhere():
    assert machine_lines([local(POCKET), remote(available=True)]) == [
        Line("plain", "CPU, 8 threads, 32.0 GB of memory"),
        Line("good", "Pocket works"),
    ]
    more = msgspec.structs.replace(local(POCKET), unlocks=("Enter a key.",))
    assert machine_lines([more])[2:] == [Line("plain", "What would make more possible:"), Line("next", "Enter a key.")]
    assert machine_lines([local(POCKET, why_not="it is broken")])[1] == Line("missing", "Pocket", "It is broken.")


def test_weights_say_their_size_and_whether_a_processor_alone_would_do():
    lines = weights_lines([FILES], [local(POCKET)])
    assert [line.mark for line in lines] == ["missing", "plain", "plain"]
    assert "no graphics card" in lines[0].words
    assert (lines[2].words, lines[2].tip) == ("LTX-2.3, 46.1 GB – not here", "A needs b.")
    card = Device(name="A card", kind="cuda", memory_bytes=24_000_000_000)
    assert not any("no graphics card" in line.words for line in weights_lines([FILES], [local(POCKET, device=card)]))


def test_money_is_told_with_its_limit():
    assert spent_words(Spending(month="2026-11", spent_cents=5)) == "Spent in 2026-11: US$ 0.05 (no limit)"
    assert spent_words(Spending(month="2026-11", spent_cents=120, limit_cents=2500)).endswith(
        "US$ 1.20 (limit US$ 25.00)"
    )
