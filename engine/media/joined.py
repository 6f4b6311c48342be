"""A clip with one take in its place, written as a film: for a retake inside the clip and for an extension at its end.

Frames are numbered as in the clip, so an extension lies before 0 or behind the last frame. Inside the take's own range
only the take counts; inside its handles the clip fades into it and out of it; everything else is the clip's own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.protocol.grid import SAMPLE_RATE, FrameRange, sample_of_frame, samples_of_frames
from engine.protocol.messages import ResultFile
from engine.protocol.work import AnyWork, Extend, Retake

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.media.decode import AudioReader, VideoReader
    from engine.media.encode import Delivery

CHUNK_FRAMES = 16
BLEND_FRAMES = 4


class TakeDoesNotFit(ValueError):
    """A take whose size or rate isn't the clip's, or that has other frames than it says."""

    def __init__(self, what: str, clip: object, take: object) -> None:
        super().__init__(f"the take doesn't fit the clip: {what} {take} instead of {clip}")


@dataclass(frozen=True)
class Placed:
    """A take and the frames of the clip that it stands for."""

    film: Path
    frames: FrameRange  # that were asked, in the clip's numbering
    handle_before: int = 0  # frames of the film in front of them
    handle_after: int = 0
    sound_file: Path | None = None  # when the sound isn't in the film
    what: Literal["both", "picture", "sound"] = "both"

    @property
    def covered(self) -> FrameRange:
        """The clip's frames that the film has pictures for."""
        return FrameRange(self.frames.start - self.handle_before, self.frames.end + self.handle_after)


def placement(work: AnyWork, film: ResultFile, sound_file: str = "") -> tuple[Path, Placed] | None:
    """The clip that a result belongs into, and where; None for work that makes a clip of its own."""
    match work:
        case Retake():
            frames, what = FrameRange(work.start, work.end), work.what
        case Extend(direction="forward"):
            frames, what = FrameRange(work.at, work.at + work.frames), "both"
        case Extend():
            frames, what = FrameRange(work.at - work.frames, work.at), "both"
        case _:
            return None
    sound = Path(sound_file) if sound_file else None
    return Path(work.source), Placed(Path(film.path), frames, film.handle_before, film.handle_after, sound, what)


def write_joined(
    clip: Path,
    take: Placed,
    target: Path,
    *,
    delivery: Delivery | None = None,
    blend: int = BLEND_FRAMES,
    on_frame: Callable[[int, int], None] | None = None,
) -> None:
    """Write `clip` with `take` in it to `target`; delivery None is MP4 with H.264 and AAC. The clip isn't touched.

    `blend`: frames of each handle over which one fades into the other; 0 cuts. `on_frame(done, all)` may raise to stop.
    Raises TakeDoesNotFit and the errors of engine.media; nothing half-written is left.
    """
    from engine.media.decode import VideoReader
    from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec

    with ExitStack() as files:
        source = files.enter_context(VideoReader(clip))
        made = files.enter_context(VideoReader(take.film)) if take.what != "sound" else source  # a sound has no picture
        whole = FrameRange(min(0, take.frames.start), max(source.index.frames, take.frames.end))
        height, width = source.rgb(0, 1).shape[1:3]
        if take.what != "sound":
            _check_fits(source, made, take)
        sound = _Sound(files, clip, take, source.rate, blend)
        audio = AudioSpec(SAMPLE_RATE, 2) if sound.there else None
        out = files.enter_context(
            MediaWriter(target, delivery or Delivery.H264_AAC, video=VideoSpec(width, height, source.rate), audio=audio)
        )
        for first in range(whole.start, whole.end, CHUNK_FRAMES):
            part = FrameRange(first, min(first + CHUNK_FRAMES, whole.end))
            out.write_rgb(_pictures(source, made, take, part, blend))
            if sound.there:
                out.write_samples(sound.samples(part))
            if on_frame is not None:
                on_frame(part.end - whole.start, whole.frames)


def _check_fits(source: VideoReader, made: VideoReader, take: Placed) -> None:
    """Raises TakeDoesNotFit."""
    own, other = source.rgb(0, 1).shape[1:3], made.rgb(0, 1).shape[1:3]
    if own != other:
        raise TakeDoesNotFit("its size is", f"{own[1]}x{own[0]}", f"{other[1]}x{other[0]}")
    if source.rate != made.rate:
        raise TakeDoesNotFit("its rate is", source.rate, made.rate)
    if made.index.frames != take.covered.frames:
        raise TakeDoesNotFit("its length is", take.covered.frames, made.index.frames)


def _pictures(source: VideoReader, made: VideoReader, take: Placed, part: FrameRange, blend: int) -> NDArray[np.uint8]:
    """The film's frames [part): (n, height, width, 3)."""
    import numpy as np

    from engine.media.join import Handles, frame_weights, join_frames

    handles = Handles(take.handle_before, take.handle_after)
    weights = frame_weights(take.frames.frames, handles, blend)
    pictures: list[NDArray[np.uint8]] = []
    for frame in part.numbers():
        place = frame - take.covered.start
        weight = weights[place] if frame in take.covered and take.what != "sound" else np.float32(0)
        if weight == 0:
            pictures.append(_picture(source, frame))
        elif weight == 1:
            pictures.append(_picture(made, place))
        else:
            share = np.array([weight], np.float32)
            pictures.append(join_frames(_picture(source, frame), _picture(made, place), share))
    return np.concatenate(pictures)


def _picture(reader: VideoReader, frame: int) -> NDArray[np.uint8]:
    """One frame as (1, height, width, 3)."""
    import numpy as np

    return reader.rgb(frame, frame + 1).astype(np.uint8, copy=False)


class _Sound:
    """Sound of the clip with the take's faded in: samples at 48 kHz, two channels."""

    def __init__(self, files: ExitStack, clip: Path, take: Placed, rate: Fraction, blend: int) -> None:
        from engine.media.join import Handles, sound_weights

        self._rate = rate
        self._source = _open(files, clip)
        self._take = _open(files, take.sound_file or take.film) if take.what != "picture" else None
        self.there = self._source is not None or self._take is not None
        frames = take.frames
        handles = Handles(take.handle_before, take.handle_after).in_samples(*frames, rate, SAMPLE_RATE)
        length = len(samples_of_frames(*frames, rate))
        self._start = sample_of_frame(frames.start, rate) - handles.before
        self._gains = sound_weights(length, handles, round(blend * SAMPLE_RATE / rate))

    def samples(self, part: FrameRange) -> NDArray[np.float32]:
        """The sound of the frames [part): (2, n)."""
        import numpy as np

        from engine.media.join import join_samples

        wanted = samples_of_frames(*part, self._rate)
        old = self._source.read(wanted.start, wanted.stop, rate=SAMPLE_RATE) if self._source is not None else None
        if old is None:
            old = np.zeros((2, len(wanted)), np.float32)
        if self._take is None:
            return old
        old_gain = np.ones(len(wanted), np.float32)
        new_gain = np.zeros(len(wanted), np.float32)
        low = max(wanted.start, self._start)
        high = min(wanted.stop, self._start + len(self._gains[0]))
        if low < high:
            here = slice(low - wanted.start, high - wanted.start)
            there = slice(low - self._start, high - self._start)
            old_gain[here], new_gain[here] = self._gains[0][there], self._gains[1][there]
        new = self._take.read(wanted.start - self._start, wanted.stop - self._start, rate=SAMPLE_RATE)
        return join_samples(old, new, (old_gain, new_gain))


def _open(files: ExitStack, path: Path) -> AudioReader | None:
    from engine.media.decode import AudioReader
    from engine.media.errors import NoAudio

    try:
        return files.enter_context(AudioReader(path))
    except NoAudio:
        return None
