"""The budget where series go up and down together: history drawn again in blocks of the whole country."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.catalog import detectors
from tocsin.detect.study import mosaic
from tocsin.model import DAY, Budget, ConfigError
from tocsin.ops import null_world
from tocsin.ops.dependence import BLOCK, calendar_blocks, under_dependence
from tocsin.ops.rehearsal import Held, all_false

ROWS, COLUMNS, DAYS, LEARN = 8, 10, 28 * 7, 8 * 7
BUDGET = Budget(per_week=2.0, aim=2.0, gain=0.15, start=2.4, shadow=timedelta(0))


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(7, 90), st.integers(1, 14))
def test_blocks_are_whole_stay_on_their_weekday_and_within_the_history(seed, days, history, length):
    targets = np.arange(days) + 5
    if length > history - 6:
        with pytest.raises(ConfigError, match="block-days"):
            calendar_blocks(np.random.default_rng(seed), targets, history, length)
        return
    drawn = calendar_blocks(np.random.default_rng(seed), targets, history, length)
    assert ((drawn - targets) % 7 == 0).all()
    assert drawn.min() >= 0
    assert drawn.max() < history
    for first in range(0, days, length):
        block = drawn[first : first + length]
        assert (np.diff(block) == 1).all()


def country(shared, seed=1):
    """Nothing happens; neighbours go up and down together, strongly where ``shared`` is large."""
    domain, places = null_world._country(ROWS, COLUMNS, BUDGET)
    values = mosaic(np.random.default_rng(seed), DAYS, ROWS, COLUMNS, shared=shared)
    held = Held(
        at=null_world.BEGIN + DAYS * DAY,
        begin=null_world.BEGIN,
        step=DAY,
        regions=tuple(places),
        values={domain.monitors[0].quantity.id: values},
    )
    return domain, places, held


def measured(shared, *, budget=BUDGET, threshold=2.4, **more):
    domain, places, held = country(shared)
    return under_dependence(
        held,
        replace(domain, budget=budget),
        places,
        detectors(),
        lambda _held: all_false(2 * DAY),
        end=null_world.BEGIN + DAYS * DAY,
        counted=null_world.BEGIN + LEARN * DAY,
        threshold=threshold,
        lowest=1.2,
        **{"courses": 4, "block_days": 7} | more,
    )


@pytest.mark.parametrize("shared", [0.0, 0.4])
def test_the_budget_holds_where_neighbours_go_together(shared):
    found = measured(shared)
    assert found.courses == 4
    assert found.steered.weeks == pytest.approx(4 * 20)
    assert found.steered.wrong > 50
    assert found.holds
    assert found.steered.low <= found.per_week <= found.steered.high
    assert abs(found.steered.rate / found.per_week - 1) <= 0.2
    assert found.lowest <= found.start <= found.highest


def test_the_controller_is_what_makes_it_hold_and_the_check_can_fail():
    loose = measured(0.4, threshold=1.6)
    assert loose.still.rate > 2 * loose.per_week  # a threshold that stands still breaks the budget
    assert loose.steered.rate < loose.still.rate
    slow = measured(0.4, threshold=1.6, budget=replace(BUDGET, gain=0.0005))
    assert not slow.holds  # nor does a controller hold it that hardly moves


def test_the_same_seed_draws_the_same_and_another_one_other_days():
    one, again, other = (measured(0.4, seed=seed, courses=2) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ConfigError, match="courses"):
        measured(0.0, courses=1)
    with pytest.raises(ConfigError, match="budget"):
        measured(0.0, budget=None)
    with pytest.raises(ConfigError, match="block-days"):
        measured(0.0, block_days=DAYS)
    assert BLOCK >= 1
