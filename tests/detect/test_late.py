"""Counts that come in late: learned cycle by cycle, corrected before they are judged, judged with doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tocsin.catalog import detectors, load_domains
from tocsin.catalog.domain_file import FOLDER, load_domain
from tocsin.detect import late
from tocsin.detect import monitors as detection
from tocsin.detect.contract import Now
from tocsin.detect.nowcast import Delays
from tocsin.detect.triangle import Triangle
from tocsin.model import (
    DAY,
    Bad,
    ConfigError,
    Kind,
    Monitor,
    Nowcasting,
    Panel,
    Quantity,
    grid_us,
    to_us,
)  # fmt: skip
from tocsin.testing.domains import places

METHODS = detectors()
START = datetime(2001, 1, 1, tzinfo=UTC)
SHARES = np.array([0.5, 0.25, 0.15, 0.1])
CLAIMS = Quantity(
    id="x.claims", domain="x", title="Claims", unit="1", kind=Kind.COUNT, bad=Bad.HIGH, step=DAY
)


def reports(seed, days=150, mean=60.0, n=3):
    """Reports by day, delay and series."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(rng.poisson(mean, (days, n)), SHARES).astype(float).transpose(0, 2, 1)


def as_known(counts, day):
    """Totals of the days 0 … day as known when ``day`` has ended."""
    delay = np.arange(counts.shape[1])[None, :, None]
    age = day - np.arange(day + 1)[:, None, None]
    return np.where(delay <= age, counts[: day + 1], 0.0).sum(1)


class Seen:
    def __init__(self, counts, day):
        self.counts, self.day, self.at = counts, day, START + (day + 1) * DAY

    def panel(self, quantity, *, regions, start, end, step):
        times = grid_us(start, end, step)
        known = as_known(self.counts, self.day)
        row = (times - to_us(START)) // (86400 * 1_000_000)
        values = np.where(
            ((row >= 0) & (row < len(known)))[:, None], known[np.clip(row, 0, self.day)], np.nan
        )
        return Panel(
            quantity=quantity, regions=tuple(regions), times=times, values=values,
            known=np.isfinite(values), at=self.at,
        )  # fmt: skip


def cycles(counts, nowcast, method="robust_ewma", days=None, skip=()):
    air = load_domains(["air_transport"])[0]
    settings = {"least": 10, "floor": 3.0} if method == "robust_ewma" else {}
    monitor = Monitor(quantity=CLAIMS, method=method, settings=settings, nowcast=nowcast)
    domain = replace(air, monitors=(monitor,), budget=None)
    watched = [r.id for r in places().values()][: counts.shape[2]]
    carried, rows = {}, {}
    for day in range(days or len(counts)):
        if day in skip:
            continue
        found = detection.run(Seen(counts, day), domain, watched, places(), METHODS, carried, 0)
        carried = found.carried
        rows[day] = found
    return rows


SETTINGS = Nowcasting(method="lawless", longest=3)


def test_the_delays_learned_step_by_step_are_those_of_the_triangle():
    counts = reports(1, days=40)
    state = late.start(3, 3)
    for day in range(40):
        known = as_known(counts, day)[::-1][:4]
        padded = np.full((4, 3), np.nan)
        padded[: len(known)] = known
        state = late.learn(state, padded, 1e12, next_period=True)
    seen = counts.copy()
    seen[np.arange(4)[None, :] > np.arange(40)[::-1, None]] = 0
    want = Delays.of(Triangle(counts=seen))
    np.testing.assert_allclose(state["reports"], want.reports)
    np.testing.assert_allclose(state["upto"], want.upto)


def test_the_newest_day_is_judged_by_what_it_will_be():
    counts = reports(2)
    rows = cycles(counts, SETTINGS)
    total = counts.sum(1)
    estimates = np.array([rows[d].rows[0].step.total for d in range(60, 150)])
    assert np.nanmean(estimates) == pytest.approx(total[60:150].mean(), rel=0.03)
    assert np.nanmean([rows[d].rows[0].values for d in range(60, 150)]) < 0.6 * total.mean()
    assert np.nanmean([rows[d].rows[0].step.expected for d in range(60, 150)]) == pytest.approx(60, rel=0.05)


def test_a_rise_that_the_delay_hides_is_found_on_its_first_day():
    counts = reports(3)
    counts[140] = reports(4, days=1, mean=150.0)[0]
    corrected = cycles(counts, SETTINGS)[140]
    assert (corrected.rows[0].step.tail < 1e-2).all()


def test_doubt_widens_the_tail():
    rng = np.random.default_rng(5)
    detector = METHODS["robust_ewma"](least=10, floor=1.0)
    state = detector.start(2)
    now = Now(time=0, season=np.zeros(2, np.int64))
    for _ in range(400):
        state, _ = detector.step(state, rng.normal(50, 5, 2), now)
    reported, mean = np.array([20.0, 20.0]), np.array([75.0, 75.0])
    copies = [{k: v.copy() for k, v in state.items()} for _ in range(2)]
    _, step = late.judge(detector, copies[0], reported, mean, np.array([0.0, 12.0]), now)
    _, plain = detector.step(copies[1], mean, now)
    assert step.tail[0] == plain.tail[0]
    assert step.tail[1] > 3 * plain.tail[1]
    np.testing.assert_array_equal(step.expected, plain.expected)
    for name in copies[0]:
        np.testing.assert_array_equal(copies[0][name], copies[1][name])  # it learned the estimate once


def test_before_the_delays_are_known_the_day_is_unknown():
    rows = cycles(reports(6), SETTINGS, days=4)
    assert np.isnan(rows[0].rows[0].step.tail).all()
    assert np.isnan(rows[0].rows[0].step.total).all()
    hidden = Nowcasting(method="lawless", longest=3, least=0.9)
    assert np.isnan(cycles(reports(6), hidden, days=60)[59].rows[0].step.total).all()


def test_a_pause_teaches_no_delay_and_breaks_nothing():
    counts = reports(7)
    rows = cycles(counts, SETTINGS, skip=range(100, 107))
    before, after = rows[99].carried, rows[107].carried
    np.testing.assert_array_equal(before["x.claims/late/reports"], after["x.claims/late/reports"])
    estimates = np.array([rows[d].rows[0].step.total for d in range(107, 150)])
    assert np.nanmean(estimates) == pytest.approx(60, rel=0.06)


def test_what_is_carried_is_small_however_long_the_past():
    rows = cycles(reports(8, days=60), SETTINGS)
    for day in (29, 59):
        kept = {k: v for k, v in rows[day].carried.items() if "/late/" in k}
        assert sum(v.nbytes for v in kept.values()) == 3 * 4 * 3 * 8


def test_a_domain_file_may_ask_for_it(tmp_path):
    text = (FOLDER / "air_transport.toml").read_text("utf-8")
    asked = text.replace("raises = true", 'raises = true\nnowcast = { method = "lawless", longest = 6 }', 1)
    (tmp_path / "air_transport.toml").write_text(asked, "utf-8")
    domain, _ = load_domain(tmp_path / "air_transport.toml")
    assert domain.monitors[0].nowcast == Nowcasting(method="lawless", longest=6)
    for wrong, words in {
        'nowcast = { method = "lawles", longest = 6 }': "nowcast.method",
        'nowcast = { method = "lawless" }': "nowcast.longest",
        'nowcast = { method = "lawless", longest = 6, windw = 3 }': "windw",
    }.items():
        (tmp_path / "air_transport.toml").write_text(
            text.replace("raises = true", f"raises = true\n{wrong}", 1)
        )
        with pytest.raises(ConfigError, match=words):
            load_domain(tmp_path / "air_transport.toml")


def test_only_counts_of_hours_or_days_can_be_late(tmp_path):
    text = (FOLDER / "economy.toml").read_text("utf-8")
    asked = text.replace('mature = "8 d"', 'mature = "8 d"\nnowcast = { longest = 6 }', 1)
    (tmp_path / "economy.toml").write_text(asked, "utf-8")
    with pytest.raises(ConfigError, match=r"monitor\.nowcast"):
        load_domain(tmp_path / "economy.toml")
