"""What goes wrong with media, as the outcome of a job: the same for every backend."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from engine.backends.base import BadMedia, BadRequest, DiskFull, NotWritable, Unsupported
from engine.media import errors as media_errors


@contextmanager
def media_outcomes() -> Generator[None]:
    """Errors of `engine.media` as those of a job, each with the sentence that its room built."""
    try:
        yield
    except media_errors.DiskFull as exc:
        raise DiskFull(str(exc)) from exc
    except media_errors.NotWritable as exc:
        raise NotWritable(str(exc)) from exc
    except media_errors.RangeOutsideMedia as exc:
        raise BadRequest(str(exc)) from exc
    except media_errors.NoEncoder as exc:
        raise Unsupported(str(exc)) from exc
    except media_errors.MediaError as exc:
        raise BadMedia(str(exc)) from exc
