"""What smart render saves: a film of cuts alone, its pictures copied, beside encoding all of them again.

    python benchmarks/smart_render.py [--minutes 10] [--gop 50] [--encode-frames 150] [--keep FOLDER]

The footage is one minute of 1080p H.264 at 25 per second with a key picture every 2 s; the film is made of pieces of
30 s of it that begin wherever chance says, so that on average half a group has to be encoded after each cut, with their
sound. The whole film is exported with smart render; of the full re-encode only `--encode-frames` are made and the
time is multiplied, unless that is 0.

Afterwards the film's packets are compared with the source's: the sample of every copied picture has to be the same
bytes, under the same parameter sets. Of the first minute all pictures are decoded too, and those that were copied have
to be the same pixels.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from _camera_file import write_camera_file
from _report import peak_rss_bytes, report

from engine.media.decode import VideoReader
from engine.media.index import build_index
from ltxdesktop.document.model import (
    Clip,
    Document,
    ItemId,
    Media,
    Sequence,
    SequenceId,
    Take,
    Track,
    TrackId,
    TrackKind,
    new_document,
    new_id,
)
from ltxdesktop.export.avc import Headers
from ltxdesktop.export.job import Export, Report
from ltxdesktop.export.opening import prepared
from ltxdesktop.export.settings import Settings
from ltxdesktop.media.files import MediaFiles
from ltxdesktop.render.frames import Plane, as_bytes

RATE = Fraction(25)
SIZE = (1920, 1080)
SOURCE_FRAMES = 60 * 25
PIECE_FRAMES = 30 * 25
GOAL = 20.0  # times faster


def make_source(path: Path, gop: int) -> Path:
    """A minute of a moving, softly noisy gradient with a tone."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 24, (SIZE[1] + 64, SIZE[0] + 64), dtype=np.uint8)
    ground = (np.arange(SIZE[0] * 2) % 200 // 2 + 60).astype(np.uint8)

    def draw(number: int, planes: list[Plane]) -> None:
        luma, cb, cr = planes
        at = number * 6 % SIZE[0]
        luma[:] = ground[at : at + SIZE[0]] + noise[number % 64 :, number * 7 % 64 :][: SIZE[1], : SIZE[0]]
        cb[:], cr[:] = 90 + number % 80, 160 - number % 80

    seconds = np.arange(SOURCE_FRAMES * 1920) / 48_000
    tone = np.stack([np.sin(2 * np.pi * 220 * seconds) * 0.2] * 2).astype(np.float32)
    encoder = {"preset": "veryfast", "crf": "21", "g": str(gop), "sc_threshold": "0"}
    return write_camera_file(path, SIZE, int(RATE), SOURCE_FRAMES, draw, tone, encoder)


def cuts_only(source: Media, minutes: int) -> tuple[Document, list[int]]:
    """The film, and which frame of the source each of its frames is."""
    random = np.random.default_rng(7)
    starts = [int(random.integers(0, SOURCE_FRAMES - PIECE_FRAMES)) for _ in range(minutes * 2)]

    def items() -> tuple[Clip, ...]:
        return tuple(Clip(ItemId(new_id()), "piece", PIECE_FRAMES, (Take(source.id, at / RATE),)) for at in starts)

    tracks = (
        Track(TrackId("v1"), TrackKind.VIDEO, "V1", items()),
        Track(TrackId("a1"), TrackKind.AUDIO, "A1", items()),
    )
    sequence = Sequence(SequenceId("film"), "film", *SIZE, RATE, 48_000, tracks)
    numbers = [n for at in starts for n in range(at, at + PIECE_FRAMES)]
    return new_document("film", sequence).with_media(source), numbers


def export(document: Document, settings: Settings, target: Path, files: MediaFiles) -> tuple[Report, float, float]:
    """The report, and the CPU and wall seconds that it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    with prepared(document, settings, target, files, lambda media: Path(media.path)) as job:
        made = Export(job).run()
    return made, time.process_time() - cpu, time.perf_counter() - wall


def samples(path: Path) -> tuple[list[bytes], bytes]:
    """(what each picture is stored as, by number; the parameter sets)."""
    index = build_index(path)
    found = [b""] * index.frames
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        headers = stream.codec_context.extradata or b""
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                number = index.number(packet.pts)
                assert number is not None
                found[number] = hashlib.blake2b(bytes(packet)).digest()
    return found, headers


def pixels(path: Path, numbers: range) -> list[bytes]:
    with VideoReader(path) as reader:
        frames = reader.frames(numbers.start, numbers.stop)
        return [hashlib.blake2b(as_bytes(frame)).digest() for _, frame in frames]


def compared(source: Path, film: Path, numbers: list[int], copied: int) -> int:
    """How many pictures of the film are the source's own. Ends the program when fewer than were copied are."""
    before, headers = samples(source)
    after, both = samples(film)
    mine, theirs = Headers.parse(headers), Headers.parse(both)
    same = [before[number] == found for number, found in zip(numbers, after, strict=True)]
    if sum(same) < copied or not {*mine.sps, *mine.pps} <= {*theirs.sps, *theirs.pps}:
        raise SystemExit(f"{copied} pictures were copied, but only {sum(same)} are the source's, bit for bit")
    shown, part = pixels(source, range(SOURCE_FRAMES)), range(min(SOURCE_FRAMES, len(numbers)))
    for number, found in zip(part, pixels(film, part), strict=True):
        if same[number] and shown[numbers[number]] != found:
            raise SystemExit(f"picture {number} was copied, but looks otherwise")
    return sum(same)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--gop", type=int, default=50)
    parser.add_argument("--encode-frames", type=int, default=150)
    parser.add_argument("--keep", type=Path, help="a folder for the footage")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        footage = (chosen.keep or folder) / f"source-{chosen.gop}.mp4"
        if not footage.exists():
            footage.parent.mkdir(parents=True, exist_ok=True)
            make_source(footage, chosen.gop)
        files = MediaFiles(folder / "cache")
        try:
            source = files.describe(footage)
            document, numbers = cuts_only(source, chosen.minutes)
            made, cpu, wall = export(document, Settings("h264"), folder / "smart.mp4", files)
            peak = peak_rss_bytes()
            part = chosen.encode_frames or len(numbers)
            encode = Settings("h264", smart=False, last=part)
            _, full_cpu, full_wall = export(document, encode, folder / "full.mp4", files)
        finally:
            files.close()
        same = compared(Path(source.path), folder / "smart.mp4", numbers, made.copied)
    factor = len(numbers) / part
    report(
        "export cuts alone, times fewer CPU-seconds than encoding again",
        [full_cpu * factor / cpu],
        unit="x",
        goal=GOAL,
        more_is_better=True,
        settings={
            "minutes": chosen.minutes,
            "frames": len(numbers),
            "cuts": chosen.minutes * 2,
            "gop": chosen.gop,
            "encoded_frames": part,
            "size": SIZE,
        },
        peak_bytes=peak,
        smart_wall_s=round(wall, 2),
        smart_cpu_s=round(cpu, 2),
        full_wall_s=round(full_wall * factor, 1),
        full_cpu_s=round(full_cpu * factor, 1),
        times_wall=round(full_wall * factor / wall, 1),
        copied=made.copied,
        bit_identical=same,
    )


if __name__ == "__main__":
    main()
