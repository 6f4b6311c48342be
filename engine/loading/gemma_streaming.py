"""Gemma where there is no room for it: the layers of the text encoder come from disk, one after the other, per prompt.

What isn't a layer (the embedding, 2 GB of Gemma 3 12B, and the last norm) stays on the device, beside room for two
layers. Each prompt reads the layers once; where the host has memory to spare, from the system's cache of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, Self

import torch
from torch import Tensor

from engine.loading.networks import assign
from engine.loading.safetensors_file import SafetensorsFile, TensorInfo, read_into, read_tensors
from engine.loading.streaming import BlockLayout, BlockStreamer
from engine.models.errors import GemmaDoesNotFit, ModelError
from engine.models.gemma import Gemma
from engine.models.text import TextConfig

SLOTS: Final = 2
# In the folders that are about, the language model stands under "model.", "language_model.model." or
# "model.language_model."; a vision tower has layers and norms of its own.
_VISION: Final = re.compile(r"vision_tower|multi_modal_projector")
_OF_LANGUAGE: Final = re.compile(r"(?:^|\.)(layers\.\d+\..+|embed_tokens\.weight|norm\.weight)$")
_LAYER: Final = re.compile(r"layers\.(\d+)\.(.+)")


class StreamedGemma(Gemma):
    """A text encoder that reads prompts and can't write any. Close it: it owns a thread."""

    streamer: BlockStreamer

    @classmethod
    def open(
        cls,
        folder: Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        *,
        expected: TextConfig | None = None,
    ) -> Self:
        """Raises GemmaDoesNotFit as `Gemma.load` does, LoadingError, OSError."""
        self = cls.on_meta(folder, dtype, expected=expected)
        infos = language_tensors(folder)
        decoder = self.decoder
        missing = sorted(decoder.state_dict().keys() - infos.keys())
        if missing:
            raise GemmaDoesNotFit(folder, f"it lacks {len(missing)} tensors, such as {', '.join(missing[:3])}")
        outside = {name: info for name, info in infos.items() if not _LAYER.match(name)}
        with torch.inference_mode(mode=False), torch.no_grad():
            read = read_tensors(outside, device, convert=lambda _name, tensor: tensor.to(dtype))
            for name, tensor in read.items():
                assign(decoder, name, tensor)
            for name, buffer in list(decoder.named_buffers()):
                assign(decoder, name, buffer.to(device))
        self.streamer = _streamer(decoder, infos, device, dtype)
        return self

    def enhance(self, *_args: object, **_options: object) -> NoReturn:
        """Every token would read the whole model again. Raises ModelError."""
        raise ModelError(f"the text encoder in {self.folder} is read from disk bit by bit: it can't write prompts")

    def close(self) -> None:
        """End the thread that reads, and let go of the slots."""
        self.streamer.close()


def language_tensors(folder: Path) -> dict[str, TensorInfo]:
    """The tensors of the language model in a folder's files, by their names in transformers' text model.

    Raises LoadingError, OSError.
    """
    found: dict[str, TensorInfo] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, info in SafetensorsFile.open(path).tensors.items():
            match = None if _VISION.search(name) else _OF_LANGUAGE.search(name)
            if match is not None:
                found[match[1]] = info
    return found


def streamed_bytes(folder: Path, dtype: torch.dtype) -> int:
    """What a streamed text encoder holds on its device: what isn't a layer, and the slots. Raises as `open` does."""
    outside, layers = 0, dict[str, int]()
    for name, info in language_tensors(folder).items():
        size = info.size_bytes // info.dtype.itemsize * dtype.itemsize
        if layer := _LAYER.match(name):
            layers[layer[1]] = layers.get(layer[1], 0) + size
        else:
            outside += size
    return outside + SLOTS * max(layers.values(), default=0)


def _streamer(
    decoder: Any, infos: Mapping[str, TensorInfo], device: torch.device | str, dtype: torch.dtype
) -> BlockStreamer:
    layers: dict[int, dict[str, TensorInfo]] = {index: {} for index in range(len(decoder.layers))}
    for name, info in sorted(infos.items(), key=lambda entry: (entry[1].path, entry[1].offset)):
        if layer := _LAYER.match(name):
            layers[int(layer[1])][layer[2]] = info
    layouts = {
        index: BlockLayout.of((name, dtype, info.shape) for name, info in tensors.items())
        for index, tensors in layers.items()
    }

    def fill(index: int, buffer: Tensor) -> None:
        views, tensors = layouts[index].views(buffer), layers[index]
        straight = {name for name, info in tensors.items() if info.dtype == dtype}
        read_into([(tensors[name], views[name]) for name in tensors if name in straight])
        others = {name: info for name, info in tensors.items() if name not in straight}
        for name, tensor in read_tensors(others).items():
            views[name].copy_(tensor)

    return BlockStreamer(list(decoder.layers), layouts, device, fill=fill, slots=SLOTS).on_calls()
