"""What Pocket's world can show, in words: the vocabulary, captions, reading a prompt, completing one. No torch here.

The app uses this file to say what the demonstration model can draw and to note what it cannot; the training uses the
same tables to write captions, so the two can't drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeVar

SHAPES = ("ball", "box", "triangle", "star", "ring")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "medium", "large")
BACKGROUNDS = ("meadow", "beach", "sunset", "night", "studio", "snow", "room")
MOTIONS = (
    "still",
    "slide left",
    "slide right",
    "bounce",
    "bounce left",
    "bounce right",
    "rise",
    "fall",
    "grow",
    "shrink",
    "spin",
)
PACES = ("slow", "normal", "quick")
PLACES = ("left", "centre", "right")
CAMERAS = ("fixed", "pan left", "pan right", "push in", "pull out")  # "pull out" is kept for the camera LoRA
STYLES = ("natural", "sepia", "comic")  # the last two are kept for the style LoRA
LANGUAGES = ("en", "de", "es")

_Choice = TypeVar("_Choice")

TRAVELLING = frozenset({"slide left", "slide right", "bounce left", "bounce right"})


@dataclass(frozen=True)
class Attributes:
    """What one clip shows, in words of the tables above; `second` is (colour, shape) of a still neighbour."""

    shape: str
    colour: str
    motion: str
    size: str = "medium"
    background: str = "studio"
    pace: str = "normal"
    place: str = "centre"
    camera: str = "fixed"
    style: str = "natural"
    second: tuple[str, str] | None = None


# --- Captions ------------------------------------------------------------------------------------------------------


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


# --- Reading prompts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parsed:
    """What was understood of a prompt. None = not said."""

    shape: str | None = None
    colour: str | None = None
    motion: str | None = None
    size: str | None = None
    background: str | None = None
    pace: str | None = None
    place: str | None = None
    camera: str | None = None
    style: str | None = None
    second: tuple[str, str] | None = None
    unknown: tuple[str, ...] = ()  # words outside the world, in order, each once

    def filled(self, random: Random) -> Attributes:
        """Complete attributes: what was said, and draws for the rest (scales and camera take their middle)."""
        return Attributes(
            shape=self.shape or random.choice(SHAPES),
            colour=self.colour or random.choice(COLOURS),
            motion=self.motion or random.choice(MOTIONS),
            size=self.size or "medium",
            background=self.background or random.choice(BACKGROUNDS),
            pace=self.pace or "normal",
            place=self.place or ("left" if self.second else "centre"),
            camera=self.camera or "fixed",
            style=self.style or "natural",
            second=self.second,
        )


_SHAPE_WORDS: Mapping[str, str] = {
    "ball": "ball balls sphere spheres orb globe circle disc bubble kugel bälle kreis pelota bola esfera círculo",
    "box": "box boxes cube cubes square block crate rectangle würfel kiste quadrat kasten schachtel caja cubo cuadrado",
    "triangle": "triangle triangles pyramid dreieck pyramide triángulo pirámide",
    "star": "star stern estrella",
    "ring": "ring rings donut doughnut hoop torus wheel reifen anillo aro rosquilla",
}
_COLOUR_WORDS: Mapping[str, str] = {
    "red": "red crimson scarlet rot rote roter rotes roten rojo roja",
    "orange": "orange orangefarben orangefarbene orangefarbener orangefarbenes orangefarbenen oranger naranja",
    "yellow": "yellow golden gold gelb gelbe gelber gelbes gelben amarillo amarilla",
    "green": "green emerald grün grüne grüner grünes grünen verde",
    "blue": "blue azure blau blaue blauer blaues blauen azul",
    "purple": "purple violet lilac violett violette violetter violettes violetten lila morado morada violeta",
    "pink": "pink rose magenta rosa rosafarben rosafarbene rosafarbener rosafarbenes rosafarbenen rosado rosada",
    "white": "white weiß weiße weißer weißes weißen weiss blanco blanca",
}
_SIZE_WORDS: Mapping[str, str] = {
    "small": "small little tiny klein kleine kleiner kleines kleinen winzig pequeño pequeña",
    "medium": "medium medium-sized mittelgroß mittelgroße mittelgroßer mittelgroßes mittelgroßen mediano mediana",
    "large": "large big huge giant groß große großer großes großen riesig grande enorme",
}
_PACE_WORDS: Mapping[str, str] = {
    "slow": "slow slowly gently langsam lentamente despacio",
    "quick": "quick quickly fast rapidly schnell rápido rápidamente",
}
_BACKGROUND_WORDS: Mapping[str, str] = {
    "meadow": "meadow grass field lawn park hills wiese gras feld prado hierba campo",
    "beach": "beach sand sandy sea ocean coast strand meer küste playa mar arena",
    "sunset": "sunset sundown dusk evening twilight sunrise sonnenuntergang abend abendlicht atardecer puesta",
    "night": "night stars starry moon midnight moonlight nacht sternennacht mond noche estrellas luna",
    "studio": "studio backdrop grey gray estudio grau grauen gris",
    "snow": "snow snowy winter mountains mountain ice schnee verschneiten berge bergen nieve nevadas montañas invierno",
    "room": "room indoors indoor wooden kitchen house floorboards zimmer holzboden raum habitación madera",
}
# How something moves; "left" and "right" are told apart afterwards.
_VERBS: Mapping[str, str] = {
    "still": "stands stand standing rests resting lies motionless sits sitting steht liegt ruht quieto quieta",
    "slide": "slides slide sliding moves move moving glides glide gliding rolls roll rolling drives travels goes"
    " gleitet bewegt rollt desliza mueve rueda va",
    "bounce": "bounces bounce bouncing hops hop hopping jumps jump jumping leaps hüpft springt rebota salta botando",
    "rise": "rises rise rising ascends lifts climbs steigt schwebt sube eleva",
    "fall": "falls fall falling sinks sink sinking drops descends fällt sinkt cae baja",
    "grow": "grows grow growing expands wächst crece",
    "shrink": "shrinks shrink shrinking schrumpft encoge",
    "spin": "spins spin spinning rotates rotate rotating turns turning twirls dreht gira rota",
}
# Phrases read before single words, longest first: (pattern, field, value). They use up their words.
_PHRASES: tuple[tuple[str, str, str], ...] = (
    (r"(the )?camera (\w+ )?(pans?|moves?|swings?|goes) (\w+ )*?left|pan(ning)? left", "camera", "pan left"),
    (r"(the )?camera (\w+ )?(pans?|moves?|swings?|goes) (\w+ )*?right|pan(ning)? right", "camera", "pan right"),
    (r"(the )?camera (pushes in|moves closer|zooms in|moves in)|push in|zoom in|dolly in", "camera", "push in"),
    (r"(the )?camera (pulls out|moves away|zooms out|pulls back)|pull out|zoom out|dolly out", "camera", "pull out"),
    (r"(the )?(static camera|camera (stays still|stands still|does not move|is fixed))", "camera", "fixed"),
    (r"die kamera schwenkt nach links|kameraschwenk nach links", "camera", "pan left"),
    (r"die kamera schwenkt nach rechts|kameraschwenk nach rechts", "camera", "pan right"),
    (r"die kamera fährt heran", "camera", "push in"),
    (r"die kamera fährt zurück", "camera", "pull out"),
    (r"die kamera steht still", "camera", "fixed"),
    (r"la cámara gira a la izquierda", "camera", "pan left"),
    (r"la cámara gira a la derecha", "camera", "pan right"),
    (r"la cámara se acerca", "camera", "push in"),
    (r"la cámara se aleja", "camera", "pull out"),
    (r"la cámara está fija", "camera", "fixed"),
    (r"(an? )?(old )?sepia( film| look)?|ein alter sepiafilm|una vieja película sepia", "style", "sepia"),
    (r"(in )?comic( style)?|im comicstil|en estilo cómic", "style", "comic"),
    # sound follows from the motion, so what is said about it is understood but changes nothing
    (r"silence|there is no sound|stille|silencio|a soft whirr|ein leises surren|un zumbido suave", "", ""),
    (
        r"a tone (sounds )?at (every|each) bounce|bei jedem aufprall erklingt ein ton|suena un tono en cada rebote",
        "",
        "",
    ),
    (r"a hum (rises|sinks) in pitch|a (rising|sinking) hum|ein summen wird (höher|tiefer)", "", ""),
    (r"un zumbido (sube|baja) de tono|a chord (swells|fades)|ein akkord (schwillt an|verklingt)", "", ""),
    (r"un acorde (crece|se apaga)|it ticks as it turns|a ticking sound|es tickt beim drehen|suena un tictac", "", ""),
    (r"(on|at) the left( side)?|in the left corner|links im bild|en el lado izquierdo", "place", "left"),
    (r"(on|at) the right( side)?|in the right corner|rechts im bild|en el lado derecho", "place", "right"),
    (r"in the (middle|centre|center)|in der mitte|en el centro", "place", "centre"),
    (r"(jumps?|hops?|bounces?) up and down|in place|auf der stelle|springt auf und ab", "motion", "bounce"),
    (r"rebota en su sitio|salta arriba y abajo", "motion", "bounce"),
    (r"(does not|doesn't) move|stands? still|steht still|no se mueve|está quiet[oa]", "motion", "still"),
    (r"(floats?|flies|goes|moves|schwebt|fliegt) (up(wards)?|nach oben)", "motion", "rise"),
    (r"(goes|moves|floats?|sinkt|geht) (down(wards)?|nach unten)", "motion", "fall"),
    (r"(gets?|becomes?) (bigger|larger)|wird größer", "motion", "grow"),
    (r"(gets?|becomes?) smaller|wird kleiner", "motion", "shrink"),
    (r"da vueltas", "motion", "spin"),
    (r"rests? on the floor", "motion", "still"),
    (
        r"(on|in) (a |the )?green meadow|auf einer grünen wiese|en un prado verde|under a blue sky",
        "background",
        "meadow",
    ),
    (r"under the stars|bajo las estrellas", "background", "night"),
    (r"in front of a grey wall|(in )?a gr[ae]y studio", "background", "studio"),
    (r"(from )?right to left", "towards", "left"),
    (r"(from )?left to right", "towards", "right"),
)
_FILLER_WORDS = """
    a an the it its is are there this that of on in at to by up down from with as and next beside near front under over
    across through towards around side scene video clip shot image picture film very while then floor sky light wall
    camera wide sound
    der die das den dem ein eine einen einem einer es er sie ist gibt auf am im in vor bei nach mit und neben sich zu
    boden himmel kamera
    un una el la los las se al en de del hay es está con y junto a ante bajo hacia su por lado suelo cielo sol cámara
"""
_FILLER = frozenset(_FILLER_WORDS.split())
_LEFT = frozenset({"left", "leftwards", "links", "izquierda"})
_RIGHT = frozenset({"right", "rightwards", "rechts", "derecha"})


def _index(table: Mapping[str, str]) -> dict[str, str]:
    return {word: value for value, line in table.items() for word in line.split()}


_SHAPE_OF, _COLOUR_OF, _SIZE_OF = _index(_SHAPE_WORDS), _index(_COLOUR_WORDS), _index(_SIZE_WORDS)
_PACE_OF, _BACKGROUND_OF, _VERB_OF = _index(_PACE_WORDS), _index(_BACKGROUND_WORDS), _index(_VERBS)


def parse_prompt(text: str) -> Parsed:
    """Read a prompt in any of the three languages. Nothing is raised: what isn't understood ends up in `unknown`."""
    rest = f" {text.lower()} "
    said: dict[str, str] = {}
    for pattern, field, value in _PHRASES:
        found = re.search(rf"(?<!\w)({pattern})(?!\w)", rest)
        if found:
            said.setdefault(field, value)
            rest = rest[: found.start()] + " , " + rest[found.end() :]
    shapes: list[str] = []
    colours: list[str] = []
    unknown: list[str] = []
    verb = direction = ""
    for word in re.findall(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", rest):
        if word in _SHAPE_OF:
            shapes.append(_SHAPE_OF[word])
        elif word in _COLOUR_OF:
            colours.append(_COLOUR_OF[word])
        elif word in _VERB_OF:
            verb = verb or _VERB_OF[word]
        elif word in _LEFT or word in _RIGHT:
            direction = direction or ("left" if word in _LEFT else "right")
        elif word in _SIZE_OF:
            said.setdefault("size", _SIZE_OF[word])
        elif word in _PACE_OF:
            said.setdefault("pace", _PACE_OF[word])
        elif word in _BACKGROUND_OF:
            said.setdefault("background", _BACKGROUND_OF[word])
        elif word not in _FILLER and word not in unknown:
            unknown.append(word)
    direction = said.get("towards", direction)
    motion = said.get("motion") or verb or ("slide" if direction else None)
    if motion in ("slide", "bounce") and f"{motion} {direction}" in MOTIONS:
        motion = f"{motion} {direction}"
    elif motion == "slide":
        motion = None  # "moves": where to isn't said
    elif direction:
        said.setdefault("place", direction)
    second = (colours[1], shapes[1]) if len(shapes) > 1 and len(colours) > 1 else None
    return Parsed(
        shape=shapes[0] if shapes else None,
        colour=colours[0] if colours else None,
        motion=motion,
        size=said.get("size"),
        background=said.get("background"),
        pace=said.get("pace"),
        place=said.get("place"),
        camera=said.get("camera"),
        style=said.get("style"),
        second=second,
        unknown=tuple(unknown),
    )


def note(text: str) -> str:
    """One sentence about what Pocket can't draw of this prompt; empty if it can draw all of it."""
    parsed = parse_prompt(text)
    if parsed.unknown:
        words = ", ".join(f"“{word}”" for word in parsed.unknown[:4])
        return f"Pocket, the small demonstration model, doesn't know {words}; it will give its best with the rest."
    if parsed.shape is None:
        return f"Pocket draws one of: {', '.join(SHAPES)}. The prompt names none, so it will choose."
    return ""


def vocabulary() -> dict[str, tuple[str, ...]]:
    """What Pocket can draw, by kind: shapes, colours, sizes, backgrounds, motions and camera moves."""
    return {
        "shapes": SHAPES,
        "colours": COLOURS,
        "sizes": SIZES,
        "backgrounds": BACKGROUNDS,
        "motions": MOTIONS,
        "camera moves": CAMERAS[:-1],
    }


def complete(prefix: str, limit: int = 6) -> list[str]:
    """Whole English prompts that go on from `prefix` as typed, different from each other and always the same.

    A half-typed last word is finished first: "a red ba" -> "a red ball bounces in place on a meadow". A prefix that
    the world can't go on from (say one that starts with the place) is answered with prompts that keep what it says.
    """
    random = Random(0)
    suggestions: list[str] = []
    for start in _finished(prefix):
        for _ in range(3 * limit):
            suggestion = _continued(start, random)
            if suggestion not in suggestions:
                suggestions.append(suggestion)
            if len(suggestions) >= limit:
                return suggestions
    return suggestions


def _finished(prefix: str) -> list[str]:
    """The prefix with its last word finished, in every way the vocabulary knows (the prefix itself if it is whole)."""
    stem = prefix.rstrip()
    last = re.search(r"[^\W\d_]+$", prefix.lower())
    if not stem or last is None:
        return [stem]
    known = {**_SHAPE_OF, **_COLOUR_OF, **_VERB_OF, **_SIZE_OF, **_PACE_OF, **_BACKGROUND_OF}
    if last.group() in known or last.group() in _FILLER:
        return [stem]
    english = [*SIZES, *COLOURS, *SHAPES, *(m.split()[0] for p in _EN.motions.values() for m in p), *BACKGROUNDS]
    endings = [word[len(last.group()) :] for word in dict.fromkeys(english) if word.startswith(last.group())]
    return [stem + ending for ending in endings] or [stem]


def _continued(start: str, random: Random) -> str:
    """`start` and what it leaves unsaid."""
    parsed = parse_prompt(start)
    filled = parsed.filled(random)
    words = start.split()
    ends_in_subject = bool(words) and words[-1].lower() in _SHAPE_OF
    in_order = parsed.background is None and parsed.place is None
    verb = random.choice(_EN.motions[filled.motion])
    background = random.choice(_EN.backgrounds[filled.background])
    if parsed.unknown:
        return caption(filled)
    if not words or not in_order or (parsed.shape is None and parsed.motion is not None):
        return start if parsed.shape and parsed.motion and parsed.background else caption(filled)
    if parsed.shape is None:
        colour = "red" if words[-1].lower() == "a" and filled.colour == "orange" else filled.colour
        adjective = "" if parsed.colour else f"{colour} "
        article = "" if words[-1].lower() in ("a", "an", "the") or parsed.colour or parsed.size else "a "
        return f"{start} {article}{adjective}{filled.shape} {verb} {background}"
    if parsed.motion is None:
        return f"{start} {verb} {background}" if ends_in_subject else caption(filled)
    return f"{start} {background}"
