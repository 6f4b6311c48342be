"""What goes into the transformer of LTX-2 and comes out of it, and what its blocks hand on, stream by stream.

Source: specification "transformer-and-pipelines" section 2.
"""

# Shapes: B batch, T tokens of a stream (video or audio), S tokens of the other stream, N text tokens, C token channels,
# D width of a stream, K distinct timesteps, R rows of a modulation table, A axes of positions
#
# Noise model: x = (1 - sigma) x0 + sigma eps. The network predicts the velocity v = eps - x0. Timesteps and sigmas are
# in 0..1 everywhere; the factor 1000 of the checkpoint's training is applied inside.

from __future__ import annotations

import sys
from collections.abc import Container, Sequence
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor, nn

from engine.models.rope import RotaryTable, distinct


class Timesteps(NamedTuple):
    """Noise level of every token, as few distinct values per sample and an index into them.

    With conditioning a step has two or three values (0 for kept tokens, sigma, sigma * (1 - strength)), so the network
    computes that many modulation rows, not one per token.
    """

    values_BK: Tensor  # float32, 0..1
    index_BT: Tensor  # int64, 0..K-1

    @classmethod
    def uniform(cls, sigma_B: Tensor, tokens: int) -> Self:
        """Every token at its sample's sigma: plain generation."""
        index_BT = torch.zeros(len(sigma_B), tokens, dtype=torch.int64, device=sigma_B.device)
        return cls(sigma_B.float().unsqueeze(1), index_BT)

    @classmethod
    def of(cls, values_BT: Tensor) -> Self:
        """Finds the distinct values itself. It waits for the device: build the table yourself in a sampling loop."""
        samples = [distinct(values_T) for values_T in values_BT.float()]
        values = nn.utils.rnn.pad_sequence([values_K for values_K, _ in samples], batch_first=True)
        return cls(values, torch.stack([index_T for _, index_T in samples]))

    def per_token(self) -> Tensor:
        """(B, T) float32."""
        return self.values_BK.gather(1, self.index_BT)


class StreamTimes(NamedTuple):
    """Where a stream stands in the noise: its sigma (0 when it is frozen) and its tokens' timesteps."""

    sigma_B: Tensor
    timesteps: Timesteps


class StreamInput(NamedTuple):
    """One stream of one forward pass."""

    latent_BTC: Tensor
    sigma_B: Tensor  # 0..1; 0 when the stream is frozen
    timesteps: Timesteps
    positions_BAT2: Tensor  # float32 [start, end): seconds (video: then pixels, pixels)
    context_BND: Tensor  # text, all of it attended
    attention_mask_BTT: Tensor | None = None  # strengths in 0..1 between the stream's own tokens
    enabled: bool = True  # False: its tokens, as projected, serve the other stream; it gets no velocity

    @property
    def times(self) -> StreamTimes:
        return StreamTimes(self.sigma_B, self.timesteps)


class Velocities(NamedTuple):
    """Predicted eps - x0 per stream, (B, T, C); None for a stream that is absent or not enabled."""

    video: Tensor | None
    audio: Tensor | None


EVERY_BLOCK: Final = range(sys.maxsize)


class BlockSkips(NamedTuple):
    """What one block leaves out: False (nothing), True (for the whole batch), or (B, 1, 1) holding 1 where it skips."""

    video_self: bool | Tensor = False
    audio_self: bool | Tensor = False
    audio_to_video: bool | Tensor = False
    video_to_audio: bool | Tensor = False


class Skips(NamedTuple):
    """Perturbations for guidance: per sample, the blocks that leave out one kind of attention.

    Each field holds one container of block indices per sample of the batch, or a single one for all samples.
    A skipped self-attention hands its values through unattended; a skipped bridge adds nothing (specification 2.7).
    """

    video_self: tuple[Container[int], ...] = ((),)
    audio_self: tuple[Container[int], ...] = ((),)
    audio_to_video: tuple[Container[int], ...] = ((),)
    video_to_audio: tuple[Container[int], ...] = ((),)

    @classmethod
    def none(cls) -> Self:
        return cls()

    @classmethod
    def self_attention(cls, video: Container[int] = (), audio: Container[int] = ()) -> Self:
        """Spatio-temporal guidance: each stream's self-attention skipped in these blocks."""
        return cls(video_self=(video,), audio_self=(audio,))

    @classmethod
    def isolated(cls) -> Self:
        """Modality guidance: no block lets one stream see the other."""
        return cls(audio_to_video=(EVERY_BLOCK,), video_to_audio=(EVERY_BLOCK,))

    @classmethod
    def batch(cls, samples: Sequence[Skips]) -> Self:
        """Several guidance passes as one batch, one entry per sample."""
        return cls(*(tuple(getattr(sample, kind)[0] for sample in samples) for kind in cls._fields))

    def of_blocks(self, count: int, device: torch.device) -> list[BlockSkips]:
        """The skips of blocks 0..count-1; mixed batches share one small tensor per pattern."""
        tensors: dict[tuple[bool, ...], Tensor] = {}

        def resolve(samples: tuple[Container[int], ...], block: int) -> bool | Tensor:
            pattern = tuple(block in blocks for blocks in samples)
            if all(pattern) or not any(pattern):
                return pattern[0]
            if pattern not in tensors:
                tensors[pattern] = torch.tensor(pattern, dtype=torch.float32, device=device)[:, None, None]
            return tensors[pattern]

        return [BlockSkips(*(resolve(samples, block) for samples in self)) for block in range(count)]


class StreamModulation(NamedTuple):
    """Everything in one stream that depends on the noise level and on nothing else."""

    rows_BKRD: Tensor  # R = 9 (6 in LTX-2.0): self-attention, feed-forward, text
    output_BKD: Tensor  # for the output head
    bridge_BK4D: Tensor  # scale and shift towards and from the other stream
    prompt_B2D: Tensor | None  # shift and scale of the text; None in LTX-2.0
    bridge_gate_B1D: Tensor | None  # by the *other* stream's sigma; None when there is no other stream
    row_BT: Tensor | None  # index into the B * K rows; None when all tokens of a sample share one


class Modulation(NamedTuple):
    """The modulation of one forward pass. `Transformer.schedule_modulation` makes those of all steps at once."""

    video: StreamModulation | None
    audio: StreamModulation | None


class Rotary(NamedTuple):
    """Rotation tables of one shape: both self-attentions, and the bridges, which know only time."""

    video: RotaryTable | None
    audio: RotaryTable | None
    video_bridge: RotaryTable | None
    audio_bridge: RotaryTable | None


class BlockStream(NamedTuple):
    """One stream as a block sees it: the tokens, and what stays the same from block to block."""

    x_BTD: Tensor
    modulation: StreamModulation
    context_BND: Tensor
    rotary: RotaryTable
    bridge_rotary: RotaryTable
    bias_B1TT: Tensor | None
    enabled: bool


def denoised(latent_BTC: Tensor, velocity_BTC: Tensor, timesteps: Timesteps) -> Tensor:
    """x0 = x - v * timestep in float32, (B, T, C). A token with timestep 0 comes back as it is."""
    return latent_BTC.float() - velocity_BTC.float() * timesteps.per_token().unsqueeze(-1)
