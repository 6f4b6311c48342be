"""What can be wrong with something that a person wants the model to follow."""

from __future__ import annotations

from collections.abc import Sequence


class ConditioningError(Exception):
    """Base of everything this room refuses."""


class ShapeMismatch(ConditioningError, ValueError):
    """A latent, mask or weight does not fit the clip that it should condition."""

    def __init__(self, what: str, got: Sequence[int], expected: str) -> None:
        super().__init__(f"{what} has shape {tuple(got)}, expected {expected}")
        self.what, self.got, self.expected = what, tuple(got), expected


class OutOfRange(ConditioningError, ValueError):
    """A strength, weight or place lies outside what the clip has."""

    def __init__(self, what: str, value: float, low: float, high: float) -> None:
        super().__init__(f"{what} {value} is outside {low} to {high}")
        self.what, self.value, self.low, self.high = what, value, low, high
