"""Contact sheets: one row per clip, a few of its frames beside each other, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_GAP_PX = 4
_TITLE_PX = 16
_TYPEFACE = Path(__file__).parents[2] / "resources" / "fonts" / "Inter-Regular.otf"  # Pillow's own has no ü and no á


def write_contact_sheet(
    path: Path, videos: Sequence[Tensor] | Tensor, titles: Sequence[str] | None = None, columns: int = 6
) -> None:
    """Write clips, each (3, F, H, W) in [-1, 1] (of any size), as rows of up to `columns` evenly spaced frames.

    `titles` are printed above the rows. The PNG is for people: values are clamped and rounded to 8 bits.
    """
    rows = [_row(video, columns) for video in videos]
    title_px = _TITLE_PX if titles else 0
    width = max(row.width for row in rows) + 2 * _GAP_PX
    sheet = Image.new("RGB", (width, sum(row.height + title_px + _GAP_PX for row in rows) + _GAP_PX), (24, 24, 26))
    draw, typeface = ImageDraw.Draw(sheet), ImageFont.truetype(_TYPEFACE, 11)
    y = _GAP_PX
    for number, row in enumerate(rows):
        if titles:
            draw.text((_GAP_PX, y), titles[number], fill=(220, 220, 220), font=typeface)
        sheet.paste(row, (_GAP_PX, y + title_px))
        y += row.height + title_px + _GAP_PX
    sheet.save(path)


def _row(video: Tensor, columns: int) -> Image.Image:
    frames = video.shape[1]
    picked = torch.linspace(0, frames - 1, min(columns, frames)).round().long()
    pixels = video[:, picked.to(video.device)].float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).cpu()
    _, count, height, width = pixels.shape
    row = Image.new("RGB", (count * (width + _GAP_PX) - _GAP_PX, height), (24, 24, 26))
    for n, frame in enumerate(pixels.permute(1, 2, 3, 0)):
        row.paste(Image.fromarray(frame.numpy()), (n * (width + _GAP_PX), 0))
    return row
