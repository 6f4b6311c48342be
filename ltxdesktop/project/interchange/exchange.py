"""The door of this room: the formats there are, and one function each way, by a file's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from engine.media.errors import MediaError
from engine.media.probe import probe
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.mending import mended
from ltxdesktop.document.model import Document, Sequence, SequenceId
from ltxdesktop.document.time import parse_rate
from ltxdesktop.project.atomic import write_atomically
from ltxdesktop.project.errors import BrokenProject, NoSuchProject, NotReadable, reason
from ltxdesktop.project.interchange.common import ExchangeError, Exported, Imported, Locate
from ltxdesktop.project.interchange.edl import guessed_edl_rate, may_count_in, read_edl, said_edl_rate, write_edl
from ltxdesktop.project.interchange.fcp7 import write_fcp7
from ltxdesktop.project.interchange.fcp7_read import read_fcp7
from ltxdesktop.project.interchange.fcpxml import write_fcpxml
from ltxdesktop.project.places import as_written, with_paths
from ltxdesktop.project.reading import read_project

_FILES_ASKED: Final = 20  # of an edit list, for their rate


@dataclass(frozen=True, slots=True)
class Format:
    """A format of other programs, for the dialogs."""

    name: str
    ending: str
    write: Callable[[Document, Sequence, Locate], Exported] | None = None


FORMATS: Final = (
    Format("OpenTimelineIO", ".otio"),  # writing is Project.save_copy
    Format("Final Cut Pro 7 XML", ".xml", write_fcp7),
    Format("CMX 3600 edit list", ".edl", write_edl),
    Format("Final Cut Pro X XML", ".fcpxml", write_fcpxml),
)


def format_of(path: Path) -> Format | None:
    """The format that a file name's ending stands for."""
    return next((known for known in FORMATS if known.ending == path.suffix.lower()), None)


def import_film(path: Path, folder: Path, *, rate: Fraction | None = None) -> Imported:
    """The film in another program's file. `folder` is the project's: media paths are said from there.

    An edit list of another program doesn't say its rate: give `rate`, or it's that of the files that the list names,
    else what it seems to count in. Files that a list names without a folder are looked for beside it. Raises
    NoSuchProject, NotReadable, BrokenProject, ExchangeError.
    """
    match path.suffix.lower():
        case ".otio":
            reading = read_project(path)
            imported = Imported(reading.document, reading.notes, reading.unseen)
        case ".xml":
            imported = read_fcp7(_text_of(path))
        case ".edl":
            text = _text_of(path)
            imported = read_edl(text, rate or _rate_of_list(text, path.absolute().parent))
        case ".fcpxml":
            raise ExchangeError("FCPXML can be written but not read; export Final Cut Pro 7 XML or an edit list there.")
        case ending:
            raise ExchangeError(f"Films with the ending “{ending}” aren't known here.")
    beside = path.absolute().parent
    try:
        document, repairs = mended(with_paths(imported.document, lambda text: as_written(beside / text, folder)))
    except BrokenDocument as error:
        raise BrokenProject(path, f"Its parts don't fit together: {error.problems[0]}.") from error
    return replace(imported, document=document, notes=(*imported.notes, *repairs))


def _rate_of_list(text: str, beside: Path) -> Fraction:
    """The rate of an edit list: what it says, the commonest one of its files, or a guess."""
    said, guessed = said_edl_rate(text), guessed_edl_rate(text)
    if said is not None:
        return said
    paths = [beside / media.path for media in read_edl(text, guessed).document.media.values() if media.path]
    rates = Counter(rate for path in paths[:_FILES_ASKED] if (rate := _rate_of(path)) and may_count_in(text, rate))
    return rates.most_common(1)[0][0] if rates else guessed


def _rate_of(path: Path) -> Fraction | None:
    """The rate of a film's picture; None for what is no film, or not there."""
    try:
        video = probe(path).video
    except (MediaError, OSError):
        return None
    return parse_rate(str(video.rate)) if video is not None and video.rate is not None else None


def export_film(document: Document, path: Path, locate: Locate, *, sequence: SequenceId | None = None) -> Exported:
    """Write a sequence (the open one) for another program; the ending decides the format.

    `locate` says where media files are (`Project.locate`). Raises ExchangeError, NotWritable, DiskFull.
    """
    known = format_of(path)
    if known is None or known.write is None:
        raise ExchangeError(f"Films can't be written with the ending “{path.suffix}”.")
    chosen = next(found for found in document.sequences if found.id == (sequence or document.active))
    exported = known.write(document, chosen, locate)
    write_atomically(path, exported.text.encode("utf-8"))
    return exported


def _text_of(path: Path) -> str:
    """Text as other programs write it: UTF-8, UTF-16 with its mark, or the Latin-1 of old edit lists."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NoSuchProject(path) from None
    except OSError as error:
        raise NotReadable(path, reason(error)) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise BrokenProject(path, "Its text is damaged.") from error
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
