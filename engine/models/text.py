"""From Gemma's hidden states to the text contexts of both streams: projections, learned registers, connectors.

Source: specification "transformer-and-pipelines" 1.6, 3.2 and 3.3. Gemma itself is in `gemma.py`. The result depends on
the prompt alone, so it can be cached on disk.
"""

# Shapes: B prompts, N text tokens, D width (of Gemma, or of a stream's context), L hidden states per token

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.config_section import Section
from engine.models.errors import ModelError, UnknownConfigValue
from engine.models.layers import Attention, FeedForward, rms
from engine.models.rope import RopeType, RotaryTable, read_rope_type, rotary_table

SEQUENCE_LENGTH: Final = 1024  # text tokens, registers included, that the released transformers were trained with

# Prefix in a checkpoint -> prefix in `TextConditioner`'s state dict. The rest of each key is the same.
CHECKPOINT_PREFIXES: Final[Mapping[str, str]] = {
    "model.diffusion_model.video_embeddings_connector.": "video_embeddings_connector.",
    "model.diffusion_model.audio_embeddings_connector.": "audio_embeddings_connector.",
    "text_embedding_projection.": "",
}

# Metadata that selects the place of the text projection (specification 1.3): all four as here is LTX-2.3's, all four
# absent LTX-2.0's.
LAYOUT_2_3: Final[Mapping[str, bool]] = {
    "caption_proj_before_connector": True,
    "caption_proj_input_norm": False,
    "caption_projection_first_linear": False,
    "caption_projection_second_linear": False,
}

CONSTANTS: Final[Mapping[str, Any]] = {
    "use_embeddings_connector": True,
    "connector_norm_output": True,
    "connector_ff_bias": True,
    "standardization_norm": "rms_norm",
    "qk_norm": "rms_norm",
}


def projects_text_before_connector(section: Section) -> bool:
    """True for LTX-2.3, False for LTX-2.0, whose transformer holds the projection. A mixture is UnknownConfigValue."""
    if not any(key in section for key in LAYOUT_2_3):
        return False
    for key, value in LAYOUT_2_3.items():
        section.require(key, value)
    return True


@dataclass(frozen=True)
class TextConfig:
    """What selects the architecture. The defaults are the released LTX-2.3 22B model."""

    caption_channels: int = 3840  # width of Gemma 3 12B
    hidden_states: int = 49  # its 48 layers and the embedding
    projection_per_stream: bool = True  # LTX-2.3. False: LTX-2.0, one projection for both, its norm over the prompt
    num_layers: int = 8
    audio_num_layers: int = 8
    num_attention_heads: int = 32
    attention_head_dim: int = 128
    audio_num_attention_heads: int = 32
    audio_attention_head_dim: int = 64
    registers: int = 128
    max_position: float = 4096
    apply_gated_attention: bool = True
    rope_type: RopeType = "split"
    theta: float = 10000.0
    float64_frequencies: bool = True
    norm_eps: float = 1e-6

    @property
    def width(self) -> int:
        """Width of the video context."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def audio_width(self) -> int:
        """Width of the audio context."""
        return self.audio_num_attention_heads * self.audio_attention_head_dim

    @classmethod
    def from_metadata(cls, config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]] | None = None) -> Self:
        """Reads the `transformer` part of a checkpoint's `config`; absent keys mean LTX-2.0. Raises UnknownConfigValue.

        `shapes` are those of the checkpoint's tensors by their full keys. They tell how many hidden states the
        projection takes, which the metadata does not say; without them it is 49, as in every released file.
        """
        section = Section(config, "transformer")
        section.require_all(CONSTANTS)
        per_stream = projects_text_before_connector(section)
        if per_stream:
            section.require("text_encoder_norm_type", "per_token_rms", may_be_missing=True)
        channels = section.integer("caption_channels", 3840)
        heads = section.integer("connector_num_attention_heads", 30)
        head_dim = section.integer("connector_attention_head_dim", 128)
        layers = section.integer("connector_num_layers", 2)
        result = cls(
            caption_channels=channels,
            hidden_states=_hidden_states(section, channels, shapes or {}),
            projection_per_stream=per_stream,
            num_layers=layers,
            audio_num_layers=section.integer("audio_connector_num_layers", layers),
            num_attention_heads=heads,
            attention_head_dim=head_dim,
            audio_num_attention_heads=section.integer("audio_connector_num_attention_heads", heads),
            audio_attention_head_dim=section.integer("audio_connector_attention_head_dim", head_dim),
            registers=section.integer("connector_num_learnable_registers", 128),
            max_position=section.positive_numbers("connector_positional_embedding_max_pos", 1, (1,))[0],
            apply_gated_attention=section.flag("connector_apply_gated_attention", default=False),
            rope_type=read_rope_type(section),
            theta=section.number("positional_embedding_theta", 10000.0),
            float64_frequencies=section.choice("frequencies_precision", "float64", "float32", default="float32")
            == "float64",
            norm_eps=section.number("norm_eps", 1e-6),
        )
        if not per_stream and (result.width != channels or result.audio_width != channels):
            raise UnknownConfigValue(
                "connector_num_attention_heads", heads, f"connectors {channels} wide, as the text is"
            )
        return result


def _hidden_states(section: Section, channels: int, shapes: Mapping[str, Sequence[int]]) -> int:
    for name in ("video_aggregate_embed", "aggregate_embed"):
        shape = shapes.get(f"text_embedding_projection.{name}.weight")
        if shape is not None:
            if shape[1] % channels:
                raise UnknownConfigValue(
                    "caption_channels", channels, f"a divisor of the projection's {shape[1]} inputs"
                )
            return shape[1] // channels
    return 49


class TextContext(NamedTuple):
    """What the transformer's text attentions attend to; every position counts."""

    video_BND: Tensor
    audio_BND: Tensor


class ConnectorBlock(nn.Module):
    """Self-attention and feed-forward over text positions, each on the normed input and added to it."""

    def __init__(self, config: TextConfig, heads: int, head_dim: int) -> None:
        super().__init__()
        dim = heads * head_dim
        self.eps = config.norm_eps
        self.attn1 = Attention(
            dim,
            heads=heads,
            head_dim=head_dim,
            gated=config.apply_gated_attention,
            eps=config.norm_eps,
            interleaved_rope=config.rope_type == "interleaved",
        )
        self.ff = FeedForward(dim)

    def forward(self, x_BND: Tensor, rotary: RotaryTable) -> Tensor:
        x_BND = x_BND + self.attn1(rms(x_BND, self.eps), q_rotary=rotary, k_rotary=rotary)
        return x_BND + self.ff(rms(x_BND, self.eps))


class Connector(nn.Module):
    """Puts learned registers in the place of padding and lets all positions exchange what they know."""

    def __init__(self, config: TextConfig, layers: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        self.dim = heads * head_dim
        self.learnable_registers = nn.Parameter(torch.rand(config.registers, self.dim) * 2 - 1)
        self.transformer_1d_blocks = nn.ModuleList([ConnectorBlock(config, heads, head_dim) for _ in range(layers)])

    def forward(self, features_BND: Tensor, attention_mask_BN: Tensor, length: int) -> Tensor:
        """Features of N tokens, valid where the mask is true, to a context of `length` positions (B, length, D).

        Valid tokens move to the front in their order; position p behind them takes register p modulo their number.
        """
        registers = self.learnable_registers
        if length % len(registers) or length < features_BND.shape[1]:
            raise ModelError(
                f"a text context of {length} positions can't hold {features_BND.shape[1]} tokens "
                f"in multiples of {len(registers)} registers"
            )
        valid_BN = attention_mask_BN.bool()
        order_BN = torch.argsort((~valid_BN).to(torch.uint8), dim=1, stable=True)
        front_BND = features_BND.gather(1, order_BN.unsqueeze(-1).expand_as(features_BND))
        x_BND = F.pad(front_BND, (0, 0, 0, length - front_BND.shape[1]))
        positions_N = torch.arange(length, device=x_BND.device)
        is_text_BN1 = (positions_N < valid_BN.sum(1, keepdim=True)).unsqueeze(-1)
        x_BND = torch.where(is_text_BN1, x_BND, registers.to(x_BND.dtype).repeat(length // len(registers), 1))

        rotary = rotary_table(
            positions_N.float()[None, None, :, None].expand(1, 1, length, 2),  # points, not intervals
            dim=self.dim,
            heads=self.heads,
            max_positions=(self.config.max_position,),
            theta=self.config.theta,
            float64_frequencies=self.config.float64_frequencies,
        )
        for block in self.transformer_1d_blocks:
            x_BND = block(x_BND, rotary)
        return rms(x_BND, self.config.norm_eps)


class TextConditioner(nn.Module):
    """Gemma's hidden states to the contexts of both streams.

    A state dict of it comes from a checkpoint through `CHECKPOINT_PREFIXES`.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        inputs = config.caption_channels * config.hidden_states
        if config.projection_per_stream:
            self.video_aggregate_embed = nn.Linear(inputs, config.width)
            self.audio_aggregate_embed = nn.Linear(inputs, config.audio_width)
        else:
            self.aggregate_embed = nn.Linear(inputs, config.caption_channels, bias=False)
        self.video_embeddings_connector = Connector(
            config, config.num_layers, config.num_attention_heads, config.attention_head_dim
        )
        self.audio_embeddings_connector = Connector(
            config, config.audio_num_layers, config.audio_num_attention_heads, config.audio_attention_head_dim
        )

    def forward(
        self, hidden_states_BNDL: Tensor, attention_mask_BN: Tensor, sequence_length: int | None = None
    ) -> TextContext:
        """Contexts of `sequence_length` positions (default: as many as tokens came in, a multiple of the registers).

        The mask is true or non-zero at real tokens, on whichever side they stand; what the other positions hold never
        reaches the result.
        """
        video_BND, audio_BND = self.features(hidden_states_BNDL, attention_mask_BN)
        length = hidden_states_BNDL.shape[1] if sequence_length is None else sequence_length
        return TextContext(
            self.video_embeddings_connector(video_BND, attention_mask_BN, length),
            self.audio_embeddings_connector(audio_BND, attention_mask_BN, length),
        )

    def of_prompts(self, prompts: Sequence[Tensor], sequence_length: int = SEQUENCE_LENGTH) -> TextContext:
        """Contexts of several prompts from the hidden states (n, D, L) of their real tokens, as of `Gemma.encode`."""
        counts = torch.tensor([len(prompt) for prompt in prompts], device=prompts[0].device)
        hidden_states = nn.utils.rnn.pad_sequence(list(prompts), batch_first=True)
        mask_BN = torch.arange(hidden_states.shape[1], device=counts.device) < counts[:, None]
        return self(hidden_states, mask_BN, sequence_length)

    def features(self, hidden_states_BNDL: Tensor, attention_mask_BN: Tensor) -> TextContext:
        """The projected hidden states, one vector per token; padded positions enter the projection as zero."""
        *_, channels, states = hidden_states_BNDL.shape
        config = self.config
        if (channels, states) != (config.caption_channels, config.hidden_states):
            raise ModelError(
                f"the text encoder gives {states} hidden states of {channels} numbers; this checkpoint takes "
                f"{config.hidden_states} of {config.caption_channels}"
            )
        valid_BN11 = attention_mask_BN.bool()[:, :, None, None]
        if not config.projection_per_stream:
            h_BNDL = hidden_states_BNDL.to(self.aggregate_embed.weight.dtype)
            f_BNI = torch.where(valid_BN11, _normed_over_prompt(h_BNDL, valid_BN11, config.norm_eps), 0).flatten(2)
            both_BND = self.aggregate_embed(f_BNI)
            return TextContext(both_BND, both_BND)
        h_BNLD = hidden_states_BNDL.to(self.video_aggregate_embed.weight.dtype).transpose(2, 3)
        # Hidden index major, layer minor, in the flattened order: rms over D, then back.
        f_BNDL = F.rms_norm(h_BNLD, (channels,), eps=config.norm_eps).transpose(2, 3)
        f_BNI = torch.where(valid_BN11, f_BNDL, 0).flatten(2)
        return TextContext(
            self.video_aggregate_embed(f_BNI * math.sqrt(config.width / channels)),
            self.audio_aggregate_embed(f_BNI * math.sqrt(config.audio_width / channels)),
        )


def _normed_over_prompt(h_BNDL: Tensor, valid_BN11: Tensor, eps: float) -> Tensor:
    """LTX-2.0: 8 * (h - mean) / (max - min), per prompt and layer over all real tokens and channels."""
    count_B111 = valid_BN11.sum(1, keepdim=True) * h_BNDL.shape[2]
    mean = torch.where(valid_BN11, h_BNDL, 0).sum((1, 2), keepdim=True) / count_B111
    low = torch.where(valid_BN11, h_BNDL, torch.inf).amin((1, 2), keepdim=True)
    high = torch.where(valid_BN11, h_BNDL, -torch.inf).amax((1, 2), keepdim=True)
    return 8 * (h_BNDL - mean) / (high - low + eps)
