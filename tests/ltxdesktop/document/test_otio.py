"""A project's text: every document comes back exactly, and OpenTimelineIO itself reads it and keeps all of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from document_strategies import documents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltxdesktop.document.model import (
    Clip,
    Document,
    Gap,
    ItemId,
    Key,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    Transition,
    new_document,
    new_sequence,
)
from ltxdesktop.document.otio.names import OURS, SCHEMA, path_of, rate_of, url_of
from ltxdesktop.document.otio.read import NotAProject, from_text
from ltxdesktop.document.otio.upgrades import NewerProject, upgrade
from ltxdesktop.document.otio.write import to_text

NTSC = Fraction(30000, 1001)
KITCHEN = Media(
    MediaId("kitchen"),
    "kitchen.mp4",
    "media/kitchen 100%.mp4",
    MediaKind.VIDEO,
    NTSC,
    900,
    1920,
    1080,
    48000,
    1441440,
    2,
)


def through_otio(text: str) -> str:
    """The text as OpenTimelineIO writes it after reading it."""
    return otio.adapters.read_from_string(text, "otio_json").to_json_string()


def otio_clips(text: str) -> list[Any]:
    return list(otio.adapters.read_from_string(text, "otio_json").find_clips())


def document_of(*items: Clip | Gap, media: tuple[Media, ...] = (KITCHEN,)) -> Document:
    track = Track(TrackId("v1"), TrackKind.VIDEO, "V1", items)
    return new_document("Film", replace(new_sequence(rate=NTSC), tracks=(track,))).with_media(*media)


def clip_of(duration: int = 30, start_s: Fraction = Fraction(0), **more: Any) -> Clip:
    return Clip(ItemId("c1"), "kitchen", duration, (Take(MediaId("kitchen"), start_s),), **more)


def only_clip(document: Document) -> Clip:
    (clip,) = document.sequence.tracks[0].clips
    return clip


def changed(text: str, change: Any) -> str:
    """The text after another tool changed the OpenTimelineIO object."""
    timeline = otio.adapters.read_from_string(text, "otio_json")
    change(timeline)
    return timeline.to_json_string()


# ---- exactness -------------------------------------------------------------------------------------------------------


@given(documents())
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_every_document_comes_back_exactly(document: Document) -> None:
    reading = from_text(to_text(document))
    assert reading.document == document
    assert list(reading.document.media) == list(document.media)
    assert reading.ours
    assert not reading.notes


@given(documents())
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_opentimelineio_reads_and_keeps_every_document(document: Document) -> None:
    assert from_text(through_otio(to_text(document))).document == document


@given(st.floats(allow_nan=False))
def test_every_float_comes_back_exactly(value: float) -> None:
    document = document_of(clip_of(values={"opacity": Parameter(value, (Key(0, value),))}))
    assert from_text(to_text(document)).document == document


def test_text_is_utf8_whatever_names_are_in_it() -> None:
    named = replace(document_of(clip_of()), name="\udcff and \U00100000")
    text = to_text(named)
    assert from_text(text.encode("utf-8").decode("utf-8")).document == named


# ---- what other tools see --------------------------------------------------------------------------------------------


def test_takes_are_named_media_references_with_one_active() -> None:
    retake = replace(KITCHEN, id=MediaId("retake"), name="retake.mp4", path="media/retake.mp4")
    clip = clip_of(start_s=Fraction(1001, 30000) * 7, active=1)
    clip = replace(clip, takes=(*clip.takes, Take(MediaId("retake"), Fraction(0), "second", 4, "better")))
    document = document_of(clip, media=(KITCHEN, retake))
    (seen,) = otio_clips(to_text(document))
    assert list(seen.media_references()) == ["DEFAULT_MEDIA", "Take 1"]
    assert seen.active_media_reference_key == "Take 1"
    assert seen.media_reference.target_url == "media/retake.mp4"
    assert seen.media_references()["DEFAULT_MEDIA"].target_url == "media/kitchen%20100%25.mp4"
    assert seen.media_reference.available_range.duration == otio.opentime.RationalTime(900, 30000 / 1001)
    assert from_text(to_text(document)).document == document


@pytest.mark.parametrize(
    ("speed", "schema", "scalar"),
    [
        (Fraction(2), "LinearTimeWarp", 2.0),
        (Fraction(0), "FreezeFrame", 0.0),
        (Fraction(-1, 3), "LinearTimeWarp", -1 / 3),
    ],
)
def test_speeds_are_time_effects(speed: Fraction, schema: str, scalar: float) -> None:
    (seen,) = otio_clips(to_text(document_of(clip_of(speed=speed, start_s=Fraction(20)))))
    (effect,) = seen.effects
    assert (effect.schema_name(), effect.time_scalar) == (schema, scalar)


def test_range_markers_gaps_and_transitions_stand_where_they_belong() -> None:
    first = clip_of(30, 10 / NTSC, markers=(Marker(MarkerId("m"), 5, "hit", "red", 2, "boom"),))
    second = replace(first, id=ItemId("c2"), markers=(), transition=Transition(before=4, after=6), enabled=False)
    tail = replace(second, tail=Transition(before=3))
    document = document_of(Gap(ItemId("g"), 12), first, tail)
    text = to_text(document)
    timeline: Any = otio.adapters.read_from_string(text, "otio_json")
    gap, one, dissolve, two, out = timeline.tracks[0]
    assert gap.duration().value == 12
    assert (one.source_range.start_time.value, one.source_range.duration.value) == (10, 30)
    assert one.range_in_parent().start_time.value == 12
    assert (one.markers[0].name, one.markers[0].color, one.markers[0].comment) == ("hit", "RED", "boom")
    assert one.markers[0].marked_range.start_time.value == 15  # in the clip's media time
    assert (dissolve.transition_type, dissolve.in_offset.value, dissolve.out_offset.value) == ("SMPTE_Dissolve", 4, 6)
    assert not two.enabled
    assert (out.in_offset.value, out.out_offset.value) == (3, 0)
    assert from_text(text).document == document


def test_the_other_sequences_are_timelines_within_the_project() -> None:
    other = new_sequence("Trailer", rate=Fraction(24))
    document = document_of(clip_of())
    document = replace(document, sequences=(other, *document.sequences))
    root: Any = otio.adapters.read_from_string(to_text(document), "otio_json")
    assert root.name == document.sequence.name
    within = root.metadata[OURS]["project"]["sequences"]
    assert within[0].schema_name() == "Timeline"
    assert (within[0].name, within[1]) == ("Trailer", None)


# ---- what other tools change -----------------------------------------------------------------------------------------


def test_another_tools_trim_slip_and_speed_are_taken_over() -> None:
    document = document_of(clip_of(30, 10 / NTSC, values={"opacity": Parameter(0.5)}))

    def trim(timeline: Any) -> None:
        clip = timeline.tracks[0][0]
        rate = clip.source_range.duration.rate
        clip.source_range = otio.opentime.TimeRange(
            otio.opentime.RationalTime(15, rate), otio.opentime.RationalTime(20, rate)
        )
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.5))

    clip = only_clip(from_text(changed(to_text(document), trim)).document)
    assert (clip.duration, clip.takes[0].start_s, clip.speed) == (20, 15 / NTSC, Fraction(1, 2))
    assert clip.values == {"opacity": Parameter(0.5)}


def test_another_tools_relink_is_followed() -> None:
    def relink(timeline: Any) -> None:
        timeline.tracks[0][0].media_reference.target_url = "file:///new%20place/kitchen.mov"

    document = from_text(changed(to_text(document_of(clip_of())), relink)).document
    assert document.media[MediaId("kitchen")].path == "/new place/kitchen.mov"


def test_numbered_pictures_are_a_reference_that_others_understand() -> None:
    shots = Media(MediaId("shots"), "shot", "shots/shot.0007.png", MediaKind.IMAGE_SEQUENCE, NTSC, 100, 64, 48)
    clip = Clip(ItemId("c"), "c", 10, (Take(shots.id, 5 / NTSC),))
    document = document_of(clip).with_media(shots)
    timeline: Any = otio.adapters.read_from_string(to_text(document), "otio_json")
    reference = timeline.tracks[0][0].media_reference
    shown = timeline.tracks[0][0].source_range.start_time
    assert reference.target_url_for_image_number(reference.frame_for_time(shown) - 7) == "shots/shot.0012.png"
    assert from_text(to_text(document)).document == document

    def relink(timeline: Any) -> None:
        timeline.tracks[0][0].media_reference.target_url_base = "elsewhere"

    moved = from_text(changed(to_text(document), relink)).document
    assert moved.media[shots.id].path == "elsewhere/shot.0007.png"


def test_a_clip_that_another_tool_added_shows_its_own_media() -> None:
    def add(timeline: Any) -> None:
        rate = 30000 / 1001
        range_ = otio.opentime.TimeRange(otio.opentime.RationalTime(8, rate), otio.opentime.RationalTime(9, rate))
        reference = otio.schema.ExternalReference("b roll.mov")
        timeline.tracks[0].append(otio.schema.Clip("b", reference, range_, metadata={"tool": {"x": 1}}))

    reading = from_text(changed(to_text(document_of(clip_of())), add))
    (_, added) = reading.document.sequence.tracks[0].clips
    assert (added.name, added.duration, added.metadata) == ("b", 9, {"tool": {"x": 1}})
    assert added.takes[0].start_s == 8 / NTSC
    media = reading.document.media[added.takes[0].media]
    assert (media.path, media.kind) == ("b roll.mov", MediaKind.VIDEO)
    assert reading.unseen == {media.id}


def test_unknown_metadata_and_effects_of_other_tools_survive() -> None:
    def decorate(timeline: Any) -> None:
        timeline.metadata["tool"] = {"deep": [1, {"x": None}]}
        timeline.tracks.metadata["stack"] = 1
        timeline.tracks[0].metadata["track"] = "t"
        clip = timeline.tracks[0][0]
        clip.metadata["tool"] = {"grade": 0.25}
        clip.media_reference.metadata["reel"] = "A001"
        clip.effects.append(otio.schema.Effect("Glow", "tool.glow", metadata={"tool": {"radius": 3}}))
        clip.markers[0].metadata["tool"] = "m"

    document = document_of(clip_of(markers=(Marker(MarkerId("m"), 5),)))
    reading = from_text(changed(to_text(document), decorate))
    again: Any = otio.adapters.read_from_string(to_text(reading.document), "otio_json")
    clip = again.tracks[0][0]
    assert again.metadata["tool"]["deep"][1]["x"] is None
    assert again.tracks.metadata["stack"] == 1
    assert again.tracks[0].metadata["track"] == "t"
    assert clip.metadata["tool"]["grade"] == 0.25
    assert [(effect.name, effect.metadata["tool"]["radius"]) for effect in clip.effects] == [("Glow", 3)]
    assert clip.markers[0].metadata["tool"] == "m"


# ---- versions and damage ---------------------------------------------------------------------------------------------

PROJECTS = Path(__file__).with_name("projects")


def test_the_sample_of_version_1_still_opens() -> None:
    """Made by `to_text` when version 1 was current; never to be changed."""
    reading = from_text((PROJECTS / "version-1.otio").read_text(encoding="utf-8"))
    document = reading.document
    assert [sequence.name for sequence in document.sequences] == ["Film", "Trailer"]
    assert document.sequence.rate == NTSC
    kitchen, title = document.sequence.tracks[0].clips
    assert (kitchen.duration, kitchen.speed, len(kitchen.takes), kitchen.active) == (30, Fraction(1, 3), 2, 1)
    assert kitchen.takes[0].start_s == Fraction(7007, 30000)
    assert kitchen.values["opacity"].at(5) == pytest.approx(0.5)
    assert title.content == Title("Hello\n“there”")
    assert document.media[MediaId("retake")].recipe == {"prompt": "a red ball", "seed": 7}


def test_versions_are_upgraded_one_step_at_a_time() -> None:
    root: dict[str, Any] = {"metadata": {OURS: {"schema": 1, "log": []}}}
    steps = {
        1: lambda tree: tree["metadata"][OURS]["log"].append("to 2"),
        2: lambda tree: tree["metadata"][OURS]["log"].append("to 3"),
    }
    upgrade(root, steps, present=3)
    assert root["metadata"][OURS] == {"schema": 3, "log": ["to 2", "to 3"]}


def test_a_newer_project_is_refused_with_both_versions() -> None:
    tree = json.loads(to_text(document_of(clip_of())))
    tree["metadata"][OURS]["schema"] = SCHEMA + 1
    with pytest.raises(NewerProject, match=f"version {SCHEMA + 1}.*up to {SCHEMA}"):
        from_text(json.dumps(tree))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"OTIO_SCHEMA":"Clip.2"', '{"OTIO_SCHEMA":"Marker.2"}'])
def test_what_is_no_project_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotAProject):
        from_text(text)


def test_damage_anywhere_ends_in_one_error() -> None:
    """Cutting values out of the middle never ends in anything but a document or NotAProject."""
    text = to_text(document_of(clip_of(speed=Fraction(2)), Gap(ItemId("g"), 5)))
    for start in range(0, len(text), 37):
        damaged = text[:start] + text[start + 11 :]
        with suppress(NotAProject):
            assert from_text(damaged).document.sequences


# ---- small parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("media/a b.mp4", "media/a%20b.mp4"),
        ("/films/100%.mov", "file:///films/100%25.mov"),
        ("C:/films/a.mov", "file:///C:/films/a.mov"),
        ("//server/share/ä.mov", "file://server/share/%C3%A4.mov"),
        ("odd:name#?.mp4", "odd%3Aname%23%3F.mp4"),
        ("/not/utf8/\udcff.mov", "file:///not/utf8/%FF.mov"),
        ("https://example.org/a.mp4", "https://example.org/a.mp4"),
    ],
)
def test_paths_become_urls_and_come_back(path: str, url: str) -> None:
    assert url_of(path) == url
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [("file://localhost/x/a%20b.mov", "/x/a b.mov"), ("a b.mov", "a b.mov"), ("C:\\x\\a.mov", "C:/x/a.mov")],
)
def test_urls_that_other_tools_write_are_understood(url: str, path: str) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, NTSC),
        (30000 / 1001, NTSC),
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (59.94, Fraction(60000, 1001)),
    ],
)
def test_rates_behind_floats_are_exact(value: float, rate: Fraction) -> None:
    assert rate_of(value) == rate
