"""What the timeline shows: a document in a viewport, painted from its layout. Hands are in `view`."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence as Listed
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ltxdesktop.document.model import Document, Gap, ItemId, MediaId, Sequence, TrackId
from ltxdesktop.document.time import timecode
from ltxdesktop.ui.theme import Look
from ltxdesktop.ui.timeline.activity import Activity, activity_boxes
from ltxdesktop.ui.timeline.boxes import PLAIN_LINES, Box, LineNames
from ltxdesktop.ui.timeline.hits import Hit, OnGap, hit
from ltxdesktop.ui.timeline.layout import Layout, content_px, fill_box, gap_box, lane_share, lay_out
from ltxdesktop.ui.timeline.painting import TimelinePainter
from ltxdesktop.ui.timeline.providers import AllPresent, NoPeaks, NoPictures, Presence, Thumbnails, Waveforms
from ltxdesktop.ui.timeline.selection import Selection
from ltxdesktop.ui.timeline.still import Shown, StillPicture
from ltxdesktop.ui.timeline.viewport import HEADER_PX, RULER_PX, Viewport

NEWS_MS = 80


class TimelineSurface(QWidget):
    """Tracks, clips, ruler and headers. Give it documents and a playhead."""

    viewport_changed = Signal()

    def __init__(
        self, look: Look, document: Document, selection: Selection, *, thumbnails: Thumbnails | None,
        waveforms: Waveforms | None, presence: Presence | None, parent: QWidget | None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._look, self.selection = look, selection
        self._painter = TimelinePainter(look.theme, self.font(), thumbnails or NoPictures(), waveforms or NoPeaks())
        self._still = StillPicture(self._painter, presence or AllPresent())
        self._document = document  # as shown: with the edit of a drag, while there is one
        self._viewport = Viewport(800, 240, scale=self.devicePixelRatioF())
        self._layout: Layout | None = None
        self._playhead = 0
        self._heights: dict[TrackId, int] = {}
        self._lines = PLAIN_LINES
        self._aimed: frozenset[TrackId] = frozenset()
        self._activities: tuple[Activity, ...] = ()
        self._planned: tuple[Activity, ...] = ()
        # What lies over the still picture
        self._guide: int | None = None
        self._blade_at: int | None = None
        self._bubble, self._bubble_is_bad = "", False
        self._rubber: Box | None = None
        self._ghost: tuple[Box, str] | None = None
        self._open_gap: OnGap | None = None  # the one under the mouse, where filling is offered
        self._hovered: ItemId | None = None
        self._mouse = QPointF(-1, -1)
        self._news = QTimer(self)
        self._news.setSingleShot(True)
        self._news.setInterval(NEWS_MS)
        self._news.timeout.connect(self._show_news)
        self.setMinimumSize(HEADER_PX + 160, RULER_PX + 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Timeline")
        look.changed.connect(self._show_theme)
        selection.changed.connect(self._show_selection)
        self._describe()

    @property
    def is_dragging(self) -> bool:
        """Whether somebody holds something with the mouse."""
        return False

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(1100, 320)

    @property
    def sequence(self) -> Sequence:
        """The sequence as it is shown."""
        return self._document.sequence

    @property
    def viewport(self) -> Viewport:
        return self._viewport

    @property
    def playhead(self) -> int:
        return self._playhead

    def show_document(self, document: Document) -> None:
        """Show another state of the project."""
        self._painter.forget_media(_changed_media(self._document, document))
        self._document = document
        self._heights = {}
        self.selection.keep_existing(document.sequence)
        self.set_viewport(self._viewport)  # other tracks have other heights
        self._renew()
        self._describe()

    def show_new_media(self) -> None:
        """Thumbnails or waveforms have arrived: they're shown soon, many at a time."""
        if not self._news.isActive():
            self._news.start()

    def _show_news(self) -> None:
        """What was drawn already is as it was: only what wasn't at hand is asked for again."""
        self._still.forget()
        self.update()

    def set_playhead(self, frame: int, *, follow: bool = False) -> None:
        """Move the playhead; with `follow` the view turns its page when it leaves, unless someone is dragging."""
        if follow and not self.is_dragging:
            self.set_viewport(self._viewport.showing(frame))
        if frame == self._playhead:
            return
        old, self._playhead = self._playhead, frame
        for each in (old, frame):
            self.update(QRect(round(self._viewport.x_of(each)) - 8, 0, 17, self.height()))
        self._describe()

    def set_viewport(self, viewport: Viewport) -> None:
        """Show another part. Sizes are always the widget's own."""
        share = viewport.lane_share if self._heights else lane_share(self.sequence, self.height() - RULER_PX)
        size = replace(
            viewport, width=float(self.width()), height=float(self.height()), scale=self.devicePixelRatioF(),
            lane_share=share,
        )  # fmt: skip
        size = size.panned(0, 0, content_px=content_px(self.sequence, size, self._heights))
        if size != self._viewport:
            self._viewport = size
            self._renew()
            self.viewport_changed.emit()

    def set_activity(self, activities: Listed[Activity]) -> None:
        """Show what jobs are doing, over the clips and ranges they do it to; an empty list shows none."""
        self._activities = tuple(activities)
        self.update()

    def set_planned(self, planned: Listed[Activity]) -> None:
        """Show where something would be made, if it were asked for."""
        if self._planned != tuple(planned):
            self._planned = tuple(planned)
            self.update()

    @property
    def lines(self) -> LineNames:
        """Which number of clips is drawn as a line in them."""
        return self._lines

    def show_lines(self, lines: LineNames) -> None:
        self._lines = lines
        self.redraw()

    def show_aimed(self, tracks: Collection[TrackId]) -> None:
        """Mark the tracks that inserts and pastes go to."""
        self._aimed = frozenset(tracks)
        self.redraw()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Nearer by a factor, around x; without it around the playhead if it is in view, else around the middle."""
        if x is None:
            x = self._viewport.x_of(self._playhead)
            if not HEADER_PX <= x <= self.width():
                x = HEADER_PX + self._viewport.lanes_px / 2
        self.set_viewport(self._viewport.zoomed(factor, x))

    def show_part(self, first_frame: float, frames_per_px: float) -> None:
        """Show another stretch of time at another scale; up and down nothing moves."""
        self.set_viewport(replace(self._viewport, first_frame=first_frame, frames_per_px=frames_per_px))

    def zoom_to_fit(self) -> None:
        self.set_viewport(self._viewport.fitted(self.sequence.duration))

    def redraw(self) -> None:
        """Draw everything anew, for what documents don't tell: missing media were found, a font is another."""
        self._painter.forget_media()
        self._still.forget()
        self._renew()

    def _renew(self) -> None:
        """Lay out anew at the next paint, and draw what differs."""
        self._layout = None
        self.update()

    def placed(self) -> Layout:
        """The layout of what is shown, made when it's needed."""
        if self._layout is None:
            selection = self.selection
            self._layout = lay_out(
                self.sequence, self._viewport, selected=selection.clips, heights=self._heights or None,
                key=selection.key, lines=self._lines, aimed=self._aimed,
            )  # fmt: skip
        return self._layout

    def hit_at(self, x: float, y: float) -> Hit:
        """What lies at a point of the widget."""
        return hit(self.placed(), self.sequence, x, y)

    # ---- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        layout, selection = self.placed(), self.selection
        shown = Shown(layout, self._document, selection.clips, selection.gap, self._hovered)
        still = self._still.of(shown)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, still)
        painter.save()
        painter.setClipRect(QRectF(HEADER_PX, RULER_PX, layout.viewport.lanes_px, layout.viewport.height))
        for plan in self._planned:
            for box in activity_boxes(layout, plan):
                self._painter.draw_plan(painter, box, plan.words)
        for activity in self._activities:
            for box in activity_boxes(layout, activity):
                self._painter.draw_activity(painter, box, activity.fraction, activity.words)
        if self._ghost is not None:
            self._painter.draw_ghost(painter, *self._ghost)
        if self._open_gap is not None:
            button = self._fill_button(self._open_gap, layout)
            if button is not None:
                self._painter.draw_fill_button(painter, button, hot=self._open_gap.fill)
        if self._rubber is not None:
            self._painter.draw_rubber(painter, self._rubber)
        painter.restore()
        guide = self._guide if self._guide is not None else self._blade_at
        if guide is not None:
            self._painter.draw_guide(painter, layout.viewport, layout.viewport.x_of(guide))
        self._painter.draw_playhead(painter, layout.viewport, layout.viewport.x_of(self._playhead))
        if self._bubble:
            at = self._mouse
            self._painter.draw_bubble(painter, at.x(), at.y(), self._bubble, layout.viewport, bad=self._bubble_is_bad)

    def _fill_button(self, offered: OnGap, layout: Layout) -> Box | None:
        """Where it is; None if an edit has closed the gap since the mouse came to it, or it's too narrow."""
        lane = next((lane for lane in layout.lanes if offered.gap.id in lane.track.index), None)
        item = lane.track.items[lane.track.index[offered.gap.id]] if lane is not None else None
        if lane is None or not isinstance(item, Gap):
            return None
        return fill_box(gap_box(lane, item, layout.viewport))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.set_viewport(self._viewport)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._still.forget()
            self._renew()

    def _show_theme(self) -> None:
        self._painter.use(self._look.theme)
        self._still.forget()
        self._renew()

    def _show_selection(self) -> None:
        self._renew()
        self._describe()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._still.forget()
            self.set_viewport(self._viewport)
        return super().event(event)

    def _describe(self) -> None:
        """For screen readers: where the playhead is and what is selected."""
        sequence = self.sequence
        at = timecode(sequence.first_frame + self._playhead, sequence.rate, drop=sequence.drop_frame)
        clips = self.selection.clips
        chosen = f"{len(clips)} clips selected" if len(clips) > 1 else "nothing selected"
        if len(clips) == 1:
            clip = sequence.clip(next(iter(clips)))
            chosen = f"{clip.name} selected" if clip is not None else chosen
        elif self.selection.gap is not None:
            chosen = "a gap selected"
        self.setAccessibleDescription(f"Playhead at {at}, {chosen}")


def _changed_media(before: Document, after: Document) -> frozenset[MediaId]:
    """Media that both know, with another file or other facts now."""
    if before.media is after.media:
        return frozenset()
    return frozenset(name for name, media in before.media.items() if after.media.get(name, media) is not media)
