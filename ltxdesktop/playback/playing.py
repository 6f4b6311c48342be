"""A run that plays by a clock: which picture is due, which come next, and how it goes on in a film that was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from ltxdesktop.playback.clock import Clock
from ltxdesktop.playback.feed import Feed
from ltxdesktop.playback.shuttle import Run


@dataclass(frozen=True)
class Playing:
    """A run with its clock, which is None until the sound thread has said which it is. `since_s`: when it began, by
    that clock. An edit gives another run under the same clock, heard from the same feed."""

    run: Run
    feed: Feed
    clock: Clock | None = None
    since_s: float = 0.0

    def steps(self) -> int:
        """Which step is due now."""
        return self.run.steps_at(self.clock.elapsed_s() - self.since_s) if self.clock is not None else 0

    def coming(self, shown_step: int, ahead: int, cost_s: float) -> list[int]:
        """The frames that should be made now, the first needed first: at most `ahead`, after the step that is shown.
        What is begun now is done only `cost_s` later."""
        run = self.run
        due = max(self.steps(), shown_step + 1)
        if cost_s > run.interval_s:
            due += ceil(cost_s / run.interval_s)
        last = run.last_step
        steps = range(due, due + ahead) if last is None else range(min(due, last), min(due + ahead, last + 1))
        return list(dict.fromkeys(run.frame_at(step) for step in steps))

    def inside(self, first: int, end: int, *, loops: bool) -> Playing:
        """The same inside of other frames [first, end), from the picture that is due now, which is step 0 then."""
        run, due = self.run, self.steps()
        last = run.last_step
        start = run.frame_at(due if last is None else min(due, last))
        start = first + (start - first) % (end - first) if loops else min(max(start, first), end - 1)
        changed = replace(run, start=start, first=first, end=end, loops=loops)
        self.feed.keep_to(changed)
        return replace(self, run=changed, since_s=self.since_s + due * run.interval_s)
