"""Random editing sessions over all edits: whatever is done in whatever order, the rules hold and nothing loses sync.

More of them, and others:
LTX_SESSIONS=2000 pytest --timeout=0 --hypothesis-profile=explore tests/ltxdesktop/document/test_sessions.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction

from helpers import check_caches, saved_and_opened
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ltxdesktop.document import edits
from ltxdesktop.document.check import check, out_of_sync
from ltxdesktop.document.edits import Edge, Laying, MoveMode
from ltxdesktop.document.errors import BrokenDocument, DocumentError
from ltxdesktop.document.history import History
from ltxdesktop.document.model import (
    Clip,
    Document,
    Easing,
    Gap,
    ItemId,
    Marker,
    MarkerId,
    Media,
    MediaId,
    MediaKind,
    Solid,
    Take,
    Title,
    Track,
    TrackKind,
    Transition,
    TransitionKind,
    new_document,
    new_id,
    new_sequence,
)

MEDIA = (
    Media(MediaId("25"), "25", "a.mov", MediaKind.VIDEO, Fraction(25), 60, 640, 360, 48000, 115200, 2),
    Media(MediaId("ntsc"), "ntsc", "b.mov", MediaKind.VIDEO, Fraction(30000, 1001), 50, 640, 360, 44100, 73600, 1),
    Media(MediaId("mute"), "mute", "c.mov", MediaKind.VIDEO, Fraction(24), 40, 640, 360),
    Media(MediaId("music"), "music", "d.wav", MediaKind.AUDIO, Fraction(25), 0, 0, 0, 48000, 200001, 2),
    Media(MediaId("still"), "still", "e.png", MediaKind.STILL, Fraction(25), 0, 640, 360),
)
SPEEDS = [Fraction(2), Fraction(1, 2), Fraction(-1), Fraction(-3, 2), Fraction(0), Fraction(1), Fraction(4, 3)]
FRAMES = st.integers(-30, 30)
PLACES = st.integers(0, 150)
NUMBERS = st.integers(0, 10**6)  # picks the n-th of what is there


class EditingSession(RuleBasedStateMachine):
    """Every step is an edit that either is done, undone and redone, or is refused without a trace."""

    @initialize(rate=st.sampled_from([Fraction(25), Fraction(30000, 1001)]))
    def begin(self, rate: Fraction) -> None:
        document = new_document("session", new_sequence(rate=rate, video=2, audio=2)).with_media(*MEDIA)
        self.history = History(edits.add_track(document, TrackKind.SUBTITLE))
        self.clipboard = edits.Clipboard()

    # ---- picking ----------------------------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        return self.history.document

    def clips(self) -> list[Clip]:
        return [clip for track in self.document.sequence.tracks for clip in track.clips]

    def has_clips(self) -> bool:
        return bool(self.clips())

    def pick(self, number: int) -> ItemId:
        clips = self.clips()
        return clips[number % len(clips)].id

    def track(self, number: int) -> Track:
        tracks = self.document.sequence.tracks
        return tracks[number % len(tracks)]

    def do(self, edit: Callable[[Document], Document]) -> None:
        before = self.document
        try:
            after = edit(before)
        except BrokenDocument:
            raise
        except DocumentError:
            return
        count = self.history.index
        self.history.do("edit", after)
        if after is before:
            assert self.history.index == count
            return
        assert self.history.undo()
        assert self.history.document is before
        assert self.history.redo()
        assert self.history.document is after

    # ---- placing ----------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS, frame=PLACES, in_frame=st.integers(0, 30), frames=st.integers(1, 30), insert=st.booleans())
    def place(self, number: int, frame: int, in_frame: int, frames: int, insert: bool) -> None:
        media = MEDIA[number % len(MEDIA)]
        rate = self.document.sequence.rate
        in_s, out_s = in_frame / rate, (in_frame + frames) / rate
        laying = edits.insert_clips if insert else edits.overwrite_clips
        self.do(lambda d: laying(d, edits.placements(d, media.id, in_s=in_s, out_s=out_s), frame))

    @rule(number=NUMBERS)
    def append(self, number: int) -> None:
        media = MEDIA[number % len(MEDIA)]
        self.do(lambda d: edits.append_clips(d, edits.placements(d, media.id, out_s=Fraction(1))))

    @rule(number=NUMBERS, frame=PLACES, frames=st.integers(1, 20))
    def draw(self, number: int, frame: int, frames: int) -> None:
        content = Title("words") if number % 2 else Solid()
        clip = edits.clip_from_content(content, frames)
        self.do(lambda d: edits.overwrite_clips(d, [edits.Placement(self.track(number).id, clip)], frame))

    @rule(frame=PLACES, frames=st.integers(1, 40), insert=st.booleans(), fit=st.booleans())
    def three_point(self, frame: int, frames: int, insert: bool, fit: bool) -> None:
        laying = Laying.INSERT if insert else Laying.OVERWRITE
        in_s, out_s = Fraction(1, 5), Fraction(1) if fit else None
        last = frame + frames
        self.do(
            lambda d: edits.three_point(
                d, MediaId("25"), in_s=in_s, out_s=out_s, in_frame=frame, out_frame=last, laying=laying
            )
        )

    @precondition(has_clips)
    @rule(number=NUMBERS, other=NUMBERS, frame=st.integers(0, 20))
    def replace_media(self, number: int, other: int, frame: int) -> None:
        media = MEDIA[other % len(MEDIA)]
        self.do(lambda d: edits.replace_media(d, self.pick(number), media.id, Fraction(frame, 25)))

    # ---- removing and cutting ---------------------------------------------------------------------------------------

    @precondition(has_clips)
    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3), way=st.sampled_from(["lift", "extract", "alone"]))
    def remove(self, numbers: list[int], way: str) -> None:
        named = [self.pick(number) for number in numbers]
        if way == "alone":
            self.do(lambda d: edits.lift(d, named, linked=False))
        else:
            self.do(lambda d: (edits.lift if way == "lift" else edits.extract)(d, named))

    @rule(first=PLACES, frames=st.integers(1, 30), close=st.booleans(), track=st.none() | NUMBERS)
    def remove_range(self, first: int, frames: int, close: bool, track: int | None) -> None:
        ids = None if track is None else [self.track(track).id]
        way = edits.extract_range if close else edits.lift_range
        self.do(lambda d: way(d, first, first + frames, ids))

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3))
    def close_gaps(self, numbers: list[int]) -> None:
        gaps = [item.id for track in self.document.sequence.tracks for item in track.items if isinstance(item, Gap)]
        if gaps:
            named = [gaps[number % len(gaps)] for number in numbers]
            self.do(lambda d: edits.ripple_delete(d, named))

    @rule(frame=PLACES, track=st.none() | NUMBERS)
    def split(self, frame: int, track: int | None) -> None:
        self.do(lambda d: edits.split(d, frame, None if track is None else [self.track(track).id]))

    @precondition(has_clips)
    @rule(number=NUMBERS, inside=st.integers(0, 30), linked=st.booleans())
    def split_clip(self, number: int, inside: int, linked: bool) -> None:
        clip = self.pick(number)
        frame = (self.document.sequence.start_of(clip) or 0) + inside
        self.do(lambda d: edits.split_clip(d, clip, frame, linked=linked))

    # ---- trimming ---------------------------------------------------------------------------------------------------

    @precondition(has_clips)
    @rule(number=NUMBERS, edge=st.sampled_from(Edge), frames=FRAMES, linked=st.booleans())
    def trim(self, number: int, edge: Edge, frames: int, linked: bool) -> None:
        self.do(lambda d: edits.trim(d, self.pick(number), edge, frames, linked=linked))

    @precondition(has_clips)
    @rule(number=NUMBERS, edge=st.sampled_from(Edge), frames=FRAMES)
    def ripple_trim(self, number: int, edge: Edge, frames: int) -> None:
        self.do(lambda d: edits.ripple_trim(d, self.pick(number), edge, frames))

    @precondition(has_clips)
    @rule(number=NUMBERS, edge=st.sampled_from(Edge), frames=FRAMES)
    def what_reaches_say_is_possible(self, number: int, edge: Edge, frames: int) -> None:
        clip = self.pick(number)
        try:
            reach = edits.trim_reach(self.document, clip, edge)
        except DocumentError:
            return
        edits.trim(self.document, clip, edge, reach.held(frames))
        held = edits.slip_reach(self.document, clip).held(frames)
        edits.slip(self.document, clip, held)

    @precondition(has_clips)
    @rule(number=NUMBERS, frames=FRAMES, linked=st.booleans())
    def roll(self, number: int, frames: int, linked: bool) -> None:
        clip = self.pick(number)
        track = self.document.sequence.track_of(clip)
        assert track is not None
        place = track.index[clip]
        if place + 1 < len(track.items) and isinstance(track.items[place + 1], Clip):
            self.do(lambda d: edits.roll(d, clip, track.items[place + 1].id, frames, linked=linked))

    @precondition(has_clips)
    @rule(number=NUMBERS, frames=FRAMES, way=st.sampled_from([edits.slip, edits.slide]))
    def slip_or_slide(self, number: int, frames: int, way: Callable[..., Document]) -> None:
        self.do(lambda d: way(d, self.pick(number), frames))

    # ---- moving -----------------------------------------------------------------------------------------------------

    @precondition(has_clips)
    @rule(
        numbers=st.lists(NUMBERS, min_size=1, max_size=3),
        frames=FRAMES,
        delta=st.integers(-1, 1),
        mode=st.sampled_from(MoveMode),
        copies=st.booleans(),
    )
    def move(self, numbers: list[int], frames: int, delta: int, mode: MoveMode, copies: bool) -> None:
        named = [self.pick(number) for number in numbers]
        way = edits.duplicate if copies else edits.move
        self.do(lambda d: way(d, named, frames, delta, mode))

    @precondition(has_clips)
    @rule(number=NUMBERS)
    def duplicate(self, number: int) -> None:
        self.do(lambda d: edits.duplicate(d, [self.pick(number)]))

    @precondition(has_clips)
    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3), frames=st.sampled_from([-5, -1, 1, 5]))
    def nudge(self, numbers: list[int], frames: int) -> None:
        self.do(lambda d: edits.nudge(d, [self.pick(number) for number in numbers], frames))

    @rule(number=NUMBERS)
    def close_gap(self, number: int) -> None:
        gaps = [item.id for track in self.document.sequence.tracks for item in track.items if isinstance(item, Gap)]
        if gaps:
            self.do(lambda d: edits.close_gap(d, gaps[number % len(gaps)]))

    @precondition(has_clips)
    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4))
    def copy(self, numbers: list[int]) -> None:
        self.clipboard = edits.copy(self.document, [self.pick(number) for number in numbers])

    @rule(frame=PLACES, mode=st.sampled_from(MoveMode))
    def paste(self, frame: int, mode: MoveMode) -> None:
        self.do(lambda d: edits.paste(d, self.clipboard, frame, mode=mode))

    # ---- what clips are ---------------------------------------------------------------------------------------------

    @precondition(has_clips)
    @rule(number=NUMBERS, speed=st.sampled_from(SPEEDS), ripple=st.booleans())
    def speed(self, number: int, speed: Fraction, ripple: bool) -> None:
        self.do(lambda d: edits.set_speed(d, self.pick(number), speed, ripple=ripple))

    @precondition(has_clips)
    @rule(number=NUMBERS, inside=st.integers(0, 30), frames=st.integers(1, 10))
    def hold(self, number: int, inside: int, frames: int) -> None:
        clip = self.pick(number)
        start = self.document.sequence.start_of(clip) or 0
        self.do(lambda d: edits.hold_frame(d, clip, start + inside, frames))

    @precondition(has_clips)
    @rule(
        number=NUMBERS,
        before=st.integers(0, 12),
        after=st.integers(0, 12),
        edge=st.sampled_from(Edge),
        kind=st.sampled_from(TransitionKind),
    )
    def transition(self, number: int, before: int, after: int, edge: Edge, kind: TransitionKind) -> None:
        clip = self.pick(number)
        self.do(lambda d: edits.set_transition(d, clip, Transition(kind, before, after), edge))

    @precondition(has_clips)
    @rule(number=NUMBERS, edge=st.sampled_from(Edge), kind=st.sampled_from(TransitionKind))
    def longest_transition(self, number: int, edge: Edge, kind: TransitionKind) -> None:
        clip = self.pick(number)
        before, after = edits.transition_room(self.document, clip, edge)
        before, after = min(before, 20), min(after, 20)
        if before + after:
            self.do(lambda d: edits.set_transition(d, clip, Transition(kind, before, after), edge))

    @precondition(has_clips)
    @rule(number=NUMBERS, begin=st.integers(0, 12), end=st.integers(0, 12))
    def fades(self, number: int, begin: int, end: int) -> None:
        self.do(lambda d: edits.set_fades(d, self.pick(number), begin, end))

    @precondition(has_clips)
    @rule(number=NUMBERS, frame=st.integers(-5, 30), value=st.floats(0, 1), easing=st.sampled_from(Easing))
    def key(self, number: int, frame: int, value: float, easing: Easing) -> None:
        self.do(lambda d: edits.set_key(d, self.pick(number), "opacity", frame, value, easing))

    @precondition(has_clips)
    @rule(number=NUMBERS, first=st.integers(0, 20), frames=st.integers(1, 20), linked=st.booleans())
    def retake(self, number: int, first: int, frames: int, linked: bool) -> None:
        clip = self.pick(number)
        start = self.document.sequence.start_of(clip) or 0
        rate = self.document.sequence.rate
        made = Media(MediaId(new_id()), "made", "m.mov", MediaKind.VIDEO, rate, frames + 4, 640, 360, 48000, 10**5, 2)
        begin = start + first
        self.do(
            lambda d: edits.slice_for_takes(
                d, clip, begin, begin + frames, [Take(made.id, 2 / rate)], media=[made], linked=linked
            )
        )

    @precondition(has_clips)
    @rule(number=NUMBERS, index=st.integers(0, 2), remove=st.booleans())
    def take(self, number: int, index: int, remove: bool) -> None:
        way = edits.remove_take if remove else edits.set_take
        self.do(lambda d: way(d, self.pick(number), index))

    @precondition(has_clips)
    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4), way=st.sampled_from(["unlink", "detach", "group", "off"]))
    def relate(self, numbers: list[int], way: str) -> None:
        named = [self.pick(number) for number in numbers]
        if way == "unlink":
            self.do(lambda d: edits.unlink(d, named))
        elif way == "detach":
            self.do(lambda d: edits.detach_audio(d, named[0]))
        elif way == "group":
            self.do(lambda d: edits.group(d, named))
        else:
            self.do(lambda d: edits.set_enabled(d, named, False))

    @precondition(has_clips)
    @rule(numbers=st.lists(NUMBERS, min_size=2, max_size=3))
    def link(self, numbers: list[int]) -> None:
        """Link what can't be out of sync: clips of different media."""
        named = [self.pick(number) for number in numbers]
        shown = [clip.media for clip in self.clips() if clip.id in named]
        if len(set(shown)) == len(shown) and all(shown):
            self.do(lambda d: edits.link(d, named))

    # ---- around the clips -------------------------------------------------------------------------------------------

    @rule(frame=PLACES, number=NUMBERS)
    def marker(self, frame: int, number: int) -> None:
        clip = self.pick(number) if self.clips() and number % 2 else None
        self.do(lambda d: edits.add_marker(d, Marker(MarkerId(new_id()), frame % 40), clip))

    @rule(number=NUMBERS, switch=st.sampled_from(["locked", "sync_locked", "muted"]), on=st.booleans())
    def switch_track(self, number: int, switch: str, on: bool) -> None:
        self.do(lambda d: edits.change_track(d, self.track(number).id, **{switch: on}))

    @rule(number=NUMBERS, place=st.integers(0, 3), way=st.sampled_from(["add", "remove", "move"]))
    def change_tracks(self, number: int, place: int, way: str) -> None:
        track = self.track(number)
        if way == "add" and len(self.document.sequence.tracks) < 8:
            self.do(lambda d: edits.add_track(d, track.kind, place))
        elif way == "remove" and len(self.document.sequence.tracks) > 4:
            self.do(lambda d: edits.remove_track(d, track.id))
        elif way == "move":
            self.do(lambda d: edits.move_track(d, track.id, place))

    @rule(place=NUMBERS)
    def jump(self, place: int) -> None:
        self.history.jump(place % len(self.history.entries))

    # ---- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def sound(self) -> None:
        check(self.document)
        check_caches(self.document)

    @invariant()
    def in_sync(self) -> None:
        assert out_of_sync(self.document.sequence, self.document.media) == {}

    def teardown(self) -> None:
        if hasattr(self, "history"):
            assert saved_and_opened(self.document) == self.document


EditingSession.TestCase.settings = settings(
    max_examples=int(os.environ.get("LTX_SESSIONS", "25")),
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
TestSessions = EditingSession.TestCase
