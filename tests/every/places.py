"""A small country for the samples: two counties as boxes, three airports, the codes that name them."""

from tocsin.model import Region, RegionLevel
from tocsin.testing.feeds import Places

KING, PIERCE = "US-53033", "US-53053"


def airport(code: str, lat: float, lon: float, zone: str) -> Region:
    return Region(
        id=f"US-AIR-{code}",
        name=code,
        level=RegionLevel.SITE,
        parent=KING,
        code=code,
        title=f"{code}, invented",
        lat=lat,
        lon=lon,
        area_km2=None,
        population=None,
        timezone=zone,
    )


SITES = {
    site.id: site
    for site in (
        airport("SEA", 47.45, -122.31, "America/Los_Angeles"),
        airport("PHX", 33.43, -112.01, "America/Phoenix"),
        airport("BOS", 42.36, -71.0, "America/New_York"),
    )
}
PLACES = Places(
    boxes={KING: (47.1, -122.6, 47.8, -121.0), PIERCE: (46.7, -122.9, 47.1, -121.4)},
    codes={
        ("SAME", "053033"): KING,
        ("SAME", "053053"): PIERCE,
        ("UGC", "WAC033"): KING,
        **{("IATA", site.code): site.id for site in SITES.values()},
    },
    sites=SITES,
)
REGIONS = frozenset({"US", "US-53", KING, PIERCE, *SITES})
