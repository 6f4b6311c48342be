"""Every frame that the exact reader gives is the frame that a plain decode from the start gives."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_samples import CLIPS, make_long_clip, number_in, picture

from engine.media.colour import Matrix
from engine.media.decode import VideoReader, stored_planes
from engine.media.errors import CorruptMedia, RangeOutsideMedia
from engine.media.index import build_index
from engine.media.orientation import Orientation
from engine.media.probe import probe

Clips = Callable[[str], Path]
NAMES = [clip.name for clip in CLIPS]


def digest(frame: av.VideoFrame) -> str:
    planes = [plane[..., :3] if frame.format.name == "bgr0" else plane for plane in stored_planes(frame)]
    return hashlib.md5(b"".join(plane.tobytes() for plane in planes), usedforsecurity=False).hexdigest()


@cache
def decoded_from_start(path: Path) -> list[str]:
    """One hash per picture of an ordinary decode: one thread, no seek, nothing of ours but the hash."""
    with av.open(str(path)) as container:
        return [digest(frame) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_equals_a_decode_from_the_start(clip: Clips, name: str):
    path = clip(name)
    expected = decoded_from_start(path)
    with VideoReader(path) as reader:
        assert reader.index.frames == len(expected)
        assert [digest(frame) for _, frame in reader.frames(0, len(expected))] == expected
        order = list(range(len(expected)))
        random.Random(name).shuffle(order)
        for number in order:  # every frame once, in random order, by whatever seeks that takes
            ((found, frame),) = reader.frames(number, number + 1)
            assert (found, digest(frame)) == (number, expected[number])


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_equals_the_ffmpeg_program(clip: Clips, name: str):
    if shutil.which("ffmpeg") is None:
        pytest.skip("the ffmpeg program is not installed")
    path = clip(name)
    command = ["ffmpeg", "-v", "error", "-noautorotate", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    if name == "lossless.mkv":
        command += ["-pix_fmt", "bgr24"]  # bgr0 without its unused byte
    done = subprocess.run([*command, "-f", "framemd5", "-"], capture_output=True, text=True, check=True)
    lines = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert [line[-1].strip() for line in lines] == decoded_from_start(path)


@pytest.mark.parametrize(
    "name", ["open_gop.mp4", "hevc_open.mkv", "vp8.webm", "double.ts", "variable.mkv", "edited.mp4"]
)
def test_any_sequence_of_ranges_gives_the_right_frames(clip: Clips, name: str):
    path = clip(name)
    expected = decoded_from_start(path)
    end = len(expected)
    ranges = st.tuples(st.integers(0, end - 1), st.integers(1, 12)).map(lambda r: (r[0], min(end, r[0] + r[1])))
    with VideoReader(path) as reader:

        @settings(max_examples=25, database=None)
        @given(st.lists(ranges, min_size=1, max_size=6))
        def check(asked: list[tuple[int, int]]) -> None:
            for first, last in asked:
                assert [digest(frame) for _, frame in reader.frames(first, last)] == expected[first:last]

        check()


def test_two_ranges_may_be_read_in_turns(clip: Clips):
    path = clip("film.mp4")
    expected = decoded_from_start(path)
    with VideoReader(path) as reader:
        one, other = reader.frames(3, 9), reader.frames(30, 36)
        for (a, first), (b, second) in zip(one, other, strict=True):
            assert (digest(first), digest(second)) == (expected[a], expected[b])


@pytest.mark.parametrize("name", ["film.mp4", "ntsc.mkv", "hevc.mp4", "vp9.webm", "av1.mp4", "prores.mov", "odd.mp4"])
def test_frames_carry_their_number(clip: Clips, name: str):
    with VideoReader(clip(name)) as reader:
        assert [number_in(image) for image in reader.iter_rgb(5, 12)] == list(range(5, 12))


@pytest.mark.parametrize(("name", "turns"), [("turned.mp4", 1), ("upside_down.mp4", 2)])
def test_rotation_is_applied(clip: Clips, name: str, turns: int):
    path = clip(name)
    info = probe(path).require_video()
    with VideoReader(path) as reader:
        shown = reader.rgb(6, 8)
        planes = next(reader.planes(6, 7))
    assert shown.shape[2:0:-1] == info.rotated_size
    assert planes.arrays[0].shape == shown.shape[1:3]
    # set_display_rotation counts counterclockwise: turning back clockwise gives the stored picture.
    assert number_in(np.rot90(shown[1], -turns)) == 7


@pytest.mark.parametrize("name", ["turned.mp4", "upside_down.mp4"])
def test_rotation_equals_the_ffmpeg_program(clip: Clips, name: str):
    if shutil.which("ffmpeg") is None:
        pytest.skip("the ffmpeg program is not installed")
    path = clip(name)
    with VideoReader(path) as reader:
        luma = next(reader.planes(4, 5)).arrays[0]
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", "select=eq(n\\,4)", "-frames:v", "1", "-f", "rawvideo"]
    raw = subprocess.run([*command, "-"], capture_output=True, check=True).stdout
    assert np.array_equal(np.frombuffer(raw, np.uint8)[: luma.size].reshape(luma.shape), luma)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), Orientation(0)),
        ((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), Orientation(1)),
        ((-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), Orientation(2)),
        ((0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30), Orientation(3)),
        ((-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), Orientation(0, mirrored=True)),
        ((65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), Orientation(2, mirrored=True)),
    ],
)
def test_display_matrix_moves_pixels_where_it_says(values: tuple[int, ...], expected: Orientation):
    found = Orientation.of_display_matrix(values)
    assert found == expected
    stored = np.arange(12).reshape(3, 4)  # 3 rows, 4 columns
    shown = found.apply(stored)
    # The matrix itself, applied to pixel centres and shifted back into view, says where each pixel belongs.
    a, b, c, d = (round(values[i] / 65536) for i in (0, 1, 3, 4))
    places = {(a * x + c * y, b * x + d * y): stored[y, x] for y in range(3) for x in range(4)}
    left, top = min(p for p, _ in places), min(q for _, q in places)
    assert all(shown[q - top, p - left] == value for (p, q), value in places.items())


def test_a_window_in_ten_minutes_costs_what_it_costs_in_ten_seconds(tmp_path: Path):
    work = []
    for name, copies in (("short.mp4", 1), ("long.mp4", 60)):
        path = make_long_clip(tmp_path / name, copies)
        index = build_index(path)
        assert (index.source, index.frames) == ("header", 250 * copies)  # indexed without reading one packet
        with VideoReader(path, index, threads=2) as reader:
            first = (copies // 2) * 250 + 120
            assert [number_in(image) for image in reader.iter_rgb(first, first + 10)] == list(range(120, 130))
            work.append(reader.stats)
    short, long = work
    assert long == short
    assert long.packets <= 10 + 50 + 10  # the window, what leads to it from the last key, what the threads hold


@pytest.mark.parametrize(
    "name", ["film.mp4", "pal.mov", "ntsc.mkv", "double.ts", "open_gop.mp4", "hevc.mp4", "vp9.webm"]
)
def test_a_seek_lands_on_the_nearest_key_picture(clip: Clips, name: str):
    path = clip(name)
    index = build_index(path)
    keys = [index.first_frame_from(key) for key in range(len(index.key_pts))]
    for number in (30, 47):
        with VideoReader(path, index, threads=1) as reader:
            list(reader.frames(number, number + 1))
            lead = number - max(key for key in keys if key <= number)
            # What leads to the frame, the frame, and what the decoder wants to see before it puts frames in order. In
            # MPEG-TS the landing is by bytes: packets before the key are passed over.
            assert reader.stats.packets <= lead + 1 + (6 if not name.endswith(".ts") else 16)


def test_stepping_forward_does_not_seek(clip: Clips):
    with VideoReader(clip("sixty.mp4")) as reader:
        for number in range(20, 40):
            list(reader.frames(number, number + 1))
        assert reader.stats.seeks == 1


@pytest.mark.parametrize(("first", "end"), [(-1, 3), (5, 5), (7, 4), (0, 51), (50, 51)])
def test_a_range_outside_the_media_is_refused_with_both_numbers(clip: Clips, first: int, end: int):
    with (
        VideoReader(clip("film.mp4")) as reader,
        pytest.raises(RangeOutsideMedia, match=rf"{first} to {end} .* 0 to 50"),
    ):
        reader.frames(first, end)


def test_a_frame_that_is_gone_is_named(clip: Clips, tmp_path: Path):
    whole = clip("pal.mov").read_bytes()
    path = tmp_path / "hole.mov"
    path.write_bytes(whole)
    index = build_index(path)
    with av.open(str(path)) as container:
        entries = [(e.pos, e.size) for e in container.streams.video[0].index_entries]
    damaged = bytearray(whole)
    for position, size in entries[20:]:
        damaged[position : position + size] = bytes(size)
    path.write_bytes(damaged)
    with VideoReader(path, index) as reader:
        assert len(list(reader.frames(0, 15))) == 15
        with pytest.raises(CorruptMedia, match=r"frame \d+ of 50 can't be decoded"):
            list(reader.frames(30, 50))


@pytest.mark.parametrize(
    ("size", "tags", "matrix"),
    [
        ((64, 48), {}, Matrix.SMPTE170M),
        ((1280, 720), {}, Matrix.BT709),
        ((64, 48), {"colorspace": 9}, Matrix.BT2020),
        ((64, 48), {"color_range": 2}, Matrix.SMPTE170M),
    ],
)
def test_rgb_follows_the_streams_matrix(tmp_path: Path, size: tuple[int, int], tags: dict[str, int], matrix: Matrix):
    weights = {Matrix.SMPTE170M: (0.299, 0.114), Matrix.BT709: (0.2126, 0.0722), Matrix.BT2020: (0.2627, 0.0593)}[
        matrix
    ]
    colour = np.array([200, 40, 90], np.float64)
    red, blue = weights
    luma = red * colour[0] + (1 - red - blue) * colour[1] + blue * colour[2]
    coded = [16 + 219 / 255 * luma, 128 + 112 / 255 * (colour[2] - luma) / (1 - blue)]
    coded.append(128 + 112 / 255 * (colour[0] - luma) / (1 - red))
    path = tmp_path / "flat.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, coded, strict=True):
            plane.update(bytes([round(value)]) * plane.buffer_size)
        for name, value in tags.items():
            setattr(frame, name, value)
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with VideoReader(path) as reader:
        shown = reader.rgb(0, 1)[0]
        deep = reader.rgb(0, 1, bits=16)[0]
    if tags.get("color_range") == 2:  # the same numbers, read as full range
        y, u, v = (round(value) for value in coded)
        wide = [y + 2 * (1 - red) * (v - 128), 0, y + 2 * (1 - blue) * (u - 128)]
        wide[1] = (y - red * wide[0] - blue * wide[2]) / (1 - red - blue)
        colour = np.clip(wide, 0, 255)
    assert np.abs(shown.astype(int) - colour).max() <= 2
    assert np.abs(deep / 257 - colour).max() <= 2
    assert probe(path).require_video().colour.used_matrix is matrix


def test_full_range_is_read_as_full_range(clip: Clips):
    """MJPEG is full range: its darkest cells are 16 and stay 16, which a limited range reading would make 0."""
    with VideoReader(clip("mjpeg.mov")) as reader:
        cells = reader.rgb(0, 1)[0, :8]
    assert abs(float(np.median(cells)) - float(np.median(picture(0, 64, 48)[:8]))) <= 3


def test_rate_survives_exactly(clip: Clips):
    for name, rate in (("film.mp4", Fraction(24000, 1001)), ("double.ts", Fraction(60000, 1001))):
        assert build_index(clip(name)).rate == rate
