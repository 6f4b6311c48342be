"""Before the first byte of a download: what comes, whether the disk has room, licences to accept, a token if needed.

The token goes into the keyring and out of the field at once; where no keyring works, it can hold for the session. It's
never sent through the channel.
"""

from __future__ import annotations

import textwrap

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.hosts import HUB
from engine.protocol.packages import DownloadPlan, LicenceText
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.form_window import FormWindow
from ltxdesktop.ui.parts import Panel, label, labelled, wrapped
from ltxdesktop.ui.setup import key_keeper
from ltxdesktop.ui.setup.licence_view import origin_words, text_view
from ltxdesktop.ui.setup.model_words import disk_words, plan_rows
from ltxdesktop.ui.setup.stock import Stock
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import gigabytes

MARK_PX = 16
TEXT_PX = 170
BOX_LETTERS = 76
BESIDES = " besides"  # of a licence's name: the box for what a person says of themselves
TOKENS = f"{HUB.address}/settings/tokens"


class GetWindow(FormWindow):
    """For one package and what it needs. Asks for the plan itself, and anew when something has changed."""

    another_folder_requested = Signal()
    restart_requested = Signal()  # the engine is to be started anew, with a token for this session

    def __init__(
        self,
        look: Look,
        stock: Stock,
        background: Background,
        package: str,
        parent: QWidget | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        """`elsewhere`: the engine runs on another machine, so this one's keyring and disks are of no use to it."""
        known = stock.package(package)
        title = known.title if known is not None else package
        super().__init__(f"Get {title}", (640, 640), ("Not now", "Nothing is downloaded"), parent)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self._look, self._stock, self._background = look, stock, background
        self._package, self._elsewhere = package, elsewhere
        self.plan: DownloadPlan | None = None
        self._texts: dict[str, LicenceText] = {}
        self.boxes: dict[str, QCheckBox] = {}
        self._left = 0  # licences whose acceptance isn't kept yet
        self._gone = False
        self._unkept = ""  # a token that no keyring took, until the person has said what to do with it
        self._try_when_ready = False
        self._build()
        stock.changed.connect(self._look_again)
        stock.plan(package, self._take_plan, self._refuse)

    # Building

    def _build(self) -> None:
        self.page.addWidget(self._build_files())
        self._licences = QVBoxLayout()
        self._licences.setSpacing(12)
        self.page.addLayout(self._licences)
        self._gate = self._build_gate()
        self._gate.hide()
        self.page.addWidget(self._gate)
        self.page.addStretch(1)
        self._why = label("", "hint")
        self._why.setWordWrap(True)
        self.begin = QPushButton("Download")
        self.begin.setObjectName("primary")
        self.begin.setToolTip("Begin; it can be paused at any time, and goes on after a restart (Return)")
        self.begin.setEnabled(False)
        self.begin.clicked.connect(self._begin)
        self.ends.addButton(self.begin, QDialogButtonBox.ButtonRole.AcceptRole)
        self.put_into_foot(self._why)

    def _build_files(self) -> Panel:
        panel = Panel("What comes")
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(14)
        self._rows.setVerticalSpacing(5)
        self._rows.setColumnStretch(0, 1)
        panel.body.addLayout(self._rows)
        disk = QHBoxLayout()
        self._sign = QLabel()
        self._sign.setFixedWidth(MARK_PX)
        self._disk = label("Asking the engine what is missing…")
        self._disk.setWordWrap(True)
        self._disk.setFont(figures(self._disk.font()))
        self._disk.setAccessibleName("Room on the disk")
        disk.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        disk.addWidget(self._disk, 1)
        panel.body.addLayout(disk)
        where = QHBoxLayout()
        self._folder = label("", "note")
        self._folder.setWordWrap(True)
        self._other = QPushButton("Another folder…")
        self._other.setToolTip("Choose another models folder, on a disk with more room; what is here moves there")
        self._other.setAutoDefault(False)
        self._other.setVisible(not self._elsewhere)
        self._other.clicked.connect(self.another_folder_requested)
        where.addWidget(self._folder, 1)
        where.addWidget(self._other)
        panel.body.addLayout(where)
        return panel

    def _build_gate(self) -> Panel:
        panel = Panel("An account on the hub")
        self._gate_words = wrapped("note")
        self._gate_words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        panel.body.addWidget(self._gate_words)
        self._token = QLineEdit()
        self._token.setEchoMode(QLineEdit.EchoMode.Password)
        self._token.setPlaceholderText("hf_…")
        self._token.setToolTip("It goes into the keyring of this system: never into a project, a log or a command")
        self._token.textChanged.connect(self._enable)
        self._token.returnPressed.connect(self._keep_token)
        self._keep_button = QPushButton("Keep and try it")
        self._keep_button.setToolTip(
            "Put the token into the keyring and ask the hub whether it opens the gate (Return)"
        )
        self._keep_button.setAutoDefault(False)
        self._keep_button.clicked.connect(self._keep_token)
        panel.body.addLayout(labelled("Token", self._token, self._keep_button))
        self._token_said = wrapped("hint")
        self._token_said.setAccessibleName("Answer of the hub")
        panel.body.addWidget(self._token_said)
        self._session_button = QPushButton("Use it for this session")
        self._session_button.setAccessibleName("Use the token for this session")
        self._session_button.setToolTip(
            "In memory only, until the program is closed. The engine is started anew for it; running jobs begin again"
        )
        self._session_button.setAutoDefault(False)
        self._session_button.clicked.connect(self._use_for_session)
        self._session_button.hide()
        panel.body.addWidget(self._session_button, 0, Qt.AlignmentFlag.AlignLeft)
        return panel

    # What the engine says

    def _look_again(self) -> None:
        """Something has come, gone or moved."""
        if not self._gone and self._stock.ready:
            if self._try_when_ready:
                self._try_when_ready = False
                self._take_kept(None)
            self._stock.plan(self._package, self._take_plan, self._refuse)

    def _take_plan(self, plan: DownloadPlan) -> None:
        if self._gone or plan == self.plan:
            return
        self.plan = plan
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for at, (title, amount) in enumerate(plan_rows(plan, self._stock.packages)):
            size = label(amount, "" if plan.coming_bytes else "note")
            size.setFont(figures(size.font()))
            self._rows.addWidget(label(title), at, 0)
            self._rows.addWidget(size, at, 1, Qt.AlignmentFlag.AlignRight)
        mark, words = disk_words(plan)
        self._disk.setText(words)
        icon = ("check", self._look.theme.good) if mark == "good" else ("warning", self._look.theme.warn)
        self._sign.setPixmap(self._look.icon(*icon).pixmap(QSize(MARK_PX, MARK_PX), self.devicePixelRatioF()))
        self._folder.setText(f"Into {plan.folder}")
        self._show_gate(plan)
        source = self._stock.list.token_source if self._stock.list is not None else ""
        if plan.gated and source and not self.answer:  # a plan comes anew with every change, and answers stay
            self._say_token(f"A token is there already: {source}.")
        self.begin.setText(f"Download {gigabytes(plan.coming_bytes)}" if plan.coming_bytes else "Download")
        for licence in plan.unaccepted:
            if licence not in self._texts:
                self._stock.read_licence(licence, self._take_text)
        self._enable()

    def _show_gate(self, plan: DownloadPlan) -> None:
        self._gate.setVisible(bool(plan.gated))
        if plan.gated and (known := self._stock.package(plan.gated[0])) is not None:
            self._gate_words.setText(
                "Google gives these files only to people who have accepted its terms on the hub: do that at "
                f"{HUB.address}/{known.repository}, then make a token that may read at {TOKENS}."
            )
            self._gate_words.show()

    def _take_text(self, text: LicenceText) -> None:
        if self._gone or text.licence in self._texts:
            return
        self._texts[text.licence] = text
        panel = Panel(text.title)
        known = self._stock.licence(text.licence)
        terms = wrapped("")
        terms.setText(known.terms if known is not None else "")
        terms.show()
        panel.body.addWidget(terms)
        view: QPlainTextEdit = text_view(text.title)
        view.setPlainText(text.text)
        view.setMinimumHeight(TEXT_PX)
        panel.body.addWidget(view)
        origin = wrapped("note")
        origin.setText(origin_words(text))
        origin.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        origin.show()
        panel.body.addWidget(origin)
        self._add_box(panel, text.licence, f"I have read and accept the {text.title}")
        if known is not None and known.ask:
            self._add_box(panel, f"{text.licence}{BESIDES}", known.ask)
        self._licences.addWidget(panel)
        self._enable()

    def _add_box(self, panel: Panel, name: str, words: str) -> None:
        box = self.boxes[name] = QCheckBox(textwrap.fill(words, BOX_LETTERS))  # it doesn't wrap its own words
        box.setToolTip("What was accepted, and when, is kept in the models folder")
        box.setAccessibleName(words)
        box.toggled.connect(self._enable)
        panel.body.addWidget(box)

    def _refuse(self, words: str) -> None:
        if not self._gone:
            self._disk.setText(words)

    # The token

    def _keep_token(self) -> None:
        token = self._token.text().strip()
        self._token.clear()
        if token and not self._elsewhere:
            self._say_token("Putting it into the keyring…")
            self._background.run(
                lambda: key_keeper.keep(token, key_keeper.HUB_TOKEN),
                self._take_kept,
                lambda problem: self._offer_session(token, problem),
            )

    def _offer_session(self, token: str, problem: Exception) -> None:
        """Where no keyring works a person may still use the token now; it's held here for the one answer only."""
        self._say_failed(problem)
        if isinstance(problem, key_keeper.NoKeyring) and not self._gone:
            self._unkept = token
            self._session_button.show()

    def _use_for_session(self) -> None:
        key_keeper.keep_for_session(self._unkept, key_keeper.HUB_TOKEN)
        self._unkept = ""
        self._session_button.hide()
        self._say_token("Starting the engine with it…")
        self._try_when_ready = True
        self.restart_requested.emit()

    def _take_kept(self, _: None) -> None:
        if not self._gone and self.plan is not None and self.plan.gated:
            self._say_token("Asking the hub…")
            self._stock.check_token(self.plan.gated[0], self._take_answer)

    def _take_answer(self, accepted: bool, words: str) -> None:
        self._say_token(words, good=accepted)
        if not self._gone:
            self._stock.look()

    def _say_failed(self, problem: Exception) -> None:
        known = isinstance(problem, key_keeper.NoKeyring)
        self._say_token(str(problem) if known else f"That failed: {type(problem).__name__}.")

    def _say_token(self, words: str, *, good: bool = False) -> None:
        if self._gone:
            return
        self._token_said.setText(words)
        self._token_said.setObjectName("good" if good else "hint")
        self._token_said.style().polish(self._token_said)
        self._token_said.setVisible(bool(words))

    @property
    def answer(self) -> str:
        """What was said last about the token."""
        return self._token_said.text()

    # The end

    @property
    def missing(self) -> str:
        """What keeps the download from beginning; "" if nothing does."""
        if self.plan is None or not self._stock.ready:
            return "The engine isn't there yet."
        if self.plan.problem:
            return "There isn't room for it yet."
        if not self.plan.coming_bytes:
            return "Everything is here already."
        if any(licence not in self.boxes for licence in self.plan.unaccepted):
            return "The licence is being read."
        asked = [box for name, box in self.boxes.items() if name.removesuffix(BESIDES) in self.plan.unaccepted]
        if not all(box.isChecked() for box in asked):
            return "Accept what is above to begin."
        return ""

    def _enable(self) -> None:
        missing = self.missing
        self.begin.setEnabled(not missing)
        self._why.setText(missing)
        self._token.setEnabled(not self._elsewhere)
        self._keep_button.setEnabled(not self._elsewhere and bool(self._token.text().strip()))
        if self._elsewhere:
            self._token.setPlaceholderText("The engine runs on another machine: set HF_TOKEN there")

    def _begin(self) -> None:
        assert self.plan is not None
        self._left = len(self.plan.unaccepted)
        for licence in self.plan.unaccepted:
            self._stock.accept(licence, self._texts[licence].sha256, self._take_accepted)
        if not self._left:
            self._download()

    def _take_accepted(self) -> None:
        self._left -= 1
        if not self._left:
            self._download()

    def _download(self) -> None:
        self._stock.download(self._package)
        self.close()

    def done(self, result: int) -> None:
        self._unkept = ""
        self._gone = True  # answers that are on their way find nobody
        super().done(result)
