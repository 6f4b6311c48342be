"""A take of a clip becomes a film the way the window does it: placed in a project, accepted, exported. No widgets.

The project lies beside the film, so what a script has made can be opened and changed by hand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QStandardPaths

from engine.media.errors import MediaError
from engine.protocol.messages import Result
from engine.protocol.work import Extend, Retake
from ltxdesktop.document import edits
from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import Document, Media, TrackKind, new_document, new_sequence
from ltxdesktop.export.command import text_application
from ltxdesktop.export.errors import ExportError
from ltxdesktop.export.job import Export
from ltxdesktop.export.opening import prepared
from ltxdesktop.export.settings import Settings
from ltxdesktop.loop import landing, places
from ltxdesktop.loop.errors import LoopError
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.project.errors import ProjectError
from ltxdesktop.project.project import Project

PRESET = "h264"


class FilmFailed(Exception):
    """The take is there, but no film of it; the message is for the person."""


def with_take(work: Retake | Extend, result: Result, folder: Path) -> tuple[Path, Path]:
    """The clip with the take in it, exported to `folder`: paths of film and project. Raises FilmFailed."""
    base = QStandardPaths.writableLocation
    cache, state = (
        Path(base(kind))
        for kind in (QStandardPaths.StandardLocation.CacheLocation, QStandardPaths.StandardLocation.AppDataLocation)
    )
    application = text_application()  # titles need Qt's fonts
    files = MediaFiles(cache)
    try:
        source = files.describe(Path(work.source))
        document = _landed(work, result, source)
        name = f"{Path(work.source).stem}-with-{_take_name(result)}"
        project, film = folder / f"{name}.otio", folder / f"{name}.mp4"
        _keep(project, document, state)
        settings = Settings(preset=PRESET)
        with prepared(document, settings, film, files, lambda media: Path(media.path)) as job:
            report = Export(job).run()
    except (LoopError, DocumentError, MediaError, ProjectError, ExportError) as error:
        raise FilmFailed(str(error)) from error
    finally:
        files.close()
        del application
    return report.path, project


def _landed(work: Retake | Extend, result: Result, source: Media) -> Document:
    """The clip on a timeline of its own size and rate, with the take where it was asked for."""
    sequence = new_sequence(
        Path(work.source).stem, width=source.width, height=source.height, rate=source.rate, video=1, audio=1
    )
    document = new_document(Path(work.source).stem, sequence).with_media(source)
    document = edits.append_clips(document, edits.placements(document, source.id))
    (clip,) = document.sequence.of_kind(TrackKind.VIDEO)[0].clips

    def locate(media: Media) -> str:
        return media.path

    place: places.Place
    if isinstance(work, Retake):
        (place,) = places.in_range(document, work.start, work.end, locate)
        what = work.what
    else:
        place = places.beyond(document, clip.id, work.frames, work.direction, locate)
        what = "both"
    made = landing.made_of(result.files, result.recipe, work.prompt[:40])
    landed = landing.land(document, place, made, what=what)
    if landed.clip is None:
        raise FilmFailed(landed.words)
    return landed.document


def _take_name(result: Result) -> str:
    return next((Path(file.path).stem for file in result.files if file.role in ("video", "audio")), "take")


def _keep(path: Path, document: Document, state: Path) -> None:
    """Write the project; its media are named as the project says them."""
    project = Project.create(path, document, state)
    try:
        media = [replace(each, path=project.path_for(Path(each.path))) for each in document.media.values()]
        project.save(document.with_media(*media))
    finally:
        project.close()
