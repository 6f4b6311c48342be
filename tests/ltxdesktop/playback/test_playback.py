"""The player shows the right picture at the right time, with its sound, in every direction and at every speed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from ltxdesktop.playback.clock import SteadyClock
from ltxdesktop.playback.player import Player
from ltxdesktop.playback.source import Size

RATE = 48_000
PATIENCE_S = 300


class Numbers:
    """A film whose pictures are their numbers and whose samples are theirs (in thousandths of a second)."""

    def __init__(self, frames: int = 50, *, sample_rate: int = RATE, gate: threading.Event | None = None) -> None:
        self.frames, self.rate, self.size, self.sample_rate = frames, Fraction(25), Size(320, 180), sample_rate
        self.gate = gate
        self.asked: list[int] = []
        self.closed = False
        self.broken: set[int] = set()

    def picture(self, frame: int, size: Size | None) -> int:
        assert not self.closed
        if self.gate is not None:
            assert self.gate.wait(PATIENCE_S)
        self.asked.append(frame)
        if frame in self.broken:
            raise ValueError(f"frame {frame} is broken")
        return frame

    def sound(self, first: int, count: int) -> np.ndarray:
        assert not self.closed
        return np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None] / RATE, 2, axis=1)

    def close(self) -> None:
        self.closed = True


class Device:
    """A sound device whose time passes only when the test says so."""

    def __init__(self, sample_rate: int) -> None:
        self.rate = sample_rate
        self.blocks: list[np.ndarray] = []
        self.now_s = 0.0
        self.starts = 0
        self.running = False
        self.closed = False

    def start(self) -> None:
        self.blocks, self.now_s, self.running = [], 0.0, True
        self.starts += 1

    def write(self, samples: np.ndarray) -> None:
        assert samples.dtype == np.float32
        assert samples.shape[1] == 2
        self.blocks.append(samples.copy())

    def written_s(self) -> float:
        return sum(len(block) for block in self.blocks) / self.rate

    def queued_s(self) -> float:
        return self.written_s() - self.now_s

    def elapsed_s(self) -> float:
        return min(self.now_s, self.written_s())

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.closed = True

    def heard(self) -> np.ndarray:
        return np.concatenate(self.blocks)[:, 0]


class Stage:
    """A player with a film and a sound device, and the patience to wait for its threads."""

    def __init__(self, film: Numbers | None = None, *, sound: bool = True, **words) -> None:
        self.film = film or Numbers()
        self.device: Device | None = None
        self.failures: list[Exception] = []
        self._news = threading.Condition()
        self.player: Player[int] = Player(
            ready=lambda _: self._tell(),
            opened=lambda _: self._tell(),
            failed=self._fail,
            open_sound=self._open if sound else None,
            **words,
        )
        self.player.open(lambda: self.film)
        self.until(lambda: self.player.picture(0) == 0 or bool(self.failures))

    def _open(self, sample_rate: int) -> Device:
        self.device = Device(sample_rate)
        return self.device

    def _fail(self, exc: Exception) -> None:
        self.failures.append(exc)
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._news:
            for _ in range(PATIENCE_S * 200):
                if condition():
                    return
                self._news.wait(0.005)
        raise AssertionError("it never came")

    def play(self, *args, **words) -> None:
        self.player.play(*args, **words)
        self.until(lambda: self.player.sounding and self.device is not None and self.device.queued_s() > 0.2)

    def pass_time(self, seconds: float) -> list[int]:
        """Let time pass picture by picture, each waited for; what was shown."""
        seen: list[int] = []
        interval = self.player.interval_s
        for _ in range(round(seconds / interval)):
            self.device.now_s += interval
            before = len(seen)

            def due(before: int = before) -> bool:
                shown = self.player.poll()
                if shown is not None:
                    assert shown.picture == shown.frame
                    seen.append(shown.frame)
                return len(seen) > before or not self.player.playing

            self.until(lambda: self.device.queued_s() > 0.05 or not self.player.playing)
            self.until(due)
        return seen


@pytest.fixture
def stage():
    made: list[Stage] = []

    def make(*args, **words) -> Stage:
        made.append(Stage(*args, **words))
        return made[-1]

    yield make
    for each in made:
        each.player.close()
        assert each.film.closed
        assert each.device is None or each.device.closed


def test_pictures_follow_the_sound_device(stage):
    here = stage()
    here.play()
    assert here.pass_time(0.4) == list(range(1, 11))
    assert here.player.dropped == 0
    heard = here.device.heard()
    assert np.array_equal(heard, np.arange(len(heard), dtype=np.float32) / RATE)


def test_what_comes_too_late_is_dropped_and_counted(stage):
    here = stage()
    here.play()
    here.pass_time(0.08)
    here.device.now_s += 0.16
    here.until(lambda: here.player.picture(6) == 6)
    assert here.player.poll().frame == 6
    assert here.player.dropped == 3


def test_playing_backwards_is_heard_backwards(stage):
    here = stage()
    here.player.seek(20)
    here.play(Fraction(-1))
    assert here.pass_time(0.2) == [19, 18, 17, 16, 15]
    heard = here.device.heard()
    start = 20 * RATE // 25
    assert np.array_equal(heard[:1000], np.arange(start - 1, start - 1001, -1, dtype=np.float32) / RATE)


def test_speed_takes_every_other_picture_and_half_the_sound(stage):
    here = stage()
    here.play(Fraction(2))
    assert here.pass_time(0.2) == [2, 4, 6, 8, 10]
    written = here.device.written_s()
    assert written < 1.2  # of a film of two seconds: all of it would be 2 s at plain speed


def test_slow_speed_shows_each_picture_longer(stage):
    here = stage()
    here.play(Fraction(1, 4))
    assert here.player.interval_s == pytest.approx(0.16)
    assert here.pass_time(0.48) == [1, 2, 3]


def test_end_of_the_film_ends_playing_and_shows_the_last_picture(stage):
    here = stage(Numbers(10))
    here.play()
    seen = here.pass_time(0.6)
    assert seen[-1] == 9
    assert not here.player.playing
    assert here.player.frame == 9
    here.play()
    assert here.player.frame == 0


def test_last_picture_is_waited_for_when_it_comes_late(stage):
    gate = threading.Event()

    class Late(Numbers):
        def picture(self, frame: int, size: Size | None) -> int:
            if frame == 9:
                assert gate.wait(PATIENCE_S)
            return super().picture(frame, size)

    here = stage(Late(10))
    here.player.seek(5)
    here.play()
    here.until(lambda: here.player.picture(8) == 8)
    here.device.now_s += 1
    assert here.player.poll() == (8, 8)
    assert here.player.playing
    gate.set()
    here.until(lambda: here.player.picture(9) == 9)
    assert here.player.poll() == (9, 9)
    assert not here.player.playing


def test_playing_ends_where_the_last_picture_cannot_be_made(stage):
    film = Numbers(10)
    film.broken.add(9)
    here = stage(film)
    here.play()
    here.until(lambda: len(here.failures) == 1 and here.player.picture(8) == 8)
    here.device.now_s += 1
    here.until(lambda: here.player.poll() is None and not here.player.playing)
    assert here.player.frame == 8


def test_loop_goes_round_in_picture_and_sound(stage):
    here = stage(Numbers(10))
    here.player.set_looping(True)
    here.play(within=(4, 8))
    assert here.pass_time(0.4) == [5, 6, 7, 4, 5, 6, 7, 4, 5, 6]
    heard = here.device.heard()
    begin, end = 4 * RATE // 25, 8 * RATE // 25
    assert heard[0] == pytest.approx(begin / RATE)
    assert heard[end - begin] == pytest.approx(begin / RATE)
    assert heard[end - begin - 1] == pytest.approx((end - 1) / RATE)


def test_range_is_played_once_without_a_loop(stage):
    here = stage()
    here.play(within=(4, 8))
    assert here.pass_time(0.4) == [5, 6, 7]
    assert not here.player.playing


def test_j_and_l_go_faster_each_time_and_turn_round(stage):
    player = stage().player
    speeds = []
    for direction in (1, 1, 1, 1, 1, -1, -1):
        player.push(direction)
        speeds.append(player.speed)
    assert speeds == [1, 2, 4, 8, 8, -1, -2]
    player.pause()
    player.push(1, slow=True)
    assert player.speed == Fraction(1, 4)


def test_of_many_seeks_only_the_newest_is_made():
    gate = threading.Event()
    film = Numbers(gate=gate)
    player: Player[int] = Player(ready=lambda _: None, open_sound=None)
    player.open(lambda: film)
    done = threading.Event()
    player._ready = lambda frame: done.set() if frame == 40 else None
    for _ in range(2000):
        if player.source is not None:
            break
        done.wait(0.005)
    for frame in range(10, 41):
        player.seek(frame)
    gate.set()
    assert done.wait(PATIENCE_S)
    player.close()
    assert not set(film.asked) & set(range(10, 39))


def edited(here: Stage, changed: Numbers) -> None:
    """An edit: another film in the place of the one that plays."""
    before, here.film = here.film, changed
    here.player.swap(lambda: changed)
    here.until(lambda: here.player.source is changed and before.closed)


@pytest.mark.parametrize("frames", [30, 50, 200])
def test_edit_while_playing_swaps_the_film_under_a_device_that_plays_on(stage, frames: int):
    here = stage()
    here.play()
    here.pass_time(0.2)
    here.device.now_s += 0.03  # in the middle of a picture: the next one is due as if nothing had been
    edited(here, Numbers(frames))
    assert here.player.playing
    assert here.player.frame == 5
    here.until(lambda: here.player.picture(6) == 6)
    here.device.now_s += 0.01
    assert here.player.poll() == (6, 6)
    assert here.pass_time(0.08) == [7, 8]
    assert here.player.dropped == 0
    assert here.device.starts == 1
    heard = here.device.heard()
    assert np.array_equal(heard, np.arange(len(heard), dtype=np.float32) / RATE)


def test_film_that_an_edit_cuts_off_behind_the_playhead_ends_there(stage):
    here = stage()
    here.player.seek(20)
    here.play()
    here.pass_time(0.2)
    edited(here, Numbers(10))
    here.until(lambda: here.player.picture(9) == 9)
    assert here.player.poll() == (9, 9)
    assert not here.player.playing


def test_loop_goes_round_in_what_an_edit_left_of_it(stage):
    here = stage(Numbers(10))
    here.player.set_looping(True)
    here.play()
    assert here.pass_time(0.16) == [1, 2, 3, 4]
    edited(here, Numbers(6))
    here.until(lambda: here.player.picture(5) == 5 and here.player.picture(1) == 1)
    assert here.pass_time(0.16) == [5, 0, 1, 2]
    assert here.device.starts == 1


def test_edit_while_playing_keeps_the_silent_clock(stage):
    class Hand:
        now_s = 0.0

        def elapsed_s(self) -> float:
            return self.now_s

    hands: list[Hand] = []
    here = stage(sound=False, steady=lambda: hands.append(Hand()) or hands[-1])
    here.player.play()
    here.until(lambda: bool(hands) and here.player.picture(5) == 5)
    hands[0].now_s = 0.21
    assert here.player.poll() == (5, 5)
    edited(here, Numbers(30))
    here.until(lambda: here.player.picture(6) == 6)
    hands[0].now_s = 0.24
    assert here.player.poll() == (6, 6)
    assert len(hands) == 1


def test_edit_that_changes_the_rate_begins_anew_at_the_same_frame(stage):
    here = stage()
    here.play()
    here.pass_time(0.2)
    faster = Numbers()
    faster.rate = Fraction(50)
    edited(here, faster)
    here.until(lambda: here.device.starts == 2 and here.device.queued_s() > 0.2)
    assert here.player.frame == 5
    assert here.device.heard()[0] == pytest.approx(0.1)


def test_switching_the_loop_on_while_playing_is_no_gap(stage):
    here = stage(Numbers(10))
    here.play()
    assert here.pass_time(0.2) == [1, 2, 3, 4, 5]
    here.player.set_looping(True)
    assert 9 in here.pass_time(0.24)
    assert here.player.playing
    assert here.device.starts == 1


@pytest.mark.parametrize(("asked", "stands"), [(55, 55), (99, 59)])
def test_a_place_in_what_an_edit_adds_is_kept_until_the_longer_film_is_there(stage, asked: int, stands: int):
    here = stage()
    longer, gate = Numbers(60), threading.Event()
    before, here.film = here.film, longer

    def open_late() -> Numbers:
        gate.wait(PATIENCE_S)
        return longer

    assert before.frames < asked
    here.player.swap(open_late)
    here.player.seek(asked)
    assert here.player.frame == asked
    gate.set()
    here.until(lambda: here.player.source is longer)
    assert here.player.frame == stands


def test_an_open_end_can_be_stood_on_and_played_from_the_beginning(stage):
    here = stage(Numbers(10), open_end=True)
    here.player.seek(40)
    here.until(lambda: here.player.picture(40) == 40)
    here.player.step(-1)
    assert here.player.frame == 39
    shorter = Numbers(5)
    before, here.film = here.film, shorter
    here.player.swap(lambda: shorter)
    here.until(lambda: here.player.source is shorter and before.closed)
    assert here.player.frame == 39  # an edit leaves it
    here.play()
    assert here.pass_time(0.16) == [1, 2, 3, 4]
    here.player.seek(20)
    here.play(Fraction(-1))
    assert here.player.frame == 4


def test_without_a_device_the_machines_clock_plays(stage):
    here = stage(sound=False)
    here.player.play()
    here.until(lambda: (here.player.poll() or here.player).frame >= 3)
    assert not here.player.sounding


def test_picture_that_cannot_be_made_is_said_and_playing_goes_on(stage):
    film = Numbers()
    film.broken.add(2)
    here = stage(film)
    here.player.play()
    here.until(lambda: here.player.sounding and here.device.queued_s() > 0.2 and len(here.failures) == 1)
    here.device.now_s += 0.12
    here.until(lambda: here.player.picture(3) == 3)
    assert here.player.poll().frame == 3
    assert "broken" in str(here.failures[0])


def test_source_that_cannot_be_opened_is_said():
    said = threading.Event()
    player: Player[int] = Player(ready=lambda _: None, failed=lambda exc: said.set())

    def gone() -> Numbers:
        raise OSError("gone")

    player.open(gone)
    assert said.wait(PATIENCE_S)
    player.close()


def test_scrubbing_lets_the_place_be_heard(stage):
    here = stage()
    here.player.scrub_sound = True
    here.player.seek(25)
    here.until(lambda: here.device is not None and bool(here.device.blocks))
    heard = here.device.heard()
    assert heard[len(heard) // 2] == pytest.approx(1.03, abs=0.01)
    assert heard[0] == 0


def test_levels_are_those_that_are_heard_now(stage):
    here = stage()
    here.player.seek(25)
    here.play()
    here.pass_time(0.2)
    left, right = here.player.levels()
    assert left == right == pytest.approx(1.2, abs=0.03)
    here.player.pause()
    assert here.player.levels() == (0, 0)


def test_muted_sound_is_silent_and_still_the_clock(stage):
    here = stage()
    here.player.set_muted(True)
    here.play()
    assert here.pass_time(0.12) == [1, 2, 3]
    assert not here.device.heard().any()


def test_meters_show_the_film_while_the_monitors_are_muted(stage):
    here = stage()
    here.player.set_muted(True)
    here.player.seek(25)
    here.play()
    here.pass_time(0.2)
    assert min(here.player.levels()) == pytest.approx(1.2, abs=0.03)


def test_screen_of_another_size_gets_new_pictures(stage):
    here = stage()
    asked = len(here.film.asked)
    here.player.set_size(Size(160, 90))
    here.until(lambda: here.film.asked[asked:].count(0) == 1)


def test_steady_clock_counts_seconds():
    now_ns = 5
    clock = SteadyClock(lambda: now_ns)
    now_ns += 1_500_000_000
    assert clock.elapsed_s() == 1.5
