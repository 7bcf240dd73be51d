"""Verdicts, misses and the summary, against cases and figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.verify.worlds import AIR, PLACES, RULE, Departures, alert, local, stopped
from tocsin.model import DAY, HOUR, State
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


def test_of_two_worst_weeks_the_first_is_named():
    got = ledger.summary([entry("FALSE", 20), entry("FALSE", 1)], AIR, START, START + 28 * DAY)
    assert got["worst_week"] == {"start": "2001-02-01T00:00:00Z", "count": 1}
