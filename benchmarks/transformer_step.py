"""How long does one evaluation of the transformer take, how well does it use the device, how much memory does it hold?

    python benchmarks/transformer_step.py                                   # tiny, on the CPU
    python benchmarks/transformer_step.py --full --compile no yes           # the 22B architecture on one CUDA GPU
    python benchmarks/transformer_step.py --full --blocks 48 --stages 2
    python benchmarks/transformer_step.py --reference benchmarks/_reference_diffusers.py   # side by side

One JSON line per combination. Weights are random and made on the device; tables that live longer than a step (rotation,
modulation) are made before the clock starts, as in the sampling loop. The first call (compilation, kernel choice) is
reported apart. Needs torch, numpy and safetensors at most.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _report import report  # noqa: E402
from _torch_side import module_of, timed  # noqa: E402

from engine.models import transformer as transformer_module  # noqa: E402
from engine.models.transformer import Transformer  # noqa: E402
from engine.models.transformer_config import TransformerConfig  # noqa: E402
from engine.models.transformer_streams import StreamInput, Timesteps  # noqa: E402

Step = Callable[[], object]

# Latent frames, rows, columns. 512 x 768 and 1024 x 1536 pixels, 121 frames at 24 a second: 6144 and 24576 tokens.
FULL_STAGES = {1: (16, 16, 24), 2: (16, 32, 48)}
TINY_STAGES = {1: (4, 8, 12), 2: (4, 16, 24)}
FPS = 24
TEXT_TOKENS = 1024

TINY = TransformerConfig(
    num_layers=2,
    num_attention_heads=4,
    attention_head_dim=32,
    audio_num_attention_heads=4,
    audio_attention_head_dim=16,
    in_channels=16,
    out_channels=16,
    audio_in_channels=16,
    audio_out_channels=16,
)

# Dense BF16 without sparsity, from the makers' data sheets.
PEAK_TFLOPS = {"H100 PCIe": 756, "H100": 989, "H200": 989, "A100": 312, "RTX 4090": 165, "RTX 5090": 209}


def audio_steps(latent_frames: int) -> int:
    """25 audio latents a second for as long as the video lasts."""
    return round(25 * (8 * (latent_frames - 1) + 1) / FPS)


def step_flops(config: TransformerConfig, video: int, audio: int, text: int) -> int:
    """Multiply-adds times two of all Linears and attentions of all blocks, for these numbers of tokens."""

    def attention(queries: int, keys: int, dim: int, context_dim: int, inner: int) -> int:
        linears = 2 * queries * dim * inner * 2 + 2 * keys * context_dim * inner * 2
        gates = 2 * queries * dim * config.num_attention_heads if config.apply_gated_attention else 0
        return linears + gates + 4 * queries * keys * inner

    v, a = config.width, config.audio_width
    block = attention(video, video, v, v, v) + attention(video, text, v, v, v) + 2 * video * v * 4 * v * 2
    block += attention(audio, audio, a, a, a) + attention(audio, text, a, a, a) + 2 * audio * a * 4 * a * 2
    block += attention(video, audio, v, a, a) + attention(audio, video, a, v, a)
    return config.num_layers * block


def random_inputs(
    config: TransformerConfig, grid: tuple[int, int, int], device: torch.device, dtype: torch.dtype, kept_frame: bool
) -> tuple[StreamInput, StreamInput]:
    """Both streams at sigma 0.725; `kept_frame`: the first latent frame is an image that is kept (timestep 0)."""
    frames, height, width = (torch.arange(size, dtype=torch.float32, device=device) for size in grid)
    starts = torch.meshgrid((8 * frames - 7).clamp(min=0) / FPS, 32 * height, 32 * width, indexing="ij")
    ends = torch.meshgrid((8 * frames + 1) / FPS, 32 * height + 32, 32 * width + 32, indexing="ij")
    video_positions = torch.stack([torch.stack(starts).flatten(1), torch.stack(ends).flatten(1)], dim=-1)[None]
    sound = torch.arange(audio_steps(grid[0]), dtype=torch.float32, device=device)
    audio_positions = torch.stack([(4 * sound - 3).clamp(min=0) * 0.01, (4 * sound + 1) * 0.01], dim=-1)[None, None]
    sigma = torch.tensor([0.725], device=device)
    tokens = video_positions.shape[2]
    video_times = Timesteps.uniform(sigma, tokens)
    if kept_frame:
        index = (torch.arange(tokens, device=device) >= grid[1] * grid[2]).long()[None]
        video_times = Timesteps(torch.tensor([[0.0, 0.725]], device=device), index)
    random = torch.Generator(device).manual_seed(0)

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=random, device=device, dtype=dtype)

    video = StreamInput(
        draw(1, tokens, config.in_channels), sigma, video_times, video_positions, draw(1, TEXT_TOKENS, config.width)
    )
    audio = StreamInput(
        draw(1, len(sound), config.audio_in_channels),
        sigma,
        Timesteps.uniform(sigma, len(sound)),
        audio_positions,
        draw(1, TEXT_TOKENS, config.audio_width),
    )
    return video, audio


def random_transformer(config: TransformerConfig, device: torch.device, dtype: torch.dtype) -> Transformer:
    """The network with weights drawn on the device: no copy of it ever stands in host memory."""
    with torch.device("meta"):
        transformer = Transformer(config).to(dtype)
    transformer = transformer.to_empty(device=device).requires_grad_(requires_grad=False)
    random = torch.Generator(device).manual_seed(0)
    for parameter in transformer.parameters():
        parameter.normal_(0.0, 0.02, generator=random)
    return transformer


def print_profile(step: Step, device: torch.device) -> None:
    """The kernels that take the time, to stderr."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        step()
    key = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=key, row_limit=25, max_name_column_width=80), file=sys.stderr)


def run(options: argparse.Namespace) -> None:
    device = torch.device(options.device)
    dtype = {"bfloat16": torch.bfloat16, "float32": torch.float32}[options.dtype]
    config = TransformerConfig(num_layers=options.blocks or 12) if options.full else TINY
    if options.blocks:
        config = replace(config, num_layers=options.blocks)
    peak_tflops = options.peak_tflops
    if peak_tflops is None and device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        peak_tflops = next((peak for known, peak in PEAK_TFLOPS.items() if known in name), None)

    grids = FULL_STAGES if options.full else TINY_STAGES
    inputs = {stage: random_inputs(config, grids[stage], device, dtype, options.kept_frame) for stage in options.stages}

    def measure(what: str, stage: int, step: Step, facts: dict[str, Any]) -> None:
        video, audio = inputs[stage]
        tokens, steps = video.latent_BTC.shape[1], audio.latent_BTC.shape[1]
        first_s, runs, peak = timed(step, device, options.times, warm_up=1)
        median = statistics.median(runs)
        flops = step_flops(config, tokens, steps, TEXT_TOKENS)
        utilisation = round(flops / median / (peak_tflops * 1e12), 4) if peak_tflops else None
        settings = {
            "stage": stage,
            "video_tokens": tokens,
            "audio_tokens": steps,
            "text_tokens": TEXT_TOKENS,
            "blocks": config.num_layers,
            "width": config.width,
            "dtype": options.dtype,
            "device": options.device,
            "distinct_video_timesteps": 2 if options.kept_frame else 1,
        }
        report(
            what,
            runs,
            settings=settings | facts,
            peak_bytes=peak,
            first_call_s=round(first_s, 3),
            flops=flops,
            tflops_per_s=round(flops / median / 1e12, 2),
            peak_tflops=peak_tflops,
            model_flop_utilisation=utilisation,
        )
        if options.profile:
            print_profile(step, device)

    with torch.inference_mode():
        measure_ours(options, config, device, dtype, inputs, measure)
        if options.reference is not None:
            if device.type == "cuda":
                torch.cuda.empty_cache()
            reference = module_of(options.reference)
            for stage, (video, audio) in inputs.items():
                step = reference.build(asdict(config), video, audio, device, dtype)
                measure("transformer step, reference", stage, step, {"reference": options.reference.name})
                del step


def measure_ours(
    options: argparse.Namespace,
    config: TransformerConfig,
    device: torch.device,
    dtype: torch.dtype,
    inputs: Mapping[int, tuple[StreamInput, StreamInput]],
    measure: Callable[[str, int, Step, dict[str, Any]], None],
) -> None:
    """Our network in all asked combinations; its weights are gone when this returns."""
    transformer = random_transformer(config, device, dtype)
    transformer.set_feed_forward_chunk(options.feed_forward_chunk)
    for (stage, (video, audio)), compiled, kernels in product(inputs.items(), options.compile, options.attention):
        torch.compiler.reset()
        for block in transformer.transformer_blocks:
            block._compiled_call_impl = None  # torch has no way to undo `compile`
        if compiled == "yes":
            transformer.compile_blocks(dynamic=False, mode=options.compile_mode)
        rotary = transformer.rotary(
            video.positions_BAT2, audio.positions_BAT2, reference_rounding=options.reference_rounding
        )
        modulation = transformer.modulation(video.times, audio.times)
        step = partial(transformer, video, audio, rotary=rotary, modulation=modulation)
        facts = {
            "compiled": compiled == "yes",
            "attention": kernels,
            "reference_rounding": options.reference_rounding,
            "feed_forward_chunk": options.feed_forward_chunk,
        }
        torchs_own = mock.patch.object(transformer_module, "preferred_kernels", nullcontext)
        with torchs_own if kernels == "default" else nullcontext():
            measure("transformer step", stage, step, facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the widths of the 22B model (needs a big CUDA GPU)")
    parser.add_argument("--blocks", type=int, help="number of blocks (default: 2 tiny, 12 full; the model has 48)")
    parser.add_argument("--stages", type=int, nargs="+", choices=[1, 2], default=[1, 2])
    parser.add_argument("--compile", nargs="+", choices=["no", "yes"], default=["no"])
    parser.add_argument("--compile-mode", default=None, help="torch.compile's mode, such as max-autotune-no-cudagraphs")
    parser.add_argument("--attention", nargs="+", choices=["preferred", "default"], default=["preferred"])
    parser.add_argument("--device", help="default: cuda with --full, else cpu")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], help="default: bfloat16 with --full, else float32")
    parser.add_argument("--kept-frame", action="store_true", help="image to video: two distinct timesteps")
    parser.add_argument("--feed-forward-chunk", type=int, help="tokens that pass a feed-forward at once")
    parser.add_argument("--reference-rounding", action="store_true", help="rotate in the weights' dtype")
    parser.add_argument("--peak-tflops", type=float, help="dense peak of the device in the used dtype")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print the kernels that take the time, to stderr")
    parser.add_argument("--reference", type=Path, help="Python file that builds another implementation")
    options = parser.parse_args()
    options.device = options.device or ("cuda" if options.full else "cpu")
    options.dtype = options.dtype or ("bfloat16" if options.full else "float32")
    run(options)


if __name__ == "__main__":
    main()
