"""Opens the set-up page, the window of models and that of settings, one of each, and lets one lead to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from engine.protocol.packages import Errand
from ltxdesktop.settings.declared import MONTHLY_LIMIT
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup.in_use import SettingsInUse
from ltxdesktop.ui.setup.stock import Stock
from ltxdesktop.ui.theme import Look

if TYPE_CHECKING:
    from ltxdesktop.ui.setup.licences_window import LicencesWindow
    from ltxdesktop.ui.setup.models_window import ModelsWindow
    from ltxdesktop.ui.setup.settings_window import SettingsWindow
    from ltxdesktop.ui.setup.setup_window import SetupWindow


class SetUp(QObject):
    """The windows, made when they're asked for: a start needs none of them."""

    said = Signal(str)  # for the status bar
    restart_requested = Signal()  # the engine is to be started with a key or token that is for this session only
    models_moved = Signal(str)  # the folder in which they are now: the engine has to be started with it

    def __init__(
        self,
        look: Look,
        session: EngineSession,
        in_use: SettingsInUse,
        background: Background,
        owner: QWidget,
        *,
        elsewhere: bool,
    ) -> None:
        super().__init__(owner)
        self._look, self._session, self._in_use, self._owner = look, session, in_use, owner
        self._background, self._elsewhere = background, elsewhere
        self.stock = Stock(session, self)
        self.stock.moved.connect(self.models_moved)
        self.stock.ended.connect(self._tell_end)
        in_use.follow_downloads(self.stock)
        self.page: SetupWindow | None = None
        self.models: ModelsWindow | None = None
        self.settings: SettingsWindow | None = None
        self.licences: LicencesWindow | None = None

    def show_page(self) -> None:
        """Show what works here and what would unlock more."""
        if self.page is None:
            from ltxdesktop.ui.setup.setup_window import SetupWindow

            self.page = SetupWindow(
                self._look, self._session, self.stock, self._background, self._owner, elsewhere=self._elsewhere
            )
            self.page.models_requested.connect(self.show_models)
            self.page.get_requested.connect(self.get)
            self.page.limit_chosen.connect(self._limit)
            self.page.restart_requested.connect(self.restart_requested)
            self.page.finished.connect(self._forget_page)
        _raise(self.page)

    def show_models(self) -> None:
        """Show what can be had, what is here, and what is coming."""
        if self.models is None:
            from ltxdesktop.ui.setup.models_window import ModelsWindow

            self.models = ModelsWindow(self._look, self.stock, self._background, self._owner, elsewhere=self._elsewhere)
            self.models.restart_requested.connect(self.restart_requested)
            self.models.finished.connect(self._forget_models)
        _raise(self.models)

    def get(self, package: str) -> None:
        """Show what a download of this would bring, before the list of all there is."""
        self.show_models()
        assert self.models is not None
        self.models.get(package)

    def show_licences(self) -> None:
        """Show the texts of all licences."""
        if self.licences is None:
            from ltxdesktop.ui.setup.licences_window import LicencesWindow

            self.licences = LicencesWindow(self.stock, self._owner)
            self.licences.finished.connect(self._forget_licences)
        _raise(self.licences)

    def show_settings(self, search: str = "") -> None:
        """Show the settings that these words find; all of them for none."""
        if self.settings is None:
            from ltxdesktop.ui.setup.settings_window import SettingsWindow

            self.settings = SettingsWindow(self._look, self._in_use.settings, self._owner, search=search)
            self.settings.finished.connect(self._forget_settings)
            self._in_use.add_lines(self.settings)
        elif search:
            self.settings.search.setText(search)
        _raise(self.settings)

    def close(self) -> None:
        """Close what is open."""
        for window in (self.page, self.models, self.settings, self.licences):
            if window is not None:
                window.close()
        self.stock.close()

    def _tell_end(self, errand: Errand) -> None:
        """Downloads take hours: whoever waits for one may be at work elsewhere."""
        if errand.kind == "download" and errand.state != "cancelled":
            self.said.emit(errand.message)

    def _limit(self, dollars: float) -> None:
        self._in_use.set(MONTHLY_LIMIT, dollars)

    def _forget_page(self) -> None:
        self.page = None

    def _forget_models(self) -> None:
        self.models = None

    def _forget_settings(self) -> None:
        self.settings = None

    def _forget_licences(self) -> None:
        self.licences = None


def _raise(window: QDialog) -> None:
    window.show()
    window.raise_()
    window.activateWindow()
