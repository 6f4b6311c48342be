"""Hints name the command that a person has: a bundle brings no `ltx-engine` of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ltxdesktop.__main__ import build_parser
from ltxdesktop.pack import places
from ltxdesktop.resources import engine_words


def test_a_bundle_says_its_own_command() -> None:
    assert engine_words("key --file", bundled=False) == "ltx-engine key --file"
    assert engine_words("key --file", bundled=True) == "ltxdesktop engine run key --file"


def test_the_bundles_command_hands_the_words_on() -> None:
    said = engine_words("key --file", bundled=True).split()[1:]
    assert build_parser().parse_args(said).words == ["key", "--file"]


def test_the_engine_of_a_bundle_says_what_its_person_can_type(tmp_path: Path) -> None:
    words = places.engine_words(Path(sys.executable))
    said = subprocess.run(
        [*words, "--models", str(tmp_path), "models", "get", "ltx-2.3"], capture_output=True, text=True, check=False
    ).stderr
    assert "`ltxdesktop engine run models licence ltx-2.3" in said
    assert "ltx-engine" not in said
