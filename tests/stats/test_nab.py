"""The NAB score: by hand, and against a plain walk through the rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.stats import nab

STANDARD = nab.PROFILES["standard"]


def walked(score, windows, threshold, profile):
    """The rule as it is told: row after row."""

    def sigmoid(place):
        return -1.0 if place > 3 else 2 / (1 + math.exp(5 * place)) - 1

    best, total, last = {}, 0.0, None
    for row, value in enumerate(score):
        inside = [k for k, (begin, end) in enumerate(windows) if begin <= row <= end]
        if inside:
            begin, end = windows[inside[0]]
            worth = sigmoid(-(end - row + 1) / (end - begin + 1)) / sigmoid(-1.0) * profile.hit
        else:
            worth = -1.0 if last is None else sigmoid((row - last[1]) / max(last[1] - last[0], 1))
            worth *= profile.false_alarm
        if row >= nab.probation(len(score)):
            if inside:
                best.setdefault(inside[0], -profile.miss)
                if value >= threshold:
                    best[inside[0]] = max(best[inside[0]], worth)
            elif value >= threshold:
                total += worth
        if inside and row == windows[inside[0]][1]:
            last = windows[inside[0]]
    return total + sum(best.values()), len(best)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_it_is_the_rule_row_after_row(data):
    n = data.draw(st.integers(20, 120))
    cuts = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=2, max_size=6)))
    windows = list(zip(cuts[::2], cuts[1::2], strict=False))
    score = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9]), min_size=n, max_size=n)))
    profile = nab.PROFILES[data.draw(st.sampled_from(sorted(nab.PROFILES)))]
    rows = nab.judged(score, np.arange(n), windows)
    for threshold in (0.0, 0.2, 0.7, 1.0):
        want, many = walked(score, windows, threshold, profile)
        assert nab.raw(rows, threshold, profile) == pytest.approx(want, abs=1e-12)
        assert rows.windows == many


def test_the_sweep_finds_the_best_threshold():
    rng = np.random.default_rng(1)
    series = []
    for _ in range(4):
        score = rng.random(300).round(2)
        score[[120, 200]] += 0.3
        series.append(nab.judged(score, np.arange(300), [(110, 140), (190, 230)]))
    for profile in nab.PROFILES.values():
        threshold, scale = nab.sweep(series, profile)
        every = np.unique(np.concatenate([s.score for s in series]))
        totals = [sum(nab.raw(s, t, profile) for s in series) for t in [*every, np.inf]]
        assert scale == pytest.approx(nab.normalised(max(totals), 8, profile))
        best = sum(nab.raw(s, threshold, profile) for s in series)
        assert best == pytest.approx(max(totals))


def test_perfect_is_100_and_silence_0():
    score = np.zeros(100)
    score[40] = 1.0
    rows = [nab.judged(score, np.arange(100), [(40, 60)])]
    for profile in nab.PROFILES.values():
        assert nab.sweep(rows, profile)[1] == pytest.approx(100.0)
        assert nab.normalised(nab.raw(rows[0], 2.0, profile), 1, profile) == 0.0


def test_times_may_be_dates_and_unknown_scores_never_alarm():
    times = np.datetime64("2001-01-01T00") + np.arange(40) * np.timedelta64(1, "h")
    score = np.zeros(40)
    score[20], score[10] = 1.0, np.nan
    rows = nab.judged(score, times, [(times[18], times[25])])
    assert rows.windows == 1
    assert 0 < nab.raw(rows, 0.5, STANDARD) < 1
    with pytest.raises(ValueError, match="no row"):
        nab.judged(score, times, [(times[-1] + 1, times[-1] + 5)])
    with pytest.raises(ValueError, match="as many"):
        nab.judged(score[1:], times, [])
