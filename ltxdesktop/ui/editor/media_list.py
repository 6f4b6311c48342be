"""The media of one bin as a list model: bins first, then media, each with a picture that comes when it's made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage

from ltxdesktop.document.model import Bin, BinId, Document, Media, MediaId, MediaKind, Track
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.stand_ins import StandIn
from ltxdesktop.ui.timeline.drops import MEDIA_MIME, files_of, media_mime, media_of
from ltxdesktop.words import clock, counted, rate_name

ENTRY = Qt.ItemDataRole.UserRole
PICTURE_PX = 108
BETWEEN = "  "  # facts
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Entry:
    """A row: a bin with how many things are in it, or a media."""

    media: Media | None = None
    folder: Bin | None = None
    count: int = 0
    used: int = 0  # clips that show it
    missing: bool = False

    @property
    def name(self) -> str:
        return self.media.name if self.media is not None else self.folder.name if self.folder is not None else ""

    @property
    def facts(self) -> str:
        """In a few words: how long, how large, at which rate."""
        if self.media is None:
            return counted(self.count, "item")
        if self.missing:
            return "Missing"
        return facts_of(self.media)


def facts_of(media: Media) -> str:
    parts: list[str] = []
    duration = media.duration_s
    if duration is not None:
        parts.append(clock(float(duration)))
    if media.has_picture:
        parts.append(f"{media.width}×{media.height}")
    if media.kind in (MediaKind.VIDEO, MediaKind.IMAGE_SEQUENCE):
        parts.append(f"{rate_name(media.rate)} fps")
    if media.kind is MediaKind.AUDIO:
        parts.append(f"{media.sample_rate / 1000:g} kHz")
    return BETWEEN.join(parts)


class MediaList(QAbstractListModel):
    """Rows of the bin that is open; with a search, of all bins."""

    files_dropped = Signal(list)  # paths
    move_asked = Signal(list, object)  # media ids, the bin to put them in (None = the top)
    rename_asked = Signal(object, str)  # an Entry, its new name

    def __init__(self, materials: Materials, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._materials = materials
        self._document: Document | None = None
        self._counted: tuple[tuple[Track, ...], dict[MediaId, int]] | None = None
        self._rows: list[Entry] = []
        self._files: dict[Path, int] | None = None  # rows by path, once one was asked for
        self._pictures: dict[MediaId, QImage] = {}
        self._asked: set[MediaId] = set()
        self._scrubbed: tuple[MediaId, QImage] | None = None
        materials.stand_ins.changed.connect(self._tell_of_file)
        self.bin: BinId | None = None
        self.search = ""

    # What is shown

    def show_document(self, document: Document) -> None:
        self._document = document
        if self.bin is not None and all(each.id != self.bin for each in document.bins):
            self.bin = None
        self.refresh()

    def open_bin(self, folder: BinId | None) -> None:
        self.bin = folder
        self.refresh()

    def find(self, words: str) -> None:
        """Show what has these words in its name, wherever it lies."""
        self.search = words.casefold().strip()
        self.refresh()

    def refresh(self) -> None:
        rows = self._made()
        if rows != self._rows:
            self.beginResetModel()
            self._rows, self._files = rows, None
            self.endResetModel()

    def forget_pictures(self) -> None:
        """Another project is open, or files were found again."""
        self._pictures.clear()
        self._asked.clear()
        self.refresh()

    def _made(self) -> list[Entry]:
        document = self._document
        if document is None:
            return []
        used = self._uses(document.sequence.tracks)
        media = sorted(document.media.values(), key=lambda each: each.name.casefold())
        if self.search:
            shown = [each for each in media if self.search in each.name.casefold()]
            return [self._entry(each, used) for each in shown]
        folders = sorted((each for each in document.bins if each.parent == self.bin), key=lambda each: each.name)
        rows = [
            Entry(folder=folder, count=sum(each.bin == folder.id for each in media)
                  + sum(each.parent == folder.id for each in document.bins))
            for folder in folders
        ]  # fmt: skip
        return rows + [self._entry(each, used) for each in media if each.bin == self.bin]

    def _uses(self, tracks: tuple[Track, ...]) -> dict[MediaId, int]:
        """Counted once for each state of the film: among 10,000 clips it takes 20 ms."""
        if self._counted is None or self._counted[0] is not tracks:
            self._counted = tracks, uses_of(tracks)
        return self._counted[1]

    def _entry(self, media: Media, used: dict[MediaId, int]) -> Entry:
        return Entry(media, used=used.get(media.id, 0), missing=self._materials.is_missing(media.id))

    def stand_in(self, entry: Entry) -> StandIn | None:
        """The stand-in of a heavy film, if it has or gets one."""
        return self._materials.stand_ins.of(entry.media) if entry.media is not None else None

    # Pictures

    def picture(self, entry: Entry) -> QImage | None:
        """The picture of a row; asked for when it's not there yet."""
        media = entry.media
        if media is None:
            return None
        if self._scrubbed is not None and self._scrubbed[0] == media.id:
            return self._scrubbed[1]
        if media.id not in self._asked and not entry.missing:
            self._asked.add(media.id)
            self._materials.ask_picture(("list", media.id), media, 0.1, PICTURE_PX, partial(self._keep, media.id))
        return self._pictures.get(media.id)

    def scrub(self, index: Index, part: float) -> None:
        """Show a row at `part` (0..1) of its film, while the mouse is over it."""
        entry: Entry | None = index.data(ENTRY)
        if entry is not None and entry.media is not None and entry.media.kind is not MediaKind.STILL:
            media = entry.media
            self._materials.ask_picture("hover", media, part, PICTURE_PX, partial(self._keep_scrubbed, media.id))

    def end_scrub(self) -> None:
        if self._scrubbed is not None:
            media, self._scrubbed = self._scrubbed[0], None
            self._tell(media)

    def _keep(self, media: MediaId, picture: QImage) -> None:
        self._pictures[media] = picture
        self._tell(media)

    def _keep_scrubbed(self, media: MediaId, picture: QImage) -> None:
        self._scrubbed = (media, picture)
        self._tell(media)

    def _tell(self, media: MediaId) -> None:
        for row, entry in enumerate(self._rows):
            if entry.media is not None and entry.media.id == media:
                self.dataChanged.emit(self.index(row), self.index(row))

    def _tell_of_file(self, path: Path) -> None:
        if self._files is None:  # asked some times a second while a stand-in is made
            media = ((row, entry.media) for row, entry in enumerate(self._rows) if entry.media is not None)
            self._files = {self._materials.locate(each): row for row, each in media}
        row = self._files.get(path)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    # The model

    def entry(self, index: Index) -> Entry | None:
        return self._rows[index.row()] if index.isValid() else None

    def row_of(self, media: MediaId) -> int:
        """-1 when it isn't shown."""
        return next((row for row, each in enumerate(self._rows) if each.media and each.media.id == media), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.UserRole:  # ENTRY
                return entry
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return entry.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{entry.name}, {entry.facts}"
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(entry)
            case _:
                return None

    def _tip(self, entry: Entry) -> str:
        if entry.media is None:
            return f"{entry.name}: double click opens it"
        used = f"used {counted(entry.used, 'time')}" if entry.used else "not used yet"
        stand_in = self.stand_in(entry)
        if stand_in is not None:
            used += f"\n{stand_in.words}: a small film that plays smoothly in its place; never exported"
            used += f"\n{stand_in.problem}" if stand_in.problem else ""
        missing = "\nThe file is missing. Use “Find missing media”." if entry.missing else ""
        return f"{entry.name}\n{entry.facts}, {used}\n{self._materials.locate(entry.media)}{missing}"

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        entry = self.entry(index)
        if entry is None or role != Qt.ItemDataRole.EditRole or not str(value).strip():
            return False
        self.rename_asked.emit(entry, str(value).strip())
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        entry = self.entry(index)
        if entry is None:
            return Qt.ItemFlag.ItemIsDropEnabled
        able = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable
        return able | (Qt.ItemFlag.ItemIsDropEnabled if entry.media is None else Qt.ItemFlag.ItemIsDragEnabled)

    def mimeTypes(self) -> list[str]:
        return [MEDIA_MIME, "text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        entries = [self.entry(index) for index in indexes]
        return media_mime(entry.media.id for entry in entries if entry is not None and entry.media is not None)

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction | Qt.DropAction.MoveAction

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction | Qt.DropAction.MoveAction

    def canDropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        return bool(files_of(data) or media_of(data))

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        """Files are imported; media are put into the bin they're dropped on."""
        files, media = files_of(data), media_of(data)
        target = self.entry(parent)
        if media and target is not None and target.folder is not None:
            self.move_asked.emit(list(media), target.folder.id)
        elif files:
            self.files_dropped.emit(list(files))
        return False  # the rows follow the document


def uses_of(tracks: tuple[Track, ...]) -> dict[MediaId, int]:
    """How many clips of the tracks show each media."""
    used: dict[MediaId, int] = {}
    for track in tracks:
        for clip in track.clips:
            if clip.media is not None:
                used[clip.media] = used.get(clip.media, 0) + 1
    return used
