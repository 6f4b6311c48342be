"""The Edit workspace: docks around monitors and timeline, wired to the open project. Features live in what it wires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, Gap, Media, MediaId, MediaKind, Title, TrackId, TrackKind, new_document
from ltxdesktop.resources import samples
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.dialogs import FilmDialog, SpeedDialog, ask, ask_unsaved
from ltxdesktop.ui.editor.history_panel import HistoryPanel
from ltxdesktop.ui.editor.inspector import Inspector
from ltxdesktop.ui.editor.markers_panel import MarkersPanel
from ltxdesktop.ui.editor.materials import Imported, Materials
from ltxdesktop.ui.editor.media_panel import MediaPanel
from ltxdesktop.ui.editor.menus import MENUS
from ltxdesktop.ui.editor.meters import Meters
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.editor.scopes_panel import ScopesPanel
from ltxdesktop.ui.editor.source_side import SourceSide, Way, halves_of
from ltxdesktop.ui.editor.sources import Footage, SequenceSource
from ltxdesktop.ui.editor.start_page import StartPage
from ltxdesktop.ui.keymaps_window import KeymapsWindow
from ltxdesktop.ui.monitor.planes import Shot
from ltxdesktop.ui.monitor.player import Player
from ltxdesktop.ui.monitor.sinks import Graphics
from ltxdesktop.ui.palette import CommandPalette
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.perform import perform
from ltxdesktop.ui.timeline.requests import Place
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import counted

if TYPE_CHECKING:
    from ltxdesktop.project.project import Recovery
    from ltxdesktop.render.renderer import Tools
    from ltxdesktop.ui.models.take_list import Take

LAYOUT_SETTING = "edit/layout"
LAYOUT_VERSION = 2  # 2: takes have a panel of their own
ROOM_FOR_TAKES_PX = 1100  # of height: beneath it media and takes would each show one row
WARM_UP_MS = 400  # after the window is there: loading shares the interpreter with its first paint
PROJECTS = "Projects and timelines (*.otio *.xml *.edl);;All files (*)"
EXPORTS = (
    "Final Cut Pro 7 XML (*.xml);;CMX 3600 edit list (*.edl);;Final Cut Pro X XML (*.fcpxml);;OpenTimelineIO (*.otio)"
)
TITLE_S = Fraction(4)
SOURCE_EXTRA = (
    ("mark.in", "mark-in"),
    ("mark.out", "mark-out"),
    ("source.insert", "insert"),
    ("source.overwrite", "overwrite"),
    ("source.append", "append"),
)
PROGRAM_EXTRA = (
    ("play.loop", "loop"),
    ("play.mute", "sound"),
    ("project.proxies", "stand-in"),
    ("view.full_screen", "full-screen"),
)


class EditWorkspace(QStackedWidget):
    """A start page, or the open project. Made when it's first shown; `close_all` before it goes."""

    said = Signal(str)  # for the status bar
    problem = Signal(str)  # what a person has to know
    title_changed = Signal()

    def __init__(self, look: Look, settings: QSettings, state: Path, cache: Path) -> None:
        super().__init__()
        self._look, self._settings, self._state = look, settings, state
        self.actions_by_name = Actions(self)
        self.project = OpenProject(self)
        self.files = ProjectFiles(self.project, state, self)
        self.materials = Materials(cache, self)
        self.materials.set_locate(self.files.locate)
        self.selection = Selection(self)
        self._tools: Tools | None = None
        self._laid_out = False
        self._after_save: Callable[[], object] | None = None  # what a person wanted before it had to be saved
        self._build()
        self.active = self.program
        self._wire()
        self._bind()
        self._use(self.program)
        self._restore()
        self.files.read_recent()
        QTimer.singleShot(WARM_UP_MS, self, self.materials.warm_up)

    # Parts

    def _build(self) -> None:
        look, actions = self._look, self.actions_by_name
        self.start = StartPage(look)
        self._graphics = Graphics(self._settings)
        self.source = EditMonitor("Source", look, actions, SOURCE_EXTRA, self._graphics, draggable=True)
        self.program = EditMonitor("Program", look, actions, PROGRAM_EXTRA, self._graphics)
        self.source_side = SourceSide(self.source, self.project, self.materials)
        self.media = MediaPanel(look, self.project, self.materials, actions)
        self.timeline = TimelinePanel(
            look, self.project.history, actions, self.selection,
            thumbnails=self.materials, waveforms=self.materials, presence=self.materials,
        )  # fmt: skip
        self.inspector = Inspector(look, self.project, self.selection)
        self.steps = HistoryPanel(look, self.project)
        self.markers = MarkersPanel(look, self.project)
        self.meters = Meters(look)
        self.scopes = ScopesPanel(look)
        self.palette_window = CommandPalette(actions, self)
        self._docks = QMainWindow()
        self._docks.setWindowFlags(Qt.WindowType.Widget)
        self._docks.setDockNestingEnabled(True)
        self._docks.setAnimated(False)
        self._docks.setObjectName("edit-docks")
        self._monitors = QSplitter(Qt.Orientation.Horizontal)
        self._monitors.setHandleWidth(6)
        self._monitors.setChildrenCollapsible(False)
        self._monitors.addWidget(self.source)
        self._monitors.addWidget(self.program)
        self._docks.setCentralWidget(self._monitors)
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self._docks.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)
        left, right, bottom = (
            Qt.DockWidgetArea.LeftDockWidgetArea,
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self.docks = {
            "media": self._dock("Media", self.media, left),
            "inspector": self._dock("Inspector", self.inspector, right),
            "markers": self._dock("Markers", self.markers, left),
            "steps": self._dock("History", self.steps, left),
            "scopes": self._dock("Scopes", self.scopes, left),
            "timeline": self._dock("Timeline", self.timeline, bottom),
            "meters": self._dock("Meters", self.meters, bottom),
        }
        scale = label("dB", "docktitle")  # beside the buttons of Qt's own title bar there's no room for a word
        scale.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.docks["meters"].setTitleBarWidget(scale)
        self._arrange()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self._docks)
        self.addWidget(self.start)
        self.addWidget(page)

    def join(self, session: EngineSession) -> None:
        """Let the engine make what is asked for on the timeline."""
        from ltxdesktop.ui.loop.in_editor import Editor, LoopInEditor

        editor = Editor(
            self._look, self.actions_by_name, self.project, self.files, self.materials, self.timeline, self.selection,
            self.program, self._footage, self,
        )  # fmt: skip
        self._loop = LoopInEditor(editor, session, self._state)
        self.make, self.loop, self.takes = self._loop.make, self._loop.desk, self._loop.takes
        self._loop.said.connect(self.said)
        self._loop.make_asked.connect(partial(self._raise, "make"))
        self.docks["make"] = self._dock("Make", self.make, Qt.DockWidgetArea.RightDockWidgetArea)
        self.docks["takes"] = self._dock("Takes", self._loop.takes_view, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._place_loop()
        layout = self._settings.value(LAYOUT_SETTING)
        if isinstance(layout, QByteArray):
            self._docks.restoreState(layout, LAYOUT_VERSION)
        else:
            self.docks["make"].raise_()

    def place_take(self, take: Take, *, on_timeline: bool) -> None:
        """Put a result of the Generate workspace at the playhead, or into the media only."""
        self._loop.place(take, on_timeline=on_timeline)

    def _place_loop(self) -> None:
        """Make beside the inspector; takes under the media where there is room for both, else as a tab beside them."""
        docks = self.docks
        if "make" not in docks:
            return
        self._docks.tabifyDockWidget(docks["inspector"], docks["make"])
        if self.height() >= ROOM_FOR_TAKES_PX:
            self._docks.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["takes"])
        else:
            self._docks.tabifyDockWidget(docks["media"], docks["takes"])
            docks["media"].raise_()

    def _raise(self, dock: str) -> None:
        self.docks[dock].show()
        self.docks[dock].raise_()

    def _dock(self, words: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(words, self._docks)
        dock.setObjectName(f"dock-{words.lower()}")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # the sheet's ground and line
        dock.setWidget(panel)
        self._docks.addDockWidget(area, dock)
        return dock

    def _arrange(self) -> None:
        """All panels where they are at first."""
        docks = self.docks
        for dock in docks.values():
            dock.setFloating(False)
            dock.show()
        for name in ("markers", "steps", "scopes"):
            self._docks.tabifyDockWidget(docks["media"], docks[name])
        self._place_loop()
        docks["media"].raise_()
        docks["inspector"].raise_()
        self._docks.splitDockWidget(docks["timeline"], docks["meters"], Qt.Orientation.Horizontal)
        self._resize_docks()

    def _lay_out_first(self) -> None:
        self._place_loop()
        if "make" in self.docks:
            self.docks["make"].raise_()
        self._resize_docks()

    def _resize_docks(self) -> None:
        docks, height = self.docks, max(self.height(), 700)
        self._docks.resizeDocks([docks["media"], docks["inspector"]], [310, 320], Qt.Orientation.Horizontal)
        self._docks.resizeDocks([docks["timeline"], docks["meters"]], [4000, 70], Qt.Orientation.Horizontal)
        self._docks.resizeDocks([docks["timeline"]], [round(height * 0.44)], Qt.Orientation.Vertical)
        for bar in self._docks.findChildren(QTabBar):
            bar.setElideMode(Qt.TextElideMode.ElideNone)

    def menus(self, parent: QWidget) -> list[QMenu]:
        """The workspace's menus, for a menu bar."""
        made: list[QMenu] = []
        for words, names in MENUS:
            menu = QMenu(words, parent)
            for name in names:
                if name:
                    menu.addAction(self.actions_by_name[name])
                else:
                    menu.addSeparator()
            if words == "&Panels":
                for dock in self.docks.values():
                    menu.addAction(dock.toggleViewAction())
            made.append(menu)
        return made

    # Wires

    def _wire(self) -> None:
        project, files, materials = self.project, self.files, self.materials
        project.changed.connect(self._show_change)
        project.opened.connect(self._show_project)
        project.refused.connect(self.said)
        project.clean_changed.connect(self.title_changed)
        project.steps_changed.connect(self._show_steps)
        files.opened.connect(self._look_for_files)
        files.saved.connect(self._say_saved)
        files.failed.connect(self._say_failed)
        files.noted.connect(self.problem)
        files.recovery_found.connect(self._offer_recovery)
        files.busy_changed.connect(self.said)
        files.recent_changed.connect(self._show_recent)
        files.found.connect(self._relink)
        materials.news.connect(self.timeline.view.show_new_media)
        materials.presence_changed.connect(self._show_presence)
        materials.stand_ins.shown_changed.connect(self._show_film_anew)
        self.start.new_asked.connect(self.new_project)
        self.start.open_asked.connect(self.open_project)
        self.start.sample_asked.connect(self.open_sample)
        self.start.recent_chosen.connect(files.open)
        self.start.forget_asked.connect(files.forget)
        self.start.discard_asked.connect(self._throw_away)
        self.start.files_dropped.connect(self._begin_with_files)
        self.media.media_opened.connect(self._open_in_source)
        self.media.import_asked.connect(self.import_paths)
        self.media.append_asked.connect(self._append)
        self.timeline.scrubbed.connect(self._scrub)
        self.timeline.refused.connect(self.said)
        self.timeline.previewed.connect(self._preview)
        self.timeline.files_dropped.connect(self._drop_files)
        self.timeline.clip_opened.connect(self._open_clip)
        self.source.activated.connect(partial(self._use, self.source))
        self.program.activated.connect(partial(self._use, self.program))
        self.program.moved.connect(self._follow_program)
        self.program.player.shown.connect(self._measure)
        self.program.player.polled.connect(self._show_levels)
        self.program.player.playing_changed.connect(self._show_playing)
        for monitor in (self.source, self.program):
            monitor.stumbled.connect(self.said)
        self.source_side.placed.connect(self.timeline.go_to)
        self.inspector.place_asked.connect(self.timeline.go_to)
        self.markers.chosen.connect(self.timeline.go_to)

    def _bind(self) -> None:
        actions, active = self.actions_by_name, self._active_player
        calls = {
            "project.new": self.new_project,
            "project.open": self.open_project,
            "project.save": self.save,
            "project.save_as": self.save_as,
            "project.close": self.close_project,
            "project.import": self.import_files,
            "project.import_folder": self.import_folder,
            "project.relink": self.find_missing,
            "project.export_timeline": self.export_timeline,
            "play.previous_cut": self.timeline.commands.previous_cut,
            "play.next_cut": self.timeline.commands.next_cut,
            "edit.undo": self.project.undo,
            "edit.redo": self.project.redo,
            "clip.speed": self._ask_speed,
            "clip.rename": self._rename_clip,
            "sequence.settings": self._ask_sequence,
            "sequence.title": self._add_title,
            "sequence.add_video": partial(self._add_track, TrackKind.VIDEO),
            "sequence.add_audio": partial(self._add_track, TrackKind.AUDIO),
            "play.toggle": lambda: active().toggle(),
            "play.backwards": lambda: active().push(-1),
            "play.forwards": lambda: active().push(1),
            "play.slow_backwards": lambda: active().push(-1, slow=True),
            "play.slow_forwards": lambda: active().push(1, slow=True),
            "play.stop": lambda: active().pause(),
            "play.frame_back": lambda: self._step(-1),
            "play.frame_on": lambda: self._step(1),
            "play.second_back": lambda: self._step_seconds(-1),
            "play.second_on": lambda: self._step_seconds(1),
            "play.start": lambda: self.active.seek(0),
            "play.end": lambda: self.active.seek(10**9),
            "play.range": self._play_range,
            "source.insert": lambda: self._place_source("insert"),
            "source.overwrite": lambda: self._place_source("overwrite"),
            "source.append": lambda: self._place_source("append"),
            "source.match": self._match_frame,
            "clip.replace": lambda: self.source_side.replace_clip(self.selection.primary),
            "view.full_screen": lambda: self.active.show_full_screen(),
            "view.grab": self._grab,
            "view.palette": lambda: self.palette_window.show_over(self.window()),
            "view.keys": lambda: KeymapsWindow(self._look, actions, self).exec(),
            "view.reset_layout": self._arrange,
            "view.theme": self._look.toggle,
            "view.source": lambda: self._use(self.source),
            "view.program": lambda: self._use(self.program),
            "mark.go_in": self._go_in,
            "mark.go_out": self._go_out,
        }
        for name, call in calls.items():
            if not actions.bound(name):
                actions.bind(name, call)
        actions.bind_checked("play.loop", self._set_looping)
        actions.bind_checked("play.mute", self._set_muted)
        actions.bind_checked("play.scrub_sound", self._set_scrub_sound)
        actions.bind_checked("view.safe_areas", self._set_safe_areas)
        actions.bind_checked("project.proxies", self.materials.stand_ins.show, on=True)
        source = self.source_side
        for name, call in (
            ("mark.in", source.mark_in),
            ("mark.out", source.mark_out),
            ("mark.clear", source.clear_marks),
            ("mark.clip", source.clear_marks),
            ("mark.go_in", source.go_in),
            ("mark.go_out", source.go_out),
        ):
            actions.detour(name, partial(self._when_source, call))
        for command in actions.names():
            actions[command].setEnabled(actions.bound(command) or actions[command].isCheckable())

    # What is shown

    @property
    def playhead(self) -> int:
        return self.timeline.view.playhead

    @property
    def has_project(self) -> bool:
        return self.currentIndex() == 1

    @property
    def window_title(self) -> str:
        """The project's name, with a mark when it isn't saved."""
        if not self.has_project:
            return ""
        return self.project.name + ("" if self.project.clean else " •")

    def _show_project(self) -> None:
        document = self.project.document
        self.selection.clear()
        self.materials.forget()
        self.setCurrentIndex(1)
        if self._settings.value(LAYOUT_SETTING) is None and not self._laid_out:
            self._laid_out = True
            QTimer.singleShot(0, self, self._lay_out_first)  # sizes count only once there is a window to share out
        self.program.title.set_text(document.sequence.name)
        self.program.set_sequence(document.sequence)
        self.program.show_film(self._film(document))
        self.timeline.go_to(0)
        self.timeline.view.zoom_to_fit()
        self.timeline.view.setFocus()
        self._use(self.program)
        self.title_changed.emit()

    def _show_change(self, before: Document, after: Document, name: str) -> None:
        if before.sequence is not after.sequence:
            self.program.set_sequence(after.sequence)
            self.program.title.set_text(after.sequence.name)
        if before.sequence is not after.sequence or before.media is not after.media:
            self.program.swap_film(self._film(after))
        if before.media is not after.media:
            self._look_for_files()

    def _preview(self, document: Document | None) -> None:
        """A drag on the timeline goes on: the monitor shows what it would make; None when it's over."""
        self.program.swap_film(self._film(self.project.document if document is None else document))

    def _show_film_anew(self) -> None:
        if self.has_project:
            self.program.swap_film(self._film(self.project.document))

    def _film(self, document: Document) -> partial[SequenceSource]:
        return partial(SequenceSource, document.sequence, self._footage(document))

    def _footage(self, document: Document) -> Footage:
        if self._tools is None:
            from ltxdesktop.render.renderer import Tools

            self._tools = Tools()
        return Footage(document.media, self.materials.locate, self.materials.decoders, self._tools)

    def _show_steps(self) -> None:
        history, actions = self.project.history, self.actions_by_name
        for name, can, words in (
            ("edit.undo", history.can_undo, history.undo_name),
            ("edit.redo", history.can_redo, history.redo_name),
        ):
            action = actions[name]
            action.setEnabled(can)
            what = name.removeprefix("edit.").capitalize()
            action.setText(f"{what} “{words}”" if words else what)

    def _show_recent(self) -> None:
        self.start.show_recent(self.files.recent)

    def _show_presence(self) -> None:
        self.timeline.view.redraw()
        missing = len(self.materials.missing)
        if missing:
            self.said.emit(f"{missing} media files are missing")

    def _look_for_files(self) -> None:
        document, files = self.project.document, self.files
        self.materials.look_for(lambda: files.missing(document))
        self.materials.stand_ins.look_at(document.media.values(), self.materials.missing)
        foreign = [each for each in document.media.values() if not each.recipe]  # of our own takes all is known
        self.materials.look_into(foreign, self._take_facts)

    def _take_facts(self, found: dict[MediaId, Media]) -> None:
        """Files that only another program's list had told of were read."""
        from ltxdesktop.project.relink import learned

        if found:
            self.project.edit("Look into files", lambda document: learned(document, found))

    # Playback

    def _active_player(self) -> Player:
        return self.active.player

    def _use(self, monitor: EditMonitor) -> None:
        """Keys go to this monitor."""
        if monitor is not self.active and self.active.player.playing:
            self.active.player.pause()
        self.active = monitor
        for each in (self.source, self.program):
            each.set_active(each is monitor)

    def _scrub(self, frame: int) -> None:
        self._use(self.program)
        self.program.seek(frame)

    def _follow_program(self, frame: int) -> None:
        self.timeline.set_playhead(frame, follow=self.program.player.playing)
        self.inspector.set_playhead(frame)

    def _measure(self, picture: Shot) -> None:
        self.scopes.show_picture(picture)

    def _show_levels(self) -> None:
        self.meters.show_levels(self.program.player.levels())

    def _show_playing(self, playing: bool) -> None:
        if not playing:
            self.meters.rest()

    def _step(self, frames: int) -> None:
        self.active.player.step(frames)
        self.active.seek(self.active.frame)

    def _step_seconds(self, seconds: int) -> None:
        film = self.active.film
        if film is not None:
            self._step(seconds * max(1, round(film.rate)))

    def _play_range(self) -> None:
        if self.active is self.source and self.source_side.range is not None:
            within = self.source_side.range
        else:
            sequence = self.project.document.sequence
            end = sequence.out_frame if sequence.out_frame is not None else sequence.duration
            within = (sequence.in_frame or 0, end)
        if within[1] > within[0]:
            self.active.seek(within[0])
            self.active.player.play(within=within)

    def _go_in(self) -> None:
        self.timeline.go_to(self.project.document.sequence.in_frame or 0)

    def _go_out(self) -> None:
        sequence = self.project.document.sequence
        self.timeline.go_to(sequence.out_frame if sequence.out_frame is not None else sequence.duration)

    def _when_source(self, call: Callable[[], None]) -> bool:
        if self.active is not self.source:
            return False
        call()
        return True

    def _set_looping(self, on: bool) -> None:
        for monitor in (self.source, self.program):
            monitor.player.set_looping(on)

    def _set_muted(self, on: bool) -> None:
        for monitor in (self.source, self.program):
            monitor.player.set_muted(on)

    def _set_scrub_sound(self, on: bool) -> None:
        for monitor in (self.source, self.program):
            monitor.player.set_scrub_sound(on)

    def _set_safe_areas(self, on: bool) -> None:
        for monitor in (self.source, self.program):
            monitor.view.set_safe_areas(on)

    def _grab(self) -> None:
        """Save the frame at the playhead, in the film's full size."""
        path, _ = QFileDialog.getSaveFileName(self, "Save this picture", "picture.png", "Pictures (*.png)")
        if not path:
            return
        film, frame = self._film(self.project.document), self.playhead

        def work() -> bool:
            return film().picture(frame, None).save(path)

        self.materials.run(work, lambda done: self.said.emit(f"Saved {path}" if done is True else f"Not saved: {done}"))

    # Media

    def _open_in_source(self, media: str) -> None:
        self.source_side.open(media)
        self._use(self.source)
        self.source.view.setFocus()  # arrows step through it now, not through the list

    def _open_clip(self, clip_id: str) -> None:
        """Show the media of a clip, at the place that the clip begins with."""
        clip = next((c for t in self.project.document.sequence.tracks for c in t.clips if c.id == clip_id), None)
        if clip is not None and clip.media is not None:
            media = self.project.document.media[clip.media]
            start = clip.take.start_s if clip.take is not None else Fraction(0)
            self.source_side.open(media.id, int(start * media.rate))

    def _match_frame(self) -> None:
        sequence = self.project.document.sequence
        for track in reversed(sequence.of_kind(TrackKind.VIDEO)):
            item = track.at(self.playhead)
            clip = sequence.clip(item.id) if item is not None else None
            if clip is not None and clip.media is not None:
                media = self.project.document.media[clip.media]
                start = sequence.start_of(clip.id) or 0
                self.source_side.open(media.id, clip.media_frame(self.playhead - start, sequence.rate, media))
                self._use(self.source)
                return

    def import_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Import", self._folder("import"), "All files (*)")
        if paths:
            self._settings.setValue("edit/folder/import", str(Path(paths[0]).parent))
            self.import_paths([Path(path) for path in paths])

    def import_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Import a folder", self._folder("import"))
        if path:
            self.import_paths([Path(path)])

    def import_paths(self, paths: list[Path]) -> None:
        """Look at files and folders, and add what is media to the project."""
        self.materials.import_files(paths, self._take_imported)

    def _take_imported(self, imported: Imported) -> None:
        self._add_imported(imported)

    def _add_imported(self, imported: Imported) -> list[MediaId]:
        """The media that were added, or were there already."""
        if imported.trouble:
            self.problem.emit(imported.trouble)
        media = [self.files.as_of_project(each) for each in imported.media]
        known = {(each.path, each.kind): each.id for each in self.project.document.media.values()}
        fresh = [replace(each, bin=self.media.bin) for each in media if (each.path, each.kind) not in known]
        if fresh:
            words = f"Import {fresh[0].name}" if len(fresh) == 1 else f"Import {len(fresh)} files"
            self.project.edit(words, lambda document: edits.add_media(_fitted_to(document, fresh), fresh))
            self.media.choose([each.id for each in fresh])
        elif imported.media:
            self.said.emit("These files are in the project already.")
        fresh_ids = {(each.path, each.kind): each.id for each in fresh}
        return [(fresh_ids | known)[each.path, each.kind] for each in media]

    def _drop_files(self, paths: list[Path], frame: int, track: str, insert: bool) -> None:
        """Files that were dropped on the timeline: imported, then placed there."""

        def place(imported: Imported) -> None:
            media = self._add_imported(imported)
            if media:
                request = Place(tuple(media), frame, TrackId(track) if track else None, insert)
                self.project.edit("Place files", lambda document: perform(request, document))

        self.materials.import_files(paths, place)

    def _place_source(self, way: Way) -> None:
        self.source_side.place(way, self.playhead, self.timeline.patching.patch)

    def _append(self, media: list[MediaId]) -> None:
        patch = self.timeline.patching.patch

        def append(document: Document) -> Document:
            for each in media:
                halves = halves_of(document.media[each], patch)
                document = edits.append_clips(document, edits.placements(document, each, **halves))
            return document

        self.project.edit("Append", append)

    # The project

    def new_project(self) -> None:
        """Ask for a film, and begin."""
        if not self._may_leave(self.new_project):
            return
        dialog = FilmDialog("New project", new_document().sequence, self.window(), name="Untitled")
        if dialog.exec():
            self.files.new(new_document(dialog.name.text().strip() or "Untitled", dialog.sequence()))

    def open_project(self) -> None:
        if not self._may_leave(self.open_project):
            return
        path, _ = QFileDialog.getOpenFileName(self, "Open", self._folder("project"), PROJECTS)
        if path:
            self._settings.setValue("edit/folder/project", str(Path(path).parent))
            self._open(Path(path))

    def _open(self, path: Path) -> None:
        """A project, or another program's film, which becomes a project without a name."""
        if path.suffix.lower() == ".otio":
            self.files.open(path)
        else:
            self.files.take_over(path)

    def export_timeline(self) -> None:
        """Write the open sequence for another program."""
        if not self.has_project:
            return
        start = str(Path(self._folder("export"), f"{self.project.name}.xml"))
        path, kind = QFileDialog.getSaveFileName(self, "Export timeline", start, EXPORTS)
        if path:
            ending = kind[kind.find("*") + 1 : kind.rfind(")")]
            chosen = Path(path) if Path(path).suffix else Path(f"{path}{ending}")
            self._settings.setValue("edit/folder/export", str(chosen.parent))
            self.files.export(chosen)

    def find_missing(self) -> None:
        """Look for files that were moved, in a folder that a person names and in those that are likely."""
        if not self.materials.missing:
            self.said.emit("No file is missing.")
            return
        folder = QFileDialog.getExistingDirectory(self, "Look for missing files in", self._folder("import"))
        if folder:
            self.files.find(self.materials.missing, Path(folder))

    def _relink(self, found: dict[MediaId, Path], still: int) -> None:
        if found:
            words = f"Found {counted(len(found), 'file')}"
            self.project.edit(words, lambda document: self.files.relinked(document, found))
        self.said.emit(f"{counted(len(found), 'file')} found, {still} still missing")

    def open_sample(self) -> None:
        """A project with the clips that come with the program, one behind the other; the middle of the first is marked
        and words for it are written, so that one button shows what this is for."""
        self._begin([sample.clip for sample in samples()], "Sample", place=True, mark=True)

    def _mark_sample(self) -> None:
        """The middle half of the first clip, and the words that come with it."""
        clip = next(iter(self.project.document.sequence.of_kind(TrackKind.VIDEO)[0].clips), None)
        if clip is None:
            return
        first, last = clip.duration // 4, clip.duration * 3 // 4
        self.project.edit("Mark", lambda document: edits.set_range(document, first, last))
        self.timeline.go_to(first)
        if "make" in self.docks:
            self.make.write(samples()[0].prompt)
            self.docks["make"].raise_()

    def _begin_with_files(self, paths: list[Path]) -> None:
        projects = [path for path in paths if path.suffix.lower() in (".otio", ".xml", ".edl")]
        if projects:
            self._open(projects[0])
        else:
            self._begin(paths, "Untitled", place=False)

    def _begin(self, paths: list[Path], name: str, *, place: bool, mark: bool = False) -> None:
        """A new project, and these files in it once it's open; on its timeline too, and marked as the sample is."""

        def fill() -> None:
            self.files.opened.disconnect(fill)
            self.materials.import_files(paths, added)

        def added(imported: Imported) -> None:
            media = self._add_imported(imported)
            if place and media:
                self._append(media)
                self.timeline.view.zoom_to_fit()
            if mark:
                self._mark_sample()
                self.project.mark_untouched()

        self.files.opened.connect(fill)
        self.files.new(new_document(name))

    def save(self) -> None:
        if self.files.path is None:
            self.save_as()
        else:
            self.files.save()

    def save_as(self) -> None:
        if not self.has_project:
            return
        name = f"{self.project.name}.otio"
        start = str(Path(self._folder("project"), name)) if self.files.path is None else str(self.files.path)
        path, _ = QFileDialog.getSaveFileName(self, "Save as", start, "Projects (*.otio)")
        if path:
            chosen = Path(path) if path.lower().endswith(".otio") else Path(f"{path}.otio")
            self._settings.setValue("edit/folder/project", str(chosen.parent))
            self.files.save_as(chosen)
        else:
            self._after_save = None

    def close_project(self) -> None:
        if self.has_project and self._may_leave(self.close_project):
            self._leave()

    def _leave(self) -> None:
        self.program.show_nothing("", "")
        self.source_side.close()
        self.files.close_project()
        self.setCurrentIndex(0)
        self.title_changed.emit()
        self.files.read_recent()

    def may_close(self) -> bool:
        """Whether the window may go: asks what to do with unsaved work. After saving it's closed by itself."""
        return self._may_leave(self.window().close)

    def _may_leave(self, again: Callable[[], object]) -> bool:
        """Whether the project may be left now. Where it has to be saved first, `again` is called when that's done."""
        if not self.has_project or self.project.clean:
            return True
        match ask_unsaved(self.window(), self.project.name):
            case "save":
                self._after_save = again
                self.save()
                return False
            case "discard":
                return True
            case "cancel":
                return False

    def _say_saved(self, path: Path) -> None:
        self.said.emit(f"Saved {path.name}")
        self.title_changed.emit()
        again, self._after_save = self._after_save, None
        if again is not None:
            again()

    def _say_failed(self, words: str, problem: Exception) -> None:
        from ltxdesktop.project.errors import ChangedElsewhere, ProjectInUse

        self._after_save = None
        if isinstance(problem, ChangedElsewhere) and ask(
            self.window(), "Changed elsewhere", words, "Save over it", "Don't save"
        ):
            self.files.save(over_changes=True)
        elif isinstance(problem, ProjectInUse) and not problem.certain:
            if ask(self.window(), "In use", words, "Open all the same", "Don't open"):
                self.files.open(problem.path, by_force=True)
        elif not isinstance(problem, ChangedElsewhere):
            self.problem.emit(words)

    def _offer_recovery(self, recovery: Recovery) -> None:
        if ask(self.window(), "Unsaved work was found", recovery.sentence(), "Recover it", "Forget it"):
            self.files.recover()
        else:
            self.files.discard_recovery()

    def _throw_away(self, path: Path) -> None:
        words = "This work was never saved. Once it is thrown away nothing brings it back."
        if ask(self.window(), "Throw away", words, "Throw it away", "Keep it"):
            self.files.throw_away(path)

    def _folder(self, kind: str) -> str:
        return str(self._settings.value(f"edit/folder/{kind}", ""))

    # Edits that need a question

    def _ask_speed(self) -> None:
        sequence = self.project.document.sequence
        clip = next((sequence.clip(each) for each in sorted(self.selection.clips)), None)
        if clip is None:
            self.said.emit("Select a clip first.")
            return
        dialog = SpeedDialog(clip.speed, clip.keeps_pitch, self.window())
        if dialog.exec():
            speed, ripple, keep_pitch = dialog.speed, dialog.ripple.isChecked(), dialog.keep_pitch.isChecked()
            self.project.edit(
                f"Speed {float(speed) * 100:g} %",
                lambda document: edits.set_speed(document, clip.id, speed, ripple=ripple, keep_pitch=keep_pitch),
            )

    def _rename_clip(self) -> None:
        self.docks["inspector"].raise_()
        self.inspector.edit_name()

    def _ask_sequence(self) -> None:
        sequence = self.project.document.sequence
        dialog = FilmDialog("Sequence", sequence, self.window())
        if not dialog.exec() or dialog.chosen_rate is None:
            return
        name, size, rate, drop = dialog.name.text(), dialog.chosen_size, dialog.chosen_rate, dialog.drop.isChecked()
        self.project.edit(
            "Sequence settings",
            lambda document: edits.change_sequence(document, name=name, size=size, rate=rate, drop_frame=drop),
        )

    def _add_title(self) -> None:
        """A title at the playhead, on the topmost video track, above what is there."""
        frame = self.playhead

        def add(document: Document) -> Document:
            sequence = document.sequence
            duration = int(TITLE_S * sequence.rate)
            tracks = [track for track in sequence.of_kind(TrackKind.VIDEO) if not track.locked]
            if not tracks or any(not isinstance(item, Gap) for _, item in tracks[-1].placed(frame, frame + duration)):
                document = edits.add_track(document, TrackKind.VIDEO)
                tracks = list(document.sequence.of_kind(TrackKind.VIDEO))
            clip = edits.clip_from_content(Title("Title"), duration)
            return edits.overwrite_clips(document, [edits.Placement(tracks[-1].id, clip)], frame)

        before = {clip.id for track in self.project.document.sequence.tracks for clip in track.clips}
        if self.project.edit("Add title", add):
            after = self.project.document.sequence
            self.selection.choose([c.id for t in after.tracks for c in t.clips if c.id not in before])
            self.docks["inspector"].raise_()  # its words are there

    def _add_track(self, kind: TrackKind) -> None:
        self.project.edit(f"Add {kind.value} track", lambda document: edits.add_track(document, kind))

    # The end

    def close_all(self) -> None:
        """Stop everything and wait for it: the window goes."""
        self._settings.setValue(LAYOUT_SETTING, self._docks.saveState(LAYOUT_VERSION))
        self._settings.setValue("edit/monitors", self._monitors.saveState())
        self.timeline.save_state(self._settings)
        if "make" in self.docks:
            self._loop.close()
        self.source.close_all()
        self.program.close_all()
        self._graphics.note_drawn()
        self.scopes.close_all()
        self.files.close()
        self.materials.close()

    def _restore(self) -> None:
        layout, monitors = self._settings.value(LAYOUT_SETTING), self._settings.value("edit/monitors")
        if isinstance(layout, QByteArray):
            self._docks.restoreState(layout, LAYOUT_VERSION)
        if isinstance(monitors, QByteArray):
            self._monitors.restoreState(monitors)


def _fitted_to(document: Document, media: list[Media]) -> Document:
    """An untouched project takes size and rate of the first film that comes into it."""
    sequence = document.sequence
    film = next((each for each in media if each.kind in (MediaKind.VIDEO, MediaKind.IMAGE_SEQUENCE)), None)
    if document.media or sequence.duration or film is None or len(document.sequences) > 1:
        return document
    return edits.change_sequence(document, size=(film.width // 2 * 2, film.height // 2 * 2), rate=film.rate)
