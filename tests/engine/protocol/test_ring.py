"""The preview ring: what is read is what was written, or nothing."""

import os
import stat
import sys
from pathlib import Path

import pytest

from engine.protocol.errors import RingError
from engine.protocol.ring import FILE_NAME, FOLDER_PREFIX, RingReader, RingWriter, remove_leftover


def test_a_picture_written_is_read_back(tmp_path: Path) -> None:
    picture = os.urandom(10_000)
    with RingWriter(slots=2, slot_bytes=10_000, parent=tmp_path) as ring, RingReader(ring.description) as reader:
        slot, stamp = ring.write(picture)
        assert reader.read(slot, stamp) == picture


def test_a_picture_that_was_written_over_is_gone_and_not_another(tmp_path: Path) -> None:
    with RingWriter(slots=2, slot_bytes=100, parent=tmp_path) as ring, RingReader(ring.description) as reader:
        first = ring.write(b"a" * 100)
        second = ring.write(b"b" * 50)
        third = ring.write(b"c" * 70)
        assert first[0] == third[0]
        assert reader.read(*first) is None
        assert reader.read(*second) == b"b" * 50
        assert reader.read(*third) == b"c" * 70


@pytest.mark.parametrize(("slot", "stamp"), [(-1, 1), (2, 1), (0, 0), (10**9, 5), (0, -1)])
def test_wrong_numbers_in_a_message_read_nothing(tmp_path: Path, slot: int, stamp: int) -> None:
    with RingWriter(slots=2, slot_bytes=100, parent=tmp_path) as ring, RingReader(ring.description) as reader:
        assert reader.read(slot, stamp) is None


def test_a_picture_too_large_for_a_slot_is_refused(tmp_path: Path) -> None:
    with RingWriter(slots=2, slot_bytes=100, parent=tmp_path) as ring, pytest.raises(RingError, match="101 bytes"):
        ring.write(bytes(101))


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits are a POSIX matter")
def test_nobody_else_may_enter_the_folder(tmp_path: Path) -> None:
    with RingWriter(slots=1, slot_bytes=100, parent=tmp_path) as ring:
        assert stat.S_IMODE(ring.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600


def test_closing_leaves_nothing_behind(tmp_path: Path) -> None:
    RingWriter(slots=1, slot_bytes=100, parent=tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_small_for_the_ring_is_told_when_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(RingError, match="no folder has room"):
        RingWriter(slots=1, slot_bytes=1 << 60, parent=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_ring_of_a_killed_engine_is_removed_and_nothing_else(tmp_path: Path) -> None:
    ring = RingWriter(slots=1, slot_bytes=100, parent=tmp_path)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / FILE_NAME).touch()
    assert not remove_leftover(precious / FILE_NAME)
    link = tmp_path / f"{FOLDER_PREFIX}link"
    link.symlink_to(precious, target_is_directory=True)
    assert not remove_leftover(link / FILE_NAME)
    assert remove_leftover(ring.path)
    assert not ring.folder.exists()
    assert (precious / FILE_NAME).exists()


def test_a_ring_file_cut_short_is_an_error_when_opened(tmp_path: Path) -> None:
    with RingWriter(slots=2, slot_bytes=100, parent=tmp_path) as ring:
        os.truncate(ring.path, 10)
        with pytest.raises(RingError, match="can't be opened"):
            RingReader(ring.description)
