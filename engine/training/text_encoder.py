"""Pocket's text encoder: a small Gemma-3 language model and its tokenizer, trained on the world's captions.

    python -m engine.training.text_encoder --out resources/pocket/gemma --work /tmp/text_encoder

writes an ordinary Hugging Face folder (config, bfloat16 safetensors, tokenizer, chat template). Two things are learnt:
to go on with text (captions, and in chat form a full caption to a short prompt: prompt enhancement), and to carry what
a text says in its last hidden state, asked by small linear heads that are thrown away afterwards.
"""

# Shapes: B texts, N tokens, D hidden width, V vocabulary

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig, PreTrainedTokenizerFast

from engine.training.optim import MovingAverage, Optimisers
from engine.training.prompts import QUESTIONS, answers, draw_completion, draw_text
from engine.training.run import Budget, Run, Stateful, warm_cosine

PAD, EOS, BOS, UNKNOWN = "<pad>", "<eos>", "<bos>", "<unk>"
START_OF_TURN, END_OF_TURN = "<start_of_turn>", "<end_of_turn>"
SPECIAL = (PAD, EOS, BOS, UNKNOWN, START_OF_TURN, END_OF_TURN)  # Gemma's names; their ids are their places here
VOCABULARY = 1536
# Gemma's own turns, but a system message is left out: Pocket knows one task and only the words of its world.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] != 'system' %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] | trim }}"
    "{% else %}{% for part in message['content'] if part['type'] == 'text' %}"
    "{{ part['text'] | trim }}{% endfor %}{% endif %}"
    "{{ '<end_of_turn>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
_LONGEST = 96  # tokens of a training text
_IGNORED = -100  # label of tokens that aren't learnt; torch's cross-entropy skips it


def build_tokenizer(seed: int, texts: int = 40_000) -> PreTrainedTokenizerFast:
    """A byte-level BPE fitted to the world's texts: its words are single tokens, any other text falls into bytes."""
    random = Random(seed)

    def corpus() -> Iterator[str]:
        for _ in range(texts):
            yield draw_text(random)

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=20,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, SPECIAL.index(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        bos_token=BOS,
        unk_token=UNKNOWN,
        additional_special_tokens=[START_OF_TURN, END_OF_TURN],
        padding_side="left",
        model_max_length=1024,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def model_config(vocabulary: int) -> Gemma3TextConfig:
    """Gemma 3's text layout at width 64: 4 layers, the last one global, the others with a sliding window."""
    return Gemma3TextConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        query_pre_attn_scalar=16,
        sliding_window=128,
        layer_types=["sliding_attention"] * 3 + ["full_attention"],
        max_position_embeddings=1024,
        pad_token_id=SPECIAL.index(PAD),
        eos_token_id=SPECIAL.index(EOS),
        bos_token_id=SPECIAL.index(BOS),
        tie_word_embeddings=True,
    )


class Batch(NamedTuple):
    """Texts padded on the right. `answers_BQ` is -100 for chat texts, whose last state answers nothing."""

    tokens_BN: Tensor
    labels_BN: Tensor
    last_B: Tensor
    answers_BQ: Tensor


class Texts:
    """Seeded training texts, tokenised. Each batch is drawn from its own number: a resumed run goes on exactly."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int):
        self._tokenizer = tokenizer
        self._seed = seed

    def batch(self, number: int, size: int) -> Batch:
        random = Random(f"{self._seed}/{number}")
        rows: list[list[int]] = []
        learnt: list[list[int]] = []
        asked: list[list[int]] = []
        end, newline = SPECIAL.index(EOS), self._ids("\n")
        for _ in range(size):
            if random.random() < 0.6:
                text = draw_text(random)
                tokens = [SPECIAL.index(BOS), *self._ids(text), end][:_LONGEST]
                rows.append(tokens)
                learnt.append(tokens)
                asked.append(answers(text))
            else:
                completion = draw_completion(random)
                messages = [{"role": "user", "content": completion.prompt}]
                chat = str(
                    self._tokenizer.apply_chat_template(  # pyright: ignore[reportUnknownMemberType]
                        messages, tokenize=False, add_generation_prompt=True
                    )
                )
                before = self._ids(chat)
                after = [*self._ids(completion.full), SPECIAL.index(END_OF_TURN), *newline]
                rows.append([*before, *after][:_LONGEST])
                learnt.append([*[_IGNORED] * len(before), *after][:_LONGEST])
                asked.append([_IGNORED] * len(QUESTIONS))
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [SPECIAL.index(PAD)] * (longest - len(row)) for row in rows])
        labels = torch.tensor([row + [_IGNORED] * (longest - len(row)) for row in learnt])
        # the state that a prompt ends in, before the end token that inference doesn't give
        last = torch.tensor([max(0, len(row) - 2) for row in rows])
        return Batch(tokens, labels, last, torch.tensor(asked))

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False)  # pyright: ignore[reportUnknownMemberType]


class Heads(nn.Module):
    """One linear answer per question, from a final hidden state."""

    def __init__(self, width: int):
        super().__init__()
        self.answers = nn.ModuleList(nn.Linear(width, len(words) + 1) for words in QUESTIONS.values())

    def forward(self, hidden_BD: Tensor, answers_BQ: Tensor) -> Tensor:
        losses = [
            F.cross_entropy(head(hidden_BD), answers_BQ[:, q], ignore_index=_IGNORED)
            for q, head in enumerate(self.answers)
        ]
        return torch.stack(losses).mean()


def train(out: Path, work: Path, budget: Budget, *, seed: int = 11, batch_size: int = 48, lr: float = 4e-3) -> None:
    """Train on the CPU and write the folder `out`. Resumes from `work`; a line per step goes to `work`/log.jsonl."""
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]  torch has no types here
    tokenizer = build_tokenizer(seed)
    texts = Texts(tokenizer, seed)
    model = Gemma3ForCausalLM(model_config(len(tokenizer)))
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5 * 0.7)
    nn.init.normal_(cast(nn.Embedding, model.get_input_embeddings()).weight, std=model.config.hidden_size**-0.5)
    heads = Heads(model.config.hidden_size)
    both = nn.ModuleDict({"model": model, "heads": heads})
    optimiser = Optimisers(
        both.named_parameters(), lr, muon=lambda name, p: ".layers." in name and "proj" in name, weight_decay=0.0
    )
    average = MovingAverage(model, 0.998)
    parts = {"networks": both, "optimiser": optimiser, "average": average}
    run = Run(work, budget, cast("dict[str, Stateful]", parts))
    for step, fraction in run.steps():
        batch = texts.batch(step, batch_size)
        states_BND = model.model(input_ids=batch.tokens_BN).last_hidden_state
        learnt = batch.labels_BN[:, 1:] != _IGNORED  # logits only where something is learnt
        logits = model.lm_head(states_BND[:, :-1][learnt])
        language = F.cross_entropy(logits, batch.labels_BN[:, 1:][learnt])
        last_BD = states_BND[torch.arange(len(batch.last_B)), batch.last_B]
        asked = heads(last_BD, batch.answers_BQ)
        (language + 0.5 * asked).backward()
        norm = optimiser.step(warm_cosine(fraction))
        average.update()
        run.log(language=language.detach(), asked=asked.detach(), gradient=norm)
    average.copy_to(model)
    save(out, model, tokenizer)


def save(out: Path, model: Gemma3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write a Hugging Face folder with bfloat16 weights."""
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(
        bos_token_id=SPECIAL.index(BOS),
        eos_token_id=[SPECIAL.index(EOS), SPECIAL.index(END_OF_TURN)],
        pad_token_id=SPECIAL.index(PAD),
        do_sample=True,
        temperature=0.7,
    )
    untyped = cast(Any, model)  # transformers' own wrappers hide the types of these methods
    untyped.to(torch.bfloat16).save_pretrained(out)
    cast(Any, tokenizer).save_pretrained(out)
    # transformers 5 writes the name of its own base class; this one is known to earlier releases too
    settings_path = out / "tokenizer_config.json"
    settings = json.loads(settings_path.read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings_path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("resources/pocket/gemma"))
    parser.add_argument("--work", type=Path, required=True, help="folder for the log and the state to resume from")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, help="stop earlier than after all steps")
    parser.add_argument("--seed", type=int, default=11)
    chosen = parser.parse_args(arguments)
    train(chosen.out, chosen.work, Budget(chosen.steps, chosen.minutes), seed=chosen.seed)


if __name__ == "__main__":
    main()
