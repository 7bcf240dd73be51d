"""Every rule on one message: a clean message breaks none, and each is broken by one change."""

from __future__ import annotations

import re

import pytest

from tocsin.cap import RULES, parse
from tocsin.cap.rulebook import rules

CLEAN = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>2.49.0.1.0.1</identifier><sender>desk@example.org</sender>
  <sent>2026-03-14T06:00:00+03:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>en</language><category>Met</category><event>rain</event>
    <responseType>Prepare</responseType><urgency>Expected</urgency><severity>Severe</severity>
    <certainty>Likely</certainty><eventCode><valueName>x</valueName><value>RAIN</value></eventCode>
    <effective>2026-03-14T06:00:00+03:00</effective><onset>2026-03-14T12:00:00+03:00</onset>
    <expires>2026-03-15T06:00:00+03:00</expires><senderName>The desk</senderName>
    <headline>Heavy rain from noon</headline><description>Up to 120 mm in twelve hours.</description>
    <instruction>Stay away from the rivers.</instruction><web>https://example.org/1</web>
    <resource><resourceDesc>map</resourceDesc><mimeType>image/png</mimeType><size>3</size>
      <derefUri>AAAA</derefUri><digest>29e2dcfbb16f63bb0254df7585a15bb6fb5e927d</digest></resource>
    <area><areaDesc>The coast</areaDesc><polygon>10,40 11,40 11,41 10,41 10,40</polygon>
      <circle>10,40 5</circle><geocode><valueName>x</valueName><value>1</value></geocode>
      <altitude>100</altitude><ceiling>200</ceiling></area>
  </info>
  <info><language>fr</language><category>Met</category><event>pluie</event>
    <responseType>Prepare</responseType><urgency>Expected</urgency><severity>Severe</severity>
    <certainty>Likely</certainty><eventCode><valueName>x</valueName><value>RAIN</value></eventCode>
    <expires>2026-03-15T06:00:00+03:00</expires><senderName>Le bureau</senderName>
    <headline>Forte pluie dès midi</headline><description>Jusqu'à 120 mm en douze heures.</description>
    <instruction>Restez loin des rivières.</instruction>
    <area><areaDesc>La côte</areaDesc><polygon>10,40 11,40 11,41 10,41 10,40</polygon></area>
  </info>
</alert>"""
SIGNATURE = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
POLYGON = "10,40 11,40 11,41 10,41 10,40"
MANY = " ".join(f"10,{i / 100:.2f}" for i in range(120))
BREAKS: dict[str, list[tuple[str, str]]] = {
    "doc.namespace": [("cap:1.2", "cap:9.9")],
    "doc.schema": [("<scope>Public</scope>", "")],
    "doc.foreign-element": [
        ("<sender>", '<x xmlns="urn:x">y</x><sender>'),
        ("<sender>", '<sender xml:lang="en">'),
    ],
    "doc.version-old": [("cap:1.2", "cap:1.1")],
    "doc.order": [
        ("<status>Actual</status><msgType>Alert</msgType>", "<msgType>Alert</msgType><status>Actual</status>")
    ],
    "doc.repeated-element": [("<event>rain</event>", "<event>rain</event><event>flood</event>")],
    "doc.unknown-element": [("<event>rain</event>", "<event>rain</event><kind>x</kind>")],
    "alert.identifier.empty": [("2.49.0.1.0.1", " ")],
    "alert.identifier.chars": [("2.49.0.1.0.1", "a b"), ("2.49.0.1.0.1", "a,b"), ("2.49.0.1.0.1", "a&amp;b")],
    "alert.sender.empty": [("<sender>desk@example.org</sender>", "")],
    "alert.sender.chars": [("desk@example.org", "the desk")],
    "alert.sent.format": [
        ("<sent>2026-03-14T06:00:00+03:00", "<sent>2026-03-14 06:00"),
        ("<sent>2026-03-14", "<sent>2026-02-30"),
    ],
    "alert.scope.restriction-missing": [("Public", "Restricted")],
    "alert.scope.restriction-unneeded": [("</scope>", "</scope><restriction>staff</restriction>")],
    "alert.scope.addresses-missing": [("Public", "Private")],
    "alert.list.quotes": [("</scope>", '</scope><incidents>"a b</incidents>')],
    "alert.references.missing": [(">Alert<", f">{kind}<") for kind in ("Update", "Cancel", "Ack", "Error")],
    "alert.references.form": [
        ("</scope>", f"</scope><references>{r}</references>") for r in ("a", "a,b", "a,b,c,d", "a,,b")
    ],
    "alert.references.time": [("</scope>", "</scope><references>a,b,2026-03-14T05:00:00Z</references>")],
    "alert.references.self": [
        (
            "</scope>",
            "</scope><references>desk@example.org,2.49.0.1.0.1,2026-03-14T03:00:00-00:00</references>",
        )
    ],
    "alert.references.postdated": [
        ("</scope>", "</scope><references>a,b,2026-03-14T06:00:01+03:00</references>")
    ],
    "alert.references.on-alert": [
        ("</scope>", "</scope><references>a,b,2026-03-14T05:00:00+03:00</references>")
    ],
    "alert.note.error-missing": [(">Alert<", ">Error<")],
    "alert.note.exercise-missing": [(">Actual<", ">Exercise<")],
    "alert.status.not-actual": [(">Actual<", f">{s}<") for s in ("Exercise", "Test", "System", "Draft")],
    "alert.info.missing": [("<info>.*</info>", "")],
    "alert.password": [("<scope>", "<password>x</password><scope>")],
    "text.enum-form": [
        (">Actual<", ">actual<"),
        (">Severe<", "> Severe<"),
        (">Severe<", ">Severe\u00a0<"),
        (">Met<", ">MET<"),
    ],
    "text.enum-value": [(">Severe<", ">Bad<"), (">Severe<", "><"), (">Met<", ">Weather<")],
    "text.empty-optional": [
        ("https://example.org/1", " "),
        ("<circle>10,40 5", "<circle>"),
        (">Prepare<", "><"),
    ],
    "time.zulu": [
        ("<sent>2026-03-14T06:00:00+03:00", "<sent>2026-03-14T06:00:00Z"),
        ("2026-03-15T06:00:00+03:00", "2026-03-15T06:00:00EST"),
    ],
    "time.format": [
        ("2026-03-15T06:00:00+03:00", "2026-03-15"),
        ("2026-03-15T06:00:00+03:00", "2026-03-15T06:00:00Z"),
    ],
    "time.utc-plus": [("<sent>2026-03-14T06:00:00+03:00", "<sent>2026-03-14T03:00:00+00:00")],
    "time.implausible-year": [("<sent>2026", "<sent>2569")],
    "info.language.form": [(">en<", ">en_US<"), (">en<", ">1<"), (">en<", ">x-<")],
    "info.event.empty": [("<event>rain</event>", "<event> </event>")],
    "info.category.differs": [(">Met<", ">Env<")],
    "info.eventcode.differs": [("RAIN", "SNOW")],
    "info.event.differs": [(">fr<", ">en<")],
    "info.certainty.very-likely": [(">Likely<", ">Very Likely<")],
    "info.expires.missing": [("<expires>[^<]*</expires>", "")],
    "info.expires.not-after-start": [("<expires>2026-03-15T06", "<expires>2026-03-14T06")],
    "info.onset.after-expires": [("<onset>2026-03-14", "<onset>2026-03-16")],
    "info.expires.far": [("<expires>2026-03-15", "<expires>2026-04-15")],
    "info.headline.long": [("Heavy rain from noon", "x" * 161)],
    "info.description.missing": [("<description>[^<]*</description>", "")],
    "info.instruction.missing": [("<instruction>[^<]*</instruction>", "")],
    "info.responsetype.missing": [("<responseType>[^<]*</responseType>", "")],
    "info.sendername.missing": [("<senderName>[^<]*</senderName>", "")],
    "info.text.repeated": [
        ("Up to 120 mm in twelve hours.", "Heavy rain from noon"),
        ("Stay away from the rivers.", "Up to 120 mm in twelve hours."),
    ],
    "info.text.same-two-languages": [("Forte pluie dès midi", "Heavy rain from noon")],
    "info.text.html": [
        ("Up to", "&lt;b&gt;Up&lt;/b&gt; to"),
        ("Up to", "Up&amp;nbsp;to"),
        ("Up to", "<![CDATA[<br/>]]>Up to"),
    ],
    "info.unknown": [(">Severe<", ">Unknown<")],
    "info.web.not-absolute": [
        ("https://example.org/1", "example.org/1"),
        ("https://example.org/1", "https://example.org/a b"),
    ],
    "info.area.missing": [("<area>.*?</area>", "")],
    "pair.empty": [("<value>RAIN</value>", "<value/>"), ("<valueName>x</valueName>", "<valueName/>")],
    "resource.desc.empty": [(">map<", "><")],
    "resource.mimetype": [("image/png", "png"), ("<mimeType>image/png</mimeType>", "")],
    "resource.uri.relative-no-deref": [("<derefUri>AAAA</derefUri>", "<uri>map.png</uri>")],
    "resource.uri.missing": [("<derefUri>AAAA</derefUri>", "")],
    "resource.deref.base64": [("AAAA", "A!AA")],
    "resource.size": [("<size>3", "<size>4"), ("<size>3", "<size>-1"), ("<size>3", "<size>3 kB")],
    "resource.digest": [("29e2", "29e3"), ("29e2", "")],
    "area.desc.empty": [("The coast", "")],
    "area.polygon.parse": [
        (POLYGON, bad)
        for bad in (
            "10,40 11",
            "10 40 11 40",
            "10,40,5 1,2",
            "nan,1 1,2",
            "1;2 3;4",
            "10, 40",
            "1,2 3,4 ,",
            "1_0,2 3,4",
            "1,2,3 4",
            "1e400,2 3,4 5,6 1e400,2",
        )
    ],
    "area.polygon.few": [(POLYGON, "10,40 11,40 10,40")],
    "area.polygon.open": [(POLYGON, "10,40 11,40 11,41 10,41")],
    "area.coords.range": [
        (POLYGON, "10,40 11,40 11,181 10,40"),
        (POLYGON, "91,4 11,4 11,5 91,4"),
        ("<circle>10", "<circle>95"),
    ],
    "area.polygon.crossing": [(POLYGON, "0,0 1,1 0,1 1,0 0,0"), (POLYGON, "0,0 2,0 1,1 2,2 0,2 1,1 0,0")],
    "area.polygon.many": [(POLYGON, f"{MANY} 11,0 10,0.00")],
    "area.polygon.antimeridian": [(POLYGON, "-18,179 -18,-179 -17,-179 -17,179 -18,179")],
    "area.circle.parse": [
        ("<circle>10,40 5", f"<circle>{bad}")
        for bad in ("10,40", "10 40 5", "10,40,5", "10,40 5km", "10,40 5 6")
    ],
    "area.circle.negative": [("<circle>10,40 5", "<circle>10,40 -5")],
    "area.circle.zero": [("<circle>10,40 5", "<circle>10,40 0")],
    "area.ceiling.no-altitude": [("<altitude>100</altitude>", "")],
    "area.ceiling.below": [("<ceiling>200", "<ceiling>50")],
    "area.altitude.parse": [("<altitude>100", "<altitude>high")],
    "area.no-shape": [("<polygon>.*?</geocode>", "")],
    "area.geocode-only": [("<polygon>.*?</circle>", "")],
    "signature.present": [("</alert>", f"{SIGNATURE}</alert>")],
    "signature.duplicate": [("</alert>", f"{SIGNATURE}{SIGNATURE}</alert>")],
}
EARLIER = "desk@example.org,2.49.0.1.0.1,2026-03-13T03:00:00-00:00"
UNREADABLE = {
    "doc.not-well-formed", "doc.encoding", "doc.doctype", "doc.oversize", "doc.container", "doc.unreadable",
}  # fmt: skip
OF_JSON = {"doc.json-type", "doc.characters", "area.polygon.hole"}


def fired(text: str) -> set[str]:
    return {f.rule for f in parse(text.encode())[1]}


def test_the_clean_message_breaks_no_rule() -> None:
    assert fired(CLEAN) == set()


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_each_rule_fires_for_each_way_to_break_it(rule: str) -> None:
    for old, new in BREAKS[rule]:
        broken, changes = (
            re.subn(old, lambda _, new=new: new, CLEAN, count=1, flags=re.DOTALL)
            if "*" in old
            else (CLEAN.replace(old, new, 1), CLEAN.count(old))
        )
        assert changes, old
        assert rule in fired(broken), (old, new)


def test_no_rule_on_a_message_is_without_a_case() -> None:
    elsewhere = {rule for rule in RULES if rule.startswith(("set.", "feed."))}
    assert set(BREAKS) == set(RULES) - UNREADABLE - OF_JSON - elsewhere


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("rain</event>", "rain</event><!-- x -->", "doc.order"),
        (POLYGON, "10,40 10,40 11,40 11,41 10,41 10,40", "area.polygon.crossing"),  # a pair twice in turn
        (POLYGON, "-18,179 -18,-179 -17,-179 -17,179 -18,179", "area.polygon.crossing"),
        (POLYGON, "+1e1,4.E1 11.,40 11,41 10,41 10,40", "area.polygon.parse"),
        ("Up to", "5 &lt; 6 and A&amp;B; up to", "info.text.html"),
        ("Up to", "R&amp;D up to", "info.text.html"),
        ("AAAA", "AA\n  AA", "resource.deref.base64"),
        ("29e2dcfb", "29E2DCFB", "resource.digest"),
        ("image/png", "text/plain; charset=utf-8", "resource.mimetype"),
        ("</scope>", '</scope><addresses>"a b" c</addresses>', "alert.list.quotes"),
        ("</scope>", f"</scope><references>{EARLIER}</references>", "alert.references.self"),
        ("https://example.org/1", "mailto:desk@example.org", "info.web.not-absolute"),
        ("<onset>2026-03-14T12:00:00+03:00", "<onset>noon", "time.zulu"),
        ("cap:1.2", "cap:9.9", "doc.schema"),
        (">fr<", ">fr-CA<", "info.language.form"),
    ],
)  # fmt: skip
def test_what_is_right_or_only_looks_wrong_is_not_reported(old: str, new: str, rule: str) -> None:
    assert old in CLEAN
    assert rule not in fired(CLEAN.replace(old, new, 1))


def test_a_finding_names_place_value_and_what_is_allowed() -> None:
    found = parse(CLEAN.replace("<expires>2026-03-15", "<expires>2026-3-15", 1).encode())[1]
    told = {f.rule: f for f in found}
    assert told["time.format"].path == "alert/info[1]/expires"
    assert "'2026-3-15T06:00:00+03:00'" in told["time.format"].message
    assert "allowed: YYYY-MM-DD" in told["time.format"].message
    assert told["doc.schema"].path == "alert/info[1]/expires"


def test_rules_of_an_older_version_hold_for_it() -> None:
    old = CLEAN.replace("cap:1.2", "cap:1.1")
    assert "resource.mimetype" not in fired(old.replace("<mimeType>image/png</mimeType>", ""))
    assert "time.zulu" in fired(old.replace("T06:00:00+03:00</sent>", "T06:00:00Z</sent>"))
    first = old.replace("urn:oasis:names:tc:emergency:cap:1.1", "http://www.incident.com/cap/1.0")
    first = re.sub("<responseType>Prepare</responseType>", "", first)
    found = fired(first.replace(">Likely<", ">Very Likely<", 1))
    assert "info.certainty.very-likely" in found
    assert not found & {"text.enum-value", "info.responsetype.missing"}


def test_every_rule_says_where_it_comes_from_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.source, rule.id
        assert rule.condition, rule.id
        assert rule.advice.endswith("."), rule.id


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.b: got this id twice"):
        rules(("a.b", "info", "x", "y", "z"), ("a.b", "info", "x", "y", "z"))
    with pytest.raises(ValueError, match=r"a\.b: level: got 'bad'"):
        rules(("a.b", "bad", "x", "y", "z"))
