"""What an engine pack is made of: from the real lock and the real pins, for every system."""

from __future__ import annotations

import pytest

from ltxdesktop.pack.errors import UnknownDevice
from ltxdesktop.pack.recipe import Variant, devices, pinned_python, read_lock, read_recipe, variant


def test_the_engine_gets_its_packages_and_nothing_of_the_window():
    recipe = read_recipe()
    names = {each.name for each in recipe.packages}
    assert {"av", "msgspec", "numpy", "safetensors", "transformers", "keyring", "urllib3", "psutil"} <= names
    assert not names & {"pyside6-essentials", "shiboken6", "sounddevice", "torch", "pytest", "pyinstaller"}
    assert all(each.hashes for each in recipe.packages)


def test_every_file_is_allowed_by_its_hash_alone_but_those_of_torch():
    recipe = read_recipe()
    av = next(each for each in recipe.packages if each.name == "av")
    assert recipe.allows("av", next(iter(av.hashes)))
    assert recipe.allows("AV", next(iter(av.hashes)))
    assert not recipe.allows("av", "0" * 64)
    assert not recipe.allows("unheard-of", "0" * 64)
    assert recipe.allows("torch", "0" * 64)
    assert recipe.allows("nvidia-cublas", "0" * 64)
    assert not recipe.allows("torchvision", "0" * 64)


@pytest.mark.parametrize(
    ("system", "device", "driver", "torch", "index"),
    [
        ("linux", "cpu", 0, "torch==2.13.0+cpu", "whl/cpu"),
        ("linux", "cuda", 0, "torch==2.13.0+cu130", "whl/cu130"),
        ("linux", "cuda", 580, "torch==2.13.0+cu130", "whl/cu130"),
        ("linux", "cuda", 579, "torch==2.13.0+cu126", "whl/cu126"),
        ("win32", "cuda", 600, "torch==2.13.0+cu130", "whl/cu130"),
        ("win32", "cpu", 0, "torch==2.13.0", ""),
        ("darwin", "mps", 0, "torch==2.13.0", ""),
        ("linux", "rocm", 0, "torch==2.13.0+rocm7.2", "whl/rocm7.2"),
    ],
)
def test_each_device_gets_its_build_of_torch(system: str, device: str, driver: int, torch: str, index: str):
    wanted = variant(device, driver, system)
    assert read_recipe().torch(wanted) == torch
    assert wanted.torch_index.endswith(index)
    assert bool(wanted.torch_index) == bool(index)


def test_a_device_that_a_system_has_not_is_refused_with_those_it_has():
    with pytest.raises(UnknownDevice, match=r"'mps'.*cpu, cuda, rocm"):
        variant("mps", system="linux")
    assert devices("darwin") == ["cpu", "mps"]


def test_the_key_changes_with_all_that_changes_the_pack():
    recipe, cpu = read_recipe(), Variant("cpu", "cpu")
    keys = {
        recipe.key(cpu, "linux", "x86_64"),
        recipe.key(cpu, "linux", "aarch64"),
        recipe.key(cpu, "win32", "x86_64"),
        recipe.key(Variant("cuda", "cu130"), "linux", "x86_64"),
        recipe.key(Variant("cuda", "cu126"), "linux", "x86_64"),
    }
    assert len(keys) == 5
    assert recipe.key(cpu, "linux", "x86_64") == read_recipe().key(cpu, "linux", "x86_64")


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("linux", "x86_64", "x86_64-unknown-linux-gnu"),
        ("linux", "aarch64", "aarch64-unknown-linux-gnu"),
        ("darwin", "arm64", "aarch64-apple-darwin"),
        ("win32", "AMD64", "x86_64-pc-windows-msvc"),
    ],
)
def test_a_python_is_pinned_for_every_system(version: tuple[int, int], system: str, machine: str, words: str):
    pinned = pinned_python(system=system, machine=machine, version=version)
    assert pinned is not None
    assert words in pinned.url
    assert pinned.url.startswith("https://")
    assert f"cpython-{pinned.version}" in pinned.url
    assert len(pinned.sha256) == 64


def test_where_no_python_is_pinned_none_is_named():
    assert pinned_python(system="linux", machine="riscv64") is None


def test_lock_is_read_with_its_markers():
    sections = read_lock(
        "# About.\n\n# [app]\na.B==1 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "1" * 64 + "\n"
    )
    (only,) = sections["app"]
    assert only.name == "a-b"
    assert only.requirement == "a.B==1 ; sys_platform == 'win32'"
    assert only.hashes == {"1" * 64}
