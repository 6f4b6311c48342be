"""What the tests of the remote backend share: a job's context that notes everything, footage, and reading takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from fake_api import KEY, KNOWN, FakeApi, grey

from engine.backends.base import Estimate, Job, JobCancelled, JobContext, NoticeKind, Places, PlannedPhase
from engine.backends.remote.backend import RemoteBackend
from engine.backends.remote.keys import KeyCupboard
from engine.media.decode import AudioReader, VideoReader
from engine.media.encode import Delivery, write_media
from engine.media.index import build_index
from engine.media.probe import probe
from engine.protocol.messages import Result, ResultFile
from engine.protocol.work import AnyWork, TextToVideo

PACE = 0.002  # pauses of the program, as a share


@dataclass
class Heard(JobContext):
    """A context that notes everything. `at(phase, done)` is called at each phase and step, and may cancel."""

    folder: Path
    at: Callable[[str, int], None] = lambda _phase, _done: None
    on_notice: Callable[[str], None] = lambda _message: None
    phases: list[str] = field(default_factory=list[str])
    steps: list[int] = field(default_factory=list[int])
    notices: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    kept: list[str] = field(default_factory=list[str])
    _ending: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        self._ending.set()

    def words(self, kind: str) -> str:
        return "\n".join(message for told, message in self.notices if told == kind)

    @property
    def scratch(self) -> Path:
        path = self.folder / "scratch"
        path.mkdir(exist_ok=True)
        return path

    @property
    def output_folder(self) -> Path:
        return self.folder

    @property
    def cancelled(self) -> bool:
        return self._ending.is_set()

    def wait(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise JobCancelled

    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None:
        self.planned = [phase.name for phase in phases]

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        self.phases.append(name)
        self.at(name, 0)
        self.check()

    def step(self, done: int) -> None:
        self.steps.append(done)
        self.at(self.phases[-1] if self.phases else "", done)
        self.check()

    @property
    def wants_preview(self) -> bool:
        return False

    def preview(self, *args: Any, **more: Any) -> None:
        raise AssertionError("the service has no previews")

    def notice(self, kind: NoticeKind, message: str) -> None:
        self.notices.append((kind, message))
        self.on_notice(message)

    def remember(self, resume: str) -> None:
        self.kept.append(resume)


@dataclass
class Desk:
    """A backend on a fake service, and jobs on it."""

    folder: Path
    api: FakeApi
    key: str = KEY
    number: int = 0

    def __post_init__(self) -> None:
        self.places = Places(models=self.folder, cache=self.folder, results=self.folder, state=self.folder / "state")
        self.backend = self.new_backend()

    def new_backend(self) -> RemoteBackend:
        """As a new engine would open it."""
        cupboard = KeyCupboard(None, environment={"LTX_API_KEY": self.key})
        return RemoteBackend(self.places, cupboard=cupboard, base=self.api.url, pace=PACE)

    def run(
        self,
        work: AnyWork,
        resume: str = "",
        at: Callable[[str, int], None] | None = None,
        on_notice: Callable[[str], None] | None = None,
    ) -> Result:
        """Do a job; its context is `self.heard`, also after a failure."""
        self.number += 1
        folder = self.folder / f"job-{self.number}"
        folder.mkdir()
        self.heard = Heard(folder)
        if at is not None:
            self.heard.at = at
        if on_notice is not None:
            self.heard.on_notice = on_notice
        return self.backend.run(Job(f"job-{self.number}", work, resume=resume), self.heard)

    def estimate(self, work: AnyWork) -> Estimate:
        return self.backend.estimate(work)

    @property
    def resume(self) -> str:
        """What a later engine would find."""
        return self.heard.kept[-1] if self.heard.kept else ""


def clip(**more: Any) -> TextToVideo:
    """A short clip at a size that the service makes as 1280 x 720."""
    given: dict[str, Any] = {"prompt": "a red ball", "width": 256, "height": 144, "frames": 45, "rate": "24"}
    return TextToVideo(**(given | {"may_leave": True, "model": "ltx-2-3-fast"} | more))


def footage(
    path: Path, frames: int, rate: str = "24", size: tuple[int, int] = (256, 144), *, sound: bool = True
) -> Path:
    """A film whose frames are all `KNOWN`, with a quiet tone of 220 Hz."""
    width, height = size
    pictures = np.full((frames, height, width, 3), KNOWN, np.uint8)
    samples = round(frames / Fraction(rate) * 48_000)
    tone = np.tile(0.1 * np.sin(np.arange(samples) * (220 * 2 * np.pi / 48_000)), (2, 1)).astype(np.float32)
    write_media(path, Delivery.FFV1_FLAC, frames=[pictures], samples=tone if sound else None, rate=Fraction(rate))
    return path


def greys(path: str) -> list[int]:
    """The mean grey of each frame."""
    with VideoReader(Path(path)) as reader:
        return [round(float(picture.mean())) for picture in reader.iter_rgb(0, reader.index.frames)]


def made(path: str) -> list[int]:
    """For each frame of a take the number of the service's frame, -1 for one of the given film."""
    return [-1 if value < (KNOWN + grey(0)) // 2 else round((value - grey(0)) / 3) for value in greys(path)]


def check_file(told: ResultFile) -> None:
    """What the result says of a file is what the file has."""
    path = Path(told.path)
    info = probe(path)
    assert path.stat().st_size == told.size_bytes
    if told.role == "video":
        index = build_index(path)
        video = info.require_video()
        assert (video.width, video.height, index.frames) == (told.width, told.height, told.frames)
        assert index.rate == Fraction(told.rate)
    assert bool(info.audio) == bool(told.samples)
    if told.samples:
        with AudioReader(path, zero=Fraction(0)) as reader:
            first, end = reader.extent()
            assert (reader.rate, end - first) == (told.sample_rate, told.samples)


def loudness(path: str) -> float:
    """The effective value of the sound."""
    with AudioReader(Path(path)) as reader:
        first, end = reader.extent()
        return float(np.sqrt(np.mean(reader.read(first, end) ** 2)))
