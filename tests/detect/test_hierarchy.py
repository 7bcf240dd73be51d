"""Testing down a tree: what it says of where an excess lives, and how often it is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.detect.hierarchy import COMBINATIONS, RULES, Tree, descend, node_p
from tocsin.model import ConfigError, MethodError
from tocsin.stats.multiplicity import benjamini_hochberg

NATION = Tree(parent=np.array([-1] + [0] * 6 + [1 + i // 8 for i in range(48)]))
"""A nation, six states, eight counties in each."""


@st.composite
def trees(draw):
    n = draw(st.integers(1, 25))
    parent = np.array([-1] + [draw(st.integers(-1, i - 1)) for i in range(1, n)], np.int64)
    p = [draw(st.one_of(st.floats(0, 1), st.floats(0, 1e-4), st.just(math.nan))) for _ in range(n)]
    return Tree(parent=parent), np.array(p)


@given(trees(), st.sampled_from(RULES), st.sampled_from(COMBINATIONS))
def test_a_discovery_lies_below_discoveries_only(case, rule, combine):
    tree, p = case
    levels = descend(tree, p, rate=0.1, rule=rule, combine=combine)
    for node in np.flatnonzero(levels.tested):
        above = tree.parent[node]
        assert above == -1 or levels.found[above]
    assert not (levels.found & ~levels.tested).any()
    assert not levels.found[np.isnan(levels.p)].any()
    for node, said in enumerate(levels.says):
        children = tree.children(node)
        if not levels.found[node]:
            assert said == "nothing"
        elif levels.found[children].any():
            assert said == "above"
        else:
            assert said == ("spread" if len(children) else "local")


@given(trees(), st.integers(0, 24), st.sampled_from(RULES))
def test_less_likely_never_loses_a_discovery_of_its_own(case, which, rule):
    tree, p = case
    which %= len(p)
    before = descend(tree, p, rate=0.1, rule=rule)
    smaller = p.copy()
    smaller[which] = 0.0
    after = descend(tree, smaller, rate=0.1, rule=rule)
    assert after.found[which] or not before.found[which]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_one_family_is_benjamini_and_hochberg(p):
    tree = Tree(parent=np.full(len(p), -1))
    for rule in RULES:
        assert (
            descend(tree, np.array(p), rate=0.2, rule=rule).found.tolist()
            == benjamini_hochberg(p, 0.2).tolist()
        )


def test_node_p_by_hand():
    tree = Tree(parent=np.array([-1, 0, 0, 1, 1]))
    p = np.array([np.nan, 0.04, 0.5, 0.01, 0.9])
    # Node 1: Simes of (0.01, 0.9) is 0.02; twice the smaller of 0.04 and 0.02. Root: Simes of (0.04, 0.5).
    assert node_p(tree, p).tolist() == pytest.approx([0.08, 0.04, 0.5, 0.01, 0.9])
    gone = node_p(tree, np.array([np.nan, np.nan, np.nan, np.nan, 0.3]))
    assert gone.tolist()[:2] == [0.3, 0.3]
    assert np.isnan(gone[[2, 3]]).all()


def counties(z):
    p = np.full(55, np.nan)
    p[7:] = stats.norm.sf(z)
    return p


def with_sums(z):
    """The states and the nation have p-values of their own sums."""
    p = counties(z)
    states = z.reshape(6, 8).sum(1) / math.sqrt(8)
    p[1:7] = stats.norm.sf(states)
    p[0] = stats.norm.sf(z.sum() / math.sqrt(48))
    return p


def test_at_which_level_an_excess_lives():
    quiet = np.random.default_rng(51).normal(0, 1, 48)
    local = quiet.copy()
    local[10] = 7.0
    said = descend(NATION, with_sums(local), rate=0.1).says
    assert said[7 + 10] == "local"
    assert [said[0], said[2]] == ["above", "above"]
    state = quiet.copy()
    state[16:24] = 1.9
    said = descend(NATION, with_sums(state), rate=0.05).says
    assert said[3] == "spread"
    spread = quiet + 0.85
    said = descend(NATION, with_sums(spread), rate=0.01).says
    assert said[0] == "spread"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("combine", COMBINATIONS)
def test_quiet_worlds_are_seldom_opened(rule, combine):
    rng = np.random.default_rng(52)
    wrong = [
        descend(NATION, with_sums(rng.normal(size=48)), rate=0.1, rule=rule, combine=combine).found.any()
        for _ in range(600)
    ]
    assert np.mean(wrong) <= 0.1 + 3 * math.sqrt(0.09 / 600)


def test_the_mean_share_of_false_discoveries_in_a_family():
    """Two of six states hold four true counties each: among counties of opened states the rate holds."""
    rng = np.random.default_rng(53)
    true = np.zeros(48, bool)
    true[:4], true[8:12] = True, True
    share, power = [], []
    for _ in range(400):
        levels = descend(NATION, counties(rng.normal(size=48) + 3.0 * true), rate=0.1)
        families = [levels.found[7 + 8 * s : 15 + 8 * s] for s in range(6) if levels.tested[7 + 8 * s]]
        truths = [true[8 * s : 8 * s + 8] for s in range(6) if levels.tested[7 + 8 * s]]
        share.append(
            np.mean([(f & ~t).sum() / max(f.sum(), 1) for f, t in zip(families, truths, strict=True)])
            if families
            else 0.0
        )
        power.append(levels.found[7:][true].mean())
    assert np.mean(share) <= 0.1 + 3 * np.std(share) / 20
    assert np.mean(power) > 0.4


def test_trees_that_are_none():
    with pytest.raises(MethodError, match="parent of node 1: got 7, allowed: -1 to 1"):
        Tree(parent=np.array([-1, 7]))
    with pytest.raises(MethodError, match="above themselves"):
        Tree(parent=np.array([-1, 2, 1]))
    with pytest.raises(ConfigError, match="rule: got 'bonferroni'"):
        descend(NATION, np.full(55, 0.5), rate=0.1, rule="bonferroni")
    with pytest.raises(ConfigError, match="rate: got 0"):
        descend(NATION, np.full(55, 0.5), rate=0)
    assert len(descend(Tree(parent=np.zeros(0, np.int64)), np.zeros(0), rate=0.1).says) == 0
