"""Small films for the tests of the Edit workspace."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES, RATE, SAMPLE_RATE = 50, 25, 48_000


def write_film(path: Path, *, frames: int = FRAMES, sound: bool = True, rate: int = RATE) -> Path:
    """Grey pictures, each lighter than the one before, with a tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=rate)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if sound else None
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 5 % 256, np.uint8)
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
        if audio is not None:
            count = SAMPLE_RATE * frames // rate
            tone = (0.4 * np.sin(np.arange(count) * 440 * 2 * np.pi / SAMPLE_RATE)).astype(np.float32)
            for start in range(0, count, 1024):
                frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
                frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
                for packet in audio.encode(frame):
                    container.mux(packet)
            for packet in audio.encode():
                container.mux(packet)
    return path
