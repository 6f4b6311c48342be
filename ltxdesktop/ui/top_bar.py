"""The top bar: the program's name, the engine's state at a glance, and the theme switch."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from ltxdesktop.ui.commands import BY_NAME
from ltxdesktop.ui.icons import app_icon
from ltxdesktop.ui.parts import ElidedButton, ElidedLabel, IconButton, Segments, label
from ltxdesktop.ui.session import EngineView
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import counted, gigabytes

RESTART = "Start it again"


def engine_words(view: EngineView) -> str:
    """The engine in one line: device, model, memory, jobs; or why it isn't there."""
    if view.life != "ready":
        return view.words
    parts: list[str] = []
    if view.device is not None:
        parts.append(view.device.name.removeprefix("NVIDIA ").removeprefix("GeForce "))
    if view.model:
        parts.append(view.model)
    if view.device is not None and view.device.memory_bytes:
        used = view.device.memory_bytes - view.device.free_bytes
        parts.append(f"{gigabytes(used)} of {gigabytes(view.device.memory_bytes)}")
    at_once = 1 + len(view.beside)
    of_them = f", {at_once} at once" if view.beside else ""
    parts.append(counted(view.jobs, "job") + of_them if view.jobs else "idle")
    return "  ·  ".join(parts)


class Light(QWidget):
    """A small round light: ready, busy, waiting or gone."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._view = EngineView()
        self.setFixedSize(QSize(10, 10))
        look.changed.connect(self.update)

    def show_view(self, view: EngineView) -> None:
        self._view = view
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._look.theme
        colours = {"ready": theme.good, "starting": theme.warn, "down": theme.warn, "given_up": theme.bad}
        colour = theme.accent if self._view.running else colours[self._view.life]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(QRectF(0.5, 0.5, 9, 9))


class TopBar(QFrame):
    """Shows an `EngineView`."""

    restart_requested = Signal()
    setup_requested = Signal()

    def __init__(self, look: Look, workspaces: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topbar")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 7, 10, 7)
        row.setSpacing(9)
        mark = QLabel()
        mark.setPixmap(app_icon().pixmap(QSize(22, 22), self.devicePixelRatioF()))
        self._project = ElidedLabel("", "hint")
        self._project.setAccessibleName("Project")
        left, right = QHBoxLayout(), QHBoxLayout()
        for side in (left, right):
            side.setSpacing(9)
        left.addWidget(mark)
        left.addWidget(label("ltxdesktop", "brand"))
        left.addSpacing(6)
        left.addWidget(self._project, 1)
        self.workspace = Segments("Workspace", workspaces)
        self.workspace.setMinimumWidth(90 * len(workspaces))
        row.addLayout(left, 1)
        row.addWidget(self.workspace)  # in the middle, whatever the engine says
        row.addLayout(right, 1)
        self._light = Light(look)
        self._words = ElidedButton()
        self._words.setObjectName("engine")
        self._words.setFont(figures(self._words.font()))
        self._words.setAccessibleName("Engine")
        self._words.clicked.connect(self.setup_requested)
        self._restart = QPushButton(RESTART)
        self._restart.setToolTip("Without the engine nothing can be made; editing, playing and exporting go on")
        self._restart.clicked.connect(self.restart_requested)
        theme = IconButton(look, "theme", "Light or dark", BY_NAME["view.theme"].keys[0])
        theme.clicked.connect(look.toggle)
        right.addStretch(1)
        for each in (self._light, self._words, self._restart, theme):
            right.addWidget(each)
        self.show_view(EngineView())

    def show_project(self, name: str) -> None:
        """The open project's name, with a mark when it isn't saved; "" where there is none."""
        self._project.set_text(name)

    def offer(self, remedy: str) -> None:
        """What the button says that is shown while there is no engine; a press is `restart_requested`."""
        self._restart.setText(remedy)

    def show_view(self, view: EngineView) -> None:
        words = engine_words(view)
        self._light.show_view(view)
        modes = Qt.TextElideMode
        self._words.set_words(words, modes.ElideMiddle if view.life == "ready" else modes.ElideRight)  # jobs are last
        self._words.setToolTip(f"{words}\nWhat works here, and what would unlock more: Set-up")
        self._words.setAccessibleDescription(words)
        self._restart.setVisible(view.life == "given_up")
