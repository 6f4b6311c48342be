"""How the timeline is drawn. Decides nothing: rectangles come from `layout`, colours from the theme."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
    QStaticText,
    QTransform,
)

from ltxdesktop.document.model import Clip, Document, Gap, ItemId, Media, MediaId, Solid, Title, Track, TrackKind
from ltxdesktop.ui.icons import pixmap
from ltxdesktop.ui.theme import DARK, Theme, figures
from ltxdesktop.ui.timeline.hits import has_volume_keys, has_volume_line, volume_of
from ltxdesktop.ui.timeline.layout import (
    HANDLE_PX,
    MARKER_PX,
    TITLE_PX,
    TITLED_FROM_PX,
    Box,
    Button,
    ButtonBox,
    ClipBox,
    Lane,
    Layout,
    MarkerBox,
    Parts,
    TransitionBox,
    gap_box,
    header_buttons,
    parts_of,
    volume_y,
)
from ltxdesktop.ui.timeline.providers import Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport

NAMED_FROM_PX = 26
PICTURED_FROM_PX = 30
ROUNDED_UP_TO = 160  # clips; beyond it nobody sees the corners and everybody the time
_WAVES_KEPT = 1024
_TEXTS_KEPT = 4096
_PICTURES_KEPT = 800  # of about 30 kB each


def mixed(a: str, b: str, share: float, alpha: int = 255) -> QColor:
    """A colour between two: `share` 0 = a, 1 = b."""
    one, other = QColor(a), QColor(b)

    def part(x: int, y: int) -> int:
        return round(x + (y - x) * share)

    return QColor(part(one.red(), other.red()), part(one.green(), other.green()), part(one.blue(), other.blue()), alpha)


def veil(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


@dataclass(frozen=True)
class ClipInk:
    """The colours of one kind of clip."""

    fill: QColor
    title: QColor
    line: QColor
    wave: QColor
    wave_core: QColor


class Inks:
    """Every colour of the timeline, made once per theme."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        dark = theme is DARK or QColor(theme.panel).lightness() < 128
        self.ground = QColor(theme.window)
        self.lane = mixed(theme.window, theme.panel, 0.75 if dark else 0.55)
        self.header = QColor(theme.panel)
        self.ruler = QColor(theme.panel)
        self.line = QColor(theme.line)
        self.text = QColor(theme.text)
        self.quiet = QColor(theme.quiet)
        self.faint = QColor(theme.faint)
        self.accent = QColor(theme.accent)
        self.guide = QColor(theme.warn)
        self.playhead = QColor(theme.bad)
        self.bad = QColor(theme.bad)
        self.shade = veil("#000000", 110 if dark else 40)
        self.fade_line = veil("#ffffff" if dark else "#10131c", 190)
        self.grain = veil(theme.text, 22 if dark else 26)
        fill, title = (0.30, 0.50) if dark else (0.24, 0.42)
        self._kinds = {
            "video": self._clip_ink(theme, theme.accent, fill, title),
            "audio": self._clip_ink(theme, theme.good, fill * 0.8, title * 0.9),
            "drawn": self._clip_ink(theme, theme.warn, fill * 0.8, title * 0.9),
            "missing": self._clip_ink(theme, theme.bad, fill * 0.7, title * 0.8),
        }

    def _clip_ink(self, theme: Theme, hue: str, fill: float, title: float) -> ClipInk:
        return ClipInk(
            mixed(theme.panel, hue, fill),
            mixed(theme.panel, hue, title),
            mixed(theme.panel, hue, min(1.0, title + 0.2)),
            mixed(theme.panel, hue, 0.75),
            mixed(hue, theme.text, 0.35),
        )

    def of(self, track: Track, clip: Clip | None = None, *, missing: bool = False) -> ClipInk:
        if missing:
            return self._kinds["missing"]
        if track.kind is TrackKind.AUDIO:
            return self._kinds["audio"]
        if track.kind is TrackKind.SUBTITLE or (clip is not None and clip.content is not None):
            return self._kinds["drawn"]
        return self._kinds["video"]


class TimelinePainter:
    """Draws a layout. Keeps fonts, icons and waveform pictures between paints."""

    def __init__(self, theme: Theme, font: QFont, thumbnails: Thumbnails, waveforms: Waveforms) -> None:
        self.inks = Inks(theme)
        self._thumbnails, self._waveforms = thumbnails, waveforms
        self._name_font = sized(font, 11.0)
        self._bold_font = sized(font, 12.0)
        self._bold_font.setWeight(QFont.Weight.DemiBold)
        self._tick_font = figures(sized(font, 10.5))
        self._name_metrics = QFontMetricsF(self._name_font)
        self._name_height = self._name_metrics.height()
        self._texts: dict[tuple[str, int], QStaticText] = {}
        self._icons: dict[tuple[str, str, float, int], QPixmap] = {}
        self._waves: OrderedDict[tuple[object, ...], QImage] = OrderedDict()
        self._pictures: OrderedDict[tuple[MediaId, Fraction, int], QPixmap] = OrderedDict()

    def use(self, theme: Theme) -> None:
        """Draw in the colours of another theme from now on."""
        self.inks = Inks(theme)
        self._icons.clear()
        self._waves.clear()

    # ---- everything that keeps still --------------------------------------------------------------------------------

    def draw(
        self, painter: QPainter, layout: Layout, document: Document, selected: frozenset[ItemId],
        gap: ItemId | None, presence: Presence, hovered: ItemId | None = None, *, only: list[Box] | None = None,
    ) -> None:  # fmt: skip
        """Lanes, clips, ruler and headers; what moves by itself (playhead, guides) is drawn over it.

        With `only` what lies outside of these boxes is left out; the painter is clipped to them already.
        """
        if only is not None:
            layout = _cut_to(layout, only)
        viewport = layout.viewport
        painter.fillRect(QRectF(0, 0, viewport.width, viewport.height), self.inks.ground)
        painter.save()
        lanes = QRectF(HEADER_PX, RULER_PX, viewport.lanes_px, viewport.height - RULER_PX)
        painter.setClipRect(lanes, Qt.ClipOperation.IntersectClip)
        for lane in layout.lanes:
            painter.fillRect(_rect(lane.body), self.inks.lane)
        self._draw_runs(painter, layout)
        self._draw_clips(painter, layout, document, selected, presence, hovered)
        for transition in layout.transitions:
            self._draw_transition(painter, transition)
        for lane in layout.lanes:
            self._draw_lane_state(painter, lane)
            chosen = lane.track.index.get(gap) if gap is not None else None
            item = lane.track.items[chosen] if chosen is not None else None
            if isinstance(item, Gap):
                self._draw_chosen_gap(painter, gap_box(lane, item, viewport))
        for marker in layout.markers:
            if marker.clip is not None:
                self._draw_marker(painter, marker)
        if layout.selected_range is not None:
            painter.fillRect(_rect(layout.selected_range), veil(self.inks.theme.accent, 26))
        painter.restore()
        if only is None or any(box.top < RULER_PX for box in only):
            self._draw_ruler(painter, layout)
        if only is None or any(box.left < HEADER_PX for box in only):
            self._draw_headers(painter, layout)

    def _draw_runs(self, painter: QPainter, layout: Layout) -> None:
        for run in layout.runs:
            box = QRectF(run.box.left, run.box.top + 1, run.box.width, run.box.height - 2)
            ink = self.inks.of(run.track)
            if run.selected:
                painter.fillRect(box, self.inks.accent)
                continue
            painter.fillRect(box, ink.fill)
            if run.box.height >= TITLED_FROM_PX:
                painter.fillRect(QRectF(box.left(), box.top(), box.width(), TITLE_PX - 1), ink.title)

    def _draw_clips(
        self, painter: QPainter, layout: Layout, document: Document, selected: frozenset[ItemId],
        presence: Presence, hovered: ItemId | None,
    ) -> None:  # fmt: skip
        rounded = len(layout.clips) <= ROUNDED_UP_TO
        small: dict[int, tuple[QColor, list[QRectF]]] = {}
        for placed in layout.clips:
            if placed.box.width < NAMED_FROM_PX and not rounded:
                ink = self.inks.of(placed.track, placed.clip)
                colour = self.inks.accent if placed.clip.id in selected else ink.fill
                _, boxes = small.setdefault(colour.rgba(), (colour, []))
                boxes.append(_inner(placed.seen))
                continue
            media = document.media.get(placed.clip.media) if placed.clip.media is not None else None
            missing = placed.clip.media is not None and (media is None or presence.is_missing(placed.clip.media))
            look = _ClipLook(placed, parts_of(placed, layout.viewport), media, missing, rounded)
            self._draw_clip(painter, layout.viewport, document, look)
            if placed.clip.id in selected:
                self._draw_selected(painter, placed)
            if placed.clip.id in selected or placed.clip.id == hovered:
                self._draw_handles(painter, look.parts)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, boxes in small.values():
            painter.setBrush(colour)
            painter.drawRects(boxes)

    def _draw_clip(self, painter: QPainter, viewport: Viewport, document: Document, look: _ClipLook) -> None:
        placed = look.placed
        clip, box = placed.clip, _inner(placed.seen)
        ink = self.inks.of(placed.track, clip, missing=look.missing)
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
            self._draw_title(painter, look)
        if not clip.enabled:
            painter.fillRect(box, veil(self.inks.theme.window, 150))
            painter.fillRect(box, QBrush(self.inks.grain, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(ink.line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if not look.rounded:
            painter.drawLine(QLineF(box.left() + 0.5, box.top(), box.left() + 0.5, box.bottom()))

    def _draw_body(
        self, painter: QPainter, viewport: Viewport, document: Document, look: _ClipLook, ink: ClipInk
    ) -> None:
        placed, body = look.placed, _inner_body(look.parts.body)
        clip = placed.clip
        if look.missing:
            painter.fillRect(body, QBrush(veil(self.inks.theme.bad, 70), Qt.BrushStyle.BDiagPattern))
            self._words(painter, body.adjusted(6, 0, -6, 0), "Media missing", self.inks.text)
        elif isinstance(clip.content, Title):
            self._words(painter, body.adjusted(6, 0, -6, 0), clip.content.text.replace("\n", " / "), self.inks.text)
        elif isinstance(clip.content, Solid):
            painter.fillRect(body.adjusted(2, 2, -2, -2), _colour(clip.content.colour))
        elif look.media is not None and placed.track.kind is TrackKind.AUDIO:
            self._draw_wave(painter, viewport, document, placed, look.media, body, ink)
        elif look.media is not None and body.height() >= PICTURED_FROM_PX - 6:
            self._draw_film(painter, viewport, document, placed, look.media, body)
        if placed.track.kind is TrackKind.AUDIO:
            self._draw_volume(painter, viewport, placed, look.parts)
        elif "opacity" in clip.values:
            self._draw_opacity(painter, viewport, placed, look.parts)

    def _draw_film(
        self, painter: QPainter, viewport: Viewport, document: Document, placed: ClipBox, media: Media, body: QRectF
    ) -> None:
        """Pictures side by side, anchored at the clip's head so that they stay while the view moves."""
        clip, rate = placed.clip, document.sequence.rate
        aspect = media.width / media.height if media.height else 16 / 9
        wide = max(20.0, body.height() * min(3.0, max(0.4, aspect)))
        first = max(0, int((body.left() - placed.box.left) // wide))
        count = int((body.right() - placed.box.left) // wide) + 1 - first
        painter.fillRect(body, self.inks.shade)
        height_px = round(body.height() * viewport.scale)
        for number in range(first, first + count):
            left = placed.box.left + 1 + number * wide
            frame = min(clip.duration - 1, round((number * wide) * viewport.frames_per_px))
            target = QRectF(left, body.top(), wide, body.height()) & body
            if target.width() < 2:
                continue
            picture = self._thumbnail(media, clip.media_time(frame, rate), height_px)
            if picture is None:
                painter.setPen(QPen(self.inks.grain, 1))
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
        volume, start_s = volume_of(clip), clip.takes[clip.active].start_s
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
        gain = 10 ** (volume_of(clip) / 20)
        return wave_picture(peaks[::-1] if clip.speed < 0 else peaks, rows, gain, ink.wave, ink.wave_core)

    def forget_media(self) -> None:
        """Ask for pictures and waveforms anew."""
        self._waves.clear()
        self._pictures.clear()

    def _draw_volume(self, painter: QPainter, viewport: Viewport, placed: ClipBox, parts: Parts) -> None:
        clip = placed.clip
        painter.setPen(QPen(self.inks.fade_line, 1))
        if has_volume_keys(clip):
            points = [
                QPointF(placed.box.left + viewport.px(key.frame), volume_y(key.value, parts.body))
                for key in clip.values["volume"].keys
            ]
            self._draw_curve(painter, placed, points)
        elif has_volume_line(placed):
            y = round(volume_y(volume_of(clip), parts.body)) + 0.5
            painter.drawLine(QLineF(parts.body.left, y, parts.body.right, y))

    def _draw_opacity(self, painter: QPainter, viewport: Viewport, placed: ClipBox, parts: Parts) -> None:
        parameter, body = placed.clip.values["opacity"], parts.body

        def y_of(value: float) -> float:
            return body.top + 2 + (1 - min(1.0, max(0.0, value))) * (body.height - 4)

        painter.setPen(QPen(self.inks.fade_line, 1))
        if parameter.keys:
            left = placed.box.left
            points = [QPointF(left + viewport.px(key.frame), y_of(key.value)) for key in parameter.keys]
            self._draw_curve(painter, placed, points)
        else:
            y = y_of(parameter.value)
            painter.drawLine(QLineF(body.left, y, body.right, y))

    def _draw_curve(self, painter: QPainter, placed: ClipBox, points: list[QPointF]) -> None:
        ends = [QPointF(placed.box.left, points[0].y()), *points, QPointF(placed.box.right, points[-1].y())]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPolyline(QPolygonF(ends))
        painter.setBrush(self.inks.text)
        for point in points:
            diamond = [(0, -4), (4, 0), (0, 4), (-4, 0)]
            painter.drawPolygon(QPolygonF([QPointF(point.x() + dx, point.y() + dy) for dx, dy in diamond]))
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
            painter.setBrush(self.inks.shade)
            painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(full, top), QPointF(x, bottom)]))
            painter.setPen(QPen(self.inks.fade_line, 1))
            painter.drawLine(QLineF(x, bottom, full, top))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_handles(self, painter: QPainter, parts: Parts) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.inks.ground, 1))
        painter.setBrush(self.inks.text)
        for handle in (parts.fade_in, parts.fade_out):
            if handle is not None:
                painter.drawEllipse(QPointF(*handle), HANDLE_PX - 1, HANDLE_PX - 1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_title(self, painter: QPainter, look: _ClipLook) -> None:
        clip, title = look.placed.clip, look.parts.title
        box = QRectF(title.left + 6, title.top, max(0.0, title.width - 12), TITLE_PX)
        right = box.right()
        if look.parts.badge is not None:
            self._draw_badge(painter, clip, look.parts.badge)
            right = look.parts.badge.left - 4
        if clip.speed != 1:
            right = self._draw_label(painter, _speed_words(clip.speed), right, title)
        if clip.link is not None and right - box.left() > 60:
            self.icon(painter, "link", right - 13, title.top + 3, 12, self.inks.theme.quiet)
            right -= 16
        if clip.group is not None and right - box.left() > 60:
            self.icon(painter, "group", right - 13, title.top + 3, 12, self.inks.theme.quiet)
            right -= 16
        if right - box.left() > 12:
            self._words(painter, QRectF(box.left(), box.top(), right - box.left(), TITLE_PX), clip.name, self.inks.text)

    def _draw_label(self, painter: QPainter, words: str, right: float, title: Box) -> float:
        width = self._name_metrics.horizontalAdvance(words) + 8
        if right - width < title.left + 20:
            return right
        box = QRectF(right - width, title.top + 3, width, 12)
        painter.fillRect(box, veil(self.inks.theme.panel, 200))
        painter.setFont(self._name_font)
        painter.setPen(self.inks.guide)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
        return right - width - 4

    def _draw_badge(self, painter: QPainter, clip: Clip, badge: Box) -> None:
        """A small stack of cards: which take is shown, of how many."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = _rect(badge)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(veil(self.inks.theme.accent, 120))
        painter.drawRoundedRect(box.translated(2, -1.5), 3, 3)
        painter.setBrush(self.inks.accent)
        painter.drawRoundedRect(box, 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setFont(self._tick_font)
        painter.setPen(QColor(self.inks.theme.on_accent))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{clip.active + 1}/{len(clip.takes)}")

    def _draw_selected(self, painter: QPainter, placed: ClipBox) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self.inks.text, 2))
        painter.drawRoundedRect(_inner(placed.seen).adjusted(1, 1, -1, -1), 3, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _draw_chosen_gap(self, painter: QPainter, box: Box) -> None:
        painter.fillRect(_inner(box), veil(self.inks.theme.accent, 60))
        painter.setPen(QPen(self.inks.accent, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(_inner(box).adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_transition(self, painter: QPainter, placed: TransitionBox) -> None:
        box = QRectF(placed.box.left, placed.box.top + TITLE_PX, placed.box.width, placed.box.height - TITLE_PX - 1)
        if placed.box.height < TITLED_FROM_PX:
            box = _inner(placed.box)
        if box.width() < 2:
            return
        painter.fillRect(box, veil(self.inks.theme.warn, 90))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.inks.guide, 1.2))
        painter.drawLine(QLineF(box.left(), box.bottom(), box.right(), box.top()))
        if not placed.at_tail:
            painter.drawLine(QLineF(box.left(), box.top(), box.right(), box.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(QPen(self.inks.guide, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_lane_state(self, painter: QPainter, lane: Lane) -> None:
        if lane.track.locked:
            painter.fillRect(_rect(lane.body), veil(self.inks.theme.window, 90))
            painter.fillRect(_rect(lane.body), QBrush(self.inks.grain, Qt.BrushStyle.BDiagPattern))
        elif lane.track.muted:
            painter.fillRect(_rect(lane.body), veil(self.inks.theme.window, 130))

    def _draw_marker(self, painter: QPainter, placed: MarkerBox) -> None:
        colour = marker_colour(placed.marker.colour, self.inks.theme)
        half, top = MARKER_PX / 2, placed.top
        shape = [(-half, 0), (half, 0), (half, half + 1), (0, MARKER_PX), (-half, half + 1)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.inks.ground, 1))
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(placed.x + dx, top + dy) for dx, dy in shape]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        if placed.width > half:
            painter.fillRect(QRectF(placed.x + half, top + 2, placed.width - half, 3), colour)

    # ---- ruler and headers ------------------------------------------------------------------------------------------

    def _draw_ruler(self, painter: QPainter, layout: Layout) -> None:
        viewport = layout.viewport
        painter.fillRect(QRectF(0, 0, viewport.width, RULER_PX), self.inks.ruler)
        painter.save()
        painter.setClipRect(QRectF(HEADER_PX, 0, viewport.lanes_px, RULER_PX), Qt.ClipOperation.IntersectClip)
        if layout.selected_range is not None:
            self._draw_range_bar(painter, layout.selected_range)
        short: list[QLineF] = []
        long: list[QLineF] = []
        painter.setFont(self._tick_font)
        painter.setPen(self.inks.quiet)
        half = 0.5 / viewport.scale
        for tick in layout.ticks:
            height = 12 if tick.words else 5
            line = QLineF(tick.x + half, RULER_PX - height, tick.x + half, RULER_PX - 1)
            (long if tick.words else short).append(line)
            if tick.words:
                painter.drawText(QPointF(tick.x + 4, 13), tick.words)
        painter.setPen(QPen(self.inks.faint, 0))
        painter.drawLines(short)
        painter.setPen(QPen(self.inks.quiet, 0))
        painter.drawLines(long)
        for marker in layout.markers:
            if marker.clip is None:
                self._draw_marker(painter, marker)
                if marker.marker.name:
                    painter.setFont(self._name_font)
                    painter.setPen(self.inks.text)
                    painter.drawText(QPointF(marker.x + MARKER_PX, RULER_PX - 3), marker.marker.name)
        painter.restore()
        painter.fillRect(QRectF(0, RULER_PX - 1, viewport.width, 1), self.inks.line)

    def _draw_range_bar(self, painter: QPainter, box: Box) -> None:
        painter.fillRect(QRectF(box.left, 0, box.width, RULER_PX), veil(self.inks.theme.accent, 70))
        for x in (box.left, box.right - 4):
            painter.fillRect(QRectF(x, 0, 4, RULER_PX), self.inks.accent)

    def _draw_headers(self, painter: QPainter, layout: Layout) -> None:
        viewport = layout.viewport
        painter.save()
        headers = QRectF(0, RULER_PX, HEADER_PX, viewport.height - RULER_PX)
        painter.setClipRect(headers, Qt.ClipOperation.IntersectClip)
        painter.fillRect(QRectF(0, RULER_PX, HEADER_PX, viewport.height), self.inks.ground)
        any_solo = any(lane.track.soloed for lane in layout.lanes)
        for lane in layout.lanes:
            self._draw_header(painter, lane, any_solo=any_solo)
        painter.restore()
        painter.fillRect(QRectF(HEADER_PX - 1, 0, 1, viewport.height), self.inks.line)

    def _draw_header(self, painter: QPainter, lane: Lane, *, any_solo: bool) -> None:
        track, box = lane.track, lane.header
        painter.fillRect(QRectF(0, box.top, HEADER_PX - 1, box.height), self.inks.header)
        painter.fillRect(QRectF(0, box.top, 3, box.height), self.inks.of(track).line)
        silent = track.muted or (any_solo and track.kind is TrackKind.AUDIO and not track.soloed)
        buttons = header_buttons(lane)
        painter.setFont(self._bold_font)
        painter.setPen(self.inks.faint if silent else self.inks.text)
        room = QRectF(12, buttons[0].box.top, buttons[-1].box.left - 16, buttons[0].box.height)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        name = QFontMetricsF(self._bold_font).elidedText(track.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, flags, name)
        for each in buttons:
            self._draw_button(painter, track, each)
        if box.height >= 48:
            painter.setFont(self._name_font)
            painter.setPen(self.inks.quiet)
            line = QRectF(12, box.bottom - 19, HEADER_PX - 20, 15)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, track_words(track))

    def _draw_button(self, painter: QPainter, track: Track, each: ButtonBox) -> None:
        box, theme = each.box, self.inks.theme
        is_on, icon, words = button_look(track, each.button)
        if is_on:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(mixed(theme.panel, theme.bad if each.button is Button.MUTE else theme.warn, 0.45))
            painter.drawRoundedRect(_rect(box), 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        ink = theme.text if is_on else theme.quiet
        if icon:
            self.icon(painter, icon, box.left + 3, box.top + 3, 14, ink)
            return
        painter.setFont(self._bold_font)
        painter.setPen(QColor(ink))
        painter.drawText(_rect(box), Qt.AlignmentFlag.AlignCenter, words)

    # ---- what moves -------------------------------------------------------------------------------------------------

    def draw_playhead(self, painter: QPainter, viewport: Viewport, x: float) -> None:
        if x < HEADER_PX - 7:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.inks.playhead)
        head = [(-6, 14), (6, 14), (6, 22), (0, 30), (-6, 22)]
        painter.drawPolygon(QPolygonF([QPointF(x + dx + 0.5, dy) for dx, dy in head]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.fillRect(QRectF(x, 24, 1, viewport.height - 24), self.inks.playhead)

    def draw_guide(self, painter: QPainter, viewport: Viewport, x: float) -> None:
        """The line at which an edge has caught."""
        painter.setPen(QPen(self.inks.guide, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(x + 0.5, RULER_PX, x + 0.5, viewport.height))

    def draw_fill_button(self, painter: QPainter, box: Box, *, hot: bool) -> None:
        """The offer to fill a gap."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.inks.accent, 1))
        painter.setBrush(self.inks.accent if hot else QColor(self.inks.theme.accent_soft))
        painter.drawRoundedRect(_rect(box).adjusted(0.5, 0.5, -0.5, -0.5), 11, 11)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setFont(self._bold_font)
        painter.setPen(QColor(self.inks.theme.on_accent) if hot else self.inks.text)
        painter.drawText(_rect(box), Qt.AlignmentFlag.AlignCenter, "+ fill")

    def draw_rubber(self, painter: QPainter, box: Box) -> None:
        painter.fillRect(_rect(box), veil(self.inks.theme.accent, 40))
        painter.setPen(QPen(self.inks.accent, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(_rect(box).adjusted(0.5, 0.5, -0.5, -0.5))

    def draw_activity(self, painter: QPainter, box: Box, fraction: float, words: str) -> None:
        """A veil over the place, a bar at its foot, words where they fit."""
        painter.fillRect(_inner(box), veil(self.inks.theme.window, 150))
        painter.setPen(QPen(self.inks.accent, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(_inner(box).adjusted(0.5, 0.5, -0.5, -0.5))
        bar = QRectF(box.left + 2, box.bottom - 7, box.width - 4, 4)
        painter.fillRect(bar, self.inks.line)
        if fraction >= 0:
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * min(1.0, fraction), 4), self.inks.accent)
        left = max(box.left, HEADER_PX) + 6
        self._words(painter, QRectF(left, box.top + 1, box.right - left - 4, box.height - 9), words, self.inks.text)

    def draw_ghost(self, painter: QPainter, box: Box, words: str) -> None:
        """Where files will land whose length isn't known yet."""
        painter.fillRect(_inner(box), veil(self.inks.theme.accent, 70))
        painter.setPen(QPen(self.inks.accent, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(_inner(box).adjusted(0.5, 0.5, -0.5, -0.5))
        self._words(painter, _rect(box).adjusted(6, 0, -4, 0), words, self.inks.text)

    def draw_bubble(self, painter: QPainter, x: float, y: float, words: str, viewport: Viewport, *, bad: bool) -> None:
        """A line of words beside the mouse: how far, or why not."""
        painter.setFont(self._tick_font)
        width = QFontMetricsF(self._tick_font).horizontalAdvance(words) + 16
        left = min(x + 14, viewport.width - width - 4)
        top = max(RULER_PX + 2.0, y - 30)
        box = QRectF(max(HEADER_PX + 2, left), top, width, 20)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.inks.bad if bad else self.inks.line, 1))
        painter.setBrush(QColor(self.inks.theme.control))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(self.inks.text)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    # ---- small things -----------------------------------------------------------------------------------------------

    def _words(self, painter: QPainter, box: QRectF, words: str, ink: QColor) -> None:
        if box.width() < 10:
            return
        painter.setFont(self._name_font)
        painter.setPen(ink)
        text = self._text(words, int(box.width()))
        painter.drawStaticText(QPointF(box.left(), box.top() + (box.height() - self._name_height) / 2), text)

    def _text(self, words: str, width_px: int) -> QStaticText:
        """Words cut to a width, laid out once: names are drawn again with every pan."""
        key = (words, width_px)
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _TEXTS_KEPT:
                self._texts.clear()
            shown = self._name_metrics.elidedText(words, Qt.TextElideMode.ElideRight, width_px)
            found = QStaticText(shown)
            found.setTextFormat(Qt.TextFormat.PlainText)
            found.prepare(QTransform(), self._name_font)
            self._texts[key] = found
        return found

    def icon(self, painter: QPainter, name: str, x: float, y: float, size_px: int, ink: str) -> None:
        scale = painter.device().devicePixelRatioF()
        key = (name, ink, scale, size_px)
        if key not in self._icons:
            self._icons[key] = pixmap(name, ink, size_px, scale)
        painter.drawPixmap(QPointF(x, y), self._icons[key])


@dataclass(frozen=True, slots=True)
class _ClipLook:
    placed: ClipBox
    parts: Parts
    media: Media | None
    missing: bool
    rounded: bool


def wave_picture(
    peaks: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rows: int, gain: float, outer: QColor, core: QColor
) -> QImage:
    """Peaks (columns, 3) as a picture of `rows` device pixels: lowest to highest in one colour, RMS in another."""
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


def _cut_to(layout: Layout, boxes: list[Box]) -> Layout:
    """The layout without most of what touches none of the boxes: whole rows, and stretches whatever the row."""
    rows = {box.top for box in boxes if box.width >= layout.viewport.width}
    stretches: list[tuple[float, float]] = []
    for left, right in sorted((box.left, box.right) for box in boxes if box.width < layout.viewport.width):
        if stretches and left <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(right, stretches[-1][1]))
        else:
            stretches.append((left, right))

    def touched(box: Box) -> bool:
        if box.top in rows:
            return True
        left, right = box.left, box.left + box.width
        return any(left < end and begin < right for begin, end in stretches)

    return replace(
        layout,
        clips=tuple(placed for placed in layout.clips if touched(placed.seen)),
        runs=tuple(run for run in layout.runs if touched(run.box)),
        transitions=tuple(each for each in layout.transitions if touched(each.box)),
    )


def button_look(track: Track, button: Button) -> tuple[bool, str, str]:
    """(lit, icon, letter) of a header's button: an icon, or else a letter."""
    match button:
        case Button.LOCK:
            return track.locked, "lock" if track.locked else "unlock", ""
        case Button.SOLO:
            return track.soloed, "", "S"
        case Button.MUTE if track.kind is TrackKind.AUDIO:
            return track.muted, "", "M"
        case Button.MUTE:
            return track.muted, "eye-off" if track.muted else "eye", ""


def track_words(track: Track) -> str:
    """The quiet second line of a header."""
    if track.locked:
        return "locked"
    if track.kind is TrackKind.AUDIO:
        return f"{track.volume_db:+.1f} dB" if track.volume_db else "sound"
    return {TrackKind.VIDEO: "hidden" if track.muted else "picture", TrackKind.SUBTITLE: "text"}[track.kind]


MARKER_COLOURS = ("green", "blue", "red", "yellow", "purple", "white")


def marker_colour(name: str, theme: Theme) -> QColor:
    known = {
        "green": theme.good,
        "blue": theme.accent,
        "red": theme.bad,
        "yellow": theme.warn,
        "purple": "#b487ff",
        "white": theme.text,
    }
    return QColor(known.get(name, theme.good))


def sized(font: QFont, pixels: float) -> QFont:
    made = QFont(font)
    made.setPixelSize(round(pixels))
    return made


def _speed_words(speed: Fraction) -> str:
    if speed == 0:
        return "freeze"
    percent = f"{abs(float(speed)) * 100:g} %"
    return f"◂ {percent}" if speed < 0 else percent


def _colour(text: str) -> QColor:
    """ "#rrggbbaa", as the document writes it."""
    colour = QColor(text[:7])
    if len(text) == 9:
        colour.setAlpha(int(text[7:], 16))
    return colour


def _rect(box: Box) -> QRectF:
    return QRectF(box.left, box.top, box.width, box.height)


def _inner(box: Box) -> QRectF:
    """A clip's own area: a hair smaller, so that neighbours can be told apart."""
    return QRectF(box.left, box.top, max(1.0, box.width - 1), box.height - 1)


def _inner_body(box: Box) -> QRectF:
    return QRectF(box.left + 1, box.top, max(0.0, box.width - 3), box.height - 2)


def _plate(painter: QPainter, box: QRectF, rounded: bool) -> None:
    if not rounded:
        painter.drawRect(box)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawRoundedRect(box, 3, 3)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
