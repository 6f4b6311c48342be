"""Documents that each break one rule of `check`, with words of the sentence that says so."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from helpers import film, media

from ltxdesktop.document.model import (
    Bin,
    BinId,
    Clip,
    Document,
    Effect,
    Gap,
    ItemId,
    Key,
    Marker,
    MarkerId,
    MediaId,
    Parameter,
    SequenceId,
    Solid,
    Take,
    Title,
    Transition,
)

PAIRS = "V1: A:10 B:10 | A1: a:10 b:10"


def with_clip(clip_id: str, **values: object) -> Document:
    return changed(lambda item: replace(item, **values) if item.id == clip_id else item)


def changed(change: object, text: str = PAIRS) -> Document:
    document = film(text)
    assert callable(change)
    tracks = tuple(
        replace(track, items=tuple(change(item) for item in track.items)) for track in document.sequence.tracks
    )
    return document.with_sequence(replace(document.sequence, tracks=tracks))


def with_sequence(**values: object) -> Document:
    document = film(PAIRS)
    return document.with_sequence(replace(document.sequence, **values))


def with_items(*items: Clip | Gap) -> Document:
    document = film(PAIRS)
    video = replace(document.sequence.tracks[0], items=(*document.sequence.tracks[0].items, *items))
    return document.with_sequence(replace(document.sequence, tracks=(video, document.sequence.tracks[1])))


def gap(name: str, duration: int = 5) -> Gap:
    return Gap(ItemId(name), duration)


def take(name: str, frame: int = 0) -> Take:
    return Take(MediaId(name), Fraction(frame, 25))


BROKEN: list[tuple[str, Document]] = [
    ("2 items have the id 'A'", with_items(Clip(ItemId("A"), "x", 1, content=Solid()))),
    ("2 sequences have the id", replace(film(PAIRS), sequences=film(PAIRS).sequences * 2)),
    ("isn't there", replace(film(PAIRS), active=SequenceId("x"))),
    ("follow each other", with_items(gap("1"), gap("2"), Clip(ItemId("x"), "x", 1, content=Solid()))),
    ("ends with a gap", with_items(gap("1"))),
    ("lasts 0 frames", with_clip("A", duration=0)),
    ("takes or content, and not both", with_clip("A", content=Solid())),
    ("takes or content, and not both", with_clip("A", takes=())),
    ("take 3 isn't there", with_clip("A", active=3)),
    ("its media 'Z' aren't there", with_clip("A", takes=(take("Z"),))),
    ("shows 1 frame before", with_clip("A", takes=(take("A", -1),))),
    ("5 after what its media have", with_clip("A", takes=(take("A", 295),))),
    ("it has no sound", with_clip("a", takes=(), content=Title("t"))),
    ("don't fit 10 frames", with_clip("A", fade_in=6, fade_out=5)),
    ("don't fit 10 frames", with_clip("A", fade_in=-1)),
    ("'sparkle' isn't declared", with_clip("A", values={"sparkle": Parameter(1)})),
    ("Opacity must lie between 0 and 1, not 2", with_clip("A", values={"opacity": Parameter(2)})),
    ("keys of 'opacity' don't ascend", with_clip("A", values={"opacity": Parameter(keys=(Key(2, 0), Key(2, 1)))})),
    ("effect 'sparkle' isn't declared", with_clip("A", effects=(Effect("e", "sparkle"),))),
    ("2 effects have the id", with_clip("A", effects=(Effect("e", "blur"), Effect("e", "blur")))),
    ("has no text 'x'", with_clip("A", effects=(Effect("e", "blur", texts={"x": ""}),))),
    ("has room for (10, 10) only", with_clip("B", transition=Transition(before=11, after=1))),
    ("lasts no frame", with_clip("B", transition=Transition())),
    ("from nothing must lie within", with_clip("A", transition=Transition(before=1, after=1))),
    ("another clip follows", with_clip("A", tail=Transition(before=1))),
    ("to nothing must lie within", with_clip("B", tail=Transition(before=2, after=1))),
    ("to nothing must lie within", with_clip("B", tail=Transition(before=11))),
    ("isn't above 0", with_sequence(width=0)),
    ("are no range", with_sequence(in_frame=5, out_frame=5)),
    ("a marker lies before", with_sequence(markers=(Marker(MarkerId("m"), -1),))),
    ("2 markers have the id", with_sequence(markers=(Marker(MarkerId("m"), 1), Marker(MarkerId("m"), 2)))),
    ("lies in a bin that is not there", replace(film(PAIRS), bins=(Bin(BinId("b"), "b", BinId("c")),))),
    ("lies in a bin that contains it", replace(film(PAIRS), bins=(Bin(BinId("b"), "b", BinId("b")),))),
    ("a bin that isn't there", film(PAIRS).with_media(replace(media("A"), bin=BinId("b")))),
    ("kept under another id", replace(film(PAIRS), media=MappingProxyType({**film(PAIRS).media, "Z": media("Y")}))),
    ("impossible rate", film(PAIRS).with_media(replace(media("N"), rate=Fraction(0)))),
]
