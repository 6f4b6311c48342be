"""Train Pocket from nothing: `python -m engine.training all --folder RUN`, or one stage by its name.

`python -m engine.training lora ...` trains a LoRA on one's own clips, for any model (lora_command.py).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from engine.protocol.command_end import ends_with_its_reader
from engine.training import lora_command
from engine.training.presets import PRESETS
from engine.training.run import Budget
from engine.training.stages import STAGES, Setup

DEFAULT_GEMMA = Path(__file__).parents[2] / "resources" / "pocket" / "gemma"


@ends_with_its_reader
def main(arguments: list[str] | None = None) -> int:
    """Run one stage or all; returns an exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["lora"]:
        return lora_command.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"], help="what to train; 'all' goes through them in this order")
    parser.add_argument("--folder", type=Path, required=True, help="where the run lives; a stopped stage goes on there")
    parser.add_argument("--steps", type=int, help="instead of the stage's usual number of steps")
    parser.add_argument("--minutes", type=float, help="end after this time, whatever the steps; 'all' shares it out")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--preset", choices=PRESETS, help="sizes and steps (default: gpu on a GPU, else cpu)")
    parser.add_argument("--compile", action="store_true", help="torch.compile the transformer's blocks")
    parser.add_argument("--gemma", type=Path, default=DEFAULT_GEMMA, help="folder of the text encoder")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    options = parser.parse_args(arguments)
    if options.stage == "all" and options.steps:
        parser.error("--steps belongs to one stage; name it")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    device = torch.device(options.device)
    preset = PRESETS[options.preset or ("cpu" if device.type == "cpu" else "gpu")]
    setup = Setup(options.folder, device, options.gemma, preset, compile_blocks=options.compile)
    for name, stage in STAGES.items():
        if options.stage in (name, "all"):
            minutes = options.minutes
            if minutes is not None and options.stage == "all":
                minutes *= preset.share(name)
            stage(setup, Budget(options.steps or preset.steps[name], minutes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
