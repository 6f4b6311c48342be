"""The text encoder: a tiny random Gemma 3 in both folder layouts, made here."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.loading.gemma_streaming import StreamedGemma, language_tensors, streamed_bytes
from engine.models.errors import GemmaDoesNotFit, ModelError
from engine.models.gemma import MAX_TOKENS, Gemma, tidy
from engine.models.text import TextConditioner, TextConfig

WORDS = [
    *("a", "red", "ball", "rolls", "slowly", "to", "the", "left", "and", "bounces"),
    *("with", "soft", "thud", "user", "model", "write", "scene"),
]
SPECIAL = [
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<start_of_image>",
    "<end_of_image>",
    "<image_soft_token>",
]
WIDTH, LAYERS = 16, 3


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model type -> a folder as Hugging Face lays it out."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=SPECIAL[4:],
    )
    text = {
        "vocab_size": len(vocabulary),
        "hidden_size": WIDTH,
        "intermediate_size": 32,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "sliding_window": 4,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "bos_token_id": 2,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    vision = {
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 7,
    }
    torch.manual_seed(0)
    models_of_layout = {
        "gemma3_text": transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(**text)),
        "gemma3": transformers.Gemma3ForConditionalGeneration(
            transformers.Gemma3Config(
                text_config=text,
                vision_config=vision,
                mm_tokens_per_image=4,
                boi_token_index=6,
                eoi_token_index=7,
                image_token_index=8,
            )
        ),
    }
    result: dict[str, Path] = {}
    for layout, model in models_of_layout.items():
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0.0, 0.2)
        result[layout] = tmp_path_factory.mktemp(layout)
        model.save_pretrained(result[layout])
        tokenizer.save_pretrained(result[layout])
    return result


@pytest.fixture(params=["gemma3", "gemma3_text"])
def gemma(folders: dict[str, Path], request: pytest.FixtureRequest) -> Gemma:
    return Gemma.load(folders[request.param], dtype=torch.float32)


def test_hidden_states_of_all_layers_come_back_for_real_tokens(gemma: Gemma):
    short, long = gemma.encode(["  a red ball\n", "the ball bounces slowly to the left"])
    assert short.shape == (4, WIDTH, LAYERS + 1)
    assert long.shape == (8, WIDTH, LAYERS + 1)
    assert (gemma.width, gemma.hidden_states) == (WIDTH, LAYERS + 1)
    assert not short.requires_grad


def test_first_state_is_the_scaled_embedding_and_last_is_normed(gemma: Gemma):
    (states,) = gemma.encode(["a red ball"])
    decoder = getattr(gemma.model.model, "language_model", gemma.model.model)
    embedding = decoder.embed_tokens.weight[gemma.tokens("a red ball")]
    assert torch.allclose(states[..., 0], embedding * WIDTH**0.5, atol=1e-6)
    weight = 1 + decoder.norm.weight
    assert torch.allclose((states[..., -1] / weight).square().mean(-1), torch.ones(4), atol=1e-3)


def test_padding_would_change_nothing(gemma: Gemma):
    prompt = "a red ball rolls slowly to the left"
    (states,) = gemma.encode([prompt])
    ids = gemma.tokens(prompt)
    padded = torch.tensor([[0] * 7 + ids])
    mask = torch.tensor([[0] * 7 + [1] * len(ids)])
    decoder = getattr(gemma.model.model, "language_model", gemma.model.model)
    with torch.no_grad():
        out = decoder(input_ids=padded, attention_mask=mask, output_hidden_states=True, use_cache=False)
    expected = torch.stack(out.hidden_states, dim=-1)[0, 7:]
    assert (states - expected).abs().max() < 1e-4 * expected.std()


def test_tokens_begin_with_bos_have_no_end_and_are_cut(gemma: Gemma):
    assert gemma.tokens(" a red\t") == [2, 9, 10]
    assert gemma.tokens("") == [2]
    assert len(gemma.tokens("ball " * 2000)) == MAX_TOKENS


def test_hidden_states_feed_the_text_conditioner(gemma: Gemma):
    config = TextConfig(
        caption_channels=WIDTH,
        hidden_states=LAYERS + 1,
        num_layers=1,
        audio_num_layers=1,
        num_attention_heads=2,
        attention_head_dim=8,
        audio_num_attention_heads=2,
        audio_attention_head_dim=4,
        registers=4,
    )
    context = TextConditioner(config).of_prompts(gemma.encode(["a red ball", "the left"]), sequence_length=16)
    assert context.video_BND.shape == (2, 16, 16)
    assert context.audio_BND.isfinite().all()


def test_enhance_is_repeatable_and_leaves_other_random_numbers_alone(gemma: Gemma):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first = gemma.enhance("a ball", "write a scene", seed=1, max_new_tokens=12)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert gemma.enhance("a ball", "write a scene", seed=1, max_new_tokens=12) == first
    others = {gemma.enhance("a ball", "write a scene", seed=seed, max_new_tokens=12) for seed in range(2, 6)}
    assert others != {first}


def test_enhance_tells_every_token_and_can_be_stopped(gemma: Gemma):
    seen: list[int] = []

    class StoppedError(Exception):
        pass

    def stop_at_three(count: int) -> None:
        seen.append(count)
        if count == 3:
            raise StoppedError

    gemma.model.generation_config.eos_token_id = None  # a random model may end its text earlier
    with pytest.raises(StoppedError):
        gemma.enhance("a ball", "write", 1, max_new_tokens=12, on_token=stop_at_three)
    assert seen == [1, 2, 3]


def image_of(colour: tuple[int, int, int]) -> Tensor:
    return torch.tensor(colour, dtype=torch.uint8).expand(20, 30, 3)


def test_enhance_sees_the_image(folders: dict[str, Path]):
    gemma = Gemma.load(folders["gemma3"], dtype=torch.float32)
    inputs = gemma._chat("write", "a ball", image_of((255, 0, 0)))
    assert inputs["pixel_values"].shape == (1, 3, 28, 28)
    assert inputs["pixel_values"][0, :, 5, 5].tolist() == [1.0, -1.0, -1.0]
    assert int(inputs["token_type_ids"].sum()) == 4
    logits = {}
    with torch.no_grad():
        for colour in ((255, 0, 0), (0, 0, 255)):
            logits[colour] = gemma.model(**gemma._chat("write", "a ball", image_of(colour))).logits[0, -1]
    assert not torch.allclose(logits[255, 0, 0], logits[0, 0, 255])
    text = gemma.enhance("a ball", "write", seed=1, max_new_tokens=8, image=image_of((255, 0, 0)))
    assert text == gemma.enhance("a ball", "write", seed=1, max_new_tokens=8, image=image_of((255, 0, 0)))


def test_a_text_only_gemma_refuses_an_image(folders: dict[str, Path]):
    gemma = Gemma.load(folders["gemma3_text"], dtype=torch.float32)
    with pytest.raises(ModelError, match="no vision tower"):
        gemma.enhance("a ball", "write", seed=1, image=image_of((255, 0, 0)))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("“A ball’s path” — it rolls…", "A ball's path\" - it rolls..."),
        ("**1.  A red\u00a0ball ", "A red ball"),
        ("Ein Ball", "Ein Ball"),
        ("... 12", ""),
    ],
)
def test_tidy_leaves_plain_text(raw: str, clean: str):
    assert tidy(raw) == clean


# Folders that don't fit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "states"), [(WIDTH, 49), (3840, LAYERS + 1)])
def test_a_gemma_of_another_size_is_refused_with_both_sizes(folders: dict[str, Path], width: int, states: int):
    expected = TextConfig(caption_channels=width, hidden_states=states)
    with pytest.raises(GemmaDoesNotFit, match=f"3 layers, 16 wide.*{states - 1} layers, {width} wide"):
        Gemma.load(folders["gemma3"], expected=expected)


def copy_of(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "gemma"))


def test_another_model_is_refused_by_name(folders: dict[str, Path], tmp_path: Path):
    folder = copy_of(folders["gemma3"], tmp_path)
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
    with pytest.raises(GemmaDoesNotFit, match="'llama'"):
        Gemma.load(folder)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("config.json", "no config.json"), ("model.safetensors", "weights"), ("tokenizer.json", "tokenizer")],
)
def test_an_incomplete_folder_is_refused(folders: dict[str, Path], tmp_path: Path, missing: str, reason: str):
    folder = copy_of(folders["gemma3"], tmp_path)
    (folder / missing).unlink()
    with pytest.raises(GemmaDoesNotFit, match=reason):
        Gemma.load(folder)


def test_missing_tensors_are_refused_by_name(folders: dict[str, Path], tmp_path: Path):
    from safetensors.torch import load_file, save_file

    folder = copy_of(folders["gemma3_text"], tmp_path)
    weights = load_file(folder / "model.safetensors")
    key = next(key for key in weights if "layers.1.mlp.up_proj" in key)
    del weights[key]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(GemmaDoesNotFit, match=r"lacks 1 tensors.*layers\.1\.mlp\.up_proj"):
        Gemma.load(folder, dtype=torch.float32)


# Read from disk bit by bit -------------------------------------------------------------------------------------------

PROMPTS = ["  a red ball\n", "the ball bounces slowly to the left", "soft"]


@pytest.mark.parametrize("layout", ["gemma3", "gemma3_text"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_streamed_gemma_reads_the_same_states(folders: dict[str, Path], layout: str, dtype: torch.dtype):
    expected = Gemma.load(folders[layout], dtype=dtype).encode(PROMPTS)
    streamed = StreamedGemma.open(folders[layout], dtype=dtype)
    try:
        for _ in range(2):
            assert all(map(torch.equal, streamed.encode(PROMPTS), expected))
        assert (streamed.width, streamed.hidden_states) == (WIDTH, LAYERS + 1)
        held = sum(p.nbytes for p in streamed.model.parameters() if not p.is_meta) + streamed.streamer.device_bytes
        assert held == pytest.approx(streamed_bytes(folders[layout], dtype), rel=0.06)  # tensors lie aligned
        with pytest.raises(ModelError, match="can't write prompts"):
            streamed.enhance("a ball", "write")
    finally:
        streamed.close()


@pytest.mark.parametrize("prefix", ["", "model.", "language_model.model.", "model.language_model."])
def test_the_language_model_is_found_under_any_prefix(folders: dict[str, Path], tmp_path: Path, prefix: str):
    folder = copy_of(folders["gemma3_text"], tmp_path)
    tensors = load_file(folder / "model.safetensors")
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    named = {f"{prefix}{name}": tensor for name, tensor in named.items() if name != "lm_head.weight"}
    towers = {f"vision_tower.encoder.{name}": torch.zeros(1) for name in ("layers.0.mlp.fc1.weight", "norm.weight")}
    save_file(named | towers, folder / "model.safetensors")
    streamed = StreamedGemma.open(folder, dtype=torch.float32)
    (states,) = streamed.encode(PROMPTS[:1])
    streamed.close()
    (expected,) = Gemma.load(folders["gemma3_text"], dtype=torch.float32).encode(PROMPTS[:1])
    assert torch.equal(states, expected)


def test_a_streamed_gemma_without_a_layer_is_refused_by_name(folders: dict[str, Path], tmp_path: Path):
    folder = copy_of(folders["gemma3_text"], tmp_path)
    tensors = load_file(folder / "model.safetensors")
    save_file({name: t for name, t in tensors.items() if "layers.1." not in name}, folder / "model.safetensors")
    with pytest.raises(GemmaDoesNotFit, match=r"lacks \d+ tensors, such as layers.1.input_layernorm.weight"):
        StreamedGemma.open(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs sparse files, or 24 GB")
def test_gemma_3_12b_takes_three_gigabytes_of_a_device(tmp_path: Path):
    """The published sizes and names (google/gemma-3-12b-it), in a file without data."""
    import transformers

    config = transformers.Gemma3TextConfig(
        hidden_size=3840,
        intermediate_size=15360,
        num_hidden_layers=48,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=256,
        vocab_size=262_208,
    )
    with torch.device("meta"):
        shapes = {name: list(t.shape) for name, t in transformers.Gemma3TextModel(config).state_dict().items()}
    entries: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        entries[f"language_model.model.{name}"] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    header = json.dumps(entries).encode()
    with (tmp_path / "model-00001-of-00001.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)
    assert language_tensors(tmp_path).keys() == shapes.keys()
    assert end / 1e9 == pytest.approx(23.5, abs=0.1)
    assert streamed_bytes(tmp_path, torch.bfloat16) / 1e9 == pytest.approx(2.9, abs=0.05)
