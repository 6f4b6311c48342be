"""What the timeline says about the thing under the mouse. No Qt."""

from __future__ import annotations

from ltxdesktop.document.model import Clip, Document, Sequence, TrackKind
from ltxdesktop.document.parameters import PARAMETERS, value_of
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.timeline.boxes import Button
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
from ltxdesktop.ui.timeline.lines import value_words
from ltxdesktop.ui.timeline.tools import Tool

_PARTS = {
    Part.HEAD: "Drag to trim the start; with Ctrl what follows moves along, with Alt without linked clips",
    Part.TAIL: "Drag to trim the end; with Ctrl what follows moves along, with Alt without linked clips",
    Part.FADE_IN: "Drag to fade in",
    Part.FADE_OUT: "Drag to fade out",
}
_LINE = "Drag up or down, with Ctrl finely. Ctrl+click or double-click makes a key."
_KEY = "Drag the key in time and value: Shift keeps one, Ctrl is fine. Delete removes it; right-click for its way on."


def tip_for(under: Hit, document: Document, tool: Tool) -> str:
    """A tooltip: what this is, and what can be done with it."""
    sequence = document.sequence
    match under:
        case OnClip(clip=clip, part=Part.BADGE):
            return f"{len(clip.takes)} takes; take {clip.active + 1} is shown. Click to choose (Alt+Up, Alt+Down)."
        case OnClip(clip=clip, part=Part.LINE, line=name, start=start):
            return f"{_number_words(clip, name, under.frame - start)}\n{_LINE}"
        case OnClip(clip=clip, part=Part.KEY, line=name, key=key):
            return f"{_number_words(clip, name, key or 0)}\n{_KEY}"
        case OnClip(clip=clip, start=start, part=part):
            return "\n".join(filter(None, (_clip_words(clip, start, document), _PARTS.get(part, ""))))
        case OnTransition(clip=clip_id, at_tail=at_tail):
            clip = sequence.clip(clip_id)
            made = None if clip is None else (clip.tail if at_tail else clip.transition)
            return (
                ""
                if made is None
                else f"{made.kind.value.capitalize()}, {_span(made.duration, sequence)}. Drag its ends."
            )
        case OnGap(gap=gap, fill=True):
            return f"Make {_span(gap.duration, sequence)} that lead from one side to the other"
        case OnGap(gap=gap):
            return f"Gap, {_span(gap.duration, sequence)}. Shift+Delete closes it."
        case OnMarker(marker=marker_id, clip=clip_id):
            holder = sequence if clip_id is None else sequence.clip(clip_id)
            marker = next((each for each in holder.markers if each.id == marker_id), None) if holder else None
            return "" if marker is None else "\n".join(filter(None, (marker.name or "Marker", marker.note)))
        case OnRangeEdge(at_end=at_end):
            return "Out point (O): drag to change the range" if at_end else "In point (I): drag to change the range"
        case OnRuler():
            return "Drag to move the playhead; with Alt to mark a range, with Shift it catches at cuts"
        case OnHeader(divider=True):
            return "Drag to change the track's height; double-click for the usual height"
        case OnHeader(track=track, button=button):
            return _button_words(track.kind, button)
        case OnNothing():
            return tool.hint if tool.shortcut != "V" else ""


def _clip_words(clip: Clip, start: int, document: Document) -> str:
    sequence = document.sequence
    lines = [
        clip.name,
        f"{_at(start, sequence)} – {_at(start + clip.duration, sequence)} · {_span(clip.duration, sequence)}",
    ]
    media = document.media.get(clip.media) if clip.media is not None else None
    if media is not None and media.name != clip.name:
        lines.append(media.name)
    if clip.media is not None and media is None:
        lines.append("The media of this clip is missing.")
    if not clip.enabled:
        lines.append("Disabled")
    return "\n".join(lines)


def _number_words(clip: Clip, name: str, frame: int) -> str:
    declared = PARAMETERS[name]
    return f"{declared.label} {value_words(declared, value_of(clip, name).at(frame))}"


def _button_words(kind: TrackKind, button: Button | None) -> str:
    match button:
        case None:
            return "Double-click to rename; right-click for more"
        case Button.AIM:
            return "Click: inserts, overwrites and pastes go to this track. Double-click to rename."
        case Button.SYNC:
            return "Whether this track shifts along when others ripple"
        case Button.LOCK:
            return "Lock: nothing on this track can be changed"
        case Button.SOLO:
            return "Solo: hear only this track"
        case Button.MUTE:
            return "Mute" if kind is TrackKind.AUDIO else "Show or hide this track"


def _at(frame: int, sequence: Sequence) -> str:
    return timecode(sequence.first_frame + frame, sequence.rate, drop=sequence.drop_frame)


def _span(frames: int, sequence: Sequence) -> str:
    return timecode(frames, sequence.rate)
