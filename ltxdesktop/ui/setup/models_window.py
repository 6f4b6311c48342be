"""The window of models: what there is and what is here, downloads, and, on its other page, the LoRAs.

Everything is asked of the engine, which does it beside the jobs; the window can be closed meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.packages import Errand, LicenceText, PackageInfo
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.parts import ElidedLabel, IconButton, Panel, Segments, ThinBar, label, scrolled_form
from ltxdesktop.ui.setup.get_window import GetWindow
from ltxdesktop.ui.setup.licence_view import LicenceWindow, accepted_words
from ltxdesktop.ui.setup.lora_page import LoraPage, ask_to_remove
from ltxdesktop.ui.setup.model_words import GROUPS, errand_line, facts_line, fraction, progress_words
from ltxdesktop.ui.setup.package_card import PackageCard
from ltxdesktop.ui.setup.stock import ENDED, Stock
from ltxdesktop.ui.theme import Look, figures
from ltxdesktop.words import gigabytes

BRIEF = frozenset({"add_lora", "remove_lora", "remove"})
PAGES = [("models", "Models"), ("loras", "LoRAs")]
TIPS = ("LTX-2.3 with all that it needs", "Looks, motions and controls that are added to a model")


class ModelsWindow(QDialog):
    """One for each main window; made when it's asked for."""

    restart_requested = Signal()  # the engine is to be started anew, with a token for this session

    def __init__(
        self,
        look: Look,
        stock: Stock,
        background: Background,
        parent: QWidget | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        """`elsewhere`: the engine runs on another machine; its folders can't be opened or chosen here."""
        super().__init__(parent)
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(900, 680)
        self._look, self._stock, self._background, self._elsewhere = look, stock, background, elsewhere
        self.cards: dict[str, PackageCard] = {}
        self._rows: dict[str, ErrandRow] = {}
        self._build()
        stock.changed.connect(self._show)
        stock.progressed.connect(self._show_progress)
        stock.refused.connect(self._say)
        stock.ended.connect(self._take_end)
        look.changed.connect(self._show)
        self._show()
        stock.look()
        stock.look_at_loras()

    # Building

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        self.tabs = Segments("Page", PAGES)
        self.tabs.setFixedWidth(220)
        self.tabs.chosen.connect(self._turn)
        for button, tip in zip(self.tabs.findChildren(QToolButton), TIPS, strict=True):
            button.setToolTip(tip)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.tabs)
        head.addLayout(self._build_folder(), 1)
        outer.addLayout(head)
        self._errand_box = QWidget()
        self._errands = QVBoxLayout(self._errand_box)
        self._errands.setContentsMargins(0, 0, 0, 0)
        self._errands.setSpacing(6)
        self._errand_box.hide()
        outer.addWidget(self._errand_box)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._build_list())
        self.loras = LoraPage(self._look, self._stock, elsewhere=self._elsewhere)
        self._pages.addWidget(self.loras)
        outer.addWidget(self._pages, 1)
        outer.addLayout(self._build_foot())

    def _build_folder(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        words = QVBoxLayout()
        words.setSpacing(1)
        self._folder = ElidedLabel()
        self._free = label("", "note")
        self._free.setFont(figures(self._free.font()))
        words.addWidget(self._folder)
        words.addWidget(self._free)
        row.addLayout(words, 1)
        self._open = IconButton(self._look, "folder", "Open the folder")
        self._open.clicked.connect(self._open_folder)
        self._move = self._button("Move…", "Move all models to another folder, on another disk perhaps")
        self._move.clicked.connect(self.choose_folder)
        self._import = self._button("Import…", "Use files that other programs have here, without copying them")
        self._import.setMenu(QMenu(self._import))
        self._verify = self._button("Verify all", "Hash everything that is here; what is damaged is set aside")
        self._verify.clicked.connect(lambda: self._stock.verify())
        for each in (self._open, self._import, self._move, self._verify):
            row.addWidget(each)
        for each in (self._open, self._move):
            each.setVisible(not self._elsewhere)
        return row

    def _button(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setAccessibleName(words.rstrip("…"))
        button.setAutoDefault(False)
        return button

    def _build_list(self) -> QScrollArea:
        area, self._list = scrolled_form(10)
        self._asking = label("Asking the engine what there is…", "hint")
        self._list.addWidget(self._asking)
        self._list.addStretch(1)
        return area

    def _build_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        self._said = label("", "hint")
        self._said.setWordWrap(True)
        self._said.setAccessibleName("What was said")
        self._said.setText("Downloads go on when this window is closed, and after a restart.")
        ends = QDialogButtonBox()
        close = ends.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        close.setToolTip("Downloads go on (Esc)")
        close.setAutoDefault(False)
        ends.rejected.connect(self.close)
        foot.addWidget(self._said, 1)
        foot.addWidget(ends)
        return foot

    # Showing

    @property
    def said(self) -> str:
        """The line at the foot."""
        return self._said.text()

    def _say(self, words: str, *, good: bool = False) -> None:
        self._said.setText(words)
        self._said.setObjectName("hint" if good else "problem")
        self._said.style().polish(self._said)

    def _take_end(self, errand: Errand) -> None:
        """What is done at once needs no line of its own."""
        if errand.state == "done" and errand.kind in BRIEF:
            self._say(errand.message, good=True)
            self._stock.forget(errand.errand)

    def _turn(self, page: str) -> None:
        self._pages.setCurrentIndex([value for value, _ in PAGES].index(page))

    def show_loras(self) -> None:
        """Turn to the LoRAs."""
        self.tabs.set_value("loras")
        self._turn("loras")

    def _show(self) -> None:
        stock = self._stock
        for each in (self._open, self._move, self._import, self._verify):
            each.setEnabled(stock.ready and stock.list is not None)
        if stock.list is not None:
            self._folder.set_text(stock.list.folder)
            self._free.setText(f"{gigabytes(stock.list.free_bytes)} free")
            self._fill_import()
            self._make_cards()
        titles = {each.package: each.title for each in stock.packages}
        for package in stock.packages:
            licence = stock.licence(package.licence)
            errand = stock.download_of(package.package)
            card = self.cards[package.package]
            facts = facts_line(package, licence.title if licence is not None else "", titles)
            card.show_package(
                package, facts, errand, main=errand is not None and package.package in errand.asked, can_ask=stock.ready
            )
            if errand is not None:
                card.show_progress(stock.progress.get(errand.errand))
        self._show_errands()

    def _make_cards(self) -> None:
        if self.cards:
            return
        self._asking.hide()
        for at, (kind, (title, words)) in enumerate(GROUPS.items()):
            packages = [each for each in self._stock.packages if each.kind == kind]
            if not packages:
                continue
            panel = Panel(title)
            panel.head.insertWidget(1, label(words, "note"))
            for number, package in enumerate(packages):
                if number:
                    panel.body.addWidget(_line())
                panel.body.addWidget(self._make_card(package))
            self._list.insertWidget(at + 1, panel)

    def _make_card(self, package: PackageInfo) -> PackageCard:
        card = self.cards[package.package] = PackageCard(self._look)
        card.get_requested.connect(self.get)
        card.licence_requested.connect(self._read_licence)
        card.verify_requested.connect(self._verify_one)
        card.remove_requested.connect(self._remove)
        card.steer_requested.connect(self._steer)
        return card

    def _show_progress(self, errand: str) -> None:
        known, progress = self._stock.errands.get(errand), self._stock.progress.get(errand)
        if known is None:
            return
        if known.kind != "download" and errand in self._rows:
            self._rows[errand].show_errand(known, fraction(progress), progress_words(known, progress))
        for name in known.packages if known.kind == "download" else ():
            if (card := self.cards.get(name)) is not None:
                card.show_progress(progress)

    def _show_errands(self) -> None:
        """What isn't the download of a package: checks, imports, moves. Gone when they're closed."""
        shown = {name: each for name, each in self._stock.errands.items() if each.kind != "download"}
        for name in [name for name in self._rows if name not in shown]:
            row = self._rows.pop(name)
            self._errands.removeWidget(row)
            row.deleteLater()
        for name, errand in shown.items():
            if name not in self._rows:
                row = self._rows[name] = ErrandRow(self._look)
                row.cancel_requested.connect(self._stock.cancel)
                row.forget_requested.connect(self._stock.forget)
                self._errands.addWidget(row)
            progress = self._stock.progress.get(name)
            self._rows[name].show_errand(errand, fraction(progress), progress_words(errand, progress))
        self._errand_box.setVisible(bool(self._rows))

    def _fill_import(self) -> None:
        menu = self._import.menu()
        if menu.isVisible():  # somebody is choosing
            return
        menu.clear()
        for folder in self._stock.list.found if self._stock.list is not None else ():
            action = menu.addAction(f"{folder.owner}  –  {folder.path}")
            action.triggered.connect(lambda _checked=False, path=folder.path: self._stock.bring_in(path))
        if not menu.isEmpty():
            menu.addSeparator()
        if not self._elsewhere:
            menu.addAction("Another folder…").triggered.connect(self._choose_import)

    # Doing

    def get(self, package: str) -> GetWindow:
        """Ask what a download of this would bring, and begin it from there."""
        window = GetWindow(self._look, self._stock, self._background, package, self, elsewhere=self._elsewhere)
        window.another_folder_requested.connect(self.choose_folder)
        window.restart_requested.connect(self.restart_requested)
        window.show()
        return window

    def _read_licence(self, name: str) -> None:
        if (package := self._stock.package(name)) is not None:
            self._stock.read_licence(package.licence, self._show_licence)

    def _show_licence(self, text: LicenceText) -> None:
        LicenceWindow(self._look, text, accepted_words(self._stock.licence(text.licence)), self).show()

    def _verify_one(self, package: str) -> None:
        self._stock.verify(package)

    def _steer(self, errand: str, action: str) -> None:
        {"pause": self._stock.pause, "resume": self._stock.resume, "cancel": self._stock.cancel}[action](errand)

    def _remove(self, name: str) -> None:
        package = self._stock.package(name)
        if package is None:
            return
        users = [each.title for each in self._stock.packages if name in each.needs and each.state != "missing"]
        words = f"{package.title} frees {gigabytes(package.have_bytes)}."
        if package.linked:
            words = f"{package.title} is linked: the originals stay where they are."
        if users:
            words += f"\n\n{', '.join(users)} won't work without it."
        ask_to_remove(self, words, lambda: self._stock.remove(name))

    def _open_folder(self) -> None:
        if self._stock.list is not None:
            Path(self._stock.list.folder).mkdir(parents=True, exist_ok=True)
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._stock.list.folder))

    def choose_folder(self) -> None:
        """Ask for another models folder; everything moves there, and the engine is started with it."""
        dialog = QFileDialog(self, "Where shall the models be?")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._stock.move_to)
        dialog.open()

    def _choose_import(self) -> None:
        dialog = QFileDialog(self, "Where are the files?")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._stock.bring_in)
        dialog.open()


class ErrandRow(QFrame):
    """One line for a check, an import or a move: what it does, how far it is, and how it ended."""

    cancel_requested = Signal(str)
    forget_requested = Signal(str)

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._errand: Errand | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 7, 7, 7)
        row.setSpacing(10)
        words = QVBoxLayout()
        words.setSpacing(3)
        self._title, self._said = ElidedLabel(), label("", "note")
        self._said.setWordWrap(True)
        self._said.setFont(figures(self._said.font()))
        self._bar = ThinBar("Progress")
        for each in (self._title, self._bar, self._said):
            words.addWidget(each)
        row.addLayout(words, 1)
        self._close = IconButton(look, "cancel", "Cancel")
        self._close.clicked.connect(self._end)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)

    def show_errand(self, errand: Errand, done: float, words: str) -> None:
        """`done` is a share of the whole, 0..1."""
        self._errand = errand
        going = errand.state not in ENDED
        self.setAccessibleName(errand_line(errand))
        self._title.set_text(errand_line(errand))
        self._bar.setVisible(going)
        self._bar.show_share(done)
        self._said.setText(words)
        self._said.setToolTip("\n".join(errand.details))
        self._said.setObjectName("problem" if errand.state == "failed" else "note")
        self._said.style().polish(self._said)
        self._close.set_words("Cancel this" if going else "Close this line")

    def _end(self) -> None:
        if self._errand is None:
            return
        going = self._errand.state not in ENDED
        (self.cancel_requested if going else self.forget_requested).emit(self._errand.errand)


def _line() -> QLabel:
    made = QLabel()
    made.setFixedHeight(1)
    made.setObjectName("line")
    return made
