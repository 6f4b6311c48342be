"""What it costs to export a 28 s 1080p edit to H.264 and AAC, beside `melt` and one `ffmpeg -filter_complex`.

    python benchmarks/export_edit.py [--runs N] [--frames N]

The edit is that of `render_edit.py`: three H.264 clips, two dissolves, a grade (LUT), two audio tracks with fades. All
three are told the same: x264 preset medium, CRF 19, 20 frames of look ahead, a key picture every 2 s, AAC at
256 kbit/s by the fast coder, index in front. Ours is run without smart render, since the others have none;
`smart_cpu_s` is what it takes with it. Each run is a process of its own. CPU-seconds count all threads and children;
peak memory is the child's own. Every file is counted afterwards: one that hasn't all frames isn't compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from _report import peak_rss_bytes, report
from render_edit import (
    FRAMES,
    HEADLESS,
    RATE,
    SIZE,
    edit_of,
    ffmpeg_command,
    make_bed,
    make_clip,
    make_cube,
    melt_command,
)

from engine.media.index import build_index
from ltxdesktop.document.model import new_document
from ltxdesktop.export.job import Export
from ltxdesktop.export.opening import prepared
from ltxdesktop.export.settings import Settings
from ltxdesktop.media.files import MediaFiles

QUALITY = 70  # x264's CRF 19: ltxdesktop.export.encoders
CRF = 19
KEY_EVERY = 60
SOUND = "256k"

GOAL_MELT, GOAL_FFMPEG, GOAL_BYTES = 0.90, 1.05, 600e6


class Cost(NamedTuple):
    """CPU-seconds of all threads, wall seconds, and the most memory that was held, in bytes."""

    cpu_s: float
    wall_s: float
    peak_bytes: int


def export(target: Path, clips: list[Path], bed: Path, cube: Path, frames: int, smart: bool) -> None:
    """Ours, in a process of its own: from files that it has never seen to a checked film."""
    with tempfile.TemporaryDirectory() as cache:
        files = MediaFiles(Path(cache))
        try:
            media = [files.describe(path) for path in (*clips, bed)]
            document = new_document("edit", edit_of(media[:-1], media[-1], cube)).with_media(*media)
            settings = Settings("h264", last=frames, quality=QUALITY, smart=smart)
            with prepared(document, settings, target, files, lambda one: Path(one.path)) as job:
                made = Export(job).run()
        finally:
            files.close()
    print(json.dumps({"peak_bytes": peak_rss_bytes(), "copied": made.copied}))


def encoding(command: list[str], target: Path) -> list[str]:
    """The render benchmark's ffmpeg command with a file at its end instead of nothing."""
    sound = ["-c:a", "aac", "-b:a", SOUND, "-aac_coder", "fast"]
    picture = [
        "-c:v",
        "libx264",
        "-preset",
        "medium",
        "-crf",
        str(CRF),
        "-rc-lookahead",
        "30",
        "-g",
        str(KEY_EVERY),
        "-pix_fmt",
        "yuv420p",
    ]
    return [*command[: command.index("null") - 1], *picture, *sound, "-movflags", "+faststart", "-y", str(target)]


def melt_encoding(command: list[str], target: Path) -> list[str]:
    """The same for melt."""
    consumer = [
        f"avformat:{target}",
        "vcodec=libx264",
        "preset=medium",
        f"crf={CRF}",
        f"g={KEY_EVERY}",
        "rc-lookahead=20",
    ]
    consumer += [
        "pix_fmt=yuv420p",
        "acodec=aac",
        f"ab={SOUND}",
        "aac_coder=fast",
        "movflags=+faststart",
        "real_time=-1",
    ]
    return [*command[: command.index("-consumer") + 1], *consumer]


def run(name: str, command: list[str], target: Path, frames: int, runs: int) -> list[Cost]:
    """The costs of a program; empty, with the reason on stderr, where it can't be run or makes another film."""
    if shutil.which(command[0]) is None:
        print(f"{name}: not installed, left out", file=sys.stderr)
        return []
    costs: list[Cost] = []
    for _ in range(runs):
        target.unlink(missing_ok=True)
        start = time.perf_counter()
        with subprocess.Popen(
            command, env=os.environ | HEADLESS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            said, error = process.communicate()
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = build_index(target).frames if target.exists() else 0
        if process.returncode or found != frames:
            print(f"{name}: status {process.returncode}, {found} frames: {error.decode()[-300:]}", file=sys.stderr)
            return []
        peak = json.loads(said)["peak_bytes"] if said.startswith(b'{"peak_bytes"') else 0
        costs.append(Cost(cpu, wall, peak))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=FRAMES)
    chosen = parser.parse_args()
    frames, runs = chosen.frames, chosen.runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [make_clip(folder / f"clip{seed}.mp4", seed) for seed in (1, 2, 3)]
        bed, cube, target = make_bed(folder / "bed.flac"), make_cube(folder / "grade.cube"), folder / "film.mp4"
        words = [str(frames), str(target), str(cube), str(bed), *map(str, clips)]
        ours = run("ours", [sys.executable, __file__, "--export", "", *words], target, frames, runs)
        smart = run("ours, smart", [sys.executable, __file__, "--export", "smart", *words], target, frames, 1)
        ffmpeg = encoding(ffmpeg_command(clips, bed, cube, frames), target)
        melt = melt_encoding(melt_command(clips, bed, cube, frames, folder), target)
        peers = {
            "melt": (run("melt", melt, target, frames, runs), GOAL_MELT),
            "ffmpeg": (run("ffmpeg", ffmpeg, target, frames, runs), GOAL_FFMPEG),
        }
    if not ours:
        raise SystemExit("our own export failed")
    mine = statistics.median(cost.cpu_s for cost in ours)
    facts: dict[str, object] = {
        "wall_s": round(statistics.median(cost.wall_s for cost in ours), 2),
        "peak_goal_bytes": GOAL_BYTES,
        "smart_cpu_s": round(smart[0].cpu_s, 2) if smart else None,
    }
    for peer, (costs, goal) in peers.items():
        if costs:
            theirs = statistics.median(cost.cpu_s for cost in costs)
            facts[f"{peer}_cpu_s"] = round(theirs, 2)
            facts[f"{peer}_wall_s"] = round(statistics.median(cost.wall_s for cost in costs), 2)
            facts[f"times_{peer}"] = round(mine / theirs, 3)
            facts[f"times_{peer}_goal"] = goal
    settings = {"frames": frames, "size": SIZE, "rate": str(RATE), "x264": f"medium, CRF {CRF}", "aac": SOUND}
    report(
        "export a 28 s edit to H.264",
        [cost.cpu_s for cost in ours],
        unit="CPU-s",
        settings=settings,
        peak_bytes=max(cost.peak_bytes for cost in ours),
        **facts,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--export"]:
        how, count, file, cube_file, bed_file, *clip_files = sys.argv[2:]
        paths = [Path(each) for each in clip_files]
        export(Path(file), paths, Path(bed_file), Path(cube_file), int(count), bool(how))
    else:
        main()
