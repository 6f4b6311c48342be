"""Set-up and settings in the whole window: with a real engine, its test backend, and the fake LTX API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keyring
import psutil
import pytest
from file_keyring import VARIABLE, FileKeyring
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton

from engine.backends.remote.keys import KEYRING_NAME, KEYRING_SERVICE
from ltxdesktop.app import App
from ltxdesktop.settings.declared import (
    API_MODEL,
    BACKEND,
    BACKUPS,
    BLEND,
    HANDLES,
    KEYMAP,
    MONTHLY_LIMIT,
    PREVIEW_SCALE,
    THEME,
)
from ltxdesktop.settings.store import Settings
from ltxdesktop.ui.keymaps import OURS, OWN, PREMIERE
from ltxdesktop.ui.setup import key_keeper
from ltxdesktop.ui.setup.settings_window import SettingsWindow
from ltxdesktop.ui.setup.setup_window import SetupWindow
from ltxdesktop.ui.theme import DARK, LIGHT


@pytest.fixture
def own_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keyring that works, for this process and the engine's."""
    before = keyring.get_keyring()
    file = tmp_path / "keyring.json"
    monkeypatch.setenv(VARIABLE, str(file))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    keyring.set_keyring(FileKeyring())
    yield file
    keyring.set_keyring(before)


def open_page(app: App, qtbot) -> SetupWindow:
    badge = next(each for each in app.window.top.findChildren(QPushButton) if each.accessibleName() == "Engine")
    qtbot.mouseClick(badge, Qt.MouseButton.LeftButton)
    page = app.window.findChild(SetupWindow)
    assert page is not None
    return page


def words_of(page: SetupWindow) -> str:
    return "\n".join(each.text() for each in page.findChildren(QLabel) if each.isVisibleTo(page))


def enter_key(page: SetupWindow, qtbot, key: str) -> None:
    page._key.setFocus()
    qtbot.keyClicks(page._key, key)
    qtbot.keyClick(page._key, Qt.Key.Key_Return)
    assert page._key.text() == ""


def paid_backend(app: App) -> Any:
    return next(each for each in app.session.backends if each.remote)


# The page


def test_the_badge_opens_what_works_here_and_escape_leaves_it_for_later(open_app, qtbot):
    app = open_app()
    page = open_page(app, qtbot)
    said = words_of(page)
    assert app.session.backends[0].device.name in said
    assert "works on this machine now" in said
    assert "started without the LTX API" in said
    assert open_page(app, qtbot) is page  # one of a kind
    with qtbot.waitSignal(page.destroyed):
        qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert app.window.findChild(SetupWindow) is None


def test_the_window_closes_after_all_that_sets_up_was_closed(open_app):
    app = open_app()
    app.window._set_up.show_models()
    app.window._set_up.close()
    assert app.window._set_up.models is None  # the window is closed by `open_app`: a second disconnect warns


def test_a_key_is_kept_tried_and_forgotten_and_lies_only_in_the_keyring(
    open_app, qtbot, keyless_api, own_keyring: Path, secret: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    app = open_app("remote", "test")
    page = open_page(app, qtbot)
    assert "No key is there." in words_of(page)
    assert not page._test_button.isEnabled()
    enter_key(page, qtbot, secret)
    qtbot.waitUntil(lambda: "accepts the key" in page.answer)
    assert "the keyring of this system" in page.answer
    qtbot.waitUntil(lambda: "A key is there." in words_of(page))
    for what in paid_backend(app).sends:
        assert what in page._sends.text()
    keeping = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert keeping == [own_keyring]
    assert secret not in " ".join(psutil.Process(app.link.process_id).cmdline()) + caplog.text
    qtbot.mouseClick(page._forget_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No key is there." in words_of(page))
    assert secret not in own_keyring.read_text()


def test_a_wrong_key_is_said(open_app, qtbot, keyless_api, own_keyring: Path):
    app = open_app("remote")
    page = open_page(app, qtbot)
    enter_key(page, qtbot, "not-the-key-0123456789")
    qtbot.waitUntil(lambda: bool(page.answer) and not page.answer.endswith("…"))
    assert "accepts the key" not in page.answer
    assert "key" in page.answer
    assert "not-the-key" not in page.answer


def test_without_a_keyring_the_page_says_what_can_be_done(open_app, qtbot, keyless_api):
    app = open_app("remote")
    page = open_page(app, qtbot)
    enter_key(page, qtbot, "some-key-0123456789")
    qtbot.waitUntil(lambda: "ltx-engine key --file" in page.answer)
    assert "some-key" not in page.answer


def test_without_a_keyring_a_key_can_be_used_for_the_session_and_lies_nowhere(
    open_app,
    qtbot,
    keyless_api,
    secret: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv(key_keeper.VARIABLES[key_keeper.NAME], "")  # so that it's taken back after the test
    app = open_app("remote")
    page = open_page(app, qtbot)
    assert not page._session_button.isVisible()
    enter_key(page, qtbot, secret)
    qtbot.waitUntil(page._session_button.isVisible)
    qtbot.mouseClick(page._session_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "accepts the key" in page.answer)
    assert not page._session_button.isVisible()
    assert secret not in " ".join(psutil.Process(app.link.process_id).cmdline()) + caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_the_monthly_limit_goes_to_the_engine_and_into_the_settings(open_app, qtbot, keyless_api, tmp_path: Path):
    app = open_app("remote")
    page = open_page(app, qtbot)
    assert "US$ 0.00 (no limit)" in page._spent.text()
    page._limit.setFocus()
    page._limit.selectAll()
    qtbot.keyClicks(page._limit, "25")
    qtbot.keyClick(page._limit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: paid_backend(app).spending.limit_cents == 2500)
    assert "limit US$ 25.00" in page._spent.text()
    assert Settings(tmp_path / "settings.toml").get(MONTHLY_LIMIT) == 25
    app.window._in_use.settings.reset(MONTHLY_LIMIT)
    qtbot.waitUntil(lambda: paid_backend(app).spending.limit_cents is None)


def test_the_app_and_the_engine_look_in_the_same_place():
    assert (key_keeper.SERVICE, key_keeper.NAME) == (KEYRING_SERVICE, KEYRING_NAME)


# The settings


def test_the_settings_open_by_their_key_in_every_workspace(open_app, qtbot):
    app = open_app()
    for workspace in ("generate", "edit", "deliver"):
        app.window.show_workspace(workspace)
        qtbot.keyClick(app.window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
        window = app.window.findChild(SettingsWindow)
        assert window is not None, workspace
        with qtbot.waitSignal(window.destroyed):
            qtbot.keyClick(window, Qt.Key.Key_Escape)
        app.window.activateWindow()
        qtbot.waitUntil(app.window.isActiveWindow)


def test_settings_take_effect_at_once(open_app, qtbot):
    app = open_app(workspace="edit")
    settings, edit = app.window._in_use.settings, app.window.edit
    assert edit is not None
    app.window._set_up.show_settings("theme")
    window = app.window.findChild(SettingsWindow)
    assert window is not None
    theme = window.rows["looks.theme"].field
    assert isinstance(theme, QComboBox)
    theme.setCurrentIndex(theme.findData("light"))
    theme.activated.emit(theme.currentIndex())
    assert app.look.theme is LIGHT
    app.look.toggle()
    assert (settings.get(THEME), theme.currentData()) == ("dark", "dark")
    settings.set(KEYMAP, "premiere")
    assert edit.actions_by_name.keymap == PREMIERE
    edit.actions_by_name.use(OURS)
    assert settings.get(KEYMAP) == "ltxdesktop"
    own = replace(OURS.with_keys("clip.split", ("Ctrl+K",)), name=OWN, words="My own")
    edit.actions_by_name.use(own)
    assert settings.get(KEYMAP) == "own"
    settings.set(KEYMAP, "resolve")
    settings.set(KEYMAP, "own")
    assert edit.actions_by_name.keymap == own
    settings.set(HANDLES, 9)
    settings.set(BLEND, 0)
    assert (edit.make.wish.handles, edit.loop.blend_frames) == (9, 0)
    settings.set(PREVIEW_SCALE, "1/4")
    assert edit.program._share == 0.25
    settings.set(BACKUPS, 3)
    assert edit.files._backups == 3


def test_settings_are_there_at_the_next_start(open_app, qtbot, tmp_path: Path):
    (tmp_path / "settings.toml").write_text('[looks]\ntheme = "light"\nkeymap = "premiere"\n[takes]\nhandles = 6\n')
    app = open_app(workspace="edit")
    assert app.look.theme is LIGHT
    assert app.window.edit is not None
    assert app.window.edit.actions_by_name.keymap == PREMIERE
    assert app.window.edit.make.wish.handles == 6
    app.look.use(DARK)
    assert 'theme = "dark"' in (tmp_path / "settings.toml").read_text()


def test_the_engine_goes_out_by_the_proxy_of_the_settings(open_app, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "")  # so that it's taken back after the test
    (tmp_path / "settings.toml").write_text('[engine]\nproxy = "http://proxy.example:3128"\n')
    app = open_app()
    given = psutil.Process(app.link.process_id).environ()
    assert given["https_proxy"] == given["HTTPS_PROXY"] == "http://proxy.example:3128"


def test_a_broken_file_is_said_at_the_start(open_app, tmp_path: Path):
    (tmp_path / "settings.toml").write_text("[[[")
    app = open_app()
    assert "settings couldn't be read" in app.window.banner.words


def test_the_paid_model_is_only_the_first_choice_when_the_person_prefers_it(
    open_app, qtbot, keyless_api, secret: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LTX_API_KEY", secret)
    app = open_app("test", "remote", workspace="edit")
    settings, edit = app.window._in_use.settings, app.window.edit
    assert edit is not None
    assert (edit.make.wish.backend, edit.make.wish.may_leave) == ("test", False)
    settings.set(API_MODEL, "ltx-2-3-fast")
    assert edit.make.wish.backend == "test"
    settings.set(BACKEND, "remote")
    wish = edit.make.wish
    assert (wish.backend, wish.model, wish.may_leave) == ("remote", "ltx-2-3-fast", True)
    settings.set(BACKEND, "local")
    assert (edit.make.wish.backend, edit.make.wish.may_leave) == ("test", False)
