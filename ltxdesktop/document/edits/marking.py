"""Markers of sequences and clips, and the range between in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ltxdesktop.document.edits.desk import Desk, sequence_of
from ltxdesktop.document.errors import BadValue, NoSuchMarker
from ltxdesktop.document.model import Document, ItemId, Marker, MarkerId, SequenceId


def add_marker(
    document: Document, marker: Marker, clip_id: ItemId | None = None, *, sequence_id: SequenceId | None = None
) -> Document:
    """Put a marker on the sequence, or on a clip (at a frame counted from the clip's first).

    Raises NoSuchClip, LockedTrack, BadValue before the first frame or outside of the clip.
    """
    if clip_id is None:
        sequence = sequence_of(document, sequence_id)
        _require_place(marker, None)
        return document.with_sequence(replace(sequence, markers=_sorted((*sequence.markers, marker))))
    desk = Desk(document, sequence_id)
    desk.family([clip_id], linked=False)
    clip = desk.clip(clip_id)
    _require_place(marker, clip.duration)
    desk.change(replace(clip, markers=_sorted((*clip.markers, marker))))
    return desk.document()


def change_marker(document: Document, marker: Marker, *, sequence_id: SequenceId | None = None) -> Document:
    """Replace the marker that has this one's id, wherever it is: moves, names, colours it.

    Raises NoSuchMarker, LockedTrack, BadValue.
    """
    return _with_marker(document, marker.id, lambda _: marker, sequence_id)


def remove_marker(document: Document, marker_id: MarkerId, *, sequence_id: SequenceId | None = None) -> Document:
    """Raises NoSuchMarker, LockedTrack."""
    return _with_marker(document, marker_id, lambda _: None, sequence_id)


def _with_marker(
    document: Document,
    marker_id: MarkerId,
    change: Callable[[Marker], Marker | None],
    sequence_id: SequenceId | None,
) -> Document:
    sequence = sequence_of(document, sequence_id)
    if any(marker.id == marker_id for marker in sequence.markers):
        return document.with_sequence(replace(sequence, markers=_changed(sequence.markers, marker_id, change, None)))
    desk = Desk(document, sequence_id)
    for track in sequence.tracks:
        for clip in track.clips:
            if any(marker.id == marker_id for marker in clip.markers):
                desk.family([clip.id], linked=False)
                desk.change(replace(clip, markers=_changed(clip.markers, marker_id, change, clip.duration)))
                return desk.document()
    raise NoSuchMarker(marker_id)


def _changed(
    markers: tuple[Marker, ...],
    marker_id: MarkerId,
    change: Callable[[Marker], Marker | None],
    duration: int | None,
) -> tuple[Marker, ...]:
    new = [change(marker) if marker.id == marker_id else marker for marker in markers]
    for old, marker in zip(markers, new, strict=True):
        if marker is not None and marker.frame != old.frame:
            _require_place(marker, duration)
    return _sorted(tuple(marker for marker in new if marker is not None))


def _require_place(marker: Marker, duration: int | None) -> None:
    if marker.frame < 0 or marker.duration < 0 or (duration is not None and marker.frame >= duration):
        raise BadValue(f"A marker can't be at frame {marker.frame} there.")


def _sorted(markers: tuple[Marker, ...]) -> tuple[Marker, ...]:
    return tuple(sorted(markers, key=lambda marker: marker.frame))


def set_range(
    document: Document, in_frame: int | None, out_frame: int | None, *, sequence_id: SequenceId | None = None
) -> Document:
    """Set the sequence's in and out (exclusive); None takes a point away.

    Raises BadValue if the out isn't behind the in. (Pressing I behind the out: the caller decides what gives way.)
    """
    if (in_frame is not None and in_frame < 0) or (out_frame is not None and out_frame <= (in_frame or 0)):
        raise BadValue("The out point must lie behind the in point.")
    sequence = sequence_of(document, sequence_id)
    if (sequence.in_frame, sequence.out_frame) == (in_frame, out_frame):
        return document
    return document.with_sequence(replace(sequence, in_frame=in_frame, out_frame=out_frame))
