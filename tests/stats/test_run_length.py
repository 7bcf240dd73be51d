"""Run lengths against simulation, closed forms and each other."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.stats import run_length


def simulated(scores, limit, *, k=0.0, reaching=False):
    """Run lengths of one CUSUM a column; a column that has not alarmed counts as its length."""
    total = np.zeros(scores.shape[1])
    length = np.full(scores.shape[1], len(scores))
    open_ = np.ones(scores.shape[1], bool)
    for t, row in enumerate(scores, start=1):
        total = np.maximum(0, total + row - k)
        hit = open_ & ((total >= limit) if reaching else (total > limit))
        length[hit] = t
        open_ &= ~hit
        if not open_.any():
            break
    return length


def test_the_table_of_hawkins_and_of_lucas():
    # k = 0.5: ARLs of h = 4 and 5 as every textbook has them (Montgomery, table 9.4; two-sided).
    assert run_length.cusum_arl(0.5, 4, two_sided=True) == pytest.approx(168, rel=5e-3)
    assert run_length.cusum_arl(0.5, 5, two_sided=True) == pytest.approx(465, rel=5e-3)
    assert run_length.cusum_arl(0.5, 5, 1.0, two_sided=True) == pytest.approx(10.4, rel=5e-3)


def test_cusum_against_simulation():
    scores = np.random.default_rng(1).normal(0.5, 1, (400, 20_000))
    got = simulated(scores, 4.0, k=0.5)
    error = got.std() / np.sqrt(len(got))
    assert run_length.cusum_arl(0.5, 4.0, 0.5) == pytest.approx(got.mean(), abs=4 * error)


@pytest.mark.parametrize("reaching", [False, True])
def test_poisson_cusum_against_simulation(reaching):
    counts = np.random.default_rng(2).poisson(2.0, (400, 20_000)).astype(float)
    got = simulated(counts, 5.0, k=1.5, reaching=reaching)
    error = got.std() / np.sqrt(len(got))
    want = run_length.poisson_cusum_arl(1.5, 5, 2.0, reaching=reaching)
    assert want == pytest.approx(got.mean(), abs=4 * error)


def test_a_head_start_helps_little_in_control_and_much_out_of_control():
    plain, early = (run_length.cusum_arl(0.5, 5, head_start=s) for s in (0.0, 2.5))
    assert 0.9 * plain < early < plain
    plain, early = (run_length.cusum_arl(0.5, 5, 1.0, head_start=s) for s in (0.0, 2.5))
    assert early < 0.65 * plain


def test_an_ewma_of_weight_one_is_a_shewhart_chart():
    assert run_length.ewma_arl(1.0, 2.5) == pytest.approx(run_length.shewhart_arl(2.5), rel=1e-9)
    assert run_length.ewma_arl(1.0, 2.5, two_sided=False) == pytest.approx(
        run_length.shewhart_arl(2.5, two_sided=False), rel=1e-6
    )
    assert run_length.ewma_arl_exact_limits(1.0, 2.5) == pytest.approx(run_length.shewhart_arl(2.5), rel=1e-6)


def test_exact_limits_alarm_sooner():
    assert run_length.ewma_arl_exact_limits(0.1, 2.7, 1.0) < run_length.ewma_arl(0.1, 2.7, 1.0)


def test_limits_and_lengths_invert_each_other():
    for arl in (50.0, 370.0, 2000.0):
        h = run_length.cusum_limit(0.5, arl)
        assert run_length.cusum_arl(0.5, h) == pytest.approx(arl, rel=1e-8)
        limit = run_length.ewma_limit(0.2, arl)
        assert run_length.ewma_arl(0.2, limit) == pytest.approx(arl, rel=1e-8)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="h above 0"):
        run_length.cusum_arl(0.5, -1)
    with pytest.raises(ValueError, match="head start"):
        run_length.cusum_arl(0.5, 4, head_start=5)
    with pytest.raises(ValueError, match="below that of the smallest limit"):
        run_length.cusum_limit(3.0, 20.0)
    with pytest.raises(ValueError, match="head_start"):
        run_length.poisson_cusum_arl(1.5, 5, 1.0, head_start=6)


def test_a_chain_loses_what_leaves_it():
    chain = np.array([[0.5, 0.3], [0.2, 0.4]])
    gone = run_length.first_alarm_cdf(chain, 200)
    assert gone[0] == pytest.approx(0.2)
    assert (np.diff(gone) > -1e-12).all()
    assert gone[-1] == pytest.approx(1)
    step_by_step = run_length.first_alarm_cdf(np.repeat(chain[None], 200, 0), 200)
    np.testing.assert_allclose(step_by_step, gone)


def test_reference_values_avoid_multiples_of_a_half():
    for mean in np.linspace(0.5, 20, 60):
        k = run_length.poisson_cusum_reference(float(mean))
        assert (2 * k) % 1 != 0
        assert abs(k - run_length.poisson_cusum_reference(float(mean), rounded=False)) <= 0.1 + 1e-9
