"""The licence notices of a bundle, made from what really is in it: Python packages, their libraries, the system's.

Nothing is guessed: a library or package whose licence isn't known here stops the build with its name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

LICENCES: Final = Path(__file__).resolve().parents[1] / "licences"

STATEMENT: Final = """\
Licences of ltxdesktop {version} and of all that comes with it

The source of ltxdesktop itself is under the Apache License 2.0 (LICENSE, NOTICE). This bundle holds FFmpeg with x264
and x265, as the PyAV wheels bring them, and those are under the GNU General Public License, version 2 or later. The
bundle as a whole is therefore under the GNU General Public License, version 3 (COPYING): you may use it for any
purpose, pass it on, and change it, under the terms of that licence.

Source. Everything here is built from sources that are public: ltxdesktop at the address where you got this file, the
Python packages at https://pypi.org in the versions below, FFmpeg and its libraries at
https://github.com/PyAV-Org/pyav-ffmpeg (the scripts that build them, with the addresses of all sources), Qt at
https://download.qt.io/official_releases/QtForPython/. Libraries of Debian or Ubuntu are named with their source
package. Qt is used under the LGPL: its libraries lie in this bundle as files of their own and may be replaced. Some
large libraries have small stand-ins here, which our source makes and names in packaging/bundling/standins.py; ICU is
the system's, or Qt's with a shortened table. An AppImage begins with the AppImage project's runtime (MIT), which holds
squashfuse (BSD-2-Clause), libfuse (LGPL-2.1), zstd and zlib: https://github.com/AppImage/type2-runtime.

The models have licences of their own; none of the official LTX-2.3 weights are part of this. The small model that comes
along (Pocket) is part of ltxdesktop.
"""


_MOST_NAMED: Final = 10


class Notice(NamedTuple):
    """One thing in the bundle, and its licence."""

    name: str
    version: str
    licence: str
    source: str
    text: str  # the licence's words; "" if they are in this bundle under the licence's name


class UnknownLicence(Exception):
    """Something would go into the bundle whose licence isn't known."""

    def __init__(self, names: Sequence[str]) -> None:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        super().__init__(
            "the licence of these isn't known (packaging/bundling/notices.py keeps the tables): "
            + ", ".join(names[:_MOST_NAMED])
            + more
        )
        self.names = tuple(names)


# What PyAV's wheels carry beside FFmpeg itself (av.libs), by the start of the library's name.
AV_LIBRARIES: Final = {
    "libavcodec": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libavdevice": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libavfilter": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libavformat": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libavutil": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libswresample": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libswscale": ("FFmpeg", "GPL-2.0-or-later as built (x264, x265)", "https://ffmpeg.org"),
    "libSvtAv1Enc": ("SVT-AV1", "BSD-3-Clause-Clear and AOM patent licence", "https://gitlab.com/AOMediaCodec/SVT-AV1"),
    "libXau": ("libXau", "MIT", "https://gitlab.freedesktop.org/xorg/lib/libxau"),
    "libasound": ("alsa-lib", "LGPL-2.1-or-later", "https://www.alsa-project.org"),
    "libdav1d": ("dav1d", "BSD-2-Clause", "https://code.videolan.org/videolan/dav1d"),
    "libdrm": ("libdrm", "MIT", "https://gitlab.freedesktop.org/mesa/drm"),
    "libgmp": ("GMP", "LGPL-3.0-or-later or GPL-2.0-or-later", "https://gmplib.org"),
    "libgnutls": ("GnuTLS", "LGPL-2.1-or-later", "https://gnutls.org"),
    "libhogweed": ("Nettle", "LGPL-3.0-or-later or GPL-2.0-or-later", "https://www.lysator.liu.se/~nisse/nettle"),
    "libnettle": ("Nettle", "LGPL-3.0-or-later or GPL-2.0-or-later", "https://www.lysator.liu.se/~nisse/nettle"),
    "libmp3lame": ("LAME", "LGPL-2.0-or-later", "https://lame.sourceforge.io"),
    "libopencore-amrnb": ("opencore-amr", "Apache-2.0", "https://sourceforge.net/projects/opencore-amr"),
    "libopencore-amrwb": ("opencore-amr", "Apache-2.0", "https://sourceforge.net/projects/opencore-amr"),
    "libopus": ("Opus", "BSD-3-Clause", "https://opus-codec.org"),
    "libsharpyuv": ("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
    "libwebpmux": ("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
    "libwebp": ("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
    "libunistring": (
        "libunistring",
        "LGPL-3.0-or-later or GPL-2.0-or-later",
        "https://www.gnu.org/software/libunistring",
    ),
    "libvpl": ("oneVPL", "MIT", "https://github.com/intel/libvpl"),
    "libvpx": ("libvpx", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libvpx"),
    "libx264": ("x264", "GPL-2.0-or-later", "https://code.videolan.org/videolan/x264"),
    "libx265": ("x265", "GPL-2.0-or-later", "https://bitbucket.org/multicoreware/x265_git"),
    "libxcb": ("libxcb", "MIT", "https://gitlab.freedesktop.org/xorg/lib/libxcb"),
}
# Packages whose wheels carry no licence text, and where the words are.
_TEXTS: Final = {"pyside6-essentials": "LGPL-3.0.txt", "shiboken6": "LGPL-3.0.txt"}
# Where the metadata says nothing short: read from the package's own files.
_LICENCE_NAMES: Final = {
    "av": "BSD-3-Clause; its libraries are listed apart",
    "backports-tarfile": "MIT",
    "jaraco-classes": "MIT",
    "pyinstaller": "GPL-2.0-or-later with an exception for what it bundles (the program's starter)",
}
_IS_LICENCE: Final = re.compile(r"(^|[._/-])(licen[cs]e|copying|notice)", re.IGNORECASE)


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_distributions(files: Iterable[Path]) -> list[Notice]:
    """Notices of the installed distributions that the files belong to. Raises UnknownLicence."""
    wanted = {os.path.realpath(path) for path in files}
    found = [each for each in metadata.distributions() if _owns_one(each, wanted)]
    notices = [_of_distribution(each) for each in found if normal(each.metadata["Name"]) != "ltxdesktop"]
    unknown = [each.name for each in notices if not each.licence or not each.text]
    if unknown:
        raise UnknownLicence(unknown)
    return sorted(notices, key=lambda each: each.name.lower())


def _owns_one(distribution: metadata.Distribution, wanted: set[str]) -> bool:
    """By the text of its record: to build a path for each of torch's files takes a minute."""
    site = os.path.realpath(str(distribution.locate_file("")))
    record = distribution.read_text("RECORD") or ""
    return any(os.path.normpath(f"{site}/{line.split(',')[0]}") in wanted for line in record.splitlines())


def _of_distribution(distribution: metadata.Distribution) -> Notice:
    about, name = distribution.metadata, normal(distribution.metadata["Name"])
    said = about.get("License-Expression") or about.get("License") or ""
    licence = _LICENCE_NAMES.get(name) or (said if len(said) < 100 else "see its text")
    texts = [
        Path(str(distribution.locate_file(file))).read_text(encoding="utf-8", errors="replace").strip()
        for file in distribution.files or ()
        if ".dist-info/" in file.as_posix() and _IS_LICENCE.search(file.name)
    ]
    if not texts and name in _TEXTS:
        texts = [(LICENCES / _TEXTS[name]).read_text(encoding="utf-8")]
    source = about.get("Home-page") or f"https://pypi.org/project/{about['Name']}/{distribution.version}/"
    return Notice(about["Name"], distribution.version, licence, source, "\n\n".join(texts))


def of_av_libraries(files: Iterable[Path]) -> list[Notice]:
    """Notices of FFmpeg and its libraries in PyAV's wheel. Raises UnknownLicence."""
    notices: dict[str, Notice] = {}
    unknown: list[str] = []
    for path in files:
        start = re.split(r"[-.]", path.name.replace("opencore-amr", "opencore_amr"), maxsplit=1)[0]
        start = start.replace("opencore_amr", "opencore-amr")
        known = AV_LIBRARIES.get(start)
        if known is None:
            unknown.append(path.name)
        else:
            notices.setdefault(known[0], Notice(known[0], "in PyAV's wheel", known[1], known[2], ""))
    if unknown:
        raise UnknownLicence(unknown)
    return sorted(notices.values())


def of_system_libraries(files: Iterable[Path]) -> list[Notice]:
    """Notices of Debian's libraries, with Debian's own words about them. Raises UnknownLicence."""
    notices: dict[str, Notice] = {}
    unknown: list[str] = []
    for path in sorted(set(files)):
        package = _debian_package(path)
        about = Path("/usr/share/doc", package.partition(":")[0], "copyright")
        if not package or not about.is_file():
            unknown.append(str(path))
        elif package not in notices:
            words = ["dpkg-query", "-W", "-f", "${source:Package} ${source:Version}", package]
            source = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            text = about.read_text(encoding="utf-8", errors="replace")
            name = package.partition(":")[0]
            notices[package] = Notice(name, source.split()[-1], "see its text", f"Debian source package {source}", text)
    if unknown:
        raise UnknownLicence(unknown)
    return sorted(notices.values())


def _debian_package(path: Path) -> str:
    """The package that has installed a file; Debian knows some under /lib that now lie under /usr/lib."""
    real = path.resolve()
    for each in (path, real, *(Path("/", *name.parts[2:]) for name in (path, real) if name.parts[:2] == ("/", "usr"))):
        done = subprocess.run(["dpkg", "-S", str(each)], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(": ", 1)[0].split(",")[0]
    return ""


def of_python() -> Notice:
    """Notice of Python itself."""
    version = ".".join(map(str, sys.version_info[:3]))
    candidates = [
        Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "LICENSE.txt"),
        Path(sys.base_prefix, "LICENSE.txt"),
    ]
    text = next((path.read_text(encoding="utf-8") for path in candidates if path.is_file()), "")
    if not text:
        raise UnknownLicence(["Python"])
    return Notice("Python", version, "PSF-2.0", "https://www.python.org", text)


def write(folder: Path, version: str, contents: dict[str, list[list[str]]], root: Path) -> Path:
    """Write the notices of a bundle's contents (`build/contents.json`) into its folder. Raises UnknownLicence."""
    sites = {Path(str(each.locate_file(""))).resolve() for each in metadata.distributions()} - {root.resolve()}
    base = Path(sys.base_prefix).resolve()
    named = [Path(source) for kind in ("binaries", "modules") for _, source in contents[kind]]
    paths = [path.resolve() for path in named if path.is_absolute()]
    inside = [path for path in paths if not sites.isdisjoint(path.parents)]
    libraries = [Path(source) for _, source in contents["binaries"]]
    av = [
        path for path in libraries if "av.libs" in path.parts or (path.parent.name == "av" and ".dylibs" in path.parts)
    ]
    outside = [path for path in libraries if path.is_absolute() and not _is_under(path, *sites, base)]
    notices = [of_python(), *of_distributions(inside), *_starter(), *of_av_libraries(av)]
    if sys.platform.startswith("linux"):
        notices += of_system_libraries(outside)
    return put(folder, version, list({each.name: each for each in notices}.values()), root)


def _is_under(path: Path, *folders: Path) -> bool:
    return not set(folders).isdisjoint(path.resolve().parents)


def _starter() -> list[Notice]:
    return [_of_distribution(metadata.distribution("pyinstaller"))]


def put(folder: Path, version: str, notices: Sequence[Notice], root: Path) -> Path:
    """Lay the notices, our own licence and the GNU licences into a folder; the path of the notices."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [STATEMENT.format(version=version), "", "In this bundle", ""]
    lines += [f"  {each.name} {each.version}: {each.licence}. {each.source}" for each in notices]
    for each in notices:
        if each.text:
            lines += ["", "=" * 120, f"{each.name} {each.version}", "", each.text]
    target = folder / "THIRD-PARTY-NOTICES.txt"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "COPYING").write_bytes((LICENCES / "GPL-3.0.txt").read_bytes())
    for name in ("LGPL-3.0.txt", "LGPL-2.1.txt"):
        (folder / name).write_bytes((LICENCES / name).read_bytes())
    for name in ("LICENSE", "NOTICE", "resources/fonts/OFL.txt"):
        (folder / Path(name).name).write_bytes((root / name).read_bytes())
    return target
