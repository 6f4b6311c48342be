"""Open decoders for everybody: the picture of frame n and the samples of a range of any file, exact and fast.

Render, playback and thumbnails share one `Decoders`. It keeps files open, goes on decoding where a caller goes on
asking, and keeps pictures that may be asked for next: those just shown, and, when somebody stands still or steps back,
those before them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from av import VideoFrame

from engine.media.colour import ColourTags
from engine.media.decode import Samples, VideoReader
from engine.media.errors import CorruptMedia, MediaError, NoVideo, RangeOutsideMedia
from ltxdesktop.document.model import Media, MediaKind
from ltxdesktop.media import heap
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.numbered import NumberedName
from ltxdesktop.media.pictures import FrameCache, Picture, read_still
from ltxdesktop.media.readers import THREADS, Readers, Source, picture_bytes, threads_once
from ltxdesktop.media.references import References
from ltxdesktop.media.sound import SoundBlocks
from ltxdesktop.media.workers import Token, Workers

_IDLE_LOANS: Final = 12  # pictures of other films; cuts to and fro are rarely faster, and a decoder holds 30 to 80 MB
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
            self.readers = Readers(reader_bytes, _IDLE_LOANS, self._let_go, threads_once)
        else:
            self.readers = Readers(reader_bytes)
        self._looks = Readers(reader_bytes // 8)  # of single looks, so that they don't move a playing reader
        self._references = References()
        self._lock = threading.Lock()
        self._prepared = threading.Condition()  # notified for each picture that the background has made ready
        self._coming: tuple[Path, int, int] | None = None  # what it's at: a file, its pictures first to last
        self._sources: dict[Path, Source] = {}
        self._behind = Workers(1, "pictures before", polite=False)  # somebody may wait for it
        self._thrift = heap.Thrift()
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
        frame = source.facts.own_frame(frame, media.rate)
        if not original and self._proxies is not None:
            found = self._proxy_picture(source, frame, self._proxies, keep=keep)
            if found is not None:
                return found
        return self._film(source, source.facts.stored_frame(frame), keep=keep)

    # Pictures of films

    def _proxy_picture(self, source: Source, frame: int, proxies: ProxySource, *, keep: bool) -> Picture | None:
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

    def _film(self, source: Source, stored: int, *, keep: bool) -> Picture:
        found = self.cache.get((source.path, stored))
        if keep:
            return self._followed(source, stored, found)
        return found or self._decoded(source, stored, self._looks)

    def _followed(self, source: Source, stored: int, found: Picture | None) -> Picture:
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

    def _decoded(self, source: Source, stored: int, readers: Readers | None = None) -> Picture:
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

    def _keep_recent(self, source: Source, picture: Picture) -> None:
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

    def _make_ready(self, source: Source, stored: int, delay_s: float) -> None:
        """Have the pictures before `stored` decoded in the background, if stepping to them would be slow."""
        missing = self._missing_before(source, stored)
        if missing is None or self._is_coming(source, missing):
            return

        def work(token: Token) -> None:
            if delay_s and token.wait(delay_s):
                return
            before, wanted = None, self._missing_before(source, stored)
            while wanted not in (None, before) and not token.cancelled:  # the same again: larger than the cache
                self._prepare(source, wanted, token)
                before, wanted = wanted, self._missing_before(source, stored)
            self._thrift.give_back()  # of the decoder and of the pictures that went for these

        self._behind.put("before", work)

    def _missing_before(self, source: Source, stored: int) -> int | None:
        """The nearest picture before `stored` that isn't ready and takes long."""
        if source.facts.index is None:
            return None
        near = range(stored - 1, max(-1, stored - 1 - _READY_FRAMES), -1)
        return next((n for n in near if not self.cache.has((source.path, n)) and not self._is_cheap(source, n)), None)

    def _prepare(self, source: Source, last: int, token: Token) -> None:
        """`_filled` in the background, with `_coming` saying so."""
        with self._prepared:
            self._coming = (source.path, self._first_kept(source, last), last)
        try:
            self._filled(source, last, token)
        finally:
            with self._prepared:
                self._coming = None
                self._prepared.notify_all()

    def _is_coming(self, source: Source, stored: int) -> bool:
        coming = self._coming
        return coming is not None and coming[0] == source.path and coming[1] <= stored <= coming[2]

    def _awaited(self, source: Source, stored: int) -> Picture | None:
        """The picture that the background is decoding right now; None when it isn't."""
        key = (source.path, stored)
        with self._prepared:
            self._prepared.wait_for(lambda: self.cache.has(key) or not self._is_coming(source, stored))
        return self.cache.get(key)

    def _is_cheap(self, source: Source, stored: int) -> bool:
        return stored - self._decodes_from(source, stored) < _CHEAP_FRAMES

    def _first_kept(self, source: Source, last: int) -> int:
        """Where the part of a group begins that fits into the cache beside the pictures shown now."""
        room = max(1, self.cache.limit_bytes // 2 // picture_bytes(source.facts))
        return max(self._decodes_from(source, last), last - room + 1)

    def _filled(self, source: Source, last: int, token: Token) -> Picture:
        """Decode the group that ends with picture `last`, keep as much of it as the cache takes, return `last`."""
        found = None
        with VideoReader(source.path, source.facts.index, threads=THREADS) as reader:
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

    def _decodes_from(self, source: Source, stored: int) -> int:
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
            found = read_still(path, number)
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
            found = read_still(path if name is None else name.path(frame), frame)
            if keep:
                self.cache.put((source.path, frame), found)
        return found

    # What is known of files

    def _source(self, path: Path, *, sequence: bool = False) -> Source:
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
            source = self._sources[path] = Source(path, facts, now)
        if changed:
            self.readers.close_file(path)
            self._looks.close_file(path)
            self.cache.drop_file(path)
            self.sound.forget(path)
        return source

    def _sound_facts(self, path: Path) -> Facts:
        return self._source(path).facts


def _picture(source: Source, number: int, frame: VideoFrame) -> Picture:
    facts = source.facts
    return Picture(frame, number, ColourTags.of(frame), facts.orientation, facts.sample_aspect)
