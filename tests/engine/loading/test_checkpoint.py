"""Opening model files: what they are, which names they use, and which text encoder they want."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from loading_samples import golden_config, golden_tensors, zeros_file

from engine.loading.checkpoint import Checkpoint, Family, check_gemma, parse_metadata, parse_version, save_checkpoint
from engine.loading.errors import (
    MissingPart,
    NoConfig,
    NotSafetensors,
    Truncated,
    WrongModelFamily,
)
from engine.loading.networks import load_upsampler, load_video_decoder
from engine.loading.safetensors_file import read_tensors, write_safetensors
from engine.models.errors import GemmaDoesNotFit


def test_the_golden_checkpoint_opens_without_reading_tensors(golden: Path):
    checkpoint = Checkpoint.open(golden / "tiny-checkpoint.safetensors")
    assert checkpoint.model_version == (2, 3, 0)
    assert set(checkpoint.config) == {"transformer", "vae", "audio_vae", "vocoder", "scheduler"}
    assert len(checkpoint.tensors) == 1683
    assert checkpoint.size_bytes("vae.") == sum(
        4 * tensor.numel() for name, tensor in golden_tensors(golden).items() if name.startswith("vae.")
    )
    assert checkpoint.has("vocoder.bwe_generator.")
    assert not checkpoint.has("gemma.")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.3.0", (2, 3, 0)),
        ("2.3.rc1", (2, 3)),
        ("2.3-rc1", (2, 3)),
        ("2.5", (2, 5)),
        (2.3, (2, 3)),  # JSON reads "2.3" as a number
        (None, ()),
        ("", ()),
        ("v2", ()),
    ],
)
def test_versions(text: Any, version: tuple[int, ...]):
    assert parse_version(text) == version


def test_metadata_values_are_json_where_they_can_be():
    parsed = parse_metadata({"config": '{"a": 1}', "license": "LTX {", "number": "2", "deep": "[" * 100_000})
    assert parsed == {"config": {"a": 1}, "license": "LTX {", "number": 2, "deep": "[" * 100_000}


# What a file is ------------------------------------------------------------------------------------------------------

KINDS: list[tuple[Family, list[str]]] = [
    (Family.LORA, ["diffusion_model.transformer_blocks.0.attn1.to_q.lora_A.weight", "audio_patchify_proj.weight"]),
    (Family.LORA, ["lora_unet_blocks_0_self_attn_q.lora_down.weight"]),
    (Family.LORA, ["transformer_blocks.0.attn1.to_q.lokr_w1"]),
    (Family.UPSCALER, ["initial_conv.weight", "final_conv.weight"]),
    (Family.LTX25, ["model.diffusion_model.keyframes_abs_pos_embedding", "model.diffusion_model.patchify_proj.weight"]),
    (Family.LTX2_DIFFUSERS, ["audio_proj_in.weight", "proj_in.weight"]),
    (Family.LTX_VIDEO, ["model.diffusion_model.patchify_proj.weight", "vae.decoder.conv_in.conv.weight"]),
    (Family.WAN, ["blocks.0.self_attn.q.weight", "patch_embedding.weight"]),
    (Family.WAN, ["model.diffusion_model.blocks.0.cross_attn.q.weight"]),
    (Family.HUNYUAN, ["txt_in.individual_token_refiner.blocks.0.norm1.weight", "double_blocks.0.img_attn.qkv.weight"]),
    (Family.FLUX, ["double_blocks.0.img_attn.qkv.weight", "img_in.weight"]),
    (Family.SD3, ["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"]),
    (Family.SDXL, ["conditioner.embedders.0.x", "model.diffusion_model.input_blocks.0.0.weight"]),
    (Family.SD, ["cond_stage_model.x", "model.diffusion_model.input_blocks.0.0.weight"]),
    (Family.GEMMA, ["language_model.model.layers.0.self_attn.q_proj.weight"]),
    (Family.UNKNOWN, ["something.else"]),
]


@pytest.mark.parametrize(("kind", "names"), KINDS)
def test_another_models_file_is_named_in_the_error(tmp_path: Path, kind: Family, names: list[str]):
    path = zeros_file(tmp_path / "file.safetensors", dict.fromkeys(names, (2, 2)))
    with pytest.raises(WrongModelFamily, match="LTX-2 model is needed") as caught:
        Checkpoint.open(path)
    assert caught.value.found == kind.value
    assert kind.value in str(caught.value)


@pytest.mark.parametrize(
    "metadata",
    [
        {"config": json.dumps({"vae": {"_class_name": "CausalDiffusionVAE"}})},
        {"gemma_source_checkpoint": json.dumps({"gemma_version": "gemma4-12b"})},
        {"gemma_source_checkpoint": json.dumps({"gemma_version": 4})},
    ],
)
def test_ltx_2_5_is_known_by_its_metadata(tmp_path: Path, metadata: dict[str, str]):
    names = dict.fromkeys(["model.diffusion_model.audio_patchify_proj.weight"], (2, 2))
    with pytest.raises(WrongModelFamily, match=r"LTX-2\.5"):
        Checkpoint.open(zeros_file(tmp_path / "file.safetensors", names, **metadata))


def test_upscaler_and_checkpoint_are_not_taken_for_each_other(golden: Path):
    with pytest.raises(WrongModelFamily, match="holds a latent upscaler"):
        Checkpoint.open(golden / "tiny-upscaler-x1.5.safetensors")
    with pytest.raises(WrongModelFamily, match="holds an LTX-2 model; a latent upscaler"):
        load_upsampler(golden / "tiny-checkpoint.safetensors")
    with pytest.raises(WrongModelFamily, match="holds a LoRA"):
        Checkpoint.open(golden / "tiny-lora.safetensors")


def test_a_missing_file_is_the_systems_own_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        Checkpoint.open(tmp_path / "none.safetensors")
    (tmp_path / "text").write_text("not a model")
    with pytest.raises(NotSafetensors):
        Checkpoint.open(tmp_path / "text")


# Other people's cuts of the file -------------------------------------------------------------------------------------


def cut(golden: Path, path: Path, prefix: str, new_prefix: str, *, config: bool = True) -> Path:
    """The golden tensors under a prefix, renamed, in a file of their own."""
    tensors = {
        new_prefix + name.removeprefix(prefix): tensor
        for name, tensor in golden_tensors(golden).items()
        if name.startswith(prefix)
    }
    write_safetensors(path, tensors, {"config": json.dumps(golden_config(golden))} if config else None)
    return path


@pytest.mark.parametrize(
    ("prefix", "written"),
    [
        ("model.diffusion_model.", "model.diffusion_model."),
        ("model.diffusion_model.", "diffusion_model."),
        ("model.diffusion_model.", ""),
        ("vae.", "vae."),
        ("vae.", ""),
        ("audio_vae.", ""),
        ("audio_vae.", "audio_vae."),
        ("vocoder.", "vocoder."),
    ],
)
def test_cut_up_files_get_the_official_names(golden: Path, tmp_path: Path, prefix: str, written: str):
    checkpoint = Checkpoint.open(cut(golden, tmp_path / "part.safetensors", prefix, written))
    assert set(checkpoint.tensors) == {name for name in golden_tensors(golden) if name.startswith(prefix)}


def test_parts_open_together_and_the_configuration_may_be_in_one_of_them(golden: Path, tmp_path: Path):
    whole = Checkpoint.open(golden / "tiny-checkpoint.safetensors")
    transformer = cut(golden, tmp_path / "t.safetensors", "model.diffusion_model.", "")
    video = cut(golden, tmp_path / "v.safetensors", "vae.", "", config=False)
    alone = Checkpoint.open(video)
    with pytest.raises(NoConfig, match="'vae'"):
        load_video_decoder(alone)
    together = Checkpoint.open(video, transformer)
    expected = load_video_decoder(whole, dtype=torch.float32).state_dict()
    actual = load_video_decoder(together, dtype=torch.float32).state_dict()
    assert all(torch.equal(actual[name], tensor) for name, tensor in expected.items())


def test_a_part_that_is_not_there_is_named(golden: Path, tmp_path: Path):
    checkpoint = Checkpoint.open(cut(golden, tmp_path / "t.safetensors", "model.diffusion_model.", ""))
    with pytest.raises(MissingPart, match="holds no video decoder"):
        load_video_decoder(checkpoint)


# Saving --------------------------------------------------------------------------------------------------------------


def test_a_saved_checkpoint_opens_as_the_same(golden: Path, tmp_path: Path):
    tensors = golden_tensors(golden)
    config = golden_config(golden)
    path = tmp_path / "saved.safetensors"
    save_checkpoint(path, config, tensors, {"model_version": "2.3.0", "recipe": {"steps": 3}})
    checkpoint = Checkpoint.open(path)
    assert checkpoint.config == config
    assert checkpoint.model_version == (2, 3, 0)
    assert checkpoint.metadata["recipe"] == {"steps": 3}
    read = read_tensors(checkpoint.tensors)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


# Gemma ---------------------------------------------------------------------------------------------------------------


def gemma_folder(folder: Path, *, width: int = 8, layers: int = 48, kind: str = "gemma3") -> Path:
    """A folder with the files of a Gemma that fits the golden checkpoint (width 8, 49 hidden states)."""
    folder.mkdir()
    text = {"hidden_size": width, "num_hidden_layers": layers}
    config = {"model_type": kind, "text_config": text} if kind == "gemma3" else {"model_type": kind, **text}
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", {"a": torch.zeros(100)})
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize("kind", ["gemma3", "gemma3_text"])
def test_the_right_gemma_passes(golden: Path, tmp_path: Path, kind: str):
    checkpoint = Checkpoint.open(golden / "tiny-checkpoint.safetensors")
    check_gemma(gemma_folder(tmp_path / "gemma", kind=kind), checkpoint)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "gemma2"}, "'gemma2', not Gemma 3"),
        ({"width": 16}, "48 layers of width 16; tiny-checkpoint.safetensors was made for 48 layers of width 8"),
        ({"layers": 34}, "34 layers of width 8; tiny-checkpoint.safetensors was made for 48 layers of width 8"),
    ],
)
def test_another_gemma_is_refused_with_the_numbers(golden: Path, tmp_path: Path, changes: dict[str, Any], said: str):
    checkpoint = Checkpoint.open(golden / "tiny-checkpoint.safetensors")
    with pytest.raises(GemmaDoesNotFit, match=said):
        check_gemma(gemma_folder(tmp_path / "gemma", **changes), checkpoint)


def test_an_incomplete_gemma_is_refused(golden: Path, tmp_path: Path):
    checkpoint = Checkpoint.open(golden / "tiny-checkpoint.safetensors")

    def refused(folder: Path, error: type[ValueError], said: str) -> None:
        with pytest.raises(error, match=said):
            check_gemma(folder, checkpoint)

    refused(tmp_path / "nowhere", GemmaDoesNotFit, "no config.json")
    folder = gemma_folder(tmp_path / "gemma")
    (folder / "tokenizer.json").unlink()
    refused(folder, GemmaDoesNotFit, "tokenizer")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(300)
    refused(folder, Truncated, "missing")
    (folder / "model.safetensors").unlink()
    refused(folder, GemmaDoesNotFit, "1 of 1 weight files")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
    write_safetensors(folder / "model-1.safetensors", {"a": torch.zeros(1)})
    refused(folder, GemmaDoesNotFit, "1 of 2 weight files are missing: model-2")
    index.write_text("{}")
    refused(folder, GemmaDoesNotFit, "damaged")
    (folder / "config.json").write_text("{")
    refused(folder, GemmaDoesNotFit, "no valid JSON")


def test_a_checkpoint_for_another_gemma_says_so(golden: Path, tmp_path: Path):
    path = tmp_path / "three.safetensors"
    save_checkpoint(
        path, golden_config(golden), golden_tensors(golden), {"gemma_source_checkpoint": {"gemma_version": 3}}
    )
    check_gemma(gemma_folder(tmp_path / "gemma"), Checkpoint.open(path))
