"""How clips and transitions are drawn: names, pictures, waveforms, fades, lines, badges. Decides nothing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
)

from ltxdesktop.document.model import Clip, Document, ItemId, Media, MediaId, Solid, Title, TrackKind
from ltxdesktop.document.parameters import value_of
from ltxdesktop.document.shortfall import Lacking, lacking
from ltxdesktop.ui.timeline.boxes import Box, ClipBox, KeyPlace, TransitionBox
from ltxdesktop.ui.timeline.inks import ClipInk, Inks, colour_of, veil
from ltxdesktop.ui.timeline.key_shapes import draw_key
from ltxdesktop.ui.timeline.layout import HANDLE_PX, TITLE_PX, TITLED_FROM_PX, Layout, Parts, parts_of
from ltxdesktop.ui.timeline.lettering import Lettering, inner_of, rect_of
from ltxdesktop.ui.timeline.lines import KEY_PX, key_spot, line_of
from ltxdesktop.ui.timeline.providers import Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.viewport import Viewport

NAMED_FROM_PX = 26
PICTURED_FROM_PX = 18
_WAVES_KEPT = 1024
_PICTURES_KEPT = 800  # of about 30 kB each


class ClipPainter:
    """Draws what lies on the lanes. Keeps waveforms and thumbnails as pictures between paints."""

    def __init__(self, inks: Inks, letters: Lettering, thumbnails: Thumbnails, waveforms: Waveforms) -> None:
        self._inks, self._letters = inks, letters
        self._thumbnails, self._waveforms = thumbnails, waveforms
        self._waves: OrderedDict[tuple[object, ...], QImage] = OrderedDict()
        self._pictures: OrderedDict[tuple[MediaId, Fraction, int], QPixmap] = OrderedDict()

    def use(self, inks: Inks) -> None:
        """Draw in other colours from now on."""
        self._inks = inks
        self._waves.clear()

    def draw_runs(self, painter: QPainter, layout: Layout) -> None:
        for run in layout.runs:
            box = QRectF(run.box.left, run.box.top, run.box.width, run.box.height - 1)
            ink = self._inks.of(run.track)
            if run.selected:
                painter.fillRect(box, self._inks.accent)
                continue
            painter.fillRect(box, ink.fill)
            if run.box.height >= TITLED_FROM_PX:
                painter.fillRect(QRectF(box.left(), box.top(), box.width(), TITLE_PX), ink.title)

    def draw_clips(
        self, painter: QPainter, layout: Layout, document: Document, selected: frozenset[ItemId],
        presence: Presence, hovered: ItemId | None,
    ) -> None:  # fmt: skip
        rounded = not layout.crowded
        small: list[ClipBox] = []
        for placed in layout.clips:
            if placed.box.width < NAMED_FROM_PX and not rounded:
                small.append(placed)
                continue
            media = document.media.get(placed.clip.media) if placed.clip.media is not None else None
            missing = placed.clip.media is not None and (media is None or presence.is_missing(placed.clip.media))
            look = _ClipLook(placed, parts_of(placed, layout.viewport), media, missing, rounded)
            self._draw_clip(painter, layout, document, look)
            found = None if media is None else presence.too_short(media.id)
            if found is not None:
                self._draw_lacking(
                    painter,
                    layout.viewport,
                    placed,
                    lacking(placed.clip, placed.track.kind, found, document.sequence),
                    look.parts,
                )
            if placed.clip.id in selected:
                self._draw_selected(painter, placed)
            if placed.clip.id in selected or placed.clip.id == hovered:
                self._draw_handles(painter, look.parts)
        self._draw_small(painter, small, selected)

    def _draw_small(self, painter: QPainter, small: list[ClipBox], selected: frozenset[ItemId]) -> None:
        """Clips without room for words, all of a colour in one stroke: first the bodies, then their title strips."""
        bodies: dict[int, tuple[QColor, list[QRectF]]] = {}
        strips: dict[int, tuple[QColor, list[QRectF]]] = {}
        for placed in small:
            ink = self._inks.of(placed.track, placed.clip)
            box = inner_of(placed.seen)
            colour = self._inks.accent if placed.clip.id in selected else ink.fill
            bodies.setdefault(colour.rgba(), (colour, []))[1].append(box)
            if colour is ink.fill and placed.box.height >= TITLED_FROM_PX:
                strip = QRectF(box.left(), box.top(), box.width(), TITLE_PX)
                strips.setdefault(ink.title.rgba(), (ink.title, []))[1].append(strip)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, boxes in (*bodies.values(), *strips.values()):
            painter.setBrush(colour)
            painter.drawRects(boxes)

    def _draw_clip(self, painter: QPainter, layout: Layout, document: Document, look: _ClipLook) -> None:
        placed, viewport = look.placed, layout.viewport
        clip, box = placed.clip, inner_of(placed.seen)
        ink = self._inks.of(placed.track, clip, missing=look.missing)
        painter.setPen(Qt.PenStyle.NoPen)
        titled = placed.box.height >= TITLED_FROM_PX
        painter.setBrush(ink.fill)
        _plate(painter, box, look.rounded)
        if titled:
            painter.setBrush(ink.title)
            _plate(painter, QRectF(box.left(), box.top(), box.width(), TITLE_PX), look.rounded)
            painter.fillRect(QRectF(box.left(), box.top() + TITLE_PX - 4, box.width(), 4), ink.title)
        if placed.box.width >= NAMED_FROM_PX:
            self._draw_body(painter, viewport, document, look, ink)
            self._draw_fades(painter, viewport, placed, look.parts)
            self._draw_line(painter, layout, look)
            self._draw_title(painter, look)
        if not clip.enabled:
            painter.fillRect(box, veil(self._inks.theme.window, 150))
            painter.fillRect(box, QBrush(self._inks.grain, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(ink.line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if not look.rounded:
            painter.drawLine(QLineF(box.left() + 0.5, box.top(), box.left() + 0.5, box.bottom()))

    def _draw_lacking(
        self, painter: QPainter, viewport: Viewport, placed: ClipBox, lacks: Lacking, parts: Parts
    ) -> None:
        """The ends of a clip that its file doesn't have any more."""
        body, last = _inner_body(parts.body), placed.start + placed.clip.duration
        for first, end in ((placed.start, placed.start + lacks.before), (last - lacks.after, last)):
            left, right = (min(max(viewport.x_of(each), body.left()), body.right()) for each in (first, end))
            if right > left:
                box = QRectF(left, body.top(), right - left, body.height())
                painter.fillRect(box, veil(self._inks.theme.window, 170))
                painter.fillRect(box, QBrush(veil(self._inks.theme.bad, 170), Qt.BrushStyle.BDiagPattern))
                self._letters.words(painter, box.adjusted(6, 0, -6, 0), "Not in the file", self._inks.text)

    def _draw_body(
        self, painter: QPainter, viewport: Viewport, document: Document, look: _ClipLook, ink: ClipInk
    ) -> None:
        placed, body = look.placed, _inner_body(look.parts.body)
        clip, words = placed.clip, ""
        if look.missing:
            painter.fillRect(body, QBrush(veil(self._inks.theme.bad, 70), Qt.BrushStyle.BDiagPattern))
            words = "Media missing"
        elif isinstance(clip.content, Title):
            words = clip.content.text.replace("\n", " / ")
        elif isinstance(clip.content, Solid):
            painter.fillRect(body.adjusted(2, 2, -2, -2), colour_of(clip.content.colour))
        elif look.media is not None and placed.track.kind is TrackKind.AUDIO:
            self._draw_wave(painter, viewport, document, placed, look.media, body, ink)
        elif look.media is not None and body.height() >= PICTURED_FROM_PX:
            self._draw_film(painter, viewport, document, placed, look.media, body)
        if words and placed.box.height >= TITLED_FROM_PX:  # lower ones have their name there
            self._letters.words(painter, body.adjusted(6, 0, -6, 0), words, self._inks.text)

    def _draw_film(
        self, painter: QPainter, viewport: Viewport, document: Document, placed: ClipBox, media: Media, body: QRectF
    ) -> None:
        """Pictures side by side, anchored at the clip's head so that they stay while the view moves."""
        clip, rate = placed.clip, document.sequence.rate
        aspect = media.width / media.height if media.height else 16 / 9
        wide = max(20.0, body.height() * min(3.0, max(0.4, aspect)))
        first = max(0, int((body.left() - placed.box.left) // wide))
        count = int((body.right() - placed.box.left) // wide) + 1 - first
        painter.fillRect(body, self._inks.shade)
        height_px = round(body.height() * viewport.scale)
        for number in range(first, first + count):
            left = placed.box.left + 1 + number * wide
            frame = min(clip.duration - 1, round((number * wide) * viewport.frames_per_px))
            target = QRectF(left, body.top(), wide, body.height()) & body
            if target.width() < 2:
                continue
            picture = self._thumbnail(media, clip.media_time(frame, rate), height_px)
            if picture is None:
                painter.setPen(QPen(self._inks.grain, 1))
                painter.drawLine(QLineF(target.right() - 0.5, target.top(), target.right() - 0.5, target.bottom()))
                continue
            scale_x, scale_y = picture.width() / wide, picture.height() / body.height()
            source = QRectF((target.left() - left) * scale_x, 0, target.width() * scale_x, target.height() * scale_y)
            painter.drawPixmap(target, picture, source)

    def _thumbnail(self, media: Media, at_s: Fraction, height_px: int) -> QPixmap | None:
        """A picture of the media, kept ready to be drawn; None if it isn't at hand yet."""
        key = (media.id, at_s, height_px)
        found = self._pictures.get(key)
        if found is None:
            made = self._thumbnails.picture(media, at_s, height_px)
            if made is None or made.isNull():
                return None
            if len(self._pictures) >= _PICTURES_KEPT:
                self._pictures.popitem(last=False)
            found = self._pictures[key] = QPixmap.fromImage(made)
        return found

    def _draw_wave(
        self, painter: QPainter, viewport: Viewport, document: Document, placed: ClipBox, media: Media,
        body: QRectF, ink: ClipInk,
    ) -> None:  # fmt: skip
        middle = body.top() + body.height() / 2
        painter.fillRect(QRectF(body.left(), middle, body.width(), 1 / viewport.scale), ink.wave)
        columns, rows = round(body.width() * viewport.scale), round(body.height() * viewport.scale)
        if columns < 2 or rows < 4 or not media.has_sound:
            return
        clip, skipped = placed.clip, round((body.left() - placed.box.left) * viewport.scale)
        volume, start_s = clip.values.get("volume"), clip.takes[clip.active].start_s
        key = (media.id, start_s, clip.speed, skipped, columns, rows, viewport.frames_per_px, volume)
        wave = self._waves.get(key)
        if wave is None:
            wave = self._made_wave(viewport, document, clip, media, (skipped, columns, rows), ink)
            if wave is None:
                return
            self._waves[key] = wave
            if len(self._waves) > _WAVES_KEPT:
                self._waves.popitem(last=False)
        painter.drawImage(body, wave)

    def _made_wave(
        self, viewport: Viewport, document: Document, clip: Clip, media: Media, size: tuple[int, int, int], ink: ClipInk
    ) -> QImage | None:
        """A clip's sound between two device pixels counted from its head; None if its peaks aren't at hand."""
        skipped, columns, rows = size
        if clip.speed == 0:
            return None
        per_column = Fraction(viewport.frames_per_px / viewport.scale).limit_denominator(1 << 20)
        per_column_s = per_column * clip.speed / document.sequence.rate
        first_s = clip.takes[clip.active].start_s + skipped * per_column_s
        last_s = first_s + columns * per_column_s
        peaks = self._waveforms.peaks(media, min(first_s, last_s), max(first_s, last_s), columns)
        if peaks is None:
            return None
        volume = value_of(clip, "volume")
        frames = (skipped + np.arange(columns if volume.keys else 1)) * float(per_column)
        gain = np.array([10 ** (volume.at(frame) / 20) for frame in frames], np.float32)[:, None]
        return wave_picture(peaks[::-1] if clip.speed < 0 else peaks, rows, gain, ink.wave, ink.wave_core)

    def forget_media(self, of: frozenset[MediaId] | None = None) -> None:
        """Ask for pictures and waveforms anew, of these media; None: of all."""
        if of is None:
            self._waves.clear()
            self._pictures.clear()
        elif of:
            for wave in [key for key in self._waves if key[0] in of]:
                del self._waves[wave]
            for picture in [key for key in self._pictures if key[0] in of]:
                del self._pictures[picture]

    def _draw_line(self, painter: QPainter, layout: Layout, look: _ClipLook) -> None:
        """The clip's number over its time, with its keys."""
        placed, body = look.placed, look.parts.body
        line = line_of(placed, layout, body)
        if line is None:
            return
        if not line.parameter.keys:
            y = round(line.y_of(line.parameter.value)) + 0.5
            if placed.track.kind is not TrackKind.AUDIO:
                painter.fillRect(QRectF(body.left, y - 1.5, body.width - 2, 3), self._inks.shade)
            painter.setPen(QPen(self._inks.fade_line, 1))
            painter.drawLine(QLineF(body.left, y, body.right - 2, y))
            return
        viewport, start, seen = layout.viewport, placed.start, placed.seen
        first, last = viewport.exact_frame_at(seen.left) - start, viewport.exact_frame_at(seen.right - 2) - start
        exact = [QPointF(viewport.x_of(start + at), line.y_of(value)) for at, value in line.path(first, last)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if placed.track.kind is not TrackKind.AUDIO:  # over a picture it has to stand out from any colour
            painter.setPen(QPen(self._inks.shade, 3))
            painter.drawPolyline(QPolygonF(exact))
        painter.setPen(QPen(self._inks.fade_line, 1.4))
        painter.drawPolyline(QPolygonF(exact))
        painter.setPen(QPen(self._inks.ground, 1))
        for key in line.keys_within(placed.clip.duration):
            chosen = layout.key == KeyPlace(placed.clip.id, line.declared.name, key.frame)
            painter.setBrush(self._inks.accent if chosen else self._inks.text)
            x, y = key_spot(line, placed, viewport, key)
            draw_key(painter, key.easing, QPointF(x, y), KEY_PX + 1 if chosen else KEY_PX)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_fades(self, painter: QPainter, viewport: Viewport, placed: ClipBox, parts: Parts) -> None:
        clip, body = placed.clip, parts.body
        if not clip.fade_in and not clip.fade_out:
            return
        top, bottom = body.top, body.bottom - 1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for frames, x, sign in ((clip.fade_in, placed.box.left, 1), (clip.fade_out, placed.box.right, -1)):
            if not frames:
                continue
            full = x + sign * viewport.px(frames)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._inks.shade)
            painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(full, top), QPointF(x, bottom)]))
            painter.setPen(QPen(self._inks.fade_line, 1))
            painter.drawLine(QLineF(x, bottom, full, top))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_handles(self, painter: QPainter, parts: Parts) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._inks.ground, 1))
        painter.setBrush(self._inks.text)
        for handle in (parts.fade_in, parts.fade_out):
            if handle is not None:
                painter.drawEllipse(QPointF(*handle), HANDLE_PX - 1, HANDLE_PX - 1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_title(self, painter: QPainter, look: _ClipLook) -> None:
        clip, title = look.placed.clip, look.parts.title
        box = QRectF(title.left + 6, title.top, max(0.0, title.width - 12), TITLE_PX)
        right = box.right()
        over_film = look.placed.box.height < TITLED_FROM_PX and look.placed.track.kind is TrackKind.VIDEO
        if over_film and look.media is not None:  # low lanes have no strip: a name has to be read on any picture
            painter.fillRect(box.adjusted(-5, 0, 5, 0), veil(self._inks.theme.panel, 180))
        if look.parts.badge is not None:
            self._draw_badge(painter, clip, look.parts.badge)
            right = look.parts.badge.left - 4
        if clip.speed != 1:
            right = self._draw_label(painter, _speed_words(clip.speed), right, title)
        if clip.link is not None and right - box.left() > 60:
            self._letters.icon(painter, "link", right - 13, title.top + 3, 12, self._inks.theme.quiet)
            right -= 16
        if clip.group is not None and right - box.left() > 60:
            self._letters.icon(painter, "group", right - 13, title.top + 3, 12, self._inks.theme.quiet)
            right -= 16
        if right - box.left() > 12:
            self._letters.words(
                painter, QRectF(box.left(), box.top(), right - box.left(), TITLE_PX), clip.name, self._inks.text
            )

    def _draw_label(self, painter: QPainter, words: str, right: float, title: Box) -> float:
        width = self._letters.name_metrics.horizontalAdvance(words) + 8
        if right - width < title.left + 20:
            return right
        box = QRectF(right - width, title.top + 3, width, 12)
        painter.fillRect(box, veil(self._inks.theme.panel, 200))
        painter.setFont(self._letters.name_font)
        painter.setPen(self._inks.guide)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
        return right - width - 4

    def _draw_badge(self, painter: QPainter, clip: Clip, badge: Box) -> None:
        """A small stack of cards: which take is shown, of how many."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = rect_of(badge)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(veil(self._inks.theme.accent, 120))
        painter.drawRoundedRect(box.translated(2, -1.5), 3, 3)
        painter.setBrush(self._inks.accent)
        painter.drawRoundedRect(box, 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setFont(self._letters.tick_font)
        painter.setPen(QColor(self._inks.theme.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{clip.active + 1}/{len(clip.takes)}")

    def _draw_selected(self, painter: QPainter, placed: ClipBox) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._inks.text, 2))
        painter.drawRoundedRect(inner_of(placed.seen).adjusted(1, 1, -1, -1), 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def draw_transition(self, painter: QPainter, placed: TransitionBox) -> None:
        box = QRectF(placed.box.left, placed.box.top + TITLE_PX, placed.box.width, placed.box.height - TITLE_PX - 1)
        if placed.box.height < TITLED_FROM_PX:
            box = inner_of(placed.box)
        if box.width() < 2:
            return
        painter.fillRect(box, veil(self._inks.theme.warn, 90))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._inks.guide, 1.2))
        painter.drawLine(QLineF(box.left(), box.bottom(), box.right(), box.top()))
        if not placed.at_tail:
            painter.drawLine(QLineF(box.left(), box.top(), box.right(), box.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(QPen(self._inks.guide, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))


@dataclass(frozen=True, slots=True)
class _ClipLook:
    placed: ClipBox
    parts: Parts
    media: Media | None
    missing: bool
    rounded: bool


def wave_picture(
    peaks: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    rows: int,
    gain: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    outer: QColor,
    core: QColor,
) -> QImage:
    """Peaks (columns, 3) as a picture of `rows` device pixels: lowest to highest in one colour, RMS in another.

    `gain` (columns or 1, 1) is what each column is multiplied with.
    """
    scaled = np.clip(peaks * gain, -1.0, 1.0)
    y = ((np.arange(rows, dtype=np.float32) + 0.5) * (-2.0 / rows) + 1.0)[:, None]
    half = 1.0 / rows  # silence still shows a thin line
    inside = (y >= scaled[None, :, 0] - half) & (y <= scaled[None, :, 1] + half)
    loud = np.abs(y) <= scaled[None, :, 2]
    pixels = np.where(inside, np.uint32(outer.rgba()), np.uint32(0))
    pixels = np.ascontiguousarray(np.where(inside & loud, np.uint32(core.rgba()), pixels))
    columns = pixels.shape[1]
    image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # the array's memory goes with this function


def _speed_words(speed: Fraction) -> str:
    if speed == 0:
        return "freeze"
    percent = f"{abs(float(speed)) * 100:g} %"
    return f"◂ {percent}" if speed < 0 else percent


def _inner_body(box: Box) -> QRectF:
    return QRectF(box.left + 1, box.top, max(0.0, box.width - 3), box.height - 2)


def _plate(painter: QPainter, box: QRectF, rounded: bool) -> None:
    if not rounded:
        painter.drawRect(box)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawRoundedRect(box, 3, 3)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
