"""Styles within a subtitle's text: HTML-like tags of .srt and .vtt, and the override blocks of Advanced SubStation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_MARK: Final = re.compile(r"<(/?)([a-zA-Z]+)([^<>]*)>|\{\\([^{}]*)\}|<\d[\d:.]*>")
_OVERRIDE: Final = re.compile(r"(?:\\|^)(1?[a-zA-Z]+)(&H[0-9a-fA-F]+&?|-?\d+)?")
_SRT_TAGS: Final = frozenset({"i", "em", "b", "strong", "u", "s", "strike", "font"})
_VTT_TAGS: Final = frozenset({"i", "b", "u", "c", "v", "lang", "ruby", "rt"})
_SAME: Final = {"em": "i", "strong": "b", "strike": "s"}
_COLOUR: Final = re.compile(r"""\bcolor\s*=\s*["']?\s*(#?[0-9a-zA-Z]+)""")
# Those that subtitles use, of HTML's named colours.
_COLOURS: Final = {
    "white": "#ffffffff", "yellow": "#ffff00ff", "red": "#ff0000ff", "green": "#008000ff", "lime": "#00ff00ff",
    "blue": "#0000ffff", "cyan": "#00ffffff", "aqua": "#00ffffff", "magenta": "#ff00ffff", "black": "#000000ff",
    "gray": "#808080ff", "grey": "#808080ff", "silver": "#c0c0c0ff", "orange": "#ffa500ff", "purple": "#800080ff",
}  # fmt: skip


class Marked(NamedTuple):
    """A text without its marks, and the style that all its letters have. `is_simpler`: there were others."""

    text: str
    italic: bool
    bold: bool
    colour: str  # #rrggbbaa; "" = not said
    align: str
    top: bool
    is_simpler: bool


class _Style(NamedTuple):
    italic: bool = False
    bold: bool = False
    colour: str = ""


def marked(text: str, *, is_vtt: bool) -> Marked:
    """Take the marks out of a text. What only looks like one (`<music>` in .srt, `a < b`) stays.

    Italics, weight and colour are kept where the whole text has them, the place that `{\\an8}` says too. Underlines,
    typefaces, sizes, classes, speakers' names and empty lines are left out.
    """
    reader = _Reader(_VTT_TAGS if is_vtt else _SRT_TAGS, is_vtt=is_vtt)
    pieces = [(piece, style) for piece, style in reader.pieces(text) if piece]
    plain = "".join(piece for piece, _ in pieces)
    if reader.has_overrides:
        plain = plain.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u00a0")
    styles = {style for piece, style in pieces if piece.strip()} or {_Style()}
    same = next(iter(styles)) if len(styles) == 1 else _Style()
    align = ("right", "left", "centre")[reader.place % 3]
    lines = "\n".join(line.strip() for line in plain.split("\n") if line.strip())
    return Marked(lines, *same, align, reader.place >= 7, len(styles) > 1 or reader.left_out)


class _Reader:
    """Goes through a text and knows the style at each place."""

    def __init__(self, tags: frozenset[str], *, is_vtt: bool) -> None:
        self._tags, self._is_vtt = tags, is_vtt
        self._open: list[tuple[str, _Style]] = []  # tags, and the style before each
        self._style = _Style()
        self.place = 2  # of a numeric keypad: 2 is the middle of the bottom row
        self.has_overrides = False
        self.left_out = False

    def pieces(self, text: str) -> Iterator[tuple[str, _Style]]:
        end = 0
        for mark in _MARK.finditer(text):
            if not self._is_mark(mark):
                continue
            yield text[end : mark.start()], self._style
            end = mark.end()
            self._take(mark)
        yield text[end:], self._style

    def _is_mark(self, mark: re.Match[str]) -> bool:
        if mark[4] is not None:
            return not self._is_vtt
        return self._is_vtt or (mark[2] is not None and mark[2].lower() in self._tags)

    def _take(self, mark: re.Match[str]) -> None:
        if mark[4] is not None:
            self.has_overrides = True
            for override in _OVERRIDE.finditer(mark[4]):
                self._override(override[1], override[2] or "")
        elif mark[2] is not None:
            name = mark[2].lower()
            name = _SAME.get(name, name)
            if mark[1]:
                self._close(name)
            else:
                self._begin(name, mark[3])

    def _begin(self, name: str, attributes: str) -> None:
        self._open.append((name, self._style))
        colour = _COLOUR.search(attributes) if name == "font" else None
        if name == "i":
            self._style = self._style._replace(italic=True)
        elif name == "b":
            self._style = self._style._replace(bold=True)
        elif colour is not None and (value := _colour_of(colour[1])):
            self._style = self._style._replace(colour=value)
        elif name in ("u", "s", "font"):
            self.left_out = True

    def _close(self, name: str) -> None:
        place = next((n for n in reversed(range(len(self._open))) if self._open[n][0] == name), None)
        if place is not None:
            self._style = self._open[place][1]
            del self._open[place:]

    def _override(self, name: str, value: str) -> None:
        match name:
            case "i":
                self._style = self._style._replace(italic=value not in ("", "0"))
            case "b":
                self._style = self._style._replace(bold=value not in ("", "0"))
            case "c" | "1c":
                self._style = self._style._replace(colour=_override_colour(value))
            case "an" if value.isdigit() and 1 <= int(value) <= 9:
                self.place = int(value)
            case "r":
                self._style = _Style()
            case _:
                self.left_out = True


def _colour_of(word: str) -> str:
    """#rrggbbaa of an HTML colour; "" for one that isn't known."""
    digits = word.removeprefix("#")
    if re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        return f"#{digits.lower()}ff"
    return _COLOURS.get(word.lower(), "")


def _override_colour(value: str) -> str:
    """#rrggbbaa of &HBBGGRR&, whose zeros in front may be missing."""
    digits = value.removeprefix("&H").rstrip("&").rjust(6, "0")[-6:].lower()
    return f"#{digits[4:]}{digits[2:4]}{digits[:2]}ff" if value else ""
