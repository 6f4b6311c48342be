"""One exact picture from anywhere, and the one before it: our decoders, plain PyAV and MLT, originals and proxies.

    python benchmarks/media_steps.py [FILE]

Without FILE the 20 s 1080p30 H.264 clip of `media_seek.py` (GOP 120, 3 B-frames, moving noise) is made. One JSON line
each for: random seeks by us, by plain PyAV (back to a key picture, decode up to the frame, default threads) and by MLT
(Debian's `melt` and `python3-mlt`, in the system's Python; left out with a reason where they're absent); stepping back;
the same on the proxy; describing the file anew and from the cache. CPU-seconds stand beside wall seconds: neighbours on
the machine change the latter most.

Every picture ends as a decoded YUV frame in all three, with nothing converted.
"""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from _report import measure, report
from media_seek import cpu_seconds, make_clip

from ltxdesktop.document.model import Media
from ltxdesktop.media.files import MediaFiles

SEEKS = 30
STEPS = 60
PEER_LOOKS = 12  # of each kind: MLT takes half a second for one
GOAL_SEEK_OF_MLT = 0.70
GOAL_STEP_S = GOAL_PROXY_S = 0.010

# MLT in the system's Python; what it prints is read back. get_image makes it decode; yuv420p is what the file holds.
MLT_SCRIPT = """
import json, resource, sys, time
try:
    import mlt7 as mlt
except ImportError:
    import mlt
path, orders = sys.argv[1], json.loads(sys.argv[2])
mlt.Factory().init()
profile = mlt.Profile("atsc_1080p_30")
producer = mlt.Producer(profile, "avformat:" + path)
profile.from_producer(producer)
producer = mlt.Producer(profile, "avformat:" + path)
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def look(number):
    producer.seek(number)
    frame = producer.get_frame()
    frame.get_image(mlt.mlt_image_yuv420p, profile.width(), profile.height())
out = {}
for name, order in orders.items():
    look(order[0])
    begin, runs = cpu(), []
    for number in order[1:]:
        start = time.perf_counter()
        look(number)
        runs.append(time.perf_counter() - start)
    out[name] = {"runs": runs, "cpu": (cpu() - begin) / len(runs)}
print(json.dumps(out))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else make_clip(Path(folder, "clip.mp4"))
        files = MediaFiles(Path(folder, "cache"))
        media = files.describe(path)
        settings = {"file": path.name, "size": f"{media.width}x{media.height}", "frames": media.frames}
        seeks = random.Random(1).sample(range(media.frames), min(SEEKS + 1, media.frames))
        steps = list(range(min(media.frames - 1, media.frames // 2 + STEPS), media.frames // 2, -1))
        peer = mlt(path, {"seeks": seeks[: PEER_LOOKS + 1], "steps": steps[: PEER_LOOKS + 1]})

        look = looker(files, media, path)
        runs, cpu = timed(look, seeks, settle=files.decoders.finish)
        seek_goal = GOAL_SEEK_OF_MLT * statistics.median(peer["seeks"]["runs"]) if "seeks" in peer else None
        report("exact picture from anywhere", runs, settings=settings, goal=seek_goal, cpu_s_each=cpu)
        plain, plain_cpu = timed(plain_pyav(path), seeks)
        report("exact picture from anywhere, plain PyAV", plain, settings=settings, cpu_s_each=plain_cpu)
        tell_peer("exact picture from anywhere, MLT", peer, "seeks", settings)

        look(steps[0] + 1)
        files.decoders.finish()  # the person looks at a picture, then steps
        runs, cpu = timed(look, steps)
        report("one picture back", runs, settings=settings, goal=GOAL_STEP_S, cpu_s_each=cpu, worst=max(runs))
        tell_peer("one picture back, MLT", peer, "steps", settings)
        on_proxy(files, media, path, seeks, steps, settings)
        files.close()
        describing(Path(folder), path, settings)


def on_proxy(
    files: MediaFiles, media: Media, path: Path, seeks: list[int], steps: list[int], settings: dict[str, Any]
) -> None:
    runs = measure(lambda: files.proxies.make(path), times=1, warm_up=0)
    proxy = files.proxies.locate(path)
    sizes = {"original_bytes": media.bytes, "proxy_bytes": proxy.stat().st_size}
    report(
        "make the proxy",
        runs,
        settings=settings,
        times_real_time=round(float(media.duration_s or 0) / runs[0], 2),
        **sizes,
    )
    look = looker(files, media, path)
    runs, cpu = timed(look, seeks, settle=files.decoders.finish)
    report("exact picture from anywhere, proxy", runs, settings=settings, goal=GOAL_PROXY_S, cpu_s_each=cpu)
    runs, cpu = timed(look, steps)
    report("one picture back, proxy", runs, settings=settings, goal=GOAL_STEP_S, cpu_s_each=cpu, worst=max(runs))


def describing(folder: Path, path: Path, settings: dict[str, Any]) -> None:
    def once(name: str) -> None:
        files = MediaFiles(folder / name)
        files.describe(path)
        files.close()

    names = iter(range(100))
    report("describe a file for the first time", measure(lambda: once(f"{next(names)}"), times=5), settings=settings)
    report("describe a file at the next start", measure(lambda: once("0"), times=10), settings=settings)


def looker(files: MediaFiles, media: Media, path: Path) -> Callable[[int], object]:
    return lambda number: files.decoders.picture(media, path, number)


def plain_pyav(path: Path) -> Callable[[int], object]:
    """As PyAV's own documentation seeks: to the key picture before, then decode until the time is reached."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    assert stream.average_rate is not None
    assert stream.time_base is not None
    ticks = 1 / (stream.average_rate * stream.time_base)
    start = stream.start_time or 0

    def look(number: int) -> object:
        wanted = start + round(number * ticks)
        container.seek(wanted, stream=stream)
        return next(frame for frame in container.decode(stream) if (frame.pts or 0) >= wanted)

    return look


def timed(
    look: Callable[[int], object], order: list[int], settle: Callable[[], None] | None = None
) -> tuple[list[float], float]:
    """(wall seconds of each, mean CPU-seconds). The first isn't counted; `settle` between two isn't timed."""
    look(order[0])
    runs: list[float] = []
    used = 0.0
    for number in order[1:]:
        if settle is not None:
            settle()
        begin = cpu_seconds()
        runs += measure(lambda number=number: look(number), times=1, warm_up=0)
        used += cpu_seconds() - begin
    return runs, round(used / len(runs), 4)


def mlt(path: Path, orders: dict[str, list[int]]) -> dict[str, Any]:
    """What MLT takes for the same pictures; {"absent": why} without it."""
    python = "/usr/bin/python3"
    if not Path(python).exists() or shutil.which("melt") is None:
        return {"absent": "MLT is not installed (apt-get install melt python3-mlt)"}
    done = subprocess.run(
        [python, "-c", MLT_SCRIPT, str(path), json.dumps(orders)], capture_output=True, text=True, timeout=300
    )
    if done.returncode != 0:
        return {"absent": f"MLT's Python binding failed: {done.stderr.strip()[-200:]}"}
    return json.loads(done.stdout.splitlines()[-1])


def tell_peer(what: str, peer: dict[str, Any], name: str, settings: dict[str, Any]) -> None:
    if name in peer:
        report(what, peer[name]["runs"], settings=settings, cpu_s_each=round(peer[name]["cpu"], 4))
    else:
        print(json.dumps({"what": what, "left_out": peer["absent"]}), flush=True)


if __name__ == "__main__":
    main()
