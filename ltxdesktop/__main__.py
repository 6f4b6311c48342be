"""The command `ltxdesktop`: the window, or with a word behind it one job without a window."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from engine.protocol.command_end import ends_with_its_reader


def build_parser() -> argparse.ArgumentParser:
    """The command line, whole."""
    parser = argparse.ArgumentParser(prog="ltxdesktop", description="A video editor that makes any stretch again.")
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is, and end")
    parser.add_argument("--backend", action="append", default=[], help="pass on to the engine: what may make frames")
    parser.add_argument("--store", default="", help="folder of jobs and results (default: the person's data folder)")
    parser.add_argument(
        "--engine", default="", help="command that starts the engine, e.g. 'ssh host ltx-engine --stdio'"
    )
    parser.add_argument("--verbose", action="store_true", help="log what happens, to standard error")
    commands = parser.add_subparsers(dest="command")
    opened = commands.add_parser("open", help="open a project; the word may be left out: ltxdesktop film.otio")
    opened.add_argument("project", help="project file (.otio)")
    make = commands.add_parser("make", help="make one film without a window, and print its path")
    make.add_argument("--prompt", default="", help="what should be seen and heard")
    make.add_argument("--source", default="", help="a clip to work on: a range of it is made again")
    make.add_argument("--range", default="", metavar="IN:OUT", help="frames of the clip, OUT is exclusive")
    make.add_argument("--frames", type=int, default=0, help="length of a new clip")
    make.add_argument("--size", default="", metavar="WxH", help="size of a new clip")
    make.add_argument("--model", default="", help="model, by its id (default: the first that works here)")
    make.add_argument("--send", action="store_true", help="agree that the job is sent to the service of its model")
    make.add_argument("--seed", type=int, default=1)
    make.add_argument("--output", default="", help="folder for the film (default: the engine's results folder)")
    _add_engine(commands.add_parser("engine", help="install and look after the engine of a bundle"))
    told = commands.add_parser("diagnostics", help="show or save what helps to find a fault; it is sent nowhere")
    told.add_argument("--show", action="store_true", help="print all that the file would hold")
    told.add_argument("-o", "--output", default="", metavar="FILE", help="save it as a zip")
    told.add_argument("--with-prompts", action="store_true", help="leave the words of jobs in")
    told.add_argument("--with-names", action="store_true", help="leave names of files in")
    _add_export(commands.add_parser("export", help="write a project's film to a file without a window"))
    return parser


class _Version(argparse.Action):
    """Says the version; it's looked up only when it's asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        print(f"ltxdesktop {metadata.version('ltxdesktop')}")
        parser.exit()


def _add_engine(engine: argparse.ArgumentParser) -> None:
    """The words of `ltxdesktop engine`; `ltxdesktop.pack.command` does them."""
    words = engine.add_subparsers(dest="engine_command", required=True)
    status = words.add_parser("status", help="which engine is installed, and which would be the best here")
    status.add_argument("--json", action="store_true", help="for scripts")
    making = words.add_parser("install", help="install the engine for this machine")
    devices = ("auto", "cpu", "cuda", "rocm", "mps")
    making.add_argument("--device", choices=devices, default="auto", help="default: what is found here")
    taking = words.add_parser("download", help="fill a folder for machines of this kind without a network")
    taking.add_argument("folder", help="where the files go; `install --wheels` takes it")
    taking.add_argument("--device", choices=devices, default="auto", help="default: what is found here")
    mending = words.add_parser("repair", help="look at every file, and install anew what is damaged")
    for each in (making, taking, mending):
        each.add_argument("--wheels", default="", help="a folder with all packages (and a Python): no network is used")
        each.add_argument("--python", default="", help="an installed Python 3.11 or newer, instead of our own")
        each.add_argument("--index", default="", help="package index instead of the one that pip uses here")
        each.add_argument("--torch-index", default="", help="index of torch's builds instead of its makers'")
        each.add_argument("--lines", action="store_true", help="progress as JSON lines, for programs")
    words.add_parser("verify", help="look at every file of the installed engine, and say what is damaged")
    removing = words.add_parser("remove", help="remove what is installed")
    removing.add_argument("--old", action="store_true", help="only what isn't used any more")
    running = words.add_parser("run", help="the engine's own command (ltx-engine): doctor, models, key, …")
    running.add_argument("words", nargs=argparse.REMAINDER, help="for ltx-engine")


def _add_export(export: argparse.ArgumentParser) -> None:
    """The options of `ltxdesktop export`; `ltxdesktop.export.command` does it."""
    export.add_argument("project", nargs="?", default="", help="project file (.otio)")
    export.add_argument("-o", "--output", default="", help="the file to write; for pictures, the folder")
    export.add_argument("--preset", default="h264", help="how (default: h264); see --list-presets")
    export.add_argument("--list-presets", action="store_true", help="show the presets and what works here, and end")
    export.add_argument("--overwrite", action="store_true", help="replace the file if it's there already")
    export.add_argument("--sequence", default="", help="name of the sequence (default: the one that is open)")
    export.add_argument("--range", default="", metavar="IN-OUT", help="frames or timecodes, OUT is exclusive")
    export.add_argument("--size", default="", metavar="WxH", help="default: the film's own; 1280x keeps its shape")
    export.add_argument("--rate", default="", help="pictures a second: 25, 29.97, 30000/1001 (default: the film's)")
    export.add_argument("--quality", type=int, default=None, metavar="0..100", help="default: 70")
    export.add_argument("--bitrate", type=int, default=0, metavar="KBIT/S", help="mean bitrate instead of a quality")
    export.add_argument("--hardware", action="store_true", help="encode with the graphics card, if that works here")
    export.add_argument("--no-smart", action="store_true", help="encode every picture, copy none")
    export.add_argument("--no-sound", action="store_true")
    export.add_argument("--mono", action="store_true", help="one channel instead of two")
    export.add_argument(
        "--loudness", type=float, default=None, metavar="LUFS", help="such as -14, -16 or -23; 0: as mixed"
    )
    export.add_argument("--subtitles", choices=("burnt", "file", "none"), default="burnt", help="default: burnt in")
    export.add_argument(
        "--add-subtitles",
        default="",
        metavar="FILE",
        help="an .srt or .vtt file that the film gets first",
    )
    export.add_argument("--alpha", action="store_true", help="keep what is see-through (ProRes 4444, PNG)")
    export.add_argument("--deep", action="store_true", help="10 bits a colour (HEVC, AV1, FFV1)")
    export.add_argument("--framing", choices=("fit", "fill"), default="", help="bars, or cut, where shapes differ")
    export.add_argument(
        "--focus",
        type=float,
        default=0.5,
        metavar="0..1",
        help="where a filled frame is cut: 0 left or top, 1 right or bottom (default: 0.5, the middle); "
        "clips with a place of their own keep it",
    )
    export.add_argument(
        "--no-disclosure", action="store_true", help="don't say in the file that parts of it were generated"
    )
    export.add_argument("--no-chapters", action="store_true", help="make no chapters of the markers")
    export.add_argument("--poster", default="", metavar="FRAME", help="frame or timecode of the cover picture")


def with_open(arguments: Sequence[str]) -> list[str]:
    """The words with `open` before a lone file, as file managers start programs."""
    words = list(arguments)
    return ["open", *words] if len(words) == 1 and words[0].lower().endswith(".otio") else words


@ends_with_its_reader
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the window or the command; returns the exit status."""
    options = build_parser().parse_args(with_open(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    if options.command == "make":
        from ltxdesktop import headless

        return headless.run(options)
    if options.command == "engine":
        from ltxdesktop.pack import command as pack_command

        if options.engine_command in ("install", "download", "repair", "run"):  # they go out
            from ltxdesktop.settings.window import settings_of_the_window, tell_commands

            tell_commands(settings_of_the_window())
        return pack_command.run(options)
    if options.command == "diagnostics":
        from ltxdesktop.diagnostics import command as diagnostics

        return diagnostics.run(options)
    if options.command == "export":
        from ltxdesktop.export import command

        return command.run(options)
    from ltxdesktop import app

    return app.run(options)


if __name__ == "__main__":
    sys.exit(main())
