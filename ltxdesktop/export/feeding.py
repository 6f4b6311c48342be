"""The threads that feed an export: pictures or groups to copy, and sound, made ahead of the encoder in their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from av import VideoFrame

from ltxdesktop.document.model import MediaId
from ltxdesktop.export import smart
from ltxdesktop.export.channel import Channel, Closed
from ltxdesktop.export.errors import MediaMissing
from ltxdesktop.export.feed import Feed, Film, Samples
from ltxdesktop.render.frames import copied

_SOUND_BLOCKS_PER_S: Final = 2

T = TypeVar("T")


class RenderedFilm(Film, Protocol):
    """A film that tells what it couldn't read."""

    @property
    def missing(self) -> Mapping[MediaId, Exception]: ...


@dataclass(frozen=True)
class Picture:
    """A picture, or a group to copy; `last` is the file's frame behind it. `compared`: what to look for afterwards."""

    what: VideoFrame | smart.Copied
    last: int
    compared: dict[int, VideoFrame] = field(default_factory=dict[int, VideoFrame])


class Threads:
    """The threads that feed an export; none is left when the block ends."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._closers: list[Callable[[], None]] = []

    def __enter__(self) -> Threads:
        return self

    def start(self, name: str, channel: Channel[T], work: Callable[[Callable[[T], None]], None]) -> None:
        """Have `work` put its things into the channel."""

        def run() -> None:
            try:
                work(channel.put)
                channel.finish()
            except Closed:
                pass
            except BaseException as error:  # handed to the thread that waits for the result
                channel.finish(error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        self._closers.append(channel.close)
        thread.start()

    def __exit__(self, *exc: object) -> None:
        for close in self._closers:
            close()
        for thread in self._threads:
            thread.join()


def render(
    feed: Feed,
    film: RenderedFilm,
    plan: smart.SmartPlan | None,
    compared: tuple[int, ...],
    put: Callable[[Picture], None],
) -> None:
    """All pictures of the file, in order."""
    frames = feed.shape.frames

    def made(number: int) -> VideoFrame:
        frame = feed.picture(number)
        if film.missing:
            raise MediaMissing(str(error) for error in film.missing.values())
        return frame

    if plan is None:
        _render_all(range(frames), made, compared, put)
        return
    try:
        for step in smart.steps(plan, frames):
            if isinstance(step, range):
                _render_all(step, made, compared, put)
            else:
                put(Picture(step, step.last, {n: copied(made(n)) for n in compared if step.first <= n < step.last}))
    finally:
        for source in {piece.source.path: piece.source for piece in plan.pieces}.values():
            source.close()


def _render_all(
    numbers: range, made: Callable[[int], VideoFrame], compared: tuple[int, ...], put: Callable[[Picture], None]
) -> None:
    for number in numbers:
        frame = made(number)
        put(Picture(frame, number + 1, {number: copied(frame)} if number in compared else {}))


def mix(feed: Feed, film: RenderedFilm, put: Callable[[Samples], None]) -> None:
    """All sound of the file, in order."""
    block = max(1, feed.shape.sample_rate // _SOUND_BLOCKS_PER_S)
    for first in range(0, feed.shape.samples, block):
        made = feed.sound(first, min(block, feed.shape.samples - first))
        if film.missing:
            raise MediaMissing(str(error) for error in film.missing.values())
        put(made)
