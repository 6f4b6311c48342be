"""Which backend does a job, as a table."""

import pytest

from engine.backends.base import Unsupported
from engine.backends.policy import choose
from engine.protocol.messages import BackendCapability, ModeCapability, ModelCapability
from engine.protocol.work import AnyWork, Retake, TextToVideo


def model(name: str, retake: str = "", **more: object) -> ModelCapability:
    modes = (
        ModeCapability(mode="text_to_video", available=True),
        ModeCapability(mode="retake", available=not retake, why_not=retake),
    )
    return ModelCapability(model=name, title=name.upper(), modes=modes, **more)  # pyright: ignore[reportArgumentType]


LOCAL = BackendCapability(
    backend="local",
    title="Here",
    available=True,
    models=(model("big", retake="needs 12 GB, 8 GB are free"), model("pocket")),
)
REMOTE = BackendCapability(
    backend="remote",
    title="LTX API",
    available=True,
    remote=True,
    models=(model("pro"),),
    sends=("the prompt", "2 s of film"),
)
BROKEN = BackendCapability(backend="local", title="Here", available=False, why_not="torch can't be imported")
NO_WEIGHTS = BackendCapability(
    backend="local", title="Here", available=True, models=(model("big", available=False, why_not="not downloaded yet"),)
)
TEXT = {"width": 64, "height": 64, "frames": 9, "rate": "24"}
RETAKE = {"source": "/a.mov", "start": 0, "end": 9}


@pytest.mark.parametrize(
    ("work", "backends", "expected"),
    [
        (TextToVideo(**TEXT), [LOCAL, REMOTE], ("local", "big")),
        (Retake(**RETAKE), [LOCAL, REMOTE], ("local", "pocket")),
        (TextToVideo(**TEXT, model="pocket"), [LOCAL, REMOTE], ("local", "pocket")),
        (TextToVideo(**TEXT, may_leave=True), [LOCAL, REMOTE], ("local", "big")),
        (TextToVideo(**TEXT, may_leave=True), [BROKEN, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True), [NO_WEIGHTS, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True, backend="remote"), [LOCAL, REMOTE], ("remote", "pro")),
        (TextToVideo(**TEXT, may_leave=True, model="pro"), [LOCAL, REMOTE], ("remote", "pro")),
    ],
)
def test_the_first_that_can_do_it_does_it(
    work: AnyWork, backends: list[BackendCapability], expected: tuple[str, str]
) -> None:
    assert choose(work, backends)[:2] == expected


@pytest.mark.parametrize(
    ("work", "backends", "why_not"),
    [
        (TextToVideo(**TEXT), [BROKEN, REMOTE], "the prompt, 2 s of film away, which wasn't agreed to"),
        (TextToVideo(**TEXT, backend="remote"), [LOCAL, REMOTE], "wasn't agreed to"),
        (TextToVideo(**TEXT), [BROKEN], "torch can't be imported"),
        (TextToVideo(**TEXT), [NO_WEIGHTS], "not downloaded yet"),
        (Retake(**RETAKE, model="big"), [LOCAL], "needs 12 GB, 8 GB are free"),
        (TextToVideo(**TEXT, model="huge"), [LOCAL], "nothing here is called huge"),
        (TextToVideo(**TEXT, backend="cloud", model="huge"), [LOCAL], "nothing here is called cloud with huge"),
        (TextToVideo(**TEXT), [], "there is no backend"),
    ],
)
def test_where_nothing_can_every_reason_is_said(work: AnyWork, backends: list[BackendCapability], why_not: str) -> None:
    with pytest.raises(Unsupported, match=why_not):
        choose(work, backends)
