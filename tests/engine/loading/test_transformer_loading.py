"""The transformer from disk: golden results, and FP8 in all its forms."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from loading_samples import (
    PREFIX,
    golden_case,
    quantised,
    relative_error,
    same_bits,
    save_variant,
    transformer_tensors,
    velocities,
)
from torch import Tensor

from engine.loading import fp8
from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import KeysDoNotMatch, ShapesDoNotMatch
from engine.loading.fp8 import FP8, WeightFormat
from engine.loading.linear import Linear, linears
from engine.loading.transformer_loading import load_transformer, transformer_sizes
from engine.models.transformer import Transformer

FLOAT = torch.float32


@pytest.fixture
def checkpoint(golden: Path) -> Checkpoint:
    return Checkpoint.open(golden / "tiny-checkpoint.safetensors")


@pytest.fixture
def fp8_checkpoint(golden: Path, tmp_path: Path) -> Checkpoint:
    """Block 0 in scaled FP8, block 1 not, as the official files leave some blocks out."""
    return save_variant(tmp_path / "fp8.safetensors", golden, quantised(transformer_tensors(golden), blocks=(0,)))


def layers_by_dtype(transformer: Transformer) -> dict[torch.dtype, list[str]]:
    result: dict[torch.dtype, list[str]] = {}
    for name, layer in linears(transformer).items():
        result.setdefault(layer.weight.dtype, []).append(name)
    return result


def test_golden_velocities(checkpoint: Checkpoint, golden: Path):
    case = golden_case(golden, "transformer-t2v")
    result = velocities(load_transformer(checkpoint, dtype=FLOAT), golden)
    assert relative_error(result.video, case["video.expected_velocity"]) < 1e-5
    assert relative_error(result.audio, case["audio.expected_velocity"]) < 1e-5


def test_weights_come_in_the_dtype_asked_for(checkpoint: Checkpoint, golden: Path):
    transformer = load_transformer(checkpoint)
    assert {tensor.dtype for tensor in transformer.state_dict().values()} == {torch.bfloat16}
    expected = transformer_tensors(golden)[f"{PREFIX}patchify_proj.weight"].bfloat16()
    assert torch.equal(transformer.patchify_proj.weight, expected)
    case = golden_case(golden, "transformer-t2v")
    assert relative_error(velocities(transformer, golden).video, case["video.expected_velocity"]) < 5e-2


def test_progress_covers_the_transformer_once(checkpoint: Checkpoint, golden: Path):
    seen: list[tuple[int, int]] = []
    load_transformer(checkpoint, progress=lambda done, total: seen.append((done, total)))
    total = sum(4 * t.numel() for name, t in transformer_tensors(golden).items() if "connector" not in name)
    assert seen[-1] == (total, total)


# FP8 files -----------------------------------------------------------------------------------------------------------


def test_each_linear_is_fp8_if_its_own_keys_say_so(fp8_checkpoint: Checkpoint, golden: Path):
    transformer = load_transformer(fp8_checkpoint, dtype=FLOAT)
    kept = layers_by_dtype(transformer)
    assert all(name.startswith("transformer_blocks.0.") for name in kept[FP8])
    assert len(kept[FP8]) == 34
    assert not any(name.startswith("transformer_blocks.0.") for name in kept[FLOAT])
    layer = linears(transformer)["transformer_blocks.0.attn1.to_gate_logits"]
    stored = transformer_tensors(golden)[f"{PREFIX}transformer_blocks.0.attn1.to_gate_logits.weight"]
    assert layer.weight_scale is not None
    assert layer.weight_scale == stored.abs().max() / 448
    assert layer.input_scale == torch.tensor(0.05)
    assert linears(transformer)["transformer_blocks.1.attn1.to_q"].weight_scale is None


def test_multiplying_out_at_use_or_on_loading_gives_the_same_bits(fp8_checkpoint: Checkpoint, golden: Path):
    stored = load_transformer(fp8_checkpoint, dtype=FLOAT)
    full = load_transformer(fp8_checkpoint, dtype=FLOAT, weights=WeightFormat.FULL)
    assert set(layers_by_dtype(full)) == {FLOAT}
    assert linears(full)["transformer_blocks.0.attn1.to_q"].weight_scale is None
    result = velocities(stored, golden)
    assert same_bits(result, velocities(full, golden))
    case = golden_case(golden, "transformer-t2v")
    assert relative_error(result.video, case["video.expected_velocity"]) < 0.2  # FP8 has three bits of mantissa


def test_an_fp8_file_can_be_cast(fp8_checkpoint: Checkpoint):
    full = linears(load_transformer(fp8_checkpoint, weights=WeightFormat.FULL))
    cast = linears(load_transformer(fp8_checkpoint, weights=WeightFormat.FP8_CAST))
    for name, layer in cast.items():
        assert layer.weight_scale is None
        if not name.startswith("transformer_blocks.0."):
            continue
        expected = full[name].weight
        if fp8.is_quantised_layer(name):
            assert torch.equal(layer.weight.view(torch.uint8), expected.to(FP8).view(torch.uint8))
        else:
            assert torch.equal(layer.weight, expected)


def test_unscaled_fp8_files_are_cast_files(golden: Path, tmp_path: Path):
    tensors = {
        name: tensor.to(FP8) if name.endswith("to_q.weight") or "patchify_proj.weight" in name else tensor
        for name, tensor in transformer_tensors(golden).items()
    }
    transformer = load_transformer(save_variant(tmp_path / "cast.safetensors", golden, tensors), dtype=FLOAT)
    layer = linears(transformer)["transformer_blocks.0.attn1.to_q"]
    assert layer.weight.dtype == FP8
    assert layer.weight_scale is None
    # The network's compute dtype is that of its outer layers, so FP8 is multiplied out there.
    assert transformer.patchify_proj.weight.dtype == FLOAT
    assert velocities(transformer, golden).video is not None


def test_a_scale_without_an_fp8_weight_is_an_unknown_tensor(golden: Path, tmp_path: Path):
    tensors = transformer_tensors(golden)
    tensors[f"{PREFIX}transformer_blocks.0.attn1.to_q.weight_scale"] = torch.tensor(1.0)
    tensors[f"{PREFIX}scale_shift_table_scale"] = torch.tensor(1.0)
    with pytest.raises(KeysDoNotMatch) as caught:
        load_transformer(save_variant(tmp_path / "file.safetensors", golden, tensors))
    assert caught.value.extra == ["scale_shift_table_scale", "transformer_blocks.0.attn1.to_q.weight_scale"]


def test_a_scale_per_row_is_refused(golden: Path, tmp_path: Path):
    tensors = quantised(transformer_tensors(golden), blocks=(0,))
    tensors[f"{PREFIX}transformer_blocks.0.attn1.to_q.weight_scale"] = torch.ones(40, 1)
    with pytest.raises(ShapesDoNotMatch, match=r"to_q.weight_scale is \(40, 1\) instead of \(\)"):
        load_transformer(save_variant(tmp_path / "file.safetensors", golden, tensors))


# Made FP8 on loading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [WeightFormat.FP8_SCALED, WeightFormat.FP8_CAST])
def test_plain_weights_become_fp8_on_loading(checkpoint: Checkpoint, golden: Path, weights: WeightFormat):
    transformer = load_transformer(checkpoint, dtype=FLOAT, weights=weights)
    kept = layers_by_dtype(transformer)
    # Six attentions with four big matrices and two feed-forwards with two, in two blocks; gates and the rest stay.
    assert len(kept[FP8]) == 2 * (6 * 4 + 2 * 2)
    assert all(fp8.is_quantised_layer(name) for name in kept[FP8])
    original = transformer_tensors(golden)
    for name in kept[FP8]:
        layer = linears(transformer)[name]
        back = fp8.multiplied_out(layer.weight, layer.weight_scale, FLOAT)
        error = (back - original[f"{PREFIX}{name}.weight"]).abs()
        assert (layer.weight_scale is not None) == (weights is WeightFormat.FP8_SCALED)
        # Half a unit in the last of three mantissa bits, and the smallest step of numbers below the normal ones.
        step = 2.0**-10 if layer.weight_scale is None else 2.0**-10 * float(layer.weight_scale)
        assert bool((error <= original[f"{PREFIX}{name}.weight"].abs() / 16 + step).all())
    expected = golden_case(golden, "transformer-t2v")["video.expected_velocity"]
    assert relative_error(velocities(transformer, golden).video, expected) < 0.3


def test_sizes_are_known_before_loading(checkpoint: Checkpoint, fp8_checkpoint: Checkpoint):
    for source in (checkpoint, fp8_checkpoint):
        for weights in WeightFormat:
            sizes = transformer_sizes(source, FLOAT, weights)
            transformer = load_transformer(source, dtype=FLOAT, weights=weights)
            inside = [
                sum(_padded_bytes(tensor) for tensor in block.state_dict().values())
                for block in transformer.transformer_blocks
            ]
            assert list(sizes.blocks) == inside
            everything = sum(_padded_bytes(tensor) for tensor in transformer.state_dict().values())
            assert sizes.outside_blocks == everything - sum(inside)


def _padded_bytes(tensor: Tensor) -> int:
    return -(-tensor.numel() * tensor.dtype.itemsize // 64) * 64


# Multiplying FP8 -----------------------------------------------------------------------------------------------------


def scaled_layer(in_features: int, out_features: int, input_scale: float | None) -> tuple[Linear, Tensor]:
    """A BF16 layer with a scaled FP8 weight, and its weight multiplied out."""
    noise = torch.Generator().manual_seed(0)
    layer = Linear(in_features, out_features).bfloat16().requires_grad_(requires_grad=False)
    weight, scale = fp8.quantise_scaled(torch.randn(out_features, in_features, generator=noise) / in_features**0.5)
    layer.weight = torch.nn.Parameter(weight, requires_grad=False)
    layer.weight_scale = scale
    layer.input_scale = None if input_scale is None else torch.tensor(input_scale)
    layer.scaled_matmul = True
    return layer, fp8.multiplied_out(weight, scale, torch.bfloat16)


@pytest.mark.parametrize("input_scale", [None, 4 / 448])
def test_scaled_multiplication_equals_the_multiplied_out_one_to_fp8_rounding(input_scale: float | None):
    layer, weight = scaled_layer(64, 48, input_scale)
    x = torch.randn(2, 33, 64, generator=torch.Generator().manual_seed(1)).bfloat16()
    y = layer(x)
    expected = torch.nn.functional.linear(x, weight, layer.bias)
    assert y.shape == expected.shape
    assert not torch.equal(y, expected)  # it did take the other way
    assert relative_error(y, expected) < 0.15


def test_inputs_beyond_the_calibrated_range_are_clamped_not_nan():
    layer, _ = scaled_layer(64, 48, 0.01)
    y = layer(torch.full((1, 64), 1000.0).bfloat16())
    assert bool(y.isfinite().all())


@pytest.mark.parametrize(("in_features", "out_features"), [(40, 48), (64, 40)])
def test_sizes_that_the_device_cant_multiply_are_multiplied_out(in_features: int, out_features: int):
    layer, weight = scaled_layer(in_features, out_features, None)
    x = torch.randn(3, in_features, generator=torch.Generator().manual_seed(1)).bfloat16()
    assert torch.equal(layer(x), torch.nn.functional.linear(x, weight, layer.bias))


def test_gradients_pass_through_an_fp8_layer():
    layer, weight = scaled_layer(64, 48, None)
    x = torch.ones(1, 64, dtype=torch.bfloat16, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad[0], weight.float().sum(0).bfloat16())


def test_nothing_multiplies_fp8_where_the_device_cant(fp8_checkpoint: Checkpoint):
    assert not fp8.has_scaled_matmul(torch.device("cpu"))
    assert not any(layer.scaled_matmul for layer in linears(load_transformer(fp8_checkpoint)).values())
    assert all(layer.scaled_matmul for layer in linears(load_transformer(fp8_checkpoint, scaled_matmul=True)).values())


def test_loaded_layers_compile_in_one_graph():
    layer, _ = scaled_layer(64, 48, None)
    layer.lora_down, layer.lora_up = torch.ones(2, 64).bfloat16(), torch.ones(48, 2).bfloat16()
    x = torch.ones(3, 64, dtype=torch.bfloat16)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), layer(x))


@pytest.mark.gpu
def test_the_gpus_own_multiplication(fp8_checkpoint: Checkpoint):
    if not fp8.has_scaled_matmul(torch.device("cuda")):
        pytest.skip("needs a GPU with FP8 multiplication (Ada or later)")
    layer, weight = scaled_layer(256, 128, None)
    x = torch.randn(300, 256, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = torch.nn.functional.linear(x, weight, layer.bias)
    assert relative_error(layer.cuda()(x.cuda()).cpu(), expected) < 0.15
