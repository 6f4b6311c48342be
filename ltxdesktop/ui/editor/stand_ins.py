"""Small stand-ins (proxies) for heavy films: which are wanted, how far each is, and whether they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from ltxdesktop.document.model import Media, MediaId, MediaKind

if TYPE_CHECKING:
    from ltxdesktop.media.files import MediaFiles

Run = Callable[[Callable[[], object], Callable[[object], None]], None]  # work off this thread, then its result


@dataclass(frozen=True)
class StandIn:
    """The stand-in of one film: waiting or being made (`share` below 1), there (1), or not to be had (`problem`)."""

    share: float = 0.0
    problem: str = ""

    @property
    def is_there(self) -> bool:
        return self.share >= 1

    @property
    def is_coming(self) -> bool:
        return not self.is_there and not self.problem

    @property
    def words(self) -> str:
        """For a person: "Stand-in 43 %"."""
        if self.problem:
            return "No stand-in"
        if self.is_there:
            return "Stand-in"
        return f"Stand-in {self.share:.0%}" if self.share else "Stand-in waits"


class StandIns(QObject):
    """Has stand-ins made in the background: of heavy films by itself, of others when it's asked to.

    Keys are the films' paths. It's told where media lie by `locate`; an export never uses what this makes.
    """

    changed = Signal(object)  # the path of a film whose stand-in has moved on
    shown_changed = Signal()  # other pictures are to be shown now: one is ready, or they were switched
    _moved = Signal(object, object)  # a path, its StandIn: from the threads that make them

    def __init__(
        self,
        files: Callable[[], MediaFiles],
        run: Run,
        locate: Callable[[Media], Path],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.automatic = True  # whether heavy films get one without being asked
        self._files, self._run, self._locate = files, run, locate
        self._known: dict[Path, StandIn] = {}
        self._judged: set[Path] = set()
        self._moved.connect(self._take)

    # What is known

    def of(self, media: Media) -> StandIn | None:
        """None for a film that has none and gets none."""
        return self._known.get(self._locate(media))

    @property
    def coming(self) -> dict[Path, StandIn]:
        """Those that wait or are being made, in the order in which they were asked for."""
        return {path: each for path, each in self._known.items() if each.is_coming}

    # What is asked

    def look_at(self, media: Iterable[Media], missing: frozenset[MediaId]) -> None:
        """Media of the project: those that are too heavy to be played as they are get stand-ins."""
        films = [self._locate(each) for each in media if each.kind is MediaKind.VIDEO and each.id not in missing]
        fresh = [path for path in films if path not in self._judged]
        self._judged.update(fresh)
        if fresh:
            files, make = self._files(), self.automatic
            self._run(lambda: self._judge(files, fresh, make), self._take_heavy)

    def make(self, media: Media) -> None:
        """Have one made, heavy or not."""
        if media.kind is MediaKind.VIDEO:
            self._request(self._locate(media))

    def stop(self, media: Media) -> None:
        """Don't make it, or not further."""
        self._stop(self._locate(media))

    def stop_all(self) -> None:
        for path in self.coming:
            self._stop(path)

    def remove(self, media: Media) -> None:
        """Delete it from the disk."""
        path, files = self._locate(media), self._files()

        def work() -> None:
            proxy = files.proxies.proxy_of(path)
            if proxy is not None:
                files.decoders.forget(proxy)  # Windows deletes no file that is open
            files.proxies.remove(path)

        def done(_: object) -> None:
            self._known.pop(path, None)
            self.changed.emit(path)
            self.shown_changed.emit()

        self._run(work, done)

    def show(self, on: bool) -> None:
        """Whether stand-ins are shown where there are any; export never does."""
        self._files().proxies.enabled = on
        self.shown_changed.emit()

    def forget(self) -> None:
        """They were removed from the disk: look at the films anew."""
        self._judged.clear()
        self._known = {path: each for path, each in self._known.items() if each.is_coming}

    # On a worker

    def _judge(self, files: MediaFiles, paths: list[Path], make: bool) -> list[Path]:
        """Tell of those that are there already; give those that should be made."""
        from engine.media.errors import MediaError
        from ltxdesktop.media.heavy import why_heavy

        heavy: list[Path] = []
        for path in paths:
            try:
                facts = files.facts(path)
            except (MediaError, OSError):
                continue
            if files.proxies.existing(path) is not None:
                self._moved.emit(path, StandIn(1.0))
            elif make and why_heavy(facts):
                heavy.append(path)
        return heavy

    # Back on this thread

    def _take_heavy(self, heavy: object) -> None:
        if isinstance(heavy, list):  # else looking at them went wrong, and they're played as they are
            for path in heavy:  # pyright: ignore[reportUnknownVariableType]  # what `_judge` gave: paths
                assert isinstance(path, Path)
                self._request(path)

    def _request(self, path: Path) -> None:
        proxies = self._files().proxies
        if proxies.is_wanted(path):
            return
        self._take(path, StandIn())

        def done(made: Path | Exception) -> None:
            self._moved.emit(path, StandIn(1.0) if isinstance(made, Path) else StandIn(problem=str(made)))

        proxies.request(path, done, lambda share: self._moved.emit(path, StandIn(min(share, 0.99))))

    def _stop(self, path: Path) -> None:
        self._files().proxies.cancel(path)
        if self._known.pop(path, None) is not None:
            self.changed.emit(path)

    def _take(self, path: Path, stand_in: StandIn) -> None:
        before = self._known.get(path)
        if stand_in.share and not stand_in.is_there and before is None:
            return  # it was stopped since
        self._known[path] = stand_in
        self.changed.emit(path)
        if stand_in.is_there and before is not None:
            self.shown_changed.emit()
