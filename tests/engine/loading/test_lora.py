"""LoRAs: every way to write them means the same, they act as W + s B A, and they go without a trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from loading_samples import (
    golden_case,
    quantised,
    relative_error,
    same_bits,
    save_variant,
    transformer_tensors,
    velocities,
    zeros_file,
)
from safetensors.torch import load_file
from torch import Tensor

from engine.fetching.loras import rank_of, read_header
from engine.loading import linear
from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import LoraDoesNotMatch, LoraNeedsTextConditioner, UnreadableLora, WrongModelFamily
from engine.loading.linear import linears
from engine.loading.lora import Lora, save_lora, set_loras
from engine.loading.networks import load_text_conditioner
from engine.loading.safetensors_file import write_safetensors
from engine.loading.transformer_loading import load_transformer
from engine.models.transformer import Transformer

FLOAT = torch.float32


@pytest.fixture
def checkpoint(golden: Path) -> Checkpoint:
    return Checkpoint.open(golden / "tiny-checkpoint.safetensors")


@pytest.fixture
def transformer(checkpoint: Checkpoint) -> Transformer:
    return load_transformer(checkpoint, dtype=FLOAT)


@pytest.fixture
def golden_lora(golden: Path) -> Lora:
    return Lora.open(golden / "tiny-lora.safetensors")


def pairs_of(golden: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """(down, up) of the golden LoRA by layer."""
    tensors = load_file(golden / "tiny-lora.safetensors")
    suffix = ".lora_A.weight"
    return {
        key.removeprefix("diffusion_model.").removesuffix(suffix): (down, tensors[key.replace("lora_A", "lora_B")])
        for key, down in tensors.items()
        if key.endswith(suffix)
    }


def force(transformer: Transformer) -> dict[str, Tensor]:
    """up @ down of every layer that has a LoRA."""
    return {
        name: layer.lora_up @ layer.lora_down
        for name, layer in linears(transformer).items()
        if layer.lora_up is not None and layer.lora_down is not None
    }


# What it computes ----------------------------------------------------------------------------------------------------


def test_golden_velocities_with_a_lora(transformer: Transformer, golden_lora: Lora, golden: Path):
    assert set_loras(transformer, [(golden_lora, 0.75)]) == (37, 0)
    case = golden_case(golden, "transformer-lora")
    result = velocities(transformer, golden)
    assert relative_error(result.video, case["video.expected_velocity"]) < 1e-5
    assert relative_error(result.audio, case["audio.expected_velocity"]) < 1e-5


def test_both_ways_of_computing_give_the_same(transformer, golden_lora: Lora, golden: Path, monkeypatch):
    set_loras(transformer, [(golden_lora, 0.75)])
    results = []
    for merge in (True, False):
        monkeypatch.setattr(linear, "merging_is_cheaper", lambda *_sizes, merge=merge: merge)
        results.append(velocities(transformer, golden))
    assert not same_bits(*results)
    assert relative_error(results[0].video, results[1].video) < 1e-5


def test_the_cheaper_way_depends_on_sizes_alone():
    assert linear.merging_is_cheaper(24576, 4096, 4096)
    assert linear.merging_is_cheaper(6144, 4096, 16384)
    assert not linear.merging_is_cheaper(126, 2048, 2048)


def test_the_base_comes_back_bit_for_bit(transformer: Transformer, golden_lora: Lora, golden: Path):
    base = velocities(transformer, golden)
    weights = {name: tensor.clone() for name, tensor in transformer.state_dict().items()}
    for loras in ([(golden_lora, 0.75)], [(golden_lora, -2.0), (golden_lora, 0.3)], []):
        set_loras(transformer, loras)
        assert same_bits(velocities(transformer, golden), base) == (not loras)
    after = transformer.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in weights.items())


def test_strength_zero_costs_nothing(transformer: Transformer, golden_lora: Lora, golden: Path):
    base = velocities(transformer, golden)
    set_loras(transformer, [(golden_lora, 1.0)])
    assert set_loras(transformer, [(golden_lora, 0.0)]).layers == 0
    assert force(transformer) == {}
    assert same_bits(velocities(transformer, golden), base)


def test_several_loras_add_up_each_with_its_strength(transformer, golden_lora: Lora, golden: Path, tmp_path: Path):
    noise = torch.Generator().manual_seed(2)
    other_pairs = {
        "transformer_blocks.0.ff.net.2": (torch.randn(5, 160, generator=noise), torch.randn(40, 5, generator=noise)),
        "patchify_proj": (torch.randn(2, 4, generator=noise), torch.randn(40, 2, generator=noise)),
    }
    save_lora(tmp_path / "other.safetensors", other_pairs)
    assert set_loras(transformer, [(golden_lora, 0.5), (Lora.open(tmp_path / "other.safetensors"), -1.5)]).layers == 38
    expected = {name: 0.5 * up @ down for name, (down, up) in pairs_of(golden).items()}
    for name, (down, up) in other_pairs.items():
        expected[name] = expected.get(name, 0) - 1.5 * up @ down
    actual = force(transformer)
    assert actual.keys() == expected.keys()
    assert all(torch.allclose(actual[name], delta, atol=1e-5) for name, delta in expected.items())
    assert linears(transformer)["patchify_proj"].lora_down.shape == (3 + 2, 4)


def test_loras_act_on_fp8_layers_without_touching_them(golden_lora: Lora, golden: Path, tmp_path: Path):
    checkpoint = save_variant(
        tmp_path / "fp8.safetensors", golden, quantised(transformer_tensors(golden), blocks=(0, 1))
    )
    transformer = load_transformer(checkpoint, dtype=FLOAT)
    base = velocities(transformer, golden)
    set_loras(transformer, [(golden_lora, 0.75)])
    result = velocities(transformer, golden)
    expected = golden_case(golden, "transformer-lora")["video.expected_velocity"]
    assert relative_error(result.video, expected) < 0.25
    assert relative_error(result.video, base.video) > 0.25
    set_loras(transformer, [])
    assert same_bits(velocities(transformer, golden), base)


def test_a_lora_beside_the_fp8_multiplication():
    layer = linear.Linear(32, 16).bfloat16().requires_grad_(requires_grad=False)
    weight, scale = linear.fp8.quantise_scaled(layer.weight)
    layer.weight, layer.weight_scale, layer.scaled_matmul = torch.nn.Parameter(weight, requires_grad=False), scale, True
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(1)).bfloat16()
    without = layer(x)
    layer.lora_down, layer.lora_up = torch.ones(1, 32).bfloat16(), torch.ones(16, 1).bfloat16()
    expected = without.float() + x.float().sum(1, keepdim=True)
    assert relative_error(layer(x), expected) < 1e-2


# Formats -------------------------------------------------------------------------------------------------------------

TO_DIFFUSERS = {
    "audio_patchify_proj": "audio_proj_in",
    "patchify_proj": "proj_in",
    "adaln_single": "time_embed",
}


def written(golden: Path, path: Path, style: str) -> tuple[Path, float]:
    """The golden LoRA in one of the formats, and the factor that its alpha adds."""
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    factor = 1.0
    for name, (down, up) in pairs_of(golden).items():
        first, dot, rest = name.partition(".")
        if style == "comfyui":
            stem, halves = f"model.diffusion_model.{name}", ("lora_A.weight", "lora_B.weight")
        elif style == "kohya":
            stem, halves = f"diffusion_model.{name}", ("lora_down.weight", "lora_up.weight")
        elif style == "kohya flat":
            stem, halves = "lora_unet_" + name.replace(".", "_"), ("lora_down.weight", "lora_up.weight")
        elif style == "peft":
            stem, halves = f"base_model.model.{name}", ("lora_A.default.weight", "lora_B.default.weight")
        elif style == "peft rslora":
            stem, halves = f"base_model.model.{name}", ("lora_A.weight", "lora_B.weight")
        else:
            stem = f"transformer.{TO_DIFFUSERS.get(first, first)}{dot}{rest}"
            halves = ("lora_A.weight", "lora_B.weight")
        tensors[f"{stem}.{halves[0]}"], tensors[f"{stem}.{halves[1]}"] = down.contiguous(), up.contiguous()
        if style.startswith("kohya"):  # alpha / rank is 1/2 for every layer, whatever its rank
            tensors[f"{stem}.alpha"] = torch.tensor(down.shape[0] / 2)
            factor = 0.5
    if style == "peft":
        config = {"lora_alpha": 6, "r": 3, "alpha_pattern": {"patchify_proj": 6}}
        (path.parent / "adapter_config.json").write_text(json.dumps(config))
        factor = 2.0
    if style == "peft rslora":
        (path.parent / "adapter_config.json").write_text(json.dumps({"lora_alpha": 6, "use_rslora": True}))
        factor = 6 / 3**0.5
    if style == "diffusers alpha":
        metadata["lora_adapter_metadata"] = json.dumps({"transformer.lora_alpha": 12, "transformer.r": 3})
        factor = 4.0
    write_safetensors(path, tensors, metadata)
    return path, factor


@pytest.mark.parametrize(
    "style", ["comfyui", "kohya", "kohya flat", "peft", "peft rslora", "diffusers", "diffusers alpha"]
)
def test_every_format_means_the_same(transformer, golden_lora: Lora, golden: Path, tmp_path: Path, style: str):
    path, factor = written(golden, tmp_path / "adapter_model.safetensors", style)
    set_loras(transformer, [(golden_lora, 0.5 * factor)])
    expected = force(transformer)
    lora = Lora.open(path.parent if style.startswith("peft") else path)
    assert set_loras(transformer, [(lora, 0.5)]).layers == 37
    actual = force(transformer)
    assert actual.keys() == expected.keys()
    assert all(torch.allclose(actual[name], expected[name], rtol=1e-5) for name in expected)


def test_what_we_save_is_the_official_format(golden: Path, tmp_path: Path):
    save_lora(tmp_path / "ours.safetensors", pairs_of(golden), reference_downscale_factor=2, metadata={"by": "us"})
    assert load_file(tmp_path / "ours.safetensors").keys() == load_file(golden / "tiny-lora.safetensors").keys()
    lora = Lora.open(tmp_path / "ours.safetensors")
    assert (lora.reference_downscale_factor, lora.reference_temporal_scale_factor) == (2, 1)
    assert lora.metadata["by"] == "us"


def test_only_in_context_loras_carry_reference_factors(golden: Path, tmp_path: Path):
    save_lora(tmp_path / "style.safetensors", pairs_of(golden))
    save_lora(tmp_path / "control.safetensors", pairs_of(golden), reference_downscale_factor=1)
    style, control = Lora.open(tmp_path / "style.safetensors"), Lora.open(tmp_path / "control.safetensors")
    assert "reference_downscale_factor" not in style.metadata
    assert "reference_downscale_factor" in control.metadata
    assert style.reference_downscale_factor == control.reference_downscale_factor == 1


def test_reference_factors_are_exposed_under_both_names(golden_lora: Lora, tmp_path: Path):
    assert (golden_lora.reference_downscale_factor, golden_lora.reference_temporal_scale_factor) == (2, 1)
    shapes = {"diffusion_model.proj_out.lora_A.weight": (1, 4), "diffusion_model.proj_out.lora_B.weight": (4, 1)}

    def opened(**metadata: str) -> Lora:
        return Lora.open(zeros_file(tmp_path / "lora.safetensors", shapes, **metadata))

    assert opened().reference_downscale_factor == 1
    both = opened(reference_spatial_scale_factor="3", reference_temporal_scale_factor="4")
    assert (both.reference_downscale_factor, both.reference_temporal_scale_factor) == (3, 4)
    for bad in ("half", "0", "1.5", "true", "[2]"):
        with pytest.raises(UnreadableLora, match="reference_downscale_factor is"):
            opened(reference_downscale_factor=bad)


def test_size_and_rank_are_known_without_reading(golden_lora: Lora, golden: Path):
    assert max(pair.rank for pair in golden_lora.pairs.values()) == 3
    assert rank_of(read_header(golden / "tiny-lora.safetensors")) == 3  # as the list of LoRAs tells it
    assert golden_lora.size_bytes == sum(4 * t.numel() for t in load_file(golden / "tiny-lora.safetensors").values())


# Text layers ---------------------------------------------------------------------------------------------------------


def text_lora(path: Path, names: Mapping[str, tuple[int, int]]) -> Lora:
    noise = torch.Generator().manual_seed(4)
    tensors: dict[str, Tensor] = {}
    for name, (outputs, inputs) in names.items():
        tensors[f"{name}.lora_A.weight"] = torch.randn(2, inputs, generator=noise)
        tensors[f"{name}.lora_B.weight"] = torch.randn(outputs, 2, generator=noise)
    write_safetensors(path, tensors)
    return Lora.open(path)


@pytest.mark.parametrize(
    ("projection", "connector"),
    [
        (
            "text_embedding_projection.video_aggregate_embed",
            "diffusion_model.audio_embeddings_connector.transformer_1d_blocks.1.attn1.to_q",
        ),
        ("connectors.video_text_proj_in", "connectors.audio_connector.transformer_blocks.1.attn1.to_q"),
    ],
)
def test_text_layers_act_where_a_conditioner_is_given(
    checkpoint: Checkpoint, transformer: Transformer, tmp_path: Path, projection: str, connector: str
):
    lora = text_lora(
        tmp_path / "text.safetensors",
        {projection: (40, 8 * 49), connector: (24, 24), "diffusion_model.proj_out": (4, 40)},
    )
    assert set_loras(transformer, [(lora, 1.0)]) == (1, 2)
    text = load_text_conditioner(checkpoint)
    assert set_loras(transformer, [(lora, 1.0)], text=text) == (3, 0)
    layer = text.video_embeddings_connector.transformer_1d_blocks[1].attn1.to_q
    assert layer.lora_down is None
    assert text.video_aggregate_embed.lora_down.dtype == torch.bfloat16
    assert text.audio_embeddings_connector.transformer_1d_blocks[1].attn1.to_q.lora_up.shape == (24, 2)
    set_loras(transformer, [], text=text)
    assert text.video_aggregate_embed.lora_down is None


def test_a_lora_of_text_layers_alone_is_not_silently_nothing(transformer: Transformer, tmp_path: Path):
    lora = text_lora(tmp_path / "text.safetensors", {"text_embedding_projection.video_aggregate_embed": (40, 392)})
    with pytest.raises(LoraNeedsTextConditioner, match="no effect"):
        set_loras(transformer, [(lora, 1.0)])


# Refusals ------------------------------------------------------------------------------------------------------------


def pair_shapes(stem: str, outputs: int = 40, inputs: int = 40, rank: int = 2) -> dict[str, tuple[int, ...]]:
    return {f"{stem}.lora_A.weight": (rank, inputs), f"{stem}.lora_B.weight": (outputs, rank)}


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("diffusion_model.blocks.0.self_attn.q", "Wan"),
        ("transformer.single_transformer_blocks.3.attn.to_q", "Flux"),
        ("lora_unet_double_blocks_0_img_attn_qkv", "Flux"),
        ("lora_unet_down_blocks_1_attentions_0_proj_in", "Stable Diffusion"),
        ("base_model.model.model.layers.0.self_attn.q_proj", "a language model"),
    ],
)
def test_a_lora_for_another_model_is_an_error_that_names_it(transformer, tmp_path: Path, stem: str, hint: str):
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 2}')
    lora = Lora.open(zeros_file(tmp_path / "other.safetensors", pair_shapes(stem)))
    with pytest.raises(LoraDoesNotMatch, match="1 of its 1 layers don't exist here") as caught:
        set_loras(transformer, [(lora, 1.0)])
    assert hint in caught.value.hint
    assert hint in str(caught.value)


def test_a_partial_mismatch_changes_nothing(transformer, golden_lora: Lora, golden: Path, tmp_path: Path):
    set_loras(transformer, [(golden_lora, 0.75)])
    before = velocities(transformer, golden)
    shapes = pair_shapes("diffusion_model.transformer_blocks.0.attn1.to_q", outputs=41)
    for block in (1, 7):
        shapes |= pair_shapes(f"diffusion_model.transformer_blocks.{block}.attn1.to_v")
    lora = Lora.open(zeros_file(tmp_path / "half.safetensors", shapes))
    with pytest.raises(LoraDoesNotMatch) as caught:
        set_loras(transformer, [(golden_lora, 0.1), (lora, 1.0)])
    assert caught.value.matched == 1
    assert caught.value.unknown == ["transformer_blocks.7.attn1.to_v"]
    assert caught.value.shapes == {"transformer_blocks.0.attn1.to_q": ((41, 40), (40, 40))}
    assert "transformer_blocks.0.attn1.to_q is (41, 40) instead of (40, 40)" in str(caught.value)
    assert same_bits(velocities(transformer, golden), before)


def test_a_lora_that_vanishes_changes_nothing(transformer, golden_lora: Lora, golden: Path, tmp_path: Path):
    path = tmp_path / "lora.safetensors"
    save_lora(path, pairs_of(golden))
    lora = Lora.open(path)
    set_loras(transformer, [(golden_lora, 0.75)])
    before = velocities(transformer, golden)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        set_loras(transformer, [(lora, 1.0)])
    assert same_bits(velocities(transformer, golden), before)


Q = "diffusion_model.transformer_blocks.0.attn1.to_q"


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({**pair_shapes(Q), f"{Q}.dora_scale": (40,)}, "1 tensors are of a kind that is not supported: .*dora_scale"),
        ({f"{Q}.lokr_w1": (4, 4)}, "lokr_w1"),
        ({**pair_shapes(Q), f"{Q}.diff_b": (40,)}, "diff_b"),
        ({f"{Q}.lora_A.weight": (2, 40)}, "1 layers have only one half of a pair"),
        ({f"{Q}.lora_A.weight": (2, 40), f"{Q}.lora_B.weight": (40, 3)}, "halves of 1 layers don't fit each other"),
        ({f"{Q}.lora_A.weight": (2, 40, 1, 1), f"{Q}.lora_B.weight": (40, 2, 1, 1)}, "don't fit each other"),
        (pair_shapes(Q) | pair_shapes(Q.replace("diffusion_model", "transformer")), "two pairs for one layer"),
        (pair_shapes(Q.replace("diffusion_model", "base_model.model")), "adapter_config.json is not beside it"),
    ],
)
def test_unreadable_loras_say_why(tmp_path: Path, shapes: dict[str, Any], said: str):
    path = zeros_file(tmp_path / "bad.safetensors", shapes)
    with pytest.raises(UnreadableLora, match=said):
        Lora.open(path)


def test_peft_settings_that_change_the_meaning_are_refused(tmp_path: Path):
    path = zeros_file(tmp_path / "x.safetensors", pair_shapes(Q.replace("diffusion_model", "base_model.model")))
    for config, said in (
        ('{"lora_alpha": 2, "use_dora": true}', "DoRA"),
        ('{"lora_alpha": "2"}', "lora_alpha is '2'"),
        ("{", "no valid JSON"),
    ):
        (tmp_path / "adapter_config.json").write_text(config)
        with pytest.raises(UnreadableLora, match=said):
            Lora.open(path)


def test_a_checkpoint_is_no_lora(golden: Path):
    with pytest.raises(WrongModelFamily, match="holds an LTX-2 model; a LoRA is needed"):
        Lora.open(golden / "tiny-checkpoint.safetensors")


def test_progress_covers_all_loras(transformer: Transformer, golden_lora: Lora):
    seen: list[tuple[int, int]] = []
    set_loras(transformer, [(golden_lora, 1.0)] * 2, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2 * golden_lora.size_bytes,) * 2


def test_peft_may_give_layers_alphas_of_their_own(tmp_path: Path):
    shapes = pair_shapes(Q.replace("diffusion_model", "base_model.model")) | pair_shapes(
        "base_model.model.transformer_blocks.0.attn1.to_v"
    )
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 4, "alpha_pattern": {"attn1.to_v": 8}}')
    lora = Lora.open(zeros_file(tmp_path / "x.safetensors", shapes))
    scales = {name.rpartition(".")[2]: pair.scale for name, pair in lora.pairs.items()}
    assert scales == {"to_q": 2.0, "to_v": 4.0}
