"""From PyInstaller's folder to a Windows installer, by Inno Setup's compiler; signing on request."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bundling.linux import CannotBundle

SCRIPT = "packaging/windows/ltxdesktop.iss"


def compiler() -> Path:
    """Inno Setup's `iscc`: on the path, or where its installer puts it. Raises CannotBundle."""
    found = shutil.which("iscc")
    places = [Path(found)] if found else []
    places += [
        Path(os.environ.get(name, "C:\\"), "Inno Setup 6", "ISCC.exe") for name in ("ProgramFiles(x86)", "ProgramFiles")
    ]
    for place in places:
        if place.is_file():
            return place
    raise CannotBundle(
        "Inno Setup 6 isn't here: https://jrsoftware.org/isdl.php, or: winget install JRSoftware.InnoSetup"
    )


def words(iscc: Path, root: Path, folder: Path, icons: Path, output: Path, version: str, sign: str) -> list[str]:
    """The compiler's command. `sign` is a signing command with $f for the file, as Inno Setup has it; "" for none."""
    defines = {
        "AppVersion": version,
        "SourceFolder": str(folder),
        "IconFile": str(icons / "ltxdesktop.ico"),
        "OutputFolder": str(output),
    }
    signing = [f"/Sltxsign={sign}", "/DSign=1"] if sign else []
    return [str(iscc), "/Qp", *(f"/D{name}={value}" for name, value in defines.items()), *signing, str(root / SCRIPT)]


def installer(root: Path, folder: Path, icons: Path, output: Path, version: str, sign: str = "") -> Path:
    """Make the installer; its path. Raises CannotBundle, subprocess.CalledProcessError."""
    if sign:  # what we made, before it's packed; the installer and its uninstaller are signed by Inno Setup
        for program in sorted(folder.glob("*.exe")):
            subprocess.run(sign.replace("$f", f'"{program}"'), shell=True, check=True)
    subprocess.run(words(compiler(), root, folder, icons, output, version, sign), check=True)
    return output / f"ltxdesktop-{version}-setup.exe"
