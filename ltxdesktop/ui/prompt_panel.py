"""The prompt panel: everything a person says about one job. It asks (`asked`), and shows what can't be asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import PurePath
from random import Random
from typing import Literal, cast

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QKeySequence, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.grid import FrameRange, parse_rate
from engine.protocol.messages import BackendCapability, ModelCapability
from engine.protocol.work import ImageToVideo, Retake, TextToVideo
from ltxdesktop.jobs.ask import (
    HIGHEST_SEED,
    NOTHING_SELECTED,
    Ask,
    SourceClip,
    capability,
    find_model,
    mode_of_ask,
    notes,
    problems,
    shapes_for,
)
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.clip_pictures import Given
from ltxdesktop.ui.consent import AGREE, Consent
from ltxdesktop.ui.earlier_prompts import EarlierPrompts
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.parts import (
    ElidedLabel,
    IconButton,
    Panel,
    Segments,
    label,
    labelled,
    number_field,
    scrolled_form,
    side_by_side,
    wrapped,
)
from ltxdesktop.ui.range_strip import RangeStrip
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import rate_name, seconds_of, short_timecode

RATES = ("24", "25", "30", "30000/1001", "24000/1001", "48", "50", "60")
ESTIMATE_AFTER_MS = 500
PLACEHOLDER = "What is seen and heard. For example: a red ball bounces across a blue floor from left to right."

_MODE_WORDS = {
    "text_to_video": "From words",
    "image_to_video": "From a picture",
    "audio_to_video": "To a sound",
    "retake": "Retake",
    "extend": "Extend",
}


class PromptPanel(Panel):
    """Holds one `Ask`, kept valid against the capabilities that it was last shown."""

    asked = Signal(object)  # Ask, ready to be submitted
    changed = Signal(object)  # Ask, a moment after the last change: for an estimate
    file_given = Signal(str)  # a path to look at; the answer comes back through `show_given`
    choose_file_requested = Signal()
    looked_at = Signal(int)  # a frame of the clip, while its range is being moved

    def __init__(
        self,
        look: Look,
        random: Random | None = None,
        parent: QWidget | None = None,
        *,
        prompts: PromptHistory | None = None,
    ) -> None:
        """`prompts`: those that were used before."""
        super().__init__("From words", parent)
        self._history = EarlierPrompts(look, prompts if prompts is not None else PromptHistory())
        self._history.chosen.connect(self.write)
        self.heading.setObjectName("mode")
        self._look = look
        self._random = random or Random()
        self._backends: tuple[BackendCapability, ...] = ()
        self._ask = Ask(seed=self._random.randint(0, HIGHEST_SEED))
        self._given: list[Given] = []
        self._model_defaults_of = ""
        self._may_estimate = False
        self._preference = "", ""  # where, and which model there
        self.setAcceptDrops(True)
        self._estimate_timer = QTimer(self)
        self._estimate_timer.setSingleShot(True)
        self._estimate_timer.setInterval(ESTIMATE_AFTER_MS)
        self._estimate_timer.timeout.connect(self._tell_changed)
        self._build()
        self._show_fields()
        self._refresh()

    # What others ask of the panel

    @property
    def ask(self) -> Ask:
        return self._ask

    def show_capabilities(self, backends: tuple[BackendCapability, ...]) -> None:
        """Offer the models of these backends; keep the chosen one if it's still there."""
        self._backends = backends
        with QSignalBlocker(self._model):
            self._model.clear()
            for backend in backends:
                for model in backend.models:
                    self._model.addItem(model.title, f"{backend.backend}/{model.model}")
                    reason = model.why_not or backend.why_not or model.description
                    self._model.setItemData(self._model.count() - 1, reason, Qt.ItemDataRole.ToolTipRole)
        kept = find_model(backends, self._ask.model, self._ask.backend) if self._ask.model else None
        chosen = kept or self._preferred() or find_model(backends)
        if chosen is not None:
            self._choose_model(chosen[0].backend, chosen[1].model)
        elif self._model.count():  # none works: the first says why
            self._take_model(0)
        self._refresh()

    def prefer(self, where: str, model: str) -> None:
        """Begin with the paid model of this name where "remote" is preferred, else with what works on this machine.

        "remote" is the person's word, given in the settings, that jobs may be sent; taken back, each is asked about.
        """
        away, was_away = where == "remote", self._preference[0] == "remote"
        self._preference = where, model
        if away or was_away:
            self.consent.stand(away)
            self._ask = replace(self._ask, backend="", model="", may_leave=False)  # what was chosen no longer counts
            self.show_capabilities(self._backends)

    def _preferred(self) -> tuple[BackendCapability, ModelCapability] | None:
        if self._preference[0] != "remote":
            return None
        paid = tuple(each for each in self._backends if each.remote)
        return find_model(paid, self._preference[1]) or find_model(paid)

    def show_given(self, given: Given) -> None:
        """A file that was looked at becomes the clip, the first (then the last) picture, or the sound."""
        match given.kind:
            case "clip" if given.clip is not None:
                self._given = [given]
                whole = _middle_range(given.clip)
                self._ask = replace(
                    self._ask, clip=given.clip, selection=whole, first_picture="", last_picture="", sound_file=""
                )
                self._strip.show_clip(given.clip.frames, whole, list(given.pictures))
            case "picture":
                pictures = [each for each in self._given if each.kind == "picture"][:1]
                self._given = [each for each in self._given if each.kind == "sound"] + [*pictures, given]
                self._take_pictures()
            case _:
                self._given = [each for each in self._given if each.kind == "picture"] + [given]
                self._take_pictures()
        self._refresh()

    def show_recipe(self, take: Take, *, new_seed: bool) -> bool:
        """Fill the panel with what made a take; say whether that was possible."""
        if take.recipe is None:
            return False
        work = take.recipe.work
        seed = self.new_seed() if new_seed else (take.seed or 0)
        ask = replace(self._ask, prompt=work.prompt, negative=work.negative, model=work.model, seed=seed, variations=1)
        match work:
            case TextToVideo() | ImageToVideo():
                first = next((each.image for each in work.keyframes if each.frame == 0), "")
                last = next((each.image for each in work.keyframes if each.frame > 0), "")
                ask = replace(
                    ask,
                    clip=None,
                    sound_file="",
                    first_picture=first,
                    last_picture=last,
                    width=work.width,
                    height=work.height,
                    frames=work.frames,
                    rate=parse_rate(work.rate),
                )
                self._given = [Given(path, "picture") for path in (first, last) if path]
            case Retake() if self._ask.clip is not None and self._ask.clip.path == work.source:
                ask = replace(ask, clip_action="retake", selection=FrameRange(work.start, work.end), what=work.what)
            case _:
                return False
        self._ask = ask
        self._show_fields()
        self._refresh()
        return True

    def write(self, prompt: str) -> None:
        """Put words into the prompt."""
        self._prompt.setPlainText(prompt)

    def remember(self, prompt: str) -> None:
        """Keep a prompt that was used for the list of earlier ones."""
        self._history.add(prompt)

    def show_estimate(self, words: str) -> None:
        self._estimate.setText(words)
        self._estimate.setVisible(bool(words))

    def generate(self) -> None:
        """Ask for the job as it stands: what the main button and its shortcut do."""
        if self._generate.isEnabled():
            self._submit("full")

    # Building

    def _build(self) -> None:
        self._remove = IconButton(self._look, "cancel", "Remove what was given")
        self._remove.clicked.connect(self._forget_given)
        self.head.addWidget(self._remove)

        scroll, rows = scrolled_form(12)
        rows.addWidget(self._build_given())
        rows.addWidget(self._build_clip())
        rows.addLayout(self._build_words())
        rows.addLayout(self._build_numbers())
        rows.addStretch(1)
        self.body.addWidget(scroll, 1)
        self.body.addLayout(self._build_foot())

    def _build_given(self) -> QWidget:
        self._given_box = QFrame()
        row = QHBoxLayout(self._given_box)
        row.setContentsMargins(0, 0, 0, 0)
        self._open = QPushButton("Open a clip, picture or sound…")
        self._open.setToolTip("Or drop a file on this panel")
        self._open.clicked.connect(self.choose_file_requested)
        row.addWidget(self._open, 1)
        self._thumbs = [QLabel(), QLabel()]
        for each in self._thumbs:
            row.addWidget(each)
        self._given_name = ElidedLabel("", "hint")
        row.addWidget(self._given_name, 1)
        return self._given_box

    def _build_clip(self) -> QWidget:
        self._clip_box = QWidget()
        column = QVBoxLayout(self._clip_box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._action = Segments("What to do", [("retake", "Retake a range"), ("extend", "Extend")])
        self._action.chosen.connect(self._read_fields)
        column.addWidget(self._action)

        self._retake_box = QWidget()
        retake = QVBoxLayout(self._retake_box)
        retake.setContentsMargins(0, 0, 0, 0)
        retake.setSpacing(8)
        self._strip = RangeStrip(self._look)
        self._strip.selected.connect(self._take_selection)
        self._strip.looked_at.connect(self.looked_at)
        retake.addWidget(self._strip)
        self._range_words = label("", "hint")
        self._range_words.setFont(figures(self._range_words.font()))
        retake.addWidget(self._range_words)
        self._start, self._end = number_field(0, 1), number_field(1, 1)
        for field in (self._start, self._end):
            field.valueChanged.connect(self._take_typed_range)
        retake.addLayout(side_by_side(labelled("&In frame", self._start), labelled("&Out frame", self._end)))
        self._what = Segments("Make again", [("both", "Both"), ("picture", "Picture"), ("sound", "Sound")])
        self._what.chosen.connect(self._read_fields)
        retake.addWidget(self._what)
        column.addWidget(self._retake_box)

        self._direction = Segments("Where", [("forward", "After the end"), ("backward", "Before the start")])
        self._direction.chosen.connect(self._read_fields)
        column.addWidget(self._direction)
        return self._clip_box

    def _build_words(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(12)
        self._prompt = QPlainTextEdit()
        self._prompt.setPlaceholderText(PLACEHOLDER)
        self._prompt.setTabChangesFocus(True)
        self._prompt.setMinimumHeight(104)
        self._prompt.setMaximumHeight(180)
        self._prompt.textChanged.connect(self._read_fields)
        words, head, said = label("Prompt", "label"), QHBoxLayout(), QVBoxLayout()
        words.setBuddy(self._prompt)
        self._prompt.setAccessibleName("Prompt")
        head.addWidget(words)
        head.addStretch(1)
        head.addWidget(self._history)
        said.setSpacing(2)
        said.addLayout(head)
        said.addWidget(self._prompt)
        column.addLayout(said)
        self._negative_box = QWidget()
        self._negative = QPlainTextEdit()
        self._negative.setPlaceholderText("What should not be there")
        self._negative.setTabChangesFocus(True)
        self._negative.setFixedHeight(50)
        self._negative.textChanged.connect(self._read_fields)
        negative = labelled("&Negative", self._negative)
        negative.setContentsMargins(0, 0, 0, 0)
        self._negative_box.setLayout(negative)
        column.addWidget(self._negative_box)
        return column

    def _build_numbers(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(12)
        self._model = QComboBox()
        self._model.currentIndexChanged.connect(self._take_model)
        column.addLayout(labelled("&Model", self._model))

        self._shape_box = QWidget()
        shape = QVBoxLayout(self._shape_box)
        shape.setContentsMargins(0, 0, 0, 0)
        shape.setSpacing(12)
        self._shape = QComboBox()
        self._shape.activated.connect(self._take_shape)
        self._width, self._height = number_field(16, 16384, 2), number_field(16, 16384, 2)
        shape.addLayout(labelled("Si&ze", self._shape))
        shape.addLayout(side_by_side(labelled("&Width", self._width), labelled("&Height", self._height)))
        column.addWidget(self._shape_box)

        self._length_box = QWidget()
        length = QHBoxLayout(self._length_box)
        length.setContentsMargins(0, 0, 0, 0)
        length.setSpacing(10)
        self._frames = number_field(1, 100_000)
        self._frames.setSuffix(" frames")
        self._rate = QComboBox()
        for rate in RATES:
            self._rate.addItem(f"{rate_name(Fraction(rate))} fps", rate)
        self._length_label = labelled("&Length", self._frames)
        length.addLayout(self._length_label, 1)
        self._rate_box = QWidget()
        rate_column = labelled("&Rate", self._rate)
        rate_column.setContentsMargins(0, 0, 0, 0)
        self._rate_box.setLayout(rate_column)
        length.addWidget(self._rate_box, 1)
        column.addWidget(self._length_box)

        self._seed = number_field(0, HIGHEST_SEED)
        self._lock = IconButton(self._look, "unlock", "Keep this seed")
        self._lock.setCheckable(True)
        self._lock.toggled.connect(self._show_lock)
        self._dice = IconButton(self._look, "dice", "Another seed")
        self._dice.clicked.connect(self._roll)
        self._variations = number_field(1, 8)
        seed = labelled("&Seed", self._seed, self._lock, self._dice)
        numbers = QHBoxLayout()
        numbers.setSpacing(10)
        numbers.addLayout(seed, 1)
        self._variations.setFixedWidth(66)
        numbers.addLayout(labelled("&Takes", self._variations))
        column.addLayout(numbers)
        for field in (self._width, self._height, self._frames, self._seed, self._variations):
            field.valueChanged.connect(self._read_fields)
        self._rate.currentIndexChanged.connect(self._read_fields)
        return column

    def _build_foot(self) -> QVBoxLayout:
        foot = QVBoxLayout()
        foot.setSpacing(8)
        self.consent = Consent()
        self.consent.changed.connect(self._read_fields)
        foot.addWidget(self.consent)
        self._problem = wrapped("problem")
        self._note = wrapped("note")
        self._estimate = wrapped("note")
        for each in (self._problem, self._note, self._estimate):
            foot.addWidget(each)
        row = QHBoxLayout()
        self._draft = QPushButton("Draft")
        self._draft.setToolTip("A quick look at half the size; it can be finished later")
        self._draft.clicked.connect(self._submit_draft)
        self._generate = QPushButton("Generate")
        self._generate.setObjectName("primary")
        keys = QKeySequence("Ctrl+Return").toString(QKeySequence.SequenceFormat.NativeText)
        self._generate.setToolTip(f"Put this job into the queue ({keys})")
        self._generate.clicked.connect(self.generate)
        row.addWidget(self._draft, 1)
        row.addWidget(self._generate, 2)
        foot.addLayout(row)
        return foot

    # Fields → ask

    def _read_fields(self) -> None:
        """Take over every field that a person may have changed."""
        self._ask = replace(
            self._ask,
            prompt=self._prompt.toPlainText(),
            negative=self._negative.toPlainText(),
            clip_action="extend" if self._action.value == "extend" else "retake",
            what=cast(Literal["both", "picture", "sound"], self._what.value),
            direction="backward" if self._direction.value == "backward" else "forward",
            width=self._width.value(),
            height=self._height.value(),
            frames=self._frames.value(),
            rate=Fraction(str(self._rate.currentData() or "24")),
            seed=self._seed.value(),
            variations=self._variations.value(),
            may_leave=self.consent.agreed,
        )
        self._refresh()

    def _take_typed_range(self) -> None:
        self._take_selection(self._start.value(), max(self._end.value(), self._start.value() + 1))
        self._strip.show_selection(self._ask.selection)

    def _take_selection(self, start: int, end: int) -> None:
        self._ask = replace(self._ask, selection=FrameRange(start, end))
        self._refresh()

    def _take_model(self, row: int) -> None:
        backend, _, model = str(self._model.itemData(row) or "").partition("/")
        if model:
            self._choose_model(backend, model)
            self._refresh()

    def _take_shape(self, row: int) -> None:
        width, height = map(int, str(self._shape.itemData(row)).split("x"))
        with QSignalBlocker(self._width), QSignalBlocker(self._height):
            self._width.setValue(width)
            self._height.setValue(height)
        self._read_fields()

    def _choose_model(self, backend: str, model: str) -> None:
        self._ask = replace(self._ask, backend=backend, model=model)
        self.consent.show_backend(self._backend())
        self._ask = replace(self._ask, may_leave=self.consent.agreed)
        with QSignalBlocker(self._model):
            self._model.setCurrentIndex(self._model.findData(f"{backend}/{model}"))
        chosen = self._capability()
        if chosen is None:
            return
        limits = capability(chosen, "text_to_video")
        with QSignalBlocker(self._shape):
            self._shape.clear()
            for shape in shapes_for(chosen, limits) if limits is not None else []:
                self._shape.addItem(f"{shape.words}   {shape.width} × {shape.height}", f"{shape.width}x{shape.height}")
        if self._model_defaults_of != model:
            self._model_defaults_of = model
            self._use_defaults(chosen)
        self._variations.setMaximum(max(1, min(8, chosen.max_variations)))

    def _use_defaults(self, model: ModelCapability) -> None:
        self._ask = replace(
            self._ask,
            width=model.default_width or self._ask.width,
            height=model.default_height or self._ask.height,
            frames=model.default_frames or self._ask.frames,
            rate=Fraction(model.default_rate) if model.default_rate else self._ask.rate,
        )
        self._show_fields()

    def _take_pictures(self) -> None:
        pictures = [each.path for each in self._given if each.kind == "picture"]
        sounds = [each.path for each in self._given if each.kind == "sound"]
        self._ask = replace(
            self._ask,
            clip=None,
            selection=NOTHING_SELECTED,
            first_picture=pictures[0] if pictures else "",
            last_picture=pictures[1] if len(pictures) > 1 else "",
            sound_file=sounds[0] if sounds else "",
        )

    def _forget_given(self) -> None:
        self._given = []
        self._take_pictures()
        self._refresh()

    def new_seed(self) -> int:
        """A seed by chance."""
        return self._random.randint(0, HIGHEST_SEED)

    def _roll(self) -> None:
        self._seed.setValue(self.new_seed())

    def _submit_draft(self) -> None:
        self._submit("draft")

    def _submit(self, stage: str) -> None:
        self.asked.emit(replace(self._ask, stage="draft" if stage == "draft" else "full"))
        self.consent.after_asking()
        self._read_fields()
        if not self._lock.isChecked():
            self._roll()

    # Ask → fields

    def _show_fields(self) -> None:
        """Put the ask into every field, without asking anything."""
        fields = (
            self._prompt, self._negative, self._width, self._height, self._frames, self._rate, self._seed,
            self._variations,
        )  # fmt: skip
        blockers = [QSignalBlocker(each) for each in fields]
        ask = self._ask
        if self._prompt.toPlainText() != ask.prompt:
            self._prompt.setPlainText(ask.prompt)
        if self._negative.toPlainText() != ask.negative:
            self._negative.setPlainText(ask.negative)
        self._width.setValue(ask.width)
        self._height.setValue(ask.height)
        self._frames.setValue(ask.frames)
        place = self._rate.findData(str(ask.rate))
        if place < 0:
            self._rate.addItem(f"{rate_name(ask.rate)} fps", str(ask.rate))
            place = self._rate.count() - 1
        self._rate.setCurrentIndex(place)
        self._seed.setValue(ask.seed)
        self._variations.setValue(ask.variations)
        self._action.set_value(ask.clip_action)
        self._what.set_value(ask.what)
        self._direction.set_value(ask.direction)
        self._strip.show_selection(ask.selection)
        for each in blockers:
            each.unblock()

    def _refresh(self) -> None:
        """Show what follows from the ask: which fields matter, what is wrong, what can be pressed."""
        ask, model = self._ask, self._capability()
        mode = mode_of_ask(ask)
        self.heading.setText(_MODE_WORDS[mode])
        self._show_given_box()
        self._clip_box.setVisible(ask.clip is not None)
        retake = ask.clip is not None and ask.clip_action == "retake"
        self._retake_box.setVisible(retake)
        self._direction.setVisible(ask.clip is not None and not retake)
        self._shape_box.setVisible(ask.clip is None)
        self._rate_box.setVisible(ask.clip is None)
        self._length_box.setVisible(not retake)
        self._negative_box.setVisible(model is not None and model.negative)
        self._draft.setVisible(model is not None and model.drafts)
        self._show_range()
        self._show_length()
        row = self._shape.findData(f"{ask.width}x{ask.height}")
        with QSignalBlocker(self._shape):
            self._shape.setCurrentIndex(row)
            self._shape.setPlaceholderText(f"Custom   {ask.width} × {ask.height}")
        wrong = problems(ask, self._backend(), model)
        self._say(self._problem, wrong if ask.prompt.strip() or len(wrong) > 1 or not self._needs_words(wrong) else [])
        self._say(self._note, notes(ask, capability(model, mode)) if model is not None else [])
        agreed = ask.may_leave or not self.consent.needed
        self._may_estimate = not wrong
        if not (wrong or agreed):
            self._say(self._problem, [AGREE])
        self._generate.setEnabled(agreed and not wrong)
        self._draft.setEnabled(agreed and not wrong)
        self._estimate_timer.start()

    def _needs_words(self, wrong: list[str]) -> bool:
        """Whether the only thing missing is the prompt: an empty field says so well enough by itself."""
        return wrong == ["Write what should be seen and heard."]

    def _say(self, where: QLabel, sentences: list[str]) -> None:
        where.setText("\n".join(sentences))
        where.setVisible(bool(sentences))

    def _show_given_box(self) -> None:
        self._remove.setVisible(bool(self._given))
        names = [PurePath(each.path).name for each in self._given]
        self._given_name.set_text(" → ".join(names))
        self._given_name.setVisible(bool(names))
        self._open.setText("Another…" if names else "Open a clip, picture or sound…")
        pictures = [each.pictures[0] for each in self._given if each.kind == "picture" and each.pictures]
        for place, thumb in enumerate(self._thumbs):
            thumb.setVisible(place < len(pictures))
            if place < len(pictures):
                thumb.setPixmap(_pixmap(pictures[place], 34, self.devicePixelRatioF()))

    def _show_range(self) -> None:
        ask = self._ask
        if ask.clip is None:
            return
        start, end = ask.selection
        rate = ask.clip.rate
        with QSignalBlocker(self._start), QSignalBlocker(self._end):
            self._start.setRange(0, ask.clip.frames - 1)
            self._end.setRange(1, ask.clip.frames)
            self._start.setValue(start)
            self._end.setValue(end)
        self._range_words.setText(
            f"{short_timecode(start, rate)} – {short_timecode(end, rate)}   "
            f"{ask.selection.frames} frames, {seconds_of(ask.selection.frames, rate)}"
        )
        self._what.set_enabled("sound", ask.clip.has_sound, "The clip has no sound")
        self._what.set_enabled("both", True)

    def _show_length(self) -> None:
        rate = self._ask.clip.rate if self._ask.clip is not None else self._ask.rate
        self._frames.setSuffix(f" frames  {seconds_of(self._ask.frames, rate)}")

    def _show_lock(self, locked: bool) -> None:
        self._lock.set_icon("lock" if locked else "unlock")
        self._lock.set_words("Use a new seed each time" if locked else "Keep this seed")

    def _tell_changed(self) -> None:
        if self._may_estimate:
            self.changed.emit(self._ask)
        else:
            self.show_estimate("")
            self.consent.show_estimate(None)

    def _backend(self) -> BackendCapability | None:
        return next((each for each in self._backends if each.backend == self._ask.backend), None)

    def _capability(self) -> ModelCapability | None:
        backend = self._backend()
        models = backend.models if backend is not None else ()
        return next((each for each in models if each.model == self._ask.model), None)

    # Dropping files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.file_given.emit(url.toLocalFile())
        event.acceptProposedAction()


def _middle_range(clip: SourceClip) -> FrameRange:
    """The range selected at first: about the middle third of the clip."""
    start = clip.frames // 3
    return FrameRange(start, max(start + 1, clip.frames * 2 // 3))


def _pixmap(picture: QImage, height_px: int, scale: float) -> QPixmap:
    made = QPixmap.fromImage(
        picture.scaledToHeight(round(height_px * scale), Qt.TransformationMode.SmoothTransformation)
    )
    made.setDevicePixelRatio(scale)
    return made
