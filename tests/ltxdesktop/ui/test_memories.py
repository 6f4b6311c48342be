"""Small memories are written on a worker: nothing waits, nothing is lost at the end, trouble is said."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from ltxdesktop.loop.prompts import PromptHistory
from ltxdesktop.loop.ratings import Ratings
from ltxdesktop.ui.memories import PROMPTS, RATINGS, Memories


def test_the_last_word_is_in_the_file_when_it_is_closed(qtbot: QtBot, tmp_path: Path) -> None:
    memories = Memories(tmp_path / "state")
    for number in range(30):
        memories.prompts.add(f"prompt {number}")
        memories.ratings.rate("/a.mp4", 1 + number % 5)
    memories.close()
    assert list(PromptHistory(tmp_path / "state" / PROMPTS))[:2] == ["prompt 29", "prompt 28"]
    assert Ratings(tmp_path / "state" / RATINGS).of("/a.mp4") == 5


def test_what_cant_be_kept_is_said(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    memories = Memories(tmp_path / "state")
    with qtbot.waitSignal(memories.failed) as told:
        memories.prompts.add("a red ball")
    assert told.args is not None
    assert "prompts.json isn't kept for the next start" in told.args[0]
    assert list(memories.prompts) == ["a red ball"]
    memories.close()
