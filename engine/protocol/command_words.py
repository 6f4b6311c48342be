"""What a person types to reach this engine in a terminal. Whoever starts it may have a name of its own for that.

A bundle brings no `ltx-engine` on the path: it names its own command in the environment of the engine that it starts.
"""

from __future__ import annotations

import os
from typing import Final

COMMAND_VARIABLE: Final = "LTX_ENGINE_COMMAND"
_OWN: Final = "ltx-engine"


def engine_command(words: str = "") -> str:
    """The command with these words after it, as it can be typed here."""
    return f"{os.environ.get(COMMAND_VARIABLE, '').strip() or _OWN} {words}".rstrip()
