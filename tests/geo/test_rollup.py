"""Sums upward: totals are kept, gaps are counted, what nobody reported is absent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.geo import Pack, Total, load_pack
from tocsin.model import ShapeError

_US = load_pack("us")
_PLACES = st.sampled_from([r.id for r in _US.regions.values() if r.level in ("county", "site")])
_COUNTS = st.one_of(st.none(), st.floats(0, 1e9, allow_nan=False), st.just(math.nan))


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(_PLACES, _COUNTS, max_size=40))
def test_every_level_holds_the_total(values: dict[str, float | None]) -> None:
    totals = _US.total_up(values)
    known = [v for v in values.values() if v is not None and not math.isnan(v)]
    if not values:
        assert totals == {}
        return
    nation = totals["US"]
    assert (nation.known, nation.missing) == (len(known), len(values) - len(known))
    assert nation.partial == (len(known) < len(values))
    if known:
        assert nation.value == math.fsum(known)
    else:
        assert math.isnan(nation.value)
    states = [t for r, t in totals.items() if _US.region(r).level == "state"]
    assert sum(t.known for t in states) == nation.known
    assert sum(t.missing for t in states) == nation.missing
    assert math.isclose(math.fsum(t.value for t in states if t.known), math.fsum(known), rel_tol=1e-12)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(_PLACES, min_size=1, max_size=12, unique=True), st.data())
def test_columns_agree_with_single_sums(columns: list[str], data: st.DataObject) -> None:
    rows = st.lists(_COUNTS, min_size=len(columns), max_size=len(columns))
    table = [data.draw(rows) for _ in range(3)]
    values = np.array([[math.nan if v is None else v for v in row] for row in table])
    totals = _US.total_columns(columns, values)
    for i, row in enumerate(table):
        single = _US.total_up(dict(zip(columns, row, strict=True)))
        assert set(single) == set(totals.regions)
        for j, region in enumerate(totals.regions):
            assert totals.known[i, j] == single[region].known
            assert totals.missing[i, j] == single[region].missing
            assert np.isclose(totals.values[i, j], single[region].value, rtol=1e-12, equal_nan=True)


def test_unknown_is_not_zero(us: Pack) -> None:
    totals = us.total_up({"US-53033": None, "US-53061": 0.0, "US-41051": None})
    assert totals["US-53"] == Total(value=0.0, known=1, missing=1)
    assert math.isnan(totals["US-41"].value)
    assert "US-06" not in totals


def test_a_site_counts_in_its_county_state_and_nation(us: Pack) -> None:
    totals = us.total_up({"US-AIR-SEA": 5.0, "US-AIR-SJU": 7.0})
    assert totals["US-53033"].value == totals["US-53"].value == 5.0
    assert totals["US-72"].value == 7.0
    assert totals["US"].value == 12.0


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_is_refused(us: Pack, value: float) -> None:
    with pytest.raises(ShapeError, match=r"US-53033: got -?inf"):
        us.total_up({"US-53033": value})
    with pytest.raises(ShapeError, match="infinite"):
        us.total_columns(["US-53033"], np.array([[value]]))


def test_unknown_region_and_wrong_shape_are_refused(us: Pack) -> None:
    with pytest.raises(ShapeError, match="got 'US-99999'"):
        us.total_up({"US-99999": 1.0})
    with pytest.raises(ShapeError, match=r"got shape \(1, 2\), allowed: \(times, 1\)"):
        us.total_columns(["US-53033"], np.zeros((1, 2)))
