"""What must not be off: frames at every rate, pictures against the preview, sound against picture for half an hour."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from render_samples import clip, film, gap, numbered, track, write_film, write_sound

from engine.media.index import build_index
from ltxdesktop.document.model import (
    Effect,
    Item,
    Media,
    Parameter,
    Solid,
    Title,
    TrackKind,
    Transition,
)
from ltxdesktop.document.time import samples_at
from ltxdesktop.export import encoders, job
from ltxdesktop.export.encoders import Choice, Encoder
from ltxdesktop.export.feed import Feed
from ltxdesktop.export.settings import Settings, shape_of
from ltxdesktop.export.writing import FilmFile
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.picture import Picture
from ltxdesktop.render.renderer import Renderer

RATES = [
    Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001),
    Fraction(30), Fraction(50), Fraction(60000, 1001), Fraction(60),
]  # fmt: skip


@pytest.fixture
def footage(tmp_path: Path, files: MediaFiles) -> Media:
    return files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(40)]))


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.3f}")
@pytest.mark.parametrize("preset", ["h264", "vp9"])
def test_a_film_has_its_frames_and_samples_at_every_rate(preset, rate, footage, tmp_path, files, exporting):
    song = files.describe(write_sound(tmp_path / "song.wav", np.zeros((2, 48_000 * 3), np.float32)))
    sequence = film(track(clip(footage, 37)), track(clip(song, 37), kind=TrackKind.AUDIO), rate=rate)
    target = tmp_path / ("film.mp4" if preset == "h264" else "film.webm")
    report = exporting(sequence, target, footage, song, preset=preset).run()
    index = build_index(target)
    assert (index.frames, index.rate, index.is_constant) == (37, rate, True)
    assert (report.frames, report.samples) == (37, samples_at(37, rate, 48_000))


def test_the_encoder_gets_the_very_pixels_that_the_preview_shows(footage, qapp, files, rendering):
    """Planes, a dissolve, a grade, a blur, a moved clip and a title: the preview's decoders, and those of an export."""
    looks = {
        "values": {"colour.exposure": Parameter(0.5)},
        "effects": (Effect("b", "blur", {"radius": Parameter(0.02)}),),
    }
    moved = {"values": {"scale": Parameter(0.5), "rotation": Parameter(10)}}
    sequence = film(
        track(clip(footage, 8), clip(footage, 8, 1, transition=Transition(before=2, after=2), **looks)),
        track(gap(12), clip(footage, 4, **moved)),
        track(gap(2), clip(None, 10, content=Title("Words", shadow=0.01), fade_in=3)),
    )
    preview = Renderer(sequence, {footage.id: footage}, lambda media: Path(media.path), files.decoders)
    feed = Feed(rendering(sequence, footage), (128, 72), shape_of(sequence, Settings()), "yuv420p", 0.5)
    order = [15, 3, 7, 0, 9, 12, 1, 14]  # as a person looks around; the export goes straight through
    shown = {number: Picture(frame=preview.picture(number).to_frame()).digest() for number in order}
    sent = {number: Picture(frame=feed.picture(number)).digest() for number in range(16)}
    assert shown == {number: sent[number] for number in order}


def test_sound_and_picture_are_together_after_half_an_hour(tmp_path, files, exporting):
    """Flashes and beeps through 30 minutes, as a player finds them; with few pictures a second, or it takes minutes."""
    rate, seconds = Fraction(5000, 1001), 1800
    last = int(seconds * rate)
    tone = np.sin(2 * np.pi * 1000 * np.arange(9600) / 48_000)[None].astype(np.float32) * 0.8
    beep = files.describe(write_sound(tmp_path / "beep.wav", tone))
    places = [*range(7, last - 1, last // 12), last - 1]
    pictures: list[Item] = []
    sounds: list[Item] = []
    done = 0
    for place in places:
        pictures += [clip(None, place - done, content=Solid("#000000ff")), clip(None, 1, content=Solid("#ffffffff"))]
        sounds += [gap(place - done), clip(beep, 1)]
        done = place + 1
    sequence = film(
        track(*pictures), track(*sounds, kind=TrackKind.AUDIO), size=(32, 32), rate=rate, sample_rate=24_000
    )
    report = exporting(sequence, tmp_path / "film.mp4", beep, mono=True, quality=0).run()
    assert report.frames == last
    flashes, beeps = seen_and_heard(tmp_path / "film.mp4")
    assert len(flashes) == len(beeps) == len(places)
    for place, flash, sound in zip(places, flashes, beeps, strict=True):
        assert abs(flash - place / rate) < 1 / (2 * rate)
        assert abs(sound - flash) < 0.010, f"{sound:.3f} s and {flash:.3f} s"


def seen_and_heard(path: Path) -> tuple[list[float], list[float]]:
    """Seconds of each white picture after a black one, and of each sound after silence, by the file's own times."""
    flashes: list[float] = []
    beeps: list[float] = []
    was_white, silent_since = False, -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            white = bool(frame.to_ndarray()[16, 16] > 128)
            if white and not was_white:
                flashes.append(float(frame.time))
            was_white = white
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if not len(loud):
                continue
            first, end = (float(frame.time + int(at) / frame.sample_rate) for at in (loud[0], loud[-1]))
            if first - silent_since > 0.05:
                beeps.append(first)
            silent_since = end
    return flashes, beeps


def test_hardware_that_fails_in_mid_film_is_replaced_from_the_start(footage, tmp_path, exporting, monkeypatch):
    """A real encoder passes for hardware, and is brought to fail: by a picture that lies before the last one."""
    real_choose, real_write = job.choose, FilmFile.write_picture

    def choose(codec, *, hardware=False, deep=False):
        return Choice(Encoder("mpeg4", is_hardware=True)) if hardware else real_choose(codec, deep=deep)

    def write_picture(file, frame):
        if file._picture.codec_context.name == "mpeg4" and file._pictures == 4:
            file._pictures = 0
        real_write(file, frame)

    monkeypatch.setattr(job, "choose", choose)
    monkeypatch.setattr(FilmFile, "write_picture", write_picture)
    target = tmp_path / "film.mp4"
    report = exporting(film(track(clip(footage, 6))), target, footage, hardware=True).run()
    assert report.encoder == "libx264"
    assert report.notes == ("The hardware encoder mpeg4 failed in mid-film; all of it was made with libx264.",)
    assert build_index(target).frames == 6
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".ltx")] == []


def test_hardware_that_refuses_the_film_is_replaced_and_said(footage, tmp_path, exporting, monkeypatch):
    """The probe says yes, and then the encoder can't be opened: as when too many exports use the card."""
    real = encoders._works
    monkeypatch.setattr(encoders, "_works", lambda name, *rest: name == "h264_nvenc" or real(name, *rest))
    if real("h264_nvenc", "yuv420p", "", (("preset", "p5"),)):
        pytest.skip("this machine has the hardware")
    target = tmp_path / "film.mp4"
    report = exporting(film(track(clip(footage, 6))), target, footage, hardware=True).run()
    assert report.encoder == "libx264"
    assert report.notes == ("The hardware encoder h264_nvenc can't take this film here; libx264 is used instead.",)
    assert build_index(target).frames == 6
