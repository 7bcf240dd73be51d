"""Timelines of reports that are revised: a warning that stands follows them down, by two officers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.cycle.small_world import quake
from tocsin.cap import CapAlert, CapArea, CapInfo
from tocsin.feeds.formats.warning import events_of, settle
from tocsin.model import HOUR, AuthorityError, Basis, Role, State, TransitionError
from tocsin.ops import commands, queries, schedule
from tocsin.ops.commands import Actor
from tocsin.ops.office import open_office

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)
CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
MINUTE = timedelta(minutes=1)


class Room:
    """A warning room of one domain: reports come in, cycles run, two officers act."""

    def __init__(self, path, domain, criteria=None):
        self.office = open_office(path, domains=(domain,))
        self.store = self.office.store
        plan = self.office.plan_of((domain,))
        kept = replace(plan.domains[0], criteria=replace(plan.domains[0].criteria, **(criteria or {})))
        self.office._plans[domain] = self.office.__dict__["plan"] = replace(plan, domains=(kept,))
        self.world = None

    def hear(self, after, *events):
        at = NOW + after
        raw = f"{at:%d%H%M}".rjust(64, "0")  # each document has bytes of its own
        told = [replace(e, known_at=at, raw=raw) for e in events]
        self.store.add(told, ingest=f"reading-{raw}", at=at)
        return self.cycle(after)

    def cycle(self, after):
        """One cycle; gives the drafts that wait after it."""
        self.world = schedule.live_cycle(self.office, at=NOW + after, world=self.world)
        return [a for a in self.store.list("alert") if a.state is State.DRAFT]

    def issue(self, alert, after):
        at = NOW + after
        commands.submit(self.office, alert.id, DUTY, at=at)
        with pytest.raises(AuthorityError):  # never one's own
            commands.approve(
                self.office, alert.id, replace(DUTY, role=CHIEF.role), legal_basis="ipaws", at=at
            )
        commands.approve(self.office, alert.id, CHIEF, legal_basis="ipaws", at=at)
        return commands.issue(self.office, alert.id, DUTY, at=at)

    def get(self, alert):
        return commands.get_alert(self.office, alert.id)

    def open(self, after):
        return [r["id"] for r in queries.warnings(self.office, None, NOW + after, "open")]


@pytest.fixture
def room(tmp_path):
    one = Room(tmp_path, "seismic")
    yield one
    one.store.close()


def shock(magnitude, region="US-53033", **changes):
    return replace(quake(magnitude, NOW - 5 * MINUTE, region=region), **changes)


def test_an_earthquake_that_is_revised_down_lowers_its_warning_and_then_ends_it(room):
    # 09:00 magnitude 6.8: severe, issued by two at 09:05
    (first,) = room.hear(0 * MINUTE, shock(6.8))
    room.issue(first, 5 * MINUTE)
    assert room.cycle(10 * MINUTE) == []
    # 09:20 revised to 5.4: a draft to lower it; what was said stands until two officers decide
    (lower,) = room.hear(20 * MINUTE, shock(5.4))
    assert (lower.msg_type, lower.level, lower.reason) == ("Update", 2, "level 3 to 2")
    assert "5.4 Mw" in lower.description
    assert lower.expires == room.get(first).expires  # what is only lowered does not stand for longer
    assert room.get(first).state is State.ISSUED
    assert room.cycle(25 * MINUTE) == [lower]
    room.issue(lower, 30 * MINUTE)
    assert room.get(first).state is State.UPDATED
    assert room.cycle(35 * MINUTE) == []
    # 10:00 revised to 4.2, below the level of a warning: a draft to cancel
    (end,) = room.hear(60 * MINUTE, shock(4.2))
    assert (end.msg_type, end.level) == ("Cancel", 2)
    assert "revised below the level of a warning" in end.reason
    assert room.get(lower).state is State.ISSUED
    room.issue(end, 65 * MINUTE)
    assert room.get(lower).state is State.CANCELLED
    assert room.cycle(70 * MINUTE) == []
    assert room.open(70 * MINUTE) == []
    # 11:00 revised up again: a warning of its own chain, although that level was told before
    (again,) = room.hear(120 * MINUTE, shock(5.6))
    assert (again.msg_type, again.level) == ("Alert", 2)
    assert again.chain == again.id != first.chain
    room.issue(again, 125 * MINUTE)
    assert room.cycle(130 * MINUTE) == []
    assert room.store.check() == []


def test_officers_who_keep_the_level_are_not_asked_again_until_something_else_is_known(room):
    (first,) = room.hear(0 * MINUTE, shock(6.8))
    room.issue(first, 5 * MINUTE)
    (lower,) = room.hear(20 * MINUTE, shock(5.4))
    commands.reject(room.office, lower.id, CHIEF, reason="a dam is near", at=NOW + 21 * MINUTE)
    assert room.cycle(25 * MINUTE) == room.cycle(30 * MINUTE) == []
    assert room.hear(40 * MINUTE, shock(5.3)) == []  # the same question
    (end,) = room.hear(50 * MINUTE, shock(4.0))
    assert end.msg_type == "Cancel"
    commands.reject(room.office, end.id, CHIEF, reason="a dam is near", at=NOW + 51 * MINUTE)
    assert room.cycle(55 * MINUTE) == []
    assert room.get(first).state is State.ISSUED


def test_a_graver_version_does_not_wait_for_officers_who_think_about_a_lesser_one(room):
    (first,) = room.hear(0 * MINUTE, shock(6.8))
    room.issue(first, 5 * MINUTE)
    (lower,) = room.hear(20 * MINUTE, shock(5.4))
    # before anybody acts it is revised far up: both lie on the desk, and only one can be issued
    waits = room.hear(30 * MINUTE, shock(7.2))
    (raised,) = [a for a in waits if a.id != lower.id]
    assert (raised.msg_type, raised.level, raised.chain) == ("Update", 4, first.chain)
    assert len(room.cycle(35 * MINUTE)) == 2
    room.issue(raised, 40 * MINUTE)
    with pytest.raises(TransitionError, match="got none to " + raised.id.replace(".", "[.]")):
        room.issue(lower, 41 * MINUTE)
    assert room.get(raised).state is State.ISSUED
    assert room.cycle(45 * MINUTE) == []


def test_a_level_that_officers_chose_is_lowered_by_news_only(room):
    (first,) = room.hear(0 * MINUTE, shock(5.4))
    graver = commands.edit(room.office, first.id, {"level": 3, "impact": 3}, DUTY, at=NOW + MINUTE)
    assert graver.author == "duty"
    room.issue(graver, 5 * MINUTE)
    assert room.cycle(10 * MINUTE) == room.cycle(15 * MINUTE) == []
    (end,) = room.hear(20 * MINUTE, shock(4.9))
    assert end.msg_type == "Cancel"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "withdrawn"}, "the publisher withdrew"),
        ({"status": "exercise"}, "marks usgs_earthquakes:nisqually as exercise"),
        ({"regions": ()}, "touches no region of the country"),
    ],
    ids=["withdrawn", "a drill", "abroad"],
)
def test_a_report_that_is_none_any_more_ends_its_warning(room, changes, said):
    (first,) = room.hear(0 * MINUTE, shock(6.8))
    room.issue(first, 5 * MINUTE)
    (end,) = room.hear(20 * MINUTE, shock(6.8, **changes))
    assert (end.msg_type, end.state) == ("Cancel", State.DRAFT)
    assert said in end.reason


def test_a_size_that_is_not_known_any_more_lowers_nothing(room):
    (first,) = room.hear(0 * MINUTE, shock(6.8))
    room.issue(first, 5 * MINUTE)
    assert room.hear(20 * MINUTE, replace(shock(6.8), magnitude=None)) == []
    assert room.get(first).state is State.ISSUED


class Places:
    """Codes of two counties."""

    def by_geocode(self, scheme, value):
        return {"053033": "US-53033", "053053": "US-53053"}.get(value)

    def county_at(self, lat, lon):
        return None


SENT = {"w1": 0, "w2": 1}  # hours from now to when a message that others name is sent


def message(identifier, severity, *codes, after=0 * MINUTE, msg_type="Alert", references=()):
    """A message of another authority as the reader of its feed gives it."""
    sent = NOW + after
    area = CapArea(area_desc="Puget Sound", geocodes=tuple(("SAME", c) for c in codes or ("053033",)))
    info = CapInfo(
        language="en-US", category=("Met",), event="High Wind Warning", urgency="Expected",
        severity=severity, certainty="Likely", headline=f"{severity} wind", onset=sent,
        expires=NOW + 48 * HOUR, areas=(area,),
    )  # fmt: skip
    alert = CapAlert(
        identifier=identifier, sender="wind@example.org", sent=sent, msg_type=msg_type, infos=(info,),
        references=tuple(f"wind@example.org,{r},2026-11-23T{9 + SENT[r]:02}:00:00-00:00" for r in references),
    )  # fmt: skip
    events, findings = events_of(
        alert, source="nws_alerts", raw="0" * 64, known_at=sent, basis=Basis.INGEST,
        domains={"": "weather_alerts"}, locate=Places(),
    )  # fmt: skip
    assert findings == []
    return settle(events)


@pytest.fixture
def weather(tmp_path):
    one = Room(tmp_path, "weather_alerts", {"event_levels": ((1.0, 1), (3.0, 2), (4.0, 3))})
    yield one
    one.store.close()


def test_another_authority_cancels_and_so_do_we_with_two_officers(weather):
    (first,) = weather.hear(0 * MINUTE, *message("w1", "Extreme"))
    assert (first.level, first.regions) == (3, ("US-53033",))
    weather.issue(first, 5 * MINUTE)
    (end,) = weather.hear(
        60 * MINUTE, *message("w2", "Extreme", after=HOUR, msg_type="Cancel", references=["w1"])
    )
    assert (end.msg_type, end.state, end.chain) == ("Cancel", State.DRAFT, first.chain)
    assert "withdrew nws_alerts:wind@example.org,w1" in end.reason
    assert weather.get(first).state is State.ISSUED
    weather.issue(end, 65 * MINUTE)
    assert weather.open(70 * MINUTE) == weather.cycle(70 * MINUTE) == []


def test_an_update_of_another_authority_is_an_update_here_and_no_new_warning(weather):
    """Its messages have an id each: Extreme, then Severe and farther, then Minor; one chain here."""
    (first,) = weather.hear(0 * MINUTE, *message("w1", "Extreme"))
    weather.issue(first, 5 * MINUTE)
    (lower,) = weather.hear(
        60 * MINUTE,
        *message("w2", "Severe", "053033", "053053", after=HOUR, msg_type="Update", references=["w1"]),
    )
    assert (lower.msg_type, lower.level, lower.chain) == ("Update", 2, first.chain)
    assert lower.regions == ("US-53033", "US-53053")
    assert lower.reason == "joined: 53053; level 3 to 2"
    weather.issue(lower, 65 * MINUTE)
    assert weather.cycle(70 * MINUTE) == []
    (end,) = weather.hear(
        120 * MINUTE, *message("w3", "Minor", after=2 * HOUR, msg_type="Update", references=["w1", "w2"])
    )
    assert (end.msg_type, end.chain) == ("Cancel", first.chain)
    assert "revised below" in end.reason
    weather.issue(end, 125 * MINUTE)
    assert weather.cycle(130 * MINUTE) == []


def test_an_update_that_says_the_same_changes_nothing(weather):
    (first,) = weather.hear(0 * MINUTE, *message("w1", "Extreme"))
    weather.issue(first, 5 * MINUTE)
    assert (
        weather.hear(60 * MINUTE, *message("w2", "Extreme", after=HOUR, msg_type="Update", references=["w1"]))
        == []
    )
    # and an end of the replacement ends what the first led to
    (end,) = weather.hear(
        120 * MINUTE, *message("w3", "Extreme", after=2 * HOUR, msg_type="Cancel", references=["w2"])
    )
    assert (end.msg_type, end.chain) == ("Cancel", first.chain)


def test_what_nobody_answered_is_asked_again_while_its_report_goes_on(weather):
    """A draft runs out like a warning; a storm that goes on is not forgotten with it."""
    (first,) = weather.hear(0 * MINUTE, *message("w1", "Severe"))
    assert weather.cycle(23 * HOUR) == [first]
    waits = weather.cycle(24 * HOUR)  # its end: nobody can issue it any more
    (again,) = [a for a in waits if a.id != first.id]
    assert (again.msg_type, again.level, again.regions) == ("Alert", 2, first.regions)
    weather.issue(again, 24 * HOUR + 5 * MINUTE)
    assert weather.cycle(24 * HOUR + 10 * MINUTE) == [first]  # which ran out
    # a renewal that officers turn down is not asked again while its warning stands
    (renewal,) = [a for a in weather.cycle(45 * HOUR + 30 * MINUTE) if a.msg_type == "Update"]
    commands.reject(weather.office, renewal.id, CHIEF, reason="calm", at=NOW + 46 * HOUR)
    assert weather.cycle(47 * HOUR) == [first]
    assert weather.get(again).state is State.ISSUED
