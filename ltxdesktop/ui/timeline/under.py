"""Which clips of a sequence lie under a frame, and where clips begin. Pure functions, no Qt."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ltxdesktop.document.model import Clip, ItemId, Sequence, TrackKind


def clips_under(sequence: Sequence, frame: int, among: Collection[ItemId] | None = None) -> list[ItemId]:
    """Clips that a cut at a frame would part, the topmost picture first; not those of locked tracks."""
    video = [track for track in sequence.tracks if track.kind is not TrackKind.AUDIO]
    audio = sequence.of_kind(TrackKind.AUDIO)
    found: list[ItemId] = []
    for track in (*reversed(video), *audio):
        item = None if track.locked else track.at(frame)
        if isinstance(item, Clip) and (among is None or item.id in among):
            found.append(item.id)
    return found


def placed(sequence: Sequence, clips: Iterable[ItemId]) -> list[tuple[int, Clip]]:
    """Clips with where they begin; those that aren't there are left out."""
    found = [(sequence.start_of(each), sequence.clip(each)) for each in clips]
    return [(start, clip) for start, clip in found if start is not None and clip is not None]
