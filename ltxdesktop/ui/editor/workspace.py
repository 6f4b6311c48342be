"""The Edit workspace: docks around monitors and timeline, wired to the open project. Features live in what it wires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QStackedWidget, QVBoxLayout, QWidget

from ltxdesktop.document.model import Document, Media, MediaId, TrackKind
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.asked_edits import AskedEdits
from ltxdesktop.ui.editor.canvas_hands import CanvasHands
from ltxdesktop.ui.editor.docks import BOTTOM, LEFT, RIGHT, Docks
from ltxdesktop.ui.editor.history_panel import HistoryPanel
from ltxdesktop.ui.editor.importing import Folders, Importing
from ltxdesktop.ui.editor.inspector import Inspector
from ltxdesktop.ui.editor.markers_panel import MarkersPanel
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.media_panel import MediaPanel
from ltxdesktop.ui.editor.menus import MENUS
from ltxdesktop.ui.editor.meters import Meters
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_desk import ProjectDesk
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.editor.scopes_panel import ScopesPanel
from ltxdesktop.ui.editor.source_side import SourceSide, Way
from ltxdesktop.ui.editor.sources import Footage, SequenceSource
from ltxdesktop.ui.editor.start_page import StartPage
from ltxdesktop.ui.editor.transport import Transport
from ltxdesktop.ui.editor.trim_view import TrimPair
from ltxdesktop.ui.keymaps_window import KeymapsWindow
from ltxdesktop.ui.monitor.planes import Shot
from ltxdesktop.ui.monitor.sinks import Graphics
from ltxdesktop.ui.palette import CommandPalette
from ltxdesktop.ui.parts import label
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import timecode

if TYPE_CHECKING:
    from ltxdesktop.render.renderer import Tools
    from ltxdesktop.ui.memories import Memories
    from ltxdesktop.ui.models.take_list import Take

WARM_UP_MS = 400  # after the window is there: loading shares the interpreter with its first paint
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
        self._look, self._settings = look, settings
        self.actions_by_name = Actions(self)
        self.project = OpenProject(self)
        self.files = ProjectFiles(self.project, state, self)
        self.materials = Materials(cache, self)
        self.materials.set_locate(self.files.locate)
        self.selection = Selection(self)
        self._tools: Tools | None = None
        self._laid_out = False
        self._build()
        folders = self._folders = Folders(settings)
        self.transport = Transport(self.source_side, (self.source, self.program), self.project, self.timeline, self)
        self.importing = Importing(self.project, self.files, self.materials, self.media, self.timeline, folders, self)
        self.desk = ProjectDesk(self.project, self.files, self.materials, self.importing, self.timeline, folders, self)
        self.canvas = CanvasHands(look, self.program, self.project, self.selection)
        self.asked = AskedEdits(self.project, self.selection, self.inspector, self._docks, lambda: self.playhead, self)
        self._wire()
        self._bind()
        self.transport.use(self.program)
        self._docks.restore()
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
        self._docks = Docks(self._settings, self.source, self.program)
        self.docks = self._docks.panels
        for name, words, panel, area in (
            ("media", "Media", self.media, LEFT),
            ("inspector", "Inspector", self.inspector, RIGHT),
            ("markers", "Markers", self.markers, LEFT),
            ("steps", "History", self.steps, LEFT),
            ("scopes", "Scopes", self.scopes, LEFT),
            ("timeline", "Timeline", self.timeline, BOTTOM),
            ("meters", "Meters", self.meters, BOTTOM),
        ):
            self._docks.add(name, words, panel, area)
        scale = label("dB", "docktitle")  # beside the buttons of Qt's own title bar there's no room for a word
        scale.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.docks["meters"].setTitleBarWidget(scale)
        self.docks["inspector"].visibilityChanged.connect(self.inspector.set_in_front)
        self._docks.arrange()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 0, 4, 4)
        column.addWidget(self._docks)
        self.addWidget(self.start)
        self.addWidget(page)

    def join(self, session: EngineSession, memories: Memories) -> None:
        """Let the engine make what is asked for on the timeline."""
        from ltxdesktop.ui.loop.in_editor import Editor, LoopInEditor

        editor = Editor(
            self._look, self.actions_by_name, self.project, self.files, self.materials, self.timeline, self.selection,
            self.program, self._footage, self,
        )  # fmt: skip
        self._loop = LoopInEditor(editor, session, memories)
        self.make, self.loop, self.takes = self._loop.make, self._loop.desk, self._loop.takes
        self.arriving = self._loop.arriving
        self._loop.said.connect(self.said)
        self._loop.make_asked.connect(partial(self._docks.show_panel, "make"))
        self._docks.add("make", "Make", self.make, RIGHT)
        self.docks["make"].visibilityChanged.connect(self.loop.set_in_front)
        self._docks.add("jobs", "Jobs", self._loop.jobs, RIGHT)
        self._docks.add("takes", "Takes", self._loop.takes_view, LEFT)
        self._docks.join_loop()
        for dock in self.docks.values():  # one that floats is a window of its own, whose events don't come by here
            dock.installEventFilter(self.actions_by_name.focus_keys)

    def place_take(self, take: Take, *, on_timeline: bool) -> None:
        """Put a result of the Generate workspace at the playhead, or into the media only."""
        self._loop.place(take, on_timeline=on_timeline)

    def open_sample(self) -> None:
        """Begin with the clips that come with the program."""
        self.desk.open_sample()

    def may_close(self) -> bool:
        """Whether the window may go: asks what to do with unsaved work. After saving it's closed by itself."""
        return self.desk.may_close()

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
                shown = menu.addMenu("&Shown")
                for dock in self.docks.values():
                    shown.addAction(dock.toggleViewAction())
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
        files.recent_changed.connect(self._show_recent)
        materials.news.connect(self.timeline.view.show_new_media)
        materials.presence_changed.connect(self._show_presence)
        materials.stand_ins.shown_changed.connect(self._show_film_anew)
        self._wire_desks()
        self.timeline.scrubbed.connect(self._scrub)
        self.timeline.refused.connect(self.said)
        self.timeline.previewed.connect(self._preview)
        self.timeline.clip_opened.connect(self._open_clip)
        self.source.activated.connect(partial(self.transport.use, self.source))
        self.program.activated.connect(partial(self.transport.use, self.program))
        self.program.moved.connect(self._follow_program)
        self.program.player.shown.connect(self._measure)
        self.program.player.polled.connect(self._show_levels)
        self.program.player.playing_changed.connect(self._show_playing)
        for monitor in (self.source, self.program):
            monitor.stumbled.connect(self.said)
        actions = self.actions_by_name
        self.source.lead_to("Program", actions["view.program"], self._docks.monitors.alone_changed)
        self.program.lead_to("Source", actions["view.source"], self._docks.monitors.alone_changed)
        self.transport.used.connect(self._docks.monitors.show_monitor)
        self.source_side.placed.connect(self.timeline.go_to)
        self.inspector.place_asked.connect(self.timeline.go_to)
        for done in (self.inspector.finished, self.actions_by_name.focus_keys.left):
            done.connect(self.timeline.view.setFocus)
        self.markers.chosen.connect(self.timeline.go_to)

    def _wire_desks(self) -> None:
        """What is asked of projects and of files."""
        desk, importing, start = self.desk, self.importing, self.start
        start.new_asked.connect(desk.new_project)
        start.open_asked.connect(desk.open_project)
        start.sample_asked.connect(desk.open_sample)
        start.recent_chosen.connect(self.files.open)
        start.forget_asked.connect(self.files.forget)
        start.discard_asked.connect(desk.throw_away)
        start.files_dropped.connect(desk.begin_with_files)
        self.media.media_opened.connect(self._open_in_source)
        self.media.import_asked.connect(importing.import_paths)
        self.media.append_asked.connect(importing.append_media)
        self.timeline.files_dropped.connect(importing.drop)
        importing.project_wanted.connect(desk.begin_with_files)
        for each in (desk, importing):
            each.said.connect(self.said)
            each.problem.connect(self.problem)
        self.asked.said.connect(self.said)
        desk.title_changed.connect(self.title_changed)
        desk.left.connect(self._leave)
        desk.sample_opened.connect(self._offer_words)

    def _bind(self) -> None:
        actions = self.actions_by_name
        for each in (self.transport, self.importing, self.desk, self.asked):
            each.bind(actions)
        calls: dict[str, Callable[[], object]] = {
            "edit.undo": self.project.undo,
            "edit.redo": self.project.redo,
            "source.insert": lambda: self._place_source("insert"),
            "source.overwrite": lambda: self._place_source("overwrite"),
            "source.append": lambda: self._place_source("append"),
            "source.match": self._match_frame,
            "clip.replace": lambda: self.source_side.replace_clip(self.selection.primary),
            "view.grab": self._grab,
            "view.palette": lambda: self.palette_window.show_over(self.window()),
            "view.keys": lambda: KeymapsWindow(self._look, actions, self).exec(),
            "view.reset_layout": self._docks.reset,
            "panel.next": partial(self._docks.go_on, 1),
            "panel.previous": partial(self._docks.go_on, -1),
            "view.theme": self._look.toggle,
        }
        for name, call in calls.items():
            actions.bind(name, call)
        for name in ("media", "inspector", "markers", "steps", "scopes", "takes", "jobs"):
            actions.bind(f"panel.{name}", partial(self._docks.go_to, name))
        actions.bind_checked("view.handles", self.canvas.set_on, on=True)
        actions.bind_checked("project.proxies", self.materials.stand_ins.show, on=True)
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
        if not self._docks.was_laid_out and not self._laid_out:
            self._laid_out = True
            QTimer.singleShot(0, self._docks, self._docks.lay_out_first)  # sizes count once there is room to share out
        self.program.title.set_text(document.sequence.name)
        self.program.set_sequence(document.sequence)
        self.program.show_film(self._film(document))
        self.timeline.go_to(0)
        self.timeline.view.zoom_to_fit()
        self.timeline.view.setFocus()
        self.transport.use(self.program)
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
        edges = self.timeline.view.trim_edges() if document is not None else None
        if edges is None or document is None or self.program.player.playing:
            self.program.swap_film(self._film(self.project.document if document is None else document))
        else:
            accent = self._look.theme.accent
            self.program.swap_film(partial(TrimPair, document.sequence, self._footage(document), edges, accent))

    def _show_film_anew(self) -> None:
        if self.has_project:
            self.program.swap_film(self._film(self.project.document))

    def film_of(self, document: Document) -> partial[SequenceSource]:
        """Opens a document's film for others that show pictures of it; called on their worker."""
        return self._film(document)

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
            self.said.emit("A media file is missing" if missing == 1 else f"{missing} media files are missing")

    def _look_for_files(self) -> None:
        document, files = self.project.document, self.files
        self.materials.look_for(lambda: files.missing(document))
        self.materials.stand_ins.look_at(document.media.values(), self.materials.missing)
        foreign = [each for each in document.media.values() if not each.recipe]  # of our own takes all is known
        self.materials.look_into(foreign, self._take_facts)

    def _take_facts(self, found: dict[MediaId, Media]) -> None:
        """Files were read that another program's list had told of, or that have changed since."""
        from ltxdesktop.project.relink import learned

        if found:
            self.project.edit("Look into files", lambda document: learned(document, found))
            self._tell_too_short(found)

    def _tell_too_short(self, found: dict[MediaId, Media]) -> None:
        """Files that were replaced by others which have less than their clips show."""
        from ltxdesktop.document.shortfall import shortfall_words, shortfalls

        document = self.project.document
        short = shortfalls(document, found)
        self.materials.set_too_short(dict.fromkeys(found) | {each.known.id: each.found for each in short})
        if short:
            self.problem.emit(shortfall_words(short, document.sequence))

    # Playback

    def _scrub(self, frame: int) -> None:
        self.transport.use(self.program)
        self.program.seek(frame)

    def _follow_program(self, frame: int) -> None:
        self.timeline.set_playhead(frame, follow=self.program.player.playing)
        self.inspector.set_playhead(frame)
        self.canvas.set_playhead(frame)

    def _measure(self, picture: Shot) -> None:
        self.scopes.show_picture(picture)

    def _show_levels(self) -> None:
        self.meters.show_levels(self.program.player.levels())

    def _show_playing(self, playing: bool) -> None:
        if not playing:
            self.meters.rest()

    def _grab(self) -> None:
        """Save the frame at the playhead, in the film's full size and from the originals."""
        document, frame = self.project.document, self.playhead
        place = timecode(frame, document.sequence.rate).replace(":", "-")
        start = str(Path(self._folders.of("picture"), f"{self.project.name} {place}.png"))
        chosen, _ = QFileDialog.getSaveFileName(self, "Save this picture", start, "Pictures (*.png)")
        if not chosen:
            return
        path = Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.png")
        self._folders.remember("picture", path.parent)
        film = partial(SequenceSource, document.sequence, replace(self._footage(document), originals=True))

        def tell(done: object) -> None:
            said = f"Saved {path.name}" if done is True else f"{path.name} could not be written"
            self.said.emit(f"{said}: {done}" if isinstance(done, Exception) else said)

        self.materials.run(lambda: film().picture(frame, None).save(str(path)), tell)

    # Media

    def _open_in_source(self, media: str) -> None:
        self.source_side.open(media)
        self.transport.use(self.source)
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
                self.transport.use(self.source)
                return

    def _place_source(self, way: Way) -> None:
        self.source_side.place(way, self.playhead, self.timeline.patching.patch)

    def _leave(self) -> None:
        self.program.show_nothing("", "")
        self.source_side.close()
        self.files.close_project()
        self.setCurrentIndex(0)
        self.title_changed.emit()
        self.files.read_recent()

    def _offer_words(self, words: str) -> None:
        """Words for the range that is marked in the sample."""
        if "make" in self.docks:
            self.make.write(words)
            self.docks["make"].raise_()

    # The end

    def close_all(self) -> None:
        """Stop everything and wait for it: the window goes."""
        self._docks.save()
        self.timeline.save_state(self._settings)
        if "make" in self.docks:
            self._loop.close()
        self.source.close_all()
        self.program.close_all()
        self._graphics.note_drawn()
        self.scopes.close_all()
        self.files.close()
        self.materials.close()
