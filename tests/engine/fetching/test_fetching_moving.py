"""The models folder moves: by name on one disk, by a compared copy to another, and on after an end in between."""

import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fetching_kit import BIG, ENCODER, FILES, MANIFEST, library

from engine.fetching.control import Control, Progress
from engine.fetching.errors import BadFolder, Corrupt, InTheWay, NoSpace, OtherText, Stopped, WrongText
from engine.fetching.library import Disk, Library
from engine.fetching.manifest import LICENCES, Licence, load_manifest
from engine.fetching.moving import check_target, move_models


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with two verified packages and half of a third file."""
    here = tmp_path / "models"
    lib = library(here)
    for package in (BIG, ENCODER):
        for file in package.files:
            place = here / file.place
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(FILES[file.path])
    lib.verify((BIG, ENCODER), Control())
    (here / ".downloading" / "unknown.safetensors.part").write_bytes(b"half")
    return here


@pytest.fixture
def two_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename from one folder to another fails, as between two disks."""
    rename = Path.rename

    def refuse(self: Path, target: Any) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, "another disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


def whole(folder: Path) -> bool:
    return {Library(folder, MANIFEST).state(package) for package in (BIG, ENCODER)} == {"verified"}


def test_on_one_disk_names_change_and_half_files_come_along(models: Path, tmp_path: Path) -> None:
    target = tmp_path / "other"
    check_target(models, target)
    move_models(models, target, Control())
    assert whole(target)
    assert (target / ".downloading" / "unknown.safetensors.part").read_bytes() == b"half"
    assert Library(target, MANIFEST).unaccepted((BIG,)) == ()
    assert not [path for path in models.rglob("*") if path.is_file() and path.suffix == ".safetensors"]


@pytest.mark.usefixtures("two_disks")
def test_to_another_disk_a_damaged_file_does_not_go(models: Path, tmp_path: Path) -> None:
    damaged = models / "big.safetensors"
    stat = damaged.stat()
    damaged.write_bytes(FILES["big.safetensors"][:-1] + b"?")

    os.utime(damaged, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # it looks as it did when it was verified
    with pytest.raises(Corrupt):
        move_models(models, tmp_path / "other", Control())
    assert damaged.exists()
    assert not (tmp_path / "other" / "big.safetensors").exists()


@pytest.mark.usefixtures("two_disks")
def test_a_move_that_was_stopped_goes_on_with_what_is_left(models: Path, tmp_path: Path) -> None:
    target, control = tmp_path / "other", Control()

    def stop_at_second(progress: Progress) -> None:
        if progress.place == "encoder-1.safetensors":
            control.cancel()

    with pytest.raises(Stopped):
        move_models(models, target, control, stop_at_second)
    assert not list(target.rglob("*.ltx-moving"))
    assert (target / "big.safetensors").exists()
    (models / "big.safetensors").write_bytes(FILES["big.safetensors"])  # as if it had ended between the two steps
    move_models(models, target, Control())
    assert whole(target)


def test_what_can_not_be_is_refused_before_anything_moves(models: Path, tmp_path: Path) -> None:
    for target, why in (
        (models, "there already"),
        (models / "deeper", "in the other"),
        (tmp_path, "in the other"),
        (Path("relative"), "a whole path"),
    ):
        with pytest.raises(BadFolder, match=why):
            check_target(models, target)
    (tmp_path / "file").touch()
    with pytest.raises(BadFolder, match="a file"):
        check_target(models, tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "big.safetensors").write_bytes(b"another one")
    with pytest.raises(InTheWay):
        move_models(models, tmp_path / "other", Control())
    assert (models / "big.safetensors").exists()


def test_a_small_disk_is_refused_with_numbers(models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == models.stat().st_dev:
        pytest.skip("needs a second disk")

    with tempfile.TemporaryDirectory(dir=shared) as there, pytest.raises(NoSpace, match=r"2\.0 GB are needed"):
        check_target(models, Path(there), Disk(free=lambda _folder: 1000))


def test_each_licence_has_the_text_that_is_accepted(tmp_path: Path) -> None:
    for licence in load_manifest().licences.values():
        assert hashlib.sha256(licence.read().encode()).hexdigest() == licence.sha256
        assert (LICENCES / licence.text).is_file()
        assert licence.source
    gemma = load_manifest().licences["gemma"].read()
    assert "may not** use nor allow others to use Gemma" in gemma  # the policy that the terms make a part of themselves
    changed = Licence("Free", "https://example.org", "", "gemma.md", "0" * 64)
    with pytest.raises(WrongText):
        changed.read()
    with pytest.raises(OtherText):
        library(tmp_path).accept_text("free", "0" * 64)
