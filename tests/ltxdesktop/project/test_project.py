"""An open project: saving whole or not at all, backups, recovery, two instances, awkward places."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from films import KITCHEN, edited, film

from ltxdesktop.document.check import check
from ltxdesktop.document.model import Document, ItemId
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.project.backups import Backup, superfluous
from ltxdesktop.project.errors import (
    BrokenProject,
    ChangedElsewhere,
    NoSuchProject,
    NotReadable,
    NotWritable,
    ProjectError,
    ProjectInUse,
)
from ltxdesktop.project.journal import Edit, Point, edits_after, line_of
from ltxdesktop.project.project import Project, throw_away, unsaved_projects
from ltxdesktop.project.reading import read_project
from ltxdesktop.project.recent import RecentProjects

HERE = Path(__file__).parent


class Desk:
    """Opens projects and closes them all at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.path = folder / "film.otio"
        self._open: list[Project] = []

    def create(self, document: Document, path: Path | None = None) -> Project:
        return self.keep(Project.create(path or self.path, document, self.state))

    def open(self, path: Path | None = None) -> Project:
        return self.keep(Project.open(path or self.path, self.state))

    def keep(self, project: Project) -> Project:
        self._open.append(project)
        return project

    def close(self) -> None:
        for project in self._open:
            project.close()

    def crashed(self, *numbers: int) -> None:
        """A session that saved film 0, made these edits, and ended without closing."""
        project = self.create(film())
        document = project.document
        for number in numbers:
            document = edited(document, number)
            project.note(f"Edit {number}", document)
        project.close(keep_edits=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def in_child(code: str, *words: object) -> str:
    """What a child process prints that runs `code` with this folder's helpers."""
    paths = os.pathsep.join([str(HERE), str(HERE.parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- saving ----------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_opened_again(desk: Desk) -> None:
    project = desk.create(film(1))
    project.save(film(2))
    project.close()
    again = desk.open()
    assert again.document == film(2)
    assert again.recovery is None
    assert again.notes == ()


def test_the_file_before_a_save_becomes_a_backup(desk: Desk) -> None:
    project = desk.create(film(1))
    project.save(film(2))
    project.save(film(3))
    assert [read_project(backup.path).document for backup in project.backups()] == [film(2), film(1)]


def test_backups_are_thinned_by_count_and_age() -> None:
    now = datetime(2026, 5, 10, 12, 30, tzinfo=UTC)
    ages = [timedelta(minutes=m) for m in range(12)] + [timedelta(hours=h) for h in (1, 2, 2.2)]
    ages += [timedelta(days=d) for d in (2, 2.1, 10, 40)]
    backups = [Backup(Path(str(age)), now - age) for age in ages]
    gone = [now - backup.at for backup in superfluous(backups, now)]
    assert gone == [
        timedelta(minutes=10),
        timedelta(minutes=11),
        timedelta(hours=2.2),
        timedelta(days=2.1),
        timedelta(40),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of the file size stands for a full disk")
def test_a_full_disk_leaves_the_old_file_and_editing_goes_on(desk: Desk) -> None:
    desk.create(film(1)).close()
    code = """
import resource, signal, sys
from pathlib import Path
from films import film, edited
from ltxdesktop.project.errors import DiskFull
from ltxdesktop.project.project import Project
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
told = []
project = Project.open(Path(sys.argv[1]), Path(sys.argv[2]), on_trouble=told.append)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
document = film(1)
try:
    project.save(film(2, clips=1000))
except DiskFull as error:
    print(error)
for number in range(20):
    document = edited(document, number)
    project.note("Edit", document)
project._journal.flush()
print(len(told), type(told[0]).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
document = edited(document, 77)
project.note("Edit", document)
project.close(keep_edits=True)
"""
    words = in_child(code, desk.path, desk.state)
    assert "There is no room left for 'film.otio'" in words
    assert "2 DiskFull" in words, "said for the save, and once for all the edits"
    assert read_project(desk.path).document == film(1)
    project = desk.open()
    assert project.recovery is not None
    assert project.recovery.edits == 21
    assert project.recover() == edited(film(1), 77)
    assert not list(desk.folder.glob("*.part"))


def test_a_file_that_somebody_else_wrote_is_not_overwritten_unasked(desk: Desk) -> None:
    project = desk.create(film(1))
    other = film(9, clips=5)
    desk.path.write_bytes(desk.path.read_bytes().replace(b"film 1", b"film 9") + b" ")
    with pytest.raises(ChangedElsewhere, match="changed by another program"):
        project.save(film(2))
    project.save(other, over_changes=True)
    assert read_project(desk.path).document == other
    assert read_project(project.backups()[0].path).document.name == "film 9", "theirs became a backup"


def test_saving_keeps_permissions_and_follows_links(desk: Desk) -> None:
    real = desk.folder / "real.otio"
    desk.create(film(1), real).close()
    real.chmod(0o640)
    desk.path.symlink_to(real)
    desk.open().save(film(2))
    assert desk.path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert read_project(real).document == film(2)


def test_who_reads_while_it_is_saved_reads_the_old_file_whole(desk: Desk) -> None:
    project = desk.create(film(1))
    before = desk.path.read_bytes()
    with desk.path.open("rb") as reader:
        project.save(film(2))
        assert reader.read() == before
    assert desk.path.read_bytes() != before


# ---- another name ----------------------------------------------------------------------------------------------------


def test_media_are_found_after_saving_in_another_folder(desk: Desk) -> None:
    project = desk.create(film(1))
    footage = desk.folder / "media" / "kitchen.mp4"
    assert project.locate(KITCHEN) == footage
    new = desk.folder / "deep" / "er" / "copy.otio"
    new.parent.mkdir(parents=True)
    project.save_as(project.document, new)
    assert project.locate(KITCHEN) == footage, "the history's documents stay good"
    project.note("Edit", edited(project.document, 5))
    project.close(keep_edits=True)
    again = desk.open(new)
    assert again.recovery is not None
    recovered = again.recover()
    assert recovered.name == "film 5"
    assert again.locate(recovered.media[KITCHEN.id]) == footage


def test_a_moved_project_folder_finds_its_media(desk: Desk) -> None:
    here = desk.folder / "here"
    (here / "media").mkdir(parents=True)
    (here / "media" / "kitchen.mp4").write_bytes(b"x")
    desk.create(film(1), here / "film.otio").close()
    there = here.rename(desk.folder / "there ö %20")
    project = desk.open(there / "film.otio")
    assert project.missing(project.document) == frozenset()
    (there / "media" / "kitchen.mp4").unlink()
    assert project.missing(project.document) == {KITCHEN.id}


def test_a_project_without_a_name_is_kept_and_found(desk: Desk) -> None:
    project = desk.keep(Project.untitled(desk.state))
    assert project.is_untitled
    assert unsaved_projects(desk.state) == [], "it is open"
    project.note("Edit", film(3))
    project.close(keep_edits=True)
    (left,) = unsaved_projects(desk.state)
    again = desk.open(left)
    assert again.recover() == film(3)
    again.save_as(film(3), desk.path)
    assert not again.is_untitled
    assert unsaved_projects(desk.state) == []
    assert read_project(desk.path).document.name == "film 3"


# ---- after a crash ---------------------------------------------------------------------------------------------------


def test_work_without_a_name_can_be_thrown_away(desk: Desk) -> None:
    project = desk.keep(Project.untitled(desk.state, film()))
    with pytest.raises(ProjectInUse):
        throw_away(project.path, desk.state)
    project.close(keep_edits=True)
    throw_away(project.path, desk.state)
    assert unsaved_projects(desk.state) == []
    saved = desk.create(film())
    with pytest.raises(ValueError, match="no project without a name"):
        throw_away(saved.path, desk.state)
    assert saved.path.exists()


def test_recovery_says_how_much_and_from_when(desk: Desk) -> None:
    desk.crashed(1, 2, 3)
    project = desk.open()
    assert project.document == film()
    assert project.recovery is not None
    assert (project.recovery.edits, project.recovery.names) == (3, ("Edit 1", "Edit 2", "Edit 3"))
    assert project.recovery.first <= project.recovery.last <= datetime.now(UTC)
    assert "3 edits" in project.recovery.sentence()
    assert project.recover() == edited(film(), 3)


def test_recovered_edits_are_still_safe_before_they_are_saved(desk: Desk) -> None:
    desk.crashed(1, 2)
    project = desk.open()
    recovered = project.recover()
    project.note("More", edited(recovered, 3))
    project.close(keep_edits=True)
    again = desk.open()
    assert again.recovery is not None
    assert again.recovery.edits == 3
    assert again.recover() == edited(film(), 3)


def test_edits_that_were_declined_are_gone(desk: Desk) -> None:
    desk.crashed(1)
    project = desk.open()
    project.discard_recovery()
    project.close()
    assert desk.open().recovery is None


def test_a_torn_last_line_costs_only_that_edit(desk: Desk) -> None:
    desk.crashed(1, 2)
    (journal,) = desk.folder.glob(".ltxdesktop/*/journal")
    journal.write_bytes(journal.read_bytes()[:-7])
    project = desk.open()
    assert project.recovery is not None
    assert project.recover() == edited(film(), 1)


def test_a_line_that_the_disk_changed_costs_only_what_follows(desk: Desk) -> None:
    desk.crashed(1, 2)
    (journal,) = desk.folder.glob(".ltxdesktop/*/journal")
    journal.write_bytes(journal.read_bytes().replace(b'"name":"film 2"', b'"name":"film 9"'))
    assert desk.open().recover() == edited(film(), 1)


def test_only_what_follows_the_last_save_of_a_file_is_recovered() -> None:
    now = datetime.now(UTC)
    one, two = Edit("one", now, 1, "{}"), Edit("two", now, 1, "{}")
    data = b"".join(line_of(entry) for entry in (Point("a"), one, Point("b"), two, Point("a"), one))
    assert edits_after(data, "a") == [one], "the file with this digest was saved twice"
    assert edits_after(data, "b") == [two, one]
    assert edits_after(data, "c") is None


def test_an_edit_made_during_a_save_that_a_crash_cut_short_is_recovered(desk: Desk) -> None:
    """The file is replaced, the journal isn't begun anew, and no backup tells the way."""
    desk.create(film(1)).close()
    code = """
import os, sys
from pathlib import Path
from films import film
from ltxdesktop.project.journal import Journal
from ltxdesktop.project.project import Project
project = Project.open(Path(sys.argv[1]), Path(sys.argv[2]))
def crash(journal, digest, document):
    project.note("Meanwhile", film(3))
    journal.flush()
    os._exit(0)
Journal.saved = crash
project.note("Edit", film(2))
project.save(film(2))
"""
    in_child(code, desk.path, desk.state)
    for backup in desk.folder.glob(".ltxdesktop/*/backups/*"):
        backup.unlink()
    project = desk.open()
    assert project.document == film(2)
    assert project.recovery is not None
    assert project.recovery.names == ("Meanwhile",)
    assert project.recover() == film(3)


def test_a_crash_between_the_rename_and_the_new_journal_loses_nothing(desk: Desk) -> None:
    """The journal then still has the lines of before the save, and the point of the file that is there now."""
    project = desk.create(film())
    first = edited(film(), 1)
    project.note("Edit 1", first)
    project.save(first)
    (journal,) = desk.folder.glob(".ltxdesktop/*/journal")
    after_save = journal.read_bytes()
    project.note("Edit 2", edited(first, 2))
    project.close(keep_edits=True)
    before = Project.create(desk.folder / "old.otio", film(), desk.state)
    before.note("Edit 1", first)
    before.close(keep_edits=True)
    (older,) = desk.folder.glob(".ltxdesktop/old*/journal")
    journal.write_bytes(older.read_bytes() + after_save + journal.read_bytes()[len(after_save) :])
    again = desk.open()
    assert again.document == first
    assert again.recovery is not None
    assert again.recover() == edited(first, 2)


def test_what_is_written_behind_the_window_is_written_at_once_for_who_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ltxdesktop.project.journal.BEHIND_S", 1e6)
    project = desk.create(film(1))
    (file,) = desk.folder.glob(".ltxdesktop/*/journal")
    begun = file.read_bytes()
    project.note("Edit", film(2))
    project.flush()
    noted = file.read_bytes()
    assert noted.startswith(begun)
    assert len(noted) > len(begun)
    project.note("Edit", film(3))
    project.close(keep_edits=True)
    assert desk.open().recover() == film(3)


def test_a_damaged_file_opens_as_its_backup_with_the_journal_on_top(desk: Desk) -> None:
    project = desk.create(film(1))
    project.save(film(2))
    project.close()
    desk.path.write_bytes(desk.path.read_bytes()[:500])
    project = desk.open()
    assert project.document == film(1)
    assert "is damaged; this is its backup" in project.notes[0]
    project.note("Edit", film(7))
    project.close(keep_edits=True)
    again = desk.open()
    assert again.recover() == film(7)
    again.save(film(7))
    assert read_project(desk.path).document == film(7)


def test_a_document_that_breaks_rules_is_set_right_and_kept(desk: Desk) -> None:
    sequence = film().sequence
    track = sequence.tracks[0]
    clips = [replace(clip, fade_in=500, id=ItemId("same")) for clip in track.clips]
    broken = film().with_sequence(replace(sequence, tracks=(replace(track, items=tuple(clips)),)))
    desk.path.write_text(to_text(broken), encoding="utf-8")
    damaged = desk.path.read_bytes()
    project = desk.open()
    check(project.document)
    assert [clip.name for clip in project.document.sequence.tracks[0].clips] == ["clip 0", "clip 1", "clip 2"]
    assert any("were set right" in note for note in project.notes)
    project.note("Edit", edited(project.document, 5))
    project.close(keep_edits=True)
    again = desk.open()
    assert again.recovery is not None
    recovered = again.recover()
    assert recovered == edited(project.document, 5)
    again.save(recovered)
    assert damaged in [backup.path.read_bytes() for backup in again.backups()]


def test_a_document_without_a_sequence_is_refused_with_a_sentence(desk: Desk) -> None:
    tree = json.loads(to_text(film()))
    tree["metadata"]["ltxdesktop"]["project"]["sequences"] = []
    desk.path.write_text(json.dumps(tree), encoding="utf-8")
    before = desk.path.read_bytes()
    with pytest.raises(BrokenProject, match="don't fit together"):
        desk.open()
    assert desk.path.read_bytes() == before


def test_letters_that_are_typed_are_kept_and_counted_as_one_edit(desk: Desk) -> None:
    project = desk.create(film())
    project.note("Write title", edited(film(), 1))
    for number in range(2, 6):
        project.note("Write title", edited(film(), number), grown=True)
    project.note("Move clip", edited(film(), 6))
    project.close(keep_edits=True)
    again = desk.open()
    assert again.recovery is not None
    assert again.recovery.sentence().startswith("The program ended before 2 edits")
    assert again.recovery.names == ("Write title", "Move clip")
    assert again.recover() == edited(film(), 6)


def test_edits_in_a_file_of_another_tool_are_recovered(desk: Desk) -> None:
    """Its clips have no ids of ours; the same ones are made each time."""
    text = (
        '{"OTIO_SCHEMA":"Timeline.1","name":"theirs","metadata":{},"global_start_time":null,"tracks":{"OTIO_SCHEMA":'
        '"Stack.1","name":"","metadata":{},"markers":[],"effects":[],"children":[{"OTIO_SCHEMA":"Track.1","name":"V1",'
        '"kind":"Video","metadata":{},"children":[{"OTIO_SCHEMA":"Clip.1","name":"a","metadata":{},"source_range":'
        '{"OTIO_SCHEMA":"TimeRange.1","duration":{"OTIO_SCHEMA":"RationalTime.1","rate":24.0,"value":48.0},'
        '"start_time":{"OTIO_SCHEMA":"RationalTime.1","rate":24.0,"value":12.0}},"media_reference":'
        '{"OTIO_SCHEMA":"ExternalReference.1","target_url":"a.mov","metadata":{}}}]}]}}'
    )
    desk.path.write_text(text)
    project = desk.open()
    assert project.foreign
    changed = replace(project.document, name="mine")
    project.note("Rename", changed)
    project.close(keep_edits=True)
    again = desk.open()
    assert again.recovery is not None
    assert again.recover() == changed


# ---- two instances ---------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from ltxdesktop.project.project import Project
project = Project.open(Path(sys.argv[1]), Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_instance_is_told_and_a_dead_one_holds_nothing(desk: Desk) -> None:
    desk.create(film()).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(desk.path), str(desk.state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(ProjectInUse, match="open in another window") as caught:
            desk.open()
        assert (caught.value.pid, caught.value.certain) == (holder.pid, True)
        with pytest.raises(ProjectInUse):
            Project.open(desk.path, desk.state, by_force=True)
        holder.kill()
    assert desk.open().document == film()


# ---- awkward places --------------------------------------------------------------------------------------------------

AWKWARD = [
    "new\nline",
    "emoji 🎬",
    "100%20 #1?",
    "quo'te\"",
    "ä" * 120,
    "x" * 250,
    " lead",
    os.fsdecode(b"not utf8 \xff"),
]


@pytest.mark.parametrize("stem", AWKWARD, ids=range(len(AWKWARD)))
def test_awkward_names_work(desk: Desk, stem: str) -> None:
    path = desk.folder / f"{stem}.otio"
    project = desk.create(film(1), path)
    project.save(film(2))
    project.note("Edit", film(3))
    project.close(keep_edits=True)
    again = desk.open(path)
    assert again.document == film(2)
    assert again.recover() == film(3)
    recent = RecentProjects(desk.state / "recent.json")
    recent.add(path, "Film")
    assert [project.path for project in recent.all() if project.exists] == [path]


def test_errors_are_sentences(desk: Desk) -> None:
    with pytest.raises(NoSuchProject, match=r"no project 'film\.otio'"):
        desk.open()
    desk.path.mkdir()
    with pytest.raises(NotReadable, match="it is a folder"):
        desk.open()
    junk = desk.folder / "junk.otio"
    junk.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BrokenProject, match="no text"):
        desk.open(junk)
    with pytest.raises(ProjectError):
        Project.create(desk.folder / "absent" / "film.otio", film(), desk.state)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_read_only_folder_opens_and_says_why_it_cant_save() -> None:
    code = """
import os, sys
from pathlib import Path
from films import film
from ltxdesktop.project.errors import NotWritable
from ltxdesktop.project.project import Project
os.setgid(65534), os.setuid(65534)
project = Project.open(Path(sys.argv[1]), Path(sys.argv[2]))
print(project.document == film(1), project.read_only)
try:
    project.save(film(2))
except NotWritable as error:
    print(error)
project.note("Edit", film(3))
project.close(keep_edits=True)
print(Project.open(Path(sys.argv[1]), Path(sys.argv[2])).recovery.edits)
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "read-only")
        folder.mkdir()
        state = Path(name, "state")
        Project.create(folder / "film.otio", film(1), state).close()
        for path in (Path(name), folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        state.mkdir(exist_ok=True)
        state.chmod(0o777)
        words = in_child(code, folder / "film.otio", state).splitlines()
    assert words[0] == "True the folder is read-only for this account"
    assert "save the project in another folder" in words[1]
    assert words[2] == "1", "the journal is in the state folder"


def test_a_read_only_project_refuses_to_save(desk: Desk) -> None:
    project = desk.create(film(1))
    project.read_only = "the folder is read-only for this account"
    with pytest.raises(NotWritable):
        project.save(film(2))


# ---- recent projects -------------------------------------------------------------------------------------------------


def test_recent_projects_are_newest_first_and_once_each(tmp_path: Path) -> None:
    recent = RecentProjects(tmp_path / "recent.json")
    for name in ("a", "b", "a"):
        recent.add(tmp_path / name, name.upper())
    assert [(project.name, project.exists) for project in recent.all()] == [("A", False), ("B", False)]
    recent.forget(tmp_path / "a")
    assert [project.name for project in recent.all()] == ["B"]


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"{}", b'[{"path": 3}]', b"\xff"])
def test_a_damaged_list_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "recent.json").write_bytes(content)
    assert RecentProjects(tmp_path / "recent.json").all() == []
