"""What can be done with the takes of the clip that is selected: shown, compared, kept, made again, removed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import msgspec
from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from engine.protocol.messages import Recipe
from engine.protocol.work import AnyWork
from ltxdesktop.document import edits
from ltxdesktop.document.errors import NoSuchClip
from ltxdesktop.document.model import Clip, Document, ItemId, Media, Sequence, Take, TrackKind
from ltxdesktop.jobs.ask import HIGHEST_SEED
from ltxdesktop.loop import joining, remaking
from ltxdesktop.loop.errors import LoopError
from ltxdesktop.loop.places import LikeTake
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.editor.materials import Materials
from ltxdesktop.ui.editor.monitor import EditMonitor
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.sources import Footage, SequenceSource
from ltxdesktop.ui.loop.activities import job_title
from ltxdesktop.ui.loop.audition import Audition
from ltxdesktop.ui.loop.compare import Compared, CompareWindow
from ltxdesktop.ui.loop.takes_view import TakesView
from ltxdesktop.ui.models.clip_takes import TakeRow, rows_of
from ltxdesktop.ui.recipe_window import RecipeWindow
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.words import counted

Submit = Callable[[AnyWork, LikeTake, str], None]
PICTURE_PX = 80  # of height: twice the card's, for screens of scale 2


class TakesDesk(QObject):
    """`submit` queues work and remembers where its takes belong; `footage` says how a document is rendered."""

    said = Signal(str)

    def __init__(
        self,
        look: Look,
        actions: Actions,
        project: OpenProject,
        selection: Selection,
        view: TakesView,
        submit: Submit,
        footage: Callable[[Document], Footage],
        materials: Materials,
        program: EditMonitor,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._materials, self._program = materials, program
        self.audition = Audition(program, actions["play.loop"], self)
        self._look, self._project, self._selection, self._view = look, project, selection, view
        self._submit, self._footage, self._window = submit, footage, window
        self._random = Random()
        self._shown: tuple[object, ...] | None = ()  # of the clip whose takes are listed
        self._compare: CompareWindow | None = None
        self._compared: Clip | None = None  # as it was when the comparison began
        self._actions = actions
        self.keep_others = True  # in the clip, when one of its takes is kept
        for name, call in (
            ("make.compare", self.compare),
            ("make.accept", self.accept),
            ("make.finish", self.finish),
            ("make.again", self.again),
            ("make.vary", self.vary),
            ("make.recipe", self.show_recipe),
            ("make.remove_unused", self.remove_unused),
        ):
            actions.bind(name, call)
        for name, by in (("clip.next_take", 1), ("clip.previous_take", -1)):
            actions.detour(name, partial(self._turn, by))
        view.chosen.connect(self.choose)
        view.renamed.connect(self._rename)
        view.rated.connect(self._rate)
        view.removed.connect(self._remove)
        view.blended.connect(self._blend)
        selection.changed.connect(self.refresh)
        project.changed.connect(self.refresh)
        project.opened.connect(self.refresh)
        self.refresh()

    # What is shown

    @property
    def clip(self) -> Clip | None:
        """The selected clip with a picture, of several the one that was pressed last; else the selected sound."""
        found = self._selection.placed(self._project.document.sequence)
        primary = self._selection.primary
        with_takes = [(each.track.kind is not TrackKind.VIDEO, each.clip) for each in found if each.clip.takes]
        return min(with_takes, key=lambda each: (each[0], each[1].id != primary, each[1].id), default=(False, None))[1]

    def refresh(self) -> None:
        """Another clip, or other takes."""
        clip = self.clip
        media = self._media_of(clip)
        self._show(clip)
        several = clip is not None and len(clip.takes) > 1
        made = media is not None and bool(media.recipe)
        for name, can in (
            ("make.compare", several),
            ("make.accept", several),
            ("make.remove_unused", several),
            ("make.again", made),
            ("make.vary", made),
            ("make.recipe", made),
            ("make.finish", media is not None and remaking.is_draft(media)),
        ):
            self._actions[name].setEnabled(can)

    def _show(self, clip: Clip | None) -> None:
        """Each step of a drag comes here: what is the same is left as it is."""
        document = self._project.document
        shown = (clip.id, clip.takes, clip.active) if clip is not None else None
        if shown != self._shown:
            self._shown = shown
            self._show_rows(document, clip)
        if clip is not None and self._is_listed(clip):
            self._show_join(document, clip)

    def _is_listed(self, clip: Clip) -> bool:
        """Whether there is something to choose, or a join to set: footage as it is has neither."""
        media = self._media_of(clip)
        return len(clip.takes) > 1 or (media is not None and bool(media.recipe))

    def _show_join(self, document: Document, clip: Clip) -> None:
        self._view.show_join(joining.blend_of(document, clip.id), joining.room_for_blend(document, clip.id))

    def _show_rows(self, document: Document, clip: Clip | None) -> None:
        rows = rows_of(document, clip) if clip is not None and self._is_listed(clip) else []
        self._view.show_takes(rows, clip.active if clip is not None else 0)
        for row in self._view.model.values():
            media = document.media.get(row.take.media)
            if row.picture is None and media is not None:
                self._show_picture(media)

    def _show_picture(self, media: Media) -> None:
        """At once what is in memory: strips of a new take on the timeline may be made before this one's own."""
        at_hand = self._materials.picture_at_hand(media, 0.5)
        if at_hand is not None:
            self._view.show_picture(media.id, at_hand)
        show = partial(self._view.show_picture, media.id)
        self._materials.ask_picture(("takes", media.id), media, 0.5, PICTURE_PX, show)

    def _media_of(self, clip: Clip | None) -> Media | None:
        return self._project.document.media.get(clip.media) if clip is not None and clip.media is not None else None

    # Choosing

    def choose(self, number: int) -> None:
        """Show another take. Turning through takes is one step, however many are looked at."""
        clip = self.clip
        if clip is not None and number != clip.active and number < len(clip.takes):
            words = f"Show {_called(clip.takes[number], number)}"
            self._project.edit(
                words, lambda document: joining.with_take(document, clip.id, number), merge=f"takes of {clip.id}"
            )

    def _turn(self, by: int) -> bool:
        """Another take of the selected clip, else of the topmost at the playhead, played in a loop around it."""
        clip = self.clip
        if clip is None or len(clip.takes) < 2:
            clip = self._under_playhead()
            if clip is None:
                return False  # the timeline's own command says what is wrong
            self._selection.choose([clip.id])
        self.choose((clip.active + by) % len(clip.takes))
        self.audition.play_around(self._project.document.sequence, clip.id)
        return True

    def _under_playhead(self) -> Clip | None:
        """The topmost clip at the playhead that has several takes."""
        sequence, frame = self._project.document.sequence, self._program.frame
        for track in reversed(sequence.of_kind(TrackKind.VIDEO)):
            item = track.at(frame)
            if isinstance(item, Clip) and len(item.takes) > 1:
                return item
        return None

    def accept(self) -> None:
        """Say that the take that is shown is the one: it's rated highest, and turning ends here."""
        clip = self.clip
        if clip is not None and len(clip.takes) > 1:
            self._keep(clip, clip.active)

    def _keep(self, clip: Clip, number: int) -> None:
        if self._project.edit("Keep take", partial(_with_kept, clip.id, number, keep_others=self.keep_others)):
            self.audition.end()
            others = "stay, unused" if self.keep_others else "have left the clip; their files stay in the media panel"
            self.said.emit(f"Kept “{_called(clip.takes[number], number)}”. The others {others}.")

    def _rename(self, number: int, name: str) -> None:
        self._change("Rename take", lambda document, clip: edits.change_take(document, clip.id, number, name=name))

    def _rate(self, number: int, rating: int) -> None:
        self._change("Rate take", lambda document, clip: edits.change_take(document, clip.id, number, rating=rating))

    def _blend(self, frames: int) -> None:
        """The joins of the take that is shown over so many frames. Turning the field is one step."""
        clip = self.clip
        if clip is not None:
            words = f"Blend over {counted(frames, 'frame')}" if frames else "Hard cuts"
            self._project.edit(
                words,
                lambda document: joining.with_blend(document, clip.id, frames),
                merge=f"joins of {clip.id}",
            )

    def _remove(self, number: int) -> None:
        self._change("Remove take", lambda document, clip: joining.without_take(document, clip.id, number))

    def remove_unused(self) -> None:
        """Leave each selected clip only the take that it shows."""
        clips = [clip for each in self._selection.clips if (clip := self._project.document.sequence.clip(each))]

        def remove(document: Document) -> Document:
            for clip in clips:
                now = document.sequence.clip(clip.id)
                for number in reversed(range(len(now.takes) if now is not None else 0)):
                    if now is not None and number != now.active:
                        document = edits.remove_take(document, clip.id, number)
                        now = document.sequence.clip(clip.id)
            return document

        unused = sum(max(0, len(clip.takes) - 1) for clip in clips)
        if unused and self._project.edit("Remove unused takes", remove):
            self.said.emit(f"{counted(unused, 'take')} removed from the clips; the files stay in the media panel.")

    def _change(self, words: str, change: Callable[[Document, Clip], Document]) -> None:
        clip = self.clip
        if clip is not None:
            self._project.edit(words, lambda document: change(document, clip))

    # Making again

    def again(self) -> None:
        self._remake("Again", remaking.again)

    def vary(self) -> None:
        self._remake("Vary", partial(_varied, self._random.randint(0, HIGHEST_SEED)))

    def finish(self) -> None:
        self._remake("Finish", remaking.finished)

    def _remake(self, words: str, work_of: Callable[[Media], AnyWork]) -> None:
        clip = self.clip
        media = self._media_of(clip)
        if clip is None or media is None:
            return
        try:
            work = work_of(media)
        except LoopError as error:
            self.said.emit(str(error))
            return
        sequence = self._project.document.sequence
        place = LikeTake(sequence.id, clip.id, media.id)
        self._submit(work, place, job_title(sequence, words, place, media.name))

    def show_recipe(self) -> None:
        media = self._media_of(self.clip)
        if media is not None and media.recipe:
            known = {field.name for field in msgspec.structs.fields(Recipe)}
            recipe = msgspec.convert({name: value for name, value in media.recipe.items() if name in known}, Recipe)
            RecipeWindow(recipe, self._window).exec()

    # Comparing

    def compare(self) -> None:
        """The take that is shown against the original, or, where that is shown, against the newest take."""
        clip = self.clip
        if clip is None or len(clip.takes) < 2:
            self.said.emit("This clip has no other takes yet.")
            return
        if not self._is_seen(clip):
            self.said.emit("Sounds are compared by ear: Alt+Down and Alt+Up turn the takes while they play.")
            return
        if self._compare is None:
            self._compare = CompareWindow(self._look, self._window)
            self._compare.stepped.connect(self._program.player.step)
            self._compare.kept.connect(self._keep_compared)
        self._go_into(clip)
        self._compared = clip
        takes = [Compared(_called(take, number), self._picture(clip, number)) for number, take in enumerate(clip.takes)]
        self._compare.compare(takes, 0, clip.active or len(clip.takes) - 1, self._program.frame)

    def _is_seen(self, clip: Clip) -> bool:
        track = self._project.document.sequence.track_of(clip.id)
        return track is not None and track.kind is TrackKind.VIDEO

    def _keep_compared(self, number: int) -> None:
        """The take by that number when the comparison began; the clip may have lost it, or others, meanwhile."""
        if self._compared is None:
            return
        wanted, clip = self._compared.takes[number], self._project.document.sequence.clip(self._compared.id)
        found = [now for now, take in enumerate(clip.takes) if take.media == wanted.media] if clip is not None else []
        if clip is None or not found:
            self.said.emit(f"“{_called(wanted, number)}” is no longer in the film.")
            return
        self._selection.choose([clip.id])
        self._keep(clip, found[0])

    def _go_into(self, clip: Clip) -> None:
        """Where the playhead stands elsewhere, the takes would look alike."""
        start = self._project.document.sequence.start_of(clip.id) or 0
        if not start <= self._program.frame < start + clip.duration:
            self._program.activated.emit()
            self._program.seek(start + clip.duration // 2)

    def follow(self, frame: int) -> None:
        """The playhead moved."""
        if self._compare is not None and self._compare.isVisible():
            self._compare.go_to(frame)

    def close_all(self) -> None:
        if self._compare is not None:
            self._compare.close_all()

    def _picture(self, clip: Clip, number: int) -> Callable[[int, QSize], QImage]:
        """Renders the film with one take of a clip. Called on the comparison's worker."""
        document = self._project.document
        shown = document if clip.active == number else edits.set_take(document, clip.id, number)
        return _Rendered(shown.sequence, self._footage(shown))


class _Rendered:
    """Pictures of a sequence, rendered when the first is asked for."""

    def __init__(self, sequence: Sequence, footage: Footage) -> None:
        self._sequence, self._footage = sequence, footage
        self._source: SequenceSource | None = None

    def __call__(self, frame: int, room: QSize) -> QImage:
        if self._source is None:
            self._source = SequenceSource(self._sequence, self._footage)
        return self._source.picture(frame, Size(room.width(), room.height()))


def _varied(seed: int, media: Media) -> AnyWork:
    return remaking.varied(media, seed)


def _called(take: Take, number: int) -> str:
    return TakeRow(number, take, "").title


def _with_kept(clip_id: ItemId, kept: int, document: Document, *, keep_others: bool) -> Document:
    """A take shown and rated highest; other takes that were made leave the clip, if so wished. The original stays."""
    clip = document.sequence.clip(clip_id)
    if clip is None:
        raise NoSuchClip(clip_id)
    if kept != clip.active:
        document = joining.with_take(document, clip_id, kept)
    document = edits.change_take(document, clip_id, kept, rating=5)
    for number in reversed(range(len(clip.takes))):
        made = bool(document.media[clip.takes[number].media].recipe)
        if made and number != kept and not keep_others:
            document = edits.remove_take(document, clip_id, number)
    return document
