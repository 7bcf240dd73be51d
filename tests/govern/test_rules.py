"""Laws, permissions, limits and registers."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import replace
from datetime import timedelta

import pytest

import tocsin.model
from tests.warn.desk import APPROVING, DUTY, LAWS, LEVELS
from tocsin import catalog
from tocsin.geo import load_pack
from tocsin.govern import law, limits, permissions, registers
from tocsin.govern.permissions import Permission
from tocsin.model import (
    AuthorityError,
    Bad,
    Criteria,
    Domain,
    Kind,
    Monitor,
    Quantity,
    Role,
    Source,
)
from tocsin.warn.lifecycle import PERMITTED, Action

# ---- laws


def test_who_may_approve_what():
    found = [(m.level_name, m.role, m.basis.key) for m in law.mandates(LEVELS, LAWS)]
    assert found == [
        ("watch", DUTY, "act"),
        ("watch", APPROVING, "act"),
        ("warning", APPROVING, "act"),
        ("severe", APPROVING, "act"),
        ("severe", APPROVING, "grave"),
        ("extreme", APPROVING, "grave"),
    ]
    assert law.gaps(LEVELS, LAWS) == ()


def test_a_level_that_can_never_be_issued_is_found():
    (gap,) = law.gaps(LEVELS, LAWS[:1])
    assert gap.startswith(
        "level 4 (extreme): got no law under which approving_officer, administrator may approve"
    )
    only_duty = [replace(LEVELS[1], issued_by=(Role.ADMINISTRATOR,))]
    assert any("level 2 (warning)" in g for g in law.gaps(only_duty, LAWS))


def test_a_law_table_with_faults():
    twice = law.gaps(LEVELS, [*LAWS, LAWS[0]])
    assert twice == ("act: got the key twice, allowed: once",)
    assert "got levels 4, allowed: levels of the scheme, 1, 2, 3" in law.gaps(LEVELS[:3], LAWS)[0]


# ---- permissions


def test_every_permission_has_roles_and_every_action_a_permission():
    assert set(permissions.TABLE) == set(Permission)
    assert all(permissions.TABLE.values())
    for action in Action:
        assert permissions.TABLE[Permission(f"warning.{action}")] == PERMITTED[action]


def test_a_viewer_reads_and_an_administrator_decides_no_warning():
    reads = {p for p in Permission if permissions.may(Role.VIEWER, p)}
    assert reads == {Permission.READ_PICTURE, Permission.READ_DESK}
    for p in (Permission.SUBMIT, Permission.ISSUE, Permission.EDIT, Permission.REJECT):
        with pytest.raises(AuthorityError, match=f"{p}: role: got administrator, allowed: duty_officer"):
            permissions.require(Role.ADMINISTRATOR, p)
    permissions.require(Role.ADMINISTRATOR, Permission.MANAGE_ACCOUNTS)


def test_the_system_neither_submits_nor_approves():
    assert not permissions.may(Role.SYSTEM, Permission.SUBMIT)
    assert not permissions.may(Role.SYSTEM, Permission.APPROVE)
    assert permissions.may(Role.SYSTEM, Permission.DRAFT)


# ---- limits


def test_the_words_of_tocsin_hold_nothing_on_persons():
    nouns = [n for _, n in inspect.getmembers(tocsin.model, dataclasses.is_dataclass)]
    assert len(nouns) > 15
    assert limits.in_nouns(nouns) == ()


@pytest.mark.parametrize(
    "name",
    ["patient_id", "firstName", "e-mail", "EMAIL", "phoneNumber", "date_of_birth", "DOB", "sex", "ip_address",
     "home_address",
     "passportNo", "social-security-number", "person", "patientAge", "deviceID"],
)  # fmt: skip
def test_a_field_on_persons_is_found(name):
    assert limits.personal(name)
    assert limits.in_names("t", ["region", name])


@pytest.mark.parametrize(
    "name",
    ["region", "population", "departures", "page", "stage", "address", "name", "sender_name", "essex",
     "sexagesimal", "content_hash", "fingerprint", "average", "mobile", "approver", "author"],
)  # fmt: skip
def test_what_is_no_field_on_persons(name):
    assert limits.personal(name) is None


def test_documents_are_read_to_the_bottom():
    document = {"rows": [{"region": "US", "detail": {"patients": 3, "patient": {"surname": "x"}}}], "n": 1}
    assert limits.in_document("feed", document) == (
        "feed.rows[0].detail.patient: surname: got a field on persons ('surname'), allowed: counts by region",
        "feed.rows[0].detail: patient: got a field on persons ('patient'), allowed: counts by region",
    )
    assert limits.in_document("feed", ["surname", 3, None]) == ()


def test_a_noun_on_persons_is_found():
    victim = dataclasses.make_dataclass("Row", ["region", "victim_name"])
    assert limits.in_nouns([victim, str]) == (
        "Row: victim_name: got a field on persons ('victim'), allowed: counts by region",
    )


# ---- registers

DEPARTURES = Quantity(
    id="air.departures", domain="air", title="Departures", unit="1", kind=Kind.COUNT, bad=Bad.LOW,
    step=timedelta(hours=1),
)  # fmt: skip
SOURCE = Source(
    id="bts_flights", title="Flights", publisher="BTS", url=None, licence="Public domain",
    licence_url="https://example.org/terms", cadence=timedelta(hours=1), lag=timedelta(0),
    stale_after=timedelta(hours=3), quantities=(DEPARTURES,), domains=("air",), media_type="text/csv",
)  # fmt: skip
DOMAIN = Domain(
    id="roads", title="Roads", category="Transport", event="Stop", response_type="Monitor",
    sources=("bts_flights",), region_level="county",
    monitors=(Monitor(quantity=DEPARTURES, method="ewma", settings={"b": 2, "a": 0.1}, raises=True),),
    budget=None, criteria=Criteria(), outcome=None, texts={}, legal_basis="act", version="v1",
)  # fmt: skip


def test_the_register_of_sources():
    (entry,) = registers.sources([SOURCE], [DOMAIN])
    assert (entry.id, entry.licence, entry.quantities) == (
        "bts_flights",
        "Public domain",
        ("air.departures",),
    )
    assert entry.domains == ("air", "roads")
    assert registers.faults([SOURCE], [DOMAIN]) == ()


def test_the_register_of_methods():
    (entry,) = registers.methods([DOMAIN])
    assert (entry.domain, entry.quantity, entry.method, entry.raises) == (
        "roads",
        "air.departures",
        "ewma",
        True,
    )
    assert entry.settings == (("a", "0.1"), ("b", "2"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licence": " "}, "bts_flights: licence: got '', allowed: what the publisher states"),
        ({"licence": "Unknown"}, "licence: got 'Unknown'"),
        ({"publisher": ""}, "publisher: got ''"),
        ({"licence_url": "see their page"}, "licence_url: got 'see their page', allowed: the address"),
        ({"stale_after": timedelta(minutes=5)}, "stale_after: got 0:05:00, allowed: not below the cadence"),
    ],
)
def test_what_the_register_lacks(changes, words):
    (fault,) = registers.faults([replace(SOURCE, **changes)])
    assert words in fault


def test_a_domain_that_names_a_source_nobody_declares():
    assert registers.faults([], [DOMAIN]) == ("roads: sources: got 'bts_flights', allowed: none",)


# ---- what is shipped


def test_the_shipped_pack_can_issue_every_level():
    pack = load_pack("us")
    assert law.gaps(pack.levels, pack.laws) == ()
    assert {m.level for m in law.mandates(pack.levels, pack.laws)} == {1, 2, 3, 4}


def test_the_shipped_feeds_state_their_licences():
    declared = [module.SOURCE for module in catalog.feeds().values()]
    assert len(declared) >= 4
    assert registers.faults(declared) == ()
    for source in declared:
        assert limits.in_names(source.id, [q.id for q in source.quantities]) == ()
