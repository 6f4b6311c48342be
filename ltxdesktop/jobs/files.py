"""Media to an engine on another machine, and results from there, in pieces through the channel.

Each transfer is a generator that yields requests and is sent their replies, so that a script can wait for each and a
window can go on with each as it comes. A file has its name here only when it's whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Generator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from engine.protocol.messages import Done, FetchFile, FilePiece, FilePut, PutFile, Refused, Request, ResultFile
from engine.protocol.work import AnyWork
from ltxdesktop.jobs.channel import Arrival
from ltxdesktop.jobs.errors import TransferFailed

PIECE_BYTES = 1 << 20  # small enough that other messages don't wait long behind it, large enough for a fast line
NAMED_FILES = frozenset({"source", "file", "image", "attention_mask"})  # fields of work that name media of the person

T = TypeVar("T")
Talk: TypeAlias = Generator[tuple[Request, bytes], Arrival, T]


def putting(path: Path) -> Talk[str]:
    """Bring one file; returns its path on the engine's machine. Raises TransferFailed."""
    try:
        with path.open("rb") as file:
            name, size, offset = _name_there(path), os.fstat(file.fileno()).st_size, 0
            while True:
                piece = file.read(PIECE_BYTES)
                last = offset + len(piece) >= size
                arrival = yield PutFile(name=name, offset=offset, last=last), piece
                reply = _reply(arrival, FilePut, path.name)
                offset += len(piece)
                if last:
                    return reply.path
    except OSError as exc:
        raise TransferFailed(path.name, exc.strerror or str(exc)) from exc


def putting_all(work: AnyWork) -> Talk[AnyWork]:
    """Bring all media that a job names, each once; returns the work with their names there. Raises TransferFailed.

    The output folder is a folder here, so it's left to the engine where it writes.
    """
    there: dict[str, str] = {}
    for name in files_of(work):
        if name not in there:
            there[name] = yield from putting(Path(name))
    moved = cast(AnyWork, _renamed(work, there))
    return msgspec.structs.replace(moved, output=msgspec.structs.replace(moved.output, folder=""))


def fetching(job: str, file: ResultFile, target: Path) -> Talk[None]:
    """Get one file of a result to `target`. Raises TransferFailed."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as out:
            while True:
                asked = FetchFile(job=job, path=file.path, offset=out.tell(), size_bytes=PIECE_BYTES)
                arrival = yield asked, b""
                piece = _reply(arrival, FilePiece, target.name)
                assert isinstance(arrival.body, bytes)
                if piece.offset != out.tell() or (not arrival.body and out.tell() < piece.total_bytes):
                    raise TransferFailed(target.name, f"a piece is missing at byte {out.tell()}")
                out.write(arrival.body)
                if out.tell() >= piece.total_bytes:
                    break
        part.replace(target)
    except OSError as exc:
        raise TransferFailed(target.name, exc.strerror or str(exc)) from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def fetching_all(job: str, done: Done, folder: Path) -> Talk[Done]:
    """Get all files of a result into a folder; returns the result with their names here. Raises TransferFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise TransferFailed(folder.name, exc.strerror or str(exc)) from exc
    here: list[ResultFile] = []
    for file in done.result.files:
        target = folder / _bare(file.path)
        yield from fetching(job, file, target)
        here.append(msgspec.structs.replace(file, path=str(target)))
    return Done(result=msgspec.structs.replace(done.result, files=tuple(here)))


def with_folder(work: AnyWork, folder: Path) -> AnyWork:
    """The same work, with its results in a folder."""
    return msgspec.structs.replace(work, output=msgspec.structs.replace(work.output, folder=str(folder)))


def files_of(work: AnyWork) -> list[str]:
    """All media that a job names, in the order of its fields."""
    return list(_named(work))


def _named(value: object) -> Generator[str, None, None]:
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            inner = getattr(value, field)
            if isinstance(inner, str):
                if field in NAMED_FILES and inner:
                    yield inner
            else:
                yield from _named(inner)
    elif isinstance(value, tuple):
        for each in cast("tuple[object, ...]", value):
            yield from _named(each)


def _renamed(value: Any, there: Mapping[str, str]) -> Any:
    if isinstance(value, msgspec.Struct):
        changed: dict[str, Any] = {}
        for field in value.__struct_fields__:
            inner = getattr(value, field)
            if not isinstance(inner, str):
                changed[field] = _renamed(inner, there)
            elif field in NAMED_FILES and inner:
                changed[field] = there[inner]
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(_renamed(each, there) for each in cast("tuple[object, ...]", value))
    return value


def _name_there(path: Path) -> str:
    """A bare name that two files of the same name in different folders don't share, and that any system takes."""
    mark = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in path.name)
    return f"{mark}-{safe[-120:]}"


def _bare(path: str) -> str:
    """The last part of a path of another machine, whichever system that has; never a way out of a folder."""
    name = PureWindowsPath(path).name if "\\" in path and "/" not in path else PurePosixPath(path).name
    if name in {"", ".", ".."}:
        raise TransferFailed(path, "the engine gave it no name")
    return name


_R = TypeVar("_R", FilePut, FilePiece)


def _reply(arrival: Arrival, kind: type[_R], name: str) -> _R:
    if isinstance(arrival.event, Refused):
        raise TransferFailed(name, arrival.event.message)
    if not isinstance(arrival.event, kind):
        raise TransferFailed(name, f"the engine answered with {type(arrival.event).__name__}")
    return arrival.event
