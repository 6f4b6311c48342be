"""One block of the transformer of LTX-2, and the modules around it, from small to large.

Source: specification "transformer-and-pipelines" sections 2.4 to 2.6. Attribute names equal the checkpoint's keys.
"""

# Shapes: B batch, T tokens of a stream (video or audio), S tokens of the other stream, N text tokens, C token channels,
# D width of a stream, K distinct timesteps, R rows of a modulation table, A axes of positions

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.layers import Attention, FeedForward, rms
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import BlockSkips, BlockStream, StreamModulation


class TimestepMLP(nn.Module):
    """Two Linears over a sinusoidal embedding of 256 numbers, cosines first."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(256, dim)
        self.linear_2 = nn.Linear(dim, dim)

    def forward(self, t_M: Tensor) -> Tensor:
        """(M,) scaled timesteps, taken as float32, to (M, D)."""
        exponent = torch.arange(128, dtype=torch.float32, device=t_M.device) * (-math.log(10000.0) / 128)
        angles = t_M.float()[:, None] * exponent.exp()
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.linear_1.weight.dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))


class TimestepEmbedding(nn.Module):
    """Holds the MLP under the name that the checkpoint gives it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepMLP(dim)

    def forward(self, t_M: Tensor) -> Tensor:
        return self.timestep_embedder(t_M)


class AdaLN(nn.Module):
    """From a noise level to `rows` modulation vectors, and to the embedding that they are made from."""

    def __init__(self, dim: int, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.emb = TimestepEmbedding(dim)
        self.linear = nn.Linear(dim, rows * dim)

    def forward(self, t_M: Tensor) -> tuple[Tensor, Tensor]:
        """(M,) timesteps * 1000 -> embedding (M, D), modulation (M, R, D)."""
        emb_MD = self.emb(t_M)
        return emb_MD, self.linear(F.silu(emb_MD)).unflatten(-1, (self.rows, -1))

    def of_steps(self, steps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """One run for the levels of several steps: a step of shape X gives embedding (*X, D), modulation (*X, R, D)."""
        emb_MD, rows_MRD = self(torch.cat([step.flatten() for step in steps]))
        sizes = [step.numel() for step in steps]
        return [
            (emb.unflatten(0, step.shape), rows.unflatten(0, step.shape))
            for step, emb, rows in zip(steps, emb_MD.split(sizes), rows_MRD.split(sizes), strict=True)
        ]


class CaptionProjection(nn.Module):
    """LTX-2.0 only: text features to a stream's width."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(channels, dim)
        self.linear_2 = nn.Linear(dim, dim)

    def forward(self, context_BND: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(context_BND), approximate="tanh"))


def table(rows: int, dim: int) -> nn.Parameter:
    """A learned modulation table (R, D). A new one starts small, so that a new block starts near the identity."""
    return nn.Parameter(torch.randn(rows, dim) / dim**0.5)


def per_token(rows_BKD: Tensor, row_BT: Tensor | None) -> Tensor:
    """Spreads K rows over the tokens; one row stays one row and broadcasts."""
    return rows_BKD if row_BT is None else F.embedding(row_BT, rows_BKD.flatten(0, 1))


def modulated(x_BTD: Tensor, shift_BKD: Tensor, scale_BKD: Tensor, row_BT: Tensor | None) -> Tensor:
    """x * (1 + scale) + shift."""
    return torch.addcmul(per_token(shift_BKD, row_BT), x_BTD, per_token(1 + scale_BKD, row_BT))


def add_gated(x_BTD: Tensor, gate_BKD: Tensor, y_BTD: Tensor, row_BT: Tensor | None) -> Tensor:
    """x + gate * y."""
    return torch.addcmul(x_BTD, per_token(gate_BKD, row_BT), y_BTD)


class TransformerBlock(nn.Module):
    """One of the 48 blocks: per stream self-attention and text attention, the two bridges, per stream feed-forward.

    Holds no Python that depends on tensor values, so that `torch.compile` makes one graph of it, which all blocks
    share. Source: specification 2.5.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()

        def attention(dim: int, context_dim: int, head_dim: int) -> Attention:
            return Attention(
                dim,
                heads=config.num_attention_heads,
                head_dim=head_dim,
                context_dim=context_dim,
                gated=config.apply_gated_attention,
                eps=config.norm_eps,
                interleaved_rope=config.rope_type == "interleaved",
            )

        video, audio = config.width, config.audio_width
        video_head, audio_head = config.attention_head_dim, config.audio_attention_head_dim
        self.eps = config.norm_eps
        self.attn1 = attention(video, video, video_head)
        self.attn2 = attention(video, video, video_head)
        self.ff = FeedForward(video)
        self.audio_attn1 = attention(audio, audio, audio_head)
        self.audio_attn2 = attention(audio, audio, audio_head)
        self.audio_ff = FeedForward(audio)
        self.audio_to_video_attn = attention(video, audio, audio_head)
        self.video_to_audio_attn = attention(audio, video, audio_head)

        self.scale_shift_table = table(config.table_rows, video)
        self.audio_scale_shift_table = table(config.table_rows, audio)
        self.prompt_scale_shift_table = table(2, video) if config.cross_attention_adaln else None
        self.audio_prompt_scale_shift_table = table(2, audio) if config.cross_attention_adaln else None
        self.scale_shift_table_a2v_ca_video = table(5, video)
        self.scale_shift_table_a2v_ca_audio = table(5, audio)

    def forward(
        self, video: BlockStream | None, audio: BlockStream | None, skips: BlockSkips
    ) -> tuple[Tensor | None, Tensor | None]:
        """The streams' tokens after this block. A stream that is not enabled comes back as it came."""
        video_x = None if video is None else video.x_BTD
        audio_x = None if audio is None else audio.x_BTD
        if video is not None and video.enabled:
            video_x = self._attend(
                video,
                self.attn1,
                self.attn2,
                self.scale_shift_table,
                self.prompt_scale_shift_table,
                skips.video_self,
            )
        if audio is not None and audio.enabled:
            audio_x = self._attend(
                audio,
                self.audio_attn1,
                self.audio_attn2,
                self.audio_scale_shift_table,
                self.audio_prompt_scale_shift_table,
                skips.audio_self,
            )
        if video is not None and audio is not None:
            assert video_x is not None
            assert audio_x is not None
            video_x, audio_x = self._bridge(video, audio, video_x, audio_x, skips)
        if video is not None and video.enabled:
            assert video_x is not None
            video_x = self._feed_forward(video_x, video.modulation, self.ff, self.scale_shift_table)
        if audio is not None and audio.enabled:
            assert audio_x is not None
            audio_x = self._feed_forward(audio_x, audio.modulation, self.audio_ff, self.audio_scale_shift_table)
        return video_x, audio_x

    def _attend(
        self,
        stream: BlockStream,
        attn1: Attention,
        attn2: Attention,
        rows_table: Tensor,
        prompt_table: Tensor | None,
        skip: bool | Tensor,
    ) -> Tensor:
        """Self-attention, then text attention. Rows: 0-2 shift, scale, gate of the first; 6-8 of the second."""
        x_BTD, m = stream.x_BTD, stream.modulation
        rows_BKRD = rows_table.to(m.rows_BKRD.dtype) + m.rows_BKRD
        shift, scale, gate = rows_BKRD[:, :, 0:3].unbind(2)
        y_BTD = attn1(
            modulated(rms(x_BTD, self.eps), shift, scale, m.row_BT),
            q_rotary=stream.rotary,
            k_rotary=stream.rotary,
            bias_BNTS=stream.bias_B1TT,
            skip=skip,
        )
        x_BTD = add_gated(x_BTD, gate, y_BTD, m.row_BT)

        if prompt_table is None or m.prompt_B2D is None:
            return x_BTD + attn2(rms(x_BTD, self.eps), stream.context_BND)
        shift, scale, gate = rows_BKRD[:, :, 6:9].unbind(2)
        prompt_B2D = prompt_table.to(m.prompt_B2D.dtype) + m.prompt_B2D
        y_BTD = attn2(
            modulated(rms(x_BTD, self.eps), shift, scale, m.row_BT),
            modulated(stream.context_BND, prompt_B2D[:, :1], prompt_B2D[:, 1:], None),
        )
        return add_gated(x_BTD, gate, y_BTD, m.row_BT)

    def _bridge(
        self, video: BlockStream, audio: BlockStream, video_x: Tensor, audio_x: Tensor, skips: BlockSkips
    ) -> tuple[Tensor, Tensor]:
        """Audio to video and video to audio, both from the states before either.

        Rows, scale before shift here: 0-1 for audio to video, 2-3 for video to audio, 4 the gate.
        """
        to_video = video.enabled and skips.audio_to_video is not True
        to_audio = audio.enabled and skips.video_to_audio is not True
        if not (to_video or to_audio):
            return video_x, audio_x
        video_norm, audio_norm = rms(video_x, self.eps), rms(audio_x, self.eps)
        v, a = video.modulation, audio.modulation
        video_table = self.scale_shift_table_a2v_ca_video.to(v.bridge_BK4D.dtype)
        audio_table = self.scale_shift_table_a2v_ca_audio.to(a.bridge_BK4D.dtype)
        video_rows = video_table[:4] + v.bridge_BK4D
        audio_rows = audio_table[:4] + a.bridge_BK4D
        if to_video:
            assert v.bridge_gate_B1D is not None
            y_BTD = self.audio_to_video_attn(
                modulated(video_norm, video_rows[:, :, 1], video_rows[:, :, 0], v.row_BT),
                modulated(audio_norm, audio_rows[:, :, 1], audio_rows[:, :, 0], a.row_BT),
                q_rotary=video.bridge_rotary,
                k_rotary=audio.bridge_rotary,
            )
            gate_B1D = _unless(video_table[4] + v.bridge_gate_B1D, skips.audio_to_video)
            video_x = add_gated(video_x, gate_B1D, y_BTD, None)
        if to_audio:
            assert a.bridge_gate_B1D is not None
            y_BSD = self.video_to_audio_attn(
                modulated(audio_norm, audio_rows[:, :, 3], audio_rows[:, :, 2], a.row_BT),
                modulated(video_norm, video_rows[:, :, 3], video_rows[:, :, 2], v.row_BT),
                q_rotary=audio.bridge_rotary,
                k_rotary=video.bridge_rotary,
            )
            gate_B1D = _unless(audio_table[4] + a.bridge_gate_B1D, skips.video_to_audio)
            audio_x = add_gated(audio_x, gate_B1D, y_BSD, None)
        return video_x, audio_x

    def _feed_forward(self, x_BTD: Tensor, m: StreamModulation, ff: FeedForward, rows_table: Tensor) -> Tensor:
        """Rows 3-5: shift, scale, gate."""
        shift, scale, gate = (rows_table[3:6].to(m.rows_BKRD.dtype) + m.rows_BKRD[:, :, 3:6]).unbind(2)
        y_BTD = ff(modulated(rms(x_BTD, self.eps), shift, scale, m.row_BT))
        return add_gated(x_BTD, gate, y_BTD, m.row_BT)


def _unless(gate_B1D: Tensor, skip: bool | Tensor) -> Tensor:
    """The gate, zero for the samples of a mixed batch that skip."""
    return gate_B1D * (1 - skip.to(gate_B1D.dtype)) if isinstance(skip, Tensor) else gate_B1D
