"""The preview ring: a file that both processes map, so that pictures needn't travel through a pipe.

One side writes (the engine), the other reads, on one machine. Nobody waits: the writer goes round the slots, and a
reader that was too slow finds another stamp and gets nothing. Not `multiprocessing.shared_memory`: on Python 3.11 a
process that only attaches removes the segment when it ends.
"""

import mmap
import os
import shutil
import stat
import struct
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from engine.protocol.errors import RingError
from engine.protocol.messages import Ring

FOLDER_PREFIX: Final = "ltxdesktop-previews-"
FILE_NAME: Final = "previews.ring"
SLOTS: Final = 4
SLOT_BYTES: Final = 8 << 20  # one 1080p RGB picture is 6.2 MB; larger ones are sent as smaller ones

_SLOT_HEAD: Final = struct.Struct("<QQ")  # stamp (0 while being written), bytes used
_PAGE: Final = 4096  # slots begin at multiples of this


def _stride(slot_bytes: int) -> int:
    """Bytes from one slot to the next: a page for the head, then the pixels in whole pages."""
    return _PAGE + (slot_bytes + _PAGE - 1) // _PAGE * _PAGE


class RingWriter:
    """The engine's end. Owns a fresh private folder (0700) with the ring file in it, and removes both on close."""

    def __init__(self, slots: int = SLOTS, slot_bytes: int = SLOT_BYTES, parent: Path | None = None) -> None:
        """Make folder and file, with all bytes reserved, so that a full disk is told now and not by a signal later.

        `parent` None means the person's runtime folder (in memory on Linux), else the temporary folder.
        Raises RingError.
        """
        self.slots = slots
        self.slot_bytes = slot_bytes
        self._next_stamp = 1
        size = slots * _stride(slot_bytes)
        self.folder = _private_folder(parent, size)
        self.path = self.folder / FILE_NAME
        try:
            with self.path.open("xb+") as file:
                os.chmod(self.path, stat.S_IRUSR | stat.S_IWUSR)  # noqa: PTH101  (the same on every system)
                _reserve(file.fileno(), size)
                self._map = mmap.mmap(file.fileno(), size)
        except OSError as exc:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise RingError(f"no preview ring of {size} bytes in {self.folder}: {exc}") from exc
        self._view = memoryview(self._map)

    @property
    def description(self) -> Ring:
        """What the hello says about it."""
        return Ring(path=str(self.path), slots=self.slots, slot_bytes=self.slot_bytes)

    def write(self, pixels: bytes | bytearray | memoryview) -> tuple[int, int]:
        """Copy one picture into the next slot; return (slot, stamp) for the message.

        `pixels` must be contiguous and at most `slot_bytes` long: RingError otherwise.
        """
        source = memoryview(pixels).cast("B")
        if source.nbytes > self.slot_bytes:
            raise RingError(f"a picture of {source.nbytes} bytes doesn't fit a slot of {self.slot_bytes} bytes")
        stamp = self._next_stamp
        self._next_stamp += 1
        slot = stamp % self.slots
        at = slot * _stride(self.slot_bytes)
        _SLOT_HEAD.pack_into(self._view, at, 0, 0)
        self._view[at + _PAGE : at + _PAGE + source.nbytes] = source
        _SLOT_HEAD.pack_into(self._view, at, stamp, source.nbytes)
        return slot, stamp

    def close(self) -> None:
        """Unmap, and remove file and folder. A reader that still has it mapped keeps its own view."""
        self._view.release()
        self._map.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class RingReader:
    """The app's end: opens the ring that an engine's hello names."""

    def __init__(self, ring: Ring) -> None:
        """Map the file read-only. Raises RingError when it isn't there or isn't as large as it should be."""
        self.slots = ring.slots
        self.slot_bytes = ring.slot_bytes
        size = ring.slots * _stride(ring.slot_bytes)
        try:
            with Path(ring.path).open("rb") as file:
                self._map = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as exc:
            raise RingError(f"the preview ring {ring.path} can't be opened: {exc}") from exc
        self._view = memoryview(self._map)
        self._closed = False

    def read(self, slot: int, stamp: int) -> bytes | None:
        """Return a copy of the picture, or None when the writer has been here again (or the numbers are wrong)."""
        size = self._bytes_of(slot, stamp)
        if size is None:
            return None
        at = slot * _stride(self.slot_bytes) + _PAGE
        pixels = bytes(self._view[at : at + size])
        return pixels if self._bytes_of(slot, stamp) == size else None

    def holds(self, slot: int, stamp: int) -> bool:
        """Whether the picture with this stamp is still there."""
        return self._bytes_of(slot, stamp) is not None

    def lend(self, slot: int, stamp: int) -> memoryview | None:
        """The picture where it lies, to make something of it without another copy; None when it's gone.

        Release it soon. What was made of it counts only if the ring `holds` the picture still, afterwards.
        """
        size = self._bytes_of(slot, stamp)
        at = slot * _stride(self.slot_bytes) + _PAGE
        return None if size is None else self._view[at : at + size]

    def close(self) -> None:
        """Unmap; nothing is held any more."""
        self._closed = True
        self._view.release()
        self._map.close()

    def _bytes_of(self, slot: int, stamp: int) -> int | None:
        """Size of the picture with this stamp, in bytes; None when it isn't there (any more)."""
        if self._closed or not 0 <= slot < self.slots or stamp <= 0:
            return None
        there, size = _SLOT_HEAD.unpack_from(self._view, slot * _stride(self.slot_bytes))
        return size if there == stamp and size <= self.slot_bytes else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def remove_leftover(ring_path: Path) -> bool:
    """Remove the ring of an engine that was killed; return whether it was there and ours.

    Only a folder that `RingWriter` could have made is touched: right names, a true folder, belonging to this person.
    """
    folder = ring_path.parent
    if ring_path.name != FILE_NAME or not folder.name.startswith(FOLDER_PREFIX):
        return False
    try:
        facts = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(facts.st_mode) or (sys.platform != "win32" and facts.st_uid != os.getuid()):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _private_folder(parent: Path | None, size: int) -> Path:
    """Make a new folder that only this person may enter, where there is room for `size` bytes. Raises RingError."""
    candidates = [parent] if parent is not None else [_runtime_folder(), Path(tempfile.gettempdir())]
    problem: OSError | None = None
    for candidate in candidates:
        if candidate is None:
            continue
        try:
            if shutil.disk_usage(candidate).free < size:
                continue
            return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=candidate))  # mkdtemp makes it 0700
        except OSError as exc:
            problem = exc
    raise RingError(f"no folder has room for a preview ring of {size} bytes") from problem


def _runtime_folder() -> Path | None:
    """The person's own folder in memory, where the system has one."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    return Path(named) if named else None


def _reserve(fd: int, size: int) -> None:
    """Give the file its size with real blocks behind it where the system can do that. Raises OSError."""
    if sys.platform == "linux":
        os.posix_fallocate(fd, 0, size)
    else:
        os.truncate(fd, size)
