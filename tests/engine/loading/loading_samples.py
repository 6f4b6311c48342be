"""Checkpoints, LoRAs and inputs for the tests of this room: the golden ones, and small ones made on the spot."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.loading.checkpoint import Checkpoint, save_checkpoint
from engine.loading.safetensors_file import SafetensorsFile
from engine.models.transformer import Transformer
from engine.models.transformer_streams import StreamInput, Timesteps, Velocities

PREFIX = "model.diffusion_model."


def golden_tensors(golden: Path) -> dict[str, Tensor]:
    return load_file(golden / "tiny-checkpoint.safetensors")


def golden_config(golden: Path) -> dict[str, Any]:
    return json.loads(SafetensorsFile.open(golden / "tiny-checkpoint.safetensors").metadata["config"])


def transformer_tensors(golden: Path) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in golden_tensors(golden).items() if name.startswith(PREFIX)}


def save_variant(path: Path, golden: Path, tensors: Mapping[str, Tensor], **config: Any) -> Checkpoint:
    """A checkpoint with the golden configuration, its transformer section changed by `config`."""
    sections = golden_config(golden)
    sections["transformer"] |= config
    save_checkpoint(path, sections, tensors, {"model_version": "2.3.0"})
    return Checkpoint.open(path)


def five_blocks(path: Path, golden: Path) -> Checkpoint:
    """The golden transformer with five blocks instead of two, the further ones made from noise."""
    tensors = transformer_tensors(golden)
    noise = torch.Generator().manual_seed(5)
    for name, tensor in list(tensors.items()):
        if "transformer_blocks.1." in name:
            for block in (2, 3, 4):
                new = torch.randn(tensor.shape, generator=noise) * tensor.std()
                tensors[name.replace("transformer_blocks.1.", f"transformer_blocks.{block}.")] = new
    return save_variant(path, golden, tensors, num_layers=5)


def quantised(
    tensors: Mapping[str, Tensor], *, blocks: tuple[int, ...], input_scale: float = 0.05
) -> dict[str, Tensor]:
    """As the official FP8 files: all Linears of these blocks in E4M3 with two float32 scalars each, the rest as is."""
    result = dict(tensors)
    for name, tensor in tensors.items():
        inside = any(f"transformer_blocks.{block}." in name for block in blocks)
        if not inside or not name.endswith(".weight") or tensor.ndim != 2:
            continue
        scale = tensor.abs().max() / 448
        result[name] = (tensor / scale).to(torch.float8_e4m3fn)
        result[f"{name}_scale"] = scale.clone()
        result[name.removesuffix("weight") + "input_scale"] = torch.tensor(input_scale)
    return result


def golden_case(golden: Path, name: str) -> dict[str, Tensor]:
    return load_file(golden / "cases" / f"{name}.safetensors")


def golden_streams(golden: Path, name: str = "transformer-t2v") -> tuple[StreamInput, StreamInput]:
    case = golden_case(golden, name)

    def stream(modality: str) -> StreamInput:
        return StreamInput(
            case[f"{modality}.latent"],
            case[f"{modality}.sigma"],
            Timesteps.of(case[f"{modality}.timesteps"].squeeze(-1)),
            case[f"{modality}.positions"],
            case[f"{modality}.context"],
        )

    return stream("video"), stream("audio")


def velocities(transformer: Transformer, golden: Path) -> Velocities:
    with torch.no_grad():
        return transformer(*golden_streams(golden))


def same_bits(a: Velocities, b: Velocities) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual.float() - expected.float()).abs().max() / expected.float().std())


def raw_file(path: Path, entries: Mapping[str, Any], data: bytes = b"") -> Path:
    """A safetensors file with any header and any data."""
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def zeros_file(path: Path, shapes: Mapping[str, tuple[int, ...]], **metadata: str) -> Path:
    """Float16 zeros under these names."""
    entries: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        entries[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    return raw_file(path, entries, bytes(end))
