"""Opening a written film again: streams, size, frame count, rate, length, and three pictures against what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf, log10
from pathlib import Path
from typing import Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from engine.media.colour import ColourTags, Matrix, to_rgb
from engine.media.decode import AudioReader, VideoReader, as_pixels
from engine.media.errors import MediaError
from engine.media.index import build_index
from engine.media.probe import probe
from engine.media.still import read_picture
from ltxdesktop.export.errors import CheckFailed
from ltxdesktop.export.presets import PictureCodec, SoundCodec
from ltxdesktop.export.settings import Shape
from ltxdesktop.export.writing import PictureFolder
from ltxdesktop.render.frames import as_bytes, planes_of

_SMALL: Final = (64, 36)
_TOLERANCE: Final = (
    12.0  # codes of 255, mean over a small version: the lowest quality keeps within 4, other scenes don't
)

# Opus starts with samples that are to be dropped, which Matroska counts in milliseconds.
_OPUS_SLACK: Final = 960
_MATROSKA: Final = frozenset({"matroska", "webm"})


@dataclass(frozen=True)
class Verdict:
    """What was found. `psnr_db` is that of the worst of the compared pictures (luma); inf = bit for bit."""

    psnr_db: float = inf
    compared: int = 0


def checked_numbers(frames: int) -> tuple[int, ...]:
    """The frames that are compared: first, middle, last."""
    return tuple(sorted({0, frames // 2, frames - 1}))


def check_film(path: Path, name: Path, shape: Shape, sent: Mapping[int, VideoFrame]) -> Verdict:
    """Compare the file at `path` (which will be called `name`) with what was sent. Raises CheckFailed."""
    try:
        info = probe(path)
        if shape.has_sound:
            _equal(name, "sound streams", 1, len(info.audio))
        verdict = Verdict()
        if shape.has_picture:
            found = info.require_video()
            _equal(name, "size", (shape.width, shape.height), (found.width, found.height))
            verdict = _check_pictures(path, name, shape, sent)
        if shape.has_sound:
            _check_sound(path, name, shape)
    except MediaError as error:
        raise CheckFailed(name, "reading it back", "a whole file", error) from error
    return verdict


def check_folder(folder: PictureFolder, name: Path, shape: Shape, sent: Mapping[int, VideoFrame]) -> Verdict:
    """The same for a folder of pictures. Raises CheckFailed."""
    _equal(name, "pictures", shape.frames, sum(1 for _ in folder.folder.iterdir()))
    for number, frame in sent.items():
        try:
            found = read_picture(folder.file(number))
        except (MediaError, OSError) as error:
            raise CheckFailed(name, f"picture {number}", "a whole picture", error) from error
        wanted = as_pixels(frame)
        same = bool(np.array_equal(found[:, :, : wanted.shape[2]], wanted))
        _equal(name, f"picture {number} is as sent", True, same)
    return Verdict(compared=len(sent))


def _check_pictures(path: Path, name: Path, shape: Shape, sent: Mapping[int, VideoFrame]) -> Verdict:
    index = build_index(path)
    _equal(name, "frames", shape.frames, index.frames)
    if shape.frames > 1 and shape.preset.picture is not PictureCodec.GIF:
        _equal(name, "frame rate", (shape.rate, True), (index.rate, index.is_constant))
    worst = inf
    with VideoReader(path, index, threads=1) as reader:
        for number in sorted(sent):
            worst = min(worst, _compare(name, shape, number, sent[number], reader.frame(number)))
    return Verdict(worst, len(sent))


def _compare(name: Path, shape: Shape, number: int, sent: VideoFrame, found: VideoFrame) -> float:
    """PSNR in dB. Raises CheckFailed when they're different pictures, or not the same bits where they should be."""
    if shape.preset.picture is not None and shape.preset.picture.is_lossless:
        _equal(name, f"picture {number} is as sent", True, as_bytes(sent) == as_bytes(found))
        return inf
    difference = float(np.abs(_small(sent) - _small(found)).mean())
    if difference > _TOLERANCE:
        raise CheckFailed(name, f"picture {number}", "the one that was sent", f"one {difference:.0f} codes away")
    return psnr(sent, found)


def psnr(first: VideoFrame, second: VideoFrame) -> float:
    """Peak signal to noise of two pictures in dB, by luma where they have it in the same depth, else by RGB."""
    if first.format.name == second.format.name and first.format.name.startswith("yuv"):
        peak = 2 ** first.format.components[0].bits - 1
        left, right = (planes_of(frame)[0].astype(np.float32) for frame in (first, second))
    else:
        peak = 255
        left, right = (as_pixels(to_rgb(f, _tags(f))).astype(np.float32) for f in (first, second))
    error = float(((left - right) ** 2).mean())
    return 10 * log10(peak * peak / error) if error else inf


def _small(frame: VideoFrame) -> NDArray[np.float32]:
    return as_pixels(to_rgb(frame, _tags(frame), size=_SMALL)).astype(np.float32)


def _tags(frame: VideoFrame) -> ColourTags:
    """What is written is BT.709 limited, whether the frame in memory says so or not."""
    if frame.format.is_rgb or frame.format.has_palette:
        return ColourTags.of(frame)
    return ColourTags(1, 1, 1, full_range=False, used_matrix=Matrix.BT709)


def _check_sound(path: Path, name: Path, shape: Shape) -> None:
    with AudioReader(path, zero=Fraction(0)) as reader:
        _equal(name, "sample rate", shape.sample_rate, reader.rate)
        _equal(name, "channels", shape.channels, len(reader.channel_names))
        first, end = reader.extent()
    slack = _OPUS_SLACK if shape.preset.sound is SoundCodec.OPUS else 0
    found = end - first
    if abs(found - shape.samples) > slack:
        raise CheckFailed(name, "samples", shape.samples, found)


def _equal(name: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise CheckFailed(name, what, expected, found)
