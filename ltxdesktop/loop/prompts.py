"""What was written for which clip, and what was asked for before: the memories of the prompt field. No Qt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from ltxdesktop.document.model import Clip, ItemId, Media, MediaId
from ltxdesktop.loop.keeping import Keep, keep_now
from ltxdesktop.loop.remaking import prompt_of

PROMPTS_KEPT = 40


class ClipPrompts:
    """The words of each clip of the open project: those in the field when it was left, else those of its takes.

    Takes carry their recipe in the project's file, so a clip that was made again has its words after reopening too.
    """

    def __init__(self) -> None:
        self._subject: ItemId | None = None
        self._given = ""  # what the field was filled with
        self._written: dict[ItemId, str] = {}

    def turn_to(self, clip: Clip | None, media: Mapping[MediaId, Media], present: str) -> str:
        """Another clip is the subject (or none): its words, "" where the present ones are to stay.

        `present`: what is in the field now; it's kept for the clip that is left, if a person wrote it.
        """
        subject = clip.id if clip is not None else None
        if subject == self._subject:
            return ""
        if self._subject is not None and present != self._given:
            self._written[self._subject] = present
        self._subject = subject
        words = "" if clip is None else self._written.get(clip.id) or asked_for(clip, media)
        self._given = words or present
        return words


def asked_for(clip: Clip, media: Mapping[MediaId, Media]) -> str:
    """The prompt of the take that is shown; of the newest that was made, where that is footage. "" if none was."""
    shown = [clip.takes[clip.active]] if clip.takes else []
    for take in (*shown, *reversed(clip.takes)):
        words = prompt_of(media[take.media]) if take.media in media else ""
        if words:
            return words
    return ""


class PromptHistory:
    """Prompts that were used, newest first, in a small file. Without a file they last as long as the program."""

    def __init__(self, file: Path | None = None, keep: Keep = keep_now) -> None:
        """Read what is there; a file that can't be read is taken as empty, and written anew by the next prompt."""
        self._file, self._keep = file, keep
        self._prompts: list[str] = _read(file) if file is not None else []

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._prompts))

    def __len__(self) -> int:
        return len(self._prompts)

    def add(self, prompt: str) -> None:
        """Put a prompt in front; one that was there already moves up. Raises what `keep` raises."""
        words = prompt.strip()
        if not words:
            return
        self._prompts = [words, *(each for each in self._prompts if each != words)][:PROMPTS_KEPT]
        if self._file is not None:
            self._keep(self._file, partial(json.dumps, tuple(self._prompts), ensure_ascii=False, indent=1))


def _read(file: Path) -> list[str]:
    try:
        stored: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    kept = cast("list[object]", stored) if isinstance(stored, list) else []
    return [each for each in kept if isinstance(each, str)][:PROMPTS_KEPT]
