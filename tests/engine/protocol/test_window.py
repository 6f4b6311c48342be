"""Window plans: for random media and ranges, exact counts, containment and latent coverage."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.protocol.grid import FrameRange, latents_touching
from engine.protocol.window import (
    RangeOutsideMedia,
    WindowPlan,
    WindowTooSmall,
    plan_extend,
    plan_fill,
    plan_new,
    plan_retake,
)

rates = st.sampled_from(
    [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60), Fraction(25, 2)]
)
max_frames = st.integers(8, 70).map(lambda k: 8 * k + 1)
contexts = st.one_of(st.none(), st.integers(1, 120))
handles = st.integers(0, 30)


def first_frame(latent: int) -> int:
    """Of the eight (or, of latent frame 0, the one) that a latent frame stands for."""
    return max(0, 8 * (latent - 1) + 1)


def check(plans: tuple[WindowPlan, ...], asked: FrameRange, before: int, after: int, limit: int) -> None:
    """What every plan promises, whatever the mode; `before` and `after` are the known frames around `asked`."""
    assert [plan.asked.start for plan in plans] == [asked.start, *[plan.asked.end for plan in plans[:-1]]]
    assert plans[-1].asked.end == asked.end
    for number, plan in enumerate(plans):
        first, last = number == 0, number == len(plans) - 1
        assert plan.frames % 8 == 1
        assert plan.frames <= limit
        window = FrameRange(plan.origin, plan.origin + plan.frames)
        assert window.start <= plan.result.start <= plan.asked.start
        assert plan.asked.frames > 0
        assert plan.asked.end <= plan.result.end <= window.end
        assert plan.handles[0] <= (before if first else 0)
        assert plan.handles[1] <= (after if last else 0)
        new = plan.new_latents
        touched = latents_touching(plan.asked.shifted(-plan.origin))
        assert new.start == touched.start
        assert new.end == (touched.end if plan.tail else plan.latent_frames)
        # what is kept in front ends exactly where the asked frames begin
        assert plan.origin + first_frame(new.start) == plan.asked.start
        assert plan.new_frames.end - plan.asked.end < 8 or not plan.tail
        assert bool(plan.lead) == (not first or before > 0)
        assert bool(plan.tail) == (last and after > 0)
        kept = {n for clip in plan.contexts for n in clip.latents().numbers()}
        assert kept >= set(range(plan.latent_frames)) - set(new.numbers())
        for clip in plan.contexts:
            assert clip.frames % 8 == 1
            if clip.source == "previous":
                previous = plans[number - 1]
                assert previous.origin <= clip.first
                assert clip.first + clip.frames == plan.asked.start == previous.asked.end
        t0, t1 = plan.new_seconds
        audio = plan.new_audio
        assert t0 < t1
        assert 0 <= audio.start < audio.end <= plan.audio_steps
        assert len(plan.samples(48000)) - plan.frames * 48000 / plan.rate < 1
    samples = [plan.result_samples(48000) for plan in plans]
    assert all(left.stop == right.start for left, right in pairwise(samples))


@given(st.integers(1, 2000), st.data(), rates, max_frames, contexts, handles)
def test_a_retake_holds_its_range_and_handles(
    length: int, data: st.DataObject, rate: Fraction, limit: int, context: int | None, handle: int
) -> None:
    start = data.draw(st.integers(0, length - 1))
    asked = FrameRange(start, data.draw(st.integers(start + 1, length)))
    plans = plan_retake(length, asked, rate, limit, context=context, handles=handle)
    check(plans, asked, start, length - asked.end, limit)
    assert plans[0].handles[0] == min(handle, start, limit // 4)
    assert plans[-1].handles[1] == min(handle, length - asked.end, limit // 4)
    if len(plans) == 1:
        (whole,) = plans[0].contexts
        assert (whole.first, whole.frames, whole.drop, whole.at) == (plans[0].origin, plans[0].frames, 0, 0)
        numbers = whole.numbers(length)
        real = range(max(0, plans[0].origin), min(length, plans[0].origin + plans[0].frames))
        assert [numbers[n - plans[0].origin] for n in real] == list(real)


@given(st.integers(1, 800), st.integers(1, 1500), st.booleans(), rates, max_frames, contexts, handles)
def test_an_extension_has_the_asked_frames_and_context_on_one_side(
    length: int, extra: int, backward: bool, rate: Fraction, limit: int, context: int | None, handle: int
) -> None:
    plans = plan_extend(length, extra, rate, limit, backward=backward, context=context, handles=handle)
    asked = FrameRange(-extra, 0) if backward else FrameRange(length, length + extra)
    check(plans, asked, 0 if backward else length, length if backward else 0, limit)
    assert sum(plan.asked.frames for plan in plans) == extra
    for plan in plans:
        for clip in plan.contexts:
            # every kept latent frame is encoded from the frames that stand there
            start = first_frame(clip.at) if clip.drop else 0
            own = plan.origin + start - (8 * (clip.drop - 1) + 1 if clip.drop else 0)
            assert clip.first == own


@given(st.integers(1, 300), st.integers(1, 1200), st.integers(1, 300), rates, max_frames, contexts, handles)
def test_a_gap_is_filled_exactly(
    before: int, gap: int, after: int, rate: Fraction, limit: int, context: int | None, handle: int
) -> None:
    plans = plan_fill(before, gap, after, rate, limit, context=context, handles=handle)
    check(plans, FrameRange(0, gap), before, after, limit)
    last = plans[-1].contexts[-1]
    assert last.source == "after"
    kept_from = plans[-1].origin + first_frame(last.at)
    assert last.first + 8 * (last.drop - 1) + 1 == kept_from - gap
    if plans[0].contexts[0].source == "before":
        assert plans[0].contexts[0].first == before + plans[0].origin


@given(st.integers(1, 3000), rates, max_frames, contexts)
def test_a_new_clip_of_any_length(frames: int, rate: Fraction, limit: int, context: int | None) -> None:
    plans = plan_new(frames, rate, limit, context=context)
    check(plans, FrameRange(0, frames), 0, 0, limit)
    assert (len(plans) == 1) == (frames <= limit)


@given(st.integers(1, 100_000), st.integers(8, 30))
def test_the_cost_of_a_retake_does_not_grow_with_the_media(length: int, frames: int) -> None:
    assume(length >= frames)
    start = (length - frames) // 2
    (plan,) = plan_retake(length, FrameRange(start, start + frames), Fraction(24), 481)
    assert plan.frames <= 2 * (48 + 8) + frames + 8


def test_context_shrinks_where_memory_is_short() -> None:
    (roomy,) = plan_retake(1000, FrameRange(500, 540), Fraction(24), 481)
    (tight,) = plan_retake(1000, FrameRange(500, 540), Fraction(24), 65)
    assert (roomy.lead, roomy.frames, roomy.tail) == (49, 137, 48)
    assert (tight.lead, tight.frames, tight.tail) == (9, 65, 16)


def test_ranges_outside_the_media_are_refused() -> None:
    for asked in (FrameRange(5, 5), FrameRange(-1, 4), FrameRange(5, 101), FrameRange(9, 3)):
        with pytest.raises(RangeOutsideMedia, match="media of 100 frames"):
            plan_retake(100, asked, Fraction(24), 121)
    with pytest.raises(RangeOutsideMedia):
        plan_extend(100, 0, Fraction(24), 121)
    with pytest.raises(RangeOutsideMedia):
        plan_fill(10, 5, 0, Fraction(24), 121)


def test_a_window_without_room_is_refused_with_numbers() -> None:
    with pytest.raises(WindowTooSmall, match=r"window of 9 frames .* at least 25"):
        plan_retake(100, FrameRange(20, 80), Fraction(24), 9)
