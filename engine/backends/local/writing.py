"""Takes what the runner delivers into files: cropped back to the asked size, with its sound, checked, then named.

Beside each film lies its recipe, beside a draft the latents that finish it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import msgspec
import numpy as np
from torch import Tensor

from engine.backends.local.media import FileSound
from engine.backends.local.tasks import Prepared
from engine.backends.naming import file_stem
from engine.media.conform import Fit
from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec
from engine.media.recipe import write_recipe
from engine.pipelines.draft import Draft, draft_bytes
from engine.protocol.grid import SAMPLE_RATE, format_rate, sample_of_frame
from engine.protocol.messages import Recipe, ResultFile

Codec = Literal["h264", "prores", "ffv1"]
DELIVERIES: Final = {"h264": Delivery.H264_AAC, "prores": Delivery.PRORES_PCM, "ffv1": Delivery.FFV1_FLAC}
_METADATA: Final = {"comment": "made with ltxdesktop"}
_DRAFT_SUFFIX: Final = ".draft.safetensors"
_SUFFIXES: Final = (
    *(delivery.value for delivery in (*DELIVERIES.values(), Delivery.WAV, Delivery.FLAC)),
    _DRAFT_SUFFIX,
)


def shrunk(fit: Fit, factor: Fraction) -> Fit:
    """The fit of a draft: the same picture at the size of an earlier stage."""

    def smaller(pair: tuple[int, int]) -> tuple[int, int]:
        return max(1, round(pair[0] / factor)), max(1, round(pair[1] / factor))

    grid, before = smaller(fit.grid), (round(fit.before[0] / factor), round(fit.before[1] / factor))
    inner = tuple(min(side, room - offset) for side, room, offset in zip(smaller(fit.inner), grid, before, strict=True))
    return Fit((inner[0], inner[1]), (inner[0], inner[1]), grid, before)


@dataclass
class _Output:
    """One variation's file while it is written."""

    writer: MediaWriter
    frames: int = 0
    samples: int = 0


class ResultFiles:
    """The runner's sink for one job, and the files beside the films. An error inside `with` leaves nothing behind."""

    def __init__(self, folder: Path, name: str, fallback: str, prepared: Prepared, codec: Codec) -> None:
        """Files are called `name` (`fallback` if it's empty), with a number where that is taken."""
        self._folder = folder
        self._prepared = prepared
        task = prepared.task
        stages = task.recipe.stages
        self._numbers = [""] if len(task.seeds) == 1 else [f"-{number + 1}" for number in range(len(task.seeds))]
        self._stem = file_stem(folder, name, fallback, [f"{n}{suffix}" for n in self._numbers for suffix in _SUFFIXES])
        self._fit = prepared.fit
        last = stages[0] if prepared.draft_only else stages[-1]
        if last.shrink != 1:
            self._fit = shrunk(prepared.fit, last.shrink)
        self._given: FileSound | None = prepared.given_sound
        self._has_sound = task.deliver_audio or self._given is not None
        if prepared.sound_only:
            self.delivery = Delivery.FLAC if codec == "ffv1" else Delivery.WAV
        else:
            self.delivery = DELIVERIES[codec]
        self._outputs: dict[int, _Output] = {}
        self._finished: list[Path] = []  # under their final names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()

    def path(self, variation: int) -> Path:
        """Where the film (or sound) of a variation goes."""
        return self._folder / f"{self._stem}{self._numbers[variation]}{self.delivery.value}"

    # --- the runner's side ---

    def pictures(self, frames: Tensor, variation: int) -> None:
        """Crop back, write, and lay the given sound beside."""
        output = self._output(variation)
        pictures = self._fit.from_grid(frames.numpy())
        output.writer.write_rgb(pictures)
        first, output.frames = output.frames, output.frames + len(pictures)
        if self._given is not None and not self._prepared.task.deliver_audio:
            self._lay_given(output, first, output.frames)

    def sound(self, samples: Tensor, variation: int) -> None:
        output = self._output(variation)
        output.writer.write_samples(samples.numpy())
        output.samples += samples.shape[1]

    def _lay_given(self, output: _Output, first: int, end: int) -> None:
        assert self._given is not None
        task = self._prepared.task
        start = sample_of_frame(task.result.start + first, task.rate)
        stop = sample_of_frame(task.result.start + end, task.rate)
        samples = self._given.read(start, stop - start).numpy()
        output.writer.write_samples(np.ascontiguousarray(samples))
        output.samples += stop - start

    def _output(self, variation: int) -> _Output:
        if variation not in self._outputs:
            height, width = self._fit.source
            rate = self._prepared.task.rate
            video = None if self.delivery.sound_only else VideoSpec(width, height, rate)
            audio = AudioSpec(SAMPLE_RATE, 2) if self._has_sound else None
            writer = MediaWriter(self.path(variation), self.delivery, video=video, audio=audio, metadata=_METADATA)
            self._outputs[variation] = _Output(writer)
        return self._outputs[variation]

    # --- the backend's side ---

    def finish(self, recipe: Recipe, drafts: Sequence[Draft]) -> tuple[ResultFile, ...]:
        """Name every film, write what lies beside it, and say what is in them.

        Raises what MediaWriter raises, MediaError and OSError.
        """
        films = self._films()
        beside: list[ResultFile] = []
        plain: dict[str, Any] = msgspec.to_builtins(recipe)
        for film in films:
            number = film.variation
            self._finished.append(
                write_recipe(Path(film.path), plain | {"seed": recipe.seeds[number], "variation": number})
            )
            beside.append(_sidecar(self._finished[-1], "recipe", number))
            if self._prepared.draft_only:
                latents = self._folder / f"{self._stem}{self._numbers[number]}{_DRAFT_SUFFIX}"
                self._finished.append(latents)
                latents.write_bytes(draft_bytes(drafts[number], {"recipe": json.dumps(plain)}))  # names may be no UTF-8
                beside.append(_sidecar(latents, "latents", number))
        return (*films, *beside)

    def _films(self) -> list[ResultFile]:
        task = self._prepared.task
        before = task.plans[0].handles[0]
        after = task.plans[-1].handles[1]
        start, end = task.result.start, task.result.end
        height, width = (0, 0) if self.delivery.sound_only else self._fit.source
        films: list[ResultFile] = []
        for variation, output in sorted(self._outputs.items()):
            output.writer.finish()
            path = self.path(variation)
            self._finished.append(path)
            sound = output.samples > 0
            films.append(
                ResultFile(
                    path=str(path),
                    role="audio" if self.delivery.sound_only else "video",
                    size_bytes=path.stat().st_size,
                    variation=variation,
                    width=width,
                    height=height,
                    rate=format_rate(task.rate),
                    frames=end - start,
                    handle_before=before,
                    handle_after=after,
                    sample_rate=SAMPLE_RATE if sound else 0,
                    samples=output.samples,
                    handle_samples_before=_between(start, start + before, task.rate) if sound else 0,
                    handle_samples_after=_between(end - after, end, task.rate) if sound else 0,
                )
            )
        return films

    def abort(self) -> None:
        """Remove every file of this job, half or whole."""
        for output in self._outputs.values():
            output.writer.abort()
        for path in self._finished:
            with contextlib.suppress(OSError):
                path.unlink()


def _sidecar(path: Path, role: Literal["recipe", "latents"], variation: int) -> ResultFile:
    return ResultFile(path=str(path), role=role, size_bytes=path.stat().st_size, variation=variation)


def _between(first: int, end: int, rate: Fraction) -> int:
    return sample_of_frame(end, rate) - sample_of_frame(first, rate)
