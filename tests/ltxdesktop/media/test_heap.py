"""Freed memory goes back to the system when it's asked for, and threads that begin later work on shared heaps."""

from __future__ import annotations

import sys
import threading

import psutil
import pytest

from ltxdesktop.media import heap

_BLOCK = 96 << 10  # below what glibc maps by itself
_BLOCKS = 400


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing is done elsewhere")
def test_freed_blocks_below_one_that_is_kept_go_back_to_the_system():
    process = psutil.Process()
    blocks = [bytearray(_BLOCK) for _ in range(_BLOCKS)]
    kept = blocks[-1]  # the heap can't shrink below it
    full = process.memory_info().rss
    blocks.clear()
    heap.give_back()
    assert full - process.memory_info().rss > _BLOCK * _BLOCKS // 2
    assert len(kept) == _BLOCK


def test_threads_that_share_a_heap_can_fill_it():
    heap.share_heaps()
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(len(bytearray(_BLOCK)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [_BLOCK] * 4


def test_memory_is_given_back_at_most_once_in_a_while(monkeypatch: pytest.MonkeyPatch):
    given: list[None] = []
    monkeypatch.setattr(heap, "give_back", lambda: given.append(None))
    seldom, often = heap.Thrift(pause_s=3600), heap.Thrift(pause_s=0)
    for _ in range(3):
        seldom.give_back()
    assert len(given) == 1
    for _ in range(3):
        often.give_back()
    assert len(given) == 4
