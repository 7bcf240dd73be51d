"""Calibration of a domain, the rehearsal that it rests on, and a country where nothing happens."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.cycle import small_world as small
from tocsin.cli import calibrate as cli
from tocsin.cli.main import main
from tocsin.detect import drift
from tocsin.model import DAY, HOUR, Budget, ConfigError, MethodError
from tocsin.ops import calibrate, loop, overlay, queries
from tocsin.ops.health import examine
from tocsin.ops.null_world import WEEK, garwood, null_world
from tocsin.ops.plan import make_plan
from tocsin.ops.queries.drifts import drifts
from tocsin.ops.rehearsal import Held, all_false, listen, moments_of, rehearse

DAYS = 24
STOPS = (
    (("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR"), 14 * 24 + 9, 30),  # a stop that comes true
    (("US-AIR-SEA",), 18 * 24 + 17, 3),  # one that does not: the day is nearly normal
)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = small.office(tmp_path_factory.mktemp("calibrate"), small.flights(3, DAYS, STOPS))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def plan(office):
    return calibrate.plan_of(office, "air_transport", start=small.START, end=small.START + 20 * DAY)


@pytest.fixture(scope="module")
def rows(office, plan):
    return calibrate.calibrate(office, plan, also=["robust_ewma"])


# -- the rehearsal


def held(values, begin=datetime(2001, 1, 1, tzinfo=UTC), at=None, step=HOUR):
    at = begin + len(values) * step if at is None else at
    names = tuple(f"r{i}" for i in range(values.shape[1]))
    return Held(at=at, begin=begin, step=step, regions=names, values={"q": values})


def test_what_is_held_knows_no_period_that_is_not_over():
    values = np.arange(10.0)[:, None]
    begin = datetime(2001, 1, 1, tzinfo=UTC)
    seen = held(values, at=begin + 4 * HOUR + timedelta(minutes=59))
    panel = seen.panel("q", regions=("r0",), start=begin - HOUR, end=begin + 6 * HOUR, step=HOUR)
    np.testing.assert_array_equal(panel.values[:, 0], [np.nan, 0, 1, 2, 3, np.nan, np.nan])
    with pytest.raises(MethodError, match="step"):
        seen.panel("q", regions=("r0",), start=begin, end=begin + DAY, step=DAY)


def test_a_rehearsal_warns_as_the_real_loop_does(tmp_path):
    """The same flights through the store, cycles, desk and ledger: the same chains, at the same moments."""
    real = small.office(tmp_path, small.flights(3, DAYS, STOPS))
    world = loop.World()
    desk = loop.DeskPolicy(submit_after=timedelta(0), approve_after=timedelta(0))
    found = real.plan
    for at in small.moments(small.START, 20 * 24):
        loop.turn(real, found, real.store.as_of(at), world, mode="replay", desk=desk, archives=small.ARCHIVES)
    alerts = {a.chain: a for a in real.store.list("alert", at=small.LATER) if a.sent is not None}
    real.store.close()
    assert len(alerts) >= 2

    domain = found.domains[0]
    plan = calibrate.Plan(
        domain=domain,
        start=small.START.replace(minute=0),
        end=small.START.replace(minute=0) + 20 * DAY,
        counted=small.START,
    )
    again = small.office(tmp_path / "again", small.flights(3, DAYS, STOPS))
    kept = calibrate.hold(again, plan)
    again.store.close()
    moments = small.moments(small.START, 20 * 24)
    heard, _ = listen(kept, domain, found.regions, real.detectors, moments, lowest=1.0)
    verdict = calibrate._verdict(domain, kept, again)
    told = rehearse(heard, domain, found.regions, domain.budget, verdict)
    assert {c.chain.split(".", 2)[2] for c in told.chains} == {c.split(".", 2)[2] for c in alerts}


def test_a_fixed_threshold_stands_still_and_a_budget_moves(office, plan):
    kept = calibrate.hold(office, plan)
    domain = plan.domain
    method = next(m for m in domain.monitors if m.raises)
    moments = moments_of(plan.start, plan.end, HOUR, method.mature)
    heard, _ = listen(kept, domain, office.plan.regions, office.detectors, moments, lowest=1.0)
    fixed = Budget(per_week=1, aim=1, gain=0.0, start=3.0, shadow=timedelta(0))
    still = rehearse(heard, domain, office.plan.regions, fixed, all_false(2 * DAY))
    assert set(still.thresholds) == {3.0}
    assert still.wrong == len(still.verdicts) > 0
    moving = rehearse(
        heard, domain, office.plan.regions, replace(fixed, gain=0.3, aim=0.5), all_false(2 * DAY)
    )
    weeks = (heard[-1].at - heard[0].at) / WEEK
    drift = (moving.thresholds[-1] - 3.0) / 0.3
    assert moving.wrong == pytest.approx(0.5 * weeks + drift, abs=1e-6)  # the identity of the controller
    stricter = rehearse(heard, domain, office.plan.regions, replace(fixed, start=30.0), all_false(2 * DAY))
    assert stricter.chains == ()


# -- the calibration


def test_the_threshold_keeps_the_aim_and_the_next_lower_one_does_not(rows, plan):
    own = rows[0]
    assert own.method == "seasonal_count"
    rates = {threshold: rate for threshold, rate, _ in own.curve}
    assert own.rate == rates[own.threshold] <= plan.domain.budget.aim
    lower = max((s for s in rates if s < own.threshold), default=None)
    if lower is not None:
        assert rates[lower] > plan.domain.budget.aim
    assert (own.low, own.high) == garwood(own.wrong, own.weeks)
    assert own.true >= 1  # the long stop of three airports came true and is not charged


def test_planted_hazards_cover_sixteen_scenarios_and_larger_ones_are_found_more_often(rows):
    own = rows[0]
    assert len(own.power) >= 16
    found = {(p["shape"], p["size"]): p["found"] for p in own.power}
    assert found["long", 1.0] > 0.5
    assert found["long", 1.0] >= found["long", 0.25]
    assert all(p["planted"] > 0 for p in own.power)
    delays = [p["delay_h"] for p in own.power if p["delay_h"] is not None]
    assert min(delays) >= 1
    shares = [share for _, _, share in own.curve]
    assert shares == sorted(shares, reverse=True)  # a stricter threshold finds no more


def test_the_rate_under_dependence_is_that_of_the_own_method(office, plan, rows):
    (drawn,) = calibrate.calibrate(office, plan, courses=2)
    found = drawn.dependent
    assert rows[0].dependent is rows[1].dependent is None
    same = replace(drawn, dependent=None)  # the calibration itself is the same
    assert asdict(rows[0]) == asdict(same)
    assert (found.courses, found.start) == (2, drawn.threshold)
    assert found.per_week == plan.domain.budget.per_week
    for rate in (found.still, found.steered):
        assert rate.weeks == pytest.approx(2 * 10 / 7)
        assert rate.low <= rate.rate <= rate.high
    assert found.holds == (found.steered.rate <= 1.2 * found.per_week)
    own, steered = cli._dependent(drawn, found)
    assert (own["threshold"], own["interval"]) == ("stands still", [found.still.low, found.still.high])
    assert (steered["threshold"], steered["holds"]) == ("controlled", found.holds)


def test_another_method_takes_over_what_it_shares(rows):
    assert rows[1].method == "robust_ewma"
    assert rows[1].settings == {"side": "low", "season": "hour_of_week"}


def test_the_preview_shows_both_and_a_higher_start_warns_no_more(office, plan):
    before, after = calibrate.preview(
        office, plan, plan.domain.budget.start + 1.0, start=small.START, end=plan.end
    )
    assert [before.name, after.name] == ["before", "after"]
    assert len(after.warnings) <= len(before.warnings)
    assert {"issued", "names", "verdict"} == set(before.warnings[0])
    assert "TRUE" in {w["verdict"] for w in before.warnings}


@pytest.mark.parametrize(
    ("name", "end", "words"),
    [
        ("seismik", 20, "DOMAIN"),
        ("air_transport", 3, "--end"),
    ],
)
def test_what_cannot_be_calibrated_is_said(office, name, end, words):
    with pytest.raises(ConfigError, match=words):
        calibrate.plan_of(office, name, start=small.START, end=small.START + end * DAY)


def test_without_a_run_the_start_must_be_named(office):
    with pytest.raises(ConfigError, match="--start"):
        calibrate.plan_of(office, "air_transport", start=None, end=None)


def test_the_figure_is_the_same_every_time(rows, tmp_path):
    pytest.importorskip("matplotlib")
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    calibrate.draw(one, rows)
    calibrate.draw(two, rows)
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(ConfigError, match="--figure"):
        calibrate.draw(tmp_path / "one.pdf", rows)


# -- what is written


def test_what_is_written_is_read_with_the_next_plan(office, tmp_path):
    shipped = make_plan(office.pack, ["air_transport"], store=tmp_path)
    overlay.write(tmp_path, "air_transport", start=3.9, reason="Because it was measured.", at=small.LATER)
    set_ = make_plan(office.pack, ["air_transport"], store=tmp_path)
    assert set_.domains[0].budget == replace(shipped.domains[0].budget, start=3.9)
    assert set_.id != shipped.id == make_plan(office.pack, ["air_transport"]).id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[budget]\nstart = 3.0\n", "reason"),
        ('reason = "long enough a reason"\n[budget]\nstart = -1\n', "budget.start"),
        ('reason = "long enough a reason"\n[budget]\nstop = 1\n', "budget.stop"),
        ('reason = "long enough a reason"\n[criteria]\n', "budget"),
        ("reason = \n", "file"),
    ],
)
def test_a_bad_overlay_is_refused_by_name(office, tmp_path, text, words):
    (tmp_path / overlay.FOLDER).mkdir()
    (tmp_path / overlay.FOLDER / "air_transport.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=words):
        make_plan(office.pack, ["air_transport"], store=tmp_path)


def test_a_domain_without_a_budget_takes_no_overlay(office, tmp_path):
    overlay.write(tmp_path, "seismic", start=3.9, reason="Because it was measured.", at=small.LATER)
    with pytest.raises(ConfigError, match="budget"):
        make_plan(office.pack, ["seismic"], store=tmp_path)


# -- a country where nothing happens


@pytest.mark.parametrize("shared", [0.0, 0.3])
def test_the_budget_holds_where_nothing_happens(shared):
    found = null_world(seed=5, rows=20, columns=25, weeks=30, per_week=6.0, shared=shared)
    assert found.series == 500
    assert found.alarms > 100
    assert found.holds, found.rate
    assert found.low <= found.per_week <= found.high


def test_the_null_can_fail():
    """The check of the budget is no tautology: a start that is far off is not made good in three weeks."""
    found = null_world(seed=5, rows=10, columns=10, weeks=3, learn_weeks=6, per_week=2.0, start=7.0)
    assert not found.holds


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.15])
def test_the_budget_holds_over_five_thousand_series_and_four_hundred_alarms(shared):
    found = null_world(seed=1, shared=shared)
    assert found.series == 5000
    assert found.alarms >= 400
    assert found.holds, found.rate


# -- live


def test_a_run_says_whether_its_tails_drift(tmp_path):
    made = small.office(tmp_path, small.flights(3, 4))
    assert drifts(made, small.LATER) == []
    world = loop.World()
    for at in small.moments(small.START, 60):
        loop.turn(made, made.plan, made.store.as_of(at), world, mode="live", desk=None, archives={})
    made.store.save_state(made.plan.id, at, world.carried)
    found = drifts(made, small.LATER)
    assert {row["quantity"] for row in found} == {m.quantity.id for m in made.plan.domains[0].monitors}
    assert not any(row["drifts"] for row in found)
    assert all("times as often" in row["words"] for row in found)
    assert queries.status(made, small.LATER)["calibration"] == []

    bad = drift.start()
    for day in range(60):
        bad = drift.learn(bad, np.linspace(0.001, 1, 1000) / 3, day * drift.DAY_US)
    made.store.save_state(
        made.plan.id, at + HOUR, {**world.carried, "air_transport/detect/air_transport.landings/drift": bad}
    )
    words = "air_transport.landings: tails below 0.1 come 3 times as often as they say"
    assert words in queries.status(made, small.LATER)["calibration"]
    made.store.close()
    (check,) = (c for c in examine(tmp_path, now=small.LATER) if c.name == "calibration")
    assert not check.ok
    assert check.detail == f"calibration drifts: {words.replace('0.1', '0.001')}"  # the one that matters most


def test_the_command_needs_a_domain_or_null(capsys):
    assert main(["detect", "calibrate"]) == 2
    assert "null" in capsys.readouterr().err
