"""The window “What leaves this computer”: every host that the program may contact, from the list that the code uses."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.hosts import HOSTS, Host
from ltxdesktop.ui.parts import Panel, label
from ltxdesktop.ui.theme import Look

SILENCE = (
    "By itself, nothing. There is no telemetry, no crash report, no update check and no account. The program contacts "
    "only these hosts, each only when you ask for what it does:"
)
BESIDES = (
    "Besides: a machine that you named for the engine, a mirror that you named for downloads, and your system's proxy. "
    "Before each job for the LTX API, a list says what is sent for it."
)


class HostsWindow(QDialog):
    """One card for each host."""

    diagnostics_requested = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What leaves this computer")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(660, 640)
        page = QWidget()
        page.setObjectName("form")
        cards = QVBoxLayout(page)
        cards.setContentsMargins(16, 14, 16, 14)
        cards.setSpacing(10)
        cards.addWidget(_text(SILENCE))
        for host in HOSTS:
            cards.addWidget(_card(host, look))
        cards.addWidget(_text(BESIDES, "hint"))
        cards.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 12)
        column.addWidget(scroll, 1)
        column.addLayout(self._build_foot())

    def _build_foot(self) -> QHBoxLayout:
        diagnostics = QPushButton("Save diagnostics…")
        diagnostics.setToolTip("A file for whoever looks for a fault; you see all of it first, and it's sent nowhere")
        diagnostics.setAutoDefault(False)
        diagnostics.clicked.connect(self.diagnostics_requested)
        ends = QDialogButtonBox()
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("Close this window (Esc)")
        ends.rejected.connect(self.close)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 0, 16, 0)
        foot.addWidget(diagnostics)
        foot.addStretch(1)
        foot.addWidget(ends)
        return foot


def _card(host: Host, look: Look) -> Panel:
    panel = Panel(host.title)
    now = host.now()
    where = host.name if now == host.address else f"{now}, instead of {host.name} (by {host.variable})"
    by = "" if host.who == "program" else " · opened by your browser"
    panel.head.addWidget(label(where + by, "hint"))
    lines = [("", host.when), ("Gets:", host.sends), ("Sends on to:", host.names)]
    quiet = look.theme.quiet
    said = [f'<span style="color: {quiet}">{name}</span> {html.escape(words)}' for name, words in lines if words]
    body = _text("<br>".join(said))
    body.setTextFormat(Qt.TextFormat.RichText)
    body.setAccessibleName(f"{host.title}: {'; '.join(words for _, words in lines if words)}")
    panel.body.addWidget(body)
    return panel


def _text(words: str, kind: str = "") -> QLabel:
    made = label(words, kind)
    made.setWordWrap(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made
