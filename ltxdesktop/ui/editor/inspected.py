"""What the inspector inspects: the selected clips, their numbers at the playhead, and edits of them. No widgets."""

from __future__ import annotations

from collections.abc import Callable

from ltxdesktop.document import edits
from ltxdesktop.document.lookup import Placed
from ltxdesktop.document.model import Clip, Document, Effect, ItemId, Parameter, Sequence, TrackKind
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, effect_value, value_of
from ltxdesktop.ui.editor.open_project import OpenProject
from ltxdesktop.ui.editor.shaping import toggled, valued
from ltxdesktop.ui.timeline.selection import Selection

SOUND_GROUPS = frozenset({"Sound"})
ClipEdit = Callable[[Document, ItemId], Document]


class Inspected:
    """The first selected picture and the first selected sound lend their values; edits go to all that are selected.

    A number is named by the effect it belongs to (its id; "" = the clip's own) and its name in `parameters`.
    """

    def __init__(self, project: OpenProject, selection: Selection) -> None:
        self.project, self.selection = project, selection
        self.playhead = 0
        self._asked: tuple[Sequence, frozenset[ItemId]] | None = None
        self._found: list[Placed] = []

    # What is selected

    @property
    def picture(self) -> Clip | None:
        """The clip whose picture is shown: the one pressed last, else the first of a video track."""
        return self._first(TrackKind.VIDEO, TrackKind.SUBTITLE)

    @property
    def sound(self) -> Clip | None:
        return self._first(TrackKind.AUDIO)

    def _first(self, *kinds: TrackKind) -> Clip | None:
        sequence, primary = self.project.document.sequence, self.selection.primary
        if primary is not None and (track := sequence.track_of(primary)) is not None and track.kind in kinds:
            return sequence.clip(primary)
        return next((each.clip for each in self._placed() if each.track.kind in kinds), None)

    def chosen(self) -> list[ItemId]:
        """The selected clips in the order of time."""
        return [each.clip.id for each in self._placed()]

    def of_kind(self, *, sound: bool) -> list[ItemId]:
        """The selected clips that a picture's or a sound's number goes to."""
        return [each.clip.id for each in self._placed() if (each.track.kind is TrackKind.AUDIO) is sound]

    def _placed(self) -> list[Placed]:
        """The selected clips in the order of time; found once for all the controls that ask, and there may be many."""
        asked = self.project.document.sequence, self.selection.clips
        if self._asked is None or self._asked[0] is not asked[0] or self._asked[1] is not asked[1]:
            self._asked = asked
            self._found = sorted(self.selection.placed(asked[0]), key=lambda each: (each.start, each.clip.id))
        return self._found

    def effect(self, effect: str) -> Effect | None:
        """An effect of the picture, by its id."""
        clip = self.picture
        return next((each for each in clip.effects if each.id == effect), None) if clip is not None else None

    # Numbers

    def owner(self, effect: str, name: str) -> Clip | None:
        """The clip whose number is shown."""
        if effect:
            return self.picture if self.effect(effect) is not None else None
        return self.sound if PARAMETERS[name].group in SOUND_GROUPS else self.picture

    def parameter(self, document: Document, clip_id: ItemId, effect: str, name: str) -> Parameter:
        """The clip and its effect must be there."""
        clip = document.sequence.clip(clip_id)
        assert clip is not None
        if not effect:
            return value_of(clip, name)
        return effect_value(next(each for each in clip.effects if each.id == effect), name)

    def frame_in(self, document: Document, clip: ItemId) -> int:
        """Where the playhead is, counted from the clip's first frame."""
        return self.playhead - (document.sequence.start_of(clip) or 0)

    def words(self, effect: str, name: str) -> str:
        """What a number is called in the history: "Scale", "Blur: Radius"."""
        if not effect:
            return PARAMETERS[name].label
        found = self.effect(effect)
        return f"{EFFECTS[found.kind].label}: {EFFECTS[found.kind].parameters[name].label}" if found else name

    # Edits of a number

    def change(self, effect: str, name: str, value: float) -> None:
        """One step; turning the same control on merges with it."""
        self.project.edit(
            self.words(effect, name),
            lambda document: self._with_value(document, effect, name, value),
            merge=f"{effect} {name} {sorted(self.selection.clips)} {self.playhead}",
        )

    def drag(self, effect: str, name: str, value: float) -> None:
        """Shown only, until the project's `commit`."""
        self.project.preview(self.words(effect, name), lambda document: self._with_value(document, effect, name, value))

    def reset(self, effect: str, name: str) -> None:
        def reset(document: Document) -> Document:
            for clip in self._targets(effect, name):
                document = edits.set_value(document, clip, name, None, effect=effect or None)
            return document

        self.project.edit(f"Reset {self.words(effect, name)}", reset)

    def toggle_key(self, effect: str, name: str) -> None:
        """A key at the playhead, or away with the one that is there."""

        def toggle(document: Document) -> Document:
            for clip in self._targets(effect, name):
                frame = self.frame_in(document, clip)
                changed = toggled(self.parameter(document, clip, effect, name), frame)
                document = edits.set_value(document, clip, name, changed, effect=effect or None)
            return document

        self.project.edit(f"Key of {self.words(effect, name)}", toggle)

    def with_value(self, document: Document, clip: ItemId, name: str, value: float, effect: str = "") -> Document:
        """The document with a number of one clip set: for all of the clip, or as a key at the playhead."""
        frame = self.frame_in(document, clip)
        changed = valued(self.parameter(document, clip, effect, name), frame, value)
        return edits.set_value(document, clip, name, changed, effect=effect or None)

    def _with_value(self, document: Document, effect: str, name: str, value: float) -> Document:
        for clip in self._targets(effect, name):
            document = self.with_value(document, clip, name, value, effect)
        return document

    def _targets(self, effect: str, name: str) -> list[ItemId]:
        """Clips that a number goes to: an effect's is its own clip's, others go to all that are selected."""
        if effect:
            return [self.picture.id] if self.picture is not None else []
        return self.of_kind(sound=PARAMETERS[name].group in SOUND_GROUPS)

    # Edits of the rest

    def on_pictures(self, name: str, edit: ClipEdit) -> None:
        """One step on all selected pictures."""
        self._on_all(name, self.of_kind(sound=False), edit)

    def on_all(self, name: str, edit: ClipEdit, *, merge: str = "") -> None:
        """One step on all selected clips."""
        self._on_all(name, self.chosen(), edit, merge=merge)

    def on_picture(self, name: str, edit: ClipEdit, *, merge: str = "") -> None:
        """One step on the picture that is shown."""
        clip = self.picture
        if clip is not None:
            merge = f"{merge} {clip.id}" if merge else ""
            self.project.edit(name, lambda document: edit(document, clip.id), merge=merge)

    def _on_all(self, name: str, clips: list[ItemId], edit: ClipEdit, *, merge: str = "") -> None:
        def on_each(document: Document) -> Document:
            for clip in clips:
                document = edit(document, clip)
            return document

        self.project.edit(name, on_each, merge=f"{merge} {clips}" if merge else "")
