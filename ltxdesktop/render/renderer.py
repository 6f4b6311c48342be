"""The picture of frame n at a size, and the samples of a range: what preview, export, thumbnails and the engine ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Final

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

from engine.media.errors import MediaError
from ltxdesktop.document.model import Media, MediaId, MediaKind, Sequence, Solid, Title
from ltxdesktop.render import blend, raster
from ltxdesktop.render.colour import yuv_codes
from ltxdesktop.render.conform import ALONE, Conformer, Neighbours, has_alpha, needs_neighbours
from ltxdesktop.render.errors import MediaGone
from ltxdesktop.render.filters import Filters, filters_at
from ltxdesktop.render.frames import filled, planes_of
from ltxdesktop.render.look import look_at
from ltxdesktop.render.mix import Mixer
from ltxdesktop.render.overlay import laid_over
from ltxdesktop.render.picture import Picture, image_of
from ltxdesktop.render.plan import Crossing, Layer, Plan, Route, Span, Visible, is_text
from ltxdesktop.render.raster import Geometry, draw_layer, fitted, geometry_at, whole_pixels
from ltxdesktop.render.recent import Recent
from ltxdesktop.render.source import Decoded, Source
from ltxdesktop.render.titles import Titles, colour_of, painting

Locate = Callable[[Media], Path]
Size = tuple[int, int]  # width, height

_SMOOTH: Final = Qt.TransformationMode.SmoothTransformation
_SLATE: Final = 0x4A2430
_BLACK: Final = QColor(0, 0, 0)
_FRAMES_KEPT: Final = 4  # developed pictures: a freeze, slow motion, or both sides of a still cut aren't done again


class Tools:
    """What is worth keeping between one `Renderer` and the next: tables, scalers, graphs, drawn titles.

    `lock` is held while a picture is made, so that renderers of several threads may share them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.conformer = Conformer()
        self.filters = Filters()
        self.titles = Titles()
        self.developed: Recent[object, VideoFrame] = Recent(_FRAMES_KEPT)
        self.neighbours: Recent[object, VideoFrame] = Recent(_FRAMES_KEPT)  # of interlaced pictures
        self.stills: Recent[object, QImage] = Recent(_FRAMES_KEPT)
        self.see_through: set[MediaId] = set()  # films found to have transparent parts


@dataclass(frozen=True)
class _Shown:
    """A layer at one frame, with all that decides its pixels."""

    layer: Layer
    frame: int  # of the clip
    media: Media | None


class Renderer:
    """Renders one sequence. Make a new one when the document changes: it costs next to nothing, since decoders
    (`source`) and `tools` are shared. Thread-safe; a picture and sound can be made at the same time.

    `missing` names the media that could not be read so far; they show a plain slate and are silent.
    """

    def __init__(
        self,
        sequence: Sequence,
        media: Mapping[MediaId, Media],
        locate: Locate,
        source: Source,
        *,
        tools: Tools | None = None,
        originals: bool = False,
    ) -> None:
        """`locate` says where the file of a media lies. With `originals` proxies are never used: export."""
        self.sequence = sequence
        self.missing: dict[MediaId, MediaError] = {}
        self._media, self._locate, self._source, self._originals = media, locate, source, originals
        self._tools = tools or Tools()
        self._plan = Plan(sequence, media, self._tools.see_through)
        self._mix_lock = threading.Lock()
        self._mixer = Mixer(sequence, media, self._samples)

    @property
    def plan(self) -> Plan:
        return self._plan

    def picture(self, frame: int, size: Size | None = None) -> Picture:
        """The film's frame `frame`, as large as the film or `size`; black outside of the film.

        The same frame and size give the same pixels in whatever order they are asked for.
        """
        whole = size or (self.sequence.width, self.sequence.height)
        with self._tools.lock:
            known = len(self._tools.see_through)
            picture = self._picture(self._plan.span_at(frame), frame, whole)
            if len(self._tools.see_through) > known:  # what was taken for opaque isn't: what is below it shows
                self._plan = Plan(self.sequence, self._media, self._tools.see_through)
                picture = self._picture(self._plan.span_at(frame), frame, whole)
            return picture

    def see_through(self, frame: int, size: Size | None = None) -> Picture:
        """The same, but nothing lies below: where nothing is seen the picture is transparent (an image with alpha).

        What its lowest layer fills is the picture itself, which has no transparent parts.
        """
        whole = size or (self.sequence.width, self.sequence.height)
        with self._tools.lock:
            while True:
                known = len(self._tools.see_through)
                span = self._plan.span_at(frame)
                if span.layers and self._plan.covers(span.layers[0]):
                    picture = self._picture(span, frame, whole)
                else:
                    picture = Picture(image=self._painted(span.layers, frame, whole, below=None))
                if len(self._tools.see_through) == known:
                    return picture
                self._plan = Plan(self.sequence, self._media, self._tools.see_through)

    def sound(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples [first, first + count) at the sequence's sample rate: float32 (count, 2), mixed and limited.

        The same samples whatever the blocks they are asked in.
        """
        with self._mix_lock:
            return self._mixer.sound(first, count)

    # Planes

    def _picture(self, span: Span, frame: int, size: Size) -> Picture:
        if span.route is Route.RASTER:
            return Picture(image=self._painted(span.layers, frame, size))
        made = None
        for visible in span.layers:
            if is_text(visible):
                made = self._with_text(made or blend.black(*size), visible, frame, size)
            else:
                made = self._planes(visible, frame, size)
        return Picture(frame=made or blend.black(*size))

    def _with_text(self, below: VideoFrame, visible: Visible, frame: int, size: Size) -> VideoFrame:
        assert isinstance(visible, Layer)
        assert isinstance(visible.clip.content, Title)
        overlay = self._tools.titles.overlay(visible.clip.content, *size)
        opacity = geometry_at(visible.clip, visible.frame(frame)).opacity * visible.fade(frame)
        if overlay is None or opacity <= 0:
            return below
        return laid_over(self._working(below, size), overlay, opacity)

    def _planes(self, visible: Visible, frame: int, size: Size) -> VideoFrame:
        if isinstance(visible, Crossing):
            sides = (visible.left, visible.right)
            left, right = (self._working(self._layer_planes(side, frame, size), size) for side in sides)
            return blend.crossed(left, right, visible.kind, visible.progress(frame))
        made = self._layer_planes(visible, frame, size)
        strength = visible.fade(frame)
        if strength < 1:
            made = blend.mixed(blend.black(*size), self._working(made, size), strength)
        return made

    def _layer_planes(self, layer: Layer | None, frame: int, size: Size) -> VideoFrame:
        """One flat layer over black, planar YUV of the whole size."""
        if layer is None:
            return blend.black(*size)
        if isinstance(layer.clip.content, Solid):
            colour = colour_of(layer.clip.content.colour)
            return filled(*size, yuv_codes((colour.redF(), colour.greenF(), colour.blueF())))
        shown = self._shown(layer, frame)
        place = whole_pixels(self._place(shown, size))
        try:
            made = self._developed(shown, (place.width(), place.height()))
        except (MediaError, MediaGone):
            return Picture(image=self._slate(shown, size)).to_frame()
        if (made.width, made.height) == size:
            return made
        out = blend.black(*size)
        made = self._working(made, (made.width, made.height))
        for number, (target, part) in enumerate(zip(planes_of(out), planes_of(made), strict=True)):
            halve = 2 if number else 1
            top, left = place.top() // halve, place.left() // halve
            target[top : top + part.shape[0], left : left + part.shape[1]] = part
        return out

    def _working(self, frame: VideoFrame, size: Size) -> VideoFrame:
        return self._tools.conformer.scaled(frame, *size)

    def _developed(self, shown: _Shown, size: Size) -> VideoFrame:
        """The clip's picture at a size: conformed, graded, filtered. Raises MediaError."""
        clip = shown.layer.clip
        decoded = self._decoded(shown)
        look, filters = look_at(clip, shown.frame), filters_at(clip, shown.frame)
        if shown.media is not None and has_alpha(decoded):
            self._tools.see_through.add(shown.media.id)

        fielded = needs_neighbours(decoded)

        def develop() -> VideoFrame:
            around = self._neighbours(shown) if fielded else ALONE
            made = self._tools.conformer.frame(decoded, *size, look, around)
            return self._tools.filters.apply(made, filters) if filters else made

        if look.is_neutral and not filters and not fielded and (decoded.frame.width, decoded.frame.height) == size:
            return develop()
        key = (clip.media, decoded.number, decoded.is_proxy, size, look, filters)
        return self._tools.developed.get_or_make(key, develop)

    def _decoded(self, shown: _Shown, away: int = 0) -> Decoded:
        """The stored picture of a layer, or one so many pictures of its media away."""
        clip, media = shown.layer.clip, shown.media
        if media is None:
            raise MediaGone(str(clip.media))
        number = clip.media_frame(shown.frame, self.sequence.rate, media) + away
        try:
            return self._source.picture(media, self._locate(media), number, original=self._originals, keep=away >= 0)
        except MediaError as error:
            self.missing[media.id] = error
            raise

    def _neighbours(self, shown: _Shown) -> Neighbours:
        """The pictures around a layer's; one that can't be read isn't there."""
        media = shown.media
        assert media is not None
        number = shown.layer.clip.media_frame(shown.frame, self.sequence.rate, media)

        def neighbour(away: int) -> VideoFrame | None:
            if not 0 <= number + away < media.frames:
                return None
            key = (media.id, self._locate(media), self._originals, number + away)
            try:
                return self._tools.neighbours.get_or_make(key, lambda: self._decoded(shown, away).frame)
            except MediaError:
                return None

        before = neighbour(-1)
        neighbour(0)  # the next picture's neighbour
        return before, neighbour(1)

    # Raster

    def _painted(self, layers: tuple[Visible, ...], frame: int, size: Size, below: QColor | None = _BLACK) -> QImage:
        out = raster.canvas(*size, below)
        with painting(out) as painter:
            for visible in layers:
                if isinstance(visible, Crossing):
                    painter.drawImage(0, 0, self._painted_crossing(visible, frame, size))
                else:
                    self._paint(painter, visible, frame, size, visible.fade(frame))
        return out

    def _painted_crossing(self, crossing: Crossing, frame: int, size: Size) -> QImage:
        sides: list[QImage] = []
        for layer in (crossing.left, crossing.right):
            side = raster.canvas(*size)
            if layer is not None:
                with painting(side) as painter:
                    self._paint(painter, layer, frame, size, 1.0)
            sides.append(side)
        return raster.crossed(sides[0], sides[1], crossing.kind, crossing.progress(frame))

    def _paint(self, painter: QPainter, layer: Layer, frame: int, size: Size, opacity: float) -> None:
        shown = self._shown(layer, frame)
        geometry = geometry_at(layer.clip, shown.frame)
        if geometry.opacity * opacity <= 0:
            return
        match layer.clip.content:
            case Title() as title:
                image, place = self._tools.titles.image(title, *size), QRectF(0, 0, *size)
            case Solid() as solid:
                image, place = raster.canvas(1, 1), QRectF(0, 0, *size)
                image.fill(colour_of(solid.colour))
            case None:
                place = self._place(shown, size)
                try:
                    image = self._layer_image(shown, place, geometry)
                except (MediaError, MediaGone):
                    image = self._slate(shown, (round(place.width()), round(place.height())))
        draw_layer(painter, image, place, geometry, opacity)

    def _layer_image(self, shown: _Shown, place: QRectF, geometry: Geometry) -> QImage:
        """The clip's picture for the painter, about as large as it will be seen. Raises MediaError."""
        decoded = self._decoded(shown)
        media = shown.media
        assert media is not None
        if media.kind is not MediaKind.VIDEO or has_alpha(decoded):
            return self._still_image(shown, decoded, place, geometry)
        size = _pixels_for(place, geometry.scale, media)
        return image_of(self._tools.conformer.bgra(self._developed(shown, size), *size))

    def _still_image(self, shown: _Shown, decoded: Decoded, place: QRectF, geometry: Geometry) -> QImage:
        """A still or a picture with alpha: the painter halves it once at most, larger ones are made smaller before."""
        clip, media = shown.layer.clip, shown.media
        assert media is not None
        look = look_at(clip, shown.frame)
        if media.kind is MediaKind.VIDEO:
            self._tools.see_through.add(media.id)
        halvings = _halvings(place, geometry.scale, media)

        def develop() -> QImage:
            image = self._tools.conformer.image(decoded, look)
            width, height = max(1, image.width() >> halvings), max(1, image.height() >> halvings)
            return image if not halvings else image.scaled(width, height, mode=_SMOOTH)

        key = (media.id, self._locate(media), decoded.number, look, halvings)
        return self._tools.stills.get_or_make(key, develop)

    # Both

    def _shown(self, layer: Layer, frame: int) -> _Shown:
        return _Shown(layer, layer.frame(frame), self._plan.media_of(layer.clip))

    def _place(self, shown: _Shown, size: Size) -> QRectF:
        media = shown.media
        return fitted((media.width, media.height), size) if media is not None else QRectF(0, 0, *size)

    def _slate(self, shown: _Shown, size: Size) -> QImage:
        """What stands for a picture that can't be had: a dull colour, and where text can be drawn, its name."""
        media = shown.media
        image = raster.canvas(*size, QColor(_SLATE))
        if QGuiApplication.instance() is not None:
            title = Title(f"Missing: {media.name if media else shown.layer.clip.name}", size=0.05)
            with painting(image) as painter:
                painter.drawImage(0, 0, self._tools.titles.image(title, *size))
        return image

    def _samples(self, media: Media, first: int, count: int) -> NDArray[np.float32]:
        """(2, count) of a media, silence where it can't be read."""
        try:
            return self._source.samples(self._locate(media), first, count, rate=self.sequence.sample_rate, channels=2)
        except MediaError as error:
            self.missing[media.id] = error
            return np.zeros((2, count), np.float32)


def _halvings(place: QRectF, scale: float, media: Media) -> int:
    """How often a picture can be halved and still has the pixels that are seen."""
    seen = max(place.width() * scale, 1.0)
    return max(0, int(log2(media.width / seen))) if media.width > seen else 0


def _pixels_for(place: QRectF, scale: float, media: Media) -> Size:
    """How many pixels of a film are worth having: as many as it covers, no more than it has or the place needs."""
    wide = min(place.width() * scale, max(media.width, place.width()))
    high = min(place.height() * scale, max(media.height, place.height()))
    return max(2, round(wide)), max(2, round(high))
