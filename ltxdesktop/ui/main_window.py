"""The main window: its workspaces, its menus, its beginning and end. No feature of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document.model import ItemId
from ltxdesktop.resources import BUNDLED, samples
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.actions import native
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.banner import Banner
from ltxdesktop.ui.commands import BY_NAME
from ltxdesktop.ui.deliver.waiting import exports_wait
from ltxdesktop.ui.generate import GenerateWorkspace
from ltxdesktop.ui.memories import Memories
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.prompt_panel import DRAFT_KEY, ENHANCE_KEY, GENERATE_KEY
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup.in_use import SettingsInUse
from ltxdesktop.ui.setup.windows import SetUp
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.top_bar import TopBar

if TYPE_CHECKING:
    from ltxdesktop.ui.deliver.workspace import DeliverWorkspace
    from ltxdesktop.ui.editor.workspace import EditWorkspace

WINDOW_GEOMETRY = "window/geometry"
WORKSPACE = "window/workspace"
FIRST_SIZE = QSize(1440, 900)
TITLE_BAR_PX = 40  # what a window manager adds, or nearly
THEME_KEY = BY_NAME["view.theme"].keys[0]
WORKSPACES = [("generate", "Generate"), ("edit", "Edit"), ("deliver", "Deliver")]
RESUME_MS = 2000  # exports that an earlier session left waiting begin when the window is there


def first_size(screen: QSize) -> QSize:
    """How large the window is before a person has said: as it's meant to be, or what the screen has room for."""
    return FIRST_SIZE.boundedTo(QSize(screen.width(), screen.height() - TITLE_BAR_PX))


class MainWindow(QMainWindow):
    """Generate, Edit and Deliver under one bar; the latter two are made when they're first asked for."""

    restart_engine_requested = Signal()
    models_moved = Signal(str)  # the folder in which they are now
    install_engine_requested = Signal()  # in a bundle, which has none of its own
    closing = Signal()

    def __init__(
        self,
        look: Look,
        session: EngineSession,
        settings: QSettings,
        state: Path,
        cache: Path,
        choices: Settings | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        """`state` is the folder for journals and lists, `cache` for what can be made again.

        `settings` keeps how the window lies; `choices` is what the person has set (None: nothing, and on no disk).
        `elsewhere`: the engine runs on another machine.
        """
        super().__init__()
        choices = choices or Settings(None)
        self.setWindowTitle("ltxdesktop")
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)  # before the models that it shows
        self._look, self._session, self._settings = look, session, settings
        self._state_folder, self._cache_folder = state, cache
        self.edit: EditWorkspace | None = None
        self.deliver: DeliverWorkspace | None = None
        self._background = Background(threads=2, parent=self)
        self._memories = Memories(state, self)
        self._memories.failed.connect(self._say_shortly)
        self.banner = Banner(look)
        self.generate = GenerateWorkspace(look, session, self._memories, self._background, self.banner)
        self.top = TopBar(look, WORKSPACES)
        self._lay_out()
        self._build_menus()
        self._wire()
        self._in_use = SettingsInUse(choices, look, session, self)
        self._in_use.failed.connect(self.generate.show_problem)
        self._in_use.guide(self.generate.prompt)
        self._set_up = SetUp(look, session, self._in_use, self._background, self, elsewhere=elsewhere)
        self._add_set_up()
        self._restore()
        for problem in choices.problems:
            self.banner.say(problem)
        if exports_wait(state):
            QTimer.singleShot(RESUME_MS, self, self._resume_exports)

    # Layout

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        above = QVBoxLayout()
        above.setContentsMargins(8, 8, 8, 0)
        above.addWidget(self.banner)
        column.addLayout(above)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.generate)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(page)
        self.resize(first_size(self.screen().availableSize()))

    def _build_menus(self) -> None:
        self._menus: dict[str, list[QMenu]] = {"generate": [], "edit": [], "deliver": []}
        file = self._add_menu("&File")
        self._add(file.addAction("&Open a clip, picture or sound…"), "Ctrl+O", self.generate.choose_file)
        shipped = file.addMenu("Open a s&ample")
        for sample in samples():
            self._add(shipped.addAction(sample.title), "", partial(self.generate.open_sample, sample))
        file.addSeparator()
        file.addAction(self.generate.takes.actions_by_name["save"])
        file.addAction(self.generate.takes.actions_by_name["join"])
        file.addSeparator()
        self._add(file.addAction("&Quit"), "Ctrl+Q", self.close)
        self._edit_menu_of_generate = self._add_menu("&Edit")
        generate = self._add_menu("&Generate")
        prompt = self.generate.prompt
        self._add(generate.addAction("&Generate"), GENERATE_KEY, prompt.generate)
        self._add(generate.addAction("&Draft"), DRAFT_KEY, prompt.draft)
        self._add(generate.addAction("&Enhance the prompt"), ENHANCE_KEY, prompt.enhance.enhance)
        generate.addSeparator()
        for name in ("finish", "again", "vary", "retake", "recipe"):
            generate.addAction(self.generate.takes.actions_by_name[name])
        generate.addSeparator()
        for name in ("timeline", "media"):
            generate.addAction(self.generate.takes.actions_by_name[name])
        jobs = self._add_menu("&Jobs")
        for action in self.generate.jobs.actions_by_name.values():
            jobs.addAction(action)
        play = self._add_menu("&Play")
        # Bare keys work wherever the focus has no use for them: `keyPressEvent`. Shown, not bound, in the menu.
        for words, keys, call in self.generate.transport():
            self._add(play.addAction(f"{words}\t{native(keys[0])}"), "", call)
        view = self._add_menu("&View")
        self._theme_action = view.addAction("&Light or dark")  # in Edit it's one of the commands
        self._add(self._theme_action, THEME_KEY, self._look.toggle)
        self._workspace_menu = self.menuBar().addMenu("&Workspace")
        for number, (name, words) in enumerate(WORKSPACES, 1):
            self._add(self._workspace_menu.addAction(words), f"Ctrl+{number}", partial(self.show_workspace, name))
            self.top.workspace.set_tip(name, f"{words} (Ctrl+{number})")
        engine = self._engine_menu = self.menuBar().addMenu("&Engine")
        self._add(engine.addAction("&Look at the device again"), "", self._session.refresh_capabilities)
        self._add(engine.addAction("&Restart"), "", self.restart_engine_requested.emit)
        if BUNDLED:
            self._add(engine.addAction("&Install the engine…"), "", self.install_engine_requested.emit)
        self.help_menu = about = self.menuBar().addMenu("&Help")
        self._add(about.addAction("&About ltxdesktop"), "", self._show_about)

    def _add_set_up(self) -> None:
        """In every workspace: the set-up page in the Engine menu, the settings there and in Generate's File."""
        before = self._engine_menu.actions()[0]
        page = QAction("&Set-up…", self)
        page.setToolTip("What works here, what would unlock more, and the key of the LTX API")
        self._add(page, "", self._set_up.show_page)
        self._settings_action = QAction("Settin&gs…", self)
        self._settings_action.setMenuRole(QAction.MenuRole.PreferencesRole)
        self._add(self._settings_action, "Ctrl+,", self._set_up.show_settings)
        models = QAction("&Models…", self)
        models.setToolTip("Download, import, check and remove models and LoRAs")
        self._add(models, "", self._set_up.show_models)
        self._set_up.models_moved.connect(self.models_moved)
        self._set_up.restart_requested.connect(self.restart_engine_requested)
        self._set_up.said.connect(self.statusBar().showMessage)
        licences = QAction("&Licences…", self)
        licences.setToolTip("The program's own, and those of what came with it and of the models")
        self._add(licences, "", self._set_up.show_licences)
        self.help_menu.insertAction(self.help_menu.actions()[-1], licences)
        self._engine_menu.insertActions(before, [page, models])
        self._engine_menu.insertSeparator(before)
        self.addAction(self._settings_action)  # its key works while the menus of another workspace are shown
        self._edit_menu_of_generate.addAction(self._settings_action)
        self.top.setup_requested.connect(self._set_up.show_page)

    def _add_menu(self, words: str) -> QMenu:
        menu = self.menuBar().addMenu(words)
        self._menus["generate"].append(menu)
        return menu

    # Workspaces

    @property
    def workspace(self) -> str:
        """Which one is shown: "generate", "edit" or "deliver"."""
        return self.top.workspace.value

    def show_workspace(self, name: str) -> None:
        """Show a workspace, with its menus and keys; the others' keys do nothing meanwhile."""
        self.top.workspace.set_value(name)
        page = self._page(name)
        comes = page is not self._pages.currentWidget()
        self._pages.setCurrentWidget(page)
        if comes and page is self.generate:
            self.generate.come_up()
        for workspace, menus in self._menus.items():
            for menu in menus:
                menu.menuAction().setVisible(workspace == name)
        if name != "edit" and self.edit is not None:
            self.edit.program.player.pause()
            self.edit.source.player.pause()
        if name != "generate":
            self.generate.monitor.player.pause()
        self._show_title()

    def _page(self, name: str) -> QWidget:
        """The widget of a workspace, made when it's first asked for."""
        if name == "generate":
            return self.generate
        if self.edit is None:
            self.edit = self._make_edit()
        if name == "edit":
            return self.edit
        if self.deliver is None:
            self.deliver = self._make_deliver()
        open_now = self.edit.project
        film = replace(open_now.document, name=open_now.name)
        pictures = self.edit.film_of(open_now.document)
        self.deliver.show_film(film, self.edit.files.locate, self.edit.program.frame, pictures)
        return self.deliver

    def _make_deliver(self) -> DeliverWorkspace:
        from ltxdesktop.ui.deliver.exports import Exports
        from ltxdesktop.ui.deliver.workspace import DeliverWorkspace

        exports = Exports(self._state_folder, self._cache_folder, self)
        deliver = DeliverWorkspace(self._look, self._settings, exports, parent=self._pages)
        self._pages.addWidget(deliver)
        menu = deliver.menu(self)
        self.menuBar().insertMenu(self._workspace_menu.menuAction(), menu)
        menu.addActions([self._theme_action, self._settings_action])
        self._add(menu.addAction("&Quit"), "Ctrl+Q", self.close)
        self._menus["deliver"] = [menu]
        menu.menuAction().setVisible(False)
        deliver.said.connect(self._say_shortly)
        deliver.problem.connect(self.generate.show_problem)
        deliver.kept_asked.connect(self._keep_part)
        return deliver

    def _keep_part(self, clip: ItemId, frame: int, place: float | None) -> None:
        """Another part of a clip is kept by files of another shape; arrows are one step of the history."""
        from ltxdesktop.ui.deliver.reframe_view import with_kept_part

        if self.edit is not None:
            edit = partial(with_kept_part, clip_id=clip, frame=frame, place=place)
            self.edit.project.edit("Kept part", edit, merge=f"kept part of {clip}")
            self._page("deliver")

    def _resume_exports(self) -> None:
        """Go on with what an earlier session left waiting."""
        if self.deliver is None:
            self.deliver = self._make_deliver()

    def _make_edit(self) -> EditWorkspace:
        from ltxdesktop.ui.editor.workspace import EditWorkspace

        edit = EditWorkspace(self._look, self._settings, self._state_folder, self._cache_folder)
        edit.join(self._session, self._memories)
        self._pages.addWidget(edit)
        menus = edit.menus(self)
        for menu in menus:
            self.menuBar().insertMenu(self._workspace_menu.menuAction(), menu)
        self._add(menus[0].addAction("&Quit"), "Ctrl+Q", self.close)
        menus[1].addSeparator()
        menus[1].addAction(self._settings_action)
        self._in_use.join(edit)
        self._menus["edit"] = menus
        edit.said.connect(self._say_shortly)
        edit.problem.connect(self.generate.show_problem)
        edit.title_changed.connect(self._show_title)
        return edit

    def _show_title(self) -> None:
        name = self.edit.window_title if self.edit is not None and self.workspace != "generate" else ""
        self.top.show_project(name)
        self.setWindowTitle(f"{name} – ltxdesktop" if name else "ltxdesktop")

    def _say_shortly(self, words: str) -> None:
        self.statusBar().showMessage(words, 6000)

    def _add(self, action: QAction, keys: str, call: Callable[[], object]) -> None:
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda: call())

    def _wire(self) -> None:
        self.top.workspace.chosen.connect(self.show_workspace)
        self._session.view_changed.connect(self._show_view)
        self.generate.said.connect(self.statusBar().showMessage)
        self.generate.send_requested.connect(self._send)
        self.top.restart_requested.connect(self.restart_engine_requested)

    # From the workspaces, the session and the system

    def open_project(self, path: Path) -> None:
        """Open a project that was named when the program was started, or by the system's file manager."""
        self.show_workspace("edit")
        assert self.edit is not None
        if self.edit.has_project and not self.edit.project.clean:
            self.banner.say(f"Save or close {self.edit.project.name} first; then {path.name} can be opened.")
        else:
            self.edit.files.open(path)

    def _send(self, take: Take, on_timeline: bool) -> None:
        """A result goes to the timeline that is open in Edit, or to its media."""
        if self.edit is None:
            self.edit = self._make_edit()
        self.edit.place_take(take, on_timeline=on_timeline)

    def _show_view(self) -> None:
        self.top.show_view(self._session.view)

    def _show_about(self) -> None:
        QMessageBox.about(
            self,
            "About ltxdesktop",
            "A desktop video editor in which any stretch of the timeline can be made again.\n\n"
            "Apache-2.0. The typeface is Inter, under the SIL Open Font License.",
        )

    # Keys, files, end

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no focused widget had a use for: the transport's."""
        pressed = QKeySequence(event.keyCombination())
        calls = [call for _, keys, call in self.generate.transport() if pressed in [QKeySequence(key) for key in keys]]
        if calls and self.workspace == "generate":
            calls[0]()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.workspace == "generate" and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.generate.look_at_file(url.toLocalFile())
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.edit is not None and not self.edit.may_close():
            event.ignore()
            return
        if self.deliver is not None and not self.deliver.may_close():
            event.ignore()
            return
        self._settings.setValue(WORKSPACE, self.workspace)
        self._settings.setValue(WINDOW_GEOMETRY, self.saveGeometry())
        self._settings.setValue("window/columns", self.generate.columns_state())
        self.hide()  # what runs is waited for behind it: a picture that is decoded, an export that is cut off
        self._set_up.close()
        self._in_use.close()
        if self.deliver is not None:
            self.deliver.close_all()
        if self.edit is not None:
            self.edit.close_all()
        self.generate.close_all()
        self._background.close()
        self._memories.close()
        self.closing.emit()
        super().closeEvent(event)

    def _restore(self) -> None:
        geometry = self._settings.value(WINDOW_GEOMETRY)
        columns = self._settings.value("window/columns")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(columns, QByteArray):
            self.generate.restore_columns(columns)
        self.show_workspace(str(self._settings.value(WORKSPACE, "edit")))
