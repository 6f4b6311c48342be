"""The video autoencoder as an exact stream: pieces of a clip through the layers, in memory that doesn't grow with it.

Every convolution keeps the last two frames that it has seen, so that pieces of any length give what one call with all
frames gives. A decoder layer lags its input by the frames that it must look ahead; an end flag travels behind the last
piece and lets each layer flush. Pieces are pushed depth first: one goes through to the pixels (as far as it reaches)
before the next is cut, and before every layer a piece is cut down to what the byte budget allows. So the memory is
caches plus a few pieces, however long the clip.
"""

# Shapes: B batch, C channels, F pixel frames, H W pixels, T latent frames (F = 8 (T - 1) + 1), h w latent grid.

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias, cast

import torch
from torch import Tensor

from engine.models.video_vae import (
    Downsample,
    Layer,
    ResidualBlock,
    TemporalConv,
    Upsample,
    VideoDecoder,
    VideoEncoder,
    channels_last,
    patchify,
    unpatchify,
)


class _StreamedConv:
    """A TemporalConv that is fed piece by piece."""

    def __init__(self, conv: TemporalConv, *, activate: bool = False) -> None:
        self._conv = conv
        self._activate = activate
        self._seen: Tensor | None = None  # the last two frames, padded and activated
        self.multiply_adds_done = 0

    @property
    def convs(self) -> list["_StreamedConv"]:
        return [self]

    def growth(self) -> float:
        """Size of the largest tensor that a push makes, relative to its input."""
        return max(1.0, self._conv.conv.out_channels / self._conv.conv.in_channels)

    def push(self, x: Tensor | None, end: bool) -> Tensor | None:
        if x is not None:
            frames = self._conv.padded(x, activate=self._activate, before=self._seen, at_end=end)
        elif end and self._seen is not None and self._conv.copies_behind:
            frames = torch.cat([self._seen, self._seen[:, :, -1:]], dim=2)
        else:
            return None
        self._seen = None if end else frames[:, :, -2:].clone()
        if frames.shape[2] < 3:
            return None
        y = self._conv.convolve(frames)
        self.multiply_adds_done += y[0, 0].numel() * self._conv.conv.weight.numel()
        return y


class _StreamedResidual:
    def __init__(self, block: ResidualBlock) -> None:
        self.convs = [_StreamedConv(block.conv1, activate=True), _StreamedConv(block.conv2, activate=True)]
        self._waiting = _Frames()

    def growth(self) -> float:
        return 1.0

    def push(self, x: Tensor | None, end: bool) -> Tensor | None:
        self._waiting.append(x)
        h = x
        for conv in self.convs:
            h = conv.push(h, end)
        if h is not None:
            h += self._waiting.take(h.shape[2])
        self._waiting.own()
        return h


class _StreamedDownsample:
    def __init__(self, block: Downsample) -> None:
        self._block = block
        self._conv = _StreamedConv(block.conv)
        self.convs = [self._conv]
        self._started = False
        self._unpaired = _Frames()  # a frame that waits for the second of its pair

    def growth(self) -> float:
        return 2.0  # the convolved frames and the folded input exist side by side

    def push(self, x: Tensor | None, end: bool) -> Tensor | None:
        step = self._block.factors[0]
        if x is not None and not self._started:
            self._started = True
            self._unpaired.append(x[:, :, :1] if step == 2 else None)
        self._unpaired.append(x)
        usable = self._unpaired.count // step * step
        if not usable:
            return None
        x = self._unpaired.take(usable)
        self._unpaired.own()
        h = self._conv.push(x, end)
        assert h is not None  # causal: as many frames as came in
        return self._block.fold(h, x)


class _StreamedUpsample:
    def __init__(self, block: Upsample) -> None:
        self._block = block
        self._conv = _StreamedConv(block.conv)
        self.convs = [self._conv]
        self._waiting = _Frames()
        self._to_drop = block.frames_dropped

    def growth(self) -> float:
        return 2 * self._conv.growth()  # before and after unfolding

    def push(self, x: Tensor | None, end: bool) -> Tensor | None:
        if self._block.repeats:
            self._waiting.append(x)
        h = self._conv.push(x, end)
        if h is None:
            return None
        y = self._block.unfold(h, self._waiting.take(h.shape[2]) if self._block.repeats else None)
        self._waiting.own()
        y = y[:, :, self._to_drop :]
        self._to_drop = 0
        return y


class _Frames:
    """A queue of frames that come and go in pieces."""

    def __init__(self) -> None:
        self._pieces: list[Tensor] = []

    @property
    def count(self) -> int:
        return sum(piece.shape[2] for piece in self._pieces)

    def append(self, x: Tensor | None) -> None:
        if x is not None:
            self._pieces.append(x)

    def take(self, count: int) -> Tensor:
        """The first `count` frames, which leave the queue."""
        together = self._pieces[0] if len(self._pieces) == 1 else torch.cat(self._pieces, dim=2)
        rest = together[:, :, count:]
        self._pieces = [rest] if rest.shape[2] else []
        return together[:, :, :count]

    def own(self) -> None:
        """Copy what is left, so that it does not keep the large pieces alive that it was cut from."""
        self._pieces = [
            piece.clone() if piece.untyped_storage().nbytes() > piece.nbytes else piece for piece in self._pieces
        ]


_StreamedLayer: TypeAlias = _StreamedConv | _StreamedResidual | _StreamedDownsample | _StreamedUpsample


def _streamed(layers: list[Layer]) -> list[_StreamedLayer]:
    made: list[_StreamedLayer] = []
    for layer in layers:
        if isinstance(layer, TemporalConv):
            made.append(_StreamedConv(layer, activate=bool(made)))  # conv_out normalises first, conv_in does not
        elif isinstance(layer, ResidualBlock):
            made.append(_StreamedResidual(layer))
        elif isinstance(layer, Downsample):
            made.append(_StreamedDownsample(layer))
        else:
            made.append(_StreamedUpsample(layer))
    return made


class _Work(NamedTuple):
    """A piece that waits before a layer. `end`: nothing comes after it."""

    layer: int
    piece: Tensor | None
    end: bool


class _Pipeline:
    """Pieces through layers, depth first, no call seeing more than `piece_bytes` (but at least one frame)."""

    def __init__(self, layers: list[Layer], piece_bytes: int | None) -> None:
        self._layers = _streamed(layers)
        self._piece_bytes = piece_bytes
        self._todo: list[_Work] = []  # a stack: its top is closest to the output

    def add(self, piece: Tensor | None, end: bool) -> None:
        """Queue a piece behind everything that was added before."""
        self._todo.insert(0, _Work(0, piece, end))

    def step(self) -> Tensor | None:
        """Move one piece through one layer; the finished frames if that was the last layer and gave some."""
        index, piece, end = self._todo.pop()
        layer = self._layers[index]
        if piece is not None and (allowed := self._frames_allowed(piece, layer)) < piece.shape[2]:
            self._todo.append(_Work(index, piece[:, :, allowed:], end))
            piece, end = piece[:, :, :allowed], False
        result = layer.push(piece, end)
        del piece
        if index + 1 == len(self._layers):
            return result
        if result is not None or end:
            self._todo.append(_Work(index + 1, result, end))
        return None

    @property
    def busy(self) -> bool:
        return bool(self._todo)

    @property
    def multiply_adds_done(self) -> int:
        return sum(conv.multiply_adds_done for layer in self._layers for conv in layer.convs)

    def slices(self, clip: Tensor) -> Iterator[Tensor]:
        """The clip along time in views that the first layer takes whole."""
        frames = self._frames_allowed(clip, self._layers[0])
        for start in range(0, clip.shape[2], frames):
            yield clip[:, :, start : start + frames]

    def _frames_allowed(self, piece: Tensor, layer: _StreamedLayer) -> int:
        if self._piece_bytes is None:
            return piece.shape[2]
        frame_bytes = piece[:, :, :1].numel() * piece.element_size()
        return max(1, int(self._piece_bytes / (frame_bytes * layer.growth())))


OnStep: TypeAlias = Callable[[], None]  # runs after every piece in every layer; may raise to cancel


class StreamingDecoder:
    """Decodes latents that arrive bit by bit; equal to one `VideoDecoder` call with all of them, to rounding.

    `push` and `finish` return iterators over pixel pieces (B, 3, f, H, W); work happens as they are consumed, and
    what was not consumed is done by the next one. The first pixels follow 14 latent frames after their latent (for
    the published blocks). Runs without gradients. `piece_bytes` bounds the tensors between layers, None for no bound.
    """

    def __init__(self, decoder: VideoDecoder, piece_bytes: int | None = None, on_step: OnStep | None = None) -> None:
        self._decoder = decoder
        self.pipeline = _Pipeline(decoder.layers(), piece_bytes)
        self.on_step = on_step

    def push(self, latent_BCThw: Tensor) -> Iterator[Tensor]:
        with torch.no_grad():
            raw = self._decoder.per_channel_statistics.un_normalise(latent_BCThw)
        self.pipeline.add(channels_last(raw), end=False)
        return self._drain()

    def finish(self) -> Iterator[Tensor]:
        self.pipeline.add(None, end=True)
        return self._drain()

    def _drain(self) -> Iterator[Tensor]:
        while self.pipeline.busy:
            with torch.no_grad():
                patches = self.pipeline.step()
                pixels = None if patches is None else unpatchify(patches, self._decoder.config.patch_size)
            del patches
            if self.on_step is not None:
                self.on_step()
            if pixels is not None:
                yield pixels


class StreamingEncoder:
    """Encodes pixel frames that arrive bit by bit; equal to one `VideoEncoder` call with all of them, to rounding.

    `push` and `finish` return iterators over normalised latent pieces (B, C, t, h, w), as in StreamingDecoder. The
    encoder is causal: a latent appears with the last of its pixel frames. `finish` raises ValueError if the frames
    were not time_factor k + 1.
    """

    def __init__(self, encoder: VideoEncoder, piece_bytes: int | None = None, on_step: OnStep | None = None) -> None:
        self._encoder = encoder
        self.pipeline = _Pipeline(encoder.layers(), piece_bytes)
        self.on_step = on_step
        self._frames = 0

    def push(self, pixels_BCFHW: Tensor) -> Iterator[Tensor]:
        self._encoder.config.check_sides(*pixels_BCFHW.shape[3:])
        self._frames += pixels_BCFHW.shape[2]
        patches = patchify(pixels_BCFHW.detach(), self._encoder.config.patch_size)
        self.pipeline.add(channels_last(patches), end=False)
        return self._drain()

    def finish(self) -> Iterator[Tensor]:
        self._encoder.config.check_frames(self._frames)
        self.pipeline.add(None, end=True)
        return self._drain()

    def _drain(self) -> Iterator[Tensor]:
        while self.pipeline.busy:
            with torch.no_grad():
                moments = self.pipeline.step()
                latent = None if moments is None else self._encoder.per_channel_statistics.normalise(moments[:, :-1])
            del moments
            if self.on_step is not None:
                self.on_step()
            if latent is not None:
                yield latent


OnPiece: TypeAlias = Callable[[float], None]  # receives the finished fraction of the work; may raise to cancel


def decode_in_pieces(
    decoder: VideoDecoder, latent_BCThw: Tensor, piece_bytes: int | None = None, on_piece: OnPiece | None = None
) -> Iterator[Tensor]:
    """All pixels of a normalised latent, in order, as pieces (B, 3, f, H, W) along time."""
    stream = StreamingDecoder(decoder, piece_bytes)
    report = _progress(on_piece, stream.pipeline, decoder.layers(), latent_BCThw.shape[2:])
    stream.on_step = report
    for part in stream.pipeline.slices(latent_BCThw):
        yield from stream.push(part)
    yield from stream.finish()


def encode_in_pieces(
    encoder: VideoEncoder, pixels_BCFHW: Tensor, piece_bytes: int | None = None, on_piece: OnPiece | None = None
) -> Iterator[Tensor]:
    """All normalised latents of a clip, in order, as pieces (B, C, t, h, w) along time."""
    encoder.config.check_frames(pixels_BCFHW.shape[2])
    stream = StreamingEncoder(encoder, piece_bytes)
    patch = encoder.config.patch_size
    frames, height, width = pixels_BCFHW.shape[2:]
    report = _progress(on_piece, stream.pipeline, encoder.layers(), (frames, height // patch, width // patch))
    stream.on_step = report
    for part in stream.pipeline.slices(pixels_BCFHW):
        yield from stream.push(part)
    yield from stream.finish()


def _progress(on_piece: OnPiece | None, pipeline: _Pipeline, layers: list[Layer], size: Sequence[int]) -> OnStep | None:
    if on_piece is None:
        return None
    total = multiply_adds(layers, *size)
    return lambda: on_piece(pipeline.multiply_adds_done / total)


def multiply_adds(layers: list[Layer], frames: int, height: int, width: int) -> int:
    """Multiply-add operations of the convolutions for one clip, of the size that the first layer sees."""
    total, area = 0, height * width
    for layer in layers:
        if isinstance(layer, Downsample):
            frames += layer.factors[0] - 1
        convs = [layer] if isinstance(layer, TemporalConv) else list(layer.children())
        total += frames * area * sum(cast("TemporalConv", conv).conv.weight.numel() for conv in convs)
        if isinstance(layer, Downsample):
            frames, area = frames // layer.factors[0], area // math.prod(layer.factors[1:])
        elif isinstance(layer, Upsample):
            frames, area = frames * layer.factors[0] - layer.frames_dropped, area * math.prod(layer.factors[1:])
    return total
