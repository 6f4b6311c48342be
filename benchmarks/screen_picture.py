"""What does a decoded 1080p picture cost on its way to the raster screen?  Goal: at most 3 ms of CPU.

Noise in YUV 4:2:0, converted to what Qt paints: at its own size, and scaled to the 720p of a monitor beside panels.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from _report import report
from av import VideoFrame

from ltxdesktop.render.frames import planes_of, tagged
from ltxdesktop.render.picture import Picture

SIZE, MONITOR = (1920, 1080), (1280, 720)
RUNS, WARM_UP = 60, 5
GOAL_MS = 3.0


def noise() -> VideoFrame:
    """A picture that nothing about it makes quick."""
    frame = tagged(VideoFrame(*SIZE, "yuv420p"))
    random = np.random.default_rng(1)
    for plane in planes_of(frame):
        plane[:] = random.integers(16, 236, plane.shape, dtype=np.uint8)
    return frame


def costs(frame: VideoFrame, size: tuple[int, int] | None) -> list[float]:
    """CPU-ms of each conversion."""
    runs: list[float] = []
    for _ in range(WARM_UP + RUNS):
        began = time.process_time()
        Picture(frame=frame).to_qimage(size)
        runs.append((time.process_time() - began) * 1000)
    return runs[WARM_UP:]


def main() -> None:
    """Run and report."""
    frame = noise()
    own, scaled = costs(frame, None), costs(frame, MONITOR)
    report(
        "a 1080p picture made ready for the raster screen, scaled to 720p",
        scaled,
        unit="ms of CPU",
        settings={"size": "1920x1080", "monitor": "1280x720"},
        goal=GOAL_MS,
        at_own_size=statistics.median(own),
    )


if __name__ == "__main__":
    main()
