"""Pages of lists: whatever the limit, together they are the list."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.api.answer import as_json, page


@given(ids=st.lists(st.text(max_size=8), unique=True, max_size=30), limit=st.integers(1, 40))
def test_pages_together_are_the_list(ids: list[str], limit: int) -> None:
    items = [{"id": i} for i in ids]
    found: list[dict[str, str]] = []
    cursor: str | None = None
    for _ in range(len(ids) + 1):
        body = page(items, cursor, limit)
        assert len(body["items"]) <= limit
        found += body["items"]
        cursor = body["next"]
        if cursor is None:
            break
    assert found == items


@given(old=st.lists(st.integers(), unique=True, min_size=3, max_size=20), new=st.integers(1, 5))
def test_a_list_that_grows_at_its_head_repeats_nothing(old: list[int], new: int) -> None:
    items = [{"id": str(i)} for i in old]
    first = page(items, None, 2)
    grown = [{"id": f"new-{i}"} for i in range(new)] + items
    assert page(grown, first["next"], 100)["items"] == items[2:]


@pytest.mark.parametrize("cursor", ["", "?", "bm90LWhlcmU", "é"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        page([{"id": "a"}], cursor, 10)


def test_nan_never_leaves() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json({"value": math.nan})
