"""The embedded store under the shipped suite, and proof that the suite can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store import broken
from tocsin.store import open_store
from tocsin.testing.store import checks

CHECKS = checks()


def test_the_suite_is_there() -> None:
    assert len(CHECKS) >= 28
    assert {"check_kill", "check_ties", "check_three_processes", "check_follow_equals_as_of"} <= set(CHECKS)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_embedded_store(name: str, tmp_path: Path) -> None:
    CHECKS[name](open_store, tmp_path)


@pytest.mark.parametrize(("make_store", "name"), broken.CASES, ids=lambda c: getattr(c, "__name__", c))
def test_a_broken_store_is_found(make_store: object, name: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CHECKS[name](make_store, tmp_path)  # type: ignore[arg-type]
