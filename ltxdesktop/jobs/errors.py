"""What can go wrong between the app and its engine, told apart by type: this job failed, or the engine is gone.

A cancelled job is no error: it's a normal end.
"""

from __future__ import annotations

from engine.protocol.messages import Failed, Refused


class JobsError(Exception):
    """Base of everything that this room raises. The text is for the person."""


class EngineGone(JobsError):
    """The engine ended, or never came up, while something was wanted of it. Jobs it had accepted are in its store."""

    def __init__(self, words: str, log: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.log = log  # the end of what the engine wrote to its standard error


class RequestRefused(JobsError):
    """The engine lives and didn't do what was asked; nothing has changed."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class JobFailed(JobsError):
    """A job ended without a result; the engine lives on."""

    def __init__(self, job: str, failed: Failed) -> None:
        super().__init__(failed.message)
        self.job = job
        self.failed = failed


class TransferFailed(JobsError):
    """A file couldn't be brought to the engine's machine, or from there."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} couldn't be carried between the machines: {reason}")
        self.name = name
