"""The local backend: models on this machine's own device (CUDA, MPS or CPU), through torch."""

from __future__ import annotations

from engine.backends.base import Backend, Places


def open_backend(places: Places) -> Backend:
    """The backend; torch is imported only when it is first asked something."""
    from engine.backends.local.backend import LocalBackend

    return LocalBackend(places)
