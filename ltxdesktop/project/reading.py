"""A project file read: its document with everything set right, or its newest backup that is whole."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.media.errors import shown
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.mending import mended
from ltxdesktop.document.otio.read import NotAProject, Reading, from_text
from ltxdesktop.document.otio.upgrades import NewerProject
from ltxdesktop.project.backups import backups_in
from ltxdesktop.project.errors import BrokenProject, NoSuchProject, NotReadable, ProjectError, reason
from ltxdesktop.project.places import Places

_BOM: Final = b"\xef\xbb\xbf"  # some tools on Windows begin a text with it
_NOTES_SHOWN: Final = 4  # of what was set right in a damaged file


def read_project(path: Path) -> Reading:
    """What a project file (or a backup) holds, without opening it for editing.

    Raises NoSuchProject, NotReadable, BrokenProject.
    """
    return reading_of(path, bytes_of(path))


def bytes_of(path: Path) -> bytes:
    """Raises NoSuchProject, NotReadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NoSuchProject(path) from None
    except IsADirectoryError:
        raise NotReadable(path, "it is a folder") from None
    except OSError as error:
        raise NotReadable(path, reason(error)) from error


def reading_of(path: Path, data: bytes) -> Reading:
    """What a file holds, with what breaks the rules of a document set right and said. Raises BrokenProject."""
    try:
        reading = from_text(data.removeprefix(_BOM).decode("utf-8"))
        document, notes = mended(reading.document)
    except UnicodeDecodeError:
        raise BrokenProject(path, "It is no text, so no OpenTimelineIO file either.") from None
    except (NotAProject, NewerProject) as error:
        raise BrokenProject(path, str(error)) from error
    except BrokenDocument as error:
        raise BrokenProject(path, f"Its parts don't fit together: {error.problems[0]}.") from error
    if not notes:
        return replace(reading, document=document)
    shown_notes = " ".join(notes[:_NOTES_SHOWN])
    more = f" And {len(notes) - _NOTES_SHOWN} more things." if len(notes) > _NOTES_SHOWN else ""
    note = (
        f"Parts of {shown(path)} were set right. {shown_notes}{more} The file itself is kept as a backup when you save."
    )
    return replace(reading, document=document, notes=(note, *reading.notes))


def reading_or_backup(path: Path, data: bytes, places: Places | None) -> tuple[Reading, bytes]:
    """What the file holds, or the newest backup that can be read if it is damaged; and the bytes that were read."""
    try:
        return reading_of(path, data), data
    except BrokenProject as error:
        if isinstance(error.__cause__, NewerProject):
            raise
        for backup in backups_in(places.backups) if places is not None else []:
            with contextlib.suppress(ProjectError):
                used = bytes_of(backup.path)
                reading = reading_of(backup.path, used)
                note = (
                    f"{shown(path)} is damaged; this is its backup of {backup.at.astimezone():%d %B %H:%M}. "
                    "The damaged file is kept among the backups when you save."
                )
                return replace(reading, notes=(note, *reading.notes)), used
        raise


def candidates(path: Path, data: bytes, places: Places) -> list[tuple[Path, bytes]]:
    """The files that edits in a journal may come on top of: the project's, which holds `data`, and its backups."""
    found = [(path, data)]
    for backup in backups_in(places.backups):
        with contextlib.suppress(OSError):
            found.append((backup.path, backup.path.read_bytes()))
    return found
