"""How a command ends whose reader has seen enough, such as `head`: quietly, as programs do that SIGPIPE ends.

The signal itself is left alone: it would also end a program that writes to an engine which is gone.
"""

from __future__ import annotations

import errno
import functools
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Final, ParamSpec, TextIO

READER_GONE: Final = 141  # 128 + SIGPIPE, as shells say it of programs that it ended

P = ParamSpec("P")


def ends_with_its_reader(main: Callable[P, int]) -> Callable[P, int]:
    """A command's `main`, whose exit status is 141 once nobody reads what it prints any more.

    A broken pipe that isn't one of the standard streams (an engine's) is raised as before. What a `main` catches itself
    has to let BrokenPipeError through.
    """

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            try:
                status = main(*args, **kwargs)
            except SystemExit:
                _flush()  # `--help | head`
                raise
            _flush()
        except OSError as error:
            if not (_is_reader_gone(error) and _let_go_of_readers()):
                raise
            return READER_GONE
        return status

    return run


def _streams() -> Iterator[TextIO]:
    """A window without a console has none."""
    return (stream for stream in (sys.stdout, sys.stderr) if stream)


def _flush() -> None:
    for stream in _streams():
        stream.flush()


def _is_reader_gone(error: OSError) -> bool:
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)


def _let_go_of_readers() -> bool:
    """Point the standard streams that nobody reads at nothing: Python flushes them once more at its end, and complains.

    Whether there was one.
    """
    gone = [stream for stream in _streams() if _has_no_reader(stream)]
    for stream in gone:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    return bool(gone)


def _has_no_reader(stream: TextIO) -> bool:
    if sys.platform == "win32":  # can't be asked there
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
