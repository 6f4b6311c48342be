"""Subtitle files that come onto the timeline: chosen or dropped, read and laid out off the GUI thread."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, TrackId, TrackKind
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.words import counted

if TYPE_CHECKING:
    from ltxdesktop.project.interchange.subtitles import Brought

FILES = "Subtitles (*.srt *.vtt *.SRT *.VTT);;All files (*)"


class SubtitleImport(QObject):
    """Each file is one step of the history, however many tracks it needs."""

    said = Signal(str)  # for the status bar
    problem = Signal(str)  # what a person has to know

    def __init__(self, project: OpenProject, materials: Materials, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._materials, self._window = project, materials, window
        self._openings = 0
        project.opened.connect(self._forget)

    def ask(self, folder: str) -> list[Path]:
        """The files that a person chooses, beginning in a folder."""
        paths, _ = QFileDialog.getOpenFileNames(self._window, "Import subtitles", folder, FILES)
        return [Path(path) for path in paths]

    def bring(self, paths: list[Path], frame: int | None = None, track: str = "") -> None:
        """Put subtitles into the open sequence; their time 0 at a frame, if one is given, and over what is on a track,
        if that's one for subtitles."""
        for path in paths:
            self._bring(path, self._project.document, frame, self._subtitle_track(track))

    def _bring(self, path: Path, document: Document, frame: int | None, track: TrackId | None) -> None:
        def work() -> Brought:
            from ltxdesktop.project.interchange.subtitles import with_subtitles

            return with_subtitles(document, path, frame, track)

        self._materials.run(work, partial(self._take, path, document, track, self._openings))

    def _take(self, path: Path, before: Document, track: TrackId | None, opening: int, result: object) -> None:
        if opening != self._openings:
            return  # another project is open
        if isinstance(result, Exception):
            self.problem.emit(str(result))
            return
        made = cast("Brought", result)

        def put(document: Document) -> Document:
            """What was made already, unless somebody has changed the film meanwhile."""
            return made.document if document is before else edits.add_subtitles(document, made.subtitles, track)

        if self._project.edit(f"Import {path.name}", put):
            self.said.emit(f"{counted(made.subtitles.count, 'subtitle')} of {path.name} on the timeline")
            if made.notes:
                self.problem.emit(" ".join(made.notes))

    def _subtitle_track(self, track: str) -> TrackId | None:
        found = self._project.document.sequence.track(TrackId(track)) if track else None
        return found.id if found is not None and found.kind is TrackKind.SUBTITLE and found.items else None

    def _forget(self) -> None:
        self._openings += 1
