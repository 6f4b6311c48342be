"""What can go wrong between a weight file and a network. The classes build the sentences; attributes keep the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Shape = tuple[int, ...]


class LoadingError(Exception):
    """Base of everything that this room raises about a file or a network that doesn't take it."""


class NotSafetensors(LoadingError, ValueError):
    """The file isn't in the safetensors format, or its header breaks the format's rules."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name} is not a readable safetensors file: {reason}")
        self.path = path
        self.reason = reason


class Truncated(LoadingError, ValueError):
    """The file ends before the last byte that its header promises: an unfinished download or copy."""

    def __init__(self, path: Path, expected_bytes: int, found_bytes: int) -> None:
        super().__init__(
            f"{path.name} is incomplete: it should be {expected_bytes:,} bytes long and has {found_bytes:,} "
            f"({expected_bytes - found_bytes:,} missing). Download or copy it again"
        )
        self.path = path
        self.expected_bytes = expected_bytes
        self.found_bytes = found_bytes


class WrongModelFamily(LoadingError, ValueError):
    """A sound file that holds something else than what was asked for.

    `found` and `wanted` name the two in words, `found` is "something unknown" when no rule recognised it.
    """

    def __init__(self, path: Path, found: str, wanted: str) -> None:
        super().__init__(f"{path.name} holds {found}; {wanted} is needed here")
        self.path = path
        self.found = found
        self.wanted = wanted


class NoConfig(LoadingError, ValueError):
    """The file's metadata has no network configuration, so its sizes can't be known."""

    def __init__(self, path: Path, part: str) -> None:
        super().__init__(
            f"{path.name} has no {part!r} section in its metadata 'config'; "
            "open it together with the full checkpoint, or use the original file"
        )
        self.path = path
        self.part = part


class MissingPart(LoadingError, LookupError):
    """The file is of the right family and doesn't hold the network that was asked for: a part of a cut-up model."""

    def __init__(self, path: Path, network: str, prefix: str) -> None:
        super().__init__(f"{path.name} holds no {network} (no tensor's name begins with {prefix!r})")
        self.path = path
        self.network = network
        self.prefix = prefix


class KeysDoNotMatch(LoadingError, ValueError):
    """Tensors that the network needs are absent, or the file has ones that the network has no place for.

    `missing` and `extra` hold all names; the sentence shows the first ten of each.
    """

    def __init__(self, path: Path, network: str, missing: Iterable[str], extra: Iterable[str]) -> None:
        self.missing = sorted(missing)
        self.extra = sorted(extra)
        parts: list[str] = []
        if self.missing:
            parts.append(f"{len(self.missing)} tensors are missing: {first_ten(self.missing)}")
        if self.extra:
            parts.append(f"{len(self.extra)} tensors are unknown: {first_ten(self.extra)}")
        super().__init__(f"{path.name} doesn't fit the {network}; " + "; ".join(parts))
        self.path = path
        self.network = network


class ShapesDoNotMatch(LoadingError, ValueError):
    """Tensors have the right names and other sizes than the configuration says.

    `shapes` maps a name to (shape in the file, shape that the network needs).
    """

    def __init__(self, path: Path, network: str, shapes: Mapping[str, tuple[Shape, Shape]]) -> None:
        shown = first_ten([f"{name} is {has} instead of {needs}" for name, (has, needs) in sorted(shapes.items())])
        super().__init__(f"{path.name} doesn't fit the {network}; {len(shapes)} tensors have other sizes: {shown}")
        self.path = path
        self.network = network
        self.shapes = dict(shapes)


class LoraError(LoadingError, ValueError):
    """Base of what is wrong with a LoRA; nothing has been applied when one is raised."""


class UnreadableLora(LoraError):
    """The file has keys that are no LoRA pair of a known format, or half a pair."""

    def __init__(self, path: Path, reason: str, keys: Sequence[str] = ()) -> None:
        shown = f": {first_ten(sorted(keys))}" if keys else ""
        super().__init__(f"{path.name} can't be used as a LoRA: {reason}{shown}")
        self.path = path
        self.reason = reason
        self.keys = sorted(keys)


class LoraNeedsTextConditioner(LoraError):
    """All of its layers belong to the text conditioner, and only the transformer was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name} changes only the text conditioner, which was not given: it would have no effect")
        self.path = path


class LoraDoesNotMatch(LoraError):
    """The LoRA was made for another model: names that this network doesn't have, or layers of another size.

    `matched` counts the layers that would have fitted; `unknown` lists names without a place; `shapes` maps a name to
    ((out, in) of the LoRA, (out, in) of the layer).
    """

    def __init__(
        self,
        path: Path,
        matched: int,
        unknown: Iterable[str],
        shapes: Mapping[str, tuple[Shape, Shape]],
        hint: str = "",
    ) -> None:
        self.unknown = sorted(unknown)
        self.shapes = dict(shapes)
        total = matched + len(self.unknown) + len(self.shapes)
        parts: list[str] = []
        if self.unknown:
            parts.append(f"{len(self.unknown)} of its {total} layers don't exist here: {first_ten(self.unknown)}")
        if self.shapes:
            shown = [f"{name} is {has} instead of {needs}" for name, (has, needs) in sorted(self.shapes.items())]
            parts.append(f"{len(self.shapes)} of its {total} layers have another size: {first_ten(shown)}")
        made_for = f" (it looks made for {hint})" if hint else ""
        super().__init__(f"{path.name} doesn't match this model{made_for}; " + "; ".join(parts))
        self.path = path
        self.matched = matched
        self.hint = hint


def first_ten(names: Sequence[str]) -> str:
    """Up to ten of the names, and how many more there are."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
