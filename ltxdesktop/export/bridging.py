"""Muxing copied groups of pictures and the encoded ones between them as one stream (see `smart`)."""

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
from ltxdesktop.export.smart import BRIDGE_B_FRAMES, Copied, Headers, Plain, SmartPlan
from ltxdesktop.export.writing import FilmFile, set_up

# The flag that keeps parameter sets out of the packets (AV_CODEC_FLAG_GLOBAL_HEADER): they go into the file's header.
_GLOBAL_HEADER = 1 << 22

# x264 numbers its parameter sets as it's told; the others make pictures that stand alone.
ENCODERS = frozenset({"libx264", "prores_ks", "ffv1"})


class Bridge:
    """Writes pictures to be encoded and copied groups into a file, in the file's order."""

    def __init__(self, plan: SmartPlan, encoder: Encoder, options: dict[str, str], shape: Shape) -> None:
        self.copied = 0  # frames
        self._encoder, self._options, self._shape = encoder, options, shape
        self._delay = plan.delay
        self._id = plan.headers.free_id() if isinstance(plan.headers, avc.Headers) else None
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
            made = Packet(bytes(packet) if self._id is None else avc.as_sample(avc.annex_b(bytes(packet))))
            made.is_keyframe = packet.is_keyframe
            assert packet.pts is not None
            self._send(out, made, self._first + packet.pts)

    def _send(self, out: FilmFile, packet: Packet[Any], frame: int) -> None:
        out.write_packet(packet, frame, self._decoded - self._delay)
        self._decoded += 1

    def _new(self) -> VideoCodecContext:
        return _context(self._encoder, self._options, self._shape, self._id)

    def _own_headers(self) -> Headers:
        return _headers_of(self._encoder, self._options, self._shape, self._id)


def fits(plan: SmartPlan, encoder: Encoder, options: dict[str, str], shape: Shape) -> bool:
    """Can what the encoder makes stand in one file with what is copied?"""
    if isinstance(plan.headers, avc.Headers):
        return True  # under a number of its own
    return plan.headers.agrees_with(_headers_of(encoder, options, shape, None))


def _context(encoder: Encoder, options: dict[str, str], shape: Shape, number: int | None) -> VideoCodecContext:
    """An encoder; x264 gets the number of its parameter sets."""
    context = VideoCodecContext.create(encoder.name, "w")
    assert isinstance(context, VideoCodecContext)
    if number is not None:
        own = f"sps-id={number}:bframes={BRIDGE_B_FRAMES}:b-pyramid=none:annexb=1"
        options = {**options, "x264-params": own}
    set_up(context, encoder, options, shape)
    context.flags |= _GLOBAL_HEADER
    return context


def _headers_of(encoder: Encoder, options: dict[str, str], shape: Shape, number: int | None) -> Headers:
    context = _context(encoder, options, shape, number)
    context.open()
    extradata = context.extradata or b""
    return Plain(extradata) if number is None else avc.Headers.parse(extradata)
