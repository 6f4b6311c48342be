"""Opens the windows of this room from the Help menu, one of each at a time; they're made when they're asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from engine.protocol.messages import JobDetail
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look

if TYPE_CHECKING:
    from ltxdesktop.diagnostics.pages import Facts


class Trust(QObject):
    """`command` tells how the engine is started; `names`: what the open project is called, and its media."""

    def __init__(
        self,
        look: Look,
        session: EngineSession,
        settings: Settings,
        state: Path,
        owner: QWidget,
        *,
        command: Callable[[], Sequence[str]],
        names: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__(owner)
        self._look, self._session, self._settings, self._state, self._owner = look, session, settings, state, owner
        self._command, self._names = command, names
        self._open: dict[str, QDialog] = {}

    def add_to(self, menu: QMenu) -> None:
        """The two entries, before what is there already."""
        before = menu.actions()[0] if menu.actions() else None
        for words, tip, call in (
            ("What &leaves this computer…", "Every host that the program may contact, and when", self.show_hosts),
            ("Save &diagnostics…", "A file for whoever looks for a fault; you see it first", self.show_diagnostics),
        ):
            action = QAction(words, menu)
            action.setToolTip(tip)
            action.triggered.connect(call)
            menu.insertAction(before, action) if before is not None else menu.addAction(action)

    def show_hosts(self) -> None:
        """Show whom the program may contact."""
        if "hosts" not in self._open:
            from ltxdesktop.ui.trust.hosts_window import HostsWindow

            window = HostsWindow(self._look, self._owner)
            window.diagnostics_requested.connect(self.show_diagnostics)
            self._keep("hosts", window)
        _raise(self._open["hosts"])

    def show_diagnostics(self) -> None:
        """Ask the engine for its jobs, then show what the bundle would hold; without an engine at once."""
        if "diagnostics" in self._open:
            _raise(self._open["diagnostics"])
        else:
            self._session.ask_details(self._show_diagnostics)

    def close(self) -> None:
        """Close what is open."""
        for window in tuple(self._open.values()):
            window.close()

    def _show_diagnostics(self, jobs: tuple[JobDetail, ...]) -> None:
        from ltxdesktop.ui.trust.diagnostics_window import DiagnosticsWindow

        if "diagnostics" not in self._open:
            self._keep("diagnostics", DiagnosticsWindow(self._command(), self._gather, jobs, self._owner))
        _raise(self._open["diagnostics"])

    def _gather(self, doctor: str, jobs: tuple[JobDetail, ...]) -> Facts:
        from ltxdesktop.diagnostics.gathering import gather

        ready = self._session.view.life == "ready" or jobs
        problem = "" if ready else f"The engine isn't there to be asked: {self._session.view.words}"
        return gather(self._settings, self._state, doctor=doctor, jobs=jobs, jobs_problem=problem, files=self._names())

    def _keep(self, name: str, window: QDialog) -> None:
        self._open[name] = window
        window.finished.connect(partial(self._forget, name))

    def _forget(self, name: str, _result: int) -> None:
        self._open.pop(name, None)


def _raise(window: QDialog) -> None:
    window.show()
    window.raise_()
    window.activateWindow()
