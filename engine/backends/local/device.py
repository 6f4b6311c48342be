"""Whether a device that a person named is there, asked before anything is loaded."""

from __future__ import annotations

import torch

from engine.backends.base import BadRequest, Unsupported

KINDS = ("cuda", "mps", "cpu")


def check_device(name: str) -> None:
    """Try a device by name, such as "cuda:1". Raises BadRequest for no name of one, Unsupported where it isn't here."""
    if name.partition(":")[0] not in KINDS:
        raise BadRequest(f"There is no kind of device {name!r}: give cuda, cuda:1, mps or cpu.")
    try:
        torch.empty(1, device=torch.device(name))
    except (RuntimeError, AssertionError, NotImplementedError) as exc:  # each build of torch says it in another way
        raise Unsupported(f"The device {name} can't be used here: choose another --device.", str(exc)) from exc
