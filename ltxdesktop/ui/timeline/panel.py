"""The timeline's panel: tool bar, timecode, zoom, the view and the overview, joined to a history and a selection."""

from __future__ import annotations

from math import log

from PySide6.QtCore import QPoint, QSettings, Qt, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from ltxdesktop.document.history import History
from ltxdesktop.document.model import Document, SequenceId, TrackId
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.overflow_row import OverflowRow
from ltxdesktop.ui.parts import ElidedLabel, IconButton, label
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.commands import TimelineCommands
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.hands import ZOOM_STEP
from ltxdesktop.ui.timeline.hits import Hit
from ltxdesktop.ui.timeline.menus import TimelineMenus
from ltxdesktop.ui.timeline.overview import Overview
from ltxdesktop.ui.timeline.patching import Patching
from ltxdesktop.ui.timeline.providers import Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.selection_memory import SelectionMemory
from ltxdesktop.ui.timeline.sequence_button import SequenceButton
from ltxdesktop.ui.timeline.timecode_field import TimecodeField
from ltxdesktop.ui.timeline.tools import EXTEND, SELECT, TOOLS, Tool
from ltxdesktop.ui.timeline.view import TimelineView
from ltxdesktop.ui.timeline.viewport import FINEST, HEADER_PX, RULER_PX

SLIDER_STEPS = 1000
_TOOL_RANKS = {"Zoom": 8, "Hand": 8, "Slide": 6, "Slip": 6, "Roll": 5, "Ripple": 5, "Extend": 1}  # who goes first
PANEL_MENU = ("view.zoom_in", "view.zoom_out", "view.zoom_fit", "", "view.snap", "", "sequence.settings")


class TimelinePanel(QFrame):
    """Everything of the timeline. It shows what the history says, and edits through it."""

    scrubbed = Signal(int)  # a person moved the playhead; whoever plays moves it with `set_playhead`
    range_changed = Signal(int, int)  # the range between in and out, however it was changed; first, last (exclusive)
    range_cleared = Signal()
    previewed = Signal(object)  # the Document that a drag would make, while it goes on; None when it's over
    takes_asked = Signal(str, QPoint)
    clip_opened = Signal(str)
    extend_asked = Signal(str, bool, int)  # clip id, at its tail, frames to be made; where `offer_generation` is on
    fill_asked = Signal(str, int, int)  # gap id, its first and last (exclusive) frame
    files_dropped = Signal(list, int, str, bool)
    refused = Signal(str)

    def __init__(
        self, look: Look, history: History, actions: Actions, selection: Selection | None = None, *,
        thumbnails: Thumbnails | None = None, waveforms: Waveforms | None = None, presence: Presence | None = None,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Timeline panel")
        self._look, self._actions = look, actions
        self.selection = selection or Selection(self)
        self.desk = EditDesk(history)
        self.view = TimelineView(
            look, self.desk, self.selection, thumbnails=thumbnails, waveforms=waveforms, presence=presence, parent=self
        )
        self.patching = Patching(self)
        self.commands = TimelineCommands(
            self.desk, self.selection, self.patching, lambda: self.view.playhead, self.go_to, self
        )
        self.overview = Overview(look, self.view, self)
        self.timecode = TimecodeField(self)
        self.menus = TimelineMenus(self.commands, actions, self.view, self)
        self._tool_buttons: dict[str, IconButton] = {}
        self.sequences = SequenceButton(self.desk, self.commands.sequences, actions, self)
        self._playheads: dict[SequenceId, int] = {}  # where each sequence was left
        self._note = ElidedLabel("", "problem")
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._rename: QLineEdit | None = None
        self._build()
        self._connect()
        self.offer_generation(False)
        self._show_zoom()
        self.timecode.show_frame(0, history.document.sequence)
        self.destroyed.connect(SelectionMemory(history, self.selection).stop)  # first: views forget what is gone
        self.destroyed.connect(history.listen(self._show_step))

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show_step(self, before: Document, after: Document, name: str) -> None:
        """After every do, undo and redo."""
        self._note.set_text("")
        self.patching.keep_existing(after.sequence)
        self.view.show_document(after)
        self.overview.update()
        self.timecode.show_frame(self.view.playhead, after.sequence)
        self.sequences.show_document(after)
        old, new = before.sequence, after.sequence
        if old.id != new.id:
            self._playheads[old.id] = self.view.playhead
            self.go_to(self._playheads.get(new.id, 0))
            self.view.zoom_to_fit()
        if (old.in_frame, old.out_frame) != (new.in_frame, new.out_frame):
            if new.in_frame is not None and new.out_frame is not None:
                self.range_changed.emit(new.in_frame, new.out_frame)
            else:
                self.range_cleared.emit()

    def set_playhead(self, frame: int, *, follow: bool = False) -> None:
        """Show the playhead at a frame; `follow` turns the page while playing."""
        self.view.set_playhead(frame, follow=follow)
        self.timecode.show_frame(frame, self.view.sequence)
        self.overview.update()

    def go_to(self, frame: int) -> None:
        """Put the playhead somewhere on a person's behalf: it's shown there, and said."""
        self.set_playhead(max(0, frame), follow=True)
        self.scrubbed.emit(self.view.playhead)

    def set_tool(self, tool: Tool) -> None:
        """Work with another tool from now on. The Extend tool needs someone who makes what is missing."""
        if tool is EXTEND and not self.view.offers_fill:
            return
        self.view.set_tool(tool)
        self._tool_buttons[tool.name].setChecked(True)

    def save_state(self, settings: QSettings) -> None:
        """Keep the zoom and snapping for the next start."""
        settings.setValue("timeline/frames_per_px", self.view.viewport.frames_per_px)
        settings.setValue("timeline/snap", self.view.snapping)

    def offer_generation(self, on: bool) -> None:
        """Whether gaps offer to be filled and clips to be extended: `fill_asked` and `extend_asked` are listened to."""
        self.view.offers_fill = on
        self._tools.offer(self._tool_buttons[EXTEND.name], on)
        self._actions["tool.extend"].setEnabled(on)
        if not on and self.view.tool is EXTEND:
            self.set_tool(SELECT)

    def set_snapping(self, on: bool) -> None:
        self.view.snapping = on

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        self._tools = self._tool_bar()
        column.addWidget(self._tools)
        column.addWidget(self.view, 1)
        self._add_source_buttons()
        column.addWidget(self.overview)
        self.setFocusProxy(self.view)

    def _add_source_buttons(self) -> None:
        """In the corner over the headers: which half of a source is taken."""
        corner = QWidget(self.view)
        row = QHBoxLayout(corner)
        row.setContentsMargins(8, 2, 0, 0)
        row.setSpacing(2)
        row.addWidget(label("Source", "hint"))
        row.addSpacing(4)
        for name, icon in (("source.picture", "film"), ("source.sound", "sound")):
            button = self._actions.button(self._look, name, icon)
            button.setFixedSize(26, 26)
            row.addWidget(button)
        corner.setFixedSize(HEADER_PX - 2, RULER_PX - 2)

    def _tool_bar(self) -> OverflowRow:
        """Where it's narrow, the rarer tools are in a menu, and the zoom is left to its keys and the overview."""
        actions = self._actions
        row = OverflowRow(self._look, "Tools", (8, 6, 8, 6), 3)
        row.add(self.timecode)
        row.add_gap(10)
        group = QButtonGroup(self)
        for tool in TOOLS:
            button = IconButton(self._look, tool.icon, tool.name)
            button.setCheckable(True)
            group.addButton(button)
            row.add(button, _TOOL_RANKS.get(tool.name, 0), actions[_command(tool)])
            self._tool_buttons[tool.name] = button
        self._tool_buttons[self.view.tool.name].setChecked(True)
        row.add_gap(10)
        row.add(actions.button(self._look, "view.snap", "magnet"), 4, actions["view.snap"])
        row.add(actions.button(self._look, "sequence.marker", "marker"), 7, actions["sequence.marker"])
        row.end_tools()
        row.add_gap(8)
        row.add(self.sequences)
        row.add_gap(10)
        row.add(self._note, stretch=1)
        row.add(actions.button(self._look, "view.zoom_out", "zoom-out"), 2, actions["view.zoom_out"])
        self._slider.setRange(0, SLIDER_STEPS)
        self._slider.setMinimumWidth(60)
        self._slider.setMaximumWidth(130)
        self._slider.setAccessibleName("Zoom")
        self._slider.setToolTip("Zoom (= and -; Ctrl+wheel zooms to the mouse)")
        self._slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.add(self._slider, 9)
        row.add(actions.button(self._look, "view.zoom_in", "zoom-in"), 2, actions["view.zoom_in"])
        row.add(actions.button(self._look, "view.zoom_fit", "zoom-fit"), 3, actions["view.zoom_fit"])
        return row

    def _connect(self) -> None:
        for tool in TOOLS:
            name = _command(tool)
            self._tool_buttons[tool.name].clicked.connect(self._actions[name].trigger)
            self._actions.bind(name, _Chooser(self, tool))
        self.commands.bind(self._actions)
        self._actions.bind("view.zoom_in", lambda: self.view.zoom(ZOOM_STEP**2))
        self._actions.bind("view.zoom_out", lambda: self.view.zoom(ZOOM_STEP**-2))
        self._actions.bind("view.zoom_fit", self.view.zoom_to_fit)
        self._actions.bind_checked("view.snap", self.set_snapping, on=True)
        self._actions.bind_checked("source.picture", self.patching.take_picture, on=True)
        self._actions.bind_checked("source.sound", self.patching.take_sound, on=True)
        self.patching.changed.connect(self._show_patching)
        self._actions.keys_changed.connect(self._say_keys)
        self._say_keys()
        self.timecode.entered.connect(self.go_to)
        self._slider.valueChanged.connect(self._zoom_to_slider)
        view = self.view
        view.viewport_changed.connect(self._show_zoom)
        view.scrubbed.connect(self._show_scrubbed)
        view.previewed.connect(self.previewed)
        view.takes_asked.connect(self.takes_asked)
        view.takes_asked.connect(self.menus.choose_take)
        view.clip_opened.connect(self.clip_opened)
        view.extend_asked.connect(self.extend_asked)
        view.fill_asked.connect(self.fill_asked)
        view.files_dropped.connect(self.files_dropped)
        view.header_pressed.connect(self.commands.tracks.press_header)
        view.height_changed.connect(self.commands.tracks.set_height)
        view.rename_asked.connect(self._rename_track)
        view.menu_asked.connect(self._show_menu)
        for teller in (view.refused, self.commands.refused):
            teller.connect(self._note.set_text)
            teller.connect(self.refused)

    def _say_keys(self) -> None:
        for tool in TOOLS:
            tip = self._actions[_command(tool)].toolTip().splitlines()[0]
            self._tool_buttons[tool.name].setToolTip(f"{tip}\n{tool.hint}")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """On the overview and the tool bar; the timeline itself has menus for what is under the mouse."""
        self._actions.menu(PANEL_MENU, self).popup(event.globalPos())

    # ---- slots ------------------------------------------------------------------------------------------------------

    def _show_scrubbed(self, frame: int) -> None:
        self.timecode.show_frame(frame, self.view.sequence)
        self.overview.update()
        self.scrubbed.emit(frame)

    def _show_patching(self) -> None:
        self.view.show_aimed(self.patching.targets.values())

    def _coarsest(self) -> float:
        """Frames per pixel at the slider's left end: the whole film with room to spare."""
        viewport = self.view.viewport
        return max(viewport.fitted(self.view.sequence.duration).frames_per_px * 1.5, FINEST * 4)

    def _show_zoom(self) -> None:
        span = log(self._coarsest() / FINEST)
        value = round((1 - log(self.view.viewport.frames_per_px / FINEST) / span) * SLIDER_STEPS)
        self._slider.blockSignals(True)
        self._slider.setValue(min(SLIDER_STEPS, max(0, value)))
        self._slider.blockSignals(False)
        self.overview.update()

    def _zoom_to_slider(self, value: int) -> None:
        wanted = FINEST * (self._coarsest() / FINEST) ** (1 - value / SLIDER_STEPS)
        self.view.zoom(self.view.viewport.frames_per_px / wanted)

    def _show_menu(self, under: Hit, at: QPoint) -> None:
        self.menus.open(under, at)

    def _rename_track(self, track_id: str) -> None:
        """A field over the header; Enter or leaving it renames, Esc doesn't."""
        lane = next((lane for lane in self.view.placed().lanes if lane.track.id == track_id), None)
        if lane is None:
            return
        field = QLineEdit(lane.track.name, self.view)
        field.setAccessibleName("Name of the track")
        field.setGeometry(6, round(lane.header.top) + 2, 84, 24)
        field.selectAll()
        self._rename = field
        field.editingFinished.connect(self._renamed)
        field.setProperty("track", track_id)
        field.show()
        field.setFocus()

    def _renamed(self) -> None:
        field, self._rename = self._rename, None
        if field is None:
            return
        track_id, name = TrackId(str(field.property("track"))), field.text().strip()
        field.deleteLater()
        self.view.setFocus()
        if name:
            self.commands.tracks.rename_track(track_id, name)


def _command(tool: Tool) -> str:
    """The name of the command that chooses a tool."""
    return f"tool.{tool.name.lower()}"


class _Chooser:
    """Chooses one tool when called."""

    def __init__(self, panel: TimelinePanel, tool: Tool) -> None:
        self._panel, self._tool = panel, tool

    def __call__(self) -> None:
        self._panel.set_tool(self._tool)
