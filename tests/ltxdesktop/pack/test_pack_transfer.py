"""Downloads of the engine pack: they go on where they stopped, and end with the right bytes or a clear word."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pack_kit import Server, waits_never

from ltxdesktop.pack.errors import Corrupt, DownloadFailed
from ltxdesktop.pack.transfer import PAUSES_S, fetch

BODY = random.Random(7).randbytes(3_000_000)
GOOD = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "served"
    root.mkdir()
    (root / "big.whl").write_bytes(BODY)
    with Server(root) as running:
        yield running


def test_a_file_arrives_whole_and_its_progress_is_told(server: Server, tmp_path: Path):
    told: list[tuple[int, int]] = []
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD, lambda there, whole: told.append((there, whole)))
    assert (tmp_path / "big.whl").read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert not (tmp_path / "big.whl.part").exists()


def test_cut_connections_cost_no_byte_twice(server: Server, tmp_path: Path):
    waits: list[float] = []
    server.drop_after = [400_000, 1, 900_000]
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD, wait=waits_never(waits))
    assert (tmp_path / "big.whl").read_bytes() == BODY
    assert server.sent_bytes == len(BODY)
    assert server.asked[-1] == "big.whl bytes=1300001-"


def test_what_a_killed_process_left_is_gone_on_with(server: Server, tmp_path: Path):
    (tmp_path / "big.whl.part").write_bytes(BODY[:2_000_000])
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD)
    assert server.sent_bytes == 1_000_000
    assert (tmp_path / "big.whl").read_bytes() == BODY


def test_a_part_that_is_whole_already_is_not_fetched_again(server: Server, tmp_path: Path):
    (tmp_path / "big.whl.part").write_bytes(BODY)
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD)
    assert server.sent_bytes == 0
    assert (tmp_path / "big.whl").read_bytes() == BODY


def test_a_part_longer_than_the_file_begins_again(server: Server, tmp_path: Path):
    (tmp_path / "big.whl.part").write_bytes(BODY + b"more")
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD, wait=waits_never([]))
    assert (tmp_path / "big.whl").read_bytes() == BODY


def test_a_part_of_another_file_costs_one_more_download(server: Server, tmp_path: Path):
    (tmp_path / "big.whl.part").write_bytes(b"\0" * 2_000_000)
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD)
    assert (tmp_path / "big.whl").read_bytes() == BODY


def test_a_server_without_ranges_is_read_from_the_start(server: Server, tmp_path: Path):
    server.ranges = False
    (tmp_path / "big.whl.part").write_bytes(BODY[:2_000_000])
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD)
    assert (tmp_path / "big.whl").read_bytes() == BODY


def test_a_file_that_is_not_the_pinned_one_is_removed(server: Server, tmp_path: Path):
    with pytest.raises(Corrupt, match="isn't the file"):
        fetch(f"{server.url}/big.whl", tmp_path / "big.whl", "0" * 64)
    assert list(tmp_path.glob("big*")) == []


def test_a_good_file_is_left_alone_and_a_bad_one_replaced(server: Server, tmp_path: Path):
    target = tmp_path / "big.whl"
    target.write_bytes(BODY)
    fetch(f"{server.url}/big.whl", target, GOOD)
    assert server.asked == []
    target.write_bytes(b"bad")
    fetch(f"{server.url}/big.whl", target, GOOD)
    assert target.read_bytes() == BODY


def test_a_busy_server_is_asked_again_after_pauses(server: Server, tmp_path: Path):
    waits: list[float] = []
    server.statuses = [503, 429]
    fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD, wait=waits_never(waits))
    assert waits == list(PAUSES_S[:2])


def test_a_dead_server_is_given_up_and_the_part_kept(server: Server, tmp_path: Path):
    server.drop_after = [500_000]
    server.statuses = [0, *[500] * 9]
    with pytest.raises(DownloadFailed, match=r"big\.whl didn't arrive from 127.*500.*--wheels"):
        fetch(f"{server.url}/big.whl", tmp_path / "big.whl", GOOD, wait=waits_never([]))
    assert (tmp_path / "big.whl.part").read_bytes() == BODY[:500_000]


def test_a_file_that_is_gone_is_said_at_once(server: Server, tmp_path: Path):
    with pytest.raises(DownloadFailed, match="404"):
        fetch(f"{server.url}/small.whl", tmp_path / "small.whl", GOOD, wait=waits_never([]))
    assert len(server.asked) == 1
