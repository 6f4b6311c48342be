"""Plans which frames around a time range the model sees and makes: retake, extend, fill, longer than one pass.

Only numbers: nothing here decodes or computes. One rule serves every mode. A job asks for frames [a, b) in its own
numbering; there may be known frames before a and behind b. Around them a window of 8k + 1 frames is laid so that
the known frames before a end exactly where a latent frame ends: everything kept is then whole latent frames.

    known frames     |<- lead ->|<------- asked ------->|slack|<- tail ->|
    latent frames    0|1        |f0                           |f1        |
                      kept       made new                      kept

`slack` (0-7 frames) is what the last new latent frame covers behind b. Where the media end too early for whole
latent frames, the window is filled by reflection. Numbering: a retake counts in frames of its media; an extension
too (forward asks [length, length + n), backward [-n, 0)); a gap of n asks [0, n), "before" ends at 0 and "after"
starts at n; a new clip asks [0, n).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple

from engine.protocol.grid import (
    AUDIO_TIME,
    LTX_SCALE,
    FrameRange,
    GridError,
    LatentRange,
    ScaleFactors,
    audio_latents,
    latents_touching,
    mirrored,
    samples_of_frames,
    snap_frames_down,
    snap_up,
)

CONTEXT_SECONDS = 2  # design.md section 5: up to ~2 s of context on each side
HANDLES = 8  # frames returned on both sides for the join's blend: what one kept latent frame stands for
SUFFIX_LEAD = 2  # latent frames encoded in front of a suffix and dropped: its first would stand for one frame only

Source = Literal["media", "before", "after", "previous"]


class RangeOutsideMedia(GridError):
    """A range that is empty or does not lie inside its media."""

    def __init__(self, asked: FrameRange, length: int) -> None:
        super().__init__(f"frames {asked.start} to {asked.end} are not a range inside media of {length} frames")
        self.asked, self.length = asked, length


class WindowTooSmall(GridError):
    """The longest clip allowed has no room for new frames beside the context that they need."""

    def __init__(self, max_frames: int, needed: int) -> None:
        super().__init__(f"a window of {max_frames} frames is too short: at least {needed} are needed")
        self.max_frames, self.needed = max_frames, needed


class ContextClip(NamedTuple):
    """Known frames to encode, and where their latent frames go.

    Encode `frames` (8j + 1) frames that start at `first`, drop the first `drop` latent frames, and put the rest at
    latent frame `at` of the window. `first` counts in the source's own frames from 0, except for "previous" (the
    pass before this one), which counts in the job's numbering. Numbers outside the source are mirrored into it.
    """

    source: Source
    first: int
    frames: int
    drop: int
    at: int

    def numbers(self, length: int) -> list[int]:
        """The frame of the source, which has `length` frames, for each frame of the clip (reflection applied)."""
        return [mirrored(frame, length) for frame in range(self.first, self.first + self.frames)]

    def latents(self, scale: ScaleFactors = LTX_SCALE) -> LatentRange:
        count = (self.frames - 1) // scale.time + 1 - self.drop
        return LatentRange(self.at, self.at + count)


class WindowPlan(NamedTuple):
    """One pass of the model. Frame numbers are the job's numbering; `origin` is the number at window frame 0."""

    rate: Fraction
    origin: int
    frames: int
    asked: FrameRange
    handles: tuple[int, int]
    lead: int
    tail: int
    contexts: tuple[ContextClip, ...]
    scale: ScaleFactors = LTX_SCALE

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // self.scale.time + 1

    @property
    def new_latents(self) -> LatentRange:
        """Latent frames to make new: those that touch the asked frames (and whatever has no known frames)."""
        new = latents_touching(self.asked.shifted(-self.origin), self.scale)
        return LatentRange(new.start if self.lead else 0, new.end if self.tail else self.latent_frames)

    @property
    def new_frames(self) -> FrameRange:
        """The frames, in the job's numbering, that the new latent frames stand for: asked and the slack."""
        return FrameRange(self.origin + self.lead, self.origin + self.frames - self.tail)

    @property
    def result(self) -> FrameRange:
        """Asked frames and handles, in the job's numbering: what the pass hands back."""
        return FrameRange(self.asked.start - self.handles[0], self.asked.end + self.handles[1])

    @property
    def audio_steps(self) -> int:
        return audio_latents(self.frames, self.rate)

    @property
    def new_seconds(self) -> tuple[Fraction, Fraction]:
        """[t0, t1) in seconds of the window that is made new, for masks by time; open ends reach the window's end."""
        start = (self.asked.start - self.origin) / self.rate if self.lead else Fraction(0)
        end = (self.asked.end - self.origin) / self.rate if self.tail else self.frames / self.rate + 1
        return start, end

    @property
    def new_audio(self) -> LatentRange:
        """Audio latent steps that touch the asked time."""
        return AUDIO_TIME.touching(*self.new_seconds, self.audio_steps)

    def samples(self, sample_rate: int) -> range:
        """Samples of the whole window in the job's numbering (may be negative or beyond the source: silence)."""
        return samples_of_frames(self.origin, self.origin + self.frames, self.rate, sample_rate)

    def result_samples(self, sample_rate: int) -> range:
        """Samples that belong to `result`, in the job's numbering."""
        return samples_of_frames(*self.result, self.rate, sample_rate)


class Neighbours(NamedTuple):
    """The known frames on both sides of what is asked; a length of 0 means that there is nothing."""

    before: int = 0
    after: int = 0
    before_source: Source = "media"
    after_source: Source = "media"
    before_first: int = 0  # own number of the source frame that stands `before` frames in front of a
    after_first: int = 0  # own number of the source frame that stands right behind b


class _Limits(NamedTuple):
    max_frames: int
    context: int
    handles: int
    scale: ScaleFactors


def plan_new(
    frames: int,
    rate: Fraction,
    max_frames: int,
    *,
    context: int | None = None,
    scale: ScaleFactors = LTX_SCALE,
) -> tuple[WindowPlan, ...]:
    """Passes for a clip made from nothing: one, or several that continue each other when it is longer than one pass."""
    return tuple(_plan(FrameRange(0, frames), rate, Neighbours(), _limits(rate, max_frames, context, 0, scale)))


def plan_retake(
    media_frames: int,
    asked: FrameRange,
    rate: Fraction,
    max_frames: int,
    *,
    context: int | None = None,
    handles: int = HANDLES,
    scale: ScaleFactors = LTX_SCALE,
) -> tuple[WindowPlan, ...]:
    """Passes that make frames [asked) of a medium again. Context and handles shrink at the media's ends.

    Handles are at most a quarter of the longest pass; `WindowPlan.handles` tells what they became.

    A retake in one pass encodes its whole window as one clip, so that frames behind the range are encoded with
    their true past. Raises RangeOutsideMedia, WindowTooSmall.
    """
    if not 0 <= asked.start < asked.end <= media_frames:
        raise RangeOutsideMedia(asked, media_frames)
    known = Neighbours(before=asked.start, after=media_frames - asked.end, after_first=asked.end)
    plans = _plan(asked, rate, known, _limits(rate, max_frames, context, handles, scale))
    if len(plans) > 1:
        return tuple(plans)
    plan = plans[0]
    return (plan._replace(contexts=(ContextClip("media", plan.origin, plan.frames, 0, 0),)),)


def plan_extend(
    media_frames: int,
    extra: int,
    rate: Fraction,
    max_frames: int,
    *,
    backward: bool = False,
    context: int | None = None,
    handles: int = HANDLES,
    scale: ScaleFactors = LTX_SCALE,
) -> tuple[WindowPlan, ...]:
    """Passes that make exactly `extra` frames behind (or in front of) a medium.

    A backward extension longer than one pass is made in time order too: its first pass has no known past, the
    last one meets the medium.
    """
    if media_frames < 1 or extra < 1:
        raise RangeOutsideMedia(FrameRange(media_frames, media_frames + extra), media_frames)
    limits = _limits(rate, max_frames, context, handles, scale)
    if backward:
        return tuple(_plan(FrameRange(-extra, 0), rate, Neighbours(after=media_frames), limits))
    return tuple(_plan(FrameRange(media_frames, media_frames + extra), rate, Neighbours(before=media_frames), limits))


def plan_fill(
    before_frames: int,
    gap: int,
    after_frames: int,
    rate: Fraction,
    max_frames: int,
    *,
    context: int | None = None,
    handles: int = HANDLES,
    scale: ScaleFactors = LTX_SCALE,
) -> tuple[WindowPlan, ...]:
    """Passes that fill a gap of exactly `gap` frames between two clips already conformed to one rate and size."""
    if min(before_frames, after_frames, gap) < 1:
        raise RangeOutsideMedia(FrameRange(0, gap), gap)
    known = Neighbours(before_frames, after_frames, "before", "after")
    return tuple(_plan(FrameRange(0, gap), rate, known, _limits(rate, max_frames, context, handles, scale)))


def _limits(rate: Fraction, max_frames: int, context: int | None, handles: int, scale: ScaleFactors) -> _Limits:
    wish = -(-CONTEXT_SECONDS * rate // 1) if context is None else context
    longest = snap_frames_down(max_frames, scale)
    return _Limits(longest, max(1, wish), max(0, min(handles, longest // 4)), scale)


def _plan(asked: FrameRange, rate: Fraction, known: Neighbours, limits: _Limits) -> list[WindowPlan]:
    if asked.frames < 1:
        raise RangeOutsideMedia(asked, asked.frames)
    shares = _shares(asked.frames, known, limits)
    plans: list[WindowPlan] = []
    start = asked.start
    for number, share in enumerate(shares):
        part = FrameRange(start, start + share)
        last = number == len(shares) - 1
        around = known if last else known._replace(after=0)
        if number:
            around = around._replace(before=start - plans[0].origin, before_source="previous", before_first=0)
        plan = _one_pass(part, rate, around, limits)
        plans.append(plan._replace(handles=(0 if number else plan.handles[0], plan.handles[1])))
        start += share
    return plans


def _shares(frames: int, known: Neighbours, limits: _Limits) -> list[int]:
    """How many new frames each pass makes: all at once if they fit, else even parts in whole latent frames."""
    time = limits.scale.time
    least_lead = _least_lead(known.before, limits)
    least_tail = _least_tail(known.after, limits)
    first_latent = 0 if least_lead else 1  # without known past the window starts with a latent of one frame
    if least_lead + snap_up(frames - first_latent, time) + first_latent + least_tail <= limits.max_frames:
        return [frames]
    overlap = _overlap(limits)
    first = (limits.max_frames - least_lead - first_latent) // time * time + first_latent
    middle = limits.max_frames - overlap
    last = limits.max_frames - overlap - least_tail
    if min(first, middle, last) < time:
        raise WindowTooSmall(limits.max_frames, max(least_lead, overlap) + least_tail + time)
    count = 2 + max(0, -(-(frames - first - last) // middle))
    shares: list[int] = []
    left = frames
    for number in range(count - 1):
        later = last + middle * (count - 2 - number)
        grain = first_latent if number == 0 else 0
        even = snap_up(-(-left // (count - number)) - grain, time) + grain
        needed = snap_up(max(left - later - grain, 0), time) + grain
        share = min(first if number == 0 else middle, max(even, needed))
        while share >= left:  # leave something for the pass that meets what comes behind
            share -= time
        if share < 1:
            raise WindowTooSmall(limits.max_frames, least_lead + least_tail + time)
        shares.append(share)
        left -= share
    return [*shares, left]


def _overlap(limits: _Limits) -> int:
    """Frames (8j + 1) that a pass takes over from the one before: the context wish, at most a third of a pass."""
    time = limits.scale.time
    wish = snap_up(limits.context - 1, time) + 1
    return max(1, min(wish, (limits.max_frames // 3 - 1) // time * time + 1))


def _least_lead(before: int, limits: _Limits) -> int:
    """Fewest context frames in front: 8j + 1 that hold the handles; 0 if nothing is known there."""
    if not before:
        return 0
    return snap_up(max(min(limits.handles, before), 1) - 1, limits.scale.time) + 1


def _least_tail(after: int, limits: _Limits) -> int:
    """Fewest kept frames behind the new latent frames: whole latent frames that hold the handles; 0 if none known."""
    if not after:
        return 0
    return snap_up(max(min(limits.handles, after), 1), limits.scale.time)


def _one_pass(asked: FrameRange, rate: Fraction, known: Neighbours, limits: _Limits) -> WindowPlan:
    time = limits.scale.time
    continued = known.before_source == "previous"
    lead = _overlap(limits) if continued else _lead(known.before, limits)
    least_lead = lead if continued else _least_lead(known.before, limits)
    new = snap_up(asked.frames, time) if lead else snap_up(asked.frames - 1, time) + 1
    slack = new - asked.frames
    tail = _tail(known.after, slack, limits)
    least_tail = _least_tail(known.after, limits)
    while lead + new + tail > limits.max_frames:
        if tail > least_tail and (tail >= lead or lead <= least_lead):
            tail -= time
        elif lead > least_lead:
            lead -= time
        else:
            raise WindowTooSmall(limits.max_frames, lead + new + tail)
    frames = lead + new + tail
    origin = asked.start - lead
    handles = (min(limits.handles, known.before), min(limits.handles, known.after, slack + tail))
    return WindowPlan(
        rate=rate,
        origin=origin,
        frames=frames,
        asked=asked,
        handles=handles,
        lead=lead,
        tail=tail,
        contexts=_contexts(known, origin, lead, new, tail, slack, limits.scale),
        scale=limits.scale,
    )


def _lead(before: int, limits: _Limits) -> int:
    """Context frames in front as wished: 8j + 1, real ones if there are enough, else reflected up to the next."""
    time = limits.scale.time
    least = _least_lead(before, limits)
    wish = min(limits.context, before)
    if wish < 1:
        return 0
    up, down = snap_up(wish - 1, time) + 1, (wish - 1) // time * time + 1
    return max(least, up if up <= before else down)


def _tail(after: int, slack: int, limits: _Limits) -> int:
    """Kept frames behind the new latent frames as wished: whole latent frames of real media, at least the least."""
    time = limits.scale.time
    wish = snap_up(max(min(limits.context, after) - slack, 0), time)
    if slack + wish > after:
        wish -= time
    return max(_least_tail(after, limits), wish)


def _contexts(
    known: Neighbours, origin: int, lead: int, new: int, tail: int, slack: int, scale: ScaleFactors
) -> tuple[ContextClip, ...]:
    clips: list[ContextClip] = []
    if lead:
        first = origin if known.before_source == "previous" else known.before_first + known.before - lead
        clips.append(ContextClip(known.before_source, first, lead, 0, 0))
    if tail:
        at = (lead + new - 1) // scale.time + 1
        lead_in = (SUFFIX_LEAD - 1) * scale.time + 1
        first = known.after_first + slack - lead_in
        clips.append(ContextClip(known.after_source, first, lead_in + tail, SUFFIX_LEAD, at))
    return tuple(clips)
