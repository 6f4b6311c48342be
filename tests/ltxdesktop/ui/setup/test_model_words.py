"""What the window of models says of a package in one line."""

from __future__ import annotations

from engine.protocol.packages import PackageInfo
from ltxdesktop.ui.setup.model_words import facts_line


def test_a_package_says_which_other_one_has_the_same_files() -> None:
    package = PackageInfo(
        package="gemma-mirror",
        title="Gemma 3 12B, from another place",
        kind="text_encoder",
        about="",
        size_bytes=24_000_000_000,
        have_bytes=0,
        state="missing",
        licence="gemma",
        instead="gemma",
    )
    titles = {"gemma": "Gemma 3 12B, the text encoder"}
    assert facts_line(package, "Gemma terms", titles) == "24.0 GB  ·  Gemma terms  ·  the same files as Gemma 3 12B"
