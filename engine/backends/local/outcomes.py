"""What goes wrong while a job is prepared or made here, as the outcome of a job."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from engine.backends.base import BadRequest, DiskFull, JobError, MissingWeights, NotWritable
from engine.backends.outcomes import media_outcomes
from engine.loading.errors import LoadingError, LoraError
from engine.media.errors import is_disk_full
from engine.models.errors import ModelError
from engine.pipelines.errors import PipelineError
from engine.protocol.grid import GridError


@contextmanager
def local_outcomes() -> Generator[None]:
    """Errors of the rooms below as outcomes of a job, each with the sentence that its room built."""
    try:
        with media_outcomes():
            yield
    except JobError:
        raise
    except LoraError as exc:
        raise BadRequest(str(exc)) from exc
    except (LoadingError, ModelError) as exc:
        raise MissingWeights(str(exc)) from exc
    except (GridError, PipelineError) as exc:
        raise BadRequest(str(exc)) from exc
    except OSError as exc:
        if is_disk_full(exc):
            raise DiskFull(f"The disk is full: {exc}") from exc
        if isinstance(exc, PermissionError):
            raise NotWritable(str(exc)) from exc
        raise
