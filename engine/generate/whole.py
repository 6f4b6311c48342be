"""`--whole`: the clip with what was made in its place, instead of the range alone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from engine.backends.base import BadMedia, BadRequest, DiskFull, JobContext, NotWritable
from engine.media import errors as media_errors
from engine.media.encode import Delivery
from engine.media.errors import shown
from engine.media.index import build_index
from engine.media.joined import placement, write_joined
from engine.media.probe import probe
from engine.media.recipe import recipe_path
from engine.protocol.grid import SAMPLE_RATE, sample_of_frame
from engine.protocol.messages import ResultFile
from engine.protocol.work import AnyWork, Extend, Retake

_DELIVERIES = {"h264": Delivery.H264_AAC, "prores": Delivery.PRORES_PCM, "ffv1": Delivery.FFV1_FLAC}
_TAKE = "take-"  # before the staged name of a take whose name the whole film gets


def check_whole(work: AnyWork) -> None:
    """Refuse before the work a clip that couldn't be written whole without changing its frames. Raises BadRequest."""
    assert isinstance(work, Retake | Extend)
    path = Path(work.source)
    video = probe(path).require_video()
    if not build_index(path).is_constant:
        raise BadRequest(
            f"{shown(path)} has a variable frame rate: --whole would change its timing. Leave --whole out."
        )
    if video.display_size != video.rotated_size:
        raise BadRequest(f"{shown(path)} has pixels that aren't square: --whole would resize it. Leave --whole out.")


def joined(work: AnyWork, files: Sequence[ResultFile], context: JobContext) -> tuple[ResultFile, ...]:
    """The staged takes, each joined into its clip and staged as its medium; the recipes beside them stay theirs.

    Raises JobCancelled, BadMedia, DiskFull, NotWritable.
    """
    recipes = {Path(file.path): file for file in files if file.role == "recipe"}
    wholes: list[ResultFile] = []
    for file in files:
        if file.role == "recipe":
            continue
        take = Path(file.path)
        whole = take.with_name(take.stem + _DELIVERIES[work.output.codec].value)
        moved = recipe_path(take).rename(recipe_path(whole))
        recipe = recipes[recipe_path(take)]
        take = take.rename(take.with_name(_TAKE + take.name))
        try:
            _join(work, msgspec.structs.replace(file, path=str(take)), whole, context)
        except media_errors.DiskFull as exc:
            raise DiskFull(str(exc)) from exc
        except media_errors.NotWritable as exc:
            raise NotWritable(str(exc)) from exc
        except media_errors.MediaError as exc:
            raise BadMedia(str(exc)) from exc
        wholes += [_described(whole, file), msgspec.structs.replace(recipe, path=str(moved))]
    return tuple(wholes)


def _join(work: AnyWork, take: ResultFile, whole: Path, context: JobContext) -> None:
    found = placement(work, take)
    assert found is not None
    clip, placed = found
    context.phase("joining", build_index(clip).frames)
    delivery = _DELIVERIES[work.output.codec]
    write_joined(clip, placed, whole, delivery=delivery, on_frame=lambda done, _all: context.step(done))


def _described(target: Path, take: ResultFile) -> ResultFile:
    """What is in the whole film."""
    index, info = build_index(target), probe(target)
    width, height = info.require_video().display_size
    samples = sample_of_frame(index.frames, Fraction(take.rate)) if info.audio else 0
    return ResultFile(
        path=str(target),
        role="video",
        size_bytes=target.stat().st_size,
        variation=take.variation,
        width=width,
        height=height,
        rate=take.rate,
        frames=index.frames,
        sample_rate=SAMPLE_RATE if samples else 0,
        samples=samples,
    )
