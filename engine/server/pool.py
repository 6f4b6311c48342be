"""The backends of this engine: opened when first needed, since that is what imports torch and asks the device."""

import importlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from engine.backends.base import Backend, Places
from engine.protocol.messages import BackendCapability, Model

OpenBackend = Callable[[Places], Backend]

_log = logging.getLogger(__name__)


class BackendUnavailable(Exception):
    """A backend can't be opened here, or has another name than any that was configured."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the backend {name} can't be used: {reason}")
        self.name = name
        self.reason = reason


def opener(module: str) -> OpenBackend:
    """Return a function that imports a module of `engine.backends` and opens its backend."""

    def open_backend(places: Places) -> Backend:
        backend = importlib.import_module(module).open_backend(places)
        assert isinstance(backend, Backend)
        return backend

    return open_backend


class BackendPool:
    """Opens each backend once, remembers why one couldn't be opened, and tells what works. Safe from any thread."""

    def __init__(self, openers: Mapping[str, OpenBackend], places: Places) -> None:
        """`openers`: by name, in the order in which they are preferred."""
        self._openers = dict(openers)
        self._places = places
        self._lock = threading.Lock()
        self._open: dict[str, Backend] = {}
        self._failed: dict[str, str] = {}

    @property
    def names(self) -> Sequence[str]:
        """The names, in the order in which they are preferred."""
        return tuple(self._openers)

    @property
    def opened(self) -> Sequence[Backend]:
        """Those that are open already."""
        with self._lock:
            return tuple(self._open.values())

    def get(self, name: str) -> Backend:
        """Return the backend, opening it if need be. Raises BackendUnavailable."""
        with self._lock:
            if name in self._open:
                return self._open[name]
            if name not in self._openers:
                raise BackendUnavailable(name, f"there are only {', '.join(self._openers) or 'none'}")
            if name in self._failed:
                raise BackendUnavailable(name, self._failed[name])
            try:
                backend = self._openers[name](self._places)
            except (
                Exception
            ) as exc:  # whatever a driver or a broken installation throws: the engine lives on and says so
                _log.exception("the backend %s can't be opened", name)
                self._failed[name] = f"{type(exc).__name__}: {exc}"
                raise BackendUnavailable(name, self._failed[name]) from exc
            self._open[name] = backend
            return backend

    def capabilities(self, refresh: bool = False) -> tuple[BackendCapability, ...]:
        """What works here, for every backend. `refresh` tries again those that couldn't be opened."""
        if refresh:
            with self._lock:
                self._failed.clear()
        told: list[BackendCapability] = []
        for name in self._openers:
            try:
                told.append(self.get(name).capability(refresh))
            except BackendUnavailable as exc:
                told.append(BackendCapability(backend=name, title=name, available=False, why_not=exc.reason))
        return tuple(told)

    def outdated(self) -> str:
        """Why only a new process would see what is here now, for any backend that is open; "" if none says so."""
        return next((why for backend in self.opened if (why := backend.outdated())), "")

    def models(self) -> tuple[Model, ...]:
        """The weights that any backend knows of, each once."""
        found: dict[tuple[str, str], Model] = {}
        for name in self._openers:
            try:
                backend = self.get(name)
            except BackendUnavailable:
                continue
            for model in backend.models():
                found.setdefault((model.model, model.path), model)
        return tuple(found.values())

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            for backend in self._open.values():
                backend.close()
            self._open.clear()
