"""Films to other programs' formats and back: every frame shows the same picture at every rate; losses are said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import av
import pytest

from ltxdesktop.document.check import check
from ltxdesktop.document.model import (
    Clip,
    Document,
    Effect,
    Gap,
    Item,
    ItemId,
    Key,
    LinkId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Sequence,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    Transition,
    TransitionKind,
    new_document,
    new_sequence,
)
from ltxdesktop.document.otio.names import START_KEY
from ltxdesktop.project.interchange.common import ExchangeError
from ltxdesktop.project.interchange.edl import guessed_edl_rate, read_edl, write_edl
from ltxdesktop.project.interchange.exchange import export_film, format_of, import_film
from ltxdesktop.project.interchange.fcp7 import write_fcp7
from ltxdesktop.project.interchange.fcp7_read import read_fcp7
from ltxdesktop.project.interchange.fcpxml import time_text, write_fcpxml

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)]
rates = pytest.mark.parametrize("rate", RATES, ids=["23.976", "25", "29.97"])

Shown = list[tuple[str, int, Fraction]]  # what a frame of a track shows: file, its frame, share


def locate(media: Media) -> Path:
    return Path("/films/one") / media.path


def media_at(rate: Fraction, name: str, start: int = 0) -> Media:
    metadata = MappingProxyType({START_KEY: str(start / rate)} if start else {})
    samples = round(600 * 48000 / rate)
    path = f"media/{name} 100%.mov"
    return Media(
        MediaId(name),
        f"{name} 100%.mov",
        path,
        MediaKind.VIDEO,
        rate,
        600,
        1920,
        1080,
        48000,
        samples,
        2,
        metadata=metadata,
    )


def film(rate: Fraction) -> Document:
    """Gap, cut, dissolve, double speed, backwards, frozen, switched-off tail; picture and sound of the first linked."""
    garden, kitchen = media_at(rate, "garden"), media_at(rate, "kitchen", 3600 * round(rate))

    def clip(name: str, media: Media, first: int, duration: int, **more: Any) -> Clip:
        return Clip(ItemId(name), name, duration, (Take(media.id, first / rate),), **more)

    pictures: tuple[Item, ...] = (
        Gap(ItemId("g"), 12),
        clip("wide", garden, 40, 30, link=LinkId("l"), markers=(Marker(MarkerId("m"), 5, "look"),)),
        clip("close", kitchen, 100, 40, transition=Transition(before=4, after=4), link=LinkId("l2")),
        clip("fast", garden, 200, 25, speed=Fraction(2)),
        clip("back", kitchen, 300, 20, speed=Fraction(-1)),
        clip("still", garden, 77, 15, speed=Fraction(0)),
        Gap(ItemId("h"), 10),
        clip("last", kitchen, 0, 24, transition=Transition(after=6)),
    )
    sounds: tuple[Item, ...] = (
        Gap(ItemId("i"), 12),
        replace(pictures[1], id=ItemId("wide s"), markers=()),
        replace(pictures[2], id=ItemId("close s"), transition=None, values={"volume": Parameter(-6.0)}),
    )
    sequence = new_sequence("Film & Söhne", rate=rate, video=0, audio=0)
    tracks = (
        Track(TrackId("v1"), TrackKind.VIDEO, "V1", pictures),
        Track(TrackId("a1"), TrackKind.AUDIO, "A1", sounds),
    )
    markers = (Marker(MarkerId("n"), 50, "act 2", "red"),)
    hour = 3600 * round(rate)
    return new_document("Film", replace(sequence, tracks=tracks, markers=markers, first_frame=hour)).with_media(
        garden, kitchen
    )


def shown(document: Document, track: Track) -> list[Shown]:
    """What every frame of a track shows, transitions mixed, wherever in a transition its cut is said to be."""
    rate = document.sequence.rate
    frames: list[Shown] = [[] for _ in range(track.duration)]
    for start, item in track.placed():
        if isinstance(item, Clip) and item.take is not None:
            for frame in range(start, start + item.duration):
                frames[frame] = [picture(document, item, frame - start, rate, Fraction(1))]
    for place, (start, item) in enumerate(list(track.placed())):
        if not isinstance(item, Clip) or item.transition is None:
            continue
        head = item.transition
        before = track.items[place - 1] if place else None
        for step in range(head.duration):
            frame = start - head.before + step
            share = Fraction(step, head.duration)
            frames[frame] = [picture(document, item, frame - start, rate, share)]
            if isinstance(before, Clip):
                since = frame - (start - before.duration)
                frames[frame].insert(0, picture(document, before, since, rate, 1 - share))
    return frames


def picture(document: Document, clip: Clip, frame: int, rate: Fraction, share: Fraction) -> tuple[str, int, Fraction]:
    media = document.media[clip.takes[clip.active].media]
    offset = Fraction(str(media.metadata.get(START_KEY, "0")))
    return media.name, round((clip.media_time(frame, rate) + offset) * rate), share


def tracks_of(document: Document) -> list[tuple[TrackKind, list[Shown]]]:
    return [(track.kind, shown(document, track)) for track in document.sequence.tracks]


# ---- Final Cut Pro 7 XML ---------------------------------------------------------------------------------------------


@rates
def test_fcp7_shows_the_same_pictures_after_a_round_trip(rate: Fraction) -> None:
    document = film(rate)
    exported = write_fcp7(document, document.sequence, locate)
    again = read_fcp7(exported.text).document
    assert again.sequence.rate == rate
    assert again.sequence.first_frame == document.sequence.first_frame
    assert tracks_of(again) == tracks_of(document)
    assert exported.notes == ()


@rates
def test_fcp7_keeps_what_belongs_to_clips(rate: Fraction) -> None:
    document = film(rate)
    before = [clip for track in document.sequence.tracks for clip in track.clips]
    again = read_fcp7(write_fcp7(document, document.sequence, locate).text).document
    after = [clip for track in again.sequence.tracks for clip in track.clips]
    assert [(c.name, c.duration, c.speed, c.transition, c.enabled) for c in after] == [
        (c.name, c.duration, c.speed, c.transition, c.enabled) for c in before
    ]
    assert after[0].link is not None
    assert after[0].link == after[6].link, "picture and sound are linked"
    assert after[7].values["volume"].value == pytest.approx(-6)
    assert [(marker.name, marker.frame) for marker in after[0].markers] == [("look", 5)]
    assert [(marker.name, marker.frame) for marker in again.sequence.markers] == [("act 2", 50)]
    paths = {media.path for media in again.media.values()}
    assert paths == {"/films/one/media/garden 100%.mov", "/films/one/media/kitchen 100%.mov"}


def test_fcp7_carries_tracks_that_are_off_or_locked_and_the_size() -> None:
    document = film(Fraction(25))
    sequence = document.sequence
    tracks = (replace(sequence.tracks[0], muted=True, locked=True), *sequence.tracks[1:])
    document = document.with_sequence(replace(sequence, tracks=tracks, width=1080, height=1920))
    again = read_fcp7(write_fcp7(document, document.sequence, locate).text).document.sequence
    assert (again.width, again.height) == (1080, 1920)
    assert [(track.muted, track.locked) for track in again.tracks] == [(True, True), (False, False)]


def test_fcp7_drop_frame_is_kept() -> None:
    document = film(RATES[2])
    sequence = replace(document.sequence, drop_frame=True, first_frame=107892)
    document = document.with_sequence(sequence)
    text = write_fcp7(document, sequence, locate).text
    assert "<string>01:00:00;00</string>" in text
    again = read_fcp7(text).document.sequence
    assert (again.drop_frame, again.first_frame) == (True, 107892)


@pytest.mark.parametrize("text", ["", "no xml", "<xmeml/>", "<fcpxml><sequence/></fcpxml>"])
def test_fcp7_that_cant_be_read_is_said_so(text: str) -> None:
    with pytest.raises(ExchangeError):
        read_fcp7(text)


# ---- CMX 3600 --------------------------------------------------------------------------------------------------------


@rates
def test_an_edit_list_shows_the_same_pictures_after_a_round_trip(rate: Fraction) -> None:
    document = film(rate)
    exported = write_edl(document, document.sequence, locate)
    imported = read_edl(exported.text, rate)
    assert not any("overlapped" in note or "differ" in note for note in imported.notes)
    again = imported.document
    assert again.sequence.first_frame == document.sequence.first_frame
    assert tracks_of(again) == tracks_of(document)
    assert [(marker.name, marker.frame, marker.colour) for marker in again.sequence.markers] == [("act 2", 50, "red")]
    names = [clip.name for clip in again.sequence.tracks[0].clips]
    assert names == ["wide", "close", "fast", "back", "still", "last"]
    assert {media.path for media in again.media.values()} == {str(locate(media)) for media in document.media.values()}


def test_an_edit_list_counts_in_drop_frame() -> None:
    document = film(RATES[2])
    sequence = replace(document.sequence, drop_frame=True, first_frame=107892 - 20)
    text = write_edl(document, sequence, locate).text
    assert "FCM: DROP FRAME" in text
    assert "00:59:59;22" in text  # the clip after the gap of 12 begins 8 frames before the hour
    assert guessed_edl_rate(text) == RATES[2]
    again = read_edl(text, RATES[2]).document.sequence
    assert again.drop_frame
    assert again.first_frame + again.tracks[0].starts[0] == 107892 - 8


LIST = """TITLE: Reel 1
FCM: NON-DROP FRAME

001  TAPE1    V     C        01:00:10:00 01:00:12:00 01:00:00:00 01:00:02:00
* FROM CLIP NAME: KITCHEN
* ASC_SOP: (1 1 1)(0 0 0)(1 1 1)
002  TAPE1    V     C        01:00:12:00 01:00:12:00 01:00:02:00 01:00:02:00
002  TAPE2    V     W001 024 02:00:00:00 02:00:02:00 01:00:02:00 01:00:04:00
* TO CLIP NAME: GARDEN
003  TAPE2    B     C        02:00:05:00 02:00:06:00 01:00:05:00 01:00:06:00
004  AX       AA    C        00:00:00:00 00:00:01:00 01:00:03:12 01:00:04:12
* FROM CLIP NAME: MUSIC.WAV
005  BL       V     C        00:00:00:00 00:00:01:00 01:00:06:00 01:00:07:00
M2   TAPE1    050.0          01:00:20:00
006  TAPE1    V     C        01:00:20:00 01:00:20:12 01:00:07:00 01:00:08:00
M2   TAPE1    012.0          01:00:20:00
"""


def test_a_list_of_another_program_is_read() -> None:
    imported = read_edl(LIST, Fraction(24))
    sequence = imported.document.sequence
    assert [track.name for track in sequence.tracks] == ["V", "A", "A2"]
    picture_track = sequence.tracks[0]
    assert [(start, item.duration, isinstance(item, Clip) and item.name) for start, item in picture_track.placed()] == [
        (0, 48, "KITCHEN"),
        (48, 48, "GARDEN"),
        (96, 24, False),
        (120, 24, "TAPE2"),
        (144, 24, False),
        (168, 24, "TAPE1"),
    ]
    kitchen, garden, linked, slow = picture_track.clips
    assert garden.transition == Transition(TransitionKind.WIPE_RIGHT, 0, 24)
    assert kitchen.takes[0].start_s == 3610
    assert slow.speed == Fraction(1, 2)
    sound = next(clip for clip in sequence.tracks[1].clips if clip.name == "TAPE2")
    assert sound.link == linked.link is not None
    assert sorted(media.name for media in imported.document.media.values()) == ["MUSIC.WAV", "TAPE1", "TAPE2"]
    assert any("no file names" in note for note in imported.notes)
    assert guessed_edl_rate(LIST) == 24


def test_overlapping_events_are_cut_and_said() -> None:
    text = LIST.replace("01:00:05:00 01:00:06:00\n", "01:00:03:00 01:00:06:00\n").replace("02:00:06:00", "02:00:08:00")
    imported = read_edl(text, Fraction(24))
    assert imported.document.sequence.tracks[0].duration == 192
    assert any("overlapped" in note for note in imported.notes)


@pytest.mark.parametrize("text", ["", "hello", LIST.replace("01:00:12:00 01:00:00:00", "01:00:12:61 01:00:00:00")])
def test_what_is_no_edit_list_is_said_so(text: str) -> None:
    with pytest.raises(ExchangeError):
        read_edl(text, Fraction(24))


# ---- FCPXML ----------------------------------------------------------------------------------------------------------


@rates
def test_fcpxml_is_exact_at_every_rate(rate: Fraction) -> None:
    document = film(rate)
    exported = write_fcpxml(document, document.sequence, locate)
    root = ET.fromstring(exported.text)
    sequence = root.find("./library/event/project/sequence")
    assert sequence is not None
    formats = {found.get("id"): found for found in root.iter("format")}
    assert formats[sequence.get("format")].get("frameDuration") == time_text(1 / rate)
    spine = sequence.find("spine")
    assert spine is not None
    end = Fraction(3600 * round(rate)) / rate
    for child in spine:
        offset = Fraction(str(child.get("offset")).removesuffix("s"))
        if child.tag == "transition":
            assert (end - offset) * rate in (4, 0), "over the cut"
            continue
        assert offset == end, "each begins where the one before ends"
        end += Fraction(str(child.get("duration")).removesuffix("s"))
    assert [child.tag for child in spine] == [
        "gap", "asset-clip", "transition", "asset-clip", "asset-clip", "asset-clip", "asset-clip", "gap", "transition",
        "asset-clip",
    ]  # fmt: skip
    wide, fast, back = (root.find(f".//spine/asset-clip[@name='{name}']") for name in ("wide", "fast", "back"))
    assert wide is not None and fast is not None and back is not None  # noqa: PT018
    assert wide.get("start") == time_text(40 / rate)
    assert fast.get("start") == time_text(100 / rate)  # of its own, faster time
    assert [point.get("value") for point in fast.iter("timept")] == ["0s", time_text(600 / rate)]
    assert [point.get("value") for point in back.iter("timept")][1] == time_text(3600 * round(rate) / rate)
    sounds = root.find(".//spine[@lane='-1']")
    assert sounds is not None
    assert [child.get("srcEnable") for child in sounds if child.tag == "asset-clip"] == ["audio", "audio"]
    sources = [found.get("src") for found in root.iter("media-rep")]
    assert sources == ["file:///films/one/media/garden%20100%25.mov", "file:///films/one/media/kitchen%20100%25.mov"]


# ---- what is lost ----------------------------------------------------------------------------------------------------


def rich(document: Document) -> Document:
    """The film with a title, an effect, keys, a second take and a second sequence."""
    sequence = document.sequence
    items = list(sequence.tracks[0].items)
    clip = items[1]
    assert isinstance(clip, Clip)
    keys = Parameter(0, (Key(0, 0.0), Key(10, 1.0)))
    items[1] = replace(
        clip,
        effects=(Effect("e", "blur"),),
        values={"opacity": keys, "scale": Parameter(2.0)},
        takes=(*clip.takes, *clip.takes),
        fade_in=5,
    )
    items.append(Clip(ItemId("t"), "The End", 30, content=Title("The End")))
    changed = replace(sequence, tracks=(replace(sequence.tracks[0], items=tuple(items)), *sequence.tracks[1:]))
    other: Sequence = new_sequence("Trailer")
    return replace(document.with_sequence(changed), sequences=(changed, other))


@pytest.mark.parametrize("write", [write_fcp7, write_edl, write_fcpxml])
def test_every_export_says_what_it_drops(write: Any) -> None:
    document = rich(film(Fraction(25)))
    notes = " ".join(write(document, document.sequence, locate).notes)
    for words in ("1 other sequence", "Titles", "Effects", "Keyframes", "Transform", "take", "Fades", "“The End”"):
        assert words in notes, words


# ---- the door --------------------------------------------------------------------------------------------------------


def test_files_that_a_film_names_are_said_from_the_project(tmp_path: Path) -> None:
    document = film(Fraction(25))
    project = tmp_path / "project"
    path = tmp_path / "lists" / "film.edl"
    path.parent.mkdir()
    export_film(document, path, lambda media: project / media.path)
    imported = import_film(path, project, rate=Fraction(25))
    assert {media.path for media in imported.document.media.values()} == {
        media.path for media in document.media.values()
    }
    assert imported.unseen == set(imported.document.media)


def test_what_breaks_rules_in_a_film_of_another_program_is_set_right_and_said(tmp_path: Path) -> None:
    path = tmp_path / "film.xml"
    export_film(film(Fraction(25)), path, locate)
    tree = ET.parse(path)
    for length in tree.iter("duration"):  # the files are shorter than what is shown of them
        if length.text == "600":
            length.text = "150"
    for level in tree.iter("value"):  # a volume that can't be
        level.text = "1e99"
    tree.write(path)
    imported = import_film(path, tmp_path)
    check(imported.document)
    assert any("showed more than its media have" in note for note in imported.notes)
    assert [clip.name for clip in imported.document.sequence.tracks[0].clips] == [
        "wide", "close", "fast", "back", "still", "last",
    ]  # fmt: skip


def test_formats_are_known_by_their_endings(tmp_path: Path) -> None:
    film_format = format_of(Path("a.EDL"))
    assert film_format is not None
    assert film_format.name == "CMX 3600 edit list"
    with pytest.raises(ExchangeError, match="can be written but not read"):
        import_film(tmp_path / "a.fcpxml", tmp_path)
    with pytest.raises(ExchangeError, match=r"“\.doc”"):
        import_film(tmp_path / "a.doc", tmp_path)


def test_a_dissolve_of_a_list_is_kept_though_nobody_knows_how_long_its_files_are(tmp_path: Path) -> None:
    path = tmp_path / "cut.edl"
    path.write_text(
        "001  AX V C        01:00:03:23 01:00:06:12 01:00:00:00 01:00:02:13\n* FROM CLIP NAME: a.mov\n"
        "002  AX V C        01:00:06:12 01:00:06:12 01:00:02:13 01:00:02:13\n"
        "002  AX V D    030 01:00:33:22 01:00:36:04 01:00:02:13 01:00:04:19\n"
        "* FROM CLIP NAME: a.mov\n* TO CLIP NAME: c.mov\n"
    )
    imported = import_film(path, tmp_path, rate=Fraction(24))
    check(imported.document)
    _, crossed = imported.document.sequence.tracks[0].items
    assert isinstance(crossed, Clip)
    assert crossed.transition == Transition(before=0, after=30)


@rates
def test_a_list_written_here_is_read_at_its_rate(rate: Fraction, tmp_path: Path) -> None:
    path = tmp_path / "film.edl"
    export_film(film(rate), path, locate)
    imported = import_film(path, tmp_path)
    assert imported.document.sequence.rate == rate
    assert not any("doesn't say its rate" in note for note in imported.notes)


@rates
def test_a_list_is_read_at_the_rate_of_its_files(rate: Fraction, tmp_path: Path) -> None:
    footage = tmp_path / "shot.mkv"
    with av.open(str(footage), "w") as out:
        stream = out.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(30):
            out.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        out.mux(stream.encode(None))
    path = tmp_path / "cut.edl"
    path.write_text("001  SHOT V C 00:00:00:02 00:00:00:12 01:00:00:00 01:00:00:10\n* SOURCE FILE: shot.mkv\n")
    assert import_film(path, tmp_path).document.sequence.rate == rate
    path.write_text(path.read_text().replace(":12", ":29"))  # only 30 frames a second count so far
    assert import_film(path, tmp_path).document.sequence.rate == (rate if rate > 29 else 30)
