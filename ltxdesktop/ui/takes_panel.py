"""The takes panel: finished results as a grid, and what can be done with the chosen one. It only asks."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal, SignalInstance
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QListView,
    QStackedLayout,
    QWidget,
)

from engine.protocol.work import Extend, Retake
from ltxdesktop.ui.cards import TAKE_SIZE, TakeCards
from ltxdesktop.ui.commands import BY_NAME
from ltxdesktop.ui.drawing import RATING_KEYS
from ltxdesktop.ui.hover_films import HoverFilms
from ltxdesktop.ui.list_panel import ListPanel
from ltxdesktop.ui.models.take_list import Take, TakeFilter, TakeListModel
from ltxdesktop.ui.models.values import VALUE
from ltxdesktop.ui.parts import label, narrow
from ltxdesktop.ui.theme import Look

SEARCH_PX, LEAST_SEARCH_PX = 240, 88
SEARCH_SHARE = 100  # of the room that is left over, beside 1 for nothing: until it has all that it takes


class TakesPanel(ListPanel):
    """Shows a `TakeListModel`."""

    chosen = Signal(object)  # Take, to be played
    finish_requested = Signal(object)  # Take, a draft
    again_requested = Signal(object)  # Take: fill the panel with its recipe
    vary_requested = Signal(object)  # Take: the same with another seed
    retake_requested = Signal(object)  # Take: use it as the clip to work on
    save_requested = Signal(object)
    join_requested = Signal(object)  # Take: save the whole clip with it in its place
    recipe_requested = Signal(object)
    timeline_requested = Signal(object)  # Take: put it on the timeline
    media_requested = Signal(object)  # Take: into the project's media
    rated = Signal(object, int)  # Take, 0 to 5

    def __init__(self, look: Look, takes: TakeListModel, films: HoverFilms, parent: QWidget | None = None) -> None:
        """`films` plays what the mouse is on."""
        super().__init__("Takes", look, parent)
        self._takes, self._films = takes, films
        self._shown = TakeFilter(takes, self)
        self._list.setModel(self._shown)
        cards = TakeCards(look, films, self)
        cards.rated.connect(self.rated)
        self._list.setItemDelegate(cards)
        self._list.setViewMode(QListView.ViewMode.IconMode)
        self._list.setResizeMode(QListView.ResizeMode.Adjust)
        self._list.setMovement(QListView.Movement.Static)
        self._list.setUniformItemSizes(True)
        self._list.setMinimumHeight(TAKE_SIZE.height())
        self._list.selectionModel().currentChanged.connect(self._choose)
        self._list.clicked.connect(self._choose)
        self._list.setToolTip("A click plays a take, a click on its stars rates it (1 to 5; 0 takes that back)")
        self._list.viewport().installEventFilter(self)
        self._list.installEventFilter(self)
        self._list.entered.connect(self._hover)
        films.shown.connect(self._redraw)

        self._empty = label("Finished takes appear here, with everything needed to make them again.", "hint")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._none = label("No take has these words and stars.", "hint")
        self._none.setWordWrap(True)
        self._none.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedLayout()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._list)
        self._pages.addWidget(self._none)
        self._build_filter()
        self.body.addLayout(self._pages, 1)

        for name, icon, words, keys, asked in (
            ("finish", "spark", "Finish this draft", _key("finish"), self.finish_requested),
            ("again", "again", "Again with this recipe", _key("again"), self.again_requested),
            ("vary", "vary", "Vary: the same with another seed", _key("vary"), self.vary_requested),
            ("retake", "scissors", "Retake a part of this take", "Ctrl+T", self.retake_requested),
            ("recipe", "info", "Show the recipe", _key("recipe"), self.recipe_requested),
            ("join", "film", "Save the whole clip with this take in it…", "Ctrl+Shift+S", self.join_requested),
            ("timeline", "append", "To the timeline, at the playhead", "Ctrl+Shift+T", self.timeline_requested),
            ("media", "folder", "Into the project's media", "Ctrl+Shift+E", self.media_requested),
            ("save", "save", "Save a copy…", "Ctrl+S", self.save_requested),
        ):
            self._add(name, icon, words, keys, partial(self._ask, asked))
        for model in (takes, self._shown):
            for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
                signal.connect(self._refresh)
        self._refresh()

    def choose(self, path: str) -> None:
        """Show a take; what is searched for gives way to it."""
        row = self._takes.row_of(path)
        if row < 0:
            return
        if not self._shown.mapFromSource(self._takes.index(row)).isValid():
            self._search.clear()
            self._stars.setCurrentIndex(0)
        self._list.setCurrentIndex(self._shown.mapFromSource(self._takes.index(row)))

    def current(self) -> Take | None:
        index = self._list.currentIndex()
        return index.data(VALUE) if index.isValid() else None

    def _build_filter(self) -> None:
        """Beside the heading: a row of its own would take the room of the cards."""
        self._search = QLineEdit()
        self._search.setPlaceholderText("Find words of prompts")
        self._search.setClearButtonEnabled(True)
        self._search.setAccessibleName("Find takes")
        self._search.setToolTip("Only takes whose prompt has all of these words")
        self._search.textChanged.connect(self._shown.search)
        self._stars = narrow(QComboBox(), len("★★★★★"))
        for rating, words in enumerate(("All", "★", "★★", "★★★", "★★★★", "★★★★★")):
            self._stars.addItem(words, rating)
        self._stars.setAccessibleName("Least rating")
        self._stars.setToolTip("Only takes with so many stars, or more")
        self._stars.currentIndexChanged.connect(self._shown.require)
        self._search.setMinimumWidth(LEAST_SEARCH_PX)
        self._search.setMaximumWidth(SEARCH_PX)
        self._filters = (self._search, self._stars)
        for place, field in enumerate(self._filters, start=1):
            self.head.insertWidget(place, field, SEARCH_SHARE if field is self._search else 0)

    def _ask(self, signal: SignalInstance) -> None:
        if (take := self.current()) is not None:
            signal.emit(take)

    def _choose(self) -> None:
        self._refresh()
        if (take := self.current()) is not None:
            self.chosen.emit(take)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The mouse leaves the list, or a digit rates."""
        if event.type() == QEvent.Type.Leave:
            self._films.end()
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            rating, take = RATING_KEYS.get(Qt.Key(event.key())), self.current()
            if rating is not None and take is not None:
                self.rated.emit(take, rating)
                return True
        elif isinstance(event, QMouseEvent) and not self._list.indexAt(event.position().toPoint()).isValid():
            self._films.end()
        return super().eventFilter(watched, event)

    def _hover(self, index: QModelIndex) -> None:
        take: Take = index.data(VALUE)
        self._films.begin(take.file.path)

    def _redraw(self, path: str) -> None:
        """The next picture of the film under the mouse."""
        row = self._takes.row_of(path)
        if row >= 0:
            self._list.update(self._shown.mapFromSource(self._takes.index(row)))

    def _refresh(self) -> None:
        page = self._list if self._shown.rowCount() else self._none if self._takes.rowCount() else self._empty
        self._pages.setCurrentWidget(page)
        for each in self._filters:
            each.setVisible(self._takes.rowCount() > 0)
        take = self.current()
        for name, action in self._actions.items():
            action.setEnabled(take is not None and _possible(name, take))


def _key(name: str) -> str:
    """The same as in the Edit workspace."""
    return BY_NAME[f"make.{name}"].keys[0]


def _possible(action: str, take: Take) -> bool:
    """Whether an action makes sense for a take."""
    if action in {"save", "retake", "timeline", "media"}:
        return True
    if take.recipe is None:
        return False
    if action == "finish":
        return take.finishing() is not None
    return action != "join" or isinstance(take.recipe.work, Retake | Extend)
