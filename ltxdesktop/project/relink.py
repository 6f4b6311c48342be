"""Lost media found again: by name, size and content, in folders that are likely or that the person chose.

What is found is only proposed. `relinked` makes the new document; whoever calls probes a file again that may be another
one (`Match.certainty`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from engine.media.content import content_hash
from engine.media.errors import MediaError
from ltxdesktop.document.check import check
from ltxdesktop.document.errors import BrokenDocument
from ltxdesktop.document.model import Clip, Document, Item, Media, MediaId, MediaKind, Sequence
from ltxdesktop.document.otio.names import START_KEY
from ltxdesktop.project.places import as_written, located

MOST_FILES: Final = 300_000  # looked at in one search: a whole disk takes minutes


class Certainty(IntEnum):
    """How sure it is that a file is the lost one; more is surer."""

    NAME = 1  # the same name, another size: probably another version of it
    NAME_AND_SIZE = 2
    CONTENT = 3  # the same size and content hash, whatever its name


@dataclass(frozen=True, slots=True)
class Match:
    """A file that may be a lost media."""

    path: Path
    certainty: Certainty

    @property
    def same(self) -> bool:
        """Whether what is known of the lost file holds for this one too."""
        return self.certainty >= Certainty.NAME_AND_SIZE


def likely_folders(document: Document, folder: Path) -> list[Path]:
    """Where to look first: the project's folder, the one around it, and the folders of media that are there."""
    found = [folder]
    if folder.parent not in (Path(folder.anchor), Path.home(), Path.home().parent):
        found.append(folder.parent)
    for media in document.media.values():
        place = located(media.path, folder).parent
        if media.path and place not in found and place.is_dir():
            found.append(place)
    return [place for place in found if not any(other in place.parents for other in found)]


def find(
    missing: Iterable[Media],
    folders: Iterable[Path],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    looked_at: Callable[[int], None] = lambda _: None,
) -> dict[MediaId, Match]:
    """The best match for each lost media within folders and what is below them. Of equal ones the first met.

    `looked_at` is told the count of files now and then; when `cancelled` says so, what was found so far is returned.
    Folders and files that can't be read are passed over.
    """
    search = _Search(list(missing))
    for count, (path, entry) in enumerate(_files(folders), start=1):
        if count > MOST_FILES or search.complete or (count % 256 == 0 and cancelled()):
            break
        if count % 1024 == 0:
            looked_at(count)
        search.look_at(path, entry)
    return search.found


def relinked(document: Document, paths: Mapping[MediaId, Path], folder: Path) -> Document:
    """The document with media pointing to other files. `folder` is the project's `media_folder`."""
    changed = (replace(document.media[key], path=as_written(path, folder)) for key, path in paths.items())
    return document.with_media(*changed)


def with_media_start(document: Document, media_id: MediaId, start_s: Fraction) -> Document:
    """The document after it became known at which time of its own a media begins (its file's timecode).

    Edit lists count in that time: until it is known, a clip at 01:00:10:00 seems to begin an hour into its file.
    """
    media = document.media[media_id]
    before = Fraction(str(media.metadata.get(START_KEY, "0")))
    if start_s == before:
        return document
    metadata = MappingProxyType({**media.metadata, START_KEY: str(start_s)})
    document = document.with_media(replace(media, metadata=metadata))
    return replace(document, sequences=tuple(_shifted(s, media_id, start_s - before) for s in document.sequences))


def with_facts(document: Document, media_id: MediaId, described: Media) -> Document:
    """The document after somebody has looked at a file: one that only another program's list was known to name, or one
    that was changed, or read by an older version of this program.

    Facts are the file's; its place in the project stays. Where a list counted in the file's timecode, the clips move
    into the file by that. The same document where nothing is new. Raises BrokenDocument where the file isn't what the
    list says (it's too short for its clips).
    """
    known = document.media[media_id]
    start = Fraction(str(described.metadata.get(START_KEY, "0")))
    if start and not known.content_hash:
        document = with_media_start(document, media_id, start)
    seen = _as_known(known, described)
    if seen == known:
        return document
    document = document.with_media(seen)
    check(document)
    return document


def _as_known(known: Media, described: Media) -> Media:
    """What was found out of a file, in the place of what was known of it."""
    rate = known.rate if described.kind is MediaKind.IMAGE_SEQUENCE else described.rate  # the person's own to say
    metadata = MappingProxyType({**known.metadata, **described.metadata})
    return replace(
        described, id=known.id, name=known.name, path=known.path, bin=known.bin, recipe=known.recipe, rate=rate,
        metadata=metadata,
    )  # fmt: skip


def learned(document: Document, described: Mapping[MediaId, Media]) -> Document:
    """The document with the facts of all files that are what the list says; the others stay as they are."""
    for media_id, each in described.items():
        if media_id in document.media:
            with contextlib.suppress(BrokenDocument):
                document = with_facts(document, media_id, each)
    return document


def _shifted(sequence: Sequence, media_id: MediaId, later_s: Fraction) -> Sequence:
    """The sequence with the takes of a media that began `later_s` later than was thought."""

    def shifted(item: Item) -> Item:
        if not isinstance(item, Clip) or all(take.media != media_id for take in item.takes):
            return item
        takes = (replace(t, start_s=t.start_s - later_s) if t.media == media_id else t for t in item.takes)
        return replace(item, takes=tuple(takes))

    tracks = tuple(replace(track, items=tuple(map(shifted, track.items))) for track in sequence.tracks)
    return replace(sequence, tracks=tracks)


class _Search:
    """What is still lost, by name and by size, and the best matches so far."""

    def __init__(self, missing: list[Media]) -> None:
        self.found: dict[MediaId, Match] = {}
        self._missing = missing
        self._by_name: dict[str, list[Media]] = {}
        self._by_size: dict[int, list[Media]] = {}
        for media in missing:
            name = PurePosixPath(media.path or media.name).name
            self._by_name.setdefault(name.casefold(), []).append(media)
            if media.bytes and media.content_hash:
                self._by_size.setdefault(media.bytes, []).append(media)

    @property
    def complete(self) -> bool:
        """Whether nothing better can turn up."""
        return all(
            media.id in self.found and self.found[media.id].certainty >= self._best(media) for media in self._missing
        )

    def look_at(self, path: Path, entry: os.DirEntry[str]) -> None:
        alike = self._by_name.get(path.name.casefold(), [])
        if not alike and not self._by_size:
            return
        size = entry.stat().st_size
        for media in alike:
            known = bool(media.bytes)
            same = known and media.bytes == size
            self._propose(media, path, Certainty.NAME_AND_SIZE if same else Certainty.NAME)
        wanted = [media for media in self._by_size.get(size, ()) if not self._is_found(media)]
        if not wanted:
            return
        with contextlib.suppress(MediaError, OSError):
            content = content_hash(path)
            for media in wanted:
                if media.content_hash == content:
                    self._propose(media, path, Certainty.CONTENT)
                elif media in alike and self.found[media.id].path == path:
                    self.found[media.id] = Match(path, Certainty.NAME)  # the same size by chance

    def _propose(self, media: Media, path: Path, certainty: Certainty) -> None:
        before = self.found.get(media.id)
        if before is None or before.certainty < certainty:
            self.found[media.id] = Match(path, certainty)

    def _is_found(self, media: Media) -> bool:
        return media.id in self.found and self.found[media.id].certainty is Certainty.CONTENT

    def _best(self, media: Media) -> Certainty:
        if media.kind is MediaKind.IMAGE_SEQUENCE:
            return Certainty.NAME
        if not media.bytes:
            return Certainty.NAME
        return Certainty.CONTENT if media.content_hash else Certainty.NAME_AND_SIZE


def _files(folders: Iterable[Path]) -> Iterator[tuple[Path, os.DirEntry[str]]]:
    """Every file below the folders, near ones first; hidden folders and links to folders are left out."""
    waiting = list(folders)
    seen = set(waiting)
    while waiting:
        folder = waiting.pop(0)
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = Path(entry.path)
                with contextlib.suppress(OSError):
                    if entry.is_file():
                        yield path, entry
                    elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and path not in seen:
                        seen.add(path)
                        waiting.append(path)
