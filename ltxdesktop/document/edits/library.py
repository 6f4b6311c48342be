"""What a project holds beside its timelines: media, bins, and the sequences themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from ltxdesktop.document.edits.desk import sequence_of
from ltxdesktop.document.edits.moving import Renewal
from ltxdesktop.document.edits.placing import media_of, misfit
from ltxdesktop.document.edits.removing import lift
from ltxdesktop.document.errors import BadValue, LastOne, MediaInUse, NoSuchBin, NotEnoughMedia, WrongTrack
from ltxdesktop.document.handles import handles
from ltxdesktop.document.model import (
    Bin,
    BinId,
    Clip,
    Document,
    Item,
    ItemId,
    MarkerId,
    Media,
    MediaId,
    Sequence,
    SequenceId,
    Track,
    TrackId,
    new_id,
)

# ---- media -----------------------------------------------------------------------------------------------------------


def add_media(document: Document, media: Iterable[Media]) -> Document:
    """Put media into the project; raises NoSuchBin if they name a bin that isn't there."""
    added = tuple(media)
    for one in added:
        _require_bin(document, one.bin)
    return document.with_media(*added) if added else document


def remove_media(document: Document, media_ids: Iterable[MediaId], *, with_clips: bool = False) -> Document:
    """Take media out of the project; the files stay. Raises NoSuchMedia, and MediaInUse if clips show them.

    `with_clips` lifts those clips from all sequences, and takes away takes that aren't shown (LockedTrack).
    """
    gone = set(media_ids)
    for media_id in gone:
        media = media_of(document, media_id)
        users = _users(document, media_id)
        if users and not with_clips:
            raise MediaInUse(media.name, tuple(clip.name for _, clip in users))
    for sequence in document.sequences:
        shown = [clip.id for track in sequence.tracks for clip in track.clips if clip.media in gone]
        if shown:
            document = lift(document, shown, linked=False, sequence_id=sequence.id)
    document = _without_takes(document, gone)
    left = {media_id: media for media_id, media in document.media.items() if media_id not in gone}
    return replace(document, media=MappingProxyType(left))


def _users(document: Document, media_id: MediaId) -> list[tuple[SequenceId, Clip]]:
    return [
        (sequence.id, clip)
        for sequence in document.sequences
        for track in sequence.tracks
        for clip in track.clips
        if any(take.media == media_id for take in clip.takes)
    ]


def _without_takes(document: Document, gone: set[MediaId]) -> Document:
    """The document without hidden takes of media that go."""

    def one(item: Item) -> Item:
        if not isinstance(item, Clip) or not any(take.media in gone for take in item.takes):
            return item
        left = tuple(take for take in item.takes if take.media not in gone)
        return replace(item, takes=left, active=left.index(item.takes[item.active]))

    for sequence in document.sequences:
        if any(take.media in gone for track in sequence.tracks for clip in track.clips for take in clip.takes):
            tracks = tuple(replace(track, items=tuple(one(item) for item in track.items)) for track in sequence.tracks)
            document = document.with_sequence(replace(sequence, tracks=tracks))
    return document


def change_media(document: Document, media: Media) -> Document:
    """Replace the media of that id: another name or bin, or another file (relinked).

    Raises NoSuchMedia, NoSuchBin, and NotEnoughMedia or WrongTrack if clips show what the new file doesn't have.
    """
    media_of(document, media.id)
    _require_bin(document, media.bin)
    changed = document.with_media(media)
    for sequence in changed.sequences:
        for track in sequence.tracks:
            for clip in track.clips:
                if any(take.media == media.id for take in clip.takes):
                    _require_shown(clip, track, sequence, changed, media)
    return changed


def _require_shown(clip: Clip, track: Track, sequence: Sequence, document: Document, media: Media) -> None:
    if why := misfit(clip, track.kind, document.media):
        raise WrongTrack(clip.name, track.name, why)
    before, after = handles(clip, document.media, sequence.rate)
    if before < 0 or after < 0:
        raise NotEnoughMedia(media.name, clip.duration, max(0, clip.duration + min(0, before) + min(0, after)))


def rename_media(document: Document, media_id: MediaId, name: str) -> Document:
    """Raises NoSuchMedia, BadValue."""
    return document.with_media(replace(media_of(document, media_id), name=_name(name)))


def move_to_bin(document: Document, media_ids: Iterable[MediaId], bin_id: BinId | None) -> Document:
    """Put media into a bin; None is the top. Raises NoSuchMedia, NoSuchBin."""
    _require_bin(document, bin_id)
    moved = [replace(media_of(document, media_id), bin=bin_id) for media_id in media_ids]
    return document.with_media(*moved) if moved else document


# ---- bins ------------------------------------------------------------------------------------------------------------


def add_bin(document: Document, name: str, parent: BinId | None = None, *, bin_id: BinId | None = None) -> Document:
    """Raises NoSuchBin, BadValue."""
    _require_bin(document, parent)
    return replace(document, bins=(*document.bins, Bin(bin_id or BinId(new_id()), _name(name), parent)))


def rename_bin(document: Document, bin_id: BinId, name: str) -> Document:
    """Raises NoSuchBin, BadValue."""
    return _with_bin(document, replace(_bin(document, bin_id), name=_name(name)))


def move_bin(document: Document, bin_id: BinId, parent: BinId | None) -> Document:
    """Put a bin into another, or to the top. Raises NoSuchBin, BadValue if that is within itself."""
    changed = replace(_bin(document, bin_id), parent=parent)
    _require_bin(document, parent)
    above = parent
    while above is not None:
        if above == bin_id:
            raise BadValue("A bin can't be put into itself.")
        above = _bin(document, above).parent
    return _with_bin(document, changed)


def remove_bin(document: Document, bin_id: BinId) -> Document:
    """Remove a bin; what lies in it moves to where the bin was. Raises NoSuchBin."""
    gone = _bin(document, bin_id)
    bins = tuple(
        replace(other, parent=gone.parent) if other.parent == bin_id else other
        for other in document.bins
        if other.id != bin_id
    )
    moved = [replace(media, bin=gone.parent) for media in document.media.values() if media.bin == bin_id]
    document = replace(document, bins=bins)
    return document.with_media(*moved) if moved else document


def _bin(document: Document, bin_id: BinId) -> Bin:
    found = next((one for one in document.bins if one.id == bin_id), None)
    if found is None:
        raise NoSuchBin(bin_id)
    return found


def _require_bin(document: Document, bin_id: BinId | None) -> None:
    if bin_id is not None:
        _bin(document, bin_id)


def _with_bin(document: Document, changed: Bin) -> Document:
    return replace(document, bins=tuple(changed if old.id == changed.id else old for old in document.bins))


def _name(name: str) -> str:
    if not name.strip():
        raise BadValue("A name is needed.")
    return name.strip()


# ---- sequences -------------------------------------------------------------------------------------------------------


def add_sequence(document: Document, sequence: Sequence, *, open_it: bool = True) -> Document:
    """Add a sequence (see `model.new_sequence`), and open it. Raises BadValue if its id is used already."""
    if any(other.id == sequence.id for other in document.sequences):
        raise BadValue(f"There is a sequence with the id of {sequence.name!r} already.")
    changed = replace(document, sequences=(*document.sequences, sequence))
    return replace(changed, active=sequence.id) if open_it else changed


def open_sequence(document: Document, sequence_id: SequenceId) -> Document:
    """Raises NoSuchSequence."""
    sequence_of(document, sequence_id)
    return document if document.active == sequence_id else replace(document, active=sequence_id)


def remove_sequence(document: Document, sequence_id: SequenceId) -> Document:
    """Raises NoSuchSequence, LastOne."""
    sequence_of(document, sequence_id)
    left = tuple(sequence for sequence in document.sequences if sequence.id != sequence_id)
    if not left:
        raise LastOne("sequence")
    active = left[0].id if document.active == sequence_id else document.active
    return replace(document, sequences=left, active=active)


def duplicate_sequence(
    document: Document, sequence_id: SequenceId, name: str = "", *, open_it: bool = True
) -> Document:
    """Add a copy of a sequence with ids of its own. Raises NoSuchSequence."""
    sequence = sequence_of(document, sequence_id)
    renew = Renewal()

    def item(old: Item) -> Item:
        return renew.clip(old) if isinstance(old, Clip) else replace(old, id=ItemId(new_id()))

    tracks = tuple(
        replace(track, id=TrackId(new_id()), items=tuple(item(old) for old in track.items)) for track in sequence.tracks
    )
    copy = replace(
        sequence,
        id=SequenceId(new_id()),
        name=name.strip() or f"{sequence.name} copy",
        tracks=tracks,
        markers=tuple(replace(marker, id=MarkerId(new_id())) for marker in sequence.markers),
    )
    return add_sequence(document, copy, open_it=open_it)


def change_sequence(
    document: Document,
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    rate: Fraction | None = None,
    sample_rate: int | None = None,
    first_frame: int | None = None,
    drop_frame: bool | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Change what is given of a sequence.

    The rate can only change while there are no clips: every cut would move otherwise (paste the clips into a new
    sequence instead). Raises NoSuchSequence, BadValue.
    """
    old = sequence_of(document, sequence_id)
    if rate is not None and rate != old.rate and old.duration:
        raise BadValue("The rate can't change while there are clips. Paste them into a new sequence of that rate.")
    if (size and min(size) < 1) or (rate is not None and rate <= 0) or (sample_rate is not None and sample_rate < 1):
        raise BadValue("Size and rates must be above 0.")
    new = replace(
        old,
        name=old.name if name is None else _name(name),
        width=size[0] if size else old.width,
        height=size[1] if size else old.height,
        rate=old.rate if rate is None else rate,
        sample_rate=old.sample_rate if sample_rate is None else sample_rate,
        first_frame=old.first_frame if first_frame is None else first_frame,
        drop_frame=old.drop_frame if drop_frame is None else drop_frame,
    )
    return document if new == old else document.with_sequence(new)


def rename_project(document: Document, name: str) -> Document:
    """Raises BadValue for no name."""
    return document if document.name == name else replace(document, name=_name(name))
