"""Clips whose times or pixels are uneven: seconds are looked up, and --whole refuses before the work."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from generate_kit import Command

from engine.generate.arguments import parse
from engine.generate.works import Defaults, work_of
from engine.media.encode import Delivery, MediaWriter, VideoSpec
from engine.protocol.work import Output, Retake


@pytest.fixture
def uneven(here: Path) -> Path:
    """Twenty frames; from frame 10 on each stays twice as long: 10 * 1/24 s, then 10 * 2/24 s."""
    spec = VideoSpec(96, 64, Fraction(24), time_base=Fraction(1, 24000))
    times = [min(number, 10) * 1000 + max(0, number - 10) * 2000 for number in range(20)]
    with MediaWriter(here / "uneven.mp4", Delivery.H264_AAC, video=spec) as out:
        out.write_rgb(np.zeros((20, 64, 96, 3), np.uint8), times)
    return here / "uneven.mp4"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("0.25", "0.5"), (6, 11)),  # 0.5 s is when frame 11 begins
        (("0.5", "end"), (11, 20)),
        (("6f", "12f"), (6, 12)),
    ],
)
def test_seconds_of_an_uneven_clip_are_looked_up(
    uneven: Path, words: tuple[str, str], expected: tuple[int, int]
) -> None:
    options = parse(["--video", str(uneven), "--retake", *words])
    work = work_of(options, Output(), lambda: Defaults(1, 1, 1, "24"))
    assert isinstance(work, Retake)
    assert (work.start, work.end) == expected


def test_an_uneven_clip_is_not_written_whole(say: Command, uneven: Path, here: Path) -> None:
    said = say("--video", uneven, "--retake", "3f", "9f", "--whole", "--prompt", "x", "--model", "tiny")
    assert said.status == 3
    assert "'uneven.mp4' has a variable frame rate: --whole would change its timing" in said.err
    assert [entry.name for entry in here.iterdir()] == ["uneven.mp4"]


def test_a_clip_whose_pixels_are_not_square_is_not_written_whole(say: Command, here: Path) -> None:
    with av.open("wide.mp4", "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 58, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        out.mux([*stream.encode(av.VideoFrame(72, 58, "yuv420p")), *stream.encode(None)])
    said = say("--video", "wide.mp4", "--extend", "9f", "--whole", "--prompt", "x", "--model", "tiny")
    assert said.status == 3
    assert "pixels that aren't square" in said.err
