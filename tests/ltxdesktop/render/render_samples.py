"""Small films whose frames carry their number, sounds whose samples are known, and sequences made of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ltxdesktop.document.model import (
    Clip,
    Gap,
    Item,
    ItemId,
    Media,
    MediaId,
    Sequence,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
    new_id,
)
from ltxdesktop.render.frames import new_frame, planes_of
from ltxdesktop.render.renderer import Renderer

Rendering = Callable[..., Renderer]  # what the fixture `rendering` is
BITS = 8  # of the number that a frame carries, as columns of white and black
SIZE = (128, 72)


def numbered(number: int, colour: tuple[int, int] = (128, 128), size: tuple[int, int] = SIZE) -> VideoFrame:
    """A frame with its number in white (1) and black (0) columns, tinted by (Cb, Cr)."""
    frame = new_frame(*size)
    y, cb, cr = planes_of(frame)
    column = size[0] // BITS
    for bit in range(BITS):
        y[:, bit * column : (bit + 1) * column] = 235 if number >> bit & 1 else 16
    cb[:], cr[:] = colour
    return frame


def number_of(luma: NDArray[np.uint8]) -> int:
    """The number that a luma plane (any size, letterboxed or not) carries."""
    middle = luma[luma.shape[0] // 2].astype(int)
    column = luma.shape[1] / BITS
    return sum(1 << bit for bit in range(BITS) if middle[int((bit + 0.5) * column)] > 126)


def write_film(
    path: Path,
    frames: Many[VideoFrame],
    rate: Fraction = Fraction(25),
    times: Many[int] | None = None,
    **tags: int,
) -> Path:
    """Lossless FFV1 in Matroska; `times` in milliseconds make it variable."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        stream.codec_context.time_base = 1 / rate if times is None else Fraction(1, 1000)
        for name, code in ({"colorspace": 1, "color_range": 1, "color_primaries": 1, "color_trc": 1} | tags).items():
            setattr(stream.codec_context, name, code)
            for frame in frames:
                setattr(frame, name, code)
        for number, frame in enumerate(frames):
            frame.time_base = stream.codec_context.time_base
            frame.pts = number if times is None else times[number]
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_sound(path: Path, samples: NDArray[np.float32], rate: int = 48_000) -> Path:
    """(channels, n) floats as they are, in a WAV file."""
    layout = "mono" if samples.shape[0] == 1 else "stereo"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=rate, layout=layout)
        for first in range(0, samples.shape[1], 4096):
            block = np.ascontiguousarray(samples[:, first : first + 4096].T.reshape(1, -1), np.float32)
            frame = AudioFrame.from_ndarray(block, "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def noise(count: int, channels: int = 2, level: float = 0.25, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-level, level, (channels, count)).astype(np.float32)


def clip(media: Media | None, duration: int, start_s: Fraction | int = 0, **others: object) -> Clip:
    takes = () if media is None else (Take(media.id, Fraction(start_s)),)
    return Clip(id=ItemId(new_id()), name="clip", duration=duration, takes=takes, **others)  # type: ignore[arg-type]


def gap(duration: int) -> Gap:
    return Gap(ItemId(new_id()), duration)


def track(*items: Item, kind: TrackKind = TrackKind.VIDEO, **others: object) -> Track:
    return Track(TrackId(new_id()), kind, "T", tuple(items), **others)  # type: ignore[arg-type]


def film(*tracks: Track, size: tuple[int, int] = SIZE, rate: Fraction = Fraction(25), **others: object) -> Sequence:
    identity = SequenceId(new_id())
    return Sequence(identity, "film", *size, rate=rate, tracks=tuple(tracks), **others)  # type: ignore[arg-type]


def mapping(*media: Media) -> dict[MediaId, Media]:
    return {one.id: one for one in media}
