"""The colours of the timeline, made from the theme; and which clip is drawn in which."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import (
    QColor,
)

from ltxdesktop.document.model import Clip, Track, TrackKind
from ltxdesktop.ui.theme import DARK, Theme


def mixed(a: str, b: str, share: float, alpha: int = 255) -> QColor:
    """A colour between two: `share` 0 = a, 1 = b."""
    one, other = QColor(a), QColor(b)

    def part(x: int, y: int) -> int:
        return round(x + (y - x) * share)

    return QColor(part(one.red(), other.red()), part(one.green(), other.green()), part(one.blue(), other.blue()), alpha)


def veil(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


@dataclass(frozen=True)
class ClipInk:
    """The colours of one kind of clip."""

    fill: QColor
    title: QColor
    line: QColor
    wave: QColor
    wave_core: QColor


class Inks:
    """Every colour of the timeline, made once per theme."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        dark = theme is DARK or QColor(theme.panel).lightness() < 128
        self.ground = QColor(theme.window)
        self.lane = mixed(theme.window, theme.panel, 0.75 if dark else 0.55)
        self.header = QColor(theme.panel)
        self.ruler = QColor(theme.panel)
        self.line = QColor(theme.line)
        self.text = QColor(theme.text)
        self.quiet = QColor(theme.quiet)
        self.faint = QColor(theme.faint)
        self.accent = QColor(theme.accent)
        self.guide = QColor(theme.warn)
        self.playhead = QColor(theme.bad)
        self.bad = QColor(theme.bad)
        self.shade = veil("#000000", 110 if dark else 40)
        self.fade_line = veil("#ffffff" if dark else "#10131c", 190)
        self.grain = veil(theme.text, 22 if dark else 26)
        fill, title = (0.30, 0.50) if dark else (0.24, 0.42)
        self._kinds = {
            "video": self._clip_ink(theme, theme.accent, fill, title),
            "audio": self._clip_ink(theme, theme.good, fill * 0.8, title * 0.9),
            "drawn": self._clip_ink(theme, theme.warn, fill * 0.8, title * 0.9),
            "missing": self._clip_ink(theme, theme.bad, fill * 0.7, title * 0.8),
        }

    def _clip_ink(self, theme: Theme, hue: str, fill: float, title: float) -> ClipInk:
        return ClipInk(
            mixed(theme.panel, hue, fill),
            mixed(theme.panel, hue, title),
            mixed(theme.panel, hue, min(1.0, title + 0.2)),
            mixed(theme.panel, hue, 0.75),
            mixed(hue, theme.text, 0.35),
        )

    def of(self, track: Track, clip: Clip | None = None, *, missing: bool = False) -> ClipInk:
        if missing:
            return self._kinds["missing"]
        if track.kind is TrackKind.AUDIO:
            return self._kinds["audio"]
        if track.kind is TrackKind.SUBTITLE or (clip is not None and clip.content is not None):
            return self._kinds["drawn"]
        return self._kinds["video"]


MARKER_COLOURS = ("green", "blue", "red", "yellow", "purple", "white")


def marker_colour(name: str, theme: Theme) -> QColor:
    known = {
        "green": theme.good,
        "blue": theme.accent,
        "red": theme.bad,
        "yellow": theme.warn,
        "purple": "#b487ff",
        "white": theme.text,
    }
    return QColor(known.get(name, theme.good))


def colour_of(text: str) -> QColor:
    """ "#rrggbbaa", as the document writes it."""
    colour = QColor(text[:7])
    if len(text) == 9:
        colour.setAlpha(int(text[7:], 16))
    return colour
