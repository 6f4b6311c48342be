"""Reading and writing safetensors files: the same tensors as the reference library, and no damage unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_samples import raw_file
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.loading import safetensors_file
from engine.loading.errors import NotSafetensors, Truncated
from engine.loading.safetensors_file import (
    DTYPES,
    SafetensorsFile,
    read_into,
    read_tensors,
    write_safetensors,
)

FILES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 64 bytes, so that tensors are cut and joined as gigabytes would be."""
    monkeypatch.setattr(safetensors_file, "_PIECE_BYTES", 64)


def random_tensor(dtype: torch.dtype, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    size = dtype.itemsize
    for side in shape:
        size *= side
    data = torch.randint(0, 256, (size,), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return (data % 2 if dtype == torch.bool else data).view(dtype).view(shape)


def same(a: Tensor, b: Tensor) -> bool:
    """Equal bits: random floats hold NaNs."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))
    )


# Reading -------------------------------------------------------------------------------------------------------------


def test_reads_what_the_reference_library_reads(golden: Path):
    path = golden / "tiny-checkpoint.safetensors"
    file = SafetensorsFile.open(path)
    expected = load_file(path)
    read = read_tensors(file.tensors)
    assert read.keys() == expected.keys()
    assert all(same(read[name], expected[name]) for name in expected)
    assert json.loads(file.metadata["config"])["transformer"]["num_layers"] == 2
    assert file.size_bytes == path.stat().st_size


@FILES
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 9), max_size=3).map(tuple)),
        min_size=1,
        max_size=8,
    ),
    st.data(),
)
def test_any_selection_arrives_whole_however_it_is_cut(tmp_path: Path, small_pieces, kinds, data):
    tensors = {f"t{n}": random_tensor(DTYPES[dtype], shape, n) for n, (dtype, shape) in enumerate(kinds)}
    path = tmp_path / "any.safetensors"
    write_safetensors(path, tensors, {"note": "é"})
    file = SafetensorsFile.open(path)
    assert file.metadata == {"note": "é"}
    chosen = data.draw(st.lists(st.sampled_from(sorted(tensors)), unique=True))
    read = read_tensors({name: file.tensors[name] for name in chosen})
    assert list(read) == chosen
    assert all(same(read[name], tensors[name]) for name in chosen)

    targets = {name: torch.empty_like(tensors[name]) for name in chosen}
    read_into([(file.tensors[name], targets[name]) for name in chosen])
    assert all(same(targets[name], tensors[name]) for name in chosen)


def test_converts_each_tensor_as_it_arrives(golden: Path):
    file = SafetensorsFile.open(golden / "tiny-lora.safetensors")
    read = read_tensors(file.tensors, convert=lambda _name, tensor: tensor.to(torch.bfloat16))
    expected = load_file(golden / "tiny-lora.safetensors")
    assert all(torch.equal(read[name], tensor.bfloat16()) for name, tensor in expected.items())


def test_reads_from_several_files_at_once(tmp_path: Path):
    wanted = {}
    for number in range(3):
        path = tmp_path / f"{number}.safetensors"
        write_safetensors(path, {"same name": torch.full((4,), number)})
        wanted[f"from {number}"] = SafetensorsFile.open(path).tensors["same name"]
    assert {name: tensor[0].item() for name, tensor in read_tensors(wanted).items()} == {
        "from 0": 0,
        "from 1": 1,
        "from 2": 2,
    }


def test_progress_counts_every_byte_once(golden: Path, small_pieces):
    file = SafetensorsFile.open(golden / "tiny-lora.safetensors")
    steps: list[tuple[int, int]] = []
    read_tensors(file.tensors, progress=lambda done, total: steps.append((done, total)))
    total = sum(info.size_bytes for info in file.tensors.values())
    done = [step[0] for step in steps]
    assert {step[1] for step in steps} == {total}
    assert done == sorted(set(done))
    assert done[-1] == total


class Cancelled(Exception):
    pass


def test_what_progress_raises_ends_the_reading(golden: Path, small_pieces):
    file = SafetensorsFile.open(golden / "tiny-lora.safetensors")
    calls = 0

    def cancel_at_the_third(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_tensors(file.tensors, progress=cancel_at_the_third)
    assert calls == 3


def test_a_file_that_shrinks_after_it_was_opened_is_noticed(tmp_path: Path):
    path = tmp_path / "shrinks.safetensors"
    write_safetensors(path, {"a": torch.zeros(1000)})
    file = SafetensorsFile.open(path)
    with path.open("r+b") as opened:
        opened.truncate(500)
    with pytest.raises(Truncated) as caught:
        read_tensors(file.tensors)
    assert caught.value.found_bytes == 500


@pytest.mark.gpu
def test_reads_onto_the_gpu_through_pinned_memory(golden: Path, small_pieces):
    path = golden / "tiny-lora.safetensors"
    read = read_tensors(SafetensorsFile.open(path).tensors, "cuda", convert=lambda _name, tensor: tensor.double())
    for name, tensor in load_file(path).items():
        assert read[name].is_cuda
        assert torch.equal(read[name].cpu(), tensor.double())


# Writing -------------------------------------------------------------------------------------------------------------


def test_the_reference_library_reads_what_we_write(tmp_path: Path):
    tensors = {name: random_tensor(dtype, (3, 5), number) for number, (name, dtype) in enumerate(DTYPES.items())}
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 4), "strided": torch.arange(6.0).view(2, 3).t()}
    write_safetensors(tmp_path / "ours.safetensors", tensors)
    read = load_file(tmp_path / "ours.safetensors")
    assert all(same(read[name], tensor) for name, tensor in tensors.items())
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, tmp_path / "theirs.safetensors")
    theirs = SafetensorsFile.open(tmp_path / "theirs.safetensors")
    ours = SafetensorsFile.open(tmp_path / "ours.safetensors")
    starts = {name: info.offset % info.dtype.itemsize for name, info in ours.tensors.items() if info.size_bytes}
    assert set(starts.values()) == {0}
    assert ours.tensors.keys() == theirs.tensors.keys()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "kept.safetensors"
    write_safetensors(path, {"a": torch.ones(3)})
    before = path.read_bytes()
    with pytest.raises(NotImplementedError):
        write_safetensors(path, {"a": torch.ones(3), "b": torch.ones(3, device="meta")})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(40), "pickle"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"GGUF\x03\x00\x00\x00" + bytes(40), "GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"<!doctype html><html>", "web page"),
        (bytes(64), "header"),
        (b"\x00", "header"),
        (b"\xff" * 64, "header"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, start: bytes, said: str):
    path = tmp_path / "model.safetensors"
    path.write_bytes(start)
    with pytest.raises(NotSafetensors, match=said) as caught:
        SafetensorsFile.open(path)
    assert caught.value.path == path


def test_a_header_as_long_as_another_formats_magic_number_still_opens(tmp_path: Path):
    for length in (ord("<"), 0x0280):  # as bytes: "<" of a web page, and the start of a pickle
        header = b"{}" + b" " * (length - 2)
        (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header)
        assert SafetensorsFile.open(tmp_path / "file").tensors == {}


@FILES
@given(cut=st.integers(1, 43671))
def test_a_file_cut_anywhere_says_how_much_is_missing(golden: Path, tmp_path: Path, cut: int):
    whole = (golden / "tiny-lora.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole[:cut])
    if cut < 9:
        with pytest.raises(NotSafetensors):
            SafetensorsFile.open(path)
        return
    with pytest.raises(Truncated) as caught:
        SafetensorsFile.open(path)
    assert caught.value.found_bytes == cut
    header_end = 8 + int.from_bytes(whole[:8], "little")
    assert caught.value.expected_bytes == (len(whole) if cut >= header_end else header_end)
    assert f"{caught.value.expected_bytes - cut:,} missing" in str(caught.value)


@FILES
@given(data=st.data())
def test_a_damaged_header_is_refused_or_describes_bytes_that_are_there(golden: Path, tmp_path: Path, data):
    whole = bytearray((golden / "tiny-lora.safetensors").read_bytes())
    header_end = 8 + int.from_bytes(whole[:8], "little")
    for position in data.draw(st.lists(st.integers(0, header_end - 1), min_size=1, max_size=4)):
        whole[position] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'0123456789[]{},":-e.')))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(bytes(whole))
    try:
        file = SafetensorsFile.open(path)
    except (NotSafetensors, Truncated):
        return
    for info in file.tensors.values():
        assert 0 <= info.offset <= info.offset + info.size_bytes <= len(whole)
    read_tensors(file.tensors)


ENTRY = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"a": ENTRY, "b": ENTRY}, "begins at"),
        ({"a": {**ENTRY, "data_offsets": [4, 8]}}, "begins at"),
        ({"a": {**ENTRY, "shape": [5]}}, "can't take"),
        ({"a": {**ENTRY, "shape": [-4]}}, "no count"),
        ({"a": {**ENTRY, "shape": [True, 4]}}, "no count"),
        ({"a": {**ENTRY, "shape": [1 << 70, 0]}}, "no count"),
        ({"a": {**ENTRY, "dtype": "F4"}}, "dtype"),
        ({"a": {**ENTRY, "dtype": []}}, "dtype"),
        ({"a": {**ENTRY, "data_offsets": [0]}}, "lacks"),
        ({"a": 3}, "lacks"),
        ({"__metadata__": {"config": {}}, "a": ENTRY}, "not text"),
        ({"__metadata__": [], "a": ENTRY}, "not a map"),
        ({"a": {**ENTRY, "shape": [3], "data_offsets": [0, 3]}}, "follow the last tensor"),
    ],
)
def test_headers_that_break_the_rules_are_refused(tmp_path: Path, entries, said: str):
    path = raw_file(tmp_path / "bad.safetensors", entries, bytes(4))
    with pytest.raises(NotSafetensors, match=said):
        SafetensorsFile.open(path)


@pytest.mark.parametrize("header", [b'{"a":1,"a":2}', b"{" + b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b"{\xff}"])
def test_headers_that_are_no_plain_json_are_refused(tmp_path: Path, header: bytes):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(NotSafetensors):
        SafetensorsFile.open(path)
