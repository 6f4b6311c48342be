"""Pieces of files through the channel, for a client on another machine: media come in, results go out."""

import os
from pathlib import Path

from engine.protocol.messages import Done, FetchFile, FilePiece, FilePut, JobState, PutFile


class FileRefused(Exception):
    """The piece can't be taken or given; the message says why."""


class Inbox:
    """The folder in which files from a client on another machine arrive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, asked: PutFile, piece: bytes) -> FilePut:
        """Add a piece; the file has its final name once the last one is there. Raises FileRefused, OSError."""
        if asked.name in {".", ".."} or any(letter in asked.name for letter in '/\\:*?"<>|\0'):
            raise FileRefused(f"{asked.name!r} is no bare file name")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        whole = self._folder / asked.name
        part = self._folder / f"{asked.name}.part"
        with part.open("wb" if asked.offset == 0 else "ab") as file:
            here = file.tell()
            if here != asked.offset:
                raise FileRefused(f"a piece for byte {asked.offset} of {asked.name}, of which {here} bytes are here")
            file.write(piece)
        if asked.last:
            part.replace(whole)
        return FilePut(call=asked.call, path=str(whole), size_bytes=asked.offset + len(piece))


def fetch(asked: FetchFile, state: JobState) -> tuple[FilePiece, bytes]:
    """Read a piece of a file that the job's result names. Raises FileRefused, OSError."""
    if not isinstance(state, Done) or all(file.path != asked.path for file in state.result.files):
        raise FileRefused(f"{asked.path} is no result of job {asked.job}")
    with Path(asked.path).open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        file.seek(asked.offset)
        piece = file.read(asked.size_bytes)
    return FilePiece(call=asked.call, path=asked.path, offset=asked.offset, total_bytes=total), piece
