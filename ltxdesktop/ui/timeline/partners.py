"""Which clips belong together: linked picture and sound, and groups. No Qt."""

from __future__ import annotations

from collections.abc import Collection

from ltxdesktop.document.edits import selected_together
from ltxdesktop.document.model import ItemId, Sequence


def with_partners(sequence: Sequence, clips: Collection[ItemId]) -> frozenset[ItemId]:
    """The clips, with everything that a click selects along with one of them."""
    return frozenset(selected_together(sequence, clips))
