"""Reports that replace each other, and the report that a draft rests on."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.cycle.small_world import quake
from tests.warn.desk import alert, at
from tocsin.warn.report import event_of, followed


def report(name, after=None):
    """A report; one that was replaced is withdrawn and names the one after it."""
    plain = replace(quake(5.0, at("09:00")), id=f"usgs_earthquakes:{name}", external_id=name)
    return plain if after is None else replace(plain, status="withdrawn", details={"replaced_by": after})


def follow(*reports):
    return {e.external_id: [i.split(":")[1] for i in ids] for e, ids in followed(reports)}


def test_a_report_stands_for_those_that_it_replaced():
    assert follow(report("a", "b"), report("b", "c"), report("c"), report("d")) == {
        "c": ["c", "a", "b"],
        "d": ["d"],
    }


def test_one_whose_replacement_is_not_known_stands_for_itself():
    assert follow(report("a", "gone"), report("b")) == {"a": ["a"], "b": ["b"]}


def test_a_report_that_is_on_is_replaced_by_nothing():
    on = replace(report("a", "b"), status="actual")
    assert follow(on, report("b")) == {"a": ["a"], "b": ["b"]}


def test_messages_that_replace_each_other_are_both_ended():
    assert follow(report("a", "b"), report("b", "a"), report("c", "c")) == {
        "a": ["a"],
        "b": ["b"],
        "c": ["c"],
    }


names = st.sampled_from("abcde")


@given(st.dictionaries(names, st.none() | names, min_size=1))
def test_no_report_is_lost_or_told_twice(links):
    got = follow(*(report(name, after) for name, after in links.items()))
    assert sorted(i for ids in got.values() for i in ids) == sorted(links)
    assert all(ids[0] == name for name, ids in got.items())


def test_a_draft_names_the_report_that_it_rests_on():
    assert event_of(alert(inputs=("usgs_earthquakes:a", "f" * 64, "cycle:1"))) == "usgs_earthquakes:a"
    assert event_of(alert(inputs=("cycle:1",))) is None
    assert event_of(alert(inputs=())) is None
