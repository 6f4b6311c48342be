"""Play, step, shuttle and go to places: the keys of whichever monitor was used last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.source_side import SourceSide
from ltxdesktop.ui.monitor.player import Player
from ltxdesktop.ui.timeline.panel import TimelinePanel


class Transport(QObject):
    """The source monitor or the program: one of them is `active`."""

    used = Signal(object)  # the EditMonitor that is active now

    def __init__(
        self, source: SourceSide, monitors: tuple[EditMonitor, EditMonitor], project: OpenProject,
        timeline: TimelinePanel, parent: QObject,
    ) -> None:  # fmt: skip
        """`monitors`: the source's and the program's."""
        super().__init__(parent)
        self._source_side, self._project, self._timeline = source, project, timeline
        self._source, self._program = monitors
        self.active = self._program

    def use(self, monitor: EditMonitor) -> None:
        """Keys go to this monitor."""
        if monitor is not self.active and self.active.player.playing:
            self.active.player.pause()
        self.active = monitor
        for each in (self._source, self._program):
            each.set_active(each is monitor)
        self.used.emit(monitor)

    def bind(self, actions: Actions) -> None:
        """Have the application's actions do all this."""
        calls: dict[str, Callable[[], object]] = {
            "play.previous_cut": self._timeline.commands.previous_cut,
            "play.next_cut": self._timeline.commands.next_cut,
            "play.toggle": lambda: self._player.toggle(),
            "play.backwards": lambda: self._player.push(-1),
            "play.forwards": lambda: self._player.push(1),
            "play.slow_backwards": lambda: self._player.push(-1, slow=True),
            "play.slow_forwards": lambda: self._player.push(1, slow=True),
            "play.stop": lambda: self._player.pause(),
            "play.frame_back": lambda: self._step(-1),
            "play.frame_on": lambda: self._step(1),
            "play.second_back": lambda: self._step_seconds(-1),
            "play.second_on": lambda: self._step_seconds(1),
            "play.start": lambda: self.active.seek(0),
            "play.end": self._to_end,
            "play.range": self._play_range,
            "view.full_screen": lambda: self.active.show_full_screen(),
            "view.source": lambda: self.use(self._source),
            "view.program": lambda: self.use(self._program),
        }
        for name, call in calls.items():
            actions.bind(name, call)
        actions.bind_checked("play.loop", self._set_looping)
        actions.bind_checked("play.mute", self._set_muted)
        actions.bind_checked("play.scrub_sound", self._set_scrub_sound)
        actions.bind_checked("view.safe_areas", self._set_safe_areas)
        source = self._source_side
        for name, call in (
            ("mark.in", source.mark_in),
            ("mark.out", source.mark_out),
            ("mark.clear", source.clear_marks),
            ("mark.clip", source.clear_marks),
            ("mark.go_in", source.go_in),
            ("mark.go_out", source.go_out),
        ):
            actions.detour(name, partial(self._when_source, call))

    @property
    def _player(self) -> Player:
        return self.active.player

    def _to_end(self) -> None:
        """To the last place of what is shown: of the sequence right behind its last frame, where more can be put."""
        film = self.active.film
        if film is not None:
            self.active.seek(max(0, film.frames - 1))

    def _step(self, frames: int) -> None:
        self.active.player.step(frames)
        self.active.seek(self.active.frame)

    def _step_seconds(self, seconds: int) -> None:
        film = self.active.film
        if film is not None:
            self._step(seconds * max(1, round(film.rate)))

    def _play_range(self) -> None:
        if self.active is self._source and self._source_side.range is not None:
            within = self._source_side.range
        else:
            sequence = self._project.document.sequence
            end = sequence.out_frame if sequence.out_frame is not None else sequence.duration
            within = (sequence.in_frame or 0, end)
        if within[1] > within[0]:
            self.active.seek(within[0])
            self.active.player.play(within=within)

    def _when_source(self, call: Callable[[], None]) -> bool:
        if self.active is not self._source:
            return False
        call()
        return True

    def _set_looping(self, on: bool) -> None:
        for monitor in (self._source, self._program):
            monitor.player.set_looping(on)

    def _set_muted(self, on: bool) -> None:
        for monitor in (self._source, self._program):
            monitor.player.set_muted(on)

    def _set_scrub_sound(self, on: bool) -> None:
        for monitor in (self._source, self._program):
            monitor.player.set_scrub_sound(on)

    def _set_safe_areas(self, on: bool) -> None:
        for monitor in (self._source, self._program):
            monitor.view.set_safe_areas(on)
