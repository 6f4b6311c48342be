"""Gemma 3, the text encoder: prompts to hidden states, and rough prompts to detailed ones.

The network is transformers'. Here: which layouts of it are accepted, what goes in (only real tokens, no padding), what
comes out (all layers), and the chat that enhances a prompt. What the hidden states become is in `text.py`; the system
prompts belong to the pipelines. Source: specification "transformer-and-pipelines" 3.1 and 3.4.
"""

# Shapes: n real tokens of a prompt, D width of Gemma, L hidden states (layers + 1)

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.errors import GemmaDoesNotFit, ModelError
from engine.models.text import TextConfig

MAX_TOKENS: Final = 1024  # longer prompts are cut, as in training
TEMPERATURE: Final = 0.7

# model_type in config.json -> class of transformers. The second is a folder with the language model alone.
LAYOUTS: Final = {"gemma3": "Gemma3ForConditionalGeneration", "gemma3_text": "Gemma3ForCausalLM"}

# Typographic characters that a chat model likes to write -> what the text encoder saw in captions.
ASCII: Final = str.maketrans(
    {
        "\u2018": "'",  # quotes
        "\u2019": "'",
        "\u201a": "'",
        "\u201b": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2032": "'",  # primes
        "\u2033": '"',
        "\u2010": "-",  # hyphens and dashes
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2015": "-",
        "\u2212": "-",
        "\u2026": "...",
        "\u00a0": " ",  # spaces that do not break
        "\u202f": " ",
        "\u2007": " ",
    }
)


def tidy(text: str) -> str:
    """Typographic characters to ASCII, no leading characters before the first letter, no white space around."""
    text = text.translate(ASCII)
    first_letter = next((index for index, character in enumerate(text) if character.isalpha()), len(text))
    return text[first_letter:].strip()


class Gemma:
    """One loaded text encoder.

    `model` and `tokenizer` are transformers' objects. `width` (D) and `hidden_states` (L) say what `encode` gives.
    """

    def __init__(self, model: Any, tokenizer: Any, folder: Path) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.folder = folder
        text_config: Any = model.config.get_text_config()
        self.width: int = text_config.hidden_size
        self.hidden_states: int = text_config.num_hidden_layers + 1

    @classmethod
    def load(
        cls,
        folder: Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        *,
        expected: TextConfig | None = None,
    ) -> Self:
        """Reads a Hugging Face folder, with or without the vision tower. Nothing is fetched.

        `expected`: the text configuration of the checkpoint that it shall serve; checked before any weight is read.
        Raises GemmaDoesNotFit when the folder holds another model, lacks weights or a tokenizer, or has other sizes.
        """
        import transformers  # takes seconds: only who loads a text encoder waits for it

        config = _read_config(folder)
        _check_sizes(folder, config, expected)
        with _quiet(transformers):
            tokenizer = _read_tokenizer(transformers, folder)
            try:
                model, info = getattr(transformers, LAYOUTS[config["model_type"]]).from_pretrained(
                    folder, dtype=dtype, local_files_only=True, output_loading_info=True
                )
            except OSError as exc:
                raise GemmaDoesNotFit(folder, "its weights are missing or can't be read") from exc
        missing = sorted(cast("Iterable[str]", info["missing_keys"]))
        if missing:
            raise GemmaDoesNotFit(folder, f"it lacks {len(missing)} tensors, such as {', '.join(missing[:3])}")
        return cls(model.to(device).requires_grad_(False).eval(), tokenizer, folder)

    @classmethod
    def on_meta(cls, folder: Path, dtype: torch.dtype = torch.bfloat16, *, expected: TextConfig | None = None) -> Self:
        """The language model without its weights, for who brings them bit by bit: it reads prompts and can't write.

        What transformers computes instead of reading it (rotations, the embedding's factor) is there, on the CPU.
        Raises as `load` does.
        """
        import transformers

        config = _read_config(folder)
        _check_sizes(folder, config, expected)
        with _quiet(transformers):
            tokenizer = _read_tokenizer(transformers, folder)
            text_config: Any = cast("Any", transformers.AutoConfig).from_pretrained(folder).get_text_config()
            with torch.device("meta"):
                model: Any = cast("Any", transformers).Gemma3TextModel(text_config).to(dtype)
            model.rotary_emb = type(model.rotary_emb)(text_config)
        factor = torch.tensor(model.embed_tokens.scalar_embed_scale)
        model.embed_tokens.register_buffer("embed_scale", factor, persistent=False)
        return cls(model.requires_grad_(False).eval(), tokenizer, folder)

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def decoder(self) -> Any:
        """The network that makes hidden states: without a vision tower, without an output layer."""
        inner = getattr(self.model, "model", self.model)
        return getattr(inner, "language_model", inner)

    def tokens(self, prompt: str) -> list[int]:
        """Ids of a prompt: white space around it removed, beginning-of-sequence first, no end, at most MAX_TOKENS."""
        ids = cast("list[int]", self.tokenizer(prompt.strip(), add_special_tokens=False)["input_ids"])
        return [self._id_of("bos_token"), *ids][:MAX_TOKENS]

    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        """Hidden states (n, D, L) of every prompt's real tokens: scaled embeddings first, the normed output last.

        Each prompt passes alone: padding would cost time and change nothing, since positions are relative and pads
        are masked.
        """
        decoder = self.decoder
        results: list[Tensor] = []
        for prompt in prompts:
            ids = torch.tensor([self.tokens(prompt)], device=self.device)
            with torch.no_grad():
                out: Any = decoder(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    output_hidden_states=True,
                    use_cache=False,
                )
            results.append(torch.stack(out.hidden_states, dim=-1)[0])
        return results

    def enhance(
        self,
        prompt: str,
        system: str,
        seed: int,
        max_new_tokens: int = 512,
        image: Tensor | None = None,
        *,
        on_token: Callable[[int], None] | None = None,
    ) -> str:
        """A detailed prompt made of a short one by the same network as a chat model, seeded and repeatable.

        `system` tells it what to write. `image`: the first frame, uint8 RGB (H, W, 3), shown before the prompt; needs a
        folder with the vision tower, else ModelError. `on_token` is called with the number of new tokens so far and
        may raise to stop. Random generators outside stay as they were.
        """
        inputs = self._chat(system.strip(), prompt.strip(), image)
        start = inputs["input_ids"].shape[1]

        def after_token(input_ids: Tensor, _scores: object, **_: object) -> Tensor:
            if on_token is not None:
                on_token(input_ids.shape[1] - start)
            return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)

        with torch.no_grad(), _forked_random(self.device):
            cast("Any", torch).manual_seed(seed)
            out: Tensor = self.model.generate(
                **inputs,
                do_sample=True,
                temperature=TEMPERATURE,
                max_new_tokens=max_new_tokens,
                pad_token_id=self._id_of("pad_token", "eos_token"),
                stopping_criteria=[after_token],
            )
        return tidy(self.tokenizer.decode(out[0, start:], skip_special_tokens=True))

    def _chat(self, system: str, prompt: str, image: Tensor | None) -> dict[str, Tensor]:
        """One user turn in the tokenizer's own chat format; without one in Gemma's, where the system text begins it."""
        config: Any = self.model.config
        picture = ""
        if image is not None:
            if getattr(config, "vision_config", None) is None:
                raise ModelError(f"the text encoder in {self.folder} can't see: it has no vision tower")
            begin, one, end = self.tokenizer.convert_ids_to_tokens(
                [config.boi_token_index, config.image_token_index, config.eoi_token_index]
            )
            picture = f"\n\n{begin}{one * config.mm_tokens_per_image}{end}\n\n"
        if picture or not getattr(self.tokenizer, "chat_template", None):
            bos = self.tokenizer.convert_ids_to_tokens(self._id_of("bos_token"))
            text = f"{bos}<start_of_turn>user\n{system}\n\n{picture}{prompt}<end_of_turn>\n<start_of_turn>model\n"
        else:
            messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = torch.tensor([self.tokenizer(text, add_special_tokens=False)["input_ids"]], device=self.device)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if image is not None:
            inputs["token_type_ids"] = (ids == config.image_token_index).long()
            inputs["pixel_values"] = _pixels(image, config.vision_config.image_size).to(self.device, self.model.dtype)
        return inputs

    def _id_of(self, *names: str) -> int:
        """The id of the first of these special tokens that the tokenizer has."""
        ids = [cast("int | None", getattr(self.tokenizer, f"{name}_id", None)) for name in names]
        found = next((token for token in ids if token is not None), None)
        if found is None:
            raise GemmaDoesNotFit(self.folder, f"its tokenizer has no {' or '.join(names)}")
        return found


def _read_config(folder: Path) -> Mapping[str, Any]:
    try:
        config = cast("Mapping[str, Any]", json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except FileNotFoundError as exc:
        raise GemmaDoesNotFit(folder, "there is no config.json") from exc
    except ValueError as exc:
        raise GemmaDoesNotFit(folder, "config.json is not JSON") from exc
    if config.get("model_type") not in LAYOUTS:
        raise GemmaDoesNotFit(folder, f"it is {config.get('model_type')!r}, not one of {', '.join(LAYOUTS)}")
    return config


def _read_tokenizer(transformers: Any, folder: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as exc:
        raise GemmaDoesNotFit(folder, "it has no tokenizer that can be read") from exc


def _check_sizes(folder: Path, config: Mapping[str, Any], expected: TextConfig | None) -> None:
    if expected is None:
        return
    text_config = cast("Mapping[str, Any]", config.get("text_config", config))
    width, layers = text_config.get("hidden_size"), text_config.get("num_hidden_layers")
    if width != expected.caption_channels or layers != expected.hidden_states - 1:
        raise GemmaDoesNotFit(
            folder,
            f"{layers} layers, {width} wide, where the checkpoint was trained with "
            f"{expected.hidden_states - 1} layers, {expected.caption_channels} wide (LTX-2 takes Gemma 3 12B)",
        )


def _pixels(image_HWC: Tensor, size: int) -> Tensor:
    """(1, 3, size, size) in -1..1. The vision tower takes squares; the aspect is not kept, as in Gemma's own input."""
    image = image_HWC.permute(2, 0, 1).unsqueeze(0).float()
    square = F.interpolate(image, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return square.round().clamp(0, 255) / 127.5 - 1


@contextmanager
def _forked_random(device: torch.device) -> Generator[None]:
    devices = [] if device.type == "cpu" else [device.index or 0]
    with cast("Any", torch).random.fork_rng(devices, device_type="cuda" if device.type == "cpu" else device.type):
        yield


@contextmanager
def _quiet(transformers: Any) -> Generator[None]:
    """No progress bars or advice of transformers on stderr while loading."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
