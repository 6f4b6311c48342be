"""Links (clips that are edited together) and groups (clips that are selected together)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.model import Document, GroupId, ItemId, LinkId, Sequence, SequenceId, TrackKind, new_id


def link(document: Document, clip_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """Link clips, from now on edited together; they leave the links they were in.

    Raises NoSuchClip, LockedTrack, BadValue for fewer than two.
    """
    desk = Desk(document, sequence_id)
    ids = desk.family(clip_ids, linked=False)
    if len(ids) < 2:
        raise BadValue("Select two clips or more to link them.")
    fresh = LinkId(new_id())
    desk.change_all([replace(desk.clip(clip_id), link=fresh) for clip_id in ids])
    return desk.document()


def unlink(document: Document, clip_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """Let clips be edited alone. A last clip that stays behind in a link is unlinked as well.

    Raises NoSuchClip, LockedTrack.
    """
    desk = Desk(document, sequence_id)
    for clip_id in desk.family(clip_ids, linked=False):
        clip = desk.clip(clip_id)
        if clip.link is None:
            continue
        desk.change(replace(clip, link=None))
        left = desk.members(clip.link)
        if len(left) == 1:
            desk.change(replace(desk.clip(left[0]), link=None))
    return desk.document()


def detach_audio(document: Document, clip_id: ItemId, *, sequence_id: SequenceId | None = None) -> Document:
    """Part the sound of a clip from its picture; several clips of sound stay linked with each other.

    Raises NoSuchClip, LockedTrack, BadValue if there is no linked sound.
    """
    desk = Desk(document, sequence_id)
    family = desk.family([clip_id])
    sounds = [other for other in family if desk.tracks[desk.home(other)].kind is TrackKind.AUDIO]
    pictures = [other for other in family if other not in sounds]
    if not sounds or not pictures:
        raise BadValue(f"{desk.clip(clip_id).name!r} has no linked sound.")
    for ids in (sounds, pictures):
        fresh = LinkId(new_id()) if len(ids) > 1 else None
        for other in ids:
            desk.change(replace(desk.clip(other), link=fresh))
    return desk.document()


def group(document: Document, clip_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """Put clips, and those linked with them, into a group: `selected_together` selects all of it.

    Raises NoSuchClip, LockedTrack, BadValue for fewer than two.
    """
    desk = Desk(document, sequence_id)
    ids = desk.family(clip_ids)
    if len(ids) < 2:
        raise BadValue("Select two clips or more to group them.")
    fresh = GroupId(new_id())
    desk.change_all([replace(desk.clip(clip_id), group=fresh) for clip_id in ids])
    return desk.document()


def ungroup(document: Document, clip_ids: Iterable[ItemId], *, sequence_id: SequenceId | None = None) -> Document:
    """Dissolve the groups of clips. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    groups = {desk.clip(clip_id).group for clip_id in clip_ids} - {None}
    members = [clip.id for track in desk.tracks for clip in track.clips if clip.group in groups]
    desk.change_all([replace(desk.clip(clip_id), group=None) for clip_id in desk.family(members, linked=False)])
    return desk.document()


def selected_together(sequence: Sequence, clip_ids: Iterable[ItemId]) -> tuple[ItemId, ...]:
    """Clips with all that a click selects along: their groups and links. What isn't a clip is left out."""
    found: dict[ItemId, None] = {}
    waiting = list(clip_ids)
    groups: dict[GroupId, list[ItemId]] = {}
    for track in sequence.tracks:
        for clip in track.clips:
            if clip.group is not None:
                groups.setdefault(clip.group, []).append(clip.id)
    while waiting:
        clip_id = waiting.pop(0)
        clip = sequence.clip(clip_id)
        if clip is None or clip_id in found:
            continue
        found[clip_id] = None
        if clip.link is not None:
            waiting += sequence.members(clip.link)
        if clip.group is not None:
            waiting += groups[clip.group]
    return tuple(found)
