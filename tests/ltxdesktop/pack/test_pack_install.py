"""An engine pack is made aside, checked, and put into place at once; damage is found and mended.

One real installation serves most tests: an archive and an index on the loopback, real pip, a process that says hello.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pack_kit import PACKAGES, Server, World, engine_home, hello_bytes, lock_of, make_world, wheel

from engine.protocol.messages import PROTOCOL
from ltxdesktop.pack import hello, interpreter, manifest
from ltxdesktop.pack.errors import Corrupt, NoPack, NoPython, NoSpace, NotLocked, PackBusy, StepFailed
from ltxdesktop.pack.install import Plan, Step, download, install, remove_others
from ltxdesktop.pack.places import (
    ABOUT,
    STAGING,
    engine_words,
    in_use_now,
    is_running,
    packs,
    read_pack,
    remove,
    write_about,
)
from ltxdesktop.pack.recipe import Recipe, Variant
from ltxdesktop.pack.wheels import Source, Wheel, collect, resolve

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the small Python archive is made of this one's files")

CPU = Variant("cpu", "")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    root = folder / "served"
    root.mkdir()
    with Server(root) as server:
        yield make_world(folder, server)


def plan_of(world: World, folder: Path) -> Plan:
    index = f"{world.server.url}/simple/"
    return Plan(folder, CPU, world.recipe, world.pinned, Source(None, index, index), home=world.home)


@pytest.fixture(scope="module")
def installed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of packs after one installation, with what its steps said."""
    folder = tmp_path_factory.mktemp("packs")
    said: list[Step] = []
    install(plan_of(world, folder), said.append)
    (folder / "said.txt").write_text("\n".join(step.words for step in said))
    return folder


@pytest.fixture
def fresh(installed: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt. What is compiled names the first place, which nothing here minds."""
    folder = tmp_path / "packs"
    shutil.copytree(installed, folder, symlinks=True)
    return folder


def a_pack(folder: Path, name: str, key: str) -> Path:
    """A whole pack as far as its files say, with a Python that runs."""
    pack = folder / name
    (pack / "python").mkdir(parents=True)
    (pack / "python" / "run").symlink_to(sys.executable)
    write_about(pack, CPU, key, "python/run", {}, "2026-11-21T00:00:00+00:00")
    return pack


def test_installing_leaves_one_pack_and_nothing_else(world: World, installed: Path):
    pack = in_use_now(installed, world.recipe)
    assert pack.folder.name == f"cpu-{world.recipe.key(CPU)}-1"
    assert pack.versions == PACKAGES
    starts = (world.home / "starts.txt").read_text().splitlines()
    assert f"/{STAGING}" in starts[0]  # the engine was tried before the pack was put into place
    assert [start.split()[-1] for start in starts[:2]] == ["--stdio", "--json"]
    left = {path.name for path in installed.iterdir()} - {".lock", "said.txt"}
    assert left == {pack.folder.name}
    said = (installed / "said.txt").read_text().splitlines()
    assert said[0] == "Python"
    assert "torch-0.1-py3-none-any.whl" in said
    assert said.index("Starting the engine for the first time") < said.index("Removing older ones")


def test_the_engine_of_a_pack_runs_with_the_packs_packages_only(world: World, installed: Path):
    pack = in_use_now(installed, world.recipe)
    assert hello.check(engine_words(pack.python, world.home)).protocol == PROTOCOL
    code = "import alpha, sys; print(alpha.__file__, *sys.path, sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(world.home), "PYTHONHOME": "/nowhere"}
    said = subprocess.run([pack.python, "-I", "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert said.stdout.startswith(str(pack.folder))
    assert str(world.home) not in said.stdout


def test_what_was_installed_is_compiled_for_its_place(world: World, installed: Path):
    pack = in_use_now(installed, world.recipe)
    (compiled,) = pack.folder.rglob("alpha.*.pyc")
    assert str(pack.folder).encode() in compiled.read_bytes()
    assert STAGING.encode() not in compiled.read_bytes()


def test_damage_is_found_file_by_file(world: World, fresh: Path):
    pack = in_use_now(fresh, world.recipe)
    assert manifest.verify(pack.folder) == []
    site = next(pack.folder.rglob("alpha.py")).parent
    (site / "beta.py").unlink()
    text = (site / "alpha.py").read_text()
    (site / "alpha.py").write_text(text.replace("1.0", "6.6"))
    with (site / "torch.py").open("a") as file:
        file.write("more")
    found = {Path(each.path).name: each.what for each in manifest.verify(pack.folder)}
    assert found == {"beta.py": "missing", "alpha.py": "changed", "torch.py": "another size"}
    quick = {Path(each.path).name: each.what for each in manifest.verify(pack.folder, whole=False)}
    assert quick == {"beta.py": "missing", "torch.py": "another size"}


def test_repair_installs_anew_beside_and_then_removes_the_damaged_one(
    world: World, fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from ltxdesktop.pack import command

    index = f"{world.server.url}/simple/"
    monkeypatch.setenv("LTX_ENGINE_PACKS", str(fresh))
    monkeypatch.setattr(command, "read_recipe", lambda: world.recipe)
    monkeypatch.setattr(command, "_plan", lambda options, device: plan_of(world, fresh))
    asked = argparse.Namespace(lines=True, wheels="", python="", index=index, torch_index=index)
    before = in_use_now(fresh, world.recipe)

    assert command.run(argparse.Namespace(engine_command="repair", **vars(asked))) == 0
    assert "nothing was done" in capsys.readouterr().out
    next(before.folder.rglob("alpha.py")).unlink()
    assert command.run(argparse.Namespace(engine_command="verify")) == 1
    assert "alpha.py" in capsys.readouterr().out

    assert command.run(argparse.Namespace(engine_command="repair", **vars(asked))) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"words", "there", "whole"} == set(lines[0])
    after = in_use_now(fresh, world.recipe)
    assert after.serial == before.serial + 1
    assert not before.folder.exists()
    assert manifest.verify(after.folder) == []


def test_a_failed_installation_leaves_the_old_pack_in_use(world: World, tmp_path: Path):
    old = a_pack(tmp_path, "cpu-12345678-7", world.recipe.key(CPU))
    lacking = replace(plan_of(world, tmp_path), recipe=Recipe(lock_of_other(world, tmp_path)))
    with pytest.raises(StepFailed, match="Finding the packages failed: a package isn't to be had"):
        install(lacking, lambda step: None)
    assert in_use_now(tmp_path, world.recipe).folder == old
    assert list(tmp_path.glob(f"{STAGING}*")) == []
    assert (tmp_path / ".downloads").is_dir()  # the next try goes on with these


def lock_of_other(world: World, folder: Path) -> str:
    """A lock that asks for a version which no index has."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    versions = {**PACKAGES, "beta": "3.0"}
    for name, version in versions.items():
        wheel(elsewhere, name, version)
    return lock_of(elsewhere, versions)


def test_what_a_killed_installation_left_is_swept_by_the_next(world: World, tmp_path: Path):
    (tmp_path / f"{STAGING}dead" / "python").mkdir(parents=True)
    with pytest.raises(NoPython):
        install(replace(plan_of(world, tmp_path), pinned=None, python=old_python(tmp_path)), lambda step: None)
    assert list(tmp_path.glob(f"{STAGING}*")) == []


def old_python(folder: Path) -> Path:
    """A program that says it's Python 3.10."""
    path = folder / "python3.10"
    path.write_text("#!/bin/sh\necho 3 10\n")
    path.chmod(0o755)
    return path


def test_two_installations_at_once_are_refused(world: World, tmp_path: Path):
    code = "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, 2); print('held', flush=True); input()"
    words = [sys.executable, "-c", code, str(tmp_path / ".lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(PackBusy, match="under way"):
            install(plan_of(world, tmp_path), lambda step: None)
        other.communicate("\n")


def test_a_full_disk_is_said_before_anything_is_fetched(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ltxdesktop.pack.recipe._NEEDED_BYTES", {"cpu": 1 << 62})
    before = len(world.server.asked)
    with pytest.raises(NoSpace, match=r"GB in .* are free"):
        install(plan_of(world, tmp_path), lambda step: None)
    assert len(world.server.asked) == before


# Which pack is used, and which goes


def test_the_pack_installed_last_is_used_if_it_fits(world: World, tmp_path: Path):
    key = world.recipe.key(CPU)
    with pytest.raises(NoPack, match="isn't installed yet") as none:
        in_use_now(tmp_path, world.recipe)
    assert not none.value.outdated
    a_pack(tmp_path, "cpu-00000000-3", "00000000")
    with pytest.raises(NoPack, match="another version") as old:
        in_use_now(tmp_path, world.recipe)
    assert old.value.outdated
    second = a_pack(tmp_path, f"cpu-{key}-2", key)
    assert in_use_now(tmp_path, world.recipe).folder == second
    newest = a_pack(tmp_path, f"cpu-{key}-10", key)
    assert in_use_now(tmp_path, world.recipe).folder == newest
    (newest / ABOUT).write_text("{")  # no whole pack any more
    assert in_use_now(tmp_path, world.recipe).folder == second


def test_other_packs_go_but_not_one_that_an_engine_runs_from(world: World, tmp_path: Path):
    key = world.recipe.key(CPU)
    old, running, used = (a_pack(tmp_path, f"cpu-{key}-{number}", key) for number in (1, 2, 3))
    words = [running / "python" / "run", "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "up\n"
        left = remove_others(tmp_path, used)
        assert [pack.folder for pack in left] == [running]
        assert not old.exists()
        assert running.exists()
        engine.communicate("\n")
    pack = read_pack(running)
    assert pack is not None
    assert not is_running(pack)
    remove(pack)
    assert [each.folder for each in packs(tmp_path)] == [used]


# What is checked on the way


def test_an_engine_of_another_protocol_is_not_put_into_place(tmp_path: Path):
    home = engine_home(tmp_path, hello=hello_bytes((PROTOCOL[0] + 1, 0)))
    with pytest.raises(StepFailed, match=r"speaks version \d+\.0"):
        hello.check(engine_words(Path(sys.executable), home))


def test_an_engine_that_says_nothing_is_told_with_its_log(tmp_path: Path):
    home = engine_home(tmp_path)
    (home / "engine" / "__main__.py").write_text("raise ImportError('no torch in this')")
    with pytest.raises(StepFailed, match="status 1 and no hello") as failed:
        hello.check(engine_words(Path(sys.executable), home))
    assert "no torch in this" in failed.value.log


def test_an_engine_that_lacks_a_package_is_told_by_its_name(tmp_path: Path):
    home = engine_home(tmp_path, imports=("json", "gone_package"))
    with pytest.raises(StepFailed, match="don't work: gone_package"):
        hello.check(engine_words(Path(sys.executable), home))


def test_a_wheel_that_was_not_locked_is_not_installed(world: World, tmp_path: Path):
    other = wheel(tmp_path, "beta", "2.0", "print('evil')")
    with pytest.raises(NotLocked, match="beta"):
        collect([Wheel("beta", "2.0", other.as_uri(), "")], world.recipe, tmp_path, lambda *_: None)


def test_packages_come_from_a_folder_without_asking_any_index(world: World, installed: Path, tmp_path: Path):
    folder = tmp_path / "kit"
    assert download(plan_of(world, tmp_path), folder, lambda step: None) == len(PACKAGES)
    asked = len(world.server.asked)
    python = in_use_now(installed, world.recipe).python
    kit = Source(folder, "http://127.0.0.1:9/", "http://127.0.0.1:9/")
    found = resolve(python, world.recipe, CPU, kit, tmp_path)
    files = collect(found, world.recipe, tmp_path, lambda *_: None)
    assert {each.name: each.version for each in found} == PACKAGES
    assert {path.parent for path in files} == {folder}
    assert (folder / world.pinned.url.rsplit("/", 1)[-1]).is_file()
    assert len(world.server.asked) == asked


def test_a_python_brought_along_must_be_the_pinned_one(world: World, tmp_path: Path):
    kit, pack = tmp_path / "kit", tmp_path / "pack"
    kit.mkdir()
    pack.mkdir()
    name = world.pinned.url.rsplit("/", 1)[-1]
    (kit / name).write_bytes(b"something else")
    with pytest.raises(Corrupt):
        interpreter.provide(pack, pinned=world.pinned, downloads=tmp_path, kit=kit)
    shutil.copyfile(world.server.root / "python" / name, kit / name)
    python = pack / interpreter.provide(pack, pinned=world.pinned, downloads=tmp_path, kit=kit)
    said = subprocess.run(
        [python, "-I", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == str(pack / "python")


def test_an_archive_without_python_is_refused(tmp_path: Path):
    (tmp_path / "broken.tar.gz").write_bytes(b"\x1f\x8b rubbish")
    with pytest.raises(StepFailed, match=r"Unpacking broken\.tar\.gz"):
        interpreter.from_archive(tmp_path / "broken.tar.gz", tmp_path)
