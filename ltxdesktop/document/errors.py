"""What an edit refuses, one class per reason. The class builds the sentence that a person reads; attributes keep the
facts."""

from __future__ import annotations


class DocumentError(Exception):
    """Any edit that can't be done. The document is as it was."""


class NoSuch(DocumentError, LookupError):
    """Something was named that isn't there; mostly because it was removed meanwhile."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is no {what} {name!r} here any more.")
        self.what = what
        self.name = name


class NoSuchClip(NoSuch):
    def __init__(self, clip_id: str) -> None:
        super().__init__("clip", clip_id)


class NoSuchTrack(NoSuch):
    def __init__(self, track_id: str) -> None:
        super().__init__("track", track_id)


class NoSuchMedia(NoSuch):
    def __init__(self, media_id: str) -> None:
        super().__init__("media", media_id)


class NoSuchSequence(NoSuch):
    def __init__(self, sequence_id: str) -> None:
        super().__init__("sequence", sequence_id)


class NoSuchMarker(NoSuch):
    def __init__(self, marker_id: str) -> None:
        super().__init__("marker", marker_id)


class NoSuchBin(NoSuch):
    def __init__(self, bin_id: str) -> None:
        super().__init__("bin", bin_id)


class NoSuchEffect(NoSuch):
    def __init__(self, effect_id: str) -> None:
        super().__init__("effect", effect_id)


class UnknownParameter(NoSuch):
    def __init__(self, name: str) -> None:
        super().__init__("parameter", name)


class LockedTrack(DocumentError):
    def __init__(self, track: str, clip: str = "") -> None:
        held = f" and holds {clip!r}, which belongs to this edit" if clip else ""
        super().__init__(f"Track {track} is locked{held}. Unlock it first.")
        self.track = track


class OutOfSync(DocumentError):
    """A ripple would shift a clip and not its linked partner."""

    def __init__(self, clip: str, track: str) -> None:
        super().__init__(
            f"{clip!r} on track {track} can't move along with the clips it is linked with. "
            f"Unlock {track} and let it move with ripple edits, or unlink the clip."
        )
        self.clip = clip
        self.track = track


class OutOfReach(DocumentError):
    """An edge or a clip was to go further than it can. `possible` is how far it can go the same way."""

    def __init__(self, asked: int, possible: int, why: str) -> None:
        can = f"{frames_text(abs(possible))} at most" if possible else "no frame further"
        super().__init__(f"{why}: {can}.")
        self.asked = asked
        self.possible = possible
        self.why = why


class NoRoom(DocumentError):
    """Something stands where a clip was to go, and the edit may not overwrite it."""

    def __init__(self, track: str, clip: str, needed: int, free: int) -> None:
        super().__init__(
            f"{clip!r} stands in the way on track {track}: {frames_text(needed)} needed, {free} free. "
            f"Move it away, or switch off the sync lock of {track}."
        )
        self.track = track
        self.clip = clip
        self.needed = needed
        self.free = free


class NotEnoughMedia(DocumentError):
    def __init__(self, media: str, needed: int, there: int) -> None:
        super().__init__(f"{media!r} has only {frames_text(there)} from there; {needed} are needed.")
        self.media = media
        self.needed = needed
        self.there = there


class NoHandles(DocumentError):
    """A transition needs frames beyond a cut that aren't there. `before` and `after` are what is possible."""

    def __init__(self, clip: str, needed: int, before: int, after: int) -> None:
        super().__init__(
            f"There is material for {frames_text(before)} before and {after} after the cut at {clip!r}, "
            f"not for a transition of {needed}. Make it shorter, or trim the clips."
        )
        self.clip = clip
        self.before = before
        self.after = after


class WrongTrack(DocumentError):
    def __init__(self, clip: str, track: str, why: str) -> None:
        super().__init__(f"{clip!r} can't lie on track {track}: {why}.")
        self.clip = clip
        self.track = track


class NoTrack(DocumentError):
    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no {kind} track that could take this. Add or unlock one.")
        self.kind = kind


class BadValue(DocumentError, ValueError):
    """A number or a word that isn't allowed; the sentence says what is."""


class MediaInUse(DocumentError):
    def __init__(self, media: str, clips: tuple[str, ...]) -> None:
        named = ", ".join(repr(clip) for clip in clips[:3]) + (" …" if len(clips) > 3 else "")
        super().__init__(f"{media!r} is shown by {len(clips)} clip{'s' * (len(clips) != 1)} ({named}).")
        self.media = media
        self.clips = clips


class LastOne(DocumentError):
    def __init__(self, what: str) -> None:
        super().__init__(f"The last {what} can't be removed.")


class BrokenDocument(DocumentError):
    """A rule of `check` doesn't hold: a mistake of the program, or of who wrote the file."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def frames_text(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"
