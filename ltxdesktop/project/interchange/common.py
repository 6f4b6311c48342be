"""What every exchange format shares: what is handed back, what gets lost, and source times in frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from ltxdesktop.document.model import (
    Clip,
    Document,
    Item,
    Media,
    MediaId,
    Sequence,
    Title,
    Track,
    TrackKind,
    Transition,
    TransitionKind,
)
from ltxdesktop.document.otio.names import source_start
from ltxdesktop.document.time import nearest
from ltxdesktop.words import counted

Locate = Callable[[Media], Path]

_NAMED: Final = 3  # clips named in a sentence


@dataclass(frozen=True, slots=True)
class Exported:
    """A film in another program's words. `notes` are sentences: what those words can't say."""

    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A document made of another program's film. `notes` are sentences: what couldn't be taken over."""

    document: Document
    notes: tuple[str, ...]
    unseen: frozenset[MediaId]  # media whose facts are guesses until somebody looks at the files


class ExchangeError(ValueError):
    """The text isn't what it was said to be. The message is a sentence."""


@dataclass
class Dropped:
    """Collects what gets lost, and says it in one sentence per kind of thing."""

    _clips: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _plain: list[str] = field(default_factory=list[str])

    def clip(self, what: str, name: str) -> None:
        """Something of a clip is lost; `what` begins the sentence: "Speed changes aren't carried"."""
        self._clips.setdefault(what, []).append(name or "unnamed")

    def say(self, sentence: str) -> None:
        if sentence not in self._plain:
            self._plain.append(sentence)

    def sentences(self) -> tuple[str, ...]:
        return (*self._plain, *(f"{what}: {_named(clips)}." for what, clips in self._clips.items()))


@dataclass(frozen=True, slots=True)
class Carried:
    """What a format can say; all else is reported."""

    values: frozenset[str] = frozenset()  # parameters, when they don't change over the clip
    speed: bool = True
    kinds: frozenset[TransitionKind] = frozenset({TransitionKind.DISSOLVE})
    fades: bool = False


def placed_clips(track: Track) -> Iterator[tuple[int, Clip]]:
    """(first frame, clip) of a track's clips, in order."""
    return ((start, item) for start, item in track.placed() if isinstance(item, Clip))


def cut_back(items: list[Item], frames: int) -> None:
    """Take frames off the end of a track that is being built."""
    while frames and items:
        last = items.pop()
        if last.duration > frames:
            items.append(replace(last, duration=last.duration - frames))
            return
        frames -= last.duration


def report_losses(document: Document, sequence: Sequence, carried: Carried, dropped: Dropped) -> None:
    """Say everything about a sequence that a format can't. What depends on a format's rules it says itself."""
    others = len(document.sequences) - 1
    if others:
        dropped.say(
            f"Only “{sequence.name}” was written; {counted(others, 'other sequence')} can be written on their own."
        )
    for track in sequence.tracks:
        if track.kind is TrackKind.SUBTITLE and track.items:
            dropped.say(f"The subtitle track “{track.name}” was left out; export subtitles as a file of their own.")
            continue
        if track.volume_db or track.pan:
            dropped.say(f"Volume and balance of the track “{track.name}” aren't carried.")
        for clip in track.clips:
            _report_clip(clip, carried, dropped)


def transition_kind(transition: Transition, clip: Clip, carried: Carried, dropped: Dropped) -> TransitionKind:
    """The kind of transition that is written: a dissolve for those that the format doesn't know."""
    if transition.kind in carried.kinds:
        return transition.kind
    dropped.clip(f"A “{transition.kind.value}” became a dissolve", clip.name)
    return TransitionKind.DISSOLVE


def source_frame(clip: Clip, media: Media, rate: Fraction, dropped: Dropped) -> int:
    """The whole frame (of the sequence's rate, in the media's own time) at which a clip's source range begins."""
    start = source_start(clip, media, rate)
    if start.denominator != 1:
        dropped.clip("The start was rounded to a whole frame", clip.name)
    return nearest(start)


def xml_text(text: str) -> str:
    """Text that XML allows: control characters and lone surrogates become "?"."""
    return "".join(c if _in_xml(c) else "?" for c in text)


def _in_xml(c: str) -> bool:
    return c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")


def _report_clip(clip: Clip, carried: Carried, dropped: Dropped) -> None:
    if isinstance(clip.content, Title):
        dropped.clip("Titles aren't carried and became gaps", clip.name or clip.content.text)
    elif clip.content is not None:
        dropped.clip("Plain colours aren't carried and became gaps", clip.name)
    if clip.effects:
        dropped.clip("Effects aren't carried", clip.name)
    changing = [name for name, parameter in clip.values.items() if parameter.keys]
    if changing:
        dropped.clip("Keyframes aren't carried", clip.name)
    if any(name not in carried.values and name not in changing for name in clip.values):
        dropped.clip("Transform and colour aren't carried", clip.name)
    if (clip.fade_in or clip.fade_out) and not carried.fades:
        dropped.clip("Fades aren't carried", clip.name)
    if clip.speed != 1 and not carried.speed:
        dropped.clip("Changes of speed aren't carried", clip.name)
    if len(clip.takes) > 1:
        dropped.clip("Only the take that is shown is carried", clip.name)


def _named(clips: list[str]) -> str:
    names = ", ".join(f"“{name}”" for name in clips[:_NAMED])
    return names + (f" and {len(clips) - _NAMED} more" if len(clips) > _NAMED else "")
