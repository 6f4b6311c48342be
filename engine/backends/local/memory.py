"""The planner: what of a model stays where, in which precision and in which pieces, so that a job fits into memory.

Everything is decided from numbers before anything is loaded: the sizes in the checkpoint's header, the tokens and
pixels of the job, and the memory that is free. The estimate of working memory is a formula per network, held against
measured peaks by the tests. Where a job can't fit, the refusal names both numbers.
"""

# Bytes throughout, unless a name says otherwise.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from engine.models.video_tiling import tile_sides

MARGIN = 1.15  # allocators round up and fragment, and convolutions want workspace
RESERVE = 400 << 20  # of a GPU: driver, kernels and whatever else lives there
TILES = (24, 16, 8)  # longest sides to try; 24 = 768 pixels, as the official program
SMALLEST_PIECE, SMALL_PIECE, LARGEST_PIECE = 8 << 20, 64 << 20, 512 << 20  # between layers of the video autoencoder
STREAMING_SLOTS = 2  # blocks under way while streaming
CHUNKED_TOKENS = 4096  # of a feed-forward, when memory asks
STEP_DOWN = 0.8  # after lack of memory a plan has to need at most this share of the one that failed
TEXT_PARTS = ("text_encoder", "text")  # of a model's parts those that only prompts need
LATENT_SIDE = 32  # pixels
LATENT_POSITION_PIXELS = LATENT_SIDE**2  # of one frame
LATENT_FRAMES = 8

Kind = Literal["cuda", "mps", "cpu"]
# What stays loaded: everything; all but the text encoder; the transformer beside one other network; one at a time.
Keep = Literal["all", "model", "transformer", "one"]


class StreamedNetwork(NamedTuple):
    """What the streaming video decoder (or encoder) holds, in numbers per latent position of one frame.

    cache  what its layers keep between pieces
    clip   what its hungriest layer holds at once for one latent frame of eight pictures
    frame  the same for a single frame of that layer's time: no piece is smaller
    """

    cache: int
    clip: int
    frame: int


@dataclass(frozen=True)
class ModelSizes:
    """What a model takes, from its header: weights in the planned dtype, widths and counts.

    blocks           bytes of each transformer block; outside_blocks the transformer's rest
    blocks_fp8       bytes of each block with its matrices in 8 bits; equal where the file has 8 bits already
    parts            bytes of the other networks by name: text_encoder, text, video_encoder, video_decoder,
                     audio_encoder, audio_decoder, vocoder, upsampler
    text_streamed    bytes on the device of a text encoder whose layers come from disk; 0 if it can't be had so
    video_width, audio_width   of the transformer's streams
    channels         of a video latent (a latent step of sound has no more)
    element          bytes of a number in the transformer's activations
    """

    blocks: tuple[int, ...]
    outside_blocks: int
    parts: Mapping[str, int]
    video_width: int
    audio_width: int
    decoder: StreamedNetwork
    encoder: StreamedNetwork
    blocks_fp8: tuple[int, ...] = ()
    text_streamed: int = 0
    channels: int = 128
    element: int = 2

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
    prompts_known: bool = False  # their contexts are at hand: the text encoder may be left out, where it has no room

    @property
    def positions(self) -> int:
        return self.latent_rows * self.latent_columns

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // LATENT_FRAMES + 1


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
    fp8          keep the blocks' matrices in 8 bits, which the file has in more
    piece        byte budget between the video autoencoder's layers
    tile         longest side, in latent positions, of the frame's tiles in the video autoencoder; None = whole frames
    chunk        tokens per feed-forward call, None for all at once
    keep         what stays loaded
    text_streamed  the text encoder's layers come from disk, for lack of room on the device
    on_host      of "text_encoder" and "text" those that work in host memory, for the same reason
    peak         the largest estimate of all phases, weights included
    """

    resident: int
    blocks: int
    source: Literal["", "host", "disk"] = ""
    fp8: bool = False
    piece: int = LARGEST_PIECE
    tile: int | None = None
    chunk: int | None = None
    keep: Keep = "all"
    text_streamed: bool = False
    on_host: tuple[str, ...] = ()
    peak: int = 0

    def sentences(self) -> tuple[str, ...]:
        """What to tell the person about it."""
        told = [f"about {gigabytes(self.peak)} at the peak"]
        if self.source:
            where = "memory" if self.source == "host" else "disk"
            told.append(f"{self.resident} of {self.blocks} blocks stay on the device, the others come from {where}")
        if self.fp8:
            told.append("weights in 8 bits")
        if self.keep in ("transformer", "one"):
            told.append("networks take turns in memory")
        if self.tile is not None:
            told.append(f"pictures in tiles of {self.tile * LATENT_SIDE} pixels, whose seams are blended")
        if self.text_streamed:
            told.append("the text encoder comes from disk layer by layer")
        elif self.on_host:
            told.append("the prompt is read by the processor")
        return tuple(told)


class DoesNotFit(Exception):
    """No plan holds this job. `needed` is the least that any plan needs, `free` what there is."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(f"this needs about {gigabytes(needed)} of free memory; there are {gigabytes(free)}")
        self.needed = needed
        self.free = free


def gigabytes(size: int) -> str:
    """ "6.1 GB", and megabytes below a tenth of one."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


# --- working memory, without weights ----------------------------------------------------------------------------------


def sampling_bytes(sizes: ModelSizes, demand: Demand, chunk: int | None) -> int:
    """One transformer call.

    Per token and width, at the widest moments of a block: attention holds input, normed input, q, k, v and the
    attention's output, and three float32 copies inside norms and rotation; the feed-forward holds input, normed input
    and sum, and both sides of its fourfold width (8 numbers, of `chunk` tokens at most). The larger counts. The
    rotation table is one number per token and width more.
    """
    element = sizes.element
    total = 0
    for tokens, width in ((demand.video_tokens, sizes.video_width), (demand.audio_tokens, sizes.audio_width)):
        through = tokens if chunk is None else min(tokens, chunk)
        attention = tokens * width * (6 * element + 3 * 4)
        feed_forward = width * element * (3 * tokens + 8 * through)
        total += demand.passes_at_once * max(attention, feed_forward) + tokens * width * element
    text = demand.text_tokens * (sizes.video_width + sizes.audio_width) * element * 4
    # the sampler's float32: noisy, clean, noise, denoised, velocity, mask and positions, and what a solver remembers
    latents = (demand.video_tokens + demand.audio_tokens) * sizes.channels * 4 * 8
    latents += (demand.variations - 1) * demand.video_tokens * sizes.channels * 4
    mask = demand.masked_tokens**2 * (element + 4)
    return total + demand.passes_at_once * text + latents + mask


def streaming_bytes(network: StreamedNetwork, element: int, demand: Demand, piece: int) -> int:
    """Streamed video decoding or encoding: the layers' caches, and pieces on their way: one in each state of its layer
    and the rests that wait before others, never more than the hungriest layer holds of the whole clip."""
    positions = demand.positions
    cache = positions * network.cache * element
    whole = positions * network.clip * element * demand.latent_frames
    under_way = min(5 * piece, whole) + positions * network.frame * element
    return cache + under_way


def decoding_bytes(sizes: ModelSizes, demand: Demand, piece: int) -> int:
    """The streamed decoder, and a piece of pictures on its way to the file: once in float32, twice in 8 bits."""
    eight = demand.positions * LATENT_POSITION_PIXELS * 3 * LATENT_FRAMES
    pictures = min(eight * demand.latent_frames, max(eight, piece // sizes.element)) * (4 + 2)
    return streaming_bytes(sizes.decoder, sizes.element, demand, piece) + pictures


def encoding_bytes(sizes: ModelSizes, demand: Demand, piece: int) -> int:
    """The streamed encoder, and eight pictures on their way in: read in 8 bits, scaled and moved in float32."""
    eight = demand.positions * LATENT_POSITION_PIXELS * 3 * LATENT_FRAMES
    return streaming_bytes(sizes.encoder, sizes.element, demand, piece) + eight * (1 + 2 * 4)


def plan_peak(sizes: ModelSizes, demand: Demand, plan: MemoryPlan) -> int:
    """The largest of what the phases need on the device, weights included, with the margin."""
    parts = {name: size for name, size in sizes.parts.items() if name not in plan.on_host}
    text_encoder = parts.pop("text_encoder", 0)
    if plan.text_streamed:
        text_encoder = sizes.text_streamed
    blocks = sorted(sizes.blocks_fp8 if plan.fp8 else sizes.blocks, reverse=True)
    on_device = sum(blocks[: plan.resident])
    if plan.source:
        on_device += STREAMING_SLOTS * blocks[0]
    transformer = sizes.outside_blocks + on_device + demand.lora_bytes
    sampling = sampling_bytes(sizes, demand, plan.chunk)
    tiled = demand
    if plan.tile is not None:  # the whole pictures wait in host memory
        rows, columns = tile_sides(demand.latent_rows, demand.latent_columns, plan.tile)
        tiled = replace(demand, latent_rows=rows, latent_columns=columns)
    work = {
        "video_decoder": decoding_bytes(sizes, tiled, plan.piece),
        "video_encoder": encoding_bytes(sizes, tiled, plan.piece),
        "upsampler": demand.positions * demand.latent_frames * 4096 * sizes.element,
    }
    if plan.keep in ("all", "model"):
        everything = transformer + sum(parts.values()) + max(sampling, *work.values())
        peak = everything + text_encoder if plan.keep == "all" else max(everything, text_encoder + parts.get("text", 0))
    else:
        text = parts.pop("text", 0)  # it follows the text encoder, for which the transformer has gone
        beside = transformer if plan.keep == "transformer" else 0
        lent = (beside + size + work.get(name, 0) for name, size in parts.items())
        peak = max(transformer + sampling, text_encoder, text, *lent)
    return int(peak * MARGIN)


# --- choosing ---------------------------------------------------------------------------------------------------------


def make_plan(
    sizes: ModelSizes, demand: Demand, memory: Memory, *, fp8: bool = False, failed: MemoryPlan | None = None
) -> MemoryPlan:
    """The fastest plan that fits. `fp8`: 8-bit storage is allowed; `failed`: a plan for which memory ran out.

    In order: everything resident; the text encoder goes before sampling; the small networks take turns beside the
    transformer; feed-forward in chunks and smaller pieces for the autoencoder; all that with blocks in 8 bits (where
    allowed); one network at a time, which reads the transformer anew for each stage; blocks streamed from the host, or
    from the disk where the host has no room; last of all the frame in tiles, which can be seen. A text encoder that is
    larger than the device comes from disk in all of them; if not even that fits, a job whose prompts are known does
    without it. Raises DoesNotFit.
    """
    try:
        return _first_that_fits(sizes, demand, memory, fp8=fp8, failed=failed)
    except DoesNotFit:
        if not demand.prompts_known:
            raise
    parts = {name: size for name, size in sizes.parts.items() if name not in TEXT_PARTS}
    return _first_that_fits(replace(sizes, parts=parts), demand, memory, fp8=fp8, failed=failed)


def _first_that_fits(
    sizes: ModelSizes, demand: Demand, memory: Memory, *, fp8: bool, failed: MemoryPlan | None
) -> MemoryPlan:
    budget = memory.device_free - RESERVE * (memory.kind != "cpu")
    limit = budget if failed is None else min(budget, int(failed.peak * STEP_DOWN))
    least = 0
    for plan in _candidates(sizes, memory, limit, fp8=fp8):
        peak = plan_peak(sizes, demand, plan)
        if peak <= limit:
            return replace(plan, peak=peak)
        least = peak if not least else min(least, peak)
    raise DoesNotFit(least, max(0, limit))


def _candidates(sizes: ModelSizes, memory: Memory, budget: int, *, fp8: bool) -> Iterator[MemoryPlan]:
    count = len(sizes.blocks)
    too_large = {n: size for n in TEXT_PARTS if (size := int(sizes.parts.get(n, 0) * MARGIN)) > budget}
    streamed = "text_encoder" in too_large and sizes.text_streamed > 0
    if streamed:
        del too_large["text_encoder"]
    on_host = tuple(n for n, size in too_large.items() if memory.kind == "cuda" and size < memory.host_free)
    whole = MemoryPlan(resident=count, blocks=count, text_streamed=streamed, on_host=on_host)
    kept = (
        *([whole] if "text_encoder" in sizes.parts else []),  # what isn't counted isn't kept either
        replace(whole, keep="model"),
        replace(whole, keep="transformer"),
        replace(whole, keep="transformer", chunk=CHUNKED_TOKENS, piece=SMALL_PIECE),
    )
    one = replace(whole, keep="one", chunk=CHUNKED_TOKENS, piece=SMALL_PIECE)
    yield from kept
    fp8 = fp8 and sizes.blocks_fp8 != () and sizes.blocks_fp8 != sizes.blocks
    if fp8:
        yield from (replace(plan, fp8=True) for plan in kept)
    yield one
    if fp8:
        yield replace(one, fp8=True)
    blocks = sum(sizes.blocks_fp8 if fp8 else sizes.blocks)
    # Weights of a CPU job lie in host memory anyway: only the disk can relieve it.
    if memory.kind != "cpu" and memory.host_free > blocks * 1.1:
        ways = [replace(whole, source="host", fp8=fp8)]
    else:  # as they lie on disk if that fits: turning them into 8 bits at each reading takes longer than the reading
        ways = [replace(whole, source="disk"), *([replace(whole, source="disk", fp8=True)] if fp8 else [])]
    for way in ways:
        yield from _streaming(replace(way, chunk=CHUNKED_TOKENS))
    if memory.kind != "cpu":  # there the whole pictures would wait in the same memory
        for tile in TILES:
            yield replace(ways[-1], chunk=CHUNKED_TOKENS, resident=0, piece=SMALLEST_PIECE, keep="one", tile=tile)


def _streaming(plan: MemoryPlan) -> Iterator[MemoryPlan]:
    """The plan with fewer and fewer blocks on the device, then with smaller pieces."""
    for piece in (SMALL_PIECE, SMALLEST_PIECE):
        for resident in _fewer_and_fewer(plan.blocks):
            yield replace(plan, resident=resident, piece=piece, keep="transformer")
        yield replace(plan, resident=0, piece=piece, keep="one")


def _fewer_and_fewer(count: int) -> list[int]:
    """Resident blocks to try: about an eighth fewer at a time, down to none."""
    return sorted({count * eighth // 8 for eighth in range(8)}, reverse=True)
