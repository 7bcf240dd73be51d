"""For which event and for how long a rejection holds: the rule alone, at its edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warn.desk import alert, at, member
from tocsin.catalog.domain_file import FOLDER, load_domain
from tocsin.model import HOUR, ConfigError, Criteria, from_plain, to_plain
from tocsin.warn.rejection import Rejection, Weighed, goes_on, reject_first, weigh

CRITERIA = Criteria(hold=timedelta(hours=12), rejection_holds=timedelta(hours=24), rejection_growth=0.5)
SEA, BFI = member(), member("US-AIR-BFI", "BFI")
THEN = at("10:00")


def draft(when=THEN, *members, number=1, **changes):
    return alert(number, members=members or (SEA,), created_at=when, inputs=("cycle:abc",), **changes)


def rejected(**changes):
    return reject_first(draft(at("09:30"), **changes), at=THEN, criteria=CRITERIA)


def barred(asked, *rejections):
    return [r.id for r in weigh(asked, rejections, CRITERIA).barred_by]


def test_a_rejection_holds_for_the_release_time_when_the_alarm_ends_at_once():
    one = rejected()
    assert one.until == THEN + CRITERIA.hold
    assert barred(draft(one.until - HOUR / 60), one) == [one.id]
    assert weigh(draft(one.until), [one], CRITERIA) == Weighed()


def test_an_alarm_that_goes_on_moves_the_end_but_not_beyond_the_limit():
    one = rejected()
    later = goes_on(one, at=THEN + 5 * HOUR, criteria=CRITERIA)
    assert later.until == THEN + 17 * HOUR
    last = goes_on(later, at=THEN + 23 * HOUR, criteria=CRITERIA)
    assert last.until == THEN + 24 * HOUR
    assert goes_on(last, at=THEN, criteria=CRITERIA) == last
    asked = weigh(draft(last.until), [last], CRITERIA)
    assert asked.barred_by == ()
    assert "24 h ago" in asked.because
    assert "goes on" in asked.because


def test_after_the_release_time_it_is_a_new_event_and_nobody_is_reminded():
    ended = goes_on(rejected(), at=THEN + HOUR, criteria=CRITERIA)
    assert weigh(draft(THEN + 13 * HOUR), [ended], CRITERIA) == Weighed()


@pytest.mark.parametrize(("level", "held"), [(1, True), (2, True), (3, False)])
def test_a_higher_level_is_asked_and_no_other(level, held):
    assert bool(barred(draft(level=level), rejected())) is held
    if not held:
        assert weigh(draft(level=level), [rejected()], CRITERIA).because == (
            "level 2 was rejected as us.air.1, now it is 3"
        )


def test_elsewhere_or_in_another_domain_it_does_not_hold():
    assert barred(draft(THEN, BFI), rejected()) == []
    assert barred(draft(domain="rail"), rejected()) == []


@pytest.mark.parametrize(("had", "new", "held"), [(1, 1, False), (2, 1, False), (3, 1, True), (3, 2, False)])
def test_an_area_that_grew_by_half_is_asked(had, new, held):
    first = tuple(member(f"r{i}", f"r{i}") for i in range(had))
    more = tuple(member(f"n{i}", f"n{i}") for i in range(new))
    one = reject_first(draft(at("09:30"), *first), at=THEN, criteria=CRITERIA)
    got = weigh(draft(THEN, *first, *more), [one], CRITERIA)
    assert bool(got.barred_by) is held
    assert got.because == ("" if held else f"{new} regions more than the {had} rejected with us.air.1")


def test_two_places_that_were_rejected_apart_are_not_asked_together():
    both = [rejected(), reject_first(draft(at("09:40"), BFI, number=2), at=THEN, criteria=CRITERIA)]
    assert barred(draft(THEN, SEA, BFI), *both) == ["us.air.1", "us.air.2"]
    assert barred(draft(THEN, SEA, BFI), both[0]) == []


def test_a_report_is_known_by_its_id_not_by_its_place():
    """A second earthquake in the same county is another event; the same one elsewhere is not."""
    first = replace(draft(), inputs=("usgs:one", "f" * 64, "cycle:abc"))
    one = reject_first(first, at=THEN, criteria=CRITERIA)
    assert one.report == "usgs:one"
    assert barred(replace(first, inputs=("usgs:one", "e" * 64, "cycle:def")), one) == [first.id]
    assert barred(replace(first, inputs=("usgs:two", "e" * 64, "cycle:def")), one) == []
    assert barred(draft(), one) == []


@pytest.mark.parametrize("changes", [{"author": "duty"}, {"msg_type": "Update"}, {"status": "Exercise"}])
def test_what_the_system_did_not_ask_first_holds_nothing_back(changes):
    assert reject_first(replace(draft(), **changes), at=THEN, criteria=CRITERIA) is None


def test_it_survives_the_store():
    one = rejected()
    assert from_plain(Rejection, to_plain(one)) == one


hours = st.integers(0, 60 * 60).map(lambda m: timedelta(minutes=m))


@given(alarms=st.lists(hours, max_size=12), asked=hours, level=st.integers(1, 4))
def test_it_never_holds_longer_than_the_limit_nor_against_a_higher_level(alarms, asked, level):
    one = rejected()
    for moment in alarms:
        if THEN + moment < one.until:
            one = goes_on(one, at=THEN + moment, criteria=CRITERIA)
    held = bool(barred(draft(THEN + asked, level=level), one))
    assert one.until <= THEN + CRITERIA.rejection_holds
    if asked >= CRITERIA.rejection_holds or level > 2:
        assert not held
    elif asked < CRITERIA.hold:
        assert held


def test_a_domain_says_it_in_its_file(tmp_path):
    own = (FOLDER / "seismic.toml").read_text().replace(
        "[criteria]", '[criteria]\nrejection_holds = "6 h"\nrejection_growth = 1.5'
    )  # fmt: skip
    path = tmp_path / "seismic.toml"
    path.write_text(own)
    criteria = load_domain(path)[0].criteria
    assert (criteria.rejection_holds, criteria.rejection_growth) == (timedelta(hours=6), 1.5)
    for wrong in ("rejection_growth = 0", 'rejection_holds = "soon"'):
        path.write_text((FOLDER / "seismic.toml").read_text().replace("[criteria]", f"[criteria]\n{wrong}"))
        with pytest.raises(ConfigError, match=wrong.split()[0]):
            load_domain(path)
