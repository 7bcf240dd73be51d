"""Bytes from strangers: a message or a ParseError, in time that grows with the bytes, and no call outside."""

from __future__ import annotations

import math
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cap.messages import WHOLE, alerts
from tests.cap.test_rules import CLEAN
from tocsin.cap import CapAlert, parse, parse_all, read, render
from tocsin.cap.containers import messages_in
from tocsin.cap.secure import MAX_BYTES
from tocsin.model import ParseError
from tocsin.ops.messages import check_file, convert

SEEDS = [
    render(WHOLE), CLEAN.encode(), CLEAN.replace("UTF-8", "UTF-16").encode("utf-16"),
    CLEAN.replace("UTF-8", "GB18030").encode("gb18030"),
    b"<alerts>" + CLEAN.split("?>")[1].encode() + b"</alerts>",
]  # fmt: skip
PIECES = [
    b"", b"\0", b"<", b">", b"&", b"&#0;", b"&x;", b"\xff", b"]]>", b"<!--", b"-->", b"<?x", b"<![CDATA[",
    b"<!DOCTYPE a>", b"<info>", b"</info>", b"<area/>", b' xmlns="urn:x"', b' xmlns:a="urn:x" a:b=""',
    b"9" * 400, b"1e999", b",", b"\xe2\x80\xae", b"<sent>9999-12-31T23:59:59-14:00</sent>",
    b"<sent>0001-01-01T00:00:00+14:00</sent>", b"<size>" + b"9" * 99,
]  # fmt: skip
cuts = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.sampled_from(PIECES)), min_size=1, max_size=6
)


def mutated(seed: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, piece in changes:
        at = int(place * len(seed))
        seed = seed[:at] + piece + seed[at + length :]
    return seed


def assert_a_rule(error: ParseError) -> None:
    assert str(error).startswith(("doc.doctype", "doc.not-well-formed", "doc.namespace"))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), cuts)
def test_a_damaged_message_is_read_or_refused(seed: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    content = mutated(seed, changes)
    try:
        messages = parse_all(content)
    except ParseError as error:
        assert_a_rule(error)
        return
    for alert, findings in messages:
        assert list(findings) == sorted(set(findings))
        again, _ = read(render(alert))
        assert again == alert  # what could be read can be written, and read again


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for prolog in (b"", b'<?xml version="1.0" encoding="gb18030"?>', b"<alert>"):
        try:
            parse_all(prolog + content)
        except ParseError as error:
            assert_a_rule(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_the_quick_reader_gives_the_same_message(alert: CapAlert) -> None:
    content = render(alert)
    quick, mended = read(content)
    judged, findings = parse(content)
    assert quick == judged == alert
    assert set(mended) <= set(findings)
    assert quick.infos == judged.infos


@pytest.mark.parametrize("kind", ["message", "feed"])
def test_a_file_that_is_anything_gives_rows(kind: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    content = {"message": b"\x00\x01", "feed": b"<feed xmlns='http://www.w3.org/2005/Atom'/>"}[kind]
    (tmp_path / "x.xml").write_bytes(content)
    rows = list(check_file(tmp_path / "x.xml"))
    assert rows
    assert rows[0].wrong
    with pytest.raises(ParseError):
        convert(content)


_ANGLES = [2 * math.pi * i / 60_000 for i in range(60_000)]
STAR = " ".join(  # a ring that does not cross, whose edges all overlap in the eyes of a search by boxes
    f"{(1 + i % 2) * math.cos(a):.6f},{(1 + i % 2) * math.sin(a):.6f}" for i, a in enumerate(_ANGLES)
)


def base(inside: str) -> bytes:
    return CLEAN.replace("Up to 120 mm in twelve hours.", inside).encode()


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def clean(old: str, new: str) -> bytes:
    assert old in CLEAN
    return CLEAN.replace(old, new).encode()


SECRET = (
    CLEAN.replace("UTF-8", "GB18030").replace("?>", f"?>{LAUGHS}").replace("<sender>", '<sender x="&i;">')
)
PAIRS = "10,40 11,40"
BOMBS = {
    "laughs": CLEAN.replace("?>", f"?>{LAUGHS}").replace("rain<", "&i;<").encode(),
    "laughs in an encoding that few know": SECRET.encode("gb18030"),
    "signs of tags": base("&lt;a" * 300_000),
    "signs of entities": base("&amp;a" * 300_000),
    "numbers": clean(PAIRS, "1" * 1_000_000),
    "commas": clean(PAIRS, "," * 1_000_000),
    "pairs": clean(PAIRS, "1,2 3,4 " * 150_000),
    "a star": clean(f"{PAIRS} 11,41 10,41 10,40", STAR),
    "blanks": base(" " * 2_000_000),
    "references": clean("</scope>", "</scope><references>" + "a,b " * 100_000 + "</references>"),
    "quotes": clean("</scope>", "</scope><incidents>" + '"a" ' * 500_000 + "</incidents>"),
    "elements": clean("<sender>", "<x/>" * 30_000 + "<sender>"),
    "attributes": clean("<sender>", "<sender " + " ".join(f"a{i}=''" for i in range(20_000)) + ">"),
    "namespaces": clean("<sender>", "".join(f'<x xmlns="urn:{i}"/>' for i in range(10_000)) + "<sender>"),
    "zone": clean("<sent>2026", "<sent>" + "12:" * 500_000),
    "base64": clean("AAAA", "A" * 2_000_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_time_grows_with_the_bytes_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outside(*_: object, **__: object) -> None:
        raise AssertionError("a message opened a connection")

    monkeypatch.setattr(socket, "socket", outside)
    monkeypatch.setattr(socket, "create_connection", outside)
    assert len(BOMBS[name]) < MAX_BYTES
    began = time.process_time()
    try:
        found = parse(BOMBS[name])[1]
    except ParseError as error:
        assert_a_rule(error)
    else:
        assert isinstance(found, tuple)
    assert time.process_time() - began < 5


def test_a_message_larger_than_the_limit_is_refused_and_a_container_is_not() -> None:
    inside = b"<description>" + b"a" * (MAX_BYTES // 4)
    message = CLEAN.split("?>", 1)[1].encode().replace(b"<description>", inside, 1)
    with pytest.raises(ParseError, match=r"^doc\.oversize: got a message of"):
        parse_all(message + b" " * MAX_BYTES, max_bytes=10 * MAX_BYTES)
    wrapped = b"<alerts>" + message * 4 + b"</alerts>"
    assert len(wrapped) > MAX_BYTES
    assert len(parse_all(wrapped, max_bytes=10 * MAX_BYTES)) == 4


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("gb18030", "暴雨"), ("big5", "暴雨"), ("shift_jis", "大雨"), ("euc-kr", "호우"), ("utf-16", "été"),
        ("windows-1251", "Дождь"), ("iso-8859-6", "مطر"), ("tis-620", "ฝน"), ("utf-32", "𠀀"),
    ],
)  # fmt: skip
def test_every_declared_encoding_is_read(encoding: str, word: str) -> None:
    text = CLEAN.replace("UTF-8", encoding).replace("dès midi", "").replace("à", "a").replace("è", "e")
    content = text.replace("rain</event>", f"{word}</event>").replace("ô", "o").encode(encoding)
    assert parse(content)[0].infos[0].event == word


def test_a_document_cannot_choose_the_rule_it_is_refused_for() -> None:
    found = messages_in(b"<doc.doctype>doc.oversize: x</b>")
    assert (found.outcome, [f.rule for f in found.findings]) == ("rejected", ["doc.not-well-formed"])
    found = messages_in("<a>é</a>".encode("latin-1"))
    assert [f.rule for f in found.findings] == ["doc.not-well-formed", "doc.encoding"]
