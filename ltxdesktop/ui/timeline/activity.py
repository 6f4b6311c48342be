"""What goes on somewhere on the timeline: a job that makes a clip or a range again, and how far it is. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from ltxdesktop.document.model import ItemId, TrackId
from ltxdesktop.ui.timeline.boxes import Box
from ltxdesktop.ui.timeline.layout import TITLE_PX, TITLED_FROM_PX, Layout


@dataclass(frozen=True, slots=True)
class Activity:
    """Progress shown over a clip, or over frames [first, last) of a clip, a track, or (with neither) all tracks."""

    fraction: float  # 0..1; below 0 = not known yet
    words: str
    clip: ItemId | None = None
    track: TrackId | None = None
    first: int | None = None  # of the sequence
    last: int | None = None


def activity_boxes(layout: Layout, activity: Activity) -> list[Box]:
    """Where an activity is shown, cut to the view; nothing if it is out of view."""
    viewport = layout.viewport
    if activity.clip is not None:
        placed = next((each for each in layout.clips if each.clip.id == activity.clip), None)
        if placed is None:
            return []
        left, right = placed.seen.left, placed.seen.right
        if activity.first is not None and activity.last is not None:
            left = max(left, viewport.x_of(activity.first))
            right = min(right, viewport.x_of(activity.last))
        top = TITLE_PX if placed.box.height >= TITLED_FROM_PX else 0  # the name stays readable
        found = [Box(left, placed.box.top + top, right - left, placed.box.height - top)]
    elif activity.first is not None and activity.last is not None:
        left, right = viewport.x_of(activity.first), viewport.x_of(activity.last)
        lanes = [lane for lane in layout.lanes if activity.track in (None, lane.track.id)]
        found = [Box(left, lane.body.top, right - left, lane.body.height) for lane in lanes]
    else:
        found = []
    return [box for box in found if box.width > 0]
