"""What a file is and what it looks like: done on a worker thread, answered as values. No widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage

from ltxdesktop.jobs.ask import SourceClip

if TYPE_CHECKING:
    from engine.media.decode import VideoReader


@dataclass(frozen=True)
class Given:
    """A file that a person gave: a clip with pictures along it, a picture, or a sound."""

    path: str
    kind: Literal["clip", "picture", "sound"]
    clip: SourceClip | None = None
    pictures: tuple[QImage, ...] = ()


def look_at(path: str, pictures: int, height_px: int) -> Given:
    """Say what a file is, with `pictures` small pictures spread over a clip. Raises MediaError."""
    from engine.media.decode import VideoReader
    from engine.media.errors import NotAMediaFile
    from engine.media.probe import probe

    info = probe(Path(path))
    if info.video is None:
        if not info.audio:
            raise NotAMediaFile(Path(path))
        return Given(path, "sound")
    if info.is_still:
        picture = QImage(path).scaledToHeight(height_px, Qt.TransformationMode.SmoothTransformation)
        return Given(path, "picture", pictures=(picture,))
    with VideoReader(Path(path)) as reader:
        frames = reader.index.frames
        places = sorted({min(frames - 1, (2 * place + 1) * frames // (2 * pictures)) for place in range(pictures)})
        small = tuple(_small(reader, frame, height_px) for frame in places)
        width, height = info.video.rotated_size
        clip = SourceClip(path, frames, reader.rate, width, height, bool(info.audio))
    return Given(path, "clip", clip, small)


def poster(path: str, size: QSize) -> QImage:
    """A small picture from the middle of a clip. Raises MediaError."""
    from engine.media.decode import VideoReader

    with VideoReader(Path(path)) as reader:
        picture = _picture(reader, reader.index.frames // 2)
    return picture.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _small(reader: VideoReader, frame: int, height_px: int) -> QImage:
    return _picture(reader, frame).scaledToHeight(height_px, Qt.TransformationMode.SmoothTransformation)


def _picture(reader: VideoReader, frame: int) -> QImage:
    pixels = reader.rgb(frame, frame + 1)[0]
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
