"""Every kind of failure has its exit status, one sentence on standard error, and one object with --json."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from generate_kit import Command, Said

from engine.backends.base import JobCancelled
from engine.backends.local import backend
from engine.backends.local.backend import LocalBackend
from engine.backends.local.memory import Memory
from engine.generate.__main__ import EXIT_STATUS
from engine.generate.arguments import EXAMPLES
from engine.protocol.messages import FailureKind

SMALL = ("--prompt", "x", "--model", "tiny", "--device", "cpu", "--resolution", "96x64", "--duration", "9f")


def failed(said: Said, status: int, kind: str, words: str) -> None:
    """All of it: status, the object, the sentence, and nothing else on standard output."""
    assert said.status == status, said.err
    assert said.told.items() >= {"status": "failed", "kind": kind}.items()
    assert words in said.told["message"]
    assert f"ltx-generate: {said.told['message']}" in said.err
    assert said.out.count(b"\n") == 1


def test_every_kind_has_a_status_and_the_help_tells_them_all() -> None:
    assert set(EXIT_STATUS) == set(get_args(FailureKind))
    told = EXAMPLES.partition("exit status:")[2]
    assert all(f"  {status}  " in told for status in {*EXIT_STATUS.values(), 0, 2, 130})


@pytest.mark.parametrize(
    ("line", "status", "kind", "words"),
    [
        (("--model", "tiny", "--device", "cpu"), 3, "bad_request", "needs a prompt"),
        (("--prompt", "x" * 20_001, "--model", "tiny", "--device", "cpu"), 3, "bad_request", "Shorten it"),
        ((*SMALL, "--model", "nosuch"), 3, "bad_request", "Known are: tiny"),
        ((*SMALL, "--lora", "nosuch"), 3, "bad_request", "There is no LoRA 'nosuch'"),
        ((*SMALL, "--camera", "nosuch"), 3, "bad_request", "no camera move 'nosuch'"),
        ((*SMALL, "--device", "quantum"), 3, "bad_request", "There is no kind of device 'quantum'"),
        ((*SMALL, "--resolution", "4k"), 3, "bad_request", "is more than Tiny makes here"),
        ((*SMALL, "--image", "nowhere.png"), 3, "bad_media", "There is no file 'nowhere.png'"),
        (("--video", "broken.mp4", "--extend", "1"), 3, "bad_media", "'broken.mp4'"),
        (("--again", "broken.mp4"), 3, "bad_media", "'broken.mp4' has no recipe beside it"),
        (("--finish", "broken.mp4"), 3, "bad_media", "'broken.mp4' is no draft"),
        (("--finish", "nowhere"), 3, "bad_media", "There is no file 'nowhere'"),
        (("--prompt", "x", "--model", "ltx-2.3-22b-distilled", "--device", "cpu"), 4, "missing_weights",
         "ltx-2.3-22b-distilled-1.1.safetensors (46.1 GB)"),
        ((*SMALL, "--output", "broken.mp4/x.mp4"), 6, "not_writable", "Results can't be written"),
        (("--video", "clip.mkv", "--upscale", "1.5", "--model", "tiny", "--device", "cpu"), 7, "unsupported", "1.5"),
        (("--output", "x" * 300 + ".mp4"), 2, "usage", "longer than 255 bytes"),
        (("--output", "folder.mp4/", "--model", "nosuch"), 3, "bad_request", "nosuch"),
        ((*SMALL, "--lora", "x" * 300), 3, "bad_request", "x" * 300),
        ((*SMALL, "--model", "x" * 300 + ".safetensors"), 3, "bad_request", "x" * 300),
        ((*SMALL, "--image", "x" * 300 + ".png"), 3, "bad_media", "x" * 300),
        (("--video", "x" * 300 + ".mp4", "--extend", "1"), 3, "bad_request", "x" * 300),
        (("--video", "x" * 5000 + ".mp4", "--extend", "1"), 3, "bad_request", "x" * 5000),
        (("--audio", "x" * 300 + ".mp4"), 3, "bad_media", "x" * 300),
        (("--again", "x" * 300 + ".mp4"), 3, "bad_media", "x" * 300),
        (("--finish", "x" * 300 + ".mp4"), 3, "bad_media", "x" * 300),
        (("--models", "nowhere"), 2, "usage", "there is no such folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(
    say: Command, here: Path, footage_folder: Path, line: tuple[str, ...], status: int, kind: str, words: str
) -> None:
    (here / "broken.mp4").write_bytes(b"no film" * 100)
    (here / "clip.mkv").symlink_to(footage_folder / "clip.mkv")
    failed(say(*line, "--json"), status, kind, words)
    assert sorted(entry.name for entry in here.iterdir()) == ["broken.mp4", "clip.mkv"]


def test_a_full_disk_leaves_nothing(say: Command, here: Path) -> None:
    with largest_file(20_000):
        said = say(*SMALL, "--output", "x.mkv", "--json")
    failed(said, 6, "disk_full", "The disk is full")
    assert not list(here.iterdir())


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Longer files can't be written: to a program it is as if the disk were full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_too_little_memory_is_told_with_numbers_before_anything_is_loaded(
    say: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = backend.free_memory
    monkeypatch.setattr(backend, "free_memory", lambda device: little(real(device)))
    failed(say(*SMALL, "--json"), 5, "out_of_memory", "MB")
    estimated = say(*SMALL, "--estimate", "--json")
    assert (estimated.status, estimated.told["fits"]) == (5, False)
    assert not list(here.iterdir())


def little(memory: Memory) -> Memory:
    return memory._replace(device_free=1_000_000)


def test_a_mistake_of_ours_is_called_so_with_its_trace(
    say: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(LocalBackend, "run", break_down)
    said = say(*SMALL, "--json", "--output", "new/x.mp4")
    failed(said, 1, "internal", "a mistake of ours, please report it: RuntimeError('boom')")
    assert "Traceback" in said.err
    assert "break_down" in said.told["detail"]
    assert not list(here.iterdir())


def test_cancelling_is_no_failure(say: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: Any) -> None:
        raise JobCancelled

    monkeypatch.setattr(LocalBackend, "run", cancel)
    said = say(*SMALL, "--json")
    assert said.status == 130
    assert said.told == {"status": "cancelled", "kind": "cancelled", "message": "cancelled; nothing was written"}


def test_what_libraries_print_does_not_reach_standard_output(say: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def chatter(*_: Any) -> None:
        os.write(1, b"loading shards\n")
        raise JobCancelled

    monkeypatch.setattr(LocalBackend, "run", chatter)
    said = say(*SMALL)
    assert (said.out, "loading shards" in said.err) == (b"", True)


def test_a_second_interrupt_ends_at_once_and_removes_what_was_begun(tmp_path: Path) -> None:
    """Also when the work is inside something that never comes back."""
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "half.mp4").touch()
    code = (
        "import sys, threading, pathlib\n"
        "from engine.generate.interrupts import Interrupts\n"
        "interrupts = Interrupts()\n"
        "interrupts.tell = lambda words: print(words, flush=True)\n"
        f"interrupts.leftovers.append(pathlib.Path({str(begun)!r}))\n"
        "def work():\n"
        "    print('ready', flush=True)\n"
        "    threading.Event().wait()\n"
        "interrupts.run(work)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert "cancelling at the next step" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
    assert process.returncode == -signal.SIGINT
    assert not begun.exists()
