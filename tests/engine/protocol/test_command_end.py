"""Commands whose reader has seen enough, through a real pipe: they end quietly, and say so by their status."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.protocol.command_end import READER_GONE

LONG = """
from engine.protocol.command_end import ends_with_its_reader
@ends_with_its_reader
def main() -> int:
    for number in range(1_000_000):
        print(number)
    return 0
raise SystemExit(main())
"""
OTHER_PIPE = """
import os
from engine.protocol.command_end import ends_with_its_reader
@ends_with_its_reader
def main() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return os.write(writer, b"to an engine that is gone")
raise SystemExit(main())
"""


def run(words: list[str], *, lines: int) -> tuple[int, str]:
    """Start Python with these words and read so many lines; the status, and what it said on standard error."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=buffered,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        for _ in range(lines):
            assert command.stdout.readline()
        command.stdout.close()
        said = command.stderr.read()
    return command.returncode, said


@pytest.mark.parametrize(
    "words",
    [
        "engine models list",
        "engine models licence --help",
        "ltxdesktop open --help",
        "ltxdesktop engine status",
        "ltxdesktop export --list-presets",
    ],
)
def test_no_reader_at_all(words: str):
    status, said = run(["-m", *words.split()], lines=0)
    assert said == ""
    assert status == READER_GONE


def test_a_reader_that_goes_in_the_middle():
    assert run(["-c", LONG], lines=3) == (READER_GONE, "")


def test_both_streams_gone():
    unbuffered = [sys.executable, "-u", "-c", LONG]
    with subprocess.Popen(unbuffered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as command:
        assert command.stdout is not None
        command.stdout.close()
    assert command.returncode == READER_GONE


def test_another_pipe_is_an_error_as_before():
    with subprocess.Popen([sys.executable, "-c", OTHER_PIPE], stderr=subprocess.PIPE, text=True) as command:
        assert command.stderr is not None
        said = command.stderr.read()
    assert "BrokenPipeError" in said
    assert command.returncode == 1
