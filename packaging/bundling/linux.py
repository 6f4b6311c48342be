"""From PyInstaller's folder to a .deb and an AppImage.

Both hold the same tree: the folder in /usr/lib/ltxdesktop, commands in /usr/bin, and what desktops want to know in
/usr/share. An AppImage is a runtime (a small program that mounts what follows it) and that tree as a squashfs; the
runtime is made by the AppImage project and must be brought (`--runtime`), since nothing is fetched unasked.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bundling import elf, layout, system_icu

LIBRARY: Final = "usr/lib/ltxdesktop"
MAINTAINER: Final = "the ltxdesktop authors <maintainers@ltxdesktop.org>"
# Loaded by name while running, so no file asks for them: sounddevice looks for PortAudio, Qt for EGL and GL.
LOADED_BY_NAME: Final = ("libportaudio2", "libegl1", "libgl1")
APP_RUN: Final = """\
#!/bin/sh
# Starts the program from wherever the image is mounted. Commands work too: ltxdesktop.AppImage engine install
here=$(dirname "$(readlink -f "$0")")
exec "$here/usr/lib/ltxdesktop/ltxdesktop" "$@"
"""
ENGINE_COMMAND: Final = """\
#!/bin/sh
# The engine's own command, in the engine that `ltxdesktop engine install` has brought.
exec /usr/lib/ltxdesktop/ltxdesktop engine run "$@"
"""


class CannotBundle(Exception):
    """A tool or file is missing; the message says which, and where it comes from."""


def tree(folder: Path, icons: Path, target: Path, version: str, root: Path) -> None:
    """Lay the bundle and its desktop files out under `target`, as they lie under / later."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target / LIBRARY, symlinks=True)
    share, source = target / "usr/share", root / "packaging" / "linux"
    _put(source / "ltxdesktop.desktop", share / "applications")
    _put(source / "ltxdesktop-mime.xml", share / "mime/packages")
    shutil.copytree(icons / "hicolor", share / "icons/hicolor")
    about = (source / f"{layout.APP_ID}.metainfo.xml").read_text(encoding="utf-8")
    about = about.replace("@VERSION@", version).replace("@DATE@", _date().isoformat())
    (share / "metainfo").mkdir(parents=True)
    (share / "metainfo" / f"{layout.APP_ID}.metainfo.xml").write_text(about, encoding="utf-8")
    commands = target / "usr/bin"
    commands.mkdir(parents=True)
    (commands / "ltxdesktop").symlink_to("../lib/ltxdesktop/ltxdesktop")
    _script(commands / "ltx-engine", ENGINE_COMMAND)


def _date() -> datetime.date:
    """Today, or the day of $SOURCE_DATE_EPOCH, so that a build can be repeated."""
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.UTC)
    return (datetime.datetime.fromtimestamp(int(stamp), datetime.UTC) if stamp else now).date()


def _put(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / file.name)


def _script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o755)


# Debian --------------------------------------------------------------------------------------------------------------


def deb(target: Path, output: Path, version: str, *, quick: bool = False) -> Path:
    """Wrap a tree (see `tree`) as a .deb; its path. Raises CannotBundle, subprocess.CalledProcessError.

    `quick` compresses in seconds, to half as much more.
    """
    _require("dpkg-deb", "the package dpkg")
    machine = _say("dpkg", "--print-architecture")
    control = target / "DEBIAN"
    control.mkdir()
    notices = target / "usr/share/doc/ltxdesktop"
    notices.mkdir(parents=True)
    (notices / "copyright").symlink_to("../../../lib/ltxdesktop/licences/THIRD-PARTY-NOTICES.txt")
    files = sorted(path for path in target.rglob("*") if path.is_file() and not path.is_symlink())
    files = [path for path in files if control not in path.parents]
    size = sum(path.stat().st_size for path in files)
    (control / "control").write_text(control_text(version, machine, depends(target), size), encoding="utf-8")
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(target)}\n" for path in files]
    (control / "md5sums").write_text("".join(sums), encoding="utf-8")
    package = output / f"ltxdesktop_{version}_{machine}.deb"
    compress = ["-Zgzip", "-z1"] if quick else ["-Zxz", "-z6"]
    words = ["dpkg-deb", "--root-owner-group", *compress, "--build", str(target), str(package)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(control)
    shutil.rmtree(notices)
    return package


def control_text(version: str, machine: str, needs: Sequence[str], size_bytes: int) -> str:
    """The control file of the package."""
    return (
        f"Package: ltxdesktop\nVersion: {version}\nArchitecture: {machine}\nMaintainer: {MAINTAINER}\n"
        f"Installed-Size: {-(-size_bytes // 1024)}\nDepends: {', '.join(needs)}\n"
        "Recommends: libsecret-1-0, shared-mime-info, desktop-file-utils\nSection: video\nPriority: optional\n"
        f"Homepage: https://ltxdesktop.org\nDescription: {layout.SUMMARY}\n"
        " Select a range of a film, say what should happen there, see a moving draft, compare takes and\n"
        " keep one. Everything that isn't selected stays exactly as it was.\n"
        " .\n"
        " What makes pictures and sound is installed by the program itself, for the graphics card that it finds.\n"
    )


def depends(target: Path) -> list[str]:
    """The packages that bring what the tree's files ask of the system, with the glibc that they need."""
    files = elf.programs(target / LIBRARY)
    packages = {_package_of(name) for name in elf.asked_of_the_system(files)} - {"libc6", ""}
    named = {*LOADED_BY_NAME, *([system_icu.PACKAGES] if system_icu.is_the_systems(target / LIBRARY) else [])}
    return [f"libc6 (>= {elf.oldest_glibc(files)})", *sorted(packages | named)]


def _package_of(library: str) -> str:
    """The package of this machine that has a library, under the name that Debian 12 and Ubuntu 22.04 know it by."""
    done = subprocess.run(["dpkg", "-S", f"*/{library}"], capture_output=True, text=True, check=False)
    names = {line.partition(":")[0] for line in done.stdout.splitlines() if line.endswith(f"/{library}")}
    names = {name for name in names if not name.endswith(("-dev", "-dbg"))}
    return min(names, default="").removesuffix("t64")


# AppImage ------------------------------------------------------------------------------------------------------------


def app_dir(target: Path, libraries: Iterable[tuple[str, Path]] = ()) -> None:
    """Make a tree (see `tree`) an AppDir: what a desktop looks for lies at its top.

    `libraries` are the system's that it brings, as (name, file): a .deb asks for their packages instead.
    """
    for name, file in libraries:
        shutil.copyfile(file, target / LIBRARY / "_internal" / name)
    _script(target / "AppRun", APP_RUN)
    for name, place in (
        ("ltxdesktop.desktop", "usr/share/applications/ltxdesktop.desktop"),
        ("ltxdesktop.png", "usr/share/icons/hicolor/256x256/apps/ltxdesktop.png"),
        (".DirIcon", "usr/share/icons/hicolor/256x256/apps/ltxdesktop.png"),
    ):
        (target / name).unlink(missing_ok=True)
        (target / name).symlink_to(place)


def squashfs(target: Path, image: Path, *, quick: bool = False) -> Path:
    """Pack an AppDir, `quick` as for `deb`. Raises CannotBundle, subprocess.CalledProcessError."""
    _require("mksquashfs", "the package squashfs-tools")
    image.unlink(missing_ok=True)
    words = ["mksquashfs", str(target), str(image), "-root-owned", "-noappend", "-no-progress", "-quiet"]
    subprocess.run([*words, "-comp", "zstd", "-Xcompression-level", "1" if quick else "15"], check=True)
    return image


def app_image(runtime: Path, image: Path, output: Path) -> Path:
    """Put the runtime before the squashfs: that's all that an AppImage is. Raises CannotBundle."""
    start = runtime.read_bytes()
    # The ELF header's padding holds the type: https://github.com/AppImage/AppImageSpec/blob/master/draft.md
    if start[:4] != b"\x7fELF" or start[8:11] != b"AI\x02":
        raise CannotBundle(f"{runtime} is no runtime of AppImage type 2")
    with output.open("wb") as file:
        file.write(start)
        with image.open("rb") as tail:
            shutil.copyfileobj(tail, file, 1 << 20)
    output.chmod(0o755)
    return output


def _require(program: str, where: str) -> None:
    if shutil.which(program) is None:
        raise CannotBundle(f"{program} isn't here: it comes with {where}")


def _say(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
