"""What all requests, replies and events share. The messages themselves are in `messages.py` and `packages.py`."""

from typing import Annotated

from msgspec import Meta, Struct

Call = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class RequestBase(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all requests share. The reply to a request carries the same `call`; 0 asks for no particular one."""

    call: Call = 0


class ReplyBase(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all replies share: the `call` of their request."""

    call: Call = 0


class EventBase(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all events share: nothing but the tag."""
