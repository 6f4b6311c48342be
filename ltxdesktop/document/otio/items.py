"""Clips, gaps and transitions of one sequence read from OpenTimelineIO objects, ours and those of other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from math import isclose
from types import MappingProxyType
from typing import cast

from ltxdesktop.document.model import (
    EMPTY,
    Clip,
    Content,
    Effect,
    Gap,
    GroupId,
    Item,
    ItemId,
    LinkId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    Parameter,
    Solid,
    Take,
    Title,
    Transition,
    TransitionKind,
)
from ltxdesktop.document.otio.facts import number_of, parameter_of
from ltxdesktop.document.otio.foreign import ForeignMedia
from ltxdesktop.document.otio.names import (
    DEFAULT_KEY,
    OURS,
    Tree,
    exact,
    from_source_start,
    media_start,
    otio_float,
    path_of,
    path_of_reference,
    to_source_start,
    url_of,
)
from ltxdesktop.document.otio.trees import (
    available_range,
    composition_seconds,
    kind_of,
    metadata_of,
    others_of,
    ours_of,
    references_of,
    time_of,
)
from ltxdesktop.document.time import nearest


class ItemReader:
    """Items of one sequence from OpenTimelineIO objects. `media` grows by what another tool added."""

    def __init__(self, rate: Fraction, media: dict[MediaId, Media], foreign: ForeignMedia | None = None) -> None:
        self.rate = rate
        self.rate_float = otio_float(rate)
        self.media = media
        self.foreign = foreign or ForeignMedia()
        self.new_id = self.foreign.new_id
        self.stray_markers: list[Marker] = []  # on gaps and tracks, in sequence time
        self.nested: list[Tree] = []
        self.notes: list[str] = []
        self._fractions: dict[str, Fraction] = {}
        self._urls: dict[MediaId, str] = {}
        self._starts: dict[MediaId, Fraction] = {}

    def children(self, trees: Iterable[Tree], *, sound: bool = False) -> tuple[Item, ...]:
        """The items of a track, in order, with the transitions between them given to their clips."""
        items: list[Item] = []
        head: Transition | None = None
        off_grid = Fraction(0)  # how far the exact end is behind the rounded one, for times between frames
        first = 0
        for tree in trees:
            kind = kind_of(tree)
            if kind == "Transition":
                transition = self._transition(tree)
                if _is_tail(tree, items):
                    items[-1] = replace(cast("Clip", items[-1]), tail=replace(transition, after=0))
                else:
                    head = transition
                continue
            duration, off_grid = self._duration(tree, off_grid)
            if duration <= 0:
                continue
            item = self._item(tree, kind, duration, first, sound=sound)
            if head is not None:
                item = _with_head(item, head, items)
                head = None
            items.append(item)
            first += duration
        if head is not None and items and isinstance(items[-1], Clip):
            items[-1] = replace(items[-1], tail=replace(head, after=0))
        return tuple(items)

    def markers(self, trees: Iterable[Tree], start: float) -> tuple[tuple[Marker, ...], Tree]:
        """Markers in frames after `start`, and the metadata of other tools on them by marker id."""
        kept: Tree = {}
        markers: list[Marker] = []
        for tree in trees:
            marker = self._marker(tree, start)
            markers.append(marker)
            others = others_of(tree.get("metadata"))
            if others:
                kept[marker.id] = others
        return tuple(markers), kept

    def fraction(self, text: str) -> Fraction:
        found = self._fractions.get(text)
        if found is None:
            found = self._fractions[text] = Fraction(text)
        return found

    def frames(self, time: Tree) -> int:
        value: float = time["value"]
        if self._counts_in(time) and value == int(value):
            return int(value)
        return nearest(exact(value, time["rate"]) * self.rate)

    # ---- one item ----------------------------------------------------------------------------------------------------

    def _item(self, tree: Tree, kind: str, duration: int, first: int, *, sound: bool) -> Item:
        if kind == "Clip":
            return self._clip(tree, duration, sound=sound)
        markers, _ = self.markers(tree.get("markers", ()), 0)
        self.stray_markers += [replace(marker, frame=first + marker.frame) for marker in markers]
        if kind not in ("Gap", "Filler"):
            self.nested.append(tree)
        return Gap(ItemId(ours_of(tree).get("id") or self.new_id()), duration)

    def _duration(self, tree: Tree, off_grid: Fraction) -> tuple[int, Fraction]:
        """Frames that an object takes, and what its exact end has over them."""
        source = tree.get("source_range") or available_range(tree)
        if source is None:
            exact_frames = composition_seconds(tree) * self.rate
        else:
            time: Tree = source["duration"]
            value: float = time["value"]
            if self._counts_in(time) and float(value).is_integer() and not off_grid:
                return int(value), off_grid
            exact_frames = exact(value, time["rate"]) * self.rate
        exact_frames += off_grid
        frames = nearest(exact_frames)
        return frames, exact_frames - frames

    def _transition(self, tree: Tree) -> Transition:
        name = ours_of(tree).get("kind")
        kind = TransitionKind(name) if name else TransitionKind.DISSOLVE
        return Transition(kind, self.frames(tree["in_offset"]), self.frames(tree["out_offset"]))

    def _clip(self, tree: Tree, duration: int, *, sound: bool) -> Clip:
        ours = ours_of(tree)
        speed, kept_effects = self._speed(tree, ours)
        references, active_key = references_of(tree)
        active_reference: Tree = references[active_key]
        takes, active, content = (), 0, None
        if "takes" not in ours and kind_of(active_reference) == "GeneratorReference":
            content, active = _content(active_reference), ours.get("active", 0)
        else:
            takes, active = self._takes(tree, ours, references, active_key, speed, duration, sound=sound)
        kept: Tree = {}
        if content is not None and OURS not in (active_reference.get("metadata") or {}):
            kept["reference"] = active_reference
            what = active_reference.get("generator_kind")
            if "id" not in ours:  # read for the first time
                self.notes.append(f"The generator “{what}” is kept in the file and shows black here: “{tree['name']}”.")
        if kept_effects:
            kept["effects"] = kept_effects
        markers: tuple[Marker, ...] = ()
        if tree.get("markers"):
            source = tree.get("source_range")
            markers, kept_markers = self.markers(tree["markers"], self._value(source["start_time"]) if source else 0)
            if kept_markers:
                kept["markers"] = kept_markers
        return Clip(
            ItemId(ours.get("id") or self.new_id()),
            tree["name"],
            duration,
            takes,
            active,
            content,
            speed,
            tree.get("enabled", True),
            self._parameters(ours.get("values")),
            tuple(self._effect(effect) for effect in ours.get("effects", ())),
            ours.get("fade_in", 0),
            ours.get("fade_out", 0),
            markers=markers,
            link=cast("LinkId | None", ours.get("link")),
            group=cast("GroupId | None", ours.get("group")),
            metadata=metadata_of(tree, kept),
            keeps_pitch=ours.get("keeps_pitch", False),
        )

    def _counts_in(self, time: Tree) -> bool:
        """Whether a time is in frames of the sequence. OpenTimelineIO itself loses a float's last bit when it reads."""
        rate: float = time["rate"]
        return rate == self.rate_float or abs(rate - self.rate_float) < 1e-12 * self.rate_float

    def _value(self, time: Tree) -> float:
        """A time in frames of the sequence, not rounded."""
        if self._counts_in(time):
            return time["value"]
        return otio_float(exact(time["value"], time["rate"]) * self.rate)

    def _speed(self, tree: Tree, ours: Tree) -> tuple[Fraction, list[Tree]]:
        """The clip's speed, and the effects that are no change of speed."""
        speed, kept = Fraction(1), list[Tree]()
        for effect in tree.get("effects", ()):
            if kind_of(effect) not in ("LinearTimeWarp", "FreezeFrame"):
                kept.append(effect)
                continue
            scalar = 0.0 if kind_of(effect) == "FreezeFrame" else effect["time_scalar"]
            said = self.fraction(ours.get("speed", "1"))
            same = isclose(otio_float(said), scalar, rel_tol=1e-12)
            speed = said if same else Fraction(repr(scalar)).limit_denominator(10_000)
        return speed, kept

    def _takes(
        self,
        tree: Tree,
        ours: Tree,
        references: Mapping[str, Tree],
        active_key: str,
        speed: Fraction,
        duration: int,
        *,
        sound: bool,
    ) -> tuple[tuple[Take, ...], int]:
        known = [take for take in ours.get("takes", ()) if take["key"] in references]
        keys = [take["key"] for take in known]
        takes = [
            Take(
                self._media_id(references[take["key"]], take["media"]),
                self.fraction(take["start"]),
                take.get("name", ""),
                take.get("rating", 0),
                take.get("note", ""),
                take.get("blend"),
            )
            for take in known
        ]
        if len(keys) < len(references):  # another tool's
            start = self._foreign_start(tree, references[active_key], speed, duration)
            for key in (key for key in references if key not in keys):
                media = self.foreign.of(references[key], tree, start, speed * duration / self.rate, sound=sound)
                takes.append(Take(media, start, "" if key == DEFAULT_KEY else key))
                keys.append(key)
        active = keys.index(active_key)
        moved = self._moved_elsewhere(tree, takes[active], speed, duration) if active < len(known) else None
        if moved:
            takes = [replace(take, start_s=take.start_s + moved) for take in takes]
        return tuple(takes), active

    def _media_id(self, reference: Tree, said: str) -> MediaId:
        """The media of a take of ours; follows where another tool has pointed its reference to."""
        media_id = MediaId(said)
        url = reference.get("target_url")
        if url is None and "name_prefix" in reference:
            url = url_of(path_of_reference(reference))
        if url is None or url == self._urls.get(media_id):
            return media_id
        media = self.media.get(media_id)
        if media is not None and url != url_of(media.path) and media_id not in self._urls:
            self.media[media_id] = media = replace(media, path=path_of(url))
        self._urls[media_id] = url
        return media_id

    def _offset(self, media_id: MediaId) -> Fraction:
        found = self._starts.get(media_id)
        if found is None:
            media = self.media.get(media_id)
            found = self._starts[media_id] = media_start(media) if media is not None else Fraction(0)
        return found

    def _moved_elsewhere(self, tree: Tree, take: Take, speed: Fraction, duration: int) -> Fraction | None:
        """Seconds by which another tool has slipped or trimmed the clip since we saved it; None if none has."""
        source = tree.get("source_range")
        if source is None or take.media not in self.media:
            return None
        offset = self._offset(take.media)
        time: Tree = source["start_time"]
        if not offset and speed > 0:  # without fractions, as it was written
            start_s, rate = take.start_s, self.rate
            plain = start_s.numerator * rate.numerator / (start_s.denominator * rate.denominator)
            if time["value"] == plain and time["rate"] == self.rate_float:
                return None
        said = to_source_start(take.start_s, speed, duration, self.rate, offset)
        here = self._counts_in(time)
        if here and time["value"] == otio_float(said):
            return None
        start = Fraction(time["value"]) if here else exact(time["value"], time["rate"]) * self.rate
        if isclose(start, said, rel_tol=1e-12, abs_tol=1e-3):  # rounded on its way
            return None
        return from_source_start(start, speed, duration, self.rate, offset) - take.start_s

    def _foreign_start(self, tree: Tree, reference: Tree, speed: Fraction, duration: int) -> Fraction:
        """Seconds in its media at which a clip of another tool begins."""
        available = reference.get("available_range")
        offset = exact(**time_of(available["start_time"])) if available else Fraction(0)
        source = tree.get("source_range") or available
        if source is None:
            return Fraction(0)
        start_s = exact(**time_of(source["start_time"]))
        if start_s < offset:  # the tool counts from the file's first picture, whatever the file's own time says
            offset = Fraction(0)
        return from_source_start(start_s * self.rate, speed, duration, self.rate, offset)

    def _marker(self, tree: Tree, start: float) -> Marker:
        ours = ours_of(tree)
        where: Tree = tree["marked_range"]
        place, frame = self._value(where["start_time"]), ours.get("frame", 0)
        if not isclose(place, start + frame, rel_tol=1e-12, abs_tol=1e-3):
            frame = round(place - start)
        return Marker(
            MarkerId(ours.get("id") or self.new_id()),
            frame,
            tree.get("name") or "",
            ours["colour"] if "colour" in ours else str(tree.get("color") or "green").lower(),
            self.frames(where["duration"]),
            tree.get("comment") or "",
        )

    def _parameters(self, tree: Tree | None) -> Mapping[str, Parameter]:
        if not tree:
            return EMPTY
        return MappingProxyType({name: parameter_of(value) for name, value in tree.items()})

    def _effect(self, tree: Tree) -> Effect:
        texts: Tree = tree.get("texts", {})
        values = self._parameters(tree.get("values"))
        return Effect(tree["id"], tree["kind"], values, MappingProxyType(texts), tree.get("enabled", True))


def _is_tail(tree: Tree, items: list[Item]) -> bool:
    return ours_of(tree).get("at") == "tail" and bool(items) and isinstance(items[-1], Clip)


def _with_head(item: Item, head: Transition, before: list[Item]) -> Item:
    """The item with the transition at its head; before a gap it is the tail of the clip ahead of it."""
    if isinstance(item, Clip):
        return replace(item, transition=head)
    if before and isinstance(before[-1], Clip):
        before[-1] = replace(before[-1], tail=replace(head, after=0))
    return item


def _content(reference: Tree) -> Content:
    """Drawn content from a generator; one of another tool becomes plain black."""
    parameters: Tree = reference.get("parameters") or {}
    if OURS not in (reference.get("metadata") or {}):
        return Solid()
    kind = Title if reference["generator_kind"] == "Title" else Solid
    numbers = {"size", "outline", "shadow", "x", "y", "line_spacing"}
    known = {field.name for field in fields(kind)}
    values: Tree = {name: number_of(v) if name in numbers else v for name, v in parameters.items() if name in known}
    return kind(**values)
