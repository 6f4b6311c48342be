"""Pocket's text encoder: the shipped folder does its work, and training makes such a folder."""

from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.models.gemma import Gemma
from engine.training.captions import caption
from engine.training.prompts import QUESTIONS, answers, draw_completion
from engine.training.run import Budget
from engine.training.text_encoder import END_OF_TURN, Texts, build_tokenizer, train
from engine.training.words import BACKGROUNDS, COLOURS, MOTIONS, SHAPES, parse_prompt
from engine.training.world import captions, sample_scenes

SHIPPED = Path(__file__).parents[3] / "resources" / "pocket" / "gemma"
SYSTEM = "Rewrite the user's text as one English paragraph in time order, present tense, with a full layer of sound."


@pytest.fixture(scope="module")
def gemma() -> Gemma:
    return Gemma.load(SHIPPED, dtype=torch.float32)


def test_the_shipped_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_000_000


@given(text=st.text(max_size=60))
@settings(max_examples=60)
def test_no_text_is_unknown_to_the_tokenizer(gemma: Gemma, text: str) -> None:
    tokens = gemma.tokens(text)
    assert gemma.tokenizer.unk_token_id not in tokens[1:]
    surrogates = any(0xD800 <= ord(character) <= 0xDFFF for character in text)
    if not surrogates and "<" not in text:
        assert gemma.tokenizer.decode(tokens[1:]) == text.strip()


def test_captions_are_short(gemma: Gemma) -> None:
    texts = captions(sample_scenes(400, 5, duration_s=2.0, aspect=1.5, two_objects=0.3), 5)
    assert max(len(gemma.tokens(text)) for text in texts) <= 48


def features(gemma: Gemma, texts: list[str]) -> Tensor:
    """What the connectors get of the last token: its states of all layers, normed."""
    rows: list[Tensor] = []
    for hidden_NDL in gemma.encode(texts):
        normed = hidden_NDL / torch.sqrt(hidden_NDL.square().mean(1, keepdim=True) + 1e-6)
        rows.append(normed[-1].flatten())
    return torch.nn.functional.pad(torch.stack(rows), (0, 1), value=1.0)


def test_hidden_states_tell_what_a_caption_says(gemma: Gemma) -> None:
    (known, new), (named, asked) = zip(
        *(
            (captions(scenes, seed), scenes.attributes())
            for seed, scenes in ((s, sample_scenes(n, s, duration_s=2.0, aspect=1.5)) for s, n in ((1, 1500), (2, 300)))
        ),
        strict=True,
    )
    before, after = features(gemma, known), features(gemma, new)
    gram = before.T @ before + 30 * torch.eye(before.shape[1])
    for field, words in (("shape", SHAPES), ("colour", COLOURS), ("background", BACKGROUNDS), ("motion", MOTIONS)):
        targets = torch.tensor([words.index(getattr(a, field)) for a in named])
        probe = torch.linalg.solve(gram, before.T @ torch.nn.functional.one_hot(targets, len(words)).float())
        wanted = torch.tensor([words.index(getattr(a, field)) for a in asked])
        assert float(((after @ probe).argmax(1) == wanted).float().mean()) >= 0.99, field


def test_enhancing_completes_a_prompt_and_keeps_what_it_says(gemma: Gemma) -> None:
    random = Random(4)
    kept = 0
    prompts = [draw_completion(random).prompt for _ in range(25)]
    for seed, prompt in enumerate(prompts):
        said, full = parse_prompt(prompt), parse_prompt(gemma.enhance(prompt, SYSTEM, seed, 64))
        assert None not in (full.shape, full.colour, full.motion, full.background)
        assert full.unknown == ()
        fields = ("shape", "colour", "motion", "background", "camera", "second")
        kept += all(getattr(said, field) in (None, getattr(full, field)) for field in fields)
    assert kept >= 23
    assert gemma.enhance("a red ball", SYSTEM, 1, 64) == gemma.enhance("a red ball", SYSTEM, 1, 64)


def test_chat_texts_teach_the_answer_alone() -> None:
    tokenizer = build_tokenizer(1, texts=2000)
    batch = Texts(tokenizer, 1).batch(0, 32)
    again = Texts(tokenizer, 1).batch(0, 32)
    assert torch.equal(batch.tokens_BN, again.tokens_BN)
    chats = batch.answers_BQ[:, 0] < 0
    assert 4 < int(chats.sum()) < 28
    end_of_turn = tokenizer.convert_tokens_to_ids(END_OF_TURN)
    for tokens, labels in zip(batch.tokens_BN[chats], batch.labels_BN[chats], strict=True):
        learnt = labels >= 0
        assert int((tokens == end_of_turn).sum()) == 2  # of the prompt and of the answer
        assert int((tokens[learnt] == end_of_turn).sum()) == 1
        full = tokenizer.decode(tokens[learnt], skip_special_tokens=True)
        assert parse_prompt(full).shape is not None


def test_answers_are_read_from_the_text() -> None:
    answered = dict(zip(QUESTIONS, answers("Two words: a blue star spins quickly at night"), strict=True))
    assert answered["colour"] == COLOURS.index("blue") + 1
    assert answered["size"] == 0
    assert answered["second_shape"] == 0


def test_training_makes_a_folder_that_loads_and_resumes_from_its_state(tmp_path: Path) -> None:
    train(tmp_path / "first", tmp_path / "work", Budget(2), batch_size=4)
    train(tmp_path / "again", tmp_path / "work", Budget(2), batch_size=4)  # nothing is left to do but to write
    assert len((tmp_path / "work" / "log.jsonl").read_text().splitlines()) == 2
    first, again = (Gemma.load(tmp_path / name, dtype=torch.float32) for name in ("first", "again"))
    sentence = caption(sample_scenes(1, 1, duration_s=2.0, aspect=1.5).attributes()[0])
    assert torch.equal(first.encode([sentence])[0], again.encode([sentence])[0])
