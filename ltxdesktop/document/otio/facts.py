"""Values of the document read from what `write` has put into metadata: media, bins, tracks, sequences, numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, cast

from ltxdesktop.document.model import (
    Bin,
    BinId,
    Easing,
    Item,
    Key,
    Media,
    MediaKind,
    Parameter,
    Sequence,
    SequenceId,
    Track,
    TrackId,
    new_id,
)
from ltxdesktop.document.otio.names import TRACK_KINDS, Tree
from ltxdesktop.document.otio.trees import metadata_of, ours_of


def parameter_of(tree: Any) -> Parameter:
    """A parameter from what `write.parameter_tree` made."""
    if not isinstance(tree, dict):
        return Parameter(number_of(tree))
    said = cast("Tree", tree)
    keys = tuple(_key_of(*each) for each in said["keys"])
    return Parameter(number_of(said["value"]), keys)


def _key_of(frame: int, value: Any, easing: str, curve: list[float] | None = None) -> Key:
    """A key from what `write.parameter_tree` made of it; files from before curves have none."""
    key = Key(frame, number_of(value), Easing(easing))
    if curve is None:
        return key
    x1, y1, x2, y2 = curve
    return replace(key, curve=(x1, y1, x2, y2))


def number_of(value: Any) -> float:
    """A float from what `write.number_tree` made."""
    return float(value) if isinstance(value, str) else value


def media_of(tree: Tree) -> Media:
    """A media from the project's table."""
    said = dict(tree)
    said["rate"] = Fraction(said["rate"])
    said["kind"] = MediaKind(said["kind"])
    for name in ("recipe", "metadata"):
        if name in said:
            said[name] = MappingProxyType(said[name])
    return Media(**{name: value for name, value in said.items() if name in _MEDIA_FIELDS})


_MEDIA_FIELDS: Final = frozenset(field.name for field in fields(Media))


def bin_of(tree: Tree) -> Bin:
    parent = tree["parent"]
    return Bin(BinId(tree["id"]), tree["name"], None if parent is None else BinId(parent))


def track_of(tree: Tree, items: tuple[Item, ...], new_id: Callable[[], str] = new_id) -> Track:
    """A track from its object, with items that were read from its children."""
    facts = ours_of(tree)
    effects: list[Tree] = tree.get("effects") or []
    return Track(
        TrackId(facts.get("id") or new_id()),
        TRACK_KINDS[tree["kind"]],
        tree["name"],
        items,
        not tree.get("enabled", True),
        facts.get("soloed", False),
        facts.get("locked", False),
        facts.get("height_px", 0),
        number_of(facts.get("volume_db", 0.0)),
        number_of(facts.get("pan", 0.0)),
        metadata_of(tree, {"effects": effects} if effects else {}),
        facts.get("sync_locked", True),
    )


def sequence_of(facts: Tree, **others: Any) -> Sequence:
    """A sequence from its facts (`write.sequence_facts`) and the rest."""
    return Sequence(
        SequenceId(facts["id"]),
        width=facts["width"],
        height=facts["height"],
        rate=Fraction(facts["rate"]),
        sample_rate=facts["sample_rate"],
        in_frame=facts["in"],
        out_frame=facts["out"],
        drop_frame=facts["drop_frame"],
        **others,
    )
