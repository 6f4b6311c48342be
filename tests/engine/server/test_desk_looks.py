"""What works is looked at anew when other files of models lie there, whoever put them there, and not otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from engine.backends.base import Backend, Places
from engine.protocol.messages import BackendCapability, Event, GetCapabilities
from engine.server.desk import Desk
from engine.server.pool import BackendPool


class Looking(Backend):
    """Notes each time whether it was told to look anew."""

    name: ClassVar[str] = "looking"

    def __init__(self) -> None:
        self.looked: list[bool] = []

    def capability(self, refresh: bool = False) -> BackendCapability:
        self.looked.append(refresh)
        return BackendCapability(backend="looking", title="Looking", available=True)

    def models(self) -> Any:
        return ()

    def device(self) -> Any:
        raise NotImplementedError

    def estimate(self, work: Any) -> Any:
        raise NotImplementedError

    def run(self, job: Any, context: Any) -> Any:
        raise NotImplementedError


class Heard:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.said: list[Event] = []

    def post(self, event: Event) -> None:
        self.said.append(event)


@pytest.mark.parametrize("place", ["a.safetensors", "loras/a.safetensors", "encoder/config.json"])
def test_a_file_that_comes_or_goes_has_the_backends_look_anew(tmp_path: Path, place: str) -> None:
    backend, heard = Looking(), Heard()
    pool = BackendPool({"looking": lambda _places: backend}, cast("Places", None))
    desk = Desk(pool, cast("Any", heard), lambda *_: None, lambda: None, models=tmp_path)
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)

    def ask() -> bool:
        desk._answer(GetCapabilities())
        return backend.looked[-1]

    assert [ask(), ask()] == [False, False]
    (tmp_path / ".downloading").mkdir()
    (tmp_path / ".downloading" / "a.part").write_bytes(b"half")
    assert not ask()
    file.write_bytes(b"whole")
    assert [ask(), ask()] == [True, False]
    file.unlink()
    assert [ask(), ask()] == [True, False]
    assert len(heard.said) == len(backend.looked)
