"""What it costs to export a 1080p edit to H.264 and AAC, beside `melt` and one `ffmpeg -filter_complex`.

    python benchmarks/export_edit.py [--full] [--runs N] [--keep FOLDER]

The film is that of `_film.py`: five pieces of three H.264 clips, cuts, two dissolves, a grade (LUT), a title, two audio
tracks with fades. `--full` exports all 28 s of it, otherwise three tenths of everything (8.4 s). All three are told the
same: x264 preset medium, CRF 19, 20 frames of look ahead, a key picture every 2 s, AAC at 256 kbit/s by the fast coder,
index in front. Ours is run without smart render, since the others have none; `smart_cpu_s` is what it takes with it.

Each run is a process of its own, and they take turns. CPU-seconds count all threads and children; peak memory is the
most that our process held (it holds interpreter, decoders, renderer and encoder), and what its largest child did, if it
has one. Every file is opened afterwards: one that hasn't all frames, or other pictures than ours, isn't compared.
`--keep` leaves the clips in a folder and takes them from there the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _film import Length, ffmpeg_command, melt_project, sequence_of
from _report import peak_rss_bytes, report
from render_edit import HEADLESS, RATE, SIZE, make_bed, make_clip, make_cube

from engine.media.decode import VideoReader
from ltxdesktop.document.model import new_document
from ltxdesktop.export.command import text_application
from ltxdesktop.export.job import Export
from ltxdesktop.export.opening import prepared
from ltxdesktop.export.settings import Settings
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import Plane, planes_of

QUALITY = 70  # x264's CRF 19: ltxdesktop.export.encoders
CRF = 19
LOOK_AHEAD = 20
KEY_EVERY = 60
SOUND = "256k"
SHORT = 3  # tenths of the film

GOAL_MELT, GOAL_FFMPEG, GOAL_BYTES = 0.90, 1.05, 600e6
# Codes of luma that two programs' pictures may differ by on average. melt's grade is 9 away: it gets RGB by BT.601.
ALIKE = 10.0


class Cost(NamedTuple):
    """CPU-seconds of all threads, wall seconds, the most memory that was held, and the file's size, in bytes."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    bytes: int


def export(target: Path, length: Length, clips: list[Path], bed: Path, cube: Path, *, smart: bool) -> None:
    """Ours, in a process of its own: from files that it has never seen to a checked film."""
    application = text_application()  # the title needs fonts
    with tempfile.TemporaryDirectory() as cache:
        files = MediaFiles(Path(cache))
        try:
            media = [files.describe(path) for path in (*clips, bed)]
            sequence = sequence_of(length, media[:-1], media[-1], cube)
            assert sequence.duration == length.frames
            document = new_document("film", sequence).with_media(*media)
            settings = Settings("h264", quality=QUALITY, smart=smart)
            with prepared(document, settings, target, files, lambda one: Path(one.path)) as job:
                made = Export(job).run()
        finally:
            files.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"peak_bytes": peak_rss_bytes() + children, "copied": made.copied}))
    del application


def ffmpeg_export(command: list[str], target: Path) -> list[str]:
    """ffmpeg's command with the file at its end."""
    picture = ["-c:v", "libx264", "-preset", "medium", "-crf", str(CRF), "-rc-lookahead", str(LOOK_AHEAD)]
    sound = ["-c:a", "aac", "-b:a", SOUND, "-aac_coder", "fast"]
    ends = ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-y", str(target)]
    return [*command, *picture, "-g", str(KEY_EVERY), *sound, *ends]


def melt_export(project: Path, target: Path) -> list[str]:
    """The same for melt, which fetches every frame in order."""
    picture = ["vcodec=libx264", "preset=medium", f"crf={CRF}", f"rc-lookahead={LOOK_AHEAD}", f"g={KEY_EVERY}"]
    sound = ["acodec=aac", f"ab={SOUND}", "aac_coder=fast"]
    ends = ["pix_fmt=yuv420p", "movflags=+faststart", "real_time=-1"]
    return ["melt", "-silent", str(project), "-consumer", f"avformat:{target}", *picture, *sound, *ends]


def run(name: str, command: list[str], target: Path, is_right: Callable[[], str]) -> Cost | None:
    """The cost of one run; None, with the reason on stderr, where it can't be run or makes another film."""
    target.unlink(missing_ok=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(command, env=os.environ | HEADLESS, stdin=subprocess.DEVNULL, capture_output=True)
    except FileNotFoundError:
        print(f"{name}: not installed, left out", file=sys.stderr)
        return None
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    wrong = f"status {done.returncode}: {done.stderr.decode()[-300:]}" if done.returncode else is_right()
    if wrong:
        print(f"{name}: {wrong}", file=sys.stderr)
        return None
    peak = json.loads(done.stdout)["peak_bytes"] if done.stdout.startswith(b'{"peak_bytes"') else 0
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, peak, target.stat().st_size)


def looked_at(film: Path, length: Length) -> tuple[int, list[Plane]]:
    """(frames, luma of a few of them: each piece's, both dissolves', the title's)."""
    places = (0.02, 0.12, 0.3, 0.452, 0.6, 0.75, 0.86, 0.98)
    with VideoReader(film) as reader:
        count = reader.index.frames
        if count != length.frames:
            return count, []
        return count, [planes_of(reader.frame(int(place * count)))[0].astype(np.int16) for place in places]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the whole 28 s")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the clips")
    parser.add_argument("--without", default="", help="peers that aren't run, as melt,ffmpeg")
    chosen = parser.parse_args()
    length = Length(10 if chosen.full else SHORT)
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, nullcontext(str(chosen.keep or name)) as kept:
        compare(length, chosen.runs, Path(name), Path(kept), chosen.without.split(","))


def compare(length: Length, runs: int, folder: Path, kept: Path, without: list[str]) -> None:
    """Run all of them in turn, and say what it took."""
    clips = [kept / f"clip{seed}-{length.clip_frames}.mp4" for seed in (1, 2, 3)]
    for seed, clip in enumerate(clips, 1):
        if not clip.exists():
            make_clip(clip, seed, length.clip_frames)
    bed, cube, target = make_bed(folder / "bed.flac"), make_cube(folder / "grade.cube"), folder / "film.mp4"
    words = [str(length.tenths), str(target), str(cube), str(bed), *map(str, clips)]
    commands = {
        "ours": [sys.executable, __file__, "--export", "", *words],
        "ffmpeg": ffmpeg_export(ffmpeg_command(length, clips, bed, cube), target),
    }
    if project := melt_project(length, clips, bed, cube, folder):
        commands["melt"] = melt_export(project, target)
    costs: dict[str, list[Cost]] = {name: [] for name in commands if name not in without}
    seen: list[Plane] = []
    far: dict[str, float] = {}

    def wrong(name: str) -> str:
        count, pictures = looked_at(target, length)
        if count != length.frames:
            return f"{count} frames instead of {length.frames}"
        if name == "ours":
            seen[:] = pictures
        far[name] = max(float(np.abs(a - b).mean()) for a, b in zip(seen, pictures, strict=True))
        return f"other pictures, {far[name]:.1f} codes away" if far[name] > ALIKE else ""

    for _ in range(runs):
        for name in [name for name in commands if name in costs]:
            cost = run(name, commands[name], target, lambda name=name: wrong(name))
            if cost is None and name == "ours":
                raise SystemExit("our own export failed")
            if cost is None:
                del costs[name]
            else:
                costs[name].append(cost)
    smart = run("ours, smart", [sys.executable, __file__, "--export", "smart", *words], target, lambda: "")
    facts: dict[str, object] = {
        "wall_s": round(statistics.median(cost.wall_s for cost in costs["ours"]), 2),
        "bytes": costs["ours"][0].bytes,
        "peak_goal_bytes": GOAL_BYTES,
        "peak_reached": max(cost.peak_bytes for cost in costs["ours"]) <= GOAL_BYTES,
        "smart_cpu_s": round(smart.cpu_s, 2) if smart else None,
        "smart_peak_bytes": smart.peak_bytes if smart else None,
    }
    for name, goal in (("melt", GOAL_MELT), ("ffmpeg", GOAL_FFMPEG)):
        if name in costs:
            facts |= beside(name, costs["ours"], costs[name], goal) | {f"{name}_codes_away": round(far[name], 2)}
    settings = {"frames": length.frames, "size": SIZE, "rate": str(RATE), "x264": f"medium, CRF {CRF}", "aac": SOUND}
    report(
        f"export a {float(length.frames / RATE):g} s edit to H.264",
        [cost.cpu_s for cost in costs["ours"]],
        unit="CPU-s",
        settings=settings,
        peak_bytes=max(cost.peak_bytes for cost in costs["ours"]),
        **facts,
    )


def beside(name: str, ours: list[Cost], theirs: list[Cost], goal: float) -> dict[str, object]:
    mine, other = (statistics.median(cost.cpu_s for cost in costs) for costs in (ours, theirs))
    return {
        f"{name}_cpu_s": round(other, 2),
        f"{name}_wall_s": round(statistics.median(cost.wall_s for cost in theirs), 2),
        f"{name}_bytes": theirs[0].bytes,
        f"times_{name}": round(mine / other, 3),
        f"times_{name}_goal": goal,
        f"times_{name}_reached": mine / other <= goal,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--export"]:
        how, tenths, file, cube_file, bed_file, *clip_files = sys.argv[2:]
        paths = [Path(each) for each in clip_files]
        export(Path(file), Length(int(tenths)), paths, Path(bed_file), Path(cube_file), smart=bool(how))
    else:
        main()
