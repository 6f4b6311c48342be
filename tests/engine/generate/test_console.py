"""Progress as a person or a log sees it, and what is remembered of this machine's speed."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest

from engine.backends.base import JobCancelled, PlannedPhase
from engine.generate.console import ConsoleJob, SpeedHistory, minutes
from engine.protocol.messages import Timing

PHASES = (PlannedPhase("loading", 2.0, 100), PlannedPhase("stage 1", 8.0, 8), PlannedPhase("writing", 9.0))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Desk:
    """A console with a clock that is set by hand."""

    def __init__(self, folder: Path, out: io.StringIO, history: SpeedHistory | None = None) -> None:
        self.now = 0.0
        self.cancel = threading.Event()
        self.out = out
        history = history or SpeedHistory(folder / "speed.json", "cpu")
        self.job = ConsoleJob(folder, folder, history, self.cancel, out=out, clock=lambda: self.now)
        self.job.plan("tiny", PHASES)

    @property
    def shown(self) -> str:
        """What stands in the line that changes in place."""
        return self.out.getvalue().rpartition("\r\033[K")[2]


@pytest.fixture
def known(tmp_path: Path) -> SpeedHistory:
    """A machine that has done this before: 1 s per work."""
    history = SpeedHistory(tmp_path / "speed.json", "cpu")
    history.add("tiny", [(Timing(phase=phase.name, seconds=phase.work), phase.work) for phase in PHASES])
    return history


def test_a_terminal_shows_one_line_that_changes(tmp_path: Path, known: SpeedHistory) -> None:
    desk = Desk(tmp_path, Terminal(), known)
    desk.job.phase("loading")
    assert desk.shown == "[                        ]   0%  loading 0 %   0:19 left"
    desk.now = 2.0
    desk.job.phase("stage 1")
    desk.now = 6.0
    desk.job.step(4)
    assert desk.shown == "[#######                 ]  32%  stage 1, step 5 of 8   0:13 left"
    desk.job.notice("memory", "memory ran out")
    assert "\r\033[Kmemory: memory ran out\n" in desk.out.getvalue()
    assert "\n" not in desk.shown.removeprefix("memory: memory ran out\n")
    desk.job.phase("writing")
    desk.job.close()
    assert desk.shown == ""


def test_what_comes_too_soon_is_not_drawn(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Terminal())
    desk.job.phase("stage 1")
    drawn = desk.out.getvalue()
    desk.now += 0.05
    desk.job.step(1)
    assert desk.out.getvalue() == drawn


def test_a_log_gets_one_line_per_phase(tmp_path: Path, known: SpeedHistory) -> None:
    desk = Desk(tmp_path, io.StringIO(), known)
    desk.job.phase("loading")
    for step in range(100):
        desk.job.step(step)
    desk.now = 2.0
    desk.job.phase("stage 1")
    desk.job.phase("stage 1", variation=1)
    assert desk.out.getvalue().splitlines() == ["  0%  loading   0:19 left", " 11%  stage 1   0:17 left"]


def test_without_a_history_no_time_is_promised(tmp_path: Path) -> None:
    desk = Desk(tmp_path, io.StringIO())
    desk.job.phase("loading")
    assert desk.out.getvalue() == "  0%  loading\n"


def test_a_cancel_is_seen_at_the_next_step(tmp_path: Path) -> None:
    desk = Desk(tmp_path, io.StringIO())
    desk.job.phase("stage 1")
    desk.cancel.set()
    with pytest.raises(JobCancelled):
        desk.job.step(1)


def test_speed_is_kept_by_device_model_and_phase(tmp_path: Path, known: SpeedHistory) -> None:
    again = SpeedHistory(tmp_path / "speed.json", "cpu")
    assert again.seconds_per_work("tiny", "stage 1") == 1.0
    assert again.seconds("tiny", PHASES) == 19.0
    assert again.seconds("tiny", [*PHASES, PlannedPhase("unknown")]) is None
    assert again.seconds_per_work("other", "stage 1") is None
    assert SpeedHistory(tmp_path / "speed.json", "cuda").seconds_per_work("tiny", "stage 1") is None
    for _ in range(30):
        again.add("tiny", [(Timing(phase="stage 1", seconds=24.0), 8.0)])
    assert SpeedHistory(tmp_path / "speed.json", "cpu").seconds_per_work("tiny", "stage 1") == 3.0
    assert [entry.name for entry in tmp_path.iterdir()] == ["speed.json"]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "[" * 100_000, json.dumps({"cpu|tiny|stage 1": ["x", None, -1]}), '{"a": 3}',
             '{"cpu|tiny|stage 1": [NaN, Infinity]}'],
    ids=["empty", "nonsense", "list", "deep", "values", "number", "not finite"],
)  # fmt: skip
def test_a_spoilt_history_costs_nothing_but_estimates(tmp_path: Path, text: str) -> None:
    (tmp_path / "speed.json").write_text(text)
    history = SpeedHistory(tmp_path / "speed.json", "cpu")
    assert history.seconds_per_work("tiny", "stage 1") is None
    history.add("tiny", [(Timing(phase="stage 1", seconds=8.0), 8.0)])
    assert SpeedHistory(tmp_path / "speed.json", "cpu").seconds_per_work("tiny", "stage 1") == 1.0


def test_a_history_that_cannot_be_written_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    SpeedHistory(tmp_path / "file" / "speed.json", "cpu").add("tiny", [(Timing(phase="a", seconds=1.0), 1.0)])


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0:00"), (21, "0:21"), (725, "12:05"), (3720, "1:02:00")])
def test_time_left_is_read_at_a_glance(seconds: float, words: str) -> None:
    assert minutes(seconds) == words
