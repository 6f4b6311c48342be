"""OpenTimelineIO text read into a document: our own files exactly, those of other tools as far as our values go.

What a foreign file says that has no place in our values is kept in `metadata` and written again; what can't be shown
or edited here is said in a sentence.
"""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, cast

from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.mending import with_room_for_transitions
from ltxdesktop.document.model import (
    EMPTY,
    Document,
    Media,
    MediaId,
    Sequence,
    SequenceId,
    Track,
    TrackKind,
)
from ltxdesktop.document.otio.facts import bin_of, media_of, sequence_of, track_of
from ltxdesktop.document.otio.foreign import ForeignMedia, guessed_rate, link_pairs
from ltxdesktop.document.otio.items import ItemReader
from ltxdesktop.document.otio.names import (
    KEPT,
    OURS,
    TRACK_KINDS,
    Ids,
    Tree,
)
from ltxdesktop.document.otio.trees import frozen, kind_of, metadata_of, others_of, ours_of, references_of
from ltxdesktop.document.otio.upgrades import NewerProject, upgrade, version_of
from ltxdesktop.document.otio.write import SURROGATES


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


# ---- our own files ---------------------------------------------------------------------------------------------------


def _read(text: str) -> Reading:
    root: Any = _parsed(text)
    if not isinstance(root, dict) or "OTIO_SCHEMA" not in root:
        raise NotAProject("it is no OpenTimelineIO file")
    tree = cast("Tree", root)
    if version_of(tree) is not None and (base := tree["metadata"][OURS].get("project", {}).get("surrogates")):
        tree = json.loads(text.translate({base + i: 0xD800 + i for i in range(SURROGATES)}))
    return from_tree(tree, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())


_SHORT_INFINITY: Final = re.compile(r"(?<=[\s:,\[])(-?)Inf(?=[\s,\]}])")  # as some of OpenTimelineIO's writers say it


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if _SHORT_INFINITY.search(text) is None:
            raise
        return json.loads(_SHORT_INFINITY.sub(r"\1Infinity", text))


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
        frozen(project["metadata"]),
    )
    return Reading(document, True, tuple(notes), frozenset(foreign.media()))


def _sequence(
    timeline: Tree, media: dict[MediaId, Media], foreign: ForeignMedia, notes: list[str]
) -> tuple[Sequence, list[Sequence]]:
    """A timeline as a sequence, and the timelines nested in it as sequences of their own."""
    facts: Tree = ours_of(timeline).get("sequence") or {
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
    kept: Tree = {"stack": others_of(stack.get("metadata")), "effects": stack.get("effects"), "markers": kept_markers}
    start: Tree | None = timeline.get("global_start_time")
    sequence = sequence_of(
        facts,
        name=timeline["name"],
        tracks=tracks,
        markers=(*markers, *reader.stray_markers),
        first_frame=reader.frames(start) if start else 0,
        metadata=metadata_of(timeline, {name: value for name, value in kept.items() if value}),
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
        if kind_of(tree) not in ("Track", "Sequence"):  # layered without tracks: each is a track of its own
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
        foreign.of(references_of(clip)[0][references_of(clip)[1]], clip, Fraction(0), Fraction(0), sound=False)
    media = foreign.media()
    metadata = metadata_of(root, {}) if kind_of(root) == "SerializableCollection" else EMPTY
    document = Document(
        root.get("name") or sequences[0].name or "Untitled",
        tuple(link_pairs(sequence, foreign.new_id) for sequence in sequences),
        sequences[0].id,
        MappingProxyType(media),
        metadata=metadata,
    )
    document = with_room_for_transitions(document, foreign.of_unknown_length())
    return Reading(document, False, (*notes, *_kept_notes(document)), frozenset(media))


def _timelines(root: Tree) -> tuple[list[Tree], list[Tree]]:
    """The timelines of a file, and the clips that lie beside them (another tool's bin)."""
    kind = kind_of(root)
    if kind == "SerializableCollection":
        parts = [_timelines(child) for child in root["children"] if kind_of(child) != "Clip"]
        loose = [child for child in root["children"] if kind_of(child) == "Clip"]
        return list(chain.from_iterable(part[0] for part in parts)), [*loose, *chain.from_iterable(p[1] for p in parts)]
    if kind == "Timeline":
        return [root], []
    if kind in ("Stack", "Track", "Sequence", "Clip"):
        return [_as_timeline(root)], []
    raise NotAProject(f"it holds a {kind or 'nothing'}, not a timeline")


def _as_timeline(tree: Tree) -> Tree:
    if kind_of(tree) == "Timeline":
        return tree
    stack: Tree = tree if kind_of(tree) == "Stack" else {"children": [tree], "metadata": {}}
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
