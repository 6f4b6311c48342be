"""A graphics card that comes or goes is noticed at the next look: a new process takes over, and nothing is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_client import EngineProcess

from engine.backends.local.cards import cards, has_nvidia
from engine.backends.testing import CARDS
from engine.protocol.messages import Capabilities, Done, ExitStatus, GetCapabilities, Goodbye, JobProgress


def come(store: Path) -> None:
    (store / "models").mkdir(exist_ok=True)
    (store / "models" / CARDS).write_text("a card")


def expect_a_new_start(engine: EngineProcess) -> None:
    farewell = engine.wait_for(lambda event: isinstance(event, Goodbye))
    assert isinstance(farewell, Goodbye)
    assert (farewell.kind, farewell.message) == ("broken", "A graphics card has come.")
    assert engine.wait_until_ended() == ExitStatus.BROKEN


def test_a_card_is_noticed_when_somebody_asks_what_works(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.ask(GetCapabilities(), Capabilities)
        come(tmp_path)
        engine.send(GetCapabilities())
        expect_a_new_start(engine)
    with EngineProcess(tmp_path) as engine:  # what is here from the start is no news
        engine.hello()
        for _ in range(2):
            engine.ask(GetCapabilities(), Capabilities)


def test_a_card_is_noticed_before_a_job_which_the_next_process_does(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.ask(GetCapabilities(), Capabilities)  # the backend is open
        come(tmp_path)
        engine.submit("waits")
        expect_a_new_start(engine)
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        assert isinstance(engine.wait_for_end("waits"), Done)


def test_a_running_job_is_not_cut_off_by_a_card(tmp_path: Path) -> None:
    with EngineProcess(tmp_path) as engine:
        engine.hello()
        engine.submit("long", wait_at="stage 1", gate=str(tmp_path / "gate"))
        engine.wait_for(lambda event: isinstance(event, JobProgress) and event.phase == "stage 1")
        come(tmp_path)
        engine.ask(GetCapabilities(), Capabilities)
        (tmp_path / "gate").touch()
        assert isinstance(engine.wait_for_end("long"), Done)
        engine.send(GetCapabilities())
        expect_a_new_start(engine)


@pytest.fixture
def pci(tmp_path: Path) -> Path:
    """Devices as Linux lists them: NVIDIA's and Intel's graphics, and NVIDIA's sound."""
    kinds = {
        "0000:01:00.0": ("0x030000", "0x10de"),
        "0000:00:02.0": ("0x030000", "0x8086"),
        "0000:01:00.1": ("0x040300", "0x10de"),
    }
    for name, (kind, maker) in kinds.items():
        place = tmp_path / "pci" / name
        place.mkdir(parents=True)
        (place / "class").write_text(f"{kind}\n")
        (place / "vendor").write_text(f"{maker}\n")
    return tmp_path / "pci"


def test_cards_are_those_that_torch_could_compute_with(pci: Path, tmp_path: Path) -> None:
    assert cards(pci) == {"0000:01:00.0 10de "}
    assert has_nvidia(cards(pci))
    (tmp_path / "drivers/nvidia").mkdir(parents=True)
    (pci / "0000:01:00.0/driver").symlink_to(tmp_path / "drivers/nvidia")
    assert cards(pci) == {"0000:01:00.0 10de nvidia"}  # its driver has come
    (pci / "0000:01:00.0/class").unlink()
    assert not cards(pci)
    assert not cards(tmp_path / "nowhere")
    assert not has_nvidia(frozenset({"0000:10:de.0 1002 amdgpu"}))
