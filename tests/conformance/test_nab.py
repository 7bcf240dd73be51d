"""The NAB command: the published scores come out, and ours beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conformance.detection import nab

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "detection"


def test_without_the_data_it_says_so(tmp_path, capsys):
    assert nab.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("0 passed, 0 failed, 1 skipped\n")


def test_an_alarm_that_stands_is_not_raised_again():
    values = np.random.default_rng(1).normal(size=400)
    values[300:310] += 20
    times = np.datetime64("2001-01-01T00", "us") + np.arange(400) * np.timedelta64(5, "m")
    score = nab.ours(nab.Series(name="x", times=times, values=values, windows=()))
    assert score[300:310].max() > 3
    assert (score[320:390] == 0).all()


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/detection is not there")
def test_published_scores_and_ours(capsys):
    assert nab.main([str(SHARED)]) == 0
    said = capsys.readouterr().out
    assert said.endswith("120 passed, 0 failed, 0 skipped\n")
    (line,) = [line for line in said.splitlines() if line.startswith("*tocsin")]
    standard, low_false_alarms, low_misses = map(float, line.split()[1:])
    assert standard > 58
    assert low_false_alarms > 43
    assert low_misses > 65
