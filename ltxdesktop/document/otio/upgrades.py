"""Older versions of our namespace, brought to the present one step at a time.

To change the schema: raise `names.SCHEMA`, add the step from the version before to `STEPS`, and keep a file that the
version before wrote in `tests/ltxdesktop/document/projects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ltxdesktop.document.errors import DocumentError
from ltxdesktop.document.otio.names import OURS, SCHEMA, Tree

Step = Callable[[Tree], None]  # changes the root of the file in place, to the next version

STEPS: Final[Mapping[int, Step]] = {}  # version -> how to leave it; version 1 is the first that was ever written


class NewerProject(DocumentError, ValueError):
    """The file was written by a later version of the program, which may have kept things that this one would lose."""

    def __init__(self, version: int, known: int = SCHEMA) -> None:
        super().__init__(
            f"This project was saved by a newer ltxdesktop (project version {version}; this one reads up to {known}). "
            "Update the program to open it."
        )
        self.version = version


def version_of(root: Tree) -> int | None:
    """The schema version of our namespace; None for a file of another tool."""
    ours: Any = root.get("metadata", {}).get(OURS, {})
    version: Any = ours.get("schema") if isinstance(ours, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return version if isinstance(version, int) else None


def upgrade(root: Tree, steps: Mapping[int, Step] = STEPS, present: int = SCHEMA) -> None:
    """Bring a file of ours to the present version, in place. Raises NewerProject."""
    version = version_of(root)
    assert version is not None
    if version > present:
        raise NewerProject(version, present)
    while version < present:
        steps[version](root)
        version += 1
        root["metadata"][OURS]["schema"] = version
