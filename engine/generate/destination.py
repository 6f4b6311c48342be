"""Where results go and what they are called: made in a hidden folder beside their place, named when complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from engine.backends.base import DiskFull, NotWritable
from engine.generate.arguments import Options, UsageError
from engine.media.errors import is_disk_full, shown
from engine.media.recipe import recipe_path
from engine.protocol.messages import ResultFile
from engine.protocol.work import AnyWork, Retake, mode_of

Codec = Literal["h264", "prores", "ffv1"]
STAGED = "result"  # the stem that files have while they are made
DRAFT = ".draft.safetensors"

_PICTURES: dict[str, Codec] = {".mp4": "h264", ".mov": "prores", ".mkv": "ffv1"}
_SOUNDS: dict[str, Codec] = {".wav": "h264", ".flac": "ffv1"}
_ENDINGS = ", ".join([*_PICTURES, *_SOUNDS])
_NAME_BYTES = 255  # the longest file name on ext4, APFS, NTFS


def codec_said(options: Options) -> Codec | None:
    """The codec that --codec or the ending of --output means; None where neither was said. Raises UsageError."""
    ending = "" if options.output is None or _is_folder(options.output) else Path(options.output).suffix
    if not ending:
        return options.codec
    by_ending = (_PICTURES | _SOUNDS).get(ending.lower())
    if by_ending is None:
        raise UsageError(f"--output {options.output}: there are {_ENDINGS}; a folder's name ends with /")
    if options.codec is not None and options.codec != by_ending and ending.lower() in _PICTURES:
        right = next(suffix for suffix, codec in _PICTURES.items() if codec == options.codec)
        raise UsageError(f"--output {options.output} and --codec {options.codec} contradict: its ending is {right}")
    return by_ending


@dataclass
class Destination:
    """A folder, a stem and an ending. With `named` they are the person's own, else they are chosen."""

    folder: Path
    stem: str
    ending: str
    named: bool
    overwrite: bool
    _made: list[Path] = field(default_factory=list[Path])

    @classmethod
    def of(cls, options: Options, work: AnyWork, job: str, *, whole: bool) -> Destination:
        """Raises UsageError when the name doesn't go with what is made, or is taken."""
        sound_only = isinstance(work, Retake) and work.what == "sound" and not whole
        endings = _SOUNDS if sound_only else _PICTURES
        right = next(suffix for suffix, codec in endings.items() if (codec == "ffv1") == (work.output.codec == "ffv1")
                     and (sound_only or codec == work.output.codec))  # fmt: skip
        output = options.output
        if output is None or _is_folder(output):
            folder = Path.cwd() if output is None else Path(output).absolute()
            return cls(folder, f"{mode_of(work)}-{job[:8]}", right, named=False, overwrite=False)
        path = Path(output).absolute()
        if path.suffix.lower() not in endings:
            what = "sound alone" if sound_only else "a picture"
            raise UsageError(f"--output {output}: the result is {what}, its ending is {' or '.join(endings)}")
        found = cls(path.parent, path.stem, path.suffix, named=True, overwrite=options.overwrite)
        found.check_free(work)
        return found

    def check_free(self, work: AnyWork) -> None:
        """Refuse before the work what would be refused after it. Raises UsageError."""
        numbers = [""] if work.variations == 1 else [f"-{number + 1}" for number in range(work.variations)]
        names = [f"{self.stem}{number}{self.ending}" for number in numbers]
        if work.stage == "draft":
            names += [f"{self.stem}{number}{DRAFT}" for number in numbers]
        for name in names:
            if len(os.fsencode(name)) > _NAME_BYTES:
                raise UsageError(f"--output: the name is longer than {_NAME_BYTES} bytes: {name}")
            if os.path.isdir(self.folder / name):  # noqa: PTH112  (never raises)
                raise UsageError(f"--output: {self.folder / name} is a folder")
            if not self.overwrite and os.path.lexists(self.folder / name):
                raise UsageError(f"{self.folder / name} is there already: choose another --output, or add --overwrite")

    @contextlib.contextmanager
    def staging(self) -> Generator[Path]:
        """A hidden folder beside the place of the results; it is gone afterwards, with all that wasn't published.

        Folders that were made for the results go too, if nothing came. Raises NotWritable, DiskFull.
        """
        missing = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        staged: Path | None = None
        try:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                staged = Path(tempfile.mkdtemp(prefix=".ltx-generate-", dir=self.folder))
            except OSError as exc:
                raise _translated(exc, self.folder) from exc
            yield staged
        finally:
            if staged is not None:
                shutil.rmtree(staged, ignore_errors=True)
            for folder in missing:
                with contextlib.suppress(OSError):  # it has results in it
                    folder.rmdir()

    def publish(self, files: Sequence[ResultFile]) -> tuple[ResultFile, ...]:
        """Give the staged files their names: all of them, or none. Raises NotWritable, DiskFull."""
        targets = self._targets(files, self.stem)
        number = 2
        while not self.overwrite and any(os.path.lexists(target) for target in targets.values()):
            targets = self._targets(files, f"{self.stem}-{number}")
            number += 1
        moved: list[Path] = []
        try:
            for source, target in targets.items():
                source.replace(target)
                moved.append(target)
        except OSError as exc:
            for target in moved:
                with contextlib.suppress(OSError):
                    target.unlink()
            raise _translated(exc, self.folder) from exc
        return tuple(msgspec.structs.replace(file, path=str(targets[Path(file.path)])) for file in files)

    def _targets(self, files: Sequence[ResultFile], stem: str) -> dict[Path, Path]:
        """Staged file -> its place. Files that go along (recipes) follow the medium that they belong to."""
        targets: dict[Path, Path] = {}
        for path in (Path(file.path) for file in files if file.role != "recipe"):
            number, ending = _split(path.name)
            targets[path] = self.folder / f"{stem}{number}{ending if ending == DRAFT else self.ending}"
        beside = {recipe_path(medium): recipe_path(target) for medium, target in targets.items()}
        return targets | {path: beside[path] for file in files if (path := Path(file.path)) in beside}


def _split(name: str) -> tuple[str, str]:
    """The staged name "result-2.mp4" to "-2" and ".mp4"."""
    rest = name.removeprefix(STAGED)
    number, dot, ending = rest.partition(".")
    return number, dot + ending


def _is_folder(output: str) -> bool:
    with contextlib.suppress(OSError):  # a name too long is told later
        if Path(output).is_dir():
            return True
    return output.endswith(("/", os.sep)) or not Path(output).suffix


def _translated(exc: OSError, folder: Path) -> NotWritable | DiskFull:
    if is_disk_full(exc):
        return DiskFull(f"The disk is full: nothing could be written to {folder}.")
    why = os.strerror(exc.errno) if exc.errno else str(exc)
    return NotWritable(f"Results can't be written to {shown(folder)}: {why}. Choose another --output.")
