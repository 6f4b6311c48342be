"""Every network comes out of the golden file with the golden results; files that don't fit say where."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from loading_samples import (
    PREFIX,
    golden_case,
    golden_config,
    golden_tensors,
    relative_error,
    save_variant,
    transformer_tensors,
)

from engine.loading.checkpoint import Checkpoint, save_checkpoint
from engine.loading.errors import KeysDoNotMatch, ShapesDoNotMatch
from engine.loading.networks import (
    load_audio_decoder,
    load_audio_encoder,
    load_text_conditioner,
    load_upsampler,
    load_video_decoder,
    load_video_encoder,
    load_vocoder,
    official_tensors,
)
from engine.loading.transformer_loading import load_transformer
from engine.models.errors import UnknownConfigValue
from engine.models.text import TextConditioner, TextConfig
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.upsampler import upsample
from engine.models.vocoder import PlainVocoder, VocoderConfig, build_vocoder

FLOAT = torch.float32


@pytest.fixture
def checkpoint(golden: Path) -> Checkpoint:
    return Checkpoint.open(golden / "tiny-checkpoint.safetensors")


@torch.no_grad()
def test_text_conditioner(checkpoint: Checkpoint, golden: Path):
    case = golden_case(golden, "text-connector-128")
    network = load_text_conditioner(checkpoint, dtype=FLOAT)
    context = network(case["hidden_states"].float(), case["attention_mask"])
    assert relative_error(context.video_BND, case["expected_video_context"]) < 1e-4
    assert relative_error(context.audio_BND, case["expected_audio_context"]) < 1e-4


@torch.no_grad()
def test_video_encoder_and_decoder(checkpoint: Checkpoint, golden: Path):
    case = golden_case(golden, "video-vae-decode-1")
    pixels = load_video_decoder(checkpoint, dtype=FLOAT)(case["latent"])
    assert relative_error(pixels, case["expected_pixels"]) < 1e-4
    case = golden_case(golden, "video-vae-encode")
    first = case["pixels_uint8"][:, :, :1].float() / 127.5 - 1
    assert relative_error(load_video_encoder(checkpoint, dtype=FLOAT)(first), case["expected_latent_1"]) < 1e-4


@torch.no_grad()
def test_audio_decoder(checkpoint: Checkpoint, golden: Path):
    case = golden_case(golden, "audio-decode")
    expected = next(tensor for name, tensor in case.items() if name.startswith("expected"))
    assert relative_error(load_audio_decoder(checkpoint, dtype=FLOAT)(case["latent"]), expected) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("kind", ["x2", "x1.5", "temporal-x2"])
def test_upsamplers(checkpoint: Checkpoint, golden: Path, kind: str):
    case = golden_case(golden, f"upsampler-{kind}")
    network = load_upsampler(golden / f"tiny-upscaler-{kind}.safetensors", dtype=FLOAT)
    assert relative_error(network(case["latent"]), case["expected_raw"]) < 1e-4
    statistics = load_video_decoder(checkpoint, dtype=FLOAT).per_channel_statistics
    assert relative_error(upsample(network, statistics, case["latent"]), case["expected_normalised"]) < 1e-4


def test_statistics_and_vocoder_stay_in_float32(checkpoint: Checkpoint):
    for network in (load_video_encoder(checkpoint), load_video_decoder(checkpoint)):
        assert network.per_channel_statistics.mean.dtype == FLOAT
        assert network.conv_in.conv.weight.dtype == torch.bfloat16
    for network in (load_audio_encoder(checkpoint), load_audio_decoder(checkpoint)):
        assert network.per_channel_statistics.std.dtype == FLOAT
        assert network.conv_in.conv.weight.dtype == torch.bfloat16
    assert {tensor.dtype for tensor in load_vocoder(checkpoint).state_dict().values()} == {FLOAT}


def test_loaded_networks_are_ready_to_use(checkpoint: Checkpoint):
    network = load_audio_decoder(checkpoint)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(tensor.is_meta for tensor in network.state_dict().values())


def test_networks_go_back_into_a_file_under_official_names(checkpoint: Checkpoint, golden: Path, tmp_path: Path):
    tensors = official_tensors(
        transformer=load_transformer(checkpoint, dtype=FLOAT),
        text=load_text_conditioner(checkpoint, dtype=FLOAT),
        video_encoder=load_video_encoder(checkpoint, dtype=FLOAT),
        video_decoder=load_video_decoder(checkpoint, dtype=FLOAT),
        audio_encoder=load_audio_encoder(checkpoint, dtype=FLOAT),
        audio_decoder=load_audio_decoder(checkpoint, dtype=FLOAT),
        vocoder=load_vocoder(checkpoint),
    )
    expected = golden_tensors(golden)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


def test_progress_ends_at_the_bytes_of_the_network(checkpoint: Checkpoint):
    seen: list[tuple[int, int]] = []
    load_vocoder(checkpoint, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (checkpoint.size_bytes("vocoder."),) * 2


# Files that don't fit ------------------------------------------------------------------------------------------------


def test_missing_and_unknown_tensors_are_counted_and_shown(golden: Path, tmp_path: Path):
    tensors = golden_tensors(golden)
    gone = sorted(name for name in tensors if name.startswith("vae.decoder.up_blocks.0."))
    assert gone
    for name in gone:
        del tensors[name]
    tensors |= {f"vae.decoder.extra.{number:02d}": torch.zeros(1) for number in range(12)}
    with pytest.raises(KeysDoNotMatch, match="doesn't fit the video decoder") as caught:
        load_video_decoder(save_variant(tmp_path / "file.safetensors", golden, tensors))
    assert caught.value.missing == [name.removeprefix("vae.decoder.") for name in gone]
    assert len(caught.value.extra) == 12
    assert f"{len(gone)} tensors are missing" in str(caught.value)
    assert "12 tensors are unknown: extra.00" in str(caught.value)
    assert "extra.09 and 2 more" in str(caught.value)


def test_other_sizes_are_shown(golden: Path, tmp_path: Path):
    tensors = golden_tensors(golden)
    tensors["vocoder.vocoder.conv_pre.weight"] = torch.zeros(1, 2, 3)
    with pytest.raises(ShapesDoNotMatch, match=r"vocoder.conv_pre.weight is \(1, 2, 3\) instead of \(64,") as caught:
        load_vocoder(save_variant(tmp_path / "file.safetensors", golden, tensors))
    assert list(caught.value.shapes) == ["vocoder.conv_pre.weight"]


def test_unused_statistics_of_older_files_are_ignored(golden: Path, tmp_path: Path):
    tensors = golden_tensors(golden)
    for name in ("channel", "mean-of-stds", "mean-of-stds_over_std-of-means"):
        tensors[f"vae.per_channel_statistics.{name}"] = torch.zeros(4)
    load_video_encoder(save_variant(tmp_path / "file.safetensors", golden, tensors))


def test_an_unknown_configuration_is_refused_before_anything_is_read(golden: Path, tmp_path: Path):
    checkpoint = save_variant(tmp_path / "file.safetensors", golden, transformer_tensors(golden), qk_norm="layer_norm")
    with pytest.raises(UnknownConfigValue, match="qk_norm"):
        load_transformer(checkpoint)


# LTX-2.0 -------------------------------------------------------------------------------------------------------------

NOT_IN_2_0 = (
    "apply_gated_attention",
    "cross_attention_adaln",
    "caption_proj_before_connector",
    "caption_proj_input_norm",
    "caption_projection_first_linear",
    "caption_projection_second_linear",
    "connector_apply_gated_attention",
    "text_encoder_norm_type",
)


def test_the_flags_of_ltx_2_0_select_its_layout(golden: Path, tmp_path: Path):
    config = golden_config(golden)
    section = {key: value for key, value in config["transformer"].items() if key not in NOT_IN_2_0}
    section |= {
        "caption_channels": 24,
        "connector_num_attention_heads": 4,
        "connector_attention_head_dim": 6,
        "audio_connector_attention_head_dim": 6,
    }
    config["transformer"] = section
    old = Transformer(TransformerConfig.from_metadata(section))
    text = TextConditioner(TextConfig.from_metadata(section))
    assert not old.config.cross_attention_adaln
    assert old.config.caption_projection
    tensors = official_tensors(transformer=old, text=text)
    assert f"{PREFIX}caption_projection.linear_1.weight" in tensors
    assert "text_embedding_projection.aggregate_embed.weight" in tensors
    path = tmp_path / "ltx-2.0.safetensors"
    save_checkpoint(path, config, tensors, {"model_version": "2.0.0"})

    checkpoint = Checkpoint.open(path)
    loaded = load_transformer(checkpoint, dtype=FLOAT)
    assert loaded.transformer_blocks[0].scale_shift_table.shape[0] == 6
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in old.state_dict().items())
    assert load_text_conditioner(checkpoint, dtype=FLOAT).aggregate_embed.weight.shape == (24, 24 * 49)


def test_the_vocoder_of_ltx_2_0(golden: Path, tmp_path: Path):
    config = golden_config(golden)
    old = {**config["vocoder"]["vocoder"], "resblock": "1"}
    config["vocoder"] = {"vocoder": old}
    network = build_vocoder(VocoderConfig.from_metadata(config["vocoder"]))
    path = tmp_path / "file.safetensors"
    save_checkpoint(path, config, official_tensors(vocoder=network))
    loaded = load_vocoder(Checkpoint.open(path))
    assert isinstance(loaded, PlainVocoder)
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in network.state_dict().items())
