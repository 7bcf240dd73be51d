"""One recorded bundle gives, at every stage, what it gave when it was recorded."""

from __future__ import annotations

import json

import pytest

from tests.golden.way import OUTPUT, STRUCK, rounded, stages


@pytest.fixture(scope="module")
def got(tmp_path_factory):
    return stages(tmp_path_factory.mktemp("golden"))


WANTED = json.loads(OUTPUT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", sorted(WANTED))
def test_the_stage_gives_what_was_recorded(got, stage):
    assert got[stage] == WANTED[stage]


def test_the_bundle_shows_every_stage_at_work(got):
    assert set(got) == set(WANTED)
    assert len(got["detect"]) == 3 * len(STRUCK)
    assert any("3" in levels for levels in got["assess"]["levels"])
    assert {v["verdict"] for v in got["verify"]["verdicts"]} >= {"TRUE"}
    for stage in ("warn", "approve", "deliver", "respond"):
        assert got[stage]


def test_numbers_are_kept_to_seven_digits():
    assert rounded({"a": [0.12345678901, 2, "x"], "inputs": ["left out"]}) == {"a": [0.1234568, 2, "x"]}
