"""What is to be done with a clip, in the prompt panel: a range of it made again, or the clip extended at an end."""

from __future__ import annotations

from typing import Literal, cast

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.protocol.grid import FrameRange
from ltxdesktop.jobs.ask import Ask, SourceClip
from ltxdesktop.ui.parts import Segments, label, labelled, number_field, side_by_side
from ltxdesktop.ui.range_strip import RangeStrip
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import seconds_of, short_timecode


class ClipBox(QWidget):
    """Shows an ask that has a clip. What is changed here is read by who listens to `changed`."""

    changed = Signal()  # what to do, what to make again, or at which end
    selected = Signal(int, int)  # the range, however it was changed
    looked_at = Signal(int)  # a frame of the clip, while its range is being moved

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._action = Segments("What to do", [("retake", "Retake a range"), ("extend", "Extend")])
        self._action.chosen.connect(self.changed)
        column.addWidget(self._action)
        column.addWidget(self._build_range(look))
        self._direction = Segments("Where", [("forward", "After the end"), ("backward", "Before the start")])
        self._direction.chosen.connect(self.changed)
        column.addWidget(self._direction)

    def _build_range(self, look: Look) -> QWidget:
        self._retake_box = QWidget()
        retake = QVBoxLayout(self._retake_box)
        retake.setContentsMargins(0, 0, 0, 0)
        retake.setSpacing(8)
        self._strip = RangeStrip(look)
        self._strip.selected.connect(self.selected)
        self._strip.looked_at.connect(self.looked_at)
        retake.addWidget(self._strip)
        self._words = label("", "hint")
        self._words.setFont(figures(self._words.font()))
        retake.addWidget(self._words)
        self._start, self._end = number_field(0, 1), number_field(1, 1)
        for field in (self._start, self._end):
            field.valueChanged.connect(self._take_typed_range)
        retake.addLayout(side_by_side(labelled("&In frame", self._start), labelled("&Out frame", self._end)))
        self._what = Segments("Make again", [("both", "Both"), ("picture", "Picture"), ("sound", "Sound")])
        self._what.chosen.connect(self.changed)
        retake.addWidget(self._what)
        return self._retake_box

    @property
    def action(self) -> Literal["retake", "extend"]:
        return "extend" if self._action.value == "extend" else "retake"

    @property
    def what(self) -> Literal["both", "picture", "sound"]:
        return cast(Literal["both", "picture", "sound"], self._what.value)

    @property
    def direction(self) -> Literal["forward", "backward"]:
        return "backward" if self._direction.value == "backward" else "forward"

    def show_clip(self, clip: SourceClip, selection: FrameRange, pictures: list[QImage]) -> None:
        """Another clip, with pictures from start to end."""
        self._strip.show_clip(clip.frames, selection, pictures)

    def show_values(self, ask: Ask) -> None:
        """Put the ask into the fields, without asking anything."""
        self._action.set_value(ask.clip_action)
        self._what.set_value(ask.what)
        self._direction.set_value(ask.direction)
        self._strip.show_selection(ask.selection)

    def show_ask(self, ask: Ask) -> None:
        """Only the fields that matter for this ask, and its range in words."""
        self.setVisible(ask.clip is not None)
        retake = ask.clip is not None and ask.clip_action == "retake"
        self._retake_box.setVisible(retake)
        self._direction.setVisible(ask.clip is not None and not retake)
        if ask.clip is None:
            return
        start, end = ask.selection
        rate = ask.clip.rate
        with QSignalBlocker(self._start), QSignalBlocker(self._end):
            self._start.setRange(0, ask.clip.frames - 1)
            self._end.setRange(1, ask.clip.frames)
            self._start.setValue(start)
            self._end.setValue(end)
        self._words.setText(
            f"{short_timecode(start, rate)} – {short_timecode(end, rate)}   "
            f"{ask.selection.frames} frames, {seconds_of(ask.selection.frames, rate)}"
        )
        self._what.set_enabled("sound", ask.clip.has_sound, "The clip has no sound")
        self._what.set_enabled("both", True)

    def _take_typed_range(self) -> None:
        start = self._start.value()
        end = max(self._end.value(), start + 1)
        self.selected.emit(start, end)
        self._strip.show_selection(FrameRange(start, end))


def middle_range(clip: SourceClip) -> FrameRange:
    """The range selected at first: about the middle third of the clip."""
    start = clip.frames // 3
    return FrameRange(start, max(start + 1, clip.frames * 2 // 3))
