"""The monitor with its transport: shows live previews while a job runs, and plays takes and clips."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, QTimer
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ltxdesktop.ui.monitor.film import Film
from ltxdesktop.ui.monitor.picture_view import PictureView
from ltxdesktop.ui.monitor.player import Player
from ltxdesktop.ui.parts import IconButton, label
from ltxdesktop.ui.scrubber import Scrubber
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import rate_name, short_timecode

PREVIEW_FPS = 12  # where a preview doesn't say its rate
LEAST_PX = 356  # of width: the transport and the timecode
WITH_FACTS_PX = 470  # of width: then size and rate of the film have room beside its transport


class MonitorPanel(QFrame):
    """Either a film with a transport, or the moving preview of a job, or a hint."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._look = look
        self.player = Player(self)
        self.view = PictureView(look)
        self._preview: list[QImage] = []
        self._preview_at = 0
        self._preview_badge = ""
        self._preview_timer = QTimer(self)
        self._preview_timer.timeout.connect(self._show_next_preview)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self._build_transport())
        self.setMinimumWidth(LEAST_PX)
        self.player.shown.connect(self._show_frame)
        self.player.opened.connect(self._show_film)
        self.player.failed.connect(self._show_failure)
        self.player.playing_changed.connect(self._show_playing)
        self._show_film(None)

    def show_hint(self, title: str, words: str) -> None:
        self.stop_preview()
        self.player.let_go()
        self._show_film(None)
        self.view.show_hint(title, words)

    def play_film(self, path: str, *, sound: str = "", play: bool = True) -> None:
        self.stop_preview()
        self.player.open(path, sound=sound, play=play)

    def show_preview(self, pictures: list[QImage], fps: float, badge: str) -> None:
        """Show the moving picture of what is becoming, in place of any film."""
        if self.player.film is not None:
            self.player.let_go()
            self._show_film(None)
        self._preview, self._preview_badge = pictures, badge
        self._preview_at = min(self._preview_at, len(pictures) - 1)
        self.view.show_picture(pictures[self._preview_at], badge)
        if len(pictures) > 1:
            self._preview_timer.start(round(1000 / (fps or PREVIEW_FPS)))
        else:
            self._preview_timer.stop()

    def say_of_preview(self, badge: str) -> None:
        """Other words over the preview that is shown."""
        if badge != self._preview_badge and self._preview:
            self._preview_badge = badge
            self.view.show_picture(self._preview[self._preview_at], badge)

    @property
    def previewing(self) -> bool:
        return bool(self._preview)

    def stop_preview(self) -> None:
        self._preview_timer.stop()
        self._preview, self._preview_at = [], 0

    def close_all(self) -> None:
        """Stop everything that runs: when the window goes."""
        self.stop_preview()
        self.player.close()

    def _build_transport(self) -> QWidget:
        bar = QWidget()
        bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        rows = QVBoxLayout(bar)
        rows.setContentsMargins(12, 8, 12, 8)
        rows.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(4)
        self._to_start = IconButton(self._look, "to-start", "To the start", "Home")
        self._back = IconButton(self._look, "step-back", "One frame back", "Left")
        self._play = IconButton(self._look, "play", "Play", "Space")
        self._forward = IconButton(self._look, "step-forward", "One frame on", "Right")
        self._mute = IconButton(self._look, "sound", "Mute", "M")
        self._mute.setCheckable(True)
        self._to_start.clicked.connect(self.to_start)
        self._back.clicked.connect(self.step_back)
        self._play.clicked.connect(self.player.toggle)
        self._forward.clicked.connect(self.step_forward)
        self._mute.toggled.connect(self._set_muted)
        self._place = Scrubber(self._look)
        self._place.setAccessibleName("Position")
        self._place.valueChanged.connect(self.player.seek)
        self._time = QLabel("")
        self._time.setFont(figures(self._time.font()))
        self._time.setAccessibleName("Timecode")
        self._time.setMinimumWidth(1)  # what is said of dropped frames may be cut off
        self._facts = label("", "hint")
        for button in (self._to_start, self._back, self._play, self._forward):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self._time)
        row.addStretch(1)
        row.addWidget(self._facts)
        row.addSpacing(6)
        row.addWidget(self._mute)
        rows.addWidget(self._place)
        rows.addLayout(row)
        return bar

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it's narrow, what can be missed goes."""
        super().resizeEvent(event)
        self._facts.setVisible(self.width() >= WITH_FACTS_PX)

    def step_back(self) -> None:
        self.player.step(-1)

    def step_forward(self) -> None:
        self.player.step(1)

    def mute(self) -> None:
        """Sound off, or on again."""
        self._mute.click()

    def to_start(self) -> None:
        self.player.seek(0)

    def _show_film(self, film: Film | None) -> None:
        for each in (self._to_start, self._back, self._play, self._forward, self._place):
            each.setEnabled(film is not None)
        self._mute.setVisible(film is None or film.has_sound)
        self._mute.setEnabled(film is not None and film.has_sound)
        with QSignalBlocker(self._place):
            self._place.setRange(0, film.frames - 1 if film is not None else 0)
            self._place.setValue(0)
        self._facts.setText(f"{film.width} × {film.height} · {rate_name(film.rate)} fps" if film is not None else "")
        self._time.setText(self._time_words(0))

    def _show_frame(self, picture: QImage, frame: int) -> None:
        self.view.show_picture(picture)
        with QSignalBlocker(self._place):
            self._place.setValue(frame)
        self._time.setText(self._time_words(frame))

    def _time_words(self, frame: int) -> str:
        film = self.player.film
        if film is None:
            return "--:--:--"
        dropped = f"   {self.player.dropped} dropped" if self.player.dropped else ""
        return f"{short_timecode(frame, film.rate)} / {short_timecode(film.frames, film.rate)}{dropped}"

    def _show_playing(self, playing: bool) -> None:
        self._play.set_icon("pause" if playing else "play")
        self._play.set_words("Pause" if playing else "Play", "Space")

    def _show_failure(self, message: str) -> None:
        self._show_film(None)
        self.view.show_hint("This film can't be shown", message)

    def _set_muted(self, muted: bool) -> None:
        self.player.set_muted(muted)
        self._mute.set_icon("mute" if muted else "sound")
        self._mute.set_words("Sound on" if muted else "Mute", "M")

    def _show_next_preview(self) -> None:
        if self._preview:
            self._preview_at = (self._preview_at + 1) % len(self._preview)
            self.view.show_picture(self._preview[self._preview_at], self._preview_badge)

    def sizeHint(self) -> QSize:
        return QSize(760, 520)
