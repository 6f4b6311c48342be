"""Open decoders for everybody: the picture of frame n and the samples of a range of any file, exact and fast.

Render, playback and thumbnails share one `Decoders`. It keeps files open, goes on decoding where a caller goes on
asking, and keeps pictures that may be asked for next: those just shown, and, when somebody stands still or steps back,
those before them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from engine.media.colour import ColourTags, to_rgb
from engine.media.decode import Samples, VideoReader, as_pixels
from engine.media.errors import CorruptMedia, MediaError, NotAMediaFile, NoVideo, RangeOutsideMedia
from engine.media.orientation import UPRIGHT, Orientation
from engine.media.still import read_picture
from ltxdesktop.document.model import Media, MediaKind
from ltxdesktop.media import heap
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.numbered import NumberedName
from ltxdesktop.media.references import References
from ltxdesktop.media.sound import SoundBlocks
from ltxdesktop.media.workers import Token, Workers

# More threads than this make a seek slower: each holds back one picture.
_THREADS: Final = min(8, os.cpu_count() or 1)

# In an export the encoder wants the cores, and one thread decodes 1080p faster than it's encoded.
_THREADS_ONCE: Final = max(1, min(_THREADS, (os.cpu_count() or 1) // 4))

_SMALL_PIXELS: Final = 1280 * 720
_FULL_HD_PIXELS: Final = 1920 * 1088

# A decoder holds about so many pictures beside those of its threads (the references of H.264 and HEVC).
_HELD_BY_DECODER: Final = 6

_IDLE_LOANS: Final = 12  # pictures of other films; cuts to and fro are rarely faster, and a decoder holds 30 to 80 MB
_READERS_PER_FILE: Final = 2  # idle ones: two clips of one file may play at once
_STILL_S: Final = 0.15  # who asks for nothing for so long stands still; the pictures before are made ready then
_CHECK_S: Final = 1.0  # how often it's checked whether a file has changed
_CHECK_SEQUENCE_S: Final = 10.0  # each of its pictures is asked for
_BACK_FRAMES: Final = 16  # asking for a picture so little before the last one is stepping back
_READY_FRAMES: Final = 24  # so many before the one shown are kept ready; a key held down steps 30 a second
_CHEAP_FRAMES: Final = 3  # a picture for which so few are decoded needs no preparing

FactsOf = Callable[[Path, bool], Facts]


class ProxySource(Protocol):
    """What `Decoders` asks about proxies (`proxies.Proxies`)."""

    def proxy_of(self, path: Path) -> Path | None:
        """The file with the same pictures by number."""
        ...

    def set_aside(self, path: Path) -> None:
        """The proxy of this original can't be read."""
        ...


class Picture(NamedTuple):
    """A decoded picture: stored pixels, not turned or scaled.

    The frame is the caller's own, but its pixels are shared: they're never to be written to, and one thread at a time
    converts it.

    To show it: `orientation.apply`, then stretch to square pixels by `sample_aspect`. A proxy's picture is smaller than
    its media says; place it by the media's size.
    """

    frame: VideoFrame
    number: int  # of the stored picture
    colour: ColourTags
    orientation: Orientation
    sample_aspect: Fraction
    is_proxy: bool = False

    @property
    def bytes(self) -> int:
        return sum(plane.buffer_size for plane in self.frame.planes)

    def rgb(self) -> NDArray[np.uint8]:
        """Upright (height, width, 3), full range; alpha is dropped, the sample aspect isn't applied."""
        pixels = as_pixels(to_rgb(self.frame, self.colour)).astype(np.uint8, copy=False)
        return np.ascontiguousarray(self.orientation.apply(pixels))


class FrameCache:
    """Pictures by key, the least recently used go when there are more bytes than the limit. Thread-safe.

    One picture is always kept, however large.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Picture] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def get(self, key: tuple[Path, int]) -> Picture | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def has(self, key: tuple[Path, int]) -> bool:
        with self._lock:
            return key in self._kept

    def put(self, key: tuple[Path, int], picture: Picture) -> None:
        with self._lock:
            self._remove(key)
            self._kept[key] = picture
            self._bytes += picture.bytes
            while self._bytes > self.limit_bytes and len(self._kept) > 1:
                self._remove(next(iter(self._kept)))

    def drop(self, key: tuple[Path, int]) -> None:
        with self._lock:
            self._remove(key)

    def drop_file(self, path: Path) -> None:
        with self._lock:
            for key in [key for key in self._kept if key[0] == path]:
                self._remove(key)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _remove(self, key: tuple[Path, int]) -> None:
        picture = self._kept.pop(key, None)
        if picture is not None:
            self._bytes -= picture.bytes


@dataclass
class _Source:
    """A file in use: what is known of it, and what was asked of it."""

    path: Path
    facts: Facts
    checked_s: float
    last: int | None = None  # the stored picture asked for last
    recent: deque[int] = field(default_factory=deque[int])  # pictures kept because they were shown
    failed: dict[int, str] = field(default_factory=dict[int, str])  # pictures that can't be decoded, and why


@dataclass
class _Open:
    """A reader, and when it was given back last."""

    source: _Source
    reader: VideoReader
    bytes: int
    used: int = 0


class Readers:
    """Open `VideoReader`s, lent to one caller at a time. Beyond `limit_bytes` (estimated) idle ones are closed, and
    those that weren't wanted while others were lent `idle_loans` times."""

    def __init__(
        self,
        limit_bytes: int,
        idle_loans: int | None = None,
        closed: Callable[[Path], None] = lambda path: None,
        threads_for: Callable[[Facts], int] | None = None,
    ) -> None:
        """`closed` is told of each file of which a reader was closed; `threads_for` says how many decode a file."""
        self._limit_bytes, self._idle_loans, self._closed = limit_bytes, idle_loans, closed
        self._threads_for = threads_for or _threads
        self._lock = threading.Lock()
        self._idle: list[_Open] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._idle)

    @contextmanager
    def lent(self, source: _Source, frame: int) -> Generator[VideoReader]:
        """A reader of the file for a block: one that goes on to `frame` if there is one, else the longest unused."""
        opened = self._take(source, frame)
        try:
            yield opened.reader
        except BaseException:
            opened.reader.close()
            raise
        self._give_back(opened)

    def close_file(self, path: Path) -> None:
        self._close([opened for opened in self._idle if opened.source.path == path])

    def close(self) -> None:
        self._close(list(self._idle))

    def _take(self, source: _Source, frame: int) -> _Open:
        with self._lock:
            mine = [opened for opened in self._idle if opened.source is source]
            ready = [opened for opened in mine if opened.reader.goes_on_to(frame)]
            if ready:
                chosen = max(ready, key=lambda opened: opened.reader.next_frame or 0)
            elif len(mine) >= _READERS_PER_FILE:
                chosen = min(mine, key=lambda opened: opened.used)
            else:
                chosen = None
            if chosen is not None:
                self._idle.remove(chosen)
                return chosen
        threads = self._threads_for(source.facts)
        reader = VideoReader(source.path, source.facts.index, threads=threads)
        return _Open(source, reader, _frame_bytes(source.facts) * (threads + _HELD_BY_DECODER))

    def _give_back(self, opened: _Open) -> None:
        with self._lock:
            self._count += 1
            opened.used = self._count
            self._idle.append(opened)
            surplus = self._surplus(opened.source)
        self._close(surplus)

    def _surplus(self, source: _Source) -> list[_Open]:
        """Idle readers to close: too many of this file, then the longest unused while all hold too much."""
        by_age = sorted(self._idle, key=lambda opened: opened.used)
        mine = [opened for opened in by_age if opened.source is source]
        surplus = mine[: max(0, len(mine) - _READERS_PER_FILE)]
        if self._idle_loans is not None:
            left = self._count - self._idle_loans
            surplus += [opened for opened in by_age if opened.used < left and opened not in surplus]
        total = sum(opened.bytes for opened in by_age) - sum(opened.bytes for opened in surplus)
        for opened in by_age[:-1]:
            if total <= self._limit_bytes:
                break
            if opened not in surplus:
                surplus.append(opened)
                total -= opened.bytes
        return surplus

    def _close(self, readers: list[_Open]) -> None:
        for opened in readers:
            with self._lock:
                if opened not in self._idle:
                    continue  # lent meanwhile
                self._idle.remove(opened)
            opened.reader.close()
            self._closed(opened.source.path)


class Decoders:
    """Pictures and samples of files by number. Thread-safe; `close` when done.

    `frame_bytes` limits the decoded pictures that are kept, `reader_bytes` the estimated memory of idle open decoders,
    `sound_bytes` the decoded sound. `proxies` names the file that stands in for the picture of another, frame for
    frame; who asks with `original=True` (export does) never gets it.

    FFmpeg gives the memory of a group of pictures back when the last of them goes, so that up to `frame_bytes` more are
    held. Copies would avoid that, but swscale rounds at the edges otherwise where memory is aligned otherwise
    (measured), and a picture has to look the same however it was come by.
    """

    def __init__(
        self,
        facts_of: FactsOf,
        *,
        proxies: ProxySource | None = None,
        frame_bytes: int = 256 << 20,
        reader_bytes: int = 512 << 20,
        sound_bytes: int = 64 << 20,
        once_through: bool = False,
    ) -> None:
        """`once_through`: the film is gone through from its beginning to its end, as for an export. Nothing is made
        ready for a step back then, and a film's decoder is closed soon after its clip."""
        self._facts_of, self._proxies = facts_of, proxies
        self._once_through = once_through
        self.cache = FrameCache(frame_bytes)
        if once_through:  # a picture that is kept would keep all the memory of its decoder
            self.readers = Readers(reader_bytes, _IDLE_LOANS, self._let_go, _threads_once)
        else:
            self.readers = Readers(reader_bytes)
        self._looks = Readers(reader_bytes // 8)  # of single looks, so that they don't move a playing reader
        self._references = References()
        self._lock = threading.Lock()
        self._prepared = threading.Condition()  # notified for each picture that the background has made ready
        self._coming: tuple[Path, int, int] | None = None  # what it's at: a file, its pictures first to last
        self._sources: dict[Path, _Source] = {}
        self._behind = Workers(1, "pictures before", polite=False)  # somebody may wait for it
        self.sound = SoundBlocks(self._sound_facts, sound_bytes)

    def close(self) -> None:
        """Close every file. Waits for what runs in the background."""
        self._behind.close()
        self.sound.close()
        self.readers.close()
        self._looks.close()
        self.cache.clear()

    def _let_go(self, path: Path) -> None:
        """Of a film that was gone through: what is kept of it, and the memory that its decoder has freed."""
        self.cache.drop_file(path)
        heap.give_back()

    def forget(self, path: Path) -> None:
        """Close a file and drop what is kept of it. Do so before it's replaced: Windows refuses while it's open."""
        with self._lock:
            self._sources.pop(path, None)
        self._behind.drop("before")
        self.readers.close_file(path)
        self._looks.close_file(path)
        self.cache.drop_file(path)
        self.sound.forget(path)

    def picture(self, media: Media, path: Path, frame: int, *, original: bool = False, keep: bool = True) -> Picture:
        """The picture of frame `frame` of `media`, which lies at `path`. For a still every frame is the same.

        `keep` False: a single look (a thumbnail), nothing is kept or made ready for it. Raises RangeOutsideMedia,
        CorruptMedia where this picture can't be decoded, and the errors of opening.
        """
        found = self._shared(media, path, frame, original=original, keep=keep)
        return found._replace(frame=self._references.of(found.frame))

    def samples(
        self, path: Path, first: int, count: int, *, rate: int = 48_000, channels: int = 2, track: int = 0
    ) -> Samples:
        """Samples [first, first + count) counted at `rate` from the media's time zero: float32 (channels, count).

        Silence outside of the sound. Raises NoAudio and the errors of opening.
        """
        return self.sound.read(path, first, count, rate=rate, channels=channels, track=track)

    def finish(self) -> None:
        """Wait until the background has nothing to do: for tests and benchmarks."""
        self._behind.finish()
        self.sound.finish()

    def _shared(self, media: Media, path: Path, frame: int, *, original: bool, keep: bool) -> Picture:
        """The picture whose frame several may hold: nobody converts it."""
        if media.kind is MediaKind.STILL:
            return self._still(path, 0, keep=keep)
        if media.kind is MediaKind.IMAGE_SEQUENCE:
            return self._numbered(path, frame, keep=keep)
        source = self._source(path)
        if not original and self._proxies is not None:
            found = self._proxy_picture(source, frame, self._proxies, keep=keep)
            if found is not None:
                return found
        return self._film(source, source.facts.stored_frame(frame), keep=keep)

    # Pictures of films

    def _proxy_picture(self, source: _Source, frame: int, proxies: ProxySource, *, keep: bool) -> Picture | None:
        """The picture from the original's proxy, if it has one that can be read."""
        proxy = proxies.proxy_of(source.path)
        if proxy is None:
            return None
        try:
            found = self._film(self._source(proxy), frame, keep=keep)
        except RangeOutsideMedia:
            raise
        except MediaError:
            self.forget(proxy)
            proxies.set_aside(source.path)
            return None
        return found._replace(
            orientation=source.facts.orientation, sample_aspect=source.facts.sample_aspect, is_proxy=True
        )

    def _film(self, source: _Source, stored: int, *, keep: bool) -> Picture:
        found = self.cache.get((source.path, stored))
        if keep:
            return self._followed(source, stored, found)
        return found or self._decoded(source, stored, self._looks)

    def _followed(self, source: _Source, stored: int, found: Picture | None) -> Picture:
        """The picture, with an eye on where the caller is going."""
        with self._lock:
            last, source.last = source.last, stored
        steps_back = last is not None and last - _BACK_FRAMES <= stored < last
        goes_on = last is not None and last < stored <= last + _BACK_FRAMES
        if goes_on:
            self._behind.drop("before")
        if found is None and steps_back and not self._is_cheap(source, stored):
            found = self._awaited(source, stored) or self._filled(source, stored, Token())
        elif found is None:
            found = self._decoded(source, stored)
            self._keep_recent(source, found)
        if stored != last and not goes_on and not self._once_through:
            self._make_ready(source, stored, delay_s=0 if steps_back else _STILL_S)
        return found

    def _decoded(self, source: _Source, stored: int, readers: Readers | None = None) -> Picture:
        if source.facts.index is None:
            raise NoVideo(source.path)
        if stored in source.failed:
            raise CorruptMedia(source.path, source.failed[stored])
        with (readers or self.readers).lent(source, stored) as reader:
            try:
                return _picture(source, stored, reader.frame(stored))
            except CorruptMedia as exc:
                source.failed[stored] = "this picture can't be decoded"
                raise CorruptMedia(source.path, f"picture {stored} can't be decoded") from exc

    def _keep_recent(self, source: _Source, picture: Picture) -> None:
        """Keep what was shown just now; an eighth of the cache for each file.

        A decoder keeps the memory of all pictures that were alive at once for as long as it's open, so that the many
        of a whole group are only kept from decoders that are closed again (`_filled`).
        """
        self.cache.put((source.path, picture.number), picture)
        with self._lock:
            source.recent.append(picture.number)
            surplus = len(source.recent) - max(1, self.cache.limit_bytes // 8 // max(1, picture.bytes))
            dropped = [source.recent.popleft() for _ in range(surplus)] if surplus > 0 else []
        for number in dropped:
            self.cache.drop((source.path, number))

    def _make_ready(self, source: _Source, stored: int, delay_s: float) -> None:
        """Have the pictures before `stored` decoded in the background, if stepping to them would be slow."""
        missing = self._missing_before(source, stored)
        if missing is None or self._is_coming(source, missing):
            return

        def work(token: Token) -> None:
            if delay_s and token.wait(delay_s):
                return
            wanted = self._missing_before(source, stored)
            while wanted is not None and not token.cancelled:
                self._prepare(source, wanted, token)
                before, wanted = wanted, self._missing_before(source, stored)
                if wanted == before:
                    return  # it can't be kept: larger than the cache

        self._behind.put("before", work)

    def _missing_before(self, source: _Source, stored: int) -> int | None:
        """The nearest picture before `stored` that isn't ready and takes long."""
        if source.facts.index is None:
            return None
        near = range(stored - 1, max(-1, stored - 1 - _READY_FRAMES), -1)
        return next((n for n in near if not self.cache.has((source.path, n)) and not self._is_cheap(source, n)), None)

    def _prepare(self, source: _Source, last: int, token: Token) -> None:
        """`_filled` in the background, with `_coming` saying so."""
        with self._prepared:
            self._coming = (source.path, self._first_kept(source, last), last)
        try:
            self._filled(source, last, token)
        finally:
            with self._prepared:
                self._coming = None
                self._prepared.notify_all()

    def _is_coming(self, source: _Source, stored: int) -> bool:
        coming = self._coming
        return coming is not None and coming[0] == source.path and coming[1] <= stored <= coming[2]

    def _awaited(self, source: _Source, stored: int) -> Picture | None:
        """The picture that the background is decoding right now; None when it isn't."""
        key = (source.path, stored)
        with self._prepared:
            self._prepared.wait_for(lambda: self.cache.has(key) or not self._is_coming(source, stored))
        return self.cache.get(key)

    def _is_cheap(self, source: _Source, stored: int) -> bool:
        return stored - self._decodes_from(source, stored) < _CHEAP_FRAMES

    def _first_kept(self, source: _Source, last: int) -> int:
        """Where the part of a group begins that fits into the cache beside the pictures shown now."""
        room = max(1, self.cache.limit_bytes // 2 // _frame_bytes(source.facts))
        return max(self._decodes_from(source, last), last - room + 1)

    def _filled(self, source: _Source, last: int, token: Token) -> Picture:
        """Decode the group that ends with picture `last`, keep as much of it as the cache takes, return `last`."""
        found = None
        with VideoReader(source.path, source.facts.index, threads=_THREADS) as reader:
            try:
                for number, frame in reader.frames(self._first_kept(source, last), last + 1):
                    found = _picture(source, number, frame)
                    self.cache.put((source.path, number), found)
                    with self._prepared:
                        self._prepared.notify_all()
                    if token.cancelled:
                        break
            except CorruptMedia:
                found = None  # a picture on the way; `last` may be whole
        if found is None or (found.number != last and not token.cancelled):
            return self._decoded(source, last)
        return found

    def _decodes_from(self, source: _Source, stored: int) -> int:
        """The first picture that is decoded on the way to `stored`."""
        index = source.facts.index
        if index is None or not index.timed:
            return 0
        key = index.key_before(stored)
        return index.first_frame_from(key) if key >= 0 else 0

    # Stills

    def _still(self, path: Path, number: int, *, keep: bool) -> Picture:
        source = self._source(path)
        found = self.cache.get((source.path, number))
        if found is None:
            found = _read_still(path, number)
            if keep:
                self.cache.put((source.path, number), found)
        return found

    def _numbered(self, path: Path, frame: int, *, keep: bool) -> Picture:
        source = self._source(path, sequence=True)
        if not 0 <= frame < source.facts.frames:
            raise RangeOutsideMedia(path, frame, frame + 1, source.facts.frames)
        found = self.cache.get((source.path, frame))
        if found is None:
            name = NumberedName.of(path)
            found = _read_still(path if name is None else name.path(frame), frame)
            if keep:
                self.cache.put((source.path, frame), found)
        return found

    # What is known of files

    def _source(self, path: Path, *, sequence: bool = False) -> _Source:
        """The file in use at `path`; taken up anew when it has changed on disk."""
        now = time.monotonic()
        source = self._sources.get(path)
        if source is not None and now - source.checked_s < (_CHECK_SEQUENCE_S if sequence else _CHECK_S):
            return source
        facts = self._facts_of(path, sequence)
        with self._lock:
            source = self._sources.get(path)
            if source is not None and source.facts.fingerprint == facts.fingerprint:
                source.checked_s = now
                return source
            changed = source is not None
            source = self._sources[path] = _Source(path, facts, now)
        if changed:
            self.readers.close_file(path)
            self._looks.close_file(path)
            self.cache.drop_file(path)
            self.sound.forget(path)
        return source

    def _sound_facts(self, path: Path) -> Facts:
        return self._source(path).facts


def _picture(source: _Source, number: int, frame: VideoFrame) -> Picture:
    facts = source.facts
    return Picture(frame, number, ColourTags.of(frame), facts.orientation, facts.sample_aspect)


def _threads(facts: Facts) -> int:
    """One for a small film of key pictures (a proxy): further threads only hold pictures back."""
    index = facts.index
    alone = index is not None and len(index.key_pts) == index.frames
    return 1 if alone and facts.width * facts.height <= _SMALL_PIXELS else _THREADS


def _threads_once(facts: Facts) -> int:
    """For going through a film once: few for what is soon decoded, since each holds back pictures."""
    return _THREADS_ONCE if facts.width * facts.height <= _FULL_HD_PIXELS else _threads(facts)


def _frame_bytes(facts: Facts) -> int:
    """About what one decoded picture takes: 4:2:0 below 10 bits, 4:2:2 in words above."""
    return max(1, facts.width * facts.height * (3 if facts.bits <= 8 else 8) // 2)


def _read_still(path: Path, number: int) -> Picture:
    try:
        pixels = read_picture(path)
    except NotAMediaFile:
        with VideoReader(path) as reader:  # DPX, OpenEXR and others that Pillow doesn't read
            frame = reader.frame(0)
            return Picture(frame, number, ColourTags.of(frame), UPRIGHT, Fraction(1))
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if pixels.shape[2] == 4 else "rgb24")
    return Picture(frame, number, ColourTags.of(frame), UPRIGHT, Fraction(1))
