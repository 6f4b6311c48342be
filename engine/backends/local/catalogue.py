"""Which models there are, which of their files lie on this machine, and what is missing. No torch, nothing is opened.

A model is described by data of one schema (`ModelDescription`): the official ones in models.json beside this file, any
other in a `*.model.json` of a models folder (the small model that ships with the program is described so). Files are
looked for in the folder of the description and in every models folder, one folder deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from engine.backends.base import BadRequest, MissingWeights, Places
from engine.protocol.command_words import engine_command
from engine.protocol.messages import Model

_OFFICIAL = Path(__file__).with_name("models.json")
_DESCRIPTION_SUFFIX = ".model.json"


class ModelDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the engine has to know of a model beside its files. Several file names: the first that is there counts."""

    id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,100}$")]
    title: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    distilled: bool = True
    checkpoints: tuple[str, ...]
    upsamplers: dict[str, tuple[str, ...]] = {}  # spatial factor ("2", "3/2") -> files
    temporal_upsampler: str = ""
    text_encoders: tuple[str, ...] = ()  # folders
    distilled_loras: tuple[str, ...] = ()
    loras: dict[str, str] = {}  # id -> file: LoRAs that belong to the model
    source: str = ""  # where a person gets the files
    package: str = ""  # what `ltx-engine models get` calls it; "" if that can't bring it
    size_bytes: int = 0
    licence: str = ""
    default_width: int = 1536
    default_height: int = 1024
    default_frames: int = 121
    default_rate: str = "24"
    longest_seconds: int = 20  # of one pass: positional_embedding_max_pos
    largest_pixels: int = 3840 * 2176
    one_stage_pixels: int = 512 * 768  # up to here the official pipelines work in one stage
    prompt_tokens: int = 1024
    follows_references: bool = False  # reference videos work without an in-context LoRA
    ships: bool = False  # part of the program
    vocabulary: str = ""  # module that knows what a small model can draw, e.g. "engine.training.words"


@dataclass(frozen=True)
class InstalledModel:
    """A description and the files that were found for it; None or absent where they weren't."""

    description: ModelDescription
    checkpoint: Path | None
    text_encoder: Path | None
    upsamplers: Mapping[Fraction, Path]
    temporal_upsampler: Path | None
    distilled_lora: Path | None
    folder: Path  # where missing files belong

    @property
    def upsampler_files(self) -> tuple[Path, ...]:
        doubler = () if self.temporal_upsampler is None else (self.temporal_upsampler,)
        return (*self.upsamplers.values(), *doubler)

    @property
    def complete(self) -> bool:
        return self.checkpoint is not None and self.text_encoder is not None

    @property
    def missing(self) -> str:
        """What to download and where to put it, as a sentence; empty if nothing essential is missing."""
        description, lacking = self.description, list[str]()
        if self.checkpoint is None:
            size = f" ({description.size_bytes / 1e9:.1f} GB)" if description.size_bytes else ""
            lacking.append(f"{description.checkpoints[0]}{size}")
        if self.text_encoder is None and description.text_encoders:
            lacking.append(f"the text encoder folder {description.text_encoders[0]}")
        if not lacking:
            return ""
        source = f" from {description.source}" if description.source else ""
        words = engine_command(f"models get {description.package}")
        command = f" (`{words}` brings it)" if description.package else ""
        return f"{description.title} needs {' and '.join(lacking)}{source}, in {self.folder}{command}"

    def require(self) -> tuple[Path, Path]:
        """Checkpoint and text encoder. Raises MissingWeights."""
        if self.checkpoint is None or self.text_encoder is None:
            raise MissingWeights(f"{self.missing}.")
        return self.checkpoint, self.text_encoder


class Catalogue:
    """The models that are known here, and the LoRAs that lie about."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.models: tuple[InstalledModel, ...] = ()
        self.problems: tuple[str, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Look at the folders again."""
        found: dict[str, InstalledModel] = {}
        problems: list[str] = []
        for text, folder in self._descriptions():
            try:
                descriptions = msgspec.json.decode(text, type=list[ModelDescription])
            except msgspec.DecodeError as exc:
                problems.append(f"a model description in {folder} can't be read: {exc}")
                continue
            for description in descriptions:
                found.setdefault(description.id, self._find(description, folder))
        self.models = tuple(found.values())
        self.problems = tuple(problems)

    def get(self, name: str) -> InstalledModel:
        """A model by id, alias, or the path of its checkpoint; "" is the best one that is complete.

        Raises BadRequest for a name that is none of these.
        """
        if not name:
            return self._best()
        for model in self.models:
            if name == model.description.id or name in model.description.aliases:
                return model
        path = Path(name)
        if path.suffix == ".safetensors":
            return self._from_path(path)
        known = ", ".join(model.description.id for model in self.models)
        raise BadRequest(f"There is no model {name!r}. Known are: {known}; or give the path of a .safetensors file.")

    def lora(self, name: str, model: InstalledModel) -> Path:
        """The file of a LoRA by path, file name, or id. Raises BadRequest."""
        given = Path(name)
        if given.is_file():
            return given
        named = model.description.loras.get(name, name)
        for folder in self._folders(model.folder):
            for candidate in (folder / named, folder / "loras" / named, folder / "loras" / f"{named}.safetensors"):
                if candidate.is_file():
                    return candidate
        raise BadRequest(f"There is no LoRA {name!r}: no such file, and none of that name in the models folders.")

    def listed(self) -> tuple[Model, ...]:
        """Everything that can be listed, as the protocol says it."""
        rows = [
            Model(
                model=model.description.id,
                title=model.description.title,
                kind="model",
                installed=model.complete,
                path="" if model.checkpoint is None else str(model.checkpoint),
                size_bytes=model.description.size_bytes if model.checkpoint is None else _size(model.checkpoint),
                licence=model.description.licence,
                why_not=model.missing,
            )
            for model in self.models
        ]
        known = {path for model in self.models for path in (model.checkpoint, model.distilled_lora) if path}
        for path in self._loras():
            if path not in known:
                rows.append(
                    Model(
                        model=path.stem,
                        title=path.stem.replace("-", " ").replace("_", " "),
                        kind="lora",
                        installed=True,
                        path=str(path),
                        size_bytes=_size(path),
                    )
                )
        return tuple(rows)

    # --- finding ---

    def _best(self) -> InstalledModel:
        """A complete model of one's own before what ships, in the order of the descriptions."""
        complete = [model for model in self.models if model.complete]
        for model in sorted(complete, key=lambda model: model.description.ships):
            return model
        missing = "; ".join(model.missing for model in self.models[:1])
        raise MissingWeights(f"No model is installed. {missing}.")

    def _descriptions(self) -> Iterator[tuple[bytes, Path]]:
        for folder in self._folders():
            for path in sorted(folder.glob(f"*{_DESCRIPTION_SUFFIX}")):
                text = path.read_bytes().strip()
                yield (text if text.startswith(b"[") else b"[" + text + b"]"), folder
        yield _OFFICIAL.read_bytes(), self._places.models

    def _folders(self, *first: Path) -> list[Path]:
        """Models folders and the folders in them, each once."""
        folders = list(first)
        for root in (self._places.models, *self._places.extra_models):
            folders.append(root)
            if root.is_dir():
                folders += sorted(entry for entry in root.iterdir() if entry.is_dir())
        return list(dict.fromkeys(folders))

    def _find(self, description: ModelDescription, folder: Path) -> InstalledModel:
        folders = self._folders(folder)
        return InstalledModel(
            description=description,
            checkpoint=_first_file(folders, description.checkpoints),
            text_encoder=_first_folder(folders, description.text_encoders),
            upsamplers={
                Fraction(factor): path
                for factor, names in description.upsamplers.items()
                if (path := _first_file(folders, names)) is not None
            },
            temporal_upsampler=_first_file(folders, (description.temporal_upsampler,)),
            distilled_lora=_first_file(folders, description.distilled_loras),
            folder=folder,
        )

    def _from_path(self, path: Path) -> InstalledModel:
        """A checkpoint that no description names. Its neighbours are looked for beside it, under official names."""
        if not path.is_file():
            raise BadRequest(f"There is no file {path}.")
        official = msgspec.json.decode(_OFFICIAL.read_bytes(), type=list[ModelDescription])[0]
        description = msgspec.structs.replace(
            official,
            id="file-" + "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in path.stem)[:90],
            title=path.stem,
            description=f"the checkpoint {path}",
            aliases=(),
            distilled="dev" not in path.stem.lower(),
            checkpoints=(path.name,),
        )
        found = self._find(description, path.parent)
        return replace(found, checkpoint=path)

    def _loras(self) -> list[Path]:
        roots = [root for folder in self._folders() for root in (folder / "loras",) if root.is_dir()]
        return sorted({path for root in roots for path in root.glob("*.safetensors")})


def _first_file(folders: Sequence[Path], names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if name for folder in folders if (folder / name).is_file()), None)


def _first_folder(folders: Sequence[Path], names: Iterable[str]) -> Path | None:
    return next(
        (folder / name for name in names for folder in folders if (folder / name / "config.json").is_file()), None
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
