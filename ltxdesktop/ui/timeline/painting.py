"""How the timeline is drawn. Decides nothing: rectangles come from `layout`, colours from the theme."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPen,
    QPolygonF,
)

from ltxdesktop.document.model import Document, Gap, ItemId, MediaId, Track, TrackKind
from ltxdesktop.ui.theme import Theme
from ltxdesktop.ui.timeline.boxes import Box, Button, ButtonBox, Lane, MarkerBox, Tick
from ltxdesktop.ui.timeline.clip_painting import ClipPainter
from ltxdesktop.ui.timeline.inks import Inks, marker_colour, mixed, veil
from ltxdesktop.ui.timeline.layout import MARKER_PX, TICK_PX, TWO_ROWS_PX, Layout, gap_box, header_buttons
from ltxdesktop.ui.timeline.lettering import LEFT, Lettering, inner_of, rect_of
from ltxdesktop.ui.timeline.providers import Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport


class TimelinePainter:
    """Draws a layout: the lanes with what lies on them, ruler, headers, and what moves over them."""

    def __init__(self, theme: Theme, font: QFont, thumbnails: Thumbnails, waveforms: Waveforms) -> None:
        self.inks = Inks(theme)
        self._letters = Lettering(font)
        self._clips = ClipPainter(self.inks, self._letters, thumbnails, waveforms)

    def use(self, theme: Theme) -> None:
        """Draw in the colours of another theme from now on."""
        self.inks = Inks(theme)
        self._clips.use(self.inks)

    def forget_media(self, of: frozenset[MediaId] | None = None) -> None:
        """Ask for pictures and waveforms anew, of these media; None: of all."""
        self._clips.forget_media(of)

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
            painter.fillRect(rect_of(lane.body), self.inks.lane)
        self._clips.draw_runs(painter, layout)
        self._clips.draw_clips(painter, layout, document, selected, presence, hovered)
        for transition in layout.transitions:
            self._clips.draw_transition(painter, transition)
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
            painter.fillRect(rect_of(layout.selected_range), veil(self.inks.theme.accent, 26))
        painter.restore()
        if only is None or any(box.top < RULER_PX for box in only):
            self._draw_ruler(painter, layout)
        if only is None or any(box.left <= 0 for box in only):
            self._draw_headers(painter, layout)

    def _draw_chosen_gap(self, painter: QPainter, box: Box) -> None:
        painter.fillRect(inner_of(box), veil(self.inks.theme.accent, 60))
        painter.setPen(QPen(self.inks.accent, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(inner_of(box).adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_lane_state(self, painter: QPainter, lane: Lane) -> None:
        if lane.track.locked:
            painter.fillRect(rect_of(lane.body), veil(self.inks.theme.window, 90))
            painter.fillRect(rect_of(lane.body), QBrush(self.inks.grain, Qt.BrushStyle.BDiagPattern))
        elif lane.track.muted:
            painter.fillRect(rect_of(lane.body), veil(self.inks.theme.window, 130))

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
        painter.setFont(self._letters.tick_font)
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
                    painter.setFont(self._letters.name_font)
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
            self._draw_header(painter, lane, any_solo=any_solo, aimed=lane.track.id in layout.aimed)
        painter.restore()
        painter.fillRect(QRectF(HEADER_PX - 1, 0, 1, viewport.height), self.inks.line)

    def _draw_header(self, painter: QPainter, lane: Lane, *, any_solo: bool, aimed: bool) -> None:
        track, box = lane.track, lane.header
        painter.fillRect(QRectF(0, box.top, HEADER_PX - 1, box.height), self.inks.header)
        painter.fillRect(QRectF(0, box.top, 3, box.height), self.inks.of(track).line)
        silent = track.muted or (any_solo and track.kind is TrackKind.AUDIO and not track.soloed)
        buttons = header_buttons(lane)
        for each in buttons:
            if each.button is Button.AIM and aimed:
                self._draw_plate(painter, each.box, mixed(self.inks.theme.panel, self.inks.theme.accent, 0.55))
            elif each.button is not Button.AIM:
                self._draw_button(painter, track, each)
        first = buttons[0].box
        right = min(each.box.left for each in buttons if each.button is not Button.AIM)
        room = QRectF(12, first.top, right - 20, first.height)
        painter.setFont(self._letters.bold_font)
        painter.setPen(self.inks.faint if silent else self.inks.text)
        name = QFontMetricsF(self._letters.bold_font).elidedText(track.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, LEFT, name)
        if box.height >= TWO_ROWS_PX:
            painter.setFont(self._letters.name_font)
            painter.setPen(self.inks.quiet)
            line = QRectF(12, box.bottom - 19, HEADER_PX - 48, 15)
            painter.drawText(line, LEFT, track_words(track))

    def _draw_button(self, painter: QPainter, track: Track, each: ButtonBox) -> None:
        box, theme = each.box, self.inks.theme
        is_on, icon, words = button_look(track, each.button)
        if is_on:
            self._draw_plate(
                painter, box, mixed(theme.panel, theme.bad if each.button is Button.MUTE else theme.warn, 0.45)
            )
        ink = theme.text if is_on else theme.quiet
        if icon:
            self._letters.icon(painter, icon, box.left + 3, box.top + 3, 14, ink)
            return
        painter.setFont(self._letters.bold_font)
        painter.setPen(QColor(ink))
        painter.drawText(rect_of(box), Qt.AlignmentFlag.AlignCenter, words)

    def _draw_plate(self, painter: QPainter, box: Box, colour: QColor) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(rect_of(box), 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

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
        painter.drawRoundedRect(rect_of(box).adjusted(0.5, 0.5, -0.5, -0.5), 11, 11)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setFont(self._letters.bold_font)
        painter.setPen(QColor(self.inks.theme.on_accent) if hot else self.inks.text)
        painter.drawText(rect_of(box), Qt.AlignmentFlag.AlignCenter, "+ fill")

    def draw_rubber(self, painter: QPainter, box: Box) -> None:
        painter.fillRect(rect_of(box), veil(self.inks.theme.accent, 40))
        painter.setPen(QPen(self.inks.accent, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect_of(box).adjusted(0.5, 0.5, -0.5, -0.5))

    def draw_activity(self, painter: QPainter, box: Box, fraction: float, words: str) -> None:
        """A veil over the place, a bar at its foot, words where they fit."""
        painter.fillRect(inner_of(box), veil(self.inks.theme.window, 150))
        painter.setPen(QPen(self.inks.accent, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(inner_of(box).adjusted(0.5, 0.5, -0.5, -0.5))
        bar = QRectF(box.left + 2, box.bottom - 7, box.width - 4, 4)
        painter.fillRect(bar, self.inks.line)
        if fraction >= 0:
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * min(1.0, fraction), 4), self.inks.accent)
        left = max(box.left, HEADER_PX) + 6
        self._letters.words(
            painter, QRectF(left, box.top + 1, box.right - left - 4, box.height - 9), words, self.inks.text
        )

    def draw_plan(self, painter: QPainter, box: Box, words: str) -> None:
        """A frame around what would be made; what isn't there yet has words in it, and a light ground."""
        if words:
            self.draw_ghost(painter, box, words)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        frame = inner_of(box).adjusted(1, 1, -1, -1)
        for pen in (QPen(QColor(self.inks.theme.window), 2), QPen(self.inks.accent, 2, Qt.PenStyle.DashLine)):
            painter.setPen(pen)  # in two colours: pictures lie below, dark ones and light ones
            painter.drawRect(frame)

    def draw_ghost(self, painter: QPainter, box: Box, words: str) -> None:
        """Where something will be that isn't there yet."""
        painter.fillRect(inner_of(box), veil(self.inks.theme.accent, 70))
        painter.setPen(QPen(self.inks.accent, 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(inner_of(box).adjusted(0.5, 0.5, -0.5, -0.5))
        self._letters.words(painter, rect_of(box).adjusted(6, 0, -4, 0), words, self.inks.text)

    def draw_bubble(self, painter: QPainter, x: float, y: float, words: str, viewport: Viewport, *, bad: bool) -> None:
        """A line of words beside the mouse: how far, or why not."""
        painter.setFont(self._letters.tick_font)
        width = QFontMetricsF(self._letters.tick_font).horizontalAdvance(words) + 16
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


def _cut_to(layout: Layout, boxes: list[Box]) -> Layout:
    """The layout without most of what touches none of the boxes: whole rows, and stretches of one or of all."""
    wide = [box for box in boxes if box.width >= layout.viewport.width]
    stretches: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for box in sorted(boxes):
        if box.width < layout.viewport.width:
            spans = stretches.setdefault((box.top, box.bottom), [])
            if spans and box.left <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(box.right, spans[-1][1]))
            else:
                spans.append((box.left, box.right))

    def touched(box: Box) -> bool:
        if any(row.top < box.bottom and box.top < row.bottom for row in wide):
            return True
        left, right = box.left, box.left + box.width
        return any(
            top < box.bottom and box.top < bottom and any(left < end and begin < right for begin, end in spans)
            for (top, bottom), spans in stretches.items()
        )

    return replace(
        layout,
        clips=tuple(placed for placed in layout.clips if touched(placed.seen)),
        runs=tuple(run for run in layout.runs if touched(run.box)),
        transitions=tuple(each for each in layout.transitions if touched(each.box)),
        ticks=layout.ticks if wide else tuple(tick for tick in layout.ticks if touched(_label_box(tick))),
    )


def _label_box(tick: Tick) -> Box:
    return Box(tick.x, 0, TICK_PX, RULER_PX)


def button_look(track: Track, button: Button) -> tuple[bool, str, str]:
    """(lit, icon, letter) of a header's button: an icon, or else a letter."""
    match button:
        case Button.LOCK:
            return track.locked, "lock" if track.locked else "unlock", ""
        case Button.SOLO:
            return track.soloed, "", "S"
        case Button.MUTE if track.kind is TrackKind.AUDIO:
            return track.muted, "", "M"
        case Button.SYNC:
            return not track.sync_locked, "sync" if track.sync_locked else "sync-off", ""
        case Button.AIM:
            return False, "", track.name
        case Button.MUTE:
            return track.muted, "eye-off" if track.muted else "eye", ""


def track_words(track: Track) -> str:
    """The quiet second line of a header."""
    if track.locked:
        return "locked"
    if track.kind is TrackKind.AUDIO:
        return f"{track.volume_db:+.1f} dB" if track.volume_db else "sound"
    return {TrackKind.VIDEO: "hidden" if track.muted else "picture", TrackKind.SUBTITLE: "text"}[track.kind]
