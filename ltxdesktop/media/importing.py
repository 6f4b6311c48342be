"""From paths that a person dropped to media: folders are searched, numbered pictures become sequences."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from engine.media.errors import MediaError, NoSuchFile
from ltxdesktop.document.model import Media
from ltxdesktop.media.numbered import sequences
from ltxdesktop.media.workers import Token, Workers

# Files that lie beside media and are none: nobody wants to read about them after dropping a folder.
# fmt: off
_NEVER_MEDIA = frozenset({
    ".txt", ".md", ".json", ".xml", ".otio", ".srt", ".vtt", ".edl", ".fcpxml", ".csv", ".pdf", ".db", ".ini", ".html",
    ".thm", ".lrv", ".xmp", ".cube", ".safetensors", ".py", ".zip", ".part", ".log", ".sh", ".bat", ".exe", ".url",
    ".docx", ".xlsx", ".rtf", ".yaml", ".yml", ".toml", ".fcpbundle", ".prproj", ".drp", ".kdenlive", ".aep",
    ".sha256", ".md5", ".bin", ".sav", ".bak", ".tmp", ".ds_store", ".cpi", ".bdm", ".mpl", ".ifo", ".bup", ".ale",
})
# fmt: on


@dataclass(frozen=True)
class Gathered:
    """What lies at some paths. Whether each file is media shows when it's described."""

    files: tuple[Path, ...] = ()
    sequences: tuple[Path, ...] = ()  # the first picture of each
    folders: dict[Path, Path] = field(default_factory=dict[Path, Path])  # file -> the dropped folder it came from


class Imported(NamedTuple):
    """What became of one file: its media, or why it can't be used."""

    path: Path
    result: Media | MediaError
    folder: Path | None  # the dropped folder that it came from
    nth: int  # of `total`, from 1: how far the import is
    total: int


class Describe(Protocol):
    """`MediaFiles.describe`."""

    def __call__(self, path: Path, *, sequence: bool = False) -> Media: ...


class Imports:
    """Describes dropped files and folders in the background, several at a time and in the order they were dropped.

    Callbacks come on a thread of this object: pass them on by a signal.
    """

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self._workers = Workers(2, "import", in_order=True, polite=False)

    def close(self) -> None:
        self._workers.close()

    def finish(self) -> None:
        """Wait until everything is imported: for tests and commands without a window."""
        self._workers.finish()

    def request(
        self, place: Hashable, paths: Sequence[Path], found: Callable[[Imported], None], done: Callable[[], None]
    ) -> None:
        """Import what lies at `paths`: `found` for each file, then `done`, unless it's dropped before."""

        def work(token: Token) -> None:
            for imported in self._imported(paths):
                if token.cancelled:
                    return
                found(imported)
            if not token.cancelled:
                done()

        self._workers.put(place, work)

    def drop(self, place: Hashable) -> None:
        """Stop an import; what was found stays found."""
        self._workers.drop(place)

    def _imported(self, paths: Sequence[Path]) -> Iterator[Imported]:
        gone = [path for path in paths if not _is_there(path)]
        gathered = gather(path for path in paths if path not in gone)
        found = [*((path, False) for path in gathered.files), *((path, True) for path in gathered.sequences)]
        total = len(gone) + len(found)
        for nth, path in enumerate(gone, 1):
            yield Imported(path, NoSuchFile(path), None, nth, total)
        for nth, (path, sequence) in enumerate(found, len(gone) + 1):
            try:
                result: Media | MediaError = self._describe(path, sequence=sequence)
            except MediaError as exc:
                result = exc
            yield Imported(path, result, gathered.folders.get(path), nth, total)


def gather(paths: Iterable[Path]) -> Gathered:
    """The files of dropped paths, folders searched to the bottom, each file once.

    Hidden files and what is obviously no media are left out of folders; a file that was dropped itself stays in.
    Links to folders aren't followed. Raises NoSuchFile for a path that isn't there.
    """
    found: dict[Path, Path | None] = {}
    for path in paths:
        if _is_folder(path):
            for file in _files_in(path):
                found.setdefault(file, path)
        elif _is_there(path):
            found.setdefault(path, None)
        else:
            raise NoSuchFile(path)
    runs, single = sequences(found)
    return Gathered(
        tuple(single), tuple(run[0] for run in runs), {file: folder for file, folder in found.items() if folder}
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # not ours to look at, or no possible name: describing it says why
        return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _files_in(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.suffix.lower() not in _NEVER_MEDIA:
                yield path
