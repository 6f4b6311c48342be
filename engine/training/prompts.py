"""Text for training Pocket's text encoder: captions said in many ways, and short prompts with their full captions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from engine.training.captions import caption
from engine.training.words import (
    BACKGROUNDS,
    CAMERAS,
    COLOURS,
    LANGUAGES,
    MOTIONS,
    PACES,
    PLACES,
    SHAPES,
    SIZES,
    STYLES,
    TRAVELLING,
    Attributes,
    parse_prompt,
)

# What the encoder is asked to tell of a text: field of `Parsed` and its words; index 0 = not said.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "motion": MOTIONS,
    "background": BACKGROUNDS,
    "size": SIZES,
    "pace": PACES,
    "place": PLACES,
    "camera": CAMERAS,
    "style": STYLES,
    "second_colour": COLOURS,
    "second_shape": SHAPES,
}
_SYNONYMS = {
    "ball": ("sphere", "orb", "globe", "circle"),
    "box": ("cube", "square", "block", "crate"),
    "triangle": ("pyramid",),
    "ring": ("donut", "hoop"),
    "small": ("little", "tiny"),
    "large": ("big", "huge", "giant"),
    "purple": ("violet", "lilac"),
    "red": ("crimson", "scarlet"),
    "yellow": ("golden",),
    "slides": ("rolls", "glides", "moves"),
    "rises": ("ascends", "climbs"),
    "slowly": ("gently",),
    "quickly": ("rapidly",),
}
# Words from outside the world: prompts will hold such words, and they should do no harm.
_STRANGERS = [
    "cat",
    "dog",
    "man",
    "woman",
    "car",
    "city",
    "forest",
    "music",
    "beautiful",
    "cinematic",
    "a",
    "man",
    "walks",
    "dancing",
    "robot",
    "dragon",
    "castle",
    "with",
    "flowers",
    "rain",
    "slow-motion",
    "4k",
    "realistic",
    "happy",
    "child",
    "plays",
    "guitar",
    "river",
    "boat",
    "bird",
    "tree",
    "3",
    "people",
    "talk",
    "smiling",
    "dark",
    "very",
    "old",
]


@dataclass(frozen=True)
class Completion:
    """A prompt as people type it, and the full caption that fits it."""

    prompt: str
    full: str


def answers(text: str) -> list[int]:
    """The index of each QUESTION's answer in a text."""
    parsed = parse_prompt(text)
    second_colour, second_shape = parsed.second or (None, None)
    said = {name: getattr(parsed, name, None) for name in QUESTIONS}
    said |= {"second_colour": second_colour, "second_shape": second_shape}
    return [words.index(said[name]) + 1 if said[name] else 0 for name, words in QUESTIONS.items()]


def draw_attributes(random: Random) -> Attributes:
    """Attributes of any clip of the world, rarer things included."""
    motion = random.choice(MOTIONS)
    colour, shape = random.choice(COLOURS), random.choice(SHAPES)
    stays = motion not in TRAVELLING
    second = None
    if stays and random.random() < 0.2:
        second = (random.choice([c for c in COLOURS if c != colour]), random.choice([s for s in SHAPES if s != shape]))
    place = random.choice(PLACES) if stays else "centre"
    camera = random.choice(CAMERAS) if stays and second is None and random.random() < 0.3 else "fixed"
    return Attributes(
        shape=shape,
        colour=colour,
        motion=motion,
        size=random.choice(SIZES),
        background=random.choice(BACKGROUNDS),
        pace=random.choice(PACES) if motion in TRAVELLING or motion in ("rise", "fall", "spin") else "normal",
        place="left" if second and place == "centre" else place,
        camera=camera,
        style=random.choice(STYLES[1:]) if random.random() < 0.08 else "natural",
        second=second,
    )


def draw_text(random: Random) -> str:
    """One caption or prompt, at times in other words, without capitals or full stop, or with words that say nothing."""
    text = caption(draw_attributes(random), random=random) if random.random() < 0.75 else _short_prompt(random)
    if random.random() < 0.25:
        text = re.sub(r"\w+", lambda word: _synonym(word.group(), random), text)
    if random.random() < 0.2:
        text = text.lower()
    if random.random() < 0.2:
        text = text.rstrip(".")
    if random.random() < 0.08:
        text = _with_strangers(text, random)
    return text


def draw_completion(random: Random) -> Completion:
    """A short or partial prompt (in any language), and a full English caption that keeps what it says."""
    kind = random.random()
    if kind < 0.6:
        prompt = _short_prompt(random)
    elif kind < 0.9:
        prompt = caption(draw_attributes(random), random=random)
    else:
        prompt = " ".join(random.sample(_STRANGERS, random.randint(1, 4)))
    if random.random() < 0.15:
        prompt = _with_strangers(prompt, random)
    if random.random() < 0.2:
        prompt = re.sub(r"\w+", lambda word: _synonym(word.group(), random), prompt)
    prompt = prompt.lower() if random.random() < 0.3 else prompt
    prompt = prompt.rstrip(".") if random.random() < 0.4 else prompt
    return Completion(prompt, caption(parse_prompt(prompt).filled(random), phrasing="full"))


def _synonym(word: str, random: Random) -> str:
    return random.choice(_SYNONYMS[word]) if word in _SYNONYMS and random.random() < 0.6 else word


def _with_strangers(text: str, random: Random) -> str:
    words = text.split()
    for _ in range(random.randint(1, 3)):
        words.insert(random.randint(0, len(words)), random.choice(_STRANGERS))
    return " ".join(words)


def _short_prompt(random: Random) -> str:
    """A few words of a caption: any of its parts may be missing, in any of the languages."""
    attributes = draw_attributes(random)
    language = random.choices(LANGUAGES, (6, 1, 1))[0]
    parts = caption(attributes, random=random, phrasing="keywords", language=language).split(", ")
    kept = [part for part in parts if random.random() < 0.6]
    if random.random() < 0.3 and parts[0] in kept:  # not the whole subject either
        kept[0] = random.choice(parts[0].split())
    if random.random() < 0.3:
        random.shuffle(kept)
    return random.choice((", ", " ")).join(kept)
