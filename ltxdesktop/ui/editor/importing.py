"""Files that come into the project: chosen, dropped, put behind the end of the film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ltxdesktop.document import edits
from ltxdesktop.document.model import BinId, Document, Media, MediaId, MediaKind, Sequence, TrackId
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.materials import Imported, Materials
from ltxdesktop.ui.editor.media_panel import MediaPanel
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.project_files import ProjectFiles
from ltxdesktop.ui.editor.source_side import halves_of
from ltxdesktop.ui.editor.subtitle_import import SubtitleImport
from ltxdesktop.ui.timeline.drops import parted
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.perform import perform
from ltxdesktop.ui.timeline.requests import Place
from ltxdesktop.words import rate_name


class Folders:
    """In which folder a person was last, for each kind of question."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def of(self, kind: str) -> str:
        return str(self._settings.value(f"edit/folder/{kind}", ""))

    def remember(self, kind: str, folder: Path) -> None:
        self._settings.setValue(f"edit/folder/{kind}", str(folder))


class Importing(QObject):
    """Looks at files off the GUI thread, and adds what is media to the project."""

    said = Signal(str)  # for the status bar
    problem = Signal(str)  # what a person has to know
    project_wanted = Signal(list)  # files, while no project is open

    def __init__(
        self, project: OpenProject, files: ProjectFiles, materials: Materials, panel: MediaPanel,
        timeline: TimelinePanel, folders: Folders, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._project, self._files, self._materials = project, files, materials
        self._panel, self._timeline, self._folders, self._window = panel, timeline, folders, window
        self._chosen: Sequence | None = None
        self._subtitles = SubtitleImport(project, materials, window)
        self._subtitles.said.connect(self.said)
        self._subtitles.problem.connect(self.problem)

    def bind(self, actions: Actions) -> None:
        """Have the application's actions do all this."""
        actions.bind("project.import", self.import_files)
        actions.bind("project.import_folder", self.import_folder)
        actions.bind("project.import_subtitles", self.import_subtitles)

    def keep_format(self, sequence: Sequence) -> None:
        """Size and rate of this sequence were chosen by a person: no film that comes in changes them."""
        self._chosen = sequence

    def import_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self._window, "Import", self._folders.of("import"), "All files (*)")
        if paths:
            self._folders.remember("import", Path(paths[0]).parent)
            self.import_paths([Path(path) for path in paths])

    def import_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self._window, "Import a folder", self._folders.of("import"))
        if path:
            self.import_paths([Path(path)])

    def import_subtitles(self) -> None:
        """Ask for subtitle files, and put them on tracks of their own."""
        paths = self._subtitles.ask(self._folders.of("import"))
        if paths:
            self._folders.remember("import", paths[0].parent)
            if self._files.is_open:
                self._subtitles.bring(paths)  # whatever their endings
            else:
                self.import_paths(paths)

    def import_paths(self, paths: list[Path]) -> None:
        """Look at files and folders, and add what is media to the project; subtitles go on the timeline."""
        if not self._files.is_open:
            self.project_wanted.emit(paths)
            return
        subtitles, others = parted(paths)

        def add(imported: Imported) -> None:
            self.add(imported)
            self._subtitles.bring(subtitles)

        if others:
            self._materials.import_files(others, add)
        else:
            self._subtitles.bring(subtitles)

    def add(self, imported: Imported) -> list[MediaId]:
        """The media that were added, or were there already."""
        if imported.trouble:
            self.problem.emit(imported.trouble)
        media = [self._files.as_of_project(each) for each in imported.media]
        known = {(each.path, each.kind): each.id for each in self._project.document.media.values()}
        fresh = [each for each in media if (each.path, each.kind) not in known]
        if fresh:
            words = f"Import {fresh[0].name}" if len(fresh) == 1 else f"Import {len(fresh)} files"
            before = self._project.document.sequence
            fits, top = before is not self._chosen, self._panel.bin

            def put(document: Document) -> Document:
                document, binned = _in_bins(document, fresh, imported.folders, top)
                return _with_media(document, binned, fits=fits)

            self._project.edit(words, put)
            self._say_format(before, self._project.document.sequence)
            self._panel.choose([each.id for each in fresh])
        elif imported.media:
            self.said.emit("These files are in the project already.")
        fresh_ids = {(each.path, each.kind): each.id for each in fresh}
        return [(fresh_ids | known)[each.path, each.kind] for each in media]

    def _say_format(self, before: Sequence, now: Sequence) -> None:
        if (now.width, now.height, now.rate) != (before.width, before.height, before.rate):
            self.said.emit(f"The film is {now.width} × {now.height} at {rate_name(now.rate)} now, as this footage is.")

    def drop(self, paths: list[Path], frame: int, track: str, insert: bool) -> None:
        """Files that were dropped on the timeline: imported, then placed there; subtitles count from there."""
        subtitles, others = parted(paths)

        def place(imported: Imported) -> None:
            media = self.add(imported)
            if media:
                request = Place(tuple(media), frame, TrackId(track) if track else None, insert)
                self._project.edit("Place files", lambda document: perform(request, document))
            self._subtitles.bring(subtitles, frame, track)

        if others:
            self._materials.import_files(others, place)
        else:
            self._subtitles.bring(subtitles, frame, track)

    def append_media(self, media: list[MediaId]) -> None:
        patch = self._timeline.patching.patch

        def append(document: Document) -> Document:
            for each in media:
                halves = halves_of(document.media[each], patch)
                document = edits.append_clips(document, edits.placements(document, each, **halves))
            return document

        self._project.edit("Append", append)


def _in_bins(
    document: Document, media: list[Media], folders: Mapping[MediaId, tuple[str, ...]], top: BinId | None
) -> tuple[Document, list[Media]]:
    """The document with a bin for each folder that was brought in, below `top`, and the media put into them."""
    bins = {(each.parent, each.name): each.id for each in document.bins}
    placed: list[Media] = []
    for each in media:
        place = top
        for name in folders.get(each.id, ()):
            if (place, name) not in bins:
                document = edits.add_bin(document, name, place)
                bins[place, name] = document.bins[-1].id
            place = bins[place, name]
        placed.append(replace(each, bin=place))
    return document, placed


def _with_media(document: Document, media: list[Media], *, fits: bool) -> Document:
    """The document with media added; `fits`: their size and rate may become the film's. Numbered pictures, which have
    no rate of their own, get the film's."""
    if fits:
        document = _fitted_to(document, media)
    rate = document.sequence.rate
    return edits.add_media(
        document,
        [replace(each, rate=rate) if each.kind is MediaKind.IMAGE_SEQUENCE else each for each in media],
    )


def _fitted_to(document: Document, media: list[Media]) -> Document:
    """An untouched project takes size and rate of the first films that come into it: those that most of them have."""
    sequence = document.sequence
    films = [each for each in media if each.kind is MediaKind.VIDEO] or [
        each for each in media if each.kind is MediaKind.IMAGE_SEQUENCE
    ]
    if document.media or sequence.duration or not films or len(document.sequences) > 1:
        return document
    formats = Counter((film.width // 2 * 2, film.height // 2 * 2, film.rate) for film in films)
    (width, height, rate), _ = formats.most_common(1)[0]  # of equally many the first
    return edits.change_sequence(document, size=(width, height), rate=rate)
