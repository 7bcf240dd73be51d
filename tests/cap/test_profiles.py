"""Profiles: a clean message of each breaks none of its rules, and each rule is broken by one change."""

from __future__ import annotations

import pytest

from tests.cap.test_rules import CLEAN
from tocsin.cap import check_profiles, parse, profiles
from tocsin.cap.profiles import every_rule, profile_named
from tocsin.model import ConfigError

LEVEL = "<parameter><valueName>awareness_level</valueName><value>3; orange; Severe</value></parameter>"
TYPE = "<parameter><valueName>awareness_type</valueName><value>10; Rain</value></parameter>"
PLACE = "<geocode><valueName>{}</valueName><value>{}</value></geocode></area>"


def made(code: str, event: str, value: str, place: str) -> str:
    """The clean message with a code, an event and a place of a profile."""
    text = CLEAN.replace("</scope>", f"</scope><code>{code}</code>").replace("</area>", place)
    text = text.replace("<altitude>100</altitude><ceiling>200</ceiling>", "")  # they follow geocode
    return text.replace(
        "<valueName>x</valueName><value>RAIN", f"<valueName>{event}</valueName><value>{value}"
    )


CANADA = made(
    "profile:CAP-CP:0.4", "profile:CAP-CP:Event:0.4", "rain", PLACE.format("profile:CAP-CP:Location:0.3", "1")
)
STATES = made("IPAWSv1.0", "SAME", "FFW", PLACE.format("SAME", "053033"))
EUROPE = CLEAN.replace("<area>", f"{LEVEL}{TYPE}<area>")
CLEAN_OF = {"cap-au": CLEAN, "cap-cp": CANADA, "ipaws": STATES, "meteoalarm": EUROPE, "wmo": CLEAN}
BREAKS = {
    "cap-au.sender-email": ("desk@example.org", "example.org"),
    "cap-au.cancel-effective": (">Alert<", ">Cancel<"),
    "cap-cp.code": ("profile:CAP-CP:0.4", "profile:other"),
    "cap-cp.eventcode": ("profile:CAP-CP:Event:0.4", "SAME"),
    "cap-cp.geocode": ("profile:CAP-CP:Location:0.3", "CLC"),
    "cap-cp.bilingual": (">fr<", ">de<"),
    "ipaws.code": ("IPAWSv1.0", "IPAWSv1"),
    "ipaws.same-event": (">FFW<", ">Flash flood<"),
    "ipaws.expires": ("<expires>2026-03-15T06:00:00+03:00</expires>", ""),
    "ipaws.same-geocode": ("053033", "53033"),
    "meteoalarm.awareness-level": ("3; orange; Severe", "orange"),
    "meteoalarm.awareness-type": ("10; Rain", "Rain"),
    "meteoalarm.level-severity": ("3; orange; Severe", "4; red; Extreme"),
    "wmo.expires": ("<expires>2026-03-15T06:00:00+03:00</expires>", ""),
    "wmo.description": ("<description>Up to 120 mm in twelve hours.</description>", ""),
    "wmo.area": (
        "<area><areaDesc>La côte</areaDesc><polygon>10,40 11,40 11,41 10,41 10,40</polygon></area>",
        "",
    ),
    "wmo.shape": ("</areaDesc><polygon>10,40 11,40 11,41 10,41 10,40</polygon></area>", "</areaDesc></area>"),
    "wmo.identifier": ("2.49.0.1.0.1", "warning-1"),
}


def fired(text: str, name: str) -> set[str]:
    return {f.rule for f in check_profiles(parse(text.encode())[0], [name])}


@pytest.mark.parametrize("name", CLEAN_OF)
def test_a_clean_message_of_the_profile(name: str) -> None:
    assert fired(CLEAN_OF[name], name) == set()


@pytest.mark.parametrize("rule", BREAKS)
def test_each_rule_fires(rule: str) -> None:
    name = rule.split(".")[0]
    old, new = BREAKS[rule]
    assert old in CLEAN_OF[name]
    assert fired(CLEAN_OF[name].replace(old, new, 1), name) == {rule}


def test_two_codes_are_as_wrong_as_none() -> None:
    one = "<eventCode><valueName>SAME</valueName><value>FFW</value></eventCode>"
    assert one in STATES
    assert fired(STATES.replace(one, one + one, 1), "ipaws") == {"ipaws.same-event"}


def test_every_profile_and_rule_has_a_case() -> None:
    assert set(CLEAN_OF) == set(profiles())
    assert set(BREAKS) == {rule for profile in profiles().values() for rule in profile.rules}
    assert set(BREAKS) < set(every_rule())


def test_an_unknown_profile_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"got 'ipasw', allowed: cap-au, .*Did you mean 'ipaws'"):
        profile_named("ipasw")
