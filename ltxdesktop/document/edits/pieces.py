"""Pieces of clips, gaps and transitions: cut to length, joined, fitted to each other. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Listed
from dataclasses import replace
from fractions import Fraction

from ltxdesktop.document.model import Clip, Gap, Item, ItemId, Transition, new_id


def new_gap(duration: int) -> Gap:
    return Gap(ItemId(new_id()), duration)


def part(clip: Clip, first: int, last: int, rate: Fraction) -> Clip:
    """Frames [first, last) of a clip, counted from its first; both may lie in its handles.

        |    clip    |        |    clip    |
           |part|          |   part  |

    Keys and markers stay with the picture; fades keep their length and stay at the ends.
    """
    if first:
        takes = tuple(replace(take, start_s=take.start_s + first * clip.speed / rate) for take in clip.takes)
        effects = tuple(
            replace(effect, values={name: value.moved(first) for name, value in effect.values.items()})
            for effect in clip.effects
        )
        clip = replace(
            clip,
            takes=takes,
            values={name: value.moved(first) for name, value in clip.values.items()} if clip.values else clip.values,
            effects=effects,
            markers=tuple(replace(marker, frame=marker.frame - first) for marker in clip.markers),
        )
    return fitted(replace(clip, duration=last - first))


def fitted(clip: Clip) -> Clip:
    """The same clip with fades that aren't longer than it is: the fade-out keeps its length longest."""
    fade_out = min(clip.fade_out, clip.duration)
    fade_in = min(clip.fade_in, clip.duration - fade_out)
    return (
        clip
        if (fade_in, fade_out) == (clip.fade_in, clip.fade_out)
        else replace(clip, fade_in=fade_in, fade_out=fade_out)
    )


def merged_gaps(items: Iterable[Item]) -> list[Item]:
    """The same items with neighbouring gaps made one and empty ones left out."""
    merged: list[Item] = []
    for item in items:
        last = merged[-1] if merged else None
        if isinstance(item, Gap) and item.duration == 0:
            continue
        if isinstance(item, Gap) and isinstance(last, Gap):
            merged[-1] = replace(last, duration=last.duration + item.duration)
        else:
            merged.append(item)
    return merged


def shortened(transition: Transition, before: int, after: int) -> Transition | None:
    """A transition that lasts at most so many frames before and after its cut; None if nothing is left."""
    before, after = max(0, min(transition.before, before)), max(0, min(transition.after, after))
    if (before, after) == (transition.before, transition.after):
        return transition if transition.duration else None
    return replace(transition, before=before, after=after) if before + after else None


def room_for_transition(left: Clip, right: Clip, left_after: int, right_before: int) -> tuple[int, int]:
    """How many frames before and after the cut between two clips a transition may last: no more than the handles that
    it shows, and than what the clips' other transitions leave of them."""
    used = left.transition.after if left.transition else 0
    return min(left.duration - used, right_before), min(right.duration, left_after)


def runs(places: Listed[int]) -> list[tuple[int, int]]:
    """Ascending numbers as [first, last) of those that follow each other: 1 2 3 7 -> (1, 4), (7, 8)."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def common(a: tuple[Item, ...], b: tuple[Item, ...]) -> int:
    """How many items two tuples share at their beginning: by halving, with comparisons that run in C."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
