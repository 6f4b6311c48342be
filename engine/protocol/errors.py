"""What can go wrong on the channel: the errors that a reader of messages may raise."""


class ProtocolError(Exception):
    """Base of everything that this room raises."""


class MalformedMessage(ProtocolError, ValueError):
    """The bytes of a header are no message, or a field has the wrong type or an impossible value."""

    def __init__(self, what: str, reason: str, call: int = 0) -> None:
        super().__init__(f"this is no valid {what}: {reason}")
        self.what = what
        self.reason = reason
        self.call = call


class UnknownMessage(ProtocolError, LookupError):
    """A message of a kind that this build doesn't know: the other side is newer, or wrong."""

    def __init__(self, kind: str, call: int = 0) -> None:
        super().__init__(f"this build knows no message {kind!r}")
        self.kind = kind
        self.call = call


class MessageTooLarge(ProtocolError, ValueError):
    """A message was to be sent that the other side would have to refuse."""

    def __init__(self, part: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a {part} of {size_bytes} bytes is over the limit of {limit_bytes} bytes")
        self.part = part
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class RingError(ProtocolError):
    """The preview ring can't be made, opened or used as asked."""
