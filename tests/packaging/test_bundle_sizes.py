"""A bundle is weighed part by part, and one past its goal says what grew."""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path, PurePath

import pytest
from bundling import base_library, linux, sizes

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "size", "part"),
    [
        ("_internal/av.libs/libx265-f5385bb8.so.216", 20_000_000, "av.libs/libx265"),
        ("_internal/numpy/_core/_umath.cpython-311-x86_64-linux-gnu.so", 9_000_000, "numpy/_core/_umath"),
        ("_internal/PySide6/QtGui.abi3.so", 4_000_000, "PySide6/QtGui"),
        ("_internal/av.libs/libXau-154567c4.so.6.0.0", 13_000, "av.libs"),
        ("_internal/home/engine/backends/remote/packing.py", 9_000, "home/engine/backends"),
        ("_internal/home/LICENSE", 9_000, "home"),
        ("_internal/base_library.zip", 600_000, "base_library.zip"),
        ("licences/COPYING", 35_000, "licences"),
        ("ltxdesktop", 6_000_000, "ltxdesktop"),
    ],
)
def test_parts_have_names_without_versions(name: str, size: int, part: str):
    assert sizes.part_of(PurePath(name), size) == part


def test_links_are_not_counted(tmp_path: Path):
    (tmp_path / "_internal/home/resources/pocket").mkdir(parents=True)
    (tmp_path / "_internal/home/resources/pocket/one.safetensors").write_bytes(bytes(700))
    (tmp_path / "_internal/home/resources/pocket/two.json").write_bytes(bytes(50))
    (tmp_path / "_internal/libthing.so").symlink_to(tmp_path / "_internal/home/resources/pocket/one.safetensors")
    assert sizes.parts(tmp_path) == {"home/resources/pocket": 750}


def test_a_bundle_past_its_goal_says_what_grew():
    before = {"numpy": 100_000_000, "home/resources/pocket": 40_000_000, "av": 50_000_000}
    now = {"numpy": 90_000_000, "home/resources/pocket": 61_000_000, "av": 50_000_100, "torch": 9_000_000}
    words = sizes.complaint(now, before)
    assert "has 210.0 MB; 200 are the goal" in words
    assert "home/resources/pocket +21.00 MB, torch +9.00 MB. " in words
    assert not sizes.complaint(before, before)


def test_a_linux_bundle_past_its_goal_is_not_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import bundle

    with (tmp_path / "large").open("wb") as file:
        file.truncate(sizes.GOAL_BYTES + 1)  # without a byte on the disk
    asked = argparse.Namespace(system="linux", note_sizes=False, any_size=False)
    with pytest.raises(linux.CannotBundle, match="200 are the goal"):
        bundle.weigh(tmp_path, asked)
    bundle.weigh(tmp_path, argparse.Namespace(system="linux", note_sizes=False, any_size=True))
    bundle.weigh(tmp_path, argparse.Namespace(system="macos", note_sizes=False, any_size=False))


def test_what_was_noted_reaches_the_goal(tmp_path: Path):
    noted = sizes.noted(ROOT / "packaging/sizes.json")
    assert 150_000_000 < sum(noted.values()) <= sizes.GOAL_BYTES
    sizes.note(tmp_path / "again.json", noted)
    assert (tmp_path / "again.json").read_bytes() == (ROOT / "packaging/sizes.json").read_bytes()
    assert sizes.noted(tmp_path / "none.json") == {}


def test_modules_to_start_with_are_compressed_but_those_before_zlib(tmp_path: Path):
    file, text = tmp_path / base_library.NAME, b"of a module " * 200
    with zipfile.ZipFile(file, "w") as whole:
        for name in ("encodings/utf_8.pyc", "encodings/cp437.pyc", "enum.pyc"):
            whole.writestr(zipfile.ZipInfo(name), text)
    large = file.stat().st_size
    base_library.compress(file)
    assert file.stat().st_size < large / 2
    with zipfile.ZipFile(file) as whole:
        assert all(whole.read(each) == text and each.date_time[0] == 1980 for each in whole.infolist())
        stored = [each.filename for each in whole.infolist() if each.compress_type == zipfile.ZIP_STORED]
    assert stored == ["encodings/utf_8.pyc"]
    assert [path.name for path in tmp_path.iterdir()] == [base_library.NAME]


IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.append("packaging")
from bundling import cipher, trim
if sys.platform.startswith("linux"):
    cipher.install()
    trim.EXCLUDED_MODULES += trim.EXCLUDED_ON_LINUX
for name in trim.EXCLUDED_MODULES:
    sys.modules.setdefault(name, None)
import engine.media, engine.protocol, ltxdesktop
for room in (ltxdesktop, engine.media, engine.protocol):
    for each in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        importlib.import_module(each.name)
import decimal, keyring.backends.chainer, msgspec.toml
if sys.platform.startswith("linux"):
    import keyring.backends.SecretService, secretstorage.item
print("imported", len(sys.modules))
"""


def test_all_of_the_app_can_be_imported_without_what_stays_out():
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("imported "), done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
