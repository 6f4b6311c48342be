"""Where on the timeline a running or waiting job is shown: on its clip, in its gap, or at its frame. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ltxdesktop.document.model import ItemId, Sequence, TrackKind
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, LikeTake, OfClip, Place
from ltxdesktop.ui.models.job_list import JobEntry
from ltxdesktop.ui.timeline.activity import Activity
from ltxdesktop.words import short_timecode

NEW_CLIP_S = 2  # how long a clip whose length isn't known yet is drawn


def together(activities: Iterable[Activity]) -> list[Activity]:
    """Those of one place as one: the job that is farthest, and how many wait behind it. Running ones are drawn last."""
    places: dict[tuple[object, ...], list[Activity]] = {}
    for each in activities:
        places.setdefault((each.clip, each.track, each.first, each.last), []).append(each)
    shown: list[Activity] = []
    for found in places.values():
        first = max(found, key=lambda each: each.fraction)
        more = f" · {len(found) - 1} more" if len(found) > 1 else ""
        shown.append(replace(first, words=first.words + more))
    return sorted(shown, key=lambda each: each.fraction)


def activity_of(sequence: Sequence, place: Place, entry: JobEntry) -> Activity | None:
    """A job at its place as that is now; None where the place is gone, or the job brought nothing."""
    if entry.ended and entry.state != "done":
        return None
    shown = Activity(entry.fraction if entry.state == "running" else -1.0, entry.status)
    match place:
        case OfClip():
            return _on_clip(sequence, place, shown)
        case AfterClip():
            return _beyond_clip(sequence, place, shown)
        case InGap():
            start = sequence.start_of(place.gap)
            if start is None:
                return None
            return replace(shown, track=place.track, first=start, last=start + place.frames)
        case LikeTake():
            return replace(shown, clip=place.clip) if sequence.clip(place.clip) is not None else None
        case AtFrame():
            track = place.track or next(iter(sequence.of_kind(TrackKind.VIDEO))).id
            frame = place.frame_now(sequence)
            return replace(shown, track=track, first=frame, last=frame + round(NEW_CLIP_S * sequence.rate))


def planned_of(sequence: Sequence, places: Iterable[Place], selected: Collection[ItemId]) -> list[Activity]:
    """Where it would be made, if it were asked for: parts of clips, and what is beyond their ends.

    A selected clip that is meant as a whole is seen to be meant already, and so is a gap.
    """
    shown: list[Activity | None] = []
    for place in places:
        match place:
            case OfClip():
                clip = sequence.clip(place.clip)
                if clip is not None and (place.frames < clip.duration or place.clip not in selected):
                    shown.append(_on_clip(sequence, place, Activity(-1, "")))
            case AfterClip():
                shown.append(_beyond_clip(sequence, place, Activity(-1, "to be made")))
            case InGap() | AtFrame() | LikeTake():
                pass
    return [each for each in shown if each is not None]


def frame_of(sequence: Sequence, place: Place) -> int | None:
    """Where a place begins as it is now; None if it's gone."""
    match place:
        case InGap():
            return place.frame
        case AtFrame():
            return place.frame_now(sequence)
        case LikeTake():
            return sequence.start_of(place.clip)
        case OfClip():
            start = sequence.start_of(place.clip)
            return start + place.first if start is not None else None
        case AfterClip():
            start, clip = sequence.start_of(place.clip), sequence.clip(place.clip)
            return (
                start + (clip.duration if place.direction == "forward" else 0) if clip and start is not None else None
            )


def job_title(sequence: Sequence, what: str, place: Place, words: str) -> str:
    """What a job is called: several have the same words, and only the time tells them apart in a narrow list."""
    frame = frame_of(sequence, place)
    return f"{what} {short_timecode(frame, sequence.rate)}: {words}" if frame is not None else f"{what}: {words}"


def _on_clip(sequence: Sequence, place: OfClip, shown: Activity) -> Activity | None:
    start = sequence.start_of(place.clip)
    if start is None:
        return None
    return replace(shown, clip=place.clip, first=start + place.first, last=start + place.first + place.frames)


def _beyond_clip(sequence: Sequence, place: AfterClip, shown: Activity) -> Activity | None:
    start, clip, track = sequence.start_of(place.clip), sequence.clip(place.clip), sequence.track_of(place.clip)
    if start is None or clip is None or track is None:
        return None
    first = start + clip.duration if place.direction == "forward" else max(0, start - place.frames)
    return replace(shown, track=track.id, first=first, last=first + place.frames)
