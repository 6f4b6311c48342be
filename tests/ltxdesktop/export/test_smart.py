"""Smart render: copied pictures are the source's own, those around them are exact, what can't be copied isn't."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from render_samples import clip, film, gap, noise, track, write_sound
from smart_samples import GROUP, RATE, cuts, kept, packets, pictures, write_coded

from engine.media.decode import AudioReader, VideoReader
from ltxdesktop.document.model import Effect, Media, Parameter, Title, TrackKind, Transition
from ltxdesktop.export import avc, encoders, nal
from ltxdesktop.export.presets import PictureCodec
from ltxdesktop.export.writing import FilmFile
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import as_bytes, planes_of

pytestmark = pytest.mark.skipif(
    "libx264" not in [e.name for e in encoders.working(PictureCodec.H264)], reason="needs x264"
)


@pytest.fixture
def footage(tmp_path: Path, files: MediaFiles) -> Media:
    return files.describe(write_coded(tmp_path / "footage.mp4", 100))


@pytest.mark.parametrize("suffix", [".mp4"])
def test_groups_between_cuts_are_copied_bit_for_bit(suffix, footage, tmp_path, exporting, rendering):
    target = tmp_path / f"film{suffix}"
    sequence = cuts(footage)
    report = exporting(sequence, target, footage).run()
    sources = [*range(5, 46), *range(60, 93)]
    # 12..35 whole, 36.. as far as nothing behind the cut is needed; 60..83 whole, 84.. again in part
    assert report.copied >= 48
    assert kept(target, footage, sources) >= report.copied
    before, after = packets(Path(footage.path)), packets(target)
    assert sum(before[source] == after[at] for at, source in enumerate(sources)) == report.copied
    renderer = rendering(sequence, footage)
    with VideoReader(target) as reader:
        assert (reader.index.rate, reader.index.is_constant) == (RATE, True)
        for number in range(len(sources)):
            difference = (
                planes_of(renderer.picture(number).to_frame())[0].astype(float) - planes_of(reader.frame(number))[0]
            )
            assert (difference**2).mean() < 12, number
    assert "copied without loss" in report.lines()[0]


def test_the_file_seeks_to_every_picture(footage, tmp_path, exporting):
    target = tmp_path / "film.mp4"
    exporting(cuts(footage), target, footage).run()
    in_order = pictures(target)
    with VideoReader(target) as reader:
        for number in (73, 0, 40, 41, 12, 60, 7):
            assert as_bytes(reader.frame(number)) == in_order[number]


def test_sound_goes_with_copied_pictures(footage, tmp_path, files, exporting):
    song = files.describe(write_sound(tmp_path / "song.wav", noise(48_000 * 4)))
    sequence = cuts(footage)
    sequence = replace(sequence, tracks=(*sequence.tracks, track(clip(song, 74), kind=TrackKind.AUDIO)))
    report = exporting(sequence, tmp_path / "film.mp4", footage, song).run()
    assert report.copied >= 48
    with AudioReader(tmp_path / "film.mp4") as reader:
        first, end = reader.extent()
        assert end - first == report.samples


@pytest.mark.parametrize(("preset", "suffix"), [("prores-422", ".mov"), ("prores-4444", ".mov"), ("ffv1", ".mkv")])
def test_pictures_that_stand_alone_are_copied_up_to_the_frame(
    preset, suffix, footage, tmp_path, files, exporting, rendering, qapp
):
    """From a file of the preset's own kind; under a title they're encoded, with the same headers."""
    source = tmp_path / f"source{suffix}"
    exporting(film(track(clip(footage, 70)), rate=RATE), source, footage, preset=preset).run()
    media = files.describe(source)
    at = Fraction(1) / RATE
    title = clip(None, 5, content=Title("Words"))
    sequence = film(track(clip(media, 30, 3 * at), clip(media, 31, 37 * at)), track(gap(10), title), rate=RATE)
    target = tmp_path / f"film{suffix}"
    report = exporting(sequence, target, media, preset=preset).run()
    assert (report.frames, report.copied) == (61, 56)
    numbers = [*range(3, 33), *range(37, 68)]
    before, after = pictures(source), pictures(target)
    assert [n for n, number in enumerate(numbers) if after[n] != before[number]] == [10, 11, 12, 13, 14]
    renderer = rendering(sequence, media)
    with VideoReader(target) as reader:
        for number in (9, 10, 12, 14, 15, 60):
            made, found = renderer.picture(number), reader.frame(number)
            luma, other = (planes_of(frame)[0].astype(float) for frame in (made.to_frame(found.format.name), found))
            assert ((luma - other) ** 2).mean() < 12, number


def test_another_kind_of_pictures_is_not_copied(footage, tmp_path, files, exporting):
    source = tmp_path / "source.mov"
    exporting(film(track(clip(footage, 20)), rate=RATE), source, footage, preset="prores-422").run()
    media = files.describe(source)
    sequence = film(track(clip(media, 20)), rate=RATE)
    for preset, suffix in (("prores-hq", ".mov"), ("ffv1", ".mkv"), ("h264", ".mp4")):
        assert exporting(sequence, tmp_path / f"film{suffix}", media, preset=preset).run().copied == 0


def test_a_title_over_a_clip_is_encoded_and_the_rest_is_copied(footage, tmp_path, qapp, exporting):
    words = clip(None, 6, content=Title("x"))
    sequence = film(track(clip(footage, 72)), track(gap(30), words), rate=RATE)
    report = exporting(sequence, tmp_path / "film.mp4", footage).run()
    assert report.copied == 60  # the group of 24..35 is touched, and a part of it would be too short
    assert kept(tmp_path / "film.mp4", footage, list(range(72))) >= report.copied


@pytest.mark.parametrize(
    "changed",
    [
        {"speed": Fraction(2)},
        {"speed": Fraction(-1)},
        {"values": {"scale": Parameter(1.5)}},
        {"values": {"colour.exposure": Parameter(0.5)}},
        {"values": {"opacity": Parameter(0.5)}},
        {"effects": (Effect("e", "blur"),)},
        {"fade_in": 40},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_is_changed_is_never_copied(changed, footage, tmp_path, exporting):
    report = exporting(film(track(clip(footage, 40, **changed)), rate=RATE), tmp_path / "film.mp4", footage).run()
    assert report.copied == 0


@pytest.mark.parametrize(
    "settings",
    [{"smart": False}, {"bitrate_kbps": 500}, {"rate": Fraction(25)}, {"width": 64, "height": 36}, {"preset": "vp9"}],
    ids=lambda settings: next(iter(settings)),
)
def test_other_settings_than_the_source_encode_everything(settings, footage, tmp_path, exporting):
    suffix = ".webm" if settings.get("preset") == "vp9" else ".mp4"
    report = exporting(cuts(footage), tmp_path / f"film{suffix}", footage, **settings).run()
    assert report.copied == 0


def test_a_dissolve_is_encoded(footage, tmp_path, exporting):
    cross = Transition(before=6, after=6)
    sequence = film(track(clip(footage, 36), clip(footage, 36, Fraction(50) / RATE, transition=cross)), rate=RATE)
    report = exporting(sequence, tmp_path / "film.mp4", footage).run()
    assert 0 < report.copied <= 60
    assert kept(tmp_path / "film.mp4", footage, [*range(36), *range(50, 86)]) >= report.copied


def test_open_groups_are_not_copied(tmp_path, files, exporting):
    open_groups = files.describe(write_coded(tmp_path / "open.mp4", 60, params="open-gop=1:bframes=3"))
    report = exporting(film(track(clip(open_groups, 60)), rate=RATE), tmp_path / "film.mp4", open_groups).run()
    before, after = pictures(Path(open_groups.path)), pictures(tmp_path / "film.mp4")
    assert sum(a == b for a, b in zip(before, after, strict=True)) >= report.copied
    assert report.copied <= GROUP  # the first group alone begins with an IDR picture


def test_sources_with_clashing_headers_are_not_mixed(footage, tmp_path, files, exporting):
    other = files.describe(write_coded(tmp_path / "other.mp4", 40, profile="baseline"))
    sequence = film(track(clip(footage, 60), clip(other, 36)), rate=RATE)
    report = exporting(sequence, tmp_path / "film.mp4", footage, other).run()
    assert report.copied == 60
    assert "other.mp4 is encoded again" in report.notes[0]
    assert len(pictures(tmp_path / "film.mp4")) == 96


def test_a_film_that_reads_back_wrong_is_encoded_whole(footage, tmp_path, exporting, monkeypatch):
    """As where a source holds what nobody thought of; here a picture is lost on its way."""
    write = FilmFile.write_packet
    monkeypatch.setattr(
        FilmFile, "write_packet", lambda self, packet, pts, dts: write(self, packet, pts, dts) if pts != 30 else None
    )
    report = exporting(cuts(footage), tmp_path / "film.mp4", footage).run()
    assert report.copied == 0
    assert "Nothing is copied after all" in report.notes[0]
    assert len(pictures(tmp_path / "film.mp4")) == 74


def test_headers_survive_both_packings(footage):
    with av.open(footage.path) as container:
        box = container.streams.video[0].codec_context.extradata
    headers = avc.Headers.parse(box or b"")
    assert avc.Headers.parse(headers.to_box()) == headers
    started = b"".join(b"\0\0\0\1" + unit for unit in (*headers.sps, *headers.pps))
    assert avc.Headers.parse(started) == headers
    assert headers.free_id() == 1
    assert headers.agrees_with(headers)


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\x64\0\x1f\xff\xe1\0\x10ab", b"\0\0\0\1\x67"])
def test_broken_headers_are_refused(data):
    with pytest.raises(nal.BadHeaders):
        avc.Headers.parse(data)
