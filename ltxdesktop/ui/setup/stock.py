"""What the window knows of the models folder: packages, licences, errands, LoRAs; and the ways to ask for more of it.

All of it is the engine's: this asks, remembers the newest answer, and tells who shows it. No widgets.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from engine.protocol.messages import Event, Ok, Request
from engine.protocol.packages import (
    AcceptLicence,
    AddLora,
    CheckToken,
    Download,
    DownloadPlan,
    Errand,
    ErrandBegun,
    ErrandChanged,
    ErrandProgress,
    ImportFiles,
    LicenceInfo,
    LicenceText,
    ListLoras,
    ListPackages,
    LoraInfo,
    Loras,
    MoveModels,
    PackageInfo,
    Packages,
    PlanDownload,
    ReadLicence,
    RemoveLora,
    RemovePackage,
    SetDownloads,
    SetLora,
    SteerErrand,
    TokenChecked,
    VerifyPackages,
)
from ltxdesktop.ui.session import EngineSession

ENDED = frozenset({"done", "failed", "cancelled"})
MEGABYTE = 1_000_000


def _nothing(_: Event) -> None:
    """An answer that says no more than that it was done."""


class Stock(QObject):
    """One window's view of the models folder. `changed` after every change but progress."""

    changed = Signal()
    progressed = Signal(str)  # an errand's id
    ended = Signal(object)  # Errand
    refused = Signal(str)  # words for the person
    loras_changed = Signal()
    moved = Signal(str)  # the folder in which the models are now: the engine has to be started with it

    def __init__(self, session: EngineSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._mirror, self._limit = "", 0
        self._closed = False
        self.list: Packages | None = None
        self.errands: dict[str, Errand] = {}
        self.progress: dict[str, ErrandProgress] = {}
        self.loras: tuple[LoraInfo, ...] = ()
        self.lora_folder = ""
        session.errand_told.connect(self._take_errand)
        session.view_changed.connect(self._follow_engine)
        self._ready = False
        self._follow_engine()

    def close(self) -> None:
        """The window goes: answers that are on their way find nobody. Once more does nothing."""
        if self._closed:
            return
        self._closed = True
        self._session.errand_told.disconnect(self._take_errand)
        self._session.view_changed.disconnect(self._follow_engine)

    # What there is

    @property
    def ready(self) -> bool:
        """Whether there is an engine to ask."""
        return self._ready

    @property
    def packages(self) -> tuple[PackageInfo, ...]:
        return self.list.packages if self.list is not None else ()

    def package(self, name: str) -> PackageInfo | None:
        return next((each for each in self.packages if each.package == name), None)

    def licence(self, name: str) -> LicenceInfo | None:
        licences = self.list.licences if self.list is not None else ()
        return next((each for each in licences if each.licence == name), None)

    def download_of(self, package: str) -> Errand | None:
        """The download that isn't done and brings this package, or failed as the last thing that was asked for it."""
        found = [each for each in self.errands.values() if each.kind == "download" and package in each.packages]
        going = [each for each in found if each.state not in ENDED]
        return going[-1] if going else next((each for each in found[-1:] if each.state == "failed"), None)

    # Asking

    def look(self) -> None:
        """Ask for everything anew."""
        self._ask(ListPackages(), self._take_list)

    def look_at_loras(self) -> None:
        self._ask(ListLoras(), self._take_loras)

    def plan(self, package: str, answer: Callable[[DownloadPlan], None], refused: Callable[[str], None]) -> None:
        self._ask(
            PlanDownload(packages=(package,)),
            lambda reply: answer(reply) if isinstance(reply, DownloadPlan) else None,
            refused,
        )

    def read_licence(self, licence: str, answer: Callable[[LicenceText], None]) -> None:
        self._ask(ReadLicence(licence=licence), lambda reply: answer(reply) if isinstance(reply, LicenceText) else None)

    def accept(self, licence: str, sha256: str, answer: Callable[[], None]) -> None:
        self._ask(
            AcceptLicence(licence=licence, sha256=sha256), lambda reply: answer() if isinstance(reply, Ok) else None
        )

    def download(self, package: str) -> None:
        self._begin(Download(packages=(package,)))

    def verify(self, *packages: str) -> None:
        self._begin(VerifyPackages(packages=packages))

    def remove(self, package: str) -> None:
        self._begin(RemovePackage(package=package))

    def bring_in(self, path: str) -> None:
        """Use files that lie elsewhere."""
        self._begin(ImportFiles(path=path))

    def move_to(self, folder: str) -> None:
        self._begin(MoveModels(folder=folder))

    def pause(self, errand: str) -> None:
        self._ask(SteerErrand(errand=errand, action="pause"))

    def resume(self, errand: str) -> None:
        self._ask(SteerErrand(errand=errand, action="resume"))

    def cancel(self, errand: str) -> None:
        self._ask(SteerErrand(errand=errand, action="cancel"))

    def forget(self, errand: str) -> None:
        """Take an errand that has ended off the list."""
        self.errands.pop(errand, None)
        self._ask(SteerErrand(errand=errand, action="forget"))
        self.changed.emit()

    def check_token(self, package: str, answer: Callable[[bool, str], None]) -> None:
        self._ask(
            CheckToken(package=package),
            lambda reply: answer(reply.accepted, reply.message) if isinstance(reply, TokenChecked) else None,
            lambda words: answer(False, words),
        )

    def add_lora(self, path: str) -> None:
        self._begin(AddLora(path=path))

    def remove_lora(self, lora: str) -> None:
        self._begin(RemoveLora(lora=lora))

    def set_lora(self, lora: str, strength: float) -> None:
        self._ask(SetLora(lora=lora, strength=strength))

    def set_downloads(self, mirror: str, limit_mb: float) -> None:
        """From where downloads come and how fast (MB/s; 0: no limit); told to each engine that comes."""
        self._mirror, self._limit = mirror, round(limit_mb * MEGABYTE)
        if self._ready:
            self._send_settings()

    # What the engine says

    def _follow_engine(self) -> None:
        ready = self._session.view.life == "ready"
        if ready == self._ready:
            return
        self._ready = ready
        if ready:
            self.errands.clear()
            self.progress.clear()
            self._send_settings()
            self.look()
        self.changed.emit()

    def _send_settings(self) -> None:
        self._ask(SetDownloads(mirror=self._mirror, bytes_per_second=self._limit))

    def _take_list(self, reply: Event) -> None:
        if isinstance(reply, Packages):
            self.list = reply
            self.errands = {each.errand: each for each in reply.errands}
            self.changed.emit()
            if reply.moved_to:
                self.moved.emit(reply.moved_to)

    def _take_loras(self, reply: Event) -> None:
        if isinstance(reply, Loras):
            self.loras, self.lora_folder = reply.loras, reply.folder
            self.loras_changed.emit()

    def _take_errand(self, event: ErrandChanged | ErrandProgress) -> None:
        if isinstance(event, ErrandProgress):
            self.progress[event.errand] = event
            self.progressed.emit(event.errand)
            return
        errand = event.errand
        self.errands[errand.errand] = errand
        if errand.state in ENDED:  # a paused one stays as far as it is
            self.progress.pop(errand.errand, None)
        self.changed.emit()
        if errand.state in ENDED:
            self.ended.emit(errand)
            self.look()
            if errand.kind in ("add_lora", "remove_lora"):
                self.look_at_loras()

    def _take_begun(self, reply: Event) -> None:
        if isinstance(reply, ErrandBegun):
            self.errands.setdefault(reply.errand.errand, reply.errand)
            self.changed.emit()

    def _begin(self, request: Request) -> None:
        self._ask(request, self._take_begun)

    def _ask(
        self,
        request: Request,
        answer: Callable[[Event], None] = _nothing,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        refused = refused or self.refused.emit
        self._session.ask(
            request,
            lambda reply: None if self._closed else answer(reply),
            lambda words: None if self._closed else refused(words),
        )
