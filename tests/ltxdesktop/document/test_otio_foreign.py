"""OpenTimelineIO files of other tools: what they show is kept, and what has no place here is said."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest

from ltxdesktop.document.model import Clip, Gap, MediaKind, Solid, Track, Transition
from ltxdesktop.document.otio.names import KEPT, START_KEY
from ltxdesktop.document.otio.read import Reading, from_text
from ltxdesktop.document.otio.write import to_text

NTSC = Fraction(30000, 1001)


def time(value: float, rate: float = 24) -> Any:
    return otio.opentime.RationalTime(value, rate)


def span(first: float, length: float, rate: float = 24) -> Any:
    return otio.opentime.TimeRange(time(first, rate), time(length, rate))


def clip(name: str, first: float, length: float, rate: float = 24, **reference: Any) -> Any:
    return otio.schema.Clip(
        name, otio.schema.ExternalReference(reference.pop("url", f"{name}.mov"), **reference), span(first, length, rate)
    )


def track(*items: Any, kind: str = "Video") -> Any:
    made = otio.schema.Track(kind[0], kind=kind)
    made.extend(items)
    return made


def read(*tracks: Any, **timeline: Any) -> Reading:
    made = otio.schema.Timeline("Theirs", **timeline)
    made.tracks.extend(tracks)
    return from_text(made.to_json_string())


def first_track(reading: Reading) -> Track:
    return reading.document.sequence.tracks[0]


def test_clips_gaps_and_dissolves_are_taken_over() -> None:
    dissolve = otio.schema.Transition("x", "SMPTE_Dissolve", in_offset=time(4), out_offset=time(6))
    reading = read(track(otio.schema.Gap(source_range=span(0, 10)), clip("a", 5, 40), dissolve, clip("b", 7, 30)))
    gap, a, b = first_track(reading).items
    assert isinstance(gap, Gap)
    assert isinstance(a, Clip)
    assert isinstance(b, Clip)
    assert (gap.duration, a.duration, b.duration) == (10, 40, 30)
    assert b.transition == Transition(before=4, after=6)
    assert (a.takes[0].start_s, b.takes[0].start_s) == (Fraction(5, 24), Fraction(7, 24))
    assert reading.document.sequence.rate == 24
    assert not reading.ours
    assert reading.notes == ()


def test_whole_numbers_may_be_written_without_a_point() -> None:
    made = otio.schema.Timeline("Theirs")
    made.tracks.append(track(clip("a", 10, 20)))
    text = made.to_json_string().replace("10.0", "10").replace("20.0", "20")
    assert ".0" not in text.replace("24.0", "").replace("0.0", "")
    (only,) = first_track(from_text(text)).clips
    assert only.duration == 20


def test_a_dissolve_before_a_gap_or_the_end_is_the_clips_own() -> None:
    out = otio.schema.Transition("x", "SMPTE_Dissolve", in_offset=time(4), out_offset=time(4))
    gap = otio.schema.Gap(source_range=span(0, 10))
    reading = read(track(clip("a", 0, 40), out, gap, clip("b", 0, 40), out.clone()))
    a, _, b = first_track(reading).items
    assert isinstance(a, Clip)
    assert isinstance(b, Clip)
    assert a.tail == b.tail == Transition(before=4)


@pytest.mark.parametrize("rate", [23.976, 24000 / 1001, 29.97, 30000 / 1001])
def test_broadcast_rates_are_exact_whoever_wrote_them(rate: float) -> None:
    reading = read(track(clip("a", 100, 40, rate), clip("b", 3, 7, rate)), global_start_time=time(86400, rate))
    exact = Fraction(24000, 1001) if rate < 25 else NTSC
    assert reading.document.sequence.rate == exact
    assert reading.document.sequence.first_frame == 86400
    a, b = first_track(reading).clips
    assert (a.takes[0].start_s, a.duration, b.duration) == (100 / exact, 40, 7)


def test_ranges_at_other_rates_never_drift() -> None:
    """Twenty clips of 10 frames at 24 last 200/24 s; at 25 each is 10 or 11 frames and the sum is right."""
    reading = read(track(*(clip(f"c{n}", 0, 10, 24) for n in range(20))), global_start_time=time(0, 25))
    assert {item.duration for item in first_track(reading).items} == {10, 11}
    assert first_track(reading).duration == 208


def test_a_cameras_timecode_is_where_its_media_begins() -> None:
    start = 3600 * 24
    reading = read(track(clip("a", start + 48, 24, available_range=span(start, 240))))
    (media,) = reading.document.media.values()
    (only,) = first_track(reading).clips
    assert (media.metadata[START_KEY], media.frames) == ("3600", 240)
    assert only.takes[0].start_s == 2
    again: Any = otio.adapters.read_from_string(to_text(reading.document), "otio_json")
    assert again.tracks[0][0].source_range.start_time.value == start + 48
    assert again.tracks[0][0].media_reference.available_range == span(start, 240)


def test_times_counted_from_the_first_picture_are_understood_too() -> None:
    reading = read(track(clip("a", 48, 24, available_range=span(3600 * 24, 240))))
    assert next(first_track(reading).clips).takes[0].start_s == 2


def test_takes_speeds_and_markers_are_taken_over() -> None:
    made = clip("a", 10, 40)
    references = {"proxy": otio.schema.ExternalReference("p.mov"), "full": otio.schema.ExternalReference("f.mov")}
    made.set_media_references(references, "full")
    made.effects.append(otio.schema.LinearTimeWarp(time_scalar=-0.5))
    made.markers.append(otio.schema.Marker("here", span(15, 0), "PINK"))
    (only,) = first_track(read(track(made))).clips
    assert only.speed == Fraction(-1, 2)
    assert len(only.takes) == 2
    assert only.takes[only.active].start_s == Fraction(10 * 2 + 39, 48)
    assert [(marker.name, marker.frame, marker.colour) for marker in only.markers] == [("here", 5, "pink")]


def test_picture_and_sound_of_one_file_are_linked() -> None:
    reading = read(track(clip("a", 5, 40)), track(clip("a", 5, 40), kind="Audio"))
    picture, sound = (next(each.clips) for each in reading.document.sequence.tracks)
    assert picture.link is not None
    assert picture.link == sound.link
    (media,) = reading.document.media.values()
    assert (media.kind, media.has_sound) == (MediaKind.VIDEO, True)
    assert reading.unseen == {media.id}


def test_effects_and_metadata_are_kept_and_said() -> None:
    made = clip("a", 0, 40)
    made.metadata["Resolve_OTIO"] = {"Link Group ID": 3}
    made.effects.append(otio.schema.Effect("Blur", "gaussian", metadata={"radius": 2}))
    reading = read(track(made, made.clone()))
    (only, _) = first_track(reading).clips
    assert only.metadata["Resolve_OTIO"] == {"Link Group ID": 3}
    assert only.metadata[KEPT]["effects"][0]["metadata"] == {"radius": 2}
    assert reading.notes == ("The effect “gaussian” (2×) is kept in the file but has no effect here.",)


def test_a_nested_sequence_becomes_its_own_and_a_gap() -> None:
    inner = otio.schema.Stack("Titles")
    inner.append(track(clip("t", 0, 12)))
    reading = read(track(clip("a", 0, 40), inner, clip("b", 0, 10)))
    assert [item.duration for item in first_track(reading).items] == [40, 12, 10]
    assert [sequence.name for sequence in reading.document.sequences] == ["Theirs", "Titles"]
    assert [item.name for item in reading.document.sequences[1].tracks[0].clips] == ["t"]
    assert "“Titles” inside “Theirs” became a sequence of its own" in reading.notes[0]


def test_unknown_tracks_are_said() -> None:
    reading = read(track(clip("a", 0, 40)), track(kind="Data"))
    assert len(reading.document.sequence.tracks) == 1
    assert "kind “Data”" in reading.notes[0]


def test_generators_numbered_pictures_and_missing_media() -> None:
    colour = otio.schema.Clip("bars", otio.schema.GeneratorReference("bars", "SMPTEBars"), span(0, 10))
    pictures = otio.schema.ImageSequenceReference("shots/", "a.", ".exr", 1, 1, 24.0, 4, available_range=span(1, 50))
    missing = otio.schema.Clip("gone", None, span(3, 10))
    reading = read(track(colour, otio.schema.Clip("seq", pictures, span(11, 10)), missing))
    bars, numbered, gone = first_track(reading).clips
    assert bars.content == Solid()
    assert reading.notes == ("The generator “SMPTEBars” is kept in the file and shows black here: “bars”.",)
    again: Any = otio.adapters.read_from_string(to_text(reading.document), "otio_json")
    assert again.tracks[0][0].media_reference.generator_kind == "SMPTEBars"
    assert from_text(to_text(reading.document)).document == reading.document
    media = reading.document.media[numbered.takes[0].media]
    assert (media.kind, media.path, media.frames) == (MediaKind.IMAGE_SEQUENCE, "shots/a.0001.exr", 50)
    lost = reading.document.media[gone.takes[0].media]
    assert (lost.path, lost.name) == ("", "gone")


def test_a_collection_gives_every_timeline_a_sequence() -> None:
    one, two = otio.schema.Timeline("one"), otio.schema.Timeline("two")
    one.tracks.append(track(clip("a", 0, 40)))
    bin_clip = clip("b roll", 0, 10)
    collection = otio.schema.SerializableCollection("Bin", [one, two, bin_clip])
    document = from_text(collection.to_json_string()).document
    assert [sequence.name for sequence in document.sequences] == ["one", "two"]
    assert sorted(media.name for media in document.media.values()) == ["a.mov", "b roll.mov"]


def test_old_files_are_read() -> None:
    """Clip.1 with one media reference, as OpenTimelineIO wrote until 0.14."""
    made = otio.schema.Timeline("old")
    made.tracks.append(track(clip("a", 5, 40)))
    text = otio.adapters.write_to_string(made, "otio_json", target_schema_versions={"Clip": 1})
    assert '"Clip.1"' in text
    (only,) = first_track(from_text(text)).clips
    assert (only.duration, only.takes[0].start_s) == (40, Fraction(5, 24))


def test_what_was_read_is_saved_and_read_as_the_same() -> None:
    reading = read(track(clip("a", 5, 40), clip("b", 0, 10)), track(clip("a", 5, 40), kind="Audio"))
    assert from_text(to_text(reading.document)).document == reading.document


def test_infinities_are_read_however_they_are_written() -> None:
    made = otio.schema.Timeline("Theirs")
    made.tracks.append(track(clip("a", 0, 40)))
    text = made.to_json_string()
    assert '"metadata": {}' in text
    for word in ("Infinity", "-Infinity", "Inf", "-Inf"):
        said = text.replace('"metadata": {}', f'"metadata": {{"tool": {{"x": {word}, "words": "Inf"}}}}', 1)
        assert from_text(said).document.sequence.duration == 40
