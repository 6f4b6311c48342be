"""The main window: Generate's panels wired together, and the Edit workspace beside it. No feature of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QImage, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QMenu,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.media.joined import Placed, placement, write_joined
from engine.protocol.messages import Estimated
from ltxdesktop.jobs.ask import Ask, title_of, work_of
from ltxdesktop.resources import BUNDLED, Sample, samples
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.banner import Banner
from ltxdesktop.ui.clip_pictures import Given, look_at, poster
from ltxdesktop.ui.deliver.waiting import exports_wait
from ltxdesktop.ui.hover_films import HoverFilms
from ltxdesktop.ui.jobs_panel import JobsPanel
from ltxdesktop.ui.memories import Memories
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.monitor.film import Film
from ltxdesktop.ui.monitor_panel import MonitorPanel
from ltxdesktop.ui.prompt_panel import PromptPanel
from ltxdesktop.ui.range_strip import PICTURES
from ltxdesktop.ui.recipe_window import RecipeWindow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup.in_use import SettingsInUse
from ltxdesktop.ui.setup.windows import SetUp
from ltxdesktop.ui.takes_panel import TakesPanel
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.top_bar import TopBar
from ltxdesktop.words import about, gigabytes

if TYPE_CHECKING:
    from ltxdesktop.ui.deliver.workspace import DeliverWorkspace
    from ltxdesktop.ui.editor.workspace import EditWorkspace

POSTER_SIZE = QSize(276, 156)  # twice the card, for screens of scale 2
STRIP_HEIGHT_PX = 104
WINDOW_GEOMETRY = "window/geometry"
WORKSPACE = "window/workspace"
FIRST_SIZE = QSize(1440, 900)
TITLE_BAR_PX = 40  # what a window manager adds, or nearly
WORKSPACES = [("generate", "Generate"), ("edit", "Edit"), ("deliver", "Deliver")]
RESUME_MS = 2000  # exports that an earlier session left waiting begin when the window is there
MEMORY_WORTH_SAYING = 100_000_000  # bytes
MEDIA_FILES = (
    "Clips, pictures and sounds "
    "(*.mp4 *.mov *.mkv *.webm *.avi *.mxf *.png *.jpg *.jpeg *.webp *.wav *.flac *.mp3 *.m4a);;All files (*)"
)


def first_size(screen: QSize) -> QSize:
    """How large the window is before a person has said: as it's meant to be, or what the screen has room for."""
    return FIRST_SIZE.boundedTo(QSize(screen.width(), screen.height() - TITLE_BAR_PX))


class MainWindow(QMainWindow):
    """Generate: prompt on the left, monitor and takes in the middle, jobs on the right. Edit: a window of its own
    kind, made when it's first shown."""

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
        self._following = True  # whether the monitor shows what the running job makes
        self._watched = ""  # the job whose preview is on the monitor
        self._failed_job = ""
        self._memories = Memories(state, self)
        self._memories.failed.connect(self._say_shortly)
        self.prompt = PromptPanel(look, prompts=self._memories.prompts)
        self.monitor = MonitorPanel(look)
        self.jobs = JobsPanel(look, session.jobs)
        self._films = HoverFilms(self._background, self)
        self.takes = TakesPanel(look, session.takes, self._films)
        session.takes.use_ratings(self._memories.ratings)
        self.top = TopBar(look, WORKSPACES)
        self.banner = Banner(look)
        self._lay_out()
        self._build_menus()
        self._wire()
        self._in_use = SettingsInUse(choices, look, session, self)
        self._in_use.failed.connect(self._show_refusal)
        self._in_use.guide(self.prompt)
        self._set_up = SetUp(look, session, self._in_use, self._background, self, elsewhere=elsewhere)
        self._add_set_up()
        self._restore()
        for problem in choices.problems:
            self.banner.say(problem)
        self._show_first_hint()
        if exports_wait(state):
            QTimer.singleShot(RESUME_MS, self, self._resume_exports)

    # Layout

    def _lay_out(self) -> None:
        middle = QSplitter(Qt.Orientation.Vertical)
        middle.addWidget(self.monitor)
        middle.addWidget(self.takes)
        middle.setStretchFactor(0, 3)
        middle.setSizes([560, 210])
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        for panel in (self.prompt, middle, self.jobs):
            self._columns.addWidget(panel)
        self._columns.setStretchFactor(1, 1)
        self._columns.setSizes([345, 755, 340])
        for splitter in (middle, self._columns):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        self.prompt.setMinimumWidth(310)
        self.jobs.setMinimumWidth(250)
        self.takes.setMinimumHeight(120)

        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        above = QVBoxLayout()
        above.setContentsMargins(8, 8, 8, 0)
        above.addWidget(self.banner)
        column.addLayout(above)
        self._generate = QWidget()
        inner = QVBoxLayout(self._generate)
        inner.setContentsMargins(8, 0, 8, 8)
        inner.addWidget(self._columns)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._generate)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(page)
        self.resize(first_size(self.screen().availableSize()))

    def _build_menus(self) -> None:
        self._menus: dict[str, list[QMenu]] = {"generate": [], "edit": [], "deliver": []}
        file = self._add_menu("&File")
        self._add(file.addAction("&Open a clip, picture or sound…"), "Ctrl+O", self._choose_file)
        shipped = file.addMenu("Open a s&ample")
        for sample in samples():
            self._add(shipped.addAction(sample.title), "", partial(self.open_sample, sample))
        file.addSeparator()
        file.addAction(self.takes.actions_by_name["save"])
        file.addAction(self.takes.actions_by_name["join"])
        file.addSeparator()
        self._add(file.addAction("&Quit"), "Ctrl+Q", self.close)
        self._edit_menu_of_generate = self._add_menu("&Edit")
        generate = self._add_menu("&Generate")
        self._add(generate.addAction("&Generate"), "Ctrl+Return", self.prompt.generate)
        generate.addSeparator()
        for name in ("finish", "again", "vary", "retake", "recipe"):
            generate.addAction(self.takes.actions_by_name[name])
        generate.addSeparator()
        for name in ("timeline", "media"):
            generate.addAction(self.takes.actions_by_name[name])
        jobs = self._add_menu("&Jobs")
        for action in self.jobs.actions_by_name.values():
            jobs.addAction(action)
        play = self._add_menu("&Play")
        # Bare keys work wherever the focus has no use for them: `keyPressEvent`. Shown, not bound, in the menu.
        for words, keys, call in self._transport():
            self._add(play.addAction(f"{words}\t{keys}"), "", call)
        view = self._add_menu("&View")
        self._add(view.addAction("&Light or dark"), "Ctrl+Shift+L", self._look.toggle)
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
        self._pages.setCurrentWidget(self._page(name))
        for workspace, menus in self._menus.items():
            for menu in menus:
                menu.menuAction().setVisible(workspace == name)
        if name != "edit" and self.edit is not None:
            self.edit.program.player.pause()
            self.edit.source.player.pause()
        if name != "generate":
            self.monitor.player.pause()
        self._show_title()

    def _page(self, name: str) -> QWidget:
        """The widget of a workspace, made when it's first asked for."""
        if name == "generate":
            return self._generate
        if self.edit is None:
            self.edit = self._make_edit()
        if name == "edit":
            return self.edit
        if self.deliver is None:
            self.deliver = self._make_deliver()
        open_now = self.edit.project
        self.deliver.show_film(replace(open_now.document, name=open_now.name), self.edit.files.locate)
        return self.deliver

    def _make_deliver(self) -> DeliverWorkspace:
        from ltxdesktop.ui.deliver.exports import Exports
        from ltxdesktop.ui.deliver.workspace import DeliverWorkspace

        exports = Exports(self._state_folder, self._cache_folder, self)
        deliver = DeliverWorkspace(self._look, self._settings, exports)
        self._pages.addWidget(deliver)
        menu = deliver.menu(self)
        self.menuBar().insertMenu(self._engine_menu.menuAction(), menu)
        menu.addAction(self._settings_action)
        self._add(menu.addAction("&Quit"), "Ctrl+Q", self.close)
        self._menus["deliver"] = [menu]
        menu.menuAction().setVisible(False)
        deliver.said.connect(self._say_shortly)
        deliver.problem.connect(self._show_refusal)
        return deliver

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
            self.menuBar().insertMenu(self._engine_menu.menuAction(), menu)
        self._add(menus[0].addAction("&Quit"), "Ctrl+Q", self.close)
        menus[1].addSeparator()
        menus[1].addAction(self._settings_action)
        self._in_use.join(edit)
        self._menus["edit"] = menus
        edit.said.connect(self._say_shortly)
        edit.problem.connect(self._show_refusal)
        edit.title_changed.connect(self._show_title)
        return edit

    def _show_title(self) -> None:
        name = self.edit.window_title if self.edit is not None and self.workspace != "generate" else ""
        self.setWindowTitle(f"{name} – ltxdesktop" if name else "ltxdesktop")

    def _say_shortly(self, words: str) -> None:
        self.statusBar().showMessage(words, 6000)

    def _add(self, action: QAction, keys: str, call: Callable[[], object]) -> None:
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda: call())

    def _transport(self) -> list[tuple[str, str, Callable[[], object]]]:
        return [
            ("Play or pause", "Space", self.monitor.player.toggle),
            ("One frame back", ",", self.monitor.step_back),
            ("One frame on", ".", self.monitor.step_forward),
            ("To the start", "Home", self.monitor.to_start),
        ]

    def _wire(self) -> None:
        session = self._session
        self.top.workspace.chosen.connect(self.show_workspace)
        session.view_changed.connect(self._show_view)
        session.capabilities_changed.connect(self._show_capabilities)
        session.job_begun.connect(self._follow_job)
        session.job_ended.connect(self._show_end)
        session.preview_arrived.connect(self._show_preview)
        session.take_made.connect(self._show_made)
        session.estimated.connect(self._show_estimate)
        session.noticed.connect(self._show_notice)
        session.refused.connect(self._show_refusal)
        session.takes.rowsInserted.connect(self._make_posters)
        self.prompt.asked.connect(self._submit)
        self.prompt.changed.connect(self._estimate)
        self.prompt.file_given.connect(self.look_at_file)
        self.prompt.choose_file_requested.connect(self._choose_file)
        self.prompt.looked_at.connect(self._look_at_frame)
        self.jobs.cancel_requested.connect(session.cancel)
        self.jobs.retry_requested.connect(session.retry)
        self.jobs.move_requested.connect(session.move)
        self.jobs.clear_requested.connect(session.clear_ended)
        self.jobs.chosen.connect(self._show_job)
        self.takes.chosen.connect(self._play_take)
        self.takes.finish_requested.connect(self._finish)
        self.takes.again_requested.connect(self._again)
        self.takes.vary_requested.connect(self._vary)
        self.takes.retake_requested.connect(self._retake)
        self.takes.recipe_requested.connect(self._show_recipe)
        self.takes.save_requested.connect(self._save_copy)
        self.takes.join_requested.connect(self._save_joined)
        self.takes.timeline_requested.connect(partial(self._send, on_timeline=True))
        self.takes.media_requested.connect(partial(self._send, on_timeline=False))
        self.takes.rated.connect(self._rate)
        self.top.restart_requested.connect(self.restart_engine_requested)
        self.banner.acted.connect(self._act_on_banner)

    # From the panels

    def _submit(self, ask: Ask) -> None:
        self._following = True
        self.banner.hide()
        self._session.submit(work_of(ask), title_of(ask))
        self.prompt.remember(ask.prompt)
        self.statusBar().showMessage("Put into the queue", 4000)

    def _estimate(self, ask: Ask) -> None:
        self._session.estimate(work_of(replace(ask, may_leave=True)))  # what it would send, if it may

    def look_at_file(self, path: str) -> None:
        """Find out what a file is and put it into the prompt panel."""
        self.statusBar().showMessage(f"Looking at {Path(path).name}…")
        self._background.run(lambda: look_at(path, PICTURES, STRIP_HEIGHT_PX), self._take_given, self._show_bad_file)

    def open_project(self, path: Path) -> None:
        """Open a project that was named when the program was started, or by the system's file manager."""
        self.show_workspace("edit")
        assert self.edit is not None
        if self.edit.has_project and not self.edit.project.clean:
            self.banner.say(f"Save or close {self.edit.project.name} first; then {path.name} can be opened.")
        else:
            self.edit.files.open(path)

    def open_sample(self, sample: Sample) -> None:
        """A clip to try things on, with its range selected and a prompt filled in."""
        self.look_at_file(str(sample.clip))
        self.prompt.write(sample.prompt)

    def _take_given(self, given: Given) -> None:
        self.statusBar().clearMessage()
        self.prompt.show_given(given)
        if given.kind == "clip":
            self._following = False
            self.monitor.play_film(given.path, play=False)

    def _look_at_frame(self, frame: int) -> None:
        """Show the frame of the clip under the end of the range that is being moved."""
        clip, film = self.prompt.ask.clip, self.monitor.player.film
        if clip is None:
            return
        if isinstance(film, Film) and film.path == clip.path:
            self.monitor.player.pause()
            self.monitor.player.seek(frame)
        elif not self.monitor.previewing:
            self._following = False
            self.monitor.play_film(clip.path, play=False)

    def _show_bad_file(self, problem: Exception) -> None:
        self.statusBar().clearMessage()
        self.banner.say(str(problem))

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open", "", MEDIA_FILES)
        if path:
            self.look_at_file(path)

    def _finish(self, take: Take) -> None:
        work = take.finishing()
        if work is not None:
            self._following = True
            self._session.submit(work, f"Finish: {take.caption}")

    def _again(self, take: Take) -> None:
        if not self.prompt.show_recipe(take, new_seed=False):
            self._queue_again(take, new_seed=False)

    def _vary(self, take: Take) -> None:
        if self.prompt.show_recipe(take, new_seed=True):
            self.prompt.generate()
        else:
            self._queue_again(take, new_seed=True)

    def _queue_again(self, take: Take, *, new_seed: bool) -> None:
        """The same work, as it was asked for: of a clip that isn't open here, or from a take of another program."""
        work = take.again(self.prompt.new_seed() if new_seed else None)
        if work is not None:
            self._following = True
            self._session.submit(work, f"{'Vary' if new_seed else 'Again'}: {take.caption}")
            self.statusBar().showMessage("Put into the queue", 4000)

    def _send(self, take: Take, *, on_timeline: bool) -> None:
        """A result goes to the timeline that is open in Edit, or to its media."""
        if self.edit is None:
            self.edit = self._make_edit()
        self.edit.place_take(take, on_timeline=on_timeline)

    def _rate(self, take: Take, rating: int) -> None:
        self._session.takes.rate(take.file.path, rating)

    def _retake(self, take: Take) -> None:
        self.look_at_file(take.file.path)

    def _show_recipe(self, take: Take) -> None:
        if take.recipe is not None:
            RecipeWindow(take.recipe, self).open()

    def _save_copy(self, take: Take) -> None:
        source = Path(take.file.path)
        target, _ = QFileDialog.getSaveFileName(self, "Save a copy", source.name, f"Film (*{source.suffix})")
        if target:
            self._background.run(lambda: shutil.copyfile(source, target), self._show_saved, self._show_bad_file)

    def _save_joined(self, take: Take) -> None:
        placed = placement(take.recipe.work, take.file, take.sound_file) if take.recipe is not None else None
        if placed is None:
            return
        clip, part = placed
        target, _ = QFileDialog.getSaveFileName(
            self, "Save the clip with this take", f"{clip.stem}.mp4", "Film (*.mp4)"
        )
        if target:
            self.save_joined(clip, part, Path(target))

    def save_joined(self, clip: Path, part: Placed, target: Path) -> None:
        """Write a clip with a take in it, away from the GUI thread."""
        self.statusBar().showMessage(f"Writing {target.name}…")

        def write() -> Path:
            write_joined(clip, part, target)
            return target

        self._background.run(write, self._show_saved, self._show_bad_file)

    def _show_saved(self, target: Path | str) -> None:
        self.statusBar().showMessage(f"Saved {target}", 8000)

    def _play_take(self, take: Take) -> None:
        self._following = False
        self.monitor.play_film(take.file.path, sound=take.sound_file)

    def _show_job(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is None:
            return
        if entry.state == "failed":
            self._say_failure(job)
        elif entry.state == "running":
            self._following, self._watched = True, job
        elif entry.state == "done":
            take = next((each for each in self._session.takes.takes() if each.job == job), None)
            if take is not None:
                self.takes.choose(take.file.path)

    def _act_on_banner(self) -> None:
        if self._failed_job:
            self._session.retry(self._failed_job)
        self.banner.hide()

    # From the session

    def _show_view(self) -> None:
        self.top.show_view(self._session.view)

    def _show_capabilities(self) -> None:
        self.prompt.show_capabilities(self._session.backends)

    def _follow_job(self, job: str) -> None:
        self._watched = job

    def _show_preview(self, job: str, pictures: list[QImage], fps: float) -> None:
        if self._following and job == self._watched:
            entry = self._session.jobs.entry(job)
            self.monitor.show_preview(pictures, fps, f"Preview · {entry.status}" if entry is not None else "Preview")

    def _show_made(self, take: Take) -> None:
        if self._following and take.file.variation == 0:
            self.takes.choose(take.file.path)
            self._following = True

    def _show_end(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is not None and entry.state == "failed":
            self._say_failure(job)
        if self.monitor.previewing and job == self._watched:
            self._show_last_take()

    def _show_last_take(self) -> None:
        """After a job that brought nothing to show: the take that was chosen, or a hint."""
        take = self.takes.current()
        if take is not None:
            self.monitor.play_film(take.file.path, sound=take.sound_file, play=False)
        else:
            self._show_first_hint()

    def _show_first_hint(self) -> None:
        self.monitor.show_hint(
            "Say what should be seen and heard",
            "Write a prompt and press Generate, or drop a clip here to make a part of it again.",
        )

    def _say_failure(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is not None:
            self._failed_job = job if entry.can_retry else ""
            self.banner.say(f"{entry.title}: {entry.message}", "Try again" if entry.can_retry else "")

    def _show_estimate(self, estimated: Estimated) -> None:
        self.prompt.consent.show_estimate(estimated)
        if not estimated.fits:
            self.prompt.show_estimate(estimated.why_not)
            return
        parts = [about(estimated.seconds)] if estimated.seconds is not None else []
        parts += [f"{gigabytes(estimated.peak_bytes)} of memory"] if estimated.peak_bytes > MEMORY_WORTH_SAYING else []
        parts += list(estimated.adjusted)
        self.prompt.show_estimate("Takes " + ", ".join(parts) if parts else "")

    def _show_notice(self, kind: str, words: str) -> None:
        if kind in {"disk_full", "store", "backend", "warning"}:
            self._failed_job = ""
            self.banner.say(words)
        else:
            self.statusBar().showMessage(words, 8000)

    def _show_refusal(self, words: str) -> None:
        self._failed_job = ""
        self.banner.say(words)

    def _make_posters(self) -> None:
        for take in self._session.takes.takes():
            if take.picture is None:
                self._make_poster(take.file.path)

    def _make_poster(self, path: str) -> None:
        self._session.takes.show_picture(path, QImage())  # asked for: not again
        self._background.run(lambda: (path, poster(path, POSTER_SIZE)), self._take_poster, self._drop_poster)

    def _take_poster(self, made: tuple[str, QImage]) -> None:
        self._session.takes.show_picture(*made)

    def _drop_poster(self, problem: Exception) -> None:
        """A take whose file is gone keeps an empty card; playing it says why."""

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
        keys = {Qt.Key.Key_Space: 0, Qt.Key.Key_Comma: 1, Qt.Key.Key_Period: 2, Qt.Key.Key_Home: 3}
        place = keys.get(Qt.Key(event.key())) if self.workspace == "generate" else None
        if place is None or event.modifiers() != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
        else:
            self._transport()[place][2]()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.workspace == "generate" and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.look_at_file(url.toLocalFile())
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
        self._settings.setValue("window/columns", self._columns.saveState())
        self._set_up.close()
        self._in_use.close()
        if self.deliver is not None:
            self.deliver.close_all()
        if self.edit is not None:
            self.edit.close_all()
        self._films.end()
        self.monitor.close_all()
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
            self._columns.restoreState(columns)
        self.show_workspace(str(self._settings.value(WORKSPACE, "edit")))
