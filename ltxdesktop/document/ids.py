"""What things of a document are called among themselves: ids that no two of a kind share."""

from __future__ import annotations

import uuid
from typing import NewType

MediaId = NewType("MediaId", str)
ItemId = NewType("ItemId", str)  # of clips and gaps
TrackId = NewType("TrackId", str)
SequenceId = NewType("SequenceId", str)
BinId = NewType("BinId", str)
MarkerId = NewType("MarkerId", str)
LinkId = NewType("LinkId", str)
GroupId = NewType("GroupId", str)


def new_id() -> str:
    """A fresh id: unique across projects, so that clips can be pasted from one into another."""
    return uuid.uuid4().hex[:16]
