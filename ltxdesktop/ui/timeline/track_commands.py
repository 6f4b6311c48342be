"""What can be done with tracks: their switches, order, height and name. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, Sequence, TrackId, TrackKind
from ltxdesktop.ui.timeline.editing import EditDesk
from ltxdesktop.ui.timeline.patching import Patching

Do = Callable[[str, Callable[[Document], Document]], bool]


class TrackCommands:
    """Each is one step of the history, done by `do`, which says why where it is refused."""

    def __init__(self, desk: EditDesk, patching: Patching, do: Do) -> None:
        self._desk, self._patching, self.do = desk, patching, do

    @property
    def sequence(self) -> Sequence:
        return self._desk.document.sequence

    def press_header(self, track_id: str, button: str) -> None:
        """One of a header's buttons: aim, mute, solo, lock or sync."""
        track = self.sequence.track(TrackId(track_id))
        if track is None:
            return
        if button == "aim":
            self._patching.aim(track)
            return
        if button == "sync":
            self.switch_sync(track.id)
            return
        name, was = {
            "mute": ("Mute", track.muted),
            "solo": ("Solo", track.soloed),
            "lock": ("Lock", track.locked),
        }[button]
        words = f"{name} {track.name} off" if was else f"{name} {track.name}"

        def press(document: Document) -> Document:
            match button:
                case "mute":
                    return edits.change_track(document, track.id, muted=not was)
                case "solo":
                    return edits.change_track(document, track.id, soloed=not was)
                case _:
                    return edits.change_track(document, track.id, locked=not was)

        self.do(words, press)

    def set_height(self, track_id: str, height_px: int) -> None:
        self.do("Track height", lambda document: edits.change_track(document, TrackId(track_id), height_px=height_px))

    def add_video(self) -> None:
        self.do("Add video track", lambda document: edits.add_track(document, TrackKind.VIDEO))

    def add_audio(self) -> None:
        self.do("Add audio track", lambda document: edits.add_track(document, TrackKind.AUDIO))

    def add_subtitles(self) -> None:
        self.do("Add subtitle track", lambda document: edits.add_track(document, TrackKind.SUBTITLE))

    def remove_track(self, track_id: TrackId) -> None:
        track = self.sequence.track(track_id)
        if track is not None:
            self.do(f"Remove track {track.name}", lambda document: edits.remove_track(document, track_id))

    def move_track(self, track_id: TrackId, by: int) -> None:
        """A track among those of its kind; above 0 upwards for picture, downwards for sound."""
        track = self.sequence.track(track_id)
        if track is not None:
            place = [each.id for each in self.sequence.of_kind(track.kind)].index(track_id) + by
            self.do(f"Move track {track.name}", lambda document: edits.move_track(document, track_id, place))

    def switch_sync(self, track_id: TrackId) -> None:
        """Whether a track shifts along when others ripple."""
        track = self.sequence.track(track_id)
        if track is not None:
            on = not track.sync_locked
            words = f"{track.name} {'follows' if on else 'ignores'} ripple edits"
            self.do(words, lambda document: edits.change_track(document, track_id, sync_locked=on))

    def rename_track(self, track_id: TrackId, name: str) -> None:
        self.do(f"Rename track to {name}", lambda document: edits.change_track(document, track_id, name=name))
