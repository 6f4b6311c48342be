"""Films in groups of pictures as cameras and encoders write them, and what of a file is a source's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from render_samples import SIZE, clip, film, numbered, track

from engine.media.decode import VideoReader
from ltxdesktop.document.model import Media, Sequence
from ltxdesktop.render.frames import as_bytes, planes_of

RATE = Fraction(30000, 1001)
GROUP = 12
_PARAMS = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0"


def write_coded(
    path: Path, frames: int, encoder: str = "libx264", params: str = "", form: str = "yuv420p", **options: str
) -> Path:
    """Numbered frames with some noise, in groups of GROUP pictures with B-frames, unless `params` say otherwise."""
    chance = np.random.default_rng(3)
    name = "x264-params" if encoder == "libx264" else "x265-params"
    own = ":".join(filter(None, (_PARAMS, "log-level=0" if encoder == "libx265" else "", params)))
    settings = {"crf": "20", "preset": "veryfast", name: own}
    with av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=RATE, options=settings | options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, form
        context = stream.codec_context
        context.time_base = 1 / RATE
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for number in range(frames):
            frame = numbered(number)
            luma = planes_of(frame)[0]
            luma[:] = np.clip(luma + chance.integers(-12, 13, luma.shape), 16, 235)
            frame.pts, frame.time_base = number, 1 / RATE
            out.mux(stream.encode(frame if form == "yuv420p" else frame.reformat(format=form)))
        out.mux(stream.encode(None))
    return path


def cuts(footage: Media) -> Sequence:
    """Two cuts in mid-group, with B-frames around them."""
    at = Fraction(1) / RATE
    return film(track(clip(footage, 41, 5 * at), clip(footage, 33, 60 * at)), rate=RATE)


def pictures(path: Path) -> list[bytes]:
    with VideoReader(path) as reader:
        return [as_bytes(frame) for _, frame in reader.frames(0, reader.index.frames)]


def kept(path: Path, footage: Media, sources: list[int]) -> int:
    """How many frames of the file are, bit for bit, the source's."""
    before, after = pictures(Path(footage.path)), pictures(path)
    assert len(after) == len(sources)
    return sum(before[source] == made for source, made in zip(sources, after, strict=True))


def packets(path: Path) -> list[bytes]:
    """What each frame of a file is stored as, in the order in which they're shown."""
    with av.open(str(path)) as container:
        found = [(p.pts, bytes(p)) for p in container.demux(container.streams.video[0]) if p.pts is not None and p.size]
    return [data for _, data in sorted(found)]
