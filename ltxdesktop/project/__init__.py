"""Projects on disk: the file and its backups, the journal between saves, the lock, lost media, other tools' formats.

No Qt and no clock of its own beyond timestamps. Everything may be called off the GUI thread. `project.Project` is the
open project; `recent`, `relink` and `interchange` stand beside it.
"""
