"""Decodes what a pass has made and hands it on: exactly the asked frames and samples, passes joined without a seam.

Frames at which two passes meet are made by both: the later pass has the earlier one's end as its kept context. The
last few of them are held back and dissolved into the later pass, and so are a few milliseconds of sound.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.models.audio_vae import decode_in_windows
from engine.models.mel import resample
from engine.models.video_streaming import decode_in_pieces
from engine.models.video_tiling import decode_in_tiles, tile_sides
from engine.models.video_vae import VideoDecoder
from engine.models.vocoder import synthesise
from engine.pipelines.networks import Networks
from engine.pipelines.progress import DECODING_STEPS, Events, Sink
from engine.pipelines.signals import dissolve, dtype_of, exactly, ramp, rgb8
from engine.pipelines.task import Known, Task, TensorPictures, TensorSound
from engine.pipelines.work import Run
from engine.protocol.grid import sample_of_frame, samples_of_frames
from engine.protocol.window import WindowPlan

JOIN_FRAMES = 4
JOIN_SECONDS = 0.02
VOICE_RATE = 48_000  # what the vocoder speaks
_MEL_PER_SECOND = 100


class Delivery:
    """Takes the finished latents of one pass after the other to a sink."""

    def __init__(
        self,
        networks: Networks,
        events: Events,
        task: Task,
        sink: Sink,
        piece_bytes: int | None,
        tile: int | None = None,
    ) -> None:
        self._networks = networks
        self._events = events
        self._task = task
        self._sink = sink
        self._piece_bytes = piece_bytes
        self._tile = tile

    def deliver(self, number: int, runs: list[Run], sound_of: int) -> None:
        """Deliver pass `number` of every variation; `sound_of` is the stage whose sound counts.

        Leaves in each run what the next pass needs: its decoded end, and what was held back.
        """
        task, plan = self._task, self._task.plans[number]
        following = task.plans[number + 1] if number + 1 < len(task.plans) else None
        waveforms: dict[int, Tensor] = {}
        if task.audio == "make" and (task.deliver_audio or following is not None):
            sounds = {run.number: run.results[sound_of].audio for run in runs}
            waveforms = self._waveforms({run: latent for run, latent in sounds.items() if latent is not None})
        if task.deliver_audio:
            for run in runs:
                if run.number in waveforms:
                    self._sound(plan, following, run, waveforms[run.number])
        tails: dict[int, Tensor] = {}
        if task.video == "make" and (task.deliver_video or following is not None):
            tails = self._decode(plan, following, runs)
        for run in runs:
            run.previous = None
            if following is not None:
                run.previous = _previous(plan, following, tails.get(run.number), waveforms.get(run.number))

    # --- pictures ---

    def _decode(self, plan: WindowPlan, following: WindowPlan | None, runs: list[Run]) -> dict[int, Tensor]:
        tails: dict[int, Tensor] = {}
        with self._networks.video_decoder() as decoder:
            for run in runs:
                self._events.phase("decoding", DECODING_STEPS, run.number)
                latent = run.results[-1].video
                assert latent is not None
                pieces = self._decoded(decoder, latent.to(self._networks.device, dtype_of(decoder)))
                tail = self._pictures(plan, following, run, map(rgb8, pieces))
                if tail is not None:
                    tails[run.number] = tail
        return tails

    def _decoded(self, decoder: VideoDecoder, latent: Tensor) -> Iterator[Tensor]:
        """Pixels in pieces: streamed as a whole, or in tiles where not one slice of the whole frame fits the memory."""

        def on_piece(fraction: float) -> None:
            self._events.step(int(fraction * DECODING_STEPS))

        sides = latent.shape[-2], latent.shape[-1]
        if self._tile is None or max(sides) <= self._tile:
            yield from decode_in_pieces(decoder, latent, self._piece_bytes, on_piece)
            return
        tile = tile_sides(*sides, self._tile)
        whole = decode_in_tiles(decoder, latent, tile, piece_bytes=self._piece_bytes, on_piece=on_piece)
        count = decoder.config.time_factor
        for first in range(0, whole.shape[2], count):
            yield whole[:, :, first : first + count]

    def _pictures(
        self, plan: WindowPlan, following: WindowPlan | None, run: Run, pieces: Iterator[Tensor]
    ) -> Tensor | None:
        """Hands on the frames of the pass's result; returns those that the next pass takes over."""
        held, run.held_frames = run.held_frames, None
        start = plan.result.start - (0 if held is None else len(held))
        end, tail_start = plan.result.end, plan.origin + plan.frames
        if following is not None:
            tail_start = following.origin
            end -= min(JOIN_FRAMES, following.lead)
        tail: list[Tensor] = []
        number = plan.origin
        for piece in pieces:
            first, number = number, number + len(piece)
            ready = piece[max(0, start - first) : max(0, end - first)]
            if held is not None and len(ready):
                place = max(start, first) - start
                ready = dissolve(held[place:], ready, place, len(held))
            if len(ready) and self._task.deliver_video:
                self._sink.pictures(ready, run.number)
            if following is not None and number > tail_start:
                tail.append(piece[max(0, tail_start - first) : max(0, plan.asked.end - first)])
            self._events.check()
        if following is None:
            return None
        kept = torch.cat(tail)
        run.held_frames = kept[len(kept) - (plan.result.end - end) :]
        return kept

    # --- sound ---

    def _waveforms(self, latents: dict[int, Tensor]) -> dict[int, Tensor]:
        """Audio latents to stereo float32 (2, n) at 48 kHz; sample 0 is the window's first."""
        if not latents:
            return {}
        self._events.phase("decoding sound")
        device = self._networks.device
        mels: dict[int, Tensor] = {}
        with self._networks.audio_decoder() as decoder:
            for run, latent in latents.items():
                windows = decode_in_windows(decoder, latent.to(device, dtype_of(decoder)), on_piece=self._heard)
                mels[run] = torch.cat([mel.float() for mel in windows], dim=2)
        waveforms: dict[int, Tensor] = {}
        with self._networks.vocoder() as vocoder:
            for run, mel in mels.items():
                pieces = [piece.float().cpu() for piece in synthesise(vocoder, mel, on_piece=self._heard)]
                waveform = torch.cat(pieces, dim=-1)[0].clamp(-1, 1)
                waveforms[run] = resample(waveform, vocoder.samples_per_frame * _MEL_PER_SECOND, VOICE_RATE)
        return waveforms

    def _heard(self, fraction: float) -> None:
        self._events.check()

    def _sound(self, plan: WindowPlan, following: WindowPlan | None, run: Run, waveform: Tensor) -> None:
        """Hands on the samples of the pass's result, joined to the pass before."""
        rate = self._task.sample_rate
        window, wanted = plan.samples(rate), plan.result_samples(rate)
        made = exactly(resample(waveform, VOICE_RATE, rate), len(window), rate)
        start, end = wanted.start - window.start, wanted.stop - window.start
        if run.held_samples is not None:
            held, run.held_samples = run.held_samples, None
            start -= held.shape[1]
            shared = slice(start, start + held.shape[1])
            weight = ramp(held.shape[1])
            made[:, shared] = held * (1 - weight) + made[:, shared] * weight
        if following is not None:
            overlap = samples_of_frames(following.origin, following.asked.start, plan.rate, rate)
            hold = min(round(JOIN_SECONDS * rate), len(overlap), end - start)
            run.held_samples = made[:, end - hold : end].clone()
            end -= hold
        self._sink.sound(made[:, start:end].contiguous(), run.number)


def _previous(plan: WindowPlan, following: WindowPlan, pictures: Tensor | None, waveform: Tensor | None) -> Known:
    """The end of a pass as the next one's medium: its frame 0 stands where the next window begins."""
    sound = None
    if waveform is not None:
        window, first, last = (
            sample_of_frame(frame, plan.rate, VOICE_RATE) for frame in (plan.origin, following.origin, plan.asked.end)
        )
        sound = TensorSound(waveform[:, first - window : last - window], VOICE_RATE)
    return Known(None if pictures is None else TensorPictures(pictures), sound, following.origin)
