"""Which part of the film a file of another shape keeps, frame by frame: each clip's own place, or the one of all."""

from __future__ import annotations

from collections.abc import Mapping

from ltxdesktop.document.model import Clip, Media, MediaId, Sequence
from ltxdesktop.document.parameters import KEPT_PART
from ltxdesktop.render.plan import Crossing, Layer, Plan, Visible, is_text


class Reframing:
    """Answers for one sequence; `general` (0 left or top, 1 right or bottom) is where clips lie that say nothing.

    Of the layers that are seen, the topmost with a place of its own decides. In a transition the place moves from that
    of the one side to that of the other, so that nothing jumps. Not for several threads at once.
    """

    def __init__(self, sequence: Sequence, media: Mapping[MediaId, Media], general: float) -> None:
        self._plan, self._general = Plan(sequence, media), general

    def at(self, frame: int) -> float:
        """The place at a frame of the sequence, 0..1."""
        for visible in reversed(self._plan.span_at(frame).layers):
            found = self._own(visible, frame)
            if found is not None:
                return found
        return self._general

    def deciding(self, frame: int) -> Layer | None:
        """The clip whose place counts at a frame, or would if it had one; None where there is nothing but titles."""
        layers = [layer for each in reversed(self._plan.span_at(frame).layers) if (layer := _later(each)) is not None]
        own = (layer for layer in layers if _says(layer.clip))
        pictures = (layer for layer in layers if not is_text(layer))
        return next(own, None) or next(pictures, None)

    def cut(self, frame: int, *, back: bool) -> int:
        """The next frame at which something else is seen, or the first frame of what is seen before this; may lie
        outside of the film."""
        span = self._plan.span_at(frame)
        return self._plan.span_at(span.first - 1).first if back else span.last

    def _own(self, visible: Visible, frame: int) -> float | None:
        if isinstance(visible, Layer):
            return visible.clip.values[KEPT_PART].at(visible.frame(frame)) if _says(visible.clip) else None
        sides = [self._own(side, frame) if side is not None else None for side in (visible.left, visible.right)]
        if sides == [None, None]:
            return None
        left, right = (self._general if side is None else side for side in sides)
        return left + (right - left) * visible.progress(frame)


def _says(clip: Clip) -> bool:
    return KEPT_PART in clip.values


def _later(visible: Visible) -> Layer | None:
    """Of a transition the side that comes, if anything does."""
    return visible.right or visible.left if isinstance(visible, Crossing) else visible
