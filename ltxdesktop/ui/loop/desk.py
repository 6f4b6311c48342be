"""Joins the open project's timeline with the engine: what is selected becomes a job, what comes back becomes takes.

The panel says what, the selection says where, `ltxdesktop.loop` turns both into work and results into edits. Here they
are only wired: nothing is decided about pictures, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from engine.protocol.messages import Done, Estimated, Model, Recipe, ResultFile
from engine.protocol.work import AnyWork
from ltxdesktop.document.model import Document, ItemId, Media
from ltxdesktop.jobs.files import with_folder
from ltxdesktop.loop import landing, places
from ltxdesktop.loop.asking import mode_of_place, passes_words, problems, work_for
from ltxdesktop.loop.errors import LoopError
from ltxdesktop.loop.joining import BLEND_FRAMES
from ltxdesktop.loop.pending import Pending, PendingTakes
from ltxdesktop.loop.places import AfterClip, AtFrame, Locate, OfClip, Place
from ltxdesktop.loop.prompts import ClipPrompts
from ltxdesktop.ui.consent import AGREE
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.loop.activities import activity_of, job_title, planned_of, together
from ltxdesktop.ui.loop.choosing import Choosing
from ltxdesktop.ui.loop.finding import Extension, Finder, Found
from ltxdesktop.ui.loop.panel import Action, MakePanel, Shown, with_stage
from ltxdesktop.ui.models.take_list import Take
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.turns import Turns
from ltxdesktop.words import short_timecode, shortened

GENERATED = "generated"  # the folder beside a project where its takes lie


class LoopDesk(QObject):
    """One window's loop. `locate` finds a media's file ("": missing) without asking the disk; `as_of_project` names a
    new media as the project does."""

    said = Signal(str)  # for the status bar
    asked = Signal()  # a job was queued for a place
    landing = Signal()  # takes are about to get to their place
    laid = Signal(str)  # id of the clip that got takes; it's selected in the next turn, where that disturbs nobody
    landed = Signal(str)  # and now it is
    settled = Signal(str)  # what came of this job is in its place, or it was said why not
    placed = Signal(int)  # frame behind a result that was put on the timeline
    previewed = Signal(list, float)  # QImages of what is becoming, and how many of them are a second (0: not said)
    preview_ended = Signal()

    def __init__(
        self,
        session: EngineSession,
        project: OpenProject,
        timeline: TimelinePanel,
        selection: Selection,
        panel: MakePanel,
        waiting: PendingTakes,
        locate: Locate,
        as_of_project: Callable[[Media], Media],
        keeping: Callable[[], Callable[[], None]],
        is_open: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        """`keeping` gives a call for a worker that returns when the project's steps so far are safe from a crash;
        `is_open` says whether there is a project: the document of a closed one is still at hand, but nobody keeps it.
        """
        super().__init__(parent)
        self._session, self._project, self._timeline, self._selection = session, project, timeline, selection
        self._panel, self._waiting = panel, waiting
        self._locate, self._as_of_project, self._keeping = locate, as_of_project, keeping
        self._is_open = is_open
        self._action: Action = "retake"  # that the person chose last
        self._found = Found((), Shown("Make", ""))
        self._extension: Extension | None = None  # dragged with the tool
        self._in_front = False
        self._chosen_last = False  # selected since the range was marked
        self._speaks_against = True  # whether there are problems
        self._asked = 0  # estimates
        self._previewed_job = ""
        self.blend_frames = BLEND_FRAMES
        self.is_landing = False  # what changes now isn't the person's doing
        self._turns = Turns(self)  # two results may come at once, and each takes its time
        self._closed = False
        self.choosing = Choosing(selection)
        self._prompts = ClipPrompts()
        self._was_ready = session.view.life == "ready"
        self._wire()
        panel.show_capabilities(session.backends)
        self.refresh()

    def _wire(self) -> None:
        session, panel, timeline = self._session, self._panel, self._timeline
        session.view_changed.connect(self._engine_changed)
        session.capabilities_changed.connect(self._show_capabilities)
        session.job_done.connect(self._take_result)
        session.job_ended.connect(self._end_preview)
        session.preview_arrived.connect(self._show_preview)
        for told in (session.jobs.dataChanged, session.jobs.rowsInserted, session.jobs.modelReset):
            told.connect(self._show_activity)
        session.jobs.rowsRemoved.connect(self._show_activity)
        panel.asked.connect(self._ask)
        panel.pointed.connect(timeline.view.setFocus)
        panel.touched.connect(self._check)
        panel.changed.connect(self._ask_estimate)
        panel.action_chosen.connect(self._choose_action)
        panel.direction_chosen.connect(self._choose_direction)
        timeline.offer_generation(on=True)
        timeline.extend_asked.connect(self._take_extension)
        timeline.fill_asked.connect(self._take_gap)
        timeline.range_changed.connect(self._range_moved)
        timeline.range_cleared.connect(self.refresh)
        timeline.scrubbed.connect(self._playhead_moved)
        self._selection.changed.connect(self._selection_moved)
        self._project.changed.connect(self._project_changed)
        self._project.opened.connect(self._project_opened)

    # Where

    @property
    def places(self) -> tuple[Place, ...]:
        """What would be made now."""
        return self._found.places

    def refresh(self) -> None:
        """Find the place that is meant, and say at once what speaks against it; what it takes, when all is quiet."""
        film = self._project.document.sequence
        self._panel.show_film(film.width, film.height, film.rate)
        try:
            self._found = self._finder().find(self._extension)
        except LoopError as error:
            self._found = Found((), Shown("Make", ""))
            self._panel.show_place(self._found.shown)
            self._show_planned()
            self._say_problems([str(error)])
            return
        self._panel.show_place(self._found.shown)
        self._show_planned()
        self._recall_prompt()
        self._check()
        self._panel.wait_for_quiet()

    def set_in_front(self, in_front: bool) -> None:
        """Whether the panel is looked at, or behind others of its tabs."""
        self._in_front = in_front
        self._show_planned()

    def _show_planned(self) -> None:
        """On the timeline, which frames of which clips are meant, while the panel is looked at."""
        sequence, places = self._project.document.sequence, self.places if self._in_front else ()
        self._timeline.view.set_planned(planned_of(sequence, places, self._selection.clips))

    def _finder(self) -> Finder:
        return Finder(
            self._project.document,
            self._selection,
            self._timeline.view.playhead,
            self._action,
            self._panel.wish.frames,
            self._panel.direction,
            self._chosen_last,
            self._locate,
        )

    # What moved

    def _selection_moved(self) -> None:
        self._extension = None
        self._chosen_last = True
        self.refresh()

    def _range_moved(self, first: int, last: int) -> None:
        self._extension = None
        self._chosen_last = False
        self.refresh()

    def _playhead_moved(self, frame: int) -> None:
        if any(isinstance(each, AtFrame) for each in self.places) and self._action != "new":
            self.refresh()

    def _project_changed(self, before: Document, after: Document, name: str) -> None:
        if before.sequence is not after.sequence:
            if self._extension is not None and after.sequence.clip(self._extension.clip) is None:
                self._extension = None
            self.refresh()
            self._show_activity()

    def _project_opened(self) -> None:
        self._extension, self._chosen_last = None, False
        self._prompts = ClipPrompts()
        self.refresh()
        self._collect()
        self._show_activity()

    def _engine_changed(self) -> None:
        """A new engine has forgotten what was asked of the one before it."""
        ready = self._session.view.life == "ready"
        if ready and not self._was_ready:
            self._collect()
        self._was_ready = ready

    def _collect(self) -> None:
        """Ask for takes of the open project that became ready while nobody listened."""
        for each in self._waiting:
            if self._belongs(each):
                self._session.ask_result(each.job, self._take_result)  # one that isn't known there stays waiting

    def _choose_action(self, action: str) -> None:
        if action in ("retake", "replace", "extend", "fill", "new"):
            self._action = action
            if action != "extend":
                self._extension = None
            self.refresh()

    def _choose_direction(self, direction: str) -> None:
        self.refresh()

    def _take_extension(self, clip: str, at_tail: bool, frames: int) -> None:
        self._panel.extend_by(frames, "forward" if at_tail else "backward")
        self._extension = Extension(ItemId(clip), frames)
        self.refresh()
        self._panel.ask_for_words()

    def _take_gap(self, gap: str, first: int, last: int) -> None:
        self._action = "fill"
        self._selection.choose(gap=ItemId(gap))
        self._selection_moved()  # also where it was selected before the range was marked
        self._panel.ask_for_words()

    # What is said

    def _recall_prompt(self) -> None:
        """Each clip has its own words: those that were written for it last, else those of its takes."""
        subject = next((each.clip for each in self.places if isinstance(each, OfClip | AfterClip)), None)
        clip = self._project.document.sequence.clip(subject) if subject is not None else None
        words = self._prompts.turn_to(clip, self._project.document.media, self._panel.wish.prompt)
        if words:
            self._panel.write(words)

    def _check(self) -> None:
        """What speaks against it."""
        wish, found = self._found.complete(self._panel.wish), self._panel.chosen
        if self._found.problem:
            self._say_problems([self._found.problem])
            return
        backend, model = found if found is not None else (None, None)
        extends = any(isinstance(each, AfterClip) and each.frames != wish.frames for each in self.places)
        if extends and wish.frames:
            self.refresh()
            return
        said: list[str] = []
        for place in self.places:
            said += problems(place, wish, self._project.document.sequence, backend, model, self._size(place))
        self._say_problems(list(dict.fromkeys(said)))

    def _say_problems(self, said: list[str]) -> None:
        """An agreement that lacks is asked for, but what would be sent and cost is said before it's given."""
        self._speaks_against = bool(said) or not self.places
        unagreed = [AGREE] if self._panel.consent.needed and not self._panel.consent.agreed else []
        self._panel.show_problems([*said, *unagreed])
        if self._speaks_against:
            self._asked += 1  # an answer that is on its way is of no use
            self._panel.show_estimate(None)

    def _ask_estimate(self) -> None:
        """What it would take, now that nothing has moved for a moment."""
        if self._speaks_against:
            return
        self._asked += 1
        asked = self._asked
        wish = replace(self._found.complete(self._panel.wish), may_leave=True)  # what it would send, if it may
        work = work_for(self.places[0], wish, self._project.document.sequence)
        self._session.ask_estimate(work, lambda estimate: self._show_estimate(asked, estimate))

    def _size(self, place: Place) -> tuple[int, int]:
        sequence, wish = self._project.document.sequence, self._panel.wish
        if isinstance(place, OfClip | AfterClip) and not (isinstance(place, OfClip) and place.anew):
            media = self._project.document.media.get(place.media)
            if media is not None:
                return media.width, media.height
        return wish.width or sequence.width, wish.height or sequence.height

    def _show_capabilities(self) -> None:
        self._panel.show_capabilities(self._session.backends)
        self._session.ask_models(self._show_models)
        self._check()

    def _show_models(self, models: tuple[Model, ...]) -> None:
        if not self._closed:
            self._panel.show_loras(models)

    def close(self) -> None:
        """The window goes: answers that are still on their way find nobody."""
        self._closed = True

    def _show_estimate(self, asked: int, estimate: Estimated) -> None:
        if asked == self._asked and not self._closed:  # nothing newer was asked
            self._panel.show_estimate(estimate, self._passes())

    def _passes(self) -> str:
        found, wish = self._panel.chosen, self._found.complete(self._panel.wish)
        if found is None or not self.places:
            return ""
        return passes_words(self.places[0], wish, self._project.document.sequence, found[1])

    # Asking

    def _ask(self, stage: str) -> None:
        """Queue a job for every place, and remember where its takes belong."""
        wish = with_stage(self._found.complete(self._panel.wish), stage)
        document, jobs = self._project.document, list[str]()
        for place in self.places:
            work = work_for(place, wish, document.sequence)
            if self._project.path is not None:
                work = with_folder(work, self._project.path.parent / GENERATED)
            name = shortened(wish.prompt.strip(), 40)
            job = self._session.submit(work, self._title(place, wish.prompt))
            what = wish.what if isinstance(place, OfClip) and not place.anew else "both"
            self._waiting.add(Pending(job, self._project_name, place, what, name))
            jobs.append(job)
        self.choosing.ask(jobs)
        self._panel.remember(wish.prompt)
        self._panel.after_asking()
        self._extension = None
        self._timeline.view.set_planned(())
        self._show_activity()
        self.asked.emit()
        self.said.emit("Asked. You can go on editing; the take goes where the clip goes.")

    def submit(self, work: AnyWork, place: Place, title: str) -> None:
        """Queue work that a recipe gave, for a place of the open project."""
        name = shortened(work.prompt.strip(), 40)
        job = self._session.submit(work, title)
        self._waiting.add(Pending(job, self._project_name, place, "both", name))
        self.choosing.ask([job])
        self._show_activity()
        self.asked.emit()
        self.said.emit(f"{title}: asked.")

    def place(self, take: Take) -> None:
        """Put a result at the playhead as a new clip; `placed` says where the next one goes."""
        document, files = self._project.document, [take.file]
        if take.latents:
            latents = ResultFile(path=take.latents, role="latents", size_bytes=0, variation=take.file.variation)
            files.append(latents)
        made = self._made(files, take.recipe, shortened(take.caption, 40))
        landed = landing.land(document, places.at_frame(document, self._timeline.view.playhead), made)
        self._project.do("Place take", landed.document)
        clip = landed.document.sequence.clip(landed.clip) if landed.clip is not None else None
        if clip is None:
            self.said.emit(landed.words)
            return
        start = landed.document.sequence.start_of(clip.id) or 0
        self._selection.choose([clip.id])
        self.placed.emit(start + clip.duration)
        self.said.emit(f"Placed on the timeline at {short_timecode(start, landed.document.sequence.rate)}.")

    def keep(self, take: Take) -> None:
        """Put a result into the media of the project."""
        (made,) = self._made([take.file], take.recipe, shortened(take.caption, 40))
        if self._project.edit("Add take", lambda document: document.with_media(made.media)):
            self.said.emit("It's in the media panel now.")

    def _made(self, files: Sequence[ResultFile], recipe: Recipe | None, name: str) -> tuple[landing.Made, ...]:
        made = landing.made_of(files, recipe, name)
        return tuple(each._replace(media=self._as_of_project(each.media)) for each in made)

    def _title(self, place: Place, prompt: str) -> str:
        document = self._project.document
        clip = document.sequence.clip(place.clip) if isinstance(place, OfClip | AfterClip) else None
        what = mode_of_place(place, self._found.complete(self._panel.wish)).replace("_", " ").capitalize()
        what = "Another shot instead" if isinstance(place, OfClip) and place.anew else what
        of = f" ({clip.name})" if clip is not None else ""
        return job_title(document.sequence, what, place, f"{shortened(prompt.strip(), 60)}{of}")

    @property
    def _project_name(self) -> str:
        """What pending takes call the open project: its file, or its first sequence until it has one."""
        path = self._project.path
        return str(path) if path is not None else str(self._project.document.sequences[0].id)

    # What comes back

    def _take_result(self, job: str, done: Done) -> None:
        self._turns.add(partial(self._land, job, done))
        self._turns.add(partial(self.settled.emit, job))

    def _land(self, job: str, done: Done) -> None:
        """Put a result where it belongs; showing it is the next turn's."""
        pending = self._waiting.of(job)
        if pending is None or self._closed or not self._is_open() or not self._belongs(pending):
            return
        try:
            made = self._made(done.result.files, done.result.recipe, pending.name)
            if self._waiting.is_earlier(job) and self._has(made):
                self._waiting.done(job)  # the program died between the landing and the note of it
                return
            landed = landing.land(
                self._project.document, pending.place, made, what=pending.what, blend=self.blend_frames
            )
        except LoopError as error:
            self._waiting.done(job)
            self.said.emit(str(error))
            return
        self.landing.emit()
        chosen = self.choosing.may_choose(job)
        with self._as_landing():
            self._project.do(landed.name, landed.document)
        if landed.clip is not None:
            self.laid.emit(landed.clip)
        self._waiting.done(job, self._keeping())
        self._show_activity()
        self._turns.next(partial(self._show_landed, job, landed, made, chosen=chosen))

    def _show_landed(self, job: str, landed: landing.Landing, made: Sequence[landing.Made], *, chosen: bool) -> None:
        sequence = self._project.document.sequence
        clip = sequence.clip(landed.clip) if landed.clip is not None else None
        if clip is not None:
            with self._as_landing():
                if chosen:
                    self.choosing.choose(job, clip.id)
                self.landed.emit(clip.id)
        words = f"{landed.name}: {_counted_takes(made)}"
        if clip is not None and not chosen:
            words += f", at {short_timecode(sequence.start_of(clip.id) or 0, sequence.rate)}"
        compare = " Alt+Down and Alt+Up compare." if clip is not None and len(clip.takes) > 1 and chosen else ""
        self.said.emit(landed.words or f"{words}.{compare}")

    @contextmanager
    def _as_landing(self) -> Generator[None]:
        self.is_landing = True
        try:
            yield
        finally:
            self.is_landing = False

    def _has(self, made: Sequence[landing.Made]) -> bool:
        here = {media.path for media in self._project.document.media.values()}
        return all(each.media.path in here for each in made)

    def _belongs(self, pending: Pending) -> bool:
        """Also to the project that had no file yet when it was asked: its sequence is known."""
        document = self._project.document
        return pending.project == self._project_name or any(
            each.id == pending.place.sequence for each in document.sequences
        )

    def _show_activity(self) -> None:
        sequence = self._project.document.sequence
        activities = [
            activity
            for pending in self._waiting
            if self._belongs(pending)
            and (entry := self._session.jobs.entry(pending.job)) is not None
            and (activity := activity_of(sequence, pending.place, entry)) is not None
        ]
        self._timeline.view.set_activity(together(activities))

    # What is becoming

    def _show_preview(self, job: str, pictures: Sequence[QImage], rate: float) -> None:
        pending = self._waiting.of(job)
        if pending is not None and self._belongs(pending) and pictures:
            self._previewed_job = job
            self.previewed.emit(list(pictures), rate)

    def _end_preview(self, job: str) -> None:
        if job == self._previewed_job:
            self.preview_ended.emit()


def _counted_takes(made: Sequence[object]) -> str:
    return "a take is here" if len(made) == 1 else f"{len(made)} takes are here"
