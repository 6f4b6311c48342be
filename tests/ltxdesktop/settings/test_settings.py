"""Settings: declared once, kept in TOML, and never the reason why the program doesn't start."""

from __future__ import annotations

import datetime
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.settings.declared import (
    BLEND,
    CACHE_FOLDER,
    CACHE_GB,
    ENGINE_COMMAND,
    GROUPS,
    HANDLES,
    KEEP_TAKES,
    MONTHLY_LIMIT,
    PROXY,
    SETTINGS,
    THEME,
    looked_for,
)
from ltxdesktop.settings.errors import BadValue, NotSaved, UnknownSetting
from ltxdesktop.settings.kinds import Setting, Whole
from ltxdesktop.settings.store import FILE_NAME, Settings
from ltxdesktop.settings.toml import dumps

NOON = datetime.datetime(2026, 11, 21, 12, 0, 0)


def at(folder: Path, text: str | None = None) -> Settings:
    path = folder / FILE_NAME
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return Settings(path, now=lambda: NOON)


# --- the declarations ---


def test_every_setting_is_declared_once_and_explained() -> None:
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS) > 10
    for setting in SETTINGS:
        assert setting.group in GROUPS
        assert setting.help.endswith(".")
        assert not setting.title.endswith(".")
        assert setting.check(setting.default) == setting.default


def test_settings_are_found_by_what_people_call_them() -> None:
    assert looked_for("") == SETTINGS
    assert looked_for("dark COLOUR") == (THEME,)
    assert MONTHLY_LIMIT in looked_for("budget")
    assert looked_for("no such thing") == ()


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        (THEME, "pink", "one of 'dark', 'light', 'system'"),
        (THEME, 3, "one of"),
        (HANDLES, -1, "from 0 to 240"),
        (HANDLES, 2.5, "whole number"),
        (HANDLES, True, "whole number"),
        (CACHE_GB, float("nan"), "a number is needed"),
        (CACHE_GB, 0.5, "from 1 to 10000"),
        (KEEP_TAKES, 1, "true or false"),
        (ENGINE_COMMAND, "a\nb", "one line"),
        (CACHE_FOLDER, "relative/place", "whole path"),
        (PROXY, "proxy.example:3128", "a whole address"),
        (PROXY, "http://me:secret@proxy.example", "no name or password"),
    ],
)
def test_what_a_setting_does_not_take_is_refused_and_changes_nothing(
    tmp_path: Path, setting: Setting[Any], value: Any, why: str
) -> None:
    settings = at(tmp_path)
    with pytest.raises(BadValue, match=why):
        settings.set(setting, value)
    assert settings.get(setting) == setting.default
    assert list(tmp_path.iterdir()) == []


# --- the file ---


def test_what_is_set_is_there_again_and_nothing_else_is_written(tmp_path: Path) -> None:
    settings = at(tmp_path)
    assert settings.get(THEME) == "dark"
    settings.set(THEME, "light")
    settings.set(CACHE_GB, 5)
    settings.set(ENGINE_COMMAND, 'ssh "my host" ltx-engine --stdio \\ ü')
    again = at(tmp_path)
    assert (again.get(THEME), again.get(CACHE_GB)) == ("light", 5.0)
    assert again.get(ENGINE_COMMAND) == 'ssh "my host" ltx-engine --stdio \\ ü'
    assert again.problems == ()
    written = tomllib.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))
    assert set(written) == {"looks", "media", "engine"}  # defaults may change with the program
    again.reset(THEME)
    again.reset(HANDLES)  # was never set
    assert at(tmp_path).get(THEME) == "dark"
    assert not at(tmp_path).is_set(THEME)
    assert "looks" not in tomllib.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))


def test_keys_of_another_version_are_kept(tmp_path: Path) -> None:
    text = """
        future = 1979-05-27T07:32:00Z
        [looks]
        theme = "light"
        glitter = [1, 2.5, "x"]
        [plugins."my plugin".deep]
        on = true
        list = [{a = 1}, {b = "two"}]
    """
    settings = at(tmp_path, text)
    assert settings.problems == ()
    settings.set(HANDLES, 8)
    before, after = tomllib.loads(text), tomllib.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))
    assert after == before | {"takes": {"handles": 8}}


def test_a_value_that_can_not_be_is_said_counts_as_not_set_and_stays(tmp_path: Path) -> None:
    settings = at(tmp_path, 'takes = { handles = "many", blend = 2 }\nlooks = 5\n')
    assert (settings.get(HANDLES), settings.get(BLEND), settings.get(THEME)) == (4, 2, "dark")
    assert len(settings.problems) == 1
    assert "takes.handles can't be 'many': a whole number is needed. It is taken as not set." in settings.problems[0]
    settings.set(BLEND, 3)
    written = tomllib.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))
    assert written == {"takes": {"handles": "many", "blend": 3}, "looks": 5}
    settings.set(THEME, "light")
    assert at(tmp_path).get(THEME) == "light"


@pytest.mark.parametrize("text", ["[looks\ntheme=", "theme = \x00", "= 3", "a = 1\na = 2"])
def test_a_broken_file_is_set_aside_and_the_program_starts(tmp_path: Path, text: str) -> None:
    settings = at(tmp_path, text)
    assert settings.get(THEME) == "dark"
    assert "kept as settings.broken-20261121-120000.toml" in settings.problems[0]
    assert (tmp_path / "settings.broken-20261121-120000.toml").read_text() == text
    settings.set(THEME, "light")
    assert at(tmp_path).problems == ()


def test_a_file_that_is_no_text_or_can_not_be_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    assert "kept as" in at(tmp_path).problems[0]
    (tmp_path / FILE_NAME).mkdir()
    settings = at(tmp_path)
    assert "can't be read" in settings.problems[0]
    assert settings.get(THEME) == "dark"
    with pytest.raises(NotSaved, match="hold until the program ends"):
        settings.set(THEME, "light")
    assert settings.get(THEME) == "light"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders without permission are a POSIX matter")
def test_a_folder_that_does_not_exist_is_made_at_the_first_change(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "a" / "b" / FILE_NAME)
    assert not (tmp_path / "a").exists()
    settings.set(KEEP_TAKES, False)
    assert Settings(tmp_path / "a" / "b" / FILE_NAME).get(KEEP_TAKES) is False


def test_without_a_file_everything_is_in_memory() -> None:
    settings = Settings(None)
    settings.set(HANDLES, 9)
    assert settings.get(HANDLES) == 9


# --- changes ---


def test_changes_are_told_once_and_only_when_something_changes(tmp_path: Path) -> None:
    settings = at(tmp_path)
    told: list[str] = []
    stop = settings.listen(lambda setting: told.append(f"{setting.key}={settings.get(setting)}"))
    settings.set(HANDLES, 8)
    settings.set(HANDLES, 8)
    settings.reset(HANDLES)
    settings.reset(HANDLES)
    stop()
    stop()
    settings.set(HANDLES, 3)
    assert told == ["takes.handles=8", "takes.handles=4"]


def test_settings_can_be_given_by_name_as_text(tmp_path: Path) -> None:
    settings = at(tmp_path)
    settings.set_text("takes.handles", "12")
    settings.set_text("looks.theme", "light")
    settings.set_text("takes.keep_rejected", "false")
    assert (settings.get(HANDLES), settings.get(THEME), settings.get(KEEP_TAKES)) == (12, "light", False)
    with pytest.raises(BadValue):
        settings.set_text("takes.handles", "lots")
    with pytest.raises(UnknownSetting, match="did you mean takes"):
        settings.set_text("takes.handels", "1")
    foreign = Whole(key="takes.foreign", default=1, minimum=0, maximum=2, title="Foreign", help="Not declared.")
    with pytest.raises(UnknownSetting):
        settings.get(foreign)


# --- TOML ---

_scalars = (
    st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.dates()
    | st.datetimes()
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _values, max_size=4))
def test_what_is_written_reads_the_same(document: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(document)) == document


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError):
        dumps({"a": None})
