"""From a document to an export that can run: a renderer of originals over decoders of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ltxdesktop.document.model import Document, Media, Sequence, SequenceId
from ltxdesktop.export.job import Job
from ltxdesktop.export.settings import Settings
from ltxdesktop.media import heap
from ltxdesktop.media.decoders import Decoders
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.renderer import Renderer

# An export goes through the film once, so it keeps little: these, the encoder and a few frames stay below 600 MB at
# 1080p. They're not the program's own decoders, so that playing and exporting don't move each other's readers.
_FRAME_BYTES: Final = 8 << 20
_READER_BYTES: Final = 512 << 20  # of films shown at once: two of 4K in a dissolve must both stay open
_SOUND_BYTES: Final = 16 << 20

Locate = Callable[[Media], Path]


@contextmanager
def prepared(
    document: Document,
    settings: Settings,
    target: Path,
    files: MediaFiles,
    locate: Locate,
    sequence: SequenceId | None = None,
    key: str = "",
) -> Generator[Job]:
    """A job for the open sequence of a document, or for the one that is named; its files are closed with the block.

    `key` names the file while it's made.
    """
    heap.share_heaps()
    chosen = document.sequence if sequence is None else next(s for s in document.sequences if s.id == sequence)
    decoders = Decoders(
        lambda path, is_sequence=False: files.facts(path, sequence=is_sequence),
        frame_bytes=_FRAME_BYTES,
        reader_bytes=_READER_BYTES,
        sound_bytes=_SOUND_BYTES,
        once_through=True,
    )

    def film(shown: Sequence) -> Renderer:
        return Renderer(shown, document.media, locate, decoders, originals=True)

    try:
        yield Job(chosen, document.media, settings, target, film, locate, files.index_of, key)
    finally:
        decoders.close()
