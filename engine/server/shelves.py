"""Looks at the models folder for the stockroom: packages, plans, licences. Nothing is hashed, fetched or changed."""

from __future__ import annotations

from collections.abc import Sequence

from engine.fetching.errors import FetchError
from engine.fetching.library import Library
from engine.fetching.manifest import Licence, Package
from engine.protocol.packages import DownloadPlan, LicenceInfo, LicenceText, PackageInfo, PlannedFile
from engine.server.words import sentence


class Shelves:
    """What a library holds and could hold, as the protocol says it."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def find(self, names: Sequence[str], *, alone: bool) -> tuple[Package, ...]:
        """Raises NoSuchPackage."""
        manifest = self._library.manifest
        lists = ((manifest.get(name),) if alone else manifest.with_needs(name) for name in names)
        return tuple(dict.fromkeys(package for packages in lists for package in packages))

    def licence(self, name: str) -> Licence:
        """Raises FetchError."""
        licence = self._library.manifest.licences.get(name)
        if licence is None:
            raise FetchError(f"There is no licence {name!r}.")
        return licence

    def info(self, package: Package) -> PackageInfo:
        """One package, with what of it is here."""
        places = {file.place for file in package.files}
        same = (
            other.id
            for other in self._library.manifest.packages
            if other.id != package.id and {file.place for file in other.files} == places
        )
        return PackageInfo(
            package=package.id,
            title=package.title,
            kind=package.kind,
            about=package.about,
            size_bytes=package.size_bytes,
            have_bytes=self._library.have_bytes(package),
            state=self._library.state(package),
            licence=package.licence,
            needs=package.needs,
            gated=package.gated,
            repository=package.repository,
            revision=package.revision,
            linked=self._library.is_linked(package),
            instead=next(same, ""),
        )

    def plan(self, call: int, packages: Sequence[Package]) -> DownloadPlan:
        """What a download of these would bring, and what it lacks."""
        library, problem = self._library, ""
        coming = library.coming(packages)
        try:
            library.check_space(packages)
        except FetchError as exc:
            problem = sentence(exc)
        return DownloadPlan(
            call=call,
            packages=tuple(package.id for package in packages),
            files=tuple(
                PlannedFile(place=file.place, package=package.id, size_bytes=file.size_bytes, have_bytes=have)
                for package, file, have in coming
            ),
            coming_bytes=library.missing_bytes(packages),
            needed_bytes=library.needed_bytes(packages),
            free_bytes=library.free_bytes,
            folder=str(library.folder),
            unaccepted=library.unaccepted(packages),
            gated=tuple(
                package.id for package in packages if package.gated and any(p is package for p, _, _ in coming)
            ),
            problem=problem,
        )

    def licence_text(self, call: int, name: str) -> LicenceText:
        """The whole text. Raises FetchError, OSError."""
        licence = self.licence(name)
        return LicenceText(
            call=call,
            licence=name,
            title=licence.title,
            text=licence.read(),
            sha256=licence.sha256,
            address=licence.address,
            source=licence.source,
        )

    def licences(self) -> tuple[LicenceInfo, ...]:
        """Each licence in short, with when it was accepted."""
        return tuple(
            LicenceInfo(
                licence=name,
                title=each.title,
                terms=each.terms,
                address=each.address,
                accepted_at=self._library.accepted_at(name),
                ask=each.ask,
            )
            for name, each in self._library.manifest.licences.items()
        )
