"""A list model of frozen values: what every list of ours has in common. The subclass says the words of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

VALUE = Qt.ItemDataRole.UserRole  # the row's value itself

Index = QModelIndex | QPersistentModelIndex
T = TypeVar("T")


class ValueList(QAbstractListModel, Generic[T]):
    """Rows in order. Changes go through `_put`, `_insert`, `_remove` and `_reset`, which tell the views."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._values: list[T] = []

    # What the subclass says

    def words(self, value: T) -> str:
        """What a row is called."""
        raise NotImplementedError

    def tip(self, value: T) -> str:
        """More about it, for a tooltip."""
        return self.words(value)

    def spoken(self, value: T) -> str:
        """A row for a screen reader."""
        return self.words(value)

    # What Qt asks for

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._values)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        value = self._values[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.words(value)
            case Qt.ItemDataRole.ToolTipRole:
                return self.tip(value)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.spoken(value)
            case Qt.ItemDataRole.UserRole:
                return value
            case _:
                return None

    # What the window asks for

    def values(self) -> tuple[T, ...]:
        return tuple(self._values)

    def row_where(self, is_it: Callable[[T], bool]) -> int:
        """The first row whose value is the one; -1 if none is."""
        return next((row for row, value in enumerate(self._values) if is_it(value)), -1)

    # Changes

    def _put(self, row: int, value: T) -> None:
        self._values[row] = value
        self.dataChanged.emit(self.index(row), self.index(row))

    def _insert(self, row: int, value: T) -> None:
        self.beginInsertRows(QModelIndex(), row, row)
        self._values.insert(row, value)
        self.endInsertRows()

    def _remove(self, row: int) -> None:
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._values[row]
        self.endRemoveRows()

    def _reset(self, values: Iterable[T]) -> None:
        self.beginResetModel()
        self._values = list(values)
        self.endResetModel()

    def _take_all(self, values: Iterable[T], same: Callable[[T, T], bool]) -> None:
        """Other values; where all rows stay what they were, only what is said of them changes: the selection stays."""
        fresh = list(values)
        if len(fresh) != len(self._values) or not all(map(same, fresh, self._values)):
            self._reset(fresh)
            return
        for row, (before, value) in enumerate(zip(self._values, fresh, strict=True)):
            if before != value:
                self._put(row, value)
