"""Does playing drop frames?  Goals: none at 1080p30 at full size and at 4K30 through proxies; memory flat (5 MB/h).

The whole way but the window: sequence, renderer, decoders, player, QImages at the size of a monitor. The clock is the
machine's, pictures are asked for as a monitor asks (three times in each picture's time). Every pass plays the film from
its start; frames that were due and not shown are counted. Run it on a machine that does nothing else: `load_1min` in
the output says how far that was true. What a picture costs in CPU-seconds, made one after the other without a clock, is
measured apart: that figure holds on a busy machine too, and has to stay below the time of a frame on each core.

    python benchmarks/playback.py [--seconds 10] [--passes 3]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import psutil
from _report import report
from PySide6.QtGui import QGuiApplication

from ltxdesktop.document import edits
from ltxdesktop.document.model import Document, new_document, new_sequence
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.playback.player import Player
from ltxdesktop.playback.source import Size
from ltxdesktop.ui.editor.sources import Footage, SequenceSource

RATE = 30
SCREEN = Size(1920, 1080)
POLLS = 3
WAIT_S = 120
WARM_FRAMES = 10


def write_film(path: Path, size: tuple[int, int], seconds: int) -> None:
    """Moving noise over moving stripes: work for a decoder as of ordinary footage; key pictures every two seconds."""
    width, height = size
    random = np.random.default_rng(1)
    noise = random.integers(0, 40, (height, width + 256), np.uint8)
    stripes = ((np.arange(width + 256) // 32) % 2 * 120 + 60).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23", "g": str(2 * RATE)}
        for number in range(seconds * RATE):
            shift = number * 3 % 256
            luma = noise[:, shift : shift + width] // 4 + stripes[None, shift : shift + width]
            chroma = np.full((height // 2, width), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def film_of(media_files: MediaFiles, path: Path, size: tuple[int, int]) -> Document:
    """A project whose sequence shows the file once."""
    media = media_files.describe(path)
    sequence = new_sequence(width=size[0], height=size[1], rate=Fraction(RATE))
    document = edits.add_media(new_document(sequence=sequence), [media])
    return edits.append_clips(document, edits.placements(document, media.id))


class Monitor:
    """What a monitor does, without a window: opens a film, plays it, counts."""

    def __init__(self, document: Document, media_files: MediaFiles) -> None:
        self._came = threading.Event()
        self._player = Player(ready=lambda _: self._came.set(), failed=print, open_sound=None)
        self._player.set_size(SCREEN)
        footage = Footage(document.media, lambda media: Path(media.path), media_files.decoders)
        self._player.open(partial(SequenceSource, document.sequence, footage))
        assert self._came.wait(WAIT_S)

    def play(self) -> tuple[int, int]:
        """Play all of it; frames that were shown, and that were dropped."""
        self._came.clear()
        self._player.seek(0)
        self._player.play()
        shown = 0
        while self._player.playing:
            shown += self._player.poll() is not None
            time.sleep(self._player.interval_s / POLLS)
        return shown, self._player.dropped

    def close(self) -> None:
        self._player.close()


def measure(what: str, document: Document, media_files: MediaFiles, passes: int) -> None:
    monitor = Monitor(document, media_files)
    process = psutil.Process()
    monitor.play()  # warm: code, tables, file cache
    before, cpu, began = process.memory_info().rss, process.cpu_times(), time.perf_counter()
    runs = [monitor.play() for _ in range(passes)]
    played_s = time.perf_counter() - began
    after, spent = process.memory_info().rss, process.cpu_times()
    monitor.close()
    report(
        what,
        [float(dropped) for _, dropped in runs],
        unit="dropped frames",
        goal=0,
        frames_shown=[shown for shown, _ in runs],
        cpu_share=round((spent.user + spent.system - cpu.user - cpu.system) / played_s, 3),
        memory_growth_bytes=after - before,
        settings={"screen": f"{SCREEN.width}x{SCREEN.height}", "seconds": round(played_s, 1), "passes": passes},
    )


def cost(what: str, document: Document, media_files: MediaFiles) -> None:
    """CPU-seconds of a picture, decoded, composed and ready for the screen."""
    footage = Footage(document.media, lambda media: Path(media.path), media_files.decoders)
    source = SequenceSource(document.sequence, footage)
    frames = document.sequence.duration
    for frame in range(WARM_FRAMES):
        source.picture(frame, SCREEN)
    began = cpu_seconds()
    for frame in range(WARM_FRAMES, frames):
        source.picture(frame, SCREEN)
    each = (cpu_seconds() - began) / (frames - WARM_FRAMES)
    report(what, [each], unit="CPU-s a frame", goal=1 / RATE, settings={"screen": f"{SCREEN.width}x{SCREEN.height}"})


def cpu_seconds() -> float:
    used = psutil.Process().cpu_times()
    return used.user + used.system


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication([])
    with tempfile.TemporaryDirectory() as folder:
        media_files = MediaFiles(Path(folder, "cache"))
        for name, size in (("1080p30", (1920, 1080)), ("4K30", (3840, 2160))):
            path = Path(folder, f"{name}.mp4")
            write_film(path, size, options.seconds)
            document = film_of(media_files, path, size)
            if name == "4K30":
                media_files.proxies.make(path)
            cost(f"a frame of {name}", document, media_files)
            measure(f"play {name} {'through proxies' if name == '4K30' else 'at full size'}", document, media_files,
                    options.passes)  # fmt: skip
        media_files.close()
    del application


if __name__ == "__main__":
    main()
