"""Files with FFmpeg, safely: any name, local ones only, errors in this room's words, nothing half left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, overload

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import DecoderNotFoundError, FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from .errors import (
    CorruptMedia,
    DiskFull,
    EmptyFile,
    MediaError,
    NoAudio,
    NoSuchFile,
    NotAMediaFile,
    NotReadable,
    NotWritable,
    NoVideo,
    UnsupportedCodec,
    is_disk_full,
)

# Playlists and scripts make FFmpeg open other files (and hosts) that the person never chose.
REFUSED_FORMATS = frozenset({"hls", "concat", "dash", "sdp", "imf", "rtsp", "rtp", "webvtt", "ffmetadata", "tty"})

_NO_ROOM_BYTES: Final = 1 << 16  # less than this is a full disk

# Demuxers of this family show one picture.
STILL_FORMATS = frozenset({"image2"})


def is_still_format(name: str) -> bool:
    """Whether a format, by FFmpeg's name, is that of single pictures."""
    return name in STILL_FORMATS or name.endswith("_pipe")


def open_container(path: Path, files: ExitStack) -> InputContainer:
    """Open `path` for reading; `files` closes whatever else had to be opened for it.

    Raises NoSuchFile, NotReadable, EmptyFile, NotAMediaFile, CorruptMedia, UnsupportedCodec.
    """
    check_readable(path)
    # An absolute name can't be taken for a protocol ("a:b.mp4") or an option ("-x"). A "%" in a picture's name would
    # be taken for a sequence pattern ("100%d.png"), so those files are handed over opened.
    target: str | IO[bytes] = str(path.absolute())
    if "%" in path.name:
        target = files.enter_context(path.open("rb"))
    try:
        container = av.open(target, "r", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (FFmpegError, ValueError, OSError) as exc:
        raise _opening_error(path, exc) from exc
    if container.format.name in REFUSED_FORMATS:
        name = container.format.name
        container.close()
        raise NotAMediaFile(path, f"it is a list or script ({name}) that only points at other files")
    return container


@contextmanager
def opened(path: Path) -> Generator[InputContainer]:
    """`open_container` for the length of a block. Read what you need before the block ends: PyAV's stream objects
    must not be touched after their container is closed (18.1 reads freed memory)."""
    with ExitStack() as files:
        container = open_container(path, files)
        try:
            yield container
        finally:
            container.close()


@overload
def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]: ...
@overload
def packets_of(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]: ...
def packets_of(container: InputContainer, stream: VideoStream | AudioStream) -> Iterator[Packet[Any]]:
    """The stream's packets from where the container stands, and the empty one that makes the decoder give the rest.

    WORKAROUND: PyAV 18.1 ends with IndexError, after that last packet, when a stream appeared in mid-file (MPEG-TS does
    that): container/input.py, demux, loops over streams it has no objects for. Can go when that loop is mended.
    """
    try:
        yield from container.demux(stream)
    except IndexError:
        return


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream that is meant by "the picture": the default one; never the cover art of a song.

    Raises NoVideo, UnsupportedCodec.
    """
    streams = [s for s in container.streams.video if not _disposition(s) & Disposition.attached_pic]
    if not streams:
        raise NoVideo(path)
    chosen = next((s for s in streams if _disposition(s) & Disposition.default), streams[0])
    _check_decoder(chosen, path)
    return chosen


def sound_stream(container: InputContainer, path: Path, track: int = 0) -> AudioStream:
    """Sound stream number `track` of the file. Raises NoAudio, UnsupportedCodec."""
    streams = container.streams.audio
    if not 0 <= track < len(streams):
        raise NoAudio(path)
    _check_decoder(streams[track], path)
    return streams[track]


def decoder_name(stream: Stream) -> str | None:
    """The codec's name; None where no decoder is installed."""
    try:
        return stream.codec_context.name
    except (AttributeError, RuntimeError):
        return None


def _disposition(stream: Stream) -> int:
    return int(stream.disposition)


def _check_decoder(stream: Stream, path: Path) -> None:
    if decoder_name(stream) is None:
        tag = getattr(stream, "codec_tag", None)
        raise UnsupportedCodec(path, str(tag or "unknown"))


def check_readable(path: Path) -> None:
    """Raises NoSuchFile, NotReadable, EmptyFile, NotAMediaFile for what can't be a media file, whatever is in it."""
    try:
        if path.is_dir():
            raise NotAMediaFile(path, "it is a folder")
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write into it
            raise NotAMediaFile(path, "it is a device or a pipe")
        with path.open("rb") as file:
            if not file.read(1):
                raise EmptyFile(path)
    except FileNotFoundError:
        raise NoSuchFile(path) from None
    except PermissionError as exc:
        raise NotReadable(path) from exc
    except MediaError:
        raise
    except (OSError, ValueError) as exc:  # e.g. a name too long, a NUL in it, a failing disk
        raise NotAMediaFile(path, f"it can't be read ({exc})") from exc


def _opening_error(path: Path, exc: Exception) -> MediaError:
    if isinstance(exc, DecoderNotFoundError):
        return UnsupportedCodec(path, "unknown")
    with path.open("rb") as file:
        start = file.read(12)
    known_starts = (b"\x1aE\xdf\xa3", b"RIFF", b"OggS", b"\xff\xd8\xff", b"\x89PNG", b"fLaC", b"FLV")
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") or start.startswith(known_starts):
        return CorruptMedia(path, "it starts like a media file, but its description of the contents is missing")
    return NotAMediaFile(path)


# Writing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """Around everything that writes for the file `path`: on an error `abort` is called, and it is raised in our words.

    Raises DiskFull, NotWritable; errors of this room pass as they are.
    """

    path: Path
    abort: Callable[[], None]

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if exc is None:
            return False
        full = is_disk_full(exc)
        full = full or (isinstance(exc, MediaError) and _no_space_left(self.path.parent))
        self.abort()
        if full:
            raise DiskFull(self.path) from exc
        if isinstance(exc, OSError) and not isinstance(exc, MediaError):
            raise NotWritable(self.path, os.strerror(exc.errno) if exc.errno else str(exc)) from exc
        if isinstance(exc, FFmpegError):
            raise NotWritable(self.path, str(exc)) from exc
        return False


def flush_to_disk(path: Path) -> None:
    """fsync a file, or the names in a folder where the system can. Raises OSError for files alone."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError:
        if not is_folder:  # some network file systems refuse folders; what was renamed there is renamed all the same
            raise
    finally:
        os.close(handle)


def _no_space_left(folder: Path) -> bool:
    """After a failed check: was it the disk? FFmpeg's muxers do not report every failed write."""
    with contextlib.suppress(OSError, AttributeError):
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize < _NO_ROOM_BYTES
    return False
