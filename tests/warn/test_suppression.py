"""What keeps the system from asking: a wider warning, a silence, a full cap; and what none of them stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warn.desk import REGIONS, alert, at, member
from tocsin.model import Criteria, RegionLevel, State
from tocsin.warn.daily_cap import areas, capped, counts
from tocsin.warn.inhibit import inhibited_by
from tocsin.warn.silence import Silence

KING, PIERCE, WASHINGTON = "US-53033", "US-53053", "US-53"
NOW = at("09:30")
HOUR = timedelta(hours=1)


def over(*regions, **changes):
    return alert(**({"members": tuple(member(r, r) for r in regions)} | changes))


def state_wide(**changes):
    plain = {
        "id": "wide",
        "chain": "wide",
        "state": State.ISSUED,
        "sent": at("09:00"),
        "created_at": at("08:50"),
    }
    return over(WASHINGTON, **(plain | changes))


# ---- inhibition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regions", [(KING,), (KING, PIERCE), ("US-AIR-SEA", PIERCE)])
def test_a_county_is_inhibited_by_its_state(regions):
    source = inhibited_by(over(*regions), [state_wide()], REGIONS, NOW)
    assert source is not None
    assert source.id == "wide"


@pytest.mark.parametrize("state", [State.DRAFT, State.SUBMITTED, State.APPROVED])
def test_what_waits_for_officers_inhibits_too(state):
    waits = state_wide(state=state, sent=None, author="system")
    assert inhibited_by(over(KING), [waits], REGIONS, NOW) is not None
    # ... but nothing extreme: nobody was told yet.
    assert inhibited_by(over(KING, level=4), [replace(waits, level=4)], REGIONS, NOW) is None
    assert inhibited_by(over(KING, level=4), [state_wide(level=4)], REGIONS, NOW) is not None


def test_what_somebody_only_began_to_write_holds_nothing_back():
    """An analyst may write a draft, but not shelve: a draft must not be the way around that."""
    begun = state_wide(state=State.DRAFT, sent=None, author="ann")
    assert inhibited_by(over(KING), [begun], REGIONS, NOW) is None
    assert inhibited_by(over(KING), [replace(begun, state=State.SUBMITTED)], REGIONS, NOW) is not None


@pytest.mark.parametrize(
    "wide",
    [
        {"event": "Earthquake"},
        {"status": "Exercise"},
        {"level": 1},
        {"state": State.CANCELLED},
        {"state": State.UPDATED},
        {"state": State.REJECTED, "sent": None},
        {"msg_type": "Cancel", "references": ("x",)},
        {"expires": at("09:30")},
        {"chain": "us.air.1"},  # its own chain: nothing inhibits itself
        {"members": (member(KING, "King"),)},  # the same place is another event, not a wider one
        {"members": (member(PIERCE, "Pierce"),)},
    ],
)
def test_what_does_not_inhibit(wide):
    assert inhibited_by(over(KING), [state_wide(**wide)], REGIONS, NOW) is None


def test_a_higher_level_below_and_later_messages_pass():
    assert inhibited_by(over(KING, level=3), [state_wide()], REGIONS, NOW) is None
    assert (
        inhibited_by(over(KING, msg_type="Update", references=("x",)), [state_wide()], REGIONS, NOW) is None
    )
    assert inhibited_by(over(WASHINGTON, id="n"), [state_wide()], REGIONS, NOW) is None


def test_what_begins_after_the_wider_one_has_ended_passes():
    later = over(KING, onset=at("22:00"), expires=at("23:00"))
    assert inhibited_by(later, [state_wide()], REGIONS, NOW) is None


def test_of_several_the_gravest_is_named():
    others = [state_wide(), state_wide(id="w2", chain="w2", level=3)]
    assert inhibited_by(over(KING), others, REGIONS, NOW).id == "w2"


# ---- silences --------------------------------------------------------------------------------------------


def quiet(**changes):
    plain = {"id": "s", "reason": "runway works", "author": "dan", "starts": at("09:00"), "ends": at("12:00"),
             "domains": ("air_transport",)}  # fmt: skip
    return Silence(**(plain | changes))


@pytest.mark.parametrize(
    "matchers",
    [
        {},
        {"regions": (WASHINGTON,)},
        {"regions": ("US-AIR-SEA",)},
        {"domains": (), "hazards": ("AIR TRAFFIC STOP",)},
        {"domains": ("seismic", "air_transport"), "max_level": 3},
    ],
)
def test_what_a_silence_covers(matchers):
    assert quiet(**matchers).covers(alert(), NOW, REGIONS)


@pytest.mark.parametrize(
    ("changes", "when"),
    [
        ({}, at("08:59")),
        ({}, at("12:00")),
        ({"level": 3}, NOW),
        ({"domain": "seismic"}, NOW),
        ({"event": "Fog"}, NOW),
        ({"msg_type": "Cancel", "references": ("x",)}, NOW),
        ({"members": (member(), member("US", "United States"))}, NOW),
    ],
)
def test_what_a_silence_does_not_cover(changes, when):
    silence = quiet(regions=(WASHINGTON,), hazards=("Air traffic stop",))
    assert silence.covers(alert(), NOW, REGIONS)
    assert not silence.covers(alert(**changes), when, REGIONS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": "  "}, "reason: got nothing"),
        ({"ends": at("09:00")}, "ends: got 0:00:00"),
        ({"ends": at("09:00", day=13)}, "up to 7 days"),
        ({"max_level": 4}, "max_level: got 4, allowed: 1 to 3"),
        ({"domains": ()}, "at least one domain, hazard or region"),
    ],
)
def test_what_is_no_silence_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        quiet(**changes)


# ---- the cap ---------------------------------------------------------------------------------------------

CAP = Criteria(daily_cap=2)


def asked(n, **changes):
    return [over(KING, id=f"a{i}", chain=f"a{i}", **changes) for i in range(n)]


def test_the_cap_counts_first_messages_of_one_area_and_local_day():
    (count,) = counts(over(PIERCE, id="new"), asked(2), CAP, REGIONS)
    assert (count.area, count.asked, count.cap, count.full) == (WASHINGTON, 2, 2, True)
    assert str(count.day) == "2001-03-05"
    assert capped(over(PIERCE, id="new"), asked(2), CAP, REGIONS) == (count,)
    assert capped(over(PIERCE, id="new"), asked(1), CAP, REGIONS) == ()


@pytest.mark.parametrize(
    "others",
    [
        {"domain": "seismic"},
        {"status": "Exercise"},
        {"author": "dan"},
        {"msg_type": "Update", "references": ("x",)},
        {"created_at": at("07:59"), "onset": at("07:00")},  # yesterday in Washington
        {"level": 1},
    ],
)
def test_what_is_not_counted(others):
    assert capped(over(KING, id="new"), asked(5, **others), CAP, REGIONS) == ()


def test_the_day_is_that_of_the_area():
    # 07:59 UTC is 23:59 of the day before in Seattle, 08:00 is midnight.
    old = asked(5, created_at=at("08:00"), onset=at("07:00"))
    assert capped(over(KING, id="new"), old, CAP, REGIONS) != ()


def test_rejected_ones_were_asked_too():
    assert capped(over(KING, id="new"), asked(2, state=State.REJECTED), CAP, REGIONS) != ()


def test_the_extreme_passes_and_a_graver_one_counts_only_its_like():
    many = asked(50)
    assert capped(over(KING, id="new", level=4), asked(50, level=4), CAP, REGIONS) == ()
    assert capped(over(KING, id="new", level=3), many, CAP, REGIONS) == ()
    assert capped(over(KING, id="new", level=3), asked(2, level=3), CAP, REGIONS) != ()


def test_updates_cancellations_and_no_cap_pass():
    many = asked(50)
    assert capped(over(KING, id="new"), many, Criteria(), REGIONS) == ()
    for kind in ("Update", "Cancel"):
        assert capped(over(KING, id="new", msg_type=kind, references=("x",)), many, CAP, REGIONS) == ()


def test_one_area_with_room_lets_it_pass():
    by_county = Criteria(daily_cap=2, cap_area=RegionLevel.COUNTY)
    assert areas(over("US-AIR-SEA", PIERCE), by_county, REGIONS) == (KING, PIERCE)
    assert capped(over(KING, id="new"), asked(2), by_county, REGIONS) != ()
    assert capped(over(KING, PIERCE, id="new"), asked(2), by_county, REGIONS) == ()


def test_what_is_wider_than_the_area_is_its_own():
    assert areas(over("US"), CAP, REGIONS) == ("US",)
