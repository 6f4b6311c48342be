"""The transformer into memory: which matrices are kept in FP8, and which blocks live outside the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from engine.loading import fp8
from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import ShapesDoNotMatch
from engine.loading.fp8 import WeightFormat
from engine.loading.linear import linears, replace_linears
from engine.loading.networks import TRANSFORMER, Device, assign, check_names_and_shapes, on_meta
from engine.loading.safetensors_file import Progress, TensorInfo, read_into, read_tensors
from engine.loading.streaming import BlockLayout, BlockStreamer, Streaming, packed, streamed_indices
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig

BLOCKS: Final = "transformer_blocks."
_SCALES: Final = ("weight_scale", "input_scale")

Spec = tuple[str, torch.dtype, tuple[int, ...]]
"""Name, dtype and shape of a tensor as it will be in memory."""


def load_transformer(
    checkpoint: Checkpoint,
    device: Device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    *,
    weights: WeightFormat = WeightFormat.AS_STORED,
    scaled_matmul: bool | None = None,
    streaming: Streaming | None = None,
    progress: Progress | None = None,
) -> Transformer:
    """The transformer, ready to run on `device` in `dtype`, without gradients.

    `weights` says how the blocks' matrices are kept. `scaled_matmul`: whether scaled FP8 weights are multiplied by the
    device's FP8 unit (their inputs rounded to FP8 too); None: where the device has one. Without it they are multiplied
    out to `dtype` at each use. `streaming`: how many blocks stay on the device and where the others wait; the streamer
    is the transformer's `block_source` (`streamer_of`), and whoever drops the transformer closes it.

    Raises LoadingError (KeysDoNotMatch, ShapesDoNotMatch, ...), UnknownConfigValue, OSError.
    """
    device = torch.device(device)
    config = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    network = on_meta(lambda: Transformer(config))
    replace_linears(network)
    recipe = _Recipe.of(network, checkpoint, dtype, weights)

    streamed = [] if streaming is None else streamed_indices(config.num_layers, streaming.resident)
    waiting = {key for key in recipe.infos if _block_of(key) in streamed}
    from_disk = streaming is not None and streaming.source == "disk"
    report = None if progress is None else _Total(progress, recipe, without=waiting if from_disk else set())

    with torch.inference_mode(mode=False), torch.no_grad():
        here = [key for key in recipe.infos if key not in waiting]
        for key, tensor in recipe.read(here, device, report).items():
            assign(network, key, tensor)
        if streaming is not None:
            network.block_source = _start_streaming(network, recipe, streamed, device, streaming, report)
    if scaled_matmul is None:
        scaled_matmul = fp8.has_scaled_matmul(device)
    for layer in linears(network).values():
        layer.scaled_matmul = scaled_matmul
    return network


def streamer_of(transformer: Transformer) -> BlockStreamer | None:
    """What brings the transformer's blocks, or None when all are resident."""
    source = transformer.block_source
    return source if isinstance(source, BlockStreamer) else None


class TransformerSizes(NamedTuple):
    """Bytes that a transformer will take, known before anything is read: what a planner needs."""

    outside_blocks: int
    blocks: tuple[int, ...]


def transformer_sizes(
    checkpoint: Checkpoint, dtype: torch.dtype = torch.bfloat16, weights: WeightFormat = WeightFormat.AS_STORED
) -> TransformerSizes:
    """Bytes in memory of each block and of the rest. Raises as `load_transformer` does for files that don't fit."""
    config = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    network = on_meta(lambda: Transformer(config))
    replace_linears(network)
    recipe = _Recipe.of(network, checkpoint, dtype, weights)
    sizes = [0] * config.num_layers
    outside = 0
    for key in recipe.infos:
        size = BlockLayout.of(recipe.specs(key)).size_bytes
        block = _block_of(key)
        if block is None:
            outside += size
        else:
            sizes[block] += size
    return TransformerSizes(outside, tuple(sizes))


def _block_of(key: str) -> int | None:
    return int(key.removeprefix(BLOCKS).split(".", 1)[0]) if key.startswith(BLOCKS) else None


@dataclass(frozen=True)
class _Recipe:
    """How each tensor of the file becomes one or more tensors of the network.

    An FP8 weight is decided on alone, by what the file has beside it, never by a list of blocks.
    """

    infos: Mapping[str, TensorInfo]
    """By name in the network, without the scales."""
    weight_scales: Mapping[str, Tensor]
    """As stored; by the weight's name; float32 scalars on the CPU."""
    input_scales: Mapping[str, Tensor]
    keeps: Mapping[str, WeightFormat]
    """For the weights that are FP8 in memory: FP8_SCALED or FP8_CAST."""
    dtype: torch.dtype

    @classmethod
    def of(cls, network: Transformer, checkpoint: Checkpoint, dtype: torch.dtype, weights: WeightFormat) -> _Recipe:
        infos = checkpoint.under(TRANSFORMER.prefixes, TRANSFORMER.name, TRANSFORMER.without)
        layers = linears(network)

        def has_scales(key: str) -> bool:
            stem, _, name = key.rpartition(".")
            weight = infos.get(f"{stem}.weight")
            return name in _SCALES and stem in layers and weight is not None and weight.dtype == fp8.FP8

        scale_infos = {key: info for key, info in infos.items() if has_scales(key)}
        wrong = {key: (info.shape, ()) for key, info in scale_infos.items() if info.shape not in ((), (1,))}
        if wrong:
            raise ShapesDoNotMatch(checkpoint.path, TRANSFORMER.name, wrong)
        infos = {key: info for key, info in infos.items() if key not in scale_infos}
        check_names_and_shapes(network, infos, checkpoint.path, TRANSFORMER.name)

        scales = read_tensors(scale_infos, convert=lambda _key, scale: scale.float().reshape(()))
        weight_scales = {
            key.removesuffix("_scale"): scale for key, scale in scales.items() if key.endswith(".weight_scale")
        }
        input_scales = {
            key.removesuffix("input_scale") + "weight": scale
            for key, scale in scales.items()
            if key.endswith(".input_scale")
        }
        keeps: dict[str, WeightFormat] = {}
        for stem in layers:
            key = f"{stem}.weight"
            kept = _kept_as(stem, infos[key].dtype == fp8.FP8, key in weight_scales, weights)
            if kept is not None:
                keeps[key] = kept
        return cls(infos, weight_scales, input_scales, keeps, dtype)

    def specs(self, key: str) -> list[Spec]:
        """What will be in memory for this tensor of the file: itself, and the scales of a scaled weight."""
        info, kept = self.infos[key], self.keeps.get(key)
        dtype = self.dtype if info.dtype.is_floating_point else info.dtype
        made = [(key, fp8.FP8 if kept else dtype, info.shape)]
        if kept is WeightFormat.FP8_SCALED:
            stem = key.removesuffix("weight")
            made.append((f"{stem}weight_scale", torch.float32, ()))
            if key in self.input_scales:
                made.append((f"{stem}input_scale", torch.float32, ()))
        return made

    def made_of(self, key: str, stored: Tensor) -> list[Tensor]:
        """The tensors of `specs` from the one in the file, on its device."""
        kept, scale = self.keeps.get(key), self.weight_scales.get(key)
        if scale is not None:
            scale = scale.to(stored.device)
        if kept is WeightFormat.FP8_SCALED:
            if scale is None or stored.dtype != fp8.FP8:
                weight, scale = fp8.quantise_scaled(stored)
            else:
                weight = stored
            input_scale = self.input_scales.get(key)
            return [weight, scale] + ([] if input_scale is None else [input_scale.to(stored.device)])
        if kept is WeightFormat.FP8_CAST and stored.dtype == fp8.FP8 and scale is None:
            return [stored]
        if stored.dtype == fp8.FP8:
            stored = fp8.multiplied_out(stored, scale, self.dtype)
        if kept is WeightFormat.FP8_CAST:
            return [fp8.quantise_cast(stored)]
        return [stored.to(self.dtype) if stored.dtype.is_floating_point else stored]

    def read(self, keys: list[str], device: torch.device, progress: Progress | None) -> dict[str, Tensor]:
        """Tensors of the network, by name, on `device`."""
        scales: dict[str, Tensor] = {}

        def convert(key: str, stored: Tensor) -> Tensor:
            weight, *rest = self.made_of(key, stored)
            scales.update(zip((spec[0] for spec in self.specs(key)[1:]), rest, strict=True))
            return weight

        tensors = read_tensors({key: self.infos[key] for key in keys}, device, convert=convert, progress=progress)
        return tensors | scales

    def fill(
        self, keys: list[str], views: Mapping[str, Tensor], work_device: torch.device, progress: Progress | None = None
    ) -> None:
        """The same into existing CPU memory. What needs no conversion is read straight into it."""
        straight = [key for key in keys if self.infos[key].dtype == views[key].dtype and self._is_kept_whole(key)]
        read_into([(self.infos[key], views[key]) for key in straight], progress)
        for key in straight:
            for name, scale in ((f"{key}_scale", self.weight_scales), (_input_scale_name(key), self.input_scales)):
                if name in views:
                    views[name].copy_(scale[key])
        # On the device, where converting is quick; the results come back.
        for name, tensor in self.read([key for key in keys if key not in set(straight)], work_device, progress).items():
            views[name].copy_(tensor)

    def _is_kept_whole(self, key: str) -> bool:
        """Whether equal dtypes mean equal bytes: not where a stored scale is dropped or a new one made."""
        kept = self.keeps.get(key)
        return kept is None or (kept is WeightFormat.FP8_SCALED) == (key in self.weight_scales)


def _input_scale_name(weight: str) -> str:
    return weight.removesuffix("weight") + "input_scale"


def _kept_as(stem: str, stored_fp8: bool, has_scale: bool, weights: WeightFormat) -> WeightFormat | None:
    """The FP8 format of one Linear's weight in memory; None: full.

    Outside the blocks always full: the network takes its compute dtype from those layers, and they are 2 % of it.
    """
    if not stem.startswith(BLOCKS) or weights is WeightFormat.FULL:
        return None
    if stored_fp8 and weights is not WeightFormat.FP8_CAST:
        return WeightFormat.FP8_SCALED if has_scale else WeightFormat.FP8_CAST
    if weights is WeightFormat.AS_STORED or not fp8.is_quantised_layer(stem):
        return None
    return weights


def _start_streaming(
    network: Transformer,
    recipe: _Recipe,
    streamed: list[int],
    device: torch.device,
    streaming: Streaming,
    progress: Progress | None,
) -> BlockStreamer:
    prefixes = {index: f"{BLOCKS}{index}." for index in streamed}
    keys: dict[int, list[str]] = {index: [] for index in streamed}
    for key in recipe.infos:  # in file order, so that neighbours on disk are neighbours in the block
        block = _block_of(key)
        if block in keys:
            keys[block].append(key)
    layouts = {
        index: BlockLayout.of(
            (name.removeprefix(prefixes[index]), dtype, shape)
            for key in sorted(keys[index], key=lambda key: recipe.infos[key].offset)
            for name, dtype, shape in recipe.specs(key)
        )
        for index in streamed
    }

    def fill(index: int, buffer: Tensor, work_device: torch.device, progress: Progress | None) -> None:
        views = {prefixes[index] + name: view for name, view in layouts[index].views(buffer).items()}
        recipe.fill(keys[index], views, work_device, progress)

    blocks = list(network.transformer_blocks)
    if streaming.source == "host":
        host = packed(layouts, lambda index, buffer: fill(index, buffer, device, progress))
        return BlockStreamer(blocks, layouts, device, host=host, slots=streaming.slots)
    # On the reader thread conversions stay on the CPU: the device is busy with the block before.
    return BlockStreamer(
        blocks,
        layouts,
        device,
        fill=lambda index, buffer: fill(index, buffer, torch.device("cpu"), None),
        slots=streaming.slots,
    )


class _Total:
    """One progress over several readings."""

    def __init__(self, progress: Progress, recipe: _Recipe, without: set[str]) -> None:
        self._progress = progress
        self._total = sum(info.size_bytes for key, info in recipe.infos.items() if key not in without)
        self._before = 0

    def __call__(self, done: int, total: int) -> None:
        self._progress(self._before + done, self._total)
        if done == total:
            self._before += total
