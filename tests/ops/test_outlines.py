"""Outlines of the country's regions, and what becomes of them in a message."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from tocsin.cap.simplify import covers, simplify_area
from tocsin.geo import load_pack
from tocsin.model import RegionLevel
from tocsin.ops.office import open_office
from tocsin.ops.outlines import Outlines

PACK = load_pack("us")
OUTLINES = Outlines(PACK)


def test_every_county_and_state_is_listed_and_no_airport() -> None:
    listed = set(OUTLINES)
    assert len(listed) == len(OUTLINES)
    assert {PACK.region(r).level for r in listed} == {RegionLevel.COUNTY, RegionLevel.STATE}
    assert OUTLINES.get("US-AIR-SEA", ()) == ()


def test_rings_are_latitude_and_longitude_and_hold_the_region() -> None:
    king = shapely.Polygon([(lon, lat) for lat, lon in OUTLINES["US-53033"][0]])
    assert king.contains(shapely.Point(-122.3, 47.45))


@pytest.mark.parametrize("region", ["US-53033", "US-02016", "US-02", "US-12", "US-15"])
def test_an_outline_goes_out_with_few_points_and_nobody_falls_outside(region: str) -> None:
    given = OUTLINES[region]
    small = simplify_area(given)
    assert sum(map(len, small)) <= 100
    # Islands may share a ring: each must lie in one.
    assert all(any(covers(ring, island) for ring in small) for island in given)


def test_codes_of_our_messages_name_the_region_that_they_are_written_for(tmp_path: Path) -> None:
    office = open_office(tmp_path)
    try:
        issuer = office.desk.issuer
        for region in PACK.regions.values():
            codes = dict(issuer.codes(region))
            read = {s: PACK.by_geocode(s, code) for s, code in codes.items() if s in ("SAME", "FIPS6")}
            assert set(read.values()) <= {region.id}, (region.id, codes)
            assert bool(read) == (region.level is not RegionLevel.SITE)
        assert dict(issuer.codes(PACK.region("US-53")))["ISO3166-2"] == "US-WA"
        assert dict(issuer.codes(PACK.nation))["ISO3166-1"] == "US"
    finally:
        office.store.close()
