"""The window of models with a real engine, a fake hub, and files of a few kilobytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import msgspec
import psutil
import pytest
from app_kit import OpenApp, close
from file_keyring import VARIABLE, FileKeyring
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QMessageBox, QPlainTextEdit

from engine.fetching.tokens import KEYRING_NAME, KEYRING_SERVICE
from ltxdesktop.app import App
from ltxdesktop.jobs.channel import engine_command, with_models
from ltxdesktop.settings.declared import DOWNLOAD_LIMIT, MIRROR, MODELS_FOLDER
from ltxdesktop.ui.setup import key_keeper
from ltxdesktop.ui.setup.get_window import GetWindow
from ltxdesktop.ui.setup.models_window import ModelsWindow

FETCHING_TESTS = Path(__file__).parents[3] / "engine" / "fetching"
SERVER_TESTS = Path(__file__).parents[3] / "engine" / "server"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A hub on this machine that has four packages, one of them behind a gate."""
    for folder in (FETCHING_TESTS, SERVER_TESTS):
        monkeypatch.syspath_prepend(str(folder))
    from fake_hub import FakeHub
    from test_stockroom import FILES, HERE

    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(HERE))
    with FakeHub(dict(FILES)) as fake:
        monkeypatch.setenv("HF_ENDPOINT", fake.endpoint)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield fake


@pytest.fixture
def open_app(open_app: OpenApp, tmp_path: Path, hub: Any) -> Any:
    """Opens the program with the models of the hub."""
    command = engine_command(backends=["test"], store=str(tmp_path / "store"), models=str(tmp_path / "models"))
    return lambda: open_app(command=[*command, "--manifest", str(tmp_path / "manifest.json")])


def open_models(app: App, qtbot) -> ModelsWindow:
    """By the menu, as a person does."""
    action = next(each for each in app.window._engine_menu.actions() if each.text() == "&Models…")
    action.trigger()
    window = app.window.findChild(ModelsWindow)
    assert window is not None
    qtbot.waitUntil(lambda: bool(window.cards))
    return window


def click(qtbot, button) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def begin(window: ModelsWindow, qtbot, package: str) -> Any:
    """See what comes, accept what has to be accepted, and begin."""
    get = window.get(package)
    qtbot.waitUntil(lambda: get.plan is not None and set(get.plan.unaccepted) <= set(get.boxes))
    for box in get.boxes.values():
        box.setChecked(True)
    click(qtbot, get.begin)


def here(window: ModelsWindow, package: str) -> bool:
    known = window._stock.package(package)
    return known is not None and known.state == "verified"


def test_a_package_and_what_it_needs_come_once_the_licence_is_read_and_accepted(open_app, qtbot, hub):
    app = open_app()
    window = open_models(app, qtbot)
    card = window.cards["big"]
    assert card.button("get").isVisibleTo(window)
    assert not card.button("verify").isVisibleTo(window)
    get = window.get("big")
    qtbot.waitUntil(lambda: bool(get.boxes))
    assert "0 MB" not in get.begin.text()
    assert "free" in get._disk.text()
    assert "LTX-2 Community License Agreement" in get.findChild(QPlainTextEdit).toPlainText()
    assert not get.begin.isEnabled()
    assert hub.asked == []
    get.boxes["free"].setChecked(True)
    click(qtbot, get.begin)
    qtbot.waitUntil(lambda: here(window, "big") and here(window, "encoder"))
    assert card._state.text() == "Here"
    assert not card.button("get").isVisibleTo(window)
    assert card.button("verify").isVisibleTo(window)
    click(qtbot, card.button("remove"))
    question = window.findChild(QMessageBox)
    click(qtbot, next(each for each in question.buttons() if each.text() == "Remove"))
    qtbot.waitUntil(lambda: window.said.startswith("Big is removed"))
    qtbot.waitUntil(lambda: card.button("get").isVisibleTo(window))


def test_what_a_person_has_to_say_of_themselves_is_ticked_too_and_all_licences_can_be_read(
    open_app, qtbot, hub, tmp_path: Path
):
    from test_stockroom import HERE

    asks = {"free": msgspec.structs.replace(HERE.licences["free"], ask="My organisation is small")}
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(HERE, licences=asks)))
    app = open_app()
    window = open_models(app, qtbot)
    get = window.get("unknown")
    qtbot.waitUntil(lambda: bool(get.boxes))
    accept, besides = get.boxes.values()
    accept.setChecked(True)
    assert not get.begin.isEnabled()
    assert besides.accessibleName() == "My organisation is small"
    besides.setChecked(True)
    click(qtbot, get.begin)
    qtbot.waitUntil(lambda: here(window, "unknown"))

    app.window._set_up.show_licences()
    licences = app.window._set_up.licences
    assert licences is not None
    assert "Apache License" in licences.text.toPlainText()
    licences.titles.setCurrentRow(licences.titles.count() - 1)
    qtbot.waitUntil(lambda: "LTX-2 Community License" in licences.text.toPlainText())
    assert "You accepted this on" in licences._origin.text()


def test_the_set_up_page_says_what_the_model_takes_here_and_leads_to_it(open_app, qtbot, hub):
    app = open_app()
    app.window._set_up.show_page()
    page = app.window._set_up.page
    assert page is not None
    qtbot.waitUntil(lambda: "are free" in page._disk.text())
    assert "410 KB to download" in page._disk.text()
    assert page.get.text() == "Get Big…"
    click(qtbot, page.get)
    get = app.window.findChild(GetWindow)
    assert get is not None
    qtbot.waitUntil(lambda: get.plan is not None and bool(get.boxes))
    assert get.plan.packages == ("encoder", "big")
    assert hub.asked == []


def test_a_download_is_paused_goes_on_in_a_closed_window_and_after_a_crash(open_app, qtbot, hub):
    from fake_hub import Fault

    def done() -> bool:
        return here(window, "big") and all(each.state == "done" for each in window._stock.errands.values())

    app = open_app()
    window = open_models(app, qtbot)
    # Nothing but the person's pause can end the wait for its file: what it needs comes before it.
    hub.plan.append(Fault(file="big.safetensors", stall_after=100_000))
    begin(window, qtbot, "big")
    card = window.cards["big"]
    qtbot.waitUntil(lambda: hub.stalled.is_set() and " of " in card.said)
    click(qtbot, card.button("pause"))
    qtbot.waitUntil(lambda: card.said == "Paused")
    assert card._bar.value() > 0  # what has come is still shown
    hub.stalled.clear()
    hub.plan.append(Fault(file="big.safetensors", stall_after=50_000))
    click(qtbot, card.button("resume"))
    qtbot.waitUntil(hub.stalled.is_set)
    window.close()
    with qtbot.waitSignal(app.link.ready):
        psutil.Process(app.link.process_id).kill()
    window = open_models(app, qtbot)
    qtbot.waitUntil(done)


def test_a_token_lies_in_the_keyring_and_nowhere_else(
    open_app, qtbot, hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    hub.gated, hub.token = True, "hf_SeCrEt"
    file = tmp_path / "keyring.json"
    before = keyring.get_keyring()
    monkeypatch.setenv(VARIABLE, str(file))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    keyring.set_keyring(FileKeyring())
    try:
        app = open_app()
        window = open_models(app, qtbot)
        get = window.get("gated")
        qtbot.waitUntil(lambda: get._gate.isVisibleTo(get))
        qtbot.keyClicks(get._token, "hf_wrong")
        qtbot.keyClick(get._token, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: "Your account may not have" in get.answer)
        qtbot.keyClicks(get._token, "hf_SeCrEt")
        click(qtbot, get._keep_button)
        assert get._token.text() == ""
        qtbot.waitUntil(lambda: get.answer == "The hub gives these files to you.")
        get.boxes["free"].setChecked(True)
        click(qtbot, get.begin)
        qtbot.waitUntil(lambda: here(window, "gated"))
        argv = " ".join(psutil.Process(app.link.process_id).cmdline())
        close(app, qtbot)
    finally:
        keyring.set_keyring(before)
    kept = [each for each in tmp_path.rglob("*") if each.is_file() and b"SeCrEt" in each.read_bytes()]
    assert kept == [file]
    assert "SeCrEt" not in argv + caplog.text
    assert (key_keeper.SERVICE, key_keeper.HUB_TOKEN) == (KEYRING_SERVICE, KEYRING_NAME)


def test_without_a_keyring_a_token_can_be_used_for_the_session_and_lies_nowhere(
    open_app, qtbot, hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    hub.gated, hub.token = True, "hf_SeCrEt"
    monkeypatch.setenv("HF_TOKEN", "")  # so that it's taken back after the test
    app = open_app()
    window = open_models(app, qtbot)
    get = window.get("gated")
    qtbot.waitUntil(lambda: get._gate.isVisibleTo(get) and bool(get.boxes))
    assert "huggingface.co/Someone/Things" in get._gate_words.text()
    assert not get._session_button.isVisibleTo(get)
    qtbot.keyClicks(get._token, "hf_SeCrEt")
    qtbot.keyClick(get._token, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: get._session_button.isVisibleTo(get))
    assert "in memory only" in get.answer
    click(qtbot, get._session_button)
    qtbot.waitUntil(lambda: get.answer == "The hub gives these files to you.")
    get.boxes["free"].setChecked(True)
    click(qtbot, get.begin)
    qtbot.waitUntil(lambda: here(window, "gated"))
    assert "SeCrEt" not in " ".join(psutil.Process(app.link.process_id).cmdline()) + caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"SeCrEt" in path.read_bytes()]


def test_loras_are_dropped_shown_and_set(open_app, qtbot, tmp_path: Path):
    from test_stockroom import lora_file

    source = tmp_path / "downloads"
    source.mkdir()
    lora_file(source, "crt.safetensors", 16, ss_base_model_version="ltx-2.3", trigger_words="crtanim")
    QImage(64, 64, QImage.Format.Format_RGB32).save(str(source / "crt.png"))
    app = open_app()
    window = open_models(app, qtbot)
    window.show_loras()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(source / "crt.safetensors")), QUrl.fromLocalFile(str(source / "crt.png"))])
    actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.loras.dropEvent(QDropEvent(QPoint(9, 9), actions, data, buttons, keys))
    qtbot.waitUntil(lambda: "loras/crt.safetensors" in window.loras.rows)
    row = window.loras.rows["loras/crt.safetensors"]
    assert (row.lora.rank, row.lora.base_model, row.lora.trigger_words) == (16, "ltx-2.3", "crtanim")
    assert row.lora.preview.endswith("crt.png")
    row.strength.setValue(0.6)
    choices = tmp_path / "models" / "loras" / ".ltx-loras.json"
    qtbot.waitUntil(choices.exists)
    assert json.loads(choices.read_bytes()) == {"loras/crt.safetensors": {"strength": 0.6}}


def test_mirror_and_limit_reach_the_engine_and_a_move_starts_it_with_the_other_folder(
    open_app, qtbot, hub, tmp_path: Path
):
    app = open_app()
    window = open_models(app, qtbot)
    app.window._in_use.settings.set(MIRROR, "https://mirror.example")
    app.window._in_use.settings.set(DOWNLOAD_LIMIT, 2.5)
    remembered = tmp_path / "store" / "downloads.json"
    qtbot.waitUntil(lambda: remembered.exists() and b"2500000" in remembered.read_bytes())
    assert json.loads(remembered.read_bytes())["mirror"] == "https://mirror.example"
    app.window._in_use.settings.set(MIRROR, "http://far.example")
    qtbot.waitUntil(lambda: "only https is safe" in window.said)
    target = tmp_path / "large disk"
    with qtbot.waitSignal(app.link.ready):
        window._stock.move_to(str(target))
    qtbot.waitUntil(lambda: app.window._set_up.stock.list.folder == str(target))
    assert app.window._in_use.settings.get(MODELS_FOLDER) == str(target)
    assert with_models(["engine", "--models", "/a", "--stdio"], "/b") == ["engine", "--stdio", "--models", "/b"]
