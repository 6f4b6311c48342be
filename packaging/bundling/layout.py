"""What goes where in a bundle, and what the systems are told about it: names, version, document type."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any, Final

APP_ID: Final = "org.ltxdesktop.ltxdesktop"
TITLE: Final = "ltxdesktop"
SUMMARY: Final = "Video editor in which any stretch of the timeline can be made again"
PROJECT_SUFFIX: Final = "otio"
PROJECT_MIME: Final = "application/vnd.pixar.opentimelineio+json"
OLDEST_MACOS: Final = "14.0"  # torch's wheels with Metal need it, and so does the engine
COPYRIGHT: Final = "2026 the ltxdesktop authors"
HOME: Final = "home"  # ltxdesktop/resources.py looks there

# Of the repository, in `home`: what the engine pack's Python runs, and what it is made from.
_HOME_TREES: Final = ("engine", "resources")
_HOME_FILES: Final = ("packaging/requirements.lock", "packaging/pythons.json", "LICENSE", "NOTICE")
_ONLY_FOR_BUILDING: Final = frozenset({"__pycache__", "training"})


def version(root: Path) -> str:
    """The project's version, as pyproject.toml has it."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def home_files(root: Path) -> list[tuple[str, str]]:
    """(file, folder in the bundle) of all that lies in `home`."""
    trees = [path for tree in _HOME_TREES for path in sorted((root / tree).rglob("*")) if path.is_file()]
    wanted = [path for path in trees if not _ONLY_FOR_BUILDING & set(path.relative_to(root).parts)]
    return [
        (str(path), str(Path(HOME, path.relative_to(root).parent)))
        for path in (*wanted, *(root / name for name in _HOME_FILES))
    ]


def hidden_imports(platform: str) -> list[str]:
    """Modules that are only named in text: keyring's backends of the system."""
    backends = {
        "linux": ["SecretService", "kwallet", "libsecret"],
        "win32": ["Windows"],
        "darwin": ["macOS"],
    }[platform]
    return [f"keyring.backends.{name}" for name in ("chainer", "fail", "null", *backends)]


def write_contents(path: Path, binaries: Iterable[Sequence[str]], modules: Iterable[Sequence[str]]) -> None:
    """Note where all code in the bundle came from, for the licence notices."""
    found = {"binaries": [list(each[:2]) for each in binaries], "modules": [list(each[:2]) for each in modules]}
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


def apart(binaries: Iterable[Sequence[str]]) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """(what came with Python and its packages, what is the Linux system's own), of PyInstaller's table.

    A .deb leaves the system's libraries to the system, which mends them too; an AppImage brings them.
    """
    every = list(binaries)
    system = [entry for entry in every if _is_of_the_system(entry)]
    return [entry for entry in every if entry not in system], system


def _is_of_the_system(entry: Sequence[str]) -> bool:
    name, file = PurePath(entry[0]), PurePath(entry[1])
    in_place = file.is_relative_to("/lib") or file.is_relative_to("/usr/lib")
    return in_place and len(name.parts) == 1 and name.name.startswith("lib") and not name.name.startswith("libpython")


def write_system_libraries(path: Path, entries: Iterable[Sequence[str]]) -> None:
    """Note which libraries an AppImage has to bring besides: names in the bundle, and the files."""
    path.write_text(json.dumps([list(each[:2]) for each in entries], indent=1), encoding="utf-8")


def icon_for(icons: Path, platform: str) -> str | None:
    """The program's icon as its system wants it; on Linux the desktop entry names it."""
    name = {"win32": "ltxdesktop.ico", "darwin": "ltxdesktop.icns"}.get(platform)
    return str(icons / name) if name else None


def info_plist(version_text: str) -> dict[str, Any]:
    """What macOS is told: names, the type of project files, and that pictures of any density are welcome."""
    return {
        "CFBundleDisplayName": TITLE,
        "CFBundleName": TITLE,
        "CFBundleShortVersionString": version_text,
        "CFBundleVersion": version_text,
        "LSApplicationCategoryType": "public.app-category.video",
        "LSMinimumSystemVersion": OLDEST_MACOS,
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": f"Copyright {COPYRIGHT}",
        "NSRequiresAquaSystemAppearance": False,
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "OpenTimelineIO project",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": ["io.opentimeline.otio"],
            }
        ],
        "UTImportedTypeDeclarations": [
            {
                "UTTypeIdentifier": "io.opentimeline.otio",
                "UTTypeDescription": "OpenTimelineIO project",
                "UTTypeConformsTo": ["public.json"],
                "UTTypeTagSpecification": {
                    "public.filename-extension": [PROJECT_SUFFIX],
                    "public.mime-type": [PROJECT_MIME],
                },
            }
        ],
    }


def windows_version_file(root: Path, version_text: str) -> str:
    """Write the version resource that Explorer shows for the program, and return its path."""
    numbers = [int(part) for part in version_text.split(".")[:3]] + [0]
    strings = {
        "CompanyName": "the ltxdesktop authors",
        "FileDescription": TITLE,
        "FileVersion": version_text,
        "InternalName": TITLE,
        "LegalCopyright": f"Copyright {COPYRIGHT}",
        "OriginalFilename": "ltxdesktop.exe",
        "ProductName": TITLE,
        "ProductVersion": version_text,
    }
    table = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in strings.items())
    text = (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={tuple(numbers)}, prodvers={tuple(numbers)}), kids=["
        f"StringFileInfo([StringTable('040904B0', [{table}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )
    path = root / "build" / "windows-version.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)
