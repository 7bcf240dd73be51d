"""Likelihood and impact kept apart; a level read from the country's matrix at the very end; others' words."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cycle.small_world import quake
from tests.cycle.test_propose import AIR, AT, BOS, EWR, LGA, SEISMIC, context, found, issued
from tests.warn.desk import DUTY, ISSUER, LEVELS, REGIONS, alert
from tocsin.catalog.domain_file import FOLDER, load_domain
from tocsin.geo import load_pack
from tocsin.model import HOUR, IMPACTS, ConfigError, Likelihood, Matrix, Scheme
from tocsin.ops.plan import make_plan
from tocsin.warn import lifecycle
from tocsin.warn.grading import grading
from tocsin.warn.message import to_cap
from tocsin.warn.propose import propose

US = load_pack("us")
MATRIX = US.matrix
CELLS = {
    ("very low", "minimal"): 0, ("very low", "minor"): 0,
    ("very low", "significant"): 1, ("very low", "severe"): 2,
    ("low", "minimal"): 0, ("low", "minor"): 1, ("low", "significant"): 2, ("low", "severe"): 3,
    ("medium", "minimal"): 1, ("medium", "minor"): 2, ("medium", "significant"): 3, ("medium", "severe"): 3,
    ("high", "minimal"): 1, ("high", "minor"): 2, ("high", "significant"): 3, ("high", "severe"): 4,
}  # fmt: skip
WITHIN = {"very low": (0.0, 0.0999), "low": (0.1, 0.3999), "medium": (0.4, 0.6999), "high": (0.7, 1.0)}
BY_MATRIX = {
    d.id: replace(d, criteria=replace(d.criteria, level_by="matrix")) for d in (AIR, SEISMIC)
}  # the shipped domains, graded by the matrix


def graded(likelihood, *detections, events=(), standing=(), domain=AIR, at=AT, **criteria):
    """Drafts of a domain that reads its levels from the matrix, where so many warnings came true."""
    given_ = replace(
        context(at, domain=BY_MATRIX[domain.id], **criteria), likelihood=likelihood, matrix=MATRIX
    )
    return [p.alert for p in propose(given_, detections, events, standing)]


@pytest.mark.parametrize(("cell", "level"), CELLS.items())
def test_every_cell_of_the_shipped_matrix(cell, level):
    band, impact = cell
    for likelihood in WITHIN[band]:
        assert MATRIX.level(likelihood, IMPACTS.index(impact) + 1) == level
        assert MATRIX.band(likelihood).name == band
        marked = MATRIX.is_rare_but_grave(likelihood, IMPACTS.index(impact) + 1)
        assert marked == (impact == "severe" and band in ("very low", "low"))


def test_the_cells_above_are_all_there_are():
    assert set(CELLS) == set(product([b.name for b in MATRIX.likelihoods], IMPACTS))
    assert (MATRIX.id, MATRIX.version, str(MATRIX)) == ("us-impact", "1", "us-impact/1")


@given(
    p=st.floats(0, 1), more=st.floats(0, 1), impact=st.integers(1, 4), worse=st.integers(0, 3)
)  # fmt: skip
def test_more_likely_or_worse_is_never_lower(p, more, impact, worse):
    assert MATRIX.level(min(p + more, 1.0), min(impact + worse, 4)) >= MATRIX.level(p, impact)


@pytest.mark.parametrize("impact", range(1, 5))
def test_an_unknown_likelihood_stays_unknown(impact):
    assert MATRIX.level(math.nan, impact) is None
    assert MATRIX.band(math.nan) is None
    assert not MATRIX.is_rare_but_grave(math.nan, impact)


@pytest.mark.parametrize(("likelihood", "impact"), [(-0.01, 1), (1.01, 1), (0.5, 0), (0.5, 5)])
def test_what_is_no_likelihood_or_impact_is_refused(likelihood, impact):
    with pytest.raises(ValueError, match="got"):
        MATRIX.level(likelihood, impact)


BANDS = (
    Likelihood(name="low", least=0.0, certainty="Possible"),
    Likelihood(name="high", least=0.5, certainty="Likely"),
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"levels": ((0, 1, 2, 3), (0, 1, 2, 2))}, "never fall"),
        ({"levels": ((0, 1, 2, 1), (0, 1, 2, 3))}, "never fall"),
        ({"levels": ((0, 1, 2, 3),)}, "2 rows of 4"),
        ({"levels": ((0, 1, 2), (0, 1, 2))}, "2 rows of 4"),
        ({"levels": ((0, 1, 2, 3), (0, 1, 2, 5))}, "0 to 4"),
        ({"likelihoods": BANDS[::-1]}, "from 0 on"),
        ({"likelihoods": (BANDS[0], replace(BANDS[1], name="low"))}, "each name once"),
        ({"rare_but_grave": (("low", "huge"),)}, "rare_but_grave"),
    ],
)
def test_what_is_no_matrix_is_refused(changes, words):
    good = {"id": "m", "version": "1", "likelihoods": BANDS, "levels": ((0, 1, 2, 3), (0, 1, 2, 4))}
    assert Matrix(**good)
    with pytest.raises(ValueError, match=words):
        Matrix(**(good | changes))


# ---- what is proposed ------------------------------------------------------------------------------------


def test_by_the_stated_rule_level_and_impact_are_one_and_no_matrix_is_named():
    (one,) = (p.alert for p in propose(replace(context(), matrix=MATRIX), [found(BOS, severe=True)], (), ()))
    assert (one.level, one.impact, one.likelihood, one.matrix) == (3, 3, 0.4, "")


def test_the_level_is_read_from_likelihood_and_impact_and_the_matrix_is_named():
    (one,) = graded(0.15, found(BOS, severe=True))
    assert (one.level, one.impact, one.likelihood, one.matrix) == (2, 3, 0.15, "us-impact/1")
    (two,) = graded(0.5, found(BOS, severe=True))
    assert (two.level, two.impact) == (3, 3)


def test_what_the_matrix_calls_a_watch_is_not_proposed():
    assert graded(0.15, found(BOS)) == []
    assert graded(0.05, found(BOS, severe=True)) == []


def test_an_unknown_likelihood_leaves_the_stated_rule():
    (one,) = graded(math.nan, found(BOS, severe=True))
    assert (one.level, one.impact, one.matrix) == (3, 3, "")
    assert math.isnan(one.likelihood)
    assert grading(one, MATRIX).source == "stated rule of air_transport; likelihood not measured"


def test_a_report_is_graded_by_the_matrix_too():
    (big,) = graded(0.2, events=[quake(7.2, AT - HOUR)], domain=SEISMIC)
    assert (big.level, big.impact, big.matrix) == (3, 4, "us-impact/1")
    assert graded(0.05, events=[quake(6.2, AT - HOUR)], domain=SEISMIC) == []
    (unknown,) = graded(math.nan, events=[quake(6.2, AT - HOUR)], domain=SEISMIC)
    assert unknown.level == 3


def test_a_standing_level_is_not_lowered_because_fewer_came_true():
    (first,) = graded(0.5, found(BOS, severe=True))
    assert first.level == 3
    later = AT + HOUR
    (update,) = graded(
        0.15, found(BOS, severe=True, at=later), found(LGA, at=later), standing=[issued(first)], at=later
    )
    assert (update.level, update.likelihood) == (3, 0.15)
    assert update.matrix == ""  # 3 is what was told, not what the matrix says now
    (worse,) = graded(
        0.5,
        *(found(r, severe=True, at=later) for r in (BOS, LGA, EWR)),
        standing=[issued(replace(first, level=2))],
        at=later,
    )
    assert (worse.level, worse.matrix) == (3, "us-impact/1")


def test_what_an_officer_grades_was_not_read_from_the_matrix():
    (one,) = graded(0.5, found(BOS, severe=True))
    edited, _ = lifecycle.edit(one, {"level": 2}, actor="dan", role=DUTY, at=AT)
    assert edited.matrix == ""
    assert grading(edited, MATRIX).source == "officers of the desk"
    worded, _ = lifecycle.edit(one, {"headline": "Boston stands still"}, actor="dan", role=DUTY, at=AT)
    assert worded.matrix == "us-impact/1"


def test_the_hash_of_what_was_written_before_matrices_is_as_it_was():
    one = alert()
    assert one.content_hash[:16] == "ec995a5189c2b640"  # as version 0.2 gave it
    assert replace(one, matrix="us-impact/1").content_hash != one.content_hash
    assert replace(one, matrix="us-impact/2").content_hash != replace(one, matrix="us-impact/1").content_hash


# ---- what is written -------------------------------------------------------------------------------------


def written(one, **more):
    issuer = replace(ISSUER, matrix=MATRIX, schemes=US.schemes)
    info = to_cap(one, issuer=issuer, levels=LEVELS, regions=REGIONS, preview_at=AT, **more).infos[0]
    return info, dict(info.parameter)


WORDS = {
    1: (None, "IV; blue", "yellow; caution"),
    2: ("2; yellow; Moderate", "III; yellow", "orange; caution"),
    3: ("3; orange; Severe", "II; orange", "red; danger"),
    4: ("4; red; Extreme", "I; red", "purple; fatal danger"),
}


@pytest.mark.parametrize("level", range(1, 5))
def test_each_level_in_the_words_of_others(level):
    info, said = written(alert(level=level, impact=level))
    got = tuple(said.get(n) for n in ("awareness_level", "tocsin:national-grade", "tocsin:iso22324"))
    assert got == WORDS[level]
    assert info.severity == ("Minor", "Moderate", "Severe", "Extreme")[level - 1]
    if got[0] is not None:  # MeteoAlarm and CAP say the same severity
        assert got[0].endswith(info.severity)
    assert US.levels[level - 1].severity == info.severity


def test_the_message_says_that_a_likelihood_is_not_measured():
    info, said = written(alert(level=3, impact=3))
    assert said["tocsin:likelihood"] == "unknown"
    assert said["tocsin:level-from"] == "stated rule of air_transport; likelihood not measured"
    assert said["tocsin:impact-band"] == "significant"
    assert "tocsin:likelihood-band" not in said
    assert info.certainty == LEVELS[2].certainty


@pytest.mark.parametrize(
    ("likelihood", "impact", "certainty", "mark"),
    [
        (0.05, 4, "Unlikely", True),
        (0.15, 4, "Possible", True),
        (0.5, 3, "Possible", False),
        (0.9, 4, "Likely", False),
    ],
)
def test_what_was_read_from_the_matrix_says_so(likelihood, impact, certainty, mark):
    level = MATRIX.level(likelihood, impact)
    info, said = written(alert(level=level, impact=impact, likelihood=likelihood, matrix=str(MATRIX)))
    assert info.certainty == certainty
    assert said["tocsin:level-from"].startswith("matrix us-impact/1: ")
    assert said["tocsin:likelihood-band"] == MATRIX.band(likelihood).name
    assert ("tocsin:rare-but-grave" in said) == mark


def test_a_level_of_an_earlier_edition_keeps_its_name():
    old = alert(level=3, impact=3, likelihood=0.5, matrix="us-impact/0")
    info, said = written(old)
    assert said["tocsin:level-from"] == "matrix us-impact/0: an edition of its time"
    assert "tocsin:likelihood-band" not in said
    assert info.certainty == LEVELS[2].certainty


def test_schemes_have_four_words():
    with pytest.raises(ValueError, match="one for each of 4"):
        Scheme(id="s", title="S", parameter="p", values=("a", "b", "c"))


# ---- data ------------------------------------------------------------------------------------------------


def test_a_country_without_a_matrix_refuses_a_domain_that_asks_for_one(monkeypatch):
    from tocsin.ops import plan

    monkeypatch.setattr(plan, "load_domains", lambda _: (BY_MATRIX["air_transport"],))
    assert make_plan(US, ["air_transport"]).matrix is MATRIX
    with pytest.raises(ConfigError, match="level_by"):
        make_plan(replace(US, matrix=None), ["air_transport"])


def test_the_shipped_domains_keep_their_stated_rules():
    for path in FOLDER.glob("*.toml"):
        criteria = load_domain(path)[0].criteria
        told = (criteria.level_by, criteria.raise_after, criteria.lower_after, criteria.update_overlap)
        assert told == ("rule", 1, 0, 1.0)
        assert (criteria.daily_cap, criteria.min_hold.total_seconds()) == (0, 0)
        assert criteria.repeat.total_seconds() == 0


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('level_by = "colour"', "criteria.level_by"),
        ("raise_after = 0", "criteria.raise_after"),
        ("lower_after = -1", "criteria.lower_after"),
        ("update_overlap = 1.2", "criteria.update_overlap"),
        ("daily_cap = -1", "criteria.daily_cap"),
        ('cap_area = "galaxy"', "criteria.cap_area"),
        ('min_hold = "soon"', "criteria.min_hold"),
    ],
)
def test_a_bad_criterion_is_refused_by_name(tmp_path, line, key):
    text = (FOLDER / "seismic.toml").read_text(encoding="utf-8")
    path = tmp_path / "seismic.toml"
    path.write_text(text.replace("[criteria]\n", f"[criteria]\n{line}\n"), encoding="utf-8")
    with pytest.raises(ConfigError, match=key):
        load_domain(path)
