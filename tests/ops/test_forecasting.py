"""Forecasts are made once a slot from what is known then, kept, and scored when the truth is known."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.cycle import small_world as small
from tocsin.feeds import all_feeds
from tocsin.geo.rollup import lineage
from tocsin.model import DAY, Basis, ConfigError, MethodError, Observation, Outlook, parse_time
from tocsin.ops import forecasting
from tocsin.ops.office import open_office

RATE = "economy.unemployment_rate.finance"
SOURCES = {name: feed.SOURCE for name, feed in all_feeds().items()}
LATER = datetime(2010, 1, 1, tzinfo=UTC)
OUTLOOK = Outlook(
    quantities=(RATE,), method="conformal", settings={"member": "seasonal_naive", "origins": 24},
    steps=3, every=30 * DAY, past=3700 * DAY, season=1,
)  # fmt: skip


def month(k):
    return datetime(2000 + k // 12, k % 12 + 1, 1, tzinfo=UTC)


def rate(k, value, known=None):
    return Observation(
        quantity=RATE, region="US", valid_time=month(k), known_at=known or month(k + 1) + 5 * DAY,
        value=value, source="bls_unemployment", raw="a" * 64, basis=Basis.RELEASE,
    )  # fmt: skip


@pytest.fixture
def office(tmp_path):
    made = open_office(tmp_path / "store", domains=("economy",), pack="us", create=True)
    values = 4 + np.cumsum(np.random.default_rng(1).normal(0, 0.2, 60))
    made.store.add([rate(k, float(v)) for k, v in enumerate(values.round(1))], ingest="a", at=LATER)
    with contextlib.closing(made.store):
        yield made


def plan_of(office, *outlooks):
    plan = office.plan
    (domain,) = plan.domains
    return replace(plan, domains=(replace(domain, outlooks=outlooks),))


def at(k, day=10):
    return month(k).replace(day=day)


def made(office, plan, moments, slots=None):
    slots = {} if slots is None else slots
    return [
        forecasting.make_due(office, plan, office.store.as_of(moment), SOURCES, slots) for moment in moments
    ]


def test_one_forecast_a_slot_also_after_a_restart(office):
    plan = plan_of(office, OUTLOOK)
    assert made(office, plan, [at(30), at(30, 11), at(32)]) == [1, 0, 1]
    assert made(office, plan, [at(30), at(32)]) == [0, 0]
    assert len(office.store.list("forecast")) == 2


def test_a_forecast_rests_on_what_was_known_then(office):
    plan = plan_of(office, OUTLOOK)
    made(office, plan, [at(30)])
    (body,) = office.store.list("forecast")
    assert body["times"] == ["2002-07-01T00:00:00Z", "2002-08-01T00:00:00Z", "2002-09-01T00:00:00Z"]
    told = forecasting.unpack(body)
    newest = (
        office.store.as_of(at(30)).cells(quantity=RATE, start=month(29), end=month(30))["value"][0].as_py()
    )
    assert told.shape == (3, 7, 1)
    assert (np.diff(told, axis=1) >= 0).all()
    assert abs(forecasting.unpack(body, "yardstick")[0, 3, 0] - newest) < 1e-6
    # Before it was made it is not known, and so is none of its scores.
    assert office.store.list("forecast", at=at(30) - DAY) == []


def test_what_comes_later_changes_no_forecast_and_no_score_of_the_past(office, tmp_path):
    plan = plan_of(office, OUTLOOK)
    made(office, plan, [at(k) for k in range(30, 40, 2)])
    before = forecasting.score(office, at(40))
    office.store.add([rate(33, 99.0, known=at(50))], ingest="b", at=LATER)
    assert forecasting.score(office, at(40)) == before
    assert forecasting.score(office, at(55)) != before


def test_scores_are_crps_beside_the_naive_by_step(office):
    plan = plan_of(office, OUTLOOK)
    made(office, plan, [at(k) for k in range(24, 56, 2)])
    rows = forecasting.score(office, at(59))
    assert [r["step"] for r in rows] == [1, 2, 3]
    for row in rows:
        assert row["method"] == "conformal"
        assert row["forecasts"] == row["pairs"] == 16
        assert row["with_unknown"] == 0
        assert row["skill"] == pytest.approx(1 - row["crps"] / row["crps_naive"])
        assert 0.5 <= row["coverage"] <= 1
        assert row["interval"] == pytest.approx(0.9)
    assert rows[0]["crps"] < rows[2]["crps"]  # farther is harder


def test_outcomes_that_are_not_known_yet_are_not_scored(office):
    plan = plan_of(office, OUTLOOK)
    made(office, plan, [at(30)])
    rows = forecasting.score(office, at(30))
    assert [r["pairs"] for r in rows] == [0, 0, 0]
    assert np.isnan(rows[0]["crps"])
    assert [r["pairs"] for r in forecasting.score(office, at(32))] == [1, 1, 0]


def test_a_forecast_that_cannot_be_made_is_kept_as_unknown_with_the_reason(office):
    made(office, plan_of(office, OUTLOOK), [at(0), at(4)])
    none, short = office.store.list("forecast")
    assert "no value" in none["unknown"][""]
    assert none["times"] == []
    assert "fewer than 8" in short["unknown"]["US"]
    rows = forecasting.score(office, at(20))
    assert {r["with_unknown"] for r in rows} == {2}
    assert {r["pairs"] for r in rows} == {0}


def test_a_domain_file_says_what_is_forecast(tmp_path):
    from tocsin.catalog.domain_file import FOLDER, load_domain

    text = (FOLDER / "economy.toml").read_text("utf-8")
    (outlook,) = load_domain(FOLDER / "economy.toml")[0].outlooks
    assert len(outlook.quantities) == 14
    assert outlook.method in text
    for old, new, words in (
        ('method = "conformal"', 'method = "conform"', r"forecast\.method"),
        ("origins = 36", "origin = 36", r"forecast\.settings"),
        ("origins = 36", "origins = 0", "origins: got 0"),
        ('every = "30 d"', 'every = "0 d"', r"forecast\.every"),
    ):
        assert old in text
        (tmp_path / "economy.toml").write_text(text.replace(old, new), "utf-8")
        with pytest.raises(ConfigError, match=words):
            load_domain(tmp_path / "economy.toml")


# -- forecasts that add up


@pytest.fixture(scope="module")
def airports(tmp_path_factory):
    made = small.office(tmp_path_factory.mktemp("airports"), small.flights(3, 14, ()))
    yield made
    made.store.close()


FLIGHTS = Outlook(
    quantities=("air_transport.departures",), method="seasonal_naive", settings={"season": 24},
    steps=3, every=DAY, past=13 * DAY, season=24, reconcile="mint_shrink",
)  # fmt: skip


def test_reconciled_records_keep_the_totals_and_are_scored_with_their_sums(airports):
    plan = airports.plan
    watched = (*plan.watched["air_transport"], "US-AIR-ORD")  # of which nothing is known
    plan = replace(
        plan,
        domains=(replace(plan.domains[0], outlooks=(FLIGHTS,)),),
        watched=dict(plan.watched) | {"air_transport": watched},
    )
    assert made(airports, plan, [small.START + 9 * DAY]) == [1]
    (body,) = airports.store.list("forecast")
    assert body["reconcile"] == "mint_shrink"
    mean = dict(zip(body["regions"], forecasting.unpack_mean(body).T, strict=True))
    known = [r for r in plan.watched["air_transport"] if r not in body["unknown"]]
    assert sorted(known) == sorted(small.AIRPORTS)
    np.testing.assert_allclose(mean["US"], sum(mean[r] for r in known), rtol=1e-12)
    for region in ("US-25", "US-53", "US-04"):  # a state of one airport each
        inside = [r for r in known if region in lineage(plan.regions, r)]
        np.testing.assert_allclose(mean[region], sum(mean[r] for r in inside), rtol=1e-12)
    assert set(body["unknown"]) == {"US-AIR-ORD"}
    assert body["partial"]["US"] == "without US-AIR-ORD, unknown"
    assert forecasting.unpack(body).shape == (3, 7, len(body["regions"]))

    rows = forecasting.score(airports, small.START + 12 * DAY)
    assert [r["step"] for r in rows] == [1, 2, 3]
    sums = set(body["parents"].values())
    assert {r["pairs"] for r in rows} == {len(known) + len(sums)}
    came = forecasting._outcome(
        airports.store.as_of(small.START + 12 * DAY), body, parse_time(body["times"][0])
    )
    came = dict(zip(body["regions"], came, strict=True))
    assert came["US"] == sum(came[r] for r in known)


def test_a_record_of_regions_alone_has_no_means(office):
    made(office, plan_of(office, OUTLOOK), [at(30)])
    (body,) = office.store.list("forecast")
    with pytest.raises(MethodError, match="no means"):
        forecasting.unpack_mean(body)


def test_a_domain_file_may_ask_for_sums_of_counts_only(tmp_path):
    from tocsin.catalog.domain_file import FOLDER, load_domain

    text = (FOLDER / "air_transport.toml").read_text("utf-8")
    outlook = (
        '\n[[forecast]]\nquantity = "{}"\nmethod = "seasonal_naive"\nsteps = 1\nevery = "1 d"\n'
        'past = "14 d"\nreconcile = "{}"\n'
    )
    path = tmp_path / "air_transport.toml"
    path.write_text(text + outlook.format("air_transport.departures", "ols"), "utf-8")
    assert load_domain(path)[0].outlooks[0].reconcile == "ols"
    for quantity, how, words in (
        ("air_transport.arrival_delay", "ols", r"forecast\.reconcile.*counts"),
        ("air_transport.departures", "best", r"forecast\.0\.reconcile"),
    ):
        path.write_text(text + outlook.format(quantity, how), "utf-8")
        with pytest.raises(ConfigError, match=words):
            load_domain(path)
