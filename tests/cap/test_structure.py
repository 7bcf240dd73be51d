"""The structure of the three versions: faults by place, and the verdict of libxml2 with the schema files."""

from __future__ import annotations

import copy
import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.cap.messages import WHOLE, alerts
from tests.cap.test_rules import CLEAN
from tocsin.cap import CapAlert, render, structural_faults
from tocsin.cap.structure import SPACES, VALUES, is_cap_time, is_date_time, is_uri
from tocsin.cap.values import ENUMERATIONS

XSD = Path(__file__).parents[2].parent / "shared" / "data" / "cap" / "xsd"
FILES = {"1.2": "CAP-v1.2.xsd", "1.1": "CAP-v1.1.xsd", "1.0": "cap10.xsd"}


def faults(text: str) -> list[tuple[str, str]]:
    return [(f.path, f.allowed) for f in structural_faults(etree.fromstring(text.encode()))]


def changed(old: str, new: str) -> list[tuple[str, str]]:
    assert old in CLEAN
    return faults(CLEAN.replace(old, new, 1))


def test_what_we_write_and_a_clean_message_have_no_fault() -> None:
    assert structural_faults(etree.fromstring(render(WHOLE))) == []
    assert faults(CLEAN) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_whatever_we_write_has_no_fault(alert: CapAlert) -> None:
    assert structural_faults(etree.fromstring(render(alert))) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "allowed"),
    [
        ("<identifier>2.49.0.1.0.1</identifier>", "", "alert/identifier", "one, as the first element"),
        ("<scope>Public</scope>", "", "alert/scope", "one, after source"),
        ("<category>Met</category>", "", "alert/info[1]/category", "one or more, after language"),
        ("<event>rain</event>", "<event>rain</event><event>x</event>", "alert/info[1]/event", "once"),
        ("<event>rain</event>", "<kind/><event>rain</event>", "alert/info[1]/kind", "category, event"),
        ("<web>", "<web a='1'>", "alert/info[1]/web/@a", "no attribute"),
        ("<info>", "<info>text", "alert/info[1]", "elements only"),
        ("</sender>", "</sender>text", "alert", "elements only"),
        ("rain<", "<b/>rain<", "alert/info[1]/event", "text only"),
        (">Actual<", ">Real<", "alert/status", ", ".join(ENUMERATIONS["status"])),
        ("<altitude>100", "<altitude>1e2", "alert/info[1]/area[1]/altitude", "a decimal number"),
        ("<size>3", "<size>3.0", "alert/info[1]/resource[1]/size", "a whole number"),
        (">en<", ">en_US<", "alert/info[1]/language", "a language tag such as en-US"),
        ("https://example.org/1", "50%", "alert/info[1]/web", "an address (RFC 3986)"),
        ("<value>RAIN</value>", "", "alert/info[1]/eventCode[1]/value", "one, after valueName"),
    ],
)
def test_a_fault_names_its_place_and_what_is_allowed(old: str, new: str, path: str, allowed: str) -> None:
    found = changed(old, new)
    assert (path, allowed) in found, found


def test_the_order_is_that_of_the_version() -> None:
    swapped = "<msgType>Alert</msgType><status>Actual</status>"
    found = changed("<status>Actual</status><msgType>Alert</msgType>", swapped)
    assert ("alert/status", "status before msgType") in found


def test_a_signature_ends_the_message_but_an_info_may_follow() -> None:
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><x/></Signature>'
    assert changed("</alert>", f"{signature}{signature}</alert>") == []
    assert changed("<info>", f"{signature}<info>") == []
    assert changed("<scope>", f"{signature}<scope>") != []
    old = CLEAN.replace("cap:1.2", "cap:1.1").replace("</alert>", f"{signature}</alert>")
    assert ("alert/Signature", "info") in faults(old)


@pytest.mark.parametrize(
    ("element", "name", "verdict"),
    [
        ("sender", "xs:string", True), ("sender", "xs:int", False), ("sender", "string", False),
        ("web", "xs:anyURI", True), ("status", "xs:string", False), ("sent", "xs:dateTime", False),
        ("info", "xs:string", False),
    ],
)  # fmt: skip
def test_a_type_may_be_named_where_it_is_that_of_the_schema(element: str, name: str, verdict: bool) -> None:
    spaces = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    found = changed(f"<{element}>", f'<{element} {spaces} i:type="{name}">')
    assert (found == []) is verdict


def test_versions_differ() -> None:
    pattern = '<alert xmlns="{}">' + re.split("<alert[^>]*>", CLEAN)[1].replace(
        "2026-03-15T06:00:00+03:00", "{}"
    )
    old, new = "2026-03-15T06:00:00.5Z", "2026-03-15T06:00:00+03:00"
    verdicts = {
        version: [faults(pattern.format(space, *[t] * 2)) == [] for t in (new, old)]
        for space, version in SPACES.items()
    }
    assert verdicts == {"1.2": [True, False], "1.1": [True, True], "1.0": [False, False]}  # 1.0 has no pairs
    assert "AllClear" not in VALUES["1.1"]["responseType"]
    assert "Very Likely" in VALUES["1.0"]["certainty"]


def test_what_is_no_message_is_one_fault() -> None:
    assert [f.path for f in structural_faults(etree.XML("<alert/>"))] == ["alert"]
    assert [
        f.path for f in structural_faults(etree.XML('<a xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>'))
    ] == ["alert"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:01Z",
        "0000-01-01T00:00:00",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+14:01",
        "2026-1-1T00:00:00",
        "٢026-01-01T00:00:00",
    ],
)
def test_times_of_xml_schema_refused(text: str) -> None:
    assert not is_date_time(text)


@pytest.mark.parametrize(
    "text",
    ["2024-02-29T00:00:00Z", "2026-01-01T24:00:00.0", "-0044-03-15T12:00:00", "2026-01-01T00:00:00+14:00"],
)
def test_times_of_xml_schema_taken(text: str) -> None:
    assert is_date_time(text)
    assert not is_cap_time(text) or len(text) == 25


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", True),
        ("a b", True),
        ("%zz", False),
        ("a#b#c", False),
        ("http://[::1]/", True),
        ("1a:b", False),
        ("http://a:x/", False),
        ("//a", True),
        (":a", False),
        ("http://é/<", True),
    ],
)
def test_addresses(text: str, verdict: bool) -> None:
    assert is_uri(text) is verdict


# Against libxml2 with the schema files, where the shared data are there.

# fmt: off
TEXTS = [
    "", " ", "1", "-1.", ".5", ".", "1e3", "Actual", "Very Likely", "Observed", "AllClear", "Draft", "CBRNE",
    "2026-03-14T06:00:00+03:00", "2026-03-14T06:00:00Z", "2026-03-14T24:00:00-00:00", "en", "x-", "a b",
    "\u00a0",
]
SIGNS = 'abz09:/?#[]@!$&%._-~ é"<{\\'
DSIG = "http://www.w3.org/2000/09/xmldsig#"
NAMES = [*ENUMERATIONS, "password", "source", "identifier", "info", "area", "resource", "valueName", "value",
         "eventCode", "geocode", "sent", "web", "size", "altitude", "language", "derefUri", "alert", "zzz"]
# fmt: on


def mutate(root: etree._Element, rng: random.Random) -> None:
    """Change one thing somewhere."""
    nodes = [n for n in root.iter() if isinstance(n.tag, str)]
    node, space = rng.choice(nodes), root.tag.split("}")[0] + "}"
    parent, kind = node.getparent(), rng.randrange(10)
    if kind == 0 and parent is not None:
        parent.remove(node)
    elif kind == 1 and parent is not None:
        parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(node))
    elif kind == 2 and len(node) > 1:
        child = rng.choice(list(node))
        node.remove(child)
        node.insert(rng.randrange(len(node) + 1), child)
    elif kind == 3 and not len(node):
        node.text = rng.choice(TEXTS)
    elif kind == 4:
        node.tag = space + rng.choice(NAMES)
    elif kind == 5:
        node.set(
            rng.choice(["a", "{urn:x}a", "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"]), "x"
        )
    elif kind == 6:
        node.tail = rng.choice([" ", "x", "\u00a0"])
    elif kind == 7:
        name = rng.choice([space, "{urn:x}", "", f"{{{DSIG}}}"]) + rng.choice([*NAMES, "Signature"])
        node.insert(rng.randrange(len(node) + 1), etree.Element(name))
    elif kind == 8:
        addresses = [n for n in nodes if n.tag.endswith(("}web", "}uri"))]
        if addresses:
            start = rng.choice(["", "http:", "//", "a:", "http://"])
            rng.choice(addresses).text = start + "".join(rng.choices(SIGNS, k=rng.randrange(7)))
    else:
        times = [n for n in nodes if n.tag.endswith(("}sent", "}onset", "}expires", "}altitude", "}size"))]
        if times:
            chosen = rng.choice(times)
            text, at = chosen.text or "", rng.randrange(26)
            signs = rng.choice(["", "0", "9", ":", "-", "+", "Z", ".", "24", "1 "])
            chosen.text = text[:at] + signs + text[at + rng.randrange(3) :]


@pytest.mark.shared
@pytest.mark.skipif(not XSD.is_dir(), reason="../shared/data/cap/xsd is not there")
@pytest.mark.parametrize("version", FILES)
def test_the_verdict_is_that_of_the_schema(version: str) -> None:
    schema = etree.XMLSchema(etree.parse(XSD / FILES[version]))
    space = next(s for s, v in SPACES.items() if v == version)
    text = re.sub('xmlns="[^"]*"', f'xmlns="{space}"', CLEAN, count=1)
    if version == "1.0":
        text = re.sub("<responseType>.*?</responseType>|<derefUri>.*?</derefUri>", "", text)
        text = re.sub("<valueName>(.*?)</valueName><value>(.*?)</value>", r"\1=\2", text)
    base = etree.fromstring(text.encode())
    assert schema.validate(base), schema.error_log
    rng = random.Random(20260314)
    valid = 0
    for _ in range(1500):
        root = copy.deepcopy(base)
        for _ in range(rng.choice((1, 1, 2, 3))):
            mutate(root, rng)
        try:
            root = etree.fromstring(etree.tostring(root))
        except etree.XMLSyntaxError:
            continue
        if root.tag != base.tag:
            continue
        verdict = schema.validate(root)
        valid += verdict
        assert (structural_faults(root) == []) is verdict, etree.tostring(root, encoding="unicode")
    assert 200 < valid < 1300
