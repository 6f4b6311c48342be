"""Blocks whose weights don't all fit the device: some stay, the others arrive one after the other, just in time.

    resident:   0     2     4     6          these never move
    streamed:      1     3     5     7       these take turns in two slots on the device
    copy:       [3→A]...[5→B]...[7→A]...[1→B]...       a second stream of work, one copy per block
    compute:    0  1  2  3  4  5  6  7  0  1  ...

A block is one contiguous run of bytes with aligned tensors, laid out alike on the host and on the device, so that it
takes one copy. The streamed blocks wait in pinned host memory, or on disk behind two pinned buffers and a reader
thread. A slot is filled for its next block as soon as the computation of the last one is done, and the order wraps
around: at the end of a step the first blocks of the next one are on their way. The host never waits for the GPU.

Blocks are any modules that run in order, one call each; of the loader nothing is known here but how to fill a buffer.
Only for inference: backward would meet the slots with other weights in them.
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from engine.loading.errors import LoadingError
from engine.loading.linear import parameter_table

# Every tensor begins at a multiple of this in a block's bytes. CUDA's kernels want 16; CPU kernels choose their path by
# 64, so with it a streamed block computes the bits of a resident one there too.
ALIGNMENT: Final = 64

Fill = Callable[[int, Tensor], None]
"""Writes the bytes of block i, in its layout, into a CPU uint8 tensor of the layout's size."""


class Streaming(NamedTuple):
    """How a network's blocks are to be kept: `resident` on the device, the others in pinned host memory or on disk."""

    resident: int
    source: Literal["host", "disk"] = "host"
    slots: int = 2


class StreamedTraining(LoadingError, RuntimeError):
    """Gradients were asked of a network whose weights come and go."""

    def __init__(self) -> None:
        super().__init__("blocks are being streamed: run the network under torch.no_grad() or torch.inference_mode()")


class Place(NamedTuple):
    """Where one tensor of a block lies in the block's bytes. `name` is its path in the block."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int

    def view(self, buffer: Tensor) -> Tensor:
        size_bytes = math.prod(self.shape) * self.dtype.itemsize
        return buffer[self.offset : self.offset + size_bytes].view(self.dtype).view(self.shape)


class BlockLayout(NamedTuple):
    """The tensors of one block in one run of bytes."""

    places: tuple[Place, ...]
    size_bytes: int

    @classmethod
    def of(cls, tensors: Iterable[tuple[str, torch.dtype, tuple[int, ...]]]) -> BlockLayout:
        places: list[Place] = []
        end = 0
        for name, dtype, shape in tensors:
            places.append(Place(name, dtype, shape, end))
            end += math.prod(shape) * dtype.itemsize
            end += -end % ALIGNMENT
        return cls(tuple(places), end)

    def views(self, buffer: Tensor) -> dict[str, Tensor]:
        return {place.name: place.view(buffer) for place in self.places}


def streamed_indices(blocks: int, resident: int) -> list[int]:
    """Which blocks stream: spread evenly, so that every copy has the same computation to hide behind.

    8 blocks of which 4 are resident: 1, 3, 5, 7; of which 6: 3, 7. Raises ValueError for a count out of range.
    """
    if not 0 <= resident <= blocks:
        raise ValueError(f"{resident} of {blocks} blocks can't be resident")
    streamed = blocks - resident
    return [(number + 1) * blocks // streamed - 1 for number in range(streamed)]


class PinnedBytes:
    """Page-locked host memory of exactly the size asked for.

    torch's own pinned allocator rounds up to a power of two: 773 MB of a BF16 block would take 1 GiB. Without CUDA it
    is ordinary memory. It goes back when the object is collected.
    """

    def __init__(self, size_bytes: int) -> None:
        self.bytes = torch.empty(size_bytes, dtype=torch.uint8)
        if torch.cuda.is_available() and size_bytes:
            if int(cast("Any", torch.cuda).cudart().cudaHostRegister(self.bytes.data_ptr(), size_bytes, 0)) == 0:
                # The finalizer holds the tensor, so the memory can't go before its registration does.
                weakref.finalize(self, _unregister, self.bytes)
            else:  # a limit on locked memory, say
                self.bytes = torch.empty(size_bytes, dtype=torch.uint8, pin_memory=True)


def _unregister(buffer: Tensor) -> None:
    cast("Any", torch.cuda).cudart().cudaHostUnregister(buffer.data_ptr())


def packed(layouts: Mapping[int, BlockLayout], fill: Fill) -> dict[int, PinnedBytes]:
    """The bytes of all these blocks in pinned memory."""
    host: dict[int, PinnedBytes] = {}
    for index, layout in layouts.items():
        host[index] = PinnedBytes(layout.size_bytes)
        fill(index, host[index].bytes)
    return host


class _Socket(NamedTuple):
    """The place in a module where a tensor is plugged in, and what stands there between calls."""

    table: dict[str, Tensor | None]
    name: str
    empty: Tensor | None
    is_parameter: bool


class _Extra(NamedTuple):
    """Tensors that a streamed block has beside its weights (LoRAs)."""

    layout: BlockLayout
    host: PinnedBytes
    sockets: list[_Socket]


class _Slot:
    """Device memory for one block at a time, and the two events that pass it to and fro."""

    def __init__(self, size_bytes: int, device: torch.device) -> None:
        self.bytes = torch.empty(size_bytes, dtype=torch.uint8, device=device)
        self.extra_bytes = torch.empty(0, dtype=torch.uint8, device=device)
        on_cuda = device.type == "cuda"
        self.filled = torch.cuda.Event() if on_cuda else None
        self.free = torch.cuda.Event() if on_cuda else None
        self.holds: int | None = None
        # Views are made once for each layout (all blocks of a file usually share one), not 86 times per call.
        self.tensors: dict[BlockLayout, list[Tensor]] = {}
        self.extra_tensors: dict[BlockLayout, list[Tensor]] = {}


class _Fetch(NamedTuple):
    """A block on its way into a slot. The future is done when its copy has been queued (on the CPU: made)."""

    block: int
    slot: _Slot
    queued: Future[None]


class BlockStreamer:
    """Yields a network's blocks in running order, each with its weights in place. Fits `Transformer.block_source`.

    `layouts` names the streamed blocks and the tensors that each takes. Whatever stands in the tensors' places now
    (best a tensor on the meta device) stands there again after each call. The bytes are in `host`, or else `fill`
    brings them each time, on a reader thread. Close it when the network goes.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        layouts: Mapping[int, BlockLayout],
        device: torch.device | str,
        *,
        host: Mapping[int, PinnedBytes] | None = None,
        fill: Fill | None = None,
        slots: int = 2,
    ) -> None:
        assert (host is None) != (fill is None), "the bytes come from one place"
        self.device = torch.device(device)
        self.layouts = dict(sorted(layouts.items()))
        self._order = list(self.layouts)
        self._blocks = list(blocks)
        self._sockets = {
            index: [_socket(blocks[index], place.name) for place in layout.places]
            for index, layout in self.layouts.items()
        }
        self._host = dict(host or {})
        self._extras: dict[int, _Extra] = {}
        self._hooks: list[RemovableHandle] = []
        self._on_cuda = self.device.type == "cuda"
        self._copy_stream = torch.cuda.Stream(self.device) if self._on_cuda else None
        largest = max((layout.size_bytes for layout in self.layouts.values()), default=0)
        with torch.inference_mode(mode=False):
            self._slots = [_Slot(largest, self.device) for _ in range(min(slots, len(self._order)))]
        self._mark_free()
        self._free = deque(self._slots)
        self._under_way: deque[_Fetch] = deque()
        self._last = -1
        self._fill = fill
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="stream-blocks") if fill is not None else None
        self._staging: deque[tuple[PinnedBytes, torch.cuda.Event]] = deque()
        if fill is not None and self._on_cuda and self._order:
            self._staging.extend((PinnedBytes(largest), torch.cuda.Event()) for _ in range(2))

    def __call__(self, blocks: nn.ModuleList | Sequence[nn.Module]) -> Generator[tuple[int, Any], None, None]:
        """(index, block) in running order; a streamed block's weights are in place until the next one is asked for."""
        for index, block in enumerate(blocks):
            if index not in self.layouts:
                yield index, block
                continue
            slot = self._arrive(index)
            try:
                yield index, block
            finally:
                self._leave(index, slot)

    def on_calls(self) -> Self:
        """For blocks that somebody else iterates over: the weights come when a block is called, go when it returns."""
        in_use: dict[int, _Slot] = {}
        for index in self._order:

            def enter(_block: nn.Module, _inputs: Any, index: int = index) -> None:
                in_use[index] = self._arrive(index)

            def leave(_block: nn.Module, _inputs: Any, _outputs: Any, index: int = index) -> None:
                if index in in_use:
                    self._leave(index, in_use.pop(index))

            self._hooks.append(self._blocks[index].register_forward_pre_hook(enter))
            self._hooks.append(self._blocks[index].register_forward_hook(leave, always_call=True))
        return self

    def set_extra(self, extra: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Further tensors of streamed blocks, by their path in the block; they replace those of the last call.

        They are packed into pinned memory and travel with their block.
        """
        self._drop_all()
        self._extras = {}
        with torch.inference_mode(mode=False), torch.no_grad():
            for index, tensors in extra.items():
                layout = BlockLayout.of((name, tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items())
                host = PinnedBytes(layout.size_bytes)
                for name, view in layout.views(host.bytes).items():
                    view.copy_(tensors[name])
                self._extras[index] = _Extra(layout, host, [_socket(self._blocks[index], name) for name in tensors])
            largest = max((one.layout.size_bytes for one in self._extras.values()), default=0)
            for slot in self._slots:
                slot.extra_tensors.clear()
                slot.extra_bytes = torch.empty(largest, dtype=torch.uint8, device=self.device)
        self._mark_free()

    @property
    def device_bytes(self) -> int:
        """Memory of the slots."""
        return sum(slot.bytes.numel() + slot.extra_bytes.numel() for slot in self._slots)

    @property
    def host_bytes(self) -> int:
        """Pinned memory of the blocks that wait, of their extras and of the buffers before the disk."""
        pinned = [
            *self._host.values(),
            *(one.host for one in self._extras.values()),
            *(one for one, _ in self._staging),
        ]
        return sum(one.bytes.numel() for one in pinned)

    def close(self) -> None:
        """Waits for copies under way and lets go of all memory. The streamed blocks can't run any more."""
        self._drop_all()
        if self._reader is not None:
            self._reader.shutdown(wait=True)
        for hook in self._hooks:
            hook.remove()
        self._host, self._extras, self._slots = {}, {}, []
        self._free.clear()
        self._staging.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- slots in turn: free, then under way, then in use, then free again ----

    def _arrive(self, index: int) -> _Slot:
        """Gives the slot that holds block `index`, plugged into it, as far as the current stream of work can tell."""
        if torch.is_grad_enabled():
            raise StreamedTraining
        while self._under_way and self._under_way[0].block != index:  # the last pass was broken off
            self._take_oldest()
        if not self._under_way:
            self._fetch(index)
        self._fetch_ahead()
        slot = self._take_oldest()
        self._free.remove(slot)
        if slot.filled is not None:
            slot.filled.wait()
        _plug(self._sockets[index], self.layouts[index], slot.bytes, slot.tensors)
        extra = self._extras.get(index)
        if extra is not None:
            _plug(extra.sockets, extra.layout, slot.extra_bytes, slot.extra_tensors)
        return slot

    def _leave(self, index: int, slot: _Slot) -> None:
        extra = self._extras.get(index)
        for socket in (*self._sockets[index], *(extra.sockets if extra is not None else ())):
            socket.table[socket.name] = socket.empty
        if slot.free is not None:
            slot.free.record()
        self._free.append(slot)
        self._fetch_ahead()

    def _fetch_ahead(self) -> None:
        while self._free:
            self._fetch(self._order[(self._order.index(self._last) + 1) % len(self._order)])

    def _fetch(self, index: int) -> None:
        slot = next((slot for slot in self._free if slot.holds == index), self._free[0])
        self._free.remove(slot)
        self._last = index
        queued = Future[None]()
        if slot.holds == index:  # no more streamed blocks than slots: it is still there
            queued.set_result(None)
        elif self._reader is not None:
            slot.holds = index
            queued = self._reader.submit(self._bring, index, slot)
        else:
            slot.holds = index
            self._bring(index, slot)
            queued.set_result(None)
        self._under_way.append(_Fetch(index, slot, queued))

    def _take_oldest(self) -> _Slot:
        """The slot of the oldest fetch, back among the free ones. Raises what its reading raised."""
        fetch = self._under_way.popleft()
        self._free.append(fetch.slot)
        try:
            fetch.queued.result()
        except BaseException:
            fetch.slot.holds = None
            raise
        return fetch.slot

    def _mark_free(self) -> None:
        """New memory of a slot may be old memory that work queued before this still uses: copies wait for that."""
        for slot in self._slots:
            if slot.free is not None:
                slot.free.record()

    def _drop_all(self) -> None:
        while self._under_way:
            with suppress(Exception):  # nobody needs the block any more
                self._take_oldest()
        if self._copy_stream is not None:
            self._copy_stream.synchronize()
        for slot in self._slots:
            slot.holds = None

    def _bring(self, index: int, slot: _Slot) -> None:
        """Reads a block if it isn't on the host, and queues its copy into the slot."""
        target = slot.bytes[: self.layouts[index].size_bytes]
        extra = self._extras.get(index)
        with torch.no_grad():
            if self._on_cuda:
                self._bring_to_cuda(index, slot, target, extra)
                return
            if index in self._host:
                target.copy_(self._host[index].bytes)
            elif self._fill is not None:
                on_cpu = target if self.device.type == "cpu" else torch.empty_like(target, device="cpu")
                self._fill(index, on_cpu)
                if on_cpu is not target:
                    target.copy_(on_cpu)
            if extra is not None:
                slot.extra_bytes[: extra.layout.size_bytes].copy_(extra.host.bytes)

    def _bring_to_cuda(self, index: int, slot: _Slot, target: Tensor, extra: _Extra | None) -> None:
        assert self._copy_stream is not None
        assert slot.free is not None
        assert slot.filled is not None
        copied = None
        if self._fill is None:
            host_bytes = self._host[index].bytes
        else:
            pinned, copied = self._staging[0]
            self._staging.rotate(-1)
            copied.synchronize()
            host_bytes = pinned.bytes[: target.numel()]
            self._fill(index, host_bytes)
        with torch.cuda.stream(self._copy_stream):
            slot.free.wait()
            target.copy_(host_bytes, non_blocking=True)
            if copied is not None:
                copied.record()
            if extra is not None:
                slot.extra_bytes[: extra.layout.size_bytes].copy_(extra.host.bytes, non_blocking=True)
            slot.filled.record()


def _socket(block: nn.Module, path: str) -> _Socket:
    parent, _, name = path.rpartition(".")
    module = block.get_submodule(parent)
    parameters, buffers = parameter_table(module, "_parameters"), parameter_table(module, "_buffers")
    is_parameter = name in parameters
    table = parameters if is_parameter else buffers
    return _Socket(table, name, table[name], is_parameter)


def _plug(
    sockets: Sequence[_Socket], layout: BlockLayout, buffer: Tensor, made: dict[BlockLayout, list[Tensor]]
) -> None:
    if layout not in made:
        with torch.inference_mode(mode=False):
            views = layout.views(buffer).values()
            made[layout] = [
                nn.Parameter(view, requires_grad=False) if socket.is_parameter else view
                for socket, view in zip(sockets, views, strict=True)
            ]
    for socket, tensor in zip(sockets, made[layout], strict=True):
        socket.table[socket.name] = tensor
