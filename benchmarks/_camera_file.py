"""A film file as cameras and editors write it: H.264 and AAC, tagged as BT.709. What it shows is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from ltxdesktop.render.frames import Plane, new_frame, planes_of


def write_camera_file(
    path: Path, size: tuple[int, int], rate: int, frames: int, draw: Callable[[int, list[Plane]], None],
    sound_CN: NDArray[np.float32], encoder: Mapping[str, str],
) -> Path:  # fmt: skip
    """`draw` fills the planes (luma, cb, cr) of a frame; the sound is stereo at 48 kHz; `encoder` x264's options."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=rate, options=dict(encoder))
        audio = out.add_stream("aac", rate=48_000, layout="stereo")
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for number in range(frames):
            frame = new_frame(*size)
            draw(number, planes_of(frame))
            frame.pts = number
            out.mux(video.encode(frame))
        for first, block in _blocks(sound_CN):
            sound = AudioFrame.from_ndarray(block, "fltp", "stereo")
            sound.sample_rate, sound.pts = 48_000, first
            out.mux(audio.encode(sound))
        out.mux([*video.encode(None), *audio.encode(None)])
    return path


def _blocks(sound_CN: NDArray[np.float32], length: int = 1024) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for first in range(0, sound_CN.shape[1], length):
        yield first, np.ascontiguousarray(sound_CN[:, first : first + length])
