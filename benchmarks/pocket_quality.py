"""How well does Pocket do what it is asked? Seeded jobs through the real backend, measured from pixels and samples.

    python benchmarks/pocket_quality.py --models resources/pocket --prompts 200 --sheet /tmp/pocket.png

One JSON line: for every figure of the issue its value, its goal and on how many clips it was measured. Text-to-video is
measured on all prompts; each other mode on a tenth of them (`--others`), with footage rendered from the world itself.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from _pocket_films import SAMPLES_PER_SECOND, Film, as_bytes, colours, psnr, read_result
from _report import commit, machine, versions
from PIL import Image
from torch import Tensor

from engine.backends.base import Job, JobContext, JobError, NoticeKind, Places, PlannedPhase
from engine.backends.local.backend import LocalBackend
from engine.media.encode import Delivery, write_media
from engine.protocol.grid import sample_of_frame
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Keyframe,
    Lora,
    Neighbour,
    Output,
    Retake,
    Sound,
    TextToVideo,
)
from engine.training.captions import caption
from engine.training.contact_sheet import write_contact_sheet
from engine.training.listening import listen
from engine.training.measure import Seen, eye
from engine.training.words import CAMERAS, Attributes
from engine.training.world import bounce_times, render_audio, render_video, sample_scenes, scenes_from_attributes
from ltxdesktop.loop.joining import BLEND_FRAMES

RATE = Fraction(24)
FRAME_S = float(1 / RATE)
# figure -> (goal, whether more is better); the figures of the issue
GOALS: dict[str, tuple[float, bool]] = {
    "colour right": (0.9, True),
    "background right": (0.9, True),
    "direction right": (0.9, True),
    "shape right": (0.8, True),
    "sound within a frame": (0.9, True),
    "retake brightness join": (1.5, False),
    "retake position join": (1.5, False),
    "retake source untouched": (1.0, True),
    "first frame dB": (26.0, True),
    "text to video s": (10.0, False),
    "retake s": (8.0, False),
    "first preview s": (1.5, False),
}


class Footage(NamedTuple):
    """A clip of the world on disk, and what it shows."""

    path: Path
    attributes: Attributes
    video_CFHW: Tensor
    bounces_s: tuple[float, ...]


@dataclass
class Listener(JobContext):
    """Notes when the first preview came after the first phase of sampling began."""

    folder: Path
    sampling_began: float = 0.0
    first_preview_s: float = math.nan
    _phases: list[str] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        return self.folder

    @property
    def output_folder(self) -> Path:
        return self.folder

    @property
    def cancelled(self) -> bool:
        return False

    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None: ...

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        self._phases.append(name)
        if not self.sampling_began and name not in ("loading", "encoding prompt", "writing the prompt"):
            self.sampling_began = time.perf_counter()

    def step(self, done: int) -> None: ...

    @property
    def wants_preview(self) -> bool:
        return math.isnan(self.first_preview_s)

    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        if math.isnan(self.first_preview_s):
            self.first_preview_s = time.perf_counter() - self.sampling_began

    def notice(self, kind: NoticeKind, message: str) -> None: ...

    def remember(self, resume: str) -> None: ...


class Measurement:
    """The backend, the numbers gathered so far, and the rows of the contact sheet."""

    def __init__(self, options: argparse.Namespace, folder: Path):
        for name in ("models", "cache", "results"):
            (folder / name).mkdir()
        self.folder = folder
        self.model: str = options.model
        self.width: int = options.width
        self.height: int = options.height
        self.frames: int = options.frames
        places = Places(
            folder / "models", folder / "cache", folder / "results", extra_models=(options.models.resolve(),)
        )
        self.backend = LocalBackend(places, options.device)
        self.eye = eye(self.height, self.width)
        self.values: dict[str, list[float]] = defaultdict(list)
        self.failures: list[str] = []
        self.rows: list[Tensor] = []
        self.titles: list[str] = []
        self._jobs = 0

    @property
    def shape(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "frames": self.frames, "rate": str(RATE)}

    def note(self, figure: str, value: float | bool) -> None:
        if math.isfinite(value):
            self.values[figure].append(float(value))

    def run(self, work: AnyWork, figure: str, title: str = "") -> Film | None:
        """Run a job in a lossless file; None and a line in `failures` when it fails. `figure` names its seconds."""
        self._jobs += 1
        listener = Listener(self.folder / "results")
        begin = time.perf_counter()
        try:
            result = self.backend.run(Job(f"{self._jobs:08d}-job", work), listener)
        except JobError as exc:
            self.failures.append(f"{figure}: {exc}")
            return None
        seconds = time.perf_counter() - begin
        if self._jobs > 1:  # the first one loads the model
            self.note(f"{figure} s", seconds)
            self.note("first preview s", listener.first_preview_s)
        film = read_result(result)
        rows_of_it = sum(row.startswith(f"{figure}:") for row in self.titles)
        if title and rows_of_it < (20 if figure == "text to video" else 2):
            self.rows.append(film.video_CFHW)
            self.titles.append(f"{figure}: {title}")
        return film

    def common(self, prompt: str, seed: int, **more: Any) -> dict[str, Any]:
        return {"prompt": prompt, "seed": seed, "model": self.model, "output": Output(codec="ffv1")} | more

    # --- footage

    def footage(self, seed: int, frames: int = 0, motion: str = "") -> Footage:
        """A clip of the world with one object and a steady camera, written without loss."""
        frames = frames or self.frames
        duration = float(frames / RATE)
        aspect = self.width / self.height
        drawn = sample_scenes(1, seed, duration_s=duration, aspect=aspect, two_objects=0.0, moving_camera=0.0)
        shown = replaced(drawn.attributes()[0], motion=motion, pace="normal", place="centre") if motion else None
        scenes = drawn if shown is None else scenes_from_attributes([shown], seed, duration_s=duration, aspect=aspect)
        video = render_video(scenes, frames=frames, height=self.height, width=self.width, fps=float(RATE))[0]
        sound = render_audio(scenes, duration_s=duration, rate=SAMPLES_PER_SECOND, aspect=aspect)[0]
        path = self.folder / f"footage-{seed}-{frames}.mkv"
        samples = sound[:, : sample_of_frame(frames, RATE)].numpy()
        write_media(path, Delivery.FFV1_FLAC, frames=[as_bytes(video)], samples=samples, rate=RATE)
        bounces = tuple(float(t) for t in bounce_times(scenes, duration)[0])
        return Footage(path, scenes.attributes()[0], video, bounces)

    def still(self, video_CFHW: Tensor, frame: int, name: str) -> str:
        path = self.folder / f"{name}.png"
        Image.fromarray(as_bytes(video_CFHW[:, frame : frame + 1])[0]).save(path)
        return str(path)

    # --- the modes

    def text_to_video(self, number: int, quality: str = "fast") -> None:
        """What is said is what is seen, and what is seen is what is heard."""
        attributes = Random(number), sample_scenes(1, 70_000 + number, duration_s=2.0, aspect=1.6).attributes()[0]
        random, wanted = attributes
        prompt = caption(replaced(wanted, second=None, camera="fixed"), random=random, language="en", phrasing="full")
        work = TextToVideo(**self.common(prompt, number, quality=quality), **self.shape)
        name = "text to video" if quality == "fast" else "quality mode"
        film = self.run(work, name, prompt)
        if film is None:
            return
        seen = self.eye.look(film.video_CFHW, RATE)
        prefix = "" if quality == "fast" else "quality mode: "
        self.note_sight(seen, wanted, prefix)
        if quality == "fast":
            self.note_sound(seen, film)

    def note_sight(self, seen: Seen, wanted: Attributes, prefix: str = "") -> None:
        first = seen.objects[0] if seen.objects else None
        self.note(f"{prefix}colour right", first is not None and first.colour == wanted.colour)
        self.note(f"{prefix}shape right", first is not None and first.shape == wanted.shape)
        self.note(f"{prefix}background right", seen.background == wanted.background)
        self.note(f"{prefix}motion right", seen.motion == wanted.motion)
        direction = direction_of(wanted.motion)
        if direction:
            self.note(f"{prefix}direction right", direction_of(seen.motion) == direction)

    def note_sound(self, seen: Seen, film: Film) -> None:
        """Every bounce that is seen has an onset within one frame."""
        heard = listen(film.sound_CN, SAMPLES_PER_SECOND)
        for moment in seen.bounces_s:
            self.note("sound within a frame", any(abs(moment - onset) <= FRAME_S for onset in heard.onsets_s))

    def image_to_video(self, number: int) -> None:
        given = self.footage(80_000 + number)
        picture = self.still(given.video_CFHW, 0, f"first-{number}")
        prompt = caption(given.attributes, phrasing="full")
        work = ImageToVideo(**self.common(prompt, number, keyframes=(Keyframe(image=picture),)), **self.shape)
        film = self.run(work, "image to video", prompt)
        if film is not None:
            self.note("first frame dB", psnr(film.video_CFHW[:, 0], given.video_CFHW[:, 0]))

    def keyframes(self, number: int) -> None:
        given = self.footage(81_000 + number)
        places = (0, self.frames // 2 // 8 * 8, self.frames - 1)
        frames = tuple(Keyframe(image=self.still(given.video_CFHW, n, f"key-{number}-{n}"), frame=n) for n in places)
        prompt = caption(given.attributes, phrasing="full")
        film = self.run(
            ImageToVideo(**self.common(prompt, number, keyframes=frames), **self.shape), "keyframes", prompt
        )
        if film is not None:
            for place in places[1:]:
                self.note("keyframes dB", psnr(film.video_CFHW[:, place], given.video_CFHW[:, place]))

    def audio_to_video(self, number: int) -> None:
        """Bounces at the beats of a given sound."""
        given = self.footage(82_000 + number, motion="bounce")
        prompt = caption(given.attributes, phrasing="full")
        work = AudioToVideo(audio=Sound(file=str(given.path)), **self.common(prompt, number), **self.shape)
        film = self.run(work, "audio to video", prompt)
        if film is None:
            return
        seen = self.eye.look(film.video_CFHW, RATE)
        for beat in given.bounces_s:
            self.note("beats met", any(abs(beat - moment) <= 2 * FRAME_S for moment in seen.bounces_s))

    def retake(self, number: int) -> None:
        """Another colour in the middle second; the rest is untouched, and the joins aren't seen."""
        given = self.footage(83_000 + number, frames=2 * self.frames - 1)
        total = given.video_CFHW.shape[1]
        start, end = total // 4, total // 4 + min(24, total // 2)
        wanted = replaced(given.attributes, colour="blue" if given.attributes.colour != "blue" else "red")
        work = Retake(
            source=str(given.path), start=start, end=end, **self.common(caption(wanted, phrasing="full"), number)
        )
        untouched = given.path.read_bytes()
        film = self.run(work, "retake", f"now {wanted.colour}")
        if film is None:
            return
        whole = film.laid_into(given.video_CFHW, start)
        # a take holds [start, end) and its handles only; outside, the editor goes on showing the source's own file
        self.note("retake source untouched", given.path.read_bytes() == untouched)
        inside = self.eye.look(film.asked, RATE)
        self.note("retake colour right", bool(inside.objects) and inside.objects[0].colour == wanted.colour)
        self.note_joins("retake", whole, given.video_CFHW, (start, end))

    def note_joins(self, name: str, whole: Tensor, own: Tensor, joins: Sequence[int]) -> None:
        """Largest step of brightness and of the object's place over each join and its blend, in units of the clip's
        own larger steps (their 90 % quantile, at least one level of 255 or one pixel)."""
        inside = [join for join in joins if 0 < join < whole.shape[1]]
        brightness, usual = (video.mean((0, 2, 3)).diff().abs() for video in (whole, own))
        scale = max(float(usual.quantile(0.9)), 2 / 255)
        for join in inside:
            self.note(f"{name} brightness join", step_over(brightness, join) / scale)
        seen, before = self.eye.look(whole, RATE), self.eye.look(own, RATE)
        if not seen.objects or not before.objects:
            return
        steps, ordinary = steps_of(seen), steps_of(before)
        ordinary = ordinary[torch.isfinite(ordinary)]
        if len(ordinary):
            scale = max(float(ordinary.quantile(0.9)), 1 / self.width)
            for join in inside:
                self.note(f"{name} position join", step_over(steps, join) / scale)

    def extend(self, number: int) -> None:
        """A slide goes on at its own speed."""
        given = self.footage(84_000 + number, motion=("slide left", "slide right")[number % 2])
        prompt = caption(given.attributes, phrasing="full")
        work = Extend(source=str(given.path), at=self.frames, frames=24, **self.common(prompt, number))
        film = self.run(work, "extend", prompt)
        if film is None:
            return
        made = film.asked
        before, after = self.eye.look(given.video_CFHW, RATE), self.eye.look(made, RATE)
        if before.objects and after.objects:
            self.note("extend speed ratio", speed_of(after) / (speed_of(before) or math.nan))
        whole = film.laid_into(given.video_CFHW, self.frames)
        self.note_joins("extend", whole, given.video_CFHW, (self.frames,))

    def fill_gap(self, number: int) -> None:
        """The object arrives where the next clip starts."""
        given = self.footage(85_000 + number, frames=2 * self.frames - 1)
        total = given.video_CFHW.shape[1]
        first, last = total // 3, total // 3 + 17
        prompt = caption(given.attributes, phrasing="full")
        length: dict[str, Any] = self.shape | {"frames": last - first}
        work = FillGap(
            before=Neighbour(source=str(given.path), at=first),
            after=Neighbour(source=str(given.path), at=last),
            **self.common(prompt, number),
            **length,
        )
        film = self.run(work, "fill gap", prompt)
        if film is None:
            return
        whole = film.laid_into(given.video_CFHW, first)
        self.note_joins("fill gap", whole, given.video_CFHW, (first, last))

    def loras(self, number: int, names: Sequence[str]) -> None:
        """A camera LoRA moves the camera as it says; a style LoRA changes the look against the same seed without it.

        The move is asked for in words too, as its user would. The model alone, which does not know it, is measured too.
        """
        wanted = sample_scenes(1, 86_000 + number, duration_s=2.0, aspect=1.6).attributes()[0]
        wanted = replaced(wanted, motion="still", second=None, camera="fixed", place="centre")
        for name in names:
            move = next((camera for camera in CAMERAS if camera in name.replace("-", " ")), "fixed")
            prompt = caption(replaced(wanted, camera=move), phrasing="full")
            plain = self.run(TextToVideo(**self.common(prompt, number), **self.shape), "without lora")
            work = TextToVideo(**self.common(prompt, number, loras=(Lora(lora=name),)), **self.shape)
            film = self.run(work, "lora", f"{name}: {prompt}")
            if film is None or plain is None:
                continue
            if move != "fixed":
                self.note(f"{name}: camera right", self.eye.look(film.video_CFHW, RATE).camera == move)
                self.note(f"without {name}: camera right", self.eye.look(plain.video_CFHW, RATE).camera == move)
            else:
                self.note(f"{name}: change of the picture", float((film.video_CFHW - plain.video_CFHW).abs().mean()))
                self.note(f"{name}: colours left", colours(film.video_CFHW) / colours(plain.video_CFHW))

    # --- the line

    def figures(self) -> dict[str, Any]:
        """Every figure: mean (median of seconds, ratios and joins), count, and the goal where the issue names one."""
        found: dict[str, Any] = {}
        for name, values in sorted(self.values.items()):
            middle = name.endswith((" s", "join", "ratio"))
            value = statistics.median(values) if middle else statistics.fmean(values)
            found[name] = {"value": round(value, 4), "of": len(values)}
            if name in GOALS:
                goal, more = GOALS[name]
                found[name] |= {"goal": goal, "reached": value >= goal if more else value <= goal}
        return found


def direction_of(motion: str) -> str:
    """left, right, up or down; "" for motions in place."""
    for word, direction in (("left", "left"), ("right", "right"), ("rise", "up"), ("fall", "down")):
        if motion.endswith(word):
            return direction
    return ""


def step_over(steps: Tensor, join: int) -> float:
    """The largest step within a blend's length of a join at frame `join`; NaN where nothing is seen."""
    around = steps[max(0, join - 1 - BLEND_FRAMES) : join + BLEND_FRAMES]
    around = around[torch.isfinite(around)]
    return float(around.max()) if len(around) else math.nan


def steps_of(seen: Seen) -> Tensor:
    """How far the first object moves from frame to frame, in frame widths."""
    first = seen.objects[0]
    return torch.hypot(first.x_F.diff(), first.y_F.diff())


def speed_of(seen: Seen) -> float:
    """Median sideways step of the first object."""
    steps = seen.objects[0].x_F.diff()
    steps = steps[torch.isfinite(steps)]
    return float(steps.median()) if len(steps) else math.nan


def main() -> int:
    """Measure and print the line; the exit status is 1 when every job failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "resources" / "pocket")
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--others", type=int, help="clips of every other mode (default: a tenth of the prompts)")
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--loras", nargs="*", default=[], help="LoRAs to try, by id or path")
    parser.add_argument("--quality", action="store_true", help="measure quality mode too, on as many as --others")
    parser.add_argument("--sheet", type=Path, help="where the contact sheet goes (PNG)")
    parser.add_argument("--device", default=None)
    options = parser.parse_args()
    others = max(1, options.prompts // 10) if options.others is None else options.others
    with tempfile.TemporaryDirectory(prefix="pocket-quality-") as folder:
        measurement = Measurement(options, Path(folder))
        begin = time.perf_counter()
        for number in range(options.prompts):
            measurement.text_to_video(number)
            for path in (Path(folder) / "results").iterdir():
                path.unlink()
        for number in range(others):
            for mode in ("image_to_video", "keyframes", "audio_to_video", "retake", "extend", "fill_gap"):
                getattr(measurement, mode)(number)
            if options.loras:
                measurement.loras(number, options.loras)
            if options.quality:
                measurement.text_to_video(number, "quality")
        measurement.backend.close()
    if options.sheet and measurement.rows:
        write_contact_sheet(options.sheet, measurement.rows, measurement.titles)
    line = {
        "what": "quality of Pocket",
        "figures": measurement.figures(),
        "failures": measurement.failures[:20],
        "failed": len(measurement.failures),
        "seconds": round(time.perf_counter() - begin, 1),
        "settings": {"prompts": options.prompts, "others": others, "model": options.model, **measurement.shape},
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
    }
    print(json.dumps(line), flush=True)
    return 0 if measurement.values else 1


if __name__ == "__main__":
    sys.exit(main())
