"""The panels of the Edit workspace as docks around the monitors: where they stand, and how a person left them."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QChildEvent, QSettings, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QTabBar, QWidget

from ltxdesktop.ui.editor.monitors import Monitors

LAYOUT_SETTING, MONITORS_SETTING = "edit/layout", "edit/monitors"
LAYOUT_VERSION = 3  # 2: takes have a panel of their own; 3: jobs too
ROOM_FOR_TAKES_PX = 1100  # of height: beneath it media and takes would each show one row
LOW_PX = 740  # of height: above the timeline the Make panel would show one line of the prompt
NARROW_PX = 1100  # of width: the timeline needs all of it
LEFT, RIGHT, BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
)
WIDTHS_PX = {"media": 310, "inspector": 320}
TIMELINE_SHARE, METERS_PX = 0.44, 70
LOWEST_PX = 550  # of height that the timeline's share is taken of: less would show no sound under the picture


class Docks(QMainWindow):
    """Holds panels by name. `media`, `inspector`, `timeline` and `meters` have to be there before `arrange`."""

    def __init__(self, settings: QSettings, *monitors: QWidget) -> None:
        super().__init__()
        self._settings = settings
        self.panels: dict[str, QDockWidget] = {}
        self._areas: dict[str, Qt.DockWidgetArea] = {}
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        self.setAnimated(False)
        self.setObjectName("edit-docks")
        self.monitors = Monitors(*monitors)
        self.setCentralWidget(self.monitors)
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, BOTTOM)

    def add(self, name: str, words: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        """Put a panel into a dock with a heading."""
        dock = QDockWidget(words, self)
        dock.setObjectName(f"dock-{words.lower()}")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # the sheet's ground and line
        dock.setWidget(panel)
        self.addDockWidget(area, dock)
        self.panels[name], self._areas[name] = dock, area
        return dock

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front, also one that was closed."""
        self.panels[name].show()
        self.panels[name].raise_()

    def go_to(self, name: str) -> None:
        """Bring a panel to the front, and the keyboard's focus to it."""
        if name in self.panels:
            self.show_panel(name)
            target = _target(self.panels[name].widget())
            if target is not None:
                target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def go_on(self, by: int) -> None:
        """The focus to the next (1) or the previous (-1) of the panels and monitors that are seen."""
        seen = [place for place in self._places() if not place.visibleRegion().isEmpty()]
        targets = [(place, target) for place in seen if (target := _target(place)) is not None]
        focused = QApplication.focusWidget()
        within = (n for n, (place, _) in enumerate(targets) if focused is not None and place.isAncestorOf(focused))
        here = next(within, None)
        if targets:
            _, target = targets[0 if here is None else (here + by) % len(targets)]
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _places(self) -> list[QWidget]:
        """From the left to the right, then the bottom."""
        panels = {
            area: [dock.widget() for dock in self.panels.values() if self.dockWidgetArea(dock) == area]
            for area in (LEFT, RIGHT, BOTTOM)
        }
        monitors = [self.monitors.widget(place) for place in range(self.monitors.count())]
        every = [*panels[LEFT], *monitors, *panels[RIGHT], *panels[BOTTOM]]
        return [place for place in every if place is not None]

    def arrange(self) -> None:
        """All panels where they are at first, wherever they were dragged to."""
        for dock in self.panels.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        firsts: dict[Qt.DockWidgetArea, QDockWidget] = {}
        for (
            name,
            dock,
        ) in self.panels.items():  # at once in place: in a pile they'd enlarge the window
            first = firsts.setdefault(self._areas[name], dock)
            if first is dock:
                self.addDockWidget(self._areas[name], dock)
            elif name == "meters":
                self.splitDockWidget(first, dock, Qt.Orientation.Horizontal)
            else:
                self.tabifyDockWidget(first, dock)
        for dock in self.panels.values():
            dock.show()
        self._place_loop()
        self.panels["media"].raise_()
        self.panels["inspector"].raise_()
        self._share_out()

    def reset(self) -> None:
        """All panels as in a window of this size that was never laid out."""
        self.arrange()
        if self.isVisible():  # before a project is open there's no size to go by
            self.lay_out_first()

    def join_loop(self) -> None:
        """The panels `make`, `jobs` and `takes` are there now: at their places, or where they were left."""
        self._place_loop()
        if not self._restore_panels():
            self.panels["make"].raise_()

    def lay_out_first(self) -> None:
        """In a window that was never laid out, once its size is known."""
        self._place_loop()
        self.panels["meters"].setVisible(self.width() >= NARROW_PX)
        if "make" in self.panels:
            self.panels["make"].raise_()
        self._share_out()

    @property
    def was_laid_out(self) -> bool:
        """Whether a person has left the panels in some way before."""
        return self._settings.value(LAYOUT_SETTING) is not None

    def save(self) -> None:
        """Keep for the next start how the panels stand."""
        self._settings.setValue(LAYOUT_SETTING, self.saveState(LAYOUT_VERSION))
        self._settings.setValue(MONITORS_SETTING, self.monitors.saveState())

    def restore(self) -> None:
        """Panels and monitors as they were left."""
        self._restore_panels()
        monitors = self._settings.value(MONITORS_SETTING)
        if isinstance(monitors, QByteArray):
            self.monitors.restoreState(monitors)

    def _restore_panels(self) -> bool:
        layout = self._settings.value(LAYOUT_SETTING)
        if isinstance(layout, QByteArray):
            self.restoreState(layout, LAYOUT_VERSION)
        return isinstance(layout, QByteArray)

    def _place_loop(self) -> None:
        """Make beside the inspector; takes under the media where there is room for both, else as a tab beside them."""
        panels = self.panels
        if "make" not in panels:
            return
        self.tabifyDockWidget(panels["inspector"], panels["make"])
        self.tabifyDockWidget(panels["make"], panels["jobs"])
        if self.height() >= ROOM_FOR_TAKES_PX:
            self.addDockWidget(LEFT, panels["takes"])
        else:
            self.tabifyDockWidget(panels["media"], panels["takes"])
            panels["media"].raise_()

    def childEvent(self, event: QChildEvent) -> None:
        """Names of tabs are whole, also of bars that come with a layout that was kept, or when a panel is dragged."""
        super().childEvent(event)
        bar = event.child()
        if event.polished() and isinstance(bar, QTabBar):
            bar.setElideMode(Qt.TextElideMode.ElideNone)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window what is at the right has its whole height, beside the timeline."""
        super().resizeEvent(event)
        self.setCorner(Qt.Corner.BottomRightCorner, RIGHT if self.height() < LOW_PX else BOTTOM)

    def _share_out(self) -> None:
        panels, height = self.panels, max(self.height(), LOWEST_PX)
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([panels[name] for name in WIDTHS_PX], list(WIDTHS_PX.values()), across)
        self.resizeDocks([panels["timeline"], panels["meters"]], [4000, METERS_PX], across)
        self.resizeDocks([panels["timeline"]], [round(height * TIMELINE_SHARE)], down)


def _target(place: QWidget) -> QWidget | None:
    """What a panel has said that its focus goes to, else the first that takes it by keys."""
    able = (each for each in place.findChildren(QWidget) if each.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return place.focusProxy() or next((each for each in able if each.isVisible() and each.isEnabled()), None)
