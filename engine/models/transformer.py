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

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType] (untyped in torch)

from engine.models.attention import log_bias, preferred_kernels
from engine.models.errors import ModelError
from engine.models.layers import FeedForward
from engine.models.rope import RotaryTable, rotary_table
from engine.models.transformer_block import AdaLN, CaptionProjection, TransformerBlock, modulated, table
from engine.models.transformer_config import TransformerConfig
from engine.models.transformer_streams import (
    BlockSkips,
    BlockStream,
    Modulation,
    Rotary,
    Skips,
    StreamInput,
    StreamModulation,
    StreamTimes,
    Timesteps,
    Velocities,
)

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
