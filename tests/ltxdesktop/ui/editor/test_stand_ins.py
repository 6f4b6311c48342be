"""Heavy films get small stand-ins, seen and steered in the media panel; the cache is counted and cleared."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from ltxdesktop.document.model import MediaId
from ltxdesktop.ui.editor.cache_line import CacheLine
from ltxdesktop.ui.editor.stand_ins import StandIn


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures, but 4,000 of them a second: more pixels a second than 1080p60."""
    path = tmp_path_factory.mktemp("heavy") / "heavy.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4000, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        for number in range(40):
            picture = np.full((144, 256, 3), number * 6, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def bring_in(edit, qtbot, path: Path) -> MediaId:
    edit.importing.import_paths([path])
    qtbot.waitUntil(lambda: media_at(edit, path) is not None)
    found = media_at(edit, path)
    assert found is not None
    return found


def media_at(edit, path: Path) -> MediaId | None:
    return next((each.id for each in edit.project.document.media.values() if each.name == path.name), None)


def stand_in(edit, media: MediaId) -> StandIn | None:
    return edit.materials.stand_ins.of(edit.project.document.media[media])


def test_heavy_film_gets_one_by_itself_and_a_light_one_when_asked(project, qtbot, heavy: Path, film: Path):
    told: list[str] = []
    panel = project.media
    show = panel.making.show_work
    panel.making.show_work = lambda words, share: told.append(words) or show(words, share)
    media = bring_in(project, qtbot, heavy)
    qtbot.waitUntil(lambda: (found := stand_in(project, media)) is not None and found.is_there)
    assert f"Stand-in of {heavy.name}" in told
    assert not panel.making.isVisible()
    light = media_at(project, film)
    assert light is not None
    assert stand_in(project, light) is None
    with qtbot.waitSignal(project.materials.stand_ins.shown_changed):
        project.materials.stand_ins.make(project.project.document.media[light])
    assert stand_in(project, light) == StandIn(1.0)


def test_stand_ins_are_shown_or_not_by_the_monitors_button(project, qtbot, heavy: Path):
    media = bring_in(project, qtbot, heavy)
    qtbot.waitUntil(lambda: (found := stand_in(project, media)) is not None and found.is_there)
    files = project.materials.files
    button = next(each for each in project.program._buttons if each.accessibleName() == "Play small stand-ins")
    assert button.isChecked()
    assert files.proxies.proxy_of(heavy) is not None
    with qtbot.waitSignal(project.materials.stand_ins.shown_changed):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.isChecked()
    assert files.proxies.proxy_of(heavy) is None
    assert files.proxies.existing(heavy) is not None


def test_one_can_be_stopped_and_removed(project, qtbot, heavy: Path):
    stand_ins = project.materials.stand_ins
    stand_ins.automatic = False
    brought = bring_in(project, qtbot, heavy)
    media = project.project.document.media[brought]
    assert stand_ins.of(media) is None
    stand_ins.make(media)
    assert stand_ins.of(media) == StandIn()
    assert project.media.making.isVisible()
    qtbot.mouseClick(project.media.making.stop, Qt.MouseButton.LeftButton)
    assert stand_ins.of(media) is None
    assert not project.media.making.isVisible()
    stand_ins.make(media)
    qtbot.waitUntil(lambda: stand_ins.of(media) == StandIn(1.0))
    with qtbot.waitSignal(stand_ins.shown_changed):
        stand_ins.remove(media)
    assert stand_ins.of(media) is None
    assert project.materials.files.proxies.existing(heavy) is None


def test_menu_offers_what_can_be_done_with_one(project, heavy: Path, film: Path):
    media = next(iter(project.project.document.media.values()))
    stand_ins = project.materials.stand_ins
    for known, words in (
        (None, "Make a stand-in (proxy)"),
        (StandIn(problem="no room"), "Make a stand-in (proxy)"),
        (StandIn(0.4), "Stop making its stand-in"),
        (StandIn(1.0), "Remove its stand-in"),
    ):
        stand_ins._known = {} if known is None else {film: known}
        menu = QMenu()
        project.media._offer_stand_in(menu, media)
        assert [action.text() for action in menu.actions()] == [words]


@pytest.mark.parametrize("known", [StandIn(), StandIn(0.4), StandIn(1.0), StandIn(problem="The disk is full.")])
def test_card_and_tooltip_tell_of_it(project, film: Path, known: StandIn):
    before = project.media.view.grab().toImage()
    project.materials.stand_ins._known[film] = known
    project.materials.stand_ins.changed.emit(film)
    assert project.media.view.grab().toImage() != before
    tip = project.media.model.data(project.media.model.index(0), Qt.ItemDataRole.ToolTipRole)
    assert known.words in tip
    assert known.problem in tip


def test_cache_is_counted_and_cleared(project, qtbot, film: Path):
    media = next(iter(project.project.document.media.values()))
    stand_ins = project.materials.stand_ins
    stand_ins.make(media)
    qtbot.waitUntil(lambda: stand_ins.of(media) == StandIn(1.0))
    line = CacheLine(project.materials)
    qtbot.addWidget(line)
    qtbot.waitUntil(lambda: line.words.endswith("KB"))
    line.proxies.setChecked(True)
    qtbot.mouseClick(line.clear, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: line.words == "Cache: 0 KB")
    assert stand_ins.of(media) is None
    assert project.materials.files.proxies.existing(film) is None
