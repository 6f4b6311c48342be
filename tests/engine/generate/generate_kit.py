"""How the tests of ltx-generate start the command, and what they keep of its answer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said; `told` is the one JSON object."""

    status: int
    out: bytes
    err: str

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def paths(self) -> list[Path]:
        return [Path(os.fsdecode(line)) for line in self.out.splitlines()]


Command = Callable[..., Said]


def child_environment(models: Path) -> dict[str, str]:
    return os.environ | {"LTX_MODELS": str(models), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
