"""Muxing copied groups of pictures and the encoded ones between them as one stream (see `smart`)."""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from av import VideoFrame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from ltxdesktop.export import avc, hevc
from ltxdesktop.export.encoders import Encoder
from ltxdesktop.export.nal import annex_b, as_sample
from ltxdesktop.export.settings import Shape
from ltxdesktop.export.smart import Copied, SmartPlan
from ltxdesktop.export.sources import BRIDGE_B_FRAMES, Headers, Plain
from ltxdesktop.export.writing import FilmFile, set_up

# The flag that keeps parameter sets out of the packets (AV_CODEC_FLAG_GLOBAL_HEADER): they go into the file's header.
_GLOBAL_HEADER = 1 << 22

# x264 numbers its parameter sets as it's told, what x265 makes is renumbered; the others' pictures stand alone.
ENCODERS = frozenset({"libx264", "libx265", "prores_ks", "ffv1"})


class Bridge:
    """Writes pictures to be encoded and copied groups into a file, in the file's order."""

    def __init__(self, plan: SmartPlan, encoder: Encoder, options: dict[str, str], shape: Shape) -> None:
        """`fits` has said that it's possible."""
        manner = _manner(plan.headers)
        assert manner is not None
        self.copied = 0  # frames
        self._encoder, self._options, self._shape, self._manner = encoder, options, shape, manner
        self._delay = plan.delay
        self._decoded = 0  # packets so far
        self._open: VideoCodecContext | None = None
        self._first = 0  # the file's frame that the open encoder began with
        self._put = 0  # frames that it was given
        own = _headers_of(encoder, options, shape, manner)
        self.headers = plan.headers.with_those_of(own).to_box()

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
        for frame, data, is_key, _ in group.samples:
            packet = Packet(data)
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
            made = Packet(self._manner.sample(bytes(packet)))
            made.is_keyframe = packet.is_keyframe
            assert packet.pts is not None
            self._send(out, made, self._first + packet.pts)

    def _send(self, out: FilmFile, packet: Packet[Any], frame: int) -> None:
        out.write_packet(packet, frame, self._decoded - self._delay)
        self._decoded += 1

    def _new(self) -> VideoCodecContext:
        return _context(self._encoder, self._options, self._shape, self._manner)


def fits(plan: SmartPlan, encoder: Encoder, options: dict[str, str], shape: Shape) -> bool:
    """Can what the encoder makes stand in one file with what is copied?"""
    manner = _manner(plan.headers)
    return manner is not None and plan.headers.agrees_with(_headers_of(encoder, options, shape, manner))


@dataclass(frozen=True)
class _Manner:
    """How an encoder's stream is made fit to stand beside a copied one."""

    headers: Callable[[bytes], Headers] = Plain  # of its extradata
    sample: Callable[[bytes], bytes] = bytes  # of a packet's bytes
    options: Mapping[str, str] = field(default_factory=dict[str, str])  # to append to the encoder's own


def _manner(copied: Headers) -> _Manner | None:
    """None where there is no number left for another parameter set."""
    if isinstance(copied, avc.Headers):
        return _numbered(copied)
    return _renumbered(copied) if isinstance(copied, hevc.Headers) else _Manner()


def _numbered(copied: avc.Headers) -> _Manner:
    own = f"sps-id={copied.free_id()}:bframes={BRIDGE_B_FRAMES}:b-pyramid=none:annexb=1"
    return _Manner(avc.Headers.parse, lambda data: as_sample(annex_b(data)), {"x264-params": own})


def _renumbered(copied: hevc.Headers) -> _Manner | None:
    numbers = copied.free_numbers()
    if numbers is None:
        return None

    def headers(extradata: bytes) -> Headers:
        return hevc.Headers.of(hevc.renumbered(unit, numbers) for unit in annex_b(extradata))

    def sample(data: bytes) -> bytes:
        return as_sample(hevc.renumbered(unit, numbers) for unit in annex_b(data))

    own = f"open-gop=0:bframes={BRIDGE_B_FRAMES}:b-pyramid=0:info=0:repeat-headers=0"
    return _Manner(headers, sample, {"x265-params": own})


def _context(encoder: Encoder, options: dict[str, str], shape: Shape, manner: _Manner) -> VideoCodecContext:
    context = VideoCodecContext.create(encoder.name, "w")
    assert isinstance(context, VideoCodecContext)
    more = {name: ":".join(filter(None, (options.get(name), own))) for name, own in manner.options.items()}
    set_up(context, encoder, options | more, shape)
    context.flags |= _GLOBAL_HEADER
    return context


def _headers_of(encoder: Encoder, options: dict[str, str], shape: Shape, manner: _Manner) -> Headers:
    context = _context(encoder, options, shape, manner)
    context.open()
    return manner.headers(context.extradata or b"")
