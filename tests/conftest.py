"""What every test gets: a private screen, private folders, no network, and a check that nothing is left running.

Nothing here starts Qt or imports torch: tests that need neither stay fast.
"""

from __future__ import annotations

import gc
import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as property_settings

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SCREEN = "1920x1200x24"
PATIENCE_MS = 300_000  # for what a test waits for: it comes at once, or much later where many share two cores
GRACE_S = 120  # how long something that was told to stop may take to be gone
ALL_EVERY = 10  # tests: then cycles among what has lived longer are collected too
LONG_S = 0.05  # of collecting: what torch and its like bring takes a quarter of a second

OUR_LOGGERS = ("engine", "ltxdesktop")


# Properties: each run has the same examples, however long they take. For new ones: --hypothesis-profile=explore ------

CALM: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
property_settings.register_profile("explore", **CALM)
property_settings.register_profile("house", derandomize=True, **CALM)
property_settings.load_profile("house")


# Cycles --------------------------------------------------------------------------------------------------------------


def pytest_collection_finish() -> None:
    """From here on Python collects no cycles of itself; the tests and their modules, which stay, are set aside.

    It would do so on whichever thread allocates, and deleting a QObject on another thread than its own can stand for
    ever (ltxdesktop/ui/collecting.py). On the GUI thread it would take most of a second, late in a run, from a test
    that watches how long that thread is held.
    """
    gc.disable()
    gc.freeze()


@pytest.fixture(autouse=True)
def collected_between_tests() -> Iterator[None]:
    """What a test has left in cycles goes after it, on the main thread. A library that it has imported is set aside."""
    yield
    began = time.thread_time()
    gc.collect(2 if gc.get_count()[2] >= ALL_EVERY else 1)
    if time.thread_time() - began > LONG_S:
        gc.freeze()


# A private screen ----------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Give this process (each worker of xdist is one) private folders and, on Linux, an X server of its own.

    A developer's desktop never flickers, and two workers never fight over the focus. Without Xvfb Qt draws off screen.
    """
    folders = tempfile.mkdtemp(prefix="ltxdesktop-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folders, ignore_errors=True))
    for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
        os.environ[f"XDG_{kind}_HOME"] = str(Path(folders, kind.lower()))
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    os.environ["QT_SCALE_FACTOR"] = "1"
    is_controller = bool(config.getoption("numprocesses", None))  # of xdist's workers; runs no tests itself
    if sys.platform.startswith("linux") and not is_controller:
        _start_screen(config)


def _start_screen(config: pytest.Config) -> None:
    os.environ.pop("WAYLAND_DISPLAY", None)
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return
    read_end, write_end = os.pipe()
    screen = subprocess.Popen(
        [xvfb, "-displayfd", str(write_end), "-screen", "0", SCREEN, "-nolisten", "tcp", "-dpi", "96"],
        pass_fds=(write_end,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as number:
        display = number.readline().strip()
    if not display:
        raise pytest.UsageError(f"Xvfb ended with status {screen.wait()} before it had a screen")

    def stop() -> None:
        screen.terminate()
        screen.wait(GRACE_S)

    config.add_cleanup(stop)
    os.environ["DISPLAY"] = f":{display}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"


# Patience ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> Any:
    """pytest-qt's, whose waits last five minutes and not five seconds: how busy a machine is, no test is to tell."""
    from pytestqt.qtbot import QtBot

    bot = QtBot(request)
    for name in ("waitUntil", "waitSignal", "waitSignals", "waitCallback", "waitActive", "waitExposed"):
        setattr(bot, name, partial(getattr(bot, name), timeout=PATIENCE_MS))
    return bot


# Markers -------------------------------------------------------------------------------------------------------------


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and (reason := _why_no_gpu()):
        pytest.skip(reason)
    if item.get_closest_marker("weights") and not os.environ.get("LTX_WEIGHTS"):
        pytest.skip("needs the official LTX-2.3 files: set LTX_WEIGHTS to their folder")


def _why_no_gpu() -> str:
    if importlib.util.find_spec("torch") is None:
        return "needs torch, which is not installed"
    import torch

    return "" if torch.cuda.is_available() else "needs a CUDA device, there is none here"


@pytest.fixture
def golden() -> Path:
    """The folder of the golden reference values."""
    return GOLDEN


# Guards, on for every test -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections leave this machine only by mistake: refuse them at once, with the address."""
    connect = socket.socket.connect

    def connect_here_only(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1", "localhost")):
            raise AssertionError(f"a test tried to reach {address[0]}:{address[1]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here_only)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """A test that leaves a thread or a child process behind fails, by name. What is ending gets a moment for it."""
    threads_before = set(threading.enumerate())
    children_before = {child.pid for child in psutil.Process().children()}
    yield
    for thread in set(threading.enumerate()) - threads_before:
        if not _belongs_to_tools(thread):
            thread.join(GRACE_S)
    left = [
        thread.name
        for thread in set(threading.enumerate()) - threads_before
        if thread.is_alive() and not _belongs_to_tools(thread)
    ]
    assert not left, f"threads left running: {', '.join(left)}"

    children = [child for child in psutil.Process().children() if child.pid not in children_before]
    _, alive = psutil.wait_procs(children, timeout=GRACE_S) if children else ([], [])
    named = [f"{child.pid} {_command_of(child)}" for child in alive if "resource_tracker" not in _command_of(child)]
    for child in alive:
        child.kill()
    assert not named, "child processes left running: " + "; ".join(named)


def _belongs_to_tools(thread: threading.Thread) -> bool:
    """tqdm's monitor lives as long as the process; pytest-timeout's timer ends with the test's report."""
    return type(thread).__name__ == "TMonitor" or thread.name.startswith("pytest_timeout")


def _command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:200]
    except psutil.Error:
        return "?"


@pytest.fixture(autouse=True)
def no_unexpected_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """A warning or error that our code logs fails the test, unless the test reads the log itself (`caplog`)."""
    if "caplog" in request.fixturenames:
        yield
        return
    kept = _Kept(logging.WARNING)
    loggers = [logging.getLogger(name) for name in OUR_LOGGERS]
    for logger in loggers:
        logger.addHandler(kept)
    yield
    for logger in loggers:
        logger.removeHandler(kept)
    assert not kept.lines, "logged without being expected (a test that expects it asks for caplog):\n" + "\n".join(
        kept.lines
    )


class _Kept(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_window_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where a test uses Qt, no window stays visible and no timer of the application keeps ticking afterwards."""
    yield
    if "qapp" not in request.fixturenames:
        return
    from PySide6.QtCore import QCoreApplication, QTimer
    from PySide6.QtWidgets import QApplication

    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    application = QCoreApplication.instance()
    timers = [timer for timer in application.findChildren(QTimer) if timer.isActive()] if application else []
    for each in windows:
        each.hide()  # only this test fails for it, not all that follow
    for timer in timers:
        timer.stop()
    assert not windows, f"windows left open: {', '.join(type(each).__name__ for each in windows)}"
    assert not timers, f"{len(timers)} timers of the application left running"
