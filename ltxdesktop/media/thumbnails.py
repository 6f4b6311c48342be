"""Small pictures made in the background: one of a film, the one under the mouse, a strip along a clip."""

from __future__ import annotations

import io
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from engine.media.colour import to_rgb
from engine.media.decode import as_pixels
from engine.media.errors import CorruptMedia, MediaError
from ltxdesktop.document.model import Media, MediaId, MediaKind
from ltxdesktop.media.decoders import Decoders, FactsOf
from ltxdesktop.media.disk_cache import DiskCache
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.pictures import Picture
from ltxdesktop.media.workers import Token, Workers

# Heights that are made; others are served by the next larger one, so that zooming finds what is there.
HEIGHTS: Final = (36, 54, 72, 108, 144, 216, 360)

SCRUB_CELLS: Final = 60  # hovering over a film shows so many different pictures

_QUALITY: Final = 85  # JPEG
_MEMORY_BYTES: Final = 48 << 20
_WIDEST: Final = 4  # times its height: a strip of a panorama is cut to that in the file's middle


class Thumbnail(NamedTuple):
    """`pixels` (height, width, 3) uint8 sRGB, upright, square pixels; to be read only. `frame` is what it shows."""

    pixels: NDArray[np.uint8]
    frame: int


class Cell(NamedTuple):
    """A stretch [first, end) of a film's frames that one thumbnail stands for."""

    first: int
    end: int


Done = Callable[[Thumbnail | MediaError], None]
CellDone = Callable[[int, Thumbnail | MediaError], None]


class Thumbnails:
    """Makes and keeps thumbnails. Callbacks come on a thread of this object: pass them on by a signal.

    A request is for a place (an item of a list, a clip on the timeline): a newer one for the same place cancels the
    older, and among places the newest is served first. A callback isn't called after `drop` or a newer request, except
    for one that is running just then.
    """

    def __init__(self, decoders: Decoders, facts_of: FactsOf, folder: Path, *, limit_bytes: int = 512 << 20) -> None:
        self._decoders, self._facts_of = decoders, facts_of
        self.disk = DiskCache(folder, limit_bytes)
        self._workers = Workers(1, "thumbnails")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Thumbnail] = OrderedDict()
        self._keys: dict[tuple[MediaId, Cell, int], str] = {}
        self._bytes = 0

    def close(self) -> None:
        self._workers.close()

    def finish(self) -> None:
        """Wait until all requests are served: for tests and commands without a window."""
        self._workers.finish()

    def drop(self, place: Hashable) -> None:
        """What was asked for `place` is no longer wanted."""
        self._workers.drop(place)

    def request(self, place: Hashable, media: Media, path: Path, frame: int, height: int, done: Done) -> None:
        """Have the thumbnail of exactly this frame made; at least `height` high where the media are."""
        self.strip(place, media, path, [Cell(frame, frame + 1)], height, lambda _, found: done(found))

    def scrub(self, place: Hashable, media: Media, path: Path, part: float, height: int, done: Done) -> None:
        """The picture under the mouse at `part` (0..1) of the film's length; one of `SCRUB_CELLS`."""
        cell = scrub_cell(media, part)
        self.strip(place, media, path, [cell], height, lambda _, found: done(found))

    def strip(
        self, place: Hashable, media: Media, path: Path, cells: Sequence[Cell], height: int, done: CellDone
    ) -> None:
        """Have one thumbnail made for each cell, in their order; `done(number of the cell, thumbnail)` for each.

        A cell of several frames is shown by a picture in it that decodes at once (a key picture), if it has one.
        """
        asked = tuple(cells)

        def work(token: Token) -> None:
            for number, cell in enumerate(asked):
                if token.cancelled:
                    return
                found = self._cell_or_error(media, path, cell, height)
                if not token.cancelled:
                    done(number, found)

        self._workers.put(place, work)

    def kept(self, media: Media, cell: Cell, height: int) -> Thumbnail | None:
        """What is in memory already, for painting at once; never waits for a disk or a decoder."""
        with self._lock:
            key = self._keys.get((media.id, cell, _height(height)))
            return None if key is None else self._kept.get(key)

    def nearest(self, media: Media, part: float) -> Thumbnail | None:
        """The one in memory nearest to `part` (0..1) of a film, of whatever height: to show until its own comes."""
        middle = part * media.frames
        with self._lock:
            found = [
                (abs(kept.frame - middle), -height, kept)
                for (media_id, _, height), key in self._keys.items()
                if media_id == media.id and (kept := self._kept.get(key)) is not None
            ]
        return min(found, key=lambda each: each[:2])[2] if found else None

    def make(self, media: Media, path: Path, cell: Cell, height: int) -> Thumbnail:
        """The thumbnail of a cell, from memory, disk or the file. Raises MediaError."""
        facts = self._facts_of(path, media.kind is MediaKind.IMAGE_SEQUENCE)
        frame = 0 if media.kind is MediaKind.STILL else _shown(facts, cell)
        high = _height(height)
        # What the file is stands in its size and time of change, so that a replaced file gets new thumbnails.
        key = f"{path.absolute()}|{facts.fingerprint}|{frame}|{high}"
        found = self._from_memory(key) or self._from_disk(key, frame)
        if found is None:
            picture = self._decoders.picture(media, path, frame, keep=False)
            found = Thumbnail(scaled(picture, (media.width, media.height), high), frame)
            self.disk.write(key, _as_jpeg(found.pixels))
        self._remember(key, found, (media.id, cell, high))
        return found

    def _cell_or_error(self, media: Media, path: Path, cell: Cell, height: int) -> Thumbnail | MediaError:
        try:
            return self.make(media, path, cell, height)
        except MediaError as exc:
            return exc
        except OSError as exc:  # a disk that went away in between
            return CorruptMedia(path, f"it can't be read ({exc})")

    def _from_memory(self, key: str) -> Thumbnail | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _from_disk(self, key: str, frame: int) -> Thumbnail | None:
        data = self.disk.read(key)
        if data is None:
            return None
        try:
            with Image.open(io.BytesIO(data)) as image:
                return Thumbnail(np.asarray(image.convert("RGB"), np.uint8), frame)
        except (OSError, ValueError, SyntaxError):
            self.disk.set_aside(key)
            return None

    def _remember(self, key: str, found: Thumbnail, asked: tuple[MediaId, Cell, int]) -> None:
        with self._lock:
            self._keys[asked] = key
            if key not in self._kept:
                self._kept[key] = found
                self._bytes += found.pixels.nbytes
            while self._bytes > _MEMORY_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].pixels.nbytes
            if len(self._keys) > 4 * len(self._kept) + 1000:  # of thumbnails that are gone
                self._keys = {asked: key for asked, key in self._keys.items() if key in self._kept}


def scrub_cell(media: Media, part: float) -> Cell:
    """The stretch of a film that lies under `part` (0..1) of its width."""
    cells = min(SCRUB_CELLS, max(1, media.frames))
    number = min(max(int(part * cells), 0), cells - 1)
    return Cell(media.frames * number // cells, media.frames * (number + 1) // cells)


def scaled(picture: Picture, size: tuple[int, int], height: int) -> NDArray[np.uint8]:
    """A decoded picture upright on square pixels, `height` high but never enlarged. `size` is the media's (w, h)."""
    width_shown, height_shown = max(1, size[0]), max(1, size[1])
    high = min(height, height_shown)
    wide = max(1, round(high * width_shown / height_shown))
    stored = picture.orientation.size(wide, high)
    pixels = cast("NDArray[np.uint8]", as_pixels(to_rgb(_on_black(picture.frame), picture.colour, size=stored)))
    pixels = picture.orientation.apply(pixels)
    surplus = wide - _WIDEST * high
    if surplus > 0:
        pixels = pixels[:, surplus // 2 : surplus // 2 + _WIDEST * high]
    return np.ascontiguousarray(pixels)


def _shown(facts: Facts, cell: Cell) -> int:
    """The frame of a cell that is shown: the first that decodes by itself, else the first."""
    index = facts.index
    if index is None or not index.is_constant or not index.timed or cell.end - cell.first < 2:
        return cell.first
    keys = cast("list[int]", index.key_pts)
    key = bisect_left(keys, int(index.pts[min(cell.first, index.frames - 1)]))
    if key >= len(keys):
        return cell.first
    frame = index.number(int(index.key_pts[key]))
    return frame if frame is not None and cell.first <= frame < cell.end else cell.first


def _height(height: int) -> int:
    return next((made for made in HEIGHTS if made >= height), HEIGHTS[-1])


def _on_black(frame: VideoFrame) -> VideoFrame:
    """A picture with alpha on black."""
    if frame.format.name != "rgba":
        return frame
    pixels = cast("NDArray[np.uint8]", frame.to_ndarray())
    shown = pixels[..., :3].astype(np.uint16) * pixels[..., 3:] // 255
    return VideoFrame.from_ndarray(shown.astype(np.uint8), "rgb24")


def _as_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
