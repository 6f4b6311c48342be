"""Lost media are found by name, size and content; what is only alike is said to be so."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from films import KITCHEN, film

from engine.media.content import content_hash
from ltxdesktop.document.model import Clip, Media, MediaId, MediaKind
from ltxdesktop.project.interchange.edl import read_edl, write_edl
from ltxdesktop.project.places import located
from ltxdesktop.project.relink import Certainty, find, likely_folders, relinked, with_media_start


def file_at(path: Path, content: bytes = b"kitchen" * 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def known(path: Path) -> Media:
    """The media of a file as it was imported."""
    return replace(KITCHEN, bytes=path.stat().st_size, content_hash=content_hash(path))


def test_a_moved_file_is_found_by_its_name_and_content(tmp_path: Path) -> None:
    media = known(file_at(tmp_path / "old" / "kitchen.mp4"))
    file_at(tmp_path / "new" / "a" / "kitchen.mp4", b"another" * 100)
    moved = (tmp_path / "old" / "kitchen.mp4").rename(tmp_path / "new" / "kitchen.mp4")
    assert find([media], [tmp_path])[media.id].path == moved
    assert find([media], [tmp_path])[media.id].certainty is Certainty.CONTENT


def test_a_renamed_file_is_found_by_its_content(tmp_path: Path) -> None:
    media = known(file_at(tmp_path / "kitchen.mp4"))
    (tmp_path / "kitchen.mp4").rename(tmp_path / "scene 4.mov")
    match = find([media], [tmp_path])[media.id]
    assert (match.path.name, match.certainty) == ("scene 4.mov", Certainty.CONTENT)


def test_the_same_name_and_size_with_other_content_is_no_match_for_sure(tmp_path: Path) -> None:
    media = known(file_at(tmp_path / "kitchen.mp4"))
    file_at(tmp_path / "kitchen.mp4", b"kitcheN" * 100)
    match = find([media], [tmp_path])[media.id]
    assert match.certainty is Certainty.NAME
    assert not match.same


def test_without_a_hash_name_and_size_decide(tmp_path: Path) -> None:
    path = file_at(tmp_path / "x" / "KITCHEN.mp4")
    media = replace(KITCHEN, bytes=path.stat().st_size)
    assert find([media], [tmp_path])[media.id].certainty is Certainty.NAME_AND_SIZE
    assert find([replace(KITCHEN, bytes=3)], [tmp_path])[KITCHEN.id].certainty is Certainty.NAME


def test_a_clip_of_an_edit_list_is_found_by_its_name_alone(tmp_path: Path) -> None:
    path = file_at(tmp_path / "A001.mov")
    media = Media(MediaId("m"), "A001.mov", "", MediaKind.VIDEO)
    assert find([media], [tmp_path])[media.id].path == path


def test_numbered_pictures_are_found_as_one(tmp_path: Path) -> None:
    for number in (16, 17, 18):
        file_at(tmp_path / "render" / f"shot.{number:04d}.png")
    media = Media(MediaId("m"), "shot", "old/shot.0017.png", MediaKind.IMAGE_SEQUENCE)
    assert find([media], [tmp_path])[media.id].path == tmp_path / "render" / "shot.0017.png"


def test_a_search_can_be_stopped(tmp_path: Path) -> None:
    for number in range(300):
        file_at(tmp_path / f"{number:03}.mp4", b"x")
    media = Media(MediaId("m"), "", "299.mp4", MediaKind.VIDEO)
    assert find([media], [tmp_path], cancelled=lambda: True) == {}
    assert media.id in find([media], [tmp_path])


def test_relinking_writes_paths_as_the_project_says_them(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    inside, beside, away = folder / "m" / "a.mp4", tmp_path / "footage" / "a.mp4", Path("/mnt/disk/a.mp4")
    for path, text in [(inside, "m/a.mp4"), (beside, "../footage/a.mp4"), (away, "/mnt/disk/a.mp4")]:
        media = relinked(film(), {KITCHEN.id: path}, folder).media[KITCHEN.id]
        assert media.path == text
        assert located(text, folder) == path


def test_likely_folders_begin_with_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "films" / "one"
    (folder / "media").mkdir(parents=True)
    assert likely_folders(film(), folder) == [folder.parent]  # holds the project's own
    away = file_at(tmp_path / "disk" / "b.mp4")
    document = film().with_media(replace(KITCHEN, id=MediaId("b"), path=str(away)))
    assert likely_folders(document, folder) == [folder.parent, away.parent]


def test_clips_of_an_edit_list_move_into_their_file_once_its_timecode_is_known() -> None:
    line = "001  TAPE1    V     C        01:00:10:00 01:00:12:00 01:00:00:00 01:00:02:00"
    document = read_edl(line, Fraction(25)).document
    (media_id,) = document.media
    placed = with_media_start(document, media_id, Fraction(3600))
    clip = placed.sequence.tracks[0].items[0]
    assert isinstance(clip, Clip)
    assert clip.takes[0].start_s == 10
    assert with_media_start(placed, media_id, Fraction(3600)) is placed
    assert line.split()[4] in write_edl(placed, placed.sequence, lambda media: Path(media.path)).text
