"""What is kept at hand is capped by bytes, and what was used last stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.store import Kept, open_store
from tocsin.testing.store import NOW, T0, observation

STEPS = st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 5), st.integers(0, 12)), max_size=60)


@given(STEPS, st.integers(0, 20))
def test_bytes_never_pass_the_limit(steps: list[tuple[str, int, int]], limit: int) -> None:
    kept, told = Kept[int, int](limit), dict[int, int]()
    for what, key, size in steps:
        if what == "p":
            kept.put(key, size, size)
            told[key] = size
        else:
            assert kept.get(key) in (None, told.get(key))
        assert kept.bytes <= limit
        assert kept.bytes == sum(found for k in told if (found := kept.get(k)) is not None)


def test_what_was_not_used_for_longest_goes_first() -> None:
    kept = Kept[str, int](3)
    for name in "abc":
        kept.put(name, 1, 1)
    assert kept.get("a") == 1
    kept.put("d", 1, 1)
    assert [kept.get(n) for n in "abcd"] == [1, None, 1, 1]
    kept.put("whale", 1, 4)
    assert (kept.get("whale"), len(kept), kept.bytes) == (None, 3, 3)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: 0 or more bytes"):
        Kept[int, int](-1)


@pytest.mark.parametrize("keep", [0, 3_000, 10**9])
def test_a_store_answers_the_same_however_little_it_keeps(tmp_path: Path, keep: int) -> None:
    store = open_store(tmp_path, keep=keep)
    for n in range(20):
        store.add([observation("A", T0, T0, float(n))], ingest=str(n), at=NOW)
        assert store.as_of(NOW).cells()["value"].to_pylist() == [float(n)]
    batches = store.manifest._batches  # type: ignore[attr-defined]
    assert batches.bytes <= keep
    assert len(batches) == {0: 0, 10**9: 20}.get(keep, len(batches)) <= 20
    store.close()
