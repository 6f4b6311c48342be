"""The command `ltxdesktop`: the window, or with a word behind it one job without a window."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """The command line, whole."""
    parser = argparse.ArgumentParser(prog="ltxdesktop", description="A video editor that makes any stretch again.")
    parser.add_argument("--backend", action="append", default=[], help="pass on to the engine: what may make frames")
    parser.add_argument("--store", default="", help="folder of jobs and results (default: the person's data folder)")
    parser.add_argument(
        "--engine", default="", help="command that starts the engine, e.g. 'ssh host ltx-engine --stdio'"
    )
    parser.add_argument("--verbose", action="store_true", help="log what happens, to standard error")
    commands = parser.add_subparsers(dest="command")
    make = commands.add_parser("make", help="make one film without a window, and print its path")
    make.add_argument("--prompt", default="", help="what should be seen and heard")
    make.add_argument("--source", default="", help="a clip to work on: a range of it is made again")
    make.add_argument("--range", default="", metavar="IN:OUT", help="frames of the clip, OUT is exclusive")
    make.add_argument("--frames", type=int, default=0, help="length of a new clip")
    make.add_argument("--size", default="", metavar="WxH", help="size of a new clip")
    make.add_argument("--model", default="", help="model, by its id (default: the first that works here)")
    make.add_argument("--seed", type=int, default=1)
    make.add_argument("--output", default="", help="folder for the film (default: the engine's results folder)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the window or the command; returns the exit status."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    if options.command == "make":
        from ltxdesktop import headless

        return headless.run(options)
    from ltxdesktop import app

    return app.run(options)


if __name__ == "__main__":
    sys.exit(main())
