"""Train Pocket from nothing: `python -m engine.training all --folder RUN`, or one stage by its name."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from engine.training.run import Budget
from engine.training.stages import STAGES

DEFAULT_GEMMA = Path(__file__).parents[2] / "resources" / "pocket" / "gemma"


def main(arguments: list[str] | None = None) -> int:
    """Run one stage or all; returns an exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"], help="what to train; 'all' goes through them in this order")
    parser.add_argument("--folder", type=Path, required=True, help="where the run lives; a stopped stage goes on there")
    parser.add_argument("--steps", type=int, help="instead of the stage's usual number of steps")
    parser.add_argument("--minutes", type=float, help="end the stage after this time, whatever the steps")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--gemma", type=Path, default=DEFAULT_GEMMA, help="folder of the text encoder")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    options = parser.parse_args(arguments)
    if options.stage == "all" and (options.steps or options.minutes):
        parser.error("--steps and --minutes belong to one stage; name it")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    for name, stage in STAGES.items():
        if options.stage in (name, "all"):
            budget = Budget(options.steps or stage.steps, options.minutes)
            stage.run(options.folder, budget, torch.device(options.device), options.gemma)
    return 0


if __name__ == "__main__":
    sys.exit(main())
