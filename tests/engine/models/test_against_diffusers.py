"""The transformer and the text connectors equal diffusers' on random tiny weights (test-only dependency).

Only where both mean the same: plain text-to-video with one sigma and no mask. diffusers follows an older rule for the
cross-modal timesteps and turns a soft attention mask into an almost hard one (specification 8.3).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from tiny_transformer import make_streams, make_tiny, relative_error
from torch import Tensor

from engine.models.text import TextConditioner, TextConfig
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import Skips

TOLERANCE = 1e-5

# Official -> diffusers, applied in this order (specification 8.1).
TRANSFORMER_NAMES = [
    ("audio_patchify_proj", "audio_proj_in"),
    ("patchify_proj", "proj_in"),
    ("av_ca_video_scale_shift_adaln_single", "av_cross_attn_video_scale_shift"),
    ("av_ca_audio_scale_shift_adaln_single", "av_cross_attn_audio_scale_shift"),
    ("av_ca_a2v_gate_adaln_single", "av_cross_attn_video_a2v_gate"),
    ("av_ca_v2a_gate_adaln_single", "av_cross_attn_audio_v2a_gate"),
    ("scale_shift_table_a2v_ca_video", "video_a2v_cross_attn_scale_shift_table"),
    ("scale_shift_table_a2v_ca_audio", "audio_a2v_cross_attn_scale_shift_table"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
    ("audio_prompt_adaln_single", "audio_prompt_adaln"),
    ("prompt_adaln_single", "prompt_adaln"),
    ("audio_adaln_single", "audio_time_embed"),
    ("adaln_single", "time_embed"),
]
TEXT_NAMES = [
    ("_embeddings_connector", "_connector"),
    ("transformer_1d_blocks", "transformer_blocks"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
    ("video_aggregate_embed", "video_text_proj_in"),
    ("audio_aggregate_embed", "audio_text_proj_in"),
    ("aggregate_embed", "text_proj_in"),
]


def renamed(weights: dict[str, Tensor], names: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    result: dict[str, Tensor] = {}
    for key, tensor in weights.items():
        for official, theirs in names:
            key = key.replace(official, theirs)
        result[key] = tensor
    return result


@pytest.fixture(scope="module")
def diffusers() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optional dependencies
        return pytest.importorskip("diffusers")


def make_theirs(diffusers: Any, ours: Transformer) -> Any:
    config: TransformerConfig = ours.config
    theirs = diffusers.LTX2VideoTransformer3DModel(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        num_attention_heads=config.num_attention_heads,
        attention_head_dim=config.attention_head_dim,
        cross_attention_dim=config.width,
        audio_in_channels=config.audio_in_channels,
        audio_out_channels=config.audio_out_channels,
        audio_num_attention_heads=config.audio_num_attention_heads,
        audio_attention_head_dim=config.audio_attention_head_dim,
        audio_cross_attention_dim=config.audio_width,
        num_layers=config.num_layers,
        gated_attn=config.apply_gated_attention,
        cross_attn_mod=config.cross_attention_adaln,
        audio_gated_attn=config.apply_gated_attention,
        audio_cross_attn_mod=config.cross_attention_adaln,
        caption_channels=config.caption_channels,
        use_prompt_embeddings=config.caption_projection,
        rope_type=config.rope_type,
        perturbed_attn=True,
    )
    theirs.load_state_dict(renamed(ours.state_dict(), TRANSFORMER_NAMES))
    return theirs.eval()


LTX_2_3 = TransformerConfig(
    num_layers=3,
    num_attention_heads=4,
    attention_head_dim=24,
    audio_num_attention_heads=4,
    audio_attention_head_dim=12,
    in_channels=16,
    out_channels=16,
    audio_in_channels=16,
    audio_out_channels=16,
    caption_channels=20,
)
LTX_2_0 = TransformerConfig(
    num_layers=2,
    num_attention_heads=4,
    attention_head_dim=24,
    audio_num_attention_heads=4,
    audio_attention_head_dim=12,
    in_channels=16,
    out_channels=16,
    audio_in_channels=16,
    audio_out_channels=16,
    caption_channels=20,
    caption_projection=True,
    cross_attention_adaln=False,
    apply_gated_attention=False,
    rope_type="interleaved",
)
# As many heads as the released model: each takes another slice of the frequencies, and two channels are padded.
MANY_HEADS = TransformerConfig(
    num_layers=1,
    num_attention_heads=32,
    attention_head_dim=8,
    audio_num_attention_heads=32,
    audio_attention_head_dim=4,
    caption_channels=20,
)


@pytest.mark.parametrize("config", [LTX_2_3, LTX_2_0, MANY_HEADS], ids=["2.3", "2.0-interleaved", "32-heads"])
@pytest.mark.parametrize("perturbation", ["none", "self-attention", "isolated"])
@torch.no_grad()
def test_transformer_equals_diffusers(diffusers: Any, config: TransformerConfig, perturbation: str):
    ours = make_tiny(config)
    theirs = make_theirs(diffusers, ours)
    video, audio = make_streams(config, masked=False)
    # The very same bounds: one unit in the last place turns the fastest channels by a visible angle.
    video = video._replace(positions_BAT2=theirs.rope.prepare_video_coords(2, 3, 4, 5, "cpu", fps=24))
    audio = audio._replace(positions_BAT2=theirs.audio_rope.prepare_audio_coords(2, 9, "cpu"))
    skips = {
        "none": Skips.none(),
        "self-attention": Skips.self_attention([0], [0]),
        "isolated": Skips.isolated(),
    }[perturbation]
    expected = theirs(
        hidden_states=video.latent_BTC,
        audio_hidden_states=audio.latent_BTC,
        encoder_hidden_states=video.context_BND,
        audio_encoder_hidden_states=audio.context_BND,
        timestep=video.timesteps.per_token() * 1000,
        audio_timestep=audio.timesteps.per_token() * 1000,
        sigma=video.sigma_B * 1000,
        audio_sigma=audio.sigma_B * 1000,
        video_coords=video.positions_BAT2,
        audio_coords=audio.positions_BAT2,
        isolate_modalities=perturbation == "isolated",
        spatio_temporal_guidance_blocks=[0] if perturbation == "self-attention" else None,
        perturbation_mask=torch.zeros(2, 1, 1) if perturbation == "self-attention" else None,
        use_cross_timestep=True,
        return_dict=False,
    )
    for got, wanted in zip(ours(video, audio, skips), expected, strict=True):
        assert relative_error(got, wanted) < TOLERANCE


def random_text(config: TextConfig) -> TextConditioner:
    torch.manual_seed(5)
    conditioner = TextConditioner(config)
    with torch.no_grad():
        for name, parameter in conditioner.named_parameters():
            if name.endswith("norm.weight"):
                parameter.normal_(1.0, 0.2)
            elif parameter.ndim == 2 and "registers" not in name:
                parameter.normal_(0.0, parameter.shape[1] ** -0.5)
            else:
                parameter.normal_(0.0, 0.3)
        # The official parameter is BF16 by declaration, and diffusers rounds to it.
        for connector in (conditioner.video_embeddings_connector, conditioner.audio_embeddings_connector):
            connector.learnable_registers.copy_(connector.learnable_registers.bfloat16())
    return conditioner


@pytest.mark.parametrize("layout", ["2.3", "2.0"])
@torch.no_grad()
def test_text_conditioner_equals_diffusers(diffusers: Any, layout: str):
    from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors

    per_stream = layout == "2.3"
    config = TextConfig(
        caption_channels=16,
        hidden_states=5,
        projection_per_stream=per_stream,
        num_layers=2,
        audio_num_layers=2,
        num_attention_heads=4,
        attention_head_dim=8 if per_stream else 4,
        audio_num_attention_heads=4,
        audio_attention_head_dim=4,
        apply_gated_attention=per_stream,
        rope_type="split" if per_stream else "interleaved",
    )
    ours = random_text(config)
    theirs = LTX2TextConnectors(
        caption_channels=config.caption_channels,
        text_proj_in_factor=config.hidden_states,
        video_connector_num_attention_heads=4,
        video_connector_attention_head_dim=config.attention_head_dim,
        video_connector_num_layers=2,
        video_gated_attn=per_stream,
        audio_connector_num_attention_heads=4,
        audio_connector_attention_head_dim=4,
        audio_connector_num_layers=2,
        audio_gated_attn=per_stream,
        rope_type=config.rope_type,
        per_modality_projections=per_stream,
        video_hidden_dim=config.width,
        audio_hidden_dim=config.audio_width,
        proj_bias=per_stream,
    ).eval()
    theirs.load_state_dict(renamed(ours.state_dict(), TEXT_NAMES))
    hidden_states = torch.randn(2, 256, 16, 5, generator=torch.Generator().manual_seed(2)) + 0.3
    mask = (torch.arange(256) >= 256 - torch.tensor([[37], [200]])).long()
    video, audio, _ = theirs(hidden_states, mask)
    context = ours(hidden_states, mask)
    assert relative_error(context.video_BND, video) < TOLERANCE
    assert relative_error(context.audio_BND, audio) < TOLERANCE
