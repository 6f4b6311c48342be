"""From the world to encoded clips: the buckets that the transformer is trained on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from engine.models.audio_vae import AudioEncoder
from engine.models.gemma import Gemma
from engine.models.mel import LogMel
from engine.training.latents import PHRASINGS, STILLS, Bucket, LatentClips
from engine.training.pocket import NATIVE_SIZES, TEXT_TOKENS
from engine.training.run import mixed_precision
from engine.training.words import BACKGROUNDS, COLOURS
from engine.training.world import SceneBatch, captions, render_audio, render_video, sample_scenes

REFERENCE_SHARE = 0.12  # of the clips of a bucket get a reference clip, in the shorter buckets


class PocketEncoders:
    """What turns clips and captions into what the transformer reads: the frozen networks.

    `video` may be the hand-made latents that its encoder has learnt instead (`latent_basis.BlockBasis.normalised`).
    They cost a fraction of the time, and the transformer can learn while the autoencoder is still being trained.
    """

    def __init__(self, video: Callable[[Tensor], Tensor], audio: AudioEncoder, text: Gemma):
        self.device = next(audio.parameters()).device
        self._video = video
        self._audio = audio
        self._log_mel = LogMel(audio.config.mel).to(self.device)
        self._text = text

    @torch.no_grad()
    def video(self, pixels_BCFHW: Tensor) -> Tensor:
        """Normalised latents (B, C, F, h, w) in bfloat16."""
        with mixed_precision(self.device):
            return self._video(pixels_BCFHW).bfloat16()

    @torch.no_grad()
    def audio(self, sound_BCN: Tensor, steps: int) -> Tensor:
        """Normalised latents (B, C, `steps`, 16) in bfloat16 of 16 kHz stereo."""
        latent = self._audio(self._log_mel(sound_BCN))
        missing = max(0, steps - latent.shape[2])
        return torch.nn.functional.pad(latent[:, :, :steps], (0, 0, 0, missing)).bfloat16()

    @torch.no_grad()
    def text(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Hidden states (B, TEXT_TOKENS, D, layers) in bfloat16 and mask (B, TEXT_TOKENS) int64, tokens in front."""
        states = self._text.encode(prompts)
        width, layers = states[0].shape[1:]
        hidden = torch.zeros(len(prompts), TEXT_TOKENS, width, layers, dtype=torch.bfloat16, device=self.device)
        mask = torch.zeros(len(prompts), TEXT_TOKENS, dtype=torch.int64, device=self.device)
        for row, state in enumerate(states):
            count = min(len(state), TEXT_TOKENS)
            hidden[row, :count] = state[:count].to(self.device, torch.bfloat16)
            mask[row, :count] = 1
        return hidden, mask


def world_buckets() -> list[tuple[Bucket, float]]:
    """The buckets of Pocket's world with their share of the clips: native sizes and their halves, three lengths.

    Half sizes are what stage 1 makes and decide what is seen, so they have the larger share. Long clips are dear.
    """
    rates = [Fraction(24), Fraction(25), Fraction(30)]
    buckets: list[tuple[Bucket, float]] = []
    for place, (width, height) in enumerate(NATIVE_SIZES):
        shape_share = 2.0 if place == 0 else 1.0
        for halves, size_share in ((1, 1.0), (2, 1.6)):
            for turn, (frames, length_share) in enumerate(((25, 1.0), (49, 1.6), (97, 0.5))):
                rate = rates[(place + turn) % 3] if frames != 49 else Fraction(24)
                bucket = Bucket(width // halves, height // halves, frames, rate)
                buckets.append((bucket, shape_share * size_share * length_share))
    total = sum(share for _, share in buckets)
    return [(bucket, share / total) for bucket, share in buckets]


def other_look(scenes: SceneBatch, seed: int) -> SceneBatch:
    """The same shapes in the same motion with other colours on another background: a reference for its motion."""
    draw = torch.Generator().manual_seed(seed)
    colour = torch.randint(len(COLOURS), scenes.colour_BO.shape, generator=draw)
    background = torch.randint(len(BACKGROUNDS), scenes.background_B.shape, generator=draw)
    return replace(scenes, colour_BO=colour, background_B=background)


def encode_bucket(
    bucket: Bucket,
    count: int,
    seed: int,
    encoders: PocketEncoders,
    *,
    batch: int = 64,
    with_reference: bool = False,
    look: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> LatentClips:
    """Draw, render and encode `count` clips of a bucket. A tenth of them change colour or shape in their middle.

    `look` is handed to `sample_scenes`: the style or the camera moves that a LoRA is to learn.
    After `seconds` no further batch is begun, though at least one is made.
    """
    aspect = bucket.width / bucket.height
    device = encoders.device
    draw = torch.Generator().manual_seed(seed)
    parts: dict[str, list[Tensor]] = {}

    def keep(name: str, value: Tensor) -> None:
        parts.setdefault(name, []).append(value)

    def render(scenes: SceneBatch) -> Tensor:
        return render_video(
            scenes,
            frames=bucket.frames,
            height=bucket.height,
            width=bucket.width,
            fps=float(bucket.rate),
            device=device,
        )

    begin = time.monotonic()
    for start in range(0, count, batch):
        if start and seconds is not None and time.monotonic() - begin > seconds:
            break
        size = min(batch, count - start)
        scenes = sample_scenes(size, draw, duration_s=bucket.duration_s, aspect=aspect, changes=0.1, **(look or {}))
        pixels = render(scenes)
        keep("video_NCFhw", encoders.video(pixels))
        sound = render_audio(scenes, duration_s=bucket.duration_s, rate=16000, aspect=aspect, device=device)
        keep("audio_NCSM", encoders.audio(sound, bucket.audio_steps))
        frames = torch.randint(1, bucket.frames, (size, STILLS), generator=draw)
        frames[:, 0] = bucket.frames - 1  # a last frame is what people give most
        rows = torch.arange(size)
        stills = [encoders.video(pixels[rows, :, frames[:, k]][:, :, None])[:, :, 0] for k in range(STILLS)]
        keep("stills_NKChw", torch.stack(stills, dim=1))
        keep("still_frames_NK", frames.to(device))
        keep("changes_N2", torch.stack([scenes.change_start_B, scenes.change_end_B], dim=1).to(device))
        if with_reference:
            keep("reference_NCFhw", encoders.video(render(other_look(scenes, seed + start))))
        texts = [captions(scenes, seed=seed + 7919 * start + p, changed=True) for p in range(PHRASINGS)]
        encoded = [encoders.text(text) for text in texts]
        keep("hidden_NPLDY", torch.stack([hidden for hidden, _ in encoded], dim=1))
        keep("text_mask_NPL", torch.stack([mask for _, mask in encoded], dim=1))
    tensors = {name: torch.cat(values) for name, values in parts.items()}
    tensors.setdefault("reference_NCFhw", tensors["video_NCFhw"][:0])
    hidden, mask = encoders.text([""])
    return LatentClips(bucket=bucket, empty_hidden_LDY=hidden[0], empty_mask_L=mask[0], **tensors)
