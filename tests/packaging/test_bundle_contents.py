"""What goes into a bundle and what stays out, and the licence notices of what is in it."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import platformdirs
import pytest
from bundling import elf, layout, notices, trim

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "name",
    [
        "libreadline.so.8",
        "PySide6/Qt/plugins/platforms/libqvnc.so",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6\\Qt\\translations\\qtbase_de.qm",
        "_sounddevice_data/portaudio-binaries/libportaudio64bit-asio.dll",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "libEGL.so.1",
    ],
)
def test_what_nobody_needs_or_may_be_given_on_stays_out(name: str):
    assert trim.why_dropped(name)


@pytest.mark.parametrize(
    "name",
    [
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/imageformats/libqsvg.so",
        "PySide6/Qt/plugins/platformthemes/libqxdgdesktopportal.so",
        "_sounddevice_data/portaudio-binaries/libportaudio64bit.dll",
        "av.libs/libx264-d6533a8d.so.165",
        "libxcb-cursor.so.0",
        "libpython3.11.so.1.0",
    ],
)
def test_what_the_app_needs_stays_in(name: str):
    assert not trim.why_dropped(name)


def test_libraries_go_with_the_last_file_that_asks_for_them():
    asks = {"plugin": ["libA.so.1"], "libA": ["libB.so.2"], "libC": ["libD.so.1"], "libB": ["libA.so.1"]}
    table = [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", "plugin", "BINARY"),
        ("libA.so.1", "libA", "BINARY"),
        ("PySide6/Qt/lib/libB.so.2", "libB", "BINARY"),
        ("libC.so.1", "libC", "BINARY"),
        ("libD.so.1", "libD", "BINARY"),
        ("libpython3.11.so.1.0", "python", "BINARY"),
        ("_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi", "EXTENSION"),  # beside the libraries, and none
    ]
    kept = [name for name, _, _ in trim.needed(table, lambda file: asks.get(file, []))]
    assert kept == [table[0][0], "libA.so.1", "PySide6/Qt/lib/libB.so.2", "libpython3.11.so.1.0", table[-1][0]]


def test_home_has_the_engine_the_lock_and_the_resources_but_no_training():
    files = {Path(source).relative_to(ROOT).as_posix(): folder for source, folder in layout.home_files(ROOT)}
    assert files["engine/__main__.py"] == "home/engine"
    assert files["engine/fetching/manifest.json"] == "home/engine/fetching"
    assert files["packaging/requirements.lock"] == "home/packaging"
    assert files["packaging/pythons.json"] == "home/packaging"
    assert files["resources/pocket/pocket.safetensors"] == "home/resources/pocket"
    assert not any("training" in name or "__pycache__" in name for name in files)


def test_no_room_of_the_engine_needs_what_is_left_out():
    users = [
        path
        for path in (ROOT / "engine").rglob("*.py")
        if "training" not in path.parts and "engine.training" in path.read_text(encoding="utf-8")
    ]
    imports = [path for path in users if "import" in "".join(_lines_with(path, "engine.training"))]
    assert not imports


def _lines_with(path: Path, word: str) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if word in line and "`" not in line]


# Licences


def test_notices_are_of_the_distributions_that_the_files_belong_to():
    found = notices.of_distributions([Path(msgspec.__file__), Path(platformdirs.__file__)])
    assert [each.name for each in found] == ["msgspec", "platformdirs"]
    assert [each.licence for each in found] == ["BSD-3-Clause", "MIT"]
    assert all("Copyright" in each.text for each in found)


def test_a_library_of_pyav_that_nobody_knows_stops_the_build():
    with pytest.raises(notices.UnknownLicence, match=r"libnew-12345678\.so\.1"):
        notices.of_av_libraries([Path("av.libs/libx264-d6533a8d.so.165"), Path("av.libs/libnew-12345678.so.1")])


def test_every_library_of_the_installed_pyav_is_known():
    import av

    libraries = sorted((Path(av.__file__).parents[1] / "av.libs").glob("*.so*"))
    if not libraries:
        pytest.skip("this system's PyAV has its libraries elsewhere")
    found = {each.name: each.licence for each in notices.of_av_libraries(libraries)}
    assert found["x264"] == found["x265"] == "GPL-2.0-or-later"
    assert "opencore-amr" in found


def test_the_bundle_as_a_whole_is_said_to_be_under_the_gpl(tmp_path: Path):
    one = notices.Notice("thing", "1.0", "MIT", "https://example.org", "The words of its licence.")
    text = notices.put(tmp_path, "0.1.0", [one, notices.of_python()], ROOT).read_text(encoding="utf-8")
    assert "as a whole is therefore under the GNU General Public License, version 3" in text
    assert "x264 and x265" in " ".join(text.split())
    assert "  thing 1.0: MIT. https://example.org" in text
    assert "The words of its licence." in text
    assert f"Python {sys.version.split()[0]}" in text
    assert (tmp_path / "COPYING").read_text(encoding="utf-8").lstrip().startswith("GNU GENERAL PUBLIC LICENSE")
    assert {path.name for path in tmp_path.iterdir()} >= {"LICENSE", "NOTICE", "OFL.txt", "LGPL-3.0.txt"}


@pytest.mark.skipif(sys.platform != "linux", reason="ELF files are Linux's")
def test_elf_files_are_found_and_asked(tmp_path: Path):
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/sh").read_bytes())
    (tmp_path / "link").symlink_to(program)
    (tmp_path / "text.so").write_text("no ELF")
    assert elf.programs(tmp_path) == [program]
    assert "libc.so.6" in elf.needed(program)
    assert "libc.so.6" in elf.asked_of_the_system([program])
    assert elf.oldest_glibc([program]).startswith("2.")
