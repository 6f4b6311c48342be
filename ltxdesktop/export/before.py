"""What can be said of an export before it's begun: whether its place can be written, and its media are there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.media.errors import shown
from ltxdesktop.document.model import Clip, Media, MediaId, Sequence
from ltxdesktop.export.errors import MediaMissing, TargetNotWritable
from ltxdesktop.export.settings import Settings, Shape, Subtitles, shape_of, size_estimate
from ltxdesktop.export.target import check_target, subtitles_beside
from ltxdesktop.words import gigabytes

Locate = Callable[[Media], Path]


def check_place(
    sequence: Sequence, media: Mapping[MediaId, Media], settings: Settings, target: Path, locate: Locate
) -> Shape:
    """What is to be written there. Raises NoSuchPreset, BadSettings, NothingToExport, TargetNotWritable."""
    shape = shape_of(sequence, settings)
    check_target(target, map(locate, media.values()), is_folder=shape.preset.is_folder)
    beside = subtitles_beside(target, is_folder=shape.preset.is_folder)
    if settings.subtitles is Subtitles.FILE and beside.exists() and not target.exists():
        raise TargetNotWritable(beside, "a file with that name is there, and the film that it would belong to isn't")
    return shape


def shortage(shape: Shape, settings: Settings, target: Path) -> str:
    """What to say where the film probably finds no room; "" where it does. Its size is a guess, so this is no error."""
    needed = size_estimate(shape, settings.bitrate_kbps)
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return ""
    if needed <= free:
        return ""
    return f"{shown(target)} may need about {gigabytes(needed)}, and {gigabytes(free)} are free where it goes."


def check_media(sequence: Sequence, media: Mapping[MediaId, Media], shape: Shape, locate: Locate) -> None:
    """Say at once what would be found out in an hour. Raises MediaMissing."""
    gone: dict[str, None] = {}
    for track in sequence.tracks:
        for _, item in track.placed(shape.first, shape.last):
            if isinstance(item, Clip) and item.enabled and not track.muted and item.media is not None:
                known = media.get(item.media)
                if known is None:
                    gone[f"The project doesn't know what clip {item.name!r} shows."] = None
                elif not (path := locate(known)).exists():
                    gone[f"There is no file {shown(path)} in {shown(path.parent)}."] = None
    if gone:
        raise MediaMissing(gone)
