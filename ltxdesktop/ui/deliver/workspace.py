"""The Deliver workspace: presets on the left, their settings in the middle, the queue on the right."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QPoint, QSettings, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QListView,
    QMenu,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document.model import Document
from ltxdesktop.export.opening import Locate
from ltxdesktop.export.presets import Preset
from ltxdesktop.export.queue import Done, Entry, Failed, Running, Stopped, Waiting
from ltxdesktop.ui.deliver.exports import Exports
from ltxdesktop.ui.deliver.preset_list import PresetList
from ltxdesktop.ui.deliver.queue_list import ExportCards, QueueModel, Row
from ltxdesktop.ui.deliver.reframe_view import OpenFilm
from ltxdesktop.ui.deliver.settings_form import SettingsForm
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.overflow_row import OverflowRow
from ltxdesktop.ui.parts import ElidedLabel, IconButton, Panel, label, wrapped
from ltxdesktop.ui.theme import Look

PRESET_SETTING = "deliver/preset"
FOLDER_SETTING = "deliver/folder"
LEAST_PX = 240  # of the presets' and the queue's width
PANEL_MARGINS_PX = 34  # of a panel and the frame of its list

_NO_NAME: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f]')  # what no system takes in the name of a file

AskTarget = Callable[[str, str], str]  # (proposed path, filter) -> chosen path, "" if none
AskStop = Callable[[str], bool]  # (what is being exported) -> whether it's to be stopped


class DeliverWorkspace(QWidget):
    """Shows the film that is open in Edit (`show_film`) and queues exports of it. `close_all` before it goes."""

    said = Signal(str)  # for the status bar
    problem = Signal(str)  # what a person has to know
    kept_asked = Signal(str, int, object)  # as `ReframeView` asks

    def __init__(
        self,
        look: Look,
        settings: QSettings,
        exports: Exports,
        ask_target: AskTarget | None = None,
        ask_stop: AskStop | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._look, self._settings, self._exports = look, settings, exports
        self._ask_target, self._ask_stop = ask_target or self._ask, ask_stop or self._ask_whether_to_stop
        self._document: Document | None = None
        self._locate: Locate | None = None
        # From the outside in: what is put into something else with all that it holds is polished anew each time.
        self._columns = QSplitter(Qt.Orientation.Horizontal, self)
        self._left = Panel("Presets", self._columns)
        self.presets = PresetList(look, self._left)
        self.form = SettingsForm(look, self._columns)
        self.queue = QueuePanel(look, exports, self._columns)
        self.add_button = QPushButton("Add to queue…")
        self._build()
        self.presets.preset_chosen.connect(self.form.show_preset)
        self.form.changed.connect(self._refresh)
        self.form.reframe.kept_asked.connect(self.kept_asked)
        self.add_button.clicked.connect(self.add)
        exports.refused.connect(self.problem)
        exports.warned.connect(self.problem)
        self.queue.said.connect(self.said)
        exports.ended.connect(self._tell_end)
        self.presets.choose(str(settings.value(PRESET_SETTING, "h264")))
        self.form.show_preset(self.presets.preset.id)
        exports.start()

    @property
    def exports(self) -> Exports:
        """The queue and what is told of it."""
        return self._exports

    @property
    def preset(self) -> Preset:
        return self.presets.preset

    def show_film(
        self,
        document: Document | None,
        locate: Locate | None = None,
        playhead: int = 0,
        open_film: OpenFilm | None = None,
    ) -> None:
        """The project as it is now, and the frame that is looked at in it; None while none is open."""
        self._document, self._locate = document, locate
        self.form.reframe.show_film(document, open_film, playhead)
        self.form.show_sequence(document.sequence if document is not None else None, playhead)

    def add(self) -> None:
        """Ask where the film goes, and queue it."""
        if self._document is None or self.form.why_not:
            return
        preset, document = self.preset, self._document
        folder = str(self._settings.value(FOLDER_SETTING, str(Path.home())))
        words = f"{preset.name} (*{preset.suffix})" if preset.suffix else "Folder of pictures (*)"
        shaped = f" {preset.id}" if preset.width else ""  # else a film's versions would propose to replace each other
        name = _NO_NAME.sub("_", f"{document.name}{shaped}{preset.suffix}")
        chosen = self._ask_target(str(Path(folder) / name), words)
        if not chosen:
            return
        target = Path(chosen)
        if preset.suffix and target.suffix.lower() != preset.suffix:
            target = target.with_name(target.name + preset.suffix)
            if os.path.lexists(target):  # the dialog asked about another name
                self.problem.emit(f"There is a file {target.name} already. Choose its whole name to replace it.")
                return
        self._settings.setValue(FOLDER_SETTING, str(target.parent))
        self.add_to(target)

    def add_to(self, target: Path) -> None:
        """Queue the film with the settings that are chosen now."""
        document, locate = self._document, self._locate
        if document is None or locate is None or self.form.why_not:
            return
        self._exports.add(document, self.form.settings, target, locate)
        self.said.emit(f"{target.name} is in the queue")

    def menu(self, parent: QWidget) -> QMenu:
        """All actions of this workspace."""
        menu = QMenu("&Deliver", parent)
        add = menu.addAction(f"&Add to queue…\t{self._keys()}")
        add.triggered.connect(self.add)
        menu.addSeparator()
        for action in self.queue.actions_by_name.values():
            menu.addAction(action)
        menu.addSeparator()
        return menu

    def may_close(self) -> bool:
        """Whether the window may go: while an export runs the person says so. What is stopped begins again later."""
        row = next((row for row in self.queue.model.rows() if isinstance(row.entry.state, Running)), None)
        if row is None:
            return True
        waiting = sum(isinstance(entry.state, Waiting) for entry in self._exports.entries)
        more = f"\n{waiting} more {'waits' if waiting == 1 else 'wait'} in the queue." if waiting else ""
        return self._ask_stop(f"“{row.entry.target.name}” is being made. {row.status}.{more}")

    def close_all(self) -> None:
        """Stop what runs; the next start of the program goes on with it."""
        self._settings.setValue(PRESET_SETTING, self.preset.id)
        self.form.reframe.close_all()
        self._exports.close()

    def _build(self) -> None:
        self._left.body.addWidget(self.presets, 1)
        self.add_button.setObjectName("primary")
        self.add_button.setShortcut(QKeySequence("Ctrl+Return"))
        self.add_button.setToolTip(f"Choose where the film goes, and queue it ({self._keys()})")
        self.form.foot.addWidget(self.add_button)
        columns, left = self._columns, self._left
        columns.setHandleWidth(8)
        columns.setChildrenCollapsible(False)
        widths = (self.presets.wanted_px + PANEL_MARGINS_PX, 540, 480)
        for panel, width in zip((left, self.form, self.queue), widths, strict=True):
            columns.addWidget(panel)
            columns.setStretchFactor(columns.count() - 1, 0 if panel is left else width)
        for panel in (left, self.queue):
            panel.setMinimumWidth(LEAST_PX)
        columns.setSizes(widths)
        row = QVBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 8)
        row.addWidget(columns)

    def _keys(self) -> str:
        return self.add_button.shortcut().toString(QKeySequence.SequenceFormat.NativeText)

    def _refresh(self) -> None:
        self.add_button.setEnabled(self._document is not None and not self.form.why_not)

    def _ask(self, proposed: str, words: str) -> str:
        dialog = QFileDialog(self, "Export", str(Path(proposed).parent), words)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setDefaultSuffix(Path(proposed).suffix.removeprefix("."))  # so that it asks about the name with it
        dialog.selectFile(Path(proposed).name)
        chosen = dialog.selectedFiles() if dialog.exec() else []
        dialog.deleteLater()
        return chosen[0] if chosen else ""

    def _ask_whether_to_stop(self, words: str) -> bool:
        box = QMessageBox(QMessageBox.Icon.Question, "An export is running", words, parent=self.window())
        box.setInformativeText("Stopped, it begins again when the program is started the next time.")
        stay = box.addButton("Keep exporting", QMessageBox.ButtonRole.RejectRole)
        stop = box.addButton("Stop and quit", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(stay)
        box.exec()
        return box.clickedButton() is stop

    def _tell_end(self, entry: Entry) -> None:
        match entry.state:
            case Done():
                self.said.emit(f"{entry.target.name} is ready")
            case Failed(why):
                self.problem.emit(why)
            case Stopped() | Waiting() | Running():
                pass


class QueuePanel(Panel):
    """The queue, and what can be done to the chosen export; every action is a button, a menu entry and a key."""

    said = Signal(str)  # for the status bar

    def __init__(self, look: Look, exports: Exports, parent: QWidget | None = None) -> None:
        super().__init__("Queue", parent)
        self._look, self._exports = look, exports
        self._actions: dict[str, QAction] = {}
        self.model = QueueModel(exports, self)
        self._buttons = OverflowRow(look, "Queue", (0, 0, 0, 0), 4)
        self.head.addWidget(self._buttons)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(ExportCards(look, self))
        self.list.setAccessibleName("Exports")
        self.list.setMouseTracking(True)
        self.list.setSpacing(2)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.selectionModel().currentChanged.connect(self._refresh)
        look.changed.connect(self.list.viewport().update)
        self._empty = label("Nothing is queued. Exports are done one after the other; you can go on editing.", "hint")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.list)
        self.body.addLayout(self._pages, 1)
        self.place = ElidedLabel("", "hint")
        self.details = wrapped("hint")
        self.details.setAccessibleName("How the chosen export went")
        self.details.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # names may be long
        for words in (self.place, self.details):
            self.body.addWidget(words)
        self._add("open", "folder", "Open the folder of this film", "Ctrl+Shift+O", self._open_folder)
        self._add("cancel", "cancel", "Cancel this export", "Del", lambda entry: exports.cancel(entry.id))
        self._add("retry", "retry", "Export this again", "Ctrl+R", lambda entry: exports.retry(entry.id))
        self._add("up", "up", "Earlier in the queue", "Ctrl+Up", lambda entry: exports.move(entry.id, -1))
        self._add("down", "down", "Later in the queue", "Ctrl+Down", lambda entry: exports.move(entry.id, 1))
        self._add("clear", "clear", "Clear what has ended", "Ctrl+Shift+Del", lambda entry: exports.clear())
        self.model.dataChanged.connect(self._refresh)
        self.model.modelReset.connect(self._refresh)
        self._refresh()

    @property
    def actions_by_name(self) -> dict[str, QAction]:
        return self._actions

    @property
    def current(self) -> Entry | None:
        """The chosen export; the first one if none is."""
        index = self.list.currentIndex()
        if not index.isValid():
            index = self.model.index(0)
        row: Row | None = index.data(VALUE) if index.isValid() else None
        return row.entry if row is not None else None

    def _add(self, name: str, icon: str, words: str, keys: str, call: Callable[[Entry], None]) -> None:
        button = IconButton(self._look, icon, words, keys)
        action = QAction(words, self)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: self._with_current(call))
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        self.addAction(action)
        self._buttons.add(button, len(self._actions), action)
        self._actions[name] = action

    def _with_current(self, call: Callable[[Entry], None]) -> None:
        if (entry := self.current) is not None:
            call(entry)

    def _open_folder(self, entry: Entry) -> None:
        folder = entry.target.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.said.emit(f"No program here opens folders. The film is in {folder}")

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for action in self._actions.values():
            menu.addAction(action)
        menu.exec(self.list.viewport().mapToGlobal(at))
        menu.deleteLater()

    def _refresh(self) -> None:
        """Which actions make sense for the chosen export."""
        self._pages.setCurrentWidget(self.list if self.model.rowCount() else self._empty)
        entry = self.current
        if entry is not None and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))  # so that one sees what the buttons are for
        self.place.set_text(str(entry.target) if entry is not None else "")
        words = "\n".join(Row(entry).details) if entry is not None else ""
        self.details.setText(words)
        self.details.setVisible(bool(words))
        waits = entry is not None and isinstance(entry.state, Waiting)
        self._actions["open"].setEnabled(entry is not None and isinstance(entry.state, Done))
        self._actions["cancel"].setEnabled(waits or (entry is not None and isinstance(entry.state, Running)))
        self._actions["retry"].setEnabled(entry is not None and entry.is_over)
        self._actions["up"].setEnabled(waits)
        self._actions["down"].setEnabled(waits)
        self._actions["clear"].setEnabled(any(row.entry.is_over for row in self.model.rows()))
