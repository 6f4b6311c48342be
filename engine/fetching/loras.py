"""The LoRAs in a models folder: what their files say of themselves, what lies beside them, and what the person set.

Only the header of a safetensors file is read: no tensor, no pickle, no torch. Facts about the keys: trainers write
`ss_…` (kohya), `modelspec.…` (Stability's model specification) or plain names; pages for sharing put a picture and a
`.civitai.info` or `.json` beside the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import msgspec

from engine.fetching.control import Control, Meter, Progress
from engine.fetching.errors import CannotLink, InTheWay, NotALora
from engine.protocol.messages import Model
from engine.protocol.packages import LoraInfo

FOLDER: Final = "loras"
CHOICES: Final = ".ltx-loras.json"  # what the person set, in the folder of LoRAs
PICTURES: Final = (".preview.png", ".png", ".jpg", ".jpeg", ".webp", ".preview.jpg", ".preview.jpeg", ".preview.webp")
_MOST_HEADER_BYTES: Final = 100_000_000  # the format's own limit
_MOST_NEIGHBOUR_BYTES: Final = 4_000_000
_LONGEST_WORDS: Final = 600
_DOWN: Final = (
    ".lora_A.weight",
    ".lora_A.default.weight",
    ".lora_down.weight",
    ".lora.down.weight",
    ".lora_A",
    ".down",
)
_BASES: Final = ("modelspec.architecture", "ss_base_model_version", "base_model", "ss_sd_model_name", "baseModel")
_TITLES: Final = ("modelspec.title", "ss_output_name", "name", "title")
_TRIGGERS: Final = (
    "modelspec.trigger_phrase",
    "trigger_words",
    "trigger_word",
    "trained_words",
    "trainedWords",
    "activation text",
)
_ABOUT: Final = ("modelspec.description", "description", "notes")
_STRENGTHS: Final = ("preferred weight", "recommended_strength", "strength")


class Choice(msgspec.Struct, frozen=True):
    """What the person set for one LoRA."""

    strength: float | None = None


class Header(NamedTuple):
    """What the beginning of a safetensors file says."""

    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def read_header(path: Path) -> Header:
    """Read names, shapes and metadata. Raises NotALora when it's no safetensors file, OSError."""
    with path.open("rb") as source:
        size = int.from_bytes(source.read(8), "little")
        if not 2 <= size <= _MOST_HEADER_BYTES or 8 + size > os.fstat(source.fileno()).st_size:
            raise NotALora(path, "it isn't a whole safetensors file")
        text = source.read(size)
    try:
        header = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise NotALora(path, "its header can't be read") from exc
    metadata = _strings(header.pop("__metadata__", None))
    return Header(metadata, {name: _shape(tensor) for name, tensor in header.items()})


def rank_of(header: Header) -> int:
    """The largest rank of its pairs of matrices; 0 if it has none."""
    return max((shape[0] for name, shape in header.shapes.items() if name.endswith(_DOWN) and shape), default=0)


class LoraFolder:
    """All LoRAs of one models folder."""

    def __init__(self, models: Path, parts: Sequence[str] = ()) -> None:
        """`parts` are places of LoRAs that belong to a model: they aren't a person's choice, and aren't listed."""
        self._models = models
        self._parts = frozenset(parts)
        self.folder = models / FOLDER

    def list(self) -> tuple[LoraInfo, ...]:
        """Each file with what is known of it; damaged ones with what is wrong."""
        choices = self._read()
        files = sorted(self.folder.glob("*.safetensors")) if self.folder.is_dir() else []
        return tuple(self._describe(file, choices) for file in files if self._place(file) not in self._parts)

    def describe(self, models: Sequence[Model]) -> tuple[Model, ...]:
        """The same weights, LoRAs of this folder with their titles, trigger words and strengths."""
        known = {lora.path: lora for lora in self.list()} if any(each.kind == "lora" for each in models) else {}
        return tuple(
            each
            if (lora := known.get(each.path)) is None
            else msgspec.structs.replace(
                each, title=lora.title, strength=lora.strength, trigger_words=lora.trigger_words, why_not=lora.problem
            )
            for each in models
        )

    def set_strength(self, lora: str, strength: float) -> None:
        """Remember with which strength it's offered. Raises NotALora, OSError."""
        self._file(lora)
        choices = self._read()
        choices[lora] = Choice(strength=strength)
        self._write(choices)

    def add(
        self, source: Path, control: Control, tell: Callable[[Progress], None] = lambda _progress: None
    ) -> LoraInfo:
        """Link a file, and what lies beside it, into the folder; copy it where no link can be made.

        Raises NotALora, InTheWay, Stopped, OSError.
        """
        if not rank_of(read_header(source)):
            raise NotALora(source, "it has no pairs of low-rank matrices")
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / source.name
        if not (target.exists() and target.samefile(source)):
            if target.exists():
                raise InTheWay(target)
            _bring(source, target, control, Meter(source.stat().st_size, tell))
            for neighbour in _neighbours(source):
                with contextlib.suppress(OSError, CannotLink):  # without its picture it's as good
                    if not (beside := self.folder / neighbour.name).exists():
                        shutil.copyfile(neighbour, beside)
        return self._describe(target, self._read())

    def remove(self, lora: str) -> None:
        """Delete the file and its picture and notes; the original of a linked one stays. Raises NotALora, OSError."""
        file = self._file(lora)
        for neighbour in _neighbours(file):
            neighbour.unlink(missing_ok=True)
        file.unlink()
        choices = self._read()
        if choices.pop(lora, None) is not None:
            self._write(choices)

    # --- inside ---

    def _place(self, file: Path) -> str:
        return f"{FOLDER}/{file.name}"

    def _file(self, lora: str) -> Path:
        """The file of a name that this folder gave out. Raises NotALora: nothing outside can be named."""
        file = self.folder / Path(lora).name
        if lora != self._place(file) or file.suffix != ".safetensors" or not file.is_file():
            raise NotALora(Path(lora), "there is no such file in the folder of LoRAs")
        return file

    def _describe(self, file: Path, choices: Mapping[str, Choice]) -> LoraInfo:
        place, title = self._place(file), file.stem.replace("-", " ").replace("_", " ")
        picture = next((file.with_name(file.stem + end) for end in PICTURES if _there(file, end)), None)
        preview = str(picture) if picture is not None else ""
        try:
            size, header = file.stat().st_size, read_header(file)
        except (NotALora, OSError) as exc:
            return LoraInfo(lora=place, path=str(file), title=title, size_bytes=0, preview=preview, problem=str(exc))
        said = [header.metadata, *_read_neighbours(file)]
        chosen = choices.get(place)
        own = _number(said, _STRENGTHS)
        return LoraInfo(
            lora=place,
            path=str(file),
            title=_first(said, _TITLES) or title,
            size_bytes=size,
            base_model=_first(said, _BASES),
            rank=rank_of(header),
            trigger_words=_first(said, _TRIGGERS) or _most_frequent_tag(header.metadata),
            about=_first(said, _ABOUT),
            preview=preview,
            strength=chosen.strength if chosen is not None and chosen.strength is not None else own or 1.0,
            problem="" if rank_of(header) else "It has no pairs of low-rank matrices.",
        )

    def _read(self) -> dict[str, Choice]:
        try:
            return msgspec.json.decode((self.folder / CHOICES).read_bytes(), type=dict[str, Choice])
        except (OSError, msgspec.DecodeError):
            return {}

    def _write(self, choices: Mapping[str, Choice]) -> None:
        file = self.folder / CHOICES
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(choices)))
        fresh.replace(file)


def _bring(source: Path, target: Path, control: Control, meter: Meter) -> None:
    """A second name for the file, else a copy. Raises Stopped, OSError."""
    with contextlib.suppress(OSError):  # another disk, or a file system without hard links
        target.hardlink_to(source.resolve())
        return
    part, done = target.with_name(f".{target.name}.part"), 0
    try:
        with source.open("rb") as reading, part.open("wb") as writing:
            while data := reading.read(1 << 22):
                control.check()
                writing.write(data)
                done += len(data)
                meter.told(target.name, "linking", done)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _there(file: Path, end: str) -> bool:
    return file.with_name(file.stem + end).is_file()


def _neighbours(file: Path) -> Iterator[Path]:
    """The picture and the notes beside a file."""
    for end in (*PICTURES, ".civitai.info", ".json"):
        if _there(file, end):
            yield file.with_name(file.stem + end)


def _read_neighbours(file: Path) -> list[Mapping[str, str]]:
    """What the notes beside it say; broken ones say nothing."""
    said = list[Mapping[str, str]]()
    for end in (".civitai.info", ".json"):
        beside = file.with_name(file.stem + end)
        try:
            if beside.stat().st_size <= _MOST_NEIGHBOUR_BYTES:
                said.append(_strings(json.loads(beside.read_text(encoding="utf-8"))))
        except (OSError, ValueError, RecursionError):
            continue
    return said


def _strings(value: object) -> dict[str, str]:
    """What is text, a number, or a list of texts, as text."""
    if not isinstance(value, dict):
        return {}
    found = dict[str, str]()
    for key, each in cast("dict[object, object]", value).items():
        if isinstance(each, str | int | float):
            found[str(key)] = str(each)
        elif isinstance(each, list):
            texts = [text for text in cast("list[object]", each) if isinstance(text, str)]
            found[str(key)] = ", ".join(texts)
    return found


def _shape(tensor: object) -> tuple[int, ...]:
    if not isinstance(tensor, dict):
        return ()
    shape = cast("dict[str, object]", tensor).get("shape")
    sides = cast("list[object]", shape) if isinstance(shape, list) else []
    return tuple(side for side in sides if isinstance(side, int))


def _first(said: Sequence[Mapping[str, str]], names: Sequence[str]) -> str:
    """The first of these that somebody says, in one line."""
    for source in said:
        for name in names:
            if text := " ".join(source.get(name, "").split()):
                return text[:_LONGEST_WORDS]
    return ""


def _number(said: Sequence[Mapping[str, str]], names: Sequence[str]) -> float:
    """A strength that somebody says; 0.0 if nobody does."""
    try:
        number = float(_first(said, names) or 0)
    except ValueError:
        return 0.0
    return number if 0 < number <= 4 else 0.0


def _most_frequent_tag(metadata: Mapping[str, str]) -> str:
    """Trainers count how often each tag stood in the captions; a trigger word stands in nearly all of them."""
    try:
        folders = cast("object", json.loads(metadata.get("ss_tag_frequency", "")))
    except (ValueError, RecursionError):
        return ""
    counts = dict[str, int]()
    for tags in cast("dict[str, object]", folders).values() if isinstance(folders, dict) else ():
        for tag, count in cast("dict[str, object]", tags).items() if isinstance(tags, dict) else ():
            if isinstance(count, int):
                counts[tag.strip()] = counts.get(tag.strip(), 0) + count
    return max(counts, key=lambda tag: counts[tag], default="")[:_LONGEST_WORDS]
