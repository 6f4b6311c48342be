"""The planner: its formulas against measured peaks, its decisions as a table, and what happens when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from local_kit import MODEL, Desk, Heard, check_file, footage, of_role

from engine.backends.base import Job, OutOfMemory
from engine.backends.local import backend as backend_module
from engine.backends.local import opened as opened_module
from engine.backends.local.backend import LocalBackend
from engine.backends.local.device import Precision
from engine.backends.local.headers import sizes_of
from engine.backends.local.lending import LocalNetworks
from engine.backends.local.media import MediaFiles
from engine.backends.local.memory import (
    RESERVE,
    SMALL_PIECE,
    SMALLEST_PIECE,
    Demand,
    DoesNotFit,
    Memory,
    MemoryPlan,
    ModelSizes,
    StreamedNetwork,
    decoding_bytes,
    encoding_bytes,
    make_plan,
    plan_peak,
    sampling_bytes,
)
from engine.backends.local.sizing import smaller_works
from engine.backends.policy import Situation, advise
from engine.loading.checkpoint import Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.networks import load_video_decoder, load_video_encoder
from engine.loading.transformer_loading import load_transformer
from engine.models.transformer_streams import StreamInput, Timesteps
from engine.models.video_streaming import decode_in_pieces, encode_in_pieces
from engine.pipelines.networks import Weights
from engine.pipelines.signals import rgb8
from engine.protocol.work import Extend, Retake, TextToVideo

GB = 10**9
# LTX-2.3 in round numbers: 48 blocks of 0.8 GB, a text encoder of 24 GB, its conditioner of 6.3, 2 of small networks.
LARGE = ModelSizes(
    blocks=(8 * GB // 10,) * 48,
    blocks_fp8=(4 * GB // 10,) * 48,
    outside_blocks=GB,
    parts={
        "text_encoder": 24 * GB,
        "text": 63 * GB // 10,
        "video_decoder": 9 * GB // 10,
        "video_encoder": 6 * GB // 10,
        "vocoder": GB // 2,
    },
    video_width=4096,
    audio_width=2048,
    decoder=StreamedNetwork(624_896, 200_000, 60_000),
    encoder=StreamedNetwork(624_896, 200_000, 60_000),
    text_streamed=3 * GB,
)  # fmt: skip
FULL_HD = Demand(32_640, 126, 1024, 34, 60, 121)
SMALL = Demand(6_144, 126, 1024, 16, 24, 121)


# --- formulas against measurement ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(models_folder: Path) -> Checkpoint:
    return Checkpoint.open(models_folder / "tiny.safetensors")


def sizes(desk: Desk, opened: Checkpoint, dtype: torch.dtype) -> ModelSizes:
    return sizes_of(desk.backend._models.get(MODEL), opened, Precision(dtype, ""))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_are_counted_as_they_lie_in_memory(desk: Desk, opened: Checkpoint, dtype: torch.dtype) -> None:
    counted = sizes(desk, opened, dtype)
    for network, estimate in (
        (load_transformer(opened, "cpu", dtype), counted.transformer),
        (load_video_decoder(opened, "cpu", dtype), counted.parts["video_decoder"]),
        (load_video_encoder(opened, "cpu", dtype), counted.parts["video_encoder"]),
    ):
        held = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
        assert 0.97 * held <= estimate <= 1.05 * held


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("video", "audio", "chunk"), [(300, 20, None), (2000, 60, None), (2000, 60, 256), (60, 800, None)]
)
def test_sampling_needs_what_the_formula_says(
    desk: Desk, opened: Checkpoint, live_bytes: Any, dtype: torch.dtype, video: int, audio: int, chunk: int | None
) -> None:
    counted = sizes(desk, opened, dtype)
    network = load_transformer(opened, "cpu", dtype)
    network.set_feed_forward_chunk(chunk)

    def stream(tokens: int, channels: int, axes: int, width: int) -> StreamInput:
        return StreamInput(
            torch.zeros(1, tokens, channels, dtype=dtype),
            torch.ones(1),
            Timesteps.uniform(torch.ones(1), tokens),
            torch.rand(1, axes, tokens, 2),
            torch.zeros(1, 64, width, dtype=dtype),
        )

    given = stream(video, 16, 3, 48), stream(audio, 64, 1, 24)
    with live_bytes() as live, torch.no_grad():
        network(*given)
    estimate = sampling_bytes(counted, Demand(video, audio, 64, 2, 2, 9), chunk)
    assert live.peak <= estimate <= 5 * live.peak


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("rows", "columns", "latents"), [(2, 3, 2), (4, 6, 6), (9, 8, 3)])
@pytest.mark.parametrize("piece", [1 << 18, 1 << 21, 1 << 29])
def test_streamed_coding_needs_what_the_formula_says(
    desk: Desk,
    opened: Checkpoint,
    live_bytes: Any,
    dtype: torch.dtype,
    rows: int,
    columns: int,
    latents: int,
    piece: int,
) -> None:
    counted = sizes(desk, opened, dtype)
    demand = Demand(rows * columns * latents, 1, 64, rows, columns, 8 * (latents - 1) + 1)
    decoder, encoder = load_video_decoder(opened, "cpu", dtype), load_video_encoder(opened, "cpu", dtype)
    latent = torch.zeros(1, 16, latents, rows, columns, dtype=dtype)
    pixels = torch.zeros(1, 3, demand.frames, rows * 32, columns * 32, dtype=dtype)
    with live_bytes() as live, torch.no_grad():
        for part in decode_in_pieces(decoder, latent, piece):
            rgb8(part)
            del part
    estimate = decoding_bytes(counted, demand, piece)
    assert live.peak <= estimate <= 5 * live.peak
    with live_bytes() as live, torch.no_grad():
        for part in encode_in_pieces(encoder, pixels, piece):
            del part
    estimate = encoding_bytes(counted, demand, piece)
    assert live.peak <= estimate <= 6 * live.peak


@pytest.mark.parametrize("frames", [9, 33])
def test_a_whole_job_stays_below_the_plans_peak(
    models_folder: Path, live_bytes: Any, tmp_path: Path, frames: int
) -> None:
    desk = Desk.at(tmp_path, models_folder)
    work = TextToVideo(prompt="x", width=192, height=128, frames=frames, rate="24", model=MODEL)
    promised = desk.backend.estimate(work)
    with live_bytes() as live:
        desk.run(work, tmp_path / "out")
    assert promised.fits
    assert live.peak <= promised.peak_bytes <= 6 * live.peak


# --- decisions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("demand", "memory", "fp8", "expected"),
    [
        (SMALL, Memory("cuda", 96 * GB, 128 * GB), False, {"keep": "all", "source": "", "fp8": False}),
        (SMALL, Memory("cuda", 80 * GB, 128 * GB), True, {"keep": "model", "source": "", "fp8": False}),
        (SMALL, Memory("cuda", 50 * GB, 128 * GB), True, {"keep": "transformer", "source": "", "fp8": False}),
        (FULL_HD, Memory("cuda", 34 * GB, 64 * GB), True, {"source": "", "fp8": True}),
        (
            SMALL,
            Memory("cuda", 24 * GB, 64 * GB),
            True,
            {"source": "host", "fp8": True, "text_streamed": True},
        ),
        (SMALL, Memory("cuda", 8 * GB, 32 * GB), True, {"source": "host", "text_streamed": True, "chunk": 4096}),
        (SMALL, Memory("cuda", 8 * GB, 12 * GB), True, {"source": "disk", "text_streamed": True, "fp8": False}),
        (FULL_HD, Memory("cuda", 7 * GB, 12 * GB), True, {"source": "disk", "fp8": True}),
        (FULL_HD, Memory("cuda", 12 * GB, 64 * GB), True, {"source": "host", "keep": "transformer"}),
        (SMALL, Memory("cuda", 12 * GB, 30 * GB), False, {"source": "disk", "text_streamed": True}),
        (SMALL, Memory("cuda", 34 * GB, 64 * GB), True, {"text_streamed": False}),
        (SMALL, Memory("cpu", 16 * GB, 16 * GB), False, {"source": "disk", "text_streamed": True}),
        (SMALL, Memory("cpu", 90 * GB, 90 * GB), False, {"keep": "all", "source": ""}),
        (SMALL, Memory("cpu", 40 * GB, 40 * GB), False, {"source": "disk"}),
        (SMALL, Memory("mps", 60 * GB, 60 * GB), False, {"keep": "model", "source": ""}),
    ],
)
def test_decisions(demand: Demand, memory: Memory, fp8: bool, expected: dict[str, Any]) -> None:
    plan = make_plan(LARGE, demand, memory, fp8=fp8)
    assert {name: getattr(plan, name) for name in expected} == expected
    assert plan.peak <= memory.device_free - (RESERVE if memory.kind != "cpu" else 0)
    assert bool(plan.source) == (plan.resident < 48)
    assert plan.sentences()


@pytest.mark.parametrize(
    ("device_gb", "host_gb", "expected"),
    [
        (95, 128, {"keep": "all", "fp8": False, "resident": 48}),
        (78, 128, {"keep": "model", "fp8": False, "resident": 48}),
        (47, 128, {"keep": "model", "fp8": True, "resident": 48}),
        (31, 64, {"keep": "transformer", "fp8": True, "resident": 48}),
        (23, 64, {"source": "host", "resident": 30, "text_streamed": True}),
        (15.4, 32, {"source": "host", "resident": 12}),
        (11.4, 32, {"source": "host", "resident": 6}),
        (7.4, 32, {"source": "host", "resident": 0, "text_streamed": True, "on_host": ("text",)}),
        (7.4, 16, {"source": "disk", "resident": 0}),
    ],
)
def test_the_plans_that_the_documentation_lists(device_gb: float, host_gb: float, expected: dict[str, Any]) -> None:
    """docs/engine.md has this table."""
    plan = make_plan(LARGE, FULL_HD, Memory("cuda", int(device_gb * GB), int(host_gb * GB)), fp8=True)
    assert {name: getattr(plan, name) for name in expected} == expected
    if device_gb < 8:
        assert plan.sentences()[0] == "about 6.3 GB at the peak"


@pytest.mark.parametrize("memory_gb", [8.2, 16.3, 33.0, 67.0])
@pytest.mark.parametrize("device_gb", [4.0, 7.9, 12.5, 16.9, 25.3, 33.7])
def test_the_advice_to_a_machine_keeps_to_the_plans_there_are(device_gb: float, memory_gb: float) -> None:
    advice = advise(Situation("linux", "cuda", device_gb, memory_gb, "full", key=True))
    free = Memory("cuda", int(device_gb * GB), int(max(0.0, memory_gb - 7) * GB))  # beside the system and the programs
    try:
        plan = make_plan(LARGE, FULL_HD, free, fp8=True)
    except DoesNotFit:
        assert advice.way != "local"
        return
    if advice.way == "local":
        assert any("needn't come from disk" in said for said in advice.unlocks) == (plan.source == "disk")
    else:
        assert memory_gb < 15  # there are plans, which nobody has tried with so little for all the rest


def test_a_text_encoder_that_can_not_be_streamed_works_on_the_host() -> None:
    plan = make_plan(replace(LARGE, text_streamed=0), SMALL, Memory("cuda", 8 * GB, 32 * GB), fp8=True)
    assert (plan.text_streamed, plan.on_host) == (False, ("text_encoder",))
    assert "the prompt is read by the processor" in plan.sentences()
    assert make_plan(LARGE, SMALL, Memory("cuda", 8 * GB, 32 * GB), fp8=True).peak <= plan.peak


def test_a_streamed_text_encoder_reads_a_prompt_alike_and_another_writes(desk: Desk) -> None:
    networks = desk.backend._models.networks(desk.backend._models.get(MODEL))
    plan = MemoryPlan(resident=3, blocks=3)
    networks.prepare(plan, (), lambda *_: None)
    (expected,) = networks.encode(["a red ball"])
    networks.prepare(replace(plan, text_streamed=True, keep="model"), (), lambda *_: None)
    (context,) = networks.encode(["a red ball"])
    assert all(map(torch.equal, context, expected))
    assert networks.loaded == {"text"}
    assert networks.text_encoder().enhance("a red ball", "write", 1, 3)
    with networks.vocoder():
        assert networks.loaded == {"text", "vocoder"}  # what has written goes before anything is made
    networks.release()


@pytest.mark.parametrize(("resident", "source"), [(3, ""), (0, "host"), (2, "host"), (0, "disk")])
def test_what_is_held_counts_what_waits_in_the_host(desk: Desk, resident: int, source: Any) -> None:
    """Else the next job would find no room for the blocks that already wait there, and stream them from disk."""
    networks = desk.backend._models.networks(desk.backend._models.get(MODEL))
    networks.prepare(MemoryPlan(resident=resident, blocks=3, source=source, keep="model"), (), lambda *_: None)
    assert networks.held == (0, 0)
    with networks.transformer(Weights()):
        held = networks.held
    block, outside = networks.sizes.blocks[0], networks.sizes.outside_blocks  # of three equal ones
    slots = min(2, 3 - resident)
    assert held.host == (block * (3 - resident) if source == "host" else 0)
    assert held.device == pytest.approx(outside + block * (resident + slots), rel=0.05)
    networks.release()
    assert networks.held == (0, 0)


def test_weights_of_8_bits_have_a_scale(desk: Desk) -> None:
    networks = desk.backend._models.networks(desk.backend._models.get(MODEL))
    networks.prepare(MemoryPlan(resident=3, blocks=3, fp8=True), (), lambda *_: None)
    with networks.transformer(Weights()) as network:
        layer: Any = network.transformer_blocks[0].attn1.to_q
        assert (layer.weight.dtype, layer.weight_scale.dtype) == (torch.float8_e4m3fn, torch.float32)
    networks.release()


def test_metal_gets_16_bits_of_files_that_have_8() -> None:
    """Its tensors can't have 8-bit floats: the file's are multiplied out, and are counted so."""
    assert Precision.of(torch.device("mps")).weights is WeightFormat.FULL
    assert Precision.of(torch.device("cuda")).weights is WeightFormat.AS_STORED


def test_weights_that_have_8_bits_already_are_not_cast_again() -> None:
    stored = replace(LARGE, blocks=LARGE.blocks_fp8)
    assert not make_plan(stored, SMALL, Memory("cuda", 30 * GB, 64 * GB), fp8=True).fp8


def test_a_refusal_has_both_numbers() -> None:
    with pytest.raises(DoesNotFit, match=r"about \d+\.\d GB of free memory; there are 1\.6 GB") as caught:
        make_plan(LARGE, FULL_HD, Memory("cuda", 2 * GB, 64 * GB), fp8=True)
    assert caught.value.needed > caught.value.free == 2 * GB - RESERVE


@settings(max_examples=60)
@given(
    st.integers(3 * GB, 120 * GB),
    st.integers(8 * GB, 256 * GB),
    st.integers(1, 40),
    st.integers(1, 60),
    st.integers(0, 60),
    st.booleans(),
)
def test_a_plan_fits_and_a_step_down_is_smaller(
    free: int, host: int, rows: int, columns: int, latents: int, fp8: bool
) -> None:
    demand = Demand(rows * columns * (latents + 1), 126, 1024, rows, columns, 8 * latents + 1)
    memory = Memory("cuda", free, host)
    try:
        plan = make_plan(LARGE, demand, memory, fp8=fp8)
    except DoesNotFit:
        return
    assert plan.peak == plan_peak(LARGE, demand, plan) <= free - RESERVE
    try:
        smaller = make_plan(LARGE, demand, memory, fp8=fp8, failed=plan)
    except DoesNotFit:
        return
    assert smaller.peak <= 0.8 * plan.peak


def test_where_no_slice_of_4k_fits_the_frame_is_cut_into_tiles() -> None:
    demand = Demand(2040 * 2, 26, 1024, 34, 60, 9)
    decoder = LARGE.decoder._replace(cache=LARGE.decoder.cache * 8)  # the transformer isn't what is too large here
    sizes = replace(LARGE, decoder=decoder)
    plan = make_plan(sizes, demand, Memory("cuda", 12 * GB, 64 * GB), fp8=True)
    assert plan.tile is not None
    assert plan_peak(sizes, demand, plan) < 12 * GB < plan_peak(sizes, demand, replace(plan, tile=None))
    assert any("tiles" in words for words in plan.sentences())


def test_smaller_pieces_come_last() -> None:
    plans = [make_plan(LARGE, FULL_HD, Memory("cuda", free, 64 * GB), fp8=True) for free in (12 * GB, 7 * GB)]
    assert plans[0].piece == SMALL_PIECE
    assert plans[0].resident > plans[1].resident
    assert plans[1].piece in (SMALL_PIECE, SMALLEST_PIECE)


def test_smaller_works_are_smaller_and_keep_their_shape() -> None:
    work = TextToVideo(prompt="x", width=1920, height=1088, frames=121, rate="24")
    smaller = list(smaller_works(work))
    assert (smaller[0].width, smaller[0].height, smaller[0].frames) == (1728, 960, 121)
    assert all(one.width % 64 == one.height % 64 == 0 and one.frames % 8 == 1 for one in smaller)
    assert [one.frames for one in smaller_works(Extend(source="a", at=1, frames=200, prompt="x"))] == [97, 9]
    assert not list(smaller_works(Retake(source="a", start=0, end=9)))


def test_a_known_prompt_needs_no_room_for_the_text_encoder() -> None:
    huge = replace(LARGE, parts={**LARGE.parts, "text_encoder": 200 * GB}, text_streamed=0)
    memory = Memory("cuda", 31 * GB, 64 * GB)
    with pytest.raises(DoesNotFit):
        make_plan(huge, SMALL, memory, fp8=True)
    known = replace(SMALL, prompts_known=True)
    plan = make_plan(huge, known, memory, fp8=True)
    assert plan.peak <= memory.device_free
    assert (plan.keep, plan.on_host) == ("model", ())  # the best that doesn't promise to keep the text encoder
    for device in (8, 24, 95):  # where it fits, knowing the prompt changes nothing
        memory = Memory("cuda", device * GB, 128 * GB)
        assert make_plan(LARGE, known, memory, fp8=True) == make_plan(LARGE, SMALL, memory, fp8=True)


def test_prompts_are_known_once_they_were_read(models_folder: Path, tmp_path: Path) -> None:
    desk = Desk.at(tmp_path, models_folder)
    work = TextToVideo(prompt="x", width=64, height=64, frames=9, rate="24", model=MODEL)
    files = MediaFiles({})
    for changed, known in ((work, False), (msgspec.structs.replace(work, prompt="another"), False)):
        assert desk.backend._ready(changed, files).demand.prompts_known is known
    desk.run(work, tmp_path / "out")
    assert desk.backend._ready(work, files).demand.prompts_known
    assert not desk.backend._ready(msgspec.structs.replace(work, prompt="another"), files).demand.prompts_known
    assert not desk.backend._ready(msgspec.structs.replace(work, enhance=True), files).demand.prompts_known
    desk.backend.close()


def test_a_text_encoder_that_stayed_goes_when_the_next_plan_has_no_room_for_it(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk.at(tmp_path, models_folder)
    work = TextToVideo(prompt="x", width=64, height=64, frames=9, rate="24", model=MODEL)
    desk.run(work, tmp_path / "out")
    assert "text_encoder" in loaded(desk)
    plan = LocalBackend._plan
    monkeypatch.setattr(LocalBackend, "_plan", lambda self, *args: replace(plan(self, *args), keep="model"))
    desk.run(work, tmp_path / "out")  # its prompt is known: nobody asks for the text encoder
    assert loaded(desk) >= {"transformer", "text", "video_decoder"}
    assert "text_encoder" not in loaded(desk)
    desk.backend.close()


# --- too large, and memory that runs out --------------------------------------------------------------------------


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the backend believe in so many free bytes."""

    def believe(free: int) -> None:
        monkeypatch.setattr(backend_module, "free_memory", lambda _device: Memory("cpu", free, free))

    return believe


def test_too_large_is_refused_before_loading_with_a_size_that_fits(
    models_folder: Path, tmp_path: Path, little_memory: Any
) -> None:
    desk = Desk.at(tmp_path, models_folder)
    work = TextToVideo(prompt="x", width=256, height=256, frames=33, rate="24", model=MODEL)
    whole = desk.backend.estimate(work)
    least = desk.backend.estimate(TextToVideo(prompt="x", width=64, height=64, frames=9, rate="24", model=MODEL))
    little_memory(least.peak_bytes + 8 * 10**6)
    refused = desk.backend.estimate(work)
    assert not refused.fits
    assert refused.peak_bytes > refused.free_bytes
    assert isinstance(refused.nearest, TextToVideo)
    assert f"{refused.nearest.width} x {refused.nearest.height} with {refused.nearest.frames} frames would fit" in (
        refused.why_not
    )
    assert desk.backend.estimate(refused.nearest).fits
    with pytest.raises(OutOfMemory, match="would fit"):
        desk.run(work, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert desk.backend.resident_model == ""
    assert whole.fits
    nearest = desk.run(refused.nearest, tmp_path / "out")
    assert of_role(nearest, "video")


def test_where_nothing_fits_it_says_so(desk: Desk, tmp_path: Path, little_memory: Any) -> None:
    little_memory(100_000)
    desk.backend.free_memory()
    source = footage(tmp_path / "clip", 20)
    for work in (
        TextToVideo(prompt="x", width=64, height=64, frames=9, rate="24", model=MODEL),
        Retake(source=source, start=5, end=10, prompt="x", model=MODEL),
    ):
        estimate = desk.backend.estimate(work)
        assert (estimate.fits, estimate.nearest) == (False, None)
        assert "No size fits" in estimate.why_not
        with pytest.raises(OutOfMemory, match="No size fits"):
            desk.run(work, tmp_path / "out")


class Exhausted(LocalNetworks):
    """Networks whose transformer finds no memory the first `failures` times."""

    failures = 0

    @contextmanager
    def transformer(self, weights: Weights) -> Iterator[Any]:
        with super().transformer(weights) as network:
            if type(self).failures:
                type(self).failures -= 1
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield network


@pytest.mark.parametrize("failures", [1, 2])
def test_lack_of_memory_steps_down_once_and_goes_on(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(opened_module, "LocalNetworks", Exhausted)
    Exhausted.failures = failures
    desk = Desk.at(tmp_path, models_folder)
    work = TextToVideo(prompt="x", width=96, height=64, frames=9, rate="24", model=MODEL)
    if failures == 1:
        check_file(of_role(desk.run(work, tmp_path / "out"), "video")[0], frames=9, rate="24", size=(96, 64))
    else:
        with pytest.raises(OutOfMemory, match=r"also with smaller steps: .* GB were free. Choose a smaller size"):
            desk.run(work, tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())
        assert desk.backend.resident_model == ""
    assert "trying again" in desk.heard.words("memory")
    assert desk.heard.phases.count("encoding prompt") == 2


@pytest.mark.parametrize("keep", ["transformer", "one"])
def test_networks_in_turns_and_streamed_blocks_make_the_same_frames(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Any
) -> None:
    work = TextToVideo(prompt="x", width=128, height=128, frames=9, rate="24", model=MODEL, seed=4)
    desk = Desk.at(tmp_path, models_folder)
    whole = of_role(desk.run(work, tmp_path / "out"), "video")[0]
    plan = LocalBackend._plan

    def tight(self: LocalBackend, *args: Any, **more: Any) -> Any:
        streamed: dict[str, Any] = {"resident": 0, "source": "disk"} if keep == "one" else {}
        return replace(plan(self, *args, **more), keep=keep, chunk=16, **streamed)

    monkeypatch.setattr(LocalBackend, "_plan", tight)
    again = Desk.at(tmp_path / "again", models_folder)
    held: set[frozenset[str]] = set()
    again.heard = Heard(tmp_path / "out", cancel_when=lambda _phase, _told: bool(held.add(loaded(again))))
    result = again.backend.run(Job("in-turns", work), again.heard)
    assert max(len(names - {"transformer"}) for names in held) <= 1
    if keep == "one":
        assert max(map(len, held)) <= 1
    again.backend.close()
    desk.backend.close()
    assert of_role(result, "video")[0].frames == whole.frames


def loaded(desk: Desk) -> frozenset[str]:
    networks = desk.backend._networks
    return frozenset() if networks is None else networks.loaded


def test_a_card_that_came_or_went_is_news_for_a_new_process(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ["0000:01:00.0 nvidia"]
    monkeypatch.setattr(backend_module, "cards", lambda: frozenset(listed))
    backend = Desk.at(tmp_path, models_folder).backend
    assert not backend.outdated()
    listed.append("0000:0a:00.0 nvidia")
    assert backend.outdated() == "A graphics card has come."
    listed.clear()
    assert backend.outdated() == "A graphics card has gone."
