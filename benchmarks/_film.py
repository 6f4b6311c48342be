"""A small film as people cut them, told to us, to `melt` and to `ffmpeg`: cuts, dissolves, a grade, a title, music.

Five pieces of three clips; frames of the whole length (28 s), `Length` says of which a shorter film is made:

    V2       | title |
    V1   |  a  |  b graded  >< c        | a      >< b  |      "|" a cut, "><" a dissolve of 1 s
    A1   |  the same pieces, crossing with equal power |
    A2   |  music at -12 dB, 44.1 kHz, fading in and out |

Nothing is measured here. The material is that of `render_edit`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from render_edit import BED_DB, HEADLESS, RATE, SIZE, lut3d

from ltxdesktop.document.model import (
    Clip,
    Effect,
    Gap,
    ItemId,
    Media,
    Parameter,
    Sequence,
    SequenceId,
    Take,
    Title,
    Track,
    TrackId,
    TrackKind,
    Transition,
    new_id,
)
from ltxdesktop.resources import font_files

WORDS: Final = "The other side of the river"
TITLE_SIZE: Final = 0.08  # of the height


class Piece(NamedTuple):
    """Frames [first, last) of a clip; a dissolve into it takes its first frames."""

    clip: int
    first: int
    last: int
    dissolves: bool = False
    graded: bool = False


# At 28 s; every number can be divided by ten.
_PIECES: Final = (
    Piece(0, 0, 180),
    Piece(1, 30, 240, graded=True),
    Piece(2, 10, 220, dissolves=True),
    Piece(0, 60, 240),
    Piece(1, 0, 120, dissolves=True),
)
_OVERLAP, _FADE = 30, 30
_TITLE: Final = (40, 160)  # frames of the film, within the first piece
_TITLE_FADE: Final = 10


@dataclass(frozen=True)
class Length:
    """The film in `tenths` of its whole length."""

    tenths: int = 10

    def of(self, frames: int) -> int:
        return frames * self.tenths // 10

    @property
    def pieces(self) -> list[Piece]:
        return [p._replace(first=self.of(p.first), last=self.of(p.last)) for p in _PIECES]

    @property
    def overlap(self) -> int:
        return self.of(_OVERLAP)

    @property
    def frames(self) -> int:
        return sum(piece.last - piece.first - piece.dissolves * self.overlap for piece in self.pieces)

    @property
    def clip_frames(self) -> int:
        """How long the clips have to be."""
        return max(piece.last for piece in self.pieces)

    @property
    def title(self) -> tuple[int, int]:
        return self.of(_TITLE[0]), self.of(_TITLE[1])

    @property
    def title_fade(self) -> int:
        return self.of(_TITLE_FADE)

    @property
    def fade(self) -> int:
        return self.of(_FADE)


def sequence_of(length: Length, clips: list[Media], bed: Media, cube: Path) -> Sequence:
    """The film for us."""
    before = length.overlap // 2
    after = length.overlap - before
    pieces = length.pieces

    def items(*, picture: bool) -> tuple[Clip, ...]:
        made: list[Clip] = []
        for place, piece in enumerate(pieces):
            head = before if piece.dissolves else 0  # frames of its media before its cut
            tail = after if place + 1 < len(pieces) and pieces[place + 1].dissolves else 0
            made.append(
                Clip(
                    ItemId(new_id()),
                    f"piece {place + 1}",
                    piece.last - piece.first - head - tail,
                    (Take(clips[piece.clip].id, (piece.first + head) / RATE),),
                    transition=Transition(before=before, after=after) if piece.dissolves else None,
                    effects=(Effect("grade", "lut", {}, {"file": str(cube)}),) if picture and piece.graded else (),
                )
            )
        return tuple(made)

    first, last = length.title
    words = Clip(
        ItemId(new_id()),
        "title",
        last - first,
        content=Title(WORDS, size=TITLE_SIZE, weight=600),
        fade_in=length.title_fade,
        fade_out=length.title_fade,
    )
    music = Clip(
        ItemId(new_id()),
        "music",
        length.frames,
        (Take(bed.id),),
        values={"volume": Parameter(BED_DB)},
        fade_in=length.fade,
        fade_out=length.fade,
    )
    tracks = (
        Track(TrackId("v1"), TrackKind.VIDEO, "V1", items(picture=True)),
        Track(TrackId("v2"), TrackKind.VIDEO, "V2", (Gap(ItemId("before"), first), words)),
        Track(TrackId("a1"), TrackKind.AUDIO, "A1", items(picture=False)),
        Track(TrackId("a2"), TrackKind.AUDIO, "A2", (music,)),
    )
    return Sequence(SequenceId("film"), "film", *SIZE, RATE, 48_000, tracks)


def ffmpeg_command(length: Length, clips: list[Path], bed: Path, cube: Path) -> list[str]:
    """ffmpeg's: each piece an input of its own that begins where the piece does, one graph. Ends without an output."""
    rate, seconds, fade = f"fps={RATE}", length.frames / RATE, float(length.fade / RATE)
    inputs: list[str] = []
    graph: list[str] = []
    made = length.pieces[0].last - length.pieces[0].first  # frames joined so far
    for place, piece in enumerate(length.pieces):
        start = float(max(0, piece.first - Fraction(1, 2)) / RATE)  # between two frames: no rounding takes another one
        lasts = float((piece.last - piece.first) / RATE)
        inputs += ["-ss", f"{start:.6f}", "-t", f"{lasts:.6f}", "-i", str(clips[piece.clip])]
        extra = (f",{_title(length)}" if not place else "") + (f",{lut3d(cube)}" if piece.graded else "")
        graph.append(f"[{place}:v]settb=1/{RATE},setpts=N,{rate}{extra},format=yuv420p[v{place}]")
        if not place:
            continue
        left, right, out = ("[v0]" if place == 1 else f"[p{place - 1}]"), f"[v{place}]", f"[p{place}]"
        heard = "[0:a]" if place == 1 else f"[s{place - 1}]"
        if piece.dissolves:
            cross = float(length.overlap / RATE)
            offset = float((made - length.overlap - Fraction(1, 2)) / RATE)  # as with start
            graph.append(f"{left}{right}xfade=transition=fade:duration={cross}:offset={offset},settb=1/{RATE}{out}")
            graph.append(f"{heard}[{place}:a]acrossfade=d={cross}:c1=qsin:c2=qsin[s{place}]")
        else:
            graph.append(f"{left}{right}concat=n=2:v=1:a=0,settb=1/{RATE}{out}")
            graph.append(f"{heard}[{place}:a]concat=n=2:v=0:a=1[s{place}]")
        made += piece.last - piece.first - piece.dissolves * length.overlap
    last = len(length.pieces) - 1
    graph += [
        f"[p{last}]format=yuv420p[v]",
        f"[{last + 1}:a]aresample=48000,volume={BED_DB}dB,afade=t=in:d={fade}:curve=qsin,"
        f"afade=t=out:st={float(seconds) - fade}:d={fade}:curve=qsin,atrim=0:{float(seconds)}[m]",
        f"[s{last}][m]amix=inputs=2:normalize=0,alimiter=level=0[s]",
    ]
    inputs += ["-i", str(bed)]
    ends = ["-map", "[v]", "-map", "[s]", "-t", f"{float(seconds):.6f}"]
    return ["ffmpeg", "-v", "error", "-nostdin", *inputs, "-filter_complex", ";".join(graph), *ends]


def melt_project(length: Length, clips: list[Path], bed: Path, cube: Path, folder: Path) -> Path | None:
    """melt's, as the project file that its own command line makes; None where it isn't installed."""
    if shutil.which("melt") is None:
        return None
    words = ["melt", "-profile", f"atsc_1080p_{RATE}"]
    for place, piece in enumerate(length.pieces):
        words += [str(clips[piece.clip]), f"in={piece.first}", f"out={piece.last - 1}"]
        if not place:
            words += ["-attach-clip", "avfilter.drawtext", *(f"av.{n}={v}" for n, v in _drawtext(length).items())]
            words += [f"in={length.title[0]}", f"out={length.title[1] - 1}"]
        if piece.graded:
            words += ["-attach-clip", "avfilter.lut3d", f"av.file={cube}"]
        if piece.dissolves:
            words += ["-mix", str(length.overlap), "-mixer", "luma", "-mixer", "mix:-1"]
    music = ["-attach-clip", f"volume:{BED_DB}dB"]
    words += ["-audio-track", str(bed), "in=0", f"out={length.frames - 1}", *music]
    words += ["-transition", "mix", "a_track=0", "b_track=1", "sum=1", "always_active=1"]
    project = folder / "film.mlt"
    saving = [*words, "-consumer", f"xml:{project}"]
    subprocess.run(saving, env=os.environ | HEADLESS, check=True, capture_output=True, timeout=60)
    return project


def _title(length: Length) -> str:
    first, last = (float(frame / RATE) for frame in length.title)
    options = ":".join(f"{name}='{value}'" for name, value in _drawtext(length).items())
    return f"drawtext={options}:enable='gte(t,{first})*lt(t,{last})'"


def _drawtext(length: Length) -> dict[str, str]:
    """The title by FreeType, over planes: the options of ffmpeg's filter, which is melt's cheapest way too (its own,
    by Qt, goes through RGB and wants a screen)."""
    first, last, fade = (float(Fraction(n) / RATE) for n in (*length.title, length.title_fade))
    font = next(file for file in font_files() if "SemiBold" in file.name)
    return {
        "fontfile": str(font),
        "text": WORDS,
        "fontsize": str(round(TITLE_SIZE * SIZE[1])),
        "fontcolor": "white",
        "x": "(w-text_w)/2",
        "y": "(h-text_h)/2",
        "alpha": f"clip(min((t-{first})/{fade},({last}-t)/{fade}),0,1)",
    }
