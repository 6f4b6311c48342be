"""What a small model can't draw of a prompt, said before the job begins.

A model description may name the module that knows its vocabulary (`vocabulary`); that module's `note(text)` answers
with one sentence, or with "" when everything can be drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from engine.backends.local.catalogue import ModelDescription

_OWN_MODULES = "engine."  # a description is data from a models folder: it may not have just any module imported


def prompt_note(description: ModelDescription, prompt: str) -> str:
    """One sentence for the person, or "": the model knows every word, has no vocabulary, or the prompt is empty."""
    if not description.vocabulary.startswith(_OWN_MODULES) or not prompt.strip():
        return ""
    try:
        words = importlib.import_module(description.vocabulary)
    except ImportError:  # a description written for another version of this program
        return ""
    note = cast("Callable[[str], str] | None", getattr(words, "note", None))
    return "" if note is None else note(prompt)
