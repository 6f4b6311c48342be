"""The timeline's context menus: for clips, gaps, tracks, the ruler; and the list of a clip's takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from ltxdesktop.document.model import ItemId, Marker, MarkerId, Track, TrackKind, TransitionKind
from ltxdesktop.document.parameters import PARAMETERS
from ltxdesktop.ui.actions import Actions
from ltxdesktop.ui.timeline.boxes import KeyPlace
from ltxdesktop.ui.timeline.commands import TimelineCommands
from ltxdesktop.ui.timeline.hits import (
    Hit,
    OnClip,
    OnGap,
    OnHeader,
    OnMarker,
    OnNothing,
    OnRangeEdge,
    OnRuler,
    OnTransition,
    Part,
)
from ltxdesktop.ui.timeline.inks import MARKER_COLOURS
from ltxdesktop.ui.timeline.key_shapes import EASING_WORDS, curve_icon
from ltxdesktop.ui.timeline.lines import PICTURE_LINES, SOUND_LINES
from ltxdesktop.ui.timeline.view import TimelineView

_CLIP = (
    "edit.cut", "edit.copy", "edit.paste", "edit.paste_attributes", "edit.duplicate", "",
    "edit.lift", "edit.extract", "",
    "clip.split", "clip.trim_start", "clip.trim_end", "",
    "clip.speed", "clip.hold", "clip.replace", "clip.transition", "clip.fade", "clip.enabled", "",
    "mark.clip", "clip.marker", "clip.rename",
)  # fmt: skip
_TOGETHER = ("clip.link", "clip.unlink", "clip.detach_audio", "", "clip.group", "clip.ungroup")
_GAP = ("edit.paste", "", "clip.close_gap")
_RULER = ("sequence.marker", "", "mark.in", "mark.out", "mark.clip", "mark.clear", "", "mark.lift", "mark.extract")
_EMPTY = ("edit.paste", "edit.paste_insert", "edit.select_all", "", "sequence.add_video", "sequence.add_audio")


class TimelineMenus:
    """Builds a menu for what lies under the mouse, from the application's own actions."""

    def __init__(self, commands: TimelineCommands, actions: Actions, view: TimelineView, parent: QWidget) -> None:
        self._commands, self._actions, self._view, self._parent = commands, actions, view, parent

    def open(self, under: Hit, at: QPoint) -> None:
        """Show the menu for something; `at` is on the screen."""
        self.menu(under).popup(at)

    def menu(self, under: Hit) -> QMenu:
        """The menu for something, deleted when it closes."""
        match under:
            case OnClip(part=Part.KEY, clip=clip, line=name, key=frame) if frame is not None:
                return self._key(KeyPlace(clip.id, name, frame))
            case OnClip(track=track):
                return self._clip(track)
            case OnGap(track=track):
                return self._with_track(_GAP, track)
            case OnTransition(clip=clip, at_tail=at_tail):
                return self._transition(clip, at_tail=at_tail)
            case OnHeader(track=track):
                return self._track(track)
            case OnMarker(marker=marker, clip=clip):
                return self._marker(marker, clip)
            case OnRuler() | OnRangeEdge():
                return self._of(_RULER)
            case OnNothing(track=track):
                return self._of(_EMPTY) if track is None else self._with_track(_EMPTY, track)

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

    def _clip(self, track: Track) -> QMenu:
        """What can be done with a clip, and which number is drawn as a line in it."""
        menu = self._with_track(_CLIP, track)
        together = self._of(_TOGETHER)
        together.setTitle("Links and groups")
        menu.addMenu(together)
        sound = track.kind is TrackKind.AUDIO
        lines = self._of(())
        lines.setTitle("Line in clips")
        shown = self._view.lines
        for name in SOUND_LINES if sound else PICTURE_LINES:
            wanted = shown._replace(sound=name) if sound else shown._replace(picture=name)
            tip = "Drawn in the clips, with its keys"
            action = add(lines, PARAMETERS[name].label, partial(self._view.show_lines, wanted), tip=tip)
            action.setCheckable(True)
            action.setChecked(shown == wanted)
        menu.addMenu(lines)
        return menu

    def _key(self, place: KeyPlace) -> QMenu:
        """How the number goes on from a key to the next, and away with it."""
        menu, commands = self._of(()), self._commands
        clip = commands.sequence.clip(place.clip)
        parameter = clip.values.get(place.parameter) if clip is not None else None
        key = next((each for each in parameter.keys if each.frame == place.frame), None) if parameter else None
        if key is None:
            return menu
        colour, scale = self._parent.palette().color(QPalette.ColorRole.WindowText), self._parent.devicePixelRatioF()
        for easing, words in EASING_WORDS.items():
            action = add(menu, words, partial(commands.keys.ease, place, easing))
            action.setIcon(curve_icon(easing, colour, scale))
            action.setCheckable(True)
            action.setChecked(easing is key.easing)
            font = action.font()
            font.setBold(easing is key.easing)  # a check mark has no room beside a picture
            action.setFont(font)
        menu.addSeparator()
        words = PARAMETERS[place.parameter].label.lower()
        add(menu, "Remove this key", partial(commands.keys.remove, place))
        add(menu, f"Remove all keys of {words}", partial(commands.keys.remove_all, place.clip, place.parameter))
        return menu

    def _with_track(self, names: tuple[str, ...], track: Track) -> QMenu:
        """These entries, and below them those of the track: its header can't be reached by keys."""
        menu = self._of(names)
        menu.addSeparator()
        tracks = self._track(track)
        tracks.setTitle(f"Track {track.name}")
        menu.addMenu(tracks)
        return menu

    def _track(self, track: Track) -> QMenu:
        """What can be done with a track; the switches show their state."""
        menu, commands = self._of(()), self._commands
        sound = track.kind is TrackKind.AUDIO
        aimed = track.id in commands.patching.targets.values()
        press = partial(commands.tracks.press_header, track.id)
        switches = [("Mute" if sound else "Hide", track.muted, partial(press, "mute"))]
        if sound:
            switches.append(("Solo", track.soloed, partial(press, "solo")))
        switches += [
            ("Lock", track.locked, partial(press, "lock")),
            ("Follow ripple edits", track.sync_locked, partial(press, "sync")),
        ]
        if track.kind is not TrackKind.SUBTITLE:
            switches.append(("Insert and paste here", aimed, partial(press, "aim")))
        for words, on, call in switches:
            action = add(menu, words, call)
            action.setCheckable(True)
            action.setChecked(on)
        menu.addSeparator()
        up, down = (-1, 1) if sound else (1, -1)
        same = [each.id for each in commands.sequence.of_kind(track.kind)]
        place = same.index(track.id)
        add(menu, "Move up", partial(commands.tracks.move_track, track.id, up), enabled=0 <= place + up < len(same))
        add(
            menu,
            "Move down",
            partial(commands.tracks.move_track, track.id, down),
            enabled=0 <= place + down < len(same),
        )
        menu.addSeparator()
        menu.addAction(self._actions["sequence.add_video"])
        menu.addAction(self._actions["sequence.add_audio"])
        add(menu, "Add a subtitle track", commands.tracks.add_subtitles)
        menu.addAction(self._actions["project.import_subtitles"])
        menu.addSeparator()
        add(menu, f"Remove {track.name}", partial(commands.tracks.remove_track, track.id), enabled=not track.locked)
        return menu

    def _transition(self, clip_id: ItemId, *, at_tail: bool) -> QMenu:
        menu = self._of(())
        clip = self._commands.sequence.clip(clip_id)
        made = None if clip is None else (clip.tail if at_tail else clip.transition)
        for kind in TransitionKind if made is not None else ():
            call = partial(self._commands.blends.change, clip_id, kind, at_tail=at_tail)
            action = add(menu, kind.value.capitalize(), call)
            action.setCheckable(True)
            action.setChecked(made is not None and made.kind is kind)
        menu.addSeparator()
        menu.addAction(self._actions["edit.lift"])
        return menu

    def _marker(self, marker_id: MarkerId, clip_id: ItemId | None) -> QMenu:
        menu, sequence = self._of(()), self._commands.sequence
        holder = sequence if clip_id is None else sequence.clip(clip_id)
        marker = next((each for each in holder.markers if each.id == marker_id), None) if holder else None
        if marker is None:
            return menu
        for colour in MARKER_COLOURS:
            action = add(menu, colour.capitalize(), partial(self._commands.marks.colour_marker, marker, colour))
            action.setCheckable(True)
            action.setChecked(marker.colour == colour)
        menu.addSeparator()
        add(menu, "Rename…", partial(self._rename_marker, marker))
        add(menu, "Remove marker", partial(self._commands.marks.remove_marker, marker_id))
        return menu

    def _rename_marker(self, marker: Marker) -> None:
        name, is_given = QInputDialog.getText(self._parent, "Marker", "Name", text=marker.name)
        if is_given:
            self._commands.marks.rename_marker(marker, name.strip())

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
