"""The Generate workspace: prompt, monitor, takes and jobs wired to the session. What each shows is its own affair."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QFileDialog, QSplitter, QVBoxLayout, QWidget

from engine.media.joined import Placed, placement, write_joined
from engine.protocol.messages import Estimated
from ltxdesktop.jobs.ask import Ask, title_of, work_of
from ltxdesktop.resources import Sample
from ltxdesktop.ui.background import Background
from ltxdesktop.ui.banner import Banner
from ltxdesktop.ui.clip_pictures import Given, look_at, poster
from ltxdesktop.ui.hover_films import HoverFilms
from ltxdesktop.ui.jobs_panel import JobsPanel
from ltxdesktop.ui.memories import Memories
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.monitor.film import Film
from ltxdesktop.ui.monitor_panel import MonitorPanel
from ltxdesktop.ui.prompt_panel import PromptPanel
from ltxdesktop.ui.range_strip import PICTURES
from ltxdesktop.ui.recipe_window import RecipeWindow
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.takes_panel import TakesPanel
from ltxdesktop.ui.theme import Look
from ltxdesktop.words import about, gigabytes

POSTER_SIZE = QSize(276, 156)  # twice the card, for screens of scale 2
STRIP_HEIGHT_PX = 104
SIDES_PX, LEAST_SIDES_PX = (345, 340), (310, 250)  # widths of the prompt's panel and of the jobs', at first
BROAD_PX = 1300  # a window with room for more than the least
MEMORY_WORTH_SAYING = 100_000_000  # bytes
MEDIA_FILES = (
    "Clips, pictures and sounds "
    "(*.mp4 *.mov *.mkv *.webm *.avi *.mxf *.png *.jpg *.jpeg *.webp *.wav *.flac *.mp3 *.m4a);;All files (*)"
)


class GenerateWorkspace(QWidget):
    """Prompt on the left, monitor and takes in the middle, jobs on the right."""

    said = Signal(str, int)  # words for the status line; for how many ms, 0 = until others come, "" = none any more
    send_requested = Signal(object, bool)  # a Take, to the timeline (or only to the media of Edit)

    def __init__(
        self, look: Look, session: EngineSession, memories: Memories, background: Background, banner: Banner
    ) -> None:
        super().__init__()
        self._session, self._background, self._banner = session, background, banner
        self._following = True  # whether the monitor shows what the running job makes
        self._watched = ""  # the job whose preview is on the monitor
        self._failed_job = ""
        self._unseen: Take | None = None  # to be on the monitor when the workspace is looked at
        self.prompt = PromptPanel(look, prompts=memories.prompts)
        self.monitor = MonitorPanel(look)
        self.jobs = JobsPanel(look, session.jobs)
        self._films = HoverFilms(background, self)
        self.takes = TakesPanel(look, session.takes, self._films)
        session.takes.use_ratings(memories.ratings)
        self._was_up = self._shared_out = False
        self._lay_out()
        self._wire_session()
        self._wire_panels()
        self._show_first_hint()

    def come_up(self) -> None:
        """Shown instead of another workspace: the words have the focus, unless something here had it before.

        Else the first button would have it, and Space would take the clip away.
        """
        if not self._was_up:
            self._was_up = True
            self.prompt.focus_prompt()

    def columns_state(self) -> QByteArray:
        """How wide the panels are, for `restore_columns`."""
        return self._columns.saveState()

    def restore_columns(self, state: QByteArray) -> None:
        self._shared_out = self._columns.restoreState(state)

    def close_all(self) -> None:
        """Nothing plays any more; no decoder is left open."""
        self._films.end()
        self.monitor.close_all()

    # Layout

    def _lay_out(self) -> None:
        middle = QSplitter(Qt.Orientation.Vertical)
        middle.addWidget(self.monitor)
        middle.addWidget(self.takes)
        middle.setStretchFactor(0, 3)
        middle.setSizes([560, 210])
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        for panel in (self.prompt, middle, self.jobs):
            self._columns.addWidget(panel)
        self._columns.setStretchFactor(1, 1)
        for splitter in (middle, self._columns):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        for panel, least_px in zip((self.prompt, self.jobs), LEAST_SIDES_PX, strict=True):
            panel.setMinimumWidth(least_px)
        self.takes.setMinimumHeight(120)
        inner = QVBoxLayout(self)
        inner.setContentsMargins(8, 0, 8, 8)
        inner.addWidget(self._columns)

    def _wire_session(self) -> None:
        session = self._session
        session.capabilities_changed.connect(self._show_capabilities)
        session.job_begun.connect(self._follow_job)
        session.job_ended.connect(self._show_end)
        session.preview_arrived.connect(self._show_preview)
        session.jobs.dataChanged.connect(self._keep_badge_new)
        session.take_made.connect(self._show_made)
        session.estimated.connect(self._show_estimate)
        session.noticed.connect(self._show_notice)
        session.refused.connect(self.show_problem)
        session.takes.rowsInserted.connect(self._make_posters)

    def _wire_panels(self) -> None:
        session = self._session
        self.prompt.enhance.use(session, lambda words: self.said.emit(words, 8000))
        self.prompt.asked.connect(self._submit)
        self.prompt.changed.connect(self._estimate)
        self.prompt.file_given.connect(self.look_at_file)
        self.prompt.choose_file_requested.connect(self.choose_file)
        self.prompt.looked_at.connect(self._look_at_frame)
        self.jobs.cancel_requested.connect(session.cancel)
        self.jobs.retry_requested.connect(session.retry)
        self.jobs.move_requested.connect(session.move)
        self.jobs.clear_requested.connect(session.clear_ended)
        self.jobs.chosen.connect(self._show_job)
        self.takes.chosen.connect(self._play_take)
        self.takes.finish_requested.connect(self._finish)
        self.takes.again_requested.connect(self._again)
        self.takes.vary_requested.connect(self._vary)
        self.takes.retake_requested.connect(self._retake)
        self.takes.recipe_requested.connect(self._show_recipe)
        self.takes.save_requested.connect(self._save_copy)
        self.takes.join_requested.connect(self._save_joined)
        self.takes.timeline_requested.connect(partial(self._send, on_timeline=True))
        self.takes.media_requested.connect(partial(self._send, on_timeline=False))
        self.takes.rated.connect(self._rate)
        self._banner.acted.connect(self._act_on_banner)

    def transport(self) -> list[tuple[str, tuple[str, ...], Callable[[], object]]]:
        """What the monitor can be told: words, keys, and the call. Lists have their own use for arrows: hence two."""
        return [
            ("Play or pause", ("Space",), self.monitor.player.toggle),
            ("One frame back", ("Left", ","), self.monitor.step_back),
            ("One frame on", ("Right", "."), self.monitor.step_forward),
            ("To the start", ("Home",), self.monitor.to_start),
            ("Mute", ("M",), self.monitor.mute),
        ]

    def _send(self, take: Take, *, on_timeline: bool) -> None:
        self.send_requested.emit(take, on_timeline)

    def open_sample(self, sample: Sample) -> None:
        """A clip to try things on, with its range selected and a prompt filled in."""
        self.look_at_file(str(sample.clip))
        self.prompt.write(sample.prompt)

    # From the panels

    def _submit(self, ask: Ask) -> None:
        self._following = True
        self._banner.hide()
        self._session.submit(work_of(ask), title_of(ask))
        self.prompt.remember(ask.prompt)
        self.said.emit("Put into the queue", 4000)

    def _estimate(self, ask: Ask) -> None:
        self._session.estimate(work_of(replace(ask, may_leave=True)))  # what it would send, if it may

    def look_at_file(self, path: str) -> None:
        """Find out what a file is and put it into the prompt panel."""
        self.said.emit(f"Looking at {Path(path).name}…", 0)
        self._background.run(lambda: look_at(path, PICTURES, STRIP_HEIGHT_PX), self._take_given, self._show_bad_file)

    def _take_given(self, given: Given) -> None:
        self.said.emit("", 0)
        self.prompt.show_given(given)
        if given.kind == "clip":
            self._following, self._unseen = False, None
            self.monitor.play_film(given.path, play=False)

    def _look_at_frame(self, frame: int) -> None:
        """Show the frame of the clip under the end of the range that is being moved."""
        clip, film = self.prompt.ask.clip, self.monitor.player.film
        if clip is None:
            return
        if isinstance(film, Film) and film.path == clip.path:
            self.monitor.player.pause()
            self.monitor.player.seek(frame)
        elif not self.monitor.previewing:
            self._following = False
            self.monitor.play_film(clip.path, play=False)

    def _show_bad_file(self, problem: Exception) -> None:
        self.said.emit("", 0)
        self._banner.say(str(problem))

    def choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open", "", MEDIA_FILES)
        if path:
            self.look_at_file(path)

    def _finish(self, take: Take) -> None:
        work = take.finishing()
        if work is not None:
            self._following = True
            self._session.submit(work, f"Finish: {take.caption}")

    def _again(self, take: Take) -> None:
        if not self.prompt.show_recipe(take, new_seed=False):
            self._queue_again(take, new_seed=False)

    def _vary(self, take: Take) -> None:
        if self.prompt.show_recipe(take, new_seed=True):
            self.prompt.generate()
        else:
            self._queue_again(take, new_seed=True)

    def _queue_again(self, take: Take, *, new_seed: bool) -> None:
        """The same work, as it was asked for: of a clip that isn't open here, or from a take of another program."""
        work = take.again(self.prompt.new_seed() if new_seed else None)
        if work is not None:
            self._following = True
            self._session.submit(work, f"{'Vary' if new_seed else 'Again'}: {take.caption}")
            self.said.emit("Put into the queue", 4000)

    def _rate(self, take: Take, rating: int) -> None:
        self._session.takes.rate(take.file.path, rating)

    def _retake(self, take: Take) -> None:
        self.look_at_file(take.file.path)

    def _show_recipe(self, take: Take) -> None:
        if take.recipe is not None:
            RecipeWindow(take.recipe, self).open()

    def _save_copy(self, take: Take) -> None:
        source = Path(take.file.path)
        target, _ = QFileDialog.getSaveFileName(self, "Save a copy", source.name, f"Film (*{source.suffix})")
        if target:
            self._background.run(lambda: shutil.copyfile(source, target), self._show_saved, self._show_bad_file)

    def _save_joined(self, take: Take) -> None:
        placed = placement(take.recipe.work, take.file, take.sound_file) if take.recipe is not None else None
        if placed is None:
            return
        clip, part = placed
        target, _ = QFileDialog.getSaveFileName(
            self, "Save the clip with this take", f"{clip.stem}.mp4", "Film (*.mp4)"
        )
        if target:
            self.save_joined(clip, part, Path(target))

    def save_joined(self, clip: Path, part: Placed, target: Path) -> None:
        """Write a clip with a take in it, away from the GUI thread."""
        self.said.emit(f"Writing {target.name}…", 0)

        def write() -> Path:
            write_joined(clip, part, target)
            return target

        self._background.run(write, self._show_saved, self._show_bad_file)

    def _show_saved(self, target: Path | str) -> None:
        self.said.emit(f"Saved {target}", 8000)

    def _play_take(self, take: Take) -> None:
        self._following = False
        self._show_take(take, play=True)

    def _show_take(self, take: Take, *, play: bool) -> None:
        """Nothing plays, and no decoder is opened, in a workspace that isn't looked at: the take stands there later."""
        if self.isVisible():
            self.monitor.play_film(take.file.path, sound=take.sound_file, play=play)
        else:
            self.monitor.stop_preview()
            self._unseen = take

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._shared_out:
            self._shared_out = True
            prompt, jobs = SIDES_PX if self.width() >= BROAD_PX else LEAST_SIDES_PX
            self._columns.setSizes([prompt, self.width() - prompt - jobs, jobs])
        take, self._unseen = self._unseen, None
        if take is not None:
            self._show_take(take, play=False)

    def _show_job(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is None:
            return
        if entry.state == "failed":
            self._say_failure(job)
        elif entry.state == "running":
            self._following, self._watched = True, job
        elif entry.state == "done":
            take = next((each for each in self._session.takes.takes() if each.job == job), None)
            if take is not None:
                self.takes.choose(take.file.path)

    def _act_on_banner(self) -> None:
        if self._failed_job:
            self._session.retry(self._failed_job)
        self._banner.hide()

    # From the session

    def _show_capabilities(self) -> None:
        self.prompt.show_capabilities(self._session.backends)
        self._session.ask_models(self.prompt.show_loras)

    def _follow_job(self, job: str) -> None:
        self._watched = job

    def _show_preview(self, job: str, pictures: list[QImage], fps: float) -> None:
        if self._following and job == self._watched and self.isVisible():
            entry = self._session.jobs.entry(job)
            self.monitor.show_preview(pictures, fps, f"Preview · {entry.status}" if entry is not None else "Preview")

    def _keep_badge_new(self) -> None:
        """The job goes on between two pictures of it."""
        entry = self._session.jobs.entry(self._watched)
        if self.monitor.previewing and entry is not None and not entry.ended:
            self.monitor.say_of_preview(f"Preview · {entry.status}")

    def _show_made(self, take: Take) -> None:
        if self._following and take.file.variation == 0:
            self.takes.choose(take.file.path)
            self._following = True

    def _show_end(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is not None and entry.state == "failed":
            self._say_failure(job)
        if self.monitor.previewing and job == self._watched:
            self._show_last_take()

    def _show_last_take(self) -> None:
        """After a job that brought nothing to show: the take that was chosen, or a hint."""
        take = self.takes.current()
        if take is not None:
            self._show_take(take, play=False)
        else:
            self._show_first_hint()

    def _show_first_hint(self) -> None:
        self.monitor.show_hint(
            "Say what should be seen and heard",
            "Write a prompt and press Generate, or drop a clip here to make a part of it again.",
        )

    def _say_failure(self, job: str) -> None:
        entry = self._session.jobs.entry(job)
        if entry is not None:
            self._failed_job = job if entry.can_retry else ""
            self._banner.say(f"{entry.title}: {entry.message}", "Try again" if entry.can_retry else "")

    def _show_estimate(self, estimated: Estimated) -> None:
        self.prompt.consent.show_estimate(estimated)
        if not estimated.fits:
            self.prompt.show_estimate(estimated.why_not)
            return
        parts = [about(estimated.seconds)] if estimated.seconds is not None else []
        parts += [f"{gigabytes(estimated.peak_bytes)} of memory"] if estimated.peak_bytes > MEMORY_WORTH_SAYING else []
        parts += list(estimated.adjusted)
        self.prompt.show_estimate("Takes " + ", ".join(parts) if parts else "")

    def _show_notice(self, kind: str, words: str) -> None:
        if kind in {"disk_full", "store", "backend", "warning"}:
            self._failed_job = ""
            self._banner.say(words)
        else:
            self.said.emit(f"Memory: {words}" if kind == "plan" else words[:1].upper() + words[1:], 8000)

    def show_problem(self, words: str) -> None:
        self._failed_job = ""
        self._banner.say(words)

    def _make_posters(self) -> None:
        for take in self._session.takes.takes():
            if take.picture is None:
                self._make_poster(take.file.path)

    def _make_poster(self, path: str) -> None:
        self._session.takes.show_picture(path, QImage())  # asked for: not again
        self._background.run(lambda: (path, poster(path, POSTER_SIZE)), self._take_poster, self._drop_poster)

    def _take_poster(self, made: tuple[str, QImage]) -> None:
        self._session.takes.show_picture(*made)

    def _drop_poster(self, problem: Exception) -> None:
        """A take whose file is gone keeps an empty card; playing it says why."""
