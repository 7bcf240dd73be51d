"""Messages for tests: one whole one, and a Hypothesis strategy of all that can be said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from tocsin.cap import CapAlert, CapArea, CapInfo, CapResource
from tocsin.cap import values as v

SENT = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
KING = CapArea(
    area_desc="King, Washington",
    polygons=(((47.2, -122.4), (47.2, -121.5), (47.8, -121.5), (47.2, -122.4)),),
    circles=((47.45, -122.31, 30.0),),
    geocodes=(("SAME", "053033"), ("FIPS6", "053033")),
    altitude=0.0,
    ceiling=1000.0,
)
WHOLE = CapAlert(
    identifier="x-2001-02-28-1",
    sender="desk@example.org",
    sent=SENT,
    status="Exercise",
    msg_type="Update",
    scope="Restricted",
    source="a source",
    restriction="for staff",
    addresses=("one@example.org", "two words"),
    code=("profile:x",),
    note="an exercise",
    references=("desk@example.org,x-0,2001-02-28T18:00:00-00:00",),
    incidents=("i-1", "i 2"),
    infos=(
        CapInfo(
            language="en-US",
            category=("Transport", "Geo"),
            event="airport stop",
            response_type=("Monitor", "Avoid"),
            urgency="Immediate",
            severity="Severe",
            certainty="Observed",
            audience="airlines",
            event_code=(("SAME", "EQW"),),
            effective=SENT,
            onset=SENT + timedelta(minutes=5),
            expires=SENT + timedelta(hours=6),
            sender_name="The desk",
            headline="Seattle: departures stopped",
            description="3 departures, 20 expected.\nA second line with <, & and \u2764.",
            instruction="Ask your airline.",
            web="https://example.org/a",
            contact="the duty desk",
            parameter=(("tocsin:level", "3"), ("tocsin:likelihood", "0.8")),
            resources=(
                CapResource(
                    resource_desc="map",
                    mime_type="image/png",
                    size=3,
                    uri="map.png",
                    deref_uri="AAAA",
                    digest="29e2dcfbb16f63bb0254df7585a15bb6fb5e927d",
                ),
            ),
            areas=(KING,),
        ),
    ),
)

_CHARACTERS = st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\n\t\r"
)
texts = st.text(_CHARACTERS, max_size=40).map(lambda t: t.strip(v.BLANKS))
filled = texts.filter(bool)
words = st.text("abcXYZ019-.:@/", min_size=1, max_size=20)
addresses = st.text("abcXYZ019-./", min_size=1, max_size=12).map(lambda t: f"https://example.org/{t}")
optional = st.none() | filled
items = st.text("abc XYZ", min_size=1, max_size=8).map(str.strip).filter(bool)
pairs = st.lists(st.tuples(filled, filled), max_size=3).map(tuple)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
times = st.builds(
    lambda seconds, zone: (SENT + timedelta(seconds=seconds)).astimezone(zone),
    st.integers(-(10**9), 10**9),
    offsets,
)
numbers = st.floats(-1e6, 1e6, allow_nan=False)
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
rings = st.lists(points, min_size=3, max_size=6).map(lambda ring: (*ring, ring[0]))
areas = st.builds(
    CapArea,
    area_desc=filled,
    polygons=st.lists(rings, max_size=2).map(tuple),
    circles=st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 1e4)), max_size=2).map(
        tuple
    ),
    geocodes=pairs,
    altitude=st.none() | numbers,
    ceiling=st.none() | numbers,
)
resources = st.builds(
    CapResource,
    resource_desc=filled,
    mime_type=words,
    size=st.none() | st.integers(0, 10**12),
    uri=st.none() | addresses,
    deref_uri=st.none() | addresses,
    digest=st.none() | words,
)
infos = st.builds(
    CapInfo,
    language=st.none() | st.sampled_from(["en-US", "fr", "zh-Hant"]),
    category=st.lists(st.sampled_from(v.CATEGORY), min_size=1, max_size=3).map(tuple),
    event=words,
    response_type=st.lists(st.sampled_from(v.RESPONSE_TYPE), max_size=2).map(tuple),
    urgency=st.sampled_from(v.URGENCY),
    severity=st.sampled_from(v.SEVERITY),
    certainty=st.sampled_from(v.CERTAINTY),
    audience=optional,
    event_code=pairs,
    effective=st.none() | times,
    onset=st.none() | times,
    expires=st.none() | times,
    sender_name=optional,
    headline=optional,
    description=optional,
    instruction=optional,
    web=st.none() | addresses,
    contact=optional,
    parameter=pairs,
    resources=st.lists(resources, max_size=2).map(tuple),
    areas=st.lists(areas, max_size=2).map(tuple),
)
alerts = st.builds(
    CapAlert,
    identifier=words,
    sender=words,
    sent=times,
    status=st.sampled_from(v.STATUS),
    msg_type=st.sampled_from(v.MSG_TYPE),
    scope=st.sampled_from(v.SCOPE),
    source=optional,
    restriction=optional,
    addresses=st.lists(items, max_size=3).map(tuple),
    code=st.lists(filled, max_size=2).map(tuple),
    note=optional,
    references=st.lists(words, max_size=2).map(tuple),
    incidents=st.lists(items, max_size=2).map(tuple),
    infos=st.lists(infos, max_size=2).map(tuple),
)
