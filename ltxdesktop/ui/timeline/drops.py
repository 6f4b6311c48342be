"""What is dragged onto the timeline: media of the project by id, or files. The one home of the mime type."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

from PySide6.QtCore import QMimeData

from ltxdesktop.document.model import MediaId

MEDIA_MIME = "application/x-ltxdesktop-media"
SUBTITLES = (".srt", ".vtt")


@dataclass(frozen=True, slots=True)
class Dragged:
    """Media that are dragged, and what of each: from `in_s` to `out_s` (None: from its start, to its end), picture and
    sound or one of them."""

    media: tuple[MediaId, ...]
    in_s: Fraction | None = None
    out_s: Fraction | None = None
    picture: bool = True
    sound: bool = True


def media_mime(media: Iterable[MediaId]) -> QMimeData:
    """What the media panel puts on a drag."""
    return mime_of(Dragged(tuple(media)))


def mime_of(dragged: Dragged) -> QMimeData:
    """What the source monitor puts on a drag."""
    words = {
        "media": list(dragged.media),
        "in_s": None if dragged.in_s is None else str(dragged.in_s),
        "out_s": None if dragged.out_s is None else str(dragged.out_s),
        "picture": dragged.picture,
        "sound": dragged.sound,
    }
    data = QMimeData()
    data.setData(MEDIA_MIME, json.dumps(words).encode())
    return data


def media_of(data: QMimeData) -> tuple[MediaId, ...]:
    """The media ids of a drag; none for anything else, however broken."""
    dragged = dragged_of(data)
    return dragged.media if dragged is not None else ()


def dragged_of(data: QMimeData) -> Dragged | None:
    """What is dragged; None for anything but media, however broken."""
    if not data.hasFormat(MEDIA_MIME):
        return None
    try:
        words = cast("dict[str, object]", json.loads(bytes(data.data(MEDIA_MIME).data())))
        media = tuple(MediaId(each) for each in cast("list[object]", words["media"]) if isinstance(each, str))
        in_s, out_s = (None if words[end] is None else Fraction(str(words[end])) for end in ("in_s", "out_s"))
        return Dragged(media, in_s, out_s, bool(words["picture"]), bool(words["sound"])) if media else None
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


def files_of(data: QMimeData) -> tuple[Path, ...]:
    """The local files and folders of a drag from a file manager."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())


def parted(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Subtitle files, by their ending, and everything else."""
    subtitles: list[Path] = []
    others: list[Path] = []
    for path in paths:
        (subtitles if path.suffix.lower() in SUBTITLES else others).append(path)
    return subtitles, others
