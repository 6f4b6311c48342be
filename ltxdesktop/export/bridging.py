"""Muxing copied groups of pictures and the encoded ones between them as one H.264 stream (see `smart`)."""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from av import VideoFrame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from ltxdesktop.export import avc
from ltxdesktop.export.encoders import Encoder
from ltxdesktop.export.settings import Shape
from ltxdesktop.export.smart import BRIDGE_B_FRAMES, Copied, SmartPlan
from ltxdesktop.export.writing import FilmFile, set_up

# The flag that keeps parameter sets out of the packets (AV_CODEC_FLAG_GLOBAL_HEADER): they go into the file's header.
_GLOBAL_HEADER = 1 << 22

ENCODER = "libx264"  # the only one that numbers its parameter sets as it's told


class Bridge:
    """Writes pictures to be encoded and copied groups into a file, in the file's order."""

    def __init__(self, plan: SmartPlan, encoder: Encoder, options: dict[str, str], shape: Shape) -> None:
        self.copied = 0  # frames
        self._encoder, self._options, self._shape = encoder, options, shape
        self._delay = plan.delay
        self._id = plan.headers.free_id()
        self._decoded = 0  # packets so far
        self._open: VideoCodecContext | None = None
        self._first = 0  # the file's frame that the open encoder began with
        self._put = 0  # frames that it was given
        self.headers = plan.headers.with_those_of(self._own_headers()).to_box()

    def write_picture(self, out: FilmFile, frame: VideoFrame, number: int) -> None:
        """Encode the file's frame `number`."""
        if self._open is None:
            self._open, self._first, self._put = self._new(), number, 0
        frame.pts, frame.time_base, frame.pict_type = self._put, 1 / self._shape.rate, 0
        self._put += 1
        self._write(out, self._open.encode(frame))

    def write_group(self, out: FilmFile, group: Copied) -> None:
        """Copy a group."""
        self.end_run(out)
        for frame, sample, is_key in group.packets:
            packet = Packet(sample)
            packet.is_keyframe = is_key
            self._send(out, packet, frame)
        self.copied += group.last - group.first

    def end_run(self, out: FilmFile) -> None:
        """Have the encoder give up what it holds; the next picture begins a new closed group."""
        if self._open is not None:
            context, self._open = self._open, None
            self._write(out, context.encode(None))

    def _write(self, out: FilmFile, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            made = Packet(avc.as_sample(avc.annex_b(bytes(packet))))
            made.is_keyframe = packet.is_keyframe
            assert packet.pts is not None
            self._send(out, made, self._first + packet.pts)

    def _send(self, out: FilmFile, packet: Packet[Any], frame: int) -> None:
        out.write_packet(packet, frame, self._decoded - self._delay)
        self._decoded += 1

    def _new(self) -> VideoCodecContext:
        context = VideoCodecContext.create(self._encoder.name, "w")
        assert isinstance(context, VideoCodecContext)
        own = f"sps-id={self._id}:bframes={BRIDGE_B_FRAMES}:b-pyramid=none:annexb=1"
        set_up(context, self._encoder, {**self._options, "x264-params": own}, self._shape)
        context.flags |= _GLOBAL_HEADER
        return context

    def _own_headers(self) -> avc.Headers:
        context = self._new()
        context.open()
        return avc.Headers.parse(context.extradata or b"")
