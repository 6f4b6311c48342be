"""Keys whose way to the next one is bent by hand: the same in pictures, in sound, in files and backwards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.curves import CURVES, SMOOTH, along, backwards, eased
from ltxdesktop.document.edits import speed
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.model import Easing, Key, Parameter, Title, TrackKind, new_document
from ltxdesktop.document.otio.facts import parameter_of
from ltxdesktop.document.otio.write import parameter_tree
from ltxdesktop.render.mix import curve

shares = st.floats(0, 1)
curves = st.tuples(shares, st.floats(-4, 5), shares, st.floats(-4, 5))


@pytest.mark.parametrize("easing", list(CURVES))
@given(part=shares)
def test_a_curve_of_its_own_begins_as_the_easing_it_was(easing: Easing, part: float):
    key = Key(0, 0.0, easing)
    assert key.as_custom().easing is Easing.CUSTOM
    assert key.as_custom().eased(part) == pytest.approx(eased(easing, part), abs=1e-9)


@given(curves, shares)
def test_backwards_is_the_same_way_from_its_end(made, part: float):
    assert along(backwards(made), 1 - part) == pytest.approx(1 - along(made, part), abs=1e-6)


@given(st.lists(st.tuples(st.sampled_from(Easing), curves), min_size=2, max_size=4))
def test_sound_follows_the_very_curve_of_the_picture(said):
    keys = tuple(Key(10 * place, float(place % 2), easing, bend) for place, (easing, bend) in enumerate(said))
    parameter, frames = Parameter(0.0, keys), np.linspace(-5, 45, 101)
    assert curve(parameter, frames) == pytest.approx([parameter.at(frame) for frame in frames], abs=1e-9)


@given(curves)
def test_curves_are_written_and_read(made):
    parameter = Parameter(0.0, (Key(0, 0.0, Easing.CUSTOM, made), Key(9, 1.0)))
    assert parameter_of(parameter_tree(parameter)) == parameter
    assert len(parameter_tree(Parameter(0.0, (Key(0, 0.0),)))["keys"][0]) == 3  # as before there were curves


def with_scale(parameter: Parameter):
    document = new_document()
    track = document.sequence.of_kind(TrackKind.VIDEO)[0].id
    clip = edits.clip_from_content(Title("a"), 20)
    document = edits.overwrite_clips(document, [edits.Placement(track, clip)], 0)
    return edits.set_value(document, clip.id, "scale", parameter), clip.id


def test_a_reversed_clip_bends_the_other_way():
    bend = (0.2, 0.9, 0.4, 0.8)
    parameter = Parameter(0.0, (Key(0, 1.0, Easing.CUSTOM, bend), Key(19, 2.0)))
    turned = speed._mirrored(parameter, lambda frame: 19 - frame)  # what `set_speed` does to each number
    assert [turned.at(frame) for frame in range(20)] == pytest.approx(
        [parameter.at(19 - f) for f in range(20)], abs=1e-6
    )


def test_a_curve_that_turns_back_in_time_is_no_document():
    document, clip = with_scale(Parameter(0.0, (Key(0, 1.0), Key(9, 2.0))))
    check(document)
    with pytest.raises(BrokenDocument, match="curve"):
        check(with_scale(Parameter(0.0, (Key(0, 1.0, Easing.CUSTOM, (1.5, 0, 0, 1)), Key(9, 2.0))))[0])
    kept = edits.set_key(document, clip, "scale", 0, 3.0, Easing.CUSTOM).sequence.clip(clip).values["scale"]
    assert kept.keys[0] == Key(0, 3.0, Easing.CUSTOM, SMOOTH)
