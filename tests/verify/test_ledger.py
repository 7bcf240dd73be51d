"""Verdicts, misses and the summary, against cases and figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.verify.worlds import AIR, PLACES, RULE, ByDay, Departures, alert, local, stopped
from tocsin.model import DAY, HOUR, State, zone
from tocsin.verify import ledger
from tocsin.verify.outcome import Day, judge_days

NOON = local("NYC", 2001, 3, 14, 12) + timedelta(minutes=20)


def day(region, number, met, typical=240.0):
    total = 10.0 if met else typical
    return Day(region=region, day=date(2001, 3, number), total=total, typical=typical, met=met)


def days(*found):
    return {(d.region, d.day): d for d in found}


def settle(warning, judged, snapshot=None):
    chain = ledger.issued_chains([warning], "air_transport")[0]
    snapshot = snapshot or Departures(NOON + 3 * DAY)
    return ledger.settle(snapshot, AIR, RULE, chain, judged, PLACES)


NYC = {"NYC": NOON}


def test_open_until_a_day_decides():
    assert settle(alert(NOON, NYC), {}) is None
    assert settle(alert(NOON, NYC), days(day("NYC", 14, False))) is None


def test_true_on_the_first_day_is_known_early_and_closed_with_the_second():
    early = settle(alert(NOON, NYC), days(day("NYC", 14, True)))
    assert (early["verdict"], early["closed"], early["local_dates"]) == ("TRUE", False, ["2001-03-14"])
    closed = settle(alert(NOON, NYC), days(day("NYC", 14, True), day("NYC", 15, True)))
    assert (closed["verdict"], closed["closed"]) == ("TRUE", True)
    assert closed["local_dates"] == ["2001-03-14", "2001-03-15"]


def test_true_on_the_next_day():
    entry = settle(alert(NOON, NYC), days(day("NYC", 14, False), day("NYC", 15, True)))
    assert (entry["verdict"], entry["local_dates"]) == ("TRUE", ["2001-03-15"])
    assert entry["came_true_at"] == ["NYC"]


def test_the_day_after_next_does_not_count():
    judged = days(day("NYC", 14, False), day("NYC", 15, False), day("NYC", 16, True))
    assert settle(alert(NOON, NYC), judged)["verdict"] == "FALSE"


def test_another_region_does_not_make_it_true():
    judged = days(day("NYC", 14, False), day("NYC", 15, False), day("PHX", 14, True))
    assert settle(alert(NOON, NYC), judged)["verdict"] == "FALSE"


def test_a_member_that_joins_later_has_its_own_days():
    """It joined on the 15th: its 14th does not count, its 16th does."""
    warning = alert(NOON, {"NYC": NOON, "PHX": NOON + DAY})
    before = days(day("NYC", 14, False), day("NYC", 15, False), day("PHX", 14, True), day("PHX", 15, False))
    assert settle(warning, before) is None
    entry = settle(warning, before | days(day("PHX", 16, True)))
    assert (entry["verdict"], entry["came_true_at"]) == ("TRUE", ["PHX"])


def test_the_day_is_that_of_the_region():
    """03:00 UTC on the 15th is still the 14th in New York."""
    warning = alert(NOON, {"NYC": datetime(2001, 3, 15, 3, 5, tzinfo=UTC)})
    assert settle(warning, days(day("NYC", 14, True)))["verdict"] == "TRUE"


QUIET = days(day("NYC", 14, False), day("NYC", 15, False))


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.0, "SHORT_STOP"), (6.9, "SHORT_STOP"), (7.0, "FALSE"), (10.0, "FALSE")]
)
def test_a_short_stop_stays_below_seven_tenths_for_three_more_hours(value, verdict):
    hours = stopped("NYC", NOON.replace(minute=0), 3, value)
    assert settle(alert(NOON, NYC), QUIET, Departures(NOON + 3 * DAY, hours))["verdict"] == verdict


def test_a_short_stop_is_judged_over_all_members_together():
    both = days(*QUIET.values(), day("PHX", 14, False), day("PHX", 15, False))
    one = Departures(NOON + 3 * DAY, stopped("NYC", NOON.replace(minute=0), 3))
    assert settle(alert(NOON, NYC | {"PHX": NOON}), both, one)["verdict"] == "SHORT_STOP"  # 50 %
    less = Departures(NOON + 3 * DAY, stopped("NYC", NOON.replace(minute=0), 3, 5.0))
    assert settle(alert(NOON, NYC | {"PHX": NOON}), both, less)["verdict"] == "FALSE"  # 75 %


def test_hours_that_are_not_known_leave_the_verdict_open():
    hours = stopped("NYC", NOON.replace(minute=0), 3, float("nan"))
    assert settle(alert(NOON, NYC), QUIET, Departures(NOON + 3 * DAY, hours)) is None
    late = settle(alert(NOON, NYC), QUIET, Departures(NOON + 9 * DAY, hours))
    assert (late["verdict"], late["closed"]) == ("OPEN", True)


def short_stop(region, month, number, hour, *, share, at_others=()):
    """The verdict on a warning just after an hour began, with this share of departures for three hours."""
    begun = local(region, 2001, month, number, hour)
    members = dict.fromkeys((region, *at_others), begun)
    judged = days(*(
        Day(region=r, day=date(2001, month, number + k), total=160.0, typical=160.0, met=False)
        for r in members for k in (0, 1)
    ))  # fmt: skip
    hours = {k: v for r in members for k, v in stopped(r, begun, 3, 10.0 * share).items()}
    warning = alert(begun + timedelta(minutes=20), members)
    return settle(warning, judged, ByDay(begun + 3 * DAY, hours))["verdict"]


@pytest.mark.parametrize(
    ("month", "number"),
    [(3, 27), (4, 3), (4, 17), (4, 26), (10, 30), (11, 20)],
    ids=["before", "two days after", "weeks after", "the last with a week before it", "autumn", "late"],
)
@pytest.mark.parametrize("region", ["NYC", "PHX", "HNL"])
@pytest.mark.parametrize("hour", [6, 19])
def test_expected_is_taken_at_the_same_local_hours_across_the_change_of_clocks(region, month, number, hour):
    """The first and last three hours of the day. By UTC, one of New York's before would lie in the night."""
    assert short_stop(region, month, number, hour, share=0.69) == "SHORT_STOP"
    assert short_stop(region, month, number, hour, share=0.71) == "FALSE"


def test_members_of_several_zones_are_each_taken_at_their_own_hours():
    """13:00 UTC on 3 April: nine in New York, six in Phoenix, which changed no clock."""
    assert short_stop("PHX", 4, 3, 6, share=0.69, at_others=["NYC"]) == "SHORT_STOP"
    assert short_stop("PHX", 4, 3, 6, share=0.71, at_others=["NYC"]) == "FALSE"


def test_one_of_the_weeks_before_that_is_not_known_is_left_out_and_without_any_it_is_false():
    begun = NOON.replace(minute=0)
    hours = stopped("NYC", begun, 3)
    lost = {k: v for w in (1, 2, 3) for k, v in stopped("NYC", begun - w * 7 * DAY, 3, float("nan")).items()}
    later = NOON + 3 * DAY
    assert settle(alert(NOON, NYC), QUIET, Departures(later, hours | lost))["verdict"] == "SHORT_STOP"
    lost |= stopped("NYC", begun - 28 * DAY, 3, float("nan"))
    assert settle(alert(NOON, NYC), QUIET, Departures(later, hours | lost))["verdict"] == "FALSE"


@given(
    hour=st.integers(0, 365 * 24 - 1).map(lambda h: datetime(2001, 1, 1, tzinfo=UTC) + h * HOUR),
    weeks=st.integers(0, 4),
    name=st.sampled_from(["America/New_York", "America/Phoenix", "Pacific/Honolulu", "America/Los_Angeles"]),
)
def test_the_clocks_show_the_same_weeks_before(hour, weeks, name):
    then, clock = ledger.weeks_before(hour, weeks, name), zone(name)
    wanted = (hour.astimezone(clock).replace(tzinfo=None)) - weeks * 7 * DAY
    shown = then.astimezone(clock).replace(tzinfo=None)
    skipped = (wanted.date(), wanted.hour) == (date(2001, 4, 1), 2)
    assert shown == wanted or (skipped and shown == wanted + HOUR)
    assert (then.minute, then.tzinfo) == (0, UTC)


def test_a_day_that_is_not_known_is_not_judged():
    unknown = replace(day("NYC", 15, False), total=float("nan"))
    part = days(day("NYC", 14, False), unknown)
    assert settle(alert(NOON, NYC), part) is None
    edge = local("NYC", 2001, 3, 16) + 7 * DAY
    assert settle(alert(NOON, NYC), part, Departures(edge - HOUR)) is None
    late = settle(alert(NOON, NYC), part, Departures(edge))
    assert (late["verdict"], late["closed"], late["local_dates"]) == ("OPEN", True, [])
    met = days(day("NYC", 14, True), unknown)
    assert [settle(alert(NOON, NYC), met, Departures(t))["closed"] for t in (edge - HOUR, edge)] == [
        False, True,
    ]  # fmt: skip
    assert settle(alert(NOON, NYC), part | days(day("NYC", 15, True)))["verdict"] == "TRUE"


def test_a_verdict_from_real_days_end_to_end():
    snapshot = Departures(NOON + 3 * DAY, stopped("NYC", NOON.replace(minute=0), 12))
    asked = [("NYC", date(2001, 3, 14)), ("NYC", date(2001, 3, 15))]
    judged = {(d.region, d.day): d for d in judge_days(snapshot, RULE, asked, PLACES)}
    entry = settle(alert(NOON, NYC), judged, snapshot)
    assert (entry["verdict"], entry["local_dates"]) == ("TRUE", ["2001-03-14"])
    assert entry["lead_s"] == -3600
    assert entry["names"] == ["NYC"]


def test_what_was_never_issued_and_what_is_no_warning_does_not_count():
    drills = [
        alert(NOON, NYC, sent=None, state=State.DRAFT),
        alert(NOON, NYC, status="Exercise"),
        alert(NOON, NYC, msg_type="Cancel"),
        alert(NOON, NYC, domain="seismic"),
    ]
    assert ledger.issued_chains(drills, "air_transport") == []


def test_a_chain_is_its_first_message_and_its_newest_content():
    first = alert(NOON, NYC)
    second = replace(
        alert(NOON + HOUR, NYC | {"PHX": NOON + HOUR}), id=first.id[:-1] + "2", chain=first.chain, level=3
    )
    cancel = replace(alert(NOON + 2 * HOUR, NYC, msg_type="Cancel"), chain=first.chain)
    chains = ledger.issued_chains([cancel, second, first], "air_transport")
    assert [(c.first.id, c.newest.id) for c in chains] == [(first.id, second.id)]
    entry = ledger.open_entry(chains[0], AIR)
    assert (entry["verdict"], entry["level"], entry["regions"]) == ("OPEN", 3, ["NYC", "PHX"])
    assert entry["issued"] == "2001-03-14T17:20:00Z"


def missed(judged, *warnings):
    chains = ledger.issued_chains(warnings, "air_transport")
    return [(e["names"], e["local_dates"]) for e in ledger.misses(judged, chains, AIR, PLACES)]


def test_an_outcome_that_nobody_warned_of_is_a_miss():
    judged = [day("NYC", 14, True), day("PHX", 14, False)]
    assert missed(judged) == [(["NYC"], ["2001-03-14"])]


@pytest.mark.parametrize(
    ("told", "covered"),
    [
        (NOON - DAY, True),  # the day before
        (NOON, True),
        (local("NYC", 2001, 3, 15) - HOUR, True),  # in its last hour
        (local("NYC", 2001, 3, 15) + HOUR, False),  # when it was over
        (NOON - 2 * DAY, False),
    ],
)
def test_a_warning_covers_its_day_and_the_next(told, covered):
    assert missed([day("NYC", 14, True)], alert(told, {"NYC": told})) == (
        [] if covered else [(["NYC"], ["2001-03-14"])]
    )


def test_a_warning_for_another_region_or_an_exercise_covers_nothing():
    assert missed([day("NYC", 14, True)], alert(NOON, {"PHX": NOON}))
    assert missed([day("NYC", 14, True)], alert(NOON, NYC, status="Exercise"))


def test_a_miss_names_the_local_day():
    entry = ledger.misses([day("HNL", 14, True)], [], AIR, PLACES)[0]
    assert entry["onset"] == "2001-03-14T10:00:00Z"
    assert (entry["entry"], entry["verdict"], entry["alert"]) == ("miss", "MISS", None)


START = datetime(2001, 2, 1, tzinfo=UTC)


def entry(verdict, days_on, kind="warning"):
    return {
        "entry": kind, "verdict": verdict, "issued": f"{START + days_on * DAY:%Y-%m-%dT%H:%M:%SZ}",
        "local_dates": ["2001-02-02"] if verdict == "TRUE" else [],
        "came_true_at": ["NYC", "PHX"] if verdict == "TRUE" else [],
    }  # fmt: skip


def test_the_summary_counts_what_is_not_true_with_an_exact_interval():
    """Three in four weeks: Garwood's interval for n = 3 is 0.6187 to 8.7673 (tables of Ulm, 1990)."""
    rows = [
        entry("FALSE", 1), entry("SHORT_STOP", 15), entry("FALSE", 16), entry("TRUE", 2), entry("TRUE", 3),
        entry("OPEN", 27), entry("MISS", 5, "miss"),
    ]  # fmt: skip
    got = ledger.summary(rows, AIR, START, START + 28 * DAY)
    assert got["weeks"] == 4
    assert got["rate_per_week"] == 0.75
    assert got["interval"] == pytest.approx([0.6187 / 4, 8.7673 / 4], abs=2e-5)
    assert got["counts"] == {"TRUE": 2, "SHORT_STOP": 1, "FALSE": 2, "OPEN": 1}
    assert got["misses"] == 1
    assert got["worst_week"] == {"start": "2001-02-15T00:00:00Z", "count": 2}
    assert got["hit_region_days"] == 2  # two regions on one day, told twice


def test_no_false_alarm_still_has_an_upper_bound():
    """Nothing in ten weeks: 0 to 3.6889 in ten."""
    got = ledger.summary([], AIR, START, START + 70 * DAY)
    assert got["rate_per_week"] == 0
    assert got["interval"] == pytest.approx([0, 0.36889], abs=1e-5)
    assert got["worst_week"] is None


def test_no_time_gives_no_rate():
    got = ledger.summary([], AIR, START, START)
    assert (got["rate_per_week"], got["interval"]) == (None, None)


@pytest.mark.parametrize("count", [0, 1, 3, 15, 20, 400])
@pytest.mark.parametrize("span", [DAY, 7 * DAY, 150 * DAY])
def test_the_interval_leaves_a_fortieth_on_either_side(count, span):
    """Garwood: at the lower end n or more are met with 2.5 %, at the upper end n or fewer."""
    rows = [entry("FALSE", 0.5) for _ in range(count)]
    got = ledger.summary(rows, AIR, START, START + span)
    weeks = span / (7 * DAY)
    low, high = (rate * weeks for rate in got["interval"])
    assert got["rate_per_week"] == pytest.approx(count / weeks)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0
    assert low <= count <= high


def test_less_than_a_week_is_told_as_what_it_is():
    """One in two days: 3.5 a week, but with an interval that says how little that is known."""
    got = ledger.summary([entry("FALSE", 1)], AIR, START, START + 2 * DAY)
    assert got["weeks"] == pytest.approx(2 / 7)
    assert got["rate_per_week"] == pytest.approx(3.5)
    assert got["interval"] == pytest.approx([0.0253 * 3.5, 5.5716 * 3.5], abs=2e-3)
    assert got["worst_week"] == {"start": "2001-02-01T00:00:00Z", "count": 1}


def test_weeks_are_counted_from_the_start_not_from_monday():
    rows = [
        entry("FALSE", 6.99),
        entry("FALSE", 7),
        entry("FALSE", 13.99),
        entry("TRUE", 8),
        entry("OPEN", 9),
    ]
    got = ledger.summary(rows, AIR, START, START + 28 * DAY)
    assert got["worst_week"] == {"start": "2001-02-08T00:00:00Z", "count": 2}


def test_all_true_or_open_is_a_rate_of_zero_and_no_worst_week():
    got = ledger.summary([entry("TRUE", 1), entry("OPEN", 2)], AIR, START, START + 7 * DAY)
    assert (got["rate_per_week"], got["worst_week"]) == (0, None)
    assert got["interval"] == pytest.approx([0, 3.6889], abs=1e-4)
    assert got["counts"] == {"TRUE": 1, "SHORT_STOP": 0, "FALSE": 0, "OPEN": 1}


def test_an_end_before_the_start_is_no_time():
    got = ledger.summary([], AIR, START, START - DAY)
    assert (got["weeks"], got["rate_per_week"], got["interval"]) == (0, None, None)


def test_of_two_worst_weeks_the_first_is_named():
    got = ledger.summary([entry("FALSE", 20), entry("FALSE", 1)], AIR, START, START + 28 * DAY)
    assert got["worst_week"] == {"start": "2001-02-01T00:00:00Z", "count": 1}
