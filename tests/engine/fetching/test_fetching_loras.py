"""LoRAs as their headers and neighbours describe them; nothing in a file may keep the list from being made."""

import json
import random
from pathlib import Path

import pytest
from test_stockroom import lora_file

from engine.fetching.control import Control
from engine.fetching.errors import InTheWay, NotALora
from engine.fetching.loras import LoraFolder, rank_of, read_header
from engine.protocol.messages import Model


@pytest.fixture
def folder(tmp_path: Path) -> LoraFolder:
    (tmp_path / "models" / "loras").mkdir(parents=True)
    return LoraFolder(tmp_path / "models", parts=["loras/distilled.safetensors"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        (10**12).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (9).to_bytes(8, "little") + b"\xff\xfe\xfd\xfc{}{}{",
        (12).to_bytes(8, "little") + b'{"a": [1, 2]' + b"}",
        b"PK\x03\x04" + bytes(64),
    ],
)
def test_what_is_no_lora_is_listed_with_the_reason(folder: LoraFolder, data: bytes) -> None:
    (folder.folder / "odd.safetensors").write_bytes(data)
    (listed,) = folder.list()
    assert listed.problem
    assert listed.rank == 0


def test_no_bytes_of_a_header_raise_anything_but_what_is_said(tmp_path: Path) -> None:
    whole = lora_file(tmp_path, "whole.safetensors", trigger_words="x").read_bytes()
    chance = random.Random(3)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data) // 2)] = chance.randrange(256)
        file = tmp_path / "changed.safetensors"
        file.write_bytes(data[: chance.randint(0, len(data))])
        try:
            rank_of(read_header(file))
        except NotALora as exc:
            assert "changed.safetensors" in str(exc)  # noqa: PT017  (whether it's raised is left open)


def test_the_files_own_words_go_before_its_neighbours_and_broken_ones_say_nothing(folder: LoraFolder) -> None:
    tags = json.dumps({"a": {"crt": 5, "a cat": 2}, "b": {"a cat": 1, "crt ": 4}})
    file = lora_file(
        folder.folder, "look_one.safetensors", 8, ss_tag_frequency=tags, **{"modelspec.title": "Look  one"}
    )
    (folder.folder / "look_one.json").write_text(
        '{"activation text": "from notes", "preferred weight": 0.8, "notes": 3}'
    )
    (folder.folder / "look_one.civitai.info").write_text("{broken")
    (listed,) = folder.list()
    assert (listed.title, listed.rank, listed.trigger_words) == ("Look one", 8, "from notes")
    assert (listed.strength, listed.about, listed.preview) == (0.8, "3", "")
    (folder.folder / "look_one.json").unlink()
    assert folder.list()[0].trigger_words == "crt"  # what stood in nearly every caption
    told = (Model(model="look_one", title="look one", kind="lora", installed=True, path=str(file)),)
    assert folder.describe(told)[0].title == "Look one"


def test_parts_of_models_are_no_choice_and_nothing_outside_can_be_named(folder: LoraFolder, tmp_path: Path) -> None:
    lora_file(folder.folder, "distilled.safetensors")
    assert folder.list() == ()
    outside = lora_file(tmp_path, "outside.safetensors")
    for name in (
        "../../outside.safetensors",
        str(outside),
        "loras/../../outside.safetensors",
        "loras/none.safetensors",
    ):
        with pytest.raises(NotALora):
            folder.remove(name)
        with pytest.raises(NotALora):
            folder.set_strength(name, 1.0)
    assert outside.exists()


def test_one_that_is_in_the_way_stays(folder: LoraFolder, tmp_path: Path) -> None:
    source = lora_file(tmp_path, "same.safetensors", 4)
    lora_file(folder.folder, "same.safetensors", 2)
    with pytest.raises(InTheWay):
        folder.add(source, Control())
    assert folder.list()[0].rank == 2
