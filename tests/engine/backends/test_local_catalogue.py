"""Which models are known, found, listed and described; and what the backend says it can do with them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from local_kit import DEV, MODEL, Desk

from engine.backends.base import BadRequest, MissingWeights
from engine.backends.local.catalogue import Catalogue
from engine.loading.checkpoint import Checkpoint
from engine.loading.lora import save_lora
from engine.loading.transformer_loading import load_transformer
from engine.protocol.messages import EnhancePrompt
from engine.protocol.work import Lora, TextToVideo


def test_layers_of_a_lora_that_do_not_act_are_told(desk: Desk, models_folder: Path, tmp_path: Path) -> None:
    network = load_transformer(Checkpoint.open(models_folder / "tiny.safetensors"))
    names = ("transformer_blocks.0.attn1.to_q", "video_embeddings_connector.transformer_1d_blocks.0.attn1.to_q")
    layer: Any = network.get_submodule(names[0])
    pair = torch.zeros(2, layer.in_features), torch.zeros(layer.out_features, 2)
    for count in (1, 2):
        save_lora(tmp_path / f"{count}.safetensors", dict.fromkeys(names[:count], pair))
        asked = TextToVideo(prompt="x", width=64, height=64, frames=9, rate="24", model=MODEL)
        lora = Lora(lora=str(tmp_path / f"{count}.safetensors"))
        told = desk.backend.estimate(msgspec.structs.replace(asked, loras=(lora,))).adjusted
        assert [words for words in told if "LoRA" in words] == (
            ["the LoRA 2 has layers for reading prompts, too (1): they don't act"] if count == 2 else []
        )


@pytest.fixture
def catalogue(desk: Desk) -> Catalogue:
    return Catalogue(desk.places)


def test_a_model_is_found_by_id_alias_path_and_by_being_the_only_complete_one(
    catalogue: Catalogue, models_folder: Path
) -> None:
    assert catalogue.get(MODEL).checkpoint == models_folder / "tiny.safetensors"
    assert catalogue.get("development").description.id == DEV
    assert catalogue.get("").description.id == MODEL
    assert catalogue.get(MODEL).upsamplers == {Fraction(2): models_folder / "tiny-x2.safetensors"}
    given = catalogue.get(str(models_folder / "tiny-x2.safetensors"))
    assert (given.checkpoint, given.description.id) == (models_folder / "tiny-x2.safetensors", "file-tiny-x2")


def test_official_models_are_known_without_their_files(catalogue: Catalogue) -> None:
    models = {model.model: model for model in catalogue.listed()}
    official = models["ltx-2.3-22b-distilled-1.1"]
    assert (official.installed, official.path) == (False, "")
    assert "GB" in official.why_not
    with pytest.raises(MissingWeights, match="needs ltx-2"):
        catalogue.get("ltx-2.3-22b-distilled-1.1").require()


def test_loras_are_listed_and_found_by_id_name_and_path(catalogue: Catalogue, models_folder: Path) -> None:
    listed = {model.model for model in catalogue.listed() if model.kind == "lora"}
    assert listed == {"style", "control"}
    tiny = catalogue.get(MODEL)
    style = models_folder / "loras" / "style.safetensors"
    assert {catalogue.lora(name, tiny) for name in ("painted", "style", "style.safetensors", str(style))} == {style}
    with pytest.raises(BadRequest, match="nowhere"):
        catalogue.lora("nowhere", tiny)


def test_a_broken_description_is_reported_and_the_others_stay(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "broken.model.json").write_text('{"id": "x", "title": 3}')
    catalogue = Catalogue(replace(desk.places, models=tmp_path))
    assert "can't be read" in catalogue.problems[0]
    assert catalogue.get(MODEL).complete


def test_capabilities_follow_from_the_files(desk: Desk) -> None:
    models: dict[str, Any] = {model.model: model for model in desk.backend.capability(refresh=True).models}
    tiny, dev, official = models[MODEL], models[DEV], models["ltx-2.3-22b-dev"]
    assert (tiny.qualities, tiny.negative) == (("fast",), False)
    assert (dev.qualities, dev.negative) == (("fast", "quality"), True)
    assert all(mode.available for mode in tiny.modes)
    assert not official.available
    assert all(mode.why_not == official.why_not for mode in official.modes)
    assert (tiny.default_width, tiny.default_height, tiny.max_variations) == (96, 64, 8)
    assert {"h264", "ffv1"} <= set(tiny.codecs)
    assert desk.backend.device().kind == "cpu"
    assert desk.backend.device().memory_bytes > 0


def test_estimates_load_nothing(desk: Desk) -> None:
    desk.backend.free_memory()
    work = TextToVideo(prompt="x", width=128, height=96, frames=40, rate="24", model=MODEL, variations=2)
    estimate = desk.backend.estimate(work)
    assert desk.backend.resident_model == ""
    assert [phase.name for phase in estimate.phases].count("stage 1") == 2
    assert estimate.phases[0].name == "loading"
    assert all(phase.work > 0 for phase in estimate.phases)


def test_prompts_are_written_out_on_request_and_can_be_cancelled(desk: Desk) -> None:
    asked = EnhancePrompt(prompt="a red ball", model=MODEL, seed=1)
    assert desk.backend.enhance(asked, lambda: None)
    with pytest.raises(BadRequest, match="few words"):
        desk.backend.enhance(EnhancePrompt(prompt=" ", model=MODEL), lambda: None)

    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    with pytest.raises(Enough):
        desk.backend.enhance(asked, stop)
