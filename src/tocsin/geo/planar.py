"""The planar map as it is served: the publisher's topology under our names."""

from __future__ import annotations

import json

from tocsin.geo.pack import Pack, boundary_region
from tocsin.model import ConfigError


def planar_map(pack: Pack) -> bytes:
    """The planar TopoJSON of a pack, minified, each feature with our region id and name.

    The file itself is kept byte for byte as published, so that its hash can be compared; ids and names are
    put in here. The same pack gives the same bytes.

    Raises
    ------
    ConfigError
        If a feature is no region of the pack.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> plain = json.loads(planar_map(load_pack("us")))
    >>> plain["objects"]["counties"]["geometries"][0]["id"], len(plain["objects"]["counties"]["geometries"])
    ('US-04015', 3142)
    """
    plain = json.loads(pack.map_file.read_bytes())
    names = set(pack.description.map.objects.values())
    # Collections that the pack does not name are not drawn, and not sent.
    plain["objects"] = {name: one for name, one in plain["objects"].items() if name in names}
    for name, collection in plain["objects"].items():
        for geometry in collection["geometries"]:
            identity = geometry.get("id")
            region = boundary_region(pack.description.boundaries, None if identity is None else str(identity))
            if region not in pack.regions:
                raise ConfigError(str(pack.map_file), f"{name}: id", identity, "a region of the pack")
            geometry["id"] = region
            geometry["properties"] = {"name": pack.regions[region].name}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
