"""What the cards of all lists have in common: how one is drawn, and that stars on it are clicked to rate."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ltxdesktop.ui.drawing import paint_ground, star_clicked
from ltxdesktop.ui.models.values import Index
from ltxdesktop.ui.theme import Look


class Named(QStyledItemDelegate):
    """Rows whose names are typed in place."""

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """What is being typed stays when news of the row, a picture perhaps, come meanwhile."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)


class Card(Named):
    """A card says in `draw` what lies on its ground. Layout is in pure functions; drawing decides nothing."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.look = look

    @property
    def plain(self) -> str:
        """The colour of the ground of a card that is neither chosen nor under the mouse; "": none."""
        return ""

    def draw(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        raise NotImplementedError

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        paint_ground(painter, option, self.look.theme, self.plain)
        self.draw(painter, option, index)
        painter.restore()


class RatedCard(Card):
    """A card with stars. A click on a star rates; on the star that is the rating already it takes the rating away."""

    def stars_in(self, option: QStyleOptionViewItem) -> QRect:
        raise NotImplementedError

    def rating_of(self, index: Index) -> int:
        """0 to 5."""
        raise NotImplementedError

    def rate(self, index: Index, rating: int) -> None:
        raise NotImplementedError

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        star = star_clicked(event, self.stars_in(option))
        if not star:
            return super().editorEvent(event, model, option, index)
        self.rate(index, 0 if star == self.rating_of(index) else star)
        return True
