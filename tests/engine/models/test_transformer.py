"""The transformer: reference velocities, shapes of the released model, and what its users rely on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_transformer import TINY, make_streams, make_tiny, read_case, read_shapes, relative_error
from torch import Tensor, nn
from torch._inductor import config as inductor_config

from engine.models.errors import ModelError, UnknownConfigValue
from engine.models.transformer import Transformer, resident_blocks
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import (
    EVERY_BLOCK,
    Modulation,
    Rotary,
    Skips,
    StreamInput,
    StreamTimes,
    Timesteps,
    Velocities,
    denoised,
)

HERE = Path(__file__).parent
PREFIX = "model.diffusion_model."
TOLERANCE = 1e-5  # max abs error / std; the reference's own float32-float64 spread is about 2e-6

# Golden cases --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_22b(golden: Path) -> Transformer:
    """The transformer of the golden checkpoint."""
    with safe_open(golden / "tiny-checkpoint.safetensors", "pt") as file:
        config = json.loads(file.metadata()["config"])["transformer"]
        weights = {
            key.removeprefix(PREFIX): file.get_tensor(key)
            for key in file.keys()  # noqa: SIM118
            if key.startswith(PREFIX) and "embeddings_connector" not in key
        }
    transformer = Transformer(TransformerConfig.from_metadata(config)).requires_grad_(requires_grad=False)
    transformer.load_state_dict(weights)
    return transformer


def stream_of(case: dict[str, Tensor], name: str, *, enabled: bool = True) -> StreamInput | None:
    if f"{name}.latent" not in case:
        return None
    return StreamInput(
        case[f"{name}.latent"],
        case[f"{name}.sigma"],
        Timesteps.of(case[f"{name}.timesteps"][..., 0]),
        case[f"{name}.positions"],
        case[f"{name}.context"],
        case.get(f"{name}.attention_mask"),
        enabled,
    )


def check_case(transformer: Transformer, case: dict[str, Tensor], skips: Skips, *, disabled: str = "") -> None:
    video = stream_of(case, "video", enabled=disabled != "video")
    audio = stream_of(case, "audio", enabled=disabled != "audio")
    velocities = transformer(video, audio, skips)
    for name, stream, velocity in (("video", video, velocities.video), ("audio", audio, velocities.audio)):
        if stream is None or name == disabled:
            assert velocity is None
            continue
        assert relative_error(velocity, case[f"{name}.expected_velocity"]) < TOLERANCE, name
        x0 = denoised(stream.latent_BTC, velocity, stream.timesteps)
        assert relative_error(x0, case[f"{name}.expected_x0"]) < TOLERANCE, name


@pytest.mark.parametrize(
    "name",
    [
        "audio-only",
        "batch2-two-sigmas",
        "frozen-audio",
        "frozen-video",
        "i2v",
        "i2v-strength",
        "keyframe",
        "one-frame",
        "reference-attention",
        "reference-audio",
        "reference-nomask",
        "reference-weights-zero",
        "retake",
        "t2v",
        "video-only",
    ],
)
def test_golden_velocity(golden: Path, tiny_22b: Transformer, name: str):
    _, case = read_case(golden, f"transformer-{name}")
    check_case(tiny_22b, case, Skips.none())


@pytest.mark.parametrize("disabled", ["video", "audio"])
def test_golden_velocity_beside_a_stream_that_is_not_enabled(golden: Path, tiny_22b: Transformer, disabled: str):
    _, case = read_case(golden, f"transformer-{disabled}-not-enabled")
    check_case(tiny_22b, case, Skips.none(), disabled=disabled)


@pytest.mark.parametrize("name", ["stg", "stg-video-only", "isolated", "guidance-batch"])
def test_golden_velocity_with_perturbations(golden: Path, tiny_22b: Transformer, name: str):
    params, case = read_case(golden, f"transformer-{name}")
    blocks = params.get("stg_blocks", [])
    skips = {
        "stg": Skips.self_attention(blocks, blocks),
        "stg-video-only": Skips.self_attention(blocks),
        "isolated": Skips.isolated(),
        "guidance-batch": Skips.batch(
            [Skips.none(), Skips.none(), Skips.self_attention(blocks, blocks), Skips.isolated()],
        ),
    }[name]
    check_case(tiny_22b, case, skips)


def test_golden_velocity_with_fused_lora(golden: Path, tiny_22b: Transformer):
    params, case = read_case(golden, "transformer-lora")
    weights = dict(tiny_22b.named_parameters())
    with safe_open(golden / "tiny-lora.safetensors", "pt") as file:
        pairs = [key.removesuffix(".lora_A.weight") for key in file.keys() if key.endswith(".lora_A.weight")]  # noqa: SIM118
        for pair in pairs:
            product = file.get_tensor(f"{pair}.lora_B.weight") @ file.get_tensor(f"{pair}.lora_A.weight")
            weights[f"{pair.removeprefix('diffusion_model.')}.weight"] += params["lora_strength"] * product
    assert len(pairs) == 37
    check_case(tiny_22b, case, Skips.none())


def test_golden_timestep_mlps(golden: Path, tiny_22b: Transformer):
    _, case = read_case(golden, "timestep-mlps")
    names = {key.rsplit(".", 1)[0] for key in case if key.endswith(".mod")}
    assert len(names) == 8
    for name in names:
        emb, rows = tiny_22b.get_submodule(name)(case["t_times_1000"])
        assert relative_error(emb, case[f"{name}.emb"]) < TOLERANCE
        assert relative_error(rows.flatten(1), case[f"{name}.mod"]) < TOLERANCE


# The released model --------------------------------------------------------------------------------------------------


def test_22b_has_the_released_keys_and_shapes():
    config = json.loads((HERE / "ltx_2_3_22b_config.json").read_text(encoding="utf-8"))["transformer"]
    assert TransformerConfig.from_metadata(config) == TransformerConfig()
    with torch.device("meta"):
        transformer = Transformer(TransformerConfig.from_metadata(config))
    shapes = {key: list(tensor.shape) for key, tensor in transformer.state_dict().items()}
    assert shapes == read_shapes("transformer_22b_shapes.json")
    assert len(shapes) == 4186
    assert sum(tensor.numel() for tensor in transformer.parameters()) == 18_988_838_144


# Configuration -------------------------------------------------------------------------------------------------------


@pytest.fixture
def metadata() -> dict[str, Any]:
    return json.loads((HERE / "ltx_2_3_22b_config.json").read_text(encoding="utf-8"))["transformer"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rope_type", "spiral"),
        ("frequencies_precision", "float16"),
        ("num_layers", 0),
        ("num_layers", "48"),
        ("num_layers", None),
        ("positional_embedding_max_pos", [20, 2048]),
        ("apply_gated_attention", 1),
        ("audio_num_attention_heads", 16),
        ("cross_attention_dim", 2048),
        ("double_self_attention", True),
        ("dropout", 0.1),
        ("norm_elementwise_affine", True),
        ("num_vector_embeds", 4),
        ("caption_proj_before_connector", False),
        ("caption_projection_first_linear", True),
        ("use_middle_indices_grid", False),
        ("ff_bias", False),  # from here on: LTX-2.5
        ("use_keyframes_abs_pos_embedding", True),
        ("use_prompt_adaln_single", False),
    ],
)
def test_unknown_config_value_is_refused_by_name(metadata: dict[str, Any], key: str, value: Any):
    with pytest.raises(UnknownConfigValue) as caught:
        TransformerConfig.from_metadata(metadata | {key: value})
    shown = "(missing)" if value is None else value
    assert caught.value.key == f"transformer.{key}"
    assert caught.value.value == shown
    assert key in str(caught.value)
    assert repr(shown) in str(caught.value)


def test_partial_text_layout_is_refused(metadata: dict[str, Any]):
    del metadata["caption_proj_input_norm"]
    with pytest.raises(UnknownConfigValue, match="caption_proj_input_norm"):
        TransformerConfig.from_metadata(metadata)


def test_flags_of_2_0_select_its_layout(metadata: dict[str, Any]):
    for key in [key for key in metadata if key.startswith(("caption_proj", "cross_attention_adaln", "apply_gated"))]:
        del metadata[key]
    config = TransformerConfig.from_metadata(metadata)
    assert config.caption_projection
    with torch.device("meta"):
        transformer = Transformer(replace(config, num_layers=1))
    shapes = {key: list(tensor.shape) for key, tensor in transformer.state_dict().items()}
    assert shapes["caption_projection.linear_1.weight"] == [4096, 3840]
    assert shapes["audio_caption_projection.linear_2.weight"] == [2048, 2048]
    assert shapes["adaln_single.linear.weight"] == [6 * 4096, 4096]
    assert shapes["transformer_blocks.0.audio_scale_shift_table"] == [6, 2048]
    assert not [key for key in shapes if "gate_logits" in key or "prompt" in key]


# Behaviour on random weights -----------------------------------------------------------------------------------------


def sample(stream: StreamInput, row: int) -> StreamInput:
    """One sample of a batch."""
    index = slice(row, row + 1)
    return StreamInput(
        stream.latent_BTC[index],
        stream.sigma_B[index],
        Timesteps(stream.timesteps.values_BK[index], stream.timesteps.index_BT[index]),
        stream.positions_BAT2[index],
        stream.context_BND[index],
    )


def check_close(actual: Velocities, expected: Velocities, tolerance: float = TOLERANCE) -> None:
    for got, wanted in zip(actual, expected, strict=True):
        assert got is not None
        assert wanted is not None
        assert relative_error(got.float(), wanted) < tolerance


def test_timesteps_hold_distinct_values_and_give_every_token_back():
    values_BT = torch.tensor([[0.0, 0.5, 0.5, 0.25], [0.9, 0.9, 0.9, 0.9]])
    timesteps = Timesteps.of(values_BT)
    assert timesteps.values_BK.shape == (2, 3)
    assert torch.equal(timesteps.per_token(), values_BT)
    assert torch.equal(Timesteps.uniform(torch.tensor([0.5, 0.9]), 4).per_token()[:, 3], torch.tensor([0.5, 0.9]))


@torch.no_grad()
def test_one_row_per_distinct_timestep_equals_one_row_per_token():
    transformer = make_tiny()
    video, audio = make_streams()
    tokens = video.latent_BTC.shape[1]
    wasteful = Timesteps(video.timesteps.per_token(), torch.arange(tokens).expand(2, -1))
    check_close(transformer(video._replace(timesteps=wasteful), audio), transformer(video, audio))


@torch.no_grad()
def test_tables_computed_beforehand_change_nothing():
    transformer = make_tiny()
    video, audio = make_streams()
    expected = transformer(video, audio)
    rotary = transformer.rotary(video.positions_BAT2, audio.positions_BAT2)
    assert rotary.video is not None
    assert rotary.video.cos_BTNH.shape[0] == 1, "samples with equal positions share one table"
    clean = StreamTimes(torch.zeros(2), Timesteps.uniform(torch.zeros(2), 60))
    schedule = transformer.schedule_modulation([(clean, audio.times), (video.times, audio.times)])
    check_close(transformer(video, audio, rotary=rotary, modulation=schedule[1]), expected)
    check_close(transformer(video, audio, rotary=rotary), expected, tolerance=1e-9)


@torch.no_grad()
def test_guidance_batch_equals_single_passes():
    transformer = make_tiny()
    video, audio = make_streams(batch=4)
    passes = [Skips.none(), Skips.self_attention([1], [1]), Skips.self_attention(audio=[0, 1]), Skips.isolated()]
    together = transformer(video, audio, Skips.batch(passes))
    for row, skips in enumerate(passes):
        alone = transformer(sample(video, row), sample(audio, row), skips)
        check_close(Velocities(*(velocity[row : row + 1] for velocity in together)), alone)


def test_skips_of_a_whole_batch_are_plain_flags():
    skips = Skips.batch([Skips.self_attention([1], [1]), Skips.self_attention(EVERY_BLOCK, EVERY_BLOCK)])
    first, second = skips.of_blocks(2, torch.device("cpu"))
    assert isinstance(first.video_self, Tensor)
    assert first.video_self.flatten().tolist() == [0, 1]
    assert second.video_self is True
    assert second.audio_to_video is False


@torch.no_grad()
def test_feed_forward_in_chunks_changes_nothing():
    transformer = make_tiny()
    video, audio = make_streams()
    expected = transformer(video, audio)
    transformer.set_feed_forward_chunk(7)
    check_close(transformer(video, audio), expected)


@torch.no_grad()
def test_bf16_stays_near_float32():
    transformer = make_tiny()
    video, audio = make_streams()
    expected = transformer(video, audio)
    transformer.to(torch.bfloat16)
    check_close(transformer(video, audio), expected, tolerance=0.1)
    rotary = transformer.rotary(video.positions_BAT2, audio.positions_BAT2)
    assert rotary.audio is not None
    assert rotary.audio.cos_BTNH.dtype == torch.float16
    rotary = transformer.rotary(video.positions_BAT2, audio.positions_BAT2, reference_rounding=True)
    assert rotary.audio is not None
    assert rotary.audio.cos_BTNH.dtype == torch.bfloat16
    rounded = transformer(video, audio, rotary=rotary)
    assert rounded.video.dtype == torch.bfloat16
    check_close(rounded, expected, tolerance=0.1)


def test_a_pass_without_streams_or_with_foreign_tables_is_refused():
    transformer = make_tiny()
    video, audio = make_streams()
    with pytest.raises(ModelError, match="at least one stream"):
        transformer(None, None)
    with pytest.raises(ModelError, match="lack a stream"):
        transformer(video, audio, modulation=Modulation(None, None))
    with pytest.raises(ModelError, match="lack a stream"):
        transformer(video, audio, rotary=Rotary(None, None, None, None))
    with pytest.raises(ModelError, match="all steps"):
        transformer.schedule_modulation([(video.times, None), (None, audio.times)])


# Blocks come from one place ------------------------------------------------------------------------------------------


@torch.no_grad()
def test_blocks_come_from_the_given_source_in_order():
    transformer = make_tiny()
    video, audio = make_streams()
    expected = transformer(video, audio)
    weights = [{k: v.clone() for k, v in block.state_dict().items()} for block in transformer.transformer_blocks]
    shared = transformer.transformer_blocks[0]
    log: list[str] = []

    def one_slot(blocks: nn.ModuleList) -> Generator[tuple[int, Any]]:
        for index in range(len(blocks)):
            shared.load_state_dict(weights[index])
            log.append(f"load {index}")
            yield index, shared
            log.append(f"done {index}")

    transformer.block_source = one_slot
    check_close(transformer(video, audio), expected, tolerance=1e-9)
    assert log == ["load 0", "done 0", "load 1", "done 1"]


@torch.no_grad()
def test_block_source_is_closed_when_a_block_fails():
    transformer = make_tiny()
    closed: list[bool] = []

    def source(blocks: nn.ModuleList) -> Generator[tuple[int, Any]]:
        try:
            yield from resident_blocks(blocks)
        finally:
            closed.append(True)

    transformer.block_source = source
    video, audio = make_streams()
    with pytest.raises(RuntimeError) as caught:
        transformer(video._replace(context_BND=torch.zeros(2, 11, 7)), audio)
    assert closed == [True]
    assert caught.traceback, "still held here: it was not the garbage collector that closed it"


# Training ------------------------------------------------------------------------------------------------------------


def loss_of(transformer: Transformer) -> Tensor:
    velocities = transformer(*make_streams())
    return velocities.video.float().square().mean() + velocities.audio.float().square().mean()


def gradients_of(transformer: Transformer) -> dict[str, Tensor]:
    transformer.zero_grad()
    loss_of(transformer).backward()
    return {name: p.grad.clone() for name, p in transformer.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("layout", ["2.3", "2.0"])
def test_every_parameter_gets_a_finite_gradient(layout: str):
    config = TINY
    if layout == "2.0":
        config = replace(TINY, cross_attention_adaln=False, apply_gated_attention=False, caption_projection=True)
    transformer = make_tiny(config)
    velocities = transformer(*make_streams(config))
    (velocities.video.square().mean() + velocities.audio.square().mean()).backward()
    for name, parameter in transformer.named_parameters():
        # Softmax ignores what is added to all keys alike, so a key's bias only acts through the norm after it.
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_a_gradient_agrees_with_the_slope_of_the_loss():
    transformer = make_tiny().double()
    weight = transformer.transformer_blocks[0].get_submodule("audio_to_video_attn.to_q").weight
    gradient = gradients_of(transformer)["transformer_blocks.0.audio_to_video_attn.to_q.weight"]
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    losses: list[Tensor] = []
    with torch.no_grad():
        for step in (1e-3, -1e-3):
            weight += step * direction
            losses.append(loss_of(transformer))
            weight -= step * direction
    slope = (losses[0] - losses[1]) / 2e-3
    assert torch.isclose(slope.double(), (gradient * direction).sum(), rtol=2e-3)


def test_checkpointed_blocks_give_the_same_gradients():
    transformer = make_tiny()
    expected = gradients_of(transformer)
    transformer.checkpoint_blocks = True
    actual = gradients_of(transformer)
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_autocast_trains_float32_weights():
    transformer = make_tiny()
    expected = gradients_of(transformer)
    transformer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss_of(transformer).backward()
    for name, parameter in transformer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32
        difference = (parameter.grad - expected[name]).norm() / expected[name].norm()
        assert difference < 0.25, name


# Compiler ------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_compiled_blocks_share_one_graph():
    transformer = make_tiny(replace(TINY, num_layers=3))
    video, audio = make_streams()
    expected = transformer(video, audio)
    graphs: list[int] = []

    def count_only(graph: torch.fx.GraphModule, _inputs: list[Tensor]) -> Any:
        graphs.append(len(graph.graph.nodes))
        return graph.forward

    torch.compiler.reset()
    names = list(transformer.state_dict())
    transformer.compile_blocks(backend=count_only)
    check_close(transformer(video, audio), expected)
    check_close(transformer(video, audio), expected)
    assert len(graphs) == 1
    transformer(video, audio, Skips.self_attention([1], [1]))
    assert len(graphs) == 2, "a perturbed block is a graph of its own"
    mixed = Skips.batch([Skips.none(), Skips.self_attention([1], [1])])
    check_close(transformer(video, audio, mixed), make_tiny(transformer.config)(video, audio, mixed))
    assert len(graphs) == 3, "and so is a block that only some samples skip"
    assert list(transformer.state_dict()) == names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # of the compiler's own imports, torch 2.13
@torch.no_grad()
def test_a_block_compiled_to_machine_code_gives_the_same_velocity():
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("torch.compile needs a C++ compiler on the CPU, there is none here")
    transformer = make_tiny(replace(TINY, num_layers=1))
    _, audio = make_streams()  # one stream: a quarter of the kernels to compile
    expected = transformer(None, audio).audio
    torch.compiler.reset()
    transformer.compile_blocks(dynamic=False)
    cheap = {
        "compile_threads": 1,
        "cpp_cache_precompile_headers": False,
        "cpp.simdlen": 1,
    }  # nothing shared, no probing
    with inductor_config.patch(cheap):
        assert relative_error(transformer(None, audio).audio, expected) < TOLERANCE


# A GPU ---------------------------------------------------------------------------------------------------------------


def moved(stream: StreamInput | None, dtype: torch.dtype) -> StreamInput | None:
    """On the GPU; latent and text in `dtype`, positions and noise levels as they are."""
    if stream is None:
        return None
    mask = stream.attention_mask_BTT
    return StreamInput(
        stream.latent_BTC.cuda().to(dtype),
        stream.sigma_B.cuda(),
        Timesteps(*(part.cuda() for part in stream.timesteps)),
        stream.positions_BAT2.cuda(),
        stream.context_BND.cuda().to(dtype),
        None if mask is None else mask.cuda(),
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["t2v", "i2v-strength", "reference-weights-zero", "audio-only", "one-frame"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
@torch.no_grad()
def test_golden_velocity_on_a_gpu(golden: Path, tiny_22b: Transformer, name: str, dtype: torch.dtype, tolerance: float):
    _, case = read_case(golden, f"transformer-{name}")
    transformer = tiny_22b.to("cuda", dtype)
    velocities = transformer(moved(stream_of(case, "video"), dtype), moved(stream_of(case, "audio"), dtype))
    for kind, velocity in zip(("video", "audio"), velocities, strict=True):
        if velocity is not None:
            assert relative_error(velocity.float().cpu(), case[f"{kind}.expected_velocity"]) < tolerance, kind
