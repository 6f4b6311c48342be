"""What it costs to render a 28 s 1080p edit (decode, compose, discard), beside `melt` and `ffmpeg` doing the same.

    python benchmarks/render_edit.py [--runs N] [--frames N] [--keep FOLDER]

The edit: three H.264 clips of 10 s at 30 per second, joined by two dissolves of 1 s; the second is graded (a 3D LUT:
exposure, contrast, saturation); its own sound and a music bed at -12 dB with fades are mixed to 48 kHz stereo. The LUT
is written as a .cube file, so that all three use the very same one. CPU-seconds count all threads and children: they
tell more than wall time on a machine with neighbours, whose load is printed with the line. A program that isn't
installed is left out, with the reason. `--frames` renders only so many of the 840 frames, for a quick look.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from _camera_file import write_camera_file
from _report import report
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from ltxdesktop.document.model import (
    Clip,
    Effect,
    ItemId,
    Media,
    Parameter,
    Sequence,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
    Transition,
    new_id,
)
from ltxdesktop.document.time import samples_at
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import Plane
from ltxdesktop.render.look import Look
from ltxdesktop.render.renderer import Renderer

SIZE = (1920, 1080)
RATE = Fraction(30)
CLIP_FRAMES = 300
OVERLAP = 30  # frames of each dissolve
FRAMES = 3 * CLIP_FRAMES - 2 * OVERLAP  # 840 = 28 s
CUBE_SIZE = 33
GRADE = Look((0.3, 1.15, 1.25, 0.15, 0.0))
BED_DB = -12.0
FADE_FRAMES = 30

LONGEST_S = 1200  # of one run; a machine that others use takes ten times its time

HEADLESS = {"QT_QPA_PLATFORM": "offscreen"}  # melt loads Qt for its text

GOAL_MELT, GOAL_FFMPEG = 0.60, 1.0


class Cost(NamedTuple):
    """CPU-seconds of all threads and children, and wall seconds."""

    cpu_s: float
    wall_s: float


def cpu_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


# The material --------------------------------------------------------------------------------------------------------


def make_clip(path: Path, seed: int, frames: int = CLIP_FRAMES) -> Path:
    """So many frames of moving, softly noisy colour with a tone: H.264 as cameras and editors write it, with AAC."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 24, (SIZE[1] + 64, SIZE[0] + 64), dtype=np.uint8)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0] * 2]
    ground = (110 + 60 * np.sin(x / (90 + 30 * seed)) * np.cos(y / 120)).astype(np.uint8)

    def draw(number: int, planes: list[Plane]) -> None:
        luma, cb, cr = planes
        at = number * 4 % SIZE[0]
        luma[:] = ground[:, at : at + SIZE[0]] + noise[number % 64 :, number * 7 % 64 :][: SIZE[1], : SIZE[0]]
        cb[:] = 128 + 40 * np.sin((np.arange(SIZE[0] // 2) + number * 3) / 150 + seed)
        cr[:] = (128 + 40 * np.cos((np.arange(SIZE[1] // 2) + number * 2) / 130 + seed))[:, None]

    encoder = {"preset": "veryfast", "crf": "20", "g": "60", "bf": "2"}
    return write_camera_file(path, SIZE, 30, frames, draw, sine(frames / 30, 220.0 * seed, 0.2), encoder)


def sine(seconds: float, pitch: float, level: float) -> NDArray[np.float32]:
    wave = level * np.sin(2 * np.pi * pitch * np.arange(int(seconds * 48_000)) / 48_000)
    return np.stack([wave, wave]).astype(np.float32)


def make_bed(path: Path) -> Path:
    """30 s of music for a spectrum, as FLAC at 44.1 kHz: it has to be resampled."""
    time_s = np.arange(30 * 44_100) / 44_100
    wave = sum(0.1 * np.sin(2 * np.pi * pitch * time_s) for pitch in (110, 165, 220, 277, 330))
    samples = (np.stack([wave, wave]) * 32767).astype(np.int16)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("flac", rate=44_100, layout="stereo")
        for first in range(0, samples.shape[1], 4096):
            part = np.ascontiguousarray(samples[:, first : first + 4096].T.reshape(1, -1))
            frame = AudioFrame.from_ndarray(part, "s16", "stereo")
            frame.sample_rate, frame.pts = 44_100, first
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def make_cube(path: Path) -> Path:
    """The grade as a file, for the programs that can't compute it."""
    axis = np.linspace(0, 1, CUBE_SIZE, dtype=np.float32)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    values = np.clip(GRADE(np.stack([red, green, blue], axis=-1).reshape(-1, 3)), 0, 1)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in values)
    path.write_text(f"LUT_3D_SIZE {CUBE_SIZE}\n{rows}\n", encoding="ascii")
    return path


# Ours ----------------------------------------------------------------------------------------------------------------


def edit_of(clips: list[Media], bed: Media, cube: Path) -> Sequence:
    half = OVERLAP // 2
    effects: list[tuple[Effect, ...]] = [(), (Effect("grade", "lut", {}, {"file": str(cube)}),), ()]

    def items(*, picture: bool) -> tuple[Clip, ...]:
        made: list[Clip] = []
        for place, media in enumerate(clips):
            head = 0 if place == 0 else half  # frames of its media before its cut: the dissolve's first half
            tail = half if place < len(clips) - 1 else 0
            made.append(
                Clip(
                    ItemId(new_id()),
                    media.name,
                    CLIP_FRAMES - head - tail,
                    (Take(media.id, head / RATE),),
                    transition=Transition(before=half, after=half) if place else None,
                    effects=effects[place] if picture else (),
                )
            )
        return tuple(made)

    music = Clip(
        ItemId(new_id()),
        "bed",
        FRAMES,
        (Take(bed.id),),
        values={"volume": Parameter(BED_DB)},
        fade_in=FADE_FRAMES,
        fade_out=FADE_FRAMES,
    )
    tracks = (
        Track(TrackId("v1"), TrackKind.VIDEO, "V1", items(picture=True)),
        Track(TrackId("a1"), TrackKind.AUDIO, "A1", items(picture=False)),
        Track(TrackId("a2"), TrackKind.AUDIO, "A2", (music,)),
    )
    return Sequence(SequenceId("edit"), "edit", *SIZE, RATE, 48_000, tracks)


def render(clips: list[Path], bed: Path, cube: Path, frames: int, cache: Path) -> None:
    """Every picture as it would go to an encoder, and every sample; nothing is kept."""
    files = MediaFiles(cache)
    try:
        media = [files.describe(path) for path in (*clips, bed)]
        sequence = edit_of(media[:-1], media[-1], cube)
        assert sequence.duration == FRAMES
        known = {one.id: one for one in media}
        renderer = Renderer(sequence, known, lambda one: Path(one.path), files.decoders, originals=True)
        for frame in range(frames):
            renderer.picture(frame).to_frame()
            first, last = (samples_at(n, RATE, 48_000) for n in (frame, frame + 1))
            renderer.sound(first, last - first)
        assert not renderer.missing
    finally:
        files.close()


# Theirs --------------------------------------------------------------------------------------------------------------


def ffmpeg_command(clips: list[Path], bed: Path, cube: Path, frames: int) -> list[str]:
    overlap, seconds = OVERLAP / RATE, FRAMES / RATE
    first, second = (Fraction(place) * (CLIP_FRAMES - OVERLAP) / RATE for place in (1, 2))
    fade = FADE_FRAMES / RATE
    graph = ";".join(
        [
            f"[1:v]{lut3d(cube)},format=yuv420p[g]",
            f"[0:v][g]xfade=transition=fade:duration={float(overlap)}:offset={float(first)}[a]",
            f"[a][2:v]xfade=transition=fade:duration={float(overlap)}:offset={float(second)},format=yuv420p[v]",
            f"[0:a][1:a]acrossfade=d={float(overlap)}:c1=qsin:c2=qsin[b]",
            f"[b][2:a]acrossfade=d={float(overlap)}:c1=qsin:c2=qsin[c]",
            f"[3:a]aresample=48000,volume={BED_DB}dB,afade=t=in:d={float(fade)}:curve=qsin,"
            f"afade=t=out:st={float(seconds - fade)}:d={float(fade)}:curve=qsin,atrim=0:{float(seconds)}[m]",
            "[c][m]amix=inputs=2:normalize=0,alimiter=level=0[s]",
        ]
    )
    inputs = [word for path in (*clips, bed) for word in ("-i", str(path))]
    ends = ["-t", f"{float(frames / RATE):.6f}", "-f", "null", "-"]
    return ["ffmpeg", "-v", "error", "-nostdin", *inputs, "-filter_complex", graph, "-map", "[v]", "-map", "[s]", *ends]


def lut3d(cube: Path) -> str:
    """The grade, with the matrices said: ffmpeg goes back to YUV by BT.601 otherwise, and through RGB with the rest."""
    return f"scale=in_color_matrix=bt709,format=gbrp,lut3d=file={cube},scale=out_color_matrix=bt709:out_range=tv"


def melt_command(clips: list[Path], bed: Path, cube: Path, frames: int, folder: Path) -> list[str]:
    """melt's own way of saying it: clips with mixes on one track, the music on a second one.

    It's written as MLT XML first, since only that can be cut to a number of frames. The consumer fetches
    every picture and sample, in order, and hands them to encoders that do nothing ("null" fetches no sound).
    """
    words = ["melt", "-profile", "atsc_1080p_30"]
    for place, path in enumerate(clips):
        words += [str(path), "in=0", f"out={CLIP_FRAMES - 1}"]
        if place == 1:
            words += ["-attach-clip", "avfilter.lut3d", f"av.file={cube}"]
        if place:
            words += ["-mix", str(OVERLAP), "-mixer", "luma", "-mixer", "mix:-1"]
    words += ["-audio-track", str(bed), "in=0", f"out={FRAMES - 1}", "-attach-clip", f"volume:{BED_DB}dB"]
    words += ["-transition", "mix", "a_track=0", "b_track=1", "sum=1", "always_active=1"]
    edit = folder / "edit.mlt"
    if shutil.which("melt"):
        subprocess.run(
            [*words, "-consumer", f"xml:{edit}"], env=os.environ | HEADLESS, check=True, capture_output=True, timeout=60
        )
    to_nothing = ["avformat", "target=/dev/null", "f=null", "vcodec=wrapped_avframe", "acodec=pcm_s16le"]
    return ["melt", "-silent", str(edit), f"out={frames - 1}", "-consumer", *to_nothing, "real_time=-1"]


def compared(name: str, command: list[str], runs: int) -> list[Cost]:
    """The costs of another program; empty, with the reason on stderr, where it can't be run."""
    if shutil.which(command[0]) is None:
        print(f"{name}: not installed, left out", file=sys.stderr)
        return []
    environment = os.environ | HEADLESS
    costs: list[Cost] = []
    hung = 0
    while len(costs) < runs:
        before, start = cpu_seconds(), time.perf_counter()
        try:
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_S
            )
        except subprocess.TimeoutExpired:
            hung += 1  # on a full machine melt 7.12 lost its threads once and slept for ever
            print(f"{name}: no end after {LONGEST_S} s, {'left out' if hung > 1 else 'once more'}", file=sys.stderr)
            if hung > 1:
                return []
            continue
        costs.append(Cost(cpu_seconds() - before, time.perf_counter() - start))
        if done.returncode:
            print(f"{name}: ended with {done.returncode}: {done.stderr.decode()[-300:]}", file=sys.stderr)
            return []
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--keep", type=Path, help="a folder that the clips are left in and taken from")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = chosen.keep or folder
        kept.mkdir(parents=True, exist_ok=True)
        clips = [kept / f"clip{seed}-{CLIP_FRAMES}.mp4" for seed in (1, 2, 3)]
        for seed, clip in enumerate(clips, 1):
            if not clip.exists():
                make_clip(clip, seed)
        bed, cube = make_bed(folder / "bed.flac"), make_cube(folder / "grade.cube")
        # Each run is a process of its own, as the others are: start, index and caches count.
        words = ["--render", str(chosen.frames), str(cube), str(bed), *map(str, clips)]
        ours = compared("ours", [sys.executable, __file__, *words], chosen.runs)
        peers = {
            "melt": (compared("melt", melt_command(clips, bed, cube, chosen.frames, folder), chosen.runs), GOAL_MELT),
            "ffmpeg": (compared("ffmpeg", ffmpeg_command(clips, bed, cube, chosen.frames), chosen.runs), GOAL_FFMPEG),
        }
    if not ours:
        raise SystemExit("our own render failed")
    mine = statistics.median(cost.cpu_s for cost in ours)
    facts: dict[str, object] = {"wall_s": round(statistics.median(cost.wall_s for cost in ours), 2)}
    for peer, (costs, goal) in peers.items():
        if costs:
            theirs = statistics.median(cost.cpu_s for cost in costs)
            facts[f"{peer}_cpu_s"] = round(theirs, 2)
            facts[f"{peer}_wall_s"] = round(statistics.median(cost.wall_s for cost in costs), 2)
            facts[f"times_{peer}"] = round(mine / theirs, 3)
            facts[f"times_{peer}_goal"] = goal
    settings = {"frames": chosen.frames, "size": SIZE, "rate": str(RATE), "dissolves": 2, "lut": CUBE_SIZE}
    report("render a 28 s edit and discard it", [cost.cpu_s for cost in ours], unit="CPU-s", settings=settings, **facts)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--render"]:
        count, cube_file, bed_file, *clip_files = sys.argv[2:]
        with tempfile.TemporaryDirectory() as empty:
            render([Path(file) for file in clip_files], Path(bed_file), Path(cube_file), int(count), Path(empty))
    else:
        main()
