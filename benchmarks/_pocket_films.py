"""Films as the measurements of Pocket see them: pixels and samples of a result, and what is read off pixels alone."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.media.decode import AudioReader, VideoReader
from engine.media.index import build_index
from engine.media.join import Handles, frame_weights, join_frames
from engine.protocol.grid import sample_of_frame
from engine.protocol.messages import Result
from ltxdesktop.loop.joining import BLEND_FRAMES

SAMPLES_PER_SECOND = 48_000


class Film(NamedTuple):
    """A result: pixels (3, F, H, W) in -1..1, stereo sound at 48 kHz, and the frames made around the asked ones."""

    video_CFHW: Tensor
    sound_CN: Tensor
    handles: Handles

    @property
    def asked(self) -> Tensor:
        """The frames that were asked for, without handles."""
        return self.video_CFHW[:, self.handles.before : self.video_CFHW.shape[1] - self.handles.after]

    def laid_into(self, source_CFHW: Tensor, start: int) -> Tensor:
        """The source with the asked frames at [start, ...), blended over the handles as the editor does it."""
        first = start - self.handles.before
        end = first + self.video_CFHW.shape[1]
        weights = frame_weights(self.asked.shape[1], self.handles, BLEND_FRAMES)
        beneath = source_CFHW[:, first:end]
        beneath = torch.cat([beneath, self.video_CFHW[:, beneath.shape[1] :]], dim=1)  # past the source's end: the take
        own, made = (video.permute(1, 2, 3, 0).numpy() for video in (beneath, self.video_CFHW))
        mixed = torch.as_tensor(join_frames(np.ascontiguousarray(own), np.ascontiguousarray(made), weights))
        return torch.cat([source_CFHW[:, :first], mixed.permute(3, 0, 1, 2), source_CFHW[:, end:]], dim=1)


def as_bytes(video_CFHW: Tensor) -> NDArray[np.uint8]:
    """(F, H, W, 3) as they are written."""
    return ((video_CFHW.permute(1, 2, 3, 0).clamp(-1, 1) + 1) * 127.5).round().byte().contiguous().numpy()


def as_tensor(frames: NDArray[np.uint8]) -> Tensor:
    return torch.as_tensor(frames).permute(3, 0, 1, 2).float() / 127.5 - 1


def read_result(result: Result) -> Film:
    """The first file with a picture of a result."""
    file = next(file for file in result.files if file.width and file.frames)
    return read_film(Path(file.path), Handles(file.handle_before, file.handle_after))


def read_film(path: Path, handles: Handles) -> Film:
    index = build_index(path)
    with VideoReader(path, index) as reader:
        frames = np.asarray(reader.rgb(0, index.frames), np.uint8)
    with AudioReader(path, zero=Fraction(0)) as sound:
        samples = sound.read(0, sample_of_frame(index.frames, index.rate), rate=SAMPLES_PER_SECOND)
    return Film(as_tensor(frames), torch.as_tensor(samples), handles)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """dB of pixels in -1..1."""
    return -10 * math.log10(max(1e-9, float((found - wanted).square().mean()) / 4))


def colours(video_CFHW: Tensor) -> float:
    """How far the pixels' colours are from one common tone, of full scale: 0 in a sepia film."""
    picture = (video_CFHW + 1) / 2
    grey = picture.mean(dim=0)
    tone = picture.mean(dim=(1, 2, 3)) / grey.mean()
    return float((picture - grey * tone[:, None, None, None]).abs().mean())
