"""Keymaps as data: ours, and those that Premiere and Resolve have made people used to. Conflicts are found here.

A keymap names only what differs from our own; what it doesn't name keeps our key, unless that key is taken in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ltxdesktop.ui.commands import BY_NAME, COMMANDS

Keys = tuple[str, ...]


class NotAKeymap(ValueError):
    def __init__(self, why: str) -> None:
        super().__init__(f"This is not a keymap: {why}")


@dataclass(frozen=True)
class Keymap:
    """`changed` holds the keys of commands that differ from ours; no keys = the command has none."""

    name: str
    words: str
    changed: Mapping[str, Keys] = field(default_factory=dict[str, Keys])

    def keys(self, command: str) -> Keys:
        """The keys of a command. What our own keymap would give, but another command took here, is left out."""
        if command in self.changed:
            return self.changed[command]
        taken = {key for keys in self.changed.values() for key in keys}
        return tuple(key for key in BY_NAME[command].keys if key not in taken)

    def with_keys(self, command: str, keys: Keys) -> Keymap:
        """The same keymap with one command's keys changed."""
        return replace(self, changed={**self.changed, command: keys})

    def owners(self, key: str) -> tuple[str, ...]:
        """The commands that a key belongs to; more than one is a conflict."""
        return tuple(command.name for command in COMMANDS if key in self.keys(command.name))

    def conflicts(self) -> dict[str, tuple[str, ...]]:
        """Keys that more than one command has, with those commands."""
        owned: dict[str, list[str]] = {}
        for command in COMMANDS:
            for key in self.keys(command.name):
                owned.setdefault(key, []).append(command.name)
        return {key: tuple(names) for key, names in owned.items() if len(names) > 1}

    def to_text(self, *, one_line: bool = False) -> str:
        """As JSON, for a file and (on one line) for the settings."""
        said = {"name": self.name, "words": self.words, "keys": self.changed}
        return json.dumps(said, indent=None if one_line else 1)


def from_text(text: str) -> Keymap:
    """Read back what `to_text` wrote; commands that don't exist any more are left out. Raises NotAKeymap."""
    try:
        read = json.loads(text)
        changed = {
            str(name): tuple(str(key) for key in keys) for name, keys in read["keys"].items() if str(name) in BY_NAME
        }
        return Keymap(str(read["name"]), str(read["words"]), changed)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise NotAKeymap(str(exc)) from exc


OURS = Keymap("ours", "ltxdesktop")

# The published default shortcuts of both programs (their help pages' tables, 2024), for commands that we have too.
PREMIERE = Keymap(
    "premiere",
    "Premiere Pro",
    {
        "clip.split": ("Ctrl+K",),
        "clip.split_all": ("Ctrl+Shift+K",),
        "clip.transition": ("Ctrl+D",),
        "edit.duplicate": ("Ctrl+Shift+/",),
        "tool.blade": ("C",),
        "tool.ripple": ("B",),
        "tool.roll": ("N",),
        "tool.slip": ("Y",),
        "tool.slide": ("U",),
        "tool.range": ("Shift+G",),
        "clip.enabled": ("Shift+E",),
        "clip.speed": ("Ctrl+R",),
        "clip.group": ("Ctrl+G",),
        "clip.ungroup": ("Ctrl+Shift+G",),
        "clip.link": ("Ctrl+L",),
        "clip.unlink": (),
        "clip.trim_start": ("Q",),
        "clip.trim_end": ("W",),
        "mark.clip": ("X",),
        "mark.clear": ("Ctrl+Shift+X",),
        "mark.go_in": ("Shift+I",),
        "mark.go_out": ("Shift+O",),
        "edit.paste_insert": ("Ctrl+Shift+V",),
        "edit.redo": ("Ctrl+Shift+Z",),
        "play.previous_cut": ("Up",),
        "play.next_cut": ("Down",),
        "play.range": ("Ctrl+Shift+Space",),
        "play.loop": ("Ctrl+Alt+L",),
        "play.second_back": ("Shift+Left",),
        "play.second_on": ("Shift+Right",),
        "source.insert": (",",),
        "source.overwrite": (".",),
        "source.match": ("F",),
        "view.zoom_in": ("=",),
        "view.zoom_out": ("-",),
        "view.zoom_fit": ("\\",),
        "view.snap": ("S",),
        "view.full_screen": ("Ctrl+`",),
        "view.grab": ("Ctrl+Shift+E",),
        "play.scrub_sound": ("Shift+S",),
        "sequence.next_marker": ("Shift+M",),
        "sequence.previous_marker": ("Ctrl+Shift+M",),
        "view.keys": ("Ctrl+Alt+K",),
    },
)

RESOLVE = Keymap(
    "resolve",
    "DaVinci Resolve",
    {
        "tool.select": ("A",),
        "tool.blade": ("B",),
        "tool.ripple": ("T",),
        "tool.roll": ("Alt+T",),
        "tool.slip": ("Y",),
        "tool.slide": ("Alt+Y",),
        "tool.range": ("R",),
        "clip.split": ("Ctrl+B", "Ctrl+\\"),
        "clip.split_all": ("Ctrl+Shift+B",),
        "clip.trim_start": ("Shift+[",),
        "clip.trim_end": ("Shift+]",),
        "clip.nudge_left": (",",),
        "clip.nudge_right": (".",),
        "clip.nudge_left_5": ("Shift+,",),
        "clip.nudge_right_5": ("Shift+.",),
        "clip.transition": ("Ctrl+T",),
        "clip.enabled": ("D",),
        "edit.select_here": ("Shift+V",),
        "clip.speed": ("Ctrl+R",),
        "clip.link": ("Ctrl+Alt+L",),
        "clip.unlink": (),
        "edit.lift": ("Backspace",),
        "edit.extract": ("Del", "Shift+Backspace"),
        "source.insert": ("F9",),
        "source.overwrite": ("F10",),
        "source.append": ("Shift+F12",),
        "source.match": ("F",),
        "mark.clip": ("X",),
        "mark.clear": ("Alt+X",),
        "mark.go_in": ("Shift+I",),
        "mark.go_out": ("Shift+O",),
        "mark.lift": (),
        "mark.extract": (),
        "play.loop": ("Ctrl+/",),
        "play.range": ("Alt+/",),
        "play.previous_cut": ("Up",),
        "play.next_cut": ("Down",),
        "sequence.marker": ("M",),
        "sequence.next_marker": ("Shift+Down",),
        "sequence.previous_marker": ("Shift+Up",),
        "view.snap": ("N",),
        "view.zoom_in": ("Ctrl+=", "Ctrl++"),
        "view.zoom_out": ("Ctrl+-",),
        "view.zoom_fit": ("Shift+Z",),
        "view.full_screen": ("Ctrl+F",),
        "play.scrub_sound": ("Shift+S",),
        "edit.redo": ("Ctrl+Shift+Z",),
        "project.import": ("Ctrl+I",),
    },
)

OWN = "own"  # the name of a keymap that a person has made
BUILT_IN = (OURS, PREMIERE, RESOLVE)
