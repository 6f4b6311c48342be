"""The settings of an export as a form: what a preset leaves open, what it will come to, and what is impossible."""

from __future__ import annotations

from fractions import Fraction

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from ltxdesktop.document.model import Sequence
from ltxdesktop.document.time import timecode
from ltxdesktop.export.errors import ExportError
from ltxdesktop.export.feed import is_cut
from ltxdesktop.export.presets import PRESETS, Framing
from ltxdesktop.export.settings import (
    AS_MIXED,
    LARGEST,
    LOUDNESS_TARGETS,
    Settings,
    Subtitles,
    even,
    shape_of,
    size_estimate,
)
from ltxdesktop.ui.deliver.reframe_view import ReframeView
from ltxdesktop.ui.parts import (
    Panel,
    Segments,
    label,
    labelled,
    narrow,
    number_field,
    scrolled_form,
    side_by_side,
    wrapped,
)
from ltxdesktop.ui.theme import Look
from ltxdesktop.words import counted, gigabytes, rate_name, seconds_of

_SIZES = ((3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (1080, 1920), (1080, 1350), (1080, 1080))
_RATES = tuple(Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"))
LETTERS = 11  # of a choice that are seen at least
OTHER_SIZE = (0, 0)  # of the choices of a size: the one in the two fields below
AT_PLAYHEAD = "playhead"  # of the choices of a poster frame
_LOUDNESS_WORDS = {-14.0: "−14 LUFS, web video", -16.0: "−16 LUFS, podcasts", -23.0: "−23 LUFS, broadcast (EBU R 128)"}


class SettingsForm(Panel):
    """Makes a `Settings` for the preset and the sequence that it's shown."""

    changed = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__("Settings", parent)
        self.reframe = ReframeView(look, self)
        self._preset = "h264"
        self._sequence: Sequence | None = None
        self._playhead = 0
        self._make_fields()
        area, column = scrolled_form(12)
        self.body.addWidget(area, 1)
        self._fill(column)
        column.addStretch(1)
        self.foot = QHBoxLayout()
        self.summary = label("", "hint")
        self.summary.setWordWrap(True)
        self.summary.setAccessibleName("What it comes to")
        self.problem = wrapped("problem")
        for words in (self.summary, self.problem):
            self.foot.addWidget(words, 1)
        self.body.addLayout(self.foot)
        self._show_fields()

    # What it makes

    @property
    def settings(self) -> Settings:
        """What is chosen now."""
        preset = PRESETS[self._preset]
        width, height = self._size()
        whole = self.range.value == "whole"
        has_rate = preset.picture is not None and preset.picture.has_rate
        by_bitrate = has_rate and self.by.value == "bitrate"
        return Settings(
            preset=self._preset,
            width=width,
            height=height,
            rate=self.rate_box.currentData(),
            first=0 if whole else None,
            last=(self._sequence.duration if self._sequence else None) if whole else None,
            quality=self.quality.value() if has_rate and not by_bitrate else None,
            bitrate_kbps=self.bitrate.value() * 1000 if by_bitrate else 0,
            hardware=self.hardware.isChecked(),
            with_sound=self.channels.value != "none",
            mono=self.channels.value == "mono",
            lufs=self.loudness.currentData(),
            subtitles=Subtitles(self.subtitles.value),
            alpha=self.alpha.isChecked() and preset.picture is not None and preset.picture.has_alpha,
            deep=self.deep.isChecked() and preset.picture is not None and preset.picture.has_depth,
            framing=Framing(self.framing.value),
            focus=self.focus_place.value() / 100,
            smart=self.smart.isChecked(),
            chapters=self.chapters.isChecked(),
            disclose=self.disclose.isChecked(),
            poster=self._poster_frame(),
        )

    @property
    def why_not(self) -> str:
        """Why these settings can't be exported; "" if they can."""
        if self._sequence is None or not self._sequence.duration:
            return "There is nothing to export yet: put clips on the timeline in Edit."
        try:
            shape_of(self._sequence, self.settings)
        except ExportError as error:
            return str(error)
        return ""

    # What it shows

    def show_preset(self, preset_id: str) -> None:
        """Offer what this preset leaves open, beginning with its own values."""
        self._preset = preset_id
        preset = PRESETS[preset_id]
        self.quality.setValue(preset.quality)
        self.framing.set_value(preset.framing.value)
        self._choose(self.loudness, preset.lufs or AS_MIXED)
        self._choose(self.size_box, (preset.width, preset.height) if preset.width else None)
        self._show_fields()

    def show_sequence(self, sequence: Sequence | None, playhead: int = 0) -> None:
        """The film that is to be exported, and the frame that is looked at in Edit; None while there is no project."""
        self._sequence, self._playhead = sequence, playhead
        if sequence is not None:
            place = timecode(playhead + sequence.first_frame, sequence.rate, drop=sequence.drop_frame)
            self.poster.setItemText(self.poster.findData(AT_PLAYHEAD), f"At the playhead: {place}")
            self.size_box.setItemText(0, f"As the film: {sequence.width} × {sequence.height}")
            if self.size_box.currentData() != OTHER_SIZE:
                for field, length in ((self.own_width, sequence.width), (self.own_height, sequence.height)):
                    with QSignalBlocker(field):
                        field.setValue(even(length))
            self.rate_box.setItemText(0, f"As the film: {rate_name(sequence.rate)}")
        self._tell()

    # Within

    def _make_fields(self) -> None:
        self._make_shape_fields()
        self._make_rate_fields()
        self._make_sound_fields()
        self._make_extra_fields()

    def _make_shape_fields(self) -> None:
        self.range = Segments("Range", [("whole", "Whole film"), ("marked", "In to Out")])  # marks are for retakes, too
        self.range.setToolTip("What is exported: between the sequence's In and Out (I and O in Edit), or everything")
        self.range_words = label("", "hint")
        self.size_box = _box("Size in pixels of the file", [("As the film", None)])
        for width, height in _SIZES:
            self.size_box.addItem(f"{width} × {height}", (width, height))
        self.size_box.addItem("Another size", OTHER_SIZE)
        self.own_width, self.own_height = number_field(2, LARGEST, 2), number_field(2, LARGEST, 2)
        for field in (self.own_width, self.own_height):
            field.setSuffix(" px")
            field.setToolTip("Size of the file; most formats need even sides")
        self.rate_box = _box("Pictures a second; others than the film's repeat or drop some", [("As the film", None)])
        for rate in _RATES:
            self.rate_box.addItem(rate_name(rate), rate)
        self.framing = Segments("Framing", [("fit", "Bars"), ("fill", "Cut to fill")])
        self.framing.setToolTip("What happens where the film's shape isn't the file's")
        self.focus_place = number_field(0, 100, 5)
        self.focus_place.setToolTip(
            "Which part of a filled frame is kept: 0 left or top, 50 middle, 100 right or bottom. "
            "Below, each clip can have a place of its own"
        )
        self.focus_place.setSuffix(" %")
        self.focus_place.setValue(50)

    def _make_rate_fields(self) -> None:
        self.by = Segments("Size of the file by", [("quality", "Quality"), ("bitrate", "Bitrate")])
        self.by.setToolTip("A steady quality, or a steady amount of data")
        self.quality = number_field(0, 100, 5)
        self.quality.setToolTip("0 is the smallest file, 70 looks like the original, 100 is larger than anybody needs")
        self.bitrate = number_field(1, 400)
        self.bitrate.setSuffix(" Mbit/s")
        self.bitrate.setValue(12)
        self.bitrate.setToolTip("Mean amount of data in a second of picture")
        self.hardware = _check("Encode with the graphics card", "Faster, a little less good; falls back with a note")
        self.smart = _check(
            "Copy untouched pictures", "What is in this format already and not changed keeps its quality", on=True
        )
        self.alpha = _check(
            "Keep transparency", "Where no clip covers the frame, the file is see-through instead of black"
        )
        self.deep = _check("10 bits a colour", "Finer steps in skies and grades; older devices play only 8 bits")

    def _make_sound_fields(self) -> None:
        self.channels = Segments("Sound", [("stereo", "Stereo"), ("mono", "Mono"), ("none", "None")])
        self.channels.setToolTip("Channels of the sound")
        self.loudness = _box("Brings the whole film to this loudness, in two passes", [("As mixed", AS_MIXED)])
        for target in LOUDNESS_TARGETS:
            self.loudness.addItem(_LOUDNESS_WORDS[target], target)

    def _make_extra_fields(self) -> None:
        self.chapters = _check("Chapters from markers", "The sequence's markers become chapters of the file", on=True)
        self.disclose = _check(
            "Say that AI was used",
            "Where takes of a model are seen or heard, the file's comment says so, for people and programs that look",
            on=True,
        )
        self.subtitles = Segments("Subtitles", [("burnt", "In the picture"), ("file", "File (.srt)"), ("none", "None")])
        self.subtitles.setToolTip("What becomes of the subtitle tracks")
        self.poster = _box("The picture that file browsers show", [("None", None)])
        for words, share in (("First picture", 0.0), ("Middle of the film", 0.5), ("At the playhead", AT_PLAYHEAD)):
            self.poster.addItem(words, share)

    def _fill(self, column: QVBoxLayout) -> None:
        range_column = labelled("Range", self.range)
        range_column.addWidget(self.range_words)
        shape = side_by_side(labelled("Size", self.size_box), labelled("Pictures a second", self.rate_box))
        for place, share in enumerate((4, 3)):  # of a small window's room for the longest words in them
            shape.setStretch(place, share)
        self._own_size = _group(
            side_by_side(labelled("Width", self.own_width), labelled("Height", self.own_height)),
        )
        self._picture = _group(
            shape,
            self._own_size,
            side_by_side(labelled("Where shapes differ", self.framing), labelled("Kept part", self.focus_place)),
            self.reframe,
        )
        self._rate = _group(
            labelled("Size of the file by", self.by),
            side_by_side(labelled("Quality", self.quality), labelled("Bitrate", self.bitrate)),
        )
        self._how = _group(self.hardware, self.smart, self.deep, self.alpha)
        self._sound = _group(side_by_side(labelled("Sound", self.channels), labelled("Loudness", self.loudness)))
        self._words = _group(labelled("Subtitles", self.subtitles))
        self._poster = _group(labelled("Poster frame", self.poster))
        column.addLayout(range_column)
        for group in (self._picture, self._rate, self._how, self._sound, self._words):
            column.addWidget(group)
        for part in (self.chapters, self._poster, self.disclose):
            column.addWidget(part)
        for segments in (self.range, self.framing, self.by, self.channels, self.subtitles):
            segments.chosen.connect(self._show_fields)
        self.size_box.currentIndexChanged.connect(self._show_fields)
        for box in (self.rate_box, self.loudness, self.poster):
            box.currentIndexChanged.connect(self._tell)
        for number in (self.own_width, self.own_height, self.focus_place, self.quality, self.bitrate):
            number.valueChanged.connect(self._tell)
        for check in (self.hardware, self.smart, self.deep, self.alpha, self.chapters, self.disclose):
            check.toggled.connect(self._tell)

    def _show_fields(self) -> None:
        """Only what the preset has a use for."""
        preset = PRESETS[self._preset]
        picture = preset.picture
        self._picture.setVisible(picture is not None)
        has_rate = picture is not None and picture.has_rate
        self._rate.setVisible(has_rate)
        copies = picture is not None and picture.can_be_copied and not preset.width
        has_alpha = picture is not None and picture.has_alpha
        has_depth = picture is not None and picture.has_depth
        self._how.setVisible(has_rate or copies or has_alpha or has_depth)
        self.deep.setVisible(has_depth)
        self.alpha.setVisible(has_alpha)
        self.hardware.setVisible(has_rate)
        self.smart.setVisible(copies)
        self.quality.setEnabled(self.by.value == "quality")
        self.bitrate.setEnabled(self.by.value == "bitrate")
        self._sound.setVisible(preset.sound is not None)
        self.channels.set_enabled("none", picture is not None, "Then there would be nothing in the file")
        self.loudness.setEnabled(self.channels.value != "none")
        self._words.setVisible(picture is not None)
        self._own_size.setVisible(self.size_box.currentData() == OTHER_SIZE)
        self.chapters.setVisible(preset.holds_chapters)
        self._poster.setVisible(preset.holds_poster)
        self.disclose.setVisible(preset.holds_words)
        self.focus_place.setEnabled(self.framing.value == "fill")
        self._tell()

    def _tell(self) -> None:
        """Say what it comes to."""
        sequence, why_not = self._sequence, self.why_not
        self.problem.setText(why_not)
        self.problem.setVisible(bool(why_not))
        self.summary.setVisible(not why_not)
        if sequence is not None and not why_not:
            settings = self.settings
            shape = shape_of(sequence, settings)
            parts = [seconds_of(shape.last - shape.first, sequence.rate)]
            if shape.has_picture:
                parts.append(f"{shape.width} × {shape.height}, {counted(shape.frames, 'picture')}")
                self.reframe.show_shape((shape.width, shape.height), settings.focus)
            self.reframe.setVisible(shape.has_picture and is_cut(sequence, shape))
            estimate = size_estimate(shape, settings.bitrate_kbps)
            self.summary.setText(" · ".join([*parts, f"about {gigabytes(estimate)}"]))
            place = [
                timecode(frame + sequence.first_frame, sequence.rate, drop=sequence.drop_frame)
                for frame in (shape.first, shape.last)
            ]
            self.range_words.setText(f"{place[0]} – {place[1]}")
        else:
            self.range_words.setText("")
            self.reframe.hide()
        self.changed.emit()

    def _size(self) -> tuple[int, int]:
        """Of the file; zeros: the film's."""
        chosen = self.size_box.currentData()
        if chosen == OTHER_SIZE:
            return self.own_width.value(), self.own_height.value()
        if chosen is None and PRESETS[self._preset].width and self._sequence is not None:
            return self._sequence.width, self._sequence.height  # zeros would be the preset's own
        return chosen or (0, 0)

    def _poster_frame(self) -> int | None:
        share = self.poster.currentData()
        if share is None or self._sequence is None or not PRESETS[self._preset].holds_poster:
            return None
        if share == AT_PLAYHEAD:
            return self._playhead
        first, last = self._sequence.in_frame or 0, self._sequence.out_frame or self._sequence.duration
        if self.range.value == "whole":
            first, last = 0, self._sequence.duration
        return first + int((last - first) * share)

    def _choose(self, box: QComboBox, value: object) -> None:
        place = next((at for at in range(box.count()) if box.itemData(at) == value), 0)
        box.setCurrentIndex(place)


def _box(tip: str, items: list[tuple[str, object]]) -> QComboBox:
    box = narrow(QComboBox(), LETTERS)
    box.setToolTip(tip)
    for words, value in items:
        box.addItem(words, value)
    return box


def _check(words: str, tip: str, *, on: bool = False) -> QCheckBox:
    check = QCheckBox(words)
    check.setToolTip(tip)
    check.setAccessibleName(words)
    check.setChecked(on)
    return check


def _group(*parts: QWidget | QVBoxLayout | QHBoxLayout) -> QWidget:
    """Fields that are shown or hidden together."""
    group = QWidget()
    column = QVBoxLayout(group)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(10)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    return group
