"""Small stand-ins for heavy films: the same pictures by number, each decodable alone. Never used for an export."""

# PyAV's stubs leave the parameter of Packet and the keywords of add_stream open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from engine.media.colour import ColourTags, Matrix, from_rgb
from engine.media.decode import VideoReader
from engine.media.errors import (
    CorruptMedia,
    DiskFull,
    MediaError,
    NotWritable,
    NoVideo,
    ResultCheckFailed,
    is_disk_full,
)
from ltxdesktop.media.decoders import FactsOf
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.workers import Token, Workers

_log = logging.getLogger(__name__)

_SHORT_SIDE: Final = 720  # sizes are halved until the shorter side is no longer than this
_PART_AGE_S: Final = 600  # a half file that nobody wrote to for so long belongs to a program that is gone
_SUFFIX: Final = ".mp4"
_PART: Final = ".part"
_THREADS: Final = min(4, os.cpu_count() or 1)

# All key pictures, no arithmetic coding and no loop filter: small enough, and 1 to 3 ms each to decode.
_OPTIONS: Final = {"crf": "24", "preset": "superfast", "tune": "fastdecode", "g": "1", "bf": "0"}

Progress = Callable[[float], None]
Done = Callable[[Path | MediaError], None]


class Proxies:
    """Makes proxies one after the other in the order they were asked for, and finds those that are there.

    A proxy has one picture for each frame of the media at their constant rate, and no sound: sound always comes from
    the original. Its name holds the original's path, size and time of change, so that a changed original has none.
    `enabled` switches their use, not their making. Callbacks come on a thread of this object.
    """

    def __init__(self, facts_of: FactsOf, folder: Path, *, limit_bytes: int = 20 << 30) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.enabled = True
        self._facts_of = facts_of
        self._workers = Workers(1, "proxies", in_order=True)
        self._lock = threading.Lock()
        self._found: dict[Path, tuple[Facts, Path | None]] = {}
        self._remove_half_files()

    def close(self) -> None:
        """Stop what is being made; it starts anew when it's asked for again."""
        self._workers.close()

    def finish(self) -> None:
        """Wait until all are made: for tests and commands without a window."""
        self._workers.finish()

    def proxy_of(self, path: Path) -> Path | None:
        """The stand-in for the picture of a film, if there's a whole one and `enabled`. Quick when asked again."""
        return self.existing(path) if self.enabled else None

    def existing(self, path: Path) -> Path | None:
        """The same, whether or not they're used."""
        try:
            facts = self._facts_of(path, False)
        except MediaError:
            return None
        with self._lock:
            known = self._found.get(path)
        if known is not None and known[0] is facts:
            return known[1]
        proxy = self._whole(self._path(path, facts), facts)
        with self._lock:
            self._found[path] = (facts, proxy)
        return proxy

    def locate(self, path: Path) -> Path:
        """The file to take the picture from: the proxy, else the original."""
        return self.proxy_of(path) or path

    def request(self, path: Path, done: Done, progress: Progress | None = None) -> None:
        """Have a proxy made; `progress` gets the share that is done (0..1). A cancelled one calls neither."""

        def work(token: Token) -> None:
            try:
                found: Path | MediaError | None = self.make(path, progress, token)
            except MediaError as exc:
                found = exc
            if found is not None and not token.cancelled:
                done(found)

        self._workers.put(path, work)

    def cancel(self, path: Path) -> None:
        """Stop making the proxy of a file, or don't begin."""
        self._workers.drop(path)

    def is_wanted(self, path: Path) -> bool:
        """Is its proxy being made, or waiting for that?"""
        return self._workers.has(path)

    def set_aside(self, path: Path) -> None:
        """The proxy of this original turned out to be broken: don't use it again."""
        with self._lock:
            facts, proxy = self._found.get(path, (None, None))
            if facts is not None:
                self._found[path] = (facts, None)
        if proxy is not None:
            _log.info("a proxy was broken and is set aside: %s", proxy)
            with contextlib.suppress(OSError):
                proxy.replace(proxy.with_suffix(".broken"))

    def remove(self, path: Path) -> None:
        """Delete the proxy of a file. Close it in the decoders first: Windows refuses while it's open."""
        self.cancel(path)
        facts = self._facts_of(path, False)
        with contextlib.suppress(OSError):
            self._path(path, facts).unlink(missing_ok=True)
        with self._lock:
            self._found.pop(path, None)

    def clear(self) -> list[Path]:
        """Delete all but what is being written; the files that were there. An open one goes when it's closed (on
        Windows it stays)."""
        with self._lock:
            self._found.clear()
        gone: list[Path] = []
        for file, _ in list(self._files()):
            if file.suffix != _PART:
                with contextlib.suppress(OSError):
                    file.unlink()
                    gone.append(file)
        return gone

    def size_bytes(self) -> int:
        """What the folder takes now."""
        return sum(stat.st_size for _, stat in self._files())

    def make(self, path: Path, progress: Progress | None = None, token: Token | None = None) -> Path | None:
        """Make the proxy now, if it isn't there. None when cancelled.

        Raises NoVideo, CorruptMedia where a picture can't be decoded, DiskFull, NotWritable, ResultCheckFailed.
        """
        facts = self._facts_of(path, False)
        target = self._path(path, facts)
        if self._whole(target, facts) is None:
            part = target.with_name(f"{secrets.token_hex(6)}{_PART}")
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if not write_proxy(path, facts, part, progress, token or Token()):
                    return None
                self._check(path, facts, part)
                part.replace(target)
            except OSError as exc:
                if isinstance(exc, MediaError):
                    raise
                raise (DiskFull(target) if is_disk_full(exc) else NotWritable(target, str(exc))) from exc
            finally:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
            self._make_room(target)
        with self._lock:
            self._found[path] = (facts, target)
        return target

    def _path(self, path: Path, facts: Facts) -> Path:
        name = f"{path.absolute()}|{facts.fingerprint}".encode("utf-8", "surrogatepass")
        return self.folder / (hashlib.sha256(name).hexdigest()[:40] + _SUFFIX)

    def _whole(self, proxy: Path, facts: Facts) -> Path | None:
        """The proxy if it's there and has every frame."""
        if not proxy.is_file():
            return None
        try:
            whole = _fits(self._facts_of(proxy, False), facts)
        except MediaError:
            whole = False
        with contextlib.suppress(OSError):
            if not whole:
                _log.info("a proxy was broken and is set aside: %s", proxy)
                proxy.replace(proxy.with_suffix(".broken"))
                return None
            os.utime(proxy, ns=(time.time_ns(), proxy.stat().st_mtime_ns))  # when it was used: what goes first
        return proxy if whole else None

    def _check(self, path: Path, facts: Facts, part: Path) -> None:
        found = self._facts_of(part, False)
        if not _fits(found, facts):
            raise ResultCheckFailed(path, "frames of its proxy", facts.frames, found.frames)

    def _make_room(self, newest: Path) -> None:
        files = sorted((stat.st_atime_ns, stat.st_size, file) for file, stat in self._files())
        total = sum(size for _, size, _ in files)
        for _, size, file in files:
            if total <= self.limit_bytes:
                break
            if file != newest:
                with contextlib.suppress(OSError):
                    file.unlink()
                    total -= size
        with self._lock:
            self._found = {path: entry for path, entry in self._found.items() if entry[1] and entry[1].is_file()}

    def _remove_half_files(self) -> None:
        """Of programs that were ended in the middle. What another one is writing now is young."""
        for file, stat in self._files():
            if file.suffix == _PART and time.time() - stat.st_mtime > _PART_AGE_S:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                with contextlib.suppress(OSError):
                    yield Path(entry.path), entry.stat()


def write_proxy(path: Path, facts: Facts, target: Path, progress: Progress | None, token: Token) -> bool:
    """Write the proxy of a film to `target` (MP4 by content, whatever its name). False when cancelled.

    Stored like the original: not turned, not stretched, its matrix and range. Raises the errors of decoding, OSError.
    """
    if facts.index is None:
        raise NoVideo(path)
    try:
        with VideoReader(path, facts.index, threads=_THREADS) as reader, av.open(str(target), "w", format="mp4") as out:
            stream: VideoStream | None = None
            for number, frame in _pictures(reader, facts):
                if token.cancelled:
                    return False
                small = _small(frame)
                if stream is None:
                    stream = out.add_stream("libx264", rate=facts.rate, options=dict(_OPTIONS))
                    _describe(stream, small, facts.rate)
                small.pts, small.time_base, small.pict_type = number, 1 / facts.rate, 0
                out.mux(stream.encode(small))
                if progress is not None and number % 16 == 0:
                    progress(number / facts.frames)
            if stream is not None:
                out.mux(stream.encode(None))
    except (FFmpegError, ValueError) as exc:
        if isinstance(exc, OSError):
            raise
        raise NotWritable(target, str(exc)) from exc
    return True


def _pictures(reader: VideoReader, facts: Facts) -> Iterator[tuple[int, VideoFrame]]:
    """(frame, its stored picture) for all frames of the media; a picture that is shown longer comes several times.

    A damaged picture is replaced by the one before it, so that the others keep their numbers.
    """
    last: tuple[int, VideoFrame] | None = None
    for number in range(facts.frames):
        stored = facts.stored_frame(number)
        if last is None or last[0] != stored:
            try:
                last = stored, reader.frame(stored)
            except CorruptMedia:
                if last is None:
                    raise
                last = stored, last[1]
        yield number, last[1]


def proxy_size(width: int, height: int) -> tuple[int, int]:
    """The stored size of a proxy: halved until the shorter side fits, then up to even numbers."""
    while min(width, height) > _SHORT_SIDE:
        width, height = (width + 1) // 2, (height + 1) // 2
    return width + width % 2, height + height % 2


def _small(frame: VideoFrame) -> VideoFrame:
    tags = ColourTags.of(frame)
    matrix, full = tags.used_matrix, tags.full_range
    if matrix is Matrix.RGB:
        frame = from_rgb(frame, "yuv444p")
        matrix, full = Matrix.BT709, False
    width, height = proxy_size(frame.width, frame.height)
    form = "yuvj420p" if full else "yuv420p"
    small = frame.reformat(width, height, format=form, interpolation=Interpolation.BICUBIC)
    small.colorspace, small.color_range = int(matrix), 2 if full else 1
    small.color_primaries, small.color_trc = tags.primaries, tags.transfer
    return small


def _describe(stream: VideoStream, frame: VideoFrame, rate: Fraction) -> None:
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
    stream.time_base = context.time_base = 1 / rate
    stream.thread_type = "AUTO"
    context.thread_count = _THREADS
    context.colorspace, context.color_range = int(frame.colorspace), int(frame.color_range)
    context.color_primaries, context.color_trc = int(frame.color_primaries), int(frame.color_trc)


def _fits(proxy: Facts, original: Facts) -> bool:
    return proxy.frames == original.frames and (original.frames < 2 or proxy.rate == original.rate)
