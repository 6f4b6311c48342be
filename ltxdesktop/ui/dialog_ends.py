"""The buttons that end a dialog, with what they do and their keys in the tooltips."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox


def ok_and_cancel(dialog: QDialog, done: str) -> QDialogButtonBox:
    """OK and Cancel, connected to the dialog; `done` says what OK does."""
    kinds = QDialogButtonBox.StandardButton
    ends = QDialogButtonBox(kinds.Ok | kinds.Cancel)
    ends.button(kinds.Ok).setToolTip(f"{done} (Enter)")
    ends.button(kinds.Cancel).setToolTip("Leave everything as it was (Esc)")
    ends.accepted.connect(dialog.accept)
    ends.rejected.connect(dialog.reject)
    return ends
