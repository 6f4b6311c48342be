"""`python -m engine.training lora`: train a LoRA on one's own clips, for any model in the official layout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import torch

from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import LoadingError
from engine.models.errors import ModelError
from engine.protocol.grid import parse_rate
from engine.training.clips import NoUsableClips, encode_clips, transformer_to_adapt
from engine.training.latents import Bucket
from engine.training.lora import LoraTraining, attention_linears, block_linears, train_lora
from engine.training.run import Budget

TARGETS = {"attention": attention_linears, "all": block_linears}


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(prog="python -m engine.training lora", description=__doc__)
    options.add_argument("--model", type=Path, required=True, help="checkpoint in the official single-file layout")
    options.add_argument("--gemma", type=Path, required=True, help="folder of the model's text encoder")
    options.add_argument("--clips", type=Path, required=True, help="folder of videos, each with its caption in a .txt")
    options.add_argument("--output", type=Path, required=True, help="the .safetensors file to write")
    options.add_argument("--folder", type=Path, help="where the run lives and resumes (default: beside --output)")
    options.add_argument("--rank", type=int, default=32)
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--minutes", type=float, help="end after this time, whatever the steps")
    options.add_argument("--learning-rate", type=float, default=2e-4)
    options.add_argument("--batch", type=int, default=1, help="clips a step")
    options.add_argument("--width", type=int, default=768)
    options.add_argument("--height", type=int, default=512)
    options.add_argument("--frames", type=int, default=49, help="8k + 1")
    options.add_argument("--rate", type=parse_rate, default=Fraction(24), help="frames per second: 24 or 30000/1001")
    options.add_argument("--targets", choices=TARGETS, default="attention", help="which Linears of the blocks")
    options.add_argument("--text-tokens", type=int, default=1024, help="1024 for LTX-2.3, 48 for Pocket")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns an exit status, and tells on stderr what is wrong with what was given."""
    options = parser().parse_args(arguments)
    device = torch.device(options.device)
    bucket = Bucket(options.width, options.height, options.frames, options.rate)
    folder: Path = options.folder or options.output.with_suffix(".run")
    try:
        checkpoint = Checkpoint.open(options.model)
        clips, video_width = encode_clips(
            checkpoint,
            options.gemma,
            options.clips,
            bucket,
            device,
            text_tokens=options.text_tokens,
            seed=options.seed,
        )
        model = transformer_to_adapt(checkpoint, video_width, device)
    except (NoUsableClips, LoadingError, ModelError, ValueError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1
    training = LoraTraining(
        rank=options.rank,
        learning_rate=options.learning_rate,
        tokens_per_batch=options.batch * (clips.video_tokens + clips.audio_tokens + clips.text_tokens),
        seed=options.seed,
        targets=TARGETS[options.targets],
    )
    adapter = train_lora(model, [clips], folder, Budget(options.steps, options.minutes), training)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    adapter.save(options.output, {"base_model": options.model.name})
    print(f"wrote {options.output}", flush=True)
    return 0
