"""Smart render: which pictures of a film can be copied from its sources instead of being encoded again.

H.264 into H.264 and HEVC into HEVC of the same size and rate. A group of pictures is copied from its key picture on; at
the end of a clip as much of it as needs nothing of what follows. Everything around that is encoded with parameter sets
under numbers of its own, so that both kinds stand in one stream that every player understands.

    clip's frames   |-----[ group ][ group ][ gro|up ]
    in the file     |enc. [copied ][copied ][cop.|

H.264's groups have to be closed: begin with an IDR picture, no picture before which refers into them. HEVC's may be
open, as x265 and cameras make them: begin with a CRA picture, and have leading pictures that are shown before it and
refer to the group before. Those are copied where that group was, and encoded where it wasn't; there the CRA picture is
marked as a new start, which is one byte of its packet. All other packets are the source's byte for byte.

ProRes into the same kind of ProRes, and FFV1 into FFV1: each picture is a group of its own, so that all but what is
changed is copied.
"""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ltxdesktop.document.model import Clip, Media, MediaId, MediaKind, Sequence
from ltxdesktop.export.settings import Settings, Shape
from ltxdesktop.export.sources import Group, Headers, IndexOf, Plain, Sample, Source, open_source
from ltxdesktop.render.plan import Layer, Plan, Route, Span
from ltxdesktop.render.values import COLOUR, is_default

Locate = Callable[[Media], Path]

_CONTAINERS = frozenset({"mp4", "mov", "matroska"})
_FEWEST = 8  # pictures; a shorter piece between two encoded ones gains nothing where pictures refer to each other


class Piece(NamedTuple):
    """Frames [first, last) of the file, which are frames [at, …) of a source."""

    first: int
    last: int
    source: Source
    at: int


class Copied(NamedTuple):
    """Pictures that are copied, in decoding order and with the file's frames; they are its frames [first, last)."""

    first: int
    last: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class SmartPlan:
    """What can be copied, and what all of it has in common. `notes` say what was expected to be copied and isn't."""

    pieces: tuple[Piece, ...] = ()
    headers: Headers = Plain(b"")  # noqa: RUF009  # frozen; of all sources, without the encoder's
    template: Path = Path()
    delay: int = 0  # frames by which a picture may be decoded before it's shown
    notes: tuple[str, ...] = ()


def plan_copies(
    sequence: Sequence,
    media: Mapping[MediaId, Media],
    locate: Locate,
    index_of: IndexOf,
    shape: Shape,
    settings: Settings,
) -> SmartPlan:
    """What of an export can be copied, which may be nothing. Reads the headers of the sources, nothing more."""
    if not _allows_copies(sequence, shape, settings):
        return SmartPlan()
    sources: dict[MediaId, Source | str] = {}
    pieces: list[Piece] = []
    for span in Plan(sequence, media).spans(shape.first, shape.last):
        clip_layer = _untouched(span)
        if clip_layer is None or clip_layer.clip.media is None:
            continue
        shown = media.get(clip_layer.clip.media)
        if shown is None or not _fits(shown, clip_layer.clip, sequence):
            continue
        if shown.id not in sources:
            sources[shown.id] = open_source(locate(shown), index_of, shape)
        source = sources[shown.id]
        at = (clip_layer.clip.media_time(clip_layer.frame(span.first), sequence.rate) * sequence.rate).__floor__()
        if not isinstance(source, str) and at >= 0 and at + span.last - span.first <= source.index.frames:
            pieces.append(Piece(span.first - shape.first, span.last - shape.first, source, at))
    plan = _agreed(pieces)
    refused = {locate(media[of]).name: why for of, why in sources.items() if isinstance(why, str) and why}
    notes = (f"{name} is encoded again: {why}." for name, why in refused.items())
    return replace(plan, notes=(*plan.notes, *notes))


def steps(plan: SmartPlan, frames: int) -> Iterator[Copied | range]:
    """The whole file in order: groups to copy, and ranges of frames to encode between them."""
    done = 0
    for piece in plan.pieces:
        before: Group | None = None
        shift = piece.first - piece.at
        for group in piece.source.groups(piece.at, piece.at + piece.last - piece.first):
            goes_on = before is not None and before.is_whole and before.last == group.first
            at_start = group.first + shift == done == 0  # any key picture can be a file's first
            chosen = group if goes_on or (at_start and group.first == group.key) else group.alone()
            if len(chosen.samples) < _FEWEST and not isinstance(plan.headers, Plain):
                before = None
                continue
            copied = _copied(chosen, shift)
            if copied.first > done:
                yield range(done, copied.first)
            yield copied
            done, before = copied.last, group
    if done < frames:
        yield range(done, frames)


def _copied(group: Group, shift: int) -> Copied:
    """A group with the file's numbers."""
    samples = tuple(sample._replace(frame=sample.frame + shift) for sample in group.samples)
    return Copied(group.first + shift, group.last + shift, samples)


def _agreed(pieces: list[Piece]) -> SmartPlan:
    """The pieces whose sources can stand in one file: those of the source with the most frames first."""
    frames: dict[Path, int] = {}
    sources: dict[Path, Source] = {}
    for piece in pieces:
        sources[piece.source.path] = piece.source
        frames[piece.source.path] = frames.get(piece.source.path, 0) + piece.last - piece.first
    if not frames:
        return SmartPlan()
    by_length = sorted(frames, key=lambda path: -frames[path])
    headers = sources[by_length[0]].headers
    taken: list[Path] = []
    notes: list[str] = []
    for path in by_length:
        if headers.agrees_with(sources[path].headers):
            headers = headers.with_those_of(sources[path].headers)
            taken.append(path)
        else:
            notes.append(f"{path.name} is encoded again: it was made with other encoder settings than {taken[0].name}.")
    return SmartPlan(
        tuple(piece for piece in pieces if piece.source.path in taken),
        headers,
        by_length[0],
        max(sources[path].delay for path in taken),
        tuple(notes),
    )


def _allows_copies(sequence: Sequence, shape: Shape, settings: Settings) -> bool:
    return (
        settings.smart
        and not settings.bitrate_kbps
        and not settings.hardware
        and not shape.alpha
        and not shape.deep
        and shape.preset.picture is not None
        and shape.preset.picture.can_be_copied
        and shape.preset.container in _CONTAINERS
        and (shape.width, shape.height) == (sequence.width, sequence.height)
        and shape.rate == sequence.rate
    )


def _untouched(span: Span) -> Layer | None:
    """The one clip that makes a span's pictures, if nothing at all is done to them."""
    if span.route is not Route.PLANES or len(span.layers) != 1:
        return None
    layer = span.layers[0]
    if not isinstance(layer, Layer) or layer.fading or layer.clip.content is not None:
        return None
    clip = layer.clip
    graded = any(not is_default(name, clip.values.get(name)) for name in COLOUR)
    return None if graded or any(effect.enabled for effect in clip.effects) else layer


def _fits(media: Media, clip: Clip, sequence: Sequence) -> bool:
    return (
        media.kind is MediaKind.VIDEO
        and clip.speed == 1
        and media.rate == sequence.rate
        and (media.width, media.height) == (sequence.width, sequence.height)
    )
