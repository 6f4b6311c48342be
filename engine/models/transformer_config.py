"""What shapes the transformer of LTX-2: the `transformer` dictionary of a checkpoint's metadata, read strictly.

Source: specification "transformer-and-pipelines" sections 1.3 and 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from engine.models.config_section import Section
from engine.models.errors import UnknownConfigValue
from engine.models.rope import RopeType, read_rope_type
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
        section.require_all(CONSTANTS)
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
