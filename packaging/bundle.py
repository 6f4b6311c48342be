#!/usr/bin/env python3
"""Makes what people install: `python3 packaging/bundle.py linux`, `… windows` or `… macos`, each on that system.

    linux     the program's folder, a .deb, and an AppImage (with --runtime; without it, its squashfs)
    windows   the program's folder, and an installer if Inno Setup is here
    macos     ltxdesktop.app, and a disk image

Everything lies in build/ and dist/ afterwards. Steps: set up .venv as dev.py does (with PyInstaller), draw the icons,
freeze, compile the engine's source, write the licence notices, weigh, wrap. See packaging/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SYSTEMS = {"linux": "linux", "windows": "win32", "macos": "darwin"}
SOURCE = Path("home", "engine")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", choices=list(SYSTEMS))
    parser.add_argument("--only", choices=("folder", "deb", "appimage"), help="stop there, or make only that (linux)")
    parser.add_argument("--frozen", action="store_true", help="wrap the folder that was made before")
    parser.add_argument("--runtime", type=Path, help="runtime of AppImage type 2, from the AppImage project")
    parser.add_argument("--sign", default="", help="windows: signing command, with $f for the file")
    parser.add_argument("--quick", action="store_true", help="compress less: for trying things out")
    parser.add_argument("--any-size", action="store_true", help="linux: go on with a folder that is past its goal")
    parser.add_argument("--note-sizes", action="store_true", help="linux: note what each part of the folder weighs")
    asked = parser.parse_args()
    if not sys.platform.startswith(SYSTEMS[asked.system]):
        print(
            f"bundle.py: this is {sys.platform}; PyInstaller can't build for {asked.system} from here", file=sys.stderr
        )
        return 1
    import dev

    if Path(sys.prefix).resolve() != dev.VENV.resolve():
        dev.set_up(dev.BUNDLE_SECTIONS, window=True)
        return subprocess.run([str(dev.PYTHON), __file__, *sys.argv[1:]], check=False).returncode
    from bundling.linux import CannotBundle
    from bundling.notices import UnknownLicence

    try:
        make(asked)
    except (CannotBundle, UnknownLicence) as exc:
        print(f"bundle.py: {exc}", file=sys.stderr)
        return 1
    return 0


def make(asked: argparse.Namespace) -> None:
    """Everything, in the project's own environment."""
    from bundling import icons, layout

    build, output = ROOT / "build", ROOT / "dist"
    output.mkdir(exist_ok=True)
    version = layout.version(ROOT)
    folder = build / "dist" / "ltxdesktop"
    if not asked.frozen:
        say("icons")
        icons.write(ROOT / "resources/icons/app.svg", build / "icons")
        say("freezing")
        freeze(build)
        say("compiling the engine's source, writing the licence notices")
        finish(build, folder, version)
    weigh(folder, asked)
    if asked.only == "folder":
        return
    if asked.system == "linux":
        wrap_linux(asked, folder, build, output, version)
    elif asked.system == "windows":
        from bundling import windows

        say(f"installer: {windows.installer(ROOT, folder, build / 'icons', output, version, asked.sign)}")
    else:
        run("bash", HERE / "macos" / "make_dmg.sh", build / "dist" / "ltxdesktop.app", version, output)


def freeze(build: Path) -> None:
    """Run PyInstaller: `build/dist` has the result, `build/contents.json` where each file came from.

    Nothing of an earlier run is used: files from an archive are as old as their commit, and PyInstaller goes by times.
    """
    shutil.rmtree(build / "work", ignore_errors=True)
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", build / "dist", "--workpath", build / "work"]
    run(sys.executable, "-m", "PyInstaller", *words, HERE / "app.spec")


def finish(build: Path, folder: Path, version: str) -> None:
    """What PyInstaller doesn't do. On macOS the same in the app, before it's signed."""
    from bundling import base_library, notices

    contents = json.loads((build / "contents.json").read_text(encoding="utf-8"))
    app = build / "dist" / "ltxdesktop.app" / "Contents"
    places = [(folder / "_internal", folder)] + ([(app / "Resources", app / "Resources")] if app.is_dir() else [])
    for inside, top in places:
        # The engine's Python is of this very version, and can't write beside its source: without these files it would
        # compile everything at every start. Unchecked, because installers and images change times.
        run(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", inside / SOURCE)
        notices.write(top / "licences", version, contents, ROOT)
    if sys.platform.startswith("linux"):
        base_library.compress(folder / "_internal" / base_library.NAME)
        strip(folder)


def strip(folder: Path) -> None:
    """Take the symbol tables out. Not of the wheels' own libraries: they were changed after linking, and strip breaks
    such files; their makers have stripped them."""
    from bundling import elf

    files = [path for path in elf.programs(folder) if not path.parent.name.endswith(".libs")]
    files = [path for path in files if path.parent != folder]  # the program itself has its modules behind its end
    files = [path for path in files if not path.name.startswith("libicudata")]  # made by bundling/icu.py
    run("strip", "--strip-unneeded", *files)


def wrap_linux(asked: argparse.Namespace, folder: Path, build: Path, output: Path, version: str) -> None:
    from bundling import linux

    target = build / "tree"
    linux.tree(folder, build / "icons", target, version, ROOT)
    if asked.only != "appimage":
        package = linux.deb(target, output, version, quick=asked.quick)
        say(f"{package}, {package.stat().st_size / 1e6:.0f} MB")
    if asked.only != "deb":
        brought = json.loads((build / "system-libraries.json").read_text(encoding="utf-8"))
        linux.app_dir(target, [(name, Path(file)) for name, file in brought])
        machine = os.uname().machine
        image = linux.squashfs(target, build / f"ltxdesktop-{machine}.squashfs", quick=asked.quick)
        if asked.runtime is None:
            say(f"no --runtime: the AppImage's content is {image}, {image.stat().st_size / 1e6:.0f} MB")
            return
        done = linux.app_image(asked.runtime, image, output / f"ltxdesktop-{version}-{machine}.AppImage")
        say(f"{done}, {done.stat().st_size / 1e6:.0f} MB")


def weigh(folder: Path, asked: argparse.Namespace) -> None:
    """Say how large the folder is. On Linux, past its goal, that's where it ends: see `bundling/sizes.py`."""
    from bundling import sizes
    from bundling.linux import CannotBundle

    now, notes = sizes.parts(folder), HERE / "sizes.json"
    say(f"the program's folder: {folder}, {sum(now.values()) / 1e6:.1f} MB")
    if asked.system != "linux":
        return
    if asked.note_sizes:
        sizes.note(notes, now)
    words = sizes.complaint(now, sizes.noted(notes))
    if words and not asked.any_size:
        raise CannotBundle(words)


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)


def say(words: str) -> None:
    print(f"bundle.py: {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
