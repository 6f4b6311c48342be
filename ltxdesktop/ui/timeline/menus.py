"""The timeline's context menus: for clips, gaps, tracks, the ruler; and the list of a clip's takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from ltxdesktop.document.model import ItemId
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.timeline.commands import TimelineCommands
from ltxdesktop.ui.timeline.hits import Hit, OnClip, OnGap, OnHeader, OnNothing, OnRangeEdge, OnRuler, OnTransition

_CLIP = (
    "edit.cut", "edit.copy", "edit.paste", "edit.duplicate", "",
    "edit.lift", "edit.extract", "",
    "clip.split", "clip.trim_start", "clip.trim_end", "",
    "clip.speed", "clip.transition", "clip.fade", "clip.enabled", "",
    "clip.link", "clip.unlink", "clip.group", "clip.ungroup", "clip.detach_audio", "",
    "mark.clip", "clip.rename",
)  # fmt: skip
_GAP = ("edit.paste", "", "clip.close_gap")
_TRANSITION = ("edit.lift",)
_RULER = ("sequence.marker", "", "mark.in", "mark.out", "mark.clip", "mark.clear", "", "mark.lift", "mark.extract")
_EMPTY = ("edit.paste", "edit.paste_insert", "edit.select_all", "", "sequence.add_video", "sequence.add_audio")


class TimelineMenus:
    """Builds a menu for what lies under the mouse, from the application's own actions."""

    def __init__(self, commands: TimelineCommands, actions: Actions, parent: QWidget) -> None:
        self._commands, self._actions, self._parent = commands, actions, parent

    def open(self, under: Hit, at: QPoint) -> None:
        """Show the menu for something; `at` is on the screen."""
        self.menu(under).popup(at)

    def menu(self, under: Hit) -> QMenu:
        """The menu for something, deleted when it closes."""
        match under:
            case OnClip():
                return self._of(_CLIP)
            case OnGap():
                return self._of(_GAP)
            case OnTransition():
                return self._of(_TRANSITION)
            case OnHeader():
                return self._of(_EMPTY[-2:])
            case OnRuler() | OnRangeEdge():
                return self._of(_RULER)
            case OnNothing():
                return self._of(_EMPTY)
            case _:
                return self._of(("sequence.marker",))

    def choose_take(self, clip_id: str, at: QPoint) -> None:
        """The takes of a clip, the shown one marked."""
        self.takes_menu(ItemId(clip_id)).popup(at)

    def takes_menu(self, clip_id: ItemId) -> QMenu:
        """Entries for each take of a clip: its name, or what it shows."""
        menu = QMenu(self._parent)
        menu.aboutToHide.connect(menu.deleteLater)
        clip = self._commands.sequence.clip(clip_id)
        for place, take in enumerate(clip.takes if clip is not None else ()):
            stars = "  " + "★" * take.rating if take.rating else ""
            words = take.name or ("Original" if place == 0 else f"Take {place}")
            action = add(menu, words + stars, partial(self._commands.choose_take, clip_id, place), tip=take.note)
            action.setCheckable(True)
            action.setChecked(clip is not None and place == clip.active)
        return menu

    def _of(self, names: tuple[str, ...]) -> QMenu:
        menu = QMenu(self._parent)
        menu.aboutToHide.connect(menu.deleteLater)
        for name in names:
            if name:
                menu.addAction(self._actions[name])
            else:
                menu.addSeparator()
        return menu


def add(menu: QMenu, words: str, call: Callable[[], object], *, tip: str = "", enabled: bool = True) -> QAction:
    """An entry that only this menu has."""
    action = menu.addAction(words)
    action.setToolTip(tip or words)
    action.setEnabled(enabled)
    action.triggered.connect(lambda: call())
    return action
