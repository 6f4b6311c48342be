"""The window “What leaves this computer”: every host that the program may contact, from the list that the code uses."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from engine.protocol.hosts import HOSTS, Host
from ltxdesktop.ui.form_window import FormWindow
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


class HostsWindow(FormWindow):
    """One card for each host."""

    diagnostics_requested = Signal()

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__("What leaves this computer", (660, 640), ("Close", "Close this window"), parent)
        self.page.addWidget(_text(SILENCE))
        for host in HOSTS:
            self.page.addWidget(_card(host, look))
        self.page.addWidget(_text(BESIDES, "hint"))
        self.page.addStretch(1)
        diagnostics = QPushButton("Save diagnostics…")
        diagnostics.setToolTip("A file for whoever looks for a fault; you see all of it first, and it's sent nowhere")
        diagnostics.setAutoDefault(False)
        diagnostics.clicked.connect(self.diagnostics_requested)
        self.foot.insertWidget(0, diagnostics)
        self.foot.insertStretch(1, 1)


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
