"""What is dragged onto the timeline: media of the project by id, or files. The one home of the mime type."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from PySide6.QtCore import QMimeData

from ltxdesktop.document.model import MediaId

MEDIA_MIME = "application/x-ltxdesktop-media"


def media_mime(media: Iterable[MediaId]) -> QMimeData:
    """What the media panel puts on a drag."""
    data = QMimeData()
    data.setData(MEDIA_MIME, json.dumps(list(media)).encode())
    return data


def media_of(data: QMimeData) -> tuple[MediaId, ...]:
    """The media ids of a drag; none for anything else, however broken."""
    if not data.hasFormat(MEDIA_MIME):
        return ()
    try:
        found: object = json.loads(bytes(data.data(MEDIA_MIME).data()))
    except ValueError:
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(MediaId(each) for each in cast(list[object], found) if isinstance(each, str))


def files_of(data: QMimeData) -> tuple[Path, ...]:
    """The local files and folders of a drag from a file manager."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
