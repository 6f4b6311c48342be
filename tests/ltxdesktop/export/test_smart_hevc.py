"""Smart render of HEVC: open and closed groups are copied bit for bit, and what is encoded around them fits in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from render_samples import clip, film, gap, track
from smart_samples import GROUP, RATE, cuts, kept, packets, pictures, write_coded

from engine.media.decode import VideoReader
from ltxdesktop.document.model import Media, Title
from ltxdesktop.export import encoders, hevc, nal
from ltxdesktop.export.presets import PictureCodec
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import as_bytes, planes_of

pytestmark = pytest.mark.skipif(
    "libx265" not in [e.name for e in encoders.working(PictureCodec.HEVC)], reason="needs x265"
)

KINDS = {
    "open": "bframes=4",
    "closed": "open-gop=0:bframes=4",
    "leading": "open-gop=0:bframes=4:radl=2",
    "slices": "slices=2:ctu=16",
}
AT = Fraction(1) / RATE


@pytest.fixture
def write(tmp_path: Path, files: MediaFiles):
    def make(name: str = "footage.mp4", frames: int = 100, params: str = "", **options: str) -> Media:
        return files.describe(write_coded(tmp_path / name, frames, "libx265", params, **options))

    return make


def copied_packets(target: Path, footage: Media, sources: list[int]) -> list[int]:
    """The file's frames whose packets are the source's, byte for byte but for the mark of a new start."""
    before, after = packets(Path(footage.path)), packets(target)
    assert len(after) == len(sources)
    same = [number for number, source in enumerate(sources) if before[source] == after[number]]
    marked = [
        n for n, source in enumerate(sources) if n not in same and hevc.marked_as_start(before[source]) == after[n]
    ]
    for number in marked:
        changed = sum(a != b for a, b in zip(before[sources[number]], after[number], strict=True))
        assert changed in (1, 2), "one byte of each slice"
    return sorted(same + marked)


@pytest.mark.parametrize("kind", KINDS)
def test_groups_between_cuts_are_copied_bit_for_bit(kind, write, tmp_path, exporting, rendering):
    footage, target = write(params=KINDS[kind]), tmp_path / "film.mp4"
    sequence = cuts(footage)
    report = exporting(sequence, target, footage, preset="hevc").run()
    sources = [*range(5, 46), *range(60, 93)]
    # What is shown before an open group's key needs what was cut off.
    assert report.copied >= (40 if kind in ("open", "slices") else 48)
    assert len(copied_packets(target, footage, sources)) == report.copied
    assert kept(target, footage, sources) >= report.copied
    renderer = rendering(sequence, footage)
    with VideoReader(target) as reader:
        assert (reader.index.rate, reader.index.is_constant) == (RATE, True)
        for number in range(len(sources)):
            made, found = (
                planes_of(each)[0].astype(float) for each in (renderer.picture(number).to_frame(), reader.frame(number))
            )
            assert ((made - found) ** 2).mean() < 16, number


def test_all_of_an_uncut_film_is_copied_with_its_open_groups(write, tmp_path, exporting):
    footage, target = write(params=KINDS["open"], frames=60), tmp_path / "film.mp4"
    report = exporting(film(track(clip(footage, 60)), rate=RATE), target, footage, preset="hevc").run()
    assert report.copied == 60
    assert packets(target) == packets(Path(footage.path))
    assert pictures(target) == pictures(Path(footage.path))


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_decodes_from_each_of_its_keys(kind, write, tmp_path, exporting):
    footage, target = write(params=KINDS[kind]), tmp_path / "film.mp4"
    exporting(cuts(footage), target, footage, preset="hevc").run()
    in_order = pictures(target)
    with VideoReader(target) as reader:
        keys = [reader.index.first_frame_from(key) for key in range(len(reader.index.key_pts))]
        assert len(keys) >= 7
        for number in (73, 0, 40, 41, 12, 60, 7, *reversed(keys), *(key + 1 for key in keys)):
            assert as_bytes(reader.frame(number)) == in_order[number], number


def test_the_file_is_one_that_apples_players_take(write, tmp_path, exporting):
    """All parameter sets in the header under numbers of their own, and none among the pictures."""
    footage, target = write(params=KINDS["open"]), tmp_path / "film.mp4"
    exporting(cuts(footage), target, footage, preset="hevc").run()
    with av.open(str(target)) as container:
        context = container.streams.video[0].codec_context
        assert context.codec_tag == "hvc1"
        headers = hevc.Headers.parse(context.extradata or b"")
    assert [len(sets) for sets in (headers.vps, headers.sps, headers.pps)] == [2, 2, 2]
    for sets in (headers.vps, headers.sps, headers.pps):
        assert len({hevc.number_of(unit) for unit in sets}) == 2
    for data in packets(target):
        kinds = {hevc.kind_of(unit) for unit in nal.length_prefixed(data, 4)}
        assert not kinds & {hevc.VPS, hevc.SPS, hevc.PPS}


def test_an_open_group_that_goes_on_from_nothing_is_marked_as_a_start(write, tmp_path, exporting):
    """Else decoders would take its times for those of what was encoded before it."""
    footage, target = write(params=KINDS["open"]), tmp_path / "film.mp4"
    exporting(cuts(footage), target, footage, preset="hevc").run()
    copied = set(packets(Path(footage.path)))
    with av.open(str(target)) as container:
        stored = [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]
    kinds = [{hevc.kind_of(unit) for unit in nal.length_prefixed(data, 4)} for data in stored]
    starts = [number for number, each in enumerate(kinds) if hevc.BLA in each]
    assert len(starts) == 2, "the first group of each clip"
    for number, each in enumerate(kinds):
        if hevc.CRA in each:
            assert stored[number - 1] in copied


def test_sets_that_a_camera_repeats_are_dropped_and_its_pictures_copied(write, tmp_path, exporting):
    footage, target = write("footage.mp4", 48, params="repeat-headers=1:open-gop=0"), tmp_path / "film.mp4"
    report = exporting(film(track(clip(footage, 48)), rate=RATE), target, footage, preset="hevc").run()
    assert report.copied == 48
    assert pictures(target) == pictures(Path(footage.path))


def test_open_groups_meet_at_a_cut(write, tmp_path, exporting):
    footage = write(params=KINDS["open"])
    first, second = clip(footage, 24), clip(footage, 36, 48 * AT)
    target = tmp_path / "film.mp4"
    report = exporting(film(track(first, second), rate=RATE), target, footage, preset="hevc").run()
    sources = [*range(24), *range(48, 84)]
    assert len(copied_packets(target, footage, sources)) == report.copied >= 50
    assert kept(target, footage, sources) >= report.copied


def test_a_title_over_a_clip_is_encoded_and_the_rest_is_copied(write, tmp_path, qapp, exporting):
    footage, target = write(params=KINDS["open"]), tmp_path / "film.mp4"
    sequence = film(track(clip(footage, 96)), track(gap(30), clip(None, 6, content=Title("x"))), rate=RATE)
    report = exporting(sequence, target, footage, preset="hevc").run()
    assert 96 - 2 * GROUP - 6 <= report.copied < 96 - 6
    assert len(copied_packets(target, footage, list(range(96)))) == report.copied
    assert kept(target, footage, list(range(96))) >= report.copied


def test_a_source_of_another_camera_is_encoded_and_said(write, tmp_path, exporting):
    footage, other = write(frames=60), write("other.mp4", 40, params="ctu=32")
    sequence = film(track(clip(footage, 60), clip(other, 36)), rate=RATE)
    report = exporting(sequence, tmp_path / "film.mp4", footage, other, preset="hevc").run()
    assert report.copied >= 48
    assert "other.mp4 is encoded again" in report.notes[0]
    assert len(pictures(tmp_path / "film.mp4")) == 96


def test_other_kinds_of_hevc_are_encoded(write, tmp_path, exporting):
    deep = write("deep.mp4", 30, form="yuv420p10le")
    report = exporting(film(track(clip(deep, 30)), rate=RATE), tmp_path / "a.mp4", deep, preset="hevc").run()
    assert report.copied == 0
    assert report.notes == ("deep.mp4 is encoded again: its pixels are yuv420p10le, the film's yuv420p.",)
    plain = write("plain.mp4", 30)
    report = exporting(film(track(clip(plain, 30)), rate=RATE), tmp_path / "b.mp4", plain).run()
    assert (report.copied, report.notes) == (0, ()), "nobody expects HEVC to be copied into H.264"


def test_headers_survive_both_packings_and_other_numbers(write):
    with av.open(write(frames=4).path) as container:
        headers = hevc.Headers.parse(container.streams.video[0].codec_context.extradata or b"")
    assert hevc.Headers.parse(headers.to_box()) == headers
    sets = (*headers.vps, *headers.sps, *headers.pps)
    assert hevc.Headers.parse(b"".join(b"\0\0\0\1" + unit for unit in sets)) == headers
    numbers = headers.free_numbers()
    assert numbers == hevc.Numbers(1, 1, 15)
    assert headers.agrees_with(headers)
    other = hevc.Headers.of(hevc.renumbered(unit, numbers) for unit in sets)
    assert [hevc.number_of(each[0]) for each in (other.vps, other.sps, other.pps)] == list(numbers)
    assert headers.agrees_with(other)
    both = headers.with_those_of(other)
    assert hevc.Headers.parse(both.to_box()) == both
    with pytest.raises(nal.BadHeaders):
        hevc.renumbered(other.sps[0], numbers)


@pytest.mark.parametrize("data", [b"", b"\1", b"\1" * 30, b"\0\0\0\1\x40\1", b"\0\0\1\x40\1\0\0\0\1\x42\1\0\0\1\x44\1"])
def test_broken_headers_are_refused(data):
    with pytest.raises(nal.BadHeaders):
        hevc.Headers.parse(data)


@pytest.mark.parametrize("unit", [b"ab\0\0\0\0\1c\0\0\3d\0\0\2\1", b"a\0\0\1", b"ab", b"a\x80\0\0\0\0"])
def test_a_unit_survives_its_escapes(unit):
    escaped = nal.escaped(unit)
    assert nal.unescaped(escaped) == unit
    assert b"\0\0\0" not in escaped
    assert b"\0\0\1" not in escaped
