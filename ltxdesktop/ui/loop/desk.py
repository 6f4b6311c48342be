"""Joins the open project's timeline with the engine: what is selected becomes a job, what comes back becomes takes.

The panel says what, the selection says where, `ltxdesktop.loop` turns both into work and results into edits. Here they
are only wired: nothing is decided about pictures, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from engine.protocol.messages import Done, Estimated, Model
from engine.protocol.work import AnyWork
from ltxdesktop.document.model import Clip, Document, ItemId, Media, MediaKind, Track, TrackKind
from ltxdesktop.jobs.files import with_folder
from ltxdesktop.loop import landing, places
from ltxdesktop.loop.asking import Wish, mode_of_place, problems, work_for
from ltxdesktop.loop.errors import LoopError
from ltxdesktop.loop.pending import Pending, PendingTakes
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, LikeTake, OfClip, Place
from ltxdesktop.loop.remaking import prompt_of
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.loop.panel import Action, MakePanel, Shown, with_stage
from ltxdesktop.ui.models.job_list import JobEntry
from ltxdesktop.ui.session import EngineSession
from ltxdesktop.ui.timeline.activity import Activity
from ltxdesktop.ui.timeline.panel import TimelinePanel
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import seconds_of, short_timecode, shortened

GENERATED = "generated"  # the folder beside a project where its takes lie


class LoopDesk(QObject):
    """One window's loop. `locate` finds a media's file; `as_of_project` names a new one as the project does."""

    said = Signal(str)  # for the status bar
    landed = Signal(str)  # id of the clip that got takes
    previewed = Signal(object)  # QImage of what is becoming; None when nothing is

    def __init__(
        self,
        session: EngineSession,
        project: OpenProject,
        timeline: TimelinePanel,
        selection: Selection,
        panel: MakePanel,
        waiting: PendingTakes,
        locate: Callable[[Media], Path],
        as_of_project: Callable[[Media], Media],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._project, self._timeline, self._selection = session, project, timeline, selection
        self._panel, self._waiting = panel, waiting
        self._locate, self._as_of_project = locate, as_of_project
        self._action: Action = "retake"  # that the person chose last
        self._places: tuple[Place, ...] = ()
        self._extension: tuple[str, bool, int] | None = None  # dragged with the tool: clip, at its tail, frames
        self._asked = 0  # estimates
        self._picture, self._sound, self._sound_frames = "", "", 0  # what a new clip begins with, or follows
        self.blend_frames = landing.BLEND_FRAMES
        self._closed = False
        self._subject: ItemId | None = None  # the clip whose prompt the panel shows
        self._wire()
        panel.show_capabilities(session.backends)
        self.refresh()

    def _wire(self) -> None:
        session, panel, timeline = self._session, self._panel, self._timeline
        session.capabilities_changed.connect(self._show_capabilities)
        session.job_done.connect(self._take_result)
        session.job_ended.connect(self._end_preview)
        session.preview_arrived.connect(self._show_preview)
        for told in (session.jobs.dataChanged, session.jobs.rowsInserted, session.jobs.modelReset):
            told.connect(self._show_activity)
        session.jobs.rowsRemoved.connect(self._show_activity)
        panel.asked.connect(self._ask)
        panel.changed.connect(self._check)
        panel.action_chosen.connect(self._choose_action)
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
        return self._places

    @property
    def waiting_jobs(self) -> tuple[str, ...]:
        """Jobs whose takes the open project waits for."""
        return tuple(each.job for each in self._waiting if self._belongs(each))

    def refresh(self) -> None:
        """Find the place that is meant: the range between in and out, a gap, a clip, or the playhead."""
        self._picture, self._sound, self._sound_frames = "", "", 0
        try:
            self._places, shown = self._find()
        except LoopError as error:
            self._places = ()
            self._panel.show_place(Shown("Make", ""))
            self._panel.show_problems([str(error)])
            self._panel.show_estimate(None)
            return
        self._panel.show_place(shown)
        self._recall_prompt()
        self._check()

    def _find(self) -> tuple[tuple[Place, ...], Shown]:
        document, selection = self._project.document, self._selection
        sequence = document.sequence
        if self._extension is not None:
            clip, at_tail, frames = self._extension
            return self._beyond(document, ItemId(clip), frames, "forward" if at_tail else "backward")
        first, last = sequence.in_frame, sequence.out_frame
        if first is not None and last is not None and first < last:
            return self._in_range(document, first, last)
        if selection.gap is not None:
            place = places.gap(document, selection.gap, self._path)
            words = f"{seconds_of(place.frames, sequence.rate)} between two clips, exactly as long as the gap"
            return (place,), Shown("Fill the gap", words, verb="Fill")
        subject = _film_clip(document, selection)
        if subject is not None:
            return self._at_clip(document, *subject)
        heard = _sound_clip(document, selection)
        if heard is not None:
            return self._to_sound(document, heard)
        place = places.at_frame(document, self._timeline.view.playhead)
        words = f"At {short_timecode(place.frame, sequence.rate)}, {sequence.width} × {sequence.height}"
        return (place,), Shown("New clip", words, ("new",), length=True, verb="Generate")

    def _in_range(self, document: Document, first: int, last: int) -> tuple[tuple[Place, ...], Shown]:
        sequence = document.sequence
        here = _named_in(document, self._selection, first, last)
        found = places.in_range(document, first, last, self._path, clips=here)
        clip = sequence.clip(found[0].clip)
        assert clip is not None
        start, end = (short_timecode(frame, sequence.rate) for frame in (first, last))
        words = f"{start} to {end}, {seconds_of(last - first, sequence.rate)}"
        if len(found) > 1:
            words += f", {len(found)} clips: one job for each"
        else:
            words += f", of {_named(document, clip)}"
        heard = any(document.media[each.media].has_sound for each in found)
        return found, Shown("Retake", words, ("retake",), has_sound=heard, verb="Retake")

    def _at_clip(self, document: Document, clip: Clip, track: Track) -> tuple[tuple[Place, ...], Shown]:
        sequence = document.sequence
        media = document.media[clip.media] if clip.media is not None else None
        if media is not None and media.kind is MediaKind.STILL:
            self._picture = self._path(media)
            place = places.at_frame(document, (sequence.start_of(clip.id) or 0) + clip.duration, track.id)
            words = f"Begins with the picture {_named(document, clip)}, and is put behind it"
            return (place,), Shown("From a picture", words, ("new",), length=True, verb="Generate")
        actions: tuple[Action, ...] = ("retake", "extend", "new")
        if self._action == "extend":
            frames = max(1, self._panel.wish.frames or round(2 * sequence.rate))
            found, shown = self._beyond(document, clip.id, frames, "forward")
            return found, shown._replace(actions=actions, length=True)
        if self._action == "new":
            start = sequence.start_of(clip.id) or 0
            place = places.at_frame(document, start + clip.duration, track.id)
            return (place,), Shown(
                "New clip", f"Behind {_named(document, clip)}", actions, length=True, verb="Generate"
            )
        whole = places.whole(document, clip.id, self._path)
        words = f"All of {_named(document, clip)}, {seconds_of(clip.duration, sequence.rate)}"
        heard = document.media[whole.media].has_sound
        return (whole,), Shown("Retake", words, actions, has_sound=heard, verb="Retake")

    def _to_sound(self, document: Document, clip: Clip) -> tuple[tuple[Place, ...], Shown]:
        """A picture that follows a sound, above it and as long as it."""
        assert clip.media is not None
        self._sound, self._sound_frames = self._path(document.media[clip.media]), clip.duration
        place = places.at_frame(document, document.sequence.start_of(clip.id) or 0, picture_only=True)
        words = f"Follows the sound {_named(document, clip)}, {seconds_of(clip.duration, document.sequence.rate)}"
        return (place,), Shown("To a sound", words, ("new",), verb="Generate")

    def _wish(self) -> Wish:
        """What the panel says, and the file that the place begins with or follows."""
        wish = self._panel.wish
        if self._picture:
            return replace(wish, picture=self._picture)
        if self._sound:
            return replace(wish, sound=self._sound, frames=self._sound_frames)
        return wish

    def _beyond(
        self, document: Document, clip_id: ItemId, frames: int, direction: Literal["forward", "backward"]
    ) -> tuple[tuple[Place, ...], Shown]:
        place = places.beyond(document, clip_id, frames, direction, self._path)
        clip = document.sequence.clip(clip_id)
        assert clip is not None
        where = "after the end" if direction == "forward" else "before the start"
        words = f"{seconds_of(frames, document.sequence.rate)} {where} of {_named(document, clip)}"
        return (place,), Shown("Extend", words, verb="Extend")

    def _path(self, media: Media) -> str:
        path = self._locate(media)
        return str(path) if path.exists() else ""

    # What moved

    def _selection_moved(self) -> None:
        self._extension = None
        self.refresh()

    def _range_moved(self, first: int, last: int) -> None:
        self._extension = None
        self.refresh()

    def _playhead_moved(self, frame: int) -> None:
        if any(isinstance(each, AtFrame) for each in self._places) and self._action != "new":
            self.refresh()

    def _project_changed(self, before: Document, after: Document, name: str) -> None:
        if before.sequence is not after.sequence:
            if self._extension is not None and after.sequence.clip(ItemId(self._extension[0])) is None:
                self._extension = None
            self.refresh()
            self._show_activity()

    def _project_opened(self) -> None:
        self._extension, self._subject = None, None
        self.refresh()
        for each in self._waiting.of_project(self._project_name):
            self._session.ask_result(each.job, self._take_result)
        self._show_activity()

    def _choose_action(self, action: str) -> None:
        if action in ("retake", "extend", "new"):
            self._action = action
            self._extension = None
            self.refresh()

    def _take_extension(self, clip: str, at_tail: bool, frames: int) -> None:
        self._extension = clip, at_tail, frames
        self.refresh()
        self._panel.focus_prompt()

    def _take_gap(self, gap: str, first: int, last: int) -> None:
        self._selection.choose(gap=ItemId(gap))
        self._panel.focus_prompt()

    # What is said

    def _recall_prompt(self) -> None:
        """Each clip has its own words: those of its last job."""
        subject = next((each.clip for each in self._places if isinstance(each, OfClip | AfterClip)), None)
        if subject == self._subject:
            return
        self._subject = subject
        clip = self._project.document.sequence.clip(subject) if subject is not None else None
        take = clip.take if clip is not None else None
        media = self._project.document.media.get(take.media) if take is not None else None
        words = prompt_of(media) if media is not None else ""
        if words:
            self._panel.write(words)

    def _check(self) -> None:
        """What speaks against it, and what it would take."""
        wish, found = self._wish(), self._panel.chosen
        backend, model = found if found is not None else (None, None)
        if any(isinstance(each, AfterClip) for each in self._places) and self._extension is None:
            self._places = self._places_again(wish.frames)
        sequence = self._project.document.sequence
        said: list[str] = []
        for place in self._places:
            said += problems(place, wish, sequence, backend, model, self._size(place))
        if backend is not None and backend.remote and not wish.may_leave:
            said.append("Agree that the footage and the words are sent, or choose a model on this machine.")
        self._panel.show_problems(list(dict.fromkeys(said)))
        if said or not self._places:
            self._panel.show_estimate(None)
        else:
            self._asked += 1
            asked = self._asked
            work = work_for(self._places[0], wish, sequence)
            self._session.ask_estimate(work, lambda estimate: self._show_estimate(asked, estimate))

    def _places_again(self, frames: int) -> tuple[Place, ...]:
        """An extension of the clip by as many frames as the panel says now."""
        place = self._places[0]
        if not isinstance(place, AfterClip) or not frames or frames == place.frames:
            return self._places
        return (places.beyond(self._project.document, place.clip, frames, place.direction, self._path),)

    def _size(self, place: Place) -> tuple[int, int]:
        sequence = self._project.document.sequence
        if isinstance(place, OfClip | AfterClip):
            media = self._project.document.media.get(place.media)
            if media is not None:
                return media.width, media.height
        return sequence.width, sequence.height

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
            self._panel.show_estimate(estimate)

    # Asking

    def _ask(self, stage: str) -> None:
        """Queue a job for every place, and remember where its takes belong."""
        wish = with_stage(self._wish(), stage)
        document = self._project.document
        for place in self._places:
            work = work_for(place, wish, document.sequence)
            if self._project.path is not None:
                work = with_folder(work, self._project.path.parent / GENERATED)
            name = shortened(wish.prompt.strip(), 40)
            job = self._session.submit(work, self._title(place, wish.prompt))
            self._waiting.add(Pending(job, self._project_name, place, wish.what, name))
        self._panel.remember(wish.prompt)
        self._panel.after_asking()
        self._extension = None
        self._show_activity()
        self.said.emit("Asked. You can go on editing; the take goes where the clip goes.")

    def submit(self, work: AnyWork, place: Place, title: str) -> None:
        """Queue work that a recipe gave, for a place of the open project."""
        name = shortened(work.prompt.strip(), 40)
        job = self._session.submit(work, title)
        self._waiting.add(Pending(job, self._project_name, place, "both", name))
        self._show_activity()
        self.said.emit(f"{title}: asked.")

    def _title(self, place: Place, prompt: str) -> str:
        document = self._project.document
        clip = document.sequence.clip(place.clip) if isinstance(place, OfClip | AfterClip) else None
        what = mode_of_place(place, self._wish()).replace("_", " ").capitalize()
        of = f" of {clip.name}" if clip is not None else ""
        return f"{what}{of}: {shortened(prompt.strip(), 60)}"

    @property
    def _project_name(self) -> str:
        """What pending takes call the open project: its file, or its first sequence until it has one."""
        path = self._project.path
        return str(path) if path is not None else str(self._project.document.sequences[0].id)

    # What comes back

    def _take_result(self, job: str, done: Done) -> None:
        pending = self._waiting.of(job)
        if pending is None or self._closed or not self._belongs(pending):
            return
        self._waiting.done(job)
        try:
            made = landing.made_of(done.result.files, done.result.recipe, pending.name)
            made = tuple(each._replace(media=self._as_of_project(each.media)) for each in made)
            landed = landing.land(
                self._project.document, pending.place, made, what=pending.what, blend=self.blend_frames
            )
        except LoopError as error:
            self.said.emit(str(error))
            return
        self._project.do(landed.name, landed.document)
        self._show_activity()
        if landed.clip is not None:
            self._selection.choose([landed.clip])
            self.landed.emit(landed.clip)
        self.said.emit(landed.words or f"{landed.name}: {_counted_takes(made)}. Alt+Down and Alt+Up compare.")

    def _belongs(self, pending: Pending) -> bool:
        """Also to the project that had no file yet when it was asked: its sequence is known."""
        document = self._project.document
        return pending.project == self._project_name or any(
            each.id == pending.place.sequence for each in document.sequences
        )

    def _show_activity(self) -> None:
        activities = [
            activity
            for pending in self._waiting
            if self._belongs(pending)
            and (entry := self._session.jobs.entry(pending.job)) is not None
            and (activity := self._activity(pending.place, entry)) is not None
        ]
        self._timeline.view.set_activity(activities)

    def _activity(self, place: Place, entry: JobEntry) -> Activity | None:
        """Where it's shown: on its clip as long as that is there, in its gap, or at its frame."""
        if entry.ended and entry.state != "done":
            return None
        sequence = self._project.document.sequence
        fraction = entry.fraction if entry.state == "running" else -1.0
        shown = Activity(fraction, entry.status)
        match place:
            case OfClip():
                start = sequence.start_of(place.clip)
                if start is None:
                    return None
                return replace(
                    shown, clip=place.clip, first=start + place.first, last=start + place.first + place.frames
                )
            case AfterClip():
                start, clip, track = (
                    sequence.start_of(place.clip),
                    sequence.clip(place.clip),
                    sequence.track_of(place.clip),
                )
                if start is None or clip is None or track is None:
                    return None
                first = start + clip.duration if place.direction == "forward" else max(0, start - place.frames)
                return replace(shown, track=track.id, first=first, last=first + place.frames)
            case InGap():
                start = sequence.start_of(place.gap)
                return (
                    None if start is None else replace(shown, track=place.track, first=start, last=start + place.frames)
                )
            case LikeTake():
                return replace(shown, clip=place.clip) if sequence.clip(place.clip) is not None else None
            case AtFrame():
                track_id = place.track or next(iter(sequence.of_kind(TrackKind.VIDEO))).id
                return replace(shown, track=track_id, first=place.frame, last=place.frame + round(2 * sequence.rate))

    # What is becoming

    def _show_preview(self, job: str, pictures: Sequence[QImage], rate: float) -> None:
        pending = self._waiting.of(job)
        if pending is not None and self._belongs(pending) and pictures:
            self.previewed.emit(pictures[len(pictures) // 2])

    def _end_preview(self, job: str) -> None:
        self.previewed.emit(None)


# ---- small questions -------------------------------------------------------------------------------------------------


def _film_clip(document: Document, selection: Selection) -> tuple[Clip, Track] | None:
    """The selected clip with footage on a video track; of linked picture and sound the picture."""
    sequence = document.sequence
    for clip_id in sorted(selection.clips, key=lambda each: each != selection.primary):
        track, clip = sequence.track_of(clip_id), sequence.clip(clip_id)
        if clip is not None and clip.takes and track is not None and track.kind is TrackKind.VIDEO:
            return clip, track
    return None


def _sound_clip(document: Document, selection: Selection) -> Clip | None:
    """The selected sound, if it is sound alone."""
    for clip_id in sorted(selection.clips):
        clip = document.sequence.clip(clip_id)
        media = document.media.get(clip.media) if clip is not None and clip.media is not None else None
        if media is not None and media.kind is MediaKind.AUDIO:
            return clip
    return None


def _named_in(document: Document, selection: Selection, first: int, last: int) -> list[ItemId]:
    """Selected clips with a picture that the range touches: then only they are meant."""
    sequence = document.sequence
    found: list[ItemId] = []
    for track in sequence.of_kind(TrackKind.VIDEO):
        found += [
            item.id
            for _, item in track.placed(first, last)
            if isinstance(item, Clip) and item.takes and item.id in selection.clips
        ]
    return found


def _named(document: Document, clip: Clip) -> str:
    track = document.sequence.track_of(clip.id)
    return f"{track.name} “{clip.name}”" if track is not None else f"“{clip.name}”"


def _counted_takes(made: Sequence[object]) -> str:
    return "a take is here" if len(made) == 1 else f"{len(made)} takes are here"
