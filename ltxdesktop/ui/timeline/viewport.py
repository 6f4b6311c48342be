"""Which part of a sequence the timeline shows, and how frames and pixels correspond. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor

HEADER_PX = 152  # the column of track headers on the left
RULER_PX = 32
_HALF = 0.5 + 1e-6  # halves go up even when the arithmetic is a hair off: a pan must shift every edge alike
FINEST = 1 / 80  # frames per pixel: a frame is at most 80 px wide
COARSEST = 400_000.0
EMPTY_FRAMES = 1500  # what an empty sequence shows: a minute at 25


@dataclass(frozen=True, slots=True)
class Viewport:
    """A window into the sequence. All sizes are logical pixels of the widget; `scale` is the screen's pixel ratio."""

    width: float
    height: float
    first_frame: float = 0.0  # at the left end of the lanes
    frames_per_px: float = 1.0
    scroll_y: float = 0.0
    scale: float = 1.0
    lane_share: float = 1.0  # of their usual height that lanes have

    @property
    def lanes_px(self) -> float:
        """The width of the lanes: all but the headers."""
        return max(1.0, self.width - HEADER_PX)

    @property
    def last_frame(self) -> float:
        return self.first_frame + self.lanes_px * self.frames_per_px

    def x_of(self, frame: float) -> float:
        """Where a frame begins, on a whole pixel of the screen so that edges are crisp at every scale."""
        x = HEADER_PX + (frame - self.first_frame) / self.frames_per_px
        return floor(x * self.scale + _HALF) / self.scale

    def px(self, frames: float) -> float:
        """How wide so many frames are."""
        return frames / self.frames_per_px

    def exact_frame_at(self, x: float) -> float:
        return self.first_frame + (x - HEADER_PX) * self.frames_per_px

    def frame_at(self, x: float) -> int:
        """The frame under x; may be negative."""
        return floor(self.exact_frame_at(x) + 1e-9)

    def border_at(self, x: float) -> int:
        """The border between frames that is nearest to x: border n is where frame n begins."""
        return floor(self.exact_frame_at(x) + 0.5)

    def zoomed(self, factor: float, x: float) -> Viewport:
        """Nearer by `factor` (2 = frames twice as wide); what is under x stays there where it can."""
        wanted = min(COARSEST, max(FINEST, self.frames_per_px / factor))
        first = self.exact_frame_at(x) - (x - HEADER_PX) * wanted
        return replace(self, frames_per_px=wanted, first_frame=max(0.0, first))

    def fitted(self, duration: int) -> Viewport:
        """All of so many frames, with a little room behind them; of nothing, room to begin."""
        wanted = (duration or EMPTY_FRAMES) * 1.04 / self.lanes_px
        return replace(self, frames_per_px=min(COARSEST, max(FINEST, wanted)), first_frame=0.0)

    def panned(self, dx: float, dy: float = 0.0, *, content_px: float | None = None) -> Viewport:
        """Moved by whole pixels; never before frame 0 nor above the first lane, nor below `content_px` of lanes."""
        first = max(0.0, self.first_frame + round(dx) * self.frames_per_px)
        lowest = float("inf") if content_px is None else max(0.0, content_px - (self.height - RULER_PX))
        return replace(self, first_frame=first, scroll_y=min(lowest, max(0.0, self.scroll_y + round(dy))))

    def showing(self, frame: int, margin_px: float = 24.0) -> Viewport:
        """Moved by a page if the frame isn't in view, so that it is near the left end."""
        x = HEADER_PX + (frame - self.first_frame) / self.frames_per_px
        if HEADER_PX <= x <= self.width - margin_px:
            return self
        return replace(self, first_frame=max(0.0, frame - margin_px * 2 * self.frames_per_px))
