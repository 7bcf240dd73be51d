"""WMO: what its guidance to the meteorological services asks for, made rules.

The guidance recommends; whoever chooses this profile wants it kept. So a missing end, text or place is an
error here, where it is a warning for everybody, and a shape is asked for beside codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert
from tocsin.cap.rulebook import rules

TITLE = "WMO guidance on CAP, as strict rules"
_SOURCE = "WMO guidance (strict)"

RULES = rules(
    ("wmo.expires", "error", _SOURCE, "an info of an Alert or Update has no expires",
     "Say until when the warning holds."),
    ("wmo.description", "error", _SOURCE, "an info of an Alert or Update has no description",
     "Say what happens, how bad it is, and when."),
    ("wmo.area", "error", _SOURCE, "an info of an Actual, Public Alert or Update has no area", "Say where."),
    ("wmo.shape", "warning", _SOURCE, "an area has neither polygon nor circle",
     "Add a polygon: who aggregates the warnings of many services does not know the codes of each."),
    ("wmo.identifier", "info", _SOURCE, "identifier does not begin with an OID of the arc 2.49.0",
     "Build identifiers on the OID of your authority, so that they are unique in the world."),
)  # fmt: skip
_ARC = re.compile(r"(urn:oid:)?2\.49\.0\.\d")


def check(alert: CapAlert) -> Iterator[Finding]:
    """Findings of this profile on a message."""
    if not _ARC.match(alert.identifier):
        yield RULES["wmo.identifier"].at(
            "alert/identifier", f"got {alert.identifier[:80]!r}, recommended: 2.49.0.…"
        )
    if alert.msg_type not in ("Alert", "Update"):
        return
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        if info.expires is None:
            yield RULES["wmo.expires"].at(f"{path}/expires", "got no time, allowed: a time")
        if not info.description:
            yield RULES["wmo.description"].at(f"{path}/description", "got none, allowed: text")
        if not info.areas and alert.status == "Actual" and alert.scope == "Public":
            yield RULES["wmo.area"].at(f"{path}/area", "got none, allowed: one or more")
        for k, area in enumerate(info.areas, 1):
            if not area.polygons and not area.circles:
                yield RULES["wmo.shape"].at(f"{path}/area[{k}]", "got neither polygon nor circle")
