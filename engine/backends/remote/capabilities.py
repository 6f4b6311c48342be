"""The service's offers as capabilities, phases and prices, as the app shows them."""

from __future__ import annotations

from typing import Final

from engine.backends.base import PlannedPhase
from engine.backends.remote import offers
from engine.backends.remote.offers import OFFERS, PRICES_AS_OF, Offer, dollars
from engine.backends.remote.order import Order, StillParcel
from engine.media.encode import Delivery, working_video_encoder
from engine.protocol.messages import ModeCapability, ModelCapability
from engine.protocol.work import ModeName

NAME: Final = "remote"  # of this backend
PERCENT: Final = 100
DELIVERIES: Final = {"h264": Delivery.H264_AAC, "prores": Delivery.PRORES_PCM, "ffv1": Delivery.FFV1_FLAC}
_ABSENT: Final[tuple[ModeName, ...]] = ("fill_gap", "video_to_video", "revoice", "upscale")


def model_capability(offer: Offer, why_not: str) -> ModelCapability:
    absent = tuple(
        ModeCapability(
            mode=mode,
            available=False,
            why_not="the LTX API has nothing for it: it takes a model on this machine",
        )
        for mode in _ABSENT
    )
    return ModelCapability(
        model=offer.model,
        title=offer.title,
        description=offer.description,
        available=not why_not,
        why_not=why_not,
        modes=(*(_mode_capability(offer, mode) for mode in offers.MODES), *absent),
        qualities=("fast",),
        seeds=False,
        keyframes=offer.last_picture,
        max_prompt_chars=offers.MOST_PROMPT_CHARS,
        default_width=1280,
        default_height=720,
        default_frames=120,
        default_rate="24",
        codecs=tuple(name for name, delivery in DELIVERIES.items() if working_video_encoder(delivery) is not None),
        camera_moves=offers.CAMERA_MOVES if offer.camera else (),
        aliases=offer.aliases,
    )


def _mode_capability(offer: Offer, mode: ModeName) -> ModeCapability:
    if not offer.does(mode):
        able = ", ".join(each.title for each in OFFERS if each.does(mode))
        return ModeCapability(mode=mode, available=False, why_not=f"{offer.title} doesn't do that: use {able}")
    rows = offer.combinations(mode)
    if not rows:  # the limits are seconds, and frames follow from the film's own rate: estimates tell
        return ModeCapability(mode=mode, available=True, size_multiple=1, min_side=1)
    longest = max(int(seconds * max(int(rate) for rate in row.rates)) for row in rows for seconds in row.seconds)
    return ModeCapability(mode=mode, available=True, size_multiple=1, min_side=1, max_frames=longest, combinations=rows)


def phases(order: Order | None) -> tuple[PlannedPhase, ...]:
    """What is to come; None for a job that is only waited for."""
    phases: list[PlannedPhase] = []
    if order is not None and order.parcels:
        heavy = any(not isinstance(parcel, StillParcel) for parcel in order.parcels)
        phases.append(PlannedPhase("preparing", 10.0 if heavy else 1.0, PERCENT))
        phases.append(PlannedPhase("uploading", float(len(order.parcels)), PERCENT * len(order.parcels)))
    cents = 1.0 if order is None else float(max(1, order.cents))  # what costs more takes longer
    phases.append(PlannedPhase("waiting", cents))
    phases.append(PlannedPhase("downloading", 1.0, PERCENT))
    phases.append(PlannedPhase("writing", 1.0 if order is None else float(order.cut.frames), PERCENT))
    return tuple(phases)


def cost_words(cents: int) -> str:
    return f"about {dollars(cents)} by the LTX API's prices of {PRICES_AS_OF}"
