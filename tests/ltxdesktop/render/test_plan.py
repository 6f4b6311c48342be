"""Which layers a frame shows, over which frames, by which route; a long film costs no more than a short one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_samples import clip, film, gap, mapping, track

from ltxdesktop.document.model import (
    Effect,
    Key,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    Solid,
    Title,
    TrackKind,
    Transition,
)
from ltxdesktop.render.plan import Crossing, Layer, Plan, Route, Span

FILM = Media(MediaId("film"), "film", "film.mp4", MediaKind.VIDEO, frames=10_000, width=128, height=72)
TALL = replace(FILM, id=MediaId("tall"), width=72, height=128)
STILL = Media(MediaId("still"), "still", "still.png", MediaKind.STILL, width=128, height=72)
MEDIA = mapping(FILM, TALL, STILL)


def spans(sequence: Sequence, last: int | None = None) -> list[Span]:
    return list(Plan(sequence, MEDIA).spans(0, sequence.duration if last is None else last))


def outline(sequence: Sequence, last: int | None = None) -> list[tuple[int, int, int, Route]]:
    return [(span.first, span.last, len(span.layers), span.route) for span in spans(sequence, last)]


def test_spans_end_where_layers_change():
    title = clip(None, 10, content=Title("x"))
    sequence = film(
        track(clip(FILM, 20), clip(FILM, 20, transition=Transition(before=4, after=2))), track(gap(5), title)
    )
    assert outline(sequence, 45) == [
        (0, 5, 1, Route.PLANES),
        (5, 15, 2, Route.PLANES),
        (15, 16, 1, Route.PLANES),
        (16, 22, 1, Route.PLANES),
        (22, 40, 1, Route.PLANES),
        (40, 45, 0, Route.PLANES),
    ]
    crossing = spans(sequence)[3].layers[0]
    assert isinstance(crossing, Crossing)
    assert [round(crossing.progress(n) * 12) for n in range(16, 22)] == [1, 3, 5, 7, 9, 11]


def test_moved_text_and_text_between_films_is_painted():
    moved = clip(None, 10, content=Title("x"), values={"rotation": Parameter(3.0)})
    words = clip(None, 10, content=Title("x"), values={"opacity": Parameter(0.5)}, fade_in=3)
    assert spans(film(track(clip(FILM, 10)), track(moved)))[0].route is Route.RASTER
    assert spans(film(track(clip(FILM, 10)), track(words), track(words)))[0].route is Route.PLANES
    assert spans(film(track(clip(FILM, 10)), track(words), track(clip(TALL, 10))))[0].route is Route.RASTER


def test_what_is_hidden_is_left_out():
    below = track(clip(TALL, 30))
    assert outline(film(below, track(clip(FILM, 30)))) == [(0, 30, 1, Route.PLANES)]
    for seen in (
        clip(TALL, 30),  # bars
        clip(STILL, 30),  # may be transparent
        clip(FILM, 30, values={"opacity": Parameter(0.9)}),
        clip(FILM, 30, values={"scale": Parameter(keys=(Key(0, 1.0), Key(9, 1.1)))}),
        clip(None, 30, content=Solid("#ffffff80")),
    ):
        assert outline(film(below, track(seen))) == [(0, 30, 2, Route.RASTER)]


def test_a_fade_shows_what_is_below_only_while_it_runs():
    sequence = film(track(clip(FILM, 30)), track(clip(FILM, 30, fade_in=5, fade_out=3)))
    assert [span[:3] for span in outline(sequence)] == [(0, 5, 2), (5, 27, 1), (27, 30, 2)]


def test_effects_decide_the_route():
    def route(*effects: Effect) -> Route:
        return spans(film(track(clip(FILM, 3, effects=effects))))[0].route

    assert route(Effect("e", "lut"), Effect("f", "curves")) is Route.PLANES
    assert route(Effect("e", "blur")) is Route.FILTERS
    assert route(Effect("e", "blur", enabled=False)) is Route.PLANES


def test_parameters_that_change_nothing_keep_the_planes():
    still = {"scale": Parameter(keys=(Key(0, 1.0), Key(9, 1.0))), "position.x": Parameter(0.0)}
    assert spans(film(track(clip(FILM, 3, values=still))))[0].route is Route.PLANES


def test_muted_soloed_and_disabled():
    low, high = clip(FILM, 5), clip(FILM, 5)

    def shown(*tracks: object) -> list[str]:
        layers = spans(film(*tracks), 5)[0].layers  # type: ignore[arg-type]
        return [layer.clip.id for layer in layers if isinstance(layer, Layer)]

    assert shown(track(low), track(high, muted=True)) == [low.id]
    assert shown(track(low, soloed=True), track(high)) == [low.id]
    assert shown(track(low), track(replace(high, enabled=False))) == [low.id]
    words = clip(None, 5, content=Title("words"))
    assert shown(track(words, kind=TrackKind.SUBTITLE), track(low, soloed=True)) == [low.id, words.id]


def test_transitions_towards_nothing():
    sequence = film(
        track(gap(5), clip(FILM, 10, transition=Transition(before=0, after=4), tail=Transition(before=3)), gap(2))
    )
    assert [span[:3] for span in outline(sequence)] == [(0, 5, 0), (5, 9, 1), (9, 12, 1), (12, 15, 1), (15, 17, 0)]
    first, last = spans(sequence)[1].layers[0], spans(sequence)[3].layers[0]
    assert isinstance(first, Crossing)
    assert isinstance(last, Crossing)
    assert first.left is None
    assert last.right is None


@st.composite
def films(draw: st.DrawFn) -> Sequence:
    """Sequences of cuts, gaps, fades and transitions that fit."""

    def items() -> list[object]:
        made: list[object] = []
        for _ in range(draw(st.integers(0, 6))):
            length = draw(st.integers(4, 12))
            if draw(st.booleans()):
                half = Transition(before=draw(st.integers(0, 2)) if made else 0, after=draw(st.integers(0, 2)))
                fade = draw(st.integers(0, 4))
                made.append(clip(draw(st.sampled_from([FILM, TALL])), length, transition=half, fade_in=fade))
            else:
                made.append(gap(length))
        return made

    return film(*(track(*items()) for _ in range(draw(st.integers(1, 3)))))  # type: ignore[arg-type]


@given(sequence=films())
@settings(max_examples=60)
def test_spans_tile_the_film_and_equal_a_look_at_each_frame(sequence: Sequence):
    plan = Plan(sequence, MEDIA)
    tiles = list(plan.spans(-3, sequence.duration + 3))
    places = [place for span in tiles for place in range(span.first, span.last)]
    assert places == list(range(-3, sequence.duration + 3))
    for span in tiles:
        for frame in range(span.first, span.last):
            alone = Plan(sequence, MEDIA).span_at(frame)
            assert (alone.layers, alone.route) == (span.layers, span.route)


@pytest.mark.parametrize("clips", [10, 10_000])
def test_a_long_film_is_looked_at_around_the_frame_only(clips: int):
    """Counted, not timed: how many items are touched does not grow with the film."""
    touched = 0

    class Counting(tuple):  # type: ignore[type-arg]
        def __getitem__(self, place: int) -> object:
            nonlocal touched
            touched += 1
            return super().__getitem__(place)

    lane = track(*(clip(FILM, 25, Fraction(n)) for n in range(clips)))
    assert lane.starts[-1] == clips * 25
    lane = replace(lane, items=Counting(lane.items))
    plan = Plan(film(lane), MEDIA)
    assert lane.starts
    for frame in range(0, 250, 25):
        assert plan.span_at(frame).first == frame
    assert touched <= 40
