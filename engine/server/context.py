"""A running job, seen from the backend: turns what it tells into events, and a cancel into an exception."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.backends.base import Job, NoticeKind
from engine.protocol.framing import EVENT_LIMITS
from engine.protocol.messages import JobNotice, JobPreview, JobProgress, Timing
from engine.protocol.ring import RingWriter
from engine.server.outbox import Outbox
from engine.server.progress import ProgressClock
from engine.server.timed import History, TimedJob, Told

PREVIEW_EVERY_S = 0.1


class RunningJob(TimedJob):
    """The context of one job, made by the work loop, asked to end by the pipe thread."""

    def __init__(
        self,
        job: Job,
        *,
        scratch: Path,
        output_folder: Path,
        outbox: Outbox,
        ring: RingWriter | None,
        previews: bool,
        history: History,
        remember: Callable[[str], None],
        ring_lock: threading.Lock,
    ) -> None:
        super().__init__(scratch, output_folder, threading.Event(), history, ProgressClock())
        self.job = job
        self.remembered = False  # whether a later engine can pick it up
        self.cancelled_by_person = False
        self._outbox = outbox
        self._ring = ring
        self._previews = previews
        self._remember = remember
        self._last_preview_s = -1e9
        self._ring_lock = ring_lock

    def cancel(self) -> None:
        """Ask the job to end at its next look, because the person said so."""
        self.cancelled_by_person = True
        self._ending.set()

    def interrupt(self) -> None:
        """Ask the job to end at its next look, because the engine ends."""
        self._ending.set()

    # --- what the backend calls ---

    @property
    def wants_preview(self) -> bool:
        return self._previews and time.monotonic() - self._last_preview_s >= PREVIEW_EVERY_S

    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        if not self._previews:
            return
        picture = memoryview(pixels).cast("B")
        if min(width, height, frames) < 1 or picture.nbytes != width * height * frames * 3:
            what = f"{frames} frames of {width} x {height} pixels are not {picture.nbytes} bytes"
            raise ValueError(f"a preview that can't be: {what}")
        self._last_preview_s = time.monotonic()
        told = JobPreview(
            job=self.job.id,
            width=width,
            height=height,
            frames=frames,
            rate=rate,
            step=self.clock.done,
            variation=variation,
        )
        if self._ring is not None and picture.nbytes <= self._ring.slot_bytes:
            with self._ring_lock:
                slot, stamp = self._ring.write(picture)
                self._outbox.post_preview(replace(told, slot=slot, stamp=stamp))
            return
        fitting = EVENT_LIMITS.body_bytes // (width * height * 3)
        if fitting:  # else not even one picture fits, and there is no preview
            frames = min(frames, fitting)
            self._outbox.post_preview(replace(told, frames=frames), bytes(picture[: width * height * frames * 3]))

    def notice(self, kind: NoticeKind, message: str) -> None:
        self._outbox.post(JobNotice(job=self.job.id, kind=kind, message=message))

    def remember(self, resume: str) -> None:
        self._remember(resume)
        self.remembered = bool(resume)

    # --- what the work loop calls at the end ---

    def finish(self) -> list[tuple[Timing, float]]:
        """End the last phase; return how long each took, with its amount of work."""
        return self.clock.finish()

    def _show(self, told: Told) -> None:
        self._outbox.post_progress(
            JobProgress(
                job=self.job.id,
                phase=self.clock.name,
                phase_index=self.clock.index,
                phase_count=self.clock.count,
                step=self.clock.done,
                steps=self.clock.steps,
                fraction=self.clock.fraction(),
                seconds_left=self.clock.seconds_left(),
                variation=self.variation,
                variations=self.job.work.variations,
            )
        )
