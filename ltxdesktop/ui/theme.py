"""Colours, typeface and shapes of the program: a dark theme first, a light one too. No widget sets its own colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from string import Template

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from ltxdesktop.resources import RESOURCES, font_files
from ltxdesktop.ui.dressing import Dressing
from ltxdesktop.ui.icons import icon

TYPEFACE = "Inter"
TEXT_PX = 13


@dataclass(frozen=True)
class Theme:
    """One set of colours, as "#rrggbb". Contrast of text on panel is at least 7:1, of quiet text at least 4.5:1."""

    name: str
    window: str  # behind the panels
    panel: str
    control: str  # fields and buttons
    hover: str
    line: str
    text: str
    quiet: str  # labels, hints
    faint: str  # disabled
    accent: str
    accent_hover: str
    on_accent: str
    accent_soft: str  # selected rows
    good: str
    warn: str
    bad: str
    screen: str  # around the picture


DARK = Theme(
    name="dark",
    window="#0f1115",
    panel="#171a20",
    control="#21252d",
    hover="#2b303a",
    line="#2b303a",
    text="#e8eaef",
    quiet="#9ba4b4",
    faint="#5a6270",
    accent="#7c8cff",
    accent_hover="#93a0ff",
    on_accent="#0c0e1a",
    accent_soft="#272c46",
    good="#4fc78e",
    warn="#f0b752",
    bad="#ff7a76",
    screen="#08090b",
)

LIGHT = Theme(
    name="light",
    window="#e9ebf0",
    panel="#ffffff",
    control="#f1f3f7",
    hover="#e4e8ef",
    line="#d5dae3",
    text="#191c22",
    quiet="#596273",
    faint="#a3abb9",
    accent="#4a56d8",
    accent_hover="#3b46c0",
    on_accent="#ffffff",
    accent_soft="#e3e6fb",
    good="#1d8a56",
    warn="#9a6500",
    bad="#c9322d",
    screen="#16181d",
)

_SHEET = Template("""
* { outline: none; }
QWidget { color: $text; }
QFrame#panel { background: $panel; border: 1px solid $line; border-radius: 8px; }
QFrame#topbar { background: $panel; border: none; border-bottom: 1px solid $line; }
QFrame#banner { background: $control; border: 1px solid $bad; border-radius: 8px; }
QLabel { background: transparent; }
QLabel#brand { font-weight: 600; font-size: 14px; }
QLabel#title { font-weight: 600; }
QLabel#label, QLabel#hint { color: $quiet; }
QLabel#hint, QLabel#note { font-size: 12px; }
QLabel#note { color: $quiet; }
QLabel#problem { color: $warn; font-size: 12px; }
QLabel#good { color: $good; font-size: 12px; }
QLabel#line { background: $line; }
QLabel#mode { color: $accent; font-weight: 600; }
QToolTip { background: $control; color: $text; border: 1px solid $line; padding: 5px 7px; }

QPushButton, QToolButton, QComboBox, QSpinBox, QDoubleSpinBox, QLineEdit, QPlainTextEdit {
    background: $control; border: 1px solid $line; border-radius: 6px; padding: 5px 9px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QPushButton { padding: 6px 12px; }
QToolButton { padding: 5px; }
QToolButton#flat::menu-indicator { image: none; }
QPushButton:hover, QToolButton:hover, QComboBox:hover, QSpinBox:hover, QDoubleSpinBox:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $line; }
QPushButton:focus, QToolButton:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus,
QPlainTextEdit:focus, QListView:focus { border: 1px solid $accent; }
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QSpinBox:disabled, QPlainTextEdit:disabled {
    color: $faint; }
QPushButton#primary { background: $accent; border: 1px solid $accent; color: $on_accent; font-weight: 600; }
QPushButton#primary:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton#primary:focus { border: 2px solid $text; padding: 5px 11px; }
QPushButton#primary:disabled { background: $control; border: 1px solid $line; color: $faint; }
QToolButton#flat, QPushButton#flat { background: transparent; border: 1px solid transparent; }
QToolButton#flat:hover, QPushButton#flat:hover { background: $hover; }
QToolButton#flat:focus, QPushButton#flat:focus { border: 1px solid $accent; }
QToolButton:checked, QToolButton#flat:checked { background: $accent_soft; border: 1px solid $accent; }
QPushButton#engine { background: transparent; border: 1px solid transparent; color: $quiet; font-size: 12px;
    padding: 4px 6px; text-align: left; }
QPushButton#engine:hover { background: $hover; color: $text; }
QPushButton#engine:focus { border: 1px solid $accent; }
QToolButton#segment { border-radius: 0; border-right-width: 0; padding: 5px 10px; }
QToolButton#segment[place="first"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QToolButton#segment[place="last"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px;
    border-right-width: 1px; }
QToolButton#segment:checked { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QToolButton#segment:focus { border-color: $text; }

QCheckBox { spacing: 8px; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid $faint; border-radius: 4px; background: $control; }
QCheckBox::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($tick); }
QCheckBox:focus { color: $accent; }
QCheckBox:disabled { color: $faint; }
QCheckBox::indicator:checked:disabled { background: $control; border-color: $faint; }

QAbstractSpinBox QLineEdit { background: transparent; border: none; padding: 0 0 0 6px; }
QSpinBox, QDoubleSpinBox { padding: 5px 20px 5px 2px; }
QSpinBox, QDoubleSpinBox, QComboBox { min-height: 18px; }
QPlainTextEdit { padding: 4px 5px; }
QComboBox { padding-right: 24px; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($chevron); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $control; border: 1px solid $line; padding: 4px; color: $text;
    selection-background-color: $accent_soft; selection-color: $text; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-origin: border; subcontrol-position: top right;
    width: 18px; border: none; margin: 2px 2px 0 0; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-origin: border; subcontrol-position: bottom right;
    width: 18px; border: none; margin: 0 2px 2px 0; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url($chevron_up); width: 11px; height: 11px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url($chevron); width: 11px; height: 11px; }

QListView { background: transparent; border: 1px solid transparent; border-radius: 6px; }
QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget#form { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $line; border-radius: 3px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: $faint; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle:horizontal { background: $line; border-radius: 3px; min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }

QMenuBar { background: $panel; padding: 2px 6px; }
QMenuBar::item { padding: 5px 9px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $panel; border: 1px solid $line; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 12px; border-radius: 5px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 5px 8px; }
QSplitter::handle { background: transparent; }

QMainWindow#edit-docks::separator { background: transparent; width: 6px; height: 6px; }
QDockWidget { color: $quiet; titlebar-close-icon: none; titlebar-normal-icon: none; font-size: 12px; }
QDockWidget::title { background: $panel; border: 1px solid $line; border-bottom: none; border-top-left-radius: 8px;
    border-top-right-radius: 8px; padding: 3px 10px; text-align: left; }
QDockWidget > QWidget { background: $panel; border: 1px solid $line; border-top: none;
    border-bottom-left-radius: 8px; border-bottom-right-radius: 8px; }
QLabel#docktitle { background: $panel; border: 1px solid $line; border-bottom: none; color: $quiet; font-size: 12px;
    border-top-left-radius: 8px; border-top-right-radius: 8px; padding: 3px; }
QFrame#monitor { background: $panel; border: 1px solid $line; border-radius: 8px; }
QFrame#monitor[active="true"] { border: 1px solid $accent; }
QTabBar::tab { background: transparent; color: $quiet; padding: 5px 6px; border: none; font-size: 12px;
    border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:hover { color: $text; }
QTreeWidget, QListWidget { background: transparent; border: 1px solid transparent; border-radius: 6px; }
QTreeWidget::item, QListWidget::item { padding: 4px 6px; border-radius: 4px; }
QTreeWidget::item:hover, QListWidget::item:hover { background: $control; }
QTreeWidget::item:selected, QListWidget::item:selected { background: $accent_soft; color: $text; }
QHeaderView::section { background: transparent; color: $quiet; border: none; border-bottom: 1px solid $line;
    padding: 4px 6px; }
QProgressBar { background: $control; border: none; border-radius: 3px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QDialogButtonBox, QMessageBox { dialogbuttonbox-buttons-have-icons: 0; }
QFrame#lanes { border: none; border-top: 1px solid $line; }
QDialog#palette { background: $panel; border: 1px solid $line; }
QStatusBar { background: $panel; border-top: 1px solid $line; color: $quiet; }
""")


class Look(QObject):
    """The theme in use. Owned by the app and handed to every widget that paints or shows icons."""

    chosen = Signal()  # there is another theme; `changed` follows
    changed = Signal()  # draw in other colours, show other icons

    def __init__(self, application: QApplication, theme: Theme = DARK, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.application = application
        self.theme = theme
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._dressing = Dressing(self)
        load_typeface(application)
        application.setStyle("Fusion")
        application.setPalette(palette(theme))
        application.setStyleSheet(style_sheet(theme))

    def use(self, theme: Theme) -> None:
        """Show everything in this theme from now on.

        Windows that somebody looks at get its sheet in turns, and have it over the application's from then on: giving
        the application another one polishes all its widgets in 213 ms of computing (645 of them, Qt 6.11).
        """
        icons = [partial(self.icon, name) for name, ink in self._icons if ink == self.theme.text]
        self.theme = theme
        self.application.setPalette(palette(theme))
        self.chosen.emit()
        windows = [each for each in self.application.topLevelWidgets() if each.parentWidget() is None]
        if any(each.isVisible() for each in windows):
            sheet = style_sheet(theme)
            sheet = "" if sheet == self.application.styleSheet() else sheet  # where it came from: that does it
            self._dressing.dress(windows, sheet, icons, self.changed.emit)
        else:
            self._dressing.undress()
            self.application.setStyleSheet(style_sheet(theme))
            self.changed.emit()

    @property
    def settling(self) -> bool:
        """Whether something isn't in the newest theme yet."""
        return self._dressing.busy

    def toggle(self) -> None:
        self.use(LIGHT if self.theme is DARK else DARK)

    def icon(self, name: str, ink: str = "") -> QIcon:
        """An icon in the theme's text colour, or in `ink`."""
        colour = ink or self.theme.text
        key = (name, colour)
        if key not in self._icons:
            self._icons[key] = icon(name, colour, self.theme.faint)
        return self._icons[key]


def load_typeface(application: QGuiApplication) -> None:
    """Use the typeface that comes with the program, so that it looks and measures the same everywhere."""
    for file in font_files():
        QFontDatabase.addApplicationFont(str(file))
    font = QFont(TYPEFACE)
    font.setPixelSize(TEXT_PX)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    application.setFont(font)


def figures(font: QFont) -> QFont:
    """The same font with digits of equal width, for anything that counts."""
    changed = QFont(font)
    changed.setFeature(QFont.Tag("tnum"), 1)
    return changed


def palette(theme: Theme) -> QPalette:
    colours = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.control,
        QPalette.ColorRole.AlternateBase: theme.panel,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.quiet,
        QPalette.ColorRole.Button: theme.control,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.ToolTipBase: theme.control,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.Accent: theme.accent,
    }
    for role, colour in roles.items():
        colours.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        colours.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return colours


def style_sheet(theme: Theme) -> str:
    values = {name: str(value) for name, value in vars(theme).items()}
    for name in ("chevron", "chevron_up", "tick"):
        file = RESOURCES / "icons" / f"{name.replace('_', '-')}-{theme.name}.svg"
        values[name] = file.as_posix()
    return _SHEET.substitute(values)
