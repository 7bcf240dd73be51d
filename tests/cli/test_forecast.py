"""``tocsin forecast``: methods, a table in and quantiles out, scores of what is kept."""

from __future__ import annotations

import csv
import io

import pytest

from tests.cli.conftest import run

TABLE = "series,time,value\n" + "".join(
    f"a,200{1 + k // 12}-{k % 12 + 1:02}-01,{5 + k % 12}\n" for k in range(36)
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(TABLE + "b,2003-12-01,7\n", encoding="utf-8")
    return path


def test_methods_are_listed_in_their_own_words():
    rows = {row["method"]: row for row in run("forecast", "methods", "--json").rows}
    assert set(rows) >= {"seasonal_naive", "ets", "arima", "quantile_boosting", "ensemble", "conformal"}
    for row in rows.values():
        assert row["title"]
        assert row["good_for"]
        assert row["not_good"]
        assert row["cost"]
        assert row["references"]
    assert rows["ets"]["parameters"]["season"] == 1


def test_quantiles_of_every_series_and_the_reason_for_what_is_unknown(table):
    done = run("forecast", "run", "seasonal_naive", "--set", "season=12", "--steps", 2, "-i", table)
    assert done.status == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [(r["series"], r["time"]) for r in rows] == [
        (s, f"2004-0{m}-01T00:00:00Z") for s in "ab" for m in (1, 2)
    ]
    assert [r["q0.5"] for r in rows] == ["5", "6", "", ""]
    assert "series b: unknown: fewer than 8 values" in done.err


def test_levels_and_json(table, tmp_path):
    done = run(
        "forecast", "run", "seasonal_naive", "--set", "season=12", "--level", 0.9, "--level", 0.1,
        "-i", table, "--json",
    )  # fmt: skip
    assert [list(row) for row in done.rows] == [["series", "time", "q0.1", "q0.9"]] * 2
    assert done.rows[1]["q0.1"] is None
    out = tmp_path / "out.csv"
    assert run("forecast", "run", "seasonal_naive", "-i", table, "-o", out).out == ""
    assert out.read_text("utf-8").startswith("series,time,q0.05,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "METHOD"),
        (["ets", "--set", "sesaon=12"], "season"),
        (["ets", "--set", "season=0"], "season: got 0"),
        (["ets", "--level", "1.5"], "levels"),
    ],
)
def test_wrong_use_is_said(table, words, said):
    done = run("forecast", "run", *words, "-i", table)
    assert done.status in (2, 3)
    assert said in done.err
    assert done.out == ""


def test_a_store_without_forecasts_has_no_scores(tmp_path):
    store = tmp_path / "store"
    assert run("init", store=store).status == 0
    done = run("forecast", "scores", store=store)
    assert done.status == 0
    assert "none" in done.out
    assert run("forecast", "scores", "--json", store=store).rows == []


@pytest.fixture
def counties(tmp_path):
    path = tmp_path / "counties.csv"
    values = {
        "US-53033": lambda k: 20 + k % 7,
        "US-53053": lambda k: 8 + k % 5,
        "US-06037": lambda k: 30 + k % 3,
    }
    rows = [f"{s},2001-{1 + k // 28:02}-{1 + k % 28:02},{f(k)}" for s, f in values.items() for k in range(28)]
    path.write_text("series,time,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def means(done):
    assert done.status == 0, done.err
    return {r["series"]: float(r["mean"]) for r in csv.DictReader(io.StringIO(done.out))}


@pytest.mark.parametrize("how", ["bottom_up", "ols", "mint_shrink"])
def test_reconciled_means_add_up_over_the_country(counties, tmp_path, how):
    done = run(
        "forecast", "run", "seasonal_naive", "--reconcile", how, "-i", counties, store=tmp_path / "none"
    )
    mean = means(done)
    assert set(mean) == {"US", "US-06", "US-53", "US-06037", "US-53033", "US-53053"}
    assert mean["US-53"] == pytest.approx(mean["US-53033"] + mean["US-53053"], rel=1e-9)
    assert mean["US"] == pytest.approx(mean["US-53"] + mean["US-06"], rel=1e-9)


def test_a_tree_of_ones_own(counties, tmp_path):
    tree = tmp_path / "tree.csv"
    tree.write_text("series,parent\nUS-53033,west\nUS-06037,west\nwest,\n")
    words = ("forecast", "run", "seasonal_naive", "-i", counties)
    mean = means(run(*words, "--reconcile", "ols", "--parents", tree))
    assert mean["west"] == pytest.approx(mean["US-53033"] + mean["US-06037"], rel=1e-9)
    assert "US-53053" in mean  # in no sum, but forecast
    assert run(*words, "--parents", tree).status == 2
    assert "bottom_up" in run(*words, "--reconcile", "best", "--parents", tree).err
    tree.write_text("series,parent\nUS-53033,west\nUS-53033,east\n")
    assert "twice" in run(*words, "--reconcile", "ols", "--parents", tree).err
    tree.write_text("child,parent\nUS-53033,west\n")
    assert "columns series, parent" in run(*words, "--reconcile", "ols", "--parents", tree).err
    tree.write_text("series,parent\nnobody,west\n")
    assert "--reconcile" in run(*words, "--reconcile", "ols", "--parents", tree).err
