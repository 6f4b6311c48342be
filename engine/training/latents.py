"""Encoded clips for training the transformer: one bucket holds clips of one size, length and rate, ready on the device.

Encoding a clip costs far more than a training step of a small transformer sees of it, so clips are encoded once and
drawn again and again: picture and sound as normalised latents, two stills, sometimes a reference clip, and the hidden
states of the text encoder for two phrasings of the caption.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from engine.conditioning.layout import audio_positions, video_positions, video_tokens
from engine.protocol.grid import LatentShape, audio_latents

# Shapes: N clips of a bucket, B clips of a batch, F latent frames, h w latent grid, S audio steps, P phrasings of a
# caption, L text tokens, K stills

STILLS = 2
PHRASINGS = 2


class Bucket(NamedTuple):
    """What the clips of one bucket have in common."""

    width: int
    height: int
    frames: int
    rate: Fraction

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.rate)

    @property
    def audio_steps(self) -> int:
        return audio_latents(self.frames, self.rate)


@dataclass
class TakenClips:
    """The clips of one batch, as tokens in float32."""

    video_BTC: Tensor
    audio_BSC: Tensor
    stills_BKTC: Tensor
    still_positions_BKAT2: Tensor
    reference_BTC: Tensor
    hidden_BPLDY: Tensor
    text_mask_BPL: Tensor
    empty_prompt: tuple[Tensor, Tensor]
    changes_B2: Tensor
    audible_B: Tensor | None
    upscaled_BTC: Tensor | None

    def a_still(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Tokens (B, cells, C) and positions of one of the stills that were taken from the clips."""
        which = int(random.integers(self.stills_BKTC.shape[1]))
        return self.stills_BKTC[:, which], self.still_positions_BKAT2[:, which]

    def hidden_states(self, dropped_B: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Hidden states and mask of a phrasing of each caption; of the empty prompt where `dropped_B`."""
        which = int(random.integers(self.hidden_BPLDY.shape[1]))
        hidden, mask = self.empty_prompt
        drop = dropped_B[:, None]
        return (
            torch.where(drop[..., None, None], hidden, self.hidden_BPLDY[:, which]),
            torch.where(drop, mask, self.text_mask_BPL[:, which]),
        )


@dataclass
class LatentClips:
    """One bucket of encoded clips. The half that is largest is kept in bfloat16."""

    bucket: Bucket
    video_NCFhw: Tensor
    audio_NCSM: Tensor
    stills_NKChw: Tensor
    still_frames_NK: Tensor  # pixel frame of each still
    reference_NCFhw: Tensor  # (0, ...) if the bucket has none
    hidden_NPLDY: Tensor
    text_mask_NPL: Tensor
    empty_hidden_LDY: Tensor
    empty_mask_L: Tensor
    changes_N2: Tensor  # seconds; inf where the clip has no change in it
    audible_N: Tensor | None = None  # bool; False: the file had no sound, so none is learnt. None: all have
    upscaled_NCFhw: Tensor | None = None  # what the upsampler makes of the clips at half size; see `upscaler.upscaled`

    def __post_init__(self) -> None:
        device = self.video_NCFhw.device
        _, _, latent_frames, h, w = self.video_NCFhw.shape
        rate = self.bucket.rate
        self.video_positions = video_positions(LatentShape(latent_frames, h, w), rate, device=device)[None]
        self.audio_positions = audio_positions(self.audio_NCSM.shape[2], device=device)[None]
        # a still stands for one pixel frame; its own frame number is added in `take`
        self._still_positions = video_positions(LatentShape(1, h, w), rate, device=device)

    def __len__(self) -> int:
        return len(self.video_NCFhw)

    @property
    def frames(self) -> int:
        return self.bucket.frames

    @property
    def rate(self) -> float:
        return float(self.bucket.rate)

    @property
    def video_tokens(self) -> int:
        return self.video_NCFhw[0, 0].numel()

    @property
    def audio_tokens(self) -> int:
        return self.audio_NCSM.shape[2]

    @property
    def text_tokens(self) -> int:
        return self.text_mask_NPL.shape[2]

    @property
    def has_reference(self) -> bool:
        return len(self.reference_NCFhw) > 0

    def take(self, picked_B: Tensor, random: np.random.Generator) -> TakenClips:
        """The picked clips as tokens."""
        at = self._still_positions.expand(len(picked_B), self.still_frames_NK.shape[1], -1, -1, -1).clone()
        at[:, :, 0] += (self.still_frames_NK[picked_B] / self.rate)[:, :, None, None]
        reference = self.reference_NCFhw[picked_B] if self.has_reference else self.video_NCFhw[:0]
        return TakenClips(
            video_BTC=video_tokens(self.video_NCFhw[picked_B].float()),
            audio_BSC=rearrange(self.audio_NCSM[picked_B].float(), "b c s m -> b s (c m)"),
            stills_BKTC=rearrange(self.stills_NKChw[picked_B].float(), "b k c h w -> b k (h w) c"),
            still_positions_BKAT2=at,
            reference_BTC=video_tokens(reference.float()),
            hidden_BPLDY=self.hidden_NPLDY[picked_B],
            text_mask_BPL=self.text_mask_NPL[picked_B],
            empty_prompt=(self.empty_hidden_LDY, self.empty_mask_L),
            changes_B2=self.changes_N2[picked_B],
            audible_B=None if self.audible_N is None else self.audible_N[picked_B],
            upscaled_BTC=None if self.upscaled_NCFhw is None else video_tokens(self.upscaled_NCFhw[picked_B].float()),
        )

    def save(self, path: Path) -> None:
        """Write the bucket as one file of tensors."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "bucket"}
        torch.save({"bucket": [*self.bucket[:3], str(self.bucket.rate)], "tensors": tensors}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> LatentClips:
        stored = torch.load(path, map_location=device, weights_only=True)
        width, height, frames, rate = stored["bucket"]
        return cls(bucket=Bucket(width, height, frames, Fraction(rate)), **stored["tensors"])
