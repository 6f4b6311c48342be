"""The set-up page: what this machine can do and why, what LTX-2.3 needs here, and the LTX API with its key and limit.

It can be left at any time; nothing waits for it. What it shows comes from the engine's capabilities and is shown anew
when they change. The key goes into the system's keyring by `key_keeper`, and out of the field at once.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.hosts import CONSOLE
from engine.protocol.messages import Model
from engine.protocol.packages import DownloadPlan
from ltxdesktop.settings.declared import MONTHLY_LIMIT
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.decimal_field import DecimalField
from ltxdesktop.ui.form_window import FormWindow
from ltxdesktop.ui.parts import Panel, label, labelled, wrapped
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.setup import key_keeper
from ltxdesktop.ui.setup.model_words import disk_words, short
from ltxdesktop.ui.setup.situation import Line, machine_lines, paid, spent_words, weights_lines, works_now
from ltxdesktop.ui.setup.stock import Stock
from ltxdesktop.ui.theme import Look, figures

MARK_PX = 16


class SetupWindow(FormWindow):
    """One page for one session; made when it's asked for, gone when it's closed."""

    models_requested = Signal()
    get_requested = Signal(str)  # a package of models
    restart_requested = Signal()  # the engine is to be started anew, with a key for this session
    limit_chosen = Signal(float)  # US dollars a month; 0: none

    def __init__(
        self,
        look: Look,
        session: EngineSession,
        stock: Stock,
        background: Background,
        parent: QWidget | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        """`elsewhere`: the engine runs on another machine, so a key in this one's keyring is of no use to it."""
        super().__init__("Set-up", (660, 700), ("Close", "Nothing here has to be done now"), parent)
        self._look, self._session, self._stock, self._elsewhere = look, session, stock, elsewhere
        self._models: tuple[Model, ...] = ()
        self._background = background  # a keyring may wait for a person to unlock it
        self._gone = False
        self._offered = ""  # the package that the button gets
        self._unkept = ""  # a key that no keyring took, until the person has said what to do with it
        self._test_when_ready = False
        self._build()
        session.capabilities_changed.connect(self._show_capabilities)
        session.view_changed.connect(self._show_engine)
        look.changed.connect(self._show_capabilities)
        stock.changed.connect(self._look_at_disk)
        self._show_capabilities()
        self._look_at_disk()
        session.refresh_capabilities()
        session.ask_models(self._take_models)

    # Building

    def _build(self) -> None:
        column = self.page
        self._now = label("")
        self._now.setWordWrap(True)
        self._now.setAccessibleName("What works now")
        column.addWidget(self._now)
        self._why = wrapped("note")
        self._why.setAccessibleName("Why")
        column.addWidget(self._why)
        column.addWidget(self._build_machine())
        column.addWidget(self._build_weights())
        column.addWidget(self._build_api())
        column.addStretch(1)
        self.put_into_foot(label("All of this can wait: it's in the menu, Engine › Set-up.", "hint"))

    def _build_machine(self) -> Panel:
        panel = Panel("This machine")
        self._machine = QVBoxLayout()
        panel.body.addLayout(self._machine)
        return panel

    def _build_weights(self) -> Panel:
        panel = Panel("LTX-2.3 on this machine")
        self._weights = QVBoxLayout()
        panel.body.addLayout(self._weights)
        self._disk_row = QWidget()
        disk = QHBoxLayout(self._disk_row)
        disk.setContentsMargins(0, 0, 0, 0)
        self._disk = label("")
        self._disk.setWordWrap(True)
        self._disk.setFont(figures(self._disk.font()))
        self._disk.setAccessibleName("Room on the disk")
        self.get = self._button(
            "Get…", "See what comes, read and accept its licences, choose the disk, and download it", self._get
        )
        disk.addWidget(self._disk, 1)
        disk.addWidget(self.get)
        self._disk_row.hide()
        panel.body.addWidget(self._disk_row)
        row = QHBoxLayout()
        words = label("All there is, and files that other programs have here already:", "hint")
        words.setWordWrap(True)
        row.addWidget(words, 1)
        self.models = self._button(
            "Models…", "See what there is, and download or import it", self.models_requested.emit
        )
        row.addWidget(self.models)
        panel.body.addLayout(row)
        return panel

    def _build_api(self) -> Panel:
        panel = Panel("LTX API")
        self._api_words = wrapped("note")
        panel.body.addWidget(self._api_words)
        self._api = QWidget()
        column = QVBoxLayout(self._api)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._key_state = QVBoxLayout()
        column.addLayout(self._key_state)
        column.addLayout(self._build_key())
        self._said = wrapped("hint")
        self._said.setAccessibleName("Answer")
        column.addWidget(self._said)
        self._session_button = self._button(
            "Use it for this session",
            "In memory only, until the program is closed. The engine is started anew for it; running jobs begin again",
            self._use_for_session,
        )
        self._session_button.hide()
        column.addWidget(self._session_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(label("What leaves this machine when a job goes there", "label"))
        self._sends = wrapped("")
        self._sends.setAccessibleName("What leaves this machine")
        column.addWidget(self._sends)
        column.addLayout(self._build_limit())
        panel.body.addWidget(self._api)
        return panel

    def _build_key(self) -> QVBoxLayout:
        self._key = QLineEdit()
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._key.setPlaceholderText("Paste it here")
        self._key.setToolTip("It goes into the keyring of this system: never into a project, a log or a command")
        self._key.textChanged.connect(self._enable)
        self._key.returnPressed.connect(self._keep)
        self._keep_button = self._button("Keep it", "Put the key into the keyring and try it (Return)", self._keep)
        self._test_button = self._button(
            "Test", "Ask the service whether it accepts the key; costs nothing", self._test
        )
        self._forget_button = self._button("Forget", "Take the key out of the keyring", self._forget)
        return labelled("API key", self._key, self._keep_button, self._test_button, self._forget_button)

    def _build_limit(self) -> QVBoxLayout:
        self._limit = DecimalField()
        self._limit.setRange(MONTHLY_LIMIT.minimum, MONTHLY_LIMIT.maximum)
        self._limit.setPrefix("US$ ")
        self._limit.setSpecialValueText("No limit")
        self._limit.setKeyboardTracking(False)
        self._limit.lineEdit().setTextMargins(5, 0, 0, 0)
        self._limit.setToolTip(MONTHLY_LIMIT.help)
        self._limit.setFont(figures(self._limit.font()))
        self._limit.valueChanged.connect(self.limit_chosen)
        self._spent = label("", "hint")
        self._spent.setFont(figures(self._spent.font()))
        self._spent.setAccessibleName("Spent this month")
        return labelled(MONTHLY_LIMIT.title, self._limit, self._spent)

    def _button(self, words: str, tip: str, call: Callable[[], object]) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setAccessibleName(words)
        button.setAutoDefault(False)  # Return in the field keeps the key, and nothing else
        button.clicked.connect(lambda: call())
        return button

    # What the engine says

    def _show_capabilities(self) -> None:
        backends = self._session.backends
        self._now.setText(works_now(backends) if backends else "Asking the engine what works here…")
        advice = self._session.advice
        self._why.setText(advice.reason if advice is not None else "")
        self._why.setVisible(advice is not None)
        self._fill(self._machine, machine_lines(backends))
        self._show_weights()
        self._show_api()

    def _take_models(self, models: tuple[Model, ...]) -> None:
        if not self._gone:
            self._models = models
            self._show_weights()

    def _show_weights(self) -> None:
        lines = weights_lines(self._models, self._session.backends)
        self._fill(self._weights, lines or [Line("plain", "This engine knows of no files of LTX-2.3.")])

    def _look_at_disk(self) -> None:
        """What the first of the large models would take here, and whether there is room."""
        model = next((each for each in self._stock.packages if each.kind == "model"), None)
        wanted = model is not None and model.state != "verified" and self._stock.ready
        self._disk_row.setVisible(wanted)
        if model is not None and wanted:
            self._offered = model.package
            words = f"Get {short(model.title)}…"
            self.get.setText(words)
            self.get.setAccessibleName(words.rstrip("…"))
            self._stock.plan(model.package, self._take_plan, self._disk.setText)

    def _take_plan(self, plan: DownloadPlan) -> None:
        if not self._gone:
            self._disk.setText(plan.problem or f"{disk_words(plan)[1]}\nInto {plan.folder}")

    def _get(self) -> None:
        self.get_requested.emit(self._offered)

    def _show_api(self) -> None:
        backend = paid(self._session.backends)
        self._api.setVisible(backend is not None)
        self._api_words.setVisible(backend is None)
        self._api_words.setText("This engine was started without the LTX API.")
        if backend is None:
            return
        if backend.available:
            self._fill(
                self._key_state,
                [Line("good", "A key is there.", "Nothing is sent before you agree, for a job or in the settings.")],
            )
        else:
            about = f"LTX-2.3 on Lightricks' servers, for money, on any machine. Keys are made at {CONSOLE.address}."
            self._fill(self._key_state, [Line("missing", "No key is there.", about)])
        self._sends.setText("\n".join(f"•  {each}" for each in backend.sends))
        self._sends.setVisible(bool(backend.sends))
        self._spent.setText(spent_words(backend.spending))
        if backend.spending is not None and not self._limit.hasFocus():
            with QSignalBlocker(self._limit):
                self._limit.setValue((backend.spending.limit_cents or 0) / 100)
        self._enable()

    def _show_engine(self) -> None:
        if self._session.view.life != "ready":
            self._say("The engine isn't there now; it's shown here when it's back.")
        elif self._test_when_ready:
            self._test_when_ready = False
            self._test()
        self._enable()

    def _fill(self, box: QVBoxLayout, lines: list[Line]) -> None:
        while (item := box.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for line in lines:
            box.addWidget(self._row(line))

    def _row(self, line: Line) -> QWidget:
        row = QWidget()
        across = QHBoxLayout(row)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(8)
        theme = self._look.theme
        sign = QLabel()
        sign.setFixedWidth(MARK_PX)
        icon = {"good": ("check", theme.good), "missing": ("warning", theme.warn), "next": ("unlock", theme.quiet)}.get(
            line.mark
        )
        if icon is not None:
            sign.setPixmap(self._look.icon(*icon).pixmap(QSize(MARK_PX, MARK_PX), self.devicePixelRatioF()))
        text = QLabel(_rich(line, theme.quiet))
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setToolTip(line.tip)
        text.setWordWrap(True)
        text.setAccessibleName(f"{line.words} {line.more} {line.tip}".strip())
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        across.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        across.addWidget(text, 1)
        return row

    # The key

    def _enable(self) -> None:
        backend = paid(self._session.backends)
        ready = self._session.view.life == "ready" and backend is not None
        self._key.setEnabled(not self._elsewhere)
        self._keep_button.setEnabled(not self._elsewhere and bool(self._key.text().strip()))
        self._test_button.setEnabled(ready and backend is not None and backend.available)
        self._forget_button.setEnabled(not self._elsewhere and backend is not None and backend.available)
        if self._elsewhere:
            self._key.setPlaceholderText("The engine runs on another machine: say “ltx-engine key” there")

    def _keep(self) -> None:
        key = self._key.text().strip()
        self._key.clear()
        if key and not self._elsewhere:
            self._say("Putting it into the keyring…")
            self._background.run(
                lambda: key_keeper.keep(key), self._take_kept, lambda problem: self._offer_session(key, problem)
            )

    def _offer_session(self, key: str, problem: Exception) -> None:
        """Where no keyring works a person may still use the key now; it's held here for the one answer only."""
        self._say_failed(problem)
        if isinstance(problem, key_keeper.NoKeyring) and not self._gone:
            self._unkept = key
            self._session_button.show()

    def _use_for_session(self) -> None:
        key_keeper.keep_for_session(self._unkept)
        self._unkept = ""
        self._session_button.hide()
        self._say("Starting the engine with it…")
        self._test_when_ready = True
        self.restart_requested.emit()

    def _take_kept(self, _: None) -> None:
        if not self._gone:
            self._test()

    def _test(self) -> None:
        backend = paid(self._session.backends)
        if backend is None:
            return
        self._say("Asking the service…")
        self._session.check_key(backend.backend, self._take_answer)

    def _take_answer(self, accepted: bool, words: str) -> None:
        self._say(words, good=accepted)

    def _forget(self) -> None:
        self._background.run(key_keeper.forget, self._take_forgotten, self._say_failed)

    def _take_forgotten(self, _: None) -> None:
        self._say("The key is out of the keyring. One in LTX_API_KEY or in a file isn't this program's to remove.")
        if not self._gone:
            self._session.refresh_capabilities()

    def _say_failed(self, problem: Exception) -> None:
        self._say(
            str(problem) if isinstance(problem, key_keeper.NoKeyring) else f"That failed: {type(problem).__name__}."
        )

    def _say(self, words: str, *, good: bool = False) -> None:
        if self._gone:
            return
        self._said.setText(words)
        self._said.setAccessibleDescription(words)
        self._said.setObjectName("good" if good else "hint")
        self._said.style().unpolish(self._said)
        self._said.style().polish(self._said)
        self._said.setVisible(bool(words))

    @property
    def answer(self) -> str:
        """What was said last about the key."""
        return self._said.text()

    # The rest

    def done(self, result: int) -> None:
        self._unkept = ""
        self._gone = True  # answers that are on their way find nobody
        super().done(result)


def _rich(line: Line, quiet: str) -> str:
    """The words, with what is more about them in the quiet colour under them."""
    words = html.escape(line.words)
    return f'{words}<br><span style="color: {quiet}">{html.escape(line.more)}</span>' if line.more else words
