"""How long one exact picture takes from anywhere in a long-GOP 1080p H.264 file, beside the ffmpeg program.

    python benchmarks/media_seek.py [FILE]

Without FILE a 20 s 1920x1080 30 fps clip (GOP 120, 3 B-frames, moving noise) is made in a temporary folder. Prints one
line for random seeks, one for stepping forward, one for the index, one for the same window in a clip 30 times as long.
The ffmpeg program's figure includes its start (measured alone as `peer_start_s`), as every seek by it does.
"""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from _report import measure, report
from psutil import Process

from engine.media.decode import VideoReader
from engine.media.index import build_index

SEEKS = 40


def make_clip(path: Path, copies: int = 1) -> Path:
    """600 pictures encoded once, repeated `copies` times as packets."""
    with av.open(str(path), "w") as out:
        options = {"g": "120", "bf": "3", "b_strategy": "0", "preset": "veryfast", "crf": "23"}
        stream = out.add_stream("libx264", rate=30, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 256, (1620, 2400), dtype=np.uint8)
        packets: list[av.Packet] = []
        for number in range(600):
            frame = av.VideoFrame(1920, 1080, "yuv420p")
            soft = noise[number % 500 : number % 500 + 1080, number : number + 1920] // 4 + 64
            frame.planes[0].update(_padded(soft, frame.planes[0].line_size))
            for plane in frame.planes[1:]:
                plane.update(bytes([128]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for copy in range(copies):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts, again.dts = (packet.pts or 0) + 600 * copy, (packet.dts or 0) + 600 * copy
                again.is_keyframe, again.duration, again.time_base = packet.is_keyframe, 1, Fraction(1, 30)
                again.stream = stream
                out.mux(again)
    return path


def _padded(plane: np.ndarray, line_size: int) -> bytes:
    out = np.zeros((plane.shape[0], line_size), np.uint8)
    out[:, : plane.shape[1]] = plane
    return out.tobytes()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else make_clip(Path(folder, "clip.mp4"))
        index = build_index(path)
        settings = {"file": path.name, "frames": index.frames, "index": index.source}
        order = random.Random(1).sample(range(index.frames), min(SEEKS, index.frames))

        report("build the frame index", measure(lambda: build_index(path), times=5), settings=settings)

        with VideoReader(path, index) as reader:
            numbers = iter([order[0], *order])
            cpu = cpu_seconds()
            runs = measure(lambda: list(reader.frames(n := next(numbers), n + 1)), times=len(order))
            facts = {"cpu_s_per_seek": round((cpu_seconds() - cpu) / (len(order) + 1), 4)}
            facts |= peer_seeks(path, [float(index.seconds(n)) for n in order[:15]])
            decoded = reader.stats.frames / len(order)
            report(
                "one exact frame from anywhere", runs, settings=settings, decoded_per_seek=round(decoded, 1), **facts
            )

            steps = iter(range(index.frames // 2, index.frames))
            runs = measure(lambda: list(reader.frames(n := next(steps), n + 1)), times=60)
            report("the next frame", runs, settings=settings)

        if len(sys.argv) == 1:
            report_long_clip(Path(folder), path)


def cpu_seconds() -> float:
    """Of this process and of those that it started: what counts on a machine with neighbours."""
    times = Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def peer_seeks(path: Path, seconds: list[float]) -> dict[str, float]:
    if shutil.which("ffmpeg") is None:
        return {}
    start = statistics.median(measure(lambda: subprocess.run(["ffmpeg", "-version"], capture_output=True), times=5))
    runs: list[float] = []
    cpu = cpu_seconds()
    for second in seconds:
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-ss",
            f"{second:.6f}",
            "-i",
            str(path),
            "-frames:v",
            "1",
            "-f",
            "null",
            "-",
        ]
        begin = time.perf_counter()
        subprocess.run(command, check=True)
        runs.append(time.perf_counter() - begin)
    cpu = (cpu_seconds() - cpu) / len(runs)
    facts = {"peer_ffmpeg_median_s": statistics.median(runs), "peer_start_s": start, "peer_cpu_s_per_seek": cpu}
    return {name: round(value, 4) for name, value in facts.items()}


def report_long_clip(folder: Path, short: Path) -> None:
    """A retake's window (10 frames and 2 s on each side) from a closed file: 20 s against 10 minutes."""
    long = make_clip(folder / "long.mp4", 30)

    def window(path: Path) -> tuple[int, int]:
        index = build_index(path)
        with VideoReader(path, index) as reader:
            middle = index.frames // 2
            for _ in reader.frames(middle - 60, middle + 70):
                pass
            return reader.stats.packets, reader.stats.frames

    for path in (short, long):
        work = window(path)
        runs = measure(lambda path=path: window(path), times=5)
        settings = {"file": path.name, "megabytes": path.stat().st_size >> 20, "frames": "middle, 130"}
        report("open, index and decode a retake's window", runs, settings=settings, packets=work[0], decoded=work[1])


if __name__ == "__main__":
    main()
