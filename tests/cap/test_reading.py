from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest

from tests.cap.messages import WHOLE
from tocsin.cap import parse, parse_all, render
from tocsin.cap.secure import MAX_BYTES
from tocsin.cap.values import read_list, read_number, read_time, write_number, write_time
from tocsin.model import ParseError

BASE = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>a-1</identifier><sender>desk@example.org</sender><sent>2001-02-28T11:00:00-08:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>{more}</alert>"""
INFO = """<info><category>Met</category><event>flood</event><urgency>Expected</urgency>
  <severity>Severe</severity><certainty>Likely</certainty>{more}</info>"""


def rules(text: str) -> set[str]:
    return {f.rule for f in parse(text.encode())[1]}


def base(more: str = "") -> str:
    return BASE.format(more=more)


def area(more: str) -> str:
    return base(INFO.format(more=f"<area><areaDesc>x</areaDesc>{more}</area>"))


BILLION_LAUGHS = (
    '<!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
    + base("<note>&i;</note>")
)
EXTERNAL = f'<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>{base("<note>&x;</note>")}'
QUADRATIC = f'<!DOCTYPE alert [<!ENTITY x "{"a" * 100_000}">]>{base("<note>" + "&x;" * 10_000 + "</note>")}'
PARAMETER = f'<!DOCTYPE alert [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>{base()}'
PLAIN_DTD = f'<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/cap.dtd">{base()}'


@pytest.mark.parametrize("attack", [BILLION_LAUGHS, EXTERNAL, QUADRATIC, PARAMETER, PLAIN_DTD])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_anything_is_expanded(attack: str, encoding: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ParseError, match=r"^doc\.doctype"):
        parse(attack.encode(encoding))
    assert time.perf_counter() - began < 0.5


def test_an_oversized_message_is_refused_unread() -> None:
    with pytest.raises(ParseError, match=f"^doc.oversize: got {MAX_BYTES + 1} bytes"):
        parse(b"<" * (MAX_BYTES + 1))


def test_a_deep_document_is_an_error_and_no_crash() -> None:
    depth = 50_000
    with pytest.raises(ParseError, match="not-well-formed"):
        parse(b"<a>" * depth + b"</a>" * depth)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\x01", b"<alert>", b"<a/>", b"\xff\xfe", b"plain"])
def test_what_is_no_message_is_a_parse_error(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse(content)


def test_damaged_bytes_give_a_message_or_a_parse_error() -> None:
    whole = render(WHOLE)
    rng = random.Random(1)
    read = 0
    for _ in range(600):
        at = rng.randrange(len(whole))
        bad = (
            whole[:at]
            + rng.choice([b"", b"\x00", b"<", b"&", b"\xff", b"9"])
            + whole[at + rng.randrange(3) :]
        )
        try:
            parse(bad)
            read += 1
        except ParseError:
            continue
    assert 0 < read < 600


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    name = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{name}"?>' + base("<note>été à Genève</note>")
    assert parse(text.encode(encoding))[0].note == "été à Genève"


def test_a_wrong_encoding_is_named() -> None:
    text = '<?xml version="1.0" encoding="utf-8"?>' + base("<note>été</note>")
    with pytest.raises(ParseError, match=r"doc\.encoding: the bytes do not decode as utf-8"):
        parse(text.encode("latin-1"))


def test_comments_and_cdata_do_not_cut_a_text() -> None:
    assert (
        parse(base("<note>one <!-- x -->two<![CDATA[ <three>]]></note>").encode())[0].note
        == "one two <three>"
    )


@pytest.mark.parametrize(
    ("space", "version", "rule"),
    [
        ("urn:oasis:names:tc:emergency:cap:1.1", "1.1", "doc.version-old"),
        ("http://www.incident.com/cap/1.0", "1.0", "doc.version-old"),
        ("urn:oasis:names:tc:emergency:cap:9.9", "none", "doc.namespace"),
        ("", "none", "doc.namespace"),
    ],
)
def test_versions(space: str, version: str, rule: str) -> None:
    alert, findings = parse(base().replace("urn:oasis:names:tc:emergency:cap:1.2", space).encode())
    assert (alert.version, alert.identifier) == (version, "a-1")
    assert rule in {f.rule for f in findings}


def test_pairs_of_version_one() -> None:
    text = area("<geocode>FIPS6=053033</geocode>").replace(
        "urn:oasis:names:tc:emergency:cap:1.2", "http://www.incident.com/cap/1.0"
    )
    assert parse(text.encode())[0].infos[0].areas[0].geocodes == (("FIPS6", "053033"),)


def test_order_does_not_matter_and_is_reported() -> None:
    text = (
        base().replace("<status>Actual</status>", "").replace("</alert>", "<status>Actual</status></alert>")
    )
    alert, findings = parse(text.encode())
    assert alert.status == "Actual"
    assert "doc.order" in {f.rule for f in findings}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (base("<status2/>"), "doc.unknown-element"),
        (base('<x:y xmlns:x="urn:x"/>'), "doc.foreign-element"),
        (base("<password>x</password>"), "alert.password"),
        (base("<note> </note>"), "text.empty-optional"),
        (base("<note>a</note><note>b</note>"), "doc.repeated-element"),
        (base('<addresses>"a b</addresses>'), "alert.list.quotes"),
        (base().replace("Actual", "actual"), "text.enum-form"),
        (base().replace("Actual", "Real"), "text.enum-value"),
        (base().replace("-08:00", "Z"), "time.zulu"),
        (base().replace("T11:00:00-08:00", "T19:00:00+00:00"), "time.utc-plus"),
        (base().replace("-08:00", ""), "alert.sent.format"),
        (base().replace("2001-02-28", "2001-02-30"), "alert.sent.format"),
        (base().replace("2001", "2568"), "time.implausible-year"),
        (area("<polygon>1,2 3,4 x</polygon>"), "area.polygon.parse"),
        (area("<polygon>1,2 3,4 5,6 7,8</polygon>"), "area.polygon.open"),
        (area("<polygon>1,179 2,179 2,-179 1,179</polygon>"), "area.polygon.antimeridian"),
        (area("<circle>1,2</circle>"), "area.circle.parse"),
        (area("<altitude>high</altitude>"), "area.altitude.parse"),
        (area("<geocode><valueName>a</valueName><value/></geocode>"), "pair.empty"),
        (base('<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'), "signature.present"),
        (area("").replace("Likely", "Very Likely"), "info.certainty.very-likely"),
        (base(INFO.format(more="<headline>a &lt;b&gt;c&lt;/b&gt;</headline>")), "info.text.html"),
    ],
)
def test_defects_are_findings(text: str, rule: str) -> None:
    assert rule in rules(text)
    assert rule not in rules(base(INFO.format(more="")))


def test_what_cannot_be_read_is_kept_and_written_again() -> None:
    text = area("<polygon>1,2 3,4 x</polygon>").replace("T11:00:00-08:00", " noon")
    alert, _ = parse(text.encode())
    assert alert.sent is None
    assert alert.unread == (("sent", "2001-02-28 noon"),)
    assert alert.infos[0].areas[0].unread == (("polygon", "1,2 3,4 x"),)
    assert parse(render(alert))[0] == alert


def test_a_wrapper_holds_several() -> None:
    both = f"<alerts>{base()}{base().replace('a-1', 'a-2')}</alerts>".encode()
    assert [alert.identifier for alert, _ in parse_all(both)] == ["a-1", "a-2"]
    with pytest.raises(ParseError, match="got 2 messages"):
        parse(both)


@pytest.mark.parametrize(
    "text", ["2001-02-28", "2001-W09-3T10:00:00Z", "20010228T100000Z", "2001-02-28:10:00-00:00", ""]
)
def test_what_is_no_instant(text: str) -> None:
    assert read_time(text) is None


def test_forms_of_values() -> None:
    assert read_time("2001-02-28 10:54:00.25 -08:00") == datetime(2001, 2, 28, 18, 54, tzinfo=UTC)
    assert write_time(datetime(2001, 2, 28, tzinfo=UTC)) == "2001-02-28T00:00:00-00:00"
    assert [read_number(t) for t in ("1e400", "0x10", "١", " 1")] == [None] * 4
    assert read_list('"a') is None
    with pytest.raises(ValueError, match="finite"):
        write_number(float("nan"))
