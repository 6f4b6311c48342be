"""Streamed blocks: the same bits as resident ones, from host or disk, with LoRAs, in FP8, and after mishaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loading_samples import five_blocks, golden_streams, quantised, same_bits, save_variant, transformer_tensors
from torch import Tensor, nn

from engine.loading.checkpoint import Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.lora import Lora, set_loras
from engine.loading.safetensors_file import read_tensors
from engine.loading.streaming import (
    ALIGNMENT,
    BlockLayout,
    BlockStreamer,
    StreamedTraining,
    Streaming,
    packed,
    streamed_indices,
)
from engine.loading.transformer_loading import load_transformer, streamer_of
from engine.models.transformer import Transformer
from engine.models.transformer_streams import Velocities

FLOAT = torch.float32


@pytest.fixture
def five(golden: Path, tmp_path: Path) -> Checkpoint:
    return five_blocks(tmp_path / "five.safetensors", golden)


def run(transformer: Transformer, golden: Path) -> Velocities:
    with torch.inference_mode():
        return transformer(*golden_streams(golden))


@pytest.fixture
def streamed(five: Checkpoint) -> Iterator[list[Transformer]]:
    """Transformers appended here are closed after the test."""
    transformers: list[Transformer] = []
    yield transformers
    for transformer in transformers:
        streamer = streamer_of(transformer)
        assert streamer is not None
        streamer.close()


# Which blocks, and where their bytes are -----------------------------------------------------------------------------


@given(st.integers(0, 60), st.data())
def test_streamed_blocks_are_spread_evenly(blocks: int, data: st.DataObject):
    resident = data.draw(st.integers(0, blocks))
    chosen = streamed_indices(blocks, resident)
    assert len(chosen) == len(set(chosen)) == blocks - resident
    assert all(0 <= index < blocks for index in chosen)
    gaps = {later - earlier for earlier, later in itertools.pairwise(chosen)}
    if chosen:  # the order wraps around
        gaps.add(chosen[0] + blocks - chosen[-1])
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_examples_of_the_docstring():
    assert streamed_indices(8, 4) == [1, 3, 5, 7]
    assert streamed_indices(8, 6) == [3, 7]
    with pytest.raises(ValueError, match="9 of 8"):
        streamed_indices(8, 9)


TENSORS = st.lists(
    st.tuples(
        st.sampled_from([torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.uint8]),
        st.lists(st.integers(0, 7), max_size=3).map(tuple),
    ),
    max_size=8,
)


@given(TENSORS)
def test_layouts_are_aligned_and_never_overlap(kinds: list[tuple[torch.dtype, tuple[int, ...]]]):
    layout = BlockLayout.of((f"t{number}", dtype, shape) for number, (dtype, shape) in enumerate(kinds))
    buffer = torch.zeros(layout.size_bytes, dtype=torch.uint8)
    views = layout.views(buffer)
    assert all(place.offset % ALIGNMENT == 0 for place in layout.places)
    for number, (dtype, shape) in enumerate(kinds):
        view = views[f"t{number}"]
        assert (view.dtype, tuple(view.shape)) == (dtype, shape)
        view.view(-1).view(torch.uint8).add_(1)
    assert int(buffer.sum()) == sum(math.prod(shape) * dtype.itemsize for dtype, shape in kinds)
    assert buffer.max() <= 1 if len(buffer) else True


# The same bits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["host", "disk"])
@pytest.mark.parametrize("resident", range(6))
def test_streamed_equals_resident_bit_for_bit(five: Checkpoint, golden: Path, streamed, source, resident: int):
    expected = run(load_transformer(five, dtype=FLOAT), golden)
    transformer = load_transformer(five, dtype=FLOAT, streaming=Streaming(resident, source))
    streamed.append(transformer)
    for _ in range(2):
        assert same_bits(run(transformer, golden), expected)


@pytest.mark.parametrize("source", ["host", "disk"])
@pytest.mark.parametrize("slots", [1, 3])
def test_other_numbers_of_slots(five: Checkpoint, golden: Path, streamed, source, slots: int):
    expected = run(load_transformer(five, dtype=FLOAT), golden)
    streamed.append(load_transformer(five, dtype=FLOAT, streaming=Streaming(1, source, slots)))
    for _ in range(2):
        assert same_bits(run(streamed[0], golden), expected)


@pytest.mark.parametrize("source", ["host", "disk"])
@pytest.mark.parametrize("weights", [WeightFormat.AS_STORED, WeightFormat.FP8_SCALED, WeightFormat.FP8_CAST])
def test_fp8_streams_with_its_scales(golden: Path, tmp_path: Path, streamed, source, weights: WeightFormat):
    """Blocks of different formats take turns in one slot."""
    checkpoint = save_variant(tmp_path / "fp8.safetensors", golden, quantised(transformer_tensors(golden), blocks=(0,)))
    expected = run(load_transformer(checkpoint, dtype=FLOAT, weights=weights), golden)
    streamed.append(load_transformer(checkpoint, dtype=FLOAT, weights=weights, streaming=Streaming(0, source, 1)))
    for _ in range(2):
        assert same_bits(run(streamed[0], golden), expected)


@pytest.mark.parametrize("source", ["host", "disk"])
@pytest.mark.parametrize("resident", [0, 2, 4])
def test_loras_travel_with_their_blocks(five: Checkpoint, golden: Path, streamed, source, resident: int):
    lora = Lora.open(golden / "tiny-lora.safetensors")
    reference = load_transformer(five, dtype=FLOAT)
    base = run(reference, golden)
    set_loras(reference, [(lora, 0.75)])
    expected = run(reference, golden)
    assert not same_bits(base, expected)
    transformer = load_transformer(five, dtype=FLOAT, streaming=Streaming(resident, source))
    streamed.append(transformer)
    assert same_bits(run(transformer, golden), base)
    for strength, result in ((0.75, expected), (0.0, base), (0.75, expected)):
        set_loras(transformer, [(lora, strength)])
        for _ in range(2):
            assert same_bits(run(transformer, golden), result)
    set_loras(transformer, [])
    assert same_bits(run(transformer, golden), base)


def test_half_precision_streams_too(five: Checkpoint, golden: Path, streamed):
    expected = run(load_transformer(five), golden)
    for source in ("host", "disk"):
        streamed.append(load_transformer(five, streaming=Streaming(2, source)))
        assert same_bits(run(streamed[-1], golden), expected)


def test_compiled_blocks_share_one_graph_wherever_they_live(five: Checkpoint, golden: Path, streamed):
    """And a second one serves blocks with a LoRA, whatever its strength."""
    counters = torch._dynamo.utils.counters
    lora = Lora.open(golden / "tiny-lora.safetensors")
    torch._dynamo.reset()
    counters.clear()
    transformer = load_transformer(five, dtype=FLOAT, streaming=Streaming(2))
    streamed.append(transformer)
    expected = run(transformer, golden)
    for block in transformer.transformer_blocks:
        block.compile(fullgraph=True, backend="eager")
    assert same_bits(run(transformer, golden), expected)
    assert counters["stats"]["unique_graphs"] == 1
    for strength in (0.5, 0.7):
        set_loras(transformer, [(lora, strength)])
        assert not same_bits(run(transformer, golden), expected)
        assert counters["stats"]["unique_graphs"] == 2
    set_loras(transformer, [])
    assert same_bits(run(transformer, golden), expected)


# Cost ----------------------------------------------------------------------------------------------------------------


def blocks_of(count: int) -> nn.ModuleList:
    noise = torch.Generator().manual_seed(3)
    blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(count)]).requires_grad_(requires_grad=False)
    for parameter in blocks.parameters():
        parameter.normal_(generator=noise)
    return blocks


def through(blocks, x: Tensor) -> Tensor:
    for _, block in blocks:
        x = torch.tanh(block(x))
    return x


class CountedDisk:
    """Blocks on the meta device, and a source that counts how often each is brought."""

    def __init__(self, count: int, streamed: list[int]) -> None:
        whole = blocks_of(count)
        self.expected = through(enumerate(whole), torch.ones(2, 8))
        self.tensors = [dict(block.named_parameters()) for block in whole]
        self.blocks = nn.ModuleList(
            [block.to("meta") if index in streamed else block for index, block in enumerate(blocks_of(count))]
        )
        self.layouts = {
            index: BlockLayout.of((n, t.dtype, tuple(t.shape)) for n, t in self.tensors[index].items())
            for index in streamed
        }
        self.brought: list[int] = []

    def fill(self, index: int, buffer: Tensor) -> None:
        self.brought.append(index)
        for name, view in self.layouts[index].views(buffer).items():
            view.copy_(self.tensors[index][name])


@torch.no_grad()
def test_each_block_is_brought_once_a_pass_and_the_next_pass_begins_early():
    disk = CountedDisk(6, [1, 3, 5])
    with BlockStreamer(disk.blocks, disk.layouts, "cpu", fill=disk.fill) as streamer:
        for _ in range(3):
            assert torch.equal(through(streamer(disk.blocks), torch.ones(2, 8)), disk.expected)
    assert disk.brought == [1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3]


@torch.no_grad()
def test_no_more_blocks_than_slots_are_brought_only_once():
    disk = CountedDisk(4, [1, 3])
    with BlockStreamer(disk.blocks, disk.layouts, "cpu", fill=disk.fill) as streamer:
        for _ in range(3):
            assert torch.equal(through(streamer(disk.blocks), torch.ones(2, 8)), disk.expected)
        assert streamer.device_bytes == 2 * disk.layouts[1].size_bytes
    assert disk.brought == [1, 3]


@torch.no_grad()
def test_weights_are_gone_between_calls():
    disk = CountedDisk(3, [0, 1, 2])
    with BlockStreamer(disk.blocks, disk.layouts, "cpu", host=packed(disk.layouts, disk.fill)) as streamer:
        for index, block in streamer(disk.blocks):
            assert torch.equal(block.weight, disk.tensors[index]["weight"])
        assert all(parameter.is_meta for parameter in disk.blocks.parameters())
        assert streamer.host_bytes == sum(layout.size_bytes for layout in disk.layouts.values())
    assert disk.brought == [0, 1, 2]


# Mishaps -------------------------------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_pass_that_is_broken_off_does_not_harm_the_next(on_disk: bool):
    disk = CountedDisk(5, [0, 2, 3, 4])
    source = {"fill": disk.fill} if on_disk else {"host": packed(disk.layouts, disk.fill)}
    with BlockStreamer(disk.blocks, disk.layouts, "cpu", **source) as streamer:
        for stop in range(5):
            passing = streamer(disk.blocks)
            assert next(index for index, _ in passing if index == stop) == stop
            passing.close()  # as the transformer does when a block raises
            assert all(p.is_meta for index in disk.layouts for p in disk.blocks[index].parameters())
            assert torch.equal(through(streamer(disk.blocks), torch.ones(2, 8)), disk.expected)


@torch.no_grad()
def test_a_disk_that_fails_is_reported_where_its_block_was_due():
    disk = CountedDisk(4, [0, 1, 2, 3])

    def fails_once(index: int, buffer: Tensor) -> None:
        if index == 2 and disk.brought.count(2) == 0:
            disk.brought.append(2)
            raise OSError("the disk is gone")
        disk.fill(index, buffer)

    with BlockStreamer(disk.blocks, disk.layouts, "cpu", fill=fails_once) as streamer:
        passing = streamer(disk.blocks)
        assert [next(passing)[0], next(passing)[0]] == [0, 1]
        with pytest.raises(OSError, match="the disk is gone"):
            next(passing)
        assert torch.equal(through(streamer(disk.blocks), torch.ones(2, 8)), disk.expected)


def test_training_on_streamed_weights_is_refused(five: Checkpoint, golden: Path, streamed):
    streamed.append(load_transformer(five, dtype=FLOAT, streaming=Streaming(3)))
    with pytest.raises(StreamedTraining, match="no_grad"):
        streamed[0](*golden_streams(golden))


def test_progress_counts_streamed_blocks_that_wait_on_the_host(five: Checkpoint, streamed):
    for source, share in (("host", 1.0), ("disk", None)):
        seen: list[tuple[int, int]] = []
        streamed.append(
            load_transformer(five, streaming=Streaming(2, source), progress=lambda *step, seen=seen: seen.append(step))
        )
        done, total = seen[-1]
        assert done == total
        whole = five.size_bytes("model.diffusion_model.") - sum(
            info.size_bytes for name, info in five.tensors.items() if "embeddings_connector" in name
        )
        assert (total == whole) == (share == 1.0)


# Blocks of other networks --------------------------------------------------------------------------------------------


class OthersNetwork(nn.Module):
    """Iterates over its own blocks, as transformers' Gemma does, and has buffers in them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = blocks_of(5)
        for layer in self.layers:
            layer.register_buffer("shift", torch.full((8,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x) + layer.shift)
        return x

    def streamed(self, resident: int) -> BlockStreamer:
        """Streams the layers that don't stay, from a copy; their own weights go."""
        chosen = {index: dict(self.layers[index].named_parameters()) for index in streamed_indices(5, resident)}
        layouts = {
            index: BlockLayout.of((name, tensor.dtype, tuple(tensor.shape)) for name, tensor in named.items())
            for index, named in chosen.items()
        }

        def fill(index: int, buffer: Tensor) -> None:
            for name, view in layouts[index].views(buffer).items():
                view.copy_(chosen[index][name])

        for index in chosen:
            self.layers[index].to_empty(device="meta").register_buffer("shift", torch.full((8,), 0.25))
        return BlockStreamer(list(self.layers), layouts, "cpu", fill=fill).on_calls()


@torch.no_grad()
@pytest.mark.parametrize("resident", range(6))
def test_a_loaded_network_streams_by_its_calls(resident: int):
    expected = OthersNetwork()(torch.ones(2, 8))
    network = OthersNetwork()
    with network.streamed(resident):
        for _ in range(2):
            assert torch.equal(network(torch.ones(2, 8)), expected)
        assert sum(p.is_meta for p in network.parameters()) == 2 * (5 - resident)
        with pytest.raises(RuntimeError):
            network(torch.ones(2, 9))
        assert torch.equal(network(torch.ones(2, 8)), expected)


# On a GPU ------------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("source", ["host", "disk"])
@pytest.mark.parametrize("resident", range(6))
def test_the_gpu_computes_the_same_bits(five: Checkpoint, golden: Path, streamed, source, resident: int):
    lora = Lora.open(golden / "tiny-lora.safetensors")
    video, audio = (
        stream._replace(
            **{
                name: value.cuda() if isinstance(value, Tensor) else type(value)(*(part.cuda() for part in value))
                for name, value in stream._asdict().items()
                if name not in ("attention_mask_BTT", "enabled")
            }
        )
        for stream in golden_streams(golden)
    )
    whole = load_transformer(five, "cuda")
    transformer = load_transformer(five, "cuda", streaming=Streaming(resident, source))
    streamed.append(transformer)
    for loras in ([], [(lora, 0.75)], []):
        for network in (whole, transformer):
            set_loras(network, loras)
        with torch.inference_mode():
            expected = whole(video, audio)
            results = [transformer(video, audio) for _ in range(6)]  # queued without waiting, as a sampler does
        assert all(same_bits(result, expected) for result in results)


@pytest.mark.gpu
def test_waiting_blocks_are_pinned_at_their_exact_size(five: Checkpoint, streamed):
    streamed.append(load_transformer(five, "cuda", streaming=Streaming(0)))
    streamer = streamer_of(streamed[0])
    assert streamer is not None
    assert streamer.host_bytes == sum(layout.size_bytes for layout in streamer.layouts.values())
    read = read_tensors({"w": five.tensors["model.diffusion_model.transformer_blocks.4.attn1.to_q.weight"]})
    with torch.inference_mode():
        for index, block in streamer(streamed[0].transformer_blocks):
            if index == 4:
                assert torch.equal(block.attn1.to_q.weight.cpu(), read["w"].bfloat16())
