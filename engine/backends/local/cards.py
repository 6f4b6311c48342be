"""Which graphics cards the system lists now, without asking torch: a process that has begun never learns of others."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Final

PCI: Final = Path("/sys/bus/pci/devices")
_DISPLAY: Final = "0x03"  # class of PCI devices: display controllers, those without a screen included
_MAKERS: Final = frozenset({"0x10de", "0x1002"})  # NVIDIA, AMD: torch computes with theirs


def cards(folder: Path = PCI) -> frozenset[str]:
    """The cards that torch could compute with: place and driver on Linux, names on Windows; on Macs none comes or goes.

    Cheap: no driver is asked, nothing wakes up. A card whose driver is loaded later counts as another.
    """
    return frozenset(_on_windows()) if sys.platform == "win32" else frozenset(_of_pci(folder))


def _of_pci(folder: Path) -> list[str]:
    try:
        places = sorted(folder.iterdir())
    except OSError:
        return []
    return [f"{place.name} {_driver(place)}" for place in places if _is_card(place)]


def _is_card(place: Path) -> bool:
    try:
        kind, maker = ((place / name).read_text(encoding="ascii").strip() for name in ("class", "vendor"))
    except (OSError, ValueError):  # it went a moment ago
        return False
    return kind.startswith(_DISPLAY) and maker in _MAKERS


def _driver(place: Path) -> str:
    try:
        return (place / "driver").readlink().name
    except OSError:
        return ""


def _on_windows() -> list[str]:
    """Adapters by EnumDisplayDevicesW; those without a screen are among them."""
    if sys.platform != "win32":
        return []

    class Adapter(ctypes.Structure):
        """DISPLAY_DEVICEW of wingdi.h."""

        _fields_ = (
            ("size", ctypes.c_uint32),
            ("name", ctypes.c_wchar * 32),
            ("title", ctypes.c_wchar * 128),
            ("flags", ctypes.c_uint32),
            ("id", ctypes.c_wchar * 128),
            ("key", ctypes.c_wchar * 128),
        )

    found: set[str] = set()
    adapter = Adapter(ctypes.sizeof(Adapter))
    number = 0
    while ctypes.windll.user32.EnumDisplayDevicesW(None, number, ctypes.byref(adapter), 0):
        if any(f"VEN_{maker[2:].upper()}" in adapter.id.upper() for maker in _MAKERS):
            found.add(f"{adapter.id} {adapter.title}")
        number += 1
    return sorted(found)
