"""Cues become titles on subtitle tracks: where they lie in time, on which track, and where in the picture."""

from __future__ import annotations

from fractions import Fraction

import pytest
from helpers import check_edit, film, refuses
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.edits import Cue
from ltxdesktop.document.errors import BadValue, LockedTrack
from ltxdesktop.document.model import Clip, Document, Title, TrackId, TrackKind


def laid(document: Document, *cues: Cue, frame: int = 0, track: TrackId | None = None) -> Document:
    subtitles = edits.lay_out_subtitles(cues, document.sequence, frame)
    return check_edit(document, lambda before: edits.add_subtitles(before, subtitles, track))


def rows(document: Document) -> dict[str, list[tuple[str, int, int]]]:
    """Track -> (text, first frame, end) of its subtitles."""
    return {
        track.name: [
            (item.content.text, start, start + item.duration)
            for start, item in track.placed()
            if isinstance(item, Clip) and isinstance(item.content, Title)
        ]
        for track in document.sequence.of_kind(TrackKind.SUBTITLE)
    }


def titles(document: Document) -> dict[str, Title]:
    clips = [clip for track in document.sequence.of_kind(TrackKind.SUBTITLE) for clip in track.clips]
    return {clip.content.text: clip.content for clip in clips if isinstance(clip.content, Title)}


def test_cues_lie_at_the_nearest_frames_of_a_track_of_their_own():
    after = laid(film("V1: A:100"), Cue(1000, 2010, "one"), Cue(2010, 2020, "two"), frame=5)
    assert rows(after) == {"S1": [("one", 30, 55), ("two", 55, 56)]}
    assert [track.name for track in after.sequence.tracks] == ["V1", "S1"]


def test_empty_track_is_used_and_a_full_one_left_alone():
    empty = edits.add_track(film("V1: A:100"), TrackKind.SUBTITLE)
    first = laid(empty, Cue(0, 1000, "one"))
    assert rows(first) == {"S1": [("one", 0, 25)]}
    assert rows(laid(first, Cue(0, 1000, "un"))) == {"S1": [("one", 0, 25)], "S2": [("un", 0, 25)]}


def test_a_named_track_is_written_over():
    first = laid(film("V1: A:100"), Cue(0, 4000, "one"))
    home = first.sequence.of_kind(TrackKind.SUBTITLE)[0].id
    after = laid(first, Cue(0, 1000, "new"), frame=50, track=home)
    assert rows(after) == {"S1": [("one", 0, 50), ("new", 50, 75), ("one", 75, 100)]}
    locked = edits.change_track(first, home, locked=True)
    subtitles = edits.lay_out_subtitles([Cue(0, 1000, "new")], locked.sequence)
    refuses(locked, lambda document: edits.add_subtitles(document, subtitles, home), LockedTrack)


def test_what_is_shown_at_the_same_time_lies_on_two_tracks_and_not_over_each_other():
    after = laid(
        film("V1: A:100"), Cue(0, 4000, "below\ntwo lines"), Cue(1000, 2000, "above"), Cue(4000, 5000, "later")
    )
    assert rows(after) == {"S1": [("below\ntwo lines", 0, 100), ("later", 100, 125)], "S2": [("above", 25, 50)]}
    found = titles(after)
    two_lines = found["below\ntwo lines"]
    assert found["above"].y + found["above"].size / 2 < two_lines.y - two_lines.size
    assert found["later"].y > two_lines.y  # one line sits lower than the middle of two


def test_top_and_bottom_leave_each_other_alone():
    alone = titles(laid(film("V1: A:100"), Cue(0, 4000, "low")))["low"]
    found = titles(laid(film("V1: A:100"), Cue(0, 4000, "high", top=True), Cue(0, 4000, "low")))
    assert found["low"] == alone
    assert found["high"].y == pytest.approx(1 - alone.y)


def test_cues_that_overlap_by_a_slip_follow_each_other():
    after = laid(film("V1: A:100"), Cue(0, 1080, "one"), Cue(1000, 2000, "two"))
    assert rows(after) == {"S1": [("one", 0, 25), ("two", 25, 50)]}


def test_a_line_wider_than_the_picture_is_broken_between_words():
    words = " ".join(["words"] * 20)
    subtitles = edits.lay_out_subtitles([Cue(0, 1000, words), Cue(2000, 3000, "short")], film("V1: A:100").sequence)
    (lane,) = subtitles.lanes
    text = lane[0][1].content.text
    assert subtitles.wrapped == 1
    assert "\n" in text
    assert text.replace("\n", " ") == words


def test_style_becomes_the_titles():
    cue = Cue(0, 1000, "one", italic=True, bold=True, colour="#ff0000ff", align="left")
    found = titles(laid(film("V1: A:100"), cue))["one"]
    assert (found.italic, found.weight, found.colour, found.align) == (True, 800, "#ff0000ff", "left")


def test_too_many_at_once_are_refused():
    cues = [Cue(0, 1000, str(number)) for number in range(13)]
    with pytest.raises(BadValue, match="13 subtitles"):
        edits.lay_out_subtitles(cues, film("V1: A:100").sequence)


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 4000)), max_size=10),
    st.sampled_from([Fraction(25), Fraction(24000, 1001), Fraction(60)]),
)
def test_any_cues_give_a_sound_document(times: list[tuple[int, int]], rate: Fraction):
    before = film("V1: A:100", rate)
    cues = [Cue(first, first + length, f"cue {number}") for number, (first, length) in enumerate(times)]
    after = edits.add_subtitles(before, edits.lay_out_subtitles(cues, before.sequence))
    check(after)
    assert sum(len(row) for row in rows(after).values()) == len(cues)
