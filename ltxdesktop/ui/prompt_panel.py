"""The prompt panel: everything a person says about one job. It asks (`asked`), and shows what can't be asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.grid import FrameRange, parse_rate
from engine.protocol.messages import BackendCapability, EnhancePrompt, Model, ModelCapability
from engine.protocol.work import ImageToVideo, Retake, TextToVideo
from ltxdesktop.jobs.ask import (
    HIGHEST_SEED,
    NOTHING_SELECTED,
    Ask,
    capability,
    find_model,
    mode_of_ask,
    notes,
    problems,
)
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.clip_pictures import Given
from ltxdesktop.ui.commands import BY_NAME
from ltxdesktop.ui.consent import AGREE, Consent
from ltxdesktop.ui.earlier_prompts import EarlierPrompts
from ltxdesktop.ui.enhance import EnhanceButton
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.parts import IconButton, Panel, labelled, narrow, number_field, scrolled_form, with_key, wrapped
from ltxdesktop.ui.prompt_clip import ClipBox, middle_range
from ltxdesktop.ui.prompt_field import NegativeField, PromptField, with_helpers
from ltxdesktop.ui.prompt_given import GivenBox
from ltxdesktop.ui.prompt_size import LengthBox, SizeBox
from ltxdesktop.ui.style_choices import StyleChoices
from ltxdesktop.ui.theme import Look

GENERATE_KEY, DRAFT_KEY, ENHANCE_KEY = (BY_NAME[f"make.{name}"].keys[0] for name in ("now", "draft", "enhance"))
CHOICE_LETTERS = 14  # of a choice's words that are seen at least
ESTIMATE_AFTER_MS = 500
WORDS_FIRST = 1000  # of the room that is left over, beside 1 for nothing
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

    def show_loras(self, models: tuple[Model, ...]) -> None:
        """Offer the LoRAs that are installed."""
        self.style_choices.show_loras(models)

    def show_given(self, given: Given) -> None:
        """A file that was looked at becomes the clip, the first (then the last) picture, or the sound."""
        match given.kind:
            case "clip" if given.clip is not None:
                self._given = [given]
                whole = middle_range(given.clip)
                self._ask = replace(
                    self._ask, clip=given.clip, selection=whole, first_picture="", last_picture="", sound_file=""
                )
                self._clip_box.show_clip(given.clip, whole, list(given.pictures))
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
        self.style_choices.choose(work.quality, work.camera, work.loras)
        self._refresh()
        return True

    def write(self, prompt: str) -> None:
        """Put words into the prompt."""
        self._prompt.setPlainText(prompt)

    def remember(self, prompt: str) -> None:
        """Keep a prompt that was used for the list of earlier ones."""
        self._history.add(prompt)

    def focus_prompt(self) -> None:
        self._prompt.setFocus()

    def show_estimate(self, words: str) -> None:
        self._estimate.setText(words)
        self._estimate.setVisible(bool(words))

    def generate(self) -> None:
        """Ask for the job as it stands: what the main button and its shortcut do."""
        if self._generate.isEnabled():
            self._submit("full")

    def draft(self) -> None:
        """Ask for a quick look at it, where the model makes such."""
        if self._draft.isVisibleTo(self) and self._draft.isEnabled():
            self._submit("draft")

    # Building

    def _build(self) -> None:
        self._remove = IconButton(self._look, "cancel", "Remove what was given")
        self._remove.clicked.connect(self._forget_given)
        self.head.addWidget(self._remove)

        scroll, rows = scrolled_form(12)
        self._given_box = GivenBox()
        self._given_box.open_requested.connect(self.choose_file_requested)
        self._clip_box = ClipBox(self._look)
        self._clip_box.changed.connect(self._read_fields)
        self._clip_box.selected.connect(self._take_selection)
        self._clip_box.looked_at.connect(self.looked_at)
        rows.addWidget(self._given_box)
        rows.addWidget(self._clip_box)
        rows.addLayout(self._build_words(), WORDS_FIRST)
        rows.addLayout(self._build_numbers())
        rows.addStretch(1)
        self.body.addWidget(scroll, 1)
        self.body.addLayout(self._build_foot())

    def _build_words(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(12)
        self._prompt = PromptField(PLACEHOLDER)
        self._prompt.textChanged.connect(self._read_fields)
        self.enhance = EnhanceButton(self._look, self._prompt, self._enhance_question, ENHANCE_KEY)
        column.addLayout(with_helpers(self._prompt, self.enhance, self._history), 1)
        self._negative = NegativeField()
        self._negative.changed.connect(self._read_fields)
        column.addWidget(self._negative)
        return column

    def _build_numbers(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(12)
        self._model = narrow(QComboBox(), CHOICE_LETTERS)
        self._model.currentIndexChanged.connect(self._take_model)
        column.addLayout(labelled("&Model", self._model))

        self.style_choices = StyleChoices()
        self.style_choices.changed.connect(self._read_fields)
        column.addWidget(self.style_choices)
        self._size_box, self._length_box = SizeBox(), LengthBox()
        for box in (self._size_box, self._length_box):
            box.changed.connect(self._read_fields)
            column.addWidget(box)
        self._frames, self._rate = self._length_box.frames, self._length_box.rates
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
        for field in (self._seed, self._variations):
            field.valueChanged.connect(self._read_fields)
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
        self._draft.setToolTip(with_key("A quick look at half the size; it can be finished later", DRAFT_KEY))
        self._draft.clicked.connect(self.draft)
        self._generate = QPushButton("Generate")
        self._generate.setObjectName("primary")
        self._generate.setToolTip(with_key("Put this job into the queue", GENERATE_KEY))
        self._generate.clicked.connect(self.generate)
        for button in (self._draft, self._generate):  # a click takes no focus, or Space would begin the job again
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self._draft, 1)
        row.addWidget(self._generate, 2)
        foot.addLayout(row)
        return foot

    # Fields → ask

    def _enhance_question(self) -> EnhancePrompt:
        """The words and, where a clip begins with a picture, what is to be seen in it."""
        ask = self._ask
        return EnhancePrompt(prompt=ask.prompt, mode=mode_of_ask(ask), seed=ask.seed, image=ask.first_picture)

    def _read_fields(self) -> None:
        """Take over every field that a person may have changed."""
        self._ask = replace(
            self._ask,
            prompt=self._prompt.toPlainText(),
            negative=self._negative.text,
            clip_action=self._clip_box.action,
            what=self._clip_box.what,
            direction=self._clip_box.direction,
            width=self._size_box.across.value(),
            height=self._size_box.down.value(),
            frames=self._frames.value(),
            rate=self._length_box.rate,
            quality=self.style_choices.quality,
            camera=self.style_choices.camera,
            loras=self.style_choices.loras,
            seed=self._seed.value(),
            variations=self._variations.value(),
            may_leave=self.consent.agreed,
        )
        self._refresh()

    def _take_selection(self, start: int, end: int) -> None:
        self._ask = replace(self._ask, selection=FrameRange(start, end))
        self._refresh()

    def _take_model(self, row: int) -> None:
        backend, _, model = str(self._model.itemData(row) or "").partition("/")
        if model:
            self._choose_model(backend, model)
            self._refresh()

    def _choose_model(self, backend: str, model: str) -> None:
        self._ask = replace(self._ask, backend=backend, model=model)
        self.consent.show_backend(self._backend())
        self._ask = replace(self._ask, may_leave=self.consent.agreed)
        with QSignalBlocker(self._model):
            self._model.setCurrentIndex(self._model.findData(f"{backend}/{model}"))
        chosen = self._capability()
        if chosen is None:
            return
        self._size_box.show_model(chosen)
        self.style_choices.show_model(chosen)
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

    def _submit(self, stage: str) -> None:
        self.asked.emit(replace(self._ask, stage="draft" if stage == "draft" else "full"))
        self.consent.after_asking()
        self._read_fields()
        if not self._lock.isChecked():
            self._roll()

    # Ask → fields

    def _show_fields(self) -> None:
        """Put the ask into every field, without asking anything."""
        blockers = [QSignalBlocker(each) for each in (self._prompt, self._negative, self._seed, self._variations)]
        ask = self._ask
        if self._prompt.toPlainText() != ask.prompt:
            self._prompt.setPlainText(ask.prompt)
        self._negative.write(ask.negative)
        self._seed.setValue(ask.seed)
        self._variations.setValue(ask.variations)
        for box in (self._clip_box, self._size_box, self._length_box):
            box.show_values(ask)
        for each in blockers:
            each.unblock()

    def _refresh(self) -> None:
        """Show what follows from the ask: which fields matter, what is wrong, what can be pressed."""
        ask, model = self._ask, self._capability()
        mode = mode_of_ask(ask)
        self.heading.setText(_MODE_WORDS[mode])
        self._remove.setVisible(bool(self._given))
        self._given_box.show_given(self._given)
        for box in (self._clip_box, self._size_box, self._length_box):
            box.show_ask(ask)
        self._negative.setVisible(model is not None and model.negative)
        self._draft.setVisible(model is not None and model.drafts)
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
