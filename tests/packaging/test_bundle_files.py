"""The files that systems read about the program: desktop entry, metadata, types, installer, property lists, icons."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bundling import icons, layout, linux, windows
from PIL import Image

from ltxdesktop.__main__ import main, with_open

ROOT = Path(__file__).resolve().parents[2]
LINUX = ROOT / "packaging" / "linux"
ISS = ROOT / "packaging" / "windows" / "ltxdesktop.iss"
MIME = "application/vnd.pixar.opentimelineio+json"


def checked_by(tool: str, *words: object) -> None:
    """Run a checker that a machine may not have."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} isn't here")
    done = subprocess.run([tool, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# Linux


def test_desktop_entry_opens_projects_with_this_program():
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment]  keys keep their letters
    entry.read(LINUX / "ltxdesktop.desktop", encoding="utf-8")
    said = entry["Desktop Entry"]
    assert said["Exec"] == "ltxdesktop %f"
    assert said["MimeType"] == f"{MIME};"
    assert said["StartupWMClass"] == "ltxdesktop"  # Qt's name of the window: app.py sets it


def test_desktop_entry_is_valid():
    checked_by("desktop-file-validate", LINUX / "ltxdesktop.desktop")


def test_metadata_is_valid(tmp_path: Path):
    about = (LINUX / f"{layout.APP_ID}.metainfo.xml").read_text(encoding="utf-8")
    filled = tmp_path / f"{layout.APP_ID}.metainfo.xml"
    filled.write_text(about.replace("@VERSION@", "0.1.0").replace("@DATE@", "2026-11-21"), encoding="utf-8")
    checked_by("appstreamcli", "validate", "--no-net", filled)


def test_metadata_type_and_entry_agree():
    about = ET.parse(LINUX / f"{layout.APP_ID}.metainfo.xml").getroot()
    assert about.findtext("id") == layout.APP_ID
    assert about.findtext("project_license") == "GPL-3.0-only"
    assert about.findtext("provides/mediatype") == MIME == layout.PROJECT_MIME
    types = ET.parse(LINUX / "ltxdesktop-mime.xml").getroot()
    namespace = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    (kind,) = types.findall("m:mime-type", namespace)
    assert kind.get("type") == MIME
    (glob,) = kind.findall("m:glob", namespace)
    assert glob.get("pattern") == f"*.{layout.PROJECT_SUFFIX}"


def test_a_file_managers_words_open_the_project():
    assert with_open(["film.otio"]) == ["open", "film.otio"]
    assert with_open(["/films/My Film.OTIO"]) == ["open", "/films/My Film.OTIO"]
    assert with_open(["export", "film.otio"]) == ["export", "film.otio"]
    assert with_open([]) == []


def test_version_is_the_projects(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ltxdesktop {layout.version(ROOT)}\n"


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A tree as a bundle has it, with a shell for a program."""
    if sys.platform != "linux":
        pytest.skip("trees are Linux's")
    folder, drawn = tmp_path / "frozen", tmp_path / "icons"
    (folder / "licences").mkdir(parents=True)
    (folder / "licences" / "THIRD-PARTY-NOTICES.txt").write_text("All of them.")
    shutil.copyfile("/bin/sh", folder / "ltxdesktop")
    (folder / "ltxdesktop").chmod(0o755)
    for size in (48, 256):
        path = drawn / "hicolor" / f"{size}x{size}" / "apps" / "ltxdesktop.png"
        path.parent.mkdir(parents=True)
        icons.draw(ROOT / "resources/icons/app.svg", size).save(path)
    linux.tree(folder, drawn, tmp_path / "tree", "0.1.0", ROOT)
    return tmp_path / "tree"


def test_deb_installs_into_another_root_and_starts_there(small_tree: Path, tmp_path: Path):
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb isn't here")
    package = linux.deb(small_tree, tmp_path, "0.1.0", quick=True)
    root = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    said = subprocess.run(
        [root / "usr/bin/ltxdesktop", "-c", "echo started"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "started\n"
    assert (root / "usr/share/doc/ltxdesktop/copyright").read_text() == "All of them."
    assert 'version="0.1.0"' in (root / "usr/share/metainfo" / f"{layout.APP_ID}.metainfo.xml").read_text()
    assert (root / "usr/share/icons/hicolor/48x48/apps/ltxdesktop.png").is_file()
    control = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
    fields = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", control, flags=re.MULTILINE))
    assert fields["Package"] == "ltxdesktop"
    assert fields["Depends"].startswith("libc6 (>= 2.")
    assert "libportaudio2" in fields["Depends"]
    assert int(fields["Installed-Size"]) > 100
    assert not (small_tree / "DEBIAN").exists()  # the same tree becomes the AppImage


def test_app_dir_starts_from_anywhere(small_tree: Path, tmp_path: Path):
    linux.app_dir(small_tree)
    moved = small_tree.rename(tmp_path / "somewhere else")
    said = subprocess.run([moved / "AppRun", "-c", "echo started"], capture_output=True, text=True, check=True)
    assert said.stdout == "started\n"
    assert (moved / "ltxdesktop.desktop").read_text().startswith("[Desktop Entry]")
    assert (moved / ".DirIcon").read_bytes()[:4] == b"\x89PNG"
    checked_by("sh", "-n", moved / "AppRun")
    checked_by("shellcheck", moved / "AppRun", moved / "usr/bin/ltx-engine")


def test_app_dir_brings_the_systems_libraries(small_tree: Path, tmp_path: Path):
    (small_tree / linux.LIBRARY / "_internal").mkdir()
    (tmp_path / "libssl.so.3.0.1").write_bytes(b"library")
    linux.app_dir(small_tree, [("libssl.so.3", tmp_path / "libssl.so.3.0.1")])
    assert (small_tree / linux.LIBRARY / "_internal/libssl.so.3").read_bytes() == b"library"


def test_runtimes_script_is_sound():
    script = LINUX / "make_runtime.sh"
    assert os.access(script, os.X_OK)
    checked_by("sh", "-n", script)
    checked_by("shellcheck", script)


def test_app_image_is_runtime_and_squashfs(tmp_path: Path):
    runtime, image = tmp_path / "runtime", tmp_path / "image"
    image.write_bytes(b"hsqs and more")
    runtime.write_bytes(b"\x7fELF\x02\x01\x01\x00AI\x02 the rest")
    made = linux.app_image(runtime, image, tmp_path / "made.AppImage")
    assert made.read_bytes() == runtime.read_bytes() + image.read_bytes()
    assert os.access(made, os.X_OK)
    runtime.write_bytes(b"\x7fELF\x02\x01\x01\x00\0\0\0 another program")
    with pytest.raises(linux.CannotBundle, match="no runtime"):
        linux.app_image(runtime, image, tmp_path / "made.AppImage")


# Windows


def sections_of_iss() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for line in ISS.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            lines = sections.setdefault(found[1], [])
        elif sections and line and not line.startswith((";", "#")):
            lines.append(line)
    return sections


def test_installer_script_is_whole():
    sections = sections_of_iss()
    assert list(sections) == [
        "Setup", "Languages", "Tasks", "InstallDelete", "Files", "Icons", "Registry", "Run", "UninstallRun",
    ]  # fmt: skip
    setup = dict(line.split("=", 1) for line in sections.pop("Setup"))
    assert re.fullmatch(r"\{\{[0-9A-F-]{36}\}", setup["AppId"])
    assert setup["PrivilegesRequired"] == "lowest"
    assert setup["ArchitecturesAllowed"] == "x64compatible"
    for name, lines in sections.items():
        for line in lines:
            for entry in re.findall(r'(\w+): (?:"(?:[^"]|"")*"|[\w ]+)(?:; |$)', line):
                assert entry
            rest = re.sub(r'\w+: (?:"(?:[^"]|"")*"|[\w ]+)(?:; |$)', "", line)
            assert not rest, f"[{name}] {line}: {rest!r} isn't understood"


def test_every_define_of_the_installer_is_given(tmp_path: Path):
    text = ISS.read_text(encoding="utf-8")
    used = set(re.findall(r"\{#(\w+)\}", text))
    words = windows.words(Path("iscc"), ROOT, tmp_path, tmp_path, tmp_path, "0.1.0", "signtool sign $f")
    given = {word[2:].split("=")[0] for word in words if word.startswith("/D")}
    assert used <= given
    assert words[-1].endswith("ltxdesktop.iss")
    assert "/Sltxsign=signtool sign $f" in words
    assert "/DSign=1" in words
    assert not any(
        word.startswith(("/S", "/DSign")) for word in windows.words(Path("i"), ROOT, ROOT, ROOT, ROOT, "1", "")
    )


def test_projects_open_with_the_installed_program():
    registry = sections_of_iss()["Registry"]
    assert any(
        'shell\\open\\command"; ValueType: string; ValueData: """{app}\\ltxdesktop.exe"" ""%1"""' in line
        for line in registry
    )
    associated = [line for line in registry if ".otio" in line]
    assert any("OpenWithProgids" in line and "Tasks" not in line for line in associated)
    assert any(line.endswith("Tasks: associate") for line in associated)


# macOS


def test_property_list_names_the_project_type():
    said = plistlib.loads(plistlib.dumps(layout.info_plist("0.1.0")))
    assert said["CFBundleShortVersionString"] == "0.1.0"
    (kind,) = said["CFBundleDocumentTypes"]
    (declared,) = said["UTImportedTypeDeclarations"]
    assert kind["LSItemContentTypes"] == [declared["UTTypeIdentifier"]]
    assert declared["UTTypeTagSpecification"]["public.filename-extension"] == ["otio"]


def test_entitlements_are_few():
    said = plistlib.loads((ROOT / "packaging/macos/entitlements.plist").read_bytes())
    assert said == {"com.apple.security.cs.allow-jit": True}


def test_image_script_is_sound():
    script = ROOT / "packaging/macos/make_dmg.sh"
    assert os.access(script, os.X_OK)
    checked_by("bash", "-n", script)
    assert "--deep" not in re.sub(r"#.*", "", script.read_text(encoding="utf-8"))
    checked_by("shellcheck", script)


# Icons


def test_icons_come_from_one_drawing_in_every_size(tmp_path: Path):
    written = icons.write(ROOT / "resources/icons/app.svg", tmp_path)
    assert all(path.stat().st_size > 100 for path in written)
    for size in icons.PNG_SIZES:
        with Image.open(tmp_path / f"hicolor/{size}x{size}/apps/ltxdesktop.png") as picture:
            assert picture.size == (size, size)
            assert picture.getpixel((0, 0))[3] == 0  # round corners
            assert picture.getpixel((size // 2, size // 4))[3] == 255
    with Image.open(tmp_path / "ltxdesktop.ico") as picture:
        assert picture.info["sizes"] == {(size, size) for size in icons.ICO_SIZES}
    assert icns_sizes((tmp_path / "ltxdesktop.icns").read_bytes()) >= {b"ic07", b"ic08", b"ic09", b"ic10"}


def icns_sizes(data: bytes) -> set[bytes]:
    """The kinds of pictures in an icns file: a kind and a length before each."""
    assert data[:4] == b"icns"
    place, kinds = 8, set[bytes]()
    while place < len(data):
        kind, length = struct.unpack(">4sI", data[place : place + 8])
        kinds.add(kind)
        place += length
    return kinds


@pytest.mark.qt_log_ignore("Cannot read file")
def test_a_drawing_that_is_none_is_refused(tmp_path: Path):
    broken = tmp_path / "broken.svg"
    broken.write_text("<svg")
    with pytest.raises(ValueError, match="no SVG"):
        icons.draw(broken, 16)
