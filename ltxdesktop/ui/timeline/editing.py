"""Trying and committing edits for the timeline: the one place where its requests meet the document and its history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Protocol

from ltxdesktop.document.edits import Edge, ripple_trim_reach
from ltxdesktop.document.errors import DocumentError, NoRoom, OutOfReach
from ltxdesktop.document.history import History
from ltxdesktop.document.model import Document
from ltxdesktop.ui.timeline.perform import perform
from ltxdesktop.ui.timeline.requests import (
    Fade,
    Move,
    MoveMarker,
    Request,
    ResizeTransition,
    Roll,
    Slide,
    Slip,
    Trim,
)


class Tried(NamedTuple):
    """What an edit would give: the document, the request as far as it can go, and why it goes no further."""

    document: Document
    request: Request
    why: str = ""
    refused: bool = False  # nothing of it can be done


class EditRequests(Protocol):
    """What the view asks. It changes nothing itself."""

    @property
    def document(self) -> Document: ...

    def attempt(self, request: Request) -> Tried: ...

    def commit(self, name: str, document: Document) -> None: ...


class EditDesk:
    """Performs requests on a history's document."""

    def __init__(self, history: History) -> None:
        self._history = history

    @property
    def document(self) -> Document:
        return self._history.base

    def attempt(self, request: Request) -> Tried:
        """Perform a request on the present document without committing it.

        A drag that goes too far is brought back to the farthest place that is allowed, and told why. Raises nothing.
        """
        before = self._history.base
        try:
            return Tried(perform(request, before), request)
        except OutOfReach as error:
            return self._nearer(before, request, error.possible, str(error))
        except NoRoom as error:
            return self._nearer(before, request, _room(before, request), str(error))
        except DocumentError as error:
            if isinstance(request, Move) and request.tracks:  # sideways at least
                return self._without_tracks(request, str(error))
            return Tried(before, request, str(error), refused=True)

    def commit(self, name: str, document: Document) -> None:
        """One named step, if anything changed."""
        if document is not self._history.base:
            self._history.do(name, document)

    def edit(self, name: str, change: Callable[[Document], Document]) -> str:
        """Do a whole edit at once; returns why it was refused, "" when it's done."""
        try:
            changed = change(self._history.base)
        except DocumentError as error:
            return str(error)
        self.commit(name, changed)
        return ""

    def _nearer(self, before: Document, request: Request, possible: int, why: str) -> Tried:
        if not isinstance(request, Move | Trim | Roll | Slip | Slide | Fade | ResizeTransition | MoveMarker):
            return Tried(before, request, why, refused=True)
        if abs(possible) >= abs(request.frames):
            return Tried(before, request, why, refused=True)
        allowed = replace(request, frames=possible)
        try:
            return Tried(perform(allowed, before), allowed, why)
        except DocumentError as error:
            return Tried(before, request, str(error), refused=True)

    def _without_tracks(self, request: Move, why: str) -> Tried:
        tried = self.attempt(replace(request, tracks=0))
        return tried._replace(why=tried.why or why)


def _room(document: Document, request: Request) -> int:
    """How far a ripple trim can go until another track's clips are in the way; 0 for everything else."""
    if not isinstance(request, Trim):
        return 0
    try:
        reach = ripple_trim_reach(document, request.clip, Edge.TAIL if request.at_tail else Edge.HEAD)
    except DocumentError:
        return 0
    return min(reach.high, max(reach.low, request.frames))
