"""From the film that came to the take: verified by opening it, cut to exactly the asked frames and samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np

from engine.backends.remote.footage import Films, Pixels, Samples, given_samples, off_grid
from engine.backends.remote.order import Cut, take_samples
from engine.backends.remote.packing import fitted
from engine.media.decode import AudioReader, VideoReader
from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec
from engine.media.errors import CorruptMedia, MediaError
from engine.media.probe import probe
from engine.protocol.grid import SAMPLE_RATE, parse_rate, sample_of_frame
from engine.protocol.messages import ResultFile

_CHUNK_FRAMES = 16


class WrongFilm(Exception):
    """The film that came isn't what was ordered; says what it has and what it needs."""


@dataclass(frozen=True)
class Received:
    """What the film that came really is."""

    path: Path
    width: int
    height: int
    rate: Fraction
    frames: int
    has_sound: bool


def examine(path: Path, cut: Cut) -> Received:
    """Open the film and look at everything that the take needs. Raises WrongFilm."""
    try:
        info = probe(path)
        if info.video is None:
            raise WrongFilm("it has no picture")
        with VideoReader(path) as reader:
            index = reader.index
            first = reader.rgb(0, 1)[0]
            reader.rgb(index.frames - 1, index.frames)  # a film cut short has no last frame
        received = Received(path, first.shape[1], first.shape[0], index.rate, index.frames, bool(info.audio))
    except (MediaError, OSError) as exc:
        raise WrongFilm(f"it can't be read ({exc})") from exc
    _Place.of(received, cut)
    return received


def differences(received: Received, cut: Cut) -> list[str]:
    """What the film has otherwise than ordered and what is made of it, for the person."""
    said: list[str] = []
    height, width = cut.as_fit.grid
    if (received.width, received.height) != (width, height):
        said.append(
            f"the film came as {received.width} x {received.height} instead of {width} x {height}: "
            "it is scaled and cropped"
        )
    made = parse_rate(cut.made_rate)
    if received.rate != made and cut.by_count:
        said.append(
            f"the film came at {float(received.rate):.6g} frames per second instead of {float(made):.6g}: "
            "each frame takes the one of its time"
        )
    wants_made_sound = cut.sound and cut.given is None and not cut.given_film
    if wants_made_sound and not received.has_sound:
        said.append("the film came without sound")
    return said


@dataclass(frozen=True)
class _Place:
    """Where the take's frames lie in the film. Counted in frames at `made_rate`, from the film's first."""

    first: int  # of the new part
    before: int  # handles that the film has
    after: int
    last: int  # the film's last frame

    @classmethod
    def of(cls, received: Received, cut: Cut) -> _Place:
        """Raises WrongFilm when the film is too short for it.

        A service may send the new part alone, or with the frames of the source around it.
        """
        made = parse_rate(cut.made_rate)
        total = received.frames if received.rate == made else int(received.frames * made / received.rate)
        around = cut.lead + cut.tail
        whole = cut.lead + cut.fresh + (cut.tail if cut.backward else cut.handle_after)
        if around and total >= whole:
            first = total - cut.tail - cut.fresh if cut.backward else cut.lead
            return cls(first, cut.handle_before, cut.handle_after, total - 1)
        if total >= cut.fresh:
            return cls(total - cut.fresh if cut.backward else 0, 0, 0, total - 1)
        needed = f"{whole} with the frames around it, or {cut.fresh} alone" if around else str(cut.fresh)
        raise WrongFilm(
            f"it has {received.frames} frames at {float(received.rate):.6g} per second, and {needed} are needed"
        )


def write_take(
    received: Received,
    cut: Cut,
    path_without_ending: Path,
    delivery: Delivery,
    films: Films,
    on_frame: Callable[[int, int], None],
) -> ResultFile:
    """Write the take under its final name and say what is in it. Raises the errors of engine.media."""
    place = _Place.of(received, cut)
    cut = _with_handles(cut, place)
    path = path_without_ending.with_name(path_without_ending.name + delivery.value)
    sound = _sound(received, cut, place, films)
    video = None if delivery.sound_only else VideoSpec(cut.width, cut.height, parse_rate(cut.rate))
    if sound is None and video is None:
        raise CorruptMedia(received.path, "the sound that was asked for isn't in the film that came")
    audio = None if sound is None else AudioSpec(SAMPLE_RATE, 2)
    with MediaWriter(path, delivery, video=video, audio=audio, metadata={"comment": "made with ltxdesktop"}) as out:
        if sound is not None:
            out.write_samples(sound)
        if video is not None:
            for done, picture in enumerate(_pictures(received, cut, place)):
                on_frame(done, cut.frames)
                out.write_rgb(picture[None])
    return _described(path, cut, delivery, 0 if sound is None else sound.shape[1])


def _with_handles(cut: Cut, place: _Place) -> Cut:
    """The cut with the handles that the film really has."""
    from msgspec.structs import replace

    lost = cut.handle_before - place.before, cut.handle_after - place.after
    return replace(
        cut,
        frames=cut.frames - sum(lost),
        start=cut.start + lost[0],
        handle_before=place.before,
        handle_after=place.after,
    )


def _pictures(received: Received, cut: Cut, place: _Place) -> Iterator[Pixels]:
    with VideoReader(received.path) as reader:
        for number in _numbers(received, cut, place):
            yield off_grid(cast("Pixels", reader.rgb(number, number + 1)[0]), cut.as_fit)


def _numbers(received: Received, cut: Cut, place: _Place) -> Iterator[int]:
    """The film's frame for each frame of the take."""
    made, rate = parse_rate(cut.made_rate), parse_rate(cut.rate)
    for number in range(cut.frames):
        if cut.stretched and cut.frames > 1:
            at = Fraction(number * (received.frames - 1), cut.frames - 1)
            yield round(at)
            continue
        position = Fraction(number) if cut.by_count else number * made / rate
        position += place.first - place.before
        yield min(int(position * received.rate / made), received.frames - 1)


def _sound(received: Received, cut: Cut, place: _Place, films: Films) -> Samples | None:
    """The take's samples; None where it has no sound."""
    samples = take_samples(cut)
    if not cut.sound:
        return None
    if cut.given is not None:
        return given_samples(cut.given, samples.start - cut.given_at, len(samples))
    if cut.given_film:
        return films.samples(cut.given_film, samples.start, samples.stop, max(0, cut.start))
    if not received.has_sound:
        return None
    made, rate = parse_rate(cut.made_rate), parse_rate(cut.rate)
    first = sample_of_frame(place.first - place.before, made)
    with AudioReader(received.path) as reader:
        if not cut.by_count:
            return reader.read(first, first + len(samples), rate=SAMPLE_RATE, channels=2)
        count = round(len(samples) * rate / made)
        block = reader.read(first, first + count + 1, rate=SAMPLE_RATE, channels=2)
    return np.ascontiguousarray(fitted(block, made, rate, len(samples)))


def _described(path: Path, cut: Cut, delivery: Delivery, samples: int) -> ResultFile:
    rate = parse_rate(cut.rate)
    end = cut.start + cut.frames

    def between(first: int, stop: int) -> int:
        return sample_of_frame(stop, rate) - sample_of_frame(first, rate)

    return ResultFile(
        path=str(path),
        role="audio" if delivery.sound_only else "video",
        size_bytes=path.stat().st_size,
        width=0 if delivery.sound_only else cut.width,
        height=0 if delivery.sound_only else cut.height,
        rate=cut.rate,
        frames=cut.frames,
        handle_before=cut.handle_before,
        handle_after=cut.handle_after,
        sample_rate=SAMPLE_RATE if samples else 0,
        samples=samples,
        handle_samples_before=between(cut.start, cut.start + cut.handle_before) if samples else 0,
        handle_samples_after=between(end - cut.handle_after, end) if samples else 0,
    )
