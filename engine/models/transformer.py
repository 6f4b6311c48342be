"""The diffusion transformer of LTX-2: one stream of video tokens, one of audio tokens, and the bridges between them.

Source: specification "transformer-and-pipelines" sections 1.5 and 2 (LTX-2 `ltx_core/model/transformer`). Attribute
names equal the checkpoint's keys after `model.diffusion_model.`. Reading files, LoRAs, streaming and number formats
live in `engine.loading`; noise, schedules and guidance in `engine.sampling`.
"""

# Shapes: B batch, T tokens of a stream (video or audio), S tokens of the other stream, N text tokens, C token channels,
# D width of a stream, K distinct timesteps, R rows of a modulation table, A axes of positions
#
# Noise model: x = (1 - sigma) x0 + sigma eps. The network predicts the velocity v = eps - x0. Timesteps and sigmas are
# in 0..1 everywhere; the factor 1000 of the checkpoint's training is applied inside.

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Container, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType] (untyped in torch)

from engine.models.attention import log_bias, preferred_kernels
from engine.models.config_section import Section
from engine.models.errors import ModelError, UnknownConfigValue
from engine.models.layers import Attention, FeedForward, rms
from engine.models.rope import RopeType, RotaryTable, distinct, read_rope_type, rotary_table
from engine.models.text import projects_text_before_connector

# Values that add no parameter and that the program has built in (specification 1.3, last row). The last lines are
# switches of LTX-2.5, which this program does not build.
CONSTANTS: Final[Mapping[str, Any]] = {
    "positional_embedding_type": "rope",
    "use_middle_indices_grid": True,
    "norm_elementwise_affine": False,
    "standardization_norm": "rms_norm",
    "qk_norm": "rms_norm",
    "activation_fn": "gelu-approximate",
    "attention_bias": True,
    "dropout": 0.0,
    "num_embeds_ada_norm": 1000,
    "num_vector_embeds": None,
    "cross_attention_norm": True,
    "double_self_attention": False,
    "only_cross_attention": False,
    "upcast_attention": False,
    "use_linear_projection": False,
    "share_ff": False,
    "use_audio_video_cross_attention": True,
    "av_cross_ada_norm": True,
    "attention_type": "default",
    "norm_num_groups": 32,
    "use_prompt_adaln_single": True,
    "ff_bias": True,
    "audio_ff_bias": True,
    "use_keyframes_abs_pos_embedding": False,
}


@dataclass(frozen=True)
class TransformerConfig:
    """What selects the architecture. The defaults are the released LTX-2.3 22B model."""

    num_layers: int = 48
    num_attention_heads: int = 32
    attention_head_dim: int = 128
    audio_num_attention_heads: int = 32
    audio_attention_head_dim: int = 64
    in_channels: int = 128
    out_channels: int = 128
    audio_in_channels: int = 128  # 8 latent channels x 16 mel bins
    audio_out_channels: int = 128
    caption_channels: int = 3840  # width of Gemma 3 12B
    caption_projection: bool = False  # LTX-2.0: the text is projected here, not before the connectors
    cross_attention_adaln: bool = True  # text attention modulated by sigma: 9-row tables; LTX-2.0: 6 rows
    apply_gated_attention: bool = True  # LTX-2.0: no gates
    positional_embedding_theta: float = 10000.0
    positional_embedding_max_pos: tuple[float, ...] = (20, 2048, 2048)  # seconds, pixels, pixels
    audio_positional_embedding_max_pos: tuple[float, ...] = (20,)  # seconds
    rope_type: RopeType = "split"
    float64_frequencies: bool = True
    timestep_scale_multiplier: float = 1000.0
    av_ca_timestep_scale_multiplier: float = 1000.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.audio_num_attention_heads != self.num_attention_heads:
            raise UnknownConfigValue(
                "transformer.audio_num_attention_heads",
                self.audio_num_attention_heads,
                f"{self.num_attention_heads}, as many heads as the video stream has",
            )

    @property
    def width(self) -> int:
        """Width of the video stream, and of its text context."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def audio_width(self) -> int:
        """Width of the audio stream, of its text context, and of both attentions between the streams."""
        return self.audio_num_attention_heads * self.audio_attention_head_dim

    @property
    def table_rows(self) -> int:
        """Rows of a block's modulation table: 9, or 6 in LTX-2.0."""
        return 9 if self.cross_attention_adaln else 6

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any]) -> Self:
        """Reads the `transformer` part of a checkpoint's `config`. Raises UnknownConfigValue."""
        section = Section(config, "transformer")
        for key, value in CONSTANTS.items():
            section.require(key, value, may_be_missing=True)
        precision = section.choice("frequencies_precision", "float64", "float32", default="float32")
        result = cls(
            num_layers=section.integer("num_layers"),
            num_attention_heads=section.integer("num_attention_heads"),
            attention_head_dim=section.integer("attention_head_dim"),
            audio_num_attention_heads=section.integer("audio_num_attention_heads"),
            audio_attention_head_dim=section.integer("audio_attention_head_dim"),
            in_channels=section.integer("in_channels"),
            out_channels=section.integer("out_channels"),
            audio_in_channels=section.integer("audio_in_channels", 128),
            audio_out_channels=section.integer("audio_out_channels", 128),
            caption_channels=section.integer("caption_channels", 3840),
            caption_projection=not projects_text_before_connector(section),
            cross_attention_adaln=section.flag("cross_attention_adaln", default=False),
            apply_gated_attention=section.flag("apply_gated_attention", default=False),
            positional_embedding_theta=section.number("positional_embedding_theta", 10000.0),
            positional_embedding_max_pos=section.positive_numbers("positional_embedding_max_pos", 3),
            audio_positional_embedding_max_pos=section.positive_numbers("audio_positional_embedding_max_pos", 1),
            rope_type=read_rope_type(section),
            float64_frequencies=precision == "float64",
            timestep_scale_multiplier=section.number("timestep_scale_multiplier", 1000.0),
            av_ca_timestep_scale_multiplier=section.number("av_ca_timestep_scale_multiplier", 1.0),
            norm_eps=section.number("norm_eps", 1e-6),
        )
        # Text context and the attentions between the streams have the streams' own widths in every known file.
        section.require("cross_attention_dim", result.width, may_be_missing=True)
        section.require("audio_cross_attention_dim", result.audio_width, may_be_missing=True)
        return result


# ---- what goes in and comes out --------------------


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
    def self_attention(cls, blocks: Container[int], *, video: bool = True, audio: bool = True) -> Self:
        """Spatio-temporal guidance: self-attention skipped in these blocks."""
        return cls(video_self=(blocks if video else (),), audio_self=(blocks if audio else (),))

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


# ---- modules, from small to large --------------------


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


BlockSource = Callable[[nn.ModuleList], Generator[tuple[int, TransformerBlock], None, None]]


def resident_blocks(blocks: nn.ModuleList) -> Generator[tuple[int, TransformerBlock], None, None]:
    """The blocks as they are, all in memory."""
    for index, block in enumerate(blocks):
        yield index, cast("TransformerBlock", block)


class Transformer(nn.Module):
    """Velocities of both streams from noisy tokens, positions and text.

    **Blocks come from one place.** `block_source(self.transformer_blocks)` is a generator of (index, block) in running
    order; the block is called once between one `yield` and the next, and the generator is closed after the loop, also
    when a block raises. A source that streams weights waits before its `yield` until block i is in place, and after it
    may let block i go and start to fetch block i + 2. It may yield other modules with the same `forward`. To change
    where the blocks live, assign another source; the default, `resident_blocks`, yields them as they are.

    **Cached between calls.** `rotary` depends on the positions alone (once per shape), `modulation` on the noise levels
    alone (`schedule_modulation`: once per schedule). Both are computed here when they are not given.

    `checkpoint_blocks` trades time for memory in training: each block's activations are computed again for backward.
    The tokens between blocks keep the dtype of `patchify_proj`'s weight: under autocast over float32 weights, float32.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.block_source: BlockSource = resident_blocks
        self.checkpoint_blocks = False
        video, audio, rows = config.width, config.audio_width, config.table_rows

        self.patchify_proj = nn.Linear(config.in_channels, video)
        self.audio_patchify_proj = nn.Linear(config.audio_in_channels, audio)
        self.caption_projection = (
            CaptionProjection(config.caption_channels, video) if config.caption_projection else None
        )
        self.audio_caption_projection = (
            CaptionProjection(config.caption_channels, audio) if config.caption_projection else None
        )
        self.adaln_single = AdaLN(video, rows)
        self.audio_adaln_single = AdaLN(audio, rows)
        self.prompt_adaln_single = AdaLN(video, 2) if config.cross_attention_adaln else None
        self.audio_prompt_adaln_single = AdaLN(audio, 2) if config.cross_attention_adaln else None
        self.av_ca_video_scale_shift_adaln_single = AdaLN(video, 4)
        self.av_ca_audio_scale_shift_adaln_single = AdaLN(audio, 4)
        self.av_ca_a2v_gate_adaln_single = AdaLN(video, 1)
        self.av_ca_v2a_gate_adaln_single = AdaLN(audio, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(config) for _ in range(config.num_layers)])
        self.scale_shift_table = table(2, video)
        self.audio_scale_shift_table = table(2, audio)
        self.proj_out = nn.Linear(video, config.out_channels)
        self.audio_proj_out = nn.Linear(audio, config.audio_out_channels)

    # -- tables that outlive a call --

    def rotary(
        self,
        video_positions: Tensor | None,
        audio_positions: Tensor | None,
        *,
        reference_rounding: bool = False,
    ) -> Rotary:
        """Rotation tables for these positions, (B, A, T, 2).

        The rotation is computed in float32 in any case: it is nearest to the exact value, and costs no measurable time.
        Tables are float32, but float16 beside BF16 weights: that halves what they hold (0.3 GB for 24,576 tokens of the
        22B model) and is still eight times finer than BF16's own steps.
        `reference_rounding` takes the weights' dtype for both, so that a BF16 model rotates in BF16 as the official
        program does. The angles are the same in all cases.
        """
        config = self.config
        weights = self.patchify_proj.weight.dtype
        dtype = torch.float16 if weights == torch.bfloat16 else torch.float32
        if reference_rounding:
            dtype = weights
        time_max = max(config.positional_embedding_max_pos[0], config.audio_positional_embedding_max_pos[0])

        def build(positions: Tensor | None, dim: int, max_positions: Sequence[float]) -> RotaryTable | None:
            if positions is None:
                return None
            return rotary_table(
                positions,
                dim=dim,
                heads=config.num_attention_heads,
                max_positions=max_positions,
                theta=config.positional_embedding_theta,
                float64_frequencies=config.float64_frequencies,
                dtype=dtype,
            )

        video_time = None if video_positions is None else video_positions[:, :1]
        return Rotary(
            video=build(video_positions, config.width, config.positional_embedding_max_pos),
            audio=build(audio_positions, config.audio_width, config.audio_positional_embedding_max_pos),
            video_bridge=build(video_time, config.audio_width, (time_max,)),
            audio_bridge=build(audio_positions, config.audio_width, (time_max,)),
        )

    def modulation(self, video: StreamTimes | None, audio: StreamTimes | None) -> Modulation:
        """The modulation of one step."""
        return self.schedule_modulation([(video, audio)])[0]

    def schedule_modulation(self, steps: Sequence[tuple[StreamTimes | None, StreamTimes | None]]) -> list[Modulation]:
        """The modulation of all steps of a schedule, each of the eight MLPs read from memory once.

        A stream is present in all steps or in none. Values equal those of single steps up to rounding.
        """
        videos = [video for video, _ in steps if video is not None]
        audios = [audio for _, audio in steps if audio is not None]
        if len(videos) not in (0, len(steps)) or len(audios) not in (0, len(steps)):
            raise ModelError("a stream must be present in all steps of a schedule, or in none")
        video = self._stream_modulation(
            videos,
            audios,
            self.adaln_single,
            self.av_ca_video_scale_shift_adaln_single,
            self.prompt_adaln_single,
            self.av_ca_a2v_gate_adaln_single,
        )
        audio = self._stream_modulation(
            audios,
            videos,
            self.audio_adaln_single,
            self.av_ca_audio_scale_shift_adaln_single,
            self.audio_prompt_adaln_single,
            self.av_ca_v2a_gate_adaln_single,
        )
        nothing = [None] * len(steps)
        return [Modulation(v, a) for v, a in zip(video or nothing, audio or nothing, strict=True)]

    def _stream_modulation(
        self,
        own: Sequence[StreamTimes],
        other: Sequence[StreamTimes],
        adaln: AdaLN,
        bridge_adaln: AdaLN,
        prompt_adaln: AdaLN | None,
        gate_adaln: AdaLN,
    ) -> list[StreamModulation]:
        """Own per-token timesteps feed all but two: text goes by the own sigma, the bridge's gate by the other's.

        That is the official rule since 2026-05-28; earlier programs and diffusers differ wherever tokens are masked or
        the streams' sigmas differ (specification 2.4).
        """
        if not own:
            return []
        scale = self.config.timestep_scale_multiplier
        gate_ratio = self.config.av_ca_timestep_scale_multiplier / scale
        timesteps = [times.timesteps.values_BK * scale for times in own]
        sigmas = [times.sigma_B.float() * scale for times in own]
        other_sigmas = [times.sigma_B.float() * scale * gate_ratio for times in other]

        rows = adaln.of_steps(timesteps)
        bridge = bridge_adaln.of_steps(timesteps)
        prompt = prompt_adaln.of_steps(sigmas) if prompt_adaln is not None else None
        gate = gate_adaln.of_steps(other_sigmas) if other else None
        return [
            StreamModulation(
                rows_BKRD=rows[step][1],
                output_BKD=rows[step][0],
                bridge_BK4D=bridge[step][1],
                prompt_B2D=None if prompt is None else prompt[step][1],
                bridge_gate_B1D=None if gate is None else gate[step][1],
                row_BT=_flat_index(own[step].timesteps),
            )
            for step in range(len(own))
        ]

    # -- settings of all blocks --

    def compile_blocks(
        self, *, dynamic: bool | None = None, mode: str | None = None, backend: str | Callable[..., Any] = "inductor"
    ) -> None:
        """Compiles every block in place; names of parameters stay. The blocks share one graph per kind of call."""
        for block in self.transformer_blocks:
            cast("Any", block).compile(fullgraph=True, dynamic=dynamic, mode=mode, backend=backend)

    def set_feed_forward_chunk(self, tokens: int | None) -> None:
        """At most this many tokens pass through a feed-forward at once; None: all."""
        for module in self.modules():
            if isinstance(module, FeedForward):
                module.chunk_tokens = tokens

    # -- one evaluation --

    def forward(
        self,
        video: StreamInput | None,
        audio: StreamInput | None,
        skips: Skips = Skips.none(),  # noqa: B008 (an immutable value)
        rotary: Rotary | None = None,
        modulation: Modulation | None = None,
    ) -> Velocities:
        """One evaluation of the network. Inputs are cast to the weights' dtype; velocities come back in it."""
        first = video if video is not None else audio
        if first is None:
            raise ModelError("a forward pass needs at least one stream")
        device = first.latent_BTC.device
        if rotary is None:
            rotary = self.rotary(
                None if video is None else video.positions_BAT2, None if audio is None else audio.positions_BAT2
            )
        if modulation is None:
            modulation = self.modulation(None if video is None else video.times, None if audio is None else audio.times)
        video_state = self._enter(
            video, self.patchify_proj, self.caption_projection, modulation.video, rotary.video, rotary.video_bridge
        )
        audio_state = self._enter(
            audio,
            self.audio_patchify_proj,
            self.audio_caption_projection,
            modulation.audio,
            rotary.audio,
            rotary.audio_bridge,
        )

        block_skips = skips.of_blocks(len(self.transformer_blocks), device)
        with preferred_kernels(device), closing(self.block_source(self.transformer_blocks)) as blocks:
            for index, block in blocks:
                video_x, audio_x = self._run(block, video_state, audio_state, block_skips[index])
                video_state = _with_tokens(video_state, video_x)
                audio_state = _with_tokens(audio_state, audio_x)

        return Velocities(
            video=self._leave(video_state, self.scale_shift_table, self.proj_out),
            audio=self._leave(audio_state, self.audio_scale_shift_table, self.audio_proj_out),
        )

    def _enter(
        self,
        stream: StreamInput | None,
        patchify_proj: nn.Linear,
        caption_projection: CaptionProjection | None,
        modulation: StreamModulation | None,
        rotary: RotaryTable | None,
        bridge_rotary: RotaryTable | None,
    ) -> BlockStream | None:
        if stream is None:
            return None
        if modulation is None or rotary is None or bridge_rotary is None:
            raise ModelError("the given modulation or rotary tables lack a stream of this forward pass")
        dtype = patchify_proj.weight.dtype
        context_BND = stream.context_BND.to(dtype)
        mask_BTT = stream.attention_mask_BTT
        return BlockStream(
            x_BTD=patchify_proj(stream.latent_BTC.to(dtype)).to(dtype),
            modulation=modulation,
            context_BND=context_BND if caption_projection is None else caption_projection(context_BND),
            rotary=rotary,
            bridge_rotary=bridge_rotary,
            bias_B1TT=None if mask_BTT is None else log_bias(mask_BTT, _compute_dtype(dtype, mask_BTT.device)),
            enabled=stream.enabled,
        )

    def _run(
        self, block: TransformerBlock, video: BlockStream | None, audio: BlockStream | None, skips: BlockSkips
    ) -> tuple[Tensor | None, Tensor | None]:
        if self.checkpoint_blocks and torch.is_grad_enabled():
            return cast("Any", checkpoint)(block, video, audio, skips, use_reentrant=False)
        return block(video, audio, skips)

    def _leave(self, stream: BlockStream | None, rows_table: Tensor, proj_out: nn.Linear) -> Tensor | None:
        """LayerNorm modulated by table rows 0 (shift) and 1 (scale) plus the timestep's embedding, then to channels."""
        if stream is None or not stream.enabled:
            return None
        emb_BKD, row_BT = stream.modulation.output_BKD, stream.modulation.row_BT
        shift_D, scale_D = rows_table.to(emb_BKD.dtype)
        x_BTD = F.layer_norm(stream.x_BTD, stream.x_BTD.shape[-1:], eps=self.config.norm_eps)
        return proj_out(modulated(x_BTD, shift_D + emb_BKD, scale_D + emb_BKD, row_BT))


def _with_tokens(stream: BlockStream | None, x_BTD: Tensor | None) -> BlockStream | None:
    return stream if stream is None or x_BTD is None else stream._replace(x_BTD=x_BTD)


def _flat_index(timesteps: Timesteps) -> Tensor | None:
    """Index into the rows of all samples laid end to end; None when there is one row per sample."""
    batch, count = timesteps.values_BK.shape
    if count == 1:
        return None
    return timesteps.index_BT + torch.arange(0, batch * count, count, device=timesteps.index_BT.device)[:, None]


def _compute_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """What the attention will compute in: autocast may lower it."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else dtype


# ---- around the network --------------------


def denoised(latent_BTC: Tensor, velocity_BTC: Tensor, timesteps: Timesteps) -> Tensor:
    """x0 = x - v * timestep in float32, (B, T, C). A token with timestep 0 comes back as it is."""
    return latent_BTC.float() - velocity_BTC.float() * timesteps.per_token().unsqueeze(-1)


def video_tokens(latent_BCFHW: Tensor) -> Tensor:
    """(B, C, F, h, w) -> (B, F h w, C), in the order frame, row, column."""
    return latent_BCFHW.flatten(2).transpose(1, 2)


def video_latent(tokens_BTC: Tensor, frames: int, height: int, width: int) -> Tensor:
    """(B, F h w, C) -> (B, C, F, h, w); sizes in latent units."""
    batch, _, channels = tokens_BTC.shape
    return tokens_BTC.transpose(1, 2).reshape(batch, channels, frames, height, width)


def audio_tokens(latent_BCSM: Tensor) -> Tensor:
    """(B, 8, S, 16) -> (B, S, 128): feature index = channel * 16 + mel bin."""
    return latent_BCSM.transpose(1, 2).flatten(2)


def audio_latent(tokens_BSC: Tensor, channels: int) -> Tensor:
    """(B, S, channels * bins) -> (B, channels, S, bins)."""
    batch, steps, _ = tokens_BSC.shape
    return tokens_BSC.reshape(batch, steps, channels, -1).transpose(1, 2)
