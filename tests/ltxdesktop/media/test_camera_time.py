"""The time that a file itself gives its beginning reaches the project and the lists of other programs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ltxdesktop.document.check import check
from ltxdesktop.document.edits import add_media, append_clips, placements
from ltxdesktop.document.model import MediaKind, new_document, new_sequence
from ltxdesktop.document.otio.names import media_start
from ltxdesktop.media.facts import Facts
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.project.interchange.edl import read_edl, write_edl
from ltxdesktop.project.interchange.fcp7 import write_fcp7
from ltxdesktop.project.interchange.fcpxml import write_fcpxml
from ltxdesktop.project.relink import learned

FRAMES = 50


def write_film(path: Path, timecode: str, rate: Fraction = Fraction(25), codec: str = "mpeg4") -> Path:
    """A small film with a timecode: in a tmcd track for .mov and .mp4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if timecode:
            stream.metadata["timecode"] = timecode
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), number * 5, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("timecode", "rate", "seconds"),
    [
        ("10:00:00:05", Fraction(25), 36000 + Fraction(5, 25)),
        ("01:00:00;02", Fraction(30000, 1001), Fraction(107894 * 1001, 30000)),
        ("00:59:59:23", Fraction(24000, 1001), Fraction(86399 * 1001, 24000)),
        ("", Fraction(25), 0),
    ],
)
def test_timecode_of_a_film_is_read(files: MediaFiles, tmp_path: Path, suffix, timecode, rate, seconds):
    path = write_film(tmp_path / f"film{suffix}", timecode, rate)
    found = files.describe(path)
    assert media_start(found) == seconds
    assert (found.frames, found.rate) == (FRAMES, rate)
    facts = files.facts(path)
    assert Facts.from_bytes(facts.to_bytes(), path).clock_s == facts.clock_s


def test_recorders_time_of_day_is_read(files: MediaFiles, tmp_path: Path):
    path = tmp_path / "field.wav"
    with av.open(str(path), "w", options={"write_bext": "1"}) as container:
        container.metadata["time_reference"] = str(48_000 * 7200 + 24_000)
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = files.describe(path)
    assert found.kind is MediaKind.AUDIO
    assert media_start(found) == 7200 + Fraction(1, 2)


def test_lists_of_other_programs_count_in_it(files: MediaFiles, tmp_path: Path):
    found = files.describe(write_film(tmp_path / "reel.mov", "10:00:00:00"))
    document = add_media(new_document(sequence=new_sequence(width=64, height=48, rate=Fraction(25))), [found])
    document = append_clips(document, placements(document, found.id, in_s=Fraction(10, 25)))
    sequence = document.sequence
    edl = write_edl(document, sequence, lambda media: Path(media.path)).text
    assert "10:00:00:10 10:00:02:00 00:00:00:00 00:00:01:15" in edl
    assert "10:00:00:00" in write_fcp7(document, sequence, lambda media: Path(media.path)).text
    assert 'start="36000s"' in write_fcpxml(document, sequence, lambda media: Path(media.path)).text


def test_a_list_that_counts_in_it_finds_its_pictures_once_the_file_is_read(files: MediaFiles, tmp_path: Path):
    path = write_film(tmp_path / "tape1.mov", "01:00:00:00")
    line = (
        "001  TAPE1    V     C        01:00:00:10 01:00:01:10 00:00:00:00 00:00:01:00\n"
        f"* FROM CLIP NAME: tape1.mov\n* SOURCE FILE: {path}"
    )
    document = read_edl(line, Fraction(25)).document
    (media_id,) = document.media
    after = learned(document, {media_id: files.describe(path)})
    check(after)
    clip = next(iter(after.sequence.tracks[0].clips))
    assert clip.takes[0].start_s * 25 == 10
    known = after.media[media_id]
    assert (known.width, known.height, known.frames) == (64, 48, FRAMES)
    assert known.content_hash
    assert line.splitlines()[0] in write_edl(after, after.sequence, lambda media: Path(media.path)).text


def test_a_file_that_is_too_short_for_its_list_changes_nothing(files: MediaFiles, tmp_path: Path):
    path = write_film(tmp_path / "tape1.mov", "01:00:00:00")
    line = "001  TAPE1    V     C        01:00:30:00 01:00:31:00 00:00:00:00 00:00:01:00"
    document = read_edl(line, Fraction(25)).document
    (media_id,) = document.media
    assert learned(document, {media_id: files.describe(path)}) is document


def test_media_of_an_older_project_gain_what_is_known_of_files_now(files: MediaFiles, tmp_path: Path):
    found = files.describe(write_film(tmp_path / "reel.mov", "10:00:00:00"))
    older = replace(found, metadata={"mine": 1}, rate=Fraction(10), frames=FRAMES * 10 // 25)  # as it was read once
    document = add_media(new_document(sequence=new_sequence(width=64, height=48, rate=Fraction(25))), [older])
    document = append_clips(document, placements(document, found.id, in_s=Fraction(10, 25)))
    after = learned(document, {found.id: files.describe(tmp_path / "reel.mov")})
    check(after)
    known = after.media[found.id]
    assert (media_start(known), known.rate, known.frames) == (36_000, 25, FRAMES)
    assert known.metadata["mine"] == 1
    assert after.sequence == document.sequence  # its clips count from the first picture
    assert learned(after, {found.id: files.describe(tmp_path / "reel.mov")}) is after
