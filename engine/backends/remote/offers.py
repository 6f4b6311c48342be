"""What the LTX API makes and what it costs: tables. What is done with them is in `order.py`.

Sizes, rates and lengths: section 8 of the fact sheet. Limits of retake and extend: the service's own OpenAPI
description (docs.ltx.io, read in a copy of July 2026). Prices: docs.ltx.io/pricing as transcribed on 2026-10-07, filled
up from resellers that pass them on; where only a neighbour's price is known, the higher one stands, since people plan
with these numbers. They are estimates, and shown as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from engine.protocol import hosts
from engine.protocol.messages import Combination
from engine.protocol.work import ModeName

PRICES_AS_OF: Final = "October 2026"
CONSOLE: Final = hosts.CONSOLE.name

UPLOAD_LIMIT_BYTES: Final = 100_000_000
LEAST_WINDOW_FRAMES: Final = 73  # of a film that is retaken or extended
MOST_EXTEND_FRAMES: Final = 505  # context and new part together
LEAST_SECONDS: Final = 2  # of a section that is retaken, of an extension, of a sound
MOST_SECONDS: Final = 20
MOST_PROMPT_CHARS: Final = 5_000
RESULT_HOURS: Final = 24  # a job and its result are kept for so long after its end

SIZES: Final = ((1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
RETAKE_SIZE: Final = (1920, 1080)  # the only size of a retake's result

_SHORT: Final = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LONG: Final = (*_SHORT, 12.0, 14.0, 16.0, 18.0, 20.0)
_SLOW, _QUICK = ("24", "25"), ("48", "50")

CAMERA_MOVES: Final = (
    "dolly_in",
    "dolly_out",
    "dolly_left",
    "dolly_right",
    "jib_up",
    "jib_down",
    "static",
    "focus_shift",
)


def _rows(size: tuple[int, int], rates: tuple[str, ...], seconds: tuple[float, ...]) -> tuple[Combination, ...]:
    width, height = size
    lying = Combination(width=width, height=height, rates=rates, seconds=seconds)
    return lying, Combination(width=height, height=width, rates=rates, seconds=seconds)


def _all_short(rates: tuple[str, ...]) -> tuple[Combination, ...]:
    return tuple(row for size in SIZES for row in _rows(size, rates, _SHORT))


_LONG_WHERE_SMALL: Final = (
    *(row for size in SIZES[:2] for row in _rows(size, _SLOW, _LONG)),
    *(row for size in SIZES[:2] for row in _rows(size, _QUICK, _SHORT)),
    *(row for size in SIZES[2:] for row in _rows(size, (*_SLOW, *_QUICK), _SHORT)),
)
_PRO_2_5: Final = tuple(row for size in SIZES[:2] for row in _rows(size, ("24", "25", "50"), _SHORT))


@dataclass(frozen=True)
class Offer:
    """One model of the service."""

    model: str  # as the service calls it
    title: str
    description: str
    aliases: tuple[str, ...]
    cents_by_short_side: Mapping[int, int]  # per second, by the shorter side of the picture
    clips: tuple[Combination, ...]  # text and image to video
    follows_sound: tuple[Combination, ...] = ()  # audio to video; rates as the service chooses
    edits: bool = False  # retake and extend
    last_picture: bool = False
    camera: bool = False

    def combinations(self, mode: ModeName) -> tuple[Combination, ...]:
        """The fixed sizes, rates and lengths of a mode; none where its limits are others, or where it isn't done."""
        if mode in ("text_to_video", "image_to_video"):
            return self.clips
        return self.follows_sound if mode == "audio_to_video" else ()

    def does(self, mode: ModeName) -> bool:
        """Whether the service has this mode with this model."""
        return self.edits if mode in ("retake", "extend") else bool(self.combinations(mode))

    def cents(self, mode: ModeName, width: int, height: int, seconds: Fraction) -> int:
        """What a result costs, rounded up: `seconds` are those that are billed."""
        if mode in ("retake", "extend"):
            return math.ceil(seconds * EDIT_CENTS)
        per_second = self.cents_by_short_side[min(width, height)]
        if mode == "audio_to_video":
            per_second = max(per_second, SOUND_CENTS)
        return math.ceil(seconds * per_second)


EDIT_CENTS: Final = 10  # per second of the film that is sent (retake), of context and new part (extend)
SOUND_CENTS: Final = 10  # per second of sound

OFFERS: Final = (
    Offer(
        model="ltx-2-3-fast",
        title="LTX-2.3 Fast (API)",
        description="Clips up to 20 seconds in under a minute, made on Lightricks' servers.",
        aliases=("fast", "api-fast"),
        clips=_LONG_WHERE_SMALL,
        last_picture=True,
        cents_by_short_side={720: 3, 1080: 6, 1440: 12, 2160: 24},
    ),
    Offer(
        model="ltx-2-3-pro",
        title="LTX-2.3 Pro (API)",
        description="The full model on Lightricks' servers: clips up to 10 seconds, retakes, extensions, sound.",
        aliases=("pro", "api-pro"),
        clips=_all_short((*_SLOW, *_QUICK)),
        follows_sound=_LONG_WHERE_SMALL,
        edits=True,
        last_picture=True,
        camera=True,
        cents_by_short_side={720: 8, 1080: 8, 1440: 16, 2160: 32},
    ),
    Offer(
        model="ltx-2-5-fast",
        title="LTX-2.5 Fast (API)",
        description="The next generation, quick: clips up to 20 seconds, on Lightricks' servers.",
        aliases=("fast-2.5",),
        clips=_LONG_WHERE_SMALL,
        follows_sound=_LONG_WHERE_SMALL,
        cents_by_short_side={720: 9, 1080: 13, 1440: 19, 2160: 30},
    ),
    Offer(
        model="ltx-2-5-pro",
        title="LTX-2.5 Pro (API)",
        description="The next generation at its best: clips up to 10 seconds, on Lightricks' servers.",
        aliases=("pro-2.5",),
        clips=_PRO_2_5,
        follows_sound=_PRO_2_5,
        camera=True,
        cents_by_short_side={720: 12, 1080: 17, 1440: 25, 2160: 39},
    ),
)

MODES: Final[tuple[ModeName, ...]] = ("text_to_video", "image_to_video", "audio_to_video", "retake", "extend")


def offer_of(model: str) -> Offer | None:
    """The offer of this name or alias."""
    return next((offer for offer in OFFERS if model == offer.model or model in offer.aliases), None)


def dollars(cents: int) -> str:
    """ "$0.24"."""
    return f"${cents / 100:.2f}"
