"""Whatever messages come in, the same nouns come out; nothing is fetched and nothing raises."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cap.messages import WHOLE, alerts
from tocsin.cap import CapAlert, render
from tocsin.cap.containers import Contents, messages_in
from tocsin.cap.fingerprint import fingerprint

ONE = render(WHOLE).partition(b"\n")[2]
TWO = render(replace(WHOLE, identifier="x-2")).partition(b"\n")[2]
ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>W</title><updated>2001-02-28T19:00:00Z</updated>%s</feed>'
ENTRY = b"<entry><id>%s</id><title>A</title><updated>2001-02-28T19:00:00Z</updated>%s</entry>"
RSS = b'<rss version="2.0"><channel><title>W</title><link>https://met.example/</link>%s</channel></rss>'
ITEM = b"<item><title>A</title><guid>%s</guid>%s</item>"
EDXL = (
    b'<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"><distributionID>d1</distributionID>'
    b"%s</EDXLDistribution>"
)


def atom(*entries: bytes) -> bytes:
    return ATOM % b"".join(ENTRY % (b"urn:x:%d" % i, body) for i, body in enumerate(entries))


def rss(*items: bytes) -> bytes:
    return RSS % b"".join(ITEM % (b"g%d" % i, body) for i, body in enumerate(items))


def told(found: Contents) -> tuple[str, str, int, list[str]]:
    return found.kind, found.outcome, len(found.entries), [m.alert.identifier for m in found.messages]


def rules(found: Contents) -> list[str]:
    return sorted({f.rule for f in found.findings})


ESCAPED = html.escape(ONE.decode()).encode()
FORMS: dict[str, tuple[bytes, tuple[str, str, int, list[str]]]] = {
    "bare": (ONE, ("alert", "alerts", 1, ["x-2001-02-28-1"])),
    "wrapper": (b"<alerts>" + ONE + TWO + b"</alerts>", ("alerts", "alerts", 0, ["x-2001-02-28-1", "x-2"])),
    "atom": (
        atom(b"<content type='text/xml'>" + ONE + b"</content>", TWO),
        ("atom", "alerts", 2, ["x-2001-02-28-1", "x-2"]),
    ),
    "atom, message beside the entries": (
        ATOM % ONE,
        ("atom", "alerts", 0, ["x-2001-02-28-1"]),
    ),
    "atom, escaped": (
        atom(b"<content type='text'>" + ESCAPED + b"</content>"),
        ("atom", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "atom, CDATA": (
        atom(b"<content><![CDATA[<?xml version='1.0'?>" + ONE + b"]]></content>"),
        ("atom", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "atom entry alone": (
        (ENTRY % (b"urn:1", ONE)).replace(b"<entry>", b'<entry xmlns="http://www.w3.org/2005/Atom">'),
        ("atom", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "rss": (rss(ONE), ("rss", "alerts", 1, ["x-2001-02-28-1"])),
    "rss, escaped after embedded": (
        rss(b"<description>" + ESCAPED + b"</description>", TWO),
        ("rss", "alerts", 2, ["x-2", "x-2001-02-28-1"]),
    ),
    "rss, escaped around a comment": (
        rss(b"<description>&lt;p/&gt;<!-- x -->" + ESCAPED + b"</description>"),
        ("rss", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "rss, escaped twice in HTML": (
        rss(b"<description>&lt;p&gt;" + html.escape(ESCAPED.decode()).encode() + b"&lt;/p&gt;</description>"),
        ("rss", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "edxl": (
        EDXL
        % (
            b"<contentObject><xmlContent><embeddedXMLContent>" + ONE + b"</embeddedXMLContent></xmlContent>"
            b"</contentObject><contentObject><nonXMLContent><mimeType>application/cap+xml</mimeType>"
            b"<contentData>" + base64.encodebytes(TWO) + b"</contentData></nonXMLContent></contentObject>"
        ),
        ("edxl", "alerts", 0, ["x-2001-02-28-1", "x-2"]),
    ),
    "another wrapper": (
        b"<env><body>" + ONE + b"</body></env>",
        ("unknown", "alerts", 0, ["x-2001-02-28-1"]),
    ),
    "namespace forgotten": (
        atom(ONE.replace(b' xmlns="urn:oasis:names:tc:emergency:cap:1.2"', b"")),
        ("atom", "alerts", 1, ["x-2001-02-28-1"]),
    ),
    "empty atom": (atom(), ("atom", "empty", 0, [])),
    "empty rss": (rss(), ("rss", "empty", 0, [])),
    "empty wrapper": (b"<alerts/>", ("alerts", "empty", 0, [])),
    "empty edxl": (EDXL % b"", ("edxl", "empty", 0, [])),
    "empty list": (b"[]", ("json", "empty", 0, [])),
    "empty features": (b'{"type": "FeatureCollection", "features": []}', ("geojson", "empty", 0, [])),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str) -> None:
    content, expected = FORMS[form]
    assert told(messages_in(content)) == expected


@pytest.mark.parametrize("form", [name for name, (_, e) in FORMS.items() if e[3][:1] == ["x-2001-02-28-1"]])
def test_no_form_loses_a_word(form: str) -> None:
    found = messages_in(FORMS[form][0]).messages[0].alert
    assert found == WHOLE
    assert fingerprint(found) == fingerprint(WHOLE)


def test_a_message_knows_its_entry_and_counts_in_it() -> None:
    found = messages_in(atom(b"<link href='1.xml'/>", ONE + TWO), base="https://met.example/cap/feed.xml")
    assert [m.entry for m in found.messages] == [1, 1]
    assert [e.messages for e in found.entries] == [0, 2]
    assert found.links == ("https://met.example/cap/1.xml",)
    assert (found.head.id, found.head.updated) == ("urn:x", datetime(2001, 2, 28, 19, tzinfo=UTC))


def test_links_of_an_entry_the_one_marked_as_cap_first() -> None:
    content = atom(
        b"<link href='a.html' type='text/html'/><link rel='related' type='application/cap+xml' href='b.xml'/>"
    )
    found = messages_in(content)
    assert (found.outcome, found.links) == ("links", ("b.xml",))
    assert found.entries[0].links == ("b.xml", "a.html")


def test_content_that_lies_elsewhere_is_a_link() -> None:
    found = messages_in(atom(b"<content type='application/cap+xml' src='https://met.example/1.xml'/>"))
    assert (found.outcome, found.links) == ("links", ("https://met.example/1.xml",))


def test_rss_links_times_and_enclosures() -> None:
    item = b"<link>https://met.example/1.html</link><enclosure url='/1.xml' type='application/cap+xml'/>"
    found = messages_in(
        rss(item + b"<pubDate>Wed, 28 Feb 2001 11:00:00 PST</pubDate>"), base="https://met.example/rss"
    )
    assert found.links == ("https://met.example/1.xml",)
    assert found.entries[0].updated == datetime(2001, 2, 28, 19, tzinfo=UTC)
    assert rules(found) == []


def test_rss_1_has_its_items_beside_the_channel() -> None:
    content = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        b"<channel><title>W</title></channel>"
        b'<item rdf:about="g1"><title>A</title><link>https://met.example/1.xml</link></item></rdf:RDF>'
    )
    assert told(messages_in(content)) == ("rss", "links", 1, [])
    assert rules(messages_in(content)) == []


FAULTS: dict[str, tuple[bytes, list[str]]] = {
    "no id": (atom(b"<link href='1'/>").replace(b"<id>urn:x:0</id>", b""), ["feed.id"]),
    "no title": (atom(b"<link href='1'/>").replace(b"<title>A</title>", b"<title> </title>"), ["feed.title"]),
    "no feed title": (atom().replace(b"<title>W</title>", b""), ["feed.title"]),
    "no time": (
        atom(b"<link href='1'/>").replace(b"<updated>2001-02-28T19:00:00Z</updated><", b"<", 1),
        ["feed.updated"],
    ),
    "no link": (atom(b""), ["feed.link"]),
    "only a link to edit": (atom(b"<link rel='edit' href='1'/>"), ["feed.link"]),
    "an id twice": (
        atom(b"<link href='1'/>", b"<link href='2'/>").replace(b"urn:x:1", b"urn:x:0"),
        ["feed.id-duplicate"],
    ),
    "no guid": (rss(b"<link>https://met.example/1</link>").replace(b"<guid>g0</guid>", b""), ["feed.id"]),
    "an empty item": (RSS % b"<item/>", ["feed.id", "feed.link", "feed.title"]),
    "no channel title": (rss().replace(b"<title>W</title>", b""), ["feed.title"]),
    "base64 that is none": (
        EDXL % b"<contentObject><nonXMLContent><mimeType>application/cap+xml</mimeType>"
        b"<contentData>!</contentData></nonXMLContent></contentObject>",
        ["feed.content"],
    ),
    "an object without content": (EDXL % b"<contentObject/>", ["feed.content"]),
    "escaped and broken": (
        rss(b"<link>1</link><description>&lt;alert&gt;&lt;a&gt;&lt;/alert&gt;</description>"),
        ["doc.not-well-formed"],
    ),
    "escaped with a document type": (
        rss(
            b"<link>1</link><description>"
            + html.escape("<!DOCTYPE a>").encode()
            + ESCAPED
            + b"</description>"
        ),
        ["doc.doctype"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_defects_of_a_feed_are_findings(fault: str) -> None:
    content, expected = FAULTS[fault]
    found = messages_in(content)
    assert rules(found) == expected
    assert found.outcome in ("links", "empty")


@pytest.mark.parametrize(
    ("content", "outcome", "rule"),
    [
        (b"", "rejected", "doc.not-well-formed"),
        (b"<feed><entry></feed>", "rejected", "doc.not-well-formed"),
        (b'<?xml version="1.0" encoding="utf-8"?><alert>\xe9</alert>', "rejected", "doc.encoding"),
        (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><alert>&b;</alert>',
            "refused",
            "doc.doctype",
        ),
        (b'{"identifier": NaN}', "rejected", "doc.not-well-formed"),
        (b'{"identifier": "a", "identifier": "b"}', "rejected", "doc.not-well-formed"),
        (b"[" * 100_000, "rejected", "doc.not-well-formed"),
        (b'{"identifier": "\xff"}', "rejected", "doc.not-well-formed"),
        (b"<html><body>Service unavailable</body></html>", "empty", "doc.container"),
        (b'{"status": "ok"}', "empty", "doc.container"),
    ],
)
def test_what_cannot_be_read_says_why_and_is_never_calm(content: bytes, outcome: str, rule: str) -> None:
    found = messages_in(content)
    assert (found.outcome, found.kind, found.messages) == (outcome, "unknown", ())
    assert rule in rules(found)
    assert rule in found.reason


def test_a_document_that_is_too_large_is_not_read() -> None:
    for content in (ONE, b'{"identifier": "a"}'):
        found = messages_in(content, max_bytes=10)
        assert (found.outcome, rules(found)) == ("rejected", ["doc.oversize"])


def test_a_readable_document_has_no_reason() -> None:
    assert messages_in(atom()).reason == ""


# -- JSON ---------------------------------------------------------------------------------------------------


def plain(alert: CapAlert) -> dict[str, Any]:
    """A message under CAP's own names, as a publisher of JSON writes it."""
    from lxml import etree

    def children(node: etree._Element) -> Any:
        if not len(node):
            return node.text or ""
        record: dict[str, Any] = {}
        for child in node:
            record.setdefault(child.tag.rpartition("}")[2], []).append(children(child))
        return {k: v[0] if len(v) == 1 else v for k, v in record.items()}

    found: dict[str, Any] = children(etree.fromstring(render(alert)))
    return found


@settings(max_examples=60, deadline=None)
@given(alert=alerts)
def test_a_message_in_json_says_what_it_says_in_xml(alert: CapAlert) -> None:
    content = json.dumps(plain(alert)).encode()
    (found,) = messages_in(content).messages
    assert found.alert == messages_in(render(alert)).messages[0].alert


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_json_in_any_of_its_encodings(encoding: str) -> None:
    content = json.dumps([plain(WHOLE)], ensure_ascii=False).encode(encoding)
    assert messages_in(content).messages[0].alert == WHOLE


def test_several_in_a_list_or_under_a_name() -> None:
    both = [plain(WHOLE), plain(replace(WHOLE, identifier="x-2"))]
    for document in (both, {"alerts": both}):
        found = messages_in(json.dumps(document).encode())
        assert told(found) == ("json", "alerts", 2, ["x-2001-02-28-1", "x-2"])
    assert told(messages_in(json.dumps({"alert": both[0]}).encode()))[3] == ["x-2001-02-28-1"]
    wrapped = {"warnings": [{"uuid": "1", "alert": both[0]}]}
    assert told(messages_in(json.dumps(wrapped).encode())) == ("json", "alerts", 1, ["x-2001-02-28-1"])


def test_an_object_that_is_no_message_is_not_silently_skipped() -> None:
    found = messages_in(json.dumps([{"id": "mow.1", "severity": "Minor"}]).encode())
    assert told(found) == ("json", "empty", 1, [])
    assert rules(found) == ["feed.link"]


def test_fields_and_types_that_nobody_expected_are_findings() -> None:
    document = {**plain(WHOLE), "new": 1, "note": {"a": 1}, "info": ["text", {"event": "x", "other": 2}]}
    (found,) = messages_in(json.dumps(document).encode()).messages
    paths = {(f.rule, f.path) for f in found.findings if f.rule in ("doc.unknown-element", "doc.json-type")}
    assert paths == {
        ("doc.unknown-element", "alert/new"),
        ("doc.json-type", "alert/note"),
        ("doc.json-type", "alert/info[1]"),
        ("doc.unknown-element", "alert/info[2]/other"),
    }
    assert found.alert.note == '{"a": 1}'


def test_characters_that_xml_cannot_carry_are_replaced_and_reported() -> None:
    (found,) = messages_in(json.dumps({"identifier": "a", "note": "b\u0000c"}).encode()).messages
    assert found.alert.note == "b\ufffdc"
    assert "doc.characters" in {f.rule for f in found.findings}


RING = [[1, 2], [3, 4], [5, 2], [1, 2]]


def feature(**changes: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "id": "urn:oid:1",
        "sender": "desk@met.example",
        "sent": "2001-02-28T11:00:00-08:00",
        "status": "Actual",
        "messageType": "Update",
        "category": "Met",
        "event": "Flood Warning",
        "response": "Avoid",
        "urgency": "Expected",
        "severity": "Severe",
        "certainty": "Likely",
        "expires": "2001-02-28T23:00:00-08:00",
        "ends": "2001-03-01T23:00:00-08:00",
        "areaDesc": "King",
        "geocode": {"SAME": ["053033"], "UGC": ["WAZ001", "WAZ002"]},
        "parameters": {"VTEC": ["/O.NEW/"]},
        "references": [
            {"sender": "desk@met.example", "identifier": "urn:oid:0", "sent": "2001-02-28T10:00:00-08:00"}
        ],
        "affectedZones": [],
    }
    geometry = {"type": "Polygon", "coordinates": [[[-122, 47], [-121, 47], [-121, 48], [-122, 47]]]}
    return {
        "type": "Feature",
        "id": "https://api/1",
        "geometry": geometry,
        "properties": properties | changes,
    }


def test_geojson_brings_order_codes_and_references_into_cap() -> None:
    (found,) = messages_in(json.dumps(feature()).encode()).messages
    (info,), (area,) = found.alert.infos, found.alert.infos[0].areas
    assert area.polygons == (((47.0, -122.0), (47.0, -121.0), (48.0, -121.0), (47.0, -122.0)),)
    assert area.geocodes == (("SAME", "053033"), ("UGC", "WAZ001"), ("UGC", "WAZ002"))
    assert found.alert.references == ("desk@met.example,urn:oid:0,2001-02-28T10:00:00-08:00",)
    assert info.parameter == (("VTEC", "/O.NEW/"), ("eventEndingTime", "2001-03-01T23:00:00-08:00"))
    assert (found.alert.msg_type, found.alert.scope, info.response_type) == ("Update", "Public", ("Avoid",))


@pytest.mark.parametrize(
    ("geometry", "polygons", "rule"),
    [
        (None, 0, None),
        ({"type": "MultiPolygon", "coordinates": [[RING]] * 2}, 2, None),
        (
            {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [RING]}]},
            1,
            None,
        ),
        ({"type": "Polygon", "coordinates": [RING, RING]}, 1, "area.polygon.hole"),
        ({"type": "Point", "coordinates": [1, 2]}, 0, "area.polygon.parse"),
        ({"type": "Polygon", "coordinates": [[["x", 2]]]}, 0, "area.polygon.parse"),
        ({"type": "Polygon", "coordinates": 5}, 0, "area.polygon.parse"),
    ],
)  # fmt: skip
def test_shapes_of_geojson(geometry: Any, polygons: int, rule: str | None) -> None:
    document = {"type": "FeatureCollection", "features": [{**feature(), "geometry": geometry}]}
    (found,) = messages_in(json.dumps(document).encode()).messages
    assert len(found.alert.infos[0].areas[0].polygons) == polygons
    rules_here = {f.rule for f in found.findings if f.rule.startswith("area.polygon.")}
    assert rules_here == ({rule} if rule else set())


def test_features_that_are_no_warnings_are_named() -> None:
    quake = {"type": "Feature", "id": "uw1", "properties": {"mag": 6.8}, "geometry": None}
    found = messages_in(json.dumps({"type": "FeatureCollection", "features": [quake]}).encode())
    assert told(found) == ("geojson", "empty", 1, [])
    assert rules(found) == ["feed.link"]


# -- anything at all ----------------------------------------------------------------------------------------

DOCUMENTS = [content for content, _ in FORMS.values()] + [json.dumps(feature()).encode()]


@settings(max_examples=200, deadline=None)
@given(
    content=st.sampled_from(DOCUMENTS),
    cuts=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=8)), max_size=4),
)
def test_any_damage_gives_an_outcome(content: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for at, length, new in cuts:
        content = content[:at] + new + content[at + length :]
    found = messages_in(content)
    assert found.outcome in ("alerts", "links", "empty", "rejected", "refused")
    assert bool(found.messages) == (found.outcome == "alerts")
    assert found.reason or found.kind != "unknown" or found.messages


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["identifier", "sender", "info", "area", "features", "type", "geometry", "properties", "id",
                 "sent", "messageType", "parameter", "references", "polygon", "coordinates", "addresses"]
            ),
            inner,
            max_size=6,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_json_gives_an_outcome(document: Any) -> None:
    found = messages_in(json.dumps(document).encode())
    assert found.outcome in ("alerts", "links", "empty", "rejected", "refused")
