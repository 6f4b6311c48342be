"""What can be read off an OpenTimelineIO object as JSON has it: its kind, metadata, references, how long it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from ltxdesktop.document.model import EMPTY
from ltxdesktop.document.otio.names import DEFAULT_KEY, KEPT, OURS, Tree, exact


def kind_of(tree: Tree) -> str:
    schema: str = tree.get("OTIO_SCHEMA", "")
    return schema.partition(".")[0]


def ours_of(tree: Tree) -> Tree:
    metadata: Tree = tree.get("metadata") or {}
    return metadata.get(OURS) or {}


def others_of(metadata: Tree | None) -> Tree:
    if not metadata or (len(metadata) == 1 and OURS in metadata):
        return {}
    return {key: value for key, value in metadata.items() if key != OURS}


def metadata_of(tree: Tree, kept: Tree) -> Mapping[str, Any]:
    others = others_of(tree.get("metadata"))
    if kept:
        others[KEPT] = kept
    return frozen(others)


def frozen(tree: Tree) -> Mapping[str, Any]:
    return MappingProxyType(tree) if tree else EMPTY


def time_of(tree: Tree) -> Tree:
    return {"value": tree["value"], "rate": tree["rate"]}


def references_of(tree: Tree) -> tuple[dict[str, Tree], str]:
    """The media references of a clip by name, and the active one's name."""
    if "media_references" in tree:
        references: dict[str, Tree] = tree["media_references"]
        key: str = tree["active_media_reference_key"]
        return references, key
    return {DEFAULT_KEY: tree.get("media_reference") or {"OTIO_SCHEMA": "MissingReference.1"}}, DEFAULT_KEY


def available_range(tree: Tree) -> Tree | None:
    if kind_of(tree) != "Clip":
        return None
    references, key = references_of(tree)
    return references[key].get("available_range")


def composition_seconds(tree: Tree) -> Fraction:
    """How long an object without a range of its own lasts."""
    source = tree.get("source_range") or available_range(tree)
    if source is not None:
        return exact(**time_of(source["duration"]))
    if kind_of(tree) == "Timeline":
        return composition_seconds(tree["tracks"])
    parts = [composition_seconds(child) for child in tree.get("children", ()) if kind_of(child) != "Transition"]
    return max(parts, default=Fraction(0)) if kind_of(tree) == "Stack" else sum(parts, Fraction(0))
