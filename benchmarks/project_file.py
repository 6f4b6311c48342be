"""Opening and saving a project of 10,000 clips, each one JSON line; and one edit into the journal.

Goals: open ≤ 1.5 s, save ≤ 0.5 s (issue 6). Opening is everything that `Project.open` does (lock, read, parse, values);
saving is everything that `Project.save` does (text, journal, backup, temporary file, fsync, rename). For comparison the
line of opening says how long OpenTimelineIO itself takes to read the same text.

    python benchmarks/project_file.py [CLIPS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from _report import measure, peak_rss_bytes, report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Parameter,
    Take,
    Track,
    new_document,
    new_sequence,
)
from ltxdesktop.project.project import Project

NTSC = Fraction(30000, 1001)
FILES = 50
RUNS = 7


def film(clips: int) -> Document:
    """Linked picture and sound of 50 files on four tracks; every fifth clip has a value, every tenth two takes."""
    media = [
        Media(
            MediaId(f"m{n}"), f"shot {n}.mp4", f"media/shot {n}.mp4", MediaKind.VIDEO, NTSC, 3000, 1920, 1080, 48000,
            4804800, 2, 10**8, f"{n:032x}",
        )
        for n in range(FILES)
    ]  # fmt: skip
    sequence = new_sequence("Film", rate=NTSC)
    per_track = clips // len(sequence.tracks)

    def clip(track: Track, n: int) -> Clip:
        start = Fraction(n % 500 * 1001, 30000)
        takes = (Take(MediaId(f"m{n % FILES}"), start), Take(MediaId(f"m{(n + 1) % FILES}"), start, "again"))
        values = {"opacity": Parameter(0.5)} if n % 5 == 0 else {}
        link = LinkId(f"l{n}-{track.name[1]}")
        shown = takes if n % 10 == 0 else takes[:1]
        return Clip(ItemId(f"{track.name}-{n}"), f"shot {n % FILES}", 40 + n % 60, shown, values=values, link=link)

    tracks = tuple(replace(t, items=tuple(clip(t, n) for n in range(per_track))) for t in sequence.tracks)
    return new_document("Film", replace(sequence, tracks=tracks)).with_media(*media)


def edited(document: Document, number: int) -> Document:
    """One clip in the middle of a track trimmed."""
    sequence = document.sequence
    track = sequence.tracks[0]
    place = len(track.items) // 2
    items = (*track.items[:place], replace(track.items[place], duration=10 + number), *track.items[place + 1 :])
    return document.with_sequence(replace(sequence, tracks=(replace(track, items=items), *sequence.tracks[1:])))


def main() -> None:
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    document = film(clips)
    with tempfile.TemporaryDirectory() as folder:
        path, state = Path(folder, "film.otio"), Path(folder, "state")
        Project.create(path, document, state).close()
        size = path.stat().st_size

        def open_it() -> None:
            Project.open(path, state).close()

        settings = {"clips": clips, "bytes": size}
        opening, opening_cpu_s = measured(open_it)
        otio_s = _opentimelineio_seconds(path)
        project = Project.open(path, state)
        saving, saving_cpu_s = measured(lambda: project.save(document))
        numbers = iter(range(1000))

        def edit() -> None:
            project.note("Trim", edited(document, next(numbers)))

        noting = measure(edit, times=50)
        project.close()
    facts = {"cpu_s": opening_cpu_s, "opentimelineio_reads_cpu_s": round(otio_s, 3)}
    report("open a project", opening, goal=1.5, settings=settings, peak_bytes=peak_rss_bytes(), **facts)
    report("save a project", saving, goal=0.5, settings=settings, cpu_s=saving_cpu_s)
    report("an edit, made and told to the journal", noting, goal=0.002, settings=settings)


def measured(call: Callable[[], object]) -> tuple[list[float], float]:
    """Wall seconds of each of seven calls, and the mean of their CPU seconds, which neighbours don't change as much."""
    call()
    start = time.process_time()
    runs = measure(call, times=RUNS, warm_up=0)
    return runs, round((time.process_time() - start) / RUNS, 3)


def _opentimelineio_seconds(path: Path) -> float:
    import opentimelineio as otio

    text = path.read_text(encoding="utf-8")
    start = time.process_time()
    otio.adapters.read_from_string(text, "otio_json")
    return time.process_time() - start


if __name__ == "__main__":
    main()
