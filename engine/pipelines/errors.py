"""What a task can ask for that no recipe does."""

from __future__ import annotations


class PipelineError(Exception):
    """Base of everything this room refuses."""


class NotPossible(PipelineError, ValueError):
    """The model, or what was given, does not allow this; the sentence says what would."""


class MissingContext(PipelineError, ValueError):
    """A plan needs frames or sound that the task does not bring."""

    def __init__(self, what: str, source: str) -> None:
        super().__init__(f"the plan needs {what} of {source!r}, which the task does not bring")
        self.what, self.source = what, source
