"""Spectral residual: against a plain transcription of the paper for one series."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.readings import column, steps
from tocsin.detect.methods.spectral_residual import SpectralResidual
from tocsin.model import ConfigError


def plain(x, *, smooth=3, compare=8, ahead=5):
    """Sums instead of a fast transform, one number after another."""
    past = x[:-1]
    slope = sum((past[-1] - past[-1 - i]) / i for i in range(1, ahead + 1)) / ahead
    longer = [*x, *[past[-ahead] + slope * ahead] * ahead]
    n = len(longer)
    middle = sum(longer) / n
    centred = [v - middle for v in longer]
    spectrum = [
        sum(v * cmath.exp(-2j * cmath.pi * k * i / n) for i, v in enumerate(centred)) for k in range(n)
    ]
    amplitude = [abs(s) for s in spectrum]
    amplitude[0] = amplitude[1]
    log = [np.log(a) for a in amplitude]
    half = smooth // 2
    rest = [log[k] - sum(log[(k + s) % n] for s in range(-half, half + 1)) / smooth for k in range(n)]
    turned = [np.exp(r) * cmath.exp(1j * cmath.phase(s)) for r, s in zip(rest, spectrum, strict=True)]
    turned[0] *= 0  # no phase where there is no amplitude
    saliency = [
        abs(sum(t * cmath.exp(2j * cmath.pi * k * i / n) for k, t in enumerate(turned))) / n for i in range(n)
    ]
    saliency = saliency[: len(x)]
    return saliency[-1] / np.mean(saliency[-compare:]) - 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 20))
def test_the_score_is_that_of_the_paper(seed, peak):
    x = np.random.default_rng(seed).normal(50, 2, 24)
    x[-1] += peak
    _, out = steps(SpectralResidual(length=24, compare=8, calibrate=False), x)
    score = out[-1].details["score"][0]
    assert score == pytest.approx(plain(x.tolist()), rel=1e-6, abs=1e-6)
    assert out[-1].tail[0] == pytest.approx(np.exp(-np.pi / 4 * (1 + score) ** 2))


def test_a_peak_stands_out_of_a_rhythm():
    rng = np.random.default_rng(1)
    values = 10 * np.sin(np.arange(400) / 5) + rng.normal(0, 0.3, 400)
    values[350] += 12  # within the range of the whole
    _, out = steps(SpectralResidual(), values)
    score = column(out, "score")[:, 0]
    assert int(np.nanargmax(score)) == 350
    assert out[350].alarm[0]


def test_scale_and_level_do_not_matter():
    values = np.random.default_rng(2).normal(size=180)
    _, one = steps(SpectralResidual(), values)
    _, other = steps(SpectralResidual(), 1e4 + 0.01 * values)
    np.testing.assert_allclose(column(one, "score"), column(other, "score"), rtol=1e-4, atol=1e-6)


def test_a_missing_value_is_carried_over_and_not_judged():
    values = np.random.default_rng(3).normal(size=(200, 2))
    values[:, 1] = values[:, 0]
    values[150, 0], values[150, 1] = np.nan, values[149, 1]
    _, out = steps(SpectralResidual(calibrate=False), values)
    score = column(out, "score")
    assert np.isnan(score[150, 0])
    np.testing.assert_allclose(score[151:, 0], score[151:, 1])


@pytest.mark.parametrize("wrong", [{"length": 61}, {"smooth": 0}, {"ahead": 0}, {"compare": 1}, {"limit": 0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SpectralResidual(**wrong)
