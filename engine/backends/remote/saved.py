"""What the store keeps of a job that isn't done, so that a later engine can go on with it."""

from __future__ import annotations

import logging
from typing import Literal

import msgspec
from msgspec import Struct

from engine.backends.remote.answers import Endpoint
from engine.backends.remote.order import Cut

_log = logging.getLogger(__name__)


class Saved(Struct, frozen=True, kw_only=True):
    """What the store keeps of a job that isn't done; JSON."""

    stage: Literal["preparing", "submitting", "waiting"]
    endpoint: Endpoint = "text-to-video"
    model: str = ""
    service_id: str = ""
    cents: int = 0
    made: str = ""
    cut: Cut | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> Saved | None:
        """What an earlier engine kept; None for nothing, or for what this version can't read."""
        try:
            return msgspec.json.decode(text, type=cls) if text else None
        except msgspec.DecodeError:
            _log.warning("what was kept of a remote job can't be read: it begins again")
            return None
