"""Which backend does a job, as a table."""

from itertools import product
from typing import Any

import msgspec
import pytest

from engine.backends.base import Unsupported
from engine.backends.policy import Advice, Situation, advise, choose, situation_of
from engine.protocol.messages import BackendCapability, Device, ModeCapability, ModelCapability
from engine.protocol.work import AnyWork, Retake, TextToVideo


def model(name: str, retake: str = "", **more: object) -> ModelCapability:
    modes = (
        ModeCapability(mode="text_to_video", available=True),
        ModeCapability(mode="retake", available=not retake, why_not=retake),
    )
    return ModelCapability(model=name, title=name.upper(), modes=modes, **more)  # pyright: ignore[reportArgumentType]


LOCAL = BackendCapability(
    backend="local",
    title="Here",
    available=True,
    models=(model("big", retake="needs 12 GB, 8 GB are free"), model("pocket")),
)
REMOTE = BackendCapability(
    backend="remote",
    title="LTX API",
    available=True,
    remote=True,
    models=(model("pro"),),
    sends=("the prompt", "2 s of film"),
)
BROKEN = BackendCapability(backend="local", title="Here", available=False, why_not="torch can't be imported")
NO_WEIGHTS = BackendCapability(
    backend="local", title="Here", available=True, models=(model("big", available=False, why_not="not downloaded yet"),)
)
ALIASED = BackendCapability(
    backend="local", title="Here", available=True, models=(model("pocket"), model("big", aliases=("largest", "b")))
)
TEXT = {"width": 64, "height": 64, "frames": 9, "rate": "24"}
RETAKE = {"source": "/a.mov", "start": 0, "end": 9}


@pytest.mark.parametrize(
    ("work", "backends", "expected"),
    [
        (TextToVideo(**TEXT), [LOCAL, REMOTE], ("local", "big")),
        (Retake(**RETAKE), [LOCAL, REMOTE], ("local", "pocket")),
        (TextToVideo(**TEXT, model="pocket"), [LOCAL, REMOTE], ("local", "pocket")),
        (TextToVideo(**TEXT, may_leave=True), [LOCAL, REMOTE], ("local", "big")),
        (TextToVideo(**TEXT, may_leave=True), [BROKEN, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True), [NO_WEIGHTS, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True, backend="remote"), [LOCAL, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True, model="pro"), [LOCAL, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, model="largest"), [ALIASED], ("local", "big")),
        (TextToVideo(**TEXT, may_leave=True, model="largest"), [REMOTE, ALIASED], ("local", "big")),
        (
            TextToVideo(**TEXT, model="/weights/mine.safetensors"),
            [LOCAL, REMOTE],
            ("local", "/weights/mine.safetensors"),
        ),
        (
            TextToVideo(**TEXT, may_leave=True, model="C:\\Mine.SafeTensors"),
            [REMOTE, NO_WEIGHTS],
            ("local", "C:\\Mine.SafeTensors"),
        ),
    ],
)
def test_the_first_that_can_do_it_does_it(
    work: AnyWork, backends: list[BackendCapability], expected: tuple[str, str]
) -> None:
    assert choose(work, backends)[:2] == expected


@pytest.mark.parametrize(
    ("work", "backends", "why_not"),
    [
        (TextToVideo(**TEXT), [BROKEN, REMOTE], "the prompt, 2 s of film away, which wasn't agreed to"),
        (TextToVideo(**TEXT, backend="remote"), [LOCAL, REMOTE], "wasn't agreed to"),
        (TextToVideo(**TEXT), [BROKEN], "torch can't be imported"),
        (TextToVideo(**TEXT), [NO_WEIGHTS], "not downloaded yet"),
        (Retake(**RETAKE, model="big"), [LOCAL], "needs 12 GB, 8 GB are free"),
        (TextToVideo(**TEXT, model="huge"), [LOCAL], "nothing here is called huge"),
        (TextToVideo(**TEXT, backend="cloud", model="huge"), [LOCAL], "nothing here is called cloud with huge"),
        (TextToVideo(**TEXT, may_leave=True, model="/a.safetensors"), [BROKEN, REMOTE], "torch can't be imported"),
        (TextToVideo(**TEXT, model="/a.safetensors"), [REMOTE], "nothing here is called /a.safetensors"),
        (TextToVideo(**TEXT), [], "there is no backend"),
    ],
)
def test_where_nothing_can_every_reason_is_said(work: AnyWork, backends: list[BackendCapability], why_not: str) -> None:
    with pytest.raises(Unsupported, match=why_not):
        choose(work, backends)


# --- this machine ---

GPU_24 = ("cuda", 24.0, 64.0)
GPU_8 = ("cuda", 7.9, 32.0)
GPU_8_16 = ("cuda", 7.9, 16.3)
GPU_32_16 = ("cuda", 33.7, 16.3)
GPU_8_LITTLE_HOST = ("cuda", 7.9, 8.2)
GPU_4 = ("cuda", 4.0, 32.0)
MAC_16 = ("mps", 16.0, 16.0)
MAC_32 = ("mps", 32.0, 32.0)
MAC_64 = ("mps", 64.0, 64.0)
NO_GPU = ("cpu", 32.0, 32.0)

WAYS = ("local", "remote")

# (system, (device, its GB, memory GB), installed, key, choice) -> way, a word of the reason, a word of each unlock
TABLE = [
    ("linux", GPU_24, "full", False, "", "local", "can run it", ["API key"]),
    ("linux", GPU_24, "full", True, "", "local", "can run it", []),
    ("linux", GPU_24, "full", True, "remote", "remote", "was chosen", []),
    ("linux", GPU_24, "full", False, "remote", "local", "no key for it", ["API key"]),
    ("linux", GPU_24, "pocket", False, "", "pocket", "isn't installed", ["Download", "API key"]),
    ("linux", GPU_24, "pocket", True, "", "remote", "isn't installed", ["Download"]),
    ("linux", GPU_24, "pocket", True, "local", "pocket", "isn't installed", ["Download", "Choose the LTX API"]),
    ("linux", GPU_24, "none", False, "", "none", "isn't installed", ["Download", "API key"]),
    ("windows", GPU_8, "full", False, "", "local", "can run it", ["API key"]),
    (
        "windows",
        GPU_8_LITTLE_HOST,
        "full",
        False,
        "",
        "pocket",
        "8 GB of memory; LTX-2.3 needs 16",
        ["API key", "More memory", "another"],
    ),
    ("windows", GPU_8_16, "full", True, "", "local", "can run it", ["with 32 GB the weights"]),
    ("windows", GPU_8_16, "pocket", False, "", "pocket", "isn't installed", ["Download", "API key", "with 32 GB"]),
    ("linux", GPU_32_16, "full", True, "", "local", "can run it", []),
    ("windows", GPU_4, "pocket", False, "", "pocket", "4 GB; LTX-2.3 needs 8", ["API key", "another machine"]),
    ("windows", GPU_4, "pocket", True, "", "remote", "4 GB; LTX-2.3 needs 8", ["another machine"]),
    ("macos", MAC_16, "pocket", False, "", "pocket", "needs 32 GB", ["API key", "another machine"]),
    ("macos", MAC_16, "pocket", True, "", "remote", "needs 32 GB", ["another machine"]),
    ("macos", MAC_16, "pocket", True, "local", "pocket", "needs 32 GB", ["another machine", "Choose the LTX API"]),
    ("macos", MAC_32, "full", True, "", "local", "can run it", ["with 64 GB the weights"]),
    ("macos", MAC_64, "full", False, "local", "local", "can run it", ["API key"]),
    ("macos", MAC_64, "pocket", False, "", "pocket", "isn't installed", ["Download", "API key"]),
    ("linux", NO_GPU, "pocket", False, "", "pocket", "only the processor", ["API key", "another machine"]),
    ("linux", NO_GPU, "pocket", True, "", "remote", "only the processor", ["another machine"]),
    ("linux", NO_GPU, "none", False, "remote", "none", "no key for it", ["API key", "another machine"]),
    ("macos", NO_GPU, "pocket", False, "", "pocket", "an Apple chip", ["API key", "another machine"]),
]


@pytest.mark.parametrize(("system", "machine", "installed", "key", "choice", "way", "reason", "unlocks"), TABLE)
def test_the_advice_for_a_machine_with_its_reason_and_what_would_unlock_more(
    system: Any, machine: Any, installed: Any, key: bool, choice: Any, way: str, reason: str, unlocks: list[str]
) -> None:
    advice = advise(Situation(system, *machine, installed=installed, key=key, preference=choice))
    assert isinstance(advice, Advice)
    assert advice.way == way
    assert reason in advice.reason
    assert len(advice.unlocks) == len(unlocks), advice.unlocks
    for word in unlocks:
        assert any(word in said for said in advice.unlocks), (word, advice.unlocks)


def test_a_card_that_the_engine_does_not_see_is_said_with_what_to_do() -> None:
    here = [BackendCapability(backend="local", title="Here", available=True, models=(model("pocket", ships=True),))]
    advice = advise(situation_of("linux", 32 * 10**9, here, has_nvidia=True))
    assert advice.way == "pocket"
    assert "doesn't see it: its driver is missing" in advice.reason
    assert any("then the engine anew" in said for said in advice.unlocks)
    card = Device(name="card", kind="cuda", memory_bytes=24 * 10**9)
    seen = [msgspec.structs.replace(here[0], device=card)]
    assert not situation_of("linux", 32 * 10**9, seen, has_nvidia=True).idle_card


def test_nothing_is_ever_advised_to_leave_without_a_key() -> None:
    for system, machine, installed, _, choice, *_ in TABLE:
        situation = Situation(system, *machine, installed=installed, key=False, preference=choice)  # type: ignore[arg-type]
        assert advise(situation).way != "remote"


def test_every_combination_keeps_to_the_rules() -> None:
    good = (GPU_24, GPU_8, GPU_8_16, GPU_32_16, MAC_32, MAC_64)
    machines = (*good, GPU_8_LITTLE_HOST, GPU_4, MAC_16, NO_GPU)
    wishes = product(("linux", "windows", "macos"), machines, ("full", "pocket", "none"), (False, True), ("", *WAYS))
    for system, machine, installed, key, choice in wishes:
        if (machine[0] == "mps") != (system == "macos") and machine[0] != "cpu":
            continue
        advice = advise(Situation(system, *machine, installed=installed, key=key, preference=choice))  # type: ignore[arg-type]
        able = machine in good
        case = (system, machine, installed, key, choice, advice)
        assert (advice.way == "local") <= (able and installed == "full"), case
        assert (advice.way == "remote") <= (key and choice != "local"), case
        assert (choice == "remote" and key) <= (advice.way == "remote"), case
        assert (advice.way == "pocket") <= (installed != "none"), case
        assert (advice.way == "none") <= (installed == "none"), case
        assert any("Download" in said for said in advice.unlocks) == (able and installed != "full"), case
        assert any("API key" in said for said in advice.unlocks) == (not key), case
        assert any("another machine" in said for said in advice.unlocks) == (not able), case
        assert all(said.endswith(".") for said in (advice.reason, *advice.unlocks)), case


def test_the_situation_is_read_from_what_the_backends_say() -> None:
    card = Device(name="card", kind="cuda", memory_bytes=24 * 10**9)
    pocket = model("pocket", ships=True)
    here = BackendCapability(backend="local", title="Here", available=True, device=card, models=(pocket, model("big")))
    assert situation_of("linux", 64 * 10**9, [here, REMOTE], "local") == Situation(
        "linux", "cuda", 24.0, 64.0, "full", True, "local"
    )
    only = BackendCapability(backend="local", title="Here", available=True, models=(pocket,))
    locked = BackendCapability(backend="remote", title="API", available=False, remote=True, why_not="no key")
    assert situation_of("macos", 16 * 10**9, [only, locked]) == Situation("macos", "cpu", 16.0, 16.0, "pocket", False)
    assert situation_of("linux", 8 * 10**9, [NO_WEIGHTS]).installed == "none"
