"""Takes are stored as the person wishes where their model can, and as H.264 where it can't."""

from __future__ import annotations

import msgspec
import pytest

from engine.protocol.messages import BackendCapability, ModelCapability
from engine.protocol.work import Output, TextToVideo
from ltxdesktop.jobs.storing import codecs_for, stored_as

WORK = TextToVideo(prompt="a red ball", width=32, height=32, frames=9, rate="24")


def backend(name: str, *models: ModelCapability) -> BackendCapability:
    return BackendCapability(backend=name, title=name, available=True, models=models)


def model(name: str, *codecs: str, available: bool = True) -> ModelCapability:
    return ModelCapability(
        model=name, title=name, modes=(), codecs=codecs, available=available, aliases=(f"also-{name}",)
    )


HERE = backend("local", model("able", "h264", "ffv1"), model("plain", "h264"), model("absent", available=False))
AWAY = backend("remote", model("able", "h264", "prores"))


@pytest.mark.parametrize(
    ("named", "codecs"),
    [
        ({"backend": "local", "model": "able"}, {"h264", "ffv1"}),
        ({"backend": "local", "model": "also-able"}, {"h264", "ffv1"}),
        ({"backend": "remote"}, {"h264", "prores"}),
        ({"model": "able"}, {"h264"}),
        ({"backend": "local"}, {"h264"}),
        ({"model": "nobody"}, set[str]()),
    ],
)
def test_a_codec_has_to_suit_all_models_that_may_do_it(named, codecs):
    assert codecs_for(msgspec.structs.replace(WORK, **named), (HERE, AWAY)) == codecs


def test_the_wish_is_followed_where_it_can_be():
    here = msgspec.structs.replace(WORK, backend="local", model="able", output=Output(folder="/takes", name="ball"))
    made = stored_as(here, "ffv1", (HERE, AWAY))
    assert made.output == Output(folder="/takes", name="ball", codec="ffv1")
    assert stored_as(here, "prores", (HERE, AWAY)) == here
    assert stored_as(here, "ffv1", ()) == here, "while nobody says what can be done"


def test_a_recipe_that_says_how_keeps_its_format():
    work = msgspec.structs.replace(WORK, backend="local", model="able", output=Output(codec="ffv1"))
    assert stored_as(work, "h264", (HERE,)) == work
