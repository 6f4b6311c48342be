"""An order: what the service is asked for, what is sent, what it costs, and how the film that comes becomes a take.

Values only. `planning.py` makes them from a job, `packing.py` and `unpacking.py` do what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from engine.backends.remote.answers import Endpoint
from engine.media.conform import Fit
from engine.protocol.grid import SAMPLE_RATE, parse_rate, samples_of_frames
from engine.protocol.work import AnyWork, Sound


class Cut(Struct, frozen=True, kw_only=True):
    """How the film that comes back becomes the take. Kept with the job's id, so that the sources aren't needed again.

    The film has `lead` frames of the source, `fresh` new ones, and `tail` frames of the source, at `made_rate`; or the
    new ones alone. The take is the new ones with handles, at `rate`.
    """

    width: int
    height: int
    rate: str
    frames: int  # of the take, handles included
    start: int  # number of its first frame in the job's numbering: says how many samples it has
    made_rate: str
    fit: tuple[int, int, int, int, int, int, int, int]  # of Fit, flat
    fresh: int
    lead: int = 0
    tail: int = 0
    handle_before: int = 0
    handle_after: int = 0
    backward: bool = False  # counted from the film's end
    by_count: bool = True  # frame by frame; else by time
    stretched: bool = False  # the film's last frame is the take's
    what: Literal["both", "picture", "sound"] = "both"
    sound: bool = True  # False: no sound at all
    given: Sound | None = None  # the person's own sound, which goes into the take as it is
    given_at: int = 0  # sample of the job's numbering at which it begins
    given_film: str = ""  # or the sound of this film

    @property
    def as_fit(self) -> Fit:
        a, b, c, d, e, f, g, h = self.fit
        return Fit((a, b), (c, d), (e, f), (g, h))


class StillParcel(NamedTuple):
    """A picture to send."""

    field: str
    image: str
    size: tuple[int, int]  # width, height of the clip: what the picture covers
    fit: Fit


class SoundParcel(NamedTuple):
    """A stretch of sound to send, `samples` long at 48 kHz."""

    field: str
    sound: Sound
    samples: int


class FilmParcel(NamedTuple):
    """A stretch of a film to send: frames [first, first + frames), mirrored beyond its ends, played at `made_rate`."""

    field: str
    source: str
    first: int
    frames: int
    rate: Fraction
    made_rate: Fraction
    fit: Fit
    soundtrack: Sound | None  # in place of its own sound
    soundtrack_at: int  # sample of the film's numbering at which it begins
    silent: bool  # there is no sound at all


Parcel = StillParcel | SoundParcel | FilmParcel


@dataclass(frozen=True)
class Order:
    """Everything that is decided before something is sent."""

    endpoint: Endpoint
    body: dict[str, Any]  # without the addresses of what is sent
    parcels: tuple[Parcel, ...]
    cut: Cut
    cents: int
    made: str  # "1280 x 720 at 24, 3 s", for the recipe and for messages
    adjusted: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


class TooLarge(Exception):
    """The service doesn't make that much; `nearest` it does."""

    def __init__(self, message: str, nearest: AnyWork | None) -> None:
        super().__init__(message)
        self.nearest = nearest


def take_samples(cut: Cut) -> range:
    """The samples of a take in the job's numbering."""
    return samples_of_frames(cut.start, cut.start + cut.frames, parse_rate(cut.rate), SAMPLE_RATE)
