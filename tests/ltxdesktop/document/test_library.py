"""Edits of what a project holds beside clips: tracks, sequences, media, bins."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from helpers import check_edit, clip, film, media, refuses, said

from ltxdesktop.document import edits
from ltxdesktop.document.errors import (
    BadValue,
    LastOne,
    LockedTrack,
    MediaInUse,
    NoSuchBin,
    NoSuchMedia,
    NoSuchSequence,
    NotEnoughMedia,
    WrongTrack,
)
from ltxdesktop.document.model import (
    BinId,
    Document,
    ItemId,
    MediaId,
    SequenceId,
    Take,
    TrackId,
    TrackKind,
    new_sequence,
)

A, B = ItemId("A"), ItemId("B")
V1, A1 = TrackId("V1"), TrackId("A1")
PAIRS = "V1: A:10 B:10 | A1: a:10 b:10"


def names(document: Document) -> str:
    return " ".join(track.name for track in document.sequence.tracks)


def test_tracks_are_added_among_their_kind() -> None:
    before = film(PAIRS)
    after = check_edit(before, lambda d: edits.add_track(d, TrackKind.VIDEO))
    assert names(after) == "V1 V2 A1"
    assert names(edits.add_track(after, TrackKind.VIDEO, 0, name="below")) == "below V1 V2 A1"
    assert names(edits.add_track(after, TrackKind.SUBTITLE)) == "V1 V2 A1 S1"
    refuses(before, lambda d: edits.add_track(d, TrackKind.VIDEO, name=" "), BadValue)


def test_tracks_are_moved_changed_and_removed() -> None:
    before = edits.add_track(film(PAIRS), TrackKind.VIDEO)
    assert names(check_edit(before, lambda d: edits.move_track(d, V1, 1))) == "V2 V1 A1"
    assert edits.move_track(before, V1, 0) is before
    loud = check_edit(before, lambda d: edits.change_track(d, A1, volume_db=-3, pan=0.5, name="voice", height_px=40))
    track = loud.sequence.tracks[2]
    assert (track.volume_db, track.pan, track.name, track.height_px) == (-3, 0.5, "voice", 40)
    refuses(before, lambda d: edits.change_track(d, A1, pan=2), BadValue)
    gone = check_edit(before, lambda d: edits.remove_track(d, A1))
    assert clip(gone, "A").link is None
    refuses(edits.change_track(before, A1, locked=True), lambda d: edits.remove_track(d, A1), LockedTrack)


def test_sequences() -> None:
    before = film(PAIRS)
    other = new_sequence("Other", rate=Fraction(30))
    two = check_edit(before, lambda d: edits.add_sequence(d, other))
    assert two.active == other.id
    assert said(edits.lift(two, [A], sequence_id=SequenceId("main"))) == ""
    back = check_edit(two, lambda d: edits.open_sequence(d, SequenceId("main")))
    assert check_edit(two, lambda d: edits.remove_sequence(d, other.id)).active == "main"
    refuses(before, lambda d: edits.remove_sequence(d, SequenceId("main")), LastOne)
    refuses(before, lambda d: edits.open_sequence(d, SequenceId("x")), NoSuchSequence)
    refuses(two, lambda d: edits.add_sequence(d, other), BadValue)
    copy = check_edit(back, lambda d: edits.duplicate_sequence(d, SequenceId("main")))
    assert said(copy) == PAIRS
    assert clip(copy, "A").link == clip(copy, "a").link != clip(before, "A").link
    wide = check_edit(back, lambda d: edits.change_sequence(d, size=(3840, 2160), name="Wide", first_frame=90000))
    assert (wide.sequence.width, wide.sequence.name, wide.sequence.first_frame) == (3840, "Wide", 90000)
    refuses(before, lambda d: edits.change_sequence(d, rate=Fraction(30)), BadValue, "new sequence")
    assert edits.change_sequence(two, rate=Fraction(50)).sequence.rate == 50


def test_media_are_added_changed_and_removed() -> None:
    before = check_edit(film(PAIRS), lambda d: edits.add_media(d, [media("N")]))
    assert "N" not in check_edit(before, lambda d: edits.remove_media(d, [MediaId("N")])).media
    refuses(before, lambda d: edits.remove_media(d, [MediaId("A")]), MediaInUse, "'A' is shown by 2 clips")
    gone = check_edit(before, lambda d: edits.remove_media(d, [MediaId("A")], with_clips=True))
    assert said(gone) == "V1: .10 B:10 | A1: .10 b:10"
    refuses(before, lambda d: edits.remove_media(d, [MediaId("x")]), NoSuchMedia)
    moved = check_edit(before, lambda d: edits.change_media(d, replace(media("A"), path="elsewhere.mov")))
    assert moved.media[MediaId("A")].path == "elsewhere.mov"
    refuses(before, lambda d: edits.change_media(d, media("A", 105)), NotEnoughMedia, "only 5 frames")
    refuses(before, lambda d: edits.change_media(d, replace(media("A"), sample_rate=0)), WrongTrack, "no sound")
    assert edits.rename_media(before, MediaId("A"), "kitchen").media[MediaId("A")].name == "kitchen"


def test_media_that_go_take_hidden_takes_with_them() -> None:
    before = edits.add_takes(film(PAIRS), B, [Take(MediaId("N"), Fraction(4))], media=[media("N")], select=False)
    after = check_edit(before, lambda d: edits.remove_media(d, [MediaId("N")], with_clips=True))
    assert said(after) == PAIRS
    assert len(clip(after, "B").takes) == 1


def test_bins() -> None:
    before = check_edit(film(PAIRS), lambda d: edits.add_bin(d, "Day 1", bin_id=BinId("d")))
    inner = check_edit(before, lambda d: edits.add_bin(d, "Kitchen", BinId("d"), bin_id=BinId("k")))
    filled = check_edit(inner, lambda d: edits.move_to_bin(d, [MediaId("A")], BinId("k")))
    refuses(filled, lambda d: edits.move_bin(d, BinId("d"), BinId("k")), BadValue, "into itself")
    refuses(filled, lambda d: edits.move_to_bin(d, [MediaId("A")], BinId("x")), NoSuchBin)
    up = check_edit(filled, lambda d: edits.remove_bin(d, BinId("k")))
    assert up.media[MediaId("A")].bin == "d"
    top = check_edit(filled, lambda d: edits.remove_bin(d, BinId("d")))
    assert top.bins[0].parent is None
    assert edits.rename_bin(top, BinId("k"), "Hall").bins[0].name == "Hall"
    assert edits.move_bin(filled, BinId("k"), None).bins[1].parent is None


def test_a_project_has_a_name() -> None:
    assert edits.rename_project(film(PAIRS), "Film").name == "Film"
    refuses(film(PAIRS), lambda d: edits.rename_project(d, " "), BadValue)
