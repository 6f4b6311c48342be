"""How a job ends: what its backend returned or raised, as the outcome that is kept and told."""

from __future__ import annotations

import errno
import logging
import traceback
from pathlib import Path
from typing import Final, NamedTuple

from engine.backends.base import JobError
from engine.protocol.messages import Cancelled, Done, Failed, Result

_log = logging.getLogger(__name__)


class Ending(NamedTuple):
    """How a job ended. `resumable`: what it remembered is kept, and a retry picks it up."""

    outcome: Done | Failed | Cancelled
    resumable: bool = False


INTERRUPTED: Final = Failed(
    kind="interrupted",
    message="The engine was closed while this job was running. Nothing of it was kept; it can be retried.",
)


def checked(backend: str, result: object) -> Result:
    """Return the result if it is one, with files that are there. Raises TypeError, FileNotFoundError."""
    if not isinstance(result, Result):
        raise TypeError(f"the backend {backend} returned {type(result).__name__} and no Result")
    missing = [file.path for file in result.files if not Path(file.path).is_file()]
    if missing:
        raise FileNotFoundError(f"the backend {backend} named files that aren't there: {', '.join(missing)}")
    return result


def failure(problem: JobError) -> Failed:
    return Failed(kind=problem.kind, message=problem.message, detail=problem.detail, can_retry=problem.can_retry)


def mistake(job: str, problem: BaseException) -> Failed:
    """Log what nobody expected, once, and say it to the person."""
    _log.error("job %s failed", job, exc_info=problem)
    detail = "".join(traceback.format_exception(problem))
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return Failed(kind="disk_full", message="The disk is full. Make room and retry.", detail=detail)
    if isinstance(problem, MemoryError):
        message = "There wasn't enough memory for this. Try a smaller size or fewer frames."
        return Failed(kind="out_of_memory", message=message, detail=detail)
    message = f"A mistake in the program stopped this job ({type(problem).__name__}: {problem}). It can be retried."
    return Failed(kind="internal", message=message, detail=detail)
