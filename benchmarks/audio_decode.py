"""How long does it take from audio latents to sound at 48 kHz, how much faster than real time is that, at what memory?

    python benchmarks/audio_decode.py                                  # Pocket's widths, on the CPU
    python benchmarks/audio_decode.py --full --seconds 5 20            # the 2.3 widths on one CUDA GPU
    python benchmarks/audio_decode.py --reference benchmarks/_reference_diffusers_autoencoders.py   # side by side

One JSON line per step (latents to mel, mel to sound) and length. Weights are random. The vocoder always runs in
float32; TF32 stays off unless asked for. On a GPU `peak_bytes` is what torch allocated at most, weights included;
on the CPU the most that the process has held so far. Needs torch and einops only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _report import report  # noqa: E402
from _torch_side import module_of, timed  # noqa: E402

from engine.models.audio_vae import AudioDecoder, AudioVaeConfig, MelConfig, decode_in_windows  # noqa: E402
from engine.models.vocoder import Vocoder, VocoderConfig, synthesise  # noqa: E402

_GENERATOR: dict[str, Any] = {
    "resblock": "AMP1",
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "activation": "snakebeta",
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
}


def vocoder_metadata(initial: int, bandwidth_initial: int) -> dict[str, Any]:
    """The `vocoder` dictionary of the published 2.3 files is vocoder_metadata(1536, 512)."""
    return {
        "vocoder": _GENERATOR
        | {
            "upsample_initial_channel": initial,
            "upsample_rates": [5, 2, 2, 2, 2, 2],
            "upsample_kernel_sizes": [11, 4, 4, 4, 4, 4],
        },
        "bwe": _GENERATOR
        | {
            "upsample_initial_channel": bandwidth_initial,
            "upsample_rates": [6, 5, 2, 2, 2],
            "upsample_kernel_sizes": [12, 11, 4, 4, 4],
            "apply_final_activation": False,
            "input_sampling_rate": 16000,
            "output_sampling_rate": 48000,
            "hop_length": 80,
            "n_fft": 512,
            "win_size": 512,
            "num_mels": 64,
        },
    }


def audio_vae_config(channels: int, latent_channels: int) -> AudioVaeConfig:
    return AudioVaeConfig(
        channels=channels,
        width_multipliers=(1, 2, 4),
        blocks_per_level=2,
        latent_channels=latent_channels,
        in_channels=2,
        out_channels=2,
        mel=MelConfig(),
    )


def main() -> None:
    options = read_options()
    device = torch.device("cuda" if options.full else "cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    dtype = torch.bfloat16 if options.full else torch.float32
    vae = audio_vae_config(128, 8) if options.full else audio_vae_config(32, 8)
    metadata = vocoder_metadata(1536, 512) if options.full else vocoder_metadata(*options.widths)
    with torch.no_grad(), device:
        decoder = AudioDecoder(vae).to(dtype).requires_grad_(requires_grad=False)
        vocoder = Vocoder(VocoderConfig.from_metadata(metadata)).requires_grad_(requires_grad=False)
        reference = build_reference(options, metadata, device) if options.reference else None
        for seconds in options.seconds or ([5.0, 20.0] if options.full else [2.0]):
            steps = round(25 * seconds)
            latent = torch.randn(1, vae.latent_channels, steps, vae.latent_bands, device=device, dtype=dtype)
            mel = torch.randn(1, 2, 4 * steps - 3, vae.mel.bands, device=device)
            calls: dict[str, Callable[[], object]] = {
                "audio latents to mel": partial(in_windows, decoder, latent),
                "mel to 48 kHz, one shot": partial(vocoder, mel),
                f"mel to 48 kHz, chunks of {options.chunk} frames": partial(in_chunks, vocoder, mel, options.chunk),
            }
            if reference is not None:
                calls[f"mel to 48 kHz, {Path(options.reference).stem}"] = partial(reference, mel)
            for what, call in calls.items():
                run(f"{what}, {seconds} s", call, seconds, options)


def in_windows(decoder: AudioDecoder, latent: Tensor) -> list[Tensor]:
    return list(decode_in_windows(decoder, latent))


def in_chunks(vocoder: Vocoder, mel: Tensor, chunk: int) -> list[Tensor]:
    return list(synthesise(vocoder, mel, chunk))


def build_reference(
    options: argparse.Namespace, metadata: dict[str, Any], device: torch.device
) -> Callable[[Tensor], object]:
    return module_of(options.reference).build_vocoder(metadata, device)


def run(what: str, call: Callable[[], object], seconds: float, options: argparse.Namespace) -> None:
    first_s, runs, peak_bytes = timed(call, torch.device("cuda" if options.full else "cpu"), options.times)
    report(
        what,
        runs,
        peak_bytes=peak_bytes,
        settings={
            "widths": "2.3" if options.full else f"vocoder {options.widths}",
            "threads": torch.get_num_threads(),
            "tf32": options.tf32,
        },
        first_call_s=round(first_s, 4),
        times_real_time=round(seconds / sorted(runs)[len(runs) // 2], 2),
    )


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the published 2.3 widths on one CUDA GPU")
    parser.add_argument("--seconds", nargs="+", type=float)
    parser.add_argument("--widths", nargs=2, type=int, default=[192, 64], help="initial channels of the two stages")
    parser.add_argument("--chunk", type=int, default=200, help="mel frames per chunk of the chunked run")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of torch; 0: as torch chooses")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--reference", help="a Python file with build_vocoder(metadata, device)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
