"""Runs first in the frozen app: children get the person's environment back, not the bundle's.

PyInstaller's starter points LD_LIBRARY_PATH at the bundle's libraries and leaves its own notes in `_PYI_*`. This
process has read them already; the engine's Python, ssh and all else it starts would load the wrong libraries with them.
"""

import os

for _name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH", "LIBPATH"):
    _original = os.environ.pop(_name + "_ORIG", None)
    if _original is not None:
        os.environ[_name] = _original
    elif _name == "LD_LIBRARY_PATH" or _name.startswith("DYLD_"):
        os.environ.pop(_name, None)
for _name in [_each for _each in os.environ if _each.startswith("_PYI_")]:
    del os.environ[_name]
for _name in ("PYTHONHOME", "PYTHONPATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):
    os.environ.pop(_name, None)
