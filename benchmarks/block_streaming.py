"""What does it cost to stream transformer blocks, and how much of the copying is hidden behind the computation?

    python benchmarks/block_streaming.py                                   # tiny, on the CPU: is it correct and cheap?
    python benchmarks/block_streaming.py --full --resident 12 6 0          # full-width blocks on one CUDA GPU
    python benchmarks/block_streaming.py --full --blocks 48 --resident 24 0 --weights fp8 --stages 1 2
    python benchmarks/block_streaming.py --full --source disk --folder /fast/disk

One JSON line per number of resident blocks. "hidden" is 1 - (streamed - resident time) / time of the copies alone.
Weights are random; every streamed result is compared with the resident one, bit for bit. Needs torch, numpy, einops.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _report import report
from transformer_step import FULL_STAGES, TINY, TINY_STAGES, random_inputs, random_transformer, timed

from engine.loading.fp8 import has_scaled_matmul, is_quantised_layer, quantise_scaled
from engine.loading.linear import Linear, linears, replace_linears
from engine.loading.networks import assign
from engine.loading.safetensors_file import SafetensorsFile, read_into, write_safetensors
from engine.loading.streaming import BlockLayout, BlockStreamer, PinnedBytes, packed, streamed_indices
from engine.models.transformer import Transformer, resident_blocks
from engine.models.transformer_config import TransformerConfig


def quantise_blocks(transformer: Transformer, scaled_matmul: bool) -> None:
    for name, layer in linears(transformer).items():
        if is_quantised_layer(name):
            weight, scale = quantise_scaled(layer.weight)
            layer.weight, layer.weight_scale = nn.Parameter(weight, requires_grad=False), scale
            layer.scaled_matmul = scaled_matmul


def block_tensors(block: nn.Module) -> dict[str, Tensor]:
    """Parameters and scales, everything that a streamed block takes along."""
    scales = {
        f"{name}.weight_scale": layer.weight_scale
        for name, layer in block.named_modules()
        if isinstance(layer, Linear) and layer.weight_scale is not None
    }
    return dict(block.named_parameters()) | scales


class Weights:
    """All blocks' bytes on the host (and, for streaming from disk, in one file each), and back into the network."""

    def __init__(self, transformer: Transformer, folder: Path | None) -> None:
        self.blocks = list(transformer.transformer_blocks)
        tensors = [block_tensors(block) for block in self.blocks]
        self.layouts = {
            index: BlockLayout.of((name, tensor.dtype, tuple(tensor.shape)) for name, tensor in named.items())
            for index, named in enumerate(tensors)
        }

        def fill(index: int, buffer: Tensor) -> None:
            for name, view in self.layouts[index].views(buffer).items():
                view.copy_(tensors[index][name])
            if folder is not None:
                write_safetensors(folder / f"{index}.safetensors", tensors[index])
            tensors[index] = {}
            self._assign(index, self.layouts[index].views(buffer), torch.device("meta"))

        self.host: Mapping[int, PinnedBytes] = packed(self.layouts, fill)
        self.files = (
            {index: SafetensorsFile.open(folder / f"{index}.safetensors") for index in self.layouts} if folder else {}
        )

    def stream(self, transformer: Transformer, resident: int, device: torch.device, from_disk: bool) -> BlockStreamer:
        chosen = streamed_indices(len(self.blocks), resident)
        for index, layout in self.layouts.items():
            place = torch.device("meta") if index in chosen else device
            self._assign(index, layout.views(self.host[index].bytes), place)
        layouts = {index: self.layouts[index] for index in chosen}
        host = {index: self.host[index] for index in chosen}
        streamer = (
            BlockStreamer(self.blocks, layouts, device, fill=self._read)
            if from_disk
            else BlockStreamer(self.blocks, layouts, device, host=host)
        )
        transformer.block_source = streamer
        return streamer

    def _read(self, index: int, buffer: Tensor) -> None:
        views = self.layouts[index].views(buffer)
        read_into([(info, views[name]) for name, info in self.files[index].tensors.items()])

    def _assign(self, index: int, views: Mapping[str, Tensor], device: torch.device) -> None:
        for name, view in views.items():
            copied = view.to(device) if device.type != "cpu" else view.clone()
            assign(self.blocks[index], name, copied)


def copy_seconds(streamer: BlockStreamer, host: Mapping[int, PinnedBytes], device: torch.device) -> float:
    """All streamed blocks once to the device, nothing else going on."""
    largest = max((layout.size_bytes for layout in streamer.layouts.values()), default=0)
    target = torch.empty(largest, dtype=torch.uint8, device=device)
    seconds = math.inf
    for _ in range(3):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        for index, layout in streamer.layouts.items():
            target[: layout.size_bytes].copy_(host[index].bytes, non_blocking=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = min(seconds, time.perf_counter() - start)
    return seconds


def run(options: argparse.Namespace, folder: Path | None) -> None:
    device = torch.device(options.device)
    dtype = torch.bfloat16 if options.full else torch.float32
    config = TransformerConfig(num_layers=options.blocks or 12) if options.full else replace(TINY, num_layers=8)
    if options.blocks:
        config = replace(config, num_layers=options.blocks)
    grids = FULL_STAGES if options.full else TINY_STAGES

    transformer = random_transformer(config, device, dtype)
    replace_linears(transformer)
    scaled_matmul = options.weights == "fp8" and not options.dequantise and has_scaled_matmul(device)
    if options.weights == "fp8":
        quantise_blocks(transformer, scaled_matmul)
    weights = Weights(transformer, folder)
    counts = sorted({count for count in options.resident if count < config.num_layers}, reverse=True)
    with torch.inference_mode():
        for stage in options.stages:
            video, audio = random_inputs(config, grids[stage], device, dtype, kept_frame=False)
            rotary = transformer.rotary(video.positions_BAT2, audio.positions_BAT2)
            modulation = transformer.modulation(video.times, audio.times)
            step = partial(transformer, video, audio, rotary=rotary, modulation=modulation)
            weights.stream(transformer, config.num_layers, device, from_disk=False)
            transformer.block_source = resident_blocks
            expected = step()
            _, resident_runs, resident_peak = timed(step, device, options.times)
            for count in counts:
                streamer = weights.stream(transformer, count, device, from_disk=folder is not None)
                copying_s = copy_seconds(streamer, weights.host, device)
                if device.type == "cuda":
                    torch.cuda.empty_cache()
                _, runs, peak = timed(step, device, options.times)
                result = step()
                equal = all(torch.equal(a, b) for a, b in zip(expected, result, strict=True))
                streamed_bytes = sum(layout.size_bytes for layout in streamer.layouts.values())
                extra_s = statistics.median(runs) - statistics.median(resident_runs)
                report(
                    "transformer step with streamed blocks",
                    runs,
                    peak_bytes=peak,
                    settings={
                        "device": options.device,
                        "dtype": str(dtype).removeprefix("torch."),
                        "weights": options.weights,
                        "scaled_matmul": scaled_matmul,
                        "blocks": config.num_layers,
                        "width": config.width,
                        "resident": count,
                        "source": options.source,
                        "stage": stage,
                        "video_tokens": video.latent_BTC.shape[1],
                    },
                    resident_s=round(statistics.median(resident_runs), 5),
                    resident_peak_bytes=resident_peak,
                    streamed_bytes=streamed_bytes,
                    copies_alone_s=round(copying_s, 5),
                    copies_gigabytes_per_s=round(streamed_bytes / copying_s / 1e9, 2),
                    hidden=round(1 - extra_s / copying_s, 3) if device.type == "cuda" else None,
                    equal_bit_for_bit=equal,
                )
                transformer.block_source = resident_blocks
                streamer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="blocks of the 22B model's width (needs a CUDA GPU)")
    parser.add_argument("--blocks", type=int, help="number of blocks (default: 8 tiny, 12 full; the model has 48)")
    parser.add_argument("--resident", type=int, nargs="+", help="numbers of resident blocks (default: half, none)")
    parser.add_argument("--stages", type=int, nargs="+", choices=[1, 2], default=[1])
    parser.add_argument("--weights", choices=["plain", "fp8"], default="plain")
    parser.add_argument("--dequantise", action="store_true", help="do not use the device's FP8 multiplication")
    parser.add_argument("--source", choices=["host", "disk"], default="host")
    parser.add_argument("--folder", type=Path, help="where --source disk writes (default: the temporary folder)")
    parser.add_argument("--device", help="default: cuda with --full, else cpu")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    options.device = options.device or ("cuda" if options.full else "cpu")
    blocks = options.blocks or (12 if options.full else 8)
    options.resident = options.resident if options.resident is not None else [blocks // 2, 0]
    folder = Path(tempfile.mkdtemp(prefix="block-streaming-", dir=options.folder)) if options.source == "disk" else None
    try:
        run(options, folder)
    finally:
        if folder is not None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
