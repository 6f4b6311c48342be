"""Encodes what a stage is given, once: pictures and sound to latents, kept on the CPU for the length of a run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.models.audio_vae import AudioEncoder
from engine.models.mel import LogMel
from engine.models.video_streaming import StreamingEncoder
from engine.models.video_tiling import encode_in_tiles, tile_sides
from engine.models.video_vae import VideoEncoder
from engine.pipelines.errors import NotPossible
from engine.pipelines.networks import Networks
from engine.pipelines.progress import Events
from engine.pipelines.signals import dtype_of, network_pixels
from engine.pipelines.work import SPEECH_RATE, ClipJob, Encoded, Key, SoundJob

_READ_FRAMES = 8  # frames asked of a medium at once: one latent frame


class MediaEncoder:
    """Encodes jobs that are not yet encoded; equal keys are equal latents."""

    def __init__(self, networks: Networks, events: Events, piece_bytes: int | None, tile: int | None = None) -> None:
        self._networks = networks
        self._events = events
        self._piece_bytes = piece_bytes
        self._tile = tile
        self._encoded: dict[Key, Tensor] = {}

    @property
    def encoded(self) -> Encoded:
        """Latents by key: (1, C, F, h, w) or (1, C, S, bins), float32 on the CPU."""
        return self._encoded

    def clear(self) -> None:
        self._encoded.clear()

    def encode(self, clips: Sequence[ClipJob], sounds: Sequence[SoundJob]) -> None:
        """Afterwards `encoded` has all of them. The networks are borrowed only if something is new."""
        new_clips = {job.key: job for job in clips if job.key not in self._encoded}
        new_sounds = {job.key: job for job in sounds if job.key not in self._encoded}
        if not new_clips and not new_sounds:
            return
        self._events.phase("encoding media")
        if new_clips:
            with self._networks.video_encoder() as encoder:
                for job in new_clips.values():
                    self._encoded[job.key] = self._clip(encoder, job)
        if new_sounds:
            with self._networks.audio_encoder() as encoder:
                for job in new_sounds.values():
                    self._encoded[job.key] = self._sound(encoder, job)

    def _clip(self, encoder: VideoEncoder, job: ClipJob) -> Tensor:
        """Frame by frame through the exact stream: a long clip is never in memory as a whole."""
        factor = encoder.config.space_factor
        sides = job.height // factor, job.width // factor
        if self._tile is not None and max(sides) > self._tile:
            return self._clip_in_tiles(encoder, job, tile_sides(*sides, self._tile))
        stream = StreamingEncoder(encoder, self._piece_bytes, on_step=self._events.check)
        pieces: list[Tensor] = []
        for start in range(0, len(job.numbers), _READ_FRAMES):
            frames = job.pictures.read(job.numbers[start : start + _READ_FRAMES]).to(self._networks.device)
            pixels = network_pixels(frames, job.height, job.width).to(dtype_of(encoder))
            pieces += [piece.float().cpu() for piece in stream.push(pixels)]
        pieces += [piece.float().cpu() for piece in stream.finish()]
        return torch.cat(pieces, dim=2)[:, :, job.drop :]

    def _clip_in_tiles(self, encoder: VideoEncoder, job: ClipJob, tile: tuple[int, int]) -> Tensor:
        """The pictures wait in host memory, since every tile needs all of them."""
        pixels = torch.cat(
            [
                network_pixels(job.pictures.read(job.numbers[start : start + _READ_FRAMES]), job.height, job.width)
                for start in range(0, len(job.numbers), _READ_FRAMES)
            ],
            dim=2,
        )

        def on_piece(_: float) -> None:
            self._events.check()

        latent = encode_in_tiles(
            encoder, pixels.to(dtype_of(encoder)), tile, piece_bytes=self._piece_bytes, on_piece=on_piece
        )
        return latent.float().cpu()[:, :, job.drop :]

    def _sound(self, encoder: AudioEncoder, job: SoundJob) -> Tensor:
        config = encoder.config.mel
        if config.sample_rate != SPEECH_RATE:
            raise NotPossible(f"this model hears sound at {config.sample_rate} Hz, not at {SPEECH_RATE}")
        frames = encoder.config.time_factor * (job.steps - 1) + 1  # mel frames of so many causal latent steps
        # half an FFT more than the last frame's centre: the end is heard, not reflected
        waveform = job.waveform(config.hop_length * (frames - 1) + config.fft_length)
        device = self._networks.device
        with torch.no_grad():
            mel = LogMel(config).to(device)(waveform[None].to(device))[:, :, :frames]
            latent = encoder(mel.to(dtype_of(encoder))).float().cpu()
        self._events.check()
        return latent
