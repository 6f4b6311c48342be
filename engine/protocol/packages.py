"""Messages about files of models: what can be had, under which licence, and the errands that bring or remove it.

An *errand* is work on the models folder that takes time: a download, a check, an import, a move. It's no job: it needs
no device, runs beside the jobs, and isn't in their store. Downloads that were asked for are remembered, and go on when
the engine is started again. The token of the hub never travels here: it's in the keyring, where both sides find it.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from engine.protocol.bases import EventBase, ReplyBase, RequestBase

PackageName = Annotated[str, Meta(min_length=1, max_length=100)]
ErrandName = Annotated[str, Meta(min_length=1, max_length=100)]
Place = Annotated[str, Meta(max_length=4096)]

PackageState: TypeAlias = Literal["missing", "partial", "unverified", "verified"]
PackageKind: TypeAlias = Literal["model", "text_encoder", "part", "lora"]  # part: of models, such as an upscaler
ErrandKind: TypeAlias = Literal["download", "verify", "remove", "import", "move", "add_lora", "remove_lora"]
ErrandState: TypeAlias = Literal["waiting", "running", "paused", "done", "failed", "cancelled"]


# --- Facts -------------------------------------------------------------------------------------------------------


class PackageInfo(Struct, frozen=True, kw_only=True):
    """Files that belong together, as a person can have them, and what of them is here."""

    package: str
    title: str
    kind: PackageKind
    about: str  # what it is for, in a sentence or two
    size_bytes: int
    have_bytes: int  # here, half files counted
    state: PackageState
    licence: str  # a key of `Packages.licences`
    needs: tuple[str, ...] = ()  # other packages without which it doesn't work
    gated: bool = False  # the hub gives it only to people who accepted its licence there
    repository: str = ""
    revision: str = ""  # the commit
    linked: bool = False  # at least one file lies elsewhere and is linked
    instead: str = ""  # another package with the same files


class LicenceInfo(Struct, frozen=True, kw_only=True):
    """A licence in short, and when this person accepted it."""

    licence: str
    title: str
    terms: str  # a summary; the text counts
    address: str  # where the text is on the network
    accepted_at: float = 0.0  # seconds since 1970; 0.0: not yet, or another text than the one there is now
    ask: str = ""  # what a person has to say of themselves besides, to be ticked as well


class Errand(Struct, frozen=True, kw_only=True):
    """One piece of work on the models folder."""

    errand: str
    kind: ErrandKind
    state: ErrandState
    packages: tuple[str, ...] = ()  # with what they need
    asked: tuple[str, ...] = ()  # those of them that were asked for by name
    title: str = ""  # of what it works on, in words
    message: str = ""  # how it ended, for the person
    details: tuple[str, ...] = ()  # one line for each file, where that says more


class PlannedFile(Struct, frozen=True, kw_only=True):
    """One file that a download would bring."""

    place: str  # relative to the models folder
    package: str
    size_bytes: int
    have_bytes: int  # of it, half fetched


class FoundFolder(Struct, frozen=True, kw_only=True):
    """A folder on the engine's machine in which other programs keep such files."""

    path: str
    owner: str  # "ComfyUI", "LTX Desktop", "Hugging Face"


class LoraInfo(Struct, frozen=True, kw_only=True):
    """A LoRA file, as its own metadata, its neighbours and the person describe it."""

    lora: str  # its path relative to the models folder, with slashes
    path: str
    title: str
    size_bytes: int
    base_model: str = ""
    rank: int = 0  # the largest; 0: not known
    trigger_words: str = ""
    about: str = ""
    preview: str = ""  # a picture beside the file
    strength: float = 1.0  # what the person wants it to begin with
    problem: str = ""  # why it can't be used


# --- Requests ----------------------------------------------------------------------------------------------------


class ListPackages(RequestBase, frozen=True, kw_only=True, tag="list_packages"):
    """Reply: Packages. Looks at names and sizes only; nothing is hashed, nothing is asked of the network."""


class PlanDownload(RequestBase, frozen=True, kw_only=True, tag="plan_download"):
    """Ask what a download would bring. Reply: DownloadPlan."""

    packages: Annotated[tuple[PackageName, ...], Meta(min_length=1, max_length=100)]
    alone: bool = False  # without what they need


class ReadLicence(RequestBase, frozen=True, kw_only=True, tag="read_licence"):
    """Reply: LicenceText. The text comes with the program: no network is needed."""

    licence: Annotated[str, Meta(max_length=100)]


class AcceptLicence(RequestBase, frozen=True, kw_only=True, tag="accept_licence"):
    """The person has accepted the text with this sha256. Reply: Ok; refused if it's another text than was shown."""

    licence: Annotated[str, Meta(max_length=100)]
    sha256: Annotated[str, Meta(min_length=64, max_length=64)]


class Download(RequestBase, frozen=True, kw_only=True, tag="download"):
    """Bring packages and what they need. Reply: ErrandBegun. Refused while a licence isn't accepted."""

    packages: Annotated[tuple[PackageName, ...], Meta(min_length=1, max_length=100)]
    alone: bool = False


class VerifyPackages(RequestBase, frozen=True, kw_only=True, tag="verify_packages"):
    """Hash what is here of these packages, or of all. Reply: ErrandBegun."""

    packages: tuple[PackageName, ...] = ()


class RemovePackage(RequestBase, frozen=True, kw_only=True, tag="remove_package"):
    """Delete a package's own files; originals of linked ones stay. Reply: ErrandBegun."""

    package: PackageName


class ImportFiles(RequestBase, frozen=True, kw_only=True, tag="import_files"):
    """Link files that lie in a folder (or are one), found by size and sha256. Reply: ErrandBegun."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class MoveModels(RequestBase, frozen=True, kw_only=True, tag="move_models"):
    """Move all that is in the models folder to another one. Reply: ErrandBegun.

    Afterwards the engine has to be started with that folder; until then its list still shows the old one, emptied.
    """

    folder: Annotated[str, Meta(min_length=1, max_length=4096)]


class SteerErrand(RequestBase, frozen=True, kw_only=True, tag="steer_errand"):
    """Pause, resume or cancel an errand, or forget one that has ended. Reply: Ok; ErrandChanged follows."""

    errand: ErrandName
    action: Literal["pause", "resume", "cancel", "forget"]


class SetDownloads(RequestBase, frozen=True, kw_only=True, tag="set_downloads"):
    """From where downloads come and how fast; holds at once, also for a running one, and is remembered. Reply: Ok."""

    mirror: Place = ""  # "": the hub itself, or HF_ENDPOINT
    bytes_per_second: Annotated[int, Meta(ge=0)] = 0  # 0: no limit


class CheckToken(RequestBase, frozen=True, kw_only=True, tag="check_token"):
    """Ask the hub whether it gives a gated package to whoever the token belongs to. Reply: TokenChecked."""

    package: PackageName


class ListLoras(RequestBase, frozen=True, kw_only=True, tag="list_loras"):
    """Reply: Loras."""


class AddLora(RequestBase, frozen=True, kw_only=True, tag="add_lora"):
    """Bring a file, and the picture beside it, into the folder of LoRAs, without a second copy where possible.

    Reply: ErrandBegun.
    """

    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class SetLora(RequestBase, frozen=True, kw_only=True, tag="set_lora"):
    """With which strength a LoRA is offered. Reply: Ok."""

    lora: Place
    strength: Annotated[float, Meta(ge=-4.0, le=4.0)]


class RemoveLora(RequestBase, frozen=True, kw_only=True, tag="remove_lora"):
    """Delete a LoRA's file; the original of a linked one stays. Reply: ErrandBegun."""

    lora: Place


# --- Replies -----------------------------------------------------------------------------------------------------


class Packages(ReplyBase, frozen=True, kw_only=True, tag="packages"):
    """Everything about the models folder."""

    folder: str
    free_bytes: int
    packages: tuple[PackageInfo, ...]
    licences: tuple[LicenceInfo, ...]
    errands: tuple[Errand, ...]
    found: tuple[FoundFolder, ...] = ()  # worth an import
    token_source: str = ""  # where a token was found, in words; "": there is none
    mirror: str = ""
    moved_to: str = ""  # where the files are now, after MoveModels


class DownloadPlan(ReplyBase, frozen=True, kw_only=True, tag="download_plan"):
    """What a download would bring and what it lacks. `problem` is empty if it can begin once licences are accepted."""

    packages: tuple[str, ...]  # with what they need, that first
    files: tuple[PlannedFile, ...]
    coming_bytes: int
    needed_bytes: int  # of free space: with a tenth and a reserve
    free_bytes: int
    folder: str
    unaccepted: tuple[str, ...] = ()  # licences
    gated: tuple[str, ...] = ()  # packages among these for which the hub wants a token
    problem: str = ""


class LicenceText(ReplyBase, frozen=True, kw_only=True, tag="licence_text"):
    """The whole text as it's shown and accepted."""

    licence: str
    title: str
    text: str
    sha256: str
    address: str
    source: str  # where this copy of the text came from


class ErrandBegun(ReplyBase, frozen=True, kw_only=True, tag="errand_begun"):
    """The errand is on its list; one that does the same already is told instead of a second one."""

    errand: Errand


class TokenChecked(ReplyBase, frozen=True, kw_only=True, tag="token_checked"):
    """What the hub says; `message` is for the person. The token itself is never told."""

    accepted: bool
    message: str


class Loras(ReplyBase, frozen=True, kw_only=True, tag="loras"):
    """The LoRAs in the models folder."""

    folder: str  # where AddLora puts them
    loras: tuple[LoraInfo, ...]


# --- Events ------------------------------------------------------------------------------------------------------


class ErrandChanged(EventBase, frozen=True, kw_only=True, tag="errand_changed"):
    """An errand has another state."""

    errand: Errand


class ErrandProgress(EventBase, frozen=True, kw_only=True, tag="errand_progress"):
    """How far a running errand is; only the newest of each is sent when the reader is slow."""

    errand: str
    file: str
    phase: Literal["checking", "downloading", "linking", "moving"]
    done_bytes: int
    total_bytes: int
    bytes_per_second: float = 0.0
    seconds_left: float | None = None


PackageRequest: TypeAlias = (
    ListPackages
    | PlanDownload
    | ReadLicence
    | AcceptLicence
    | Download
    | VerifyPackages
    | RemovePackage
    | ImportFiles
    | MoveModels
    | SteerErrand
    | SetDownloads
    | CheckToken
    | ListLoras
    | AddLora
    | SetLora
    | RemoveLora
)
PackageReply: TypeAlias = Packages | DownloadPlan | LicenceText | ErrandBegun | TokenChecked | Loras
PackageEvent: TypeAlias = ErrandChanged | ErrandProgress
