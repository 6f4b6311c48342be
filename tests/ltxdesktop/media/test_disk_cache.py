"""A cache folder: within its limit, the longest unused go first, broken files don't come back, no disk is no error."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ltxdesktop.media.disk_cache import DiskCache


def used(cache: DiskCache, key: str, second: int) -> None:
    """Say when an entry was used, as the file system would."""
    path = cache._path(key)  # pyright: ignore[reportPrivateUsage]
    os.utime(path, (second, second))


def test_what_is_kept_comes_back(tmp_path: Path):
    cache = DiskCache(tmp_path / "not there yet", 10_000)
    assert cache.read("a") is None
    assert cache.write("a\n🎬", b"first")
    assert cache.write("a\n🎬", b"second")
    assert DiskCache(tmp_path / "not there yet", 10_000).read("a\n🎬") == b"second"


def test_the_longest_unused_go_when_it_is_full(tmp_path: Path):
    cache = DiskCache(tmp_path, 5_000)
    for number in range(4):
        cache.write(f"{number}", bytes(1_000))
        used(cache, f"{number}", 1_000 + number)
    assert cache.read("0") is not None  # used now: 1 is the oldest
    cache.write("4", bytes(1_000))
    assert cache.size_bytes() <= 5_000
    assert [key for key in "01234" if cache.read(key) is not None] == ["0", "2", "3", "4"]


def test_two_programs_share_one_limit(tmp_path: Path):
    one, other = DiskCache(tmp_path, 5_000), DiskCache(tmp_path, 5_000)
    for number in range(12):
        (one if number % 2 else other).write(f"{number}", bytes(900))
    assert one.size_bytes() <= 2 * 5_000  # each counts the other's at its own next eviction
    one.write("more", bytes(900))
    one.write("and more", bytes(900))
    assert one.size_bytes() <= 5_000 + 1_000


@pytest.mark.parametrize("damage", [b"", b"short", b"LTXC" + bytes(60)])
def test_broken_files_are_set_aside_and_evicted_like_others(tmp_path: Path, damage: bytes):
    cache = DiskCache(tmp_path, 3_000)
    cache.write("a", bytes(500))
    (path,) = [file for file in tmp_path.rglob("*") if file.is_file()]
    path.write_bytes(damage)
    assert cache.read("a") is None
    assert [file.suffix for file in tmp_path.rglob("*") if file.is_file()] == [".broken"]
    cache.write("a", b"again")
    assert cache.read("a") == b"again"
    for number in range(9):
        cache.write(f"{number}", bytes(600))
    assert not list(tmp_path.rglob("*.broken"))


def test_an_entry_of_another_key_is_not_mistaken(tmp_path: Path):
    cache = DiskCache(tmp_path, 10_000)
    cache.write("a", b"of a")
    cache.write("b", b"of b")
    paths = [cache._path(key) for key in "ab"]  # pyright: ignore[reportPrivateUsage]
    paths[0].replace(paths[1])
    assert cache.read("b") is None


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path):
    (tmp_path / "file").touch()
    cache = DiskCache(tmp_path / "file" / "folder", 10_000)
    assert not cache.write("a", b"x")
    assert cache.read("a") is None
    assert cache.size_bytes() == 0
    cache.clear()


def test_threads_may_write_the_same_entry(tmp_path: Path):
    cache = DiskCache(tmp_path, 100_000)

    def write() -> None:
        for number in range(30):
            cache.write("same", bytes([number]) * 300)
            found = cache.read("same")
            assert found is None or len(set(found)) == 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.read("same") is not None
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 1
