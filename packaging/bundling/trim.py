"""Which of the files that PyInstaller finds stay out of the bundle, and why. Pure: names in, yes or no out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import PurePath
from typing import Final, TypeVar

# Modules that nothing of the app needs. readline is GPL-3 by itself and of use in a terminal only; torch and its like
# belong to the engine pack; the rest comes along through optional imports of numpy, Pillow, keyring and setuptools.
EXCLUDED_MODULES: Final = (
    "readline",
    "torch",
    "transformers",
    "safetensors",
    "tokenizers",
    "einops",
    "tkinter",
    "_tkinter",
    "PIL.ImageTk",
    "PIL._imagingtk",
    "PIL._avif",
    "PIL.AvifImagePlugin",
    "numpy.f2py",
    "numpy.distutils",
    "numpy.testing",
    "numpy.random",  # NumPy loads these five when they're first named, and nothing names them
    "numpy.fft",
    "numpy.polynomial",
    "numpy.ma",
    "numpy.matlib",
    "numpy._core._multiarray_tests",
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
    "pip",
    "pytest",
    "unittest.mock",
    "pydoc",
    "pdb",
    "doctest",
    "lib2to3",
    "xmlrpc",
    "asyncio",  # only typing_extensions names it, for functions of a kind that nothing here has
    "_pydecimal",  # decimal in Python, for Pythons without it in C
    "IPython",
    "matplotlib",
    "yaml",
    "PySide6.QtNetwork",
    "PySide6.QtQml",
    "PySide6.QtQuick",
    "PySide6.QtOpenGL",  # 9 MB: the monitor calls OpenGL through QtGui
    "PySide6.QtDBus",
    "requests",  # an optional part of truststore's, and what it brings
    "urllib3",
    "certifi",
    "idna",
    "charset_normalizer",
    "engine.backends",
    "engine.fetching",
    "engine.server",
    "engine.models",
    "engine.training",
)

# On Linux besides.
EXCLUDED_ON_LINUX: Final = (
    "cryptography",  # 12 MB for SecretStorage's AES: cipher.py has Python's own OpenSSL do that
    "_codecs_cn",  # 1 MB: files and systems here are in UTF-8 (Qt asks for it too); on Windows consoles aren't
    "_codecs_hk",
    "_codecs_iso2022",
    "_codecs_jp",
    "_codecs_kr",
    "_codecs_tw",
    "_multibytecodec",
)

# Shell patterns over a file's name in the bundle (with /), each with its reason.
DROPPED: Final = {
    # Qt: the app uses Core, Gui, Widgets and Svg. Its text is English and its menus are its own.
    "PySide6/Qt/translations/*": "no translations are used",
    "PySide6/translations/*": "no translations are used",
    "PySide6/Qt/qml/*": "no QML",
    "PySide6/Qt/plugins/platforms/libqeglfs*": "for devices without a window system",
    "PySide6/Qt/plugins/platforms/libqlinuxfb*": "for devices without a window system",
    "PySide6/Qt/plugins/platforms/libqminimal*": "for Qt's own tests",
    "PySide6/Qt/plugins/platforms/libqvkkhrdisplay*": "for devices without a window system",
    "PySide6/Qt/plugins/platforms/libqvnc*": "for devices without a window system",
    "PySide6/Qt/plugins/egldeviceintegrations/*": "for devices without a window system",
    "PySide6/Qt/plugins/generic/*": "input without a window system",
    "PySide6/Qt/plugins/platformthemes/libqgtk3*": "would bring GTK, cairo and pango; the portal's dialogs stay",
    "PySide6/Qt/plugins/platforminputcontexts/*virtualkeyboard*": "would bring QML",
    "PySide6/Qt/plugins/imageformats/*pdf*": "would bring QtPdf",
    "PySide6/Qt/plugins/imageformats/*qtga*": "pictures are read by Pillow and PyAV",
    "PySide6/Qt/plugins/imageformats/*qtiff*": "pictures are read by Pillow and PyAV",
    "PySide6/Qt/plugins/imageformats/*qwbmp*": "pictures are read by Pillow and PyAV",
    "PySide6/Qt/plugins/imageformats/*qicns*": "pictures are read by Pillow and PyAV",
    "PySide6/Qt/plugins/networkinformation/*": "no QtNetwork",
    "PySide6/Qt/plugins/tls/*": "no QtNetwork",
    "PySide6/Qt/plugins/wayland-graphics-integration-server/*": "the app is no compositor",
    "PySide6/Qt/plugins/wayland-shell-integration/libfullscreen-shell*": "for desktops in a window of another",
    "PySide6/Qt/plugins/wayland-shell-integration/libivi-shell*": "for cars",
    "PySide6/Qt/plugins/wayland-shell-integration/libqt-shell*": "for compositors made with Qt's own protocol",
    "PySide6/Qt/plugins/wayland-shell-integration/libwl-shell*": "what desktops had before xdg-shell, and have no more",
    "*Qt6Qml*": "no QML",
    "*Qt6Quick*": "no QML",
    "*Qt6VirtualKeyboard*": "no QML",
    "*Qt6Pdf*": "no QtPdf",
    "*Qt6EglFS*": "for devices without a window system",
    "*Qt6Network*": "no QtNetwork",
    "*Qt6WaylandCompositor*": "the app is no compositor",
    "*opengl32sw.dll": "20 MB of Mesa for Windows without a driver: the monitor's painter path does without",
    # sounddevice brings PortAudio in two builds for Windows; the one with Steinberg's ASIO isn't free software.
    "*libportaudio*-asio.dll": "ASIO may not be given on together with GPL code",
    # What the machine that builds happens to have, and what the person's system must bring itself.
    "libreadline*": "GPL-3 by itself, and no terminal needs it",
    "libsystemd*": "part of the system",
    "libgtk-3*": "part of the system",
    "libgdk-3*": "part of the system",
    "libgdk_pixbuf*": "part of the system",
    "libcairo*": "part of the system",
    "libpango*": "part of the system",
    "libatk*": "part of the system",
    "libstdc++.so*": "older than the system's own where the graphics driver needs a newer one",
    "libgcc_s.so*": "part of the system",
    "libmvec.so*": "part of glibc, and must fit it",
    "libEGL.so*": "belongs to the graphics driver",
    "libGL.so*": "belongs to the graphics driver",
    "libGLX.so*": "belongs to the graphics driver",
    "libGLdispatch.so*": "belongs to the graphics driver",
    "libOpenGL.so*": "belongs to the graphics driver",
    "libdrm.so*": "belongs to the graphics driver",
    "libgbm.so*": "belongs to the graphics driver",
    "libwayland-*": "must fit the system's compositor and driver",
    "libX11.so*": "must fit the system's X server and driver",
    "libX11-xcb.so*": "must fit the system's X server and driver",
    "libxcb.so*": "must fit the system's X server and driver",
    "libasound.so*": "reads the system's configuration of sound",
    "libjack.so*": "must fit the system's sound server",
    "libportaudio.so*": "part of the system: it is linked with ALSA and JACK",
    "libfontconfig.so*": "reads the system's configuration of fonts",
    "libfreetype.so*": "goes with fontconfig",
    "libdbus-1.so*": "part of the system",
}

_Entry = TypeVar("_Entry", bound=Sequence[str])


def why_dropped(name: str) -> str:
    """Why a file stays out, by its name in the bundle; "" if it stays in."""
    plain = PurePath(name).as_posix().replace("\\", "/")
    return next((why for pattern, why in DROPPED.items() if fnmatch(plain, pattern)), "")


def kept(entries: Iterable[_Entry]) -> list[_Entry]:
    """The entries of a PyInstaller table (name in the bundle first) that stay."""
    return [entry for entry in entries if not why_dropped(entry[0])]


def needed(entries: Iterable[_Entry], imports_of: Callable[[str], Iterable[str]]) -> list[_Entry]:
    """Leave out the libraries that only dropped files had asked for.

    Entries are (name in the bundle, file, kind). Python's extensions and Qt's plugins are wanted for themselves; a
    library is wanted when something wanted names it. `imports_of` says which libraries a file names.
    """
    every = list(entries)
    by_name: dict[str, list[_Entry]] = {}
    for entry in every:
        by_name.setdefault(PurePath(entry[0]).name, []).append(entry)
    waiting = [entry for entry in every if entry[2] == "EXTENSION" or not _is_library(entry[0])]
    wanted = {entry[0] for entry in waiting}
    while waiting:
        for name in imports_of(waiting.pop()[1]):
            for entry in by_name.get(name, ()):
                if entry[0] not in wanted:
                    wanted.add(entry[0])
                    waiting.append(entry)
    return [entry for entry in every if entry[0] in wanted]


def _is_library(name: str) -> bool:
    """Whether a file is there for others: beside the program, or among a wheel's libraries. Not Python's own."""
    path = PurePath(name)
    beside = len(path.parts) == 1 or path.parent.as_posix() == "PySide6/Qt/lib" or path.parent.name.endswith(".libs")
    return beside and ".so" in path.name and not path.name.startswith("libpython")
