"""`ltxdesktop export`: a project becomes a film without a window.

Progress and what went wrong go to standard error; the last line on standard output is the path of the finished file.
Exit status: 0 done, 1 it failed, 2 it was asked wrongly, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from PySide6.QtCore import QCoreApplication, QStandardPaths
from PySide6.QtGui import QGuiApplication

from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import Document, Sequence
from ltxdesktop.document.time import parse_rate, parse_timecode
from ltxdesktop.export.before import shortage
from ltxdesktop.export.encoders import working
from ltxdesktop.export.errors import BadSettings, Cancelled, ExportError, TargetNotWritable
from ltxdesktop.export.job import Export, Report
from ltxdesktop.export.opening import prepared
from ltxdesktop.export.presets import PRESETS, Framing, Preset, preset_named
from ltxdesktop.export.progress import Progress
from ltxdesktop.export.settings import Settings, Subtitles
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.project.errors import ProjectError
from ltxdesktop.project.interchange.subtitles import with_subtitles
from ltxdesktop.project.places import located
from ltxdesktop.project.reading import read_project
from ltxdesktop.words import clock, gigabytes, let_libraries_read_points

OK: Final = 0
FAILED: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells say it


def run(options: argparse.Namespace) -> int:
    """Do what the command line says (see `ltxdesktop export --help`); the exit status."""
    if options.list_presets:
        list_presets()
        return OK
    application = text_application()
    try:
        report = export(options)
    except Cancelled as error:
        _say(str(error))
        return INTERRUPTED
    except (BadSettings, LookupError) as error:
        _say(f"ltxdesktop export: {error}")
        return WRONG
    except (ExportError, ProjectError) as error:
        _say(f"ltxdesktop export: {error}")
        return FAILED
    for line in report.lines():
        _say(line)
    _say(f"{gigabytes(report.bytes)} in {clock(report.seconds)}")
    print(report.path)
    del application
    return OK


def export(options: argparse.Namespace) -> Report:
    """Make the film. Raises ExportError, ProjectError."""
    if not options.project or not options.output:
        raise BadSettings("Say which project, and with -o where the film goes; --list-presets shows the presets.")
    project = Path(options.project).absolute()
    preset = preset_named(options.preset)
    document = _with_sequence(read_project(project).document, options.sequence)
    if options.add_subtitles:
        document = _with_subtitles(document, Path(options.add_subtitles))
    target = _target(Path(options.output).absolute(), preset, overwrite=options.overwrite)
    files = MediaFiles(Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.CacheLocation)))
    try:
        settings = settings_of(options, document.sequence)
        with prepared(document, settings, target, files, lambda media: located(media.path, project.parent)) as job:
            making = Export(job, Teller().show)
            if short := shortage(making.shape, settings, target):
                _say(short)
            with _cancelled_by_interrupt(making):
                return making.run()
    finally:
        files.close()


def settings_of(options: argparse.Namespace, sequence: Sequence) -> Settings:
    """What the command line says. Raises BadSettings."""
    width, height = _size(options.size)
    try:
        first, last = _range(options.range, sequence)
        return Settings(
            preset=options.preset,
            width=width,
            height=height,
            rate=parse_rate(options.rate) if options.rate else None,
            first=first,
            last=last,
            quality=options.quality,
            bitrate_kbps=options.bitrate,
            hardware=options.hardware,
            with_sound=not options.no_sound,
            mono=options.mono,
            lufs=options.loudness,
            subtitles=Subtitles(options.subtitles),
            alpha=options.alpha,
            deep=options.deep,
            framing=Framing(options.framing) if options.framing else None,
            focus=options.focus,
            smart=not options.no_smart,
            chapters=not options.no_chapters,
            disclose=not options.no_disclosure,
            poster=_frame(options.poster, sequence),
        )
    except ValueError as error:
        raise error if isinstance(error, ExportError) else BadSettings(f"{error}.") from error


def list_presets() -> None:
    """Print the presets: id, what for, and the encoder that would be used here."""
    for preset in PRESETS.values():
        found = working(preset.picture) if preset.picture is not None else []
        by = f" [{found[0].name}]" if found else " [no encoder works here]" if preset.picture is not None else ""
        print(f"{preset.id:12} {preset.suffix or 'folder':7} {preset.name}: {preset.note}{by}")


class Teller:
    """Says on standard error how far it is: in a terminal on one line that changes, else at each tenth."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._said = ""

    def show(self, progress: Progress) -> None:
        """Called for each frame."""
        if self._live:
            words = self._words(progress)
            if words != self._said:
                end = "\n" if progress.frames and progress.done == progress.frames else ""
                print(f"\r\033[K{words}", end=end, file=sys.stderr, flush=True)
                self._said = words
            return
        stage = f"{progress.doing} {int(progress.share * 10)}"
        if stage != self._said:
            self._said = stage
            _say(self._words(progress))

    def _words(self, progress: Progress) -> str:
        if not progress.frames:
            return progress.doing
        pace = f", {progress.fps:.0f} fps" if progress.fps else ""
        left = f", {clock(progress.seconds_left)} left" if progress.seconds_left is not None else ""
        return f"{progress.share:4.0%}  {progress.doing}{pace}{left}"


@contextmanager
def _cancelled_by_interrupt(export: Export) -> Generator[None]:
    """Ctrl+C ends the export cleanly, within a frame."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        # A handler runs between two instructions of the main thread, which may hold a channel's lock right then.
        threading.Thread(target=export.cancel, name="cancel", daemon=True).start()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def text_application() -> QCoreApplication:
    """Text needs Qt's fonts, so there must be an application; without a screen too. The caller holds it."""
    running = QCoreApplication.instance()
    if running is not None:
        return running
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication(["ltxdesktop"])
    let_libraries_read_points()
    application.setApplicationName("ltxdesktop")
    application.setOrganizationName("ltxdesktop")
    return application


def _with_sequence(document: Document, name: str) -> Document:
    """The document with the sequence of that name open. Raises BadSettings."""
    if not name:
        return document
    found = next((sequence for sequence in document.sequences if sequence.name == name), None)
    if found is None:
        names = ", ".join(repr(sequence.name) for sequence in document.sequences)
        raise BadSettings(f"The project has no sequence {name!r}; it has {names}.")
    return Document(document.name, document.sequences, found.id, document.media, document.bins, document.metadata)


def _with_subtitles(document: Document, path: Path) -> Document:
    """The document with a file's subtitles, for this film only. Raises ProjectError, BadSettings."""
    try:
        brought = with_subtitles(document, path)
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    for note in brought.notes:
        _say(note)
    return brought.document


def _target(path: Path, preset: Preset, *, overwrite: bool) -> Path:
    """Where the film goes. Raises TargetNotWritable, BadSettings."""
    if preset.suffix and path.suffix.lower() != preset.suffix:
        raise BadSettings(f"{preset.name} files end with {preset.suffix}, {path.name!r} doesn't.")
    if os.path.isfile(path) and not overwrite:  # noqa: PTH113  # Path.is_file raises for names that are too long
        raise TargetNotWritable(path, "it's there already (--overwrite replaces it)")
    return path


def _size(text: str) -> tuple[int, int]:
    """ "1280x720", or "1280x" and "x720" with the other side as the film's shape wants it. Raises BadSettings."""
    if not text:
        return 0, 0
    width, by, height = text.lower().partition("x")
    if not by or not (width or height) or not (width or "0").isdigit() or not (height or "0").isdigit():
        raise BadSettings(f"{text!r} is no size; write 1280x720, 1280x or x720.")
    return int(width or 0), int(height or 0)


def _range(text: str, sequence: Sequence) -> tuple[int | None, int | None]:
    """ "IN-OUT" in frames or timecodes, OUT exclusive, either may be left out; timecodes count from the sequence's
    first frame. Raises ValueError."""
    if not text:
        return None, None
    first, dash, last = text.partition("-")
    if not dash:
        raise BadSettings(f"{text!r} is no range; write 24-48, or 00:00:01:00-00:00:02:00.")
    return _frame(first, sequence), _frame(last, sequence)


def _frame(text: str, sequence: Sequence) -> int | None:
    if not text.strip():
        return None
    frame = parse_timecode(text, sequence.rate)
    return frame - sequence.first_frame if ":" in text or ";" in text else frame


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
