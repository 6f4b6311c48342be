"""Hypothesis strategies for documents: every field of every value, awkward names too; nothing has to make sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeVar

from hypothesis import strategies as st

from ltxdesktop.document.curves import SMOOTH
from ltxdesktop.document.model import (
    Bin,
    Clip,
    Document,
    Easing,
    Effect,
    Gap,
    Key,
    Marker,
    Media,
    MediaKind,
    Parameter,
    Sequence,
    Solid,
    Take,
    Title,
    Track,
    TrackKind,
    Transition,
    TransitionKind,
)

T = TypeVar("T")

texts = st.one_of(st.sampled_from(["", "a\nb", "“emoji” 🎬", 'quo"te\\', "100 %#", "\udcff.mp4"]), st.text(max_size=8))
# Python names of files that are no UTF-8 hold surrogates; OpenTimelineIO takes no NUL in metadata keys.
names = texts.map(lambda text: text.replace("\0", ""))
ids = st.text("abcdef0123456789", min_size=1, max_size=4)
frames = st.integers(0, 10_000)
signed = st.integers(-(10**6), 10**6)
# Floats of few digits: OpenTimelineIO loses the last bit of others when it reads.
finite = st.integers(-(2**20), 2**20).map(lambda number: number / 64)
numbers = finite | st.sampled_from([float("inf"), float("-inf")])
fractions = st.fractions(-100, 100, max_denominator=30_000) | st.fractions(-(10**6), 10**6)
rates = st.one_of(
    st.sampled_from(
        [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(25, 2)]
    ),
    st.fractions(Fraction(1, 10), 1000),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
metadata = st.dictionaries(st.text("abcXYZ_ ", min_size=1, max_size=8), json_values, max_size=2).map(MappingProxyType)


def made(kind: Callable[..., T], /, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """A value with all of its fields drawn: a field that somebody adds has to be added here."""
    assert {field.name for field in fields(kind) if field.init} == set(values), f"fields of {kind.__name__}"
    return st.builds(kind, **values)


def tuples(inner: st.SearchStrategy[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(inner, max_size=most).map(tuple)


parts, heights = (st.integers(low * 64, high * 64).map(lambda number: number / 64) for low, high in ((0, 1), (-4, 5)))
keys = made(
    Key,
    frame=signed,
    value=numbers,
    easing=st.sampled_from(Easing),
    curve=st.just(SMOOTH) | st.tuples(parts, heights, parts, heights),
)
parameters = made(Parameter, value=numbers, keys=tuples(keys))
values = st.dictionaries(names, parameters, max_size=2).map(MappingProxyType)
effects = made(
    Effect,
    id=ids,
    kind=names,
    values=values,
    texts=st.dictionaries(names, names, max_size=2).map(MappingProxyType),
    enabled=st.booleans(),
)
media_values = made(
    Media,
    id=ids,
    name=names,
    path=names | st.sampled_from(["a/b c.mov", "/x/ä.mp4", "C:/x.mov", "//server/x.mov", "s3://x/y", "shot.%04d.png"]),
    kind=st.sampled_from(MediaKind),
    rate=rates,
    frames=frames,
    width=frames,
    height=frames,
    sample_rate=st.sampled_from([0, 44_100, 48_000]),
    samples=frames,
    channels=st.integers(0, 8),
    bytes=st.integers(0, 2**50),
    content_hash=st.text("0123456789abcdef", max_size=8),
    bin=st.none() | ids,
    recipe=metadata,
    metadata=metadata,
)
bins = made(Bin, id=ids, name=names, parent=st.none() | ids)
markers = made(Marker, id=ids, frame=signed, name=names, colour=names, duration=frames, note=names)
takes = made(
    Take,
    media=ids,
    start_s=fractions,
    name=names,
    rating=st.integers(0, 5),
    note=names,
    blend=st.none() | st.integers(0, 240),
)
titles = made(
    Title,
    text=names,
    family=names,
    size=numbers,
    weight=frames,
    italic=st.booleans(),
    colour=names,
    outline=numbers,
    outline_colour=names,
    shadow=numbers,
    background=names,
    align=names,
    x=numbers,
    y=numbers,
    line_spacing=numbers,
)
solids = made(Solid, colour=names)
transitions = made(Transition, kind=st.sampled_from(TransitionKind), before=frames, after=frames)
tails = made(Transition, kind=st.sampled_from(TransitionKind), before=frames, after=st.just(0))
gaps = made(Gap, id=ids, duration=st.integers(1, 10_000))


@st.composite
def clips(draw: st.DrawFn, media: tuple[str, ...] = ()) -> Clip:
    """A clip; its takes show some of `media`, or files that nobody knows."""
    drawn = draw(st.booleans())
    shown = st.sampled_from(media) if media else ids
    reels = draw(st.lists(st.tuples(takes, shown), min_size=1, max_size=3))
    its_takes = tuple(
        Take(chosen, take.start_s, take.name, take.rating, take.note, take.blend) for take, chosen in reels
    )
    return draw(
        made(
            Clip,
            id=ids,
            name=names,
            duration=st.integers(1, 10_000),
            takes=st.just(() if drawn else its_takes),
            active=st.just(0) if drawn else st.integers(0, len(its_takes) - 1),
            content=(titles | solids) if drawn else st.none(),
            speed=st.sampled_from([Fraction(1), Fraction(-1), Fraction(0), Fraction(1, 3)]) | fractions,
            enabled=st.booleans(),
            values=values,
            effects=tuples(effects, 2),
            fade_in=frames,
            fade_out=frames,
            transition=st.none() | transitions,
            tail=st.none() | tails,
            markers=tuples(markers, 2),
            link=st.none() | ids,
            group=st.none() | ids,
            metadata=metadata,
            keeps_pitch=st.booleans(),
        )
    )


@st.composite
def sequences(draw: st.DrawFn, media: tuple[str, ...], sequence_id: str) -> Sequence:
    tracks = made(
        Track,
        id=ids,
        kind=st.sampled_from(TrackKind),
        name=names,
        items=tuples(clips(media) | gaps, 4),
        muted=st.booleans(),
        soloed=st.booleans(),
        locked=st.booleans(),
        height_px=frames,
        volume_db=numbers,
        pan=finite,
        metadata=metadata,
        sync_locked=st.booleans(),
    )
    return draw(
        made(
            Sequence,
            id=st.just(sequence_id),
            name=names,
            width=frames,
            height=frames,
            rate=rates,
            sample_rate=frames,
            tracks=tuples(tracks),
            markers=tuples(markers),
            in_frame=st.none() | frames,
            out_frame=st.none() | frames,
            first_frame=signed,
            drop_frame=st.booleans(),
            metadata=metadata,
        )
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A whole project, with one to three sequences."""
    media = draw(st.lists(media_values, max_size=3, unique_by=lambda value: value.id))
    known = tuple(value.id for value in media)
    its_sequences = [draw(sequences(known, f"s{number}")) for number in range(draw(st.integers(1, 3)))]
    return Document(
        draw(names),
        tuple(its_sequences),
        draw(st.sampled_from([sequence.id for sequence in its_sequences])),
        MappingProxyType({value.id: value for value in media}),
        draw(tuples(bins)),
        draw(metadata),
    )
