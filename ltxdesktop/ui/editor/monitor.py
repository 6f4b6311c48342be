"""An editing monitor: a screen, the line under it, timecodes and a transport. Source and program are two of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPointF, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ltxdesktop.document.model import Sequence, new_sequence
from ltxdesktop.document.time import timecode
from ltxdesktop.playback.shuttle import speed_words
from ltxdesktop.playback.source import Size, Source
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.monitors import BOTH_PX
from ltxdesktop.ui.editor.sources import SequenceSource, ShotsOf
from ltxdesktop.ui.editor.time_strip import Marks, TimeStrip
from ltxdesktop.ui.editor.view import MonitorView, is_pull
from ltxdesktop.ui.monitor.planes import Shot
from ltxdesktop.ui.monitor.player import Opener, Player
from ltxdesktop.ui.monitor.sinks import Graphics
from ltxdesktop.ui.parts import ElidedLabel, IconButton, label
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.ui.timeline.timecode_field import TimecodeField
from ltxdesktop.words import counted

ZOOMS = (("Fit", 0.0), ("50 %", 0.5), ("100 %", 1.0), ("200 %", 2.0))
BAR_MARGIN_PX, BAR_SPACING_PX = 8, 2
TIGHT_PX = 28  # width of a button where it's narrow
WITH_FACTS_PX = 390
TRANSPORT = (
    ("play.start", "to-start"),
    ("play.frame_back", "step-back"),
    ("play.toggle", "play"),
    ("play.frame_on", "step-forward"),
    ("play.end", "to-end"),
)
MARKS = ("mark.in", "mark.out", "mark.clear", "mark.go_in", "mark.go_out")
LOOK = ("view.safe_areas", "view.full_screen")
SOURCE_MENU = (
    "play.toggle",
    "play.range",
    "",
    *MARKS,
    "",
    "source.insert",
    "source.overwrite",
    "source.append",
    "",
    *LOOK,
)
PROGRAM_MENU = (
    "play.toggle",
    "play.range",
    "",
    *MARKS,
    "",
    "sequence.marker",
    "source.match",
    "view.grab",
    "",
    "view.handles",
    *LOOK,
)


class EditMonitor(QFrame):
    """Shows one film. `activated` comes before any command of its buttons, so that they act on this monitor."""

    activated = Signal()
    moved = Signal(int)  # the frame that is shown, or gone to
    stumbled = Signal(str)
    dragged = Signal(str)  # "both", "picture" or "sound" of what is shown is pulled away

    def __init__(
        self,
        name: str,
        look: Look,
        actions: Actions,
        extra: tuple[tuple[str, str], ...] = (),
        graphics: Graphics | None = None,
        *,
        draggable: bool = False,
    ) -> None:
        """`extra`: further commands and their icons, at the right of the transport. `draggable`: its film can be
        pulled away, to the timeline."""
        super().__init__()
        self.setObjectName("monitor")
        self.setAccessibleName(name)
        self.name = name
        self.look, self.graphics, self._actions = look, graphics, actions
        self.player = Player(self, loops=False, open_end=not draggable)  # something may be put behind a film's end
        self.view = MonitorView(look, graphics)
        self.strip = TimeStrip(look)
        self.place = TimecodeField()
        self.place.setAccessibleName(f"{name}: place")
        self.title = ElidedLabel(name, "title")
        self._facts = label("", "hint")
        self._length = label("", "hint")
        self._length.setFont(figures(self._length.font()))
        self._sequence = new_sequence()
        self._full: FullScreen | None = None
        self._share = 0.0
        self.other = QToolButton()  # shows the other monitor, where there is room for one only
        self.zoom = QComboBox()
        for words, factor in ZOOMS:
            self.zoom.addItem(words, factor)
        self.zoom.setAccessibleName(f"{name}: zoom")
        self.zoom.setToolTip("How large the picture is shown (Ctrl+wheel over it)")
        self.grips = (
            Grip(look, "picture", "picture", "Drag the picture alone to the timeline"),
            Grip(look, "sound", "music", "Drag the sound alone to the timeline"),
        )
        self._draggable = draggable
        self._lay_out(extra)
        self._wire()
        self.show_nothing("Nothing here yet", "")

    # What is shown

    def show_film(self, opener: Callable[[], SequenceSource], *, frame: int = 0) -> None:
        """Another film."""
        self.player.open_source(self._for_screen(opener), frame=frame)

    def swap_film(self, opener: Callable[[], SequenceSource]) -> None:
        """The same film after an edit: it stays where it is."""
        self.player.swap_source(self._for_screen(opener))

    def _for_screen(self, opener: Callable[[], SequenceSource]) -> Opener:
        return partial(ShotsOf, opener) if self.view.takes_planes and not self._share else opener

    def show_nothing(self, title: str, words: str) -> None:
        self.player.let_go()
        self.view.set_film(None)
        self.view.show_hint(title, words)
        self.strip.set_frames(0)
        self._length.setText("")
        self._facts.setText("")
        self._enable(False)

    def set_sequence(self, sequence: Sequence) -> None:
        """Whose timecodes it counts, and what is marked in it."""
        self._sequence = sequence
        self.place.show_frame(self.player.frame, sequence)
        markers = tuple(marker.frame for marker in sequence.markers)
        self.strip.set_marks(Marks(sequence.in_frame, sequence.out_frame, markers))

    @property
    def film(self) -> Source[Shot] | None:
        return self.player.film

    @property
    def frame(self) -> int:
        return self.player.frame

    def seek(self, frame: int) -> None:
        """Go to a frame."""
        if self.player.film is None:
            return
        self.player.seek(frame)
        self._show_place(self.player.frame)

    @property
    def window_actions(self) -> list[QAction]:
        """The commands that work over a full screen too."""
        names = [name for name, _ in TRANSPORT]
        names += ["play.backwards", "play.stop", "play.forwards", "play.loop", "mark.in", "mark.out"]
        return [self._actions[name] for name in names]

    def show_full_screen(self) -> None:
        """The picture alone, on the screen that this window is on; Esc or a double click comes back."""
        if self._full is None and self.player.film is not None:
            self._full = FullScreen(self)
            self._full.closed.connect(self._come_back)
            self._full.open_on(self)

    def lead_to(self, name: str, action: QAction, alone: SignalInstance) -> None:
        """A button brings the other monitor in front while this one is told to be alone."""
        action.setIconText(name)
        self.other.setDefaultAction(action)
        self.other.setAccessibleName(f"Show the monitor {name}")
        alone.connect(self.other.setVisible)

    def set_active(self, active: bool) -> None:
        """Whether keys go to this monitor: its frame shows it."""
        self.setProperty("active", active)
        self.style().unpolish(self)
        self.style().polish(self)

    def close_all(self) -> None:
        self._leave_full_screen()
        self.player.close()
        self.view.let_go()

    # Parts

    def _lay_out(self, extra: tuple[tuple[str, str], ...]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(2)
        head = QHBoxLayout()
        head.setContentsMargins(10, 4, 8, 4)
        self.title.setMinimumHeight(TIGHT_PX + 5)  # as high with grips as without
        head.addWidget(self.title, 1)
        for grip in self.grips:
            head.addWidget(grip)
            grip.setVisible(self._draggable)
        head.addWidget(self._facts)
        self.other.hide()
        for each in (self.other, self.zoom):
            head.addWidget(each)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        column.addWidget(self.strip)
        bar = QWidget()
        bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(bar)
        row.setContentsMargins(BAR_MARGIN_PX, 0, BAR_MARGIN_PX, 0)
        row.setSpacing(BAR_SPACING_PX)
        row.addWidget(self.place)
        row.addStretch(1)
        self._buttons = [self._actions.button(self.look, name, icon) for name, icon in (*TRANSPORT, *extra)]
        for button in self._buttons:
            button.pressed.connect(self.activated)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._length)
        column.addWidget(bar)
        self.setMinimumWidth(BOTH_PX)
        self.setFocusProxy(self.view)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it's narrow, what can be missed goes first."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        ends = [self._buttons[place] for place in (0, 4)]  # to the start, to the end: Home and End do it too
        others = [button for button in self._buttons if button not in ends]
        bar = self.width() - 2 * BAR_MARGIN_PX
        room = bar - sum(button.sizeHint().width() + BAR_SPACING_PX for button in others)
        tight = room < _width(self.place)
        for button in self._buttons:
            button.setFixedWidth(TIGHT_PX if tight else button.sizeHint().width())
        if tight:
            room = bar - len(others) * (TIGHT_PX + BAR_SPACING_PX)
        for widgets in ([self.place], ends, [self._length]):
            room -= _width(*widgets)
            for widget in widgets:
                widget.setVisible(room >= 0)
        self._facts.setVisible(self.width() >= WITH_FACTS_PX)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """For all of the monitor: what can be done with its film, and how large it's shown."""
        self.activated.emit()
        if self.film is None:
            return
        menu = self._actions.menu(SOURCE_MENU if self._draggable else PROGRAM_MENU, self)
        sizes = menu.addMenu("&Zoom")
        for place in range(self.zoom.count()):
            action = sizes.addAction(self.zoom.itemText(place))
            action.setCheckable(True)
            action.setChecked(place == self.zoom.currentIndex())
            action.triggered.connect(partial(self._choose_zoom, place))
        menu.popup(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel go through the sizes."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y() and self.film is not None:
            by = 1 if event.angleDelta().y() > 0 else -1
            self._choose_zoom(max(0, min(self.zoom.count() - 1, self.zoom.currentIndex() + by)))
            event.accept()
        else:
            super().wheelEvent(event)

    def _choose_zoom(self, place: int) -> None:
        self.zoom.setCurrentIndex(place)
        self._zoom(place)

    def _wire(self) -> None:
        player = self.player
        player.shown.connect(self._show_picture)
        player.opened.connect(self._show_opened)
        player.failed.connect(self._show_failure)
        player.stumbled.connect(self.stumbled)
        player.playing_changed.connect(self._show_playing)
        self.view.size_wanted.connect(self._ask_size)
        self.view.pressed.connect(self.activated)
        if self._draggable:
            self.view.drag_began.connect(self._pull)
            self.view.setToolTip("Drag to the timeline: what is between in and out, or all of it")
        for grip in self.grips:
            grip.pulled.connect(self.dragged)
        self.strip.pressed.connect(self._begin_scrub)
        self.strip.moved.connect(self.seek)
        self.place.entered.connect(self._go_typed)
        self.zoom.activated.connect(self._zoom)

    def _begin_scrub(self) -> None:
        self.activated.emit()
        self.player.pause()

    def _pull(self) -> None:
        if self.film is not None:
            self.dragged.emit("both")

    def _go_typed(self, frame: int) -> None:
        self.activated.emit()
        self.seek(frame)

    def _zoom(self, place: int) -> None:
        self.view.set_zoom(float(self.zoom.itemData(place)))

    def set_preview(self, share: float) -> None:
        """How large pictures are made, as a share of the film's own size; 0: as large as the screen can use."""
        self._share = share
        if self.film is not None:
            self.view.set_film(self.film.size)

    def _ask_size(self, size: Size) -> None:
        if self._full is None:
            if self._share and self.film is not None:
                width, height = (max(2, round(side * self._share)) for side in self.film.size)
                size = Size(width, height)
            self.player.set_size(size)

    def _enable(self, on: bool) -> None:
        for each in (self.strip, self.place, self.zoom, *self.grips):
            each.setEnabled(on)

    # From the player

    def _show_opened(self, film: Source[Shot]) -> None:
        self.view.set_film(film.size)
        self.strip.set_frames(film.frames)
        length = max(0, film.frames - 1)
        self._length.setText(timecode(length, self._sequence.rate, drop=self._sequence.drop_frame))
        self._length.setToolTip("Length")
        self._fit()
        self._facts.setText(f"{film.size.width} × {film.size.height}")
        self._enable(True)
        self._show_place(self.player.frame)

    def _show_picture(self, picture: Shot, frame: int) -> None:
        badge = self._badge()
        self.view.show_picture(picture, badge)
        if self._full is not None:
            self._full.view.show_picture(picture, badge)
        self._show_place(frame)

    def _badge(self) -> str:
        """What has to be said over a playing picture: an unusual speed, and pictures that had to be left out."""
        if not self.player.playing:
            return ""
        dropped = f"{counted(self.player.dropped, 'frame')} dropped" if self.player.dropped else ""
        return " · ".join(each for each in (speed_words(self.player.speed), dropped) if each)

    def _show_place(self, frame: int) -> None:
        self.strip.set_frame(frame)
        self.place.show_frame(frame, self._sequence)
        self.moved.emit(frame)

    def _show_playing(self, playing: bool) -> None:
        play = self._buttons[2]
        play.set_icon("pause" if playing else "play")
        film, dropped = self.player.film, self.player.dropped
        if film is not None:
            lost = f"   {dropped} dropped" if dropped and not playing else ""
            self._facts.setText(f"{film.size.width} × {film.size.height}{lost}")
        if not playing:
            self.view.show_picture(self.view.shot)

    def _show_failure(self, message: str) -> None:
        self.view.show_hint("This can't be shown", message)

    def _come_back(self) -> None:
        """From the full screen, with the keys: not every system gives them back to the window by itself."""
        self._leave_full_screen()
        self.window().activateWindow()
        self.view.setFocus()

    def _leave_full_screen(self) -> None:
        if self._full is not None:
            full, self._full = self._full, None
            full.view.let_go()
            full.close()
            full.deleteLater()
            self.view.set_film(self.player.film.size if self.player.film is not None else None)


def _width(*widgets: QWidget) -> int:
    """What they take in a row, with the spacing behind each."""
    hints = (each.sizeHint().expandedTo(each.minimumSize()).boundedTo(each.maximumSize()) for each in widgets)
    return sum(hint.width() + BAR_SPACING_PX for hint in hints)


class Grip(IconButton):
    """An icon that is pulled away: what it stands for goes along."""

    pulled = Signal(str)

    def __init__(self, look: Look, part: str, icon: str, words: str) -> None:
        super().__init__(look, icon, words)
        self._part = part
        self._pressed: QPointF | None = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and is_pull(self._pressed, event):
            self._pressed = None
            self.pulled.emit(self._part)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None


class FullScreen(QWidget):
    """A monitor's picture over a whole screen."""

    closed = Signal()

    def __init__(self, monitor: EditMonitor) -> None:
        super().__init__(monitor, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle(monitor.name)
        self._monitor = monitor
        self.view = MonitorView(monitor.look, monitor.graphics)
        self.view.set_safe_areas(monitor.view.safe_areas)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.addActions(monitor.window_actions)
        self.view.size_wanted.connect(monitor.player.set_size)

    def open_on(self, monitor: EditMonitor) -> None:
        screen = monitor.screen()
        self.setGeometry(screen.geometry())
        if monitor.player.film is not None:
            self.view.set_film(monitor.player.film.size)
        self.view.show_picture(monitor.view.shot)
        self.showFullScreen()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.closed.emit()
