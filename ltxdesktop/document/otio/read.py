"""OpenTimelineIO text read into a document: our own files exactly, those of other tools as far as our values go.

What a foreign file says that has no place in our values is kept in `metadata` and written again; what can't be shown
or edited here is said in a sentence.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import chain
from math import isclose
from types import MappingProxyType
from typing import Any, Final, cast

from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.model import (
    EMPTY,
    Bin,
    BinId,
    Clip,
    Content,
    Document,
    Easing,
    Effect,
    Gap,
    GroupId,
    Item,
    ItemId,
    Key,
    LinkId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    SequenceId,
    Solid,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    Transition,
    TransitionKind,
    new_id,
)
from ltxdesktop.document.otio.foreign import ForeignMedia, guessed_rate, link_pairs
from ltxdesktop.document.otio.names import (
    DEFAULT_KEY,
    KEPT,
    OURS,
    TRACK_KINDS,
    Ids,
    Tree,
    exact,
    from_source_start,
    media_start,
    otio_float,
    path_of,
    to_source_start,
    url_of,
)
from ltxdesktop.document.otio.upgrades import NewerProject, upgrade, version_of
from ltxdesktop.document.otio.write import SURROGATES
from ltxdesktop.document.time import nearest


class NotAProject(DocumentError, ValueError):
    """The text is no OpenTimelineIO file, or one that is damaged."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This is not a project that can be opened: {why}.")
        self.why = why


@dataclass(frozen=True, slots=True)
class Reading:
    """A document and how it came about."""

    document: Document
    ours: bool  # saved by this program: nothing was guessed
    notes: tuple[str, ...] = ()  # sentences for the person: what is kept but not shown, or was left out
    unseen: frozenset[MediaId] = frozenset()  # media whose facts are guesses until somebody looks at the file


def from_text(text: str) -> Reading:
    """The document in a `.otio` file's text. Raises NotAProject, NewerProject."""
    collecting = gc.isenabled()
    gc.disable()  # nothing here makes rubbish; collecting while 10,000 clips arise doubles the time
    try:
        return _read(text)
    except NewerProject:
        raise
    except RecursionError:
        raise NotAProject("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotAProject(f"its text ends or breaks at line {error.lineno}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise NotAProject(f"a part of it is damaged ({type(error).__name__}: {error})") from error
    finally:
        if collecting:
            gc.enable()


def from_tree(root: Tree, seed: str = "") -> Reading:
    """The same for text that is parsed already. Raises as Python does where a part is damaged.

    `seed` makes the ids of what another tool has added; without it they are new each time.
    """
    if version_of(root) is not None:
        upgrade(root)
        return _read_ours(root, ForeignMedia(Ids(seed)))
    return _read_foreign(root, ForeignMedia(Ids(seed)))


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
            kind = _kind(tree)
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
            others = _others(tree.get("metadata"))
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
        return Gap(ItemId(_ours(tree).get("id") or self.new_id()), duration)

    def _duration(self, tree: Tree, off_grid: Fraction) -> tuple[int, Fraction]:
        """Frames that an object takes, and what its exact end has over them."""
        source = tree.get("source_range") or _available_range(tree)
        if source is None:
            exact_frames = _composition_seconds(tree) * self.rate
        else:
            time: Tree = source["duration"]
            value: float = time["value"]
            if self._counts_in(time) and value.is_integer() and not off_grid:
                return int(value), off_grid
            exact_frames = exact(value, time["rate"]) * self.rate
        exact_frames += off_grid
        frames = nearest(exact_frames)
        return frames, exact_frames - frames

    def _transition(self, tree: Tree) -> Transition:
        name = _ours(tree).get("kind")
        kind = TransitionKind(name) if name else TransitionKind.DISSOLVE
        return Transition(kind, self.frames(tree["in_offset"]), self.frames(tree["out_offset"]))

    def _clip(self, tree: Tree, duration: int, *, sound: bool) -> Clip:
        ours = _ours(tree)
        speed, kept_effects = self._speed(tree, ours)
        references, active_key = _references(tree)
        active_reference: Tree = references[active_key]
        takes, active, content = (), 0, None
        if "takes" not in ours and _kind(active_reference) == "GeneratorReference":
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
            metadata=_metadata(tree, kept),
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
            if _kind(effect) not in ("LinearTimeWarp", "FreezeFrame"):
                kept.append(effect)
                continue
            scalar = 0.0 if _kind(effect) == "FreezeFrame" else effect["time_scalar"]
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
        offset = exact(**_time(available["start_time"])) if available else Fraction(0)
        source = tree.get("source_range") or available
        if source is None:
            return Fraction(0)
        start_s = exact(**_time(source["start_time"]))
        if start_s < offset:  # the tool counts from the file's first picture, whatever the file's own time says
            offset = Fraction(0)
        return from_source_start(start_s * self.rate, speed, duration, self.rate, offset)

    def _marker(self, tree: Tree, start: float) -> Marker:
        ours = _ours(tree)
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


def parameter_of(tree: Any) -> Parameter:
    """A parameter from what `write.parameter_tree` made."""
    if not isinstance(tree, dict):
        return Parameter(number_of(tree))
    said = cast("Tree", tree)
    keys = tuple(Key(frame, number_of(value), Easing(easing)) for frame, value, easing in said["keys"])
    return Parameter(number_of(said["value"]), keys)


def number_of(value: Any) -> float:
    """A float from what `write.number_tree` made."""
    return float(value) if isinstance(value, str) else value


def media_of(tree: Tree) -> Media:
    """A media from the project's table."""
    said = dict(tree)
    said["rate"] = Fraction(said["rate"])
    said["kind"] = MediaKind(said["kind"])
    for name in ("recipe", "metadata"):
        if name in said:
            said[name] = MappingProxyType(said[name])
    return Media(**{name: value for name, value in said.items() if name in _MEDIA_FIELDS})


_MEDIA_FIELDS: Final = frozenset(field.name for field in fields(Media))


def bin_of(tree: Tree) -> Bin:
    parent = tree["parent"]
    return Bin(BinId(tree["id"]), tree["name"], None if parent is None else BinId(parent))


def track_of(tree: Tree, items: tuple[Item, ...], new_id: Callable[[], str] = new_id) -> Track:
    """A track from its object, with items that were read from its children."""
    facts = _ours(tree)
    effects: list[Tree] = tree.get("effects") or []
    return Track(
        TrackId(facts.get("id") or new_id()),
        TRACK_KINDS[tree["kind"]],
        tree["name"],
        items,
        not tree.get("enabled", True),
        facts.get("soloed", False),
        facts.get("locked", False),
        facts.get("height_px", 0),
        number_of(facts.get("volume_db", 0.0)),
        number_of(facts.get("pan", 0.0)),
        _metadata(tree, {"effects": effects} if effects else {}),
        facts.get("sync_locked", True),
    )


def sequence_of(facts: Tree, **others: Any) -> Sequence:
    """A sequence from its facts (`write.sequence_facts`) and the rest."""
    return Sequence(
        SequenceId(facts["id"]),
        width=facts["width"],
        height=facts["height"],
        rate=Fraction(facts["rate"]),
        sample_rate=facts["sample_rate"],
        in_frame=facts["in"],
        out_frame=facts["out"],
        drop_frame=facts["drop_frame"],
        **others,
    )


# ---- our own files ---------------------------------------------------------------------------------------------------


def _read(text: str) -> Reading:
    root: Any = json.loads(text)
    if not isinstance(root, dict) or "OTIO_SCHEMA" not in root:
        raise NotAProject("it is no OpenTimelineIO file")
    tree = cast("Tree", root)
    if version_of(tree) is not None and (base := tree["metadata"][OURS].get("project", {}).get("surrogates")):
        tree = json.loads(text.translate({base + i: 0xD800 + i for i in range(SURROGATES)}))
    return from_tree(tree, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())


def _read_ours(root: Tree, foreign: ForeignMedia) -> Reading:
    project: Tree = root["metadata"][OURS]["project"]
    media = {MediaId(tree["id"]): media_of(tree) for tree in project["media"]}
    timelines: list[Tree] = [tree or root for tree in project["sequences"]]
    notes: list[str] = []
    sequences: list[Sequence] = []
    for timeline in timelines:
        sequence, more = _sequence(timeline, media, foreign, notes)
        sequences += [sequence, *more]
    media |= foreign.media()
    active = root["metadata"][OURS]["sequence"]["id"]
    document = Document(
        project["name"],
        tuple(sequences),
        SequenceId(active),
        MappingProxyType(media),
        tuple(bin_of(tree) for tree in project["bins"]),
        _frozen(project["metadata"]),
    )
    return Reading(document, True, tuple(notes), frozenset(foreign.media()))


def _sequence(
    timeline: Tree, media: dict[MediaId, Media], foreign: ForeignMedia, notes: list[str]
) -> tuple[Sequence, list[Sequence]]:
    """A timeline as a sequence, and the timelines nested in it as sequences of their own."""
    facts: Tree = _ours(timeline).get("sequence") or {
        "id": foreign.new_id(),
        "width": 1920,
        "height": 1080,
        "rate": str(guessed_rate(timeline)),
        "sample_rate": 48000,
        "in": None,
        "out": None,
        "drop_frame": False,
    }
    reader = ItemReader(Fraction(facts["rate"]), media, foreign)
    stack: Tree = timeline["tracks"]
    tracks = tuple(_tracks(reader, stack, notes))
    notes += reader.notes
    markers, kept_markers = reader.markers(stack.get("markers") or (), 0)
    kept: Tree = {"stack": _others(stack.get("metadata")), "effects": stack.get("effects"), "markers": kept_markers}
    start: Tree | None = timeline.get("global_start_time")
    sequence = sequence_of(
        facts,
        name=timeline["name"],
        tracks=tracks,
        markers=(*markers, *reader.stray_markers),
        first_frame=reader.frames(start) if start else 0,
        metadata=_metadata(timeline, {name: value for name, value in kept.items() if value}),
    )
    more: list[Sequence] = []
    for tree in reader.nested:
        notes.append(
            f"“{tree.get('name') or 'Nested sequence'}” inside “{sequence.name}” became a sequence of its own; "
            "a gap of its length is in its place."
        )
        inner, deeper = _sequence(_as_timeline(tree), media, foreign, notes)
        more += [inner, *deeper]
    return sequence, more


def _tracks(reader: ItemReader, stack: Tree, notes: list[str]) -> Iterable[Track]:
    for tree in stack["children"]:
        if _kind(tree) not in ("Track", "Sequence"):  # layered without tracks: each is a track of its own
            tree = _as_track(tree)
        if tree["kind"] not in TRACK_KINDS:
            notes.append(f"The track “{tree['name']}” was left out: tracks of kind “{tree['kind']}” aren't known here.")
            continue
        if tree.get("source_range") is not None:
            notes.append(f"The track “{tree['name']}” is shown whole: trims of a whole track aren't known here.")
        sound = TRACK_KINDS[tree["kind"]] is TrackKind.AUDIO
        track = track_of(tree, reader.children(tree["children"], sound=sound), reader.new_id)
        reader.stray_markers += reader.markers(tree.get("markers") or (), 0)[0]
        yield track


# ---- files of other tools --------------------------------------------------------------------------------------------


def _read_foreign(root: Tree, foreign: ForeignMedia) -> Reading:
    notes: list[str] = []
    sequences: list[Sequence] = []
    timelines, loose = _timelines(root)
    for timeline in timelines:
        sequence, more = _sequence(timeline, {}, foreign, notes)
        sequences += [sequence, *more]
    if not sequences:
        raise NotAProject("it has no timeline")
    for clip in loose:
        foreign.of(_references(clip)[0][_references(clip)[1]], clip, Fraction(0), Fraction(0), sound=False)
    media = foreign.media()
    metadata = _metadata(root, {}) if _kind(root) == "SerializableCollection" else EMPTY
    document = Document(
        root.get("name") or sequences[0].name or "Untitled",
        tuple(link_pairs(sequence, foreign.new_id) for sequence in sequences),
        sequences[0].id,
        MappingProxyType(media),
        metadata=metadata,
    )
    return Reading(document, False, (*notes, *_kept_notes(document)), frozenset(media))


def _timelines(root: Tree) -> tuple[list[Tree], list[Tree]]:
    """The timelines of a file, and the clips that lie beside them (another tool's bin)."""
    kind = _kind(root)
    if kind == "SerializableCollection":
        parts = [_timelines(child) for child in root["children"] if _kind(child) != "Clip"]
        loose = [child for child in root["children"] if _kind(child) == "Clip"]
        return list(chain.from_iterable(part[0] for part in parts)), [*loose, *chain.from_iterable(p[1] for p in parts)]
    if kind == "Timeline":
        return [root], []
    if kind in ("Stack", "Track", "Sequence", "Clip"):
        return [_as_timeline(root)], []
    raise NotAProject(f"it holds a {kind or 'nothing'}, not a timeline")


def _as_timeline(tree: Tree) -> Tree:
    if _kind(tree) == "Timeline":
        return tree
    stack: Tree = tree if _kind(tree) == "Stack" else {"children": [tree], "metadata": {}}
    return {"name": tree.get("name") or "Nested sequence", "metadata": {}, "global_start_time": None, "tracks": stack}


def _as_track(tree: Tree) -> Tree:
    return {"OTIO_SCHEMA": "Track.1", "name": tree.get("name") or "", "kind": "Video", "children": [tree]}


def _kept_notes(document: Document) -> Iterable[str]:
    """What is kept for the tool that wrote it, and has no effect here."""
    effects = Counter[str]()
    for sequence in document.sequences:
        for track in sequence.tracks:
            for holder in (track, *track.clips):
                kept = cast("Tree", holder.metadata.get(KEPT, {}))
                effects.update(
                    str(effect.get("effect_name") or effect.get("name")) for effect in kept.get("effects", ())
                )
    for name, count in sorted(effects.items()):
        yield f"The effect “{name}” ({count}×) is kept in the file but has no effect here."


# ---- small parts -----------------------------------------------------------------------------------------------------


def _kind(tree: Tree) -> str:
    schema: str = tree.get("OTIO_SCHEMA", "")
    return schema.partition(".")[0]


def _ours(tree: Tree) -> Tree:
    metadata: Tree = tree.get("metadata") or {}
    return metadata.get(OURS) or {}


def _others(metadata: Tree | None) -> Tree:
    if not metadata or (len(metadata) == 1 and OURS in metadata):
        return {}
    return {key: value for key, value in metadata.items() if key != OURS}


def _metadata(tree: Tree, kept: Tree) -> Mapping[str, Any]:
    others = _others(tree.get("metadata"))
    if kept:
        others[KEPT] = kept
    return _frozen(others)


def _frozen(tree: Tree) -> Mapping[str, Any]:
    return MappingProxyType(tree) if tree else EMPTY


def _time(tree: Tree) -> Tree:
    return {"value": tree["value"], "rate": tree["rate"]}


def _references(tree: Tree) -> tuple[dict[str, Tree], str]:
    """The media references of a clip by name, and the active one's name."""
    if "media_references" in tree:
        references: dict[str, Tree] = tree["media_references"]
        key: str = tree["active_media_reference_key"]
        return references, key
    return {DEFAULT_KEY: tree.get("media_reference") or {"OTIO_SCHEMA": "MissingReference.1"}}, DEFAULT_KEY


def _available_range(tree: Tree) -> Tree | None:
    if _kind(tree) != "Clip":
        return None
    references, key = _references(tree)
    return references[key].get("available_range")


def _composition_seconds(tree: Tree) -> Fraction:
    """How long an object without a range of its own lasts."""
    source = tree.get("source_range") or _available_range(tree)
    if source is not None:
        return exact(**_time(source["duration"]))
    if _kind(tree) == "Timeline":
        return _composition_seconds(tree["tracks"])
    parts = [_composition_seconds(child) for child in tree.get("children", ()) if _kind(child) != "Transition"]
    return max(parts, default=Fraction(0)) if _kind(tree) == "Stack" else sum(parts, Fraction(0))


def _is_tail(tree: Tree, items: list[Item]) -> bool:
    return _ours(tree).get("at") == "tail" and bool(items) and isinstance(items[-1], Clip)


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
