"""Every change of an account is an entry of the journal, in the transaction that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.model import AuthorityError, NotFoundError, Role
from tocsin.ops import access, accounts, passwords
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.office import Office, open_office

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WORD, OTHER = "a-long-enough-word", "another-long-word"
ROOT = Actor(account="root", role=Role.ADMINISTRATOR)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path / "store")
    accounts.put_account(made, "root", Role.ADMINISTRATOR, WORD, at=NOW, actor=SYSTEM)
    yield made
    made.store.close()


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def story(office: Office, name: str) -> list[tuple[str, str]]:
    return [
        (e.decision.actor, e.decision.action.removeprefix("account."))
        for e in office.store.audit(subject=f"account:{name}")
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".x", "-x", "é", "a b", "a%2fb", "", "a" * 65, "a\n"])
def test_a_name_outside_the_pattern_is_refused_and_the_pattern_told(office: Office, name: str) -> None:
    with pytest.raises(ValueError, match=r"account: got .*allowed: \[A-Za-z0-9\]") as refused:
        accounts.put_account(office, name, Role.VIEWER, WORD, at=NOW, actor=ROOT)
    assert repr(name) in str(refused.value)
    assert [a.name for a in office.store.accounts()] == ["root"]


def test_an_account_from_before_the_pattern_can_still_be_changed(office: Office) -> None:
    root = office.store.account("root")
    office.store.put_account(replace(root, name="a/b", role=Role.VIEWER))
    accounts.put_account(office, "a/b", Role.ANALYST, WORD, at=NOW, actor=ROOT)
    assert office.store.account("a/b").role is Role.ANALYST
    for name in ("a", "A.b_c-d@example.org", "0" * 64):
        accounts.put_account(office, name, Role.VIEWER, WORD, at=NOW, actor=ROOT)


def test_the_story_of_an_account(office: Office) -> None:
    accounts.put_account(office, "x", Role.VIEWER, WORD, at=later(1), actor=ROOT)
    accounts.put_account(office, "x", Role.ANALYST, OTHER, at=later(2), actor=ROOT)
    accounts.set_password(office, "x", WORD, at=later(3), actor=ROOT)
    accounts.disable(office, "x", at=later(4), actor=ROOT, reason="on leave")
    # A new password does not open what is disabled.
    accounts.put_account(office, "x", Role.ANALYST, OTHER, at=later(5), actor=ROOT)
    assert office.store.account("x").disabled
    accounts.enable(office, "x", at=later(6), actor=ROOT)
    assert story(office, "x") == [
        ("root", "create"),
        ("root", "role"),
        ("root", "password"),
        ("root", "password"),
        ("root", "disable"),
        ("root", "password"),
        ("root", "enable"),
    ]
    (row,) = (r for r in accounts.list_accounts(office) if r["account"] == "x")
    assert row == {"account": "x", "role": "analyst", "disabled": False, "changed_at": later(6)}
    entries = office.store.audit(subject="account:x")
    assert all(WORD not in str(e) and OTHER not in str(e) and "argon2" not in str(e) for e in entries)
    assert office.store.journal_faults() == []


def test_what_is_refused_leaves_no_entry(office: Office) -> None:
    accounts.put_account(office, "x", Role.VIEWER, WORD, at=NOW, actor=ROOT)
    for role in (Role.VIEWER, Role.ANALYST, Role.DUTY_OFFICER, Role.APPROVING_OFFICER):
        who = Actor(account="y", role=role)
        with pytest.raises(AuthorityError, match=r"account\.manage"):
            accounts.put_account(office, "y", Role.ADMINISTRATOR, WORD, at=NOW, actor=who)
        with pytest.raises(AuthorityError, match=r"account\.manage"):
            accounts.disable(office, "x", at=NOW, actor=who)
        with pytest.raises(AuthorityError, match=r"account\.manage"):
            accounts.enable(office, "x", at=NOW, actor=who)
        with pytest.raises(AuthorityError, match=r"account\.manage"):
            accounts.set_password(office, "x", OTHER, at=NOW, actor=who)
    with pytest.raises(ValueError, match="password"):
        accounts.set_password(office, "x", "short", at=NOW, actor=ROOT)
    with pytest.raises(NotFoundError):
        accounts.set_password(office, "nemo", OTHER, at=NOW, actor=ROOT)
    assert story(office, "x") == [("root", "create")]
    assert story(office, "y") == story(office, "nemo") == []
    access.authenticate(office, "x", WORD, NOW)


def test_a_simulated_actor_of_the_system_is_not_the_console(office: Office) -> None:
    clerk = Actor(account="system", role=Role.SYSTEM, simulated=True)
    with pytest.raises(AuthorityError):
        accounts.disable(office, "root", at=NOW, actor=clerk)


def test_ones_own_password_needs_no_administrator(office: Office) -> None:
    accounts.put_account(office, "x", Role.VIEWER, WORD, at=NOW, actor=ROOT)
    token, _ = access.log_in(office, "x", WORD, NOW)
    accounts.set_password(office, "x", OTHER, at=NOW, actor=Actor(account="x", role=Role.VIEWER))
    assert access.visitor(office, token, NOW) is None
    assert story(office, "x")[-1] == ("x", "password")


def test_the_last_administrator_keeps_role_and_account(office: Office) -> None:
    with pytest.raises(AuthorityError, match="last administrator"):
        accounts.put_account(office, "root", Role.VIEWER, WORD, at=NOW, actor=SYSTEM)
    with pytest.raises(AuthorityError, match="last administrator"):
        accounts.disable(office, "root", at=NOW, actor=SYSTEM)
    assert story(office, "root") == [("system", "create")]
    accounts.put_account(office, "second", Role.ADMINISTRATOR, WORD, at=NOW, actor=ROOT)
    accounts.disable(office, "root", at=NOW, actor=ROOT)
    with pytest.raises(AuthorityError, match="last administrator"):
        accounts.disable(office, "second", at=NOW, actor=SYSTEM)


def test_an_old_hash_is_made_anew_and_said_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    before = office.store.account("root").password_hash
    monkeypatch.setattr(passwords, "outdated", lambda kept: kept == before)
    found = access.authenticate(office, "root", WORD, NOW)
    assert story(office, "root") == [("system", "create"), ("system", "rehash")]
    # Somebody who changed the account meanwhile is not overruled.
    accounts.put_account(office, "second", Role.ADMINISTRATOR, WORD, at=NOW, actor=ROOT)
    accounts.disable(office, "root", at=NOW, actor=Actor(account="second", role=Role.ADMINISTRATOR))
    accounts.rehash(office, found, WORD, at=later(1))
    assert office.store.account("root").disabled


def test_a_lock_is_told_once_within_its_window(office: Office) -> None:
    window = timedelta(minutes=5)
    told = [accounts.note_lock(office, "root", "why", at=later(n), window=window) for n in (0, 1, 4, 6)]
    assert told == [True, False, False, True]
    assert not accounts.note_lock(office, "nemo", "why", at=NOW, window=window)
    assert story(office, "root").count(("system", "lock")) == 2


def in_flight(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let something happen once, while a password is looked at: that takes tens of milliseconds."""
    real = passwords.fits

    def slow(kept: str, word: str) -> bool:
        right = real(kept, word)
        monkeypatch.setattr(passwords, "fits", real)
        change()
        return right

    monkeypatch.setattr(passwords, "fits", slow)


def test_the_old_password_opens_nothing_once_there_is_a_new_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_flight(monkeypatch, lambda: accounts.set_password(office, "root", OTHER, at=NOW, actor=SYSTEM))
    with pytest.raises(AuthorityError, match="wrong account or password"):
        access.log_in(office, "root", WORD, NOW)
    in_flight(monkeypatch, lambda: accounts.set_password(office, "root", WORD, at=later(1), actor=SYSTEM))
    with pytest.raises(AuthorityError, match="wrong account or password"):
        access.authenticate(office, "root", OTHER, NOW)
    token, _ = access.log_in(office, "root", WORD, NOW)
    assert access.visitor(office, token, NOW) is not None


def test_an_account_disabled_meanwhile_is_refused_in_the_same_words(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.put_account(office, "x", Role.VIEWER, WORD, at=NOW, actor=ROOT)
    in_flight(monkeypatch, lambda: accounts.disable(office, "x", at=NOW, actor=ROOT))
    with pytest.raises(AuthorityError, match="wrong account or password"):
        access.log_in(office, "x", WORD, NOW)


@pytest.mark.parametrize("change", ["password", "disable"])
def test_no_change_comes_between_the_last_look_and_the_session(
    office: Office, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The change comes from another process just before the transaction in which the session is opened."""
    accounts.put_account(office, "x", Role.VIEWER, WORD, at=NOW, actor=ROOT)
    real = access.authenticate

    def then_changed(*args: object) -> object:
        found = real(*args)
        if change == "password":
            accounts.set_password(office, "x", OTHER, at=NOW, actor=ROOT)
        else:
            accounts.disable(office, "x", at=NOW, actor=ROOT)
        return found

    monkeypatch.setattr(access, "authenticate", then_changed)
    opened: list[object] = []
    monkeypatch.setattr(type(office.store), "open_session", lambda _store, session: opened.append(session))
    with pytest.raises(AuthorityError, match="wrong account or password"):
        access.log_in(office, "x", WORD, NOW)
    assert opened == []


def test_a_role_changed_meanwhile_is_the_role_of_the_session(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.put_account(office, "second", Role.ADMINISTRATOR, WORD, at=NOW, actor=ROOT)
    stored = office.store.account("second")
    in_flight(monkeypatch, lambda: office.store.put_account(replace(stored, role=Role.VIEWER)))
    _, who = access.log_in(office, "second", WORD, NOW)
    assert who.actor.role is Role.VIEWER
    assert who.actor.account == "second"


def test_who_logs_in_with_an_old_hash_gets_a_session_that_lasts(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = office.store.account("root").password_hash
    monkeypatch.setattr(passwords, "outdated", lambda kept: kept == before)
    token, _ = access.log_in(office, "root", WORD, NOW)
    assert office.store.account("root").password_hash != before
    assert access.visitor(office, token, NOW) is not None
