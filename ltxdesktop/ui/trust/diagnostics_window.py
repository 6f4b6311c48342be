"""The window “Diagnostics”: every file of the bundle as it will be saved, before it is; and what may stay in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QProcess, Qt
from PySide6.QtGui import QCloseEvent, QFontDatabase
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.messages import JobDetail
from ltxdesktop.diagnostics.gathering import NO_ENGINE, doctor_command
from ltxdesktop.diagnostics.pages import Facts, Page, pages_of, save
from ltxdesktop.ui.parts import label

SUGGESTED_NAME = "ltxdesktop-diagnostics.zip"
WAITING = "Looking at the machine; this takes some seconds…"

Gather = Callable[[str, tuple[JobDetail, ...]], Facts]  # what doctor said, and the jobs


class DiagnosticsWindow(QDialog):
    """Asks doctor in a process of its own, which ends with the window."""

    def __init__(
        self, command: Sequence[str], gather: Gather, jobs: tuple[JobDetail, ...], parent: QWidget | None = None
    ) -> None:
        """`command` starts the engine; empty where there is none."""
        super().__init__(parent)
        self.setWindowTitle("Diagnostics")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 620)
        self._gather, self._jobs = gather, jobs
        self._doctor_said = WAITING
        self.pages: tuple[Page, ...] = ()
        self._process: QProcess | None = QProcess(self)
        self._build()
        self._show_facts()
        asked = doctor_command(command)
        if asked:
            self._process.finished.connect(self._take_doctor)
            self._process.errorOccurred.connect(self._take_error)
            self._said.setText(WAITING)
            self._process.start(asked[0], asked[1:])
        else:
            self._finish(NO_ENGINE)

    @property
    def ready(self) -> bool:
        """Whether everything is there, and can be saved."""
        return self._save.isEnabled()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(10)
        words = label(
            "This is all that the file will hold, as it will be saved. It goes where you put it, and is sent nowhere. "
            "Keys, tokens, your name, your home folder and the machine's name are taken out."
        )
        words.setWordWrap(True)
        column.addWidget(words)
        self._list = QListWidget()
        self._list.setFixedWidth(150)
        self._list.setAccessibleName("Files")
        self._list.setToolTip("The files in the zip (up and down)")
        self._list.currentRowChanged.connect(self._show_page)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._text.setAccessibleName("Content of the file")
        row = QHBoxLayout()
        row.addWidget(self._list)
        row.addWidget(self._text, 1)
        column.addLayout(row, 1)
        self._prompts = QCheckBox("Leave prompts in")
        self._prompts.setToolTip("What you wrote for your jobs; otherwise only how long it was")
        self._names = QCheckBox("Leave names of files in")
        self._names.setToolTip("Names of footage, projects and folders; otherwise only their endings")
        for each in (self._prompts, self._names):
            each.toggled.connect(self._show_facts)
            column.addWidget(each)
        column.addLayout(self._build_foot())

    def _build_foot(self) -> QHBoxLayout:
        self._said = label("", "hint")
        self._said.setAccessibleName("State")
        ends = QDialogButtonBox()
        self._save = ends.addButton("Save…", QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setObjectName("primary")
        self._save.setToolTip("Choose where the zip goes (Return)")
        self._save.setEnabled(False)
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("Close without saving (Esc)")
        ends.accepted.connect(self._choose)
        ends.rejected.connect(self.close)
        foot = QHBoxLayout()
        foot.addWidget(self._said, 1)
        foot.addWidget(ends)
        return foot

    # What comes in

    def _take_doctor(self) -> None:
        if self._process is None:
            return
        said = bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")
        errors = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._finish(said or errors[-4000:])

    def _take_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._finish(f"It couldn't be asked: {self._process.errorString()}")

    def _finish(self, said: str) -> None:
        self._doctor_said = said
        self._said.clear()
        self._show_facts()
        self._save.setEnabled(True)
        self._save.setFocus()

    # What is shown

    def _show_facts(self) -> None:
        facts = self._gather(self._doctor_said, self._jobs)
        self.pages = pages_of(facts, words=self._prompts.isChecked(), names=self._names.isChecked())
        row = max(0, self._list.currentRow())
        if self._list.count() != len(self.pages):
            self._list.clear()
            self._list.addItems([page.name for page in self.pages])
        self._list.setCurrentRow(row)
        self._show_page(row)

    def _show_page(self, row: int) -> None:
        if 0 <= row < len(self.pages):
            self._text.setPlainText(self.pages[row].text)

    def _choose(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save diagnostics", str(Path.home() / SUGGESTED_NAME), "Archive (*.zip)"
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the zip, and say whether that went well."""
        try:
            save(self.pages, path)
        except OSError as exc:
            self._said.setText(f"It can't be written there: {exc.strerror}.")
        else:
            self._said.setText(f"Saved as {path.name}.")

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    def done(self, result: int) -> None:
        self._end()
        super().done(result)

    def _end(self) -> None:
        process, self._process = self._process, None  # Qt's closing calls this twice
        if process is not None and process.state() != QProcess.ProcessState.NotRunning:
            process.finished.disconnect(self._take_doctor)
            process.errorOccurred.disconnect(self._take_error)
            process.setParent(QCoreApplication.instance())  # the window is gone sooner, and waits for nothing
            process.finished.connect(process.deleteLater)
            process.kill()
