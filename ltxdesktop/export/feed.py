"""What an encoder is fed with: a film's pictures in the file's size and format, and its sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from ltxdesktop.document.model import Sequence, TrackKind
from ltxdesktop.export.captions import Captions
from ltxdesktop.export.presets import Framing
from ltxdesktop.export.settings import Settings, Shape, Subtitles, even
from ltxdesktop.export.transparency import RGBA, YUVA, as_rgba, as_yuva, clear_yuva
from ltxdesktop.render.frames import WORKING, Scaler, filled, planes_of
from ltxdesktop.render.picture import Picture, frame_over

Samples = NDArray[np.float32]  # (n, channels)


class Film(Protocol):
    """What is exported: `ltxdesktop.render.Renderer` is one."""

    def picture(self, frame: int, size: tuple[int, int] | None = None) -> Picture: ...

    def see_through(self, frame: int, size: tuple[int, int] | None = None) -> Picture: ...

    def sound(self, first: int, count: int) -> Samples: ...


def sequence_to_render(sequence: Sequence, settings: Settings, shape: Shape) -> Sequence:
    """The sequence as it's made into the file: at its sample rate, and without subtitles, unless they're burnt in where
    they are."""
    sequence = replace(sequence, sample_rate=shape.sample_rate)
    if settings.subtitles is Subtitles.BURNT and (shape.alpha or not is_cut(sequence, shape)):
        return sequence
    tracks = tuple(replace(t, muted=True) if t.kind is TrackKind.SUBTITLE else t for t in sequence.tracks)
    return replace(sequence, tracks=tracks)


def captions_for(sequence: Sequence, settings: Settings, shape: Shape) -> Captions | None:
    """The subtitles that have to be drawn for the file's frame; None where there are none, or the film has them."""
    wanted = settings.subtitles is Subtitles.BURNT and shape.has_picture and is_cut(sequence, shape)
    wanted = wanted and not shape.alpha  # those are laid over pictures without holes; here the film draws them
    texts = any(any(track.clips) for track in sequence.of_kind(TrackKind.SUBTITLE) if not track.muted)
    return Captions(sequence, (shape.width, shape.height)) if wanted and texts else None


def is_cut(sequence: Sequence, shape: Shape) -> bool:
    """Is a part of the film's picture outside of the file's frame?"""
    size, wanted = (sequence.width, sequence.height), (shape.width, shape.height)
    return shape.framing is Framing.FILL and drawn_size(size, wanted, shape.framing) != wanted


class Feed:
    """The pictures and samples of one export. Pictures and sound may be asked by two threads at a time."""

    def __init__(
        self,
        film: Film,
        size: tuple[int, int],
        shape: Shape,
        pixel_format: str,
        kept_at: Callable[[int], float],
        gain: float = 1,
        captions: Captions | None = None,
    ) -> None:
        """`size` is the sequence's; `kept_at` says for each of its frames where a filled frame is cut (0..1); `gain`
        is a factor for all samples; `captions` are laid over the file's frame.
        """
        self.shape = shape
        self.gain = gain
        self._film, self._pixel_format, self._kept_at = film, pixel_format, kept_at
        self._captions = captions
        self._scaler = Scaler()
        self._wanted = (shape.width, shape.height)
        self._drawn = drawn_size(size, self._wanted, shape.framing)

    def picture(self, number: int) -> VideoFrame:
        """Frame `number` of the file."""
        frame = self.shape.frame_of_film(number)
        if self._pixel_format in (RGBA, YUVA):
            return self._see_through(frame)
        picture = self._film.picture(frame, self._drawn)
        if self._captions is not None:
            return self._captioned(self._captions, picture, frame)
        if self._pixel_format == "rgb24":
            return self._as_rgb(picture, frame)
        framed = self._framed(self._as_frame(picture), frame)
        return self._scaler.scaled(framed, framed.width, framed.height, self._pixel_format)

    def sound(self, first: int, count: int) -> Samples:
        """Samples [first, first + count) of the file: (count, channels)."""
        return mixed_down(self._film.sound(self.shape.first_sample + first, count), self.shape.channels, self.gain)

    def _captioned(self, captions: Captions, picture: Picture, frame: int) -> VideoFrame:
        framed = self._framed(picture.to_frame(WORKING), frame)
        made = captions.over(framed, frame)
        if self._pixel_format == "rgb24":
            return VideoFrame.from_ndarray(Picture(frame=made).to_rgb(), "rgb24")
        return self._scaler.scaled(made, made.width, made.height, self._pixel_format)

    def _see_through(self, number: int) -> VideoFrame:
        """Frame `number` of the film with its holes; bars are holes, too."""
        picture = self._film.see_through(number, self._drawn)
        if self._pixel_format == RGBA:
            pixels = as_rgba(picture)
            if self._drawn != self._wanted:
                canvas = np.zeros((self.shape.height, self.shape.width, 4), np.uint8)
                _place(canvas, pixels, *self._offsets(number))
                pixels = canvas
            return VideoFrame.from_ndarray(pixels, RGBA)
        made = as_yuva(picture, self._scaler)
        if self._drawn == self._wanted:
            return made
        out = clear_yuva(self.shape.width, self.shape.height)
        for target, source in zip(planes_of(out), planes_of(made), strict=True):
            _place(target, source, *self._offsets(number))
        return out

    def _as_rgb(self, picture: Picture, number: int) -> VideoFrame:
        """The very pixels that a screen shows."""
        pixels = picture.to_rgb()
        if self._drawn != self._wanted:
            canvas = np.zeros((self.shape.height, self.shape.width, 3), np.uint8)
            _place(canvas, pixels, *self._offsets(number))
            pixels = canvas
        return VideoFrame.from_ndarray(pixels, "rgb24")

    def _as_frame(self, picture: Picture) -> VideoFrame:
        """Planar YUV; what has to be converted gets the depth and the colour resolution that the file has."""
        planar = self._pixel_format if self._pixel_format.startswith("yuv") else WORKING
        if picture.frame is not None:
            cut = self._drawn != self._wanted
            return self._scaler.scaled(picture.frame, *picture.size, planar) if cut else picture.frame
        assert picture.image is not None
        return self._scaler.from_rgb(frame_over(picture.image), planar)

    def _framed(self, frame: VideoFrame, number: int) -> VideoFrame:
        """Frame `number` of the film cut to, or set into, the file's frame; offsets are even, for colour is coarser."""
        if self._drawn == self._wanted:
            return frame
        out = self._canvas(frame)
        left, top = self._offsets(number)
        for target, source in zip(planes_of(out), planes_of(frame), strict=True):
            across, down = frame.width // source.shape[1], frame.height // source.shape[0]
            _place(target, source, left // across, top // down)
        return out

    def _offsets(self, number: int) -> tuple[int, int]:
        kept = self._kept_at(number)
        left, top = (_offset(have, want, kept) for have, want in zip(self._drawn, self._wanted, strict=True))
        return left, top

    def _canvas(self, like: VideoFrame) -> VideoFrame:
        """Black, of the file's size."""
        black = filled(self.shape.width, self.shape.height, (16, 128, 128))
        return self._scaler.scaled(black, black.width, black.height, like.format.name)


def mixed_down(samples: Samples, channels: int, gain: float) -> Samples:
    """Two channels as one or two; one is their mean, so that nothing gets louder."""
    made = samples if channels == 2 else samples.mean(axis=1, keepdims=True, dtype=np.float32)
    return made if gain == 1 else made * np.float32(gain)


def drawn_size(film: tuple[int, int], wanted: tuple[int, int], framing: Framing) -> tuple[int, int]:
    """The size at which a film is drawn for a file: with its own shape, inside of the frame or covering it.

    A shape that differs by less than two pixels is stretched over the frame.
    """
    factors = [Fraction(want, have) for want, have in zip(wanted, film, strict=True)]
    factor = max(factors) if framing is Framing.FILL else min(factors)
    drawn = [even(round(have * factor)) for have in film]
    close = [want if abs(want - size) < 2 else size for want, size in zip(wanted, drawn, strict=True)]
    return close[0], close[1]


def _offset(have: int, want: int, kept: float) -> int:
    """Where the file's frame begins in the drawn picture (below 0: bars), even."""
    surplus = have - want
    place = surplus * kept if surplus > 0 else surplus / 2
    return int(place // 2 * 2)


def _place(target: NDArray[np.generic], source: NDArray[np.generic], left: int, top: int) -> None:
    """Copy `source` so that its pixel (left, top) becomes the target's first one."""
    rows = slice(max(0, -top), max(0, -top) + min(target.shape[0], source.shape[0]))
    columns = slice(max(0, -left), max(0, -left) + min(target.shape[1], source.shape[1]))
    from_rows = slice(max(0, top), max(0, top) + rows.stop - rows.start)
    from_columns = slice(max(0, left), max(0, left) + columns.stop - columns.start)
    target[rows, columns] = source[from_rows, from_columns]
