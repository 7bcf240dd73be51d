"""Geography: the regions of a country pack, their borders, and sums over them.

A pack is a folder described by one ``pack.toml`` (``docs/how-to/add-a-country.md``). :func:`load_pack` reads
it in a few dozen milliseconds; boundaries are decoded when the first point is asked for. ``tocsin.geo.build``
makes the files of the pack that ships from published packages.
"""

from tocsin.geo.pack import Contact, Pack, boundary_region, load_pack
from tocsin.geo.projection import ConicPart, Projection
from tocsin.geo.rollup import Total, Totals
from tocsin.geo.sphere import distance_km

__all__ = [
    "ConicPart",
    "Contact",
    "Pack",
    "Projection",
    "Total",
    "Totals",
    "boundary_region",
    "distance_km",
    "load_pack",
]
