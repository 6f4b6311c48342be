"""The settings that the window keeps, for commands without one; and the way out to the network that they name."""

from __future__ import annotations

import os
from pathlib import Path

from ltxdesktop.settings.declared import MODELS_FOLDER
from ltxdesktop.settings.store import FILE_NAME, Settings


def folders_of_the_window() -> tuple[Path, Path]:
    """Where the window keeps its settings, and its log: Qt says, without a screen."""
    from PySide6.QtCore import QCoreApplication, QStandardPaths

    QCoreApplication.setApplicationName("ltxdesktop")
    QCoreApplication.setOrganizationName("ltxdesktop")
    places = QStandardPaths.StandardLocation
    config, state = (
        QStandardPaths.writableLocation(each) for each in (places.AppConfigLocation, places.AppDataLocation)
    )
    return Path(config), Path(state)


def settings_of_the_window() -> Settings:
    """What the person has set in the window. Never raises because of what the file holds."""
    return Settings(folders_of_the_window()[0] / FILE_NAME)


def models_folder(settings: Settings) -> str:
    """The folder of weights that the person has chosen; "" leaves it to the engine."""
    folder = settings.get(MODELS_FOLDER)
    return str(Path(folder).expanduser()) if folder else ""


def use_proxy(address: str) -> None:
    """Have programs that are started from now on go out through this; "" leaves it to environment and system."""
    if address:
        for scheme in ("http", "https"):
            os.environ[f"{scheme}_proxy"] = os.environ[f"{scheme.upper()}_PROXY"] = address
