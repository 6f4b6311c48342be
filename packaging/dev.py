#!/usr/bin/env python3
"""Sets the project up on this machine and runs it: `python3 packaging/dev.py app` or `… test`.

Needs nothing but Python 3.11 or newer: only the standard library is imported here, and the syntax stays readable for
older Pythons so that they can say what is missing. What is installed is decided by `requirements.lock` beside this
file, never here. Every step says what it does, is skipped when nothing changed, and fails with one clear sentence.

    app    set up, then start the window; without a screen, run the main job and print the path of its film
    test   set up, then run every check and every test (further words go to pytest)
    lint   set up, then only lint, format, types and import contracts
    bench  set up, then every benchmark (or those named), one JSON line each
    setup  set up only

`app --no-engine` and `setup --no-engine` leave out torch and all that only the engine needs: the window then works with
an engine on another machine (`app --no-engine --engine 'ssh HOST ltx-engine --stdio'`).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMPS = VENV / "installed"  # one file per part: the hash of what was installed for it

WINDOW_SECTIONS = ("build", "app")
APP_SECTIONS = (*WINDOW_SECTIONS, "engine", "torch")
TEST_SECTIONS = (*APP_SECTIONS, "test")
BUNDLE_SECTIONS = ("build", "app", "engine", "bundle")  # packaging/bundle.py; [engine] has what PyInstaller needs too
UNHASHED = {"torch"}  # its build depends on the machine (CPU, CUDA, Metal), see the lock's header

# 7 GB covers the largest case, torch with CUDA; the CPU build with everything else takes 2 GB.
DISK_NEEDED_BYTES = 3_000_000_000

# Library that Qt's xcb plugin or sounddevice loads -> Debian package that brings it. Read off with ldd over
# PySide6 6.11.3's libqxcb.so, libQt6Gui.so.6 and libQt6XcbQpa.so.6.
SYSTEM_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libportaudio.so.2": "libportaudio2",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
# What pip says that a person wants to read while waiting; the rest is kept for when it fails.
TOLD = ("Collecting", "Processing", "Downloading", "Building", "ERROR", "error", "Successfully")
TEST_PROGRAMS = {"Xvfb": "xvfb"}  # a screen in memory for the tests
# Real windows and processes meet a machine's worst moments. What passes only then is counted and shown: README, Tests.
SECOND_TRY = ("--reruns", "1", "--max-suite-reruns", "3", "--rerun-show-tracebacks")


class SetUpError(Exception):
    """Something is missing that this script cannot provide; the message says what, and what to do."""


def main(words: list[str]) -> int:
    sys.stdout.reconfigure(line_buffering=True)  # our lines and those of the programs we start stay in order
    command, rest = (words[0], words[1:]) if words else ("", [])
    commands = {"app": run_app, "test": run_tests, "lint": run_lint, "bench": run_benchmarks, "setup": run_setup}
    if command not in commands:
        print(__doc__.strip())
        return 0 if command in {"-h", "--help", "help"} else 2
    try:
        return commands[command](rest)
    except SetUpError as exc:
        print(f"\ndev.py: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# Commands ------------------------------------------------------------------------------------------------------------


def run_app(words: list[str]) -> int:
    screen = has_screen()
    whole, words = take_option(words, "--no-engine")
    set_up(APP_SECTIONS if whole else WINDOW_SECTIONS, window=screen)
    if screen:
        return run([PYTHON, "-m", "ltxdesktop", *words], LTXDESKTOP_WATCHDOG="1")  # says where the window was held
    say("no screen here: running the main job without a window")
    return run([PYTHON, "-m", "ltxdesktop", "make", *words])


def run_tests(words: list[str]) -> int:
    set_up(TEST_SECTIONS, window=True, programs=TEST_PROGRAMS)
    # Two processes, because the tests are built for two cores, each with one arithmetic thread: torch's own threads
    # would fight over the same cores. pytest's last line is the summary that CI reads, so nothing is printed after it.
    workers = [] if any(word.startswith("-n") for word in words) else ["-n", str(min(os.cpu_count() or 1, 4))]
    return run([PYTHON, "-m", "pytest", *workers, *SECOND_TRY, *words], OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")


def run_lint(_: list[str]) -> int:
    set_up(TEST_SECTIONS, window=False)
    checks = (["ruff", "check"], ["ruff", "format", "--check"], ["basedpyright"], ["lint-imports", "--no-cache"])
    return max(run([PYTHON.parent / check[0], *check[1:]]) for check in checks)


def run_benchmarks(words: list[str]) -> int:
    set_up(TEST_SECTIONS, window=False)
    scripts = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if not path.name.startswith("_"))
    wanted = [path for path in scripts if not words or path.stem in words]
    if not wanted:
        raise SetUpError("no such benchmark; there are: " + ", ".join(path.stem for path in scripts))
    return max(run([PYTHON, script]) for script in wanted)


def run_setup(words: list[str]) -> int:
    whole, _ = take_option(words, "--no-engine")
    if whole:
        set_up(TEST_SECTIONS, window=True, programs=TEST_PROGRAMS)
    else:
        set_up(WINDOW_SECTIONS, window=True)
    say("ready")
    return 0


# Set-up --------------------------------------------------------------------------------------------------------------


def set_up(sections: tuple[str, ...], *, window: bool, programs: dict[str, str] | None = None) -> None:
    """Bring the machine to where `sections` of the lock are installed and the package itself is importable."""
    check_python()
    if sys.platform.startswith("linux"):
        provide_system_packages(window=window, programs=programs or {})
    make_venv()
    locked = read_lock(LOCK.read_text(encoding="utf-8"))
    for section in sections:
        install_once(section, locked[section], lambda name=section, text=locked[section]: install_locked(name, text))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    install_once("project", project, install_project)


def check_python() -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    names = ("python3.%d" % minor for minor in range(20, OLDEST_PYTHON[1] - 1, -1))  # noqa: UP031
    newer = next((name for name in names if shutil.which(name)), None)
    hint = f"run it with {newer}" if newer else "install one from python.org or your system's packages"
    raise SetUpError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: {hint}")


def make_venv() -> None:
    if PYTHON.exists():
        version = subprocess.run(
            [str(PYTHON), "-c", "import sys; print(sys.version_info[:2] >= (3, 11))"], capture_output=True, text=True
        )
        if version.stdout.strip() == "True":
            return
        say(f"{VENV} does not work with this Python any more: making it again")
        shutil.rmtree(VENV)
    say(f"making the virtual environment {VENV}")
    try:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    except subprocess.CalledProcessError as exc:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetUpError(f"the virtual environment could not be made with {sys.executable}, see above") from exc
    except OSError as exc:
        raise SetUpError(f"the virtual environment could not be made: {exc}") from exc


def read_lock(text: str) -> dict[str, str]:
    """Section name -> its requirement lines. A section starts with a line `# [name]` and ends at the next."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("# [") and line.endswith("]"):
            lines = sections.setdefault(line[3:-1], [])
        elif not line.startswith("#"):
            lines.append(line)
    return {name: "\n".join(lines).strip() + "\n" for name, lines in sections.items()}


def install_once(part: str, content: str, install: object) -> None:
    """Call `install` unless the stamp says that exactly `content` was installed for `part` before."""
    stamp = STAMPS / part
    wanted = hashlib.sha256(content.encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    install()
    STAMPS.mkdir(exist_ok=True)
    stamp.write_text(wanted, encoding="utf-8")


def install_locked(section: str, requirements: str) -> None:
    say(f"installing the locked packages of [{section}]")
    check_disk()
    hint_at_cpu_torch(section)
    options = [] if section in UNHASHED else ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{section}.txt"
        file.write_text(requirements, encoding="utf-8")
        pip("install", *options, "--requirement", str(file))


def install_project() -> None:
    say("installing ltxdesktop itself (editable)")
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def check_disk() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < DISK_NEEDED_BYTES:
        raise SetUpError(
            f"the disk of {ROOT} has {free / 1e9:.1f} GB free, the packages need about {DISK_NEEDED_BYTES / 1e9:.0f}"
        )


def hint_at_cpu_torch(section: str) -> None:
    if section == "torch" and sys.platform.startswith("linux") and not Path("/dev/nvidiactl").exists():
        say(
            "no NVIDIA device here: if pip starts to fetch CUDA packages, stop it and run again with\n"
            "    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"
        )


def pip(*words: str) -> None:
    """Run the environment's pip, show its lines without the noise, and turn its failure into a sentence."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *words, "--progress-bar", "off"]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout:
            said.append(line)
            if line.strip().startswith(TOLD):
                print("  " + line, end="")
    if process.returncode:
        print("".join(said[-30:]))
        raise SetUpError(why_pip_failed("".join(said)))


def why_pip_failed(said: str) -> str:
    if "No space left on device" in said:
        return f"the disk is full (packages go to {VENV}, temporary files to {tempfile.gettempdir()})"
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in said:
        return "a downloaded package is not the one that was locked: see pip's lines above, and do not install it"
    network = ("NewConnectionError", "NameResolutionError", "Temporary failure in name", "ReadTimeout", "ProxyError")
    if any(sign in said for sign in network):
        return "the package index could not be reached: check the network or pip's proxy settings, then run this again"
    if "No matching distribution found" in said:
        version = ".".join(map(str, sys.version_info[:2]))
        return f"no ready-made package for Python {version} on this system: see pip's lines above"
    return "pip failed: see its lines above"


# System packages (Linux) ---------------------------------------------------------------------------------------------


def provide_system_packages(*, window: bool, programs: dict[str, str]) -> None:
    """Install what is missing with apt-get when root; else name the line to run, and stop if we cannot go on.

    Only a missing program (Xvfb) can be done without: the tests then draw off screen.
    """
    libraries = {name: package for name, package in SYSTEM_LIBRARIES.items() if window and not loads(name)}
    absent = {name: package for name, package in programs.items() if not shutil.which(name)}
    venv = {} if has_ensurepip() else {"venv": f"python3.{sys.version_info[1]}-venv"}
    missing = {**libraries, **absent, **venv}
    if not missing:
        return
    packages = sorted(set(missing.values()))
    say("missing on this system: " + ", ".join(sorted(missing)))
    if shutil.which("apt-get") and os.geteuid() == 0:
        apt_install(packages)
        still = [name for name in libraries if not loads(name)]
        if still:
            raise SetUpError(f"installed {' '.join(packages)}, but {', '.join(still)} still cannot be loaded")
        return
    line = "sudo apt-get update && sudo apt-get install -y " + " ".join(packages)
    todo = f"please run:\n    {line}" if shutil.which("apt-get") else f"Debian calls it: {' '.join(packages)}"
    if libraries or venv:
        raise SetUpError(f"system packages are missing and only root can install them; {todo}")
    say(f"going on without {', '.join(absent)} (tests draw off screen); {todo}")


def apt_install(packages: list[str]) -> None:
    say("installing with apt-get: " + " ".join(packages))
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", "-q", *words], env=quiet, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout + done.stderr)
            raise SetUpError(f"apt-get {words[0]} failed, see above; needed are: {' '.join(packages)}")


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_ensurepip() -> bool:
    """Whether `python -m venv` can put pip into a new environment (Debian splits this off)."""
    if PYTHON.exists():
        return True
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return False
    return True


# Small things --------------------------------------------------------------------------------------------------------


def has_screen() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def take_option(words: list[str], option: str) -> tuple[bool, list[str]]:
    """Whether the option is absent, and the words without it."""
    return option not in words, [word for word in words if word != option]


def run(command: list[object], **environment: str) -> int:
    return subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, **environment}).returncode


def say(text: str) -> None:
    print(f"dev.py: {text}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
