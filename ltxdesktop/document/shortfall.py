"""Clips whose media turned out to be other files than they were cut from: what of them isn't there. No disk in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from ltxdesktop.document.edits.placing import misfit
from ltxdesktop.document.handles import handles_of_take
from ltxdesktop.document.model import Clip, Document, ItemId, Media, MediaId, Sequence, TrackKind
from ltxdesktop.document.time import timecode


class Lacking(NamedTuple):
    """Frames of a clip that its file doesn't have, at its head and at its tail."""

    before: int
    after: int


class Shortfall(NamedTuple):
    """A file that some clips show more of than there is."""

    known: Media  # as the project has it
    found: Media  # as the file is now
    clips: tuple[ItemId, ...]  # of the open sequence, in the order of tracks and time
    frames: int  # the most that one of them lacks


def lacking(clip: Clip, kind: TrackKind, found: Media, sequence: Sequence) -> Lacking:
    """What a clip on a track of that kind lacks when its media are what was found in their file."""
    take = clip.take
    if take is None or take.media != found.id:
        return Lacking(0, 0)
    if misfit(clip, kind, {each.media: found for each in clip.takes}):
        return Lacking(0, clip.duration)
    room = handles_of_take(clip, take, found, sequence.rate)
    before = min(clip.duration, max(0, -room.before))
    return Lacking(before, min(clip.duration - before, max(0, -room.after)))


def shortfalls(document: Document, described: Mapping[MediaId, Media]) -> list[Shortfall]:
    """Which of the files that were read are too short for the clips of the open sequence, or have no such stream."""
    found: list[Shortfall] = []
    sequence = document.sequence
    for media_id, media in described.items():
        known = document.media.get(media_id)
        if known is None:
            continue
        as_known = replace(media, id=media_id, name=known.name)
        lacks: dict[ItemId, int] = {}
        for track in sequence.tracks:
            for clip in track.clips:
                if clip.media == media_id and (frames := sum(lacking(clip, track.kind, as_known, sequence))):
                    lacks[clip.id] = frames
        if lacks:
            found.append(Shortfall(known, as_known, tuple(lacks), max(lacks.values())))
    return found


def shortfall_words(short: list[Shortfall], sequence: Sequence) -> str:
    """What a person has to know of such files, and what can be done; "" of none."""
    if not short:
        return ""
    if len(short) == 1:
        (each,) = short
        clips = "a clip" if len(each.clips) == 1 else f"{len(each.clips)} clips"
        what = f"{each.known.name!r} is another file now, and too short for {clips}"
    else:
        names = ", ".join(repr(each.known.name) for each in short[:3]) + (" …" if len(short) > 3 else "")
        what = f"{len(short)} files are other ones now, and too short for their clips: {names}"
    most = timecode(max(each.frames for each in short), sequence.rate)
    return (
        f"{what}. Up to {most} aren't there: they are hatched on the timeline, and the last picture stands for them. "
        "Put the former file back, or trim these clips."
    )
