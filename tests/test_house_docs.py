"""What the documentation names exists: files, rooms, commands and their options."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from engine.__main__ import build_parser as engine_parser
from engine.generate.arguments import build_parser as generate_parser
from ltxdesktop.__main__ import build_parser as app_parser

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "packaging" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = r"(?:engine|ltxdesktop|tests|benchmarks|packaging|resources|docs)"
PARSERS = {"ltx-engine": engine_parser(), "ltxdesktop": app_parser(), "ltx-generate": generate_parser()}


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Every option of a parser and of the commands below it."""
    own = {name for action in parser._actions for name in action.option_strings}
    return own.union(*(options(each) for each in subcommands(parser).values()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(rf"`({ROOMS}/[\w./-]+?)/?`", text)) - {"tests/.../document_strategies.py"}
    missing = {path for path in named if not list(ROOT.glob(f"{path}*"))}
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_that_are_named_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    wrong: list[str] = []
    for name, rest in re.findall(
        r"(?:^ {4}|`)(ltx-engine|ltxdesktop|ltx-generate)((?: [^`\n#]*)?)", text, re.MULTILINE
    ):
        parser = PARSERS[name]
        words = re.sub("'[^']*'", "ARGUMENT", rest).split("|")[0].split()
        command = next((word for word in words if re.fullmatch("[a-z]+", word)), "")
        if command and subcommands(parser) and command not in subcommands(parser):
            wrong.append(f"{name} {command}")
        wrong += [f"{name} {word}" for word in words if word.startswith("--") and word not in options(parser)]
    assert not wrong
