"""The player: a source's pictures in time with its sound, frames dropped rather than late. It shows nothing itself.

Two threads belong to a player. One opens sources and makes pictures ahead of their time; one makes sound ahead and owns
the sound device, which is the clock while there is one. Whoever shows pictures asks `poll` some times a frame:

    thread "pictures" ──> buffer ──> poll() ──> screen         position = start + speed * clock
    thread "sound" ─────> device ──> clock ──────┘
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from time import perf_counter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ltxdesktop.document.time import samples_at
from ltxdesktop.playback.at_hand import AtHand
from ltxdesktop.playback.clock import Clock, OpenSound, SoundDevice, SoundOut, SteadyClock, opened_device
from ltxdesktop.playback.feed import TOUCH_S, Feed, touch
from ltxdesktop.playback.levels import Levels
from ltxdesktop.playback.playing import Playing
from ltxdesktop.playback.shuttle import Run, pushed, pushed_slow
from ltxdesktop.playback.source import Size, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

P = TypeVar("P")

BUFFER_BYTES = 256_000_000
NEAR = (0, 1, -1, 2, 3)  # around a picture that stands: so that stepping and starting answer at once
SOUND_AHEAD_S = 0.25


class Shown(NamedTuple, Generic[P]):
    """A picture and the frame it is of."""

    frame: int
    picture: P


class Player(Generic[P]):
    """Plays one source at a time. All methods but `close` return at once and may be called by one thread, the owner's.

    The callbacks are called by the player's own threads: they should post a message and return. `ready` says that the
    picture of the place that stands has come; `opened` and `failed` answer `open`. `failed` also names what went wrong
    with a picture or sound later on; playing goes on.
    """

    def __init__(
        self,
        *,
        ready: Callable[[int], None],
        opened: Callable[[Source[P]], None] = lambda _: None,
        failed: Callable[[Exception], None] = lambda _: None,
        open_sound: OpenSound | None = SoundDevice,
        steady: Callable[[], Clock] = SteadyClock,
        buffer_bytes: int = BUFFER_BYTES,
        open_end: bool = False,
    ) -> None:
        """`open_sound` None plays by the machine's clock (`steady`, made anew for each run), without sound. `open_end`:
        any place behind the film's end can be stood on, where something may be put; what is played ends at the end."""
        self._open_end = open_end
        self._ready, self._opened, self._failed = ready, opened, failed
        self._open_sound, self._steady = open_sound, steady
        self._change = threading.Condition()
        self._reading = threading.Lock()  # held by the sound thread while it is in the source
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._coming: Callable[[], Source[P]] | None = None
        self._opening = False  # a source is being made
        self._source: Source[P] | None = None
        self._at_hand = AtHand[P](buffer_bytes)
        self._frame = 0
        self._playing: Playing | None = None
        self._shown_step = -1
        self._range: tuple[int, int] | None = None
        self._looping = False
        self._scrub: int | None = None
        self._muted = False
        self._levels = Levels()
        self._sounding = False
        self.dropped = 0  # pictures that were due and not shown, since playing began
        self.scrub_sound = False  # whether seeking while it stands lets the place be heard

    # What is played

    def open(self, opener: Callable[[], Source[P]]) -> None:
        """Play another source from now on: made on the player's thread. `opened` or `failed` follows. Stops playing."""
        self.pause()
        with self._change:
            self._coming = opener
            self._frame, self._range = 0, None
            self._change.notify_all()
        self._start_threads()

    def swap(self, opener: Callable[[], Source[P]]) -> None:
        """The same film, changed by an edit: place and range stay, playing goes on by the same clock and with the sound
        that is on its way. The newest of several calls wins."""
        with self._change:
            self._coming = opener
            self._change.notify_all()
        self._start_threads()

    def close(self) -> None:
        """Stop, let the source and the sound device go, and wait for both threads."""
        self.let_go()
        for thread in self._threads:
            thread.join()

    def let_go(self) -> None:
        """As `close`, without waiting."""
        with self._change:
            self._closing = True
            self._playing = None
            self._change.notify_all()

    @property
    def alive(self) -> bool:
        """Whether a thread of it still runs."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def source(self) -> Source[P] | None:
        return self._source

    @property
    def frames(self) -> int:
        return self._source.frames if self._source is not None else 0

    # Where it stands

    @property
    def frame(self) -> int:
        """The frame that is shown, or was last."""
        return self._frame

    @property
    def playing(self) -> bool:
        return self._playing is not None

    @property
    def speed(self) -> Fraction:
        """Of playing now; 0 while it stands."""
        playing = self._playing
        return playing.run.speed if playing is not None else Fraction(0)

    @property
    def sounding(self) -> bool:
        """Whether a sound device is the clock."""
        return self._sounding

    @property
    def interval_s(self) -> float:
        """How long one picture is shown at the present speed; for whoever polls."""
        playing = self._playing
        if playing is not None:
            return playing.run.interval_s
        return float(1 / self._source.rate) if self._source is not None else 0.04

    def levels(self) -> tuple[float, float]:
        """The peaks (0..1, more is clipped) of left and right that are heard now, or would be if they weren't muted;
        0 while it stands."""
        playing = self._playing
        if playing is None or playing.clock is None:
            return 0.0, 0.0
        return self._levels.at(playing.clock.elapsed_s())

    # Transport

    def play(self, speed: Fraction = Fraction(1), *, within: tuple[int, int] | None = None) -> None:
        """Play on from here at a speed (below 0: backwards); `within` keeps to the frames [first, end).

        Forwards from the very end starts over.
        """
        if self._source is None or self.frames == 0:
            return
        with self._change:
            self._range = within
            self.dropped = 0
            self._begin(speed)

    def pause(self) -> None:
        with self._change:
            if self._playing is not None:
                self._playing = None
                self._change.notify_all()

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def push(self, direction: int, *, slow: bool = False) -> None:
        """L (1) or J (-1): begin, or go faster each time. `slow` is with Shift: a quarter, then half."""
        self.play(pushed_slow(self.speed, direction) if slow else pushed(self.speed, direction), within=self._range)

    def seek(self, frame: int) -> None:
        """Go to a frame (kept inside the film, unless its end is open); while playing, go on from there. The newest of
        several calls wins."""
        with self._change:
            self._frame = self._inside(frame)
            if self._playing is not None:
                self._begin(self._playing.run.speed)
            else:
                self._scrub = self._frame if self.scrub_sound and not self._muted else None
            self._change.notify_all()

    def step(self, frames: int) -> None:
        """Stand, so many frames from here."""
        self.pause()
        self.seek(self._frame + frames)

    def set_looping(self, looping: bool) -> None:
        with self._change:
            self._looping = looping
            if self._playing is not None:
                self._go_on(self._playing)

    @property
    def looping(self) -> bool:
        return self._looping

    def set_muted(self, muted: bool) -> None:
        self._muted = muted

    def set_size(self, size: Size | None) -> None:
        """How large a picture the screen can use; None for the source's own size."""
        with self._change:
            if self._at_hand.resize(size):
                self._change.notify_all()

    # For whoever shows pictures

    def poll(self) -> Shown[P] | None:
        """The picture that has become due since the last call, if there is one. Call it while playing, at least once
        in `interval_s`. At the end of the film playing stops."""
        with self._change:
            playing = self._playing
            if playing is None:
                return None
            due = playing.steps()
            last = playing.run.last_step
            due = due if last is None else min(due, last)
            found = self._newest(playing.run, due)
            broken = last is not None and self._at_hand.is_broken(playing.run.frame_at(last))
            if last is not None and due >= last and (self._shown_step >= last or broken):
                self._playing = None
            self._change.notify_all()
            return found

    def picture(self, frame: int) -> P | None:
        """The picture of a frame if it is at hand."""
        with self._change:
            return self._at_hand.get(frame)

    def _newest(self, run: Run, due: int) -> Shown[P] | None:
        found = self._at_hand.newest(run, due, self._shown_step)
        if found is None:
            return None
        self.dropped += max(0, found.step - max(0, self._shown_step) - 1)  # the first one stood there already
        self._shown_step, self._frame = found.step, found.frame
        return Shown(found.frame, found.picture)

    def _begin(self, speed: Fraction) -> None:
        """Start a run from the present frame. Held: the condition."""
        assert self._source is not None
        first, end = self._bounds()
        start = min(max(self._frame, first), end - 1)
        if start == end - 1 and speed > 0:
            start = first
        elif start == first and speed < 0 and self._looping:
            start = end - 1
        self._levels.clear()
        self._scrub = None
        run = Run(start, speed, first, end, self._source.rate, self._looping)
        self._playing = Playing(run, Feed(run, self._source.sample_rate))
        self._frame, self._shown_step = start, -1
        self._change.notify_all()

    def _go_on(self, playing: Playing) -> None:
        """Play on in a film that an edit has changed, from the picture that is due now. Held: the condition."""
        assert self._source is not None
        before = playing.run
        if (before.rate, playing.feed.sample_rate) != (self._source.rate, self._source.sample_rate):
            self._begin(before.speed)  # its frames are other times now
            return
        self._playing = playing.inside(*self._bounds(), loops=self._looping)
        self._shown_step = -1  # the picture that is due may have changed: it's shown anew
        self._change.notify_all()

    def _bounds(self) -> tuple[int, int]:
        """Where playing keeps to: frames [first, end), at least one."""
        first, end = self._range or (0, self.frames)
        first = min(first, self.frames - 1)
        return first, max(first + 1, min(end, self.frames))

    def _inside(self, frame: int) -> int:
        if self._source is not None and (self._coming is not None or self._opening):
            return max(0, frame)  # what comes may be longer; it keeps the frame inside when it's there
        if self._open_end and self._source is not None:
            return max(0, frame)
        return max(0, min(frame, self.frames - 1)) if self.frames else 0

    def _start_threads(self) -> None:
        if not self._threads and not self._closing:
            self._threads = [
                threading.Thread(target=self._make_pictures, name="pictures", daemon=True),
                threading.Thread(target=self._make_sound, name="sound", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    # The thread "pictures"

    def _make_pictures(self) -> None:
        while (work := self._next_work()) is not None:
            if callable(work):
                self._take_source(work)
            else:
                self._make_picture(*work)
        self._replace_source(None)

    def _next_work(self) -> Callable[[], Source[P]] | tuple[Source[P], int, Size | None] | None:
        """A source to open, a picture to make, or None to end. Waits for one of them."""
        with self._change:
            while not self._closing:
                if self._coming is not None:
                    opener, self._coming = self._coming, None
                    self._opening = True
                    return opener
                if self._source is not None:
                    for frame in self._wanted():
                        if not self._at_hand.is_done(frame):
                            return self._source, frame, self._at_hand.size
                self._change.wait()
        return None

    def _wanted(self) -> list[int]:
        """Frames that should be at hand, the first needed first."""
        assert self._source is not None
        ahead = self._at_hand.ahead(self._source.size)
        playing = self._playing
        if playing is None:
            near = (self._frame + offset for offset in NEAR[: max(1, ahead)])
            return [frame for frame in near if frame >= 0 and (frame < self.frames or self._open_end)]
        return playing.coming(self._shown_step, ahead, self._at_hand.cost_s)

    def _make_picture(self, source: Source[P], frame: int, size: Size | None) -> None:
        began = perf_counter()
        try:
            picture = source.picture(frame, size)
        except Exception as exc:  # the boundary: whatever a source raises is said, and playing goes on
            self._at_hand.give_up(frame)
            self._failed(exc)
            return
        cost = perf_counter() - began
        with self._change:
            if size != self._at_hand.size:
                return
            self._at_hand.put(frame, picture, cost)
            self._at_hand.forget_some(self._wanted(), source.size)
            stands = self._playing is None and frame == self._frame
        if stands:
            self._ready(frame)

    def _take_source(self, opener: Callable[[], Source[P]]) -> None:
        try:
            source = opener()
        except Exception as exc:  # the boundary: what can't be opened is said
            with self._change:
                self._opening = False
                self._frame = self._inside(self._frame)
            self._failed(exc)
            return
        self._replace_source(source)
        self._opened(source)

    def _replace_source(self, source: Source[P] | None) -> None:
        with self._reading:
            before = self._source
            with self._change:
                self._source, self._opening = source, False
                self._at_hand.clear()
                if source is None or source.frames == 0:
                    self._playing = None
                self._frame = self._inside(self._frame)
                if self._playing is not None:
                    self._go_on(self._playing)
                self._change.notify_all()
            if before is not None:
                before.close()

    # The thread "sound"

    def _make_sound(self) -> None:
        device, rate = None, 0
        while (work := self._next_sound()) is not None:
            wanted = self._source.sample_rate if self._source is not None else 0
            if wanted and wanted != rate and self._open_sound is not None:
                if device is not None:
                    device.close()
                device, rate = opened_device(self._open_sound, wanted), wanted
            if isinstance(work, Feed):
                self._sound_of_run(work, device if work.sample_rate == rate else None)
            elif device is not None:
                self._sound_of_place(work, device)
        if device is not None:
            device.close()

    def _next_sound(self) -> Feed | int | None:
        """What is to be heard of a run, a place that is scrubbed over, or None to end."""
        with self._change:
            while not self._closing:
                if self._playing is not None and self._playing.clock is None:
                    return self._playing.feed
                if self._scrub is not None and self._playing is None:
                    place, self._scrub = self._scrub, None
                    return place
                self._change.wait()
        return None

    def _start_clock(self, feed: Feed, clock: Clock, *, sounding: bool) -> None:
        """Let the time of the run begin, if it is still the one that is played."""
        with self._change:
            if self._playing is not None and self._playing.feed is feed:
                self._sounding = sounding
                self._playing = replace(self._playing, clock=clock)
                self._change.notify_all()

    def _sound_of_run(self, feed: Feed, device: SoundOut | None) -> None:
        if device is None or not feed.sample_rate:
            self._start_clock(feed, self._steady(), sounding=False)
            return
        first = self._next_block(feed)
        try:
            device.start()
        except Exception as exc:  # PortAudio's own error, when the device has been pulled out since
            self._failed(exc)
            self._start_clock(feed, self._steady(), sounding=False)
            return
        self._start_clock(feed, device, sounding=True)
        written = self._write(device, first, 0.0, feed.sample_rate)
        while self._wants_more(feed, device):
            written += self._write(device, self._next_block(feed), written, feed.sample_rate)
        device.stop()

    def _next_block(self, feed: Feed) -> NDArray[np.float32]:
        with self._reading:
            return feed.next_block(self._read)

    def _read(self, first: int, count: int) -> NDArray[np.float32]:
        import numpy as np

        source = self._source
        if source is None or not source.sample_rate:
            return np.zeros((count, 2), np.float32)
        try:
            return source.sound(first, count)
        except Exception as exc:  # the boundary, as for pictures: what can't be heard is silence
            self._failed(exc)
            return np.zeros((count, 2), np.float32)

    def _wants_more(self, feed: Feed, device: SoundOut) -> bool:
        """Wait until the device wants more sound: whether the run still plays then."""
        with self._change:
            while self._playing is not None and self._playing.feed is feed:
                if device.queued_s() < SOUND_AHEAD_S:
                    return True
                self._change.wait(0.02)
            return False

    def _write(self, device: SoundOut, samples: NDArray[np.float32], at_s: float, rate: int) -> float:
        """Hand samples on and note the film's peaks, also where it isn't heard; how long they last, in seconds."""
        self._levels.note(samples, at_s, rate)
        device.write(samples * 0 if self._muted else samples)
        return len(samples) / rate

    def _sound_of_place(self, frame: int, device: SoundOut) -> None:
        """A short piece of sound at a frame."""
        with self._reading:
            source = self._source
            if source is None or not source.sample_rate:
                return
            samples = touch(self._read, samples_at(frame, source.rate, source.sample_rate), source.sample_rate)
        device.start()
        device.write(samples)
        with self._change:
            self._change.wait_for(lambda: self._closing or self._scrub is not None or self.playing, 2 * TOUCH_S)
        device.stop()
