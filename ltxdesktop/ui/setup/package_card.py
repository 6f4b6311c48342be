"""One package on the page of models: what it is for, what it takes, how far it is, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from engine.protocol.packages import Errand, ErrandProgress, PackageInfo
from ltxdesktop.ui.parts import ThinBar, label
from ltxdesktop.ui.setup.model_words import fraction, progress_words, state_words
from ltxdesktop.ui.theme import Look, figures

MARK_PX = 16


class PackageCard(QWidget):
    """Shows and asks; it does nothing itself."""

    get_requested = Signal(str)  # package
    licence_requested = Signal(str)  # package
    verify_requested = Signal(str)
    remove_requested = Signal(str)
    steer_requested = Signal(str, str)  # errand, "pause" | "resume" | "cancel" | "forget"

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.package: PackageInfo | None = None
        self._errand: Errand | None = None
        self._sign, self._title, self._state = QLabel(), label("", "title"), label("", "note")
        self._about, self._facts = label("", ""), label("", "note")
        self._said = label("", "note")
        self._bar = ThinBar("Progress")
        self._buttons: dict[str, QPushButton] = {}
        self._lay_out()

    def show_package(
        self, package: PackageInfo, facts: str, errand: Errand | None, *, main: bool, can_ask: bool
    ) -> None:
        """`errand`: the download that brings it, if there is one; `main`: whether that is what was asked for."""
        self.package, self._errand = package, errand if main else None
        self.setAccessibleName(package.title)
        mark, words = state_words(package)
        if errand is not None and not main and package.state != "verified":
            words = f"Comes with {errand.title}"
        self._title.setText(package.title)
        self._state.setText(words)
        self._state.setObjectName("good" if mark == "good" else "note")
        self._state.style().polish(self._state)
        self._show_sign(mark == "good")
        self._about.setText(package.about)
        self._about.setVisible(bool(package.about))
        self._facts.setText(facts)
        self._show_errand(None)
        self._show_buttons(package, errand, main=main, can_ask=can_ask)

    def show_progress(self, progress: ErrandProgress | None) -> None:
        """How far its download is."""
        self._show_errand(progress)

    def button(self, name: str) -> QPushButton:
        """One of: get, pause, resume, cancel, verify, remove, licence."""
        return self._buttons[name]

    @property
    def said(self) -> str:
        """The line under the bar."""
        return self._said.text()

    # Parts

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 5, 0, 5)
        row.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(3)
        head = QHBoxLayout()
        head.setSpacing(7)
        self._sign.setFixedSize(MARK_PX, MARK_PX)
        head.addWidget(self._sign)
        head.addWidget(self._title)
        head.addWidget(self._state, 1)
        words.addLayout(head)
        for each in (self._about, self._facts, self._said):
            each.setWordWrap(True)
        self._said.setFont(figures(self._said.font()))
        self._said.setAccessibleName("Progress in words")
        for each in (self._about, self._facts, self._bar, self._said):
            words.addWidget(each)
        row.addLayout(words, 1)
        row.addLayout(self._build_buttons())

    def _build_buttons(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(5)
        first, second = QHBoxLayout(), QHBoxLayout()
        for name, words, tip, place in (
            ("get", "Get…", "See what it needs, then download it", first),
            ("pause", "Pause", "Stop for now; what has come is kept", first),
            ("resume", "Resume", "Go on where it stopped", first),
            ("cancel", "Cancel", "End this download; what has come is kept until it's removed", first),
            ("verify", "Verify", "Hash every file of it that is here", first),
            ("remove", "Remove…", "Delete its files; originals of linked ones stay where they are", first),
            ("licence", "Licence", "Read the licence; no network is needed", second),
        ):
            button = self._buttons[name] = QPushButton(words)
            button.setToolTip(tip)
            button.setAutoDefault(False)
            place.addWidget(button)
        self._buttons["licence"].setObjectName("flat")
        second.insertStretch(0, 1)
        first.insertStretch(0, 1)
        column.addLayout(first)
        column.addLayout(second)
        column.addStretch(1)
        self._buttons["get"].clicked.connect(lambda: self.get_requested.emit(self._name))
        self._buttons["verify"].clicked.connect(lambda: self.verify_requested.emit(self._name))
        self._buttons["remove"].clicked.connect(lambda: self.remove_requested.emit(self._name))
        self._buttons["licence"].clicked.connect(lambda: self.licence_requested.emit(self._name))
        for action in ("pause", "resume", "cancel"):
            self._buttons[action].clicked.connect(lambda _checked=False, action=action: self._steer(action))
        return column

    @property
    def _name(self) -> str:
        return self.package.package if self.package is not None else ""

    def _steer(self, action: str) -> None:
        if self._errand is not None:
            self.steer_requested.emit(self._errand.errand, action)

    def _show_sign(self, good: bool) -> None:
        theme = self._look.theme
        name, ink = ("check", theme.good) if good else ("down", theme.quiet)
        self._sign.setPixmap(self._look.icon(name, ink).pixmap(QSize(MARK_PX, MARK_PX), self.devicePixelRatioF()))
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _show_errand(self, progress: ErrandProgress | None) -> None:
        errand = self._errand
        going = errand is not None and errand.state in ("waiting", "running", "paused")
        self._bar.setVisible(going)
        if going and progress is not None:
            self._bar.show_share(fraction(progress))
        elif going and self.package is not None and self.package.size_bytes:
            self._bar.show_share(self.package.have_bytes / self.package.size_bytes)
        words = progress_words(errand, progress) if errand is not None else ""
        self._said.setText(words)
        self._said.setObjectName("problem" if errand is not None and errand.state == "failed" else "note")
        self._said.style().polish(self._said)
        self._said.setVisible(bool(words))

    def _show_buttons(self, package: PackageInfo, errand: Errand | None, *, main: bool, can_ask: bool) -> None:
        going = errand is not None and errand.state in ("waiting", "running", "paused")
        here = package.state in ("verified", "unverified")
        shown = {
            "get": not here and not going,
            "pause": main and errand is not None and errand.state in ("waiting", "running"),
            "resume": main and errand is not None and errand.state == "paused",
            "cancel": main and going,
            "verify": here,
            "remove": (here or package.state == "partial") and not going,
            "licence": True,
        }
        for name, button in self._buttons.items():
            button.setVisible(shown[name])
            button.setEnabled(can_ask)
            button.setAccessibleName(f"{button.text().rstrip('…')}: {package.title}")
        partial = package.state == "partial"
        self._buttons["get"].setText("Continue…" if partial else "Get…")
