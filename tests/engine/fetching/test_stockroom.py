"""Files of models through a running engine: what there is, licences, downloads, and the errands beside the jobs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest
from fake_hub import FakeHub, Fault
from fetching_kit import FILES, FREE, MANIFEST, library, package, remote
from plain_client import EngineProcess

from engine.fetching.library import Library
from engine.fetching.manifest import Manifest
from engine.protocol.messages import Capabilities, Done, Event, GetCapabilities, Ok, Refused
from engine.protocol.packages import (
    AcceptLicence,
    AddLora,
    CheckToken,
    Download,
    DownloadPlan,
    Errand,
    ErrandBegun,
    ErrandChanged,
    ErrandProgress,
    FoundFolder,
    ImportFiles,
    LicenceText,
    ListLoras,
    ListPackages,
    Loras,
    MoveModels,
    Packages,
    PlanDownload,
    ReadLicence,
    RemoveLora,
    RemovePackage,
    SetDownloads,
    SetLora,
    SteerErrand,
    TokenChecked,
    VerifyPackages,
)
from engine.server.stockroom import Stockroom

GATED = package("gated", remote("encoder-1.safetensors", "gated"), gated=True)
HERE = Manifest(licences=MANIFEST.licences, packages=(*MANIFEST.packages, GATED))
E = TypeVar("E", bound=Event)


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    with FakeHub(dict(FILES)) as hub:
        yield hub


@pytest.fixture
def start(tmp_path: Path, fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts engines on one store, each after the one before has gone."""
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(HERE))
    monkeypatch.setenv("HF_ENDPOINT", fake.endpoint)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    opened = list[EngineProcess]()

    def start_one(*, accepted: bool = True, models: Path | None = None) -> EngineProcess:
        folder = models or tmp_path / "store" / "models"
        folder.mkdir(parents=True, exist_ok=True)
        if accepted:
            Library(folder, HERE).accept(["free"])
        engine = EngineProcess(tmp_path / "store", "--manifest", str(manifest), "--models", str(folder))
        opened.append(engine)
        engine.hello()
        return engine

    yield start_one
    for engine in opened:
        engine.close()


def state(engine: EngineProcess, errand: str, *states: str, since: int = 0) -> Errand:
    """The first telling that the errand is in one of these states, from event number `since` on."""

    def told(event: Event) -> bool:
        return isinstance(event, ErrandChanged) and event.errand.errand == errand and event.errand.state in states

    event = engine.wait_for(told, since)
    assert isinstance(event, ErrandChanged)
    return event.errand


def begin(engine: EngineProcess, request: Any) -> str:
    return engine.ask(request, ErrandBegun).errand.errand


def finish(engine: EngineProcess, request: Any) -> Errand:
    return state(engine, begin(engine, request), "done", "failed", "cancelled")


def stall(fake: FakeHub, engine: EngineProcess, after: int = 100_000) -> str:
    """Begin a download whose bytes stop coming; return it when they have."""
    fake.plan.append(Fault(stall_after=after))
    errand = begin(engine, Download(packages=("big",), alone=True))
    assert fake.stalled.wait(300)
    fake.stalled.clear()
    return errand


def test_nothing_comes_before_its_licence_is_read_and_accepted_then_all_of_it_does(start: Any, fake: FakeHub) -> None:
    engine = start(accepted=False)
    listed = engine.ask(ListPackages(), Packages)
    assert [(each.package, each.state) for each in listed.packages][:2] == [("big", "missing"), ("encoder", "missing")]
    assert listed.licences[0].accepted_at == 0.0
    plan = engine.ask(PlanDownload(packages=("big",)), DownloadPlan)
    assert plan.packages == ("encoder", "big")
    assert plan.coming_bytes == sum(file.size_bytes for file in plan.files) == 300_000 + 110_022
    assert plan.needed_bytes > plan.coming_bytes
    assert (plan.unaccepted, plan.problem) == (("free",), "")
    assert "Free Licence" in engine.ask(Download(packages=("big",)), Refused).message
    read = engine.ask(ReadLicence(licence="free"), LicenceText)
    assert read.sha256 == FREE.sha256
    assert "agree" in read.text
    assert "another text" in engine.ask(AcceptLicence(licence="free", sha256="0" * 64), Refused).message
    engine.ask(AcceptLicence(licence="free", sha256=read.sha256), Ok)
    assert fake.asked == []
    ended = finish(engine, Download(packages=("big",)))
    assert ended.state == "done"
    assert ended.message == "Big is here, every file verified."
    assert {event.file for event in engine.all_of(ErrandProgress)} >= {"big.safetensors"}
    # What works is told anew, unasked: a model may have become usable.
    engine.wait_for(lambda event: isinstance(event, Capabilities) and event.call == 0)
    listed = engine.ask(ListPackages(), Packages)
    assert [each.state for each in listed.packages][:2] == ["verified", "verified"]
    assert listed.licences[0].accepted_at > 0
    assert engine.ask(PlanDownload(packages=("big",)), DownloadPlan).files == ()


def test_downloads_run_beside_jobs_and_are_paused_resumed_and_cancelled(start: Any, fake: FakeHub) -> None:
    engine = start()
    big = stall(fake, engine)
    engine.submit("job-1")
    assert isinstance(engine.wait_for_end("job-1"), Done)  # the work loop never waited
    assert "being downloaded" in engine.ask(RemovePackage(package="big"), Refused).message
    assert begin(engine, Download(packages=("big",), alone=True)) == big  # not twice
    behind = begin(engine, Download(packages=("encoder",)))
    engine.ask(SteerErrand(errand=big, action="pause"), Ok)
    state(engine, big, "paused")
    assert state(engine, behind, "done", "failed").state == "done"  # the paused one has given up its turn
    since = len(engine.events)
    engine.ask(SteerErrand(errand=big, action="resume"), Ok)
    assert state(engine, big, "done", "failed", since=since).state == "done"
    assert fake.sent_bytes == sum(len(FILES[name]) for name in FILES if name != "unknown.safetensors")
    fake.plan.append(Fault(stall_after=10))
    unknown = begin(engine, Download(packages=("unknown",)))
    assert fake.stalled.wait(300)
    engine.ask(SteerErrand(errand=unknown, action="cancel"), Ok)
    state(engine, unknown, "cancelled")
    engine.ask(SteerErrand(errand=unknown, action="forget"), Ok)
    assert unknown not in [each.errand for each in engine.ask(ListPackages(), Packages).errands]
    assert "no such errand" in engine.ask(SteerErrand(errand=unknown, action="pause"), Refused).message


def test_a_list_never_goes_back_behind_the_news_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = list[Event]()

    class Outbox:
        post = staticmethod(said.append)

    stockroom = Stockroom(library(tmp_path / "models"), tmp_path, cast("Any", Outbox()))  # nothing of it is started
    stockroom._reply_to(Download(packages=("encoder",)))
    begun = said[-1]
    assert isinstance(begun, ErrandBegun)

    def pause_meanwhile() -> tuple[FoundFolder, ...]:
        stockroom.ask(SteerErrand(errand=begun.errand.errand, action="pause"))
        return ()

    monkeypatch.setattr("engine.server.stockroom.found_folders", pause_meanwhile)
    stockroom._reply_to(ListPackages())
    changes = [each.errand.state for each in said if isinstance(each, ErrandChanged)]
    assert changes == ["waiting", "paused"]
    listed = said[-1]
    assert isinstance(listed, Packages)
    assert [each.state for each in listed.errands] == ["paused"]


def test_a_killed_engine_goes_on_with_its_downloads_and_a_paused_one_stays_paused(start: Any, fake: FakeHub) -> None:
    first = start()
    big = stall(fake, first, after=200_000)
    part = Path(first.ask(ListPackages(), Packages).folder) / ".downloading" / "big.safetensors.part"
    while part.stat().st_size < 200_000:
        assert first.process.poll() is None
    fake.stalled.clear()
    first.kill()
    second = start()
    ended = state(second, big, "done", "failed")
    assert (ended.state, ended.title) == ("done", "Big")
    assert fake.to("sender")[-1].headers["range"] == "bytes=200000-"
    fake.plan.append(Fault(stall_after=10))
    unknown = begin(second, Download(packages=("unknown",)))
    assert fake.stalled.wait(300)
    second.ask(SteerErrand(errand=unknown, action="pause"), Ok)
    state(second, unknown, "paused")
    second.kill()
    third = start()
    errands = third.ask(ListPackages(), Packages).errands
    assert [(each.errand, each.state) for each in errands] == [(unknown, "paused")]
    third.ask(SteerErrand(errand=unknown, action="resume"), Ok)
    assert state(third, unknown, "done", "failed").state == "done"


def test_a_line_that_is_gone_pauses_a_download_and_says_so(start: Any, fake: FakeHub) -> None:
    engine = start()
    fake.files.pop("unknown.safetensors")
    ended = finish(engine, Download(packages=("unknown",)))
    assert ended.state == "failed"
    assert "isn't in Someone/Things" in ended.message
    assert "https is safe" in engine.ask(SetDownloads(mirror="http://far.example"), Refused).message
    with FakeHub(dict(FILES)) as mirror:
        engine.ask(SetDownloads(mirror=mirror.endpoint, bytes_per_second=10**9), Ok)
        assert finish(engine, Download(packages=("unknown",))).state == "done"
        assert mirror.sent_bytes == len(FILES["unknown.safetensors"])
    assert engine.ask(ListPackages(), Packages).mirror == mirror.endpoint


def test_files_are_checked_found_elsewhere_removed_and_moved(start: Any, fake: FakeHub, tmp_path: Path) -> None:
    elsewhere = tmp_path / "ComfyUI"
    elsewhere.mkdir()
    (elsewhere / "some name.safetensors").write_bytes(FILES["big.safetensors"])
    engine = start()
    ended = finish(engine, ImportFiles(path=str(elsewhere)))
    assert ended.message.startswith("1 file is used from")
    assert engine.ask(ListPackages(), Packages).packages[0].linked
    finish(engine, Download(packages=("encoder",)))
    models = Path(engine.ask(ListPackages(), Packages).folder)
    assert finish(engine, VerifyPackages()).message == "All 4 files are right."
    damaged = models / "encoder" / "encoder-2.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    ended = finish(engine, VerifyPackages(packages=("encoder",)))
    assert (ended.state, ended.message) == ("failed", "1 file isn't right; download again what is missing now.")
    assert finish(engine, RemovePackage(package="encoder")).state == "done"
    target = tmp_path / "other disk"
    assert "in the other" in engine.ask(MoveModels(folder=str(models / "deeper")), Refused).message
    assert finish(engine, MoveModels(folder=str(target))).message.endswith(f"are in {target} now.")
    assert (target / "big.safetensors").read_bytes() == FILES["big.safetensors"]
    assert engine.ask(ListPackages(), Packages).moved_to == str(target)
    engine.kill()
    again = start(models=target).ask(ListPackages(), Packages)
    assert again.packages[0].state == "verified"  # its time of change went with it
    assert again.moved_to == ""


def test_a_token_opens_a_gate_and_is_never_told(
    start: Any, fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.gated, fake.token = True, "hf_SeCrEt"
    engine = start()
    assert engine.ask(PlanDownload(packages=("gated",)), DownloadPlan).gated == ("gated",)
    told = engine.ask(CheckToken(package="gated"), TokenChecked)
    assert not told.accepted
    assert "make a token" in told.message
    ended = finish(engine, Download(packages=("gated",)))
    assert ended.state == "failed"
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_SeCrEt")
    assert engine.ask(CheckToken(package="gated"), TokenChecked).accepted
    assert engine.ask(ListPackages(), Packages).token_source == f"the file {tmp_path / 'hf' / 'token'}"
    assert finish(engine, Download(packages=("gated",))).state == "done"
    engine.kill()
    everything = engine.log + repr(engine.events).encode()
    for file in (tmp_path / "store").rglob("*"):
        everything += file.read_bytes() if file.is_file() else b""
    assert b"SeCrEt" not in everything


def lora_file(folder: Path, name: str, rank: int = 4, **metadata: str) -> Path:
    """A small LoRA as trainers write it."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    header["blocks.0.to_q.lora_A.weight"] = {"dtype": "F32", "shape": [rank, 8], "data_offsets": [0, rank * 32]}
    header["blocks.0.to_q.lora_B.weight"] = {
        "dtype": "F32",
        "shape": [8, rank],
        "data_offsets": [rank * 32, rank * 64],
    }
    text = json.dumps(header).encode()
    file = folder / name
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(rank * 64))
    return file


def test_loras_are_added_with_their_picture_described_set_and_removed(start: Any, tmp_path: Path) -> None:
    source = tmp_path / "downloads"
    source.mkdir()
    tags = json.dumps({"10_x": {"crt animation": 9, "a cat": 3}})
    lora_file(source, "crt_look.safetensors", 16, ss_base_model_version="ltx-2.3", ss_tag_frequency=tags)
    (source / "crt_look.png").write_bytes(b"a picture")
    (source / "crt_look.civitai.info").write_text('{"trainedWords": ["crtanim"], "baseModel": "LTXV 2"}')
    (source / "not one.safetensors").write_bytes(b"<html>")
    engine = start()
    assert finish(engine, AddLora(path=str(source / "crt_look.safetensors"))).message == "crt look can be chosen now."
    refused = finish(engine, AddLora(path=str(source / "not one.safetensors")))
    assert (refused.state, "isn't a whole safetensors file" in refused.message) == ("failed", True)
    assert "There is no" in engine.ask(AddLora(path=str(source / "absent")), Refused).message
    (lora,) = engine.ask(ListLoras(), Loras).loras
    assert (lora.lora, lora.title, lora.rank, lora.base_model) == (
        "loras/crt_look.safetensors",
        "crt look",
        16,
        "ltx-2.3",
    )
    assert (lora.trigger_words, lora.strength, Path(lora.preview).read_bytes()) == ("crtanim", 1.0, b"a picture")
    assert Path(lora.path).samefile(source / "crt_look.safetensors")  # no second copy
    engine.ask(SetLora(lora=lora.lora, strength=0.7), Ok)
    assert engine.ask(ListLoras(), Loras).loras[0].strength == 0.7
    assert "no such file" in engine.ask(SetLora(lora="loras/../x.safetensors", strength=1.0), Refused).message
    assert finish(engine, RemoveLora(lora=lora.lora)).state == "done"
    assert engine.ask(ListLoras(), Loras).loras == ()
    assert (source / "crt_look.safetensors").exists()


def test_what_is_advised_follows_the_wish_and_what_is_here(start: Any, tmp_path: Path) -> None:
    engine = start()
    told = engine.ask(GetCapabilities(), Capabilities)
    assert told.advice is not None
    assert told.backends[0].unlocks == told.advice.unlocks
    assert any("API key" in said for said in told.advice.unlocks)
    wished = engine.ask(GetCapabilities(preference="remote"), Capabilities)
    assert wished.advice is not None
    assert wished.advice.reason.startswith("The LTX API was chosen, but there is no key for it.")
    assert engine.ask(GetCapabilities(), Capabilities).advice == wished.advice  # remembered
