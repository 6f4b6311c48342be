"""Captions of Pocket's world: what a clip shows, said in many phrasings and three languages. No torch here.

The words for what there is are in `words.py`, which also reads them back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from engine.training.words import COLOURS, LANGUAGES, SIZES, TRAVELLING, Attributes

_Choice = TypeVar("_Choice")


class _Noun(NamedTuple):
    """A noun with the endings of its gender: en a/an; de m/f/n (indefinite article), es m/f."""

    word: str
    gender: str = ""


class _Language(NamedTuple):
    """Everything a caption is put together from. The first of several phrases is the plain one."""

    shapes: Mapping[str, tuple[_Noun, ...]]
    colours: Mapping[str, str]
    sizes: Mapping[str, str]
    motions: Mapping[str, tuple[str, ...]]
    paces: Mapping[str, tuple[str, ...]]
    places: Mapping[str, tuple[str, ...]]
    backgrounds: Mapping[str, tuple[str, ...]]
    cameras: Mapping[str, tuple[str, ...]]
    styles: Mapping[str, tuple[str, ...]]
    sounds: Mapping[str, tuple[str, ...]]
    beside: str


_EN = _Language(
    shapes={
        "ball": (_Noun("ball"), _Noun("sphere")),
        "box": (_Noun("box"), _Noun("cube"), _Noun("square")),
        "triangle": (_Noun("triangle"),),
        "star": (_Noun("star"),),
        "ring": (_Noun("ring"),),
    },
    colours={colour: colour for colour in COLOURS},
    sizes={size: size for size in SIZES},
    motions={
        "still": ("stands still", "rests on the floor", "does not move"),
        "slide left": ("slides to the left", "moves left", "glides from right to left"),
        "slide right": ("slides to the right", "moves right", "glides from left to right"),
        "bounce": ("bounces in place", "jumps up and down", "bounces up and down"),
        "bounce left": ("bounces to the left", "hops left", "jumps to the left"),
        "bounce right": ("bounces to the right", "hops right", "jumps to the right"),
        "rise": ("rises", "floats up", "goes up"),
        "fall": ("falls", "sinks down", "goes down"),
        "grow": ("grows", "gets bigger"),
        "shrink": ("shrinks", "gets smaller"),
        "spin": ("spins", "rotates", "turns around"),
    },
    paces={"slow": ("slowly",), "normal": ("",), "quick": ("quickly", "fast")},
    places={"left": ("on the left",), "centre": ("in the middle",), "right": ("on the right",)},
    backgrounds={
        "meadow": ("on a meadow", "on a green meadow", "on the grass under a blue sky"),
        "beach": ("on a beach", "on a sandy beach", "at the beach by the sea"),
        "sunset": ("at sunset", "in front of a sunset", "in the evening light"),
        "night": ("at night", "at night under the stars", "in a starry night"),
        "studio": ("in a studio", "in a grey studio", "in front of a grey wall"),
        "snow": ("in the snow", "in front of snowy mountains", "in winter"),
        "room": ("in a room", "in a room with a wooden floor", "indoors"),
    },
    cameras={
        "fixed": ("the camera stays still", "static camera"),
        "pan left": ("the camera pans left", "the camera moves to the left"),
        "pan right": ("the camera pans right", "the camera moves to the right"),
        "push in": ("the camera pushes in", "the camera moves closer"),
        "pull out": ("the camera pulls out", "the camera moves away"),
    },
    styles={"natural": ("",), "sepia": ("an old sepia film",), "comic": ("in comic style",)},
    sounds={
        "still": ("silence", "there is no sound"),
        "slide": ("a soft whirr",),
        "bounce": ("a tone sounds at every bounce", "a tone at each bounce"),
        "rise": ("a hum rises in pitch", "a rising hum"),
        "fall": ("a hum sinks in pitch", "a sinking hum"),
        "grow": ("a chord swells",),
        "shrink": ("a chord fades",),
        "spin": ("it ticks as it turns", "a ticking sound"),
    },
    beside="next to",
)
_DE = _Language(
    shapes={
        "ball": (_Noun("Ball", "m"),),
        "box": (_Noun("Würfel", "m"),),
        "triangle": (_Noun("Dreieck", "n"),),
        "star": (_Noun("Stern", "m"),),
        "ring": (_Noun("Ring", "m"),),
    },
    colours=dict(
        zip(COLOURS, ("rot", "orangefarben", "gelb", "grün", "blau", "violett", "rosafarben", "weiß"), strict=True)
    ),
    sizes={"small": "klein", "medium": "mittelgroß", "large": "groß"},
    motions={
        "still": ("steht still",),
        "slide left": ("gleitet nach links", "bewegt sich nach links"),
        "slide right": ("gleitet nach rechts", "bewegt sich nach rechts"),
        "bounce": ("hüpft auf der Stelle", "springt auf und ab"),
        "bounce left": ("hüpft nach links", "springt nach links"),
        "bounce right": ("hüpft nach rechts", "springt nach rechts"),
        "rise": ("steigt auf", "schwebt nach oben"),
        "fall": ("fällt", "sinkt nach unten"),
        "grow": ("wächst", "wird größer"),
        "shrink": ("schrumpft", "wird kleiner"),
        "spin": ("dreht sich",),
    },
    paces={"slow": ("langsam",), "normal": ("",), "quick": ("schnell",)},
    places={"left": ("links im Bild",), "centre": ("in der Mitte",), "right": ("rechts im Bild",)},
    backgrounds={
        "meadow": ("auf einer Wiese", "auf einer grünen Wiese"),
        "beach": ("am Strand", "am Strand vor dem Meer"),
        "sunset": ("bei Sonnenuntergang", "im Abendlicht"),
        "night": ("bei Nacht", "in einer Sternennacht"),
        "studio": ("im Studio", "in einem grauen Studio"),
        "snow": ("im Schnee", "vor verschneiten Bergen"),
        "room": ("im Zimmer", "in einem Zimmer mit Holzboden"),
    },
    cameras={
        "fixed": ("die Kamera steht still",),
        "pan left": ("die Kamera schwenkt nach links",),
        "pan right": ("die Kamera schwenkt nach rechts",),
        "push in": ("die Kamera fährt heran",),
        "pull out": ("die Kamera fährt zurück",),
    },
    styles={"natural": ("",), "sepia": ("ein alter Sepiafilm",), "comic": ("im Comicstil",)},
    sounds={
        "still": ("Stille",),
        "slide": ("ein leises Surren",),
        "bounce": ("bei jedem Aufprall erklingt ein Ton",),
        "rise": ("ein Summen wird höher",),
        "fall": ("ein Summen wird tiefer",),
        "grow": ("ein Akkord schwillt an",),
        "shrink": ("ein Akkord verklingt",),
        "spin": ("es tickt beim Drehen",),
    },
    beside="neben",
)
_ES = _Language(
    shapes={
        "ball": (_Noun("pelota", "f"),),
        "box": (_Noun("caja", "f"),),
        "triangle": (_Noun("triángulo", "m"),),
        "star": (_Noun("estrella", "f"),),
        "ring": (_Noun("anillo", "m"),),
    },
    # o/a marks the ending that follows the noun
    colours=dict(
        zip(COLOURS, ("roj_", "naranja", "amarill_", "verde", "azul", "morad_", "rosa", "blanc_"), strict=True)
    ),
    sizes={"small": "pequeñ_", "medium": "median_", "large": "grande"},
    motions={
        "still": ("está quieto", "no se mueve"),
        "slide left": ("se desliza hacia la izquierda", "se mueve a la izquierda"),
        "slide right": ("se desliza hacia la derecha", "se mueve a la derecha"),
        "bounce": ("rebota en su sitio", "salta arriba y abajo"),
        "bounce left": ("rebota hacia la izquierda", "salta a la izquierda"),
        "bounce right": ("rebota hacia la derecha", "salta a la derecha"),
        "rise": ("sube", "se eleva"),
        "fall": ("cae", "baja"),
        "grow": ("crece",),
        "shrink": ("encoge",),
        "spin": ("gira", "da vueltas"),
    },
    paces={"slow": ("lentamente", "despacio"), "normal": ("",), "quick": ("rápidamente", "rápido")},
    places={"left": ("en el lado izquierdo",), "centre": ("en el centro",), "right": ("en el lado derecho",)},
    backgrounds={
        "meadow": ("en un prado", "en un prado verde"),
        "beach": ("en la playa", "en la playa junto al mar"),
        "sunset": ("al atardecer", "en una puesta de sol"),
        "night": ("de noche", "bajo las estrellas"),
        "studio": ("en un estudio", "en un estudio gris"),
        "snow": ("en la nieve", "ante montañas nevadas"),
        "room": ("en una habitación", "en una habitación con suelo de madera"),
    },
    cameras={
        "fixed": ("la cámara está fija",),
        "pan left": ("la cámara gira a la izquierda",),
        "pan right": ("la cámara gira a la derecha",),
        "push in": ("la cámara se acerca",),
        "pull out": ("la cámara se aleja",),
    },
    styles={"natural": ("",), "sepia": ("una vieja película sepia",), "comic": ("en estilo cómic",)},
    sounds={
        "still": ("silencio",),
        "slide": ("un zumbido suave",),
        "bounce": ("suena un tono en cada rebote",),
        "rise": ("un zumbido sube de tono",),
        "fall": ("un zumbido baja de tono",),
        "grow": ("un acorde crece",),
        "shrink": ("un acorde se apaga",),
        "spin": ("suena un tictac",),
    },
    beside="junto a",
)
_LANGUAGES: Mapping[str, _Language] = {"en": _EN, "de": _DE, "es": _ES}

PHRASINGS = ("plain", "place first", "with sound", "keywords", "two sentences", "full")


def caption(
    attributes: Attributes,
    *,
    random: Random | None = None,
    phrasing: str | None = None,
    language: str | None = None,
    complete: bool = False,
) -> str:
    """A caption of a clip with these attributes.

    Without `random` it is the plain first wording of everything; with it, wordings, phrasing, language (5 of 6 in
    English) and what goes unsaid are drawn, unless given or `complete`. "full" says everything, camera and sound too.
    """
    if language is None:
        language = random.choices(LANGUAGES, (10, 1, 1))[0] if random else "en"
    if phrasing is None:
        phrasing = random.choices(PHRASINGS, (4, 2, 2, 1, 1, 2))[0] if random else "plain"
    parts = _Parts(attributes, _LANGUAGES[language], language, random, says_all=complete or phrasing == "full")
    return parts.put_together(phrasing)


class _Parts:
    """The phrases of one caption."""

    def __init__(
        self, a: Attributes, words: _Language, language: str, random: Random | None, *, says_all: bool
    ) -> None:
        self._language = language
        self._words = words
        self._random = random
        noun = self._pick(words.shapes[a.shape])
        # What is not worth a word is mostly left out: the middle of every scale
        size = a.size if says_all or self._chance(0.4 if a.size == "medium" else 0.85) else ""
        size = "" if a.motion in ("grow", "shrink") else size
        self.subject = self._noun_phrase(noun, words.sizes.get(size, ""), words.colours[a.colour])
        self.keywords = [self.subject.split(" ", 1)[1]]
        if a.second is not None:
            colour, shape = a.second
            beside = self._noun_phrase(self._pick(words.shapes[shape]), "", words.colours[colour], dative=True)
            self.subject += f" {words.beside} {beside}"
            self.keywords.append(beside.split(" ", 1)[1] if language != "de" else f"{words.beside} {beside}")
        self.motion = self._pick(words.motions[a.motion])
        if language == "es" and noun.gender == "f":
            self.motion = self.motion.replace("quieto", "quieta")
        pace = self._pick(words.paces[a.pace]) if says_all or self._chance(0.9) else ""
        if pace and language == "de":  # the adverb follows the verb: "hüpft langsam nach links"
            verb, *rest = re.split(r"(?<! )\s(?!sich)", self.motion)
            self.motion = " ".join([verb, pace, *rest])
        elif pace:
            self.motion += f" {pace}"
        says_place = a.motion not in TRAVELLING and a.camera == "fixed" and (a.place != "centre" or self._chance(0.1))
        self.place = self._pick(words.places[a.place]) if says_place and (says_all or self._chance(0.85)) else ""
        self.background = self._pick(words.backgrounds[a.background])
        self.camera = self._pick(words.cameras[a.camera])
        self.says_camera = a.camera != "fixed" or self._chance(0.12)
        self.style = self._pick(words.styles[a.style])
        self.sound = self._pick(words.sounds[a.motion.split()[0]])

    def put_together(self, phrasing: str) -> str:
        what = " ".join(part for part in (self.subject, self.motion, self.place) if part)
        after = [self.camera] if self.says_camera else []
        match phrasing:
            case "plain":
                sentences = [f"{what} {self.background}", *after]
            case "place first":
                sentences = [f"{self.background}, {what}" if self._language != "de" else f"{self.background}: {what}"]
                sentences += after
            case "with sound":
                sentences = [f"{what} {self.background}", *after, self.sound]
            case "keywords":
                parts = [*self.keywords, self.motion, self.place, self.background, *after, self.style]
                return ", ".join(part for part in parts if part)
            case "two sentences":
                there = {"en": "there is", "de": "es gibt", "es": "hay"}[self._language]
                it = {"en": "it ", "de": "es ", "es": ""}[self._language]
                seen = {"de": self._accusative(self.subject)}.get(self._language, self.subject)
                middle = f" {self.place}" if self.place else ""
                sentences = [f"{there} {seen}{middle} {self.background}", f"{it}{self.motion}", *after]
            case "full":
                sentences = [f"{what} {self.background}", self.camera, self.sound]
            case _:
                raise ValueError(f"phrasing {phrasing!r} is none of {', '.join(PHRASINGS)}")
        if self.style:
            sentences.append(self.style)
        return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)

    def _chance(self, share: float) -> bool:
        return self._random is not None and self._random.random() < share

    def _pick(self, choices: Sequence[_Choice]) -> _Choice:
        if self._random is None:
            return choices[0]
        return choices[min(int(self._random.random() ** 1.5 * len(choices)), len(choices) - 1)]

    def _noun_phrase(self, noun: _Noun, size: str, colour: str, *, dative: bool = False) -> str:
        adjectives = [adjective for adjective in (size, colour) if adjective]
        if self._language == "de":
            article = "einem" if dative else "ein"
            ending = "en" if dative else {"m": "er", "n": "es"}[noun.gender]
            return " ".join([article, *(f"{adjective}{ending}" for adjective in adjectives), noun.word])
        if self._language == "es":
            ending = {"m": "o", "f": "a"}[noun.gender]
            article = {"m": "un", "f": "una"}[noun.gender]
            described = [adjective.replace("_", ending) for adjective in (colour, size) if adjective]
            return " ".join([article, noun.word, *described])
        words = [*adjectives, noun.word]
        return " ".join(["an" if words[0][0] in "aeiou" else "a", *words])

    @staticmethod
    def _accusative(subject: str) -> str:
        """German: "es gibt einen roten Ball" (masculine), "es gibt ein rotes Dreieck" (neuter)."""
        first, *beside = subject.split(" neben ")
        words = first.split()
        if len(words) > 1 and words[1].endswith("er"):
            words = ["einen", *(re.sub(r"er$", "en", word) for word in words[1:-1]), words[-1]]
        return " neben ".join([" ".join(words), *beside])
