"""The media of the open project for widgets: imports, thumbnails and waveforms made elsewhere, told by signals here."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from ltxdesktop.document.model import Media, MediaId, MediaKind
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.editor.stand_ins import StandIns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltxdesktop.media.decoders import Decoders
    from ltxdesktop.media.files import MediaFiles
    from ltxdesktop.media.thumbnails import Cell, Thumbnail, Thumbnails
    from ltxdesktop.media.waveforms import Waveform, Waveforms

PROBLEMS_TOLD = 3  # of files that can't be used, by name
LOOK_S = 0.3  # of reading files again, until other work has its turn
NEWS_MS = 60  # pictures that come within this time are shown together
Answer = Callable[[QImage], None]


@dataclass(frozen=True)
class Imported:
    """What became of dropped files: media, in order, and one sentence for each file that is none."""

    media: tuple[Media, ...]
    problems: tuple[str, ...] = ()
    folders: Mapping[MediaId, tuple[str, ...]] = field(default_factory=dict[MediaId, tuple[str, ...]])
    """The dropped folder that a media came from, and those below it: names, from the outside in."""

    @property
    def trouble(self) -> str:
        """What to tell a person of the files that can't be used; "" when all can."""
        if len(self.problems) < 2:
            return "".join(self.problems)
        rest = len(self.problems) - PROBLEMS_TOLD
        more = f" And {rest} more." if rest > 0 else ""
        return f"{len(self.problems)} files can't be used. {' '.join(self.problems[:PROBLEMS_TOLD])}{more}"


class Materials(QObject):
    """Owns the media room's objects and their threads; made once, for all projects that are opened one after the other.

    It answers the timeline's `Thumbnails`, `Waveforms` and `Presence`: at once from memory, else later by `news`.
    """

    news = Signal()  # pictures or waveforms have come
    presence_changed = Signal()
    import_progress = Signal(int, int)  # files looked at, of how many
    _picture_came = Signal(object, object)  # a callback, a thumbnail
    _arrived = Signal()
    _looked_at = Signal(int, int)

    def __init__(self, cache: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cache = cache
        self._cache_bytes: int | None = None
        self._files: MediaFiles | None = None
        self._background = Background(threads=1, parent=self)
        self._locate: Callable[[Media], Path] = _as_said
        self._missing: frozenset[MediaId] = frozenset()
        self._too_short: dict[MediaId, Media] = {}
        self._asked: set[Hashable] = set()  # what is being made, and what could not be
        self._cancelled = False
        self._openings = 0  # of projects so far
        self._read: set[Path] = set()  # files that were looked into since the project was opened
        self.stand_ins = StandIns(lambda: self.files, self.run, self.locate, self)
        self._news = QTimer(self, singleShot=True, interval=NEWS_MS)
        self._news.timeout.connect(self.news)
        self._arrived.connect(self._gather_news)
        self._picture_came.connect(self._deliver)
        self._looked_at.connect(self.import_progress)

    # The rooms behind it, made when they're first needed: importing them costs a start 0.1 s

    def warm_up(self) -> None:
        """Load what reads and renders media, off this thread, before it's needed."""
        self._background.run(load_rooms, self._ignore, self._ignore)

    def limit_cache(self, limit_bytes: int) -> None:
        """How large the cache may be; what is already in use keeps its limit."""
        self._cache_bytes = limit_bytes

    @property
    def files(self) -> MediaFiles:
        if self._files is None:
            from ltxdesktop.media.files import CacheLimits, MediaFiles

            limits = CacheLimits.together(self._cache_bytes) if self._cache_bytes is not None else None
            self._files = MediaFiles(self._cache, limits)
        return self._files

    @property
    def decoders(self) -> Decoders:
        return self.files.decoders

    @property
    def thumbnails(self) -> Thumbnails:
        return self.files.thumbnails

    @property
    def waveforms(self) -> Waveforms:
        return self.files.waveforms

    def close(self) -> None:
        """Stop everything and wait for it."""
        self._cancelled = True
        self._news.stop()
        self._background.close()
        if self._files is not None:
            self._files.close()

    # Where files lie

    def set_locate(self, locate: Callable[[Media], Path]) -> None:
        """Who knows where the files of the open project lie."""
        self._locate = locate

    def locate(self, media: Media) -> Path:
        """Where a media's file lies (or should)."""
        return self._locate(media)

    def forget(self) -> None:
        """Another project is open."""
        self._openings += 1
        self._asked.clear()
        self._read.clear()
        self._missing = frozenset()
        self._too_short = {}

    def look_for(self, find: Callable[[], frozenset[MediaId]]) -> None:
        """Have it found out, off this thread, which files are missing; `presence_changed` follows if that's news."""
        self._background.run(find, self._take_missing, self._ignore)

    def is_missing(self, media: MediaId) -> bool:
        return media in self._missing

    def too_short(self, media: MediaId) -> Media | None:
        return self._too_short.get(media)

    def set_too_short(self, found: Mapping[MediaId, Media | None]) -> None:
        """Files that were read: what each is now if it's another one that has less than its clips show, else None."""
        known = {media: file for media, file in (self._too_short | dict(found)).items() if file is not None}
        if known != self._too_short:
            self._too_short = known
            self.presence_changed.emit()

    @property
    def missing(self) -> frozenset[MediaId]:
        return self._missing

    def _take_missing(self, missing: frozenset[MediaId]) -> None:
        if missing != self._missing:
            self._missing = missing
            self._asked.clear()
            self.presence_changed.emit()
            self.news.emit()

    # Imports

    def import_files(self, paths: list[Path], done: Callable[[Imported], None]) -> None:
        """Find media in files and folders, and say what they are; `done` is called on this thread."""
        self._cancelled = False
        files = self.files
        self._background.run(lambda: self._describe_all(files, paths), done, partial(self._say_import_failed, done))

    def cancel_import(self) -> None:
        """Stop after the file that is being looked at; what was found so far is kept."""
        self._cancelled = True

    def _describe_all(self, files: MediaFiles, paths: list[Path]) -> Imported:
        from engine.media.errors import MediaError
        from ltxdesktop.media.importing import gather

        gathered = gather(paths)
        found: list[Media] = []
        folders: dict[MediaId, tuple[str, ...]] = {}
        problems: list[str] = []
        single = [(path, False) for path in gathered.files] + [(path, True) for path in gathered.sequences]
        for number, (path, is_sequence) in enumerate(single):
            if self._cancelled:
                break
            self._looked_at.emit(number, len(single))
            try:
                found.append(files.describe(path, sequence=is_sequence))
                folder = gathered.folders.get(path)
                if folder is not None:
                    folders[found[-1].id] = (folder.name, *path.parent.relative_to(folder).parts)
            except (MediaError, OSError) as exc:
                problems.append(str(exc))
        self._looked_at.emit(len(single), len(single))
        return Imported(tuple(found), tuple(problems), folders)

    def _say_import_failed(self, done: Callable[[Imported], None], problem: Exception) -> None:
        done(Imported((), (str(problem),)))

    def run(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        """Some other work with files, off this thread; errors come as results."""
        self._background.run(work, done, done)

    # What a project's file says of media, beside what they are

    def look_into(self, media: Iterable[Media], done: Callable[[dict[MediaId, Media]], None]) -> None:
        """Read the files of media: those that only another program's list has told of first, then those that may have
        been changed, or read by an older version. `done` gets what they are, by id. Each file once.

        A large project on another machine has many to read: imports and other work have their turns in between.
        """
        wanted = [each for each in media if not each.content_hash or each.kind is not MediaKind.STILL]
        wanted.sort(key=lambda each: bool(each.content_hash))
        unread = [(each, path) for each in wanted if (path := self._locate(each)) not in self._read]
        if unread:
            self._look_on(unread, {}, self._openings, done)

    def _look_on(
        self,
        unread: list[tuple[Media, Path]],
        found: dict[MediaId, Media],
        opening: int,
        done: Callable[[dict[MediaId, Media]], None],
    ) -> None:
        """Read some of the files; the rest after what waits. Ends when another project is open."""
        files = self.files

        def work() -> list[tuple[Media, Path]]:
            from engine.media.errors import MediaError

            began = time.monotonic()
            for place, (each, path) in enumerate(unread):
                if place and time.monotonic() - began > LOOK_S:
                    return unread[place:]
                if path.is_file():
                    self._read.add(path)
                    with contextlib.suppress(MediaError, OSError):
                        found[each.id] = files.describe(path, sequence=each.kind is MediaKind.IMAGE_SEQUENCE)
            return []

        def go_on(rest: list[tuple[Media, Path]]) -> None:
            if opening != self._openings:
                return
            if rest:
                self._look_on(rest, found, opening, done)
            else:
                done(found)

        self._background.run(work, go_on, self._ignore)

    # What is kept on disk

    def count_cache(self, done: Callable[[object], None]) -> None:
        """`done` gets the bytes that the cache takes, stand-ins included, or an error."""
        files = self.files
        self.run(files.cache_bytes, done)

    def clear_cache(self, done: Callable[[object], None], *, proxies: bool) -> None:
        """Empty it, of stand-ins too if `proxies`; `done` gets the bytes that are left, or an error."""
        files = self.files

        def work() -> int:
            files.clear_caches(proxies=proxies)
            return files.cache_bytes()

        def tell(result: object) -> None:
            if proxies:
                self.stand_ins.forget()
            done(result)

        self.run(work, tell)

    # For the timeline's painter: `ui.timeline.providers`

    def picture(self, media: Media, at_s: Fraction, height_px: int) -> QImage | None:
        """The picture at a media time if it's at hand; else it's asked for."""
        if not media.has_picture or media.id in self._missing:
            return None
        cell = self._cell(media, at_s)
        kept = self.thumbnails.kept(media, cell, height_px)
        if kept is not None:
            return image_of(kept)
        self._ask_cell(("timeline", media.id, cell, height_px), media, cell, height_px)
        return None

    def peaks(self, media: Media, first_s: Fraction, last_s: Fraction, columns: int) -> NDArray[np.float32] | None:
        """(columns, 3) of lowest, highest and RMS over all channels, if they're at hand; else they're asked for."""
        import numpy as np

        if not media.has_sound or media.id in self._missing:
            return None
        path = self.locate(media)
        kept = self.waveforms.kept(path)
        if kept is None:
            if path not in self._asked:
                self._asked.add(path)
                self.waveforms.request(path, partial(self._take_waveform, path), lambda _: self._arrived.emit())
            return None
        found = kept.columns(float(first_s), float(last_s), columns)
        low, high = found[..., 0].min(axis=0), found[..., 1].max(axis=0)
        rms = np.sqrt((found[..., 2] ** 2).mean(axis=0))
        return np.stack([low, high, rms], axis=1).astype(np.float32)

    # For lists

    def ask_picture(self, place: Hashable, media: Media, part: float, height_px: int, answer: Answer) -> None:
        """The picture at `part` (0..1) of a media; a newer request for the same place cancels the older."""
        if media.has_picture and media.id not in self._missing:
            self.thumbnails.scrub(
                place, media, self.locate(media), part, height_px, partial(self._picture_came.emit, answer)
            )

    def picture_at_hand(self, media: Media, part: float) -> QImage | None:
        """A picture near `part` (0..1) of a media, of any size, if one is in memory: to show while its own is made."""
        found = self.thumbnails.nearest(media, part) if media.has_picture else None
        return image_of(found) if found is not None else None

    def _cell(self, media: Media, at_s: Fraction) -> Cell:
        """A stretch of a second around a place: neighbouring zooms share pictures."""
        from ltxdesktop.media.thumbnails import Cell

        if media.kind is MediaKind.STILL:
            return Cell(0, 1)
        second = max(1, round(media.rate))
        number = min(max(int(at_s), 0), max(0, (media.frames - 1) // second))
        return Cell(number * second, max(number * second + 1, min((number + 1) * second, media.frames)))

    def _ask_cell(self, place: Hashable, media: Media, cell: Cell, height_px: int) -> None:
        if place in self._asked:
            return
        self._asked.add(place)
        self.thumbnails.strip(place, media, self.locate(media), [cell], height_px, partial(self._take_cell, place))

    def _take_cell(self, place: Hashable, number: int, found: Thumbnail | Exception) -> None:
        """On a thread of the thumbnails: what has come may be asked for again when it's been forgotten."""
        if not isinstance(found, Exception):
            self._asked.discard(place)
        self._arrived.emit()

    def _take_waveform(self, path: Path, found: Waveform | Exception) -> None:
        if not isinstance(found, Exception):
            self._asked.discard(path)
        self._arrived.emit()

    def _gather_news(self) -> None:
        if not self._news.isActive():
            self._news.start()

    def _deliver(self, answer: Answer, found: Thumbnail | Exception) -> None:
        if not isinstance(found, Exception):
            answer(image_of(found))

    def _ignore(self, result: object) -> None:
        """A disk that can't be asked now: what is missing shows when it's opened."""


def load_rooms() -> None:
    """Import what a project and its export need: on a worker, since it takes some 0.4 s."""
    for room in (
        "document.edits",
        "media.files",
        "project.project",
        "project.relink",
        "render.renderer",
        "ui.deliver.workspace",
    ):
        import_module(f"ltxdesktop.{room}")


def _as_said(media: Media) -> Path:
    return Path(media.path)


def image_of(thumbnail: Thumbnail) -> QImage:
    """A thumbnail as a picture of its own memory."""
    pixels = thumbnail.pixels
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )
