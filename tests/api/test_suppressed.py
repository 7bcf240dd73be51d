"""Groups, what was held back and silences over the API: for the desk only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.api.conftest import Clock, Officer, written
from tests.cycle.test_propose import context, found
from tocsin.ops import commands
from tocsin.ops.office import Office
from tocsin.warn.propose import propose

Enter = Callable[[str], Officer]
BOS, PHX = "US-AIR-BOS", "US-AIR-PHX"
HNL = "US-AIR-HNL"
"""Far from all that other tests of this office warn of."""


def cycle(office: Office, clock: Clock, *regions: str) -> None:
    """A live cycle that finds what it is told."""
    at = clock()
    (domain,) = (d for d in office.plan.domains if d.id == "air_transport")
    here = replace(context(at, domain=domain), inputs=("cycle:now",))
    made = propose(here, [found(r, at=at) for r in regions], (), office.store.as_of(at).standing())
    commands.record_proposals(office, made)


def test_shelved_held_back_and_ended(enter: Enter, office: Office, clock: Clock) -> None:
    duty, chief = enter("duty"), enter("chief")
    wish = {"reason": "runway works", "regions": ["US-15"], "hours": 6}
    answer = duty.write("POST", "/api/v1/silences", wish)
    assert answer.status_code == 201, answer.text
    silence = answer.json()
    assert (silence["author"], silence["max_level"]) == ("duty", 2)
    cycle(office, clock, HNL)
    held = chief.get("/api/v1/suppressed").json()
    mine = [r for r in held["items"] if r["by"] == silence["id"]]
    assert [(r["stage"], r["regions"]) for r in mine] == [("silenced", [HNL])]
    assert held["caps"] == []
    (shelf,) = [s for s in chief.get("/api/v1/silences").json()["items"] if s["id"] == silence["id"]]
    assert shelf["holding"] == [mine[0]["alert"]]
    ended = chief.write("POST", f"/api/v1/silences/{silence['id']}/end", {"reason": "works are over"})
    assert ended.status_code == 200, ended.text
    assert ended.json()["ends"] < silence["ends"]
    clock.forward(timedelta(minutes=5))
    cycle(office, clock, HNL)
    waiting = duty.get("/api/v1/warnings?state=draft").json()["items"]
    assert any(m["region"] == HNL for w in waiting for m in w["members"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"reason": "x", "hours": 1}, "at least one domain"),
        ({"reason": "x", "domains": ["floods"]}, "allowed:"),
        ({"reason": "x", "regions": ["US-99"]}, "US-99"),
        ({"reason": "", "domains": ["air_transport"]}, "reason"),
        ({"reason": "x", "domains": ["air_transport"], "max_level": 4}, "max_level"),
        ({"reason": "x", "domains": ["air_transport"], "ends": "2001-01-01T00:00:00Z"}, "ends"),
        ({"reason": "x", "domains": ["air_transport"], "who": "me"}, "who"),
    ],
)
def test_a_bad_silence_is_refused_by_name(enter: Enter, body: dict, words: str) -> None:
    answer = enter("duty").write("POST", "/api/v1/silences", body)
    assert answer.status_code == 422, answer.text
    assert words in answer.text


@pytest.mark.parametrize("path", ["groups", "suppressed", "silences"])
def test_the_public_sees_none_of_it(public: httpx.Client, enter: Enter, path: str) -> None:
    assert public.get(f"/api/v1/{path}").status_code == 401
    assert enter("vera").get(f"/api/v1/{path}").status_code == 200


def test_who_only_reads_may_not_shelve(enter: Enter) -> None:
    answer = enter("ana").write("POST", "/api/v1/silences", {"reason": "x", "domains": ["air_transport"]})
    assert answer.status_code == 403
    assert "duty_officer" in answer.text


def test_an_unknown_silence_is_not_found(enter: Enter) -> None:
    answer = enter("duty").write("POST", "/api/v1/silences/none/end", {"reason": "x"})
    assert answer.status_code == 404


def test_the_groups_add_up_to_the_warnings(enter: Enter) -> None:
    duty = enter("duty")
    for region in (BOS, PHX):
        assert duty.write("POST", "/api/v1/warnings", written(regions=[region])).status_code == 201
    page = duty.get("/api/v1/groups").json()
    assert page["warnings"] == sum(g["count"] for g in page["items"])
    assert page["warnings"] >= 2
    assert all(len(g["members"]) == g["count"] for g in page["items"])
    few = duty.get("/api/v1/groups?most=1").json()
    assert few["warnings"] == page["warnings"]
    assert len(few["items"]) == len({g["status"] for g in page["items"]})


def test_a_warning_says_where_its_level_came_from(enter: Enter) -> None:
    one = enter("duty").write("POST", "/api/v1/warnings", written(level=3, impact=3)).json()
    assert one["level_from"] == "officers of the desk; likelihood not measured"
    assert (one["likelihood_band"], one["impact_band"], one["rare_but_grave"]) == (None, "significant", False)
    assert one["schemes"]["awareness_level"] == "3; orange; Severe"
