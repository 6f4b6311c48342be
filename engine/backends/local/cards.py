"""Which graphics cards the system lists now, without asking torch: a process that has begun never learns of others."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Final

PCI: Final = Path("/sys/bus/pci/devices")
_DISPLAY: Final = "0x03"  # class of PCI devices: display controllers, those without a screen included
_NVIDIA: Final = "10de"
_MAKERS: Final = frozenset({_NVIDIA, "1002"})  # and AMD: torch computes with theirs


def cards(folder: Path = PCI) -> frozenset[str]:
    """The cards that torch could compute with: place, maker and driver on Linux, a name instead on Windows.

    On Macs none comes or goes. A card whose driver is loaded later counts as another. Cheap: no driver is asked,
    nothing wakes up.
    """
    return frozenset(_on_windows()) if sys.platform == "win32" else frozenset(_of_pci(folder))


def has_nvidia(listed: frozenset[str]) -> bool:
    """Whether one of the cards is NVIDIA's, working or not."""
    return any(_NVIDIA in each.lower().split(" ")[1] for each in listed)


def _of_pci(folder: Path) -> list[str]:
    try:
        places = sorted(folder.iterdir())
    except OSError:
        return []
    made = {place: _maker_of_card(place) for place in places}
    return [f"{place.name} {maker} {_driver(place)}" for place, maker in made.items() if maker in _MAKERS]


def _maker_of_card(place: Path) -> str:
    """The maker's number; "" for what is no graphics card."""
    try:
        kind, maker = ((place / name).read_text(encoding="ascii").strip() for name in ("class", "vendor"))
    except (OSError, ValueError):  # it went a moment ago
        return ""
    return maker.removeprefix("0x") if kind.startswith(_DISPLAY) else ""


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
        maker = adapter.id.upper().partition("VEN_")[2][:4].lower()
        if maker in _MAKERS:
            found.add(f"{adapter.id.replace(' ', '_')} {maker} {adapter.title}")
        number += 1
    return sorted(found)
