"""Files that are here already: imported without copying, verified, removed; and two processes at one folder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from fake_hub import FakeHub, Fault
from fetching_kit import BIG, ENCODER, FILES, MANIFEST, UNKNOWN, hub, library

from engine.__main__ import main
from engine.backends.base import Places
from engine.backends.local.catalogue import Catalogue
from engine.fetching.commands import describe
from engine.fetching.control import Control, Progress
from engine.fetching.errors import InTheWay, NoSuchPackage
from engine.fetching.library import SET_ASIDE
from engine.fetching.manifest import load_manifest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """A folder as another program keeps it: other names, other folders, one damaged file."""
    folder = tmp_path / "ComfyUI" / "models"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "renamed by someone.safetensors").write_bytes(FILES["big.safetensors"])
    (folder / "text_encoders").mkdir()
    for name in ("encoder-1.safetensors", "encoder-2.safetensors", "config.json"):
        (folder / "text_encoders" / name).write_bytes(FILES[name])
    return folder


def same(one: Path, other: Path) -> bool:
    return one.samefile(other)


def test_import_finds_by_content_and_copies_nothing(comfy: Path, tmp_path: Path):
    here = tmp_path / "models"
    imported = library(here).import_from(comfy, Control())
    assert [each.place for each in imported] == [
        "big.safetensors",
        "encoder/encoder-1.safetensors",
        "encoder/encoder-2.safetensors",
        "encoder/config.json",
    ]
    assert {each.how for each in imported} == {"hard link"}
    assert same(here / "big.safetensors", comfy / "checkpoints" / "renamed by someone.safetensors")
    assert library(here).state(BIG) == library(here).state(ENCODER) == "verified"
    assert library(here).import_from(comfy, Control()) == []


def test_import_from_a_hub_cache_links_the_content_not_the_link(tmp_path: Path):
    """The cache's snapshots are links into its blobs; they go when it's tidied, the content stays."""
    blobs = tmp_path / "hub" / "models--Someone--Things" / "blobs"
    snapshot = blobs.parent / "snapshots" / ("a" * 40)
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "abc").write_bytes(FILES["big.safetensors"])
    (snapshot / "big.safetensors").symlink_to(blobs / "abc")
    library(tmp_path / "models").import_from(snapshot, Control())
    link = tmp_path / "models" / "big.safetensors"
    assert not link.is_symlink()
    assert same(link, blobs / "abc")


def test_import_across_disks_makes_symbolic_links(comfy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*_args: object, **_keys: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    imported = library(tmp_path / "models").import_from(comfy, Control())
    assert {each.how for each in imported} == {"symbolic link"}
    assert library(tmp_path / "models").state(BIG) == "verified"


def test_a_damaged_file_is_not_imported(comfy: Path, tmp_path: Path):
    one = comfy / "text_encoders" / "encoder-2.safetensors"
    one.write_bytes(one.read_bytes()[:-1] + b"?")
    imported = library(tmp_path / "models").import_from(comfy, Control())
    places = [each.place for each in imported]
    assert "encoder/encoder-2.safetensors" not in places
    assert "encoder/config.json" not in places  # it would make half a folder look like a model


def test_import_does_not_touch_what_lies_in_the_way(comfy: Path, tmp_path: Path):
    here = tmp_path / "models"
    here.mkdir()
    (here / "big.safetensors").write_bytes(b"mine")
    with pytest.raises(InTheWay):
        library(here).import_from(comfy, Control())
    assert (here / "big.safetensors").read_bytes() == b"mine"


def test_verify_sets_damage_aside(comfy: Path, tmp_path: Path):
    here = tmp_path / "models"
    library(here).import_from(comfy, Control())
    (here / "big.safetensors").unlink()
    (here / "big.safetensors").write_bytes(FILES["big.safetensors"][:-1] + b"?")
    assert library(here).state(BIG) == "unverified"
    verdicts = {each.place: each.problem for each in library(here).verify(MANIFEST.packages, Control())}
    assert "isn't what it should be" in verdicts["big.safetensors"]
    assert verdicts["encoder/config.json"] == ""
    assert library(here).state(BIG) == "missing"
    assert (here / f"big.safetensors{SET_ASIDE}").is_file()


def test_remove_leaves_the_original_and_what_is_needed(comfy: Path, tmp_path: Path):
    here = tmp_path / "models"
    library(here).import_from(comfy, Control())
    assert library(here).remove(BIG) == 0  # a link: no byte became free
    assert (comfy / "checkpoints" / "renamed by someone.safetensors").read_bytes() == FILES["big.safetensors"]
    assert library(here).state(BIG) == "missing"
    assert library(here).state(ENCODER) == "verified"
    library(here).remove(ENCODER)
    assert not (here / "encoder").exists()


def test_remove_says_what_became_free(tmp_path: Path):
    with FakeHub(dict(FILES)) as fake:
        there = hub(fake.endpoint)
        library(tmp_path).get((BIG,), there, Control())
        there.close()
    assert library(tmp_path).remove(BIG) == BIG.size_bytes


# --- the command ---


def run(folder: Path, *words: str) -> int:
    manifest = folder.parent / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(MANIFEST))
    return main(["--models", str(folder), "--manifest", str(manifest), "models", *words])


def use(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", fake.endpoint)
    monkeypatch.delenv("HF_HUB_OFFLINE")


def test_the_command_shows_sizes_and_licence_and_wants_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    here = tmp_path / "models"
    with FakeHub(dict(FILES)) as fake:
        use(fake, monkeypatch)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        assert run(here, "get", "big") == 1
        said = capsys.readouterr().err
        assert "Free Licence: Do what you like." in said
        assert "https://example.org/free" in said
        assert "To download: 0.4 MB" in said
        assert "--yes says so" in said
        assert fake.asked == []
        assert run(here, "get", "big", "--yes") == 0
    assert "Here and verified: encoder, big" in capsys.readouterr().out
    assert run(here, "list") == 0
    listed = capsys.readouterr().out
    assert [line.split()[3] for line in listed.splitlines() if line.startswith(("big", "unknown"))] == ["here", "-"]
    assert run(here, "licence", "big") == 0
    assert "LTX-2 Community License Agreement" in capsys.readouterr().out
    assert run(here, "verify") == 0
    assert run(here, "remove", "big") == 0
    assert "0.3 MB are free again" in capsys.readouterr().out


def test_the_command_says_what_went_wrong_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(tmp_path / "models", "get", "bigg") == 2
    assert "Did you mean big?" in capsys.readouterr().err
    assert run(tmp_path / "models", "get", "big", "--yes") == 1
    assert "HF_HUB_OFFLINE is set" in capsys.readouterr().err
    assert run(tmp_path / "models", "import", str(tmp_path / "absent")) == 2
    with FakeHub(dict(FILES), gated=True) as fake:
        use(fake, monkeypatch)
        assert run(tmp_path / "models", "get", "unknown", "--yes") == 1
    assert "Accept it at https://huggingface.co/Someone/Things" in capsys.readouterr().err


def test_the_command_imports(comfy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(tmp_path / "models", "import", str(comfy)) == 0
    assert "big.safetensors: hard link to " in capsys.readouterr().out


def engine(folder: Path, fake: FakeHub, *words: str) -> subprocess.Popen[str]:
    manifest = folder.parent / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(MANIFEST))
    environment = {**os.environ, "HF_ENDPOINT": fake.endpoint, "HF_HUB_OFFLINE": "0"}
    words = ("--models", str(folder), "--manifest", str(manifest), "models", *words)
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_fetch_each_byte_once(tmp_path: Path):
    with FakeHub(dict(FILES)) as fake:
        fake.plan.append(Fault(drop_after=1000))  # so that the first has to ask twice
        both = [engine(tmp_path / "models", fake, "get", "big", "--alone", "--yes") for _ in range(2)]
        said = [each.communicate(timeout=300) for each in both]
        assert [each.returncode for each in both] == [0, 0], said
        assert fake.sent_bytes == len(FILES["big.safetensors"])
    assert (tmp_path / "models" / "big.safetensors").read_bytes() == FILES["big.safetensors"]


def test_a_killed_process_loses_nothing_that_had_come(tmp_path: Path):
    with FakeHub(dict(FILES)) as fake:
        fake.plan.append(Fault(stall_after=290_000))
        killed = engine(tmp_path / "models", fake, "get", "big", "--alone", "--yes")
        fake.stalled.wait(300)
        part = tmp_path / "models" / ".downloading" / "big.safetensors.part"
        while not part.exists() or not part.stat().st_size:
            assert killed.poll() is None
        killed.kill()
        killed.communicate()
        kept = part.stat().st_size
        again = engine(tmp_path / "models", fake, "get", "big", "--alone", "--yes")
        said = again.communicate(timeout=300)
        assert again.returncode == 0, said
        assert fake.to("sender")[-1].headers["range"] == f"bytes={kept}-"
    assert (tmp_path / "models" / "big.safetensors").read_bytes() == FILES["big.safetensors"]


def test_progress_is_one_line():
    progress = Progress("a.safetensors", "downloading", 23_000_000_000, 46_000_000_000, 11.5e6, 2000.0)
    assert describe(progress) == " 50 %  23.0 GB of 46.0 GB  downloading a.safetensors  11.5 MB/s  0:33:20 left"


# --- the official manifest ---


def test_the_official_manifest_has_what_the_catalogue_looks_for(tmp_path: Path):
    manifest = load_manifest()
    places = {file.place for package in manifest.packages for file in package.files}
    places |= {place.rpartition("/")[2] for place in places}
    folders = {file.folder for package in manifest.packages for file in package.files}
    catalogue = Catalogue(Places(models=tmp_path, cache=tmp_path, results=tmp_path))
    for model in catalogue.models:
        described = model.description
        package = manifest.get(described.package)
        assert any(name in {file.path for file in package.files} for name in described.checkpoints)
        assert package.size_bytes == described.size_bytes
        assert folders & set(described.text_encoders)
        for names in (*described.upsamplers.values(), described.distilled_loras):
            assert not names or places & set(names)


def test_the_official_manifest_is_pinned_and_hashed():
    manifest = load_manifest()
    unknown = [file.path for package in manifest.packages for file in package.files if not file.sha256]
    assert unknown == ["ltx-2.3-spatial-upscaler-x1.5-1.0.safetensors"]
    for package in manifest.packages:
        assert package.licence in manifest.licences
        assert all(manifest.get(need) for need in package.needs)
    names = [package.id for package in manifest.with_needs("ltx-2.3")]
    assert names == ["ltx-2.3-upscaler-x2", "gemma-3-12b", "ltx-2.3-22b-distilled-1.1"]
    with pytest.raises(NoSuchPackage):
        manifest.get("ltx-9")


def test_all_that_a_model_needs_makes_it_complete(tmp_path: Path):
    """Where the files are put is where the engine looks."""
    manifest = load_manifest()
    for package in manifest.with_needs("ltx-2.3-22b-dev"):
        for file in package.files:
            (tmp_path / file.place).parent.mkdir(exist_ok=True)
            (tmp_path / file.place).touch()
    found = Catalogue(Places(models=tmp_path, cache=tmp_path, results=tmp_path)).get("ltx-2.3-22b-dev")
    assert found.complete
    assert found.distilled_lora is not None
    assert len(found.upsamplers) == 1
    assert UNKNOWN.id not in [package.id for package in manifest.packages]
