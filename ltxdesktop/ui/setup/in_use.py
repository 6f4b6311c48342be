"""Where settings take effect: each change goes to whoever it concerns, and what they change themselves is kept.

The theme can be switched in the top bar and the keymap chosen in its own window: both end up in the file too. The
limit for the LTX API is kept by the engine, beside what was spent; it's told whenever it has another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication

from ltxdesktop.settings.declared import (
    API_MODEL,
    BACKEND,
    BACKUPS,
    BLEND,
    CACHE_GB,
    DOWNLOAD_LIMIT,
    HANDLES,
    KEEP_TAKES,
    KEYMAP,
    MAKE_PROXIES,
    MIRROR,
    MONTHLY_LIMIT,
    OWN_KEYS,
    PLAY_ARRIVED,
    PREVIEW_SCALE,
    TAKE_FORMAT,
    THEME,
)
from ltxdesktop.settings.errors import NotSaved
from ltxdesktop.settings.kinds import Setting
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.keymaps import OURS, OWN, PREMIERE, RESOLVE, Keymap, NotAKeymap, from_text
from ltxdesktop.ui.session import EngineSession, Preference
from ltxdesktop.ui.setup.situation import paid
from ltxdesktop.ui.setup.stock import Stock
from ltxdesktop.ui.theme import DARK, LIGHT, Look, Theme

if TYPE_CHECKING:
    from ltxdesktop.jobs.storing import Codec
    from ltxdesktop.ui.editor.workspace import EditWorkspace
    from ltxdesktop.ui.prompt_panel import PromptPanel
    from ltxdesktop.ui.setup.settings_window import SettingsWindow

T = TypeVar("T")
KEYMAPS: Final = {"ltxdesktop": OURS, "premiere": PREMIERE, "resolve": RESOLVE}
SHARES: Final = {"auto": 0.0, "1": 1.0, "1/2": 0.5, "1/4": 0.25}  # of the film's own size; 0: as the monitor needs
GIGABYTE: Final = 1_000_000_000


def theme_for(choice: str, application: QGuiApplication) -> Theme:
    """The colours for a choice of theme; dark where the system has no wish."""
    light_system = application.styleHints().colorScheme() == Qt.ColorScheme.Light
    return LIGHT if choice == "light" or (choice == "system" and light_system) else DARK


class SettingsInUse(QObject):
    """Listens to `settings` until `close`."""

    failed = Signal(str)  # what was set holds but couldn't be written; words for the person

    def __init__(self, settings: Settings, look: Look, session: EngineSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self._look, self._session = look, session
        self._edit: EditWorkspace | None = None
        self._stock: Stock | None = None
        self._prompt: PromptPanel | None = None
        self._stop_listening = settings.listen(self._apply)
        self._apply(BACKEND)
        self._apply(TAKE_FORMAT)
        look.chosen.connect(self._keep_theme)
        session.capabilities_changed.connect(self._tell_limit)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)

    def join(self, edit: EditWorkspace) -> None:
        """The Edit workspace is there now: have it follow the settings."""
        self._edit = edit
        self._apply(KEYMAP)
        edit.actions_by_name.keys_changed.connect(self._keep_keymap)
        of_media, of_takes = (PREVIEW_SCALE, MAKE_PROXIES, CACHE_GB), (HANDLES, BLEND, KEEP_TAKES, PLAY_ARRIVED)
        for setting in (BACKUPS, *of_media, *of_takes, BACKEND):
            self._apply(setting)

    def guide(self, prompt: PromptPanel) -> None:
        """Have Generate's panel begin with what the person prefers."""
        self._prompt = prompt
        self._apply(BACKEND)

    def follow_downloads(self, stock: Stock) -> None:
        """Have downloads come from where, and as fast as, the person has set."""
        self._stock = stock
        self._apply(MIRROR)

    def add_lines(self, window: SettingsWindow) -> None:
        """What a window of settings shows of the Edit workspace besides settings: its cache."""
        if self._edit is not None:
            from ltxdesktop.ui.editor.cache_line import CacheLine

            window.add_line("media", CacheLine(self._edit.materials))

    def set(self, setting: Setting[T], value: T) -> None:
        """Set and keep; what can't be written is said by `failed`."""
        try:
            self.settings.set(setting, value)
        except NotSaved as exc:
            self.failed.emit(str(exc))

    def close(self) -> None:
        """Nothing is followed any more."""
        self._stop_listening()

    def _apply(self, setting: Setting[Any]) -> None:
        """Have one setting take effect; those for the next start are read there."""
        get, edit = self.settings.get, self._edit
        if setting == THEME:
            self._follow_system()
        elif setting in (BACKEND, API_MODEL):
            self._session.prefer(cast("Preference", get(BACKEND)))
            if self._prompt is not None:
                self._prompt.prefer(get(BACKEND), get(API_MODEL))
        elif setting == TAKE_FORMAT:
            self._session.take_format = cast("Codec", get(TAKE_FORMAT))
        elif setting == MONTHLY_LIMIT:
            self._send_limit()
        elif setting in (MIRROR, DOWNLOAD_LIMIT) and self._stock is not None:
            self._stock.set_downloads(get(MIRROR), get(DOWNLOAD_LIMIT))
        if edit is None:
            return
        if setting in (KEYMAP, OWN_KEYS):
            keymap = self._keymap()
            if edit.actions_by_name.keymap != keymap:
                edit.actions_by_name.use(keymap)
        elif setting == BACKUPS:
            edit.files.keep_backups(get(BACKUPS))
        elif setting == PREVIEW_SCALE:
            for monitor in (edit.source, edit.program):
                monitor.set_preview(SHARES[get(PREVIEW_SCALE)])
        elif setting == MAKE_PROXIES:
            edit.materials.stand_ins.automatic = get(MAKE_PROXIES)
        elif setting == CACHE_GB:
            edit.materials.limit_cache(round(get(CACHE_GB) * GIGABYTE))
        elif setting == KEEP_TAKES:
            edit.takes.keep_others = get(KEEP_TAKES)
        elif setting == PLAY_ARRIVED:
            edit.arriving.plays = get(PLAY_ARRIVED)
        elif setting in (HANDLES, BLEND):
            edit.make.handles, edit.loop.blend_frames = get(HANDLES), get(BLEND)
        elif setting in (BACKEND, API_MODEL):
            edit.make.prefer(get(BACKEND), get(API_MODEL))

    # The theme

    def _follow_system(self) -> None:
        application = self._look.application
        theme = theme_for(self.settings.get(THEME), application)
        if theme is not self._look.theme:
            self._look.use(theme)

    def _keep_theme(self) -> None:
        """The top bar or a key has switched it."""
        if self._look.theme is not theme_for(self.settings.get(THEME), self._look.application):
            self.set(THEME, self._look.theme.name)

    # The keymap

    def _keymap(self) -> Keymap:
        """The one that is chosen; ours as long as the person has none of their own."""
        choice = self.settings.get(KEYMAP)
        if choice != OWN:
            return KEYMAPS[choice]
        try:
            return from_text(self.settings.get(OWN_KEYS))
        except NotAKeymap:
            return OURS

    def _keep_keymap(self) -> None:
        """One was chosen, or made, in the window of shortcuts."""
        if self._edit is None or self._edit.actions_by_name.keymap == self._keymap():
            return
        chosen = self._edit.actions_by_name.keymap
        choice = next((value for value, keymap in KEYMAPS.items() if keymap == chosen), OWN)
        if choice == OWN:
            self.set(OWN_KEYS, chosen.to_text(one_line=True))
        self.set(KEYMAP, choice)

    # The limit of the paid backend

    @property
    def _limit_cents(self) -> int | None:
        return round(self.settings.get(MONTHLY_LIMIT) * 100) or None

    def _tell_limit(self) -> None:
        """The engine has said what it knows: what the person has set here goes before that."""
        backend = paid(self._session.backends)
        if backend is None or backend.spending is None or not self.settings.is_set(MONTHLY_LIMIT):
            return
        if backend.spending.limit_cents != self._limit_cents:
            self._session.limit_spending(backend.backend, self._limit_cents)

    def _send_limit(self) -> None:
        backend = paid(self._session.backends)
        if backend is not None and backend.spending is not None:
            self._session.limit_spending(backend.backend, self._limit_cents)
