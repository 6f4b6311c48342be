"""The tiny networks of the golden checkpoint, loaded once for all pipeline tests."""

from __future__ import annotations

import pytest
from pipeline_kit import tiny_networks

from engine.pipelines.networks import ResidentNetworks


@pytest.fixture(scope="session")
def networks() -> ResidentNetworks:
    return tiny_networks()
