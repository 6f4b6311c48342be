"""Which layers make the picture of a frame, for how long that stays so, and by which route they are drawn. Pure.

A span is found by looking around one frame (a bisection per track), so a sequence of 10,000 clips costs what one of ten
does. Nothing here decodes or draws.

    V2  |      |=== title ===|                 spans of V1 and V2 together:
    V1  |== a ==|><|=== b ====|                |a |a+T|a>b+T|b+T|b|
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from ltxdesktop.document.model import (
    Clip,
    Item,
    Media,
    MediaId,
    MediaKind,
    Sequence,
    Solid,
    Title,
    Track,
    TrackKind,
    TransitionKind,
)
from ltxdesktop.render.values import FILTER_KINDS, GEOMETRY, is_default

_ENDLESS = 1 << 62  # frames; later than every film ends


class Route(Enum):
    """How a span is drawn; each the cheapest that can."""

    PLANES = "planes"  # YUV planes as decoded: nothing, a dissolve, a wipe, a grade; text over it
    FILTERS = "filters"  # the same through a libavfilter graph: blur, sharpen, vignette
    RASTER = "raster"  # QPainter: transforms, opacity, stacks of films


@dataclass(frozen=True, slots=True)
class Layer:
    """One clip in the stack of a span."""

    clip: Clip
    start: int  # sequence frame of the clip's frame 0
    fading: bool = False  # a fade in or out runs in this span

    def frame(self, frame: int) -> int:
        """The clip's own number of a sequence frame; below 0 or beyond its duration in the handles."""
        return frame - self.start

    def fade(self, frame: int) -> float:
        """How much the fades let through (0..1), taken in the middle of the frame."""
        place = frame - self.start + 0.5
        clip = self.clip
        rising = place / clip.fade_in if clip.fade_in else 1.0
        falling = (clip.duration - place) / clip.fade_out if clip.fade_out else 1.0
        return min(max(min(rising, falling), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A transition: two layers, of which one may be nothing."""

    kind: TransitionKind
    first: int
    duration: int
    left: Layer | None
    right: Layer | None

    def progress(self, frame: int) -> float:
        """How far the transition is in the middle of the frame: the first and the last frame are equally far from 0
        and 1, so no frame of it equals its neighbour outside."""
        return (frame - self.first + 0.5) / self.duration


Visible = Layer | Crossing


@dataclass(frozen=True, slots=True)
class Span:
    """Frames [first, last) that show the same layers, bottom to top; hidden ones are left out."""

    first: int
    last: int
    layers: tuple[Visible, ...]
    route: Route


class Plan:
    """The spans of one sequence."""

    def __init__(
        self, sequence: Sequence, media: Mapping[MediaId, Media], see_through: Collection[MediaId] = ()
    ) -> None:
        """`see_through`: films that are known to have transparent parts, so that what is below them shows."""
        self.sequence = sequence
        self._media, self._see_through = media, frozenset(see_through)
        self._tracks = shown_tracks(sequence)
        self._last: Span | None = None

    def span_at(self, frame: int) -> Span:
        """The span that holds a frame. Any frame may be asked for; outside of the film it's empty."""
        last = self._last
        if last is not None and last.first <= frame < last.last:
            return last
        first, end = -_ENDLESS, _ENDLESS
        layers: list[Visible] = []
        for track in self._tracks:
            from_frame, to_frame, visible = _look(track, frame)
            first, end = max(first, from_frame), min(end, to_frame)
            if visible is not None and self._shows(visible):
                layers.append(visible)
        seen = self._without_hidden(layers)
        self._last = Span(first, end, seen, self._route(seen))
        return self._last

    def spans(self, first: int, last: int) -> Iterator[Span]:
        """The spans that cover frames [first, last), cut to them."""
        while first < last:
            span = self.span_at(first)
            end = min(span.last, last)
            yield Span(first, end, span.layers, span.route)
            first = end

    def media_of(self, clip: Clip) -> Media | None:
        """The media that a clip shows now; None for drawn content and for media that the document lacks."""
        return None if clip.media is None else self._media.get(clip.media)

    def is_flat(self, layer: Layer) -> bool:
        """Is the layer drawn without transform, crop or transparency, so that planes are enough?"""
        clip = layer.clip
        if any(not is_default(name, clip.values.get(name)) for name in GEOMETRY):
            return False
        if isinstance(clip.content, Solid):
            return clip.content.colour.lower().endswith("ff")
        media = self.media_of(clip)
        return media is not None and media.kind is MediaKind.VIDEO and media.id not in self._see_through

    def covers(self, visible: Visible) -> bool:
        """Does it hide everything below it?"""
        if isinstance(visible, Crossing):
            return all(side is not None and self.covers(side) for side in (visible.left, visible.right))
        if visible.fading or not self.is_flat(visible):
            return False
        media = self.media_of(visible.clip)
        return media is None or self._fills(media)

    def _fills(self, media: Media) -> bool:
        """Does a picture fitted into the frame leave no bars? Less than a pixel is stretched over."""
        width, height = self.sequence.width, self.sequence.height
        if not media.width or not media.height:
            return False
        return abs(media.width * height - media.height * width) < max(media.width, media.height)

    def _shows(self, visible: Visible) -> bool:
        sides = (visible.left, visible.right) if isinstance(visible, Crossing) else (visible,)
        return any(side is not None for side in sides)

    def _without_hidden(self, layers: list[Visible]) -> tuple[Visible, ...]:
        for place in range(len(layers) - 1, 0, -1):
            if self.covers(layers[place]):
                return tuple(layers[place:])
        return tuple(layers)

    def _route(self, layers: tuple[Visible, ...]) -> Route:
        bottom = next(iter(layers), None)
        if bottom is None or all(is_text(layer) for layer in layers):
            return Route.PLANES
        if not all(is_text(layer) for layer in layers[1:]):
            return Route.RASTER
        sides = (bottom.left, bottom.right) if isinstance(bottom, Crossing) else (bottom,)
        present = [side for side in sides if side is not None]
        if not all(self.is_flat(side) for side in present):
            return Route.RASTER
        filtered = any(effect.enabled and effect.kind in FILTER_KINDS for s in present for effect in s.clip.effects)
        return Route.FILTERS if filtered else Route.PLANES


def shown_tracks(sequence: Sequence) -> tuple[Track, ...]:
    """The tracks that make the picture, bottom to top: video tracks (only soloed ones if any is), then subtitles."""
    video = [track for track in sequence.of_kind(TrackKind.VIDEO) if not track.muted]
    if any(track.soloed for track in video):
        video = [track for track in video if track.soloed]
    return (*video, *(track for track in sequence.of_kind(TrackKind.SUBTITLE) if not track.muted))


def has_picture(item: Item | None) -> bool:
    """Can the item be seen at all? Missing media count: they show that they are missing."""
    return isinstance(item, Clip) and item.enabled and (item.content is not None or bool(item.takes))


def _layer(track: Track, place: int) -> Layer | None:
    if not 0 <= place < len(track.items):
        return None
    item = track.items[place]
    return Layer(item, track.starts[place]) if isinstance(item, Clip) and has_picture(item) else None


def _look(track: Track, frame: int) -> tuple[int, int, Visible | None]:
    """(first, last, what is visible): the frames around `frame` over which this track shows the same."""
    place = track.place_at(frame)
    if place is None:
        return (-_ENDLESS, 0, None) if frame < 0 else (track.duration, _ENDLESS, None)
    start, end = track.starts[place], track.starts[place + 1]
    item = track.items[place]
    if isinstance(item, Clip) and item.transition and item.transition.duration:
        head = item.transition
        if frame < start + head.after:
            return _crossing(track, place, head.kind, start - head.before, head.duration)
        start += head.after
    following = track.items[place + 1] if place + 1 < len(track.items) else None
    if isinstance(following, Clip) and following.transition and following.transition.duration:
        head = following.transition
        if frame >= end - head.before:
            return _crossing(track, place + 1, head.kind, end - head.before, head.duration)
        end -= head.before
    elif isinstance(item, Clip) and item.tail and item.tail.before:
        if frame >= end - item.tail.before:
            return _crossing(track, place + 1, item.tail.kind, end - item.tail.before, item.tail.before, tail=True)
        end -= item.tail.before
    layer = _layer(track, place)
    if layer is None:
        return start, end, None
    return _split_at_fades(layer, start, end, frame)


def _crossing(
    track: Track, place: int, kind: TransitionKind, first: int, duration: int, *, tail: bool = False
) -> tuple[int, int, Visible]:
    """The transition into the item at `place`; `tail`: into nothing, whatever comes there."""
    right = None if tail else _layer(track, place)
    crossing = Crossing(kind, first, duration, _layer(track, place - 1), right)
    return first, first + duration, crossing


def _split_at_fades(layer: Layer, start: int, end: int, frame: int) -> tuple[int, int, Layer]:
    """A fade gets its own span: outside of it the clip may hide what is below."""
    clip = layer.clip
    risen = layer.start + clip.fade_in
    falls = layer.start + clip.duration - clip.fade_out
    if frame < risen or frame >= falls:
        if frame < risen:
            end = min(end, max(risen, frame + 1))
        if frame >= falls:
            start = max(start, min(falls, frame))
        return start, end, Layer(clip, layer.start, fading=True)
    return max(start, risen), min(end, falls), layer


def is_text(visible: Visible) -> bool:
    """Is it a title in its own place, so that it can be laid over planes? It may fade and be see-through."""
    if not isinstance(visible, Layer) or not isinstance(visible.clip.content, Title):
        return False
    values = visible.clip.values
    return all(name == "opacity" or is_default(name, values.get(name)) for name in GEOMETRY)
