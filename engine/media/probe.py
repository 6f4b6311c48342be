"""What a media file is: streams, exact rate, size, rotation, colour, sound. Reads headers and one picture, no more.

Exact frame count, duration and "variable or constant rate" need the frame index: `index.build_index` gives them, and
`probe(path, exact=True)` fills them in here. Without it they are what the header claims.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .colour import ColourTags
from .containers import decoder_name, is_still_format, opened, packets_of, picture_stream
from .errors import CorruptMedia, NotAMediaFile, NoVideo
from .orientation import UPRIGHT, Orientation

# How many packets without a picture are read before a stream counts as undecodable (open GOPs and lost starts need a
# few dozen; a damaged file should not be read to its end here).
_FIRST_PICTURE_PACKETS = 600


@dataclass(frozen=True)
class VideoInfo:
    """One picture stream. Sizes are in stored pixels before rotation unless they say `display`."""

    stream: int
    codec: str
    profile: str | None
    pixel_format: str
    bits: int  # per component
    width: int
    height: int
    orientation: Orientation
    sample_aspect: Fraction  # 1 where the file says nothing
    rate: Fraction | None  # frames per second; nominal where `variable_rate`; None for a still
    variable_rate: bool | None  # None: not known before the index is built
    frames: int | None  # None: the header doesn't say
    time_base: Fraction  # seconds per pts tick
    start_seconds: Fraction  # container time of the first shown frame: time zero of the media
    colour: ColourTags
    interlaced: bool

    @property
    def rotated_size(self) -> tuple[int, int]:
        """(width, height) of the arrays that `decode` gives: rotated, stored pixels."""
        return self.orientation.size(self.width, self.height)

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) on square pixels after rotation; the narrower axis is stretched, never shrunk."""
        width, height = Fraction(self.width), Fraction(self.height)
        if self.sample_aspect > 1:
            width *= self.sample_aspect
        else:
            height /= self.sample_aspect
        return self.orientation.size(round(width), round(height))


@dataclass(frozen=True)
class AudioInfo:
    """One sound stream."""

    track: int  # 0 for the first sound stream: what `decode.AudioReader` is asked for
    stream: int
    codec: str
    rate: int  # samples per second
    channels: int
    layout: str  # FFmpeg's name: "mono", "stereo", "5.1(side)", ...
    channel_names: tuple[str, ...]  # "FL", "FR", "FC", "LFE", ...
    time_base: Fraction


@dataclass(frozen=True)
class MediaInfo:
    """A file as a whole. A file without picture has `video` None, one without sound has no `audio`."""

    path: Path
    container: str  # FFmpeg's name
    size_bytes: int
    video: VideoInfo | None
    audio: tuple[AudioInfo, ...]
    is_still: bool
    duration_seconds: Fraction | None  # of the picture, else of the sound; None for stills and where unknown
    metadata: dict[str, str]

    def require_video(self) -> VideoInfo:
        """Raises NoVideo."""
        if self.video is None:
            raise NoVideo(self.path)
        return self.video


def probe(path: Path, *, exact: bool = False) -> MediaInfo:
    """Describe `path`; with `exact`, index the picture so that frame count, rate and duration are facts.

    Raises the errors of `errors.py`: NoSuchFile, NotReadable, EmptyFile, NotAMediaFile, UnsupportedCodec, CorruptMedia.
    """
    with opened(path) as container:
        info = _describe(container, path)
    if not exact:
        return info
    if info.video is not None and not info.is_still:
        from .index import build_index  # here: the index needs this file

        index = build_index(path)
        video = dataclasses.replace(
            info.video,
            rate=index.rate,
            variable_rate=not index.is_constant,
            frames=index.frames,
            start_seconds=index.start_seconds,
        )
        return dataclasses.replace(info, video=video, duration_seconds=index.duration_seconds)
    if info.audio and info.video is None:
        from .decode import AudioReader

        with AudioReader(path) as reader:
            first, end = reader.extent()
            seconds = Fraction(end - first, reader.rate)
        return dataclasses.replace(info, duration_seconds=seconds)
    return info


def describe_frame(frame: VideoFrame) -> Orientation:
    """The display orientation that comes with a decoded frame."""
    try:
        # PyAV's stub calls the container a dict of names; it is a sequence of SideData buffers.
        everything = cast("Iterable[SideData]", frame.side_data)
    except ValueError:
        # WORKAROUND: PyAV 18.1 fails on the whole list when it holds a kind that its table lacks (28 LCEVC, 29 view id,
        # 31 EXIF, in every photograph). The rotation comes without the list, mirroring doesn't. Can go when
        # av.sidedata.sidedata.Type knows EXIF; tests/ltxdesktop/media/test_describe.py, photograph, tells.
        return Orientation(round(-frame.rotation / 90) % 4)
    for data in everything:
        if data.type == SideDataType.DISPLAYMATRIX:
            return Orientation.of_display_matrix(np.frombuffer(bytes(data), dtype=np.int32).tolist())
    return UPRIGHT


def container_rate(stream: VideoStream) -> Fraction | None:
    """The rate that the header suggests: the average one where it is sane, else FFmpeg's guess."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate is not None and 0 < rate <= 1000:
            return Fraction(rate)
    return None


def _describe(container: InputContainer, path: Path) -> MediaInfo:
    try:
        stream = picture_stream(container, path)
    except NoVideo:
        stream = None
    audio = tuple(
        _describe_audio(s, track) for track, s in enumerate(container.streams.audio) if decoder_name(s) is not None
    )
    if stream is None and not audio:
        if container.streams.audio:
            raise NotAMediaFile(path, "its sound has no decoder here")
        raise NotAMediaFile(path, "it has neither picture nor sound")
    still = is_still_format(container.format.name)
    seconds = None if still or container.duration is None else Fraction(container.duration, av.time_base)
    metadata = dict(container.metadata)
    name = container.format.name
    video = None if stream is None else _describe_video(container, stream, path, still=still)
    if video is not None and not still and stream is not None and stream.duration:
        seconds = stream.duration * video.time_base
    return MediaInfo(
        path=path,
        container=name,
        size_bytes=path.stat().st_size,
        video=video,
        audio=audio,
        is_still=still,
        duration_seconds=seconds,
        metadata=metadata,
    )


def _describe_video(container: InputContainer, stream: VideoStream, path: Path, *, still: bool) -> VideoInfo:
    codec = decoder_name(stream) or "unknown"
    rate, claimed = container_rate(stream), stream.frames
    time_base = stream.time_base or Fraction(1, 1000)
    profile = stream.profile
    aspect = stream.sample_aspect_ratio
    field_order = stream.codec_context.field_order
    frame = first_picture(container, stream, path)
    pts = frame.pts if frame.pts is not None else 0
    return VideoInfo(
        stream=stream.index,
        codec=codec,
        profile=profile,
        pixel_format=frame.format.name,
        bits=max(c.bits for c in frame.format.components),
        width=frame.width,
        height=frame.height,
        orientation=describe_frame(frame),
        sample_aspect=Fraction(aspect) if aspect else Fraction(1),
        rate=None if still else rate,
        variable_rate=False if still else None,
        frames=1 if still else (claimed or None),
        time_base=Fraction(time_base),
        start_seconds=pts * Fraction(time_base),
        colour=ColourTags.of(frame),
        interlaced=field_order > 1,
    )


def first_picture(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    """The first frame that decodes. Raises CorruptMedia when there is none within a fixed number of packets."""
    errors = 0
    try:
        for count, packet in enumerate(packets_of(container, stream)):
            if count > _FIRST_PICTURE_PACKETS:
                break
            try:
                frames = packet.decode()
            except FFmpegError:
                errors += 1
                continue
            if frames:
                return frames[0]
    except FFmpegError as exc:
        raise CorruptMedia(path, "its data can't be read") from exc
    raise CorruptMedia(path, f"no picture could be decoded ({errors} decoding errors)")


def _describe_audio(stream: AudioStream, track: int) -> AudioInfo:
    layout = stream.layout
    time_base = Fraction(stream.time_base or Fraction(1, max(1, stream.rate)))
    return AudioInfo(
        track=track,
        stream=stream.index,
        codec=decoder_name(stream) or "unknown",
        rate=stream.rate,
        channels=stream.channels,
        layout=layout.name,
        channel_names=tuple(c.name for c in layout.channels),
        time_base=time_base,
    )
