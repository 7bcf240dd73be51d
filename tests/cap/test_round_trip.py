from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.cap.messages import KING, SENT, WHOLE, alerts
from tocsin.cap import CapAlert, CapArea, CapInfo, check, parse, render
from tocsin.model import ShapeError


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(alerts)
def test_reading_what_was_written_gives_the_same_message(alert: CapAlert) -> None:
    content = render(alert)
    again, _ = parse(content)
    assert again == alert
    assert render(again) == content


def test_the_whole_message_comes_back_without_an_error() -> None:
    again, findings = parse(render(WHOLE))
    assert again == WHOLE
    assert [f.rule for f in findings if f.level == "error"] == []
    assert again.infos[0].areas[0] == KING


def test_order_of_the_standard() -> None:
    root = etree.fromstring(render(WHOLE))
    names = [etree.QName(node).localname for node in root]
    assert names == [
        "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses",
        "code", "note", "references", "incidents", "info",
    ]  # fmt: skip
    info = list(dict.fromkeys(etree.QName(node).localname for node in root[-1]))
    assert info == [
        "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience",
        "eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction",
        "web", "contact", "parameter", "resource", "area",
    ]  # fmt: skip


def test_utc_is_minus_zero_and_a_local_offset_is_kept() -> None:
    assert b"<sent>2001-02-28T19:00:00-00:00</sent>" in render(WHOLE)
    local = dataclasses.replace(WHOLE, sent=SENT.astimezone(timezone(timedelta(hours=-8))))
    assert b"<sent>2001-02-28T11:00:00-08:00</sent>" in render(local)
    assert local == WHOLE  # the same instant is the same message


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="sent: got 2001-02-28T19:00:00 without a zone"):
        CapAlert(identifier="a", sender="b", sent=datetime(2001, 2, 28, 19))  # noqa: DTZ001


def test_fractions_of_a_second_do_not_exist_in_cap() -> None:
    assert CapAlert(identifier="a", sender="b", sent=SENT + timedelta(microseconds=7)).sent == SENT


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\ufffe", "\ud800"])
def test_a_character_that_xml_cannot_carry_is_refused_by_name(bad: str) -> None:
    with pytest.raises(ShapeError, match="note: got the character"):
        render(dataclasses.replace(WHOLE, note=f"a{bad}b"))


def test_an_item_with_a_quote_is_refused() -> None:
    with pytest.raises(ShapeError, match="addresses"):
        render(dataclasses.replace(WHOLE, addresses=('a"b',)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        CapArea(area_desc="x", circles=((1.0, 2.0, bad),))
    with pytest.raises(ValueError, match="finite"):
        CapArea(area_desc="x", altitude=bad)


def test_tiny_numbers_are_written_without_an_exponent() -> None:
    area = CapArea(area_desc="x", circles=((1e-7, -1e-7, 5e-324),))
    content = render(dataclasses.replace(WHOLE, infos=(CapInfo(areas=(area,)),)))
    assert b"e-" not in content.split(b"<circle>")[1].split(b"</circle>")[0]
    assert parse(content)[0].infos[0].areas[0] == area


def test_check_knows_the_musts() -> None:
    bad = CapAlert(
        identifier="a b",
        sender="x,y",
        sent=SENT,
        msg_type="Cancel",
        scope="Private",
        infos=(
            CapInfo(
                category=("Weather",),
                event="",
                expires=SENT,
                web="relative",
                areas=(
                    CapArea(
                        area_desc="",
                        polygons=(((1.0, 2.0), (3.0, 4.0), (95.0, 6.0)),),
                        ceiling=3.0,
                        circles=((1.0, 2.0, -1.0),),
                    ),
                ),
            ),
        ),
    )
    errors = {f.rule for f in check(bad) if f.level == "error"}
    assert errors == {
        "alert.identifier.chars", "alert.sender.chars", "alert.references.missing", "text.enum-value",
        "alert.scope.addresses-missing", "info.event.empty", "info.expires.not-after-start",
        "info.web.not-absolute", "area.desc.empty", "area.polygon.few", "area.polygon.open",
        "area.coords.range", "area.circle.negative", "area.ceiling.no-altitude", "doc.schema",
    }  # fmt: skip


def test_a_clean_message_has_no_finding_but_its_status() -> None:
    clean = dataclasses.replace(WHOLE, status="Actual", note=None)
    assert [f.rule for f in check(clean)] == ["resource.uri.relative-no-deref"][:0]


def test_a_message_that_names_itself_or_a_later_one() -> None:
    later = "desk@example.org,x-9,2001-03-01T00:00:00-00:00"
    alert = dataclasses.replace(WHOLE, references=(WHOLE.reference, later, "no-parts", "a,b,yesterday"))
    assert {f.rule for f in check(alert)} >= {
        "alert.references.self", "alert.references.postdated", "alert.references.form",
        "alert.references.time",
    }  # fmt: skip


def test_equal_words_of_two_languages_are_reported() -> None:
    text = "the same words in both languages"
    infos = (CapInfo(language="en", headline=text), CapInfo(language="fr", headline=text, category=("Geo",)))
    rules = {f.rule for f in check(CapAlert(identifier="a", sender="b", sent=SENT, infos=infos))}
    assert rules >= {"info.text.same-two-languages", "info.category.differs"}
