"""Text conditioning: reference contexts, shapes of the released model, padding that never shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_transformer import read_case, read_shapes, relative_error
from torch import Tensor

from engine.models.errors import ModelError, UnknownConfigValue
from engine.models.text import CHECKPOINT_PREFIXES, TextConditioner, TextConfig, TextContext

HERE = Path(__file__).parent
TOLERANCE = 1e-5

TINY = TextConfig(
    caption_channels=6,
    hidden_states=3,
    num_layers=1,
    audio_num_layers=2,
    num_attention_heads=2,
    attention_head_dim=8,
    audio_num_attention_heads=2,
    audio_attention_head_dim=4,
    registers=4,
)
TINY_2_0 = replace(
    TINY,
    projection_per_stream=False,
    num_attention_heads=3,
    attention_head_dim=2,
    audio_num_attention_heads=3,
    audio_attention_head_dim=2,
    apply_gated_attention=False,
)


@pytest.fixture
def metadata() -> dict[str, Any]:
    return json.loads((HERE / "ltx_2_3_22b_config.json").read_text(encoding="utf-8"))["transformer"]


@pytest.fixture
def golden_conditioner(golden: Path) -> TextConditioner:
    with safe_open(golden / "tiny-checkpoint.safetensors", "pt") as file:
        config = json.loads(file.metadata()["config"])["transformer"]
        keys = list(file.keys())
        shapes = {key: file.get_slice(key).get_shape() for key in keys}
        weights = {
            ours + key.removeprefix(theirs): file.get_tensor(key)
            for key in keys
            for theirs, ours in CHECKPOINT_PREFIXES.items()
            if key.startswith(theirs)
        }
    conditioner = TextConditioner(TextConfig.from_metadata(config, shapes)).requires_grad_(requires_grad=False)
    conditioner.load_state_dict(weights)
    return conditioner


def make_conditioner(config: TextConfig) -> TextConditioner:
    torch.manual_seed(0)
    return TextConditioner(config)


def check_close(actual: TextContext, expected: TextContext) -> None:
    assert relative_error(actual.video_BND, expected.video_BND) < TOLERANCE
    assert relative_error(actual.audio_BND, expected.audio_BND) < TOLERANCE


def expected_of(case: dict[str, Tensor], what: str, suffix: str = "") -> TextContext:
    return TextContext(case[f"expected_video_{what}{suffix}"], case[f"expected_audio_{what}{suffix}"])


def test_golden_features_and_context_of_a_short_prompt(golden: Path, golden_conditioner: TextConditioner):
    _, case = read_case(golden, "text-connector-1024")
    hidden_states = case["hidden_states"].float()
    features = golden_conditioner.features(hidden_states, torch.ones(1, 29))
    check_close(features, expected_of(case, "features", "_valid"))
    check_close(golden_conditioner.of_prompts([hidden_states[0]]), expected_of(case, "context"))


def test_golden_context_of_left_padded_prompts(golden: Path, golden_conditioner: TextConditioner):
    _, case = read_case(golden, "text-connector-128")
    context = golden_conditioner(case["hidden_states"].float(), case["attention_mask"])
    check_close(context, expected_of(case, "context"))


def test_22b_has_the_released_keys_and_shapes(metadata: dict[str, Any]):
    stored = read_shapes("text_22b_shapes.json")
    config = TextConfig.from_metadata(metadata, stored)
    assert config == TextConfig()
    with torch.device("meta"):
        state = TextConditioner(config).state_dict()
    to_checkpoint = {ours: theirs for theirs, ours in CHECKPOINT_PREFIXES.items()}

    def checkpoint_key(key: str) -> str:
        prefix = next(ours for ours in sorted(to_checkpoint, reverse=True) if key.startswith(ours))
        return to_checkpoint[prefix] + key.removeprefix(prefix)

    shapes = {checkpoint_key(key): list(tensor.shape) for key, tensor in state.items()}
    assert shapes == stored
    assert len(shapes) == 262
    assert sum(tensor.numel() for tensor in state.values()) == 3_172_227_584


@pytest.mark.parametrize("config", [TINY, TINY_2_0], ids=["2.3", "2.0"])
@torch.no_grad()
def test_padding_never_shows(config: TextConfig):
    conditioner = make_conditioner(config)
    random = torch.Generator().manual_seed(1)
    prompts = [torch.randn(3, 6, 3, generator=random), torch.randn(5, 6, 3, generator=random)]
    expected = [conditioner.of_prompts([prompt], sequence_length=8) for prompt in prompts]
    for side in ("left", "right"):
        hidden_states = torch.full((2, 8, 6, 3), float("nan"))
        mask = torch.zeros(2, 8, dtype=torch.int64)
        for row, prompt in enumerate(prompts):
            where = slice(8 - len(prompt), None) if side == "left" else slice(len(prompt))
            hidden_states[row, where], mask[row, where] = prompt, 1
        context = conditioner(hidden_states, mask)
        for row in range(2):
            check_close(TextContext(*(part[row : row + 1] for part in context)), expected[row])
    together = conditioner.of_prompts(prompts, sequence_length=8)
    check_close(together, TextContext(*(torch.cat(parts) for parts in zip(*expected, strict=True))))


@torch.no_grad()
def test_2_0_norms_over_the_real_tokens_of_a_prompt_alone():
    conditioner = make_conditioner(TINY_2_0)
    tokens = torch.rand(2, 6, 3, generator=torch.Generator().manual_seed(1)) + 5  # padding of 0 would be the minimum
    layers = tokens.transpose(0, 2).flatten(1)
    spread = layers.amax(1) - layers.amin(1) + 1e-6
    normed = 8 * (tokens - layers.mean(1)) / spread
    expected = conditioner.aggregate_embed(normed.flatten(1))
    padded = torch.cat([torch.zeros(3, 6, 3), tokens])[None]
    features = conditioner.features(padded, torch.tensor([[0, 0, 0, 1, 1]]))
    assert relative_error(features.video_BND[0, 3:], expected) < TOLERANCE
    assert torch.equal(features.audio_BND, features.video_BND)
    assert not features.video_BND[0, :3].any()


@torch.no_grad()
def test_registers_fill_what_the_prompt_leaves():
    connector = make_conditioner(replace(TINY, num_layers=0)).video_embeddings_connector
    connector.learnable_registers.copy_(torch.arange(4.0)[:, None] + 1 + torch.arange(16.0) / 100)
    features = torch.full((1, 3, 16), -1.0)
    context = connector(features, torch.tensor([[0, 1, 1]]), 8)
    rows = context[0] / context[0, :, :1]
    registers = connector.learnable_registers / connector.learnable_registers[:, :1]
    assert torch.allclose(rows[2:], registers[[2, 3, 0, 1, 2, 3]])
    assert torch.allclose(rows[:2], torch.ones(2, 16))


def test_a_context_that_cannot_hold_the_prompt_is_refused():
    conditioner = make_conditioner(TINY)
    with pytest.raises(ModelError, match="10 positions"):
        conditioner.of_prompts([torch.zeros(3, 6, 3)], sequence_length=10)
    with pytest.raises(ModelError, match="9 tokens"):
        conditioner.of_prompts([torch.zeros(9, 6, 3)], sequence_length=8)


def test_another_text_encoder_is_refused_with_both_sizes():
    conditioner = make_conditioner(TINY)
    with pytest.raises(ModelError, match="gives 4 hidden states of 6 numbers; this checkpoint takes 3 of 6"):
        conditioner(torch.zeros(1, 4, 6, 4), torch.ones(1, 4))


@pytest.mark.parametrize("config", [TINY, TINY_2_0], ids=["2.3", "2.0"])
def test_every_parameter_gets_a_finite_gradient(config: TextConfig):
    conditioner = make_conditioner(config)
    context = conditioner.of_prompts([torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(1))], 8)
    weights = torch.randn(2, generator=torch.Generator().manual_seed(2))
    ((context.video_BND**3).sum() * weights[0] + (context.audio_BND**3).sum() * weights[1]).backward()
    for name, parameter in conditioner.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_absent_keys_mean_2_0(metadata: dict[str, Any]):
    for key in [key for key in metadata if key.startswith(("caption_proj", "connector_", "audio_connector_"))]:
        del metadata[key]
    config = TextConfig.from_metadata(metadata)
    assert not config.projection_per_stream
    assert (config.width, config.audio_width, config.num_layers, config.audio_num_layers) == (3840, 3840, 2, 2)
    assert config.max_position == 1
    with torch.device("meta"):
        shapes = {key: list(tensor.shape) for key, tensor in TextConditioner(config).state_dict().items()}
    assert shapes["aggregate_embed.weight"] == [3840, 188160]
    assert not [key for key in shapes if "gate_logits" in key or key == "aggregate_embed.bias"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("caption_proj_input_norm", True),
        ("text_encoder_norm_type", "layer"),
        ("connector_norm_output", False),
        ("use_embeddings_connector", False),
        ("connector_ff_bias", False),
        ("connector_num_layers", 0),
        ("connector_apply_gated_attention", "yes"),
        ("connector_positional_embedding_max_pos", 4096),
        ("rope_type", 3),
    ],
)
def test_unknown_config_value_is_refused_by_name(metadata: dict[str, Any], key: str, value: Any):
    with pytest.raises(UnknownConfigValue) as caught:
        TextConfig.from_metadata(metadata | {key: value})
    assert (caught.value.key, caught.value.value) == (f"transformer.{key}", value)


def test_a_projection_of_another_text_encoder_is_refused(metadata: dict[str, Any]):
    shapes = {"text_embedding_projection.video_aggregate_embed.weight": (4096, 188161)}
    with pytest.raises(UnknownConfigValue, match="188161"):
        TextConfig.from_metadata(metadata, shapes)
