"""The files of a bundle, as text that has been cleaned: what is shown is what is saved. Nobody is asked here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.protocol.messages import Cancelled, Failed, JobDetail
from ltxdesktop.diagnostics.private import Cleaner, Private
from ltxdesktop.settings.declared import SETTINGS
from ltxdesktop.settings.kinds import Text
from ltxdesktop.settings.store import Settings

LOG_LINES = 600
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of the files in the zip: the page says when, in UTC and without a time zone


class Page(NamedTuple):
    """One file."""

    name: str
    text: str


@dataclass(frozen=True)
class Facts:
    """All that was gathered, not cleaned yet."""

    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    doctor: str = ""
    settings: str = ""
    jobs: tuple[JobDetail, ...] = ()
    jobs_problem: str = ""  # why there are none to tell of
    log: str = ""
    crash: str = ""
    private: Private = field(default_factory=Private)

    def whole_private(self) -> Private:
        """What is private, with the words and files of the jobs."""
        words, files = set[str](), set[str]()
        for job in self.jobs:
            words |= {job.row.title, job.work.prompt, job.work.negative}
            files |= _files_of(job)
        return self.private.knowing(words=words - {""}, files=files - {""})


def pages_of(
    facts: Facts, *, words: bool = False, names: bool = False, now: datetime | None = None
) -> tuple[Page, ...]:
    """The bundle. `words`: prompts stay in; `names`: names of files stay in."""
    clean = Cleaner(facts.whole_private(), words=words, names=names)
    made = [
        Page("about.txt", _about(words, names, now or datetime.now(UTC))),
        Page("versions.txt", clean.clean("\n".join(f"{name:<20}{value}" for name, value in facts.versions.items()))),
        Page("doctor.txt", clean.clean(facts.doctor or "It couldn't be asked.")),
        Page("settings.txt", clean.clean(facts.settings)),
        Page("jobs.txt", _jobs(facts, clean)),
        Page("log.txt", clean.clean("\n".join(facts.log.splitlines()[-LOG_LINES:]))),
    ]
    if facts.crash.strip():
        made.append(Page("crash.txt", clean.clean(facts.crash)))
    return tuple(page._replace(text=page.text.rstrip() + "\n") for page in made)


def save(pages: Sequence[Page], path: Path) -> None:
    """Write the zip, whole or not at all. Raises OSError."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
        for page in pages:
            bundle.writestr(zipfile.ZipInfo(page.name, _FIRST_DATE), page.text.encode(), zipfile.ZIP_DEFLATED)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data.getvalue())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def settings_text(settings: Settings) -> str:
    """What the person has set. Of free words, which may name machines, only that they're there; keys are never here."""
    lines: list[str] = []
    for setting in SETTINGS:
        if settings.is_set(setting):
            value: Any = settings.get(setting)
            shown = "(given)" if isinstance(setting, Text) and value else repr(value)
            lines.append(f"{setting.key} = {shown}")
    return "\n".join([*lines, *settings.problems] or ["Everything is as it comes."])


def _about(words: bool, names: bool, now: datetime) -> str:
    left_out = ["keys and tokens", "your home folder, your name and your machine's", "mail and network addresses"]
    left_out += [] if words else ["prompts and titles"]
    left_out += [] if names else ["names of files and folders"]
    kept = [*(["prompts"] if words else []), *(["names of files"] if names else [])]
    lines = [
        "Diagnostics of ltxdesktop, gathered " + now.strftime("%Y-%m-%d %H:%M UTC"),
        "",
        f"Taken out: {'; '.join(left_out)}.",
        *([f"Left in because you ticked it: {' and '.join(kept)}."] if kept else []),
        "Nothing was sent anywhere: this file is yours to give, or not.",
    ]
    return "\n".join(lines)


def _jobs(facts: Facts, clean: Cleaner) -> str:
    if facts.jobs_problem:
        return clean.clean(facts.jobs_problem)
    return "\n\n".join(_job(job, clean) for job in facts.jobs) or "There are no jobs."


def _job(job: JobDetail, clean: Cleaner) -> str:
    row, work = job.row, job.work
    times = [_time(moment) for moment in (row.submitted_at, row.started_at, row.ended_at)]
    lines = [
        f"{row.job[:8]}  {row.mode}  {row.state}  attempt {row.attempt}",
        f"  asked, begun, ended  {', '.join(times)}",
        f"  model {work.model or 'any'} at {work.backend or 'any backend'}, stage {work.stage}, "
        f"{work.variations} of seed {work.seed}",
        f"  prompt  {clean.words_of(work.prompt)}",
    ]
    if isinstance(job.state, Failed):
        lines += [f"  failed: {job.state.kind}. {clean.clean(job.state.message)}"]
        lines += [f"    {line}" for line in clean.clean(job.state.detail).splitlines()]
    elif isinstance(job.state, Cancelled) and job.state.message:
        lines.append(f"  cancelled. {clean.clean(job.state.message)}")
    return "\n".join(lines)


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M:%S") if moment else "–"


def _files_of(job: JobDetail) -> set[str]:
    """Every file that a job's work and result name."""
    found: set[str] = set()

    def look(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, each in value.items():  # pyright: ignore[reportUnknownVariableType]  # plain data of msgspec
                look(each, str(key))  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list | tuple):
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                look(each, name)
        elif isinstance(value, str) and name in _FILE_FIELDS:
            found.add(value)

    look(msgspec.to_builtins(job.work), "")
    look(msgspec.to_builtins(job.state), "")
    return found


_FILE_FIELDS = frozenset({"source", "image", "file", "folder", "name", "path", "draft_latents", "lora", "parents"})
