"""Which time a file itself gives its first picture or sample: a camera's timecode, a recorder's time of day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

from ltxdesktop.document.time import parse_timecode


def own_start(path: Path, rate: Fraction | None) -> Fraction | None:
    """Seconds since midnight of the first picture (`rate`: pictures a second; None: of the first sample); None where
    the file says nothing, or nothing that can be understood.

    QuickTime's tmcd track, Matroska, MXF and MPEG give a timecode; a broadcast WAV (EBU Tech 3285) counts samples.
    """
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            tags = [container.metadata, *(stream.metadata for stream in container.streams)]
            sounds = container.streams.audio
            sample_rate = getattr(sounds[0], "rate", 0) if sounds else 0  # PyAV: without one where the codec is unknown
    except (FFmpegError, OSError, ValueError):
        return None
    if rate is not None:
        return _of_timecode(_first(tags, "timecode"), rate)
    samples = _first(tags, "time_reference")
    return Fraction(int(samples), sample_rate) if samples.isdigit() and sample_rate else None


def _first(tags: Iterable[Mapping[str, str]], name: str) -> str:
    """The first value under a name, which Matroska writes in capitals; "" without one."""
    found = (value for each in tags for key, value in each.items() if key.lower() == name and value.strip())
    return next(found, "").strip()


def _of_timecode(words: str, rate: Fraction) -> Fraction | None:
    try:
        return parse_timecode(words.replace(",", ":"), rate) / rate if words else None
    except ValueError:
        return None
