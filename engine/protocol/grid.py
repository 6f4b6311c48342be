"""The exact grid of pictures, latents and samples; deliberately no tensors, files or clocks (stdlib only).

Time is counted in frames at a rate kept as a Fraction, in latent frames of the video autoencoder, in latent steps
of the audio autoencoder and in audio samples. Every conversion between them lives here, once, and is exact.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple, Self

SAMPLE_RATE = 48_000  # Hz; what the vocoder writes and what the editor's sequences use
AUDIO_LATENTS_PER_SECOND = 25  # 16000 Hz / hop 160 / time stride 4: checkpoint config "audio_vae"
LONGEST_CLIP_SECONDS = 20  # positional_embedding_max_pos[0]; times beyond it extrapolate
HIGHEST_RATE = 1000

_NTSC_DENOMINATOR = 1001


class GridError(ValueError):
    """A number that does not lie on the grid of the model or of the media."""


class BadRate(GridError):
    """A frame rate that cannot be read, or lies outside (0, 1000] frames per second."""

    def __init__(self, rate: object) -> None:
        super().__init__(f"{rate!r} is not a frame rate: give frames per second such as 24, 29.97 or 30000/1001")
        self.rate = rate


class NotOnGrid(GridError):
    """A frame count or size that the autoencoder cannot represent; names the neighbours that it can."""

    def __init__(self, what: str, value: int, below: int, above: int) -> None:
        super().__init__(f"{what} {value} is not on the grid: the nearest are {below} and {above}")
        self.what, self.value, self.below, self.above = what, value, below, above


# --- rates --------------------------------------------------------------------------------------------------------


def parse_rate(text: str | float | Fraction) -> Fraction:
    """Frames per second, exactly.

    Takes "30000/1001", "24", 25, 29.97, "23.976", "23.98", Fraction(24). A decimal that is the rounded spelling
    (two to six places) of n * 1000/1001 means that rate, so 29.97 is 30000/1001; any other decimal is taken at
    its word. Raises BadRate.
    """
    if isinstance(text, Fraction | int):
        rate = Fraction(text)
    else:
        spelling = repr(text) if isinstance(text, float) else text.strip()
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", spelling)
        if match and int(match[2]):
            rate = Fraction(int(match[1]), int(match[2]))
        elif re.fullmatch(r"\d{1,6}(\.\d{1,18})?", spelling):
            rate = _decimal_rate(spelling)
        else:
            raise BadRate(text)
    if not 0 < rate <= HIGHEST_RATE:
        raise BadRate(text)
    return rate


def _decimal_rate(spelling: str) -> Fraction:
    written = Fraction(spelling)
    places = len(spelling.partition(".")[2].rstrip("0"))
    if places < 2:
        return written
    nominal = round(written * _NTSC_DENOMINATOR / 1000)
    ntsc = Fraction(nominal * 1000, _NTSC_DENOMINATOR)
    half_of_the_last_place = Fraction(1, 2 * 10 ** min(places, 6))
    return ntsc if abs(written - ntsc) <= half_of_the_last_place else written


def format_rate(rate: Fraction) -> str:
    """The text that parse_rate reads back to the same Fraction: "24" or "30000/1001"."""
    return str(rate)


def frame_at_rate(frame: int, from_rate: Fraction, to_rate: Fraction) -> int:
    """The frame at to_rate that is on screen when `frame` of from_rate begins (both count from the same instant)."""
    return frame * to_rate // from_rate


# --- samples ------------------------------------------------------------------------------------------------------


def sample_of_frame(frame: int, rate: Fraction, sample_rate: int = SAMPLE_RATE) -> int:
    """The audio sample at which a frame begins: the nearest one, halves up.

    The one rule by which frames own samples. It is a function of the frame number alone, so neighbouring ranges
    share their border, counts add up and nothing drifts however long the media. Negative frames are allowed.
    """
    return (2 * frame * sample_rate / rate + 1) // 2


def samples_of_frames(start: int, end: int, rate: Fraction, sample_rate: int = SAMPLE_RATE) -> range:
    """The samples that belong to the frames [start, end)."""
    return range(sample_of_frame(start, rate, sample_rate), sample_of_frame(end, rate, sample_rate))


# --- ranges -------------------------------------------------------------------------------------------------------


class FrameRange(NamedTuple):
    """Frames [start, end) of something that the context names."""

    start: int
    end: int

    @property
    def frames(self) -> int:
        return self.end - self.start

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start <= frame < self.end

    def shifted(self, frames: int) -> FrameRange:
        return FrameRange(self.start + frames, self.end + frames)

    def numbers(self) -> range:
        return range(self.start, self.end)


class LatentRange(NamedTuple):
    """Latent frames (or audio latent steps) [start, end)."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def numbers(self) -> range:
        return range(self.start, self.end)


def mirrored(index: int, length: int) -> int:
    """The place in [0, length) that `index` falls on when the ends are mirrors (the end frames are not doubled).

    mirrored(-1, 5) is 1, mirrored(5, 5) is 3, mirrored(8, 5) is 0. With length 1 it is always 0.
    """
    if length < 1:
        raise GridError("nothing to mirror: the media has no frames")
    if length == 1:
        return 0
    period = 2 * (length - 1)
    offset = index % period
    return offset if offset < length else period - offset


# --- shapes -------------------------------------------------------------------------------------------------------


class ScaleFactors(NamedTuple):
    """Pixels per latent cell of a video autoencoder; LTX-2.3: 8 frames, 32 x 32 pixels (from its block list)."""

    time: int = 8
    height: int = 32
    width: int = 32


LTX_SCALE = ScaleFactors()


class LatentShape(NamedTuple):
    """Latent frames and latent rows and columns of a video."""

    frames: int
    height: int
    width: int

    @property
    def tokens(self) -> int:
        return self.frames * self.height * self.width

    def pixels(self, scale: ScaleFactors = LTX_SCALE) -> VideoShape:
        return VideoShape((self.frames - 1) * scale.time + 1, self.height * scale.height, self.width * scale.width)


class VideoShape(NamedTuple):
    """Frames, height and width in pixels."""

    frames: int
    height: int
    width: int

    def latent(self, scale: ScaleFactors = LTX_SCALE) -> LatentShape:
        """The latent grid of exactly this video. Raises NotOnGrid; snap first."""
        if self.frames < 1 or (self.frames - 1) % scale.time:
            below, above = snap_frames_down(max(self.frames, 1), scale), snap_frames_up(self.frames, scale)
            raise NotOnGrid("frame count", self.frames, below, above)
        for what, value, step in (("height", self.height, scale.height), ("width", self.width, scale.width)):
            if value < 1 or value % step:
                raise NotOnGrid(what, value, max(step, value - value % step), snap_up(value, step))
        return LatentShape((self.frames - 1) // scale.time + 1, self.height // scale.height, self.width // scale.width)


def snap_frames_up(frames: int, scale: ScaleFactors = LTX_SCALE) -> int:
    """The smallest 8k + 1 that is at least `frames` (and at least 1)."""
    return snap_up(max(frames, 1) - 1, scale.time) + 1


def snap_frames_down(frames: int, scale: ScaleFactors = LTX_SCALE) -> int:
    """The largest 8k + 1 that is at most `frames`. Raises GridError below one frame."""
    if frames < 1:
        raise GridError(f"no clip has {frames} frames")
    return (frames - 1) // scale.time * scale.time + 1


def snap_up(value: int, step: int) -> int:
    """The smallest multiple of step that is at least value."""
    return -(-value // step) * step


class SnappedSize(NamedTuple):
    """A picture size as asked and as made: made is at least asked, and the crop gives asked back.

    The source lies in the middle of what is made; what surrounds it is filled by reflection, never by stretching.
    """

    width: int
    height: int
    made_width: int
    made_height: int

    @property
    def exact(self) -> bool:
        return (self.width, self.height) == (self.made_width, self.made_height)

    @property
    def left(self) -> int:
        return (self.made_width - self.width) // 2

    @property
    def top(self) -> int:
        return (self.made_height - self.height) // 2

    @property
    def right(self) -> int:
        return self.made_width - self.width - self.left

    @property
    def bottom(self) -> int:
        return self.made_height - self.height - self.top

    def sentence(self) -> str:
        """What to tell the person; empty when nothing was snapped."""
        if self.exact:
            return ""
        asked, made = f"{self.width}x{self.height}", f"{self.made_width}x{self.made_height}"
        return f"{asked} is made as {made} and cropped back to {asked}"


def snap_size(width: int, height: int, stages: int = 1, scale: ScaleFactors = LTX_SCALE) -> SnappedSize:
    """Snap a size up to what `stages` stages can make: multiples of 32, of 64 for two. Raises GridError.

    Stage 1 of two works at exactly half of the size, hence the doubled step.
    """
    if width < 1 or height < 1:
        raise GridError(f"a picture of {width}x{height} pixels cannot be made")
    step = 2 ** (stages - 1)
    return SnappedSize(width, height, snap_up(width, scale.width * step), snap_up(height, scale.height * step))


# --- latent time --------------------------------------------------------------------------------------------------


def latent_of_frame(frame: int, scale: ScaleFactors = LTX_SCALE) -> int:
    """The latent frame that a frame of a clip lies in: 0 for frame 0, then one per eight frames."""
    return (frame - 1) // scale.time + 1


def latents_touching(frames: FrameRange, scale: ScaleFactors = LTX_SCALE) -> LatentRange:
    """The latent frames that stand for at least one frame of a range of a clip."""
    if frames.frames < 1:
        raise GridError("an empty range touches no latent frame")
    return LatentRange(latent_of_frame(frames.start, scale), latent_of_frame(frames.end - 1, scale) + 1)


def audio_latents(frames: int, rate: Fraction, per_second: int = AUDIO_LATENTS_PER_SECOND) -> int:
    """Audio latent steps beside `frames` of video: 25 per second, rounded half to even; at least one."""
    return max(1, round(frames * per_second / rate))


class AudioTime(NamedTuple):
    """The causal time grid of audio latent steps: step i covers [max(0, 4i-3), 4i+1) hundredths of a second."""

    stride: int = 4  # mel frames per latent step
    mel_seconds: Fraction = Fraction(1, 100)  # hop 160 at 16 kHz

    def start(self, step: int) -> Fraction:
        return max(0, self.stride * (step - 1) + 1) * self.mel_seconds

    def end(self, step: int) -> Fraction:
        return (self.stride * step + 1) * self.mel_seconds

    def touching(self, start: Fraction, end: Fraction, steps: int) -> LatentRange:
        """The steps of `steps` that touch [start, end) seconds: end(i) > start and start(i) < end.

        Never empty inside the clip: a range behind the last step (rounding of the step count) gives the last one.
        """
        first = 0
        while first < steps - 1 and self.end(first) <= start:
            first += 1
        last = first + 1
        while last < steps and self.start(last) < end:
            last += 1
        return LatentRange(first, last)


AUDIO_TIME = AudioTime()


class Clip(NamedTuple):
    """How long a clip of the model is: frames on the grid and their rate."""

    frames: int
    rate: Fraction

    @classmethod
    def longest(cls, rate: Fraction, seconds: int = LONGEST_CLIP_SECONDS, scale: ScaleFactors = LTX_SCALE) -> Self:
        """The longest clip of one pass: 20 s and the closing frame, e.g. 481 frames at 24 per second."""
        return cls(snap_frames_down(seconds * rate // 1 + 1, scale), rate)

    @property
    def seconds(self) -> Fraction:
        return self.frames / self.rate
