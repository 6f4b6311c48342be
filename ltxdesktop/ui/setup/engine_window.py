"""The dialog that installs the engine of a bundle: what it's for, which one suits this machine, and one button.

It runs the program's own `engine install` as a process and shows the lines of its progress: what is stopped, fails or
is killed there is gone on with later. Not here: the installation itself (`ltxdesktop/pack`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QProcess, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.pack.devices import Suggestion, suggest
from ltxdesktop.pack.recipe import Variant, devices
from ltxdesktop.resources import BUNDLED
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.parts import Panel, ThinBar, label, wrapped
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import gigabytes

_NAMES: Final = {
    "cuda": "NVIDIA card (CUDA)",
    "mps": "Apple silicon (Metal)",
    "rocm": "AMD card (ROCm, experimental)",
    "cpu": "Processor only",
}
_END_MS: Final = 30_000  # for tidying up after itself; nobody waits for it
_KEPT_LETTERS: Final = 20_000  # of what it says on standard error


def own_words() -> list[str]:
    """How this program is started."""
    return [sys.executable] if BUNDLED else [sys.executable, "-m", "ltxdesktop"]


class EngineWindow(QDialog):
    """Made when it's asked for, gone when it's closed; closing it stops what runs."""

    installed = Signal()

    def __init__(
        self,
        look: Look,
        why: str,
        parent: QWidget | None = None,
        *,
        words: list[str] | None = None,
        find: Callable[[], Suggestion] = suggest,
    ) -> None:
        """`why` says what is missing now. `words` start the program, `find` looks for the best device."""
        super().__init__(parent)
        self.setWindowTitle("Install the engine")
        self.setMinimumWidth(560)
        self._words, self._look = words or own_words(), look
        self._process: QProcess | None = None
        self._said, self._lines = "", b""
        self._done = False
        self._background = Background(parent=self)
        self._build(why)
        self._show_state()
        self._background.run(find, self._take_suggestion, self._take_no_suggestion)

    # Building

    def _build(self, why: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        panel = Panel("The engine makes pictures and sound")
        words = label(
            "It's installed once, apart from this program, because it differs by graphics card. Its parts come from "
            "PyPI, pytorch.org and GitHub, are checked against the list that came with this program, and go into your "
            "data folder. Cutting, playing and exporting films works without it."
        )
        words.setWordWrap(True)
        panel.body.addWidget(words)
        self._why = wrapped("note")
        self._why.setText(why)
        self._why.setVisible(bool(why))
        panel.body.addWidget(self._why)
        column.addWidget(panel)
        column.addWidget(self._build_choice())
        column.addLayout(self._build_progress())
        column.addLayout(self._build_foot())

    def _build_choice(self) -> Panel:
        panel = Panel("What it will run on")
        self._choice = QButtonGroup(self)
        for device in sorted(devices(), key=list(_NAMES).index):
            button = QRadioButton(f"{_NAMES[device]}  ·  {gigabytes(needed_bytes(device))}")
            button.setProperty("device", device)
            button.setToolTip("The disk that it takes at most, while it's being installed")
            self._choice.addButton(button)
            panel.body.addWidget(button)
        self._reason = wrapped("hint")
        self._reason.setText("Looking at this machine…")
        self._reason.show()
        panel.body.addWidget(self._reason)
        return panel

    def _build_progress(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        self._bar = ThinBar("Progress of the step")
        self._step = label("", "hint")
        self._step.setFont(figures(self._step.font()))
        self._step.setAccessibleName("What is done now")
        self._problem = wrapped("problem")
        self._problem.setAccessibleName("Problem")
        for each in (self._bar, self._step, self._problem):
            column.addWidget(each)
        return column

    def _build_foot(self) -> QHBoxLayout:
        self._folder_button = self._button(
            "From a folder…", "Install from a folder of packages that was brought here: no network is used"
        )
        self._folder_button.clicked.connect(self._ask_for_folder)
        self._later = self._button("Later", "It can be installed at any time: Engine › Install the engine… (Esc)")
        self._later.clicked.connect(self._leave)
        self._install = self._button("Install", "Fetch and install the engine (Return)")
        self._install.setObjectName("primary")
        self._install.setDefault(True)
        self._install.clicked.connect(self._begin)
        row = QHBoxLayout()
        row.addWidget(self._folder_button)
        row.addStretch(1)
        row.addWidget(self._later)
        row.addWidget(self._install)
        return row

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setAccessibleName(words)
        return button

    # What suits this machine

    def _take_suggestion(self, found: Suggestion) -> None:
        self._choose(found.variant)
        self._reason.setText(found.reason)

    def _take_no_suggestion(self, problem: Exception) -> None:
        self._choose(Variant("cpu", ""))
        self._reason.setText(f"This machine's graphics card can't be told: {problem}")

    def _choose(self, variant: Variant) -> None:
        if self._choice.checkedButton() is None:  # a person may have been quicker
            for button in self._choice.buttons():
                button.setChecked(button.property("device") == variant.device)
        self._show_state()

    @property
    def device(self) -> str:
        """The one to install for; "auto" until it's known."""
        button = self._choice.checkedButton()
        return str(button.property("device")) if button is not None else "auto"

    # Installing

    def _begin(self) -> None:
        self._start([])

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder with the engine's packages")
        if folder:
            self._start(["--wheels", str(Path(folder))])

    def _start(self, more: list[str]) -> None:
        if self._process is not None:
            return
        self._said, self._lines, self._done = "", b"", False
        self._problem.hide()
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read_steps)
        process.readyReadStandardError.connect(self._read_words)
        process.finished.connect(self._take_end)
        process.errorOccurred.connect(self._take_error)
        self._process = process
        words = [*self._words, "engine", "install", "--lines", "--device", self.device, *more]
        self._step.setText("Beginning")
        process.start(words[0], words[1:])
        self._show_state()

    def _read_steps(self) -> None:
        if self._process is None:
            return
        self._lines += bytes(self._process.readAllStandardOutput().data())
        *whole, self._lines = self._lines.split(b"\n")
        for line in whole:
            try:
                step = json.loads(line)
                self._show_step(str(step["words"]), int(step["there"]), int(step["whole"]))
            except (ValueError, KeyError, TypeError):  # a library may print too
                continue

    def _show_step(self, words: str, there: int, whole: int) -> None:
        self._bar.show_share(there / whole if whole else None)
        self._step.setText(f"{words}  ·  {there / 1e6:.0f} of {whole / 1e6:.0f} MB" if whole else words)

    def _read_words(self) -> None:
        if self._process is not None:
            said = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self._said = (self._said + said)[-_KEPT_LETTERS:]

    def _take_end(self, status: int, _how: QProcess.ExitStatus) -> None:
        self._read_steps()
        self._read_words()
        self._forget()
        if status == 0:
            self._done = True
            self._step.setText("The engine is installed.")
            self._show_state()
            self.installed.emit()
        else:
            self._fail(self._last_words() or f"The installation ended with status {status}.")

    def _take_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            words = self._process.errorString()
            self._forget()
            self._fail(f"The installation can't be started: {words}")

    def _last_words(self) -> str:
        lines = [line for line in self._said.splitlines() if line.startswith("ltxdesktop: ")]
        return lines[-1].removeprefix("ltxdesktop: ") if lines else ""

    def _fail(self, words: str) -> None:
        self._step.setText("")
        self._problem.setText(words)
        self._problem.setToolTip(self._said[-2000:])
        self._problem.show()
        self._show_state()

    def _forget(self) -> None:
        if self._process is not None:
            self._process.deleteLater()
            self._process = None

    def _show_state(self) -> None:
        running = self._process is not None
        self._bar.setVisible(running)
        self._step.setVisible(bool(self._step.text()))
        self._install.setVisible(not self._done)
        self._install.setEnabled(not running)
        self._install.setText("Try again" if not self._problem.isHidden() else "Install")
        self._folder_button.setVisible(not self._done)
        self._folder_button.setEnabled(not running)
        for button in self._choice.buttons():
            button.setEnabled(not running and not self._done)
        self._later.setText("Stop" if running else "Close" if self._done else "Later")

    # Ending

    def stop(self) -> None:
        """End a running installation: it cleans up behind itself, or is made to end."""
        process = self._process
        if process is None:
            return
        self._process = None
        process.readyReadStandardOutput.disconnect(self._read_steps)
        process.readyReadStandardError.disconnect(self._read_words)
        process.finished.disconnect(self._take_end)
        process.errorOccurred.disconnect(self._take_error)
        process.setParent(QCoreApplication.instance())  # the window may be gone sooner
        process.finished.connect(process.deleteLater)
        QTimer.singleShot(_END_MS, process, process.kill)
        process.terminate()
        self._step.setText("Stopped. What was fetched is kept for the next time.")
        self._show_state()

    def _leave(self) -> None:
        if self._process is not None:
            self.stop()
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.stop()
        self._background.let_go()
        event.accept()
        self.deleteLater()

    def reject(self) -> None:
        self.close()


def needed_bytes(device: str) -> int:
    """Bytes of disk that an installation for a device takes at its highest."""
    return Variant(device, "").needed_bytes
