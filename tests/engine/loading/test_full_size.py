"""The released 22B files as far as their headers go: sparse files with every name and shape and no data."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.loading.checkpoint import TRANSFORMER_PREFIX, Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.transformer_loading import transformer_sizes

MODELS = Path(__file__).parent.parent / "models"
BLOCK_PARAMETERS = 386_695_360
OUTSIDE_PARAMETERS = 427_460_864

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs sparse files, or 46 GB")


def shapes(name: str) -> dict[str, list[int]]:
    """A stored list; a `*` in a key stands for the block numbers below `blocks`."""
    stored = json.loads((MODELS / name).read_text())
    return {
        key.replace("*", str(block)): shape
        for key, shape in stored["shapes"].items()
        for block in range(stored["blocks"] if "*" in key else 1)
    }


def sparse_checkpoint(path: Path, fp8_blocks: int = 0) -> Checkpoint:
    """The whole header of a released file; with `fp8_blocks` their Linears as the FP8 files have them."""
    metadata = {"config": (MODELS / "ltx_2_3_22b_config.json").read_text(), "model_version": "2.3.0"}
    entries: dict[str, Any] = {"__metadata__": metadata}
    end = 0

    def add(name: str, dtype: str, item_bytes: int, shape: list[int]) -> None:
        nonlocal end
        begin, end = end, end + item_bytes * math.prod(shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}

    named = {f"{TRANSFORMER_PREFIX}{name}": shape for name, shape in shapes("transformer_22b_shapes.json").items()}
    for name, shape in sorted((named | shapes("text_22b_shapes.json")).items()):
        stem = name.removesuffix(".weight")
        inside = any(f".transformer_blocks.{block}." in name for block in range(fp8_blocks))
        if inside and stem != name and len(shape) == 2:
            add(name, "F8_E4M3", 1, shape)
            add(f"{stem}.input_scale", "F32", 4, [])
            add(f"{stem}.weight_scale", "F32", 4, [])
        else:
            add(name, "BF16", 2, shape)
    header = json.dumps(entries).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)
    return Checkpoint.open(path)


def test_a_released_file_fits_name_by_name(tmp_path: Path):
    checkpoint = sparse_checkpoint(tmp_path / "ltx-2.3-22b-dev.safetensors")
    sizes = transformer_sizes(checkpoint)  # compares all names and shapes
    assert len(sizes.blocks) == 48
    # Tensors begin at multiples of 64 bytes; only scalars and gate biases are smaller than that.
    assert all(0 <= size - 2 * BLOCK_PARAMETERS < 1024 for size in sizes.blocks)
    assert 0 <= sizes.outside_blocks - 2 * OUTSIDE_PARAMETERS < 1024
    quantised = transformer_sizes(checkpoint, weights=WeightFormat.FP8_SCALED)
    assert max(quantised.blocks) < 0.505 * max(sizes.blocks)


def test_an_fp8_file_keeps_its_blocks(tmp_path: Path):
    """43 blocks in FP8: the file is 29.5 GB with its other networks (specification 7.3)."""
    checkpoint = sparse_checkpoint(tmp_path / "fp8.safetensors", fp8_blocks=43)
    scales = [name for name in checkpoint.tensors if name.endswith("_scale")]
    assert len(scales) == 2 * 34 * 43
    sizes = transformer_sizes(checkpoint)
    assert [size < 400e6 for size in sizes.blocks] == [True] * 43 + [False] * 5
    assert transformer_sizes(checkpoint, weights=WeightFormat.FULL).blocks[0] == sizes.blocks[47]
    assert transformer_sizes(checkpoint, torch.float32).outside_blocks == pytest.approx(
        4 * OUTSIDE_PARAMETERS, rel=1e-6
    )
