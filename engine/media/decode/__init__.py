"""Exact ranges out of a media file: frames [a, b) by number, samples [s0, s1) at any rate, decoding only the window."""

from engine.media.decode.pictures import Pixels, Planes, VideoReader, as_pixels, stored_planes
from engine.media.decode.sound import AudioReader, Samples, to_floats
from engine.media.decode.stats import DecodeStats

__all__ = [
    "AudioReader",
    "DecodeStats",
    "Pixels",
    "Planes",
    "Samples",
    "VideoReader",
    "as_pixels",
    "stored_planes",
    "to_floats",
]
