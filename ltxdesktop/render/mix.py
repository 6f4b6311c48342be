"""The film's sound, sample by sample: every sample is a function of its number alone, so pieces equal the whole.

    clip:  media samples -> speed -> volume x fades x crossings -> pan ┐
    track:                         sum of its clips -> volume -> pan   ┤ not muted; only soloed ones if any is
    film:                                             sum of its tracks -> limiter

Sound of a clip at another speed than 1 keeps its pitch (`tempo`) if the clip says so, else it's played as tape is:
pitch goes with speed (`varispeed`). A held picture is silent. Pan is a balance: it takes away from the far side by
equal power and adds nothing to the near one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ltxdesktop.document.curves import HALVINGS, Curve
from ltxdesktop.document.model import Clip, Easing, Media, MediaId, Parameter, Sequence, Track, TrackKind
from ltxdesktop.document.time import nearest, samples_at
from ltxdesktop.render import limiter, tempo, varispeed

Samples = NDArray[np.float32]  # (2, n)
ReadSamples = Callable[[Media, int, int], Samples]  # media, first sample, count

SILENT_DB: Final = -60.0  # at and below this nothing is heard

_HALF_PI: Final = np.pi / 2


class _Ramp(NamedTuple):
    """A rise from silence (or a fall to it) between two samples, with equal power against its opposite."""

    first: int
    last: int
    rises: bool

    def at(self, samples: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
        part = np.clip((samples + 0.5 - self.first) / (self.last - self.first), 0, 1)
        return np.sin((part if self.rises else 1 - part) * _HALF_PI)


class _Part(NamedTuple):
    """A clip on its track, as it is heard: samples [first, last) of the film."""

    clip: Clip
    media: Media
    start: int  # frame of the film
    first: int
    last: int
    ramps: tuple[_Ramp, ...]


class Mixer:
    """Mixes one sequence. One caller at a time."""

    def __init__(self, sequence: Sequence, media: Mapping[MediaId, Media], read: ReadSamples) -> None:
        self._sequence, self._media, self._read = sequence, media, read
        self._tracks = heard_tracks(sequence)
        self._chains = tempo.kept_chains()
        self._kept_from = 0
        self._kept: Samples = np.zeros((2, 0), np.float32)  # mixed last, not limited: the next block's surroundings

    def sound(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples [first, first + count) as (count, 2), within -1..1."""
        if count <= 0:
            return np.zeros((0, 2), np.float32)
        bus = self._bus(first - limiter.CONTEXT, first + count + limiter.CONTEXT)
        return np.ascontiguousarray(limiter.limited(bus).T)

    def _bus(self, first: int, end: int) -> Samples:
        """The sum of the tracks; what the last call mixed already is taken from there."""
        kept_end = self._kept_from + self._kept.shape[1]
        if not self._kept_from <= first <= kept_end:
            self._kept_from, self._kept, kept_end = first, self._kept[:, :0], first
        if end > kept_end:
            mixed = self._mixed(kept_end, end)
            self._kept = np.concatenate([self._kept[:, first - self._kept_from :], mixed], axis=1)
            self._kept_from = first
        return self._kept[:, first - self._kept_from : end - self._kept_from]

    def _mixed(self, first: int, end: int) -> Samples:
        total = np.zeros((2, end - first), np.float32)
        for track in self._tracks:
            strip = np.zeros_like(total)
            heard = False
            for part in self._parts(track, first, end):
                low, high = max(first, part.first), min(end, part.last)
                if low < high:
                    strip[:, low - first : high - first] += self._clip(part, low, high)
                    heard = True
            if heard:
                total += strip * _column(_gain(track.volume_db), track.pan)
        return total

    def _parts(self, track: Track, first: int, end: int) -> Iterator[_Part]:
        """The clips that may be heard in samples [first, end): those there, and the neighbours that reach in."""
        rate, sample_rate = self._sequence.rate, self._sequence.sample_rate
        if not track.items:
            return
        left, right = (
            track.place_at(min(max(int(sample * rate / sample_rate), 0), track.duration - 1)) for sample in (first, end)
        )
        assert left is not None
        assert right is not None
        for place in range(max(0, left - 1), min(len(track.items), right + 2)):
            item = track.items[place]
            if isinstance(item, Clip) and item.enabled and item.media is not None:
                media = self._media.get(item.media)
                if media is not None and media.has_sound and item.speed:
                    yield self._part(track, place, item, media)

    def _part(self, track: Track, place: int, clip: Clip, media: Media) -> _Part:
        start, end = track.starts[place], track.starts[place + 1]
        following = track.items[place + 1] if place + 1 < len(track.items) else None
        head = clip.transition
        next_head = following.transition if isinstance(following, Clip) else None
        first, last = start, end
        ramps: list[_Ramp] = []
        if head is not None and head.duration:
            first = start - head.before
            ramps.append(self._ramp(first, start + head.after, rises=True))
        if next_head is not None and next_head.duration:
            last = end + next_head.after
            ramps.append(self._ramp(end - next_head.before, last, rises=False))
        elif clip.tail is not None and clip.tail.before:
            ramps.append(self._ramp(end - clip.tail.before, end, rises=False))
        if clip.fade_in:
            ramps.append(self._ramp(start, start + clip.fade_in, rises=True))
        if clip.fade_out:
            ramps.append(self._ramp(end - clip.fade_out, end, rises=False))
        return _Part(clip, media, start, self._sample(first), self._sample(last), tuple(ramps))

    def _ramp(self, first: int, last: int, *, rises: bool) -> _Ramp:
        return _Ramp(self._sample(first), self._sample(last), rises)

    def _sample(self, frame: int) -> int:
        return samples_at(frame, self._sequence.rate, self._sequence.sample_rate)

    def _clip(self, part: _Part, first: int, end: int) -> Samples:
        """Samples [first, end) of the film from one clip, with its volume, ramps and pan."""
        samples = self._played(part, first, end)
        clip = part.clip
        volume, pan = clip.values.get("volume", _NOTHING), clip.values.get("pan", _NOTHING)
        ramps = [ramp for ramp in part.ramps if ramp.first < end and ramp.last > first]
        if not (ramps or volume.keys or pan.keys):
            return samples * _column(_gain(volume.value), pan.value)
        numbers = np.arange(first, end, dtype=np.int64)
        gain = np.ones(end - first)
        frames = numbers * float(self._sequence.rate / self._sequence.sample_rate) - part.start
        if volume.keys:
            gain *= _gains(curve(volume, frames))
        else:
            gain *= _gain(volume.value)
        for ramp in ramps:
            gain *= ramp.at(numbers)
        pans = curve(pan, frames) if pan.keys else np.full(1, pan.value)
        sides = np.stack([np.cos(np.clip(pans, 0, 1) * _HALF_PI), np.cos(np.clip(-pans, 0, 1) * _HALF_PI)])
        return (samples * (gain * sides)).astype(np.float32)

    def _played(self, part: _Part, first: int, end: int) -> Samples:
        """The media's samples under [first, end), at the clip's speed.

        Media time is counted from where the film's time 0 would lie in the media: a clip that is cut in two goes on
        with the very same samples.
        """
        clip, speed = part.clip, part.clip.speed
        take = clip.take
        assert take is not None
        rate, sample_rate = self._sequence.rate, self._sequence.sample_rate
        zero = (take.start_s - part.start * speed / rate) * sample_rate
        if speed < 0:
            zero += -speed * sample_rate / rate  # a frame is shown while its own sound is heard, backwards
        if speed == 1:
            return self._read(part.media, nearest(zero) + first, end - first)
        if speed == -1:
            return self._read(part.media, nearest(zero) - end, end - first)[:, ::-1]
        if clip.keeps_pitch and tempo.SLOWEST <= abs(speed) <= tempo.FASTEST:
            return self._stretched(part.media, speed, zero, first, end)
        return self._varied(part.media, speed, zero, first, end)

    def _stretched(self, media: Media, speed: Fraction, zero: Fraction, first: int, end: int) -> Samples:
        """Sample k is heard at (k - 1/2) * speed + zero in the media, as near as its grain allows (11 ms). Grains lie
        where the media are, wherever the clip is. Backwards the media are read backwards."""

        def forwards(begin: int, count: int) -> Samples:
            return self._read(media, begin, count)

        def backwards(begin: int, count: int) -> Samples:
            return self._read(media, -begin - count, count)[:, ::-1]

        read, place = (forwards, zero) if speed > 0 else (backwards, -zero)
        shift = nearest(place / abs(speed))
        source = tempo.stretched(read, float(abs(speed)), self._sequence.sample_rate, (media.id, speed), self._chains)
        return source.samples(first + shift, end - first)

    def _varied(self, media: Media, speed: Fraction, zero: Fraction, first: int, end: int) -> Samples:
        """Sample k lasts from k to k + 1; its middle lies at (k + 1/2) * speed + zero in the media."""
        factor = float(speed)
        places = np.arange(first, end, dtype=np.int64) * factor + float(speed / 2 + zero - Fraction(1, 2))
        margin = varispeed.reach(factor) + 1
        low, high = int(np.floor(places.min())) - margin, int(np.ceil(places.max())) + margin
        return varispeed.sampled(self._read(media, low, high - low), low, places, factor)


_NOTHING: Final = Parameter()


def heard_tracks(sequence: Sequence) -> tuple[Track, ...]:
    """The audio tracks that are mixed: none that is muted, and only soloed ones if any is soloed."""
    tracks = [track for track in sequence.of_kind(TrackKind.AUDIO) if not track.muted]
    soloed = [track for track in tracks if track.soloed]
    return tuple(soloed or tracks)


def curve(parameter: Parameter, frames: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """`Parameter.at` for many frames."""
    keys = parameter.keys
    if not keys:
        return np.full(frames.shape, parameter.value)
    at = np.array([key.frame for key in keys], np.float64)
    values = np.array([key.value for key in keys], np.float64)
    left = np.clip(np.searchsorted(at, frames, "right") - 1, 0, max(0, len(keys) - 2))
    right = np.minimum(left + 1, len(keys) - 1)
    width = np.maximum(at[right] - at[left], 1e-9)
    part = np.clip((frames - at[left]) / width, 0, 1)
    kinds = np.array([_EASINGS.index(key.easing) for key in keys])[left]
    shaped = np.choose(
        kinds,
        [np.zeros_like(part), part, part**3, 1 - (1 - part) ** 3, part * part * (3 - 2 * part), part],
    )
    for place, key in enumerate(keys):
        here = left == place
        if key.easing is Easing.CUSTOM and here.any():
            shaped[here] = _along(key.curve, part[here])
    result = values[left] + (values[right] - values[left]) * shaped
    return np.where(frames >= at[-1], values[-1], result)


_EASINGS: Final = (Easing.HOLD, Easing.LINEAR, Easing.EASE_IN, Easing.EASE_OUT, Easing.EASE, Easing.CUSTOM)


def _along(curve: Curve, part: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """`document.curves.along` of many places at once."""

    def bezier(first: float, second: float, t: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        rest = 1 - t
        return 3 * rest * rest * t * first + 3 * rest * t * t * second + t**3

    low, high = np.zeros_like(part), np.ones_like(part)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        before = bezier(curve[0], curve[2], middle) < part
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.where(part <= 0, 0.0, np.where(part >= 1, 1.0, bezier(curve[1], curve[3], low)))


def _gain(decibels: float) -> float:
    return 10 ** (decibels / 20) if decibels > SILENT_DB else 0.0


def _gains(decibels: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.where(decibels > SILENT_DB, 10 ** (decibels / 20), 0.0)


def _column(gain: float, pan: float) -> NDArray[np.float32]:
    """Gains of left and right, (2, 1)."""
    left, right = np.cos(np.clip([pan, -pan], 0, 1) * _HALF_PI)
    return np.array([[gain * left], [gain * right]], np.float32)
