"""The engine's two pipes: taken away from everybody else at the start, then read and written as bytes."""

import contextlib
import os
import select
import sys
from typing import NamedTuple


class Wire(NamedTuple):
    """File descriptors of the channel: requests come from `read_fd`, events go to `write_fd`."""

    read_fd: int
    write_fd: int


def claim_standard_streams() -> Wire:
    """Take stdin and stdout for the channel alone: fd 1 becomes stderr, fd 0 becomes nothing.

    To be called before any library is imported that could print. What C code, a child process or `print` writes to
    fd 1 from now on lands in the log; what reads fd 0 finds the end of the file.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)
    sys.stdout.flush()
    wire = Wire(os.dup(0), os.dup(1))  # not inherited by children, unlike 0 and 1 themselves
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    _widen(wire.write_fd)
    return wire


def _widen(fd: int) -> None:
    """Give the pipe room for a long list of jobs, so that it costs fewer changes between the processes."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # no pipe, or more than this person may have
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)


def takes_at_once(fd: int, size: int) -> bool:
    """Whether so many bytes can be written now without waiting for the reader.

    Where nobody can tell (on Windows), or it's more than a pipe promises to take whole: False.
    """
    if sys.platform == "win32":
        return False
    return size <= select.PIPE_BUF and bool(select.select([], [fd], [], 0)[1])


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write everything, however slowly it is taken. Raises OSError (BrokenPipeError when nobody reads any more)."""
    written = os.write(fd, data)
    if written == len(data):
        return
    with memoryview(data) as view:
        while written < len(view):
            written += os.write(fd, view[written:])
