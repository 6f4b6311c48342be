"""Downloads against a hub on this machine: what comes is whole and right, or it has no name."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import FakeHub, Fault
from fetching_kit import BIG, ENCODER, FILES, UNKNOWN, hub, library

from engine.fetching.control import Control, Meter, Progress
from engine.fetching.errors import (
    BadEndpoint,
    Corrupt,
    FileTooLarge,
    Gated,
    InTheWay,
    LicenceNotAccepted,
    NoChecksum,
    NoSpace,
    NotThere,
    Offline,
    Stopped,
    Unreachable,
    WrongFile,
)
from engine.fetching.hub import Hub
from engine.fetching.library import PARTS, Library
from engine.fetching.manifest import Package
from engine.fetching.tokens import Token, find_token

WHOLE = FILES["big.safetensors"]


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    with FakeHub(dict(FILES)) as running:
        yield running


def fetch(fake: FakeHub, folder: Path, *packages: Package, control: Control | None = None, token: str = "") -> None:
    """Get packages (the big file if none is named)."""
    there = hub(fake.endpoint, token)
    try:
        library(folder).get(packages or (BIG,), there, control or Control())
    finally:
        there.close()


def parts(folder: Path) -> list[str]:
    """Half files and their notes."""
    return sorted(path.name for path in (folder / PARTS).iterdir() if ".part" in path.name)


def test_a_file_comes_whole_and_is_verified(fake: FakeHub, tmp_path: Path):
    told = list[Progress]()
    there = hub(fake.endpoint)
    library(tmp_path).get((ENCODER, BIG), there, Control(), told.append)
    there.close()
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert (tmp_path / "encoder" / "config.json").read_bytes() == FILES["config.json"]
    assert parts(tmp_path) == []
    assert [library(tmp_path).state(each) for each in (BIG, ENCODER, UNKNOWN)] == ["verified", "verified", "missing"]
    assert told[-1].done_bytes == told[-1].total_bytes == BIG.size_bytes + ENCODER.size_bytes


def test_what_is_here_and_verified_is_not_asked_for_again(fake: FakeHub, tmp_path: Path):
    fetch(fake, tmp_path)
    fake.asked.clear()
    fetch(fake, tmp_path)
    assert fake.asked == []


@pytest.mark.parametrize("seed", range(3))
def test_twenty_drops_at_random_bytes_cost_no_byte_twice(fake: FakeHub, tmp_path: Path, seed: int):
    drops = random.Random(seed)
    fake.plan.extend(Fault(drop_after=drops.randint(1, 14_000)) for _ in range(20))
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert fake.sent_bytes == len(WHOLE)
    assert len(fake.to("sender")) == 21


def test_a_later_call_goes_on_where_an_earlier_one_ended(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(drop_after=100_000), *[Fault(status=503)] * 4])
    with pytest.raises(Unreachable, match="503"):
        fetch(fake, tmp_path)
    assert library(tmp_path).state(BIG) == "partial"
    assert not (tmp_path / "big.safetensors").exists()
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert fake.sent_bytes == len(WHOLE)
    assert fake.to("sender")[-1].headers["range"] == "bytes=100000-"
    assert fake.to("sender")[-1].headers["if-range"] == '"version-1"'


@pytest.mark.parametrize("flip", [0, 299_999])
def test_a_corrupt_file_never_gets_its_name(fake: FakeHub, tmp_path: Path, flip: int):
    fake.plan.append(Fault(flip=flip))
    with pytest.raises(Corrupt):
        fetch(fake, tmp_path)
    assert not (tmp_path / "big.safetensors").exists()
    assert parts(tmp_path) == []
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE


def test_a_half_file_that_was_changed_on_disk_is_found_out(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(drop_after=100_000), *[Fault(status=503)] * 4])
    with pytest.raises(Unreachable):
        fetch(fake, tmp_path)
    part = tmp_path / PARTS / "big.safetensors.part"
    part.write_bytes(b"x" + part.read_bytes()[1:])
    with pytest.raises(Corrupt):
        fetch(fake, tmp_path)
    assert not (tmp_path / "big.safetensors").exists()


def test_another_file_under_the_name_is_refused_before_a_byte_of_it(fake: FakeHub, tmp_path: Path):
    fake.told_sha256 = "b" * 64
    with pytest.raises(WrongFile, match="bbbbbbbbbbbb"):
        fetch(fake, tmp_path)
    fake.told_sha256 = ""
    fake.files["big.safetensors"] = WHOLE + b"more"
    fake.told_sha256 = hashlib.sha256(WHOLE).hexdigest()
    with pytest.raises(WrongFile, match="300004 bytes"):
        fetch(fake, tmp_path)
    assert parts(tmp_path) == []


def test_a_sender_that_ignores_ranges_sends_all_again(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(drop_after=100_000), Fault(no_range=True), Fault(no_range=True)])
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE


def test_another_etag_of_the_same_sha256_costs_no_byte_twice(fake: FakeHub, tmp_path: Path):
    """The hub's senders differ; it's the sha256 that names the file."""
    fake.plan.extend([Fault(drop_after=100_000), Fault(etag='"b"', drop_after=0), Fault(etag='"b"')])
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert fake.sent_bytes == len(WHOLE)


def test_416_begins_anew(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(drop_after=100_000), Fault(status=416)])
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert "range" not in fake.to("sender")[-1].headers


def test_416_for_ever_ends(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(status=416)] * 10)
    with pytest.raises(Unreachable, match="416"):
        fetch(fake, tmp_path)


def test_more_than_the_file_has_is_thrown_away(fake: FakeHub, tmp_path: Path):
    fake.plan.append(Fault(drop_after=100_000))
    fake.plan.append(Fault(surplus=b"surplus"))
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE


def test_a_whole_part_needs_no_request(fake: FakeHub, tmp_path: Path):
    """Killed between the last byte and the rename."""
    fake.plan.append(Fault(drop_after=len(WHOLE) - 1))
    fake.plan.extend([Fault(status=503)] * 4)
    with pytest.raises(Unreachable):
        fetch(fake, tmp_path)
    with (tmp_path / PARTS / "big.safetensors.part").open("ab") as part:
        part.write(WHOLE[-1:])
    fake.asked.clear()
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert fake.asked == []


def test_the_token_goes_to_the_hub_and_not_to_the_sender(fake: FakeHub, tmp_path: Path):
    fake.gated, fake.token = True, "hf_right"
    fetch(fake, tmp_path, token="hf_right")
    assert [each.headers.get("authorization") for each in fake.to("hub")] == ["Bearer hf_right"]
    assert [each.headers.get("authorization") for each in fake.to("sender")] == [None]


def test_a_gate_says_where_to_accept_and_how_to_give_a_token(fake: FakeHub, tmp_path: Path):
    fake.gated, fake.token = True, "hf_right"
    with pytest.raises(Gated, match=r"https://huggingface\.co/Someone/Things.*HF_TOKEN") as refused:
        fetch(fake, tmp_path)
    assert not refused.value.known
    with pytest.raises(Gated, match="Your account may not") as refused:
        fetch(fake, tmp_path, token="hf_other")
    assert refused.value.known
    assert "hf_other" not in str(refused.value)


def test_a_signed_link_that_ran_out_is_asked_for_anew(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(drop_after=100_000), Fault(status=403)])
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert len(fake.to("hub")) == 3


def test_a_file_that_was_removed_is_said_so(fake: FakeHub, tmp_path: Path):
    del fake.files["big.safetensors"]
    with pytest.raises(NotThere, match=r"big\.safetensors isn't in Someone/Things"):
        fetch(fake, tmp_path)


def test_the_disk_is_checked_before_the_first_byte(fake: FakeHub, tmp_path: Path):
    with pytest.raises(NoSpace) as refused:
        library(tmp_path, free=2_000_000_000).get((BIG,), hub(fake.endpoint), Control())
    assert refused.value.needed == 2_000_330_000
    assert fake.asked == []
    there = hub(fake.endpoint)
    library(tmp_path, free=2_000_330_000).get((BIG,), there, Control())
    there.close()


def test_a_file_without_a_known_hash_is_held_to_the_hubs(fake: FakeHub, tmp_path: Path):
    fake.plan.append(Fault(flip=5))
    with pytest.raises(Corrupt):
        fetch(fake, tmp_path, UNKNOWN)
    fetch(fake, tmp_path, UNKNOWN)
    assert library(tmp_path).state(UNKNOWN) == "verified"
    fake.silent = True
    with pytest.raises(NoChecksum):
        fetch(fake, tmp_path / "other", UNKNOWN)


def test_cancel_ends_a_read_that_waits_and_keeps_what_came(fake: FakeHub, tmp_path: Path):
    fake.plan.append(Fault(stall_after=100_000))
    control = Control()
    canceller = threading.Thread(target=lambda: (fake.stalled.wait(), control.cancel()))
    canceller.start()
    with pytest.raises(Stopped):
        fetch(fake, tmp_path, control=control)
    canceller.join()
    fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE
    assert len(fake.to("sender")) == 2
    assert "range" in fake.to("sender")[1].headers


def test_pause_lets_go_of_the_connection_and_resume_goes_on(fake: FakeHub, tmp_path: Path):
    fake.plan.append(Fault(stall_after=100_000))
    control = Control()

    def pause_and_resume() -> None:
        fake.stalled.wait()
        control.pause()
        control.resume()

    pauser = threading.Thread(target=pause_and_resume)
    pauser.start()
    fetch(fake, tmp_path, control=control)
    pauser.join()
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE


def test_a_server_that_stops_answering_is_left(fake: FakeHub, tmp_path: Path):
    fake.plan.append(Fault(stall_after=100_000))
    there = hub(fake.endpoint, read_s=0.2)
    library(tmp_path).get((BIG,), there, Control())
    there.close()
    assert (tmp_path / "big.safetensors").read_bytes() == WHOLE


def test_nothing_comes_before_the_licence_is_accepted(fake: FakeHub, tmp_path: Path):
    with pytest.raises(LicenceNotAccepted, match="Free Licence"):
        Library(tmp_path, library(tmp_path / "other").manifest).get((BIG,), hub(fake.endpoint), Control())
    assert fake.asked == []


def test_a_file_put_there_by_hand_is_taken_if_it_is_right(fake: FakeHub, tmp_path: Path):
    (tmp_path / "big.safetensors").write_bytes(WHOLE)
    assert library(tmp_path).state(BIG) == "unverified"
    fetch(fake, tmp_path)
    assert fake.asked == []
    assert library(tmp_path).state(BIG) == "verified"
    (tmp_path / "big.safetensors").write_bytes(b"mine")
    with pytest.raises(InTheWay):
        fetch(fake, tmp_path)
    assert (tmp_path / "big.safetensors").read_bytes() == b"mine"


def test_the_hub_is_set_up_as_its_own_tools_are(tmp_path: Path):
    (tmp_path / "token").write_text("hf_kept\n")
    there = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "https://mirror.example/"}
    found = find_token(there, keyring=lambda: "")
    assert found is not None
    assert found.source == f"the file {tmp_path / 'token'}"
    made = Hub.from_environment(there, found=found)
    assert made.endpoint == "https://mirror.example"
    assert made.token is not None
    assert made.token.header() == {"Authorization": "Bearer hf_kept"}
    assert "hf_kept" not in repr(made)
    with pytest.raises(Offline):
        library(tmp_path).get((BIG,), Hub.from_environment({"HF_HUB_OFFLINE": "1"}), Control())
    with pytest.raises(BadEndpoint):
        Hub("http://mirror.example", Token("hf_kept"))
    assert Hub.from_environment(there, mirror="https://nearer.example").endpoint == "https://nearer.example"


def test_a_token_in_the_environment_goes_before_the_keyring_and_that_before_the_file(tmp_path: Path):
    (tmp_path / "token").write_text("hf_file\n")
    there = {"HF_HOME": str(tmp_path)}
    given = {**there, "HF_TOKEN": "hf_variable"}

    def source(variables: dict[str, str], kept: str) -> str:
        found = find_token(variables, keyring=lambda: kept)
        return found.source if found is not None else ""

    assert source(given, "hf_keyring") == "the environment variable HF_TOKEN"
    assert source(there, "hf_keyring") == "the keyring of this system"
    assert source(there, "") == f"the file {tmp_path / 'token'}"
    assert source({"HF_HOME": str(tmp_path / "none")}, "") == ""


class Patient(Control):
    """Notes how long it would have waited, and lets its own clock go on by that."""

    def __init__(self, bytes_per_second: float = 0) -> None:
        super().__init__(bytes_per_second, clock=lambda: sum(self.waits))
        self.waits = list[float]()

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_waits_grow_and_a_server_may_ask_for_more(fake: FakeHub, tmp_path: Path):
    fake.plan.extend([Fault(status=500), Fault(status=429, retry_after_s=7), Fault(status=503), Fault(drop_after=9)])
    patient, there = Patient(), hub(fake.endpoint)
    library(tmp_path, pauses_s=(1.0, 2.0, 4.0)).get((BIG,), there, patient)
    there.close()
    assert patient.waits == [1.0, 7.0, 4.0, 1.0]  # bytes came: from the beginning


def test_the_speed_limit_holds_over_the_whole_file(fake: FakeHub, tmp_path: Path):
    patient = Patient(bytes_per_second=100_000)
    fetch(fake, tmp_path, control=patient)
    assert sum(patient.waits) == pytest.approx(3.0)


def test_a_file_system_that_ends_at_4_gb_is_refused(fake: FakeHub, tmp_path: Path):
    with pytest.raises(FileTooLarge, match="FAT32"):
        library(tmp_path, largest=299_999).get((BIG,), hub(fake.endpoint), Control())
    assert fake.asked == []


def test_the_meter_says_speed_and_seconds_left():
    told, now = list[Progress](), [0.0]
    meter = Meter(1000, told.append, clock=lambda: now[0])
    meter.told("a", "checking", 400)  # what lay here already counts as done, not as speed
    meter.told("a", "downloading", 400)
    now[0] = 2.0
    meter.told("a", "downloading", 600)
    assert told[-1] == Progress("a", "downloading", 600, 1000, 100.0, 4.0)
