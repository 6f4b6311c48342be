"""The whole window with a real engine process and its test backend, worked by keys and clicks as a person would."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from app_kit import close
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QListView, QPlainTextEdit

from ltxdesktop.app import App
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.resources import samples
from ltxdesktop.ui.main_window import WINDOW_GEOMETRY
from ltxdesktop.ui.range_strip import RangeStrip
from ltxdesktop.ui.theme import DARK, LIGHT


def type_prompt(app: App, qtbot, words: str) -> None:
    field = next(each for each in app.window.findChildren(QPlainTextEdit) if each.accessibleName() == "Prompt")
    field.setFocus()
    field.clear()
    qtbot.keyClicks(field, words)


def generate(app: App, qtbot, prompt: str = "a red ball", **orders: object) -> None:
    type_prompt(app, qtbot, json.dumps(orders) if orders else prompt)
    qtbot.keyClick(app.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def states(app: App) -> list[str]:
    return [entry.state for entry in app.session.jobs.entries()]


def wait_for_states(app: App, qtbot, *expected: str) -> None:
    qtbot.waitUntil(lambda: states(app) == list(expected))


def choose_job(app: App, row: int) -> None:
    view = next(each for each in app.window.generate.jobs.findChildren(QListView) if each.accessibleName() == "Jobs")
    view.setFocus()
    view.setCurrentIndex(app.session.jobs.index(row))


def test_words_become_a_take_that_plays(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    player = app.window.generate.monitor.player
    qtbot.waitUntil(lambda: player.film is not None and player.playing)
    take = app.session.takes.takes()[0]
    assert Path(take.file.path).exists()
    assert player.film.path == take.file.path
    qtbot.waitUntil(lambda: not app.session.takes.takes()[0].picture.isNull())


def test_preview_is_shown_while_the_job_runs(open_app, qtbot, tmp_path: Path):
    app = open_app()
    gate = tmp_path / "gate"
    generate(app, qtbot, preview_frames=3, wait_at="decoding", gate=str(gate))
    qtbot.waitUntil(lambda: app.window.generate.monitor.previewing)
    assert not app.window.generate.monitor.view.picture.isNull()
    gate.touch()
    wait_for_states(app, qtbot, "done")
    assert not app.window.generate.monitor.previewing


def test_a_take_made_while_another_workspace_is_looked_at_stands_there_later(open_app, qtbot, tmp_path: Path):
    app = open_app()
    gate = tmp_path / "gate"
    generate(app, qtbot, preview_frames=3, wait_at="decoding", gate=str(gate))
    qtbot.waitUntil(lambda: app.window.generate.monitor.previewing)
    app.window.show_workspace("edit")
    gate.touch()
    wait_for_states(app, qtbot, "done")
    monitor = app.window.generate.monitor
    assert app.session.takes.rowCount() == 1
    assert not monitor.previewing
    assert monitor.player.film is None, "a film was opened for nobody"
    app.window.show_workspace("generate")
    qtbot.waitUntil(lambda: monitor.player.film is not None)
    assert monitor.player.film.path == app.session.takes.takes()[0].file.path
    assert not monitor.player.playing


def test_running_job_is_cancelled_from_the_keyboard(open_app, qtbot, tmp_path: Path):
    app = open_app()
    generate(app, qtbot, wait_at="stage 1", gate=str(tmp_path / "never"))
    wait_for_states(app, qtbot, "running")
    choose_job(app, 0)
    app.window.generate.jobs.actions_by_name["cancel"].trigger()
    wait_for_states(app, qtbot, "cancelled")


def test_failure_says_what_can_be_done_and_is_tried_again(open_app, qtbot):
    app = open_app()
    generate(app, qtbot, fail_at="decoding", fail_with="out_of_memory")
    wait_for_states(app, qtbot, "failed")
    banner = app.window.banner
    assert banner.isVisible()
    assert "would fit" in banner.words
    with qtbot.waitSignal(app.session.job_begun):
        banner.acted.emit()
    wait_for_states(app, qtbot, "failed")


def test_queue_is_reordered_and_cleared(open_app, qtbot, tmp_path: Path):
    app = open_app()
    gate = tmp_path / "gate"
    generate(app, qtbot, wait_at="stage 1", gate=str(gate))
    wait_for_states(app, qtbot, "running")
    for words in ("second", "third"):
        generate(app, qtbot, words)
    wait_for_states(app, qtbot, "running", "queued", "queued")
    choose_job(app, 2)
    app.window.generate.jobs.actions_by_name["up"].trigger()
    qtbot.waitUntil(lambda: [e.title for e in app.session.jobs.entries()][1:] == ["third", "second"])
    gate.touch()
    wait_for_states(app, qtbot, "done", "done", "done")
    app.window.generate.jobs.actions_by_name["clear"].trigger()
    wait_for_states(app, qtbot)
    assert app.session.takes.rowCount() == 3


def test_killed_engine_comes_back_and_the_job_can_be_tried_again(open_app, qtbot, tmp_path: Path):
    app = open_app()
    gate = tmp_path / "gate"
    generate(app, qtbot, wait_at="stage 1", gate=str(gate))
    wait_for_states(app, qtbot, "running")
    os.kill(app.link.process_id, signal.SIGKILL)
    wait_for_states(app, qtbot, "failed")
    qtbot.waitUntil(lambda: app.session.view.life == "ready")
    gate.touch()
    choose_job(app, 0)
    app.window.generate.jobs.actions_by_name["retry"].trigger()
    wait_for_states(app, qtbot, "done")


def test_takes_and_theme_are_there_at_the_next_start(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    assert app.look.theme is DARK
    app.look.toggle()
    close(app, qtbot)
    again = open_app()
    qtbot.waitUntil(lambda: again.session.takes.rowCount() == 1)
    assert again.look.theme is LIGHT
    assert states(again) == ["done"]


def test_varying_a_take_queues_the_same_with_another_seed(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    first = app.session.takes.takes()[0]
    app.window.generate.takes.choose(first.file.path)
    app.window.generate.takes.actions_by_name["vary"].trigger()
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 2)
    second = app.session.takes.takes()[0]
    assert second.recipe.work.prompt == first.recipe.work.prompt
    assert second.seed != first.seed


def test_take_becomes_the_clip_of_a_retake(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    take = app.session.takes.takes()[0]
    app.window.generate.takes.choose(take.file.path)
    app.window.generate.takes.actions_by_name["retake"].trigger()
    qtbot.waitUntil(lambda: app.window.generate.prompt.ask.clip is not None)
    assert app.window.generate.prompt.ask.clip.frames == take.file.frames
    generate(app, qtbot, "stripes")
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 2)
    assert app.window.generate.takes.actions_by_name["join"].isEnabled()


def test_file_that_is_no_media_is_said(open_app, qtbot, tmp_path: Path):
    app = open_app()
    letter = tmp_path / "letter.mp4"
    letter.write_text("dear editor")
    app.window.generate.look_at_file(str(letter))
    qtbot.waitUntil(app.window.banner.isVisible)
    assert "letter.mp4" in app.window.banner.words


def test_moving_the_range_shows_its_frames(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    app.window.generate.look_at_file(app.session.takes.takes()[0].file.path)
    qtbot.waitUntil(lambda: app.window.generate.prompt.ask.clip is not None)
    player = app.window.generate.monitor.player
    qtbot.waitUntil(lambda: player.film is not None)
    strip = next(iter(app.window.generate.prompt.findChildren(RangeStrip)))
    start = strip.selection.start
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert player.frame == start + 1
    assert not player.playing


def test_bare_keys_work_the_transport_but_never_steal_from_a_text_field(open_app, qtbot):
    app = open_app()
    generate(app, qtbot)
    player = app.window.generate.monitor.player
    qtbot.waitUntil(lambda: player.playing)
    type_prompt(app, qtbot, "one, two. three")
    assert player.playing
    assert app.window.generate.prompt.ask.prompt == "one, two. three"
    app.window.generate.monitor.view.setFocus()
    qtbot.keyClick(app.window, Qt.Key.Key_Space)
    assert not player.playing
    qtbot.keyClick(app.window, Qt.Key.Key_Home)
    qtbot.keyClick(app.window, Qt.Key.Key_Period)
    assert player.frame == 1


def test_only_a_draft_can_be_finished(open_app, qtbot, monkeypatch: pytest.MonkeyPatch):
    app = open_app()
    generate(app, qtbot)
    qtbot.waitUntil(lambda: app.session.takes.rowCount() == 1)
    finish = app.window.generate.takes.actions_by_name["finish"]
    assert not finish.isEnabled()
    made = app.session.takes.takes()[0]
    draft = replace(
        made,
        file=msgspec.structs.replace(made.file, path="/drafts/one.mp4"),
        recipe=msgspec.structs.replace(made.recipe, work=msgspec.structs.replace(made.recipe.work, stage="draft")),
        latents="/drafts/one.safetensors",
    )
    work = draft.finishing()
    assert (work.stage, work.draft_latents, work.seed) == ("finish", "/drafts/one.safetensors", made.seed)
    app.session.takes.add(draft)
    app.window.generate.takes.choose("/drafts/one.mp4")
    assert finish.isEnabled()
    finish.trigger()
    qtbot.waitUntil(lambda: len(states(app)) == 2)
    assert app.session.jobs.entries()[0].title.startswith("Finish: ")


def test_first_start_offers_a_sample_with_its_range_and_words(qapp, qtbot, tmp_path: Path, settings: QSettings):
    app = App(qapp, engine_command(backends=["test"], store=str(tmp_path / "store")), settings)
    app.start(with_sample=True)
    assert settings.contains(WINDOW_GEOMETRY), "a start after a crash would be a first one again"
    qtbot.waitUntil(lambda: bool(app.session.backends))
    qtbot.waitUntil(lambda: app.window.generate.prompt.ask.clip is not None)
    ask = app.window.generate.prompt.ask
    assert ask.prompt == samples()[0].prompt
    assert 0 < ask.selection.start < ask.selection.end < ask.clip.frames
    qtbot.waitUntil(lambda: app.window.generate.monitor.player.film is not None)
    close(app, qtbot)
