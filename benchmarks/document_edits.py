"""How long do one edit and one undo take in a sequence of 10,000 clips?  Goal: at most 2 ms, for the slowest kind.

5,000 linked pairs of picture and sound on two tracks: each edit cuts both, and a ripple near the beginning shifts all.
Each run edits the document that the run before it left, through the history, at another place. The figure is that of
the slowest kind of edit; the others, undo and `check` stand beside it, and CPU time beside the clock's, which moves
with the machine's neighbours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from fractions import Fraction

from _report import report

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.edits import Edge, MoveMode
from ltxdesktop.document.history import History
from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    LinkId,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
)

PAIRS = 5000
FRAMES = 40  # of a clip
RUNS = 40
GOAL_MS = 2.0
RATE = Fraction(25)

Kind = Callable[[Document, ItemId, int], Document]  # document, a clip of V1, its start


def film() -> Document:
    media = Media(MediaId("m"), "m", "m.mov", MediaKind.VIDEO, RATE, 100_000, 1920, 1080, 48000, 192_000_000, 2)
    tracks = [
        Track(
            TrackId(kind.value),
            kind,
            kind.value,
            tuple(
                Clip(
                    ItemId(f"{kind.value} {n}"),
                    f"clip {n}",
                    FRAMES,
                    (Take(media.id, n * 10 / RATE),),
                    link=LinkId(str(n)),
                )
                for n in range(10, PAIRS + 10)
            ),
        )
        for kind in (TrackKind.VIDEO, TrackKind.AUDIO)
    ]
    sequence = Sequence(SequenceId("s"), "film", rate=RATE, tracks=tuple(tracks))
    return Document("film", (sequence,), sequence.id).with_media(media)


KINDS: dict[str, Kind] = {
    "trim": lambda d, clip, _: edits.trim(d, clip, Edge.TAIL, -3),
    "ripple trim": lambda d, clip, _: edits.ripple_trim(d, clip, Edge.HEAD, 2),
    "roll": lambda d, clip, _: edits.roll(d, clip, following(d, clip), 2),
    "slip": lambda d, clip, _: edits.slip(d, clip, 5),
    "split": lambda d, _, start: edits.split(d, start + 11),
    "insert": lambda d, _, start: edits.insert_clips(d, edits.placements(d, MediaId("m"), out_s=Fraction(1)), start),
    "overwrite": lambda d, _, start: edits.overwrite_clips(
        d, edits.placements(d, MediaId("m"), out_s=Fraction(1)), start + 7
    ),
    "extract": lambda d, clip, _: edits.extract(d, [clip]),
    "move": lambda d, clip, _: edits.move(d, [clip], 55, 0, MoveMode.OVERWRITE),
    "value": lambda d, clip, _: edits.set_value(d, clip, "opacity", 0.5),
}


def following(document: Document, clip: ItemId) -> ItemId:
    track = document.sequence.tracks[0]
    return track.items[track.index[clip] + 1].id


def measured(history: History, kind: Kind) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of the edits, their CPU time, and milliseconds of one undo each."""
    walls: list[float] = []
    cpus: list[float] = []
    undos: list[float] = []
    for run in range(RUNS + 2):
        before = history.document
        track = before.sequence.tracks[0]
        clips = [place for place, item in enumerate(track.items) if isinstance(item, Clip) and item.duration == FRAMES]
        place = next(place for place in clips[20 + run * 37 :] if isinstance(track.items[place + 1], Clip))
        clip, start = track.items[place].id, track.starts[place]
        wall, cpu = time.perf_counter(), time.process_time()
        history.do("edit", kind(before, clip, start))
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
        wall = time.perf_counter()
        history.undo()
        undos.append((time.perf_counter() - wall) * 1e3)
        history.redo()
    return walls[2:], cpus[2:], undos[2:]


def main() -> None:
    document = film()
    start = time.perf_counter()
    check(document)
    check_ms = (time.perf_counter() - start) * 1e3
    results = {name: measured(History(document), kind) for name, kind in KINDS.items()}
    slowest = max(results, key=lambda name: statistics.median(results[name][0]))
    walls, cpus, undos = results[slowest]
    report(
        "one edit among 10,000 clips, the slowest kind",
        walls,
        unit="ms",
        goal=GOAL_MS,
        settings={"clips": 2 * PAIRS, "tracks": 2, "kind": slowest},
        cpu_ms=round(statistics.median(cpus), 3),
        undo_ms=round(statistics.median(undos), 4),
        check_ms=round(check_ms, 1),
        each_ms={name: round(statistics.median(result[0]), 3) for name, result in results.items()},
    )


if __name__ == "__main__":
    main()
