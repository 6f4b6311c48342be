"""Every control of the Edit workspace has a name for screen readers and a tooltip; lists and trees have the name."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

from ltxdesktop.document import edits
from ltxdesktop.document.model import TrackKind, new_sequence
from ltxdesktop.ui.editor.dialogs import FilmDialog, SpeedDialog
from ltxdesktop.ui.keymaps_window import KeymapsWindow

CONTROLS = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractSpinBox, QLineEdit, QPlainTextEdit, QAbstractItemView)
OWNERS = (QAbstractSpinBox, QComboBox, QLineEdit, QTabBar, QAbstractItemView)  # what they're made of is Qt's affair


def silent(root: QWidget) -> list[str]:
    """The controls below a widget that don't say enough of themselves."""
    found: list[str] = []
    for control in root.findChildren(QWidget):
        parent = control.parent()
        inside = isinstance(parent, OWNERS) or (parent is not None and isinstance(parent.parent(), OWNERS))
        if not isinstance(control, CONTROLS) or inside or isinstance(control, QScrollBar | QHeaderView):
            continue
        if control.objectName().startswith("qt_"):  # a dock's own buttons
            continue
        words = control.text() if isinstance(control, QAbstractButton) else ""
        named = bool(control.accessibleName() or words)
        tipped = bool(control.toolTip()) or isinstance(control, QAbstractItemView)
        if not named or not tipped:
            found.append(f"{type(control).__name__} {control.objectName()} {control.accessibleName() or words!r}")
    return found


def test_panels_and_monitors(project):
    sequence = project.project.document.sequence
    clips = [next(iter(sequence.of_kind(kind)[0].clips)).id for kind in (TrackKind.VIDEO, TrackKind.AUDIO)]
    for kind in ("blur", "curves", "lut"):
        project.project.edit("Add", lambda d, kind=kind: edits.add_effect(d, clips[0], kind))
    project.selection.choose(clips)
    assert silent(project) == []


def test_titles(project):
    project.actions_by_name["sequence.title"].trigger()
    assert silent(project.inspector) == []


@pytest.mark.parametrize("kind", ["speed", "film", "keys"])
def test_dialogs(project, kind):
    made: dict[str, QDialog] = {
        "speed": SpeedDialog(Fraction(1), True, project),
        "film": FilmDialog("Sequence", new_sequence(), project),
        "keys": KeymapsWindow(project._look, project.actions_by_name, project),
    }
    assert silent(made[kind]) == []
