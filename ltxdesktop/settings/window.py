"""The settings that the window keeps, for commands without one; and the way out to the network that they name."""

from __future__ import annotations

import os
from pathlib import Path

from ltxdesktop.settings.declared import MIRROR, MODELS_FOLDER, PROXY
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


def tell_commands(settings: Settings) -> None:
    """Tell the engine's commands by the environment what the settings say: the proxy, the models' folder, the mirror.

    A folder or mirror that the environment names already stays.
    """
    use_proxy(settings.get(PROXY))
    for name, value in (("LTX_MODELS", models_folder(settings)), ("HF_ENDPOINT", settings.get(MIRROR))):
        if value:
            os.environ.setdefault(name, value)
