"""The queue: in order, over a restart, cancelled, failed, and never in the way of the next one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from render_samples import clip, film, numbered, track, write_film

from engine.media.index import build_index
from ltxdesktop.document.model import Document, new_document
from ltxdesktop.export.errors import BadSettings, MediaMissing, TargetNotWritable
from ltxdesktop.export.presets import Framing
from ltxdesktop.export.queue import Done, Entry, ExportQueue, Failed, Running, Stopped, Waiting
from ltxdesktop.export.settings import Settings, Subtitles
from ltxdesktop.export.target import part_of
from ltxdesktop.media.files import MediaFiles

FFV1 = Settings("ffv1")


@pytest.fixture
def document(tmp_path: Path, files: MediaFiles) -> Document:
    footage = files.describe(write_film(tmp_path / "footage.mkv", [numbered(n) for n in range(40)]))
    footage = replace(footage, path="footage.mkv")  # relative to the project, as live documents have it
    return new_document("Holiday", film(track(clip(footage, 20)))).with_media(footage)


@pytest.fixture
def queue(tmp_path: Path, files: MediaFiles) -> Iterator[ExportQueue]:
    made = ExportQueue(tmp_path / "queue", files)
    yield made
    made.close()


def again(queue: ExportQueue, files: MediaFiles, tmp_path: Path) -> ExportQueue:
    """What a new start of the program finds."""
    queue.close()
    return ExportQueue(tmp_path / "queue", files)


def states(queue: ExportQueue) -> list[type]:
    return [type(entry.state) for entry in queue.entries]


def test_exports_are_done_in_order(queue, document, tmp_path):
    started: list[str] = []

    def note(entries: tuple[Entry, ...]) -> None:
        started.extend(each.id for each in entries if each.state == Running() and each.id not in started)

    queue._on_change = note
    locate = lambda media: tmp_path / media.path  # noqa: E731
    added = [queue.add(document, FFV1, tmp_path / f"{name}.mkv", locate) for name in "abc"]
    queue.move(added[2].id, -2)
    queue.start()
    queue.finish()
    assert states(queue) == [Done, Done, Done]
    assert started == [added[2].id, added[0].id, added[1].id]
    assert build_index(tmp_path / "b.mkv").frames == 20


def test_what_a_killed_program_left_of_a_film_is_removed(queue, document, files, tmp_path):
    locate = lambda media: tmp_path / media.path  # noqa: E731
    entry = queue.add(document, FFV1, tmp_path / "film.mkv", locate)
    left = part_of(entry.target, entry.id)
    left.write_bytes(b"half a film")
    queue._set(entry.id, Running())  # and then it was killed
    second = again(queue, files, tmp_path)
    second.cancel(entry.id)
    second.add(document, FFV1, tmp_path / "other.mkv", locate)
    second.start()
    second.finish()
    second.close()
    assert not left.exists()
    assert [path.name for path in tmp_path.glob(".ltx*")] == []


def test_what_cannot_be_done_is_refused_when_it_is_asked(queue, document, tmp_path):
    locate = lambda media: tmp_path / media.path  # noqa: E731
    with pytest.raises(TargetNotWritable, match="no such folder"):
        queue.add(document, FFV1, tmp_path / "nowhere" / "film.mkv", locate)
    queue.add(document, FFV1, tmp_path / "film.mkv", locate)
    with pytest.raises(TargetNotWritable, match="an export in the queue goes there"):
        queue.add(document, FFV1, tmp_path / "film.mkv", locate)
    with pytest.raises(BadSettings):
        queue.add(document, replace(FFV1, width=3, height=3), tmp_path / "odd.mkv", locate)
    (tmp_path / "footage.mkv").unlink()
    with pytest.raises(MediaMissing, match=r"footage\.mkv"):
        queue.add(document, FFV1, tmp_path / "other.mkv", locate)
    assert len(queue.entries) == 1


def test_what_waits_is_done_after_a_restart_as_it_was_queued(queue, document, files, tmp_path):
    queue.add(document, replace(FFV1, first=5, last=15), tmp_path / "film.mkv", lambda media: tmp_path / media.path)
    second = again(queue, files, tmp_path)
    assert [entry.state for entry in second.entries] == [Waiting()]
    second.start()
    second.finish()
    second.close()
    assert build_index(tmp_path / "film.mkv").frames == 10
    third = ExportQueue(tmp_path / "queue", files)
    assert isinstance(third.entries[0].state, Done)
    third.clear()
    third.close()
    assert [path.name for path in (tmp_path / "queue").iterdir()] == ["queue.json"]


def test_what_runs_when_the_program_ends_runs_again(queue, document, files, tmp_path):
    running = threading.Event()
    queue._on_progress = lambda entry, progress: running.set()
    queue.add(document, FFV1, tmp_path / "film.mkv", lambda media: tmp_path / media.path)
    queue.start()
    assert running.wait(300)
    second = again(queue, files, tmp_path)
    assert states(second) in ([Waiting], [Done])  # it may just have been finished
    second.close()
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_killed_program_leaves_its_export_waiting(queue, document, files, tmp_path):
    queue.add(document, FFV1, tmp_path / "film.mkv", lambda media: tmp_path / media.path)
    queue.close()
    said = json.loads((tmp_path / "queue" / "queue.json").read_text())
    said["entries"][0]["state"] = {"is": "running"}
    (tmp_path / "queue" / "queue.json").write_text(json.dumps(said))
    second = ExportQueue(tmp_path / "queue", files)
    assert [entry.state for entry in second.entries] == [Waiting()]


def test_a_failed_export_says_why_and_the_next_one_runs(queue, document, files, tmp_path):
    locate = lambda media: tmp_path / media.path  # noqa: E731
    (tmp_path / "drive").mkdir()
    bad = queue.add(document, FFV1, tmp_path / "drive" / "film.mkv", locate)
    queue.add(document, FFV1, tmp_path / "film.mkv", locate)
    (tmp_path / "drive").rmdir()  # unplugged before its turn comes
    queue.start()
    queue.finish()
    assert states(queue) == [Failed, Done]
    assert "no such folder" in queue.entries[0].state.why
    (tmp_path / "drive").mkdir()
    queue.retry(bad.id)
    queue.finish()
    assert states(queue) == [Done, Done]


def test_cancelled_ones_stay_in_the_list_and_leave_no_file(queue, document, tmp_path):
    locate = lambda media: tmp_path / media.path  # noqa: E731
    first = queue.add(document, FFV1, tmp_path / "first.mkv", locate)
    second = queue.add(document, FFV1, tmp_path / "second.mkv", locate)
    queue.cancel(second.id)
    queue._on_progress = lambda entry, progress: queue.cancel(first.id)
    queue.start()
    queue.finish()
    assert states(queue) == [Stopped, Stopped]
    assert not (tmp_path / "first.mkv").exists()
    assert not (tmp_path / "second.mkv").exists()


@pytest.mark.parametrize("text", ["", "{", '{"version": 9, "entries": []}', '{"version": 1, "entries": [{"id": "x"}]}'])
def test_a_damaged_queue_is_an_empty_one(text, files, tmp_path):
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "queue.json").write_text(text)
    assert ExportQueue(tmp_path / "queue", files).entries == ()


def test_settings_come_back_from_the_file():
    settings = Settings(
        "vertical",
        width=1080,
        rate=Fraction(30000, 1001),
        first=3,
        quality=80,
        lufs=-16.0,
        subtitles=Subtitles.FILE,
        framing=Framing.FILL,
        poster=12,
    )
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert Settings.from_dict({"preset": "wav", "of another version": 1}) == Settings("wav")
