"""An invented country of two counties, written as data only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin.geo import Pack, load_pack

PACK = """
schema = 1
id = "xa"
title = "Examplia"
languages = ["fr"]
domains = ["floods"]
timezones = ["Africa/Tunis", "UTC"]

[regions]
file = "places.csv"
neighbours = "beside.csv"
sites = "gauges.csv"
[[regions.levels]]
level = "nation"
title = "Pays"
[[regions.levels]]
level = "county"
title = "Canton"
words = ["canton"]
[[regions.levels]]
level = "site"
title = "Échelle"

[[geocodes]]
scheme = "PCODE"
pattern = 'XA(?P<number>\\d\\d)'
region = "XA-{number}"

[boundaries]
file = "land.topo.json"
objects = { nation = "pays", county = "cantons" }
region = "XA-{id}"
nation = "XA"
crs = "degrees"
source = "invented"
licence = "CC0"

[map]
file = "flat.topo.json"
objects = { county = "cantons" }
width = 100
height = 50
source = "invented"
licence = "CC0"

[projection]
kind = "conic-equal-area"
scale = 1000.0
translate = [50.0, 25.0]
[[projection.parts]]
name = "all"
rotate = -10.0
center = [0.0, 35.0]
parallels = [33.0, 37.0]
scale = 1.0
offset = [0.0, 0.0]
window = [-0.025, -0.025, 0.025, 0.025]

[populations]
what = "census of 2020"
source = "invented"
licence = "CC0"

[[levels]]
rank = 1
name = "alerte"
colour = "#f2d024"
glyph = "△"
hatch = "none"
severity = "Severe"
urgency = "Immediate"
certainty = "Likely"
issued_by = ["approving_officer"]
public = true

[[laws]]
key = "eau"
law = "Loi sur les eaux"
article = "article 3"
levels = [1]
roles = ["approving_officer"]

[break_glass]
policy = "rupture de barrage"
hazards = ["Dam break"]
review_hours = 24

[sender]
address = "alerte@xa.example.org"
name = "Bureau des crues"
"""

PLACES = """\
id,level,name,parent,code,title,lat,lon,area_km2,population,timezone,mapped
XA,nation,Examplia,,XA,Examplia,35.0,9.0,,3000,UTC,true
XA-01,county,Été,XA,01,"Été, Examplia",35.0,9.0,,1000,UTC,true
XA-02,county,Hiver,XA,02,"Hiver, Examplia",35.0,11.0,,2000,Africa/Tunis,true
"""

GAUGES = """\
id,code,name,parent,title,lat,lon,timezone,mapped,x,y,strip
XA-G1,G1,Pont,XA-01,"Pont, Été",35.2,9.5,UTC,true,42.87,21.49,
XA-G2,G2,Phare,XA-02,"Phare, Hiver",35.0,11.9,Africa/Tunis,false,,,1
"""

# Two squares that share the arc 1, from 8° to 10° and from 10° to 12° east; not quantised.
TOPOLOGY = {
    "type": "Topology",
    "objects": {
        "cantons": {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Polygon", "arcs": [[0, 1]], "id": "01"},
                {"type": "MultiPolygon", "arcs": [[[-2, 2]]], "id": "02"},
            ],
        },
        "pays": {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "arcs": [[0, 2]]}]},
    },
    "arcs": [
        [[10, 36], [8, 36], [8, 34], [10, 34]],
        [[10, 34], [10, 36]],
        [[10, 34], [12, 34], [12, 36], [10, 36]],
    ],
}


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "xa"
    folder.mkdir()
    (folder / "pack.toml").write_text(PACK, encoding="utf-8")
    (folder / "places.csv").write_text(PLACES, encoding="utf-8")
    (folder / "gauges.csv").write_text(GAUGES, encoding="utf-8")
    (folder / "beside.csv").write_text("level,a,b\ncounty,XA-01,XA-02\n", encoding="utf-8")
    for name in ("land", "flat"):
        (folder / f"{name}.topo.json").write_text(json.dumps(TOPOLOGY), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def us() -> Pack:
    return load_pack("us")
