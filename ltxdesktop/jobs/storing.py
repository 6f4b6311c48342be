"""How takes are stored: the person's wish, as far as the models that may make them can do it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from engine.protocol.messages import BackendCapability
from engine.protocol.work import AnyWork, Output

Codec = Literal["h264", "prores", "ffv1"]


def stored_as(work: AnyWork, codec: Codec, backends: Iterable[BackendCapability]) -> AnyWork:
    """The work with its results stored as wished: unless it says itself how, or a model that may do it can't."""
    if work.output.codec != Output().codec or codec not in codecs_for(work, backends):
        return work
    return msgspec.structs.replace(work, output=msgspec.structs.replace(work.output, codec=codec))


def codecs_for(work: AnyWork, backends: Iterable[BackendCapability]) -> set[str]:
    """What every available model that a work names, or leaves open, can write."""
    able = [
        set(model.codecs)
        for backend in backends
        if work.backend in ("", backend.backend)
        for model in backend.models
        if model.available and (work.model in ("", model.model) or work.model in model.aliases)
    ]
    return set[str].intersection(*able) if able else set()
