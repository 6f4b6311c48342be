"""Which clips belong together: linked picture and sound, and groups. No Qt."""

from __future__ import annotations

from collections.abc import Collection

from ltxdesktop.document.model import ItemId, Sequence


def with_partners(sequence: Sequence, clips: Collection[ItemId]) -> frozenset[ItemId]:
    """The clips, with everything that is linked to or grouped with one of them."""
    found = set(clips)
    groups: set[str] = set()
    for clip_id in clips:
        clip = sequence.clip(clip_id)
        if clip is None:
            continue
        if clip.link is not None:
            found.update(sequence.members(clip.link))
        if clip.group is not None:
            groups.add(clip.group)
    if groups:
        members = [each for track in sequence.tracks for each in track.clips if each.group in groups]
        for each in members:
            found.add(each.id)
            if each.link is not None:
                found.update(sequence.members(each.link))
    return frozenset(found)
