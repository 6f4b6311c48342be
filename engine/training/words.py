"""What Pocket's world can show, in words, and how a prompt is read with them. No torch here.

The engine notes with this file what the demonstration model can't draw of a prompt; captions are written of the same
words (`captions.py`), so the two can't drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

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
