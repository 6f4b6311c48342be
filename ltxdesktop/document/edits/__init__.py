"""Every edit: pure functions from a document to a document, which raise a `DocumentError` before anything changes.

All of them work on the open sequence unless `sequence_id` names another. Clips that are linked are edited together; if
one of them is on a locked track, the edit is refused.
"""

from ltxdesktop.document.edits.cutting import split, split_clip
from ltxdesktop.document.edits.moving import Clipboard, MoveMode, copy, duplicate, move, nudge, paste
from ltxdesktop.document.edits.placing import (
    Laying,
    Placement,
    append_clips,
    clip_from_content,
    clip_from_media,
    insert_clips,
    overwrite_clips,
    placements,
    replace_media,
    three_point,
)
from ltxdesktop.document.edits.removing import close_gap, extract, extract_range, lift, lift_range, ripple_delete
from ltxdesktop.document.edits.trimming import (
    Edge,
    Reach,
    ripple_trim,
    ripple_trim_reach,
    roll,
    roll_reach,
    slide,
    slide_reach,
    slip,
    slip_reach,
    trim,
    trim_reach,
)

__all__ = [
    "Clipboard",
    "Edge",
    "Laying",
    "MoveMode",
    "Placement",
    "Reach",
    "append_clips",
    "clip_from_content",
    "clip_from_media",
    "close_gap",
    "copy",
    "duplicate",
    "extract",
    "extract_range",
    "insert_clips",
    "lift",
    "lift_range",
    "move",
    "nudge",
    "overwrite_clips",
    "paste",
    "placements",
    "replace_media",
    "ripple_delete",
    "ripple_trim",
    "ripple_trim_reach",
    "roll",
    "roll_reach",
    "slide",
    "slide_reach",
    "slip",
    "slip_reach",
    "split",
    "split_clip",
    "three_point",
    "trim",
    "trim_reach",
]
