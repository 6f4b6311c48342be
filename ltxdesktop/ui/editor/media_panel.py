"""The media panel: bins and what is in them, looked through by hovering, filled by dropping files and folders."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QDrag, QDragEnterEvent, QDragMoveEvent, QDropEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QStackedLayout,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import BinId, Document, Media, MediaId, MediaKind
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.drag_picture import hang_on
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.media_cards import MediaCards, card_size
from ltxdesktop.ui.editor.media_list import Entry, MediaList
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.own_keys import OwnKeys
from ltxdesktop.ui.parts import ElidedLabel, IconButton, ThinBar, label
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.drops import files_of, media_of

GRID_MARGIN_PX = 3
RECOUNT_MS = 300  # after the last edit


class MediaView(QListView):
    """A list view that scrubs through the film under the mouse."""

    def __init__(self, model: MediaList, cards: MediaCards) -> None:
        super().__init__()
        self._media, self._cards = model, cards
        self.setModel(model)
        self.setItemDelegate(cards)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Media")
        self.show_lines(on=False)

    def show_lines(self, *, on: bool) -> None:
        self._cards.as_lines = on
        self.setViewMode(QListView.ViewMode.ListMode if on else QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setSpacing(0)
        self.doItemsLayout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)  # left free by QListView in any case
        card = card_size(self.width() - bar - 2 * GRID_MARGIN_PX)
        if card != self._cards.card:
            self._cards.card = card
            self.scheduleDelayedItemsLayout()
        super().resizeEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        before = self._cards.hovered
        if index.isValid() and not event.buttons():
            box = self._cards.boxes(self.visualRect(index)).picture
            part = min(1.0, max(0.0, (event.position().x() - box.left()) / max(1, box.width())))
            self._cards.hovered = (index, part)
            self._media.scrub(index, part)
            self.viewport().update()
        elif before is not None:
            self._end_hover()
        if before is not None and before[0] != index:
            self._media.end_scrub()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._end_hover()

    def _end_hover(self) -> None:
        self._cards.hovered = None
        self._media.end_scrub()
        self.viewport().update()

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        """With a small picture beside the mouse: Qt would hang the whole card over the place where it's dropped."""
        dragged = [index for index in self.selectedIndexes() if index.flags() & Qt.ItemFlag.ItemIsDragEnabled]
        if not dragged:
            return
        index = self.currentIndex() if self.currentIndex() in dragged else dragged[0]
        entry = self._media.entry(index)
        drag = QDrag(self)
        drag.setMimeData(self._media.mimeData(dragged))
        picture = self._media.picture(entry) if entry is not None else None
        if picture is None or picture.isNull():
            picture = self.grab(self._cards.boxes(self.visualRect(index)).picture).toImage()
        hang_on(drag, picture, self.devicePixelRatioF(), len(dragged))
        drag.exec(supportedActions, self.defaultDropAction())

    # Qt's own answers for IconMode move the items about: files and media are what's dropped here

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if files_of(event.mimeData()) or media_of(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if files_of(event.mimeData()) or self._target(event.position().toPoint()) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        place = self.indexAt(event.position().toPoint())
        self._media.dropMimeData(event.mimeData(), event.dropAction(), -1, -1, place)
        event.acceptProposedAction()

    def _target(self, at: QPoint) -> Entry | None:
        entry = self._media.entry(self.indexAt(at))
        return entry if entry is not None and entry.folder is not None else None


class BusyRow(QWidget):
    """What goes on in the background: words, how far it is, and a button that ends it."""

    stopped = Signal()

    def __init__(self, look: Look, stop_words: str) -> None:
        super().__init__()
        self._words = ElidedLabel("", "hint")
        self._bar = ThinBar("Progress")
        self.stop = IconButton(look, "cancel", stop_words)
        self.stop.clicked.connect(self.stopped)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._words, 3)
        row.addWidget(self._bar, 2)
        row.addWidget(self.stop)

    def show_work(self, words: str, share: float) -> None:
        """`share`: how much of it is done, 0..1."""
        self._words.set_text(words)
        self._bar.setAccessibleName(words)
        self._bar.show_share(share)


class MediaPanel(QWidget):
    """Follows the project. `media_opened` is for the source monitor."""

    media_opened = Signal(str)  # media id: double-clicked
    import_asked = Signal(list)  # paths
    append_asked = Signal(list)  # media ids

    def __init__(self, look: Look, project: OpenProject, materials: Materials, actions: Actions) -> None:
        super().__init__()
        self._look, self._project, self._materials, self._actions = look, project, materials, actions
        self.model = MediaList(materials, self)
        self.cards = MediaCards(look, self.model, self)
        self.view = MediaView(self.model, self.cards)
        self._search = QLineEdit()
        self._search.setPlaceholderText("Search")
        self._search.setClearButtonEnabled(True)
        self._search.setAccessibleName("Search media")
        self._search.setToolTip("Words of a name, in all bins")
        self._up = IconButton(look, "up", "To the bin above")
        self._where = label("", "hint")
        self._lines = IconButton(look, "list", "As a list or as a grid")
        self._lines.setCheckable(True)
        self._new_bin = IconButton(look, "folder", "New bin")
        self._missing = QPushButton("")
        self._missing.setObjectName("flat")
        self.imports = BusyRow(look, "Stop importing")
        self.making = BusyRow(look, "Stop making stand-ins")
        self._recount = QTimer(self, singleShot=True, interval=RECOUNT_MS)
        self._recount.timeout.connect(self.show_document)
        self._lay_out(actions)
        self._wire(actions)
        self.show_document()
        self.show_progress(0, 0)
        self._show_making()

    @property
    def chosen(self) -> list[Media]:
        entries = [self.model.entry(index) for index in self.view.selectedIndexes()]
        return [entry.media for entry in entries if entry is not None and entry.media is not None]

    @property
    def bin(self) -> BinId | None:
        """The bin that imports go into."""
        return self.model.bin

    def choose(self, media: list[MediaId]) -> None:
        """Select media that are shown."""
        selection = self.view.selectionModel()
        selection.clear()
        for each in media:
            row = self.model.row_of(each)
            if row >= 0:
                selection.select(self.model.index(row), selection.SelectionFlag.Select)

    def show_progress(self, done: int, of: int) -> None:
        """How far an import is; nothing when it's done."""
        self.imports.setVisible(done < of)
        if done < of:
            self.imports.show_work(f"Looking at {done + 1} of {of}", done / of)

    def _show_making(self, _: object = None) -> None:
        """How far the stand-ins are that are being made."""
        coming = self._materials.stand_ins.coming
        self.making.setVisible(bool(coming))
        if coming:
            path, now = next(iter(coming.items()))
            more = f" and {len(coming) - 1} more" if len(coming) > 1 else ""
            self.making.show_work(f"Stand-in of {path.name}{more}", now.share)

    def show_document(self) -> None:
        document = self._project.document
        self.model.show_document(document)
        self._show_place(document)
        self._say_empty()

    # Parts

    def _lay_out(self, actions: Actions) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(2)
        add = QPushButton("Import…")
        add.setToolTip(actions["project.import"].toolTip())
        add.clicked.connect(actions["project.import"].trigger)
        row.addWidget(add)
        row.addWidget(self._search, 1)
        row.addWidget(self._new_bin)
        row.addWidget(self._lines)
        column.addLayout(row)
        path = QHBoxLayout()
        path.addWidget(self._up)
        path.addWidget(self._where, 1)
        path.addWidget(self._missing)
        column.addLayout(path)
        self._empty = label("Drop clips, sounds, pictures\nor whole folders here", "hint")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        page = QWidget()
        self._pages = QStackedLayout(page)
        self._pages.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.view)
        column.addWidget(page, 1)
        column.addWidget(self.imports)
        column.addWidget(self.making)

    def _wire(self, actions: Actions) -> None:
        self._search.textChanged.connect(self._find)
        self._up.clicked.connect(self._go_up)
        self._lines.toggled.connect(self._show_lines)
        self._new_bin.clicked.connect(self._add_bin)
        self._missing.clicked.connect(actions["project.relink"].trigger)
        self._missing.setToolTip(actions["project.relink"].toolTip())
        self.imports.stopped.connect(self._materials.cancel_import)
        self.making.stopped.connect(self._materials.stand_ins.stop_all)
        self._materials.stand_ins.changed.connect(self._show_making)
        self.view.doubleClicked.connect(self._open)
        self.view.customContextMenuRequested.connect(self._open_menu)
        keys = {"Del": self._remove, "F2": self._rename_current, "Return": self._open_current}
        keys |= {"Enter": self._open_current, "Backspace": self._go_up, "Menu": self._menu_at_current}
        self._keys = OwnKeys(self.view, {**keys, "Shift+F10": self._menu_at_current})
        self.setFocusProxy(self.view)
        self.model.files_dropped.connect(self.import_asked)
        self.model.move_asked.connect(self._move)
        self.model.rename_asked.connect(self._rename)
        self._project.changed.connect(self._show_change)
        self._project.opened.connect(self._show_project)
        self._materials.presence_changed.connect(self._show_presence)
        self._materials.import_progress.connect(self.show_progress)

    def _show_change(self, before: Document, after: Document, name: str) -> None:
        """New media are shown at once. How often they're used can wait: counting 10,000 clips takes some ms."""
        if before.media is not after.media or before.bins is not after.bins or before.active != after.active:
            self.show_document()
        elif not self._project.history.dragging:
            self._recount.start()

    def _show_project(self) -> None:
        self.model.bin = None
        self.model.forget_pictures()
        self.show_document()

    def _show_presence(self) -> None:
        self.model.forget_pictures()
        self.show_document()

    def _show_place(self, document: Document) -> None:
        names: list[str] = []
        place = self.model.bin
        by_id = {each.id: each for each in document.bins}
        while place is not None and place in by_id:
            names.insert(0, by_id[place].name)
            place = by_id[place].parent
        self._where.setText(" / ".join(names))
        self._where.setVisible(bool(names))
        self._up.setVisible(bool(names))
        missing = len(self._materials.missing & document.media.keys())
        self._missing.setVisible(missing > 0)
        self._missing.setText(f"{missing} missing…")

    def _say_empty(self) -> None:
        empty = not self._project.document.media and not self._project.document.bins
        self._empty.setVisible(empty)

    def _find(self, words: str) -> None:
        self.model.find(words)

    def _show_lines(self, on: bool) -> None:
        self.view.show_lines(on=on)

    def _go_up(self) -> None:
        here = next((each for each in self._project.document.bins if each.id == self.model.bin), None)
        self._go_into(here.parent if here is not None else None)

    def _go_into(self, folder: BinId | None) -> None:
        self.model.open_bin(folder)
        self._show_place(self._project.document)

    def _open(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is None:
            return
        if entry.folder is not None:
            self._search.clear()
            self._go_into(entry.folder.id)
        elif entry.media is not None:
            self.media_opened.emit(entry.media.id)

    def _open_current(self) -> None:
        self._open(self.view.currentIndex())

    def _rename_current(self) -> None:
        if self.view.currentIndex().isValid():
            self.view.edit(self.view.currentIndex())

    def _menu_at_current(self) -> None:
        self._open_menu(self.view.visualRect(self.view.currentIndex()).center())

    def _add_bin(self) -> None:
        here = self.model.bin
        self._project.edit("New bin", lambda document: edits.add_bin(document, "New bin", here))

    def _move(self, media: list[MediaId], folder: BinId | None) -> None:
        self._project.edit("Move to bin", lambda document: edits.move_to_bin(document, media, folder))

    def _rename(self, entry: Entry, name: str) -> None:
        media, folder = entry.media, entry.folder
        if media is not None:
            self._project.edit("Rename", lambda document: edits.rename_media(document, media.id, name))
        elif folder is not None:
            self._project.edit("Rename bin", lambda document: edits.rename_bin(document, folder.id, name))

    def _remove(self) -> None:
        chosen = [media.id for media in self.chosen]
        if chosen:
            self._project.edit("Remove from project", lambda document: edits.remove_media(document, chosen))
        for index in self.view.selectedIndexes():
            entry = self.model.entry(index)
            if entry is not None and entry.folder is not None:
                folder = entry.folder
                self._project.edit("Remove bin", lambda document, which=folder.id: edits.remove_bin(document, which))

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        entry = self.model.entry(self.view.indexAt(at))
        if entry is not None:
            self._offer(menu, "Open\tEnter", lambda: self._open(self.view.indexAt(at)))
            if entry.media is not None:
                self._offer(menu, "Append to the timeline", self._append)
                self._offer_stand_in(menu, entry.media)
            self._offer(menu, "Rename\tF2", lambda: self.view.edit(self.view.indexAt(at)))
            self._offer(menu, "Remove from the project\tDel", self._remove)
            if self.model.bin is not None and entry.media is not None:
                self._offer(menu, "Move out of this bin", self._move_out)
            menu.addSeparator()
        self._offer(menu, "New bin", self._add_bin)
        if self.model.bin is not None:
            self._offer(menu, "Out of this bin\tBackspace", self._go_up)
        menu.addSeparator()
        for name in ("project.import", "project.import_folder", "project.relink"):
            menu.addAction(self._actions[name])
        menu.exec(self.view.viewport().mapToGlobal(at))

    def _offer_stand_in(self, menu: QMenu, media: Media) -> None:
        stand_ins = self._materials.stand_ins
        found = stand_ins.of(media)
        if media.kind is not MediaKind.VIDEO or self._materials.is_missing(media.id):
            return
        if found is None or found.problem:
            self._offer(menu, "Make a stand-in (proxy)", partial(stand_ins.make, media))
        elif found.is_coming:
            self._offer(menu, "Stop making its stand-in", partial(stand_ins.stop, media))
        else:
            self._offer(menu, "Remove its stand-in", partial(stand_ins.remove, media))

    def _offer(self, menu: QMenu, words: str, call: object) -> None:
        action: QAction = menu.addAction(words)
        action.triggered.connect(call)

    def _append(self) -> None:
        self.append_asked.emit([media.id for media in self.chosen])

    def _move_out(self) -> None:
        here = next((each for each in self._project.document.bins if each.id == self.model.bin), None)
        self._move([media.id for media in self.chosen], here.parent if here is not None else None)

    def sizeHint(self) -> QSize:
        return QSize(330, 320)
