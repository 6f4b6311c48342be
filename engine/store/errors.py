"""What can go wrong with the store: the errors of this room."""

from pathlib import Path


class StoreError(Exception):
    """Base of everything that this room raises."""


class NoSuchJob(StoreError, LookupError):
    """The store has no job with this id."""

    def __init__(self, job: str) -> None:
        super().__init__(f"there is no job {job!r}")
        self.job = job


class IdTaken(StoreError, ValueError):
    """The id already names another work."""

    def __init__(self, job: str) -> None:
        super().__init__(f"the id {job!r} already names a job with other work; a new job needs a new id")
        self.job = job


class WrongState(StoreError):
    """The job is in no state in which this can be done with it."""

    def __init__(self, job: str, state: str, asked: str) -> None:
        super().__init__(f"a job that is {state} can't be {asked}")
        self.job = job
        self.state = state
        self.asked = asked


class StoreFull(StoreError, OSError):
    """There is no room on the disk; the store is as it was before."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the disk is full: nothing more can be written to {path}; make room there and go on")
        self.path = path


class StoreBroken(StoreError):
    """The store can't be opened or read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the job store {path} can't be used: {reason}")
        self.path = path
        self.reason = reason


class StoreTooNew(StoreBroken):
    """The store was written by a later version of the program."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            path, f"a later version of the program wrote it (schema {found}, this build knows up to {known})"
        )
        self.found = found
        self.known = known


class StoreLocked(StoreError):
    """A living engine has the store."""

    def __init__(self, path: Path, owner_pid: int) -> None:
        owner = f"process {owner_pid}" if owner_pid else "another process"
        super().__init__(f"another engine ({owner}) is working with the jobs in {path}; end it first")
        self.path = path
        self.owner_pid = owner_pid
