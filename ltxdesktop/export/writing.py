"""Writing a film's file: one muxer, at most one picture and one sound stream, chapters and a poster, under a temporary
name. Naming and checking the file is `job`'s business.
"""

# PyAV's stubs leave the parameter of Packet and the keywords of add_stream open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ltxdesktop.export.encoders import Encoder, SoundEncoder, hardware_of
from ltxdesktop.export.palette import Palette
from ltxdesktop.export.presets import PictureCodec
from ltxdesktop.export.settings import Shape

if TYPE_CHECKING:
    from av.container.core import Chapter as ChapterEntry  # in the stubs only

# H.273 codes of BT.709 for matrix, primaries and transfer; range as FFmpeg counts it.
_BT709: Final = 1
_LIMITED: Final = 1

_KEY_EVERY_S: Final = 2  # so that players find their way quickly, and editors can cut without decoding much

_MUXER_OPTIONS: Final = {
    "mp4": {"movflags": "+faststart+write_colr"},
    "mov": {"movflags": "+faststart+write_colr"},
    "ipod": {"movflags": "+faststart"},
    "wav": {"rf64": "auto"},
}
_ISO: Final = frozenset({"mp4", "mov", "ipod"})


class Chapter(NamedTuple):
    """A named stretch of the film: seconds from its start."""

    start: Fraction
    end: Fraction
    name: str


class Extras(NamedTuple):
    """What goes into a file beside picture and sound."""

    title: str = ""
    chapters: Sequence[Chapter] = ()
    poster: VideoFrame | None = None  # rgb24
    comment: str = ""


class Output(Protocol):
    """What a film is written into, in order: a file, or a folder of pictures."""

    def write_picture(self, frame: VideoFrame) -> None: ...

    def write_sound(self, samples: NDArray[np.float32]) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


class FilmFile:
    """One file. Raises OSError (FFmpegError is one) from every method when it can't be written; `abort` ends it then.

    `template` is the picture stream of a film whose packets are copied into this one (see `smart`), and `headers` its
    codec's parameter sets; then `write_packet` takes the place of `write_picture`.
    """

    def __init__(
        self,
        path: Path,
        shape: Shape,
        *,
        encoder: Encoder | None = None,
        options: dict[str, str] | None = None,
        sound: SoundEncoder | None = None,
        extras: Extras = Extras(),  # noqa: B008  # a constant
        template: VideoStream | None = None,
        headers: bytes = b"",
    ) -> None:
        self.path = path
        self._shape = shape
        self.encoder_failed = False  # the picture encoder raised, not the disk
        self._pictures = self._samples = 0
        self._palette = Palette(shape) if shape.preset.picture is PictureCodec.GIF else None
        muxer = shape.preset.container
        container = av.open(str(path.absolute()), "w", format=muxer, options=dict(_MUXER_OPTIONS.get(muxer, {})))
        self._container: OutputContainer | None = container
        self._picture: VideoStream | None = None
        self._sound: AudioStream | None = None
        self._poster: VideoStream | None = None
        try:
            if template is not None:
                self._picture = _add_copied(container, template, shape, headers)
            elif encoder is not None:
                self._picture = _add_picture(container, encoder, options or {}, shape)
            if sound is not None:
                self._sound = _add_sound(container, sound, shape)
            self._add_extras(container, extras)
            container.start_encoding()
            if self._poster is not None and extras.poster is not None:
                self._write_poster(extras.poster)
        except BaseException:
            self.abort()
            raise

    def write_picture(self, frame: VideoFrame) -> None:
        """Append a picture in the encoder's format. The frame may be a decoder's: of its facts only those are set that
        nobody else looks at (time, and the kind of picture that it was)."""
        assert self._picture is not None
        frame.pts, frame.time_base = self._pictures, 1 / self._shape.rate
        frame.pict_type = 0  # else what was a key picture becomes one again
        self._pictures += 1
        if self._palette is None:
            self._mux(self._encoded(frame))
            return
        self._mux(packet for coloured in self._palette.reduced(frame) for packet in self._encoded(coloured))

    def write_packet(self, packet: Packet[Any], pts: int, dts: int) -> None:
        """Append a copied picture; times in frames."""
        assert self._picture is not None
        packet.stream = self._picture
        packet.time_base = 1 / self._shape.rate
        packet.pts, packet.dts, packet.duration = pts, dts, 1
        self._mux([packet])

    def write_sound(self, samples: NDArray[np.float32]) -> None:
        """Append samples (n, channels); what is beyond -1..1 is clipped."""
        assert self._sound is not None
        frame = audio_frame(samples, self._sound.format.name, self._shape.sample_rate)
        frame.pts = self._samples
        self._samples += len(samples)
        self._mux(self._sound.encode(frame))

    def finish(self) -> None:
        """Write what the encoders hold back, and the file's index."""
        assert self._container is not None
        if self._palette is not None:
            self._mux(packet for coloured in self._palette.reduced(None) for packet in self._encoded(coloured))
        for stream in (self._picture, self._sound):
            if stream is not None and stream.codec_context.is_open:
                self._mux(self._encoded(None) if stream is self._picture else stream.encode(None))
        container, self._container = self._container, None
        container.close()
        self._picture = self._sound = self._poster = None  # with them goes what the encoders held: 350 MB at 1080p

    def abort(self) -> None:
        """Close and remove the file; does nothing to a finished one but remove it."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(FFmpegError, OSError, ValueError):
                container.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _encoded(self, frame: VideoFrame | None) -> list[Packet[Any]]:
        assert self._picture is not None
        try:
            return self._picture.encode(frame)
        except FFmpegError:
            self.encoder_failed = True
            raise

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        assert self._container is not None
        for packet in packets:
            self._container.mux(packet)

    def _add_extras(self, container: OutputContainer, extras: Extras) -> None:
        if extras.title:
            container.metadata["title"] = extras.title
        if extras.comment:
            container.metadata["comment"] = extras.comment
        if extras.chapters:
            container.set_chapters([_chapter(number, each) for number, each in enumerate(extras.chapters)])
        if extras.poster is None:
            return
        if self._shape.preset.container == "mp4":
            stream = container.add_stream("png", rate=1)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = extras.poster.width, extras.poster.height, "rgb24"
            stream.disposition = Disposition.attached_pic
            self._poster = stream
        elif self._shape.preset.container == "matroska":
            container.add_attachment("cover.png", "image/png", png_bytes(extras.poster))

    def _write_poster(self, poster: VideoFrame) -> None:
        assert self._poster is not None
        poster.pts, poster.time_base = 0, Fraction(1)
        self._mux(self._poster.encode(poster))


class PictureFolder:
    """A folder of numbered PNG files."""

    def __init__(self, folder: Path, name: str, options: dict[str, str], digits: int) -> None:
        self.folder, self._name, self._digits, self._count = folder, name, digits, 0
        self._options = options
        folder.mkdir()

    def write_picture(self, frame: VideoFrame) -> None:
        self.file(self._count).write_bytes(png_bytes(frame, self._options))
        self._count += 1

    def write_sound(self, samples: NDArray[np.float32]) -> None:
        raise AssertionError("pictures have no sound")

    def file(self, number: int) -> Path:
        """The picture of a frame."""
        return self.folder / f"{self._name}_{number:0{self._digits}d}.png"

    def finish(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            for file in self.folder.iterdir():
                file.unlink(missing_ok=True)
            self.folder.rmdir()


def png_bytes(frame: VideoFrame, options: dict[str, str] | None = None) -> bytes:
    """An rgb24 or rgba frame as a PNG file."""
    context = VideoCodecContext.create("png", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = dict(options or {})
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def audio_frame(samples: NDArray[np.float32], sample_format: str, rate: int) -> AudioFrame:
    """(n, channels) as a frame; rounded to 24 bits or 16 where the format has integers."""
    clipped = np.clip(samples, -1, 1)
    channels = clipped.shape[1]
    data: NDArray[Any] = clipped
    if sample_format == "s32":  # 24 significant bits on top
        data = np.minimum(np.rint(clipped.astype(np.float64) * 2**23), 2**23 - 1).astype(np.int32) << 8
    elif sample_format == "s16":
        data = np.minimum(np.rint(clipped * np.float32(2**15)), 2**15 - 1).astype(np.int16)
    planar = sample_format.endswith("p")
    packed = np.ascontiguousarray(data.T if planar else data.reshape(1, -1))
    frame = AudioFrame.from_ndarray(packed, sample_format, "mono" if channels == 1 else "stereo")
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    return frame


def set_up(context: VideoCodecContext, encoder: Encoder, options: dict[str, str], shape: Shape) -> None:
    """Everything that a picture encoder is told before it's opened."""
    context.width, context.height = shape.width, shape.height
    context.pix_fmt = encoder.pixel_format
    context.time_base, context.framerate = 1 / shape.rate, shape.rate
    context.thread_type = "AUTO"
    if shape.preset.picture is not None and shape.preset.picture.has_rate:
        context.gop_size = max(1, round(shape.rate * _KEY_EVERY_S))
    if encoder.pixel_format.startswith(("yuv", "nv", "p0")):
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
    context.options = options


def _add_picture(container: OutputContainer, encoder: Encoder, options: dict[str, str], shape: Shape) -> VideoStream:
    stream = container.add_stream(encoder.name, rate=shape.rate, hwaccel=hardware_of(encoder.device))
    assert isinstance(stream, VideoStream)
    set_up(stream.codec_context, encoder, options, shape)
    stream.time_base = 1 / shape.rate
    _tag(stream, shape)
    return stream


def _tag(stream: VideoStream, shape: Shape) -> None:
    if shape.preset.picture is PictureCodec.HEVC and shape.preset.container in _ISO:
        stream.codec_context.codec_tag = "hvc1"  # Apple's players know no other


def _add_copied(container: OutputContainer, template: VideoStream, shape: Shape, headers: bytes) -> VideoStream:
    stream = container.add_stream_from_template(template, opaque=True)
    assert isinstance(stream, VideoStream)
    stream.time_base = 1 / shape.rate
    if headers:
        stream.codec_context.extradata = headers
        _tag(stream, shape)
    else:  # ProRes: its kind is said by the tag alone, and the muxer guesses one that doesn't suit 12 bits
        stream.codec_context.codec_tag = template.codec_context.codec_tag
    return stream


def _add_sound(container: OutputContainer, encoder: SoundEncoder, shape: Shape) -> AudioStream:
    stream = container.add_stream(encoder.name, rate=shape.sample_rate, options=dict(encoder.options))
    assert isinstance(stream, AudioStream)
    stream.layout = "mono" if shape.channels == 1 else "stereo"
    stream.format = encoder.sample_format
    stream.time_base = Fraction(1, shape.sample_rate)
    return stream


def _chapter(number: int, chapter: Chapter) -> ChapterEntry:
    milliseconds = Fraction(1, 1000)
    return {
        "id": number + 1,
        "start": round(chapter.start / milliseconds),
        "end": round(chapter.end / milliseconds),
        "time_base": milliseconds,
        "metadata": {"title": chapter.name},
    }
