"""The panel that says what should happen in a place of the timeline. It asks (`asked`); it knows no document.

What can be asked for comes from the engine's capabilities; where, and why not, is told through `show_place` and
`show_problems`.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Literal, NamedTuple, cast

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.messages import BackendCapability, EnhancePrompt, Estimated, Model, ModelCapability
from ltxdesktop.jobs.ask import HIGHEST_SEED, capability, find_model, shapes_for
from ltxdesktop.loop.asking import HANDLES, Wish
from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.ui.consent import Consent
from ltxdesktop.ui.earlier_prompts import EarlierPrompts
from ltxdesktop.ui.enhance import EnhanceButton
from ltxdesktop.ui.length_field import LengthField
from ltxdesktop.ui.parts import (
    IconButton,
    Panel,
    Segments,
    labelled,
    narrow,
    number_field,
    scrolled_form,
    with_key,
    wrapped,
)
from ltxdesktop.ui.prompt_field import NegativeField, PromptField, with_helpers
from ltxdesktop.ui.style_choices import StyleChoices
from ltxdesktop.ui.theme import Look
from ltxdesktop.words import about, gigabytes

Action = Literal["retake", "replace", "extend", "fill", "new"]
ACTIONS: tuple[tuple[Action, str, str], ...] = (
    ("retake", "Retake", "The clip made again, with what is before and behind it as its context"),
    ("replace", "Replace", "Another shot of the same length in its place, from the words alone"),
    ("extend", "Extend", "The clip goes on after its end, or begins earlier"),
    ("fill", "Fill", "What leads from the clip before the gap to the one behind it"),
    ("new", "New clip", "A clip of its own, from the words alone"),
)

CHANGED_AFTER_MS = 400
MEMORY_WORTH_SAYING = 100_000_000  # bytes
UNTIMED = "Time not known yet"
WORDS_FIRST = 1000  # of the room that is left over, beside 1 for nothing
DRAFT_TIP = "A quick look at half the size; a take of it can be finished later"
CHOICE_LETTERS = 14  # of a choice's words that are seen at least
MAKE_TIP = "Put this job into the queue"
PLACEHOLDER = "What is seen and heard here. For example: a blue box slides to the right on a beach."


class Shown(NamedTuple):
    """What the panel is to say about the place that is chosen."""

    heading: str
    words: str
    actions: tuple[Action, ...] = ()  # that are possible
    has_sound: bool = True
    length: bool = False  # whether the person says how long it is to be
    size: bool = False  # and how large
    ends: bool = False  # and at which end of the clip
    verb: str = "Make"
    action: Action | None = None  # the one that it is; None: the first that is possible


class MakePanel(Panel):
    """Holds one `Wish`."""

    asked = Signal(str)  # "full" or "draft"
    pointed = Signal()  # a button was pressed with the mouse: the keys go back to the timeline
    touched = Signal()  # a field was changed, just now
    changed = Signal()  # a moment after the last change, here or in the place: time to ask what it takes
    action_chosen = Signal(str)
    direction_chosen = Signal(str)

    def __init__(
        self,
        look: Look,
        prompts: PromptHistory | None = None,
        random: Random | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`prompts`: those that were used before."""
        super().__init__("Make", parent)
        self._look, self._random = look, random or Random()
        self._prompts = prompts if prompts is not None else PromptHistory()
        self._backends: tuple[BackendCapability, ...] = ()
        self.handles = HANDLES
        self._preferred_where, self._preferred_model = "", ""
        self._make_key, self._draft_key = "", ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHANGED_AFTER_MS)
        self._timer.timeout.connect(self.changed)
        self._build()
        self.setMinimumWidth(340)  # seed, its buttons and takes side by side
        self._roll()
        self.show_place(None)

    # What others ask of the panel

    @property
    def wish(self) -> Wish:
        """What is said, but where."""
        backend, _, model = str(self._model.currentData() or "").partition("/")
        found = self._chosen()
        width, height = self._size.currentData() or (0, 0)
        sized = self._size_box.isVisibleTo(self)
        return Wish(
            prompt=self._prompt.toPlainText(),
            negative=self._negative.text if found and found[1].negative else "",
            model=model,
            backend=backend,
            seed=self._seed.value(),
            variations=self._variations.value(),
            quality=self._style.quality,
            what=cast(Literal["both", "picture", "sound"], self._what.value),
            camera=self._style.camera,
            loras=self._style.loras,
            may_leave=self.consent.agreed,
            handles=self.handles,
            width=width if sized else 0,
            height=height if sized else 0,
            frames=self._frames.value() if self._length_box.isVisibleTo(self) else 0,
        )

    @property
    def action(self) -> Action:
        return cast(Action, self._action.value)

    @property
    def direction(self) -> Literal["forward", "backward"]:
        """At which end a clip is extended."""
        return "backward" if self._direction.value == "backward" else "forward"

    @property
    def ready(self) -> bool:
        """Whether it can be asked for now."""
        return self._make.isEnabled()

    @property
    def chosen(self) -> tuple[BackendCapability, ModelCapability] | None:
        """The backend and model that would do it."""
        return self._chosen()

    def show_capabilities(self, backends: tuple[BackendCapability, ...]) -> None:
        """Offer the models of these backends; keep the chosen one if it's still there."""
        self._backends = backends
        before = str(self._model.currentData() or "")
        with QSignalBlocker(self._model):
            self._model.clear()
            for backend in backends:
                for model in backend.models:
                    self._model.addItem(model.title, f"{backend.backend}/{model.model}")
                    why = model.why_not or backend.why_not or model.description
                    self._model.setItemData(self._model.count() - 1, why, Qt.ItemDataRole.ToolTipRole)
            found = self._preferred() or find_model(backends)
            default = f"{found[0].backend}/{found[1].model}" if found is not None else ""
            row = self._model.findData(before)
            self._model.setCurrentIndex(row if row >= 0 else max(0, self._model.findData(default)))
        self._show_model()

    def prefer(self, where: str, model: str) -> None:
        """Begin with the paid model of this name where "remote" is preferred, else with what works on this machine.

        "remote" is the person's word, given in the settings, that jobs may leave the machine; taken back, it's asked
        for each again.
        """
        if (where, model) == (self._preferred_where, self._preferred_model):
            return
        away, was_away = where == "remote", self._preferred_where == "remote"
        self._preferred_where, self._preferred_model = where, model
        if away or was_away:
            self.consent.stand(away)
            with QSignalBlocker(self._model):
                self._model.setCurrentIndex(-1)  # what was chosen no longer counts
            self.show_capabilities(self._backends)

    def _preferred(self) -> tuple[BackendCapability, ModelCapability] | None:
        if self._preferred_where != "remote":
            return None
        paid = tuple(each for each in self._backends if each.remote)
        return find_model(paid, self._preferred_model) or find_model(paid)

    def show_loras(self, models: tuple[Model, ...]) -> None:
        """Offer the LoRAs that are installed."""
        self._style.show_loras(models)

    def show_place(self, shown: Shown | None) -> None:
        """Say where it would be; None: nowhere."""
        nowhere = Shown("Make", "Select frames with the range tool (G), a clip, or a gap.")
        shown_now = shown or nowhere
        self.heading.setText(shown_now.heading)
        self._where.setText(shown_now.words)
        self._where.setVisible(bool(shown_now.words))
        choice = len(shown_now.actions) > 1
        self._action.setVisible(choice)
        self.heading.setVisible(not choice)  # the choice says the same, and a small screen has no room for both
        if shown_now.actions:
            self._action.show_only({action: tip for action, _, tip in ACTIONS if action in shown_now.actions})
            self._action.set_value(shown_now.action or shown_now.actions[0])
        self._what.setVisible("retake" in shown_now.actions and self.action == "retake" and shown_now.has_sound)
        if not shown_now.has_sound:
            self._what.set_value("both")
        self._length_box.setVisible(shown_now.length)
        self._size_box.setVisible(shown_now.size)
        self._direction.setVisible(shown_now.ends)
        self._make.setText(shown_now.verb)
        self._place_known = shown is not None

    def show_film(self, width: int, height: int, rate: Fraction) -> None:
        """Size and rate of the film that clips are made for."""
        self._size.setItemText(0, f"As the film: {width} × {height}")
        self._frames.set_rate(rate)

    def show_problems(self, problems: list[str]) -> None:
        """Why it can't be asked for now; the buttons wait until there are none."""
        self._problem.setText("\n".join(problems))
        self._problem.setVisible(bool(problems))
        ready = self._place_known and not problems
        found = self._chosen()
        self._make.setEnabled(ready)
        self._draft.setEnabled(ready and found is not None and found[1].drafts)

    def show_estimate(self, estimate: Estimated | None, more: str = "") -> None:
        """How long it takes, what it needs, what it costs and what leaves the machine, before it begins."""
        lines: list[str] = []
        if estimate is not None and not estimate.fits:
            lines.append(estimate.why_not)
        if estimate is not None:
            needs = f"{gigabytes(estimate.peak_bytes)} of {gigabytes(estimate.free_bytes)} memory"
            parts = [about(estimate.seconds).capitalize() if estimate.seconds is not None else UNTIMED]
            parts += [needs] if estimate.peak_bytes > MEMORY_WORTH_SAYING else []
            lines += [" · ".join(parts)] if parts else []
        lines += [more] if more and estimate is not None else []
        self.consent.show_estimate(estimate)
        self._estimate.setText("\n".join(lines))
        self._estimate.setVisible(bool(lines))

    def write(self, prompt: str) -> None:
        """Put words into the prompt, as those of another clip or an earlier job."""
        if prompt != self._prompt.toPlainText():
            self._prompt.setPlainText(prompt)

    def remember(self, prompt: str) -> None:
        """Keep a prompt that was used in the history."""
        self._history.add(prompt)

    def wait_for_quiet(self) -> None:
        """Something that counts has moved elsewhere: `changed` comes when nothing has moved for a moment."""
        self._timer.start()

    def after_asking(self) -> None:
        """Another seed for the next job, unless the person holds on to this one; and it's agreed to anew."""
        self.consent.after_asking()
        if not self._lock.isChecked():
            self._roll()

    def focus_prompt(self) -> None:
        self._prompt.setFocus()

    def ask_for_words(self) -> None:
        """Go to the prompt if it's empty; else the keys stay where they are."""
        if not self._prompt.toPlainText().strip():
            self._prompt.setFocus()

    def extend_by(self, frames: int, direction: Literal["forward", "backward"]) -> None:
        """Say for how long a clip is to go on, and at which end, as was shown with the mouse."""
        with QSignalBlocker(self._frames):
            self._frames.setValue(frames)
        self._direction.set_value(direction)

    def show_keys(self, make: str, draft: str, enhance: str) -> None:
        """The commands' keys in the keymap that is in force, "" for none: the buttons' tooltips say them."""
        self._make_key, self._draft_key = make, draft
        self.enhance.show_keys(enhance)
        found = self._chosen()
        self._show_tips(found[1] if found is not None else None)

    def trigger(self, stage: Literal["full", "draft"] = "full") -> None:
        """What the buttons do, for commands."""
        button = self._make if stage == "full" else self._draft
        if button.isEnabled():
            self.asked.emit(stage)

    # Building

    def _build(self) -> None:
        self._place_known = False
        self._action = Segments("What to do", [(action, words) for action, words, _ in ACTIONS])
        self._action.chosen.connect(self.action_chosen)
        self.head.insertWidget(0, self._action, 1)
        self._where = wrapped("hint")
        self._where.show()
        self.body.addWidget(self._where)
        scroll, rows = scrolled_form(10)
        rows.addLayout(self._build_words(), WORDS_FIRST)
        rows.addLayout(self._build_numbers())
        rows.addLayout(self._build_model())
        rows.addStretch(1)
        self.body.addWidget(scroll, 1)
        self.body.addLayout(self._build_foot())

    def _build_words(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        self._prompt = PromptField(PLACEHOLDER)
        self._prompt.textChanged.connect(self._touch)
        self._history = EarlierPrompts(self._look, self._prompts)
        self._history.chosen.connect(self.write)
        self.enhance = EnhanceButton(self._look, self._prompt, self._enhance_question)
        column.addLayout(with_helpers(self._prompt, self.enhance, self._history), 1)
        self._what = Segments("Make again", [("both", "Both"), ("picture", "Picture"), ("sound", "Sound")])
        self._what.chosen.connect(self._touch)
        column.addWidget(self._what)
        self._direction = Segments("Where", [("forward", "After the end"), ("backward", "Before the start")])
        self._direction.setToolTip("At which end of the clip. The Extend tool (E) drags either end, too")
        self._direction.chosen.connect(self.direction_chosen)
        column.addWidget(self._direction)
        self._negative = NegativeField()
        self._negative.changed.connect(self._touch)
        column.addWidget(self._negative)
        return column

    def _build_numbers(self) -> QVBoxLayout:
        self._seed = number_field(0, HIGHEST_SEED)
        self._lock = IconButton(self._look, "unlock", "Keep this seed for the next job too")
        self._lock.setCheckable(True)
        self._lock.toggled.connect(self._show_lock)
        dice = IconButton(self._look, "dice", "Another seed")
        dice.clicked.connect(self._roll)
        self._variations = number_field(1, 8)
        self._variations.setFixedWidth(66)
        self._variations.setToolTip("How many takes to make at once, each from a seed of its own")
        self._frames = LengthField()
        self._frames.setValue(49)
        self._length_box = QWidget()
        length = labelled("&Length", self._frames)
        length.setContentsMargins(0, 0, 0, 0)
        self._length_box.setLayout(length)
        self._size = narrow(QComboBox(), CHOICE_LETTERS)
        self._size.addItem("As the film", None)
        self._size.setToolTip("How large the clip is made; on the timeline it's fitted into the film")
        self._size.currentIndexChanged.connect(self._touch)
        self._size_box = QWidget()
        size = labelled("Si&ze", self._size)
        size.setContentsMargins(0, 0, 0, 0)
        self._size_box.setLayout(size)
        column, row = QVBoxLayout(), QHBoxLayout()
        row.setSpacing(10)
        row.addLayout(labelled("&Seed", self._seed, self._lock, dice), 1)
        row.addLayout(labelled("&Takes", self._variations))
        column.addWidget(self._length_box)
        column.addWidget(self._size_box)
        column.addLayout(row)
        for field in (self._seed, self._variations, self._frames):
            field.valueChanged.connect(self._touch)
        return column

    def _build_model(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(8)
        self._model = narrow(QComboBox(), CHOICE_LETTERS)
        self._model.currentIndexChanged.connect(self._show_model)
        column.addLayout(labelled("&Model", self._model))
        self._about_model = wrapped("note")
        column.addWidget(self._about_model)
        self._style = StyleChoices()
        self._style.changed.connect(self._touch)
        column.addWidget(self._style)
        return column

    def _build_foot(self) -> QVBoxLayout:
        foot = QVBoxLayout()
        foot.setSpacing(6)
        self._problem, self._estimate = wrapped("problem"), wrapped("note")
        self.consent = Consent()
        self.consent.changed.connect(self._touch)
        for each in (self.consent, self._problem, self._estimate):
            foot.addWidget(each)
        row = QHBoxLayout()
        self._draft = QPushButton("Draft")
        self._make = QPushButton("Make")
        self._make.setObjectName("primary")
        self._draft.clicked.connect(self._press_draft)
        self._make.clicked.connect(self._press_make)
        for button in (self._draft, self._make):  # a click takes no focus, or Space would begin the job again
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self._draft, 1)
        row.addWidget(self._make, 2)
        foot.addLayout(row)
        return foot

    # Slots

    def _enhance_question(self) -> EnhancePrompt:
        return EnhancePrompt(prompt=self._prompt.toPlainText(), seed=self._seed.value())

    def _press_draft(self) -> None:
        self._press(self._draft, "draft")

    def _press_make(self) -> None:
        self._press(self._make, "full")

    def _press(self, button: QPushButton, stage: Literal["full", "draft"]) -> None:
        by_keys = self.window().focusWidget() is button
        self.asked.emit(stage)
        if not by_keys:
            self.pointed.emit()

    def _touch(self) -> None:
        self.touched.emit()
        self._timer.start()

    def _show_lock(self, held: bool) -> None:
        self._lock.set_icon("lock" if held else "unlock")

    def _roll(self) -> None:
        self._seed.setValue(self._random.randint(0, HIGHEST_SEED))

    def _chosen(self) -> tuple[BackendCapability, ModelCapability] | None:
        backend, _, model = str(self._model.currentData() or "").partition("/")
        return find_model(self._backends, model, backend) if model else None

    def _show_model(self) -> None:
        """Offer what the chosen model can, and nothing else."""
        found = self._chosen()
        backend, model = found if found is not None else (None, None)
        self._about_model.setText(model.description if model is not None else "")
        self._about_model.setVisible(bool(model is not None and model.description))
        self._negative.setVisible(model is not None and model.negative)
        self._variations.setMaximum(max(1, min(8, model.max_variations)) if model is not None else 1)
        self.consent.show_backend(backend)
        self._show_tips(model)
        self._style.show_model(model)
        self._show_sizes(model)
        if model is not None and model.default_frames:
            with QSignalBlocker(self._frames):
                self._frames.setValue(model.default_frames)
        self._touch()

    def _show_tips(self, model: ModelCapability | None) -> None:
        no_drafts = f"{model.title} makes no drafts" if model is not None and not model.drafts else ""
        self._draft.setToolTip(no_drafts or with_key(DRAFT_TIP, self._draft_key))
        self._make.setToolTip(with_key(MAKE_TIP, self._make_key))

    def _show_sizes(self, model: ModelCapability | None) -> None:
        """The film's own size, and those that the model makes well."""
        limits = capability(model, "text_to_video") if model is not None else None
        before = self._size.currentData()
        with QSignalBlocker(self._size):
            while self._size.count() > 1:
                self._size.removeItem(1)
            for shape in shapes_for(model, limits) if model is not None and limits is not None else []:
                self._size.addItem(f"{shape.words}   {shape.width} × {shape.height}", (shape.width, shape.height))
            kept = [row for row in range(self._size.count()) if self._size.itemData(row) == before]
            self._size.setCurrentIndex(kept[0] if kept else 0)


def with_stage(wish: Wish, stage: str) -> Wish:
    """The wish for one of the two buttons."""
    return replace(wish, stage="draft" if stage == "draft" else "full")
