"""Which job belongs to which place: kept in a small file, so that takes find home after a restart of the program too.

The engine keeps jobs and results (its store); what it can't know is for which place of which project they were asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from engine.protocol.grid import FrameRange
from engine.protocol.work import Neighbour
from ltxdesktop.loop.keeping import Keep, keep_now
from ltxdesktop.loop.places import AfterClip, AtFrame, InGap, LikeTake, OfClip, Place

_KINDS: dict[str, type[Place]] = {
    "of clip": OfClip,
    "after clip": AfterClip,
    "in gap": InGap,
    "at frame": AtFrame,
    "like take": LikeTake,
}


@dataclass(frozen=True)
class Pending:
    """A job that was asked for on a timeline."""

    job: str
    project: str  # path of the project, or an id as long as it has none
    place: Place
    what: Literal["both", "picture", "sound"] = "both"
    name: str = ""  # of the takes


class PendingTakes:
    """All of them, in the order in which they were asked. Every change is written, whole or not at all."""

    def __init__(self, file: Path, keep: Keep = keep_now) -> None:
        """Read what is there. A broken file is set aside as `.broken`: its takes wait in the takes panel."""
        self._file, self._keep = file, keep
        self._waiting: dict[str, Pending] = {}
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            self._waiting = {each["job"]: _from_json(each) for each in stored}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            file.replace(file.with_suffix(".broken"))
        self._earlier = frozenset(self._waiting)

    def __iter__(self) -> Iterator[Pending]:
        return iter(tuple(self._waiting.values()))

    def of(self, job: str) -> Pending | None:
        return self._waiting.get(job)

    def is_earlier(self, job: str) -> bool:
        """Whether it was asked before this start: its take may have landed without that being written here."""
        return job in self._earlier

    def add(self, pending: Pending) -> None:
        self._waiting[pending.job] = pending
        self._write()

    def done(self, job: str, kept: Callable[[], object] = lambda: None) -> None:
        """A take found its place. `kept` returns when that is on the disk; it's called where the file is written,
        before that, so that whenever the program dies the take is in one of both."""
        if self._waiting.pop(job, None) is not None:
            self._write(kept)

    def rename_project(self, old: str, new: str) -> None:
        """A project got its first file, or another one."""
        moved = {job: replace(each, project=new) for job, each in self._waiting.items() if each.project == old}
        if moved:
            self._waiting |= moved
            self._write()

    def _write(self, before: Callable[[], object] = lambda: None) -> None:
        waiting = tuple(self._waiting.values())

        def words() -> str:
            before()
            return json.dumps([_to_json(each) for each in waiting], indent=1)

        self._keep(self._file, words)


def _to_json(pending: Pending) -> dict[str, Any]:
    kind = next(name for name, each in _KINDS.items() if isinstance(pending.place, each))
    place = {field.name: _plain(getattr(pending.place, field.name)) for field in fields(pending.place)}
    return {
        "job": pending.job,
        "project": pending.project,
        "kind": kind,
        "place": place,
        "what": pending.what,
        "name": pending.name,
    }


def _plain(value: Any) -> Any:
    match value:
        case Fraction():
            return {"fraction": str(value)}
        case FrameRange():
            return {"range": [value.start, value.end]}
        case Neighbour():
            return {"source": value.source, "at": value.at}
        case _:
            return value


def _from_json(stored: dict[str, Any]) -> Pending:
    place = _KINDS[stored["kind"]](**{name: _value(value) for name, value in stored["place"].items()})
    return Pending(stored["job"], stored["project"], place, stored["what"], stored["name"])


def _value(value: Any) -> Any:
    match value:
        case {"fraction": str(text)}:
            return Fraction(text)
        case {"range": [int(start), int(end)]}:
            return FrameRange(start, end)
        case {"source": str(source), "at": int(at)}:
            return Neighbour(source=source, at=at)
        case _:
            return value
