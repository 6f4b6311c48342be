"""The window of settings, worked as a person would: finding, changing, resetting, and a file that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from ltxdesktop.settings.declared import SETTINGS
from ltxdesktop.settings.store import FILE_NAME, Settings
from ltxdesktop.ui.setup.settings_window import NO_ROW, SettingsWindow
from ltxdesktop.ui.theme import Look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE_NAME


@pytest.fixture
def open_window(qapp, qtbot, file: Path):
    def open_one(search: str = "") -> tuple[SettingsWindow, Settings]:
        settings = Settings(file)
        window = SettingsWindow(Look(qapp), settings, search=search)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(window)
        window.show()
        return window, settings

    return open_one


def choose(qtbot, field: QComboBox, value: str) -> None:
    field.setFocus()
    field.setCurrentIndex(field.findData(value))
    field.activated.emit(field.currentIndex())


def test_every_setting_that_does_something_has_a_row_with_a_name_and_a_tooltip(open_window):
    window, _ = open_window()
    assert set(window.rows) == {each.key for each in SETTINGS if each not in NO_ROW}
    for row in window.rows.values():
        for control in (row.field, row.reset):
            assert control.accessibleName(), row.setting.key
            assert control.toolTip(), row.setting.key


def test_words_leave_the_rows_that_they_describe(open_window, qtbot):
    window, _ = open_window()
    qtbot.keyClicks(window.search, "disk cache")
    assert window.shown == ["media.cache_gb", "media.cache_folder"]
    window.search.clear()
    qtbot.keyClicks(window.search, "zzz")
    assert window.shown == []
    assert window._nothing.isVisible()
    window.search.clear()
    assert len(window.shown) == len(window.rows)
    assert not window._nothing.isVisible()


def test_a_window_can_open_at_what_is_looked_for(open_window):
    window, _ = open_window("models folder")
    assert window.shown == ["engine.models_folder"]


def test_a_change_holds_at_once_and_at_the_next_start(open_window, qtbot, file: Path):
    window, settings = open_window()
    choose(qtbot, window.rows["looks.theme"].field, "light")
    handles = window.rows["takes.handles"].field
    assert isinstance(handles, QSpinBox)
    handles.setFocus()
    handles.selectAll()
    qtbot.keyClicks(handles, "8")
    qtbot.keyClick(handles, Qt.Key.Key_Return)
    folder = window.rows["engine.models_folder"].field
    assert isinstance(folder, QLineEdit)
    folder.setFocus()
    qtbot.keyClicks(folder, "/big/disk")
    qtbot.keyClick(folder, Qt.Key.Key_Return)
    told = [(each.key, settings.get(each)) for each in SETTINGS if settings.is_set(each)]
    assert told == [("looks.theme", "light"), ("takes.handles", 8), ("engine.models_folder", "/big/disk")]
    again = Settings(file)
    assert [(each.key, again.get(each)) for each in SETTINGS if again.is_set(each)] == told


def test_reset_goes_back_and_leaves_the_file_without_the_setting(open_window, qtbot, file: Path):
    file.write_text('[takes]\nblend = 9\n[later]\nunknown = "kept"\n')
    window, _ = open_window()
    row = window.rows["takes.blend"]
    assert isinstance(row.field, QSpinBox)
    assert (row.field.value(), row.reset.isEnabled()) == (9, True)
    qtbot.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert (row.field.value(), row.reset.isEnabled()) == (4, False)
    assert "blend" not in file.read_text()
    assert 'unknown = "kept"' in file.read_text()


def test_a_value_that_is_not_taken_is_said_under_its_control(open_window, qtbot):
    window, settings = open_window("models folder")
    row = window.rows["engine.models_folder"]
    row.field.setFocus()
    qtbot.keyClicks(row.field, "somewhere")
    qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert row.problem == "This isn't taken: the whole path is needed."
    assert not settings.is_set(row.setting)
    row.field.selectAll()
    qtbot.keyClicks(row.field, "/whole/path")
    qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert row.problem == ""


def test_a_broken_file_is_set_aside_and_said(open_window, file: Path):
    file.write_text("this isn't [TOML")
    window, settings = open_window()
    kept = [path.name for path in file.parent.iterdir()]
    assert len(kept) == 1
    assert kept[0].startswith("settings.broken-")
    assert window._problems.isVisible()
    assert kept[0] in window._problems.text()
    assert all(not settings.is_set(each) for each in SETTINGS)


def test_a_wrong_value_in_the_file_is_said_and_the_default_shown(open_window, file: Path):
    file.write_text('[looks]\ntheme = "pink"\n')
    window, _ = open_window()
    assert "'pink'" in window._problems.text()
    theme = window.rows["looks.theme"].field
    assert isinstance(theme, QComboBox)
    assert theme.currentData() == "dark"


def test_a_file_that_cannot_be_written_is_said(open_window, qtbot, file: Path):
    window, settings = open_window()
    file.mkdir()  # in the file's place
    choose(qtbot, window.rows["looks.theme"].field, "light")
    assert "can't be written" in window._problems.text()
    assert settings.get(window.rows["looks.theme"].setting) == "light"


def test_what_others_set_is_shown(open_window):
    window, settings = open_window()
    settings.set_text("media.cache_gb", "50")
    field = window.rows["media.cache_gb"].field
    assert isinstance(field, QDoubleSpinBox)
    assert field.value() == 50


def test_a_closed_window_no_longer_listens(open_window, qtbot):
    window, settings = open_window()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert settings._listeners == []


def test_a_kind_without_a_control_is_a_mistake_that_shows(open_window):
    window, _ = open_window()
    controls: dict[str, type[QWidget]] = {
        "looks.theme": QComboBox,
        "takes.handles": QSpinBox,
        "media.make_proxies": QCheckBox,
        "media.cache_gb": QDoubleSpinBox,
        "engine.command": QLineEdit,
    }
    for key, kind in controls.items():
        assert isinstance(window.rows[key].field, kind)
