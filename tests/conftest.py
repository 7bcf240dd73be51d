"""What every test shares: where the repository is, and a skip with a reason where ``../shared`` is absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The machine may be busy: how long one example takes says nothing about the code.
settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    absent = pytest.mark.skip(reason="../shared is not beside this repository")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(absent)
