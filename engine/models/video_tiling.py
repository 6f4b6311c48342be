"""Spatial tiles for the video autoencoder: the last resort, where not even one streamed slice fits the memory.

Tiles change the picture: the decoder looks 480 pixels to each side, an overlap only hides the seams. Within a tile time
is streamed exactly, so there are no seams in time. Rules of the official code (autoencoder specification 1.10, 1.11).
"""

# Shapes: B batch, C channels, F frames, H W pixels, T latent frames, h w latent grid.

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.video_streaming import decode_in_pieces, encode_in_pieces
from engine.models.video_vae import VideoDecoder, VideoEncoder

SMALLEST_SIDE = 2  # latent positions: 64 pixels of the published models


@dataclass(frozen=True)
class Span:
    """A tile's latent positions [start, end) on one axis, and how many of them fade towards a neighbour."""

    start: int
    end: int
    fade_in: int
    fade_out: int


def plan(length: int, size: int, overlap: int) -> list[Span]:
    """Cover `length` latent positions with tiles of `size` that share `overlap`; the last may be shorter.

        |------ size ------|
        |              |overlap|------------|
                       |-------- ...

    Raises ValueError for tiles below SMALLEST_SIDE or an overlap that is not smaller than the tile.
    """
    if size < SMALLEST_SIDE or not 0 <= overlap < size:
        raise ValueError(f"tiles of {size} latent positions with overlap {overlap} cannot cover anything")
    if length <= size:
        return [Span(0, length, 0, 0)]
    step = size - overlap
    count = (length + size - 2 * overlap - 1) // step
    return [
        Span(
            i * step,
            min(i * step + size, length),
            overlap if i else 0,
            overlap if i < count - 1 else 0,
        )
        for i in range(count)
    ]


def tile_sides(rows: int, columns: int, long_side: int = 24, overlap: int = 2) -> tuple[int, int]:
    """Tile rows and columns: the grid's shape with its long side cut to `long_side` (24 = 768 pixels, as official)."""
    longest = max(rows, columns)
    if longest <= long_side:
        return rows, columns
    short = max(round(min(rows, columns) * long_side / longest), SMALLEST_SIDE, overlap + 1)
    return (long_side, short) if rows >= columns else (short, long_side)


def decode_in_tiles(
    decoder: VideoDecoder,
    latent_BCThw: Tensor,
    tile: tuple[int, int],
    overlap: int = 2,
    piece_bytes: int | None = None,
    on_piece: Callable[[float], None] | None = None,
    output_device: torch.device | str = "cpu",
) -> Tensor:
    """Pixels (B, 3, F, H, W) on `output_device`, blended from streamed tiles of (rows, columns) latent positions.

    The whole clip is held there, in the latent's dtype. `on_piece(fraction)` may raise to cancel.
    """
    config = decoder.config
    batch, _, frames, rows, columns = latent_BCThw.shape
    scale = config.space_factor
    pixel_frames = (frames - 1) * config.time_factor + 1
    pixels = torch.zeros(
        (batch, config.out_channels, pixel_frames, rows * scale, columns * scale),
        dtype=latent_BCThw.dtype,
        device=output_device,
    )
    tiles = _tiles(rows, columns, tile, overlap, scale)
    for index, (y, x, share) in enumerate(tiles):
        weight = share.to(latent_BCThw)
        first = 0
        part = latent_BCThw[..., y.start : y.end, x.start : x.end]
        for piece in decode_in_pieces(decoder, part, piece_bytes, _part_of(on_piece, index, len(tiles))):
            last = first + piece.shape[2]
            target = pixels[:, :, first:last, y.start * scale : y.end * scale, x.start * scale : x.end * scale]
            target += (piece * weight).to(output_device)
            first = last
    return pixels


def encode_in_tiles(
    encoder: VideoEncoder,
    pixels_BCFHW: Tensor,
    tile: tuple[int, int],
    overlap: int = 2,
    piece_bytes: int | None = None,
    on_piece: Callable[[float], None] | None = None,
) -> Tensor:
    """Normalised latent (B, C, T, h, w), blended from streamed tiles of (rows, columns) latent positions.

    Tiles move to the encoder's device one at a time, so the clip may lie elsewhere; the result is on that device.
    """
    config = encoder.config
    config.check_frames(pixels_BCFHW.shape[2])
    config.check_sides(*pixels_BCFHW.shape[3:])
    scale = config.space_factor
    rows, columns = (side // scale for side in pixels_BCFHW.shape[3:])
    weights = encoder.conv_in.conv.weight
    latent = torch.zeros(
        (
            pixels_BCFHW.shape[0],
            config.latent_channels,
            (pixels_BCFHW.shape[2] - 1) // config.time_factor + 1,
            rows,
            columns,
        ),
        dtype=pixels_BCFHW.dtype,
        device=weights.device,
    )
    tiles = _tiles(rows, columns, tile, overlap, scale=1)
    for index, (y, x, share) in enumerate(tiles):
        part = pixels_BCFHW[..., y.start * scale : y.end * scale, x.start * scale : x.end * scale].to(weights.device)
        weight = share.to(latent)
        first = 0
        for piece in encode_in_pieces(encoder, part, piece_bytes, _part_of(on_piece, index, len(tiles))):
            last = first + piece.shape[2]
            latent[:, :, first:last, y.start : y.end, x.start : x.end] += piece * weight
            first = last
    return latent


def _shares(spans: list[Span], length: int, scale: int) -> list[Tensor]:
    """For every tile of one axis, how much of each of its cells (latent positions x `scale`) it contributes.

    Linear ramps k / (n + 1); over all tiles the shares of a cell sum to 1, however many of them meet there.
    """
    total = torch.zeros(length * scale, dtype=torch.float64)
    ramps: list[Tensor] = []
    for span in spans:
        ramp = torch.ones((span.end - span.start) * scale, dtype=torch.float64)
        if fade := span.fade_in * scale:
            ramp[:fade] *= torch.arange(1, fade + 1) / (fade + 1)
        if fade := span.fade_out * scale:
            ramp[-fade:] *= torch.arange(fade, 0, -1) / (fade + 1)
        total[span.start * scale : span.end * scale] += ramp
        ramps.append(ramp)
    return [ramp / total[span.start * scale : span.end * scale] for span, ramp in zip(spans, ramps, strict=True)]


def _tiles(rows: int, columns: int, tile: tuple[int, int], overlap: int, scale: int) -> list[tuple[Span, Span, Tensor]]:
    """All tiles with the share (rows x scale, columns x scale) that each has in its cells."""
    ys, xs = plan(rows, tile[0], overlap), plan(columns, tile[1], overlap)
    return [
        (y, x, share_y[:, None] * share_x)
        for y, share_y in zip(ys, _shares(ys, rows, scale), strict=True)
        for x, share_x in zip(xs, _shares(xs, columns, scale), strict=True)
    ]


def _part_of(on_piece: Callable[[float], None] | None, index: int, count: int) -> Callable[[float], None] | None:
    """Progress within one tile to progress of all."""
    if on_piece is None:
        return None
    return lambda fraction: on_piece((index + fraction) / count)
