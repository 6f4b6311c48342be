"""Takes what the runner delivers into files: cropped back to the asked size, with its sound, checked, then named."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from engine.backends.local.media import FileSound
from engine.backends.local.tasks import Prepared
from engine.media.conform import Fit
from engine.media.encode import AudioSpec, Delivery, MediaWriter, VideoSpec
from engine.protocol.grid import SAMPLE_RATE, format_rate, sample_of_frame
from engine.protocol.messages import ResultFile

Codec = Literal["h264", "prores", "ffv1"]
_DELIVERIES = {"h264": Delivery.H264_AAC, "prores": Delivery.PRORES_PCM, "ffv1": Delivery.FFV1_FLAC}


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
    """The runner's sink for one job. `close` names the files, `abort` leaves nothing behind."""

    def __init__(
        self, folder: Path, stem: str, prepared: Prepared, codec: Codec, metadata: dict[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._prepared = prepared
        self._metadata = metadata or {}
        task = prepared.task
        stages = task.recipe.stages
        self._fit = prepared.fit
        last = stages[0] if prepared.draft_only else stages[-1]
        if last.shrink != 1:
            self._fit = shrunk(prepared.fit, last.shrink)
        self._given: FileSound | None = prepared.given_sound
        self._has_sound = task.deliver_audio or self._given is not None
        if prepared.sound_only:
            self.delivery = Delivery.FLAC if codec == "ffv1" else Delivery.WAV
        else:
            self.delivery = _DELIVERIES[codec]
        self._outputs: dict[int, _Output] = {}

    def path(self, variation: int) -> Path:
        number = f"-{variation + 1}" if len(self._prepared.task.seeds) > 1 else ""
        return self._folder / f"{self._stem}{number}{self.delivery.value}"

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
            writer = MediaWriter(self.path(variation), self.delivery, video=video, audio=audio, metadata=self._metadata)
            self._outputs[variation] = _Output(writer)
        return self._outputs[variation]

    # --- the backend's side ---

    def close(self) -> list[ResultFile]:
        """Finish every file and say what is in it. Raises what MediaWriter raises; then call `abort`."""
        task = self._prepared.task
        before = task.plans[0].handles[0]
        after = task.plans[-1].handles[1]
        results: list[ResultFile] = []
        for variation, output in sorted(self._outputs.items()):
            output.writer.finish()
            path = self.path(variation)
            height, width = self._fit.source
            start, end = task.result.start, task.result.end
            asked_start, asked_end = start + before, end - after
            sound = output.samples > 0
            results.append(
                ResultFile(
                    path=str(path),
                    role="audio" if self.delivery.sound_only else "video",
                    size_bytes=path.stat().st_size,
                    variation=variation,
                    width=0 if self.delivery.sound_only else width,
                    height=0 if self.delivery.sound_only else height,
                    rate=format_rate(task.rate),
                    frames=end - start,
                    handle_before=before,
                    handle_after=after,
                    sample_rate=SAMPLE_RATE if sound else 0,
                    samples=output.samples,
                    handle_samples_before=_between(start, asked_start, task.rate) if sound else 0,
                    handle_samples_after=_between(asked_end, end, task.rate) if sound else 0,
                )
            )
        return results

    def abort(self) -> None:
        for output in self._outputs.values():
            output.writer.abort()


def _between(first: int, end: int, rate: Fraction) -> int:
    return sample_of_frame(end, rate) - sample_of_frame(first, rate)
