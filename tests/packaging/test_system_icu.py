"""Qt's Core gets by with the system's ICU, and with none; where a stand-in can't do, Qt's own stays."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import PySide6
import pytest
from bundling import linux, standins, system_icu

LIBRARIES = Path(PySide6.__file__).parent / "Qt/lib"
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stand-ins are Linux's"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(not any(LIBRARIES.glob("libicui18n.so.*")), reason="this system's Qt has no ICU of its own"),
]
with_icu = pytest.mark.skipif(not find_library("icui18n"), reason="this system has no ICU")

WORDS = """
import functools
from PySide6.QtCore import QCollator, QDateTime, QLocale, QStringDecoder, QTimeZone
words = "zebra Äpfel ångström apple Öl ö ñ n clip10 clip9 résumé Resume".split()
for name in "C en_US sv_SE tr_TR".split():
    collator = QCollator(QLocale(name))
    collator.setNumericMode(True)
    print(name, *sorted(words, key=functools.cmp_to_key(collator.compare)))
    print(QLocale(name).toUpper("iıß straße"), QLocale(name).toLower("Iİ"))
    print(bool(collator.sortKey("a").compare(collator.sortKey("b")) < 0))
zone = QTimeZone(b"Europe/Berlin")
print(zone.offsetFromUtc(QDateTime.fromSecsSinceEpoch(1700000000)))
print(zone.displayName(QTimeZone.TimeType.StandardTime, QTimeZone.NameType.LongName, QLocale("en_US")))
print([QStringDecoder(name).isValid() for name in ("UTF-8", "UTF-16LE", "ISO-8859-1", "Shift_JIS")])
"""


def table() -> list[tuple[str, str, str]]:
    """What PyInstaller finds of Qt's Core and its ICU."""
    names = [path.name for pattern in ("libicu*.so.*", "libQt6Core.so.*") for path in sorted(LIBRARIES.glob(pattern))]
    return [(f"PySide6/Qt/lib/{name}", str(LIBRARIES / name), "BINARY") for name in names]


def said(preloaded: Path | None = None) -> tuple[str, str]:
    """What Qt's Core says to the words: alone, or with a library in the place of Qt's."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"} | ({"LD_PRELOAD": str(preloaded)} if preloaded else {})
    done = subprocess.run([sys.executable, "-c", WORDS], env=environment, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def calls_of(entries: list[standins.Entry]) -> Path:
    return next(Path(entry[1]) for entry in entries if "libicui18n" in entry[0])


@with_icu
def test_qt_sorts_names_and_encodes_by_the_systems_icu(tmp_path: Path):
    small, own = system_icu.apart(table(), tmp_path / "made", pytest.fail)
    assert [entry[0] for entry in small] == [entry[0] for entry in table()]
    assert said(calls_of(small)) == said()
    bytes_of = [sum(Path(entry[1]).stat().st_size for entry in entries) for entries in (small[:-1], own)]
    assert bytes_of[0] < 60_000
    assert 9_000_000 < bytes_of[1] < 12_000_000  # Qt's own with the shorter table, for an AppImage
    assert {entry[0] for entry in own} == {entry[0] for entry in table()[:-1]}


@with_icu
def test_encodings_are_the_systems(tmp_path: Path):
    small, _ = system_icu.apart(table(), tmp_path / "made", pytest.fail)
    library, version = ctypes.CDLL(str(calls_of(small))), calls_of(small).name.rpartition(".")[2]
    status, letters, text = ctypes.c_int(0), ctypes.create_string_buffer(16), b"\x93\xfa\x96\x7b"
    opened = getattr(library, f"ucnv_open_{version}")
    opened.restype = ctypes.c_void_p
    converter = ctypes.c_void_p(opened(b"Shift_JIS", ctypes.byref(status)))
    given = ctypes.c_char_p(text)
    source, target = ctypes.cast(given, ctypes.c_void_p), ctypes.c_void_p(ctypes.addressof(letters))
    ends = [ctypes.c_void_p((start.value or 0) + size) for start, size in ((target, 16), (source, len(text)))]
    getattr(library, f"ucnv_toUnicode_{version}")(
        converter, ctypes.byref(target), ends[0], ctypes.byref(source), ends[1], None, ctypes.c_byte(1),
        ctypes.byref(status),
    )  # fmt: skip
    getattr(library, f"ucnv_close_{version}")(converter)
    assert status.value <= 0  # below are warnings
    assert letters.raw.decode("utf-16-le").rstrip("\0") == "日本"


def test_without_any_icu_qt_goes_on(tmp_path: Path):
    text = (system_icu.HERE / "system_icu.c").read_text(encoding="utf-8")
    source = tmp_path / "none.c"
    source.write_text(text.replace("NEWEST = 120", "NEWEST = 1"))
    assert source.read_text() != text
    target = tmp_path / calls_of(table()).name
    standins.compile_library(source, target, f"-DVERSION={target.name.rpartition('.')[2]}")
    lines, complaints = said(target)
    assert "C Resume apple clip10 clip9 " in lines
    assert "[True, True, True, False]\n" in lines
    assert "Could not create collator: 4" in complaints  # U_FILE_ACCESS_ERROR


def test_where_qt_asks_for_more_its_own_stays(tmp_path: Path):
    texts = {
        "libicui18n.so.73": "long ucol_open_73(void) { return 7; } long ucol_new_73(void) { return 7; }",
        "libQt6Core.so.6": "long ucol_open_73(void); long ucol_new_73(void); long ask(void) { return ucol_new_73(); }",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.c").write_text(text)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / name, tmp_path / f"{name}.c"], check=True)
    entries = [(name, str(tmp_path / name), "BINARY") for name in texts]
    told: list[str] = []
    stays, brought = system_icu.apart(entries, tmp_path / "made", told.append)
    assert stays == [("libicui18n.so.73", str(tmp_path / "made/own/libicui18n.so.73"), "BINARY"), entries[1]]
    assert not brought
    assert told == ["Qt's ICU stays: Qt asks for ucol_new_73"]


def test_a_table_without_icu_stays(tmp_path: Path):
    entries = [("libthing.so.1", "/lib/libthing.so.1", "BINARY")]
    assert system_icu.apart(entries, tmp_path, pytest.fail) == (entries, [])


def test_a_deb_asks_for_the_systems_icu_where_it_is_used(tmp_path: Path):
    library = tmp_path / linux.LIBRARY / "_internal/PySide6/Qt/lib"
    library.mkdir(parents=True)
    shutil.copyfile("/bin/sh", library / "libQt6Core.so.6")
    assert not any("libicu" in each for each in linux.depends(tmp_path))
    small, _ = system_icu.apart(table(), tmp_path / "made", pytest.fail)
    shutil.copyfile(calls_of(small), library / calls_of(small).name)
    (packages,) = [each for each in linux.depends(tmp_path) if "libicu" in each]
    assert {"libicu70", "libicu72", "libicu74", "libicu76"} <= set(packages.split(" | "))
