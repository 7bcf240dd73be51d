"""From an alert to a valid message of the Common Alerting Protocol."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from tests.warn.desk import ISSUER, LEVELS, REGIONS, alert, at, member
from tocsin.cap import check, parse
from tocsin.cap.simplify import covers
from tocsin.model import Member, State, WarnError
from tocsin.warn.message import Issuer, to_cap, write

SEA, BFI = member(), member("US-AIR-BFI", "BFI")
PIERCE = member("US-53053", "Pierce, Washington")
XSD = Path(__file__).parents[3] / "shared" / "data" / "cap" / "xsd" / "CAP-v1.2.xsd"


def issued(**changes):
    return replace(alert(**changes), state=State.ISSUED, sent=at("09:21"), legal_basis="act")


def cap(a, **more):
    return to_cap(a, issuer=ISSUER, levels=LEVELS, regions=REGIONS, **more)


def body(a, **more):
    return write(a, issuer=ISSUER, levels=LEVELS, regions=REGIONS, **more)


def test_what_people_read():
    message, findings = parse(body(issued()))
    assert not [f for f in findings if f.level == "error"]
    (info,) = message.infos
    assert (message.identifier, message.sender, message.sent) == ("us.air.1", ISSUER.sender, at("09:21"))
    assert (message.status, message.msg_type, message.scope) == ("Actual", "Alert", "Public")
    assert (info.language, info.sender_name, info.category) == ("en-US", "Test desk", ("Transport",))
    assert (info.urgency, info.severity, info.certainty) == ("Expected", "Moderate", "Likely")
    assert (info.headline, info.instruction) == (alert().headline, alert().instruction)
    assert info.description == "3 departures in 6 h, 42.5 expected."
    assert (info.onset, info.expires) == (at("09:00"), at("21:00"))


def test_our_own_level_likelihood_and_why():
    parameters = cap(issued(likelihood=0.4375, inputs=("cycle-1", "raw-2"))).infos[0].parameter
    one = dict(parameters)
    assert (one["tocsin:level"], one["tocsin:level-name"], one["tocsin:impact"]) == ("2", "warning", "2")
    assert one["tocsin:likelihood"] == "0.44"
    assert one["tocsin:legal-basis"] == "act"
    assert one["tocsin:finding"] == "US-AIR-SEA observed 3 expected 42.5 in 6 h tail 1.0e-07"
    assert [v for n, v in parameters if n == "tocsin:input"] == ["cycle-1", "raw-2"]
    assert dict(cap(issued(likelihood=math.nan)).infos[0].parameter)["tocsin:likelihood"] == "unknown"


def test_one_area_a_county_with_its_sites():
    areas = cap(issued(members=(SEA, PIERCE, BFI))).infos[0].areas
    assert [a.area_desc for a in areas] == ["King, Washington (SEA, BFI)", "Pierce, Washington"]
    king, pierce = areas
    assert king.geocodes == (
        ("SAME", "053033"), ("FIPS6", "053033"), ("tocsin:region", "US-53033"),
        ("tocsin:region", "US-AIR-SEA"), ("tocsin:region", "US-AIR-BFI"),
    )  # fmt: skip
    assert king.circles == ((47.44898, -122.30931, 10.0), (47.53, -122.3, 10.0))
    assert pierce.circles == ()
    assert ("SAME", "053053") in pierce.geocodes


def test_a_state_the_nation_and_another_country():
    state = cap(issued(members=(member("US-53", "Washington"),))).infos[0].areas[0]
    assert state.geocodes == (("SAME", "053000"), ("tocsin:region", "US-53"))
    bare = Issuer(sender="x@example.org", name="X")
    nation = to_cap(
        issued(members=(member("US", "US"),)), issuer=bare, levels=LEVELS, regions=REGIONS
    ).infos[0].areas[0]  # fmt: skip
    assert nation.geocodes == (("tocsin:region", "US"),)


def test_polygons_where_they_are_given():
    ring = ((47.0, -122.0), (47.0, -121.0), (48.0, -121.0), (47.0, -122.0))
    message = cap(issued(members=(SEA, PIERCE)), polygons={"US-53033": (ring,), "US-53053": (ring,)})
    king, pierce = message.infos[0].areas
    assert (king.polygons, len(king.circles)) == ((), 1)  # the site is the place, not its county
    assert (pierce.polygons, len(pierce.circles)) == ((ring,), 0)
    assert not [f for f in check(message) if f.level == "error"]


def test_a_polygon_of_many_points_grows_to_one_of_few():
    around = [(47.0 + math.sin(k / 100), -122.0 + math.cos(k / 100)) for k in range(628)]
    coast = (*around, around[0])
    (area,) = cap(issued(members=(PIERCE,)), polygons={"US-53053": (coast,)}).infos[0].areas
    assert [len(ring) <= 100 for ring in area.polygons] == [True]
    assert covers(area.polygons[0], coast)


@pytest.mark.parametrize(("status", "word"), [("Exercise", "EXERCISE"), ("Test", "TEST")])
def test_a_drill_cannot_be_mistaken(status, word):
    message = cap(issued(status=status, headline="Departures stopped at " + "a place " * 17))
    (info,) = message.infos
    assert message.status == status
    assert info.headline.startswith(f"{word}: Departures stopped")
    assert len(info.headline) <= 160
    assert "do not act" in info.description
    assert "do not act" in info.instruction
    assert "us.air.1" in message.note
    assert not [f for f in check(message) if f.level == "error"]


def test_a_cancellation():
    reference = f"{ISSUER.sender},us.air.1,2001-03-05T09:21:00-00:00"
    message = cap(issued(number=2, msg_type="Cancel", references=(reference,), reason="sensor fault"))
    assert (message.msg_type, message.references, message.note) == ("Cancel", (reference,), "sensor fault")
    assert message.infos[0].urgency == "Past"
    assert parse(body(issued(number=2, msg_type="Cancel", references=(reference,))))[0].references == (
        reference,
    )


def test_a_preview_is_a_draft_and_nothing_else():
    with pytest.raises(WarnError, match="sent: got nothing, allowed: an issued warning"):
        cap(alert())
    assert cap(alert(), preview_at=at("09:11")).status == "Draft"
    assert cap(issued(), preview_at=at("09:30")).status == "Actual"


def test_an_event_has_no_tail():
    event = Member(
        region="US-53033",
        name="King",
        since=at("09:00"),
        tail=math.nan,
        value=math.nan,
        expected=math.nan,
        window_h=0,
    )
    assert dict(cap(issued(members=(event,))).infos[0].parameter)["tocsin:finding"] == "US-53033 event"


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        (
            {"members": (member("US-AIR-XXX", "XXX"),)},
            {},
            "region 'US-AIR-XXX', allowed: a region of the pack",
        ),
        ({"level": 3}, {"levels": LEVELS[:2]}, "level: got 3, allowed: a level of the pack's scheme"),
    ],
)
def test_outside_the_pack(changes, more, words):
    given = {"issuer": ISSUER, "levels": LEVELS, "regions": REGIONS} | more
    with pytest.raises(WarnError, match=words):
        to_cap(issued(**changes), **given)


def test_what_the_standard_forbids_does_not_leave():
    with pytest.raises(WarnError, match=r"us.air.1: alert"):
        body(issued(msg_type="Update"))
    with pytest.raises(WarnError, match="info"):
        body(issued(category="Traffic"))


def test_a_circle_of_no_size():
    with pytest.raises(ValueError, match="site_km: got 0"):
        Issuer(sender="x@example.org", name="X", site_km=0)


@pytest.mark.shared
@pytest.mark.skipif(not XSD.is_file(), reason="../shared/data/cap is not there")
@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
@pytest.mark.parametrize("kind", ["Alert", "Update", "Cancel", "preview"])
def test_the_schema_agrees(status, kind):
    schema = etree.XMLSchema(etree.parse(XSD))
    references = (
        (f"{ISSUER.sender},us.air.0,2001-03-05T08:21:00-00:00",) if kind in ("Update", "Cancel") else ()
    )
    changes = {"status": status, "references": references, "members": (SEA, PIERCE, BFI), "likelihood": 0.5}
    if kind == "preview":
        content = body(alert(**changes), preview_at=at("09:11"))
    else:
        content = body(issued(msg_type=kind, **changes))
    assert schema.validate(etree.fromstring(content)), schema.error_log
