"""Small media files for tests, made with the encoders of the PyAV wheel: every codec, rate and oddity that we promise.

Each picture carries its own number (a bar code in the top rows), so a wrong frame is told from a badly decoded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from numpy.typing import NDArray

NTSC_FILM, NTSC, NTSC_DOUBLE = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)


@dataclass(frozen=True)
class Sound:
    """A sweep with a click at each tenth of a second; `channels` by FFmpeg layout name."""

    codec: str
    rate: int = 48_000
    layout: str = "stereo"
    seconds: float = 1.5
    sample_format: str | None = None


@dataclass(frozen=True)
class Clip:
    """What to make. `times` replaces frame n's pts (in ticks of 1 / rate / 100) for variable rates."""

    name: str
    codec: str = "libx264"
    rate: Fraction = Fraction(25)
    size: tuple[int, int] = (64, 48)
    frames: int = 50
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    rotation: int = 0
    sound: Sound | None = None
    times: Callable[[int], int] | None = None
    fragmented: bool = False
    cut_start: int = 0  # this many frames lie before the start of the edit list; negative: an empty edit leads
    container_options: Mapping[str, str] = field(default_factory=dict[str, str])

    lost_start: int = 0  # packets before the key picture with this number are left out, as when a recording is cut

    @property
    def shown(self) -> int:
        """Frames that a player shows."""
        return self.frames - max(0, self.cut_start) - self.lost_start

    @property
    def can_be_made(self) -> bool:
        try:
            Codec(self.codec, "w")
        except (UnknownCodecError, ValueError):
            return False
        return True


B_FRAMES = {"bf": "3", "g": "24", "b_strategy": "0", "preset": "veryfast"}

CLIPS = [
    Clip("film.mp4", rate=NTSC_FILM, options=B_FRAMES, sound=Sound("aac")),
    Clip("pal.mov", rate=Fraction(25), options=B_FRAMES, sound=Sound("pcm_s16le", 44_100, "mono")),
    Clip("ntsc.mkv", rate=NTSC, options=B_FRAMES, sound=Sound("flac", 96_000)),
    Clip("double.ts", rate=NTSC_DOUBLE, options=B_FRAMES, sound=Sound("aac")),
    Clip("sixty.mp4", rate=Fraction(60), options={"g": "250", "bf": "2", "preset": "veryfast"}),
    Clip("open_gop.mp4", options={"bf": "3", "g": "12", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}),
    Clip("open_gop.ts", options={"bf": "3", "g": "12", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}),
    Clip(
        "cut_open_gop.mp4",
        options={"bf": "3", "g": "12", "x264-params": "open-gop=1:scenecut=0:b-adapt=0"},
        lost_start=12,
    ),
    Clip(
        "cut_open_gop.ts",
        options={"bf": "3", "g": "12", "x264-params": "open-gop=1:scenecut=0:b-adapt=0"},
        lost_start=24,
    ),
    Clip("refresh.mp4", options={"bf": "0", "g": "12", "x264-params": "intra-refresh=1"}),
    Clip("hevc.mp4", "libx265", NTSC, options={"x265-params": "log-level=none:keyint=16:bframes=3:pools=1"}),
    Clip("hevc_open.mkv", "libx265", options={"x265-params": "log-level=none:keyint=12:open-gop=1:pools=1"}),
    Clip("vp9.webm", "libvpx-vp9", NTSC, options={"g": "20", "lag-in-frames": "10", "cpu-used": "8"}),
    Clip("vp8.webm", "libvpx", options={"g": "20", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "8"}),
    Clip("av1.mp4", "libsvtav1", NTSC_FILM, options={"preset": "12", "g": "20", "svtav1-params": "lp=1"}),
    Clip("prores.mov", "prores_ks", pixel_format="yuv422p10le", frames=20, sound=Sound("pcm_s24le")),
    Clip("mjpeg.mov", "mjpeg", pixel_format="yuvj420p", sound=Sound("aac", 44_100)),
    Clip("mpeg2.mpg", "mpeg2video", NTSC, options={"bf": "2", "g": "15"}),
    Clip("mpeg4.avi", "mpeg4", options={"bf": "2", "g": "15"}),
    Clip("h264.avi", options={"bf": "2", "g": "15", "preset": "veryfast"}),
    Clip("lossless.mkv", "ffv1", pixel_format="bgr0", frames=20),
    Clip("raw.h264", options={"bf": "2", "g": "15", "preset": "veryfast"}),
    Clip("turned.mp4", rotation=90, options=B_FRAMES),
    Clip("upside_down.mp4", rotation=180, frames=20, options=B_FRAMES),
    Clip("odd.mp4", size=(67, 45), pixel_format="yuv444p", options=B_FRAMES),
    Clip("odd_vp9.webm", "libvpx-vp9", size=(67, 45), options={"cpu-used": "8"}, frames=20),
    Clip("variable.mp4", rate=Fraction(30), times=lambda n: n * 100 + (n * n * 7) % 60, options=B_FRAMES),
    Clip("variable.mkv", rate=Fraction(30), times=lambda n: n * 100 + (n // 10) * 250, options=B_FRAMES),
    Clip("fragments.mp4", rate=NTSC, options=B_FRAMES, fragmented=True, sound=Sound("aac")),
    Clip("edited.mp4", rate=NTSC, options={**B_FRAMES, "g": "12"}, cut_start=7, sound=Sound("aac")),
    Clip("delayed.mp4", rate=NTSC, options=B_FRAMES, cut_start=-5, sound=Sound("aac")),
    Clip("surround.mp4", frames=25, options=B_FRAMES, sound=Sound("aac", layout="5.1", seconds=1.0)),
    Clip("late_sound.mkv", frames=25, options=B_FRAMES, sound=Sound("libopus", seconds=1.0)),
]

SOUNDS = [
    ("mono.wav", Sound("pcm_s16le", 44_100, "mono")),
    ("float.wav", Sound("pcm_f32le", 96_000)),
    ("eight_bit.wav", Sound("pcm_u8", 44_100)),
    ("stereo.flac", Sound("flac")),
    ("song.mp3", Sound("libmp3lame", 44_100)),
    ("song.m4a", Sound("aac", 44_100)),
    ("song.ogg", Sound("libopus")),
    ("song.mka", Sound("aac")),
    ("surround.flac", Sound("flac", 48_000, "5.1")),
    ("alac.m4a", Sound("alac", 48_000)),
]


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Frame `number`: 16 black or white cells with its bits on top, a moving gradient and some noise below."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack(
        [(columns * 3 + number * 5) % 256, (rows * 4 + number * 2) % 256, (columns + rows + number * 9) % 256], axis=-1
    ).astype(np.uint8)
    noise = np.random.default_rng(number).integers(0, 24, image.shape, dtype=np.uint8)
    image = image // 2 + noise
    cell = max(1, width // 16)
    for bit in range(16):
        image[: height // 4, bit * cell : (bit + 1) * cell] = 235 if number >> bit & 1 else 16
    return image


def number_in(image: NDArray[np.uint8]) -> int:
    """The number that `picture` wrote, from an upright RGB picture."""
    height, width = image.shape[:2]
    cell = max(1, width // 16)
    cells = [image[1 : height // 4 - 1, bit * cell : (bit + 1) * cell] for bit in range(16)]
    return sum(1 << bit for bit, area in enumerate(cells) if area.mean() > 125)


def sweep(sound: Sound) -> NDArray[np.float32]:
    """(channels, samples): each channel its own tone, with a click every tenth of a second."""
    count = round(sound.seconds * sound.rate)
    channels = av.AudioLayout(sound.layout).nb_channels
    time = np.arange(count) / sound.rate
    rows = [0.3 * np.sin(2 * np.pi * (220 + 110 * c) * (time + 0.2 * time**2)) for c in range(channels)]
    samples = np.array(rows, np.float32)
    samples[:, :: sound.rate // 10] += 0.4
    return samples


def make_clip(folder: Path, clip: Clip) -> Path:
    """Write `clip` into `folder` (once) and return its path."""
    path = folder / clip.name
    if path.exists():
        return path
    options = dict(clip.container_options)
    if clip.fragmented:
        options["movflags"] = "frag_keyframe+empty_moov"
    with av.open(str(path), "w", options=options) as out:
        video = out.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *clip.size, clip.pixel_format
        video.thread_count = 1
        video.time_base = video.codec_context.time_base = 1 / clip.rate / (100 if clip.times else 1)
        if clip.rotation:
            video.set_display_rotation(clip.rotation)
        audio = _add_sound(out, clip.sound) if clip.sound else None
        shift = -clip.cut_start / clip.rate  # seconds
        lost = clip.lost_start > 0
        for packet in _video_packets(video, clip):
            lost = lost and not (
                packet.is_keyframe and (packet.pts or 0) * packet.time_base * clip.rate >= clip.lost_start
            )
            if lost:
                continue
            if shift:
                for name in ("pts", "dts"):
                    value = getattr(packet, name)
                    if value is not None:
                        setattr(packet, name, value + round(shift / packet.time_base))
            out.mux(packet)
        if audio is not None and clip.sound is not None:
            _mux_sound(out, audio, clip.sound)
    return path


def make_sound(folder: Path, name: str, sound: Sound) -> Path:
    path = folder / name
    if not path.exists():
        with av.open(str(path), "w") as out:
            _mux_sound(out, _add_sound(out, sound), sound)
    return path


def _video_packets(video: av.VideoStream, clip: Clip) -> Iterator[av.Packet]:
    for number in range(clip.frames):
        frame = av.VideoFrame.from_ndarray(picture(number, *clip.size), "rgb24")
        frame = frame.reformat(format=clip.pixel_format)
        frame.pts = clip.times(number) if clip.times else number
        frame.time_base = video.codec_context.time_base
        yield from video.encode(frame)
    yield from video.encode(None)


def _add_sound(out: av.container.OutputContainer, sound: Sound) -> av.AudioStream:
    stream = out.add_stream(sound.codec, rate=sound.rate)
    assert isinstance(stream, av.AudioStream)
    stream.layout = sound.layout
    return stream


def _mux_sound(out: av.container.OutputContainer, stream: av.AudioStream, sound: Sound) -> None:
    samples = sweep(sound)
    for start in range(0, samples.shape[1], sound.rate // 4):
        part = np.ascontiguousarray(samples[:, start : start + sound.rate // 4])
        frame = av.AudioFrame.from_ndarray(part, "fltp", sound.layout)
        frame.sample_rate = sound.rate
        frame.pts = start
        frame.time_base = Fraction(1, sound.rate)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def make_long_clip(path: Path, copies: int) -> Path:
    """A clip of `copies` times ten seconds at 25 fps (250 pictures, encoded once, then repeated as packets)."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"g": "50", "bf": "2", "preset": "veryfast"})
        assert isinstance(video, av.VideoStream)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, 25)
        clip = Clip("", size=(32, 32), frames=250)
        packets = [(bytes(p), p.pts or 0, p.dts or 0, p.is_keyframe) for p in _video_packets(video, clip)]
        for copy in range(copies):
            for data, pts, dts, key in packets:
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.is_keyframe = pts + copy * 250, dts + copy * 250, key
                packet.duration, packet.time_base, packet.stream = 1, Fraction(1, 25), video
                out.mux(packet)
    return path
