"""Interlaced films: what stands still keeps all its lines, what moves has no comb, in whatever order it's looked at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from render_samples import clip, film, track

from ltxdesktop.document.model import Media, Sequence
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.chain import Chain
from ltxdesktop.render.frames import new_frame, planes_of

SIZE, FRAMES, STEP = (128, 64), 12, 4  # a bar moves so many pixels from field to field


def instant(field: int) -> NDArray[np.uint8]:
    """The scene when a field is taken: fine lines that stand still on the left, a bar that moves on the right."""
    luma = np.full((SIZE[1], SIZE[0]), 60, np.uint8)
    luma[::4, :48] = 200  # each line but once in four: what no drawing between lines can guess
    luma[:, 56 + field * STEP % 64 :][:, :8] = 220
    return luma


@pytest.fixture
def interlaced(tmp_path: Path, files: MediaFiles) -> Media:
    """H.264, top field first: even lines of one instant, odd lines of the next."""
    path = tmp_path / "interlaced.mp4"
    with av.open(str(path), "w") as out:
        options = {"flags": "+ildct+ilme", "qp": "0", "g": "6"}
        stream = out.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for number in range(FRAMES):
            frame = new_frame(*SIZE)
            luma, cb, cr = planes_of(frame)
            luma[::2], luma[1::2] = instant(2 * number)[::2], instant(2 * number + 1)[1::2]
            cb[:], cr[:] = 128, 128
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(Chain.over(frame, [("setfield", "tff")]).frame(frame)))
        out.mux(stream.encode(None))
    return files.describe(path)


def of(media: Media) -> Sequence:
    return film(track(clip(media, FRAMES)), size=SIZE)


def test_what_stands_still_keeps_every_line(interlaced, rendering):
    renderer = rendering(of(interlaced), interlaced)
    for number in (1, 5, FRAMES - 2):
        luma = planes_of(renderer.picture(number).to_frame())[0]
        assert np.abs(luma[4:-4, :40].astype(int) - instant(0)[4:-4, :40]).max() <= 2, number


def test_what_moves_is_seen_at_one_instant(interlaced, rendering):
    renderer = rendering(of(interlaced), interlaced)
    for number in (1, 4, 9):
        luma = planes_of(renderer.picture(number).to_frame())[0].astype(int)
        error = np.abs(luma[:, 56:] - instant(2 * number)[:, 56:]).mean()
        woven = np.abs(instant(2 * number)[1::2, 56:].astype(int) - instant(2 * number + 1)[1::2, 56:]).mean() / 2
        assert error < woven / 4, number


def test_the_order_in_which_pictures_are_asked_for_changes_nothing(interlaced, rendering):
    through = rendering(of(interlaced), interlaced)
    digests = [through.picture(number).digest() for number in range(FRAMES)]
    about = rendering(of(interlaced), interlaced)
    for number in (7, 3, 11, 0, 8, 4, 4, 1):
        assert about.picture(number).digest() == digests[number], number
