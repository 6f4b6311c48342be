"""The models of this machine with their headers read: what is known of each, its networks, and its LoRAs.

The work loop and the thread that answers questions both ask here, so every answer is given under one lock. Nothing is
loaded: a `LocalNetworks` loads what it lends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.backends.base import BadRequest, Places
from engine.backends.local.catalogue import Catalogue, InstalledModel
from engine.backends.local.device import Precision
from engine.backends.local.lending import LocalNetworks, UserLora
from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import LoadingError
from engine.loading.lora import Lora
from engine.protocol import work as asked
from engine.protocol.messages import Model

_REFERENCE_FACTORS = ("reference_downscale_factor", "reference_spatial_scale_factor")  # only in-context LoRAs have one


class OpenedModels:
    """Models by name, and what belongs to them on one device in one precision."""

    def __init__(self, places: Places, device: torch.device, precision: Precision) -> None:
        self._catalogue = Catalogue(places)
        self._device = device
        self._precision = precision
        self._checkpoints: dict[Path, tuple[tuple[int, int], Checkpoint]] = {}  # with size and time of the file
        self._networks: dict[tuple[Path, str], LocalNetworks] = {}  # by checkpoint and model
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Look at the models folders again."""
        with self._lock:
            self._catalogue.refresh()

    @property
    def models(self) -> tuple[InstalledModel, ...]:
        with self._lock:
            return self._catalogue.models

    def listed(self) -> tuple[Model, ...]:
        """Everything that can be listed, as the protocol says it."""
        with self._lock:
            return self._catalogue.listed()

    def get(self, name: str) -> InstalledModel:
        """A model by id, alias or path; "" is the best that is here. Raises BadRequest, MissingWeights."""
        with self._lock:
            return self._catalogue.get(name)

    def networks(self, model: InstalledModel) -> LocalNetworks:
        """The same object as long as the model's files stay the same.

        Raises MissingWeights, LoadingError, ModelError, OSError.
        """
        checkpoint = self._checkpoint(model)  # first: a file of another family has nothing to do with what is missing
        model.require()
        key = (checkpoint.path, model.description.id)
        with self._lock:
            known = self._networks.get(key)
            if known is None or known.model != model or known.checkpoint is not checkpoint:
                known = LocalNetworks(model, checkpoint, self._device, self._precision)
                self._networks[key] = known
            return known

    def loras(
        self, given: Sequence[asked.Lora], networks: LocalNetworks, *, follows_reference: bool
    ) -> tuple[UserLora, ...]:
        """The LoRAs of a job, opened and held against the transformer. Raises BadRequest.

        Of a job that follows a reference at least one is in-context: those whose file says so, else the first.
        """
        loras: list[UserLora] = []
        for lora in given:
            try:
                with self._lock:
                    path = self._catalogue.lora(lora.lora, networks.model)
                file = Lora.open(path)
                text_layers = networks.check_lora(file)
            except LoadingError as exc:
                raise BadRequest(f"The LoRA {lora.lora} can't be used: {exc}") from exc
            in_context = follows_reference and any(name in file.metadata for name in _REFERENCE_FACTORS)
            loras.append(UserLora(file, lora.strength, in_context, text_layers))
        if follows_reference and loras and not any(lora.in_context for lora in loras):
            loras[0] = loras[0]._replace(in_context=True)
        return tuple(loras)

    def _checkpoint(self, model: InstalledModel) -> Checkpoint:
        path = model.checkpoint
        if path is None:
            path, _ = model.require()
        stat = path.stat()
        state = (stat.st_size, stat.st_mtime_ns)
        with self._lock:
            known = self._checkpoints.get(path)
            if known is None or known[0] != state:
                known = (state, Checkpoint.open(path))
                self._checkpoints[path] = known
            return known[1]
