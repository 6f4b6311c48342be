"""The tiny networks of the golden checkpoint, loaded once for all pipeline tests."""

from __future__ import annotations

import pytest
from pipeline_kit import ResidentNetworks, tiny_networks


@pytest.fixture(scope="session")
def networks() -> ResidentNetworks:
    return tiny_networks()
