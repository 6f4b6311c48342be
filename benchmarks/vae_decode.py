"""How long do decoding and encoding a clip take, at once and as an exact stream, and how much memory do they hold?

    python benchmarks/vae_decode.py                                    # Pocket's widths, on the CPU
    python benchmarks/vae_decode.py --full                             # the 2.3 widths in BF16 on one CUDA GPU
    python benchmarks/vae_decode.py --full --sizes 1920x1088x121 --pieces 16 64 --encode
    python benchmarks/vae_decode.py --reference benchmarks/_reference_diffusers_autoencoders.py   # side by side

One JSON line per size and way. Weights are random. On a GPU `peak_bytes` is what torch allocated at most during the
timed calls, weights included (they are `weight_bytes`) and the finished pixels excluded where they leave in pieces; on
the CPU it is the most that the process has held so far. Needs torch and einops only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _report import report  # noqa: E402
from _torch_side import module_of, timed  # noqa: E402

from engine.models.video_streaming import decode_in_pieces, encode_in_pieces, multiply_adds  # noqa: E402
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig  # noqa: E402

METADATA: dict[str, Any] = {  # the `vae` dictionary of the published 2.3 files
    "_class_name": "CausalVideoAutoencoder",
    "latent_channels": 128,
    "patch_size": 4,
    "norm_layer": "pixel_norm",
    "latent_log_var": "uniform",
    "use_quant_conv": False,
    "timestep_conditioning": False,
    "spatial_padding_mode": "zeros",
    "encoder_base_channels": 128,
    "decoder_base_channels": 128,
    "encoder_blocks": [
        ["res_x", {"num_layers": 4}],
        ["compress_space_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_time_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 4}],
        ["compress_all_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
        ["compress_all_res", {"multiplier": 1}],
        ["res_x", {"num_layers": 2}],
    ],
    "decoder_blocks": [
        ["res_x", {"num_layers": 4}],
        ["compress_space", {"multiplier": 2}],
        ["res_x", {"num_layers": 6}],
        ["compress_time", {"multiplier": 2}],
        ["res_x", {"num_layers": 4}],
        ["compress_all", {"multiplier": 1}],
        ["res_x", {"num_layers": 2}],
        ["compress_all", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}],
    ],
}
TINY = {"latent_channels": 32, "encoder_base_channels": 32, "decoder_base_channels": 16}
FULL_SIZES = ["768x512x121", "1280x736x121", "1920x1088x121"]
TINY_SIZES = ["384x256x49"]


def main() -> None:
    options = read_options()
    device = torch.device("cuda" if options.full else "cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = options.cudnn_benchmark
    dtypes = [getattr(torch, name) for name in options.dtypes or (["bfloat16"] if options.full else ["float32"])]
    metadata = METADATA if options.full else METADATA | TINY
    config = VideoVaeConfig.from_metadata(metadata)
    for dtype in dtypes:
        with torch.no_grad(), device:  # weights are made where they are used
            decoder = prepared(VideoDecoder(config), dtype)
            for size in options.sizes or (FULL_SIZES if options.full else TINY_SIZES):
                decode(decoder, size, options, device, dtype)
                if options.reference:
                    compare(options, metadata, size, device, dtype)
            del decoder
            if options.encode:
                encoder = prepared(VideoEncoder(config), dtype)
                for size in options.sizes or (FULL_SIZES if options.full else TINY_SIZES):
                    encode(encoder, size, options, device, dtype)


def decode(decoder: VideoDecoder, size: str, options: argparse.Namespace, device: torch.device, dtype: Any) -> None:
    frames, rows, columns = latent_grid(size, decoder.config)
    latent = torch.randn(1, decoder.config.latent_channels, frames, rows, columns, device=device, dtype=dtype)
    flops = 2 * multiply_adds(decoder.layers(), frames, rows, columns)
    for mebibytes in ways(options):
        if mebibytes is None:
            run(f"video VAE decode {size}, one shot", lambda: decoder(latent), decoder, flops, options, device, dtype)
            continue

        def streamed(budget: int = mebibytes << 20) -> None:
            for piece in decode_in_pieces(decoder, latent, budget):
                to_bytes(piece)

        what = f"video VAE decode {size}, streamed, {mebibytes} MiB pieces"
        run(what, streamed, decoder, flops, options, device, dtype)


def encode(encoder: VideoEncoder, size: str, options: argparse.Namespace, device: torch.device, dtype: Any) -> None:
    width, height, frames = (int(part) for part in size.split("x"))
    pixels = torch.rand(1, 3, frames, height, width, device=device, dtype=dtype) * 2 - 1
    patch = encoder.config.patch_size
    flops = 2 * multiply_adds(encoder.layers(), frames, height // patch, width // patch)
    for mebibytes in ways(options):
        if mebibytes is None:
            run(f"video VAE encode {size}, one shot", lambda: encoder(pixels), encoder, flops, options, device, dtype)
            continue

        def streamed(budget: int = mebibytes << 20) -> None:
            for _ in encode_in_pieces(encoder, pixels, budget):
                pass

        what = f"video VAE encode {size}, streamed, {mebibytes} MiB pieces"
        run(what, streamed, encoder, flops, options, device, dtype)


def compare(
    options: argparse.Namespace, metadata: dict[str, Any], size: str, device: torch.device, dtype: torch.dtype
) -> None:
    """The same clip through the reference: a Python file with build_video_decoder(metadata, device, dtype)."""
    network, call = module_of(options.reference).build_video_decoder(metadata, device, dtype)
    latent = torch.randn(
        1, metadata["latent_channels"], *latent_grid(size, VideoVaeConfig.from_metadata(metadata)),
        device=device, dtype=dtype,
    )  # fmt: skip
    name = Path(options.reference).stem
    run(f"video VAE decode {size}, {name}", lambda: call(latent), network, None, options, device, dtype)


def run(
    what: str,
    call: Callable[[], object],
    network: nn.Module,
    flops: int | None,
    options: argparse.Namespace,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    try:
        first_s, runs, peak_bytes = timed(call, device, options.times)
    except torch.OutOfMemoryError as exc:
        print(f"{what}: out of memory ({exc})".splitlines()[0], file=sys.stderr)
        torch.cuda.empty_cache()
        return
    median = sorted(runs)[len(runs) // 2]
    facts: dict[str, Any] = {"first_call_s": round(first_s, 4), "weight_bytes": bytes_of(network)}
    if flops is not None:
        facts |= {"tflop": round(flops / 1e12, 3), "tflop_per_s": round(flops / median / 1e12, 3)}
    report(
        what,
        runs,
        peak_bytes=peak_bytes,
        settings={
            "widths": "2.3" if options.full else "tiny",
            "dtype": str(dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "cudnn_benchmark": options.cudnn_benchmark,
        },
        **facts,
    )


def prepared(network: Any, dtype: torch.dtype) -> Any:
    """Without gradients, channels last, as the loader should hold them."""
    return network.requires_grad_(requires_grad=False).to(dtype=dtype, memory_format=torch.channels_last_3d)


def to_bytes(pixels: Tensor) -> Tensor:
    """What a player or an encoder takes: uint8, in ordinary memory."""
    return ((pixels.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()


def latent_grid(size: str, config: VideoVaeConfig) -> tuple[int, int, int]:
    width, height, frames = (int(part) for part in size.split("x"))
    config.check_sides(height, width)
    config.check_frames(frames)
    return (frames - 1) // config.time_factor + 1, height // config.space_factor, width // config.space_factor


def ways(options: argparse.Namespace) -> list[int | None]:
    """Byte budgets in MiB; None is one shot. `--pieces` without numbers leaves one shot alone."""
    budgets = options.pieces if options.pieces is not None else [16, 64, 256] if options.full else [4, 16]
    return [*([] if options.no_one_shot else [None]), *budgets]


def bytes_of(network: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the published 2.3 widths on one CUDA GPU")
    parser.add_argument("--sizes", nargs="+", help="clips as WIDTHxHEIGHTxFRAMES")
    parser.add_argument("--pieces", nargs="*", type=int, help="byte budgets of the streamed runs, in MiB")
    parser.add_argument("--no-one-shot", action="store_true")
    parser.add_argument("--encode", action="store_true", help="measure the encoder, too")
    parser.add_argument("--dtypes", nargs="+", help="float32, bfloat16, float16")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of torch; 0: as torch chooses")
    parser.add_argument("--cudnn-benchmark", action="store_true", help="let cuDNN try its kernels for every shape")
    parser.add_argument("--reference", help="a Python file with build_video_decoder(metadata, device, dtype)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
