"""The planner: what of a model stays where, in which precision and in which pieces, so that a job fits into memory.

Everything is decided from numbers before anything is loaded: the sizes in the checkpoint's header, the tokens and
pixels of the job, and the memory that is free. The estimate of working memory is a formula per network, held against
measured peaks by the tests. Where a job can't fit, the refusal names both numbers and the nearest size that does.
"""

# Bytes throughout, unless a name says otherwise.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

MARGIN = 1.15  # allocators round up and fragment, and convolutions want workspace
RESERVE = 400 << 20  # driver, kernels and whatever else lives on the device
SMALLEST_PIECE, LARGEST_PIECE = 8 << 20, 512 << 20  # between the layers of the video autoencoder
STREAMING_SLOTS = 2  # blocks under way while streaming
CHUNKED_TOKENS = 4096  # of a feed-forward, when memory asks

Kind = Literal["cuda", "mps", "cpu"]


@dataclass(frozen=True)
class ModelSizes:
    """What a model takes, from its header: weights in the planned dtype, widths and counts.

    blocks           bytes of each transformer block; outside_blocks the transformer's rest
    parts            bytes of the other networks by name: text_encoder, text, video_encoder, video_decoder,
                     audio_encoder, audio_decoder, vocoder, upsampler
    video_width, audio_width   of the transformer's streams
    element          bytes of a number in the transformer's activations
    decoder_cache    numbers that the streaming video decoder keeps per latent position of one frame; likewise encoder
    decoder_widest   numbers that its widest layer makes of one latent position
    """

    blocks: tuple[int, ...]
    outside_blocks: int
    parts: Mapping[str, int]
    video_width: int
    audio_width: int
    element: int = 2
    decoder_cache: int = 624_896
    encoder_cache: int = 624_896
    decoder_widest: int = 1 << 20

    @property
    def transformer(self) -> int:
        return self.outside_blocks + sum(self.blocks)


@dataclass(frozen=True)
class Demand:
    """What a job asks of the networks at its largest stage."""

    video_tokens: int  # references and keyframes included
    audio_tokens: int
    text_tokens: int
    latent_rows: int
    latent_columns: int
    frames: int  # of one pass
    passes_at_once: int = 1  # guidance passes in one batch
    masked_tokens: int = 0  # tokens of an explicit attention mask, 0 without one
    lora_bytes: int = 0
    variations: int = 1


class Memory(NamedTuple):
    """Free bytes on the device and in the host; on a CPU both are the same memory."""

    kind: Kind
    device_free: int
    host_free: int


@dataclass(frozen=True)
class MemoryPlan:
    """What the planner decided.

    resident     blocks that stay on the device; all of them unless `source` says where the rest waits
    source       "host" or "disk" for the blocks that are streamed, "" when none is
    cast_fp8     store the block matrices in 8 bits
    piece        byte budget between the video autoencoder's layers
    chunk        tokens per feed-forward call, None for all at once
    keep_others  the small networks stay loaded beside the transformer
    peak         the largest estimate of all phases, weights included
    """

    resident: int
    blocks: int
    source: Literal["", "host", "disk"] = ""
    cast_fp8: bool = False
    piece: int = LARGEST_PIECE
    chunk: int | None = None
    keep_others: bool = True
    peak: int = 0

    def sentences(self) -> tuple[str, ...]:
        """What to tell the person about it."""
        told = [f"about {gigabytes(self.peak)} at the peak"]
        if self.source:
            where = "memory" if self.source == "host" else "disk"
            told.append(f"{self.resident} of {self.blocks} blocks stay on the device, the others come from {where}")
        if self.cast_fp8:
            told.append("weights in 8 bits")
        if not self.keep_others:
            told.append("networks take turns in memory")
        return tuple(told)


class DoesNotFit(Exception):
    """No plan holds this job. `needed` is the least that any plan needs, `free` what there is."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(f"this needs about {gigabytes(needed)} of free memory; there are {gigabytes(free)}")
        self.needed = needed
        self.free = free


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def sampling_bytes(sizes: ModelSizes, demand: Demand, chunk: int | None) -> int:
    """Working memory of one transformer call, without weights.

    Per token and width, at the widest moment of a block: input, normed input, q, k, v, the attention's output and the
    sum (7 numbers), two rotated copies in float32, the rotation table (a cosine and a sine for half a width, float32);
    or input, normed input and both sides of the feed-forward's fourfold width (10 numbers). The larger counts.
    """
    element = sizes.element
    total = 0
    for tokens, width in ((demand.video_tokens, sizes.video_width), (demand.audio_tokens, sizes.audio_width)):
        through = tokens if chunk is None else min(tokens, chunk)
        attention = tokens * width * (7 * element + 2 * 4)
        feed_forward = tokens * width * 3 * element + through * width * 8 * element
        table = tokens * width * 4
        total += demand.passes_at_once * max(attention, feed_forward) + table
    text = demand.text_tokens * (sizes.video_width + sizes.audio_width) * element * 4
    latents = (demand.video_tokens + demand.audio_tokens) * 128 * 4 * 8 * demand.variations
    mask = demand.masked_tokens**2 * (element + 4)
    return total + demand.passes_at_once * text + latents + mask


def decoding_bytes(sizes: ModelSizes, demand: Demand, piece: int) -> int:
    """Working memory of streamed video decoding, without weights: the layers' caches, one piece in each stage of its
    way through a layer, and the pixels of eight frames in float32."""
    positions = demand.latent_rows * demand.latent_columns
    pixels = positions * 32 * 32 * 3 * 8 * 4
    smallest = positions * sizes.decoder_widest * sizes.element // 64
    return positions * sizes.decoder_cache * sizes.element + 4 * max(piece, smallest) + 3 * pixels


def encoding_bytes(sizes: ModelSizes, demand: Demand, piece: int) -> int:
    """The same for encoding."""
    positions = demand.latent_rows * demand.latent_columns
    pixels = positions * 32 * 32 * 3 * 8 * 4
    return positions * sizes.encoder_cache * sizes.element + 4 * piece + 3 * pixels


def make_plan(
    sizes: ModelSizes, demand: Demand, memory: Memory, *, fp8: bool = False, step_down: int = 0
) -> MemoryPlan:
    """The fastest plan that fits. `fp8`: 8-bit storage is wanted or allowed; `step_down`: how often memory ran out.

    In order: everything resident; networks in turns; feed-forward in chunks; blocks in 8 bits (where allowed); blocks
    streamed from the host, and from the disk where the host has no room either; smaller pieces for the autoencoder.
    Raises DoesNotFit.
    """
    budget = int(memory.device_free * 0.8**step_down) - RESERVE * (memory.kind != "cpu")
    least = 0
    for plan in _candidates(sizes, demand, memory, fp8=fp8):
        peak = plan_peak(sizes, demand, plan)
        if peak <= budget:
            return replace(plan, peak=peak)
        least = peak if not least else min(least, peak)
    raise DoesNotFit(least, max(0, budget))


def plan_peak(sizes: ModelSizes, demand: Demand, plan: MemoryPlan) -> int:
    """The largest of what the phases need, weights included, with the margin."""
    others = sum(size for name, size in sizes.parts.items() if name != "text_encoder") if plan.keep_others else 0
    blocks = sorted(sizes.blocks, reverse=True)
    if plan.cast_fp8:
        blocks = [size // 2 for size in blocks]
    on_device = sum(blocks[: plan.resident])
    if plan.source:
        on_device += STREAMING_SLOTS * blocks[0]
    transformer = sizes.outside_blocks + on_device + demand.lora_bytes

    def part(name: str) -> int:
        return 0 if plan.keep_others else sizes.parts.get(name, 0)

    kept = transformer if plan.keep_others else 0
    phases = (
        sizes.parts.get("text_encoder", 0) + part("text"),
        transformer + others + sampling_bytes(sizes, demand, plan.chunk),
        kept + others + part("video_decoder") + decoding_bytes(sizes, demand, plan.piece),
        kept + others + part("video_encoder") + encoding_bytes(sizes, demand, plan.piece),
        kept + others + part("upsampler") + demand.latent_rows * demand.latent_columns * demand.frames * 4096,
    )
    return int(max(phases) * MARGIN)


def _candidates(sizes: ModelSizes, demand: Demand, memory: Memory, *, fp8: bool) -> list[MemoryPlan]:
    count = len(sizes.blocks)
    whole = MemoryPlan(resident=count, blocks=count)
    turns = replace(whole, keep_others=False)
    small = replace(turns, chunk=CHUNKED_TOKENS, piece=64 << 20)
    plans = [whole, turns, small]
    eight = [replace(plan, cast_fp8=True) for plan in plans] if fp8 else []
    plans += eight
    if memory.kind == "cpu":
        # Weights of a CPU job lie in host memory anyway: only the disk can relieve it.
        source: Literal["host", "disk"] = "disk"
    else:
        source = "host" if memory.host_free > sum(sizes.blocks) * 1.1 else "disk"
    for piece in (64 << 20, SMALLEST_PIECE):
        for resident in _steps_down(count):
            plans.append(replace(small, resident=resident, source=source, piece=piece, cast_fp8=fp8))
    return plans


def _steps_down(count: int) -> list[int]:
    """Resident blocks to try: fewer and fewer, about an eighth at a time, down to none."""
    return sorted({count * eighth // 8 for eighth in range(8)}, reverse=True)


def nearest_that_fits(
    sizes: ModelSizes, demand: Demand, memory: Memory, smallest_rows: int = 2
) -> tuple[int, int, int] | None:
    """The nearest smaller (latent rows, latent columns, frames) for which there is a plan: first a smaller picture of
    the same shape, then a shorter one; None if nothing fits."""
    rows, columns, frames = demand.latent_rows, demand.latent_columns, demand.frames
    for shorter in (frames, max(9, frames // 2 // 8 * 8 + 1), 9):
        for tenth in range(10, 1, -1):
            smaller_rows, smaller_columns = max(smallest_rows, rows * tenth // 10), max(2, columns * tenth // 10)
            share = (smaller_rows * smaller_columns * ((shorter - 1) // 8 + 1)) / (
                rows * columns * ((frames - 1) // 8 + 1)
            )
            smaller = replace(
                demand,
                latent_rows=smaller_rows,
                latent_columns=smaller_columns,
                frames=shorter,
                video_tokens=int(demand.video_tokens * share),
            )
            try:
                make_plan(sizes, smaller, memory, fp8=True)
            except DoesNotFit:
                continue
            return smaller_rows, smaller_columns, shorter
    return None
